// SPDX-License-Identifier: GPL-2.0-only
/* sluice_blk.ko moves requests: it hangs its state on the volumes that sluice.ko holds. */
#include <crypto/skcipher.h>
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "abandon.h"
#include "blk.h"
#include "group.h"
#include "helper.h"

static void blk_set_limits(struct sluice_volume *v, struct sluice_blk_volume *bv)
{
	unsigned int i;

	for (i = 0; i < SLUICE_VOLUME_LIMITS; i++)
		sluice_limit_set(&bv->limit[i], &v->limit[i]);
}

void sluice_blk_wake_all(struct sluice_volume *v)
{
	unsigned int i;

	for (i = 0; i < v->nr_queues; i++)
		sluice_queue_wake(&v->queue[i]);
}

static void blk_volume_limit(struct sluice_volume *v)
{
	blk_set_limits(v, v->engine);
	/* Who waits for the old limit asks again. */
	sluice_blk_wake_all(v);
}

static int blk_volume_add(struct sluice_volume *v, const struct sluice_volume_cipher *cipher,
			  struct netlink_ext_ack *extack)
{
	struct sluice_blk_volume *bv = kzalloc(sizeof(*bv), GFP_KERNEL);
	int err;

	if (!bv)
		return -ENOMEM;
	err = cipher ? sluice_crypt_ready(extack) : 0;
	if (!err)
		err = sluice_helper_start(bv, v);
	if (err)
		goto free;
	err = sluice_bios_init(&bv->bs);
	if (!err)
		err = sluice_reserve_init(&bv->reserve);
	if (err)
		goto memory;
	bv->align = max(bdev_dma_alignment(v->bdev), bdev_logical_block_size(v->bdev) - 1);
	bv->splits = bdev_get_queue(v->bdev)->limits.chunk_sectors ||
		     queue_virt_boundary(bdev_get_queue(v->bdev));
	if (cipher) {
		err = sluice_crypt_init(&bv->crypt, cipher, extack);
		if (err)
			goto memory;
		bv->align = max(bv->align, cipher->sector_size - 1);
	}
	bv->plain.crypt = &bv->crypt;
	bv->view = &bv->plain;
	bv->base = &bv->plain;
	sluice_wipe_init(bv);
	mutex_init(&bv->key_lock);
	mutex_init(&bv->queues_lock);
	INIT_LIST_HEAD(&bv->queues);
	blk_set_limits(v, bv);
	v->engine = bv;
	sluice_blk_group_join(v);
	return 0;

memory:
	sluice_reserve_exit(&bv->reserve);
	sluice_bios_exit(&bv->bs);
	sluice_helper_stop(bv);
free:
	kfree(bv);
	return err;
}

static void blk_volume_del(struct sluice_volume *v)
{
	struct sluice_blk_volume *bv = v->engine;

	sluice_rekey_stop(v);
	v->engine = NULL;
	sluice_crypt_exit(&bv->crypt);
	sluice_reserve_exit(&bv->reserve);
	sluice_bios_exit(&bv->bs);
	sluice_helper_stop(bv);
	kfree(bv);
}

static int blk_key_check(const struct sluice_volume *v, const u8 uuid[16], u8 check[16])
{
	const struct sluice_blk_volume *bv = v->engine;

	return sluice_crypt_check(&bv->crypt, uuid, check);
}

static void blk_queue_free(struct sluice_blk_queue *bq)
{
	if (bq->cipher)
		skcipher_request_free(bq->cipher);
	sluice_pages_exit(&bq->pages);
	kvfree(bq->request);
	kvfree(bq);
}

