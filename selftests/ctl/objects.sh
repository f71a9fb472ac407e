#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each object: made, shown as it was said, changed, refused where it makes no sense, removed.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip link add vf0 type dummy
ip link add vf1 type dummy

# --- ports
done_ sluice port add vm1 queues 2 mac 52:54:00:51:20:01 mtu 1400
shows '^vm1: guest ifindex [0-9]+ queues 2 mac 52:54:00:51:20:01 mtu 1400' sluice port show vm1
shows 'queue pair 1 from-guest cpu [0-9]+' sluice port show vm1
shows 'signals 0 kicks 0' sluice -s port show vm1
refused 'name exists' sluice port add vm1
refused 'not an interface name' sluice port add a/b
refused 'not an interface name' sluice port add vm%d
refused 'unicast' sluice port add vm2 mac 01:00:00:00:00:01
refused 'unicast' sluice port add vm2 mac 00:00:00:00:00:00
refused '[Rr]ange|integer' sluice port add vm2 queues 17
refused '[Rr]ange|integer' sluice port add vm2 queues 0
refused '[Rr]ange|integer' sluice port add vm2 mtu 67
refused "no port or uplink 'vm2'" sluice port show vm2
done_ sluice port set vm1 mtu 1500 mac 52:54:00:51:20:11
shows 'mac 52:54:00:51:20:11 mtu 1500' sluice port show vm1
refused 'unicast' sluice port set vm1 mac ff:ff:ff:ff:ff:ff
done_ sluice port add vm2
shows '^vm2: guest .* control none down' sluice port show vm2
done_ sluice port set vm2 control lldp,stp
shows 'control stp,lldp ' sluice port show vm2
done_ sluice port set vm2 mtu 1400
shows 'mtu 1400 control stp,lldp ' sluice port show vm2
done_ sluice port set vm2 mtu 1500 control none
shows 'mtu 1500 control none ' sluice port show vm2
misused 'pause' sluice port set vm2 control pause
misused 'control' sluice port set vm2 control lldp,

# --- uplinks and wires
refused "no interface 'vf9'" sluice uplink add up0 dev vf9
refused '' sluice uplink add up0 dev lo
refused '' sluice uplink add up0 dev vm1
done_ sluice uplink add up0 dev vf0
refused '' sluice uplink add up1 dev vf0
shows '^up0: uplink .*dev vf0' sluice uplink show
hides 'up0' sluice port show
refused 'an uplink passes all' sluice port set up0 control lldp
refused 'not of this kind' sluice port show up0
refused 'is an uplink' sluice port del up0
refused 'is a guest port' sluice uplink del vm1
address() { [ "$(cat "/sys/class/net/$1/address")" = "$2" ]; }
done_ ip link set vf0 address 52:54:00:51:20:21
ok 'an uplink has the address that its VF got' address up0 52:54:00:51:20:21
shows 'mac 52:54:00:51:20:21' sluice uplink show up0
done_ ip link set up0 address 52:54:00:51:20:22
ok 'a VF has the address that its uplink got' address vf0 52:54:00:51:20:22
ok 'and the uplink has it' address up0 52:54:00:51:20:22
ok 'an address that the VF refuses' exits 2 ip link set up0 address 01:00:5e:00:00:01
ok 'is nobody'"'"'s' address up0 52:54:00:51:20:22
done_ sluice wire vm1 up0
shows '^wire up0 vm1' sluice wire show
shows '^vm1: .*wire up0' sluice port show vm1
refused 'there already' sluice wire add vm1 up0
refused 'one wire at most' sluice wire add vm2 up0
refused 'two ports' sluice wire add vm2 vm2
refused 'no wire' sluice wire del vm1 vm2
done_ sluice wire del up0 vm1
hides 'wire' sluice wire show

# --- guards
done_ sluice guard set port vm1 mac 52:54:00:51:20:01 mac 52:54:00:51:20:02 ip 192.0.2.10 ip 2001:db8::/64
shows '^vm1: mac 52:54:00:51:20:01 mac 52:54:00:51:20:02 ip 192.0.2.10/32 ip 2001:db8::/64 strict$' \
	sluice guard show port vm1
