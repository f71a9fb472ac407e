#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What can be said about the sources without running them. One line per check; a failing one shows why.
#
#   lint.sh [CHECK...]      all checks, or those named
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# No check goes on after this, however it ends.
[ "${RIG_GUARDED:-}" = $$ ] || exec "$here/../rig/guard.py" "$0" "$@"
cd "$top"
ksrc=$("$here/../rig/ksrc.sh")
export tmp=$TMPDIR

checks=(spdx length todo version kbuild items checkpatch build coccinelle shellcheck codespell mandoc netlink)
generated='^kmod/(netlink_gen\.[ch]|uapi/linux/sluice\.h)$'

# What the repository holds and what is about to be added to it; a source archive holds nothing else.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	git ls-files --cached --others --exclude-standard
else
	find . -type f -not -path './build/*' -printf '%P\n'
fi | sort -u | while IFS= read -r file; do
	[ ! -f "$file" ] || [ -L "$file" ] || printf '%s\n' "$file"
done >"$tmp/files"

# The files whose name matches an extended regular expression.
files() { grep -E "$1" "$tmp/files" || true; }
# Those of standard input that no generator wrote.
ours() { grep -Ev "$generated" || true; }

# Succeeds when a command printed nothing; shows what it printed otherwise.
silent() {
	local out
	out=$("$@" 2>&1) || true
	[ -z "$out" ] || { printf '%s\n' "$out"; return 1; }
}

no_spdx() {
	# Formats without comments, and the licence itself.
	files . | grep -Ev '^LICENSE$|\.(json|golden|bin|png)$|(^|/)corpus/' | xargs -r -d '\n' awk '
		FNR == 1 { if (NR > 1 && !found) print file ": no SPDX line at the top"; file = FILENAME; found = 0 }
		FNR <= 2 && /SPDX-License-Identifier: / { found = 1 }
		FNR == 2 { nextfile }
		END { if (NR && !found) print file ": no SPDX line at the top" }'
}
check_spdx() { silent no_spdx; }

# The generator wants the specification of a family in one file.
too_long() {
	files . | grep -vxF kmod/sluice.yaml | grep -vE "$generated" | xargs -r -d '\n' wc -l |
		awk '$1 >= 1000 && $2 != "total" { print $2 ": " $1 " lines" }'
}
check_length() { silent too_long; }

check_todo() {
	silent xargs -r -d '\n' grep -nHwE 'TODO|FIXME|XXX|HACK' < <(files '\.([chS]|sh|py|yaml)$' |
		grep -v '^selftests/lint/')
}

# Version differences have one home; what is not exported stays untouched.
check_version() {
	silent xargs -r -d '\n' grep -nHE 'LINUX_VERSION_CODE|KERNEL_VERSION|kallsyms_lookup_name' \
		< <(files '\.[ch]$' | grep -v '^kmod/compat/')
}

