#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What a host does when it boots, and when a device comes: each volume by itself, and nothing waits for a disk or a
# key that is not there; guests' labels are none of the host's.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
disk() { # name
	mkdir -p "$config/nullb/$1" && echo 16 >"$config/nullb/$1/size" && echo 1 >"$config/nullb/$1/memory_backed" &&
		echo 1 >"$config/nullb/$1/power"
}
power() { echo "$2" >"$config/nullb/$1/power"; }
# udev's own links go too: other tests have a disk of that name.
trap 'rc=$?; clean; rmdir "$config"/nullb/*boot*; rm -rf /dev/disk; (exit $rc); finish' EXIT
disk boota
disk bootd
disk bootk

cat >"$tmp/state.json" <<'END'
{ "version": 2, "worker": [ { "cpu": 0 } ], "port": [ { "name": "vm1" } ],
  "volume": [ { "name": "a", "dev": "/dev/boota", "size": "1m" },
              { "name": "b", "dev": "/dev/bootb", "size": "1m", "serial": "b" },
              { "name": "c", "dev": "/dev/boota", "start": "1m", "size": "1m", "key": "user:late" },
              { "name": "d", "dev": "/dev/bootd" } ],
  "assign": [ { "volume": "a", "queue": 0, "cpu": 0 }, { "volume": "b", "queue": 0, "cpu": 0 } ] }
END
each() { sluice apply --each "$@" "$tmp/state.json"; }
held() { # text, arguments
	local text=$1
	shift
	exits 3 each "$@" 2>"$tmp/err" && cat "$tmp/err" && grep -qE -- "$text" "$tmp/err"
}
refused 'no such file|not in a keyring' sluice apply "$tmp/state.json"
hides . sluice volume show
hides '^vm1' sluice port show

# --- one disk and one key are missing
ok 'what is there is made' held 'volume b is held back'
ok '... and it is said why' grep -q 'no such file' "$tmp/err"
ok '... of each' grep -q 'volume c is held back' "$tmp/err"
shows '^vm1: ' sluice port show
shows '^a: ' sluice volume show
shows '^d: ' sluice volume show
hides '^[bc]: ' sluice volume show

# --- the disk comes, then the key
disk bootb
done_ each --on /dev/bootb
shows '^b: dev /dev/bootb .* serial b' sluice volume show
hides '^c: ' sluice volume show
ok 'the key is still missing' held 'volume c is held back' --on /dev/boota
add_key() { # description, first byte
	$python - "$@" <<'END'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
first = int(sys.argv[2])
payload = bytes(range(first, first + 64))
sys.exit(libc.syscall(248, b"user", sys.argv[1].encode(), payload, len(payload), libc.syscall(250, 0, -3, 0)) < 0)
END
}
done_ add_key late 0
done_ each --on /dev/boota
shows '^c: .*key user:late' sluice volume show
same() { sluice dump >"$tmp/now.json" && diff "$1" "$tmp/now.json"; }
sluice dump >"$tmp/all.json"
done_ each
ok 'the second time there is nothing to do' same "$tmp/all.json"
done_ sluice apply "$tmp/state.json"
ok 'nor is there for one transaction' same "$tmp/all.json"
done_ each --on /dev/nothing

# --- a disk goes and comes back
power bootb 0
shows '^b: .* dead' sluice volume show b
done_ each
shows '^b: .* dead' sluice volume show b
power bootb 1
done_ each --on /dev/bootb
hides dead sluice volume show b
# Somebody has the one whose disk went.
uuid=5105e000-0000-4000-8000-0000000000b0
if [ -d /sys/class/mdev_bus ] && soon test -d /sys/class/mdev_bus/b; then
	echo $uuid >/sys/class/mdev_bus/b/mdev_supported_types/sluice_mdev-blk/create
	power bootb 0
	power bootb 1
	ok 'its guest is to go first' held 'volume b is held back: its device was pulled out'
	shows '^b: .* dead' sluice volume show b
	echo 1 >/sys/bus/mdev/devices/$uuid/remove
	done_ each
	hides dead sluice volume show b
