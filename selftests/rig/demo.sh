#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make demo: Sluice at work, step by step, on a KVM host with an SR-IOV NIC, a
# stock guest, and a peer on the wire - all of it in QEMU.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)

outside()
{
	local ver disk rig start=$SECONDS

	# The guard, below which nothing outlives this, needs some of it.
	if [ "${RIG_GUARDED:-}" != $$ ]; then
		echo "== Installing what is missing"
		"$here/deps.sh" build rig
		exec "$here/guard.py" "$0"
	fi
	# shellcheck source=host-sluice.sh
	. "$here/host-sluice.sh"
	# shellcheck source=disk-image.sh
	. "$here/disk-image.sh"
	disk=$("$here/unpack.sh" "${DISK_IMAGE_PACKAGES[@]}")
	ver=$(rig_kver) || rig_die "no kernel 6.12 or later in /boot"
	echo "== Building for $ver"
	sluice_build "$ver"
	KVER=$ver guest_initrd "$ver" >/dev/null
	echo "== Booting the host (about half a minute without hardware virtualization)"
	# What its drive holds outlives it.
	rig=("$here/host-run.sh" -t 900 -d "$TMPDIR" -o "$TMPDIR/out")
	# It does not end as a job does: what it has to say of its steps is in a file.
	KVER=$ver "${rig[@]}" -e "RIG_DISK=$disk" "$here/demo.sh" inside 2>"$TMPDIR/reset" || :
	if [ ! -s "$TMPDIR/out/steps" ]; then
		cat "$TMPDIR/reset" >&2
		echo "== The demo failed ($((SECONDS - start)) s)"
		exit 1
	fi
	printf '\n== Booting the host again: nobody logs in\n'
	KVER=$ver "${rig[@]}" -e "DEMO_STEPS=$(cat "$TMPDIR/out/steps")" "$here/demo.sh" again || {
		rc=$?
		echo "== The demo failed ($((SECONDS - start)) s)"
		exit "$rc"
	}
	echo "== All of it worked ($((SECONDS - start)) s)"
}

number=0 bad=0 failed=()

# A step: title $1; the commands follow; "done_step" says how it went.
step()
{
	number=$((number + 1))
	title=$1
	bad=0
	printf '\n== %d. %s\n' "$number" "$title"
}

done_step()
{
	if [ "$bad" -eq 0 ]; then
		echo "   OK"
	else
		echo "   FAILED"
		failed+=("$number. $title")
	fi
}

# Show a command, its output and, where that is not 0, its status.
# $1 where it runs; $2 the command; $3 "fails" if it is meant to.
try()
{
	local rc=0

	printf '   %s# %s\n' "$1" "$2"
	{ case $1 in
	  host)	 eval "$2" ;;
	  guest) guest_run vm1 "$2" ;;
	  guest2) guest_run vm2 "$2" ;;
	  guest3) guest_run vm3 "$2" ;;
	  peer)	 ip netns exec peer bash -c "$2" ;;
	  esac; } 2>&1 | sed 's/^/       /' || rc=${PIPESTATUS[0]}
	if [ "${3:-}" = fails ]; then
		[ "$rc" -ne 0 ] && return
		echo "       (that should have failed)"
	else
		[ "$rc" -eq 0 ] && return
		echo "       (status $rc)"
	fi
	bad=1
}

# A number that must be above, or be, another: check "what" A -gt B
check()
{
	if test "$2" "$3" "$4"; then
		printf '   %s: %s\n' "$1" "$2"
	else
		printf '   %s: %s - that is wrong\n' "$1" "$2"
		bad=1
	fi
}

show_host()
{
	step "A KVM host, its SR-IOV NIC cut into virtual functions"
	try host "uname -sr"
	try host "ip -br link | grep -E '^(pf|vf)'"
	try host "ethtool -i vf0 | sed -n 1p"
	try peer "ip -br addr show wire0"
	done_step
}

show_load()
{
	step "Load Sluice"
	local m

	try host "modprobe -a mdev vfio_iommu_type1 vdpa"
	for m in "${SLUICE_MODULES[@]}"; do
		try host "insmod $(sluice_objects "$KVER")/$m"
	done
	try host "sluice version"
	try host "ls -l /dev/vhost-sluice"
	done_step
}

show_ports()
{
	step "A port for the guest, an uplink on the VF, a core to work on"
	try host "sluice worker add cpu 1"
	try host "sluice port add vm1 mac $VM_MAC"
	try host "sluice uplink add up0 dev vf0"
	try host "sluice wire add vm1 up0"
	try host "ip link set vf0 up && ip link set up0 up && ip link set vm1 up"
	try host "sluice port show"
	try host "sluice uplink show"
	try host "sluice worker show"
	done_step
}