done_ sluice guard set port vm1 mac 52:54:00:51:20:01 untagged vlan 10,20-30 vlan 0 eth-type lldp,0x88b5 \
	role ra,qinq role dhcp-server
shows '^vm1: mac 52:54:00:51:20:01 untagged vlan 10,20-30,0 eth-type lldp,0x88b5 role dhcp-server,ra,qinq strict$' \
	sluice guard show port vm1
done_ sluice guard set port vm1 mac 52:54:00:51:20:01 loose
shows '^vm1: mac 52:54:00:51:20:01 loose$' sluice guard show port vm1
refused 'mean nothing to a loose guard' sluice guard set port vm1 mac 52:54:00:51:20:01 vlan 10 loose
refused 'say vlan' sluice guard set port vm1 mac 52:54:00:51:20:01 eth-type 0x8100
refused '16 ranges' sluice guard set port vm1 mac 52:54:00:51:20:01 vlan 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
shows 'loose' sluice guard show port vm1
misused 'is not ID' sluice guard set port vm1 mac 52:54:00:51:20:01 vlan 4095
misused 'is not dhcp-server' sluice guard set port vm1 mac 52:54:00:51:20:01 role king
# What a tool sends that knows nothing of strict guards.
ok 'an old message makes a loose guard' $python "$here/guard.py" vm1 525400512001 192.0.2.10
shows '^vm1: mac 52:54:00:51:20:01 ip 192.0.2.10/32 loose$' sluice guard show port vm1
done_ sluice guard set port vm1 mac 52:54:00:51:20:01 mac 52:54:00:51:20:02 ip 192.0.2.10 ip 2001:db8::/64
refused 'outside its prefix' sluice guard set port vm1 ip 192.0.2.10/24
refused 'unicast' sluice guard set port vm1 mac 01:00:5e:00:00:01
many=()
for ((i = 1; i <= 9; i++)); do many+=(mac "52:54:00:51:20:0$i"); done
refused '8' sluice guard set port vm1 "${many[@]}"
many=()
for ((i = 1; i <= 33; i++)); do many+=(ip "192.0.2.$i"); done
refused '32' sluice guard set port vm1 "${many[@]}"
shows '192.0.2.10/32' sluice guard show
refused 'uplink' sluice guard set port up0 mac 52:54:00:51:20:01
done_ sluice guard off port vm1
hides vm1 sluice guard show

# --- access lists
done_ sluice acl add port vm1 dir from-guest prio 10 eth-type ipv4 vlan 5 proto tcp src 10.0.0.0/8 \
	dst 192.0.2.0/24 sport 1024-65535 dport 80 tcp-flags syn/syn+ack deny
shows '^vm1: dir from-guest prio 10 eth-type ipv4 vlan 5 proto tcp src 10.0.0.0/8 dst 192.0.2.0/24 sport 1024-65535 dport 80 tcp-flags syn/syn\+ack deny$' \
	sluice acl show port vm1
done_ sluice acl add port vm1 dir from-guest prio 5 proto icmpv6 icmp-type 135 icmp-code 0 allow
done_ sluice acl add port vm1 dir to-guest prio 10 allow
order() { [ "$(sluice acl show port vm1 | grep -o 'from-guest prio [0-9]*' | tr -d '\n')" = 'from-guest prio 5from-guest prio 10' ]; }
ok 'rules are shown in their order' order
done_ sluice acl add port vm1 dir to-guest prio 11 eth-dst 01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0 vlan none deny
shows 'prio 11 eth-dst 01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0 vlan none deny$' sluice acl show port vm1
shows '"vlan": ?"none"' sluice -j acl show port vm1
shows '"vlan": ?5,' sluice -j acl show port vm1
done_ sluice acl add port vm1 dir to-guest prio 12 proto udp dst 192.0.2.1 frag later allow
shows 'prio 12 proto udp dst 192.0.2.1/32 frag later allow$' sluice acl show port vm1
for word in any source-route rh0 home-address; do
	done_ sluice acl add port vm1 dir to-guest prio 13 option $word frag no deny
	shows "prio 13 frag no option $word deny\$" sluice acl show port vm1
	done_ sluice acl del port vm1 dir to-guest prio 13
