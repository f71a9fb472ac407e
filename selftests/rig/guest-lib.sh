# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# Nested guests, for scripts that run inside the host.  Sourced, not run.
#
#   guest_start NAME [QEMU ARGUMENT...]   start QEMU; does not wait for the boot
#   guest_wait NAME [SECONDS]             wait until the guest takes commands
#   guest_run NAME COMMAND [SECONDS]      its output and status are ours
#   guest_send NAME COMMAND               the same without waiting for the end,
#   guest_line_wait NAME [SECONDS]        and the end
#   guest_hush NAME                       forget what it has said so far
#   guest_kill NAME [SIGNAL]              end QEMU (TERM)
#   guest_becomes NAME OTHER              it takes the other's name
#   guest_alive NAME
#
# File descriptors that QEMU shall inherit (a vhost node, a tap) are simply
# opened by the caller: guest_start ... 3<>/dev/vhost-sluice

# shellcheck source=host-lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/host-lib.sh"

GUEST_DIR=/run/guest
GUEST_MODULES="virtio_net virtio_blk virtio_rng 8021q 9pnet_virtio 9p"
GUEST_PROGRAMS="bash iperf3 ethtool ip ping"
# An emulated host loses an interrupt of a guest's timer now and then. One that was to be the only one
# leaves the guest standing still for ever; of those that come by themselves the next makes up for it.
: "${GUEST_TICK=nohz=off highres=off}"

# What makes the host's root, read-only, the guest's /new: for programs that are too much for an
# initramfs, which then run as "chroot /new PROGRAM".
GUEST_ROOT=(-fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap"
	    -device "virtio-9p-pci,fsdev=root,mount_tag=root")
GUEST_ROOT_MOUNT="mount -t 9p -o trans=virtio,version=9p2000.L,cache=loose,msize=262144,ro root /new &&
	mount --bind /dev /new/dev && mount -t proc proc /new/proc && mount -t tmpfs tmp /new/tmp"

declare -A guest_pid guest_in guest_out

# Where the guest's initramfs is; made outside, where the cache is writable.
guest_initrd()
{
	local here

	here=$(dirname "${BASH_SOURCE[0]}")
	rig_initrd guest "$1" "$here/guest-init.sh" "$GUEST_MODULES" "$GUEST_PROGRAMS"
}

# KVM if it works in here; a nested one is slow to start, hence the patience.
guest_accel()
{
	if [ -z "${GUEST_ACCEL:-}" ]; then
		GUEST_ACCEL=tcg
		rig_kvm_works 30 && GUEST_ACCEL=kvm
	fi
	echo "$GUEST_ACCEL"
}

# The directory of guest $1, with the pipes for its virtio port "rig".
guest_prepare()
{
	local dir=$GUEST_DIR/$1 in out

	rm -rf "$dir"
	mkdir -p "$dir"
	mkfifo "$dir/port.in" "$dir/port.out"
	exec {in}<>"$dir/port.in" {out}<>"$dir/port.out"
	guest_in[$1]=$in
	guest_out[$1]=$out
}

