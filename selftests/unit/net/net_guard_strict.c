// SPDX-License-Identifier: GPL-2.0-only
/*
 * The strict guard, frame by frame: what a tenant can send to be taken for another, or to get
 * around what an operator said, and that a guest's own traffic passes. Each abuse is shown to a
 * loose guard as well, which takes it as it always did.
 */
#include "frame.h"
#include "tap.h"
#include "net/guard.h"
#include "net/parse.h"

#define PASS	SLUICE_DROP_NONE
#define MAC	SLUICE_DROP_GUARD_MAC
#define IP	SLUICE_DROP_GUARD_IP
#define ARP	SLUICE_DROP_GUARD_ARP
#define ND	SLUICE_DROP_GUARD_ND
#define VLAN	SLUICE_DROP_GUARD_VLAN
#define TYPE	SLUICE_DROP_GUARD_TYPE
#define DHCP	SLUICE_DROP_GUARD_DHCP
#define OPTION	SLUICE_DROP_GUARD_OPTION

/* fe80:: and the EUI-64 of mac_a; a router; an address made up by the guest */
static const u8 ll_own[16] = { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe, [15] = 0x0a };
static const u8 ll_router[16] = { 0xfe, 0x80, [15] = 1 };
static const u8 own6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
static const u8 other6[16] = { 0x20, 0x01, 0x0d, 0xb9, [15] = 1 };
static const u8 all_nodes[16] = { 0xff, 2, [15] = 1 };
static const u8 zero6[16];

/* What an operator says: guard mac mac_a [ip 10.0.0.1/32 [ip 2001:db8::/32]] */
static struct sluice_guard v4, dual, mac_only;

static void list4(struct sluice_guard *g, const char *ip)
{
	struct sluice_prefix *p = &g->prefix[g->nr_prefix++];

	p->family = AF_INET;
	p->len = 32;
	p->addr.s6_addr[10] = 0xff;
	p->addr.s6_addr[11] = 0xff;
	memcpy(&p->addr.s6_addr[12], ip, 4);
}

static void list6(struct sluice_guard *g, const u8 *ip, u8 len)
{
	struct sluice_prefix *p = &g->prefix[g->nr_prefix++];

	p->family = AF_INET6;
	p->len = len;
	memcpy(&p->addr, ip, 16);
}

