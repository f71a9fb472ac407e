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

struct sluice_iotlb;

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
 *	front end keeps pinned. @table and @log are not used. Changed only while no queue is attached
 * @log: when set, user address of the dirty bitmap, one bit for each 4 KiB of guest physical
 *	memory
 * @log_size: bytes that @log spans
 */
struct sluice_gmem {
	const struct sluice_gmem_table *table;
	struct sluice_iotlb *iotlb;
	bool kernel;
	void __user *log;
	u64 log_size;
};

/**
 * struct sluice_gmem_hint - the translation that one thread used last
 * @start: first guest address
 * @size: bytes; 0: nothing is remembered
 * @uaddr: where it lies in the owner's address space
 * @gen: generation of the IOTLB that it came from, 0 for a table of regions
 * @perm: SLUICE_GMEM_*
 *
 * Most accesses of a queue hit the region of the one before. A zeroed hint is an empty one.
 * Whoever keeps a hint empties it when the table of regions changes; changes of an IOTLB are
 * noticed by its generation.
 */
struct sluice_gmem_hint {
	u64 start;
	u64 size;
	u64 uaddr;
	u32 gen;
	u8 perm;
};

/*
 * All of the below run on the worker with the owner's mm in use (kthread_use_mm()); they may
 * fault and sleep. They return 0, -EFAULT (address outside guest memory, or the owner has it
 * unmapped), -EAGAIN (the IOTLB has no entry yet: a miss was reported, try again after the next
 * update), -EPERM (IOTLB entry without the permission).
 */
int sluice_gmem_read(struct sluice_gmem *g, u64 addr, void *dst, size_t len);
int sluice_gmem_write(struct sluice_gmem *g, u64 addr, const void *src, size_t len);

/* The same for a caller that keeps a hint. */
int sluice_gmem_copy_from(struct sluice_gmem *g, struct sluice_gmem_hint *h, u64 addr, void *dst,
			  size_t len);
int sluice_gmem_copy_to(struct sluice_gmem *g, struct sluice_gmem_hint *h, u64 addr,
			const void *src, size_t len);

/* As above for addresses of the owner's address space (ring areas that were translated before). */
int sluice_gmem_read_user(u64 uaddr, void *dst, size_t len);
int sluice_gmem_write_user(u64 uaddr, const void *src, size_t len);

/**
 * sluice_gmem_map() - find where a contiguous range lies in the owner's memory
 * @g: guest memory
 * @addr: guest address (IOVA with an IOTLB)
 * @len: bytes
 * @perm: SLUICE_GMEM_RO, _WO or _RW
 * @uaddr: result
 *
 * Adjacent regions or IOTLB entries that are contiguous in the owner's memory too count as one.
 *
 * Return: as above, or -ERANGE: all of it is mapped, but to more than one place.
 */
int sluice_gmem_map(struct sluice_gmem *g, u64 addr, u64 len, u8 perm, u64 *uaddr);

/* Mark guest-physical [@gpa, @gpa + @len) dirty; no-op without a log. */
int sluice_gmem_log(struct sluice_gmem *g, u64 gpa, u64 len);
/* As above for owner addresses (ring areas): marks every guest page that maps there. */
int sluice_gmem_log_user(struct sluice_gmem *g, u64 uaddr, u64 len);

/*
 * Copy, sort and validate @n regions; an ERR_PTR(): -EINVAL on overlap, wrap or zero size,
 * -ENOMEM. Control context.
 */
struct sluice_gmem_table *sluice_gmem_table_new(const struct sluice_gmem_region *r, unsigned int n);
void sluice_gmem_table_free(const struct sluice_gmem_table *t);

#endif /* _SLUICE_GMEM_H */
