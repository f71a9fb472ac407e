#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Boots "the host" - a stock Debian kernel in QEMU on this machine's own
# root, read-only with a throw-away layer - runs a program in it, and ends
# with that program's exit status.  Nothing is left behind.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
# However this ends, QEMU ends with it.
[ "${RIG_GUARDED:-}" = $$ ] || exec "$here/guard.py" "$0" "$@"
# shellcheck source=host-lib.sh
. "$here/host-lib.sh"

usage()
{
	cat <<-END
	usage: host-run.sh [options] PROGRAM [ARGUMENT...]
	  -t SECONDS   give up after so long (900)
	  -c N         processors (2)
	  -m MIB       memory (2560; no more than 2816 with VFs)
	  -v N         virtual functions of the SR-IOV NIC (4); 0: no NICs
	  -d DIR       what the NVMe drive holds stays in DIR, for another boot
	  -e NAME=VAL  a variable for the program; may be repeated
	  -o DIR       keep dmesg, the console's log and what the program
	               wrote to \$RIG_OUT in DIR
	  -i           count instructions: one processor, no accelerator, and the
	               clock is the number of instructions executed, in ns
	  -a ARG       one more argument for QEMU; may be repeated
	KVER=VERSION chooses the kernel, RIG_ACCEL=kvm|tcg the accelerator,
	RIG_ICOUNT_CPU the processor that -i counts on.
	Exit status: the program's; 124 after a time-out, 125 if the host fails,
	126 if its emulator does: it stands still, or ends and its kernel said nothing.
	END
	exit "$1"
}

limit=900 cpus=2 mem=2560 vfs=4 out='' icount='' drives=''
envs=() extra=()
while getopts t:c:m:v:d:e:o:ia:h opt; do
	case $opt in
	t) limit=$OPTARG ;;
	c) cpus=$OPTARG ;;
	m) mem=$OPTARG ;;
	v) vfs=$OPTARG ;;
	d) drives=$OPTARG ;;
	e) envs+=("$OPTARG") ;;
	o) out=$OPTARG ;;
	i) icount=1 ;;
	a) extra+=("$OPTARG") ;;
	h) usage 0 ;;
	*) usage 2 >&2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage 2 >&2

ver=$(rig_kver) || rig_die "no kernel 6.12 or later in /boot (selftests/rig/deps.sh rig)"
command -v qemu-system-x86_64 >/dev/null || rig_die "no qemu-system-x86_64 (selftests/rig/deps.sh rig)"
initrd=$(rig_initrd host "$ver" "$here/host-initrd-init.sh" \
	 "virtio_pci 9pnet_virtio 9p overlay" "")

job=$TMPDIR
boot_limit=180
pf_mac=52:54:00:51:00:01 peer_mac=52:54:00:51:00:02
mkdir "$job/out"
{
	printf 'RIG_VFS=%q\nRIG_PF_MAC=%q\nRIG_PEER_MAC=%q\n' "$vfs" $pf_mac $peer_mac
	printf 'RIG_CWD=%q\nRIG_OUT=%q\nRIG_CACHE=%q\nKVER=%q\n' \
		"$PWD" "$job/out" "$RIG_CACHE" "$ver"
	for e in ${envs[@]+"${envs[@]}"}; do
		printf '%s=%q\n' "${e%%=*}" "${e#*=}"
	done
} >"$job/env"
printf '%s\0' "$@" >"$job/cmd"

# A host that counts instructions is left alone, and one on KVM does not stand still.
beat='' ticks=''
if [ -n "$icount" ]; then
	boot_limit=240
	# Every byte of a "rep movsb" would count as an instruction: hide the
	# features that make the kernel prefer it.
	machine=(-accel "tcg,thread=single" -icount "shift=0,sleep=off"
		 -cpu "${RIG_ICOUNT_CPU:-max,+svm,-erms,-fsrm,-fsrs,-fzrm}" -smp 1)
elif [ "${RIG_ACCEL:-}" = kvm ] || { [ -z "${RIG_ACCEL:-}" ] && rig_kvm_works 2; }; then
	machine=(-accel kvm -cpu host -smp "$cpus")
else
	machine=(-accel "tcg,thread=multi" -cpu "max,+svm" -smp "$cpus")
	beat=1
	echo RIG_BEAT=1 >>"$job/env"
	# An interrupt that was lost is noticed with the next: so ticks come by themselves (Documentation/testing.md).
	# Whether the timer ticks at all is not looked at: on a busy machine it may seem not to, and that is a panic.
	ticks="nohz=off highres=off no_timer_check"
fi

# Memory above 4 GiB would make the firmware place the VFs' registers there as
# well, and QEMU 10.0's VFs then answer at the lower half of that address only.
if [ "$vfs" -gt 0 ] && [ "$mem" -gt 2816 ]; then
	rig_die "no more than 2816 MiB with VFs"
fi
nics=()
if [ "$vfs" -gt 0 ]; then
	nics=(-device "pcie-root-port,id=rp0,slot=1,chassis=1"
	      -netdev "hubport,id=n0,hubid=0"
	      -device "igb,bus=rp0,netdev=n0,mac=$pf_mac"
	      -device "pcie-root-port,id=rp1,slot=2,chassis=2"
	      -netdev "hubport,id=n1,hubid=0"
	      -device "igb,bus=rp1,netdev=n1,mac=$peer_mac")
