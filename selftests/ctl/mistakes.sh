#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What operators get wrong: each mistake has its message, one line, and changes nothing.
#
#   mistakes.sh [FILE]    prints the table of the commands in a file, a line each, instead: to be read
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip link add vf0 type dummy
ip link add vf1 type dummy
cat >"$tmp/batch" <<'END'
worker add cpu 0
port add vm1 queues 2
port add vm2
uplink add up0 dev vf0
acl add port vm1 dir to-guest prio 5 deny
meter add 1 pps 5
flow add id 1 prio 1 in vm1 actions meter:1,slow
END
done_ sluice -b "$tmp/batch"
sluice dump >"$tmp/was"

# $said becomes the exit status, the words, and what is said, without what all begin with.
try() { # words
	local rc=0 text=
	# shellcheck disable=SC2086
	sluice $1 >"$tmp/shown" 2>"$tmp/said" || rc=$?
	read -rd '' text <"$tmp/said" || true
	said="$rc|$1|${text#sluice: }"
}
is_said() { # line of the table
	local words=${1#*|}
	try "${words%%|*}"
	[ "$1" = "$said" ] || { printf 'expected: %s\ngot:      %s\n' "$1" "$said"; return 1; }
}
if [ -n "${1:-}" ]; then
	while IFS= read -r words; do
		try "$words"
		echo "$said"
	done <"$1"
else
	while IFS= read -r line; do
		[[ $line = \#* ]] || ok "${line#*|}" is_said "$line"
	done <"$here/mistakes.txt"
	ok 'there are many' test "$tests" -gt 120
fi
ok 'nothing changed' sh -c "sluice dump | diff '$tmp/was' -"
