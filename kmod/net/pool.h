/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet memory of one worker: a few pages in a ring, cut into pieces. A page whose pieces all came
 * back is used again: warm in the cache, and neither allocated nor cleared another time.
 */
#ifndef _SLUICE_POOL_H
#define _SLUICE_POOL_H

#include <linux/mm_types.h>
#include <linux/types.h>

#define SLUICE_POOL_ORDER	3
#define SLUICE_POOL_SIZE	(PAGE_SIZE << SLUICE_POOL_ORDER)
/* Twice a burst of frames of the usual size. */
#define SLUICE_POOL_PAGES	8

/**
 * struct sluice_pool_page - one page of the ring
 * @page: a compound page, or NULL
 * @spare: references of ours on it; each piece that is handed out takes one of them along
 */
struct sluice_pool_page {
	struct page *page;
	unsigned int spare;
};

/**
 * struct sluice_pool - packet memory; worker thread only
 * @page: the ring
 * @cur: the page that is being cut
 * @left: bytes of it that are left, from its start
 */
struct sluice_pool {
	struct sluice_pool_page page[SLUICE_POOL_PAGES];
	unsigned int cur;
	unsigned int left;
};

/*
 * A piece of @size bytes (at most SLUICE_POOL_SIZE), to be given back with page_frag_free() or
 * put_page(); NULL: no memory. Worker context, may sleep.
 */
void *sluice_pool_alloc(struct sluice_pool *pool, unsigned int size);
/* At least @min bytes and up to @max, as one page has them; *size: how many. */
void *sluice_pool_alloc_some(struct sluice_pool *pool, unsigned int min, unsigned int max,
			     unsigned int *size);
void sluice_pool_exit(struct sluice_pool *pool);

#endif /* _SLUICE_POOL_H */
