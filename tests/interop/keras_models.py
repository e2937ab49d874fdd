"""Writes the Keras models of models/, with 1,000 rows of input and the probabilities that Keras gives for them.

    python keras_models.py [DIRECTORY]

Each .csv has the columns that the imported model's features are named after, then `expected`.
"""
import os
import sys

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy as np
from keras import layers

from tables import write_csv

ROWS = 1000


def numbers(rng, rows, mean, deviation):
    return np.round(rng.normal(mean, deviation, rows), 3).astype(np.float32)


def dense(directory):
    """10 inputs, 64 and 32 hidden units, one probability: trained for a moment on rows that mean something."""
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    x = np.round(rng.normal(0, 1, (4000, 10)), 3).astype(np.float32)
    y = (rng.random(4000) < 1 / (1 + np.exp(2 - 1.5 * x[:, 0] - x[:, 1] * x[:, 2]))).astype(np.float32)
    model = keras.Sequential([
        keras.Input((10,), name="impression"),
        layers.Dense(64, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(1, activation="sigmoid", name="click"),
    ])
    model.compile(optimizer="adam", loss="binary_crossentropy")
    model.fit(x, y, epochs=5, batch_size=64, verbose=0)
    rows = x[:ROWS]
    write_csv(f"{directory}/keras_dense.csv", [f"impression_{i}" for i in range(10)], list(rows.T),
              model.predict(rows, verbose=0)[:, 0])
    model.save(f"{directory}/keras_dense.keras")
    model.save(f"{directory}/keras_dense.h5")
    model.export(f"{directory}/keras_dense.onnx", format="onnx", verbose=False)


def functional(directory, name, hidden, for_onnx):
    """Two kinds of input, everything that folds, and activations of many kinds."""
    rng = np.random.default_rng(2)
    keras.utils.set_random_seed(2)
    amounts = np.stack([numbers(rng, 4000, 250, 80), numbers(rng, 4000, 0.02, 3), numbers(rng, 4000, -7, 1)], 1)
    ads = rng.integers(0, 50, (4000, 1))
    sites = rng.integers(0, 8, (4000, 2))
    y = (rng.random(4000) < 0.1 + 0.4 * (ads[:, 0] % 2) * (amounts[:, 0] > 250)).astype(np.float32)

    amounts_in = keras.Input((3,), name="amounts")
    ad_in = keras.Input((1,), name="ad", dtype="int32")
    sites_in = keras.Input((2,), name="sites", dtype="int32")
    if for_onnx:  # tf2onnx loses the constants of a Normalization
        scaled = layers.BatchNormalization(momentum=0.9)(amounts_in)
    else:
        normalization = layers.Normalization(name="scaled")
        normalization.adapt(amounts)
        scaled = normalization(amounts_in)
    ad = layers.Flatten()(layers.Embedding(50, 6)(ad_in))
    site = layers.Flatten()(layers.Embedding(8, 3)(sites_in))
    x = layers.Concatenate()([scaled, ad, site])
    x = layers.Dense(24)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.LeakyReLU(negative_slope=0.1)(x)
    x = layers.Dropout(0.2)(x)
    for width, activation in hidden:
        x = layers.Dense(width, activation=activation)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.Activation("relu")(layers.Dense(8, use_bias=False)(x))
    model = keras.Model([amounts_in, ad_in, sites_in], layers.Dense(2, activation="softmax", name="click")(x))
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy")
    model.fit([amounts, ads, sites], y, epochs=4, batch_size=64, verbose=0)
    inputs = [amounts[:ROWS], ads[:ROWS], sites[:ROWS]]
    columns = list(inputs[0].T) + [inputs[1][:, 0], inputs[2][:, 0], inputs[2][:, 1]]
    write_csv(f"{directory}/{name}.csv", ["amounts_0", "amounts_1", "amounts_2", "ad", "sites_0", "sites_1"], columns,
              model.predict(inputs, verbose=0)[:, 1])
    if for_onnx:
        model.export(f"{directory}/{name}.onnx", format="onnx", verbose=False)
    else:
        model.save(f"{directory}/{name}.keras")
        model.save(f"{directory}/{name}.h5")


if __name__ == "__main__":
    to = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "models")
    os.makedirs(to, exist_ok=True)
    dense(to)
    functional(to, "keras_functional", [(20, "gelu"), (18, "elu"), (16, "selu"), (14, "softplus")], for_onnx=False)
    functional(to, "tf2onnx_functional", [(20, "tanh"), (18, "elu"), (16, "sigmoid"), (14, "softplus")], for_onnx=True)
