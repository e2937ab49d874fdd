"""Compares adscore-trainer's models with gradient boosting and logistic regression on the same rows.

    python3 bench/peers/quality.py --trainer build/release/bin/adscore-trainer
    python3 bench/peers/quality.py --data-sets criteo,rare --no-peers --extra "--ensemble 5"      # ours again, quickly

Each data set is cut in time order. By default ("--part validation") the last eighth is left out, models learn from the
first six and are measured on the seventh: so that whoever tunes the trainer does not look at the last rows. "--part test"
looks at them. "--part folds" measures all rows of data in no order, each eighth by what was learnt from the others: for heads
with few positives, of which an eighth has more or fewer than its share. Ours learns with default flags and each of the seeds;
what it shows is the mean, and in brackets the lowest and highest. The peers' answers are kept in --work and computed once. Where the true probabilities are known, "truth" is what
they reach, and "excess" is how much more log loss than that is to be expected, which has far less noise than the log loss.

Needs the Python packages of requirements.txt. Prints a table, or with --json one object; progress goes to standard error.
"""
import argparse
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # xgboost's threads spin otherwise, which hurts on a busy machine

import models  # noqa: E402
from datasets import CATEGORICAL, DATA_SETS, NUMERIC, DataSet, splits  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = {"auc": 4, "log_loss": 5, "normalized_entropy": 4, "calibration": 3, "excess": 5}  # and their digits
CACHE_VERSION = 2  # to be raised when peers or synthetic data change

Figures = dict[str, float]


@dataclass
class Prediction:
    chance: np.ndarray  # [test rows]
    fit_seconds: float


def figures(label: np.ndarray, chance: np.ndarray, truth: np.ndarray | None) -> Figures:
    """As `adscore-trainer evaluate --json` names and defines them; and the excess, where the truth is known."""
    chance = np.clip(np.asarray(chance, dtype=float), 1e-12, 1 - 1e-12)
    base = np.full(len(label), label.mean())
    loss = models.log_loss(label, chance)
    result = {"auc": float(roc_auc_score(label, chance)), "log_loss": loss,
              "normalized_entropy": loss / models.log_loss(label, base), "calibration": float(chance.sum() / label.sum())}
    if truth is not None:
        result["excess"] = float(np.mean(truth * np.log(truth / chance) + (1 - truth) * np.log((1 - truth) / (1 - chance))))
    return result


def run(command: list[object], limit: float) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=limit)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def told_schema(flags: argparse.Namespace, folder: pathlib.Path, train: DataSet) -> list[object]:
    """Flags for a schema with the kinds of columns as the peers know them, instead of as inferred."""
    fit_flags = [flag for flag in train.fit_flags if flag not in ("--split", "random")]
    schema = json.loads(run([flags.trainer, "schema", "--data", folder / "train.txt", *fit_flags], flags.timeout))
    for feature in schema["features"]:
        kind = train.kinds.get(feature.get("column", feature["name"]))
        if feature["kind"] == "numeric" and kind == CATEGORICAL:
            feature["kind"] = "categorical"
            for key in ("transform", "missing"):  # which a categorical does not have
                feature.pop(key, None)
        elif feature["kind"] == "categorical" and kind == NUMERIC:
            feature["kind"] = "numeric"
    path = folder / "schema.json"
    path.write_text(json.dumps(schema))
    return ["--schema", path]


