# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: other ways to attach a guest and to lay out the network.
# Sourced by inside.sh.

tap_node()
{
	echo "/dev/tap$(cat "/sys/class/net/$1/ifindex")"
}

# Open descriptors, one node and one tap per queue pair, as libvirt does.
test_multiqueue()
{
	local tap

	fresh
	setup_ports || return
	tap=$(tap_node vm1)
	GUEST_CPUS=2 guest_start vm1 \
		-netdev "tap,id=n0,fds=4:5,vhost=on,vhostfds=6:7" \
		-device "virtio-net-pci,netdev=n0,mq=on,vectors=6,mac=$VM_MAC" \
		4<>"$tap" 5<>"$tap" 6<>/dev/vhost-sluice 7<>/dev/vhost-sluice
	must guest_wait vm1 180 &&
	must sluice_guest_net vm1 &&
	must on_vm "ethtool -L eth0 combined 2; ethtool -l eth0" &&
	soon 20 ping_ok 1 &&
	must port_attached vm1 || return
	is "second pair attached" "$(json_get 'sluice -j port show vm1' attached pair=1)" = true || return
	must on_vm "iperf3 -c $PEER_IP -P 4 -t 3 --connect-timeout 5000" &&
	must on_vm "iperf3 -c $PEER_IP -P 4 -t 3 -R --connect-timeout 5000" &&
	must sluice -s port show vm1 &&
	must on_vm "ethtool -L eth0 combined 1" &&
	must ping_ok 2 &&
	must on_vm "ethtool -L eth0 combined 2" &&
	must ping_ok 2
}

# QEMU before 8.0 takes descriptors only: no name of a port, which it would take for a tap's.
test_qemu72()
{
	local tap

	[ -d "$RIG_QEMU72" ] || { echo "$RIG_QEMU72"; return 4; }
	fresh
	setup_ports || return
	tap=$(tap_node vm1)
	LD_LIBRARY_PATH=$(echo "$RIG_QEMU72"/usr/lib/*-linux-gnu) \
	GUEST_QEMU=$RIG_QEMU72/usr/bin/qemu-system-x86_64 GUEST_CPUS=2 guest_start vm1 \
		-L "$RIG_QEMU72/usr/share/qemu" -L /usr/share/seabios -L /usr/lib/ipxe/qemu \
		-netdev "tap,id=n0,fds=4:5,vhost=on,vhostfds=3:6" \
		-device "virtio-net-pci,netdev=n0,mq=on,vectors=6,mac=$VM_MAC" \
		3<>/dev/vhost-sluice 4<>"$tap" 5<>"$tap" 6<>/dev/vhost-sluice
	must guest_wait vm1 180 &&
	must sluice_guest_net vm1 &&
	monitor vm1 "info version" | must grep -w '7\.2\.[0-9]*' &&
	must on_vm "ethtool -L eth0 combined 2" &&
	soon 20 ping_ok 1 &&
	must port_attached vm1 &&
	must ping_ok 10 &&
	must tcp_bps 2 &&
	must tcp_bps 2 -R &&
	must sluice -s port show vm1 || return
	is "second pair attached" "$(json_get 'sluice -j port show vm1' attached pair=1)" = true &&
	is "signals sent by the back end" \
		"$(json_get 'sluice -j -s port show vm1' signals dir=to-guest || echo 0)" -gt 0 || return
	guest_reboot vm1 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 &&
	must port_attached vm1
}

# libvirt's daemon and its driver for QEMU, in a host that has no service manager.
libvirt_start()
{
	parts_install "$RIG_LIBVIRT"
	# It wants its users to be there even if it does not use them.
	getent passwd libvirt-qemu >/dev/null || useradd --system --user-group libvirt-qemu
	cat >/etc/libvirt/qemu.conf <<-END
		user = "root"
		group = "root"
		security_driver = "none"
		stdio_handler = "file"
		cgroup_controllers = []
	END
	cat >/etc/libvirt/libvirtd.conf <<-END
		auth_unix_rw = "none"
		log_outputs = "2:file:/run/libvirtd.log"
	END
	mkdir -p /run/libvirt
	libvirtd -d -p /run/libvirtd.pid && soon 60 virsh -q list
}

libvirt_stop()
{
	virsh destroy vm1
	kill "$(cat /run/libvirtd.pid)"
	guest_kill vm1 KILL
	soon 10 test ! -e /run/libvirtd.pid
}

# What README.md shows of tag $1, up to its end, with the VF's address and the device's UUID.
libvirt_readme()
{
	sed -n "/<$1/,/<\/${1%% *}>/p" "$RIG_TOP/README.md" |
		sed "s/<mac .*/<mac address='$VM_MAC'\/>/; s/uuid='[^']*'/uuid='$mdev_uuid'/"
}

