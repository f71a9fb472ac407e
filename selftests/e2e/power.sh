#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Power cuts: the host writes to two of its volumes, one of them encrypted and on its
# way to another key, and is killed; the next boot finds what was acknowledged
# after a flush.  Prints TAP.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=../rig/host-sluice.sh
. "$here/../rig/host-sluice.sh"

vols=(plain crypt)
declare -A dev=([plain]=/dev/nvme0n1 [crypt]=/dev/nvme0n2) seed=([plain]=11 [crypt]=12)

# Inside: volume $1 with options $2... as a disk; prints its path.
volume_up()
{
	local name=$1 serial i

	shift
	sluice volume add "$name" dev "${dev[$name]}" "$@" >&2 &&
	vdpa dev add name "$name" mgmtdev sluice >&2 || return
	for ((i = 0; i < 100; i++)); do
		for serial in /sys/block/vd*/serial; do
			if [ "$(cat "$serial" 2>/dev/null)" = "$name" ]; then
				serial=${serial%/serial}
				echo "/dev/${serial##*/}"
				return
			fi
		done
		sleep 0.1
	done
	return 1
}

# Inside: both volumes. Keys as in every boot; the journal is what the first leaves of its drive.
volumes_up()
{
	local m

	modprobe -a nvme virtio_vdpa virtio_blk
	for m in kmod/sluice.ko kmod/sluice_net.ko kmod/sluice_blk.ko vhost-vendor/sluice_vdpa.ko; do
		modprobe -a vdpa mdev
		insmod "$(sluice_objects "$KVER")/$m" || return
	done
	"$here/../rig/host-nvme.sh" >&2 &&
	head -c 64 /dev/zero | tr '\0' 'a-z' >/run/none
	printf '%064d' 1234567890 | sluice key add old >&2 &&
	printf '%064d' 9876543210 | sluice key add new >&2 &&
	disk_plain=$(volume_up plain size 48M) &&
	disk_crypt=$(volume_up crypt size 48M key logon:sluice:old) &&
	sluice volume rekey crypt key logon:sluice:new journal /dev/nvme0n1 journal-start 48M
}
