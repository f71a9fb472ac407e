#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What listeners are told.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

sluice monitor >"$tmp/text" &
text=$!
sluice -j monitor >"$tmp/json" &
json=$!
ip netns add blue
ip netns exec blue sluice monitor >"$tmp/blue" &
blue=$!
sleep 2

ip link add vf0 type dummy
ip link set vf0 up
done_ sluice port add vm1
done_ sluice uplink add up0 dev vf0
done_ sluice wire vm1 up0
done_ sluice acl add port vm1 dir to-guest prio 1 deny
done_ sluice guard set port vm1 mac 52:54:00:51:20:01
done_ sluice rate set port vm1 dir to-guest pps 5
done_ sluice meter add 1 pps 5
done_ sluice flow add prio 1 in vm1 actions drop
done_ sluice worker add cpu 0
done_ sluice worker set cpu 0 mode adaptive
done_ sluice port set vm1 mtu 1400
done_ ip link set vm1 up
done_ ip link set vm1 mtu 1300
done_ ip link set vm1 down
done_ sluice port hold vm1
done_ sluice port release vm1
done_ ip link set vf0 down
done_ ip link set vf0 up
done_ ip link del vf0
done_ sluice uplink del up0
done_ sluice port del vm1
done_ sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm2" } ] }'
done_ sluice apply - <<<'{ "version": 2, "port": [], "meter": [], "worker": [] }'
sleep 1
kill "$text" "$json" "$blue"
wait "$text" "$json" "$blue" 2>/dev/null || true

for line in 'port-add vm1 ifindex [0-9]+' 'port-add up0' 'config port set port vm1' 'config wire add port vm1' \
	'config acl add port vm1' 'config guard set port vm1' 'config rate set port vm1' 'config meter add' \
	'config flow add' 'config worker set' 'worker-add cpu 0' 'link-up vm1' 'link-down vm1' 'port-held vm1' \
	'port-released vm1' 'uplink-down up0' 'uplink-up up0' 'uplink-gone up0' 'port-del up0' 'port-del vm1' \
	'port-add vm2' 'config transaction' 'worker-del cpu 0'; do
	shows " $line" cat "$tmp/text"
done
# Of what was made and removed, held and released, nothing but that is told; and all of it once.
hides 'config port (add|del|hold|release)' cat "$tmp/text"
twice() { cut -d ' ' -f 2- "$tmp/text" | grep -vE '^(config transaction|uplink-(up|down))' | sort | uniq -d | grep . ; }
ok 'each once' exits 1 twice
lines() {
	# shellcheck disable=SC2154
	$python -c 'import json, sys
for line in sys.stdin:
    event = json.loads(line)
    assert event["event"] and event["time"], event' <"$tmp/json" && [ -s "$tmp/json" ]
}
ok 'each line is JSON' lines
ok 'the same number of events' test "$(wc -l <"$tmp/text")" = "$(wc -l <"$tmp/json")"
ok 'another namespace hears nothing' test ! -s "$tmp/blue"
ip netns del blue
