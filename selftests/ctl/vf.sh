#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a VF is asked for: by guards of the ports behind the uplink, by the operator's word, and what becomes
# of it when the VF refuses, is slow or goes.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${SLUICE_OBJECTS:?run this by selftests/with-modules.sh}"
load_mockvf
at_end() { echo 0 >$params/delay; }

vlans_are() { [ "$(sed -n 's/^vf0 [0-9 ]*: *//p' $params/vlans)" = "$1" ]; }
has_vlans() { ok "the VF was asked for VLANs '$1'${2:+, $2}" soon vlans_are "$1"; }
# Of the addresses that the kernel has by itself none begins so.
macs_are() {
	[ "$(bridge fdb show dev vf0 | grep -oE '^(52:54:00:51|01:00:5e:51)[0-9a-f:]*' | sort | xargs)" = "$1" ]
}
has_macs() { ok "the VF was asked for addresses '$1'${2:+, $2}" soon macs_are "$1"; }
link_has() { ip -d link show vf0 | grep -q "$1"; }
calls() { sed -n 's/^vf0 \([0-9]*\) .*/\1/p' $params/vlans; }
own_calls() { awk -v vf=vf0 '$1 == vf { print $2 - $3 }' $params/vlans; }

# Not up, so that the kernel does not add VLAN 0.
done_ ip link add vf0 type mockvf
done_ sluice uplink add up0 dev vf0
ok 'it is promiscuous' soon link_has 'promiscuity 1'
done_ sluice port add vm1
done_ sluice port add vm2

# --- a guard, by a wire
done_ sluice guard set port vm1 mac 52:54:00:51:00:01 mac 52:54:00:51:00:02 vlan 10,20-22
has_vlans '' 'without a wire'
has_macs '' 'without a wire'
done_ sluice wire add vm1 up0
has_vlans 10,20-22
has_macs '52:54:00:51:00:01 52:54:00:51:00:02'
shows 'asked-macs 2 asked-vlan 10,20-22' sluice uplink show
done_ sluice guard set port vm1 mac 52:54:00:51:00:02 mac 52:54:00:51:00:03 vlan 22-23
has_vlans 22-23 'those of the other guard'
has_macs '52:54:00:51:00:02 52:54:00:51:00:03'
done_ sluice guard off port vm1
has_vlans ''
has_macs ''
hides asked sluice uplink show
done_ sluice guard set port vm1 mac 52:54:00:51:00:01 vlan 10 untagged
has_vlans 10
done_ sluice wire del vm1 up0
has_vlans ''
has_macs ''

# --- a port's own address, if the operator gave it
done_ sluice port add vm3 mac 52:54:00:51:00:05
done_ sluice wire add vm3 up0
has_macs 52:54:00:51:00:05
done_ sluice port set vm3 mac 52:54:00:51:00:06
has_macs 52:54:00:51:00:06
done_ sluice guard set port vm3 ip 10.0.0.1/32
has_macs 52:54:00:51:00:06
done_ sluice guard set port vm3 mac 52:54:00:51:00:05
has_macs 52:54:00:51:00:05 'what the guard says'
done_ sluice port del vm3
has_macs ''

# --- by flows
done_ sluice flow add id 1 prio 1 in vm1 actions output:up0
has_vlans 10 'for a flow from the guest'
done_ sluice flow add id 2 prio 2 in up0 actions output:vm1
done_ sluice flow del id 1
has_vlans 10 'for one to the guest'
done_ sluice flow del id 2
has_vlans ''
done_ sluice flow add id 3 prio 1 in vm1 actions output:vm2,output:up0,output:up0
has_vlans 10
done_ sluice flow flush
has_vlans ''
done_ sluice flow add id 4 prio 1 in up0 actions output:vm1
done_ sluice wire add vm1 up0
has_vlans 10
done_ sluice wire del vm1 up0
has_vlans 10 'for the flow still'
done_ sluice port del vm1
has_vlans '' 'as the port went'
has_macs ''

# --- two that want the same, and a VLAN interface
done_ sluice port add vm1
done_ sluice guard set port vm1 mac 52:54:00:51:00:01 vlan 10-11
done_ sluice guard set port vm2 mac 52:54:00:51:00:01 mac 52:54:00:51:00:02 vlan 11-12
done_ sluice flow add id 1 prio 1 in vm1 actions output:up0
done_ sluice flow add id 2 prio 1 in vm2 actions output:up0
has_vlans 10-12
has_macs '52:54:00:51:00:01 52:54:00:51:00:02'
done_ ip link add link up0 name up0.12 type vlan id 12
done_ sluice flow del id 2
has_vlans 10-12 'one by the VLAN interface'
has_macs 52:54:00:51:00:01
done_ ip link del up0.12
has_vlans 10-11

