// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits, whatever a driver or its VMM does to have more. What the device below was given is
 * counted, and compared with what the time that passed allows: so a slow machine does no harm.
 */
#include "kselftest_harness.h"
#include <time.h>
#include "rig.h"

#define NAME	"sllim0"
#define DEV	"/dev/" NAME
#define SIZE	(16 * MB)
#define IO	(16 * KB)
/* Requests a second, and at once, of either kind. */
#define RATE	400
#define BURST	20

FIXTURE(limits)
{
	struct disk d;
	struct timespec since;
	uint64_t bytes[2];
};

FIXTURE_VARIANT(limits)
{
	uint64_t features;
	const char *limit;
};

FIXTURE_VARIANT_ADD(limits, requests) {
	.features = VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.limit = "write-iops 400 write-iops-burst 20 read-iops 400 read-iops-burst 20" };
FIXTURE_VARIANT_ADD(limits, bytes) {
	.features = VDRV_F_INDIRECT | VDRV_F_EVENT_IDX | VDRV_F_PACKED,
	.limit = "write-bps 6553600 write-bps-burst 327680 read-bps 6553600 read-bps-burst 327680" };

/* Bytes that the device read (0) and wrote (1) so far. */
static int device_bytes(uint64_t *bytes)
{
	FILE *f = fopen("/sys/block/" NAME "/stat", "r");
	unsigned long long r = 0, w = 0;
	int n = 0;

	if (f) {
		n = fscanf(f, "%*u %*u %llu %*u %*u %*u %llu", &r, &w);
		fclose(f);
	}
	bytes[0] = r * 512;
	bytes[1] = w * 512;
	return n == 2 ? 0 : -EIO;
}

FIXTURE_SETUP(limits)
{
	ASSERT_EQ(0, rig_null_add(NAME, "size=32"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, "size 16M queues 2"));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &(struct vdrv_cfg){
		.features = DISK_FEATURES | VBLK_F(MQ) | variant->features,
		.num = 128, .disk_queues = 2, .disk_buf = 32 * KB, .disk_seg = 8 }));
	ASSERT_EQ(0, device_bytes(self->bytes));
	clock_gettime(CLOCK_MONOTONIC, &self->since);
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " %s", variant->limit));
}

FIXTURE_TEARDOWN(limits)
{
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
}

/* How many requests of a kind the device may have had by now: 5 % more than is sold. */
static uint64_t allowed(const struct timespec *since)
{
	struct timespec now;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s = now.tv_sec - since->tv_sec + (now.tv_nsec - since->tv_nsec) / 1e9;
	return s * RATE * 1.05 + BURST + 1;
}

/* Fill the ring with requests. */
static void load(struct disk *d, unsigned int queue, unsigned int *seed)
{
	struct vdrv_vq *q = &d->v.vq[queue];
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		struct vblk_io io = {
			.type = rand_r(seed) % 4 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
			.sector = rand_r(seed) % (SIZE / IO / 8) * (IO / 512), .len = IO };

		vblk_put(&d->v, q, slot, &io);
	}
	vdrv_vq_publish(q);
	vdrv_kick_always(q);
}

/* Take what is there: -EIO if it is not fine, else how many are not there yet. */
static int unload(struct vdrv_vq *q, int timeout_ms)
{
	struct vblk_done done;
	int ret;

	while (q->nfree < q->nslot && (ret = vblk_wait(q, &done, timeout_ms))) {
		if (ret < 0 || done.status != VIRTIO_BLK_S_OK)
			return -EIO;
		vdrv_vq_release(q, done.slot);
	}
	return q->nslot - q->nfree;
}

static int unload_both(struct disk *d, int timeout_ms)
{
	int a = unload(&d->v.vq[0], timeout_ms), b = unload(&d->v.vq[1], timeout_ms);

	return a < 0 || b < 0 ? -EIO : a + b;
}

static void load_both(struct disk *d, unsigned int *seed)
{
	load(d, 0, seed);
	load(d, 1, seed);
}

/* As a guest's kernel does it that begins anew, or crashed; its requests are forgotten. */
static int reset(struct disk *d)
{
	int ret = vdrv_vdpa_reset(&d->v);
	unsigned int i;

	for (i = 0; i < d->v.nr_vqs; i++)
		vdrv_vq_fresh(&d->v.vq[i]);
	return ret ?: vdrv_start(&d->v, -1);
}

/* As a VMM does it that saves the guest; it goes on later. */
static int suspend(struct disk *d)
{
	int ret = vdrv_vdpa_suspend(&d->v, true);

	return ret ?: vdrv_vdpa_suspend(&d->v, false);
}

static int suspend_and_restore(struct disk *d)
{
	return vdrv_stop(&d->v) ?: vdrv_start(&d->v, -1);
}

static int shrink(struct disk *d)
{
	return netio_run("sluice volume set " NAME " size 8M && sluice volume set " NAME " size 16M");
}

#define EXPECT_ALLOWED(self)                                                                    \
	do {                                                                                    \
		uint64_t now_[2], most_;                                                        \
		ASSERT_EQ(0, device_bytes(now_));                                               \
		most_ = allowed(&(self)->since);                                                \
		EXPECT_GE(most_, (now_[0] - (self)->bytes[0]) / IO);                            \
		EXPECT_GE(most_, (now_[1] - (self)->bytes[1]) / IO);                            \
	} while (0)

/* What waits when the driver resets its disk is not begun any more. */
TEST_F_TIMEOUT(limits, resets, 240)
{
	unsigned int i, seed = 1;

	for (i = 0; i < 40; i++) {
		load_both(&self->d, &seed);
		usleep(rand_r(&seed) % 4 * 5000);
		ASSERT_LE(0, unload_both(&self->d, 0));
		ASSERT_EQ(0, i % 4 ? reset(&self->d) : disk_reopen(&self->d));
		EXPECT_ALLOWED(self);
	}
	/* It works as before. */
	load_both(&self->d, &seed);
	EXPECT_EQ(0, unload_both(&self->d, 20000));
	EXPECT_ALLOWED(self);
}

/* What has to be done at once is paid for later, and then the sum is right. */
TEST_F_TIMEOUT(limits, suspends, 240)
{
	int (*const how[])(struct disk *d) = { suspend, suspend_and_restore, shrink };
	unsigned int i, seed = 2;

	for (i = 0; i < 24; i++) {
		load_both(&self->d, &seed);
		usleep(rand_r(&seed) % 4 * 5000);
		ASSERT_EQ(0, how[i % 3](&self->d));
		ASSERT_LE(0, unload_both(&self->d, 0));
	}
	/* Nothing of it was lost. */
	load_both(&self->d, &seed);
	EXPECT_EQ(0, unload_both(&self->d, 20000));
	EXPECT_ALLOWED(self);
}

/* Each as it comes. */
TEST_F_TIMEOUT(limits, mixed, 240)
{
	int (*const how[])(struct disk *d) = { suspend, reset, suspend_and_restore, shrink,
					       disk_reopen };
	unsigned int i, seed = 3;

	for (i = 0; i < 30; i++) {
		load_both(&self->d, &seed);
		usleep(rand_r(&seed) % 4 * 5000);
		ASSERT_EQ(0, how[rand_r(&seed) % ARRAY_SIZE(how)](&self->d));
		ASSERT_LE(0, unload_both(&self->d, 0));
	}
	load_both(&self->d, &seed);
	EXPECT_EQ(0, unload_both(&self->d, 20000));
	EXPECT_ALLOWED(self);
}

TEST_HARNESS_MAIN
