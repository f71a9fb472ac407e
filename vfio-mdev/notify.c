// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells. Each queue's is a page of BAR 4. A write to it that comes by the VMM's system calls
 * always works; but where the user maps the BAR, the page is there only while nobody has to be
 * told:
 *
 * DOC: A page fault as a doorbell
 *
 * The page is absent while the queue's worker wants to be notified. The driver's write then faults;
 * the handler puts a page of memory there, whose content means nothing, and kicks the queue. As
 * long as the worker polls, more writes go to that page at the price of a store. Before it asks
 * the driver to notify again it has the page taken away, and only then looks at the ring for the
 * last time. It polls on until that is done: page tables have locks, and others who are told of
 * their changes, for which no worker waits.
 *
 * So no notification is lost. A write that went to the page was done before the page was taken
 * away, and what it announces was made available before that: the last look finds it. A page that
 * is put there while the worker is about to ask again is followed by a kick, for which the worker
 * takes another round, at the end of which it finds the page and takes it away.
 *
 * The driver gets on: what is taken away too soon is asked for again, and stays longer each time.
 *
 * The control queue, which nobody polls, has its doorbell behind the others', where nothing is
 * mapped.
 */
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/workqueue.h>
#include "mdev.h"

static bool doorbell_map;
module_param(doorbell_map, bool, 0644);
MODULE_PARM_DESC(doorbell_map, "let users map doorbells: a kick does not pass through the VMM then");

/* Nanoseconds that a page stays, at least. */
#define NOTIFY_STAY_MIN	(20 * NSEC_PER_USEC)
#define NOTIFY_STAY_MAX	NSEC_PER_MSEC
/* A fault that comes so soon after the page was taken away may be the same as before. */
#define NOTIFY_SOON	(200 * NSEC_PER_USEC)
/* A page of the host's is a doorbell's. */
#define NOTIFY_MAPPABLE	(PAGE_SIZE == SLUICE_PCI_NOTIFY_STRIDE)

static unsigned long notify_page(unsigned int index)
{
	return (SLUICE_MDEV_OFFSET(VFIO_PCI_BAR4_REGION_INDEX) >> PAGE_SHIFT) + index;
}

int sluice_mdev_notify_open(struct sluice_mdev *m)
{
	if (!NOTIFY_MAPPABLE || !READ_ONCE(doorbell_map))
		return 0;
	/*
	 * For all queues the same: nobody reads it but this guest, and only what it wrote itself.
	 */
	m->notify_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return m->notify_page ? 0 : -ENOMEM;
}

/*
 * A mapping holds the file open, so there is none left; and no queue is served, so nothing is taken
 * away any more. mdev->lock
 */
void sluice_mdev_notify_close(struct sluice_mdev *m)
{
	unsigned int i;

	for (i = 0; i < SLUICE_MDEV_VQS; i++) {
		cancel_work_sync(&m->vq[i].notify_work);
		m->vq[i].notify_taking = false;
		m->vq[i].notify_mapped = false;
	}
	if (m->notify_page)
		__free_page(m->notify_page);
	m->notify_page = NULL;
}

/* One that is mapped anew meanwhile is found by the next to ask. */
static void notify_take_away(struct work_struct *work)
{
	struct sluice_mdev_vq *vq = container_of(work, struct sluice_mdev_vq, notify_work);
	struct inode *inode = vq->mdev->vdev.inode;

	WRITE_ONCE(vq->notify_mapped, false);
	/* All that is mapped of a device, by whomever, is found at its inode. */
	unmap_mapping_range(inode->i_mapping, (loff_t)notify_page(vq->index) << PAGE_SHIFT,
			    PAGE_SIZE, true);
	WRITE_ONCE(vq->notify_until, ktime_get_ns());
	/* Pairs with sluice_mdev_notify_arm(): the page is gone, unless it is mapped again. */
	smp_store_release(&vq->notify_taking, false);
}

