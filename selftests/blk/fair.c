// SPDX-License-Identifier: GPL-2.0-only
/* Volumes on one worker: none has more of it for having more queues, or more to do. */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define QUEUES	8
#define DEPTH	48
#define LEN	(64 * KB)

/* One reads with all the queues it has, the other with one. */
static struct disk greedy, modest;

static int volume(struct disk *d, const char *name, unsigned int queues)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | (queues > 1 ? VBLK_F(MQ) : 0),
		.num = 64, .disk_queues = queues, .disk_buf = LEN + 8 * KB, .disk_seg = 8 };
	char dev[32], more[64];
	int ret;

	snprintf(dev, sizeof(dev), "/dev/%s", name);
	snprintf(more, sizeof(more), "size 8M key logon:slblk:fair queues %u", queues);
	ret = rig_null_add(name, "size=8");
	ret = ret ?: rig_volume_add(name, dev, more);
	return ret ?: disk_open(d, name, &cfg);
}

static int undo(struct disk *d, const char *name)
{
	int ret;

	disk_close(d);
	ret = rig_volume_del(name);
	ret = ret ?: rig_null_pull(name);
	return ret ?: rig_null_del(name);
}

/* Requests that nobody is told of yet. */
static int lay(struct disk *d, unsigned int queue)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .len = LEN };
	struct vdrv_vq *q = &d->v.vq[queue];
	unsigned int i;
	int slot;

	for (i = 0; i < DEPTH; i++) {
		slot = vdrv_vq_slot(q);
		if (slot < 0)
			return slot;
		vblk_put(&d->v, q, slot, &io);
	}
	vdrv_vq_publish(q);
	return 0;
}

/* How many are done, @most at most, until no more come within @timeout_ms. */
static unsigned int reap(struct disk *d, unsigned int queue, unsigned int most, int timeout_ms)
{
	struct vdrv_vq *q = &d->v.vq[queue];
	struct vblk_done done;
	unsigned int n = 0;

	while (n < most && vblk_wait(q, &done, timeout_ms) == 1) {
		if (done.status != VIRTIO_BLK_S_OK)
			return 0;
		vdrv_vq_release(q, done.slot);
		n++;
	}
	return n;
}

/*
 * All of it lies there when the worker begins: when the modest one has had all of its own, the
 * other has had about as much, and not eight times that.
 */
TEST(queues)
{
	unsigned int i, n[QUEUES], sum = 0;

	ASSERT_EQ(0, volume(&greedy, "slblk0", QUEUES));
	ASSERT_EQ(0, volume(&modest, "slblk1", 1));
	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(0, lay(&greedy, i));
	ASSERT_EQ(0, lay(&modest, 0));
	for (i = 0; i < QUEUES; i++)
		vdrv_vq_kick(&greedy.v.vq[i]);
	vdrv_vq_kick(&modest.v.vq[0]);
	EXPECT_EQ(DEPTH, reap(&modest, 0, DEPTH, 20000));
	for (i = 0; i < QUEUES; i++) {
		n[i] = reap(&greedy, i, DEPTH, 0);
		sum += n[i];
	}
	EXPECT_GE(QUEUES * DEPTH / 2, sum)
	{
		TH_LOG("%u of %u", sum, QUEUES * DEPTH);
	}
	/* It gets the rest, in all its queues. */
	for (i = 0; i < QUEUES; i++)
		n[i] += reap(&greedy, i, DEPTH - n[i], 20000);
	for (i = 0; i < QUEUES; i++)
		EXPECT_EQ(DEPTH, n[i]);
	EXPECT_EQ(0, undo(&greedy, "slblk0"));
	EXPECT_EQ(0, undo(&modest, "slblk1"));
}

int main(int argc, char **argv)
{
	unsigned char key[64];
	unsigned int i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = i * 37 + 11;
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	syscall(SYS_add_key, "logon", "slblk:fair", key, sizeof(key), KEY_SPEC_SESSION_KEYRING);
	return test_harness_run(argc, argv);
}
