// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume's vDPA device from its making to its end: names, configuration that changes, suspension,
 * memory that goes, drivers that are killed.
 */
#include "kselftest_harness.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define SIZE	(16 * MB)
/* Bytes of a request under load. */
#define IO	(16 * KB)

FIXTURE(life)
{
	struct disk d;
};

FIXTURE_VARIANT(life)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(life, split) { .features = VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };
FIXTURE_VARIANT_ADD(life, packed) {
	.features = VDRV_F_PACKED | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };

FIXTURE_SETUP(life)
{
	/* Slow enough for requests to be under way. */
	ASSERT_EQ(0, rig_null_add(NAME, "size=32 irqmode=2 completion_nsec=2000000 cache_size=1"));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, "size 16M queues 2"));
	ASSERT_EQ(0, disk_open(&self->d, NAME, &(struct vdrv_cfg){
		.features = DISK_FEATURES | VBLK_F(MQ) | variant->features,
		.num = 128, .disk_queues = 2, .disk_buf = 32 * KB, .disk_seg = 8 }));
}

FIXTURE_TEARDOWN(life)
{
	disk_close(&self->d);
	EXPECT_EQ(0, rig_volume_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
}

static bool config_called(struct disk *d, int timeout_ms)
{
	struct pollfd p = { .fd = d->v.config_call, .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, timeout_ms) == 1 && read(d->v.config_call, &n, sizeof(n)) == sizeof(n);
}

/* The driver hears of another size, and has it. */
TEST_F_TIMEOUT(life, resize, 120)
{
	struct virtio_blk_config c = {};
	unsigned char data[4096] = {};

	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&self->d, SIZE / 512, data, 4096));
	while (config_called(&self->d, 0))
		;
	ASSERT_EQ(0, netio_run("sluice volume set %s size 24M", NAME));
	EXPECT_TRUE(config_called(&self->d, 2000));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(24 * MB / 512, c.capacity);
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, SIZE / 512, data, 4096));
	ASSERT_EQ(0, netio_run("sluice volume set %s size 8M", NAME));
	EXPECT_TRUE(config_called(&self->d, 2000));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(8 * MB / 512, c.capacity);
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_read(&self->d, SIZE / 512, data, 4096));
	EXPECT_NE(0, netio_run("sluice volume set %s size 33M", NAME));
}

static bool volume_says(const char *what)
{
	return !netio_run("sluice volume show %s | grep -q '%s'", NAME, what);
}

/* The driver chooses its cache; a driver that knows of none is given none; a reset forgets it. */
TEST_F_TIMEOUT(life, write_cache, 120)
{
	const unsigned int at = offsetof(struct virtio_blk_config, wce);
	struct virtio_blk_config c = {};
	uint8_t wce = 0;

	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(1, c.wce);
	EXPECT_TRUE(volume_says("writeback"));
	ASSERT_EQ(0, vdrv_vdpa_set_config(&self->d.v, at, &wce, 1));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(0, c.wce);
	EXPECT_FALSE(volume_says("writeback"));
	/* All of it, as some VMMs write it. */
	c.wce = 1;
	c.capacity = 1;
	ASSERT_EQ(0, vdrv_vdpa_set_config(&self->d.v, 0, &c, sizeof(c)));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(1, c.wce);
	EXPECT_EQ(SIZE / 512, c.capacity);
	/* What is not there is not written. */
	EXPECT_EQ(0, vdrv_vdpa_set_config(&self->d.v, at + 1, &wce, 1));
	EXPECT_EQ(0, vdrv_vdpa_set_config(&self->d.v, 0, &c, at));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(1, c.wce);

	/* One that may choose, but cannot flush, has no choice. */
	self->d.cfg.features &= ~VBLK_F(FLUSH);
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_FALSE(volume_says("writeback"));
	EXPECT_EQ(0, vdrv_vdpa_set_config(&self->d.v, at, &(uint8_t){ 1 }, 1));
	EXPECT_FALSE(volume_says("writeback"));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(0, c.wce);

	self->d.cfg.features &= ~(VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE));
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_FALSE(volume_says("writeback"));
	EXPECT_EQ(0, vdrv_vdpa_set_config(&self->d.v, at, &(uint8_t){ 1 }, 1));
	EXPECT_FALSE(volume_says("writeback"));
	/* What the next driver reads before it starts is what it has then. */
	self->d.v.features |= VBLK_F(FLUSH);
	ASSERT_EQ(0, vdrv_vdpa_reset(&self->d.v));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(1, c.wce);
	self->d.cfg.features |= VBLK_F(FLUSH) | VBLK_F(CONFIG_WCE);
	ASSERT_EQ(0, disk_reopen(&self->d));
	EXPECT_TRUE(volume_says("writeback"));
	/* Chosen before it starts. */
	ASSERT_EQ(0, vdrv_vdpa_reset(&self->d.v));
	ASSERT_EQ(0, vdrv_vdpa_set_config(&self->d.v, at, &wce, 1));
	ASSERT_EQ(0, disk_config(&self->d, &c));
	EXPECT_EQ(0, c.wce);
}

