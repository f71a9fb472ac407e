// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests alone: two disks of memory (/dev/mockram0, /dev/mockram1), which take 128 KiB at once.
 * The first refuses requests, or keeps them. What is erased securely reads as 0xe5.
 *
 *   echo WHAT >/sys/module/sluice_mockram/parameters/do
 *
 * refuse: every other request that shall not wait. busy: all of those; others wait. deny: of what a
 * volume's guest writes all, and of what it reads whatever begins at an odd multiple of 128 KiB;
 * not what the volume itself reads or writes (by submit_bio_wait()). keep: none is done. stray:
 * what is refused is handed back as if it were meant for the second disk, as one that sends
 * requests on may do. go: all is well again, and what was kept is done. count: from zero.
 *
 * poll: the first disk may be polled for: what is kept of it is done when it is looked for after
 * `go`, or one after `one`. interrupt: that is over.
 *
 * The parameter counts tells of how many sectors were read or written; of how many requests were
 * refused, and how many wait or are kept; and how many sectors that are written were to be written
 * with other data when they were refused before. The parameter freed tells how many pages workers
 * gave back to the system, and how many of these began with what the test wrote.
 */
#include <linux/blkdev.h>
#include <linux/crc32.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <linux/wait.h>

#define MOCKRAM_DISKS	2
#define MOCKRAM_SECTORS	16384
#define MOCKRAM_AT_ONCE	256

static struct gendisk *disks[MOCKRAM_DISKS];
static u8 *memory[MOCKRAM_DISKS];
static int major;

static bool refuses, busy, denies, keeps, strays, polls, one;
static DECLARE_WAIT_QUEUE_HEAD(going_on);

/* All of the below. */
static DEFINE_SPINLOCK(lock);
static struct bio_list kept;
static unsigned int turn, sectors, refused, waiting, changed;
/* Of what was refused: its checksum, and that there is one. */
static u32 sum[MOCKRAM_SECTORS];
static DECLARE_BITMAP(has_sum, MOCKRAM_SECTORS);

/* --- what is written now, and was refused before --- */

static void mockram_compare(sector_t sector, u32 crc)
{
	if (sector >= MOCKRAM_SECTORS)
		return;
	if (__test_and_set_bit(sector, has_sum) && sum[sector] != crc)
		changed++;
	sum[sector] = crc;
}

/* Pieces are of whole sectors. */
static void mockram_look(struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec bv;
	unsigned int off;

	if (bio_op(bio) != REQ_OP_WRITE)
		return;
	bio_for_each_segment(bv, bio, iter) {
		for (off = 0; off < bv.bv_len; off += SECTOR_SIZE)
			mockram_compare(iter.bi_sector + off / SECTOR_SIZE,
					crc32_le(~0, bvec_virt(&bv) + off, SECTOR_SIZE));
	}
}

/* --- requests --- */

static void mockram_do(struct bio *bio, u8 *mem)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	if (bio_op(bio) == REQ_OP_SECURE_ERASE) {
		memset(mem + (bio->bi_iter.bi_sector << SECTOR_SHIFT), 0xe5, bio->bi_iter.bi_size);
		bio_endio(bio);
		return;
	}
	bio_for_each_segment(bv, bio, iter) {
		u8 *at = mem + (iter.bi_sector << SECTOR_SHIFT);

		if (bio_op(bio) == REQ_OP_READ)
			memcpy(bvec_virt(&bv), at, bv.bv_len);
		else
			memcpy(at, bvec_virt(&bv), bv.bv_len);
	}
	spin_lock(&lock);
	sectors += bio_sectors(bio);
	spin_unlock(&lock);
	bio_endio(bio);
}

static bool mockram_denies(struct bio *bio)
{
	if (bio_op(bio) == REQ_OP_WRITE)
		return bio->bi_opf & REQ_IDLE;
	return !(bio->bi_opf & REQ_SYNC) && bio->bi_iter.bi_sector / MOCKRAM_AT_ONCE & 1;
}

/* Context: lock. */
static bool mockram_refuses(struct bio *bio)
{
	if (READ_ONCE(denies) && mockram_denies(bio))
		return true;
	if (!(bio->bi_opf & REQ_NOWAIT))
		return false;
	return READ_ONCE(busy) || (READ_ONCE(refuses) && turn++ & 1);
}

