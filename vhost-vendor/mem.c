// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device reaches of its owner's memory: the table of regions, the dirty log, the IOTLB.
 *
 * DOC: Publication
 *
 * The rings of a device are bound to one queue pair, so one worker serves them. A new table or
 * log is stored by a function that runs on that worker; then each ring drops the translations
 * that it cached. When both have returned nobody has the old table in hand, and it is freed;
 * the VMM may unmap what it described. If the worker does not answer both tables stay.
 */
#include <linux/slab.h>
#include "vhost.h"

#define LOG_PAGE_SHIFT	12

/* Bytes of the log that has a bit for guest-physical @last. */
static u64 log_bytes(u64 last)
{
	return (last >> (LOG_PAGE_SHIFT + 3)) + 1;
}

/*
 * Its owner gives no size: as far as the memory that is there needs it. With an IOTLB the used
 * ring's address means nothing here: it is logged where it lies.
 */
static u64 mem_log_size(const struct sluice_vhost *v)
{
	const struct sluice_gmem_table *t = v->table;
	u64 size = 0;
	unsigned int i;

	for (i = 0; t && i < t->nr; i++)
		size = max(size, log_bytes(t->region[i].start + t->region[i].size - 1));
	for (i = 0; !v->gmem.iotlb && i < SLUICE_VHOST_VQS; i++) {
		const struct sluice_vhost_vq *vq = &v->vq[i];
		u64 last = vq->log_addr + sluice_vhost_vq_device_len(vq) - 1;

		if (vq->log_used && last >= vq->log_addr)
			size = max(size, log_bytes(last));
	}
	return size;
}

struct mem_change {
	struct sluice_vhost *vhost;
	struct sluice_gmem next;
};

/* On the worker, once for each ring: the second time it changes nothing. */
static void mem_apply(struct sluice_queue *q, void *arg)
{
	struct mem_change *c = arg;

	c->vhost->gmem = c->next;
}

static int mem_publish(struct mem_change *c)
{
	struct sluice_vhost *v = c->vhost;
	bool done = false;
	unsigned int i;
	int err = 0;

	for (i = 0; i < SLUICE_VHOST_VQS && !err; i++) {
		if (!v->vq[i].attached)
			continue;
		err = sluice_queue_call(v->vq[i].q, mem_apply, c, sizeof(*c));
		done = true;
	}
	if (!done)
		mem_apply(NULL, c);
	for (i = 0; i < SLUICE_VHOST_VQS && !err; i++) {
		if (v->vq[i].attached)
			err = sluice_queue_memory_changed(v->vq[i].q);
	}
	if (err)
		sluice_vhost_lose(v);
	return err;
}

int sluice_vhost_mem_sync(struct sluice_vhost *v)
{
	struct mem_change c = {
		.vhost = v,
		.next = { .table = v->table, .iotlb = v->gmem.iotlb },
	};

	lockdep_assert_held(&v->lock);
	if (sluice_vhost_bound(v) && sluice_vhost_has(v, VHOST_F_LOG_ALL)) {
		c.next.log_size = mem_log_size(v);
		if (!v->has_log || !sluice_vhost_range_ok(v->log_base, c.next.log_size))
			return -EFAULT;
		c.next.log = (void __user *)(unsigned long)v->log_base;
	}
	return mem_publish(&c);
}

static struct sluice_gmem_table *mem_table_new(const struct vhost_memory_region *r, unsigned int n)
{
	struct sluice_gmem_region *region;
	struct sluice_gmem_table *t;
	unsigned int i;

	region = kcalloc(max(n, 1U), sizeof(*region), GFP_KERNEL);
	if (!region)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < n; i++) {
		if (!sluice_vhost_range_ok(r[i].userspace_addr, r[i].memory_size)) {
			t = ERR_PTR(-EFAULT);
			goto free;
		}
		region[i].start = r[i].guest_phys_addr;
		region[i].size = r[i].memory_size;
		region[i].uaddr = r[i].userspace_addr;
	}
	t = sluice_gmem_table_new(region, n);
free:
	kfree(region);
	return t;
}

int sluice_vhost_mem_set_table(struct sluice_vhost *v, const struct vhost_memory_region *r,
			       unsigned int n)
{
	const struct sluice_gmem_table *t = mem_table_new(r, n), *old = v->table;
	int err;

	if (IS_ERR(t))
		return PTR_ERR(t);
	v->table = t;
	err = sluice_vhost_mem_sync(v);
	if (err) {
		v->table = old;
		old = t;
	}
	if (!v->lost)
		sluice_gmem_table_free(old);
	return err;
}

int sluice_vhost_mem_set_log(struct sluice_vhost *v, u64 base)
{
	bool had = v->has_log;
	u64 old = v->log_base;
	int err;

	if (!sluice_vhost_range_ok(base, 1))
		return -EFAULT;
	v->has_log = true;
	v->log_base = base;
	err = sluice_vhost_mem_sync(v);
	if (err) {
		v->has_log = had;
		v->log_base = old;
	}
	return err;
}

int sluice_vhost_mem_set_iotlb(struct sluice_vhost *v, u64 features)
{
	struct sluice_iotlb *old = v->gmem.iotlb, *iotlb = NULL;

	if (features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)) {
		iotlb = sluice_iotlb_new(sluice_vhost_msgs_miss, v, SLUICE_IOTLB_ENTRIES);
		if (IS_ERR_OR_NULL(iotlb))
			return -ENOMEM;
	}
	v->gmem.iotlb = iotlb;
	sluice_vhost_msgs_reset(&v->msgs, iotlb);
	if (old)
		sluice_iotlb_free(old);
	return 0;
}

void sluice_vhost_mem_reset(struct sluice_vhost *v)
{
	/* Without the feature there is none, so nothing can fail. */
	sluice_vhost_mem_set_iotlb(v, 0);
	memset(&v->gmem, 0, sizeof(v->gmem));
	if (v->table)
		sluice_gmem_table_free(v->table);
	v->table = NULL;
	v->has_log = false;
}
