// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames of all sizes and kinds between a guest's rings and a port's netdev, over every layout of a
 * ring.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define ROOM	(64 * 1024 + 256)

static const size_t sizes[] = {
	60,  61,  64,	127,  128,  129,  255,	256,  511,
	512, 513, 1000, 1023, 1024, 1499, 1500, 1513, 1514,
};

static const size_t gso_sizes[] = { 1515, 2048,	 2049,	4095,  4096,  4097,
				    9000, 16384, 32768, 65000, 65535, 65549 };

FIXTURE(data)
{
	struct guest g;
	unsigned char *frame;
	unsigned char *got;
};

FIXTURE_VARIANT(data)
{
	uint64_t features;
	uint32_t rx_seg;
	uint32_t tx_seg;
	bool hdr_alone;
};

#define BASE		VDRV_F_VERSION_1

FIXTURE_VARIANT_ADD(data, legacy) {
	.features = 0,
};

FIXTURE_VARIANT_ADD(data, legacy_mrg) {
	.features = VDRV_F_MRG_RXBUF,
};

FIXTURE_VARIANT_ADD(data, split) {
	.features = BASE,
};

FIXTURE_VARIANT_ADD(data, split_chain) {
	.features = BASE,
	.rx_seg = 4096,
	.tx_seg = 2048,
	.hdr_alone = true,
};

FIXTURE_VARIANT_ADD(data, split_ind) {
	.features = BASE | VDRV_F_INDIRECT,
	.rx_seg = 4096,
	.tx_seg = 2048,
	.hdr_alone = true,
};

FIXTURE_VARIANT_ADD(data, split_event) {
	.features = BASE | VDRV_F_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(data, split_ind_event) {
	.features = BASE | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.rx_seg = 4096,
	.tx_seg = 4096,
};

FIXTURE_VARIANT_ADD(data, split_mrg) {
	.features = BASE | VDRV_F_MRG_RXBUF,
};

FIXTURE_VARIANT_ADD(data, split_mrg_ind) {
	.features = BASE | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT,
	.tx_seg = 2048,
	.hdr_alone = true,
};

FIXTURE_VARIANT_ADD(data, split_mrg_event) {
	.features = BASE | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
	.tx_seg = 1100,
};

FIXTURE_VARIANT_ADD(data, split_all) {
	.features = BASE | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.rx_seg = 512,
	.tx_seg = 1500,
};

FIXTURE_VARIANT_ADD(data, packed) {
	.features = BASE | VDRV_F_PACKED,
};

FIXTURE_VARIANT_ADD(data, packed_chain) {
	.features = BASE | VDRV_F_PACKED,
	.rx_seg = 4096,
	.tx_seg = 2048,
	.hdr_alone = true,
};

FIXTURE_VARIANT_ADD(data, packed_ind) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_INDIRECT,
	.rx_seg = 4096,
	.tx_seg = 2048,
	.hdr_alone = true,
};

FIXTURE_VARIANT_ADD(data, packed_event) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(data, packed_ind_event) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.rx_seg = 4096,
	.tx_seg = 4096,
};

FIXTURE_VARIANT_ADD(data, packed_mrg) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_MRG_RXBUF,
};

FIXTURE_VARIANT_ADD(data, packed_mrg_ind) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT,
	.tx_seg = 2048,
	.hdr_alone = true,
};

FIXTURE_VARIANT_ADD(data, packed_mrg_event) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
	.tx_seg = 1100,
};

FIXTURE_VARIANT_ADD(data, packed_all) {
	.features = BASE | VDRV_F_PACKED | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.rx_seg = 512,
	.tx_seg = 1500,
};

FIXTURE_SETUP(data)
{
	struct vdrv_cfg cfg = {
		.features = variant->features,
		.rx_seg = variant->rx_seg,
		.tx_seg = variant->tx_seg,
		.hdr_alone = variant->hdr_alone,
	};

	if (variant->features & ~rig_features())
		SKIP(return, "the node does not offer these features");
	if (!(variant->features & VDRV_F_VERSION_1) && !rig_has_legacy())
		SKIP(return, "the node has no legacy interface");
	self->frame = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &cfg));
}

FIXTURE_TEARDOWN(data)
{
	guest_close(&self->g);
	free(self->frame);
	free(self->got);
}

