#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Volumes that are declared with another key than they have: which it is their record tells, re-encryption begins, and
# goes on by itself after whatever came between, and nobody gets such a volume meanwhile.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
disk() { # name, MiB
	mkdir "$config/nullb/$1" && echo "$2" >"$config/nullb/$1/size" && echo 1 >"$config/nullb/$1/memory_backed" &&
		echo 1 >"$config/nullb/$1/power"
}
trap 'rc=$?; clean; rmdir "$config"/nullb/keys*; (exit $rc); finish' EXIT
disk keysa 8
disk keysr 8

# A key of the user's keyring, made from a number.
key() { # add|del, name, number
	if [ "$1" = add ]; then
		seq "$3" $(($3 + 40)) | head -c 64 | sluice key add "$2" keyring user
	else
		sluice key del "$2"
	fi
}
done_ key add old 100
done_ key add new 500

state() { # what else the volume says
	cat <<END
{ "version": 2, "volume": [ { "name": "k", "dev": "/dev/keysa", "record": "/dev/keysr", "record-start": "4m" $1 } ] }
END
}
before='"key": "logon:sluice:new", "key-before": "logon:sluice:old"'
on=", $before, \"rekey-journal\": \"/dev/keysr\", \"rekey-journal-start\": \"1m\""
apply() { # what the volume says, options
	local volume=$1
	shift
	state "$volume" >"$tmp/state.json"
	sluice apply "$@" "$tmp/state.json"
}
has_key() { printed "^k: .*key logon:sluice:$1 cipher" sluice volume show k; }
same() { sluice dump >"$tmp/now.json" && diff "$1" "$tmp/now.json"; }

# --- said by halves
misused 'declare key, key-before, rekey-journal and its record' apply ", $before"
misused 'declare key, key-before' apply ', "key": "logon:sluice:new", "rekey-journal": "/dev/keysr"'
none() {
	echo "{ \"version\": 2, \"volume\": [ { \"name\": \"k\", \"dev\": \"/dev/keysa\", $before, \"rekey-journal\": \"/dev/keysr\" } ] }" |
		sluice apply -
}
misused 'and its record' none
misused 'names a key by TYPE:DESC' apply "${on/logon:sluice:old/-}"

# --- one that has the old key begins
done_ sluice volume add k dev /dev/keysa key logon:sluice:old record /dev/keysr record-start 4m record-new
done_ apply "$on, \"rekey-pause\": \"on\""
shows '^k: .*key logon:sluice:old .* rekey-key logon:sluice:new rekey-done 0 journal /dev/keysr' sluice volume show k
sluice dump >"$tmp/dump.json"
shows '"key": ?"logon:sluice:new", ?"key-before": ?"logon:sluice:old", ?"rekey-journal": ?"/dev/keysr"' cat "$tmp/dump.json"
done_ sluice apply "$tmp/dump.json"
done_ apply "$on, \"rekey-pause\": \"on\""
ok 'said again it changes nothing' same "$tmp/dump.json"
# Its data takes both keys: neither is wiped with another volume.
done_ sluice volume add other dev /dev/keysr start 6m size 1m key logon:sluice:new
refused 'volume k has that key too' sluice volume del other wipe key
done_ sluice volume del other
# As before: who declares the key that it has yet is not refused.
done_ apply ', "key": "logon:sluice:old", "rekey-pause": "on"'

# --- both keys are wiped: it stays declared, and goes on when both are back
done_ sluice volume key-wipe k
shows '^k: .*key logon:sluice:old key-wiped waits .* rekey-key logon:sluice:new' sluice volume show k
done_ sluice apply "$tmp/dump.json"
ok 'a state says the same of it' same "$tmp/dump.json"
refused 'say both' sluice volume key-resume k key logon:sluice:old
refused 'swapped' sluice volume key-resume k key logon:sluice:old key-before logon:sluice:new
refused 'not in a keyring' sluice volume key-resume k key logon:sluice:new key-before logon:sluice:nix
misused 'has one key' sluice volume key-resume k key - key-before -
refused 'being re-encrypted' sluice volume del k wipe zero
refused 'being re-encrypted' sluice volume rekey k key logon:sluice:new journal /dev/keysr
done_ sluice volume key-resume k key logon:sluice:new key-before logon:sluice:old
hides key-wiped sluice volume show k
ok '... and is declared as before' same "$tmp/dump.json"
# The host goes down without them.
done_ sluice volume key-wipe k fail

