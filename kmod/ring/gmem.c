// SPDX-License-Identifier: GPL-2.0-only
/* Guest memory: regions, copies and the dirty log. */
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>
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

static int gmem_find(struct sluice_gmem *g, struct sluice_gmem_hint *h, u64 addr, u8 perm)
{
	const struct sluice_gmem_region *r;

	if (g->iotlb)
		return sluice_iotlb_find(g->iotlb, addr, perm, h);
	r = table_find(g->table, addr);
	if (unlikely(!r))
		return -EFAULT;
	h->start = r->start;
	h->size = r->size;
	h->uaddr = r->uaddr;
	h->gen = 0;
	h->perm = SLUICE_GMEM_RW;
	return 0;
}

static bool hint_covers(const struct sluice_gmem *g, const struct sluice_gmem_hint *h, u64 addr,
			u8 perm)
{
	/* Without an IOTLB the generation is 0 on both sides; with one it never is. */
	return addr - h->start < h->size && (h->perm & perm) == perm &&
	       h->gen == (g->iotlb ? sluice_iotlb_gen(g->iotlb) : 0);
}

/*
 * Translate the start of [@addr, @addr + @len); *@run is how much of it the region or entry
 * holds.
 */
static __always_inline int gmem_run(struct sluice_gmem *g, struct sluice_gmem_hint *h, u64 addr,
				    u64 len, u8 perm, u64 *uaddr, u64 *run)
{
	u64 off;
	int err;

	if (unlikely(!hint_covers(g, h, addr, perm))) {
		err = gmem_find(g, h, addr, perm);
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

int sluice_gmem_map(struct sluice_gmem *g, u64 addr, u64 len, u8 perm, u64 *uaddr)
{
	struct sluice_gmem_hint h = {};
	bool contiguous = true;
	u64 at = 0, ua, run;
	int err;

	if (!len || addr + (len - 1) < addr)
		return -EFAULT;
	do {
		err = gmem_run(g, &h, addr + at, len - at, perm, &ua, &run);
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
SLUICE_EXPORT(sluice_gmem_map);

/* --- copies --- */

static void __user *user(u64 uaddr)
{
	return (void __user *)(unsigned long)uaddr;
}

int sluice_gmem_read_user(u64 uaddr, void *dst, size_t len)
{
	return copy_from_user(dst, user(uaddr), len) ? -EFAULT : 0;
}
SLUICE_EXPORT(sluice_gmem_read_user);

int sluice_gmem_write_user(u64 uaddr, const void *src, size_t len)
{
	return copy_to_user(user(uaddr), src, len) ? -EFAULT : 0;
}
SLUICE_EXPORT(sluice_gmem_write_user);

int sluice_gmem_copy_from(struct sluice_gmem *g, struct sluice_gmem_hint *h, u64 addr, void *dst,
			  size_t len)
{
	u64 uaddr, run;
	int err;

	while (len) {
		err = gmem_run(g, h, addr, len, SLUICE_GMEM_RO, &uaddr, &run);
		if (unlikely(err))
			return err;
		if (unlikely(copy_from_user(dst, user(uaddr), run)))
			return -EFAULT;
		addr += run;
		dst += run;
		len -= run;
	}
	return 0;
}

int sluice_gmem_copy_to(struct sluice_gmem *g, struct sluice_gmem_hint *h, u64 addr,
			const void *src, size_t len)
{
	u64 uaddr, run;
	int err;

	while (len) {
		err = gmem_run(g, h, addr, len, SLUICE_GMEM_WO, &uaddr, &run);
		if (unlikely(err))
			return err;
		if (unlikely(copy_to_user(user(uaddr), src, run)))
			return -EFAULT;
		if (unlikely(g->log)) {
			/*
			 * After the copy: whoever clears the bit and reads the page sees the
			 * data, or the bit again.
			 */
			err = g->iotlb ? sluice_gmem_log_user(g, uaddr, run) :
					 sluice_gmem_log(g, addr, run);
			if (err)
				return err;
		}
		addr += run;
		src += run;
		len -= run;
	}
	return 0;
}

int sluice_gmem_read(struct sluice_gmem *g, u64 addr, void *dst, size_t len)
{
	struct sluice_gmem_hint h = {};

	return sluice_gmem_copy_from(g, &h, addr, dst, len);
}
SLUICE_EXPORT(sluice_gmem_read);

int sluice_gmem_write(struct sluice_gmem *g, u64 addr, const void *src, size_t len)
{
	struct sluice_gmem_hint h = {};

	return sluice_gmem_copy_to(g, &h, addr, src, len);
}
SLUICE_EXPORT(sluice_gmem_write);

/* --- dirty log --- */

/*
 * Set the bits [@bit, @bit + @n) that lie in one page of the log, @at. The log's reader fetches
 * and clears words with an atomic exchange, so the bits are set atomically, one by one, in the
 * page itself.
 */
static int log_set(unsigned long at, unsigned int bit, unsigned int n)
{
	struct page *page;
	void *base;

	if (pin_user_pages_fast(at, 1, FOLL_WRITE, &page) != 1)
		return -EFAULT;
	base = kmap_local_page(page);
	while (n--)
		set_bit(bit++, base);
	kunmap_local(base);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}

int sluice_gmem_log(struct sluice_gmem *g, u64 gpa, u64 len)
{
	unsigned long base = (unsigned long)g->log;
	u64 bit, last;

	if (!g->log || !len)
		return 0;
	if (gpa + (len - 1) < gpa)
		return -EFAULT;
	bit = gpa >> LOG_PAGE_SHIFT;
	last = (gpa + (len - 1)) >> LOG_PAGE_SHIFT;
	if (last / 8 >= g->log_size)
		return -EFAULT;

	while (bit <= last) {
		unsigned long at = base + bit / 8;
		unsigned int first = offset_in_page(at) * 8 + bit % 8;
		unsigned int n = min(last - bit + 1, (u64)PAGE_SIZE * 8 - first);
		int err = log_set(at & PAGE_MASK, first, n);

		if (err)
			return err;
		bit += n;
	}
	return 0;
}
SLUICE_EXPORT(sluice_gmem_log);

int sluice_gmem_log_user(struct sluice_gmem *g, u64 uaddr, u64 len)
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
		err = sluice_gmem_log(g, r->start + (from - r->uaddr), to - from + 1);
		if (err)
			return err;
	}
	return 0;
}
SLUICE_EXPORT(sluice_gmem_log_user);
