#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bench, inside the test kernel (run.sh or icount.sh boots it): set the datapaths up, measure them in turn, write one
# line of JSON per measurement to the file "results" of the rig's output directory.
#
#   BENCH_ROUNDS   how often everything is measured
#   BENCH_SECONDS  of one measurement
#   BENCH_TRIPS    round trips of a single frame (2000)
#   BENCH_PATHS    which datapaths
#   PROFILE_LOADS  as for profile.sh: these are profiled once all is set up
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
load=$here/out/load
trip=$here/out/trip
if [ -n "${UML_BUILD:-}" ]; then
	objects=$top/build/$(basename "$UML_BUILD")
	results=/run/rig/results
else
	objects=${BENCH_OBJECTS:?run this by selftests/bench/run.sh or icount.sh}
	results=${RIG_OUT:?}/results
	modprobe -a vhost_net tun veth dummy bridge macvtap openvswitch
fi
# shellcheck source=paths.sh
. "$here/paths.sh"
# shellcheck source=guest-disk.sh
. "$here/guest-disk.sh"
export PATH=$top/userspace:$PATH
nflow=10000
nrule=100
sizes=(64 1514 65214)
guest_mac=02:00:00:00:00:02

# Every datapath has a port and a wire outwards, and another pair inwards. Outwards the wire is a dummy, which
# does nothing with what it gets; inwards it is one end of a veth pair with NAPI in a thread, so that frames come
# in bursts, as from a NIC.
wires() {
	local name=$1
	ip link add "w${name}o" type dummy
	ip link set "w${name}o" up
	ip link add "w${name}i" type veth peer name "g${name}i"
	ethtool -K "w${name}i" gro on
	ip link set "w${name}i" up
	ip link set "g${name}i" up
	echo 1 >"/sys/class/net/w${name}i/threaded"
}

tap() { ip tuntap add "$1" mode tap vnet_hdr; ip link set "$1" up; }

setup_bridge() {
	local d
	wires br
	for d in o i; do
		ip link add "bbr$d" type bridge mcast_snooping 0
		ip link set "bbr$d" up
		tap "tbr$d"
		ip link set "tbr$d" master "bbr$d"
		ip link set "wbr$d" master "bbr$d"
	done
	# Where the frames go to is known, so nothing is flooded.
	bridge fdb replace $guest_mac dev wbro master static
	bridge fdb replace $guest_mac dev tbri master static
}

setup_macvtap() {
	local d
	wires mv
	for d in o i; do
		ip link add link "wmv$d" name "tmv$d" type macvtap mode passthru
		ip link set "tmv$d" up
	done
}

