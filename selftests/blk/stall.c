// SPDX-License-Identifier: GPL-2.0-only
/*
 * A re-encryption below which devices fail: it waits until they work again and goes on by itself,
 * and a crash, or the volume's end, takes nothing of what a driver was told is written. It can be
 * held up, slowed down and told to pass over what cannot be read.
 *
 * Each device is below the device mapper's, which fails where it is told to. It is held up while it
 * is told, so it is known which chunk fails, and where: the second header of a chunk lies at odd
 * numbers, in place 1, and the first one in place 0.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slblk0"
#define CHUNK	(256 * KB)
#define CHUNKS	3
#define SIZE	(CHUNKS * CHUNK)
#define EXTENT	"size 768k sector-size 512 "
#define OLD	"logon:slblk:old"
#define NEW	"logon:slblk:new"
#define EVENTS	"/tmp/slblk-events"
#define RESUME	"sluice volume key-resume " NAME " key "

enum { VOLUME, JOURNAL, RECORDS, DISKS };

static const char *const disks[DISKS] = { "slblkv", "slblkj", "slblkr" };

/**
 * struct place - where it fails, when it comes to its first chunk
 * @step: what it says then
 * @disk: which one; @start, @sectors: of that
 * @read: it can be read
 * @torn: which key the chunk has after a crash depends on the journal: no driver has it
 * @next: which chunk is the next one after a crash
 */
static const struct place {
	const char *step;
	unsigned int disk, start, sectors;
	bool read;
	bool torn;
	unsigned int next;
} places[] = {
	{ .step = "read", .disk = VOLUME, .sectors = 512 },
	{ .step = "journal", .disk = JOURNAL, .start = 16, .sectors = 512 },
	{ .step = "header", .disk = JOURNAL, .sectors = 8, .torn = true },
	{ .step = "write", .disk = VOLUME, .sectors = 512, .read = true, .torn = true, .next = 1 },
	{ .step = "header", .disk = JOURNAL, .start = 8, .sectors = 8, .torn = true, .next = 1 },
};

#define PLACES	(sizeof(places) / sizeof(*places))

FIXTURE(stall)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
	char dev[DISKS][32];
};

/* Also what a case left that ended early. */
static void clean(void)
{
	unsigned int i;

	netio_run("test ! -e " EVENTS ".pid || kill $(cat " EVENTS ".pid); rm -f " EVENTS "*");
	netio_run("sluice volume del " NAME);
	for (i = 0; i < DISKS; i++)
		netio_run("dmsetup remove dm-%s --noudevsync;"
			  "echo 0 >/sys/kernel/config/nullb/%s/power;"
			  "rmdir /sys/kernel/config/nullb/%s", disks[i], disks[i], disks[i]);
}

#define SECTORS	4096

static int disk_map(unsigned int i, char *dev)
{
	char table[64], name[16];

	snprintf(name, sizeof(name), "dm-%s", disks[i]);
	snprintf(table, sizeof(table), "0 %u linear /dev/%s 0", SECTORS, disks[i]);
	return rig_dm_add(name, table, dev);
}

/* So many sectors from @start on fail, or can be read and not be written. */
static int disk_break(unsigned int i, unsigned int start, unsigned int sectors, bool read)
{
	char table[256], name[16], how[64] = "error";
	unsigned int end = start + sectors, n = 0;
	const char *disk = disks[i];

	snprintf(name, sizeof(name), "dm-%s", disk);
	if (read)
		snprintf(how, sizeof(how), "flakey /dev/%s %u 0 1 1 error_writes", disk, start);
	if (start)
		n = snprintf(table, sizeof(table), "0 %u linear /dev/%s 0\n", start, disk);
	n += snprintf(table + n, sizeof(table) - n, "%u %u %s\n", start, sectors, how);
	if (end < SECTORS)
		snprintf(table + n, sizeof(table) - n, "%u %u linear /dev/%s %u", end,
			 SECTORS - end, disk, end);
	return rig_dm_change(name, table);
}

