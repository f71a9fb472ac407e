// SPDX-License-Identifier: GPL-2.0-only
/*
 * A key that is wiped under a running guest: from then on nothing of the volume is read or written,
 * what was under way included, until the key is back. The device is one of the device mapper's that
 * is suspended while requests are to be with it.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slwipe"
#define IO	(16 * KB)
#define KEY	"logon:slblk:old"
#define RESUME	"sluice volume key-resume " NAME " key "
#define REKEY	"sluice volume rekey " NAME " key logon:slblk:new journal "

FIXTURE(wipe)
{
	struct disk d;
	char dev[32];
	unsigned char *data;
	unsigned char *copy;
};

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES, .num = 32, .disk_queues = 1,
				      .disk_buf = IO + 8 * KB, .disk_seg = 4 };

	return disk_open(d, NAME, &cfg);
}

FIXTURE_SETUP(wipe)
{
	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	self->d.v.fd = -1;
	self->data = rig_alloc(IO);
	self->copy = rig_alloc(IO);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slblk:same", 37, 64));
	ASSERT_EQ(0, rig_key_add("slblk:new", 41, 64));
	ASSERT_EQ(0, rig_key_add("slblk:short", 37, 32));
	ASSERT_EQ(0, rig_null_add(NAME, "size=8"));
	ASSERT_EQ(0, rig_null_add("slwipej", "size=2"));
	ASSERT_EQ(0, rig_dm_add(NAME, "0 16384 linear /dev/" NAME " 0", self->dev));
	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, "key " KEY));
	ASSERT_EQ(0, attach(&self->d));
	rig_pattern(self->data, IO, 0, 1);
	ASSERT_EQ(0, disk_write(&self->d, 0, self->data, IO));
}

FIXTURE_TEARDOWN(wipe)
{
	if (!self->data)
		return;
	netio_run("dmsetup resume " NAME " --noudevsync");
	netio_run("dmsetup resume slwipejm --noudevsync");
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, rig_dm_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	rig_null_pull("slwipej");
	EXPECT_EQ(0, rig_null_del("slwipej"));
	free(self->data);
	free(self->copy);
}

static int halt(bool on)
{
	return netio_run("dmsetup %s " NAME " --noudevsync", on ? "suspend --noflush --nolockfs" :
								  "resume");
}

static int says(const char *what)
{
	return netio_run("sluice -s volume show " NAME " | grep -qE -- '%s'", what);
}

static int begin(struct disk *d, uint32_t type, uint64_t sector, const void *data)
{
	const struct vblk_io io = { .type = type, .sector = sector, .len = IO };

	return vblk_begin(&d->v, &d->v.vq[0], &io, data);
}

/* The device has a read of what was written, which becomes @rd, and a write, @wr, of 32 on. */
static int begin_both(struct disk *d, const void *data, int *rd, int *wr)
{
	if (halt(true))
		return -EIO;
	*rd = begin(d, VIRTIO_BLK_T_IN, 0, NULL);
	memset(vblk_at(&d->v.vq[0], *rd, VBLK_DATA), 0x5a, IO);
	*wr = begin(d, VIRTIO_BLK_T_OUT, 32, data);
	while (says("in-flight 2"))
		usleep(1000);
	return *rd < 0 || *wr < 0 ? -ENOSPC : 0;
}

/* The next one that is completed is that, so. */
static int ends(struct disk *d, int slot, uint8_t status)
{
	struct vblk_done done;
	int ret = vblk_wait(&d->v.vq[0], &done, 60000);

	if (ret != 1)
		return ret ?: -ETIMEDOUT;
	vdrv_vq_release(&d->v.vq[0], done.slot);
	return done.slot != (unsigned int)slot ? -EPROTO : done.status != status ? -EIO : 0;
}

static bool waits(struct disk *d)
{
	struct vblk_done done;

	return !vblk_wait(&d->v.vq[0], &done, 100);
}

