// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mediated disk: what a driver finds, what its requests do, and what becomes of them when the
 * device is reset, its memory unmapped or its user gone. The engine's own tests are in ../blk.
 */
#include "kselftest_harness.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <linux/pci_regs.h>
#include "../blk/rig.h"
#include "mdev.h"
#include "vdisk.h"

#define NAME	"slblk0"
#define OTHER	"slblk1"
#define DEV	"/dev/" NAME
#define SIZE	(16 * MB)
#define QUEUES	2
#define UUID	"5105e000-0000-4000-8000-0000000000d1"
#define UUID_2	"5105e000-0000-4000-8000-0000000000d2"
/* Bytes of a request under load. */
#define IO	(16 * KB)
#define RINGS	(VDRV_F_INDIRECT | VDRV_F_EVENT_IDX)
#define SOON	5000

/* A parent, or none, of that name; it comes a moment after its volume, and goes so. */
static int parent_wait(const char *volume, int available)
{
	int i, got = 0;

	for (i = 0; i < SOON; i++) {
		got = mdev_available_type(volume, MDEV_TYPE_BLK);
		if (available < 0 ? got < 0 : got == available)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

FIXTURE(blk)
{
	struct vdisk d;
	struct vdisk_cfg cfg;
};

FIXTURE_VARIANT(blk)
{
	uint64_t features;
	bool mapped;
	bool cdev;
};

FIXTURE_VARIANT_ADD(blk, split) { .features = RINGS };
FIXTURE_VARIANT_ADD(blk, split_mapped) { .features = VDRV_F_EVENT_IDX, .mapped = true };
FIXTURE_VARIANT_ADD(blk, packed) {
	.features = RINGS | VDRV_F_PACKED | VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA) };
FIXTURE_VARIANT_ADD(blk, packed_cdev) {
	.features = VDRV_F_PACKED | VDRV_F_INDIRECT, .mapped = true, .cdev = true };

FIXTURE_SETUP(blk)
{
	/* Slow enough for requests to be under way. */
	ASSERT_EQ(0, rig_null_add(NAME, "size=32 irqmode=2 completion_nsec=2000000 cache_size=1"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, "size 16M queues 2 serial " NAME));
	ASSERT_EQ(0, parent_wait(NAME, 1));
	ASSERT_EQ(0, mdev_create_type(NAME, MDEV_TYPE_BLK, UUID));
	self->cfg = (struct vdisk_cfg){
		.drv = {
			.features = DISK_FEATURES | VBLK_F(MQ) | VDRV_BIT(VIRTIO_F_RING_RESET) |
				    variant->features,
			.num = 128, .disk_queues = QUEUES, .disk_buf = 32 * KB, .disk_seg = 8,
		},
		.mapped = variant->mapped,
		.cdev = variant->cdev,
	};
	ASSERT_EQ(0, vdisk_open(&self->d, UUID, &self->cfg));
}

FIXTURE_TEARDOWN(blk)
{
	vdisk_close(&self->d);
	if (mdev_is(UUID))
		EXPECT_EQ(0, mdev_remove(UUID));
	EXPECT_EQ(0, rig_volume_del(NAME));
	EXPECT_EQ(0, parent_wait(NAME, -1));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
}

static int disk_io(struct vdisk *d, unsigned int queue, uint32_t type, uint64_t sector, void *data,
		   uint32_t len)
{
	const struct vblk_io io = { .type = type, .sector = sector, .len = len };

	return vblk_do(&d->v, &d->v.vq[queue], &io, data);
}

static bool config_called(struct vdisk *d, int timeout_ms)
{
	struct pollfd p = { .fd = d->config, .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, timeout_ms) == 1 && read(d->config, &n, sizeof(n)) == sizeof(n);
}

static long pinned(void)
{
	char text[32];

	return mdev_get(UUID, "pinned", text, sizeof(text)) < 0 ? -1 : atol(text);
}

/* The last that knows of a dead user may be somebody who was just pinning its memory. */
static long pinned_soon(void)
{
	unsigned int i;

	for (i = 0; i < SOON && pinned(); i++)
		usleep(1000);
	return pinned();
}

/* --- what it is --- */

TEST_F_TIMEOUT(blk, identity, 120)
{
	struct vpci *p = &self->d.pci;
	uint64_t offer = vpci_device_features(p);
	unsigned int i;

	EXPECT_EQ(0x1af4, vpci_cfg_get(p, PCI_VENDOR_ID, 2));
	EXPECT_EQ(0x1042, vpci_cfg_get(p, PCI_DEVICE_ID, 2));
	EXPECT_EQ(0x010000, vpci_cfg_get(p, PCI_CLASS_REVISION, 4) >> 8);
	EXPECT_EQ(0x1af4, vpci_cfg_get(p, PCI_SUBSYSTEM_VENDOR_ID, 2));
	EXPECT_EQ(0x42, vpci_cfg_get(p, PCI_SUBSYSTEM_ID, 2));
	EXPECT_EQ(QUEUES, vpci_common(p, cfg.num_queues));
	EXPECT_EQ(QUEUES + 1, p->vectors);
	for (i = 0; i < QUEUES; i++)
		EXPECT_EQ(1024, vpci_queue_max(p, i));
	EXPECT_EQ(0, vpci_queue_max(p, QUEUES));
	EXPECT_EQ(DISK_FEATURES | VBLK_F(MQ), offer & (DISK_FEATURES | VBLK_F(MQ)));
	EXPECT_EQ(0, offer & (VBLK_F(RO) | VBLK_F(GEOMETRY) | VBLK_F(SCSI)));
	EXPECT_EQ(variant->features, offer & variant->features);
	/* There is no legacy interface. */
	EXPECT_EQ(-EOPNOTSUPP, vpci_negotiate(p, self->cfg.drv.features & ~VDRV_F_VERSION_1));

	EXPECT_EQ(SIZE / 512, vdisk_config(&self->d, capacity));
	EXPECT_EQ(512, vdisk_config(&self->d, blk_size));
	EXPECT_EQ(QUEUES, vdisk_config(&self->d, num_queues));
	EXPECT_LT(0, vdisk_config(&self->d, seg_max));
	EXPECT_LT(0, vdisk_config(&self->d, size_max));
	/* What is not there. */
	EXPECT_EQ(0, vpci_get(p, VIRTIO_PCI_CAP_DEVICE_CFG, sizeof(struct virtio_blk_config), 4));
}

/* Nobody else gets it, and it does not go. */
TEST_F_TIMEOUT(blk, claimed, 120)
{
	EXPECT_EQ(0, mdev_available_type(NAME, MDEV_TYPE_BLK));
	EXPECT_EQ(-EBUSY, mdev_create_type(NAME, MDEV_TYPE_BLK, UUID_2));
	EXPECT_NE(0, vdpa_add(NAME, ""));
	EXPECT_NE(0, rig_volume_del(NAME));
	EXPECT_EQ(0, vdisk_start(&self->d));
	vdisk_close(&self->d);
	EXPECT_NE(0, rig_volume_del(NAME));
	ASSERT_EQ(0, mdev_remove(UUID));
	EXPECT_EQ(1, mdev_available_type(NAME, MDEV_TYPE_BLK));

	ASSERT_EQ(0, vdpa_add(NAME, ""));
	EXPECT_EQ(0, mdev_available_type(NAME, MDEV_TYPE_BLK));
	EXPECT_EQ(-EBUSY, mdev_create_type(NAME, MDEV_TYPE_BLK, UUID));
	EXPECT_FALSE(mdev_is(UUID));
	ASSERT_EQ(0, vdpa_del(NAME));

	/* Volumes without a key are not to be had now. */
	ASSERT_EQ(0, netio_run("sluice volume mode enforce"));
	EXPECT_EQ(-ENOKEY, mdev_create_type(NAME, MDEV_TYPE_BLK, UUID));
	ASSERT_EQ(0, netio_run("sluice volume mode monitor"));
	EXPECT_EQ(0, mdev_create_type(NAME, MDEV_TYPE_BLK, UUID));
}

/* A parent for each volume, of its name, and under it nothing that is not a disk. */
TEST_F_TIMEOUT(blk, parents, 120)
{
	struct vdisk_cfg cfg = self->cfg;
	unsigned char data[512] = {};
	struct vdisk d;

	EXPECT_GT(0, mdev_available(NAME));
	ASSERT_EQ(0, rig_volume_add(OTHER, DEV, "start 16M size 8M ro"));
	ASSERT_EQ(0, parent_wait(OTHER, 1));
	ASSERT_EQ(0, mdev_create_type(OTHER, MDEV_TYPE_BLK, UUID_2));

	/* It can be read, and not be written. */
	cfg.drv.disk_queues = 1;
	cfg.drv.features &= ~VBLK_F(MQ);
	cfg.drv.features |= VBLK_F(RO);
	ASSERT_EQ(0, vdisk_open(&d, UUID_2, &cfg));
	EXPECT_EQ(1, vpci_common(&d.pci, cfg.num_queues));
	EXPECT_EQ(8 * MB / 512, vdisk_config(&d, capacity));
	ASSERT_EQ(0, vdisk_start(&d));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_io(&d, 0, VIRTIO_BLK_T_IN, 0, data, 512));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_io(&d, 0, VIRTIO_BLK_T_OUT, 0, data, 512));
	vdisk_close(&d);

	ASSERT_EQ(0, mdev_remove(UUID_2));
	ASSERT_EQ(0, rig_volume_del(OTHER));
	EXPECT_EQ(0, parent_wait(OTHER, -1));
}

