#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the vhost tests inside a test kernel (as the script of rig/uml-run.sh).
#
#   run.sh [TEST...]      all of them, or those named
#
#   VHOST_NODE   node to test (default /dev/vhost-sluice; /dev/vhost-net tests the tests)
#   SLUICE_KO    directory with sluice.ko, sluice_net.ko, sluice_vhost.ko, which are loaded first
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
export VHOST_NODE=${VHOST_NODE:-/dev/vhost-sluice}

modules=()
if [ "$VHOST_NODE" = /dev/vhost-sluice ]; then
	for m in sluice sluice_net sluice_vhost; do
		insmod "${SLUICE_KO:?directory with the modules}/$m.ko"
		modules=("$m" "${modules[@]}")
	done
fi
[ -c "$VHOST_NODE" ] || { echo "run.sh: no $VHOST_NODE" >&2; exit 1; }

tests=("$@")
[ $# -gt 0 ] || tests=(abi data hostile iotlb life log)
failed=0
for t in "${tests[@]}"; do
	echo "# vhost/$t on $VHOST_NODE"
	"out/$t" || failed=$((failed + 1))
done
for m in "${modules[@]}"; do
	rmmod "$m" || { echo "not ok - rmmod $m"; failed=$((failed + 1)); }
done
exit $((failed > 0))
