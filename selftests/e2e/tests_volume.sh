# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: volumes on a VF of an NVMe drive, as disks of the host itself
# (virtio_vdpa) and of a guest, under fio's and under our own verification.
# Sourced by inside.sh.

# The host has no udev: who maps devices makes their nodes, and drivers are loaded by hand.
export DM_DISABLE_UDEV=1
vol_disk=/dev/nvme0n2

# Where the volume stands, empty.
vol_fresh()
{
	cryptsetup close luks 2>/dev/null
	fresh
	modprobe -a virtio_vdpa virtio_blk dm_crypt &&
	must "$here/../rig/host-nvme.sh" &&
	must blkdiscard -fz $vol_disk
}

# Volume vol1 with options $@ as a disk of the host's own, $vol_host.
vol_host_add()
{
	must sluice volume add vol1 dev $vol_disk serial vol1 "$@" && vol_host_attach
}

vol_host_attach()
{
	local bus=/sys/bus/vdpa

	must vdpa dev add name vol1 mgmtdev sluice &&
	echo virtio_vdpa >$bus/devices/vol1/driver_override || return
	[ ! -e $bus/devices/vol1/driver ] || echo vol1 >$bus/devices/vol1/driver/unbind
	echo vol1 >$bus/drivers/virtio_vdpa/bind
	soon 10 vol_host_find
}

