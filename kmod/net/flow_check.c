// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a flow rule make sense? A field can be matched only where it is known to exist, and
 * rewritten only if the match says that it does: so an action never meets a packet that it does not
 * fit, apart from fragments and tags that the match left open.
 */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include "flow.h"
#include "prefix.h"

#define ND_TYPE_FIRST	133
#define ND_TYPE_LAST	137

/**
 * struct pinned - what the match says for certain
 * @eth_type: 0 if it says nothing
 * @proto: protocol; -1 if it says nothing
 * @tags: tags that are there at this point of the actions
 * @in_port: ifindex; 0 if it says nothing
 */
struct pinned {
	u16 eth_type;
	int proto;
	unsigned int tags;
	u32 in_port;
};

static bool is_ip(const struct pinned *pin)
{
	return pin->eth_type == ETH_P_IP || pin->eth_type == ETH_P_IPV6;
}

static bool has_ports(const struct pinned *pin)
{
	return is_ip(pin) && (pin->proto == IPPROTO_TCP || pin->proto == IPPROTO_UDP ||
			      pin->proto == IPPROTO_SCTP);
}

static bool is_icmp(const struct pinned *pin)
{
	return (pin->eth_type == ETH_P_IP && pin->proto == IPPROTO_ICMP) ||
	       (pin->eth_type == ETH_P_IPV6 && pin->proto == IPPROTO_ICMPV6);
}

static bool is_nd(const struct sluice_flow_spec *spec, const struct pinned *pin)
{
	return is_icmp(pin) && pin->proto == IPPROTO_ICMPV6 && spec->mask.sport == 0xffff &&
	       spec->key.sport >= ND_TYPE_FIRST && spec->key.sport <= ND_TYPE_LAST;
}

static bool any_bit(const void *field, size_t len)
{
	return memchr_inv(field, 0, len);
}

#define matched(field) any_bit(&(field), sizeof(field))

static void pin_down(const struct sluice_flow_spec *spec, struct pinned *pin)
{
	const struct sluice_flow_key *key = &spec->key, *mask = &spec->mask;
	unsigned int i;

	pin->eth_type = mask->eth_type == 0xffff ? key->eth_type : 0;
	pin->proto = mask->ip_proto == 0xff ? key->ip_proto : -1;
	pin->in_port = mask->in_port ? key->in_port : 0;
	pin->tags = 0;
	for (i = 0; i < ARRAY_SIZE(key->vlan); i++)
		if (mask->vlan[i] & key->vlan[i] & SLUICE_VLAN_PRESENT)
			pin->tags = i + 1;
}

static const char *form_trouble(const struct sluice_flow_spec *spec)
{
	const u64 *key = (const u64 *)&spec->key, *mask = (const u64 *)&spec->mask;
	unsigned int i;

	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++)
		if (key[i] & ~mask[i])
			return "the match has bits outside its mask";
	if (spec->mask.option || matched(spec->mask.reserved2))
		return "the match has reserved bits";
	if (spec->mask.in_port && spec->mask.in_port != ~0U)
		return "the port that a flow matches can have no mask";
	for (i = 0; i < ARRAY_SIZE(spec->mask.vlan); i++)
		if (spec->key.vlan[i] && !(spec->key.vlan[i] & SLUICE_VLAN_PRESENT))
			return "a match on a tag's id or priority needs its presence bit";
	return NULL;
}

/* IPv4 addresses lie in the last 4 bytes of a field whose others are the same in all packets. */
static bool addr_possible(const struct pinned *pin, const struct in6_addr *key,
			  const struct in6_addr *mask)
{
	if (pin->eth_type == ETH_P_IPV6)
		return true;
	return !key->s6_addr32[0] && !key->s6_addr32[1] &&
	       key->s6_addr32[2] == (htonl(0xffff) & mask->s6_addr32[2]);
}

static const char *l3_trouble(const struct sluice_flow_spec *spec, const struct pinned *pin)
{
	const struct sluice_flow_key *mask = &spec->mask;

	if ((matched(mask->src) || matched(mask->dst)) && !is_ip(pin) && pin->eth_type != ETH_P_ARP)
		return "addresses need eth-type ipv4, ipv6 or arp";
	if ((matched(mask->src) && !addr_possible(pin, &spec->key.src, &mask->src)) ||
	    (matched(mask->dst) && !addr_possible(pin, &spec->key.dst, &mask->dst)))
		return "eth-type contradicts the address family of src or dst";
	if (mask->ip_proto && !is_ip(pin) && pin->eth_type != ETH_P_ARP)
		return "proto needs eth-type ipv4 or ipv6, arp-op eth-type arp";
	if ((mask->tos || mask->ttl || mask->frag) && !is_ip(pin))
		return "dscp, ttl and frag need eth-type ipv4 or ipv6";
	if ((spec->key.frag & ~SLUICE_FRAG_MASK) ||
	    (spec->key.frag == SLUICE_FRAG_LATER && (mask->frag & SLUICE_FRAG_ANY)))
		return "no such kind of fragment";
	return NULL;
}

