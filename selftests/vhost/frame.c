// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a frame's sender may claim, wherever the frame comes in: the guest's ring (short frames,
 * which are copied whole, and long ones, which are not), the tap's write(), the host's stack, the
 * wire. A claim that the frame contradicts is refused and counted; nobody's kernel reads what is
 * not there. (Items 1.1, 6.2 and 6.3 of the safety review.)
 */
#include "kselftest_harness.h"
#include <linux/if_tun.h>
#include "rig.h"

#define ROOM	(64 * 1024 + 256)
#define CSUM	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCPV4	VIRTIO_NET_HDR_GSO_TCPV4
#define TCPV6	VIRTIO_NET_HDR_GSO_TCPV6
#define UFO	VIRTIO_NET_HDR_GSO_UDP
#define USO	5

static const struct vdrv_cfg cfg = {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF,
};

FIXTURE(frame)
{
	struct guest g;
	int peer;
	unsigned char *frame;
	unsigned char *got;
};

FIXTURE_SETUP(frame)
{
	if (!rig_is_sluice())
		SKIP(return, "only Sluice has uplinks");
	self->frame = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_NE(NULL, self->frame);
	ASSERT_NE(NULL, self->got);
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1"));
	ASSERT_EQ(0, netio_link_mtu("slvf0", 9000));
	ASSERT_EQ(0, netio_link_mtu("slvf1", 9000));
	ASSERT_EQ(0, netio_link_set("slvf0", true));
	ASSERT_EQ(0, netio_link_set("slvf1", true));
	netio_quiet("slvf0");
	netio_quiet("slvf1");
	ASSERT_EQ(0, netio_port_add("slup0", "slvf0", 1));
	ASSERT_EQ(0, netio_link_set("slup0", true));
	netio_quiet("slup0");
	self->peer = netio_open("slvf1");
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice wire add sltest0 slup0"));
}

FIXTURE_TEARDOWN(frame)
{
	guest_close(&self->g);
	close(self->peer);
	netio_link_del("slup0");
	netio_link_del("slvf0");
	free(self->frame);
	free(self->got);
}

/* What the guest's VMM writes while vhost does not run. Returns 0 or -errno. */
static int tap_send(struct guest *g, const struct virtio_net_hdr_v1 *h, const void *frame,
		    size_t len)
{
	static unsigned char buf[ROOM];
	int hdr_len = 0;

	if (ioctl(g->backend, TUNGETVNETHDRSZ, &hdr_len) < 0)
		return -errno;
	memset(buf, 0, hdr_len);
	memcpy(buf, h, sizeof(struct virtio_net_hdr));
	memcpy(buf + hdr_len, frame, len);
	return write(g->backend, buf, hdr_len + len) < 0 ? -errno : 0;
}

enum how { BARE, TCP4, TCP6, UDP4, UDP6, FIRST, LATER, ATOMIC };

/**
 * struct lie - a frame and a header that contradict each other
 * @how: what frame
 * @len: its length
 * @h: what is claimed
 */
struct lie {
	const char *name;
	enum how how;
	size_t len;
	struct virtio_net_hdr_v1 h;
};

#define CLAIM(_flags, _gso, _size, _start, _offset)					\
	{ .flags = _flags, .gso_type = _gso, .gso_size = _size, .csum_start = _start,	\
	  .csum_offset = _offset }

