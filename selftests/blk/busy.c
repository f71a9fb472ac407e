// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that has no room: its requests wait for it, and nobody else does. It takes one request
 * at a time, for seconds; what goes to it meanwhile shall not keep the worker, which serves another
 * volume, too. A worker that waited would be free when there is room for the last of them; so the
 * other volume's requests are to be done while two or more are left, however long that takes.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slbusy"
#define OTHER	"slother"
#define IO	(16 * KB)
#define SETTINGS							\
	"size=8 hw_queue_depth=1 irqmode=2 discard=1 max_sectors=64 "	\
	"completion_nsec=2000000000"

FIXTURE(busy)
{
	struct disk d, other;
	unsigned char *data;
};

static int start(struct disk *d, const char *name, const char *settings)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VBLK_F(DISCARD), .num = 64,
		.disk_queues = 1, .disk_buf = 132 * KB, .disk_seg = 40 };
	char dev[32];
	int ret = rig_null_add(name, settings);

	snprintf(dev, sizeof(dev), "/dev/%s", name);
	ret = ret ? ret : rig_volume_add(name, dev, "");
	return ret ? ret : disk_open(d, name, &cfg);
}

static void stop(struct disk *d, const char *name)
{
	disk_close(d);
	rig_volume_del(name);
	rig_null_pull(name);
	rig_null_del(name);
}

FIXTURE_SETUP(busy)
{
	self->data = rig_alloc(IO);
	ASSERT_EQ(0, start(&self->d, NAME, SETTINGS));
	ASSERT_EQ(0, start(&self->other, OTHER, "size=8 discard=1"));
}

FIXTURE_TEARDOWN(busy)
{
	stop(&self->other, OTHER);
	stop(&self->d, NAME);
	free(self->data);
}

static int begin(struct disk *d, uint32_t type, uint64_t sector, uint32_t len)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = sector, .num_sectors = 8 };
	struct vblk_io io = { .type = type, .sector = sector, .len = len };

	if (type == VIRTIO_BLK_T_DISCARD) {
		io.sector = 0;
		io.len = sizeof(range);
	}
	return vblk_begin(&d->v, &d->v.vq[0], &io, &range) < 0 ? -EIO : 0;
}

/* All of them end well, when the device gets to them. */
static int await_all(struct disk *d)
{
	struct vdrv_vq *q = &d->v.vq[0];
	struct vblk_done done;
	int ret;

	while (q->nfree < q->nslot) {
		ret = vblk_wait(q, &done, 30000);
		if (ret != 1 || done.status != VIRTIO_BLK_S_OK)
			return ret < 0 ? ret : -EIO;
		vdrv_vq_release(q, done.slot);
	}
	return 0;
}

static int others_go_on(struct disk *other, unsigned char *data)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < 16; i++)
		ret = disk_read(other, i, data, 4 * KB);
	if (!ret && netio_run("sluice -s volume show " NAME
			      " | grep -qE 'in-flight ([2-9]|1[0-9])'"))
		ret = -EBUSY;
	return ret;
}

/* More than it has room for. */
TEST_F_TIMEOUT(busy, no_room, 120)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_IN, i * 64, 4 * KB));
	EXPECT_EQ(0, others_go_on(&self->other, self->data));
	EXPECT_EQ(0, await_all(&self->d));
}

/* What has no data. */
TEST_F_TIMEOUT(busy, commands, 120)
{
	unsigned int i;

	ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_IN, 0, 4 * KB));
	ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_FLUSH, 0, 0));
	for (i = 1; i < 7; i++)
		ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_DISCARD, i * 64, 0));
	EXPECT_EQ(0, others_go_on(&self->other, self->data));
	EXPECT_EQ(0, await_all(&self->d));
}

/* What the block layer splits: it never takes that without waiting. */
TEST_F_TIMEOUT(busy, split, 120)
{
	unsigned int i;

	ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_IN, 0, 4 * KB));
	for (i = 1; i < 5; i++)
		ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_IN, i * 256, 64 * KB));
	EXPECT_EQ(0, others_go_on(&self->other, self->data));
	EXPECT_EQ(0, await_all(&self->d));
}

/* The driver leaves: the worker is asked, and answers. */
TEST_F_TIMEOUT(busy, leaves, 120)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, begin(&self->d, VIRTIO_BLK_T_IN, i * 64, 4 * KB));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(0, disk_read(&self->d, 0, self->data, 4 * KB));
	EXPECT_NE(0, netio_run("sluice worker show | grep -qiE 'stuck|dead'"));
}

