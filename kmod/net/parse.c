// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser. What it lets through is what policy judges, so it refuses whatever two readers could
 * read in two ways: headers cut short, lengths that contradict each other, headers that fragments
 * could overlap, neighbour discovery options that come twice.
 */
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/icmpv6.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include "parse.h"

/* IPv6 extension headers in one packet; real ones have three at most. */
#define EXT_HEADERS_MAX	8

#define IPV4_MF		0x2000
#define IPV4_OFFSET	0x1fff
#define IPV6_MF		0x0001
#define IPV6_OFFSET	0xfff8

/*
 * Room for all headers of a first IPv6 fragment, from behind its fragment header on; no later
 * fragment begins in it. Real ones begin behind a thousand bytes: every link takes packets of 1280.
 */
#define IPV6_FRAG_HEADERS	256

#define NEXT_HOP_OPTS	0
#define NEXT_ROUTING	43
#define NEXT_FRAGMENT	44
#define NEXT_AUTH	51
#define NEXT_DST_OPTS	60

/* IPv4 options (RFC 791) */
#define IPOPT_END	0
#define IPOPT_NOOP	1
#define IPOPT_LSRR	131
#define IPOPT_SSRR	137

/* options in a destination options header */
#define OPT_PAD1	0
#define OPT_HOME	201

/* of BOOTP, RFC 951: where a request names its sender */
#define PORT_BOOTPS	67
#define BOOTP_REQUEST	1
#define BOOTP_CHADDR	28

#define ND_RS		133
#define ND_RA		134
#define ND_NS		135
#define ND_NA		136
#define ND_REDIRECT	137
#define ND_OPT_SOURCE	1
#define ND_OPT_TARGET	2

/**
 * struct view - what is left to parse
 * @data: first byte of the frame
 * @seen: bytes that can be read
 * @end: bytes of the frame, later of the IP packet in it
 * @frag: of an IPv6 fragment: what the fragment header is followed by
 */
struct view {
	const u8 *data;
	u32 seen;
	u32 end;
	u32 frag;
};

static inline const u8 *header(const struct view *v, u32 off, u32 need)
{
	return off + need <= v->seen ? v->data + off : NULL;
}

/* The packet ends at @end: what follows is padding. */
static inline void narrow(struct view *v, u32 end)
{
	v->end = end;
	v->seen = min(v->seen, end);
}

static inline void ipv4_mapped(struct in6_addr *addr, const u8 *ip)
{
	addr->s6_addr[10] = 0xff;
	addr->s6_addr[11] = 0xff;
	memcpy(&addr->s6_addr[12], ip, 4);
}

/*
 * Take the link-layer address out of the options of an ND message. A router's message may have more
 * of them than can be read here: it makes no claim that is looked at further.
 */
static bool parse_nd_options(const struct view *v, u32 off, u8 wanted, struct sluice_flow_key *key)
{
	bool found = false;

	while (off < v->end) {
		const u8 *h = header(v, off, 8);
		u32 len;

		if (!h)
			return v->seen < v->end &&
			       (key->sport == ND_RA || key->sport == ND_REDIRECT);
		if (!h[1])
			return false;
		len = h[1] * 8;
		if (off + len > v->end)
			return false;
		if (h[0] == wanted) {
			if (found)
				return false;
			memcpy(key->nd_mac, h + 2, ETH_ALEN);
			found = true;
		}
		off += len;
	}
	return true;
}