static void mockram_refuse(struct bio *bio)
{
	if (READ_ONCE(strays))
		bio_set_dev(bio, disks[1]->part0);
	bio_wouldblock_error(bio);
}

static void mockram_wait(void)
{
	wait_event(going_on, !READ_ONCE(busy));
	spin_lock(&lock);
	waiting--;
	spin_unlock(&lock);
}

static void mockram_submit(struct bio *bio)
{
	bool first = bio->bi_bdev->bd_disk == disks[0];
	bool refuse = false, keep = false, wait = false;

	spin_lock(&lock);
	if (first && bio_has_data(bio)) {
		if (refuses || busy || denies)
			mockram_look(bio);
		refuse = mockram_refuses(bio);
		keep = !refuse && READ_ONCE(keeps);
		wait = !refuse && READ_ONCE(busy);
	}
	refused += refuse;
	waiting += keep || wait;
	if (keep) {
		/* Any but that of those that nobody looks for. */
		if (bio->bi_opf & REQ_POLLED)
			WRITE_ONCE(bio->bi_cookie, 0);
		bio_list_add(&kept, bio);
	}
	spin_unlock(&lock);
	if (refuse) {
		mockram_refuse(bio);
		return;
	}
	if (wait)
		mockram_wait();
	if (!keep)
		mockram_do(bio, memory[!first]);
}

static struct bio *mockram_next(void)
{
	struct bio *bio = NULL;

	spin_lock(&lock);
	if (one || !keeps)
		bio = bio_list_pop(&kept);
	one = one && !bio;
	waiting -= !!bio;
	spin_unlock(&lock);
	return bio;
}

static int mockram_poll(struct bio *unused, struct io_comp_batch *iob, unsigned int flags)
{
	struct bio *bio;
	int n;

	for (n = 0; (bio = mockram_next()); n++)
		mockram_do(bio, memory[0]);
	return n;
}

static const struct block_device_operations mockram_ops = {
	.owner = THIS_MODULE,
	.submit_bio = mockram_submit,
	.poll_bio = mockram_poll,
};

/* --- what is to happen --- */

static void mockram_go(void)
{
	struct bio_list list;
	struct bio *bio;

	spin_lock(&lock);
	refuses = false;
	WRITE_ONCE(busy, false);
	denies = false;
	keeps = false;
	strays = false;
	bio_list_init(&list);
	if (!polls) {
		list = kept;
		bio_list_init(&kept);
	}
	waiting -= bio_list_size(&list);
	bitmap_zero(has_sum, MOCKRAM_SECTORS);
	spin_unlock(&lock);
	wake_up_all(&going_on);
	while ((bio = bio_list_pop(&list)))
		mockram_do(bio, memory[0]);
}

static int mockram_set_poll(bool on)
{
	struct request_queue *q = disks[0]->queue;
	struct queue_limits lim = queue_limits_start_update(q);

	lim.features &= ~BLK_FEAT_POLL;
	if (on)
		lim.features |= BLK_FEAT_POLL;
	polls = on;
	return queue_limits_commit_update(q, &lim);
}

static void mockram_count(void)
{
	spin_lock(&lock);
	sectors = 0;
	refused = 0;
	changed = 0;
	spin_unlock(&lock);
}

static int do_set(const char *val, const struct kernel_param *kp)
{
	if (sysfs_streq(val, "go"))
		mockram_go();
	else if (sysfs_streq(val, "count"))
		mockram_count();
	else if (sysfs_streq(val, "refuse"))
		WRITE_ONCE(refuses, true);
	else if (sysfs_streq(val, "busy"))
		WRITE_ONCE(busy, true);
	else if (sysfs_streq(val, "deny"))
		WRITE_ONCE(denies, true);
	else if (sysfs_streq(val, "keep"))
		WRITE_ONCE(keeps, true);
	else if (sysfs_streq(val, "stray"))
		WRITE_ONCE(strays, true);
	else if (sysfs_streq(val, "poll"))
		return mockram_set_poll(true);
	else if (sysfs_streq(val, "interrupt"))
		return mockram_set_poll(false);
	else if (sysfs_streq(val, "one"))
		WRITE_ONCE(one, true);
	else
		return -EINVAL;
	return 0;
}

static const struct kernel_param_ops do_ops = { .set = do_set };
module_param_cb(do, &do_ops, NULL, 0200);

