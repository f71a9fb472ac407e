// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volumes whose device finds out what was tampered with (dm-integrity): each change that somebody
 * makes behind its back reaches the driver as an error, is counted and told, and its neighbours are
 * as they were; a crash makes none. And what is no such device is refused.
 *
 * Data and sums lie on devices of their own, where it matters which is changed, so each sector is
 * where its number says. The device mapper keeps sums in memory: whoever tampers does so while the
 * device is not there.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slblk0"
#define DATA	"/dev/slintd"
#define SUMS	"/dev/slints"
#define JOURNAL	"/dev/slintj"
#define RAW	"/dev/slintr"
#define DM	"/dev/mapper/slint"
#define KEY	"00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
#define SUMMED	"internal_hash:hmac(sha256):" KEY
/* Three words. */
#define HASH	SUMMED " journal_mac:hmac(sha256):" KEY " fix_hmac"
#define OLD	"logon:slint:old"
#define NEW	"logon:slint:new"
#define EVENTS	"/tmp/slint-events"
#define SECTOR	512
#define SUM	32
#define SECTORS	2048U
#define SIZE	(SECTORS * SECTOR)

static const char *const disks[] = { "slintd", "slints", "slintj", "slintr" };

FIXTURE(integrity)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
};

static int make(const char *name, const char *table)
{
	return netio_run("DM_DISABLE_UDEV=1 dmsetup create %s --table \"%s\"", name, table);
}

static int unmake(const char *name)
{
	return netio_run("DM_DISABLE_UDEV=1 dmsetup remove %s", name);
}

/* Also what a case left that ended early. */
static void clean(void)
{
	unsigned int i;

	netio_run("test ! -e " EVENTS ".pid || kill $(cat " EVENTS ".pid); rm -f " EVENTS "*");
	netio_run("sluice volume del " NAME);
	netio_run("for t in slint slintjm slintlin; do DM_DISABLE_UDEV=1 dmsetup remove $t; done");
	for (i = 0; i < ARRAY_SIZE(disks); i++)
		netio_run("echo 0 >/sys/kernel/config/nullb/%s/power;"
			  "rmdir /sys/kernel/config/nullb/%s", disks[i], disks[i]);
}

FIXTURE_SETUP(integrity)
{
	if (netio_run("dmsetup targets | grep -q ^integrity"))
		SKIP(return, "no dm-integrity in this kernel, or no dmsetup");
	clean();
	self->d.v.fd = -1;
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slint:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slint:new", 41, 64));
	ASSERT_EQ(0, rig_null_add("slintd", "size=4"));
	ASSERT_EQ(0, rig_null_add("slints", "size=4"));
	ASSERT_EQ(0, rig_null_add("slintr", "size=4"));
}

FIXTURE_TEARDOWN(integrity)
{
	if (!self->data)
		return;
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	clean();
	free(self->data);
	free(self->copy);
}

/* --- a volume, its device, and that of its sums ----------------------------------------------- */

#define TABLE	"0 8192 integrity " DATA " 0 32 "
#define APART	" meta_device:" SUMS " journal_sectors:64 "
#define WORDS	"size 1m key " OLD " integrity "

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
		.num = 64, .disk_buf = 128 * KB + 8 * KB, .disk_seg = 64 };

	return disk_open(d, NAME, &cfg);
}

static int on(struct disk *d, const char *table, const char *words)
{
	return make("slint", table) ?: rig_volume_add(NAME, DM, words) ?: attach(d);
}

static int off(struct disk *d)
{
	disk_close(d);
	d->v.fd = -1;
	return rig_volume_del(NAME) ?: unmake("slint");
}

static int fill(struct disk *d, const unsigned char *data)
{
	unsigned int at;
	int ret = 0;

	for (at = 0; at < SIZE && !ret; at += 128 * KB)
		ret = disk_write(d, at / SECTOR, data + at, 128 * KB);
	return ret ?: disk_flush(d);
}

/* Are sectors as they were written? VIRTIO_BLK_S_IOERR: one cannot be read. */
static int hold(struct disk *d, const unsigned char *data, unsigned int sector, unsigned int n)
{
	static unsigned char copy[128 * KB];
	int ret = disk_read(d, sector, copy, n * SECTOR);

	return ret ?: memcmp(copy, data + sector * SECTOR, n * SECTOR) ? -EILSEQ : 0;
}

