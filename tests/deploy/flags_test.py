"""Every flag that something in deploy/ gives to adscore-server is one that it has."""
import re
import unittest

import cases


def given():
    """Place → the flags there, those in comments that say what TLS takes included."""
    container = (cases.DEPLOY / "container" / "Dockerfile").read_text()
    compose = cases.read_yaml(cases.DEPLOY / "container" / "compose.yml")[0]
    pod = next(iter(cases.read_yaml(cases.DEPLOY / "kubernetes" / "base" / "deployment.yaml")))["spec"]["template"]["spec"]
    words = {
        "Dockerfile": re.search(r"^CMD (.*)$", container, re.MULTILINE).group(1),
        "compose.yml": " ".join(compose["services"]["adscore"]["command"]),
        "deployment.yaml": " ".join(pod["containers"][0]["args"]),
        "adscore-server.service": re.search(r"^ExecStart=(.*)$", (cases.DEPLOY / "systemd" / "adscore-server.service").read_text(),
                                            re.MULTILINE).group(1),
        "adscore-server.default": (cases.DEPLOY / "systemd" / "adscore-server.default").read_text(),
    }
    return {place: set(re.findall(r"--[a-z][a-z-]*", text)) for place, text in words.items()}


class FlagsTest(unittest.TestCase):
    def test_the_server_has_them(self):
        code, text = cases.run(cases.program("adscore-server"), "--help")
        self.assertEqual(code, 0)
        has = set(re.findall(r"^\s+(?:-\w,)?(--[a-z][a-z-]*)", text, re.MULTILINE))
        for place, flags in given().items():
            self.assertTrue(flags, place)
            self.assertEqual(flags - has, set(), place)


if __name__ == "__main__":
    cases.main()
