/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's containers as the flow table uses them: the same contracts, the simplest ways to keep them. */
#ifndef _SHIM_TABLES_H
#define _SHIM_TABLES_H

#include "kernel.h"

/* --- rbtree: a sorted list -------------------------------------------------------------------------------- */

struct rb_node { struct rb_node *next; };
struct rb_root { struct rb_node *first; };
struct rb_root_cached { struct rb_root rb_root; };
#define RB_ROOT_CACHED ((struct rb_root_cached){ { NULL } })
#define rb_entry(p, t, m) container_of(p, t, m)
#define rb_entry_safe(p, t, m) ({ struct rb_node *_n = (p); _n ? rb_entry(_n, t, m) : NULL; })
#define rb_first_cached(r) ((r)->rb_root.first)

static inline struct rb_node *rb_find(const void *key, const struct rb_root *root,
				      int (*cmp)(const void *key, const struct rb_node *node))
{
	struct rb_node *n = root->first;

	while (n && cmp(key, n) > 0)
		n = n->next;
	return n && !cmp(key, n) ? n : NULL;
}

static inline void rb_add_cached(struct rb_node *node, struct rb_root_cached *root,
				 bool (*less)(struct rb_node *a, const struct rb_node *b))
{
	struct rb_node **at = &root->rb_root.first;

	while (*at && less(*at, node))
		at = &(*at)->next;
	node->next = *at;
	*at = node;
}

static inline void rb_erase_cached(struct rb_node *node, struct rb_root_cached *root)
{
	struct rb_node **at = &root->rb_root.first;

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
}

/* --- rhashtable: a fixed number of buckets ------------------------------------------------------------------ */

#define SHIM_BUCKETS 1024

struct rhash_head { struct rhash_head *next; };
struct rhashtable;
struct rhashtable_compare_arg { struct rhashtable *ht; const void *key; };
struct rhashtable_params {
	u16 key_len;
	u16 head_offset;
	bool automatic_shrinking;
	u32 (*hashfn)(const void *data, u32 len, u32 seed);
	u32 (*obj_hashfn)(const void *data, u32 len, u32 seed);
	int (*obj_cmpfn)(struct rhashtable_compare_arg *arg, const void *obj);
};

struct rhashtable {
	struct rhashtable_params p;
	unsigned int nelems;
	struct rhash_head **bucket;
};

static inline int rhashtable_init(struct rhashtable *ht, const struct rhashtable_params *p)
{
	ht->p = *p;
	ht->nelems = 0;
	ht->bucket = shim_alloc_fails() ? NULL : calloc(SHIM_BUCKETS, sizeof(*ht->bucket));
	return ht->bucket ? 0 : -ENOMEM;
}

static inline void rhashtable_destroy(struct rhashtable *ht)
{
	if (ht->nelems)
		abort();
	free(ht->bucket);
}

static inline struct rhash_head **shim_bucket(struct rhashtable *ht, const struct rhash_head *obj)
{
	const void *o = (const char *)obj - ht->p.head_offset;

	return &ht->bucket[ht->p.obj_hashfn(o, ht->p.key_len, 1) % SHIM_BUCKETS];
}

static inline void *rhashtable_lookup(struct rhashtable *ht, const void *key, struct rhashtable_params p)
{
	struct rhashtable_compare_arg arg = { ht, key };
	struct rhash_head *h = ht->bucket[ht->p.hashfn(key, ht->p.key_len, 1) % SHIM_BUCKETS];

	for (; h; h = h->next) {
		void *obj = (char *)h - p.head_offset;

		if (!p.obj_cmpfn(&arg, obj))
			return obj;
	}
	return NULL;
}

static inline int rhashtable_insert_fast(struct rhashtable *ht, struct rhash_head *obj, struct rhashtable_params p)
{
	struct rhash_head **b = shim_bucket(ht, obj);

	(void)p;
	if (shim_alloc_fails())
		return -ENOMEM;
	obj->next = *b;
	*b = obj;
	ht->nelems++;
	return 0;
}

static inline int rhashtable_replace_fast(struct rhashtable *ht, struct rhash_head *old, struct rhash_head *obj,
					  struct rhashtable_params p)
{
	struct rhash_head **at = shim_bucket(ht, old);

	(void)p;
	if (at != shim_bucket(ht, obj))
		return -EINVAL;
	while (*at && *at != old)
		at = &(*at)->next;
	if (!*at)
		return -ENOENT;
	obj->next = old->next;
	*at = obj;
	return 0;
}

static inline int rhashtable_remove_fast(struct rhashtable *ht, struct rhash_head *obj, struct rhashtable_params p)
{
	struct rhash_head **at = shim_bucket(ht, obj);

	(void)p;
	while (*at && *at != obj)
		at = &(*at)->next;
	if (!*at)
		return -ENOENT;
	*at = obj->next;
	ht->nelems--;
	return 0;
}

static inline u32 jhash2(const u32 *k, u32 n, u32 seed)
{
	while (n--)
		seed = (seed ^ *k++) * 0x01000193;
	return seed ^ seed >> 15;
}

/* --- xarray: an array --------------------------------------------------------------------------------------- */

struct xarray { void **slot; unsigned long size; };
#define XA_FLAGS_ALLOC1		0
#define XA_FLAGS_ACCOUNT	0
#define XA_LIMIT(a, b)		((struct shim_limit){ a, b })
struct shim_limit { u32 min, max; };

static inline void xa_init_flags(struct xarray *xa, unsigned int flags)
{
	(void)flags;
	xa->slot = NULL;
	xa->size = 0;
}

static inline void xa_destroy(struct xarray *xa)
{
	free(xa->slot);
	xa->slot = NULL;
	xa->size = 0;
}

static inline void *xa_load(struct xarray *xa, unsigned long i)
{
	return i < xa->size ? xa->slot[i] : NULL;
}

static inline int xa_insert(struct xarray *xa, unsigned long i, void *p, gfp_t gfp)
{
	(void)gfp;
	if (xa_load(xa, i))
		return -EBUSY;
	if (shim_alloc_fails())
		return -ENOMEM;
	if (i >= xa->size) {
		unsigned long size = i * 2 + 64;

		xa->slot = realloc(xa->slot, size * sizeof(*xa->slot));
		memset(xa->slot + xa->size, 0, (size - xa->size) * sizeof(*xa->slot));
		xa->size = size;
	}
	xa->slot[i] = p;
	return 0;
}

static inline int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *p, struct shim_limit limit, u32 *next, gfp_t gfp)
{
	u32 i = *next < limit.min ? limit.min : *next;

	while (xa_load(xa, i))
		i++;
	*id = i;
	*next = i + 1;
	return xa_insert(xa, i, p, gfp);
}

static inline void *xa_erase(struct xarray *xa, unsigned long i)
{
	void *p = xa_load(xa, i);

	if (p)
		xa->slot[i] = NULL;
	return p;
}

#endif /* _SHIM_TABLES_H */
