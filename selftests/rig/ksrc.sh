#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Unpack (once) the source of the kernel that the rigs and the checks use and print where it lies.
# It is cached outside the tree, keyed by the source's version and by what is changed in it: what User-mode
# Linux is slow at.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
patches=("$here"/uml-*.patch)

cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}
tarball=${SLUICE_KSRC:-/usr/src/linux-source-6.12.tar.xz}
[ -r "$tarball" ] || { echo "ksrc.sh: $tarball is missing: run selftests/rig/deps.sh" >&2; exit 1; }

key=$( (stat -Lc %s "$tarball"; dpkg-query -Wf '${Version}' linux-source-6.12 2>/dev/null || true
	cat "${patches[@]}") | sha256sum | cut -c1-12)
src=$cache/src-$key

mkdir -p "$cache"
exec 8>"$cache/src.lock"
flock 8
if [ ! -e "$src/.done" ]; then
	rm -rf "$src"
	mkdir -p "$src"
	tar xf "$tarball" -C "$src" --strip-components=1
	for patch in "${patches[@]}"; do
		patch -s -d "$src" -p1 <"$patch" >&2
	done
	touch "$src/.done"
fi
echo "$src"
