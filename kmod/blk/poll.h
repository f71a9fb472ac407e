/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completions that are looked for. A block device may have queues whose requests raise no interrupt
 * (NVMe's poll_queues): on a worker that spins anyway that saves the interrupt and the time it
 * takes.
 *
 * A worker that never sleeps polls always. One that does (adaptive) polls as long as nobody else
 * wants its core, and as long as the device answers within the time that it would spin for: once it
 * did not, interrupts have their turn for a while. One that nobody asked for has no core of its own
 * and never polls. What was submitted to be polled for stays so until it is completed, and its
 * worker awake.
 */
#ifndef _SLUICE_BLK_POLL_H
#define _SLUICE_BLK_POLL_H

#include <linux/blk_types.h>
#include <linux/types.h>

struct sluice_blk_queue;
struct sluice_blk_request;
struct sluice_worker;

/*
 * What is in the flags of a bio that is polled for. One that is merged with others is not found by
 * its own cookie.
 */
#define SLUICE_POLL_OPF		(REQ_POLLED | REQ_NOMERGE)

/* All worker context. */

/* Are requests to be polled for that are submitted in this visit? */
bool sluice_poll_wanted(const struct sluice_blk_queue *bq, const struct sluice_worker *w);
/* @req is with the device: will it be completed by looking? */
void sluice_poll_add(struct sluice_blk_request *req);
/* Look; what is completed is in bq->done. */
void sluice_poll_look(struct sluice_blk_queue *bq);
/* Is the device still at one of them? Others are done, and not taken yet. */
bool sluice_poll_awaits(const struct sluice_blk_queue *bq);
/* @req was completed. @refused: the device has no queue to poll, or has none any more. */
void sluice_poll_del(struct sluice_blk_request *req, bool refused);

#endif /* _SLUICE_BLK_POLL_H */
