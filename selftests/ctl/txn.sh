#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A commit is all or nothing: what packets see is made aside, and what is refused leaves no trace.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
count=${CTL_RULES:-16384}

# A state with so many rules of vm1 to the guest, nine from it, and what else is said (JSON members).
state() { # rules, first priority, more
	# shellcheck disable=SC2154
	$python - "$@" <<'END'
import json, sys
rules, first = int(sys.argv[1]), int(sys.argv[2])
state = {"version": 2, "port": [{"name": "vm1"}], "uplink": [], "flow": [],
         "acl": [{"port": "vm1", "dir": d, "prio": first + i, "dst": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}",
                  "verdict": "deny"} for d in ("from-guest", "to-guest") for i in range(rules if d == "to-guest" else 9)]}
state.update(json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}"))
json.dump(state, sys.stdout)
END
}
rules() { [ "$(sluice acl show port vm1 | grep -c 'prio ')" = "$1" ]; }
same() { sluice dump >"$tmp/now" && cmp "$tmp/was" "$tmp/now"; }

state "$count" 1 >"$tmp/full"
ok "a port with $count rules" sluice apply "$tmp/full"
ok 'all of them are shown' rules $((count + 9))
echo "# $(sluice -s worker show | grep -o 'longest-pause.*' | head -n 1)"
refused 'access list is full' sluice acl add port vm1 dir to-guest prio 1000000 deny
done_ sluice dump
sluice dump >"$tmp/was"
state $((count + 1)) 1 >"$tmp/more"
refused 'access list is full' sluice apply "$tmp/more"
ok 'nothing of it is left' same

# Other rules at all places: each goes and comes.
state 500 5 >"$tmp/other"
ok 'another list' sluice apply "$tmp/other"
ok 'it is the other one' rules 509
ok 'and nothing of the first' sh -c "! sluice acl show port vm1 | grep -q 'prio 4 '"

# A change is refused after others were made aside, and so is a new port.
state 100 7 >"$tmp/small"
ok 'a short list' sluice apply "$tmp/small"
sluice dump >"$tmp/was"
state 50 300 '{"port": [{"name": "vm1"}, {"name": "vm2"}], "uplink": [{"name": "up0", "dev": "lo"}]}' >"$tmp/bad"
refused "needs an Ethernet device" sluice apply "$tmp/bad"
ok 'the list is as it was' same
hides vm2 sluice port show
refused "needs an Ethernet device" sluice apply "$tmp/bad"

# To a port that the same commit makes, and one that it removes.
state 10 1 '{"port": [{"name": "vm3"}], "acl": [{"port": "vm3", "dir": "to-guest", "prio": 3, "verdict": "allow"}]}' \
	>"$tmp/exchange"
ok 'another port with another list' sluice apply "$tmp/exchange"
ok 'it has its rule' sh -c "sluice acl show | grep -q 'to-guest prio 3 '"
hides vm1 sluice port show

# A flow whose output is gone comes back as it was, and is declared as it is shown.
done_ sluice port add vm4
done_ sluice flow add id 9 prio 3 in vm3 actions output:vm4
done_ sluice port del vm4
shows '^flow id 9 .*gone:0.* inactive' sluice flow show
sluice dump >"$tmp/was"
$python - "$tmp/was" >"$tmp/bad" <<'END'
import json, sys
state = json.load(open(sys.argv[1]))
state["flow"] = [{"prio": 4, "actions": ["meter:99", "slow"]}]
json.dump(state, sys.stdout)
END
refused 'no meter' sluice apply "$tmp/bad"
ok 'the flow is back' same
done_ sluice flow flush
done_ sluice apply "$tmp/was"
ok 'and can be declared' same

