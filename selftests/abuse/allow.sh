#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A namespace of a user's own has nothing, unless the operator allowed it, and no more than that.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

denied='sluice tenant allow'
tenant_new
t ip link add vf0 type veth peer name vf1

# --- by itself: nothing
for what in 'port add vm1' 'uplink add up0 dev vf0' 'wire add vm1 vm2' 'meter add 1 pps 5' 'flow flush' \
	'flow add prio 1 actions drop' 'acl add port vm1 dir to-guest prio 1 deny' \
	'acl default port vm1 dir to-guest deny' 'guard set port vm1 mac 52:54:00:51:20:01' \
	'rate set port vm1 dir to-guest pps 5' 'port del vm1'; do
	# shellcheck disable=SC2086
	refused "$denied" t sluice $what
done
ok 'nor by ip-link(8)' exits 2 t ip link add vm1 type sluice
ok 'nor by that from outside' exits 2 ip link add vm1 netns "$tenant" type sluice
refused "$denied" t sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm1" } ] }'
hides . t sluice port show
hides . t sluice flow show
refused 'not permitted' t sluice worker add cpu 0
refused 'not permitted' t sluice volume add v1 dev /dev/null
for what in "allow pid $tenant" "deny pid $tenant" show 'allow uid 65534'; do
	# shellcheck disable=SC2086
	refused 'not permitted' t sluice tenant $what
	# shellcheck disable=SC2086
	refused 'not permitted' as_nobody sluice tenant $what
done
hides . sluice tenant show

# --- what the operator says
misused 'missing: netns, pid, uid' sluice tenant allow
refused 'one of netns, pid and uid' sluice tenant allow pid 1 uid 2
refused "operator's own" sluice tenant allow pid 1
refused 'no such process' sluice tenant allow pid 4000000
refused 'No such file' sluice tenant allow netns nothing
refused 'no file of a network namespace' sluice tenant allow netns /dev/null
refused 'not allowed' sluice tenant deny pid "$tenant"
done_ sluice tenant allow pid "$tenant" ports 3 rules 4
shows '^tenant netns [0-9]+ uid 65534 ports 3 rules 4 memory [0-9]+m ports-used 0 rules-used 0 memory-used 0$' sluice tenant show
ok 'JSON' printed '"ports": ?3' sluice -j tenant show
used() { sluice tenant show | grep -q "ports-used $1 rules-used $2 "; }

# --- ports, by whatever way
done_ t sluice port add vm1
done_ t sluice uplink add up0 dev vf0
done_ t ip link add vm2 type sluice
refused 'no more ports' t sluice port add vm3
ok 'a fourth port by ip-link(8)' exits 2 t ip link add vm3 type sluice
refused 'no more ports' t sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm1" }, { "name": "vm2" }, { "name": "vm3" } ],
	"uplink": [ { "name": "up0", "dev": "vf0" } ] }'
ok 'three are used' used 3 0
done_ t sluice port del vm2
done_ t sluice port add vm3
done_ t sluice port del vm3
# They count where they are, so they stay. Other devices do not.
first=$tenant
tenant_beside "$first"
sibling=$tenant
tenant=$first
done_ t ip link set vf1 netns "$sibling"
ok 'a port goes nowhere else' exits 2 t ip link set vm1 netns "$sibling"
tenant_new
second=$tenant
tenant=$first

# --- rules, of all kinds together
done_ t sluice acl add port vm1 dir to-guest prio 1 deny
done_ t sluice acl add port vm1 dir from-guest prio 1 deny
done_ t sluice meter add 1 pps 5
done_ t sluice flow add id 1 prio 1 actions meter:1,slow
for what in 'acl add port vm1 dir to-guest prio 2 deny' 'meter add 2 pps 5' 'flow add prio 2 actions drop'; do
	# shellcheck disable=SC2086
	refused 'no more rules' t sluice $what
