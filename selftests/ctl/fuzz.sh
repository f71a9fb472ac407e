#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages made by chance from the family's specification, for FUZZ_TIME seconds. The kernel's own checks
# (KASAN, lockdep, kmemleak) are the judges.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# A volume that is wiped before it goes may have been told to take its time, or none.
at_end() {
	sluice volume show | sed -n 's/^\([^ ]*\): .* ending.*/\1/p' | while read -r name; do
		sluice volume set "$name" wipe-bps 0 wipe-pause off || true
	done
	soon sh -c '! sluice volume show | grep -q " ending"'
}

ip link add vf0 type dummy
ip link add vf1 type dummy
# shellcheck disable=SC2154
ok 'the kernel stands' $python "$here/fuzz.py" "${FUZZ_TIME:-15}" "${FUZZ_SEED:-$RANDOM}"
sed 's/^/# /' "$tmp/out"
done_ sluice version
done_ sluice dump
