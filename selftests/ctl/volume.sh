#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Volumes: made, shown as they were said, changed, refused where it makes no sense, declared, removed; keys
# are handed over and never shown.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Two devices of 64 MiB, with blocks of 512 and of 4096 bytes.
config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
device() { # name, bytes of a block
	mkdir "$config/nullb/$1"
	echo 64 >"$config/nullb/$1/size"
	echo "$2" >"$config/nullb/$1/blocksize"
	echo 1 >"$config/nullb/$1/memory_backed"
	echo 1 >"$config/nullb/$1/power"
}
device vol512 512
device vol4k 4096
dev=/dev/vol512 big=/dev/vol4k
# The devices go when the volumes on them are gone.
trap 'rc=$?; clean; rmdir "$config"/nullb/vol*; (exit $rc); finish' EXIT

# Keys of printable characters, so that whoever showed one would be found whichever way it was shown.
key32=k1k2k3k4k5k6k7k8-is-a-secret-key
key64=abcdefghijklmnopqrstuvwxyz012345ABCDEFGHIJKLMNOPQRSTUVWXYZ678901
hex() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n'; }
# Whatever sort of key, as a tool that knows nothing of volumes would add it.
add_key() { # type, description, payload
	$python - "$@" <<'END'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
ring = libc.syscall(250, 0, -3, 0)
kind, name, payload = (arg.encode() for arg in sys.argv[1:])
sys.exit(libc.syscall(248, kind, name, payload, len(payload), ring) < 0)
END
}
from() { # text for standard input, command
	local text=$1
	shift
	printf %s "$text" | "$@"
}

sluice monitor >"$tmp/events" &
monitor=$!

# --- made, shown, removed
hides . sluice volume show
done_ sluice volume add v1 dev $dev start 1m size 8m queues 2
shows "^v1: dev $dev start 1m size 8m block-size 512 queues 2" sluice volume show v1
shows 'queue 1 cpu [0-9]+' sluice volume show
shows 'op write-zeroes requests 0 bytes 0 errors 0' sluice -s volume show v1
shows 'throttled-reads 0 throttled-writes 0 busy-ns 0' sluice -s volume show
shows 'integrity-errors 0' sluice -s volume show v1
hides 'attached|claimed|key|cipher' sluice volume show
done_ sluice volume add v2 dev $dev start 20480s size 1m ro block-size 4096
shows '^v2: .*start 10m size 1m ro block-size 4096 queues 1' sluice volume show v2
done_ sluice volume add v3 dev $big
shows '^v3: .*start 0 size 64m block-size 4096' sluice volume show v3
refused "no volume 'v4'" sluice volume show v4
refused "no volume 'v4'" sluice volume del v4
refused "no volume 'v4'" sluice volume set v4 size 1m
refused 'volume of that name' sluice volume add v1 dev $dev start 30m size 1m

# --- devices
refused 'no such file' sluice volume add v4 dev /dev/nothing
refused 'not a block device' sluice volume add v4 dev /dev/null
misused 'is not /dev' sluice volume add v4 dev vol512
refused 'overlaps' sluice volume add v4 dev $dev start 8m size 2m
refused 'overlaps' sluice volume add v4 dev $dev start 1m size 512
refused 'overlaps' sluice volume add v4 dev $dev
refused 'overlaps' sluice volume add v4 dev $dev start 10m size 512
done_ sluice volume add v4 dev $dev start 10m size 1m ro
done_ sluice volume del v4

# --- extents
refused 'has 131072 sectors' sluice volume add v4 dev $dev start 64m
refused 'has 131072 sectors' sluice volume add v4 dev $dev start 60m size 5m
refused 'multiples of a block, 4096' sluice volume add v4 dev $dev start 20m size 512 block-size 4096
refused 'multiples of a block, 4096' sluice volume add v4 dev $dev start 40961s size 4096 block-size 4096
misused 'is not N' sluice volume add v4 dev $dev start 20m size 1000
misused 'is not N' sluice volume add v4 dev $dev size 16777216t
refused '512 or 4096' sluice volume add v4 dev $dev start 20m size 1m block-size 1024
done_ sluice volume del v3
refused 'no less than 4096' sluice volume add v3 dev $big block-size 512
refused '[Rr]ange|integer' sluice volume add v4 dev $dev start 20m size 1m queues 17
refused '[Rr]ange|integer' sluice volume add v4 dev $dev start 20m size 1m queues 0

# Somebody else has the device.
done_ dmsetup create held --table "0 2048 linear $big 0"
refused 'in use' sluice volume add v3 dev $big
done_ dmsetup remove held
done_ sluice volume add v3 dev $big
refused '' dmsetup create held --table "0 2048 linear $big 0"
done_ sluice volume del v3

# One opening for all that write, one for all that only read; and where the kernel sees to it nobody else writes.
done_ dmsetup create held --table "0 131072 linear $big 0"
shared=/dev/dm-$(dmsetup info -c --noheadings -o minor held)
opened() { [ "$(dmsetup info -c --noheadings -o open held)" -eq "$1" ]; }
writes() { dd if=/dev/zero of="$shared" bs=4096 count=1 seek=8000 conv=notrunc; }
done_ sluice volume add s1 dev "$shared" size 1m
done_ sluice volume add s2 dev "$shared" start 1m size 1m
ok 'two volumes, one opening' opened 1
if grep -qw bdev_allow_write_mounted=0 /proc/cmdline; then
	ok 'nobody else writes to it' exits 1 writes
else
	ok 'nobody else writes to it # SKIP this kernel lets everybody (bdev_allow_write_mounted)' true
fi
done_ sluice volume add s3 dev "$shared" start 2m size 1m ro
ok 'one that is only read has another' opened 2
done_ sluice volume del s1
ok 'it stays for the other' opened 2
done_ sluice volume add s1 dev "$shared" size 1m
done_ sluice volume del s1
done_ sluice volume del s2
ok 'the last closes it' opened 1
ok 'anybody may write' writes
done_ sluice volume add s2 dev "$shared" start 1m size 1m
done_ sluice volume del s3
done_ sluice volume del s2
ok 'all are closed' opened 0
done_ dmsetup remove held

