#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A dump of any state is one to apply: to that state, and to an empty host. One that was damaged changes nothing.
# SEED=N repeats a run: RIG_ENV=SEED SEED=N.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
mkdir "$config/nullb/trip"
echo 64 >"$config/nullb/trip/size"
echo 1 >"$config/nullb/trip/memory_backed"
echo 1 >"$config/nullb/trip/power"
trap 'rc=$?; clean; rmdir "$config/nullb/trip"; (exit $rc); finish' EXIT
# shellcheck disable=SC2154
$python "$here/roundtrip.py" "${SEED:-$RANDOM}" "$(whole worker volume volume-group <<<'{}')" >"$tmp/tap" || true
sed -n 's/^#/#/p' "$tmp/tap"
ok 'all rounds' grep -q '^done' "$tmp/tap"
ok 'each was as it should be' sh -c "! grep '^not ok' '$tmp/tap'"
