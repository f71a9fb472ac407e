#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Inside the host: makes a virtual function of the NVMe drive, which alone
# has the drive's second namespace, and prints the path of that.  Once there
# it stays.
set -euo pipefail

die()
{
	echo "host-nvme.sh: $*" >&2
	exit 1
}

# Until $@ is true.
soon()
{
	local i

	for ((i = 0; i < 200; i++)); do
		"$@" && return
		sleep 0.1
	done
	die "in vain: $*"
}

modprobe nvme
soon test -c /dev/nvme0
pf=$(readlink -f /sys/class/nvme/nvme0/device)
# A namespace that several controllers may have is a block device of all of them.
disk=/dev/nvme0n2
if [ ! -b "$disk" ]; then
	{
		# A VF without queues is not ready: its driver comes when it has them.
		echo 0 >"$pf/sriov_drivers_autoprobe"
		echo 1 >"$pf/sriov_numvfs"
		# Queues (0), interrupts (1), and on with it.
		nvme virt-mgmt /dev/nvme0 -c 1 -r 0 -a 8 -n 2
		nvme virt-mgmt /dev/nvme0 -c 1 -r 1 -a 8 -n 2
		nvme virt-mgmt /dev/nvme0 -c 1 -a 9
		nvme attach-ns /dev/nvme0 -n 2 -c 1
		echo 1 >"$pf/sriov_drivers_autoprobe"
		basename "$(readlink -f "$pf/virtfn0")" >/sys/bus/pci/drivers_probe
	} >&2
	soon test -b "$disk"
fi
echo "$disk"
