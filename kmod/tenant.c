// SPDX-License-Identifier: GPL-2.0-only
/* Who may have ports and rules, and how many: tenant.h has the rules. */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include "instance.h"
#include "tenant.h"

/* They are found one by one. */
#define TENANT_USERS_MAX	1024

/* RTNL */
static LIST_HEAD(users);
static unsigned int nr_users;

bool sluice_tenant_is(const struct net *net)
{
	return net->user_ns != &init_user_ns;
}

bool sluice_tenant_same(const struct net *a, const struct net *b)
{
	return sluice_tenant_is(a) && sluice_tenant_is(b) &&
	       uid_eq(a->user_ns->owner, b->user_ns->owner);
}

struct sluice_tenant_user *sluice_tenant_user(kuid_t uid)
{
	struct sluice_tenant_user *user;

	ASSERT_RTNL();
	list_for_each_entry(user, &users, node) {
		if (uid_eq(user->uid, uid))
			return user;
	}
	return NULL;
}

struct sluice_tenant_user *sluice_tenant_next_user(struct sluice_tenant_user *user)
{
	ASSERT_RTNL();
	if (!user)
		return list_first_entry_or_null(&users, struct sluice_tenant_user, node);
	return list_is_last(&user->node, &users) ? NULL : list_next_entry(user, node);
}

/* --- what is allowed ------------------------------------------------------------------------- */

/* The limit that holds for a tenant, and what counts for it. */
static const struct sluice_tenant_limit *tenant_limit(const struct sluice_instance *inst,
						      const struct sluice_tenant_use **use)
{
	const struct sluice_tenant_user *user;

	if (inst->limit.allowed) {
		*use = &inst->use;
		return &inst->limit;
	}
	user = sluice_tenant_user(inst->net->user_ns->owner);
	if (!user)
		return NULL;
	*use = &user->use;
	return &user->limit;
}

/* The same, or what the operator would do. 0 with *@limit NULL: it is no tenant. */
static int tenant_need(const struct sluice_instance *inst, const struct sluice_tenant_limit **limit,
		       const struct sluice_tenant_use **use, struct netlink_ext_ack *extack)
{
	*limit = NULL;
	if (!sluice_tenant_is(inst->net))
		return 0;
	*limit = tenant_limit(inst, use);
	if (*limit)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "not in this network namespace: its host's operator may say 'sluice tenant allow pid N'");
	return -EPERM;
}

int sluice_tenant_check(const struct sluice_instance *inst, struct netlink_ext_ack *extack)
{
	const struct sluice_tenant_limit *limit;
	const struct sluice_tenant_use *use;

	return tenant_need(inst, &limit, &use, extack);
}

int sluice_tenant_check_memory(const struct sluice_instance *inst, size_t memory,
			       struct netlink_ext_ack *extack)
{
	const struct sluice_tenant_limit *limit;
	const struct sluice_tenant_use *use;
	int err = tenant_need(inst, &limit, &use, extack);

	if (err || !limit)
		return err;
	if (use->memory <= limit->memory && memory <= limit->memory - use->memory)
		return 0;
	NL_SET_ERR_MSG(extack,
		       "no more memory allowed here: remove something, commit less at once, or have 'sluice tenant allow ... memory N' said");
	return -EDQUOT;
}
SLUICE_EXPORT(sluice_tenant_check_memory);

int sluice_tenant_check_port(const struct sluice_instance *inst, size_t memory,
			     struct netlink_ext_ack *extack)
{
	const struct sluice_tenant_limit *limit;
	const struct sluice_tenant_use *use;
	int err = tenant_need(inst, &limit, &use, extack);

	if (err || !limit)
		return err;
	if (use->ports < limit->ports)
		return sluice_tenant_check_memory(inst, memory, extack);
	NL_SET_ERR_MSG(extack,
		       "no more ports allowed here: remove one, or have 'sluice tenant allow ... ports N' said");
	return -EDQUOT;
}

