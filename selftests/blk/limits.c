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
	.limit =
	"write-bps 6553600 write-bps-burst 327680 read-bps 6553600 read-bps-burst 327680" };

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
	return netio_run("sluice volume set " NAME " size 8M") ?:
	       netio_run("sluice volume set " NAME " size 16M");
}

/* So many requests the device had more than it may have had: not more than 0. */
static long excess(const FIXTURE_DATA(limits) * self)
{
	uint64_t now[2], most;

	if (device_bytes(now))
		return 1;
	now[0] = (now[0] - self->bytes[0]) / IO;
	now[1] = (now[1] - self->bytes[1]) / IO;
	most = allowed(&self->since);
	return (long)(now[0] > now[1] ? now[0] : now[1]) - (long)most;
}

/* What waits when the driver resets its disk is not begun any more. */
TEST_F_TIMEOUT(limits, resets, 240)
{
	unsigned int i, seed = 1;

	for (i = 0; i < 40; i++) {
		load_both(&self->d, &seed);
		usleep(rand_r(&seed) % 4 * 5000);
		ASSERT_LE(0, unload_both(&self->d, 0));
		ASSERT_EQ(0, i % 4 ? reset(&self->d) : disk_reopen(&self->d));
		EXPECT_GE(0, excess(self));
	}
	/* It works as before. */
	load_both(&self->d, &seed);
	EXPECT_EQ(0, unload_both(&self->d, 20000));
	EXPECT_GE(0, excess(self));
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
	EXPECT_GE(0, excess(self));
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
	EXPECT_GE(0, excess(self));
}

/*
 * One queue is full of small requests always; a large one in the other has its turn, and does not
 * wait until there is room for all of it at once, which never comes.
 */
TEST_F_TIMEOUT(limits, large_beside_small, 120)
{
	struct vdrv_vq *small = &self->d.v.vq[0], *large = &self->d.v.vq[1];
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = 24 * KB };
	unsigned int i, n = 0;
	struct vblk_done done;
	int slot;

	ASSERT_EQ(0, netio_run("sluice volume set " NAME
			       " write-iops 0 write-bps 512k write-bps-burst 24k"));
	for (i = 0; i < 8; i++) {
		ASSERT_LE(0, vblk_begin(&self->d.v, large, &io, NULL));
		for (n = 0; !vdrv_vq_peek(large); n++) {
			/* It is two thirds of what they both have in a tenth of a second. */
			ASSERT_GT(1000, n);
			while ((slot = vdrv_vq_slot(small)) >= 0)
				vblk_put(&self->d.v, small, slot, &(struct vblk_io){
					.type = VIRTIO_BLK_T_OUT, .sector = 128, .len = 512 });
			vdrv_vq_publish(small);
			vdrv_kick_always(small);
			ASSERT_EQ(1, vblk_wait(small, &done, 20000));
			ASSERT_EQ(VIRTIO_BLK_S_OK, done.status);
			vdrv_vq_release(small, done.slot);
		}
		ASSERT_EQ(1, vblk_wait(large, &done, 0));
		ASSERT_EQ(VIRTIO_BLK_S_OK, done.status);
		vdrv_vq_release(large, done.slot);
	}
}

/* --- what is no read or write --- */

#define FILE_	"/tmp/blk-limits"
#define RANGES	4

FIXTURE(costs)
{
	struct disk d;
	char dev[32];
};

FIXTURE_VARIANT(costs)
{
	uint32_t type;
	const char *limit;
	/* What one request of RANGES ranges of IO bytes counts as, of RATE a second. */
	unsigned int cost;
};

FIXTURE_VARIANT_ADD(costs, zeroes_requests) {
	.type = VIRTIO_BLK_T_WRITE_ZEROES, .cost = RANGES,
	.limit = "write-iops 400 write-iops-burst 20" };
FIXTURE_VARIANT_ADD(costs, zeroes_bytes) {
	.type = VIRTIO_BLK_T_WRITE_ZEROES, .cost = RANGES,
	.limit = "write-bps 6553600 write-bps-burst 327680" };
FIXTURE_VARIANT_ADD(costs, discard_requests) {
	.type = VIRTIO_BLK_T_DISCARD, .cost = RANGES,
	.limit = "write-iops 400 write-iops-burst 20" };
