#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Modules leave while workers do not answer, for others have their core: code that a thread may be in, or come
# back to, stays until it answers.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${UML_BUILD:?run this by selftests/rig/uml-run.sh}"
# The engine; with a meter to be freed: unload_meter.sh.
done_ insmod "$SLUICE_OBJECTS/wedge/sluice_wedge.ko"
done_ sluice worker add cpu 0
engine_leaves ''
done_ rmmod sluice_wedge

# --- workers ---

for module in sluice_mdev sluice_vdpa sluice_vhost sluice_blk; do
	done_ rmmod "$module"
done
# Nothing is left to clean by.
clean() { :; }
# A core that somebody takes who comes before all others, and who is no more when we say so. What the kernel has
# of its own against that (the fair server) would let the worker have it in the end.
starve() {
	local hog rmmod rc=0
	chrt -f 50 bash -c 'while :; do :; done' &
	hog=$!
	rmmod sluice &
	rmmod=$!
	sleep 3
	is_going sluice "$rmmod" || rc=1
	kill -KILL "$hog"
	wait "$rmmod" || rc=1
	return "$rc"
}
for server in /sys/kernel/debug/sched/fair_server/cpu*/runtime; do
	[ ! -e "$server" ] || echo 0 >"$server"
done
chrt -f -p 80 $$ >/dev/null
ok 'a worker that has no core is waited for' starve
chrt -o -p 0 $$ >/dev/null
ok 'it is gone' test ! -e /sys/module/sluice
