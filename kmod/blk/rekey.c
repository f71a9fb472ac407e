// SPDX-License-Identifier: GPL-2.0-only
/*
 * From one key to another, while the guest works.
 *
 * DOC: Chunks and queues
 *
 * Work of its own goes through the volume chunk by chunk. Queues go by a view, which says where the
 * border between the keys is and which chunk is locked. A new view is published; each queue takes
 * it over at its next visit, and from then on requests for the chunk wait. When all have done so,
 * and those that were under way are done, the chunk can be touched. So the key of a block never
 * changes under a request, and a request may look up at its end which key its blocks have. No lock
 * is held meanwhile: a queue that is about to be detached waits for requests that wait for a chunk.
 *
 * Two views take turns: when all queues go by the one nobody goes by the other.
 *
 * DOC: The journal
 *
 * Of a chunk that is half in place nobody could say which blocks have which key. So it is written
 * to the journal first, then a header that says so, then to its place, then a header that says that
 * it is there; each is durable before the next is begun. Whoever begins where a crash interrupted
 * takes the newest valid header, and writes the chunk that it tells of to its place once more.
 *
 * So as long as the newest header may tell of a chunk, nobody writes to it: what the driver was
 * told is durable would be undone. It is let go of after the second header, or, when what became of
 * a header is not known, not at all.
 *
 * DOC: The way back
 *
 * It can be turned round while it is at rest between two chunks, and then takes the chunks in the
 * opposite order, each with the same steps. What lies before the border has the new key as ever, so
 * only the border moves the other way, and the chunk that is locked lies before it instead of
 * behind. Record and journal say which way before the first chunk goes that way; a crash in between
 * leaves it at rest, and it goes the way that the record says.
 *
 * DOC: What fails
 *
 * A device that fails may work again, so what failed is tried again, later each time, until it is
 * stopped or one of the devices is gone for good: see sluice_rekey_again(). As long as the chunk
 * was not begun its blocks have the old key, and the driver has them meanwhile. Afterwards they are
 * as torn as after a crash: what is tried again is made of the chunk in memory, so it leaves the
 * same bytes, whatever of the first try is there. Requests for it wait a while, as for a device
 * that is slow, and fail then: who waited without an end could be neither detached nor removed.
 *
 * DOC: What cannot be read
 *
 * A chunk that cannot be read is halved until it is one sector of the cipher, so what lies before
 * that gets its new key. If the operator said so it is passed over: not written, so it stays
 * unreadable instead of becoming something else, and the journal says that it is done with before a
 * driver may write to it, with the new key. A device, or a part of one, that is away for a while
 * looks the same; what it has would be lost. So it must fail, another one be read, and it fail
 * again; and of those that lie side by side no more than a megabyte goes so, unless the device says
 * that it is the medium.
 */
#include <crypto/skcipher.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "adopt.h"
#include "blk.h"
#include "rekey_chunk.h"
#include "view.h"

/* Sectors after which the record is told how far it is. */
#define REKEY_TELL	(256 * SLUICE_REKEY_CHUNK)

/* --- header ---------------------------------------------------------------------------------- */

static int rekey_read_side(struct sluice_rekey *r, int i, struct netlink_ext_ack *extack)
{
	const struct sluice_journal *h = page_address(r->side);
	int err = sluice_rekey_read_place(r, i);

	if (err) {
		NL_SET_ERR_MSG(extack, "the journal cannot be read");
		return err;
	}
	err = sluice_journal_parse(h);
	if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG(extack, "the journal is of a later version of Sluice");
	if (err && err != -EPROTO)
		return err;
	if ((le64_to_cpu(h->seq) & 1) == i) {
		if (err)
			sluice_adopt_note(r);
		return err;
	}
	/* One place further on or back: what lies there is a header of it, or its chunk. */
	if (le32_to_cpu(h->state) == JOURNAL_DONE)
		return -ENOENT;
	NL_SET_ERR_MSG(extack, "a journal begins 4096 bytes beside that: see 'journal-start'");
	return -EEXIST;
}

