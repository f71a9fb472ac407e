#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boot a User-mode Linux kernel on this machine's own root (read-only), run a script in it, hand back
# its exit code.
#
#   uml-run.sh native|debug SCRIPT [ARGS...]
#
# In the guest /tmp and /run are empty and vanish; /run/rig is a directory of the host: $RIG_OUT if that
# is set (it stays), else a temporary one (it does not). SCRIPT's output is this script's output; the
# kernel's log is kept apart and shown when the run fails, or when RIG_VERBOSE is set.
#
# The debug kernel panics at the first warning and at the first KASAN report, and a run fails as well if
# kmemleak finds something, the kernel is tainted by an error, or its log has a complaint in it.
#
#   RIG_TIMEOUT  seconds until the run is given up (600)
#   RIG_MEM      memory of the guest (native 2G, debug 3G)
#   RIG_APPEND   more for the kernel's command line
#   RIG_ENV      names of variables that are handed through to SCRIPT
#
# Exit code: SCRIPT's; 124 if time ran out; 125 if the rig or the kernel failed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# No kernel and no file is left, however this ends.
[ "${RIG_GUARDED:-}" = $$ ] || exec "$here/guard.py" "$0" "$@"

usage='usage: uml-run.sh native|debug SCRIPT [ARGS...]'
flavour=${1:?$usage}
script=$(realpath -e "${2:?$usage}")
shift 2
build=$("$here/uml-build.sh" "$flavour")

tmp=$TMPDIR
share=${RIG_OUT:-$tmp/share}
mkdir -p "$share" "$tmp/ctl" "$tmp/uml"
share=$(realpath "$share")
for path in "$script" "$share" "$tmp"; do
	case $path in
	*[[:space:]\"\']*) echo "uml-run.sh: cannot work with white space in $path" >&2; exit 125 ;;
	esac
done

{
	printf 'cd %q\n' "$PWD"
	printf 'export UML_BUILD=%q RIG_FLAVOUR=%q\n' "$build" "$flavour"
	for name in ${RIG_ENV:-}; do
		[ -z "${!name+set}" ] || printf 'export %s=%q\n' "$name" "${!name}"
	done
	printf 'set --'
	printf ' %q' "$script" "$@"
	echo
} >"$tmp/ctl/args"

append=(rootfstype=hostfs rootflags=/ ro "init=$here/uml-init.sh" con=null "con0=null,fd:3" "con1=null,fd:1"
	"uml_dir=$tmp/uml/" umid=rig noreboot panic=-1 ignore_loglevel "rig_ctl=$tmp/ctl" "rig_share=$share")
case $flavour in
debug) append+=("mem=${RIG_MEM:-3G}" kasan.fault=panic) ;;
*) append+=("mem=${RIG_MEM:-2G}" mitigations=off) ;;
esac
# shellcheck disable=SC2206
append+=(${RIG_APPEND:-})

# The kernel polls what its consoles are connected to, and a plain file cannot be polled: pipes in between.
mkfifo "$tmp/out" "$tmp/log" "$tmp/nothing"
exec 9<>"$tmp/nothing"
cat "$tmp/out" &
cats=($!)
cat "$tmp/log" >"$tmp/kernel.log" &
cats+=($!)
# The kernel leads a process group: whatever host processes it made go with it. Its memory is a file in
# $TMPDIR if that is set, and shall lie in /dev/shm.
set -m
env -u TMPDIR -u TMP -u TEMP LD_PRELOAD="$build/xstate.so" "$build/linux" "${append[@]}" \
	</dev/null >"$tmp/out" 3>"$tmp/log" 2>"$tmp/uml.err" 9>&- &
pid=$!
set +m
disown "$pid"
deadline=$((SECONDS + ${RIG_TIMEOUT:-600}))
late=
while kill -0 "$pid" 2>/dev/null; do
	if [ "$SECONDS" -ge "$deadline" ]; then
		late=yes
		kill -KILL -- "-$pid" 2>/dev/null || true
		break
	fi
	# Without a process for it, ten a second: there is nothing to read.
	read -rt 0.1 -u 9 _ || true
done
kill -KILL -- "-$pid" 2>/dev/null || true
wait "${cats[@]}" || true

show_log() { sed 's/\r$//; s/^/kernel: /' "$tmp/kernel.log" "$tmp/uml.err" >&2; }

rc=125
[ ! -s "$tmp/ctl/status" ] || rc=$(cat "$tmp/ctl/status")
if [ -n "$late" ]; then
	echo "uml-run.sh: no end after ${RIG_TIMEOUT:-600} s" >&2
	rc=124
elif [ "$rc" = 125 ]; then
	echo "uml-run.sh: the kernel ended before the script did" >&2
fi

# What the log says after the script began; what it says before is the kernel's own affair.
# KASAN with a colon: its functions stand in every stack, and a stack alone is no complaint.
complaints='BUG[: ]|WARNING:|KASAN:|UBSAN|\bOops\b|kernel panic|INFO: (possible|suspicious|trying|inconsistent|lockdep|task|rcu)'
complaints+='|suspicious RCU usage|circular locking|inconsistent lock state|sleeping function|ODEBUG|refcount_t:|ref_tracker'
complaints+='|unregister_netdevice: waiting|scheduling while atomic|general protection|MAX_LOCK|leaked|soft lockup|list_(add|del) corruption'
# User-mode Linux walks an address space without its lock when it flushes what somebody else unmaps in it (a mapped
# doorbell, a truncated file). Lockdep says so, in a report that is not ours.
without_flush_tlb_mm() {
	awk '
		function done() { if (report !~ /suspicious RCU usage.*flush_tlb_mm\+/) printf "%s", report; report = "" }
		/^=+\r?$/ { done(); inside = 1; traced = 0 }
		/^Call Trace:/ { traced = 1; report = report $0 "\n"; next }
		inside && traced && !/^ \[</ { done(); inside = 0 }
		inside { report = report $0 "\n"; next }
		{ print }
		END { done() }'
}
found=$(sed -n '/rig: script starts/,$p' "$tmp/kernel.log" | without_flush_tlb_mm | grep -aiE "$complaints" || true)
if [ -n "$found" ]; then
	echo "uml-run.sh: the kernel complains:" >&2
	printf '%s\n' "$found" >&2
	[ "$rc" != 0 ] || rc=125
fi
if [ -s "$tmp/ctl/verdict" ]; then
	cat "$tmp/ctl/verdict" >&2
	[ "$rc" != 0 ] || rc=125
fi
[ -z "${RIG_LOG:-}" ] || sed 's/\r$//' "$tmp/kernel.log" >"$RIG_LOG"
if [ "$rc" = 124 ] || [ "$rc" = 125 ] || [ -n "${RIG_VERBOSE:-}" ]; then
	show_log
fi
exit "$rc"
