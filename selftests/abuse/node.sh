#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# No namespace takes the name of another's device node.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

tenant_new
done_ sluice tenant allow pid "$tenant"
inode() { stat -L -c %i "$1"; }
of_tenant=/dev/sluice-tap/$(inode "/proc/$tenant/ns/net")

# An index may be chosen: that of the host's next port.
done_ t ip link add vm1 index 4242 type sluice
ok 'the name is free' test ! -e /dev/tap4242
ok 'the node is where the namespace has its own' test -c "$of_tenant-4242"
ok 'and is for root' test "$(stat -c '%u %a' "$of_tenant-4242")" = '0 600'
done_ ip link add vm2 index 4242 type sluice
ok 'the host has the name' test -c /dev/tap4242
opens() { (exec 5<>"$1"); }
ok 'and can open it' opens /dev/tap4242
ok 'nobody opens that of another namespace' exits 1 opens "$of_tenant-4242"
done_ t ip link del vm1
ok 'the node goes with its port' test ! -e "$of_tenant-4242"
ok 'the other stays' opens /dev/tap4242

# A namespace of the operator's own likewise.
done_ ip netns add blue
of_blue=/dev/sluice-tap/$(inode /run/netns/blue)
done_ ip link set vm2 netns blue
ok 'a port that leaves takes its name along' test ! -e /dev/tap4242
ok 'to its new namespace' test -c "$of_blue-4242"
# shellcheck disable=SC2016
blue_opens() { ip netns exec blue bash -c 'exec 5<>"$1"' - "$1"; }
ok 'where it opens' blue_opens "$of_blue-4242"
done_ ip -n blue link set vm2 netns 1
ok 'and back' opens "/dev/tap$(cat /sys/class/net/vm2/ifindex)"
ok 'with nothing left behind' test ! -e "$of_blue-4242"
done_ ip netns del blue
done_ sluice port del vm2
