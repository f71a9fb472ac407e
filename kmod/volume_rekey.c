// SPDX-License-Identifier: GPL-2.0-only
/* A volume on its way to another key: what the operator has to do with it. See blk/rekey.c. */
#include <linux/capability.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "engine_blk.h"
#include "netlink.h"
#include "port.h"
#include "volume.h"

void sluice_volume_rekey_clear(struct sluice_volume *v)
{
	struct sluice_volume_rekey *k = &v->rekey;

	if (k->file)
		bdev_fput(k->file);
	kfree(k->path);
	kfree(k->key_name);
	k->file = NULL;
	k->path = NULL;
	k->key_name = NULL;
}

/* It waits until every queue has gone over to the one key: so without RTNL. */
static void volume_rekey_work(struct work_struct *work)
{
	struct sluice_volume *v = container_of(work, struct sluice_volume, rekey.work);
	int err = v->ops->rekey_finish(v);

	/* After an error all stays as it is, for the operator to see. */
	if (!err) {
		rtnl_lock();
		swap(v->key_name, v->rekey.key_name);
		sluice_volume_rekey_clear(v);
		rtnl_unlock();
	}
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_REKEYED, v->name,
				    -READ_ONCE(v->rekey.error));
}

void sluice_volume_rekey_init(struct sluice_volume *v)
{
	INIT_WORK(&v->rekey.work, volume_rekey_work);
}

void sluice_volume_rekey_ended(struct sluice_volume *v)
{
	mutex_lock(&v->lock);
	if (!v->ending)
		queue_work(sluice_volume_wq, &v->rekey.work);
	mutex_unlock(&v->lock);
}
SLUICE_EXPORT(sluice_volume_rekey_ended);

static int volume_open_journal(struct sluice_volume *v, const char *path, u64 start,
			       struct netlink_ext_ack *extack)
{
	struct file *file = sluice_volume_open_device(path, true, extack);
	struct sluice_volume *other = NULL;
	u64 size;

	if (IS_ERR(file))
		return PTR_ERR(file);
	v->rekey.file = file;
	size = bdev_nr_sectors(file_bdev(file));
	if (start % 8 || start >= size || size - start < SLUICE_REKEY_JOURNAL) {
		NL_SET_ERR_MSG_FMT(extack, "a journal takes %u sectors, from a multiple of 8 on",
				   SLUICE_REKEY_JOURNAL);
		return -EINVAL;
	}
	while ((other = sluice_volume_next(other))) {
		if (sluice_volume_touches(other, v, file_bdev(file), start, SLUICE_REKEY_JOURNAL)) {
			NL_SET_ERR_MSG(extack, "overlaps a volume: see 'sluice volume show'");
			return -EBUSY;
		}
	}
	v->rekey.start = start;
	return 0;
}

/* Nobody gets or removes the volume meanwhile. Context: RTNL held, and dropped meanwhile. */
static int volume_rekey_read_journal(struct sluice_volume *v,
				     const struct sluice_volume_cipher *cipher,
				     struct netlink_ext_ack *extack)
{
	int err;

	v->rekey.opening = true;
	rtnl_unlock();
	err = v->ops->rekey_start(v, cipher, extack);
	rtnl_lock();
	v->rekey.opening = false;
	return err;
}

/* Read the key and hand it to the engine, with the journal open. */
static int volume_rekey_start(struct sluice_volume *v, s32 key, struct netlink_ext_ack *extack)
{
	struct sluice_volume_cipher cipher = {
		.sector_size = v->sector_size,
		.iv_offset = v->iv_offset,
	};
	int err;

	err = sluice_key_read(key, &cipher, &v->rekey.key_name, extack);
	if (!err && cipher.key_len * BITS_PER_BYTE / 2 != v->cipher_bits) {
		NL_SET_ERR_MSG(extack, "the new key must be as long as the old one");
		err = -EINVAL;
	}
	if (!err)
		err = volume_rekey_read_journal(v, &cipher, extack);
	memzero_explicit(&cipher, sizeof(cipher));
	return err;
}

int sluice_volume_rekey(struct sluice_volume *v, s32 key, const char *path, u64 start,
			struct netlink_ext_ack *extack)
{
	int err;

	ASSERT_RTNL();
	if (!capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "needs CAP_SYS_ADMIN: opens a block device");
		return -EPERM;
	}
	if (!v->cipher_bits || v->read_only) {
		NL_SET_ERR_MSG(extack, "the volume is not encrypted, or read-only");
		return -EINVAL;
	}
	if (v->rekey.file) {
		NL_SET_ERR_MSG(extack, "it is being re-encrypted: see 'sluice volume show'");
		return -EBUSY;
	}
	v->rekey.path = kstrdup(path, GFP_KERNEL);
	err = v->rekey.path ? volume_open_journal(v, path, start, extack) : -ENOMEM;
	if (!err)
		err = volume_rekey_start(v, key, extack);
	if (err)
		sluice_volume_rekey_clear(v);
	else
		sluice_netlink_volume_event(SLUICE_EVENT_CONFIG, v->name, SLUICE_OBJECT_VOLUME);
	return err;
}
