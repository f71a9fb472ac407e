// SPDX-License-Identifier: GPL-2.0-only
/* A volume's key is taken out of memory, and comes back: see blk/wipe.c. */
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "engine_blk.h"
#include "netlink.h"
#include "patience.h"
#include "port.h"
#include "volume.h"

/* How long workers are waited for, in jiffies: a visit is short. */
#define KEY_PATIENCE	HZ

int sluice_volume_key_need(const struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	if (!v->key_wiped)
		return 0;
	NL_SET_ERR_MSG(extack, "its key is wiped: say 'sluice volume key-resume' first");
	return -EBUSY;
}

/*
 * Would @other be lost without the key that @v has? What one is getting whose re-encryption does
 * not go on yet only its record knows; a key that is away cannot be compared with that.
 */
static bool key_is_needed(const struct sluice_volume *other, const struct sluice_volume *v)
{
	const struct sluice_record *record = &other->record.now;
	u8 check[SLUICE_RECORD_ID];

	if (other == v || !other->cipher_bits)
		return false;
	if (sluice_key_same(&other->key_id, &v->key_id) ||
	    (other->rekey.device && sluice_key_same(&other->rekey.key_id, &v->key_id)))
		return true;
	if (!other->record.unresolved)
		return false;
	return v->key_wiped || v->ops->key_check(v, record->uuid, check) ||
	       !memcmp(check, record->to, sizeof(check));
}

int sluice_volume_key_alone(const struct sluice_volume *v, struct netlink_ext_ack *extack)
{
	struct sluice_volume *other = NULL;

	ASSERT_RTNL();
	while ((other = sluice_volume_next(other))) {
		if (!key_is_needed(other, v))
			continue;
		NL_SET_ERR_MSG_FMT(extack, "volume %s has that key too, or may be getting it",
				   other->name);
		return -EBUSY;
	}
	return 0;
}

static int key_may_go(const struct sluice_volume *v, enum sluice_key_wiped how,
		      struct netlink_ext_ack *extack)
{
	if (!v->cipher_bits) {
		NL_SET_ERR_MSG(extack, "the volume has no key");
		return -EINVAL;
	}
	if (v->key_wiped == how) {
		NL_SET_ERR_MSG(extack, "its key is wiped already");
		return -EALREADY;
	}
	return 0;
}

static void key_tell(struct sluice_volume *v, enum sluice_event event)
{
	unsigned int i;

	/* Drivers do not repeat a kick. */
	for (i = 0; i < v->nr_queues; i++)
		sluice_queue_wake(&v->queue[i]);
	sluice_netlink_volume_event(event, v->name, v->key_wiped);
}

int sluice_volume_key_wipe(struct sluice_volume *v, enum sluice_key_wiped how,
			   struct netlink_ext_ack *extack)
{
	int err;

	ASSERT_RTNL();
	err = key_may_go(v, how, extack);
	if (err)
		return err;
	mutex_lock(&v->lock);
	err = v->ops->key_wipe(v, how == SLUICE_KEY_MISSED, sluice_patience(KEY_PATIENCE), extack);
	mutex_unlock(&v->lock);
	if (err == -ETIMEDOUT)
		sluice_patience_spent();
	if (err)
		return err;
	WRITE_ONCE(v->key_wiped, how);
	/* A re-encryption stands still from now on. */
	sluice_progress_reset(&v->rekey.progress);
	key_tell(v, SLUICE_EVENT_VOLUME_KEY_WIPED);
	return 0;
}

/**
 * struct key_back - a key that comes back
 * @cipher: wiped when it is not needed any more
 * @name: "type:description"
 */
struct key_back {
	struct sluice_volume_cipher cipher;
	char *name;
};

static int key_fetch(const struct sluice_volume *v, s32 key, struct key_back *k,
		     struct netlink_ext_ack *extack)
{
	int err;

	k->cipher.sector_size = v->sector_size;
	k->cipher.iv_offset = v->iv_offset;
	err = sluice_key_read(key, &k->cipher, &k->name, extack);
	if (err || k->cipher.key_len * BITS_PER_BYTE / 2 == v->cipher_bits)
		return err;
	NL_SET_ERR_MSG(extack, "that is not the volume's key: it has another length");
	return -EKEYREJECTED;
}

static int key_put_back(struct sluice_volume *v, struct key_back *key, struct key_back *before,
			struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&v->lock);
	err = v->ops->key_resume(v, &key->cipher, before ? &before->cipher : NULL, extack);
	mutex_unlock(&v->lock);
	return err;
}

static int key_resume(struct sluice_volume *v, s32 key, s32 before, struct netlink_ext_ack *extack)
{
	struct key_back back[2] = {}, *had = before ? &back[1] : NULL;
	int err = key_fetch(v, key, &back[0], extack);

	if (!err && had)
		err = key_fetch(v, before, had, extack);
	if (!err)
		err = key_put_back(v, &back[0], had, extack);
	if (!err && had) {
		swap(v->key_name, had->name);
		swap(v->rekey.key_name, back[0].name);
	} else if (!err) {
		swap(v->key_name, back[0].name);
	}
	kfree(back[0].name);
	kfree(back[1].name);
	memzero_explicit(back, sizeof(back));
	return err;
}

int sluice_volume_key_resume(struct sluice_volume *v, s32 key, s32 before,
			     struct netlink_ext_ack *extack)
{
	int err;

	ASSERT_RTNL();
	if (!v->key_wiped) {
		NL_SET_ERR_MSG(extack, "the volume goes on: its key is not wiped");
		return -EALREADY;
	}
	err = key_resume(v, key, before, extack);
	if (err)
		return err;
	WRITE_ONCE(v->key_wiped, SLUICE_KEY_THERE);
	key_tell(v, SLUICE_EVENT_VOLUME_KEY_RESUMED);
	return 0;
}
