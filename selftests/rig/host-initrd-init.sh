#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# First program of "the host": puts a throw-away layer over the real
# machine's root, which comes in read-only over 9p, and goes on in there.

/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev

die()
{
	echo "rig: $*" >/dev/console
	poweroff -f
}

while read -r m; do
	insmod "/modules/$m" || die "cannot load $m"
done </modules/order

mkdir -p /lower /layer
mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=loose,ro \
	hostroot /lower || die "cannot mount the root"
mount -t tmpfs -o size=75% layer /layer || die "no tmpfs"
mkdir /layer/upper /layer/work
mount -t overlay -o lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work \
	root /new || die "cannot mount the overlay"

job=
read -r cmdline </proc/cmdline
for w in $cmdline; do
	case $w in
	rig.job=*)	job=${w#rig.job=} ;;
	rig.init=*)	init=${w#rig.init=} ;;
	esac
done
for d in proc sys dev; do
	mkdir -p "/new/$d"
	mount -o move "/$d" "/new/$d"
done
exec switch_root /new /bin/bash "$init" "$job"
