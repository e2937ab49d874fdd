"""What can go wrong, by what to do about it."""
from __future__ import annotations

import grpc


class Error(Exception):
    """Of this package. `code` is gRPC's, or None if no call was made."""

    code: grpc.StatusCode | None = None


class InvalidRequest(Error):
    """The frame can't be right, whatever the server's state: the message names the feature. Do not retry."""


class NotFound(Error):
    """The server has no such model, or not this version of it."""


class SchemaChanged(Error):
    """The model took another schema while the frame was scored. Score it again."""


class Unavailable(Error):
    """No server, or the model has no version yet, or the server is draining. Retry later or elsewhere."""


class Overloaded(Error):
    """Too many rows are queued. Retry later or elsewhere."""


class DeadlineExceeded(Error):
    """The time was up before all rows were scored."""


class PublishError(Error):
    """The model is not published. The message names the part that is not supported, or what is missing."""


_BY_CODE = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: SchemaChanged,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def from_call(error: grpc.RpcError) -> Error:
    """The exception for a call that failed."""
    code = error.code()
    made = _BY_CODE.get(code, Error)(f"{code.name}: {error.details()}")
    made.code = code
    return made
