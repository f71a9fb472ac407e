// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the volume's own, for what cannot go to the device as it lies: how many a guest has at
 * once, who pays for them, what they keep from being changed, and that they are wiped.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "mockram.h"
#include "payer.h"
#include "rig.h"

#define NAME	"slpages"
#define KEY	"logon:slpages:test"
#define PART	(128 * KB)
/* What a queue has at once. */
#define OUT	(4 * MB)
/* A place where data goes through pages of its own. */
#define OFF	100
#define MAGIC	0x45474150454349ULL

static int start(struct disk *d, const char *more, unsigned int num, uint32_t len)
{
	const struct vdrv_cfg cfg = { .features = DISK_FEATURES | VDRV_F_INDIRECT, .num = num,
				      .disk_buf = VBLK_DATA + 4 * KB + len, .disk_seg = 8 };
	int ret = mockram_load();

	ret = ret ? ret : rig_volume_add(NAME, MOCKRAM, more);
	ret = ret ? ret : mockram("count");
	return ret ? ret : disk_open(d, NAME, &cfg);
}

static void stop(struct __test_metadata *_metadata, struct disk *d)
{
	EXPECT_EQ(0, mockram("go"));
	disk_close(d);
	EXPECT_EQ(0, rig_volume_del(NAME));
}

static int key_add(void)
{
	unsigned char key[64];
	unsigned int i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = i * 37 + 11;
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		return -errno;
	return syscall(SYS_add_key, "logon", "slpages:test", key, sizeof(key),
		       KEY_SPEC_SESSION_KEYRING) > 0 ? 0 : -errno;
}

static int begin(struct disk *d, uint32_t type, uint64_t at, uint32_t len, const void *data)
{
	const struct vblk_io io = { .type = type, .sector = at / 512, .len = len, .off = OFF };

	return vblk_begin(&d->v, &d->v.vq[0], &io, data);
}

static int await(struct disk *d, unsigned int n)
{
	struct vblk_done done;

	for (; n; n--) {
		int ret = vblk_wait(&d->v.vq[0], &done, 60000);

		if (ret != 1 || done.status != VIRTIO_BLK_S_OK)
			return ret < 0 ? ret : -EIO;
		vdrv_vq_release(&d->v.vq[0], done.slot);
	}
	return 0;
}

static void await_waiting(unsigned int n)
{
	struct mockram_counts c = { 0 };

	while (mockram_counts(&c) || c.waiting < n)
		usleep(1000);
}

/*
 * 250 reads of 1 MiB that the device keeps: they have as many pages as a queue may have, and who
 * has the volume pays for these; the others wait, and what is short waits behind them. All end.
 */
TEST(bounded)
{
	const unsigned int n = 250;
	struct mockram_counts c;
	struct disk d;
	unsigned int i;
	long before;
	bool pays;

	ASSERT_EQ(0, key_add());
	pays = payer_enter();
	ASSERT_EQ(0, start(&d, "key " KEY, 256, MB));
	/* As much as there will be of what was done so far. */
	sleep(3);
	before = payer_pays();
	ASSERT_EQ(0, mockram("keep"));
	for (i = 0; i < n; i++)
		ASSERT_LE(0, begin(&d, VIRTIO_BLK_T_IN, i % 8 * MB, MB, NULL));
	ASSERT_LE(0, begin(&d, VIRTIO_BLK_T_IN, 0, 4 * KB, NULL));
	await_waiting(OUT / PART);
	ASSERT_EQ(0, mockram_counts(&c));
	EXPECT_EQ(OUT / PART, c.waiting);
	if (pays) {
		EXPECT_TRUE(payer_comes_to_pay(before + OUT));
		EXPECT_GE(before + 2 * OUT, payer_pays());
		TH_LOG("%ld KiB", (payer_pays() - before) / 1024);
	}
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(0, await(&d, n + 1));
	stop(_metadata, &d);
	if (pays)
		EXPECT_EQ(0, payer_leave());
}

