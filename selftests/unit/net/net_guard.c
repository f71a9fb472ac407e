// SPDX-License-Identifier: GPL-2.0-only
/* The spoof guard: who may send what, with a listed MAC, listed prefixes, both. */
#include "frame.h"
#include "tap.h"
#include "net/guard.h"
#include "net/parse.h"
#include "net/prefix.h"

static const u8 lladdr[16] = { 0xfe, 0x80, [15] = 9 };
static const u8 other6[16] = { 0x20, 0x01, 0x0d, 0xb9, [15] = 1 };
static const u8 zero6[16];

static struct sluice_guard mac_only, prefix_only, both;

static struct sluice_prefix prefix4(const char *ip, u8 len)
{
	struct sluice_prefix p = { .family = AF_INET, .len = len };

	p.addr.s6_addr[10] = 0xff;
	p.addr.s6_addr[11] = 0xff;
	memcpy(&p.addr.s6_addr[12], ip, 4);
	return p;
}

static struct sluice_prefix prefix6(const u8 *ip, u8 len)
{
	struct sluice_prefix p = { .family = AF_INET6, .len = len };

	memcpy(&p.addr, ip, 16);
	return p;
}

static void make_guards(void)
{
	static const u8 net6[16] = { 0x20, 0x01, 0x0d, 0xb8 };

	mac_only.nr_mac = 2;
	memcpy(mac_only.mac[0], "\2\0\0\0\0\1", 6);
	memcpy(mac_only.mac[1], mac_a, 6);
	prefix_only.nr_prefix = 3;
	prefix_only.prefix[0] = prefix4("\xc0\xa8\0\0", 16);
	prefix_only.prefix[1] = prefix4("\x0a\0\0\1", 32);
	prefix_only.prefix[2] = prefix6(net6, 32);
	both = prefix_only;
	both.nr_mac = mac_only.nr_mac;
	memcpy(both.mac, mac_only.mac, sizeof(both.mac));
}

static enum sluice_drop check(const struct sluice_guard *g, struct frame *f)
{
	struct sluice_flow_key key;
	struct sluice_parsed where;

	put_end(f);
	key.in_port = 1;
	if (sluice_parse(f->b, f->len, f->len, &key, &where) != SLUICE_DROP_NONE)
		return SLUICE_DROP_MALFORMED;
	return sluice_guard_check(g, &key);
}

/* What the three guards say. */
static void expect(struct frame *f, const char *name, enum sluice_drop mac, enum sluice_drop prefix,
		   enum sluice_drop all)
{
	tap_ok(check(&mac_only, f) == mac && check(&prefix_only, f) == prefix &&
	       check(&both, f) == all,
	       "%s: %d, %d, %d", name, check(&mac_only, f), check(&prefix_only, f),
	       check(&both, f));
}

#define PASS	SLUICE_DROP_NONE
#define MAC	SLUICE_DROP_GUARD_MAC
#define IP	SLUICE_DROP_GUARD_IP
#define ARP	SLUICE_DROP_GUARD_ARP
#define ND	SLUICE_DROP_GUARD_ND

static void udp4(struct frame *f, const char *src, u16 sport, u16 dport)
{
	u8 *p;

	put_eth(f);
	memcpy(put_ipv4(f, 0, 0) + 12, src, 4);
	p = put_udp(f, 4);
	put_unaligned_be16(sport, p);
	put_unaligned_be16(dport, p + 2);
}

