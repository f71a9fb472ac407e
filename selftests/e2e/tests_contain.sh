# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: a worker that dies by an oops on a host that goes on, and one that spins (issue 9, 4.1).
# Sourced by inside.sh.

wedge()
{
	say "a worker is to $*"
	echo "$*" >/sys/module/sluice_wedge/parameters/do
}

wedge_load()
{
	[ -d /sys/module/sluice_wedge ] || must insmod "$(sluice_objects "$KVER")/wedge/sluice_wedge.ko"
}

worker_is()
{
	sluice worker show | grep -qE "$1"
}

users_right()
{
	local before now

	read -r before now </sys/module/sluice_wedge/parameters/users
	is "users of the guest's address space" "$now" -eq "$before"
}

# The thread is replaced, the port that it was in is held, control answers, all can be taken away.
test_oops()
{
	base && wedge_load || return
	echo 0 >/proc/sys/kernel/panic_on_oops
	wedge oops vm1
	must timeout 2 ip link show >/dev/null &&
	must soon 5 worker_is 'state ok deaths 1' &&
	must users_right &&
	must sluice port show vm1 | grep 'held quarantine a worker died in it' &&
	must sluice port release vm1 &&
	must timeout 5 sluice port add other &&
	must timeout 5 sluice port del other || return
	teardown
	# What the kernel said about the oops is what was wanted; what it says from now on is not.
	kernel_mark
	must rmmod sluice_wedge && must sluice_unload && must sluice_load || return
	base
}

# Nobody waits for it without an end, and when it goes on all is as before.
test_spin()
{
	local rc=0

	base && wedge_load || return
	wedge spin vm1 &
	must soon 10 worker_is 'state stuck' &&
	must timeout 2 ip link show >/dev/null &&
	must timeout 2 sluice volume show &&
	must timeout 3 sluice port add other || rc=1
	wedge go
	wait
	[ "$rc" -eq 0 ] && must soon 10 worker_is 'state ok' && must sluice port del other || return
	kernel_mark
	must ping_ok 3 && must rmmod sluice_wedge
}
