# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What run.sh and icount.sh measure, and what they build for it. Sourced; $here and $top are set.

# bench_paths [net|block] [MORE]: what stands first inwards is what is subtracted there; MORE is of net
bench_paths() {
	local net="wire sluice mdev ${2:+$2 }ovs bridge macvtap"
	local block="raw raw-dm volume volume-crypt volume-dm scsi scsi-dm user user-dm cipher"
	case $1 in
	'') echo "$net $block" ;;
	net) echo "$net" ;;
	block) echo "$block" ;;
	*) echo "BENCH is net or block" >&2; return 1 ;;
	esac
}

bench_has_sluice() { [[ " $BENCH_PATHS " =~ ' '(sluice|mdev|passthrough|volume[a-z-]*)' ' ]]; }

# bench_cipher KDIR [SETTING...]: build the cipher's module in a place of its own, and print where it is
bench_cipher() {
	local dir
	# shellcheck disable=SC2154
	dir=$here/out/cipher-$(basename "$(realpath "$1")")
	mkdir -p "$dir"
	ln -sfn "$here"/cipher/{Kbuild,bench_cipher.c} "$dir/"
	make -s -C "$1" M="$dir" "${@:2}" modules >&2
	echo "$dir/bench_cipher.ko"
}
