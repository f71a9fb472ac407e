#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How long control keeps a worker from its queues, by the module's own counters, in the native User-mode Linux:
# transactions of 1,000 to 100,000 rules under traffic; a worker that dies; one that does not answer.
#
#   pause.sh [OUTDIR]      (default selftests/bench/out/pause): results (raw), pause.json, pause.txt
#
#   BENCH_ROUNDS   how often everything is measured (5)
#   BENCH_RULES    numbers of rules (1000 10000 100000)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=boot.sh
. "$here/boot.sh"
out=$(realpath -m "${1:-$here/out/pause}")
RIG_ENV="BENCH_ROUNDS BENCH_RULES" BENCH_WEDGE=yes bench_boot "$out" "$here/guest-pause.sh"
/usr/bin/python3 "$here/pause.py" "$out/results" "$out/pause.json" | tee "$out/pause.txt"
