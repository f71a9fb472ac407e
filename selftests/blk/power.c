// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power that is cut under load, below a disk that forgets what is in its write cache: what a flush
 * had made safe is there afterwards, what was written later is there or is not, and nothing is
 * neither. Also while the volume is on its way to another key, and once more when it goes on.
 *
 * The disk is a null_blk, whose cache has what is written for the first time only: what is there
 * already it changes in place. So each round has a new one, whose blocks count too that nobody
 * writes: a new key gets to these by way of the cache.
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
#define NONE	UINT32_MAX
#define ROUNDS	4
/* Of those to another key; and as many as it may take until one was cut off in the middle. */
#define REKEYS	3
#define PATIENT	20
/* So that nothing leaves the cache by itself. Behind the volume is room for a journal. */
#define DISK	"size=3 cache_size=16 irqmode=2 completion_nsec=200000"
/* Slow against the command that begins: another key takes a good while longer. */
#define SLOW	" completion_nsec=2000000"
#define EXTENT	"size 2M "

/**
 * struct block - what is known of one
 * @safe: the write that a flush made safe; 0: what was there at first
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
 * @first: what there was before all writes
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
	unsigned char *first;
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

/*
 * The write that a block is of, 0: what it had at first, NONE, also if it is of several. A block
 * that was torn on its way would not show otherwise: the cipher's own blocks have 16 bytes.
 */
static uint32_t block_write(const struct model *m, const void *data, unsigned int i)
{
	uint32_t write = *(const uint32_t *)data, at = i * (m->unit / SECTOR), whole[SECTOR / 4];
	unsigned int off;

	if (!memcmp(m->first + i * m->unit, data, m->unit))
		return 0;
	for (off = 0; off < m->unit; off += SECTOR) {
		sector_fill(whole, write, at + off / SECTOR);
		if (memcmp(whole, data + off, SECTOR))
			return NONE;
	}
	if (!write || write > m->nr || i < m->write[write].first ||
	    i >= m->write[write].first + m->write[write].n)
		return NONE;
	return write;
}

static bool block_right(const struct model *m, const void *data, unsigned int i)
{
	const struct block *b = &m->block[i];
	uint32_t write = block_write(m, data, i);

	if (write >= b->safe && write <= b->newest)
		return true;
	fprintf(stderr, "block %u: of write %d; %u was safe, %u the last\n", i, (int)write,
		b->safe, b->newest);
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
	/* The driver turns its cache off, rather than to know of none. */
	bool chosen;
	/* The journal is on the volume's own disk. */
	bool one_disk;
	/* It has a record, behind the journal. */
	bool recorded;
	const char *disk;
	const char *more;
};