static void make_guards(void)
{
	static const u8 net6[16] = { 0x20, 0x01, 0x0d, 0xb8 };

	mac_only.strict = true;
	mac_only.nr_mac = 1;
	memcpy(mac_only.mac[0], mac_a, ETH_ALEN);
	v4 = mac_only;
	list4(&v4, "\x0a\0\0\1");
	dual = v4;
	list6(&dual, net6, 32);
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

static enum sluice_drop check_loosely(const struct sluice_guard *g, struct frame *f)
{
	struct sluice_guard loose = *g;

	loose.strict = false;
	return check(&loose, f);
}

static void strict(const struct sluice_guard *g, struct frame *f, enum sluice_drop want,
		   const char *name)
{
	enum sluice_drop why = check(g, f);

	tap_ok(why == want, "%s: %d", name, why);
}

/* An abuse: strict says @want, loose says nothing. */
static void abuse(const struct sluice_guard *g, struct frame *f, enum sluice_drop want,
		  const char *name)
{
	enum sluice_drop why = check(g, f), loosely = check_loosely(g, f);

	tap_ok(why == want && loosely == PASS, "%s: %d, loose %d", name, why, loosely);
}

/* --- tags and types -------------------------------------------------------------------------- */

static void tagged(struct frame *f, unsigned int nr, u16 tpid, u16 tci)
{
	put_eth(f);
	while (nr--)
		put_vlan(f, tpid, tci);
	put_ipv4(f, 0, 0);
	put_tcp(f, 0);
}

static void test_vlans(void)
{
	struct sluice_guard g = v4;
	struct frame f;

	tagged(&f, 0, 0, 0);
	strict(&v4, &f, PASS, "an untagged frame");
	tagged(&f, 1, ETH_P_8021Q, 666);
	abuse(&v4, &f, VLAN, "VLAN 666 that nobody gave");
	tagged(&f, 1, ETH_P_8021Q, 0xe000);
	abuse(&v4, &f, VLAN, "a priority tag");
	tagged(&f, 2, ETH_P_8021Q, 10);
	abuse(&v4, &f, VLAN, "two tags");
	put_eth(&f);
	put_vlan(&f, ETH_P_8021AD, 10);
	put_vlan(&f, ETH_P_8021Q, 20);
	put_ipv4(&f, 0, 0);
	put_tcp(&f, 0);
	abuse(&v4, &f, VLAN, "QinQ");

	g.nr_vlan = 2;
	g.vlan[0] = (struct sluice_vlan_range){ 10, 10 };
	g.vlan[1] = (struct sluice_vlan_range){ 20, 30 };
	strict(&g, &f, VLAN, "QinQ in an allowed VLAN, without the role");
	g.roles = SLUICE_GUARD_QINQ;
	strict(&g, &f, PASS, "QinQ with the role");
	f.b[15] = 9;
	strict(&g, &f, VLAN, "QinQ with the role in another VLAN");
	g.roles = 0;
	tagged(&f, 1, ETH_P_8021Q, 0x600a);
	strict(&g, &f, PASS, "vlan 10, with a priority");
	tagged(&f, 1, ETH_P_8021AD, 10);
	strict(&g, &f, VLAN, "a service tag is another VLAN 10");
	tagged(&f, 1, ETH_P_8021Q, 9);
	strict(&g, &f, VLAN, "vlan 9");
	tagged(&f, 1, ETH_P_8021Q, 30);
	strict(&g, &f, PASS, "the end of a range");
	tagged(&f, 1, ETH_P_8021Q, 31);
	strict(&g, &f, VLAN, "behind a range");
	tagged(&f, 0, 0, 0);
	strict(&g, &f, VLAN, "untagged beside VLANs, when not said");
	g.untagged = true;
	strict(&g, &f, PASS, "untagged beside VLANs, when said");
	tagged(&f, 1, ETH_P_8021Q, 0xe000);
	strict(&g, &f, VLAN, "a priority tag is not untagged");
	g.vlan[0].first = 0;
	strict(&g, &f, PASS, "vlan 0 allows it");
}

static void typed(struct frame *f, u16 type)
{
	put_eth(f);
	put_type(f, type);
	put(f, 60);
}

static void test_types(void)
{
	static const struct {
		const char *name;
		u16 type;
	} types[] = {
		{ "PAUSE", 0x8808 },	     { "LACP", 0x8809 },	 { "EAPOL", 0x888e },
		{ "LLDP", 0x88cc },	     { "PPPoE discovery", 0x8863 }, { "PPPoE", 0x8864 },
		{ "MPLS", 0x8847 },	     { "TPID 0x9100", 0x9100 },	 { "MACsec", 0x88e5 },
		{ "an own type", 0x88b5 },   { "PTP", 0x88f7 },		 { "MVRP", 0x88f5 },
	};
	struct sluice_guard g = v4, prefixless = mac_only;
	struct frame f;
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(types); i++) {
		typed(&f, types[i].type);
		abuse(&v4, &f, TYPE, types[i].name);
		g.nr_type = 1;
		g.type[0] = types[i].type;
		tap_ok(check(&g, &f) == PASS, "%s, when said", types[i].name);
	}
	typed(&f, 38);
	memcpy(f.b, "\x01\x80\xc2\0\0\0", ETH_ALEN);
	memcpy(f.b + ETH_HLEN, "\x42\x42\x03", 3);
	strict(&v4, &f, PASS, "a BPDU, which is for the port's words");
	f.b[ETH_ALEN] = 0xe;
	strict(&v4, &f, MAC, "but not another's");
	g.nr_type = 0;
	g.roles = SLUICE_GUARD_BRIDGE;
	memcpy(f.b, mac_b, ETH_ALEN);
	f.b[ETH_ALEN] = mac_a[0];
	strict(&g, &f, TYPE, "another LLC frame of a bridge");

	tagged(&f, 3, ETH_P_8021Q, 10);
	prefixless.nr_vlan = 1;
	prefixless.vlan[0] = (struct sluice_vlan_range){ 0, 4094 };
	prefixless.roles = SLUICE_GUARD_QINQ;
	abuse(&prefixless, &f, TYPE, "three tags");

	put_eth(&f);
	put_ipv6(&f);
	put_tcp(&f, 0);
	strict(&v4, &f, TYPE, "no IPv6 when no IPv6 prefix is listed");
	memcpy(f.ip6 + 8, ll_own, 16);
	abuse(&v4, &f, TYPE, "nor from a link-local address");
	g = mac_only;
	list6(&g, own6, 128);
	tagged(&f, 0, 0, 0);
	strict(&g, &f, TYPE, "no IPv4 when only IPv6 is listed");
	strict(&mac_only, &f, PASS, "IPv4 when no address is listed");
}

