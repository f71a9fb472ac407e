#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The engine leaves while a worker does not answer that may have a meter in hand. (By itself: KASAN of User-mode
# Linux takes no module a second time.)
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${UML_BUILD:?run this by selftests/rig/uml-run.sh}"
done_ insmod "$SLUICE_OBJECTS/wedge/sluice_wedge.ko"
done_ sluice worker add cpu 0
done_ sluice meter add 1 pps 1
engine_leaves 1
done_ rmmod sluice_wedge
