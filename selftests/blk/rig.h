/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of volumes have in common: block devices that can be looked at from behind,
 * volumes on them, and a driver on a volume's vDPA device. All functions return -errno on failure.
 */
#ifndef BLK_RIG_H
#define BLK_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include "netio.h"
#include "vblk.h"
#include "vdpa.h"
#include "vdrv.h"

/* A debug kernel on a busy machine is slow: a test that hangs is told from that in two minutes. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define KB		1024UL
#define MB		(1024 * KB)

/* What drivers of these tests take. */
#define DISK_FEATURES	(VDRV_F_VERSION_1 | VBLK_F(SIZE_MAX) | VBLK_F(SEG_MAX) | \
			 VBLK_F(BLK_SIZE) | VBLK_F(FLUSH) | VBLK_F(TOPOLOGY) | VBLK_F(CONFIG_WCE))

/*
 * /dev/@name, a disk of this kernel's own memory (null_blk), which is slow, small and so on as
 * @settings has it: "size=64 irqmode=2 completion_nsec=1000000", in the words of its configfs.
 */
int rig_null_add(const char *name, const char *settings);
/* Out it goes, whoever has it. */
int rig_null_pull(const char *name);
/* It is back, with what it had, but for what was in its cache only. */
int rig_null_return(const char *name);
/* The rest of it. */
int rig_null_del(const char *name);

/* A file in memory as a block device, whose path is written to @dev (of 32 bytes). */
int rig_loop_add(const char *file, size_t size, char *dev);
int rig_loop_del(const char *file, const char *dev);

/*
 * A device of the device mapper's: @table in the words of dmsetup, several lines with \n in
 * between; its path is written to @dev (of 32 bytes).
 */
int rig_dm_add(const char *name, const char *table, char *dev);
/* From now on it is another; what it was asked before is done as before. */
int rig_dm_change(const char *name, const char *table);
int rig_dm_del(const char *name);

/* Read or write a block device from behind, past every cache. @at, @len: multiples of a sector. */
int rig_pread(const char *dev, void *to, size_t len, off_t at);
int rig_pwrite(const char *dev, const void *from, size_t len, off_t at);

/* What the kernel counts of a disk (/sys/block/@name/stat): requests, and sectors. */
enum rig_stat {
	RIG_STAT_WRITTEN = 7,
	RIG_STAT_DISCARDS = 12,
	RIG_STAT_DISCARDED = 14,
};

unsigned long long rig_stat(const char *name, enum rig_stat what);

/* A logon key of @len bytes, up to 64, that are made of @seed, into the session's keyring. */
int rig_key_add(const char *description, unsigned int seed, unsigned int len);

/* 0: the command fails, and says that (an extended regular expression); or what it did instead. */
int refused(const char *words, const char *command);

/* Until @says is true of @words, or is not any more; -ETIMEDOUT after half a minute and more. */
int rig_await(bool (*says)(const char *words), const char *words, bool yes);

/* `sluice volume add` and `del`. */
int rig_volume_add(const char *name, const char *dev, const char *more);
int rig_volume_del(const char *name);

/**
 * struct disk - a volume's vDPA device with a driver
 * @name: of both
 * @cfg: what the driver is
 * @node: the device's
 * @v: the driver
 */
struct disk {
	char name[16];
	struct vdrv_cfg cfg;
	char node[64];
	struct vdrv v;
};

/* Make the device, for vhost_vdpa, and attach a driver. */
int disk_open(struct disk *d, const char *name, const struct vdrv_cfg *cfg);
/* Let go of it, and be another driver. */
int disk_reopen(struct disk *d);
/* Also the device goes. */
void disk_close(struct disk *d);

/* One request on queue 0. */
int disk_read(struct disk *d, uint64_t sector, void *to, uint32_t len);
int disk_write(struct disk *d, uint64_t sector, const void *from, uint32_t len);
/* One without data. */
int disk_flush(struct disk *d);
int disk_config(struct disk *d, struct virtio_blk_config *c);

/* Bytes that look like no others: of a place, in a round. */
void rig_pattern(void *to, size_t len, uint64_t at, uint32_t round);

/* Memory for rig_pread() and the like. */
void *rig_alloc(size_t len);

#endif /* BLK_RIG_H */
