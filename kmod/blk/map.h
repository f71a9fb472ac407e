/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory is translated once, when a request is taken from the ring, and its pages are held
 * until it is completed.
 */
#ifndef _SLUICE_BLK_MAP_H
#define _SLUICE_BLK_MAP_H

#include <linux/blk_types.h>

struct sluice_blk_request;
struct sluice_chain;

/* All worker context. Return: 0 or -errno; what is held already is blk_free()'s to drop. */

/* The last byte of the chain: its status. */
int sluice_map_status(struct sluice_blk_request *req, const struct sluice_chain *c);
/* What is behind the header, as bios with @opf: @req->guest. */
int sluice_map_data(struct sluice_blk_request *req, const struct sluice_chain *c, blk_opf_t opf);

#endif /* _SLUICE_BLK_MAP_H */
