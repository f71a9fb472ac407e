// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that are done in parts: any length at all, ranges of gigabytes, and many at once, which
 * leave the worker to others between two visits.
 */
#include "kselftest_harness.h"
#include <linux/falloc.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <time.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define SIZE	(16 * MB)
/* More than one, and not a whole number of them. */
#define LONG	(5 * MB + 3 * 4096)
#define SLOW	"irqmode=2 completion_nsec=50000000 "

static int add_key(void)
{
	unsigned char key[64];
	unsigned int i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = i * 3 + 1;
	return syscall(SYS_add_key, "logon", "slblk:part", key, sizeof(key),
		       KEY_SPEC_SESSION_KEYRING) < 0 ? -errno : 0;
}

FIXTURE(part)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
};

FIXTURE_VARIANT(part)
{
	const char *device;
	const char *volume;
	uint64_t features;
	bool crypt;
};

FIXTURE_VARIANT_ADD(part, plain) { .device = "irqmode=0", .volume = "" };
FIXTURE_VARIANT_ADD(part, packed) {
	.device = "irqmode=2 completion_nsec=50000", .volume = "", .features = VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(part, small_commands) {
	.device = "irqmode=2 completion_nsec=50000 max_sectors=64 hw_queue_depth=4",
	.volume = "" };
FIXTURE_VARIANT_ADD(part, crypt) {
	.device = "irqmode=0", .volume = "key logon:slblk:part", .crypt = true };
FIXTURE_VARIANT_ADD(part, large_sectors) {
	.device = "irqmode=0", .crypt = true,
	.volume = "block-size 4096 sector-size 4096 key logon:slblk:part" };

static int start(struct disk *d, const char *device, const char *volume, uint64_t features,
		 uint32_t buf)
{
	/* It has not heard of a longest segment. */
	const struct vdrv_cfg cfg = {
		.features = (DISK_FEATURES & ~VBLK_F(SIZE_MAX)) | VDRV_F_INDIRECT | features,
		.num = 4, .disk_queues = 1, .disk_buf = buf, .disk_seg = 96 };
	char settings[160];
	int ret;

	snprintf(settings, sizeof(settings), "size=%lu %s", SIZE / MB, device);
	ret = rig_null_add(NAME, settings);
	ret = ret ?: rig_volume_add(NAME, DEV, volume);
	return ret ?: disk_open(d, NAME, &cfg);
}

static void stop(struct disk *d)
{
	disk_close(d);
	rig_volume_del(NAME);
	rig_null_pull(NAME);
	rig_null_del(NAME);
}

FIXTURE_SETUP(part)
{
	ASSERT_EQ(0, add_key());
	self->data = rig_alloc(LONG);
	self->copy = rig_alloc(LONG);
	ASSERT_EQ(0, start(&self->d, variant->device, variant->volume, variant->features,
			   VBLK_DATA + LONG + 8 * KB));
}

FIXTURE_TEARDOWN(part)
{
	stop(&self->d);
	free(self->data);
	free(self->copy);
}

/* Each byte where it belongs, in one segment and in odd ones. */
TEST_F_TIMEOUT(part, any_length, 240)
{
	static const uint32_t segs[] = { 0, 60000, 65536, 3 * MB };
	static const uint32_t lens[] = { 5 * 256 * KB, 5 * 256 * KB + 4096, LONG };
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(lens); k++) {
		for (i = 0; i < ARRAY_SIZE(segs); i++) {
			struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .sector = 8 * (i + 1),
					      .len = lens[k], .seg = segs[i], .off = 512 * i };

			rig_pattern(self->data, io.len, 0, 16 * k + i);
			ASSERT_EQ(0, vblk_do(&self->d.v, self->d.v.vq, &io, self->data));
			ASSERT_EQ(0, rig_pread(DEV, self->copy, io.len, io.sector * 512));
			EXPECT_EQ(variant->crypt, !!memcmp(self->data, self->copy, io.len));
			io.type = VIRTIO_BLK_T_IN;
			ASSERT_EQ(0, vblk_do(&self->d.v, self->d.v.vq, &io, self->copy));
			ASSERT_EQ(0, memcmp(self->data, self->copy, io.len));
		}
	}
}

/* What reaches beyond the end is refused whole. */
TEST_F_TIMEOUT(part, beyond_the_end, 120)
{
	struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = LONG,
			      .sector = (SIZE - LONG) / 512 + 8 };
	unsigned long long before = rig_stat(NAME, RIG_STAT_WRITTEN);

	EXPECT_EQ(VIRTIO_BLK_S_IOERR, vblk_do(&self->d.v, self->d.v.vq, &io, self->data));
	EXPECT_EQ(before, rig_stat(NAME, RIG_STAT_WRITTEN));
	io.sector -= 8;
	EXPECT_EQ(VIRTIO_BLK_S_OK, vblk_do(&self->d.v, self->d.v.vq, &io, self->data));
}

/* In its midst the driver leaves, the memory goes, or the device. */
TEST(leaves)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = LONG };
	unsigned char *data = rig_alloc(4 * KB);
	unsigned int i;
	struct disk d;

	ASSERT_EQ(0, start(&d, SLOW, "", 0, VBLK_DATA + LONG + 8 * KB));
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, vblk_begin(&d.v, d.v.vq, &io, NULL));
		ASSERT_LE(0, vblk_begin(&d.v, d.v.vq, &io, NULL));
		usleep(20000 * i);
		ASSERT_EQ(0, disk_reopen(&d));
		ASSERT_EQ(0, disk_read(&d, 0, data, 4 * KB));
	}
	stop(&d);
	free(data);
}

