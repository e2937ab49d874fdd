#!/usr/bin/env python3
"""Goes through the Dockerfile without Docker, and tries the server image: as root, with debootstrap and the network.

    deploy/container/check_image.py --programs build/release/bin     # minutes: the programs of a build of yours
    deploy/container/check_image.py                                  # the build stage as well: some ten minutes more

Each stage is a folder under --work, copied from the stage that its FROM names (debian:bookworm-slim is a minimal debootstrap);
RUN happens in a chroot, COPY copies. Then the server runs as the image says: its user, a root file system that can't be
written, an empty /models. It must become healthy, be not ready for want of a model, and end with 0 on SIGTERM. What Docker
itself does (layers, networks, limits) is not looked at. Not part of the test suite.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # as in a container
NOT_IN_SLIM = "/var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* /usr/share/locale/*"
# As Debian's images tell apt: nothing that was downloaded.
KEPT_BY_APT = """DPkg::Post-Invoke {"rm -f /var/cache/apt/archives/*.deb";};
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
"""
DOCKERFILE = ROOT / "deploy" / "container" / "Dockerfile"

# In a mount namespace of its own. $1: a stage's root, $2: what to run there. protoc, for one, asks /proc where it lies.
STEP = 'mount -t proc proc "$1/proc" && chroot "$1" /bin/sh -c "$2" >"$1.log" 2>&1 || { tail -n 50 "$1.log"; exit 1; }'

# In a mount namespace of its own. $1: the image's root, $2: a folder for /models, $3: the user, and the rest: the server.
TRIAL = r"""
set -euo pipefail
root=$1 models=$2 user=$3; shift 3
mount --bind "$root" "$root"
mount --bind "$models" "$root/models"
mount -t proc proc "$root/proc"
mount -o remount,ro,bind "$root"
in_image=(chroot --userspec="$user" "$root")
! "${in_image[@]}" /bin/bash -c ': >/tmp/written' 2>/dev/null || { echo "the root can be written"; exit 1; }
"${in_image[@]}" "$@" &
server=$!
trap 'kill -9 $server 2>/dev/null || true' EXIT
for _ in $(seq 100); do "${in_image[@]}" healthcheck 9464 /healthz 2>/dev/null && break; sleep 0.1; done
"${in_image[@]}" healthcheck 9464 /healthz
! "${in_image[@]}" healthcheck 9464 /readyz || { echo "ready without a model"; exit 1; }
"${in_image[@]}" adscore-client model --target 127.0.0.1:8500
kill -TERM $server
wait $server
trap - EXIT
"""


def instructions():
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE)
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            yield tuple(line.split(None, 1))


def say(*words):
    print("==", *words, flush=True)


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **{"env": {**os.environ, "PATH": PATH}, **options})


class Image:
    """The stages made so far, and what the last one says of how it is run."""

    def __init__(self, work, programs):
        self.work, self.programs = work, programs
        self.stage, self.directory, self.settings = None, "/", {}

    def root(self, stage):
        return self.work / stage

    def from_(self, rest):
        base, _, name = re.fullmatch(r"(\S+)( AS (\S+))", rest).groups()
        self.stage, self.directory, self.settings = name, "/", {}
        if base == "debian:bookworm-slim":
            base = "bookworm"
            if not self.root(base).exists():
                say("debootstrap")
                run("debootstrap", "--variant=minbase", base, self.root(base),
                    stdout=subprocess.DEVNULL)
                run("chroot", self.root(base), "/bin/sh", "-c", "apt-get clean; rm -rf " + NOT_IN_SLIM)
                (self.root(base) / "etc/apt/apt.conf.d/docker-clean").write_text(KEPT_BY_APT)
        if self.skipped():
            return say("skipping the build: its programs are those of", self.programs)
        say(f"stage {name}, from {base}")
        shutil.rmtree(self.root(name), ignore_errors=True)
        run("cp", "-a", self.root(base), self.root(name))

    def skipped(self):
        return self.stage == "build" and self.programs is not None

    def inside(self, path):
        return self.root(self.stage) / str(pathlib.PurePosixPath(self.directory) / path).lstrip("/")

    def copy(self, rest):
        *sources, target = rest.split()
        built = sources[0] == "--from=build"
        for source in sources[1:] if built else sources:
            if built and self.programs is not None:
                origin = self.programs / pathlib.Path(source).name
            else:
                origin = self.root("build") / source.lstrip("/") if built else ROOT / source
            to = self.inside(target)
            if target.endswith("/"):
                to.mkdir(parents=True, exist_ok=True)
                to = to / origin.name
            run("cp", "-aT", "--no-preserve=ownership", origin, to)

    def do(self, keyword, rest):
        if keyword == "FROM":
            self.from_(rest)
        elif self.skipped():
            pass
        elif keyword == "RUN":
            say("RUN", " ".join(rest.split())[:100])
            run("unshare", "--mount", "/bin/sh", "-c", STEP, "step", self.root(self.stage), f"cd {self.directory} && {rest}",
                env={"PATH": PATH, "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"})
        elif keyword == "COPY":
            self.copy(rest)
        elif keyword == "WORKDIR":
            self.directory = rest
            self.inside(".").mkdir(parents=True, exist_ok=True)
        else:
            self.settings[keyword] = rest


def main():
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--work", type=pathlib.Path, default=pathlib.Path("/var/tmp/adscore-image"), help="folder for the stages")
    flags.add_argument("--programs", type=pathlib.Path, help="programs that are built, in place of the build stage")
    flags.add_argument("--omit-flag", action="append", default=[], metavar="FLAG", help="of the image's CMD")
    given = flags.parse_args()
    if os.geteuid() != 0:
        sys.exit("check_image.py: it needs root, for chroot and debootstrap")
    given.work.mkdir(parents=True, exist_ok=True)
    image = Image(given.work, given.programs)
    for keyword, rest in instructions():
        image.do(keyword, rest)

    root = image.root("server")
    size = int(subprocess.run(["du", "-sb", root], stdout=subprocess.PIPE, check=True).stdout.split()[0])
    bare = int(subprocess.run(["du", "-sb", image.root("bookworm")], stdout=subprocess.PIPE, check=True).stdout.split()[0])
    say(f"the server image has {size / 1e6:.0f} MB, {(size - bare) / 1e6:.0f} MB of them more than the Debian below it")
    for program in ("adscore-server", "adscore-client"):
        run("chroot", root, program, "--version")
    run("chroot", image.root("trainer"), "adscore-trainer", "--version")
    run("chroot", image.root("model-sync"), "model-sync", "--help", stdout=subprocess.DEVNULL)

    say("the server as the image runs it")
    models = given.work / "models"
    models.mkdir(exist_ok=True)
    user = image.settings["USER"]
    os.chown(models, *map(int, user.split(":")))
    command = [word for word in json.loads(image.settings["ENTRYPOINT"]) + json.loads(image.settings["CMD"])
               if word not in given.omit_flag]
    run("unshare", "--mount", "/bin/bash", "-c", TRIAL, "trial", root, models, user, *command)
    say("the image does what it says")


if __name__ == "__main__":
    main()
