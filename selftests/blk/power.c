// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power that is cut under load, below a disk that forgets what is in its write cache: what a flush
 * had made safe is there afterwards, what was written later is there or is not, and nothing is
 * neither. Also while the volume is on its way to another key.
 *
 * The disk is a null_blk, whose cache has what is written for the first time only: what is there
 * already it changes in place. So each round has a new one.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define JOURNAL	"slblkj"
#define SIZE	(2 * MB)
#define OLD	"logon:slblk:old"
#define NEW	"logon:slblk:new"
#define SECTOR	512
#define SECTORS	(SIZE / SECTOR)
/* Of a request. */
#define LONGEST	(64 * KB)
#define SLOTS	32
#define WRITES	100000
#define ROUNDS	6
/* So that nothing leaves the cache by itself. */
#define DISK	"size=2 cache_size=16 irqmode=2 completion_nsec=200000"

/**
 * struct block - what is known of one
 * @safe: the write that a flush made safe; 0: anything may be there
 * @acked: the last one that was acknowledged
 * @newest: the last one that there was; one at a time, so they have an order
 * @busy: it is under way
 */
struct block {
	uint32_t safe;
	uint32_t acked;
	uint32_t newest;
	bool busy;
};

/**
 * struct model - what the driver knows
 * @block: each
 * @unit: bytes of a block
 * @write: which blocks each write was for; they are numbered from 1 on
 * @nr: how many there were
 * @slot: which write is in a slot, 0: a flush
 * @before: @acked of all blocks when the flush that is under way was begun
 * @flushing: there is one
 * @through: no cache: a write is safe when it is acknowledged
 * @flushed: how many were acknowledged
 * @seed: of all that is chance
 */
struct model {
	struct block block[SECTORS];
	unsigned int unit;
	struct { uint16_t first, n; } write[WRITES];
	uint32_t nr;
	uint32_t slot[SLOTS];
	uint32_t before[SECTORS];
	bool flushing;
	bool through;
	unsigned int flushed;
	unsigned int seed;
};

/* --- data: each sector says which write it is from, all over --- */

static void sector_fill(void *to, uint32_t write, uint32_t sector)
{
	uint32_t *w = to, i;

	w[0] = write;
	w[1] = sector;
	for (i = 2; i < SECTOR / sizeof(*w); i++)
		w[i] = (write * 0x9e3779b1 ^ sector * 0x85ebca6b) + i * 0xc2b2ae35;
}

static void data_fill(void *to, uint32_t write, uint32_t sector, uint32_t len)
{
	for (; len; len -= SECTOR, to += SECTOR)
		sector_fill(to, write, sector++);
}

static bool sector_right(const struct model *m, const void *data, uint32_t sector)
{
	const struct block *b = &m->block[sector * SECTOR / m->unit];
	uint32_t write = *(const uint32_t *)data, whole[SECTOR / 4];
	unsigned int i = b - m->block;

	if (!b->safe)
		return true;
	sector_fill(whole, write, sector);
	if (!memcmp(whole, data, SECTOR) && write >= b->safe && write <= b->newest &&
	    m->write[write].first <= i && i < m->write[write].first + m->write[write].n)
		return true;
	fprintf(stderr, "sector %u: of write %u, %s; %u was safe, %u the last\n", sector, write,
		memcmp(whole, data, SECTOR) ? "or of none" : "whole", b->safe, b->newest);
	return false;
}

/* --- requests --- */

static unsigned int some(struct model *m, unsigned int n)
{
	return rand_r(&m->seed) % n;
}

static uint32_t write_new(struct model *m, unsigned int first, unsigned int n)
{
	unsigned int i;

	m->nr++;
	m->write[m->nr].first = first;
	m->write[m->nr].n = n;
	for (i = first; i < first + n; i++)
		m->block[i].newest = m->nr;
	return m->nr;
}