# --- names
long=$(printf 'x%.0s' {1..32})
misused 'is not VOLUME' sluice volume add a/b dev $dev
misused 'is not VOLUME' sluice volume add 'a b' dev $dev
misused 'is not VOLUME' sluice volume add "$long" dev $dev
raw() { # name: the kernel's own opinion
	(cd "$here" && $python - "$1" "$dev") <<'END'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, ".")
import nl
spec, sock = nl.Spec(), nl.Socket()
try:
    sock.request(spec.cmd("volume-add"), nl.text(spec.attr("volume", "name"), sys.argv[1]) +
                 nl.text(spec.attr("volume", "path"), sys.argv[2]))
except nl.Refusal as refusal:
    sys.exit(f"sluice: {refusal.words}")
END
}
for name in '' a/b 'a b' $'a\tb' $'a\x7f'; do
	ok "the kernel refuses the name '$name'" refuses 'printable characters' raw "$name"
done
ok 'the kernel refuses a long name' refuses '' raw "$long"
for name in . .. driver module power subsystem uevent; do
	refused 'sysfs has that name' sluice volume add $name dev $dev start 20m size 1m
done
done_ sluice volume add "${long%x}" dev $dev start 20m size 1m
shows "^${long%x}: " sluice volume show "${long%x}"
done_ sluice volume del "${long%x}"

# --- serials: what the guest knows it by, and nothing of what the host calls it
alike=customer-with-a-long
done_ sluice volume add $alike-1 dev $dev start 20m size 1m
done_ sluice volume add $alike-2 dev $dev start 21m size 1m
serial() { sluice -j volume show "$1" | $python -c 'import json, sys; print(json.load(sys.stdin)[0]["serial"])'; }
one=$(serial $alike-1) two=$(serial $alike-2)
ok 'names that begin alike have serials of their own' test "$one" != "$two"
own_kind() { [[ $one =~ ^slv-[0-9a-f]{16}$ ]]; }
ok 'made of the name, and nothing of it is in there' own_kind
done_ sluice volume del $alike-1
refused "volume $alike-2 has that serial" sluice volume add v6 dev $dev start 20m size 1m serial "$two"
done_ sluice volume add $alike-1 dev $dev start 20m size 1m
ok 'the same each time' test "$one" = "$(serial $alike-1)"
done_ sluice volume set $alike-1 serial web-root
shows ' serial web-root$' sluice volume show $alike-1
done_ sluice volume set $alike-1 serial web-root
refused "volume $alike-1 has that serial" sluice volume set $alike-2 serial web-root
refused "volume $alike-1 has that serial" sluice volume add v6 dev $dev start 22m size 1m serial web-root
misused 'is not SERIAL' sluice volume set $alike-2 serial 'a b'
misused 'is not SERIAL' sluice volume set $alike-2 serial 123456789012345678901
refused . sluice volume set $alike-2 serial after size 1t
hides ' serial after' sluice volume show $alike-2
done_ sluice volume set $alike-2 serial 12345678901234567890
done_ sluice volume del $alike-1
# In a state what comes comes before anything goes: its serial is free in the next one, as its extent is.
moved() { # serial of v6
	$python - "$1" "$alike-2" <<'END' | sluice apply -
import json, subprocess, sys
s = json.loads(subprocess.check_output(["sluice", "dump"]))
v = [x for x in s["volume"] if x["name"] not in (sys.argv[2], "v6")]
v.append({"name": "v6", "dev": "/dev/vol512", "start": "22m", "size": "1m", "serial": sys.argv[1]})
print(json.dumps({"version": 2, "volume": v}))
END
}
refused "volume $alike-2 has that serial" moved 12345678901234567890
done_ sluice volume del $alike-2
ok 'it is free when that is gone' moved 12345678901234567890
shows ' serial 12345678901234567890$' sluice volume show v6
ok 'a declared serial changes' moved other
shows ' serial other$' sluice volume show v6
done_ sluice volume del v6

# --- limits and size
done_ sluice volume set v1 read-iops 1000 read-bps 20m write-iops 500 write-iops-burst 7
shows ' read-iops 1k read-iops-burst 100 read-bps 20m read-bps-burst 2m write-iops 500 write-iops-burst 7' \
	sluice volume show v1
done_ sluice volume set v1 write-iops-burst 9
shows ' write-iops 500 write-iops-burst 9' sluice volume show v1
done_ sluice volume set v1 read-iops 0 write-iops 600
shows ' read-bps 20m read-bps-burst 2m write-iops 600 write-iops-burst 60' sluice volume show v1
hides 'read-iops' sluice volume show v1
refused 'burst means nothing' sluice volume set v1 write-bps-burst 5
# Credits, and requests by their size.
done_ sluice volume set v1 read-iops 100 read-iops-burst 5400k read-iops-peak 3k iops-unit 256k
shows ' read-iops 100 read-iops-burst 5400k read-iops-peak 3k .* iops-unit 256k' sluice volume show v1
done_ sluice volume set v1 iops-unit 0 read-iops 200
shows ' read-iops 200 read-iops-burst 20 read-bps' sluice volume show v1
hides 'peak|unit' sluice volume show v1
done_ sluice volume set v1 read-iops-peak 300
shows ' read-iops 200 read-iops-burst 20 read-iops-peak 300' sluice volume show v1
done_ sluice volume set v1 read-iops-peak 0
hides 'peak' sluice volume show v1
refused 'peak means nothing' sluice volume set v1 write-bps-peak 5
refused 'peak below its limit' sluice volume set v1 read-iops-peak 199
done_ sluice volume set v1 read-iops 0
misused "'sluice help volume set' says what there is to say" sluice volume set v1
done_ sluice volume add v5 dev $dev start 20m size 1m write-bps 10m write-bps-burst 1m
shows ' write-bps 10m write-bps-burst 1m' sluice volume show v5
done_ sluice volume del v5
# --- groups
done_ sluice volume-group add vm1 write-bps 50m read-iops 200 read-iops-burst 1000 read-iops-peak 400 iops-unit 16k
shows '^vm1: read-iops 200 read-iops-burst 1k read-iops-peak 400 write-bps 50m write-bps-burst 5m iops-unit 16k volumes 0$' \
	sluice volume-group show
