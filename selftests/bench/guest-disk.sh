# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The bench's disks, sourced by guest.sh. Each way has a disk in memory of its own (null_blk), all alike:
#
#   raw           the disk, by AIO from a process: what there is to be had
#   raw-dm        the same with dm-crypt
#   volume        a volume, its vDPA device, a virtio-blk driver
#   volume-crypt  the same with the volume's own cipher
#   volume-dm     a volume on dm-crypt
#   scsi          vhost-scsi, LIO's iblock, a virtio-scsi driver
#   scsi-dm       the same on dm-crypt
#   user          vhost-user-blk of QEMU's storage daemon, a process of its own, a virtio-blk driver
#   user-dm       the same on dm-crypt
#   cipher        the kernel's cipher by itself

# shellcheck disable=SC2154 # guest.sh has it
disk=$here/out/disk
disk_mb=64
disk_block=4096
disk_lens=(4096 131072)
disk_depths=(1 64)
# 64 bytes, of which the halves differ.
disk_key=$(for ((i = 0; i < 64; i++)); do printf %02x $((i * 37 + 11 & 255)); done)
disk_configfs=/sys/kernel/config

is_disk() { [[ " $(bench_paths block) " == *" $1 "* ]]; }

# disk_add NAME: a disk in memory, all of it there. It answers at once, within the call that asks.
disk_add() {
	local dir=$disk_configfs/nullb/$1 setting
	mkdir "$dir"
	for setting in memory_backed=1 size=$disk_mb blocksize=$disk_block irqmode=0 \
		submit_queues=1 poll_queues=0; do
		echo "${setting#*=}" >"$dir/${setting%%=*}"
	done
	echo 1 >"$dir/power"
	# What drives with many queues, as NVMe's are, have by default.
	echo none >"/sys/block/$1/queue/scheduler"
	dd if=/dev/zero of="/dev/$1" bs=1M count=$disk_mb oflag=direct status=none
}

# disk_crypt NAME: prints the node of a dm-crypt device on disk NAME
disk_crypt() {
	local minor
	echo "0 $((disk_mb * 2048)) crypt aes-xts-plain64 $disk_key 0 /dev/$1 0 1 sector_size:$disk_block" |
		dmsetup create "$1" --noudevsync
	minor=$(dmsetup info -c --noheadings -o minor "$1")
	echo "/dev/dm-$((minor))"
}

# disk_target NAME DEVICE: LIO's side of vhost-scsi; NAME ends in a digit, which tells WWPNs apart
disk_target() {
	local target=$disk_configfs/target backstore tpg
	backstore=$target/core/iblock_${1: -1}/$1
	tpg=$target/vhost/$(disk_wwpn "$1")/tpgt_1
	mkdir -p "$backstore"
	echo "udev_path=$2" >"$backstore/control"
	echo 1 >"$backstore/enable"
	mkdir -p "$tpg/lun/lun_0"
	echo "naa.600140500000000${1: -1}" >"$tpg/nexus"
	ln -s "$backstore" "$tpg/lun/lun_0/bench"
}
disk_wwpn() { echo "naa.500140500000000${1: -1}"; }

# disk_daemon NAME DEVICE: prints the socket. Its thread does not look in vain for what may come: there is one processor,
# and who waits for the other to do something keeps it from that.
disk_daemon() {
	local at=/run/$1.sock offer t
	offer="type=vhost-user-blk,id=offer,node-name=disk,writable=on,iothread=thread"
	offer+=",logical-block-size=$disk_block,addr.type=unix,addr.path=$at"
	qemu-storage-daemon --object iothread,id=thread,poll-max-ns=0 \
		--blockdev "driver=host_device,node-name=disk,filename=$2,cache.direct=on,aio=native" \
		--export "$offer" </dev/null >&2 &
	for ((t = 0; t < 100; t++)); do
		[ ! -S "$at" ] || { echo "$at"; return; }
		sleep 0.1
	done
	return 1
}

