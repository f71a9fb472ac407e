// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume knows itself: what its record, and the journal of its re-encryption, do not speak of is
 * refused, and what was interrupted goes on with all that it needs, or not at all.
 */
#include "kselftest_harness.h"
#include <endian.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define A	"slblk0"
#define B	"slblk1"
#define JOURNAL	"/dev/slblkj"
#define RECORDS	"/dev/slblkr"
#define SIZE	(4 * MB)
#define OLD	"logon:slblk:old"
#define NEW	"logon:slblk:new"
#define SHAPE	"size 4M sector-size 512 "
#define WHY	"/tmp/slblk-why"
#define PARENT	"/sys/class/mdev_bus/"

FIXTURE(record)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
};

static const char *const disks[] = { A, B, "slblkj", "slblkr" };

/* Also what a case left that ended early. */
static void clean(void)
{
	unsigned int i;

	netio_run("for v in " A " " B " x; do sluice volume del $v; done");
	netio_run("dmsetup remove slblk-record --noudevsync");
	for (i = 0; i < ARRAY_SIZE(disks); i++)
		netio_run("echo 0 >/sys/kernel/config/nullb/%s/power;"
			  "rmdir /sys/kernel/config/nullb/%s", disks[i], disks[i]);
}

FIXTURE_SETUP(record)
{
	clean();
	self->d.v.fd = -1;
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:old", 37, 64));
	ASSERT_EQ(0, rig_key_add("slblk:new", 41, 64));
	ASSERT_EQ(0, rig_key_add("slblk:other", 43, 64));
	ASSERT_EQ(0, rig_null_add(A, "size=8"));
	ASSERT_EQ(0, rig_null_add(B, "size=8"));
	/* So that a command that comes soon finds it half done. */
	ASSERT_EQ(0, rig_null_add("slblkj", "size=4 irqmode=2 completion_nsec=40000000"));
	ASSERT_EQ(0, rig_null_add("slblkr", "size=1"));
	rig_pattern(self->data, SIZE, 0, 1);
}

FIXTURE_TEARDOWN(record)
{
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	clean();
	free(self->data);
	free(self->copy);
}

static int attach(struct disk *d, const char *name)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
		.num = 64, .disk_buf = MB + 16 * KB, .disk_seg = 64 };

	return disk_open(d, name, &cfg);
}

static int vol_add(const char *name, const char *more)
{
	return netio_run("sluice volume add %s dev /dev/%s %s", name, name, more);
}

static int vol_del(const char *name)
{
	int ret = netio_run("sluice volume del %s", name);

	/* A re-encryption comes to rest first. */
	while (!ret && !netio_run("sluice volume show | grep -q ^%s:", name))
		usleep(10000);
	return ret;
}

static int fill(struct disk *d, const char *name, const unsigned char *data)
{
	uint64_t at;
	int ret = attach(d, name);

	if (ret)
		return ret;
	for (at = 0; at < SIZE && !ret; at += MB)
		ret = disk_write(d, at / 512, data + at, MB);
	disk_close(d);
	return ret;
}

static int holds(struct disk *d, const char *name, const unsigned char *data, unsigned char *copy)
{
	uint64_t at;
	int ret = attach(d, name);

	if (ret)
		return ret;
	memset(copy, 0, SIZE);
	for (at = 0; at < SIZE && !ret; at += MB)
		ret = disk_read(d, at / 512, copy + at, MB);
	disk_close(d);
	return ret ?: memcmp(data, copy, SIZE) ? -EILSEQ : 0;
}

static int says(const char *name, const char *words)
{
	return netio_run("sluice volume show %s | grep -qE -- '%s'", name, words);
}

/* Until it has its new key. */
static int rekeyed(const char *name)
{
	int i;

	for (i = 0; i < 3000; i++) {
		if (says(name, "rekey-key"))
			return says(name, " key " NEW);
		if (!says(name, "rekey-error"))
			return -EIO;
		usleep(20000);
	}
	return -ETIMEDOUT;
}

