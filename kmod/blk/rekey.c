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
 */
#include <crypto/skcipher.h>
#include <linux/bio.h>
#include <linux/delay.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include "blk.h"
#include "journal.h"
#include "view.h"

#define REKEY_PAGES	((SLUICE_REKEY_CHUNK << SECTOR_SHIFT) >> PAGE_SHIFT)
/* Sectors of a header's place: no two lie in one block of any device. */
#define REKEY_PLACE	8
/* Sectors after which the record is told how far it is. */
#define REKEY_TELL	(256 * SLUICE_REKEY_CHUNK)

/**
 * struct sluice_rekey - one under way
 * @v: of which volume
 * @bv: what hangs on it
 * @to: the new key
 * @journal: device
 * @header: the newest
 * @found: what there was when it was opened
 * @page: a chunk
 * @pieces: the same, as the cipher wants it
 * @side: a header's page
 * @cipher: for this thread
 * @view: see above
 * @turn: the one that was published last
 * @work: goes on
 * @stop: it is to come to rest; WRITE_ONCE
 * @fresh: it was not begun before
 * @done: it went through
 */
struct sluice_rekey {
	struct sluice_volume *v;
	struct sluice_blk_volume *bv;
	struct sluice_crypt to;
	struct block_device *journal;
	struct sluice_journal header;
	struct sluice_journal found;
	struct page *page[REKEY_PAGES];
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
static int rekey_journal_io(struct sluice_rekey *r, u32 len, blk_opf_t opf)
{
	return rekey_io(r->journal, r->v->rekey.start + 2 * REKEY_PLACE, r->page, len, opf);
}

/* Its place in the volume. A journal may lie on another device, so no header makes this durable. */
static int rekey_put(struct sluice_rekey *r, u64 pos, u32 len)
{
	return rekey_io(r->v->bdev, r->v->start + pos, r->page, len, REQ_OP_WRITE | REQ_FUA);
}

/* --- header ---------------------------------------------------------------------------------- */

/* All that was written to the journal before is durable, and this too. */
static int rekey_write_header(struct sluice_rekey *r, enum sluice_journal_state state, u64 pos,
			      u32 len)
{
	struct sluice_journal *h = &r->header;
	u64 seq = le64_to_cpu(h->seq) + 1;

	h->state = cpu_to_le32(state);
	h->seq = cpu_to_le64(seq);
	h->pos = cpu_to_le64(pos);
	h->len = cpu_to_le32(len);
	sluice_journal_seal(h);
	memset(page_address(r->side), 0, PAGE_SIZE);
	memcpy(page_address(r->side), h, sizeof(*h));
	return rekey_io(r->journal, r->v->rekey.start + (seq & 1) * REKEY_PLACE, &r->side,
			REKEY_PLACE, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA);
}

static int rekey_read_side(struct sluice_rekey *r, int i, struct netlink_ext_ack *extack)
{
	const struct sluice_journal *h = page_address(r->side);
	int err = rekey_io(r->journal, r->v->rekey.start + i * REKEY_PLACE, &r->side, REKEY_PLACE,
			   REQ_OP_READ);

	if (err) {
		NL_SET_ERR_MSG(extack, "the journal cannot be read");
		return err;
	}
	err = sluice_journal_parse(h);
	if (err == -EOPNOTSUPP)
		NL_SET_ERR_MSG(extack, "the journal is of a later version of Sluice");
	if (err || (le64_to_cpu(h->seq) & 1) == i)
		return err;
	/* One place further on or back: what lies there is a header of it, or its chunk. */
	if (le32_to_cpu(h->state) == JOURNAL_DONE)
		return -ENOENT;
	NL_SET_ERR_MSG(extack, "a journal begins 4096 bytes beside that: see 'journal-start'");
	return -EEXIST;
}

/* Of the two the newest becomes @r->found; -ENOENT: there is none, or another error. */
static int rekey_read_header(struct sluice_rekey *r, struct netlink_ext_ack *extack)
{
	const struct sluice_journal *h = page_address(r->side);
	int i, err, ret = -ENOENT;

	for (i = 0; i < 2; i++) {
		err = rekey_read_side(r, i, extack);
		if (err && err != -ENOENT && err != -EPROTO)
			return err;
		/* A later one was begun over what is left of the first version's. */
		if (err == -EPROTO && ret)
			ret = err;
		if (err || (!ret && le64_to_cpu(h->seq) < le64_to_cpu(r->found.seq)))
			continue;
		r->found = *h;
		ret = 0;
	}
	if (ret == -EPROTO)
		NL_SET_ERR_MSG(extack, "the journal is of an earlier version: finish it with that");
	return ret;
}

/* Both keys, for the journal. */
static int rekey_ids(struct sluice_rekey *r, struct sluice_journal *h)
{
	return sluice_crypt_check(&r->bv->crypt, h->uuid, h->old_id) ?:
	       sluice_crypt_check(&r->to, h->uuid, h->new_id);
}

/* --- queues ---------------------------------------------------------------------------------- */

/*
 * When it returns all queues go by the view, and no request for what it locks is under way. Those
 * that fail to end are the device's, which ends them all sooner or later.
 */
static void rekey_publish(struct sluice_rekey *r, const struct sluice_rekey_view *view)
{
	sluice_view_set(r->bv, view);
	while (sluice_view_pending(r->bv, view, true))
		usleep_range(50, 500);
	/* Those that waited for a chunk may go now. */
	sluice_view_wake(r->bv);
}

static const struct sluice_rekey_view *rekey_view(struct sluice_rekey *r, u64 pos, u64 end,
						  bool failed)
{
	struct sluice_rekey_view *view = &r->view[++r->turn & 1];

	*view = (struct sluice_rekey_view){
		.crypt = &r->bv->crypt,
		.next = &r->to,
		.pos = pos,
		.end = end,
		.failed = failed,
	};
	return view;
}

/* --- chunks ---------------------------------------------------------------------------------- */

static int rekey_recrypt(struct sluice_rekey *r, u64 pos, u32 len)
{
	struct sluice_pieces_cursor from = sluice_pieces_start(&r->pieces), to = from;
	int err;

	err = sluice_crypt_run(&r->bv->crypt, r->cipher, &from, &to, pos, len << SECTOR_SHIFT,
			       false);
	if (err)
		return err;
	from = sluice_pieces_start(&r->pieces);
	to = from;
	return sluice_crypt_run(&r->to, r->cipher, &from, &to, pos, len << SECTOR_SHIFT, true);
}

/* @torn: it failed, and which key the chunk has after a crash depends on the journal. */
static int rekey_chunk(struct sluice_rekey *r, u64 pos, u32 len, bool *torn)
{
	struct sluice_volume *v = r->v;
	int err;

	err = rekey_io(v->bdev, v->start + pos, r->page, len, REQ_OP_READ);
	if (!err)
		err = rekey_recrypt(r, pos, len);
	if (!err)
		err = rekey_journal_io(r, len, REQ_OP_WRITE);
	if (err)
		return err;
	/* From here on what goes wrong is made good by the journal, the next time it is opened. */
	err = rekey_write_header(r, JOURNAL_CHUNK, pos, len);
	if (!err)
		err = rekey_put(r, pos, len);
	if (!err)
		err = rekey_write_header(r, JOURNAL_AT_REST, pos + len, 0);
	*torn = err;
	return err;
}

/* What was in the journal may be in place in part only. */
static int rekey_replay(struct sluice_rekey *r)
{
	u64 pos = le64_to_cpu(r->header.pos);
	u32 len = le32_to_cpu(r->header.len);
	int err;

	if (le32_to_cpu(r->header.state) != JOURNAL_CHUNK)
		return 0;
	if (!len)
		return -EINVAL;
	err = rekey_journal_io(r, len, REQ_OP_READ);
	if (!err)
		err = rekey_put(r, pos, len);
	return err ?: rekey_write_header(r, JOURNAL_AT_REST, pos + len, 0);
}

static int rekey_step(struct sluice_rekey *r, u64 pos, u64 sectors)
{
	u32 len = min_t(u64, sectors - pos, SLUICE_REKEY_CHUNK);
	bool torn = false;
	int err;

	rekey_publish(r, rekey_view(r, pos, pos + len, false));
	err = rekey_chunk(r, pos, len, &torn);
	if (!err) {
		pos += len;
		WRITE_ONCE(r->v->rekey.done, pos);
	}
	/* A chunk that is torn nobody may touch; one that was not begun has the old key. */
	rekey_publish(r, rekey_view(r, pos, torn ? pos + len : pos, torn));
	return err;
}

static void rekey_work(struct work_struct *work)
{
	struct sluice_rekey *r = container_of(work, struct sluice_rekey, work);
	u64 sectors = le64_to_cpu(r->header.geometry.sectors), pos = READ_ONCE(r->v->rekey.done);
	int err = 0;

	while (pos < sectors && !err && !READ_ONCE(r->stop)) {
		err = rekey_step(r, pos, sectors);
		pos = READ_ONCE(r->v->rekey.done);
		if (!err && (pos % REKEY_TELL == 0 || READ_ONCE(r->stop)))
			err = sluice_volume_record_progress(r->v, pos);
		cond_resched();
	}
	/* The newest header is right as it is, but for the end. */
	if (!err && pos >= sectors)
		err = sluice_volume_record_done(r->v) ?:
		      rekey_write_header(r, JOURNAL_DONE, pos, 0);
	WRITE_ONCE(r->v->rekey.error, err);
	if (err)
		pr_warn("sluice: volume %s: cannot be re-encrypted further: %pe\n", r->v->name,
			ERR_PTR(err));
	if (!err && pos >= sectors) {
		r->done = true;
		/* What is added to the volume from now on has the new key too. */
		rekey_publish(r, rekey_view(r, U64_MAX, U64_MAX, false));
	}
	if (!READ_ONCE(r->stop))
		sluice_volume_rekey_ended(r->v);
}

/* --- begin and end --------------------------------------------------------------------------- */

static void rekey_free(struct sluice_rekey *r)
{
	unsigned int i;

	/* They hold plaintext if it failed in between. */
	for (i = 0; i < REKEY_PAGES; i++) {
		if (r->page[i])
			memzero_explicit(page_address(r->page[i]), PAGE_SIZE);
	}
	sluice_pieces_drop(&r->pieces, false, NULL);
	for (i = 0; i < REKEY_PAGES; i++) {
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
	for (i = 0; i < REKEY_PAGES; i++) {
		r->page[i] = alloc_page(GFP_KERNEL);
		if (!r->page[i] ||
		    sluice_pieces_add(&r->pieces, &bv->bs, r->v->bdev, REQ_OP_READ,
				      page_address(r->page[i]), PAGE_SIZE,
				      (REKEY_PAGES - i - 1) * PAGE_SIZE))
			return -ENOMEM;
	}
	sluice_pieces_done(&r->pieces, false);
	return 0;
}

static struct sluice_rekey *rekey_new(struct sluice_volume *v,
				      const struct sluice_volume_cipher *to,
				      struct netlink_ext_ack *extack)
{
	struct sluice_rekey *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err;

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
	if (!err)
		return r;
free:
	rekey_free(r);
	return ERR_PTR(err);
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

/* @record: NULL: there is none. The record is told when the journal is there. */
static int rekey_begin(struct sluice_rekey *r, const struct sluice_journal *found,
		       const struct sluice_record *record, struct netlink_ext_ack *extack)
{
	struct sluice_journal *h = &r->header;
	u8 to[SLUICE_RECORD_ID];
	int err;

	generate_random_uuid(h->uuid);
	h->seq = found ? found->seq : 0;
	err = rekey_ids(r, h);
	if (!err && !memcmp(h->old_id, h->new_id, sizeof(h->old_id))) {
		NL_SET_ERR_MSG(extack, "the volume has that key");
		return -EINVAL;
	}
	if (!err)
		err = rekey_write_header(r, JOURNAL_AT_REST, 0, 0);
	if (err || !record)
		return err;
	err = sluice_crypt_check(&r->to, record->uuid, to) ?:
	      sluice_volume_record_begin(r->v, to, h->uuid);
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
	return rekey_replay(r);
}

/* The record says that it was begun: only with that key and that journal it goes on. */
static int rekey_open_running(struct sluice_rekey *r, const struct sluice_journal *found,
			      const struct sluice_record *record, struct netlink_ext_ack *extack)
{
	u8 to[SLUICE_RECORD_ID];
	int err = sluice_crypt_check(&r->to, record->uuid, to);

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
	if (le64_to_cpu(found->pos) < record->pos) {
		NL_SET_ERR_MSG(extack, "an old copy of the journal: the record is further");
		return -ESTALE;
	}
	return rekey_go_on(r, found, extack);
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
	if (untouched || (record->state == SLUICE_RECORD_DONE &&
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
		/* Once more from the old key would leave nothing that anybody can read. */
		if (!err && !memcmp(found->old_id, h->old_id, sizeof(h->old_id))) {
			NL_SET_ERR_MSG(extack, "the journal says that the volume has its new key");
			err = -EEXIST;
		}
		if (err)
			return err;
	}
	return rekey_begin(r, found, NULL, extack);
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

struct sluice_rekey *sluice_rekey_open(struct sluice_volume *v,
				       const struct sluice_volume_cipher *to,
				       struct netlink_ext_ack *extack)
{
	struct sluice_rekey *r = rekey_new(v, to, extack);
	int err;

	if (IS_ERR(r))
		return r;
	err = rekey_open(r, extack);
	if (!err)
		return r;
	rekey_free(r);
	return ERR_PTR(err);
}

void sluice_rekey_drop(struct sluice_rekey *r)
{
	/* Nothing has the new key, so the record need not stay as if something might. */
	if (r->fresh)
		sluice_volume_record_undo(r->v);
	rekey_free(r);
}

void sluice_rekey_start(struct sluice_volume *v, struct sluice_rekey *r)
{
	struct sluice_blk_volume *bv = v->engine;
	u64 pos = le64_to_cpu(r->header.pos);

	WRITE_ONCE(v->rekey.done, pos);
	WRITE_ONCE(v->rekey.error, 0);
	/* Queues that are there go over with the first chunk: until then there is no difference. */
	sluice_view_set(bv, rekey_view(r, pos, pos, false));
	bv->rekey = r;
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
	cancel_work_sync(&r->work);
	bv->rekey = NULL;
	rekey_free(r);
}

int sluice_rekey_finish(struct sluice_volume *v)
{
	struct sluice_blk_volume *bv = v->engine;
	struct sluice_rekey *r = bv->rekey;
	struct sluice_crypt old;

	flush_work(&r->work);
	if (!r->done)
		return READ_ONCE(v->rekey.error) ?: -EBUSY;
	/* Queues go over one by one: either name is that of the new key. */
	old = bv->crypt;
	bv->crypt = r->to;
	rekey_publish(r, &bv->plain);
	/* No queue knows of the old key any more. */
	r->to = old;
	bv->rekey = NULL;
	rekey_free(r);
	return 0;
}