vol_host_find()
{
	local serial

	vol_host=
	for serial in /sys/block/vd*/serial; do
		if [ "$(cat "$serial")" = vol1 ]; then
			vol_host=${serial%/serial}
			vol_host=/dev/${vol_host##*/}
		fi
	done
	[ -b "$vol_host" ]
}

vol_host_del()
{
	must vdpa dev del vol1 && must sluice volume del vol1
}

# Key $1, of $2 bytes.
vol_key()
{
	must bash -c "head -c $2 /dev/urandom | sluice key add $1"
}

# fio's own verification of a disk whose block is $2: every sector that it writes says
# where it belongs. One at a time and many; small, large, and as the pages come.
vol_fio_job()
{
	cat <<-END
		[global]
		filename=$1
		ioengine=libaio
		direct=1
		rw=randwrite
		verify=crc32c
		verify_interval=$2
		verify_fatal=1
		serialize_overlap=1
		[single]
		size=2m
		bsrange=$2-32k
		[deep]
		stonewall
		offset=2m
		size=16m
		bsrange=$2-64k
		iodepth=32
		[large]
		stonewall
		offset=18m
		size=12m
		bsrange=$2-1m
		iodepth=8
		[cached]
		stonewall
		offset=30m
		size=2m
		direct=0
		bsrange=$2-16k
		fsync=16
	END
}

vol_fio()
{
	vol_fio_job "$1" "$2" >/run/verify.fio
	must fio --output=/run/fio.log /run/verify.fio || {
		tail -n 40 /run/fio.log
		return 1
	}
	grep -h 'IOPS=' /run/fio.log
}

# Every size, place and depth, as the host's own disk: as it is, and encrypted by both sector sizes.
test_volume_fio()
{
	local sector

	vol_fresh && vol_key k1 64 || return
	vol_host_add size 32M queues 2 &&
	vol_fio "$vol_host" 512 &&
	vol_host_del || return
	for sector in 512 4096; do
		must blkdiscard -fz $vol_disk &&
		vol_host_add size 32M queues 2 key logon:sluice:k1 block-size $sector sector-size $sector &&
		vol_fio "$vol_host" $sector &&
		vol_host_del || return
	done
	must sluice key del k1
}

# The same from within a guest, which has an encrypted volume by the mediated device.
test_volume_fio_guest()
{
	vol_fresh && vol_key k1 64 &&
	must sluice volume add vol1 dev $vol_disk size 32M queues 2 key logon:sluice:k1 serial vol1 &&
	must mdevctl start -u "$disk_uuid" -p vol1 -t sluice_mdev-blk &&
	GUEST_CPUS=2 GUEST_MEM=384 disk_guest "${GUEST_ROOT[@]}" &&
	must on_vm "$GUEST_ROOT_MOUNT" || return
	vol_fio_job /dev/vda 512 >/run/verify.fio
	must on_vm "cat >/new/tmp/job <<'END'; chroot /new sh -c 'cd /tmp; fio --output=log job || { tail -n 40 log; false; }'
$(cat /run/verify.fio)
END" 400 &&
	must sluice -s volume show vol1 &&
	is "written" "$(json_get "sluice -j -s volume show vol1" bytes op=write)" -ge $((32 << 20)) &&
	is "flushes" "$(json_get "sluice -j -s volume show vol1" requests op=flush)" -gt 10 &&
	disk_away &&
	must sluice key del k1
}

vol_sum()
{
	dd if="$1" bs=1M iflag=direct 2>/dev/null | md5sum
}

# One of a LUKS2 volume's numbers.
vol_luks_get()
{
	cryptsetup luksDump --dump-json-metadata $vol_disk |
		python3 -c 'import json, sys; print(json.load(sys.stdin)["segments"]["0"][sys.argv[1]])' "$1"
}

# What cryptsetup made opens, and either reads what the other wrote.
vol_luks()
{
	local sector=$1 bits=$2 sum

	must cryptsetup luksFormat -q --type luks2 --cipher aes-xts-plain64 --key-size "$bits" --sector-size "$sector" \
		--pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /run/phrase $vol_disk &&
	must cryptsetup open --key-file /run/phrase $vol_disk luks &&
	must dd if=/dev/urandom of=/dev/mapper/luks bs=1M count=16 oflag=direct conv=fsync || return
	sum=$(vol_sum /dev/mapper/luks)
	must cryptsetup close luks &&
	must cryptsetup luksDump -q --dump-volume-key --volume-key-file /run/vk --key-file /run/phrase $vol_disk &&
	must bash -c 'sluice key add luks </run/vk && rm /run/vk' &&
	vol_host_add start "$(vol_luks_get offset)" sector-size "$(vol_luks_get sector_size)" block-size "$sector" \
		iv-offset "$(vol_luks_get iv_tweak)" key logon:sluice:luks &&
	is "the volume reads" "$(vol_sum "$vol_host")" = "$sum" &&
	must dd if=/dev/urandom of="$vol_host" bs=1M seek=3 count=16 oflag=direct conv=fsync || return
	sum=$(vol_sum "$vol_host")
	vol_host_del && must sluice key del luks &&
	must cryptsetup open --key-file /run/phrase $vol_disk luks &&
	is "dm-crypt reads" "$(vol_sum /dev/mapper/luks)" = "$sum" &&
	must cryptsetup close luks
}

test_volume_luks()
{
	vol_fresh || return
	head -c 32 /dev/urandom >/run/phrase
	vol_luks 512 512 && vol_luks 4096 512 && vol_luks 512 256
}

# What fio gets for five seconds, after two: $1 in its words; prints requests and bytes per second.
vol_rate()
{
	# Words are wanted here.
	# shellcheck disable=SC2086
	fio --name=rate --filename="$vol_host" --direct=1 --ioengine=libaio --time_based --ramp_time=2 --runtime=5 \
		--output-format=json --size=16m $1 >/run/fio.json
	python3 - <<-'END'
		import json
		job = json.load(open("/run/fio.json"))["jobs"][0]
		way = max(job["read"], job["write"], key=lambda w: w["total_ios"])
		ms = way["runtime"]
		print(way["total_ios"] * 1000 // ms, way["io_bytes"] * 1000 // ms)
	END
}

# A limit is $2 (1: requests, 2: bytes per second) of what fio does by $3: never more than 5 % above it, and
# what the limit gives, not what is left of it. (A host that stood still meanwhile gets less; blk/fair and the
# unit test count how much exactly.)
vol_limit()
{
	local limit=$1 column=$2 got

	got=$(vol_rate "$3" | cut -d ' ' -f "$column")
	say "$3: $got of $limit"
	is "a second" "$got" -le $((limit * 105 / 100)) &&
	is "a second" "$got" -ge $((limit / 2))
}

# Requests and bytes, reads and writes apart; a limit that is changed or taken away is so at once.
test_volume_limits()
{
	vol_fresh &&
	vol_host_add size 32M &&
	must sluice volume set vol1 read-iops 2k read-bps 100m write-iops 500 write-bps 100m &&
	vol_limit 2000 1 "--rw=randread --bs=4k --iodepth=16" &&
	vol_limit 500 1 "--rw=randwrite --bs=4k --iodepth=16" &&
	must sluice volume set vol1 read-iops 0 read-bps 3m write-iops 0 write-bps 2m &&
	vol_limit 3000000 2 "--rw=randread --bs=64k --iodepth=8" &&
	vol_limit 2000000 2 "--rw=randwrite --bs=16k --iodepth=4" &&
	must sluice volume set vol1 read-iops 100 &&
	vol_limit 100 1 "--rw=randread --bs=512 --iodepth=4" &&
	must sluice volume set vol1 read-iops 0 read-bps 0 || return
	is "without a limit" "$(vol_rate "--rw=randread --bs=512 --iodepth=4" | cut -d ' ' -f 1)" -gt 400 &&
	must sluice -s volume show vol1 &&
	is "requests that waited" "$(json_get "sluice -j volume show vol1" throttled-reads)" -gt 100 &&
	vol_host_del
}

vol_controller()
{
	local vf

	vf=$(readlink -f /sys/class/nvme/nvme0/device/virtfn0)
	echo "$vf"/nvme/nvme*
}

# How many flushes the guest's or the host's writer has told of.
vol_told()
{
	[ "$(grep -c '^flushed' "$1" 2>/dev/null)" -ge "$2" ]
}

# QEMU is killed while the guest writes: what was acknowledged after a flush is there.
test_volume_kill()
{
	vol_fresh && vol_key k1 64 &&
	must sluice volume add vol1 dev $vol_disk size 24M queues 2 key logon:sluice:k1 serial vol1 &&
	must mdevctl start -u "$disk_uuid" -p vol1 -t sluice_mdev-blk &&
	GUEST_CPUS=2 GUEST_MEM=384 disk_guest "${GUEST_ROOT[@]}" &&
	must on_vm "$GUEST_ROOT_MOUNT" || return
	must on_vm "chroot /new python3 $here/flushed.py write /dev/vda --seed 3 --flushes 2" 120 || return
	guest_send vm1 "chroot /new python3 $here/flushed.py write /dev/vda >/dev/ttyS0"
	soon 120 vol_told "$GUEST_DIR/vm1/console" 100 || return
	guest_kill vm1 KILL
	cp "$GUEST_DIR/vm1/console" /run/flushed.log
	soon 10 disk_state closed &&
	must mdevctl stop -u "$disk_uuid" &&
	vol_host_attach &&
	must "$here/flushed.py" verify "$vol_host" /run/flushed.log &&
	vol_host_del &&
	must sluice key del k1
}

# The VF's controller is reset in the middle of fio's verification: it all arrives. Then the VF is taken
# away under a writer: its requests fail, the volume is dead, nobody else notices; it comes back with what was
# acknowledged after a flush.
test_volume_vf()
{
	local i pid

	vol_fresh && vol_key k1 64 &&
	vol_host_add size 32M queues 2 key logon:sluice:k1 || return
	vol_fio_job "$vol_host" 512 >/run/verify.fio
	fio --output=/run/fio.log /run/verify.fio &
	pid=$!
	for ((i = 0; i < 5; i++)); do
		sleep 2
		! kill -0 $pid 2>/dev/null || echo 1 >"$(vol_controller)/reset_controller"
	done
	wait $pid || { tail -n 40 /run/fio.log; return 1; }
	"$here/flushed.py" write "$vol_host" --seed 2 >/run/flushed.log 2>/run/writer.err &
	pid=$!
	soon 60 vol_told /run/flushed.log 100 || return
	must bash -c "echo 0 >/sys/class/nvme/nvme0/device/sriov_numvfs" || return
	soon 30 bash -c "! kill -0 $pid" || return
	wait $pid && say "the writer ended by itself" && return 1
	must sluice volume show vol1 &&
	is "dead" "$(json_get "sluice -j volume show vol1" dead)" = true &&
	vol_host_del &&
	must "$here/../rig/host-nvme.sh" &&
	vol_host_add size 32M queues 2 key logon:sluice:k1 &&
	must "$here/flushed.py" verify "$vol_host" /run/flushed.log --seed 2 &&
	vol_host_del &&
	must sluice key del k1
}
