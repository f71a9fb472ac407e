# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: a volume as a guest's disk, on the mediated device, and as what
# the guest boots from.  Sourced by inside.sh.

disk_uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa10d1
disk_dir=/sys/bus/mdev/devices/$disk_uuid
disk_type=/sys/class/mdev_bus/vol1/mdev_supported_types/sluice_mdev-blk
# Of the drive, in MiB.
DISK_START=8 DISK_SIZE=40

disk_state()
{
	[ "$(cat "$disk_dir/state")" = "$1" ]
}

disk_gone()
{
	[ ! -e "$disk_dir" ]
}

# What the guest calls vda, on the drive.
disk_drive()
{
	must modprobe nvme &&
	soon 20 test -b /dev/nvme0n1
}

# The volume, its device, and a guest on it; $@: what else the device and QEMU are told.
disk_volume()
{
	must sluice volume add vol1 dev /dev/nvme0n1 start "${DISK_START}M" size "$1" queues 2 serial vol1 &&
	soon 10 test -d "$disk_type" &&
	must mdevctl start -u "$disk_uuid" -p vol1 -t sluice_mdev-blk
}

# $@: for QEMU.
disk_guest()
{
	set -- -device pcie-root-port,id=rp0,slot=1 -device "vfio-pci,bus=rp0,sysfsdev=$disk_dir" "$@"
	ulimit -l unlimited
	boots guest_start vm1 "$@" &&
	must on_vm "test -b /dev/vda"
}

disk_away()
{
	guest_kill vm1 KILL
	soon 10 disk_state closed &&
	is "pinned" "$(cat "$disk_dir/pinned")" -eq 0 &&
	must mdevctl stop -u "$disk_uuid" &&
	must disk_gone &&
	must sluice volume del vol1 &&
	soon 10 test ! -e "$disk_type"
}

# QEMU dies while the guest writes, and the next one goes on.
disk_next()
{
	guest_send vm1 "dd if=/dev/urandom of=/dev/vda bs=64k"
	sleep 1
	guest_kill vm1 KILL
	soon 10 disk_state closed &&
	is "pinned" "$(cat "$disk_dir/pinned")" -eq 0 &&
	disk_guest &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=1M count=40 conv=fsync" &&
	disk_same 0 40
}

# Stock QEMU, stock driver: what the guest writes is on the drive, what is on
# the drive it reads; it sees the volume grow; another QEMU goes on (at length);
# the disk is unplugged under the guest.
test_mdev_blk()
{
	fresh
	disk_drive &&
	must dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=64 conv=fsync &&
	disk_volume 32M &&
	is "more devices" "$(cat $disk_type/available_instances)" -eq 0 &&
	refused vdpa dev add name vol1 mgmtdev sluice &&
	refused sluice volume del vol1 &&
	GUEST_CPUS=2 disk_guest || return
	must disk_state running &&
	must on_vm "cat /sys/block/vda/device/features; ls /sys/block/vda/mq" &&
	is "queues" "$(on_vm "ls /sys/block/vda/mq | wc -l")" = 2 &&
	is "sectors" "$(on_vm "cat /sys/block/vda/size")" = 65536 &&
	is "serial" "$(on_vm "echo \$(cat /sys/block/vda/serial)")" = vol1 &&
	is "pinned" "$(cat "$disk_dir/pinned")" -gt 4096 &&
	disk_same 0 32 &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=1M count=16 conv=fsync" &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=512 seek=40003 count=999 conv=fsync" &&
	disk_same 0 32 &&
	must sluice volume set vol1 size 40M &&
	soon 10 on_vm "test \$(cat /sys/block/vda/size) = 81920" &&
	disk_same 32 8 &&
	next_guest disk_next || return
	say "remove"
	(echo 1 >"$disk_dir/remove") &
	soon 30 disk_gone &&
	wait $! &&
	must on_vm "echo the guest lives; ! test -b /dev/vda" &&
	guest_kill vm1 KILL
	must sluice volume del vol1
}

