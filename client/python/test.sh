#!/usr/bin/env bash
# Tests the Python package against the programs of a build, in an environment of its own that it makes beside the
# build and keeps: client/python/test.sh [BUILD], build/release if none is named. Needs Python 3.10 or newer with venv,
# and a package index.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
build="$(cd "${1:-$here/../../build/release}" && pwd)"
export ADSCORE_BIN="$build/bin"
[[ -x "$ADSCORE_BIN/adscore-server" ]] || { echo "test.sh: there is no adscore-server in $ADSCORE_BIN: build it first" >&2; exit 1; }

python="$build/python-test/bin/python"
if ! cmp -s "$here/requirements-test.txt" "$build/python-test/requirements"; then
  python3 -m venv --clear "$build/python-test"
  "$python" -m pip install --quiet -r "$here/requirements-test.txt"
  cp "$here/requirements-test.txt" "$build/python-test/requirements"
fi
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$here" exec "$python" -m pytest -q -p no:cacheprovider "$here/tests"
