#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bench in instructions instead of nanoseconds: the same loads and datapaths, in a stock Debian kernel under
# QEMU, whose clock is the number of instructions executed. Nothing that happens on this machine disturbs it.
#
#   icount.sh [OUTDIR]      (default selftests/bench/out/icount): results (raw), bench.json, bench.txt
#
#   BENCH          net or block: one half of it (both)
#   BENCH_ROUNDS   how often everything is measured (1: repeats agree to a per cent)
#   BENCH_SECONDS  of one measurement, of the counted clock (0.1)
#   BENCH_TRIPS    round trips of a single frame (500)
#   BENCH_PATHS    which datapaths, in place of BENCH (see paths.sh)
#   BENCH_FSRM     if set, a processor with fast short string operations, where all copies are "rep movsb" and count
#                  byte by byte: dearer in all, but the same to all who copy the same
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=../rig/host-sluice.sh
. "$here/../rig/host-sluice.sh"
# shellcheck source=paths.sh
. "$here/paths.sh"
out=$(realpath -m "${1:-$here/out/icount}")
mkdir -p "$out"
ver=$(rig_kver) || rig_die "no kernel 6.12 or later in /boot (selftests/rig/deps.sh rig)"
make -s -C "$here"
sluice_build "$ver" >&2
BENCH_PATHS=${BENCH_PATHS:-$(bench_paths "${BENCH:-}" passthrough)}
cipher=$(bench_cipher "/lib/modules/$ver/build")

[ -z "${BENCH_FSRM:-}" ] || export RIG_ICOUNT_CPU="max,+svm,+erms,+fsrm"
"$here/../rig/host-run.sh" -i -v 2 -c 1 -m 2048 -t "${RIG_TIMEOUT:-3600}" -o "$out" \
	-e "BENCH_OBJECTS=$top/build/$ver" -e "BENCH_ROUNDS=${BENCH_ROUNDS:-1}" \
	-e "BENCH_SECONDS=${BENCH_SECONDS:-0.1}" -e "BENCH_TRIPS=${BENCH_TRIPS:-500}" \
	-e "BENCH_PATHS=$BENCH_PATHS" -e "BENCH_CIPHER=$cipher" \
	"$here/guest.sh"
/usr/bin/python3 "$here/report.py" "$out/results" "$out/bench.json" instructions | tee "$out/bench.txt"
