// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom a re-encryption waits for, and who waits for it: not for a guest whose ring is away,
 * whatever of its requests has come back; and who resets or suspends a disk does not wait for a
 * journal that hangs.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slwaits"
#define DISK	"slwaitsv"
#define JOURNAL	"slwaitsj"
#define CHUNK	(256 * KB)
#define SIZE	(2 * CHUNK)
#define LEN	(64 * KB)
#define OLD	"logon:slwaits:old"
#define NEW	"logon:slwaits:new"
/* The journal's, where it works, and the volume's, which is slow where it is to be. */
#define WORKS	"0 2048 linear /dev/" JOURNAL " 0"
#define FAST	"0 1024 linear /dev/" DISK " 0"
#define SLOW	"0 512 delay /dev/" DISK " 0 2000\n512 128 delay /dev/" DISK " 512 1000\n" \
		"640 384 delay /dev/" DISK " 640 2000"

FIXTURE(waits)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
	char dev[32];
	char journal[32];
};

/* Also what a case left that ended early. */
static void clean(void)
{
	netio_run("dmsetup resume dm-" JOURNAL " --noudevsync");
	netio_run("sluice volume del " NAME "; for i in " DISK " " JOURNAL "; do"
		  " dmsetup remove dm-$i --noudevsync; echo 0 >/sys/kernel/config/nullb/$i/power;"
		  " rmdir /sys/kernel/config/nullb/$i; done");
}

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES | VDRV_F_INDIRECT, .num = 64,
				      .disk_buf = LEN + 8 * KB, .disk_seg = 32 };

	return disk_open(d, NAME, &cfg);
}

static int begin(const char *journal)
{
	return netio_run("sluice volume rekey " NAME " key " NEW " journal %s unrecorded", journal);
}

FIXTURE_SETUP(waits)
{
	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	clean();
	self->d.v.fd = -1;
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	rig_pattern(self->data, SIZE, 0, 1);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slwaits:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slwaits:new", 41, 64));
	ASSERT_EQ(0, rig_null_add(DISK, "size=1"));
	ASSERT_EQ(0, rig_null_add(JOURNAL, "size=1"));
	ASSERT_EQ(0, rig_dm_add("dm-" DISK, FAST, self->dev));
	ASSERT_EQ(0, rig_dm_add("dm-" JOURNAL, WORKS, self->journal));
	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, "sector-size 512 rekey-pause on key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, disk_write(&self->d, 0, self->data, LEN));
	ASSERT_EQ(0, disk_write(&self->d, CHUNK / 512, self->data + CHUNK, LEN));
	ASSERT_EQ(0, disk_write(&self->d, (CHUNK + LEN) / 512, self->data + CHUNK + LEN, LEN));
	ASSERT_EQ(0, begin(self->journal));
}

FIXTURE_TEARDOWN(waits)
{
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	clean();
	free(self->data);
	free(self->copy);
}

static int pause_(bool on)
{
	return netio_run("sluice volume set " NAME " rekey-pause %s", on ? "on" : "off");
}

static bool says(const char *words)
{
	return !netio_run("sluice -s volume show " NAME " | grep -qE -- '%s'", words);
}

/* Until it does, or does not. */
static int will_say(const char *words, bool yes)
{
	return rig_await(says, words, yes);
}

/* One request; its slot. */
static int put(struct disk *d, uint32_t type, uint64_t at, const void *data)
{
	const struct vblk_io io = { .type = type, .sector = at / 512, .len = LEN };

	return vblk_begin(&d->v, &d->v.vq[0], &io, data);
}

static int await(struct disk *d, struct vblk_done *done)
{
	int ret = vblk_wait(&d->v.vq[0], done, 60000);

	if (ret == 1)
		vdrv_vq_release(&d->v.vq[0], done->slot);
	return ret == 1 ? 0 : ret ?: -ETIMEDOUT;
}

/*
 * The first that comes back cannot be published, so those that come later are not looked at; of
 * both kinds, in the chunk that is to have another key first, and in the one behind it. What was
 * read comes with the old key.
 */