/*
 * Of the two the newest becomes @r->found. -ENOENT: there is none; -EPROTO: one of the first
 * version that is not done; or another error.
 */
static int rekey_read_header(struct sluice_rekey *r, struct netlink_ext_ack *extack)
{
	const struct sluice_journal *h = page_address(r->side);
	int i, err, ret = -ENOENT;

	for (i = 0; i < 2; i++) {
		err = rekey_read_side(r, i, extack);
		if (err && err != -ENOENT && err != -EPROTO)
			return err;
		if (err || (!ret && le64_to_cpu(h->seq) < le64_to_cpu(r->found.seq)))
			continue;
		r->found = *h;
		ret = 0;
	}
	/* A later one may have been begun over what is left of the first version's. */
	return ret && r->first.magic && le32_to_cpu(r->first.state) != JOURNAL_DONE ? -EPROTO : ret;
}

int sluice_rekey_check(struct sluice_rekey *r, const struct sluice_crypt *c,
		       const u8 uuid[SLUICE_RECORD_ID], u8 check[SLUICE_RECORD_ID])
{
	int err;

	mutex_lock(&r->bv->key_lock);
	err = READ_ONCE(r->bv->keyless) ? -EKEYREVOKED : sluice_crypt_check(c, uuid, check);
	mutex_unlock(&r->bv->key_lock);
	return err;
}

/* Both keys, for the journal. */
static int rekey_ids(struct sluice_rekey *r, struct sluice_journal *h)
{
	return sluice_rekey_check(r, &r->bv->crypt, h->uuid, h->old_id) ?:
	       sluice_rekey_check(r, &r->to, h->uuid, h->new_id);
}

/* --- pace ------------------------------------------------------------------------------------ */

/* Until there are keys, and the operator and the rate that he set let it go on; or it is called. */
static void rekey_await_pace(struct sluice_rekey *r)
{
	const struct sluice_pace_wait w = {
		.pace = &r->v->rekey.now,
		.wait = &r->v->rekey.wait,
		.called = sluice_rekey_called,
		.arg = r,
	};

	do {
		wait_event_idle(*w.wait, !sluice_rekey_keyless(r));
		/* What failed was paid for. */
		if (r->tries)
			sluice_pace_rest(&w);
		else
			r->charged = sluice_pace_await(&w, r->charged, (u64)r->len << SECTOR_SHIFT);
	} while (sluice_rekey_keyless(r));
}

/* --- at work --------------------------------------------------------------------------------- */

static int rekey_tell(struct sluice_rekey *r)
{
	return sluice_volume_record_progress(r->v, READ_ONCE(r->v->rekey.done));
}

static int rekey_tell_done(struct sluice_rekey *r)
{
	return sluice_volume_record_done(r->v, sluice_rekey_back(r));
}

static int rekey_tell_turn(struct sluice_rekey *r)
{
	return sluice_volume_record_turn(r->v, le32_to_cpu(r->header.turns) + 1,
					 READ_ONCE(r->v->rekey.done));
}

/*
 * At rest. The record first: if the journal does not say so yet it is known to be the one from
 * before, and not an older copy, by where it is.
 */
static int rekey_turn_round(struct sluice_rekey *r)
{
	int err = sluice_rekey_insist(r, SLUICE_REKEY_AT_RECORD, rekey_tell_turn);

	if (err)
		return err;
	le32_add_cpu(&r->header.turns, 1);
	sluice_rekey_seal(r, JOURNAL_AT_REST, READ_ONCE(r->v->rekey.done), 0);
	err = sluice_rekey_insist(r, SLUICE_REKEY_AT_HEADER, sluice_rekey_send_header);
	if (err)
		return err;
	sluice_rekey_look_anew(r);
	sluice_volume_rekey_turned(r->v, sluice_rekey_back(r));
	return 0;
}

