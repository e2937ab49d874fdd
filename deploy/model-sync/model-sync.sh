#!/usr/bin/env bash
# Copies versions of models from an object store into a model root, where each appears by one rename, whole or not at all.
#
#   model-sync --store REMOTE:PATH --model-root DIR [--keep 2] [--interval 30 | --once]
#
#   --store       what rclone calls a path: REMOTE:BUCKET/PREFIX, or a folder. Below it lie NAME/VERSION/ with snapshot and
#                 manifest.json, and NAME/rollout.json if there are decisions. Remotes come from RCLONE_CONFIG_* variables or
#                 the file that RCLONE_CONFIG names.
#   --model-root  the server's; on one file system, and nobody else writes there: rollout.json is made what it is in the
#                 store, so what an operator's pin wrote beside it is undone at the next look
#   --keep        versions of each model to have: the newest of the store, besides those that rollout.json names
#   --interval    seconds between two looks at the store
#   --once        one look; exit 1 if anything failed
#
# A version counts as complete when it has both files and its snapshot is as long as its own header says. What fails is
# logged, leaves everything as it was, and is tried again at the next look.
set -uo pipefail
shopt -s nullglob

store="" root="" keep=2 interval=30 once=false
usage() { echo "model-sync: $1; see --help" >&2; exit 2; }
while (($# > 0)); do
  case "$1" in
    --store | --model-root | --keep | --interval)
      (($# > 1)) || usage "$1 needs a value"
      case "$1" in --store) store="${2%/}" ;; --model-root) root="${2%/}" ;; --keep) keep="$2" ;; *) interval="$2" ;; esac
      shift 2 ;;
    --once) once=true; shift ;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) usage "unknown argument '$1'" ;;
  esac
done
[[ -n "$store" && -n "$root" ]] || usage "--store and --model-root are needed"
[[ "$keep" =~ ^[1-9][0-9]*$ ]] || usage "--keep '$keep' is no number of versions, 1 or more"
[[ "$interval" =~ ^[1-9][0-9]*$ ]] || usage "--interval '$interval' is no number of seconds, 1 or more"
[[ -d "$root" ]] || { echo "model-sync: --model-root $root is no directory" >&2; exit 1; }

readonly model_name='^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$'
readonly version_name='^[1-9][0-9]{0,17}$'
readonly magic=" 89 41 44 53 43 4f 52 45"  # what a snapshot begins with

log() { echo "model-sync: $*" >&2; }
# No file of settings is needed; one that RCLONE_CONFIG names is used.
settings=()
[[ -n "${RCLONE_CONFIG:-}" ]] || settings=(--config=)
store_tool() { rclone "${settings[@]}" --log-level ERROR "$@"; }

# Is the snapshot as long as its header says? docs/snapshot_format.md: magic at 0, bytes of the whole file at 16.
whole() {
  local file="$1/snapshot"
  [[ -f "$1/manifest.json" && -f "$file" ]] || return 1
  [[ "$(od -An -tx1 -N8 "$file")" == "$magic" ]] || return 1
  [[ "$(od -An -tu8 -j16 -N8 "$file" | tr -d ' ')" == "$(stat -c %s "$file")" ]]
}

# fetch MODEL VERSION: into ROOT/MODEL/.model-sync.VERSION. What an earlier look has copied of it is not copied again.
fetch() {
  local from="$store/$1/$2" to="$root/$1/.model-sync.$2"
  mkdir -p "$to" || return 1
  if ! store_tool copy "$from" "$to" || ! store_tool check --one-way "$from" "$to"; then
    log "$1 version $2: can't be copied from $from"
    return 1
  fi
  if ! whole "$to"; then
    log "$1 version $2: not whole in the store: it needs manifest.json, and a snapshot as long as its header says"
    return 1
  fi
  sync "$to/snapshot" "$to/manifest.json" "$to"
}

# appear MODEL VERSION: the one rename.
appear() {
  if mv -T "$root/$1/.model-sync.$2" "$root/$1/$2"; then
    sync "$root/$1"
    log "$1 version $2: is there"
  else
    log "$1 version $2: can't be renamed to $root/$1/$2"
    return 1
  fi
}

