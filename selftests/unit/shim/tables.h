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

/* --- latched tree: a sorted list ------------------------------------------------------------------------------ */

typedef struct { int unused; } seqcount_latch_t;
#define seqcount_latch_init(s)	((void)(s))

struct latch_tree_node { struct latch_tree_node *next; };
struct latch_tree_root { seqcount_latch_t seq; struct latch_tree_node *first; };
struct latch_tree_ops {
	bool (*less)(struct latch_tree_node *a, struct latch_tree_node *b);
	int (*comp)(void *key, struct latch_tree_node *node);
};

/* How often one was searched. */
extern unsigned int shim_latch_finds;

static inline struct latch_tree_node *latch_tree_find(void *key, struct latch_tree_root *root,
						      const struct latch_tree_ops *ops)
{
	struct latch_tree_node *n = root->first;

	shim_latch_finds++;
	while (n && ops->comp(key, n) > 0)
		n = n->next;
	return n && !ops->comp(key, n) ? n : NULL;
}

static inline void latch_tree_insert(struct latch_tree_node *node, struct latch_tree_root *root,
				     const struct latch_tree_ops *ops)
{
	struct latch_tree_node **at = &root->first;

	while (*at && ops->less(*at, node))
		at = &(*at)->next;
	node->next = *at;
	*at = node;
}

static inline void latch_tree_erase(struct latch_tree_node *node, struct latch_tree_root *root,
				    const struct latch_tree_ops *ops)
{
	struct latch_tree_node **at = &root->first;

	(void)ops;
	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
}

/* --- rhashtable: a fixed number of buckets ------------------------------------------------------------------ */

#define SHIM_BUCKETS 1024

struct work_struct { void (*func)(struct work_struct *work); };
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
	struct work_struct run_work;
};

/* How often the table's work has to run before something can be inserted. */
extern unsigned int shim_table_grows;

static inline bool flush_work(struct work_struct *work)
{
	(void)work;
	if (!shim_table_grows)
		return false;
	shim_table_grows--;
	return true;
}

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
	if (shim_table_grows)
		return -EBUSY;
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

/* --- xarray: a sorted array ---------------------------------------------------------------------------------- */

struct shim_entry { unsigned long index; void *p; };
struct xarray { struct shim_entry *entry; unsigned int nr; };
#define XA_FLAGS_ALLOC1		0
#define XA_FLAGS_ACCOUNT	0
#define XA_LIMIT(a, b)		((struct shim_limit){ a, b })
struct shim_limit { u32 min, max; };
#define DEFINE_XARRAY_FLAGS(name, flags) struct xarray name

static inline void xa_init_flags(struct xarray *xa, unsigned int flags)
{
	(void)flags;
	xa->entry = NULL;
	xa->nr = 0;
}

static inline void xa_destroy(struct xarray *xa)
{
	free(xa->entry);
	xa_init_flags(xa, 0);
}

