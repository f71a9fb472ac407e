#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A guest without network: `sluice check` finds what was broken, and what it says to type mends it.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${SLUICE_OBJECTS:?run this by selftests/with-modules.sh}"
program=$here/../vhost/out/guest
mac=02:00:00:00:00:01
guest=''

# The guest's life: its standard input keeps it.
guest_up() { # late?
	mkfifo "$tmp/life" 2>/dev/null || true
	"$program" vm1 "$@" <"$tmp/life" >"$tmp/guest" &
	guest=$!
	exec 8>"$tmp/life"
	soon grep -q ready "$tmp/guest"
}
at_end() {
	[ ! -e /sys/module/sluice_wedge ] || echo go >/sys/module/sluice_wedge/parameters/do
	exec 8>&-
	[ -z "$guest" ] || wait "$guest" || true
}

# broken WHAT VERDICTS... : check fails, and says it; kept for mended.
broken() {
	local text=$1
	ok "finds: $text" finds "$text"
}
finds() {
	exits 1 sluice check vm1 >"$tmp/check" || { cat "$tmp/check"; return 1; }
	cat "$tmp/check"
	grep -qE "^  !! +$1" "$tmp/check"
}
next_of() { sed -n 's/^ *next: //p' "$tmp/check" | head -n 1; }
# What it says to type, with DEV in the place of what it cannot know; then all is well.
mended() {
	local line
	line=$(next_of)
	line=${line//VF/${1:-VF}}
	ok "mended by: $line" eval "$line"
	well
}
well() { ok 'nothing is wrong' is_well; }
is_well() { exits 0 sluice check vm1; }
quiet() { echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"; }

shows 'no port here: sluice port add' sluice check
refused 'no port or uplink' sluice check vm9
misused 'is not N' sluice check vm1 interval 0

done_ ip link add vf0 type dummy
quiet vf0
done_ ip link set vf0 up
done_ sluice worker add cpu 0
done_ sluice port add vm1 mac $mac
done_ sluice uplink add up0 dev vf0
done_ sluice wire add vm1 up0
for dev in vm1 up0; do
	quiet $dev
	done_ ip link set $dev up
done

# --- nobody has it; then somebody whose driver is not up
broken 'front-end +nobody has the port'
ok 'says how a guest is started' grep -q 'next: start the guest: .*ifname=vm1' "$tmp/check"
guest_up late
broken 'driver +it is not up'
ok 'and who has it' grep -qE "ok +front-end +guest \(pid $guest\) has /dev/tap[0-9]+ and /dev/vhost-sluice" "$tmp/check"
kill -USR1 "$guest"
attached() { sluice port show vm1 | grep -q 'from-guest attached'; }
soon attached
well

# --- links
done_ ip link set vm1 down
broken 'link +vm1 is down'
mended
done_ ip link set up0 down
broken 'way +up0, at the other end of its wire, is down'
mended
done_ ip link set vf0 down
broken 'uplink +vf0, below up0, is down'
mended
done_ sluice port hold vm1
broken 'held +it is in quarantine: '
mended

# --- who takes its frames on
done_ sluice wire del vm1 up0
broken 'way +nothing takes its frames on'
mended
done_ sluice port add vm9
done_ sluice flow add id 7 prio 1 in vm1 actions output:vm9
done_ sluice port del vm9
broken 'way +flow 7 sends to a port that is gone'
mended
done_ sluice flow add id 8 prio 1 in vm1 actions drop
broken 'way +flow 8 drops all that it sends'
mended
done_ sluice wire del vm1 up0
done_ sluice flow add id 9 prio 1 in vm1 actions output:up0
broken 'way +flows take what it sends, but none sends anything to it'
done_ sluice flow add id 10 prio 1 in up0 actions output:vm1
well
done_ sluice flow flush
done_ sluice wire add vm1 up0

# --- policy
done_ sluice guard set port vm1 mac 52:54:00:51:20:01 loose
broken 'guard .* just now: source MAC is not the port'
mended
shows "^vm1: mac $mac loose" sluice guard show port vm1
done_ sluice guard off port vm1
done_ sluice acl default port vm1 dir from-guest deny
broken 'acl +the list from-guest lets nothing pass'
mended
done_ sluice acl add port vm1 dir to-guest prio 5 deny
broken 'acl +the list to-guest lets nothing pass'
mended
done_ sluice acl add port vm1 dir from-guest prio 1 eth-type ipv4 deny
broken 'acl +the list denied .* just now'
ok 'says where to look' grep -q 'next: sluice -s acl show port vm1' "$tmp/check"
done_ sluice acl flush port vm1
done_ sluice rate set port vm1 dir from-guest pps 1
broken 'rate +the limit from-guest is so low'
mended

# --- all of them, and for programs
done_ ip link set up0 down
all() { sluice check >"$tmp/all"; }
ok 'all: something is wrong' exits 1 all
shows '^up0: uplink$' cat "$tmp/all"
shows '^  !! +link +up0 is down' cat "$tmp/all"
done_ ip link set up0 up
done_ all
shows '^vm1: guest: nothing is wrong' cat "$tmp/all"
ok 'a line each' test "$(wc -l <"$tmp/all")" = 2
programs() {
	sluice -j check vm1 | $python -c 'import json, sys
port, = json.load(sys.stdin)
assert port["port"] == "vm1" and port["verdict"] == "ok", port
assert {"modules", "worker", "front-end", "driver", "link", "way", "uplink", "guard", "acl", "rate",
        "drops"} == {step["step"] for step in port["step"]}, port
assert all(step["text"] and step["verdict"] in ("ok", "--") for step in port["step"]), port'
}
ok 'JSON' programs

# --- what they do just now
shows '^vm1 +[1-9][0-9]* +[1-9][0-9.]*k? +[0-9]+ ' sluice top count 1 interval 2
cp "$tmp/shown" "$tmp/top"
shows '^worker +state +busy%' cat "$tmp/top"
# By this kernel's clock so little may have taken no time at all, and nobody any.
shows '^0 +ok .* (vm1|up0|-)$' cat "$tmp/top"
hides '^(worker|up0)' sluice top port vm1 count 1
refused 'no port or uplink' sluice top port vm9 count 1
top_json() {
	sluice -j top count 1 | $python -c 'import json, sys
lines = json.load(sys.stdin)
assert [line["worker"] for line in lines if "worker" in line] == [0], lines
assert {line["port"] for line in lines if "port" in line} == {"vm1", "up0"}, lines'
}
ok 'as JSON, too' top_json

# --- the VF is pulled out
done_ ip link del vf0
broken 'uplink +up0 has no VF: vf0 is not there'
ip link add vf0 type dummy
quiet vf0
ip link set vf0 up
mended vf0

# --- a worker that does not come back
done_ insmod "$SLUICE_OBJECTS/wedge/sluice_wedge.ko"
echo 'block vm1' >/sys/module/sluice_wedge/parameters/do &
block=$!
ok 'finds a worker that is stuck' soon finds 'worker +the worker on core 0 is stuck'
ok 'says where to look' grep -q "next: dmesg | grep -A 30 'worker 0 is'" "$tmp/check"
echo go >/sys/module/sluice_wedge/parameters/do
wait "$block" || true
ok 'it is back' soon is_well
at_end
guest=''
done_ rmmod sluice_wedge
