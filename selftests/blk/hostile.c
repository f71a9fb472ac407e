// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that make no sense: each is answered with the status that the specification has for it,
 * or stops the ring. Neither hangs, and what follows works.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define SIZE	(8 * MB)
#define SECTORS	(SIZE / 512)
#define END	4096	/* bytes of data that a case may use */

/* Beside the statuses. */
#define STOPPED	0x100

FIXTURE(hostile)
{
	struct disk d;
	struct vdrv_vq *q;
};

FIXTURE_VARIANT(hostile)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(hostile, split) { .features = VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };
FIXTURE_VARIANT_ADD(hostile, split_plain) { .features = 0 };
FIXTURE_VARIANT_ADD(hostile, packed) {
	.features = VDRV_F_PACKED | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };
FIXTURE_VARIANT_ADD(hostile, packed_plain) { .features = VDRV_F_PACKED };

static const struct vdrv_cfg common = { .num = 64, .disk_buf = 64 * KB, .disk_seg = 24 };

FIXTURE_SETUP(hostile)
{
	struct vdrv_cfg cfg = common;

	ASSERT_EQ(0, rig_null_add(NAME, "size=8 discard=1"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, ""));
	cfg.features = DISK_FEATURES | VBLK_F(DISCARD) | variant->features;
	ASSERT_EQ(0, disk_open(&self->d, NAME, &cfg));
	self->q = &self->d.v.vq[0];
}

FIXTURE_TEARDOWN(hostile)
{
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
}

/* The next slot's number, without taking it. */
static unsigned int peek_slot(const struct vdrv_vq *q)
{
	return q->free[q->nfree - 1];
}

static struct vdrv_seg part(struct disk *d, uint32_t off, uint32_t len)
{
	struct vdrv_vq *q = &d->v.vq[0];

	return (struct vdrv_seg){ vdrv_addr(&d->v, vblk_at(q, peek_slot(q), off)), len };
}

static void header(struct disk *d, uint32_t type, uint64_t sector)
{
	const struct virtio_blk_outhdr hdr = { .type = type, .sector = sector };
	struct vdrv_vq *q = &d->v.vq[0];

	memcpy(vblk_at(q, peek_slot(q), VBLK_HDR), &hdr, sizeof(hdr));
}

/* Status of a raw request, or STOPPED; -ETIMEDOUT for neither. */
static int answer(struct disk *d, const struct vdrv_seg *seg, unsigned int out, unsigned int in)
{
	struct vdrv_vq *q = &d->v.vq[0];
	struct vblk_done done;
	int i, ret;

	ret = vblk_raw(&d->v, q, seg, out, in);
	if (ret < 0)
		return ret;
	for (i = 0; i < 1000; i++) {
		ret = vblk_wait(q, &done, 20);
		if (ret < 0)
			return ret;
		if (ret) {
			vdrv_vq_release(q, done.slot);
			return done.status;
		}
		if (vdrv_vq_broken(q))
			return STOPPED;
	}
	return -ETIMEDOUT;
}

/* Does it still work; after a reset, if the ring was stopped? */
static int works(struct disk *d)
{
	unsigned char data[512];
	int ret = vdrv_vq_broken(&d->v.vq[0]) ? disk_reopen(d) : 0;

	return ret ?: disk_read(d, 0, data, sizeof(data));
}

/* Header, data that the device reads, data that it writes, status. */
static int ask(struct disk *d, uint32_t type, uint64_t sector, uint32_t out, uint32_t in)
{
	struct vdrv_seg seg[4];
	unsigned int n = 0, nr_out;

	header(d, type, sector);
	seg[n++] = part(d, VBLK_HDR, sizeof(struct virtio_blk_outhdr));
	if (out)
		seg[n++] = part(d, VBLK_DATA, out);
	nr_out = n;
	if (in)
		seg[n++] = part(d, VBLK_DATA, in);
	seg[n++] = part(d, VBLK_STATUS, 1);
	return answer(d, seg, nr_out, n - nr_out);
}

