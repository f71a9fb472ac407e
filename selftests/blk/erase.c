// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volumes that are wiped before anybody gets them, or before they go: what the device has then,
 * that nobody gets the volume or its place meanwhile, and what a device that fails or hangs, and a
 * crash, make of it. (A key that is wiped under a guest: wipe.c.)
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "mockram.h"
#include "rig.h"

#define NAME	"slera"
#define DISK	(12 * MB)
/* Two slices and a half of those 4 MiB that are wiped at once. */
#define START	(1 * MB)
#define SIZE	(10 * MB)
#define EXTENT	"start 1m size 10m "
#define SECOND	((START + 4 * MB) / 512)
#define RECORD	"record /dev/slerar "
#define KEY	"logon:slblk:erase"
#define EVENTS	"/tmp/slera-events"
#define STATE	"/tmp/slera-state"
#define LOOP	"/tmp/slera-loop"

FIXTURE(erase)
{
	struct disk d;
	char dev[32];
	unsigned char *data;
	unsigned char *copy;
};

/* Also what a case left that ended early. */
static void clean(void)
{
	netio_run("test ! -e " EVENTS ".pid || kill $(cat " EVENTS ".pid); rm -f " EVENTS "*");
	netio_run("for v in " NAME " slerb; do sluice volume del $v; done");
	netio_run("dmsetup remove " NAME " --noudevsync; dmsetup remove " NAME "-r --noudevsync;"
		  "for d in slerad slerar; do echo 0 >/sys/kernel/config/nullb/$d/power;"
		  "rmdir /sys/kernel/config/nullb/$d; done");
}

FIXTURE_SETUP(erase)
{
	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	clean();
	self->d.v.fd = -1;
	self->data = rig_alloc(DISK);
	self->copy = rig_alloc(DISK);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:erase", 37, 64));
	ASSERT_EQ(0, rig_null_add("slerad", "size=12 cache_size=4"));
	ASSERT_EQ(0, rig_null_add("slerar", "size=1"));
	ASSERT_EQ(0, rig_dm_add(NAME, "0 24576 linear /dev/slerad 0", self->dev));
	rig_pattern(self->data, DISK, 0, 1);
	ASSERT_EQ(0, rig_pwrite("/dev/slerad", self->data, DISK, 0));
}

FIXTURE_TEARDOWN(erase)
{
	if (!self->data)
		return;
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	clean();
	free(self->data);
	free(self->copy);
}

/* --- what the operator does, and sees -------------------------------------------------------- */

/* From the second slice on nothing can be written. */
static int disk_break(void)
{
	char table[192];

	snprintf(table, sizeof(table),
		 "0 %lu linear /dev/slerad 0\n%lu %lu flakey /dev/slerad %lu 0 1 1 error_writes",
		 SECOND, SECOND, 24576 - SECOND, SECOND);
	return rig_dm_change(NAME, table);
}

static int disk_mend(void)
{
	return rig_dm_change(NAME, "0 24576 linear /dev/slerad 0");
}

static bool says(const char *words)
{
	return !netio_run("sluice volume show | grep -A9 '^" NAME ":' | grep -qE -- '%s'", words);
}

/* Until it does, or does not. */
static int will_say(const char *words, bool yes)
{
	return rig_await(says, words, yes);
}

static int vol_add(const char *dev, const char *more)
{
	return netio_run("sluice volume add " NAME " dev %s " EXTENT "%s", dev, more);
}

static int vol_wipe(const char *how)
{
	return netio_run("sluice volume del " NAME " wipe %s", how);
}

static int not_added(const char *words, const char *dev, const char *more)
{
	char cmd[192];

	snprintf(cmd, sizeof(cmd), "sluice volume add " NAME " dev %s " EXTENT "%s", dev, more);
	return refused(words, cmd);
}

/* Its last megabyte is nobody else's. */
static int overlaps(const char *dev)
{
	char cmd[96];

	snprintf(cmd, sizeof(cmd), "sluice volume add slerb dev %s start 10m size 1m", dev);
	return refused("overlaps", cmd);
}

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES, .num = 32 };

	return disk_open(d, NAME, &cfg);
}

