/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packet memory of one worker: a few pages in a ring, cut into pieces. A page whose pieces all came
 * back is used again: warm in the cache, and neither allocated nor cleared another time.
 */
#ifndef _SLUICE_POOL_H
#define _SLUICE_POOL_H

#include <linux/mm_types.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#define SLUICE_POOL_ORDER	3
#define SLUICE_POOL_SIZE	(PAGE_SIZE << SLUICE_POOL_ORDER)
/* Twice a burst of frames of the usual size. */
#define SLUICE_POOL_PAGES	8
/* Pages that are put by for when none is free: what a burst needs that is not long. */
#define SLUICE_POOL_RESERVE	4

/**
 * struct sluice_pool_page - one page of the ring
 * @page: a compound page, or NULL
 * @spare: references of ours on it; each piece that is handed out takes one of them along
 * @order: its size; SLUICE_POOL_ORDER but where memory was short
 */
struct sluice_pool_page {
	struct page *page;
	unsigned int spare;
	unsigned int order;
};

/**
 * struct sluice_pool_reserve - pages for when memory is short
 * @page: a ring of them
 * @put: how many were put into it; written by @work, or before the worker runs
 * @taken: how many were taken; written by the worker
 * @work: fills it up, where it may wait for memory; again and again until it is full
 */
struct sluice_pool_reserve {
	struct page *page[SLUICE_POOL_RESERVE];
	unsigned int put;
	unsigned int taken;
	struct delayed_work work;
};

/**
 * struct sluice_pool - packet memory; worker thread only, but for @reserve
 * @page: the ring
 * @cur: the page that is being cut
 * @left: bytes of it that are left, from its start
 * @reserve: see there
 */
struct sluice_pool {
	struct sluice_pool_page page[SLUICE_POOL_PAGES];
	unsigned int cur;
	unsigned int left;
	struct sluice_pool_reserve reserve;
};

/*
 * @pool is all zero. The reserve is filled as far as memory allows; it is not missed until then.
 * Context: process, may sleep.
 */
void sluice_pool_init(struct sluice_pool *pool);
/* Nobody uses @pool any more; pieces that are out stay good. Context: likewise. */
void sluice_pool_exit(struct sluice_pool *pool);
/*
 * The thread that used @pool died: what became of the pages is not known, so they stay; but nobody
 * puts more into it. Context: likewise. Return: the bytes that they have.
 */
size_t sluice_pool_abandon(struct sluice_pool *pool);

/*
 * A piece of @size bytes (at most SLUICE_POOL_SIZE), to be given back with page_frag_free() or
 * put_page(); NULL: no memory. Worker context; does not wait for memory.
 */
void *sluice_pool_alloc(struct sluice_pool *pool, unsigned int size);
/* At least @min bytes and up to @max, as one page has them; *size: how many. */
void *sluice_pool_alloc_some(struct sluice_pool *pool, unsigned int min, unsigned int max,
			     unsigned int *size);

#endif /* _SLUICE_POOL_H */
