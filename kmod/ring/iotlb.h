/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Translations of IOVAs that a front end hands down entry by entry: to addresses of the owner, or,
 * for memory that is pinned, of the kernel (struct sluice_gmem).
 */
#ifndef _SLUICE_IOTLB_H
#define _SLUICE_IOTLB_H

#include <linux/atomic.h>
#include <linux/types.h>

struct sluice_gmem_hint;

/**
 * struct sluice_iotlb - translations of one device; what else there is of it iotlb.c has
 * @gen: generation: see sluice_iotlb_gen()
 */
struct sluice_iotlb {
	u64 gen;
};

/**
 * typedef sluice_iotlb_miss_t - told of a translation that is wanted
 * @ctx: as given to sluice_iotlb_new()
 * @iova: address
 * @perm: SLUICE_GMEM_*
 *
 * Context: worker, may sleep, but must not wait for what it asks for; or, for memory of the
 * owner's, the caller of sluice_queue_attach(). Repeated misses for the same page are the callee's
 * to merge.
 */
typedef void (*sluice_iotlb_miss_t)(void *ctx, u64 iova, u8 perm);

/*
 * Entries that an owner provides again when they are missed, at most: as many as vhost keeps.
 */
#define SLUICE_IOTLB_ENTRIES	2048

/**
 * sluice_iotlb_new() - a table
 * @miss: told of what is missing
 * @ctx: its argument
 * @max: entries, at most: one more takes the place of the oldest, which may be missed then. 0: as
 *	many as there are updates; their owner bounds them
 *
 * Entries are charged to the memory cgroup of whoever brings them.
 *
 * Context: control. Return: NULL when out of memory.
 */
struct sluice_iotlb *sluice_iotlb_new(sluice_iotlb_miss_t miss, void *ctx, unsigned int max);
/* Only after every queue that uses it was detached. */
void sluice_iotlb_free(struct sluice_iotlb *t);

/*
 * Control context; may run while workers look up. @last is inclusive. An update replaces every
 * entry that it overlaps. Neither wakes a ring that waits: see sluice_queue_kick() and
 * sluice_queue_memory_changed(). An update that fails changes nothing: -EINVAL: a range that wraps,
 * or no permission; -ENOMEM. Taking away needs no memory.
 */
int sluice_iotlb_update(struct sluice_iotlb *t, u64 iova, u64 last, u64 uaddr, u8 perm);
void sluice_iotlb_invalidate(struct sluice_iotlb *t, u64 iova, u64 last);

/*
 * Worker context. Translate @iova, for a caller that remembers: the whole entry that holds it, with
 * its generation. @perm is what the caller is about to do. -EAGAIN after reporting a miss, -EPERM
 * on wrong permission.
 */
int sluice_iotlb_find(struct sluice_iotlb *t, u64 iova, u8 perm, struct sluice_gmem_hint *h);

/*
 * Never 0, and never what it was before. Bumped whenever entries go, are replaced or give their
 * place to others: cached translations of an older generation are void. An entry where none was
 * makes nothing untrue that was remembered.
 */
static inline u64 sluice_iotlb_gen(const struct sluice_iotlb *t)
{
	/* Before the look-up that follows; pairs with iotlb_changed(). */
	return smp_load_acquire(&t->gen);
}

#endif /* _SLUICE_IOTLB_H */