# disk_volume NAME DEVICE [OPTION...]: prints the node
disk_volume() {
	local name=$1 device=$2 node t
	shift 2
	sluice volume add "$name" dev "$device" block-size $disk_block "$@" >&2
	echo 0 >/sys/bus/vdpa/drivers_autoprobe
	vdpa dev add name "$name" mgmtdev sluice >&2
	echo "$name" >/sys/bus/vdpa/drivers/vhost_vdpa/bind
	for ((t = 0; t < 50; t++)); do
		node=$(echo "/sys/bus/vdpa/devices/$name"/vhost-vdpa-*)
		[ ! -e "/dev/${node##*/}" ] || { echo "/dev/${node##*/}"; return; }
		sleep 0.1
	done
	return 1
}

# What a measurement is told: the way, its target, the disk at the bottom; by path.
declare -A disk_how

setup_disks() {
	local path
	if [ -z "${UML_BUILD:-}" ]; then
		modprobe -a vhost_vdpa null_blk dm_mod dm_crypt target_core_mod target_core_iblock vhost_scsi vdpa xts
	fi
	# A vDPA device pins the memory of its guest.
	ulimit -l unlimited
	mountpoint -q $disk_configfs || mount -t configfs none $disk_configfs
	for path in "$@"; do
		case $path in
		raw) disk_add dr0; disk_how[raw]="raw /dev/dr0 /dev/dr0" ;;
		raw-dm) disk_add dr1; disk_how[raw-dm]="raw $(disk_crypt dr1) /dev/dr1" ;;
		volume*) sluice_modules kmod/sluice_blk vhost-vendor/sluice_vdpa ;;&
		volume) disk_add dv0; disk_how[volume]="blk $(disk_volume dv0 /dev/dv0) /dev/dv0" ;;
		volume-crypt)
			disk_add dv1
			printf %s "$disk_key" | sed 's/../\\x&/g' | xargs -0 printf >/tmp/bench.key
			disk_how[volume-crypt]="blk $(disk_volume dv1 /dev/dv1 key - </tmp/bench.key) /dev/dv1"
			;;
		volume-dm) disk_add dv2; disk_how[volume-dm]="blk $(disk_volume dv2 "$(disk_crypt dv2)") /dev/dv2" ;;
		scsi) disk_add ds3; disk_target ds3 /dev/ds3; disk_how[scsi]="scsi $(disk_wwpn ds3) /dev/ds3" ;;
		scsi-dm)
			disk_add ds4
			disk_target ds4 "$(disk_crypt ds4)"
			disk_how[scsi-dm]="scsi $(disk_wwpn ds4) /dev/ds4"
			;;
		user) disk_add du5; disk_how[user]="user $(disk_daemon du5 /dev/du5) /dev/du5" ;;
		user-dm) disk_add du6; disk_how[user-dm]="user $(disk_daemon du6 "$(disk_crypt du6)") /dev/du6" ;;
		esac
	done
}

# cipher_alone LEN read|write: writes what it found to standard output, as the other programs do
cipher_alone() {
	local encrypt=0 parameters=/sys/module/bench_cipher/parameters
	[ "$2" = read ] || encrypt=1
	# shellcheck disable=SC2154 # guest.sh has it
	insmod "${BENCH_CIPHER:?}" ms="$(awk "BEGIN { print int($seconds * 1000) }")" len="$1" encrypt=$encrypt \
		sector_size=$disk_block key_len=$((${#disk_key} / 2))
	echo "{\"ns\":$(<$parameters/ns),\"driver\":\"$(<$parameters/driver)\",\"packets\":1,\"lost\":0,\"kicks\":0}"
	rmmod bench_cipher
}

# profile_disk PATH:OPERATION:LEN:DEPTH: as profile
profile_disk() {
	local path op len depth how
	IFS=: read -r path op len depth <<<"$1"
	read -r -a how <<<"${disk_how[$path]}"
	# shellcheck disable=SC2154 # guest.sh has it
	profile_run "$path-$op-$len-$depth" "$disk" "${how[@]}" "$op" "$len" "$depth" "$seconds"
}

# All loads of one path.
measure_disk() {
	local path=$1 len op depth how
	read -r -a how <<<"${disk_how[$path]:-}"
	for len in "${disk_lens[@]}"; do
		for op in read write; do
			if [ "$path" = cipher ]; then
				record cipher $op "$len" 0 cipher_alone "$len" $op
				continue
			fi
			for depth in "${disk_depths[@]}"; do
				record "$path" $op "$len" "$depth" \
					"$disk" "${how[@]}" $op "$len" "$depth" "$seconds"
			done
		done
	done
}
