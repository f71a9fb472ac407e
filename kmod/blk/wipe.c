// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume's key is taken out of memory, and comes back.
 *
 * DOC: Without a key
 *
 * Queues go by a view that locks all blocks: see rekey.h. When all have taken it over, no worker
 * uses the key, nor will, and it can go. What the device has by then ends: writes as ever, they
 * went through the cipher before; of reads it is dropped what was read, and they are asked for
 * again when there is a key. All other requests wait, or fail; those of a queue that is drained
 * end, as nobody can wait for the operator.
 *
 * In its place there is a key that nobody knows, so that the volume is one that is encrypted all
 * the same.
 *
 * DOC: Without both keys
 *
 * While it is re-encrypted it has two, and both go. The work that re-encrypts, and the one that
 * opens its journal, use keys under bv->key_lock only, for a part of a chunk at a time, and not
 * once bv->keyless is set. So who sets that, has the lock, and has seen all queues go by a view
 * without a key, finds nobody who uses one. Nor is there plaintext: the work's pages have it
 * between the two ciphers only, which one holder of the lock runs one after the other; before, and
 * afterwards, they hold what a device has, or is to have.
 *
 * The work does not begin anything then, nor try again what failed, until there are keys. What it
 * was at it ends soundly, as nothing but the two ciphers takes a key:
 *
 * - The chunk was not through them: nothing of it was written. It is let go of with the key that
 *   its blocks have, and read anew later.
 * - It was: it lies in the work's memory as its blocks are to be, and in this form is written to
 *   the journal, and to its place, with a header after each. These steps are done, or tried again
 *   later from the same memory, whichever keys there are; as ever the journal, once a header tells
 *   of the chunk, has all that is needed to write it to its place, also for who opens it after a
 *   crash and does not know a key.
 *
 * So a re-encryption without its keys leaves what a crash at that point would, at the latest. The
 * view that it goes by then waits as bv->base, and the work, for queues to go by that, where there
 * are queues: see sluice_view_publish(). As no queue goes by any other view than one of those
 * without a key, its two may take turns meanwhile.
 *
 * The end of a re-encryption makes one key of two, and waits for queues meanwhile; it does so under
 * the lock, hence with keys. Who removes the volume waits for none: its work stops, see @stop.
 *
 * Both keys come back at once, each checked for itself, or none does: with one of them nobody could
 * serve the volume. Which is which does not depend on the way that it goes.
 */
#include <crypto/skcipher.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include "blk.h"
#include "rekey_chunk.h"
#include "view.h"

void sluice_wipe_init(struct sluice_blk_volume *bv)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bv->wiped); i++)
		bv->wiped[i] = (struct sluice_rekey_view){
			.crypt = &bv->crypt,
			.next = &bv->crypt,
			.end = U64_MAX,
			.failed = i,
			.wiped = true,
		};
}

/* As long as the volume's, so that it is the same cipher. */
static int wipe_new_key(const struct sluice_volume *v, struct sluice_crypt *c,
			struct netlink_ext_ack *extack)
{
	struct sluice_volume_cipher cipher = {
		.key_len = 2 * v->cipher_bits / BITS_PER_BYTE,
		.sector_size = v->sector_size,
		.iv_offset = v->iv_offset,
	};
	int err;

	get_random_bytes(cipher.key, cipher.key_len);
	err = sluice_crypt_init(c, &cipher, extack);
	memzero_explicit(&cipher, sizeof(cipher));
	return err;
}

/* It is looked once more when the time is over. */
static bool wipe_rests(bool *last, unsigned long until)
{
	if (*last)
		return false;
	usleep_range(50, 500);
	*last = time_after(jiffies, until);
	return true;
}

/* True: nobody but workers uses a key. */
static bool wipe_lock(struct sluice_blk_volume *bv, unsigned long until)
{
	bool last = false, locked;

	while (!(locked = mutex_trylock(&bv->key_lock)) && wipe_rests(&last, until))
		;
	return locked;
}