fi
# For volumes: a drive with one namespace of its own, and one that a VF may have (host-nvme.sh).
drives=${drives:-$job}
truncate -s 64M "$drives/nvme" "$drives/nvme2"
disks=(-device "pcie-root-port,id=rp2,slot=3,chassis=1"
       -device "nvme-subsys,id=subsys,nqn=rig"
       -device "nvme,id=nvme0,bus=rp2,serial=rig,subsys=subsys,max_ioqpairs=6,msix_qsize=7,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=4"
       -drive "if=none,id=nvme,format=raw,file=$drives/nvme"
       -device "nvme-ns,drive=nvme,bus=nvme0,nsid=1,shared=off"
       -drive "if=none,id=nvme2,format=raw,file=$drives/nvme2"
       -device "nvme-ns,drive=nvme2,bus=nvme0,nsid=2,shared=on,detached=on")

boot()
{
	qemu-system-x86_64 "${machine[@]}" -machine q35,kernel-irqchip=split -m "$mem" \
		-nodefaults -display none -no-reboot \
		-chardev "file,id=con,path=$job/console" -serial chardev:con \
		-chardev stdio,id=job,signal=on -serial chardev:job \
		-device intel-iommu,intremap=on,caching-mode=on \
		-device virtio-rng-pci \
		-d cpu_reset -D "$job/resets" \
		-kernel "/boot/vmlinuz-$ver" -initrd "$initrd" \
		-append "console=ttyS0 panic=-1 oops=panic quiet loglevel=5 intel_iommu=on iommu=pt $ticks rig.init=$here/host-init.sh rig.job=$job" \
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=root,mount_tag=hostroot \
		-fsdev "local,id=job,path=$job,security_model=none" \
		-device virtio-9p-pci,fsdev=job,mount_tag=job \
		"${disks[@]}" ${nics[@]+"${nics[@]}"} ${extra[@]+"${extra[@]}"} </dev/null \
		2> >(grep -v 'hub 0 is not connected' >&2) &
	qemu_pid=$!
}

# Under emulation on a busy machine a timer of the booting kernel is lost now
# and then, and it stands still or panics: that is before anything of ours has
# run, and is tried again.
boot_again()
{
	echo "# again: the host did not boot ($([ "$SECONDS" -lt "$up_by" ] && echo 'QEMU ended' || echo "in $boot_limit s")): try $((tries + 1))" >&2
	tail -n 5 "$job/console" | sed 's/^/# /' >&2 || :
	kill -9 "$qemu_pid" 2>/dev/null || :
	wait "$qemu_pid" 2>/dev/null || :
	tries=$((tries + 1))
	boot
	up_by=$((SECONDS + boot_limit))
}

# An emulated host with guests of its own stands still for good now and then, see Documentation/testing.md.
stands_still()
{
	[ -n "$beat" ] && [ $((SECONDS % 10)) = 0 ] && [ -e "$job/alive" ] && [ ! -e "$job/rc" ] &&
		[ $(($(date +%s) - $(stat -c %Y "$job/alive"))) -gt "$beat_limit" ]
}

# An emulated host starts over now and then, as its guests do, and not a word of its kernel's says why
# (Documentation/testing.md); the emulator itself may crash. A kernel that fails by itself tells so first.
ended_unsaid()
{
	[ -n "$beat" ] && [ -z "$late" ] && [ -e "$job/up" ] &&
		! grep -qE 'Kernel panic|reboot: |Oops|BUG:|WARNING:|Call Trace|protection fault|[Uu]nable to handle' "$job/console"
}

# Wait in small steps, so that a signal to us is acted upon at once.
boot
late='' still='' tries=1 beat_limit=${RIG_BEAT_LIMIT:-240}
end=$((SECONDS + limit))
up_by=$((SECONDS + boot_limit))
while :; do
	alive=1
	kill -0 "$qemu_pid" 2>/dev/null || alive=
	if [ "$SECONDS" -ge "$end" ]; then
		late=1
		kill -9 "$qemu_pid" 2>/dev/null || :
		break
	fi
	if stands_still; then
		still=1
		kill -9 "$qemu_pid" 2>/dev/null || :
		break
	fi
	if [ ! -e "$job/up" ] && [ "$tries" -lt 4 ] &&
	   { [ -z "$alive" ] || [ "$SECONDS" -ge "$up_by" ]; }; then
		boot_again
	elif [ -z "$alive" ]; then
		break
	fi
	sleep 0.2
done
ended=0
wait "$qemu_pid" 2>/dev/null || ended=$?
qemu_pid=

if [ -n "$out" ]; then
	mkdir -p "$out"
	cp "$job/console" "$out/" 2>/dev/null || :
	cp "$job/dmesg" "$out/" 2>/dev/null || :
	cp "$job/resets" "$out/" 2>/dev/null || :
	cp -r "$job/out/." "$out/" 2>/dev/null || :
fi
if [ -s "$job/rc" ]; then
	exit "$(cat "$job/rc")"
fi
echo "host-run.sh: ${late:+time-out of $limit s; }${still:+no sign of life for $beat_limit s; }the host did not finish; its console's end:" >&2
tail -n 60 "$job/console" >&2 || :
[ -z "$late" ] || exit 124
[ -z "$still" ] || exit 126
if ended_unsaid; then
	echo "host-run.sh: its emulator ended with status $ended, and its kernel did not say why; the last reset:" >&2
	grep -A 24 -e 'Triple fault' "$job/resets" | tail -n 25 >&2 || echo "no triple fault" >&2
	exit 126
fi
exit 125
