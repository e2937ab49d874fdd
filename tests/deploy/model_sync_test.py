"""model-sync copies versions from a store, here a folder, into a model root: whole or not at all."""
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import cases

SCRIPT = cases.DEPLOY / "model-sync" / "model-sync.sh"
LIMIT_S = 60  # for what takes no time at all


def snapshot(size=4096, says=None):
    """What model-sync looks at of a snapshot: the magic and the length (docs/snapshot_format.md)."""
    head = b"\x89ADSCORE" + struct.pack("<IIQ", 1, 1, says or size)
    return head + os.urandom(size - len(head))


class ModelSyncTest(unittest.TestCase):
    def setUp(self):
        cases.need("rclone")
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.store = pathlib.Path(self.folder.name) / "store"
        self.root = pathlib.Path(self.folder.name) / "root"
        self.store.mkdir()
        self.root.mkdir()

    def publish(self, version, content=None, model="ads", manifest=True):
        directory = self.store / model / str(version)
        directory.mkdir(parents=True)
        (directory / "snapshot").write_bytes(content or snapshot())
        if manifest:
            (directory / "manifest.json").write_text("{}")

    def command(self, *arguments):
        return ["bash", str(SCRIPT), "--store", str(self.store), "--model-root", str(self.root), *arguments]

    def look(self, *arguments, expect=0, environment=None):
        code, output = cases.run(*self.command("--once", *arguments), env={**os.environ, **(environment or {})})
        self.assertEqual(code, expect, output)
        return output

    def versions(self, model="ads"):
        return sorted(int(path.name) for path in (self.root / model).glob("[1-9]*"))

    def hidden(self):
        return sorted(path.name for path in self.root.glob("*/.*"))

    def assert_same(self, version, model="ads"):
        for name in ("snapshot", "manifest.json"):
            self.assertEqual((self.root / model / str(version) / name).read_bytes(),
                             (self.store / model / str(version) / name).read_bytes())

    def test_the_newest_version_of_each_model_comes(self):
        self.publish(9)
        self.publish(10)
        self.publish(3, model="video")
        self.look()
        self.assertEqual(self.versions(), [10])
        self.assertEqual(self.versions("video"), [3])
        self.assert_same(10)
        self.assertEqual(self.hidden(), [])

    def test_a_real_snapshot_is_whole(self):
        golden = next((cases.ROOT / "tests" / "golden").rglob("*snapshot*"))
        self.publish(1, golden.read_bytes())
        self.look()
        self.assert_same(1)

    def test_a_remote_that_variables_describe(self):
        self.publish(1)
        self.look("--store", f"shelf:{self.store}", environment={"RCLONE_CONFIG_SHELF_TYPE": "local"})
        self.assert_same(1)

    def test_a_newer_version_comes_and_the_oldest_goes(self):
        for version in (1, 2, 3):
            self.publish(version)
            self.look()
        self.assertEqual(self.versions(), [2, 3])
        self.assertEqual(self.hidden(), [])

    def test_a_version_that_is_there_is_not_touched(self):
        self.publish(1)
        self.look()
        before = os.stat(self.root / "ads" / "1" / "snapshot")
        self.look()
        after = os.stat(self.root / "ads" / "1" / "snapshot")
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_an_upload_that_is_not_finished_is_left_alone(self):
        self.publish(1)
        self.publish(2, manifest=False)
        self.look()
        self.assertEqual(self.versions(), [1])

    def test_a_snapshot_that_is_shorter_than_it_says_does_not_appear(self):
        self.publish(1)
        self.publish(2, snapshot(4096, says=8192))
        self.assertIn("not whole", self.look(expect=1))
        self.assertEqual(self.versions(), [1])  # the one before serves meanwhile
        (self.store / "ads" / "2" / "snapshot").write_bytes(snapshot(8192))
        self.look()
        self.assertEqual(self.versions(), [1, 2])
        self.assert_same(2)

    def test_what_is_no_snapshot_does_not_appear(self):
        self.publish(1, b"<html>404</html>" * 100)
        self.look(expect=1)
        self.assertEqual(self.versions(), [])

    def test_versions_that_decisions_name_come_and_stay(self):
        for version in (1, 2, 3, 4, 5):
            self.publish(version)
        decisions = self.store / "ads" / "rollout.json"
        decisions.write_text('{"pinned": 1, "canary": {"version": 3, "share": 0.05}}')
        self.look("--keep", "1")
        self.assertEqual(self.versions(), [1, 3, 5])
        self.assertEqual((self.root / "ads" / "rollout.json").read_text(), decisions.read_text())
        decisions.unlink()
        self.look("--keep", "1")
        self.assertEqual(self.versions(), [5])
        self.assertFalse((self.root / "ads" / "rollout.json").exists())

    def test_a_store_that_is_gone_or_empty_takes_nothing_away(self):
        self.publish(1)
        self.look()
        self.store.rename(self.store.with_name("away"))
        self.look(expect=1)
        self.assertEqual(self.versions(), [1])
        (self.store / "ads").mkdir(parents=True)
        self.look()
        self.assertEqual(self.versions(), [1])

    def test_names_that_are_none_are_left_alone(self):
        self.publish("007")
        self.publish("latest")
        self.publish(1, model=".hidden")
        self.look()
        self.assertEqual([path.name for path in self.root.iterdir()], [".model-sync.lock"])

    def wait_until(self, holds):
        end = time.monotonic() + LIMIT_S
        while not holds():
            self.assertLess(time.monotonic(), end, "it never came to that")
            time.sleep(0.01)

    def test_killed_while_it_copies_it_leaves_no_half_version(self):
        self.publish(1, snapshot(4 << 20))
        # A copy that would take hours, and its end.
        copying = subprocess.Popen(self.command("--once"), start_new_session=True, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "RCLONE_BWLIMIT": "1k"})
        try:
            self.wait_until(lambda: self.hidden() == [".model-sync.1"])
            self.assertEqual(self.versions(), [])
        finally:
            os.killpg(copying.pid, signal.SIGKILL)
            copying.wait()
        self.wait_until(lambda: cases.run("flock", "--nonblock", self.root / ".model-sync.lock", "true")[0] == 0)
        self.assertEqual(self.versions(), [])
        self.look()
        self.assertEqual(self.versions(), [1])
        self.assert_same(1)
        self.assertEqual(self.hidden(), [])

    def test_whoever_watches_sees_whole_versions_alone(self):
        seen, stop = [], threading.Event()

        def watch():
            while not stop.is_set():
                for version in self.versions():
                    directory = self.root / "ads" / str(version)
                    try:
                        sizes = [(directory / name).stat().st_size for name in ("snapshot", "manifest.json")]
                    except FileNotFoundError:
                        sizes = [0, 0] if directory.exists() else None  # None: gone since, by its own rename
                    if sizes is not None:
                        seen.append((version, sizes))
                time.sleep(0.001)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            for version in range(1, 6):
                self.publish(version, snapshot(1 << 20))
                self.look("--keep", "1")
        finally:
            stop.set()
            watcher.join()
        self.assertIn(5, {version for version, _ in seen})
        self.assertEqual([entry for entry in seen if entry[1] != [1 << 20, 2]], [])

    def test_two_do_not_copy_into_one_root(self):
        self.publish(1, snapshot(4 << 20))
        first = subprocess.Popen(self.command("--once"), start_new_session=True, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "RCLONE_BWLIMIT": "1k"})
        try:
            self.wait_until(lambda: self.hidden() == [".model-sync.1"])
            self.assertIn("another one", self.look(expect=1))
        finally:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()

    def test_it_looks_again_and_ends_when_told(self):
        self.publish(1)
        running = subprocess.Popen(self.command("--interval", "1"), start_new_session=True, stderr=subprocess.DEVNULL)
        try:
            self.wait_until(lambda: self.versions() == [1])
            self.publish(2)
            self.wait_until(lambda: 2 in self.versions())
            running.send_signal(signal.SIGTERM)
            self.assertEqual(running.wait(LIMIT_S), 0)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()

    def test_flags_that_make_no_sense(self):
        for wrong in (["--keep", "0"], ["--interval", "soon"], ["--what"], ["--store"]):
            code, output = cases.run(*self.command(*wrong))
            self.assertEqual(code, 2, output)
            self.assertEqual(output.count("\n"), 1, output)


if __name__ == "__main__":
    cases.main()