/*
 * It goes on for a while, and then the volume is gone: it comes to rest only behind the chunk that
 * is under way, and to ask how far it is takes longer than some of them.
 */
static int half(const char *name, const char *how)
{
	if (netio_run("sluice volume rekey %s key " NEW " journal " JOURNAL " %s", name, how))
		return -EINVAL;
	return vol_del(name);
}

/* --- the record ------------------------------------------------------------------------------ */

#define RECORD	"record " RECORDS " "

TEST_F_TIMEOUT(record, keys, 300)
{
	EXPECT_EQ(0, refused("record-new", "sluice volume add " A " dev /dev/" A " " SHAPE RECORD
			     "key " OLD));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	EXPECT_EQ(0, says(A, " record " RECORDS " record-start 0 record-uuid [0-9a-f-]{36}"));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	ASSERT_EQ(0, vol_del(A));
	EXPECT_EQ(0, refused("not the volume.s key", "sluice volume add " A " dev /dev/" A " "
			     SHAPE RECORD "key " NEW));
	EXPECT_EQ(0, refused("cipher-bits 256, given is 0", "sluice volume add " A " dev /dev/" A
			     " size 4M " RECORD));
	EXPECT_EQ(0, refused("a record already", "sluice volume add " A " dev /dev/" A " "
			     SHAPE RECORD "record-new key " NEW));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "key " OLD));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
}

TEST_F_TIMEOUT(record, geometry, 300)
{
	static const char *const others[][2] = {
		{ "size 4M sector-size 512 iv-offset 8", "iv-offset 0, given is 8" },
		{ "size 4M start 1M sector-size 512", "start 0s, given is 2048s" },
		{ "size 2M sector-size 512", "size 8192s, given is 4096s" },
		{ "size 4M sector-size 4096 block-size 4096", "sector-size 512, given is 4096" },
	};
	unsigned int i;
	char cmd[256];

	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	ASSERT_EQ(0, vol_del(A));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(cmd, sizeof(cmd), "sluice volume add " A " dev /dev/" A " %s "
			 RECORD "key " OLD, others[i][0]);
		EXPECT_EQ(0, refused(others[i][1], cmd));
	}
	/* That of a device that is shorter. */
	EXPECT_EQ(0, refused("has 16384 sectors, this one 8192", "sluice volume add " B
			     " dev " JOURNAL " " SHAPE RECORD "key " OLD));
	/* A size that was changed is the size. */
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "key " OLD));
	ASSERT_EQ(0, netio_run("sluice volume set " A " size 6M"));
	ASSERT_EQ(0, vol_del(A));
	EXPECT_EQ(0, refused("size 12288s, given is 8192s", "sluice volume add " A " dev /dev/" A
			     " " SHAPE RECORD "key " OLD));
	EXPECT_EQ(0, vol_add(A, "size 6M sector-size 512 " RECORD "key " OLD));
}

/* Nobody else gets its place, nor does it get what somebody has. */
TEST_F_TIMEOUT(record, place, 300)
{
	ASSERT_EQ(0, vol_add(A, SHAPE "record /dev/" A " record-start 4M record-new key " OLD));
	EXPECT_EQ(0, refused("overlaps", "sluice volume set " A " size 5M"));
	EXPECT_EQ(0, refused("overlaps", "sluice volume add x dev /dev/" A " start 4M size 512"));
	EXPECT_EQ(0, refused("overlaps", "sluice volume add x dev /dev/" B " size 1M record /dev/"
			     A " record-start 4096k record-new"));
	EXPECT_EQ(0, refused("overlaps", "sluice volume add x dev /dev/" B " size 1M record /dev/"
			     B " record-start 1020k record-new"));
	EXPECT_EQ(0, refused("overlaps", "sluice volume rekey " A " key " NEW " journal /dev/" A
			     " journal-start 4M"));
	EXPECT_EQ(0, refused("16 sectors", "sluice volume add x dev /dev/" B " size 1M record "
			     RECORDS " record-start 1020k record-new"));
	EXPECT_EQ(0, refused("multiple of 8", "sluice volume add x dev /dev/" B " size 1M record "
			     RECORDS " record-start 512 record-new"));
	ASSERT_EQ(0, vol_add(B, "start 4M size 1M record /dev/" A
			     " record-start 4104k record-new"));
	ASSERT_EQ(0, vol_del(B));
	ASSERT_EQ(0, vol_del(A));
	EXPECT_EQ(0, vol_add(A, SHAPE "record /dev/" A " record-start 4M key " OLD));
}

