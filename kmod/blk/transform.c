// SPDX-License-Identifier: GPL-2.0-only
/* Data between the guest's memory and ours: see transform.h. */
#include <linux/sched/clock.h>
#include "blk.h"
#include "transform.h"

/* What goes through a cipher, or is copied, counts so many times: see BLK_VISIT_BYTES. */
#define TRANSFORM_WEIGHT	4

/*
 * What was re-encrypted already has the new key, the rest the old one. A request that is under way
 * is not overtaken: see rekey.c.
 */
static int transform_part(struct sluice_blk_request *req, struct sluice_pieces_cursor *from,
			  struct sluice_pieces_cursor *to, bool encrypt)
{
	const struct sluice_rekey_view *view = req->bq->view;
	u64 sector = sluice_part_sector(req);
	u32 len = req->part.len, n = 0;
	int err = 0;

	if (unlikely(view->next) && sector < view->pos) {
		n = min_t(u64, len, (view->pos - sector) << SECTOR_SHIFT);
		err = sluice_crypt_run(view->next, req->bq->cipher, from, to, sector, n, encrypt);
	}
	if (!err && n < len)
		err = sluice_crypt_run(view->crypt, req->bq->cipher, from, to,
				       sector + (n >> SECTOR_SHIFT), len - n, encrypt);
	return err;
}

int sluice_transform(struct sluice_blk_request *req)
{
	struct sluice_blk_queue *bq = req->bq;
	const struct sluice_crypt *crypt = &bq->bv->crypt;
	bool write = req->r.op == SLUICE_REQUEST_WRITE;
	bool copy = !crypt->tfm || (req->guest.align & (crypt->sector_size - 1)) ||
		    (crypt->aside && !write);
	struct sluice_pieces_cursor own = sluice_pieces_start(&req->own);
	struct sluice_pieces_cursor guest = copy ? own : sluice_pieces_start(&req->guest);
	u64 now, took;
	int err = 0;

	if (copy && write)
		sluice_pieces_copy(&req->own, &req->guest);
	if (crypt->tfm)
		err = transform_part(req, write ? &guest : &own, write ? &own : &guest, write);
	if (copy && !write)
		sluice_pieces_copy(&req->guest, &req->own);
	now = local_clock();
	took = now - bq->clock;
	bq->clock = now;
	req->cipher_ns += took;
	bq->cipher_ns += took;
	bq->worked += TRANSFORM_WEIGHT * req->part.len;
	return err;
}
