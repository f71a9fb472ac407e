// SPDX-License-Identifier: GPL-2.0-only
/* Where a request's data and status lie in guest memory: see map.h. */
#include <linux/mm.h>
#include "blk.h"
#include "map.h"

int sluice_map_status(struct sluice_blk_request *req)
{
	const struct sluice_chain *c = &req->chain;
	const struct sluice_vring_seg *last = &c->seg[c->nr_out + c->nr_in - 1];
	void *where;
	u32 run;
	int err;

	err = sluice_chain_map(req->bq->q->vr, last->addr + last->len - 1, 1, true, &where, &run);
	if (err)
		return err;
	req->status_at = where;
	if (sluice_blk_holds(req->bq))
		get_page(virt_to_page(where));
	return 0;
}

/* Bytes [@off, @off + @len) of @nr segments. What is read from the device is written here. */
static int map_segs(struct sluice_blk_request *req, const struct sluice_vring_seg *seg,
		    unsigned int nr, u32 off, u32 len, blk_opf_t opf)
{
	struct sluice_blk_queue *bq = req->bq;
	bool write = req->r.op == SLUICE_REQUEST_READ;
	/* What goes through the cipher does not go to the device. */
	struct block_device *bdev = bq->bv->crypt.tfm ? NULL : bq->v->bdev;
	int err;

	for (; len && nr; nr--, seg++) {
		u64 addr = seg->addr + off;
		u32 left, run;

		if (off >= seg->len) {
			off -= seg->len;
			continue;
		}
		left = min(len, seg->len - off);
		off = 0;
		len -= left;
		for (; left; left -= run, addr += run) {
			void *where;

			err = sluice_chain_map(bq->q->vr, addr, left, write, &where, &run);
			if (err)
				return err;
			err = sluice_pieces_add(&req->guest, &bq->bv->bs, bdev, opf, where, run,
						len + left - run);
			if (err)
				return err;
		}
	}
	return 0;
}

int sluice_map_data(struct sluice_blk_request *req, blk_opf_t opf)
{
	const struct sluice_chain *c = &req->chain;
	const struct sluice_part *part = &req->part;
	int err;

	if (req->r.op == SLUICE_REQUEST_READ)
		err = map_segs(req, c->seg + c->nr_out, c->nr_in, part->at, part->len, opf);
	else
		err = map_segs(req, c->seg, c->nr_out, sizeof(struct virtio_blk_outhdr) + part->at,
			       part->len, opf);
	/* Also what is there of it is dropped as what is held. */
	sluice_pieces_done(&req->guest, sluice_blk_holds(req->bq));
	return err;
}