static const struct lie lies[] = {
	/* The kernel looked for a TCP header where none was. */
	{ "TSO of no known type, long", BARE, 10000, CLAIM(0, TCPV4, 1400, 0, 0) },
	{ "TSO of no known type", BARE, 5000, CLAIM(0, TCPV4, 1400, 0, 0) },
	{ "TSO of no known type with a sum", BARE, 10000, CLAIM(CSUM, TCPV4, 1400, 34, 16) },
	{ "TSO without a sum", TCP4, 30000, CLAIM(0, TCPV4, 1400, 0, 0) },
	{ "TSO without a sum, short", TCP4, 5000, CLAIM(0, TCPV4, 1400, 0, 0) },
	{ "TSO over IPv6 marked IPv4", TCP6, 30000, CLAIM(CSUM, TCPV4, 1400, 54, 16) },
	{ "TSO over IPv4 marked IPv6", TCP4, 30000, CLAIM(CSUM, TCPV6, 1400, 34, 16) },
	{ "TSO of UDP", UDP4, 30000, CLAIM(CSUM, TCPV4, 1400, 34, 6) },
	{ "TSO of UDP, at TCP's place", UDP4, 30000, CLAIM(CSUM, TCPV4, 1400, 34, 16) },
	{ "USO of TCP", TCP4, 30000, CLAIM(CSUM, USO, 1400, 34, 16) },
	{ "UFO of TCP", TCP4, 30000, CLAIM(CSUM, UFO, 1400, 34, 16) },
	{ "UFO without a sum", UDP4, 30000, CLAIM(0, UFO, 1400, 0, 0) },
	{ "UFO with fragments that overlap", UDP4, 30000, CLAIM(CSUM, UFO, 1399, 34, 6) },
	{ "USO with ECN", UDP4, 30000, CLAIM(CSUM, USO | 0x80, 1400, 34, 6) },
	{ "TSO of a first fragment", FIRST, 30000, CLAIM(CSUM, TCPV4, 1400, 34, 16) },
	{ "TSO of a later fragment", LATER, 30000, CLAIM(CSUM, TCPV4, 1400, 34, 16) },
	{ "sum of a fragment", FIRST, 1000, CLAIM(CSUM, 0, 0, 34, 16) },
	{ "TSO behind a fragment header", ATOMIC, 30000, CLAIM(CSUM, TCPV6, 1400, 62, 16) },
	{ "a thousand pieces too many", TCP4, 65000, CLAIM(CSUM, TCPV4, 1, 34, 16) },
	{ "one piece too many", TCP4, 65000, CLAIM(CSUM, TCPV4, 47, 34, 16) },
	{ "pieces of nothing", TCP4, 30000, CLAIM(CSUM, TCPV4, 0, 34, 16) },
	{ "pieces by fragments", TCP4, 65500, CLAIM(CSUM, TCPV4, 0xffff, 34, 16) },
	{ "no such segmentation", TCP4, 30000, CLAIM(CSUM, 0x42, 1400, 34, 16) },
	{ "a header length beyond the frame", TCP4, 3000,
	  { .flags = CSUM, .gso_type = TCPV4, .gso_size = 1400, .csum_start = 34,
	    .csum_offset = 16, .hdr_len = 3001 } },
	{ "sum in TCP's payload", TCP4, 1000, CLAIM(CSUM, 0, 0, 100, 16) },
	{ "sum over the frame's end", UDP4, 1000, CLAIM(CSUM, 0, 0, 990, 9) },
	{ "sum over a long frame's end", UDP4, 20000, CLAIM(CSUM, 0, 0, 19990, 9) },
	/* One that an skb could not say, and its neighbours. */
	{ "sum at the longest frame's end", BARE, 65549, CLAIM(CSUM, 0, 0, 65535, 6) },
	{ "sum where no header can be", BARE, 65535, CLAIM(CSUM, 0, 0, 65400, 6) },
	{ "sum far behind the headers", UDP4, 20000, CLAIM(CSUM, 0, 0, 2041, 6) },
	{ "sum's place far behind the headers", UDP4, 20000, CLAIM(CSUM, 0, 0, 42, 19000) },
	{ "sum of the headers", UDP4, 1000, CLAIM(CSUM, 0, 0, 14, 26) },
};

/* Make room for an IPv6 fragment header that says that there is one fragment only. */
static void make_atomic(unsigned char *b, size_t len)
{
	memmove(b + 62, b + 54, len - 62);
	memset(b + 54, 0, 8);
	b[54] = b[20];
	b[20] = 44;
}

static void lie_make(const struct lie *l, unsigned char *b)
{
	struct netio_frame f = { .len = l->len };
	struct virtio_net_hdr_v1 ignored;

	f.tcp = l->how != UDP4 && l->how != UDP6;
	f.ipv6 = l->how == TCP6 || l->how == UDP6 || l->how == ATOMIC;
	netio_frame_make(&f, &ignored, b);
	switch (l->how) {
	case BARE:
		b[12] = 0x88;
		b[13] = 0xb5;
		break;
	case FIRST:
		b[20] = 0x20;
		break;
	case LATER:
		b[21] = 100;
		break;
	case ATOMIC:
		make_atomic(b, l->len);
		break;
	default:
		break;
	}
}

/* The next that comes out of @fd is the frame with this seed: nothing came before it. */
static bool only_marker(int fd, unsigned char *got, const unsigned char *marker, size_t len)
{
	struct virtio_net_hdr_v1 h;

	return netio_recv(fd, &h, got, ROOM, 10000) == (int)len && !memcmp(got, marker, len);
}

