/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fair shares of a worker.
 *
 * DOC: Shares
 *
 * In each of its rounds a worker gives every volume and every port the same time for what comes
 * from its guest, and every port as much again for what goes to it, however many queues it has
 * there, and however long its requests are, its rules or its buffers take. A visit that took longer
 * is paid for by the rounds that follow; time that was not used is not saved up. What waits for
 * that stays in its ring, or in the inbox of its receive queue: there too many are lost, and they
 * are that guest's. So the two are apart: a guest that others flood can still send.
 *
 * Nobody is held up where nobody else works: rounds in which nothing happens are skipped, see
 * worker_visit().
 *
 * What one guest sends to another's ring at once is the sender's time.
 */
#ifndef _SLUICE_SHARE_H
#define _SLUICE_SHARE_H

#include <linux/time64.h>
#include <linux/types.h>

struct sluice_worker;

/* Of one round, in ns. About what a queue full of small requests, or two full of frames, take. */
#define SLUICE_SHARE_NS	(100 * NSEC_PER_USEC)

/**
 * struct sluice_share - of one worker's time; the worker's own
 * @round: the worker's, when @used was looked at last
 * @used: ns that this and later rounds have yet to pay for
 */
struct sluice_share {
	u64 round;
	u64 used;
};

/* May @w begin something new in this round? @share is by the worker's core. Worker context. */
bool sluice_share_left(struct sluice_share __percpu *share, struct sluice_worker *w);
/* It took @ns. Worker context, or in place of a worker. */
void sluice_share_take(struct sluice_share __percpu *share, const struct sluice_worker *w, u64 ns);

#endif /* _SLUICE_SHARE_H */