# A domain around it.
libvirt_domain()
{
	local type=qemu cpu=maximum

	guest_accel >/dev/null
	if [ "$GUEST_ACCEL" = kvm ]; then
		type=kvm cpu=host-passthrough
	fi
	cat <<-END
		<domain type='$type'>
		  <name>vm1</name>
		  <memory unit='MiB'>256</memory>
		  <vcpu>1</vcpu>
		  <os>
		    <type arch='x86_64' machine='q35'>hvm</type>
		    <kernel>/boot/vmlinuz-$KVER</kernel>
		    <initrd>$(guest_initrd "$KVER")</initrd>
		    <cmdline>console=ttyS0 quiet loglevel=4 panic=-1</cmdline>
		  </os>
		  <features><acpi/></features>
		  <cpu mode='$cpu'/>
		  <devices>
		    <controller type='usb' model='none'/>
		    <serial type='file'><source path='$GUEST_DIR/vm1/console'/></serial>
		    <channel type='pipe'>
		      <source path='$GUEST_DIR/vm1/port'/>
		      <target type='virtio' name='rig'/>
		    </channel>
		    <memballoon model='none'/>
		$(libvirt_readme "$1")
		  </devices>
		</domain>
	END
}

# Start it; $1: as for libvirt_readme().
libvirt_guest()
{
	guest_prepare vm1
	libvirt_domain "$1" >/run/vm1.xml
	must virsh define /run/vm1.xml &&
	must virsh start vm1 || return
	guest_pid[vm1]=$(cat /run/libvirt/qemu/vm1.pid)
	touch "$GUEST_DIR/vm1/log"
	must guest_wait vm1 180 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 &&
	must port_attached vm1
}

libvirt_end()
{
	must virsh destroy vm1 &&
	soon 10 port_free vm1 &&
	must virsh undefine vm1 &&
	must sluice port show vm1
}