def ours(flags: argparse.Namespace, folder: pathlib.Path, train: DataSet, test: DataSet) -> dict[str, list[Prediction]]:
    """By head, what each seed's model says."""
    result: dict[str, list[Prediction]] = {head: [] for head in test.labels}
    fit_flags = list(train.fit_flags)
    if flags.tell_kinds:
        if "--ignore" in fit_flags:  # a schema says that itself
            at = fit_flags.index("--ignore")
            del fit_flags[at : at + 2]
        fit_flags += told_schema(flags, folder, train)
    for seed in flags.seeds:
        root, predictions = folder / "models", folder / "predictions.tsv"
        shutil.rmtree(root, ignore_errors=True)
        start = time.monotonic()
        run([flags.trainer, "fit", "--data", folder / "train.txt", *fit_flags, "--model-root", root, "--model", "m",
             "--seed", seed, "--threads", flags.threads, "--json", *shlex.split(flags.extra)], flags.timeout)
        seconds = time.monotonic() - start
        evaluation = json.loads(run([flags.trainer, "evaluate", "--model-root", root, "--model", "m",
                                     "--data", folder / "test.txt", *train.evaluate_flags, "--predictions", predictions,
                                     "--json"], flags.timeout))
        with open(predictions) as file:
            heads = file.readline().rstrip("\n").split("\t")
            chances = np.loadtxt(file, ndmin=2, delimiter="\t")
        losses = []
        for head, chance in zip(heads, chances.T):
            said = evaluation["heads"][head]["log_loss"]
            found = models.log_loss(test.labels[head], chance)
            if abs(said - found) > 1e-4 * found:
                sys.exit(f"evaluate says a log loss of {said}, its predictions have {found}")
            result[head].append(Prediction(chance, seconds))
            losses.append(f"{head} {found:.5f}")
        models.log(f"    ours, seed {seed}: {', '.join(losses)} in {seconds:.0f} s")
    return result


def peers(flags: argparse.Namespace, folder: pathlib.Path, train: DataSet, test: DataSet) -> dict[str, dict[str, Prediction]]:
    """By head and peer. Kept in files beside the data, since they are the same every time."""
    result: dict[str, dict[str, Prediction]] = {head: {} for head in test.labels}
    table = None
    for head in test.labels:
        for peer, learn in models.PEERS.items():
            path = folder / f"{peer}-{head}-v{CACHE_VERSION}.npz"
            if path.exists() and not flags.again:
                kept = np.load(path)
                result[head][peer] = Prediction(kept["chance"], float(kept["seconds"]))
                continue
            if not flags.peers:
                continue
            table = table or models.Table(train, test)
            label = np.concatenate([train.labels[head], np.zeros(test.rows, dtype=int)])
            start = time.monotonic()
            chance = learn(table, label, flags.threads)
            result[head][peer] = Prediction(chance, time.monotonic() - start)
            np.savez(path, chance=chance, seconds=result[head][peer].fit_seconds)
    return result


def measure(label: np.ndarray, folds: list[Prediction], truth: np.ndarray | None) -> Figures:
    """Of the rows of all folds together."""
    return (figures(label, np.concatenate([fold.chance for fold in folds]), truth)
            | {"fit_seconds": float(np.mean([fold.fit_seconds for fold in folds]))})


def compare(flags: argparse.Namespace, name: str) -> dict[str, dict[str, object]] | None:
    """By head and contestant: a dictionary of figures, or for ours a list of them; None if the data is not there."""
    whole = DATA_SETS[name](flags.real_data)
    if whole is None:
        models.log(f"{name}: not in {flags.real_data}, skipped")
        return None
    folds = splits(whole, flags.part, flags.test_share)
    if not folds:
        models.log(f"{name}: in time order, so there are no folds, skipped")
        return None
    mine, others = [], []
    for i, (train, test) in enumerate(folds):
        models.log(f"{name}: {train.rows:,} training rows, {test.rows:,} {flags.part} rows, positive "
                   + ", ".join(f"{head} {label.sum():,}" for head, label in test.labels.items()))
        folder = flags.work / f"{name}-{flags.part}-{flags.test_share:g}-{i}"
        folder.mkdir(parents=True, exist_ok=True)
        train.write(folder / "train.txt")
        test.write(folder / "test.txt")
        others.append(peers(flags, folder, train, test))
        mine.append(ours(flags, folder, train, test) if flags.trainer else {})
    result: dict[str, dict[str, object]] = {}
    for head in whole.labels:
        label = np.concatenate([test.labels[head] for _, test in folds])
        truth = np.concatenate([test.truth[head] for _, test in folds]) if head in whole.truth else None
        result[head] = {}
        if flags.trainer:
            result[head]["ours"] = [measure(label, [fold[head][seed] for fold in mine], truth)
                                    for seed in range(len(flags.seeds))]
        for peer in models.PEERS:
            if all(peer in fold[head] for fold in others):
                result[head][peer] = measure(label, [fold[head][peer] for fold in others], truth)
        if truth is not None:
            result[head]["truth"] = figures(label, truth, truth)
    return result


