// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory. Nothing is pinned until a queue wants it: a worker that misses a translation notes
 * where and goes on with other queues; work of ours pins what surrounds it, hands the translation
 * to the queue and kicks it. What is pinned stays so until the user unmaps it, or the device is
 * reset or closed; it is never more than what the user mapped, and counts as locked memory of the
 * user's.
 *
 * DOC: Unpinning
 *
 * Each queue has an IOTLB of its own, filled from the runs of pinned pages. Under mem->lock a run
 * is taken out of every IOTLB, then each queue's worker is called: when these calls have returned
 * no worker has a translation of before in hand, nor can it get one. A queue that is being
 * attached meanwhile holds the port's lock, which the call waits for, or finds nothing in its
 * IOTLB. The control queue's ring, which no worker serves, is looked at under mem->lock only where
 * it touches memory (ctrl.c). Then the pages are unpinned.
 *
 * A disk's requests may still be with the device below. Each holds references of its own to the
 * pages that it was given, so what is unpinned under it is nobody else's until it has ended; the
 * driver has unmapped what it lent, and gets what it asked for. We do not wait for it: that takes
 * as long as the device below likes, with locks of the VMM's held, and in a guest with an IOMMU
 * each unmapping would wait for all other requests. Who wants them ended resets the queue.
 *
 * DOC: Holding back
 *
 * Type1 calls us with its lock dropped, takes it again and looks: if a page of the mapping was
 * pinned in between it calls again, and after some ten times it takes the host down (BUG_ON in
 * vfio_dma_do_unmap()). So from the call on nothing is pinned, wherever it lies, until the mapping
 * is gone. Nobody tells when that is; but the task that unmaps returns to user mode afterwards, and
 * a file whose last reference it drops in the call is released just then. When QEMU lets the guest
 * run again it has therefore ended what it held back: what the guest maps next is had at once.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/iommu.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "mdev.h"

/* Pages of one run, and its alignment: 2 MiB, which the host may have in one piece. */
#define RUN_PAGES	512
/*
 * Translations that a queue has at most: 64 GiB, if the host has each run in one piece. What was
 * had longest is missed again, and found among the runs.
 */
#define QUEUE_ENTRIES	32768
/*
 * The VMM may change its memory map in two steps: how often, and how long, we wait for the second.
 */
#define MISS_TRIES	20
#define MISS_WAIT	msecs_to_jiffies(10)
/* How long nothing is pinned if there was no memory to hear of the end of an unmapping. */
#define HOLD_BLIND	HZ
/* How long the control queue waits for that end: far longer than it takes. */
#define HOLD_WAIT	(2 * HZ)

static_assert(RUN_PAGES <= VFIO_PIN_PAGES_MAX_ENTRIES);

/**
 * struct mem_run - pages that were pinned together; they are unpinned so too
 * @node: in mem->runs; here, so that taking a run out needs no memory
 * @first: IOVA page number
 * @nr: pages
 * @perm: SLUICE_GMEM_*
 * @page: the pages
 */
struct mem_run {
	struct rb_node node;
	unsigned long first;
	unsigned int nr;
	u8 perm;
	struct page *page[] __counted_by(nr);
};

struct mem_range {
	unsigned long first;
	unsigned long last;
};

/* --- runs by where they lie --- */

static int run_compare(const void *key, const struct rb_node *node)
{
	const struct mem_run *run = rb_entry(node, struct mem_run, node);
	const struct mem_range *r = key;

	return r->last < run->first ? -1 : r->first > run->first + (run->nr - 1);
}

static bool run_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct mem_run, node)->first < rb_entry(b, struct mem_run, node)->first;
}

/* The lowest run that has a page of [@first, @last], or NULL. Context: mem->lock. */
static struct mem_run *run_first(const struct sluice_mdev_mem *mem, unsigned long first,
				 unsigned long last)
{
	struct mem_range r = { .first = first, .last = last };

	lockdep_assert_held(&mem->lock);
	return rb_entry_safe(rb_find_first(&r, &mem->runs, run_compare), struct mem_run, node);
}

