// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a flow rule matches, as attributes. On the wire a field is what an operator calls it; in
 * the key ICMP types share a place with ports, and ARP operations with protocols, as a packet has
 * one of them at most.
 */
#include <linux/etherdevice.h>
#include <linux/in.h>
#include "netlink_ops.h"

#define KEY(member) offsetof(struct sluice_flow_key, member)

/*
 * Where in the key fields are whose wire form is the same number, or the same string of bytes; 0
 * for others.
 */
static const u8 match_offset[SLUICE_A_MATCH_MAX + 1] = {
	[SLUICE_A_MATCH_ETH_SRC] = KEY(eth_src),   [SLUICE_A_MATCH_ETH_DST] = KEY(eth_dst),
	[SLUICE_A_MATCH_ETH_TYPE] = KEY(eth_type), [SLUICE_A_MATCH_VLAN] = KEY(vlan[0]),
	[SLUICE_A_MATCH_CVLAN] = KEY(vlan[1]),	   [SLUICE_A_MATCH_PROTO] = KEY(ip_proto),
	[SLUICE_A_MATCH_TOS] = KEY(tos),	   [SLUICE_A_MATCH_TTL] = KEY(ttl),
	[SLUICE_A_MATCH_FRAG] = KEY(frag),	   [SLUICE_A_MATCH_SPORT] = KEY(sport),
	[SLUICE_A_MATCH_DPORT] = KEY(dport),	   [SLUICE_A_MATCH_TCP_FLAGS] = KEY(tcp_flags),
	[SLUICE_A_MATCH_ARP_OP] = KEY(ip_proto),
};

static_assert(KEY(in_port) == 0);

static int match_len(int type)
{
	switch (sluice_match_nl_policy[type].type) {
	case NLA_U8:
		return sizeof(u8);
	case NLA_U16:
		return sizeof(u16);
	default:
		return ETH_ALEN;
	}
}

struct match_parse {
	struct sluice_change *c;
	struct nlattr *key[SLUICE_A_MATCH_MAX + 1];
	struct nlattr *mask[SLUICE_A_MATCH_MAX + 1];
};

static int match_refuse(struct match_parse *p, int type, const char *why)
{
	NL_SET_ERR_MSG_ATTR_FMT(p->c->extack, p->key[type] ?: p->mask[type], "%s", why);
	return -EINVAL;
}

/* --- from attributes ------------------------------------------------------------------------- */

static void match_get_plain(struct match_parse *p, int type, struct sluice_flow_spec *flow)
{
	u8 *key = (u8 *)&flow->key + match_offset[type],
	   *mask = (u8 *)&flow->mask + match_offset[type];
	int len = match_len(type);

	nla_memcpy(key, p->key[type], len);
	if (p->mask[type])
		nla_memcpy(mask, p->mask[type], len);
	else
		memset(mask, type == SLUICE_A_MATCH_FRAG ? SLUICE_FRAG_MASK : 0xff, len);
}

/* A type or code is a byte in the place of a port. */
static void match_get_icmp(struct match_parse *p, int type, u16 *key, u16 *mask)
{
	*key = nla_get_u8(p->key[type]);
	*mask = p->mask[type] ? 0xff00 | nla_get_u8(p->mask[type]) : 0xffff;
}

static int match_get_addr(struct match_parse *p, int type, struct in6_addr *key,
			  struct in6_addr *mask)
{
	u16 family, mask_family;
	int err = sluice_nl_get_addr(p->key[type], key, &family, p->c->extack);

	memset(mask, 0xff, sizeof(*mask));
	if (err || !p->mask[type])
		return err;
	err = sluice_nl_get_addr(p->mask[type], mask, &mask_family, p->c->extack);
	if (err)
		return err;
	if (family != mask_family)
		return match_refuse(p, type, "an address and its mask must be of the same family");
	/* That it is IPv4 must be matched too. */
	if (family == AF_INET)
		memset(mask, 0xff, offsetof(struct in6_addr, s6_addr32[3]));
	return 0;
}

static int match_get_in_port(struct match_parse *p, struct sluice_flow_spec *flow)
{
	struct sluice_port *port;

	if (p->mask[SLUICE_A_MATCH_IN_PORT])
		return match_refuse(p, SLUICE_A_MATCH_IN_PORT,
				    "a port has no mask: leave it out to match any");
	port = sluice_nl_port(p->c->net, p->key[SLUICE_A_MATCH_IN_PORT], p->c->extack);
	if (IS_ERR(port))
		return PTR_ERR(port);
	flow->key.in_port = port->dev->ifindex;
	flow->mask.in_port = U32_MAX;
	return 0;
}