/* The newest header is right as it is, but for the end. */
static int rekey_end(struct sluice_rekey *r)
{
	int err = sluice_rekey_insist(r, SLUICE_REKEY_AT_RECORD, rekey_tell_done);

	if (err)
		return err;
	sluice_rekey_seal(r, JOURNAL_DONE, READ_ONCE(r->v->rekey.done), 0);
	return sluice_rekey_insist(r, SLUICE_REKEY_AT_HEADER, sluice_rekey_send_header);
}

/* The next chunk, or to turn round. -EINTR: it is stopped. */
static int rekey_go(struct sluice_rekey *r, u64 sectors)
{
	int err;

	rekey_await_pace(r);
	if (READ_ONCE(r->stop))
		return -EINTR;
	if (sluice_rekey_turns(r))
		return rekey_turn_round(r);
	err = sluice_rekey_step(r, READ_ONCE(r->v->rekey.done), sectors);
	if (!err && READ_ONCE(r->v->rekey.done) % REKEY_TELL == 0)
		err = sluice_rekey_insist(r, SLUICE_REKEY_AT_RECORD, rekey_tell);
	return err == -EAGAIN ? 0 : err;
}

/* Have all one key, and is it too late to turn round? */
static bool rekey_through(struct sluice_rekey *r, u64 sectors)
{
	bool back = sluice_rekey_back(r);
	int way = back ? SLUICE_REKEY_BACK : SLUICE_REKEY_FORWARD;

	return READ_ONCE(r->v->rekey.done) == (back ? 0 : sectors) &&
	       cmpxchg(&r->v->rekey.way, way, SLUICE_REKEY_THROUGH) == way;
}

/* Return: 0: all have it; -EINTR: it was stopped; or why there is no point in another try. */
static int rekey_chunks(struct sluice_rekey *r)
{
	u64 sectors = le64_to_cpu(r->header.geometry.sectors);
	int err = 0;

	while (!err && !rekey_through(r, sectors)) {
		err = rekey_go(r, sectors);
		cond_resched();
	}
	return err;
}

static int rekey_all(struct sluice_rekey *r)
{
	int err = rekey_chunks(r);

	/* What fails here only means that an older copy of the journal is not known as such. */
	if (READ_ONCE(r->stop))
		rekey_tell(r);
	wait_event_idle(r->v->rekey.wait, !sluice_rekey_keyless(r));
	return err ?: rekey_end(r);
}

static void rekey_work(struct work_struct *work)
{
	struct sluice_rekey *r = container_of(work, struct sluice_rekey, work);
	int err = rekey_all(r);

	if (!err) {
		r->done = true;
		/* What is added to the volume from now on has that key too. */
		sluice_view_publish(r->v,
				    sluice_rekey_view(r, sluice_rekey_back(r) ? 0 : U64_MAX));
	}
	if (READ_ONCE(r->stop))
		return;
	if (err) {
		WRITE_ONCE(r->v->rekey.stall.step, SLUICE_REKEY_OVER);
		pr_warn("sluice: volume %s: cannot be re-encrypted further: %pe\n", r->v->name,
			ERR_PTR(err));
	}
	WRITE_ONCE(r->v->rekey.stall.error, err);
	sluice_volume_rekey_ended(r->v);
}

/* --- begin and end --------------------------------------------------------------------------- */

static void rekey_free(struct sluice_rekey *r)
{
	unsigned int i;

	sluice_rekey_scrub(r);
	sluice_pieces_drop(&r->pieces, false, NULL);
	for (i = 0; i < SLUICE_REKEY_PAGES; i++) {
		if (r->page[i])
			__free_page(r->page[i]);
	}
	if (r->side)
		__free_page(r->side);
	if (r->cipher)
		skcipher_request_free(r->cipher);
	sluice_crypt_exit(&r->to);
	kfree(r);
}

