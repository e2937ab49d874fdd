"""From the columns of a frame to what a request carries: numbers, and hashes of tokens."""
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import xxhash

from adscore import _messages as messages
from adscore._errors import InvalidRequest


def token_hash(token: str) -> int:
    """XXH3, 64 bits, of the token's bytes; 0 for the empty token, which is a missing one."""
    if token == "":
        return 0
    return xxhash.xxh3_64_intdigest(token.encode()) or 1


def _token(value: Any) -> str:
    """A string as it is; a whole number as its digits."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    raise InvalidRequest(f"{value!r} is neither a string nor a whole number")


def numbers(column: pd.Series) -> np.ndarray:
    """[rows] of float32; missing ones are NaN."""
    values = pd.to_numeric(column, errors="raise").to_numpy(dtype=np.float64, na_value=np.nan)
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def tokens(column: pd.Series) -> np.ndarray:
    """[rows] of uint64 hashes; missing ones are 0. Each distinct value is hashed once."""
    codes, distinct = pd.factorize(column)
    hashes = np.array([token_hash(_token(value)) for value in distinct] + [0], dtype=np.uint64)
    return hashes[codes]  # a missing value has code -1, which is the last


def token_lists(column: pd.Series, delimiter: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """The number of values of each row, and their hashes. A cell is a list, or one string with delimiters."""
    lists = []
    for cell in column:
        if isinstance(cell, str):
            cell = cell.split(delimiter)
        elif not isinstance(cell, Iterable):
            cell = [] if pd.isna(cell) else [cell]
        hashes = [token_hash(_token(value)) for value in cell]
        lists.append(np.array([h for h in hashes if h != 0], dtype=np.uint64))
    return np.array([len(values) for values in lists], dtype=np.uint32), lists


class PackedFrame:
    """The columns of one role, packed once, of which any rows can be put into a request."""

    def __init__(self, frame: pd.DataFrame, features: list[Any]):
        self._numeric: list[np.ndarray] = []
        self._categorical: list[np.ndarray] = []
        self._multi: list[tuple[np.ndarray, list[np.ndarray]]] = []
        for feature in features:
            if feature.name not in frame.columns:
                raise InvalidRequest(
                    f"the frame has no column {feature.name!r}, which the model needs; it has: "
                    + ", ".join(map(str, frame.columns))
                )
            column = frame[feature.name]
            try:
                if feature.kind == messages.NUMERIC:
                    self._numeric.append(numbers(column))
                elif feature.kind == messages.CATEGORICAL:
                    self._categorical.append(tokens(column))
                else:
                    self._multi.append(token_lists(column, feature.delimiter or "|"))
            except (ValueError, TypeError, InvalidRequest) as error:
                raise InvalidRequest(f"column {feature.name!r}: {error}") from error

    def keys(self) -> pd.DataFrame:
        """A column per feature; two rows with the same values are the same for this role."""
        columns = [*self._numeric, *self._categorical]
        columns += [np.array([values.tobytes() for values in lists], dtype=object) for _, lists in self._multi]
        return pd.DataFrame(dict(enumerate(columns)))

    def fill(self, rows: np.ndarray, to: Any) -> None:
        """Puts these rows into a PackedColumns message."""
        for column in self._numeric:
            to.numeric.extend(column[rows].tolist())
        for column in self._categorical:
            to.categorical.extend(column[rows].tolist())
        for counts, lists in self._multi:
            to.multi_count.extend(counts[rows].tolist())
            for row in rows:
                to.multi.extend(lists[row].tolist())
