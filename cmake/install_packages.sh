#!/usr/bin/env bash
# install_packages.sh PACKAGE...: installs the Debian packages that are missing.
# As root it calls apt-get; otherwise it prints the command to run and exits 1. Elsewhere than on Debian and its
# kin it does nothing and leaves it to CMake to say what is missing.
set -euo pipefail

command -v dpkg-query > /dev/null || exit 0
# dpkg-query fails for the packages it does not know, and lists the others all the same.
known=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "$@" 2> /dev/null || true)
installed=" $(sed -n 's/^installed //p' <<< "$known" | tr '\n' ' ')"
missing=()
for package in "$@"; do
  case "$installed" in *" $package "*) ;; *) missing+=("$package") ;; esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  printf 'missing packages; run this as root, then try again:\n\n  apt-get install -y %s\n\n' "${missing[*]}" >&2
  exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "${missing[@]}" > "$log" 2>&1; }
echo "installing ${missing[*]}" >&2
install || { apt-get update -q > "$log" 2>&1 && install; } || { cat "$log" >&2; exit 1; }
