#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs what the build, the checks and the rigs need on Debian 12 or 13:
#
#   deps.sh [build|lint|rig|all]...
#
# Needs root or sudo, and only when something is missing.  On Debian 12, QEMU
# and where need be the kernel are taken from the backports suite, which is
# added next to the machine's own mirror.
set -euo pipefail

die()
{
	echo "deps.sh: $*" >&2
	exit 1
}

build=(build-essential pkgconf kmod libelf-dev libssl-dev libnl-3-dev libnl-genl-3-dev libjson-c-dev)
# coccinelle looks for libpython by its name without a version, and the netlink generator checks its
# input with jsonschema: neither package says so.
lint=(linux-source-6.12 xz-utils patch bc bison flex perl python3 python3-yaml sparse coccinelle libpython3-dev
      python3-jsonschema shellcheck codespell mandoc git)
rig=(linux-source-6.12 xz-utils patch zstd bc bison flex cpio rsync python3 python3-yaml
     clang libclang-rt-dev dkms qemu-system-x86 qemu-utils seabios ipxe-qemu busybox-static
     mount netbase dmsetup iproute2 iputils-ping iperf3 ethtool tcpdump openvswitch-switch procps mdevctl udev
      nvme-cli cryptsetup-bin fio)

# What was released before the kernel and QEMU that we need, and gets them
# from backports.
old_suite=bookworm
qemu_floor=1:10

# shellcheck source=/dev/null
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
arch=$(dpkg --print-architecture)

installed()
{
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Headers and image of one kernel, 6.12 or later: $1 is "headers" or "image".
kernel_packages()
{
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' "linux-$1-[1-9]*" 2>/dev/null |
		sed -n "s/^installed linux-$1-\\([0-9.]*[^ ]*-$arch\\)\$/\\1/p" |
		while read -r v; do
			if dpkg --compare-versions "${v%%[-+]*}" ge 6.12 &&
			   [ "$v" != "6.12-$arch" ]; then
				echo "$v"
			fi
		done | sort
}

have_kernel()
{
	[ -n "$(comm -12 <(kernel_packages headers) <(kernel_packages image))" ]
}

have_headers()
{
	[ -n "$(kernel_packages headers)" ]
}

qemu_old()
{
	local v

	v=$(dpkg-query -W -f '${Version}' qemu-system-x86 2>/dev/null) || return 0
	dpkg --compare-versions "$v" lt "$qemu_floor"
}

# The machine's own entry for suite $2 below $1, as a deb822 body without
# "Suites": from a .sources file, else from a line in the older form.
apt_entry()
{
	local dir=$1 suite=$2 f out

	for f in "$dir"/sources.list.d/*.sources; do
		[ -e "$f" ] || continue
		out=$(awk -v suite="$suite" '
			function flush() {
				if (uris != "" && match(" " suites " ", "[ \t]" suite "[ \t]") && !off)
					{ print uris; if (signed != "") print signed; found = 1; exit }
				uris = suites = signed = ""; off = 0; key = 0
			}
			/^#/ { next }
			/^[ \t]*$/ { flush(); next }
			/^[ \t]/ { if (key) signed = signed "\n" $0; next }
			{ key = 0 }
			tolower($0) ~ /^uris:/ { uris = $0 }
			tolower($0) ~ /^suites:/ { suites = $0; sub(/^[^:]*:/, "", suites) }
			tolower($0) ~ /^signed-by:/ { signed = $0; key = 1 }
			tolower($0) ~ /^enabled:[ \t]*no/ { off = 1 }
			END { if (!found) flush() }' "$f")
		if [ -n "$out" ]; then
			printf '%s\n' "$out"
			return
		fi
	done
	for f in "$dir"/sources.list "$dir"/sources.list.d/*.list; do
		[ -e "$f" ] || continue
		out=$(sed -n 's/^deb[ \t]\+//p' "$f" | awk -v suite="$suite" '
			{
				signed = ""
				if (match($0, /^\[[^]]*\][ \t]*/)) {
					opts = substr($0, 1, RLENGTH)
					$0 = substr($0, RLENGTH + 1)
					if (match(opts, /signed-by=[^] ,\t]*/))
						signed = substr(opts, RSTART + 10, RLENGTH - 10)
				}
			}
			$2 == suite {
				print "URIs: " $1
				if (signed != "") print "Signed-By: " signed
				exit
			}')
		if [ -n "$out" ]; then
			printf '%s\n' "$out"
			return
		fi
	done
	return 1
}

