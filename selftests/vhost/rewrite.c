// SPDX-License-Identifier: GPL-2.0-only
/*
 * Actions that change a packet, on its way between two guests (item 1.7 of the safety review). What
 * comes out must be, byte by byte, the frame that a sender would have made who had the new values:
 * it is made here from a description, with every length and checksum computed from nothing.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define ROOM	2048

enum { TCP = 6, UDP = 17, DCCP = 33, ICMP = 1, ICMP6 = 58, SCTP = 132, LITE = 136 };

static const struct vdrv_cfg cfg = {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF,
};

/**
 * struct model - a frame, described
 * @tags: how many VLAN tags
 * @tpid: of each, outer first
 * @tci: likewise
 * @dst: MAC address
 * @src: MAC address
 * @ip: 4, 6, or 0 for neither
 * @from: address; the last four bytes of an IPv4 one
 * @to: likewise
 * @tos: TOS, traffic class
 * @ttl: TTL, hop limit
 * @proto: of layer 4
 * @sport: port
 * @dport: port
 * @nosum: UDP without a checksum
 * @payload: bytes of it that are in the frame
 * @offset: later fragment: where it begins
 * @more: fragment: bytes of the datagram that are in other ones
 * @pad: bytes behind the packet
 * @inner: UDP: the payload is a tunnel's, with a TCP packet 22 bytes into it
 */
struct model {
	unsigned int tags;
	uint16_t tpid[3], tci[3];
	uint8_t dst[6], src[6];
	unsigned int ip;
	uint8_t from[16], to[16];
	uint8_t tos, ttl, proto;
	uint16_t sport, dport;
	bool nosum;
	size_t payload, offset, more, pad;
	bool inner;
};

/* --- frames from descriptions --- */

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v;
}

static uint32_t add(uint32_t s, const uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		s += i & 1 ? p[i] : p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return s;
}

