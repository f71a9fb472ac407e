#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Messages that no tool sends: refused, with words, and nothing is left behind.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

done_ sluice port add vm1
rc=0
# shellcheck disable=SC2154
$python "$here/malformed.py" || rc=$?
ok 'all of malformed.py' test "$rc" = 0
shows '^vm1:' sluice port show
hides '^(vm2|x)' sluice port show
hides flow sluice flow show