# A guest with an IOMMU of its own maps each request's buffers and takes them back: what it wrote is
# there, and nothing stays pinned that it does not have mapped.
test_mdev_blk_viommu()
{
	fresh
	disk_drive &&
	must dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=64 conv=fsync &&
	disk_volume 32M || return
	ulimit -l unlimited
	GUEST_MACHINE=q35,kernel-irqchip=split GUEST_APPEND="intel_iommu=on iommu.strict=1" guest_start vm1 \
		-device "intel-iommu,intremap=on,caching-mode=on" -device pcie-root-port,id=rp0,slot=1 \
		-device "vfio-pci,bus=rp0,sysfsdev=$disk_dir"
	must guest_wait vm1 240 &&
	must on_vm "grep DMA /sys/block/vda/device/../iommu_group/type" &&
	disk_same 0 32 &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=1M count=16 conv=fsync" &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=512 seek=40003 count=999 oflag=direct" &&
	disk_same 0 32 &&
	must on_vm "basename \$(readlink /sys/block/vda/device) >/sys/bus/virtio/drivers/virtio_blk/unbind" &&
	soon 10 disk_unpinned &&
	disk_away
}

disk_unpinned()
{
	[ "$(cat "$disk_dir/pinned")" = 0 ]
}

# A disk that is defined comes back with its volume after all modules have gone, and once it is not
# defined any more it stays away.
disk_defined()
{
	disk_drive &&
	must sluice volume add vol1 dev /dev/nvme0n1 size 16M &&
	sluice dump >/tmp/disk.json &&
	soon 10 test -d $disk_type &&
	must mdevctl define -u "$disk_uuid" -p vol1 -t sluice_mdev-blk --auto &&
	must mdevctl start -u "$disk_uuid" &&
	must mdevctl stop -u "$disk_uuid" &&
	must disk_gone &&
	must sluice volume del vol1 &&
	must sluice_unload &&
	must sluice_load &&
	must sluice apply /tmp/disk.json &&
	soon 30 test -e "$disk_dir/state" &&
	must mdevctl list --defined &&
	must mdevctl stop -u "$disk_uuid" &&
	must disk_gone &&
	must mdevctl undefine -u "$disk_uuid" &&
	must sluice volume del vol1 &&
	must sluice apply /tmp/disk.json &&
	soon 10 test -d $disk_type &&
	must udevadm settle --timeout=30 &&
	must disk_gone &&
	must sluice volume del vol1
}

test_mdevctl_blk()
{
	local rc=0

	fresh
	udev_start && disk_defined || rc=1
	udev_stop
	rm -rf /etc/mdevctl.d/vol1
	return "$rc"
}

# Make the volume's part of the drive a disk that BIOS and UEFI boot from.
disk_make_bootable()
{
	local drive=/dev/nvme0n1

	must dd if=/dev/zero of=$drive bs=1M count=64 conv=fsync &&
	must disk_image /run/disk.img "$DISK_SIZE" &&
	must dd if=/run/disk.img of=$drive bs=1M seek=$DISK_START conv=notrunc,fsync &&
	must blockdev --flushbufs $drive
}

# The firmware's own driver read it all; Linux's finds the same disk.
disk_booted()
{
	if ! must guest_wait vm1 "$1"; then
		strings "$GUEST_DIR/vm1/console" | tail -n 30
		return 1
	fi
	must on_vm "grep -w booted=disk /proc/cmdline; cat /proc/partitions" &&
	must on_vm "test -b /dev/vda1" &&
	disk_same 0 "$DISK_SIZE" &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=1M seek=32 count=4 conv=fsync" &&
	disk_same 32 4 &&
	must sluice -s volume show vol1
}

# A guest that has its disk to boot from, and nothing else; $@: for QEMU.
disk_boot()
{
	ulimit -l unlimited
	GUEST_DISKBOOT=1 guest_start vm1 "$@" -device "vfio-pci,sysfsdev=$disk_dir,bootindex=0"
}

disk_boot_setup()
{
	[ -d "$RIG_DISK" ] || { echo "$RIG_DISK"; return 4; }
	parts_install "$RIG_DISK"
	fresh
	disk_drive && disk_make_bootable && disk_volume "${DISK_SIZE}M"
}

# SeaBIOS finds the disk, GRUB reads it by the BIOS, and Linux.
test_mdev_blk_bios()
{
	disk_boot_setup || return
	disk_boot && disk_booted 240 && disk_away
}

# The same with EDK2's driver.
test_mdev_blk_uefi()
{
	local accel

	disk_boot_setup || return
	cp /usr/share/OVMF/OVMF_VARS_4M.fd /run/vars.fd
	# An emulated host does not survive what EDK2 does below KVM: QEMU 10.0 trips over a lock of its own.
	guest_accel >/dev/null
	! grep -q 'QEMU TCG' /proc/cpuinfo || accel=tcg
	GUEST_ACCEL=${accel:-$GUEST_ACCEL} GUEST_MEM=512 disk_boot \
		-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
		-drive if=pflash,format=raw,file=/run/vars.fd
	disk_booted 900 && disk_away
}