refused 'group of that name' sluice volume-group add vm1
refused 'printable characters' sluice volume-group add none
refused "no group 'nix'" sluice volume set v1 group nix
refused "no group 'nix'" sluice volume-group show nix
refused "no group 'nix'" sluice volume-group del nix
refused "no group 'nix'" sluice volume add v5 dev $dev start 20m size 1m group nix
done_ sluice volume add v5 dev $dev start 20m size 1m group vm1
done_ sluice volume set v1 group vm1 read-bps 30m
shows '^v1: .* read-bps 30m .*group vm1' sluice volume show v1
shows ' volumes 2$' sluice volume-group show vm1
refused 'volumes are in it' sluice volume-group del vm1
refused 'burst means nothing' sluice volume-group set vm1 write-iops-burst 5
done_ sluice volume-group set vm1 write-bps 0 write-iops 70
shows '^vm1: .* write-iops 70 write-iops-burst 7 iops-unit 16k volumes 2$' sluice volume-group show vm1
hides 'write-bps' sluice volume-group show vm1
done_ sluice volume-group add vm2
done_ sluice volume set v5 group vm2
shows ' volumes 1$' sluice volume-group show vm1
done_ sluice volume set v1 group none
hides 'group' sluice volume show v1
done_ sluice volume-group del vm1
# --- what is guaranteed of a group's limit
done_ sluice volume-group add vm1 read-iops 100 write-bps 1m
refused "volume v1: read-iops-min needs its group's limit" sluice volume set v1 read-iops-min 10
refused "volume v1: read-iops-min needs its group's limit" sluice volume set v1 group vm2 read-iops-min 10
refused "volume v1: write-iops-min needs its group's limit" sluice volume set v1 group vm1 write-iops-min 10
hides 'group|-min' sluice volume show v1
done_ sluice volume set v1 group vm1 read-iops-min 60 write-bps-min 400k
shows '^v1: .* read-iops-min 60 write-bps-min 400k group vm1' sluice volume show v1
refused 'group vm1: more than its read-iops is guaranteed' \
	sluice volume add v6 dev $dev start 22m size 1m group vm1 read-iops-min 41
hides '^v6' sluice volume show
refused 'group vm1: more than its read-iops' sluice volume set v5 group vm1 read-iops-min 41 size 2m
shows '^v5: .* size 1m .* group vm2' sluice volume show v5
done_ sluice volume set v5 group vm1 read-iops-min 40
refused 'group vm1: more than its read-iops' sluice volume set v1 read-iops-min 61
refused 'group vm1: more than its read-iops' sluice volume-group set vm1 read-iops 99 write-bps 2m
refused "needs its group's limit" sluice volume-group set vm1 write-bps 0
shows '^vm1: read-iops 100 read-iops-burst 10 write-bps 1m ' sluice volume-group show vm1
refused "volume v1: .*-min needs its group's limit" sluice volume set v1 group none
refused "volume v1: .*-min needs its group's limit" sluice volume set v1 group vm2
shows '^v1: .* read-iops-min 60 write-bps-min 400k group vm1' sluice volume show v1
refused "than the volume's own limit" sluice volume set v5 read-iops 39
done_ sluice volume set v5 read-iops 50
refused "than the volume's own limit" sluice volume set v5 read-iops-min 51
shows '^v5: .* read-iops 50 read-iops-burst 5 read-iops-min 40 group vm1' sluice volume show v5
misused 'read-iops-min' sluice volume-group set vm1 read-iops-min 5
# What goes is nobody's any more.
done_ sluice volume del v5
done_ sluice volume set v1 read-iops-min 100
done_ sluice volume add v5 dev $dev start 20m size 1m group vm1 write-bps-min 600k
done_ sluice volume set v1 group none read-iops-min 0 write-bps-min 0
hides '-min' sluice volume show v1
done_ sluice volume del v5
done_ sluice volume-group del vm1
done_ sluice volume-group del vm2
hides . sluice volume-group show

done_ sluice volume set v1 size 4m
shows '^v1: .*start 1m size 4m' sluice volume show v1
refused 'overlaps' sluice volume set v1 size 10m
refused 'has 131072 sectors' sluice volume set v1 size 64m
done_ sluice volume set v1 size 9m
done_ sluice volume del v2
done_ sluice volume set v1 size 0
shows '^v1: .*start 1m size 63m' sluice volume show v1
done_ sluice volume set v1 size 8m

# --- keys
# The kernel's cipher is there before the first volume wants it, so that nobody waits for it with RTNL held.
cipher_kept() { awk -F ' *: *' '$1 == "name" { name = $2 } $1 == "refcnt" && name == "xts(aes)" && $2 > 1 { n++ } END { exit !n }' /proc/crypto; }
ok 'the cipher is kept' cipher_kept
ok 'a key, raw' from "$key32" sluice key add raw
ok 'a key, hexadecimal' from "$(hex "$key64")" sluice key add digits
ok 'a key into the keyring of the user' from "$key64" sluice key add mine keyring user
refused '32 or 64 bytes' from "${key32%?}" sluice key add short
refused '32 or 64 bytes' from "$(hex "$key64")00" sluice key add long
done_ sluice volume add e1 dev $dev start 10m size 1m key logon:sluice:raw
shows '^e1: .*key logon:sluice:raw cipher-bits 128 sector-size 512 iv-offset 0' sluice volume show e1
done_ sluice volume add e2 dev $dev start 11m size 1m key logon:sluice:digits block-size 4096 iv-offset 8
shows '^e2: .*key logon:sluice:digits cipher-bits 256 sector-size 4096 iv-offset 8' sluice volume show e2
done_ sluice volume add e3 dev $dev start 12m size 1m key logon:sluice:digits block-size 4096 sector-size 512
ok 'a key from standard input' from "$key64" sluice volume add e4 dev $dev start 13m size 1m key -
shows '^e4: .*key logon:sluice:e4 cipher-bits 256' sluice volume show e4
refused 'not in a keyring' sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:e4
refused 'not in a keyring' sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:other
misused 'is not TYPE:DESC' sluice volume add e5 dev $dev start 14m size 1m key raw
refused 'sector of the cipher .* no more than 512' sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:raw sector-size 4096
refused 'sector of the cipher' sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:raw sector-size 1024
refused 'iv-offset is a multiple of 8' sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:raw block-size 4096 iv-offset 4
refused 'iv-offset is a multiple of 8' sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:raw block-size 4096 sector-size 4096 iv-offset 9
done_ sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:raw block-size 4096 sector-size 512 iv-offset 9
done_ sluice volume del e5
refused 'no leave without a key' sluice volume add e5 dev $dev start 14m size 1m allow-discards
done_ sluice volume add e5 dev $dev start 14m size 1m key logon:sluice:raw allow-discards
shows '^e5: .*iv-offset 0 allow-discards ' sluice volume show e5
done_ sluice volume del e5
refused 'vol512 has no integrity: put dm-integrity on it' sluice volume add e5 dev $dev start 14m size 1m integrity
refused 'without a key' sluice volume add e5 dev $dev start 14m size 1m sector-size 512
done_ add_key user short "${key32%?}"
refused '32 or 64 bytes' sluice volume add e5 dev $dev start 14m size 1m key user:short
done_ add_key user halves "${key32%????????????????}${key32%????????????????}"
refused 'both halves' sluice volume add e5 dev $dev start 14m size 1m key user:halves
done_ add_key user good "$key32"
done_ add_key user short32 "${key32#?}x"
done_ sluice volume add e5 dev $dev start 14m size 1m key user:good
shows '^logon:sluice:digits: cipher-bits 256 volume e2 volume e3$' sluice key show
shows '^user:good: cipher-bits 128 volume e5$' sluice key show
done_ sluice key del raw
refused 'not in a keyring' sluice key del raw
shows '^e1: .*key logon:sluice:raw' sluice volume show e1
refused 'not in a keyring' sluice volume add e6 dev $dev start 15m size 1m key logon:sluice:raw
batch() { printf 'volume add e6 dev %s start 15m size 1m key -\n' $dev | sluice -b -; }
refused 'standard input has the commands' batch