/* What a frame's checksum must look like, after whatever completed it or did not. */
static bool csum_ok(const struct virtio_net_hdr_v1 *h, const unsigned char *frame, size_t len)
{
	return (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || netio_frame_csum_ok(frame, len);
}

static int to_host(struct __test_metadata *_metadata, struct guest *g, const struct netio_frame *f,
		   unsigned char *frame, unsigned char *got)
{
	struct virtio_net_hdr_v1 h, back;
	size_t payload;
	int n;

	EXPECT_EQ((int)f->len, netio_frame_make(f, &h, frame));
	EXPECT_EQ(0, vdrv_send(&g->v, &h, frame, f->len));
	n = netio_recv(g->wire, &back, got, ROOM, 2000);
	EXPECT_EQ((int)f->len, n)
	{
		TH_LOG("to host: len %zu tcp %d v6 %d mss %u", f->len, f->tcp, f->ipv6, f->mss);
		return -1;
	}
	payload = netio_frame_payload(frame, n);
	EXPECT_EQ(0, memcmp(frame + payload, got + payload, n - payload));
	EXPECT_TRUE(csum_ok(&back, got, n));
	EXPECT_EQ(h.gso_type, back.gso_type);
	EXPECT_EQ(h.gso_size, back.gso_size);
	return 0;
}

static int to_guest(struct __test_metadata *_metadata, struct guest *g, const struct netio_frame *f,
		    unsigned char *frame, unsigned char *got)
{
	struct virtio_net_hdr_v1 h, back;
	size_t payload;
	int n;

	EXPECT_EQ((int)f->len, netio_frame_make(f, &h, frame));
	EXPECT_EQ(0, netio_send(g->wire, &h, frame, f->len))
	{
		TH_LOG("to guest: len %zu tcp %d v6 %d mss %u", f->len, f->tcp, f->ipv6, f->mss);
		return -1;
	}
	n = vdrv_recv(&g->v, &back, got, ROOM, 2000);
	EXPECT_EQ((int)f->len, n)
	{
		TH_LOG("to guest: len %zu tcp %d v6 %d mss %u", f->len, f->tcp, f->ipv6, f->mss);
		return -1;
	}
	payload = netio_frame_payload(frame, n);
	EXPECT_EQ(0, memcmp(frame + payload, got + payload, n - payload));
	EXPECT_TRUE(csum_ok(&back, got, n));
	EXPECT_EQ(h.gso_type, back.gso_type);
	EXPECT_EQ(h.gso_size, back.gso_size);
	return 0;
}

typedef int (*way_fn)(struct __test_metadata *_metadata, struct guest *g,
		      const struct netio_frame *f, unsigned char *frame, unsigned char *got);

static void all_sizes(struct __test_metadata *_metadata, struct guest *g, unsigned char *frame,
		      unsigned char *got, way_fn way)
{
	unsigned int kind, i;

	for (kind = 0; kind < 8; kind++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct netio_frame f = {
				.len = sizes[i],
				.seed = i * 8 + kind,
				.tcp = kind & 1,
				.ipv6 = kind & 2,
				.partial = kind & 4,
			};

			if (f.ipv6 && f.tcp && f.len < 74)
				continue;
			if (f.ipv6 && f.len < 62)
				continue;
			if (way(_metadata, g, &f, frame, got))
				return;
		}
	}
}

static void all_gso(struct __test_metadata *_metadata, struct guest *g, unsigned char *frame,
		    unsigned char *got, way_fn way)
{
	unsigned int kind, i;

	for (kind = 0; kind < 4; kind++) {
		for (i = 0; i < ARRAY_SIZE(gso_sizes); i++) {
			struct netio_frame f = {
				.len = gso_sizes[i],
				.seed = i,
				.mss = 1400,
				.tcp = kind & 1,
				.ipv6 = kind & 2,
			};

			/*
			 * More than a netdev takes in one piece is segmented before it gets
			 * there.
			 */
			if (way == to_guest && f.len > 65535)
				continue;
			if (way(_metadata, g, &f, frame, got))
				return;
		}
	}
}

TEST_F(data, sizes_to_host)
{
	all_sizes(_metadata, &self->g, self->frame, self->got, to_host);
}

TEST_F(data, sizes_to_guest)
{
	all_sizes(_metadata, &self->g, self->frame, self->got, to_guest);
}

TEST_F(data, gso_to_host)
{
	all_gso(_metadata, &self->g, self->frame, self->got, to_host);
}

TEST_F(data, gso_to_guest)
{
	all_gso(_metadata, &self->g, self->frame, self->got, to_guest);
}

/* Many in a row, so that indices and wrap counters go round several times; in order, none lost. */
TEST_F(data, laps)
{
	struct virtio_net_hdr_v1 h;
	unsigned int i, k, n = 0;
	size_t p;

	for (i = 0; i < 2000; i += k) {
		for (k = 0; k < 16; k++) {
			struct netio_frame f = { .len = 100 + (i + k) % 1000, .sport = i + k + 1 };

			netio_frame_make(&f, &h, self->frame);
			if (!self->g.v.vq[VDRV_TX].nfree)
				ASSERT_EQ(0, vdrv_drain_tx(&self->g.v, 5000));
			ASSERT_EQ(0, vdrv_send(&self->g.v, &h, self->frame, f.len));
		}
		ASSERT_EQ(0, vdrv_drain_tx(&self->g.v, 5000));
		for (k = 0; k < 16; k++) {
			ASSERT_EQ(100 + (int)n % 1000,
				  netio_recv(self->g.wire, &h, self->got, ROOM, 2000));
			p = netio_frame_payload(self->got, 100 + n % 1000) - 8;
			ASSERT_EQ(n + 1, (unsigned int)(self->got[p] << 8 | self->got[p + 1]));
			n++;
			ASSERT_EQ(0, netio_send(self->g.wire, &h, self->got, 100 + (n - 1) % 1000));
		}
		for (k = 0; k < 16; k++)
			ASSERT_EQ(100 + (int)(n - 16 + k) % 1000,
				  vdrv_recv(&self->g.v, &h, self->got, ROOM, 2000));
	}
}

/*
 * A guest that takes no offloads gets segments with checksums, and never more than its wire's
 * size.
 */
TEST_F(data, no_offload)
{
	struct netio_frame f = { .len = 9000, .tcp = true, .mss = 1400 };
	struct virtio_net_hdr_v1 h;
	int n, left = 9000 - 54;

	ASSERT_EQ(0, guest_no_offload(&self->g));
	netio_frame_make(&f, &h, self->frame);
	ASSERT_EQ(0, netio_send(self->g.wire, &h, self->frame, f.len));
	while (left > 0) {
		n = vdrv_recv(&self->g.v, &h, self->got, ROOM, 2000);
		ASSERT_GT(n, 54);
		EXPECT_LE(n, 1454);
		EXPECT_EQ(0, h.gso_type);
		EXPECT_EQ(0, h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
		EXPECT_TRUE(netio_frame_csum_ok(self->got, n));
		left -= n - 54;
	}
	EXPECT_EQ(0, left);
}

TEST_HARNESS_MAIN
