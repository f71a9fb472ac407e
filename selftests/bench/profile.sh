#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Where a packet's instructions go: the machine of icount.sh, with perf in it, whose clock counts instructions.
#
#   profile.sh [OUTDIR]     (default selftests/bench/out/profile): one file of functions for each load, profile.txt
#
#   PROFILE_LOADS   direction and length of the frame: "out:64 in:1514"; or for a disk how it is reached, what is asked
#                   of it, and how many requests are under way: "volume:write:4096:64"
#   BENCH_PATHS     which datapaths are set up (sluice): those of the disks, say
#
# Needs linux-perf, which nothing else here does.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=../rig/host-sluice.sh
. "$here/../rig/host-sluice.sh"
command -v perf >/dev/null || rig_die "install linux-perf (on Debian 12: from backports)"
out=$(realpath -m "${1:-$here/out/profile}")
mkdir -p "$out"
ver=$(rig_kver) || rig_die "no kernel 6.12 or later in /boot (selftests/rig/deps.sh rig)"
make -s -C "$here"
sluice_build "$ver" >&2

"$here/../rig/host-run.sh" -i -v 0 -c 1 -m 2048 -t "${RIG_TIMEOUT:-3600}" -o "$out" \
	-e "BENCH_OBJECTS=$top/build/$ver" -e "BENCH_ROUNDS=0" -e "BENCH_SECONDS=${BENCH_SECONDS:-0.5}" \
	-e "BENCH_PATHS=${BENCH_PATHS:-sluice}" \
	-e "PROFILE_LOADS=${PROFILE_LOADS:-out:64 out:1514 in:64 in:1514}" "$here/guest.sh"
/usr/bin/python3 "$here/stages.py" "$out"/*.perf | tee "$out/profile.txt"