static int holds(struct disk *d, const unsigned char *data, unsigned int sector)
{
	return hold(d, data, sector, 1);
}

static long counted(void)
{
	return netio_shown("-s volume show " NAME, "integrity-errors");
}

/* --- who tampers ----------------------------------------------------------------------------- */

/* Where the sums begin, in bytes. */
static off_t sums_at(void)
{
	unsigned long sectors = 0;
	FILE *f = popen("dmsetup table slint", "r");
	char word[128];

	while (f && fscanf(f, "%127s", word) == 1)
		sscanf(word, "journal_sectors:%lu", &sectors);
	return !f || pclose(f) || !sectors ? -1 : (off_t)(8 + sectors) * SECTOR;
}

/* A sector with its sum. */
struct sector {
	unsigned char data[SECTOR];
	unsigned char sum[SUM];
};

static int take(struct sector *s, off_t sums, unsigned int nr)
{
	unsigned char *block = rig_alloc(4096);
	off_t at = sums + nr * SUM;
	int ret = rig_pread(DATA, block, SECTOR, nr * SECTOR);

	memcpy(s->data, block, SECTOR);
	ret = ret ?: rig_pread(SUMS, block, SECTOR, at / SECTOR * SECTOR);
	memcpy(s->sum, block + at % SECTOR, SUM);
	free(block);
	return ret;
}

static int put(const struct sector *s, off_t sums, unsigned int nr)
{
	unsigned char *block = rig_alloc(4096);
	off_t at = sums + nr * SUM;
	int ret;

	memcpy(block, s->data, SECTOR);
	ret = rig_pwrite(DATA, block, SECTOR, nr * SECTOR) ?:
	      rig_pread(SUMS, block, SECTOR, at / SECTOR * SECTOR);
	memcpy(block + at % SECTOR, s->sum, SUM);
	ret = ret ?: rig_pwrite(SUMS, block, SECTOR, at / SECTOR * SECTOR);
	free(block);
	return ret;
}

enum change { KEPT, FLIPPED, OF_ANOTHER, OF_BEFORE };

static const struct tampered {
	const char *what;
	enum change data;
	enum change sum;
	/* Nobody can tell: see volumes.md. */
	bool unseen;
} cases[] = {
	{ "a bit of the ciphertext", .data = FLIPPED },
	{ "a bit of the sum", .sum = FLIPPED },
	{ "another sector's data", .data = OF_ANOTHER },
	{ "another sector, with its sum", .data = OF_ANOTHER, .sum = OF_ANOTHER },
	{ "data of before", .data = OF_BEFORE },
	{ "the sum of before", .sum = OF_BEFORE },
	{ "data of before, with its sum", .data = OF_BEFORE, .sum = OF_BEFORE, .unseen = true },
};

#define CASES	(sizeof(cases) / sizeof(*cases))
/* Its sector, and that of another one. */
#define PLACE(i)	(8U + 16 * (i))
#define ANOTHER(i)	(1000U + PLACE(i))

static void change(unsigned char *is, const unsigned char *another, const unsigned char *before,
		   size_t len, enum change change)
{
	if (change == FLIPPED)
		is[len / 2] ^= 0x10;
	else if (change != KEPT)
		memcpy(is, change == OF_ANOTHER ? another : before, len);
}

static int tamper(const struct tampered *t, const struct sector *before, off_t sums,
		  unsigned int nr, unsigned int other)
{
	struct sector s, another;
	int ret = take(&s, sums, nr) ?: take(&another, sums, other);

	if (ret)
		return ret;
	change(s.data, another.data, before->data, SECTOR, t->data);
	change(s.sum, another.sum, before->sum, SUM, t->sum);
	return put(&s, sums, nr);
}

static int told(unsigned int n)
{
	return netio_run("test $(grep -c 'volume-integrity volume " NAME "' " EVENTS ") = %u", n);
}

