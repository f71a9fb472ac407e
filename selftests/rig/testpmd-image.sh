#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Makes (or finds in the cache) an initramfs image to be put behind a guest's:
# DPDK's testpmd with its virtio driver, and the modules that hand it a device.
#
#   testpmd-image.sh KVER       prints the path, or says why and exits with 4
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=host-lib.sh
. "$here/host-lib.sh"

ver=$1
from=$("$here/unpack.sh" dpdk-dev)
out=$RIG_CACHE/testpmd-$ver-$({ echo "$from"; cat "${BASH_SOURCE[0]}"; } | sha256sum | cut -c1-12).cpio.gz
if [ -s "$out" ]; then
	echo "$out"
	exit
fi

tmp=$(mktemp -d "$RIG_CACHE/testpmd.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
mkdir -p "$root"/{pmd,var/run}
for prefix in "$from" ""; do
	prog=$prefix/usr/bin/dpdk-testpmd
	[ ! -x "$prog" ] || break
done
install -D "$prog" "$root/bin/dpdk-testpmd"
pmds=$(find "$from/usr/lib" /usr/lib -type d -name 'pmds-*' 2>/dev/null | head -n 1)
# It is linked to the buses that these need, and takes none of them twice.
cp -L "$pmds"/librte_{net_virtio,mempool_ring}.so "$root/pmd/"
# What was unpacked lies in the guest where it would have been installed.
while read -r file; do
	install -D "$file" "$root${file#"$from"}"
done < <(LD_LIBRARY_PATH=$(echo "$from"/usr/lib/*-linux-gnu) ldd "$root/bin/dpdk-testpmd" "$root"/pmd/* |
	 grep -o ' /[^ ]* (\|^[[:space:]]*/[^ ]* (' | grep -o '/[^ ]*' | sort -u)
n=0
while read -r file; do
	rig_module_cat "$file" >"$root/$n.ko"
	n=$((n + 1))
done < <(rig_module_files "$ver" uio_pci_generic)
(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0) | gzip -1 >"$tmp/cpio"
mv "$tmp/cpio" "$out"
echo "$out"
