// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests alone: a disk of the block layer's own queues (/dev/mockdisk0) in whose driver a worker
 * dies.
 *
 *   echo die >/sys/module/sluice_mockdisk/parameters/do
 *   echo go >/sys/module/sluice_mockdisk/parameters/do
 *
 * It reads as zeroes, and forgets what is written. die: the next write but one is died in; both are
 * kept until go.
 */
#include <linux/blk-mq.h>
#include <linux/blkdev.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#define MOCKDISK_SECTORS	16384
#define MOCKDISK_DEPTH		32

static struct blk_mq_tag_set tags;
static struct gendisk *disk;
static int major;
/* Writes that are kept until then; one more is died in. */
static atomic_t to_keep = ATOMIC_INIT(-1);
static DEFINE_SPINLOCK(kept_lock);
static LIST_HEAD(kept);

static void mockdisk_keep(struct request *rq)
{
	spin_lock(&kept_lock);
	list_add_tail(&rq->queuelist, &kept);
	spin_unlock(&kept_lock);
}

static void mockdisk_die(void)
{
	/* The kernel would complain of these, which here would be the end of the test. */
	current->plug = NULL;
	current->bio_list = NULL;
	rcu_read_unlock();
	kthread_exit(0);
}

static void mockdisk_zero(struct request *rq)
{
	struct bio *bio;

	if (req_op(rq) == REQ_OP_READ) {
		__rq_for_each_bio(bio, rq)
			zero_fill_bio(bio);
	}
}

static blk_status_t mockdisk_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *d)
{
	struct request *rq = d->rq;
	int left = req_op(rq) == REQ_OP_WRITE ? atomic_dec_if_positive(&to_keep) : -1;

	blk_mq_start_request(rq);
	if (left >= 0)
		mockdisk_keep(rq);
	if (!left)
		mockdisk_die();
	if (left < 0) {
		mockdisk_zero(rq);
		blk_mq_end_request(rq, BLK_STS_OK);
	}
	return BLK_STS_OK;
}

static const struct blk_mq_ops mockdisk_mq_ops = {
	.queue_rq = mockdisk_queue_rq,
};

static const struct block_device_operations mockdisk_ops = {
	.owner = THIS_MODULE,
};

static void mockdisk_go(void)
{
	struct request *rq, *next;
	LIST_HEAD(list);

	spin_lock(&kept_lock);
	list_splice_init(&kept, &list);
	spin_unlock(&kept_lock);
	list_for_each_entry_safe(rq, next, &list, queuelist) {
		list_del_init(&rq->queuelist);
		blk_mq_end_request(rq, BLK_STS_OK);
	}
}

static int do_set(const char *val, const struct kernel_param *kp)
{
	if (sysfs_streq(val, "go"))
		mockdisk_go();
	else if (sysfs_streq(val, "die"))
		atomic_set(&to_keep, 2);
	else
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops do_ops = { .set = do_set };
module_param_cb(do, &do_ops, NULL, 0200);

static int mockdisk_add(void)
{
	struct queue_limits limits = {};
	int err;

	disk = blk_mq_alloc_disk(&tags, &limits, NULL);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->major = major;
	disk->minors = 1;
	disk->fops = &mockdisk_ops;
	disk->flags = GENHD_FL_NO_PART;
	strscpy(disk->disk_name, "mockdisk0", sizeof(disk->disk_name));
	set_capacity(disk, MOCKDISK_SECTORS);
	err = add_disk(disk);
	if (err)
		put_disk(disk);
	return err;
}

static int __init mockdisk_init(void)
{
	int err;

	tags.ops = &mockdisk_mq_ops;
	tags.nr_hw_queues = 1;
	tags.queue_depth = MOCKDISK_DEPTH;
	tags.numa_node = NUMA_NO_NODE;
	tags.flags = BLK_MQ_F_SHOULD_MERGE | BLK_MQ_F_NO_SCHED;
	err = blk_mq_alloc_tag_set(&tags);
	if (err)
		return err;
	major = register_blkdev(0, "mockdisk");
	err = major < 0 ? major : mockdisk_add();
	if (!err)
		return 0;
	if (major > 0)
		unregister_blkdev(major, "mockdisk");
	blk_mq_free_tag_set(&tags);
	return err;
}

static void __exit mockdisk_exit(void)
{
	del_gendisk(disk);
	put_disk(disk);
	unregister_blkdev(major, "mockdisk");
	blk_mq_free_tag_set(&tags);
}

module_init(mockdisk_init);
module_exit(mockdisk_exit);

MODULE_DESCRIPTION("Sluice tests: a disk whose driver a worker dies in");
MODULE_LICENSE("GPL");
