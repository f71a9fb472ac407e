// SPDX-License-Identifier: GPL-2.0-only
/* Commands about access lists. */
#include "netlink_ops.h"

/* A default verdict as it was. Rules need no such thing: their lists are built aside. */
/* --- a rule's attributes --------------------------------------------------------------------- */

static int acl_get_range(struct sluice_change *c, int min, int max, u16 range[2])
{
	if (!c->attrs[min]) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[max], "a port range needs its lower end");
		return -EINVAL;
	}
	range[0] = nla_get_u16(c->attrs[min]);
	range[1] = c->attrs[max] ? nla_get_u16(c->attrs[max]) : range[0];
	if (range[0] <= range[1])
		return 0;
	NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[max],
			    "a port range goes from the lower number to the higher");
	return -EINVAL;
}

static int acl_get_l4(struct sluice_change *c, struct sluice_acl_rule *r)
{
	struct nlattr **a = c->attrs;
	int err = 0;

	if (a[SLUICE_A_ACL_SPORT_MIN] || a[SLUICE_A_ACL_SPORT_MAX]) {
		err = acl_get_range(c, SLUICE_A_ACL_SPORT_MIN, SLUICE_A_ACL_SPORT_MAX, r->sport);
		r->fields |= SLUICE_ACL_SPORT;
	}
	if (!err && (a[SLUICE_A_ACL_DPORT_MIN] || a[SLUICE_A_ACL_DPORT_MAX])) {
		err = acl_get_range(c, SLUICE_A_ACL_DPORT_MIN, SLUICE_A_ACL_DPORT_MAX, r->dport);
		r->fields |= SLUICE_ACL_DPORT;
	}
	if (a[SLUICE_A_ACL_ICMP_TYPE]) {
		r->icmp_type = nla_get_u8(a[SLUICE_A_ACL_ICMP_TYPE]);
		r->fields |= SLUICE_ACL_ICMP_TYPE;
	}
	if (a[SLUICE_A_ACL_ICMP_CODE]) {
		r->icmp_code = nla_get_u8(a[SLUICE_A_ACL_ICMP_CODE]);
		r->fields |= SLUICE_ACL_ICMP_CODE;
	}
	if (a[SLUICE_A_ACL_TCP_FLAGS]) {
		r->tcp_flags = nla_get_u8(a[SLUICE_A_ACL_TCP_FLAGS]);
		r->tcp_mask = a[SLUICE_A_ACL_TCP_MASK] ? nla_get_u8(a[SLUICE_A_ACL_TCP_MASK]) :
							 r->tcp_flags;
		r->fields |= SLUICE_ACL_TCP_FLAGS;
	}
	return err;
}

static const u8 option_bits[] = {
	[SLUICE_IP_OPTION_ANY] = SLUICE_OPTION_ANY,
	[SLUICE_IP_OPTION_SOURCE_ROUTE] = SLUICE_OPTION_ROUTE,
	[SLUICE_IP_OPTION_RH0] = SLUICE_OPTION_RH0,
	[SLUICE_IP_OPTION_HOME_ADDRESS] = SLUICE_OPTION_HOME,
};

/* Of what kind the packet is: how it is addressed, which fragment, with which option. */
static void acl_get_kind(struct sluice_change *c, struct sluice_acl_rule *r)
{
	struct nlattr **a = c->attrs;

	if (a[SLUICE_A_ACL_UNTAGGED])
		r->fields |= SLUICE_ACL_UNTAGGED;
	if (a[SLUICE_A_ACL_ETH_DST]) {
		nla_memcpy(r->eth_dst, a[SLUICE_A_ACL_ETH_DST], ETH_ALEN);
		if (a[SLUICE_A_ACL_ETH_MASK])
			nla_memcpy(r->eth_mask, a[SLUICE_A_ACL_ETH_MASK], ETH_ALEN);
		else
			memset(r->eth_mask, 0xff, ETH_ALEN);
		r->fields |= SLUICE_ACL_ETH_DST;
	}
	if (a[SLUICE_A_ACL_FRAG]) {
		r->frag = nla_get_u8(a[SLUICE_A_ACL_FRAG]);
		r->frag_mask = a[SLUICE_A_ACL_FRAG_MASK] ?
				       nla_get_u8(a[SLUICE_A_ACL_FRAG_MASK]) : SLUICE_FRAG_MASK;
		r->fields |= SLUICE_ACL_FRAG;
	}
	if (a[SLUICE_A_ACL_OPTION]) {
		r->option = option_bits[nla_get_u8(a[SLUICE_A_ACL_OPTION])];
		r->fields |= SLUICE_ACL_OPTION;
	}
}

