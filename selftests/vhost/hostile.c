// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that break the rules. Whatever a ring holds, its queue may stop (then the error eventfd
 * tells), or the buffer may be skipped; the guest beside it goes on, the kernel stays whole, and
 * the node can be closed and used again. Those who share the kernel's fate are asked afterwards:
 * each test ends with the neighbour's traffic and a new guest on the broken one's port.
 */
#include "kselftest_harness.h"
#include <pthread.h>
#include <sys/mman.h>
#include "rig.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF)
#define FAR		0x00007000deadb000ULL	/* in no memory region */

FIXTURE(hostile)
{
	struct guest bad;
	struct guest good;
	struct vdrv_cfg cfg;
};

FIXTURE_VARIANT(hostile)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(hostile, split) { .features = FEATURES };
FIXTURE_VARIANT_ADD(hostile,
		    split_indirect){ .features = FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };
FIXTURE_VARIANT_ADD(hostile, packed) { .features = FEATURES | VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(hostile, packed_indirect) { .features = FEATURES | VDRV_F_PACKED |
							   VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };

FIXTURE_SETUP(hostile)
{
	struct vdrv_cfg good = { .features = FEATURES };

	if (variant->features & ~rig_features())
		SKIP(return, "the node does not offer these features");
	self->cfg = (struct vdrv_cfg){ .features = variant->features, .num = 256 };
	ASSERT_EQ(0, guest_open(&self->bad, "slbad0", &self->cfg));
	ASSERT_EQ(0, guest_open(&self->good, "slgood0", &good));
	ASSERT_EQ(0, guest_ping(&self->good, 1));
}

/* Survivors: the neighbour, and the port of the one who broke. */
FIXTURE_TEARDOWN(hostile)
{
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	guest_close(&self->bad);
	EXPECT_EQ(0, guest_ping(&self->good, 5));
	EXPECT_EQ(0, guest_open(&self->bad, "slbad0", &self->cfg));
	EXPECT_EQ(0, guest_ping(&self->bad, 7));
	guest_close(&self->bad);
	guest_close(&self->good);
}

/**
 * struct raw - a descriptor as a hostile guest writes it, for either kind of ring
 * @addr: address
 * @len: length
 * @flags: VRING_DESC_F_*
 * @next: where a split ring's chain goes on
 */
struct raw {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

static struct vdrv_vq *tx(struct guest *g)
{
	return &g->v.vq[VDRV_TX];
}

/* Write @n descriptors from the ring's place 0 on and hand them over; a fresh queue is expected. */
static void raw_put(struct vdrv_vq *q, const struct raw *r, unsigned int n)
{
	unsigned int i;

	if (!q->packed) {
		for (i = 0; i < n; i++) {
			q->desc[i].addr = r[i].addr;
			q->desc[i].len = r[i].len;
			q->desc[i].flags = r[i].flags;
			q->desc[i].next = r[i].next;
		}
		q->avail->ring[0] = 0;
		__atomic_store_n(&q->avail->idx, 1, __ATOMIC_RELEASE);
	} else {
		for (i = n; i--;) {
			q->pdesc[i].addr = r[i].addr;
			q->pdesc[i].len = r[i].len;
			q->pdesc[i].id = 0;
			__atomic_store_n(&q->pdesc[i].flags,
					 r[i].flags | 1 << VRING_PACKED_DESC_F_AVAIL,
					 __ATOMIC_RELEASE);
		}
	}
	vdrv_kick_always(q);
}

/*
 * Give the device time; then whatever it did it has done. True if it said that the ring is
 * broken.
 */
static bool settle(struct vdrv_vq *q)
{
	int i;

	for (i = 0; i < 20; i++) {
		if (vdrv_vq_broken(q))
			return true;
		usleep(5000);
	}
	return false;
}

static bool nothing_sent(struct guest *g)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[2048];

	return netio_recv(g->wire, &h, got, sizeof(got), 50) == -ETIMEDOUT;
}

/* A right frame in the first buffer, and its address. */
static uint64_t good_frame(struct guest *g, uint32_t *len)
{
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char *b = tx(g)->buf;

	netio_frame_make(&f, &h, b + g->v.hdr_len);
	memcpy(b, &h, g->v.hdr_len);
	*len = f.len + g->v.hdr_len;
	return vdrv_addr(&g->v, b);
}

TEST_F(hostile, index_jump)
{
	struct vdrv_vq *q = tx(&self->bad);

	if (q->packed)
		SKIP(return, "a packed ring has no index");
	q->avail->idx = q->num + 1;
	vdrv_kick_always(q);
	EXPECT_TRUE(settle(q));
	q->avail->idx = 0x8000;
	vdrv_kick_always(q);
	settle(q);
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, index_jump_rx)
{
	struct vdrv_vq *q = &self->bad.v.vq[VDRV_RX];
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];

	if (q->packed)
		SKIP(return, "a packed ring has no index");
	q->avail->idx += 0x4000;
	vdrv_kick_always(q);
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, netio_send(self->bad.wire, &h, frame, f.len));
	EXPECT_TRUE(settle(q));
}

