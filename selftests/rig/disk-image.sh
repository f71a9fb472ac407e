# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# Inside the host: disks to boot from.  Sourced.  Needs GRUB's files and
# mtools: DISK_IMAGE_PACKAGES, as unpack.sh has them.

DISK_IMAGE_PACKAGES=(ovmf grub-pc-bin grub-efi-amd64-bin grub-common mtools)

# What was unpacked into $1, in its place.
parts_install()
{
	[ -z "$(ls "$1")" ] || {
		tar -C "$1" -c . | tar -C / -x --keep-directory-symlink --no-same-owner
		ldconfig
	}
}

# GRUB for platform $1, with modules $3..., as file $2; what it does, from a disk
# that holds kernel and initramfs.
disk_image_grub()
{
	local platform=$1 out=$2

	shift 2
	cat >/run/early.cfg <<-END
		serial --unit=0
		terminal_output serial
		search --no-floppy --file --set=root /vmlinuz
		linux /vmlinuz console=ttyS0 quiet loglevel=4 panic=-1 $GUEST_TICK booted=disk
		initrd /guest.img
		boot
	END
	grub-mkimage -d "/usr/lib/grub/$platform" -O "$platform" -c /run/early.cfg -p / -o "$out" \
		part_msdos fat linux search search_fs_file serial "$@"
}

# File $1, $2 MiB long: a disk that BIOS and UEFI boot the guest's kernel from.
# It has one partition, which is the ESP too, and in front of it GRUB's image for a
# BIOS, which looks for itself in the sectors behind the first.
disk_image()
{
	local file=$1 mib=$2 part=$1@@1M

	disk_image_grub i386-pc /run/core.img biosdisk &&
	disk_image_grub x86_64-efi /run/bootx64.efi || return
	# EDK2 reads all of it in one request, as it does a kernel that is an EFI program.
	truncate -s 8M /run/bootx64.efi
	python3 - /usr/lib/grub/i386-pc/boot.img /run/core.img $((mib - 1)) >"$file" <<-'END' || return
		import struct, sys
		boot = bytearray(open(sys.argv[1], "rb").read())
		core = open(sys.argv[2], "rb").read()
		assert len(boot) == 512 and len(core) <= 2047 * 512
		# Where the partition table is, it has code for floppies.
		entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0xef, b"\xfe\xff\xff",
		                    2048, int(sys.argv[3]) * 2048)
		boot[446:] = entry.ljust(64, b"\0") + b"\x55\xaa"
		sys.stdout.buffer.write(boot + core)
	END
	truncate -s "${mib}M" "$file" &&
	mformat -i "$part" -T $(((mib - 1) * 2048)) -h 64 -s 32 :: &&
	mmd -i "$part" ::EFI ::EFI/BOOT &&
	mcopy -i "$part" /run/bootx64.efi ::EFI/BOOT/BOOTX64.EFI &&
	mcopy -i "$part" "/boot/vmlinuz-$KVER" ::vmlinuz &&
	mcopy -i "$part" "$(guest_initrd "$KVER")" ::guest.img
}
