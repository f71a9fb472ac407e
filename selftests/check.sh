#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the tests, all or those named, and end with one line `N passed, N failed, N skipped`.
#
#   check.sh [--long] [GROUP | TEST | GROUP/TEST | list]...      (or in T=, as for make)
#
# A test is a program that speaks TAP; what it says is counted here. It may end with 4 to say that it
# was skipped. V=1 shows all that a test prints, else what it prints is shown when it fails.
# --long adds what is slow and seldom finds anything: what `make check-long` runs.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
tests=$top/selftests
# Nothing is left of a run, however it ends.
[ "${RIG_GUARDED:-}" = $$ ] || exec "$tests/rig/guard.py" "$0" "$@"
if [ "${1:-}" = --long ]; then
	shift
	export CHECK_LONG=1
fi
# Words are wanted here.
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- ${T:-}
cd "$top"
tmp=$TMPDIR

# What there is.
c_tests() { sed -n 's/^TESTS *:= *//p' "$tests/$1/Makefile"; }
# Those that ask of a vDPA device what they ask of a vhost node, and its own.
vdpa_tests() {
	# Minutes for what vhost/* asks of the same rings and the same engine.
	[ -z "${CHECK_LONG:-}" ] || echo contain data hostile life wild
	c_tests vdpa
}
fuzz_targets() { sed -n 's/^FUZZERS *:= *//p' "$tests/unit/Makefile"; }
sh_tests() { find "$tests/$1" -name '*.sh' ! -name lib.sh -printf '%f\n' | sed 's/\.sh$//' | sort; }
all() {
	local name
	echo unit
	for name in $(fuzz_targets); do echo "fuzz/$name"; done
	# The same build as lint's, twice; and what boots what it interrupts, again and again.
	[ -z "${CHECK_LONG:-}" ] || echo dkms interrupt
	for name in $(c_tests vhost); do echo "vhost/$name"; done
	for name in $(vdpa_tests); do echo "vdpa/$name"; done
	for name in $(c_tests blk); do
		# Users that are killed: blk/life has some, and blk/power looks closer.
		[ -z "${CHECK_LONG:-}" ] && [ "$name" = crash ] || echo "blk/$name"
	done
	for name in $(c_tests vfio); do echo "vfio/$name"; done
	for name in $(sh_tests ctl); do echo "ctl/$name"; done
	for name in $(sh_tests abuse); do echo "abuse/$name"; done
	echo e2e
	[ -z "${CHECK_LONG:-}" ] || echo power
}

wanted() { # test, names
	local test=$1 name
	shift
	[ $# -gt 0 ] || return 0
	for name in "$@"; do
		case $name in
		"$test"|"${test%%/*}"|"${test#*/}") return 0 ;;
		esac
	done
	return 1
}
selected=()
for name in $(all); do
	if [ "${1:-}" = list ]; then
		echo "$name"
	elif wanted "$name" "$@"; then
		selected+=("$name")
	fi