TEST_F(hostile, head_out_of_range)
{
	struct vdrv_vq *q = tx(&self->bad);

	if (q->packed)
		SKIP(return, "a packed ring has no heads");
	q->avail->ring[0] = q->num;
	q->avail->idx = 1;
	vdrv_kick_always(q);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, next_out_of_range)
{
	struct vdrv_vq *q = tx(&self->bad);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);
	struct raw r = { a, len, VRING_DESC_F_NEXT, 0xffff };

	if (q->packed)
		SKIP(return, "a packed ring has no links");
	raw_put(q, &r, 1);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, loop)
{
	struct vdrv_vq *q = tx(&self->bad);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);
	struct raw r[] = { { a, len, VRING_DESC_F_NEXT, 1 }, { a, len, VRING_DESC_F_NEXT, 0 } };

	if (q->packed)
		SKIP(return, "a packed ring has no links");
	raw_put(q, r, 2);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

/* A chain through the whole ring and on. */
TEST_F(hostile, chain_without_end)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r[256];
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);
	unsigned int i;

	for (i = 0; i < 256; i++)
		r[i] = (struct raw){ a, 1, VRING_DESC_F_NEXT, (i + 1) % 256 };
	raw_put(q, r, 256);
	settle(q);
	EXPECT_TRUE(nothing_sent(&self->bad));
}

/* One descriptor of a frame's, of so many bytes. */
static bool short_is_not_sent(struct guest *g, uint32_t n)
{
	struct vdrv_vq *q = tx(g);
	uint32_t len;
	struct raw r = { good_frame(g, &len), n, 0, 0 };

	raw_put(q, &r, 1);
	settle(q);
	return nothing_sent(g);
}

TEST_F(hostile, zero_length)
{
	EXPECT_TRUE(short_is_not_sent(&self->bad, 0));
}

/* Nor is it the four gigabytes that a subtraction would make of it, for those who count. */
TEST_F(hostile, less_than_a_header)
{
	EXPECT_TRUE(short_is_not_sent(&self->bad, 3));
	EXPECT_GT(65536, netio_stat("slbad0", "rx_bytes"));
}

TEST_F(hostile, huge_length)
{
	struct vdrv_vq *q = tx(&self->bad);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);
	struct raw r[] = { { a, 0xffffffff, VRING_DESC_F_NEXT, 1 }, { a, 0xffffffff, 0, 0 } };

	raw_put(q, r, 2);
	settle(q);
	EXPECT_TRUE(nothing_sent(&self->bad));
}

/* Memory of a vDPA device may yet be mapped, and its ring waits for that. */
static bool stops_or_waits(struct vdrv_vq *q)
{
	return settle(q) || rig_is_vdpa();
}

