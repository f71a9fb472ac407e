#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a tenant has takes so many bytes of the kernel's memory and no more, whatever it is.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

dry='no more memory allowed here'
tenant_new
# So many bytes, at most, from now on.
allow() { sluice tenant allow pid "$tenant" ports 100 rules 100000 memory "$1"; }
used() { sluice -j tenant show | grep -o '"memory-used": *[0-9]*' | grep -o '[0-9]*$'; }
uses() { [ "$(used)" = "$1" ] || { echo "it is $(used)"; return 1; }; }
within() { [ "$(used)" -le "$1" ] || { echo "it is $(used)"; return 1; }; }

# --- what is said
misused 'N\[k\|m\|g\|t\]' sluice tenant allow pid "$tenant" memory much
done_ allow 3m
shows ' rules 100000 memory 3m ports-used 0 rules-used 0 memory-used 0$' sluice tenant show
ok 'JSON' printed '"memory": ?3145728,' sluice -j tenant show
done_ sluice tenant allow pid "$tenant" ports 2 rules 10
shows ' rules 10 memory [0-9]+m ports-used 0' sluice tenant show

# --- ports, with all that their queues may come to need
done_ allow 100m
done_ t sluice port add vm1
one=$(used)
done_ t sluice port add vm2 queues 16
all=$(used)
echo "# a port of one pair: $one bytes, of 16: $((all - one))"
ok 'each pair has an inbox, at least' test $((all - one - one)) -gt $((15 * 8192))
done_ t sluice port del vm2
ok 'all of it is back' uses "$one"
done_ t ip link add vm2 numrxqueues 1000 type sluice
ok "queues of the host's stack count" test $(($(used) - one - one)) -gt $((900 * 128))
done_ t ip link del vm2
ok 'all of it is back' uses "$one"
done_ allow $((2 * one - 1))
refused "$dry" t sluice port add vm2
ok 'nor by ip-link(8)' exits 2 t ip link add vm2 type sluice
refused "$dry" t sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm1" }, { "name": "vm2" } ] }'
ok 'nothing came of it' uses "$one"
done_ allow $((2 * one))
done_ t sluice port add vm2
done_ t sluice port del vm2

# --- policy, of each kind: until there is no more, and back again
room=32768
limit=$((one + room))
done_ allow $limit
chmod 755 "$tmp"
fill() { # name, what takes it away, command with %d
	local i
	for ((i = 1; i <= 1000; i++)); do
		# shellcheck disable=SC2059
		printf "$3\n" "$i"
	done >"$tmp/fill"
	chmod 644 "$tmp/fill"
	refused "$dry" t sluice -b "$tmp/fill"
	ok "$1: no more than that" within $limit
	ok "$1: most of it" test "$(used)" -gt $((one + room / 2))
	# shellcheck disable=SC2086
	[ -z "$2" ] || done_ t sluice $2
}
fill 'a list' 'acl flush port vm1' 'acl add port vm1 dir to-guest prio %d deny'
ok 'all of it is back' uses "$one"
fill 'flows' 'flow flush' 'flow add prio 1 dport %d proto tcp eth-type ipv4 actions drop'
ok 'all of it is back' uses "$one"
# Who chooses ids far from each other has the kernel keep more for each.
near=$(t sluice flow add id 1 prio 1 actions drop && used)
done_ t sluice flow add id 2 prio 2 actions drop
next=$(used)
done_ t sluice flow add id 4000000000 prio 3 actions drop
ok 'ids far from each other' test $(($(used) - next)) -gt $((next - near + 4 * 500))
done_ t sluice flow flush
ok 'all of it is back' uses "$one"
fill 'meters' '' 'meter add %d pps 5'
for ((i = 1; i <= 1000; i++)); do echo "meter del $i"; done >"$tmp/fill"
t sluice -b "$tmp/fill" 2>/dev/null || true
ok 'all of it is back' uses "$one"
done_ allow $((one + 100))
refused "$dry" t sluice guard set port vm1 mac 52:54:00:51:20:01
refused "$dry" t sluice rate set port vm1 dir to-guest pps 5
ok 'nothing came of it' uses "$one"
done_ allow $limit
done_ t sluice guard set port vm1 mac 52:54:00:51:20:01
done_ t sluice rate set port vm1 dir to-guest pps 5
with=$(used)
ok 'guards and limits count' test "$with" -gt $((one + 1024))
done_ t sluice guard set port vm1 mac 52:54:00:51:20:02
done_ t sluice rate set port vm1 dir to-guest pps 6
ok 'replaced they are no more' uses "$with"
done_ t sluice guard off port vm1
done_ t sluice rate off port vm1 dir to-guest
ok 'all of it is back' uses "$one"

