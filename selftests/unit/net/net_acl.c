// SPDX-License-Identifier: GPL-2.0-only
/* Access lists: what each field matches, order, defaults, changes, refusals. */
#include "frame.h"
#include "tap.h"
#include "net/acl.h"

static struct netlink_ext_ack ack;
static unsigned int reclaimed;

void sluice_reclaim(struct sluice_reclaim *r)
{
	reclaimed++;
	r->release(r);
}

static struct in6_addr ip4(const char *ip)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&a.s6_addr[12], ip, 4);
	return a;
}

/* 10.0.0.1:1000 to 10.0.0.2:80, SYN */
static struct sluice_flow_key tcp4(void)
{
	struct sluice_flow_key key = {
		.eth_type = ETH_P_IP,
		.ip_proto = 6,
		.sport = 1000,
		.dport = 80,
		.tcp_flags = 2,
		.l4_ok = 1,
		.src = ip4("\x0a\0\0\1"),
		.dst = ip4("\x0a\0\0\2"),
	};

	return key;
}

static struct sluice_flow_key icmp(u16 eth_type, u8 proto)
{
	struct sluice_flow_key key = {
		.eth_type = eth_type, .ip_proto = proto, .sport = 8, .dport = 3, .l4_ok = 1,
	};

	return key;
}

/* Does a list of only this rule, denying, deny the packet? */
static bool denies(struct sluice_acl_rule rule, struct sluice_flow_key key)
{
	struct sluice_acl acl = { 0 };
	struct sluice_counter *hits = NULL;
	enum sluice_drop why = SLUICE_DROP_NONE;
	bool allowed;

	rule.allow = false;
	if (sluice_acl_rule_check(&rule, &ack) || sluice_acl_add(&acl, &rule, &ack)) {
		tap_ok(0, "rule refused: %s", ack._msg);
		return false;
	}
	allowed = sluice_acl_check(&acl, &key, &hits, &why);
	if (!hits || (allowed && hits != &acl.default_hits) || (!allowed && why != SLUICE_DROP_ACL))
		tap_ok(0, "counter or reason");
	sluice_acl_list_reclaim(sluice_acl_unlink_all(&acl));
	return !allowed;
}

#define RULE(...) ((struct sluice_acl_rule){ __VA_ARGS__ })

static void test_fields(void)
{
	struct sluice_flow_key key = tcp4(), arp = { .eth_type = ETH_P_ARP, .ip_proto = 6 };
	struct sluice_acl_rule r = RULE(.fields = 0);

	tap_ok(denies(r, key) && denies(r, arp), "no field matches all");

	r = RULE(.fields = SLUICE_ACL_ETH_TYPE, .eth_type = ETH_P_IP);
	tap_ok(denies(r, key) && !denies(r, arp), "eth-type");

	r = RULE(.fields = SLUICE_ACL_VLAN, .vlan = 5);
	tap_ok(!denies(r, key), "vlan, packet without");
	key.vlan[0] = 0x6000 | SLUICE_VLAN_PRESENT | 5;
	tap_ok(denies(r, key), "vlan, with priority bits");
	r.vlan = 0;
	tap_ok(!denies(r, key), "vlan 0 is an id as others");
	key = tcp4();

	r = RULE(.fields = SLUICE_ACL_UNTAGGED);
	tap_ok(denies(r, key) && denies(r, arp), "vlan none");
	key.vlan[0] = SLUICE_VLAN_PRESENT;
	tap_ok(!denies(r, key), "vlan none is not a priority tag");
	key = tcp4();

	r = RULE(.fields = SLUICE_ACL_ETH_DST, .eth_dst = { 1, 0x80, 0xc2 },
		 .eth_mask = { 255, 255, 255, 255, 255, 0xf0 });
	memcpy(key.eth_dst, "\x01\x80\xc2\0\0\x0e", 6);
	tap_ok(denies(r, key) && !denies(r, arp), "eth-dst under a mask");
	key.eth_dst[5] = 0x21;
	tap_ok(!denies(r, key), "eth-dst beside it");
	key = tcp4();

	r = RULE(.fields = SLUICE_ACL_PROTO, .proto = 6);
	tap_ok(denies(r, key) && !denies(r, arp), "proto, and no ARP operation");
	key.ip_proto = 17;
	tap_ok(!denies(r, key), "another proto");
	key = tcp4();

	r = RULE(.fields = SLUICE_ACL_SRC, .src = { ip4("\x0a\0\0\0"), AF_INET, 8 });
	tap_ok(denies(r, key), "src");
	r.src.len = 32;
	tap_ok(!denies(r, key), "src, longer prefix");
	r = RULE(.fields = SLUICE_ACL_DST, .dst = { ip4("\x0a\0\0\2"), AF_INET, 32 });
	tap_ok(denies(r, key), "dst");
	r = RULE(.fields = SLUICE_ACL_DST, .dst = { { { { 0 } } }, AF_INET6, 0 });
	tap_ok(!denies(r, key), "::/0 is not IPv4");
	arp.src = key.src;
	r = RULE(.fields = SLUICE_ACL_SRC, .src = { ip4("\0\0\0\0"), AF_INET, 0 });
	tap_ok(denies(r, key) && !denies(r, arp), "0.0.0.0/0 is IPv4 and not ARP");
}

