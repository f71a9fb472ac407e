// SPDX-License-Identifier: GPL-2.0-only
/*
 * A journal of the first version is adopted. It says where the volume begins, how long it is, and
 * tells whether a key is the one; not on which device it lies, nor how its blocks are encrypted.
 * For these the operator stands, who made the volume and said so. From then on it is as any other:
 * the first header in the new form is written when what the old ones tell of is in place.
 */
#include <crypto/skcipher.h>
#include <linux/uuid.h>
#include "adopt.h"
#include "rekey_chunk.h"

void sluice_adopt_note(struct sluice_rekey *r)
{
	const struct sluice_journal_v1 *h = page_address(r->side);

	if (!r->first.magic || le64_to_cpu(h->seq) > le64_to_cpu(r->first.seq))
		r->first = *h;
}

/* How it encrypts a block of zeroes that no volume is large enough to have. */
static int adopt_id(struct sluice_rekey *r, const struct sluice_crypt *crypt,
		    u8 id[SLUICE_RECORD_ID])
{
	struct sluice_pieces_cursor from = sluice_pieces_start(&r->pieces), to = from;
	struct sluice_crypt plain = { .tfm = crypt->tfm, .sector_size = crypt->sector_size };
	int err;

	memset(page_address(r->page[0]), 0, PAGE_SIZE);
	err = sluice_crypt_run(&plain, r->cipher, &from, &to, U64_MAX, crypt->sector_size, true);
	memcpy(id, page_address(r->page[0]), SLUICE_RECORD_ID);
	return err;
}

static int adopt_check_keys(struct sluice_rekey *r, struct netlink_ext_ack *extack)
{
	u8 old_id[SLUICE_RECORD_ID], new_id[SLUICE_RECORD_ID];
	int err = -EKEYREVOKED;

	mutex_lock(&r->bv->key_lock);
	if (!READ_ONCE(r->bv->keyless))
		err = adopt_id(r, &r->bv->crypt, old_id) ?: adopt_id(r, &r->to, new_id);
	mutex_unlock(&r->bv->key_lock);
	if (err)
		return err;
	if (!memcmp(old_id, r->first.old_id, sizeof(old_id)) &&
	    !memcmp(new_id, r->first.new_id, sizeof(new_id)))
		return 0;
	NL_SET_ERR_MSG(extack, "the journal is that of other keys");
	return -EEXIST;
}

static int adopt_check(struct sluice_rekey *r, bool recorded, struct netlink_ext_ack *extack)
{
	const struct sluice_journal_v1 *h = &r->first;
	u64 start = le64_to_cpu(h->start), sectors = le64_to_cpu(h->sectors);
	u64 pos = le64_to_cpu(h->pos);

	if (recorded) {
		NL_SET_ERR_MSG(extack,
			       "a journal of version 1 knows no record: finish it without one first");
		return -EINVAL;
	}
	if (start != r->v->start || sectors != r->v->sectors) {
		NL_SET_ERR_MSG_FMT(extack,
				   "the journal is that of a volume with start %llus size %llus",
				   start, sectors);
		return -EEXIST;
	}
	if (r->v->user && (pos || le32_to_cpu(h->state) == JOURNAL_CHUNK)) {
		NL_SET_ERR_MSG(extack, "begun before: go on before a front end has the volume");
		return -EBUSY;
	}
	if (pos > sectors || le32_to_cpu(h->len) > sectors - pos ||
	    le32_to_cpu(h->len) > SLUICE_REKEY_CHUNK ||
	    le32_to_cpu(h->state) > JOURNAL_CHUNK) {
		NL_SET_ERR_MSG(extack, "the journal says what it cannot: it is damaged");
		return -EBADMSG;
	}
	return adopt_check_keys(r, extack);
}

int sluice_adopt(struct sluice_rekey *r, bool recorded, struct netlink_ext_ack *extack)
{
	const struct sluice_journal_v1 *first = &r->first;
	struct sluice_journal *h = &r->header;
	int err = adopt_check(r, recorded, extack);

	if (err)
		return err;
	generate_random_uuid(h->uuid);
	err = sluice_rekey_check(r, &r->bv->crypt, h->uuid, h->old_id) ?:
	      sluice_rekey_check(r, &r->to, h->uuid, h->new_id);
	if (err)
		return err;
	h->state = first->state;
	h->seq = first->seq;
	h->pos = first->pos;
	h->len = first->len;
	if (le32_to_cpu(h->state) == JOURNAL_CHUNK)
		return sluice_rekey_replay(r);
	return sluice_rekey_write_header(r, JOURNAL_AT_REST, le64_to_cpu(h->pos), 0);
}
