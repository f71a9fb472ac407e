# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# What the end-to-end tests have in common.  Sourced by inside.sh.

base_broken='' packed_up='' vdpa_up='' mdev_up=''

say()
{
	echo "[$SECONDS s] $*"
}

# What is tried once more is shown with the results, whatever comes of it.
again()
{
	say "again: $*"
	echo "# again: $t: $*" >>"$retries"
}

# Run a command, show it, and say if it failed.
must()
{
	say "$*"
	"$@" || {
		say "failed ($?): $*"
		return 1
	}
}

# The same for one that has to be refused; it may not hang either.
refused()
{
	local out

	say "must be refused: $*"
	if out=$("$@" 2>&1); then
		echo "$out"
		say "was not refused"
		return 1
	fi
	echo "$out"
}

# is "what" A OPERATOR B
is()
{
	say "$1: $2 (must be $3 $4)"
	test "$2" "$3" "$4"
}

# Wait until a command succeeds, $1 seconds at most.
soon()
{
	local end=$((SECONDS + $1))

	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$end" ]; then
			say "did not come true: $*"
			return 1
		fi
		sleep 0.3
	done
}

# Remember where the kernel's log is; then look for complaints since.
kernel_mark()
{
	echo "e2e mark $$ $SECONDS" >/dev/kmsg
	mark="e2e mark $$ $SECONDS"
}

kernel_quiet()
{
	local new

	new=$(dmesg | sed "0,/$mark/d")
	if grep -qE 'WARNING:|BUG:|Oops|Call Trace|blocked for more than|soft lockup|stall|refcount|unregister_netdevice: waiting' <<<"$new"; then
		echo "the kernel complained:"
		tail -n 60 <<<"$new"
		return 1
	fi
}

# What there is to be seen of a test that failed.
state_show()
{
	uptime
	timeout 10 sluice -s port show
	timeout 10 sluice -s uplink show
	timeout 10 sluice -s worker show
	ip -s link show dev vf0
	guest_alive "${vm:-vm1}" || return
	tail -n 20 "$GUEST_DIR/${vm:-vm1}/console"
	# A guest that started over without a word did so from here.
	tail -n 25 "$GUEST_DIR/${vm:-vm1}/resets"
	# Between two looks at it something should have happened.
	guest_run "${vm:-vm1}" "uptime; ip -s link show eth0; for i in 1 2; do
		grep virtio /proc/interrupts; ping -c 3 -W 1 $PEER_IP; done" 30
	timeout 10 sluice -s port show
	cat "/proc/${guest_pid[${vm:-vm1}]}/task/"*/stack
}

on_vm()
{
	guest_run "${vm:-vm1}" "$@"
}

ping_ok()
{
	on_vm "ping -c ${1:-3} -i 0.2 -W 2 ${2:-$PEER_IP}"
}

# Nothing comes back, in a time in which something would have.
ping_lost()
{
	refused on_vm "ping -c 3 -i 0.2 -W 1 ${1:-$PEER_IP}"
}

# TCP from (or with -R to) the guest; prints bits per second as received.
tcp_bps()
{
	local out

	out=$(on_vm "iperf3 -J -c $PEER_IP -t ${1:-3} --connect-timeout 5000 ${2:-}" 90) || {
		echo "$out" >&2
		return 1
	}
	python3 -c 'import json,sys; print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"]))' <<<"$out"
}

# The plain set-up: port vm1 with two queue pairs, wired to up0 on vf0.
setup_ports()
{
	must sluice port add vm1 queues 2 mac "$VM_MAC" &&
	must sluice uplink add up0 dev vf0 &&
	must sluice wire add vm1 up0 &&
	must ip link set vf0 up &&
	must ip link set up0 up &&
	must ip link set vm1 up
}

# What QEMU of guest $1 answers to a command of its monitor.
monitor()
{
	python3 - "$GUEST_DIR/$1/monitor" "$2" <<-'END'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.connect(sys.argv[1])
		s.sendall(sys.argv[2].encode() + b"\n")
		s.settimeout(20)
		out = b""
		try:
		    # A prompt to begin with, and one behind the answer.
		    while out.count(b"(qemu) ") < 2:
		        part = s.recv(65536)
		        if not part:
		            break
		        out += part
		except socket.timeout:
		    pass
		print(out.decode(errors="replace").replace("\r", ""))
	END
}

# The guest resets the machine. As in boots() it may try once more.
guest_reboot()
{
	say "guest $1: reboot"
	guest_send "$1" "reboot -f"
	if ! guest_wait "$1" 90; then
		again "the guest did not come up in 90 s after its reset"
		monitor "$1" "info registers"
		monitor "$1" system_reset
		must guest_wait "$1" 180
	fi
}

# Guest vm1, that "$@" starts, comes up. An emulated host loses an interrupt now and then, and a guest
# that is just booting stands still: that says nothing of us. It may try once more.
boots()
{
	must "$@" || return
	if ! guest_wait vm1 90; then
		again "the guest did not boot in 90 s"
		guest_kill vm1 KILL
		"$@"
		must guest_wait vm1 180
	fi
}

# The guest of most tests.
setup_guest()
{
	boots sluice_guest vm1 vm1 "mac=$VM_MAC" &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1
}

# What takes another guest to boot where User-mode Linux has shown the same: at length only.
next_guest()
{
	[ -z "${CHECK_LONG:-}" ] || "$@"
}

# Everything away, whatever state it is in.
teardown()
{
	local name

	for name in "${!guest_pid[@]}"; do
		guest_kill "$name" KILL
	done
	for name in /sys/bus/mdev/devices/*/remove; do
		[ ! -e "$name" ] || echo 1 >"$name"
	done
	for name in /sys/bus/vdpa/devices/*; do
		[ ! -e "$name" ] || vdpa dev del "${name##*/}"
	done
	sluice volume del vol1 2>/dev/null
	for name in vm1 vm2; do
		sluice port del "$name" 2>/dev/null
	done
	for name in up0 up1; do
		sluice uplink del "$name" 2>/dev/null
	done
	stock_down
	ip netns del blue 2>/dev/null
	for name in $(seq 1 20); do
		sluice flow del id "$name" 2>/dev/null || break
	done
	sluice flow flush 2>/dev/null
	sluice meter del 1 2>/dev/null
	ip -n peer neigh flush all
	peer_serve
	[ -e /sys/class/net/vf0 ] || "$here/../rig/host-vfs.sh" 4
	ip link set vf0 nomaster
	ip link set vf0 down
	[ "$(cat /sys/class/net/vf0/address)" = "$VM_MAC" ] || ip link set vf0 address "$VM_MAC"
	base_broken='' packed_up='' vdpa_up='' mdev_up=''
	return 0
}

# For a test that makes a set-up of its own, and leaves it to be torn down.
fresh()
{
	teardown
	base_broken=1
}

# Is guest vm1 as the test before left it: does it answer, and does "$@" hold?
still()
{
	[ -n "${guest_pid[vm1]:-}" ] || return
	! { guest_alive vm1 && "$@" && ping_ok 1; } >/dev/null 2>&1 || return 0
	again "the guest of the test before does not answer"
	return 1
}

# What most tests start from: the plain set-up with a guest that answers.
base()
{
	[ -n "$base_broken" ] || ! still port_attached vm1 || return 0
	say "setting up afresh"
	teardown
	setup_ports && setup_guest
}
