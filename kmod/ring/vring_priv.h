/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two layouts of a ring share. An access to the owner's memory costs tens of
 * nanoseconds however short it is, so the layouts load and store runs: ring entries,
 * descriptors and completions of a whole burst at a time.
 *
 * What was loaded may be kept across fetches: a driver owns nothing of a chain between making
 * it available and seeing it used. Only what the driver had published before it was loaded is
 * kept, see the two layouts.
 */
#ifndef _SLUICE_VRING_PRIV_H
#define _SLUICE_VRING_PRIV_H

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/nospec.h>
#include <linux/types.h>
#include <linux/uaccess.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_ring.h>
#include "gmem.h"
#include "iotlb.h"
#include "vring.h"

/* Descriptors that one look at the table (split) or at the ring (packed) brings at most. */
#define VRING_WINDOW	256
/* Those of an indirect table, or of a chain's tail. */
#define VRING_SIDE	64
/* Any descriptor, whichever layout. */
#define VRING_DESC_SIZE	16

enum vring_part {
	VRING_DESC,
	VRING_DRIVER,
	VRING_DEVICE,
	VRING_PARTS
};

/**
 * struct vring_area - one of the three areas of a ring
 * @addr: as configured
 * @uaddr: owner's or kernel's address of all of it, 0: none is known, or it is scattered
 * @len: bytes
 * @perm: what we do there, SLUICE_GMEM_*
 */
struct vring_area {
	u64 addr;
	u64 uaddr;
	u32 len;
	u8 perm;
};

/**
 * struct sluice_vring - device side of one ring
 * @gmem: guest memory
 * @num: entries
 * @packed: layout
 * @event_idx: VIRTIO_F_EVENT_IDX
 * @indirect: VIRTIO_F_INDIRECT_DESC
 * @notify_on_empty: VIRTIO_F_NOTIFY_ON_EMPTY
 * @little: byte order of a split ring
 * @user_addr: areas are configured as addresses of the owner
 * @log_used: writes to the ring are logged as dirty
 * @mapped: translations of the areas were looked up
 * @notify_on: the driver may believe that it has to notify
 * @used_unknown: the index of the used ring is to be read when the ring starts
 * @signal_all: the next completion is signalled whatever the driver's event index says
 * @error: why the ring is broken
 * @begun: the ring was started once
 * @publishing: completions are being published
 * @map_gen: generation of the IOTLB that the areas were looked up in
 * @log_addr: guest-physical address of the used ring
 * @avail: next to fetch; split: free running 16 bits; packed: position, see vring_packed.c
 * @ahead: slots from @avail on that were fetched and given back
 * @lent: slots that were fetched, and neither pushed nor given back
 * @used: next to publish, as @avail
 * @push: next to queue a completion for (packed)
 * @unsignalled: slots published since the last signal
 * @seen: driver's available index when last read (split)
 * @run: index or position of the first entry that was loaded in advance
 * @nr_run: entries
 * @win: first descriptor in @desc, @nr_win of them (split)
 * @side: first descriptor in @side_desc, @nr_side of them, if it holds some of the ring
 * @tail: descriptors behind the head of the last chain, a guess for the next
 * @guess: how many descriptors to look at (packed)
 * @idle: the last look found nothing (packed)
 * @nr_pend: completions queued
 * @unlogged: bytes that published completions last and are not in the dirty log yet
 * @unlogged_part: where they are
 * @unlogged_off: likewise
 * @area: where the ring lies
 * @buf: how buffers are reached
 * @ring: how the areas are
 * @way: what both remember of an IOTLB, NULL without one
 * @head: heads of available chains, loaded in advance (split)
 * @desc: descriptors, loaded in advance
 * @pdesc: likewise (packed)
 * @side_desc: others, of an indirect table or of the ring
 * @side_pdesc: likewise (packed)
 * @elem: completions queued (split)
 * @pused: likewise (packed): the last eight bytes of a descriptor
 * @skip: slots that each of them takes (packed)
 */
struct sluice_vring {
	struct sluice_gmem *gmem;
	u32 num;
	bool packed;
	bool event_idx;
	bool notify_on_empty;
	bool indirect;
	bool little;
	bool user_addr;
	bool log_used;
	bool mapped;
	bool notify_on;
	bool used_unknown;
	bool signal_all;
	bool begun;
	bool publishing;
	u8 error;
	u64 map_gen;
	u64 log_addr;

	u32 avail;
	u32 ahead;
	u32 lent;
	u32 used;
	u32 push;
	u32 unsignalled;
	u16 seen;
	u32 run;
	u16 nr_run;
	u16 win;
	u16 nr_win;
	u16 side;
	u16 nr_side;
	u16 tail;
	u16 guess;
	bool idle;
	u16 nr_pend;
	u8 unlogged_part;
	u32 unlogged;
	u32 unlogged_off;

	struct vring_area area[VRING_PARTS];
	struct sluice_gmem_view buf;
	struct sluice_gmem_view ring;
	struct sluice_gmem_hint *way;

	__virtio16 head[SLUICE_VRING_BURST];
	union {
		struct vring_desc desc[VRING_WINDOW];
		struct vring_packed_desc pdesc[VRING_WINDOW];
	};
	union {
		struct vring_desc side_desc[VRING_SIDE];
		struct vring_packed_desc side_pdesc[VRING_SIDE];
	};
	union {
		struct vring_used_elem elem[SLUICE_VRING_BURST];
		struct {
			__le64 pused[SLUICE_VRING_BURST];
			u16 skip[SLUICE_VRING_BURST];
		};
	};
};

/*
 * Functions in here return what is less than zero on failure: a negative errno when the guest
 * is not to blame, -EAGAIN (memory is not there yet) above all; or else the violation.
 */