/* --- what it does --- */

TEST_F_TIMEOUT(blk, requests, 120)
{
	unsigned char *data = rig_alloc(IO), *copy = rig_alloc(IO);
	char id[VIRTIO_BLK_ID_BYTES + 1] = "";
	unsigned int i, q;

	ASSERT_EQ(0, vdisk_start(&self->d));
	for (i = 0; i < 16; i++) {
		for (q = 0; q < QUEUES; q++) {
			uint64_t at = (i * QUEUES + q) * IO;

			rig_pattern(data, IO, at, i);
			ASSERT_EQ(VIRTIO_BLK_S_OK, disk_io(&self->d, q, VIRTIO_BLK_T_OUT, at / 512,
							   data, IO));
			ASSERT_EQ(VIRTIO_BLK_S_OK, disk_io(&self->d, QUEUES - 1 - q,
							   VIRTIO_BLK_T_FLUSH, 0, NULL, 0));
			ASSERT_EQ(0, rig_pread(DEV, copy, IO, at));
			ASSERT_EQ(0, memcmp(data, copy, IO));
			memset(copy, 0, IO);
			ASSERT_EQ(VIRTIO_BLK_S_OK, disk_io(&self->d, QUEUES - 1 - q,
							   VIRTIO_BLK_T_IN, at / 512, copy, IO));
			ASSERT_EQ(0, memcmp(data, copy, IO));
		}
	}
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_io(&self->d, 1, VIRTIO_BLK_T_GET_ID, 0, id,
					   VIRTIO_BLK_ID_BYTES));
	EXPECT_STREQ(NAME, id);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_io(&self->d, 0, VIRTIO_BLK_T_IN, SIZE / 512, copy, 512));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, disk_io(&self->d, 0, 0x1234, 0, copy, 512));
	EXPECT_FALSE(vdisk_broken(&self->d));
	free(data);
	free(copy);
}

