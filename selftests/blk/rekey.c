// SPDX-License-Identifier: GPL-2.0-only
/*
 * From one key to another: at rest, while a driver works, and across stops. What was written before
 * and meanwhile is there in the end, and is read with the new key.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define JOURNAL	"/dev/slblkj"
#define SIZE	(8 * MB)
#define CHUNK	(256 * KB)
#define OLD	"logon:slblk:old"
#define NEW	"logon:slblk:new"

FIXTURE(rekey)
{
	struct disk d;
	unsigned char *data;
	unsigned char *copy;
};

FIXTURE_VARIANT(rekey)
{
	unsigned int key_len;
	const char *device;
	const char *more;
};

FIXTURE_VARIANT_ADD(rekey, fast) {
	.key_len = 64, .device = "size=8 cache_size=1", .more = "size 8M key " OLD };
FIXTURE_VARIANT_ADD(rekey, slow) {
	.key_len = 32, .device = "size=8 blocksize=4096 irqmode=2 completion_nsec=2000000",
	.more = "size 8M sector-size 4096 key " OLD };

static int attach(struct disk *d)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX,
		.num = 64, .disk_buf = MB + 16 * KB, .disk_seg = 64 };

	return disk_open(d, NAME, &cfg);
}

FIXTURE_SETUP(rekey)
{
	self->d.v.fd = -1;
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, rig_key_add("slblk:old", 37, variant->key_len));
	ASSERT_EQ(0, rig_key_add("slblk:new", 41, variant->key_len));
	ASSERT_EQ(0, rig_key_add("slblk:other", 43, variant->key_len));
	ASSERT_EQ(0, rig_key_add("slblk:short", 37, 96 - variant->key_len));
	ASSERT_EQ(0, rig_null_add(NAME, variant->device));
	ASSERT_EQ(0, rig_null_add("slblkj", "size=2 cache_size=1"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, variant->more));
	rig_pattern(self->data, SIZE, 0, 1);
}

FIXTURE_TEARDOWN(rekey)
{
	if (self->d.v.fd > 0)
		disk_close(&self->d);
	if (!netio_run("sluice volume show " NAME))
		EXPECT_EQ(0, rig_volume_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	rig_null_pull("slblkj");
	EXPECT_EQ(0, rig_null_del("slblkj"));
	free(self->data);
	free(self->copy);
}

static int fill(struct disk *d, const unsigned char *data)
{
	uint64_t at;
	int ret = 0;

	for (at = 0; at < SIZE && !ret; at += MB)
		ret = disk_write(d, at / 512, data + at, MB);
	return ret;
}

static int read_all(struct disk *d, unsigned char *data)
{
	uint64_t at;
	int ret = 0;

	for (at = 0; at < SIZE && !ret; at += MB)
		ret = disk_read(d, at / 512, data + at, MB);
	return ret;
}

static int begin_with(const char *key, const char *journal)
{
	return netio_run("sluice volume rekey " NAME " key %s journal %s unrecorded", key, journal);
}

static int begin(const char *key)
{
	return begin_with(key, JOURNAL);
}

/* Until the volume has its new key. */
static int rekeyed(void)
{
	int i;

	for (i = 0; i < 1500; i++) {
		if (netio_run("sluice volume show " NAME " | grep -q rekey-key"))
			return netio_run("sluice volume show " NAME " | grep -qF ' key " NEW "'") ?
				       -ENOKEY : 0;
		if (!netio_run("sluice volume show " NAME " | grep -q rekey-error"))
			return -EIO;
		usleep(20000);
	}
	return -ETIMEDOUT;
}

/* Is all there when the volume is made anew, with that key? */
static int reads_with(struct disk *d, const char *more, const char *key, const unsigned char *data,
		      unsigned char *copy)
{
	char with[96];
	int ret;

	snprintf(with, sizeof(with), "%.*s%s", (int)(strstr(more, OLD) - more), more, key);
	ret = rig_volume_del(NAME);
	ret = ret ?: rig_volume_add(NAME, DEV, with);
	ret = ret ?: attach(d);
	if (ret)
		return ret;
	memset(copy, 0, SIZE);
	ret = read_all(d, copy);
	disk_close(d);
	return ret ?: memcmp(data, copy, SIZE) ? -EILSEQ : 0;
}

/* With nobody there. */
TEST_F_TIMEOUT(rekey, at_rest, 300)
{
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	disk_close(&self->d);
	ASSERT_EQ(0, begin(NEW));
	ASSERT_EQ(0, rekeyed());
	EXPECT_EQ(-EILSEQ, reads_with(&self->d, variant->more, OLD, self->data, self->copy));
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
}

