#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Modules leave while workers do not answer, for others have their core: code that a thread may be in, or come
# back to, stays until it answers.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${UML_BUILD:?run this by selftests/rig/uml-run.sh}"
wedge=/sys/module/sluice_wedge/parameters/do
is_going() { # module, of whose removal this is the process
	until grep -qE "^$1 .* Unloading" /proc/modules; do
		kill -0 "$2" || return 1
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
sleep 0.05
sluice meter del 1 &
meter=$!
rmmod sluice_net 2>"$tmp/why" &
rmmod=$!
if is_going sluice_net "$rmmod"; then
	wait "$blocked"
	ok 'the meter is gone' wait "$meter"
	sleep 3
	ok 'the engine stays as long as a worker may be in it' is_going sluice_net "$rmmod"
	echo go >"$wedge"
	ok 'and leaves then' wait "$rmmod"
else
	# Who looks after the workers may come first; that is as good.
	ok 'an engine that a worker may be in does not leave' grep -q 'in use' "$tmp/why"
	wait "$blocked" "$meter" || true
	ok 'nor did the worker answer # SKIP it was known to be stuck before its engine was about to leave' true
	echo go >"$wedge"
	ok 'it leaves when the worker has answered' soon rmmod sluice_net
fi
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