/* Sectors that the device was written. */
static unsigned long long written(const char *name)
{
	unsigned long long sectors = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*u %*u %*u %*u %*u %*u %llu", &sectors) != 1)
		sectors = 0;
	if (f)
		fclose(f);
	return sectors;
}

/*
 * One request is more than the device takes at a time, and has not room for all of its parts: the
 * device does none of them more than twice, for the guest pays for one.
 */
TEST(large)
{
	const uint32_t len = 512 * KB;
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT, .num = 64, .disk_queues = 1,
		.disk_buf = VBLK_DATA + 4 * KB + len, .disk_seg = 80 };
	struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = len, .seg = 64 * KB };
	unsigned char *data = rig_alloc(len);
	struct vblk_done done;
	unsigned int i;
	struct disk d;

	ASSERT_EQ(0, rig_null_add(NAME, "size=8 memory_backed=0 irqmode=2 hw_queue_depth=8 "
					"max_sectors=64 completion_nsec=3000000"));
	ASSERT_EQ(0, rig_volume_add(NAME, "/dev/" NAME, ""));
	ASSERT_EQ(0, disk_open(&d, NAME, &cfg));
	for (i = 0; i < 8; i++) {
		io.sector = i * (uint64_t)len / 512;
		ASSERT_LE(0, vblk_begin(&d.v, &d.v.vq[0], &io, data));
		ASSERT_EQ(1, vblk_wait(&d.v.vq[0], &done, 20000));
		EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
		vdrv_vq_release(&d.v.vq[0], done.slot);
	}
	EXPECT_GE(written(NAME), 8ULL * len / 512);
	EXPECT_LE(written(NAME), 16ULL * len / 512);
	stop(&d, NAME);
	free(data);
}

/* --- what one visit does --- */

#define HUNG	"slhung"
#define GREEDY	"slgreedy"
#define RANGES	16
#define RANGE	(2048 * MB)
#define LONG	16
/* Whatever the machine has to do, less than that. */
#define ROUND_NS	60000000000LL

/* A disk that hangs, what a guest has the worker decrypt, and who is beside them. */
FIXTURE(beside)
{
	struct disk hung, greedy, other;
	char loop[32], dev[32];
	unsigned char *data;
};

/* Also what a case left that ended early. */
static void beside_clean(void)
{
	netio_run("dmsetup resume " HUNG " --noudevsync; for i in " HUNG " " GREEDY " " OTHER
		  "; do sluice volume del $i; done; dmsetup remove " HUNG " --noudevsync;"
		  "losetup -j /tmp/slhung | sed 's/:.*//' | xargs -r losetup -d;"
		  "rm -f /tmp/slhung; cd /sys/kernel/config/nullb; "
		  "for i in " GREEDY " " OTHER "; do echo 0 >$i/power; rmdir $i; done;"
		  "sluice worker del cpu 0");
}

static int beside_add(struct disk *d, const char *name, const char *dev, const char *more,
		      uint64_t features)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | features, .num = 64,
		.disk_buf = VBLK_DATA + MB + 4 * KB, .disk_seg = 8 };

	return rig_volume_add(name, dev, more) ?: disk_open(d, name, &cfg);
}

FIXTURE_SETUP(beside)
{
	char table[64];

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	beside_clean();
	self->data = rig_alloc(IO);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slbusy:key", 37, 64));
	ASSERT_EQ(0, rig_loop_add("/tmp/slhung", RANGES * RANGE, self->loop));
	snprintf(table, sizeof(table), "0 %lu linear %s 0", RANGES * RANGE / 512, self->loop);
	ASSERT_EQ(0, rig_dm_add(HUNG, table, self->dev));
	ASSERT_EQ(0, rig_null_add(GREEDY, "size=32"));
	ASSERT_EQ(0, rig_null_add(OTHER, "size=8"));
	ASSERT_EQ(0, netio_run("sluice worker add cpu 0"));
	ASSERT_EQ(0, beside_add(&self->hung, HUNG, self->dev, "", VBLK_F(WRITE_ZEROES)));
	ASSERT_EQ(0, beside_add(&self->greedy, GREEDY, "/dev/" GREEDY, "key logon:slbusy:key", 0));
	ASSERT_EQ(0, beside_add(&self->other, OTHER, "/dev/" OTHER, "", 0));
}