static bool parse_nd(const struct view *v, u32 off, struct sluice_flow_key *key)
{
	const u8 *h;

	if (key->sport < ND_RS || key->sport > ND_REDIRECT)
		return true;
	/* Its options could be in any fragment; nobody is to listen to such (RFC 6980). */
	if (key->frag)
		return false;
	switch (key->sport) {
	case ND_RS:
		return parse_nd_options(v, off + 8, ND_OPT_SOURCE, key);
	case ND_RA:
		return header(v, off, 16) && parse_nd_options(v, off + 16, ND_OPT_SOURCE, key);
	case ND_NS:
	case ND_NA:
		h = header(v, off, 24);
		if (!h)
			return false;
		memcpy(&key->nd_target, h + 8, sizeof(key->nd_target));
		return parse_nd_options(v, off + 24,
					key->sport == ND_NS ? ND_OPT_SOURCE : ND_OPT_TARGET, key);
	case ND_REDIRECT:
		h = header(v, off, 40);
		if (!h)
			return false;
		memcpy(&key->nd_target, h + 8, sizeof(key->nd_target));
		return parse_nd_options(v, off + 40, ND_OPT_TARGET, key);
	}
	return true;
}

static inline void l4_found(struct sluice_flow_key *key, struct sluice_parsed *p, u32 off, u32 len)
{
	key->l4_ok = 1;
	p->l4 = off;
	p->payload = off + len;
	p->min_len = off + len;
}

static inline void l4_ports(struct sluice_flow_key *key, const u8 *h)
{
	key->sport = get_unaligned_be16(h);
	key->dport = get_unaligned_be16(h + 2);
}

static inline bool parse_tcp(const struct view *v, u32 off, struct sluice_flow_key *key,
			     struct sluice_parsed *p)
{
	const u8 *h = header(v, off, 20);
	u32 len;

	if (!h)
		return false;
	len = (h[12] >> 4) * 4;
	if (len < 20 || !header(v, off, len))
		return false;
	l4_ports(key, h);
	key->tcp_flags = h[13];
	l4_found(key, p, off, len);
	return true;
}

/*
 * Whom a request to a DHCP server is for. In fragments it could be overwritten; whoever asks for it
 * finds it missing then. It is a header like others from then on: no checksum is filled in there.
 */
static void parse_dhcp(const struct view *v, u32 off, struct sluice_flow_key *key,
		       struct sluice_parsed *p)
{
	const u8 *h = header(v, off, BOOTP_CHADDR + ETH_ALEN);

	if (!h || key->frag || key->eth_type != ETH_P_IP || h[0] != BOOTP_REQUEST ||
	    h[1] != ARPHRD_ETHER || h[2] != ETH_ALEN)
		return;
	key->option |= SLUICE_OPTION_DHCP;
	memcpy(key->nd_mac, h + BOOTP_CHADDR, ETH_ALEN);
	p->min_len = off + BOOTP_CHADDR + ETH_ALEN;
}

static inline bool parse_udp(const struct view *v, u32 off, struct sluice_flow_key *key,
			     struct sluice_parsed *p)
{
	const u8 *h = header(v, off, 8);
	u32 len;

	if (!h)
		return false;
	/* 0: longer than the field can say. A fragment has the length of the whole. */
	len = get_unaligned_be16(h + 4);
	if (len && (len < 8 || (!key->frag && len > v->end - off)))
		return false;
	l4_ports(key, h);
	l4_found(key, p, off, 8);
	if (unlikely(key->dport == PORT_BOOTPS))
		parse_dhcp(v, off + 8, key, p);
	return true;
}

static bool parse_icmp(const struct view *v, u32 off, struct sluice_flow_key *key,
		       struct sluice_parsed *p)
{
	const u8 *h = header(v, off, 8);

	if (!h)
		return false;
	key->sport = h[0];
	key->dport = h[1];
	l4_found(key, p, off, 8);
	return key->ip_proto != IPPROTO_ICMPV6 || parse_nd(v, off, key);
}

/*
 * UDP-Lite and DCCP have ports and a checksum over the pseudo header where UDP and TCP have such;
 * no rule matches them.
 */
static bool parse_unruled(const struct view *v, u32 off, u32 len, struct sluice_parsed *p)
{
	if (!header(v, off, len))
		return false;
	p->l4 = off;
	p->payload = off + len;
	p->min_len = off + len;
	return true;
}

static inline bool parse_l4(const struct view *v, u32 off, struct sluice_flow_key *key,
			    struct sluice_parsed *p)
{
	const u8 *h;