show_attach()
{
	local ms

	step "A guest under stock QEMU attaches through vhost"
	echo "   host# qemu-system-x86_64 ... -netdev tap,id=n0,ifname=vm1,script=no,downscript=no,vhost=on,vhostfd=3 \\"
	echo "             -device virtio-net-pci,netdev=n0,mac=$VM_MAC 3<>/dev/vhost-sluice"
	ms=$SECONDS
	sluice_guest vm1 vm1 "mac=$VM_MAC"
	guest_wait vm1 180 || bad=1
	echo "       (booted in $((SECONDS - ms)) s, accelerator: $GUEST_ACCEL)"
	sluice_guest_net vm1 || bad=1
	try guest "uname -sr; ethtool -i eth0 | head -n 1; ip -br addr show eth0"
	try host "sluice port show vm1"
	try host "readlink /proc/${guest_pid[vm1]}/fd/* | grep -E '/dev/(vhost|tap)' | sort -u"
	try host "lsmod | grep -w ^vhost_net" fails
	port_attached vm1 || {
		echo "   our back end does not serve the guest"
		bad=1
	}
	done_step
}

show_traffic()
{
	local from to

	from=$(port_stat vm1 from-guest-bytes)
	to=$(port_stat vm1 to-guest-bytes)
	step "Through the VF to the peer, and back"
	try guest "ping -c 3 -i 0.3 $PEER_IP"
	try guest "ping -c 2 -i 0.3 $PEER_IP6"
	done_step

	step "TCP both ways"
	# So much, however fast the machine is: what is counted below depends on it.
	try guest "iperf3 -f m -c $PEER_IP -n 16M | grep -E 'sender|receiver'"
	try guest "iperf3 -f m -c $PEER_IP -n 16M -R | grep -E 'sender|receiver'"
	done_step

	step "It was Sluice that carried all this: the counters"
	try host "sluice -s port show vm1"
	try host "sluice -s worker show"
	# What the sender has in its socket at the end is not received.
	check "bytes from the guest" "$(($(port_stat vm1 from-guest-bytes) - from))" -gt 8000000
	check "bytes to the guest" "$(($(port_stat vm1 to-guest-bytes) - to))" -gt 8000000
	done_step
}

show_acl()
{
	step "An access list: no ping from this guest, the rest as before"
	try host "sluice acl add port vm1 dir from-guest prio 10 proto icmp deny"
	try guest "ping -c 2 -i 0.3 -W 1 $PEER_IP" fails
	try guest "iperf3 -f m -c $PEER_IP -t 1 | grep receiver"
	try host "sluice -s acl show port vm1"
	try host "sluice stats vm1"
	check "packets denied" "$(port_drops vm1 acl)" -gt 0
	try host "sluice acl flush port vm1"
	try guest "ping -c 2 -i 0.3 $PEER_IP"
	done_step
}

show_flows()
{
	local hits

	step "Flow rules in the place of the wire"
	try host "sluice wire del vm1 up0"
	try host "sluice flow add id 1 prio 10 in vm1 actions output:up0"
	try host "sluice flow add id 2 prio 10 in up0 eth-dst $VM_MAC actions output:vm1"
	try host "sluice flow add id 3 prio 10 in up0 eth-dst ff:ff:ff:ff:ff:ff actions output:vm1"
	try host "sluice flow add id 9 prio 100 in vm1 proto tcp dport 5201 actions drop"
	try guest "ping -c 3 -i 0.3 $PEER_IP"
	try guest "iperf3 --connect-timeout 2000 -c $PEER_IP -t 1" fails
	try host "sluice -s flow show"
	hits=$(json_get "sluice -j -s flow show id 9" packets || echo 0)
	check "packets that met rule 9" "$hits" -gt 0
	try host "sluice flow flush"
	try host "sluice wire add vm1 up0"
	try guest "ping -c 2 -i 0.3 $PEER_IP"
	done_step
}

