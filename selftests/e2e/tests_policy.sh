# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: policy and flow rules.  Sourced by inside.sh.

acl_hits()
{
	json_get "sluice -j -s acl show port vm1" packets "dir=$1" "prio=$2" || echo 0
}

test_acl()
{
	base || return
	must sluice acl add port vm1 dir from-guest prio 10 proto icmp deny &&
	must ping_lost &&
	is "hits of the rule" "$(acl_hits from-guest 10)" -ge 3 &&
	is "drops of the port" "$(port_drops vm1 acl)" -ge 3 &&
	must tcp_bps 1 &&
	must ping_ok 2 "$PEER_IP6" &&
	must sluice acl add port vm1 dir from-guest prio 5 proto icmp dst "$PEER_IP/32" icmp-type 8 allow &&
	must ping_ok 2 &&
	is "hits of the rule before it" "$(acl_hits from-guest 5)" -ge 2 &&
	refused sluice acl add port vm1 dir from-guest prio 5 proto icmp deny &&
	must sluice acl flush port vm1 &&
	must ping_ok 1
}

# Towards the guest, by default.
test_acl_in()
{
	base || return
	must sluice acl add port vm1 dir to-guest prio 10 eth-type 0x0806 allow &&
	must sluice acl add port vm1 dir to-guest prio 20 proto tcp tcp-flags ack/ack allow &&
	must sluice acl default port vm1 dir to-guest deny &&
	must ping_lost &&
	must tcp_bps 1 &&
	is "denied by default" "$(port_drops vm1 acl-default)" -ge 3 &&
	is "hits of the rule" "$(acl_hits to-guest 20)" -ge 3 &&
	must sluice acl default port vm1 dir to-guest allow &&
	must sluice acl flush port vm1 &&
	must ping_ok 1
}

# A guest may not claim to be somebody else, not even in ARP, and no flow
# rule lets it.
test_guard()
{
	local spoof=52:54:00:66:66:66 mac ip

	mac="ip link set eth0 address $spoof; ping -c 3 -i 0.2 -W 1 $PEER_IP; ip link set eth0 address $VM_MAC"
	ip="ip addr add 10.0.0.66/24 dev eth0; ping -c 3 -i 0.2 -W 1 -I 10.0.0.66 $PEER_IP; ip addr del 10.0.0.66/24 dev eth0"
	base || return
	is "false frames without a guard" "$(peer_sees "$mac" vm1 ether src "$spoof")" -gt 0 || return
	must sluice guard set port vm1 mac "$VM_MAC" ip "$VM_IP/32" ip "$VM_IP6/128" || return
	must ping_ok 2 || return
	is "false frames with one" "$(peer_sees "$mac" vm1 ether src "$spoof")" -eq 0 || return
	is "drops: MAC" "$(port_drops vm1 guard-mac)" -gt 0 || return
	is "false addresses with one" "$(peer_sees "$ip" vm1 src host 10.0.0.66)" -eq 0 || return
	is "drops: IP or ARP" "$(($(port_drops vm1 guard-ip) + $(port_drops vm1 guard-arp)))" -gt 0 || return
	must sluice flow add id 1 prio 1000 in vm1 actions output:up0 || return
	is "false frames in spite of a flow rule" "$(peer_sees "$mac" vm1 ether src "$spoof")" -eq 0 || return
	must sluice flow del id 1 &&
	must sluice guard off port vm1 &&
	sluice_guest_net vm1 &&
	must ping_ok 2
}

test_rate()
{
	local bps

	base || return
	must sluice rate set port vm1 dir from-guest bps 20000000 || return
	bps=$(tcp_bps 5) || return
	# Never more; how close it comes is up to how fast an emulated guest refills its ring.
	is "bits per second" "$bps" -lt 20500000 || return
	is "bits per second" "$bps" -gt 5000000 || return
	is "drops" "$(port_drops vm1 rate)" -eq 0 || return
	must sluice rate off port vm1 || return
	bps=$(tcp_bps 2) || return
	is "bits per second without a limit" "$bps" -gt 30000000
}

test_flow()
{
	base || return
	must sluice wire del vm1 up0 &&
	must ping_lost &&
	must sluice flow add id 1 prio 10 in vm1 actions output:up0 &&
	must sluice flow add id 2 prio 10 in up0 eth-dst "$VM_MAC" actions output:vm1 &&
	must sluice flow add id 3 prio 10 in up0 eth-dst ff:ff:ff:ff:ff:ff actions output:vm1 &&
	must ping_ok 3 &&
	must sluice flow add id 4 prio 20 in vm1 proto icmp dst 10.0.0.77 actions "set-dst:$PEER_IP,output:up0" &&
	must sluice flow add id 5 prio 20 in up0 proto icmp src "$PEER_IP" actions set-src:10.0.0.77,output:vm1 &&
	on_vm "ip neigh replace 10.0.0.77 lladdr 52:54:00:51:00:02 dev eth0" &&
	must ping_ok 3 10.0.0.77 &&
	is "hits of the rewrite" "$(json_get 'sluice -j -s flow show id 4' packets)" -ge 3 &&
	must sluice flow flush &&
	must sluice wire add vm1 up0 &&
	must ping_ok 1
}

test_meter()
{
	local bps

	base || return
	must sluice meter add 1 bps 10000000 &&
	must sluice flow add id 1 prio 10 in vm1 actions meter:1,output:up0 || return
	bps=$(tcp_bps 4) || return
	is "bits per second" "$bps" -lt 14000000 || return
	is "packets dropped" "$(json_get 'sluice -j -s meter show' dropped-packets)" -gt 0 || return
	refused sluice meter del 1 || return
	must sluice flow del id 1 &&
	must sluice meter del 1
}

# What dump writes is what apply reads.
test_dump_apply()
{
	base || return
	must sluice acl add port vm1 dir from-guest prio 10 proto icmp deny &&
	must sluice guard set port vm1 mac "$VM_MAC" &&
	must sluice flow add id 7 prio 10 in vm1 proto udp dport 53 actions drop &&
	sluice dump >/tmp/state.json &&
	must sluice acl flush port vm1 &&
	must sluice guard off port vm1 &&
	must sluice flow flush &&
	must ping_ok 1 &&
	must sluice apply /tmp/state.json &&
	must ping_lost &&
	sluice dump >/tmp/again.json &&
	must cmp /tmp/state.json /tmp/again.json &&
	must sluice acl flush port vm1 &&
	must sluice guard off port vm1 &&
	must sluice flow flush &&
	must ping_ok 1
}