static void test_l4(void)
{
	struct sluice_flow_key key = tcp4(), later = tcp4();
	struct sluice_acl_rule r;

	later.l4_ok = 0;
	later.sport = 0;
	later.dport = 0;
	later.tcp_flags = 0;
	r = RULE(.fields = SLUICE_ACL_SPORT, .sport = { 1000, 1000 });
	tap_ok(denies(r, key), "sport");
	r = RULE(.fields = SLUICE_ACL_DPORT, .dport = { 0, 79 });
	tap_ok(!denies(r, key), "dport below");
	r.dport[1] = 80;
	tap_ok(denies(r, key), "dport in range");
	tap_ok(!denies(r, later), "not for later fragments");
	tap_ok(!denies(r, icmp(ETH_P_IP, 1)), "no ports in ICMP");
	r.dport[0] = 80;
	r.dport[1] = 65535;
	tap_ok(denies(r, key), "dport, the other end");
	r = RULE(.fields = SLUICE_ACL_PROTO, .proto = 6);
	tap_ok(denies(r, later), "proto of later fragments");

	later.frag = SLUICE_FRAG_MASK;
	r = RULE(.fields = SLUICE_ACL_FRAG | SLUICE_ACL_PROTO, .proto = 6,
		 .frag = SLUICE_FRAG_MASK, .frag_mask = SLUICE_FRAG_MASK);
	tap_ok(denies(r, later) && !denies(r, key), "later fragments of a protocol");
	r.frag = SLUICE_FRAG_ANY;
	key.frag = SLUICE_FRAG_ANY;
	tap_ok(!denies(r, later) && denies(r, key), "first fragments");
	r.frag_mask = SLUICE_FRAG_ANY;
	tap_ok(denies(r, later) && denies(r, key), "any fragments");
	r.frag = 0;
	r.fields = SLUICE_ACL_FRAG;
	key.frag = 0;
	tap_ok(!denies(r, later) && denies(r, key), "whole packets");
	later.eth_type = ETH_P_ARP;
	later.frag = 0;
	tap_ok(!denies(r, later), "ARP is no whole packet of IP");

	r = RULE(.fields = SLUICE_ACL_OPTION, .option = SLUICE_OPTION_ROUTE);
	key.option = SLUICE_OPTION_ANY;
	tap_ok(!denies(r, key), "option source-route, a packet with another option");
	key.option |= SLUICE_OPTION_ROUTE | SLUICE_OPTION_RH0;
	tap_ok(denies(r, key), "option source-route");
	r.option = SLUICE_OPTION_RH0;
	tap_ok(denies(r, key), "option rh0");
	r.option = SLUICE_OPTION_HOME;
	tap_ok(!denies(r, key), "option home-address, a packet without");
	r.option = SLUICE_OPTION_ANY;
	tap_ok(denies(r, key), "option any");
	key = tcp4();

	r = RULE(.fields = SLUICE_ACL_ICMP_TYPE, .icmp_type = 8);
	tap_ok(denies(r, icmp(ETH_P_IP, 1)) && denies(r, icmp(ETH_P_IPV6, 58)),
	       "icmp-type of both");
	key.sport = 8;
	tap_ok(!denies(r, key), "a port is no type");
	r.fields |= SLUICE_ACL_PROTO;
	r.proto = 58;
	tap_ok(!denies(r, icmp(ETH_P_IP, 1)) && denies(r, icmp(ETH_P_IPV6, 58)),
	       "icmp-type of one");
	r.fields |= SLUICE_ACL_ICMP_CODE;
	tap_ok(!denies(r, icmp(ETH_P_IPV6, 58)), "another code");
	r.icmp_code = 3;
	tap_ok(denies(r, icmp(ETH_P_IPV6, 58)), "icmp-code");

	key = tcp4();
	r = RULE(.fields = SLUICE_ACL_TCP_FLAGS, .tcp_flags = 2, .tcp_mask = 0x12);
	tap_ok(denies(r, key), "SYN without ACK");
	key.tcp_flags = 0x12;
	tap_ok(!denies(r, key), "SYN with ACK");
	r.tcp_flags = 0;
	key.tcp_flags = 8;
	tap_ok(denies(r, key) && !denies(r, later), "neither, but the header must be there");
}