static int disk_mend(unsigned int i)
{
	char table[64], name[16];

	snprintf(name, sizeof(name), "dm-%s", disks[i]);
	snprintf(table, sizeof(table), "0 %u linear /dev/%s 0", SECTORS, disks[i]);
	return rig_dm_change(name, table);
}

FIXTURE_SETUP(stall)
{
	unsigned int i;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	clean();
	self->d.v.fd = -1;
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slblk:new", 41, 64));
	for (i = 0; i < DISKS; i++) {
		ASSERT_EQ(0, rig_null_add(disks[i], "size=2 cache_size=1"));
		ASSERT_EQ(0, disk_map(i, self->dev[i]));
	}
	rig_pattern(self->data, SIZE, 0, 1);
}

FIXTURE_TEARDOWN(stall)
{
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	clean();
	free(self->data);
	free(self->copy);
}

/* --- what the operator does, and sees -------------------------------------------------------- */

static int vol_add(const char (*dev)[32], const char *more)
{
	char with[160];

	snprintf(with, sizeof(with), EXTENT "record %s %s", dev[RECORDS], more);
	return rig_volume_add(NAME, dev[VOLUME], with);
}

static int begin(const char (*dev)[32], const char *more)
{
	return netio_run("sluice volume rekey " NAME " key " NEW " journal %s %s", dev[JOURNAL],
			 more);
}

static int set(const char *what)
{
	return netio_run("sluice volume set " NAME " %s", what);
}

static bool says(const char *words)
{
	return !netio_run("sluice volume show " NAME " | grep -qE -- '%s'", words);
}

/* Until it does, or does not. */
static int will_say(const char *words, bool yes)
{
	return rig_await(says, words, yes);
}

/* Chunk @i is what is next, and nothing is wrong. */
static int comes_to(unsigned int i)
{
	char words[64];

	snprintf(words, sizeof(words), "rekey-done %luk? ", i * CHUNK / KB);
	if (i == CHUNKS)
		return will_say("rekey-key", false);
	return will_say(i ? words : "rekey-done 0 ", true) ?: will_say("rekey-error", false);
}

/* --- what the driver does, and sees ---------------------------------------------------------- */

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
		.num = 64, .disk_buf = CHUNK + 16 * KB, .disk_seg = 64 };

	return disk_open(d, NAME, &cfg);
}

static int fill(struct disk *d, const unsigned char *data)
{
	uint64_t at;
	int ret = 0;

	for (at = 0; at < SIZE && !ret; at += CHUNK)
		ret = disk_write(d, at / 512, data + at, CHUNK);
	return ret ?: disk_flush(d);
}

static int holds(struct disk *d, const unsigned char *data, unsigned char *copy)
{
	uint64_t at;
	int ret = 0;

	memset(copy, 0, SIZE);
	for (at = 0; at < SIZE && !ret; at += CHUNK)
		ret = disk_read(d, at / 512, copy + at, CHUNK);
	return ret ?: memcmp(data, copy, SIZE) ? -EILSEQ : 0;
}

/* Something new where a chunk begins. */
static int change(struct disk *d, unsigned char *data, unsigned int chunk, unsigned int round)
{
	uint64_t at = chunk * CHUNK;
	unsigned char *new = rig_alloc(4096);
	int ret;

	rig_pattern(new, 4096, at, round);
	ret = disk_write(d, at / 512, new, 4096);
	if (!ret)
		memcpy(data + at, new, 4096);
	free(new);
	return ret;
}

/* All chunks but one are served, and that is not if it may have another key after a crash. */
static int others_served(struct disk *d, unsigned char *data, unsigned int chunk, bool torn)
{
	unsigned int i;
	int ret;

	for (i = 0; i < CHUNKS; i++) {
		ret = change(d, data, i, 10 + chunk);
		if (i == chunk ? torn && !ret : ret) {
			fprintf(stderr, "# chunk %u of %u: %d\n", i, chunk, ret);
			return -EIO;
		}
	}
	return disk_flush(d);
}