TEST_F(hostile, address_in_no_region)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r = { FAR, 200, 0, 0 };

	raw_put(q, &r, 1);
	EXPECT_TRUE(stops_or_waits(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, address_that_wraps)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r = { ~0ULL - 99, 200, 0, 0 };

	raw_put(q, &r, 1);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, over_the_end_of_a_region)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct vdrv *v = &self->bad.v;
	struct raw r = { VDRV_GPA_RING + v->ring_bytes - 50, 200, 0, 0 };

	raw_put(q, &r, 1);
	EXPECT_TRUE(stops_or_waits(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, wrong_direction)
{
	struct vdrv_vq *q = tx(&self->bad);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);
	struct raw r = { a, len, VRING_DESC_F_WRITE, 0 };

	raw_put(q, &r, 1);
	settle(q);
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, readable_after_writable)
{
	struct vdrv_vq *q = tx(&self->bad);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);
	struct raw r[] = { { a, len, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1 },
			   { a, len, 0, 0 } };

	raw_put(q, r, 2);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

/* A receive buffer that may only be read. */
TEST_F(hostile, readable_for_receive)
{
	struct vdrv_vq *q = &self->bad.v.vq[VDRV_RX];
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];
	unsigned int i;

	for (i = 0; i < q->num; i++) {
		if (q->packed)
			q->pdesc[i].flags &= ~VRING_DESC_F_WRITE;
		else
			q->desc[i].flags &= ~VRING_DESC_F_WRITE;
	}
	vdrv_kick_always(q);
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, netio_send(self->bad.wire, &h, frame, f.len));
	settle(q);
	EXPECT_EQ(-ETIMEDOUT, vdrv_recv(&self->bad.v, &h, frame, sizeof(frame), 50));
}

/* A receive buffer of one byte, far from holding even the header. */
TEST_F(hostile, tiny_for_receive)
{
	struct vdrv_vq *q = &self->bad.v.vq[VDRV_RX];
	struct netio_frame f = { .len = 1000 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1000];
	unsigned int i;

	for (i = 0; i < q->num; i++) {
		if (q->packed)
			q->pdesc[i].len = 1;
		else
			q->desc[i].len = 1;
	}
	vdrv_kick_always(q);
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, netio_send(self->bad.wire, &h, frame, f.len));
	settle(q);
}

/* A frame that takes several buffers, and that the host leaves to the guest to segment. */
static int long_frame(struct guest *g, unsigned int len)
{
	struct netio_frame f = { .len = len, .tcp = true, .mss = 1000 };
	unsigned char frame[8192];
	struct virtio_net_hdr_v1 h;

	netio_frame_make(&f, &h, frame);
	return netio_send(g->wire, &h, frame, len);
}

/* Behind buffers that are too few for a frame lies one that is none: that is told. */
TEST_F(hostile, bad_buffer_behind_good)
{
	struct vdrv_vq *q = &self->bad.v.vq[VDRV_RX];
	unsigned int i;

	for (i = 2; i < q->num; i++) {
		if (q->packed)
			q->pdesc[i].len = 0;
		else
			q->desc[i].len = 0;
	}
	EXPECT_EQ(0, long_frame(&self->bad, 6000));
	EXPECT_TRUE(settle(q));
}

/*
 * Buffers of so many pieces that not enough of them are looked at for a long frame: it is dropped,
 * and does not keep others from it.
 */
TEST_F(hostile, pieces_for_receive)
{
	struct vdrv_cfg cfg = self->cfg;
	struct guest g;

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "it takes tables");
	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "it is our drops that are counted");
	cfg.rx_buf = 64;
	cfg.rx_seg = 1;
	ASSERT_EQ(0, guest_open(&g, "slmany0", &cfg));
	EXPECT_EQ(0, long_frame(&g, 4000));
	EXPECT_EQ(0, guest_ping(&g, 1));
	/* Of the four packets that it would have been. */
	EXPECT_EQ(4, netio_drops("slmany0", "too-long"));
	guest_close(&g);
}

TEST_F(hostile, frames_too_small)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct vdrv *v = &self->bad.v;
	uint32_t len, n;
	int slot;

	good_frame(&self->bad, &len);
	memset(q->buf, 0, v->hdr_len);
	for (n = 1; n < v->hdr_len + 14; n++) {
		struct vdrv_seg s = { vdrv_addr(v, q->buf), n };

		slot = vdrv_vq_slot(q);
		ASSERT_GE(slot, 0);
		vdrv_vq_add(v, q, slot, &s, 1, 0);
		vdrv_vq_publish(q);
		vdrv_vq_kick(q);
	}
	settle(q);
	EXPECT_TRUE(nothing_sent(&self->bad));
}

