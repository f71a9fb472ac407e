# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154,SC2034
#
# End to end: drivers that are not Linux's, on a mediated device.  A server at
# the other end of the wire has what firmware boots from.
# Sourced by inside.sh.

BOOT_ROOT=/run/boot-server

boot_server_start()
{
	mkdir -p $BOOT_ROOT
	cp "/boot/vmlinuz-$KVER" $BOOT_ROOT/vmlinuz
	cp "$(guest_initrd "$KVER")" $BOOT_ROOT/guest.img
	cp "$(find /usr/lib/ipxe /boot -name 'snponly*.efi' | head -n 1)" $BOOT_ROOT/ipxe.efi
	cat >$BOOT_ROOT/boot.ipxe <<-END
		#!ipxe
		kernel http://$PEER_IP/vmlinuz console=ttyS0 quiet loglevel=4 panic=-1 booted=net initrd=guest.img
		initrd --name guest.img http://$PEER_IP/guest.img
		boot
	END
	ip netns exec peer dnsmasq --conf-file=/dev/null --pid-file=/run/dnsmasq.pid --user=root --port=0 \
		--interface=wire0 --bind-interfaces --dhcp-leasefile=/run/dnsmasq.leases \
		--dhcp-range=10.0.0.100,10.0.0.150,255.255.255.0 --dhcp-authoritative --no-ping \
		--enable-tftp --tftp-root=$BOOT_ROOT --log-dhcp --log-facility=/run/dnsmasq.log \
		--dhcp-match=set:ipxe,175 --dhcp-match=set:efi,option:client-arch,7 \
		--dhcp-boot=tag:ipxe,boot.ipxe --dhcp-boot=tag:efi,tag:!ipxe,ipxe.efi &&
	ip netns exec peer busybox httpd -p "$PEER_IP:80" -h $BOOT_ROOT
}

boot_server_stop()
{
	kill "$(cat /run/dnsmasq.pid)"
	kill "$(pgrep -f "busybox httpd -p $PEER_IP:80")"
	rm -rf $BOOT_ROOT
}

# The firmware's own driver fetched all there was, and the kernel that it booted answers.
booted_from_net()
{
	if ! must guest_wait vm1 "$1"; then
		tail -n 30 /run/dnsmasq.log
		strings "$GUEST_DIR/vm1/console" | tail -n 30
		return 1
	fi
	must on_vm "grep -w booted=net /proc/cmdline" &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 &&
	must sluice stats vm1
}

# iPXE's ROM is looked for by the device's number, and Debian's has that of a transitional device.
pxe_rom()
{
	python3 - /usr/lib/ipxe/qemu/pxe-virtio.rom "$1" <<-'END'
		import struct, sys
		rom = bytearray(open(sys.argv[1], "rb").read())
		size = rom[2] * 512
		pcir = struct.unpack_from("<H", rom, 0x18)[0]
		assert rom[pcir:pcir + 4] == b"PCIR"
		struct.pack_into("<H", rom, pcir + 6, 0x1041)
		rom[size - 1] = (rom[size - 1] - sum(rom[:size])) & 0xff
		open(sys.argv[2], "wb").write(rom)
	END
}

# A BIOS boots from the net, with iPXE's driver.
test_pxe()
{
	local rc=0

	[ -d "$RIG_BOOT" ] || { echo "$RIG_BOOT"; return 4; }
	parts_install "$RIG_BOOT"
	fresh
	mdev_setup && boot_server_start && pxe_rom /run/pxe.rom || return
	GUEST_NETBOOT=1 boot_guest bootindex=0,romfile=/run/pxe.rom
	booted_from_net 240 || rc=1
	boot_server_stop
	return "$rc"
}

# UEFI does, with that of EDK2, from which iPXE borrows it.
test_ovmf()
{
	local rc=0 accel

	[ -d "$RIG_BOOT" ] || { echo "$RIG_BOOT"; return 4; }
	parts_install "$RIG_BOOT"
	fresh
	mdev_setup && boot_server_start || return
	cp /usr/share/OVMF/OVMF_VARS_4M.fd /run/vars.fd
	# An emulated host does not survive what EDK2 does below KVM: QEMU 10.0 trips over a lock of its own.
	guest_accel >/dev/null
	! grep -q 'QEMU TCG' /proc/cpuinfo || accel=tcg
	GUEST_ACCEL=${accel:-$GUEST_ACCEL} GUEST_NETBOOT=1 GUEST_MEM=512 boot_guest bootindex=0,romfile= \
		-drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
		-drive if=pflash,format=raw,file=/run/vars.fd
	booted_from_net 400 || rc=1
	boot_server_stop
	return "$rc"
}

# The commands of the guest are the guest's to expand.
# shellcheck disable=SC2016
# DPDK's driver answers what the peer asks, and Linux's works again after it.
test_testpmd()
{
	local args

	[ -s "$RIG_TESTPMD" ] || { echo "$RIG_TESTPMD"; return 4; }
	fresh
	mdev_setup || return
	cat "$(guest_initrd "$KVER")" "$RIG_TESTPMD" >/run/testpmd.img
	GUEST_INITRD=/run/testpmd.img GUEST_MEM=768 boot_guest romfile=
	must guest_wait vm1 180 &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1 || return
	on_vm 'dev=$(basename $(readlink -f /sys/class/net/eth0/device/..)); echo $dev >/tmp/dev
		for m in /[0-9].ko; do insmod $m; done
		mkdir -p /dev/hugepages; mount -t hugetlbfs none /dev/hugepages
		echo 64 >/proc/sys/vm/nr_hugepages
		echo $dev >/sys/bus/pci/drivers/virtio-pci/unbind
		echo uio_pci_generic >/sys/bus/pci/devices/$dev/driver_override
		echo $dev >/sys/bus/pci/drivers/uio_pci_generic/bind && ls /dev/uio0' || return
	for args in "" ,packed_vq=1; do
		on_vm "dpdk-testpmd --lcores '(0,1)@0' -d /pmd --no-telemetry -a \$(cat /tmp/dev)$args -- --forward-mode=icmpecho \
			--auto-start --total-num-mbufs=4096 --stats-period 1 >/tmp/log 2>&1 </dev/zero & sleep 1"
		if ! soon 60 peer_ping 1 || ! must peer_ping 10; then
			on_vm "tail -n 30 /tmp/log"
			return 1
		fi
		must on_vm "killall -INT dpdk-testpmd; sleep 2; ! pgrep dpdk-testpmd" || return
	done
	must on_vm 'dev=$(cat /tmp/dev); echo $dev >/sys/bus/pci/drivers/uio_pci_generic/unbind
		echo >/sys/bus/pci/devices/$dev/driver_override
		echo $dev >/sys/bus/pci/drivers/virtio-pci/bind; sleep 1; ip link set eth0 up' &&
	must sluice_guest_net vm1 &&
	soon 20 ping_ok 1
}

peer_ping()
{
	ip netns exec peer ping -c "$1" -i 0.2 -W 2 "$VM_IP"
}

# A guest on the mediated device; $1: what else its device is told, "$@": what else QEMU is.
boot_guest()
{
	local device=$1

	shift
	guest_start vm1 "$@" -device "vfio-pci,sysfsdev=$mdev_dir,$device"
}
