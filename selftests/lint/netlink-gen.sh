#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run the kernel's own netlink code generator on kmod/sluice.yaml.
#
#   netlink-gen.sh write    put the result into the tree
#   netlink-gen.sh diff     say where the tree differs from it, exit 1 if it does
set -euo pipefail

what=${1:-}
case $what in
write|diff) ;;
*) echo 'usage: netlink-gen.sh write|diff' >&2; exit 2 ;;
esac
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
ksrc=$("$here/../rig/ksrc.sh")

tmp=$(mktemp -d "${TMPDIR:-/tmp}/sluice-netlink.XXXXXX")
trap 'rm -rf "$tmp"' EXIT

# The generator names the specification relative to the directory that holds a file MAINTAINERS, and
# looks for the schema one level above the specification.
mkdir -p "$tmp/kmod"
touch "$tmp/MAINTAINERS"
cp "$top/kmod/sluice.yaml" "$tmp/kmod/"
proto=$(sed -n 's/^protocol: *//p' "$top/kmod/sluice.yaml")
cp "$ksrc/Documentation/netlink/${proto:-genetlink}.yaml" "$tmp/"

# Debian's interpreter, because PyYAML comes as its package.
generate() { # mode, --header or --source, file
	mkdir -p "$tmp/$(dirname "$3")"
	(cd "$tmp" && PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$ksrc/tools/net/ynl/ynl-gen-c.py" \
		--spec "$tmp/kmod/sluice.yaml" --mode "$1" "$2" -o "$3")
}
files=(kmod/netlink_gen.h kmod/netlink_gen.c kmod/uapi/linux/sluice.h)
generate kernel --header "${files[0]}"
generate kernel --source "${files[1]}"
generate uapi --header "${files[2]}"

rc=0
for file in "${files[@]}"; do
	if [ "$what" = write ]; then
		mkdir -p "$top/$(dirname "$file")"
		cmp -s "$tmp/$file" "$top/$file" || cp "$tmp/$file" "$top/$file"
	else
		diff -u --label "$file in the tree" --label "$file generated" \
			"$top/$file" "$tmp/$file" || rc=1
	fi
done
exit "$rc"
