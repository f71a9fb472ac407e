// SPDX-License-Identifier: GPL-2.0-only
/* What Sluice keeps for each network namespace. */
#include <linux/rtnetlink.h>
#include <net/netns/generic.h>
#include "instance.h"
#include "port.h"

static unsigned int instance_net_id;

struct sluice_instance *sluice_instance_get(struct net *net)
{
	return net_generic(net, instance_net_id);
}

static int __net_init instance_net_init(struct net *net)
{
	struct sluice_instance *inst = sluice_instance_get(net);

	inst->net = net;
	INIT_LIST_HEAD(&inst->ports);
	INIT_LIST_HEAD(&inst->engine_node);
	return 0;
}

/*
 * The namespace's netdevs went before: a pernet subsystem leaves after every pernet device, and the
 * core's own device exit has deleted what has link operations. So no port and hence no worker knows
 * this instance any more.
 */
static void __net_exit instance_net_exit(struct net *net)
{
	struct sluice_instance *inst = sluice_instance_get(net);

	WARN_ON_ONCE(!list_empty(&inst->ports));
	rtnl_lock();
	sluice_engine_instance_del(inst);
	rtnl_unlock();
}

static struct pernet_operations instance_ops = {
	.init = instance_net_init,
	.exit = instance_net_exit,
	.id = &instance_net_id,
	.size = sizeof(struct sluice_instance),
};

int sluice_instance_init(void)
{
	return register_pernet_subsys(&instance_ops);
}

void sluice_instance_exit(void)
{
	unregister_pernet_subsys(&instance_ops);
}
