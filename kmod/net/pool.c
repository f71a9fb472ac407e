// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet memory.
 *
 * The kernel's page_frag_cache holds one page, and gives it up when a burst is longer than that;
 * with pages cleared on allocation, as distributions have it, the new one cost more than the
 * packet.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include "pool.h"

/* More than the pieces that one page can be cut into: the smallest is a cache line. */
#define POOL_SPARE	(SLUICE_POOL_SIZE / SMP_CACHE_BYTES + 1)

static void pool_drop_page(struct sluice_pool_page *p)
{
	if (p->page)
		__page_frag_cache_drain(p->page, p->spare);
	p->page = NULL;
}

/*
 * True if every piece of the page came back; then it is ours alone, with a full stock of
 * references.
 */
static bool pool_reuse_page(struct sluice_pool_page *p)
{
	if (page_ref_count(p->page) != p->spare || page_is_pfmemalloc(p->page))
		return false;
	/*
	 * Pairs with the full barrier in the put_page() of whoever had a piece last: its accesses
	 * come before our writes.
	 */
	smp_mb();
	page_ref_add(p->page, POOL_SPARE - p->spare);
	p->spare = POOL_SPARE;
	return true;
}

static bool pool_next_page(struct sluice_pool *pool)
{
	unsigned int next = (pool->cur + 1) % SLUICE_POOL_PAGES;
	struct sluice_pool_page *p = &pool->page[next];

	if (!p->page || !pool_reuse_page(p)) {
		pool_drop_page(p);
		p->page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN, SLUICE_POOL_ORDER);
		/* The page that is being cut stays, for those who need less. */
		if (unlikely(!p->page))
			return false;
		page_ref_add(p->page, POOL_SPARE - 1);
		p->spare = POOL_SPARE;
	}
	pool->cur = next;
	pool->left = SLUICE_POOL_SIZE;
	return true;
}

void *sluice_pool_alloc_some(struct sluice_pool *pool, unsigned int min, unsigned int max,
			     unsigned int *size)
{
	struct sluice_pool_page *p;

	if (pool->left < SKB_DATA_ALIGN(min) && !pool_next_page(pool))
		return NULL;
	p = &pool->page[pool->cur];
	*size = min(max, pool->left);
	/* From the end to the start; the start of every piece is on a cache line. */
	pool->left -= min(SKB_DATA_ALIGN(*size), pool->left);
	p->spare--;
	return page_address(p->page) + pool->left;
}

void *sluice_pool_alloc(struct sluice_pool *pool, unsigned int size)
{
	return sluice_pool_alloc_some(pool, size, size, &size);
}

void sluice_pool_exit(struct sluice_pool *pool)
{
	unsigned int i;

	for (i = 0; i < SLUICE_POOL_PAGES; i++)
		pool_drop_page(&pool->page[i]);
	pool->left = 0;
}
