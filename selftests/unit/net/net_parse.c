// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser: frames of every kind, each also cut at every byte; and frames that contradict
 * themselves.
 */
#include "frame.h"
#include "tap.h"
#include "net/parse.h"

static struct sluice_flow_key key;
static struct sluice_parsed where;

/*
 * Parse a copy that ends where the readable bytes end, into results filled with @fill before: a
 * byte read too much is found by the address sanitizer, one left undefined by comparing two fills.
 */
static enum sluice_drop parse_filled(const struct frame *f, u32 len, u32 frame_len, u8 fill,
				     struct sluice_flow_key *k, struct sluice_parsed *p)
{
	u8 *copy = malloc(len ?: 1);
	enum sluice_drop why;

	memcpy(copy, f->b, len);
	memset(k, fill, sizeof(*k));
	memset(p, fill, sizeof(*p));
	k->in_port = 42;
	why = sluice_parse(copy, len, frame_len, k, p);
	free(copy);
	return why;
}

static enum sluice_drop parse_cut(const struct frame *f, u32 len, u32 frame_len)
{
	struct sluice_flow_key other;
	struct sluice_parsed other_where;
	enum sluice_drop why, again;

	why = parse_filled(f, len, frame_len, 0, &key, &where);
	again = parse_filled(f, len, frame_len, 0xa5, &other, &other_where);
	if (why != again || memcmp(&key, &other, sizeof(key)) ||
	    memcmp(&where, &other_where, sizeof(where)) || key.in_port != 42)
		tap_ok(0, "result is not defined at %u of %u bytes", len, frame_len);
	return why;
}

static bool unsafe_fragment(const struct frame *f)
{
	return parse_cut(f, f->len, f->len) == SLUICE_DROP_FRAGMENT;
}

static bool parses(const struct frame *f)
{
	return parse_cut(f, f->len, f->len) == SLUICE_DROP_NONE;
}

/*
 * However few bytes of the frame are readable, it parses alike or not at all; a router's message
 * may lose options. And it does not parse when the frame itself ends before its headers or its IP
 * packet do, @padding apart.
 */
static void check_cuts(const struct frame *f, const char *name, u32 padding)
{
	struct sluice_flow_key whole;
	struct sluice_parsed whole_where;
	bool good, router;
	u32 n, end;

	good = parses(f);
	whole = key;
	whole_where = where;
	router = key.l4_ok && key.ip_proto == 58 && (key.sport == 134 || key.sport == 137);
	end = f->ip4 || f->ip6 ? f->len - padding : whole_where.min_len;
	for (n = 0; n < f->len; n++) {
		if (parse_cut(f, n, f->len) == SLUICE_DROP_NONE) {
			good &= n >= whole_where.min_len;
			if (router)
				memcpy(key.nd_mac, whole.nd_mac, ETH_ALEN);
			good &= !memcmp(&key, &whole, sizeof(key)) &&
				!memcmp(&where, &whole_where, sizeof(where));
		}
		good &= (parse_cut(f, n, n) == SLUICE_DROP_NONE) == (n >= end);
	}
	tap_ok(good, "%s, cut at every byte", name);
	parses(f);
}

static bool mapped(const struct in6_addr *a, const char *ip)
{
	static const u8 prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a, prefix, 12) && !memcmp(&a->s6_addr[12], ip, 4);
}

static void test_l2(void)
{
	struct frame f;

	put_eth(&f);
	put_type(&f, 0x88cc);
	put(&f, 46);
	tap_ok(parses(&f) && key.eth_type == 0x88cc && !key.vlan[0] && !where.l3 &&
	       where.min_len == 14,
	       "an unknown type is fine");
	tap_ok(!memcmp(key.eth_src, mac_a, 6) && !memcmp(key.eth_dst, mac_b, 6), "addresses");
	check_cuts(&f, "unknown type", 0);

	put_eth(&f);
	put_type(&f, 46);
	put(&f, 46);
	tap_ok(parses(&f) && key.eth_type == 0x5ff, "an 802.3 length");

	put_eth(&f);
	put_vlan(&f, ETH_P_8021AD, 0x6064);
	put_vlan(&f, ETH_P_8021Q, 0x1005);
	put_ipv4(&f, 0, 0);
	put_udp(&f, 4);
	put_end(&f);
	tap_ok(parses(&f) && key.vlan[0] == 0x7064 && key.vlan[1] == 0x1005 &&
	       key.vlan_proto == 1 && key.eth_type == ETH_P_IP && where.l3 == 22 &&
	       key.dport == 80,
	       "two tags");
	check_cuts(&f, "two tags", 0);

	put_eth(&f);
	put_vlan(&f, ETH_P_8021Q, 1);
	put_vlan(&f, ETH_P_8021Q, 2);
	put_vlan(&f, ETH_P_8021Q, 3);
	put_ipv4(&f, 0, 0);
	put_udp(&f, 4);
	put_end(&f);
	tap_ok(parses(&f) && key.eth_type == ETH_P_8021Q && !where.l3 && !key.ip_proto,
	       "a third tag ends it");
}

