# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: what a mediated device does to the memory of its guest.
# Sourced by inside.sh.

mdev_pinned()
{
	cat "$mdev_dir/pinned"
}

# Bytes that count against QEMU's limit of locked memory.
mdev_locked()
{
	echo $(($(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/${guest_pid[vm1]}/status") * 1024))
}

# What is counted as locked is what the device has pinned, each page once.
# Both move while packets do.
mdev_accounted()
{
	[ "$(mdev_locked)" -eq "$(mdev_pinned)" ]
}

mdev_bytes()
{
	echo $(($(port_stat vm1 from-guest-bytes) + $(port_stat vm1 to-guest-bytes)))
}

# Rounds of traffic, in which memory that was used once is used again.
mdev_traffic()
{
	local i

	for ((i = 0; i < $1; i++)); do
		must tcp_bps 1 && must tcp_bps 1 -R || return
		say "pinned: $(mdev_pinned), bytes so far: $(mdev_bytes)"
	done
}

# What is pinned follows from the memory that the guest uses, not from what
# goes through it.
test_mdev_pinned()
{
	local before bytes

	mdev_base && mdev_traffic 1 || return
	before=$(mdev_pinned) bytes=$(mdev_bytes)
	mdev_traffic 3 &&
	soon 10 mdev_accounted &&
	is "pinned" "$(mdev_pinned)" -le $((${GUEST_MEM:-256} << 20)) &&
	is "pinned more" "$(($(mdev_pinned) - before))" -lt "$((($(mdev_bytes) - bytes) / 10))"
}

# A guest behind an IOMMU of its own; $1: more of that IOMMU's properties.
viommu_guest()
{
	GUEST_MACHINE=q35,kernel-irqchip=split GUEST_APPEND="intel_iommu=on iommu.strict=1" guest_start vm1 \
		-device "intel-iommu,intremap=on$1" -device pcie-root-port,id=rp0,slot=1 \
		-device "vfio-pci,bus=rp0,sysfsdev=$mdev_dir"
}

# The guest maps and unmaps each buffer, and the IOMMU lets the device have no
# more than that. QEMU must be able to follow its tables, and says so.
test_mdev_viommu()
{
	local before bytes

	mdev_up=
	fresh
	mdev_setup queues=1 || return
	viommu_guest ""
	soon 60 guest_gone vm1 &&
	must grep -i 'caching.mode' "$GUEST_DIR/vm1/log" &&
	must mdev_state closed || return
	guest_kill vm1
	viommu_guest ,caching-mode=on
	must guest_wait vm1 240 &&
	must sluice_guest_net vm1 &&
	must on_vm "grep DMA /sys/class/net/eth0/device/../iommu_group/type" &&
	soon 20 ping_ok 1 &&
	must ping_ok 5 &&
	must sluice acl add port vm1 dir from-guest prio 10 deny proto icmp &&
	ping_lost &&
	is "denied" "$(port_drops vm1 acl)" -gt 0 &&
	must sluice acl del port vm1 dir from-guest prio 10 &&
	mdev_traffic 1 || return
	before=$(mdev_pinned) bytes=$(mdev_bytes)
	mdev_traffic 1 &&
	soon 10 mdev_accounted &&
	is "pinned more" "$(($(mdev_pinned) - before))" -lt "$((($(mdev_bytes) - bytes) / 10))" &&
	must on_vm "basename \$(readlink /sys/class/net/eth0/device) >/sys/bus/virtio/drivers/virtio_net/unbind" &&
	soon 10 mdev_accounted &&
	is "pinned without a driver" "$(mdev_pinned)" -eq 0
}
