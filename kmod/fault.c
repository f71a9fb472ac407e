// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page faults, off the workers.
 *
 * A worker runs with page faults disabled: it serves many guests, and a page of one of them may
 * take its time (swap, a FUSE file) or for ever (userfaultfd). What it finds absent is brought in
 * here, in the owner's address space, by a thread that may block; then the queue is kicked and
 * tries again.
 *
 * DOC: Lifetime of a fault
 *
 * Each attached ring has a struct sluice_fault, and thereby one fault in the air at most. While
 * there is one it holds what it uses: the address space, the port that the queue is part of, and
 * the module. So nobody waits for it: detach drops its own reference only, and a port or a process
 * may go while the page is still awaited (the memory of the process goes when the fault ends; it
 * does once whoever withholds the page, or its file descriptor, is gone). A module that is held is
 * not unloaded; exit then waits for jobs that have dropped the module and have nothing left to do
 * but return.
 *
 * A ring that was detached in the midst of a fault leaves it behind. A guest that does so again and
 * again must not collect threads, so a queue has SLUICE_FAULTS_MAX of them; beyond that a ring
 * waits, without one of its own, until one ends: the end of any of them kicks the queue.
 *
 * DOC: Threads
 *
 * A fault holds a thread for as long as the page is withheld, which may be for ever. So each port
 * has threads of its own, SLUICE_FAULTS_PORT of them, and what it wants beyond that waits for these
 * in turn: however many faults its owner collects, those of others find theirs free.
 *
 * DOC: No wakeup is lost
 *
 * The worker marks a queue stalled and then leaves it alone until it is kicked. A fault clears
 * @busy, or leaves its place among the queue's, before it kicks. So a worker that found a fault in
 * the air, and started none, finds the kick when it looks at the queue next.
 */
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mmu_context.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "port.h"

/* In the air for one queue: the ring's, and one that an earlier ring left behind. */
#define SLUICE_FAULTS_MAX	2
/* Under way at once for one port: enough for memory that comes over a network, piece by piece. */
#define SLUICE_FAULTS_PORT	8

/**
 * struct sluice_fault_threads - those of a port
 * @wq: runs its faults
 * @free: destroys it, which waits for the last of them to return, and frees this
 */
struct sluice_fault_threads {
	struct workqueue_struct *wq;
	struct work_struct free;
};

/**
 * struct sluice_fault - memory that a ring waits for
 * @ref: one for the ring, one while it is in the air
 * @work: brings it in
 * @q: its queue
 * @mm: address space, a mm_users reference while in the air
 * @absent: where it is; the worker's while not in the air
 * @busy: in the air; set by the worker
 * @failed: the last one ended without the memory; written before @busy is cleared
 */
struct sluice_fault {
	struct kref ref;
	struct work_struct work;
	struct sluice_queue *q;
	struct mm_struct *mm;
	struct sluice_gmem_absent absent;
	bool busy;
	bool failed;
};

/* Threads go here: the last fault of a port, which gives up the port, cannot wait for itself. */
static struct workqueue_struct *fault_free_wq;

static void fault_free(struct kref *ref)
{
	kfree(container_of(ref, struct sluice_fault, ref));
}

/* All of it, as the access does it. Page by page: where it stops is told alike by every kernel. */
static bool fault_in(const struct sluice_gmem_absent *a)
{
	unsigned long at = a->uaddr, end = a->uaddr + a->len;

	while (at < end) {
		char __user *p = (char __user *)at;
		size_t n = min(end - at, PAGE_SIZE - offset_in_page(at));

		if (a->write ? fault_in_safe_writeable(p, n) : fault_in_readable(p, n))
			return false;
		at += n;
	}
	return true;
}

static void fault_work(struct work_struct *work)
{
	struct sluice_fault *f = container_of(work, struct sluice_fault, work);
	struct sluice_queue *q = f->q;
	struct mm_struct *mm = f->mm;

	kthread_use_mm(mm);
	f->failed = !fault_in(&f->absent);
	kthread_unuse_mm(mm);

	atomic_dec(&q->faults);
	/* From here on the worker may start the next one: pairs with sluice_fault_start(). */
	smp_store_release(&f->busy, false);
	sluice_queue_kick(q);

	mmput(mm);
	sluice_port_put(q->port);
	kref_put(&f->ref, fault_free);
	module_put(THIS_MODULE);
}

static void fault_threads_free(struct sluice_fault_threads *t)
{
	destroy_workqueue(t->wq);
	kfree(t);
}

static void fault_threads_work(struct work_struct *work)
{
	fault_threads_free(container_of(work, struct sluice_fault_threads, free));
}

static struct sluice_fault_threads *fault_threads_new(const struct sluice_port *port)
{
	struct sluice_fault_threads *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	t->wq = alloc_workqueue("sluice_fault/%u", WQ_UNBOUND, SLUICE_FAULTS_PORT, port->index);
	if (!t->wq) {
		kfree(t);
		return NULL;
	}
	INIT_WORK(&t->free, fault_threads_work);
	return t;
}

/* The port's threads are there for its first ring and stay. Two of its rings may come at once. */
static bool fault_threads_get(struct sluice_port *port)
{
	struct sluice_fault_threads *t;

	/* Pairs with the cmpxchg() below. */
	if (smp_load_acquire(&port->fault_threads))
		return true;
	t = fault_threads_new(port);
	if (!t)
		return false;
	if (cmpxchg(&port->fault_threads, NULL, t))
		fault_threads_free(t);
	return true;
}

void sluice_fault_port_free(struct sluice_port *port)
{
	if (port->fault_threads)
		queue_work(fault_free_wq, &port->fault_threads->free);
}

struct sluice_fault *sluice_fault_new(struct sluice_queue *q)
{
	struct sluice_fault *f;

	if (!fault_threads_get(q->port))
		return NULL;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return NULL;
	kref_init(&f->ref);
	INIT_WORK(&f->work, fault_work);
	f->q = q;
	return f;
}

void sluice_fault_drop(struct sluice_fault *f)
{
	if (f)
		kref_put(&f->ref, fault_free);
}

int sluice_fault_start(struct sluice_fault *f, const struct sluice_gmem_absent *absent)
{
	struct sluice_queue *q = f->q;

	sluice_assert_worker(q->owner);
	/* What the last one left behind is looked at after it ended: pairs with fault_work(). */
	if (smp_load_acquire(&f->busy))
		return 0;
	if (f->failed && f->absent.uaddr == absent->uaddr && f->absent.write == absent->write)
		return -EFAULT;
	f->failed = false;
	/* Fully ordered: who makes room after this look kicks after it. */
	if (atomic_inc_return(&q->faults) > SLUICE_FAULTS_MAX) {
		atomic_dec(&q->faults);
		return 0;
	}
	f->absent = *absent;
	f->mm = q->cfg.mm;
	f->busy = true;
	/* The front end holds the address space and the port while the ring is attached. */
	mmget(f->mm);
	sluice_port_hold(q->port);
	__module_get(THIS_MODULE);
	kref_get(&f->ref);
	queue_work(q->port->fault_threads->wq, &f->work);
	return 0;
}

void sluice_fault_forget(struct sluice_fault *f)
{
	/* Pairs with fault_work(). */
	if (f && !smp_load_acquire(&f->busy))
		f->failed = false;
}

int sluice_fault_init(void)
{
	fault_free_wq = alloc_workqueue("sluice_fault_free", WQ_UNBOUND, 0);
	return fault_free_wq ? 0 : -ENOMEM;
}

/* Context: the last port is gone. */
void sluice_fault_exit(void)
{
	destroy_workqueue(fault_free_wq);
}
