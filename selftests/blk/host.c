// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume as a disk of the host itself: virtio_blk drives it through virtio_vdpa, and what it
 * writes is on the device below.
 */
#include "kselftest_harness.h"
#include <linux/fs.h>
#include <pthread.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define SIZE	(16 * MB)

FIXTURE(host)
{
	char disk[16];
	char node[32];
	unsigned char *data;
	unsigned char *copy;
};

FIXTURE_VARIANT(host)
{
	const char *device;
};

FIXTURE_VARIANT_ADD(host, fast) { .device = "size=32 discard=1 cache_size=1" };
FIXTURE_VARIANT_ADD(host, slow) {
	.device = "size=32 irqmode=2 completion_nsec=500000 discard=1 cache_size=1" };

static int host_bind(char *disk, char *node, size_t room)
{
	int ret = vdpa_add(NAME, "");

	ret = ret ? ret : vdpa_bind(NAME, "virtio_vdpa");
	ret = ret ? ret : vdpa_blockdev(NAME, disk, 16);
	snprintf(node, room, "/dev/%s", ret ? "" : disk);
	return ret;
}

FIXTURE_SETUP(host)
{
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	ASSERT_EQ(0, rig_null_add(NAME, variant->device));
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, "size 16M queues 2"));
	ASSERT_EQ(0, host_bind(self->disk, self->node, sizeof(self->node)));
}

FIXTURE_TEARDOWN(host)
{
	if (!netio_run("vdpa dev show %s", NAME))
		EXPECT_EQ(0, vdpa_del(NAME));
	EXPECT_EQ(0, rig_volume_del(NAME));
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	free(self->data);
	free(self->copy);
}

static int sysfs_is(const char *disk, const char *attr, const char *want)
{
	return netio_run("grep -qxF '%s' /sys/block/%s/%s", want, disk, attr);
}

