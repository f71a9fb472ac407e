#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Build (once) a User-mode Linux kernel and print where it lies.
#
#   uml-build.sh native|debug
#
# The result is cached outside the tree, keyed by the kernel source's version, the configuration and
# the compiler: whatever changes one of them makes a new kernel, nothing else does.
set -euo pipefail

flavour=${1:?usage: uml-build.sh native|debug}
here=$(cd "$(dirname "$0")" && pwd)
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}

fragments=("$here/uml.config")
case $flavour in
native) fragments+=("$here/uml-native.config") ;;
debug) fragments+=("$here/uml-debug.config") ;;
*) echo "uml-build.sh: no flavour '$flavour': native or debug" >&2; exit 2 ;;
esac

src=$("$here/ksrc.sh")
srckey=${src##*/src-}
key=$( (echo "$srckey"; cat "${fragments[@]}"; gcc -dumpfullversion) | sha256sum | cut -c1-12)
out=$cache/uml-$flavour-$key

mkdir -p "$cache"
# Who has a kernel does not wait for one of another configuration.
if [ ! -e "$out/.done" ]; then
	exec 9>"$cache/uml-$flavour.lock"
	flock 9
fi
if [ ! -e "$out/.done" ]; then
	{
		rm -rf "$out"
		mkdir -p "$out"
		make -s -C "$src" O="$out" ARCH=um defconfig
		(cd "$out" && KCONFIG_CONFIG=.config ARCH=um "$src/scripts/kconfig/merge_config.sh" \
			-m -O "$out" .config "${fragments[@]}" >"$out/merge.log")
		make -s -C "$src" O="$out" ARCH=um olddefconfig
		echo "building the $flavour User-mode Linux kernel (once; about a quarter of an hour on two cores)"
		make -s -C "$src" O="$out" ARCH=um -j"$(nproc)" linux modules
		make -s -C "$src" O="$out" ARCH=um modules_prepare
		touch "$out/.done"
	} >&2 || { echo "uml-build.sh: the $flavour kernel did not build" >&2; exit 1; }
fi
# For hosts with more registers than this kernel knows: see the source.
if [ "$here/uml-xstate.c" -nt "$out/xstate.so" ]; then
	gcc -shared -fPIC -O2 -o "$out/xstate.so.new" "$here/uml-xstate.c" -ldl
	mv "$out/xstate.so.new" "$out/xstate.so"
fi
echo "$out"