TEST_F_TIMEOUT(integrity, tampered, 120)
{
	struct sector before[CASES];
	unsigned int i, seen = 0;
	off_t sums;

	ASSERT_EQ(0, on(&self->d, TABLE "J 5" APART HASH, WORDS));
	EXPECT_EQ(0, netio_run("sluice volume show " NAME " | grep -q ' integrity '"));
	rig_pattern(self->data, SIZE, 0, 1);
	ASSERT_EQ(0, fill(&self->d, self->data));
	sums = sums_at();
	ASSERT_GT(sums, 0);
	ASSERT_EQ(0, off(&self->d));
	for (i = 0; i < CASES; i++)
		ASSERT_EQ(0, take(&before[i], sums, PLACE(i)));

	ASSERT_EQ(0, on(&self->d, TABLE "J 5" APART HASH, WORDS));
	rig_pattern(self->data, SIZE, 0, 2);
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, off(&self->d));
	for (i = 0; i < CASES; i++)
		ASSERT_EQ(0, tamper(&cases[i], &before[i], sums, PLACE(i), ANOTHER(i)));

	ASSERT_EQ(0, netio_run("sluice monitor >" EVENTS " & echo $! >" EVENTS ".pid"));
	ASSERT_EQ(0, on(&self->d, TABLE "J 5" APART HASH, WORDS));
	EXPECT_EQ(0, counted());
	for (i = 0; i < CASES; i++) {
		int ret = holds(&self->d, self->data, PLACE(i)), want = VIRTIO_BLK_S_IOERR;

		TH_LOG("%s", cases[i].what);
		if (cases[i].unseen)
			want = -EILSEQ;
		EXPECT_EQ(want, ret);
		seen += !cases[i].unseen;
		EXPECT_EQ(seen, counted());
		EXPECT_EQ(0, holds(&self->d, self->data, PLACE(i) - 1));
		EXPECT_EQ(0, holds(&self->d, self->data, PLACE(i) + 1));
		EXPECT_EQ(0, holds(&self->d, self->data, ANOTHER(i)));
	}
	/* One of many, and once more: as often as it was asked for. */
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&self->d, 0, self->copy, 64 * KB));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, holds(&self->d, self->data, PLACE(0)));
	EXPECT_EQ(seen + 2, counted());
	EXPECT_EQ(0, netio_run("sluice -s volume show " NAME " | grep -q 'op read .* errors %u$'",
			       seen + 2));
	/* What is written anew is whole. */
	EXPECT_EQ(0, disk_write(&self->d, PLACE(0), self->data + PLACE(0) * SECTOR, SECTOR));
	EXPECT_EQ(0, holds(&self->d, self->data, PLACE(0)));
	EXPECT_EQ(seen + 2, counted());
	EXPECT_EQ(0, told(1));
	ASSERT_EQ(0, off(&self->d));
}

/* --- what is no such device ------------------------------------------------------------------ */

static const struct refusal {
	const char *table;
	const char *why;
} refusals[] = {
	{ "0 2048 linear " DATA " 0", "its target is not integrity" },
	{ TABLE "J 3" APART "internal_hash:sha256", "its sums have no key" },
	{ TABLE "J 3" APART SUMMED, "its superblock has no sum" },
	{ TABLE "J 4" APART SUMMED " journal_mac:hmac(sha256):" KEY, "its superblock has no sum" },
	{ TABLE "J 4" APART SUMMED " fix_hmac", "its superblock has no sum" },
	{ "0 8192 integrity " DATA " 0 8 J 5" APART HASH, "less than 16 bytes" },
	{ TABLE "D 5" APART HASH, "without a journal a crash leaves" },
	{ TABLE "B 5" APART HASH, "after a crash what is there" },
	{ TABLE "J 6" APART "allow_discards " HASH, "allow_discards" },
	{ TABLE "J 7" APART "recalculate legacy_recalculate " HASH, "recalculate" },
};

TEST_F(integrity, refused)
{
	unsigned int i;

	/* By the kernel, which sees no more. */
	EXPECT_EQ(0, refused("slintr has no integrity: put dm-integrity on it",
			     "sluice volume add " NAME " dev " RAW " " WORDS));
	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		ASSERT_EQ(0, netio_run("dd if=/dev/zero of=" SUMS " bs=4k count=1 oflag=direct"));
		ASSERT_EQ(0, make("slint", refusals[i].table));
		EXPECT_EQ(0, refused(refusals[i].why,
				     "sluice volume add " NAME " dev " DM " " WORDS));
		ASSERT_EQ(0, unmake("slint"));
	}
	/* Who does not demand it gets it. */
	ASSERT_EQ(0, make("slint", refusals[0].table));
	EXPECT_EQ(0, rig_volume_add(NAME, DM, "size 1m"));
	EXPECT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, unmake("slint"));
}