/* A disk of @end bytes has @byte in the extent from @from up to @to, and elsewhere what it had. */
static int holds(const char *dev, const unsigned char *data, unsigned char *copy, size_t end,
		 size_t from, size_t to, unsigned char byte)
{
	size_t i = from;
	int ret = rig_pread(dev, copy, end, 0);

	if (ret)
		return ret;
	while (i < to && copy[i] == byte)
		i++;
	return i < to || memcmp(copy, data, from) || memcmp(copy + to, data + to, end - to) ?
	       -EILSEQ : 0;
}

static int is_wiped(const unsigned char *data, unsigned char *copy)
{
	return holds("/dev/slerad", data, copy, DISK, START, START + SIZE, 0);
}

/* --- new ones -------------------------------------------------------------------------------- */

TEST_F_TIMEOUT(erase, new_one, 300)
{
	ASSERT_EQ(0, netio_run("sluice monitor >" EVENTS " & echo $! >" EVENTS ".pid"));
	ASSERT_EQ(0, disk_break());
	EXPECT_EQ(0, not_added("has no record: say .unrecorded", self->dev, "wipe zero"));
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new wipe zero"));
	EXPECT_EQ(0, will_say(" wiping zero percent 40 .*stalled write error 5", true));
	/* Nobody gets it, or its place. */
	EXPECT_NE(0, attach(&self->d));
	EXPECT_NE(0, netio_run("test -d /sys/class/mdev_bus/" NAME));
	EXPECT_EQ(0, netio_run("dmesg | grep -q '" NAME ": its wipe is not finished: not'"));
	EXPECT_EQ(0, overlaps(self->dev));
	EXPECT_EQ(0, refused("being wiped", "sluice volume set " NAME " size 1m"));
	EXPECT_EQ(0, refused("being wiped", "sluice volume set " NAME " record none"));
	EXPECT_EQ(0, refused("being wiped", "sluice volume del " NAME " wipe zero"));
	/* A state has the volume, and no wipe. */
	EXPECT_EQ(0, netio_run("sluice dump >" STATE " && grep -q " NAME " " STATE));
	EXPECT_EQ(0, netio_run("! grep -q wip " STATE " && sluice apply " STATE));
	ASSERT_EQ(0, disk_mend());
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	EXPECT_EQ(0, netio_run("n=200; until test -d /sys/class/mdev_bus/" NAME
			       "; do : $((n -= 1)); [ $n != 0 ] && sleep 0.1 || exit; done"));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, disk_read(&self->d, 0, self->copy, 4096));
	disk_close(&self->d);
	EXPECT_EQ(0, netio_run("grep -q 'volume-wipe-stalled volume " NAME " Input' " EVENTS
			       "&& grep -q 'volume-wipe-stalled volume " NAME " goes on' " EVENTS
			       "&& grep -qE 'volume-wiped volume " NAME "( |$)' " EVENTS));
	EXPECT_EQ(0, netio_run("dmesg | grep -q '" NAME ": its wipe stalls (write)'"));
	EXPECT_EQ(0, netio_run("dmesg | grep -q '" NAME ": its wipe goes on'"));
	/* What was in the device's cache only is not there any more. */
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, rig_dm_del(NAME));
	ASSERT_EQ(0, rig_null_pull("slerad"));
	ASSERT_EQ(0, rig_null_return("slerad"));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	EXPECT_EQ(0, vol_add("/dev/slerad", RECORD));
}

