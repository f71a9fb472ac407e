/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages of our own, for data that cannot go to the device as it lies in the guest's memory.
 *
 * A queue has so many at once and no more, whatever its guest asks for, and whoever attached it
 * pays for them as for his own memory. Where there is none, or none that he may have, the volume
 * has put by what the longest part of a request needs. It is had by one request at a time: two that
 * had a half of it each would wait for each other. As that part is done in the end, and then
 * another has it, all get on however short memory is; so a guest may swap to a volume, and the host
 * to one of its own.
 */
#ifndef _SLUICE_BLK_PAGES_H
#define _SLUICE_BLK_PAGES_H

#include <linux/bio.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include "part.h"

struct mem_cgroup;

/* Pages that are kept for the next request. */
#define SLUICE_PAGES_KEPT	256
/* Those that requests of a queue have at once. */
#define SLUICE_PAGES_OUT	(SZ_4M >> PAGE_SHIFT)
/* What the longest part of a request needs. */
#define SLUICE_RESERVE_PAGES	(SLUICE_PART_BYTES >> PAGE_SHIFT)
/* Bios for them, each of which is as long as there are, whatever the device takes at once. */
#define SLUICE_RESERVE_BIOS	DIV_ROUND_UP(SLUICE_RESERVE_PAGES, BIO_MAX_VECS)

/**
 * struct sluice_reserve - a volume's
 * @bs: bios
 * @owner: the request that has it, NULL: none; who has made it his own uses the rest. One that a
 *	device never gives back has it for good
 * @last: the stock whose request had it last
 * @wanted: one that asked in vain meanwhile; anybody's, only compared
 * @nr: pages that are there
 * @page: they, marked as the reserve's
 */
struct sluice_reserve {
	struct bio_set bs;
	const void *owner;
	const void *last;
	const void *wanted;
	unsigned int nr;
	struct page **page;
};

/**
 * struct sluice_pages - a stock of pages; one thread's
 * @reserve: of the volume
 * @payer: who pays, NULL: nobody in particular
 * @out: pages that requests have
 * @nr: how many are here
 * @page: they
 */
struct sluice_pages {
	struct sluice_reserve *reserve;
	struct mem_cgroup *payer;
	unsigned int out;
	unsigned int nr;
	struct page *page[SLUICE_PAGES_KEPT];
};

/* Context: process, may wait for memory. exit: nobody has any of it; what is all zero is fine. */
int sluice_reserve_init(struct sluice_reserve *r);
void sluice_reserve_exit(struct sluice_reserve *r);
/* @pages is all zero. Who calls pays. Context: process. */
void sluice_pages_init(struct sluice_pages *pages, struct sluice_reserve *reserve);
/* What is there is wiped, and goes. Context: likewise; requests have none. */
void sluice_pages_exit(struct sluice_pages *pages);

/* All below: the thread whose stock it is. None waits. */

/* Are there so many for one more request, as far as those that have some leave room? */
bool sluice_pages_room(const struct sluice_pages *pages, unsigned int nr);
/* A page for @whom, a request; NULL: none can be had now. */
struct page *sluice_pages_get(struct sluice_pages *pages, const void *whom);
void sluice_pages_put(struct sluice_pages *pages, struct page *page);
/* May @whom have the reserve? It is his until he lets go of it. */
bool sluice_reserve_take(struct sluice_pages *pages, const void *whom);
/* @whom has nothing of the reserve any more, if he had. */
void sluice_reserve_release(struct sluice_pages *pages, const void *whom);

#endif /* _SLUICE_BLK_PAGES_H */
