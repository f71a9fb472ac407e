# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: a guest on a vDPA device.  Sourced by inside.sh.

# Uplink, device and port.
vdpa_setup()
{
	must sluice uplink add up0 dev vf0 &&
	must ip link set vf0 up &&
	must ip link set up0 up &&
	must vdpa dev add name vm1 mgmtdev sluice mac "$VM_MAC" &&
	must sluice wire add vm1 up0 &&
	must ip link set vm1 up
}

vdpa_guest()
{
	must sluice_vdpa_guest vm1 vm1 || return
	if ! guest_wait vm1 90; then
		say "the guest did not boot: once more"
		guest_kill vm1 KILL
		sluice_vdpa_guest vm1 vm1
		must guest_wait vm1 180 || return
	fi
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1
}

# Stock QEMU, stock driver: the guest reaches the peer, and sees the port's
# link; QEMU dies, and the device serves the next one; the port goes with it.
test_vdpa()
{
	fresh
	vdpa_setup && vdpa_guest &&
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
	soon 10 ping_ok 1 || return
	guest_send vm1 "ping -i 0.01 $PEER_IP >/dev/null"
	sleep 1
	guest_kill vm1 KILL
	vdpa_guest || return
	guest_kill vm1 KILL
	must vdpa dev del vm1 &&
	must test ! -e /sys/class/net/vm1
}
