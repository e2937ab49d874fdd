"""The container images: what the Dockerfile copies and installs, the health check, and the Compose file."""
import fnmatch
import http.server
import os
import re
import threading
import unittest

import cases

CONTAINER = cases.DEPLOY / "container"


def stages():
    """Name → the instructions of that stage, each (KEYWORD, rest)."""
    text = re.sub(r"^#.*\n", "", (CONTAINER / "Dockerfile").read_text(), flags=re.MULTILINE)
    found, current = {}, None
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if not line.strip():
            continue
        keyword, rest = line.split(None, 1)
        if keyword == "FROM":
            current = found.setdefault(rest.split()[-1], [])
        current.append((keyword, rest))
    return found


def installed(stage):
    packages = set()
    for keyword, rest in stages()[stage]:
        for words in re.findall(r"apt-get install([^&]*)", rest) if keyword == "RUN" else []:
            packages |= {word for word in words.split() if not word.startswith("-")}
    return packages


def linked(program):
    """The Debian packages of the libraries that a program itself asks for."""
    path = cases.program(program)
    code, headers = cases.run("objdump", "-p", path)
    assert code == 0, headers
    places = dict(re.findall(r"^\s*(\S+) => (\S+)", cases.run("ldd", path)[1], re.MULTILINE))
    packages = set()
    for library in re.findall(r"NEEDED\s+(\S+)", headers):
        if library.startswith(("libc.so", "libm.so", "ld-linux", "libgcc_s", "libasan", "libubsan", "libtsan")):
            continue  # in every image, or of a build with sanitizers
        real = os.path.realpath(places[library])
        for candidate in (real, real.removeprefix("/usr")):  # as it was before /lib became a link
            code, owner = cases.run("dpkg", "-S", candidate)
            if code == 0:
                packages.add(owner.split(":")[0])
                break
        else:
            raise AssertionError(f"no package has {real}")
    return packages


class ContainerTest(unittest.TestCase):
    def test_what_is_copied_exists_and_is_in_the_context(self):
        ignore = [line.strip() for line in (cases.ROOT / ".dockerignore").read_text().splitlines()
                  if line.strip() and not line.startswith("#")]
        copied = [word for instructions in stages().values() for keyword, rest in instructions
                  if keyword == "COPY" and "--from=" not in rest for word in rest.split()[:-1]]
        self.assertGreater(len(copied), 10)
        for path in copied:
            self.assertTrue((cases.ROOT / path).exists(), path)
            ignored = False
            for pattern in ignore:
                if fnmatch.fnmatch(path.split("/")[0], pattern.removeprefix("!")):
                    ignored = not pattern.startswith("!")
            self.assertFalse(ignored, f".dockerignore keeps {path} out")

    def test_every_room_that_is_built_is_copied(self):
        rooms = re.search(r"foreach\(room ([^)]*)\)\s*add_subdirectory\(\$\{room\}\)", (cases.ROOT / "CMakeLists.txt").read_text())
        copied = {word for keyword, rest in stages()["build"] if keyword == "COPY" for word in rest.split()[:-1]}
        self.assertEqual(set(rooms.group(1).split()) - copied, set())

    def test_packages_are_what_the_programs_link_to(self):
        self.assertEqual(installed("server"), linked("adscore-server") | linked("adscore-client"))
        self.assertEqual(installed("trainer"), linked("adscore-trainer"))

    def test_images_run_as_nobody_in_particular(self):
        for stage in ("server", "trainer", "model-sync"):
            instructions = stages()[stage]
            users = [rest for keyword, rest in instructions if keyword == "USER"]
            self.assertEqual(users, ["10001:10001"], stage)
            after = instructions[instructions.index(("USER", users[0])):]
            self.assertNotIn("RUN", [keyword for keyword, _ in after], stage)

    def test_the_last_stage_is_the_server(self):
        self.assertEqual(list(stages())[-1], "server")

    def test_health_check(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200 if self.path == "/healthz" else 503)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            check = ["bash", CONTAINER / "healthcheck.sh", server.server_port]
            self.assertEqual(cases.run(*check, "/healthz")[0], 0)
            self.assertNotEqual(cases.run(*check, "/readyz")[0], 0)
            server.shutdown()
        self.assertNotEqual(cases.run(*check, "/healthz")[0], 0)  # nobody listens any more

    def test_compose(self):
        compose = cases.read_yaml(CONTAINER / "compose.yml")[0]
        for name, service in compose["services"].items():
            self.assertTrue(service["read_only"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port} is open to the network")
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((CONTAINER / source).exists(), f"{name}: {source}")
                else:
                    self.assertIn(source, compose["volumes"], name)
            if "build" in service:
                self.assertIn(service["build"]["target"], stages(), name)
                context = (CONTAINER / service["build"]["context"]).resolve()
                self.assertTrue((context / service["build"]["dockerfile"]).exists(), name)
        scraped = cases.read_yaml(cases.DEPLOY / "prometheus" / "prometheus.yml")[0]["scrape_configs"][0]["dns_sd_configs"][0]
        self.assertIn(scraped["names"][0], compose["services"])
        self.assertIn(f"--http-listen=0.0.0.0:{scraped['port']}", compose["services"]["adscore"]["command"])
        self.assertGreater(int(compose["services"]["adscore"]["stop_grace_period"].rstrip("s")), sum(cases.drain_limits()))


if __name__ == "__main__":
    cases.main()
