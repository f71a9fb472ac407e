# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: what happens to guests, ports, workers and VFs while they run.
# Sourced by inside.sh.

# Queues move between workers while packets flow; none is lost.
test_worker()
{
	local cpu out

	base || return
	must sluice worker add cpu 0 || return
	sluice worker add cpu 1 2>/dev/null
	(sleep 1
	 for cpu in 1 0 1 0; do
		sluice worker assign port vm1 cpu "$cpu"
		sleep 0.7
	 done) &
	out=$(on_vm "ping -c 60 -i 0.1 -W 2 $PEER_IP | tail -n 3")
	wait $!
	echo "$out"
	grep -q '60 received' <<<"$out" || return
	must sluice worker set cpu 0 mode poll &&
	must ping_ok 3 &&
	must sluice worker set cpu 0 mode adaptive &&
	must sluice -s worker show &&
	must sluice worker del cpu 0 &&
	must ping_ok 3
}

# A worker on core 1 for the port and its uplink, in mode $1.
worker_on_1()
{
	sluice worker add cpu 1 2>/dev/null
	must sluice worker set cpu 1 mode "$1" &&
	must sluice worker assign port vm1 cpu 1 &&
	must sluice worker assign port up0 cpu 1
}

# Hold the VF's interrupts back for $1 ns after each poll, 0 for not at all.
vf_defer()
{
	echo "$(($1 > 0))" >/sys/class/net/vf0/napi_defer_hard_irqs &&
	echo "$1" >/sys/class/net/vf0/gro_flush_timeout
}

polled_since()
{
	tcp_bps 1 -R && [ "$(port_stat up0 polled-packets)" -gt "$(($1 + 10))" ]
}

# In mode poll the worker calls the VF driver's receive by itself, and frames
# from the wire come to the guest that way; else an interrupt brings them all.
# How many come which way is a race between the two, so only that some do is
# looked at.
test_poll()
{
	local before rc=0

	base && worker_on_1 adaptive && must ping_ok 1 || return
	before=$(port_stat up0 polled-packets)
	must ping_ok 5 || return
	is "polled while adaptive" "$(port_stat up0 polled-packets)" -eq "$before" || return
	must vf_defer 1000000 &&
	must sluice worker set cpu 1 mode poll &&
	must ping_ok 20 &&
	soon 60 polled_since "$before" &&
	must sluice stats up0 || rc=1
	vf_defer 0
	[ "$rc" -eq 0 ] || return
	must sluice worker set cpu 1 mode adaptive &&
	must ping_ok 1 || return
	before=$(port_stat up0 polled-packets)
	must ping_ok 5 || return
	is "polled when adaptive again" "$(port_stat up0 polled-packets)" -eq "$before"
}

core()
{
	say "core $1: online $2"
	echo "$2" >"/sys/devices/system/cpu/cpu$1/online"
}

# Does the worker of core $1 run there, and may it run nowhere else?
worker_home()
{
	local pid

	pid=$(pgrep -x "sluice/$1") &&
	grep -qx "Cpus_allowed_list:.$1" "/proc/$pid/status" &&
	[ "$(ps -o psr= -p "$pid" | tr -d ' ')" = "$1" ]
}

# The core of a worker goes, under traffic, and comes back.
test_hotplug()
{
	local mode out

	base || return
	for mode in adaptive poll; do
		worker_on_1 "$mode" && soon 10 worker_home 1 || return
		guest_send vm1 "ping -c 100 -i 0.1 -W 2 $PEER_IP | tail -n 3"
		sleep 1
		core 1 0 &&
		is "offline" "$(json_get 'sluice -j worker show' core-offline cpu=1)" = true &&
		must sluice worker show &&
		soon 10 refused worker_home 1 || return
		sleep 2
		refused sluice worker add cpu 1 &&
		must sluice worker set cpu 1 mode "$mode" || return
		core 1 1 &&
		refused json_get 'sluice -j worker show' core-offline cpu=1 || return
		out=$(guest_line_wait vm1 60)
		echo "$out"
		is "answers" "$(sed -n 's/.* \([0-9]*\) received.*/\1/p' <<<"$out")" -eq 100 &&
		soon 10 worker_home 1 &&
		must ping_ok 5 || return
	done
	must sluice worker set cpu 1 mode adaptive
}

test_link_down()
{
	base || return
	must ip link set vf0 down &&
	soon 10 ping_lost &&
	is "drops" "$(port_drops up0 uplink-down)" -gt 0 &&
	must sluice uplink show up0 &&
	must ip link set vf0 up &&
	soon 30 ping_ok 1 &&
	must ip link set vm1 down &&
	must ip link set vm1 up &&
	soon 10 ping_ok 1
}

test_in_use()
{
	local m

	base || return
	for m in sluice_vhost sluice_net sluice; do
		refused rmmod "$m" || return
	done
	must ping_ok 2
}

# The driver resets the device and starts again; QEMU goes on.
test_reboot()
{
	base || return
	guest_reboot vm1 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 &&
	must port_attached vm1
}

test_kill()
{
	base || return
	guest_send vm1 "ping -i 0.01 $PEER_IP >/dev/null"
	sleep 1
	guest_kill vm1 KILL
	soon 10 port_free vm1 &&
	must setup_guest &&
	must port_attached vm1
}

port_free()
{
	! port_attached "$1"
}

# A port goes away under a running guest: the guest and QEMU survive.
test_port_del()
{
	base || return
	base_broken=1
	must sluice port del vm1 &&
	must on_vm "echo the guest lives" &&
	ping_lost &&
	must guest_alive vm1 &&
	guest_send vm1 "poweroff -f" &&
	soon 30 guest_gone vm1 &&
	guest_kill vm1
}

guest_gone()
{
	! guest_alive "$1"
}

# The VF is pulled while packets flow through it, and comes back.
test_unplug()
{
	base || return
	# Without its VF the connection would wait for ever, and the guest's shell with it.
	guest_send vm1 "timeout 8 iperf3 -c $PEER_IP -t 4 --connect-timeout 3000 >/dev/null 2>&1; true"
	sleep 1
	say "unplug"
	echo 0 | must timeout 60 tee /sys/class/net/pf0/device/sriov_numvfs >/dev/null || return
	must sluice uplink show up0 || return
	guest_line_wait vm1 60
	must guest_alive vm1 &&
	ping_lost &&
	is "drops" "$(port_drops up0 uplink-down)" -gt 0 &&
	must sluice uplink del up0 &&
	must "$here/../rig/host-vfs.sh" 4 &&
	must sluice uplink add up0 dev vf0 &&
	must ip link set vf0 up &&
	must ip link set up0 up &&
	must sluice wire add vm1 up0 &&
	soon 30 ping_ok 1
}

# Everything away; the modules leave, nothing is left of them, and they come again.
test_clean()
{
	teardown
	soon 10 must rmmod sluice_mdev &&
	must rmmod sluice_vdpa &&
	soon 10 must rmmod sluice_vhost &&
	must rmmod sluice_blk && must rmmod sluice_net &&
	must rmmod sluice &&
	must test ! -e /dev/vhost-sluice &&
	must sluice_load &&
	setup_ports &&
	next_guest setup_guest
}
