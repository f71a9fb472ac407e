# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: a guest moves from one QEMU to another while it runs.  Sourced by inside.sh.

MIGRATION=/run/migration

migrated()
{
	monitor "$1" "info migrate" | grep -q 'Status: completed\|status: completed'
}

# Something for the guest to receive for ten minutes. A server that has a dead guest's on its hands
# refuses another.
migrate_traffic()
{
	on_vm "iperf3 -c $PEER_IP -t 600 -R --connect-timeout 3000 >/dev/null 2>&1 & sleep 1; kill -0 \$!"
}

# Something for the guest to keep in memory, under traffic: the dirty log must have every page, or the
# guest that goes on is broken. Its sum is in $sum.
migrate_ready()
{
	sum=$(on_vm "head -c 3000000 /dev/urandom >/tmp/m; md5sum </tmp/m") &&
	soon 30 migrate_traffic
}

# The guest that goes on has what it had, and a network.
migrate_done()
{
	local now

	guest_hush vm1
	now=$(on_vm "killall iperf3 2>/dev/null; md5sum </tmp/m" 60)
	is "the file's checksum after it" "$now" = "$sum" &&
	soon 20 ping_ok 1 &&
	must tcp_bps 2
}

migrate_to()
{
	say "vm1 migrates to $1"
	# An emulated guest writes about as fast as its memory is read: it has to stand still for a while.
	monitor vm1 "migrate_set_parameter downtime-limit 2000" >/dev/null
	monitor vm1 "migrate -d $1" >/dev/null
	soon 120 migrated vm1 || {
		monitor vm1 "info migrate"
		return 1
	}
	guest_kill vm1 KILL
}

# Through a file, from a port to the same one; $@: what else virtio-net-pci is told.
migrate_by_file()
{
	local sum

	migrate_ready &&
	migrate_to "\"exec:cat >$MIGRATION\"" &&
	soon 10 port_free vm1 || return
	GUEST_INCOMING="exec:cat $MIGRATION" sluice_guest vm1 vm1 "mac=$VM_MAC" "$@"
	soon 120 port_attached vm1 && migrate_done
}

# To guest vm2, that waits at the socket for it; $@: what the new place must be, once it is there.
migrate_by_socket()
{
	local sum

	migrate_ready && soon 60 test -S $MIGRATION && migrate_to "unix:$MIGRATION" || return
	guest_becomes vm2 vm1
	soon 20 "$@" && migrate_done
}

# A tap of the kernel's own beside another VF, which gets the guest's address too.
stock_up()
{
	local d

	must modprobe -a tun vhost_net bridge &&
	must ip tuntap add dev tap0 mode tap vnet_hdr &&
	must ip link add br0 type bridge vlan_default_pvid 0 &&
	must ip link set vf1 master br0 &&
	must ip link set tap0 master br0 &&
	# QEMU's igb gives a VF its own broadcasts back.
	must bridge link set dev vf1 learning off &&
	must bridge fdb add "$VM_MAC" dev vf1 self || return
	for d in vf1 tap0 br0; do
		must ip link set dev "$d" up || return
	done
}

# What is not there need not go.
stock_down()
{
	{
		ip link del br0
		ip link del tap0
		bridge fdb del "$VM_MAC" dev vf1 self
		ip link set vf1 down
		modprobe -r vhost_net
	} 2>/dev/null
}

# vhost-net serves it, not QEMU itself.
stock_attached()
{
	grep -x "vhost-${guest_pid[vm1]}" "/proc/${guest_pid[vm1]}/task/"*/comm
}

# From a port of ours to the kernel's own back end, live.
migrate_to_stock()
{
	GUEST_INCOMING=unix:$MIGRATION guest_start vm2 \
		-netdev "tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=on" \
		-device "virtio-net-pci,netdev=n0,mac=$VM_MAC"
	migrate_by_socket stock_attached
}

# And from there to ours: what QEMU saved of the tap's abilities, UFO among them, a port must have.
migrate_from_stock()
{
	GUEST_INCOMING=unix:$MIGRATION sluice_guest vm2 vm1 "mac=$VM_MAC"
	migrate_by_socket stock_gone
}

stock_gone()
{
	modprobe -r vhost_net && port_attached vm1
}

# The guest of the tests before goes to stock tap and vhost-net, and comes back (issue 9, 6.2). What comes
# next has the guest that goes on, if this one does.
test_migrate()
{
	base || return
	base_broken=1
	stock_up && migrate_to_stock && migrate_from_stock || return
	stock_down
	base_broken=
}

# The place in a packed ring includes its wrap counters.
test_migrate_packed()
{
	packed_base || return
	packed_up=
	migrate_by_file packed=on &&
	guest_packed
}

# Another VF as the way out of device vm2, which the guest is to move to; its address is the VF's too.
vdpa_other_place()
{
	must sluice uplink add up1 dev vf1 &&
	must sluice uplink set up1 want-mac "$VM_MAC" &&
	must ip link set vf1 up &&
	must ip link set up1 up &&
	must vdpa dev add name vm2 mgmtdev sluice mac "$VM_MAC" &&
	must sluice wire add vm2 up1 &&
	must ip link set vm2 up
}

vdpa_moved()
{
	ping_ok 1 && [ "$(port_stat vm2 from-guest-packets)" -gt 0 ]
}

# A guest on a vDPA device moves to another one: by what is offered if nobody said what QEMU lets it, with
# rings of its own in between. The port that it comes to announces it, for nobody else does (issue 9, 5).
test_vdpa_migrate()
{
	local rc=0

	vdpa_base && vdpa_other_place || return
	vdpa_up=
	GUEST_INCOMING=unix:$MIGRATION sluice_vdpa_guest vm2 vm2
	peer_watch ether src "$VM_MAC" and ether proto 0x8035
	migrate_by_socket vdpa_moved || rc=1
	peer_watched >/run/announced
	is "announcements at the peer" "$(cat /run/announced)" -gt 0 || rc=1
	guest_kill vm1 KILL
	must vdpa dev del vm1 && must vdpa dev del vm2 && must sluice uplink del up1 &&
	must test ! -e /sys/class/net/vm1 || rc=1
	ip link set vf1 down
	return "$rc"
}
