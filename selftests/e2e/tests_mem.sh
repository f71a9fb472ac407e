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

# What the guest serves by HTTP, fetched by the peer until told to stop: how
# often, or what was wrong.
hotmem_fetch()
{
	ip netns exec peer python3 - "http://$VM_IP/data" "$1" <<-'END'
		import hashlib, os, sys, urllib.request
		n = 0
		while n == 0 or not os.path.exists("/run/hotmem.stop"):
		    data = urllib.request.urlopen(sys.argv[1], timeout=90).read()
		    if hashlib.md5(data).hexdigest() != sys.argv[2]:
		        sys.exit("fetch %d: %d bytes, and not those that the guest has" % (n, len(data)))
		    n += 1
		    open("/run/hotmem.count", "w").write(str(n))
		print("fetched", n, "times")
	END
}

hotmem_fetched()
{
	[ "$(cat /run/hotmem.count)" -ge "$1" ]
}

hotmem_present()
{
	monitor vm1 "info memory-devices" | grep -q 'id: "d0"'
}

hotmem_absent()
{
	! hotmem_present
}

# Note when runs of pages at and above 4 GiB, where memory is plugged in, are
# let go: the kernel's own function for it is probed.
hotmem_watch()
{
	echo 'p:hotmem vfio_unpin_pages iova=%si:u64' >/sys/kernel/tracing/kprobe_events &&
	echo 'iova >= 0x100000000' >/sys/kernel/tracing/events/kprobes/hotmem/filter &&
	echo 1 >/sys/kernel/tracing/events/kprobes/hotmem/enable
}

hotmem_unpinned()
{
	grep -c 'hotmem:' /sys/kernel/tracing/trace
}

hotmem_unwatch()
{
	echo 0 >/sys/kernel/tracing/events/kprobes/hotmem/enable
	echo >/sys/kernel/tracing/kprobe_events
}

hotmem_monitor()
{
	say "monitor: $*"
	monitor vm1 "$*" | grep Error && return 1
	return 0
}

# A file in memory that was plugged in, to be sent from there: httpd has sendfile.
hotmem_guest()
{
	hotmem_monitor object_add memory-backend-ram,id=m0,size=128M &&
	hotmem_monitor device_add pc-dimm,id=d0,memdev=m0 &&
	soon 30 on_vm "grep -l Movable /sys/devices/system/memory/memory*/valid_zones" &&
	must on_vm "mkdir -p /hot && mount -t tmpfs hot /hot && dd if=/dev/urandom of=/hot/data bs=1M count=16 &&
		httpd -h /hot && grep -A 3 'zone *Movable' /proc/zoneinfo"
}

# Plugged in, used, and taken away while it is sent from: what was pinned of it
# is let go, the guest moves the file, and the fetches go on.
hotmem_lives()
{
	local sum fetch lost

	GUEST_MEM=256,slots=2,maxmem=1G GUEST_APPEND=memhp_default_state=online_movable mdev_guest &&
	on_vm "ping -i 0.05 $PEER_IP >/tmp/ping 2>&1 &" &&
	hotmem_guest &&
	sum=$(on_vm "md5sum </hot/data | cut -d' ' -f1") || return
	hotmem_fetch "$sum" &
	fetch=$!
	soon 180 hotmem_fetched 2 &&
	is "let go of what was plugged in" "$(hotmem_unpinned)" -eq 0 &&
	hotmem_monitor device_del d0 &&
	soon 60 hotmem_absent &&
	is "let go of what was plugged in" "$(hotmem_unpinned)" -ge 4 &&
	soon 60 hotmem_fetched "$(($(cat /run/hotmem.count) + 2))" || return
	touch /run/hotmem.stop
	must wait "$fetch" &&
	on_vm "killall -INT ping" &&
	soon 10 on_vm "grep 'packets transmitted' /tmp/ping" &&
	lost=$(on_vm "sed -n 's/^\\([0-9]*\\) packets transmitted, \\([0-9]*\\) received.*/\\1-\\2/p' /tmp/ping") &&
	# The last ones are on their way when ping is stopped.
	is "pings lost" "$((lost))" -le 20 &&
	soon 10 mdev_accounted
}

# Memory comes and goes under traffic, and all is let go of when the device is
# taken away.
test_mdev_hotmem()
{
	local rc=0

	mdev_up=
	fresh
	rm -f /run/hotmem.*
	mdev_setup queues=1 && hotmem_watch || return
	hotmem_lives || rc=1
	touch /run/hotmem.stop
	hotmem_unwatch
	[ "$rc" -eq 0 ] || return
	(echo 1 >"$mdev_dir/remove") &
	soon 30 mdev_gone &&
	must on_vm "echo the guest lives; ! ip link show eth0" &&
	is "locked" "$(mdev_locked)" -eq 0
}
