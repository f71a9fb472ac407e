#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages by chance from nobody, who is root of a namespace of his own: what is the host's stays as it is, and
# he gets no more than he was allowed. The kernel's own checks are judges too.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

done_ sluice worker add cpu 0
done_ sluice port add vm1
done_ sluice acl add port vm1 dir to-guest prio 1 deny
done_ sluice meter add 1 pps 5
done_ sluice flow add id 1 prio 1 in vm1 actions meter:1,slow
# shellcheck disable=SC2154
sluice dump >"$tmp/was"
same() { sluice dump >"$tmp/now" && diff "$tmp/was" "$tmp/now"; }

tenant_new
done_ t ip link add vf0 type dummy
done_ t ip link add vf1 type dummy
# shellcheck disable=SC2154
fuzz() {
	t $python "$here/../ctl/fuzz.py" "$1" "${FUZZ_SEED:-$RANDOM}"
}
ok 'the kernel stands' fuzz 4
sed 's/^/# /' "$tmp/out"
hides . t sluice port show
hides . sluice tenant show
ok "the host's is as it was" same

done_ sluice tenant allow pid "$tenant" ports 4 rules 40 memory 1m
ok 'and when something is allowed' fuzz 12
sed 's/^/# /' "$tmp/out"
ok "the host's is as it was" same
within() {
	sluice tenant show
	sluice tenant show | awk '{
		for (i = 1; i < NF; i++) v[$i] = $(i + 1)
		exit !(v["ports-used"] <= 4 && v["rules-used"] <= 40 && v["memory-used"] <= 1048576)
	}'
}
ok 'no more than that' within
sed 's/^/# /' "$tmp/out"
ok 'which is what there is' t sluice dump
kill "$tenant"
wait "$tenant" || true
ok 'gone with the namespace' settled
for what in 'flow flush' 'meter del 1' 'port del vm1'; do
	# shellcheck disable=SC2086
	done_ sluice $what
done