libvirt_vhost()
{
	setup_ports &&
	libvirt_guest "interface type='ethernet'" || return
	tr '\0' '\n' <"/proc/${guest_pid[vm1]}/cmdline" | grep -A1 -E '^-(netdev|device)' | grep -E 'tap|virtio-net'
	readlink "/proc/${guest_pid[vm1]}"/fd/* | must grep '/dev/vhost-sluice' &&
	must ping_ok 10 &&
	must tcp_bps 2 &&
	must tcp_bps 2 -R &&
	must virsh domiflist vm1 &&
	must virsh domifstat vm1 vm1 &&
	libvirt_end
}

libvirt_mdev()
{
	fresh
	mdev_setup &&
	libvirt_guest "hostdev mode='subsystem' type='mdev'" &&
	must mdev_state running &&
	must ping_ok 10 &&
	must tcp_bps 2 &&
	libvirt_end &&
	must mdev_state closed
}

test_libvirt()
{
	local rc=0

	[ -d "$RIG_LIBVIRT" ] || { echo "$RIG_LIBVIRT"; return 4; }
	fresh
	must libvirt_start || return
	libvirt_vhost && libvirt_mdev || rc=1
	if [ "$rc" -ne 0 ]; then
		tail -n 20 /run/libvirtd.log /var/log/libvirt/qemu/vm1.log
	fi
	libvirt_stop
	return "$rc"
}

# Bit 34 of the features that the guest took is the packed ring.
guest_packed()
{
	local bit

	bit=$(on_vm "cut -c35 /sys/class/net/eth0/device/features") || return
	is "packed ring taken" "$bit" = 1
}

# A guest with packed rings, the one of the test before if that left it.
packed_base()
{
	[ -z "$packed_up" ] || ! still port_attached vm1 || return 0
	fresh
	setup_ports || return
	sluice_guest vm1 vm1 "mac=$VM_MAC" packed=on
	must guest_wait vm1 180 &&
	must sluice_guest_net vm1 &&
	guest_packed &&
	soon 20 ping_ok 1 &&
	must port_attached vm1
}

test_packed()
{
	packed_base &&
	must ping_ok 10 &&
	must tcp_bps 2 &&
	must tcp_bps 2 -R || return
	guest_reboot vm1 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 &&
	packed_up=1
}

# Ring addresses are translated; misses and invalidations go over the node.
test_viommu()
{
	fresh
	setup_ports || return
	GUEST_MACHINE=q35,kernel-irqchip=split GUEST_APPEND="intel_iommu=on iommu.strict=1" guest_start vm1 \
		-device intel-iommu,intremap=on,device-iotlb=on,caching-mode=on \
		-netdev "tap,id=n0,ifname=vm1,script=no,downscript=no,vhost=on,vhostfd=3" \
		-device "virtio-net-pci,netdev=n0,mac=$VM_MAC,iommu_platform=on,disable-legacy=on,ats=on" \
		3<>/dev/vhost-sluice
	must guest_wait vm1 240 &&
	must sluice_guest_net vm1 &&
	must on_vm "ls /sys/class/iommu | grep dmar" &&
	soon 20 ping_ok 1 &&
	must port_attached vm1 &&
	must ping_ok 10 &&
	must tcp_bps 2
}

# Guest to guest, without a NIC in between.
test_peers()
{
	local vm=vm1

	fresh
	must sluice port add vm1 mac 52:54:00:51:20:01 &&
	must sluice port add vm2 mac 52:54:00:51:20:02 &&
	must sluice wire add vm1 vm2 &&
	must ip link set vm1 up &&
	must ip link set vm2 up || return
	sluice_guest vm1 vm1 mac=52:54:00:51:20:01
	sluice_guest vm2 vm2 mac=52:54:00:51:20:02
	must guest_wait vm1 240 &&
	must guest_wait vm2 240 &&
	must sluice_guest_net vm1 &&
	must sluice_guest_net vm2 10.0.0.3 fd00::3 &&
	soon 20 ping_ok 1 10.0.0.3 &&
	must ping_ok 5 10.0.0.3 &&
	must ping_ok 5 fd00::3 &&
	must guest_run vm2 "iperf3 -s -D >/dev/null" &&
	must on_vm "iperf3 -c 10.0.0.3 -t 3 --connect-timeout 5000" &&
	must on_vm "iperf3 -c 10.0.0.3 -t 3 -R --connect-timeout 5000"
}

# A VLAN interface above an uplink: the VF is asked for the tag, by which it would filter otherwise.
test_uplink_vlan()
{
	fresh
	must sluice uplink add up0 dev vf0 &&
	must ip link set vf0 up &&
	must ip link set up0 up &&
	must ip link add link up0 name up0.10 type vlan id 10 &&
	must ip addr add 10.0.10.1/24 dev up0.10 &&
	must ip link set up0.10 up &&
	must ip -n peer link add link wire0 name wire0.10 type vlan id 10 &&
	must ip -n peer addr add 10.0.10.2/24 dev wire0.10 &&
	must ip -n peer link set wire0.10 up &&
	soon 20 ping -c 1 -W 1 10.0.10.2 &&
	must ping -c 5 -i 0.2 -W 1 10.0.10.2
	local rc=$?
	must ip link del up0.10 && [ "$rc" = 0 ] && guest_vlan
	rc=$?
	ip -n peer link del wire0.10
	return "$rc"
}

# A guest with another address than the VF's, in that VLAN: the VF, which knows of neither, gives it nothing
# until its guard says what it may have.
guest_vlan()
{
	local mac=52:54:00:51:20:01

	must sluice port add vm1 &&
	must sluice wire add vm1 up0 &&
	must ip link set vm1 up || return
	sluice_guest vm1 vm1 mac=$mac
	must guest_wait vm1 180 &&
	must on_vm "ip link set eth0 up && ip link add link eth0 name eth0.10 type vlan id 10 &&
		ip addr add 10.0.10.3/24 dev eth0.10 && ip link set eth0.10 up" &&
	soon 10 port_attached vm1 &&
	ping_lost 10.0.10.2 &&
	must sluice guard set port vm1 mac $mac vlan 10 &&
	must sluice uplink show &&
	soon 20 ping_ok 1 10.0.10.2 &&
	must ping_ok 5 10.0.10.2 &&
	must ip -n peer neigh show dev wire0.10 &&
	must sluice guard off port vm1 &&
	ping_lost 10.0.10.2
}

# No rules: the port is a tap, for instance in a bridge with a VF.
test_bridge()
{
	fresh
	# As with any tap: with the guest's own address the bridge would keep the guest's frames.
	must sluice port add vm1 &&
	must ip link add br0 type bridge vlan_default_pvid 0 &&
	must ip link set vf0 master br0 &&
	must ip link set vm1 master br0 &&
	# QEMU's igb gives a VF its own broadcasts back.
	must bridge link set dev vf0 learning off || return
	# The bridge port would own the guest's address otherwise.
	must ip link set vf0 address 52:54:00:51:30:00
	bridge fdb add "$VM_MAC" dev vf0 self
	for d in br0 vf0 vm1; do
		must ip link set "$d" up || return
	done
	must setup_guest &&
	must port_attached vm1 &&
	must ping_ok 5 &&
	must ping_ok 5 "$PEER_IP6" &&
	must tcp_bps 2 &&
	must tcp_bps 2 -R
}

# A port moves into a namespace, works there as a tap, and dies with it.
test_netns()
{
	fresh
	must sluice port add vm1 mac "$VM_MAC" || return
	sluice_guest vm1 vm1 "mac=$VM_MAC"
	must guest_wait vm1 180 &&
	must sluice_guest_net vm1 &&
	must ip netns add blue &&
	must ip link set vm1 netns blue &&
	must ip -n blue link set vm1 up &&
	must ip -n blue addr add 10.0.0.9/24 dev vm1 &&
	soon 20 ping_ok 1 10.0.0.9 &&
	must ping_ok 5 10.0.0.9 &&
	refused sluice port show vm1 &&
	must ip netns exec blue sluice port show vm1 &&
	must ip netns del blue &&
	must guest_alive vm1 &&
	must on_vm "echo the guest lives"
}

ovs_start()
{
	export OVS_RUNDIR=/run/ovs-e2e OVS_LOGDIR=/run/ovs-e2e OVS_DBDIR=/run/ovs-e2e OVS_SYSCONFDIR=/run/ovs-e2e
	mkdir -p "$OVS_RUNDIR"
	modprobe openvswitch &&
	ovsdb-tool create "$OVS_DBDIR/conf.db" /usr/share/openvswitch/vswitch.ovsschema &&
	ovsdb-server "$OVS_DBDIR/conf.db" --remote=punix:"$OVS_RUNDIR/db.sock" --pidfile --no-chdir \
		--log-file --detach 2>/dev/null &&
	ovs-vsctl --no-wait init &&
	ovs-vswitchd --pidfile --no-chdir --log-file --detach 2>/dev/null
}

ovs_stop()
{
	ovs-vsctl --timeout=10 --if-exists del-br br0
	ovs-appctl -t ovs-vswitchd exit
	ovs-appctl -t ovsdb-server exit
	rm -rf "$OVS_RUNDIR"
}

# The same in an Open vSwitch bridge.
test_ovs()
{
	local d ok=0

	fresh
	must sluice port add vm1 &&
	must ovs_start || return
	must ovs-vsctl --timeout=30 add-br br0 -- add-port br0 vf0 -- add-port br0 vm1 &&
	# Not the learning switch: QEMU's igb gives a VF its own broadcasts back.
	must ovs-ofctl del-flows br0 &&
	must ovs-ofctl add-flow br0 in_port=vf0,actions=output:vm1 &&
	must ovs-ofctl add-flow br0 in_port=vm1,actions=output:vf0 &&
	for d in vf0 vm1; do
		must ip link set "$d" up || return
	done &&
	must setup_guest &&
	must port_attached vm1 &&
	must ping_ok 5 &&
	must tcp_bps 2 || ok=1
	ovs_stop
	return "$ok"
}
