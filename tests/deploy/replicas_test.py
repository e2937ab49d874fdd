"""Three replicas under load: one is drained, one is added, one is killed. Behind HAProxy with the configuration of
deploy/haproxy, and by the client's own round-robin. The load is that of `adscore-client bench`, which never tries again:
every failed call is seen.

Nothing here waits for a time to pass: each step goes on until the replicas' own counters say that it has had its effect.
"""
import json
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import cases

LIMIT_S = 60  # for what takes a second or two
RATE = 300  # requests per second
ENOUGH = 60  # requests to one replica that show that it has its share
MODEL = None  # a model root
FOLDER = None


def setUpModule():
    global MODEL, FOLDER
    FOLDER = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(FOLDER.cleanup)
    MODEL = pathlib.Path(FOLDER.name) / "models"
    data = pathlib.Path(FOLDER.name) / "impressions.csv"
    trainer = cases.program("adscore-trainer")
    for command in ([trainer, "generate", "--rows", "3000", "--out", data],
                    [trainer, "fit", "--data", data, "--label", "click,conversion", "--model-root", MODEL, "--model", "ads",
                     "--hidden", "16", "--epochs", "1", "--threads", "1"]):
        code, output = cases.run(*command)
        assert code == 0, output


def wait_until(holds, what):
    end = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"in {LIMIT_S} s it never came to that: {what}")
        time.sleep(0.02)


