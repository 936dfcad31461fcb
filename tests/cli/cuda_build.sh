#!/usr/bin/env bash
# cuda_build.sh BINARY: what `perfmodel calibrate` of a build with CUDA says and how it exits, as far as that needs no GPU.
set -euo pipefail
binary=$(realpath "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# expect EXIT PATTERN ARGUMENTS: the exit code, and a line of what is printed, of `perfmodel calibrate ARGUMENTS`.
expect() {
  local code=0 exit_code=$1 pattern=$2
  shift 2
  "$binary" calibrate "$@" > output 2>&1 || code=$?
  if [ "$code" != "$exit_code" ] || ! grep -qE -- "$pattern" output; then
    printf 'perfmodel calibrate %s: exit code %s, expected %s and "%s"\n' "$*" "$code" "$exit_code" "$pattern" >&2
    head -20 output >&2
    exit 1
  fi
}

expect 0 '^counters +[0-9]+ s$' --list
expect 2 "unknown value 'l3'" --only l3
expect 2 "did you mean 'l2'\?" --only l3
expect 2 'known values: instructions, .*, counters$' --only l3
expect 0 '^dram__bytes_read: ' --list-metrics
expect 0 'machine code is what its name says' --check-sass
if [ ! -e /dev/nvidiactl ]; then
  expect 1 'no NVIDIA driver is loaded|the driver sees no GPU' --out results
  [ ! -e results ] || { echo 'a folder was made where nothing is measured' >&2; exit 1; }
fi
