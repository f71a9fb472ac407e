/* SPDX-License-Identifier: GPL-2.0-only */
/* Which view a volume's queues go by: see rekey.h. */
#ifndef _SLUICE_BLK_VIEW_H
#define _SLUICE_BLK_VIEW_H

#include <linux/types.h>

struct sluice_blk_queue;
struct sluice_blk_request;
struct sluice_blk_volume;
struct sluice_rekey_view;
struct sluice_volume;

/* Are its blocks on their way from one key to the other? Worker context. */
bool sluice_view_locks(const struct sluice_blk_request *req);
/* What waits fails: whoever locks is stuck, or the queue leaves. Worker context. */
bool sluice_view_gives_up(struct sluice_blk_queue *bq);
/* It came back from the device, and is not @active any more. Worker context. */
void sluice_view_release(const struct sluice_blk_request *req);
/*
 * The ring is not there: see to those that came back as far as nobody needs it. Worker context, in
 * place of a visit.
 */
void sluice_view_settle(struct sluice_blk_queue *bq);
/*
 * From now on that: each queue takes it over at its next visit; of a volume without its key, when
 * that is back. Process context.
 */
void sluice_view_set(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view);
/* One of those without a key, in its place; NULL: there is a key again. Likewise. */
void sluice_view_wipe(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view);
/* Is there a queue that goes by that one? Those are woken. Process context. */
bool sluice_view_used(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view);
/*
 * Is there a queue that goes by another one; or, if that is asked, has requests under way for what
 * it locks? Those are woken. Process context.
 */
bool sluice_view_pending(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view,
			 bool locked);
/* What waited may go on. Process context. */
void sluice_view_wake(struct sluice_blk_volume *bv);
/*
 * When it returns all queues go by the view, and no request for what it locks is under way. Those
 * that fail to end are the device's, which ends them all sooner or later. Without its key a volume
 * that has queues is waited for until that is back. Context: may sleep.
 */
void sluice_view_publish(struct sluice_volume *v, const struct sluice_rekey_view *view);

#endif /* _SLUICE_BLK_VIEW_H */
