#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The tool itself: help, exit codes, what it does not understand, batches.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

shows 'sluice port add' sluice help
shows 'sluice port add NAME' sluice port help
shows 'allow\|deny' sluice acl add help
shows 'ACT: output:PORT' sluice flow help
shows 'sluice port add NAME' sluice help port
shows 'port NAME.volume VOLUME' sluice help worker assign
hides 'worker add' sluice help worker assign
# What is named in its place is of the noun's kind.
names() { # word, nouns
	local word=$1 noun
	shift
	for noun; do
		sluice "$noun" help | grep '^  sluice' | grep -oE " $noun [a-z-]+ \[?[A-Z]+" | grep -vE "\[?$word$" && return 1
		sluice "$noun" help | grep -qE "^  sluice $noun (add|set|del) $word( |$)" || return 1
	done
}
ok 'help: names of ports' names NAME port uplink
ok 'help: names of volumes' names VOLUME volume
ok 'help: names of groups' names GROUP volume-group
ok 'help: names of keys' names KEY key
shows 'module .* kernel .* engine' sluice version
shows '"module":' sluice -j version

# The manual explains what is shown: fields that cannot be said, reasons for a drop, events.
top=$here/../..
manual=$(cat "$top"/userspace/*.8)
guide=$(cat "$top/Documentation/admin-guide.md")
explained() { # words on standard input
	local word rc=0 n=0
	while read -r word; do
		n=$((n + 1))
		[[ $manual =~ (^|[^a-z-])$word([^a-z-]|$) ]] || { echo "not explained: $word"; rc=1; }
	done
	[ "$n" -gt 20 ] && return "$rc"
}
shown_fields() {
	sed -n 's/.*{ "\([a-z0-9-]*\)", &codec.*F_\(SHOW\|STAT\).*/\1/p' "$top"/userspace/*.c | grep -vx text | explained
}
drop_reasons() {
	sed -n 's/.*X([A-Z_]*,[[:space:]]*"\([^"]*\)".*/\1/p' "$top/kmod/drop.h" | grep -vxE 'none|slow-down' | explained
}
events() { sed -n 's/.*\[SLUICE_EVENT_[A-Z_]*\] = "\(.*\)".*/\1/p' "$top/userspace/show.c" | explained; }
# The guide has them in tables: a row of each, whatever else is in it.
guided() { # words on standard input
	local word rc=0 n=0
	while read -r word; do
		n=$((n + 1))
		[[ $guide =~ $'\n'\|[^$'\n']*\`$word\`[^$'\n']*\| ]] || { echo "not in the guide: $word"; rc=1; }
	done
	[ "$n" -gt "$1" ] && return "$rc"
}
guide_reasons() {
	sed -n 's/.*X([A-Z_]*,[[:space:]]*"\([^"]*\)",[[:space:]]*"\([^"]*\)").*/\1` | \2/p' "$top/kmod/drop.h" |
		grep -vE '^(none|slow-down)`' | while read -r row; do
		[[ $guide = *"| \`$row |"* ]] || echo "not in the guide: $row"
	done >"$tmp/missing"
	cat "$tmp/missing"
	[ ! -s "$tmp/missing" ]
}
guide_fields() {
	(cd "$top/userspace" && sed -n 's/.*{ "\([a-z0-9-]*\)", &codec.*F_\(SHOW\|STAT\).*/\1/p
		s/.*COUNT("\([a-z-]*\)".*/\1/p' port.c worker.c policy.c flow.c &&
		sed -n 's/.*{ "\([a-z-]*\)", &codec_flag,.*F_SHOW.*/\1/p' volume.c) | guided 50
}
guide_states() {
	sed -n 's/.*\[SLUICE_WORKER_[A-Z]*\] = "\(.*\)".*/\1/p' "$top/kmod/watchdog.c" | guided 3
}
ok 'the guide has a table of the reasons for a drop, in the words of the kernel' guide_reasons
ok 'the guide has a table of the fields and counters that are shown' guide_fields
ok "the guide has the workers' states" guide_states
ok 'the manual explains the fields that are shown' shown_fields
ok 'the manual explains the reasons for a drop' drop_reasons
ok 'the manual explains the events' events

misused 'usage' sluice
misused "no command 'nothing': 'sluice help'" sluice nothing
misused "no command 'port nothing'" sluice port nothing
misused 'name is missing' sluice port add
misused 'not understood' sluice port add vm1 colour red
misused 'queues: .* is not N' sluice port add vm1 queues many
misused 'N is missing' sluice port add vm1 queues
misused 'twice' sluice port add vm1 mtu 1500 mtu 1500
refused 'out of range: it may be 1 to 16' sluice port add vm1 queues 17
refused 'not permitted: .*CAP_NET_ADMIN over it' setpriv --reuid 65534 --regid 65534 --clear-groups sluice worker add cpu 0
misused 'is not NAME: at most 15' sluice port add a-name-that-is-too-long
misused 'is not MAC' sluice port add vm1 mac 52:54:00:51:20
misused 'is not from-guest' sluice acl default port vm1 dir sideways allow
misused 'verdict is missing' sluice acl add port vm1 dir to-guest prio 1
misused 'is not ADDR' sluice acl add port vm1 dir to-guest prio 1 src 1.2.3.4/33 allow
misused 'is not N' sluice acl add port vm1 dir to-guest prio 1 proto tcp dport 80-70 allow
misused 'is not N' sluice acl add port vm1 dir to-guest prio 1 proto tcp dport 70000 allow
misused 'is not FLAGS' sluice acl add port vm1 dir to-guest prio 1 proto tcp tcp-flags syn/ack allow
misused 'is not N' sluice acl add port vm1 dir to-guest prio 4294967296 allow
misused 'missing: mac, ip' sluice guard set port vm1 vlan 10
misused 'missing: bps, burst, pps, pburst' sluice rate set port vm1 dir to-guest
misused 'actions is missing' sluice flow add prio 1
misused 'is not ACT' sluice flow add prio 1 actions fly
misused 'is not ACT' sluice flow add prio 1 actions output
misused 'is not ACT' sluice flow add prio 1 actions push-vlan:4095
misused 'is not ACT' sluice flow add prio 1 actions set-src:10.0.0.0/8
misused 'is not ADDR' sluice flow add prio 1 src 10.0.0.1/8 actions drop
misused 'is not ID: 1 or more' sluice flow del id 0
misused 'cannot be read' sluice -b "$tmp/nothing"
misused 'No such file' sluice apply "$tmp/nothing"

printf '# a comment\n\nport add vm1\n  sluice port add vm2 mtu 1400 # another\n' >"$tmp/batch"
done_ sluice -b "$tmp/batch"
shows '^vm2: .*mtu 1400' sluice port show
printf 'port add vm3\nport add vm1\nport add vm4\n' >"$tmp/batch"
refused 'line 2: ' sluice -b "$tmp/batch"
shows '^vm3:' sluice port show
hides '^vm4:' sluice port show
printf 'port add vm5\nport add\n' >"$tmp/batch"
misused 'line 2: ' sluice -b "$tmp/batch"
batch_input() { echo 'port del vm5' | sluice -b -; }
ok 'a batch from standard input' batch_input
hides '^vm5:' sluice port show

# Everything that can be shown is JSON.
json() { sluice -j "$@" | $python -c 'import json, sys; json.load(sys.stdin)'; }
for what in 'port show' 'uplink show' 'wire show' 'guard show' 'acl show' 'rate show' 'meter show' \
	'flow show' 'worker show' stats version dump 'port show vm1' 'stats vm1'; do
	# shellcheck disable=SC2086
	ok "JSON: $what" json $what
done

# Who reads that depends on its words. (selftests/ctl/json-keys.txt has those of fields of all kinds.)
json_keys() {
	sed -n 's/.*{ "\([a-z0-9/%-]*\)", &codec.*/\1/p; s/.*\.name = "\([a-z0-9/%-]*\)", \.codec.*/\1/p
		s/.*MATCH("\([a-z-]*\)".*/\1/p; s/.*COUNT("\([a-z-]*\)".*/\1/p
		s/.*{ "\([a-z0-9-]*\)", NULL, .*F_NEST.*/\1/p' "$top"/userspace/*.c | LC_ALL=C sort -u
}
keeps_json_keys() {
	json_keys | LC_ALL=C comm -13 - <(grep -v '^#' "$here/json-keys.txt") >"$tmp/gone"
	cat "$tmp/gone"
	[ ! -s "$tmp/gone" ]
}
# A shell's <( ) needs it, and the rig has no udev that makes it.
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ok 'JSON has the keys that it had' keeps_json_keys

# Completion: words of the tool's help, names of what is there.
completes() { # pattern of what is offered, words
	local want=$1
	shift
	(
		set +eu +o pipefail
		# shellcheck source=../../userspace/sluice.bash
		. "$top/userspace/sluice.bash"
		COMP_WORDS=(sluice "$@" '') COMP_CWORD=$(($# + 1)) COMPREPLY=()
		_sluice
		echo "${COMPREPLY[*]}"
		[[ ${COMPREPLY[*]} =~ ^($want)$ ]]
	)
}
done_ ip link add vf0 type dummy
done_ sluice uplink add up0 dev vf0
ok 'completion: modes of volumes' completes 'monitor enforce' volume mode
ok 'completion: modes of workers' completes 'adaptive poll' worker set cpu 0 mode
ok 'completion: no units' completes 'key journal journal-start unrecorded skip-unreadable adopt back forward' volume rekey
ok 'completion: an uplink that is changed' completes '.* up0' uplink set
ok 'completion: what is checked' completes 'vm1 .*up0 interval' check
ok 'completion: an uplink that is held' completes '.*vm1.* up0' port hold
ok 'completion: nouns behind help' completes '.*acl .*wire .*' help
ok 'completion: verbs behind help and a noun' completes 'add set rekey .*' help volume
ok 'completion: no values where their word is to come' completes 'wipe wipe-bps wipe-pause' volume del v1
ok 'completion: how a new volume is wiped' completes 'zero discard secure-erase' volume add v1 wipe
ok 'completion: how one that goes is wiped' completes 'zero discard secure-erase key none' volume del v1 wipe
ok 'completion: words that come several times' completes 'port mac ip untagged vlan .*' guard set port vm1 strict