FIXTURE_VARIANT_ADD(power, plain) { .unit = 512, .disk = DISK, .more = EXTENT };
FIXTURE_VARIANT_ADD(power, crypt) {
	.unit = 512, .disk = DISK, .more = EXTENT "sector-size 512 key " OLD,
	.features = VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(power, crypt_4096) {
	.unit = 4096, .disk = DISK " blocksize=4096", .one_disk = true,
	.more = EXTENT "block-size 4096 sector-size 4096 key " OLD };
FIXTURE_VARIANT_ADD(power, plain_through) {
	.unit = 512, .disk = DISK, .more = EXTENT, .through = true, .features = VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(power, plain_chosen) {
	.unit = 512, .disk = DISK, .more = EXTENT, .through = true, .chosen = true };
FIXTURE_VARIANT_ADD(power, crypt_through) {
	.unit = 512, .disk = DISK, .more = EXTENT "sector-size 512 key " OLD, .through = true };
FIXTURE_VARIANT_ADD(power, crypt_recorded) {
	.unit = 512, .disk = DISK, .more = EXTENT "sector-size 512 key " OLD, .recorded = true };
/* What is to be durable by itself takes a flush more, which is the block layer's. */
FIXTURE_VARIANT_ADD(power, crypt_no_fua) {
	.unit = 512, .disk = DISK " fua=0", .more = EXTENT "sector-size 512 key " OLD,
	.through = true, .chosen = true, .one_disk = true, .features = VDRV_F_PACKED };

#define KEY_LEN		64
#define OLD_SEED	37
#define NEW_SEED	41

static void key_make(unsigned char key[KEY_LEN], unsigned int seed)
{
	unsigned int i;

	for (i = 0; i < KEY_LEN; i++)
		key[i] = i * seed + 11;
}

static int key_add(const char *description, unsigned int seed)
{
	unsigned char key[KEY_LEN];

	key_make(key, seed);
	return syscall(SYS_add_key, "logon", description, key, sizeof(key),
		       KEY_SPEC_SESSION_KEYRING) > 0 ? 0 : -errno;
}

FIXTURE_SETUP(power)
{
	self->m = calloc(1, sizeof(*self->m));
	self->data = rig_alloc(SIZE);
	ASSERT_NE(NULL, self->m);
	self->m->first = rig_alloc(SIZE);
	self->m->unit = variant->unit;
	self->m->through = variant->through;
	self->m->seed = time(NULL);
	TH_LOG("seed %u", self->m->seed);
	self->d.cfg = (struct vdrv_cfg){
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX | variant->features,
		.num = SLOTS, .disk_buf = LONGEST + 8 * KB, .disk_seg = 32 };
	if (variant->through && !variant->chosen)
		self->d.cfg.features &= ~(VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE));
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_EQ(0, key_add("slblk:old", OLD_SEED));
	ASSERT_EQ(0, key_add("slblk:new", NEW_SEED));
}

FIXTURE_TEARDOWN(power)
{
	free(self->data);
	free(self->m->first);
	free(self->m);
}

static int attach(struct model *m, struct disk *d)
{
	const struct vdrv_cfg cfg = d->cfg;
	const uint8_t wce = 0;
	int ret = disk_open(d, NAME, &cfg);

	if (!ret && m->through && cfg.features & VBLK_F(CONFIG_WCE))
		ret = vdrv_vdpa_set_config(&d->v, offsetof(struct virtio_blk_config, wce), &wce, 1);
	return ret;
}

static int up(struct model *m, struct disk *d, const char *more)
{
	int ret = rig_volume_add(NAME, DEV, more);

	if (ret)
		return ret;
	ret = attach(m, d);
	if (ret)
		rig_volume_del(NAME);
	return ret;
}

static int down(struct disk *d)
{
	disk_close(d);
	return rig_volume_del(NAME);
}

/* New disks: what is read of them at first counts as much as what is written. */
static int disks_new(struct model *m, const char *disk)
{
	memset(m->block, 0, sizeof(m->block));
	m->nr = 0;
	m->flushing = false;
	return rig_null_add(NAME, disk) ?: rig_null_add(JOURNAL, disk);
}

static int disks_del(void)
{
	rig_null_pull(NAME);
	rig_null_pull(JOURNAL);
	return rig_null_del(NAME) ?: rig_null_del(JOURNAL);
}

/*
 * From now on this is what there was: what the power took does not come back, and no flush makes
 * it safe.
 */
static void settle(struct model *m, const unsigned char *data)
{
	unsigned int i;

	for (i = 0; i < SIZE / m->unit; i++) {
		struct block *b = &m->block[i];

		b->safe = block_write(m, data + i * m->unit, i);
		b->acked = b->safe;
	}
}

static int check_data(struct model *m, const unsigned char *data)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < SIZE / m->unit && wrong < 8; i++)
		wrong += !block_right(m, data + i * m->unit, i);
	if (wrong)
		return -EBADMSG;
	settle(m, data);
	return 0;
}

static int read_all(struct disk *d, unsigned char *data)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < SIZE && !ret; i += LONGEST)
		ret = disk_read(d, i / SECTOR, data + i, LONGEST);
	return ret;
}

static int check(struct model *m, struct disk *d, unsigned char *data)
{
	return read_all(d, data) ?: check_data(m, data);
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

static int power_back(int journal)
{
	return rig_null_return(NAME) ?: journal ? rig_null_return(JOURNAL) : 0;
}

/* Requests until they fail, and the power is back. */
static int load_and_cut(struct model *m, struct disk *d, unsigned int us, int journal)
{
	struct cut c = { .us = 1000 + some(m, us), .journal = journal };
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
	return ret ?: c.err ?: power_back(journal);
}

/* The same with nobody there. */
static int just_cut(struct model *m, unsigned int us, int journal)
{
	struct cut c = { .us = some(m, us), .journal = journal };

	cut(&c);
	return c.err ?: rig_volume_del(NAME) ?: power_back(journal);
}

/* The disk does forget, or all that follows proves nothing; and what is safe it does not forget. */
TEST_F_TIMEOUT(power, forgets, 120)
{
	unsigned char *data = self->data, *copy = rig_alloc(LONGEST);

	ASSERT_EQ(0, disks_new(self->m, variant->disk));
	ASSERT_EQ(0, up(self->m, &self->d, variant->more));
	data_fill(data, 1, 0, 2 * LONGEST);
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, data, LONGEST));
	if (!variant->through)
		ASSERT_EQ(VIRTIO_BLK_S_OK, disk_flush(&self->d));
	ASSERT_EQ(VIRTIO_BLK_S_OK,
		  disk_write(&self->d, LONGEST / SECTOR, data + LONGEST, LONGEST));
	ASSERT_EQ(0, rig_null_pull(NAME));
	ASSERT_EQ(0, down(&self->d));
	ASSERT_EQ(0, rig_null_return(NAME));
	ASSERT_EQ(0, up(self->m, &self->d, variant->more));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, copy, LONGEST));
	EXPECT_EQ(0, memcmp(data, copy, LONGEST));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, LONGEST / SECTOR, copy, LONGEST));
	EXPECT_EQ(variant->through, !memcmp(data + LONGEST, copy, LONGEST));
	ASSERT_EQ(0, down(&self->d));
	ASSERT_EQ(0, disks_del());
	free(copy);
}