class Port:
    """A free port that stays free until it is given back: bound, and nobody listens."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.number = self.socket.getsockname()[1]

    def give_back(self):
        self.socket.close()


class Replica:
    def __init__(self, log):
        self.ports = [Port(), Port()]
        self.grpc, self.http = [port.number for port in self.ports]
        self.log = log
        self.process = None

    def start(self):
        for port in self.ports:
            port.give_back()
        # Far longer than HAProxy's checks take, were the machine ever so busy.
        self.process = subprocess.Popen(
            [cases.program("adscore-server"), "--model-root", MODEL, "--listen", f"127.0.0.1:{self.grpc}", "--http-listen",
             f"127.0.0.1:{self.http}", "--serving-threads", "1", "--drain-delay-ms", "5000"],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("listening on"), pathlib.Path(self.log.name).read_text()

    def end(self):
        for port in self.ports:
            port.give_back()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=LIMIT_S) as answer:
            return answer.read().decode()

    def answered(self):
        lines = [line for line in self.get("/metrics").splitlines() if line.startswith("adscore_requests_total{")]
        return sum(int(float(line.split()[-1])) for line in lines if 'code="OK"' in line and 'method="Predict"' in line)

    def is_ready(self):
        try:
            self.get("/readyz")
            return True
        except urllib.error.HTTPError:
            return False


class Load:
    """`adscore-client bench` until it is told to stop."""

    def __init__(self, target, log):
        self.process = subprocess.Popen(
            [cases.program("adscore-client"), "bench", "--target", target, "--model", "ads", "--rate", str(RATE), "--candidates",
             "5", "--warmup", "0", "--duration", "600", "--deadline-ms", "20000", "--json"],
            stdout=subprocess.PIPE, stderr=log, text=True)

    def stop(self):
        """What it counted."""
        self.process.send_signal(signal.SIGINT)
        output, _ = self.process.communicate(timeout=LIMIT_S)
        return json.loads(output)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


class ReplicasTest(unittest.TestCase):
    def start_replicas(self):
        """Three of four: the last one comes later."""
        self.log = open(pathlib.Path(FOLDER.name) / f"{self._testMethodName}.log", "w+")
        self.addCleanup(self.log.close)
        self.replicas = [Replica(self.log) for _ in range(4)]
        for replica in self.replicas:
            self.addCleanup(replica.end)
        for replica in self.replicas[:3]:
            replica.start()

    def wait_for_answers(self, replicas, more=ENOUGH):
        """Until each of them has answered so many more."""
        begin = [replica.answered() for replica in replicas]
        wait_until(lambda: all(replica.answered() >= was + more for replica, was in zip(replicas, begin)),
                   f"{more} calls more to each of {len(replicas)} replicas")

    def under_load(self, target, name, serving, event):
        """What the load counted around an event that began when all of `serving` had their share."""
        load = Load(target, self.log)
        self.addCleanup(load.end)
        self.wait_for_answers(serving)
        event()
        counted = load.stop()
        print(f"{self._testMethodName}: {name}: {counted['requests']} requests, {counted['errors']} failed {counted['errors_by_code'] or ''}")
        return counted

    def drain_add_and_kill(self, target):
        leaving, killed, staying, added = self.replicas

        def drain():
            leaving.process.send_signal(signal.SIGTERM)
            self.assertEqual(leaving.process.wait(LIMIT_S), 0)
            self.wait_for_answers([killed, staying])

        def add():
            added.start()
            self.wait_for_answers([added, killed, staying])

        def kill():
            killed.process.kill()
            killed.process.wait()
            self.wait_for_answers([added, staying], 10 * ENOUGH)

        drained = self.under_load(target, "drain", [leaving, killed, staying], drain)
        self.assertEqual(drained["errors"], 0, drained["errors_by_code"])
        grown = self.under_load(target, "add", [killed, staying], add)
        self.assertEqual(grown["errors"], 0, grown["errors_by_code"])
        struck = self.under_load(target, "kill", [added, killed, staying], kill)
        # What was under way there until the system had taken the process apart: were it called after that, a third of all
        # would fail to the end.
        self.assertLess(struck["errors"], struck["requests"] / 6, struck["errors_by_code"])
        self.assertLessEqual(set(struck["errors_by_code"]), {"UNAVAILABLE"})
        after = self.under_load(target, "after", [added, staying], lambda: None)
        self.assertEqual(after["errors"], 0, after["errors_by_code"])

    def test_behind_haproxy(self):
        haproxy = cases.need("haproxy")
        self.start_replicas()
        text = (cases.DEPLOY / "haproxy" / "haproxy.cfg").read_text()
        front = Port()
        text = self.replaced(r"bind :8500", f"bind 127.0.0.1:{front.number}", text)
        for number, replica in enumerate(self.replicas, 1):
            text = self.replaced(rf"(server replica{number}) 192\.0\.2\.{number}:8500",
                                 rf"\1 127.0.0.1:{replica.grpc} port {replica.http}", text)
        configuration = pathlib.Path(FOLDER.name) / "haproxy.cfg"
        configuration.write_text(text)
        code, output = cases.run(haproxy, "-c", "-f", configuration)
        self.assertEqual(code, 0, output)
        front.give_back()
        proxy = subprocess.Popen([haproxy, "-db", "-f", configuration], stdout=self.log, stderr=subprocess.STDOUT)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.kill)
        target = f"127.0.0.1:{front.number}"

        def answers():
            self.assertIsNone(proxy.poll(), "haproxy has ended")
            return cases.run(cases.program("adscore-client"), "model", "--target", target)[0] == 0

        wait_until(answers, "a call through HAProxy is answered")
        self.drain_add_and_kill(target)

    def test_haproxys_checks_are_quicker_than_a_drain_begins(self):
        text = (cases.DEPLOY / "haproxy" / "haproxy.cfg").read_text()
        interval, failures = map(int, re.search(r"inter (\d+)ms fall (\d+) ", text).groups())
        self.assertLess(interval * failures, 1000 * cases.drain_limits()[0])

    def test_by_the_clients_round_robin(self):
        self.start_replicas()
        self.drain_add_and_kill("ipv4:" + ",".join(f"127.0.0.1:{replica.grpc}" for replica in self.replicas))

    def replaced(self, pattern, by, text):
        text, times = re.subn(pattern, by, text)
        self.assertEqual(times, 1, f"haproxy.cfg has no {pattern} any more")
        return text


if __name__ == "__main__":
    cases.main()
