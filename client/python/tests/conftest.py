"""A server over a model root of the test's own."""
import os
import subprocess
from pathlib import Path

import pytest

BIN = Path(os.environ["ADSCORE_BIN"])


@pytest.fixture
def trainer() -> Path:
    return BIN / "adscore-trainer"


@pytest.fixture
def serve(tmp_path):
    """serve(root) → "HOST:PORT" of a server that ends with the test."""
    started = []

    def start(root: Path) -> str:
        server = subprocess.Popen(
            [BIN / "adscore-server", "--model-root", root, "--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0",
             "--poll-interval-ms", "50"],
            stdout=subprocess.PIPE, stderr=(tmp_path / "server.log").open("w"), text=True,
        )
        started.append(server)
        line = server.stdout.readline()
        assert line.startswith("listening on grpc://"), (tmp_path / "server.log").read_text()
        return line.split()[2].removeprefix("grpc://")

    yield start
    for server in started:
        server.terminate()
        assert server.wait(30) == 0
        server.stdout.close()