static int match_get_field(struct match_parse *p, int type, struct sluice_flow_spec *flow)
{
	switch (type) {
	case SLUICE_A_MATCH_IN_PORT:
		return match_get_in_port(p, flow);
	case SLUICE_A_MATCH_SRC:
		return match_get_addr(p, type, &flow->key.src, &flow->mask.src);
	case SLUICE_A_MATCH_DST:
		return match_get_addr(p, type, &flow->key.dst, &flow->mask.dst);
	case SLUICE_A_MATCH_ICMP_TYPE:
		match_get_icmp(p, type, &flow->key.sport, &flow->mask.sport);
		return 0;
	case SLUICE_A_MATCH_ICMP_CODE:
		match_get_icmp(p, type, &flow->key.dport, &flow->mask.dport);
		return 0;
	default:
		match_get_plain(p, type, flow);
		return 0;
	}
}

static bool match_is(const struct sluice_flow_spec *flow, u16 eth_type)
{
	return flow->mask.eth_type == U16_MAX && flow->key.eth_type == eth_type;
}

static bool match_is_proto(const struct sluice_flow_spec *flow, u8 a, u8 b, u8 c)
{
	u8 proto = flow->key.ip_proto;

	return flow->mask.ip_proto == U8_MAX && (proto == a || proto == b || proto == c);
}

/*
 * Each field must mean what its name says, so what decides about its meaning must be matched as
 * well.
 */
static int match_check(struct match_parse *p, const struct sluice_flow_spec *flow)
{
	struct nlattr **key = p->key;
	const bool icmp = key[SLUICE_A_MATCH_ICMP_TYPE] || key[SLUICE_A_MATCH_ICMP_CODE];
	const bool ports = key[SLUICE_A_MATCH_SPORT] || key[SLUICE_A_MATCH_DPORT];

	if (key[SLUICE_A_MATCH_ARP_OP] && !match_is(flow, ETH_P_ARP))
		return match_refuse(p, SLUICE_A_MATCH_ARP_OP, "arp-op needs eth-type arp");
	if (key[SLUICE_A_MATCH_ARP_OP] && key[SLUICE_A_MATCH_PROTO])
		return match_refuse(p, SLUICE_A_MATCH_PROTO,
				    "ARP has no IP protocol: leave proto out");
	if (key[SLUICE_A_MATCH_PROTO] && match_is(flow, ETH_P_ARP))
		return match_refuse(p, SLUICE_A_MATCH_PROTO, "ARP has no IP protocol: say arp-op");
	if (icmp && !match_is_proto(flow, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_ICMPV6))
		return match_refuse(p,
				    key[SLUICE_A_MATCH_ICMP_TYPE] ? SLUICE_A_MATCH_ICMP_TYPE :
								    SLUICE_A_MATCH_ICMP_CODE,
				    "icmp-type and icmp-code need proto icmp or icmpv6");
	if (ports && !match_is_proto(flow, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP))
		return match_refuse(p,
				    key[SLUICE_A_MATCH_SPORT] ? SLUICE_A_MATCH_SPORT :
								SLUICE_A_MATCH_DPORT,
				    "sport and dport need proto tcp, udp or sctp");
	return 0;
}

/* Fragments without an L4 header have zeros where ports would be. */
static void match_need_l4(const struct match_parse *p, struct sluice_flow_spec *flow)
{
	if (!p->key[SLUICE_A_MATCH_SPORT] && !p->key[SLUICE_A_MATCH_DPORT] &&
	    !p->key[SLUICE_A_MATCH_ICMP_TYPE] && !p->key[SLUICE_A_MATCH_ICMP_CODE] &&
	    !p->key[SLUICE_A_MATCH_TCP_FLAGS])
		return;
	flow->key.l4_ok = 1;
	flow->mask.l4_ok = U8_MAX;
}

static int match_parse_nests(struct match_parse *p)
{
	struct nlattr **attrs = p->c->attrs;
	int err = 0;

	if (attrs[SLUICE_A_FLOW_KEY])
		err = nla_parse_nested(p->key, SLUICE_A_MATCH_MAX, attrs[SLUICE_A_FLOW_KEY],
				       sluice_match_nl_policy, p->c->extack);
	if (!err && attrs[SLUICE_A_FLOW_MASK])
		err = nla_parse_nested(p->mask, SLUICE_A_MATCH_MAX, attrs[SLUICE_A_FLOW_MASK],
				       sluice_match_nl_policy, p->c->extack);
	return err;
}

