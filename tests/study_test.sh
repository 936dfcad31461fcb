#!/usr/bin/env bash
# study_test.sh STUDY.sh FOLDER: runs a study with the program of that folder; its answer is the text beside it.
set -euo pipefail
study=$1
export PATH=$2:$PATH
answer=${study%.sh}.txt
if ! diff -u "$answer" <(bash "$study"); then
  echo "the study says something else now: docs/refresh.sh writes the answers anew"
  exit 1
fi