/* What a crash leaves half wiped is nobody's but to be wiped again. */
TEST_F_TIMEOUT(erase, then_crash, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new"));
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, disk_break());
	/* Before anything of it was, or half of it is. */
	ASSERT_EQ(0, vol_add(self->dev, RECORD "wipe zero"));
	EXPECT_EQ(0, will_say("stalled write", true));
	ASSERT_EQ(0, rig_volume_del(NAME));
	EXPECT_NE(0, is_wiped(self->data, self->copy));
	EXPECT_EQ(0, not_added("wipe is not finished", self->dev, RECORD));
	EXPECT_EQ(0, not_added("wipe is not finished", self->dev, RECORD "resume"));
	EXPECT_EQ(0, not_added("a record already", self->dev, RECORD "record-new"));
	EXPECT_EQ(0, not_added("leave out .resume", self->dev, RECORD "resume wipe zero"));
	ASSERT_EQ(0, disk_mend());
	ASSERT_EQ(0, rig_pwrite("/dev/slerad", self->data + START, MB, START));
	ASSERT_EQ(0, vol_add(self->dev, RECORD "wipe zero"));
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	ASSERT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, vol_add(self->dev, RECORD));
}

/* Writing that copy of the record fails, which lies on a device of its own; 2: of neither. */
static int record_break(unsigned int copy)
{
	static const char *const table[] = {
		"0 8 flakey /dev/slerar 0 0 1 1 error_writes\n8 2040 linear /dev/slerar 8",
		"0 8 linear /dev/slerar 0\n8 2040 flakey /dev/slerar 8 0 1 1 error_writes",
		"0 2048 linear /dev/slerar 0",
	};

	return rig_dm_change(NAME "-r", table[copy]);
}

/* As if it had not been said. */
static int refused_without_trace(const char *dev, const char *record)
{
	char cmd[96];
	int ret;

	snprintf(cmd, sizeof(cmd), "%swipe zero", record);
	ret = not_added("record cannot be written", dev, cmd);
	return ret ?: vol_add(dev, record) ?: rig_volume_del(NAME);
}

static int set(const char *words)
{
	return netio_run("sluice volume set " NAME " %s", words);
}

/* So much is wiped, and no more. */
static int wiped_so_far(const unsigned char *data, unsigned char *copy, size_t len)
{
	return holds("/dev/slerad", data, copy, DISK, START, START + len, 0);
}

/* The first 256 KiB are done at once; paying for them at a byte a second takes three days. */
TEST_F_TIMEOUT(erase, paced, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new wipe zero wipe-bps 1"));
	EXPECT_EQ(0, will_say(" wiping zero percent 2 ", true));
	EXPECT_TRUE(says(" wipe-bps 1 "));
	EXPECT_EQ(0, refused("by themselves", "sluice volume set " NAME " wipe-bps 2 read-iops 5"));
	EXPECT_EQ(0, refused("CAP_SYS_ADMIN", "setpriv --bounding-set -sys_admin -- "
				     "sluice volume set " NAME " wipe-pause on"));
	EXPECT_FALSE(says(" wipe-pause"));
	EXPECT_EQ(0, set("wipe-pause on"));
	EXPECT_EQ(0, set("wipe-bps 0"));
	EXPECT_TRUE(says(" wipe-pause on"));
	EXPECT_FALSE(says("wipe-bps"));
	EXPECT_EQ(0, wiped_so_far(self->data, self->copy, 256 * KB));
	EXPECT_EQ(0, set("wipe-bps 1 wipe-pause off"));
	EXPECT_EQ(0, wiped_so_far(self->data, self->copy, 256 * KB));
	EXPECT_TRUE(says(" wiping zero percent 2 "));
	EXPECT_EQ(0, netio_run("sluice dump >" STATE " && ! grep -q wip " STATE));
	EXPECT_EQ(0, set("wipe-bps 0"));
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	EXPECT_EQ(0, refused("not being wiped", "sluice volume set " NAME " wipe-bps 1"));
	EXPECT_EQ(0, refused("go with .wipe.", "sluice volume del " NAME " wipe-pause on"));
}

