"""The systemd unit and what comes with it."""
import os
import re
import tempfile
import unittest

import cases

SYSTEMD = cases.DEPLOY / "systemd"
UNIT = SYSTEMD / "adscore-server.service"


class SystemdTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        # The program is not installed where tests run, and systemd asks for it.
        self.unit = f"{self.folder.name}/{UNIT.name}"
        with open(self.unit, "w") as file:
            file.write(UNIT.read_text().replace("/usr/local/bin/adscore-server", "/bin/true"))

    def test_the_unit_is_right(self):
        code, output = cases.run(cases.need("systemd-analyze"), "verify", self.unit)
        self.assertEqual((code, output), (0, ""))

    # 0 is locked up, 10 is open; a service without any hardening has 9.6.
    def test_the_unit_is_locked_up(self):
        code, output = cases.run(cases.need("systemd-analyze"), "security", "--offline=yes", "--threshold=15", self.unit)
        self.assertEqual(code, 0, output)

    def test_it_stops_no_sooner_than_a_drain_ends(self):
        stop = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
        self.assertGreater(int(stop.group(1)), sum(cases.drain_limits()))

    def test_user_and_directories(self):
        if os.geteuid() != 0:
            self.skipTest("systemd-sysusers and systemd-tmpfiles give files away, which takes root")
        root = f"{self.folder.name}/root"
        os.makedirs(f"{root}/etc")
        code, output = cases.run(cases.need("systemd-sysusers"), f"--root={root}", SYSTEMD / "adscore.sysusers")
        self.assertEqual(code, 0, output)
        self.assertIn("adscore:", open(f"{root}/etc/passwd").read())
        code, output = cases.run(cases.need("systemd-tmpfiles"), "--create", f"--root={root}", SYSTEMD / "adscore.tmpfiles")
        self.assertEqual(code, 0, output)
        writable = re.search(r"^ReadWritePaths=(\S+)$", UNIT.read_text(), re.MULTILINE).group(1)
        status = os.stat(root + writable)
        self.assertEqual(status.st_mode & 0o7777, 0o2770)
        self.assertIn(f"--model-root={writable} ", UNIT.read_text())

    def test_the_defaults_are_a_file_of_settings(self):
        lines = [line for line in (SYSTEMD / "adscore-server.default").read_text().splitlines() if line and line[0] != "#"]
        self.assertEqual([line.split("=")[0] for line in lines], ["ADSCORE_OPTIONS"])
        self.assertIn("EnvironmentFile=-/etc/default/adscore-server\n", UNIT.read_text())


if __name__ == "__main__":
    cases.main()