/* Blocks of nobody's: how many there are from @first on, @n at most. */
static unsigned int idle(const struct model *m, unsigned int first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && first + i < SIZE / m->unit; i++) {
		if (m->block[first + i].busy)
			break;
	}
	return i;
}

static void put_flush(struct model *m, struct vdrv *v, struct vdrv_vq *q, unsigned int slot)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_FLUSH };
	unsigned int i;

	for (i = 0; i < SIZE / m->unit; i++)
		m->before[i] = m->block[i].acked;
	m->slot[slot] = 0;
	m->flushing = true;
	vblk_put(v, q, slot, &io);
}

static void put_write(struct model *m, struct vdrv *v, struct vdrv_vq *q, unsigned int slot,
		      unsigned int first, unsigned int n)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .sector = first * m->unit / SECTOR,
				    .len = n * m->unit, .seg = some(m, 2) ? 4096 : 0 };
	unsigned int i;

	m->slot[slot] = write_new(m, first, n);
	for (i = first; i < first + n; i++)
		m->block[i].busy = true;
	data_fill(vblk_at(q, slot, VBLK_DATA), m->slot[slot], io.sector, io.len);
	vblk_put(v, q, slot, &io);
}

/* Fill the free slots. */
static void submit(struct model *m, struct disk *d)
{
	struct vdrv_vq *q = &d->v.vq[0];
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		unsigned int first = some(m, SIZE / m->unit), n = 0;

		if (!m->through && !m->flushing && !some(m, 12)) {
			put_flush(m, &d->v, q, slot);
			continue;
		}
		n = idle(m, first, 1 + some(m, some(m, 4) ? 8192 / m->unit : LONGEST / m->unit));
		if (!n || m->nr == WRITES - 1) {
			vdrv_vq_release(q, slot);
			break;
		}
		put_write(m, &d->v, q, slot, first, n);
	}
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
}

static void finish(struct model *m, unsigned int slot, bool ok)
{
	uint32_t write = m->slot[slot];
	unsigned int i, n = m->write[write].n;
	struct block *b = &m->block[m->write[write].first];

	if (!write) {
		m->flushing = false;
		m->flushed += ok;
		for (i = 0; ok && i < SIZE / m->unit; i++)
			m->block[i].safe = m->before[i];
		return;
	}
	for (i = 0; i < n; i++, b++) {
		b->busy = false;
		if (ok)
			b->acked = write;
		if (ok && m->through)
			b->safe = write;
	}
}

/* One or more that came back: how many of them failed. */
static int reap(struct model *m, struct disk *d)
{
	struct vdrv_vq *q = &d->v.vq[0];
	int timeout = 20000, ret, failed = 0;
	struct vblk_done done;

	while ((ret = vblk_wait(q, &done, timeout)) == 1) {
		finish(m, done.slot, done.status == VIRTIO_BLK_S_OK);
		failed += done.status != VIRTIO_BLK_S_OK;
		vdrv_vq_release(q, done.slot);
		timeout = 0;
	}
	return ret ? ret : timeout ? -ETIMEDOUT : failed;
}

/* --- a round --- */

FIXTURE(power)
{
	struct disk d;
	struct model *m;
	unsigned char *data;
};

FIXTURE_VARIANT(power)
{
	uint64_t features;
	unsigned int unit;
	bool through;
	const char *more;
};

