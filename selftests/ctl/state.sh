#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Declared states: dump and apply are inverse, a refused state changes nothing.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip link add vf0 type dummy
ip link add vf1 type dummy

cat >"$tmp/full.batch" <<'END'
worker add cpu 0
port add vm1 queues 2 mac 52:54:00:51:20:01
port add vm2 mac 52:54:00:51:20:02 mtu 9000 control lldp,lacp
uplink add up0 dev vf0
wire add vm1 up0
guard set port vm1 mac 52:54:00:51:20:01 ip 192.0.2.10/32 ip 2001:db8::10/128 untagged vlan 10,20-30 role ra
acl default port vm1 dir to-guest deny
acl add port vm1 dir from-guest prio 10 proto udp dport 53 allow
acl add port vm1 dir from-guest prio 20 dst 198.51.100.0/24 proto tcp dport 1-1023 deny
acl add port vm1 dir to-guest prio 10 proto tcp tcp-flags ack/ack allow
acl add port vm1 dir to-guest prio 11 eth-dst 01:00:00:00:00:00/01:00:00:00:00:00 vlan none deny
acl add port vm1 dir to-guest prio 12 proto udp frag later allow
acl add port vm1 dir to-guest prio 13 option source-route deny
rate set port vm1 dir from-guest bps 1g pps 200k
meter add 7 bps 100m
flow add id 1 prio 100 in up0 eth-dst 52:54:00:51:20:01 actions output:vm1
flow add id 2 prio 90 in vm1 actions meter:7,output:up0
flow add id 4 prio 11 eth-type ipv4 frag any actions slow
flow add id 5 prio 12 eth-type ipv4 frag later actions drop
flow add id 3 prio 10 vlan 5 frag no src 2001:db8::/32 dscp 4 proto icmpv6 icmp-type 8 actions pop-vlan,set-ttl:4,output:vm2
END
same() { sluice dump >"$tmp/now.json" && diff "$1" "$tmp/now.json"; }
ifindex() { cat "/sys/class/net/$1/ifindex"; }

done_ sluice -b "$tmp/full.batch"
sluice dump >"$tmp/full.json"
vm1=$(ifindex vm1)
done_ sluice apply "$tmp/full.json"
ok 'apply of a dump changes nothing' same "$tmp/full.json"
ok 'not even the port' test "$vm1" = "$(ifindex vm1)"

# Down to nothing and up again.
nothing() { whole <<<'{}' | sluice apply -; }
ok 'an empty state' nothing
hides . sluice port show
hides . sluice flow show
hides . sluice meter show
shows '^worker cpu 0' sluice worker show
done_ sluice apply "$tmp/full.json"
ok 'everything came back' same "$tmp/full.json"

# Only what differs is touched.
vm1=$(ifindex vm1) vm2=$(ifindex vm2)
change() { # python that changes s
	$python -c "
import json, sys
s = json.load(open('$tmp/full.json'))
$1
json.dump(s, open('$tmp/changed.json', 'w'))"
}
change "s['port'][1]['mtu'] = 1500; s['port'].append({'name': 'vm3'})
s['acl'][0]['verdict'] = 'deny'; s['guard'][0]['mac'].append('52:54:00:51:20:03')
s['meter'][0]['bps'] = 5000000; s['wire'] = [{'a': 'vm2', 'b': 'vm3'}]
s['rate'] = [{'port': 'vm3', 'dir': 'to-guest', 'pps': 5}]
s['flow'][2:] = [{'prio': 5, 'in': 'vm3', 'actions': ['drop']}]"
done_ sluice apply "$tmp/changed.json"
ok 'ports that stay are the same' test "$vm1 $vm2" = "$(ifindex vm1) $(ifindex vm2)"
shows 'vm2: .*mtu 1500 .*wire vm3' sluice port show
shows 'from-guest prio 10 .*deny' sluice acl show port vm1
shows 'meter id 7 bps 5m' sluice meter show
shows 'flow id 2 .*meter:7' sluice flow show
shows 'flow id [0-9]+ prio 5 .*in vm3' sluice flow show
hides icmpv6 sluice flow show
sluice dump >"$tmp/changed.dump"
done_ sluice apply "$tmp/changed.json"
ok 'the second time there is nothing to do' same "$tmp/changed.dump"
done_ sluice apply "$tmp/full.json"
ok 'and back' same "$tmp/full.json"