/* The next one above @run. */
static struct mem_run *run_next(struct mem_run *run, unsigned long last)
{
	run = rb_entry_safe(rb_next(&run->node), struct mem_run, node);
	return run && run->first <= last ? run : NULL;
}

/* --- what queues see --- */

static void *run_addr(const struct mem_run *run, unsigned int i)
{
	/* 64-bit kernels only: every page has an address. */
	return page_address(run->page[i]);
}

/* Give @vq the translation of the pages around @index that lie side by side in the host too. */
static int mem_fill(struct sluice_mdev_vq *vq, const struct mem_run *run, unsigned long index)
{
	unsigned int at = index - run->first, from = at, to = at + 1;

	while (from && run_addr(run, from - 1) + PAGE_SIZE == run_addr(run, from))
		from--;
	while (to < run->nr && run_addr(run, to - 1) + PAGE_SIZE == run_addr(run, to))
		to++;
	return sluice_iotlb_update(vq->gmem.iotlb, (u64)(run->first + from) << PAGE_SHIFT,
				   ((u64)(run->first + to) << PAGE_SHIFT) - 1,
				   (u64)(uintptr_t)run_addr(run, from), run->perm);
}

/* --- pinning --- */

/* The largest range around @index of at most @nr pages, aligned to that, that holds no run yet. */
static void mem_window(struct sluice_mdev_mem *mem, unsigned long index, unsigned int nr,
		       unsigned long *first, unsigned long *last)
{
	struct mem_run *run;

	*first = round_down(index, nr);
	*last = *first + nr - 1;
	for (run = run_first(mem, *first, *last); run; run = run_next(run, *last)) {
		if (run->first > index) {
			*last = run->first - 1;
			break;
		}
		*first = run->first + run->nr;
	}
}

static struct mem_run *mem_pin_range(struct sluice_mdev *m, unsigned long first, unsigned int nr,
				     u8 perm)
{
	struct mem_run *run;
	int got, err;

	run = kvzalloc(struct_size(run, page, nr), GFP_KERNEL_ACCOUNT);
	if (!run)
		return ERR_PTR(-ENOMEM);
	run->first = first;
	run->nr = nr;
	run->perm = perm;
	got = vfio_pin_pages(&m->vdev, (dma_addr_t)first << PAGE_SHIFT, nr,
			     IOMMU_READ | (perm & SLUICE_GMEM_WO ? IOMMU_WRITE : 0), run->page);
	err = got < 0 ? got : got == nr ? 0 : -EFAULT;
	if (!err) {
		rb_add(&run->node, &m->mem.runs, run_less);
		m->mem.pinned += nr;
		return run;
	}
	if (got > 0)
		vfio_unpin_pages(&m->vdev, (dma_addr_t)first << PAGE_SHIFT, got);
	kvfree(run);
	return ERR_PTR(err);
}

/*
 * As much around the page as there is, so that the next misses are none. A window with a hole in
 * it, or with pages that only the page itself is not, fails as a whole: then less is tried.
 */
static struct mem_run *mem_pin(struct sluice_mdev *m, unsigned long index, u8 perm)
{
	static const unsigned int sizes[] = { RUN_PAGES, 64, 8, 1 };
	struct mem_run *run = ERR_PTR(-EFAULT);
	unsigned long first, last;
	unsigned int i = 0;

	/* Around a small mapping lie others that come and go on their own, or none. */
	if (m->mem.piecemeal)
		i = ARRAY_SIZE(sizes) - 1;
	for (; i < ARRAY_SIZE(sizes); i++) {
		mem_window(&m->mem, index, sizes[i], &first, &last);
		run = mem_pin_range(m, first, last - first + 1, SLUICE_GMEM_RW);
		if (!IS_ERR(run))
			return run;
	}
	/* Mapped for reading only (the guest's ROMs): good enough for who only reads. */
	if (perm == SLUICE_GMEM_RO)
		run = mem_pin_range(m, index, 1, SLUICE_GMEM_RO);
	return run;
}

