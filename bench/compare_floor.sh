#!/usr/bin/env bash
# adscore-server beside a gRPC server that does no work, in turns. Flags: see serving_bench.py --help.
set -euo pipefail
exec python3 "$(dirname "$0")/serving_bench.py" floor "$@"
