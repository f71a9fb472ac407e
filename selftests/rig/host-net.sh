#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the host: names the two NICs, makes the VFs, and puts the far end
# of the wire into a network namespace of its own.
#
#   pf0             the SR-IOV NIC; its VFs become vf0, vf1, ...
#   peer: wire0     the NIC at the other end of the wire, in netns "peer"
set -euo pipefail

modprobe -a kvm_amd 2>/dev/null || modprobe -a kvm_intel 2>/dev/null || true
[ "${RIG_VFS:-0}" -gt 0 ] || exit 0

modprobe igb
nic_of()
{
	local n

	for n in /sys/class/net/*; do
		if [ "$(cat "$n/address")" = "$1" ]; then
			echo "${n##*/}"
			return
		fi
	done
	return 1
}
pf=$(nic_of "$RIG_PF_MAC")
wire=$(nic_of "$RIG_PEER_MAC")

ip link set dev "$pf" name pf0
ip netns add peer
ip link set dev "$wire" netns peer name wire0
ip -n peer link set dev lo up
ip -n peer link set dev wire0 up
ip link set dev pf0 up

"$(dirname "$0")/host-vfs.sh" "$RIG_VFS"
