/* SPDX-License-Identifier: GPL-2.0-only */
/* What requests cost, and who waits for it. All on the queue's worker. */
#ifndef _SLUICE_BLK_CHARGE_H
#define _SLUICE_BLK_CHARGE_H

#include "blk.h"

/* By which limit: reads, or all that changes the device or makes it durable. */
static inline enum sluice_volume_op sluice_charge_op(const struct sluice_blk_request *req)
{
	return req->r.op == SLUICE_REQUEST_READ ? SLUICE_VOLUME_READ : SLUICE_VOLUME_WRITE;
}

/* Is it limited by anything at all? */
static inline bool sluice_charge_applies(const struct sluice_blk_request *req)
{
	const struct sluice_blk_volume *bv = req->bq->bv;

	return READ_ONCE(bv->limit[sluice_charge_op(req)].on) || rcu_access_pointer(bv->group);
}

/**
 * sluice_charge_turn() - may a request go to the device?
 * @req: that was read, and not begun: the first of those that wait for its limit, or about to be
 * @now: local_clock()
 *
 * It is charged when it is asked for first, and has its turn then, whoever comes later. In a queue
 * that is drained it may go; who comes after it waits for longer.
 *
 * Return: 0: it may; else after how many ns to ask again, or when the limit is another.
 */
u64 sluice_charge_turn(const struct sluice_blk_request *req, u64 now);

/* The first of those that wait will not go. */
void sluice_charge_forget(const struct sluice_blk_request *req);

/*
 * For how many ns from now is that being paid for which a drain let pass? Until then what is
 * limited stays in the ring: else each drain would let another ring pass.
 */
u64 sluice_charge_debt(const struct sluice_blk_request *req, u64 now);

#endif /* _SLUICE_BLK_CHARGE_H */
