#!/usr/bin/env bash
# run.sh SECONDS: runs each fuzz target that long, from fuzz/seeds and what earlier runs found (build/fuzz/corpus).
# An input that breaks a reader is left in fuzz/crashes, where the ordinary tests read it again, and the run exits 1.
set -euo pipefail
seconds=$1
cd "$(dirname "$0")/.."

status=0
for reader in yaml csv oracle; do
  corpus=build/fuzz/corpus/$reader
  mkdir -p "$corpus"
  log=build/fuzz/$reader.log
  if build/fuzz/fuzz/fuzz_$reader -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
      -dict=fuzz/$reader.dict -artifact_prefix=fuzz/crashes/$reader- "$corpus" fuzz/seeds/$reader > "$log" 2>&1; then
    echo "$reader: $(grep -oE 'Done [0-9]+ runs in [0-9]+ second' "$log" | tail -n 1)s, nothing broke"
  else
    tail -n 40 "$log"
    echo "$reader: broken; the input is in fuzz/crashes"
    status=1
  fi
done
exit $status
