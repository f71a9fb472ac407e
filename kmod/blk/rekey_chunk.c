// SPDX-License-Identifier: GPL-2.0-only
/* What a re-encryption does with one chunk: see rekey.c for why in that order. */
#include <crypto/skcipher.h>
#include <linux/bio.h>
#include <linux/sizes.h>
#include <linux/wait.h>
#include "rekey_chunk.h"
#include "view.h"

/* Sectors of a header's place: no two lie in one block of any device. */
#define REKEY_PLACE		8
/* Requests for a chunk that is torn wait for so many tries: a second and a half. */
#define REKEY_PATIENT_TRIES	4
/* Bytes for which the keys are held: who takes them away waits no longer. */
#define REKEY_PART		SZ_32K

/* Sectors side by side that are passed over, if only the device's driver says that they fail. */
#define REKEY_PASS_MAX		(SZ_1M >> SECTOR_SHIFT)

/* --- device ---------------------------------------------------------------------------------- */

static int rekey_io(struct block_device *bdev, u64 sector, struct page **page, u32 sectors,
		    blk_opf_t opf)
{
	u32 left = sectors << SECTOR_SHIFT;
	struct bio *bio;
	int err;

	bio = bio_alloc(bdev, DIV_ROUND_UP(left, PAGE_SIZE), opf, GFP_NOIO);
	bio->bi_iter.bi_sector = sector;
	for (; left; left -= min_t(u32, left, PAGE_SIZE))
		__bio_add_page(bio, *page++, min_t(u32, left, PAGE_SIZE), 0);
	err = submit_bio_wait(bio);
	bio_put(bio);
	return err;
}

/* The chunk's place in the journal. */
static int rekey_journal_io(struct sluice_rekey *r, blk_opf_t opf)
{
	return rekey_io(r->journal, r->v->rekey.start + 2 * REKEY_PLACE, r->page, r->len, opf);
}

/* Its place in the volume. A journal may lie on another device, so no header makes this durable. */
static int rekey_put(struct sluice_rekey *r)
{
	return rekey_io(r->v->bdev, r->v->start + r->pos, r->page, r->len,
			REQ_OP_WRITE | REQ_FUA);
}

/* --- header ---------------------------------------------------------------------------------- */

int sluice_rekey_read_place(struct sluice_rekey *r, int place)
{
	return rekey_io(r->journal, r->v->rekey.start + place * REKEY_PLACE, &r->side,
			REKEY_PLACE, REQ_OP_READ);
}

void sluice_rekey_seal(struct sluice_rekey *r, enum sluice_journal_state state, u64 pos, u32 len)
{
	struct sluice_journal *h = &r->header;

	h->state = cpu_to_le32(state);
	h->seq = cpu_to_le64(le64_to_cpu(h->seq) + 1);
	h->pos = cpu_to_le64(pos);
	h->len = cpu_to_le32(len);
	sluice_journal_seal(h);
	memset(page_address(r->side), 0, PAGE_SIZE);
	memcpy(page_address(r->side), h, sizeof(*h));
}

int sluice_rekey_send_header(struct sluice_rekey *r)
{
	u64 place = le64_to_cpu(r->header.seq) & 1;

	return rekey_io(r->journal, r->v->rekey.start + place * REKEY_PLACE, &r->side,
			REKEY_PLACE, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA);
}

int sluice_rekey_write_header(struct sluice_rekey *r, enum sluice_journal_state state, u64 pos,
			      u32 len)
{
	sluice_rekey_seal(r, state, pos, len);
	return sluice_rekey_send_header(r);
}

/* Where the new key ends before the chunk is done, and after that. */
static u64 rekey_border(const struct sluice_rekey *r)
{
	return sluice_rekey_back(r) ? r->pos + r->len : r->pos;
}

static u64 rekey_next(const struct sluice_rekey *r)
{
	return sluice_rekey_back(r) ? r->pos : r->pos + r->len;
}