/* Bit by bit, as in the RFC. */
static uint32_t crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;
	int i;

	while (len--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static uint32_t pseudo(const struct model *m, size_t len)
{
	uint8_t tail[4] = { 0, m->proto };
	uint32_t s = add(0, m->from, 16);

	/* An IPv4 address has zeros in front. */
	s = add(s, m->to, 16);
	put16(tail + 2, len);
	return add(s, tail, 4);
}

static size_t l4_len(const struct model *m)
{
	switch (m->proto) {
	case TCP:
		return 20;
	case SCTP:
	case DCCP:
		return 12;
	}
	return 8;
}

/* Where its checksum is; SCTP's is none of this kind. */
static size_t sum_place(uint8_t proto)
{
	return proto == TCP ? 16 : proto == ICMP || proto == ICMP6 ? 2 : 6;
}

static void inner_make(uint8_t *p, size_t len)
{
	static const struct model in = { .from = { [12] = 192, 168, 0, 1 },
					 .to = { [12] = 192, 168, 0, 2 }, .proto = TCP };
	size_t tcp = len - 42;

	memset(p, 0, 42);
	p[20] = 8;
	p[22] = 0x45;
	put16(p + 24, len - 22);
	p[30] = 64;
	p[31] = TCP;
	memcpy(p + 34, in.from + 12, 4);
	memcpy(p + 38, in.to + 12, 4);
	put16(p + 32, ~add(0, p + 22, 20));
	p[42 + 12] = 5 << 4;
	put16(p + 42 + 16, 0);
	put16(p + 42 + 16, ~add(pseudo(&in, tcp), p + 42, tcp));
}

static void l4_make(const struct model *m, uint8_t *p)
{
	size_t hdr = l4_len(m), whole = hdr + m->payload + m->more, i;
	uint32_t crc;
	uint16_t sum;

	memset(p, 0, whole);
	if (m->proto == ICMP || m->proto == ICMP6) {
		p[0] = m->proto == ICMP ? 3 : 1;
	} else {
		put16(p, m->sport);
		put16(p + 2, m->dport);
	}
	if (m->proto == TCP)
		p[12] = 5 << 4;
	else if (m->proto == UDP)
		put16(p + 4, whole);
	else if (m->proto == DCCP)
		p[4] = 3;
	for (i = 0; i < m->payload; i++)
		p[hdr + i] = i * 7 + 1;
	if (m->inner)
		inner_make(p + hdr, m->payload);
	if (m->proto == SCTP) {
		crc = crc32c(p, whole);
		for (i = 0; i < 4; i++)
			p[8 + i] = crc >> 8 * i;
		return;
	}
	if (m->nosum)
		return;
	sum = ~add(m->proto == ICMP ? 0 : pseudo(m, whole), p, whole);
	if (!sum && (m->proto == UDP || m->proto == LITE))
		sum = 0xffff;
	put16(p + sum_place(m->proto), sum);
}

static size_t ip4_make(const struct model *m, uint8_t *p)
{
	size_t hdr = m->offset ? 0 : l4_len(m);

	memset(p, 0, 20);
	p[0] = 0x45;
	p[1] = m->tos;
	put16(p + 2, 20 + hdr + m->payload);
	put16(p + 6, m->offset ? m->offset / 8 : m->more ? 0x2000 : 0);
	p[8] = m->ttl;
	p[9] = m->proto;
	memcpy(p + 12, m->from + 12, 4);
	memcpy(p + 16, m->to + 12, 4);
	put16(p + 10, ~add(0, p, 20));
	return 20;
}

static size_t ip6_make(const struct model *m, uint8_t *p)
{
	bool frag = m->offset || m->more;
	size_t hdr = (m->offset ? 0 : l4_len(m)) + (frag ? 8 : 0);

	memset(p, 0, 48);
	p[0] = 0x60 | m->tos >> 4;
	p[1] = m->tos << 4;
	put16(p + 4, hdr + m->payload);
	p[6] = frag ? 44 : m->proto;
	p[7] = m->ttl;
	memcpy(p + 8, m->from, 16);
	memcpy(p + 24, m->to, 16);
	if (!frag)
		return 40;
	p[40] = m->proto;
	put16(p + 42, m->offset | !m->offset);
	return 48;
}

static size_t make(const struct model *m, uint8_t *b)
{
	uint8_t *p = b + 12;
	unsigned int i;

	memcpy(b, m->dst, 6);
	memcpy(b + 6, m->src, 6);
	for (i = 0; i < m->tags; i++, p += 4) {
		put16(p, m->tpid[i]);
		put16(p + 2, m->tci[i]);
	}
	put16(p, m->ip == 4 ? 0x0800 : m->ip == 6 ? 0x86dd : 0x88b5);
	p += 2;
	if (m->ip)
		p += m->ip == 4 ? ip4_make(m, p) : ip6_make(m, p);
	if (m->ip && !m->offset) {
		l4_make(m, p);
		p += l4_len(m);
	} else {
		memset(p, 0x33, m->payload);
	}
	p += m->payload;
	memset(p, 0x77, m->pad);
	return p + m->pad - b;
}

/* --- the kinds of frames, and what is done to them --- */

#define ETHER	.dst = { 2, 0, 0, 0, 0, 2 }, .src = { 2, 0, 0, 0, 0, 1 }
#define IPV4	ETHER, .ip = 4, .tos = 0xb9, .ttl = 64, .from = { [12] = 10, 0, 0, 1 },	\
		.to = { [12] = 10, 0, 0, 2 }
#define IPV6	ETHER, .ip = 6, .tos = 0x2e, .ttl = 63,					\
		.from = { 0x20, 1, 0xd, 0xb8, [15] = 1 }, .to = { 0x20, 1, 0xd, 0xb8, [15] = 2 }
#define PORTS	.sport = 1234, .dport = 80
#define TAG	.tags = 1, .tpid = { 0x8100 }, .tci = { 0x2005 }
#define TAGS	.tags = 2, .tpid = { 0x88a8, 0x8100 }, .tci = { 0x0007, 0x4005 }

static const struct kind {
	const char *name;
	struct model m;
} kinds[] = {
	{ "other", { ETHER, .payload = 100 } },
	{ "tagged other", { ETHER, TAG, .payload = 100 } },
	{ "TCP", { IPV4, PORTS, .proto = TCP, .payload = 201 } },
	{ "tagged TCP", { IPV4, PORTS, TAG, .proto = TCP, .payload = 200 } },
	{ "twice tagged TCP", { IPV4, PORTS, TAGS, .proto = TCP, .payload = 200 } },
	{ "TCP/IPv6", { IPV6, PORTS, .proto = TCP, .payload = 333 } },
	{ "tagged TCP/IPv6", { IPV6, PORTS, TAG, .proto = TCP, .payload = 333 } },
	{ "UDP", { IPV4, PORTS, .proto = UDP, .payload = 99 } },
	{ "UDP with padding", { IPV4, PORTS, .proto = UDP, .payload = 3, .pad = 15 } },
	{ "UDP without a sum", { IPV4, PORTS, .proto = UDP, .nosum = true, .payload = 99 } },
	{ "UDP/IPv6", { IPV6, PORTS, .proto = UDP, .payload = 99 } },
	{ "tunnel", { IPV4, PORTS, .proto = UDP, .payload = 300, .inner = true } },
	{ "tunnel/IPv6", { IPV6, PORTS, .proto = UDP, .payload = 300, .inner = true } },
	{ "SCTP", { IPV4, PORTS, .proto = SCTP, .payload = 150 } },
	{ "SCTP with padding", { IPV4, PORTS, .proto = SCTP, .payload = 4, .pad = 10 } },
	{ "SCTP/IPv6 with padding", { IPV6, PORTS, TAG, .proto = SCTP, .payload = 160, .pad = 3 } },
	{ "UDP-Lite", { IPV4, PORTS, .proto = LITE, .payload = 77 } },
	{ "UDP-Lite/IPv6", { IPV6, PORTS, .proto = LITE, .payload = 77 } },
	{ "DCCP", { IPV4, PORTS, .proto = DCCP, .payload = 80 } },
	{ "DCCP/IPv6", { IPV6, PORTS, .proto = DCCP, .payload = 80 } },
	{ "ICMP error", { IPV4, .proto = ICMP, .payload = 28 } },
	{ "ICMPv6 error", { IPV6, .proto = ICMP6, .payload = 48 } },
	{ "first UDP fragment", { IPV4, PORTS, .proto = UDP, .payload = 504, .more = 300 } },
	{ "first TCP fragment/IPv6", { IPV6, PORTS, .proto = TCP, .payload = 508, .more = 300 } },
	{ "first SCTP fragment", { IPV4, PORTS, .proto = SCTP, .payload = 508, .more = 300 } },
	{ "later fragment", { IPV4, .proto = UDP, .payload = 304, .offset = 512 } },
	{ "later fragment/IPv6", { IPV6, .proto = TCP, .payload = 304, .offset = 512 } },
};

static void do_push(struct model *m)
{
	memmove(m->tpid + 1, m->tpid, 2 * sizeof(m->tpid[0]));
	memmove(m->tci + 1, m->tci, 2 * sizeof(m->tci[0]));
	m->tpid[0] = 0x8100;
	m->tci[0] = 0x6063;
	m->tags++;
}

static void do_pop(struct model *m)
{
	memmove(m->tpid, m->tpid + 1, 2 * sizeof(m->tpid[0]));
	memmove(m->tci, m->tci + 1, 2 * sizeof(m->tci[0]));
	m->tags--;
}

static void do_vlan(struct model *m)
{
	m->tci[0] = 0x6009;
}

static void do_eth_src(struct model *m)
{
	memcpy(m->src, "\x02\x11\x22\x33\x44\x55", 6);
}

static void do_eth_dst(struct model *m)
{
	memcpy(m->dst, "\x02\x99\x88\x77\x66\x55", 6);
}

static void do_src4(struct model *m)
{
	memcpy(m->from + 12, "\xc0\x00\x02\xfe", 4);
}

static void do_dst4(struct model *m)
{
	memcpy(m->to + 12, "\xcb\x00\x71\x07", 4);
}

static void do_src6(struct model *m)
{
	memcpy(m->from, "\xfd\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f", 16);
}

static void do_dst6(struct model *m)
{
	memcpy(m->to, "\x20\x01\x0d\xb8\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4", 16);
}

static void do_ttl(struct model *m)
{
	m->ttl = 9;
}

static void do_dscp(struct model *m)
{
	m->tos = (m->tos & 3) | 11 << 2;
}

static void do_sport(struct model *m)
{
	m->sport = 60001;
}

static void do_dport(struct model *m)
{
	m->dport = 443;
}

static void do_nat4(struct model *m)
{
	do_pop(m);
	do_dst4(m);
	do_dport(m);
	do_ttl(m);
	do_push(m);
}

enum need { ANY, TAGGED, V4, V6, IP, L4, TAGGED_L4 };

static const struct action {
	const char *words;
	enum need need;
	void (*apply)(struct model *m);
} actions[] = {
	{ "push-vlan:99:3", ANY, do_push },
	{ "pop-vlan", TAGGED, do_pop },
	{ "set-vlan:9:3", TAGGED, do_vlan },
	{ "set-eth-src:02:11:22:33:44:55", ANY, do_eth_src },
	{ "set-eth-dst:02:99:88:77:66:55", ANY, do_eth_dst },
	{ "set-src:192.0.2.254", V4, do_src4 },
	{ "set-dst:203.0.113.7", V4, do_dst4 },
	{ "set-src:fd01:203:405:607:809:a0b:c0d:e0f", V6, do_src6 },
	{ "set-dst:2001:db8:fffe:fdfc:fbfa:f9f8:f7f6:f5f4", V6, do_dst6 },
	{ "set-ttl:9", IP, do_ttl },
	{ "set-dscp:11", IP, do_dscp },
	{ "set-sport:60001", L4, do_sport },
	{ "set-dport:443", L4, do_dport },
	{ "pop-vlan,set-dst:203.0.113.7,set-dport:443,set-ttl:9,push-vlan:99:3", TAGGED_L4,
	  do_nat4 },
};

static bool has_ports(const struct model *m)
{
	return m->proto == TCP || m->proto == UDP || m->proto == SCTP;
}

static bool fits(const struct action *a, const struct model *m)
{
	switch (a->need) {
	case ANY:
		return m->tags < 2;
	case TAGGED:
		return m->tags;
	case V4:
		return m->ip == 4;
	case V6:
		return m->ip == 6;
	case IP:
		return m->ip;
	case L4:
		return m->ip && has_ports(m) && !m->offset;
	case TAGGED_L4:
		return m->ip == 4 && m->tags == 1 && has_ports(m) && !m->offset;
	}
	return false;
}

/* --- the test --- */

FIXTURE(rewrite)
{
	struct guest from;
	struct guest to;
};

FIXTURE_SETUP(rewrite)
{
	if (!rig_is_sluice())
		SKIP(return, "only Sluice has flow rules");
	ASSERT_EQ(0, guest_open(&self->from, "sltest0", &cfg));
	ASSERT_EQ(0, guest_open(&self->to, "sltest1", &cfg));
}

FIXTURE_TEARDOWN(rewrite)
{
	netio_run("sluice flow flush");
	guest_close(&self->from);
	guest_close(&self->to);
}

/* A frame of its own for each pair of a kind and an action: its source address says which. */
static struct model model_of(unsigned int kind, unsigned int action)
{
	struct model m = kinds[kind].m;

	m.src[4] = kind;
	m.src[5] = action;
	return m;
}

static bool wanted(unsigned int kind, unsigned int action)
{
	const struct model *m = &kinds[kind].m;

	/* A port of an SCTP fragment has a test of its own. */
	return fits(&actions[action], m) &&
	       !(m->proto == SCTP && m->more && actions[action].need == L4);
}

static void rule(FILE *sh, const struct model *m, const char *words)
{
	fprintf(sh, "sluice flow add prio 10 in sltest0 eth-src 02:00:00:00:%02x:%02x", m->src[4],
		m->src[5]);
	if (m->tags)
		fprintf(sh, " vlan any");
	if (m->ip)
		fprintf(sh, " eth-type ipv%u proto %u", m->ip, m->proto);
	fprintf(sh, " actions %s,output:sltest1 >/dev/null\n", words);
}

/* All of them, by one shell. */
static int rules(void)
{
	FILE *sh = popen("sh -e", "w");
	unsigned int i, j;

	if (!sh)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (j = 0; j < ARRAY_SIZE(actions); j++) {
			struct model m = model_of(i, j);

			if (wanted(i, j))
				rule(sh, &m, actions[j].words);
		}
	}
	return pclose(sh);
}

