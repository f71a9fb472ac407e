#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages made by chance from the family's specification, for FUZZ_TIME seconds. The kernel's own checks
# (KASAN, lockdep, kmemleak) are the judges.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip link add vf0 type dummy
ip link add vf1 type dummy
# shellcheck disable=SC2154
ok 'the kernel stands' $python "$here/fuzz.py" "${FUZZ_TIME:-15}" "${FUZZ_SEED:-$RANDOM}"
sed 's/^/# /' "$tmp/out"
done_ sluice version
done_ sluice dump