setup_ovs() {
	local d up
	wires ov
	export OVS_RUNDIR=/tmp/ovs OVS_LOGDIR=/tmp/ovs OVS_DBDIR=/tmp/ovs OVS_SYSCONFDIR=/tmp/ovs
	mkdir -p /tmp/ovs
	ovsdb-tool create /tmp/ovs/conf.db /usr/share/openvswitch/vswitch.ovsschema
	ovsdb-server /tmp/ovs/conf.db --remote=punix:/tmp/ovs/db.sock --pidfile=/tmp/ovs/ovsdb-server.pid \
		--no-chdir --log-file=/tmp/ovs/ovsdb-server.log --unixctl=/tmp/ovs/ovsdb.ctl --detach
	export OVS_DB=unix:/tmp/ovs/db.sock
	ovs-vsctl --db="$OVS_DB" --no-wait init
	# It counts handlers from processor time in the first seconds after boot, and may come to none: wait.
	up=$(cut -d. -f1 /proc/uptime)
	[ "$up" -ge 12 ] || sleep $((12 - up))
	ovs-vswitchd "$OVS_DB" --pidfile=/tmp/ovs/ovs-vswitchd.pid --no-chdir --unixctl=/tmp/ovs/vswitchd.ctl \
		--log-file=/tmp/ovs/ovs-vswitchd.log -vconsole:err --detach
	for d in o i; do
		tap "tov$d"
		ovs-vsctl --db="$OVS_DB" -- add-br "bov$d" -- set bridge "bov$d" datapath_type=system \
			-- add-port "bov$d" "tov$d" -- set interface "tov$d" ofport_request=1 \
			-- add-port "bov$d" "wov$d" -- set interface "wov$d" ofport_request=2
	done
	for ((d = 0; d < 100; d++)); do
		handlers=$(grep -l '^handler' /proc/"$(cat /tmp/ovs/ovs-vswitchd.pid)"/task/*/comm | wc -l)
		[ "$handlers" = 0 ] || return 0
		sleep 0.2
	done
	echo "guest.sh: ovs-vswitchd has no upcall handlers" >&2
	return 1
}

# The rules, the same for all who have rules. None of the hundred matches what is sent; each of the ten thousand
# matches one flow.
ovs_rules() {
	local i a
	case $1 in
	wire) ;;
	acl)
		for ((i = 0; i < nrule; i += 2)); do
			echo "priority=$((1000 - i)),udp,nw_src=192.168.$i.0/24,tp_dst=$((1000 + i)),actions=drop"
			echo "priority=$((999 - i)),tcp,nw_dst=172.16.$i.0/24,tp_dst=$((2000 + i)),actions=drop"
		done
		;;
	flows)
		for ((i = 0; i < nflow; i++)); do
			a=10.1.$((i / 256)).$((i % 256))
			echo "priority=100,in_port=1,ip,nw_dst=$a,actions=output:2"
			echo "priority=100,in_port=2,ip,nw_src=$a,actions=output:1"
		done
		return
		;;
	esac
	echo "priority=10,in_port=1,actions=output:2"
	echo "priority=10,in_port=2,actions=output:1"
}

prepare_ovs() {
	local d
	[ -e "/tmp/rules.ovs.$1" ] || ovs_rules "$1" >"/tmp/rules.ovs.$1"
	for d in o i; do
		ovs-ofctl --bundle replace-flows "unix:/tmp/ovs/bov$d.mgmt" "/tmp/rules.ovs.$1"
	done
	ovs-appctl -t /tmp/ovs/vswitchd.ctl revalidator/purge
}

# Each module once: sluice_modules NAME...
sluice_modules() {
	local m
	for m in kmod/sluice kmod/sluice_net "$@"; do
		[ -d "/sys/module/${m##*/}" ] || insmod "$objects/$m.ko"
	done
}

setup_sluice() {
	local d
	wires sl
	sluice_modules vhost-vendor/sluice_vhost
	for d in o i; do
		sluice port add "tsl$d"
		ip link set "tsl$d" up
		sluice uplink add "usl$d" dev "wsl$d"
		ip link set "usl$d" up
	done
}

# A NIC that is a device, simulated or emulated; prints its netdev's name.
card_nic() {
	local n t
	if [ -z "${UML_BUILD:-}" ]; then
		modprobe -a mdev vfio_iommu_type1
		echo vf1
		return
	fi
	echo "9 1" >/sys/bus/netdevsim/new_device
	for ((t = 0; t < 50; t++)); do
		for n in /sys/class/net/*; do
			[ ! -e "$n/device" ] || { echo "${n##*/}"; return; }
		done
		sleep 0.1
	done
	return 1
}

# Mediated devices: an uplink over a NIC is a parent. The wires are as for the others.
setup_mdev() {
	local d uuid dev mdev_type t
	wires md
	dev=$(card_nic)
	sluice_modules vfio-mdev/sluice_mdev
	mdev_type=/sys/class/mdev_bus/$(basename "$(readlink -f "/sys/class/net/$dev/device")")
	mdev_type+=/mdev_supported_types/sluice_mdev-net
	ip link set "$dev" up
	sluice uplink add umd dev "$dev"
	for d in o i; do
		sluice port add "tmd$d"
		ip link set "tmd$d" up
		sluice uplink add "umd$d" dev "wmd$d"
		ip link set "umd$d" up
		uuid=$(card "$d")
		for ((t = 0; t < 50; t++)); do
			[ ! -e "$mdev_type/create" ] || break
			sleep 0.1
		done
		echo "${uuid#mdev:}" >"$mdev_type/create"
		echo "tmd$d" >"/sys/bus/mdev/devices/${uuid#mdev:}/port"
	done
}
card() { echo "mdev:51d1ce00-0000-4000-8000-00000000000$([ "$1" = o ] && echo 1 || echo 2)"; }

prepare_mdev() {
	sluice apply /tmp/rules.sluice.none
	sluice wire add tmdo umdo
	sluice wire add tmdi umdi
}