/* Where the L4 header is; the packet ends at @end. */
static size_t l4_at(const struct model *m)
{
	return 14 + 4 * m->tags + (m->ip == 4 ? 20 : m->offset || m->more ? 48 : 40);
}

/* Leave a sum to others: only the pseudo header is in it. */
static void ask(const struct model *m, uint8_t *b, struct virtio_net_hdr_v1 *h)
{
	static const struct model in = { .from = { [12] = 192, 168, 0, 1 },
					 .to = { [12] = 192, 168, 0, 2 }, .proto = TCP };
	size_t at = l4_at(m), place;

	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (m->inner) {
		at += 8 + 42;
		place = 16;
		put16(b + at + place, pseudo(&in, m->payload - 42));
	} else {
		place = sum_place(m->proto);
		put16(b + at + place, pseudo(m, l4_len(m) + m->payload));
	}
	h->csum_start = at;
	h->csum_offset = place;
}

static void answer(uint8_t *b, size_t len, const struct virtio_net_hdr_v1 *h)
{
	uint16_t sum;

	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	sum = ~add(0, b + h->csum_start, len - h->csum_start);
	put16(b + h->csum_start + h->csum_offset, sum ?: 0xffff);
}

/* True if what came out is what was to come out; @partial: with a sum that is asked for. */
static bool passes(struct guest *from, struct guest *to, const struct model *m,
		   const struct action *a, bool partial)
{
	uint8_t sent[ROOM], got[ROOM], want[ROOM];
	struct virtio_net_hdr_v1 h = { 0 };
	struct model after = *m;
	size_t len = make(m, sent), want_len;
	int ret;

	if (partial)
		ask(m, sent, &h);
	a->apply(&after);
	want_len = make(&after, want);
	if (vdrv_send(&from->v, &h, sent, len))
		return false;
	ret = vdrv_recv(&to->v, &h, got, sizeof(got), 10000);
	if (ret != (int)want_len)
		return false;
	answer(got, want_len, &h);
	return !memcmp(got, want, want_len);
}