/* Headers that promise what the frame does not hold. */
TEST_F(hostile, lying_headers)
{
	static const struct virtio_net_hdr_v1 lies[] = {
		{ .flags = 0xff },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .csum_start = 0xffff,
		  .csum_offset = 0xffff },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 99, .csum_offset = 16 },
		{ .gso_type = 0x7f, .gso_size = 1 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 0 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1, .hdr_len = 0xffff },
		{ .gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 0xffff, .hdr_len = 54 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		  .gso_size = 1,
		  .csum_start = 34,
		  .csum_offset = 16 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .gso_type = VIRTIO_NET_HDR_GSO_UDP,
		  .gso_size = 8,
		  .csum_start = 34,
		  .csum_offset = 6 },
		{ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		  .gso_type = 5,
		  .gso_size = 1,
		  .csum_start = 34,
		  .csum_offset = 6 },
		{ .gso_type = VIRTIO_NET_HDR_GSO_ECN, .gso_size = 100 },
		{ .flags = VIRTIO_NET_HDR_F_RSC_INFO | VIRTIO_NET_HDR_F_DATA_VALID,
		  .num_buffers = 0xffff },
	};
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1514];
	unsigned int i, kind;

	for (kind = 0; kind < 2; kind++) {
		f.tcp = kind;
		for (i = 0; i < ARRAY_SIZE(lies); i++) {
			f.len = i & 1 ? 1514 : 100;
			netio_frame_make(&f, &h, frame);
			vdrv_send(&self->bad.v, &lies[i], frame, f.len);
		}
	}
	settle(tx(&self->bad));
}

/* A checksum that is to be written over what policy looked at: an address, a port, the flags. */
TEST_F(hostile, misplaced_checksums)
{
	static const struct {
		bool tcp;
		unsigned short start, offset;
	} place[] = {
		{ false, 14, 0 }, { false, 14, 12 }, { false, 14, 14 }, { false, 14, 16 },
		{ false, 34, 0 }, { false, 34, 2 }, { false, 14, 26 }, { true, 34, 2 },
		{ true, 34, 12 }, { true, 14, 32 }, { true, 14, 36 }, { true, 34, 6 },
	};
	struct virtio_net_hdr_v1 h = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 ignored;
	unsigned char frame[100];
	unsigned int i;

	/* Nobody judges what passes a plain tap. */
	if (!rig_is_sluice())
		SKIP(return, "only Sluice has policy");
	for (i = 0; i < ARRAY_SIZE(place); i++) {
		f.tcp = place[i].tcp;
		netio_frame_make(&f, &ignored, frame);
		h.csum_start = place[i].start;
		h.csum_offset = place[i].offset;
		ASSERT_EQ(0, vdrv_send(&self->bad.v, &h, frame, f.len));
		EXPECT_TRUE(nothing_sent(&self->bad)) {
			TH_LOG("start %u offset %u", place[i].start, place[i].offset);
		}
	}
	/* In the payload, as for a tunnel's inner packet, it harms nobody. */
	f.tcp = false;
	netio_frame_make(&f, &ignored, frame);
	h.csum_start = 60;
	h.csum_offset = 6;
	ASSERT_EQ(0, vdrv_send(&self->bad.v, &h, frame, f.len));
	EXPECT_FALSE(nothing_sent(&self->bad));
}

/*
 * A table of indirect descriptors at the start of the first buffer, and a descriptor that points to
 * it.
 */
static struct vring_desc *indirect(struct guest *g, struct raw *r, uint32_t bytes)
{
	struct vdrv_vq *q = tx(g);
	unsigned char *table = q->buf + 4 * q->buf_len;

	*r = (struct raw){ vdrv_addr(&g->v, table), bytes, VRING_DESC_F_INDIRECT, 0 };
	return (struct vring_desc *)table;
}