/* --- what it has elsewhere ------------------------------------------------------------------- */

#define BESIDE	"/dev/mapper/slintjm"
#define LINEAR	"/dev/mapper/slintlin"

/* A device as good as its own, and one that is not. */
static int make_beside(void)
{
	return rig_null_add("slintj", "size=4") ?:
	       make("slintjm", "0 1024 integrity " JOURNAL " 0 32 J 3 " HASH) ?:
	       make("slintlin", "0 2048 linear " RAW " 0") ?:
	       netio_run("dd if=/dev/zero of=" BESIDE " bs=512k count=1");
}

static int unmake_beside(void)
{
	return unmake("slintjm") ?: unmake("slintlin");
}

#define RECORD(dev)	"record " dev " record-start 64k "

/* A record knows that it was demanded, and lies where it is found out as well. */
TEST_F(integrity, recorded)
{
	ASSERT_EQ(0, make("slint", TABLE "J 5" APART HASH));
	EXPECT_EQ(0, refused("slintr has no integrity", "sluice volume add " NAME " dev " DM " "
			     WORDS RECORD(RAW) "record-new"));
	ASSERT_EQ(0, make_beside());
	EXPECT_EQ(0, refused("record of " NAME ": .*target is not integrity",
			     "sluice volume add " NAME " dev " DM " " WORDS RECORD(LINEAR)
			     "record-new"));
	ASSERT_EQ(0, rig_volume_add(NAME, DM, WORDS));
	EXPECT_EQ(0, refused("target is not integrity",
			     "sluice volume set " NAME " " RECORD(LINEAR) "record-new"));
	EXPECT_EQ(0, netio_run("sluice volume set " NAME " " RECORD(BESIDE) "record-new"));
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, refused("the record says integrity 1, given is 0", "sluice volume add " NAME
			     " dev " DM " size 1m key " OLD " " RECORD(BESIDE)));
	EXPECT_EQ(0, rig_volume_add(NAME, DM, WORDS RECORD(BESIDE)));
	EXPECT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, unmake("slint"));
	ASSERT_EQ(0, unmake_beside());
}

/* --- another key ----------------------------------------------------------------------------- */

static int rekeyed(void)
{
	int i;

	for (i = 0; i < 1500; i++) {
		if (netio_run("sluice volume show " NAME " | grep -q rekey-key"))
			return netio_run("sluice volume show " NAME " | grep -q ' key " NEW "'");
		usleep(20000);
	}
	return -ETIMEDOUT;
}

#define REKEY	"sluice volume rekey " NAME " key " NEW " unrecorded skip-unreadable journal "

/* What was tampered with does not become whole by it, nor by its journal. */
TEST_F_TIMEOUT(integrity, another_key, 120)
{
	struct sector before;
	unsigned int i;
	off_t sums;

	ASSERT_EQ(0, on(&self->d, TABLE "J 5" APART HASH, WORDS));
	rig_pattern(self->data, SIZE, 0, 1);
	ASSERT_EQ(0, fill(&self->d, self->data));
	sums = sums_at();
	ASSERT_GT(sums, 0);
	ASSERT_EQ(0, off(&self->d));
	ASSERT_EQ(0, tamper(&cases[0], &before, sums, PLACE(0), ANOTHER(0)));
	ASSERT_EQ(0, on(&self->d, TABLE "J 5" APART HASH, WORDS));

	EXPECT_EQ(0, refused("slintr has no integrity: put dm-integrity", REKEY RAW));
	ASSERT_EQ(0, make_beside());
	EXPECT_EQ(0, refused("journal of " NAME ": .*target is not integrity", REKEY LINEAR));
	ASSERT_EQ(0, netio_run(REKEY BESIDE));
	ASSERT_EQ(0, rekeyed());
	EXPECT_EQ(0, hold(&self->d, self->data, 0, PLACE(0)));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, holds(&self->d, self->data, PLACE(0)));
	EXPECT_EQ(0, hold(&self->d, self->data, PLACE(0) + 1, 128 - PLACE(0) - 1));
	for (i = 128; i < SECTORS; i += 128)
		ASSERT_EQ(0, hold(&self->d, self->data, i, 128));
	EXPECT_EQ(1, counted());
	ASSERT_EQ(0, off(&self->d));
	ASSERT_EQ(0, unmake_beside());
}

