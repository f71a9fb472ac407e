// SPDX-License-Identifier: GPL-2.0-only
/* What requests cost: see charge.h. */
#include "charge.h"

/*
 * A range of zeroes costs what it would as a write, which the device may have to do about it. One
 * that is discarded the device only forgets, and a driver may discard all of a disk: that costs no
 * more than a second's bytes, so that writes behind it do not wait for hours.
 */
static void charge_ranges(const struct sluice_request *r, struct sluice_limit_cost *cost)
{
	unsigned int i;

	cost->requests = r->nr_ranges;
	for (i = 0; i < r->nr_ranges; i++)
		cost->bytes += (u64)r->range[i].sectors << SECTOR_SHIFT;
	if (r->op == SLUICE_REQUEST_DISCARD)
		cost->seconds = r->nr_ranges;
}

static void charge_cost(const struct sluice_request *r, struct sluice_limit_cost *cost)
{
	*cost = (struct sluice_limit_cost){ .requests = 1 };
	if (unlikely(sluice_request_has_ranges(r)))
		charge_ranges(r, cost);
	else
		cost->bytes = r->len;
}

/* Pairs with sluice_limit_set(). */
static u64 charge_terms(const struct sluice_limit *limit)
{
	return smp_load_acquire(&limit->terms);
}

void sluice_charge_forget(const struct sluice_blk_request *req)
{
	enum sluice_volume_op op = sluice_charge_op(req);
	struct sluice_limit *limit = &req->bq->bv->limit[op];
	struct sluice_blk_turn *turn = &req->bq->turn[op];
	struct sluice_limit_cost cost;

	if (!turn->at)
		return;
	turn->at = 0;
	charge_cost(&req->r, &cost);
	if (turn->terms == charge_terms(limit))
		sluice_limit_refund(limit, &cost);
}

static u64 charge_ask(const struct sluice_blk_request *req, struct sluice_blk_turn *turn, u64 now)
{
	struct sluice_limit *limit = &req->bq->bv->limit[sluice_charge_op(req)];
	struct sluice_limit_cost cost;
	u64 wait = 0;

	if (likely(!READ_ONCE(limit->on)))
		return 0;
	charge_cost(&req->r, &cost);
	turn->terms = charge_terms(limit);
	if (unlikely(req->bq->q->draining))
		sluice_limit_owe(limit, now, &cost);
	else
		wait = sluice_limit_charge(limit, now, &cost);
	turn->at = wait ? now + wait : 0;
	return wait;
}

u64 sluice_charge_turn(const struct sluice_blk_request *req, u64 now)
{
	enum sluice_volume_op op = sluice_charge_op(req);
	struct sluice_blk_turn *turn = &req->bq->turn[op];

	if (req->bq->q->draining || turn->terms != charge_terms(&req->bq->bv->limit[op]))
		sluice_charge_forget(req);
	if (!turn->at)
		return charge_ask(req, turn, now);
	if (turn->at > now)
		return turn->at - now;
	turn->at = 0;
	return 0;
}

u64 sluice_charge_debt(const struct sluice_blk_request *req, u64 now)
{
	/* It costs nothing, and is answered at once. */
	if (req->r.op == SLUICE_REQUEST_ID)
		return 0;
	return sluice_limit_debt(&req->bq->bv->limit[sluice_charge_op(req)], now);
}