TEST_F_TIMEOUT(rekey, refused, 300)
{
	EXPECT_NE(0, begin("logon:slblk:nobody"));
	EXPECT_NE(0, begin("logon:slblk:short"));
	EXPECT_NE(0, begin_with(NEW, DEV));
	EXPECT_NE(0, begin_with(NEW, "/dev/null"));
	EXPECT_NE(0, netio_run("sluice volume rekey " NAME " key " NEW " journal " JOURNAL
			       " journal-start 1900k unrecorded"));
	EXPECT_NE(0, netio_run("sluice volume rekey " NAME " key " NEW " journal " JOURNAL
			       " journal-start 512 unrecorded"));
	EXPECT_NE(0, netio_run("sluice volume show " NAME " | grep -q rekey"));
}

/**
 * struct load - a driver that writes and reads back until it is told to stop
 * @d: its disk
 * @data: what is to be there
 * @stop: told
 * @rounds: how many requests there were
 * @err: the first error
 */
struct load {
	struct disk *d;
	unsigned char *data;
	bool stop;
	unsigned long rounds;
	int err;
};

static void *load(void *arg)
{
	struct load *l = arg;
	unsigned char *got = rig_alloc(64 * KB);
	unsigned int seed = 1;

	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED) && !l->err) {
		size_t len = (1 + rand_r(&seed) % 16) * 4096;
		uint64_t at = rand_r(&seed) % ((SIZE - len) / 4096) * 4096;

		if (rand_r(&seed) % 2) {
			rig_pattern(l->data + at, len, at, l->rounds + 2);
			l->err = disk_write(l->d, at / 512, l->data + at, len);
		} else {
			l->err = disk_read(l->d, at / 512, got, len);
			if (!l->err && memcmp(got, l->data + at, len))
				l->err = -EILSEQ;
		}
		l->rounds++;
	}
	free(got);
	return NULL;
}

/* It sees nothing of it. */
TEST_F_TIMEOUT(rekey, under_load, 300)
{
	struct load l = { .d = &self->d, .data = self->data };
	unsigned long before;
	pthread_t thread;

	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load, &l));
	usleep(50000);
	before = l.rounds;
	EXPECT_EQ(0, begin(NEW));
	/* Once at a time. */
	begin(NEW);
	EXPECT_EQ(0, rekeyed());
	EXPECT_LT(before, l.rounds);
	__atomic_store_n(&l.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, l.err)
	{
		TH_LOG("after %lu requests", l.rounds);
	}
	ASSERT_EQ(0, read_all(&self->d, self->copy));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	disk_close(&self->d);
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
}

/* The volume goes in the middle of it, and comes back. */
TEST_F_TIMEOUT(rekey, stopped, 300)
{
	unsigned int i;

	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	disk_close(&self->d);
	/* Once it is done the journal says so, and the old key is refused. */
	for (i = 0; i < 200 && !begin(NEW); i++) {
		usleep(1000 * i);
		ASSERT_EQ(0, rig_volume_del(NAME));
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, variant->more));
		/* The journal is that of these two keys. */
		EXPECT_NE(0, begin("logon:slblk:other"));
	}
	EXPECT_LT(0, i);
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
}

/* The queue is detached while requests may wait for a chunk. */
TEST_F_TIMEOUT(rekey, detached_meanwhile, 300)
{
	unsigned int i;

	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, begin(NEW));
	for (i = 0; i < 8; i++) {
		struct load l = { .d = &self->d, .data = self->data };
		pthread_t thread;

		ASSERT_EQ(0, pthread_create(&thread, NULL, load, &l));
		usleep(20000);
		__atomic_store_n(&l.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		EXPECT_EQ(0, l.err);
		ASSERT_EQ(0, disk_reopen(&self->d));
	}
	disk_close(&self->d);
	ASSERT_EQ(0, rekeyed());
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
}

/* Bytes that have the new key. */
static uint64_t done(void)
{
	FILE *out = popen("sluice -j volume show " NAME " | sed -n 's/.*rekey-done\"://p'", "r");
	unsigned long long n = 0;

	if (!out)
		return 0;
	if (fscanf(out, "%llu", &n) != 1)
		n = 0;
	pclose(out);
	return n;
}

/* It goes on until it is beyond that, and is held up. */
static int held_beyond(uint64_t at, bool back)
{
	int i, ret = netio_run("sluice volume set " NAME " rekey-pause off");

	for (i = 0; !ret && (back ? done() >= at : done() <= at); i++)
		ret = i == 1500 ? -ETIMEDOUT : usleep(5000);
	return ret ?: netio_run("sluice volume set " NAME " rekey-pause on");
}

static int turn(const char *way)
{
	return netio_run("sluice volume rekey " NAME " %s", way);
}