	p->min_len = off;
	switch (key->ip_proto) {
	case IPPROTO_TCP:
		return parse_tcp(v, off, key, p);
	case IPPROTO_UDP:
		return parse_udp(v, off, key, p);
	case IPPROTO_SCTP:
		h = header(v, off, 12);
		if (!h)
			return false;
		l4_ports(key, h);
		l4_found(key, p, off, 12);
		return true;
	case IPPROTO_ICMP:
		/* In the other family's packet these two are nothing that anybody answers. */
		return key->eth_type != ETH_P_IP || parse_icmp(v, off, key, p);
	case IPPROTO_ICMPV6:
		return key->eth_type != ETH_P_IPV6 || parse_icmp(v, off, key, p);
	case IPPROTO_UDPLITE:
		return parse_unruled(v, off, 8, p);
	case IPPROTO_DCCP:
		return parse_unruled(v, off, 12, p);
	}
	return true;
}

/*
 * A fragment, as the first of which only one that holds the whole L4 header passes: a later one
 * that begins within @headers bytes is there to overwrite what policy looked at (RFC 1858, 3128).
 */
static inline bool fragment(struct sluice_flow_key *key, u32 offset, u32 headers)
{
	key->frag = offset ? SLUICE_FRAG_MASK : SLUICE_FRAG_ANY;
	return !offset || offset >= headers;
}

/* Fragments with another protocol belong to another packet. */
static inline u32 ipv4_frag_headers(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_SCTP:
		return 12;
	}
	return 8;
}

static bool parse_ipv4_options(const u8 *h, u32 len, struct sluice_flow_key *key)
{
	u32 off = 20;

	key->option |= SLUICE_OPTION_ANY;
	while (off < len && h[off] != IPOPT_END) {
		if (h[off] == IPOPT_NOOP) {
			off++;
			continue;
		}
		if (off + 2 > len || h[off + 1] < 2 || off + h[off + 1] > len)
			return false;
		if (h[off] == IPOPT_LSRR || h[off] == IPOPT_SSRR)
			key->option |= SLUICE_OPTION_ROUTE;
		off += h[off + 1];
	}
	return true;
}

static inline bool parse_ipv4(struct view *v, u32 off, struct sluice_flow_key *key,
			      struct sluice_parsed *p)
{
	const u8 *h = header(v, off, 20);
	u32 len, total, frag;

	if (!h || h[0] >> 4 != 4)
		return false;
	len = (h[0] & 0xf) * 4;
	/* 0: to be segmented, longer than the field can say. */
	total = get_unaligned_be16(h + 2);
	p->unsized = !total;
	total = total ?: v->end - off;
	if (len < 20 || total < len || total > v->end - off || !header(v, off, len))
		return false;
	narrow(v, off + total);
	p->end = v->end;

	key->tos = h[1];
	key->ttl = h[8];
	key->ip_proto = h[9];
	ipv4_mapped(&key->src, h + 12);
	ipv4_mapped(&key->dst, h + 16);
	p->l3 = off;
	p->min_len = off + len;
	if (unlikely(len > 20) && !parse_ipv4_options(h, len, key))
		return false;

	frag = get_unaligned_be16(h + 6);
	if (frag & (IPV4_MF | IPV4_OFFSET)) {
		if (!fragment(key, (frag & IPV4_OFFSET) * 8, ipv4_frag_headers(key->ip_proto)))
			return false;
		if (key->frag & SLUICE_FRAG_LATER)
			return true;
	}
	return parse_l4(v, off + len, key, p);
}

/* @h: a destination options header of @len bytes */
static bool parse_dst_options(const u8 *h, u32 len, struct sluice_flow_key *key)
{
	u32 off = 2;

	while (off < len) {
		if (h[off] == OPT_PAD1) {
			off++;
			continue;
		}
		if (off + 2 > len || off + 2 + h[off + 1] > len)
			return false;
		if (h[off] == OPT_HOME)
			key->option |= SLUICE_OPTION_HOME;
		off += 2 + h[off + 1];
	}
	return true;
}

