#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does dkms.conf work? Builds and installs with DKMS into a temporary place, for the kernel whose headers
# are installed, and asks for a kernel outside the range. Prints TAP.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
skip() { echo "1..0 # SKIP $*"; exit 4; }
command -v dkms >/dev/null || skip 'dkms is not installed'

# DKMS makes a signing key below /var/lib/dkms, whatever directories it is given: let it do that in a
# mount namespace that goes away.
if [ -z "${SLUICE_DKMS_NS:-}" ]; then
	unshare -m true 2>/dev/null || skip 'no mount namespace for DKMS: not root'
	SLUICE_DKMS_NS=y exec unshare -m "$0"
fi
mkdir -p /var/lib/dkms
mount -t tmpfs tmpfs /var/lib/dkms

conf() { sed -n "s/^$1=\"\(.*\)\"/\1/p" "$top/dkms.conf"; }
version=$(conf PACKAGE_VERSION)
kernel=$(make -s -C "$top" kernelrelease)
[ -n "$kernel" ] || skip 'no kernel headers are installed'

tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-dkms.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
export TMPDIR=$tmp
source=$tmp/src/sluice-$version
mkdir -p "$source" "$tmp/dkms" "$tmp/modules/$kernel"
(cd "$top" && find Makefile Kbuild dkms.conf LICENSE kmod vhost-vendor vfio-mdev -type f \
	'(' -name Makefile -o -name Kbuild -o -name dkms.conf -o -name LICENSE -o -name '*.[ch]' ')' \
	! -name '*.mod.c' -print0 | cpio -0 -pdm --quiet "$source")

count=0
failed=0
result() { # exit code, name; what was said is in $tmp/log
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count $2"
	else
		echo "not ok $count $2"
		sed 's/^/# /' "$tmp/log"
		find "$tmp/dkms" -name make.log -exec tail -n 30 {} + | sed 's/^/# /'
		failed=1
	fi
}
run() { # name, DKMS action and options
	local name=$1 rc=0
	shift
	dkms "$@" -m sluice -v "$version" --dkmstree "$tmp/dkms" --sourcetree "$tmp/src" \
		--installtree "$tmp/modules" >"$tmp/log" 2>&1 || rc=$?
	result "$rc" "$name"
}

echo 'TAP version 13'
echo '1..6'
run 'dkms add' add
run "dkms build for $kernel" build -k "$kernel"
run 'dkms install' install -k "$kernel" --no-depmod

rc=0
modules=(sluice sluice_net sluice_vhost sluice_blk)
# As dkms.conf has it.
grep -qs '^CONFIG_VFIO_MDEV=' "/lib/modules/$kernel/build/.config" && modules+=(sluice_mdev)
grep -qs '^CONFIG_VDPA=' "/lib/modules/$kernel/build/.config" && modules+=(sluice_vdpa)
for module in "${modules[@]}"; do
	find "$tmp/modules" -name "$module.ko*" | grep . || rc=1
done >"$tmp/log"
result "$rc" 'all modules are installed'

# 77 is how DKMS says that a kernel is outside the range of dkms.conf.
rc=0
dkms build -m sluice -v "$version" -k 6.11.0-outside --kernelsourcedir "/lib/modules/$kernel/build" \
	--dkmstree "$tmp/dkms" --sourcetree "$tmp/src" >"$tmp/log" 2>&1 || rc=$?
[ "$rc" != 77 ] || rc=0
result "$rc" 'a kernel below the range is refused'
run 'dkms remove' remove --all --no-depmod
exit "$failed"
