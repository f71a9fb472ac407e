# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sluice in the host: for the demo and the end-to-end tests.  Sourced.
# The first part runs outside, the rest in the host.

# shellcheck source=guest-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/guest-lib.sh"

RIG_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# Addresses: the guest gets that of the VF behind which it sits.
# shellcheck disable=SC2034
VM_MAC=52:54:00:51:10:00
VM_IP=10.0.0.2 VM_IP6=fd00::2
PEER_IP=10.0.0.1 PEER_IP6=fd00::1

# Where the modules for kernel $1 are built, apart from those of others.
sluice_objects()
{
	echo "$RIG_TOP/build/$1"
}

# Outside: build for kernel $1.
sluice_build()
{
	make -s -C "$RIG_TOP" KVER="$1" BUILD="$(sluice_objects "$1")" -j"$(nproc)" modules &&
		make -s -C "$RIG_TOP/selftests/wedge" KDIR="/lib/modules/$1/build" \
			BUILD="$(sluice_objects "$1")" &&
		make -s -C "$RIG_TOP" tool
}

SLUICE_MODULES=(kmod/sluice.ko kmod/sluice_net.ko kmod/sluice_blk.ko vhost-vendor/sluice_vhost.ko
		vhost-vendor/sluice_vdpa.ko vfio-mdev/sluice_mdev.ko)
PATH=$RIG_TOP/userspace:$PATH

sluice_load()
{
	local m

	# What ours stand on: insmod does not look for it.
	modprobe -a mdev vfio_iommu_type1 vhost_vdpa || return 1
	for m in "${SLUICE_MODULES[@]}"; do
		insmod "$(sluice_objects "$KVER")/$m" || return 1
	done
}

