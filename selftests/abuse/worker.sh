#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What tenants do costs none of the workers that the operator asked for.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip link add vf0 type dummy
done_ sluice worker add cpu 0 mode adaptive
done_ sluice port add vm1
shows '^worker cpu 0 mode adaptive users 2 ' sluice worker show
tenant_new
done_ sluice tenant allow pid "$tenant"
done_ t ip link add vf0 type dummy
done_ t sluice port add vm2 queues 2
done_ t sluice uplink add up0 dev vf0
theirs='^worker cpu [0-9]+ mode adaptive automatic tenants users'
shows "$theirs 5 " sluice worker show
shows '^worker cpu 0 mode adaptive users 2 ' sluice worker show
on_cpu() { t sluice port show vm2 | grep -q 'from-guest cpu [0-9]'; }
ok 'the port is served' on_cpu

# The operator himself cannot mix them, nor take the tenants' by mistake.
operator() { nsenter -t "$tenant" -n -- "$@"; }
refused 'serves tenants alone' operator sluice worker assign port vm2 cpu 0
refused 'serves tenants alone' operator sluice worker assign port up0 cpu 0
done_ sluice worker set cpu 0 mode poll
shows "$theirs 5 " sluice worker show
done_ sluice worker set cpu 0 mode adaptive
refused 'serves ports' sluice worker del cpu 0
done_ sluice port del vm1
done_ sluice worker del cpu 0
shows "$theirs 5 " sluice worker show
hides 'adaptive users' sluice worker show
# The host's next port does not go there, nor does the next worker take theirs over.
done_ sluice port add vm1
shows '^worker cpu [0-9]+ mode adaptive automatic users 2 ' sluice worker show
done_ sluice worker add cpu 0
shows '^worker cpu 0 mode adaptive users 2 ' sluice worker show
shows "$theirs 5 " sluice worker show

# A commit stops the tenants' worker, and no other.
done_ sluice tenant allow pid "$tenant" rules 5000
commit() {
	{
		echo '{ "version": 2, "port": [ { "name": "vm2" } ], "uplink": [ { "name": "up0", "dev": "vf0" } ], "flow": ['
		for ((i = 0; i < 4000; i++)); do
			echo "{ \"prio\": $i, \"in\": \"vm2\", \"dst\": \"10.0.0.1\", \"actions\": [ \"drop\" ] },"
		done
		echo '{ "prio": 4000, "in": "vm2", "actions": [ "drop" ] } ] }'
	} | t sluice apply -
}
# shellcheck disable=SC2154
pauses() { # of the worker that is not, or is, the tenants'
	sluice -s worker show | awk -v theirs="$1" '
		/^worker/ { of = / tenants /; }
		of == theirs && match($0, / pauses [0-9]+/) { print substr($0, RSTART + 8, RLENGTH - 8) }'
}
host0=$(pauses 0) theirs0=$(pauses 1)
ok '4001 flows in one commit' commit
ok "the tenants' worker stopped for it" test "$(pauses 1)" = $((theirs0 + 1))
ok "the host's worker did not" test "$(pauses 0)" = "$host0"
done_ t sluice flow flush

# A port that the operator gives away leaves his workers, and stays.
done_ sluice acl add port vm1 dir to-guest prio 1 deny
done_ ip link set vm1 netns "$tenant"
shows "$theirs 7 " sluice worker show
shows '^worker cpu 0 mode adaptive users 0 ' sluice worker show
shows ' rules-used 1 memory-used [1-9][0-9]*$' sluice tenant show
hides held t sluice port show vm1
ok 'it stays' exits 2 operator ip link set vm1 netns 1
done_ t sluice port del vm1
done_ t sluice port del vm2
shows "$theirs 1 " sluice worker show
done_ t sluice uplink del up0
hides tenants sluice worker show
# And with the namespace.
done_ t sluice port add vm2
shows "$theirs 2 " sluice worker show
kill "$tenant"
wait "$tenant" || true
ok 'gone with the namespace' settled
