// SPDX-License-Identifier: GPL-2.0-only
/* Commands about tenants. They need CAP_NET_ADMIN in the first user namespace. */
#include <linux/err.h>
#include <linux/math.h>
#include <linux/rtnetlink.h>
#include <linux/sizes.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>
#include "netlink_ops.h"
#include "port.h"

/* --- who is meant ---------------------------------------------------------------------------- */

/**
 * struct tenant_who - whom a command means
 * @net: a network namespace, held; NULL: a user
 * @uid: of that
 */
struct tenant_who {
	struct net *net;
	kuid_t uid;
};

static struct net *who_net(struct genl_info *info)
{
	struct nlattr *fd = info->attrs[SLUICE_A_TENANT_NETNS_FD];
	struct nlattr *pid = info->attrs[SLUICE_A_TENANT_PID];
	struct net *net = fd ? get_net_ns_by_fd(nla_get_u32(fd)) :
			       get_net_ns_by_pid(nla_get_u32(pid));

	if (IS_ERR(net)) {
		if (fd)
			NL_SET_ERR_MSG_ATTR(info->extack, fd,
					    "that is no file of a network namespace");
		else
			NL_SET_ERR_MSG_ATTR(info->extack, pid, "there is no such process");
		return net;
	}
	if (sluice_tenant_is(net))
		return net;
	put_net(net);
	NL_SET_ERR_MSG_ATTR(info->extack, fd ?: pid,
			    "that namespace is the operator's own: who is root there may do all");
	return ERR_PTR(-EINVAL);
}

static int who_get(struct genl_info *info, struct tenant_who *who)
{
	struct nlattr **a = info->attrs;
	struct nlattr *uid = a[SLUICE_A_TENANT_UID];

	who->net = NULL;
	if (!!uid + !!a[SLUICE_A_TENANT_NETNS_FD] + !!a[SLUICE_A_TENANT_PID] != 1) {
		NL_SET_ERR_MSG(info->extack, "who is meant: one of netns, pid and uid");
		return -EINVAL;
	}
	if (!uid) {
		who->net = who_net(info);
		return PTR_ERR_OR_ZERO(who->net);
	}
	who->uid = make_kuid(&init_user_ns, nla_get_u32(uid));
	if (uid_valid(who->uid))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, uid, "not a user");
	return -EINVAL;
}

static void who_put(struct tenant_who *who)
{
	if (who->net)
		put_net(who->net);
}

/* --- commands -------------------------------------------------------------------------------- */

/* As much as so many ports and rules can take, whatever they are, and more while they change. */
static u64 limit_memory(const struct sluice_tenant_limit *limit)
{
	u64 ports = limit->ports * (u64)sluice_port_memory_most();
	u64 rules = limit->rules * (u64)SLUICE_TENANT_RULE_MEMORY;

	/* A number that is easy to read, and never none. */
	return round_down(ports + rules, SZ_1M) + SZ_1M;
}

static void limit_get(struct genl_info *info, struct sluice_tenant_limit *limit)
{
	struct nlattr *ports = info->attrs[SLUICE_A_TENANT_PORTS];
	struct nlattr *rules = info->attrs[SLUICE_A_TENANT_RULES];
	struct nlattr *memory = info->attrs[SLUICE_A_TENANT_MEMORY];

	limit->allowed = true;
	limit->ports = ports ? nla_get_u32(ports) : SLUICE_TENANT_PORTS;
	limit->rules = rules ? nla_get_u32(rules) : SLUICE_TENANT_RULES;
	limit->memory = memory ? nla_get_uint(memory) : limit_memory(limit);
}

int sluice_nl_tenant_allow_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_tenant_limit limit;
	struct tenant_who who;
	int err = who_get(info, &who);

	if (err)
		return err;
	limit_get(info, &limit);
	if (who.net)
		sluice_instance_get(who.net)->limit = limit;
	else
		err = sluice_tenant_allow_user(who.uid, &limit);
	who_put(&who);
	if (err == -ENOSPC)
		NL_SET_ERR_MSG(info->extack, "too many users: deny some, see 'sluice tenant show'");
	if (!err)
		sluice_nl_config(&init_net, SLUICE_OBJECT_TENANT);
	return err;
}

