#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Debian packages that a test needs and the machine shall not have installed:
#
#   unpack.sh PACKAGE[~VERSION]...
#
# Prints the directory in the cache into which they were unpacked, with all
# they depend on that is not installed.  VERSION is how the version begins.
# Says why and exits with 4 if the machine's own archives cannot give them.
set -euo pipefail

# shellcheck source=host-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/host-lib.sh"

cannot()
{
	echo "$*" >&2
	exit 4
}

want=()
for p in "$@"; do
	ver=
	if [ "$p" != "${p%%~*}" ]; then
		ver=$(apt-cache madison "${p%%~*}" | awk -v v="${p#*~}" 'index($3, v) == 1 { print $3; exit }')
		[ -n "$ver" ] || cannot "this machine's archives have no ${p%%~*} ${p#*~}"
	fi
	want+=("${p%%~*}${ver:+=$ver}")
done

plan=$(apt-get install -s -q --no-install-recommends --allow-downgrades "${want[@]}" 2>/dev/null |
       sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) .*/\1=\3/p') ||
	cannot "apt-get finds no way to have ${want[*]} (apt-get update?)"
out=$RIG_CACHE/unpacked-${1%%~*}-$(sha256sum <<<"${want[*]} $plan" | cut -c1-12)
if [ ! -d "$out" ]; then
	mkdir -p "$RIG_CACHE"
	tmp=$(mktemp -d "$RIG_CACHE/unpack.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	mkdir "$tmp/root"
	# One package per word is wanted here.
	# shellcheck disable=SC2086
	(cd "$tmp" && { [ -z "$plan" ] || apt-get download -q $plan; }) >"$tmp/log" 2>&1 ||
		cannot "no download of" $plan: "$(tail -n 1 "$tmp/log")"
	for p in "$tmp"/*.deb; do
		[ ! -e "$p" ] || dpkg -x "$p" "$tmp/root"
	done
	mv -T "$tmp/root" "$out" || [ -d "$out" ]
fi
echo "$out"
