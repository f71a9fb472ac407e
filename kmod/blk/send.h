/* SPDX-License-Identifier: GPL-2.0-only */
/* Handing requests to the device: see send.c. */
#ifndef _SLUICE_BLK_SEND_H
#define _SLUICE_BLK_SEND_H

#include <linux/blk_types.h>

struct sluice_blk_queue;
struct sluice_blk_request;

/* A request that was tried so often is sent by the helper, which waits for the device. */
#define SLUICE_SEND_TRIES	8

/* All of @bq that are prepared. Context: worker. */
void sluice_send_all(struct sluice_blk_queue *bq);
/* Hand the bios of @req over. Context: the helper. */
void sluice_send(struct sluice_blk_request *req);
/*
 * What became of @req, all of which came back: of several errors one that does not go away.
 * Context: worker.
 */
blk_status_t sluice_send_error(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_SEND_H */
