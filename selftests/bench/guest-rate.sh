#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# TCP through limits, inside the test kernel (rate.sh boots it): one line of JSON per measurement in /run/rig/results.
#
#   BENCH_SECONDS  of one measurement
#   BENCH_LIMITS   of these: none; sluice:DIR:RATE:BURST, where RATE is as for `sluice rate set` with the first digit
#                  after bps or pps, and BURST is "default" or bytes or packets; tbf:RATE:BURST and police:RATE:BURST
#   BENCH_CONNS    numbers of connections
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=hosts.sh
. "$here/hosts.sh"
results=/run/rig/results
seconds=${BENCH_SECONDS:-4}
read -r -a conns <<<"${BENCH_CONNS:-1 10 100}"

# The second hundredth of a burst at the lower rate, and less than the worker is woken for at the higher one.
limits_all() {
	local dir rate
	echo none
	for dir in from-guest to-guest; do
		for rate in bps50m bps500m; do
			echo "sluice:$dir:$rate:default"
			echo "sluice:$dir:$rate:16k"
		done
		for rate in pps4k pps40k; do
			echo "sluice:$dir:$rate:default"
			echo "sluice:$dir:$rate:10"
		done
	done
	# The burst of a tenth of a second, as a port has by default, and the small one, by which police drops all
	# long frames.
	for rate in 50m:625k 500m:6250k; do
		echo "tbf:$rate"
		echo "police:$rate"
	done
	echo tbf:50m:16k
	echo tbf:500m:16k
}
read -r -a limits <<<"${BENCH_LIMITS:-$(limits_all | xargs)}"

# rate_words RATE BURST: bps50m 16k as `sluice rate set` wants them
rate_words() {
	local unit=${1%%[0-9]*} burst=burst
	[ "$unit" = bps ] || burst=pburst
	echo "$unit ${1#"$unit"}$([ "$2" = default ] || echo " $burst $2")"
}

limit_on() {
	local kind dir rate burst
	IFS=: read -r kind dir rate burst <<<"$1"
	case $kind in
	none) ;;
	sluice) rate_words "$rate" "$burst" | xargs sluice rate set port $port dir "$dir" ;;
	# Here DIR is the rate and RATE the burst. The guest's own qdisc, and what comes in at the peer.
	tbf) tc -n guest qdisc add dev "$virtio" root tbf rate "${dir}bit" burst "$rate" latency 100ms ;;
	police)
		tc -n peer qdisc add dev $far clsact
		tc -n peer filter add dev $far ingress matchall action police rate "${dir}bit" burst "$rate" \
			conform-exceed drop
		;;
	esac
}

limit_off() {
	case $1 in
	sluice:*) sluice rate off port $port ;;
	tbf:*) tc -n guest qdisc del dev "$virtio" root ;;
	police:*) tc -n peer qdisc del dev $far clsact ;;
	esac
}

# What of iperf3's report counts.
extract='import json, sys
end = json.load(sys.stdin)["end"]
print(json.dumps({"bps": end["sum_received"]["bits_per_second"], "retransmits": end["sum_sent"]["retransmits"]}))'

# measure LIMIT DIRECTION CONNECTIONS GSO
measure() {
	local line back=()
	[ "$2" = from-guest ] || back=(-R)
	if ! line=$(ip netns exec guest iperf3 -J -c $peer_ip -P "$3" -t "$seconds" -O 1 --connect-timeout 3000 \
			"${back[@]}" | /usr/bin/python3 -c "$extract"); then
		echo "guest-rate.sh: $*: no measurement" >&2
		line='{"failed":true}'
	fi
	echo "{\"limit\":\"$1\",\"dir\":\"$2\",\"conns\":$3,\"gso\":\"$4\",${line#\{}" | tee -a "$results" >&2
}

# All loads under one limit.
measure_all() {
	local limit=$1 dir gso n dirs=(from-guest)
	case $limit in
	none) dirs=(from-guest to-guest) ;;
	sluice:to-guest:*) dirs=(to-guest) ;;
	esac
	for gso in on off; do
		hosts_gso $gso
		limit_on "$limit"
		for dir in "${dirs[@]}"; do
			for n in "${conns[@]}"; do
				measure "$limit" "$dir" "$n" $gso
			done
		done
		limit_off "$limit"
	done
}

: >"$results"
hosts_spaces
hosts_up
ip netns exec peer iperf3 -s -D -I /run/iperf3.pid >/dev/null
for limit in "${limits[@]}"; do
	measure_all "$limit"
done
sluice stats $port >/run/rig/stats
kill "$(tr -d '\0' </run/iperf3.pid)"
hosts_down