# vanish MODEL VERSION: by one rename too.
vanish() {
  mv -T "$root/$1/$2" "$root/$1/.model-sync.gone.$2" && rm -rf "$root/$1/.model-sync.gone.$2" && log "$1 version $2: removed"
}

# sync_rollout MODEL: makes rollout.json what it is in the store, by one rename.
sync_rollout() {
  local there="$root/$1/.model-sync.rollout.json" here="$root/$1/rollout.json"
  if [[ ! -e "$there" ]]; then
    rm -f "$here"
  elif cmp -s "$there" "$here"; then
    rm -f "$there"
  else
    sync "$there" && mv -T "$there" "$here" && log "$1: rollout.json is as in the store"
  fi
}

# sync_model MODEL: named versions, then what names them, then the newest: at no moment does a version serve that the
# decisions in the store keep from it.
sync_model() {
  local model="$1" files version status=0
  files="$(store_tool lsf --files-only --recursive --max-depth 2 "$store/$model")" || { log "$model: can't be listed"; return 1; }
  local -a complete=() named=()
  for version in $(sed -n 's|^\(.*\)/snapshot$|\1|p' <<<"$files" | sort -rn); do
    if [[ "$version" =~ $version_name ]] && grep -qxF "$version/manifest.json" <<<"$files"; then complete+=("$version"); fi
  done
  ((${#complete[@]} > 0)) || return 0  # nothing published, or nothing yet: nothing goes either
  mkdir -p "$root/$model" || return 1
  rm -rf "$root/$model"/.model-sync.gone.*
  rm -f "$root/$model/.model-sync.rollout.json"
  if grep -qx rollout.json <<<"$files"; then
    store_tool copyto "$store/$model/rollout.json" "$root/$model/.model-sync.rollout.json" || { log "$model: can't copy rollout.json"; return 1; }
    mapfile -t named < <(grep -oE '"(pinned|shadow|version)"[^0-9]{1,9}[0-9]+' "$root/$model/.model-sync.rollout.json" | grep -oE '[0-9]+$' | sort -un)
  fi

  local -A wanted=()
  for version in "${named[@]}" "${complete[@]:0:keep}"; do wanted[$version]=1; done
  local half
  for half in "$root/$model"/.model-sync.[0-9]*; do
    [[ -n "${wanted[${half##*.}]:-}" ]] || rm -rf "$half"
  done

  for version in "${named[@]}"; do
    [[ -d "$root/$model/$version" ]] || { fetch "$model" "$version" && appear "$model" "$version"; } || status=1
  done
  sync_rollout "$model" || status=1
  # The newest alone: older ones are kept, not fetched, but for when the newest is not whole.
  for version in "${complete[@]:0:keep}"; do
    [[ ! -d "$root/$model/$version" ]] || break
    if fetch "$model" "$version" && appear "$model" "$version"; then break; fi
    status=1
  done
  ((status == 0)) || return 1  # what is older stays until the newer one is there

  for version in "$root/$model"/[1-9]*; do
    version="${version##*/}"
    [[ "$version" =~ $version_name && -z "${wanted[$version]:-}" ]] || continue
    vanish "$model" "$version" || status=1
  done
  return $status
}

look() {
  local models model status=0
  models="$(store_tool lsf --dirs-only "$store")" || { log "$store can't be listed"; return 1; }
  for model in $models; do
    model="${model%/}"
    [[ "$model" =~ $model_name ]] || continue
    sync_model "$model" || status=1
  done
  return $status
}

exec 9>"$root/.model-sync.lock" || exit 1
flock --nonblock 9 || { log "another one copies into $root"; exit 1; }
if $once; then
  look
  exit
fi
trap 'exit 0' TERM INT  # between two commands: a copy that was begun is taken up at the next start
while true; do
  look
  sleep "$interval" 9>&- &  # without the lock, which must not outlive us
  wait $!
done
