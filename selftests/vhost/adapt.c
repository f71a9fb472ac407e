// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that takes finished frames only, and what another sends it: each frame is segmented or
 * summed on its way, whatever does not fit the ring waits, and nothing is lost.
 */
#include <arpa/inet.h>
#include "kselftest_harness.h"
#include "rig.h"

#define ROOM	(64 * 1024 + 256)
#define FROM	"slfrom0"
#define TO	"slto0"
#define BURST	64	/* what one visit to a ring takes */

/* Two ports and a wire; the receiver has few buffers. */
FIXTURE(adapt)
{
	struct guest from;
	struct guest to;
	unsigned char *frame;
	unsigned char *want;
	unsigned char *got;
};

FIXTURE_VARIANT(adapt)
{
	uint64_t features;
	uint32_t rx_buf;
};

FIXTURE_VARIANT_ADD(adapt, split) {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF,
};

FIXTURE_VARIANT_ADD(adapt, packed) {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_PACKED | VDRV_F_EVENT_IDX,
};

/* Several buffers for each segment. */
FIXTURE_VARIANT_ADD(adapt, small_buffers) {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
	.rx_buf = 128,
};

/* One for each, however short. */
FIXTURE_VARIANT_ADD(adapt, whole_buffers) {
	.features = VDRV_F_VERSION_1,
};

FIXTURE_SETUP(adapt)
{
	struct vdrv_cfg from = { .features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF };
	struct vdrv_cfg to = {
		.features = variant->features,
		.num = 16,
		.rx_buf = variant->rx_buf,
	};

	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "only Sluice's ports can be wired");
	self->frame = malloc(ROOM);
	self->want = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_EQ(0, guest_open(&self->from, FROM, &from));
	ASSERT_EQ(0, guest_open(&self->to, TO, &to));
	ASSERT_EQ(0, guest_no_offload(&self->to));
	ASSERT_EQ(0, netio_run("sluice wire add " FROM " " TO));
}

FIXTURE_TEARDOWN(adapt)
{
	guest_close(&self->to);
	guest_close(&self->from);
	free(self->frame);
	free(self->want);
	free(self->got);
}

static void add16(unsigned char *at, uint16_t n)
{
	uint16_t v = (at[0] << 8 | at[1]) + n;

	at[0] = v >> 8;
	at[1] = v;
}

/* What the @i-th segment must be, but for its checksums. Returns its length. */
static size_t make_segment(const struct netio_frame *f, const unsigned char *frame, size_t payload,
			   unsigned int i, unsigned char *seg)
{
	size_t at = payload + (size_t)i * f->mss, n = f->len - at < f->mss ? f->len - at : f->mss;
	unsigned char *ip = seg + NETIO_ETHER, *l4 = ip + (f->ipv6 ? 40 : 20);
	uint32_t seq;

	memcpy(seg, frame, payload);
	memcpy(seg + payload, frame + at, n);
	add16(ip + (f->ipv6 ? 4 : 2), payload + n - f->len);
	if (!f->ipv6)
		add16(ip + 4, i);
	if (f->tcp) {
		memcpy(&seq, l4 + 4, 4);
		seq = htonl(ntohl(seq) + i * f->mss);
		memcpy(l4 + 4, &seq, 4);
	} else {
		add16(l4 + 4, payload + n - f->len);
	}
	return payload + n;
}

