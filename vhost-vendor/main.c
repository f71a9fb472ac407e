// SPDX-License-Identifier: GPL-2.0-only
/* sluice_vhost.ko: guests attach to Sluice as they attach to vhost-net and a tap. */
#include <linux/module.h>
#include "tap.h"
#include "vhost.h"

static int __init sluice_vhost_init(void)
{
	int err;

	err = sluice_tapdev_init();
	if (err)
		return err;
	err = sluice_vhost_node_register();
	if (err)
		sluice_tapdev_exit();
	return err;
}
module_init(sluice_vhost_init);

/* An open node or tap holds the module, so none is left. */
static void __exit sluice_vhost_exit(void)
{
	sluice_vhost_node_unregister();
	sluice_tapdev_exit();
}
module_exit(sluice_vhost_exit);

SLUICE_IMPORT;
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The Sluice developers");
MODULE_DESCRIPTION("Sluice: vhost-net's ABI for guest ports");
