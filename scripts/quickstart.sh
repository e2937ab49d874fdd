#!/usr/bin/env bash
# Shows adscore at work, from impressions to answers: installs what is missing, builds, generates impressions, trains a
# click-and-conversion model, serves it, scores some impressions, replaces the model while requests run, and reads the
# metrics. Leaves nothing behind unless told to.
#
#   scripts/quickstart.sh                             on generated impressions, whose true probabilities are known
#   scripts/quickstart.sh --data FILE --label COL     on a CSV of yours; COL may be click,conversion or click=yes
#   scripts/quickstart.sh --keep                      leave the server running, and say how to reach and stop it
#
# Everything it writes is in one temporary folder; ports that are taken are avoided.
set -euo pipefail
caller="$PWD"
cd "$(dirname "$0")/.."

keep=false
data=""
label=""
while (($# > 0)); do
  case "$1" in
    --keep) keep=true; shift ;;
    --data) data="${2:?--data needs a file}"; shift 2 ;;
    --data=*) data="${1#*=}"; shift ;;
    --label) label="${2:?--label needs a column}"; shift 2 ;;
    --label=*) label="${1#*=}"; shift ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "quickstart.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done
if [[ -n "$data" && -z "$label" || -z "$data" && -n "$label" ]]; then
  echo "quickstart.sh: --data and --label go together: which column of the file says what happened?" >&2
  exit 2