/* Place of the first entry from @i on. */
static inline unsigned int shim_xa_place(const struct xarray *xa, unsigned long i)
{
	unsigned int from = 0, to = xa->nr;

	while (from < to) {
		unsigned int mid = (from + to) / 2;

		if (xa->entry[mid].index < i)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static inline void *xa_load(struct xarray *xa, unsigned long i)
{
	unsigned int at = shim_xa_place(xa, i);

	return at < xa->nr && xa->entry[at].index == i ? xa->entry[at].p : NULL;
}

static inline int xa_insert(struct xarray *xa, unsigned long i, void *p, gfp_t gfp)
{
	unsigned int at = shim_xa_place(xa, i);

	(void)gfp;
	if (xa_load(xa, i))
		return -EBUSY;
	if (shim_alloc_fails())
		return -ENOMEM;
	xa->entry = realloc(xa->entry, (xa->nr + 1) * sizeof(*xa->entry));
	memmove(&xa->entry[at + 1], &xa->entry[at], (xa->nr - at) * sizeof(*xa->entry));
	xa->entry[at] = (struct shim_entry){ i, p };
	xa->nr++;
	return 0;
}

/* An error as the kernel's is told: not by a value that is an entry. */
#define SHIM_XA_ENOMEM	((void *)-2UL)

static inline bool xa_is_err(const void *p)
{
	return p == SHIM_XA_ENOMEM;
}

static inline int xa_err(void *p)
{
	return xa_is_err(p) ? -ENOMEM : 0;
}

/* Where an entry is, another one needs no memory. */
static inline void *xa_store(struct xarray *xa, unsigned long i, void *p, gfp_t gfp)
{
	unsigned int at = shim_xa_place(xa, i);
	void *old = xa_load(xa, i);

	if (!old)
		return xa_insert(xa, i, p, gfp) ? SHIM_XA_ENOMEM : NULL;
	xa->entry[at].p = p;
	return old;
}

static inline int xa_alloc_cyclic(struct xarray *xa, u32 *id, void *p, struct shim_limit limit, u32 *next, gfp_t gfp)
{
	u64 i = max(*next, limit.min);

	while (i <= limit.max && xa_load(xa, i))
		i++;
	for (i = i <= limit.max ? i : limit.min; xa_load(xa, i); i++)
		if (i == limit.max)
			return -EBUSY;
	*id = i;
	*next = i + 1;
	return xa_insert(xa, i, p, gfp);
}

static inline void *xa_erase(struct xarray *xa, unsigned long i)
{
	unsigned int at = shim_xa_place(xa, i);
	void *p = xa_load(xa, i);

	if (!p)
		return NULL;
	xa->nr--;
	memmove(&xa->entry[at], &xa->entry[at + 1], (xa->nr - at) * sizeof(*xa->entry));
	return p;
}

/* A value is no place in memory. */
static inline void *xa_mk_value(unsigned long v) { return (void *)(v << 1 | 1); }
static inline unsigned long xa_to_value(const void *p) { return (unsigned long)p >> 1; }

/* The body may erase the entry that it has. */
static inline void *shim_xa_next(const struct xarray *xa, unsigned long *i, unsigned long from)
{
	unsigned int at = shim_xa_place(xa, from);

	if (at == xa->nr)
		return NULL;
	*i = xa->entry[at].index;
	return xa->entry[at].p;
}

#define XA_PRESENT		0
#define XA_CHUNK_SHIFT		6
struct xa_node { char room[576]; };

static inline void *xa_find(struct xarray *xa, unsigned long *i, unsigned long max, int filter)
{
	unsigned long at = *i;
	void *p = shim_xa_next(xa, &at, at);

	(void)filter;
	if (!p || at > max)
		return NULL;
	*i = at;
	return p;
}

#define xa_for_each_start(xa, i, e, start) \
	for (e = shim_xa_next(xa, &(i), start); e; e = shim_xa_next(xa, &(i), (i) + 1))
#define xa_for_each(xa, i, e)	xa_for_each_start(xa, i, e, 0)

/* --- lists -------------------------------------------------------------------------------------------------- */

struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD(name)		struct list_head name = { &(name), &(name) }

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_add(struct list_head *n, struct list_head *l)
{
	n->next = l->next;
	n->prev = l;
	l->next->prev = n;
	l->next = n;
}

static inline void list_add_tail(struct list_head *n, struct list_head *l)
{
	list_add(n, l->prev);
}

static inline void list_del(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	n->next = n->prev = NULL;
}

#define shim_each(e, l, m, way) \
	for (e = container_of((l)->way, __typeof__(*(e)), m); &(e)->m != (l); \
	     e = container_of((e)->m.way, __typeof__(*(e)), m))
#define list_first_entry(l, t, m)	container_of((l)->next, t, m)
#define list_for_each_entry(e, l, m)		shim_each(e, l, m, next)
#define list_for_each_entry_reverse(e, l, m)	shim_each(e, l, m, prev)
#define list_for_each_entry_safe(e, n, l, m) \
	for (e = container_of((l)->next, __typeof__(*(e)), m); \
	     &(e)->m != (l) && (n = container_of((e)->m.next, __typeof__(*(e)), m), 1); e = n)
#define list_for_each_entry_safe_reverse(e, n, l, m) \
	for (e = container_of((l)->prev, __typeof__(*(e)), m); \
	     &(e)->m != (l) && (n = container_of((e)->m.prev, __typeof__(*(e)), m), 1); e = n)

struct llist_node { struct llist_node *next; };
struct llist_head { struct llist_node *first; };
#define LLIST_HEAD(name)	struct llist_head name = { NULL }

static inline void __llist_add(struct llist_node *n, struct llist_head *l)
{
	n->next = l->first;
	l->first = n;
}

static inline struct llist_node *__llist_del_all(struct llist_head *l)
{
	struct llist_node *first = l->first;

	l->first = NULL;
	return first;
}

#define shim_llist_entry(n, e, m) ((n) ? container_of(n, __typeof__(*(e)), m) : NULL)
#define llist_for_each_entry_safe(e, n, first, m) \
	for (struct llist_node *_n = (first), *_next; \
	     (e = shim_llist_entry(_n, e, m)) && (_next = _n->next, n = shim_llist_entry(_next, n, m), 1); _n = _next)

#endif /* _SHIM_TABLES_H */
