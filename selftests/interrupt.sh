#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A run that is interrupted leaves no process and no file behind: each way to run something is ended by
# each signal that a user, a terminal or a CI sends, by SIGKILL too, while it works. Prints TAP.
#
# What belongs to a run is known by a variable in its environment.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ "${RIG_GUARDED:-}" = $$ ] || exec "$here/rig/guard.py" "$0" "$@"

signals=(INT TERM HUP KILL)
printf '#!/bin/sh\nsleep 600\n' >"$TMPDIR/wait.sh"
chmod +x "$TMPDIR/wait.sh"

# All processes of run $1, or those whose program begins with $2.
of_run() {
	local file found

	grep -lzx "INTERRUPT_TEST=$1" /proc/[0-9]*/environ 2>/dev/null | while read -r file; do
		read -r found <"${file%/*}/comm" || continue
		[[ $found != "${2:-}"* ]] || echo "${file//[!0-9]/} $found"
	done 2>/dev/null
}
# Has it begun? Is nothing left of it?
begun() { [ -n "$(of_run "$@")" ]; }
gone() { [ -z "$(of_run "$1")" ] && [ -z "$(ls -A "$TMPDIR/$1")" ]; }

# Until $2... is true, $1 seconds at most.
soon() {
	local end=$((SECONDS + $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}

n=0
# interrupted NAME PROGRAM COMMAND...: ended while PROGRAM runs below it.
interrupted() {
	local name=$1 program=$2 sig run pid

	shift 2
	for sig in "${signals[@]}" guardian; do
		n=$((n + 1))
		run=$name-$sig
		mkdir "$TMPDIR/$run"
		env -u RIG_GUARDED INTERRUPT_TEST="$run" TMPDIR="$TMPDIR/$run" "$@" >"$TMPDIR/log" 2>&1 </dev/null &
		pid=$!
		disown $pid
		if ! soon 120 begun "$run" "$program"; then
			echo "not ok $n - $name: ended by $sig"
			echo "# no $program begins:"
			tail -n 10 "$TMPDIR/log" | sed 's/^/# /'
			kill $pid
			continue
		fi
		case $sig in
		# A terminal tells all of the group.
		INT|HUP) kill "-$sig" -- "-$pid" ;;
		TERM|KILL) kill "-$sig" $pid ;;
		guardian) kill -KILL "$(pgrep -P $pid)" ;;
		esac
		if soon 60 gone "$run"; then
			echo "ok $n - $name: ended by $sig, nothing is left"
		else
			echo "not ok $n - $name: ended by $sig, nothing is left"
			of_run "$run" | sed 's/^/# /'
			find "$TMPDIR/$run" -mindepth 1 | sed 's/^/# /'
		fi
	done
}

echo 'TAP version 13'
if ! command -v dkms >/dev/null || ! unshare -m true 2>/dev/null; then
	echo '1..0 # SKIP dkms is not installed, or this is not root'
	exit 4
fi
echo "1..$((4 * (${#signals[@]} + 1)))"
# Each job leads a process group.
set -m
interrupted uml-run linux "$here/rig/uml-run.sh" debug "$TMPDIR/wait.sh"
interrupted host-run qemu-system-x86 "$here/rig/host-run.sh" "$TMPDIR/wait.sh"
interrupted check dkms "$here/check.sh" dkms
interrupted make dkms make -C "$here/.." check T=dkms
