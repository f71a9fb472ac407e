// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device's queues reach.
 *
 * DOC: A VMM's memory
 *
 * vhost_vdpa pins the VMM's pages and maps them here, piece by piece; queues reach what was mapped
 * and nothing else. When a piece goes, vhost_vdpa unpins first and tells us afterwards. If the VMM
 * has unmapped the memory by then, that was the last reference, and a worker that has not heard yet
 * would write into pages of somebody else. So each piece holds references of its own, until every
 * queue has been on its worker since the IOTLB forgot the piece (sluice_queue_memory_changed()).
 *
 * The reference is on a folio, as often as a piece has parts of it. It keeps the folio from being
 * split or freed, so that the walk which puts meets the same folios as the one which got.
 *
 * A ring that reaches for what is not mapped waits until it is: between unmapping and mapping anew
 * a VMM's ring must not break. It costs nothing meanwhile.
 *
 * DOC: The host's memory
 *
 * virtio_net or virtio_blk of the host itself, by way of virtio_vdpa, maps its buffers with the DMA
 * interface for a device of which no IOMMU knows: that gives physical addresses, which the direct
 * map of the kernel is one entry for. Nobody but a driver of that kind may have it: who opens
 * /dev/vhost-vdpa-N would own the host. Hence it is chosen by the driver's name, and everybody else
 * gets what he mapped.
 */
#include <linux/dma-direct.h>
#include <linux/mm.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include "vdpa.h"

/**
 * struct vdpa_map - a piece of memory
 * @node: in d->maps; here, so that taking a piece out needs no memory
 * @iova: where the device sees it
 * @last: inclusive
 * @pa: where it is
 */
struct vdpa_map {
	struct rb_node node;
	u64 iova;
	u64 last;
	u64 pa;
};

struct map_range {
	u64 iova;
	u64 last;
};

static int map_compare(const void *key, const struct rb_node *node)
{
	const struct vdpa_map *map = rb_entry(node, struct vdpa_map, node);
	const struct map_range *r = key;

	return r->last < map->iova ? -1 : r->iova > map->last;
}

static bool map_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct vdpa_map, node)->iova < rb_entry(b, struct vdpa_map, node)->iova;
}

/* A piece that has a byte of [@iova, @last], or NULL. */
static struct vdpa_map *map_find(const struct sluice_vdpa *d, u64 iova, u64 last)
{
	struct map_range r = { .iova = iova, .last = last };

	lockdep_assert_held(&d->lock);
	return rb_entry_safe(rb_find(&r, &d->maps, map_compare), struct vdpa_map, node);
}

/* Call @fn for each part of a folio in the piece. */
static void map_each_folio(const struct vdpa_map *map, void (*fn)(struct folio *folio))
{
	unsigned long pfn = PFN_DOWN(map->pa);
	unsigned long end = PFN_DOWN(map->pa + (map->last - map->iova)) + 1;

	while (pfn < end) {
		struct page *page = pfn_to_page(pfn);
		struct folio *folio = page_folio(page);
		unsigned long next = folio_pfn(folio) + folio_nr_pages(folio);

		fn(folio);
		pfn = next;
	}
}

static void map_get(struct folio *folio)
{
	folio_get(folio);
}

static void map_put(struct folio *folio)
{
	folio_put(folio);
}

static void map_free(struct vdpa_map *map)
{
	map_each_folio(map, map_put);
	kfree(map);
}

/* No queue uses what the IOTLB has forgotten: false: a worker does not say so. */
static bool map_quiesce(struct sluice_vdpa *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_vqs; i++) {
		if (d->vq[i].attached && sluice_queue_memory_changed(d->vq[i].q))
			sluice_vdpa_lose(d);
	}
	return !d->lost;
}

/* Let go of the pieces that the IOTLB has forgotten. */
static void map_drop(struct sluice_vdpa *d, u64 iova, u64 last)
{
	struct vdpa_map *map = map_find(d, iova, last);
	bool quiet = map && map_quiesce(d);

	for (; map; map = map_find(d, iova, last)) {
		rb_erase(&map->node, &d->maps);
		if (quiet)
			map_free(map);
		else
			sluice_leak(map->last - map->iova + 1);
	}
}

void sluice_vdpa_map_del(struct sluice_vdpa *d, u64 iova, u64 last)
{
	/* Whole entries go here and there. */
	sluice_iotlb_invalidate(d->iotlb, iova, last);
	map_drop(d, iova, last);
}

/*
 * Who maps what is mapped wants it replaced. What can fail comes first, so what was mapped is
 * mapped still if it does.
 */
int sluice_vdpa_map_add(struct sluice_vdpa *d, u64 iova, u64 size, u64 pa, u8 perm)
{
	struct vdpa_map *map;
	int err;

	lockdep_assert_held(&d->lock);
	if (!size || iova + size - 1 < iova)
		return -EINVAL;
	map = kmalloc(sizeof(*map), GFP_KERNEL_ACCOUNT);
	if (!map)
		return -ENOMEM;
	map->iova = iova;
	map->last = iova + size - 1;
	map->pa = pa;
	/* From here on a worker may find it. */
	map_each_folio(map, map_get);
	err = sluice_iotlb_update(d->iotlb, map->iova, map->last, (uintptr_t)phys_to_virt(pa),
				  perm);
	if (err) {
		map_free(map);
		return err;
	}
	map_drop(d, map->iova, map->last);
	rb_add(&map->node, &d->maps, map_less);
	sluice_vdpa_vq_kick_all(d);
	return 0;
}

void sluice_vdpa_map_choose(struct sluice_vdpa *d)
{
	lockdep_assert_held(&d->lock);
	d->gmem.iotlb = d->host_driver ? d->direct : d->iotlb;
	/* Such a driver waits for its requests before it gives their memory back. */
	d->gmem.host = d->host_driver;
}

/* A kick follows whatever is mapped. */
static void map_miss(void *ctx, u64 iova, u8 perm)
{
}

static int map_init_direct(struct sluice_vdpa *d)
{
	u64 start = phys_to_dma(&d->vdev.dev, __pa(PAGE_OFFSET));

	d->direct = sluice_iotlb_new(map_miss, d, 0);
	if (!d->direct)
		return -ENOMEM;
	/* Memory may yet be plugged in: as far as there are addresses. */
	return sluice_iotlb_update(d->direct, start, start + (U64_MAX - PAGE_OFFSET), PAGE_OFFSET,
				   SLUICE_GMEM_RW);
}

int sluice_vdpa_map_init(struct sluice_vdpa *d)
{
	d->maps = RB_ROOT;
	d->gmem.kernel = true;
	/* Nobody would bring again what went. What there is, is pinned, page by page. */
	d->iotlb = sluice_iotlb_new(map_miss, d, 0);
	if (!d->iotlb)
		return -ENOMEM;
	d->gmem.iotlb = d->iotlb;
	return map_init_direct(d);
}

void sluice_vdpa_map_exit(struct sluice_vdpa *d)
{
	mutex_lock(&d->lock);
	sluice_vdpa_map_del(d, 0, U64_MAX);
	mutex_unlock(&d->lock);
	sluice_iotlb_free(d->iotlb);
	sluice_iotlb_free(d->direct);
}