FIXTURE_VARIANT_ADD(power, plain) { .unit = 512, .more = "" };
FIXTURE_VARIANT_ADD(power, crypt) {
	.unit = 512, .more = "key " OLD, .features = VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(power, crypt_4096) {
	.unit = 4096, .more = "block-size 4096 sector-size 4096 key " OLD };
FIXTURE_VARIANT_ADD(power, plain_through) {
	.unit = 512, .more = "", .through = true, .features = VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(power, crypt_through) {
	.unit = 512, .more = "key " OLD, .through = true };

static int key_add(const char *description, unsigned int seed)
{
	unsigned char key[64];
	unsigned int i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = i * seed + 11;
	return syscall(SYS_add_key, "logon", description, key, sizeof(key),
		       KEY_SPEC_SESSION_KEYRING) > 0 ? 0 : -errno;
}

FIXTURE_SETUP(power)
{
	self->m = calloc(1, sizeof(*self->m));
	self->data = rig_alloc(SIZE);
	ASSERT_NE(NULL, self->m);
	self->m->unit = variant->unit;
	self->m->through = variant->through;
	self->m->seed = time(NULL);
	TH_LOG("seed %u", self->m->seed);
	self->d.cfg = (struct vdrv_cfg){
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX | variant->features,
		.num = SLOTS, .disk_buf = LONGEST + 8 * KB, .disk_seg = 32 };
	if (variant->through)
		self->d.cfg.features &= ~(VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE));
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, key_add("slblk:old", 37));
	ASSERT_EQ(0, key_add("slblk:new", 41));
}

FIXTURE_TEARDOWN(power)
{
	free(self->data);
	free(self->m);
}

static int up(struct disk *d, const char *more)
{
	const struct vdrv_cfg cfg = d->cfg;
	int ret = rig_volume_add(NAME, DEV, more);

	if (ret)
		return ret;
	ret = disk_open(d, NAME, &cfg);
	if (ret)
		rig_volume_del(NAME);
	return ret;
}

static int down(struct disk *d)
{
	disk_close(d);
	return rig_volume_del(NAME);
}

/* New disks, of which nothing is known. */
static int disks_new(struct model *m)
{
	memset(m->block, 0, sizeof(m->block));
	m->nr = 0;
	m->flushing = false;
	return rig_null_add(NAME, DISK) ?: rig_null_add(JOURNAL, DISK);
}

static int disks_del(void)
{
	rig_null_pull(NAME);
	rig_null_pull(JOURNAL);
	return rig_null_del(NAME) ?: rig_null_del(JOURNAL);
}

static int check(struct model *m, struct disk *d, unsigned char *data)
{
	unsigned int i, wrong = 0;
	int ret = 0;

	for (i = 0; i < SIZE && !ret; i += LONGEST)
		ret = disk_read(d, i / SECTOR, data + i, LONGEST);
	for (i = 0; i < SECTORS && !ret && wrong < 8; i++)
		wrong += !sector_right(m, data + i * SECTOR, i);
	return ret ?: wrong ? -EBADMSG : 0;
}

/**
 * struct cut - how the power goes
 * @us: after so many
 * @journal: that of the journal's device too; 1: first, 2: last
 * @err: something was wrong
 */
struct cut {
	unsigned int us;
	int journal;
	int err;
};

static void *cut(void *arg)
{
	struct cut *c = arg;

	usleep(c->us);
	if (c->journal == 1)
		c->err = rig_null_pull(JOURNAL);
	c->err = rig_null_pull(NAME) ?: c->err;
	if (c->journal == 2)
		c->err = rig_null_pull(JOURNAL) ?: c->err;
	return NULL;
}

/* Requests until they fail, and the power is back. */
static int load_and_cut(struct model *m, struct disk *d, int journal)
{
	struct cut c = { .us = 1000 + some(m, 60000), .journal = journal };
	struct vdrv_vq *q = &d->v.vq[0];
	pthread_t thread;
	int ret = 0;

	if (pthread_create(&thread, NULL, cut, &c))
		return -EAGAIN;
	while (!ret && m->nr < WRITES - SLOTS) {
		submit(m, d);
		ret = reap(m, d);
	}
	while (ret >= 0 && q->nfree < q->nslot)
		ret = reap(m, d);
	pthread_join(thread, NULL);
	ret = ret < 0 ? ret : down(d);
	ret = ret ?: c.err ?: rig_null_return(NAME);
	return ret ?: journal ? rig_null_return(JOURNAL) : 0;
}

