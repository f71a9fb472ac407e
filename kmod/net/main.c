// SPDX-License-Identifier: GPL-2.0-only
/* sluice_net.ko moves packets: it hangs its tables on the objects that sluice.ko holds. */
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "config.h"
#include "datapath.h"
#include "draft.h"
#include "net.h"

static int net_instance_add(struct sluice_instance *inst)
{
	struct sluice_net_instance *ni = kzalloc(sizeof(*ni), GFP_KERNEL_ACCOUNT);
	int err;

	if (!ni)
		return -ENOMEM;
	err = sluice_config_instance_init(ni);
	if (err) {
		kfree(ni);
		return err;
	}
	ni->inst = inst;
	ni->gen = sluice_net_gen_new();
	inst->engine = ni;
	return 0;
}

static void net_instance_del(struct sluice_instance *inst)
{
	struct sluice_net_instance *ni = inst->engine;

	sluice_config_instance_exit(ni);
	kfree(ni);
}

static_assert(sizeof(struct sluice_net_port) <= SLUICE_ENGINE_PORT_MEMORY);

static int net_port_add(struct sluice_port *port)
{
	struct sluice_net_port *np = kzalloc(sizeof(*np), GFP_KERNEL_ACCOUNT);
	int err;

	if (!np)
		return -ENOMEM;
	err = sluice_config_port_init(np);
	if (err) {
		kfree(np);
		return err;
	}
	port->engine = np;
	return 0;
}

/*
 * Config forgets the port everywhere and raises the generation, so no burst that starts from now on
 * can reach it. The calls wait for those that had started, and deliver the counts that old entries
 * hold.
 */
static int net_port_del(struct sluice_port *port)
{
	struct sluice_net_port *np = port->engine;
	int err;

	sluice_config_port_exit(port->inst->engine, port, np);
	err = sluice_worker_call_all(sluice_datapath_flush_call, NULL);
	if (err) {
		sluice_leak(sizeof(*np));
		return err;
	}
	port->engine = NULL;
	kfree(np);
	return 0;
}

static void net_port_unlink(struct sluice_port *port)
{
	sluice_net_config_port_gone(port->inst->engine, port);
	sluice_worker_call_all(sluice_datapath_flush_call, NULL);
}

static void net_port_changed(struct sluice_port *port)
{
	sluice_net_changed(port->inst->engine);
}

static const struct sluice_engine_ops net_ops = {
	.owner = THIS_MODULE,
	.name = "sluice_net",
	.abi = SLUICE_ENGINE_ABI,
	.instance_add = net_instance_add,
	.instance_del = net_instance_del,
	.worker_add = sluice_datapath_worker_add,
	.worker_del = sluice_datapath_worker_del,
	.worker_abandon = sluice_datapath_worker_abandon,
	.port_add = net_port_add,
	.port_del = net_port_del,
	.port_unlink = net_port_unlink,
	.port_changed = net_port_changed,
	.guest_tx = sluice_datapath_guest_tx,
	.guest_rx = sluice_datapath_guest_rx,
	.uplink_rx = sluice_datapath_uplink_rx,
	.guest_read = sluice_datapath_guest_read,
	.flush = sluice_datapath_flush,
	.inject = sluice_datapath_inject,
	.announce = sluice_datapath_announce,
	.draft_begin = sluice_draft_begin,
	.draft_build = sluice_draft_build,
	.draft_switch = sluice_draft_switch,
	.draft_end = sluice_draft_end,
	.wire_set = sluice_config_wire_set,
	.wire_del = sluice_config_wire_del,
	.wire_peer = sluice_config_wire_peer,
	.port_behind = sluice_config_port_behind,
	.acl_add = sluice_config_acl_add,
	.acl_del = sluice_config_acl_del,
	.acl_flush = sluice_config_acl_flush,
	.acl_set_default = sluice_config_acl_set_default,
	.acl_default = sluice_config_acl_default,
	.acl_dump = sluice_config_acl_dump,
	.guard_set = sluice_config_guard_set,
	.guard_get = sluice_config_guard_get,
	.rate_set = sluice_config_rate_set,
	.rate_get = sluice_config_rate_get,
	.meter_add = sluice_config_meter_add,
	.meter_del = sluice_config_meter_del,
	.meter_dump = sluice_config_meter_dump,
	.flow_add = sluice_config_flow_add,
	.flow_del = sluice_config_flow_del,
	.flow_flush = sluice_config_flow_flush,
	.flow_get = sluice_config_flow_get,
	.flow_dump = sluice_config_flow_dump,
	.config_gen = sluice_config_gen,
};

static int __init sluice_net_init(void)
{
	return sluice_engine_register(&net_ops);
}

/*
 * The last reclaim may still be on its way, through a work item and RCU callbacks whose code is
 * ours.
 */
static void __exit sluice_net_exit(void)
{
	sluice_engine_unregister(&net_ops);
	sluice_reclaim_sync();
	rcu_barrier();
}

module_init(sluice_net_init);
module_exit(sluice_net_exit);

MODULE_DESCRIPTION("Sluice: packet engine");
MODULE_AUTHOR("The Sluice developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
SLUICE_IMPORT;
