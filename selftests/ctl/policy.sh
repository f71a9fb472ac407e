#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What others call anti-spoofing, port security and clean traffic, as Documentation/policy.md says it, tried
# frame by frame on a port.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mac=52:54:00:51:20:01
done_ sluice port add vm1 mac $mac
# The host's own chatter would count as dropped.
quiet() { sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"; }
quiet vm1
ip link set vm1 up
index=$(cat /sys/class/net/vm1/ifindex)
takes() { $python "$here/policy.py" vm1 "$index" "$@"; }
none() {
	sluice acl flush port vm1
	sluice acl default port vm1 dir from-guest allow
	sluice guard off port vm1
}

done_ sluice guard set port vm1 mac $mac ip 10.0.0.1/32
ok 'section 2: clean-traffic of nwfilter' takes nwfilter

done_ sluice guard set port vm1 mac $mac ip 10.0.0.1/32 ip 2001:db8::1/128
ok 'section 2: the source check of AWS' takes aws

done_ sluice guard set port vm1 mac $mac mac 52:54:00:51:20:03 ip 10.0.0.1/32 ip 10.0.9.0/24 ip 2001:db8::1/128
done_ sluice acl add port vm1 dir from-guest prio 10 proto tcp dport 25 deny
ok 'section 2: port security of Neutron' takes neutron
none
done_ sluice guard set port vm1 mac $mac ip 10.0.0.1/32
for rule in "10 eth-dst 52:54:00:51:20:fe allow" "20 eth-type arp allow"; do
	# shellcheck disable=SC2086
	done_ sluice acl add port vm1 dir from-guest prio $rule
done
done_ sluice acl default port vm1 dir from-guest deny
ok 'section 2: clean-traffic-gateway, by eth-dst' takes gateway
none

done_ sluice guard set port vm1 mac $mac ip 10.0.0.1/32 vlan 10,20-30
ok 'section 2: VLANs of a trunk' takes trunk

done_ sluice guard set port vm1 mac $mac ip 10.0.0.1/32 loose
ok 'section 2: a loose guard means what it meant' takes loose

# What is for the other end of a link only: from vm1, and to it, behind a wire to a port that nobody drives.
done_ sluice guard off port vm1
done_ sluice port add vm2 control stp,lldp,lacp,eapol,other
quiet vm2
ip link set vm2 up
done_ sluice wire add vm1 vm2
index2=$(cat /sys/class/net/vm2/ifindex)
back() { $python "$here/policy.py" vm2 "$index2" "$@" vm1; }
ok '6.5: no link-local control frame from a guest' takes control vm2
ok '6.5: nor to it' back control
done_ sluice port set vm1 control lldp,lacp,eapol
ok '6.5: those that were said, from it' takes control-said vm2
ok '6.5: and to it' back control-said
done_ sluice port set vm1 control stp,lldp,lacp,eapol,other
ok '6.5: all but PAUSE' takes control-all vm2
done_ sluice port set vm1 control none
done_ sluice guard set port vm1 mac $mac ip 10.0.0.1/32 eth-type lldp,0x88b5 role bridge
ok '6.5: what a guard says need not be said again' takes control-guard vm2
done_ sluice guard off port vm1

# Set down, nothing passes.
ok 'section 2: a port that is up' takes up vm2
ip link set vm2 down
shows '^vm2: .* down' sluice port show vm2
ok 'section 2: to a port that is down' takes down vm2
ip link set vm2 up
ok 'section 2: up again' takes up vm2
ip link set vm1 down
ok 'section 2: from a port that is down' takes down vm2