/* One of the two copies is enough, whichever. */
TEST_F_TIMEOUT(record, copies, 300)
{
	static const char add_it[] = "sluice volume add " A " dev /dev/" A " " SHAPE RECORD
				     "key " OLD;
	unsigned int i;

	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, rig_pread(RECORDS, self->copy, 8192, 0));
	for (i = 0; i < 2; i++) {
		memcpy(self->data, self->copy, 8192);
		self->data[i * 4096 + 77] ^= 1;
		ASSERT_EQ(0, rig_pwrite(RECORDS, self->data, 8192, 0));
		EXPECT_EQ(0, netio_run("%s", add_it));
		EXPECT_EQ(0, vol_del(A));
	}
	self->data[77] ^= 1;
	ASSERT_EQ(0, rig_pwrite(RECORDS, self->data, 8192, 0));
	EXPECT_EQ(0, refused("damaged", add_it));
}

/* One that the device does not give back is as one that is damaged. */
TEST_F_TIMEOUT(record, lost_copy, 300)
{
	static const char *const table[] = {
		"0 8 error\n8 8 linear " RECORDS " 8", "0 8 linear " RECORDS " 0\n8 8 error",
		"0 16 error" };
	char record[32], with[128];
	unsigned int i;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	ASSERT_EQ(0, rig_dm_add("slblk-record", "0 16 linear " RECORDS " 0", record));
	snprintf(with, sizeof(with), SHAPE "record %s record-new key " OLD, record);
	ASSERT_EQ(0, vol_add(A, with));
	ASSERT_EQ(0, vol_del(A));
	snprintf(with, sizeof(with), SHAPE "record %s key " OLD, record);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, rig_dm_change("slblk-record", table[i]));
		EXPECT_EQ(0, vol_add(A, with));
		EXPECT_EQ(0, vol_del(A));
	}
	ASSERT_EQ(0, rig_dm_change("slblk-record", table[2]));
	EXPECT_NE(0, vol_add(A, with));
	ASSERT_EQ(0, rig_dm_del("slblk-record"));
}

/* --- the record, and re-encryption ----------------------------------------------------------- */

static const char resume[] = "sluice volume rekey " A " key " NEW " journal " JOURNAL;

/* With the old key it is attached no more, until it goes on; and at the end never again. */
TEST_F_TIMEOUT(record, unfinished, 300)
{
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	EXPECT_EQ(0, refused("leave out", "sluice volume rekey " A " key " NEW " journal " JOURNAL
			     " unrecorded"));
	ASSERT_EQ(0, half(A, ""));
	EXPECT_EQ(0, refused("not finished: .*resume", "sluice volume add " A " dev /dev/" A " "
			     SHAPE RECORD "key " OLD));
	EXPECT_EQ(0, refused("is getting", "sluice volume add " A " dev /dev/" A " "
			     SHAPE RECORD "key " NEW));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "resume key " OLD));
	EXPECT_EQ(0, says(A, " resume unresolved"));
	EXPECT_NE(0, attach(&self->d, A));
	EXPECT_NE(0, netio_run("test -d " PARENT A));
	/* Its record would not be of this volume any more. */
	EXPECT_EQ(0, refused("not finished", "sluice volume set " A " size 4k"));
	EXPECT_EQ(0, refused("getting another key", "sluice volume rekey " A
			     " key logon:slblk:other journal " JOURNAL));
	ASSERT_EQ(0, netio_run("%s", resume));
	EXPECT_NE(0, says(A, "unresolved"));
	/* What was to be started with the volume is started now: udev hears of its parent. */
	EXPECT_EQ(0, netio_run("n=200; until test -d " PARENT A "; do : $((n -= 1));"
			       "[ $n != 0 ] && sleep 0.1 || exit; done"));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	EXPECT_EQ(0, rekeyed(A));
	ASSERT_EQ(0, vol_del(A));
	EXPECT_EQ(0, refused("had before", "sluice volume add " A " dev /dev/" A " "
			     SHAPE RECORD "key " OLD));
	/* That nothing is to be resumed is no reason not to have it. */
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "resume key " NEW));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	EXPECT_EQ(0, says(A, " record .* resume"));
	EXPECT_NE(0, says(A, "unresolved"));
	/* And back, with the same journal. */
	EXPECT_EQ(0, netio_run("sluice volume rekey " A " key " OLD " journal " JOURNAL));
}