TEST(memory_goes)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = LONG };
	unsigned char *data = rig_alloc(4 * KB);
	unsigned int i;
	struct disk d;

	ASSERT_EQ(0, start(&d, SLOW, "", 0, VBLK_DATA + LONG + 8 * KB));
	for (i = 0; i < 3; i++) {
		ASSERT_LE(0, vblk_begin(&d.v, d.v.vq, &io, NULL));
		usleep(20000 * (i + 1));
		ASSERT_EQ(0, vdrv_iotlb_invalidate(&d.v, d.v.mem + d.v.ring_bytes,
						   d.v.mem_bytes - d.v.ring_bytes));
		usleep(100000);
		ASSERT_EQ(0, disk_reopen(&d));
		ASSERT_EQ(0, disk_read(&d, 0, data, 4 * KB));
	}
	stop(&d);
	free(data);
}

static long visits(void)
{
	return netio_shown("volume show " NAME, "visits");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* The end of its second part lies nowhere: it is looked for a hundred times a second. */
TEST(absent)
{
	struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = LONG };
	struct vdrv_seg seg[4];
	double from, before;
	struct vdrv_vq *q;
	struct disk d;
	long n;

	ASSERT_EQ(0, start(&d, "irqmode=0", "", 0, VBLK_DATA + LONG + 8 * KB));
	q = d.v.vq;
	*(struct virtio_blk_outhdr *)q->buf = (struct virtio_blk_outhdr){ .type = io.type };
	seg[0] = (struct vdrv_seg){ vdrv_addr(&d.v, q->buf), sizeof(struct virtio_blk_outhdr) };
	seg[1] = (struct vdrv_seg){ vdrv_addr(&d.v, q->buf + VBLK_DATA), 8 * 256 * KB - 512 };
	seg[2] = (struct vdrv_seg){ 0x7f0000000000ULL, 512 };
	seg[3] = (struct vdrv_seg){ vdrv_addr(&d.v, q->buf + VBLK_STATUS), 1 };
	from = seconds();
	ASSERT_LE(0, vblk_raw(&d.v, q, seg, 1, 3));
	usleep(500000);
	before = seconds();
	n = visits();
	usleep(2000000);
	n = visits() - n;
	EXPECT_GE((seconds() - before) * 100 + 20, n)
	{
		TH_LOG("%ld visits in %f s, %f in all", n, seconds() - before, seconds() - from);
	}
	ASSERT_EQ(0, vdrv_stop(&d.v));
	ASSERT_EQ(0, disk_reopen(&d));
	stop(&d);
}

TEST(pulled)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = LONG };
	struct vblk_done done;
	struct disk d;

	ASSERT_EQ(0, start(&d, SLOW, "", 0, VBLK_DATA + LONG + 8 * KB));
	ASSERT_LE(0, vblk_begin(&d.v, d.v.vq, &io, NULL));
	usleep(20000);
	ASSERT_EQ(0, rig_null_pull(NAME));
	ASSERT_EQ(1, vblk_wait(d.v.vq, &done, 20000));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, done.status);
	EXPECT_EQ(1, done.len);
	stop(&d);
}

/* Gigabytes to be forgotten: the device hears of 64 MiB at a time, whole multiples of that. */
TEST(ranges)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VBLK_F(DISCARD), .num = 4,
		.disk_queues = 1, .disk_buf = 16 * KB, .disk_seg = 8 };
	/* Two are a sector off such a multiple: one more command each. */
	static const struct virtio_blk_discard_write_zeroes range[] = {
		{ .sector = 0, .num_sectors = 2 * 1024 * 2048 },
		{ .sector = 2 * 1024 * 2048 + 1, .num_sectors = 1024 * 2048 },
		{ .sector = 5ULL * 1024 * 2048 - 1, .num_sectors = 2 },
		{ .sector = 7ULL * 1024 * 2048, .num_sectors = 8 },
	};
	const struct vblk_io io = { .type = VIRTIO_BLK_T_DISCARD, .len = sizeof(range) };
	struct disk d;

	ASSERT_EQ(0, rig_null_add(NAME, "size=8192 discard=1"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, ""));
	ASSERT_EQ(0, disk_open(&d, NAME, &cfg));
	EXPECT_EQ(VIRTIO_BLK_S_OK, vblk_do(&d.v, d.v.vq, &io, (void *)range));
	EXPECT_EQ(32 + 17 + 2 + 1, rig_stat(NAME, RIG_STAT_DISCARDS));
	EXPECT_EQ(3ULL * 1024 * 2048 + 10, rig_stat(NAME, RIG_STAT_DISCARDED));
	stop(&d);
}

/*
 * Sixteen that the device gives back at one time: each visit has a bounded part of their decryption
 * to do, and others have their turn in between.
 */
TEST(many_at_once)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT, .num = 16, .disk_queues = 1,
		.disk_buf = MB + 8 * KB, .disk_seg = 8 };
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = MB };
	struct vblk_done done;
	unsigned int i;
	struct disk d;
	long before;

	ASSERT_EQ(0, add_key());
	/* It looks for what is done once in two seconds. */
	ASSERT_EQ(0, rig_null_add(NAME, "size=1 irqmode=2 hw_queue_depth=256 "
					"completion_nsec=2000000000"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, "key logon:slblk:part"));
	ASSERT_EQ(0, disk_open(&d, NAME, &cfg));
	for (i = 0; i < 16; i++)
		ASSERT_LE(0, vblk_begin(&d.v, d.v.vq, &io, NULL));
	usleep(1000000);
	before = visits();
	ASSERT_LT(0, before);
	for (i = 0; i < 16; i++) {
		ASSERT_EQ(1, vblk_wait(d.v.vq, &done, 20000));
		EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
		vdrv_vq_release(d.v.vq, done.slot);
	}
	EXPECT_LE(before + 16, visits());
	stop(&d);
}

TEST_HARNESS_MAIN
