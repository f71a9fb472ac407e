/* SPDX-License-Identifier: GPL-2.0-only */
/* What has no data of the guest's for the device: flushes, discards, zeroes; the serial. */
#ifndef _SLUICE_BLK_COMMAND_H
#define _SLUICE_BLK_COMMAND_H

#include <linux/types.h>

struct sluice_blk_request;
struct sluice_request_limits;

/**
 * sluice_command_add() - make the bio for what a request without data has to do now
 * @req: FLUSH, or the current part of one that has ranges; @req->own gets it
 *
 * Context: worker. Return: 0; -ENOMEM: not now.
 */
int sluice_command_add(struct sluice_blk_request *req);

/**
 * sluice_command_read_ranges() - what a request that has ranges says of them
 * @req: it; @req->r gets them
 * @lim: what the volume allows
 * @status: what its driver is to be told, if it is not VIRTIO_BLK_S_OK
 *
 * Context: worker. Return: 0; -EAGAIN: a part of it is absent; -EFAULT, -EIO: the ring broke.
 */
int sluice_command_read_ranges(struct sluice_blk_request *req,
			       const struct sluice_request_limits *lim, u8 *status);

/* The volume's serial, to the guest. Context, return: likewise. */
int sluice_command_write_id(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_COMMAND_H */