# A guard that was declared before there were strict ones.
change "s['version'] = 1; s['guard'] = [{'port': 'vm1', 'mac': ['52:54:00:51:20:01'], 'ip': ['192.0.2.10/32']}]"
done_ sluice apply "$tmp/changed.json"
shows '^vm1: mac 52:54:00:51:20:01 ip 192.0.2.10/32 loose$' sluice guard show port vm1
sluice dump >"$tmp/changed.dump"
done_ sluice apply "$tmp/changed.json"
ok 'a loose guard, the second time' same "$tmp/changed.dump"
done_ sluice apply "$tmp/full.json"
ok 'and strict again' same "$tmp/full.json"

# Refused states: everything else in them is undone.
everything="s['port'].append({'name': 'vm3'}); s['port'][1]['mtu'] = 1500; s['port'][1]['mac'] = '52:54:00:51:20:22'
s['uplink'].append({'name': 'up1', 'dev': 'vf1'})
s['acl'] = s['acl'][:1] + [{'port': 'vm3', 'dir': 'to-guest', 'prio': 1, 'verdict': 'deny'}]
s['acl-default'] = [{'port': 'vm2', 'dir': 'from-guest', 'verdict': 'deny'}]
s['guard'] = [{'port': 'vm2', 'mac': ['52:54:00:51:20:03']}]; s['wire'] = [{'a': 'vm2', 'b': 'vm3'}]
s['rate'] = [{'port': 'vm3', 'dir': 'to-guest', 'pps': 5}]
s['meter'] = [{'id': 7, 'pps': 5}, {'id': 8, 'pps': 5}]
s['worker'][0]['mode'] = 'poll'
"
while IFS='|' read -r text what; do
	change "$everything$what"
	refused "$text" sluice apply "$tmp/changed.json"
	ok "... and nothing changed" same "$tmp/full.json"
	ok "... ports are the same" test "$vm1 $vm2" = "$(ifindex vm1) $(ifindex vm2)"
done <<'END'
set flow .*no port or uplink 'nix'|s['flow'] = [{'prio': 4, 'in': 'nix', 'actions': ['drop']}]
set flow .*no meter|s['flow'] = s['flow'][:1] + [{'prio': 4, 'actions': ['meter:9', 'slow']}]
set flow .*same match|s['flow'] += [{'prio': 4, 'in': 'vm1', 'actions': ['drop']}, {'prio': 4, 'in': 'vm1', 'actions': ['slow']}]
set uplink .*needs an Ethernet device|s['uplink'][1]['dev'] = 'lo'
queues is 2, declared is 4|s['port'][0]['queues'] = 4
set guard .*outside its prefix|s['guard'].append({'port': 'vm1', 'ip': ['192.0.2.1/24']})
set worker .*not there|s['worker'].append({'cpu': 4095})
set acl |s['acl'].append({'port': 'vm1', 'dir': 'to-guest', 'prio': 2, 'src': '10.0.0.0/8', 'dst': '::/0', 'verdict': 'deny'})
no port or uplink 'nix'|s['port'] = s['port'][1:]; s['acl'] = []; s['flow'] = [{'prio': 4, 'in': 'nix', 'actions': ['drop']}]; s['assign'] = [{'port': 'nix', 'cpu': 0}]
END

# What cannot be read is not sent.
state() { printf '%s' "$1" >"$tmp/bad.json"; }
while IFS='|' read -r text json; do
	state "$json"
	misused "$text" sluice apply "$tmp/bad.json"
