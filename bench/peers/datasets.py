"""Data sets for quality.py: columns of text as they stand in a file, what they are, and how to split and write them.

Real ones are read where they lie (a folder with criteo/train.tsv.gz and hillstrom/train.csv) and left out if they are
not there. The others come from synthetic.py.
"""
import csv
import gzip
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

import synthetic

NUMERIC, CATEGORICAL, TIME = "numeric", "categorical", "time"


@dataclass
class DataSet:
    """Rows in time order, unless `random_order` says that the file is in no order."""

    name: str
    columns: dict[str, np.ndarray]  # text, as in the file; labels and columns to ignore included
    kinds: dict[str, str]  # of the features: what a person who knows the data tells the peers; ours finds out by itself
    labels: dict[str, np.ndarray]  # 0 or 1 by head
    fit_flags: list[str]  # how to tell the trainer where the labels are
    evaluate_flags: list[str] = field(default_factory=list)
    truth: dict[str, np.ndarray] = field(default_factory=dict)  # the probabilities that labels were drawn with
    delimiter: str = ","
    quoting: int = csv.QUOTE_MINIMAL
    header: bool = True
    random_order: bool = False

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: np.ndarray) -> "DataSet":
        def some(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            return {name: column[rows] for name, column in columns.items()}

        return DataSet(self.name, some(self.columns), self.kinds, some(self.labels), self.fit_flags, self.evaluate_flags,
                       some(self.truth), self.delimiter, self.quoting, self.header, self.random_order)

    def write(self, path: pathlib.Path) -> None:
        with open(path, "w", newline="") as file:
            writer = csv.writer(file, delimiter=self.delimiter, quoting=self.quoting, lineterminator="\n")
            if self.header:
                writer.writerow(self.columns)
            # The writer quotes what is not of a number's type.
            bare = {name for name, kind in self.kinds.items() if kind == NUMERIC and self.quoting == csv.QUOTE_NONNUMERIC}
            writer.writerows(zip(*([float(cell) if "." in cell else int(cell) for cell in column] if name in bare
                                   else column.tolist() for name, column in self.columns.items())))


def splits(data: DataSet, part: str, test_share: float) -> list[tuple[DataSet, DataSet]]:
    """Training rows and the rows to measure on; several of both for "folds".

    "test" are the last rows. "validation" are as many before those, and then the last ones are looked at by nobody.
    "folds" are all rows, some in turn, each time with all others to learn from; for rows in no order alone, since others
    would tell of times to come.
    """
    order = np.random.default_rng(7).permutation(data.rows) if data.random_order else np.arange(data.rows)
    if part == "folds":
        folds = np.array_split(order, round(1 / test_share)) if data.random_order else []
        return [(data.take(np.concatenate(folds[:i] + folds[i + 1 :])), data.take(fold)) for i, fold in enumerate(folds)]
    size = int(data.rows * test_share)
    end = data.rows if part == "test" else data.rows - size
    return [(data.take(order[: end - size]), data.take(order[end - size : end]))]


def criteo(root: pathlib.Path) -> DataSet | None:
    path = root / "criteo/train.tsv.gz"
    if not path.exists():
        return None
    names = ["label"] + [f"I{i}" for i in range(1, 14)] + [f"C{i}" for i in range(1, 27)]
    with gzip.open(path, "rt") as file:
        table = np.array([line.rstrip("\n").split("\t") for line in file], dtype=object)
    columns = {name: table[:, i] for i, name in enumerate(names)}
    kinds = {name: NUMERIC if name[0] == "I" else CATEGORICAL for name in names[1:]}
    return DataSet("criteo", columns, kinds, {"label": (columns["label"] == "1").astype(int)},
                   ["--format", "criteo", "--label", "label"], ["--format", "criteo"], delimiter="\t", header=False)


def hillstrom(root: pathlib.Path) -> DataSet | None:
    path = root / "hillstrom/train.csv"
    if not path.exists():
        return None
    with open(path, newline="") as file:
        names, *lines = csv.reader(file)
    columns = {name: column for name, column in zip(names, np.array(lines, dtype=object).T)}
    heads = ["visit", "conversion"]
    kinds = {name: NUMERIC if name in ("recency", "history", "mens", "womens", "newbie") else CATEGORICAL
             for name in names if name not in heads + ["spend"]}
    return DataSet("hillstrom", columns, kinds, {head: (columns[head] == "1").astype(int) for head in heads},
                   ["--label", ",".join(heads), "--ignore", "spend", "--split", "random"], random_order=True)


def made(world: Callable[[], synthetic.World]) -> Callable[[pathlib.Path], DataSet]:
    """A data set of synthetic.py's. Its features' kinds are those of the columns, told apart by their names there."""

    def load(_: pathlib.Path) -> DataSet:
        rows = world()
        columns = {name: np.asarray(column, dtype=object) for name, column in rows.columns.items()}
        kinds = {name: TIME if name in rows.times else NUMERIC if name in rows.numbers else CATEGORICAL
                 for name in columns if name not in rows.labels}
        texts = {head: np.where(label == 1, rows.yes, rows.no).astype(object) for head, label in rows.labels.items()}
        return DataSet(rows.name, columns | texts, kinds, rows.labels, ["--label", ",".join(rows.labels)],
                       truth=rows.truth, delimiter=rows.delimiter,
                       quoting=csv.QUOTE_NONNUMERIC if rows.quoted else csv.QUOTE_MINIMAL)

    return load


DATA_SETS: dict[str, Callable[[pathlib.Path], DataSet | None]] = {
    "criteo": criteo,
    "hillstrom": hillstrom,
    "bank": made(synthetic.bank),
    "rare": made(synthetic.rare),
    "two_heads": made(synthetic.two_heads),
    "search": made(synthetic.search),
}
