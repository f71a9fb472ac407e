/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests that a device does not take without waiting: one that has no room for longer, one that
 * the block layer splits, a device that cannot be asked that. Each queue has one work that hands
 * them over one after another, so a device that keeps it waiting costs one thread of the kernel's,
 * and other queues nothing. Such a request is never polled for: who polls would be who waits.
 */
#ifndef _SLUICE_BLK_HELPER_H
#define _SLUICE_BLK_HELPER_H

struct sluice_blk_queue;
struct sluice_blk_request;
struct sluice_blk_volume;
struct sluice_volume;

/* Of a volume. Context: process. @stop: it has no queues. */
int sluice_helper_start(struct sluice_blk_volume *bv, const struct sluice_volume *v);
void sluice_helper_stop(struct sluice_blk_volume *bv);

/* Of a queue. @exit: no request is under way; waits for a thread that has nothing left to do. */
void sluice_helper_init(struct sluice_blk_queue *bq);
void sluice_helper_exit(struct sluice_blk_queue *bq);

/* Have sluice_send() run for @req elsewhere. Context: worker; @req->done is free. */
void sluice_helper_send(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_HELPER_H */
