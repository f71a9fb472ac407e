/* SPDX-License-Identifier: GPL-2.0-only */
/* What the place of an entry in an xarray takes. */
#ifndef _SLUICE_NET_INDEX_H
#define _SLUICE_NET_INDEX_H

#include <linux/xarray.h>

/* Of an index of 32 bits. */
#define SLUICE_INDEX_LEVELS	DIV_ROUND_UP(32, XA_CHUNK_SHIFT)
/* The most that one more entry may take. */
#define SLUICE_INDEX_MEMORY	(SLUICE_INDEX_LEVELS * sizeof(struct xa_node))

/* Is there any in [@first, @end)? */
static inline bool sluice_index_any(struct xarray *xa, unsigned long first, unsigned long end)
{
	return first < end && xa_find(xa, &first, end - 1, XA_PRESENT);
}

/*
 * Bytes that @xa needs for the sake of @index alone, which may be there or not: nodes that no other
 * entry has a part in. Who chooses his own may have several for each. Added where an entry comes to
 * a free place, and taken off where it leaves it, they are no less than all nodes there are.
 * Context: that of changes of @xa.
 */
static inline size_t sluice_index_memory(struct xarray *xa, u32 index)
{
	unsigned int level, shift = 0;

	for (level = 0; level < SLUICE_INDEX_LEVELS; level++) {
		unsigned long first, end;

		shift += XA_CHUNK_SHIFT;
		first = (unsigned long)index >> shift << shift;
		end = first + (1UL << shift);
		if (sluice_index_any(xa, first, index) ||
		    sluice_index_any(xa, index + 1UL, end))
			break;
	}
	return level * sizeof(struct xa_node);
}

#endif /* _SLUICE_NET_INDEX_H */
