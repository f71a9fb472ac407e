# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# What the tests of local users have in common: users that nobody gave anything, in namespaces of their own.
# shellcheck source=../ctl/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../ctl/lib.sh"

nobody=65534
be_nobody=(setpriv --reuid "$nobody" --regid "$nobody" --clear-groups --)
as_nobody() { "${be_nobody[@]}" "$@"; }

# A namespace is held by a process in it.
holders=()
tenants_end() {
	local pid
	for pid in ${holders[@]+"${holders[@]}"}; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	# The kernel takes namespaces apart when it likes.
	settled || true
}
settled() {
	local n
	for ((n = 0; n < 200; n++)); do
		[ -n "$(sluice tenant show)$(sluice worker show | grep tenant)" ] || return 0
		nap 0.1
	done
	return 1
}

at_end() { tenants_end; }

# A process of nobody's, by a command that leads it into namespaces: $tenant from now on.
hold() {
	local n
	"${be_nobody[@]}" "$@" sleep 100000 &
	tenant=$!
	holders+=("$tenant")
	for ((n = 0; n < 100; n++)); do
		[ "$(cat "/proc/$tenant/comm")" != sleep ] || return 0
		nap 0.1
	done
	return 1
}
# User and network namespace of nobody's.
tenant_new() { hold unshare -Urn; }
# Another network namespace in the user namespace of a process.
tenant_beside() { hold nsenter -t "$1" -U -n --preserve-credentials -- unshare -n; }
# in_ns PID COMMAND...: as nobody, who is root there.
in_ns() {
	local pid=$1
	shift
	as_nobody nsenter -t "$pid" -U -n --preserve-credentials -- "$@"
}
t() { in_ns "$tenant" "$@"; }

# A state: a port with a list of so many rules.
rules_state() {
	local i
	echo '{ "version": 2, "port": [ { "name": "vm1" } ], "uplink": [], "meter": [], "guard": [], "rate": [], "flow": [], "acl": [ { "port": "vm1", "dir": "to-guest", "prio": 0, "verdict": "deny" }'
	for ((i = 1; i < $1; i++)); do
		echo ", { \"port\": \"vm1\", \"dir\": \"to-guest\", \"prio\": $i, \"verdict\": \"deny\" }"
	done
	echo '] }'
}