int sluice_tenant_check_rule(const struct sluice_instance *inst, struct netlink_ext_ack *extack)
{
	const struct sluice_tenant_limit *limit;
	const struct sluice_tenant_use *use;
	int err = tenant_need(inst, &limit, &use, extack);

	if (err || !limit || use->rules < limit->rules)
		return err;
	NL_SET_ERR_MSG(extack,
		       "no more rules allowed here: remove one, or have 'sluice tenant allow ... rules N' said");
	return -EDQUOT;
}

int sluice_tenant_check_change(const struct sluice_instance *inst, struct netlink_ext_ack *extack)
{
	if (inst->use.ports || inst->use.rules)
		return 0;
	return sluice_tenant_check(inst, extack);
}

/* All of it anew: each rule goes and comes, and a port has some commands of its own. */
u64 sluice_tenant_max_changes(const struct sluice_instance *inst)
{
	const struct sluice_tenant_limit *limit;
	const struct sluice_tenant_use *use;

	if (!sluice_tenant_is(inst->net))
		return U64_MAX;
	limit = tenant_limit(inst, &use);
	return limit ? 64 + 2 * (u64)limit->rules + 16 * (u64)limit->ports : 0;
}

/* --- what is there --------------------------------------------------------------------------- */

static void use_count(struct sluice_tenant_use *use, int ports, int rules, s64 memory)
{
	use->ports += ports;
	use->rules += rules;
	use->memory += memory;
}

static void tenant_count(struct sluice_instance *inst, int ports, int rules, s64 memory)
{
	struct sluice_tenant_user *user;

	ASSERT_RTNL();
	use_count(&inst->use, ports, rules, memory);
	if (!sluice_tenant_is(inst->net))
		return;
	user = sluice_tenant_user(inst->net->user_ns->owner);
	if (user)
		use_count(&user->use, ports, rules, memory);
}

void sluice_tenant_count(struct sluice_instance *inst, int ports, int rules)
{
	tenant_count(inst, ports, rules, 0);
}
SLUICE_EXPORT(sluice_tenant_count);

void sluice_tenant_count_memory(struct sluice_instance *inst, s64 memory)
{
	tenant_count(inst, 0, 0, memory);
}
SLUICE_EXPORT(sluice_tenant_count_memory);

void sluice_tenant_forget(struct sluice_instance *inst)
{
	tenant_count(inst, -(int)inst->use.ports, -(int)inst->use.rules, -(s64)inst->use.memory);
}

/* --- allowances of users --------------------------------------------------------------------- */

static void user_count_instance(struct sluice_instance *inst, void *arg)
{
	struct sluice_tenant_user *user = arg;

	if (sluice_tenant_is(inst->net) && uid_eq(inst->net->user_ns->owner, user->uid))
		use_count(&user->use, inst->use.ports, inst->use.rules, inst->use.memory);
}

int sluice_tenant_allow_user(kuid_t uid, const struct sluice_tenant_limit *limit)
{
	struct sluice_tenant_user *user = sluice_tenant_user(uid);

	if (!user) {
		if (nr_users == TENANT_USERS_MAX)
			return -ENOSPC;
		user = kzalloc(sizeof(*user), GFP_KERNEL_ACCOUNT);
		if (!user)
			return -ENOMEM;
		user->uid = uid;
		sluice_instance_each(user_count_instance, user);
		list_add_tail(&user->node, &users);
		nr_users++;
	}
	user->limit = *limit;
	return 0;
}

bool sluice_tenant_deny_user(kuid_t uid)
{
	struct sluice_tenant_user *user = sluice_tenant_user(uid);

	if (!user)
		return false;
	list_del(&user->node);
	nr_users--;
	kfree(user);
	return true;
}

void sluice_tenant_exit(void)
{
	struct sluice_tenant_user *user, *tmp;

	rtnl_lock();
	list_for_each_entry_safe(user, tmp, &users, node)
		sluice_tenant_deny_user(user->uid);
	rtnl_unlock();
}
