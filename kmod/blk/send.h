/* SPDX-License-Identifier: GPL-2.0-only */
/* Handing requests to the device: see send.c. */
#ifndef _SLUICE_BLK_SEND_H
#define _SLUICE_BLK_SEND_H

struct sluice_blk_queue;
struct sluice_blk_request;

/* A request that was tried so often is sent by the helper, which waits for the device. */
#define SLUICE_SEND_TRIES	8

/* All of @bq that are prepared. Context: worker. */
void sluice_send_all(struct sluice_blk_queue *bq);
/* Hand the bios of @req over. Context: the helper. */
void sluice_send(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_SEND_H */
