#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# First program of the nested guest: a stock kernel, a stock virtio driver,
# and a loop that runs what comes in over the virtio port "rig".
#
# A request is one line, a shell command in base64.  The answer is the
# command's output, each line behind a "|", and then "=STATUS".

/bin/busybox --install -s /bin
export PATH=/bin HOME=/ TERM=dumb
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts
mount -t devpts devpts /dev/pts
hostname guest

while read -r m; do
	insmod "/modules/$m" || echo "rig: cannot load $m" >/dev/console
done </modules/order

ip link set lo up
for n in /sys/class/net/eth*; do
	[ -e "$n" ] && ip link set "${n##*/}" up
done

port=
for p in /sys/class/virtio-ports/*; do
	[ "$(cat "$p/name" 2>/dev/null)" = rig ] && port=/dev/${p##*/}
done
[ -n "$port" ] || { echo "rig: no port" >/dev/console; poweroff -f; }

# Not busybox' own shell for the commands: it would run its own "ip" and
# "ping" in place of the real ones.
exec 3<>"$port"
echo "=ready" >&3
while read -r line <&3; do
	echo "$line" | base64 -d >/tmp/cmd
	{ bash /tmp/cmd </dev/null 3>&- 2>&1; echo $? >/tmp/rc; } | sed 's/^/|/' >&3
	echo "=$(cat /tmp/rc)" >&3
done
poweroff -f
