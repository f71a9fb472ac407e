// SPDX-License-Identifier: GPL-2.0-only
/* What the host of the netlink family has none of: tenants and volumes. */
#include "netlink_host.h"

/* --- tenants: this namespace is none ---------------------------------------------------------- */

bool sluice_tenant_same(const struct net *a, const struct net *b)
{
	return false;
}

bool sluice_tenant_is(const struct net *net)
{
	return false;
}

int sluice_tenant_check(const struct sluice_instance *inst, struct netlink_ext_ack *extack)
{
	return 0;
}

int sluice_tenant_check_rule(const struct sluice_instance *inst, struct netlink_ext_ack *extack)
{
	return 0;
}

int sluice_tenant_check_change(const struct sluice_instance *inst, struct netlink_ext_ack *extack)
{
	return 0;
}

u64 sluice_tenant_max_changes(const struct sluice_instance *inst)
{
	return U64_MAX;
}

void sluice_tenant_count(struct sluice_instance *inst, int ports, int rules)
{
	inst->use.rules += rules;
	if ((int)inst->use.rules < 0)
		abort();
}

int sluice_tenant_check_memory(const struct sluice_instance *inst, size_t memory,
			       struct netlink_ext_ack *extack)
{
	return 0;
}

void sluice_tenant_count_memory(struct sluice_instance *inst, s64 memory)
{
	inst->use.memory += memory;
	if ((s64)inst->use.memory < 0)
		abort();
}

struct sluice_worker *sluice_worker_tenants(void)
{
	return NULL;
}

int sluice_worker_call(struct sluice_worker *w, void (*fn)(struct sluice_worker *w, void *arg),
		       void *arg)
{
	abort();
}

int sluice_nl_tenant_allow_doit(struct sk_buff *skb, struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack, "none");
	return -EINVAL;
}

int sluice_nl_tenant_deny_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_nl_tenant_allow_doit(skb, info);
}

int sluice_nl_tenant_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return 0;
}

/* --- volumes: none can be had here ----------------------------------------------------------- */

#define NO_VOLUMES(name)                                                    \
	int sluice_nl_volume_##name(struct sk_buff *skb, struct genl_info *info) \
	{                                                                   \
		NL_SET_ERR_MSG(info->extack, "none");                       \
		return -ENODEV;                                             \
	}

NO_VOLUMES(add_doit)
NO_VOLUMES(set_doit)
NO_VOLUMES(del_doit)
NO_VOLUMES(rekey_doit)
NO_VOLUMES(key_wipe_doit)
NO_VOLUMES(key_resume_doit)
NO_VOLUMES(mode_set_doit)
NO_VOLUMES(mode_get_doit)
NO_VOLUMES(hold_doit)
NO_VOLUMES(release_doit)
NO_VOLUMES(group_add_doit)
NO_VOLUMES(group_set_doit)
NO_VOLUMES(group_del_doit)

int sluice_nl_volume_dump_start(struct netlink_callback *cb)
{
	return sluice_nl_dump_start(cb);
}

int sluice_nl_volume_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return 0;
}

int sluice_nl_volume_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return 0;
}

int sluice_nl_volume_assign(struct sluice_change *c, struct sluice_worker *w)
{
	NL_SET_ERR_MSG(c->extack, "none");
	return -ENOENT;
}
