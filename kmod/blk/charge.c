// SPDX-License-Identifier: GPL-2.0-only
/* What requests cost: see charge.h. */
#include "charge.h"
#include "group.h"

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

static u64 charge_terms(const struct sluice_limit *limit)
{
	/* Pairs with sluice_limit_set(). */
	return limit ? smp_load_acquire(&limit->terms) : 0;
}

/* Its group's limit, NULL if there is none; RCU. */
static struct sluice_limit *charge_group(const struct sluice_blk_request *req)
{
	struct sluice_blk_group *group = rcu_dereference(req->bq->bv->group);

	return group ? &group->limit[sluice_charge_op(req)] : NULL;
}

static struct sluice_limit *charge_own(const struct sluice_blk_request *req)
{
	return &req->bq->bv->limit[sluice_charge_op(req)];
}

static struct sluice_blk_turn *charge_turn(const struct sluice_blk_request *req)
{
	return &req->bq->turn[sluice_charge_op(req)];
}

/* Where the terms are others now, what it was charged is forgotten. RCU. */
static void charge_refund(const struct sluice_blk_request *req, struct sluice_limit *group)
{
	struct sluice_blk_turn *turn = charge_turn(req);
	struct sluice_limit *own = charge_own(req);
	struct sluice_limit_cost cost;

	if (!turn->at)
		return;
	turn->at = 0;
	charge_cost(&req->r, &cost);
	if (turn->terms != charge_terms(own))
		own = NULL;
	if (own)
		sluice_limit_refund(own, &cost);
	if (turn->group_terms != charge_terms(group))
		group = NULL;
	if (turn->group_terms)
		sluice_limit_share_refund(group, own, &cost, &turn->share);
}

void sluice_charge_forget(const struct sluice_blk_request *req)
{
	rcu_read_lock();
	charge_refund(req, charge_group(req));
	rcu_read_unlock();
}

/* Nothing of either limit is to be waited for any more. RCU. */
static void charge_pass(const struct sluice_blk_request *req, struct sluice_limit *group, u64 now,
			const struct sluice_limit_cost *cost)
{
	struct sluice_blk_turn *turn = charge_turn(req);

	turn->at = 0;
	if (group)
		sluice_limit_share_pass(group, now, cost, &turn->share);
}

/* RCU. */
static u64 charge_ask(const struct sluice_blk_request *req, struct sluice_limit *group, u64 now)
{
	struct sluice_blk_turn *turn = charge_turn(req);
	struct sluice_limit *own = charge_own(req);
	struct sluice_limit_cost cost;
	u64 wait = 0;

	charge_cost(&req->r, &cost);
	turn->terms = charge_terms(own);
	turn->group_terms = charge_terms(group);
	if (unlikely(req->bq->q->draining)) {
		sluice_limit_owe(own, now, &cost);
		if (group)
			sluice_limit_share_owe(group, own, now, &cost);
		return 0;
	}
	wait = sluice_limit_charge(own, now, &cost);
	turn->at = now + wait;
	if (group)
		wait = max(wait, sluice_limit_share_ask(group, own, now, &cost, &turn->share));
	if (!wait)
		charge_pass(req, group, now, &cost);
	return wait;
}

/* RCU. */
static u64 charge_go(const struct sluice_blk_request *req, u64 now)
{
	struct sluice_blk_turn *turn = charge_turn(req);
	struct sluice_limit *group = charge_group(req), *own = charge_own(req);
	struct sluice_limit_cost cost;
	u64 wait;

	if (req->bq->q->draining || turn->terms != charge_terms(own) ||
	    turn->group_terms != charge_terms(group))
		charge_refund(req, group);
	if (!turn->at)
		return charge_ask(req, group, now);
	wait = turn->at > now ? turn->at - now : 0;
	charge_cost(&req->r, &cost);
	if (group)
		wait = max(wait, sluice_limit_share_wait(group, own, now, &cost, &turn->share));
	if (!wait)
		charge_pass(req, group, now, &cost);
	return wait;
}

u64 sluice_charge_turn(const struct sluice_blk_request *req, u64 now)
{
	u64 wait;

	/* It waited for one that is gone. */
	if (!sluice_charge_applies(req)) {
		*charge_turn(req) = (struct sluice_blk_turn){};
		return 0;
	}
	rcu_read_lock();
	wait = charge_go(req, now);
	rcu_read_unlock();
	return wait;
}

u64 sluice_charge_debt(const struct sluice_blk_request *req, u64 now)
{
	struct sluice_limit *group;
	u64 debt;

	/* Who asks for the disk's name pays nothing. */
	if (req->r.op == SLUICE_REQUEST_ID)
		return 0;
	debt = sluice_limit_debt(charge_own(req), now);
	rcu_read_lock();
	group = charge_group(req);
	if (group)
		debt = max(debt, sluice_limit_share_debt(group, charge_own(req), now));
	rcu_read_unlock();
	return debt;
}
