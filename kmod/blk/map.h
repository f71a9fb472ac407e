/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory is translated once, when a request is taken from the ring or the next part of it is
 * begun, and its pages are held until that is done.
 */
#ifndef _SLUICE_BLK_MAP_H
#define _SLUICE_BLK_MAP_H

#include <linux/blk_types.h>

struct sluice_blk_request;

/* All worker context. Return: 0 or -errno; what is held already is blk_free()'s to drop. */

/* The last byte of the chain: its status. */
int sluice_map_status(struct sluice_blk_request *req);
/* Its part of what is behind the header, as bios with @opf: @req->guest. */
int sluice_map_data(struct sluice_blk_request *req, blk_opf_t opf);

#endif /* _SLUICE_BLK_MAP_H */