/* What the guest has not been given: neither data nor ciphertext. */
static bool untouched(struct disk *d, int slot)
{
	const unsigned char *at = vblk_at(&d->v.vq[0], slot, VBLK_DATA);
	unsigned int i = 0;

	while (i < IO && at[i] == 0x5a)
		i++;
	return i == IO;
}

static int reads(struct disk *d, uint64_t sector, const unsigned char *data, unsigned char *copy)
{
	int ret = disk_read(d, sector, copy, IO);

	return ret ?: memcmp(data, copy, IO) ? -EILSEQ : 0;
}

/* Nobody wrote there. */
static int is_blank(uint64_t sector, unsigned char *copy)
{
	int ret = rig_pread("/dev/" NAME, copy, IO, sector * 512);

	return ret ?: copy[0] || memcmp(copy, copy + 1, IO - 1) ? -EILSEQ : 0;
}

/* Requests wait, those under way too, and go on with the key that it had. */
TEST_F_TIMEOUT(wipe, waits, 300)
{
	int rd, wr, later;

	ASSERT_EQ(0, begin_both(&self->d, self->data, &rd, &wr));
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	EXPECT_EQ(0, says(" key-wiped waits "));
	ASSERT_EQ(0, halt(false));
	/* It went through the cipher before. */
	EXPECT_EQ(0, ends(&self->d, wr, VIRTIO_BLK_S_OK));
	later = begin(&self->d, VIRTIO_BLK_T_OUT, 64, self->data);
	ASSERT_LE(0, later);
	EXPECT_TRUE(waits(&self->d));
	EXPECT_TRUE(untouched(&self->d, rd));
	EXPECT_EQ(0, is_blank(64, self->copy));
	EXPECT_EQ(0, refused("is not the volume.s key", RESUME "logon:slblk:new"));
	EXPECT_EQ(0, refused("another length", RESUME "logon:slblk:short"));
	EXPECT_EQ(0, refused("not in a keyring", RESUME "logon:slblk:none"));
	EXPECT_EQ(0, says(" key " KEY " key-wiped waits "));
	EXPECT_TRUE(waits(&self->d));
	EXPECT_TRUE(untouched(&self->d, rd));
	ASSERT_EQ(0, netio_run(RESUME "logon:slblk:same"));
	EXPECT_EQ(0, ends(&self->d, rd, VIRTIO_BLK_S_OK));
	EXPECT_EQ(0, memcmp(self->data, vblk_at(&self->d.v.vq[0], rd, VBLK_DATA), IO));
	EXPECT_EQ(0, ends(&self->d, later, VIRTIO_BLK_S_OK));
	EXPECT_EQ(0, says(" key logon:slblk:same cipher"));
	EXPECT_EQ(0, reads(&self->d, 32, self->data, self->copy));
	EXPECT_EQ(0, reads(&self->d, 64, self->data, self->copy));
	EXPECT_EQ(0, refused("not wiped", RESUME KEY));
}

/* They fail, and nothing of them happens. */
TEST_F_TIMEOUT(wipe, fails, 300)
{
	unsigned char raw[IO];
	int rd, wr;

	ASSERT_EQ(0, begin_both(&self->d, self->data, &rd, &wr));
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME " fail"));
	EXPECT_EQ(0, says(" key-wiped fails "));
	ASSERT_EQ(0, halt(false));
	EXPECT_EQ(0, ends(&self->d, rd, VIRTIO_BLK_S_IOERR));
	EXPECT_TRUE(untouched(&self->d, rd));
	EXPECT_EQ(0, ends(&self->d, wr, VIRTIO_BLK_S_OK));
	ASSERT_EQ(0, rig_pread("/dev/" NAME, self->copy, IO, 0));
	memcpy(raw, self->copy, IO);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&self->d, 0, self->copy, IO));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&self->d, 0, self->data, IO));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&self->d, 64, self->data, IO));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_flush(&self->d));
	EXPECT_EQ(0, is_blank(64, self->copy));
	ASSERT_EQ(0, rig_pread("/dev/" NAME, self->copy, IO, 0));
	EXPECT_EQ(0, memcmp(raw, self->copy, IO));
	/* Another mind: then they wait, and once more they do not. */
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	rd = begin(&self->d, VIRTIO_BLK_T_IN, 0, NULL);
	ASSERT_LE(0, rd);
	EXPECT_TRUE(waits(&self->d));
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME " fail"));
	EXPECT_EQ(0, ends(&self->d, rd, VIRTIO_BLK_S_IOERR));
	EXPECT_EQ(0, refused("wiped already", "sluice volume key-wipe " NAME " fail"));
	ASSERT_EQ(0, netio_run(RESUME KEY));
	EXPECT_EQ(0, reads(&self->d, 0, self->data, self->copy));
	EXPECT_EQ(0, reads(&self->d, 32, self->data, self->copy));
	EXPECT_EQ(0, disk_flush(&self->d));
}