int sluice_rekey_replay(struct sluice_rekey *r)
{
	int err;

	if (le32_to_cpu(r->header.state) != JOURNAL_CHUNK)
		return 0;
	r->pos = le64_to_cpu(r->header.pos);
	r->len = le32_to_cpu(r->header.len);
	if (!r->len)
		return -EINVAL;
	err = rekey_journal_io(r, REQ_OP_READ);
	if (!err)
		err = rekey_put(r);
	return err ?: sluice_rekey_write_header(r, JOURNAL_AT_REST, rekey_next(r), 0);
}

/* --- once more ------------------------------------------------------------------------------- */

struct sluice_rekey_view *sluice_rekey_view(struct sluice_rekey *r, u64 pos)
{
	struct sluice_rekey_view *view = &r->view[++r->turn & 1];

	*view = (struct sluice_rekey_view){
		.crypt = &r->bv->crypt,
		.next = &r->to,
		.pos = pos,
	};
	return view;
}

/* Nobody touches the chunk from now on; @failed: and nobody waits for it. */
static void rekey_lock_chunk(struct sluice_rekey *r, bool failed)
{
	struct sluice_rekey_view *view = sluice_rekey_view(r, rekey_border(r));

	view->start = r->pos;
	view->end = r->pos + r->len;
	view->failed = failed;
	sluice_view_publish(r->v, view);
}

/* All have what they want; the new key ends there. */
static void rekey_unlock(struct sluice_rekey *r, u64 pos)
{
	sluice_view_publish(r->v, sluice_rekey_view(r, pos));
}

static bool rekey_over(const struct sluice_rekey *r)
{
	const struct sluice_volume *v = r->v;

	return READ_ONCE(r->stop) || READ_ONCE(v->dead) || sluice_stall_gone(v->bdev) ||
	       sluice_stall_gone(r->journal) || sluice_stall_gone(v->record.bdev);
}

bool sluice_rekey_turns(const struct sluice_rekey *r)
{
	int way = READ_ONCE(r->v->rekey.way);

	return sluice_rekey_back(r) ? way == SLUICE_REKEY_FORWARD : way == SLUICE_REKEY_BACK;
}

static bool rekey_stops(const void *arg)
{
	const struct sluice_rekey *r = arg;

	return READ_ONCE(r->stop);
}

bool sluice_rekey_called(const void *arg)
{
	return rekey_stops(arg) || sluice_rekey_turns(arg);
}

/*
 * A step failed: waits until another try makes sense, or if it @may turn round is to do so; false:
 * none makes any more. Meanwhile the volume says what it waits for.
 */
static bool rekey_again(struct sluice_rekey *r, enum sluice_rekey_step step, int err, bool may)
{
	unsigned int tries = r->tries;

	if (rekey_over(r))
		return false;
	sluice_volume_rekey_stalls(r->v, step, err);
	if (r->tries++ == REKEY_PATIENT_TRIES && r->torn)
		rekey_lock_chunk(r, true);
	sluice_stall_await(&r->v->rekey.wait, tries, may ? sluice_rekey_called : rekey_stops, r);
	wait_event_idle(r->v->rekey.wait, !sluice_rekey_keyless(r));
	return !rekey_over(r);
}

static void rekey_went(struct sluice_rekey *r)
{
	if (r->tries)
		sluice_volume_rekey_moves(r->v);
	r->tries = 0;
}

int sluice_rekey_insist(struct sluice_rekey *r, enum sluice_rekey_step step,
			int (*fn)(struct sluice_rekey *r))
{
	int err;

	do {
		err = fn(r);
	} while (err && rekey_again(r, step, err, false));
	if (!err)
		rekey_went(r);
	return err;
}

/* --- a chunk --------------------------------------------------------------------------------- */

void sluice_rekey_scrub(struct sluice_rekey *r)
{
	unsigned int i;

	for (i = 0; i < SLUICE_REKEY_PAGES; i++) {
		if (r->page[i])
			memzero_explicit(page_address(r->page[i]), PAGE_SIZE);
	}
}

/**
 * struct rekey_place - where in the chunk it is
 * @from: what is decrypted, in place
 * @to: the same, where it goes
 * @plain: what is encrypted, in place
 * @done: the same, where it goes
 * @sector: of the volume
 */
struct rekey_place {
	struct sluice_pieces_cursor from, to;
	struct sluice_pieces_cursor plain, done;
	u64 sector;
};