TEST_F_TIMEOUT(waits, ring_away, 120)
{
	struct vblk_done done;
	int slot[4], i;

	ASSERT_EQ(0, rig_dm_change("dm-" DISK, SLOW));
	slot[0] = put(&self->d, VIRTIO_BLK_T_IN, 0, NULL);
	slot[1] = put(&self->d, VIRTIO_BLK_T_OUT, LEN, self->data + LEN);
	slot[2] = put(&self->d, VIRTIO_BLK_T_IN, CHUNK, NULL);
	slot[3] = put(&self->d, VIRTIO_BLK_T_IN, CHUNK + LEN, NULL);
	ASSERT_EQ(0, will_say("in-flight 4", true));
	ASSERT_EQ(0, vdrv_iotlb_invalidate(&self->d.v, self->d.v.mem, self->d.v.ring_bytes));
	ASSERT_EQ(0, will_say("in-flight 3", true));
	ASSERT_EQ(0, rig_dm_change("dm-" DISK, FAST));
	ASSERT_EQ(0, pause_(false));
	EXPECT_EQ(0, will_say("rekey-key", false));
	EXPECT_EQ(0, will_say("in-flight 3", true));
	ASSERT_EQ(0, vdrv_iotlb_update(&self->d.v, self->d.v.mem, self->d.v.ring_bytes));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, await(&self->d, &done));
		EXPECT_EQ(VIRTIO_BLK_S_OK, done.status);
	}
	EXPECT_EQ(0, memcmp(vblk_at(&self->d.v.vq[0], slot[0], VBLK_DATA), self->data, LEN));
	EXPECT_EQ(0, memcmp(vblk_at(&self->d.v.vq[0], slot[2], VBLK_DATA), self->data + CHUNK,
			    LEN));
	EXPECT_EQ(0, memcmp(vblk_at(&self->d.v.vq[0], slot[3], VBLK_DATA), self->data + CHUNK + LEN,
			    LEN));
	ASSERT_EQ(0, disk_read(&self->d, 0, self->copy, LEN));
	ASSERT_EQ(0, disk_read(&self->d, LEN / 512, self->copy + LEN, LEN));
	EXPECT_EQ(0, memcmp(self->data, self->copy, 2 * LEN));
}

/* A write waits for the first chunk, which waits for the journal. */
static int write_waits(struct disk *d, const unsigned char *data)
{
	int ret = netio_run("dmsetup suspend dm-" JOURNAL) ?: pause_(false);

	if (ret)
		return ret;
	/* It is the chunk's by then: what is written does not come back. */
	usleep(300000);
	ret = put(d, VIRTIO_BLK_T_OUT, 0, data);
	return ret < 0 ? ret : will_say("in-flight 1", true);
}

static int goes_on(void)
{
	return netio_run("dmsetup resume dm-" JOURNAL) ?: will_say("rekey-key", false);
}

/* What comes afterwards waits as if nothing had been, and is written. */
static int waits_again(struct disk *d, const unsigned char *data, unsigned char *copy)
{
	struct vblk_done done;
	int ret = put(d, VIRTIO_BLK_T_OUT, 0, data);

	ret = ret < 0 ? ret : will_say("in-flight 1", true) ?: goes_on() ?: await(d, &done);
	if (ret)
		return ret;
	if (done.status != VIRTIO_BLK_S_OK)
		return -EIO;
	return disk_read(d, 0, copy, LEN) ?: memcmp(data, copy, LEN) ? -EILSEQ : 0;
}

/* Nobody has a claim on it any more. */
TEST_F_TIMEOUT(waits, reset, 120)
{
	ASSERT_EQ(0, write_waits(&self->d, self->data + CHUNK));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(0, will_say("rekey-key", true));
	ASSERT_EQ(0, goes_on());
	ASSERT_EQ(0, disk_read(&self->d, 0, self->copy, LEN));
	EXPECT_EQ(0, memcmp(self->data, self->copy, LEN));
}

/* Who suspends it hears what became of it. */
TEST_F_TIMEOUT(waits, suspension, 120)
{
	struct vblk_done done;

	ASSERT_EQ(0, write_waits(&self->d, self->data + CHUNK));
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->d.v, true));
	EXPECT_EQ(0, will_say("rekey-key", true));
	ASSERT_EQ(0, await(&self->d, &done));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, done.status);
	ASSERT_EQ(0, goes_on());
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->d.v, false));
	ASSERT_EQ(0, disk_read(&self->d, 0, self->copy, LEN));
	EXPECT_EQ(0, memcmp(self->data, self->copy, LEN));
}

/* The next driver's request, and the next one after the suspension, wait for the same chunk. */
TEST_F_TIMEOUT(waits, after_reset, 120)
{
	ASSERT_EQ(0, write_waits(&self->d, self->data + CHUNK));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(0, waits_again(&self->d, self->data + CHUNK + LEN, self->copy));
}

TEST_F_TIMEOUT(waits, after_suspension, 120)
{
	struct vblk_done done;

	ASSERT_EQ(0, write_waits(&self->d, self->data + CHUNK));
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->d.v, true));
	ASSERT_EQ(0, await(&self->d, &done));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, done.status);
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->d.v, false));
	EXPECT_EQ(0, waits_again(&self->d, self->data + CHUNK + LEN, self->copy));
}

TEST_HARNESS_MAIN
