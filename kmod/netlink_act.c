// SPDX-License-Identifier: GPL-2.0-only
/* What a flow rule does, as attributes. */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include "netlink_ops.h"

static const u8 act_types[SLUICE_A_ACT_MAX + 1] = {
	[SLUICE_A_ACT_OUTPUT] = SLUICE_ACT_OUTPUT,
	[SLUICE_A_ACT_DROP] = SLUICE_ACT_DROP,
	[SLUICE_A_ACT_SLOW] = SLUICE_ACT_SLOW,
	[SLUICE_A_ACT_PUSH_VLAN] = SLUICE_ACT_PUSH_VLAN,
	[SLUICE_A_ACT_POP_VLAN] = SLUICE_ACT_POP_VLAN,
	[SLUICE_A_ACT_SET_VLAN] = SLUICE_ACT_SET_VLAN,
	[SLUICE_A_ACT_SET_ETH_SRC] = SLUICE_ACT_SET_ETH_SRC,
	[SLUICE_A_ACT_SET_ETH_DST] = SLUICE_ACT_SET_ETH_DST,
	[SLUICE_A_ACT_SET_SRC] = SLUICE_ACT_SET_SRC,
	[SLUICE_A_ACT_SET_DST] = SLUICE_ACT_SET_DST,
	[SLUICE_A_ACT_SET_TTL] = SLUICE_ACT_SET_TTL,
	[SLUICE_A_ACT_SET_DSCP] = SLUICE_ACT_SET_DSCP,
	[SLUICE_A_ACT_SET_SPORT] = SLUICE_ACT_SET_SPORT,
	[SLUICE_A_ACT_SET_DPORT] = SLUICE_ACT_SET_DPORT,
	[SLUICE_A_ACT_METER] = SLUICE_ACT_METER,
};

static const u8 act_attrs[SLUICE_ACT_TYPES] = {
	[SLUICE_ACT_OUTPUT] = SLUICE_A_ACT_OUTPUT,
	[SLUICE_ACT_DROP] = SLUICE_A_ACT_DROP,
	[SLUICE_ACT_SLOW] = SLUICE_A_ACT_SLOW,
	[SLUICE_ACT_PUSH_VLAN] = SLUICE_A_ACT_PUSH_VLAN,
	[SLUICE_ACT_POP_VLAN] = SLUICE_A_ACT_POP_VLAN,
	[SLUICE_ACT_SET_VLAN] = SLUICE_A_ACT_SET_VLAN,
	[SLUICE_ACT_SET_ETH_SRC] = SLUICE_A_ACT_SET_ETH_SRC,
	[SLUICE_ACT_SET_ETH_DST] = SLUICE_A_ACT_SET_ETH_DST,
	[SLUICE_ACT_SET_SRC] = SLUICE_A_ACT_SET_SRC,
	[SLUICE_ACT_SET_DST] = SLUICE_A_ACT_SET_DST,
	[SLUICE_ACT_SET_TTL] = SLUICE_A_ACT_SET_TTL,
	[SLUICE_ACT_SET_DSCP] = SLUICE_A_ACT_SET_DSCP,
	[SLUICE_ACT_SET_SPORT] = SLUICE_A_ACT_SET_SPORT,
	[SLUICE_ACT_SET_DPORT] = SLUICE_A_ACT_SET_DPORT,
	[SLUICE_ACT_METER] = SLUICE_A_ACT_METER,
};

static int act_get_output(struct sluice_change *c, const struct nlattr *nla, struct sluice_act *act)
{
	struct sluice_port *port = sluice_nl_port(c->net, nla, c->extack);

	if (IS_ERR(port))
		return PTR_ERR(port);
	act->ifindex = port->dev->ifindex;
	return 0;
}

/* As it was shown: a dump can be applied whatever is gone. */
static int act_get_gone(struct sluice_change *c, const struct nlattr *nla, struct sluice_act *act)
{
	act->type = SLUICE_ACT_OUTPUT;
	act->ifindex = 0;
	if (!nla_get_u32(nla))
		return 0;
	NL_SET_ERR_MSG_ATTR(c->extack, nla, "a port is named by its name: say output");
	return -EINVAL;
}

