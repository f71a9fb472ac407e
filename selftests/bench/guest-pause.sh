#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What stops a worker, inside the test kernel (pause.sh boots it): one line of JSON per measurement in /run/rig/results.
# Each has a worker of its own, for its counters tell of the longest time since it was made.
#
#   BENCH_ROUNDS   how often everything is measured
#   BENCH_RULES    numbers of rules
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=hosts.sh
. "$here/hosts.sh"
results=/run/rig/results
rounds=${BENCH_ROUNDS:-5}
read -r -a numbers <<<"${BENCH_RULES:-1000 10000 100000}"
wedge=/sys/module/sluice_wedge/parameters/do

# counter NAME: of the one worker
counter() { sluice -s worker show | sed -n "s/.* $1 \\([0-9]*\\).*/\\1/p"; }
# There is something to do all the time, and the one processor has time left.
traffic_on() {
	ip netns exec peer iperf3 -s -D -1 >/dev/null
	ip netns exec guest iperf3 -c $peer_ip -t 600 -b 100M --connect-timeout 3000 >/dev/null &
	traffic=$!
	sleep 1
}
traffic_off() {
	kill "$traffic" || true
	wait "$traffic" || true
}
modules_off() {
	local m
	for m in sluice_wedge sluice_vdpa sluice_net sluice; do
		[ ! -d /sys/module/$m ] || rmmod $m
	done
}
result() {
	echo "$1" | tee -a "$results" >&2
}

# record TEXT...: that, and what the counters say by now
record() {
	result "{$*, \"round\": $round, \"pause\": $(counter longest-pause-ns), \"rtnl\": $(counter longest-rtnl-ns)}"
}

# The machine has one processor, where a worker that may go on waits for others until the next tick. On a core of its own
# it would not; so it comes first.
begin() {
	hosts_up
	chrt -f -p 1 "$(pgrep -x sluice/0)"
	traffic_on
}
end() {
	traffic_off
	hosts_down
	modules_off
}

# measure_commit KIND NUMBER: before; one transaction that adds them; one that takes them away
measure_commit() {
	local what times more
	begin
	# A list holds so many: see commit.py.
	for more in more1 more2 more3; do
		sluice port add $more
	done
	record "\"what\": \"none\", \"kind\": \"$1\", \"rules\": $2"
	for what in add remove; do
		times=$(/usr/bin/python3 "$here/commit.py" $port,more1,more2,more3 $uplink $what "$1" "$2") || {
			echo "guest-pause.sh: $2 $1 $what: no measurement" >&2
			break
		}
		record "\"what\": \"$what\", \"kind\": \"$1\", \"rules\": $2, $times"
	done
	for more in more1 more2 more3; do
		sluice port del $more
	done
	end
}

await() {
	while ! sluice worker show | grep -q "$1"; do
		sleep 0.05
	done
}

# Its thread ends in a call for the guest's port, which is held from then on; another takes over.
measure_dead() {
	begin
	hosts_modules wedge/sluice_wedge
	echo "die $port" >$wedge
	await 'state ok deaths 1'
	record "\"what\": \"dead\", \"found\": $(counter longest-found-ns), \"out\": $(counter longest-out-ns)"
	end
}

# It sleeps in such a call, and each of these commands wants something of it.
measure_stuck() {
	local refused=0
	begin
	hosts_modules wedge/sluice_wedge
	echo "block $port" >$wedge &
	sleep 0.2
	sluice acl add port $port dir from-guest prio 1 deny 2>/dev/null || refused=$((refused + 1))
	echo '{ "version": 2, "meter": [ { "id": 7, "pps": 1 } ] }' | sluice apply - 2>/dev/null || refused=$((refused + 1))
	sluice port add other
	ip link set other up
	ip link del other
	ip link set $port down
	ip link set $port up
	await 'state stuck'
	record "\"what\": \"stuck\", \"refused\": $refused"
	echo go >$wedge
	wait $!
	await 'state ok'
	end
}

: >"$results"
hosts_spaces
for ((round = 1; round <= rounds; round++)); do
	for n in "${numbers[@]}"; do
		for kind in acl flow both; do
			measure_commit $kind "$n"
		done
	done
	measure_dead
	measure_stuck
done