static bool ip_csum_ok(const unsigned char *ip)
{
	uint32_t sum = 0;
	int i;

	for (i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

/* @seg was received in place of @want, which has no checksums: these are compared by sum. */
static bool segment_ok(const struct netio_frame *f, const unsigned char *seg, unsigned char *want,
		       size_t len)
{
	size_t l4 = NETIO_ETHER + (f->ipv6 ? 40 : 20);

	if (!netio_frame_csum_ok(seg, len) || (!f->ipv6 && !ip_csum_ok(seg + NETIO_ETHER)))
		return false;
	if (!f->ipv6)
		memcpy(want + NETIO_ETHER + 10, seg + NETIO_ETHER + 10, 2);
	memcpy(want + l4 + (f->tcp ? 16 : 6), seg + l4 + (f->tcp ? 16 : 6), 2);
	return !memcmp(want, seg, len);
}

/* Receive @f, whose frame is @frame, segment by segment. Returns how many there were, or -errno. */
static int receive(struct guest *g, const struct netio_frame *f, const unsigned char *frame,
		   unsigned char *want, unsigned char *got)
{
	size_t payload = netio_frame_payload(frame, f->len), len;
	unsigned int i, nr = f->mss ? (f->len - payload + f->mss - 1) / f->mss : 1;
	struct netio_frame whole = *f;
	struct virtio_net_hdr_v1 h;
	int n;

	if (!whole.mss)
		whole.mss = f->len;
	for (i = 0; i < nr; i++) {
		len = make_segment(&whole, frame, payload, i, want);
		n = vdrv_recv(&g->v, &h, got, ROOM, 5000);
		if (n != (int)len || h.gso_type || h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM ||
		    !segment_ok(f, got, want, len)) {
			printf("# segment %u of %u: %d bytes, not %zu, or others\n", i, nr, n, len);
			return n < 0 ? n : -EBADMSG;
		}
	}
	return nr;
}

static int send_frame(struct guest *g, const struct netio_frame *f, unsigned char *frame)
{
	struct virtio_net_hdr_v1 h;
	int ret = netio_frame_make(f, &h, frame);

	if (ret < 0)
		return ret;
	ret = vdrv_drain_tx(&g->v, 5000);
	return ret ? ret : vdrv_send(&g->v, &h, frame, f->len);
}

/* Look whether a buffer came back, and keep it. */
static bool used(struct vdrv_vq *q)
{
	uint32_t id, len;

	return vdrv_vq_used(q, &id, &len);
}

/* Issue 9, 1.5: a hundred segments for sixteen buffers; and several such frames in a row. */
TEST_F(adapt, hundred_segments)
{
	struct netio_frame f = { .len = 54 + 100 * 600, .tcp = true, .mss = 600 };
	unsigned int i;

	for (i = 0; i < 5; i++) {
		f.seed = i;
		ASSERT_EQ(0, send_frame(&self->from, &f, self->frame));
	}
	for (i = 0; i < 5; i++) {
		struct virtio_net_hdr_v1 h;

		f.seed = i;
		netio_frame_make(&f, &h, self->frame);
		ASSERT_EQ(100, receive(&self->to, &f, self->frame, self->want, self->got));
	}
	EXPECT_EQ(0, netio_drops(TO, "rx-full"));
}

/* Every kind; and segments so short that there are more than one visit takes. */
TEST_F(adapt, all_kinds)
{
	static const uint16_t sizes[] = { 48, 100, 536, 1000, 1023, 1024, 1400 };
	unsigned int kind, i;

	for (kind = 0; kind < 4; kind++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct netio_frame f = {
				.len = 65000 + kind,
				.tcp = kind & 1,
				.ipv6 = kind & 2,
				.mss = sizes[i],
				.seed = kind,
			};

			/* The kernel takes no more of UDP. */
			if (!f.tcp && f.len / f.mss > 127)
				continue;
			ASSERT_EQ(0, send_frame(&self->from, &f, self->frame));
			ASSERT_LT(0, receive(&self->to, &f, self->frame, self->want, self->got))
			{
				TH_LOG("tcp %d v6 %d mss %u", f.tcp, f.ipv6, f.mss);
			}
		}
	}
}

/* Where the last part has one segment, a full one, or is cut off by a byte. */
TEST_F(adapt, edges)
{
	static const size_t rest[] = { 1, 99, 100, 101, 199, 200 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rest); i++) {
		struct netio_frame f = {
			.len = 54 + 2 * BURST * 100 + rest[i],
			.tcp = true,
			.mss = 100,
			.seed = i,
		};

		ASSERT_EQ(0, send_frame(&self->from, &f, self->frame));
		ASSERT_LT(0, receive(&self->to, &f, self->frame, self->want, self->got));
	}
}

/* Small frames that only lack their checksum: many more than there are buffers. */
TEST_F(adapt, small_partial)
{
	struct netio_frame f = { .len = 100, .partial = true };
	struct virtio_net_hdr_v1 h;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		f.seed = i;
		ASSERT_EQ(0, send_frame(&self->from, &f, self->frame));
	}
	for (i = 0; i < 200; i++) {
		f.seed = i;
		netio_frame_make(&f, &h, self->frame);
		ASSERT_EQ(1, receive(&self->to, &f, self->frame, self->want, self->got));
	}
	EXPECT_EQ(0, netio_drops(TO, "rx-full"));
}

/* What waits is lost when the ring is stopped, and counted, segments yet to be made as well. */
TEST_F(adapt, stopped)
{
	struct netio_frame f = { .len = 65000, .tcp = true, .mss = 48 };
	unsigned int i, nr;

	ASSERT_EQ(0, send_frame(&self->from, &f, self->frame));
	ASSERT_EQ(0, vdrv_drain_tx(&self->from.v, 5000));
	/* The frame waits when the last buffer is used. */
	for (i = 0; i < self->to.v.vq[VDRV_RX].nslot; i += used(&self->to.v.vq[VDRV_RX]))
		;
	nr = (f.len - netio_frame_payload(self->frame, f.len) + f.mss - 1) / f.mss;
	ASSERT_EQ(0, vdrv_stop(&self->to.v));
	EXPECT_EQ(nr - i, netio_drops(TO, "rx-down"));
}

TEST_HARNESS_MAIN