/* The driver hears of another size, and has it. */
TEST_F_TIMEOUT(blk, resize, 120)
{
	unsigned char data[4096] = {};
	unsigned int generation;

	ASSERT_EQ(0, vdisk_start(&self->d));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_io(&self->d, 0, VIRTIO_BLK_T_IN, SIZE / 512, data, 512));
	while (config_called(&self->d, 0))
		;
	generation = vpci_common(&self->d.pci, cfg.config_generation);
	ASSERT_EQ(0, netio_run("sluice volume set %s size 24M", NAME));
	EXPECT_TRUE(config_called(&self->d, SOON));
	EXPECT_NE(generation, vpci_common(&self->d.pci, cfg.config_generation));
	EXPECT_EQ(24 * MB / 512, vdisk_config(&self->d, capacity));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_io(&self->d, 1, VIRTIO_BLK_T_OUT, SIZE / 512, data, 512));
	ASSERT_EQ(0, netio_run("sluice volume set %s size 8M", NAME));
	EXPECT_TRUE(config_called(&self->d, SOON));
	EXPECT_EQ(8 * MB / 512, vdisk_config(&self->d, capacity));

	/* While nobody has it open: the next one finds it. */
	vdisk_close(&self->d);
	ASSERT_EQ(0, netio_run("sluice volume set %s size 12M", NAME));
	ASSERT_EQ(0, vdisk_open(&self->d, UUID, &self->cfg));
	EXPECT_EQ(12 * MB / 512, vdisk_config(&self->d, capacity));
}