FIXTURE_VARIANT_ADD(costs, discard_bytes) {
	.type = VIRTIO_BLK_T_DISCARD, .cost = RANGES,
	.limit = "write-bps 6553600 write-bps-burst 327680" };
FIXTURE_VARIANT_ADD(costs, flush) {
	.type = VIRTIO_BLK_T_FLUSH, .cost = 1,
	.limit = "write-iops 400 write-iops-burst 20" };

FIXTURE_SETUP(costs)
{
	ASSERT_EQ(0, rig_loop_add(FILE_, 4 * MB, self->dev));
	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, variant->limit));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &(struct vdrv_cfg){
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VBLK_F(WRITE_ZEROES) |
			    VBLK_F(DISCARD),
		.num = 64, .disk_buf = 8 * KB, .disk_seg = 4 }));
}

FIXTURE_TEARDOWN(costs)
{
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, rig_loop_del(FILE_, self->dev));
}

static void ask(struct disk *d, uint32_t type, unsigned int slot)
{
	struct virtio_blk_discard_write_zeroes *range = vblk_at(&d->v.vq[0], slot, VBLK_DATA);
	struct vblk_io io = { .type = type };
	unsigned int i;

	if (type != VIRTIO_BLK_T_FLUSH)
		io.len = RANGES * sizeof(*range);
	for (i = 0; i < RANGES; i++)
		range[i] = (struct virtio_blk_discard_write_zeroes){
			.sector = (slot * RANGES + i) % 64 * (IO / 512),
			.num_sectors = IO / 512,
			/* The only zeroes that a file's device may have. */
			.flags = type == VIRTIO_BLK_T_WRITE_ZEROES ?
				 VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0 };
	vblk_put(&d->v, &d->v.vq[0], slot, &io);
}

/* Each counts, whatever the device makes of it; whoever asks for a status only does not. */
TEST_F_TIMEOUT(costs, count, 120)
{
	const struct vblk_io id = { .type = VIRTIO_BLK_T_GET_ID, .len = VIRTIO_BLK_ID_BYTES };
	struct vdrv_vq *q = &self->d.v.vq[0];
	uint64_t done = 0, most;
	struct timespec since;
	struct vblk_done d;
	unsigned int i;
	char name[VIRTIO_BLK_ID_BYTES];
	int slot;

	clock_gettime(CLOCK_MONOTONIC, &since);
	while (done < 20 * BURST) {
		while ((slot = vdrv_vq_slot(q)) >= 0)
			ask(&self->d, variant->type, slot);
		vdrv_vq_publish(q);
		vdrv_kick_always(q);
		ASSERT_EQ(1, vblk_wait(q, &d, 20000));
		ASSERT_EQ(VIRTIO_BLK_S_OK, d.status);
		vdrv_vq_release(q, d.slot);
		done += variant->cost;
		/* One by itself always passes. */
		most = allowed(&since) + variant->cost;
		ASSERT_GE(most, done);
	}
	ASSERT_EQ(0, unload(q, 20000));
	for (i = 0; i < 4 * BURST; i++)
		ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&self->d.v, q, &id, name));
}

/* All of a disk is discarded: what follows does not wait until as much could have been written. */
TEST_F_TIMEOUT(costs, one_discard, 120)
{
	struct virtio_blk_discard_write_zeroes range = { .num_sectors = 4 * MB / 512 };
	struct vblk_io io = { .type = VIRTIO_BLK_T_DISCARD, .len = sizeof(range) };
	unsigned char data[512] = {};

	if (variant->type != VIRTIO_BLK_T_DISCARD)
		return;
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " write-iops 0 write-bps 1024"));
	ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&self->d.v, &self->d.v.vq[0], &io, &range));
	/* In time for vblk_do(), and not in an hour. */
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, data, 512));
}

/* --- groups --- */

#define OTHER	"sllim1"
#define GROUP	"sllim"

static int group_disk(struct disk *d, const char *name, unsigned int queues, unsigned int num)
{
	char dev[32], more[64];
	int ret;

	snprintf(dev, sizeof(dev), "/dev/%s", name);
	ret = rig_null_add(name, "size=8");
	snprintf(more, sizeof(more), "group " GROUP " queues %u", queues);
	ret = ret ?: rig_volume_add(name, dev, more);
	return ret ?: disk_open(d, name, &(struct vdrv_cfg){
		.features = DISK_FEATURES | VDRV_F_INDIRECT | (queues > 1 ? VBLK_F(MQ) : 0),
		.num = num, .disk_queues = queues, .disk_buf = 32 * KB, .disk_seg = 8 });
}