/* --- ARP ------------------------------------------------------------------------------------- */

static void test_arp(void)
{
	struct sluice_guard g = v4;
	struct frame f;
	u8 *arp;

	put_eth(&f);
	arp = put_arp(&f);
	strict(&v4, &f, PASS, "an ARP request");
	memcpy(arp + 24, "\x0a\0\0\1", 4);
	strict(&v4, &f, PASS, "gratuitous ARP of the own address");
	arp[7] = 2;
	strict(&v4, &f, PASS, "the same as a reply");
	arp[17] = 254;
	arp[27] = 254;
	strict(&v4, &f, ARP, "gratuitous ARP of the router's address");
	arp[7] = 1;
	strict(&v4, &f, ARP, "the same as a request");
	memset(arp + 14, 0, 4);
	strict(&v4, &f, ARP, "a probe for the router's address");
	arp[27] = 1;
	strict(&v4, &f, PASS, "a probe for the own address");
	arp[7] = 8;
	memcpy(arp + 14, "\x0a\0\0\1", 4);
	abuse(&v4, &f, ARP, "InARP");

	arp[7] = 3;
	put_type(&f, ETH_P_RARP);
	memset(arp + 14, 0, 4);
	strict(&v4, &f, PASS, "RARP by which a VMM announces the guest");
	arp[13] ^= 1;
	abuse(&v4, &f, ARP, "RARP about another MAC");
	arp[13] ^= 1;
	arp[7] = 4;
	abuse(&v4, &f, ARP, "a RARP reply");
	g = mac_only;
	list6(&g, own6, 128);
	arp[7] = 3;
	strict(&g, &f, PASS, "RARP of a guest with IPv6 only");
}

/* --- IPv4: DHCP, source routes --------------------------------------------------------------- */

static u8 *dhcp4(struct frame *f, const char *src, u16 sport, u16 dport)
{
	u8 *p;

	put_eth(f);
	memcpy(put_ipv4(f, 0, 0) + 12, src, 4);
	p = put_udp(f, 240);
	put_unaligned_be16(sport, p);
	put_unaligned_be16(dport, p + 2);
	memcpy(p + 8, "\1\1\6", 3);
	memcpy(p + 8 + 28, mac_a, ETH_ALEN);
	return p + 8;
}