/* --- power that is cut ----------------------------------------------------------------------- */

/*
 * struct model - which write a sector may be of: numbers, 0: none
 * @safe: a flush made it safe
 * @acked: it was acknowledged
 * @newest: there was none later
 */
struct model {
	uint32_t safe[SECTORS];
	uint32_t acked[SECTORS];
	uint32_t newest[SECTORS];
	unsigned int seed;
};

static void *cut(void *arg)
{
	usleep(*(unsigned int *)arg);
	return rig_null_pull("slintj") ? arg : NULL;
}

/* Until it fails. Return: how many were acknowledged. */
static uint32_t load(struct disk *d, struct model *m, unsigned char *data)
{
	uint32_t nr = 0;

	for (;;) {
		unsigned int first = rand_r(&m->seed) % (SECTORS - 64);
		unsigned int i, n = 1 + rand_r(&m->seed) % 64;

		nr++;
		for (i = first; i < first + n; i++)
			m->newest[i] = nr;
		rig_pattern(data, n * SECTOR, first * SECTOR, nr);
		if (disk_write(d, first, data, n * SECTOR))
			return nr - 1;
		for (i = first; i < first + n; i++)
			m->acked[i] = nr;
		if (nr % 4)
			continue;
		if (disk_flush(d))
			return nr;
		memcpy(m->safe, m->acked, sizeof(m->safe));
	}
}

static bool right(const struct model *m, const unsigned char *is, unsigned int sector)
{
	unsigned char whole[SECTOR];
	uint32_t nr;

	for (nr = m->newest[sector]; nr && nr >= m->safe[sector]; nr--) {
		rig_pattern(whole, SECTOR, sector * SECTOR, nr);
		if (!memcmp(is, whole, SECTOR))
			return true;
	}
	return false;
}

/* How many are not as they should be; what nobody wrote, or made safe, may have no sum. */
static unsigned int wrong(struct disk *d, const struct model *m, unsigned int from, unsigned int n)
{
	unsigned char is[64 * SECTOR];
	int ret = disk_read(d, from, is, n * SECTOR);
	unsigned int i, sum = 0;

	if (ret && n == 1)
		return ret != VIRTIO_BLK_S_IOERR || m->safe[from];
	for (i = 0; i < n; i++)
		sum += ret ? wrong(d, m, from + i, 1) : !right(m, is + i * SECTOR, from + i);
	return sum;
}

TEST_F_TIMEOUT(integrity, cut_off, 300)
{
	const char *table = "0 4096 integrity " JOURNAL " 0 32 J 4 journal_sectors:256 " HASH;
	struct model *m = calloc(1, sizeof(*m));
	unsigned int round, i, us, safe, bad;
	pthread_t thread;
	uint32_t writes;
	void *err;

	m->seed = getpid();
	TH_LOG("seed %u", m->seed);
	for (round = 0; round < 3; round++) {
		memset(m, 0, offsetof(struct model, seed));
		ASSERT_EQ(0, rig_null_add("slintj", "size=4 cache_size=16"));
		ASSERT_EQ(0, on(&self->d, table, WORDS));
		us = 50000 + rand_r(&m->seed) % 200000;
		ASSERT_EQ(0, pthread_create(&thread, NULL, cut, &us));
		writes = load(&self->d, m, self->data);
		pthread_join(thread, &err);
		ASSERT_EQ(NULL, err);
		ASSERT_EQ(0, off(&self->d));
		ASSERT_EQ(0, rig_null_return("slintj"));
		ASSERT_EQ(0, on(&self->d, table, WORDS));
		for (i = 0, safe = 0, bad = 0; i < SECTORS; i++) {
			safe += m->safe[i] != 0;
			bad += i % 64 ? 0 : wrong(&self->d, m, i, 64);
		}
		TH_LOG("%u writes, %u sectors were safe", writes, safe);
		EXPECT_EQ(0, bad);
		ASSERT_EQ(0, off(&self->d));
		ASSERT_EQ(0, rig_null_pull("slintj"));
		ASSERT_EQ(0, rig_null_del("slintj"));
	}
	free(m);
}

TEST_HARNESS_MAIN