/* One that has data gets its record under the guest, and has another key by that. */
TEST_F_TIMEOUT(record, live, 300)
{
	static const char set_none[] = "sluice volume set " A " record none";

	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	ASSERT_EQ(0, attach(&self->d, A));
	ASSERT_EQ(0, netio_run("sluice volume set " A " " RECORD "record-new"));
	EXPECT_EQ(0, says(A, " record " RECORDS " record-start 0 record-uuid .* claimed"));
	ASSERT_EQ(0, netio_run("%s", resume));
	EXPECT_EQ(0, refused("being re-encrypted", set_none));
	EXPECT_EQ(0, says(A, " record " RECORDS));
	EXPECT_EQ(0, disk_write(&self->d, 0, self->data, MB));
	EXPECT_EQ(0, rekeyed(A));
	disk_close(&self->d);
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	/* The record goes on to speak of it, whoever had it. */
	ASSERT_EQ(0, netio_run("%s", set_none));
	ASSERT_EQ(0, netio_run("sluice volume set " A " " RECORD));
	ASSERT_EQ(0, vol_del(A));
	EXPECT_EQ(0, refused("had before", "sluice volume add " A " dev /dev/" A " "
			     SHAPE RECORD "key " OLD));
	/* Nor does one with the old key get it; and one that tells of more is for add. */
	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	EXPECT_EQ(0, refused("had before", "sluice volume set " A " " RECORD));
	EXPECT_EQ(0, says(A, " record none "));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "key " NEW));
	ASSERT_EQ(0, netio_run("sluice volume rekey " A " key " OLD " journal " JOURNAL));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, SHAPE "key " NEW));
	EXPECT_EQ(0, refused("not finished", "sluice volume set " A " " RECORD));
	EXPECT_EQ(0, refused("not finished", "sluice volume set " A " " RECORD "resume"));
	EXPECT_EQ(0, says(A, " record none "));
}

/* Without the journal, or with an older copy of it, it does not go on. */
TEST_F_TIMEOUT(record, journal_lost, 300)
{
	unsigned char *journal = rig_alloc(MB), *old = rig_alloc(MB);

	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	ASSERT_EQ(0, half(A, ""));
	ASSERT_EQ(0, rig_pread(JOURNAL, old, MB, 0));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "resume key " OLD));
	ASSERT_EQ(0, half(A, ""));
	ASSERT_EQ(0, rig_pread(JOURNAL, journal, MB, 0));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "resume key " OLD));
	memset(self->copy, 0, MB);
	ASSERT_EQ(0, rig_pwrite(JOURNAL, self->copy, MB, 0));
	EXPECT_EQ(0, refused("that is needed", resume));
	ASSERT_EQ(0, rig_pwrite(JOURNAL, old, MB, 0));
	EXPECT_EQ(0, refused("old copy", resume));
	EXPECT_EQ(0, says(A, "unresolved"));
	ASSERT_EQ(0, rig_pwrite(JOURNAL, journal, MB, 0));
	ASSERT_EQ(0, netio_run("%s", resume));
	EXPECT_EQ(0, rekeyed(A));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	free(journal);
	free(old);
}