done <<'END'
ends too early|{ "port": [
line 1: |{ "port": [ { "name": "vm1", } ] x
is an object|[]
no section 'ports'|{ "ports": [] }
a list is wanted|{ "port": {} }
\{ ... \} is wanted|{ "port": [ "vm1" ] }
no field 'colour'|{ "port": [ { "name": "vm1", "colour": "red" } ] }
name is missing|{ "port": [ { } ] }
is not NAME|{ "port": [ { "name": "" } ] }
has no value|{ "port": [ { "name": null } ] }
one value is wanted|{ "port": [ { "name": [ "vm1" ] } ] }
a list is wanted|{ "guard": [ { "port": "vm1", "mac": "52:54:00:51:20:01" } ] }
declared twice|{ "port": [ { "name": "vm1" }, { "name": "vm1" } ] }
declared twice|{ "wire": [ { "a": "x", "b": "y" }, { "a": "y", "b": "x" } ] }
knows versions 1 and 2|{ "version": 3 }
knows versions|{ "version": "2" }
is not ACT|{ "flow": [ { "prio": 1, "actions": [ 5 ] } ] }
END
ok 'nothing changed' same "$tmp/full.json"

# Several files are one state.
$python - "$tmp" <<'END'
import json, sys
s = json.load(open(sys.argv[1] + '/full.json'))
flow = s.pop('flow')
json.dump(s, open(sys.argv[1] + '/one.json', 'w'))
json.dump({'flow': flow}, open(sys.argv[1] + '/two.json', 'w'))
END
done_ sluice apply "$tmp/one.json" "$tmp/two.json"
ok 'two files are the same state' same "$tmp/full.json"

# What each version wrote is declared as it was then: all that a file of it says is in a dump of now. And its
# commands are understood.
has() {
	$python - "$1" "$tmp/golden.json" <<'END'
import json, sys
was, now = (json.load(open(name)) for name in sys.argv[1:])
for section in set(was) - {"version"}:
    for item in was[section]:
        if not any(item.items() <= other.items() for other in now[section]):
            sys.exit(f"{section}: {item} is not there")
END
}
for golden in "$here"/golden/*.json; do
	version=$(basename "$golden" .json)
	ok 'an empty state' nothing
	ok "a state of version $version" sluice apply "$golden"
	sluice dump >"$tmp/golden.json"
	ok 'all of it is there' has "$golden"
	done_ sluice apply "$golden"
	ok 'the second time there is nothing to do' same "$tmp/golden.json"
	shows ' loose$' sluice guard show port vm1
	ok 'an empty state' nothing
	done_ sluice worker del cpu 0
	ok "commands of version $version" sluice -b "$here/golden/$version.golden"
done

# The last worker goes with the ports, or stays as long as they need one.
no_workers() { whole worker <<<'{ "port": [ { "name": "vm1" } ] }' | sluice apply -; }
ok 'ports without a demanded worker' no_workers
shows '^worker cpu 0 mode adaptive automatic users 4' sluice worker show
no_ports() { sluice worker add cpu 0 && whole worker <<<'{}' | sluice apply -; }
ok 'neither ports nor workers' no_ports
hides 'worker' sluice worker show

# --- a VF that is not there: its uplink waits, and nothing else does
uplink() { # what else it says, more sections; options
	local more=$1
	shift
	echo "{ \"version\": 2, \"uplink\": [ { \"name\": \"up0\"$more } ]${sections:-} }" | sluice apply "$@" -
}
waits() { # text, command
	local text=$1
	shift
	exits 3 "$@" >"$tmp/err" 2>&1 && cat "$tmp/err" && grep -qE -- "$text" "$tmp/err"
}
refused 'dev is missing' uplink ''
sections=', "port": [ { "name": "vm1", "link": "up" }, { "name": "vm2" } ], "wire": [ { "a": "vm1", "b": "up0" } ],
	"flow": [ { "id": 1, "prio": 1, "in": "up0", "actions": [ "output:vm1" ] },
		{ "id": 2, "prio": 1, "in": "vm2", "actions": [ "output:vm1", "output:up0" ] } ]'
ok 'one whose VF is not there waits' waits 'uplink up0 waits for its device vf9' uplink ', "dev": "vf9", "link": "up"'
ok '... and all of it is there' grep -q '^6 added, 0 changed, 0 removed, 0 as they were$' "$tmp/err"
shows '^up0: .* waits-for vf9 .*wire vm1' sluice uplink show
shows '^flow id 1 .*output:vm1' sluice flow show
shows '^flow id 2 .*output:vm1,output:up0' sluice flow show
sluice dump >"$tmp/waiting.json"
ok 'said again it is the same' waits '^0 added, 0 changed, 0 removed, 6 as they were$' uplink ', "dev": "vf9"'
ok 'nothing changed' same "$tmp/waiting.json"
ok 'nothing to do, but for what waits' waits 'waits' uplink ', "dev": "vf9"' -n
ok 'it is to wait for another' waits 'waits for its device vf8' uplink ', "dev": "vf8", "want-vlan": ["7"]'
shows '^up0: .* waits-for vf8 want-vlan 7' sluice uplink show
ok 'and for the first' waits 'waits for its device vf9' uplink ', "dev": "vf9"'
ok 'nothing else changed' same "$tmp/waiting.json"
refused 'an Ethernet device below' sluice uplink set up0 dev lo
refused "no interface 'vf9'" sluice uplink set up0 dev vf9
refused "no interface 'vf9'" sluice uplink add up1 dev vf9
# What is refused leaves no trace, be it that the VF was taken.
kept=$sections
sections+=', "worker": [ { "cpu": 0 } ], "assign": [ { "port": "up0", "cpu": 0 } ],
	"rate": [ { "port": "nix", "dir": "to-guest", "pps": 5 } ]'
refused "no port or uplink 'nix'" uplink ', "dev": "vf7", "want-vlan": ["8"]'
ok 'nothing changed' same "$tmp/waiting.json"
ip link add vf9 type dummy
refused "no port or uplink 'nix'" uplink ', "dev": "vf9", "want-vlan": ["8"]'
ok 'nothing changed' same "$tmp/waiting.json"
shows '^up0: .* waits-for vf9' sluice uplink show
ok 'the VF is free' test ! -e /sys/class/net/vf9/master
ip link del vf9
sections=$kept
# The device comes: it is taken, and nothing else is touched.
done_ sluice flow add id 3 prio 1 in vm2 proto tcp actions drop
done_ ip link add vf9 type dummy
coming() { exits 4 uplink ', "dev": "vf9"' -n >"$tmp/plan" && cat "$tmp/plan" && grep -q '^~ uplink up0 takes its device vf9$' "$tmp/plan"; }
ok 'that is told' coming
done_ uplink ', "dev": "vf9"' --each --on vf9
shows '^up0: .* dev vf9' sluice uplink show
shows '^flow id 1 .*output:vm1' sluice flow show
shows '^flow id 3 ' sluice flow show
shows 'wire vm1' sluice uplink show
hides ' down' sluice uplink show
hides ' down' sluice port show vm1
done_ uplink ', "dev": "vf9"'
hides '^flow id 3 ' sluice flow show
# It goes: what was there is what is declared, and what is dumped is what waits.
done_ sluice uplink set up0 want-vlan 7
sluice dump >"$tmp/full.json"
done_ ip link del vf9
shows '^up0: .* waits-for vf9 want-vlan 7' sluice uplink show
ok 'the state is as it was' same "$tmp/full.json"
ok 'and so is what waits' waits 'waits for its device vf9' sluice apply "$tmp/full.json"
done_ sluice uplink set up0 want-vlan 9
shows ' want-vlan 9' sluice uplink show
ok 'what it wants is changed, too' waits '1 changed' sluice apply "$tmp/full.json"
ok 'nothing changed' same "$tmp/full.json"
ok 'an empty state' nothing
ok 'in a fresh boot it waits' waits 'waits for its device vf9' sluice apply "$tmp/full.json"
shows '^up0: .* waits-for vf9 want-vlan 7' sluice uplink show
ok 'nothing else does' same "$tmp/full.json"
done_ ip link add vf9 type dummy
done_ sluice apply "$tmp/full.json"
shows '^up0: .* dev vf9' sluice uplink show
ok 'it has it' same "$tmp/full.json"
hides ' down' sluice uplink show
# As often as it likes; and by the tool alone: what was said of it stays.
for how in 'apply --each --on vf9' 'apply --each' 'apply'; do
	done_ ip link del vf9
	done_ ip link add vf9 type dummy
	shows '^up0: .* waits-for vf9' sluice uplink show
	# Those are words.
	# shellcheck disable=SC2086
	done_ sluice $how "$tmp/full.json"
	ok '... all of it' same "$tmp/full.json"
	shows '^up0: .* dev vf9' sluice uplink show
done
done_ ip link del vf9
done_ ip link add vf9 type dummy
done_ sluice uplink set up0 dev vf9
shows '^up0: .* dev vf9 want-vlan 7' sluice uplink show
# It takes another VF in one transaction, and what is refused gives it back its own.
done_ ip link add vf8 mtu 1400 type dummy
kept=$sections
sections+=', "rate": [ { "port": "nix", "dir": "to-guest", "pps": 5 } ]'
mac=$(cat /sys/class/net/up0/address)
refused "no port or uplink 'nix'" uplink ', "dev": "vf8", "want-vlan": ["7"]'
ok 'nothing changed' same "$tmp/full.json"
shows "^up0: .* dev vf9 .*mac $mac mtu 1500 .*wire vm1" sluice uplink show
sections=$kept
done_ uplink ', "dev": "vf8", "want-vlan": ["7"]'
shows '^up0: .* dev vf8 .*mtu 1400 .*wire vm1' sluice uplink show
ok 'the other one is free' test ! -e /sys/class/net/vf9/master
ok 'one that is not there' exits 3 sh -c "echo '{ \"version\": 2, \"uplink\": [ { \"name\": \"up0\", \"dev\": \"vf7\", \"want-vlan\": [\"7\"] } ] }' |
	sluice apply --each -"
shows '^up0: .* dev vf8 ' sluice uplink show
done_ sluice uplink set up0 dev vf9
ip link del vf8
# Another has it: it waits for it as for one that is not there.
done_ sluice uplink del up0
ip link add br9 type bridge
ip link set vf9 master br9
ok 'it is in a bridge' waits 'waits for its device vf9' sluice apply --each "$tmp/full.json"
shows '^up0: .* waits-for vf9 .*wire vm1' sluice uplink show
ip link del br9
done_ sluice apply --each "$tmp/full.json"
shows '^up0: .* dev vf9 .*wire vm1' sluice uplink show
refused 'no interface has such a name' sluice uplink add up1 dev up1 wait
refused 'no interface has such a name' sluice uplink add up1 dev .. wait
refused 'no interface has such a name' sluice uplink add up1 dev $'\xc3\xa4' wait
ip link property add dev vf9 altname vf9too
misused 'another name of vf9' uplink ', "dev": "vf9too"'
# Without all of it an uplink is not made: who it is for would not have what is about it.
ok 'an empty state' nothing
ok 'a device alone' waits "up0 is not there: 'sluice apply' without --on" sluice apply --each --on vf9 "$tmp/full.json"
hides up0 sluice uplink show
# What refers to a port that nobody declares is refused, or keeps nothing else back.
sections=', "port": [ { "name": "vm1", "link": "up" }, { "name": "vm2" } ], "wire": [ { "a": "vm1", "b": "nix" } ],
	"rate": [ { "port": "vm3", "dir": "to-guest", "pps": 5 } ],
	"guard": [ { "port": "vm1", "mac": [ "52:54:00:51:20:01" ] } ],
	"flow": [ { "id": 1, "prio": 1, "in": "vm2", "actions": [ "output:nix" ] },
		{ "id": 2, "prio": 1, "in": "nix", "actions": [ "drop" ] } ]'
refused "no port or uplink 'nix'" uplink ', "dev": "vf9"'
refused "left out: there is no port or uplink 'vm3'" uplink ', "dev": "vf9"' --each
for text in '^sluice: [.]{3} in rate .*vm3' '^sluice: vm1 is held back: its wire has no other end' \
	'^sluice: a flow drops what is for .nix'; do
	ok "... $text" grep -qE "$text" "$tmp/err"
done
# One whose wire has no end would be on the host's stack.
hides '^vm1: ' sluice port show
shows '^vm2: ' sluice port show
shows '^flow id 1 .*gone:0' sluice flow show
hides '^flow id 2 ' sluice flow show
sections=
ok 'an empty state' nothing
ip link del vf9

# --- the state knows which links are up
json='{ "version": 2, "port": [ { "name": "vm1", "link": "up" }, { "name": "vm2" } ] }'
links() { sluice apply - <<<"$json"; }
done_ links
hides ' down' sluice port show vm1
shows ' down' sluice port show vm2
done_ ip link set vm2 up
done_ links
hides ' down' sluice port show vm2
json='{ "version": 2, "port": [ { "name": "vm1", "link": "down" }, { "name": "vm2" } ] }'
done_ links
shows ' down' sluice port show vm1
sluice dump >"$tmp/links.json"
ok 'an empty state' nothing
done_ sluice apply "$tmp/links.json"
ok 'they are as they were' same "$tmp/links.json"
hides ' down' sluice port show vm2
shows ' down' sluice port show vm1
misused "is not up[|]down" sluice apply - <<<'{ "version": 2, "port": [ { "name": "vm1", "link": "sideways" } ] }'

# --- what is fixed takes -f, and goes only if the rest can be made
json='{ "version": 2, "port": [ { "name": "vm1", "queues": 2, "link": "up" }, { "name": "vm2" } ] }'
refused 'queues is 1, declared is 2, and that is fixed' links
forced() { sluice apply -f - <<<"$json"; }
each() { sluice apply --each - <<<"$json"; }
as_it_is() { exits 3 each 2>"$tmp/err" && cat "$tmp/err" && grep -q "vm1 stays as it is: queues is 1" "$tmp/err"; }
ok 'each: the rest is made' as_it_is
hides ' down' sluice port show vm1
done_ forced
shows ' queues 2 ' sluice port show vm1
hides ' down' sluice port show vm1
sluice dump >"$tmp/links.json"
json='{ "version": 2, "port": [ { "name": "vm1", "queues": 1 }, { "name": "vm2" } ], "uplink": [ { "name": "up0" } ] }'
refused 'dev is missing' forced
ok 'nothing is gone' same "$tmp/links.json"
json='{ "version": 2, "port": [ { "name": "vm1", "queues": 1 }, { "name": "vm2" } ], "guard": [],
	"rate": [ { "port": "nix", "dir": "to-guest", "pps": 5 } ] }'
done_ sluice guard set port vm1 mac 52:54:00:51:20:01
sluice dump >"$tmp/links.json"
refused "no port or uplink 'nix'" forced
ok 'what the kernel refuses leaves what was there' same "$tmp/links.json"
json='{ "version": 2, "port": [ { "name": "vm1", "queues": 1 }, { "name": "vm2" } ] }'
refused "cannot be made anew: it has something in 'guard'" forced
done_ sluice guard off port vm1
done_ sluice port hold vm1
refused 'is in quarantine' forced
done_ sluice port release vm1
mac=$(cat /sys/class/net/vm1/address)
anew() { exits 4 sluice diff -f - <<<"$json" >"$tmp/plan" && cat "$tmp/plan" && grep -q '^~ port vm1 queues 2 -> 1 is made anew$' "$tmp/plan"; }
ok 'that is told' anew
done_ forced
shows "^vm1: .* queues 1 mac $mac" sluice port show
hides ' down' sluice port show vm1
ok 'an empty state' nothing

# --- who has a port keeps what it has, and is not put on the host's stack
done_ ip link add vf9 type dummy
done_ sluice uplink add up0 dev vf9
done_ sluice port add vm1
done_ sluice wire add vm1 up0
done_ sluice meter add 7 pps 5
done_ sluice flow add id 5 prio 5 in up0 proto udp actions meter:7,output:vm1
exec {guest}<>"/dev/tap$(cat /sys/class/net/vm1/ifindex)"
shows ' claimed ' sluice port show vm1
json='{ "version": 2, "port": [ { "name": "vm2" } ], "uplink": [ ], "flow": [ { "id": 5, "prio": 1, "in": "vm2", "actions": [ "drop" ] } ],
	"meter": [ { "id": 7, "pps": 9 } ] }'
refused 'vm1 is claimed, and would be removed' links
json='{ "version": 2, "uplink": [ ] }'
refused 'uplink up0 is the other end of the wire of vm1' links
# Among wires of others, too.
json="{ \"version\": 2, \"uplink\": [ ], \"port\": [ { \"name\": \"vm1\" }$(printf ', { "name": "w%d" }' {1..8}) ],
	\"wire\": [ $(printf '{ "a": "w%d", "b": "w%d" }, ' {1..8} | sed 's/, $//') ] }"
refused 'uplink up0 is the other end of the wire of vm1' links
ok 'each: it stays' exits 3 each
shows '^vm1: .* wire up0' sluice port show vm1
shows '^w8: .* wire w7' sluice port show w8
json='{ "version": 2, "port": [ { "name": "vm1" } ] }'
done_ links
json='{ "version": 2, "port": [ { "name": "vm2" } ], "uplink": [ { "name": "up1", "dev": "vf7" } ], "wire": [ { "a": "vm2", "b": "up0" } ],
	"flow": [ { "id": 5, "prio": 1, "in": "vm2", "actions": [ "drop" ] } ], "meter": [ { "id": 7, "pps": 9 } ] }'
kept() { exits 3 each 2>"$tmp/err" && cat "$tmp/err" && grep -q "port vm1 stays: it is claimed" "$tmp/err"; }
ok 'each: it stays' kept
shows '^vm1: .* wire up0' sluice port show vm1
hides '^vm2: ' sluice port show
shows '^flow id 5 .*output:vm1' sluice flow show
shows '^meter id 7 pps 5 ' sluice meter show
for text in 'uplink up0 stays' 'wire up0 vm2 is held back: wire up0 vm1 stays' 'vm2 is held back' 'meter 7 stays as it is' 'flow 5 is held back'; do
	ok "... $text" grep -q "$text" "$tmp/err"
done
json='{ "version": 2, "port": [ { "name": "vm1" } ], "wire": [ { "a": "vm1", "b": "up9" } ] }'
refused "no port or uplink 'up9'" each
shows '^vm1: .* wire up0' sluice port show vm1
exec {guest}<&-
ok 'an empty state' nothing
ip link del vf9

# --- what says nothing, or in other words, is no change
done_ sluice worker add cpu 0
json='{ "version": 2, "port": [ { "name": "vm1", "queues": 2 } ], "assign": [ { "port": "vm1", "cpu": 0 } ],
	"guard": [ { "port": "vm1", "mac": [ "52:54:00:51:20:01" ] } ],
	"acl-default": [ { "port": "vm1", "dir": "to-guest", "verdict": "allow" } ],
	"rate": [ { "port": "vm1", "dir": "to-guest", "bps": 0 }, { "port": "vm1", "dir": "from-guest", "bps": "1g", "pps": 0 } ] }'
done_ links
shows '^vm1: mac 52:54:00:51:20:01 strict$' sluice guard show
shows '^vm1: dir from-guest bps 1g burst [^ ]*$' sluice rate show
shows '^0 added, 0 changed, 0 removed' sluice diff - <<<"$json"
done_ sluice rate set port vm1 dir from-guest bps 1g burst 5m
json='{ "version": 2, "rate": [ { "port": "vm1", "dir": "from-guest", "bps": "1g", "pps": "5k" } ] }'
done_ links
shows '^vm1: dir from-guest bps 1g burst 5m pps 5k' sluice rate show
json='{ "version": 2, "guard": [ ],
	"guard": [ ] }'
misused 'line 2: "guard" stands twice' links
json='{ "version": 2, "guard": [ { "port": "vm1", "mac": [ "52:54:00:51:20:01" ], "mac": [ "52:54:00:51:20:02" ] } ] }'
misused '"mac" stands twice' links
json='{ "version": 2, "uplink": [ { "name": "up0", "dev": "vf9" }, { "name": "up1", "dev": "vf9" } ] }'
misused 'another uplink is declared on vf9' links
ok 'an empty state' nothing
done_ sluice worker del cpu 0

# --- what a state does not speak of
done_ sluice -b "$tmp/full.batch"
sluice dump >"$tmp/full.json"
alone() { sluice apply "$@" - <<<"$json" >"$tmp/err" 2>&1; }
said() { alone "$@" && cat "$tmp/err" && grep -qE -- "$text" "$tmp/err"; }
json='{ "version": 2, "volume-mode": [ { "mode": "monitor" } ] }' text='^0 added, 0 changed, 0 removed, 1 as they were$'
ok 'it leaves alone what it does not speak of' said
ok '... all of it' same "$tmp/full.json"
json='{ "version": 2 }'
ok 'an empty one, too' alone
ok '... all of it' same "$tmp/full.json"
json='{ "flow": [ ] }' text="no version: what is there stays"
ok 'one that does not say its version is told so' said
hides . sluice flow show
shows '^vm1: ' sluice port show
done_ sluice apply "$tmp/full.json"
json='{ "version": 1, "port": [ { "name": "vm1" }, { "name": "vm2" } ], "uplink": [ { "name": "up0" } ] }'
text="version 1, without 'wire', 'guard'.*\"version\": 2 it stays"
ok 'of version 1 the rest goes, with a warning' said
hides . sluice flow show
hides . sluice guard show
hides . sluice meter show
shows '^vm2: ' sluice port show
done_ sluice apply "$tmp/full.json"
json='{ "version": 2, "port": [ { "name": "vm1" } ], "uplink": [ ] }'
text='^- wire up0 vm1'
ok 'what goes with a port is told' exits 4 sh -c "echo '$json' | sluice diff - >'$tmp/err'"
ok '... all of it' grep -qE "$text" "$tmp/err"
ok '... nothing else' sh -c "! grep -q 'vm1 to-guest\|meter' '$tmp/err'"

# --- what would be done
sed 's/"mtu":9000/"mtu":1400/; s/"bps":100000000,/"bps":5000000,/; s/"prio":100,/"prio":101,/' "$tmp/full.json" >"$tmp/changed.json"
plan() { exits 4 sluice "$@" "$tmp/changed.json" >"$tmp/plan" && cat "$tmp/plan"; }
ok 'what would be changed is told' plan apply -n
ok '... and nothing changed' same "$tmp/full.json"
for text in '^~ port vm2 mtu 9000 -> 1400$' '^~ meter 7 bps 100m -> 5m$' '^~ flow id 1 prio 101 ' \
	'^0 added, 3 changed, 0 removed, [0-9]+ as they were$'; do
	ok "... $text" grep -qE "$text" "$tmp/plan"
done
cp "$tmp/plan" "$tmp/plan.n"
ok 'diff says the same' plan diff
ok '... word for word' cmp "$tmp/plan" "$tmp/plan.n"
shows '0 changed' sluice diff "$tmp/full.json"
shows '^\{"added":0,"changed":3,"removed":0,"same":[0-9]+,"held-back":0\}$' sluice -j apply "$tmp/changed.json"
done_ sluice apply "$tmp/full.json"
misused "diff: '--all' is not understood" sluice diff --all "$tmp/full.json"