static bool volume_says(const char *what)
{
	return !netio_run("sluice volume show %s | grep -q '%s'", NAME, what);
}

static int put_wce(struct vdisk *d, unsigned int wce)
{
	return vpci_put(&d->pci, VIRTIO_PCI_CAP_DEVICE_CFG, offsetof(struct virtio_blk_config, wce),
			1, wce);
}

/* The driver chooses its cache; one that knows of none is given none; a reset forgets it. */
TEST_F_TIMEOUT(blk, write_cache, 120)
{
	struct vdisk *d = &self->d;

	/* Before it has said that it knows how. */
	ASSERT_EQ(0, put_wce(d, 0));
	EXPECT_EQ(1, vdisk_config(d, wce));
	ASSERT_EQ(0, vdisk_start(d));
	EXPECT_TRUE(volume_says("writeback"));
	ASSERT_EQ(0, put_wce(d, 0));
	EXPECT_EQ(0, vdisk_config(d, wce));
	EXPECT_FALSE(volume_says("writeback"));
	/* Nothing else can be written. */
	ASSERT_EQ(0, vpci_put(&d->pci, VIRTIO_PCI_CAP_DEVICE_CFG, 0, 4, 1));
	EXPECT_EQ(SIZE / 512, vdisk_config(d, capacity));
	ASSERT_EQ(0, put_wce(d, 1));
	EXPECT_TRUE(volume_says("writeback"));
	/* Chosen between the features and the start. */
	ASSERT_EQ(0, vdisk_stop(d));
	ASSERT_EQ(0, vpci_negotiate(&d->pci, self->cfg.drv.features));
	ASSERT_EQ(0, put_wce(d, 0));
	ASSERT_EQ(0, vpci_status_add(&d->pci, VIRTIO_CONFIG_S_DRIVER_OK));
	EXPECT_EQ(0, vdisk_config(d, wce));
	EXPECT_FALSE(volume_says("writeback"));

	/* One that may choose, but cannot flush, has no choice; also before it starts. */
	ASSERT_EQ(0, vdisk_stop(d));
	ASSERT_EQ(0, vpci_negotiate(&d->pci, self->cfg.drv.features & ~VBLK_F(FLUSH)));
	EXPECT_EQ(0, vdisk_config(d, wce));
	ASSERT_EQ(0, put_wce(d, 1));
	EXPECT_EQ(0, vdisk_config(d, wce));
	ASSERT_EQ(0, vpci_status_add(&d->pci, VIRTIO_CONFIG_S_DRIVER_OK));
	EXPECT_EQ(0, vdisk_config(d, wce));
	EXPECT_FALSE(volume_says("writeback"));

	vdisk_close(d);
	self->cfg.drv.features &= ~(VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE));
	ASSERT_EQ(0, vdisk_open(d, UUID, &self->cfg));
	ASSERT_EQ(0, vdisk_start(d));
	EXPECT_FALSE(volume_says("writeback"));
	ASSERT_EQ(0, put_wce(d, 1));
	EXPECT_FALSE(volume_says("writeback"));
	/* What the next driver reads before it starts is what it has then. */
	ASSERT_EQ(0, vdisk_stop(d));
	self->cfg.drv.features |= VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE);
	ASSERT_EQ(0, vpci_negotiate(&d->pci, self->cfg.drv.features));
	EXPECT_EQ(1, vdisk_config(d, wce));
	ASSERT_EQ(0, vpci_status_add(&d->pci, VIRTIO_CONFIG_S_DRIVER_OK));
	EXPECT_TRUE(volume_says("writeback"));
}

/* --- under load --- */

/* Fill a queue's slots with requests, each to its own place. Returns how many. */
static unsigned int load(struct vdisk *d, unsigned int queue, uint32_t type, uint32_t round)
{
	struct vdrv_vq *q = &d->v.vq[queue];
	unsigned int n = 0;
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		uint64_t at = ((uint64_t)queue * q->nslot + slot) * IO;
		struct vblk_io io = { .type = type, .sector = at / 512, .len = IO };

		rig_pattern(vblk_at(q, slot, VBLK_DATA), IO, at, round);
		vblk_put(&d->v, q, slot, &io);
		n++;
	}
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
	return n;
}