/* Nobody finds plaintext, or a key in use, while nobody holds the lock: see wipe.c. */
static int rekey_recrypt_part(struct sluice_rekey *r, struct rekey_place *p, u32 len)
{
	const struct sluice_crypt *has = &r->bv->crypt, *gets = &r->to;
	int err = -EKEYREVOKED;

	if (sluice_rekey_back(r))
		swap(has, gets);
	mutex_lock(&r->bv->key_lock);
	if (!READ_ONCE(r->bv->keyless)) {
		err = sluice_crypt_run(has, r->cipher, &p->from, &p->to, p->sector, len, false) ?:
		      sluice_crypt_run(gets, r->cipher, &p->plain, &p->done, p->sector, len, true);
		if (err)
			sluice_rekey_scrub(r);
	}
	mutex_unlock(&r->bv->key_lock);
	p->sector += len >> SECTOR_SHIFT;
	return err;
}

static int rekey_recrypt(struct sluice_rekey *r)
{
	struct sluice_pieces_cursor start = sluice_pieces_start(&r->pieces);
	struct rekey_place p = {
		.from = start, .to = start, .plain = start, .done = start, .sector = r->pos,
	};
	u32 left = r->len << SECTOR_SHIFT, part;
	int err = 0;

	for (; left && !err; left -= part) {
		part = min_t(u32, left, REKEY_PART);
		err = rekey_recrypt_part(r, &p, part);
	}
	return err;
}

/* What is read, or not, as one: sectors. */
static u32 rekey_unit(const struct sluice_rekey *r)
{
	return max(r->v->sector_size, bdev_logical_block_size(r->v->bdev)) >> SECTOR_SHIFT;
}

static u32 rekey_half(u64 len, u32 unit)
{
	return max_t(u32, rounddown(len / 2, unit), unit);
}

/* What a device says of a sector that it cannot read. */
static bool rekey_is_bad(int err)
{
	return err == -EIO || err == -ENODATA || err == -EILSEQ;
}

/* A chunk ends where one would end if none had been halved, or within what cannot be read. */
static void rekey_reach(struct sluice_rekey *r, u64 pos, u64 sectors)
{
	r->pos = pos;
	r->len = min_t(u64, sectors - pos, SLUICE_REKEY_CHUNK - pos % SLUICE_REKEY_CHUNK);
	if (r->bad > pos)
		r->len = min(r->len, rekey_half(r->bad - pos, rekey_unit(r)));
}

/* The same from its end. */
static void rekey_reach_back(struct sluice_rekey *r, u64 end)
{
	r->len = (end - 1) % SLUICE_REKEY_CHUNK + 1;
	if (r->bad < end)
		r->len = min(r->len, rekey_half(end - r->bad, rekey_unit(r)));
	r->pos = end - r->len;
}

void sluice_rekey_look_anew(struct sluice_rekey *r)
{
	r->bad = sluice_rekey_back(r) ? U64_MAX : 0;
	r->passed = 0;
}

static int rekey_read(struct sluice_rekey *r, u64 pos, u32 len)
{
	return rekey_io(r->v->bdev, r->v->start + pos, r->page, len, REQ_OP_READ);
}

/* Half as much, of what lies at the border; what cannot be read lies in the other half then. */
static void rekey_halve(struct sluice_rekey *r, u32 unit)
{
	u64 end = r->pos + r->len;

	r->len = rekey_half(r->len, unit);
	if (sluice_rekey_back(r))
		r->pos = end - r->len;
}

/* As much as can be read from the border on, up to @len: half as much each time. */
static int rekey_read_some(struct sluice_rekey *r)
{
	u32 unit = rekey_unit(r);
	int err;

	while ((err = rekey_read(r, r->pos, r->len)) && rekey_is_bad(err)) {
		r->bad = rekey_next(r);
		if (r->len <= unit)
			break;
		rekey_halve(r, unit);
	}
	if (err)
		return err;
	r->good = r->pos;
	r->passed = 0;
	return 0;
}