static bool add(struct sluice_acl *acl, u32 prio, u16 dport, bool allow)
{
	struct sluice_acl_rule r = RULE(.prio = prio, .allow = allow, .fields = SLUICE_ACL_DPORT,
					.dport = { dport, 65535 });

	return !sluice_acl_add(acl, &r, &ack);
}

static u32 decided_by(struct sluice_acl *acl, bool *allowed, enum sluice_drop *why)
{
	struct sluice_flow_key key = tcp4();
	struct sluice_counter *hits;

	*allowed = sluice_acl_check(acl, &key, &hits, why);
	return hits == &acl->default_hits ?
		       0 :
		       container_of(hits, struct sluice_acl_item, hits)->rule.prio;
}

static void test_order(void)
{
	struct sluice_acl acl = { 0 };
	struct sluice_acl_item *item;
	enum sluice_drop why = SLUICE_DROP_NONE;
	bool allowed;

	tap_ok(add(&acl, 30, 0, false) && add(&acl, 10, 81, true) && add(&acl, 20, 80, true) &&
	       add(&acl, 0xffffffff, 0, false), "rules in any order");
	tap_ok(decided_by(&acl, &allowed, &why) == 20 && allowed,
	       "the lowest that matches decides");
	item = acl.list->entry[1].item;
	item->hits.packets.counter = 7;
	tap_ok(!add(&acl, 20, 0, false) && ack._msg, "a priority that is taken");
	shim_alloc_fail = 0;
	tap_ok(!add(&acl, 5, 0, false), "no memory for a rule");
	shim_alloc_fail = 1;
	tap_ok(!add(&acl, 5, 0, false), "no memory for the list");
	tap_ok(add(&acl, 5, 443, false) && acl.list->entry[2].item == item &&
	       item->hits.packets.counter == 7,
	       "counters outlive other changes");

	tap_ok(IS_ERR(sluice_acl_unlink(&acl, 21)), "delete what is not there");
	shim_alloc_fail = 0;
	tap_ok(PTR_ERR(sluice_acl_unlink(&acl, 20)) == -ENOMEM && acl.list->nr == 5,
	       "no memory to delete");
	shim_alloc_fail = -1;
	tap_ok(sluice_acl_unlink(&acl, 20) == item, "delete");
	sluice_reclaim(&item->reclaim);
	tap_ok(decided_by(&acl, &allowed, &why) == 30 && !allowed && why == SLUICE_DROP_ACL,
	       "the next decides");

	reclaimed = 0;
	sluice_acl_list_reclaim(sluice_acl_unlink_all(&acl));
	tap_ok(!acl.list && reclaimed == 4, "flush");
	acl.default_deny = true;
	tap_ok(!decided_by(&acl, &allowed, &why) && !allowed &&
	       why == SLUICE_DROP_ACL_DEFAULT, "the default");
	add(&acl, 1, 0, true);
	item = sluice_acl_unlink(&acl, 1);
	tap_ok(!acl.list, "the last rule takes the list along");
	sluice_reclaim(&item->reclaim);
}

static void test_many(void)
{
	struct sluice_acl acl = { 0 };
	bool good = true;
	u32 i;

	for (i = 0; i < SLUICE_ACL_MAX; i++)
		good &= add(&acl, i * 2654435761u, 80, true);
	for (i = 1; i < acl.list->nr; i++)
		good &= acl.list->entry[i - 1].item->rule.prio < acl.list->entry[i].item->rule.prio;
	tap_ok(good, "as many as there may be, in order");
	tap_ok(!add(&acl, 3, 80, true), "one more");
	sluice_acl_list_reclaim(sluice_acl_unlink_all(&acl));
}

/* One after the other in their order: the list is copied now and then, not for each of them. */
static void test_in_order(void)
{
	const struct sluice_acl_list *was = NULL;
	struct sluice_acl acl = { 0 };
	unsigned int i, copies = 0;
	enum sluice_drop why;
	bool good = true, allowed;

	for (i = 1; i <= SLUICE_ACL_MAX; i++) {
		/* All but the last are for another port. */
		good &= add(&acl, 2 * i, i == SLUICE_ACL_MAX ? 80 : 81, true);
		copies += acl.list != was;
		was = acl.list;
		if (i % 1000 == 0)
			good &= !decided_by(&acl, &allowed, &why) && was->nr == i;
	}
	tap_ok(good && decided_by(&acl, &allowed, &why) == 2 * SLUICE_ACL_MAX,
	       "all in their order");
	tap_ok(copies < 100, "copied %u times", copies);
	sluice_reclaim(&sluice_acl_unlink(&acl, 2 * SLUICE_ACL_MAX)->reclaim);
	tap_ok(!decided_by(&acl, &allowed, &why) && add(&acl, 5, 80, true) &&
	       decided_by(&acl, &allowed, &why) == 5, "one in between");
	sluice_acl_list_reclaim(sluice_acl_unlink_all(&acl));
}