show_guard()
{
	local spoof=52:54:00:66:66:66 n send

	send="ip link set eth0 address $spoof; ping -c 3 -i 0.3 -W 1 $PEER_IP; ip link set eth0 address $VM_MAC"
	step "A guest that lies about its address is stopped"
	echo "   guest# $send"
	n=$(peer_sees "$send" vm1 ether src "$spoof")
	check "false frames that reach the peer without a guard" "$n" -gt 0
	try host "sluice guard set port vm1 mac $VM_MAC ip $VM_IP/32 ip $VM_IP6/128"
	try host "sluice guard show port vm1"
	echo "   guest# $send"
	n=$(peer_sees "$send" vm1 ether src "$spoof")
	check "false frames that reach the peer with it" "$n" -eq 0
	check "packets the guard dropped" "$(port_drops vm1 guard-mac)" -gt 0
	try guest "ip addr replace $VM_IP6/64 dev eth0 nodad; ping -c 2 -i 0.3 $PEER_IP"
	done_step
}

# What is broken is found, with what to type, and that mends it.
mended()
{
	local next

	try host "sluice check vm1" fails
	next=$(sluice check vm1 | sed -n 's/^ *next: //p' | head -n 1) || :
	try host "$next"
	try guest "ping -c 2 -i 0.3 -W 5 $PEER_IP"
}

show_check()
{
	step "Why has my guest no network? Broken in three ways, found by one command"
	try host "sluice check vm1"
	try host "ip link set vm1 down"
	mended
	try host "sluice wire del vm1 up0"
	mended
	try host "sluice guard set port vm1 mac 52:54:00:66:66:66 loose"
	# It is about what the guest sends meanwhile.
	try guest "ping -i 0.2 -w 30 $PEER_IP >/dev/null 2>&1 & true"
	mended
	try host "sluice check"
	try host "sluice guard set port vm1 mac $VM_MAC ip $VM_IP/32 ip $VM_IP6/128"
	done_step
}

# The second guest: a mediated device on the second VF.
vm2_uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 vm2_mac=52:54:00:51:10:01 vm2_ip=10.0.0.3 vm2_ip6=fd00::3

show_mdev()
{
	local vf dev=/sys/bus/mdev/devices/$vm2_uuid ms

	vf=$(basename "$(readlink -f /sys/class/net/vf1/device)")
	step "A mediated device on a second VF: a virtio card of its own, for any QEMU"
	try host "sluice uplink add up1 dev vf1"
	try host "ip link set vf1 up && ip link set up1 up"
	try host "mdevctl types --parent $vf"
	try host "mdevctl start -u $vm2_uuid -p $vf -t sluice_mdev-net"
	try host "echo vm2 >$dev/port && echo $vm2_mac >$dev/mac"
	try host "sluice wire add vm2 up1 && ip link set vm2 up"
	echo "   host# qemu-system-x86_64 ... -device vfio-pci,sysfsdev=$dev"
	ms=$SECONDS
	sluice_mdev_guest vm2 "$vm2_uuid"
	guest_wait vm2 180 || bad=1
	echo "       (booted in $((SECONDS - ms)) s)"
	sluice_guest_net vm2 $vm2_ip $vm2_ip6 || bad=1
	try guest2 "ethtool -i eth0 | grep -E 'driver|bus-info'; ip -br addr show eth0"
	try guest2 "ping -c 3 -i 0.3 $PEER_IP"
	try guest2 "iperf3 -f m -c $PEER_IP -t 2 | grep -E 'sender|receiver'"
	try host "sluice port show vm2"
	try host "cat $dev/state $dev/pinned"
	done_step
}

show_mdev_policy()
{
	step "The same policy, whatever the front end; and both guests talk to each other"
	try guest "ping -c 2 -i 0.3 $vm2_ip"
	try host "sluice acl add port vm2 dir from-guest prio 10 proto icmp deny"
	try guest2 "ping -c 2 -i 0.3 -W 1 $PEER_IP" fails
	try guest "ping -c 2 -i 0.3 -W 1 $vm2_ip" fails
	check "packets denied" "$(port_drops vm2 acl)" -gt 0
	try host "sluice acl flush port vm2"
	echo "       (now past the NIC: flow rules take what is for the other guest straight there)"
	try host "sluice flow add id 1 prio 10 in vm1 eth-dst $vm2_mac actions output:vm2"
	try host "sluice flow add id 2 prio 10 in vm2 eth-dst $VM_MAC actions output:vm1"
	try guest2 "ping -c 3 -i 0.3 $VM_IP"
	try host "sluice -s flow show"
	check "packets that met rule 1" "$(json_get "sluice -j -s flow show id 1" packets || echo 0)" -gt 0
	try host "sluice flow flush"
	done_step
}

# The third guest: its disk is an encrypted volume.
vm3_uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa10d1 vm3_secret="the guest's own words"