static int acl_get_l3(struct sluice_change *c, struct sluice_acl_rule *r)
{
	struct nlattr **a = c->attrs;
	int err = 0;

	if (a[SLUICE_A_ACL_ETH_TYPE]) {
		r->eth_type = nla_get_u16(a[SLUICE_A_ACL_ETH_TYPE]);
		r->fields |= SLUICE_ACL_ETH_TYPE;
	}
	if (a[SLUICE_A_ACL_VLAN]) {
		r->vlan = nla_get_u16(a[SLUICE_A_ACL_VLAN]);
		r->fields |= SLUICE_ACL_VLAN;
	}
	if (a[SLUICE_A_ACL_PROTO]) {
		r->proto = nla_get_u8(a[SLUICE_A_ACL_PROTO]);
		r->fields |= SLUICE_ACL_PROTO;
	}
	if (a[SLUICE_A_ACL_SRC]) {
		err = sluice_nl_get_prefix(a[SLUICE_A_ACL_SRC], &r->src, c->extack);
		r->fields |= SLUICE_ACL_SRC;
	}
	if (!err && a[SLUICE_A_ACL_DST]) {
		err = sluice_nl_get_prefix(a[SLUICE_A_ACL_DST], &r->dst, c->extack);
		r->fields |= SLUICE_ACL_DST;
	}
	return err;
}

static int acl_get_rule(struct sluice_change *c, struct sluice_acl_rule *r)
{
	struct nlattr *dir = sluice_nl_need(c, SLUICE_A_ACL_DIR);
	struct nlattr *prio = dir ? sluice_nl_need(c, SLUICE_A_ACL_PRIO) : NULL;
	struct nlattr *verdict = prio ? sluice_nl_need(c, SLUICE_A_ACL_VERDICT) : NULL;
	int err;

	if (!verdict)
		return -EINVAL;
	r->dir = nla_get_u8(dir);
	r->prio = nla_get_u32(prio);
	r->allow = nla_get_u8(verdict) == SLUICE_VERDICT_ALLOW;
	acl_get_kind(c, r);
	err = acl_get_l3(c, r);
	return err ?: acl_get_l4(c, r);
}

/* --- changes --------------------------------------------------------------------------------- */

static int acl_add(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_ACL_PORT);
	struct sluice_acl_rule rule = {};
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	err = sluice_tenant_check_rule(c->inst, c->extack) ?: acl_get_rule(c, &rule);
	return err ?: c->ops->acl_add(port, &rule, c->extack);
}

static int acl_del(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_ACL_PORT);
	struct nlattr *dir, *prio = NULL;

	if (IS_ERR(port))
		return PTR_ERR(port);
	dir = sluice_nl_need(c, SLUICE_A_ACL_DIR);
	if (dir)
		prio = sluice_nl_need(c, SLUICE_A_ACL_PRIO);
	if (!prio)
		return -EINVAL;
	return c->ops->acl_del(port, nla_get_u8(dir), nla_get_u32(prio), c->extack);
}

static int acl_flush(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_ACL_PORT);

	return IS_ERR(port) ? PTR_ERR(port) : c->ops->acl_flush(port);
}

static int acl_set_default(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_ACL_PORT);
	struct nlattr *dir, *verdict = NULL;

	if (IS_ERR(port))
		return PTR_ERR(port);
	dir = sluice_nl_need(c, SLUICE_A_ACL_DIR);
	if (dir)
		verdict = sluice_nl_need(c, SLUICE_A_ACL_VERDICT);
	if (!verdict)
		return -EINVAL;
	return c->ops->acl_set_default(port, nla_get_u8(dir),
				       nla_get_u8(verdict) == SLUICE_VERDICT_ALLOW);
}

int sluice_nl_acl_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, acl_add, SLUICE_OBJECT_ACL);
}

int sluice_nl_acl_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, acl_del, SLUICE_OBJECT_ACL);
}

int sluice_nl_acl_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, acl_flush, SLUICE_OBJECT_ACL);
}

int sluice_nl_acl_set_default_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, acl_set_default, SLUICE_OBJECT_ACL);
}

/* --- showing --------------------------------------------------------------------------------- */

static int acl_put_l4(struct sk_buff *skb, const struct sluice_acl_rule *r)
{
	if ((r->fields & SLUICE_ACL_SPORT) &&
	    (nla_put_u16(skb, SLUICE_A_ACL_SPORT_MIN, r->sport[0]) ||
	     nla_put_u16(skb, SLUICE_A_ACL_SPORT_MAX, r->sport[1])))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_DPORT) &&
	    (nla_put_u16(skb, SLUICE_A_ACL_DPORT_MIN, r->dport[0]) ||
	     nla_put_u16(skb, SLUICE_A_ACL_DPORT_MAX, r->dport[1])))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_ICMP_TYPE) &&
	    nla_put_u8(skb, SLUICE_A_ACL_ICMP_TYPE, r->icmp_type))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_ICMP_CODE) &&
	    nla_put_u8(skb, SLUICE_A_ACL_ICMP_CODE, r->icmp_code))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_TCP_FLAGS) &&
	    (nla_put_u8(skb, SLUICE_A_ACL_TCP_FLAGS, r->tcp_flags) ||
	     nla_put_u8(skb, SLUICE_A_ACL_TCP_MASK, r->tcp_mask)))
		return -EMSGSIZE;
	return 0;
}

