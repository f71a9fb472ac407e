# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: a guest on a mediated device.  Sourced by inside.sh.

mdev_uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
mdev_dir=/sys/bus/mdev/devices/$mdev_uuid

mdev_parent_there()
{
	[ -d "/sys/class/mdev_bus/$(basename "$(readlink -f /sys/class/net/vf0/device)")/mdev_supported_types/sluice_mdev-net" ]
}

mdev_state()
{
	[ "$(cat "$mdev_dir/state")" = "$1" ]
}

mdev_gone()
{
	[ ! -e "$mdev_dir" ]
}

# Uplink, device and port; $@: attributes of the device.
mdev_setup()
{
	must sluice uplink add up0 dev vf0 &&
	must ip link set vf0 up &&
	must ip link set up0 up &&
	soon 10 mdev_parent_there &&
	must sluice_mdev "$mdev_uuid" vf0 "$@" "mac=$VM_MAC" port=vm1 &&
	must sluice wire add vm1 up0 &&
	must ip link set vm1 up
}

mdev_guest()
{
	boots sluice_mdev_guest vm1 "$mdev_uuid" &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1
}

# What the tests of a running device start from.
mdev_base()
{
	[ -z "$mdev_up" ] || ! still mdev_state running || return 0
	fresh
	mdev_setup queues=1 && mdev_guest && mdev_up=1
}

# Stock QEMU, stock driver: the guest reaches the peer, under policy, and the
# port's counters are there.
test_mdev()
{
	mdev_base || return
	must mdev_state running &&
	must on_vm "ip -s link show eth0; cat /sys/bus/virtio/drivers/virtio_net/virtio*/features" &&
	must ping_ok 5 &&
	must ping_ok 3 "$PEER_IP6" || return
	say "TCP out: $(tcp_bps 2) bit/s"
	is "TCP out" "$(tcp_bps 2)" -gt 100000 &&
	is "TCP in" "$(tcp_bps 2 -R)" -gt 100000 &&
	is "from guest" "$(port_stat vm1 from-guest-packets)" -gt 20 &&
	is "to guest" "$(port_stat vm1 to-guest-packets)" -gt 20 &&
	is "pinned" "$(cat "$mdev_dir/pinned")" -gt 4096 &&
	must sluice acl add port vm1 dir from-guest prio 10 deny proto icmp &&
	ping_lost &&
	is "denied" "$(port_drops vm1 acl)" -gt 0 &&
	must sluice acl del port vm1 dir from-guest prio 10 &&
	must ping_ok 3 &&
	must ip link set vm1 down &&
	soon 10 on_vm "! ip link show eth0 | grep -q LOWER_UP" &&
	must ip link set vm1 up &&
	soon 10 on_vm "ip link show eth0 | grep -q LOWER_UP" &&
	soon 10 ping_ok 1
}

test_mdev_reboot()
{
	mdev_base || return
	guest_reboot vm1 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 &&
	must mdev_state running
}

# QEMU dies; the device is free, nothing stays pinned, and it serves the next.
test_mdev_kill()
{
	mdev_base || return
	guest_send vm1 "ping -i 0.01 $PEER_IP >/dev/null"
	sleep 1
	guest_kill vm1 KILL
	soon 10 mdev_state closed &&
	is "pinned" "$(cat "$mdev_dir/pinned")" -eq 0 &&
	mdev_guest
}

# The device is removed under a running guest: QEMU unplugs it, the guest
# lives, and the port that was the device's is gone.
test_mdev_remove()
{
	mdev_base || return
	mdev_up=
	say "remove"
	(echo 1 >"$mdev_dir/remove") &
	soon 30 mdev_gone &&
	wait $! &&
	must on_vm "echo the guest lives; ! ip link show eth0" &&
	refused ip link show vm1
}

