"""Rows per second of the training loop: adscore-trainer beside PyTorch, in turns, on the same rows and processors.

    python3 bench/peers/torch_speed.py --trainer build/release/bin/adscore-trainer

The network has 39 embeddings of width 16 (26 categoricals and 13 binned numbers) and 13 numbers as inputs, and hidden
layers 64-32, then 400-400-400; batches of 1024, two threads. PyTorch gets its best: the rows are tensors in memory
already, tokens are numbered and rare ones share one row of the table, as ours do, so that the table is small (--hash-bits
for a hashed one instead), all fields are in one table, and of Adam in several implementations, SparseAdam for the table,
each with and without torch.compile, and the first one with its products in half precision too (torch.autocast), whichever
is the fastest in a first round, warmed up, is what is compared. Both shuffle the rows every epoch. Ours is measured as it
is by default, with half precision in the wide layers where the processor has it, and with --exact. Ours also reads the
file, makes target statistics and looks at its tuning rows, but what it is asked is the rate of its training loop alone.

Needs Criteo's rows (--real-data) and the Python packages of requirements.txt; an idle machine.
"""
import argparse
import gzip
import itertools
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = {"64-32": (64, 32), "400-400-400": (400, 400, 400)}
WIDTH, NUMBERS, CATEGORICALS, BINS, LEAST_ROWS = 16, 13, 26, 20, 10
LOOP = ["--format", "criteo", "--label", "label"]

Step = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], None]


