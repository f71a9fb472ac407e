#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bench: Sluice and its stock peers under the same load, in one boot of the native User-mode Linux.
#
#   run.sh [OUTDIR]      (default selftests/bench/out): results (raw), bench.json, bench.txt
#
#   BENCH          net or block: one half of it (both); rate or pause: rate.sh or pause.sh instead
#   BENCH_ROUNDS   how often everything is measured (5)
#   BENCH_SECONDS  of one measurement (0.5)
#   BENCH_TRIPS    round trips of a single frame (2000)
#   BENCH_PATHS    which datapaths, in place of BENCH (see paths.sh)
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
case ${BENCH:-} in
rate | pause) exec "$here/$BENCH.sh" "$@" ;;
esac
# shellcheck source=paths.sh
. "$here/paths.sh"
# shellcheck source=boot.sh
. "$here/boot.sh"
out=$(realpath -m "${1:-$here/out}")
export BENCH_PATHS=${BENCH_PATHS:-$(bench_paths "${BENCH:-}")}
mkdir -p "$out"
kernel=$("$here/../rig/uml-build.sh" native)
make -s -C "$here"
if bench_has_sluice; then
	bench_modules "$kernel"
fi
export BENCH_CIPHER
BENCH_CIPHER=$(bench_cipher "$kernel" ARCH=um)

export RIG_ENV="BENCH_ROUNDS BENCH_SECONDS BENCH_TRIPS BENCH_PATHS BENCH_CIPHER"
export RIG_OUT=$out RIG_TIMEOUT=${RIG_TIMEOUT:-3600}

bench_steady "$here/../rig/uml-run.sh" native "$here/guest.sh"
/usr/bin/python3 "$here/report.py" "$out/results" "$out/bench.json" | tee "$out/bench.txt"