TEST_F_TIMEOUT(hostile, out_of_bounds, 120)
{
	static const struct {
		uint64_t sector;
		uint32_t len;
	} cases[] = {
		{ SECTORS, 512 }, { SECTORS - 1, 1024 }, { SECTORS + 1, 512 }, { ~0ULL, 512 },
		{ ~0ULL, 1024 }, { ~0ULL - 6, 4096 }, { 1ULL << 63, 512 }, { 1ULL << 55, 512 },
		{ (1ULL << 55) - 1, 4096 }, { 1ULL << 32, 512 }, { 0, 100 }, { 0, 513 }, { 8, 1 },
		{ 0, 511 }, { 0, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(VIRTIO_BLK_S_IOERR,
			  ask(&self->d, VIRTIO_BLK_T_IN, cases[i].sector, 0, cases[i].len)) {
			TH_LOG("read: case %u", i);
		}
		EXPECT_EQ(VIRTIO_BLK_S_IOERR,
			  ask(&self->d, VIRTIO_BLK_T_OUT, cases[i].sector, cases[i].len, 0)) {
			TH_LOG("write: case %u", i);
		}
	}
	EXPECT_EQ(0, works(&self->d));
}

TEST_F_TIMEOUT(hostile, types, 120)
{
	static const uint32_t types[] = {
		2, 3, 5, 6, 7, 9, 12, 14, 16, 0x77, 0x80000000, 0x80000001, ~0U,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ask(&self->d, types[i], 0, 512, 0));
		EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ask(&self->d, types[i], 0, 0, 512));
		EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ask(&self->d, types[i], 0, 0, 0));
	}
	/* Not offered, so not there. */
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ask(&self->d, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ask(&self->d, VIRTIO_BLK_T_SECURE_ERASE, 0, 16, 0));
	EXPECT_EQ(0, works(&self->d));
}

/* Data where none belongs, and the other way round. */
TEST_F_TIMEOUT(hostile, directions, 120)
{
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ask(&self->d, VIRTIO_BLK_T_IN, 0, 512, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ask(&self->d, VIRTIO_BLK_T_OUT, 0, 0, 512));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ask(&self->d, VIRTIO_BLK_T_GET_ID, 0, 20, 0));
	EXPECT_EQ(VIRTIO_BLK_S_OK, ask(&self->d, VIRTIO_BLK_T_GET_ID, 0, 0, 4));
	EXPECT_EQ(VIRTIO_BLK_S_OK, ask(&self->d, VIRTIO_BLK_T_GET_ID, 0, 0, END));
	EXPECT_EQ(VIRTIO_BLK_S_OK, ask(&self->d, VIRTIO_BLK_T_FLUSH, ~0ULL, 512, 0));
	EXPECT_EQ(0, works(&self->d));
}

static int ranges(struct disk *d, const struct virtio_blk_discard_write_zeroes *range,
		  uint32_t bytes)
{
	struct vdrv_vq *q = &d->v.vq[0];

	memcpy(vblk_at(q, peek_slot(q), VBLK_DATA), range, bytes);
	return ask(d, VIRTIO_BLK_T_DISCARD, 0, bytes, 0);
}

TEST_F_TIMEOUT(hostile, discards, 120)
{
	struct virtio_blk_discard_write_zeroes r[64] = { { .num_sectors = 8 } };
	static const struct virtio_blk_discard_write_zeroes bad[] = {
		{ .sector = SECTORS, .num_sectors = 8 },
		{ .sector = SECTORS - 4, .num_sectors = 8 },
		{ .sector = ~0ULL, .num_sectors = 8 }, { .sector = 0, .num_sectors = ~0U },
		{ .sector = 0, .num_sectors = 0 },
	};
	unsigned int i;

	EXPECT_EQ(VIRTIO_BLK_S_OK, ranges(&self->d, r, sizeof(*r)));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(VIRTIO_BLK_S_IOERR, ranges(&self->d, &bad[i], sizeof(*bad)));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ranges(&self->d, r, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ranges(&self->d, r, 15));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ranges(&self->d, r, 17));
	for (i = 1; i < 64; i++)
		r[i] = r[0];
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, ranges(&self->d, r, sizeof(r)));
	/* Flags that mean nothing here. */
	r[0].flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ranges(&self->d, r, sizeof(*r)));
	r[0].flags = 0x80000000;
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ranges(&self->d, r, sizeof(*r)));
	EXPECT_EQ(0, works(&self->d));
}

/* Where there is no room for an answer, or no question, the ring is stopped. */
TEST_F_TIMEOUT(hostile, no_header_no_status, 120)
{
	struct vdrv_seg seg[4];

	header(&self->d, VIRTIO_BLK_T_IN, 0);
	seg[0] = part(&self->d, VBLK_HDR, 15);
	seg[1] = part(&self->d, VBLK_DATA, 512);
	seg[2] = part(&self->d, VBLK_STATUS, 1);
	EXPECT_EQ(STOPPED, answer(&self->d, seg, 1, 2));
	ASSERT_EQ(0, works(&self->d));
	/* Nothing to read at all. */
	seg[0] = part(&self->d, VBLK_DATA, 512);
	seg[1] = part(&self->d, VBLK_STATUS, 1);
	EXPECT_EQ(STOPPED, answer(&self->d, seg, 0, 2));
	ASSERT_EQ(0, works(&self->d));
	/* Nothing to write. */
	header(&self->d, VIRTIO_BLK_T_OUT, 0);
	seg[0] = part(&self->d, VBLK_HDR, 16);
	seg[1] = part(&self->d, VBLK_DATA, 512);
	EXPECT_EQ(STOPPED, answer(&self->d, seg, 2, 0));
	EXPECT_EQ(0, works(&self->d));
}

