// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a driver writes to a volume is on the device, where it belongs, and what is there it reads:
 * in every size, place and segmentation, from several queues, with many requests at a time.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define RING	(VDRV_F_INDIRECT | VDRV_F_EVENT_IDX)
/* The volume is an extent of the device. */
#define SIZE	(16 * MB)
#define START	(1 * MB)
#define BUF	(VBLK_DATA + 4096 + MB)

FIXTURE(data)
{
	struct disk d;
	unsigned char *model;
	unsigned char *copy;
	unsigned int seed;
};

FIXTURE_VARIANT(data)
{
	uint64_t features;
	unsigned int block;
	const char *device;
};

FIXTURE_VARIANT_ADD(data, split) {
	.features = RING, .block = 512, .device = "size=20 discard=1" };
FIXTURE_VARIANT_ADD(data, split_plain) {
	.features = 0, .block = 512, .device = "size=20 irqmode=0 discard=1" };
FIXTURE_VARIANT_ADD(data, packed) {
	.features = RING | VDRV_F_PACKED, .block = 512,
	.device = "size=20 irqmode=2 completion_nsec=50000 discard=1" };
FIXTURE_VARIANT_ADD(data, packed_plain) {
	.features = VDRV_F_PACKED, .block = 512, .device = "size=20 submit_queues=4 discard=1" };
FIXTURE_VARIANT_ADD(data, blocks_of_4096) {
	.features = RING | VDRV_F_PACKED, .block = 4096,
	.device = "size=20 blocksize=4096 discard=1" };
FIXTURE_VARIANT_ADD(data, large_blocks_on_small) {
	.features = RING, .block = 4096, .device = "size=20 discard=1" };

FIXTURE_SETUP(data)
{
	char more[96];

	self->seed = 1;
	self->model = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	ASSERT_NE(NULL, self->copy);
	ASSERT_EQ(0, rig_null_add(NAME, variant->device));
	/* What is beside the extent must stay as it is. */
	rig_pattern(self->copy, MB, 0, 99);
	ASSERT_EQ(0, rig_pwrite(DEV, self->copy, MB, 0));
	ASSERT_EQ(0, rig_pwrite(DEV, self->copy, MB, START + SIZE));
	memset(self->model, 0, SIZE);
	snprintf(more, sizeof(more), "start %lu size %lu block-size %u queues 4", START, SIZE,
		 variant->block);
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, more));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &(struct vdrv_cfg){
		.features = DISK_FEATURES | VBLK_F(MQ) | VBLK_F(DISCARD) | variant->features,
		.num = 256,
		.disk_queues = 4,
		.disk_buf = BUF,
		.disk_seg = 64,
	}));
}

FIXTURE_TEARDOWN(data)
{
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, rig_pread(DEV, self->copy, MB, START + SIZE));
	rig_pattern(self->model, MB, 0, 99);
	EXPECT_EQ(0, memcmp(self->copy, self->model, MB));
	EXPECT_EQ(0, rig_pread(DEV, self->copy, MB, 0));
	EXPECT_EQ(0, memcmp(self->copy, self->model, MB));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	free(self->model);
	free(self->copy);
}

/* Is on the device what ought to be there? */
static int compare(const unsigned char *model, unsigned char *copy)
{
	int ret = rig_pread(DEV, copy, SIZE, START);

	return ret ? ret : memcmp(model, copy, SIZE) ? -EBADMSG : 0;
}

static uint32_t pick(unsigned int *seed, uint32_t from, uint32_t to)
{
	return from + rand_r(seed) % (to - from + 1);
}

/* A size that is small more often than not. */
static uint32_t pick_len(unsigned int *seed, uint32_t block)
{
	static const uint32_t most[] = { 1, 8, 64, 256 };
	uint32_t max = most[rand_r(seed) % 4] * 4096;

	return pick(seed, 1, max / block) * block;
}

