# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the tests of control have in common: TAP, and a clean state around each of them.
#
# They run as root in a test kernel with the modules loaded and the tool in the path (with-modules.sh).

# shellcheck disable=SC2034
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-ctl.XXXXXX")
tests=0 failures=0
mkfifo "$tmp/nap"
exec {nap}<>"$tmp/nap"

# Debian's interpreter, because PyYAML comes as its package. Used by the tests.
# shellcheck disable=SC2034
python=/usr/bin/python3

# A state that says of all that is the namespace's, or is named, what there is to be: standard input, and else nothing.
whole() { # sections that are to be empty, too
	$python -c 'import json, sys
sections = "port uplink wire guard acl-default acl rate meter flow".split() + sys.argv[1:]
print(json.dumps({"version": 2, **{name: [] for name in sections}, **json.load(sys.stdin)}))' "$@"
}
clean() {
	# A test may have taken the modules out.
	[ -d /sys/module/sluice ] || return 0
	whole worker volume volume-group <<<'{ "volume-mode": [ { "mode": "monitor" } ] }' |
		sluice apply -f - >/dev/null || true
	sluice tenant show | sed -n 's/^tenant uid \([0-9]*\) .*/uid \1/p' | while read -r who; do
		# shellcheck disable=SC2086
		sluice tenant deny $who || true
	done
	ip link del vf0 2>/dev/null || true
	ip link del vf1 2>/dev/null || true
}
finish() {
	local rc=$?
	if declare -F at_end >/dev/null; then at_end; fi
	clean
	rm -rf "$tmp"
	echo "1..$tests"
	[ "$rc" = 0 ] || echo "Bail out! $0 ended early with $rc"
	[ "$rc" = 0 ] && [ "$failures" = 0 ] || exit 1
	exit 0
}
trap finish EXIT

# ok DESCRIPTION COMMAND...: the command succeeds.
ok() {
	local what=$1
	shift
	tests=$((tests + 1))
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $tests - $what"
	else
		echo "not ok $tests - $what (exit code $?)"
		failures=$((failures + 1))
		head -n 20 "$tmp/out" | sed 's/^/# /'
	fi
}

# nap SECONDS: without a process for it.
nap() { read -rt "$1" -u "$nap" _ || true; }
# What comes by work comes soon. The debug kernel on a busy machine is slow.
soon() {
	local n
	for ((n = 0; n < 300; n++)); do
		"$@" >/dev/null 2>&1 && return
		nap 0.1
	done
	"$@"
}
# The VF of the tests' own, which another test in this kernel may have had; $params is how it is told what to do.
load_mockvf() {
	[ -e /sys/module/sluice_mockvf ] || insmod "$SLUICE_OBJECTS/wedge/sluice_mockvf.ko"
	# shellcheck disable=SC2034
	params=/sys/module/sluice_mockvf/parameters
}

# has_line FILE TEXT: a line of it matches the extended regular expression, and it is one. No process is made: in
# these kernels that takes longer than most of what is tested.
has_line() {
	local line
	while IFS= read -r line || [ -n "$line" ]; do
		if [[ $line =~ $2 ]]; then return 0; fi
	done <"$1"
	return 1
}
# What a file has or lacks is shown by ok().
needs_line() { has_line "$@" || { cat "$1"; return 1; }; }
lacks_line() { ! has_line "$@" || { cat "$1"; return 1; }; }
exits() { # code, command
	local want=$1 rc=0
	shift
	"$@" || rc=$?
	[ "$rc" = "$want" ]
}
# refused TEXT COMMAND...: the kernel refuses, and its words match an extended regular expression.
refused() {
	local text=$1
	shift
	ok "refused: $*" refuses "$text" "$@"
}
refuses() {
	local text=$1
	shift
	exits 1 "$@" 2>"$tmp/err" && needs_line "$tmp/err" "$text"
}
# misused TEXT COMMAND...: the tool does not understand.
misused() {
	local text=$1
	shift
	ok "not understood: $*" misuses "$text" "$@"
}
misuses() {
	local text=$1
	shift
	exits 2 "$@" 2>"$tmp/err" && needs_line "$tmp/err" "$text"
}

# shows TEXT COMMAND...: what it prints matches.
shows() {
	local text=$1
	shift
	ok "'$*' shows $text" printed "$text" "$@"
}
printed() {
	local text=$1
	shift
	"$@" >"$tmp/shown" && needs_line "$tmp/shown" "$text"
}
# hides TEXT COMMAND...: it does not.
hides() {
	local text=$1
	shift
	ok "'$*' does not show $text" not_printed "$text" "$@"
}
not_printed() {
	local text=$1
	shift
	"$@" >"$tmp/shown" && lacks_line "$tmp/shown" "$text"
}

# done_ COMMAND...: it is what the next tests need.
done_() { ok "$*" "$@"; }

# Is module $1, of whose removal $2 is the process, about to leave?
is_going() {
	until grep -qE "^$1 .* Unloading" /proc/modules; do
		kill -0 "$2" || return 1
		nap 0.05
	done
}
# sluice_net leaves while the worker does not answer, with sluice_wedge loaded; and meter $1, if there is one, is
# freed meanwhile: once the workers say that no packet has it in hand, which holds the engine as well. RTNL is
# held until the workers are given up: the others wait for it in turn.
engine_leaves() {
	local wedge=/sys/module/sluice_wedge/parameters/do blocked meter='' rmmod
	echo 'block workers' >"$wedge" &
	blocked=$!
	nap 0.05
	if [ -n "${1:-}" ]; then
		sluice meter del "$1" &
		meter=$!
	fi
	rmmod sluice_net 2>"$tmp/why" &
	rmmod=$!
	if is_going sluice_net "$rmmod"; then
		wait "$blocked"
		[ -z "$meter" ] || ok 'the meter is gone' wait "$meter"
		sleep 3
		ok 'the engine stays as long as a worker may be in it' is_going sluice_net "$rmmod"
		echo go >"$wedge"
		ok 'and leaves then' wait "$rmmod"
	else
		# Who looks after the workers may come first; that is as good.
		ok 'an engine that a worker may be in does not leave' grep -q 'in use' "$tmp/why"
		wait "$blocked" ${meter:+"$meter"} || true
		ok 'nor did the worker answer # SKIP it was known to be stuck before its engine was about to leave' true
		echo go >"$wedge"
		ok 'it leaves when the worker has answered' soon rmmod sluice_net
	fi
}

clean
