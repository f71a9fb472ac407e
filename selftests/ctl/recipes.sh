#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Documentation/recipes.md, from the page itself: each command of each recipe, on a host with nothing configured, and
# what its page's hidden lines say is true afterwards. It takes the modules out: a kernel of its own.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${SLUICE_OBJECTS:?run this by selftests/with-modules.sh}"
mkdir -p "$tmp/recipes" "$tmp/bin" "$tmp/etc" "$tmp/root"
cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/protocols /etc/services /etc/ld.so.* "$tmp/etc" 2>/dev/null || true
export CALLS=$tmp/calls PATH=$tmp/bin:$PATH
: >"$CALLS"
# Stand-ins: there is no systemd here, and modules lie where they were built.
for name in systemctl journalctl; do
	# The expansion is the inner shell's.
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "%s $*" >>"$CALLS"\n' "$name" >"$tmp/bin/$name"
done
# Once gone they stay: KASAN takes what is loaded in their place for what they had (ctl/engine).
cat >"$tmp/bin/modprobe" <<'END'
#!/bin/bash
echo "modprobe $*" >>"$CALLS"
[ "$1" != -r ] || [ -z "${MAY_GO:-}" ] || rmmod "${@:2}"
END
chmod +x "$tmp"/bin/*

recipes=$tmp/recipes
$python "$here/recipes.py" "$here/../../Documentation/recipes.md" "$recipes"
# Its own /etc and /root: those of this kernel are read-only, and shared with others.
alone() {
	# shellcheck disable=SC2016
	unshare -m bash -c 'mount --bind "$0/etc" /etc && mount --bind "$0/root" /root && cd /root && exec "$@"' "$tmp" "$@"
}
begins() {
	ip link add enp1s0f0v0 type veth peer name wire0 && ip link set wire0 up
}
ends() {
	ip link del br0 2>/dev/null || true
	ip link del enp1s0f0v0 2>/dev/null || true
	[ ! -d /sys/module/sluice ] || whole worker volume volume-group <<<'{}' | sluice apply -f - >/dev/null
}
for title in "$recipes"/*.title; do
	name=$(<"$title")
	[ -s "${title%.title}.sh" ] || continue
	ok "$name: from the beginning" begins
	[ "$name" != 'Remove everything' ] || export MAY_GO=1
	ok "$name" alone bash -euo pipefail "${title%.title}.sh"
	while IFS= read -r line; do
		ok "$name: $line" alone bash -c "$line"
	done <"${title%.title}.then"
	ok "$name: and away with it" ends
	rm -rf "$tmp/etc/sluice" "$tmp"/root/*
done
ok 'a recipe changed the modules' grep -q 'modprobe -a sluice_net' "$CALLS"