static void test_ipv4(void)
{
	struct frame f;

	udp4(&f, "\x0a\0\0\1", 5, 6);
	expect(&f, "own address", PASS, PASS, PASS);
	f.b[11] = 0xc;
	expect(&f, "foreign MAC", MAC, PASS, MAC);
	udp4(&f, "\xc0\xa8\xff\xff", 5, 6);
	expect(&f, "within a prefix", PASS, PASS, PASS);
	udp4(&f, "\x0a\0\0\2", 5, 6);
	expect(&f, "foreign address", PASS, IP, IP);
	udp4(&f, "\0\0\0\0", 68, 67);
	expect(&f, "DHCP", PASS, IP, PASS);
	udp4(&f, "\0\0\0\0", 68, 68);
	expect(&f, "not DHCP", PASS, IP, IP);
	put_eth(&f);
	put_vlan(&f, ETH_P_8021Q, 5);
	put_ipv4(&f, 0, 0)[15] = 9;
	put_udp(&f, 0);
	expect(&f, "foreign address behind a tag", PASS, IP, IP);
	put_eth(&f);
	put_vlan(&f, ETH_P_8021Q, 5);
	put_vlan(&f, ETH_P_8021Q, 5);
	put_vlan(&f, ETH_P_8021Q, 5);
	put(&f, 40);
	expect(&f, "three tags", PASS, IP, IP);
	put_eth(&f);
	memcpy(put_ipv4(&f, 0, 0x2010) + 12, "\0\0\0\0", 4);
	put_udp(&f, 4);
	expect(&f, "fragment without an address", PASS, IP, IP);
	put_eth(&f);
	put_type(&f, 0x88cc);
	put(&f, 50);
	expect(&f, "not IP", PASS, PASS, PASS);
}

static void test_arp(void)
{
	struct frame f;
	u8 *arp;

	put_eth(&f);
	arp = put_arp(&f);
	expect(&f, "ARP", PASS, PASS, PASS);
	arp[17] = 3;
	expect(&f, "ARP with a foreign address", PASS, ARP, ARP);
	arp[17] = 1;
	arp[13] = 3;
	expect(&f, "ARP with a foreign MAC", ARP, PASS, ARP);
	memcpy(arp + 8, mac_a, 6);
	memset(arp + 14, 0, 4);
	expect(&f, "ARP probe for a foreign address", PASS, ARP, ARP);
	memcpy(arp + 24, "\x0a\0\0\1", 4);
	expect(&f, "ARP probe", PASS, ARP, PASS);
	arp[7] = 2;
	expect(&f, "ARP reply from nowhere", PASS, ARP, ARP);
	arp[7] = 1;
	arp[3] = 1;
	expect(&f, "ARP of another kind", ARP, ARP, ARP);
}

/* An ICMPv6 message from @src about @target with a link-layer option. */
static void nd(struct frame *f, u8 type, u32 fixed, const u8 *src, const u8 *target, const u8 *mac)
{
	u8 *p;

	put_eth(f);
	memcpy(put_ipv6(f) + 8, src, 16);
	p = put_icmp(f, 58, type, 0, fixed);
	if (target)
		memcpy(p + 8, target, 16);
	if (mac)
		put_nd_option(f, type == 136 ? 2 : 1, mac);
}