static int mem_provide(struct sluice_mdev_vq *vq, u64 iova, u8 perm)
{
	struct sluice_mdev *m = vq->mdev;
	unsigned long index = iova >> PAGE_SHIFT;
	struct mem_run *run = run_first(&m->mem, index, index);
	/* We may be anybody's work. */
	struct mem_cgroup *was = set_active_memcg(m->mem.payer);
	int err;

	if (!run)
		run = mem_pin(m, index, perm);
	err = IS_ERR(run) ? PTR_ERR(run) : mem_fill(vq, run, index);
	set_active_memcg(was);
	return err;
}

/* --- holding back --- */

/* Without mem->lock it is a guess. */
static bool mem_held(const struct sluice_mdev *m)
{
	return READ_ONCE(m->mem.unmaps) || time_before(jiffies, READ_ONCE(m->mem.held_until));
}

/* The task that unmapped is about to return to user mode. */
static int mem_hold_release(struct inode *inode, struct file *file)
{
	struct sluice_mdev *m = file->private_data;

	mutex_lock(&m->mem.lock);
	WRITE_ONCE(m->mem.unmaps, m->mem.unmaps - 1);
	/* A kernel thread's file is released by another. */
	if (m->mem.unmapper == current || !m->mem.unmaps)
		m->mem.unmapper = NULL;
	if (!m->mem.unmaps && m->mem.waiting && m->mem.open)
		mod_delayed_work(sluice_mdev_wq, &m->mem.work, 0);
	mutex_unlock(&m->mem.lock);
	wake_up(&m->mem.settled);
	put_device(&m->vdev.device);
	return 0;
}

static const struct file_operations mem_hold_fops = {
	.owner = THIS_MODULE,
	.release = mem_hold_release,
};

/* See Holding back above. */
static void mem_hold(struct sluice_mdev *m)
{
	struct file *file;

	lockdep_assert_held(&m->mem.lock);
	/* Several mappings in one call. */
	if (m->mem.unmapper == current)
		return;
	file = anon_inode_getfile("[sluice-unmap]", &mem_hold_fops, m, O_RDWR);
	if (IS_ERR(file)) {
		WRITE_ONCE(m->mem.held_until, jiffies + HOLD_BLIND);
		return;
	}
	get_device(&m->vdev.device);
	m->mem.unmapper = current;
	WRITE_ONCE(m->mem.unmaps, m->mem.unmaps + 1);
	fput(file);
}

/* Wait until memory may be pinned, with mem->lock dropped meanwhile. False: it took too long. */
static bool mem_settle(struct sluice_mdev *m)
{
	mutex_unlock(&m->mem.lock);
	wait_event_timeout(m->mem.settled, !mem_held(m), HOLD_WAIT);
	mutex_lock(&m->mem.lock);
	return !mem_held(m);
}

/* --- misses --- */

/* sluice_iotlb_miss_t: on a worker, or where the control queue is served. */
static void mem_missed(void *ctx, u64 iova, u8 perm)
{
	struct sluice_mdev_vq *vq = ctx;

	/* A ring waits for one thing at a time; what it wants next it asks for next. */
	spin_lock(&vq->miss_lock);
	vq->missed = true;
	vq->miss_iova = iova;
	vq->miss_perm = perm;
	spin_unlock(&vq->miss_lock);
	queue_delayed_work(sluice_mdev_wq, &vq->mdev->mem.work, 0);
}

/* 0: there is nothing to do; 1: it was seen to; -errno: it could not be had. */
static int mem_resolve(struct sluice_mdev_vq *vq)
{
	bool missed;
	u64 iova;
	u8 perm;
	int err;

	spin_lock(&vq->miss_lock);
	missed = vq->missed;
	iova = vq->miss_iova;
	perm = vq->miss_perm;
	vq->missed = false;
	spin_unlock(&vq->miss_lock);
	if (!missed)
		return 0;
	err = mem_provide(vq, iova, perm);
	if (err)
		return err;
	vq->miss_tries = 0;
	return 1;
}