static bool may_ask(const struct model *m)
{
	return m->ip && m->proto != SCTP && m->proto != ICMP && !m->nosum && !m->offset &&
	       !m->more && !m->pad;
}

TEST_F_TIMEOUT(rewrite, every_byte, 600)
{
	unsigned int i, j;

	ASSERT_EQ(0, rules());
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (j = 0; j < ARRAY_SIZE(actions); j++) {
			struct model m = model_of(i, j);

			if (!wanted(i, j))
				continue;
			EXPECT_TRUE(passes(&self->from, &self->to, &m, &actions[j], false))
				TH_LOG("%s: %s", kinds[i].name, actions[j].words);
			if (may_ask(&m))
				EXPECT_TRUE(passes(&self->from, &self->to, &m, &actions[j], true))
					TH_LOG("%s, sum to come: %s", kinds[i].name,
					       actions[j].words);
		}
	}
}

/* Its CRC is over what other fragments hold: rather than a wrong one there is none. */
TEST_F_TIMEOUT(rewrite, sctp_fragment_keeps_its_ports, 300)
{
	static const struct action plain = { "set-ttl:9", IP, do_ttl };
	struct model first = { IPV4, PORTS, .proto = SCTP, .payload = 508, .more = 300 };
	struct virtio_net_hdr_v1 h = { 0 };
	struct model other = first;
	uint8_t b[ROOM];
	size_t len;
	FILE *sh;

	other.src[5] = 2;
	sh = popen("sh -e", "w");
	ASSERT_NE(NULL, sh);
	rule(sh, &first, "set-dport:443");
	rule(sh, &other, plain.words);
	ASSERT_EQ(0, pclose(sh));
	len = make(&first, b);
	ASSERT_EQ(0, vdrv_send(&self->from.v, &h, b, len));
	/* What comes out is the next frame. */
	EXPECT_TRUE(passes(&self->from, &self->to, &other, &plain, false));
}