done
ok 'four are used' used 2 4
rules_state 5 >"$tmp/five"
rules_state 500 >"$tmp/very-many"
refused 'no more rules' t sluice apply - <"$tmp/five"
refused 'more changes than' t sluice apply - <"$tmp/very-many"
ok 'nothing came of either' used 2 4
done_ t sluice flow del id 1
done_ t sluice meter del 1
done_ t sluice acl del port vm1 dir to-guest prio 1
ok 'one is used' used 2 1
done_ t sluice acl flush port vm1
ok 'none is used' used 2 0
# Lists of a transaction are built aside, and count all the same.
rules_state 4 >"$tmp/four"
done_ t sluice apply - <"$tmp/four"
ok 'a list of four' used 1 4
meters() { # ids
	echo "{ \"version\": 2, \"port\": [ { \"name\": \"vm1\" } ], \"acl\": [], \"meter\": [ $(printf '{ "id": %d, "pps": 5 }, ' "$@" | sed 's/, $//') ] }"
}
meters 1 2 3 4 5 >"$tmp/five"
meters 1 >"$tmp/one"
refused 'no more rules' t sluice apply - <"$tmp/five"
ok 'the list is back, and counts' used 1 4
done_ t sluice apply - <"$tmp/one"
ok 'a meter in place of it' used 1 1
done_ t sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm1" } ], "meter": [ { "id": 1, "pps": 5 } ],
	"flow": [ { "prio": 1, "in": "vm1", "actions": ["meter:1", "slow"] } ],
	"acl": [ { "port": "vm1", "dir": "to-guest", "prio": 1, "verdict": "deny" } ] }'
ok 'a port and three rules' used 1 3
done_ t sluice port del vm1
ok 'a port takes its rules along' used 0 1

# --- transactions: all who close a socket look for theirs among them
open_many() {
	t $python -c '
import sys
sys.path.insert(0, sys.argv[1])
import nl
begin, opened = nl.Spec().cmd("txn-begin"), []
try:
    for i in range(100):
        opened.append(nl.Socket())
        opened[-1].request(begin)
except nl.Refusal as why:
    print(i, why.words)
' "$here/../ctl"
}
shows '^16 too many transactions' open_many
shows '^16 too many transactions' open_many

# --- taken back: what is there stays, may go, and nothing comes
done_ t sluice port add vm1
done_ t sluice acl add port vm1 dir to-guest prio 1 deny
done_ sluice tenant deny pid "$tenant"
shows '^tenant netns [0-9]+ uid 65534 ports-used 1 rules-used 2 memory-used [1-9][0-9]*$' sluice tenant show
shows 'prio 1 deny' t sluice acl show
for what in 'port add vm2' 'acl add port vm1 dir to-guest prio 2 deny' 'flow add prio 1 actions drop' \
	'rate set port vm1 dir to-guest pps 5' 'guard set port vm1 mac 52:54:00:51:20:01' 'apply -'; do
	# shellcheck disable=SC2086
	refused "$denied" t sluice $what <<<'{}'
done
done_ t sluice acl del port vm1 dir to-guest prio 1
done_ t sluice meter del 1
done_ t sluice port del vm1
hides . sluice tenant show

# --- all that a user has
done_ sluice tenant allow uid $nobody ports 2 rules 2
done_ t sluice port add vm1
done_ in_ns "$second" sluice port add vm1
refused 'no more ports' t sluice port add vm2
refused 'no more ports' in_ns "$second" sluice port add vm2
done_ t sluice acl add port vm1 dir to-guest prio 1 deny
done_ in_ns "$second" sluice meter add 1 pps 5
refused 'no more rules' t sluice meter add 1 pps 5
shows '^tenant uid 65534 ports 2 rules 2 memory [0-9]+m ports-used 2 rules-used 2 memory-used [1-9][0-9]*$' sluice tenant show
# Those that are allowed by themselves go by that.
done_ sluice tenant allow pid "$second"
shows '^tenant netns [0-9]+ uid 65534 ports 16 rules 1024 memory [0-9]+m ports-used 1 rules-used 1 memory-used [1-9][0-9]*$' sluice tenant show
done_ in_ns "$second" sluice port add vm2
refused 'no more ports' t sluice port add vm2
done_ sluice tenant deny uid $nobody
refused 'not allowed' sluice tenant deny uid $nobody
done_ sluice tenant allow uid $nobody ports 4 rules 5
shows '^tenant uid 65534 ports 4 rules 5 memory [0-9]+m ports-used 3 rules-used 2 memory-used [1-9][0-9]*$' sluice tenant show
# Another user's namespace is not his.
other() { setpriv --reuid 1234 --regid 1234 --clear-groups -- unshare -Urn "$@"; }
refused "$denied" other sluice port add vm1

# --- all goes with the namespace
for pid in "$first" "$second"; do
	kill "$pid"
	wait "$pid" || true
done
gone() {
	local n
	for ((n = 0; n < 100; n++)); do
		[[ ! $(sluice tenant show) =~ ^tenant\ uid\ 65534\ .*\ ports-used\ 0\ rules-used\ 0\ memory-used\ 0$ ]] || return 0
		nap 0.1
	done
	sluice tenant show
	return 1
}
ok 'namespaces that end take all along' gone
done_ sluice tenant deny uid $nobody
hides . sluice tenant show