show_volume()
{
	step "A volume on an NVMe VF, encrypted; the host itself puts an image on it"
	parts_install "$RIG_DISK"
	disk_image /run/disk.img 40 >/dev/null || bad=1
	try host "$here/host-nvme.sh"
	vm3_disk=$("$here/host-nvme.sh")
	try host "head -c 64 /dev/urandom | sluice key add vol1"
	try host "sluice volume mode enforce"
	try host "sluice volume add vol1 dev $vm3_disk size 48M key logon:sluice:vol1 serial vol1"
	try host "modprobe -a virtio_vdpa virtio_blk && vdpa dev add name vol1 mgmtdev sluice"
	try host "timeout 20 bash -c 'until test -b /dev/vda; do sleep 0.1; done'; dd if=/run/disk.img of=/dev/vda bs=1M conv=fsync"
	try host "vdpa dev del vol1"
	done_step
}

show_volume_boot()
{
	local ms dev=/sys/bus/mdev/devices/$vm3_uuid

	step "A guest boots from it, by its firmware's own driver"
	try host "mdevctl start -u $vm3_uuid -p vol1 -t sluice_mdev-blk"
	echo "   host# qemu-system-x86_64 ... -device vfio-pci,sysfsdev=$dev,bootindex=0"
	ms=$SECONDS
	ulimit -l unlimited
	GUEST_DISKBOOT=1 guest_start vm3 -device "vfio-pci,sysfsdev=$dev,bootindex=0"
	guest_wait vm3 240 || bad=1
	echo "       (booted in $((SECONDS - ms)) s)"
	try guest3 "grep -o booted=disk /proc/cmdline; cat /sys/block/vda/serial; cat /proc/partitions"
	try guest3 "echo \"$vm3_secret\" | dd of=/dev/vda bs=512 seek=90000 conv=fsync"
	try guest3 "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda bs=512 skip=90000 count=1 2>/dev/null | head -n 1"
	try host "dd if=$vm3_disk bs=512 skip=90000 count=1 2>/dev/null | od -An -tx1 | head -n 2"
	try host "grep -ac \"$vm3_secret\" $vm3_disk" fails
	try host "sluice -s volume show vol1"
	done_step
}

show_volume_away()
{
	step "The guest ends, and dm-crypt reads with the same key what it left"
	guest_kill vm3
	export DM_DISABLE_UDEV=1	# the host has no udev: the tool makes its node itself
	try host "mdevctl stop -u $vm3_uuid && sluice volume del vol1"
	try host "dmsetup create plain --table '0 98304 crypt aes-xts-plain64 :64:logon:sluice:vol1 0 $vm3_disk 0'"
	try host "dd if=/dev/mapper/plain bs=512 skip=90000 count=1 2>/dev/null | head -n 1"
	try host "grep -ac \"$vm3_secret\" /dev/mapper/plain"
	try host "dmsetup remove plain && sluice key del vol1"
	done_step
}

# A volume on the host's own namespace; the rest of that has its record, and the journal.
keys_disk=/dev/nvme0n1 keys_record=62m keys_journal=60m keys_words="written before the key was changed"

keys_load()
{
	local m

	try host "modprobe -a nvme virtio_vdpa virtio_blk; timeout 20 bash -c 'until test -b $keys_disk; do sleep 0.1; done'"
	for m in kmod/sluice.ko kmod/sluice_blk.ko vhost-vendor/sluice_vdpa.ko; do
		insmod "$(sluice_objects "$KVER")/$m" || bad=1
	done
	# As a unit of the operator's does, from wherever he keeps them.
	seq 100 199 | head -c 64 | sluice key add vol2 >/dev/null || bad=1
	seq 500 599 | head -c 64 | sluice key add vol2-new >/dev/null || bad=1
	mkdir -p /etc/sluice
	cat >/etc/sluice/vol2.json <<-END
	{ "version": 2, "volume": [ { "name": "vol2", "dev": "$keys_disk", "size": "56m", "serial": "vol2",
	                "record": "$keys_disk", "record-start": "$keys_record", "rekey-bps": "4m",
	                "key": "logon:sluice:vol2-new", "key-before": "logon:sluice:vol2",
	                "rekey-journal": "$keys_disk", "rekey-journal-start": "$keys_journal" } ] }
	END
}

# The volume as a disk of the host's own, for command $1.
keys_with_disk()
{
	try host "vdpa dev add name vol2 mgmtdev sluice && timeout 20 bash -c 'until test -b /dev/vda; do sleep 0.1; done'"
	try host "$1"
	try host "vdpa dev del vol2"
}