/*
 * A receiver's list sees a packet as he will. What a third tag hides it cannot see, so that does
 * not come out from under it.
 */
TEST_F_TIMEOUT(rewrite, no_way_around_the_list, 300)
{
	static const struct action pop = { "pop-vlan", TAGGED, do_pop };
	struct model m = { IPV4, PORTS, .tags = 2, .tpid = { 0x8100, 0x8100, 0x8100 },
			   .tci = { 5, 6, 7 }, .proto = TCP, .payload = 100 };
	struct model other = { ETHER, TAG, .payload = 100 };
	struct virtio_net_hdr_v1 h = { 0 };
	unsigned int denied;
	uint8_t b[ROOM];
	size_t len;

	ASSERT_EQ(0, netio_run("sluice flow add prio 1 in sltest0 vlan any actions "
			       "pop-vlan,output:sltest1"));
	ASSERT_EQ(0, netio_run("sluice acl add port sltest1 dir to-guest prio 1 "
			       "eth-type ipv4 dst 10.0.0.2 deny"));
	for (denied = 0; denied < 2; denied++, m.tags++) {
		len = make(&m, b);
		ASSERT_EQ(0, vdrv_send(&self->from.v, &h, b, len));
		/* What comes out is the next frame. */
		EXPECT_TRUE(passes(&self->from, &self->to, &other, &pop, false))
			TH_LOG("%u tags", m.tags);
	}
	EXPECT_EQ(1, netio_drops("sltest1", "acl"));
	EXPECT_EQ(1, netio_drops("sltest0", "action"));
}

TEST_HARNESS_MAIN