# Several queue pairs, of a port that was there before and stays.
test_mdev_queues()
{
	mdev_up=
	fresh
	must sluice port add vm1 queues 2 mac "$VM_MAC" &&
	mdev_setup queues=2 &&
	GUEST_CPUS=2 mdev_guest &&
	must on_vm "ethtool -l eth0; ethtool -L eth0 combined 2; ethtool -l eth0" &&
	must ping_ok 5 &&
	is "TCP out" "$(tcp_bps 2 "-P 4")" -gt 100000 &&
	is "TCP in" "$(tcp_bps 2 "-P 4 -R")" -gt 100000 &&
	must on_vm "ethtool -C eth0 rx-usecs 64 rx-frames 32 tx-usecs 64 tx-frames 32" &&
	must on_vm "ethtool -c eth0 | grep rx-usecs: | grep -w 64" &&
	must ping_ok 5 &&
	is "TCP in, with few interrupts" "$(tcp_bps 2 "-P 4 -R")" -gt 100000 &&
	must on_vm "ethtool -L eth0 combined 1" &&
	must ping_ok 5 &&
	guest_kill vm1 &&
	soon 10 mdev_state closed &&
	(echo 1 >"$mdev_dir/remove") &&
	must sluice port show vm1
}

udev_start()
{
	must mkdir -p /run/udev/rules.d &&
	must ln -sf "$here/../../userspace/udev/60-sluice.rules" /run/udev/rules.d/ &&
	must /lib/systemd/systemd-udevd --daemon &&
	soon 30 udevadm control --ping
}

udev_stop()
{
	udevadm control --exit
	rm -rf /run/udev/rules.d
}

# mdev_attrs QUEUES PORT MAC: are these the device's?
mdev_attrs()
{
	[ "$(cd "$mdev_dir" && cat queues port mac | tr '\n' ' ')" = "$* " ]
}

# Modules, uplink and ports go and come, as they do when the host boots.
mdev_boot()
{
	must sluice uplink del up0 &&
	soon 10 mdev_gone &&
	must sluice port del vm1 &&
	must sluice_unload &&
	must sluice_load &&
	must ip link set vf0 up &&
	must sluice apply /tmp/mdev.json &&
	must ip link set up0 up &&
	must ip link set vm1 up
}

mdevctl_defined()
{
	local parent

	parent=$(basename "$(readlink -f /sys/class/net/vf0/device)")
	must sluice port add vm1 queues 2 mac "$VM_MAC" &&
	must sluice uplink add up0 dev vf0 &&
	must sluice wire add vm1 up0 &&
	sluice dump >/tmp/mdev.json &&
	soon 10 mdev_parent_there &&
	must mdevctl types --parent "$parent" &&
	must mdevctl define -u "$mdev_uuid" -p "$parent" -t sluice_mdev-net --auto &&
	must mdevctl modify -u "$mdev_uuid" --addattr=queues --value=2 &&
	must mdevctl modify -u "$mdev_uuid" --addattr=port --value=vm1 &&
	must mdevctl modify -u "$mdev_uuid" --addattr=mac --value=52:54:00:51:10:77 &&
	must mdevctl start -u "$mdev_uuid" &&
	must mdev_attrs 2 vm1 52:54:00:51:10:77 &&
	must mdevctl modify -u "$mdev_uuid" --delattr --index=2 &&
	must mdevctl modify -u "$mdev_uuid" --addattr=mac --value="$VM_MAC" &&
	must mdevctl stop -u "$mdev_uuid" &&
	must mdev_gone
}

# What is defined comes back by udev's rules with all its attributes when its
# parent does; "stop" takes it from a guest that runs, and what is undefined
# stays away.
mdevctl_lives()
{
	mdevctl_defined &&
	mdev_boot &&
	soon 30 mdev_attrs 2 vm1 "$VM_MAC" &&
	must mdevctl list --defined &&
	GUEST_CPUS=2 mdev_guest &&
	must mdev_state running &&
	must ping_ok 3 &&
	must on_vm "ethtool -L eth0 combined 2" &&
	must ping_ok 3 &&
	is "TCP out, two pairs" "$(tcp_bps 2 "-P 4")" -gt 100000 &&
	must timeout 60 mdevctl stop -u "$mdev_uuid" &&
	soon 30 mdev_gone &&
	must on_vm "echo the guest lives; ! ip link show eth0" &&
	must sluice port show vm1 &&
	guest_kill vm1 &&
	must mdevctl undefine -u "$mdev_uuid" &&
	mdev_boot &&
	soon 10 mdev_parent_there &&
	must udevadm settle --timeout=30 &&
	must mdev_gone
}

test_mdevctl()
{
	local rc=0

	mdev_up=
	fresh
	udev_start && mdevctl_lives || rc=1
	udev_stop
	rm -rf /etc/mdevctl.d/0000:*
	return "$rc"
}
