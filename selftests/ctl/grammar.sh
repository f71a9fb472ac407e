#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What may be said in more than one way: it is taken, and shown in one.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# --- names and ids, with their word or without; one may be called so itself
done_ sluice port add port vm1
done_ sluice port add name vm2 mtu 1400
done_ sluice port add port
shows '^port: ' sluice port show port port
done_ sluice port set port mtu 1400
done_ sluice port set port vm1 mtu 1300
shows '^vm1: .*mtu 1300' sluice port show vm1
shows '^port: .*mtu 1400' sluice port show port
done_ sluice port del port
shows '^vm1: ' sluice port show name vm1
done_ sluice wire add port vm1 port vm2
done_ sluice wire del vm2 vm1
done_ sluice meter add id 3 bps 10Mbit
shows '^meter id 3 bps 10m' sluice meter show
done_ sluice flow add 7 prio 1 in vm1 proto udp dport domain actions meter:3,slow
shows 'flow id 7 .* dport 53 ' sluice flow show 7
done_ sluice flow del id 7
done_ sluice flow add id 8 prio 1 actions drop
done_ sluice flow del 8

# --- rules
acl() { sluice acl add vm1 dir to-guest "$@"; }
shown() { # what is shown, words
	local want=$1
	shift
	ok "$*" acl "$@"
	shows "to-guest $want\$" sluice acl show vm1
}
shown 'prio 1 proto tcp dport 22 allow' prio 1 proto tcp dport ssh accept
shown 'prio 2 proto tcp dport 8080 deny' prio 2 proto tcp dport http-alt drop
shown 'prio 3 proto icmpv6 icmp-type 128 allow' prio 3 proto icmpv6 icmp-type echo-request allow
shown 'prio 4 proto icmp icmp-type 8 allow' prio 4 proto icmp icmp-type echo-request allow
shown 'prio 5 icmp-type 135 proto icmpv6 deny|prio 5 proto icmpv6 icmp-type 135 deny' \
	prio 5 icmp-type neighbour-solicitation proto icmpv6 deny
shown 'prio 6 proto udp deny' prio 6 proto any src any dst any eth-type any proto udp sport any dport any deny
shown 'prio 7 proto tcp dport 1-1023 deny' prio 7 proto tcp dport 1-1023 deny
shown 'prio 8 option any deny' prio 8 option any deny
done_ sluice acl default vm1 dir to-guest drop
shows 'to-guest deny default' sluice acl show vm1
done_ sluice flow add 9 prio 2 proto icmpv6 icmp-type echo-reply dport any actions drop
shows ' icmp-type 129 ' sluice flow show 9
done_ sluice flow del 9

# --- amounts
rate() { # what is shown, what is said
	ok "bps $2" sluice rate set vm1 dir to-guest bps "$2"
	shows " bps $1( |\$)" sluice rate show vm1
}
rate 1g 1gbit
rate 1500m 1.5g
rate 2500k 2.5Mbit
rate 999 999

# --- in a state, too
said() {
	sluice apply - <<'END'
{ "version": 1, "port": [ { "name": "vm1" } ],
  "acl": [ { "port": "vm1", "dir": "to-guest", "prio": 1, "proto": "tcp", "dport": "ssh", "verdict": "accept" },
           { "port": "vm1", "dir": "to-guest", "prio": 2, "proto": "icmpv6", "icmp-type": "echo-request", "verdict": "drop" } ] }
END
}
ok 'a state with such words' said
shows 'prio 1 proto tcp dport 22 allow$' sluice acl show port vm1
shows 'prio 2 proto icmpv6 icmp-type 128 deny$' sluice acl show port vm1

# --- options, ahead and behind
for words in '-j port show' '--json port show' 'port show -j' 'port show --json' 'port -js show'; do
	# shellcheck disable=SC2086
	shows '^\[\{"name":"vm1"' sluice $words
done
shows ' packets 0 ' sluice acl show vm1 -s
shows '^sluice [0-9.]+$' sluice --version
for words in '--help port add' 'port add --help' 'port add help' 'help port add' '-h port add'; do
	# shellcheck disable=SC2086
	shows '^  sluice port add NAME' sluice $words
done
hides 'sluice port del' sluice --help port add