add_backports()
{
	local entry list=/etc/apt/sources.list.d/sluice-backports.sources

	if apt-cache policy | grep -q "n=$suite-backports"; then
		return
	fi
	entry=$(apt_entry /etc/apt "$suite") ||
		die "no entry for $suite in /etc/apt: add $suite-backports by hand"
	{
		echo "Types: deb"
		printf '%s\n' "$entry"
		echo "Suites: $suite-backports"
		echo "Components: main"
	} | as_root tee "$list" >/dev/null
	as_root apt-get -q update
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		command -v sudo >/dev/null || die "needs root, and there is no sudo"
		sudo "$@"
	fi
}

apt_install()
{
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@"
}

has_candidate()
{
	apt-cache policy "$1" | grep -q 'Candidate: [0-9]'
}

want=() kernel='' headers='' qemu=''
for group in "${@:-all}"; do
	case $group in
	build)	want+=("${build[@]}"); headers=1 ;;
	lint)	want+=("${build[@]}" "${lint[@]}"); headers=1 ;;
	rig)	want+=("${build[@]}" "${rig[@]}"); kernel=1 qemu=1 ;;
	all)	want+=("${build[@]}" "${lint[@]}" "${rig[@]}"); kernel=1 qemu=1 ;;
	*)	echo "usage: deps.sh [build|lint|rig|all]..." >&2; exit 2 ;;
	esac
done

missing=() kernel_parts=() old_qemu=
for p in "${want[@]}"; do
	installed "$p" || missing+=("$p")
done
if [ -n "$kernel" ]; then
	have_kernel || kernel_parts=(image headers)
elif [ -n "$headers" ]; then
	have_headers || kernel_parts=(headers)
fi
if [ -n "$qemu" ] && qemu_old; then
	old_qemu=1
fi
if [ ${#missing[@]} -eq 0 ] && [ ${#kernel_parts[@]} -eq 0 ] && [ -z "$old_qemu" ]; then
	exit 0
fi

command -v apt-get >/dev/null || die "only Debian is known here"
echo "deps.sh: installing ${missing[*]} ${kernel_parts[*]/#/kernel } ${old_qemu:+QEMU 10}"
as_root apt-get -q update
from=()
if [ "$suite" = "$old_suite" ]; then
	add_backports
	from=(-t "$suite-backports")
fi

# What only backports has, or has new enough.
late=() plain=()
for p in ${missing[@]+"${missing[@]}"}; do
	case $p in
	qemu-*|seabios|ipxe-qemu)
		late+=("$p") ;;
	*)
		if has_candidate "$p"; then
			plain+=("$p")
		else
			late+=("$p")
		fi ;;
	esac
done
if [ -n "$old_qemu" ]; then
	late+=(qemu-system-x86 qemu-utils)
fi
for part in ${kernel_parts[@]+"${kernel_parts[@]}"}; do
	if [ "$suite" != "$old_suite" ]; then
		plain+=("linux-$part-$arch")
	elif has_candidate "linux-$part-6.12-$arch"; then
		plain+=("linux-$part-6.12-$arch")
	else
		late+=("linux-$part-$arch")
	fi
done
if [ ${#plain[@]} -gt 0 ]; then
	apt_install "${plain[@]}"
fi
if [ ${#late[@]} -gt 0 ]; then
	apt_install ${from[@]+"${from[@]}"} "${late[@]}"
fi