done
refused 'no ports' sluice acl add port vm1 dir to-guest prio 13 proto udp dport 53 frag later allow
refused 'ipv4 or ipv6' sluice acl add port vm1 dir to-guest prio 13 eth-type arp option any deny
refused '' sluice acl add port vm1 dir from-guest prio 10 deny
refused '' sluice acl add port vm1 dir from-guest prio 11 src 10.0.0.0/8 dst 2001:db8::/32 deny
refused '' sluice acl add port vm1 dir from-guest prio 11 proto icmp dport 7 deny
refused 'icmp-type' sluice acl add port vm1 dir from-guest prio 11 proto icmp icmp-code 7 deny
refused 'no policy' sluice acl add port up0 dir from-guest prio 11 deny
refused "no port or uplink" sluice acl show port vm9
shows 'from-guest allow default' sluice acl show port vm1
done_ sluice acl default port vm1 dir from-guest deny
shows 'from-guest deny default packets 0 bytes 0' sluice -s acl show port vm1
done_ sluice acl del port vm1 dir from-guest prio 10
refused 'no rule' sluice acl del port vm1 dir from-guest prio 10
done_ sluice acl flush port vm1
hides prio sluice acl show port vm1
shows 'from-guest deny default' sluice acl show port vm1

# --- limits
done_ sluice rate set port vm1 dir to-guest bps 2.5g burst 1m pps 10k pburst 100
shows '^vm1: dir to-guest bps 2500m burst 1m pps 10k pburst 100' sluice rate show
refused 'more than 0' sluice rate set port vm1 dir from-guest pps 0
refused 'burst goes with bps' sluice rate set port vm1 dir from-guest pps 7 burst 10
done_ sluice rate set port vm1 dir from-guest pps 7
# What is not said stays, and a burst goes with its limit.
done_ sluice rate set port vm1 dir to-guest pps 20k
shows '^vm1: dir to-guest bps 2500m burst 1m pps 20k pburst 2k$' sluice rate show
done_ sluice rate set port vm1 dir to-guest bps 0
shows '^vm1: dir to-guest pps 20k pburst 2k$' sluice rate show
done_ sluice rate set port vm1 dir to-guest bps 2.5g burst 1m
done_ sluice rate set port vm1 dir to-guest pburst 100
shows '^vm1: dir to-guest bps 2500m burst 1m pps 20k pburst 100$' sluice rate show
done_ sluice rate set port vm1 dir to-guest pps 10k pburst 100
done_ sluice rate off port vm1 dir to-guest
hides to-guest sluice rate show port vm1
done_ sluice rate off port vm1
hides vm1 sluice rate show
done_ sluice meter add 7 bps 100m
refused '' sluice meter add 7 bps 100m
shows 'meter id 7 bps 100m .*passed-packets 0' sluice -s meter show

# --- flows
done_ sluice flow add id 9 prio 10 in vm1 eth-src 52:54:00:00:00:00/ff:ff:ff:00:00:00 eth-dst ff:ff:ff:ff:ff:ff \
	vlan 5 cvlan none src 10.0.0.0/255.0.255.0 dst 192.0.2.1 proto tcp dscp 46 ttl 64 frag no \
	sport 0/1 dport 443 tcp-flags syn/syn actions \
	meter:7,pop-vlan,push-vlan:7:3,set-vlan:8,set-eth-src:52:54:00:00:00:01,set-eth-dst:52:54:00:00:00:02,set-src:1.2.3.4,set-dst:5.6.7.8,set-ttl:3,set-dscp:1,set-sport:5,set-dport:6,output:up0,slow