static void test_arp(void)
{
	struct frame f;
	u8 *arp;

	put_eth(&f);
	arp = put_arp(&f);
	put(&f, 18);
	tap_ok(parses(&f) && key.ip_proto == 1 && mapped(&key.src, "\x0a\0\0\1") &&
	       mapped(&key.dst, "\x0a\0\0\2") && !memcmp(key.nd_mac, mac_a, 6) && where.l3 == 14 &&
	       where.min_len == 42 && !key.l4_ok, "ARP");
	check_cuts(&f, "ARP", 0);
	put_unaligned_be16(300, arp + 6);
	tap_ok(parses(&f) && key.ip_proto == 255, "an operation beyond 255");
	arp[5] = 16;
	tap_ok(parses(&f) && !key.src.s6_addr[10] && !key.nd_mac[5], "ARP for something else");
}

static void test_ipv4(void)
{
	struct frame f;
	u8 *ip, *l4;

	put_eth(&f);
	put_ipv4(&f, 12, 0);
	put_tcp(&f, 20);
	put(&f, 10);
	put_end(&f);
	tap_ok(parses(&f) && key.ip_proto == 6 && key.tos == 0xb8 && key.ttl == 64 && !key.frag &&
	       mapped(&key.src, "\x0a\0\0\1") && mapped(&key.dst, "\x0a\0\0\2"),
	       "IPv4 with options");
	tap_ok(key.l4_ok && key.sport == 1000 && key.dport == 80 && key.tcp_flags == 0x12 &&
	       where.l3 == 14 && where.l4 == 46 && where.payload == 86 &&
	       where.min_len == 86,
	       "TCP");
	check_cuts(&f, "IPv4 and TCP with options", 0);

	put_eth(&f);
	ip = put_ipv4(&f, 0, 0);
	l4 = put_udp(&f, 5);
	put_end(&f);
	put(&f, 13);
	tap_ok(parses(&f) && key.l4_ok && where.payload == 42, "UDP and padding");
	put_unaligned_be16(14, l4 + 4);
	tap_ok(!parses(&f), "UDP that reaches into the padding");
	put_unaligned_be16(7, l4 + 4);
	tap_ok(!parses(&f), "UDP shorter than its header");
	put_unaligned_be16(0, l4 + 4);
	tap_ok(parses(&f), "UDP with length 0");
	put_unaligned_be16(0, ip + 2);
	tap_ok(parses(&f), "total length 0");
	put_unaligned_be16(19, ip + 2);
	tap_ok(!parses(&f), "total length below the header's");
	put_unaligned_be16(27, ip + 2);
	tap_ok(!parses(&f), "total length that cuts the UDP header");
	put_unaligned_be16(f.len - 14 + 1, ip + 2);
	tap_ok(!parses(&f), "total length beyond the frame");
	put_end(&f);
	ip[0] = 0x44;
	tap_ok(!parses(&f), "header length below 20");
	ip[0] = 0x4f;
	tap_ok(!parses(&f), "header length beyond the packet");
	ip[0] = 0x65;
	tap_ok(!parses(&f), "version 6 in IPv4");

	put_eth(&f);
	put_ipv4(&f, 0, 0);
	l4 = put_tcp(&f, 0);
	put_end(&f);
	l4[12] = 0x40;
	tap_ok(!parses(&f), "TCP header length below 20");
	l4[12] = 0x60;
	tap_ok(!parses(&f), "TCP header length beyond the packet");
}

