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

# All that is set through the PF resets the VF, so it comes before the VF's
# own driver does.
modprobe -r igbvf 2>/dev/null || true
echo "$RIG_VFS" >/sys/class/net/pf0/device/sriov_numvfs
for ((i = 0; i < RIG_VFS; i++)); do
	ip link set dev pf0 vf "$i" mac "$(printf '52:54:00:51:10:%02x' "$i")"
	# Guests send with addresses of their own: the NIC must let them.
	ip link set dev pf0 vf "$i" spoofchk off
	ip link set dev pf0 vf "$i" trust on
done
modprobe igbvf
for ((i = 0; i < RIG_VFS; i++)); do
	for ((t = 0; t < 100; t++)); do
		vf=$(ls "/sys/class/net/pf0/device/virtfn$i/net" 2>/dev/null) && [ -n "$vf" ] && break
		sleep 0.1
	done
	ip link set dev "$vf" name "vf$i"
done