/*
 * True: all queues go by it. One that has not come back from the last time that there was none
 * would be taken for one that has gone over.
 */
static bool wipe_publish(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view,
			 unsigned long until)
{
	bool last = false, busy;

	while ((busy = sluice_view_used(bv, view)) && wipe_rests(&last, until))
		;
	if (busy)
		return false;
	sluice_view_wipe(bv, view);
	while ((busy = sluice_view_pending(bv, view, false)) && wipe_rests(&last, until))
		;
	return !busy;
}

/* What queues have of their own for the cipher. Context: none uses it. */
static void wipe_requests(struct sluice_blk_volume *bv)
{
	struct sluice_blk_queue *bq;

	mutex_lock(&bv->queues_lock);
	list_for_each_entry(bq, &bv->queues, node) {
		skcipher_request_set_tfm(bq->cipher, bv->crypt.tfm);
		skcipher_request_zero(bq->cipher);
	}
	mutex_unlock(&bv->queues_lock);
}

/**
 * struct wipe_keys - a volume's, or what takes their place
 * @has: the one that it has, or had
 * @gets: the one that it is getting, if it is being re-encrypted
 */
struct wipe_keys {
	struct sluice_crypt has;
	struct sluice_crypt gets;
};

static void wipe_keys_exit(struct wipe_keys *keys)
{
	sluice_crypt_exit(&keys->has);
	sluice_crypt_exit(&keys->gets);
}

static void wipe_swap(struct sluice_blk_volume *bv, struct wipe_keys *keys)
{
	swap(bv->crypt, keys->has);
	if (bv->rekey)
		sluice_rekey_swap(bv->rekey, &keys->gets);
}

/* What its keys are known by, and what takes their place. */
static int wipe_prepare(const struct sluice_volume *v, struct wipe_keys *none,
			struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = v->engine;
	struct sluice_wipe_id *id = &bv->wiped_id;
	int err;

	generate_random_uuid(id->uuid);
	err = sluice_crypt_check(&bv->crypt, id->uuid, id->has) ?:
	      wipe_new_key(v, &none->has, extack);
	if (err || !bv->rekey)
		return err;
	return sluice_crypt_check(&bv->rekey->to, id->uuid, id->gets) ?:
	       wipe_new_key(v, &none->gets, extack);
}

/* Context: key_lock held. */
static int wipe_do(struct sluice_volume *v, const struct sluice_rekey_view *view,
		   unsigned long until, struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = v->engine;
	struct wipe_keys keys = {};
	int err = wipe_prepare(v, &keys, extack);

	if (!err && !wipe_publish(bv, view, until)) {
		sluice_view_wipe(bv, NULL);
		err = -ETIMEDOUT;
	}
	if (!err) {
		wipe_swap(bv, &keys);
		wipe_requests(bv);
	}
	wipe_keys_exit(&keys);
	return err;
}

static int wipe_begin(struct sluice_volume *v, const struct sluice_rekey_view *view,
		      unsigned long patience, struct netlink_ext_ack *extack)
{
	unsigned long until = jiffies + patience;
	struct sluice_blk_volume *bv = v->engine;
	int err = -ETIMEDOUT;

	/* First: who re-encrypts would have the lock again and again. */
	WRITE_ONCE(bv->keyless, true);
	if (wipe_lock(bv, until)) {
		err = wipe_do(v, view, until, extack);
		if (err)
			WRITE_ONCE(bv->keyless, false);
		mutex_unlock(&bv->key_lock);
	} else {
		WRITE_ONCE(bv->keyless, false);
	}
	if (err == -ETIMEDOUT)
		NL_SET_ERR_MSG(extack,
			       "a worker does not answer, and may use the key: see 'sluice worker show'");
	wake_up_all(&v->rekey.wait);
	return err;
}

int sluice_wipe_key(struct sluice_volume *v, bool fail, unsigned long patience,
		    struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = v->engine;
	const struct sluice_rekey_view *view = &bv->wiped[fail];
	int err = 0;

	ASSERT_RTNL();
	lockdep_assert_held(&v->lock);
	if (READ_ONCE(bv->view)->wiped)
		sluice_view_wipe(bv, view);
	else
		err = wipe_begin(v, view, patience, extack);
	sluice_view_wake(bv);
	return err;
}