/* Pieces of any size, as many as go into a chain. */
static uint32_t pick_seg(unsigned int *seed, uint32_t len)
{
	static const uint32_t odd[] = { 0, 1, 24, 511, 512, 513, 1500, 4096, 65536 };
	uint32_t seg = odd[rand_r(seed) % 9], least = (len + 58) / 59;

	return !seg || seg >= least ? seg : least;
}

static void pick_io(unsigned int *seed, uint32_t block, struct vblk_io *io)
{
	static const uint32_t types[] = { VIRTIO_BLK_T_IN, VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_OUT };

	*io = (struct vblk_io){
		.type = types[rand_r(seed) % 3],
		.len = pick_len(seed, block),
		.off = rand_r(seed) % 2 ? 0 : rand_r(seed) % 4096,
		.mixed = rand_r(seed) % 2,
	};
	io->seg = pick_seg(seed, io->len);
	io->sector = pick(seed, 0, (SIZE - io->len) / block) * (block / 512);
}

/* Every size, place and segmentation, one by one. */
TEST_F_TIMEOUT(data, sizes_and_places, 300)
{
	struct vblk_io io;
	unsigned int i;
	int ret;

	for (i = 0; i < 250; i++) {
		unsigned char *model;

		pick_io(&self->seed, variant->block, &io);
		model = self->model + io.sector * 512;
		if (io.type == VIRTIO_BLK_T_OUT)
			rig_pattern(model, io.len, io.sector * 512, i);
		memcpy(self->copy, model, io.type == VIRTIO_BLK_T_OUT ? io.len : 0);
		ret = vblk_do(&self->d.v, &self->d.v.vq[i % 4], &io, self->copy);
		ASSERT_EQ(VIRTIO_BLK_S_OK, ret) {
			TH_LOG("%u: type %u sector %llu len %u off %u seg %u mixed %u", i, io.type,
			       (unsigned long long)io.sector, io.len, io.off, io.seg, io.mixed);
		}
		ASSERT_EQ(0, memcmp(self->copy, model, io.len)) {
			TH_LOG("%u: type %u sector %llu len %u off %u seg %u mixed %u", i, io.type,
			       (unsigned long long)io.sector, io.len, io.off, io.seg, io.mixed);
		}
	}
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_flush(&self->d));
	EXPECT_EQ(0, compare(self->model, self->copy));
}

/* One MiB in many small pieces, and in one. */
TEST_F_TIMEOUT(data, large, 60)
{
	static const uint32_t segs[] = { 0, 17 * KB, 64 * KB, 512 * KB };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segs); i++) {
		struct vblk_io io = {
			.type = VIRTIO_BLK_T_OUT, .sector = 2048 * i, .len = MB, .seg = segs[i] };

		if (io.seg && io.len / io.seg > 58)
			continue;
		rig_pattern(self->model + i * MB, MB, i * MB, i);
		ASSERT_EQ(0, vblk_do(&self->d.v, &self->d.v.vq[0], &io, self->model + i * MB));
		io.type = VIRTIO_BLK_T_IN;
		ASSERT_EQ(0, vblk_do(&self->d.v, &self->d.v.vq[1], &io, self->copy));
		ASSERT_EQ(0, memcmp(self->copy, self->model + i * MB, MB));
	}
	EXPECT_EQ(0, compare(self->model, self->copy));
}

/**
 * struct place - a request under way
 * @io: request
 * @busy: under way
 * @round: what it writes
 */
struct place {
	struct vblk_io io;
	bool busy;
	uint32_t round;
};

/* Each queue works on a quarter of its own, each slot on a part of that. */
static void deep_begin(struct disk *d, unsigned int queue, unsigned int *seed, uint32_t block,
		       struct place *place, unsigned char *model, uint32_t round)
{
	struct vdrv_vq *q = &d->v.vq[queue];
	int slot = vdrv_vq_slot(q);
	uint32_t part = SIZE / 4 / q->nslot / block * block;
	struct vblk_io *io = &place[slot].io;
	uint64_t at;

