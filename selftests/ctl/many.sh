#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Many rules: dumps go in pages, say when they are not of one moment, and nothing takes long.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
count=${CTL_FLOWS:-20000}

done_ sluice port add vm1
done_ sluice port add vm2
# shellcheck disable=SC2154
$python - "$count" >"$tmp/many.json" <<'END'
import json, sys
flows = [{"prio": 10, "in": "vm1", "dst": f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "actions": ["output:vm2"]}
         for i in range(int(sys.argv[1]))]
json.dump({"version": 2, "port": [{"name": "vm1"}, {"name": "vm2"}], "flow": flows}, sys.stdout)
END
within() { # seconds, command
	local end=$((SECONDS + $1))
	shift
	"$@" && [ "$SECONDS" -le "$end" ]
}
ok "$count flows in one transaction" within 60 sluice apply "$tmp/many.json"
all_there() { [ "$(sluice flow show | wc -l)" = "$count" ]; }
ok 'all of them are shown' within 60 all_there
ok 'nothing to do the second time' within 60 sluice apply "$tmp/many.json"

# shellcheck disable=SC2154
$python "$here/many.py" "$count" || rc=$?
ok 'pages of a dump' test "${rc:-0}" = 0

# A thousand ports' worth of answers.
for ((i = 0; i < 100; i++)); do
	echo "port add p$i queues 16"
	echo "acl add port p$i dir to-guest prio 1 deny"
done >"$tmp/ports"
done_ sluice -b "$tmp/ports"
ports() { [ "$(sluice port show | grep -c '^p[0-9]*:')" = 100 ]; }
ok '100 ports of 32 queues are shown' ports
rules() { [ "$(sluice acl show | grep -c 'prio 1 deny')" = 100 ]; }
ok 'and the rules of each' rules
stats() { [ "$(sluice stats | grep -c '^p[0-9]*:')" = 100 ]; }
ok 'and their counters' stats
none() { whole <<<'{}' | sluice apply -; }
ok 'all removed at once' within 120 none
hides . sluice flow show