/* --- and back -------------------------------------------------------------------------------- */

/* As many as were taken away? */
static int wipe_check_number(const struct sluice_blk_volume *bv, bool both,
			     struct netlink_ext_ack *extack)
{
	if (both == !!bv->rekey)
		return 0;
	if (both)
		NL_SET_ERR_MSG(extack, "it is not being re-encrypted: leave out 'key-before'");
	else
		NL_SET_ERR_MSG(extack,
			       "it is being re-encrypted: say both, 'key-before' that it had, 'key' that it gets");
	return -EINVAL;
}

static int wipe_check_both(const struct sluice_wipe_id *id, const struct sluice_wipe_id *is,
			   struct netlink_ext_ack *extack)
{
	bool has = !memcmp(is->has, id->has, sizeof(is->has));
	bool gets = !memcmp(is->gets, id->gets, sizeof(is->gets));

	if (has && gets)
		return 0;
	if (!memcmp(is->has, id->gets, sizeof(is->has)) &&
	    !memcmp(is->gets, id->has, sizeof(is->gets)))
		NL_SET_ERR_MSG(extack,
			       "these are its keys, but swapped: 'key-before' is the one that it had");
	else if (has)
		NL_SET_ERR_MSG(extack,
			       "'key' is not the one that it gets: see 'rekey-key' of 'sluice volume show'");
	else if (gets)
		NL_SET_ERR_MSG(extack,
			       "'key-before' is not the one that it had: see 'key' of 'sluice volume show'");
	else
		NL_SET_ERR_MSG(extack,
			       "neither is its key: see 'key' and 'rekey-key' of 'sluice volume show'");
	return -EKEYREJECTED;
}

static int wipe_check(const struct sluice_blk_volume *bv, const struct wipe_keys *keys,
		      struct netlink_ext_ack *extack)
{
	const struct sluice_wipe_id *id = &bv->wiped_id;
	struct sluice_wipe_id is;
	int err;

	err = sluice_crypt_check(&keys->has, id->uuid, is.has);
	if (!err && bv->rekey)
		err = sluice_crypt_check(&keys->gets, id->uuid, is.gets);
	if (err)
		return err;
	if (bv->rekey)
		return wipe_check_both(id, &is, extack);
	if (!memcmp(is.has, id->has, sizeof(is.has)))
		return 0;
	NL_SET_ERR_MSG(extack, "that is not the volume's key");
	return -EKEYREJECTED;
}

/* Context: key_lock held. */
static int wipe_undo(struct sluice_blk_volume *bv, const struct sluice_volume_cipher *key,
		     const struct sluice_volume_cipher *before, struct netlink_ext_ack *extack)
{
	struct wipe_keys keys = {};
	int err = wipe_check_number(bv, before, extack);

	if (!err)
		err = sluice_crypt_init(&keys.has, before ?: key, extack);
	if (!err && before)
		err = sluice_crypt_init(&keys.gets, key, extack);
	if (!err)
		err = wipe_check(bv, &keys, extack);
	if (!err) {
		wipe_swap(bv, &keys);
		WRITE_ONCE(bv->keyless, false);
		sluice_view_wipe(bv, NULL);
	}
	wipe_keys_exit(&keys);
	return err;
}

int sluice_wipe_resume(struct sluice_volume *v, const struct sluice_volume_cipher *key,
		       const struct sluice_volume_cipher *before, struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = v->engine;
	int err;

	ASSERT_RTNL();
	lockdep_assert_held(&v->lock);
	/* Who else takes it finds that there are no keys, and lets go. */
	mutex_lock(&bv->key_lock);
	err = wipe_undo(bv, key, before, extack);
	mutex_unlock(&bv->key_lock);
	if (err)
		return err;
	sluice_view_wake(bv);
	wake_up_all(&v->rekey.wait);
	return 0;
}
