#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A power cut: the host writes to two of its volumes, one of which is encrypted and
# gets another key meanwhile, and is killed.  The next boot finds what was
# acknowledged after a flush.  Prints TAP.
#
#   power.sh                 the whole of it
#   power.sh write|verify    what runs inside
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
[ $# -gt 0 ] || [ "${RIG_GUARDED:-}" = $$ ] || exec "$here/../rig/guard.py" "$0"
# shellcheck source=../rig/host-sluice.sh
. "$here/../rig/host-sluice.sh"

seed_plain=11 seed_crypt=12
size=$((48 << 20))

# Until $2... is true, $1 seconds at most.
soon()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" 2>/dev/null; do
		[ "$SECONDS" -lt "$end" ] || { echo "did not come true: $*"; return 1; }
		sleep 0.1
	done
}

# --- inside ---

# Volume $1 as a disk of the host's own: its path in $disk.
disk_find()
{
	local serial

	for serial in /sys/block/vd*/serial; do
		if [ "$(cat "$serial")" = "$1" ]; then
			serial=${serial%/serial}
			disk=/dev/${serial##*/}
			return
		fi
	done
	return 1
}

disk_up()
{
	vdpa dev add name "$1" mgmtdev sluice && soon 20 disk_find "$1"
}

volume_down()
{
	vdpa dev del "$1" && sluice volume del "$1"
}

# Both, as they are in each boot; whose drive has what is left behind the first is the journal.
volumes_up()
{
	local m

	modprobe -a nvme virtio_vdpa virtio_blk || return
	for m in kmod/sluice.ko kmod/sluice_net.ko kmod/sluice_blk.ko vhost-vendor/sluice_vdpa.ko; do
		insmod "$(sluice_objects "$KVER")/$m" || return
	done
	"$here/../rig/host-nvme.sh" >/dev/null || return
	# Any two will do, if their halves differ.
	seq 100 199 | head -c 64 | sluice key add old &&
	seq 500 599 | head -c 64 | sluice key add new &&
	sluice volume add plain dev /dev/nvme0n1 size $size serial plain &&
	sluice volume add crypt dev /dev/nvme0n2 size $size key logon:sluice:old serial crypt &&
	disk_up plain && disk_plain=$disk
}

rekey()
{
	sluice volume rekey crypt key logon:sluice:new journal /dev/nvme0n1 journal-start $size unrecorded
}

# Has so much of it the new key, in KiB? Not if all of it has.
rekeyed_kib()
{
	local much

	much=$(sluice volume show crypt | grep -o 'rekey-done [0-9]*[km]') || return
	much=${much#* }
	much=${much/m/ * 1024}
	echo $((${much/k/}))
}

rekeyed_more()
{
	[ "$(rekeyed_kib)" -ge "$1" ]
}

rekeyed_all()
{
	sluice volume show crypt | grep -q 'key logon:sluice:new' && ! rekeyed_kib
}

# Writes go on for some seconds, then a fifth has the new key, and then the machine is reset as it stands.
inside_write()
{
	volumes_up && disk_up crypt || return
	"$here/flushed.py" write "$disk_plain" --seed $seed_plain &
	"$here/flushed.py" write "$disk" --seed $seed_crypt &
	sleep 5
	rekey && soon 60 rekeyed_more $((size / 5 / 1024)) && echo b >/proc/sysrq-trigger
}

inside_verify()
{
	local log=$1

	volumes_up && rekey || return
	echo "goes on from $(rekeyed_kib) KiB"
	"$here/flushed.py" verify "$disk_plain" "$log" --seed $seed_plain
	echo "plain: $?"
	disk_up crypt && "$here/flushed.py" verify "$disk" "$log" --seed $seed_crypt
	echo "crypt: $?"
	soon 60 rekeyed_all || return
	volume_down crypt &&
	sluice volume add crypt dev /dev/nvme0n2 size $size key logon:sluice:new serial crypt && disk_up crypt &&
	"$here/flushed.py" verify "$disk" "$log" --seed $seed_crypt
	echo "rekeyed: $?"
	volume_down plain && volume_down crypt && ! dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace'
	echo "quiet: $?"
}

# --- outside ---

outside()
{
	local ver dir rig name failed=0 n=0

	ver=$(rig_kver) || rig_die "no kernel 6.12 or later in /boot (selftests/rig/deps.sh rig)"
	sluice_build "$ver" >&2 || exit
	dir=$TMPDIR
	echo "TAP version 13"
	echo "1..5"
	rig=("$here/../rig/host-run.sh" -v 0 -t 300 -d "$dir" "$here/power.sh")
	# It does not end as a job does.
	KVER=$ver "${rig[@]}" write >"$dir/write" 2>&1
	grep -v flushed "$dir/write" | sed 's/^/# /'
	KVER=$ver "${rig[@]}" verify "$dir/write" >"$dir/verify" 2>&1
	sed 's/^/# /' "$dir/verify"
	# It was on its way to the other key when it was cut.
	grep -q '^goes on from [1-9]' "$dir/verify" && echo "cut: 0" >>"$dir/verify"
	for name in cut plain crypt rekeyed quiet; do
		n=$((n + 1))
		if grep -q "^$name: 0" "$dir/verify"; then
			echo "ok $n - $name"
		else
			echo "not ok $n - $name"
			failed=1
		fi
	done
	return $failed
}

case ${1:-} in
write)	inside_write ;;
verify)	inside_verify "$2" ;;
*)	outside ;;
esac
