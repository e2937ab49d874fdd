"""The client: frames in, probabilities out."""
from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import grpc
import numpy as np
import pandas as pd

from adscore import _messages as messages
from adscore._errors import DeadlineExceeded, InvalidRequest, NotFound, SchemaChanged, from_call
from adscore._packing import PackedFrame

_SERVICE = "/adscore.v1.PredictionService/"
_ROWS_PER_CALL = 2048
_CALLS_IN_FLIGHT = 8


class Client:
    """A connection to an adscore server. One per process will do: threads may share it.

    `target` is "HOST:PORT". `credentials` are gRPC's channel credentials; without them the connection is not
    encrypted. `options` are gRPC's channel options. Nothing is sent before the first call.

        with adscore.Client("127.0.0.1:8500") as client:
            client.predict("ads", frame)
    """

    def __init__(
        self,
        target: str,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        if credentials is None:
            self._channel = grpc.insecure_channel(target, options=list(options))
        else:
            self._channel = grpc.secure_channel(target, credentials, options=list(options))
        self._predict = self._method("Predict", messages.PredictRequest, messages.PredictResponse)
        self._get_model = self._method("GetModel", messages.GetModelRequest, messages.GetModelResponse)

    def _method(self, name: str, request: type, response: type) -> grpc.UnaryUnaryMultiCallable:
        return self._channel.unary_unary(
            _SERVICE + name, request_serializer=request.SerializeToString, response_deserializer=response.FromString
        )

    def close(self) -> None:
        """Ends the connection; calls under way fail."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def predict(self, model: str, frame: pd.DataFrame, *, version: int = 0, timeout: float = 30.0) -> pd.DataFrame:
        """Scores every row of `frame` with one version of a model.

        `frame` has a column for each feature of the model's schema, and may have others. Numeric features take
        numbers; categorical ones strings or whole numbers, which stand for their digits; multi-valued ones lists
        of those, or strings with the feature's delimiter between them. NaN and None are missing.

        Returns a frame with the rows' index, one float32 column per head (its name as in the model), and
        `attrs["version"]`, the version that answered. `version` 0 is the one that serves now. Large frames go in
        several calls; rows whose context features are the same share them. `timeout` is in seconds, for all of it.

        Raises InvalidRequest (a column is missing or its values can't be right), NotFound, Unavailable,
        Overloaded, DeadlineExceeded, or SchemaChanged if the model was replaced twice meanwhile by ones with
        other features. Nothing is returned unless all rows are scored.
        """
        deadline = time.monotonic() + timeout
        for attempt in range(2):
            described = self._describe(model, version, deadline)
            try:
                return self._predict_with(described, frame, deadline)
            except (SchemaChanged, NotFound):  # replaced between the description and the last row
                if attempt == 1 or version != 0:
                    raise
        raise AssertionError("unreachable")

    def _describe(self, model: str, version: int, deadline: float) -> Any:
        try:
            return self._get_model(messages.GetModelRequest(model=model, version=version), timeout=_left(deadline))
        except grpc.RpcError as error:
            raise from_call(error) from None

    def _predict_with(self, described: Any, frame: pd.DataFrame, deadline: float) -> pd.DataFrame:
        heads = [head.name for head in described.heads]
        probabilities = np.empty((len(frame), len(heads)), dtype=np.float32)
        calls: deque[tuple[np.ndarray, grpc.Future]] = deque()
        try:
            for rows, request in _requests(described, frame):
                if len(calls) == _CALLS_IN_FLIGHT:
                    _take(calls.popleft(), probabilities)
                calls.append((rows, self._predict.future(request, timeout=_left(deadline))))
            while calls:
                _take(calls.popleft(), probabilities)
        except grpc.RpcError as error:
            raise from_call(error) from None
        finally:
            for _, call in calls:
                call.cancel()
        answer = pd.DataFrame(probabilities, index=frame.index, columns=heads)
        answer.attrs["version"] = described.version
        return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceeded("the time was up before all rows were sent")
    return left


def _take(call: tuple[np.ndarray, grpc.Future], probabilities: np.ndarray) -> None:
    rows, future = call
    for head, predictions in enumerate(future.result().heads):
        probabilities[rows, head] = predictions.probability


def _requests(described: Any, frame: pd.DataFrame) -> Iterator[tuple[np.ndarray, Any]]:
    """The rows of each call, and its request."""
    of_role: Mapping[int, list[Any]] = {
        role: [feature for feature in described.features if feature.role == role]
        for role in (messages.CONTEXT, messages.CANDIDATE)
    }
    if not isinstance(frame, pd.DataFrame):
        raise InvalidRequest(f"a DataFrame is needed, not a {type(frame).__name__}")
    context = PackedFrame(frame, of_role[messages.CONTEXT])
    candidates = PackedFrame(frame, of_role[messages.CANDIDATE])
    for group in _groups(context, bool(of_role[messages.CONTEXT]), len(frame)):
        for first in range(0, len(group), _ROWS_PER_CALL):
            rows = group[first : first + _ROWS_PER_CALL]
            request = messages.PredictRequest(
                model=described.model, version=described.version, candidate_count=len(rows)
            )
            request.packed.schema_fingerprint = described.schema_fingerprint
            context.fill(rows[:1], request.packed.context)
            candidates.fill(rows, request.packed.candidates)
            yield rows, request


def _groups(context: PackedFrame, grouped: bool, rows: int) -> Iterator[np.ndarray]:
    """Rows with the same context, in the order of their first."""
    if rows == 0:
        return
    if not grouped:
        yield np.arange(rows)
        return
    keys = context.keys()
    yield from keys.groupby(list(keys.columns), sort=False, dropna=False).indices.values()