/* The disk does forget, or all that follows proves nothing; and what is safe it does not forget. */
TEST_F_TIMEOUT(power, forgets, 120)
{
	unsigned char *data = self->data, *copy = rig_alloc(LONGEST);

	ASSERT_EQ(0, disks_new(self->m));
	ASSERT_EQ(0, up(&self->d, variant->more));
	data_fill(data, 1, 0, 2 * LONGEST);
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, data, LONGEST));
	if (!variant->through)
		ASSERT_EQ(VIRTIO_BLK_S_OK, disk_flush(&self->d));
	ASSERT_EQ(VIRTIO_BLK_S_OK,
		  disk_write(&self->d, LONGEST / SECTOR, data + LONGEST, LONGEST));
	ASSERT_EQ(0, rig_null_pull(NAME));
	ASSERT_EQ(0, down(&self->d));
	ASSERT_EQ(0, rig_null_return(NAME));
	ASSERT_EQ(0, up(&self->d, variant->more));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, copy, LONGEST));
	EXPECT_EQ(0, memcmp(data, copy, LONGEST));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, LONGEST / SECTOR, copy, LONGEST));
	EXPECT_EQ(variant->through, !memcmp(data + LONGEST, copy, LONGEST));
	ASSERT_EQ(0, down(&self->d));
	ASSERT_EQ(0, disks_del());
	free(copy);
}

TEST_F_TIMEOUT(power, cut_under_load, 300)
{
	unsigned int i, writes = 0;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, disks_new(self->m));
		ASSERT_EQ(0, up(&self->d, variant->more));
		ASSERT_EQ(0, load_and_cut(self->m, &self->d, 0));
		ASSERT_EQ(0, up(&self->d, variant->more));
		EXPECT_EQ(0, check(self->m, &self->d, self->data));
		ASSERT_EQ(0, down(&self->d));
		ASSERT_EQ(0, disks_del());
		writes += self->m->nr;
	}
	TH_LOG("%u writes, %u flushes", writes, self->m->flushed);
}

static int rekey_begin(void)
{
	return netio_run("sluice volume rekey " NAME " key " NEW " journal /dev/" JOURNAL);
}

/* Until the volume has its new key. */
static int rekeyed(void)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (netio_run("sluice volume show " NAME " | grep -q rekey-key"))
			return 0;
		usleep(20000);
	}
	return -ETIMEDOUT;
}

/* On the way to another key; the power of the journal's device goes with it, or just before. */
TEST_F_TIMEOUT(power, cut_under_rekey, 300)
{
	const char *key = strstr(variant->more, OLD);
	unsigned int i, resumed = 0;
	char with[96];

	if (!key)
		SKIP(return, "it has no key");
	snprintf(with, sizeof(with), "%.*s%s", (int)(key - variant->more), variant->more, NEW);
	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, disks_new(self->m));
		ASSERT_EQ(0, up(&self->d, variant->more));
		ASSERT_EQ(0, rekey_begin());
		ASSERT_EQ(0, load_and_cut(self->m, &self->d, 1 + (i & 1)));
		/* Either it had come to its end, or it goes on. */
		ASSERT_EQ(0, rig_volume_add(NAME, DEV, variant->more));
		if (!rekey_begin()) {
			const struct vdrv_cfg cfg = self->d.cfg;

			resumed++;
			ASSERT_EQ(0, disk_open(&self->d, NAME, &cfg));
			EXPECT_EQ(0, check(self->m, &self->d, self->data));
			EXPECT_EQ(0, rekeyed());
			disk_close(&self->d);
		}
		ASSERT_EQ(0, rig_volume_del(NAME));
		ASSERT_EQ(0, up(&self->d, with));
		EXPECT_EQ(0, check(self->m, &self->d, self->data));
		ASSERT_EQ(0, down(&self->d));
		ASSERT_EQ(0, disks_del());
	}
	TH_LOG("%u of %u went on", resumed, i);
	EXPECT_GT(resumed, 0);
}

TEST_HARNESS_MAIN