static void test_ipv6(void)
{
	static const u8 own[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	static const u8 mapped[16] = { [10] = 0xff, [11] = 0xff, 0x0a, 0, 0, 1 };
	struct frame f;

	put_eth(&f);
	put_ipv6(&f);
	put_udp(&f, 1);
	expect(&f, "IPv6", PASS, PASS, PASS);
	memcpy(f.ip6 + 8, other6, 16);
	expect(&f, "IPv6 with a foreign address", PASS, IP, IP);
	memcpy(f.ip6 + 8, lladdr, 16);
	expect(&f, "link-local address", PASS, IP, PASS);
	memcpy(f.ip6 + 8, zero6, 16);
	expect(&f, "unspecified address", PASS, IP, IP);
	memcpy(f.ip6 + 8, mapped, 16);
	expect(&f, "mapped IPv4 address in IPv6", PASS, IP, IP);

	nd(&f, 143, 8, zero6, NULL, NULL);
	expect(&f, "MLD report", PASS, IP, PASS);
	nd(&f, 128, 8, zero6, NULL, NULL);
	expect(&f, "echo from nowhere", PASS, IP, IP);
	nd(&f, 133, 8, zero6, NULL, NULL);
	expect(&f, "RS from nowhere", PASS, ND, PASS);
	nd(&f, 133, 8, lladdr, NULL, mac_a);
	expect(&f, "RS", PASS, ND, PASS);
	nd(&f, 133, 8, lladdr, NULL, mac_b);
	expect(&f, "RS with a foreign MAC", ND, ND, ND);
	nd(&f, 134, 16, own, NULL, mac_a);
	expect(&f, "RA", PASS, ND, ND);
	nd(&f, 137, 40, own, own, NULL);
	expect(&f, "redirect", PASS, ND, ND);
	nd(&f, 135, 24, own, other6, mac_a);
	expect(&f, "NS", PASS, PASS, PASS);
	nd(&f, 135, 24, own, other6, mac_b);
	expect(&f, "NS with a foreign MAC", ND, PASS, ND);
	nd(&f, 135, 24, other6, own, mac_a);
	expect(&f, "NS with a foreign address", PASS, ND, ND);
	nd(&f, 135, 24, zero6, own, NULL);
	expect(&f, "DAD", PASS, ND, PASS);
	nd(&f, 135, 24, zero6, lladdr, NULL);
	expect(&f, "DAD of a link-local address", PASS, ND, PASS);
	nd(&f, 135, 24, zero6, other6, NULL);
	expect(&f, "DAD of a foreign address", PASS, ND, ND);
	nd(&f, 136, 24, own, own, mac_a);
	expect(&f, "NA", PASS, PASS, PASS);
	nd(&f, 136, 24, own, lladdr, mac_a);
	expect(&f, "NA of a link-local address", PASS, ND, PASS);
	nd(&f, 136, 24, own, other6, mac_a);
	expect(&f, "NA of a foreign address", PASS, ND, ND);
	nd(&f, 136, 24, other6, own, mac_a);
	expect(&f, "NA from a foreign address", PASS, ND, ND);
	nd(&f, 136, 24, own, own, mac_b);
	expect(&f, "NA with a foreign MAC", ND, PASS, ND);
}

static void test_prefixes(void)
{
	struct sluice_prefix p = prefix4("\x80\0\0\0", 1);
	struct in6_addr a = prefix4("\xff\1\2\3", 32).addr, b = prefix4("\x7f\1\2\3", 32).addr;
	bool good = true;
	int len, bit;

	tap_ok(sluice_prefix_match(&p, &a) && !sluice_prefix_match(&p, &b), "a prefix of one bit");
	p.len = 0;
	tap_ok(sluice_prefix_match(&p, &a) && sluice_prefix_match(&p, &b), "a prefix of none");
	p = prefix6(other6, 0);
	for (len = 0; len <= 128; len++)
		for (bit = 0; bit < 128; bit++) {
			a = p.addr;
			a.s6_addr[bit / 8] ^= 0x80 >> bit % 8;
			p.len = len;
			good &= sluice_prefix_match(&p, &a) == (bit >= len);
		}
	tap_ok(good, "all lengths, one bit wrong");
}

static void test_verify(void)
{
	struct netlink_ext_ack ack;
	struct sluice_guard g = both;

	tap_ok(!sluice_guard_verify(&g, &ack), "a good guard");
	g.mac[1][0] |= 1;
	tap_ok(sluice_guard_verify(&g, &ack) == -EINVAL, "a multicast MAC");
	g = both;
	g.prefix[0].len = 33;
	tap_ok(sluice_guard_verify(&g, &ack) == -EINVAL, "33 bits of IPv4");
	g = both;
	g.prefix[0].family = 1;
	tap_ok(sluice_guard_verify(&g, &ack) == -EINVAL, "another family");
	g = both;
	g.nr_mac = 0xffffffff;
	tap_ok(sluice_guard_verify(&g, &ack) == -EINVAL, "2^32-1 MACs");
	memset(&g, 0, sizeof(g));
	tap_ok(sluice_guard_verify(&g, &ack) == -EINVAL, "nothing");
}

int main(void)
{
	make_guards();
	test_ipv4();
	test_arp();
	test_ipv6();
	test_prefixes();
	test_verify();
	return tap_done();
}
