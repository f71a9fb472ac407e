// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow cache.
 *
 * DOC: What an entry may point to
 *
 * Entries hold plain pointers to rules, meters and ports. Before such an object is freed the
 * generation is raised and every worker flushes (see struct sluice_reclaim). The flush leaves no
 * entry dirty; from then on an entry of the old generation is neither looked up with success nor
 * flushed again, so its pointers are never followed, whenever it is overwritten. That holds because
 * no generation ever comes a second time (generation.c).
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "cache.h"

int sluice_cache_init(struct sluice_cache *c)
{
	c->tag = kvcalloc(SLUICE_CACHE_SETS, sizeof(*c->tag), GFP_KERNEL);
	c->entry = kvcalloc(SLUICE_CACHE_SETS * SLUICE_CACHE_WAYS, sizeof(*c->entry), GFP_KERNEL);
	c->victim = kvcalloc(SLUICE_CACHE_SETS, sizeof(*c->victim), GFP_KERNEL);
	INIT_LIST_HEAD(&c->dirty);
	c->seed = get_random_u64();
	if (c->tag && c->entry && c->victim)
		return 0;
	sluice_cache_exit(c);
	return -ENOMEM;
}

void sluice_cache_exit(struct sluice_cache *c)
{
	kvfree(c->tag);
	kvfree(c->entry);
	kvfree(c->victim);
}

/*
 * Twelve words in four independent chains of multiply and fold. It needs to be quick and to
 * scatter; a guest that finds collisions hurts the hit rate of its own worker only.
 */
u32 sluice_cache_hash(const struct sluice_cache *c, const struct sluice_flow_key *key)
{
	static const u64 k = 0x9e3779b97f4a7c15ULL;
	const u64 *w = (const u64 *)key;
	u64 h[4] = { c->seed, c->seed ^ k, ~c->seed, c->seed + k };
	unsigned int i;

	BUILD_BUG_ON(SLUICE_FLOW_KEY_WORDS % 4);
	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i += 4) {
		h[0] = (h[0] ^ w[i]) * k;
		h[1] = (h[1] ^ w[i + 1]) * k;
		h[2] = (h[2] ^ w[i + 2]) * k;
		h[3] = (h[3] ^ w[i + 3]) * k;
		h[0] ^= h[0] >> 29;
		h[1] ^= h[1] >> 31;
		h[2] ^= h[2] >> 27;
		h[3] ^= h[3] >> 33;
	}
	h[0] = (h[0] ^ rol64(h[1], 17) ^ rol64(h[2], 31) ^ rol64(h[3], 47)) * k;
	/* 0 marks an empty way. */
	return (u32)(h[0] >> 32) ?: 1;
}

static bool cache_key_equal(const struct sluice_flow_key *a, const struct sluice_flow_key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;
	u64 diff = 0;
	unsigned int i;

	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++)
		diff |= x[i] ^ y[i];
	return !diff;
}

struct sluice_cache_entry *sluice_cache_lookup(struct sluice_cache *c, u64 gen, u32 hash,
					       const struct sluice_flow_key *key)
{
	unsigned int set = hash & (SLUICE_CACHE_SETS - 1), way;

	for (way = 0; way < SLUICE_CACHE_WAYS; way++) {
		struct sluice_cache_entry *e;

		if (c->tag[set][way] != hash)
			continue;
		e = &c->entry[set * SLUICE_CACHE_WAYS + way];
		if (e->gen == gen && cache_key_equal(&e->key, key))
			return e;
	}
	return NULL;
}

static void cache_deliver(struct sluice_cache_entry *e)
{
	unsigned int i;

	if (!e->packets)
		return;
	for (i = 0; i < e->nr_hit; i++)
		sluice_counter_add(e->hit[i], e->packets, e->bytes);
	e->packets = 0;
	e->bytes = 0;
	list_del(&e->dirty);
}

void sluice_cache_flush(struct sluice_cache *c)
{
	struct sluice_cache_entry *e, *tmp;

	list_for_each_entry_safe(e, tmp, &c->dirty, dirty)
		cache_deliver(e);
}

/*
 * The way with the same key (of an older generation), else an empty one, else one after the other.
 */
static unsigned int cache_choose_way(struct sluice_cache *c, unsigned int set, u32 hash,
				     const struct sluice_flow_key *key)
{
	unsigned int way, empty = SLUICE_CACHE_WAYS;

	for (way = 0; way < SLUICE_CACHE_WAYS; way++) {
		if (c->tag[set][way] == hash &&
		    cache_key_equal(&c->entry[set * SLUICE_CACHE_WAYS + way].key, key))
			return way;
		if (!c->tag[set][way])
			empty = way;
	}
	if (empty < SLUICE_CACHE_WAYS)
		return empty;
	return c->victim[set]++ % SLUICE_CACHE_WAYS;
}

struct sluice_cache_entry *sluice_cache_insert(struct sluice_cache *c, u64 gen, u32 hash,
					       const struct sluice_flow_key *key,
					       const struct sluice_program *prog)
{
	unsigned int set = hash & (SLUICE_CACHE_SETS - 1), way;
	struct sluice_cache_entry *e;

	if (prog->nr_op > SLUICE_CACHE_OPS || prog->nr_hit > SLUICE_CACHE_HITS)
		return NULL;
	way = cache_choose_way(c, set, hash, key);
	e = &c->entry[set * SLUICE_CACHE_WAYS + way];
	cache_deliver(e);
	c->tag[set][way] = hash;
	e->key = *key;
	e->gen = gen;
	e->nr_op = prog->nr_op;
	e->nr_hit = prog->nr_hit;
	memcpy(e->op, prog->op, prog->nr_op * sizeof(e->op[0]));
	memcpy(e->hit, prog->hit, prog->nr_hit * sizeof(e->hit[0]));
	return e;
}
