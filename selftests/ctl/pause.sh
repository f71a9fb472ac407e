#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Devices are asked for what a commit wants of them while workers run: one that is slow holds up no frame, and
# where one refuses, all that others were asked for is as it was.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

: "${SLUICE_OBJECTS:?run this by selftests/with-modules.sh}"
load_mockvf
config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
mkdir "$config/nullb/pause"
echo 64 >"$config/nullb/pause/size"
echo 1 >"$config/nullb/pause/power"
at_end() {
	echo 0 >$params/hold
	echo 0 >$params/refuse
	clean
	rmdir "$config/nullb/pause"
}

done_ ip link add vf0 type mockvf
done_ ip link add vf1 type mockvf
# The uplink's is below its VF's.
done_ sluice uplink add up0 dev vf0
done_ ip link set vf0 mtu 9000
done_ sluice uplink add up1 dev vf1
done_ sluice port add vm1
done_ sluice port add vm2
done_ sluice wire add vm1 vm2
done_ sluice worker add cpu 0
done_ sluice volume add v1 dev /dev/pause start 1m size 8m read-iops 1000
done_ sluice volume add v2 dev /dev/pause start 30m size 8m
ip link set vm1 up
ip link set vm2 up

# shellcheck disable=SC2154
commit() { "$python" "$here/commit.py" "$@"; }
changes() { cat "$tmp/changes"; }
made() { changes | commit "$@"; }
pauses() { sluice -s worker show | sed -n 's/.* pauses \([0-9]*\).*/\1/p' | sort -n | tail -n 1; }
# All that is declared, and how each device came to what it has.
links() {
	local dev
	for dev in vf0 vf1 up0 up1 vm1 vm2; do
		echo "$dev $(cat /sys/class/net/$dev/{address,addr_assign_type,mtu} | xargs)"
	done
}
all() { sluice dump && links && sluice volume show && sluice port show; }
as_it_was() { all >"$tmp/now" && diff "$tmp/was" "$tmp/now"; }

cat >"$tmp/changes" <<END
wire-del a=vm1 b=vm2
port-set name=vm1 mtu=4000 mac=02:00:00:00:00:01
port-set name=vm2 control=3
worker-set cpu=0 mode=1
worker-assign cpu=0 port=vm1
volume-mode-set mode=1
volume-set name=v1 sectors=$((20 * 2048)) read-iops=5 write-bps=4000000
volume-set name=v1 write-iops=7
volume-set name=v2 sectors=2048
volume-del name=v2
port-set name=up0 mtu=4000 mac=02:00:00:00:00:02
port-set name=up0 mtu=5000
END

# --- refused by the last: the second VF has no other address
all >"$tmp/was"
echo vf1 >$params/refuse
cp "$tmp/changes" "$tmp/fine"
echo 'port-set name=up1 mtu=3000 mac=02:00:00:00:00:03' >>"$tmp/changes"
before=$(pauses)
refused '.' made
ok 'all is as it was' as_it_was
ok 'no worker stopped for it' test "$(pauses)" = "$before"
# What was planned is not claimed any more.
done_ sluice volume add v3 dev /dev/pause start 12m size 1m
done_ sluice volume del v3
# By itself, too, a change is made as a whole or not at all.
refused '.' sluice port set up1 mtu 3000 mac 02:00:00:00:00:03
ok 'likewise' as_it_was
echo >$params/refuse

# --- not refused
cp "$tmp/fine" "$tmp/changes"
ok 'all of it' made
ok 'workers stopped once' test "$(pauses)" = $((before + 1))
links >"$tmp/links"
shows '^vf0 02:00:00:00:00:02 3 5000$' cat "$tmp/links"
shows '^up0 02:00:00:00:00:02 3 5000$' cat "$tmp/links"
shows '^vm1 02:00:00:00:00:01 3 4000$' cat "$tmp/links"
shows 'vm2: .*control stp,lldp' sluice port show
hides 'wire' sluice port show
shows '^worker cpu 0 mode poll' sluice worker show
done_ sluice worker set cpu 0 mode adaptive
shows 'enforce' sluice volume mode
shows '^v1: .*size 20m .*read-iops 5 .*write-iops 7 .*write-bps 4m' sluice volume show
hides '^v2:' sluice volume show

# --- what one volume gives up is free for another when requests for it are done: in the next transaction
done_ sluice volume add v2 dev /dev/pause start 30m size 8m
echo "volume-set name=v1 sectors=$((29 * 2048))" >"$tmp/changes"
echo "volume-set name=v1 sectors=$((10 * 2048))" >>"$tmp/changes"
ok 'the last of two sizes' made
shows '^v1: .*size 10m ' sluice volume show
echo "volume-set name=v1 sectors=$((28 * 2048))" >"$tmp/changes"
echo "volume-set name=v1 sectors=$((40 * 2048))" >>"$tmp/changes"
refused 'overlaps' made
shows '^v1: .*size 10m ' sluice volume show
done_ sluice volume add v3 dev /dev/pause start 15m size 1m

# --- a VF that takes its time
done_ sluice wire add vm1 vm2
for what in mtu=6000 mac=02:00:00:00:00:04; do
	echo 1 >$params/hold
	echo "port-set name=up0 $what" >"$tmp/changes"
	ok "frames pass while the VF is asked for $what" made --held vm1
done
links >"$tmp/links"
shows '^vf0 02:00:00:00:00:04 3 6000$' cat "$tmp/links"
# Taking back is asked of it too.
echo vf1 >$params/refuse
printf '%s\n' 'port-set name=up0 mac=02:00:00:00:00:05' 'port-set name=up1 mac=02:00:00:00:00:06' >"$tmp/changes"
refused '.' made
links >"$tmp/now"
ok 'it has its address again' cmp "$tmp/links" "$tmp/now"
