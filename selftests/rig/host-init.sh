#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Process 1 of "the host", running on the overlay: lays out the machine,
# runs the job, writes down how it ended, and switches off.
#
# The job directory ($1) is shared with the outside and writable:
#   env     variables to export      cmd   the program and its arguments, NUL between
#   up, rc  written here: that we run, and the exit status

job=$1
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root LANG=C.UTF-8 TERM=dumb
rig=$(dirname "$0")

finish()
{
	sync
	echo o >/proc/sysrq-trigger
	# The root may go away before the power does: run no program.
	read -r _ <>/run/forever
}

mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns /dev/pts /dev/shm /dev/mqueue
mkfifo /run/forever
mount -t devpts -o gid=5,mode=620 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mkdir -p "$job"
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 job "$job" || {
	echo "rig: cannot mount the job directory" >/dev/console
	finish
}
: >"$job/up"
ln -sfn /proc/self/fd /dev/fd
ln -sfn /proc/self/fd/0 /dev/stdin
ln -sfn /proc/self/fd/1 /dev/stdout
ln -sfn /proc/self/fd/2 /dev/stderr
hostname host
ip link set lo up

exec </dev/null >/dev/ttyS1 2>&1
stty -F /dev/ttyS1 raw -echo

set -a
# shellcheck disable=SC1091
. "$job/env"
set +a
mapfile -d '' -t cmd <"$job/cmd"

if [ -n "${RIG_BEAT:-}" ]; then
	(while sleep 10; do echo "$SECONDS" >"$job/alive"; done) &
fi

if bash "$rig/host-net.sh"; then
	# Own session: the job may kill its process group without ending us.
	cd "$RIG_CWD" 2>/dev/null || cd /
	setsid --wait "${cmd[@]}"
	rc=$?
else
	echo "rig: the host's network could not be laid out"
	rc=125
fi

dmesg >"$job/dmesg"
echo "$rc" >"$job/rc"
stty -F /dev/ttyS1 drain >/dev/null 2>&1
finish
