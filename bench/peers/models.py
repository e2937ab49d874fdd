"""The peers: gradient boosting on target statistics, and logistic regression on one-hot tokens.

Both get what a careful person would give them: the kinds of the columns, hour and day out of a time, settings chosen by
the log loss of the last tenth of the training rows, and in the end all training rows to learn from.
"""
import sys

import numpy as np
import scipy.sparse as sparse
import xgboost
from sklearn.linear_model import LogisticRegression

from datasets import CATEGORICAL, NUMERIC, TIME, DataSet

FOLDS = 8
TUNING_SHARE = 0.1
# Depth, smallest sum of hessians in a leaf, rows that the smoothing of a target statistic counts for, shrinkage.
BOOSTING = [(6, 5.0, 20.0, 0.05), (4, 10.0, 50.0, 0.05), (8, 20.0, 20.0, 0.03), (3, 2.0, 100.0, 0.1)]
MOST_ROUNDS, PATIENCE = 2000, 60
LOGISTIC = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0]  # C: the inverse of the L2 penalty
LEAST_ROWS_OF_TOKEN = 3


def log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def log_loss(label: np.ndarray, chance: np.ndarray) -> float:
    chance = np.clip(chance, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(label == 1, np.log(chance), np.log1p(-chance))))


class Table:
    """A data set's features as numbers: floats with NaN for missing, and codes of tokens."""

    def __init__(self, train: DataSet, test: DataSet) -> None:
        self.train_rows = train.rows
        self.numbers: dict[str, np.ndarray] = {}
        self.codes: dict[str, np.ndarray] = {}
        for name, kind in train.kinds.items():
            column = np.concatenate([train.columns[name], test.columns[name]]).astype(str)
            if kind == NUMERIC:
                self.numbers[name] = np.array([self._number(cell) for cell in column])
            elif kind == TIME:
                seconds = np.array(np.char.replace(column, " ", "T"), dtype="datetime64[s]").astype(np.int64)
                self.numbers[f"{name} hour"] = (seconds // 3600 % 24).astype(float)
                self.numbers[f"{name} weekday"] = (seconds // 86_400 % 7).astype(float)
                self.codes[f"{name} hour"] = self._codes(seconds // 3600 % 24)
            elif kind == CATEGORICAL:
                self.codes[name] = self._codes(column)

    @staticmethod
    def _number(cell: str) -> float:
        try:
            return float(cell)
        except ValueError:
            return np.nan

    @staticmethod
    def _codes(column: np.ndarray) -> np.ndarray:
        return np.unique(column, return_inverse=True)[1]


def target_statistics(codes: np.ndarray, label: np.ndarray, learn: np.ndarray, smoothing: float,
                      fold: np.ndarray) -> np.ndarray:
    """Per row the smoothed log-odds of its token and the logarithm of its count.

    They come from the rows `learn`; for such a row itself from those of the other folds, so that it does not see its
    own label.
    """
    size = int(codes.max()) + 1
    count, positive = np.zeros((FOLDS, size)), np.zeros((FOLDS, size))
    np.add.at(count, (fold[learn], codes[learn]), 1)
    np.add.at(positive, (fold[learn], codes[learn]), label[learn])
    seen, won = count.sum(axis=0)[codes], positive.sum(axis=0)[codes]
    seen[learn] -= count[fold[learn], codes[learn]]
    won[learn] -= positive[fold[learn], codes[learn]]
    rate = label[learn].mean()
    chance = (won + smoothing * rate) / (seen + smoothing)
    return np.column_stack([np.log(chance / (1 - chance)), np.log1p(seen)])


def boosting(table: Table, label: np.ndarray, threads: int) -> np.ndarray:
    """Probabilities of the test rows. `label` has those of the training rows, and zeros that nobody reads after them."""
    rows, end = len(next(iter((table.codes | table.numbers).values()))), table.train_rows
    fold = np.random.default_rng(1).integers(0, FOLDS, rows)
    learn, tune = np.arange(int(end * (1 - TUNING_SHARE))), np.arange(int(end * (1 - TUNING_SHARE)), end)

    def matrix(learn_from: np.ndarray, smoothing: float) -> np.ndarray:
        parts = [column[:, None] for column in table.numbers.values()]
        parts += [target_statistics(codes, label, learn_from, smoothing, fold) for codes in table.codes.values()]
        return np.hstack(parts).astype(np.float32)

    best: tuple[float, int, tuple] = (np.inf, 0, ())
    matrices: dict[float, tuple[xgboost.DMatrix, xgboost.DMatrix]] = {}
    for setting in BOOSTING:
        depth, leaf, smoothing, rate = setting
        if smoothing not in matrices:
            inputs = matrix(learn, smoothing)
            matrices[smoothing] = tuple(xgboost.DMatrix(inputs[part], label[part]) for part in (learn, tune))
        model = xgboost.train(parameters(depth, leaf, rate, threads), matrices[smoothing][0], MOST_ROUNDS,
                              evals=[(matrices[smoothing][1], "tuning")], early_stopping_rounds=PATIENCE,
                              verbose_eval=False)
        log(f"    boosting, depth {depth}: {model.best_score:.5f} after {model.best_iteration + 1} rounds")
        best = min(best, (model.best_score, model.best_iteration + 1, setting))
    _, rounds, (depth, leaf, smoothing, rate) = best
    inputs = matrix(np.arange(end), smoothing)
    model = xgboost.train(parameters(depth, leaf, rate, threads), xgboost.DMatrix(inputs[:end], label[:end]), rounds)
    return model.predict(xgboost.DMatrix(inputs[end:]))


def parameters(depth: int, leaf: float, rate: float, threads: int) -> dict[str, object]:
    return {"objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist", "max_depth": depth,
            "min_child_weight": leaf, "eta": rate, "subsample": 0.8, "colsample_bytree": 0.6, "lambda": 2.0,
            "nthread": threads, "seed": 1}


def one_hot(table: Table, learn: int) -> sparse.csr_matrix:
    """Tokens that enough of the first `learn` rows have, the others of a column as one; numbers standardised."""
    parts = []
    for codes in table.codes.values():
        often = np.bincount(codes[:learn], minlength=int(codes.max()) + 1) >= LEAST_ROWS_OF_TOKEN
        place = np.where(often, np.cumsum(often), 0)[codes]
        parts.append(sparse.csr_matrix((np.ones(len(codes)), (np.arange(len(codes)), place))))
    for values in table.numbers.values():
        missing = np.isnan(values)
        known = values[:learn][~missing[:learn]]
        if len(known) == 0 or known.std() == 0:
            continue
        if abs(np.mean(((known - known.mean()) / known.std()) ** 3)) > 2:  # skewed
            values = np.sign(values) * np.log1p(np.abs(values))
            known = np.sign(known) * np.log1p(np.abs(known))
        scaled = np.where(missing, 0, (values - known.mean()) / known.std())
        parts.append(sparse.csr_matrix(np.column_stack([scaled, missing])))
    return sparse.hstack(parts, format="csr")


def logistic(table: Table, label: np.ndarray, threads: int) -> np.ndarray:
    """Probabilities of the test rows; see boosting()."""
    end = table.train_rows
    learn = int(end * (1 - TUNING_SHARE))
    inputs = one_hot(table, learn)
    model = LogisticRegression(solver="lbfgs", max_iter=300, warm_start=True)
    losses: dict[float, float] = {}
    for strength in LOGISTIC:
        model.set_params(C=strength).fit(inputs[:learn], label[:learn])
        losses[strength] = log_loss(label[learn:end], model.predict_proba(inputs[learn:end])[:, 1])
        if losses[strength] > min(losses.values()) * 1.002:
            break  # past the best
    best = min(losses, key=losses.get)
    log(f"    logistic regression, C {best}: {losses[best]:.5f}")
    inputs = one_hot(table, end)
    model = LogisticRegression(C=best, solver="lbfgs", max_iter=500).fit(inputs[:end], label[:end])
    return model.predict_proba(inputs[end:])[:, 1]


PEERS = {"boosting": boosting, "logistic": logistic}