# --- mode
shows '^volume-mode monitor' sluice volume mode
done_ sluice volume mode enforce
shows '^volume-mode enforce' sluice volume mode
misused 'is not monitor' sluice volume mode sometimes
done_ sluice volume add p1 dev $dev start 15m size 1m

# --- workers
done_ sluice worker add cpu 0
done_ sluice worker assign volume v1 queue 1 cpu 0
shows '    queue 1 cpu 0' sluice volume show v1
done_ sluice worker assign volume v1 cpu 0
refused 'fewer queues' sluice worker assign volume v1 queue 2 cpu 0
refused "no volume" sluice worker assign volume nix cpu 0
done_ sluice port add vm1
refused 'not both' sluice worker assign port vm1 volume v1 cpu 0
refused 'not both' sluice worker assign volume v1 port vm1 cpu 0
misused 'one of these is missing: port, volume' sluice worker assign cpu 0
done_ sluice port del vm1

# --- declared states
same() { sluice dump >"$tmp/now.json" && diff "$1" "$tmp/now.json"; }
sluice volume del e1
sluice volume del e4
done_ sluice volume set v1 read-iops 300 write-bps 1g write-bps-peak 2g iops-unit 64k
done_ sluice volume-group add vm1 write-iops 100 read-bps 8m
done_ sluice volume set v1 group vm1 read-bps-min 5m
sluice dump >"$tmp/full.json"
done_ sluice apply "$tmp/full.json"
ok 'apply of a dump changes nothing' same "$tmp/full.json"
nothing() { echo '{ "version": 2 }' | sluice apply -; }
ok 'a state that does not speak of volumes' nothing
shows '^v1: ' sluice volume show
none() { echo '{ "version": 2, "volume": [] }' | sluice apply -; }
ok 'a state without volumes' none
hides . sluice volume show
shows 'enforce' sluice volume mode
shows '^vm1: .* volumes 0$' sluice volume-group show
no_groups() { echo '{ "version": 2, "volume-group": [] }' | sluice apply -; }
ok 'a state without groups' no_groups
hides . sluice volume-group show
done_ sluice apply "$tmp/full.json"
ok 'everything came back' same "$tmp/full.json"
change() { # python that changes the volumes v, by their names
	$python -c "
import json
s = json.load(open('$tmp/full.json'))
v = {x['name']: x for x in s['volume']}
full = dict(v)
$1
s['volume'] = list(v.values())
json.dump(s, open('$tmp/changed.json', 'w'))"
}
change "v['v1']['size'] = '4m'; del v['v1']['write-bps'], v['v1']['write-bps-burst'], v['v1']['write-bps-peak'], v['v1']['iops-unit']
v['v1']['read-iops'] = 77
del v['v1']['read-iops-burst'], v['e5']; s['volume-mode'] = [{'mode': 'monitor'}]
v['n1'] = {'name': 'n1', 'dev': '$dev', 'start': '30m', 'size': '1m', 'ro': False, 'key': 'user:good'}"
done_ sluice apply "$tmp/changed.json"
shows '^v1: .*size 4m .*read-iops 77' sluice volume show v1
hides 'write-bps|unit' sluice volume show v1
hides '^e5:' sluice volume show
shows '^n1: .*key user:good' sluice volume show
shows monitor sluice volume mode
done_ sluice apply "$tmp/full.json"
# A burst comes with its rate: all is as it was.
ok 'and back' same "$tmp/full.json"

# Groups come ahead of their volumes, and go after them.
change "del v['v1']['group'], v['v1']['read-bps-min']; g = s['volume-group'][0]; g['read-iops'] = 50; del g['write-iops'], g['write-iops-burst']
s['volume-group'] += [{'name': 'vm2', 'read-bps': 1000000}]; v['e5']['group'] = 'vm2'"
done_ sluice apply "$tmp/changed.json"
shows '^vm1: read-iops 50 read-iops-burst 5 read-bps 8m read-bps-burst 800k volumes 0$' sluice volume-group show
shows '^vm2: .* volumes 1$' sluice volume-group show
hides 'group' sluice volume show v1
shows 'group vm2' sluice volume show e5
refused 'volumes are in it' no_groups
done_ sluice apply "$tmp/full.json"
ok 'groups are as they were' same "$tmp/full.json"

# Guarantees that are exchanged, in either order; and lowered, or raised, with their limit.
for what in "v['v1']['read-bps-min'] = 1000000; v['e5'].update({'group': 'vm1', 'read-bps-min': 7000000})" \
	"v['v1']['read-bps-min'] = 7000000; v['e5'].update({'group': 'vm1', 'read-bps-min': 1000000})" \
	"v['v1']['read-bps-min'] = 2000000; s['volume-group'][0]['read-bps'] = 2000000" \
	"v['v1']['read-bps-min'] = 20000000; s['volume-group'][0]['read-bps'] = 20000000"; do
	change "$what"
	done_ sluice apply "$tmp/changed.json"