TEST_F_TIMEOUT(frame, refused_from_the_ring, 300)
{
	struct netio_frame f = { .len = 200 };
	unsigned char marker[200];
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	long drops;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		drops = netio_stat("sltest0", "rx_dropped");
		lie_make(&lies[i], self->frame);
		ASSERT_EQ(0, vdrv_send(&self->g.v, &lies[i].h, self->frame, lies[i].len));
		f.seed = i + 1;
		netio_frame_make(&f, &h, marker);
		ASSERT_EQ(0, vdrv_send(&self->g.v, &h, marker, f.len));
		EXPECT_TRUE(only_marker(self->peer, self->got, marker, f.len))
			TH_LOG("%s", lies[i].name);
		EXPECT_EQ(drops + 1, netio_stat("sltest0", "rx_dropped"))
			TH_LOG("%s", lies[i].name);
	}
}

/* Among them 65 KB in pieces of one byte, which held a write() for 126 ms. */
TEST_F_TIMEOUT(frame, refused_from_the_tap, 300)
{
	struct netio_frame f = { .len = 200 };
	unsigned char marker[200];
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	long drops;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		drops = netio_stat("sltest0", "rx_dropped");
		lie_make(&lies[i], self->frame);
		EXPECT_EQ(-EINVAL, tap_send(&self->g, &lies[i].h, self->frame, lies[i].len))
			TH_LOG("%s", lies[i].name);
		/* As a tap's, it is for frames of 64 KiB at most, and does not look at others. */
		drops += lies[i].len <= 65535;
		EXPECT_EQ(drops, netio_stat("sltest0", "rx_dropped"))
			TH_LOG("%s", lies[i].name);
		f.seed = i + 1;
		netio_frame_make(&f, &h, marker);
		ASSERT_EQ(0, tap_send(&self->g, &h, marker, f.len));
		EXPECT_TRUE(only_marker(self->peer, self->got, marker, f.len))
			TH_LOG("%s", lies[i].name);
	}
}

static unsigned int be16(const unsigned char *p)
{
	return p[0] << 8 | p[1];
}

/* Does a header that a guest is given say what the frame says? */
static bool consistent(const struct virtio_net_hdr_v1 *h, const unsigned char *b, size_t len)
{
	bool ip6 = be16(b + 12) == 0x86dd, ip4 = be16(b + 12) == 0x0800;
	unsigned int l4 = ip6 ? 54 : 34, proto = ip6 ? b[20] : b[23];

	if (h->flags & CSUM && h->csum_start + h->csum_offset + 2 > (int)len)
		return false;
	if (!h->gso_type)
		return true;
	if (!(h->flags & CSUM) || h->csum_start != l4 || !h->gso_size ||
	    (ip4 && be16(b + 20) & 0x3fff))
		return false;
	switch (h->gso_type) {
	case TCPV4:
		return ip4 && proto == 6;
	case TCPV6:
		return ip6 && proto == 6;
	case USO:
		return (ip4 || ip6) && proto == 17;
	}
	return false;
}

/*
 * The kernel's own sockets refuse some of them and repair others; what they let pass meets the same
 * proof. A guest is told nothing that the frame does not say.
 */
TEST_F_TIMEOUT(frame, proved_from_the_host, 300)
{
	const int from[] = { self->g.wire, self->peer };
	struct netio_frame f = { .len = 200 };
	unsigned char marker[200];
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	int ret;

	for (i = 0; i < 2 * ARRAY_SIZE(lies); i++) {
		const struct lie *l = &lies[i / 2];

		lie_make(l, self->frame);
		netio_send(from[i & 1], &l->h, self->frame, l->len);
		f.seed = i + 1;
		netio_frame_make(&f, &h, marker);
		ASSERT_EQ(0, netio_send(from[i & 1], &h, marker, f.len));
		do {
			ret = vdrv_recv(&self->g.v, &h, self->got, ROOM, 10000);
			ASSERT_LT(0, ret) TH_LOG("%s", l->name);
			EXPECT_TRUE(consistent(&h, self->got, ret))
				TH_LOG("%s, %s", l->name,
				       i & 1 ? "from the wire" : "from the stack");
		} while (ret != (int)f.len || memcmp(self->got, marker, f.len));
	}
}

