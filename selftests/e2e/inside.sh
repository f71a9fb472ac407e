#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs the end-to-end tests in the host: inside.sh [list | plan] [NAME...]
#
# A test is a function test_NAME of one of the files here; it fails by
# returning non-zero, and returns 4 to be skipped.  What it prints is shown
# when it fails.  A complaint of the kernel fails the test that caused it.
# 'list' names all there are, 'plan' those that would run.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

# In the order in which they run: those that share a guest stand together. What wants an address of the NIC's
# own filter comes before what moves guests between VFs: igb refuses to clear a VF's addresses ("invalid MAC
# filter"), so its few places fill with each change, and then there is "no space for it".
tests=(uplink_vlan attach ping ping6 sizes tcp_out tcp_in data acl acl_in guard rate flow meter
       worker poll hotplug link_down in_use dump_apply unplug reboot kill migrate port_del
       mdev mdev_pinned mdev_reboot mdev_kill mdev_remove mdev_queues mdevctl mdev_viommu mdev_hotmem
       vdpa vdpa_migrate vdpa_testpmd vdpa_blk mdev_blk mdev_blk_bios mdev_blk_uefi mdev_blk_viommu mdevctl_blk
       volume_fio volume_fio_guest volume_luks volume_limits volume_kill volume_vf
       multiqueue qemu72 libvirt packed migrate_packed viommu peers bridge ovs pxe ovmf testpmd netns clean
       spin oops)

# These are slow, and what they prove in an emulated host another test proves too, most of it in User-mode
# Linux under KASAN and lockdep (Documentation/testing.md says which), or they measure time: they run where
# CHECK_LONG is set, or by their names.
long=(rate meter reboot kill peers
      mdev_pinned mdev_reboot mdev_kill mdev_queues mdev_hotmem mdev_blk_uefi mdev_blk_viommu
      volume_fio_guest volume_luks volume_limits volume_kill qemu72 bridge ovs ovmf testpmd netns
      vdpa_testpmd libvirt pxe migrate_packed mdevctl_blk spin oops)

case ${1:-} in
list)	printf '%s\n' "${tests[@]}"
	exit ;;
plan)	plan=1
	shift ;;
esac
selected=()
for t in "${tests[@]}"; do
	if [ $# -gt 0 ]; then
		[[ " $* " = *" $t "* ]] || continue
	elif [ -z "${CHECK_LONG:-}" ]; then
		[[ " ${long[*]} " != *" $t "* ]] || continue
	fi
	selected+=("$t")
done
if [ -n "${plan:-}" ]; then
	printf '%s\n' "${selected[@]}"
	exit
fi

# shellcheck source=../rig/host-sluice.sh
. "$here/../rig/host-sluice.sh"
# shellcheck source=../rig/disk-image.sh
. "$here/../rig/disk-image.sh"
# shellcheck source=lib.sh
. "$here/lib.sh"
# shellcheck source=tests_traffic.sh
. "$here/tests_traffic.sh"
# shellcheck source=tests_policy.sh
. "$here/tests_policy.sh"
# shellcheck source=tests_life.sh
. "$here/tests_life.sh"
# shellcheck source=tests_migrate.sh
. "$here/tests_migrate.sh"
# shellcheck source=tests_mdev.sh
. "$here/tests_mdev.sh"
# shellcheck source=tests_mem.sh
. "$here/tests_mem.sh"
# shellcheck source=tests_vdpa.sh
. "$here/tests_vdpa.sh"
# shellcheck source=tests_disk.sh
. "$here/tests_disk.sh"
# shellcheck source=tests_volume.sh
. "$here/tests_volume.sh"
# shellcheck source=tests_setup.sh
. "$here/tests_setup.sh"
# shellcheck source=tests_contain.sh
. "$here/tests_contain.sh"
# shellcheck source=tests_boot.sh
. "$here/tests_boot.sh"

log=$(mktemp) retries=$(mktemp)
failed=0
# Tests of the same run that another host did before it stood still: this one goes on with the others.
if [ -z "${E2E_DONE:-}" ]; then
	echo "TAP version 13"
	echo "1..${#selected[@]}"
fi
echo "# host: up after $(cut -d . -f 1 /proc/uptime) s"
if ! { sluice_load && peer_up; } >"$log" 2>&1; then
	sed 's/^/# /' "$log"
	dmesg | tail -n 20 | sed 's/^/# /'
	echo "Bail out! the modules cannot be loaded"
	exit 1
fi

# An emulated host loses an interrupt now and then, and resets a guest: what a test waits for then never
# comes. There it may try once more, a few times in a run, and says so. What came and was wrong, and
# a kernel that complains, say something of us.
tries=3
may_try_again()
{
	[ "$tries" -gt 0 ] && grep -q 'QEMU TCG' /proc/cpuinfo &&
		grep -qE 'gave no answer|does not come up|has booted anew|did not come true' "$log"
}

# Test $1, with what it prints in $log.
run_test()
{
	local rc

	kernel_mark
	"test_$1" >"$log" 2>&1
	rc=$?
	kernel_quiet >>"$log" 2>&1 || return 1
	case $rc in
	0|4) return "$rc" ;;
	esac
	may_try_again || return 1
	tries=$((tries - 1))
	again "it did not get what it waited for" >>"$log"
	tail -n 10 "$log" | sed 's/^/# /'
	fresh
	kernel_mark
	"test_$1" >"$log" 2>&1
	rc=$?
	kernel_quiet >>"$log" 2>&1 || return 1
	return "$rc"
}

for i in "${!selected[@]}"; do
	t=${selected[i]}
	[[ " ${E2E_DONE:-} " != *" $t "* ]] || continue
	start=$SECONDS
	run_test "$t"
	rc=$?
	case $rc in
	0)	echo "ok $((i + 1)) - $t" ;;
	4)	echo "ok $((i + 1)) - $t # SKIP $(tail -n 1 "$log")" ;;
	*)	echo "not ok $((i + 1)) - $t"
		# Why comes first, where a reader who is shown but a part sees it.
		tail -n 4 "$log" | sed 's/^/# /'
		state_show 2>&1 | sed 's/^/#   /'
		tail -n 60 "$log" | sed 's/^/# /'
		failed=$((failed + 1))
		base_broken=1 ;;
	esac
	cat "$retries"
	: >"$retries"
	echo "# $t: $((SECONDS - start)) s"
	[ -z "${V:-}" ] || sed 's/^/#   /' "$log"
done
[ "$failed" -eq 0 ]