shows '^flow id 9 prio 10 in vm1 eth-src 52:54:00:00:00:00/ff:ff:ff:00:00:00 eth-dst ff:ff:ff:ff:ff:ff eth-type ipv4 vlan 5 cvlan none src 10.0.0.0/255.0.255.0 dst 192.0.2.1 proto tcp dscp 46 ttl 64 frag no sport 0/0x1 dport 443 tcp-flags syn/syn actions meter:7,pop-vlan,push-vlan:7:3,set-vlan:8,set-eth-src:52:54:00:00:00:01,set-eth-dst:52:54:00:00:00:02,set-src:1.2.3.4,set-dst:5.6.7.8,set-ttl:3,set-dscp:1,set-sport:5,set-dport:6,output:up0,slow$' \
	sluice flow show id 9
refused '' sluice flow add id 9 prio 11 actions drop
done_ sluice flow add prio 1 arp-op 1 actions slow
shows 'eth-type arp arp-op 1 actions slow' sluice flow show
for kind in no any first later not-later; do
	done_ sluice flow add id 77 prio 1 eth-type ipv4 frag "$kind" actions slow
	shows "eth-type ipv4 frag $kind actions slow" sluice flow show id 77
	done_ sluice flow del id 77
done
misused 'not-later' sluice flow add prio 1 eth-type ipv4 frag some actions slow
done_ sluice flow add prio 1 proto icmpv6 icmp-type 128 actions drop
shows 'eth-type ipv6 proto icmpv6 icmp-type 128' sluice flow show
done_ sluice flow add prio 2 in vm1 actions drop
refused 'same match' sluice flow add prio 2 in vm1 actions slow
refused "no port or uplink 'vm9'" sluice flow add prio 3 in vm9 actions drop
refused "no port or uplink 'vm9'" sluice flow add prio 3 actions output:vm9
refused 'meter' sluice flow add prio 3 actions meter:8,slow
refused 'drop stands alone' sluice flow add prio 3 actions drop,slow
refused 'last action' sluice flow add prio 3 actions meter:7
refused 'came from' sluice flow add prio 3 in vm1 actions output:vm1
refused 'too many actions' sluice flow add prio 3 actions \
	slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow,slow
refused 'no flow' sluice flow show id 99
refused 'no flow' sluice flow del id 99
refused 'use this meter' sluice meter del 7
done_ sluice flow del id 9
done_ sluice meter del 7
refused 'no meter' sluice meter del 7

# A port that goes takes along what matches it; what goes to it becomes inactive.
done_ sluice flow add id 4020 prio 3 in up0 actions output:vm2
done_ sluice flow add id 4021 prio 3 in vm2 actions output:up0
done_ sluice port del vm2
shows '^flow id 4020 .*inactive' sluice flow show
hides '^flow id 4021' sluice flow show
done_ sluice flow flush
hides flow sluice flow show

# --- workers
done_ sluice worker add cpu 0
shows '^worker cpu 0 mode adaptive users' sluice worker show
refused 'has a worker' sluice worker add cpu 0
refused 'not there' sluice worker add cpu 4095
refused 'no worker' sluice worker del cpu 4095
done_ sluice worker set cpu 0 mode poll
shows 'mode poll' sluice worker show
done_ sluice worker set cpu 0 mode adaptive
shows 'busy-ns [0-9]+ idle-ns [0-9]+ sleep-ns [0-9]+ wakeups [0-9]+ longest-pause-ns [0-9]+ longest-round-ns [0-9]+' sluice -s worker show
done_ sluice worker assign port vm1 queue 1 cpu 0
done_ sluice worker assign port up0 cpu 0
refused 'fewer queue pairs' sluice worker assign port vm1 queue 5 cpu 0
refused 'no worker' sluice worker assign port vm1 cpu 77
refused '' sluice worker del cpu 0

# --- statistics
shows '^vm1: guest .*from-guest-packets 0' sluice stats vm1
shows '^up0: uplink' sluice stats
refused 'no port or uplink' sluice stats vm9

done_ sluice uplink del up0
done_ sluice port del vm1
refused 'no port or uplink' sluice port del vm1
