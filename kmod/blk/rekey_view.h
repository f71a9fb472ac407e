/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues are told how far a re-encryption is: see rekey.c for why, rekey.h for what they see. */
#ifndef _SLUICE_BLK_REKEY_VIEW_H
#define _SLUICE_BLK_REKEY_VIEW_H

struct sluice_blk_volume;
struct sluice_rekey_view;

/* Queues that are attached from now on go by it; the others at their next visit. */
void sluice_rekey_view_set(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view);
/*
 * When it returns all queues go by the view, and no request for what it locks is under way. Those
 * that fail to end are the device's, which ends them all sooner or later. Context: may sleep.
 */
void sluice_rekey_view_publish(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view);

#endif /* _SLUICE_BLK_REKEY_VIEW_H */
