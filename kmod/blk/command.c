// SPDX-License-Identifier: GPL-2.0-only
/* Commands without data of the guest: see command.h. */
#include <linux/blkdev.h>
#include "blk.h"
#include "command.h"

/* A bio without data: FLUSH, and those of ranges. */
static int command_add(struct sluice_blk_request *req, blk_opf_t opf, u64 sector, u32 sectors)
{
	struct sluice_blk_queue *bq = req->bq;
	struct sluice_bio *b = sluice_pieces_add_bio(&req->own, &bq->bv->bs, bq->v->bdev, 0, opf);

	if (!b)
		return -ENOMEM;
	b->start = b->bio.bi_iter;
	b->start.bi_sector = bq->v->start + sector;
	b->start.bi_size = sectors << SECTOR_SHIFT;
	return 0;
}

static blk_opf_t command_opf(const struct sluice_blk_request *req, bool unmap)
{
	switch (req->r.op) {
	case SLUICE_REQUEST_DISCARD:
		return REQ_OP_DISCARD;
	case SLUICE_REQUEST_ERASE:
		return REQ_OP_SECURE_ERASE;
	default:
		return REQ_OP_WRITE_ZEROES | (unmap ? 0 : REQ_NOUNMAP);
	}
}

int sluice_command_add(struct sluice_blk_request *req)
{
	const struct sluice_request_range *range = &req->r.range[req->part.range];

	if (req->r.op == SLUICE_REQUEST_FLUSH || req->flush)
		return command_add(req, REQ_OP_WRITE | REQ_PREFLUSH, 0, 0);
	return command_add(req, command_opf(req, range->unmap), sluice_part_sector(req),
			       req->part.len);
}

int sluice_command_read_ranges(struct sluice_blk_request *req,
			       const struct sluice_request_limits *lim, u8 *status)
{
	struct virtio_blk_discard_write_zeroes data[SLUICE_REQUEST_RANGES];
	int err;

	err = sluice_chain_read(req->bq->q->vr, &req->chain, sizeof(struct virtio_blk_outhdr),
				data, req->r.len);
	if (!err)
		*status = sluice_request_ranges(lim, data, &req->r);
	return err;
}

int sluice_command_write_id(struct sluice_blk_request *req)
{
	char id[VIRTIO_BLK_ID_BYTES] = {};

	req->r.len = min_t(u32, req->r.len, sizeof(id));
	memcpy(id, req->bq->v->serial, min(strlen(req->bq->v->serial), sizeof(id)));
	return sluice_chain_write(req->bq->q->vr, &req->chain, 0, id, req->r.len);
}