static int rekey_alloc_pages(struct sluice_rekey *r)
{
	struct sluice_blk_volume *bv = r->bv;
	unsigned int i;

	r->side = alloc_page(GFP_KERNEL);
	if (!r->side)
		return -ENOMEM;
	for (i = 0; i < SLUICE_REKEY_PAGES; i++) {
		r->page[i] = alloc_page(GFP_KERNEL);
		if (!r->page[i] ||
		    sluice_pieces_add(&r->pieces, &bv->bs, r->v->bdev, REQ_OP_READ,
				      page_address(r->page[i]), PAGE_SIZE,
				      (SLUICE_REKEY_PAGES - i - 1) * PAGE_SIZE))
			return -ENOMEM;
	}
	sluice_pieces_done(&r->pieces, false);
	return 0;
}

/* From now on, or no more, its key is one of the volume's. */
static void rekey_enlist(struct sluice_blk_volume *bv, struct sluice_rekey *r)
{
	mutex_lock(&bv->key_lock);
	bv->rekey = r;
	mutex_unlock(&bv->key_lock);
}

struct sluice_rekey *sluice_rekey_new(struct sluice_volume *v,
				      const struct sluice_volume_cipher *to,
				      struct netlink_ext_ack *extack)
{
	struct sluice_rekey *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

	ASSERT_RTNL();
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->v = v;
	r->bv = v->engine;
	r->journal = v->rekey.bdev;
	INIT_WORK(&r->work, rekey_work);
	err = sluice_crypt_init(&r->to, to, extack);
	if (err)
		goto free;
	err = -ENOMEM;
	r->cipher = sluice_crypt_request_new(&r->to);
	if (r->cipher)
		err = rekey_alloc_pages(r);
	if (err)
		goto free;
	rekey_enlist(r->bv, r);
	return r;

free:
	rekey_free(r);
	return ERR_PTR(err);
}

void sluice_rekey_swap(struct sluice_rekey *r, struct sluice_crypt *crypt)
{
	lockdep_assert_held(&r->bv->key_lock);
	swap(r->to, *crypt);
	/* What it had of its own for the other one. */
	skcipher_request_set_tfm(r->cipher, r->to.tfm);
	skcipher_request_zero(r->cipher);
}

/* --- whose journal --------------------------------------------------------------------------- */

/* May it be gone on from? With words if not. */
static int rekey_check(struct sluice_rekey *r, const struct sluice_journal *found,
		       struct netlink_ext_ack *extack)
{
	struct sluice_journal *h = &r->header;
	int err;

	if (sluice_journal_other_volume(found, h, extack) ||
	    sluice_journal_other_shape(found, h, extack))
		return -EEXIST;
	memcpy(h->uuid, found->uuid, sizeof(h->uuid));
	err = rekey_ids(r, h);
	if (err)
		return err;
	if (!memcmp(found->old_id, h->old_id, sizeof(h->old_id)) &&
	    !memcmp(found->new_id, h->new_id, sizeof(h->new_id)) &&
	    le64_to_cpu(found->pos) <= r->v->sectors &&
	    le32_to_cpu(found->len) <= r->v->sectors - le64_to_cpu(found->pos))
		return 0;
	NL_SET_ERR_MSG(extack, "the journal is that of other keys");
	return -EEXIST;
}

/* --- go on, or begin ------------------------------------------------------------------------- */

/*
 * To a key that was given up, for being known to somebody maybe, it is not begun by who says again
 * what he said before, as a state does.
 */
static int rekey_may_begin(struct sluice_rekey *r, const struct sluice_record *record,
			   struct netlink_ext_ack *extack)
{
	enum sluice_rekey_way way = READ_ONCE(r->v->rekey.way);
	u8 to[SLUICE_RECORD_ID];
	int err;