static void test_l4(void)
{
	struct frame f;

	put_eth(&f);
	put_ipv4(&f, 0, 0);
	put_icmp(&f, 1, 8, 3, 16);
	put_end(&f);
	tap_ok(parses(&f) && key.l4_ok && key.sport == 8 && key.dport == 3 && where.l4 == 34 &&
	       where.payload == 42, "ICMP");
	check_cuts(&f, "ICMP", 0);

	put_eth(&f);
	put_ipv4(&f, 0, 0);
	put_ports(&f, 132, 28);
	put_end(&f);
	tap_ok(parses(&f) && key.l4_ok && key.sport == 1000 && key.dport == 80 &&
	       where.payload == 46,
	       "SCTP");
	check_cuts(&f, "SCTP", 0);

	put_eth(&f);
	put_ipv4(&f, 0, 0);
	put_ports(&f, 47, 4);
	put_end(&f);
	tap_ok(parses(&f) && !key.l4_ok && key.ip_proto == 47 && !key.sport && !where.l4 &&
	       where.min_len == 34, "another protocol");

	put_eth(&f);
	put_ipv4(&f, 0, 0);
	put_icmp(&f, 58, 135, 0, 8);
	put_end(&f);
	tap_ok(parses(&f) && !key.l4_ok, "ICMPv6 in IPv4 is not looked into");
	put_eth(&f);
	put_ipv6(&f);
	put_icmp(&f, 1, 8, 0, 4);
	put_end(&f);
	tap_ok(parses(&f) && !key.l4_ok, "nor ICMP in IPv6");
}

static void test_fragments(void)
{
	struct frame f;
	u8 *l4;

	put_eth(&f);
	put_ipv4(&f, 0, 0x2000);
	l4 = put_udp(&f, 100);
	put_unaligned_be16(3000, l4 + 4);
	put_end(&f);
	tap_ok(parses(&f) && key.frag == SLUICE_FRAG_ANY && key.l4_ok && key.dport == 80,
	       "first fragment");

	put_eth(&f);
	put_ipv4(&f, 0, 0x2000);
	put(&f, 4);
	f.b[23] = 17;
	put_end(&f);
	tap_ok(unsafe_fragment(&f), "first fragment without the whole UDP header");
	put_eth(&f);
	put_ipv4(&f, 0, 0x2000);
	put(&f, 16);
	f.b[23] = 6;
	put_end(&f);
	tap_ok(unsafe_fragment(&f), "first fragment without the whole TCP header");

	put_eth(&f);
	put_ipv4(&f, 0, 0x2003);
	put_udp(&f, 8);
	put_end(&f);
	tap_ok(parses(&f) && key.frag == SLUICE_FRAG_MASK && !key.l4_ok && !key.dport && !where.l4,
	       "later fragment");
	check_cuts(&f, "later fragment", 0);
}

/* A later fragment of IPv4, @offset bytes into what it is part of. */
static bool overlaps(u8 proto, u32 offset)
{
	struct frame f;

	put_eth(&f);
	put_ipv4(&f, 0, 0x2000 | offset / 8);
	put(&f, 64);
	f.b[23] = proto;
	put_end(&f);
	return unsafe_fragment(&f);
}

static void test_overlap(void)
{
	tap_ok(overlaps(6, 8) && overlaps(6, 16) && !overlaps(6, 24), "fragment over TCP");
	tap_ok(overlaps(132, 8) && !overlaps(132, 16), "fragment over SCTP");
	tap_ok(!overlaps(17, 8) && !overlaps(1, 8), "UDP and ICMP end at 8");
	tap_ok(!overlaps(47, 8), "nor is more known of others");
}

/* The same of IPv6, behind a fragment header that says @next. */
static bool overlaps6(u8 next, u32 offset)
{
	struct frame f;
	u8 *ext;

	put_eth(&f);
	put_ipv6(&f);
	ext = put_ext(&f, 44, 8);
	ext[0] = next;
	put_unaligned_be16(offset | 1, ext + 2);
	put(&f, 64);
	put_end(&f);
	return unsafe_fragment(&f);
}

/* A first fragment with @options bytes of destination options ahead of UDP. */
static bool first6(u32 options)
{
	struct frame f;

	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 44, 8)[3] = 1;
	if (options)
		put_ext(&f, 60, options);
	put_udp(&f, 64);
	put_end(&f);
	return parses(&f) && key.frag == SLUICE_FRAG_ANY && key.l4_ok && key.dport == 80;
}