static void refused(struct sluice_acl_rule r, const char *name)
{
	ack._msg = NULL;
	tap_ok(sluice_acl_rule_check(&r, &ack) == -EINVAL && ack._msg, "no %s: %s", name,
	       ack._msg ?: "no reason");
}

static void test_refusals(void)
{
	const struct sluice_prefix v4 = { ip4("\x0a\0\0\0"), AF_INET, 8 },
				   v6 = { .family = AF_INET6 };
	struct sluice_prefix bad = v4;

	refused(RULE(.dir = 2), "direction");
	refused(RULE(.fields = BIT(31)), "field");
	refused(RULE(.fields = SLUICE_ACL_VLAN, .vlan = 4095), "VLAN 4095");
	refused(RULE(.fields = SLUICE_ACL_VLAN | SLUICE_ACL_UNTAGGED, .vlan = 4), "VLAN and none");
	refused(RULE(.fields = SLUICE_ACL_ETH_DST), "eth-dst without a mask");
	refused(RULE(.fields = SLUICE_ACL_ETH_DST, .eth_dst = { 2 }, .eth_mask = { 1 }),
		"eth-dst outside its mask");
	refused(RULE(.fields = SLUICE_ACL_FRAG), "frag without a mask");
	refused(RULE(.fields = SLUICE_ACL_FRAG, .frag = SLUICE_FRAG_LATER,
		     .frag_mask = SLUICE_FRAG_MASK),
		"later fragment that is none");
	refused(RULE(.fields = SLUICE_ACL_FRAG | SLUICE_ACL_DPORT, .frag = SLUICE_FRAG_MASK,
		     .frag_mask = SLUICE_FRAG_MASK),
		"ports of later fragments");
	refused(RULE(.fields = SLUICE_ACL_OPTION, .option = SLUICE_OPTION_DHCP),
		"option of DHCP");
	refused(RULE(.fields = SLUICE_ACL_OPTION | SLUICE_ACL_ETH_TYPE, .eth_type = ETH_P_ARP,
		     .option = SLUICE_OPTION_ANY),
		"option of ARP");
	bad.len = 33;
	refused(RULE(.fields = SLUICE_ACL_SRC, .src = bad), "33 bits");
	refused(RULE(.fields = SLUICE_ACL_SRC | SLUICE_ACL_DST, .src = v4, .dst = v6),
		"two families");
	refused(RULE(.fields = SLUICE_ACL_SRC | SLUICE_ACL_ETH_TYPE, .src = v4,
		     .eth_type = ETH_P_IPV6),
		"eth-type and src");
	refused(RULE(.fields = SLUICE_ACL_PROTO | SLUICE_ACL_ETH_TYPE, .eth_type = ETH_P_ARP),
		"proto of ARP");
	refused(RULE(.fields = SLUICE_ACL_PROTO | SLUICE_ACL_DST, .dst = v6, .proto = 1),
		"ICMP in IPv6");
	refused(RULE(.fields = SLUICE_ACL_PROTO | SLUICE_ACL_DST, .dst = v4, .proto = 58),
		"ICMPv6 in IPv4");
	refused(RULE(.fields = SLUICE_ACL_SPORT, .sport = { 2, 1 }), "range backwards");
	refused(RULE(.fields = SLUICE_ACL_SPORT | SLUICE_ACL_PROTO, .proto = 1), "ports of ICMP");
	refused(RULE(.fields = SLUICE_ACL_ICMP_TYPE | SLUICE_ACL_PROTO, .proto = 6), "type of TCP");
	refused(RULE(.fields = SLUICE_ACL_ICMP_CODE), "code without type");
	refused(RULE(.fields = SLUICE_ACL_ICMP_TYPE | SLUICE_ACL_DPORT), "type and port");
	refused(RULE(.fields = SLUICE_ACL_TCP_FLAGS), "no flags");
	refused(RULE(.fields = SLUICE_ACL_TCP_FLAGS, .tcp_mask = 1, .tcp_flags = 2),
		"flags outside the mask");
	refused(RULE(.fields = SLUICE_ACL_TCP_FLAGS | SLUICE_ACL_PROTO, .tcp_mask = 1, .proto = 17),
		"flags of UDP");
}

int main(void)
{
	test_fields();
	test_l4();
	test_order();
	test_many();
	test_in_order();
	test_refusals();
	return tap_done();
}