# --- transactions
rules_state 1000 >"$tmp/many"
rules_state 20 >"$tmp/some"
refused "$dry" t sluice apply - <"$tmp/many"
ok 'nothing came of it' uses "$one"
done_ t sluice apply - <"$tmp/some"
some=$(used)
ok 'rules are there' test "$some" -gt "$one"
refused "$dry" t sluice apply - <"$tmp/many"
ok 'what was there is there' uses "$some"
# Flows, meters, a guard and a limit in place of it; and a refusal at the very end of that.
other='"acl": [], "meter": [ { "id": 7, "pps": 5 } ], "guard": [ { "port": "vm1", "mac": [ "52:54:00:51:20:01" ] } ],
	"rate": [ { "port": "vm1", "dir": "to-guest", "pps": 5 } ],
	"flow": [ { "prio": 1, "in": "vm1", "actions": ["meter:7", "slow"] }'
refused 'there is no meter 8' t sluice apply - <<<"{ \"version\": 2, \"port\": [ { \"name\": \"vm1\" } ], $other,
	{ \"prio\": 2, \"in\": \"vm1\", \"actions\": [\"meter:8\", \"slow\"] } ] }"
ok 'what was there is there' uses "$some"
done_ t sluice apply - <<<"{ \"version\": 2, \"port\": [ { \"name\": \"vm1\" } ], $other ] }"
ok 'the rest in place of it' test "$(used)" -gt "$one"
done_ t sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm1" } ], "meter": [], "guard": [], "rate": [], "flow": [] }'
ok 'all of it is back' uses "$one"
# What is only kept.
keep() {
	t $python -c '
import sys
sys.path.insert(0, sys.argv[1])
import nl
spec, kept = nl.Spec(), 0
sock = nl.Socket()
sock.request(spec.cmd("txn-begin"))
flush = spec.cmd("acl-flush"), nl.text(spec.attr("acl", "port"), "vm1")
try:
    while kept < 10000:
        sock.request(*flush)
        kept += 1
except nl.Refusal as why:
    print("kept", kept, why.words, flush=True)
sys.stdin.readline()
' "$here/../ctl"
}
coproc { keep; }
read -r -u "${COPROC[0]}" words
ok "an open transaction: $words" grep -qE "^kept [1-9][0-9]* $dry" <<<"$words"
ok 'what it keeps counts' test "$(used)" -gt $((one + room / 2))
ok 'no more than that' within $limit
refused "$dry" t sluice port add vm2
echo >&"${COPROC[1]}"
wait "$COPROC_PID"
ok 'all of it is back' soon uses "$one"

# --- all that a user has
done_ sluice tenant deny pid "$tenant"
first=$tenant
tenant_new
done_ sluice tenant allow uid $nobody ports 100 rules 1000 memory $((2 * one + 100))
done_ t sluice port add vm1
refused "$dry" in_ns "$first" sluice port add vm2
refused "$dry" t sluice port add vm2
done_ in_ns "$first" sluice port del vm1
done_ t sluice port add vm2
done_ t sluice port del vm2
done_ t sluice port del vm1
shows ' ports-used 0 rules-used 0 memory-used 0$' sluice tenant show
done_ sluice tenant deny uid $nobody