FIXTURE_TEARDOWN(beside)
{
	netio_run("dmsetup resume " HUNG " --noudevsync");
	disk_close(&self->hung);
	disk_close(&self->greedy);
	disk_close(&self->other);
	beside_clean();
	free(self->data);
}

/* What `sluice -j -s @what` tells first by that name. */
static long long number(const char *what, const char *name)
{
	long long n = -1;
	char cmd[192];
	FILE *out;

	snprintf(cmd, sizeof(cmd), "sluice -j -s %s | tr ',' '\\n' | sed -n "
		 "'s/.*\"%s\": *\\([0-9]*\\).*/\\1/p' | head -n 1", what, name);
	out = popen(cmd, "r");
	if (!out || fscanf(out, "%lld", &n) != 1)
		n = -1;
	if (out)
		pclose(out);
	return n;
}

static bool hangs(const char *words)
{
	return !netio_run("sluice -s volume show " HUNG " | grep -q 'in-flight %s'", words);
}

/* As much as a request can ask for, and some that do not. */
static int ask_hung(struct disk *d)
{
	struct virtio_blk_discard_write_zeroes range[RANGES];
	const struct vblk_io zeroes = { .type = VIRTIO_BLK_T_WRITE_ZEROES, .len = sizeof(range) };
	const struct vblk_io read = { .type = VIRTIO_BLK_T_IN, .len = 4 * KB };
	unsigned int i;
	int ret = 0;

	for (i = 0; i < RANGES; i++)
		range[i] = (struct virtio_blk_discard_write_zeroes){
			.sector = i * RANGE / 512, .num_sectors = RANGE / 512,
			.flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP };
	for (i = 0; i < 2 && ret >= 0; i++)
		ret = vblk_begin(&d->v, &d->v.vq[0], &zeroes, range);
	for (i = 0; i < 2 && ret >= 0; i++)
		ret = vblk_begin(&d->v, &d->v.vq[0], &read, NULL);
	return ret < 0 ? ret : 0;
}

/* All of it lies there when the worker begins. */
static void ask_greedy(struct disk *d)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = MB };
	struct vdrv_vq *q = &d->v.vq[0];
	unsigned int i;

	for (i = 0; i < LONG; i++)
		vblk_put(&d->v, q, vdrv_vq_slot(q), &io);
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
}

/* Those that are back. Return: are all, and well? */
static int all_well(struct disk *d, bool *all)
{
	struct vdrv_vq *q = &d->v.vq[0];
	struct vblk_done done;
	int ret;

	while ((ret = vblk_wait(q, &done, 0)) == 1) {
		vdrv_vq_release(q, done.slot);
		if (done.status != VIRTIO_BLK_S_OK)
			return -EIO;
	}
	*all = q->nfree == q->nslot;
	return ret;
}

/* The neighbour is served beside it, 16 times or more, until all of it is back. */
static int goes_on_beside(struct disk *other, struct disk *d, unsigned char *data)
{
	bool all = false;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && (i < 16 || !all); i++)
		ret = disk_read(other, i % 16, data, 4 * KB) ?: all_well(d, &all);
	return ret;
}

/*
 * The neighbour's requests are done while one disk hangs, and whatever the others ask for: nobody
 * has more than one long request deciphered before others have their turn, however many lie there.
 */
TEST_F_TIMEOUT(beside, bounded, 120)
{
	long long before, visits, longest;

	ASSERT_EQ(0, netio_run("dmsetup suspend --noflush --nolockfs " HUNG " --noudevsync"));
	ASSERT_EQ(0, ask_hung(&self->hung));
	ASSERT_EQ(0, rig_await(hangs, "4", true));
	before = number("volume show " GREEDY, "visits");
	ask_greedy(&self->greedy);
	EXPECT_EQ(0, goes_on_beside(&self->other, &self->greedy, self->data));
	EXPECT_TRUE(hangs("4"));
	visits = number("volume show " GREEDY, "visits") - before;
	EXPECT_GE(visits, LONG);
	ASSERT_EQ(0, netio_run("dmsetup resume " HUNG " --noudevsync"));
	EXPECT_EQ(0, goes_on_beside(&self->other, &self->hung, self->data));
	longest = number("worker show", "longest-round-ns");
	TH_LOG("%lld visits for %u requests, longest round %lld ns", visits, LONG, longest);
	EXPECT_GT(longest, 0);
	EXPECT_LT(longest, ROUND_NS);
}

TEST_HARNESS_MAIN
