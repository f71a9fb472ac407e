// SPDX-License-Identifier: GPL-2.0-only
/*
 * The split layout: a table of descriptors, a ring of heads made available, a ring of
 * completions.
 *
 * A fetch loads the driver's index, then the heads it covers, then the descriptors around those
 * heads. Heads that were loaded stay good until they are used, and so do descriptors that were
 * loaded after the index that covers them: so @run, @win and @side hold for one run of heads
 * and are dropped with it.
 */
#include "vring_priv.h"

#define AVAIL_FLAGS	offsetof(struct vring_avail, flags)
#define AVAIL_IDX	offsetof(struct vring_avail, idx)
#define AVAIL_RING(n)	(offsetof(struct vring_avail, ring) + (n) * sizeof(__virtio16))
#define USED_FLAGS	offsetof(struct vring_used, flags)
#define USED_IDX	offsetof(struct vring_used, idx)
#define USED_RING(n)	(offsetof(struct vring_used, ring) + (n) * sizeof(struct vring_used_elem))

static u16 split_get(const struct sluice_vring *vr, __virtio16 v)
{
	return __virtio16_to_cpu(vr->little, v);
}

static int split_read16(struct sluice_vring *vr, enum vring_part part, u32 off, u16 *val)
{
	u16 raw = 0;
	int err;

	err = vring_area_read16(vr, part, off, &raw);
	*val = split_get(vr, (__force __virtio16)raw);
	return err;
}

static int split_write16(struct sluice_vring *vr, enum vring_part part, u32 off, u16 val)
{
	return vring_area_write16(vr, part, off, (__force u16)__cpu_to_virtio16(vr->little, val));
}

int vring_split_start(struct sluice_vring *vr)
{
	u16 idx;
	int err;

	err = split_read16(vr, VRING_DEVICE, USED_IDX, &idx);
	if (err)
		return err;
	vr->used = idx;
	vr->used_unknown = false;
	return 0;
}

/* --- available chains --- */

/* Load the next heads, @want at most. */
static int split_load_heads(struct sluice_vring *vr, unsigned int want)
{
	u16 ready = vr->seen - vr->avail;
	u32 slot = vr->avail & (vr->num - 1), n, first;
	int err;

	if (ready < want) {
		u16 idx;

		err = split_read16(vr, VRING_DRIVER, AVAIL_IDX, &idx);
		if (unlikely(err))
			return err;
		ready = idx - vr->avail;
		if (unlikely(ready > vr->num))
			return VRING_BAD(INDEX);
		if (!ready)
			return -ENODATA;
		vr->seen = idx;
		/*
		 * The index before what it covers. Pairs with the write barrier that a driver
		 * has between filling in ring and descriptors and moving the index.
		 */
		smp_rmb();
	}
	n = min(want, ready);
	first = min(n, vr->num - slot);
	err = vring_area_read(vr, VRING_DRIVER, AVAIL_RING(slot), vr->head,
			      first * sizeof(vr->head[0]));
	if (!err && n > first)
		err = vring_area_read(vr, VRING_DRIVER, AVAIL_RING(0), vr->head + first,
				      (n - first) * sizeof(vr->head[0]));
	vr->run = vr->avail;
	vr->nr_run = err ? 0 : n;
	vr->nr_win = 0;
	vr->nr_side = 0;
	return err;
}

/*
 * Which descriptors to load for the head at hand, @at in the run: drivers hand out descriptors
 * in rising or, from a free list, in falling order, so a span around all heads of the run, or
 * of as many as lie close, costs one copy. Up to eight descriptors for each head are still
 * cheaper than a second one.
 */
static void split_choose_window(const struct sluice_vring *vr, unsigned int at, u16 *first, u32 *nr)
{
	u32 lo = split_get(vr, vr->head[at]), hi = lo, all_lo = lo, all_hi = lo, i;
	bool close = true;

	for (i = at + 1; i < vr->nr_run; i++) {
		u32 head = split_get(vr, vr->head[i]);

		if (unlikely(head >= vr->num))
			break;
		all_lo = min(all_lo, head);
		all_hi = max(all_hi, head);
		close = close && all_hi - all_lo < min_t(u32, VRING_WINDOW, 8 * (i - at + 2));
		if (close) {
			lo = all_lo;
			hi = all_hi;
		}
	}
	if (all_hi - all_lo < min_t(u32, VRING_WINDOW, 8 * (i - at))) {
		lo = all_lo;
		hi = all_hi;
	}
	hi = min3(hi + vr->tail, vr->num - 1, lo + VRING_WINDOW - 1);
	*first = lo;
	*nr = hi - lo + 1;
}