/* The same of one that goes. */
TEST_F_TIMEOUT(erase, paced_last, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new"));
	ASSERT_EQ(0, vol_wipe("zero wipe-bps 1"));
	EXPECT_EQ(0, will_say(" wiping zero percent 2 ", true));
	EXPECT_EQ(0, wiped_so_far(self->data, self->copy, 256 * KB));
	EXPECT_EQ(0, set("wipe-bps 0"));
	EXPECT_EQ(0, will_say(NAME, false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	/* One that rests is given up as any other. */
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new"));
	ASSERT_EQ(0, rig_pwrite("/dev/slerad", self->data, DISK, 0));
	ASSERT_EQ(0, vol_wipe("zero wipe-pause on"));
	EXPECT_TRUE(says(" wiping zero percent 0 "));
	ASSERT_EQ(0, vol_wipe("none"));
	EXPECT_EQ(0, will_say(NAME, false));
	/* Nor does it go on because its record's device went, or because it is removed. */
	memset(self->copy, 0, DISK);
	ASSERT_EQ(0, rig_pwrite("/dev/slerar", self->copy, 8 * KB, 0));
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new"));
	ASSERT_EQ(0, vol_wipe("zero wipe-pause on"));
	ASSERT_EQ(0, rig_null_pull("slerar"));
	EXPECT_EQ(0, will_say(NAME, false));
	ASSERT_EQ(0, rig_null_return("slerar"));
	ASSERT_EQ(0, vol_add(self->dev, "wipe zero wipe-pause on unrecorded"));
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, rig_pread("/dev/slerad", self->copy, DISK, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, DISK));
}

/* What lies behind the extent fails, and so does a flush, which is for all of the disk. */
#define NO_FLUSH	"0 24568 linear /dev/slerad 0\n" \
			"24568 8 flakey /dev/slerad 24568 0 1 1 error_writes"

/* What was written is not durable: it stalls, says so once, and all of it is written once more. */
TEST_F_TIMEOUT(erase, no_flush, 300)
{
	unsigned long long written;
	int tries = 3000;

	ASSERT_EQ(0, netio_run("sluice monitor >" EVENTS " & echo $! >" EVENTS ".pid"));
	ASSERT_EQ(0, rig_dm_change(NAME, NO_FLUSH));
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new wipe zero"));
	EXPECT_EQ(0, will_say("stalled write error 5", true));
	written = rig_stat("slerad", RIG_STAT_WRITTEN);
	while (rig_stat("slerad", RIG_STAT_WRITTEN) < written + SIZE / 512 && tries--)
		usleep(10000);
	EXPECT_LT(0, tries);
	EXPECT_TRUE(says("stalled write error 5"));
	EXPECT_EQ(0, netio_run("test $(grep -c volume-wipe-stalled " EVENTS ") = 1"));
	EXPECT_EQ(0, netio_run("! grep -q volume-wiped " EVENTS));
	ASSERT_EQ(0, disk_mend());
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	EXPECT_EQ(0, netio_run("test $(grep -c volume-wipe-stalled " EVENTS ") = 2"
			       "&& grep -qE 'volume-wiped volume " NAME "( |$)' " EVENTS));
}

/* Of a record, one copy is written, and then its device fails. */
TEST_F_TIMEOUT(erase, half_a_record, 300)
{
	char dev[32], record[48], fresh[80], cmd[96];

	ASSERT_EQ(0, rig_dm_add(NAME "-r", "0 2048 linear /dev/slerar 0", dev));
	snprintf(record, sizeof(record), "record %s ", dev);
	snprintf(fresh, sizeof(fresh), "%srecord-new ", record);
	ASSERT_EQ(0, record_break(1));
	snprintf(cmd, sizeof(cmd), "%swipe zero", fresh);
	EXPECT_EQ(0, not_added("record cannot be written", self->dev, cmd));
	ASSERT_EQ(0, record_break(2));
	ASSERT_EQ(0, vol_add(self->dev, fresh));
	ASSERT_EQ(0, rig_volume_del(NAME));
	/* The newer one is another each time. */
	ASSERT_EQ(0, record_break(1));
	EXPECT_EQ(0, refused_without_trace(self->dev, record));
	ASSERT_EQ(0, record_break(0));
	EXPECT_EQ(0, refused_without_trace(self->dev, record));
	/* What is not taken back is told by the other copy. */
	ASSERT_EQ(0, vol_add(self->dev, record));
	ASSERT_EQ(0, record_break(1));
	ASSERT_EQ(0, vol_wipe("zero"));
	EXPECT_EQ(0, will_say("stalled record", true));
	ASSERT_EQ(0, vol_wipe("none"));
	EXPECT_EQ(0, will_say(NAME, false));
	EXPECT_EQ(0, vol_add(self->dev, record));
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, rig_pread("/dev/slerad", self->copy, DISK, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, DISK));
	/* Where it can be written it is wiped as ever. */
	ASSERT_EQ(0, record_break(2));
	snprintf(cmd, sizeof(cmd), "%swipe zero", record);
	ASSERT_EQ(0, vol_add(self->dev, cmd));
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
}

