#!/usr/bin/env bash
# run_tests.sh PRESET JOBS: builds the preset, runs every test, ends in the line `N passed, N failed`.
# Exits 1 if the build or a test fails, or if there was nothing to run.
set -euo pipefail
preset=$1 jobs=$2 folder=build/$1

test -f "$folder/build.ninja" || cmake --preset "$preset" -Wno-dev > /dev/null
cmake --build "$folder" -j "$jobs" -- --quiet >&2

status=0
ctest --preset "$preset" -j "$jobs" --no-label-summary > "$folder/ctest.log" 2>&1 || status=$?
[ "$status" = 0 ] || cat "$folder/ctest.log"

# A doctest executable counts its cases; any other test, and one that did not live to count them, is one.
counts=$(awk '
  /^[0-9]+\/[0-9]+ Testing: /  { passed = 0; failed = 0 }
  /^\[doctest\] test cases: / { split($0, part, "|"); passed = part[2] + 0; failed = part[3] + 0 }
  /^Test Passed\./             { total_passed += passed > 0 ? passed : 1 }
  /^Test Failed\./             { total_passed += passed; total_failed += failed > 0 ? failed : 1 }
  END                          { printf "%d passed, %d failed\n", total_passed, total_failed }
' "$folder/Testing/Temporary/LastTest.log")
if [ "$status" != 0 ] && [[ $counts == *", 0 failed" ]]; then counts=${counts%, 0 failed}", 1 failed"; fi
echo "$counts"
[ "$status" = 0 ] && [ "${counts%% *}" -gt 0 ]