#define VRING_BAD(e)	(-4096 - (int)SLUICE_VRING_ERR_##e)
#define VRING_WHY(err)	((enum sluice_vring_error)(-4096 - (err)))
#define VRING_IS_BAD(err) ((err) < -4096)

/* Copy from or to an area. Outside of the areas is never asked for. */
int vring_area_read(struct sluice_vring *vr, enum vring_part part, u32 off, void *dst, u32 len);
int vring_area_write(struct sluice_vring *vr, enum vring_part part, u32 off, const void *src,
		     u32 len);
/* One field, in one piece: the driver may be storing or loading it. */
int vring_area_read16(struct sluice_vring *vr, enum vring_part part, u32 off, u16 *val);
int vring_area_read32(struct sluice_vring *vr, enum vring_part part, u32 off, u32 *val);
int vring_area_write16(struct sluice_vring *vr, enum vring_part part, u32 off, u16 val);
int vring_area_write32(struct sluice_vring *vr, enum vring_part part, u32 off, u32 val);
/* One address for all of the area? */
bool vring_area_direct(const struct sluice_vring *vr, enum vring_part part);

/*
 * Stores that make completions visible, in @len bytes which are reached from one address. All that
 * may fail but the store itself comes before it: the driver may reuse what it got at once, so
 * nobody can store it a second time. What could not be logged behind the store is remembered.
 */
int vring_publish_begin(struct sluice_vring *vr, enum vring_part part, u32 off, u32 len,
			u64 *uaddr);
void vring_publish_end(struct sluice_vring *vr, enum vring_part part, u32 off, u32 len, u64 uaddr);
int vring_area_publish16(struct sluice_vring *vr, enum vring_part part, u32 off, u16 val);
/* Log what is remembered, if there is something. */
int vring_log_late(struct sluice_vring *vr);

/* An error of an access to the ring, as these functions return it. */
int vring_ring_error(int err);

/* Copy from an indirect table. */
int vring_table_read(struct sluice_vring *vr, u64 addr, void *dst, u32 len);

/* Begin, and extend, a chain; @room: how many segments fit, SLUICE_CHAIN_MAX_SEGS at most. */
static inline void vring_chain_begin(struct sluice_chain *c, struct sluice_vring_seg *seg)
{
	c->seg = seg;
	c->out_len = 0;
	c->in_len = 0;
	c->nr_out = 0;
	c->nr_in = 0;
}

static inline int vring_chain_add(struct sluice_chain *c, unsigned int room, u64 addr, u32 len,
				  bool write)
{
	unsigned int n = c->nr_out + c->nr_in;

	if (unlikely(!len))
		return VRING_BAD(ZERO_LEN);
	if (unlikely(n >= room))
		return n >= SLUICE_CHAIN_MAX_SEGS ? VRING_BAD(TOO_LONG) : -ENOSPC;
	if (unlikely(addr + (len - 1) < addr))
		return VRING_BAD(ADDRESS);
	if (write) {
		if (unlikely(c->in_len + len < len))
			return VRING_BAD(SIZE);
		c->in_len += len;
		c->nr_in++;
	} else {
		if (unlikely(c->nr_in))
			return VRING_BAD(ORDER);
		if (unlikely(c->out_len + len < len))
			return VRING_BAD(SIZE);
		c->out_len += len;
		c->nr_out++;
	}
	c->seg[n].addr = addr;
	c->seg[n].len = len;
	return 0;
}

/*
 * Take the next chain. @want: how many the caller still wants. 0, or -ENODATA: none is
 * available; -ENOSPC: its segments do not fit; or as said above, and then it was not taken.
 */
int vring_split_next(struct sluice_vring *vr, unsigned int want, struct sluice_chain *c,
		     struct sluice_vring_seg *seg, unsigned int room);
int vring_packed_next(struct sluice_vring *vr, unsigned int want, struct sluice_chain *c,
		      struct sluice_vring_seg *seg, unsigned int room);

void vring_split_push(struct sluice_vring *vr, const struct sluice_chain *c, u32 len);
void vring_packed_push(struct sluice_vring *vr, const struct sluice_chain *c, u32 len);
int vring_split_flush(struct sluice_vring *vr);
int vring_packed_flush(struct sluice_vring *vr);

/*
 * Does the driver's event index lie in the @vr->unsignalled slots before @vr->used? 1: signal,
 * 0: do not.
 */
int vring_split_signal(struct sluice_vring *vr);
int vring_packed_signal(struct sluice_vring *vr);

/*
 * Ask for a notification once the slot at @vr->avail + @vr->ahead becomes available, or for
 * none.
 */
int vring_split_notify(struct sluice_vring *vr, bool on);
int vring_packed_notify(struct sluice_vring *vr, bool on);

/* Is the slot @ahead of @vr->avail available? 1 or 0. */
int vring_split_more(struct sluice_vring *vr, u32 ahead);
int vring_packed_more(struct sluice_vring *vr, u32 ahead);

/* Load the used index of a ring that was running before. */
int vring_split_start(struct sluice_vring *vr);

/* Positions of a packed ring in the encoding of struct sluice_vring_config. */
u32 vring_packed_encode(const struct sluice_vring *vr, u32 pos);
u32 vring_packed_decode(u32 num, u32 state);
u32 vring_packed_add(const struct sluice_vring *vr, u32 pos, u32 n);
u32 vring_packed_sub(const struct sluice_vring *vr, u32 pos, u32 n);
/* Where the first chain begins that was fetched and whose completion is not published. */
u32 vring_packed_unpushed(const struct sluice_vring *vr);

#endif /* _SLUICE_VRING_PRIV_H */