/* No state, and so no boot, wipes what is there, or what is to come. */
TEST_F_TIMEOUT(erase, not_by_a_state, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new"));
	ASSERT_EQ(0, netio_run("sluice dump >" STATE));
	ASSERT_EQ(0, netio_run("sed -i 's/\"name\": *\"" NAME "\"/&, \"wipe\": \"zero\"/' " STATE));
	ASSERT_EQ(0, netio_run("grep -q wipe " STATE));
	EXPECT_EQ(0, refused("no part of a state", "sluice apply " STATE));
	EXPECT_NE(0, netio_run("sluice apply --each " STATE));
	ASSERT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, refused("no part of a state", "sluice apply " STATE));
	EXPECT_NE(0, netio_run("sluice apply --each " STATE));
	EXPECT_FALSE(says(NAME));
	ASSERT_EQ(0, rig_pread("/dev/slerad", self->copy, DISK, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, DISK));
}

/* --- those that go --------------------------------------------------------------------------- */

/* Also what was written after it was wiped when it was new. */
TEST_F_TIMEOUT(erase, last, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new wipe zero"));
	EXPECT_EQ(0, will_say("wiping", false));
	ASSERT_EQ(0, rig_pwrite("/dev/slerad", self->data, DISK, 0));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, refused("in use", "sluice volume del " NAME " wipe zero"));
	disk_close(&self->d);
	ASSERT_EQ(0, disk_break());
	ASSERT_EQ(0, vol_wipe("zero"));
	EXPECT_EQ(0, will_say(" wiping zero percent 40 .*stalled write error 5", true));
	EXPECT_TRUE(says(" ending"));
	EXPECT_EQ(0, netio_run("sluice volume show " NAME));
	EXPECT_NE(0, attach(&self->d));
	EXPECT_EQ(0, overlaps(self->dev));
	EXPECT_EQ(0, not_added("removed when it is wiped", self->dev, ""));
	EXPECT_EQ(0, refused("removed when it is wiped", "sluice volume del " NAME));
	EXPECT_EQ(0, refused("removed when it is wiped", "sluice volume set " NAME " size 1m"));
	/* One that goes is in no state, and in nobody's way. */
	EXPECT_EQ(0, netio_run("sluice dump >" STATE " && ! grep -q " NAME " " STATE));
	EXPECT_EQ(0, netio_run("sluice apply " STATE));
	ASSERT_EQ(0, disk_mend());
	EXPECT_EQ(0, will_say(NAME, false));
	EXPECT_EQ(0, is_wiped(self->data, self->copy));
	/* Whatever is said of it later is said of another. */
	EXPECT_EQ(0, not_added("says that the volume was wiped", self->dev, RECORD));
	EXPECT_EQ(0, vol_add(self->dev, RECORD "record-new"));
}

