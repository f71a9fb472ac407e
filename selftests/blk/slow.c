// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that does not answer: nothing that holds RTNL waits for it (issue 9, 4.1 b). It is a
 * device of the device mapper's that is suspended: who waits for it would wait without an end, so
 * that a command returns at all is what shows it.
 */
#include "kselftest_harness.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <linux/keyctl.h>
#include "rig.h"

#define NAME	"slslow"
#define IO	(16 * KB)

FIXTURE(slow)
{
	struct disk d;
	char dev[32];
	unsigned char *data;
};

FIXTURE_SETUP(slow)
{
	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	self->d.v.fd = -1;
	self->data = rig_alloc(IO);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slblk:new", 41, 64));
	ASSERT_EQ(0, rig_null_add(NAME, "size=8"));
	ASSERT_EQ(0, rig_null_add("slslowj", "size=2"));
	ASSERT_EQ(0, rig_dm_add(NAME, "0 16384 linear /dev/" NAME " 0", self->dev));
}

FIXTURE_TEARDOWN(slow)
{
	netio_run("dmsetup resume " NAME " --noudevsync");
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	if (!netio_run("sluice volume show " NAME))
		EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, rig_dm_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	rig_null_pull("slslowj");
	EXPECT_EQ(0, rig_null_del("slslowj"));
	free(self->data);
}

static int halt(bool on)
{
	return netio_run("dmsetup %s " NAME " --noudevsync", on ? "suspend --noflush --nolockfs" :
								  "resume");
}

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES, .num = 16, .disk_queues = 1,
				      .disk_buf = IO, .disk_seg = 4 };

	return disk_open(d, NAME, &cfg);
}

/* A write that the device has, and keeps. */
static int begin_write(struct disk *d, uint64_t sector, const void *data)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .sector = sector, .len = IO };
	int ret = vblk_begin(&d->v, &d->v.vq[0], &io, data);

	while (ret >= 0 && netio_run("sluice -s volume show " NAME " | grep -q 'in-flight 1'"))
		usleep(1000);
	return ret < 0 ? ret : 0;
}

static int says(const char *what)
{
	return netio_run("sluice volume show | grep ^" NAME ": | grep -qE '%s'", what);
}

static void await_not(const char *what)
{
	while (!says(what))
		usleep(10000);
}

/* What everybody wants of RTNL, and of volumes. */
static int control_works(void)
{
	return netio_run("ip link show >/dev/null") ?:
	       netio_run("sluice volume show >/dev/null && sluice worker show >/dev/null") ?:
	       netio_run("sluice volume show " NAME " >/dev/null") ?:
	       netio_run("sluice volume set " NAME " read-iops 1000");
}

static void *reset(void *arg)
{
	struct disk *d = arg;

	vdrv_stop(&d->v);
	return NULL;
}

/* The guest resets its disk while requests are with the device. */
TEST_F_TIMEOUT(slow, reset, 120)
{
	pthread_t thread;

	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, ""));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, halt(true));
	ASSERT_EQ(0, begin_write(&self->d, 0, self->data));
	ASSERT_EQ(0, pthread_create(&thread, NULL, reset, &self->d));
	/* It is under way. */
	while (!says("queue 0 attached"))
		usleep(1000);
	EXPECT_EQ(0, control_works());
	EXPECT_EQ(0, netio_run("sluice worker add cpu 0"));
	/* Still it is not through. */
	EXPECT_EQ(0, netio_run("sluice -s volume show " NAME " | grep -q 'in-flight 1'"));
	ASSERT_EQ(0, halt(false));
	pthread_join(thread, NULL);
	EXPECT_EQ(0, netio_run("sluice -s volume show " NAME " | grep -q 'in-flight 0'"));
}

/* A volume that becomes shorter: what it gave up is free when the device is done there. */
TEST_F_TIMEOUT(slow, shorter, 120)
{
	const uint64_t end = 8 * MB / 512 - IO / 512;

	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, ""));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, halt(true));
	ASSERT_EQ(0, begin_write(&self->d, end, self->data));
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " size 4m"));
	EXPECT_EQ(0, says("size 4m.* reserved 8m"));
	EXPECT_EQ(0, control_works());
	EXPECT_NE(0, netio_run("sluice volume add slnext dev %s start 4m 2>/dev/null", self->dev));
	ASSERT_EQ(0, halt(false));
	await_not("reserved");
	EXPECT_EQ(0, netio_run("sluice volume add slnext dev %s start 4m", self->dev));
	EXPECT_EQ(0, rig_volume_del("slnext"));
	/* Longer again, and shorter on a device that answers: free when the command returns. */
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " size 8m && sluice volume set " NAME
			       " size 2m && sluice volume add slnext dev %s start 2m", self->dev));
	EXPECT_EQ(0, rig_volume_del("slnext"));
}

