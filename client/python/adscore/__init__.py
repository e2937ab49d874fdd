"""adscore: how likely is each candidate ad to be clicked?

    client = adscore.Client("127.0.0.1:8500")
    probabilities = client.predict("ads", frame)          # a row per row, a column per head

    adscore.publish(pipeline, root="models", name="ads")  # a fitted scikit-learn pipeline, served by adscore-server
"""
from adscore._client import Client
from adscore._errors import (
    DeadlineExceeded,
    Error,
    InvalidRequest,
    NotFound,
    Overloaded,
    PublishError,
    SchemaChanged,
    Unavailable,
)
from adscore._publish import Published, publish

__all__ = [
    "Client",
    "DeadlineExceeded",
    "Error",
    "InvalidRequest",
    "NotFound",
    "Overloaded",
    "PublishError",
    "Published",
    "SchemaChanged",
    "Unavailable",
    "publish",
]
