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
nothing() { echo '{}' | sluice apply -; }
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
change "s['guard'] = [{'port': 'vm1', 'mac': ['52:54:00:51:20:01'], 'ip': ['192.0.2.10/32']}]"
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
set uplink .*no interface 'vf9'|s['uplink'][1]['dev'] = 'vf9'
queues is 2, declared is 4|s['port'][0]['queues'] = 4
dev is vf0, declared is vf1|s['uplink'][0]['dev'] = 'vf1'
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
knows version 1|{ "version": 2 }
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
no_workers() { echo '{ "worker": [], "port": [ { "name": "vm1" } ] }' | sluice apply -; }
ok 'ports without a demanded worker' no_workers
shows '^worker cpu 0 mode adaptive automatic users 4' sluice worker show
no_ports() { sluice worker add cpu 0 && echo '{ "worker": [] }' | sluice apply -; }
ok 'neither ports nor workers' no_ports
hides 'worker' sluice worker show

# What is fixed need not be said again of what is there; so the dump of an uplink whose VF is gone is one to apply.
uplink() { echo "{ \"uplink\": [ { \"name\": \"up0\"$1 } ] }" | sluice apply -; }
refused 'dev is missing' uplink ''
hides up0 sluice uplink show
done_ uplink ', "dev": "vf0"'
done_ uplink ''
shows '^up0: .* dev vf0' sluice uplink show
done_ ip link del vf0
sluice dump >"$tmp/gone.json"
done_ sluice apply "$tmp/gone.json"
ok 'the state of an uplink whose VF is gone' same "$tmp/gone.json"
refused "dev is gone, declared is vf0.*'sluice uplink del up0'" uplink ', "dev": "vf0"'
done_ sluice uplink del up0