/* A driver that may choose its cache, but cannot flush, loses nothing. */
TEST_F_TIMEOUT(power, cannot_flush, 120)
{
	const unsigned int at = offsetof(struct virtio_blk_config, wce);
	unsigned char *copy = rig_alloc(LONGEST);

	self->m->through = false;
	self->d.cfg.features |= VBLK_F(CONFIG_WCE);
	self->d.cfg.features &= ~VBLK_F(FLUSH);
	ASSERT_EQ(0, disks_new(self->m, variant->disk));
	ASSERT_EQ(0, up(self->m, &self->d, variant->more));
	EXPECT_EQ(0, vdrv_vdpa_set_config(&self->d.v, at, &(uint8_t){ 1 }, 1));
	data_fill(self->data, 1, 0, LONGEST);
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, self->data, LONGEST));
	ASSERT_EQ(0, rig_null_pull(NAME));
	ASSERT_EQ(0, down(&self->d));
	ASSERT_EQ(0, rig_null_return(NAME));
	ASSERT_EQ(0, up(self->m, &self->d, variant->more));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, copy, LONGEST));
	EXPECT_EQ(0, memcmp(self->data, copy, LONGEST));
	ASSERT_EQ(0, down(&self->d));
	ASSERT_EQ(0, disks_del());
	free(copy);
}

TEST_F_TIMEOUT(power, cut_under_load, 300)
{
	unsigned int i, writes = 0;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, disks_new(self->m, variant->disk));
		ASSERT_EQ(0, up(self->m, &self->d, variant->more));
		ASSERT_EQ(0, read_all(&self->d, self->m->first));
		ASSERT_EQ(0, load_and_cut(self->m, &self->d, 60000, 0));
		ASSERT_EQ(0, up(self->m, &self->d, variant->more));
		EXPECT_EQ(0, check(self->m, &self->d, self->data));
		ASSERT_EQ(0, down(&self->d));
		ASSERT_EQ(0, disks_del());
		writes += self->m->nr;
	}
	TH_LOG("%u writes, %u flushes", writes, self->m->flushed);
}

#define RECORD	" record /dev/" JOURNAL " record-start 1M"

/* @way: "back", "forward", or as it was. */
static int rekey_begin(bool one_disk, bool recorded, const char *way)
{
	return netio_run("sluice volume rekey " NAME " key " NEW " journal %s %s %s",
			 one_disk ? DEV " journal-start 2M" : "/dev/" JOURNAL,
			 recorded ? "" : "unrecorded", way);
}

enum { GOES_ON, IS_NEW, IS_OLD };

/*
 * After a cut: which of these. @with: the new key, and all that goes with it. Without a record one
 * that had come back begins anew, and that has no way to go.
 */
static int rekey_again(bool one_disk, bool recorded, const char *more, const char *with,
		       const char *way)
{
	if (!recorded)
		return rig_volume_add(NAME, DEV, more) ?:
		       rekey_begin(one_disk, false, way) && rekey_begin(one_disk, false, "") ?
		       IS_NEW : GOES_ON;
	if (netio_run("sluice volume add " NAME " dev " DEV " %s" RECORD " resume", more))
		return rig_volume_add(NAME, DEV, with) ?: IS_NEW;
	if (netio_run("sluice volume show " NAME " | grep -q unresolved"))
		return IS_OLD;
	return rekey_begin(one_disk, true, way) ? -EIO : GOES_ON;
}

