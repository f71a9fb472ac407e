// SPDX-License-Identifier: GPL-2.0-only
/*
 * sluice.ko holds what guests and the host have a hand on. Control comes last and leaves first:
 * whoever can reach it finds everything below it alive.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/rtnetlink.h>
#include "instance.h"
#include "netlink.h"
#include "port.h"
#include "volume.h"
#include "worker.h"

static int __init sluice_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct sluice_skb_cb) > sizeof_field(struct sk_buff, cb));

	err = sluice_call_init();
	if (err)
		return err;
	err = sluice_fault_init();
	if (err)
		goto call;
	err = sluice_announce_init();
	if (err)
		goto fault;
	err = sluice_offloads_init();
	if (err)
		goto announce;
	err = sluice_volume_init();
	if (err)
		goto offloads;
	err = sluice_instance_init();
	if (err)
		goto volume;
	err = sluice_uplink_init();
	if (err)
		goto instance;
	err = sluice_rep_init();
	if (err)
		goto uplink;
	err = sluice_netlink_init();
	if (err)
		goto rep;
	return 0;

rep:
	sluice_rep_exit();
uplink:
	sluice_uplink_exit();
instance:
	sluice_instance_exit();
volume:
	sluice_volume_exit();
offloads:
	sluice_offloads_exit();
announce:
	sluice_announce_exit();
fault:
	sluice_fault_exit();
call:
	sluice_call_exit();
	return err;
}

/*
 * Front ends and the engine use our symbols, so none is loaded; the last ports go with the link
 * operations.
 */
static void __exit sluice_exit(void)
{
	sluice_netlink_exit();
	sluice_rep_exit();
	sluice_uplink_exit();
	sluice_worker_exit();
	sluice_watchdog_exit();
	sluice_instance_exit();
	sluice_volume_exit();
	sluice_offloads_exit();
	sluice_announce_exit();
	sluice_fault_exit();
	sluice_call_exit();
	/* Workers are freed after a grace period, by code of ours. */
	rcu_barrier();
}

module_init(sluice_init);
module_exit(sluice_exit);

MODULE_DESCRIPTION("Sluice: policy and flow rules between guests' virtqueues and SR-IOV VFs");
MODULE_AUTHOR("The Sluice developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_RTNL_LINK("sluice");
MODULE_ALIAS_GENL_FAMILY("sluice");
MODULE_SOFTDEP("post: sluice_net");