# --- the host went down
done_ sluice volume del k
hides . sluice volume show
refused 'key that the volume is getting' apply ', "key": "logon:sluice:new"'
done_ key del old
refused 'name the old one' apply "$on"
hides . sluice volume show
done_ key add old 100
done_ sluice apply "$tmp/dump.json"
shows '^k: .*key logon:sluice:old .* rekey-key logon:sluice:new' sluice volume show k
hides unresolved sluice volume show k
ok 'it is as it was' same "$tmp/dump.json"

# --- by itself, at boot: the journal is on a disk that comes later
done_ sluice volume del k
later=${on/\/dev\/keysr\", \"rekey-journal-start/\/dev\/keysj\", \"rekey-journal-start}
ok 'held back, as there is no journal' exits 3 apply "$later" --each
shows '^k: .* unresolved' sluice volume show k
ok '... said again' exits 3 apply "$later" --each --on /dev/keysa
# Which key it is getting only its record knows: that one is not wiped with another volume, and any other is.
done_ sluice volume add other dev /dev/keysr start 6m size 1m key logon:sluice:new
refused 'volume k has that key too, or may be getting it' sluice volume del other wipe key
done_ sluice volume del other
done_ key add own 900
done_ sluice volume add other dev /dev/keysr start 6m size 1m key logon:sluice:own
shows 'logon:sluice:own is in none of your keyrings' sluice volume del other wipe key
done_ apply "$on" --each --on /dev/keysa
ok 'it goes on to its end' soon has_key new
hides 'unresolved|rekey' sluice volume show k

# --- turned round, by hand, and by what is declared; and never begun again by that
goes() { # back|forward
	printed rekey-key sluice volume show k || return
	if [ "$1" = back ]; then
		printed 'rekey back' sluice volume show k
	else
		not_printed 'rekey back' sluice volume show k
	fi
}
forth="${on/$before/\"key\": \"logon:sluice:fourth\", \"key-before\": \"logon:sluice:new\"}"
back="${on/$before/\"key\": \"logon:sluice:new\", \"key-before\": \"logon:sluice:fourth\"}"
rests=', "rekey-pause": "on"'
done_ key add fourth 1300
done_ apply "$forth, \"rekey-bps\": \"1m\""
ok 'a part of it has the fourth' soon printed 'rekey-done ([0-9]+m|[0-9]{4,}k)' sluice volume show k
done_ apply "$forth$rests"
ok 'it goes to the fourth' goes forward
done_ apply "$back$rests"
ok 'the same keys the other way turn it round' soon goes back
sluice dump >"$tmp/dump.json"
shows '"key": ?"logon:sluice:new", ?"key-before": ?"logon:sluice:fourth"' cat "$tmp/dump.json"
# As to begin it.
admin() { setpriv --bounding-set -sys_admin -- "$@"; }
refused 'CAP_SYS_ADMIN' admin sluice volume rekey k forward
ok 'it still goes back' goes back
done_ sluice volume rekey k forward
ok 'it goes forward by hand' soon goes forward
done_ sluice volume rekey k back
ok '... and back' soon goes back
done_ sluice volume del k
done_ sluice apply "$tmp/dump.json"
ok 'after a crash it goes on its way back' soon goes back
done_ apply "$back"
ok 'it comes to its end' soon not_printed rekey-key sluice volume show k
ok 'it has the one that it had' has_key new
hides 'unresolved|rekey' sluice volume show k
refused 'that key was given up' apply "$forth"
ok 'it still has that' has_key new
done_ apply "$back"
done_ key del fourth

# --- and then it has the new one, though it is declared as before
sluice dump >"$tmp/dump.json"
hides 'key-before' cat "$tmp/dump.json"
done_ apply "$on"
ok 'nothing is left to do' same "$tmp/dump.json"
# Its disk goes, and is back: who says nothing of its record does not have it made with the key of before.
bare() { echo '{ "version": 2, "volume": [ { "name": "k", "dev": "/dev/keysa", "key": "logon:sluice:old" } ] }' | sluice apply --each -; }
echo 0 >"$config/nullb/keysa/power"
echo 1 >"$config/nullb/keysa/power"
ok 'held back, as its record is not declared' exits 3 bare
shows '^k: .*key logon:sluice:new .*dead' sluice volume show k
done_ apply "$on" --each
ok 'made anew with its record it has the new key' has_key new
hides dead sluice volume show k
done_ sluice volume del k
done_ apply "$on"
ok 'made anew it has the new key' has_key new
done_ sluice volume del k
done_ key del old
done_ apply "$on" --each
ok '... also when nobody has the old one any more' has_key new
done_ sluice volume del k
done_ key add old 900
refused "not the volume's key" apply ', "key": "logon:sluice:old"'
done_ key add new 700
refused "not the volume's key" apply "$on"
hides . sluice volume show
done_ key del old
done_ key del new
