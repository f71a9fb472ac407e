#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Proves the rig itself, with nothing of ours in it: guest, stock vhost-net,
# tap, Linux bridge, VF, wire, peer.  Run it in the host:
#
#   selftests/rig/host-run.sh selftests/rig/guest-stock.sh
set -euo pipefail

# shellcheck source=guest-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/guest-lib.sh"

mac=52:54:00:51:20:01
modprobe -a tun vhost_net bridge
ip tuntap add dev tap0 mode tap vnet_hdr
ip link add br0 type bridge vlan_default_pvid 0
ip link set dev vf0 master br0
ip link set dev tap0 master br0
# QEMU's igb returns a VF's broadcasts to that same VF: the bridge must not
# learn from them that the guest is out there.
bridge link set dev vf0 learning off
# The VF takes frames for addresses it was told of, and no others.
bridge fdb add "$mac" dev vf0 self
for d in vf0 tap0 br0; do ip link set dev "$d" up; done
ip -n peer addr add 10.0.0.1/24 dev wire0

guest_start vm1 -netdev tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=on \
	-device "virtio-net-pci,netdev=n0,mac=$mac"
echo "accelerator for the guest: $GUEST_ACCEL"
guest_wait vm1
echo "guest is up after $SECONDS s"
guest_run vm1 "ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up; ip -br addr; uname -r"
guest_run vm1 "ping -c 3 -i 0.3 10.0.0.1"
ip netns exec peer iperf3 -s -D -I /run/iperf3.pid
sleep 1
guest_run vm1 "iperf3 -c 10.0.0.1 -t 3"
guest_run vm1 "iperf3 -c 10.0.0.1 -t 3 -R"
kill "$(tr -d '\0' </run/iperf3.pid)"
guest_kill vm1
echo "all done after $SECONDS s"
