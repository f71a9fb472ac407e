# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Two hosts of TCP that Sluice joins, in one test kernel. Sourced by what runs there; $top is set.
#
# "guest" is a namespace with the netdev that virtio_net makes of a vDPA device: a real stack behind a port's rings.
# "peer" is another, at the far end of a veth pair; the uplink is above its near end, and port and uplink are wired.

# shellcheck disable=SC2154
objects=$top/build/$(basename "${UML_BUILD:?run this in the rig}")
export PATH=$top/userspace:$PATH
port=vm uplink=up0 lower=w0 far=g0
guest_ip=10.0.0.2 peer_ip=10.0.0.1

# hosts_modules MODULE...: those that are not there yet
hosts_modules() {
	local m
	for m in "$@"; do
		[ -d "/sys/module/${m##*/}" ] || insmod "$objects/$m.ko"
	done
}

hosts_spaces() {
	local ns
	for ns in guest peer; do
		ip netns add $ns
		ip -n $ns link set lo up
	done
	for ns in all default; do
		echo 1 >/proc/sys/net/ipv6/conf/$ns/disable_ipv6
	done
}

# hosts_address NAMESPACE NETDEV ADDRESS
hosts_address() {
	ip link set "$2" netns "$1"
	ip -n "$1" addr add "$3/24" dev "$2"
	ip -n "$1" link set "$2" up
}

# The netdev of a vDPA device comes when its driver has it. Prints its name.
hosts_virtio() {
	local t
	for ((t = 0; t < 100; t++)); do
		if compgen -G "/sys/bus/vdpa/devices/$port/virtio*/net/*" >/dev/null; then
			(cd "/sys/bus/vdpa/devices/$port/"virtio*/net && echo *)
			return
		fi
		sleep 0.1
	done
	return 1
}

hosts_answer() {
	local t
	for ((t = 0; t < 100; t++)); do
		! ip netns exec guest ping -qc 1 -W 1 $peer_ip >/dev/null || return 0
	done
	echo "hosts.sh: the hosts do not reach each other" >&2
	return 1
}

# Both are there and reach each other. Sets $virtio, the guest's netdev.
hosts_up() {
	hosts_modules kmod/sluice kmod/sluice_net vhost-vendor/sluice_vdpa
	ip link add $lower type veth peer name $far
	hosts_address peer $far $peer_ip
	echo 0 >/sys/bus/vdpa/drivers_autoprobe
	vdpa dev add name $port mgmtdev sluice-full mac 02:00:00:00:00:02
	echo $port >/sys/bus/vdpa/drivers/virtio_vdpa/bind
	virtio=$(hosts_virtio)
	hosts_address guest "$virtio" $guest_ip
	ip link set $port up
	sluice uplink add $uplink dev $lower
	ip link set $lower up
	ip link set $uplink up
	sluice wire add $port $uplink
	hosts_answer
}

hosts_down() {
	vdpa dev del $port
	ip link del $uplink
	ip link del $lower
}

# hosts_gso on|off: whether frames longer than the MTU come from either of them, or are made on the way
hosts_gso() {
	ip netns exec guest ethtool -K "$virtio" tso "$1" gso "$1" gro "$1"
	ip netns exec peer ethtool -K $far tso "$1" gso "$1" gro "$1"
	ethtool -K $lower gro "$1"
}