static void test_dhcp4(void)
{
	struct sluice_guard server = v4;
	struct sluice_flow_key key;
	struct sluice_parsed where;
	struct frame f;
	u8 *p;

	p = dhcp4(&f, "\0\0\0\0", 68, 67);
	put_end(&f);
	sluice_parse(f.b, f.len, f.len, &key, &where);
	tap_ok(where.min_len == p + 28 + ETH_ALEN - f.b,
	       "a client's hardware address is a header: no checksum is written over it");
	dhcp4(&f, "\0\0\0\0", 68, 67);
	strict(&v4, &f, PASS, "a DHCP client");
	dhcp4(&f, "\x0a\0\0\1", 68, 67);
	strict(&v4, &f, PASS, "a DHCP client that renews");
	p = dhcp4(&f, "\0\0\0\0", 68, 67);
	p[28 + 5] ^= 1;
	abuse(&v4, &f, DHCP, "a client with another's hardware address");
	abuse(&mac_only, &f, DHCP, "the same, MAC only");
	p = dhcp4(&f, "\x0a\0\0\1", 1000, 67);
	p[28] ^= 2;
	abuse(&v4, &f, DHCP, "the same from another port");
	p = dhcp4(&f, "\0\0\0\0", 68, 67);
	p[2] = 5;
	abuse(&v4, &f, DHCP, "a hardware address of another length");
	p = dhcp4(&f, "\0\0\0\0", 68, 67);
	p[1] = 6;
	abuse(&v4, &f, DHCP, "a hardware address of another kind");
	p = dhcp4(&f, "\x0a\0\0\1", 67, 68);
	p[0] = 2;
	abuse(&v4, &f, DHCP, "a server's reply");
	abuse(&mac_only, &f, DHCP, "the same, MAC only");
	p = dhcp4(&f, "\x0a\0\0\1", 5000, 68);
	p[0] = 2;
	abuse(&v4, &f, DHCP, "a server's reply from another port");
	p = dhcp4(&f, "\x0a\0\0\1", 5000, 67);
	p[0] = 2;
	abuse(&v4, &f, DHCP, "a server's reply by a relay");
	dhcp4(&f, "\x0a\0\0\1", 67, 67);
	abuse(&v4, &f, DHCP, "a relay");

	put_eth(&f);
	memcpy(put_ipv4(&f, 0, 0x2000) + 12, "\x0a\0\0\1", 4);
	p = put_udp(&f, 240);
	put_unaligned_be16(68, p);
	put_unaligned_be16(67, p + 2);
	memcpy(p + 8, "\1\1\6", 3);
	memcpy(p + 8 + 28, mac_a, ETH_ALEN);
	abuse(&v4, &f, DHCP, "a request that a later fragment could overwrite");
	put_eth(&f);
	put_ipv4(&f, 0, 0);
	p = put_udp(&f, 20);
	put_unaligned_be16(67, p + 2);
	abuse(&v4, &f, DHCP, "a request cut short");

	server.roles = SLUICE_GUARD_DHCP_SERVER;
	p = dhcp4(&f, "\x0a\0\0\1", 67, 68);
	p[0] = 2;
	strict(&server, &f, PASS, "role dhcp-server: a reply");
	dhcp4(&f, "\x0a\0\0\2", 67, 68);
	strict(&server, &f, IP, "role dhcp-server: not from another's address");
}

static void test_options(void)
{
	struct sluice_guard routed = dual;
	struct frame f;
	u8 *p;

	put_eth(&f);
	put_ipv4(&f, 4, 0)[20] = 148;
	f.ip4[21] = 4;
	put_tcp(&f, 0);
	strict(&dual, &f, PASS, "an IPv4 option that does no harm");
	put_eth(&f);
	p = put_ipv4(&f, 12, 0);
	memcpy(p + 20, "\1\x83\x07\4\x0a\0\0\3", 8);
	put_tcp(&f, 0);
	abuse(&dual, &f, OPTION, "a loose source route");
	p[21] = 0x89;
	abuse(&dual, &f, OPTION, "a strict source route");
	p[22] = 12;
	strict(&dual, &f, SLUICE_DROP_MALFORMED, "an option longer than the header");
	p[22] = 1;
	strict(&dual, &f, SLUICE_DROP_MALFORMED, "an option without its length");

	put_eth(&f);
	put_ipv6(&f);
	p = put_ext(&f, 43, 24);
	p[3] = 1;
	put_tcp(&f, 0);
	abuse(&dual, &f, OPTION, "a routing header of type 0");
	p[2] = 4;
	abuse(&dual, &f, OPTION, "a segment routing header");
	routed.roles = SLUICE_GUARD_SOURCE_ROUTE;
	strict(&routed, &f, PASS, "the same, with the role");

	put_eth(&f);
	put_ipv6(&f);
	p = put_ext(&f, 60, 24);
	memcpy(p + 2, "\1\2\0\0\xc9\x10", 6);
	put_tcp(&f, 0);
	abuse(&dual, &f, OPTION, "a home address");
	p[6] = 0x1e;
	strict(&dual, &f, PASS, "another destination option");
	p[7] = 0x11;
	strict(&dual, &f, SLUICE_DROP_MALFORMED, "an option longer than its header");
	put_eth(&f);
	put_ipv6(&f);
	put_ext(&f, 0, 8);
	put_tcp(&f, 0);
	strict(&dual, &f, PASS, "hop-by-hop options");
}

