# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# How a bench boots the native User-mode Linux. Sourced; $here and $top are set.
# shellcheck disable=SC2154

# bench_steady COMMAND...: The guest kernel and its processes are threads of one CPU: kept on one of ours, they hand over
# to each other at a steady price; and others on this machine should disturb them little.
bench_steady() {
	local run
	run=(taskset -c $(($(nproc) - 1)))
	if nice -n -15 true 2>/dev/null; then
		run=(nice -n -15 "${run[@]}")
	fi
	"${run[@]}" "$@"
}

# bench_modules KDIR: Sluice's, and the tool
bench_modules() {
	make -s -C "$top" ARCH=um KDIR="$1" modules
	make -s -C "$top" tool
}

# bench_boot OUTDIR SCRIPT: what the script writes to /run/rig is in OUTDIR afterwards
bench_boot() {
	local kernel
	mkdir -p "$1"
	kernel=$("$here/../rig/uml-build.sh" native)
	bench_modules "$kernel"
	[ -z "${BENCH_WEDGE:-}" ] || make -s -C "$here/../wedge" ARCH=um KDIR="$kernel"
	RIG_OUT=$1 RIG_TIMEOUT=${RIG_TIMEOUT:-3600} bench_steady "$here/../rig/uml-run.sh" native "$2"
}
