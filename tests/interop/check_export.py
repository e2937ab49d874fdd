"""Fits models of every kind of feature, exports them, and compares ONNX Runtime with the trainer on 1,000 rows each.

    python check_export.py ADSCORE_TRAINER
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import xxhash

TOLERANCE = 1e-5


def inputs_of(session, frame):
    """What the exported graph takes: numbers, and the hashes of tokens."""
    fed = {}
    for tensor in session.get_inputs():
        column = frame[tensor.name]
        if tensor.type == "tensor(float)":
            fed[tensor.name] = pd.to_numeric(column, errors="coerce").to_numpy(np.float32).reshape(-1, 1)
        else:
            hashes = [0 if cell == "" else xxhash.xxh3_64_intdigest(cell.encode()) or 1 for cell in column]
            fed[tensor.name] = np.array(hashes, np.uint64).view(np.int64).reshape(-1, 1)
    return fed


def check(trainer, directory, name, fit_flags, rows):
    run = lambda *command: subprocess.run([trainer, *map(str, command)], check=True, capture_output=True, cwd=directory)
    run("fit", "--data", "train.csv", "--label", "click,conversion", "--model-root", "M", "--model", name, *fit_flags)
    run("evaluate", "--model-root", "M", "--model", name, "--data", rows, "--predictions", "expected.tsv")
    run("export", "--model-root", "M", "--model", name, "--onnx", f"{name}.onnx")
    expected = pd.read_csv(directory / "expected.tsv", sep="\t")
    frame = pd.read_csv(directory / rows, dtype=str, keep_default_na=False)
    session = onnxruntime.InferenceSession(directory / f"{name}.onnx", providers=["CPUExecutionProvider"])
    scored = session.run(list(expected.columns), inputs_of(session, frame))
    worst = max(np.abs(scores - expected[head]).max() for head, scores in zip(expected.columns, scored))
    print(f"{name}: {len(expected)} rows, at most {worst:.1e} off", flush=True)
    return worst <= TOLERANCE


def main(trainer):
    trainer = Path(trainer).resolve()
    with tempfile.TemporaryDirectory() as path:
        directory = Path(path)
        for file, rows, seed in (("train.csv", 6000, 1), ("fresh.csv", 1000, 2)):
            subprocess.run([trainer, "generate", "--rows", str(rows), "--seed", str(seed), "--out", directory / file],
                           check=True, capture_output=True)
        flags = ["--ignore", "interests", "--epochs", "1", "--hidden", "16,8"]
        good = [check(trainer, directory, "plain", flags, "fresh.csv"),
                check(trainer, directory, "with_context", [*flags, "--context", "site,hour"], "fresh.csv"),
                check(trainer, directory, "ensemble", [*flags, "--ensemble", "3"], "fresh.csv"),
                check(trainer, directory, "chained", [*flags, "--after", "conversion:click"], "fresh.csv"),
                check(trainer, directory, "isotonic", [*flags, "--calibration", "isotonic"], "fresh.csv")]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
