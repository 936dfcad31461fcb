#!/usr/bin/env bash
# live.sh PERFMODEL OUT: a search on the H100 at hand, on a problem that measured.csv does not have; about 4 minutes.
#
# PERFMODEL is the binary, or the `perfmodel` of a folder that `make bundle` made elsewhere. The oracle orders the designs,
# evaluate.py compiles, checks and times those that are worth it; then, so that there is something to judge the search by,
# the whole space of the problem is measured. In OUT: live.md says what came of it, space.csv has every configuration,
# report.txt and report.json the lineage.
#
# Compilations are shared among the runs through a cache, and the evaluator runs without a box around it: what varies are
# five numbers. LIVE_BOX=1 puts it under bubblewrap.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
perfmodel=$(readlink -f "$1")
mkdir -p "$2"
out=$(cd "$2" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
problem=3,16,2048,128,0
python=$(python3 -c 'import sys; print(sys.executable)')
export TRITON_CACHE_DIR=$scratch/triton
mkdir -p "$TRITON_CACHE_DIR"

say() { printf '%4d s  %s\n' "$SECONDS" "$*" >&2; }

# The search file, with what only this machine knows.
devices=$(find /dev -maxdepth 1 -name 'nvidia*' -type c | sort | paste -sd, -)
environment="TRITON_CACHE_DIR=$TRITON_CACHE_DIR"
for name in LD_LIBRARY_PATH CUDA_HOME CUDA_VISIBLE_DEVICES TRITON_LIBCUDA_PATH PYTHONPATH; do
  if [ -n "${!name:-}" ]; then environment+=", \"$name=${!name}\""; fi
done
cp "$here"/{attention_bench,attention_kernel,evaluate}.py "$here/live.csv" "$scratch/"
cat > "$scratch/live.yaml" <<SEARCH
name: live
machine: h100-sxm
kernel: {cta_m: 64, cta_n: 32, stages: 2, warps: 4, register_cap: 0}
suite: live.csv
variables: {cta_m: [64, 128, 256], cta_n: [32, 64, 128], stages: [2, 3, 4], warps: [4, 8], register_cap: [0, 96, 128, 168]}
search: {operators: [ranked], seed: 1}
budget: {evaluations: 1000, time: ${LIVE_SECONDS:-140} s}
supervisor: {stall: 1000, failures: 1000, repeats: 1000}
silicon:
  budget: ${LIVE_MEASUREMENTS:-16}
  margin: 1
  compile:
    command: [$python, $scratch/evaluate.py, --compile]
    readable: [$scratch]
    devices: [$devices]
    environment: [$environment]
    time: 60 s
    memory: 32 GiB
    disk: 1 GiB
    processes: 4096
  measure:
    command: [$python, $scratch/evaluate.py]
    readable: [$scratch]
    devices: [$devices]
    environment: [$environment]
    time: 60 s
    memory: 64 GiB
    disk: 1 GiB
    processes: 4096
SEARCH

say "compiling the space of the problem"
"$python" "$here/measure.py" --compile-only --problem "$problem" --time-limit "${LIVE_COMPILE_SECONDS:-80}" || true

say "searching"
box=--unsafe-agent
if [ "${LIVE_BOX:-0}" = 1 ]; then box=; fi
if command -v git > /dev/null; then
  "$perfmodel" evolve "$scratch/live.yaml" --out "$scratch/search" $box 2>&1 | tee "$out/search.txt" >&2
  "$perfmodel" evolve report "$scratch/search" > "$out/report.txt"
  "$perfmodel" evolve report "$scratch/search" --json > "$out/report.json"
  cp "$scratch/search/journal.jsonl" "$out/"
else  # without a lineage
  "$perfmodel" evolve compare "$scratch/live.yaml" --operators ranked --seeds 1 $box --json > "$out/report.json"
fi

say "measuring the whole space"
"$python" "$here/measure.py" --problem "$problem" --out "$out/space.csv" --time-limit "${LIVE_SPACE_SECONDS:-70}" || true
"$python" "$here/live_report.py" "$out" | tee "$out/live.md"
say "done"