	if (record && record->state == SLUICE_RECORD_GIVEN_UP) {
		err = sluice_rekey_check(r, &r->to, record->uuid, to);
		if (err)
			return err;
		if (!memcmp(to, record->to, sizeof(to))) {
			if (way == SLUICE_REKEY_FORWARD)
				return 0;
			NL_SET_ERR_MSG(extack, "that key was given up: 'forward' begins anew");
			return -EKEYREJECTED;
		}
	}
	if (way == SLUICE_REKEY_AS_IT_WAS)
		return 0;
	NL_SET_ERR_MSG(extack, "there is none that goes on: leave out 'back', or 'forward'");
	return -ENOENT;
}

/* @record: NULL: there is none. The record is told when the journal is there. */
static int rekey_begin(struct sluice_rekey *r, const struct sluice_journal *found,
		       const struct sluice_record *record, struct netlink_ext_ack *extack)
{
	struct sluice_journal *h = &r->header;
	u8 to[SLUICE_RECORD_ID];
	int err;

	err = rekey_may_begin(r, record, extack);
	if (err)
		return err;
	generate_random_uuid(h->uuid);
	h->seq = found ? found->seq : 0;
	err = rekey_ids(r, h);
	if (!err && !memcmp(h->old_id, h->new_id, sizeof(h->old_id))) {
		NL_SET_ERR_MSG(extack, "the volume has that key");
		return -EINVAL;
	}
	if (!err && record)
		err = sluice_rekey_check(r, &r->to, record->uuid, to);
	if (!err)
		err = sluice_rekey_write_header(r, JOURNAL_AT_REST, 0, 0);
	if (err || !record)
		return err;
	err = sluice_volume_record_begin(r->v, to, h->uuid);
	r->fresh = !err;
	if (err) {
		NL_SET_ERR_MSG(extack, "the record cannot be written");
		/* It may be there all the same; nothing of the volume has another key yet. */
		sluice_volume_record_undo(r->v);
	}
	return err;
}

static int rekey_go_on(struct sluice_rekey *r, const struct sluice_journal *found,
		       struct netlink_ext_ack *extack)
{
	int err = rekey_check(r, found, extack);

	if (err)
		return err;
	/* A guest that has the volume would have seen it with one key only. */
	if (r->v->user && (found->pos || le32_to_cpu(found->state) == JOURNAL_CHUNK)) {
		NL_SET_ERR_MSG(extack, "begun before: go on before a front end has the volume");
		return -EBUSY;
	}
	r->header = *found;
	return sluice_rekey_replay(r);
}

/* What the record says last was to be said by the journal next, when both were at rest. */
static bool rekey_turned_since(const struct sluice_journal *found,
			       const struct sluice_record *record)
{
	return le32_to_cpu(found->turns) + 1 == record->turns &&
	       le32_to_cpu(found->state) == JOURNAL_AT_REST &&
	       le64_to_cpu(found->pos) == record->pos;
}

/* Is the record further? */
static bool rekey_is_old_copy(const struct sluice_journal *found,
			      const struct sluice_record *record)
{
	u64 pos = le64_to_cpu(found->pos);

	if (le32_to_cpu(found->turns) != record->turns)
		return !rekey_turned_since(found, record);
	return sluice_journal_back(found) ? pos > record->pos : pos < record->pos;
}

static int rekey_go_on_recorded(struct sluice_rekey *r, const struct sluice_journal *found,
				const struct sluice_record *record, struct netlink_ext_ack *extack)
{
	int err = rekey_go_on(r, found, extack);

	if (err || le32_to_cpu(r->header.turns) == record->turns)
		return err;
	r->header.turns = cpu_to_le32(record->turns);
	return sluice_rekey_write_header(r, JOURNAL_AT_REST, record->pos, 0);
}