fi
if [[ -n "$data" && "$data" != /* ]]; then
  data="$caller/$data"  # as it is from where the caller stands
fi
if [[ -n "$data" && ! -r "$data" ]]; then
  echo "quickstart.sh: can't read --data $data" >&2
  exit 1
fi

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
[[ -t 1 ]] || say() { printf '\n== %s\n' "$*"; }

work="$(mktemp -d "${TMPDIR:-/tmp}/adscore-quickstart.XXXXXX")"
server_pid=""
bench_pid=""
finish() {
  local status=$?
  for pid in $bench_pid $server_pid; do
    kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
  done
  if ((status != 0)); then
    echo "quickstart.sh: failed; what it wrote is in $work (server.log, bench.log)" >&2
  elif [[ -d "$work" && $keep == false ]]; then
    rm -rf "$work"
  fi
}
trap finish EXIT

say "Build"
scripts/install-deps.sh
cmake --preset release >"$work/cmake.log" || { cat "$work/cmake.log"; exit 1; }
cmake --build --preset release --target adscore-trainer adscore-server adscore-client
bin=build/release/bin

model=quickstart
root="$work/models"
fit_flags=(--model-root "$root" --model "$model")
if [[ -z "$data" ]]; then
  say "Generate impressions: two days of them, and a fresh sample that training never sees"
  data="$work/impressions.csv"
  fresh="$work/fresh.csv"
  label=click,conversion
  "$bin/adscore-trainer" generate --rows 300000 --seed 1 --out "$data"
  "$bin/adscore-trainer" generate --rows 20000 --seed 2 --out "$fresh" >/dev/null
  fit_flags+=(--context site,section,hour,weekday,device,country,age,visits_30d,interests)
else
  fresh="$data"
fi

say "Train"
"$bin/adscore-trainer" fit --data "$data" --label "$label" "${fit_flags[@]}" --seed 1

say "Serve"
# The ports that the documentation names, or, where somebody has one of them, free ones.
start_server() {
  "$bin/adscore-server" --model-root "$root" --poll-interval-ms 200 "$@" >"$work/server.out" 2>"$work/server.log" &
  server_pid=$!
  for _ in $(seq 100); do
    if grep -q '^listening on' "$work/server.out"; then return 0; fi
    if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
    sleep 0.1
  done
  wait "$server_pid" 2>/dev/null || true
  server_pid=""
  return 1
}
if ! start_server; then
  start_server --listen 127.0.0.1:0 --http-listen 127.0.0.1:0 || { cat "$work/server.log"; exit 1; }
fi
cat "$work/server.out"
target="$(sed -n 's|^listening on grpc://\([^ ]*\) .*|\1|p' "$work/server.out")"
http="$(sed -n 's|^listening on .* http://\(.*\)$|\1|p' "$work/server.out")"

get() { # get PATH: one HTTP request, with nothing but bash
  exec 3<>"/dev/tcp/${http%:*}/${http##*:}"
  printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$1" "$http" >&3
  cat <&3
  exec 3>&-
}
version() { "$bin/adscore-client" model --target "$target" --model "$model" --json | grep -o '"serving_version": *[0-9]*' | grep -o '[0-9]*$' || echo 0; }
wait_for_version() {
  for _ in $(seq 150); do
    if [[ "$(version 2>/dev/null)" == "$1" ]]; then return 0; fi
    sleep 0.2
  done
  echo "quickstart.sh: version $1 was not served within 30 s" >&2
  return 1
}
wait_for_version 1
"$bin/adscore-client" model --target "$target" --model "$model"

say "Score"
"$bin/adscore-client" predict --target "$target" --model "$model" --data "$fresh" --rows 20000 >"$work/predicted.tsv"
if [[ "$fresh" == "$data" ]]; then
  echo "the first rows of $data:"
  head -n 9 "$work/predicted.tsv"
else
  # The generator knows the true probability of each impression; the model had only clicks to learn from.
  awk -F, -v predicted="$work/predicted.tsv" '
    NR == 1 {
      getline header < predicted
      for (i = 1; i <= NF; i++) column[$i] = i
      print "                     click                    conversion"
      print "   ad          predicted    true           predicted    true"
      next
    }
    {
      getline line < predicted
      split(line, p, "\t")
      true_click = $column["true_click"]; true_conversion = $column["true_conversion"]
      if (NR <= 9) printf "   %-10s %10.4f %8.4f %19.5f %8.5f\n", $column["creative"], p[1], true_click, p[2], true_conversion
      n++; pc += p[1]; tc += true_click; ac += $column["click"]; pv += p[2]; tv += true_conversion; av += $column["conversion"]
    }
    END {
      printf "   over %d fresh impressions\n", n
      printf "   mean       %10.4f %8.4f %19.5f %8.5f\n", pc / n, tc / n, pv / n, tv / n
      printf "   calibration (predicted / true): click %.3f, conversion %.3f\n", pc / tc, pv / tv
    }' "$fresh"
fi

say "Replace the model while requests run"
"$bin/adscore-client" bench --target "$target" --model "$model" --data "$fresh" --concurrency 4 --candidates 10 \
  --duration 600 --json >"$work/bench.json" 2>"$work/bench.log" &
bench_pid=$!
"$bin/adscore-trainer" fit --data "$data" --label "$label" "${fit_flags[@]}" --seed 2 --json >"$work/fit2.json" 2>"$work/fit2.log" ||
  { cat "$work/fit2.log"; exit 1; }
wait_for_version 2
sleep 1
kill -INT "$bench_pid"
wait "$bench_pid" || { cat "$work/bench.log"; exit 1; }
bench_pid=""
number() { grep -o "\"$1\": *[0-9.]*" "$work/bench.json" | head -1 | grep -o '[0-9.]*$'; }
echo "   $(number requests) requests of 10 candidates, $(number errors) failed; p50 $(number p50) us, p99 $(number p99) us"
echo "   answers by version: $(grep -o '"versions": *{[^}]*}' "$work/bench.json" | grep -o '{.*')"
if [[ "$(number errors)" != 0 ]]; then
  echo "quickstart.sh: requests failed during the swap" >&2
  exit 1
fi

say "Watch"
get /metrics | tr -d '\r' | grep -E '^adscore_(requests_total.*Predict|rows_total|model_version|model_swaps_total|request_duration_seconds_(sum|count).*Predict|forward_duration_seconds_(sum|count)|batch_rows_(sum|count))'

if [[ $keep == true ]]; then
  say "The server runs on, as process $server_pid"
  cat <<TEXT
   predictions  $bin/adscore-client predict --target $target --model $model --data FILE
   load         $bin/adscore-client bench --target $target --model $model --concurrency 4 --duration 10
   metrics      http://$http/metrics
   new version  $bin/adscore-trainer fit --data FILE --label $label --model-root $root --model $model
   stop         kill $server_pid && rm -r $work
TEXT
  server_pid=""
else
  say "Stop"
  kill -TERM "$server_pid"
  wait "$server_pid"
  server_pid=""
  echo "   the server drained and ended; everything that this script wrote is removed"
fi