/* --- IPv6: neighbours, routers, DHCPv6 -------------------------------------------------------- */

/* An ICMPv6 message of @fixed bytes about @target with a link-layer option. */
static void nd(struct frame *f, u8 type, u32 fixed, const u8 *src, const u8 *target, const u8 *mac)
{
	u8 *p;

	put_eth(f);
	memcpy(put_ipv6(f) + 8, src, 16);
	memcpy(f->ip6 + 24, all_nodes, 16);
	p = put_icmp(f, 58, type, 0, fixed);
	if (target)
		memcpy(p + 8, target, 16);
	if (mac)
		put_nd_option(f, type == 136 || type == 137 ? 2 : 1, mac);
}

static void test_nd(void)
{
	struct sluice_guard g = dual;
	struct frame f;

	nd(&f, 136, 24, own6, own6, mac_a);
	strict(&dual, &f, PASS, "unsolicited NA of an own address");
	nd(&f, 136, 24, ll_own, ll_own, mac_a);
	strict(&dual, &f, PASS, "unsolicited NA of the link-local address of the MAC");
	nd(&f, 136, 24, ll_router, ll_router, mac_a);
	abuse(&dual, &f, ND, "unsolicited NA that takes over the router's link-local address");
	abuse(&v4, &f, TYPE, "the same with IPv4 listed only");
	nd(&f, 136, 24, ll_own, ll_router, mac_a);
	abuse(&dual, &f, ND, "the same from the own address");
	nd(&f, 136, 24, ll_own, own6, mac_b);
	strict(&dual, &f, ND, "NA with another's MAC as target");
	nd(&f, 135, 24, ll_router, own6, mac_a);
	abuse(&dual, &f, ND, "NS that takes over the router's link-local address");
	nd(&f, 135, 24, ll_own, ll_router, mac_a);
	strict(&dual, &f, PASS, "NS for the router");
	nd(&f, 135, 24, ll_own, ll_router, mac_b);
	strict(&dual, &f, ND, "NS with another's MAC as source");
	nd(&f, 135, 24, zero6, own6, NULL);
	strict(&dual, &f, PASS, "DAD of an own address");
	nd(&f, 135, 24, zero6, ll_own, NULL);
	strict(&dual, &f, PASS, "DAD of the own link-local address");
	nd(&f, 135, 24, zero6, ll_router, NULL);
	abuse(&dual, &f, ND, "DAD that keeps the router from its address");
	nd(&f, 135, 24, zero6, other6, NULL);
	strict(&dual, &f, ND, "DAD of another's address");
	nd(&f, 133, 8, zero6, NULL, NULL);
	strict(&dual, &f, PASS, "RS from nowhere");
	nd(&f, 133, 8, ll_router, NULL, mac_a);
	abuse(&dual, &f, ND, "RS from the router's address");

	list6(&g, ll_router, 128);
	nd(&f, 136, 24, ll_router, ll_router, mac_a);
	strict(&g, &f, PASS, "a link-local address that is listed");
	nd(&f, 136, 24, ll_own, ll_own, mac_a);
	strict(&g, &f, PASS, "and the one of the MAC beside it");
}