/* The record says that it was begun: only with that key and that journal it goes on. */
static int rekey_open_running(struct sluice_rekey *r, const struct sluice_journal *found,
			      const struct sluice_record *record, struct netlink_ext_ack *extack)
{
	u8 to[SLUICE_RECORD_ID];
	int err = sluice_rekey_check(r, &r->to, record->uuid, to);

	if (err)
		return err;
	if (memcmp(to, record->to, sizeof(to))) {
		NL_SET_ERR_MSG(extack, "the record says that it is getting another key");
		return -EKEYREJECTED;
	}
	if (!found || memcmp(found->uuid, record->journal, sizeof(found->uuid))) {
		NL_SET_ERR_MSG(extack, "not the journal that it was begun with: that is needed");
		return -ENODATA;
	}
	if (le32_to_cpu(found->turns) > record->turns) {
		NL_SET_ERR_MSG(extack,
			       "an old copy of the record: the journal was turned round since");
		return -ESTALE;
	}
	if (rekey_is_old_copy(found, record)) {
		NL_SET_ERR_MSG(extack, "an old copy of the journal: the record is further");
		return -ESTALE;
	}
	return rekey_go_on_recorded(r, found, record, extack);
}

/* The record says that it was not begun. */
static int rekey_open_recorded(struct sluice_rekey *r, const struct sluice_journal *found,
			       const struct sluice_record *record, struct netlink_ext_ack *extack)
{
	bool untouched = found && le32_to_cpu(found->state) == JOURNAL_AT_REST && !found->pos;

	if (!found || le32_to_cpu(found->state) == JOURNAL_DONE)
		return rekey_begin(r, found, record, extack);
	if (sluice_journal_other_volume(found, &r->header, extack))
		return -EEXIST;
	/* One that the record was not told of, or that it knows to be done. */
	if (untouched || (record->state != SLUICE_RECORD_AT_REST &&
			  !memcmp(found->uuid, record->journal, sizeof(found->uuid))))
		return rekey_begin(r, found, record, extack);
	NL_SET_ERR_MSG(extack, "the record knows nothing of what this journal tells of");
	return -EEXIST;
}

static int rekey_open_unrecorded(struct sluice_rekey *r, const struct sluice_journal *found,
				 struct netlink_ext_ack *extack)
{
	struct netlink_ext_ack words = {};
	struct sluice_journal *h = &r->header;
	int err;

	if (found && le32_to_cpu(found->state) != JOURNAL_DONE)
		return rekey_go_on(r, found, extack);
	if (found && !sluice_journal_other_volume(found, h, &words) &&
	    !sluice_journal_other_shape(found, h, &words)) {
		memcpy(h->uuid, found->uuid, sizeof(h->uuid));
		err = rekey_ids(r, h);
		/* Once more from a key that it has not would leave what nobody can read. */
		if (!err && !memcmp(sluice_journal_back(found) ? found->new_id : found->old_id,
				    h->old_id, sizeof(h->old_id))) {
			NL_SET_ERR_MSG_FMT(extack,
					   "the journal says that the volume has its %s key",
					   sluice_journal_back(found) ? "old" : "new");
			err = -EEXIST;
		}
		if (err)
			return err;
	}
	return rekey_begin(r, found, NULL, extack);
}

/* @found: 0, or what there is if it is none of this version. */
static int rekey_adopt(struct sluice_rekey *r, int found, bool recorded,
		       struct netlink_ext_ack *extack)
{
	if (found == -EPROTO)
		return sluice_adopt(r, recorded, extack);
	if (found && found != -ENOENT)
		return found;
	NL_SET_ERR_MSG(extack, "no journal of version 1 is there: leave out 'adopt'");
	return -ENODATA;
}

