/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest memory as a device sees it: an address space of regions, each backed by a range of the
 * owner's virtual memory; or, behind an IOTLB, of pages that a front end pinned and that the kernel
 * maps.
 *
 * A table of regions is immutable. Whoever changes guest memory builds a new table, hands it over
 * on the worker that serves the queues (see sluice_queue_call()), and frees the old one after that:
 * since a worker runs such a call only between two bursts, no burst ever sees a table that died.
 */
#ifndef _SLUICE_GMEM_H
#define _SLUICE_GMEM_H

#include <linux/types.h>
#include "iotlb.h"

#define SLUICE_GMEM_RO	0x1	/* the device may read */
#define SLUICE_GMEM_WO	0x2	/* the device may write */
#define SLUICE_GMEM_RW	0x3

/**
 * struct sluice_gmem_region - one contiguous piece of guest memory
 * @start: first guest address
 * @size: bytes, not zero; @start + @size - 1 does not wrap
 * @uaddr: where it lies in the owner's address space
 */
struct sluice_gmem_region {
	u64 start;
	u64 size;
	u64 uaddr;
};

/**
 * struct sluice_gmem_table - immutable set of regions
 * @nr: number of regions
 * @region: sorted by @start, not overlapping
 */
struct sluice_gmem_table {
	unsigned int nr;
	struct sluice_gmem_region region[] __counted_by(nr);
};

/**
 * struct sluice_gmem - what one device can reach
 * @table: guest physical memory; NULL when there is none. Changed only on the worker
 *	(sluice_queue_call()) or while no queue is attached
 * @iotlb: when set, buffer and ring addresses are IOVAs, looked up here; misses are reported
 *	through it and the access returns -EAGAIN. Changed only while no queue is attached
 * @kernel: entries of @iotlb (which is set) give kernel addresses: the direct map of pages that the
 *	front end keeps pinned. @table and @log are not used. Changed only while no queue is
 *	attached
 * @host: the memory is the host's own: whoever lends a page keeps it until the request is done.
 *	Else the front end may let go of a page while a device still uses it, who holds it by a
 *	reference. Likewise
 * @log: when set, user address of the dirty bitmap, one bit for each 4 KiB of guest physical
 *	memory
 * @log_size: bytes that @log spans
 */
struct sluice_gmem {
	const struct sluice_gmem_table *table;
	struct sluice_iotlb *iotlb;
	bool kernel;
	bool host;
	void __user *log;
	u64 log_size;
};

/**
 * struct sluice_gmem_hint - a translation that was used before
 * @start: first guest address
 * @size: bytes; 0: nothing is remembered
 * @uaddr: where it lies in the owner's address space, or the kernel's
 * @gen: generation of the IOTLB that it came from, 0 for a table of regions
 * @perm: SLUICE_GMEM_*
 *
 * A zeroed hint is an empty one. Whoever keeps a hint empties it when the table of regions changes;
 * changes of an IOTLB are noticed by its generation.
 */
struct sluice_gmem_hint {
	u64 start;
	u64 size;
	u64 uaddr;
	u64 gen;
	u8 perm;
};

/* Does a hint tell of all of [@addr, @addr + @len), which is not empty, and permit @perm? */
static inline bool sluice_gmem_hint_covers(const struct sluice_gmem *g,
					   const struct sluice_gmem_hint *h, u64 addr, u64 len,
					   u8 perm)
{
	u64 off = addr - h->start;

	/* Without an IOTLB the generation is 0 on both sides; with one it never is. */
	return off < h->size && len <= h->size - off && (h->perm & perm) == perm &&
	       h->gen == (g->iotlb ? sluice_iotlb_gen(g->iotlb) : 0);
}

/**
 * struct sluice_gmem_absent - memory of the owner's that was not there when it was accessed
 * @uaddr: where the access began
 * @len: bytes, 0: there is none
 * @write: it was written to
 */
struct sluice_gmem_absent {
	u64 uaddr;
	u64 len;
	bool write;
};

/* Entries of an IOTLB that a thread remembers, by the page that it looked for. */
#define SLUICE_GMEM_WAYS	256

/**
 * struct sluice_gmem_view - guest memory as one thread uses it
 * @hint: the translation that it used last. Most accesses of a queue hit the region of the one
 *	before
 * @way: NULL, or SLUICE_GMEM_WAYS others: behind an IOTLB of small entries buffers lie in another
 *	one each
 * @absent: what the last -EAGAIN waits for, if it is the owner's memory and no IOTLB entry
 *
 * A zeroed view is a fresh one.
 */
struct sluice_gmem_view {
	struct sluice_gmem_hint hint;
	struct sluice_gmem_hint *way;
	struct sluice_gmem_absent absent;
};

/*
 * All of the below run on the worker with the owner's mm in use (kthread_use_mm()), where page
 * faults are disabled, or in the owner's own context. They return 0, -EFAULT (address outside guest
 * memory, or the owner has it unmapped), -EAGAIN (the IOTLB has no entry yet: a miss was reported,
 * try again after the next update; or, with page faults disabled, the page is not there: see
 * @absent), -EPERM (IOTLB entry without the permission). What was written in part is to be written
 * again.
 */
int sluice_gmem_copy_from(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, void *dst,
			  size_t len);
int sluice_gmem_copy_to(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr,
			const void *src, size_t len);

/* As above for addresses that were translated before (ring areas); nothing is logged. */
int sluice_gmem_load(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr, void *dst,
		     size_t len);
int sluice_gmem_store(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr,
		      const void *src, size_t len);
/*
 * An access to owner's memory failed: -EFAULT, or, where page faults are disabled so that nobody
 * tried to bring the page in, -EAGAIN, with a note in @v for somebody who may.
 */
int sluice_gmem_refused(struct sluice_gmem_view *v, u64 uaddr, u64 len, bool write);

/**
 * sluice_gmem_map() - find where a contiguous range lies
 * @g: guest memory
 * @v: view
 * @addr: guest address (IOVA with an IOTLB)
 * @len: bytes
 * @perm: SLUICE_GMEM_RO, _WO or _RW
 * @uaddr: result: owner's or kernel's address
 *
 * Adjacent regions or IOTLB entries that are contiguous there too count as one.
 *
 * Return: as above, or -ERANGE: all of it is mapped, but to more than one place.
 */
int sluice_gmem_map(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, u64 len, u8 perm,
		    u64 *uaddr);

/* The start of a range, and how many of its bytes lie contiguous there: at least one. */
int sluice_gmem_find(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 addr, u32 len, u8 perm,
		     u64 *uaddr, u32 *run);

/* Mark guest-physical [@gpa, @gpa + @len) dirty; no-op without a log. */
int sluice_gmem_log(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 gpa, u64 len);
/* As above for owner addresses (ring areas): marks every guest page that maps there. */
int sluice_gmem_log_user(struct sluice_gmem *g, struct sluice_gmem_view *v, u64 uaddr, u64 len);

/*
 * Copy, sort and validate @n regions; an ERR_PTR(): -EINVAL on overlap, wrap or zero size,
 * -ENOMEM. Control context.
 */
struct sluice_gmem_table *sluice_gmem_table_new(const struct sluice_gmem_region *r, unsigned int n);
void sluice_gmem_table_free(const struct sluice_gmem_table *t);

#endif /* _SLUICE_GMEM_H */