static int group_undo(struct disk *d, const char *name)
{
	disk_close(d);
	return rig_volume_del(name) ?: rig_null_pull(name) ?: rig_null_del(name);
}

/* Keep the ring full of writes, and take what is done. Return: how many were. */
static int push(struct disk *d)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = IO };
	struct vdrv_vq *q = &d->v.vq[0];
	struct vblk_done done;
	int slot, n = 0;

	while (vblk_wait(q, &done, 0) == 1) {
		if (done.status != VIRTIO_BLK_S_OK)
			return -EIO;
		vdrv_vq_release(q, done.slot);
		n++;
	}
	while ((slot = vdrv_vq_slot(q)) >= 0)
		vblk_put(&d->v, q, slot, &io);
	vdrv_vq_publish(q);
	vdrv_kick_always(q);
	return n;
}

/* Two have one limit together, and share it; whichever is reset or suspended, it holds. */
TEST(group)
{
	struct disk d[2];
	uint64_t done[2] = {};
	struct timespec since;
	unsigned int i, k;
	int n;

	ASSERT_EQ(0, netio_run("sluice volume-group add " GROUP));
	ASSERT_EQ(0, group_disk(&d[0], NAME, 1, 64));
	ASSERT_EQ(0, group_disk(&d[1], OTHER, 1, 64));
	clock_gettime(CLOCK_MONOTONIC, &since);
	/* While they are in it. */
	ASSERT_EQ(0, netio_run("sluice volume-group set " GROUP
			       " write-iops 400 write-iops-burst 20"));
	for (i = 0; done[0] + done[1] < 40 * BURST; i++) {
		for (k = 0; k < 2; k++) {
			n = push(&d[k]);
			ASSERT_LE(0, n);
			done[k] += n;
		}
		EXPECT_GE(allowed(&since), done[0] + done[1]);
		usleep(1000);
	}
	/* Neither had the other's part. */
	for (k = 0; k < 2; k++)
		EXPECT_LE(40 * BURST / 3, done[k]);
	ASSERT_EQ(0, suspend(&d[0]));
	ASSERT_EQ(0, reset(&d[1]));
	n = unload(&d[0].v.vq[0], 0);
	ASSERT_LE(0, n);
	done[0] += d[0].v.vq[0].nslot - n;
	/* It paid for both. */
	ASSERT_LE(0, push(&d[1]));
	ASSERT_EQ(0, unload(&d[1].v.vq[0], 20000));
	done[1] += d[1].v.vq[0].nslot;
	ASSERT_EQ(0, unload(&d[0].v.vq[0], 20000));
	done[0] += n;
	EXPECT_GE(allowed(&since), done[0] + done[1]);
	/* One that leaves has no limit, whatever it waited for. */
	ASSERT_EQ(0, netio_run("sluice volume-group set " GROUP
			       " write-iops 1 write-iops-burst 1"));
	ASSERT_LE(0, push(&d[0]));
	ASSERT_LE(0, push(&d[1]));
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " group none"));
	EXPECT_EQ(0, unload(&d[0].v.vq[0], 20000));
	EXPECT_NE(0, netio_run("sluice volume-group del " GROUP));
	ASSERT_EQ(0, netio_run("sluice volume-group set " GROUP " write-iops 0"));
	EXPECT_EQ(0, unload(&d[1].v.vq[0], 20000));
	EXPECT_EQ(0, group_undo(&d[0], NAME));
	EXPECT_EQ(0, group_undo(&d[1], OTHER));
	EXPECT_EQ(0, netio_run("sluice volume-group del " GROUP));
}

/* Of RATE. */
#define SURE		200
#define NEIGHBOURS	8

/* Requests in a ring, and of those in all rings that are done. */
static unsigned int lay(struct disk *d, unsigned int queues)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = IO };
	unsigned int i, n = 0;
	int slot;

	for (i = 0; i < queues; i++) {
		while ((slot = vdrv_vq_slot(&d->v.vq[i])) >= 0) {
			vblk_put(&d->v, &d->v.vq[i], slot, &io);
			n++;
		}
		vdrv_vq_publish(&d->v.vq[i]);
	}
	return n;
}

