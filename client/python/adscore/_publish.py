"""Publishing scikit-learn models: an ONNX file by skl2onnx, imported by adscore-trainer."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adscore._errors import PublishError


@dataclass(frozen=True)
class Published:
    """A version in a model root."""

    version: int
    directory: Path
    features: list[str]
    notices: list[str] = field(default_factory=list)


def publish(
    model: Any,
    root: str | os.PathLike[str],
    name: str,
    *,
    head: str = "probability",
    context: Sequence[str] = (),
    features: Sequence[str] | None = None,
    trainer: str | os.PathLike[str] | None = None,
) -> Published:
    """Publishes a fitted classifier of two classes as the next version of model `name` under `root`.

    `model` is an MLPClassifier or a LogisticRegression, or a Pipeline that ends in one, over StandardScaler,
    MinMaxScaler, OneHotEncoder, OrdinalEncoder, SimpleImputer and ColumnTransformers of those. What it gives for the
    second of its classes (`predict_proba(...)[:, 1]`) is what the server answers as `head`.

    The features are the columns of the frame that it was fitted to; for one fitted to an array, `features` names
    them (x_0, x_1, … without). Columns behind an encoder are sent as strings, the others as numbers. `context` are
    those that are the same for all candidates of an impression. `trainer` is the program adscore-trainer; without
    it, $ADSCORE_TRAINER or the one on the PATH.

    Raises PublishError if the model is not fitted, has something that is not supported, or can't be written.
    """
    columns = list(_columns(model))
    if features is not None:
        if len(features) != len(columns):
            raise PublishError(f"{len(features)} names for {len(columns)} features")
        columns = [(named, kind) for named, (_, kind) in zip(features, columns)]
    program = _trainer(trainer)
    with tempfile.TemporaryDirectory(prefix="adscore-") as directory:
        path = Path(directory) / "model.onnx"
        path.write_bytes(_to_onnx(model, columns))
        command = [program, "import", "--onnx", str(path), "--model-root", os.fspath(root), "--model", name]
        command += ["--heads", head, "--json"]
        if context:
            command += ["--context", ",".join(context)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise PublishError(ran.stderr.strip() or f"{program} ended with {ran.returncode}")
    answer = json.loads(ran.stdout)
    return Published(
        version=answer["version"],
        directory=Path(answer["directory"]),
        features=[feature["name"] for feature in answer["schema"]["features"]],
        notices=answer["notices"],
    )


def _trainer(given: str | os.PathLike[str] | None) -> str:
    program = os.fspath(given) if given is not None else os.environ.get("ADSCORE_TRAINER", "adscore-trainer")
    found = shutil.which(program)
    if found is None:
        raise PublishError(f"there is no program {program!r}: give trainer=, or set ADSCORE_TRAINER to adscore-trainer")
    return found


def _columns(model: Any) -> Iterator[tuple[str, str]]:
    """The name of each column that the model was fitted to, and what it holds: "float", "int64" or "string"."""
    count = getattr(model, "n_features_in_", None)
    if count is None:
        raise PublishError(f"{type(model).__name__} is not fitted")
    names = getattr(model, "feature_names_in_", None)
    names = [f"x_{i}" for i in range(count)] if names is None else list(map(str, names))
    kinds = dict.fromkeys(names, "float")
    for column, kind in _token_columns(model, names):
        kinds[column] = kind
    yield from kinds.items()


def _token_columns(model: Any, names: list[str]) -> Iterator[tuple[str, str]]:
    """The columns that an encoder takes as they are, wherever it is in the model."""
    if hasattr(model, "steps"):  # a Pipeline: what follows the first step that changes columns sees others
        for _, step in model.steps:
            yield from _token_columns(step, names)
            if hasattr(step, "transformers_") or hasattr(step, "categories_"):
                return
    elif hasattr(model, "transformers_"):  # a ColumnTransformer
        for _, step, columns in model.transformers_:
            if isinstance(step, str):
                continue
            columns = [columns] if isinstance(columns, (str, int)) else list(columns)
            yield from _token_columns(step, [c if isinstance(c, str) else names[c] for c in columns])
    elif hasattr(model, "categories_"):  # an encoder
        for column, categories in zip(names, model.categories_):
            yield column, {"i": "int64", "u": "int64", "f": "float"}.get(categories.dtype.kind, "string")


def _to_onnx(model: Any, columns: list[tuple[str, str]]) -> bytes:
    try:
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
    except ImportError as error:
        raise PublishError("skl2onnx is needed: pip install 'adscore[publish]'") from error
    types = {"float": FloatTensorType, "int64": Int64TensorType, "string": StringTensorType}
    try:
        if _takes_columns(model) or any(kind != "float" for _, kind in columns):
            initial = [(name, types[kind]([None, 1])) for name, kind in columns]
            return convert_sklearn(model, initial_types=initial).SerializeToString()
        return _of_array(convert_sklearn(model, initial_types=[("x", types["float"]([None, len(columns)]))]), columns)
    except PublishError:
        raise
    except Exception as error:  # whatever skl2onnx raises for what it does not know
        raise PublishError(f"skl2onnx can't convert it: {error}") from error


def _takes_columns(model: Any) -> bool:
    """Whether the model's first step chooses columns by their names; others take an array, also as a frame."""
    first = model.steps[0][1] if hasattr(model, "steps") else model
    return hasattr(first, "transformers_")


def _of_array(model: Any, columns: list[tuple[str, str]]) -> bytes:
    """The converted model with an input per column, joined to the array that it takes."""
    from onnx import TensorProto, helper

    del model.graph.input[:]
    for name, _ in columns:
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]))
    model.graph.node.insert(0, helper.make_node("Concat", [name for name, _ in columns], ["x"], axis=1))
    return model.SerializeToString()