void sluice_mdev_notify_init(struct sluice_mdev *m)
{
	unsigned int i;

	for (i = 0; i < SLUICE_MDEV_VQS; i++)
		INIT_WORK(&m->vq[i].notify_work, notify_take_away);
}

bool sluice_mdev_notify_arm(struct sluice_mdev_vq *vq)
{
	/* Pairs with notify_take_away(). */
	if (smp_load_acquire(&vq->notify_taking))
		return false;
	if (!READ_ONCE(vq->notify_mapped))
		return true;
	if (ktime_get_ns() - READ_ONCE(vq->notify_since) >= READ_ONCE(vq->notify_stay)) {
		WRITE_ONCE(vq->notify_taking, true);
		queue_work(system_unbound_wq, &vq->notify_work);
	}
	return false;
}

/*
 * How long the page is to stay: long enough for the access that faulted to be done. Another fault
 * so soon after it was taken away says that it was not, or that there is much to be told, which is
 * cheaper to look for; a late one says that a little less may do. Several may fault at a time: they
 * want the same.
 */
static void notify_set_stay(struct sluice_mdev_vq *vq)
{
	u64 stay = READ_ONCE(vq->notify_stay), now = ktime_get_ns();

	if (now - READ_ONCE(vq->notify_until) < NOTIFY_SOON)
		stay *= 2;
	else
		stay -= stay / 8;
	WRITE_ONCE(vq->notify_stay, clamp_t(u64, stay, NOTIFY_STAY_MIN, NOTIFY_STAY_MAX));
	WRITE_ONCE(vq->notify_since, now);
}

/*
 * KVM does not take the fault itself: it has it handled, under the VMM's mmap lock, and then wants
 * to find the page, for which it gives up if a worker was quicker. But it starts again if it hears
 * that the lock was dropped meanwhile.
 */
static bool notify_may_retry(const struct vm_fault *vmf)
{
	return !(vmf->flags & (FAULT_FLAG_USER | FAULT_FLAG_TRIED | FAULT_FLAG_RETRY_NOWAIT)) &&
	       vmf->flags & FAULT_FLAG_ALLOW_RETRY;
}

static vm_fault_t notify_fault(struct vm_fault *vmf)
{
	struct sluice_mdev *m = vmf->vma->vm_private_data;
	unsigned int index = vmf->pgoff - notify_page(0);
	struct sluice_mdev_vq *vq;
	vm_fault_t ret;

	if (index >= m->nr_data)
		return VM_FAULT_SIGBUS;
	vq = &m->vq[array_index_nospec(index, m->nr_data)];
	notify_set_stay(vq);
	ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(m->notify_page));
	/* Only when it is there: a worker that found it before would have taken nothing away. */
	smp_store_release(&vq->notify_mapped, true);
	/* Before the kick: whoever sees that sees this. */
	smp_wmb();
	sluice_mdev_queue_kick(m, index);
	if (ret == VM_FAULT_NOPAGE && notify_may_retry(vmf)) {
		release_fault_lock(vmf);
		return VM_FAULT_RETRY;
	}
	return ret;
}

static const struct vm_operations_struct notify_vm_ops = {
	.fault = notify_fault,
};

int sluice_mdev_notify_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	struct sluice_mdev *m = container_of(vdev, struct sluice_mdev, vdev);
	unsigned long first = notify_page(0);

	if (!m->notify_page || !(vma->vm_flags & VM_SHARED) || vma->vm_pgoff < first ||
	    vma->vm_pgoff - first + vma_pages(vma) > m->nr_data)
		return -EINVAL;
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = m;
	vma->vm_ops = &notify_vm_ops;
	return 0;
}

bool sluice_mdev_notify_area(const struct sluice_mdev *m, struct vfio_region_sparse_mmap_area *area)
{
	if (!m->notify_page)
		return false;
	area->offset = 0;
	area->size = (u64)m->nr_data * SLUICE_PCI_NOTIFY_STRIDE;
	return true;
}