	if (part > 64 * KB)
		part = 64 * KB;
	*io = (struct vblk_io){
		.type = rand_r(seed) % 2 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
		.len = pick(seed, 1, part / block) * block,
		.off = rand_r(seed) % 2 * 100,
		.seg = rand_r(seed) % 2 * 16000,
	};
	at = SIZE / 4 * queue + (uint64_t)slot * part;
	at += pick(seed, 0, (part - io->len) / block) * block;
	io->sector = at / 512;
	place[slot].busy = true;
	if (io->type == VIRTIO_BLK_T_OUT) {
		rig_pattern(model + at, io->len, at, round);
		memcpy(vblk_at(q, slot, VBLK_DATA + io->off), model + at, io->len);
	}
	vblk_put(&d->v, q, slot, io);
}

static int deep_end(struct vdrv_vq *q, struct place *place, const unsigned char *model)
{
	struct vblk_done done;
	struct place *p;
	int ret = vblk_wait(q, &done, 20000);

	if (ret != 1)
		return ret ? ret : -ETIMEDOUT;
	p = &place[done.slot];
	if (!p->busy || done.status != VIRTIO_BLK_S_OK)
		return -EIO;
	if (p->io.type == VIRTIO_BLK_T_IN &&
	    (done.len != p->io.len + 1 ||
	     memcmp(vblk_at(q, done.slot, VBLK_DATA + p->io.off), model + p->io.sector * 512,
		    p->io.len)))
		return -EBADMSG;
	p->busy = false;
	vdrv_vq_release(q, done.slot);
	return 0;
}

/* All queues full, all the time. */
TEST_F_TIMEOUT(data, deep, 300)
{
	struct place *place = calloc(4 * 256, sizeof(*place));
	unsigned int q, i, round;

	for (round = 0; round < 12; round++) {
		for (q = 0; q < 4; q++) {
			struct vdrv_vq *vq = &self->d.v.vq[q];
			unsigned int n = vq->nfree < 64 ? vq->nfree : 64;

			for (i = 0; i < n; i++)
				deep_begin(&self->d, q, &self->seed, variant->block,
					   place + q * 256, self->model, round);
			vdrv_vq_publish(vq);
			ASSERT_GE(vdrv_vq_kick(vq), 0);
		}
		for (q = 0; q < 4; q++) {
			struct vdrv_vq *vq = &self->d.v.vq[q];

			for (i = 0; vq->nfree < vq->nslot && i < 48; i++)
				ASSERT_EQ(0, deep_end(vq, place + q * 256, self->model));
		}
	}
	for (q = 0; q < 4; q++) {
		struct vdrv_vq *vq = &self->d.v.vq[q];

		while (vq->nfree < vq->nslot)
			ASSERT_EQ(0, deep_end(vq, place + q * 256, self->model));
	}
	EXPECT_EQ(0, compare(self->model, self->copy));
	free(place);
}

/* Bytes of holes are read as zeroes (of this device). */
TEST_F_TIMEOUT(data, discard, 120)
{
	struct virtio_blk_discard_write_zeroes range[3] = {
		{ .sector = 16, .num_sectors = 64 },
		{ .sector = 2048, .num_sectors = 8 },
		{ .sector = SIZE / 512 - 8, .num_sectors = 8 },
	};
	const struct vblk_io io = { .type = VIRTIO_BLK_T_DISCARD, .len = sizeof(range) };
	unsigned int i;

	for (i = 0; i < 16; i++) {
		rig_pattern(self->model + i * MB, MB, i * MB, i);
		ASSERT_EQ(0, disk_write(&self->d, i * 2048, self->model + i * MB, MB));
	}
	ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&self->d.v, &self->d.v.vq[0], &io, range));
	for (i = 0; i < 3; i++)
		memset(self->model + range[i].sector * 512, 0, range[i].num_sectors * 512);
	EXPECT_EQ(0, compare(self->model, self->copy));
}

