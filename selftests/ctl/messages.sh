#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each version's messages are understood as they were: golden/*.messages, as the tool of that version sent them.
#
# GOLDEN_TOOL=TOOL, with GOLDEN_LIST=LIST, records them instead: see Documentation/testing.md.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
# What messages.list speaks of: VFs, a disk, a journal. Keys are golden.py's.
world() {
	local dev
	clean
	ip link add vf0 type dummy
	ip link add vf1 type dummy
	for dev in disk journal; do
		mkdir "$config/nullb/$dev"
		echo 64 >"$config/nullb/$dev/size"
		echo 1 >"$config/nullb/$dev/memory_backed"
		echo 1 >"$config/nullb/$dev/power"
	done
}
end_of_world() {
	clean
	rmdir "$config/nullb/disk" "$config/nullb/journal"
}
# shellcheck disable=SC2154
golden() { (cd "$here/golden" && "$python" ../golden.py "$@"); }

if [ -n "${GOLDEN_TOOL:-}" ]; then
	trap end_of_world EXIT
	world
	golden record "$GOLDEN_TOOL" "${GOLDEN_LIST:-messages.list}"
	exit
fi
for file in "$here"/golden/*.messages; do
	world
	version=$(basename "$file" .messages)
	golden replay "$file" >"$tmp/tap" || true
	ok "messages of version $version" grep -q '^1\.\.' "$tmp/tap"
	ok 'each had the effect that it had' sh -c "! grep -A 9 '^not ok' '$tmp/tap'"
	end_of_world
done
