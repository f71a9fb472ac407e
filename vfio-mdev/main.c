// SPDX-License-Identifier: GPL-2.0-only
/* sluice_mdev.ko: guest ports and volumes as virtio devices on PCI, through VFIO. */
#include <linux/module.h>
#include "mdev.h"

static int __init sluice_mdev_init(void)
{
	int err;

	err = sluice_mdev_device_init();
	if (err)
		return err;
	err = sluice_mdev_parent_init();
	if (err)
		sluice_mdev_device_exit();
	return err;
}
module_init(sluice_mdev_init);

static void __exit sluice_mdev_exit(void)
{
	sluice_mdev_parent_exit();
	sluice_mdev_device_exit();
}
module_exit(sluice_mdev_exit);

SLUICE_IMPORT;
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The Sluice developers");
MODULE_DESCRIPTION("Sluice: guest ports and volumes as virtio-pci mediated devices");
MODULE_SOFTDEP("post: vfio_iommu_type1");
