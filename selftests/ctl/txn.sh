#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A commit is all or nothing: access lists are built aside, and what is refused leaves no trace.
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
state = {"version": 1, "port": [{"name": "vm1"}],
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

# A change that is made in place is refused after the lists were built, and so is a new port.
state 100 7 >"$tmp/small"
ok 'a short list' sluice apply "$tmp/small"
sluice dump >"$tmp/was"
state 50 300 '{"port": [{"name": "vm1"}, {"name": "vm2"}], "uplink": [{"name": "up0", "dev": "none0"}]}' >"$tmp/bad"
refused "no interface 'none0'" sluice apply "$tmp/bad"
ok 'the list is as it was' same
hides vm2 sluice port show
refused "no interface 'none0'" sluice apply "$tmp/bad"

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
