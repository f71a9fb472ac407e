#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The end-to-end tests: a host with an SR-IOV NIC, stock QEMU guests, a peer
# on the wire; one boot, many checks.  Prints TAP.
#
#   run.sh [NAME...]     all, or those named; "list" names them
#
# Without names, those in $T that are ours are run.  -o DIR keeps the logs.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
[ "${RIG_GUARDED:-}" = $$ ] || exec "$here/../rig/guard.py" "$0" "$@"
# shellcheck source=../rig/host-sluice.sh
. "$here/../rig/host-sluice.sh"
# shellcheck source=../rig/disk-image.sh
. "$here/../rig/disk-image.sh"

keep=()
if [ "${1:-}" = -o ]; then
	keep=(-o "$2")
	shift 2
fi

known=$("$here/inside.sh" list)
if [ "${1:-}" = list ]; then
	echo "$known"
	exit
fi
if [ $# -eq 0 ]; then
	for t in ${T:-}; do
		if grep -qxF -- "${t##*/}" <<<"$known"; then
			set -- "$@" "${t##*/}"
		fi
	done
fi
for t in "$@"; do
	grep -qxF -- "$t" <<<"$known" || rig_die "no test '$t'; 'list' names them"
done

# What some tests need and the machine has not installed: its path, or why there is none.
parts()
{
	local script=$1

	shift
	"$here/../rig/$script.sh" "$@" 2>&1 | tail -n 1 || :
}
plan=$("$here/inside.sh" plan "$@")
# Does one of these run?
runs()
{
	local t

	for t in "$@"; do
		! grep -qxF -- "$t" <<<"$plan" || return 0
	done
	return 1
}
ver=$(rig_kver) || rig_die "no kernel 6.12 or later in /boot (selftests/rig/deps.sh rig)"
extra=()
! runs qemu72 || extra+=(-e "RIG_QEMU72=$(parts unpack qemu-system-{x86,common,data}~1:7.2)")
! runs libvirt || extra+=(-e "RIG_LIBVIRT=$(parts unpack libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients)")
! runs pxe ovmf || extra+=(-e "RIG_BOOT=$(parts unpack ovmf dnsmasq-base ipxe)")
! runs mdev_blk_bios mdev_blk_uefi || extra+=(-e "RIG_DISK=$(parts unpack "${DISK_IMAGE_PACKAGES[@]}")")
! runs testpmd vdpa_testpmd || extra+=(-e "RIG_TESTPMD=$(parts testpmd-image "$ver")")
sluice_build "$ver" >&2
guest_initrd "$ver" >/dev/null

# Run tests in a host; $1: those that another one did, and with which it began.
in_host()
{
	local done_=$1

	shift
	KVER=$ver "$here/../rig/host-run.sh" -t "${E2E_TIMEOUT:-2700}" -e "V=${V:-}" -e "CHECK_LONG=${CHECK_LONG:-}" \
		-e "E2E_DONE=$done_" ${extra[@]+"${extra[@]}"} ${keep[@]+"${keep[@]}"} "$here/inside.sh" "$@"
}

# An emulated host that stands still, or starts over without a word, says nothing of us, once: another one does
# what is left. A host that does so because of us does it again.
tap=$TMPDIR/tap rc=0
in_host '' "$@" | tee "$tap" || rc=$?
if [ "$rc" = 126 ]; then
	done_=$(sed -n 's/\r$//; s/^\(not \)\?ok [0-9]* - \([a-z0-9_]*\).*/\2/p' "$tap" | tr '\n' ' ')
	failed=$(grep -c '^not ok' "$tap" || :)
	echo "# again: the host stood still or ended without a word in the test behind '${done_:-none}': another one goes on"
	rc=0
	in_host "${done_:-none}" "$@" || rc=$?
	[ "$failed" = 0 ] || rc=1
fi
exit "$rc"