# Its own address needs no asking. It gets that of a guest, and another one.
done_ ip link set vf0 address 52:54:00:51:00:07
done_ sluice guard set port vm1 mac 52:54:00:51:00:07
has_macs '' 'as that is its own'
done_ ip link set vf0 address 52:54:00:51:00:08
has_macs 52:54:00:51:00:07
done_ sluice flow flush
has_macs ''

# --- the operator's word
done_ sluice uplink set up0 want-mac 52:54:00:51:00:09,01:00:5e:51:00:01 want-vlan 5,7-9
has_vlans 5,7-9
has_macs '01:00:5e:51:00:01 52:54:00:51:00:09'
shows 'want-mac .*52:54:00:51:00:09.* want-vlan 5,7-9 asked-macs 2 asked-vlan 5,7-9' sluice uplink show
done_ sluice uplink set up0 want-vlan 8 no-promisc
has_vlans 8 'in place of what was said before'
has_macs ''
ok 'it is not promiscuous' soon link_has 'promiscuity 0'
shows 'want-vlan 8 no-promisc' sluice uplink show
sluice dump >"$tmp/was"
shows '"want-vlan": *\[ *"?8"? *\], *"no-promisc": *true' cat "$tmp/was"
done_ sluice apply "$tmp/was"
sluice dump >"$tmp/now"
ok 'a dump applied is the same' cmp "$tmp/was" "$tmp/now"
# No groups of a guest without a receive filter are known.
done_ sluice wire add vm1 up0
ok 'it gives every multicast' soon link_has 'allmulti 1'
done_ sluice wire del vm1 up0
ok 'no more' soon link_has 'allmulti 0'
sed 's/, *"want-vlan".*true//' "$tmp/was" >"$tmp/without"
done_ sluice apply "$tmp/without"
has_vlans '' 'as a state without that says'
ok 'it is promiscuous again' soon link_has 'promiscuity 1'
done_ sluice apply "$tmp/was"
has_vlans 8 'as the state says'
done_ sluice uplink set up0
has_vlans ''
refused 'guest port' sluice uplink set vm1 want-vlan 5
refused 'neither a unicast nor a multicast' sluice uplink set up0 want-mac ff:ff:ff:ff:ff:ff
refused 'neither a unicast nor a multicast' sluice uplink set up0 want-mac 00:00:00:00:00:00
# shellcheck disable=SC2046
refused '16 ranges' sluice uplink set up0 want-vlan "$(seq -s, 1 2 33)"
refused 'takes 32' sluice uplink set up0 want-mac "$(printf '52:54:00:51:01:%02x,' {1..33} | sed 's/,$//')"
misused . sluice uplink set up0 want-vlan 4095
has_vlans '' 'after all that was refused'

# --- transactions
done_ sluice wire add vm1 up0
has_macs 52:54:00:51:00:07
done_ sluice worker add cpu 0
sluice dump >"$tmp/was"
before=$(calls)
change() { # guard, more
	$python - "$tmp/was" "$1" "$2" <<'END'
import json, sys
state = json.load(open(sys.argv[1]))
state["guard"] = [json.loads(sys.argv[2])]
state["uplink"][0]["want-vlan"] = ["100"]
state.update(json.loads(sys.argv[3]))
json.dump(state, sys.stdout)
END
}
guard='{"port": "vm1", "mac": ["52:54:00:51:00:03"], "vlan": ["30-33"], "mode": "strict"}'
change "$guard" '{"rate": [{"port": "none0", "dir": "to-guest", "pps": 1}]}' >"$tmp/bad"
refused 'none0' sluice apply "$tmp/bad"
has_macs 52:54:00:51:00:07
ok 'the VF was asked nothing for a transaction that was refused' [ "$(calls)" = "$before" ]
hides want-vlan sluice uplink show
# A VF that takes three seconds for each: no worker waits for it, and who commits does for the first alone.
change "$guard" '{}' >"$tmp/good"
own=$(own_calls)
echo 3000 >$params/delay
done_ sluice apply "$tmp/good"
echo 0 >$params/delay
ok 'the command had one asked, work the rest' [ "$(own_calls)" = $((own + 1)) ]
has_vlans 30-33,100
has_macs 52:54:00:51:00:03
longest() { sluice -s worker show | sed -n 's/.*longest-pause-ns \([0-9]*\).*/\1/p' | sort -n | tail -n 1; }
echo "# longest pause: $(longest) ns"
ok 'no worker stood still for it' test "$(longest)" -lt 3000000000
done_ sluice apply "$tmp/was"
has_vlans ''

