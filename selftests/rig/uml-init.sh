#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Process 1 of a kernel that uml-run.sh booted: make a system, run the script, say how it went, power off.
# rig_ctl and rig_share come from the kernel's command line, which hands what it does not know to init.
: "${rig_ctl:?}" "${rig_share:?}"
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/rig /run/ctl /run/lock
mount -t hostfs -o "$rig_ctl" hostfs /run/ctl
mount -t hostfs -o "$rig_share" hostfs /run/rig
mount -t debugfs debugfs /sys/kernel/debug
[ ! -d /sys/kernel/tracing ] || mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
ip link set lo up

# A script or a build below the host's /tmp must stay in sight: then it is not covered.
# shellcheck source=/dev/null
. /run/ctl/args
case $1:$PWD in
/tmp/*|*:/tmp/*) export TMPDIR=/run ;;
*) mount -t tmpfs -o mode=1777 tmpfs /tmp ;;
esac

leaks=/sys/kernel/debug/kmemleak
if [ -e "$leaks" ]; then
	echo scan >"$leaks" 2>/dev/null
	echo clear >"$leaks" 2>/dev/null
fi

tainted=$(cat /proc/sys/kernel/tainted)
[ "$RIG_FLAVOUR" != debug ] || echo 1 >/proc/sys/kernel/panic_on_warn
echo 'rig: script starts' >/dev/kmsg
(
	stty -opost </dev/tty1
	exec setsid "$@" </dev/null >/dev/tty1 2>&1
)
rc=$?
echo "rig: script ended with $rc" >/dev/kmsg

verdict() { echo "uml-init.sh: $*" >>/run/ctl/verdict; }

# An object must be a few seconds old before kmemleak calls it lost, and the first scan may find a pointer
# in a register or a stale stack slot that the second does not.
if [ -e "$leaks" ]; then
	echo scan >"$leaks"
	sleep 6
	echo scan >"$leaks"
	if [ -s "$leaks" ] && grep -q . "$leaks"; then
		verdict "kmemleak reports:"
		cat "$leaks" >>/run/ctl/verdict
	fi
fi

# Bits of an error: bad page, died, warned, soft lockup. (Out-of-tree and unsigned modules are no error.)
tainted=$(($(cat /proc/sys/kernel/tainted) & ~tainted))
[ $((tainted & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))) = 0 ] || verdict "the kernel is tainted: $tainted"

echo "$rc" >/run/ctl/status
cd /
umount /run/ctl /run/rig || sync
busybox poweroff -f