static int break_at(const struct place *p, unsigned int chunk)
{
	return disk_break(p->disk, p->start + (p->disk == VOLUME ? chunk * CHUNK / 512 : 0),
			  p->sectors, p->read);
}

static int stalls_at(const struct place *p)
{
	char words[64];

	snprintf(words, sizeof(words), "^ +rekey .*stalled %s", p->step);
	return will_say(words, true) ?: will_say("rekey-error 5 ", true);
}

/* --- devices that come back ------------------------------------------------------------------ */

/* Of a stall, or of its end, so many. */
static int told(const char *words, unsigned int n)
{
	return netio_run("test $(grep -cE 'volume-rekey-stalled volume " NAME " .*%s' " EVENTS
			 ") = %u", words, n);
}

/* Each is mended when the next one fails already: so one chunk comes by all of them. */
TEST_F_TIMEOUT(stall, goes_on, 300)
{
	unsigned int i;

	ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-pause on key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, netio_run("sluice monitor >" EVENTS " & echo $! >" EVENTS ".pid"));
	ASSERT_EQ(0, begin(self->dev, ""));
	ASSERT_EQ(0, comes_to(0));
	for (i = 0; i < PLACES; i++) {
		ASSERT_EQ(0, break_at(&places[i], 0));
		if (i && places[i].disk != places[i - 1].disk)
			ASSERT_EQ(0, disk_mend(places[i - 1].disk));
		if (!i)
			ASSERT_EQ(0, set("rekey-pause off"));
		ASSERT_EQ(0, stalls_at(&places[i]));
		/* A device that fails does so for the driver, too. */
		if (places[i].disk == JOURNAL)
			EXPECT_EQ(0, others_served(&self->d, self->data, 0, places[i].torn));
	}
	ASSERT_EQ(0, disk_break(RECORDS, 0, SECTORS, false));
	ASSERT_EQ(0, disk_mend(JOURNAL));
	ASSERT_EQ(0, stalls_at(&(struct place){ .step = "record" }));
	EXPECT_EQ(true, says("rekey-done 768k"));
	EXPECT_EQ(0, others_served(&self->d, self->data, CHUNKS, false));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	ASSERT_EQ(0, disk_mend(RECORDS));
	ASSERT_EQ(0, comes_to(CHUNKS));
	disk_close(&self->d);
	/* One, however often it was tried; the first two are one. */
	EXPECT_EQ(0, told("error", PLACES));
	EXPECT_EQ(0, told("goes on", PLACES));
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, vol_add(self->dev, "key " NEW));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
}

/* The power goes, and with it what was in a cache; then the volume, which still waits. */
static int crash(char (*dev)[32])
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < DISKS; i++)
		ret = rig_null_pull(disks[i]) ?: ret;
	ret = rig_volume_del(NAME) ?: ret;
	for (i = 0; i < DISKS && !ret; i++) {
		char name[16];

		snprintf(name, sizeof(name), "dm-%s", disks[i]);
		ret = rig_dm_del(name) ?: rig_null_return(disks[i]) ?: disk_map(i, dev[i]);
	}
	return ret;
}

/* What was acknowledged meanwhile, and flushed, is there. */
TEST_F_TIMEOUT(stall, then_crash, 300)
{
	unsigned int i, chunk = 0;

	ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-pause on key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, begin(self->dev, ""));
	/* Before that none of it is anywhere. */
	for (i = 2; i < PLACES; i++) {
		ASSERT_EQ(0, comes_to(chunk));
		ASSERT_EQ(0, break_at(&places[i], chunk));
		ASSERT_EQ(0, set("rekey-pause off"));
		ASSERT_EQ(0, stalls_at(&places[i]));
		/* Where the disk cannot be written it cannot be flushed either. */
		if (places[i].disk == JOURNAL)
			EXPECT_EQ(0, others_served(&self->d, self->data, chunk, places[i].torn));
		disk_close(&self->d);
		ASSERT_EQ(0, crash(self->dev));
		chunk += places[i].next;
		ASSERT_EQ(0, vol_add(self->dev, "resume rekey-pause on key " OLD));
		ASSERT_EQ(0, begin(self->dev, ""));
		ASSERT_EQ(0, comes_to(chunk));
		ASSERT_EQ(0, attach(&self->d));
		EXPECT_EQ(0, holds(&self->d, self->data, self->copy))
		{
			TH_LOG("after a crash at %s", places[i].step);
		}
	}
	ASSERT_EQ(0, set("rekey-pause off"));
	ASSERT_EQ(0, comes_to(CHUNKS));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
}

