// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices below volumes that are pulled out, fail, or take their time: errors reach the driver,
 * nothing hangs, and everything can be taken away afterwards.
 */
#include "kselftest_harness.h"
#include <pthread.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define IO	(16 * KB)

FIXTURE(pulled)
{
};

FIXTURE_SETUP(pulled)
{
}

FIXTURE_TEARDOWN(pulled)
{
}

static const struct vdrv_cfg common = {
	.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.num = 128, .disk_queues = 1, .disk_buf = 32 * KB, .disk_seg = 8,
};

/* All slots, reads and writes by turns; from the first of them on. */
static void load(struct disk *d)
{
	struct vdrv_vq *q = &d->v.vq[0];
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		struct vblk_io io = {
			.type = slot & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
			.sector = slot * IO / 512, .len = IO };

		vblk_put(&d->v, q, slot, &io);
	}
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
}

/* Have every request answered; count those that failed. */
static int unload(struct disk *d, unsigned int *failed)
{
	struct vdrv_vq *q = &d->v.vq[0];
	struct vblk_done done;

	while (q->nfree < q->nslot) {
		int ret = vblk_wait(q, &done, 20000);

		if (ret != 1)
			return ret ? ret : -ETIMEDOUT;
		if (done.status != VIRTIO_BLK_S_OK && done.status != VIRTIO_BLK_S_IOERR)
			return -EBADMSG;
		*failed += done.status == VIRTIO_BLK_S_IOERR;
		vdrv_vq_release(q, done.slot);
	}
	return 0;
}

static void *pull(void *arg)
{
	usleep(20000);
	return rig_null_pull(NAME) ? arg : NULL;
}

/* In mid-load, with requests under way in the device. */
TEST_F_TIMEOUT(pulled, pulled_under_load, 300)
{
	static const char *const devices[] = {
		"size=16",
		"size=16 irqmode=2 completion_nsec=3000000",
		"size=16 irqmode=0 blocksize=4096",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		struct virtio_blk_config c = {};
		unsigned int failed = 0, rounds;
		unsigned char data[4096];
		pthread_t thread;
		struct disk d, e;
		void *err;

		ASSERT_EQ(0, rig_null_add(NAME, devices[i]));
		/* Another device's volume is not concerned. */
		ASSERT_EQ(0, rig_null_add("slblk1", "size=16"));
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, ""));
		ASSERT_EQ(0, rig_volume_add("slblk1", "/dev/slblk1", ""));
		ASSERT_EQ(0, disk_open(&d, NAME, &common));
		ASSERT_EQ(0, disk_open(&e, "slblk1", &common));
		ASSERT_EQ(0, pthread_create(&thread, NULL, pull, &d));
		for (rounds = 0; rounds < 10000 && !failed; rounds++) {
			load(&d);
			ASSERT_EQ(0, unload(&d, &failed));
		}
		EXPECT_GT(failed, 0);
		pthread_join(thread, &err);
		EXPECT_EQ(NULL, err);
		/* From now on everything fails, but the device's configuration stays. */
		failed = 0;
		load(&d);
		ASSERT_EQ(0, unload(&d, &failed));
		EXPECT_EQ(d.v.vq[0].nslot, failed);
		EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_flush(&d));
		EXPECT_EQ(0, disk_config(&d, &c));
		EXPECT_EQ(16 * MB / 512, c.capacity);
		EXPECT_EQ(0, netio_run("sluice volume show %s | grep -q dead", NAME));
		EXPECT_NE(0, netio_run("sluice volume show slblk1 | grep -q dead"));
		EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&e, 0, data, 4096));
		/* Another driver on it fares no better. */
		ASSERT_EQ(0, disk_reopen(&d));
		EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&d, 0, data, 4096));
		disk_close(&d);
		disk_close(&e);
		EXPECT_EQ(0, rig_volume_del(NAME));
		EXPECT_EQ(0, rig_volume_del("slblk1"));
		EXPECT_EQ(0, rig_null_del(NAME));
		rig_null_pull("slblk1");
		EXPECT_EQ(0, rig_null_del("slblk1"));
	}
}

/* The driver leaves while requests are under way in a device that is pulled out then. */
TEST_F_TIMEOUT(pulled, pulled_while_detaching, 300)
{
	unsigned int i;

	for (i = 0; i < 6; i++) {
		pthread_t thread;
		struct disk d;
		void *err;

		ASSERT_EQ(0, rig_null_add(NAME, "size=16 irqmode=2 completion_nsec=5000000"));
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, ""));
		ASSERT_EQ(0, disk_open(&d, NAME, &common));
		load(&d);
		ASSERT_EQ(0, pthread_create(&thread, NULL, pull, &d));
		usleep(14000 + i * 2000);
		disk_close(&d);
		pthread_join(thread, &err);
		EXPECT_EQ(NULL, err);
		EXPECT_EQ(0, rig_volume_del(NAME));
		EXPECT_EQ(0, rig_null_del(NAME));
	}
}

/* --- by way of the device mapper --- */

/* Blocks that cannot be read or written: their requests fail, others do not. */
TEST_F_TIMEOUT(pulled, media_errors, 300)
{
	unsigned char *data;
	char node[32];
	struct disk d;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	data = rig_alloc(32 * KB);
	ASSERT_EQ(0, rig_null_add(NAME, "size=16"));
	ASSERT_EQ(0, rig_dm_add("slblk-err", "0 64 linear " DEV " 0\n64 8 error\n"
				"72 1976 linear " DEV " 72", node));
	ASSERT_EQ(0, rig_volume_add(NAME, node, ""));
	ASSERT_EQ(0, disk_open(&d, NAME, &common));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_write(&d, 56, data, 4096));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&d, 64, data, 4096));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&d, 64, data, 512));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&d, 48, data, 16 * KB));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&d, 72, data, 16 * KB));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_flush(&d));
	disk_close(&d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, rig_dm_del("slblk-err"));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	free(data);
}

/* Reads overtake writes that the device keeps for long: completions come as they are ready. */
TEST_F_TIMEOUT(pulled, out_of_order, 300)
{
	const struct vblk_io write = { .type = VIRTIO_BLK_T_OUT, .len = 4096 };
	const struct vblk_io read = { .type = VIRTIO_BLK_T_IN, .len = 4096, .sector = 64 };
	struct vblk_done done;
	char node[32];
	struct disk d;
	int slow, fast;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	ASSERT_EQ(0, rig_null_add(NAME, "size=16"));
	ASSERT_EQ(0, rig_dm_add("slblk-slow", "0 2048 delay " DEV " 0 0 " DEV " 0 3000", node));
	ASSERT_EQ(0, rig_volume_add(NAME, node, ""));
	ASSERT_EQ(0, disk_open(&d, NAME, &common));
	slow = vblk_begin(&d.v, &d.v.vq[0], &write, NULL);
	ASSERT_GE(slow, 0);
	fast = vblk_begin(&d.v, &d.v.vq[0], &read, NULL);
	ASSERT_GE(fast, 0);
	ASSERT_EQ(1, vblk_wait(&d.v.vq[0], &done, 20000));
	EXPECT_EQ(fast, done.slot);
	EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
	ASSERT_EQ(1, vblk_wait(&d.v.vq[0], &done, 20000));
	EXPECT_EQ(slow, done.slot);
	EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
	disk_close(&d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, rig_dm_del("slblk-slow"));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
}

TEST_HARNESS_MAIN