static bool tenant_deny_net(struct net *net)
{
	struct sluice_instance *inst = sluice_instance_get(net);
	bool was = inst->limit.allowed;

	inst->limit.allowed = false;
	return was;
}

int sluice_nl_tenant_deny_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct tenant_who who;
	int err = who_get(info, &who);
	bool was;

	if (err)
		return err;
	was = who.net ? tenant_deny_net(who.net) : sluice_tenant_deny_user(who.uid);
	who_put(&who);
	if (!was) {
		NL_SET_ERR_MSG(info->extack, "it was not allowed: see 'sluice tenant show'");
		return -ENOENT;
	}
	sluice_nl_config(&init_net, SLUICE_OBJECT_TENANT);
	return 0;
}

/* --- showing --------------------------------------------------------------------------------- */

struct tenant_shown {
	u32 netns;
	kuid_t uid;
	const struct sluice_tenant_limit *limit;
	const struct sluice_tenant_use *use;
};

static int tenant_put(struct sk_buff *skb, const void *obj)
{
	const struct tenant_shown *s = obj;

	if (s->netns && nla_put_u32(skb, SLUICE_A_TENANT_NETNS, s->netns))
		return -EMSGSIZE;
	if (nla_put_u32(skb, SLUICE_A_TENANT_UID, from_kuid_munged(&init_user_ns, s->uid)))
		return -EMSGSIZE;
	if (s->limit->allowed && (nla_put_u32(skb, SLUICE_A_TENANT_PORTS, s->limit->ports) ||
				  nla_put_u32(skb, SLUICE_A_TENANT_RULES, s->limit->rules) ||
				  nla_put_uint(skb, SLUICE_A_TENANT_MEMORY, s->limit->memory)))
		return -EMSGSIZE;
	if (nla_put_u32(skb, SLUICE_A_TENANT_PORTS_USED, s->use->ports) ||
	    nla_put_u32(skb, SLUICE_A_TENANT_RULES_USED, s->use->rules) ||
	    nla_put_uint(skb, SLUICE_A_TENANT_MEMORY_USED, s->use->memory))
		return -EMSGSIZE;
	return 0;
}

/**
 * struct tenant_dump - a buffer that is filled
 * @out: where it goes
 * @d: the place in it: how many were shown
 * @n: how many came by
 * @err: it is full
 */
struct tenant_dump {
	struct sluice_nl_out *out;
	struct sluice_nl_dump *d;
	unsigned int n;
	int err;
};

static void dump_one(struct tenant_dump *dump, const struct tenant_shown *s)
{
	if (dump->err || dump->n++ < dump->d->part)
		return;
	dump->err = sluice_nl_dump_one(dump->out, tenant_put, s);
	if (!dump->err)
		dump->d->part++;
}

static void dump_instance(struct sluice_instance *inst, void *arg)
{
	const struct net *net = inst->net;
	const struct tenant_shown s = {
		.netns = net->ns.inum, .uid = net->user_ns->owner,
		.limit = &inst->limit, .use = &inst->use,
	};

	if (sluice_tenant_is(net) &&
	    (inst->limit.allowed || inst->use.ports || inst->use.rules))
		dump_one(arg, &s);
}

int sluice_nl_tenant_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sluice_nl_out out = { .skb = skb, .cb = cb, .net = sock_net(skb->sk) };
	struct tenant_dump dump = { .out = &out, .d = sluice_nl_dump(cb) };
	struct sluice_tenant_user *user = NULL;

	sluice_rtnl_lock();
	sluice_nl_dump_gen(cb, NULL, NULL);
	while ((user = sluice_tenant_next_user(user))) {
		const struct tenant_shown s = {
			.uid = user->uid, .limit = &user->limit, .use = &user->use,
		};

		dump_one(&dump, &s);
	}
	sluice_instance_each(dump_instance, &dump);
	sluice_rtnl_unlock();
	return dump.err;
}