/* --- the way back ---------------------------------------------------------------------------- */

/* All but the last chunk, which cannot be read, have the new key; it is turned, and paused. */
static int turns_round_at(struct disk *d, const char (*dev)[32], unsigned char *data)
{
	const unsigned int last = CHUNKS - 1;
	int ret;

	ret = vol_add(dev, "record-new key " OLD) ?: attach(d) ?: fill(d, data);
	ret = ret ?: disk_break(VOLUME, last * CHUNK / 512, 512, false) ?: begin(dev, "");
	ret = ret ?: will_say("stalled read sector 1024$", true) ?: set("rekey-pause on");
	ret = ret ?: netio_run("sluice volume rekey " NAME " back");
	ret = ret ?: will_say("^ +rekey back percent 66", true) ?: comes_to(last);
	return ret ?: disk_mend(VOLUME);
}

/* Round it is one header more: the first of a chunk lies in place 1. */
static int break_on_the_way_back(const struct place *p, unsigned int chunk)
{
	struct place back = *p;

	if (!strcmp(p->step, "header"))
		back.start ^= 8;
	return break_at(&back, chunk);
}

/* It goes back from a chunk that cannot be read, and is cut off at each step. */
TEST_F_TIMEOUT(stall, back_then_crash, 300)
{
	unsigned int i, done = CHUNKS - 1;

	ASSERT_EQ(0, netio_run("sluice monitor >" EVENTS " & echo $! >" EVENTS ".pid"));
	ASSERT_EQ(0, turns_round_at(&self->d, self->dev, self->data));
	EXPECT_EQ(0, others_served(&self->d, self->data, CHUNKS, false));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	EXPECT_EQ(0, refused("that way already", "sluice volume rekey " NAME " back"));
	for (i = 1; i < PLACES; i++) {
		ASSERT_EQ(0, break_on_the_way_back(&places[i], done - 1));
		ASSERT_EQ(0, set("rekey-pause off"));
		ASSERT_EQ(0, stalls_at(&places[i]));
		if (places[i].disk == JOURNAL)
			EXPECT_EQ(0, others_served(&self->d, self->data, done - 1,
						   places[i].torn));
		disk_close(&self->d);
		ASSERT_EQ(0, crash(self->dev));
		done -= places[i].next;
		ASSERT_EQ(0, vol_add(self->dev, "resume rekey-pause on key " OLD));
		ASSERT_EQ(0, begin(self->dev, ""));
		if (done) {
			EXPECT_EQ(true, says("^ +rekey back"));
			ASSERT_EQ(0, comes_to(done));
		}
		ASSERT_EQ(0, attach(&self->d));
		EXPECT_EQ(0, holds(&self->d, self->data, self->copy))
		{
			TH_LOG("after a crash at %s", places[i].step);
		}
	}
	EXPECT_EQ(0, will_say("rekey-key", false));
	EXPECT_EQ(true, says(" key " OLD " "));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	disk_close(&self->d);
	EXPECT_EQ(0, netio_run("grep -q 'volume-rekey-turned volume " NAME " back' " EVENTS));
	EXPECT_EQ(0, netio_run("grep -q 'volume-rekey-given-up volume " NAME "' " EVENTS));
	ASSERT_EQ(0, rig_volume_del(NAME));
	EXPECT_NE(0, vol_add(self->dev, "resume key " NEW " 2>" EVENTS));
	EXPECT_EQ(0, netio_run("grep -q 'that was given up' " EVENTS));
	ASSERT_EQ(0, vol_add(self->dev, "key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	/* The same once more, forward, as nobody says by accident. */
	EXPECT_NE(0, begin(self->dev, ""));
	ASSERT_EQ(0, begin(self->dev, "forward"));
	EXPECT_EQ(0, comes_to(CHUNKS));
	EXPECT_EQ(true, says(" key " NEW " "));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
}

/**
 * struct turn - where it is cut off as it turns round, or when it came back
 * @disk: which one; @start: of 8 sectors that are not written any more
 * @end: when it came back
 * @back: the way that it goes then; -1: that depends on which copy of the record was written first
 */
static const struct turn {
	unsigned int disk, start;
	bool end;
	int back;
} turns[] = {
	{ .disk = RECORDS, .start = 0, .back = -1 },
	{ .disk = RECORDS, .start = 8, .back = -1 },
	{ .disk = JOURNAL, .start = 0, .back = 1 },
	{ .disk = RECORDS, .start = 0, .end = true },
	{ .disk = RECORDS, .start = 8, .end = true },
	{ .disk = JOURNAL, .start = 8, .end = true },
};

/* One chunk has the new key, and nothing goes on; or it goes back, and only its end is to come. */
static int comes_to_turn(const char (*dev)[32], const struct turn *t)
{
	int ret = comes_to(1) ?: set("rekey-pause on rekey-bps 0");

	if (t->end) {
		ret = ret ?: netio_run("sluice volume rekey " NAME " back");
		ret = ret ?: will_say("^ +rekey back", true) ?: comes_to(1);
	}
	/* The journal's last header would not be the first one that lies there. */
	if (t->end && t->disk == JOURNAL)
		return ret ?: disk_break(RECORDS, 0, SECTORS, false);
	return ret ?: disk_break(t->disk, t->start, 8, false);
}

static int does_turn(const struct turn *t)
{
	int ret = t->end ? set("rekey-pause off") : netio_run("sluice volume rekey " NAME " back");

	if (!ret && t->end && t->disk == JOURNAL) {
		ret = will_say("stalled record", true);
		ret = ret ?: disk_break(t->disk, t->start, 8, false) ?: disk_mend(RECORDS);
	}
	return ret ?: will_say(t->disk == JOURNAL ? "stalled header" : "stalled record", true);
}

/* What becomes of it, however it goes on. */
static int make_good(const struct turn *t, const char (*dev)[32], const char **key)
{
	int ret = vol_add(dev, "resume rekey-pause on key " OLD);

	*key = OLD;
	/* The record may know that all has come back. */
	if (!ret && t->end && !says("unresolved"))
		return 0;
	ret = ret ?: begin(dev, "");
	if (!ret && !t->end && !says("^ +rekey back"))
		*key = NEW;
	if (t->back == 1 && strcmp(*key, OLD))
		return -EINVAL;
	return ret ?: set("rekey-pause off") ?: will_say("rekey-key", false);
}

TEST_F_TIMEOUT(stall, turn_then_crash, 300)
{
	unsigned char *none = rig_alloc(MB);
	const char *key = NULL;
	char words[32];
	unsigned int i;

	memset(none, 0, MB);
	for (i = 0; i < sizeof(turns) / sizeof(*turns); i++) {
		ASSERT_EQ(0, rig_pwrite("/dev/slblkr", none, MB, 0));
		ASSERT_EQ(0, rig_pwrite("/dev/slblkj", none, MB, 0));
		ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-bps 1 key " OLD));
		ASSERT_EQ(0, attach(&self->d));
		ASSERT_EQ(0, fill(&self->d, self->data));
		ASSERT_EQ(0, begin(self->dev, ""));
		ASSERT_EQ(0, comes_to_turn(self->dev, &turns[i]));
		ASSERT_EQ(0, does_turn(&turns[i]));
		EXPECT_EQ(0, others_served(&self->d, self->data, CHUNKS, false));
		disk_close(&self->d);
		ASSERT_EQ(0, crash(self->dev));
		EXPECT_EQ(0, make_good(&turns[i], self->dev, &key))
		{
			TH_LOG("after a crash at turn %u", i);
		}
		snprintf(words, sizeof(words), " key %s ", key);
		EXPECT_EQ(true, says(words));
		ASSERT_EQ(0, attach(&self->d));
		EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
		disk_close(&self->d);
		ASSERT_EQ(0, rig_volume_del(NAME));
	}
	free(none);
}

/* --- what cannot be read --------------------------------------------------------------------- */

/* Sectors: two side by side, the first one of a chunk, and the last one of all. */
static const unsigned int holes[] = { 100, 101, 512, 1535 };

static int make_holes(void)
{
	return rig_dm_change("dm-slblkv", "0 100 linear /dev/slblkv 0\n100 2 error\n"
			     "102 410 linear /dev/slblkv 102\n512 1 error\n"
			     "513 1022 linear /dev/slblkv 513\n1535 1 error\n"
			     "1536 2560 linear /dev/slblkv 1536");
}

static bool is_hole(unsigned int sector)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		if (holes[i] == sector)
			return true;
	}
	return false;
}

