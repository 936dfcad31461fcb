#!/usr/bin/env bash
# run_tests.sh PRESET JOBS: builds the preset, runs every test, ends in the line `N passed, N failed`.
# Exits 1 if the build or a test fails, or if there was nothing to run.
set -euo pipefail
preset=$1 jobs=$2

test -f "build/$preset/build.ninja" || cmake --preset "$preset" -Wno-dev > /dev/null
cmake --build "build/$preset" -j "$jobs" -- --quiet

log=build/$preset/ctest.log
status=0
ctest --preset "$preset" -j "$jobs" --no-label-summary > "$log" 2>&1 || status=$?
sed -n '/% tests passed/,$!p' "$log"

# Each doctest executable counts its cases; any other test counts as one.
ran=$(grep -cE '^ *[0-9]+/[0-9]+ +Test ' "$log" || true)
failed=$(grep -cE '^ *[0-9]+/[0-9]+ +Test .*(\*\*\*|Not Run)' "$log" || true)
echo "$((ran - failed)) passed, $failed failed"
[ "$status" = 0 ] && [ "$ran" -gt 0 ]