/* What is known of an extension header, a fragment header apart. */
static bool extension(const u8 *h, u32 len, struct sluice_flow_key *key)
{
	key->option |= SLUICE_OPTION_ANY;
	if (key->ip_proto == NEXT_ROUTING)
		key->option |= h[2] ? SLUICE_OPTION_ROUTE :
				      SLUICE_OPTION_ROUTE | SLUICE_OPTION_RH0;
	return key->ip_proto != NEXT_DST_OPTS || parse_dst_options(h, len, key);
}

/*
 * Walk the extension headers from @off on; key->ip_proto is the type of the header there. Ends at
 * the upper layer's header or, with SLUICE_FRAG_LATER set, behind the fragment header.
 */
static bool parse_extensions(struct view *v, u32 *off, struct sluice_flow_key *key,
			     struct sluice_parsed *p)
{
	unsigned int i;

	for (i = 0; i <= EXT_HEADERS_MAX; i++) {
		u32 len, frag;
		const u8 *h;

		switch (key->ip_proto) {
		case NEXT_HOP_OPTS:
			if (i)
				return false;
			break;
		case NEXT_FRAGMENT:
		case NEXT_AUTH:
			p->solid = true;
			break;
		case NEXT_ROUTING:
		case NEXT_DST_OPTS:
			break;
		default:
			return true;
		}
		h = header(v, *off, 8);
		if (!h)
			return false;
		if (key->ip_proto == NEXT_FRAGMENT) {
			if (key->frag)
				return false;
			key->ip_proto = h[0];
			*off += 8;
			v->frag = *off;
			frag = get_unaligned_be16(h + 2);
			/* Neither: an "atomic" fragment, which is whole. */
			if (!(frag & (IPV6_MF | IPV6_OFFSET)))
				continue;
			/* Who puts them together ignores the protocol of a later one. */
			if (!fragment(key, frag & IPV6_OFFSET, IPV6_FRAG_HEADERS))
				return false;
			if (key->frag & SLUICE_FRAG_LATER)
				return true;
			continue;
		}
		len = key->ip_proto == NEXT_AUTH ? (h[1] + 2) * 4 : (h[1] + 1) * 8;
		if (!header(v, *off, len) || !extension(h, len, key))
			return false;
		key->ip_proto = h[0];
		*off += len;
	}
	return false;
}

static inline bool parse_ipv6(struct view *v, u32 off, struct sluice_flow_key *key,
			      struct sluice_parsed *p)
{
	const u8 *h = header(v, off, 40);
	u32 len;

	if (!h || h[0] >> 4 != 6)
		return false;
	/* 0: a jumbogram, or to be segmented and longer than the field can say. */
	len = get_unaligned_be16(h + 4);
	p->unsized = !len && h[6] != IPPROTO_NONE;
	len = len ?: v->end - off - 40;
	if (len > v->end - off - 40)
		return false;
	narrow(v, off + 40 + len);
	p->end = v->end;

	key->tos = (h[0] << 4 | h[1] >> 4) & 0xff;
	key->ip_proto = h[6];
	key->ttl = h[7];
	memcpy(&key->src, h + 8, sizeof(key->src));
	memcpy(&key->dst, h + 24, sizeof(key->dst));
	p->l3 = off;

	off += 40;
	if (!parse_extensions(v, &off, key, p))
		return false;
	p->min_len = off;
	if (key->frag & SLUICE_FRAG_LATER)
		return true;
	if (!parse_l4(v, off, key, p))
		return false;
	return !key->frag || p->min_len - v->frag <= IPV6_FRAG_HEADERS;
}

/*
 * ARP, and RARP, which is laid out alike. ARP for other things than IPv4 over Ethernet keeps an
 * address of ::, which no guard takes for one of IPv4.
 */
static bool parse_arp(const struct view *v, u32 off, struct sluice_flow_key *key,
		      struct sluice_parsed *p)
{
	const u8 *h = header(v, off, 8);