/* Go on where the journal was left, or begin. */
static int rekey_open(struct sluice_rekey *r, struct netlink_ext_ack *extack)
{
	const struct sluice_journal *found = &r->found;
	struct sluice_record record;
	bool recorded = sluice_volume_record_get(r->v, &record);
	int err;

	sluice_journal_describe(&r->header, r->v, recorded ? record.uuid : NULL);
	err = rekey_read_header(r, extack);
	if (r->v->rekey.adopt)
		return rekey_adopt(r, err, recorded, extack);
	if (err == -EPROTO)
		NL_SET_ERR_MSG(extack,
			       "a journal of version 1: if the volume is as it was then, say 'adopt'");
	if (err == -ENOENT)
		found = NULL;
	else if (err)
		return err;
	if (!recorded)
		return rekey_open_unrecorded(r, found, extack);
	if (record.state == SLUICE_RECORD_RUNNING)
		return rekey_open_running(r, found, &record, extack);
	return rekey_open_recorded(r, found, &record, extack);
}

int sluice_rekey_open(struct sluice_rekey *r, struct netlink_ext_ack *extack)
{
	int err = rekey_open(r, extack);

	/* What it wrote by then is what a crash would have left. */
	if (err == -EKEYREVOKED)
		NL_SET_ERR_MSG(extack,
			       "its key was wiped: say 'sluice volume key-resume' first, then this again");
	return err;
}

void sluice_rekey_drop(struct sluice_rekey *r)
{
	rekey_enlist(r->bv, NULL);
	/* Nothing has the new key, so the record need not stay as if something might. */
	if (r->fresh)
		sluice_volume_record_undo(r->v);
	rekey_free(r);
}

void sluice_rekey_start(struct sluice_volume *v, struct sluice_rekey *r)
{
	struct sluice_blk_volume *bv = v->engine;
	u64 pos = le64_to_cpu(r->header.pos);

	sluice_rekey_look_anew(r);
	sluice_volume_rekey_begins(v, pos, sluice_rekey_back(r));
	/* Queues that are there go over with the first chunk: until then there is no difference. */
	sluice_view_set(bv, sluice_rekey_view(r, pos));
	queue_work(system_unbound_wq, &r->work);
}

/*
 * The view stays: without both keys nobody can tell what is where. So this is for a volume that
 * goes, with no queue attached.
 */
void sluice_rekey_stop(struct sluice_volume *v)
{
	struct sluice_blk_volume *bv = v->engine;
	struct sluice_rekey *r = bv->rekey;

	if (!r)
		return;
	WRITE_ONCE(r->stop, true);
	wake_up_all(&v->rekey.wait);
	cancel_work_sync(&r->work);
	rekey_enlist(bv, NULL);
	rekey_free(r);
}

/*
 * The lock, when there are keys; or the volume goes, so that it does not matter which they are. Who
 * has it waits for workers, as who takes the keys away, who tries for it as long as he would wait
 * for them.
 */
static void rekey_lock_keys(struct sluice_volume *v, struct sluice_blk_volume *bv)
{
	mutex_lock(&bv->key_lock);
	while (READ_ONCE(bv->view)->wiped && !READ_ONCE(v->ending)) {
		mutex_unlock(&bv->key_lock);
		wait_event_idle(v->rekey.wait,
				!READ_ONCE(bv->view)->wiped || READ_ONCE(v->ending));
		mutex_lock(&bv->key_lock);
	}
}

int sluice_rekey_finish(struct sluice_volume *v)
{
	struct sluice_blk_volume *bv = v->engine;
	struct sluice_rekey *r = bv->rekey;
	struct sluice_crypt gone;

	flush_work(&r->work);
	if (!r->done)
		return READ_ONCE(v->rekey.stall.error) ?: -EBUSY;
	rekey_lock_keys(v, bv);
	gone = r->to;
	/* Queues go over one by one: either name is that of the new key. */
	if (!sluice_rekey_back(r)) {
		mutex_lock(&bv->queues_lock);
		gone = bv->crypt;
		bv->crypt = r->to;
		mutex_unlock(&bv->queues_lock);
	}
	sluice_view_publish(v, &bv->plain);
	/* No queue knows of the other key any more. */
	r->to = gone;
	bv->rekey = NULL;
	mutex_unlock(&bv->key_lock);
	rekey_free(r);
	return 0;
}