/* Take @n completions, each of which has to be fine. */
static int unload(struct vdisk *d, unsigned int queue, unsigned int n)
{
	struct vblk_done done;
	int ret;

	while (n--) {
		ret = vblk_wait(&d->v.vq[queue], &done, 20000);
		if (ret <= 0)
			return ret ?: -ETIMEDOUT;
		if (done.status != VIRTIO_BLK_S_OK)
			return -EIO;
		vdrv_vq_release(&d->v.vq[queue], done.slot);
	}
	return 0;
}

/* All that a round of load() wrote is there, and nothing else. */
static int check(struct vdisk *d, uint32_t round)
{
	unsigned char *data = rig_alloc(IO), *copy = rig_alloc(IO);
	uint64_t at;
	int ret = 0;

	for (at = 0; !ret && at < QUEUES * d->v.vq[0].nslot * IO; at += IO) {
		rig_pattern(data, IO, at, round);
		ret = rig_pread(DEV, copy, IO, at);
		ret = ret ?: memcmp(data, copy, IO) ? -EBADMSG : 0;
	}
	free(data);
	free(copy);
	return ret;
}

static int round_trip(struct vdisk *d, uint32_t round)
{
	unsigned int q, n[QUEUES];
	int ret = 0;

	for (q = 0; q < QUEUES; q++)
		n[q] = load(d, q, VIRTIO_BLK_T_OUT, round);
	for (q = 0; q < QUEUES; q++)
		ret = ret ?: unload(d, q, n[q]);
	return ret ?: check(d, round);
}

/* When the reset is over, so is all that the device had begun. */
TEST_F_TIMEOUT(blk, reset_under_load, 120)
{
	struct vdrv *v = &self->d.v;
	unsigned int round, i;

	for (round = 0; round < 8; round++) {
		uint32_t type = round & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;

		ASSERT_EQ(0, vdisk_start(&self->d));
		load(&self->d, 0, type, round);
		load(&self->d, 1, type, round);
		usleep(round * 700);
		ASSERT_EQ(0, round & 2 ? vfio_reset(&self->d.dev) : vpci_reset(&self->d.pci));
		EXPECT_EQ(0, pinned());
		/* What is in memory now is ours. */
		memset(v->mem + v->ring_bytes, 0x5a, v->mem_bytes - v->ring_bytes);
		usleep(5000);
		for (i = v->ring_bytes; i < v->mem_bytes; i += 512)
			ASSERT_EQ(0x5a, v->mem[i]);
		/* A reset of the function forgets what the probe has set. */
		ASSERT_EQ(0, vpci_cfg_put(&self->d.pci, PCI_COMMAND, 2,
					  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
		ASSERT_EQ(0, vdisk_stop(&self->d));
	}
	ASSERT_EQ(0, vdisk_start(&self->d));
	EXPECT_EQ(0, round_trip(&self->d, 77));
}

/* One queue is reset, the other goes on. */
TEST_F_TIMEOUT(blk, queue_reset_under_load, 120)
{
	unsigned int round, n;

	ASSERT_EQ(0, vdisk_start(&self->d));
	for (round = 0; round < 8; round++) {
		load(&self->d, 0, VIRTIO_BLK_T_OUT, round);
		n = load(&self->d, 1, VIRTIO_BLK_T_OUT, round);
		usleep(round * 700);
		ASSERT_EQ(0, vpci_queue_reset(&self->d.pci, 0));
		vdrv_vq_fresh(&self->d.v.vq[0]);
		ASSERT_EQ(0, vdisk_queue_start(&self->d, 0));
		EXPECT_EQ(0, unload(&self->d, 1, n));
	}
	EXPECT_EQ(0, round_trip(&self->d, 77));
}

/*
 * Buffers are unmapped while the device reads or writes them: nothing of them is pinned when that
 * returns. What had been begun ends; what it finds no memory for stops the queue, and no other.
 */
TEST_F_TIMEOUT(blk, unmap_under_load, 240)
{
	struct vdrv *v = &self->d.v;
	uint64_t bufs = vdrv_addr(v, v->mem + v->ring_bytes);
	size_t len = v->mem_bytes - v->ring_bytes;
	unsigned int i, k;

	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, vdisk_start(&self->d));
		load(&self->d, 0, i & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, i);
		usleep(i * 500);
		ASSERT_EQ(0, vfio_unmap(&self->d.space, bufs, len));
		EXPECT_GE(v->ring_bytes, pinned());
		/* The memory itself goes, whoever still holds pages of it. */
		ASSERT_EQ(0, fallocate(v->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       v->ring_bytes, len));
		load(&self->d, 1, VIRTIO_BLK_T_IN, i);
		for (k = 0; k < SOON && !vdisk_broken(&self->d); k++)
			usleep(1000);
		EXPECT_TRUE(vdisk_broken(&self->d));
		ASSERT_EQ(0, vdisk_stop(&self->d));
		EXPECT_EQ(0, pinned());
		ASSERT_EQ(0, vfio_map(&self->d.space, bufs, v->mem + v->ring_bytes, len, true));
	}
	ASSERT_EQ(0, vdisk_start(&self->d));
	EXPECT_EQ(0, round_trip(&self->d, 77));
}