not_built() {
	local file object
	files '^(kmod|vhost-vendor|vfio-mdev)/.*\.c$' | while IFS= read -r file; do
		object=${file#*/}
		object=${object%.c}.o
		grep -qwF -- "$object" "${file%%/*}/Kbuild" || echo "$file: not in ${file%%/*}/Kbuild"
	done
}
check_kbuild() { silent not_built; }

# A document names a test as `group/test` or `group/test: case`: where is its source?
sources_of() { # test
	local name=${1#*/} group=${1%%/*}
	case $group in
	unit)	files "^selftests/unit/([a-z]+/)?$name\.c$" ;;
	fuzz)	sed -n "s/^fuzz_$name := .*/selftests\/unit\/Makefile/p" selftests/unit/Makefile ;;
	vdpa)	files "^selftests/vdpa/$name\.c$"
		# Not -q: it would not read to the end, of which check.sh complains.
		! selftests/check.sh --long list | grep -cx "$1" >/dev/null || files "^selftests/vhost/$name\.c$" ;;
	e2e)	grep -lw "test_$name()" selftests/e2e/tests_*.sh ;;
	vhost|blk|vfio) files "^selftests/$group/$name\.c$" ;;
	ctl|abuse) files "^selftests/$group/$name\.sh$" ;;
	esac
}
no_such_test() {
	local test case_ sources
	# Those are the documents' backquotes.
	# shellcheck disable=SC2016
	files '^Documentation/.*\.md$' | xargs -r -d '\n' grep -ohE '`(unit|fuzz|vhost|vdpa|blk|vfio|ctl|abuse|e2e)/[a-z0-9_]+(: [^`]+)?`' |
		tr -d '`' | sort -u | while IFS= read -r test; do
		case_=${test#*: }
		[ "$case_" != "$test" ] || case_=
		mapfile -t sources < <(sources_of "${test%%: *}")
		if [ ${#sources[@]} = 0 ]; then
			echo "no test ${test%%: *}"
		elif [ -n "$case_" ] && ! grep -qF -- "$case_" "${sources[@]}"; then
			echo "no case of ${test%%: *}: $case_"
		fi
	done
}
check_items() { silent no_such_test; }

# Kernel style for everything, in programs too. What the style cannot express (an X macro, a trace event)
# stands in checkpatch-allow, file by file. Shims define the kernel's own names, so they are left out.
check_checkpatch() {
	grep -v '^#' "$here/checkpatch-allow" | awk 'NF { print "^" $1 ":[0-9]+: [A-Z]+:" $2 ":" }' >"$tmp/allow"
	files '^(kmod|vhost-vendor|vfio-mdev|userspace|selftests)/.*\.[ch]$' | ours | grep -v '/shim/' >"$tmp/sources"
	# It leaves a cache of the kernel's own names in its working directory.
	mkdir "$tmp/tree"
	ln -s "$top/kmod" "$top/vhost-vendor" "$top/vfio-mdev" "$top/userspace" "$top/selftests" "$tmp/tree/"
	export ksrc
	# Each process writes a file of its own. The expansions are the inner shell's.
	# shellcheck disable=SC2016
	(cd "$tmp/tree" && xargs -r -d '\n' -n 24 -P "$(nproc)" bash -c 'perl "$ksrc/scripts/checkpatch.pl" \
		--root="$ksrc" --no-tree --strict --terse --no-summary --show-types \
		--ignore FILE_PATH_CHANGES -f "$@" >"$tmp/checkpatch.$$" 2>&1' -) <"$tmp/sources" || true
	cat "$tmp"/checkpatch.* >"$tmp/checkpatch"
	silent not_allowed
}
# It knows that EXPORT_SYMBOL may follow a function at once, and not that SLUICE_EXPORT is the same.
not_allowed() {
	local message file line
	grep -Evf "$tmp/allow" "$tmp/checkpatch" | while IFS= read -r message; do
		IFS=: read -r file line _ <<<"$message"
		if [[ $message == *:LINE_SPACING:* ]] && sed -n "${line}p" "$file" | grep -q '^SLUICE_EXPORT('; then
			continue
		fi
		printf '%s\n' "$message"
	done
}

# A tree of its own, so that every file is compiled and none of a developer's objects is touched.
check_build() {
	local rc=0
	make -k -j"$(nproc)" BUILD="$tmp/build" W=1 C=2 CF=-Wsparse-error modules >"$tmp/build.log" 2>&1 || rc=1
	sed -i "s,$tmp/build/,,g" "$tmp/build.log"
	if [ "$rc" != 0 ]; then
		grep -Ev '^ +(CC|CHECK|LD|MODPOST|BTF) ' "$tmp/build.log" | tail -n 100
		return 1
	fi
	silent grep -E 'warning:|error:|WARNING:|ERROR:' "$tmp/build.log"
}

cocci() { # semantic patch, sources
	local script=$1 opts source rc=0
	shift
	read -ra opts < <(sed -n 's,^// *Options: *,,p' "$script" | paste -sd' ') || true
	timeout 400 spatch --very-quiet --no-show-diff -D report "${opts[@]}" -I kmod -I kmod/uapi \
		--cocci-file "$script" "$@" 2>"$tmp/cocci.${script##*/}" || rc=$?
	# Some run out of stack on all sources and headers at once, and not on one source after the other.
	if [ "$rc" != 0 ]; then
		rc=0
		for source in "$@"; do
			timeout 200 spatch --very-quiet --no-show-diff -D report --no-includes \
				--cocci-file "$script" "$source" 2>"$tmp/cocci.${script##*/}" || rc=$?
		done
	fi
	[ "$rc" = 0 ] || { echo "${script##*/}: spatch ended with $rc"; tail -n 3 "$tmp/cocci.${script##*/}"; }
}
# The kernel's semantic patches that can report; those written in OCaml want a compiler for it.
check_coccinelle() {
	local sources
	mapfile -t sources < <(files '^(kmod|vhost-vendor|vfio-mdev)/.*\.c$' | ours)
	export -f cocci
	# Two take as long as a third of the others together: they begin first, so that no core waits for their end.
	# The expansion is the inner shell's.
	# shellcheck disable=SC2016
	grep -rlE '^virtual (.*, *)?report' "$ksrc/scripts/coccinelle" |
		xargs grep -L ':ocaml' | sort | awk '/\/(kfree|deref_null)\.cocci$/ { print; next } { rest[n++] = $0 }
			END { for (i = 0; i < n; i++) print rest[i] }' |
		silent xargs -P "$(nproc)" -I'{}' bash -c 'cocci "$@"' - '{}' "${sources[@]}"
}

scripts() {
	local file
	files . | while IFS= read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*) if head -n 1 "$file" | tr -d '\0' | grep -qE '^#!.*\b(ba)?sh\b'; then echo "$file"; fi ;;
		esac
	done
}
check_shellcheck() {
	scripts | xargs -r -d '\n' -n 8 -P "$(nproc)" shellcheck -x -P SCRIPTDIR
}

check_codespell() {
	# Mistakes are what it is there for.
	files . | grep -Ev '^LICENSE$|(^|/)corpus/|/mistakes\.txt$' | xargs -r -d '\n' codespell -L nd
}

check_mandoc() {
	silent xargs -r -d '\n' mandoc -T lint -W warning < <(files '\.[1-9]$')
}

check_netlink() { "$here/netlink-gen.sh" diff; }

[ $# -gt 0 ] || set -- "${checks[@]}"
for name in "$@"; do
	if ! declare -F "check_$name" >/dev/null; then
		echo "lint.sh: no check '$name': ${checks[*]}" >&2
		exit 2
	fi
done

# Each leaves what it said, how it ended, and how many seconds it took.
run_check() { # check
	local start=$SECONDS rc
	# Not as a condition: there the shell would not stop at the first error.
	set +e
	(set -e; "check_$1") >"$tmp/out.$1" 2>&1
	rc=$?
	echo "$rc $((SECONDS - start))" >"$tmp/end.$1"
}

# All at once: the long ones take every core by themselves, but not from beginning to end.
for name in "$@"; do
	run_check "$name" &
done
wait
failed=0
for name in "$@"; do
	read -r rc seconds <"$tmp/end.$name"
	if [ "$rc" = 0 ]; then
		printf '%-12s ok (%d s)\n' "$name" "$seconds"
	else
		printf '%-12s FAILED\n' "$name"
		sed 's/^/    /' "$tmp/out.$name"
		failed=$((failed + 1))
	fi
done
[ "$failed" = 0 ] || { echo "lint: $failed of $# checks failed"; exit 1; }
echo "lint: $# checks, all ok"
