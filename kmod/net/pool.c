// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet memory.
 *
 * The kernel's page_frag_cache holds one page, and gives it up when a burst is longer than that;
 * with pages cleared on allocation, as distributions have it, the new one cost more than the
 * packet.
 *
 * A worker serves many guests, so it does not look for memory where there is none: it takes what is
 * free, then what a work item has put by for it, then a page that is just large enough. What it has
 * not got then is a dropped packet.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/skbuff.h>
#include "pool.h"

/* More than the pieces that one page can be cut into: the smallest is a cache line. */
#define POOL_SPARE	(SLUICE_POOL_SIZE / SMP_CACHE_BYTES + 1)

#define POOL_GFP	(GFP_NOWAIT | __GFP_COMP | __GFP_NOWARN)
/* Off the worker: one attempt to make room, but nobody is killed for it. */
#define POOL_REFILL_GFP	(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN | __GFP_NORETRY)
/* Until the next, in jiffies, if that was in vain: the worker asks only when it is short again. */
#define POOL_REFILL_RETRY	HZ

/* --- reserve: the work item puts, the worker takes --- */

static void reserve_fill(struct sluice_pool_reserve *r)
{
	/* Pairs with reserve_take(). */
	while (r->put - smp_load_acquire(&r->taken) < SLUICE_POOL_RESERVE) {
		struct page *page = alloc_pages(POOL_REFILL_GFP, SLUICE_POOL_ORDER);

		if (!page) {
			queue_delayed_work(system_unbound_wq, &r->work, POOL_REFILL_RETRY);
			return;
		}
		r->page[r->put % SLUICE_POOL_RESERVE] = page;
		/* Pairs with reserve_take(). */
		smp_store_release(&r->put, r->put + 1);
	}
}

static void reserve_work(struct work_struct *work)
{
	reserve_fill(container_of(to_delayed_work(work), struct sluice_pool_reserve, work));
}

static struct page *reserve_take(struct sluice_pool_reserve *r)
{
	struct page *page = NULL;

	/* Pairs with reserve_fill(). */
	if (r->taken != smp_load_acquire(&r->put)) {
		page = r->page[r->taken % SLUICE_POOL_RESERVE];
		/* Pairs with reserve_fill(). */
		smp_store_release(&r->taken, r->taken + 1);
	}
	mod_delayed_work(system_unbound_wq, &r->work, 0);
	return page;
}

/* --- pages --- */

static unsigned int pool_page_size(const struct sluice_pool_page *p)
{
	return PAGE_SIZE << p->order;
}

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
	if (page_ref_count(p->page) != p->spare || page_is_pfmemalloc(p->page) ||
	    p->order < SLUICE_POOL_ORDER)
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

static bool pool_new_page(struct sluice_pool *pool, struct sluice_pool_page *p, unsigned int min)
{
	p->order = SLUICE_POOL_ORDER;
	p->page = alloc_pages(POOL_GFP, p->order);
	if (unlikely(!p->page))
		p->page = reserve_take(&pool->reserve);
	if (unlikely(!p->page && get_order(min) < SLUICE_POOL_ORDER)) {
		p->order = get_order(min);
		p->page = alloc_pages(POOL_GFP, p->order);
	}
	if (unlikely(!p->page))
		return false;
	page_ref_add(p->page, POOL_SPARE - 1);
	p->spare = POOL_SPARE;
	return true;
}

static bool pool_next_page(struct sluice_pool *pool, unsigned int min)
{
	unsigned int next = (pool->cur + 1) % SLUICE_POOL_PAGES;
	struct sluice_pool_page *p = &pool->page[next];

	if (!p->page || !pool_reuse_page(p)) {
		pool_drop_page(p);
		/* The page that is being cut stays, for those who need less. */
		if (unlikely(!pool_new_page(pool, p, min)))
			return false;
	}
	pool->cur = next;
	pool->left = pool_page_size(p);
	return true;
}

void *sluice_pool_alloc_some(struct sluice_pool *pool, unsigned int min, unsigned int max,
			     unsigned int *size)
{
	struct sluice_pool_page *p;

	if (pool->left < SKB_DATA_ALIGN(min) && !pool_next_page(pool, SKB_DATA_ALIGN(min)))
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

void sluice_pool_init(struct sluice_pool *pool)
{
	INIT_DELAYED_WORK(&pool->reserve.work, reserve_work);
	reserve_fill(&pool->reserve);
}

size_t sluice_pool_abandon(struct sluice_pool *pool)
{
	const struct sluice_pool_reserve *r = &pool->reserve;
	size_t bytes;
	unsigned int i;

	cancel_delayed_work_sync(&pool->reserve.work);
	bytes = (r->put - r->taken) * SLUICE_POOL_SIZE;
	for (i = 0; i < SLUICE_POOL_PAGES; i++)
		bytes += pool->page[i].page ? pool_page_size(&pool->page[i]) : 0;
	return bytes;
}

void sluice_pool_exit(struct sluice_pool *pool)
{
	struct sluice_pool_reserve *r = &pool->reserve;
	unsigned int i;

	cancel_delayed_work_sync(&r->work);
	for (; r->taken != r->put; r->taken++)
		__free_pages(r->page[r->taken % SLUICE_POOL_RESERVE], SLUICE_POOL_ORDER);
	for (i = 0; i < SLUICE_POOL_PAGES; i++)
		pool_drop_page(&pool->page[i]);
	pool->left = 0;
}