	if (!h)
		return false;
	key->ip_proto = min_t(u32, get_unaligned_be16(h + 6), 255);
	p->l3 = off;
	p->min_len = off + 8;
	if (get_unaligned_be16(h) != ARPHRD_ETHER || get_unaligned_be16(h + 2) != ETH_P_IP ||
	    h[4] != ETH_ALEN || h[5] != 4)
		return true;
	if (!header(v, off, 28))
		return false;
	memcpy(key->nd_mac, h + 8, ETH_ALEN);
	ipv4_mapped(&key->src, h + 14);
	ipv4_mapped(&key->dst, h + 24);
	p->min_len = off + 28;
	return true;
}

/* Two tags at most; a third stays what follows them, and no one looks behind it. */
static inline bool parse_l2(const struct view *v, u32 *off, struct sluice_flow_key *key)
{
	const u8 *h = header(v, 0, ETH_HLEN);
	unsigned int i;
	u16 type;

	if (!h)
		return false;
	memcpy(key->eth_dst, h, ETH_ALEN);
	memcpy(key->eth_src, h + ETH_ALEN, ETH_ALEN);
	type = get_unaligned_be16(h + 2 * ETH_ALEN);
	*off = ETH_HLEN;
	for (i = 0; i < 2 && (type == ETH_P_8021Q || type == ETH_P_8021AD); i++) {
		h = header(v, *off, 4);
		if (!h)
			return false;
		key->vlan[i] = get_unaligned_be16(h) | SLUICE_VLAN_PRESENT;
		if (type == ETH_P_8021AD)
			key->vlan_proto |= 1 << i;
		type = get_unaligned_be16(h + 2);
		*off += 4;
	}
	key->eth_type = type < ETH_P_802_3_MIN ? ETH_P_802_3_MIN - 1 : type;
	return true;
}

static inline bool parse(struct view *v, struct sluice_flow_key *key, struct sluice_parsed *p)
{
	u32 off;

	if (!parse_l2(v, &off, key))
		return false;
	p->l2 = off;
	p->min_len = off;
	p->end = v->end;
	switch (key->eth_type) {
	case ETH_P_IP:
		return parse_ipv4(v, off, key, p);
	case ETH_P_IPV6:
		return parse_ipv6(v, off, key, p);
	case ETH_P_ARP:
	case ETH_P_RARP:
		return parse_arp(v, off, key, p);
	}
	return true;
}

/*
 * All but the in-port. Of plain stores compilers make a string instruction or a call, which take
 * several times as long to get going.
 */
static __always_inline void key_clear(struct sluice_flow_key *key)
{
	u64 *word = (u64 *)key;

	static_assert(SLUICE_FLOW_KEY_WORDS == 12 && offsetof(struct sluice_flow_key, vlan) == 4);
	key->vlan[0] = 0;
	key->vlan[1] = 0;
	WRITE_ONCE(word[1], 0);
	WRITE_ONCE(word[2], 0);
	WRITE_ONCE(word[3], 0);
	WRITE_ONCE(word[4], 0);
	WRITE_ONCE(word[5], 0);
	WRITE_ONCE(word[6], 0);
	WRITE_ONCE(word[7], 0);
	WRITE_ONCE(word[8], 0);
	WRITE_ONCE(word[9], 0);
	WRITE_ONCE(word[10], 0);
	WRITE_ONCE(word[11], 0);
}

enum sluice_drop sluice_parse(const u8 *data, u32 len, u32 frame_len, struct sluice_flow_key *key,
			      struct sluice_parsed *p)
{
	struct view v = { .data = data, .seen = min(len, frame_len), .end = frame_len };

	key_clear(key);
	*p = (struct sluice_parsed){};
	if (likely(parse(&v, key, p)))
		return SLUICE_DROP_NONE;
	return key->frag ? SLUICE_DROP_FRAGMENT : SLUICE_DROP_MALFORMED;
}
