// SPDX-License-Identifier: GPL-2.0-only
/* Pages of our own: see pages.h. */
#include <linux/highmem.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "pages.h"
#include "pieces.h"

/* --- reserve --- */

/* They are the reserve's wherever they are. */
static bool page_is_reserve(const struct page *page)
{
	return page_private(page);
}

static int reserve_fill(struct sluice_reserve *r)
{
	while (r->nr < SLUICE_RESERVE_PAGES) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			return -ENOMEM;
		set_page_private(page, 1);
		r->page[r->nr++] = page;
	}
	return 0;
}

int sluice_reserve_init(struct sluice_reserve *r)
{
	int err = bioset_init(&r->bs, SLUICE_RESERVE_BIOS, offsetof(struct sluice_bio, bio),
			      BIOSET_NEED_BVECS);

	if (err)
		return err;
	r->page = kvcalloc(SLUICE_RESERVE_PAGES, sizeof(*r->page), GFP_KERNEL);
	err = r->page ? reserve_fill(r) : -ENOMEM;
	if (err)
		sluice_reserve_exit(r);
	return err;
}

/* They held what a guest wrote or read. */
static void page_wipe(struct page *page)
{
	clear_highpage(page);
	set_page_private(page, 0);
	__free_page(page);
}

void sluice_reserve_exit(struct sluice_reserve *r)
{
	while (r->nr)
		page_wipe(r->page[--r->nr]);
	kvfree(r->page);
	r->page = NULL;
	bioset_exit(&r->bs);
}

/*
 * Who had it last lets another go first that has asked in vain meanwhile: but once only, as that
 * one may not need it any more.
 */
static bool reserve_gives_way(struct sluice_reserve *r, const struct sluice_pages *pages)
{
	const void *other;

	if (READ_ONCE(r->last) != pages || !READ_ONCE(r->wanted))
		return false;
	other = xchg(&r->wanted, NULL);
	return other && other != pages;
}

bool sluice_reserve_take(struct sluice_pages *pages, const void *whom)
{
	struct sluice_reserve *r = pages->reserve;

	/* Nobody else writes that. */
	if (READ_ONCE(r->owner) == whom)
		return true;
	if (reserve_gives_way(r, pages))
		return false;
	/* Pairs with sluice_reserve_release(): what is left of it is seen. */
	if (cmpxchg_acquire(&r->owner, NULL, whom)) {
		WRITE_ONCE(r->wanted, pages);
		return false;
	}
	WRITE_ONCE(r->last, pages);
	return true;
}

void sluice_reserve_release(struct sluice_pages *pages, const void *whom)
{
	if (READ_ONCE(pages->reserve->owner) != whom)
		return;
	/* Pairs with sluice_reserve_take(). */
	smp_store_release(&pages->reserve->owner, NULL);
}

static struct page *reserve_get(struct sluice_pages *pages, const void *whom)
{
	struct sluice_reserve *r = pages->reserve;

	if (!sluice_reserve_take(pages, whom) || !r->nr)
		return NULL;
	return r->page[--r->nr];
}

/* --- stock --- */

void sluice_pages_init(struct sluice_pages *pages, struct sluice_reserve *reserve)
{
	pages->reserve = reserve;
	pages->payer = get_mem_cgroup_from_mm(NULL);
}

void sluice_pages_exit(struct sluice_pages *pages)
{
	while (pages->nr)
		page_wipe(pages->page[--pages->nr]);
	mem_cgroup_put(pages->payer);
	pages->payer = NULL;
}

bool sluice_pages_room(const struct sluice_pages *pages, unsigned int nr)
{
	return !pages->out || pages->out + nr <= SLUICE_PAGES_OUT;
}

/* Charging does not wait either: what the payer may not have now is not there. */
static struct page *pages_alloc(const struct sluice_pages *pages)
{
	struct mem_cgroup *old = set_active_memcg(pages->payer);
	struct page *page = alloc_page(GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT);

	set_active_memcg(old);
	return page;
}

struct page *sluice_pages_get(struct sluice_pages *pages, const void *whom)
{
	struct page *page = pages->nr ? pages->page[--pages->nr] : pages_alloc(pages);

	if (unlikely(!page))
		page = reserve_get(pages, whom);
	if (likely(page))
		pages->out++;
	return page;
}

void sluice_pages_put(struct sluice_pages *pages, struct page *page)
{
	pages->out--;
	if (unlikely(page_is_reserve(page)))
		pages->reserve->page[pages->reserve->nr++] = page;
	else if (pages->nr < SLUICE_PAGES_KEPT)
		pages->page[pages->nr++] = page;
	else
		page_wipe(page);
}
