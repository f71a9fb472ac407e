#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What others call anti-spoofing, port security and clean traffic, as Documentation/policy.md says it, tried
# frame by frame on a port.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

mac=52:54:00:51:20:01
done_ sluice port add vm1 mac $mac
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
