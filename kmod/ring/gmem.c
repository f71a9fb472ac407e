// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: regions, copies and the dirty log. */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/fault-inject-usercopy.h>
#include <linux/futex.h>
#include <linux/instrumented.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
#include <asm/futex.h>
#include "gmem.h"
#include "iotlb.h"

/* One bit of the dirty log. */
#define LOG_PAGE_SHIFT	12

/* --- regions --- */

static int region_cmp(const void *a, const void *b)
{
	const struct sluice_gmem_region *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool regions_valid(const struct sluice_gmem_table *t)
{
	const struct sluice_gmem_region *r;
	unsigned int i;

	for (i = 0; i < t->nr; i++) {
		r = &t->region[i];
		if (!r->size || r->start + (r->size - 1) < r->start ||
		    r->uaddr + (r->size - 1) < r->uaddr)
			return false;
		if (i && r->start <= r[-1].start + (r[-1].size - 1))
			return false;
	}
	return true;
}

struct sluice_gmem_table *sluice_gmem_table_new(const struct sluice_gmem_region *r, unsigned int n)
{
	struct sluice_gmem_table *t;

	t = kvmalloc(struct_size(t, region, n), GFP_KERNEL_ACCOUNT);
	if (!t)
		return ERR_PTR(-ENOMEM);
	t->nr = n;
	if (n)
		memcpy(t->region, r, n * sizeof(*r));
	sort(t->region, n, sizeof(*r), region_cmp, NULL);
	if (!regions_valid(t)) {
		kvfree(t);
		return ERR_PTR(-EINVAL);
	}
	return t;
}
SLUICE_EXPORT(sluice_gmem_table_new);

void sluice_gmem_table_free(const struct sluice_gmem_table *t)
{
	kvfree(t);
}
SLUICE_EXPORT(sluice_gmem_table_free);

/* The region that holds @addr: the last one that starts at or below it, if it reaches so far. */
static const struct sluice_gmem_region *table_find(const struct sluice_gmem_table *t, u64 addr)
{
	unsigned int lo = 0, hi = t ? t->nr : 0;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (t->region[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || addr - t->region[lo - 1].start >= t->region[lo - 1].size)
		return NULL;
	return &t->region[lo - 1];
}

/* --- translation --- */

static bool hint_covers(const struct sluice_gmem *g, const struct sluice_gmem_hint *h, u64 addr,
			u8 perm)
{
	return sluice_gmem_hint_covers(g, h, addr, 1, perm);
}

static int gmem_find_iova(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, u8 perm)
{
	u64 pfn = addr >> PAGE_SHIFT;
	struct sluice_gmem_hint *way = NULL;
	int err;

	if (v->way) {
		/* Rings and buffers, page by page, lie apart by powers of two. */
		way = &v->way[(pfn ^ pfn >> 9) % SLUICE_GMEM_WAYS];
		if (hint_covers(g, way, addr, perm)) {
			v->hint = *way;
			return 0;
		}
	}
	err = sluice_iotlb_find(g->iotlb, addr, perm, &v->hint);
	if (!err && way)
		*way = v->hint;
	/* This is what is waited for now, and no page. */
	v->absent.len = 0;
	return err;
}

static int gmem_find(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, u8 perm)
{
	const struct sluice_gmem_region *r;

	if (g->iotlb)
		return gmem_find_iova(g, v, addr, perm);
	r = table_find(g->table, addr);
	if (unlikely(!r))
		return -EFAULT;
	v->hint.start = r->start;
	v->hint.size = r->size;
	v->hint.uaddr = r->uaddr;
	v->hint.gen = 0;
	v->hint.perm = SLUICE_GMEM_RW;
	return 0;
}

/*
 * Translate the start of [@addr, @addr + @len); *@run is how much of it the region or entry
 * holds.
 */
static __always_inline int gmem_run(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr,
				    u64 len, u8 perm, u64 *uaddr, u64 *run)
{
	const struct sluice_gmem_hint *h = &v->hint;
	u64 off;
	int err;

	if (unlikely(!hint_covers(g, h, addr, perm))) {
		err = gmem_find(g, v, addr, perm);
		if (unlikely(err))
			return err;
		/* An entry for all there is has one byte more than a size can say. */
		if (unlikely(addr - h->start >= h->size))
			return -EFAULT;
	}
	off = addr - h->start;
	*uaddr = h->uaddr + off;
	*run = min(len, h->size - off);
	return 0;
}

int sluice_gmem_find(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, u32 len, u8 perm,
		     u64 *uaddr, u32 *run)
{
	u64 n;
	int err;

	if (unlikely(!len || addr + (len - 1) < addr))
		return -EFAULT;
	err = gmem_run(g, v, addr, len, perm, uaddr, &n);
	*run = n;
	return err;
}

int sluice_gmem_map(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, u64 len, u8 perm,
		    u64 *uaddr)
{
	bool contiguous = true;
	u64 at = 0, ua, run;
	int err;

	if (!len || addr + (len - 1) < addr)
		return -EFAULT;
	do {
		err = gmem_run(g, v, addr + at, len - at, perm, &ua, &run);
		if (err)
			return err;
		if (!at)
			*uaddr = ua;
		else if (ua != *uaddr + at)
			contiguous = false;
		at += run;
	} while (at < len);
	return contiguous ? 0 : -ERANGE;
}

/* --- access --- */

static void __user *user(u64 uaddr)
{
	return (void __user *)(unsigned long)uaddr;
}

static void *kernel(u64 addr)
{
	return (void *)(unsigned long)addr;
}

int sluice_gmem_refused(struct sluice_gmem_view *v, u64 uaddr, u64 len, bool write)
{
	if (!pagefault_disabled() || !access_ok(user(uaddr), len))
		return -EFAULT;
	v->absent.uaddr = uaddr;
	v->absent.len = len;
	v->absent.write = write;
	return -EAGAIN;
}

/*
 * copy_from_user() and copy_to_user() without one thing: the check that the kernel's side lies in
 * one object, for the sake of callers who forgot to bound a length. It takes longer than the copy
 * of a short packet, and each length here was compared with the room that there is. The iterators
 * that taps copy with leave it out as well (lib/iov_iter.c).
 */
static __always_inline bool user_load(void *dst, u64 uaddr, size_t len)
{
	const void __user *from = user(uaddr);
	unsigned long left;

	if (unlikely(should_fail_usercopy() || !access_ok(from, len)))
		return false;
	/*
	 * The address came from a guest by way of comparisons. A processor that guesses them wrong
	 * must not load from the kernel; a mask costs less than the barrier of copy_from_user().
	 */
	from = user(array_index_nospec((unsigned long)uaddr, TASK_SIZE_MAX));
	instrument_copy_from_user_before(dst, from, len);
	left = raw_copy_from_user(dst, from, len);
	instrument_copy_from_user_after(dst, from, len, left);
	return likely(!left);
}

static __always_inline bool user_store(u64 uaddr, const void *src, size_t len)
{
	void __user *to = user(uaddr);

	if (unlikely(should_fail_usercopy() || !access_ok(to, len)))
		return false;
	instrument_copy_to_user(to, src, len);
	return likely(!raw_copy_to_user(to, src, len));
}

/*
 * A guest's page may have an error in it that only a machine check tells of. The copies of user
 * memory survive that by themselves, this one where the processor can.
 */
static __always_inline int kernel_load(void *dst, u64 addr, size_t len)
{
	return unlikely(copy_mc_to_kernel(dst, kernel(addr), len)) ? -EFAULT : 0;
}

static __always_inline int gmem_load(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr,
				     void *dst, size_t len)
{
	if (g->kernel)
		return kernel_load(dst, uaddr, len);
	if (unlikely(!user_load(dst, uaddr, len)))
		return sluice_gmem_refused(v, uaddr, len, false);
	return 0;
}

static __always_inline int gmem_store(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr,
				      const void *src, size_t len)
{
	if (g->kernel)
		memcpy(kernel(uaddr), src, len);
	else if (unlikely(!user_store(uaddr, src, len)))
		return sluice_gmem_refused(v, uaddr, len, true);
	return 0;
}

int sluice_gmem_load(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr, void *dst,
		     size_t len)
{
	return gmem_load(g, v, uaddr, dst, len);
}

int sluice_gmem_store(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr,
		      const void *src, size_t len)
{
	return gmem_store(g, v, uaddr, src, len);
}

int sluice_gmem_copy_from(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, void *dst,
			  size_t len)
{
	u64 uaddr, run;
	int err;

	while (len) {
		err = gmem_run(g, v, addr, len, SLUICE_GMEM_RO, &uaddr, &run);
		if (likely(!err))
			err = gmem_load(g, v, uaddr, dst, run);
		if (unlikely(err))
			return err;
		addr += run;
		dst += run;
		len -= run;
	}
	return 0;
}

int sluice_gmem_copy_to(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr,
			const void *src, size_t len)
{
	u64 uaddr, run;
	int err;

	while (len) {
		err = gmem_run(g, v, addr, len, SLUICE_GMEM_WO, &uaddr, &run);
		if (likely(!err))
			err = gmem_store(g, v, uaddr, src, run);
		if (unlikely(err))
			return err;
		if (unlikely(g->log)) {
			/*
			 * After the copy: whoever clears the bit and reads the page sees the
			 * data, or the bit again.
			 */
			err = g->iotlb ? sluice_gmem_log_user(g, v, uaddr, run) :
					 sluice_gmem_log(g, v, addr, run);
			if (err)
				return err;
		}
		addr += run;
		src += run;
		len -= run;
	}
	return 0;
}

/* --- dirty log --- */

/*
 * The log's reader fetches and clears words with an atomic exchange, so bits are set atomically, in
 * the owner's memory itself, as a futex is changed.
 */
static int log_set(struct sluice_gmem_view *v, u64 at, u32 mask)
{
	u32 __user *word = user(at);
	int err, old, tries = 0;

	for (;;) {
		err = arch_futex_atomic_op_inuser(FUTEX_OP_OR, mask, &old, word);
		/* Others were at the word all the time. */
		if (unlikely(err == -EAGAIN))
			continue;
		if (likely(!err))
			return 0;
		err = sluice_gmem_refused(v, at, sizeof(*word), true);
		/* Not every architecture brings the page in, even where it might. */
		if (err == -EAGAIN || tries++ || fault_in_safe_writeable((char __user *)word, 4))
			return err;
	}
}

int sluice_gmem_log(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 gpa, u64 len)
{
	u64 base = (unsigned long)g->log, bit, last;

	if (!g->log || !len)
		return 0;
	if (gpa + (len - 1) < gpa)
		return -EFAULT;
	bit = gpa >> LOG_PAGE_SHIFT;
	last = (gpa + (len - 1)) >> LOG_PAGE_SHIFT;
	if (last / 8 >= g->log_size)
		return -EFAULT;

	while (bit <= last) {
		u64 at = base + bit / 8;
		unsigned int first = at % 4 * 8 + bit % 8;
		unsigned int n = min(last - bit + 1, (u64)32 - first);
		/* A word that begins before the log, or ends behind it, lies in the log's page. */
		int err = log_set(v, at - at % 4, GENMASK(first + n - 1, first));

		if (err)
			return err;
		bit += n;
	}
	return 0;
}

int sluice_gmem_log_user(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr, u64 len)
{
	const struct sluice_gmem_table *t = g->table;
	u64 last = uaddr + (len - 1);
	unsigned int i;
	int err;

	if (!g->log || !len || !t)
		return 0;
	if (last < uaddr)
		return -EFAULT;
	/*
	 * Several regions may show the same memory; what none shows is no business of whoever
	 * reads the log.
	 */
	for (i = 0; i < t->nr; i++) {
		const struct sluice_gmem_region *r = &t->region[i];
		u64 from = max(uaddr, r->uaddr), to = min(last, r->uaddr + (r->size - 1));

		if (from > to)
			continue;
		err = sluice_gmem_log(g, v, r->start + (from - r->uaddr), to - from + 1);
		if (err)
			return err;
	}
	return 0;
}
