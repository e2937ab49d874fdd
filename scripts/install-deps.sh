#!/usr/bin/env bash
# Installs what adscore is built from, as root or through sudo: Debian 12 packages, nothing else. Does nothing, and
# needs neither, where they are all there. HACKING.md says what each one is for.
set -euo pipefail

packages=(
  # tools
  g++ cmake ninja-build openssl pkg-config protobuf-compiler protobuf-compiler-grpc
  # libraries
  libabsl-dev libbenchmark-dev libcivetweb-dev libcli11-dev libdnnl-dev libeigen3-dev libgmock-dev libgrpc++-dev
  libgtest-dev libhwy-dev libprotobuf-dev libspdlog-dev libssl-dev libxxhash-dev nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev
)

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
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