# So much of it has the new key, in KiB; nothing if it is not being re-encrypted.
keys_done()
{
	sluice volume show vol2 | sed -n 's/.* rekey-done \([0-9]*\)k .*/\1/p; s/.* rekey-done \([0-9]*\)m .*/\1 * 1024/p'
}

show_rekey()
{
	step "A volume gets another key, and the host is reset in the midst of it"
	keys_load
	try host "sluice volume add vol2 dev $keys_disk size 56m key logon:sluice:vol2 serial vol2 record $keys_disk record-start $keys_record record-new"
	keys_with_disk "echo '$keys_words' | dd of=/dev/vda bs=512 seek=100000 conv=sync,fsync 2>/dev/null"
	try host "cat /etc/sluice/vol2.json"
	try host "sluice apply --each /etc/sluice/*.json"
	try host "timeout 60 bash -c 'until sluice volume show vol2 | grep -E \"rekey-done [0-9]{4,}k|rekey-done [1-9][0-9]*m\"; do sleep 0.2; done'"
	done_step
}

show_rekey_goes_on()
{
	local from

	step "It says what sluice.service says at each boot, and re-encryption goes on by itself"
	keys_load
	try host "sluice apply --each /etc/sluice/*.json"
	from=$(($(keys_done)))
	try host "sluice volume show vol2"
	check "KiB that were done before the reset, or a little more" "$from" -gt 0
	try host "sluice volume set vol2 rekey-bps 0"
	try host "timeout 120 bash -c 'while sluice volume show vol2 | grep -q rekey-key; do sleep 0.2; done'"
	try host "sluice volume show vol2"
	keys_with_disk "dd if=/dev/vda bs=512 skip=100000 count=1 2>/dev/null | grep -a '$keys_words'"
	done_step
}

show_wrong_key()
{
	local add="sluice volume add vol2 dev $keys_disk size 56m record $keys_disk record-start $keys_record serial vol2"

	step "A wrong key is refused, and so is the one that it had"
	try host "sluice volume del vol2"
	try host "head -c 64 /dev/urandom | sluice key add wrong"
	try host "$add key logon:sluice:wrong" fails
	try host "$add key logon:sluice:vol2" fails
	try host "$add" fails
	try host "$add key logon:sluice:vol2-new"
	keys_with_disk "dd if=/dev/vda bs=512 skip=100000 count=1 2>/dev/null | grep -a '$keys_words'"
	try host "grep -ac '$keys_words' $keys_disk" fails
	try host "sluice volume del vol2 && rmmod sluice_vdpa sluice_blk sluice"
	try host "dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace'" fails
	done_step
}

show_end()
{
	step "The guests end, and everything is taken down again"
	guest_kill vm1
	guest_kill vm2
	try host "mdevctl stop -u $vm2_uuid"
	try host "sluice port del vm1"
	try host "sluice uplink del up0 && sluice uplink del up1"
	try host "rmmod sluice_mdev sluice_vdpa sluice_vhost sluice_blk sluice_net sluice"
	try host "dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace'" fails
	done_step
}

inside()
{
	# shellcheck source=host-sluice.sh
	. "$here/host-sluice.sh"
	# shellcheck source=disk-image.sh
	. "$here/disk-image.sh"
	peer_up
	show_host
	show_load
	show_ports
	show_attach
	show_traffic
	show_acl
	show_flows
	show_guard
	show_check
	show_mdev
	show_mdev_policy
	show_volume
	show_volume_boot
	show_volume_away
	show_end
	show_rekey
	printf '%s\n' "$number" ${failed[@]+"${failed[@]}"} >"$RIG_OUT/steps"
	sync "$RIG_OUT/steps"
	echo b >/proc/sysrq-trigger
}

again()
{
	# shellcheck source=host-sluice.sh
	. "$here/host-sluice.sh"
	mapfile -t failed <<<"$DEMO_STEPS"
	number=${failed[0]}
	failed=("${failed[@]:1}")
	show_rekey_goes_on
	show_wrong_key
	printf '\n%d steps, %d failed\n' "$number" "${#failed[@]}"
	if [ "${#failed[@]}" -gt 0 ]; then
		printf '  failed: %s\n' "${failed[@]}"
		exit 1
	fi
}

case ${1:-} in
inside)	inside ;;
again)	again ;;
"")	outside ;;
*)	echo "usage: demo.sh" >&2; exit 2 ;;
esac
