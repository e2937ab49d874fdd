#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. The last line is "N passed, N failed"; exit 0 if none failed.
#
#   scripts/test.sh [--preset release|debug|asan|tsan]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=release
while (($# > 0)); do
  case "$1" in
    --preset) preset="${2:?--preset needs a name}"; shift 2 ;;
    --preset=*) preset="${1#*=}"; shift ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "test.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done

scripts/install-deps.sh --with-test-tools
cmake --preset "$preset"
cmake --build --preset "$preset"

log="build/$preset/tests.log"
status=0
# One at a time: some tests measure nothing but do need both cores to themselves to be quick.
ctest --preset "$preset" --verbose >"$log" 2>&1 || status=$?
grep -E '^ *[0-9]+/[0-9]+ Test +#' "$log" || true
if ((status != 0)); then
  grep -vE '\[ RUN      \]|\[       OK \]|\[-----' "$log" | tail -n 300
fi

# A test is one GoogleTest case, or one program that is not of GoogleTest's kind. A program that ends without naming a
# failed case (it crashed, or took too long) counts as one failure.
passed=$(grep -cE '^[0-9]+: \[       OK \] .* \([0-9]+ ms\)$' "$log" || true)
failed=$(grep -cE '^[0-9]+: \[  FAILED  \] .* \([0-9]+ ms\)$' "$log" || true)
skipped=$(grep -cE '^[0-9]+: \[  SKIPPED \] .* \([0-9]+ ms\)$' "$log" || true)
if ((status != 0 && failed == 0)); then
  failed=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#.*\*\*\*' "$log" || true)
  ((failed > 0)) || failed=1
fi
if ((skipped > 0)); then
  echo "$skipped skipped, for want of what they name:"
  grep -hE '^[0-9]+: .*Skipped' -A1 "$log" | grep -vE 'Skipped$|^--' | sort -u | head -5 || true
fi
echo "$passed passed, $failed failed"
((failed == 0 && status == 0))
