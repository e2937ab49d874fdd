"""Compares adscore-trainer's models with gradient boosting and logistic regression on the same rows.

    python3 bench/peers/quality.py --trainer build/release/bin/adscore-trainer
    python3 bench/peers/quality.py --data-sets criteo,rare --no-peers --extra "--ensemble 5"      # ours again, quickly

Each data set is cut in time order. By default ("--part validation") the last eighth is left out, models learn from the
first six and are measured on the seventh: so that whoever tunes the trainer does not look at the last rows. "--part test"
looks at them. Ours learns with default flags and each of the seeds; what it shows is the mean, and in brackets the lowest
and highest. The peers' figures are kept in --work and computed once. Where the true probabilities are known, "truth" is what
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

import numpy as np
from sklearn.metrics import roc_auc_score

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # xgboost's threads spin otherwise, which hurts on a busy machine

import models  # noqa: E402
from datasets import CATEGORICAL, DATA_SETS, NUMERIC, DataSet, split  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = {"auc": 4, "log_loss": 5, "normalized_entropy": 4, "calibration": 3, "excess": 5}  # and their digits
CACHE_VERSION = 1  # to be raised when peers or synthetic data change

Figures = dict[str, float]


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


def ours(flags: argparse.Namespace, folder: pathlib.Path, train: DataSet, test: DataSet) -> dict[str, list[Figures]]:
    """By head, the figures of each seed's model."""
    result: dict[str, list[Figures]] = {head: [] for head in test.labels}
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
        for head, chance in zip(heads, chances.T):
            said = evaluation["heads"][head]
            found = figures(test.labels[head], chance, test.truth.get(head))
            if abs(said["log_loss"] - found["log_loss"]) > 1e-4 * found["log_loss"]:
                sys.exit(f"evaluate says a log loss of {said['log_loss']}, its predictions have {found['log_loss']}")
            result[head].append(found | {"fit_seconds": seconds})
        models.log(f"    ours, seed {seed}: " + ", ".join(f"{head} {found[-1]['log_loss']:.5f}"
                                                          for head, found in result.items()) + f" in {seconds:.0f} s")
    return result


def peers(flags: argparse.Namespace, folder: pathlib.Path, train: DataSet, test: DataSet) -> dict[str, dict[str, Figures]]:
    """By head and peer. Kept in a file beside the data, since they are the same every time."""
    path = folder / f"peers-v{CACHE_VERSION}.json"
    result = json.loads(path.read_text()) if path.exists() and not flags.again else {}
    table = None
    for head in test.labels:
        for peer, learn in models.PEERS.items():
            if peer in result.setdefault(head, {}) or not flags.peers:
                continue
            table = table or models.Table(train, test)
            label = np.concatenate([train.labels[head], np.zeros(test.rows, dtype=int)])
            start = time.monotonic()
            chance = learn(table, label, flags.threads)
            result[head][peer] = figures(test.labels[head], chance, test.truth.get(head))
            result[head][peer]["fit_seconds"] = time.monotonic() - start
            path.write_text(json.dumps(result, indent=1))
    return result


def compare(flags: argparse.Namespace, name: str) -> dict[str, dict[str, object]] | None:
    """By head and contestant: a dictionary of figures, or for ours a list of them; None if the data is not there."""
    whole = DATA_SETS[name](flags.real_data)
    if whole is None:
        models.log(f"{name}: not in {flags.real_data}, skipped")
        return None
    train, test = split(whole, flags.part, flags.test_share)
    models.log(f"{name}: {train.rows:,} training rows, {test.rows:,} {flags.part} rows, positive "
               + ", ".join(f"{head} {label.sum():,}" for head, label in test.labels.items()))
    folder = flags.work / f"{name}-{flags.part}-{flags.test_share:g}"
    folder.mkdir(parents=True, exist_ok=True)
    train.write(folder / "train.txt")
    test.write(folder / "test.txt")
    others = peers(flags, folder, train, test)
    mine = ours(flags, folder, train, test) if flags.trainer else {}
    result: dict[str, dict[str, object]] = {}
    for head, label in test.labels.items():
        result[head] = ({"ours": mine[head]} if mine else {}) | others.get(head, {})
        if head in test.truth:
            result[head]["truth"] = figures(label, test.truth[head], test.truth[head])
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
    parser.add_argument("--part", choices=["validation", "test"], default="validation",
                        help="which rows to measure on: the last ones (test), or those before them, with the last ones "
                             "left out (validation, for tuning; the default)")
    parser.add_argument("--test-share", type=float, default=0.125, help="of the rows (default 0.125)")
    parser.add_argument("--seeds", default="1,2,3", help="of ours (default 1,2,3)")
    parser.add_argument("--extra", default="", help="more flags for fit, such as \"--ensemble 5\"")
    parser.add_argument("--tell-kinds", action="store_true",
                        help="tell ours too which columns are numbers and which tokens, instead of letting it infer that")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True,
                        help="compute the peers' figures that are not in --work yet; --no-peers shows only those that are")
    parser.add_argument("--again", action="store_true", help="compute the peers' figures again")
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