def show(results: dict[str, dict[str, dict[str, object]]]) -> None:
    wide = 27
    print(f"{'data set':11}{'head':15}{'model':10}" + "".join(f"{figure.replace('normalized_entropy', 'NE'):>{wide}}"
                                                           for figure in FIGURES) + f"{'seconds':>9}")
    for name, heads in results.items():
        for head, contestants in heads.items():
            for contestant, found in contestants.items():
                runs = found if isinstance(found, list) else [found]
                line = f"{name:11}{head:15}{contestant:10}"
                for figure, digits in FIGURES.items():
                    values = [run[figure] for run in runs if figure in run]
                    cell = f"{np.mean(values):.{digits}f}" if values else ""
                    if len(values) > 1:
                        cell += f" ({min(values):.{digits}f}..{max(values):.{digits}f})"
                    line += f"{cell:>{wide}}"
                seconds = [run["fit_seconds"] for run in runs if "fit_seconds" in run]
                print(line + (f"{np.mean(seconds):9.0f}" if seconds else ""))
    print("\nours against the better peer: difference in log loss, in % of the peer's (negative: ours is better)")
    for name, heads in results.items():
        for head, contestants in heads.items():
            others = {peer: contestants[peer]["log_loss"] for peer in models.PEERS if peer in contestants}
            if others and "ours" in contestants:
                best = min(others, key=others.get)
                mine = float(np.mean([run["log_loss"] for run in contestants["ours"]]))
                print(f"{name:11}{head:15}{100 * (mine / others[best] - 1):+7.2f} %  against {best}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainer", type=pathlib.Path, default=HERE.parent.parent / "build/release/bin/adscore-trainer",
                        help="the program adscore-trainer (default: the release build's); '' for the peers alone")
    parser.add_argument("--data-sets", default=",".join(DATA_SETS),
                        help=f"comma-separated, of {', '.join(DATA_SETS)} (default: all that are there)")
    parser.add_argument("--real-data", type=pathlib.Path,
                        default=os.environ.get("ADSCORE_REAL_DATA", HERE.parent.parent.parent / "shared/data"),
                        help="folder with criteo/train.tsv.gz and hillstrom/train.csv, left out if they are not there "
                             "(default: $ADSCORE_REAL_DATA, or where the tests look)")
    parser.add_argument("--part", choices=["validation", "test", "folds"], default="validation",
                        help="which rows to measure on: the last ones (test), those before them, with the last ones left "
                             "out (validation, for tuning; the default), or all, each by what was learnt from others "
                             "(folds, for data in no order)")
    parser.add_argument("--test-share", type=float, default=0.125, help="of the rows (default 0.125)")
    parser.add_argument("--seeds", default="1,2,3", help="of ours (default 1,2,3)")
    parser.add_argument("--extra", default="", help="more flags for fit, such as \"--ensemble 5\"")
    parser.add_argument("--tell-kinds", action="store_true",
                        help="tell ours too which columns are numbers and which tokens, instead of letting it infer that")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True,
                        help="compute the peers' figures that are not in --work yet; --no-peers shows only those that are")
    parser.add_argument("--again", action="store_true", help="let the peers learn again")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "adscore-peers",
                        help="folder for rows, models and the peers' figures (default: adscore-peers in the temporary one)")
    parser.add_argument("--threads", type=int, default=2, help="for ours and the peers (default 2)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that one fit may take (default 1800)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    flags = parser.parse_args()
    flags.seeds = [int(seed) for seed in flags.seeds.split(",")]
    if str(flags.trainer) in ("", "."):
        flags.trainer = None
    names = flags.data_sets.split(",")
    if unknown := set(names) - set(DATA_SETS):
        parser.error(f"no data set called {', '.join(sorted(unknown))}; there are {', '.join(DATA_SETS)}")
    found = {name: compare(flags, name) for name in names}
    results = {name: heads for name, heads in found.items() if heads is not None}
    if flags.json:
        print(json.dumps({"part": flags.part, "extra": flags.extra, "tell_kinds": flags.tell_kinds, "data_sets": results}))
    else:
        show(results)


if __name__ == "__main__":
    main()