static int blk_queue_add(struct sluice_queue *q, unsigned int num)
{
	struct sluice_blk_queue *bq = kvzalloc(sizeof(*bq), GFP_KERNEL);
	bool encrypted;
	unsigned int i;

	if (!bq)
		return -ENOMEM;
	bq->q = q;
	bq->v = q->volume;
	bq->bv = q->volume->engine;
	INIT_LIST_HEAD(&bq->limited[SLUICE_VOLUME_READ]);
	INIT_LIST_HEAD(&bq->limited[SLUICE_VOLUME_WRITE]);
	sluice_blk_ready_init(bq);
	INIT_LIST_HEAD(&bq->starved);
	INIT_LIST_HEAD(&bq->dry);
	INIT_LIST_HEAD(&bq->rekeyed);
	INIT_LIST_HEAD(&bq->polled);
	init_llist_head(&bq->done);
	sluice_pages_init(&bq->pages, &bq->bv->reserve);
	sluice_helper_init(bq);
	hrtimer_init(&bq->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	bq->timer.function = sluice_blk_timer;
	bq->request = kvcalloc(num, sizeof(*bq->request), GFP_KERNEL);
	if (!bq->request)
		goto free;
	bq->num = num;
	for (i = 0; i < num; i++) {
		bq->request[i].bq = bq;
		bq->request[i].next = bq->free;
		bq->free = &bq->request[i];
	}
	/* The end of a re-encryption takes the old one away. */
	mutex_lock(&bq->bv->queues_lock);
	encrypted = bq->bv->crypt.tfm;
	if (encrypted)
		bq->cipher = sluice_crypt_request_new(&bq->bv->crypt);
	mutex_unlock(&bq->bv->queues_lock);
	if (encrypted && !bq->cipher)
		goto free;
	q->engine = bq;
	mutex_lock(&bq->bv->queues_lock);
	bq->view = bq->bv->view;
	list_add_tail(&bq->node, &bq->bv->queues);
	mutex_unlock(&bq->bv->queues_lock);
	return 0;

free:
	blk_queue_free(bq);
	return -ENOMEM;
}

/* No request is under way, so nobody starts the timer again. */
static void blk_queue_del(struct sluice_queue *q)
{
	struct sluice_blk_queue *bq = q->engine;

	q->engine = NULL;
	mutex_lock(&bq->bv->queues_lock);
	list_del(&bq->node);
	mutex_unlock(&bq->bv->queues_lock);
	/* Nobody waits for it any more: see sluice_view_publish(). */
	wake_up_all(&bq->v->rekey.wait);
	hrtimer_cancel(&bq->timer);
	sluice_helper_exit(bq);
	blk_queue_free(bq);
}

static const struct sluice_blk_ops blk_ops = {
	.owner = THIS_MODULE,
	.name = "sluice_blk",
	.abi = SLUICE_BLK_ABI,
	.volume_add = blk_volume_add,
	.volume_del = blk_volume_del,
	.volume_limit = blk_volume_limit,
	.volume_group = sluice_blk_group_join,
	.group_add = sluice_blk_group_add,
	.group_limit = sluice_blk_group_limit,
	.group_del = sluice_blk_group_del,
	.key_check = blk_key_check,
	.key_wipe = sluice_wipe_key,
	.key_resume = sluice_wipe_resume,
	.rekey_new = sluice_rekey_new,
	.rekey_open = sluice_rekey_open,
	.rekey_start = sluice_rekey_start,
	.rekey_drop = sluice_rekey_drop,
	.rekey_stop = sluice_rekey_stop,
	.rekey_finish = sluice_rekey_finish,
	.queue_add = blk_queue_add,
	.queue_del = blk_queue_del,
	.serve = sluice_blk_serve,
	.queue_abandon = sluice_blk_abandon,
};

static int __init sluice_blk_init(void)
{
	int err;

	BUILD_BUG_ON(SLUICE_REQUEST_RANGES != SLUICE_VOLUME_MAX_RANGES);
	sluice_crypt_load();
	err = sluice_blk_register(&blk_ops);
	if (err)
		sluice_crypt_unload();
	return err;
}

static void __exit sluice_blk_exit(void)
{
	sluice_blk_unregister(&blk_ops);
	sluice_crypt_unload();
}

module_init(sluice_blk_init);
module_exit(sluice_blk_exit);

MODULE_DESCRIPTION("Sluice: block engine");
MODULE_AUTHOR("The Sluice developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
SLUICE_IMPORT;