/* All of it, in pieces of many sizes. */
TEST_F_TIMEOUT(host, write_and_read, 120)
{
	static const size_t lens[] = { 512, 4096, 3 * 512, 64 * KB, MB, 2 * MB };
	size_t at = 0, len;
	unsigned int i;

	rig_pattern(self->data, SIZE, 0, 3);
	for (i = 0; at < SIZE; i++, at += len) {
		len = lens[i % ARRAY_SIZE(lens)];
		len = len < SIZE - at ? len : SIZE - at;
		/* In front of a page: what is not aligned in memory, too. */
		memmove(self->copy + 512, self->data + at, len < SIZE - 512 ? len : SIZE - 512);
		ASSERT_EQ(0, rig_pwrite(self->node, self->copy + 512, len, at));
	}
	ASSERT_EQ(0, rig_pread(self->node, self->copy, SIZE, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	memset(self->copy, 0, SIZE);
	ASSERT_EQ(0, rig_pread(DEV, self->copy, SIZE, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
}

/* Through the page cache, made durable by fsync(). */
TEST_F_TIMEOUT(host, page_cache, 120)
{
	int fd = open(self->node, O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	rig_pattern(self->data, SIZE, 0, 4);
	ASSERT_EQ(SIZE, pwrite(fd, self->data, SIZE, 0));
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(0, rig_pread(DEV, self->copy, SIZE, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	ASSERT_EQ(0, close(fd));
}

/* Discards; and zeroes, which are written where the device has no command for it. */
TEST_F_TIMEOUT(host, discard_and_zeroes, 120)
{
	uint64_t discard[2] = { MB, 64 * KB }, zero[2] = { 2 * MB, 4096 };
	int fd = open(self->node, O_RDWR | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	rig_pattern(self->data, SIZE, 0, 5);
	ASSERT_EQ(0, rig_pwrite(self->node, self->data, SIZE, 0));
	ASSERT_EQ(0, ioctl(fd, BLKDISCARD, discard));
	ASSERT_EQ(0, ioctl(fd, BLKZEROOUT, zero));
	memset(self->data + discard[0], 0, discard[1]);
	memset(self->data + zero[0], 0, zero[1]);
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, rig_pread(DEV, self->copy, SIZE, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
}

/* What the driver found, and that it notices changes. */
TEST_F_TIMEOUT(host, properties, 120)
{
	unsigned int i;

	EXPECT_EQ(0, sysfs_is(self->disk, "size", "32768"));
	EXPECT_EQ(0, netio_run("sluice volume show | grep -qwf /sys/block/%s/serial",
			       self->disk));
	EXPECT_EQ(0, sysfs_is(self->disk, "queue/write_cache", "write back"));
	EXPECT_EQ(0, netio_run("echo 'write through' > /sys/block/%s/cache_type", self->disk));
	EXPECT_NE(0, netio_run("sluice volume show %s | grep -q writeback", NAME));
	EXPECT_EQ(0, netio_run("echo 'write back' > /sys/block/%s/cache_type", self->disk));
	EXPECT_EQ(0, netio_run("sluice volume show %s | grep -q writeback", NAME));
	ASSERT_EQ(0, netio_run("sluice volume set %s size 24M", NAME));
	for (i = 0; i < 500 && sysfs_is(self->disk, "size", "49152"); i++)
		usleep(20000);
	EXPECT_EQ(0, sysfs_is(self->disk, "size", "49152"));
	EXPECT_EQ(0, rig_pwrite(self->node, self->data, MB, 20 * MB));
}

/**
 * struct work - requests for as long as there is a disk
 * @node: the disk's
 * @seed: where they go
 * @done: how many were
 */
struct work {
	const char *node;
	unsigned int seed;
	unsigned long done;
};

static void *work(void *arg)
{
	unsigned char *data = rig_alloc(64 * KB);
	struct work *w = arg;
	int fd = open(w->node, O_RDWR | O_DIRECT | O_CLOEXEC);
	ssize_t n = 1;

	while (fd >= 0 && n > 0) {
		size_t len = (1 + rand_r(&w->seed) % 128) * 512;
		off_t at = rand_r(&w->seed) % ((SIZE - len) / 512) * 512;

		n = rand_r(&w->seed) % 2 ? pread(fd, data, len, at) : pwrite(fd, data, len, at);
		w->done++;
	}
	close(fd);
	free(data);
	return NULL;
}

/* Whatever goes while requests are under way: the device, the driver, what is below. */
TEST_F_TIMEOUT(host, gone_under_load, 240)
{
	static const char *const how[] = {
		"vdpa dev del " NAME,
		"echo " NAME " > /sys/bus/vdpa/drivers/virtio_vdpa/unbind",
		"echo 0 > /sys/kernel/config/nullb/" NAME "/power",
	};
	struct work w[4];
	pthread_t thread[4];
	unsigned int i, k;

	for (i = 0; i < 6; i++) {
		for (k = 0; k < 4; k++) {
			w[k] = (struct work){ .node = self->node, .seed = i * 4 + k };
			ASSERT_EQ(0, pthread_create(&thread[k], NULL, work, &w[k]));
		}
		usleep(100000);
		EXPECT_EQ(0, netio_run("%s", how[i % 3]));
		/* They end, as nothing is there. */
		for (k = 0; k < 4; k++) {
			pthread_join(thread[k], NULL);
			EXPECT_GT(w[k].done, 0);
		}
		if (i == 5)
			break;
		if (!netio_run("vdpa dev show %s", NAME))
			ASSERT_EQ(0, vdpa_del(NAME));
		if (i % 3 == 2) {
			ASSERT_EQ(0, rig_volume_del(NAME));
			ASSERT_EQ(0, rig_null_del(NAME));
			ASSERT_EQ(0, rig_null_add(NAME, variant->device));
			ASSERT_EQ(0, rig_volume_add(NAME, DEV, "size 16M queues 2"));
		}
		ASSERT_EQ(0, host_bind(self->disk, self->node, sizeof(self->node)));
	}
}

TEST_HARNESS_MAIN