/* With the new key into the journal, which does not say so yet. @step: which of it failed. */
static int rekey_take(struct sluice_rekey *r, enum sluice_rekey_step *step)
{
	int err;

	*step = SLUICE_REKEY_AT_READ;
	err = rekey_read_some(r) ?: rekey_recrypt(r);
	if (err)
		return err;
	*step = SLUICE_REKEY_AT_JOURNAL;
	return rekey_journal_io(r, REQ_OP_WRITE);
}

/* A flush that failed may have lost the chunk: after that it is written anew, too. */
static int rekey_commit(struct sluice_rekey *r)
{
	int err = r->tries ? rekey_journal_io(r, REQ_OP_WRITE) : 0;

	return err ?: sluice_rekey_send_header(r);
}

/* From here on what is left undone is made good by the journal, the next time it is opened. */
static int rekey_place(struct sluice_rekey *r)
{
	int err;

	r->torn = true;
	sluice_rekey_seal(r, JOURNAL_CHUNK, r->pos, r->len);
	err = sluice_rekey_insist(r, SLUICE_REKEY_AT_HEADER, rekey_commit);
	if (!err)
		err = sluice_rekey_insist(r, SLUICE_REKEY_AT_WRITE, rekey_put);
	if (err)
		return err;
	sluice_rekey_seal(r, JOURNAL_AT_REST, rekey_next(r), 0);
	err = sluice_rekey_insist(r, SLUICE_REKEY_AT_HEADER, sluice_rekey_send_header);
	r->torn = err;
	return err;
}

/* --- what cannot be read --------------------------------------------------------------------- */

/* Can any other sector be read: the last one that could, or the first, or the last of all? */
static bool rekey_others_read(struct sluice_rekey *r)
{
	u64 sectors = le64_to_cpu(r->header.geometry.sectors);
	u32 unit = rekey_unit(r);
	u64 at[] = { r->good, 0, sectors - unit };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		if (at[i] != r->pos && !rekey_read(r, at[i], unit))
			return true;
	}
	return false;
}

/* It failed already, and is as short as it can be. */
static bool rekey_is_lost(struct sluice_rekey *r, int err)
{
	if (!r->v->rekey.skip || !rekey_is_bad(err) || !rekey_others_read(r))
		return false;
	err = rekey_read(r, r->pos, r->len);
	return err && rekey_is_bad(err) && (err != -EIO || r->passed < REKEY_PASS_MAX);
}

static int rekey_pass_over(struct sluice_rekey *r)
{
	int err;

	r->torn = true;
	sluice_rekey_seal(r, JOURNAL_AT_REST, rekey_next(r), 0);
	err = sluice_rekey_insist(r, SLUICE_REKEY_AT_HEADER, sluice_rekey_send_header);
	r->torn = err;
	if (err)
		return err;
	r->passed += r->len;
	sluice_volume_rekey_passed(r->v, r->pos);
	return 0;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* The chunk is as it was: it has the key that it had, and who wants to may read and write it. */
static int rekey_wait(struct sluice_rekey *r, enum sluice_rekey_step step, int err)
{
	rekey_unlock(r, rekey_border(r));
	WRITE_ONCE(r->v->rekey.sector, r->pos);
	return rekey_again(r, step, err, true) ? -EAGAIN : err;
}

int sluice_rekey_step(struct sluice_rekey *r, u64 pos, u64 sectors)
{
	enum sluice_rekey_step step;
	bool lost = false;
	int err;

	if (sluice_rekey_back(r))
		rekey_reach_back(r, pos);
	else
		rekey_reach(r, pos, sectors);
	rekey_lock_chunk(r, false);
	err = rekey_take(r, &step);
	if (err == -EKEYREVOKED) {
		rekey_unlock(r, rekey_border(r));
		return -EAGAIN;
	}
	if (err && step == SLUICE_REKEY_AT_READ)
		lost = rekey_is_lost(r, err);
	if (err && !lost)
		return rekey_wait(r, step, err);
	rekey_went(r);
	err = lost ? rekey_pass_over(r) : rekey_place(r);
	/* A chunk that is torn nobody may touch. */
	if (err) {
		rekey_lock_chunk(r, true);
		return err;
	}
	sluice_volume_rekey_did(r->v, rekey_next(r));
	rekey_unlock(r, rekey_next(r));
	return 0;
}