done
shows '^v1: .* read-bps-min 20m ' sluice volume show v1
change "del v['v1']['read-bps-min']"
done_ sluice apply "$tmp/changed.json"
hides '-min' sluice volume show v1
done_ sluice apply "$tmp/full.json"
ok 'guarantees are as they were' same "$tmp/full.json"

# Without a peak, a burst is had at once.
change "del v['v1']['write-bps-peak']"
done_ sluice apply "$tmp/changed.json"
shows '^v1: .*write-bps 1g write-bps-burst 100m iops-unit 64k' sluice volume show v1
done_ sluice apply "$tmp/full.json"
ok 'and back again' same "$tmp/full.json"

# Refused: everything else is undone.
while IFS='|' read -r text what; do
	change "v['v1']['size'] = '4m'; v['v1']['read-iops'] = 78; del v['e5']
s['volume-mode'] = [{'mode': 'monitor'}]; s['assign'] = [{'volume': 'e2', 'cpu': 0}]
v['n1'] = {'name': 'n1', 'dev': '$dev', 'start': '30m', 'size': '1m'}
$what"
	refused "$text" sluice apply "$tmp/changed.json"
	ok '... and nothing changed' same "$tmp/full.json"
done <<'END'
set volume .*no such file|v['n2'] = {'name': 'n2', 'dev': '/dev/nothing'}
set volume .*overlaps|v['n2'] = {'name': 'n2', 'dev': '/dev/vol512', 'start': '30m'}
not in a keyring|v['n2'] = {'name': 'n2', 'dev': '/dev/vol4k', 'key': 'user:nobody'}
start is 1m, declared is 2m, and that is fixed|v['v1']['start'] = '2m'
key is user:good, declared is none|v['e5'] = {'name': 'e5', 'dev': '/dev/vol512'}
ro is not set, declared is true|v['v1']['ro'] = True
allow-discards is not set, declared is true|v['e5']= dict(full['e5'], **{'allow-discards': True})
integrity is not set, declared is true|v['e5'] = dict(full['e5'], integrity=True)
set volume .*vol512 has no integrity|v['n2'] = {'name': 'n2', 'dev': '/dev/vol512', 'start': '40m', 'integrity': True}
no port or uplink|s['flow'] = [{'id': 1, 'prio': 1, 'actions': ['output:nix']}]
group vm1: more than its read-bps|v['v1']['read-bps-min'] = 6000000; v['n1'].update({'group': 'vm1', 'read-bps-min': 2000001})
group vm1: more than its read-bps|v['v1']['size'] = '5m'; s['volume-group'][0]['read-bps'] = 4999999
volume v1: read-bps-min needs its group's limit|del v['v1']['group']
volume v1: read-bps-min needs its group's limit|del s['volume-group'][0]['read-bps'], s['volume-group'][0]['read-bps-burst']
no group 'nix'|s['volume-group'] = [{'name': 'vm3'}]; v['n1']['group'] = 'vm3'; v['v1']['group'] = 'nix'
END
change "v['n2'] = {'name': 'n2', 'dev': '$dev', 'key': '-'}"
misused 'names a key' sluice apply "$tmp/changed.json"

