/* SPDX-License-Identifier: GPL-2.0-only */
/* A queue whose worker died in a visit. */
#ifndef _SLUICE_BLK_ABANDON_H
#define _SLUICE_BLK_ABANDON_H

struct sluice_queue;

/* struct sluice_blk_ops */
void sluice_blk_abandon(struct sluice_queue *q);

#endif /* _SLUICE_BLK_ABANDON_H */
