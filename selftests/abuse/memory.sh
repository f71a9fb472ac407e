#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Who has something made pays for it.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2154
cg=$tmp/cgroup
mkdir "$cg"
if ! mount -t cgroup2 none "$cg" || ! grep -qw memory "$cg/cgroup.controllers"; then
	ok 'memory is accounted # SKIP no controller' true
	exit 0
fi
at_end() {
	tenants_end
	rmdir "$cg/abuse" 2>/dev/null || true
	umount "$cg"
}
echo +memory >"$cg/cgroup.subtree_control"
mkdir "$cg/abuse"

tenant_new
done_ sluice tenant allow pid "$tenant" ports 100 rules 100000
# In the cgroup, which is root's to enter, as nobody.
join() {
	echo "$BASHPID" >"$cg/abuse/cgroup.procs"
	"$@"
}
paying() { (join t "$@"); }
pays() { awk '$1 == "kernel" { print $2 }' "$cg/abuse/memory.stat"; }
ports() { # prefix, pairs
	local i
	for ((i = 0; i < 20; i++)); do echo "port add $1$i queues $2"; done >"$tmp/$1"
	chmod 755 "$tmp" && chmod 644 "$tmp/$1"
	paying sluice -b "$tmp/$1"
}
at0=$(pays)
done_ ports a 1
at1=$(pays)
done_ ports b 16
at2=$(pays)
echo "# 20 ports: $(((at1 - at0) / 1024)) KiB, with 16 pairs each: $(((at2 - at1) / 1024)) KiB"
# A receive queue's inbox has 8 KiB.
ok 'queues are paid for' test $((at2 - at1 - (at1 - at0))) -gt $((20 * 15 * 8192 * 9 / 10))

many() {
	local i
	echo '{ "version": 2, "port": ['
	for ((i = 0; i < 20; i++)); do echo "{ \"name\": \"a$i\" }, { \"name\": \"b$i\" },"; done | sed '$s/,$//'
	echo '], "flow": [ { "prio": 1, "in": "a0", "actions": ["slow"] }'
	for ((i = 0; i < 1000; i++)); do
		echo ", { \"prio\": 2, \"in\": \"a0\", \"dst\": \"10.0.$((i >> 8)).$((i & 255))\", \"actions\": [\"slow\"] }"
	done
	echo '] }'
}
many >"$tmp/flows"
chmod 644 "$tmp/flows"
before=$(pays)
ok '1001 flows' paying sluice apply "$tmp/flows"
after=$(pays)
echo "# 1001 flows: $(((after - before) / 1024)) KiB"
ok 'rules are paid for' test $((after - before)) -gt $((1000 * 128))
for ((i = 0; i < 20; i++)); do printf 'port del a%d\nport del b%d\n' $i $i; done >"$tmp/del"
done_ t sluice -b - <"$tmp/del"