/* A volume that is removed in the midst of re-encryption. */
TEST_F_TIMEOUT(slow, removed, 120)
{
	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, "key logon:slblk:old"));
	ASSERT_EQ(0, halt(true));
	ASSERT_EQ(0, netio_run("sluice volume rekey " NAME
			       " key logon:slblk:new journal /dev/slslowj unrecorded"));
	EXPECT_EQ(0, netio_run("sluice dump | grep -q '\"" NAME "\"'"));
	ASSERT_EQ(0, netio_run("sluice volume del " NAME));
	EXPECT_EQ(0, says("ending"));
	/* Nor is it a part of the state that is to be had again. */
	EXPECT_NE(0, netio_run("sluice dump | grep -q '\"" NAME "\"'"));
	EXPECT_EQ(0, netio_run("ip link show >/dev/null && sluice volume show >/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume show " NAME " 2>/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume add " NAME " dev %s 2>/dev/null", self->dev));
	ASSERT_EQ(0, halt(false));
	await_not("ending");
	ASSERT_EQ(0, rig_volume_add(NAME, self->dev, ""));
}

static int begin_rekey(const char *journal)
{
	return netio_run("sluice volume rekey " NAME
			 " key logon:slblk:new journal %s unrecorded 2>/tmp/why", journal);
}

/*
 * Its journal is on a device that does not answer: refused after a while, and as it was before when
 * that does.
 */
TEST_F_TIMEOUT(slow, journal, 120)
{
	ASSERT_EQ(0, rig_volume_add(NAME, "/dev/slslowj", "size 1m key logon:slblk:old"));
	ASSERT_EQ(0, halt(true));
	ASSERT_NE(0, begin_rekey(self->dev));
	EXPECT_EQ(0, netio_run("grep -q 'does not answer' /tmp/why"));
	EXPECT_EQ(0, control_works());
	/* Until then nobody gets or removes it. */
	EXPECT_NE(0, netio_run("sluice volume del " NAME " 2>/dev/null"));
	EXPECT_NE(0, begin_rekey(self->dev));
	ASSERT_EQ(0, halt(false));
	await_not("journal");
	EXPECT_EQ(0, says("key logon:slblk:old"));
	ASSERT_EQ(0, begin_rekey(self->dev));
	await_not("journal");
	EXPECT_EQ(0, says("key logon:slblk:new"));
}

/* Its record is there: nobody waits for that either, and it is read when the device answers. */
TEST_F_TIMEOUT(slow, record, 120)
{
	char with[64];
	int i;

	snprintf(with, sizeof(with), "size 1m record %s", self->dev);
	ASSERT_EQ(0, netio_run("sluice volume add " NAME " dev /dev/slslowj %s record-new", with));
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, halt(true));
	ASSERT_NE(0, netio_run("sluice volume add " NAME " dev /dev/slslowj %s 2>/tmp/why", with));
	EXPECT_EQ(0, netio_run("grep -q 'does not answer' /tmp/why"));
	EXPECT_EQ(0, netio_run("ip link show >/dev/null && sluice worker show >/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume show " NAME " 2>/dev/null"));
	ASSERT_EQ(0, halt(false));
	for (i = 0; i < 1000 && rig_volume_add(NAME, "/dev/slslowj", with); i++)
		usleep(10000);
	/* A size that cannot be written down holds up nobody. */
	ASSERT_EQ(0, halt(true));
	EXPECT_EQ(0, netio_run("sluice volume set " NAME " size 2m"));
	EXPECT_EQ(0, control_works());
	EXPECT_EQ(0, netio_run("sluice volume del " NAME));
	EXPECT_EQ(0, says("ending"));
	ASSERT_EQ(0, halt(false));
	await_not("ending");
	snprintf(with, sizeof(with), "size 2m record %s", self->dev);
	EXPECT_EQ(0, rig_volume_add(NAME, "/dev/slslowj", with));
}

TEST_HARNESS_MAIN
