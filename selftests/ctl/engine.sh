#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Without an engine ports hold: what sluice.ko has by itself can be changed, policy is refused with advice.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${UML_BUILD:?run this by selftests/rig/uml-run.sh}"
engine=$here/../../build/$(basename "$UML_BUILD")/kmod/sluice_net.ko
done_ rmmod sluice_net
hides engine sluice version
done_ sluice port add vm1
shows '^vm1: .* held' sluice port show
done_ sluice port add vm2
done_ sluice worker add cpu 0
says() { exits 1 sluice check >"$tmp/check" && grep -q -- "next: $1$" "$tmp/check"; }
ok 'check says what is to be loaded' says 'modprobe sluice_net'
advice='no packet engine loaded: modprobe sluice_net'
refused "$advice" sluice wire vm1 vm2
refused "$advice" sluice acl add port vm1 dir to-guest prio 1 deny
refused "$advice" sluice guard set port vm1 mac 52:54:00:51:20:01
refused "$advice" sluice rate set port vm1 dir to-guest pps 1
refused "$advice" sluice meter add 1 pps 1
refused "$advice" sluice flow add prio 1 actions drop
refused "$advice" sluice flow flush
for what in acl guard rate meter flow wire; do
	hides . sluice "$what" show
done
state() { sluice apply - <<<'{ "port": [ { "name": "vm3" } ], "meter": [ { "id": 1, "pps": 5 } ] }'; }
refused "set meter .*$advice" state
hides vm3 sluice port show
done_ sluice dump

# Without any module the tool says what to load, in words that modprobe takes as they are.
unloaded() {
	clean
	rmmod sluice_mdev sluice_vdpa sluice_vhost
	[ ! -d /sys/module/sluice_net ] || rmmod sluice_net
	rmmod sluice_blk sluice
}
without_modules() {
	done_ unloaded
	refused 'modprobe -a sluice_net sluice_blk$' sluice port show
	ok 'check, too' says 'modprobe -a sluice_net sluice_blk sluice_vhost'
	# There is nothing left to clean.
	clean() { true; }
}

# KASAN of this architecture remembers a module's globals after it left, and calls what is loaded in
# their place an error: an engine can come back only where it does not look.
if [ "${RIG_FLAVOUR:-}" = debug ]; then
	ok 'an engine that comes back # SKIP KASAN cannot tell' true
	without_modules
	exit
fi

# It adopts what is there, and stays as long as there are ports.
done_ insmod "$engine"
hides held sluice port show
shows 'engine sluice_net' sluice version
done_ sluice wire vm1 vm2
ok 'not removed while there are ports' exits 1 rmmod sluice_net
done_ sluice port del vm1
done_ sluice port del vm2
# Rules of a namespace without ports do not hold it.
done_ sluice meter add 1 pps 1
done_ rmmod sluice_net
done_ insmod "$engine"
hides meter sluice meter show
without_modules