/* A request is bytes: where descriptors end does not matter (virtio 1.2, 2.6.4). */
TEST_F_TIMEOUT(hostile, framing, 120)
{
	unsigned char *data = rig_alloc(1024), *copy = rig_alloc(1024);
	struct vdrv_seg seg[20];
	struct vdrv_vq *q = self->q;
	unsigned int i, slot;

	rig_pattern(data, 1024, 0, 7);
	ASSERT_EQ(0, disk_write(&self->d, 8, data, 1024));
	/* The status behind the data, in its descriptor. */
	header(&self->d, VIRTIO_BLK_T_IN, 8);
	slot = peek_slot(q);
	seg[0] = part(&self->d, VBLK_HDR, 16);
	seg[1] = part(&self->d, VBLK_DATA, 1025);
	memset(vblk_at(q, slot, VBLK_DATA), VBLK_UNANSWERED, 1025);
	*(unsigned char *)vblk_at(q, slot, VBLK_STATUS) = 0;
	answer(&self->d, seg, 1, 1);
	EXPECT_EQ(0, memcmp(vblk_at(q, slot, VBLK_DATA), data, 1024));
	EXPECT_EQ(VIRTIO_BLK_S_OK, *(unsigned char *)vblk_at(q, slot, VBLK_DATA + 1024));

	/* Header and data in one, the status alone. */
	rig_pattern(data, 1024, 0, 8);
	header(&self->d, VIRTIO_BLK_T_OUT, 16);
	slot = peek_slot(q);
	memcpy(vblk_at(q, slot, VBLK_DATA), vblk_at(q, slot, VBLK_HDR), 16);
	memcpy(vblk_at(q, slot, VBLK_DATA + 16), data, 512);
	memcpy(vblk_at(q, slot, VBLK_DATA + 1024), data + 512, 512);
	seg[0] = part(&self->d, VBLK_DATA, 16 + 512);
	seg[1] = part(&self->d, VBLK_DATA + 1024, 512);
	seg[2] = part(&self->d, VBLK_DATA + 2048, 1);
	*(unsigned char *)vblk_at(q, slot, VBLK_DATA + 2048) = VBLK_UNANSWERED;
	answer(&self->d, seg, 2, 1);
	EXPECT_EQ(VIRTIO_BLK_S_OK, *(unsigned char *)vblk_at(q, slot, VBLK_DATA + 2048));
	ASSERT_EQ(0, disk_read(&self->d, 16, copy, 1024));
	EXPECT_EQ(0, memcmp(data, copy, 1024));

	/* A header of single bytes. */
	header(&self->d, VIRTIO_BLK_T_IN, 8);
	for (i = 0; i < 16; i++)
		seg[i] = part(&self->d, VBLK_HDR + i, 1);
	seg[16] = part(&self->d, VBLK_DATA, 1024);
	seg[17] = part(&self->d, VBLK_STATUS, 1);
	EXPECT_EQ(VIRTIO_BLK_S_OK, answer(&self->d, seg, 16, 2));
	EXPECT_EQ(0, works(&self->d));
	free(data);
	free(copy);
}

/* Memory that is not there: the request waits, and whoever stops the device gets it back. */
TEST_F_TIMEOUT(hostile, unmapped, 120)
{
	struct vdrv_seg seg[3];
	struct vblk_done done;

	header(&self->d, VIRTIO_BLK_T_IN, 0);
	seg[0] = part(&self->d, VBLK_HDR, 16);
	seg[1] = (struct vdrv_seg){ 0xdead000, 512 };
	seg[2] = part(&self->d, VBLK_STATUS, 1);
	ASSERT_GE(vblk_raw(&self->d.v, self->q, seg, 1, 2), 0);
	EXPECT_EQ(0, vblk_wait(self->q, &done, 200));
	EXPECT_FALSE(vdrv_vq_broken(self->q));
	EXPECT_EQ(0, vdrv_stop(&self->d.v));
	EXPECT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(0, works(&self->d));
}