static const struct vring_desc *split_load_window(struct sluice_vring *vr, u16 head, int *err)
{
	u32 nr;
	u16 first;

	split_choose_window(vr, (u16)(vr->avail - vr->run), &first, &nr);
	vr->nr_win = 0;
	*err = vring_area_read(vr, VRING_DESC, first * VRING_DESC_SIZE, vr->desc,
			       nr * VRING_DESC_SIZE);
	if (unlikely(*err))
		return NULL;
	vr->win = first;
	vr->nr_win = nr;
	return &vr->desc[head - first];
}

/* Descriptors behind a head that lie elsewhere. */
static const struct vring_desc *split_load_side(struct sluice_vring *vr, u16 i, int *err)
{
	u32 nr = min3((u32)VRING_SIDE, vr->num - i, vr->tail + 8U);

	vr->nr_side = 0;
	*err = vring_area_read(vr, VRING_DESC, i * VRING_DESC_SIZE, vr->side_desc,
			       nr * VRING_DESC_SIZE);
	if (unlikely(*err))
		return NULL;
	vr->side = i;
	vr->nr_side = nr;
	return vr->side_desc;
}

/* @i < num */
static const struct vring_desc *split_desc(struct sluice_vring *vr, u16 i, bool head, int *err)
{
	u16 at = i - vr->win;

	/* The address in it says what is read next: no guess may take it from elsewhere. */
	if (likely(at < vr->nr_win))
		return &vr->desc[array_index_nospec(at, vr->nr_win)];
	if (head)
		return split_load_window(vr, i, err);
	at = i - vr->side;
	if (at < vr->nr_side)
		return &vr->side_desc[array_index_nospec(at, vr->nr_side)];
	return split_load_side(vr, i, err);
}

static __always_inline int split_add(const bool little, struct sluice_chain *c, unsigned int room,
				     const struct vring_desc *d, u16 flags)
{
	return vring_chain_add(c, room, __virtio64_to_cpu(little, d->addr),
			       __virtio32_to_cpu(little, d->len), flags & VRING_DESC_F_WRITE);
}

static __always_inline int split_table(struct sluice_vring *vr, const bool little, u64 addr,
				       u32 len, struct sluice_chain *c, unsigned int room)
{
	u32 count = len / VRING_DESC_SIZE, i = 0, n = 0, at = 0, have = 0;
	const struct vring_desc *d;
	u16 flags;
	int err;

	if (unlikely(!len || len % VRING_DESC_SIZE || count > U16_MAX + 1U))
		return VRING_BAD(INDIRECT);
	vr->nr_side = 0;
	do {
		if (i - at >= have) {
			at = i;
			have = min_t(u32, VRING_SIDE, count - i);
			err = vring_table_read(vr, addr + (u64)at * VRING_DESC_SIZE, vr->side_desc,
					       have * VRING_DESC_SIZE);
			if (unlikely(err))
				return err;
		}
		d = &vr->side_desc[i - at];
		flags = __virtio16_to_cpu(little, d->flags);
		if (unlikely(flags & VRING_DESC_F_INDIRECT))
			return VRING_BAD(INDIRECT);
		if (unlikely(n++ >= count))
			return VRING_BAD(LOOP);
		err = split_add(little, c, room, d, flags);
		if (unlikely(err))
			return err;
		i = __virtio16_to_cpu(little, d->next);
		if (unlikely((flags & VRING_DESC_F_NEXT) && i >= count))
			return VRING_BAD(INDIRECT);
	} while (flags & VRING_DESC_F_NEXT);
	return 0;
}

/*
 * A table of @len bytes is linked like the ring's own, from its first entry on. Here a request, or
 * a long frame, has most of its descriptors: which byte order they are in is asked once.
 */
static int split_indirect(struct sluice_vring *vr, u64 addr, u32 len, struct sluice_chain *c,
			  unsigned int room)
{
	return likely(vr->little) ? split_table(vr, true, addr, len, c, room) :
				    split_table(vr, false, addr, len, c, room);
}