/* It goes back and forth below a driver, and back in the end. */
TEST_F_TIMEOUT(rekey, back_and_forth, 300)
{
	struct load l = { .d = &self->d, .data = self->data };
	pthread_t thread;
	uint64_t at;

	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	EXPECT_EQ(0, refused("not being re-encrypted", "sluice volume rekey " NAME " back"));
	EXPECT_EQ(0, refused("none that goes on", "sluice volume rekey " NAME " key " NEW
			     " journal " JOURNAL " unrecorded back"));
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " rekey-bps 512k rekey-pause on"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load, &l));
	EXPECT_EQ(0, begin(NEW));
	EXPECT_EQ(0, held_beyond(3 * MB, false));
	EXPECT_EQ(0, turn("back"));
	at = done();
	EXPECT_EQ(0, held_beyond(at, true));
	EXPECT_EQ(0, turn("forward"));
	at = done();
	EXPECT_EQ(0, held_beyond(at, false));
	EXPECT_EQ(0, turn("back"));
	EXPECT_EQ(0, netio_run("sluice volume set " NAME " rekey-bps 0 rekey-pause off"));
	EXPECT_EQ(-ENOKEY, rekeyed());
	__atomic_store_n(&l.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, l.err)
	{
		TH_LOG("after %lu requests", l.rounds);
	}
	ASSERT_EQ(0, read_all(&self->d, self->copy));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	disk_close(&self->d);
	EXPECT_EQ(0, reads_with(&self->d, variant->more, OLD, self->data, self->copy));
	EXPECT_EQ(-EILSEQ, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
	EXPECT_EQ(0, refused("has its old key", "sluice volume rekey " NAME " key " OLD
			     " journal " JOURNAL " unrecorded"));
}

/*
 * The journal's device is cut off in the middle: as after a crash, nothing of what follows gets to
 * it. What the driver was told is written until then, and after that, is not undone by going on.
 */
TEST_F_TIMEOUT(rekey, cut_off, 300)
{
	static const char slow[] = "0 4096 delay " JOURNAL " 0 0 " JOURNAL " 0 400";
	unsigned int round, refused;
	char journal[32];
	uint64_t at;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	ASSERT_EQ(0, rig_dm_add("slblk-cut", slow, journal));
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	for (round = 1; round <= 3; round++) {
		disk_close(&self->d);
		ASSERT_EQ(0, begin_with(NEW, journal));
		ASSERT_EQ(0, attach(&self->d));
		/* It would go on beyond the end, or what is behind it would have the old key. */
		EXPECT_NE(0, netio_run("sluice volume set " NAME " size 4M"));
		/* Against the current: else each read waits for the chunk that is on its way. */
		for (at = SIZE; at;) {
			at -= CHUNK;
			ASSERT_EQ(0, disk_read(&self->d, at / 512, self->copy, 4096));
			EXPECT_EQ(0, memcmp(self->data + at, self->copy, 4096));
		}
		for (at = done(); done() == at;)
			usleep(1000);
		ASSERT_EQ(0, rig_dm_change("slblk-cut", "0 4096 error"));
		EXPECT_EQ(-EIO, rekeyed());
		/* Only the chunk that was on its way may be refused. */
		for (at = 0, refused = 0; at < SIZE; at += CHUNK) {
			rig_pattern(self->copy, 4096, at, 10 + round);
			if (disk_write(&self->d, at / 512, self->copy, 4096))
				refused++;
			else
				memcpy(self->data + at, self->copy, 4096);
		}
		EXPECT_GE(1, refused);
		EXPECT_EQ(0, disk_flush(&self->d));
		disk_close(&self->d);
		ASSERT_EQ(0, rig_volume_del(NAME));
		ASSERT_EQ(0, rig_dm_change("slblk-cut", slow));
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, "size 4M sector-size 512 key " OLD));
		EXPECT_NE(0, begin_with(NEW, journal));
		ASSERT_EQ(0, rig_volume_del(NAME));
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, variant->more));
		ASSERT_EQ(0, attach(&self->d));
	}
	disk_close(&self->d);
	ASSERT_EQ(0, rig_dm_change("slblk-cut", "0 4096 linear " JOURNAL " 0"));
	ASSERT_EQ(0, begin_with(NEW, journal));
	ASSERT_EQ(0, rekeyed());
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
	EXPECT_EQ(0, rig_volume_del(NAME));
	ASSERT_EQ(0, rig_dm_del("slblk-cut"));
}

#define WIPE	"sluice volume key-wipe " NAME
#define RESUME	"sluice volume key-resume " NAME " key "
#define OTHER	"logon:slblk:other"

static int shown(const char *words)
{
	return netio_run("sluice volume show " NAME " | grep -qE -- '%s'", words);
}

