"""Writes the scikit-learn models of models/, with 1,000 rows of input and the probabilities that scikit-learn gives.

    python sklearn_models.py [DIRECTORY]
"""
import os
import sys

import numpy as np
import pandas as pd
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from tables import write_csv

ROWS = 1000
NUMBERS = ["age", "bid", "visits"]


def rows(count, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "age": np.round(rng.normal(40, 12, count), 1),
        "bid": np.round(rng.lognormal(0, 1, count), 3),
        "visits": rng.integers(0, 30, count).astype(float),
        "site": rng.choice(["news", "sport", "mail", "maps", "games & fun"], count),
        "device": rng.choice(["phone", "desktop", "tablet"], count),
        "hour": rng.integers(0, 24, count),
    })
    odds = -2 + 0.8 * (frame.site == "sport") + 0.02 * (frame.age - 40) + 0.6 * np.log(frame.bid) * (frame.device == "phone")
    return frame, (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int)


def pipelines():
    columns = ColumnTransformer([
        ("numbers", StandardScaler(), NUMBERS),
        ("names", OneHotEncoder(handle_unknown="ignore"), ["site", "device"]),
        ("hours", OneHotEncoder(handle_unknown="ignore"), ["hour"]),
    ])
    imputed = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), MinMaxScaler()), NUMBERS),
        ("names", OneHotEncoder(), ["site", "device"]),
        ("hours", "drop", ["hour"]),
    ])
    yield "sklearn_mlp", Pipeline([
        ("columns", columns),
        ("network", MLPClassifier((32, 16), activation="tanh", max_iter=40, random_state=4)),
    ])
    yield "sklearn_logistic", Pipeline([("columns", imputed), ("model", LogisticRegression())])


def main(directory):
    train, labels = rows(4000, 4)
    test, _ = rows(ROWS, 5)
    test.loc[::97, "site"] = "unheard of"
    types = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    types += [(name, StringTensorType([None, 1])) for name in ("site", "device")] + [("hour", Int64TensorType([None, 1]))]
    for name, pipeline in pipelines():
        pipeline.fit(train, labels)
        scored = test if name == "sklearn_mlp" else test.assign(site=test.site.replace("unheard of", "news"))
        if name == "sklearn_logistic":
            scored = scored.assign(age=scored.age.where(scored.index % 10 != 0))
        model = convert_sklearn(pipeline, initial_types=types)
        with open(f"{directory}/{name}.onnx", "wb") as out:
            out.write(model.SerializeToString())
        cells = [["" if pd.isna(v) else v for v in scored[c]] if c != "age" else
                 ["" if pd.isna(v) else f"{v:.7g}" for v in scored[c]] for c in scored]
        write_csv(f"{directory}/{name}.csv", list(scored), cells, pipeline.predict_proba(scored)[:, 1])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "models"))