/* Only if it is said; and then the record says that there may be something. */
TEST_F_TIMEOUT(erase, given_up, 300)
{
	ASSERT_EQ(0, netio_run("sluice monitor >" EVENTS " & echo $! >" EVENTS ".pid"));
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new"));
	ASSERT_EQ(0, disk_break());
	ASSERT_EQ(0, vol_wipe("zero"));
	EXPECT_EQ(0, will_say("stalled write", true));
	ASSERT_EQ(0, vol_wipe("none"));
	EXPECT_EQ(0, will_say(NAME, false));
	EXPECT_EQ(0, netio_run("grep -q 'volume-wiped volume " NAME " .*ancel' " EVENTS));
	EXPECT_EQ(0, netio_run("dmesg | grep -q '" NAME ": is not wiped'"));
	EXPECT_EQ(0, not_added("wipe is not finished", self->dev, RECORD));
	ASSERT_EQ(0, disk_mend());
	ASSERT_EQ(0, vol_add(self->dev, RECORD "wipe zero"));
	EXPECT_EQ(0, will_say("wiping", false));
	/* Without a word nothing changes. */
	ASSERT_EQ(0, rig_pwrite("/dev/slerad", self->data, DISK, 0));
	ASSERT_EQ(0, vol_wipe("none"));
	ASSERT_EQ(0, rig_pread("/dev/slerad", self->copy, DISK, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, DISK));
	EXPECT_EQ(0, vol_add(self->dev, RECORD));
}

TEST_F_TIMEOUT(erase, key, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, ""));
	EXPECT_EQ(0, refused("has no key", "sluice volume del " NAME " wipe key"));
	ASSERT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, not_added("not encrypted with that key", self->dev,
			       "wipe key unrecorded key " KEY));
	ASSERT_EQ(0, vol_add(self->dev, RECORD "record-new key " KEY));
	ASSERT_EQ(0, netio_run("sluice volume add slerb dev %s start 11m size 1m key " KEY,
			       self->dev));
	EXPECT_EQ(0, refused("volume slerb has that key", "sluice volume del " NAME " wipe key"));
	ASSERT_EQ(0, rig_volume_del("slerb"));
	ASSERT_EQ(0, netio_run("sluice volume del " NAME " wipe key >" EVENTS));
	EXPECT_EQ(0, netio_run("grep -q 'in none of your keyrings' " EVENTS));
	EXPECT_EQ(0, netio_run("grep -q 'whoever has a copy' " EVENTS));
	EXPECT_EQ(0, will_say(NAME, false));
	EXPECT_EQ(0, not_added("not in a keyring", self->dev, RECORD "key " KEY));
	/* A copy of it opens the volume no more with that record. */
	ASSERT_EQ(0, rig_key_add("slblk:erase", 37, 64));
	EXPECT_EQ(0, not_added("says that the volume was wiped", self->dev, RECORD "key " KEY));
	EXPECT_EQ(0, vol_add(self->dev, RECORD "record-new key " KEY));
	ASSERT_EQ(0, rig_pread("/dev/slerad", self->copy, DISK, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, DISK));
}

/* --- devices --------------------------------------------------------------------------------- */

/* What is told to give back blocks does, and reads as zeroes. */
TEST_F_TIMEOUT(erase, discard, 300)
{
	char dev[32];

	EXPECT_EQ(0, not_added("says nothing of what is read after a discard", self->dev,
			       "unrecorded wipe discard"));
	ASSERT_EQ(0, vol_add(self->dev, ""));
	EXPECT_EQ(0, refused("says nothing of what is read", "sluice volume del " NAME
			     " wipe discard"));
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, rig_loop_add(LOOP, DISK, dev));
	ASSERT_EQ(0, rig_pwrite(dev, self->data, DISK, 0));
	EXPECT_EQ(0, vol_add(dev, "unrecorded wipe discard"));
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, holds(dev, self->data, self->copy, DISK, START, START + SIZE, 0));
	EXPECT_EQ(0, netio_run("test $(stat -c %%b " LOOP ") -lt 6000"));
	/* And what is not is as well. */
	EXPECT_EQ(0, vol_wipe("zero"));
	EXPECT_EQ(0, will_say(NAME, false));
	EXPECT_EQ(0, holds(dev, self->data, self->copy, DISK, START, START + SIZE, 0));
	ASSERT_EQ(0, rig_loop_del(LOOP, dev));
}

