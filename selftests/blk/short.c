// SPDX-License-Identifier: GPL-2.0-only
/*
 * No page can be had: encrypted and copied requests get on all the same, one after another, on all
 * queues, and none of them fails. So what is swapped or written back to a volume frees memory.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "mockram.h"
#include "rig.h"
#include "shortage.h"

#define NAME	"slshort"
#define KEY	"logon:slshort:test"
#define QUEUES	2
#define LEN	(4 * MB)
#define SMALL	(64 * KB)
#define ROUNDS	8

FIXTURE(short)
{
	struct disk d;
	struct shortage s;
	unsigned char *data;
};

FIXTURE_VARIANT(short)
{
	const char *more;
	uint32_t off;
};

FIXTURE_VARIANT_ADD(short, encrypted) { .more = "queues 2 key " KEY };
FIXTURE_VARIANT_ADD(short, copied) { .more = "queues 2", .off = 100 };

static int key_add(void)
{
	unsigned char key[64];
	unsigned int i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = i * 37 + 11;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return -errno;
	return syscall(SYS_add_key, "logon", "slshort:test", key, sizeof(key),
		       KEY_SPEC_SESSION_KEYRING) > 0 ? 0 : -errno;
}

FIXTURE_SETUP(short)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES | VDRV_F_INDIRECT | VBLK_F(MQ),
				      .num = 16, .disk_queues = QUEUES,
				      .disk_buf = VBLK_DATA + 4 * KB + LEN, .disk_seg = 8 };

	self->d.v.fd = -1;
	self->data = rig_alloc(2 * LEN);
	rig_pattern(self->data, 2 * LEN, 0, 1);
	ASSERT_EQ(0, mockram_load());
	ASSERT_EQ(0, key_add());
	ASSERT_EQ(0, rig_volume_add(NAME, MOCKRAM, variant->more));
	ASSERT_EQ(0, shortage_prepare(&self->s));
	/* Nothing has been asked of it: its queues keep no pages yet. */
	ASSERT_EQ(0, disk_open(&self->d, NAME, &cfg));
}

FIXTURE_TEARDOWN(short)
{
	shortage_end(&self->s);
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	free(self->data);
}

static int begin(struct disk *d, unsigned int queue, uint32_t type, uint64_t at, uint32_t len,
		 uint32_t off, const void *data)
{
	const struct vblk_io io = { .type = type, .sector = at / 512, .len = len, .off = off };

	return vblk_begin(&d->v, &d->v.vq[queue], &io, data);
}

/* One of @queue; *slot: which. */
static int await(struct disk *d, unsigned int queue, unsigned int *slot)
{
	struct vblk_done done;
	int ret = vblk_wait(&d->v.vq[queue], &done, 60000);

	if (ret != 1)
		return ret ?: -ETIMEDOUT;
	*slot = done.slot;
	vdrv_vq_release(&d->v.vq[queue], done.slot);
	return done.status;
}

/* The longest that there are, on both queues at once, again and again. */
static int long_ones(struct disk *d, uint32_t type, uint32_t off, unsigned char *data)
{
	unsigned int q, slot;
	int ret = 0;

	for (q = 0; q < QUEUES && ret >= 0; q++)
		ret = begin(d, q, type, q * LEN, LEN, off, data ? data + q * LEN : NULL);
	for (q = 0; q < QUEUES && ret >= 0; q++)
		ret = await(d, q, &slot) ? -EIO : 0;
	return ret;
}

TEST_F_TIMEOUT(short, long_ones, 240)
{
	unsigned int i;
	int ret = 0;

	ASSERT_EQ(0, shortage_begin(&self->s));
	for (i = 0; i < ROUNDS && !ret; i++) {
		ret = long_ones(&self->d, VIRTIO_BLK_T_OUT, variant->off, self->data);
		ret = ret ?: long_ones(&self->d, VIRTIO_BLK_T_IN, variant->off, NULL);
	}
	EXPECT_TRUE(shortage_lasted(&self->s));
	ASSERT_EQ(0, shortage_pause(&self->s));
	EXPECT_EQ(0, ret);
	for (i = 0; i < QUEUES; i++)
		EXPECT_EQ(0, memcmp(self->data + i * LEN,
				    vblk_at(&self->d.v.vq[i], 0, VBLK_DATA + variant->off), LEN));
}

/* As many as the rings take: each has a place of its own. */
static int many(struct disk *d, uint32_t type, uint32_t off, const unsigned char *data)
{
	unsigned int q, i, slot;
	int ret = 0;

	for (i = 0; i < 16 && ret >= 0; i++) {
		for (q = 0; q < QUEUES && ret >= 0; q++) {
			uint64_t at = (i * QUEUES + q) * SMALL;

			ret = begin(d, q, type, at, SMALL, off, data + at);
		}
	}
	for (i = 0; i < 16 && ret >= 0; i++) {
		for (q = 0; q < QUEUES && ret >= 0; q++)
			ret = await(d, q, &slot) ? -EIO : 0;
	}
	return ret;
}

TEST_F_TIMEOUT(short, many, 240)
{
	unsigned char *copy = rig_alloc(LEN);
	unsigned int i;
	int ret = 0;

	ASSERT_EQ(0, shortage_begin(&self->s));
	for (i = 0; i < ROUNDS && !ret; i++) {
		ret = many(&self->d, VIRTIO_BLK_T_OUT, variant->off, self->data);
		ret = ret ?: many(&self->d, VIRTIO_BLK_T_IN, variant->off, self->data);
	}
	EXPECT_TRUE(shortage_lasted(&self->s));
	ASSERT_EQ(0, shortage_pause(&self->s));
	EXPECT_EQ(0, ret);
	ASSERT_EQ(0, disk_read(&self->d, 0, copy, 32 * SMALL));
	EXPECT_EQ(0, memcmp(self->data, copy, 32 * SMALL));
	free(copy);
}

TEST_HARNESS_MAIN
