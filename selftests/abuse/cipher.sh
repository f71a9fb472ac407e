#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A local user put cryptd in front of the kernel's xts(aes) before our modules came (with-modules.sh): volumes have
# one that works in the caller's own thread all the same.
set -euo pipefail
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

config=/sys/kernel/config
mountpoint -q "$config" || mount -t configfs none "$config"
trap 'rc=$?; clean; rmdir "$config/nullb/slcipher"; (exit $rc); finish' EXIT
mkdir "$config/nullb/slcipher"
echo 8 >"$config/nullb/slcipher/size"
echo 1 >"$config/nullb/slcipher/memory_backed"
echo 1 >"$config/nullb/slcipher/power"
key() { head -c 64 /dev/urandom | sluice key add slcipher; }
# Who uses a driver: 1 is the kernel's own list.
users() { # driver
	awk -v driver="$1" '$1 == "driver" { this = $3 == driver } this && $1 == "refcnt" { print $3 }' /proc/crypto
}
best() { # name
	awk -v name="$1" '
		$1 == "name" { this = $3 == name }
		this && $1 == "driver" { driver = $3 }
		this && $1 == "priority" && $3 > most { most = $3; best = driver }
		END { print best }' /proc/crypto
}

if ! grep -qF 'cryptd(xts' /proc/crypto; then
	ok 'this kernel has no cryptd, or no sockets for ciphers # SKIP' true
	exit
fi
shows '^cryptd\(' best 'xts(aes)'
done_ key
done_ sluice volume add vol1 dev /dev/slcipher key logon:sluice:slcipher
shows '^1$' users "$(best 'xts(aes)')"
own=$(best 'xts(aes)')
own=${own#cryptd(}
shows '^[2-9]' users "${own%)}"
done_ sluice volume del vol1