class Rows:
    """Criteo's rows as tensors: the table's row of each of 39 fields, 13 standardised numbers, and labels."""

    def __init__(self, path: pathlib.Path, hash_bits: int) -> None:
        with gzip.open(path, "rt") as file:
            cells = np.array([line.rstrip("\n").split("\t") for line in file], dtype=object)
        fields, numbers, self.table_rows = [], [], 0
        for i in range(1, 1 + NUMBERS):
            known = np.array([cell.lstrip("-").isdigit() for cell in cells[:, i]])
            values = np.zeros(len(cells))
            values[known] = cells[known, i].astype(float)
            values = np.sign(values) * np.log1p(np.abs(values))
            edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)[1:-1]))
            fields.append(self._place(np.where(known, 1 + np.searchsorted(edges, values, side="right"), 0), BINS + 1))
            numbers.append(np.where(known, (values - values[known].mean()) / values[known].std(), 0))
        for i in range(1 + NUMBERS, 1 + NUMBERS + CATEGORICALS):
            tokens, codes, counts = np.unique(cells[:, i].astype(str), return_inverse=True, return_counts=True)
            if hash_bits:
                hashed = np.array([zlib.crc32(token.encode()) % (1 << hash_bits) for token in tokens])
                fields.append(self._place(hashed[codes], 1 << hash_bits))
            else:
                often = counts >= LEAST_ROWS
                fields.append(self._place(np.where(often, np.cumsum(often), 0)[codes], int(often.sum()) + 1))
        self.fields = torch.from_numpy(np.column_stack(fields))
        self.numbers = torch.from_numpy(np.column_stack(numbers).astype(np.float32))
        self.labels = torch.from_numpy((cells[:, 0] == "1").astype(np.float32))

    def _place(self, codes: np.ndarray, size: int) -> np.ndarray:
        """The codes behind all earlier fields' in the table that all share."""
        self.table_rows += size
        return codes.astype(np.int64) + self.table_rows - size

    def batches(self, size: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """An epoch in a new order; what does not fill a batch is left out."""
        order = torch.randperm(len(self.labels))
        parts = [part[order] for part in (self.fields, self.numbers, self.labels)]
        for start in range(0, len(order) - size + 1, size):
            yield tuple(part[start : start + size] for part in parts)


class Network(nn.Module):
    def __init__(self, table_rows: int, hidden: tuple[int, ...], sparse: bool) -> None:
        super().__init__()
        self.table = nn.Embedding(table_rows, WIDTH, sparse=sparse)
        nn.init.normal_(self.table.weight, std=0.05)
        sizes = [(NUMBERS + CATEGORICALS) * WIDTH + NUMBERS, *hidden]
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:]):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 1))

    def forward(self, fields: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
        return self.layers(torch.cat([self.table(fields).flatten(1), numbers], dim=1)).squeeze(1)


def stepper(rows: Rows, hidden: tuple[int, ...], adam: str, compiled: bool, half: torch.dtype | None) -> Step:
    """One step of training; a new network."""
    torch.manual_seed(1)
    network = Network(rows.table_rows, hidden, adam == "sparse")
    loss_of = nn.BCEWithLogitsLoss()
    if adam == "sparse":
        optimizers = [torch.optim.SparseAdam([network.table.weight], lr=0.002),
                      torch.optim.Adam(network.layers.parameters(), lr=0.002, fused=True)]
    else:
        optimizers = [torch.optim.Adam(network.parameters(), lr=0.002, fused=adam == "fused", foreach=adam == "foreach")]

    def loss(fields: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", dtype=half, enabled=half is not None):
            logits = network(fields, numbers)
        return loss_of(logits.float(), labels)

    if compiled:
        loss = torch.compile(loss)

    def step(fields: torch.Tensor, numbers: torch.Tensor, labels: torch.Tensor) -> None:
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss(fields, numbers, labels).backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def torch_rate(rows: Rows, step: Step, batch: int, epochs: int, steps: int | None = None) -> float:
    """Of whole epochs, or of the first so many steps of each."""
    done, start = 0, time.perf_counter()
    for _ in range(epochs):
        for fields, numbers, labels in itertools.islice(rows.batches(batch), steps):
            step(fields, numbers, labels)
            done += len(labels)
    return done / (time.perf_counter() - start)


def fastest(rows: Rows, hidden: tuple[int, ...], batch: int) -> tuple[str, Step]:
    """PyTorch's best way to do it here, warmed up. Ways that do not work here, or that a few steps show to be far from the
    best (half precision where the processor has no arithmetic for it is ten times as slow), are named and left out."""
    rates: dict[str, tuple[float, Step]] = {}
    ways = [(adam, None) for adam in ("fused", "foreach", "sparse")] + [("fused", torch.bfloat16), ("fused", torch.float16)]
    for adam, half in ways:
        for compiled in (False, True):
            name = f"{adam} Adam" + (f", {half}".replace("torch.", "") if half else "") + (", compiled" if compiled else "")
            try:
                step = stepper(rows, hidden, adam, compiled, half)
                torch_rate(rows, step, batch, 1, steps=2)
                probe = torch_rate(rows, step, batch, 1, steps=4)
                if rates and probe < max(rate for rate, _ in rates.values()) / 3:
                    print(f"    PyTorch, {name}: left out, {probe:,.0f} rows/s in its first steps", file=sys.stderr, flush=True)
                    continue
                torch_rate(rows, step, batch, 1)
                rates[name] = max(torch_rate(rows, step, batch, 1) for _ in range(2)), step
                print(f"    PyTorch, {name}: {rates[name][0]:,.0f} rows/s", file=sys.stderr, flush=True)
            except Exception as error:  # torch.compile needs a C++ compiler, and fails in many ways without one
                print(f"    PyTorch, {name}: does not work here: {str(error).splitlines()[0]}", file=sys.stderr, flush=True)
    best = max(rates, key=lambda name: rates[name][0])
    return best, rates[best][1]


def our_rate(flags: argparse.Namespace, data: pathlib.Path, root: pathlib.Path, hidden: tuple[int, ...], *more: str) -> float:
    shutil.rmtree(root, ignore_errors=True)
    command = [flags.trainer, "fit", "--data", data, *LOOP, "--hidden", ",".join(map(str, hidden)), "--embedding-dim", WIDTH,
               "--batch-size", flags.batch_size, "--threads", flags.threads, "--epochs", flags.epochs, "--json",
               "--model-root", root, "--model", "m", *more]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return float(json.loads(done.stdout)["rows_per_second"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", type=pathlib.Path, default=HERE.parent.parent / "build/release/bin/adscore-trainer",
                        help="the program adscore-trainer (default: the release build's)")
    parser.add_argument("--real-data", type=pathlib.Path,
                        default=os.environ.get("ADSCORE_REAL_DATA", HERE.parent.parent.parent / "shared/data"),
                        help="folder with criteo/train.tsv.gz (default: $ADSCORE_REAL_DATA, or where the tests look)")
    parser.add_argument("--turns", type=int, default=5, help="of ours and PyTorch, alternating (default 5)")
    parser.add_argument("--epochs", type=int, default=2, help="of each turn (default 2)")
    parser.add_argument("--batch-size", type=int, default=1024, help="rows per step (default 1024)")
    parser.add_argument("--threads", type=int, default=2, help="of either side (default 2)")
    parser.add_argument("--hash-bits", type=int, default=0, metavar="N",
                        help="give PyTorch 2^N hashed rows per categorical instead of a vocabulary (default 0: a vocabulary)")
    parser.add_argument("--networks", default=",".join(NETWORKS), help=f"of {', '.join(NETWORKS)} (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
    flags = parser.parse_args()
    if unknown := set(flags.networks.split(",")) - set(NETWORKS):
        parser.error(f"no network called {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    data = flags.real_data / "criteo/train.tsv.gz"
    if not data.exists():
        sys.exit(f"{data} is not there; --real-data says where to look")
    torch.set_num_threads(flags.threads)
    torch.set_flush_denormal(True)
    rows = Rows(data, flags.hash_bits)
    version = subprocess.run([flags.trainer, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    about = {"ours": version, "torch": torch.__version__, "python": platform.python_version(), "threads": flags.threads,
             "batch_size": flags.batch_size, "rows": len(rows.labels), "torch_table_rows": rows.table_rows}
    print(", ".join(f"{name} {value}" for name, value in about.items()), file=sys.stderr if flags.json else sys.stdout, flush=True)
    results: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as root:
        for name in flags.networks.split(","):
            best, step = fastest(rows, NETWORKS[name], flags.batch_size)
            mine, exact, theirs = [], [], []
            for _ in range(flags.turns):
                mine.append(our_rate(flags, data, pathlib.Path(root) / "models", NETWORKS[name]))
                exact.append(our_rate(flags, data, pathlib.Path(root) / "models", NETWORKS[name], "--exact"))
                theirs.append(torch_rate(rows, step, flags.batch_size, flags.epochs))
            results[name] = {"ours": mine, "ours_exact": exact, "torch": theirs, "torch_way": best,
                             "ratio": statistics.median(mine) / statistics.median(theirs)}
            if flags.json:
                continue
            for title, rates in (("ours", mine), ("ours, --exact", exact)):
                ratios = [a / b for a, b in zip(rates, theirs)]
                print(f"{name:12} {title:14} {statistics.median(rates):9,.0f} rows/s   PyTorch {statistics.median(theirs):9,.0f} "
                      f"({best})   ratio {statistics.median(rates) / statistics.median(theirs):.2f} "
                      f"({min(ratios):.2f}..{max(ratios):.2f})", flush=True)
    if flags.json:
        print(json.dumps(about | {"networks": results}))


if __name__ == "__main__":
    main()