/* What is in the journal for one volume is nothing to another, with the same keys. */
TEST_F_TIMEOUT(record, journal_of_another, 300)
{
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	ASSERT_EQ(0, vol_add(B, SHAPE RECORD "record-start 64k record-new key " OLD));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	ASSERT_EQ(0, fill(&self->d, B, self->data));
	ASSERT_EQ(0, half(A, ""));
	EXPECT_EQ(0, refused("another volume", "sluice volume rekey " B " key " NEW " journal "
			     JOURNAL));
	EXPECT_EQ(0, holds(&self->d, B, self->data, self->copy));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "resume key " OLD));
	ASSERT_EQ(0, netio_run("%s", resume));
	ASSERT_EQ(0, rekeyed(A));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	/* That it is done for one does not mean that it is for the other. */
	ASSERT_EQ(0, netio_run("sluice volume rekey " B " key " NEW " journal " JOURNAL));
	ASSERT_EQ(0, rekeyed(B));
	EXPECT_EQ(0, holds(&self->d, B, self->data, self->copy));
}

/* --- without a record ------------------------------------------------------------------------ */

TEST_F_TIMEOUT(record, unrecorded, 300)
{
	static const char *const others[][2] = {
		{ "size 4M sector-size 512 iv-offset 8", "iv-offset 0, given is 8" },
		{ "size 4M sector-size 4096 block-size 4096", "sector-size 512, given is 4096" },
		{ "size 2M sector-size 512", "size 8192s, given is 4096s" },
		{ SHAPE RECORD "record-new", "without a record" },
	};
	static const char go_on[] = "sluice volume rekey " A " key " NEW " journal " JOURNAL
				    " unrecorded";
	unsigned int i;
	char with[128];

	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	EXPECT_EQ(0, says(A, " record none"));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	EXPECT_EQ(0, refused("say .unrecorded", resume));
	ASSERT_EQ(0, half(A, "unrecorded"));
	/* What lies a place further on is a header of it, too. */
	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	EXPECT_EQ(0, refused("4096 bytes beside", "sluice volume rekey " A " key " NEW " journal "
			     JOURNAL " journal-start 4k unrecorded"));
	ASSERT_EQ(0, vol_del(A));
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(with, sizeof(with), "%s key " OLD, others[i][0]);
		ASSERT_EQ(0, vol_add(A, with));
		EXPECT_EQ(0, refused(others[i][1], i < 3 ? go_on : resume));
		ASSERT_EQ(0, vol_del(A));
	}
	/* Another device of that size, with the same keys: by its name. */
	ASSERT_EQ(0, vol_add(B, SHAPE "key " OLD));
	EXPECT_EQ(0, refused("that of volume .slblk0.", "sluice volume rekey " B " key " NEW
			     " journal " JOURNAL " unrecorded"));
	ASSERT_EQ(0, vol_del(B));
	/* Of another size. */
	ASSERT_EQ(0, netio_run("sluice volume add " A " dev " RECORDS " size 1M key " OLD));
	EXPECT_EQ(0, refused("on another device", go_on));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	ASSERT_EQ(0, netio_run("%s", go_on));
	ASSERT_EQ(0, rekeyed(A));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	/* Done for this one; the other has yet to begin. */
	ASSERT_EQ(0, vol_add(B, SHAPE "key " OLD));
	ASSERT_EQ(0, fill(&self->d, B, self->data));
	ASSERT_EQ(0, netio_run("sluice volume rekey " B " key " NEW " journal " JOURNAL
			       " unrecorded"));
	ASSERT_EQ(0, rekeyed(B));
	EXPECT_EQ(0, holds(&self->d, B, self->data, self->copy));
}

