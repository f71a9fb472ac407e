// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that raise no interrupt: on a device with queues to poll, below a worker that polls.
 * What comes back so is counted; what cannot be polled for has an interrupt; and nobody leaves
 * while some are under way.
 */
#include "kselftest_harness.h"
#include "mockram.h"
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define IO	(16 * KB)

FIXTURE(polled)
{
	struct disk d;
	bool open;
};

FIXTURE_SETUP(polled)
{
}

/* What a test could not undo as it ended too soon. */
FIXTURE_TEARDOWN(polled)
{
	if (!self->open)
		return;
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	netio_run("sluice worker del cpu 0");
}

static const struct vdrv_cfg common = {
	.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
	.num = 128, .disk_queues = 1, .disk_buf = 132 * KB, .disk_seg = 40,
};

/* @mode: of a worker that is asked for; NULL: the one that is there by itself. */
static int start(struct disk *d, const char *settings, const char *mode)
{
	int ret = rig_null_add(NAME, settings);

	if (!ret && mode && netio_run("sluice worker add cpu 0 mode %s", mode))
		ret = -EIO;
	ret = ret ? ret : rig_volume_add(NAME, DEV, "");
	return ret ? ret : disk_open(d, NAME, &common);
}

/* How many requests were completed by looking. */
static long looked_for(void)
{
	FILE *out = popen("sluice -j -s volume show " NAME
			  " | sed -n 's/.*\"polled\": *\\([0-9]*\\).*/\\1/p'", "r");
	long n = -1;

	if (!out)
		return -1;
	if (fscanf(out, "%ld", &n) != 1)
		n = -1;
	pclose(out);
	return n;
}

/* All slots at once, written and read again; each data block is its own. */
static int round_of(struct disk *d, uint32_t type, uint32_t round)
{
	struct vdrv_vq *q = &d->v.vq[0];
	unsigned char *want = rig_alloc(IO);
	int slot, ret = 0;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		struct vblk_io io = { .type = type, .sector = slot * IO / 512, .len = IO };

		if (type == VIRTIO_BLK_T_OUT)
			rig_pattern(vblk_at(q, slot, VBLK_DATA), IO, slot * IO, round);
		vblk_put(&d->v, q, slot, &io);
	}
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
	while (!ret && q->nfree < q->nslot) {
		struct vblk_done done;

		ret = vblk_wait(q, &done, 20000);
		ret = ret == 1 ? 0 : ret ? ret : -ETIMEDOUT;
		if (!ret && done.status != VIRTIO_BLK_S_OK)
			ret = -EIO;
		if (!ret && type == VIRTIO_BLK_T_IN) {
			rig_pattern(want, IO, done.slot * IO, round);
			ret = memcmp(want, vblk_at(q, done.slot, VBLK_DATA), IO) ? -EBADMSG : 0;
		}
		if (!ret)
			vdrv_vq_release(q, done.slot);
	}
	free(want);
	return ret;
}

static int rounds(struct disk *d, unsigned int n)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < n; i++) {
		ret = round_of(d, VIRTIO_BLK_T_OUT, i);
		ret = ret ? ret : round_of(d, VIRTIO_BLK_T_IN, i);
	}
	return ret;
}

/* Reads and writes come back by looking, all of them; flushes do not. */
TEST_F_TIMEOUT(polled, all, 120)
{
	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1", "poll"));
	self->open = true;
	EXPECT_EQ(0, looked_for());
	ASSERT_EQ(0, rounds(&self->d, 4));
	EXPECT_EQ(4 * 2 * self->d.v.vq[0].nslot, looked_for());
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_flush(&self->d));
	EXPECT_EQ(4 * 2 * self->d.v.vq[0].nslot, looked_for());
}

/* A write that is made durable by itself may be followed by a flush, which nobody looks for. */
TEST_F_TIMEOUT(polled, write_through, 120)
{
	unsigned char data[4096] = {};

	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1 cache_size=1 fua=0", "poll"));
	self->open = true;
	self->d.cfg.features &= ~(VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, data, sizeof(data)));
	EXPECT_EQ(0, looked_for());
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, data, sizeof(data)));
	EXPECT_EQ(1, looked_for());
}

/* What the device takes in parts only is looked for, as what it takes in one. */
TEST_F_TIMEOUT(polled, split, 120)
{
	unsigned char *data = rig_alloc(128 * KB), *copy = rig_alloc(128 * KB);

	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1 max_sectors=64", "poll"));
	self->open = true;
	rig_pattern(data, 128 * KB, 0, 1);
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, data, 128 * KB));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, copy, 128 * KB));
	EXPECT_EQ(0, memcmp(data, copy, 128 * KB));
	EXPECT_EQ(2, looked_for());
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, copy, 32 * KB));
	EXPECT_EQ(3, looked_for());
	free(data);
	free(copy);
}

/* Without such queues, or on a worker that has no core of its own, there are interrupts. */
TEST_F_TIMEOUT(polled, none, 120)
{
	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=0", "poll"));
	self->open = true;
	ASSERT_EQ(0, rounds(&self->d, 2));
	EXPECT_EQ(0, looked_for());
}

TEST_F_TIMEOUT(polled, not_by_an_automatic_worker, 120)
{
	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1", NULL));
	self->open = true;
	ASSERT_EQ(0, rounds(&self->d, 2));
	EXPECT_EQ(0, looked_for());
}

