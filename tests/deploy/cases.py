"""What the tests of deploy/ share: where things are, and results in GoogleTest's lines, which scripts/test.sh counts.

A test program defines classes of unittest and ends with `cases.main()`.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

try:
    import yaml
except ImportError:  # each test that reads YAML skips
    yaml = None


def need(program):
    """The path of a program, or the test skips."""
    path = shutil.which(program)
    if path is None:
        raise unittest.SkipTest(f"there is no {program} here: scripts/install-deps.sh --with-test-tools")
    return path


def program(name):
    """The path of one of our programs, of the build that ctest runs for."""
    folder = os.environ.get("ADSCORE_BIN")
    if folder is None:
        raise unittest.SkipTest("ADSCORE_BIN does not say where the programs are: ctest does")
    return pathlib.Path(folder) / name


def drain_limits():
    """Seconds: for how long a server that is told to end answers as before by default, and how long its drain takes at most."""
    delay = re.search(r"drain_delay\{(\d+)\}", (ROOT / "server" / "server.h").read_text())
    limit = re.search(r"kDrainLimit\{(\d+)\}", (ROOT / "server" / "rpc" / "grpc_server.cc").read_text())
    return int(delay.group(1)) / 1000, int(limit.group(1))


def need_yaml():
    if yaml is None:
        raise unittest.SkipTest("there is no python3-yaml here: scripts/install-deps.sh --with-test-tools")


def read_yaml(path):
    """All documents of a file."""
    need_yaml()
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def run(*command, **options):
    """Exit code and all that was printed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, **options)
    return done.returncode, done.stdout


def wrong_queries(queries):
    """What promtool says of PromQL expressions that do not parse; empty if all do."""
    rules = [{"record": f"query{i}", "expr": query} for i, query in enumerate(queries)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}, file)
        file.flush()
        code, output = run("promtool", "check", "rules", file.name)
    return "" if code == 0 else output


class _Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        print(f"[ RUN      ] {self.name(test)}", flush=True)

    @staticmethod
    def name(test):
        return ".".join(test.id().split(".")[-2:])

    def end(self, verdict, test):
        milliseconds = int(1000 * (time.monotonic() - self.began))
        print(f"[{verdict:>9} ] {self.name(test)} ({milliseconds} ms)", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.end("OK", test)

    def addError(self, test, error):
        super().addError(test, error)
        print(self.errors[-1][1])
        self.end("FAILED ", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        print(self.failures[-1][1])
        self.end("FAILED ", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"{os.path.basename(sys.argv[0])}: Skipped\n{reason}")
        self.end("SKIPPED", test)


def main():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"])
    result = _Result()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