TEST_F(hostile, indirect_not_negotiated)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r;
	struct vring_desc *t = indirect(&self->bad, &r, 16);
	uint32_t len;

	if (variant->features & VDRV_F_INDIRECT)
		SKIP(return, "it is negotiated");
	t->addr = good_frame(&self->bad, &len);
	t->len = len;
	raw_put(q, &r, 1);
	settle(q);
}

TEST_F(hostile, indirect_of_bad_size)
{
	static const uint32_t bytes[] = { 0, 1, 15, 17, 0xffffffff, 0xfffffff0, 16 * 65537 };
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r;
	unsigned int i;

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "it is not negotiated");
	for (i = 0; i < ARRAY_SIZE(bytes); i++) {
		indirect(&self->bad, &r, bytes[i]);
		raw_put(q, &r, 1);
		EXPECT_TRUE(settle(q)) TH_LOG("table of %u bytes", bytes[i]);
		guest_close(&self->bad);
		ASSERT_EQ(0, guest_open(&self->bad, "slbad0", &self->cfg));
	}
}

TEST_F(hostile, indirect_nested)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r;
	struct vring_desc *t = indirect(&self->bad, &r, 32);

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "it is not negotiated");
	/* Flags lie where a split descriptor has them, and where a packed one has. */
	t[0] = (struct vring_desc){ r.addr, 32, VRING_DESC_F_INDIRECT, VRING_DESC_F_INDIRECT };
	t[1] = t[0];
	raw_put(q, &r, 1);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, indirect_loop)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r;
	struct vring_desc *t = indirect(&self->bad, &r, 32);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);

	if (!(variant->features & VDRV_F_INDIRECT) || q->packed)
		SKIP(return, "there are no links in such a table");
	t[0] = (struct vring_desc){ a, len, VRING_DESC_F_NEXT, 1 };
	t[1] = (struct vring_desc){ a, len, VRING_DESC_F_NEXT, 0 };
	raw_put(q, &r, 1);
	EXPECT_TRUE(settle(q));
	EXPECT_TRUE(nothing_sent(&self->bad));
}

TEST_F(hostile, indirect_table_unmapped)
{
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r = { FAR, 64, VRING_DESC_F_INDIRECT, 0 };

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "it is not negotiated");
	raw_put(q, &r, 1);
	EXPECT_TRUE(stops_or_waits(q));
}

/* A table as long as can be, of descriptors of one byte. */
TEST_F(hostile, indirect_oversize_chain)
{
	struct vdrv_vq *q = tx(&self->bad);
	unsigned int n = 65535, i;
	struct raw r;
	struct vring_desc *t = indirect(&self->bad, &r, n * 16);
	uint32_t len;
	uint64_t a = good_frame(&self->bad, &len);

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "it is not negotiated");
	for (i = 0; i < n; i++)
		t[i] = (struct vring_desc){ a, 1, i + 1 < n ? VRING_DESC_F_NEXT : 0, i + 1 };
	raw_put(q, &r, 1);
	settle(q);
	EXPECT_TRUE(nothing_sent(&self->bad));
}

/* The pages of a ring go away under the device. */
TEST_F(hostile, rings_unmapped)
{
	struct vdrv *v = &self->bad.v;

	ASSERT_EQ(0, guest_ping(&self->bad, 11));
	ASSERT_NE(MAP_FAILED, mmap(v->mem, v->ring_bytes, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	vdrv_kick_always(tx(&self->bad));
	vdrv_kick_always(&v->vq[VDRV_RX]);
	settle(tx(&self->bad));
}

TEST_F(hostile, buffers_unmapped)
{
	struct vdrv *v = &self->bad.v;
	struct vdrv_vq *q = tx(&self->bad);
	struct raw r = { VDRV_GPA_BUF, 200, 0, 0 };
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];

	ASSERT_EQ(0, munmap(v->mem + v->ring_bytes, v->mem_bytes - v->ring_bytes));
	v->mem_bytes = v->ring_bytes;
	raw_put(q, &r, 1);
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, netio_send(self->bad.wire, &h, frame, f.len));
	settle(q);
}