static int match_check_bits(struct match_parse *p, const struct sluice_flow_spec *flow)
{
	const u64 *key = (const u64 *)&flow->key, *mask = (const u64 *)&flow->mask;
	unsigned int i;

	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++) {
		if (key[i] & ~mask[i]) {
			NL_SET_ERR_MSG_ATTR(p->c->extack, p->c->attrs[SLUICE_A_FLOW_KEY],
					    "a value has bits that its mask leaves out: clear them");
			return -EINVAL;
		}
	}
	return 0;
}

int sluice_nl_get_match(struct sluice_change *c, struct sluice_flow_spec *flow)
{
	struct match_parse p = { .c = c };
	int type, err = match_parse_nests(&p);

	for (type = 1; type <= SLUICE_A_MATCH_MAX && !err; type++) {
		if (p.key[type])
			err = match_get_field(&p, type, flow);
		else if (p.mask[type])
			err = match_refuse(&p, type, "a mask without a value");
	}
	if (!err)
		err = match_check(&p, flow);
	if (err)
		return err;
	match_need_l4(&p, flow);
	return match_check_bits(&p, flow);
}

/* --- to attributes --------------------------------------------------------------------------- */

/* Which of the fields that share a place it is. */
static bool match_shows(const struct sluice_flow_spec *flow, int type)
{
	const bool icmp = match_is_proto(flow, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_ICMPV6);

	switch (type) {
	case SLUICE_A_MATCH_PROTO:
		return !match_is(flow, ETH_P_ARP);
	case SLUICE_A_MATCH_ARP_OP:
		return match_is(flow, ETH_P_ARP);
	case SLUICE_A_MATCH_SPORT:
	case SLUICE_A_MATCH_DPORT:
		return !icmp;
	default:
		return true;
	}
}

static int match_put_plain(struct sk_buff *skb, const struct sluice_flow_spec *flow, bool mask)
{
	const u8 *bits = (const u8 *)&flow->mask, *from = mask ? bits : (const u8 *)&flow->key;
	int type, at;

	for (type = 1; type <= SLUICE_A_MATCH_MAX; type++) {
		at = match_offset[type];
		if (!at || !memchr_inv(bits + at, 0, match_len(type)) || !match_shows(flow, type))
			continue;
		if (nla_put(skb, type, match_len(type), from + at))
			return -EMSGSIZE;
	}
	return 0;
}

static int match_put_icmp(struct sk_buff *skb, const struct sluice_flow_spec *flow, bool mask)
{
	const struct sluice_flow_key *from = mask ? &flow->mask : &flow->key;

	if (!match_is_proto(flow, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_ICMPV6))
		return 0;
	if (flow->mask.sport && nla_put_u8(skb, SLUICE_A_MATCH_ICMP_TYPE, from->sport))
		return -EMSGSIZE;
	if (flow->mask.dport && nla_put_u8(skb, SLUICE_A_MATCH_ICMP_CODE, from->dport))
		return -EMSGSIZE;
	return 0;
}

static int match_put_addr(struct sk_buff *skb, int type, const struct in6_addr *key,
			  const struct in6_addr *mask, bool put_mask)
{
	u16 family = ipv6_addr_v4mapped(key) && mask->s6_addr32[2] == cpu_to_be32(U32_MAX) ?
			     AF_INET :
			     AF_INET6;

	return ipv6_addr_any(mask) ? 0 :
				     sluice_nl_put_addr(skb, type, put_mask ? mask : key, family);
}

static int match_put_nest(struct sk_buff *skb, struct net *net, const struct sluice_flow_spec *flow,
			  bool mask)
{
	struct nlattr *nest = nla_nest_start(skb, mask ? SLUICE_A_FLOW_MASK : SLUICE_A_FLOW_KEY);
	const struct net_device *in;

	if (!nest)
		return -EMSGSIZE;
	if (!mask && flow->mask.in_port) {
		in = __dev_get_by_index(net, flow->key.in_port);
		if (nla_put_string(skb, SLUICE_A_MATCH_IN_PORT, in ? in->name : ""))
			return -EMSGSIZE;
	}
	if (match_put_plain(skb, flow, mask) || match_put_icmp(skb, flow, mask) ||
	    match_put_addr(skb, SLUICE_A_MATCH_SRC, &flow->key.src, &flow->mask.src, mask) ||
	    match_put_addr(skb, SLUICE_A_MATCH_DST, &flow->key.dst, &flow->mask.dst, mask))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int sluice_nl_put_match(struct sk_buff *skb, struct net *net, const struct sluice_flow_spec *flow)
{
	return match_put_nest(skb, net, flow, false) ?: match_put_nest(skb, net, flow, true);
}
