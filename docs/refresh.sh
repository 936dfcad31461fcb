#!/usr/bin/env bash
# Rewrites what the program itself says in the documents: docs/refresh.sh [BINARY], from anywhere.
#
# In README.md and docs/explain.md a line `<!-- $ perfmodel ARGUMENTS -->` is followed by that command's output in a code
# block, and a line `<!-- accuracy -->` by the first table of validate/README.md, `<!-- counters -->` by that of its hardware
# counters. A test compares them, and that page, with the binary. So it is with the answers of the studies in examples/.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "${1:-build/release/perfmodel}")

"$binary" validate --format markdown -o validate/README.md

# The first table below that heading.
table_after() {
  awk -v heading="$1" '$0 == heading { below = 1 }
    below && /^\|/ { print; found = 1; next }
    found { exit }' validate/README.md
}

refreshed=$(mktemp)
trap 'rm -f "$refreshed"' EXIT
for page in README.md docs/explain.md; do
  skipping=
  while IFS= read -r line; do
    case $skipping in
      code) [ "$line" = '```' ] && skipping= ; continue ;;
      table) [[ $line == '|'* ]] && continue ; skipping= ;;
    esac
    if [ "$skipping" = fence ]; then skipping=code; continue; fi
    printf '%s\n' "$line"
    case $line in
      '<!-- $ perfmodel '*' -->')
        arguments=${line#'<!-- $ perfmodel '}
        read -ra words <<< "${arguments%' -->'}"
        printf '```text\n%s\n```\n' "$("$binary" "${words[@]}")"
        skipping=fence ;;
      '<!-- accuracy -->') table_after '# Accuracy'; skipping=table ;;
      '<!-- counters -->') table_after '## Hardware counters'; skipping=table ;;
    esac
  done < "$page" > "$refreshed"
  cat "$refreshed" > "$page"
done

for study in examples/*.sh; do
  PATH=$(dirname "$binary"):$PATH bash "$study" > "${study%.sh}.txt"
done
