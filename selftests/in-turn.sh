#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In a kernel of the User-mode Linux rig, with the modules loaded: run tests one after another, since a boot
# and a search for leaks take longer than most of them.
#
#   in-turn.sh 'NAME COMMAND...'...
#
# Lines of their own say where a test begins and how it ends: `@begin NAME`, `@end NAME CODE SECONDS`.
# What a test leaves behind is a failure of its own, and the end: it would be the next one's trouble.
set -uo pipefail

limit=${TEST_LIMIT:-900}
show() { sluice "$1" show 2>/dev/null; }
remains() {
	show port
	show uplink
	show volume
	find /sys/bus/mdev/devices /sys/bus/vdpa/devices -mindepth 1 2>/dev/null
}

# A worker that was made for the first port stays when that is gone; the next test has none, as after a boot.
remove_workers() {
	show worker | sed -n 's/^worker cpu \([0-9]*\).*/\1/p' | while read -r cpu; do
		sluice worker del cpu "$cpu"
	done
}

for test in "$@"; do
	read -ra words <<<"$test"
	name=${words[0]}
	# A complaint in the kernel's log comes after this.
	echo "rig: test $name begins" >/dev/kmsg
	echo "@begin $name"
	start=$SECONDS rc=0
	timeout -k 10 "$limit" "${words[@]:1}" </dev/null || rc=$?
	left=$(remains)
	if [ -n "$left" ]; then
		echo "not ok - $name leaves nothing behind"
		printf '# %s\n' "${left//$'\n'/$'\n'# }"
		[ "$rc" != 0 ] || rc=1
	fi
	echo "@end $name $rc $((SECONDS - start))"
	[ -z "$left" ] || exit 1
	remove_workers
done
exit 0