TEST_F_TIMEOUT(data, identity, 120)
{
	char id[100] = {};
	struct vblk_io io = { .type = VIRTIO_BLK_T_GET_ID, .len = VIRTIO_BLK_ID_BYTES };

	ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&self->d.v, &self->d.v.vq[0], &io, id));
	/* What the host calls the disk is not the guest's to know. */
	EXPECT_EQ(NULL, strstr(id, NAME));
	EXPECT_EQ(VIRTIO_BLK_ID_BYTES, strlen(id));
	EXPECT_EQ(0, netio_run("sluice volume show " NAME " | grep -q ' serial %s '", id));
}

/* What the driver is told of the disk. */
TEST_F_TIMEOUT(data, config, 120)
{
	struct virtio_blk_config c = {};
	struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = variant->block };

	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(SIZE / 512, c.capacity);
	EXPECT_EQ(variant->block, c.blk_size);
	EXPECT_EQ(4, c.num_queues);
	EXPECT_GE(c.seg_max, 256);
	EXPECT_GE(c.size_max, MB);
	EXPECT_GT(c.max_discard_sectors, 0);
	EXPECT_GT(c.max_discard_seg, 0);
	/* The last block is there, the next one is not. */
	io.sector = (SIZE - variant->block) / 512;
	EXPECT_EQ(VIRTIO_BLK_S_OK, vblk_do(&self->d.v, &self->d.v.vq[0], &io, self->copy));
	io.sector = SIZE / 512;
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, vblk_do(&self->d.v, &self->d.v.vq[0], &io, self->copy));
}

/* --- zeroes, which this kernel's loop devices can --- */

#define LOOP	"slblk1"

TEST(write_zeroes)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = 24, .num_sectors = 16, .flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP };
	const struct vblk_io io = { .type = VIRTIO_BLK_T_WRITE_ZEROES, .len = sizeof(range) };
	unsigned char *model = rig_alloc(MB), *copy = rig_alloc(MB);
	struct virtio_blk_config c = {};
	struct disk d;
	char dev[32];

	ASSERT_EQ(0, rig_loop_add("/tmp/blk-zeroes", 4 * MB, dev));
	ASSERT_EQ(0, rig_volume_add(LOOP, dev, ""));
	ASSERT_EQ(0, disk_open(&d, LOOP, &(struct vdrv_cfg){
		.features = DISK_FEATURES | VBLK_F(WRITE_ZEROES), .disk_buf = 2 * MB, .num = 16,
		.disk_seg = 8 }));
	ASSERT_EQ(0, disk_config(&d, &c));
	EXPECT_GT(c.max_write_zeroes_sectors, 0);
	EXPECT_EQ(1, c.write_zeroes_may_unmap);
	rig_pattern(model, MB, 0, 1);
	ASSERT_EQ(0, disk_write(&d, 0, model, MB));
	ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&d.v, &d.v.vq[0], &io, &range));
	memset(model + range.sector * 512, 0, range.num_sectors * 512);
	ASSERT_EQ(0, disk_read(&d, 0, copy, MB));
	EXPECT_EQ(0, memcmp(model, copy, MB));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_flush(&d));
	ASSERT_EQ(0, rig_pread(dev, copy, MB, 0));
	EXPECT_EQ(0, memcmp(model, copy, MB));

	/* For a driver that knows of no cache they are durable when they are completed. */
	d.cfg.features &= ~(VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE));
	ASSERT_EQ(0, disk_reopen(&d));
	range.sector = 64;
	ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&d.v, &d.v.vq[0], &io, &range));
	memset(model + range.sector * 512, 0, range.num_sectors * 512);
	ASSERT_EQ(0, rig_pread(dev, copy, MB, 0));
	EXPECT_EQ(0, memcmp(model, copy, MB));
	disk_close(&d);
	EXPECT_EQ(0, rig_volume_del(LOOP));
	EXPECT_EQ(0, rig_loop_del("/tmp/blk-zeroes", dev));
	free(model);
	free(copy);
}

TEST_HARNESS_MAIN
