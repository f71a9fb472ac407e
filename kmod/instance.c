// SPDX-License-Identifier: GPL-2.0-only
/* What Sluice keeps for each network namespace. */
#include <linux/mutex.h>
#include <linux/rtnetlink.h>
#include <net/netns/generic.h>
#include "instance.h"
#include "port.h"

static unsigned int instance_net_id;

/* Inside RTNL: a namespace comes without it. */
static LIST_HEAD(instances);
static DEFINE_MUTEX(instances_lock);

struct sluice_instance *sluice_instance_get(struct net *net)
{
	return net_generic(net, instance_net_id);
}

void sluice_instance_each(void (*fn)(struct sluice_instance *inst, void *arg), void *arg)
{
	struct sluice_instance *inst;

	ASSERT_RTNL();
	mutex_lock(&instances_lock);
	list_for_each_entry(inst, &instances, all)
		fn(inst, arg);
	mutex_unlock(&instances_lock);
}

static int __net_init instance_net_init(struct net *net)
{
	struct sluice_instance *inst = sluice_instance_get(net);

	inst->net = net;
	INIT_LIST_HEAD(&inst->ports);
	INIT_LIST_HEAD(&inst->engine_node);
	mutex_lock(&instances_lock);
	list_add_tail(&inst->all, &instances);
	mutex_unlock(&instances_lock);
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
	sluice_tenant_forget(inst);
	rtnl_unlock();
	mutex_lock(&instances_lock);
	list_del(&inst->all);
	mutex_unlock(&instances_lock);
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
	sluice_tenant_exit();
}
