#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Modules leave while workers do not answer, for others have their core: code that a thread may be in, or come
# back to, stays until it answers.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${UML_BUILD:?run this by selftests/rig/uml-run.sh}"
wedge=/sys/module/sluice_wedge/parameters/do
is_going() { # module
	until grep -qE "^$1 .* Unloading" /proc/modules; do
		[ -d "/sys/module/$1" ] || return 1
		sleep 0.05
	done
}

# --- the engine ---

done_ insmod "$SLUICE_OBJECTS/wedge/sluice_wedge.ko"
done_ sluice worker add cpu 0
done_ sluice meter add 1 pps 1
# RTNL is held until the workers are given up: the others wait for it in turn. The meter is freed once the
# workers say that no packet has it in hand.
echo 'block workers' >"$wedge" &
blocked=$!
sleep 0.1
sluice meter del 1 &
meter=$!
sleep 0.1
rmmod sluice_net &
rmmod=$!
ok 'the engine is about to leave' is_going sluice_net
wait "$blocked"
ok 'the meter is gone' wait "$meter"
sleep 3
ok 'the engine stays as long as a worker may be in it' is_going sluice_net
echo go >"$wedge"
ok 'and leaves then' wait "$rmmod"
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
	is_going sluice || rc=1
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
hides . grep '^sluice ' /proc/modules
