# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: a guest on a vDPA device, network card or disk.  Sourced by inside.sh.

# Uplink, device and port. $1: the management device, else that of devices which QEMU migrates.
vdpa_setup()
{
	must sluice uplink add up0 dev vf0 &&
	must ip link set vf0 up &&
	must ip link set up0 up &&
	must vdpa dev add name vm1 mgmtdev "${1:-sluice}" mac "$VM_MAC" &&
	must sluice wire add vm1 up0 &&
	must ip link set vm1 up
}

vdpa_guest()
{
	boots sluice_vdpa_guest vm1 vm1 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1
}

# A guest on a device, the one of the test before if that left it.
vdpa_base()
{
	[ -z "$vdpa_up" ] || ! still true || return 0
	fresh
	vdpa_setup && vdpa_guest && vdpa_up=1
}

vdpa_next_guest()
{
	guest_send vm1 "ping -i 0.01 $PEER_IP >/dev/null"
	sleep 1
	guest_kill vm1 KILL
	vdpa_guest
}

# Stock QEMU, stock driver: the guest reaches the peer, and sees the port's
# link; QEMU dies, and the device serves the next one.
test_vdpa()
{
	vdpa_base &&
	must on_vm "ip -s link show eth0; cat /sys/bus/virtio/drivers/virtio_net/virtio*/features" &&
	must ping_ok 5 &&
	must ping_ok 3 "$PEER_IP6" || return
	is "TCP out" "$(tcp_bps 2)" -gt 100000 &&
	is "TCP in" "$(tcp_bps 2 -R)" -gt 100000 &&
	is "from guest" "$(port_stat vm1 from-guest-packets)" -gt 20 &&
	is "to guest" "$(port_stat vm1 to-guest-packets)" -gt 20 &&
	must ip link set vm1 down &&
	soon 10 on_vm "! ip link show eth0 | grep -q LOWER_UP" &&
	must ip link set vm1 up &&
	soon 10 on_vm "ip link show eth0 | grep -q LOWER_UP" &&
	soon 10 ping_ok 1 &&
	next_guest vdpa_next_guest
}

# A command that does not see DPDK's plugins of the machine's own, which may be of another version.
without_plugins()
{
	# shellcheck disable=SC2016
	exec unshare -m bash -c 'for d in /usr/lib/*/dpdk; do [ ! -d "$d" ] || mount -t tmpfs none "$d"; done; exec "$@"' - "$@"
}

# DPDK's virtio-user, a program of the host on the device's node: it answers what the peer asks, by
# split and packed rings; killed, it leaves the device to the next one.
test_vdpa_testpmd()
{
	local root=/root/testpmd pages=/run/hugepages node args pid

	[ -s "$RIG_TESTPMD" ] || { echo "$RIG_TESTPMD"; return 4; }
	fresh
	vdpa_setup sluice-full || return
	mkdir -p $root $pages
	gzip -dc "$RIG_TESTPMD" | (cd $root && cpio -id --quiet) &&
	mount -t hugetlbfs none $pages &&
	echo 64 >/proc/sys/vm/nr_hugepages || return
	node=$(echo /sys/bus/vdpa/devices/vm1/vhost-vdpa-*)
	ulimit -l unlimited
	for args in "" ,packed_vq=1; do
		LD_LIBRARY_PATH=$(echo $root/usr/lib/*-linux-gnu $root/lib/*-linux-gnu | tr ' ' :) \
			without_plugins $root/bin/dpdk-testpmd --lcores '(0,1)@0' -d $root/pmd --no-telemetry --no-pci --huge-dir $pages \
			--vdev="net_virtio_user0,path=/dev/${node##*/}$args" -- --forward-mode=icmpecho --auto-start \
			--total-num-mbufs=4096 --stats-period 1 >/run/testpmd.log 2>&1 </dev/zero &
		pid=$!
		if ! soon 60 peer_ping 1 || ! must peer_ping 10; then
			tail -n 30 /run/testpmd.log
			kill -9 $pid
			return 1
		fi
		is "from the program" "$(port_stat vm1 from-guest-packets)" -ge 10 || return
		kill -9 $pid
		wait $pid
	done
	echo 0 >/proc/sys/vm/nr_hugepages
	umount $pages
	must vdpa dev del vm1
}

vdpa_disk_guest()
{
	boots sluice_vdpa_device_guest vm1 vol1 &&
	must on_vm "test -b /dev/vda"
}

# Megabytes $2 on of block device $1, $3 of them, by their sum; past the cache.
disk_sum()
{
	echo "echo 3 >/proc/sys/vm/drop_caches; dd if=$1 bs=1M skip=$2 count=$3 2>/dev/null | md5sum"
}

# Does the guest read there what the host reads?
disk_same()
{
	is "megabytes $1 to $(($1 + $2))" "$(on_vm "$(disk_sum /dev/vda "$1" "$2")")" \
		= "$(bash -c "$(disk_sum /dev/nvme0n1 "$((8 + $1))" "$2")")"
}

vdpa_disk_next()
{
	vdpa_disk_guest &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=1M count=40 conv=fsync" &&
	disk_same 0 40
}

# Stock QEMU, stock driver, a volume on an NVMe drive: what the guest writes is
# on the drive, what is on the drive it reads; it sees the volume grow; QEMU dies
# while it writes, and the next one goes on.
test_vdpa_blk()
{
	fresh
	must modprobe nvme &&
	soon 20 test -b /dev/nvme0n1 &&
	must dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=64 conv=fsync &&
	must sluice volume add vol1 dev /dev/nvme0n1 start 8M size 32M queues 2 serial vol1 &&
	must vdpa dev add name vol1 mgmtdev sluice &&
	vdpa_disk_guest || return
	is "sectors" "$(on_vm "cat /sys/block/vda/size")" = 65536 &&
	is "serial" "$(on_vm "echo \$(cat /sys/block/vda/serial)")" = vol1 &&
	disk_same 0 32 &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=1M count=16 conv=fsync" &&
	must on_vm "dd if=/dev/urandom of=/dev/vda bs=512 seek=40003 count=999 conv=fsync" &&
	disk_same 0 32 &&
	must sluice volume set vol1 size 40M &&
	soon 10 on_vm "test \$(cat /sys/block/vda/size) = 81920" &&
	disk_same 32 8 || return
	guest_send vm1 "dd if=/dev/urandom of=/dev/vda bs=64k"
	sleep 1
	guest_kill vm1 KILL
	next_guest vdpa_disk_next || return
	guest_kill vm1 KILL
	must vdpa dev del vol1 &&
	must sluice volume del vol1
}
