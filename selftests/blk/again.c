// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device refuses for now is sent again, and no more than that: each sector goes to it
 * once, what was encrypted or copied is not so again, and a request is counted once. Unless its
 * blocks get another key meanwhile.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include "mockram.h"
#include "rig.h"

#define NAME	"slagain"
#define JOURNAL	"/dev/slagainj"
#define SIZE	(8 * MB)
/* Of the mock disk's: it takes so much at once. */
#define PART	(128 * KB)
#define LEN	(4 * PART)
#define OLD	"logon:slagain:old"
#define NEW	"logon:slagain:new"

FIXTURE(again)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
};

FIXTURE_VARIANT(again)
{
	const char *more;
	/* Where data lies in the driver's memory: it goes to the device as it is, or does not. */
	uint32_t off;
};

FIXTURE_VARIANT_ADD(again, as_it_is) { .more = "size 8M" };
FIXTURE_VARIANT_ADD(again, copied) { .more = "size 8M", .off = 100 };
FIXTURE_VARIANT_ADD(again, encrypted) { .more = "size 8M key " OLD };
FIXTURE_VARIANT_ADD(again, both) { .more = "size 8M sector-size 4096 block-size 4096 key " OLD,
				   .off = 100 };

FIXTURE_SETUP(again)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES | VDRV_F_INDIRECT, .num = 64,
				      .disk_buf = VBLK_DATA + 4 * KB + LEN, .disk_seg = 8 };

	self->data = rig_alloc(LEN);
	self->copy = rig_alloc(LEN);
	self->d.v.fd = -1;
	ASSERT_EQ(0, mockram_load());
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slagain:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slagain:new", 41, 64));
	ASSERT_EQ(0, rig_volume_add(NAME, MOCKRAM, variant->more));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &cfg));
	ASSERT_EQ(0, mockram("count"));
	rig_pattern(self->data, LEN, 0, 1);
}

FIXTURE_TEARDOWN(again)
{
	mockram("go");
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	free(self->data);
	free(self->copy);
}

/* All of the data, in one request at the start; its status. */
static int transfer(struct disk *d, uint32_t type, void *data, uint32_t off)
{
	const struct vblk_io io = { .type = type, .len = LEN, .off = off };

	return vblk_do(&d->v, &d->v.vq[0], &io, data);
}

static int begin(struct disk *d, uint32_t type, const void *data, uint32_t off)
{
	const struct vblk_io io = { .type = type, .len = LEN, .off = off };

	return vblk_begin(&d->v, &d->v.vq[0], &io, data);
}

static int await(struct disk *d)
{
	struct vblk_done done;
	int ret = vblk_wait(&d->v.vq[0], &done, 60000);

	if (ret != 1)
		return ret ?: -ETIMEDOUT;
	vdrv_vq_release(&d->v.vq[0], done.slot);
	return done.status;
}

/* Requests that were counted with this stage. */
static int counted(const char *stage)
{
	char cmd[128];
	FILE *out;
	int n = 0;

	snprintf(cmd, sizeof(cmd), "sluice -s volume show " NAME
		 " | sed -n 's/.*%s requests \\([0-9]*\\).*/\\1/p'", stage);
	out = popen(cmd, "r");
	if (!out || fscanf(out, "%d", &n) != 1)
		n = 0;
	if (out)
		pclose(out);
	return n;
}

/* Every other part is refused at first. */
TEST_F(again, once)
{
	struct mockram_counts c;
	unsigned int i;

	ASSERT_EQ(0, mockram("refuse"));
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_OUT, self->data, variant->off));
	ASSERT_EQ(0, mockram_counts(&c));
	EXPECT_EQ(LEN / 512, c.sectors);
	EXPECT_LE(2, c.refused);
	ASSERT_EQ(0, mockram("count"));
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_IN, self->copy, variant->off));
	ASSERT_EQ(0, mockram_counts(&c));
	EXPECT_EQ(LEN / 512, c.sectors);
	EXPECT_LE(2, c.refused);
	EXPECT_EQ(0, memcmp(self->data, self->copy, LEN));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_IN, self->copy, variant->off));
	EXPECT_EQ(6, counted("queue"));
	EXPECT_EQ(6, counted("device"));
}

/* What is refused was sent on to another disk: it is asked of its own the next time. */
TEST_F(again, strayed)
{
	/* What other tests wrote there is gone. */
	memset(self->copy, 0, LEN);
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_OUT, self->copy, variant->off));
	ASSERT_EQ(0, mockram("stray"));
	ASSERT_EQ(0, mockram("refuse"));
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_OUT, self->data, variant->off));
	ASSERT_EQ(0, mockram("go"));
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_IN, self->copy, variant->off));
	EXPECT_EQ(0, memcmp(self->data, self->copy, LEN));
}