/* Fill a queue's slots with writes, each to its own place. Returns how many. */
static unsigned int load(struct disk *d, unsigned int queue, uint32_t round)
{
	struct vdrv_vq *q = &d->v.vq[queue];
	unsigned int n = 0;
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0) {
		uint64_t at = ((uint64_t)queue * q->nslot + slot) * IO;
		struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .sector = at / 512, .len = IO };

		rig_pattern(vblk_at(q, slot, VBLK_DATA), IO, at, round);
		vblk_put(&d->v, q, slot, &io);
		n++;
	}
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
	return n;
}

/* Take @n completions, or as many as there are; each has to be fine. Returns how many. */
static int unload(struct vdrv_vq *q, unsigned int n, int timeout_ms)
{
	struct vblk_done done;
	unsigned int i;
	int ret;

	for (i = 0; i < n; i++) {
		ret = vblk_wait(q, &done, timeout_ms);
		if (ret < 0)
			return ret;
		if (!ret)
			break;
		if (done.status != VIRTIO_BLK_S_OK)
			return -EIO;
		vdrv_vq_release(q, done.slot);
	}
	return i;
}

static int check(struct disk *d, uint32_t round)
{
	unsigned char *data = rig_alloc(IO), *copy = rig_alloc(IO);
	uint64_t at;
	int ret = 0;

	for (at = 0; !ret && at < 2 * d->v.vq[0].nslot * IO; at += IO) {
		rig_pattern(data, IO, at, round);
		ret = rig_pread(DEV, copy, IO, at);
		ret = ret ? ret : memcmp(data, copy, IO) ? -EBADMSG : 0;
	}
	free(data);
	free(copy);
	return ret;
}

/* A volume that gets shorter is done with what is behind its new end: it may be another one's. */
TEST_F_TIMEOUT(life, shrink_under_load, 120)
{
	struct vdrv *v = &self->d.v;
	uint64_t end = MB, at;
	unsigned char *data = rig_alloc(IO), *copy = rig_alloc(IO);
	unsigned int n;

	/* Nearly all of it has to wait. */
	ASSERT_EQ(0, netio_run("sluice volume set %s write-iops 2 write-iops-burst 2", NAME));
	n = load(&self->d, 0, 1);
	ASSERT_EQ(n, load(&self->d, 1, 1));
	ASSERT_EQ(1, unload(&v->vq[0], 1, 2000));
	ASSERT_EQ(0, netio_run("sluice volume set %s size 1M", NAME));
	/* The new owner's. */
	for (at = end; at < 2 * n * IO; at += IO) {
		rig_pattern(data, IO, at, 2);
		ASSERT_EQ(0, rig_pwrite(DEV, data, IO, at));
	}
	usleep(2500000);
	for (at = end; at < 2 * n * IO; at += IO) {
		rig_pattern(data, IO, at, 2);
		ASSERT_EQ(0, rig_pread(DEV, copy, IO, at));
		ASSERT_EQ(0, memcmp(data, copy, IO));
	}
	EXPECT_EQ(n - 1, unload(&v->vq[0], n - 1, 2000));
	EXPECT_EQ(n, unload(&v->vq[1], n, 2000));
	/* And goes on. */
	ASSERT_EQ(0, netio_run("sluice volume set %s write-iops 0", NAME));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_write(&self->d, 0, data, IO));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, disk_write(&self->d, end / 512, data, IO));
	free(data);
	free(copy);
}