/* Both keys, or it stays as it is. */
static int resume_refused(void)
{
	return refused("say both", RESUME NEW) ?: refused("say both", RESUME OLD) ?:
	       refused("swapped", RESUME OLD " key-before " NEW) ?:
	       refused("not the one that it had", RESUME NEW " key-before " OTHER) ?:
	       refused("not the one that it gets", RESUME OTHER " key-before " OLD) ?:
	       refused("neither is its key", RESUME OTHER " key-before " OTHER) ?:
	       refused("another length", RESUME NEW " key-before logon:slblk:short") ?:
	       refused("not in a keyring", RESUME NEW " key-before logon:slblk:none") ?:
	       refused("being re-encrypted", "sluice volume set " NAME " size 4m") ?:
	       refused("being re-encrypted", "sluice volume set " NAME
		       " record " JOURNAL " record-start 1m record-new");
}

/* Both keys go under a driver, which waits; it, and the re-encryption, go on when they are back. */
TEST_F_TIMEOUT(rekey, wiped_under_load, 300)
{
	struct load l = { .d = &self->d, .data = self->data };
	pthread_t thread;
	uint64_t at;

	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " rekey-bps 1m"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, load, &l));
	ASSERT_EQ(0, begin(NEW));
	while (!done())
		usleep(5000);
	ASSERT_EQ(0, netio_run(WIPE));
	at = done();
	EXPECT_EQ(0, shown(" key " OLD " key-wiped waits .*rekey-key " NEW));
	EXPECT_EQ(0, refused("say both", RESUME NEW));
	EXPECT_EQ(0, netio_run("sluice volume set " NAME " rekey-bps 0"));
	EXPECT_EQ(0, shown(" key " OLD " key-wiped waits .*rekey-key " NEW));
	/* The chunk that was on its way may have been through both ciphers. */
	EXPECT_GE(at + CHUNK, done());
	EXPECT_EQ(0, l.err);
	EXPECT_EQ(0, netio_run(RESUME NEW " key-before " OLD));
	EXPECT_EQ(0, rekeyed());
	__atomic_store_n(&l.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, l.err);
	ASSERT_EQ(0, read_all(&self->d, self->copy));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	disk_close(&self->d);
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
}

/* Requests fail, a driver comes and goes; it is paused, and turned round, before and meanwhile. */
TEST_F_TIMEOUT(rekey, wiped_fails, 300)
{
	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	ASSERT_EQ(0, netio_run("sluice volume set " NAME " rekey-pause on rekey-bps 1m"));
	ASSERT_EQ(0, begin(NEW));
	ASSERT_EQ(0, held_beyond(MB, false));
	ASSERT_EQ(0, netio_run(WIPE " fail"));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&self->d, 0, self->copy, MB));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&self->d, (SIZE - MB) / 512, self->data, MB));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&self->d, 0, self->copy, MB));
	EXPECT_EQ(0, turn("back"));
	EXPECT_EQ(0, shown(" key-wiped fails .*rekey-key "));
	EXPECT_NE(0, shown("rekey back"));
	ASSERT_EQ(0, netio_run(RESUME NEW " key-before " OLD));
	while (shown("rekey back"))
		usleep(5000);
	ASSERT_EQ(0, read_all(&self->d, self->copy));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	/* And on its way back; the keys are the same. */
	ASSERT_EQ(0, netio_run(WIPE));
	disk_close(&self->d);
	EXPECT_EQ(0, netio_run("sluice volume set " NAME " rekey-pause off rekey-bps 0"));
	EXPECT_EQ(0, resume_refused());
	EXPECT_EQ(0, shown(" key-wiped waits .*rekey-key "));
	ASSERT_EQ(0, netio_run(RESUME NEW " key-before " OLD));
	while (!shown("rekey-key"))
		usleep(5000);
	EXPECT_EQ(0, shown(" key " OLD " cipher"));
	EXPECT_EQ(0, reads_with(&self->d, variant->more, OLD, self->data, self->copy));
}

/* It goes without its keys, as by a crash, and goes on with those that are said. */
TEST_F_TIMEOUT(rekey, wiped_then_crash, 300)
{
	unsigned int i;

	ASSERT_EQ(0, attach(&self->d));
	ASSERT_EQ(0, fill(&self->d, self->data));
	disk_close(&self->d);
	for (i = 0; i < 4 && !begin(NEW); i++) {
		usleep(3000 * i);
		ASSERT_EQ(0, netio_run(WIPE));
		ASSERT_EQ(0, attach(&self->d));
		disk_close(&self->d);
		ASSERT_EQ(0, rig_volume_del(NAME));
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, variant->more));
		EXPECT_NE(0, begin(OTHER));
	}
	EXPECT_LT(0, i);
	if (!begin(NEW))
		EXPECT_EQ(0, rekeyed());
	EXPECT_EQ(0, reads_with(&self->d, variant->more, NEW, self->data, self->copy));
}

TEST_HARNESS_MAIN
