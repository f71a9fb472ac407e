#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is the host's is shown to its operator alone, and reading disturbs no worker.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

done_ sluice worker add cpu 0
done_ sluice port add vm1
tenant_new
shows '^worker cpu 0' sluice worker show
# They are told so, in the same words whatever there is, and no more.
hosts="^sluice: not permitted: this is the host's"
for what in 'worker show' 'volume show' 'volume show v1' 'key show' 'top v1 count 1' '-j worker show'; do
	# shellcheck disable=SC2086
	refused "$hosts" t sluice $what
	# shellcheck disable=SC2086
	refused "$hosts" as_nobody sluice $what
done
shows '^vm1: ' as_nobody sluice port show
hides . t sluice port show
# Who may not see volumes has his ports; the tenant has none.
shows '^vm1 ' as_nobody sluice top count 1
hides '^vm1 ' t sluice top count 1

done_ sluice tenant allow pid "$tenant"
done_ t sluice port add vm2
done_ t sluice meter add 1 pps 5
done_ t sluice flow add id 1 prio 1 in vm2 actions meter:1,slow
done_ t sluice acl add port vm2 dir to-guest prio 1 deny

# Who applies it on the host does not take away what is the host's.
t sluice dump >"$tmp/state"
ok 'a dump has the ports' grep -q vm2 "$tmp/state"
ok 'and nothing of the host' exits 1 grep -qE 'worker|volume|assign' "$tmp/state"
done_ sluice apply "$tmp/state"
shows '^worker cpu 0' sluice worker show
done_ sluice port del vm2
done_ sluice port add vm1
done_ t sluice apply - <"$tmp/state"
shows '^flow id 1 ' t sluice flow show

# A worker that has nothing to do is woken by calls only.
wakeups() {
	sluice -j worker show | grep -o '"wakeups": *[0-9]*' | awk -F: '{ n += $2 } END { print n }'
}
# shellcheck disable=SC2154
dumps() { t $python "$here/../abuse/dumps.py" "$1" 400; }
for what in meter-get rate-get guard-get; do
	before=$(wakeups)
	ok "400 times $what" dumps $what
	after=$(wakeups)
	echo "# $((after - before)) wake-ups"
	ok 'wake no worker' test $((after - before)) -lt 50
done
for what in flow-get acl-get; do
	before=$(wakeups) start=$SECONDS
	ok "400 times $what" dumps $what
	after=$(wakeups) seconds=$((SECONDS - start + 1))
	echo "# $((after - before)) wake-ups in $seconds s"
	ok 'wake a worker ten times a second' test $((after - before)) -lt $((50 + 10 * 2 * seconds))
done
done_ t sluice port del vm2
done_ sluice port del vm1