# What packets see is made aside: workers stop for a commit once, for the switch, and not for one that is refused.
pauses() { sluice -s worker show | sed -n 's/.* pauses \([0-9]*\).*/\1/p' | sort -n | tail -n 1; }
whole <<<'{ "port": [ { "name": "vm5" }, { "name": "vm6" } ] }' >"$tmp/empty"
ok 'two ports' sluice apply "$tmp/empty"
# Flows of that many masks, with all else that a port can have.
full() { # first flow id, more flows (JSON)
	# shellcheck disable=SC2154
	$python - "$@" <<'PY'
import json, sys
first = int(sys.argv[1])
flows = [{"id": first + i, "prio": 10 + i % 7, "in": "vm5", "dst": f"10.0.{i >> 3}.{i % 8 * 32}/{28 + i % 5}",
          "actions": [f"meter:{first}", "output:vm6"]} for i in range(2000)]
json.dump({"version": 2, "port": [{"name": "vm5"}, {"name": "vm6"}], "meter": [{"id": first, "pps": 1000000}],
           "wire": [{"a": "vm5", "b": "vm6"}], "flow": flows + json.loads(sys.argv[2]),
           "guard": [{"port": "vm5", "mac": ["02:00:00:00:00:05"]}],
           "rate": [{"port": "vm6", "dir": "to-guest", "pps": 1000}],
           "acl": [{"port": "vm6", "dir": "to-guest", "prio": 1, "verdict": "deny", "dport": "23", "proto": "tcp"}]},
          sys.stdout)
PY
}
full 1000 '[]' >"$tmp/full"
full 1000 '[{"id": 9999, "prio": 1, "actions": ["meter:99", "slow"]}]' >"$tmp/bad"
sluice dump >"$tmp/was"
before=$(pauses)
refused 'no meter 99' sluice apply "$tmp/bad"
ok 'nothing of it is left' same
ok 'no worker stopped for it' test "$(pauses)" = "$before"
ok 'all of it at once' sluice apply "$tmp/full"
ok 'workers stopped once' test "$(pauses)" = $((before + 1))

# What is refused took nothing away: what was counted is still there, and counted on.
ip link set vm5 up
frames() { # of vm5's guest to 10.0.0.1
	# shellcheck disable=SC2154
	$python - "$1" "$(cat /sys/class/net/vm5/ifindex)" <<'PY'
import fcntl, os, struct, sys
tap = os.open(f"/dev/tap{sys.argv[2]}", os.O_RDWR)
fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"vm5", 0x1002))
ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1]))
total = sum(struct.unpack(">10H", ip))
total = (total & 0xffff) + (total >> 16)
ip = ip[:10] + struct.pack(">H", ~(total + (total >> 16)) & 0xffff) + ip[12:]
for _ in range(int(sys.argv[1])):
    os.write(tap, bytes.fromhex("020000000006020000000005") + struct.pack(">H", 0x800) + ip + bytes(26))
PY
}
counted() { { sluice -s flow show | grep -v 'packets 0'; } || true; sluice -s meter show; }
done_ frames 5
counted >"$tmp/counted"
shows 'packets 5' cat "$tmp/counted"
for first in 1000 5000; do
	full "$first" '[{"id": 9998, "prio": 1, "actions": ["meter:99", "slow"]}]' >"$tmp/bad"
	sed -i 's/"prio": 1[0-6]/"prio": 8/g' "$tmp/bad"
	sluice dump >"$tmp/was"
	refused 'no meter 99' sluice apply "$tmp/bad"
	ok 'all is as it was' same
	counted >"$tmp/now"
	ok 'with what it had counted' cmp "$tmp/counted" "$tmp/now"
done
done_ frames 3
counted >"$tmp/counted"
shows 'packets 8' cat "$tmp/counted"
# Other ids and priorities, with another meter: all of it is new.
full 5000 '[]' | sed 's/"prio": 1[0-6]/"prio": 8/g' >"$tmp/other"
ok 'another state in its place' sluice apply "$tmp/other"
counted >"$tmp/now"
hides 'packets 8' cat "$tmp/now"
done_ frames 2
shows 'packets 2' counted
shows 'id 5' sluice flow show
hides 'id 1[0-9][0-9][0-9] ' sluice flow show