bool sluice_mdev_mem_resolve(struct sluice_mdev_vq *vq)
{
	struct sluice_mdev *m = vq->mdev;
	bool waited = false;
	int ret;

	lockdep_assert_held(&m->mem.lock);
	if (mem_held(m)) {
		if (!mem_settle(m))
			return false;
		waited = true;
	}
	ret = mem_resolve(vq);
	/* Our work may have seen to it meanwhile. */
	return ret > 0 || (!ret && waited);
}

/* It could not be had: wait for the VMM a little; after that the driver gave us a bad address. */
static void mem_resolve_later(struct sluice_mdev_vq *vq, int err)
{
	struct sluice_mdev *m = vq->mdev;

	if (vq->miss_tries++ < MISS_TRIES) {
		spin_lock(&vq->miss_lock);
		vq->missed = true;
		spin_unlock(&vq->miss_lock);
		queue_delayed_work(sluice_mdev_wq, &m->mem.work, MISS_WAIT);
		return;
	}
	vq->miss_tries = 0;
	dev_warn_ratelimited(m->dev, "queue %u: no guest memory at %#llx: %pe\n", vq->index,
			     vq->miss_iova, ERR_PTR(err));
	if (vq->q)
		sluice_queue_fail(vq->q, SLUICE_VRING_ERR_ADDRESS);
}

static void mem_work(struct work_struct *work)
{
	struct sluice_mdev *m = container_of(work, struct sluice_mdev, mem.work.work);
	unsigned int i;
	int ret;

	mutex_lock(&m->mem.lock);
	m->mem.waiting = mem_held(m);
	if (m->mem.waiting) {
		/* Else the end of the unmapping has us look again. */
		if (!m->mem.unmaps)
			queue_delayed_work(sluice_mdev_wq, &m->mem.work, MISS_WAIT);
		goto unlock;
	}
	for (i = 0; i < SLUICE_MDEV_VQS; i++) {
		struct sluice_mdev_vq *vq = &m->vq[i];

		ret = mem_resolve(vq);
		if (ret < 0)
			mem_resolve_later(vq, ret);
		else if (ret)
			sluice_mdev_queue_kick(m, i);
	}
unlock:
	mutex_unlock(&m->mem.lock);
}

/* --- unpinning --- */

void sluice_mdev_mem_lose(struct sluice_mdev *m)
{
	if (xchg(&m->mem.lost, true))
		return;
	get_device(&m->vdev.device);
	__module_get(THIS_MODULE);
	sluice_leak(sizeof(*m));
}

/*
 * The VMM is owed that its pages are unpinned; but what a worker may write to later is not to be
 * somebody else's by then.
 */
static void mem_keep(const struct mem_run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr; i++)
		get_page(run->page[i]);
	sluice_leak((size_t)run->nr << PAGE_SHIFT);
}

static void mem_unpin(struct sluice_mdev *m, struct mem_run *run)
{
	if (READ_ONCE(m->mem.lost))
		mem_keep(run);
	vfio_unpin_pages(&m->vdev, (dma_addr_t)run->first << PAGE_SHIFT, run->nr);
	m->mem.pinned -= run->nr;
	kvfree(run);
}