/* The worker is told to sleep, and to poll again, under load: it sleeps only when all is back. */
TEST_F_TIMEOUT(polled, mode_changes, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1", "poll"));
	self->open = true;
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, netio_run("sh -c '(sleep 0.01; sluice worker set cpu 0 mode %s) &'",
				       i & 1 ? "poll" : "adaptive"));
		ASSERT_EQ(0, rounds(&self->d, 8));
	}
	EXPECT_GT(looked_for(), 0);
}

/*
 * All slots, at a device that lets 20 KB through in a fiftieth of a second, and nothing larger
 * ever: so none lies beside another, with which the block layer would make one of them.
 */
static void load(struct disk *d)
{
	struct vdrv_vq *q = &d->v.vq[0];
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .sector = 2 * slot * IO / 512,
				      .len = IO };

		vblk_put(&d->v, q, slot, &io);
	}
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
}

static unsigned int with_device(void)
{
	FILE *out = popen("awk '{ print $9 }' /sys/block/" NAME "/stat", "r");
	unsigned int reads = 0;

	if (!out)
		return 0;
	if (fscanf(out, "%u", &reads) != 1)
		reads = 0;
	pclose(out);
	return reads;
}

/* The driver leaves while some are under way: they end first, and the next driver has its own. */
TEST_F_TIMEOUT(polled, detach_under_load, 120)
{
	unsigned int i;

	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1 mbps=1", "poll"));
	self->open = true;
	for (i = 0; i < 3; i++) {
		load(&self->d);
		EXPECT_GT(with_device(), 0);
		ASSERT_EQ(0, disk_reopen(&self->d));
		EXPECT_EQ(0, with_device());
	}
	EXPECT_GT(looked_for(), 0);
}

/* The device goes while some are under way. */
TEST_F_TIMEOUT(polled, pulled_under_load, 120)
{
	struct vdrv_vq *q = &self->d.v.vq[0];
	struct vblk_done done;

	ASSERT_EQ(0, start(&self->d, "size=16 poll_queues=1 mbps=1", "poll"));
	self->open = true;
	load(&self->d);
	EXPECT_GT(with_device(), 0);
	ASSERT_EQ(0, rig_null_pull(NAME));
	while (q->nfree < q->nslot) {
		ASSERT_EQ(1, vblk_wait(q, &done, 20000));
		EXPECT_TRUE(done.status == VIRTIO_BLK_S_OK || done.status == VIRTIO_BLK_S_IOERR);
		vdrv_vq_release(q, done.slot);
	}
	EXPECT_EQ(0, netio_run("sluice volume show %s | grep -q dead", NAME));
}

/* --- a ring that is away --- */

FIXTURE(away)
{
	struct disk d;
	bool open;
};

FIXTURE_SETUP(away)
{
	ASSERT_EQ(0, mockram_load());
	ASSERT_EQ(0, mockram("poll"));
	ASSERT_EQ(0, netio_run("sluice worker add cpu 0 mode poll"));
	ASSERT_EQ(0, rig_volume_add(NAME, MOCKRAM, ""));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &common));
	self->open = true;
}

FIXTURE_TEARDOWN(away)
{
	mockram("go");
	if (self->open)
		disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	netio_run("sluice worker del cpu 0");
	EXPECT_EQ(0, mockram("interrupt"));
}

static bool in_flight(const char *words)
{
	return !netio_run("sluice -s volume show " NAME " | grep -q 'in-flight %s'", words);
}

static bool keeps(const char *words)
{
	struct mockram_counts c;

	return !mockram_counts(&c) && c.waiting == strtoul(words, NULL, 10);
}

/* The worker's thread, as the scheduler has it. */
static bool sleeps(const char *words)
{
	return !netio_run("cat /proc/[0-9]*/stat 2>/dev/null | grep -q '(sluice/%s) I '", words);
}

/*
 * The first that comes back cannot be published. The rest is looked for all the same, until the
 * device is done with it; then the worker sleeps, however long the ring is away.
 */
TEST_F_TIMEOUT(away, sleeps, 120)
{
	struct vdrv *v = &self->d.v;
	struct vdrv_vq *q = &v->vq[0];
	struct vblk_done done;
	unsigned int i;

	ASSERT_EQ(0, mockram("keep"));
	for (i = 0; i < 4; i++) {
		struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .sector = 2 * i * IO / 512,
				      .len = IO };

		ASSERT_LE(0, vblk_begin(v, q, &io, NULL));
	}
	ASSERT_EQ(0, rig_await(keeps, "4", true));
	ASSERT_EQ(0, vdrv_iotlb_invalidate(v, v->mem, v->ring_bytes));
	ASSERT_EQ(0, mockram("one"));
	ASSERT_EQ(0, rig_await(in_flight, "3", true));
	ASSERT_EQ(0, netio_run("sluice worker set cpu 0 mode adaptive"));
	EXPECT_FALSE(sleeps("0"));
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(0, rig_await(keeps, "0", true));
	EXPECT_EQ(0, rig_await(sleeps, "0", true));
	EXPECT_TRUE(in_flight("3"));
	ASSERT_EQ(0, vdrv_iotlb_update(v, v->mem, v->ring_bytes));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(1, vblk_wait(q, &done, 20000));
		EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
		vdrv_vq_release(q, done.slot);
	}
}

TEST_HARNESS_MAIN