static uint32_t crc32(uint32_t crc, const unsigned char *p, size_t len)
{
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

/* What the first version wrote says neither how blocks are encrypted nor on which device. */
TEST_F_TIMEOUT(record, journal_of_version_1, 300)
{
	static const char begin[] = "sluice volume rekey " A " key " NEW " journal " JOURNAL
				    " unrecorded";
	uint32_t w[22] = {};

	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	memcpy(w, "slurekey", 8);
	w[2] = 1;
	w[8] = SIZE / 512;
	w[10] = 1024;
	w[21] = crc32(~0, (unsigned char *)w, 84);
	memset(self->copy, 0, 4096);
	memcpy(self->copy, w, sizeof(w));
	ASSERT_EQ(0, rig_pwrite(JOURNAL, self->copy, 4096, 0));
	EXPECT_EQ(0, refused("of version 1", begin));
	/* One that is done is nothing. */
	w[3] = 2;
	w[21] = crc32(~0, (unsigned char *)w, 84);
	memcpy(self->copy, w, sizeof(w));
	ASSERT_EQ(0, rig_pwrite(JOURNAL, self->copy, 4096, 0));
	EXPECT_EQ(0, netio_run("%s", begin));
	EXPECT_EQ(0, rekeyed(A));
}

static uint32_t le32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

#define PLACE	4096

/* How the first version told a key: what it makes of zeroes in the last sector of all. */
static int check_value(unsigned int seed, unsigned char *id)
{
	char table[256], hex[129], node[32];
	unsigned char *block = rig_alloc(512);
	unsigned int i;
	int ret;

	for (i = 0; i < 64; i++)
		sprintf(hex + 2 * i, "%02x", (i * seed + 11) & 0xff);
	snprintf(table, sizeof(table),
		 "0 8 crypt aes-xts-plain64 %s 18446744073709551615 " RECORDS " 0", hex);
	memset(block, 0, 512);
	ret = rig_dm_add("slblk-record", table, node) ?: rig_pwrite(node, block, 512, 0);
	ret = rig_dm_del("slblk-record") ?: ret ?: rig_pread(RECORDS, block, 512, 0);
	memcpy(id, block, 16);
	free(block);
	return ret;
}

/* The header before the newest, as the first version would have written it; and no other. */
static int make_first_version(void)
{
	unsigned char *j = rig_alloc(2 * PLACE), v1[88] = "slurekey", *h;
	uint64_t sectors = SIZE / 512;
	uint32_t one = 1, crc;
	int ret = rig_pread(JOURNAL, j, 2 * PLACE, 0);

	if (ret)
		return ret;
	h = le32(j + 16) < le32(j + PLACE + 16) ? j : j + PLACE;
	memcpy(v1 + 8, &one, 4);
	/* State and number; position and length. */
	memcpy(v1 + 12, h + 12, 12);
	memcpy(v1 + 32, &sectors, 8);
	memcpy(v1 + 40, h + 24, 12);
	ret = check_value(37, v1 + 52) ?: check_value(41, v1 + 68);
	crc = crc32(~0, v1, 84);
	memcpy(v1 + 84, &crc, 4);
	memset(j, 0, 2 * PLACE);
	memcpy(h, v1, sizeof(v1));
	ret = ret ?: rig_pwrite(JOURNAL, j, 2 * PLACE, 0);
	free(j);
	return ret;
}

/* Gone on with by who says what it does not; the second time it is ours. */
TEST_F_TIMEOUT(record, adopted, 300)
{
	static const char begin[] = "sluice volume rekey " A " key " NEW " journal " JOURNAL
				    " unrecorded";
	char adopt[sizeof(begin) + 16];

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	snprintf(adopt, sizeof(adopt), "%s adopt", begin);
	ASSERT_EQ(0, vol_add(A, SHAPE "rekey-bps 1 key " OLD));
	ASSERT_EQ(0, fill(&self->d, A, self->data));
	EXPECT_EQ(0, refused("leave out .adopt", adopt));
	ASSERT_EQ(0, netio_run("%s", begin));
	ASSERT_EQ(0, netio_run("n=500; until sluice volume show " A " | grep -q 'rekey-done 256k';"
			       "do : $((n -= 1)); [ $n != 0 ] && sleep 0.05 || exit; done"));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, make_first_version());
	/* It says that the first chunk is in the journal: it may be in place in part only. */
	memset(self->copy, 0, MB);
	ASSERT_EQ(0, rig_pwrite("/dev/" A, self->copy, 128 * 1024, 0));
	ASSERT_EQ(0, vol_add(A, SHAPE "key " NEW));
	EXPECT_EQ(0, refused("other keys", adopt));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, "size 2M sector-size 512 key " OLD));
	EXPECT_EQ(0, refused("start 0s size 8192s", adopt));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, SHAPE RECORD "record-new key " OLD));
	EXPECT_EQ(0, refused("knows no record", "sluice volume rekey " A " key " NEW " journal "
			     JOURNAL " adopt"));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, SHAPE "rekey-pause on key " OLD));
	EXPECT_EQ(0, refused("say .adopt", begin));
	ASSERT_EQ(0, netio_run("%s", adopt));
	EXPECT_EQ(0, says(A, " rekey-done 256k "));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
	ASSERT_EQ(0, vol_del(A));
	ASSERT_EQ(0, vol_add(A, SHAPE "key " OLD));
	ASSERT_EQ(0, netio_run("%s", begin));
	EXPECT_EQ(0, rekeyed(A));
	EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
}

