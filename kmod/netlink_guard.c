// SPDX-License-Identifier: GPL-2.0-only
/* Commands about the spoof guard. */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include "netlink_ops.h"

static_assert(BIT(SLUICE_GUARD_ROLE_DHCP_SERVER) == SLUICE_GUARD_DHCP_SERVER);
static_assert(BIT(SLUICE_GUARD_ROLE_RA) == SLUICE_GUARD_RA);
static_assert(BIT(SLUICE_GUARD_ROLE_BRIDGE) == SLUICE_GUARD_BRIDGE);
static_assert(BIT(SLUICE_GUARD_ROLE_QINQ) == SLUICE_GUARD_QINQ);
static_assert(BIT(SLUICE_GUARD_ROLE_SOURCE_ROUTE) == SLUICE_GUARD_SOURCE_ROUTE);

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

int sluice_nl_get_vlan_range(const struct nlattr *nla, struct sluice_vlan_range *range,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[SLUICE_A_VLAN_RANGE_MAX + 1], *first, *last;
	int err;

	err = nla_parse_nested(tb, SLUICE_A_VLAN_RANGE_MAX, nla, sluice_vlan_range_nl_policy,
			       extack);
	if (err)
		return err;
	first = tb[SLUICE_A_VLAN_RANGE_FIRST];
	last = tb[SLUICE_A_VLAN_RANGE_LAST] ?: first;
	if (!first || nla_get_u16(first) > nla_get_u16(last)) {
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "a range of VLANs goes from the lower id to the higher");
		return -EINVAL;
	}
	range->first = nla_get_u16(first);
	range->last = nla_get_u16(last);
	return 0;
}

static int guard_get_vlan(const struct nlattr *nla, struct sluice_guard *g,
			  struct netlink_ext_ack *extack)
{
	if (g->nr_vlan == SLUICE_GUARD_VLANS) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "too many VLANs: a guard holds 16 ranges");
		return -E2BIG;
	}
	return sluice_nl_get_vlan_range(nla, &g->vlan[g->nr_vlan++], extack);
}

static int guard_get_type(const struct nlattr *nla, struct sluice_guard *g,
			  struct netlink_ext_ack *extack)
{
	if (g->nr_type == SLUICE_GUARD_TYPES) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "too many EtherTypes: a guard holds 16");
		return -E2BIG;
	}
	g->type[g->nr_type++] = nla_get_u16(nla);
	return 0;
}

static int guard_get_one(const struct nlattr *nla, struct sluice_guard *g,
			 struct netlink_ext_ack *extack)
{
	switch (nla_type(nla)) {
	case SLUICE_A_GUARD_MAC:
		return guard_get_mac(nla, g, extack);
	case SLUICE_A_GUARD_PREFIX:
		return guard_get_prefix(nla, g, extack);
	case SLUICE_A_GUARD_VLAN:
		return guard_get_vlan(nla, g, extack);
	case SLUICE_A_GUARD_ETH_TYPE:
		return guard_get_type(nla, g, extack);
	case SLUICE_A_GUARD_ROLE:
		g->roles |= BIT(nla_get_u8(nla));
		return 0;
	}
	return 0;
}

/* Attributes that come several times are in no table: go by all that followed the header. */
static int guard_parse(struct sluice_change *c, struct sluice_guard *g)
{
	const struct nlattr *mode = c->attrs[SLUICE_A_GUARD_MODE], *nla;
	int rem, err;

	g->strict = mode && nla_get_u8(mode) == SLUICE_GUARD_MODE_STRICT;
	g->untagged = c->attrs[SLUICE_A_GUARD_UNTAGGED];
	nla_for_each_attr(nla, c->head, c->len, rem) {
		err = guard_get_one(nla, g, c->extack);
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

static int guard_set(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_GUARD_PORT);
	struct sluice_guard *g;
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	err = sluice_tenant_check(c->inst, c->extack);
	if (err)
		return err;
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	err = guard_parse(c, g);
	if (!err)
		err = c->ops->guard_set(port, g, c->extack);
	kfree(g);
	return err;
}

static int guard_del(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_GUARD_PORT);

	return IS_ERR(port) ? PTR_ERR(port) : c->ops->guard_set(port, NULL, c->extack);
}

int sluice_nl_guard_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, guard_set, SLUICE_OBJECT_GUARD);
}

int sluice_nl_guard_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, guard_del, SLUICE_OBJECT_GUARD);
}

struct guard_shown {
	const struct sluice_port *port;
	struct sluice_guard guard;
};

int sluice_nl_put_vlan_range(struct sk_buff *skb, int type, const struct sluice_vlan_range *range)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || nla_put_u16(skb, SLUICE_A_VLAN_RANGE_FIRST, range->first) ||
	    nla_put_u16(skb, SLUICE_A_VLAN_RANGE_LAST, range->last))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int guard_put_strict(struct sk_buff *skb, const struct sluice_guard *g)
{
	unsigned int i;

	if (nla_put_u8(skb, SLUICE_A_GUARD_MODE,
		       g->strict ? SLUICE_GUARD_MODE_STRICT : SLUICE_GUARD_MODE_LOOSE) ||
	    (g->untagged && nla_put_flag(skb, SLUICE_A_GUARD_UNTAGGED)))
		return -EMSGSIZE;
	for (i = 0; i < g->nr_vlan; i++) {
		if (sluice_nl_put_vlan_range(skb, SLUICE_A_GUARD_VLAN, &g->vlan[i]))
			return -EMSGSIZE;
	}
	for (i = 0; i < g->nr_type; i++) {
		if (nla_put_u16(skb, SLUICE_A_GUARD_ETH_TYPE, g->type[i]))
			return -EMSGSIZE;
	}
	for (i = 0; i < BITS_PER_TYPE(g->roles); i++) {
		if (g->roles & BIT(i) && nla_put_u8(skb, SLUICE_A_GUARD_ROLE, i))
			return -EMSGSIZE;
	}
	return 0;
}

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
	return guard_put_strict(skb, g);
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
