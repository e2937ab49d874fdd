#!/usr/bin/env bash
# Installs what adscore is built from, as root or through sudo: Debian 12 packages, nothing else. Does nothing, and
# needs neither, where they are all there. HACKING.md says what each one is for.
#
#   scripts/install-deps.sh [--with-test-tools]
#
# --with-test-tools adds the programs that some tests run; those tests skip where they are missing. No daemon among them
# is started, now or at boot.
set -euo pipefail

packages=(
  # tools
  g++ cmake ninja-build openssl pkg-config protobuf-compiler protobuf-compiler-grpc
  # libraries
  libabsl-dev libbenchmark-dev libcivetweb-dev libcli11-dev libdnnl-dev libeigen3-dev libgmock-dev libgrpc++-dev
  libgtest-dev libhdf5-dev libhwy-dev libprotobuf-dev libspdlog-dev libssl-dev libxxhash-dev libzip-dev
  nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev
)
test_tools=(
  # deploy/: promtool, systemd-analyze, YAML, a stand-in for an object store, a proxy between callers and replicas
  prometheus systemd python3 python3-yaml rclone haproxy
  # server/: a browser for the status page, a client that shares no code with us
  chromium python3-grpcio python3-protobuf
)

case "${1:-}" in
  "") ;;
  --with-test-tools) packages+=("${test_tools[@]}") ;;
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "install-deps.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
  if [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" != installed ]]; then
    missing+=("$package")
  fi
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

echo "installing: ${missing[*]}" >&2
as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "install-deps.sh: these packages are missing: ${missing[*]}. Run it as root, or install sudo." >&2
    exit 1
  fi
  as_root=(sudo)
fi

# What a package's scripts ask before they start its daemon. A machine that has a policy of its own keeps it.
policy=/usr/sbin/policy-rc.d
if [[ ! -e "$policy" ]]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
fi
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
now=()
[[ ! -d /run/systemd/system ]] || now=(--now)  # no systemd runs in a container
for package in "${missing[@]}"; do
  if [[ -e "/lib/systemd/system/$package.service" ]] && command -v systemctl >/dev/null; then
    "${as_root[@]}" systemctl disable --quiet "${now[@]}" "$package.service" >&2
  fi
done