# Passthrough: the VF's own driver, as a guest would have it. Beside it virtio_net on a vDPA device, behind which is
# Sluice, and behind that the same VF: what guest and host then spend together. The peer on the wire sends from here.
setup_passthrough() {
	modprobe -a vdpa virtio_vdpa virtio_net
	sluice_modules vhost-vendor/sluice_vdpa
	vdpa dev add name tvf mgmtdev sluice-full mac $guest_mac
	ip link set tvf up
	ip -n peer link set wire0 netns 1
	# Room for a burst, of which each frame takes several descriptors.
	ethtool -G wire0 tx 1024
	ethtool -G vf0 tx 1024
	ip link set wire0 up
	ip link set vf0 address $guest_mac
}

# Frames that go nowhere, then the two ways.
measure_passthrough() {
	local len way virtio_dev t
	for ((t = 0; t < 50; t++)); do
		! compgen -G '/sys/bus/vdpa/devices/tvf/virtio*/net/*' >/dev/null || break
		sleep 0.1
	done
	virtio_dev=$(cd /sys/bus/vdpa/devices/tvf/virtio*/net && echo *)
	ip link set "$virtio_dev" up
	ip link set vf0 up
	sleep 3
	for way in source passthrough virtio-vf; do
		if [ $way = virtio-vf ]; then
			sluice uplink add uvf dev vf0
			ip link set uvf up
			sluice wire add tvf uvf
			sleep 3
		fi
		for len in 64 1514; do
			case $way in
			source)
				measure $way out $len 1 sent - - wbaseo wbaseo
				measure $way in $len 1 sent - - wire0 wire0
				;;
			passthrough)
				measure $way out $len 1 sent - - vf0 vf0
				measure $way in $len 1 wire - - vf0 wire0
				;;
			virtio-vf)
				measure $way out $len 1 sent - - vf0 "$virtio_dev"
				measure $way in $len 1 wire - - "$virtio_dev" wire0
				;;
			esac
		done
	done
	ip link del uvf
}

# The rules for one pair: a port, its uplink, and the direction in which the port is crossed.
sluice_rules() {
	local rules=$1 port=$2 uplink=$3 dir=$4 i
	[ "$rules" = flows ] || sluice wire add "$port" "$uplink"
	case $rules in
	acl)
		for ((i = 0; i < nrule; i += 2)); do
			sluice acl add port "$port" dir "$dir" prio $((i + 1)) \
				proto udp src "192.168.$i.0/24" dport $((1000 + i)) deny
			sluice acl add port "$port" dir "$dir" prio $((i + 2)) \
				proto tcp dst "172.16.$i.0/24" dport $((2000 + i)) deny
		done
		;;
	flows)
		if [ "$dir" = from-guest ]; then
			sluice flow add prio 100 in "$port" eth-type 0x0800 dst 10.1.0.0 actions "output:$uplink"
		else
			sluice flow add prio 100 in "$uplink" eth-type 0x0800 src 10.1.0.0 actions "output:$port"
		fi
		;;
	esac
}

# Rules are set one by one once, and kept as a declared state, so that from then on they come in one transaction
# and nothing of others is left. The ten thousand flows are made of two in the state's text.
prepare_sluice() {
	local state=/tmp/rules.sluice.$1
	if [ ! -e "$state" ]; then
		sluice apply /tmp/rules.sluice.none
		sluice_rules "$1" tslo uslo from-guest
		sluice_rules "$1" tsli usli to-guest
		sluice dump >"$state.one"
		/usr/bin/python3 "$here/expand.py" 10.1.0.0 $nflow <"$state.one" >"$state"
	fi
	sluice apply "$state"
}

# record PATH DIRECTION LEN FLOWS PROGRAM ARGUMENT...: what the program prints, as a line of the results
record() {
	local path=$1 dir=$2 len=$3 flows=$4 line
	shift 4
	if ! line=$("$@"); then
		echo "guest.sh: $path $dir $len $flows: no measurement" >&2
		line='{"failed":true}'
	fi
	echo "{\"path\":\"$path\",\"dir\":\"$dir\",\"len\":$len,\"flows\":$flows,\"round\":$round,${line#\{}" >>"$results"
}