TEST_F(hostile, memory_table_emptied)
{
	struct vhost_memory none = { 0 };
	struct guest *g = &self->bad;
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];

	if (rig_is_vdpa())
		SKIP(return, "the node does not use the table");
	/*
	 * Rings are given by their own addresses: only what they point to is gone, if it is let go
	 * at all.
	 */
	if (ioctl(g->v.fd, VHOST_SET_MEM_TABLE, &none) < 0)
		return;
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, vdrv_send(&g->v, &h, frame, f.len));
	EXPECT_EQ(0, netio_send(g->wire, &h, frame, f.len));
	settle(tx(g));
	EXPECT_TRUE(nothing_sent(g));
}

struct racer {
	struct vdrv *v;
	volatile bool stop;
	uint32_t x;
};

/*
 * Scribble over the rings: flags, lengths, addresses, indices; mostly small changes to what stands
 * there.
 */
static void *race(void *arg)
{
	struct racer *r = arg;
	struct vdrv *v = r->v;
	uint32_t x = r->x;

	while (!r->stop) {
		struct vdrv_vq *q = &v->vq[x & 1];
		unsigned int i = (x >> 8) % q->num;
		void *desc = q->packed ? (void *)&q->pdesc[i] : (void *)&q->desc[i];

		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		switch ((x >> 1) % 6) {
		case 0:
			((volatile uint16_t *)desc)[6] ^= 1 << (x >> 20) % 16;
			break;
		case 1:
			((volatile uint16_t *)desc)[7] ^= 1 << (x >> 20) % 16;
			break;
		case 2:
			((volatile uint32_t *)desc)[2] = x >> (x >> 27);
			break;
		case 3:
			((volatile uint64_t *)desc)[0] ^= 1ULL << (x >> 20) % 64;
			break;
		case 4:
			if (q->packed)
				*(volatile uint16_t *)&q->drv_event->off_wrap = x >> 16;
			else
				q->avail->idx += x >> 28;
			break;
		default:
			((volatile uint32_t *)q->itab)[(x >> 4) % (q->nslot * q->nseg * 4)] ^=
				1 << (x >> 24) % 32;
		}
		if (!(x >> 6 & 63))
			vdrv_kick_always(q);
		if (!(x >> 6 & 1023))
			usleep(100);
	}
	return NULL;
}

TEST_F_TIMEOUT(hostile, racing_rings, 120)
{
	struct virtio_net_hdr_v1 h;
	struct netio_frame f = { .len = 300 };
	unsigned char frame[300];
	unsigned int round, i;
	pthread_t t;

	netio_frame_make(&f, &h, frame);
	for (round = 0; round < 8; round++) {
		struct racer r = { .v = &self->bad.v, .x = 77 + round };

		ASSERT_EQ(0, pthread_create(&t, NULL, race, &r));
		for (i = 0; i < 100; i++) {
			vdrv_send(&self->bad.v, &h, frame, f.len);
			netio_send(self->bad.wire, &h, frame, f.len);
			usleep(1000);
		}
		EXPECT_EQ(0, guest_ping(&self->good, 100 + round * 2));
		r.stop = true;
		pthread_join(t, NULL);
		guest_close(&self->bad);
		ASSERT_EQ(0, guest_open(&self->bad, "slbad0", &self->cfg));
	}
}

/* Memory slots come and go while frames flow both ways. */
TEST_F_TIMEOUT(hostile, memory_table_under_load, 120)
{
	struct vhost_memory none = { 0 };
	struct virtio_net_hdr_v1 h;
	struct netio_frame f = { .len = 300 };
	unsigned char frame[300];
	unsigned int i;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 500; i++) {
		vdrv_send(&self->bad.v, &h, frame, f.len);
		netio_send(self->bad.wire, &h, frame, f.len);
		if (i % 5 == 0)
			vdrv_set_mem(&self->bad.v);
		if (i % 100 == 99) {
			ioctl(self->bad.v.fd, VHOST_SET_MEM_TABLE, &none);
			vdrv_send(&self->bad.v, &h, frame, f.len);
			usleep(1000);
			vdrv_set_mem(&self->bad.v);
			EXPECT_EQ(0, guest_ping(&self->good, i));
		}
	}
}

TEST_HARNESS_MAIN