/* A driver that starts anew, or a VMM that suspends, waits for no operator. */
TEST_F_TIMEOUT(wipe, reset, 300)
{
	int rd, wr;

	ASSERT_EQ(0, begin_both(&self->d, self->data, &rd, &wr));
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	ASSERT_EQ(0, halt(false));
	EXPECT_EQ(0, ends(&self->d, wr, VIRTIO_BLK_S_OK));
	EXPECT_EQ(0, says("in-flight 1"));
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->d.v, true));
	EXPECT_EQ(0, ends(&self->d, rd, VIRTIO_BLK_S_IOERR));
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->d.v, false));
	rd = begin(&self->d, VIRTIO_BLK_T_IN, 0, NULL);
	ASSERT_LE(0, rd);
	EXPECT_TRUE(waits(&self->d));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(0, says("in-flight 0"));
	rd = begin(&self->d, VIRTIO_BLK_T_IN, 0, NULL);
	ASSERT_LE(0, rd);
	EXPECT_TRUE(waits(&self->d));
	ASSERT_EQ(0, netio_run(RESUME KEY));
	EXPECT_EQ(0, ends(&self->d, rd, VIRTIO_BLK_S_OK));
	EXPECT_EQ(0, memcmp(self->data, vblk_at(&self->d.v.vq[0], rd, VBLK_DATA), IO));
	/* Once more and back, and it goes with its volume. */
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	ASSERT_EQ(0, netio_run(RESUME KEY));
	EXPECT_EQ(0, reads(&self->d, 0, self->data, self->copy));
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
}

/* What would need the key, or has two. */
TEST_F_TIMEOUT(wipe, refusals, 300)
{
	static const char rekey[] = "sluice volume rekey " NAME
				    " key logon:slblk:new journal /dev/slwipej unrecorded";

	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	EXPECT_EQ(0, refused("its key is wiped", rekey));
	EXPECT_EQ(0, refused("its key is wiped", "sluice volume set " NAME " size 4m"));
	EXPECT_EQ(0, refused("its key is wiped", "sluice volume set " NAME
			     " record /dev/slwipej record-new"));
	/* A state knows it by its key all the same. */
	EXPECT_EQ(0, netio_run("sluice dump >/tmp/wiped && ! grep -q key-wiped /tmp/wiped &&"
			       " sluice apply /tmp/wiped"));
	EXPECT_EQ(0, says(" key-wiped waits "));
	ASSERT_EQ(0, netio_run(RESUME KEY));
	ASSERT_EQ(0, halt(true));
	ASSERT_EQ(0, netio_run("%s", rekey));
	ASSERT_EQ(0, halt(false));
	while (!says("rekey-key"))
		usleep(20000);
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	EXPECT_EQ(0, refused("not being re-encrypted", RESUME "logon:slblk:new key-before " KEY));
	EXPECT_EQ(0, refused("is not the volume.s key", RESUME KEY));
	ASSERT_EQ(0, netio_run(RESUME "logon:slblk:new"));
	EXPECT_EQ(0, reads(&self->d, 0, self->data, self->copy));
	/* One without a key has none to wipe. */
	EXPECT_EQ(0, netio_run("sluice volume add slnext dev /dev/slwipej size 1m"));
	EXPECT_EQ(0, refused("has no key", "sluice volume key-wipe slnext"));
	EXPECT_EQ(0, rig_volume_del("slnext"));
}

