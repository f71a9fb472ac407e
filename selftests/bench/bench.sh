#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bench: Sluice and its stock peers under the same load, in one boot of the native User-mode Linux.
#
#   bench.sh [OUTDIR]      (default selftests/bench/out): results (raw), bench.json, bench.txt
#
# BENCH_ROUNDS, BENCH_SECONDS, BENCH_PATHS, SLUICE_KO and SLUICE_TOOL as in guest.sh.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=$(realpath -m "${1:-$here/out}")
mkdir -p "$out"
make -s -C "$here"

export RIG_ENV="BENCH_ROUNDS BENCH_SECONDS BENCH_PATHS SLUICE_KO SLUICE_TOOL"
export RIG_OUT=$out RIG_TIMEOUT=${RIG_TIMEOUT:-3600}

# The guest kernel and its processes are threads of one CPU: kept on one of ours, they hand over to each other at a
# steady price; and others on this machine should disturb them little.
cpu=$(($(nproc) - 1))
run=(taskset -c "$cpu")
if nice -n -15 true 2>/dev/null; then
	run=(nice -n -15 "${run[@]}")
fi
"${run[@]}" "$here/../rig/uml-run.sh" native "$here/guest.sh"
/usr/bin/python3 "$here/report.py" "$out/results" "$out/bench.json" | tee "$out/bench.txt"