/* What may be claimed comes out as it was, from ring and tap, copied whole and not. */
TEST_F_TIMEOUT(frame, taken, 300)
{
	struct netio_frame good[] = {
		{ .len = 5000, .tcp = true, .mss = 1400 },
		{ .len = 30000, .tcp = true, .mss = 1400 },
		{ .len = 30000, .tcp = true, .ipv6 = true, .mss = 1400 },
		{ .len = 5000, .mss = 1400 },
		{ .len = 30000, .mss = 1400 },
		{ .len = 3000, .partial = true },
		{ .len = 3000, .tcp = true, .ipv6 = true, .partial = true },
		{ .len = 65000, .tcp = true, .mss = 60 },
	};
	struct virtio_net_hdr_v1 h, back;
	unsigned int i;

	for (i = 0; i < 2 * ARRAY_SIZE(good); i++) {
		struct netio_frame *f = &good[i / 2];

		f->seed = i;
		netio_frame_make(f, &h, self->frame);
		ASSERT_EQ(0, i & 1 ? tap_send(&self->g, &h, self->frame, f->len) :
				     vdrv_send(&self->g.v, &h, self->frame, f->len));
		EXPECT_EQ((int)f->len, netio_recv(self->peer, &back, self->got, ROOM, 10000))
			TH_LOG("frame %u", i);
		EXPECT_EQ(0, memcmp(self->got, self->frame, f->len)) TH_LOG("frame %u", i);
		EXPECT_EQ(h.gso_type, back.gso_type) TH_LOG("frame %u", i);
		EXPECT_EQ(h.gso_size, back.gso_size) TH_LOG("frame %u", i);
		EXPECT_EQ(h.csum_start, back.csum_start) TH_LOG("frame %u", i);
	}
}

/* Datagrams to be fragmented: each piece that arrives is a fragment, and they add up. */
static int recv_fragments(struct guest *to, unsigned char *got, unsigned int want)
{
	struct virtio_net_hdr_v1 h;
	unsigned int sum = 0;
	int ret;

	while (sum < want) {
		ret = vdrv_recv(&to->v, &h, got, ROOM, 10000);
		if (ret < 0)
			return ret;
		/* IPv4, UDP, and MF or an offset. */
		if (got[12] != 8 || got[23] != 17)
			continue;
		if (h.gso_type || h.flags & CSUM || !((got[20] & 0x3f) | got[21]))
			return -EBADMSG;
		sum += ret - 34;
	}
	return sum;
}

/* 6.2: a guest that was told of UFO elsewhere sends it; no guest is sent any. */
TEST_F_TIMEOUT(frame, ufo_is_fragmented, 300)
{
	struct netio_frame f = { .len = 10042, .partial = true };
	struct virtio_net_hdr_v1 h;
	struct guest other;

	ASSERT_EQ(0, guest_open(&other, "sltest1", &cfg));
	ASSERT_EQ(0, netio_run("sluice wire del sltest0 slup0"));
	ASSERT_EQ(0, netio_run("sluice wire add sltest0 sltest1"));
	netio_frame_make(&f, &h, self->frame);
	h.gso_type = UFO;
	h.gso_size = 1480;
	h.hdr_len = 42;
	ASSERT_EQ(0, vdrv_send(&self->g.v, &h, self->frame, f.len));
	EXPECT_EQ(10008, recv_fragments(&other, self->got, 10008));
	ASSERT_EQ(0, tap_send(&self->g, &h, self->frame, f.len));
	EXPECT_EQ(10008, recv_fragments(&other, self->got, 10008));
	guest_close(&other);
}

/* A TCP frame over IPv6 that is longer than its length field can say, as BIG TCP makes them. */
static void big_make(unsigned char *b, size_t len, struct virtio_net_hdr_v1 *h)
{
	struct netio_frame f = { .len = 60000, .tcp = true, .ipv6 = true, .mss = 1400 };

	netio_frame_make(&f, h, b);
	memset(b + f.len, 0x5a, len - f.len);
	b[18] = 0;
	b[19] = 0;
}

/* 6.3: a frame longer than virtio has it reaches the guest in shorter ones, and none is lost. */
TEST_F_TIMEOUT(frame, big_tcp_is_segmented, 300)
{
	const size_t len = 80000, hdrs = 74, mss = 1400;
	struct virtio_net_hdr_v1 h;
	unsigned char *big = malloc(len);
	size_t at;
	int ret;

	ASSERT_NE(NULL, big);
	ASSERT_EQ(0, netio_run("ip link set slvf1 gso_max_size 180000"));
	big_make(big, len, &h);
	ASSERT_EQ(0, netio_send(self->peer, &h, big, len));
	for (at = hdrs; at < len; at += ret - hdrs) {
		ret = vdrv_recv(&self->g.v, &h, self->got, ROOM, 10000);
		ASSERT_GT(ret, (int)hdrs);
		/* What is still to be segmented is no longer than virtio has it. */
		EXPECT_LE(ret, 65535 + 14);
		if (ret > (int)(hdrs + mss)) {
			EXPECT_EQ(VIRTIO_NET_HDR_GSO_TCPV6, h.gso_type);
			EXPECT_EQ(mss, h.gso_size);
		}
		EXPECT_EQ(ret - 54, self->got[18] << 8 | self->got[19]);
		EXPECT_EQ(0, memcmp(self->got + hdrs, big + at, ret - hdrs));
	}
	EXPECT_EQ(len, at);
	free(big);
}

TEST_HARNESS_MAIN
