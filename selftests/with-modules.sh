#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In a kernel of the User-mode Linux rig: load the modules, run a command, take them out again. A module
# that cannot leave afterwards is a failure, and what it left behind is kmemleak's to find.
#
#   with-modules.sh COMMAND [ARGS...]
set -euo pipefail

: "${UML_BUILD:?run this by selftests/rig/uml-run.sh}" "${1:?usage: with-modules.sh COMMAND [ARGS...]}"
top=$(cd "$(dirname "$0")/.." && pwd)
objects=$top/build/$(basename "$UML_BUILD")
export PATH=$top/userspace:$PATH SLUICE_OBJECTS=$objects

modules=(kmod/sluice kmod/sluice_net kmod/sluice_blk vhost-vendor/sluice_vhost vhost-vendor/sluice_vdpa
	vfio-mdev/sluice_mdev)
# Doorbells are mapped only if asked for, and tests try both ways.
declare -A args=([vfio-mdev/sluice_mdev]=doorbell_map=1)
# A local user was there first: the kernel's best xts(aes) works in a thread that he shares. See abuse/cipher.
python3 - 2>/dev/null <<'END' || true
import socket
socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).bind(("skcipher", "cryptd(xts(aes))"))
END
for module in "${modules[@]}"; do
	insmod "$objects/$module.ko" ${args[$module]:+"${args[$module]}"}
done

rc=0
"$@" || rc=$?

# A module of a test's own stands on ours, or below them.
for name in sluice_wedge sluice_mockvf sluice_mockpath sluice_mockdisk sluice_mockram nbd; do
	if [ -d "/sys/module/$name" ]; then
		rmmod "$name"
	fi
done
for ((i = ${#modules[@]} - 1; i >= 0; i--)); do
	name=${modules[i]##*/}
	# A test of unloading may have done it already.
	[ -d "/sys/module/$name" ] || continue
	if ! rmmod "$name"; then
		echo "not ok - module $name can be removed after $1"
		rc=1
	fi
done
exit "$rc"