/* All but the holes, which fail. */
static int holds_but_holes(struct disk *d, const unsigned char *data, unsigned char *copy)
{
	unsigned int i, n;
	int ret;

	/* Up to a hole, at most a chunk; or one. */
	for (i = 0; i < SIZE / 512; i += n) {
		n = 1;
		while (!is_hole(i) && n < CHUNK / 512 && i + n < SIZE / 512 && !is_hole(i + n))
			n++;
		ret = disk_read(d, i, copy, n * 512);
		if (is_hole(i) ? !ret : ret || memcmp(copy, data + i * 512UL, n * 512)) {
			fprintf(stderr, "# sector %u: %d\n", i, ret);
			return -EIO;
		}
	}
	return 0;
}

/* They are passed over, if the device is there, and stay what they were. */
TEST_F_TIMEOUT(stall, unreadable, 300)
{
	unsigned char was[4][512], *raw = rig_alloc(4096);
	unsigned int i;

	ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-pause on key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, rig_pread("/dev/slblkv", raw, 512, holes[i] * 512));
		memcpy(was[i], raw, 512);
	}
	ASSERT_EQ(0, begin(self->dev, "skip-unreadable"));
	ASSERT_EQ(0, comes_to(0));
	ASSERT_EQ(0, disk_break(VOLUME, 0, SECTORS, false));
	ASSERT_EQ(0, set("rekey-pause off"));
	ASSERT_EQ(0, will_say("^ +rekey .*stalled read sector 0$", true));
	EXPECT_EQ(false, says("skipped"));
	ASSERT_EQ(0, make_holes());
	ASSERT_EQ(0, will_say("rekey-key", false));
	EXPECT_EQ(true, says("^ +rekey skipped 4 unreadable 100,101,512,1535$"));
	EXPECT_EQ(0, holds_but_holes(&self->d, self->data, self->copy));
	ASSERT_EQ(0, disk_mend(VOLUME));
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, rig_pread("/dev/slblkv", raw, 512, holes[i] * 512));
		EXPECT_EQ(0, memcmp(was[i], raw, 512));
		ASSERT_EQ(0, disk_write(&self->d, holes[i], self->data + holes[i] * 512, 512));
	}
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	free(raw);
}