done
[ "${1:-}" != list ] || exit 0
[ ${#selected[@]} -gt 0 ] || { echo "check.sh: no test '$*': T=list names them" >&2; exit 2; }
selects() { printf '%s\n' "${selected[@]}" | grep -qE "^($1)"; }
# NAME#1, NAME#2 and so on: each kernel has as many different ones as there are.
if [ "${REPEAT:-1}" -gt 1 ]; then
	once=("${selected[@]}") selected=()
	for ((n = 1; n <= REPEAT; n++)); do
		selected+=("${once[@]/%/#$n}")
	done
fi

limit=900 fuzz=10 e2e=2700
[ -z "${CHECK_LONG:-}" ] || limit=3600 fuzz=900 e2e=9000
# Of what is asked in very many variants some do, but at length: each kind of ring, each way of laying out
# chains and of telling, are in what is left.
but() { [ -n "${CHECK_LONG:-}" ] || printf ' -V %s' "$@"; }
variants_of() { # test
	case $1 in
	vhost/data)
		but legacy_mrg split split_ind split_event split_mrg_ind split_mrg_event packed_chain packed_event \
			packed_ind_event packed_mrg packed_mrg_ind ;;
	vhost/hostile) but packed_indirect ;;
	vhost/fault) but split_all packed ;;
	blk/below) but linear striped snapshot_origin crypt integrity ;;
	blk/data) but split_plain packed large_blocks_on_small ;;
	blk/rekey) but slow ;;
	blk/power) but crypt_4096 plain_through plain_chosen crypt_through crypt_no_fua ;;
	vfio/data) but split_chain_poll split_ind_mapped packed_chain_poll packed_ind packed_mrg_event ;;
	vfio/blk) but split_mapped packed_cdev ;;
	vfio/hostile) but split ;;
	esac
}
# What runs in a kernel of the rig: its command there.
command_of() { # test
	case $1 in
	vdpa/contain|vdpa/data|vdpa/hostile|vdpa/life|vdpa/wild)
		echo "env VHOST_NODE=vdpa $tests/vhost/out/${1#*/}$(variants_of "$1") ${CASES:-}" ;;
	ctl/*|abuse/*) echo "$tests/$1.sh" ;;
	*) echo "$tests/${1%/*}/out/${1#*/}$(variants_of "$1") ${CASES:-}" ;;
	esac
}
in_uml() { # tests
	local name args=() append=${RIG_APPEND:-}
	for name in "$@"; do args+=("$name $(command_of "${name%#*}")"); done
	# It has a kernel of its own, which lets nobody else write to a device that is in use.
	[ "${1%#*}" != ctl/volume ] || append+=' bdev_allow_write_mounted=0'
	RIG_APPEND=$append \
	RIG_TIMEOUT=${RIG_TIMEOUT:-$((300 * $# + 900))} RIG_ENV="${RIG_ENV:-} TEST_LIMIT FRAMES SEED" \
		"$tests/rig/uml-run.sh" debug "$tests/with-modules.sh" "$tests/in-turn.sh" "${args[@]}"
}
run() { # test
	case ${1%#*} in
	unit) timeout $limit make -s -C "$tests/unit" check ;;
	fuzz/*)
		timeout $limit make -s -C "$tests/unit" fuzz FUZZERS="$(basename "${1%#*}")" FUZZ_TIME="${FUZZ_TIME:-$fuzz}" &&
			echo "ok 1 - $1"
		;;
	dkms|interrupt) timeout $limit "$tests/${1%#*}.sh" ;;
	e2e) E2E_TIMEOUT=$e2e timeout $((e2e + 300)) "$tests/e2e/run.sh" ;;
	power) timeout $limit "$tests/e2e/power.sh" ;;
	esac
}

passed=0 failed=0 skipped=0
# Of those that are repeated: how often it ran, and how often without a failure.
declare -A times=() good=()
# What failed, with what was said just before it and just behind (programs do it one way, scripts the other);
# and what the kernel or the rig had to say.
failures() { # log
	awk '
		/^uml-(run|init)\.sh:/ { rig = 12 }
		rig-- > 0 { print "  " $0 }
		/^(not )?ok/ { after = 0 }
		/^not ok/ {
			for (i = said > 8 ? said - 8 : 0; i < said; i++)
				print "  " line[i]
			print
			after = 4
		}
		/^(not )?ok/ { said = 0 }
		/^#/ {
			line[said++] = $0
			if (after-- > 0)
				print "  " $0
		}' "$1"
}

# What a test tried once more, and what took the parts of a long one their time.
remarks() { # test
	local log=$tmp/${1//\//-}
	sed -n 's/^\(# \)*# again: /again: /p' "$log" | sed "s|^|# $1: |" | tee -a "$tmp/remarks" | sed 's/^/    /'
	sed -n 's/^# \([a-z0-9_]*\): \(up after \)\?\([0-9]*\) s$/\3 \1/p' "$log" | sort -rn |
		awk '{ line = line (NR > 1 ? ", " : "") $2 " " $1 } END { if (NR) print "    # seconds: " line }'
}

# Adds up one test's TAP: a plan not fulfilled, a bad exit code without a failed line and silence count
# as a failure each.
count() { # test, exit code, seconds
	local log=$tmp/${1//\//-} ok bad skip plan why=
	sed -i 's/\r$//' "$log"
	read -r ok bad skip plan < <(awk '
		/^1\.\.0/ { skip++; next }
		/^1\.\.[0-9]+/ { sub(/^1\.\./, ""); plan += $1 }
		/^not ok/ { bad++; next }
		/^ok.*# *[Ss][Kk][Ii][Pp]/ { skip++; next }
		/^ok/ { ok++ }
		END { print ok + 0, bad + 0, skip + 0, plan + 0 }' "$log")
	if [ "$2" = 4 ] && [ $((ok + bad + skip)) = 0 ]; then
		skip=1
	elif [ "$2" != 0 ] && [ "$2" != 4 ] && [ "$bad" = 0 ]; then
		bad=1 why="exit code $2"
	elif [ $((ok + bad + skip)) = 0 ]; then
		bad=1 why='no result'
	elif [ $((ok + bad + skip)) -lt "$plan" ]; then
		bad=$((bad + 1)) why="only $((ok + bad + skip - 1)) of $plan results"
	fi
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
	plan=${1%#*}
	times[$plan]=$((${times[$plan]:-0} + 1))
	good[$plan]=$((${good[$plan]:-0} + (bad == 0)))
	echo "$1: $ok passed, $bad failed, $skip skipped ($3 s)${why:+: $why}"
	remarks "$1"
	if [ -n "${V:-}" ]; then
		sed 's/^/    /' "$log"
	elif [ "$bad" != 0 ]; then
		{ echo "$1: $bad failed${why:+: $why}"; failures "$log"; } >>"$tmp/failures"
		tail -n 100 "$log" | sed 's/^/    /'
	elif [ "$skip" != 0 ]; then
		grep -iE '^(1\.\.0|ok.*# *skip)' "$log" | sed 's/^/    /' || tail -n 1 "$log" | sed 's/^/    /'
	fi
}

# What several tests need. If it does not build, they cannot run and say so.
build() { # name, command
	local name=$1 rc=0 start=$SECONDS
	shift
	"$@" >"$tmp/$name" 2>&1 || rc=$?
	echo "build $name: $([ "$rc" = 0 ] && echo ok || echo FAILED) ($((SECONDS - start)) s)"
	[ "$rc" = 0 ] || tail -n 60 "$tmp/$name" | sed 's/^/    /'
	return "$rc"
}

ends() { # test, exit code, seconds; its output is there
	local file=$tmp/${1//\//-}
	echo "$1 $2 $3" >"$file.tmp"
	mv "$file.tmp" "$file.end"
}
job() { # test
	local rc=0 start=$SECONDS
	run "$1" >"$tmp/${1//\//-}" 2>&1 </dev/null || rc=$?
	ends "$1" "$rc" $((SECONDS - start))
}
# Takes what tests in turn printed apart. Prints what began and did not end.
take_apart() { # its output
	local line log=/dev/null open='' name rc seconds
	while IFS= read -r line; do
		line=${line%$'\r'}
		case $line in
		'@begin '*)
			open=${line#@begin }
			log=$tmp/${open//\//-}
			: >"$log" ;;
		'@end '*)
			read -r name rc seconds <<<"${line#@end }"
			ends "$name" "$rc" "$seconds"
			open='' log=/dev/null ;;
		*)
			printf '%s\n' "$line" >>"$log" ;;
		esac
	done <"$1"
	echo "$open"
}
# One kernel for several tests. If it dies under one, or one leaves something, the next have another.
batch() { # tests
	local name out rc dead rest start n=0
	while [ $# -gt 0 ]; do
		out=$tmp/batch-$BASHPID-$((n += 1)) rc=0 start=$SECONDS rest=()
		in_uml "$@" >"$out" 2>&1 </dev/null || rc=$?
		dead=$(take_apart "$out")
		[ -z "$dead" ] || ends "$dead" 125 $((SECONDS - start))
		for name in "$@"; do
			[ -e "$tmp/${name//\//-}" ] || rest+=("$name")
		done
		if [ ${#rest[@]} = $# ]; then
			# It did not get as far as the first.
			for name in "$@"; do
				cp "$out" "$tmp/${name//\//-}"
				ends "$name" "$rc" $((SECONDS - start))
			done
			return
		fi
		# It found something after the last.
		if [ "$rc" != 0 ] && [ -z "$dead" ]; then
			cp "$out" "$tmp/kernel-of-${1//\//-}"
			ends "kernel-of-$1" "$rc" $((SECONDS - start))
		fi
		set -- ${rest[@]+"${rest[@]}"}
	done
}
# Counts the tests that have ended.
collect() {
	local name rc seconds file
	for file in "$tmp"/*.end; do
		[ -e "$file" ] || continue
		read -r name rc seconds <"$file"
		rm "$file"
		count "$name" "$rc" "$seconds"
	done
}

# The emulated host takes every core that there is, and whatever goes by a clock beside it (time limits of
# tests, its own guests) would suffer: so it comes last, by itself.
jobs=$(nproc)
hosts=() others=()
for name in "${selected[@]}"; do
	case ${name%#*} in
	e2e|power) hosts+=("$name") ;;
	*) others+=("$name") ;;
	esac
done
broken=()
if [ ${#hosts[@]} -gt 0 ]; then
	# The host's own build takes this as it is.
	build tool make tool || broken+=(e2e power)
fi
if selects 'unit|fuzz'; then
	build unit make -C "$tests/unit" -j"$jobs" all fuzzers || broken+=(unit fuzz)
fi
if selects 'vhost|vdpa|blk|vfio|ctl|abuse|interrupt'; then
	echo 'build uml: the debug kernel takes a quarter of an hour the first time'
	# uml-build.sh prints the directory last.
	build uml "$tests/rig/uml-build.sh" debug &&
		build modules make ARCH=um KDIR="$(tail -n 1 "$tmp/uml")" -j"$jobs" modules &&
		build wedge make -C "$tests/wedge" ARCH=um KDIR="$(tail -n 1 "$tmp/uml")" &&
		build tool make tool && build vhost make -C "$tests/vhost" -j"$jobs" &&
		build vdpa make -C "$tests/vdpa" -j"$jobs" && build blk make -C "$tests/blk" -j"$jobs" &&
		build vfio make -C "$tests/vfio" -j"$jobs" || broken+=(vhost vdpa blk vfio ctl abuse interrupt)
fi

# A job a core; a debug kernel has 3 GB.
memory=$(awk '/^MemAvailable/ { print int($2 / 3670016) }' /proc/meminfo)
slots=$jobs
[ "$memory" -ge "$slots" ] || slots=$((memory > 0 ? memory : 1))
running() { jobs -rp | wc -l; }
is_broken() { # test
	local group=${1%%/*}
	[[ " ${broken[*]} " = *" ${group%#*} "* ]]
}

for name in "${selected[@]}"; do
	if is_broken "$name"; then
		echo 'its build failed' >"$tmp/${name//\//-}"
		count "$name" 1 0
	fi
done
# A kernel for each of those that take modules or workers away, and the longest; so many others share one.
alone=(blk/power blk/record blk/rekey ctl/volume ctl/check ctl/recipes vhost/contain vdpa/contain blk/data blk/contain vfio/contain ctl/engine
	ctl/unload ctl/unload_meter)
together=8
[ "${REPEAT:-1}" = 1 ] || together=24

wait_for_slot() {
	while [ "$(running)" -ge "$slots" ]; do
		wait -n || true
		collect
	done
}
sharing=()
start_sharing() {
	[ ${#sharing[@]} -gt 0 ] || return 0
	wait_for_slot
	batch "${sharing[@]}" &
	sharing=()
}
programs=() kernels=()
for name in ${others[@]+"${others[@]}"}; do
	! is_broken "$name" || continue
	case ${name%#*} in
	unit|fuzz/*|dkms|interrupt) programs+=("$name") ;;
	*) kernels+=("$name") ;;
	esac
done
start_programs() {
	local name
	for name in ${programs[@]+"${programs[@]}"}; do
		wait_for_slot
		job "$name" &
	done
	programs=()
}
# What takes longest begins first, so that no core waits long for another at the end: kernels of many tests,
# those of one, and programs, which take some seconds each, but at length quarters of an hour.
[ -z "${CHECK_LONG:-}" ] || start_programs
for name in ${kernels[@]+"${kernels[@]}"}; do
	[[ " ${alone[*]} " != *" ${name%#*} "* ]] || continue
	sharing+=("$name")
	[ ${#sharing[@]} -lt $together ] || start_sharing
done
start_sharing
for first in "${alone[@]}"; do
	for name in ${kernels[@]+"${kernels[@]}"}; do
		[ "${name%#*}" = "$first" ] || continue
		wait_for_slot
		batch "$name" &
	done
done
start_programs
while [ "$(running)" -gt 0 ]; do
	wait -n || true
	collect
done
for name in ${hosts[@]+"${hosts[@]}"}; do
	! is_broken "$name" || continue
	job "$name" &
	wait "$!" || true
	collect
done

[ ! -e "$tmp/failures" ] || cat "$tmp/failures"
[ ! -e "$tmp/remarks" ] || cat "$tmp/remarks"
if [ "${REPEAT:-1}" -gt 1 ]; then
	for name in "${!times[@]}"; do
		echo "$name: ${good[$name]} of ${times[$name]} times without a failure"
	done | sort
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
