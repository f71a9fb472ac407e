// SPDX-License-Identifier: GPL-2.0-only
/*
 * Encrypted volumes: what a driver writes is read by the kernel's dm-crypt with the same key, the
 * other way round too; and nothing but ciphertext is on the device.
 */
#include "kselftest_harness.h"
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define NAME	"slblk0"
#define DEV	"/dev/" NAME
#define SIZE	(8 * MB)
#define KEY	"slblk:test"

FIXTURE(crypt)
{
	unsigned char *data;
	unsigned char *copy;
	char mapped[32];
	char words[2 * 64 + 1];
};

FIXTURE_VARIANT(crypt)
{
	unsigned int key_len;
	unsigned int block;
	unsigned int sector;
	unsigned int iv_offset;
	const char *type;
};

FIXTURE_VARIANT_ADD(crypt, aes_128) {
	.key_len = 32, .block = 512, .sector = 512, .type = "logon" };
FIXTURE_VARIANT_ADD(crypt, aes_256) {
	.key_len = 64, .block = 512, .sector = 512, .type = "user", .iv_offset = 12345 };
FIXTURE_VARIANT_ADD(crypt, sectors_of_4096) {
	.key_len = 64, .block = 4096, .sector = 4096, .type = "logon", .iv_offset = 800 };
FIXTURE_VARIANT_ADD(crypt, small_in_large) {
	.key_len = 32, .block = 4096, .sector = 512, .type = "user" };
/* A key that nobody in userland has seen. */
FIXTURE_VARIANT_ADD(crypt, encrypted) {
	.key_len = 64, .block = 512, .sector = 512, .type = "encrypted" };

/* With dm-crypt on it; its path goes to @node. */
static int run_mapped(const char *words, unsigned int iv_offset, unsigned int sector, char *node)
{
	char table[256];

	snprintf(table, sizeof(table), "0 %lu crypt aes-xts-plain64 %s %u %s 0 1 sector_size:%u",
		 SIZE / 512, words, iv_offset, DEV, sector);
	return rig_dm_add("slblk-crypt", table, node);
}

/* The kernel makes an encrypted key itself, and gives it out only under another. */
static long add_key(const char *type, const unsigned char *key, unsigned int len)
{
	char order[64];

	if (strcmp(type, "encrypted"))
		return syscall(SYS_add_key, type, KEY, key, len, KEY_SPEC_SESSION_KEYRING);
	if (syscall(SYS_add_key, "user", KEY "-master", key, 32, KEY_SPEC_SESSION_KEYRING) < 0)
		return -1;
	snprintf(order, sizeof(order), "new default user:" KEY "-master %u", len);
	return syscall(SYS_add_key, type, KEY, order, strlen(order), KEY_SPEC_SESSION_KEYRING);
}

FIXTURE_SETUP(crypt)
{
	unsigned char key[64];
	char settings[64];
	unsigned int i;

	if (netio_run("command -v dmsetup"))
		SKIP(return, "no dmsetup");
	self->data = rig_alloc(SIZE);
	self->copy = rig_alloc(SIZE);
	for (i = 0; i < variant->key_len; i++) {
		key[i] = i * 37 + 11;
		sprintf(self->words + 2 * i, "%02x", key[i]);
	}
	ASSERT_GE(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), 0);
	ASSERT_GT(add_key(variant->type, key, variant->key_len), 0);
	if (!strcmp(variant->type, "encrypted"))
		snprintf(self->words, sizeof(self->words), ":%u:encrypted:%s", variant->key_len,
			 KEY);
	snprintf(settings, sizeof(settings), "size=%lu blocksize=%u discard=1", SIZE / MB,
		 variant->block);
	ASSERT_EQ(0, rig_null_add(NAME, settings));
}

FIXTURE_TEARDOWN(crypt)
{
	if (!self->data)
		return;
	rig_null_pull(NAME);
	EXPECT_EQ(0, rig_null_del(NAME));
	free(self->data);
	free(self->copy);
}

/* By dm-crypt: all of @data written, or read. */
static int by_dm(const char *words, unsigned int iv_offset, unsigned int sector, void *data,
		 bool write)
{
	char node[32];
	int ret;

	ret = run_mapped(words, iv_offset, sector, node);
	if (ret)
		return ret;
	if (write)
		ret = rig_pwrite(node, data, SIZE, 0);
	else
		ret = rig_pread(node, data, SIZE, 0);
	if (rig_dm_del("slblk-crypt"))
		ret = ret ? ret : -EBUSY;
	return ret;
}

static int volume_open(struct disk *d, const char *type, unsigned int block, unsigned int sector,
		       unsigned int iv_offset)
{
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX | VDRV_F_PACKED,
		.num = 64, .disk_buf = MB + 16 * KB, .disk_seg = 64 };
	char more[128];

	snprintf(more, sizeof(more), "key %s:%s block-size %u sector-size %u iv-offset %u", type,
		 KEY, block, sector, iv_offset);
	return rig_volume_add(NAME, DEV, more) ? -EIO : disk_open(d, NAME, &cfg);
}

