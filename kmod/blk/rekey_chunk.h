/* SPDX-License-Identifier: GPL-2.0-only */
/* A re-encryption under way, and what it does with one chunk: see rekey.c for why in that order. */
#ifndef _SLUICE_BLK_REKEY_CHUNK_H
#define _SLUICE_BLK_REKEY_CHUNK_H

#include <linux/workqueue.h>
#include "blk.h"
#include "journal.h"

#define SLUICE_REKEY_PAGES	((SLUICE_REKEY_CHUNK << SECTOR_SHIFT) >> PAGE_SHIFT)

/**
 * struct sluice_rekey - one under way
 * @v: of which volume
 * @bv: what hangs on it
 * @to: the new key; bv->key_lock, as @cipher
 * @journal: device
 * @header: the newest
 * @found: what there was when it was opened
 * @first: the same of the first version; @magic is 0: nothing
 * @pos: sector of the volume where the chunk begins
 * @len: of the chunk
 * @bad: up to that sector, or on the way back from it on, there is one that cannot be read; if no
 *	part of a chunk lies on this side of it: none is known
 * @good: one that could
 * @passed: sectors that were passed over, one after the other
 * @torn: which key it has after a crash depends on the journal
 * @charged: since when it is charged, in ns of ktime_get_ns()
 * @tries: how often what is to be done failed, one after the other
 * @page: a chunk
 * @pieces: the same, as the cipher wants it
 * @side: a header's page
 * @cipher: for this thread
 * @view: see rekey.c
 * @turn: the one that was published last
 * @work: goes on
 * @stop: it is to come to rest; WRITE_ONCE
 * @fresh: it was not begun before
 * @done: it went through
 *
 * Its work's, or who opens it, but for @stop.
 */
struct sluice_rekey {
	struct sluice_volume *v;
	struct sluice_blk_volume *bv;
	struct sluice_crypt to;
	struct block_device *journal;
	struct sluice_journal header;
	struct sluice_journal found;
	struct sluice_journal_v1 first;
	u64 pos;
	u32 len;
	u64 bad;
	u64 good;
	u32 passed;
	bool torn;
	u64 charged;
	unsigned int tries;
	struct page *page[SLUICE_REKEY_PAGES];
	struct sluice_pieces pieces;
	struct page *side;
	struct skcipher_request *cipher;
	struct sluice_rekey_view view[2];
	unsigned int turn;
	struct work_struct work;
	bool stop;
	bool fresh;
	bool done;
};

static inline bool sluice_rekey_back(const struct sluice_rekey *r)
{
	return sluice_journal_back(&r->header);
}

/*
 * Are its keys away? Then it begins nothing, but for a volume that goes: that needs none. What was
 * begun, and needs none any more, it finishes: see wipe.c.
 */
static inline bool sluice_rekey_keyless(const struct sluice_rekey *r)
{
	return READ_ONCE(r->bv->keyless) && !READ_ONCE(r->stop);
}

/* As sluice_crypt_check(); -EKEYREVOKED: its keys are away. */
int sluice_rekey_check(struct sluice_rekey *r, const struct sluice_crypt *c,
		       const u8 uuid[SLUICE_RECORD_ID], u8 check[SLUICE_RECORD_ID]);
/* Another one for the new key, which becomes @crypt. Context: key_lock held. */
void sluice_rekey_swap(struct sluice_rekey *r, struct sluice_crypt *crypt);
/* What its pages hold. */
void sluice_rekey_scrub(struct sluice_rekey *r);

/* One of the two headers, into @side. */
int sluice_rekey_read_place(struct sluice_rekey *r, int place);
/* The next header says so, in memory. */
void sluice_rekey_seal(struct sluice_rekey *r, enum sluice_journal_state state, u64 pos, u32 len);
/*
 * All that was written to the journal before is durable, and this too. Again at the same place, if
 * it was tried before: what became of that is not known.
 */
int sluice_rekey_send_header(struct sluice_rekey *r);
/* Both, once. */
int sluice_rekey_write_header(struct sluice_rekey *r, enum sluice_journal_state state, u64 pos,
			      u32 len);
/* A header was found: what is in the journal may be in place in part only. */
int sluice_rekey_replay(struct sluice_rekey *r);

/* The view that comes next, in which the new key ends at @pos: nobody goes by it. */
struct sluice_rekey_view *sluice_rekey_view(struct sluice_rekey *r, u64 pos);
/* Does the operator want it to go the other way? */
bool sluice_rekey_turns(const struct sluice_rekey *r);
/* It is to stop, or to turn round. @arg: it. */
bool sluice_rekey_called(const void *arg);
/* It goes the other way: no chunk is known to have what cannot be read. */
void sluice_rekey_look_anew(struct sluice_rekey *r);
/* Until it is done, or there is no point in another try: then with the last error. */
int sluice_rekey_insist(struct sluice_rekey *r, enum sluice_rekey_step step,
			int (*fn)(struct sluice_rekey *r));
/*
 * Another key for the chunk from @pos on, or on the way back for that up to @pos, or the part of it
 * that comes first, of a volume of @sectors. 0: it has it, or was passed over, and v->rekey.done
 * says so; -EAGAIN: it was not begun, for a reason that may have passed; or why there is no point
 * in another try.
 */
int sluice_rekey_step(struct sluice_rekey *r, u64 pos, u64 sectors);

#endif /* _SLUICE_BLK_REKEY_CHUNK_H */