sluice_unload()
{
	local i m

	for ((i = ${#SLUICE_MODULES[@]} - 1; i >= 0; i--)); do
		m=${SLUICE_MODULES[i]##*/}
		rmmod "${m%.ko}" || return 1
	done
}

# The other end of the wire.
peer_up()
{
	ip -n peer addr replace "$PEER_IP/24" dev wire0
	ip -n peer addr replace "$PEER_IP6/64" dev wire0 nodad
	peer_serve
}

# The peer's server, afresh: one that has a dead guest's connection on its hands takes no other.
peer_serve()
{
	if [ -n "${peer_server:-}" ]; then
		kill -KILL "$peer_server"
		wait "$peer_server"
	fi 2>/dev/null
	ip netns exec peer iperf3 -s >/dev/null 2>&1 &
	peer_server=$!
}

# Watch for frames at the peer that match "$@"; the next prints how many came, and shows them.
peer_watch()
{
	peer_file=$(mktemp)
	ip netns exec peer tcpdump -lnnei wire0 "$@" >"$peer_file" 2>"$peer_file.err" &
	peer_tcpdump=$!
	while kill -0 "$peer_tcpdump" 2>/dev/null && ! grep -q 'listening' "$peer_file.err"; do
		sleep 0.2
	done
}

peer_watched()
{
	kill "$peer_tcpdump" 2>/dev/null || :
	wait "$peer_tcpdump" 2>/dev/null || :
	sed -n "s/^./at the peer: &/p" "$peer_file" >&2
	# tcpdump ends with an empty line when it is stopped.
	grep -c . "$peer_file" || :
	rm -f "$peer_file" "$peer_file.err"
}

# How often frames that match the rest of the arguments reach the peer while
# command $1 runs in guest $2.
peer_sees()
{
	local cmd=$1 vm=$2 peer_file peer_tcpdump

	shift 2
	peer_watch "$@"
	guest_run "$vm" "$cmd" >/dev/null || :
	sleep 1
	# What was claimed falsely must not stay in the peer's tables.
	ip -n peer neigh flush dev wire0
	peer_watched
}

# Start guest $1 on port $2 in the way that the manual shows; what else
# follows is for virtio-net-pci ("packed=on", "mac=...").
sluice_guest()
{
	local name=$1 port=$2

	shift 2
	guest_start "$name" \
		-netdev "tap,id=n0,ifname=$port,script=no,downscript=no,vhost=on,vhostfd=3" \
		-device "virtio-net-pci,netdev=n0$(printf ',%s' "$@")" \
		3<>/dev/vhost-sluice
}

# Make mediated device $1 (a UUID) on VF $2, with the attributes that follow
# (port=NAME, queues=N, mac=ADDRESS).
sluice_mdev()
{
	local uuid=$1 parent a

	parent=$(basename "$(readlink -f "/sys/class/net/$2/device")")
	shift 2
	echo "$uuid" >"/sys/class/mdev_bus/$parent/mdev_supported_types/sluice_mdev-net/create" ||
		return 1
	for a in "$@"; do
		echo "${a#*=}" >"/sys/bus/mdev/devices/$uuid/${a%%=*}" || return 1
	done
}

# Start guest $1 on mediated device $2, in a slot that it can be unplugged
# from, as libvirt does; what else follows is for QEMU.
sluice_mdev_guest()
{
	local name=$1 uuid=$2

	shift 2
	guest_start "$name" -device pcie-root-port,id=rp0,slot=1 \
		-device "vfio-pci,bus=rp0,sysfsdev=/sys/bus/mdev/devices/$uuid" "$@"
}

# Start guest $1 on vDPA device $2, whose memory is pinned; what else follows
# is for virtio-net-pci. QEMU does not choose the address: the device has one.
sluice_vdpa_guest()
{
	local name=$1 node

	node=$(echo "/sys/bus/vdpa/devices/$2"/vhost-vdpa-*)
	shift 2
	ulimit -l unlimited
	guest_start "$name" -netdev "vhost-vdpa,id=n0,vhostdev=/dev/${node##*/}" \
		-device "virtio-net-pci,netdev=n0,mac=$VM_MAC$(printf ',%s' "$@")"
}

# Start guest $1 with whatever vDPA device $2 is.
sluice_vdpa_device_guest()
{
	local name=$1 node

	node=$(echo "/sys/bus/vdpa/devices/$2"/vhost-vdpa-*)
	shift 2
	ulimit -l unlimited
	guest_start "$name" -device "vhost-vdpa-device-pci,vhostdev=/dev/${node##*/}" "$@"
}

# Inside the guest: addresses.
sluice_guest_net()
{
	guest_run "$1" "ip addr replace ${2:-$VM_IP}/24 dev eth0 &&
		ip addr replace ${3:-$VM_IP6}/64 dev eth0 nodad && ip link set eth0 up"
}

# json_get "COMMAND" KEY [KEY=VALUE...]: the first KEY in the first object of
# the command's output that has all the other pairs; "-" and "_" are the same.
json_get()
{
	local cmd=$1

	shift
	bash -c "$cmd" | python3 -c '
import json, sys

def norm(key):
    return str(key).replace("_", "-")

def walk(value):
    if isinstance(value, dict):
        yield {norm(k): v for k, v in value.items()}
        value = value.values()
    elif not isinstance(value, list):
        return
    for v in value:
        yield from walk(v)

key = norm(sys.argv[1])
pairs = [a.split("=", 1) for a in sys.argv[2:]]
for obj in walk(json.load(sys.stdin)):
    if key in obj and all(str(obj.get(norm(k), "")) == v for k, v in pairs):
        print(json.dumps(obj[key]).strip("\""))
        sys.exit()
sys.exit(1)
' "$@"
}

# A counter of a port, 0 if it is not there: from-guest-packets, ...
port_stat()
{
	json_get "sluice -j stats $1" "$2" || echo 0
}

# How many packets of port $1 were dropped for reason $2.
port_drops()
{
	json_get "sluice -j stats $1" packets "tag=$2" || echo 0
}

# Is the port's queue pair 0 served by our back end?  QEMU falls back to
# moving packets itself without a word.
port_attached()
{
	[ "$(json_get "sluice -j port show $1" attached)" = true ] &&
		! grep -qw '^vhost_net' /proc/modules
}
