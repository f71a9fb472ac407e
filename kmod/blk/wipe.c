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
 */
#include <crypto/skcipher.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <linux/uuid.h>
#include "blk.h"
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

/* True: all queues go by it. */
static bool wipe_await(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view,
		       unsigned long until)
{
	bool last = false, pending;

	while ((pending = sluice_view_pending(bv, view, false)) && !last) {
		usleep_range(50, 500);
		last = time_after(jiffies, until);
	}
	return !pending;
}

/*
 * One that has not come back from the last time that there was none would be taken for one that
 * has gone over.
 */
static bool wipe_publish(struct sluice_blk_volume *bv, const struct sluice_rekey_view *view,
			 unsigned long until)
{
	if (!wipe_await(bv, &bv->plain, until))
		return false;
	sluice_view_set(bv, view);
	return wipe_await(bv, view, until);
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

static int wipe_begin(struct sluice_volume *v, const struct sluice_rekey_view *view,
		      unsigned long patience, struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = v->engine;
	struct sluice_crypt none = {};
	int err;

	generate_random_uuid(bv->wiped_id.uuid);
	err = sluice_crypt_check(&bv->crypt, bv->wiped_id.uuid, bv->wiped_id.check) ?:
	      wipe_new_key(v, &none, extack);
	if (err)
		return err;
	if (wipe_publish(bv, view, jiffies + patience)) {
		swap(bv->crypt, none);
		wipe_requests(bv);
	} else {
		NL_SET_ERR_MSG(extack,
			       "a worker does not answer, and may use the key: see 'sluice worker show'");
		sluice_view_set(bv, &bv->plain);
		err = -ETIMEDOUT;
	}
	sluice_crypt_exit(&none);
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
		sluice_view_set(bv, view);
	else
		err = wipe_begin(v, view, patience, extack);
	sluice_view_wake(bv);
	return err;
}

int sluice_wipe_resume(struct sluice_volume *v, const struct sluice_volume_cipher *cipher,
		       struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = v->engine;
	u8 check[SLUICE_RECORD_ID];
	struct sluice_crypt crypt;
	int err;

	ASSERT_RTNL();
	lockdep_assert_held(&v->lock);
	err = sluice_crypt_init(&crypt, cipher, extack);
	if (err)
		return err;
	err = sluice_crypt_check(&crypt, bv->wiped_id.uuid, check);
	if (!err && memcmp(check, bv->wiped_id.check, sizeof(check))) {
		NL_SET_ERR_MSG(extack, "that is not the volume's key");
		err = -EKEYREJECTED;
	}
	if (!err) {
		swap(bv->crypt, crypt);
		sluice_view_set(bv, &bv->plain);
		sluice_view_wake(bv);
	}
	sluice_crypt_exit(&crypt);
	return err;
}
