/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes to the device without data: flushes, discards, zeroes. */
#ifndef _SLUICE_BLK_COMMAND_H
#define _SLUICE_BLK_COMMAND_H

struct sluice_blk_request;

/**
 * sluice_command_add() - make the bio for what a request without data has to do now
 * @req: FLUSH, or the current part of one that has ranges; @req->own gets it
 *
 * Context: worker. Return: 0; -ENOMEM: not now.
 */
int sluice_command_add(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_COMMAND_H */
