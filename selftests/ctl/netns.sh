#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Namespaces keep to themselves, and changes need a capability there.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ip netns add blue
blue() { ip netns exec blue "$@"; }

done_ sluice port add vm1
done_ blue sluice port add vm1
done_ blue sluice port add vm2
hides '^vm2:' sluice port show
shows '^vm2:' blue sluice port show
done_ blue sluice acl add port vm2 dir to-guest prio 1 deny
done_ blue sluice flow add id 1 prio 1 in vm2 actions output:vm1
done_ blue sluice meter add 1 pps 10
hides flow sluice flow show
hides meter sluice meter show
hides vm2 sluice acl show
refused "no port or uplink 'vm2'" sluice wire vm1 vm2
refused "no port or uplink 'vm2'" sluice flow add prio 1 in vm2 actions drop
shows '^flow id 1' blue sluice flow show

# A port that moves takes its policy along, and no flow.
done_ blue sluice rate set port vm2 dir to-guest pps 5
done_ blue ip link set vm2 netns 1
shows '^vm2: dir to-guest pps 5' sluice rate show
shows 'vm2: dir to-guest prio 1 deny' sluice acl show
hides flow blue sluice flow show
hides '^vm2:' blue sluice port show
done_ sluice port del vm2

# Who may what: root of a user namespace of its own rules there, and not over workers.
user() { unshare -U -r -n "$@"; }
if user true 2>/dev/null; then
	refused 'sluice tenant allow' user sluice port add vm9
	refused 'not permitted|permission' user sluice worker add cpu 0
	refused 'not permitted|permission' user sluice worker set cpu 0 mode poll
else
	ok 'own namespace # SKIP no user namespaces' true
fi
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
shows '^vm1:' nobody sluice port show
shows 'from-guest-packets' nobody sluice stats vm1
for what in 'port add vm3' 'port del vm1' 'flow flush' 'acl show' 'flow show' 'guard show' 'meter show' 'rate show'; do
	# shellcheck disable=SC2086
	refused 'CAP_NET_ADMIN' nobody sluice $what
done
refused 'not permitted' nobody sluice worker add cpu 0

# A namespace that dies takes all along.
done_ ip netns del blue
done_ sluice port del vm1