# --- a VF that has no room
echo 3 >$params/room
done_ sluice guard set port vm1 mac 52:54:00:51:00:01 vlan 10-15
has_vlans 10-12 'as many as it takes'
shows 'asked-vlan 10-12 refused-vlan 13-15' sluice uplink show
done_ sluice guard set port vm1 mac 52:54:00:51:00:01 vlan 12-15
has_vlans 12-14 'when there was room again'
shows 'asked-vlan 12-14 refused-vlan 15' sluice uplink show
echo 4 >$params/room
done_ ip link set vf0 up
# VLAN 0 is the kernel's own.
ok 'again when it comes up' soon sh -c "sluice uplink show | grep -q 'asked-vlan 12-14'"
echo 9 >$params/room
done_ ip link set vf0 down
done_ ip link set vf0 up
has_vlans 0,12-15
hides refused sluice uplink show
done_ ip link set vf0 down
has_vlans 12-15

# --- more than is asked of one VF
echo 4096 >$params/room
done_ sluice guard set port vm1 mac 52:54:00:51:00:01 vlan 1-4094
has_vlans 1-4094
shows 'asked-vlan 1-4094' sluice uplink show
hides 'refused|left-out' sluice uplink show
for ((i = 0; i < 66; i++)); do
	echo "port add many$i"
	echo "guard set port many$i$(printf " mac 52:54:00:51:$(printf %02x $((i + 2))):%02x" {1..8}) vlan 1"
	echo "flow add prio 1 in many$i actions output:up0"
done >"$tmp/many"
done_ sluice -b "$tmp/many"
ok 'addresses of 66 guests are too many' soon sh -c "sluice uplink show | grep -q 'asked-macs 512 .* left-out 17'"
for ((i = 0; i < 66; i++)); do echo "port del many$i"; done >"$tmp/many"
done_ sluice -b "$tmp/many"
ok 'all were taken back' soon sh -c "sluice uplink show | grep -q 'asked-macs 1 ' && ! sluice uplink show | grep -q left-out"

# --- it goes
done_ ip link del vf0
hides 'dev vf0' sluice uplink show
done_ sluice uplink set up0 want-mac 52:54:00:51:00:07
done_ ip link add vf0 type mockvf
done_ sluice uplink set up0 dev vf0
has_macs '52:54:00:51:00:01 52:54:00:51:00:07' 'as another took its place'
has_vlans 1-4094
done_ sluice uplink del up0
done_ sluice uplink add up0 dev vf0 want-vlan 3 want-mac 52:54:00:51:00:01
done_ sluice wire add vm1 up0
has_macs 52:54:00:51:00:01
has_vlans 1-4094
done_ sluice uplink del up0
has_vlans '' 'as the uplink went'
has_macs ''
ok 'it is not promiscuous any more' soon link_has 'promiscuity 0'

# --- a VF that takes its time goes on being one, and others have RTNL in between
done_ sluice uplink add up0 dev vf0 want-vlan 1-63
has_vlans 1-63
done_ ip link add link up0 name up0.70 type vlan id 70
done_ ip link add link up0 name up0.71 type vlan protocol 802.1ad id 71
for i in {72..79}; do done_ ip link add link up0 name "up0.$i" type vlan id "$i"; done
has_vlans 1-63,70,72-79
own=$(own_calls)
before=$(calls)
echo 200 >$params/delay
done_ sluice uplink del up0
# Not even those of the VLAN interfaces above it, which the kernel removes.
ok 'the command took back one, if any' test $(($(own_calls) - own)) -le 1
for i in 1 2 3 4; do
	n=$(calls)
	ip link show >/dev/null
	ok "who wants RTNL has it after a call or two ($i)" test $(($(calls) - n)) -le 2
done
ok 'there was more to take back then' test $(($(calls) - before)) -lt 64
# Another uplink has it meanwhile, with some of what is still to be taken back.
done_ sluice uplink add up0 dev vf0 want-vlan 60-65
echo 0 >$params/delay
has_vlans 60-65 'those of the other uplink alone'
done_ ip link set up0 up
done_ ip link add link up0 name up0.70 type vlan id 70
has_vlans 0,60-65,70
# The VF goes, and another is asked for what is wanted above by then.
done_ ip link del vf0
done_ ip link add link up0 name up0.44 type vlan id 44
done_ ip link del up0.70
done_ ip link add vf0 type mockvf
done_ sluice uplink set up0 dev vf0
has_vlans 0,44,60-65
done_ ip link del up0.44
has_vlans 0,60-65
# Without what is above it, and with nobody left to take back from.
echo 200 >$params/delay
done_ sluice uplink del up0
echo 0 >$params/delay
done_ ip link del vf0
