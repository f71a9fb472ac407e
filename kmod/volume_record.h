/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of a volume: see volume_record.c, and record.h for what it says. */
#ifndef _SLUICE_VOLUME_RECORD_H
#define _SLUICE_VOLUME_RECORD_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/stddef.h>
#include <linux/workqueue.h>
#include "record.h"

struct block_device;
struct netlink_ext_ack;
struct sluice_device;
struct sluice_volume;
struct sluice_volume_params;

/**
 * struct sluice_volume_record - where a volume's record is, and what it says
 * @place: all of that, as it is exchanged: RTNL held, with no re-encryption and no @writing
 * @device: NULL: it has none; RTNL
 * @bdev: the same
 * @path: as the operator named it; RTNL
 * @start: first 512-byte sector of its place; fixed with the place
 * @page: what is written next; @lock
 * @now: what the device has; written under @lock, or under RTNL before anybody else knows of the
 *	place. The UUID is fixed with that
 * @resume: the operator said that a re-encryption may be unfinished; fixed
 * @unresolved: one is, and nobody gets the volume until it goes on; RTNL
 * @was: what it had, if it is @changed: its place is not free yet; RTNL
 * @changed: that can be taken back; RTNL
 * @lock: held while it is written: never asked for under RTNL
 * @writing: how often @work was begun and has not ended
 * @work: writes what changed in the geometry
 */
struct sluice_volume_record {
	struct_group_tagged(sluice_record_place, place, struct sluice_device *device;
		struct block_device *bdev;
		char *path;
		u64 start;
		struct page *page;
		struct sluice_record now;
		bool resume;
		bool unresolved;
	);
	struct sluice_record_place was;
	bool changed;
	struct mutex lock;	/* see above */
	atomic_t writing;
	struct work_struct work;
};

void sluice_volume_record_init(struct sluice_volume *v);
/* With the volume's memory. */
void sluice_volume_record_free(struct sluice_volume *v);
/*
 * Open its device, if the operator named one, and see that there is room for it. RTNL. Errors as
 * those of sluice_volume_open_device(); -EINVAL, -EBUSY, each with an extack.
 */
int sluice_volume_record_open(struct sluice_volume *v, const struct sluice_volume_params *p,
			      struct netlink_ext_ack *extack);
/*
 * Read it, and see that it is of this volume; or write a new one. The engine has the key. RTNL,
 * waits for a short while only. -ENOENT, -EBADMSG, -EOPNOTSUPP: there is none that could be read;
 * -EEXIST: there is one where a new one is wanted; -EKEYREJECTED: of another key, or of what was
 * wiped; -EINVAL: of another geometry; -EUCLEAN: a re-encryption, or a wipe, is not finished; -EIO;
 * -ETIMEDOUT; -ENOMEM. If it is to be wiped, the record says so when this returns 0.
 */
int sluice_volume_record_check(struct sluice_volume *v, const struct sluice_volume_params *p,
			       struct netlink_ext_ack *extack);
/*
 * Another one, of which @p says what it is and where; @p->record NULL: none. Errors as those of the
 * two above; -EBUSY: the volume is being re-encrypted, or its record written; -EUCLEAN: it, or the
 * new one, tells of a re-encryption that is not finished; -ENODEV: its device is gone. If it is
 * another it is @changed, which is kept or taken back later, under the same RTNL. What was written
 * as a new one stays written.
 */
int sluice_volume_record_set(struct sluice_volume *v, const struct sluice_volume_params *p,
			     struct netlink_ext_ack *extack);
void sluice_volume_record_keep(struct sluice_volume *v);
void sluice_volume_record_revert(struct sluice_volume *v);
/* One that was not made; RTNL. */
void sluice_volume_record_close(struct sluice_volume *v);
/* Does its place meet an extent? RTNL. */
bool sluice_volume_record_touches(const struct sluice_volume *v, const struct block_device *bdev,
				  u64 start, u64 sectors);
/* The volume has another length. RTNL; does not wait. */
void sluice_volume_record_resized(struct sluice_volume *v);
/* All is written that is to be, and the device closed; no RTNL. */
void sluice_volume_record_end(struct sluice_volume *v);

/* --- and for the engine; all wait for the device, hence no RTNL --- */

/* What is the volume made of, as it is now? */
void sluice_volume_geometry(const struct sluice_volume *v, struct sluice_geometry *g);
/* What it says; false: there is none. */
bool sluice_volume_record_get(struct sluice_volume *v, struct sluice_record *r);
/*
 * A re-encryption begins, got so far, goes the other way from there on, is through (@back: to the
 * old key), or was not begun after all: durable when they return 0, without a record at once. After
 * an error what the device has is one or the other.
 */
int sluice_volume_record_begin(struct sluice_volume *v, const u8 to[SLUICE_RECORD_ID],
			       const u8 journal[SLUICE_RECORD_ID]);
int sluice_volume_record_progress(struct sluice_volume *v, u64 pos);
int sluice_volume_record_turn(struct sluice_volume *v, u32 turns, u64 pos);
int sluice_volume_record_done(struct sluice_volume *v, bool back);
int sluice_volume_record_undo(struct sluice_volume *v);
/* It is being wiped (WIPING); was, and may be had (AT_REST), or goes (WIPED). Likewise. */
int sluice_volume_record_wipe(struct sluice_volume *v, enum sluice_record_state state);

#endif /* _SLUICE_VOLUME_RECORD_H */
