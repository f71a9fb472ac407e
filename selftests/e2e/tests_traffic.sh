# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: what a guest does all day.  Sourced by inside.sh.

# Not QEMU's own tap path: our node is open, the port says so, signals go out
# through our back end, and the kernel's vhost-net is not even loaded.
test_attach()
{
	base || return
	must sluice -s port show vm1
	must port_attached vm1 || return
	readlink "/proc/${guest_pid[vm1]}"/fd/* | grep -q '/dev/vhost-sluice' || return
	is "signals sent by the back end" \
		"$(json_get 'sluice -j -s port show vm1' signals dir=to-guest || echo 0)" -gt 0 || return
	must on_vm "ethtool -i eth0 | grep 'driver: virtio_net'"
}

test_ping()
{
	local before

	base || return
	before=$(port_stat vm1 from-guest-packets)
	must ping_ok 10 || return
	is "packets from the guest" "$(($(port_stat vm1 from-guest-packets) - before))" -ge 10
}

test_ping6()
{
	base && must ping_ok 5 "$PEER_IP6"
}

# Sizes around what borders there are, and fragments.
test_sizes()
{
	local n

	base || return
	for n in 0 18 19 1472 1473 8000 20000; do
		must on_vm "ping -c 2 -i 0.2 -W 2 -s $n $PEER_IP" || return
		must on_vm "ping -c 2 -i 0.2 -W 2 -s $n $PEER_IP6" || return
	done
}

guest_frames() { on_vm "cat /sys/class/net/eth0/statistics/tx_packets"; }

# With segmentation offload the guest's driver has frames larger than the MTU; the port counts them as they are
# on the wire.
test_tcp_out()
{
	local f p b bps

	base || return
	must on_vm "ethtool -k eth0 | grep 'tcp-segmentation-offload: on'" || return
	f=$(guest_frames) p=$(port_stat vm1 from-guest-packets) b=$(port_stat vm1 from-guest-bytes)
	bps=$(tcp_bps 3) || return
	p=$(($(port_stat vm1 from-guest-packets) - p)) b=$(($(port_stat vm1 from-guest-bytes) - b))
	f=$(($(guest_frames) - f))
	is "bits per second" "$bps" -gt 1000000 || return
	is "bytes per frame of the guest's" "$((b / f))" -gt 3000 &&
		is "bytes per packet" "$((b / p))" -le 1514
}

test_tcp_in()
{
	local b bps

	base || return
	b=$(port_stat vm1 to-guest-bytes)
	bps=$(tcp_bps 3 -R) || return
	is "bits per second" "$bps" -gt 1000000 || return
	is "bytes to the guest" "$(($(port_stat vm1 to-guest-bytes) - b))" -gt 100000
}

# Serve one connection on port $1 of the peer: "recv" prints the checksum of
# what comes, "send" sends file $3.
peer_tcp()
{
	ip netns exec peer timeout 60 python3 - "$@" <<-'END'
		import hashlib, socket, sys
		with socket.create_server(("", int(sys.argv[1]))) as s:
		    conn = s.accept()[0]
		with conn:
		    if sys.argv[2] == "send":
		        conn.sendall(open(sys.argv[3], "rb").read())
		        conn.shutdown(socket.SHUT_WR)
		    md5 = hashlib.md5()
		    while part := conn.recv(65536):
		        md5.update(part)
		    print(md5.hexdigest())
	END
}

peer_listens()
{
	ip netns exec peer ss -Hltn "sport = :$1" | grep -q LISTEN
}

# Every byte arrives as it was sent, with offloads on and off.
test_data()
{
	local sum got offload

	base || return
	head -c 4000000 /dev/urandom >/tmp/data
	sum=$(md5sum </tmp/data)
	for offload in on off; do
		must on_vm "ethtool -K eth0 tx $offload rx $offload tso $offload gso $offload gro $offload" || return
		peer_tcp 7001 send /tmp/data >/dev/null &
		soon 30 peer_listens 7001 || return
		got=$(on_vm "exec 9<>/dev/tcp/$PEER_IP/7001; cat <&9 >/tmp/data; md5sum </tmp/data") || return
		wait $!
		is "checksum in the guest, offloads $offload" "$got" = "$sum" || return

		peer_tcp 7002 recv >/tmp/sum &
		soon 30 peer_listens 7002 || return
		on_vm "cat /tmp/data >/dev/tcp/$PEER_IP/7002" || return
		wait $!
		is "checksum at the peer, offloads $offload" "$(cat /tmp/sum)  -" = "$sum" || return
	done
	on_vm "ethtool -K eth0 tx on rx on tso on gso on gro on" >/dev/null
}