# measure PATH DIRECTION LEN FLOWS LOAD NODE PORT WIRE [PEER]
measure() { record "$1" "$2" "$3" "$4" "$load" "${@:5}" "$3" "$4" "$seconds"; }

# Single frames, and none. The guest is the one that gets frames from the wire.
measure_trips() {
	local path=$1 name=$2 node=$3
	record "$path" ping 64 1 "$trip" ping "$node" "t${name}i" "g${name}i" "$trips"
	# User-mode Linux counts processor time in ticks: too coarse for this.
	[ -z "${UML_BUILD:-}" ] || return 0
	record "$path" idle 0 0 "$trip" idle "$node" "t${name}i" 3
}

# All loads over one prepared datapath; NAME is what its netdevs are called after.
measure_all() {
	local path=$1 name=$2 node=$3 len flows
	for len in "${sizes[@]}"; do
		for flows in 1 $nflow; do
			[ "$path" != mdev ] || node=$(card o)
			measure "$path" out "$len" "$flows" out "$node" "t${name}o" "w${name}o"
			[ "$path" != mdev ] || node=$(card i)
			measure "$path" in "$len" "$flows" in "$node" "t${name}i" "w${name}i" "g${name}i"
		done
	done
}

# profile DIRECTION LEN: what ran where, function by function, with one flow and no rules but the wire.
profile() {
	local dir=$1 len=$2 args
	prepare_sluice wire
	args=("$dir" /dev/vhost-sluice "tsl${dir:0:1}" "wsl${dir:0:1}")
	[ "$dir" = out ] || args+=(gsli)
	profile_run "$dir-$len" "$load" "${args[@]}" "$len" 1 "$seconds"
}

# profile_run NAME PROGRAM ARGUMENT...
profile_run() {
	perf record -q -a -e cpu-clock -c 20011 -o /tmp/perf.data -- "${@:2}" >"$RIG_OUT/$1.load"
	perf report -q -i /tmp/perf.data --stdio --no-children --sort comm,sym -F period,comm,sym -t '|' \
		>"$RIG_OUT/$1.perf"
}

rounds=${BENCH_ROUNDS:-5}
seconds=${BENCH_SECONDS:-0.5}
trips=${BENCH_TRIPS:-2000}
read -r -a paths <<<"${BENCH_PATHS:?}"

for conf in all default; do
	echo 1 >/proc/sys/net/ipv6/conf/$conf/disable_ipv6
done
# The driver's memory in huge pages, which is what QEMU's gets where the kernel has them.
huge=/sys/kernel/mm/transparent_hugepage/shmem_enabled
[ ! -e $huge ] || echo always >$huge
: >"$results"
wires base
for path in "${paths[@]}"; do
	case $path in
	wire) ;;
	*) is_disk "$path" || "setup_$path" ;;
	esac
done
setup_disks "${paths[@]}"
# What is there before any rule, as a state to go back to.
[ ! -d /sys/module/sluice ] || sluice dump >/tmp/rules.sluice.none

for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	for path in "${paths[@]}"; do
		case $path in
		wire)
			for len in "${sizes[@]}"; do
				for flows in 1 $nflow; do
					measure wire wire "$len" "$flows" wire - - wbasei gbasei
				done
			done
			;;
		ovs | sluice)
			for rules in wire acl flows; do
				"prepare_$path" $rules
				case $path in
				ovs) measure_all "ovs-$rules" ov /dev/vhost-net ;;
				sluice) measure_all "sluice-$rules" sl /dev/vhost-sluice ;;
				esac
				[ $rules = wire ] || continue
				case $path in
				ovs) measure_trips ovs-wire ov /dev/vhost-net ;;
				sluice) measure_trips sluice-wire sl /dev/vhost-sluice ;;
				esac
			done
			;;
		mdev)
			prepare_mdev
			measure_all mdev md mdev
			measure_trips mdev md "$(card i)"
			;;
		passthrough) measure_passthrough ;;
		bridge) measure_all bridge br /dev/vhost-net ;;
		macvtap) measure_all macvtap mv /dev/vhost-net ;;
		*) measure_disk "$path" ;;
		esac
	done
done

for item in ${PROFILE_LOADS:-}; do
	echo "profile $item" >&2
	case $item in
	*:*:*) profile_disk "$item" ;;
	*) profile "${item%%:*}" "${item##*:}" ;;
	esac
done
