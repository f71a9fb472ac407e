/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flow cache: exact keys to compiled programs, one for each worker, touched by that worker
 * alone. Set-associative, so it never allocates and a guest that makes up keys can push out entries
 * but not make the cache grow.
 */
#ifndef _SLUICE_CACHE_H
#define _SLUICE_CACHE_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/prefetch.h>
#include <linux/types.h>
#include "program.h"

#define SLUICE_CACHE_WAYS	4
#define SLUICE_CACHE_SETS	8192
#define SLUICE_CACHE_OPS	6
#define SLUICE_CACHE_HITS	6

/**
 * struct sluice_cache_entry - what to do with packets of one key
 * @key: the key
 * @gen: generation that it was compiled from
 * @nr_op: steps
 * @nr_hit: counters
 * @packets: counted since the last flush
 * @bytes: likewise
 * @dirty: in the cache's list while @packets is not 0
 * @op: steps
 * @hit: rules to be credited; valid while dirty, or while @gen is current
 */
struct sluice_cache_entry {
	struct sluice_flow_key key;
	u64 gen;
	u8 nr_op;
	u8 nr_hit;
	u64 packets;
	u64 bytes;
	struct list_head dirty;
	struct sluice_op op[SLUICE_CACHE_OPS];
	struct sluice_counter *hit[SLUICE_CACHE_HITS];
} ____cacheline_aligned;

/**
 * struct sluice_cache - one worker's cache
 * @tag: hashes of the entries of a set, 0 for none: one cache line of tags decides before
 *	an entry is touched
 * @entry: entries, SLUICE_CACHE_WAYS to a set
 * @victim: which way of a set goes next
 * @dirty: entries with counts to deliver
 * @seed: makes set numbers unpredictable to guests
 */
struct sluice_cache {
	u32 (*tag)[SLUICE_CACHE_WAYS];
	struct sluice_cache_entry *entry;
	u8 *victim;
	struct list_head dirty;
	u64 seed;
};

int sluice_cache_init(struct sluice_cache *c);
void sluice_cache_exit(struct sluice_cache *c);

/* Worker context from here on. */
u32 sluice_cache_hash(const struct sluice_cache *c, const struct sluice_flow_key *key);
/* NULL: none, or of another generation. */
struct sluice_cache_entry *sluice_cache_lookup(struct sluice_cache *c, u64 gen, u32 hash,
					       const struct sluice_flow_key *key);
/* Remember a program. NULL: it has too many steps, and is to be compiled for each packet. */
struct sluice_cache_entry *sluice_cache_insert(struct sluice_cache *c, u64 gen, u32 hash,
					       const struct sluice_flow_key *key,
					       const struct sluice_program *prog);
/* Deliver all counts. */
void sluice_cache_flush(struct sluice_cache *c);

static inline void sluice_cache_prefetch(const struct sluice_cache *c, u32 hash)
{
	prefetch(c->tag[hash & (SLUICE_CACHE_SETS - 1)]);
}

/* Once the tags are there: the lines of the entry that a look-up and a count will touch. */
static inline void sluice_cache_prefetch_entry(const struct sluice_cache *c, u32 hash)
{
	unsigned int set = hash & (SLUICE_CACHE_SETS - 1), way;

	for (way = 0; way < SLUICE_CACHE_WAYS; way++) {
		if (c->tag[set][way] == hash) {
			const u8 *e = (const u8 *)&c->entry[set * SLUICE_CACHE_WAYS + way];

			prefetchw(e);
			prefetchw(e + L1_CACHE_BYTES);
			prefetchw(e + 2 * L1_CACHE_BYTES);
			return;
		}
	}
}

static inline void sluice_cache_count(struct sluice_cache *c, struct sluice_cache_entry *e,
				      u32 packets, u32 bytes)
{
	if (!e->packets)
		list_add_tail(&e->dirty, &c->dirty);
	e->packets += packets;
	e->bytes += bytes;
}

#endif /* _SLUICE_CACHE_H */