static int counts_get(char *buf, const struct kernel_param *kp)
{
	int n;

	spin_lock(&lock);
	n = sysfs_emit(buf, "%u %u %u %u\n", sectors, refused, waiting, changed);
	spin_unlock(&lock);
	return n;
}

static const struct kernel_param_ops counts_ops = { .get = counts_get };
module_param_cb(counts, &counts_ops, NULL, 0444);

/* --- pages --- */

/* The native kernel of the benches has none. */
#ifdef CONFIG_TRACEPOINTS

#define MOCKRAM_MAGIC	0x45474150454349ULL

static struct tracepoint *free_tp;
static atomic_t freed = ATOMIC_INIT(0);
static atomic_t freed_dirty = ATOMIC_INIT(0);

static void free_probe(void *data, struct page *page, unsigned int order)
{
	if (order || !in_task() || !strstarts(current->comm, "sluice/"))
		return;
	atomic_inc(&freed);
	/* It may be the allocator's of small things, in which nobody else is to look. */
	if (READ_ONCE_NOCHECK(*(unsigned long *)page_address(page)) == MOCKRAM_MAGIC)
		atomic_inc(&freed_dirty);
}

static void free_find(struct tracepoint *tp, void *arg)
{
	if (!strcmp(tp->name, "mm_page_free"))
		free_tp = tp;
}

static int free_init(void)
{
	for_each_kernel_tracepoint(free_find, NULL);
	return free_tp ? tracepoint_probe_register(free_tp, free_probe, NULL) : -ENOENT;
}

static void free_exit(void)
{
	tracepoint_probe_unregister(free_tp, free_probe, NULL);
	tracepoint_synchronize_unregister();
}

static int freed_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d %d\n", atomic_read(&freed), atomic_read(&freed_dirty));
}

static const struct kernel_param_ops freed_ops = { .get = freed_get };
module_param_cb(freed, &freed_ops, NULL, 0444);

#else

static int free_init(void)
{
	return 0;
}

static void free_exit(void)
{
}

#endif /* CONFIG_TRACEPOINTS */

/* --- disks --- */

static void mockram_del(unsigned int i)
{
	if (disks[i]) {
		del_gendisk(disks[i]);
		put_disk(disks[i]);
	}
	vfree(memory[i]);
}

static int mockram_add(unsigned int i)
{
	struct queue_limits limits = {
		.features = BLK_FEAT_NOWAIT,
		.max_hw_sectors = MOCKRAM_AT_ONCE,
		.max_secure_erase_sectors = MOCKRAM_SECTORS,
	};
	struct gendisk *disk;
	int err;

	memory[i] = vzalloc(MOCKRAM_SECTORS << SECTOR_SHIFT);
	if (!memory[i])
		return -ENOMEM;
	disk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	if (IS_ERR(disk))
		return PTR_ERR(disk);
	disk->major = major;
	disk->first_minor = i;
	disk->minors = 1;
	disk->fops = &mockram_ops;
	disk->flags = GENHD_FL_NO_PART;
	snprintf(disk->disk_name, sizeof(disk->disk_name), "mockram%u", i);
	set_capacity(disk, MOCKRAM_SECTORS);
	err = add_disk(disk);
	if (err)
		put_disk(disk);
	else
		disks[i] = disk;
	return err;
}

static int __init mockram_init(void)
{
	unsigned int i;
	int err = 0;

	err = free_init();
	if (err)
		return err;
	major = register_blkdev(0, "mockram");
	if (major < 0) {
		free_exit();
		return major;
	}
	for (i = 0; i < MOCKRAM_DISKS && !err; i++)
		err = mockram_add(i);
	if (!err)
		return 0;
	for (i = 0; i < MOCKRAM_DISKS; i++)
		mockram_del(i);
	unregister_blkdev(major, "mockram");
	free_exit();
	return err;
}

static void __exit mockram_exit(void)
{
	unsigned int i;

	for (i = 0; i < MOCKRAM_DISKS; i++)
		mockram_del(i);
	unregister_blkdev(major, "mockram");
	free_exit();
}

module_init(mockram_init);
module_exit(mockram_exit);

MODULE_DESCRIPTION("Sluice tests: disks that refuse requests, or keep them");
MODULE_LICENSE("GPL");
