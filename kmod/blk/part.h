/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request may be of any length, and what is done about it at once may not: its data goes in parts
 * of SLUICE_PART_BYTES, one after the other, and so do its ranges, as commands of which the device
 * takes one at a time. Most requests have one part.
 */
#ifndef _SLUICE_BLK_PART_H
#define _SLUICE_BLK_PART_H

#include <linux/sizes.h>
#include <linux/types.h>

struct sluice_blk_request;
struct sluice_vring_seg;

/* Data of one part; as much as Linux asks for at once by default. */
#define SLUICE_PART_BYTES	(5U * SZ_256K)
/* Length of a range that is done at once, in 512-byte sectors; a power of 2. */
#define SLUICE_PART_SECTORS	(SZ_64M >> 9)
/* Requests of a queue that have more than one part of data: what is noted of them is bounded. */
#define SLUICE_PART_LONG	32

/**
 * struct sluice_part - what of a request is under way
 * @seg: a copy of the chain's segments, for what comes later; NULL: the only part
 * @at: bytes of data before it; ranges: 512-byte sectors of its range before it
 * @len: bytes of data; ranges: 512-byte sectors
 * @range: ranges: which of them
 */
struct sluice_part {
	struct sluice_vring_seg *seg;
	u32 at;
	u32 len;
	unsigned int range;
};

/**
 * sluice_part_first() - the first part of a request that was read just now
 * @req: its chain's segments are those of this visit; from now on they are its own, if it has more
 *	parts than one
 *
 * Context: worker. Return: 0; -ENOMEM: not now.
 */
int sluice_part_first(struct sluice_blk_request *req);

/**
 * sluice_part_next() - on to the next part
 * @req: request whose part is done
 *
 * Context: worker. Return: false: that was all.
 */
bool sluice_part_next(struct sluice_blk_request *req);

/* Its first 512-byte sector in the volume. */
u64 sluice_part_sector(const struct sluice_blk_request *req);

/* The request is done. */
void sluice_part_end(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_PART_H */