guest_start()
{
	local name=$1 dir=$GUEST_DIR/$1 cpu=max accel in out boot

	shift
	guest_accel >/dev/null
	accel=$GUEST_ACCEL
	# Without virtualization of its own: in an emulated host QEMU fails to restore the state of that now
	# and then, and a guest that was migrated goes on with broken registers.
	[ "$accel" = kvm ] && cpu=host,-svm,-vmx
	boot=(-kernel "/boot/vmlinuz-$KVER" -initrd "${GUEST_INITRD:-$(guest_initrd "$KVER")}"
	      -append "console=ttyS0 quiet loglevel=4 panic=-1 $GUEST_TICK ${GUEST_APPEND:-}")
	[ -z "${GUEST_NETBOOT:-}" ] || boot=(-boot n)
	[ -z "${GUEST_DISKBOOT:-}" ] || boot=(-boot c)
	guest_prepare "$name"
	in=${guest_in[$name]} out=${guest_out[$name]}

	"${GUEST_QEMU:-qemu-system-x86_64}" -name "$name" -accel "$accel" -cpu "$cpu" \
		-machine "${GUEST_MACHINE:-q35}" -m "${GUEST_MEM:-256}" -smp "${GUEST_CPUS:-1}" \
		-nodefaults -display none -d cpu_reset -D "$dir/resets" \
		"${boot[@]}" \
		-chardev "file,id=con,path=$dir/console" -serial chardev:con \
		-monitor "unix:$dir/monitor,server=on,wait=off" \
		-device virtio-serial-pci \
		-chardev "pipe,id=port,path=$dir/port" \
		-device virtserialport,chardev=port,name=rig \
		-device virtio-rng-pci ${GUEST_INCOMING:+-incoming "$GUEST_INCOMING"} \
		"$@" {in}<&- {out}<&- >"$dir/log" 2>&1 </dev/null &
	guest_pid[$name]=$!
}

guest_alive()
{
	[ -n "${guest_pid[$1]:-}" ] && kill -0 "${guest_pid[$1]}" 2>/dev/null
}

# Read the next line of the guest into REPLY, before second $2 of SECONDS. The part of one that
# has come when a read's second is over is kept: what comes next is the rest of it.
guest_line()
{
	local part=

	while [ "$SECONDS" -lt "$2" ]; do
		if IFS= read -r -t 1 -u "${guest_out[$1]}"; then
			REPLY=$part$REPLY
			return
		fi
		part+=$REPLY
		guest_alive "$1" || return 1
	done
	return 1
}

guest_wait()
{
	local end=$((SECONDS + ${2:-120}))

	while guest_line "$1" "$end"; do
		[ "$REPLY" = "=ready" ] && return
	done
	echo "guest $1 does not come up; QEMU said:" >&2
	tail -n 20 "$GUEST_DIR/$1/log" "$GUEST_DIR/$1/console" >&2
	return 1
}

guest_send()
{
	{ base64 -w 0 <<<"$2"; echo; } >&"${guest_in[$1]}"
}

guest_line_wait()
{
	local end=$((SECONDS + ${2:-60}))

	while guest_line "$1" "$end"; do
		case $REPLY in
		"|"*)	printf '%s\n' "${REPLY#|}" ;;
		"=ready") echo "guest $1 has booted anew" >&2 ;;
		"="*)	return "${REPLY#=}" ;;
		esac
	done
	echo "guest $1 gave no answer" >&2
	return 124
}

# Forget what guest $1 has said: one that was migrated may say its last again.
guest_hush()
{
	while IFS= read -r -t 0.3 -u "${guest_out[$1]}"; do
		[ "$REPLY" != "=ready" ] || echo "guest $1 has booted anew" >&2
	done
}

guest_run()
{
	guest_send "$1" "$2"
	guest_line_wait "$1" "${3:-60}"
}

guest_kill()
{
	local pid=${guest_pid[$1]:-} in=${guest_in[$1]:-} out=${guest_out[$1]:-}

	[ -n "$pid" ] || return 0
	kill -"${2:-TERM}" "$pid" 2>/dev/null || :
	wait "$pid" 2>/dev/null || :
	exec {in}>&- {out}>&-
	unset "guest_pid[$1]" "guest_in[$1]" "guest_out[$1]"
}

# Guest $1 goes on in the place of $2, which is no more.
guest_becomes()
{
	mv "$GUEST_DIR/$2" "$GUEST_DIR/$2.gone"
	mv "$GUEST_DIR/$1" "$GUEST_DIR/$2"
	rm -rf "$GUEST_DIR/$2.gone"
	guest_pid[$2]=${guest_pid[$1]} guest_in[$2]=${guest_in[$1]} guest_out[$2]=${guest_out[$1]}
	unset "guest_pid[$1]" "guest_in[$1]" "guest_out[$1]"
}