/* --- cut off --------------------------------------------------------------------------------- */

/*
 * Each write of the record, at the beginning and at the end, is the last one that does not get to
 * the device: after that the volume has one key, and says which, or goes on.
 */
static int cut_table(unsigned int copy)
{
	char table[128];

	snprintf(table, sizeof(table), copy ? "0 8 linear " RECORDS " 0\n8 8 error" :
		 "0 8 error\n8 8 linear " RECORDS " 8");
	return rig_dm_change("slblk-record", table);
}

static int whole_table(void)
{
	return rig_dm_change("slblk-record", "0 16 linear " RECORDS " 0");
}

/* The volume is made anew after the cut, by who knows nothing of it; then it has its new key. */
static int make_good(struct disk *d, const char *record, const unsigned char *data,
		     unsigned char *copy)
{
	char with[128];
	int ret;

	snprintf(with, sizeof(with), SHAPE "record %s key ", record);
	ret = netio_run("sluice volume add " A " dev /dev/" A " %s" NEW " 2>" WHY, with);
	if (ret) {
		ret = netio_run("sluice volume add " A " dev /dev/" A " %s" OLD " resume", with) ?:
		      netio_run("%s", resume) ?: rekeyed(A);
	}
	return ret ?: holds(d, A, data, copy);
}

TEST_F_TIMEOUT(record, cut_off, 300)
{
	char record[32], with[128];
	unsigned int i;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	ASSERT_EQ(0, rig_dm_add("slblk-record", "0 16 linear " RECORDS " 0", record));
	snprintf(with, sizeof(with), SHAPE "record %s record-new key " OLD, record);
	/* 1: which copy; 2: at the end; 4: the device is whole again before the crash. */
	for (i = 0; i < 8; i++) {
		memset(self->copy, 0, MB);
		ASSERT_EQ(0, rig_pwrite(RECORDS, self->copy, 8192, 0));
		ASSERT_EQ(0, rig_pwrite(JOURNAL, self->copy, 8192, 0));
		ASSERT_EQ(0, vol_add(A, with));
		ASSERT_EQ(0, fill(&self->d, A, self->data));
		if (i & 2)
			ASSERT_EQ(0, netio_run("%s", resume));
		ASSERT_EQ(0, cut_table(i & 1));
		EXPECT_EQ(0, i & 2 ? rekeyed(A) + EIO :
				     refused("record cannot be written", resume));
		EXPECT_EQ(0, holds(&self->d, A, self->data, self->copy));
		if (i & 4)
			ASSERT_EQ(0, whole_table());
		if ((i & 6) == 4) {
			ASSERT_EQ(0, netio_run("%s", resume));
			EXPECT_EQ(0, rekeyed(A));
		}
		ASSERT_EQ(0, vol_del(A));
		ASSERT_EQ(0, whole_table());
		EXPECT_EQ(0, make_good(&self->d, record, self->data, self->copy))
		{
			TH_LOG("cut %u", i);
		}
		ASSERT_EQ(0, vol_del(A));
	}
	ASSERT_EQ(0, rig_dm_del("slblk-record"));
}

TEST_HARNESS_MAIN
