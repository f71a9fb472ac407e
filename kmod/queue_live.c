// SPDX-License-Identifier: GPL-2.0-only
/* What is changed of a ring while its worker serves it, on that worker. */
#include <linux/eventfd.h>
#include "port.h"

static void queue_set_call(struct sluice_queue *q, void *ctx)
{
	if (!q->vr)
		return;
	q->cfg.call = ctx;
	/*
	 * What was signalled to nobody in between is signalled now: a driver copes with one too
	 * many, not with one too few.
	 */
	if (ctx && q->attached)
		eventfd_signal(ctx);
}

static void queue_set_err(struct sluice_queue *q, void *ctx)
{
	if (q->vr)
		q->cfg.err = ctx;
}

int sluice_queue_set_call(struct sluice_queue *q, struct eventfd_ctx *ctx)
{
	return sluice_queue_call(q, queue_set_call, ctx, 0);
}
SLUICE_EXPORT(sluice_queue_set_call);

int sluice_queue_set_err(struct sluice_queue *q, struct eventfd_ctx *ctx)
{
	return sluice_queue_call(q, queue_set_err, ctx, 0);
}
SLUICE_EXPORT(sluice_queue_set_err);

static void queue_set_coalesce(struct sluice_queue *q, void *arg)
{
	if (!q->vr)
		return;
	q->cfg.coalesce = *(struct sluice_coalesce *)arg;
	/* What waits is told of by the next visit, which is next. */
	if (q->tell_at)
		q->tell_at = 1;
}

int sluice_queue_set_coalesce(struct sluice_queue *q, struct sluice_coalesce c)
{
	return sluice_queue_call(q, queue_set_coalesce, &c, sizeof(c));
}
SLUICE_EXPORT(sluice_queue_set_coalesce);

static void queue_remap(struct sluice_queue *q, void *arg)
{
	if (q->vr)
		sluice_vring_unmap(q->vr);
	WRITE_ONCE(q->kicked, 1);
}

int sluice_queue_memory_changed(struct sluice_queue *q)
{
	return sluice_queue_call(q, queue_remap, NULL, 0);
}
SLUICE_EXPORT(sluice_queue_memory_changed);

struct queue_state {
	u32 avail;
	u32 used;
	bool there;
};

static void queue_get_state(struct sluice_queue *q, void *arg)
{
	struct queue_state *s = arg;

	s->there = q->vr;
	if (s->there)
		sluice_vring_state(q->vr, &s->avail, &s->used);
}

int sluice_queue_state(struct sluice_queue *q, u32 *avail, u32 *used)
{
	struct queue_state s = {};
	int err = sluice_queue_call(q, queue_get_state, &s, sizeof(s));

	if (err || !s.there)
		return err ?: -ENOTCONN;
	*avail = s.avail;
	*used = s.used;
	return 0;
}
SLUICE_EXPORT(sluice_queue_state);

static void queue_fail(struct sluice_queue *q, void *arg)
{
	enum sluice_vring_error *why = arg;

	/* Without an owner it is detached, or its port is gone: nobody looks at it. */
	if (!q->owner || q->broken)
		return;
	sluice_vring_break(q->vr, *why);
	sluice_queue_break(q);
}

int sluice_queue_fail(struct sluice_queue *q, enum sluice_vring_error why)
{
	return sluice_queue_call(q, queue_fail, &why, sizeof(why));
}
SLUICE_EXPORT(sluice_queue_fail);

struct queue_log {
	bool on;
	u64 addr;
};

static void queue_set_log(struct sluice_queue *q, void *arg)
{
	struct queue_log *l = arg;

	if (q->vr)
		sluice_vring_set_log(q->vr, l->on, l->addr);
}

int sluice_queue_set_log(struct sluice_queue *q, bool on, u64 log_addr)
{
	struct queue_log l = { .on = on, .addr = log_addr };

	return sluice_queue_call(q, queue_set_log, &l, sizeof(l));
}
SLUICE_EXPORT(sluice_queue_set_log);
