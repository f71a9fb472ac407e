// SPDX-License-Identifier: GPL-2.0-only
/* Commands about the spoof guard. */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include "netlink_ops.h"

struct guard_step {
	struct sluice_step step;
	struct sluice_port *port;
	bool on;
	struct sluice_guard guard;
};

static int guard_get_mac(const struct nlattr *nla, struct sluice_guard *g,
			 struct netlink_ext_ack *extack)
{
	if (g->nr_mac == SLUICE_GUARD_MACS) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "too many MAC addresses: a guard holds 8");
		return -E2BIG;
	}
	if (!is_valid_ether_addr(nla_data(nla))) {
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "a guest can only send from a unicast MAC address");
		return -EADDRNOTAVAIL;
	}
	nla_memcpy(g->mac[g->nr_mac++], nla, ETH_ALEN);
	return 0;
}

static int guard_get_prefix(const struct nlattr *nla, struct sluice_guard *g,
			    struct netlink_ext_ack *extack)
{
	if (g->nr_prefix == SLUICE_GUARD_PREFIXES) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "too many prefixes: a guard holds 32");
		return -E2BIG;
	}
	return sluice_nl_get_prefix(nla, &g->prefix[g->nr_prefix++], extack);
}

/* Attributes that come several times are in no table: go by all that followed the header. */
static int guard_parse(struct sluice_change *c, struct sluice_guard *g)
{
	const struct nlattr *nla;
	int rem, err = 0;

	nla_for_each_attr(nla, c->head, c->len, rem) {
		if (nla_type(nla) == SLUICE_A_GUARD_MAC)
			err = guard_get_mac(nla, g, c->extack);
		else if (nla_type(nla) == SLUICE_A_GUARD_PREFIX)
			err = guard_get_prefix(nla, g, c->extack);
		if (err)
			return err;
	}
	if (!g->nr_mac && !g->nr_prefix) {
		NL_SET_ERR_MSG(c->extack,
			       "name MAC addresses or prefixes, or say 'sluice guard off'");
		return -EINVAL;
	}
	return 0;
}

static int guard_undo(struct sluice_step *step)
{
	struct guard_step *undo = container_of(step, struct guard_step, step);
	struct netlink_ext_ack extack = {};

	return sluice_engine()->guard_set(undo->port, undo->on ? &undo->guard : NULL, &extack);
}

static int guard_change(struct sluice_change *c, struct sluice_port *port,
			const struct sluice_guard *guard)
{
	struct guard_step *undo = sluice_change_undo(c, sizeof(*undo), guard_undo);
	int err;

	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->port = port;
		undo->on = c->ops->guard_get(port, &undo->guard);
	}
	err = c->ops->guard_set(port, guard, c->extack);
	if (undo)
		undo->step.armed = !err;
	return err;
}

static int guard_set(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_GUARD_PORT);
	struct sluice_guard *g;
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	err = guard_parse(c, g);
	if (!err)
		err = guard_change(c, port, g);
	kfree(g);
	return err;
}

static int guard_del(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_GUARD_PORT);

	return IS_ERR(port) ? PTR_ERR(port) : guard_change(c, port, NULL);
}

int sluice_nl_guard_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, guard_set, SLUICE_OBJECT_GUARD);
}

int sluice_nl_guard_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, guard_del, SLUICE_OBJECT_GUARD);
}

struct guard_shown {
	const struct sluice_port *port;
	struct sluice_guard guard;
};

static int guard_put(struct sk_buff *skb, const void *obj)
{
	const struct guard_shown *s = obj;
	const struct sluice_guard *g = &s->guard;
	unsigned int i;

	if (nla_put_string(skb, SLUICE_A_GUARD_PORT, s->port->dev->name))
		return -EMSGSIZE;
	for (i = 0; i < g->nr_mac; i++) {
		if (nla_put(skb, SLUICE_A_GUARD_MAC, ETH_ALEN, g->mac[i]))
			return -EMSGSIZE;
	}
	for (i = 0; i < g->nr_prefix; i++) {
		if (sluice_nl_put_prefix(skb, SLUICE_A_GUARD_PREFIX, &g->prefix[i]))
			return -EMSGSIZE;
	}
	return 0;
}

static int guard_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		      struct sluice_port *port)
{
	struct guard_shown *s = kzalloc(sizeof(*s), GFP_KERNEL);
	int err = 0;

	if (!s)
		return -ENOMEM;
	s->port = port;
	if (ops->guard_get(port, &s->guard))
		err = sluice_nl_dump_one(out, guard_put, s);
	kfree(s);
	return err;
}

int sluice_nl_guard_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_ports(skb, cb, genl_info_dump(cb)->attrs[SLUICE_A_GUARD_PORT], true,
				    guard_dump);
}