static int acl_put_kind(struct sk_buff *skb, const struct sluice_acl_rule *r)
{
	u8 option;

	if ((r->fields & SLUICE_ACL_UNTAGGED) && nla_put_flag(skb, SLUICE_A_ACL_UNTAGGED))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_ETH_DST) &&
	    (nla_put(skb, SLUICE_A_ACL_ETH_DST, ETH_ALEN, r->eth_dst) ||
	     nla_put(skb, SLUICE_A_ACL_ETH_MASK, ETH_ALEN, r->eth_mask)))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_FRAG) &&
	    (nla_put_u8(skb, SLUICE_A_ACL_FRAG, r->frag) ||
	     nla_put_u8(skb, SLUICE_A_ACL_FRAG_MASK, r->frag_mask)))
		return -EMSGSIZE;
	if (!(r->fields & SLUICE_ACL_OPTION))
		return 0;
	for (option = 0; option_bits[option] != r->option; option++)
		;
	return nla_put_u8(skb, SLUICE_A_ACL_OPTION, option);
}

static int acl_put_rule(struct sk_buff *skb, const struct sluice_acl_rule *r)
{
	if (nla_put_u32(skb, SLUICE_A_ACL_PRIO, r->prio))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_ETH_TYPE) &&
	    nla_put_u16(skb, SLUICE_A_ACL_ETH_TYPE, r->eth_type))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_VLAN) && nla_put_u16(skb, SLUICE_A_ACL_VLAN, r->vlan))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_PROTO) && nla_put_u8(skb, SLUICE_A_ACL_PROTO, r->proto))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_SRC) && sluice_nl_put_prefix(skb, SLUICE_A_ACL_SRC, &r->src))
		return -EMSGSIZE;
	if ((r->fields & SLUICE_ACL_DST) && sluice_nl_put_prefix(skb, SLUICE_A_ACL_DST, &r->dst))
		return -EMSGSIZE;
	return acl_put_kind(skb, r) ?: acl_put_l4(skb, r);
}

/* With @is_default of @rule only the direction and the verdict mean something. */
struct acl_shown {
	const struct sluice_port *port;
	const struct sluice_acl_rule *rule;
	const struct sluice_hits *hits;
	bool is_default;
};

static int acl_put(struct sk_buff *skb, const void *obj)
{
	const struct acl_shown *s = obj;

	if (nla_put_string(skb, SLUICE_A_ACL_PORT, s->port->dev->name) ||
	    nla_put_u8(skb, SLUICE_A_ACL_DIR, s->rule->dir) ||
	    nla_put_u8(skb, SLUICE_A_ACL_VERDICT,
		       s->rule->allow ? SLUICE_VERDICT_ALLOW : SLUICE_VERDICT_DENY) ||
	    nla_put_uint(skb, SLUICE_A_ACL_PACKETS, s->hits->packets) ||
	    nla_put_uint(skb, SLUICE_A_ACL_BYTES, s->hits->bytes))
		return -EMSGSIZE;
	return s->is_default ? nla_put_flag(skb, SLUICE_A_ACL_DEFAULT) : acl_put_rule(skb, s->rule);
}

static int acl_emit(void *ctx, struct sluice_port *port, const struct sluice_acl_rule *rule,
		    const struct sluice_hits *hits)
{
	const struct acl_shown s = { .port = port, .rule = rule, .hits = hits };

	return sluice_nl_dump_one(ctx, acl_put, &s);
}

/*
 * The default verdicts come first, then the rules; ->part says how many of the former were shown.
 */
static int acl_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		    struct sluice_port *port)
{
	struct sluice_nl_dump *d = sluice_nl_dump(out->cb);
	struct sluice_acl_rule rule = {};
	struct sluice_hits hits = {};
	const struct acl_shown s = {
		.port = port, .rule = &rule, .hits = &hits, .is_default = true
	};
	int err;

	sluice_nl_dump_counters(out, ops);
	for (; d->part < SLUICE_DIRS; d->part++) {
		rule.dir = d->part;
		rule.allow = ops->acl_default(port, rule.dir, &hits);
		err = sluice_nl_dump_one(out, acl_put, &s);
		if (err)
			return err;
	}
	return ops->acl_dump(port, &d->cur, acl_emit, out);
}

int sluice_nl_acl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_ports(skb, cb, genl_info_dump(cb)->attrs[SLUICE_A_ACL_PORT], true,
				    acl_dump);
}