/* Until the volume has one key: which. */
static int rekeyed(void)
{
	int i;

	for (i = 0; i < 1000; i++) {
		if (netio_run("sluice volume show " NAME " | grep -q rekey-key"))
			return netio_run("sluice volume show " NAME " | grep -qF ' key " NEW "'") ?
				       IS_OLD : IS_NEW;
		usleep(20000);
	}
	return -ETIMEDOUT;
}

/* What dm-crypt reads with the key made of @seed, when there is no volume. */
static int check_by_dm(struct model *m, unsigned char *data, unsigned int seed)
{
	char hex[2 * KEY_LEN + 1], table[256], node[32];
	unsigned char key[KEY_LEN];
	unsigned int i;
	int ret;

	if (netio_run("command -v dmsetup"))
		return 0;
	key_make(key, seed);
	for (i = 0; i < KEY_LEN; i++)
		sprintf(hex + 2 * i, "%02x", key[i]);
	snprintf(table, sizeof(table),
		 "0 %lu crypt aes-xts-plain64 %s 0 " DEV " 0 1 sector_size:%u", SECTORS, hex,
		 m->unit);
	ret = rig_dm_add("slblk-crypt", table, node);
	if (ret)
		return ret;
	ret = rig_pread(node, data, SIZE, 0);
	ret = rig_dm_del("slblk-crypt") ?: ret;
	return ret ?: check_data(m, data);
}

/*
 * On the way to another key, or back, and cut off again when it goes on, maybe the other way; the
 * power of the device that has journal and record goes just before, just after, or, where it is the
 * same, at once.
 */
TEST_F_TIMEOUT(power, cut_under_rekey, 300)
{
	const char *key = strstr(variant->more, OLD);
	static const char *const ways[] = { "back", "", "forward", "back" };
	unsigned int i, cuts, resumed = 0, again = 0, olds = 0;
	char with[192], old[192], first[192], disk[160];
	struct model *m = self->m;
	int ret;

	if (!key)
		SKIP(return, "it has no key");
	snprintf(with, sizeof(with), "%.*s%s%s", (int)(key - variant->more), variant->more, NEW,
		 variant->recorded ? RECORD : "");
	snprintf(old, sizeof(old), "%s%s", variant->more, variant->recorded ? RECORD : "");
	snprintf(first, sizeof(first), "%s%s", variant->more,
		 variant->recorded ? RECORD " record-new" : "");
	snprintf(disk, sizeof(disk), "%s" SLOW, variant->disk);
	for (i = 0; i < REKEYS || (i < PATIENT && !(resumed && again)); i++) {
		int journal = variant->one_disk ? 0 : 1 + (i & 1);

		ASSERT_EQ(0, disks_new(m, disk));
		ASSERT_EQ(0, up(m, &self->d, first));
		ASSERT_EQ(0, read_all(&self->d, m->first));
		ASSERT_EQ(0, rekey_begin(variant->one_disk, variant->recorded, ""));
		/* Unless it is through. */
		if (some(m, 2))
			netio_run("sluice volume rekey " NAME " back");
		ASSERT_EQ(0, load_and_cut(m, &self->d, 60000, journal));
		/* Either it had come to its end, or it goes on. */
		for (cuts = 0;; cuts++) {
			ret = rekey_again(variant->one_disk, variant->recorded, variant->more,
					  with, ways[some(m, 4)]);
			if (ret != GOES_ON)
				break;
			resumed += !cuts;
			again += !!cuts;
			if (cuts == i % REKEYS) {
				ASSERT_EQ(0, attach(m, &self->d));
				EXPECT_EQ(0, check(m, &self->d, self->data));
				ret = rekeyed();
				disk_close(&self->d);
				break;
			}
			ASSERT_EQ(0, just_cut(m, 20000, journal));
		}
		ASSERT_LT(0, ret);
		ASSERT_EQ(0, rig_volume_del(NAME));
		olds += ret == IS_OLD;
		EXPECT_EQ(0, check_by_dm(m, self->data, ret == IS_NEW ? NEW_SEED : OLD_SEED));
		ASSERT_EQ(0, up(m, &self->d, ret == IS_NEW ? with : old));
		EXPECT_EQ(0, check(m, &self->d, self->data));
		ASSERT_EQ(0, down(&self->d));
		ASSERT_EQ(0, disks_del());
	}
	TH_LOG("%u went on, and after another cut %u, in %u rounds; %u came back", resumed, again,
	       i, olds);
	EXPECT_GT(resumed, 0);
	EXPECT_GT(again, 0);
}

TEST_HARNESS_MAIN
