"""Frames are scored as the trainer scores the same rows."""
import subprocess
import threading

import numpy as np
import pandas as pd
import pytest

import adscore
from adscore import _packing


@pytest.fixture
def fitted(tmp_path, trainer):
    """A model of every kind of feature, the rows it was fitted to, and the trainer's probabilities for them."""
    data = tmp_path / "rows.csv"
    run = lambda *command: subprocess.run([trainer, *command], check=True, capture_output=True)
    run("generate", "--rows", "3000", "--seed", "1", "--out", data)
    run("fit", "--data", data, "--label", "click,conversion", "--context", "site,section,hour,weekday,device,country",
        "--model-root", tmp_path / "M", "--model", "ads", "--epochs", "1", "--hidden", "16")
    run("evaluate", "--model-root", tmp_path / "M", "--model", "ads", "--data", data, "--predictions", tmp_path / "p.tsv")
    # An empty cell is missing; "NA" is a country.
    frame = pd.read_csv(data, keep_default_na=False, na_values=[""])
    return tmp_path / "M", frame, pd.read_csv(tmp_path / "p.tsv", sep="\t")


def test_a_frame_has_the_trainers_probabilities(fitted, serve):
    root, frame, expected = fitted
    with adscore.Client(serve(root)) as client:
        answer = client.predict("ads", frame.set_index(pd.Index(range(5, 5 + len(frame)))))
        assert list(answer.columns) == ["click", "conversion"]
        assert answer.attrs["version"] == 1
        assert list(answer.index[:2]) == [5, 6]
        np.testing.assert_allclose(answer.to_numpy(), expected.to_numpy(), atol=1e-5)
        assert client.predict("ads", frame.iloc[:0]).shape == (0, 2)
        shuffled = frame.sample(frac=1, random_state=1)
        np.testing.assert_allclose(client.predict("ads", shuffled).to_numpy(), expected.loc[shuffled.index], atol=1e-5)


def test_what_is_wrong_is_said_by_the_class_of_the_error(fitted, serve):
    root, frame, _ = fitted
    with adscore.Client(serve(root)) as client:
        with pytest.raises(adscore.InvalidRequest, match="no column 'hour'"):
            client.predict("ads", frame.drop(columns="hour"))
        with pytest.raises(adscore.InvalidRequest, match="column 'hour'"):
            client.predict("ads", frame.assign(hour=[["a", "list"]] * len(frame)))
        with pytest.raises(adscore.InvalidRequest, match="DataFrame"):
            client.predict("ads", [1, 2])
        with pytest.raises(adscore.NotFound, match="nothing"):
            client.predict("nothing", frame)
        with pytest.raises(adscore.NotFound):
            client.predict("ads", frame, version=7)
        with pytest.raises(adscore.DeadlineExceeded):
            client.predict("ads", frame, timeout=1e-6)
    with adscore.Client("127.0.0.1:1") as nobody, pytest.raises(adscore.Unavailable):
        nobody.predict("ads", frame, timeout=5)


def test_threads_share_a_client(fitted, serve):
    root, frame, expected = fitted
    wrong = []
    with adscore.Client(serve(root)) as client:
        def score():
            answer = client.predict("ads", frame.iloc[:500])
            if not np.allclose(answer.to_numpy(), expected.to_numpy()[:500], atol=1e-5):
                wrong.append(answer)
        threads = [threading.Thread(target=score) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert not wrong


def test_tokens_are_strings_and_digits():
    column = pd.Series(["a", 3, 3.0, None, ""], dtype=object)
    hashes = _packing.tokens(column)
    assert hashes[1] == hashes[2] == _packing.token_hash("3") != 0
    assert hashes[3] == hashes[4] == 0
    with pytest.raises(adscore.InvalidRequest, match="3.5"):
        _packing.tokens(pd.Series([3.5]))
    counts, lists = _packing.token_lists(pd.Series(["a|b", ["c"], None, "a||"], dtype=object), "|")
    assert counts.tolist() == [2, 1, 0, 1]
    assert lists[0][0] == _packing.token_hash("a")
