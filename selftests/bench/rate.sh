#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What TCP gets of a port's rate, in the native User-mode Linux: for 1, 10 and 100 connections, with segmentation
# offload and without, in both directions, with the default burst and a small one; and of tc's limits beside it.
#
#   rate.sh [OUTDIR]      (default selftests/bench/out/rate): results (raw), rate.json, rate.txt
#
#   BENCH_SECONDS  of one measurement (4); the second before it does not count
#   BENCH_LIMITS   which limits (those of guest-rate.sh)
#   BENCH_CONNS    numbers of connections (1 10 100)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=boot.sh
. "$here/boot.sh"
out=$(realpath -m "${1:-$here/out/rate}")
RIG_ENV="BENCH_SECONDS BENCH_LIMITS BENCH_CONNS" bench_boot "$out" "$here/guest-rate.sh"
/usr/bin/python3 "$here/rate.py" "$out/results" "$out/rate.json" | tee "$out/rate.txt"