/* Those that go in parts: as many parts at once as there is room for (part.h). */
TEST(long_ones)
{
	unsigned char *data = rig_alloc(4 * MB), *copy = rig_alloc(4 * MB);
	struct disk d;
	unsigned int i;

	ASSERT_EQ(0, key_add());
	ASSERT_EQ(0, start(&d, "key " KEY, 16, 4 * MB));
	rig_pattern(data, 4 * MB, 0, 1);
	ASSERT_EQ(0, mockram("keep"));
	for (i = 0; i < 4; i++)
		ASSERT_LE(0, begin(&d, VIRTIO_BLK_T_OUT, 0, 4 * MB, data));
	await_waiting(3 * 1280 * KB / PART);
	ASSERT_EQ(0, mockram("go"));
	EXPECT_EQ(0, await(&d, 4));
	ASSERT_EQ(0, disk_read(&d, 0, copy, 4 * MB));
	EXPECT_EQ(0, memcmp(data, copy, 4 * MB));
	stop(_metadata, &d);
	free(data);
	free(copy);
}

static int set_stable(bool on)
{
	return netio_run("echo %d >/sys/block/mockram0/queue/stable_writes", on);
}

/* What the guest changes while the device has it. @changed: the device has that. */
static void change_in_flight(struct __test_metadata *_metadata, struct disk *d, bool changed)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .len = PART };
	unsigned char *data = rig_alloc(PART), *copy = rig_alloc(PART);
	int slot;

	rig_pattern(data, PART, 0, 1 + changed);
	ASSERT_EQ(0, mockram("keep"));
	slot = vblk_begin(&d->v, &d->v.vq[0], &io, data);
	ASSERT_LE(0, slot);
	await_waiting(1);
	memset(vblk_at(&d->v.vq[0], slot, VBLK_DATA), 0x5a, PART);
	ASSERT_EQ(0, mockram("go"));
	ASSERT_EQ(0, await(d, 1));
	if (changed)
		memset(data, 0x5a, PART);
	ASSERT_EQ(0, disk_read(d, 0, copy, PART));
	EXPECT_EQ(0, memcmp(data, copy, PART));
	free(data);
	free(copy);
}

/* A device that sums up what it is written has it as it was; looked at each time. */
TEST(stable)
{
	struct disk d;

	ASSERT_EQ(0, start(&d, "", 16, MB));
	change_in_flight(_metadata, &d, true);
	ASSERT_EQ(0, set_stable(true));
	change_in_flight(_metadata, &d, false);
	ASSERT_EQ(0, set_stable(false));
	change_in_flight(_metadata, &d, true);
	stop(_metadata, &d);
}

/* Pages that a worker gave back to the system, and those among them with something in them. */
static int given_back(unsigned int *pages, unsigned int *dirty)
{
	FILE *f = fopen("/sys/module/sluice_mockram/parameters/freed", "r");
	int n = f ? fscanf(f, "%u %u", pages, dirty) : 0;

	if (f)
		fclose(f);
	return n == 2 ? 0 : -EIO;
}

/* More than is kept for the next request: what goes back has nothing of the guest's in it. */
TEST(wiped)
{
	uint64_t *data = rig_alloc(4 * MB), value = MAGIC;
	unsigned int pages, dirty, before;
	struct disk d;
	size_t i;

	for (i = 0; i < 4 * MB / sizeof(*data); i++)
		memcpy(data + i, &value, sizeof(value));
	ASSERT_EQ(0, start(&d, "", 16, 4 * MB));
	if (given_back(&before, &dirty))
		SKIP(goto out, "the kernel does not tell");
	ASSERT_LE(0, begin(&d, VIRTIO_BLK_T_OUT, 0, 4 * MB, data));
	ASSERT_EQ(0, await(&d, 1));
	ASSERT_LE(0, begin(&d, VIRTIO_BLK_T_IN, 0, 4 * MB, NULL));
	ASSERT_EQ(0, await(&d, 1));
	ASSERT_EQ(0, given_back(&pages, &dirty));
	TH_LOG("%u pages", pages - before);
	EXPECT_LE(256, pages - before);
	EXPECT_EQ(0, dirty);
out:
	stop(_metadata, &d);
	free(data);
}

TEST_HARNESS_MAIN