/* Suspended under load: what was begun is finished, the rest waits; nothing is lost. */
TEST_F_TIMEOUT(life, suspend_under_load, 120)
{
	struct vdrv *v = &self->d.v;
	unsigned int round, q, n;
	int got[2];

	for (round = 0; round < 8; round++) {
		n = load(&self->d, 0, round);
		ASSERT_EQ(n, load(&self->d, 1, round));
		usleep(round * 700);
		ASSERT_EQ(0, vdrv_vdpa_suspend(v, true));
		for (q = 0; q < 2; q++) {
			struct vhost_vring_state s = { q, 0 };

			/* All that has been taken is back. */
			got[q] = unload(&v->vq[q], n, 0);
			ASSERT_GE(got[q], 0);
			ASSERT_EQ(0, ioctl(v->fd, VHOST_GET_VRING_BASE, &s));
			if (!v->vq[q].packed) {
				EXPECT_EQ(v->vq[q].used_next, s.num);
			} else {
				EXPECT_EQ(v->vq[q].used_next, s.num & 0x7fff);
				EXPECT_EQ(v->vq[q].used_next, s.num >> 16 & 0x7fff);
			}
		}
		ASSERT_EQ(0, vdrv_vdpa_suspend(v, false));
		for (q = 0; q < 2; q++)
			ASSERT_EQ(n - got[q], unload(&v->vq[q], n - got[q], 20000));
		ASSERT_EQ(0, check(&self->d, round));
	}
}

/* The device is reset, and told where it was: as a VMM does that migrates. */
TEST_F_TIMEOUT(life, stop_under_load, 120)
{
	struct vdrv *v = &self->d.v;
	unsigned int round, q, n;
	int got[2];

	for (round = 0; round < 8; round++) {
		n = load(&self->d, 0, round);
		ASSERT_EQ(n, load(&self->d, 1, round));
		usleep(round * 700);
		ASSERT_EQ(0, vdrv_stop(v));
		for (q = 0; q < 2; q++)
			got[q] = unload(&v->vq[q], n, 0);
		ASSERT_EQ(0, vdrv_start(v, -1));
		for (q = 0; q < 2; q++) {
			vdrv_kick_always(&v->vq[q]);
			ASSERT_EQ(n - got[q], unload(&v->vq[q], n - got[q], 20000));
		}
		ASSERT_EQ(0, check(&self->d, round));
	}
}

/*
 * Memory is unmapped, and gone, while the device reads or writes it: it does so in pages that are
 * still held.
 */
TEST_F_TIMEOUT(life, memory_goes_under_load, 120)
{
	struct vdrv *v = &self->d.v;
	unsigned char *bufs = v->mem + v->ring_bytes;
	size_t len = v->mem_bytes - v->ring_bytes;
	unsigned int i, k, n;

	for (i = 0; i < 8; i++) {
		struct vdrv_vq *q = &v->vq[0];

		n = 0;
		while (n < 64) {
			struct vblk_io io = {
				.type = i & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT,
				.sector = n * IO / 512, .len = IO };

			vblk_put(v, q, vdrv_vq_slot(q), &io);
			n++;
		}
		vdrv_vq_publish(q);
		vdrv_vq_kick(q);
		usleep(i * 300);
		ASSERT_EQ(0, fallocate(v->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       v->ring_bytes, len));
		ASSERT_EQ(0, vdrv_iotlb_invalidate(v, bufs, len));
		ASSERT_EQ(0, vdrv_iotlb_update(v, bufs, len));
		/* What had not been taken has no header any more: zeroes, which say IN. */
		for (k = 0; k < n; k++) {
			struct vblk_done done;

			if (vdrv_vq_broken(q))
				break;
			ASSERT_EQ(1, vblk_wait(q, &done, 20000));
			vdrv_vq_release(q, done.slot);
		}
		ASSERT_EQ(0, disk_reopen(&self->d));
		bufs = v->mem + v->ring_bytes;
	}
}