static int act_get_vlan(struct sluice_change *c, const struct nlattr *nla, struct sluice_act *act)
{
	act->vlan = nla_get_u16(nla);
	if (!(act->vlan & VLAN_CFI_MASK) && (act->vlan & VLAN_VID_MASK) < VLAN_VID_MASK)
		return 0;
	NL_SET_ERR_MSG_ATTR(c->extack, nla, "a VLAN id is 0 to 4094, and a priority 0 to 7");
	return -EINVAL;
}

static int act_get(struct sluice_change *c, const struct nlattr *nla, struct sluice_act *act)
{
	if (nla_type(nla) == SLUICE_A_ACT_IFINDEX)
		return act_get_gone(c, nla, act);
	act->type = act_types[nla_type(nla)];
	switch (act->type) {
	case SLUICE_ACT_OUTPUT:
		return act_get_output(c, nla, act);
	case SLUICE_ACT_PUSH_VLAN:
	case SLUICE_ACT_SET_VLAN:
		return act_get_vlan(c, nla, act);
	case SLUICE_ACT_SET_ETH_SRC:
	case SLUICE_ACT_SET_ETH_DST:
		nla_memcpy(act->mac, nla, ETH_ALEN);
		return 0;
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
		act->ip.len = nla_len(nla) * BITS_PER_BYTE;
		return sluice_nl_get_addr(nla, &act->ip.addr, &act->ip.family, c->extack);
	case SLUICE_ACT_SET_TTL:
	case SLUICE_ACT_SET_DSCP:
		act->value = nla_get_u8(nla);
		return 0;
	case SLUICE_ACT_SET_SPORT:
	case SLUICE_ACT_SET_DPORT:
		act->port = nla_get_u16(nla);
		return 0;
	case SLUICE_ACT_METER:
		act->meter = nla_get_u32(nla);
		return 0;
	default:
		return 0;
	}
}

int sluice_nl_get_acts(struct sluice_change *c, struct sluice_flow_spec *flow)
{
	struct nlattr *acts = sluice_nl_need(c, SLUICE_A_FLOW_ACTIONS);
	const struct nlattr *nla;
	int rem, err;

	if (!acts)
		return -EINVAL;
	nla_for_each_nested(nla, acts, rem) {
		if (flow->nr_act == SLUICE_FLOW_MAX_ACTS) {
			NL_SET_ERR_MSG_ATTR(c->extack, nla, "too many actions: a flow holds 16");
			return -E2BIG;
		}
		err = act_get(c, nla, &flow->act[flow->nr_act++]);
		if (err)
			return err;
	}
	if (!flow->nr_act) {
		NL_SET_ERR_MSG_ATTR(c->extack, acts,
				    "a flow needs an action: drop, slow, output ...");
		return -EINVAL;
	}
	return 0;
}

static int act_put(struct sk_buff *skb, struct net *net, const struct sluice_act *act)
{
	const struct net_device *dev;
	int type = act_attrs[act->type];

	switch (act->type) {
	case SLUICE_ACT_OUTPUT:
		dev = __dev_get_by_index(net, act->ifindex);
		return dev ? nla_put_string(skb, type, dev->name) :
			     nla_put_u32(skb, SLUICE_A_ACT_IFINDEX, act->ifindex);
	case SLUICE_ACT_PUSH_VLAN:
	case SLUICE_ACT_SET_VLAN:
		return nla_put_u16(skb, type, act->vlan);
	case SLUICE_ACT_SET_ETH_SRC:
	case SLUICE_ACT_SET_ETH_DST:
		return nla_put(skb, type, ETH_ALEN, act->mac);
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
		return sluice_nl_put_addr(skb, type, &act->ip.addr, act->ip.family);
	case SLUICE_ACT_SET_TTL:
	case SLUICE_ACT_SET_DSCP:
		return nla_put_u8(skb, type, act->value);
	case SLUICE_ACT_SET_SPORT:
	case SLUICE_ACT_SET_DPORT:
		return nla_put_u16(skb, type, act->port);
	case SLUICE_ACT_METER:
		return nla_put_u32(skb, type, act->meter);
	default:
		return nla_put_flag(skb, type);
	}
}

int sluice_nl_put_acts(struct sk_buff *skb, struct net *net, const struct sluice_flow_spec *flow)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_FLOW_ACTIONS);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < flow->nr_act; i++) {
		if (act_put(skb, net, &flow->act[i]))
			return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}