static void test_overlap6(void)
{
	struct frame f;

	tap_ok(overlaps6(6, 8) && overlaps6(6, 248) && !overlaps6(6, 256),
	       "IPv6 fragment over TCP");
	tap_ok(overlaps6(17, 8) && overlaps6(47, 8) && overlaps6(60, 248) && !overlaps6(60, 256),
	       "whatever it says that it is");
	tap_ok(first6(0) && first6(8) && first6(248), "first fragments with options");
	tap_ok(!first6(256), "headers of a first fragment up to where later ones begin");

	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 44, 8)[3] = 1;
	put_icmp(&f, 58, 135, 0, 24);
	put_end(&f);
	tap_ok(unsafe_fragment(&f), "neighbour discovery in fragments");
	f.b[62] = 128;
	tap_ok(parses(&f) && key.frag == SLUICE_FRAG_ANY && key.sport == 128,
	       "echo in fragments");
}

static void test_ipv6(void)
{
	struct frame f;
	u8 *ip, *ext;
	int i;

	put_eth(&f);
	ip = put_ipv6(&f);
	put_tcp(&f, 8);
	put(&f, 3);
	put_end(&f);
	put(&f, 7);
	tap_ok(parses(&f) && key.tos == 0xb8 && key.ttl == 255 && key.ip_proto == 6 && key.l4_ok &&
	       key.src.s6_addr[15] == 1 && key.dst.s6_addr[15] == 2 && where.l4 == 54, "IPv6");
	check_cuts(&f, "IPv6 and padding", 7);
	put_unaligned_be16(0, ip + 4);
	tap_ok(parses(&f) && key.l4_ok, "payload length 0");
	put_unaligned_be16(f.len - 54 + 1, ip + 4);
	tap_ok(!parses(&f), "payload length beyond the frame");
	put_end(&f);
	ip[0] = 0x4b;
	tap_ok(!parses(&f), "version 4 in IPv6");

	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 0, 8);
	put_ext(&f, 60, 16);
	put_ext(&f, 43, 24);
	put_ext(&f, 51, 24);
	put_ext(&f, 44, 8);
	put_udp(&f, 1);
	put_end(&f);
	tap_ok(parses(&f) && key.ip_proto == 17 && key.l4_ok && !key.frag && where.l4 == 134,
	       "all extension headers, an atomic fragment");
	check_cuts(&f, "extension headers", 0);

	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 60, 8);
	put_ext(&f, 0, 8);
	put_udp(&f, 1);
	put_end(&f);
	tap_ok(!parses(&f), "hop-by-hop options not in front");

	put_eth(&f);
	put_ipv6(&f);
	for (i = 0; i < 8; i++)
		put_ext(&f, 60, 8);
	put_udp(&f, 1);
	put_end(&f);
	tap_ok(parses(&f) && key.l4_ok, "eight extension headers");
	put_eth(&f);
	put_ipv6(&f);
	for (i = 0; i < 9; i++)
		put_ext(&f, 60, 8);
	put_udp(&f, 1);
	put_end(&f);
	tap_ok(!parses(&f), "nine are too many");

	put_eth(&f);
	put_ipv6(&f);
	ext = put_ext(&f, 44, 8);
	put_unaligned_be16(1, ext + 2);
	put_udp(&f, 8);
	put_end(&f);
	tap_ok(parses(&f) && key.frag == SLUICE_FRAG_ANY && key.l4_ok, "first fragment");
	put_unaligned_be16(0x518, ext + 2);
	tap_ok(parses(&f) && key.frag == SLUICE_FRAG_MASK && !key.l4_ok && key.ip_proto == 17,
	       "later fragment");

	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 44, 8)[3] = 1;
	put_ext(&f, 44, 8)[3] = 1;
	put_udp(&f, 8);
	put_end(&f);
	tap_ok(!parses(&f), "a fragment of a fragment");

	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 60, 16)[1] = 2;
	put_end(&f);
	tap_ok(!parses(&f), "extension header beyond the packet");
	put_eth(&f);
	put_ipv6(&f);
	put(&f, 5);
	put_end(&f);
	tap_ok(parses(&f) && key.ip_proto == 59 && !key.l4_ok, "no next header");
}

