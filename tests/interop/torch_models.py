"""Writes the PyTorch models of models/, with 1,000 rows of input and the probabilities that PyTorch gives for them.

    python torch_models.py [DIRECTORY]
"""
import os
import sys

import numpy as np
import torch
from torch import nn

from tables import write_csv

ROWS = 1000


class Network(nn.Module):
    """Amounts through a batch norm, three ids through embeddings, hidden layers with batch norm and dropout."""

    def __init__(self, hidden_activations):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.user = nn.Embedding(40, 8)
        self.ad = nn.Embedding(25, 5)
        blocks = []
        width = 4 + 8 + 2 * 5
        for activation in hidden_activations:
            blocks += [nn.Linear(width, 24), nn.BatchNorm1d(24), activation, nn.Dropout(0.1)]
            width = 24
        self.hidden = nn.Sequential(*blocks)
        self.out = nn.Linear(width, 1)

    def forward(self, amounts, user, ads):
        x = torch.cat([self.norm(amounts), self.user(user), self.ad(ads).flatten(1)], dim=1)
        return torch.sigmoid(self.out(self.hidden(x))).squeeze(1)


def train(model, inputs, y):
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(3):
        for first in range(0, len(y), 64):
            optimizer.zero_grad()
            p = model(*(tensor[first:first + 64] for tensor in inputs))
            nn.functional.binary_cross_entropy(p, y[first:first + 64]).backward()
            optimizer.step()
    model.eval()


def export(model, inputs, path, dynamo):
    """`dynamo` chooses PyTorch's new exporter (operator set 20) or the old one (17)."""
    names = ["amounts", "user", "ads"]
    options = {"input_names": names, "output_names": ["click"], "dynamo": dynamo, "opset_version": 20 if dynamo else 17}
    if dynamo:
        batch = torch.export.Dim("batch")
        options["dynamic_shapes"] = {name: {0: batch} for name in names}
        options["external_data"] = False
    else:
        options["dynamic_axes"] = {name: {0: "batch"} for name in names + ["click"]}
    torch.onnx.export(model, tuple(tensor[:2] for tensor in inputs), path, **options)


def main(directory):
    torch.manual_seed(3)
    rng = np.random.default_rng(3)
    rows = 4000
    amounts = np.round(rng.normal([1000, 0.5, -3, 0], [300, 0.2, 2, 1], (rows, 4)), 3).astype(np.float32)
    user = rng.integers(0, 40, rows)
    ads = rng.integers(0, 25, (rows, 2))
    y = (rng.random(rows) < 0.05 + 0.5 * (user % 3 == 0) * (amounts[:, 1] > 0.5)).astype(np.float32)
    inputs = [torch.from_numpy(array) for array in (amounts, user, ads)]
    names = ["amounts_0", "amounts_1", "amounts_2", "amounts_3", "user", "ads_0", "ads_1"]
    columns = list(amounts[:ROWS].T) + [user[:ROWS], ads[:ROWS, 0], ads[:ROWS, 1]]
    kinds = {"torch_old": ([nn.ReLU(), nn.LeakyReLU(0.05), nn.GELU(), nn.ELU(), nn.SELU()], False),
             "torch_new": ([nn.GELU(), nn.GELU(approximate="tanh"), nn.Softplus(), nn.Tanh(), nn.Sigmoid()], True)}
    for name, (activations, dynamo) in kinds.items():
        model = Network(activations)
        train(model, inputs, torch.from_numpy(y))
        with torch.no_grad():
            expected = model(*(tensor[:ROWS] for tensor in inputs)).numpy()
        write_csv(f"{directory}/{name}.csv", names, columns, expected)
        export(model, inputs, f"{directory}/{name}.onnx", dynamo)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "models"))