# --- live view
shows '^volume +read/s' sluice top count 1
shows '^v1 +0 +0 +0 +0 +0 +0 +0 +- ' sluice top v1 count 2
hides '^e5' sluice top v1 count 1
refused "no volume 'nix'" sluice top nix count 1
json() { sluice -j "$@" | $python -c 'import json, sys
for line in sys.stdin: json.loads(line)'; }
for what in 'volume show' 'volume show v1' 'volume mode' 'key show' 'top count 1'; do
	# shellcheck disable=SC2086
	ok "JSON: $what" json $what
done
shows '"volume-mode": \[' sluice dump

# --- the host's, not a namespace's; who may
ip netns add blue
blue() { ip netns exec blue "$@"; }
shows '^v1: ' blue sluice volume show
done_ ip netns del blue
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
refused "its operator alone" nobody sluice volume show
refused 'not permitted' nobody sluice volume del v1
refused 'not permitted' nobody sluice volume mode monitor
admin() { setpriv --bounding-set -sys_admin -- "$@"; }
refused 'CAP_SYS_ADMIN' admin sluice volume add n1 dev $dev start 30m size 1m

# --- another key
other=0123456789abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ678901
done_ add_key user other "$other"
refused 'not encrypted' sluice volume rekey p1 key user:other journal $big unrecorded
refused 'as long as' sluice volume rekey e2 key user:good journal $big unrecorded
refused 'not in a keyring' sluice volume rekey e2 key user:nobody journal $big unrecorded
refused 'overlaps' sluice volume rekey e2 key user:other journal $dev journal-start 14m unrecorded
refused 'takes 528 sectors' sluice volume rekey e2 key user:other journal $big journal-start 65276k unrecorded
refused 'not being re-encrypted' sluice volume rekey e2 back
refused 'none that goes on' sluice volume rekey e2 key user:other journal $big journal-start 4096 unrecorded back
misused 'key is missing' sluice volume rekey e2 journal $big back
misused 'journal is missing' sluice volume rekey e2 key user:other
misused 'back, or forward' sluice volume rekey e2 back forward
done_ sluice volume rekey e2 key user:other journal $big journal-start 4096 unrecorded
rekeyed() {
	until printed '^e2: .*key user:other' sluice volume show e2; do
		grep -q ' rekey-done ' "$tmp/shown" && ! grep -q ' rekey-error ' "$tmp/shown" || return 1
		sleep 1
	done
}
ok 'it comes to its end' rekeyed
hides 'rekey|journal' sluice volume show e2

# --- how fast
misused 'is not on' sluice volume set e2 rekey-pause maybe
done_ sluice volume set e2 rekey-bps 50m rekey-pause on
shows '^e2: .* rekey-bps 50m rekey-pause on' sluice volume show e2
done_ sluice volume set e2 read-iops 50
shows '^e2: .* rekey-bps 50m rekey-pause on' sluice volume show e2
sluice dump >"$tmp/pace.json"
done_ sluice volume set e2 rekey-bps 0 rekey-pause off
hides 'rekey-' sluice volume show e2
done_ sluice apply "$tmp/pace.json"
ok 'the pace of a re-encryption is declared' same "$tmp/pace.json"
$python -c "
import json
s = json.load(open('$tmp/pace.json'))
for v in s['volume']:
	v.pop('rekey-bps', 0), v.pop('rekey-pause', 0)
json.dump(s, open('$tmp/changed.json', 'w'))"
done_ sluice apply "$tmp/changed.json"
hides 'rekey-' sluice volume show e2
# All of a transaction, or nothing.
$python -c "
import json
s = json.load(open('$tmp/pace.json'))
s['flow'] = [{'id': 1, 'prio': 1, 'actions': ['output:nix']}]
json.dump(s, open('$tmp/changed.json', 'w'))"
refused 'no port or uplink' sluice apply "$tmp/changed.json"
hides 'rekey-' sluice volume show e2
# While it is re-encrypted, with the size that is declared too, which it has.
done_ add_key user third "abc${other#012}"
done_ sluice volume set e2 rekey-pause on
done_ sluice volume rekey e2 key user:third journal $big journal-start 4096 unrecorded
sluice dump >"$tmp/pace.json"
$python -c "
import json
s = json.load(open('$tmp/pace.json'))
for v in s['volume']:
	if v['name'] == 'e2':
		v['rekey-bps'], v['rekey-pause'] = '100m', 'off'
json.dump(s, open('$tmp/changed.json', 'w'))"
refused 'being re-encrypted' sluice volume set e2 size 512k
sed 's/user:other/user:third/' "$tmp/pace.json" >"$tmp/early.json"
refused 'being re-encrypted: declare that when it is done' sluice apply "$tmp/early.json"
done_ sluice apply "$tmp/changed.json"
shows '^e2: .* rekey-bps 100m' sluice volume show e2
has_key() { printed "^e2: .*key user:$1 cipher" sluice volume show e2; }
ok 'it goes on, and to its end' soon has_key third
refused 'declare the key that it has' sluice apply "$tmp/changed.json"
done_ sluice volume set e2 rekey-bps 0 read-iops 0 rekey-pause on
done_ sluice volume rekey e2 key user:other journal $big journal-start 4096 unrecorded
done_ sluice volume rekey e2 back
came_back() { printed '^e2: .*key user:third cipher' sluice volume show e2 && ! grep -q rekey-key "$tmp/shown"; }
ok 'it is turned round while it is held up' soon came_back
done_ sluice volume set e2 rekey-pause off
done_ sluice volume rekey e2 key user:other journal $big journal-start 4096 unrecorded
ok 'and back' soon has_key other

# --- wiped: what cannot be is refused, and a state does it never
new() { sluice volume add w1 dev $dev start 50m size 1m "$@"; }
refused 'has no record: say .unrecorded' new wipe zero
refused 'has no record: say .unrecorded' new record none wipe zero
refused 'is for one that is wiped' new unrecorded
refused 'is for one that is wiped' new record $big record-start 1m record-new wipe zero unrecorded
misused "'dust' is not zero.discard.secure-erase.key" new wipe dust
refused 'no secure erase: say .wipe zero' new wipe secure-erase unrecorded
refused 'read after a discard: say .wipe zero' new wipe discard unrecorded
refused 'not encrypted with that key' new wipe key unrecorded key user:good
refused 'read-only' new ro wipe zero unrecorded
refused 'leave out .resume' new record $big record-start 1m resume wipe zero
refused 'go with .wipe.' new wipe-bps 5
hides '^w1:' sluice volume show
in_transaction() { echo "$1" | $python "$here/commit.py"; }
refused 'a wipe cannot be undone' in_transaction "volume-add name=w1 path=$dev start=102400 sectors=2048 wipe=1"
hides '^w1:' sluice volume show
wiped() { sluice volume show w1 >"$tmp/w1" && ! grep -q wiping "$tmp/w1"; }
done_ new wipe zero unrecorded
ok 'it is wiped, and may be had' soon wiped
refused 'a wipe cannot be undone' in_transaction 'volume-del name=w1 wipe=1'
refused 'not being wiped' sluice volume set w1 wipe-bps 5
refused 'no part of a transaction' in_transaction 'volume-set name=w1 wipe-pause=1'
refused "keys go with 'wipe key' only" in_transaction 'volume-del name=w1 wipe-keys=00'
refused 'has no key: say .wipe zero' sluice volume del w1 wipe key
refused 'CAP_SYS_ADMIN' admin sluice volume del w1 wipe zero
refused 'no secure erase' sluice volume del w1 wipe secure-erase
sluice dump >"$tmp/w1.json"
hides 'wip|unrecorded' cat "$tmp/w1.json"
sed 's/"name": *"w1"/&, "wipe": "zero"/' "$tmp/w1.json" >"$tmp/wipe.json"
refused "volume w1: 'wipe' is no part of a state" sluice apply "$tmp/wipe.json"
ok '... and nothing changed' same "$tmp/w1.json"
gone() { sluice volume show >"$tmp/w1" && ! grep -q '^w1:' "$tmp/w1"; }
done_ sluice volume del w1 wipe zero
ok 'it goes when it is wiped' soon gone
refused "volume w1: 'wipe' is no part of a state" sluice apply "$tmp/wipe.json"
# Its key goes with it, if it is nobody else's, whatever it is called and in which keyring.
mine="xyz${key64#abc}"
done_ add_key user mine "$mine"
done_ from "$mine" sluice key add twin keyring user
done_ new key user:mine
done_ sluice volume add w2 dev $dev start 51m size 1m key logon:sluice:twin
refused 'volume w2 has that key too' sluice volume del w1 wipe key
done_ sluice volume del w2
done_ sluice volume add w2 dev $dev start 51m size 1m key user:other rekey-pause on
done_ sluice volume rekey w2 key logon:sluice:twin journal $big journal-start 4m unrecorded
refused 'volume w2 has that key too, or may be getting it' sluice volume del w1 wipe key
done_ sluice volume del w2
sluice volume del w1 wipe key >"$tmp/taken"
ok 'by its name' grep -q 'user:mine is in none of your keyrings any more' "$tmp/taken"
ok '... and by another' grep -q 'logon:sluice:twin is in none of your keyrings any more' "$tmp/taken"
refused 'not in a keyring' new key user:mine
refused 'not in a keyring' new key logon:sluice:twin
# Another key has its name by now, in the same place: it stays.
done_ add_key user mine "$mine"
done_ new key user:mine
done_ add_key user mine "$key64"
refused 'user:mine was not taken: it is another one by now' sluice volume del w1 wipe key
done_ new key user:mine
done_ sluice volume del w1
left() { sluice volume del w1 wipe key 2>&1; }
done_ from "$mine" new key -
shows 'was in no keyring of yours' left

# --- a record
refused 'has no record: say .unrecorded' sluice volume rekey e2 key user:good journal $big
shows '^e2: .* record none ' sluice volume show e2
refused 'means nothing without a record' sluice volume add r1 dev $dev start 40m size 1m record-new
refused 'means nothing without a record' sluice volume add r1 dev $dev start 40m size 1m record none resume
refused 'means nothing without a record' sluice volume add r1 dev $dev start 40m size 1m record-start 8k
misused 'is not /dev' sluice volume add r1 dev $dev start 40m size 1m record vol4k
refused 'no such file' sluice volume add r1 dev $dev start 40m size 1m record /dev/nothing
refused 'say .record-new' sluice volume add r1 dev $dev start 40m size 1m record $big record-start 1m
refused 'needs a volume that is written' sluice volume add r1 dev $dev start 40m size 1m ro record $big record-start 1m record-new
refused 'needs a volume that is written' sluice volume add r1 dev $dev start 40m size 1m record $big record-start 1m record-new resume
refused 'takes 16 sectors' sluice volume add r1 dev $dev start 40m size 1m record $big record-start 512 record-new
refused 'record overlaps' sluice volume add r1 dev $dev start 40m size 1m record $dev record-start 1m record-new
hides '^r1:' sluice volume show
done_ sluice volume add r1 dev $dev start 40m size 1m key user:good record $big record-start 1m record-new
shows '^r1: .* record /dev/vol4k record-start 1m record-uuid [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]' \
	sluice volume show r1
sluice volume show r1 >"$tmp/was"
uuid=$(sed -n 's/.* record-uuid \([^ ]*\).*/\1/p' "$tmp/was")
refused 'overlaps' sluice volume add r2 dev $big start 1m size 4096
refused 'overlaps' sluice volume add r2 dev $dev start 42m size 1m record $big record-start 1028k record-new
refused 'overlaps' sluice volume rekey r1 key user:good journal $big journal-start 800k
# As it is declared it comes back; what is written once is not declared.
sluice dump >"$tmp/record.json"
shows '"record": ?"/dev/vol4k"' cat "$tmp/record.json"
hides 'record-new|record-uuid' cat "$tmp/record.json"
done_ sluice apply "$tmp/record.json"
ok 'apply of a dump with a record changes nothing' same "$tmp/record.json"
done_ sluice volume del r1
done_ sluice apply "$tmp/record.json"
ok 'it came back' same "$tmp/record.json"
shows " record-uuid $uuid " sluice volume show r1
with_record() { # python that changes volumes
	$python -c "
import json
s = json.load(open('$tmp/record.json'))
v = {x['name']: x for x in s['volume']}
$1
s['volume'] = list(v.values())
json.dump(s, open('$tmp/changed.json', 'w'))"
}
# By a state as well: none, another place, and back; one that does not fit leaves all as it was.
with_record "v['r1']['record'] = 'none'; del v['r1']['record-start']"
done_ sluice apply "$tmp/changed.json"
shows '^r1: .* record none ' sluice volume show r1
done_ sluice apply "$tmp/record.json"
ok 'it has its record again' same "$tmp/record.json"
shows " record-uuid $uuid " sluice volume show r1
with_record "v['r1']['record-start'] = '2m'"
refused 'there is no record' sluice apply "$tmp/changed.json"
ok '... and nothing changed' same "$tmp/record.json"
with_record "v['r1']['record'] = 'none'; del v['r1']['record-start']; v['v1']['size'] = '40m'"
refused 'set volume .*overlaps' sluice apply "$tmp/changed.json"
ok '... nor in the midst of a state' same "$tmp/record.json"
with_record "v['r1']['record-start'] = '2m'; v['r1']['record-new'] = True"
refused 'not within a transaction' sluice apply "$tmp/changed.json"
# By hand, and with data on it as the volume is there.
refused 'overlaps' sluice volume set r1 record $big record-start 1m record-new
refused 'overlaps' sluice volume set r1 record $dev record-start 40m record-new
refused 'overlaps' sluice volume set e2 record $big record-start 1020k record-new
refused 'takes 16 sectors' sluice volume set r1 record $big record-start 512 record-new
refused 'no such file' sluice volume set r1 record /dev/nothing serial another
hides ' serial another' sluice volume show r1
refused 'means nothing without a record' sluice volume set r1 record none record-new
refused 'means nothing without a record' sluice volume set r1 size 1m record-new
refused 'CAP_SYS_ADMIN' admin sluice volume set r1 record $big record-start 2m record-new
# What cannot be read could not be put back, were the record refused after all: it is not written over.
bad=$config/nullb/vol4k/badblocks
# Without the cache, which may have it still.
third() { dd if=$big bs=4k skip=768 count=2 iflag=direct status=none | cksum; }
before=$(third)
for copy in 6144-6151 6152-6159; do
	echo "+$copy" >"$bad"
	refused 'take another place' sluice volume set r1 record $big record-start 3m record-new
	echo "-$copy" >"$bad"
	ok 'the other copy is as it was' test "$before" = "$(third)"
done
hides ' record-start 3m' sluice volume show r1
done_ sluice volume set r1 record $big record-start 1m
done_ sluice volume set r1 record $big record-start 2m record-new
shows '^r1: .* record /dev/vol4k record-start 2m record-uuid ' sluice volume show r1
hides " record-uuid $uuid " sluice volume show r1
# The former place is free; what is there is still that.
done_ sluice volume add r2 dev $big start 1m size 4096
done_ sluice volume del r2
refused 'a record already' sluice volume set r1 record $big record-start 1m record-new size 512k
shows '^r1: .* size 1m .* record-start 2m' sluice volume show r1
done_ sluice volume set r1 size 512k
refused 'size 2048s, given is 1024s' sluice volume set r1 record $big record-start 1m
refused 'start 81920s, given is 24576s' sluice volume set e3 record $big record-start 1m
done_ sluice volume set r1 size 1m
done_ sluice volume set r1 record none
done_ sluice volume set r1 record none
shows '^r1: .* record none ' sluice volume show r1
done_ sluice volume set r1 record $big record-start 1m
ok 'it has the first one' same "$tmp/record.json"
with_record "v['r2'] = {'name': 'r2', 'dev': '$dev', 'start': '42m', 'size': '1m', 'record': '$big', 'record-new': True}"
refused 'not within a transaction' sluice apply "$tmp/changed.json"
# Nothing is there to resume, and that is no fault.
done_ sluice volume del r1
with_record "v['r1']['resume'] = True"
done_ sluice apply "$tmp/changed.json"
shows '^r1: .* resume' sluice volume show r1
hides unresolved sluice volume show r1
done_ sluice volume del r1
# Only its own key, and only as it was.
refused "not the volume's key" sluice volume add r1 dev $dev start 40m size 1m key user:short32 record $big record-start 1m
refused 'sector-size 512, given is 4096' sluice volume add r1 dev $dev start 40m size 1m block-size 4096 key user:good record $big record-start 1m
refused 'a record already' sluice volume add r1 dev $dev start 40m size 1m key user:good record $big record-start 1m record-new
hides '^r1:' sluice volume show
# To be read it need not be written.
done_ sluice volume add r1 dev $dev start 40m size 1m ro key user:good record $big record-start 1m
done_ sluice volume del r1
# A volume without a key has one as well.
done_ sluice volume add r2 dev $dev start 42m size 1m record $big record-start 1032k record-new
done_ sluice volume del r2
refused 'size 2048s, given is 4096s' sluice volume add r2 dev $dev start 42m size 2m record $big record-start 1032k

# --- without its key
refused 'has no key' sluice volume key-wipe p1
refused "no volume 'nix'" sluice volume key-wipe nix
refused 'not wiped' sluice volume key-resume e2 key user:other
done_ sluice volume key-wipe e2
shows '^e2: .* key user:other key-wiped waits cipher-bits 256' sluice volume show e2
refused 'wiped already' sluice volume key-wipe e2
done_ sluice volume key-wipe e2 fail
shows '^e2: .* key-wiped fails ' sluice volume show e2
hides 'key-wiped' sluice dump
misused 'key is missing' sluice volume key-resume e2
refused "is not the volume's key" sluice volume key-resume e2 key logon:sluice:digits
refused 'another length' sluice volume key-resume e2 key user:good
ok 'the key, from standard input' from "$other" sluice volume key-resume e2 key -
shows '^e2: .* key logon:sluice:e2 cipher-bits 256' sluice volume show e2

# --- modules
ok 'the engine is not removed while there are volumes' exits 1 rmmod sluice_blk
ok 'neither is the core' exits 1 rmmod sluice

# --- a mediated device that nobody has open goes with its module, and lets go of its volume
parents=/sys/class/mdev_bus
mdev_add() { echo 5105e000-0000-4000-8000-0000000000d1 >"$parents/$1/mdev_supported_types/sluice_mdev-blk/create"; }
mdev_del() { echo 1 >/sys/bus/mdev/devices/5105e000-0000-4000-8000-0000000000d1/remove; }
refused 'Required key not available' mdev_add p1
done_ sluice volume mode monitor
done_ mdev_add p1
shows '^p1: .* claimed' sluice volume show p1
done_ mdev_del
hides claimed sluice volume show p1
done_ sluice volume mode enforce
done_ mdev_add e2
shows '^e2: .* claimed' sluice volume show e2
refused 'remove its vDPA or mediated device' sluice volume del e2
# Nor is it by a state, of which nothing happens then; and nobody else gets it. What may change does.
sluice dump >"$tmp/claimed.json"
without() { echo '{ "version": 2, "volume-mode": [ { "mode": "monitor" } ], "volume": [] }' | sluice apply "$@" -; }
refused 'volume e2 is claimed, and would be removed: take it from its guest first' without
ok '... and nothing changed' same "$tmp/claimed.json"
refused 'remove its vDPA or mediated device' without -f
ok '... and nothing changed' same "$tmp/claimed.json"
mdev_more() { echo 5105e000-0000-4000-8000-0000000000d2 >"$parents/$1/mdev_supported_types/sluice_mdev-blk/create"; }
refused 'resource busy' mdev_more e2
refused 'its serial changes when' sluice volume set e2 serial other
done_ sluice volume set e2 serial "$(serial e2)"
done_ sluice volume set e2 read-iops 100
shows '^e2: .* read-iops 100' sluice volume show e2
shows '^e2: .* claimed' sluice volume show e2
done_ rmmod sluice_mdev
hides claimed sluice volume show e2
ok 'no parent is left' exits 2 ls -d "$parents/e2"

# --- nothing showed a key
done_ add_key user watched "$key64"
{
	sluice -s volume show
	sluice -s -j volume show
	sluice key show
	sluice -j key show
	sluice dump
	sluice -j top count 1
	cat "$tmp/events" "$tmp/full.json"
	cat /proc/keys
	find /sys/module/sluice* /sys/kernel/debug/sluice* -type f -exec cat {} + 2>/dev/null
	dmesg
} >"$tmp/all" || true
shown() { grep -aiE "k1k2k3|is-a-secret|$(hex k1k2)|ABCDEFGHIJ|$(hex abcd)" "$tmp/all"; }
ok 'there is something to search' test "$(wc -c <"$tmp/all")" -gt 1000
ok 'no key in all that is shown' exits 1 shown

# --- events
kill "$monitor"
wait "$monitor" 2>/dev/null || true
for line in 'volume-add volume v1$' 'volume-del volume v3$' 'config volume v1 volume' 'config transaction' \
	'volume-rekeyed volume e2$' 'volume-key-wiped volume e2 waits' 'volume-key-wiped volume e2 fails' \
	'volume-wiped volume w1$' 'volume-key-resumed volume e2$' 'volume-refused volume p1$' 'volume-plain volume p1$'; do
	shows " $line" cat "$tmp/events"
done
