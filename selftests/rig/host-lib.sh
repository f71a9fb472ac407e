# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the machine rig and the nested guest share: choice of kernel, choice
# of accelerator, and small initramfs images.  Sourced, not run.

RIG_CACHE=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}

rig_die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# The newest stock kernel (6.12 or later) that has both an image and modules;
# KVER= names another.
rig_kver()
{
	local v

	if [ -n "${KVER:-}" ]; then
		echo "$KVER"
		return
	fi
	while read -r v; do
		[ -d "/lib/modules/$v/kernel" ] || continue
		[ -r "/boot/vmlinuz-$v" ] || continue
		if [ "$(printf '%s\n' 6.12 "$v" | sort -V | head -n 1)" = 6.12 ]; then
			echo "$v"
			return
		fi
	done < <(find /boot -maxdepth 1 -name 'vmlinuz-*' -printf '%f\n' |
		 sed 's/^vmlinuz-//' | sort -rV)
	return 1
}

# Is KVM there, and any good?  A device node proves nothing: under a
# hypervisor without nested paging it opens, and then runs a hundred times
# slower than emulation.  So a boot sector is run that writes one byte to the
# exit port; $1 is how many seconds that may take.
rig_kvm_works()
{
	local limit=${1:-2} disk rc=0

	[ -r /dev/kvm ] && [ -w /dev/kvm ] || return 1
	disk=$(mktemp)
	# mov al,0x10; out 0xf4,al; hlt; jmp -1
	printf '\xb0\x10\xe6\xf4\xf4\xeb\xfd' >"$disk"
	truncate -s 510 "$disk"
	printf '\x55\xaa' >>"$disk"
	timeout -k 1 "$limit" qemu-system-x86_64 -accel kvm -machine pc -m 32 \
		-nodefaults -display none -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=1 \
		-drive "if=floppy,format=raw,readonly=on,file=$disk" -boot a \
		</dev/null >/dev/null 2>&1 || rc=$?
	rm -f "$disk"
	[ "$rc" -eq 33 ]
}

# The modules $2... of kernel $1 with all they need, in loading order.
rig_module_files()
{
	local ver=$1 m

	shift
	for m in "$@"; do
		/sbin/modprobe -S "$ver" --show-depends "$m" ||
			rig_die "kernel $ver has no module $m"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Module file $1, unpacked.
rig_module_cat()
{
	case $1 in
	*.xz)	xz -dc "$1" ;;
	*.zst)	zstd -qdc "$1" ;;
	*)	cat "$1" ;;
	esac
}

# Where program $1 is.
rig_program()
{
	PATH=$PATH:/usr/sbin:/sbin command -v "$1" ||
		rig_die "$1 is not installed (selftests/rig/deps.sh rig)"
}

# Copy program $2 and the libraries it is linked to below directory $1.  One
# more is loaded at run time, by whoever cancels a thread (iperf3 does).
rig_copy_program()
{
	local root=$1 prog file

	prog=$(rig_program "$2")
	install -D "$prog" "$root/bin/${prog##*/}"
	while read -r file; do
		install -D "$file" "$root$file"
	done < <({ ldd "$prog"; /sbin/ldconfig -p | grep 'libgcc_s\.so\.1 .*x86-64'; } 2>/dev/null |
		 grep -o '/[^ ]*')
}

# Make (or find in the cache) an initramfs and print its path:
# rig_initrd NAME KVER INIT "MODULES" "PROGRAMS"
# Modules are stored unpacked, in /modules, listed in /modules/order.
rig_initrd()
{
	local name=$1 ver=$2 init=$3 mods=$4 progs=$5
	local key out tmp file base n=0

	key=$({ echo "$ver $mods $progs"; cat "$init" "${BASH_SOURCE[0]}"
		stat -c '%n %Y' "/boot/vmlinuz-$ver"
		for file in $progs; do stat -Lc '%n %Y' "$(rig_program "$file")"; done; } |
		sha256sum | cut -c1-12)
	out=$RIG_CACHE/$name-$ver-$key.cpio.gz
	if [ -s "$out" ]; then
		echo "$out"
		return
	fi

	mkdir -p "$RIG_CACHE"
	tmp=$(mktemp -d)
	mkdir -p "$tmp/root"/{bin,dev,etc,modules,new,proc,run,sys,tmp}
	install "$(command -v busybox)" "$tmp/root/bin/busybox"
	ldd "$tmp/root/bin/busybox" >/dev/null 2>&1 &&
		rig_die "busybox is not static: install busybox-static"
	ln -s busybox "$tmp/root/bin/sh"
	install "$init" "$tmp/root/init"
	# Words are wanted here.
	# shellcheck disable=SC2086
	while read -r file; do
		base=$(printf '%02d-%s' "$n" "${file##*/}")
		base=${base%.[xz]*}
		n=$((n + 1))
		rig_module_cat "$file" >"$tmp/root/modules/$base"
		echo "$base" >>"$tmp/root/modules/order"
	done < <(rig_module_files "$ver" $mods)
	for file in $progs; do
		rig_copy_program "$tmp/root" "$file"
	done
	(cd "$tmp/root" && find . | cpio -o -H newc --quiet -R 0:0) |
		gzip -1 >"$tmp/cpio"
	# Whole, or not at all.
	cp "$tmp/cpio" "$out.$BASHPID"
	mv "$out.$BASHPID" "$out"
	rm -rf "$tmp"
	echo "$out"
}