/* The first index entry, or descriptor, leads nowhere. */
TEST_F_TIMEOUT(hostile, rings, 120)
{
	struct vdrv_vq *q = self->q;
	struct vdrv_seg seg = part(&self->d, VBLK_HDR, 16);
	unsigned int i;

	if (q->packed) {
		/* A chain that has no end. */
		for (i = 0; i < q->num; i++) {
			q->pdesc[i] = (struct vring_packed_desc){
				.addr = seg.addr, .len = seg.len,
				.flags = VRING_DESC_F_NEXT | 1 << VRING_PACKED_DESC_F_AVAIL };
		}
	} else {
		q->desc[0] = (struct vring_desc){
			.addr = seg.addr, .len = seg.len, .flags = VRING_DESC_F_NEXT, .next = 0 };
		q->avail->ring[0] = 0;
		__atomic_store_n(&q->avail->idx, 1, __ATOMIC_RELEASE);
	}
	vdrv_kick_always(q);
	for (i = 0; i < 1000 && !vdrv_vq_broken(q); i++)
		usleep(20000);
	EXPECT_TRUE(vdrv_vq_broken(q));
	EXPECT_EQ(0, works(&self->d));
}

/* As many descriptors as a chain may have, and more. */
TEST_F_TIMEOUT(hostile, long_chains, 120)
{
	static const unsigned int lens[] = { 512, 1023, 1024, 1025, 1500 };
	struct vdrv_seg *seg = calloc(2048, sizeof(*seg));
	unsigned int i, k;
	int ret;

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "a ring of so many entries is none of these");
	self->d.cfg.disk_seg = 2048;
	ASSERT_EQ(0, disk_reopen(&self->d));
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		header(&self->d, VIRTIO_BLK_T_IN, 0);
		seg[0] = part(&self->d, VBLK_HDR, 16);
		for (k = 1; k < lens[i] - 1; k++)
			seg[k] = part(&self->d, VBLK_DATA + k % 8 * 512, 512);
		seg[k] = part(&self->d, VBLK_STATUS, 1);
		ret = answer(&self->d, seg, 1, lens[i] - 1);
		/* More segments than are offered, but no more than can be. */
		EXPECT_EQ(lens[i] > 1024 ? STOPPED : VIRTIO_BLK_S_OK, ret) {
			TH_LOG("%u descriptors", lens[i]);
		}
		ASSERT_EQ(0, works(&self->d));
	}
	free(seg);
}

/* More data than a driver may ask for that heard of the bound (size_max): served, in parts. */
TEST_F_TIMEOUT(hostile, too_much, 120)
{
	struct vdrv_seg seg[24];
	unsigned int i;

	header(&self->d, VIRTIO_BLK_T_OUT, 0);
	seg[0] = part(&self->d, VBLK_HDR, 16);
	/* Twenty-one times the same bytes, of all of the buffers. */
	for (i = 1; i < 22; i++)
		seg[i] = (struct vdrv_seg){ vdrv_addr(&self->d.v, self->q->buf), 256 * KB };
	seg[i] = part(&self->d, VBLK_STATUS, 1);
	if (!(variant->features & VDRV_F_INDIRECT))
		seg[1].len = 100 * KB;
	if ((size_t)self->q->nslot * self->q->buf_len < 256 * KB)
		SKIP(return, "too few buffers");
	EXPECT_EQ(VIRTIO_BLK_S_OK, answer(&self->d, seg, 22, 1));
	EXPECT_EQ(0, works(&self->d));
}

/* What must not be written is not written. */
TEST(read_only)
{
	struct vdrv_cfg cfg = common;
	unsigned char *data = rig_alloc(4096), *copy = rig_alloc(4096);
	struct disk d;

	rig_pattern(data, 4096, 0, 5);
	ASSERT_EQ(0, rig_null_add("slblk1", "size=8 discard=1"));
	ASSERT_EQ(0, rig_pwrite("/dev/slblk1", data, 4096, 0));
	ASSERT_EQ(0, rig_volume_add("slblk1", "/dev/slblk1", "ro"));
	cfg.features = DISK_FEATURES | VBLK_F(RO);
	ASSERT_EQ(0, disk_open(&d, "slblk1", &cfg));
	memset(copy, 0, 4096);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&d, 0, copy, 4096));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, ask(&d, VIRTIO_BLK_T_DISCARD, 0, 16, 0));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_flush(&d));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&d, 0, copy, 4096));
	EXPECT_EQ(0, memcmp(data, copy, 4096));
	EXPECT_EQ(0, rig_pread("/dev/slblk1", copy, 4096, 0));
	EXPECT_EQ(0, memcmp(data, copy, 4096));
	disk_close(&d);
	/* Whoever does not take the feature may still not write: the same again without it. */
	cfg.features = DISK_FEATURES;
	ASSERT_EQ(0, disk_open(&d, "slblk1", &cfg));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&d, 0, copy, 4096));
	disk_close(&d);
	EXPECT_EQ(0, rig_volume_del("slblk1"));
	rig_null_pull("slblk1");
	EXPECT_EQ(0, rig_null_del("slblk1"));
	free(data);
	free(copy);
}

TEST_HARNESS_MAIN
