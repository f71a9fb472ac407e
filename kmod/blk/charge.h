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

/**
 * sluice_charge_take() - may a request go to the device?
 * @req: that was read, and not begun
 * @now: local_clock()
 *
 * In a queue that is drained it may; who comes after it waits for longer.
 *
 * Return: 0: it may, and was charged; else after how many ns to ask again.
 */
u64 sluice_charge_take(const struct sluice_blk_request *req, u64 now);

/*
 * For how many ns from now is that being paid for which a drain let pass? Until then what is
 * limited stays in the ring: else each drain would let another ring pass.
 */
u64 sluice_charge_debt(const struct sluice_blk_request *req, u64 now);

#endif /* _SLUICE_BLK_CHARGE_H */