TEST_F_TIMEOUT(erase, secure, 300)
{
	EXPECT_EQ(0, not_added("no secure erase", self->dev, "unrecorded wipe secure-erase"));
	ASSERT_EQ(0, mockram_load());
	ASSERT_EQ(0, rig_pwrite(MOCKRAM, self->data, 8 * MB, 0));
	ASSERT_EQ(0, netio_run("sluice volume add " NAME " dev " MOCKRAM
			       " start 1m size 5m wipe secure-erase unrecorded"));
	EXPECT_EQ(0, will_say("wiping", false));
	EXPECT_EQ(0, holds(MOCKRAM, self->data, self->copy, 8 * MB, MB, 6 * MB, 0xe5));
}

/* One that says nothing holds up nobody, and nothing but its own volume. */
TEST_F_TIMEOUT(erase, hangs, 300)
{
	ASSERT_EQ(0, mockram_load());
	ASSERT_EQ(0, rig_pwrite(MOCKRAM, self->data, 8 * MB, 0));
	ASSERT_EQ(0, netio_run("sluice volume add " NAME " dev " MOCKRAM " start 1m size 5m"));
	ASSERT_EQ(0, mockram("keep"));
	ASSERT_EQ(0, vol_wipe("zero"));
	EXPECT_EQ(0, will_say(" wiping zero percent 0 ", true));
	/* Others are made, wiped and removed. */
	ASSERT_EQ(0, netio_run("sluice volume add slerb dev %s wipe zero unrecorded", self->dev));
	EXPECT_EQ(0, netio_run("while sluice volume show slerb | grep wiping; do sleep 0.1; done"));
	ASSERT_EQ(0, rig_volume_del("slerb"));
	EXPECT_NE(0, netio_run("rmmod sluice_blk"));
	EXPECT_EQ(0, refused("overlaps", "sluice volume add slerb dev " MOCKRAM
			     " start 2m size 1m"));
	ASSERT_EQ(0, vol_wipe("none"));
	EXPECT_TRUE(says(" ending"));
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(0, will_say(NAME, false));
	/* The same of a new one. */
	ASSERT_EQ(0, mockram("keep"));
	ASSERT_EQ(0, netio_run("sluice volume add " NAME " dev " MOCKRAM
			       " start 1m size 5m wipe zero unrecorded"));
	EXPECT_EQ(0, will_say(" wiping zero percent 0 ", true));
	ASSERT_EQ(0, rig_volume_del(NAME));
	EXPECT_TRUE(says(" ending"));
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(0, will_say(NAME, false));
}

/* What a device leaves half wiped that goes, and comes back, nobody has as if it were wiped. */
TEST_F_TIMEOUT(erase, pulled, 300)
{
	ASSERT_EQ(0, rig_dm_del(NAME));
	ASSERT_EQ(0, netio_run("echo +10240-10247 >/sys/kernel/config/nullb/slerad/badblocks"));
	ASSERT_EQ(0, vol_add("/dev/slerad", "wipe zero unrecorded"));
	EXPECT_EQ(0, will_say(" wiping zero percent 40 .*stalled write error 5", true));
	EXPECT_EQ(0, netio_run("sluice dump >" STATE));
	ASSERT_EQ(0, rig_null_pull("slerad"));
	EXPECT_EQ(0, will_say(" dead", true));
	EXPECT_EQ(0, will_say("stalled", false));
	EXPECT_TRUE(says(" wiping zero percent 40 .*error"));
	ASSERT_EQ(0, rig_null_return("slerad"));
	EXPECT_EQ(0, refused("it is half wiped, and no record",
			     "sluice apply --each " STATE));
	ASSERT_EQ(0, rig_volume_del(NAME));
	/* Nor is one that is gone wiped. */
	ASSERT_EQ(0, vol_add("/dev/slerad", ""));
	ASSERT_EQ(0, rig_null_pull("slerad"));
	EXPECT_EQ(0, refused("was pulled out", "sluice volume del " NAME " wipe zero"));
	/* Who rests is told. */
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, rig_null_return("slerad"));
	ASSERT_EQ(0, vol_add("/dev/slerad", ""));
	ASSERT_EQ(0, vol_wipe("zero wipe-pause on"));
	ASSERT_EQ(0, rig_null_pull("slerad"));
	EXPECT_EQ(0, will_say(NAME, false));
}

TEST_HARNESS_MAIN