/* All of it, in requests of every size and segmentation. */
static int by_volume(struct disk *d, unsigned char *data, unsigned int block, bool write)
{
	static const uint32_t segs[] = { 0, 4096, 512, 1000, 65536, 100 };
	unsigned int seed = 1, i;
	uint32_t len;
	uint64_t at;
	int ret;

	for (at = 0, i = 0; at < SIZE; at += len, i++) {
		struct vblk_io io = {
			.type = write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
			.sector = at / 512, .off = i % 3 * 100, .mixed = i & 1 };

		len = (1 + rand_r(&seed) % (i % 8 ? 64 * KB / block : MB / block)) * block;
		len = len < SIZE - at ? len : SIZE - at;
		io.len = len;
		io.seg = segs[i % 6] && len / segs[i % 6] > 50 ? 0 : segs[i % 6];
		ret = vblk_do(&d->v, &d->v.vq[0], &io, data + at);
		if (ret)
			return ret;
	}
	return 0;
}

TEST_F_TIMEOUT(crypt, read_by_dm_crypt, 120)
{
	struct disk d;
	size_t i, same = 0;

	rig_pattern(self->data, SIZE, 0, 6);
	ASSERT_EQ(0, volume_open(&d, variant->type, variant->block, variant->sector,
				 variant->iv_offset));
	ASSERT_EQ(0, by_volume(&d, self->data, variant->block, true));
	ASSERT_EQ(VIRTIO_BLK_S_OK, disk_flush(&d));
	ASSERT_EQ(0, by_volume(&d, self->copy, variant->block, false));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	/* The driver's memory stays what it wrote, and the device never saw it. */
	ASSERT_EQ(0, rig_pread(DEV, self->copy, SIZE, 0));
	for (i = 0; i < SIZE; i += 16)
		same += !memcmp(self->data + i, self->copy + i, 16);
	EXPECT_EQ(0, same);
	disk_close(&d);
	ASSERT_EQ(0, rig_volume_del(NAME));
	memset(self->copy, 0, SIZE);
	ASSERT_EQ(0, by_dm(self->words, variant->iv_offset, variant->sector, self->copy, false));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
}

TEST_F_TIMEOUT(crypt, written_by_dm_crypt, 120)
{
	struct disk d;

	rig_pattern(self->data, SIZE, 0, 7);
	ASSERT_EQ(0, by_dm(self->words, variant->iv_offset, variant->sector, self->data, true));
	ASSERT_EQ(0, volume_open(&d, variant->type, variant->block, variant->sector,
				 variant->iv_offset));
	ASSERT_EQ(0, by_volume(&d, self->copy, variant->block, false));
	EXPECT_EQ(0, memcmp(self->data, self->copy, SIZE));
	disk_close(&d);
	ASSERT_EQ(0, rig_volume_del(NAME));
}

/* Zeroes are not offered, as they would be read as something else; nor are holes, unasked. */
TEST_F_TIMEOUT(crypt, no_discard, 120)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_DISCARD, .len = 16 };
	struct disk d;

	ASSERT_EQ(0, volume_open(&d, variant->type, variant->block, variant->sector,
				 variant->iv_offset));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, vblk_do(&d.v, &d.v.vq[0], &io, NULL));
	/* The key may go: the volume has what it needs. */
	ASSERT_EQ(0, syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING));
	EXPECT_EQ(VIRTIO_BLK_S_OK, disk_write(&d, 0, self->data, 4096));
	disk_close(&d);
	/* It is attached in enforce mode. */
	ASSERT_EQ(0, netio_run("sluice volume mode enforce"));
	EXPECT_EQ(0, vdpa_add(NAME, ""));
	EXPECT_EQ(0, vdpa_del(NAME));
	ASSERT_EQ(0, netio_run("sluice volume mode monitor"));
	ASSERT_EQ(0, rig_volume_del(NAME));
}

/* With the operator's leave they are on the device, where it was asked for and nowhere else. */
TEST_F_TIMEOUT(crypt, allow_discards, 120)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 16, .num_sectors = 64 };
	const struct vdrv_cfg cfg = {
		.features = DISK_FEATURES | VDRV_F_PACKED | VBLK_F(DISCARD), .num = 64,
		.disk_buf = MB + 16 * KB, .disk_seg = 64 };
	struct vblk_io io = { .type = VIRTIO_BLK_T_DISCARD, .len = sizeof(range) };
	struct disk d;
	char more[96];

	snprintf(more, sizeof(more), "key %s:" KEY " block-size %u sector-size %u allow-discards",
		 variant->type, variant->block, variant->sector);
	ASSERT_EQ(0, rig_volume_add(NAME, DEV, more));
	ASSERT_EQ(0, disk_open(&d, NAME, &cfg));
	rig_pattern(self->data, MB, 0, 8);
	ASSERT_EQ(0, disk_write(&d, 0, self->data, MB));
	ASSERT_EQ(0, rig_pread(DEV, self->data, MB, 0));
	ASSERT_EQ(VIRTIO_BLK_S_OK, vblk_do(&d.v, &d.v.vq[0], &io, &range));
	memset(self->data + range.sector * 512, 0, range.num_sectors * 512);
	ASSERT_EQ(0, rig_pread(DEV, self->copy, MB, 0));
	EXPECT_EQ(0, memcmp(self->data, self->copy, MB));
	io.type = VIRTIO_BLK_T_WRITE_ZEROES;
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, vblk_do(&d.v, &d.v.vq[0], &io, &range));
	/* What is written there is read again. */
	rig_pattern(self->data, MB, 0, 9);
	ASSERT_EQ(0, disk_write(&d, 0, self->data, MB));
	ASSERT_EQ(0, disk_read(&d, 0, self->copy, MB));
	EXPECT_EQ(0, memcmp(self->data, self->copy, MB));
	disk_close(&d);
	ASSERT_EQ(0, rig_volume_del(NAME));
}

TEST_HARNESS_MAIN