static void test_routers(void)
{
	struct sluice_guard router = dual;
	struct frame f;

	nd(&f, 134, 16, ll_own, NULL, mac_a);
	strict(&dual, &f, ND, "RA");
	abuse(&mac_only, &f, ND, "RA, MAC only");
	router.roles = SLUICE_GUARD_RA;
	strict(&router, &f, PASS, "role ra: RA");
	nd(&f, 134, 16, ll_router, NULL, mac_a);
	strict(&router, &f, ND, "role ra: not from another router's address");
	nd(&f, 137, 40, ll_own, other6, NULL);
	abuse(&mac_only, &f, ND, "redirect, MAC only");
	strict(&router, &f, PASS, "role ra: redirect");
}

static void udp6(struct frame *f, const u8 *src, u16 sport, u16 dport)
{
	u8 *p;

	put_eth(f);
	memcpy(put_ipv6(f) + 8, src, 16);
	p = put_udp(f, 40);
	put_unaligned_be16(sport, p);
	put_unaligned_be16(dport, p + 2);
}

static void test_ipv6(void)
{
	struct sluice_guard server = dual;
	struct frame f;

	udp6(&f, own6, 1000, 53);
	strict(&dual, &f, PASS, "IPv6 from an own address");
	udp6(&f, ll_router, 1000, 53);
	abuse(&dual, &f, IP, "IPv6 from the router's link-local address");
	udp6(&f, ll_own, 546, 547);
	strict(&dual, &f, PASS, "a DHCPv6 client");
	udp6(&f, ll_own, 547, 546);
	abuse(&dual, &f, DHCP, "a DHCPv6 server's reply");
	udp6(&f, own6, 9, 546);
	abuse(&dual, &f, DHCP, "a DHCPv6 server's reply from another port");
	abuse(&mac_only, &f, DHCP, "the same, MAC only");
	udp6(&f, ll_own, 547, 547);
	abuse(&dual, &f, DHCP, "a DHCPv6 relay");
	server.roles = SLUICE_GUARD_DHCP_SERVER;
	udp6(&f, ll_own, 547, 546);
	strict(&server, &f, PASS, "role dhcp-server: DHCPv6");
	nd(&f, 143, 8, zero6, NULL, NULL);
	strict(&dual, &f, PASS, "MLD report from nowhere");
	nd(&f, 128, 8, zero6, NULL, NULL);
	strict(&dual, &f, IP, "echo from nowhere");
}

/* --- a guard that makes no sense -------------------------------------------------------------- */

static void refused(const struct sluice_guard *g, const char *name)
{
	struct netlink_ext_ack ack = {};

	tap_ok(sluice_guard_verify(g, &ack) == -EINVAL && ack._msg, "refused: %s: %s", name,
	       ack._msg ?: "no reason");
}

static void test_verify(void)
{
	struct netlink_ext_ack ack = {};
	struct sluice_guard g = dual;

	g.nr_vlan = 1;
	g.vlan[0] = (struct sluice_vlan_range){ 0, 4094 };
	g.nr_type = 1;
	g.type[0] = 0x88cc;
	tap_ok(!sluice_guard_verify(&g, &ack), "a good strict guard");
	g.vlan[0].last = 4095;
	refused(&g, "VLAN 4095");
	g.vlan[0] = (struct sluice_vlan_range){ 2, 1 };
	refused(&g, "a range backwards");
	g = dual;
	g.nr_type = 1;
	g.type[0] = ETH_P_8021Q;
	refused(&g, "a tag as EtherType");
	g = dual;
	g.nr_vlan = 17;
	refused(&g, "17 ranges");
	g = dual;
	g.strict = false;
	g.roles = SLUICE_GUARD_RA;
	refused(&g, "a loose guard with a role");
}

int main(void)
{
	make_guards();
	test_vlans();
	test_types();
	test_arp();
	test_dhcp4();
	test_options();
	test_nd();
	test_routers();
	test_ipv6();
	test_verify();
	return tap_done();
}