/* What was passed over is done with, whatever happens: who writes there has the new key. */
TEST_F_TIMEOUT(stall, passed_then_crash, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-pause on key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, begin(self->dev, ""));
	ASSERT_EQ(0, comes_to(0));
	ASSERT_EQ(0, make_holes());
	ASSERT_EQ(0, set("rekey-pause off"));
	/* Without the word it says which one, and what is before it has its new key. */
	ASSERT_EQ(0, will_say("^ +rekey .*stalled read sector 100$", true));
	EXPECT_EQ(true, says("rekey-done 50k "));
	EXPECT_EQ(0, holds_but_holes(&self->d, self->data, self->copy));
	disk_close(&self->d);
	ASSERT_EQ(0, crash(self->dev));
	ASSERT_EQ(0, vol_add(self->dev, "resume rekey-pause on rekey-bps 1 key " OLD));
	ASSERT_EQ(0, begin(self->dev, "skip-unreadable"));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, make_holes());
	/* One of them, and the next one minutes later. */
	ASSERT_EQ(0, set("rekey-pause off"));
	ASSERT_EQ(0, will_say("skipped 1 unreadable 100$", true));
	ASSERT_EQ(0, disk_mend(VOLUME));
	rig_pattern(self->data + 100 * 512, 512, 0, 77);
	ASSERT_EQ(0, disk_write(&self->d, 100, self->data + 100 * 512, 512));
	ASSERT_EQ(0, disk_flush(&self->d));
	disk_close(&self->d);
	ASSERT_EQ(0, crash(self->dev));
	ASSERT_EQ(0, vol_add(self->dev, "resume key " OLD));
	ASSERT_EQ(0, begin(self->dev, ""));
	ASSERT_EQ(0, comes_to(CHUNKS));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
}