else
	ok 'its guest is to go first # SKIP no mediated devices here' true
fi

# --- what is refused of the rest keeps no volume back; and what is not declared goes, each by itself
change() { # python that changes s
	$python -c "
import json
s = json.load(open('$tmp/state.json'))
$1
json.dump(s, open('$tmp/changed.json', 'w'))"
}
# Which key the data of one without a record has the volume alone knows, also when its disk is gone.
pulled() { # what is declared of its key; what held() takes, or nothing
	change "s['volume'] += [dict({'name': 'k', 'dev': '/dev/bootk'}, **$1)]"
	cp "$tmp/changed.json" "$tmp/state.json"
	power bootk 0
	power bootk 1
	if [ $# = 1 ]; then
		each --on /dev/bootk
	else
		held "$2" --on /dev/bootk
	fi
}
cp "$tmp/state.json" "$tmp/before.json"
done_ add_key other 64
done_ sluice volume add k dev /dev/bootk key user:late
ok 'with another key it stays' pulled "{'key': 'user:other'}" 'volume k is held back: its key is another'
shows '^k: .*key user:late .* dead' sluice volume show k
cp "$tmp/before.json" "$tmp/state.json"
ok 'without one, too' pulled "{}" 'volume k is held back: its key is another'
shows '^k: .*key user:late .* dead' sluice volume show k
cp "$tmp/before.json" "$tmp/state.json"
ok 'with its own it is made anew' pulled "{'key': 'user:late'}"
hides dead sluice volume show k
cp "$tmp/before.json" "$tmp/state.json"
done_ sluice volume del k

sluice volume del d
change "s['uplink'] = [{'name': 'up0', 'dev': 'lo'}]; s['volume'] = [v for v in s['volume'] if v['name'] != 'c']"
refused 'needs an Ethernet device' sluice apply --each "$tmp/changed.json"
shows '^d: ' sluice volume show
hides '^c: ' sluice volume show
ok 'all of it' each
done_ sluice volume mode enforce
change "s['volume'] = s['volume'][:1]"
done_ sluice apply --each "$tmp/changed.json"
shows '^a: ' sluice volume show
hides '^[bcd]: ' sluice volume show
shows enforce sluice volume mode

# --- no volume comes before the mode that may forbid it, and a group goes after those that were in it
done_ sluice volume mode monitor
change "s['uplink'] = [{'name': 'up0', 'dev': 'lo'}]; s['volume-mode'] = [{'mode': 'enforce'}]"
refused 'needs an Ethernet device' sluice apply --each "$tmp/changed.json"
shows enforce sluice volume mode
done_ sluice volume mode monitor
done_ sluice apply --each --on /dev/boota "$tmp/changed.json"
shows enforce sluice volume mode
done_ sluice volume mode monitor
change "s['volume'] = [{'name': 'a', 'dev': '/dev/boota', 'size': '1m', 'group': 'g1'}]; s['volume-group'] = [{'name': 'g1'}]; del s['assign']"
done_ sluice apply --each "$tmp/changed.json"
change "s['volume'] = [{'name': 'a', 'dev': '/dev/boota', 'size': '1m', 'group': 'g2'}]; s['volume-group'] = [{'name': 'g2'}]; del s['assign']"
done_ sluice apply --each "$tmp/changed.json"
shows ' group g2' sluice volume show a
hides '^g1' sluice volume-group show
change "s['volume'] = s['volume'][:1]; s['volume-group'] = []"
done_ sluice apply --each "$tmp/changed.json"
hides . sluice volume-group show

# --- words
misused 'not understood here' sluice apply --some "$tmp/state.json"
misused 'with --each only' sluice apply --on /dev/boota "$tmp/state.json"
misused 'FILE is missing' sluice apply --each
misused 'FILE is missing' sluice apply

# --- what udev makes of it: in an /etc of its own, as the root of this kernel is read-only
mkdir -p "$tmp/etc/sluice"
cp -a /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.* /etc/udev "$tmp/etc" 2>/dev/null || true
cp "$tmp/state.json" "$tmp/etc/sluice"
# The expansions are the inner shell's.
# shellcheck disable=SC2016
with_etc() { unshare -m sh -c 'mount --bind "$0" /etc && exec "$@"' "$tmp/etc" "$@"; }
shows '^SLUICE_VOLUMES=1$' with_etc sluice udev /dev/bootb
shows '^SLUICE_VOLUMES=1$' with_etc sluice udev /dev/sdx /dev/disk/by-id/x /dev/bootd
ok 'a device that no volume is on' exits 1 with_etc sluice udev /dev/bootx /dev/disk/by-id/x
misused 'is missing' sluice udev
echo nonsense >"$tmp/etc/sluice/bad.json"
shows '^SLUICE_VOLUMES=1$' with_etc sluice udev /dev/bootb
rm "$tmp/etc/sluice/bad.json"
ok 'without any state' exits 1 sluice udev /dev/bootb

# A guest's swap space: with the rule the host knows nothing of it, and makes the volumes. (udev looks at disks of
# some names only.)
rule=$here/../../userspace/udev/61-sluice-volumes.rules
looks() { # device
	with_etc udevadm test "/sys/class/block/$1" 2>&1
}
if command -v udevadm >/dev/null && command -v mkswap >/dev/null; then
	disk nvmeboot
	mkswap -L guests-own /dev/nvmeboot >/dev/null
	echo '{ "version": 2, "volume": [ { "name": "x", "dev": "/dev/nvmeboot" } ] }' >"$tmp/etc/sluice/state.json"
	mkdir -p /run/udev/rules.d
	shows 'ID_FS_TYPE=swap' looks nvmeboot
	shows 'by-label/guests-own' looks nvmeboot
	sed "s|/usr/sbin/sluice|$(command -v sluice)|" "$rule" >/run/udev/rules.d/61-sluice-volumes.rules
	hides 'ID_FS_TYPE=swap|DEVLINKS=.*guests-own' looks nvmeboot
	shows 'SYSTEMD_WANTS=sluice-volumes@nvmeboot.service' looks nvmeboot
	shows 'UDISKS_IGNORE=1' looks nvmeboot
	rm "$tmp/etc/sluice/state.json"
	shows 'ID_FS_TYPE=swap' looks nvmeboot
	hides 'SYSTEMD_WANTS=sluice' looks nvmeboot
	rm /run/udev/rules.d/61-sluice-volumes.rules
else
	ok 'udev makes nothing of a label # SKIP no udevadm or mkswap' true
fi

# --- what udev makes of a netdev: an uplink is declared on it
echo '{ "version": 2, "uplink": [ { "name": "up0", "dev": "vf7" } ] }' >"$tmp/etc/sluice/state.json"
shows '^SLUICE_UPLINKS=1$' with_etc sluice udev vf7
ok 'another netdev' exits 1 with_etc sluice udev vf8
if command -v udevadm >/dev/null; then
	mkdir -p /run/udev/rules.d
	rule=/run/udev/rules.d/81-sluice-uplinks.rules
	sed "s|/usr/sbin/sluice|$(command -v sluice)|" "$here/../../userspace/udev/81-sluice-uplinks.rules" >"$rule"
	ip link add vf7 type dummy
	shows 'SYSTEMD_WANTS=sluice-uplinks@vf7.service' with_etc udevadm test /sys/class/net/vf7
	ip link del vf7
	ip link add vf8 type dummy
	hides 'SYSTEMD_WANTS=sluice' with_etc udevadm test /sys/class/net/vf8
	ip link del vf8
	rm "$rule"
else
	ok 'udev makes its uplinks # SKIP no udevadm' true
fi