static const char *l4_trouble(const struct sluice_flow_spec *spec, const struct pinned *pin)
{
	const struct sluice_flow_key *mask = &spec->mask;

	if ((mask->sport || mask->dport) && !has_ports(pin) && !is_icmp(pin))
		return "ports need proto tcp, udp or sctp, icmp-type proto icmp or icmpv6";
	if (is_icmp(pin) && (spec->key.sport > 255 || spec->key.dport > 255))
		return "ICMP types and codes are at most 255";
	if (mask->tcp_flags && !(is_ip(pin) && pin->proto == IPPROTO_TCP))
		return "tcp-flags need proto tcp";
	if (mask->l4_ok && !is_ip(pin))
		return "a match on a good L4 header needs eth-type ipv4 or ipv6";
	if (matched(mask->nd_target) && !is_nd(spec, pin))
		return "the target needs proto icmpv6 and a type of neighbour discovery";
	if (matched(mask->nd_mac) && pin->eth_type != ETH_P_ARP && !is_nd(spec, pin))
		return "the sender's MAC needs eth-type arp or a type of neighbour discovery";
	return NULL;
}

static const char *vlan_trouble(const struct sluice_act *act, struct pinned *pin)
{
	if (act->type != SLUICE_ACT_POP_VLAN &&
	    ((act->vlan & SLUICE_VLAN_PRESENT) || (act->vlan & 0xfff) > 4094))
		return "a VLAN id is at most 4094";
	switch (act->type) {
	case SLUICE_ACT_PUSH_VLAN:
		if (pin->tags++ >= 2)
			return "at most 2 tags: pop one first";
		return NULL;
	case SLUICE_ACT_POP_VLAN:
		if (!pin->tags--)
			return "pop-vlan needs a match on vlan, or a push-vlan before it";
		return NULL;
	}
	return pin->tags ? NULL : "set-vlan needs a match on vlan, or a push-vlan before it";
}

static const char *set_trouble(const struct sluice_act *act, const struct pinned *pin)
{
	switch (act->type) {
	case SLUICE_ACT_SET_ETH_SRC:
		return is_valid_ether_addr(act->mac) ? NULL : "set-eth-src needs a unicast address";
	case SLUICE_ACT_SET_ETH_DST:
		return is_zero_ether_addr(act->mac) ? "set-eth-dst needs an address" : NULL;
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
		if (!sluice_prefix_valid(&act->ip))
			return "set-src and set-dst need an IPv4 or IPv6 address";
		if (sluice_prefix_eth_type(&act->ip) == pin->eth_type)
			return NULL;
		return "set-src and set-dst need a match on eth-type of the address's family";
	case SLUICE_ACT_SET_TTL:
		if (!act->value)
			return "set-ttl to 0 would kill the packet: say drop";
		return is_ip(pin) ? NULL : "set-ttl needs a match on eth-type ipv4 or ipv6";
	case SLUICE_ACT_SET_DSCP:
		if (act->value > 63)
			return "a DSCP is at most 63";
		return is_ip(pin) ? NULL : "set-dscp needs a match on eth-type ipv4 or ipv6";
	}
	if (has_ports(pin))
		return NULL;
	return "set-sport and set-dport need a match on proto tcp, udp or sctp";
}

static const char *act_trouble(const struct sluice_flow_spec *spec, unsigned int i,
			       struct pinned *pin)
{
	const struct sluice_act *act = &spec->act[i];

	switch (act->type) {
	case SLUICE_ACT_OUTPUT:
		if (pin->in_port && pin->in_port == act->ifindex)
			return "output to the port that the packets came from";
		return NULL;
	case SLUICE_ACT_DROP:
		if (spec->nr_act > 1)
			return "drop stands alone: no other action has any effect with it";
		return NULL;
	case SLUICE_ACT_SLOW:
	case SLUICE_ACT_METER:
		return NULL;
	case SLUICE_ACT_PUSH_VLAN:
	case SLUICE_ACT_POP_VLAN:
	case SLUICE_ACT_SET_VLAN:
		return vlan_trouble(act, pin);
	case SLUICE_ACT_SET_ETH_SRC:
	case SLUICE_ACT_SET_ETH_DST:
	case SLUICE_ACT_SET_SRC:
	case SLUICE_ACT_SET_DST:
	case SLUICE_ACT_SET_TTL:
	case SLUICE_ACT_SET_DSCP:
	case SLUICE_ACT_SET_SPORT:
	case SLUICE_ACT_SET_DPORT:
		return set_trouble(act, pin);
	}
	return "no such action";
}

static const char *acts_trouble(const struct sluice_flow_spec *spec, struct pinned *pin)
{
	const char *trouble;
	unsigned int i;
	u8 last;

	if (!spec->nr_act)
		return "a flow needs an action: drop, if that is what is meant";
	if (spec->nr_act > SLUICE_FLOW_MAX_ACTS)
		return "too many actions: at most 16";
	for (i = 0; i < spec->nr_act; i++) {
		trouble = act_trouble(spec, i, pin);
		if (trouble)
			return trouble;
	}
	last = spec->act[spec->nr_act - 1].type;
	if (last != SLUICE_ACT_OUTPUT && last != SLUICE_ACT_SLOW && last != SLUICE_ACT_DROP)
		return "the last action must be output, slow or drop";
	return NULL;
}

int sluice_flow_check(const struct sluice_flow_spec *spec, struct netlink_ext_ack *extack)
{
	const char *trouble;
	struct pinned pin;

	pin_down(spec, &pin);
	trouble = form_trouble(spec) ?: l3_trouble(spec, &pin) ?: l4_trouble(spec, &pin);
	if (!trouble)
		trouble = acts_trouble(spec, &pin);
	if (!trouble)
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "%s", trouble);
	return -EINVAL;
}