/* Unmapped and mapped again while a ring waits: it goes on. */
TEST_F_TIMEOUT(blk, remap_under_load, 240)
{
	struct vdrv *v = &self->d.v;
	uint64_t bufs = vdrv_addr(v, v->mem + v->ring_bytes);
	size_t len = v->mem_bytes - v->ring_bytes;
	unsigned int i, n[QUEUES];

	ASSERT_EQ(0, vdisk_start(&self->d));
	for (i = 0; i < 16; i++) {
		n[0] = load(&self->d, 0, VIRTIO_BLK_T_OUT, i);
		n[1] = load(&self->d, 1, VIRTIO_BLK_T_OUT, i);
		usleep(i * 300);
		ASSERT_EQ(0, vfio_unmap(&self->d.space, bufs, len));
		ASSERT_EQ(0, vfio_map(&self->d.space, bufs, v->mem + v->ring_bytes, len, true));
		ASSERT_EQ(0, unload(&self->d, 0, n[0]));
		ASSERT_EQ(0, unload(&self->d, 1, n[1]));
		ASSERT_EQ(0, check(&self->d, i));
	}
	EXPECT_FALSE(vdisk_broken(&self->d));
}

/* The child keeps the disk busy until it is killed; the parent hears when it does. */
static pid_t user_in_child(const struct vdisk_cfg *cfg, uint32_t round)
{
	struct vdisk d;
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		if (vdisk_open(&d, UUID, cfg) || vdisk_start(&d) || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			unload(&d, 0, load(&d, 0, VIRTIO_BLK_T_OUT, round));
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

static void *remove_device(void *arg)
{
	__atomic_store_n((int *)arg, mdev_remove(UUID), __ATOMIC_RELEASE);
	return NULL;
}

/* Its user is killed in the midst of requests; and once more, with the device about to go. */
TEST_F_TIMEOUT(blk, removed_under_load, 120)
{
	int i, removed = 1;
	pthread_t remover;
	pid_t pid;

	vdisk_close(&self->d);
	for (i = 0; i < 8; i++) {
		pid = user_in_child(&self->cfg, i);
		ASSERT_LT(0, pid);
		usleep(1000 + i * 777);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		EXPECT_EQ(0, pinned_soon());
	}
	pid = user_in_child(&self->cfg, i);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, pthread_create(&remover, NULL, remove_device, &removed));
	usleep(20000);
	/* It waits for the user. */
	EXPECT_EQ(1, __atomic_load_n(&removed, __ATOMIC_ACQUIRE));
	EXPECT_NE(0, rig_volume_del(NAME));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, pthread_join(remover, NULL));
	EXPECT_EQ(0, removed);
	EXPECT_FALSE(mdev_is(UUID));

	ASSERT_EQ(0, mdev_create_type(NAME, MDEV_TYPE_BLK, UUID));
	ASSERT_EQ(0, vdisk_open(&self->d, UUID, &self->cfg));
	ASSERT_EQ(0, vdisk_start(&self->d));
	EXPECT_EQ(0, round_trip(&self->d, 77));
}

/* The device below is pulled: requests fail, and nothing else does. */
TEST_F_TIMEOUT(blk, pulled, 120)
{
	unsigned char data[512] = {};

	ASSERT_EQ(0, vdisk_start(&self->d));
	load(&self->d, 1, VIRTIO_BLK_T_OUT, 1);
	ASSERT_EQ(0, rig_null_pull(NAME));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_io(&self->d, 0, VIRTIO_BLK_T_IN, 0, data, 512));
	EXPECT_FALSE(vdisk_broken(&self->d));
}

TEST_HARNESS_MAIN