static void kick(struct disk *d, unsigned int queues)
{
	while (queues--)
		vdrv_kick_always(&d->v.vq[queues]);
}

static int unload_all(struct disk *d)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < d->v.nr_vqs && !ret; i++)
		ret = unload(&d->v.vq[i], 20000);
	return ret;
}

static unsigned int came(const struct disk *d, unsigned int queues)
{
	unsigned int n = 0;

	while (queues--)
		n += __atomic_load_n(&d->v.vq[queues].used->idx, __ATOMIC_ACQUIRE);
	return n;
}

/*
 * What both had at one moment at which both had more to do: the last that is seen. However late one
 * looks, it is no moment at which the modest one had all; then there may be none. Return: what the
 * modest one had.
 */
static unsigned int compare(struct disk *greedy, struct disk *modest, unsigned int all,
			    unsigned int *neighbours)
{
	unsigned int n, other, last = 0;

	while ((n = came(modest, 1)) < all * 9 / 10) {
		other = came(greedy, NEIGHBOURS);
		if (came(modest, 1) == n) {
			*neighbours = other;
			last = n;
		}
		usleep(2000);
	}
	return last;
}

FIXTURE(guaranteed)
{
	struct disk d[2];
};

FIXTURE_SETUP(guaranteed)
{
	ASSERT_EQ(0, netio_run("sluice volume-group add " GROUP
			       " write-iops 400 write-iops-burst 4"));
	ASSERT_EQ(0, group_disk(&self->d[0], NAME, NEIGHBOURS, 64));
	ASSERT_EQ(0, group_disk(&self->d[1], OTHER, 1, 256));
	ASSERT_EQ(0, netio_run("sluice volume set " OTHER " write-iops-min 200"));
}

/* What waits does not wait for long. */
FIXTURE_TEARDOWN(guaranteed)
{
	EXPECT_EQ(0, group_undo(&self->d[0], NAME));
	EXPECT_EQ(0, group_undo(&self->d[1], OTHER));
	EXPECT_EQ(0, netio_run("sluice volume-group del " GROUP));
}

/*
 * A neighbour in many queues cannot press a volume below what it is guaranteed, nor by what a VMM
 * has done at once; and both together have no more than the limit.
 */
TEST_F_TIMEOUT(guaranteed, share, 120)
{
	unsigned int all, n = 0, other = 0, tries, was;
	struct disk *greedy = &self->d[0], *modest = &self->d[1];
	struct timespec since;

	for (tries = 0; n < 100 && tries < 5; tries++) {
		ASSERT_EQ(0, tries ? reset(greedy) ?: reset(modest) : 0);
		all = lay(modest, 1);
		lay(greedy, NEIGHBOURS);
		clock_gettime(CLOCK_MONOTONIC, &since);
		kick(greedy, NEIGHBOURS);
		kick(modest, 1);
		n = compare(greedy, modest, all, &other);
		EXPECT_GE(allowed(&since) + SURE / 10, came(modest, 1) + other);
	}
	TH_LOG("%u of %u", n, n + other);
	ASSERT_LE(100, n);
	EXPECT_LE((n + other) * SURE / RATE * 95 / 100, n);
	/* It has all at once, and the group owes it; until that is paid it has nothing more. */
	ASSERT_EQ(0, unload(&modest->v.vq[0], 20000));
	was = came(greedy, NEIGHBOURS);
	ASSERT_EQ(0, suspend(greedy));
	other = came(greedy, NEIGHBOURS);
	ASSERT_EQ(0, unload_all(greedy));
	lay(greedy, NEIGHBOURS);
	n = came(modest, 1);
	all = lay(modest, 1);
	kick(modest, 1);
	kick(greedy, NEIGHBOURS);
	while (came(greedy, NEIGHBOURS) == other && came(modest, 1) < n + all)
		usleep(2000);
	n = came(modest, 1) - n;
	TH_LOG("%u while %u are owed", n, other - was);
	EXPECT_LE((other - was) * SURE / RATE / 2, n);
}

TEST_HARNESS_MAIN