struct changing {
	unsigned char *where;
	bool stop;
};

static void *change(void *arg)
{
	struct changing *c = arg;
	unsigned int i;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED))
		for (i = 0; i < LEN; i += 512)
			c->where[i]++;
	return NULL;
}

/*
 * A driver that changes what it writes: what was encrypted, or copied, the first time goes to the
 * device in the end, however often that is asked.
 */
TEST_F(again, not_anew)
{
	struct changing c = { 0 };
	struct mockram_counts n;
	pthread_t thread;
	int slot;

	if (!strcmp(variant->more, "size 8M") && !variant->off)
		SKIP(return, "the device has what the driver has");
	ASSERT_EQ(0, mockram("busy"));
	slot = begin(&self->d, VIRTIO_BLK_T_OUT, self->data, variant->off);
	ASSERT_LE(0, slot);
	c.where = vblk_at(&self->d.v.vq[0], slot, VBLK_DATA + variant->off);
	ASSERT_EQ(0, pthread_create(&thread, NULL, change, &c));
	/* The worker gave up, and one that may wait does. */
	do {
		usleep(1000);
		ASSERT_EQ(0, mockram_counts(&n));
	} while (!n.waiting);
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, mockram_counts(&n));
	EXPECT_LE(8, n.refused);
	EXPECT_EQ(0, n.changed);
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(VIRTIO_BLK_S_OK, await(&self->d));
	ASSERT_EQ(0, mockram_counts(&n));
	EXPECT_EQ(LEN / 512, n.sectors);
}

static int rekeyed(void)
{
	int i;

	for (i = 0; i < 1500; i++) {
		if (netio_run("sluice volume show " NAME " | grep -q rekey-key"))
			return netio_run("sluice volume show " NAME " | grep -qF ' key " NEW "'") ?
				       -ENOKEY : 0;
		usleep(20000);
	}
	return -ETIMEDOUT;
}

/* One by one, until it is refused, and refused again. */
static void await_refused(struct __test_metadata *_metadata, unsigned int n)
{
	struct mockram_counts c;

	do {
		usleep(1000);
		ASSERT_EQ(0, mockram_counts(&c));
	} while (c.refused < n);
}

/*
 * While it is refused its blocks get another key: what was encrypted with the old one, or has been
 * read of it, is of no use.
 */
TEST_F_TIMEOUT(again, another_key, 240)
{
	struct mockram_counts c;
	int slot;

	if (!strstr(variant->more, "key"))
		SKIP(return, "it has none");
	ASSERT_EQ(0, rig_null_add("slagainj", "size=2 cache_size=1"));
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_OUT, self->data, variant->off));
	ASSERT_EQ(0, mockram("deny"));
	slot = begin(&self->d, VIRTIO_BLK_T_IN, NULL, variant->off);
	ASSERT_LE(0, slot);
	await_refused(_metadata, 10);
	ASSERT_EQ(0, netio_run("sluice volume rekey " NAME " key " NEW " journal " JOURNAL
				" unrecorded"));
	ASSERT_EQ(0, rekeyed());
	await_refused(_metadata, 20);
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(VIRTIO_BLK_S_OK, await(&self->d));
	EXPECT_EQ(0, memcmp(self->data, vblk_at(&self->d.v.vq[0], slot,
						VBLK_DATA + variant->off), LEN));

	/* Back to the old key, while it is written. */
	rig_pattern(self->data, LEN, 0, 2);
	ASSERT_EQ(0, mockram("count"));
	ASSERT_EQ(0, mockram("deny"));
	ASSERT_LE(0, begin(&self->d, VIRTIO_BLK_T_OUT, self->data, variant->off));
	await_refused(_metadata, 10);
	ASSERT_EQ(0, netio_run("dd if=/dev/zero of=" JOURNAL " bs=1M count=1 2>/dev/null"));
	ASSERT_EQ(0, netio_run("sluice volume rekey " NAME " key " OLD " journal " JOURNAL
				" unrecorded"));
	while (!netio_run("sluice volume show " NAME " | grep -q rekey-key"))
		usleep(20000);
	ASSERT_EQ(0, mockram_counts(&c));
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(VIRTIO_BLK_S_OK, await(&self->d));
	memset(self->copy, 0, LEN);
	ASSERT_EQ(0, transfer(&self->d, VIRTIO_BLK_T_IN, self->copy, variant->off));
	EXPECT_EQ(0, memcmp(self->data, self->copy, LEN));
	/* Nobody but the volume itself wrote the old key's. */
	EXPECT_LE(10, c.refused);
	rig_null_pull("slagainj");
	EXPECT_EQ(0, rig_null_del("slagainj"));
}

TEST_HARNESS_MAIN
