/* SPDX-License-Identifier: GPL-2.0-only */
/* A request of a virtio disk, as its driver wrote it (virtio 1.2, 5.2.6): read, then checked. */
#ifndef _SLUICE_BLK_REQUEST_H
#define _SLUICE_BLK_REQUEST_H

#include <linux/types.h>
#include <linux/virtio_blk.h>

/* Ranges that one request may name. */
#define SLUICE_REQUEST_RANGES	16

/* What is done about it. */
enum sluice_request_op {
	SLUICE_REQUEST_READ,
	SLUICE_REQUEST_WRITE,
	SLUICE_REQUEST_FLUSH,
	SLUICE_REQUEST_ID,
	SLUICE_REQUEST_UNKNOWN,
	/* What follows has ranges as its data. */
	SLUICE_REQUEST_DISCARD,
	SLUICE_REQUEST_ZEROES,
	SLUICE_REQUEST_ERASE,
};

/**
 * struct sluice_request_limits - what a volume allows
 * @sectors: its length in 512-byte sectors
 * @block: 512-byte sectors of a block, a power of two
 * @max_range: 512-byte sectors of one range
 * @read_only: nothing may be changed
 * @discard: VIRTIO_BLK_F_DISCARD was negotiated
 * @zeroes: VIRTIO_BLK_F_WRITE_ZEROES likewise
 * @erase: VIRTIO_BLK_F_SECURE_ERASE likewise
 */
struct sluice_request_limits {
	u64 sectors;
	u32 block;
	u32 max_range;
	bool read_only;
	bool discard;
	bool zeroes;
	bool erase;
};

/**
 * struct sluice_request_range - part of a volume
 * @sector: first 512-byte sector
 * @sectors: length, not zero
 * @unmap: ZEROES: the device may deallocate
 */
struct sluice_request_range {
	u64 sector;
	u32 sectors;
	bool unmap;
};

/**
 * struct sluice_request - a request that makes sense
 * @op: enum sluice_request_op
 * @sector: READ, WRITE: first 512-byte sector of the volume
 * @len: bytes of data, behind the header or before the status
 * @nr_ranges: DISCARD, ZEROES, ERASE: how many
 * @range: they
 */
struct sluice_request {
	u8 op;
	u64 sector;
	u32 len;
	unsigned int nr_ranges;
	struct sluice_request_range range[SLUICE_REQUEST_RANGES];
};

/**
 * sluice_request_parse() - look at a header
 * @lim: what is allowed
 * @hdr: a copy of it
 * @out_len: bytes that the device reads, with the header: at least its size
 * @in_len: bytes that the device writes, with the status: at least 1
 * @r: result, but for the ranges
 *
 * Return: VIRTIO_BLK_S_OK, or the status that the driver is to be told.
 */
u8 sluice_request_parse(const struct sluice_request_limits *lim,
			const struct virtio_blk_outhdr *hdr, u32 out_len, u32 in_len,
			struct sluice_request *r);

/* Has ranges as its data. */
static inline bool sluice_request_has_ranges(const struct sluice_request *r)
{
	return r->op >= SLUICE_REQUEST_DISCARD;
}

/**
 * sluice_request_ranges() - look at the ranges of a request that has them
 * @lim: what is allowed
 * @data: a copy of the request's data: @r->len bytes
 * @r: request; gets its ranges
 *
 * Return: as above.
 */
u8 sluice_request_ranges(const struct sluice_request_limits *lim,
			 const struct virtio_blk_discard_write_zeroes *data,
			 struct sluice_request *r);

#endif /* _SLUICE_BLK_REQUEST_H */