/* See Unpinning above. [@first, @last]: IOVA page numbers. */
static void mem_unpin_range(struct sluice_mdev *m, unsigned long first, unsigned long last)
{
	struct mem_run *run;
	unsigned int i;

	if (!run_first(&m->mem, first, last))
		return;
	for (i = 0; i < SLUICE_MDEV_VQS; i++) {
		struct sluice_mdev_vq *vq = &m->vq[i];

		if (!vq->gmem.iotlb)
			continue;
		for (run = run_first(&m->mem, first, last); run; run = run_next(run, last))
			sluice_iotlb_invalidate(vq->gmem.iotlb, (u64)run->first << PAGE_SHIFT,
						((u64)(run->first + run->nr) << PAGE_SHIFT) - 1);
		if (vq->q && sluice_queue_memory_changed(vq->q))
			sluice_mdev_mem_lose(m);
	}
	while ((run = run_first(&m->mem, first, last))) {
		rb_erase(&run->node, &m->mem.runs);
		mem_unpin(m, run);
	}
}

void sluice_mdev_mem_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct sluice_mdev *m = container_of(vdev, struct sluice_mdev, vdev);

	if (!length)
		return;
	mutex_lock(&m->mem.lock);
	if (length < RUN_PAGES << PAGE_SHIFT)
		m->mem.piecemeal = true;
	mem_hold(m);
	mem_unpin_range(m, iova >> PAGE_SHIFT, (iova + (length - 1)) >> PAGE_SHIFT);
	mutex_unlock(&m->mem.lock);
}

/* What a queue missed that was stopped is not to be pinned for it later. */
static void mem_forget_misses(struct sluice_mdev *m)
{
	unsigned int i;

	lockdep_assert_held(&m->mem.lock);
	for (i = 0; i < SLUICE_MDEV_VQS; i++) {
		spin_lock(&m->vq[i].miss_lock);
		m->vq[i].missed = false;
		spin_unlock(&m->vq[i].miss_lock);
		m->vq[i].miss_tries = 0;
	}
}

void sluice_mdev_mem_forget(struct sluice_mdev *m)
{
	mutex_lock(&m->mem.lock);
	mem_forget_misses(m);
	mem_unpin_range(m, 0, ULONG_MAX);
	m->mem.piecemeal = false;
	mutex_unlock(&m->mem.lock);
}

/* --- open and close --- */

void sluice_mdev_mem_init(struct sluice_mdev *m)
{
	mutex_init(&m->mem.lock);
	m->mem.runs = RB_ROOT;
	INIT_DELAYED_WORK(&m->mem.work, mem_work);
	init_waitqueue_head(&m->mem.settled);
	m->mem.held_until = jiffies;
}

static void mem_free(struct sluice_mdev *m)
{
	unsigned int i;

	mutex_lock(&m->mem.lock);
	for (i = 0; i < SLUICE_MDEV_VQS && !m->mem.lost; i++) {
		struct sluice_mdev_vq *vq = &m->vq[i];

		if (vq->gmem.iotlb)
			sluice_iotlb_free(vq->gmem.iotlb);
		vq->gmem.iotlb = NULL;
	}
	mutex_unlock(&m->mem.lock);
}

int sluice_mdev_mem_open(struct sluice_mdev *m)
{
	unsigned int i;

	if (READ_ONCE(m->mem.lost))
		return -EIO;
	for (i = 0; i < m->common.nr_queues; i++) {
		struct sluice_mdev_vq *vq = &m->vq[i];

		vq->gmem.kernel = true;
		vq->gmem.iotlb = sluice_iotlb_new(mem_missed, vq, QUEUE_ENTRIES);
		if (!vq->gmem.iotlb) {
			mem_free(m);
			return -ENOMEM;
		}
	}
	mutex_lock(&m->mem.lock);
	m->mem.payer = get_mem_cgroup_from_mm(current->mm);
	m->mem.open = true;
	mutex_unlock(&m->mem.lock);
	return 0;
}

void sluice_mdev_mem_close(struct sluice_mdev *m)
{
	mutex_lock(&m->mem.lock);
	m->mem.open = false;
	mutex_unlock(&m->mem.lock);
	/* No queue is attached, so nobody misses anything any more. */
	cancel_delayed_work_sync(&m->mem.work);
	sluice_mdev_mem_forget(m);
	mem_free(m);
	mem_cgroup_put(m->mem.payer);
	m->mem.payer = NULL;
}