static int split_chain(struct sluice_vring *vr, u16 head, struct sluice_chain *c, unsigned int room)
{
	const struct vring_desc *d;
	u16 i = head, flags;
	u32 n = 0;
	int err;

	do {
		if (unlikely(i >= vr->num))
			return n ? VRING_BAD(NEXT) : VRING_BAD(HEAD);
		if (unlikely(n >= vr->num))
			return VRING_BAD(LOOP);
		d = split_desc(vr, i, !n, &err);
		if (unlikely(!d))
			return err;
		n++;
		flags = split_get(vr, d->flags);
		if (flags & VRING_DESC_F_INDIRECT) {
			if (unlikely(!vr->indirect || (flags & VRING_DESC_F_NEXT)))
				return VRING_BAD(INDIRECT);
			err = split_indirect(vr, __virtio64_to_cpu(vr->little, d->addr),
					     __virtio32_to_cpu(vr->little, d->len), c, room);
		} else {
			err = split_add(vr->little, c, room, d, flags);
		}
		if (unlikely(err))
			return err;
		i = split_get(vr, d->next);
	} while (flags & VRING_DESC_F_NEXT);
	vr->tail = min_t(u32, n - 1, 15);
	c->id = head;
	return 0;
}

int vring_split_next(struct sluice_vring *vr, unsigned int want, struct sluice_chain *c,
		     struct sluice_vring_seg *seg, unsigned int room)
{
	u16 at = vr->avail - vr->run;
	int err;

	if (at >= vr->nr_run) {
		err = split_load_heads(vr, want);
		if (err)
			return err;
		at = 0;
	}
	vring_chain_begin(c, seg);
	err = split_chain(vr, split_get(vr, vr->head[at]), c, room);
	if (unlikely(err))
		return err;
	c->nr_desc = 1;
	vr->avail = (u16)(vr->avail + 1);
	return 0;
}

/* --- completions --- */

void vring_split_push(struct sluice_vring *vr, const struct sluice_chain *c, u32 len)
{
	struct vring_used_elem *e = &vr->elem[vr->nr_pend++];

	e->id = __cpu_to_virtio32(vr->little, c->id);
	e->len = __cpu_to_virtio32(vr->little, len);
}

int vring_split_flush(struct sluice_vring *vr)
{
	u32 slot = vr->used & (vr->num - 1);
	/* A ring holds no more than its size, whatever was queued. */
	u32 n = min_t(u32, vr->nr_pend, vr->num), first = min(n, vr->num - slot);
	int err;

	err = vring_area_write(vr, VRING_DEVICE, USED_RING(slot), vr->elem,
			       first * sizeof(vr->elem[0]));
	if (!err && n > first)
		err = vring_area_write(vr, VRING_DEVICE, USED_RING(0), vr->elem + first,
				       (n - first) * sizeof(vr->elem[0]));
	if (unlikely(err))
		return err;
	/*
	 * Data and elements before the index. Pairs with the read barrier that a driver has
	 * between loading the index and looking at what it covers.
	 */
	smp_wmb();
	err = vring_area_publish16(vr, VRING_DEVICE, USED_IDX,
				   (__force u16)__cpu_to_virtio16(vr->little, vr->used + n));
	if (unlikely(err))
		return err;
	vr->used = (u16)(vr->used + n);
	vr->unsignalled += n;
	vr->nr_pend = 0;
	return 0;
}

int vring_split_signal(struct sluice_vring *vr)
{
	u16 val;
	int err;

	/* As far as was looked: the driver may have added some since, and has one too many then. */
	if (unlikely(vr->notify_on_empty) && vr->seen == vr->avail) {
		vr->signal_all = false;
		return 1;
	}
	if (!vr->event_idx) {
		err = split_read16(vr, VRING_DRIVER, AVAIL_FLAGS, &val);
		return err ?: !(val & VRING_AVAIL_F_NO_INTERRUPT);
	}
	if (unlikely(vr->signal_all)) {
		vr->signal_all = false;
		return 1;
	}
	err = split_read16(vr, VRING_DRIVER, AVAIL_RING(vr->num), &val);
	return err ?: (u16)(vr->used - val - 1) < vr->unsignalled;
}

/* --- notifications --- */

int vring_split_notify(struct sluice_vring *vr, bool on)
{
	if (!vr->event_idx)
		return split_write16(vr, VRING_DEVICE, USED_FLAGS, on ? 0 : VRING_USED_F_NO_NOTIFY);
	/* An index that the driver has passed asks for nothing. */
	if (!on)
		return 0;
	return split_write16(vr, VRING_DEVICE, USED_RING(vr->num), vr->avail + vr->ahead);
}

int vring_split_more(struct sluice_vring *vr, u32 ahead)
{
	u16 idx;
	int err;

	if ((u16)(vr->seen - vr->avail) > ahead)
		return 1;
	err = split_read16(vr, VRING_DRIVER, AVAIL_IDX, &idx);
	return err ?: (u16)(idx - vr->avail) != (u16)ahead;
}
