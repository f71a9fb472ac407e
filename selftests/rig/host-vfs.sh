#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the host: takes pf0's VFs away, makes $1 new ones, vf0, vf1, ...
# VF N has the address 52:54:00:51:10:0N.
set -euo pipefail

echo 0 >/sys/class/net/pf0/device/sriov_numvfs
# All that is set through the PF resets the VF, so it comes before the VF's
# own driver does.
modprobe -r igbvf 2>/dev/null || true
echo "$1" >/sys/class/net/pf0/device/sriov_numvfs
for ((i = 0; i < $1; i++)); do
	ip link set dev pf0 vf "$i" mac "$(printf '52:54:00:51:10:%02x' "$i")"
	# Guests send with addresses of their own: the NIC must let them.
	ip link set dev pf0 vf "$i" spoofchk off
	ip link set dev pf0 vf "$i" trust on
done
modprobe igbvf
for ((i = 0; i < $1; i++)); do
	for ((t = 0; t < 100; t++)); do
		vf=$(ls "/sys/class/net/pf0/device/virtfn$i/net" 2>/dev/null) && [ -n "$vf" ] && break
		sleep 0.1
	done
	ip link set dev "$vf" name "vf$i"
done