/* Of a chunk that was being read when both keys went nothing is written, until they are back. */
TEST_F_TIMEOUT(wipe, chunk_in_flight, 300)
{
	unsigned char raw[IO];

	ASSERT_EQ(0, rig_pread("/dev/" NAME, self->copy, IO, 0));
	memcpy(raw, self->copy, IO);
	ASSERT_EQ(0, halt(true));
	ASSERT_EQ(0, netio_run(REKEY "/dev/slwipej unrecorded"));
	ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	EXPECT_EQ(0, says(" key-wiped waits .*rekey-key logon:slblk:new rekey-done 0 "));
	ASSERT_EQ(0, halt(false));
	EXPECT_EQ(0, refused("say both", RESUME KEY));
	EXPECT_EQ(0, refused("say both", RESUME "logon:slblk:new"));
	EXPECT_EQ(0, refused("swapped", RESUME KEY " key-before logon:slblk:new"));
	EXPECT_EQ(0, refused("another length", RESUME "logon:slblk:new key-before "
			     "logon:slblk:short"));
	usleep(100000);
	EXPECT_EQ(0, says(" key-wiped waits .*rekey-key logon:slblk:new rekey-done 0 "));
	ASSERT_EQ(0, rig_pread("/dev/" NAME, self->copy, IO, 0));
	EXPECT_EQ(0, memcmp(raw, self->copy, IO));
	ASSERT_EQ(0, netio_run(RESUME "logon:slblk:new key-before logon:slblk:same"));
	while (!says("rekey-key"))
		usleep(20000);
	EXPECT_EQ(0, says(" key logon:slblk:new cipher"));
	EXPECT_EQ(0, reads(&self->d, 0, self->data, self->copy));
	ASSERT_EQ(0, rig_pread("/dev/" NAME, self->copy, IO, 0));
	EXPECT_NE(0, memcmp(raw, self->copy, IO));
}

/* While its journal is being read, from a device that does not answer. */
TEST_F_TIMEOUT(wipe, opening, 300)
{
	char dev[32];

	ASSERT_EQ(0, rig_dm_add("slwipejm", "0 4096 linear /dev/slwipej 0", dev));
	ASSERT_EQ(0, netio_run("dmsetup suspend slwipejm --noflush --nolockfs --noudevsync"));
	ASSERT_EQ(0, netio_run("(" REKEY "%s unrecorded; echo $?) >/tmp/opening 2>&1 & :", dev));
	while (says("rekey-key"))
		usleep(1000);
	EXPECT_EQ(0, netio_run("sluice volume key-wipe " NAME));
	EXPECT_EQ(0, refused("say both", RESUME KEY));
	EXPECT_EQ(0, netio_run("dmsetup resume slwipejm --noudevsync"));
	while (!says("rekey-key"))
		usleep(20000);
	while (netio_run("grep -q '^[0-9]' /tmp/opening"))
		usleep(1000);
	/* Or nobody waited for it any more. */
	EXPECT_EQ(0, netio_run("grep -qE 'its key was wiped|does not answer' /tmp/opening"));
	EXPECT_EQ(0, says(" key-wiped waits "));
	EXPECT_EQ(0, netio_run(RESUME KEY));
	EXPECT_EQ(0, reads(&self->d, 0, self->data, self->copy));
	EXPECT_EQ(0, netio_run(REKEY "%s unrecorded", dev));
	while (!says("rekey-key"))
		usleep(20000);
	EXPECT_EQ(0, says(" key logon:slblk:new cipher"));
	EXPECT_EQ(0, reads(&self->d, 0, self->data, self->copy));
	EXPECT_EQ(0, rig_dm_del("slwipejm"));
}

TEST_HARNESS_MAIN