/* Killed, or closed, in the midst of requests. */
TEST_F_TIMEOUT(life, killed, 120)
{
	int i, status, ready[2];
	unsigned char c;
	pid_t pid;

	vdrv_close(&self->d.v);
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct disk d = self->d;

			if (disk_reopen(&d) || write(ready[1], "", 1) != 1)
				_exit(1);
			for (;;) {
				load(&d, 0, i);
				unload(&d.v.vq[0], d.v.vq[0].nslot, 20000);
			}
		}
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		usleep(1000 + i * 777);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	ASSERT_EQ(0, disk_reopen(&self->d));
	load(&self->d, 0, 77);
	load(&self->d, 1, 77);
	ASSERT_EQ(self->d.v.vq[0].nslot, unload(&self->d.v.vq[0], self->d.v.vq[0].nslot, 20000));
	ASSERT_EQ(self->d.v.vq[1].nslot, unload(&self->d.v.vq[1], self->d.v.vq[1].nslot, 20000));
	EXPECT_EQ(0, check(&self->d, 77));
}

/* Who has a volume keeps it; what is refused leaves nothing behind. */
TEST_F_TIMEOUT(life, names, 120)
{
	unsigned char data[512];

	EXPECT_NE(0, rig_volume_del(NAME));
	/* A port of a volume's name: which is meant? */
	ASSERT_EQ(0, rig_volume_add("slblk1", DEV, "start 16M size 8M"));
	ASSERT_EQ(0, netio_run("ip link add slblk1 type sluice"));
	EXPECT_NE(0, vdpa_add("slblk1", ""));
	ASSERT_EQ(0, netio_run("ip link del slblk1"));
	/* An address is nothing that a disk has. */
	EXPECT_NE(0, vdpa_add("slblk1", "mac 52:54:00:00:51:0d"));
	/* A disk is made, and no port. */
	EXPECT_EQ(0, vdpa_add("slblk1", ""));
	EXPECT_LT(netio_ifindex("slblk1"), 0);
	EXPECT_EQ(0, vdpa_del("slblk1"));
	/* Volumes without a key are not to be had now. */
	ASSERT_EQ(0, netio_run("sluice volume mode enforce"));
	EXPECT_NE(0, vdpa_add("slblk1", ""));
	ASSERT_EQ(0, netio_run("sluice volume mode monitor"));
	EXPECT_EQ(0, vdpa_add("slblk1", ""));
	EXPECT_EQ(0, vdpa_del("slblk1"));
	EXPECT_EQ(0, rig_volume_del("slblk1"));
	/* Without the volume it is the name of a network card. */
	EXPECT_EQ(0, vdpa_add("slblk1", ""));
	EXPECT_GT(netio_ifindex("slblk1"), 0);
	EXPECT_EQ(0, vdpa_del("slblk1"));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, data, 512));
}

/* A driver that uses one of two queues, under a VMM that enables both. */
TEST_F_TIMEOUT(life, fewer_queues, 120)
{
	struct vhost_vring_state s = { 1, 1 };
	struct vdrv *v = &self->d.v;
	unsigned char data[512];

	vdrv_close(v);
	self->d.cfg.disk_queues = 1;
	ASSERT_EQ(0, vdrv_open(v, &self->d.cfg));
	ASSERT_EQ(0, ioctl(v->fd, VHOST_VDPA_SET_VRING_ENABLE, &s));
	ASSERT_EQ(0, vdrv_start(v, -1));
	EXPECT_FALSE(vdrv_vdpa_get_status(v) & VIRTIO_CONFIG_S_NEEDS_RESET);
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_read(&self->d, 0, data, 512));
}

/* Both types are listed. */
TEST(management_device)
{
	EXPECT_EQ(0, netio_run("vdpa mgmtdev show | grep -q 'supported_classes.*net'"));
	EXPECT_EQ(0, netio_run("vdpa mgmtdev show | grep -q 'supported_classes.*block'"));
}

TEST_HARNESS_MAIN