/* A message of neighbour discovery: @fixed bytes, then options. */
static void nd_begin(struct frame *f, u8 type, u32 fixed)
{
	u8 *p;

	put_eth(f);
	put_ipv6(f);
	p = put_icmp(f, 58, type, 0, fixed);
	if (fixed >= 24)
		memcpy(p + 8, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7", 16);
}

static void test_nd(void)
{
	static const struct {
		const char *name;
		u8 type, fixed, option;
		bool target;
	} kind[] = {
		{ "RS", 133, 8, 1, false }, { "RA", 134, 16, 1, false }, { "NS", 135, 24, 1, true },
		{ "NA", 136, 24, 2, true }, { "redirect", 137, 40, 2, true },
	};
	struct frame f;
	unsigned int i;
	u8 *opt;

	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		nd_begin(&f, kind[i].type, kind[i].fixed);
		put_nd_option(&f, 14, mac_a);
		put_nd_option(&f, kind[i].option, mac_b);
		put_end(&f);
		tap_ok(parses(&f) && key.sport == kind[i].type && !memcmp(key.nd_mac, mac_b, 6) &&
		       key.nd_target.s6_addr[15] == (kind[i].target ? 7 : 0), "%s", kind[i].name);
		check_cuts(&f, kind[i].name, 0);

		put_nd_option(&f, kind[i].option, mac_a);
		put_end(&f);
		tap_ok(!parses(&f), "%s with two addresses", kind[i].name);

		nd_begin(&f, kind[i].type, kind[i].fixed);
		put_nd_option(&f, 3 - kind[i].option, mac_b);
		put_end(&f);
		tap_ok(parses(&f) && !key.nd_mac[5], "%s with the other option", kind[i].name);

		nd_begin(&f, kind[i].type, kind[i].fixed);
		opt = put_nd_option(&f, kind[i].option, mac_b);
		opt[1] = 0;
		put_end(&f);
		tap_ok(!parses(&f), "%s with an option of length 0", kind[i].name);
		opt[1] = 2;
		tap_ok(!parses(&f), "%s with an option beyond the packet", kind[i].name);

		nd_begin(&f, kind[i].type, kind[i].fixed);
		put(&f, 3);
		put_end(&f);
		tap_ok(!parses(&f), "%s with a rest of three bytes", kind[i].name);

		nd_begin(&f, kind[i].type, kind[i].fixed - 1);
		put_end(&f);
		tap_ok(!parses(&f), "%s too short", kind[i].name);
	}

	nd_begin(&f, 134, 16);
	put_nd_option(&f, 1, mac_b);
	opt = put(&f, 200);
	opt[0] = 31;
	opt[1] = 25;
	put_nd_option(&f, 5, mac_a);
	put_end(&f);
	tap_ok(parse_cut(&f, 128, f.len) == SLUICE_DROP_NONE && !memcmp(key.nd_mac, mac_b, 6),
	       "RA with more options than can be read");
	f.b[54] = 136;
	tap_ok(parse_cut(&f, 128, f.len) == SLUICE_DROP_MALFORMED, "but no NA");
}

/* Lengths that wrap around or that no buffer has. */
static void test_extremes(void)
{
	struct frame f;

	put_eth(&f);
	put_ipv4(&f, 0, 0);
	put_tcp(&f, 0);
	put_end(&f);
	tap_ok(parse_cut(&f, f.len, ~0U) == SLUICE_DROP_NONE, "a frame of 2^32-1 bytes");
	put_unaligned_be16(0xffff, f.ip4 + 2);
	tap_ok(parse_cut(&f, f.len, 14 + 0xffff) == SLUICE_DROP_NONE, "a packet of 64 KiB");
	tap_ok(parse_cut(&f, f.len, 14 + 0xfffe) == SLUICE_DROP_MALFORMED, "one byte less");
	tap_ok(parse_cut(&f, f.len, 0) == SLUICE_DROP_MALFORMED, "no frame");
}

int main(void)
{
	test_l2();
	test_arp();
	test_ipv4();
	test_l4();
	test_fragments();
	test_overlap();
	test_overlap6();
	test_ipv6();
	test_nd();
	test_extremes();
	return tap_done();
}
