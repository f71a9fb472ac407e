// SPDX-License-Identifier: GPL-2.0-only
/* Parts of a request: see part.h. */
#include <linux/blkdev.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include "blk.h"

/* What the device takes of it in one command; 0: it does not tell, or has no such command. */
static u32 part_device_sectors(const struct sluice_blk_request *req)
{
	struct block_device *bdev = req->bq->v->bdev;

	switch (req->r.op) {
	case SLUICE_REQUEST_DISCARD:
		return bdev_max_discard_sectors(bdev);
	case SLUICE_REQUEST_ERASE:
		return bdev_max_secure_erase_sectors(bdev);
	default:
		return bdev_write_zeroes_sectors(bdev);
	}
}

/*
 * The next of a range: it ends at a multiple of what is done at once, so that a device that can
 * give back whole units only has none cut in two.
 */
static void part_cut_range(struct sluice_blk_request *req)
{
	const struct sluice_request_range *range = &req->r.range[req->part.range];
	u32 most = part_device_sectors(req);
	u64 end;

	most = most ? min(rounddown_pow_of_two(most), SLUICE_PART_SECTORS) : SLUICE_PART_SECTORS;
	end = round_down(req->bq->v->start + range->sector + req->part.at + most, (u64)most) -
	      req->bq->v->start - range->sector;
	req->part.len = min_t(u64, end, range->sectors) - req->part.at;
}

/* However short memory is, one of a queue's requests has a place for them: all get on. */
static int part_keep_segs(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;
	struct sluice_chain *c = &req->chain;
	struct sluice_vring_seg *seg;
	size_t bytes = (c->nr_out + c->nr_in) * sizeof(*seg);

	seg = kmemdup(c->seg, bytes, GFP_NOWAIT | __GFP_NOWARN);
	if (!seg && !bq->long_seg_used) {
		seg = memcpy(bq->long_seg, c->seg, bytes);
		bq->long_seg_used = true;
	}
	if (!seg)
		return -ENOMEM;
	bq->nr_long++;
	req->part.seg = seg;
	c->seg = seg;
	return 0;
}

int sluice_part_first(struct sluice_blk_request *req)
{
	req->part.at = 0;
	req->part.range = 0;
	if (sluice_request_has_ranges(&req->r)) {
		part_cut_range(req);
		return 0;
	}
	req->part.len = min(req->r.len, SLUICE_PART_BYTES);
	return likely(req->part.len == req->r.len) ? 0 : part_keep_segs(req);
}

static bool part_next_range(struct sluice_blk_request *req)
{
	struct sluice_part *part = &req->part;

	part->at += part->len;
	if (part->at == req->r.range[part->range].sectors) {
		part->at = 0;
		if (++part->range == req->r.nr_ranges)
			return false;
	}
	part_cut_range(req);
	return true;
}

bool sluice_part_next(struct sluice_blk_request *req)
{
	if (sluice_request_has_ranges(&req->r))
		return part_next_range(req);
	if (likely(!req->part.seg))
		return false;
	req->part.at += req->part.len;
	req->part.len = min(req->r.len - req->part.at, SLUICE_PART_BYTES);
	return req->part.len;
}

u64 sluice_part_sector(const struct sluice_blk_request *req)
{
	if (sluice_request_has_ranges(&req->r))
		return req->r.range[req->part.range].sector + req->part.at;
	return req->r.sector + (req->part.at >> SECTOR_SHIFT);
}

void sluice_part_end(struct sluice_blk_request *req)
{
	if (likely(!req->part.seg))
		return;
	if (unlikely(req->part.seg == req->bq->long_seg))
		req->bq->long_seg_used = false;
	else
		kfree(req->part.seg);
	req->part.seg = NULL;
	req->bq->nr_long--;
}