/* --- as fast as the operator wants it -------------------------------------------------------- */

TEST_F_TIMEOUT(stall, paced, 300)
{
	ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-bps 1 key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	/* The next chunk is three days away, and then none is, for it is held up. */
	ASSERT_EQ(0, begin(self->dev, ""));
	ASSERT_EQ(0, comes_to(1));
	EXPECT_EQ(0, will_say("^ +rekey percent 33 rate [1-9][0-9.]*[km]? left [0-9]+[smhd]",
			      true));
	ASSERT_EQ(0, set("rekey-pause on"));
	ASSERT_EQ(0, set("rekey-bps 0"));
	EXPECT_EQ(false, says("rekey-bps"));
	EXPECT_EQ(0, others_served(&self->d, self->data, CHUNKS, false));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	ASSERT_EQ(0, comes_to(1));
	/* It ends in its sleep, and then goes on. */
	disk_close(&self->d);
	ASSERT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, vol_add(self->dev, "resume rekey-bps 1 rekey-pause on key " OLD));
	ASSERT_EQ(0, begin(self->dev, ""));
	ASSERT_EQ(0, set("rekey-bps 1g rekey-pause off"));
	ASSERT_EQ(0, comes_to(CHUNKS));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
}

/*
 * The keys go while a chunk stalls. It is not tried again until they are back, and then goes on
 * from there; or the power goes meanwhile, and it goes on after that.
 */
TEST_F_TIMEOUT(stall, keys_wiped, 300)
{
	unsigned int i, chunk = 0;

	ASSERT_EQ(0, vol_add(self->dev, "record-new rekey-pause on key " OLD));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, begin(self->dev, ""));
	/* The chunk goes to the journal, is told of there, and goes to its place. */
	for (i = 1; i < 4; i++) {
		ASSERT_EQ(0, break_at(&places[i], chunk));
		ASSERT_EQ(0, set("rekey-pause off"));
		ASSERT_EQ(0, stalls_at(&places[i]));
		ASSERT_EQ(0, netio_run("sluice volume key-wipe " NAME " fail"));
		ASSERT_EQ(0, set("rekey-pause on"));
		ASSERT_EQ(0, disk_mend(places[i].disk));
		EXPECT_EQ(0, refused("say both", RESUME OLD));
		EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_flush(&self->d));
		EXPECT_EQ(true, says("key-wiped fails "));
		EXPECT_EQ(true, says("^ +rekey .*stalled"));
		if (i == 3)
			break;
		ASSERT_EQ(0, netio_run(RESUME NEW " key-before " OLD));
		chunk += places[i].torn;
		if (places[i].torn)
			ASSERT_EQ(0, comes_to(chunk));
		EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
	}
	disk_close(&self->d);
	ASSERT_EQ(0, crash(self->dev));
	ASSERT_EQ(0, vol_add(self->dev, "resume key " OLD));
	ASSERT_EQ(0, begin(self->dev, ""));
	ASSERT_EQ(0, comes_to(CHUNKS));
	ASSERT_EQ(0, attach(&self->d));
	EXPECT_EQ(0, holds(&self->d, self->data, self->copy));
}

TEST_HARNESS_MAIN
