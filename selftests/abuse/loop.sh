#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A frame does not go round for ever.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

tenant_new
done_ sluice tenant allow pid "$tenant"
sysctl_off() { t sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'; }
ok 'no frames but ours' sysctl_off
done_ t ip link add vf0 type veth peer name vf1
for n in 0 1; do
	done_ t ip link set vf$n up
	done_ t sluice uplink add up$n dev vf$n
	done_ t ip link set up$n up
done
# Out of vf0 and into vf1: the wire sends it out of vf0 again.
done_ t sluice wire up0 up1
# shellcheck disable=SC2154
send() {
	t $python -c '
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("vf0", 0))
for i in range(int("'"$1"'")):
    s.send(b"\xff" * 6 + b"\x02\0\0\0\0\1" + b"\x88\xb5" + bytes(46))
'
}
seen() { t sluice -j stats up1 | grep -o '"to-guest-packets": *[0-9]*' | grep -o '[0-9]*$'; }
# How often all of them came in, and that it ends: the ninth time each goes no further.
ends_at() { # passes, drops
	local n
	for ((n = 0; n < 100; n++)); do
		[ "$(seen)" -lt "$1" ] || break
		nap 0.1
	done
	sleep 1
	t sluice stats up1
	[ "$(seen)" = "$1" ] && t sluice stats up1 | grep -q "hops packets $2:"
}
ok 'a broadcast' send 1
ok 'ends after eight passes' ends_at 9 1
ok 'a hundred of them' send 100
ok 'end too' ends_at 909 101
ok 'the other end saw none' test "$(t sluice -j stats up0 | grep -c '"hops"')" = 0
for n in 0 1; do done_ t sluice uplink del up$n; done
