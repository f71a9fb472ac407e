// SPDX-License-Identifier: GPL-2.0-only
/* Counters of ports. */
#include "netlink_ops.h"

static const char *const drop_text[] = {
#define SLUICE_X(name, tag, text) text,
	SLUICE_DROPS(SLUICE_X)
#undef SLUICE_X
};

static int drop_put(struct sk_buff *skb, enum sluice_drop why, u64 packets)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_STATS_DROP);

	if (!nest || nla_put_u32(skb, SLUICE_A_DROP_REASON, why) ||
	    nla_put_string(skb, SLUICE_A_DROP_TAG, sluice_drop_tag(why)) ||
	    nla_put_string(skb, SLUICE_A_DROP_TEXT, drop_text[why]) ||
	    nla_put_uint(skb, SLUICE_A_DROP_PACKETS, packets))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int totals_put(struct sk_buff *skb, const struct sluice_port_totals *t)
{
	if (nla_put_uint(skb, SLUICE_A_STATS_FROM_GUEST_PACKETS,
			 t->packets[SLUICE_DIR_FROM_GUEST]) ||
	    nla_put_uint(skb, SLUICE_A_STATS_FROM_GUEST_BYTES, t->bytes[SLUICE_DIR_FROM_GUEST]) ||
	    nla_put_uint(skb, SLUICE_A_STATS_TO_GUEST_PACKETS, t->packets[SLUICE_DIR_TO_GUEST]) ||
	    nla_put_uint(skb, SLUICE_A_STATS_TO_GUEST_BYTES, t->bytes[SLUICE_DIR_TO_GUEST]) ||
	    nla_put_uint(skb, SLUICE_A_STATS_SLOW_PACKETS, t->slow_packets) ||
	    nla_put_uint(skb, SLUICE_A_STATS_FAST_PACKETS, t->fast_packets) ||
	    nla_put_uint(skb, SLUICE_A_STATS_BUSY_NS, t->busy_ns))
		return -EMSGSIZE;
	return 0;
}

/* What only one kind of port has. */
static int kind_put(struct sk_buff *skb, const struct sluice_port *port,
		    const struct sluice_port_totals *t)
{
	if (port->kind == SLUICE_PORT_UPLINK)
		return nla_put_uint(skb, SLUICE_A_STATS_POLLED_PACKETS, t->polled_packets);
	return nla_put_uint(skb, SLUICE_A_STATS_FROM_GUEST_THROTTLED,
			    t->throttled[SLUICE_DIR_FROM_GUEST]) ?:
	       nla_put_uint(skb, SLUICE_A_STATS_TO_GUEST_THROTTLED,
			    t->throttled[SLUICE_DIR_TO_GUEST]);
}

static int stats_put(struct sk_buff *skb, const void *obj)
{
	const struct sluice_port *port = obj;
	struct sluice_port_totals t;
	unsigned int i;

	sluice_port_totals(port, &t);
	if (nla_put_string(skb, SLUICE_A_STATS_PORT, port->dev->name) ||
	    nla_put_u32(skb, SLUICE_A_STATS_IFINDEX, port->dev->ifindex) ||
	    nla_put_u8(skb, SLUICE_A_STATS_KIND, port->kind) || totals_put(skb, &t))
		return -EMSGSIZE;
	if (kind_put(skb, port, &t))
		return -EMSGSIZE;
	for (i = SLUICE_DROP_NONE + 1; i < SLUICE_DROP_MAX; i++) {
		if (t.drops[i] && drop_put(skb, i, t.drops[i]))
			return -EMSGSIZE;
	}
	return 0;
}

int sluice_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_port *port;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_STATS_PORT))
		return -EINVAL;
	port = sluice_nl_port(genl_info_net(info), info->attrs[SLUICE_A_STATS_PORT], info->extack);
	return IS_ERR(port) ? PTR_ERR(port) : sluice_nl_reply(info, stats_put, port);
}

static int stats_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		      struct sluice_port *port)
{
	return sluice_nl_dump_one(out, stats_put, port);
}

int sluice_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_ports(skb, cb, NULL, false, stats_dump);
}
