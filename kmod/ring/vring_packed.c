// SPDX-License-Identifier: GPL-2.0-only
/*
 * The packed layout: one ring of descriptors that driver and device overwrite in turn.
 *
 * Positions run from 0 to twice the ring's size: the first lap is the one with wrap counter 1,
 * the second the one with 0. A descriptor is available when its flags say so for the lap that
 * we are in.
 *
 * Flags and content lie in the same descriptor, so one copy of a run of descriptors proves
 * nothing: the content may have been copied before the driver wrote it and the flags after.
 * Reading flags one by one would be right and would cost an access each. Instead a run is
 * copied twice: what the first copy shows as available is published, so a second copy, ordered
 * after the first, has its content. That is two accesses for a burst; the second hits the
 * cache. Only the first descriptor of a chain carries the promise: the rest of it was written
 * before.
 */
#include "vring_priv.h"

#define PACKED_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	BIT(VRING_PACKED_DESC_F_USED)

/* What a completion stores of a descriptor: length, id and flags, in one piece. */
#define PACKED_USED_OFF	offsetof(struct vring_packed_desc, len)
static_assert(PACKED_USED_OFF + sizeof(u64) == VRING_DESC_SIZE);
/* From one descriptor to the next, in these. */
#define PACKED_STEP	(VRING_DESC_SIZE / sizeof(u64))

/* Fewest descriptors to look at: two cache lines. */
#define PACKED_GUESS_MIN	8

/* --- positions --- */

static u32 packed_slot(const struct sluice_vring *vr, u32 pos)
{
	return pos < vr->num ? pos : pos - vr->num;
}

static bool packed_wrap(const struct sluice_vring *vr, u32 pos)
{
	return pos < vr->num;
}

u32 vring_packed_add(const struct sluice_vring *vr, u32 pos, u32 n)
{
	pos += n;
	return pos < 2 * vr->num ? pos : pos - 2 * vr->num;
}

/* Also the distance from position @n to @pos. */
u32 vring_packed_sub(const struct sluice_vring *vr, u32 pos, u32 n)
{
	return pos >= n ? pos - n : pos + 2 * vr->num - n;
}

u32 vring_packed_unpushed(const struct sluice_vring *vr)
{
	return vring_packed_sub(vr, vr->avail, vring_packed_sub(vr, vr->push, vr->used));
}

u32 vring_packed_encode(const struct sluice_vring *vr, u32 pos)
{
	return packed_slot(vr, pos) | (u32)packed_wrap(vr, pos) << VRING_PACKED_EVENT_F_WRAP_CTR;
}

u32 vring_packed_decode(u32 num, u32 state)
{
	u32 slot = state & (BIT(VRING_PACKED_EVENT_F_WRAP_CTR) - 1);

	return state & BIT(VRING_PACKED_EVENT_F_WRAP_CTR) ? slot : slot + num;
}

/* --- available chains --- */

static bool packed_available(u16 flags, bool wrap)
{
	return !!(flags & PACKED_AVAIL) == wrap && !!(flags & PACKED_USED) != wrap;
}

/* Is the descriptor at @pos available? 1 or 0. */
static int packed_look(struct sluice_vring *vr, u32 pos)
{
	u16 raw = 0;
	int err;

	err = vring_area_read16(vr, VRING_DESC, packed_slot(vr, pos) * VRING_DESC_SIZE +
				offsetof(struct vring_packed_desc, flags), &raw);
	return err ?: packed_available(le16_to_cpu((__force __le16)raw), packed_wrap(vr, pos));
}

/*
 * Load what is available from @vr->avail on, up to the ring's end or as many as seem to be
 * there.
 */
static int packed_load_run(struct sluice_vring *vr, unsigned int want)
{
	u32 slot = packed_slot(vr, vr->avail), n, k = 0, known;
	bool wrap = packed_wrap(vr, vr->avail);
	int err;

	vr->nr_run = 0;
	/*
	 * A driver is about to write to an empty ring: do not take more of its cache lines than
	 * need be.
	 */
	if (vr->idle) {
		err = packed_look(vr, vr->avail);
		if (err <= 0)
			return err ?: -ENODATA;
		/* Flags before content, as below. */
		smp_rmb();
		k = 1;
	}
	known = k;

	n = min3((u32)max_t(u32, vr->guess, PACKED_GUESS_MIN), vr->num - slot,
		 want * (vr->tail + 1U));
	err = vring_area_read(vr, VRING_DESC, slot * VRING_DESC_SIZE, vr->pdesc,
			      n * VRING_DESC_SIZE);
	if (unlikely(err))
		return err;
	while (k < n && packed_available(le16_to_cpu(vr->pdesc[k].flags), wrap))
		k++;
	vr->idle = !k;
	if (!k)
		return -ENODATA;
	if (k > known) {
		/*
		 * The flags before the content that they publish. Pairs with the write barrier
		 * that a driver has between filling in a chain and writing the flags of its
		 * first descriptor.
		 */
		smp_rmb();
		err = vring_area_read(vr, VRING_DESC, (slot + known) * VRING_DESC_SIZE,
				      vr->pdesc + known, (k - known) * VRING_DESC_SIZE);
		if (unlikely(err))
			return err;
	}
	vr->guess = k == n ? min(2 * n, (u32)VRING_WINDOW) : (vr->guess + k) / 2 + 1;
	vr->run = vr->avail;
	vr->nr_run = k;
	return 0;
}

/*
 * The descriptor @n behind the head at @vr->avail. Beyond the run it need not look available:
 * it was written before its head was. What lies behind it was perhaps not, so @side is good for
 * one chain.
 */
static const struct vring_packed_desc *packed_desc(struct sluice_vring *vr, u32 n, int *err)
{
	u32 at = vring_packed_sub(vr, vr->avail, vr->run) + n, slot, nr;

	if (likely(at < vr->nr_run))
		return &vr->pdesc[at];
	slot = packed_slot(vr, vring_packed_add(vr, vr->avail, n));
	if (slot - vr->side < vr->nr_side)
		return &vr->side_pdesc[slot - vr->side];

	nr = min3((u32)VRING_SIDE, vr->num - slot, vr->tail + 8U);
	vr->nr_side = 0;
	*err = vring_area_read(vr, VRING_DESC, slot * VRING_DESC_SIZE, vr->side_pdesc,
			       nr * VRING_DESC_SIZE);
	if (unlikely(*err))
		return NULL;
	vr->side = slot;
	vr->nr_side = nr;
	return vr->side_pdesc;
}

static int packed_add(struct sluice_chain *c, unsigned int room, const struct vring_packed_desc *d,
		      u16 flags)
{
	return vring_chain_add(c, room, le64_to_cpu(d->addr), le32_to_cpu(d->len),
			       flags & VRING_DESC_F_WRITE);
}

/* A table of @len bytes, all of it in use, one entry after the other. */
static int packed_indirect(struct sluice_vring *vr, u64 addr, u32 len, struct sluice_chain *c,
			   unsigned int room)
{
	u32 count = len / VRING_DESC_SIZE, i, at;
	int err;

	if (unlikely(!len || len % VRING_DESC_SIZE))
		return VRING_BAD(INDIRECT);
	vr->nr_side = 0;
	for (at = 0; at < count; at += VRING_SIDE) {
		u32 have = min_t(u32, VRING_SIDE, count - at);

		err = vring_table_read(vr, addr + (u64)at * VRING_DESC_SIZE, vr->side_pdesc,
				       have * VRING_DESC_SIZE);
		if (unlikely(err))
			return err;
		for (i = 0; i < have; i++) {
			u16 flags = le16_to_cpu(vr->side_pdesc[i].flags);

			if (unlikely(flags & VRING_DESC_F_INDIRECT))
				return VRING_BAD(INDIRECT);
			err = packed_add(c, room, &vr->side_pdesc[i], flags);
			if (unlikely(err))
				return err;
		}
	}
	return 0;
}

static int packed_chain(struct sluice_vring *vr, struct sluice_chain *c, unsigned int room)
{
	const struct vring_packed_desc *d;
	u16 flags;
	u32 n = 0;
	int err;

	vr->nr_side = 0;
	do {
		if (unlikely(n >= vr->num))
			return VRING_BAD(LOOP);
		d = packed_desc(vr, n, &err);
		if (unlikely(!d))
			return err;
		n++;
		flags = le16_to_cpu(d->flags);
		/* That of the last descriptor counts. */
		c->id = le16_to_cpu(d->id);
		if (flags & VRING_DESC_F_INDIRECT) {
			if (unlikely(!vr->indirect || (flags & VRING_DESC_F_NEXT)))
				return VRING_BAD(INDIRECT);
			err = packed_indirect(vr, le64_to_cpu(d->addr), le32_to_cpu(d->len), c,
					      room);
		} else {
			err = packed_add(c, room, d, flags);
		}
		if (unlikely(err))
			return err;
	} while (flags & VRING_DESC_F_NEXT);
	vr->tail = min_t(u32, n - 1, 15);
	c->nr_desc = n;
	return 0;
}

int vring_packed_next(struct sluice_vring *vr, unsigned int want, struct sluice_chain *c,
		      struct sluice_vring_seg *seg, unsigned int room)
{
	int err;

	if (vring_packed_sub(vr, vr->avail, vr->run) >= vr->nr_run) {
		err = packed_load_run(vr, want);
		if (err)
			return err;
	}
	vring_chain_begin(c, seg);
	err = packed_chain(vr, c, room);
	if (unlikely(err))
		return err;
	vr->avail = vring_packed_add(vr, vr->avail, c->nr_desc);
	return 0;
}

/* --- completions --- */

void vring_packed_push(struct sluice_vring *vr, const struct sluice_chain *c, u32 len)
{
	u64 flags = (packed_wrap(vr, vr->push) ? PACKED_AVAIL | PACKED_USED : 0) |
		    (len ? VRING_DESC_F_WRITE : 0);

	vr->pused[vr->nr_pend] = cpu_to_le64(flags << 48 | (u64)c->id << 32 | len);
	vr->skip[vr->nr_pend++] = c->nr_desc;
	vr->push = vring_packed_add(vr, vr->push, c->nr_desc);
}

/*
 * How many of the completions from the one at @i on can be stored from one address on? They take
 * @len bytes there.
 */
static u32 packed_run(const struct sluice_vring *vr, u32 i, u32 *len)
{
	u32 slot = packed_slot(vr, vr->used), last = slot, n = 1;

	while (vring_area_direct(vr, VRING_DESC) && i + n < vr->nr_pend &&
	       last + vr->skip[i + n - 1] < vr->num)
		last += vr->skip[i + n++ - 1];
	*len = (last - slot) * VRING_DESC_SIZE + sizeof(vr->pused[0]);
	return n;
}

/* Store @n completions in the @len bytes at @uaddr, in order. How many went well? */
static u32 packed_store(struct sluice_vring *vr, u64 uaddr, u32 len, u32 first, u32 n)
{
	const u64 *used = (__force u64 *)&vr->pused[first];
	u64 __user *user = (u64 __user *)(unsigned long)uaddr;
	u64 *kernel = (u64 *)(unsigned long)uaddr;
	const u16 *skip = &vr->skip[first];
	u32 i, at;

	if (vr->gmem->kernel) {
		for (i = 0, at = 0; i < n; at += PACKED_STEP * skip[i++])
			WRITE_ONCE(kernel[at], used[i]);
		return n;
	}
	if (unlikely(!user_write_access_begin(user, len)))
		return 0;
	for (i = 0, at = 0; i < n; at += PACKED_STEP * skip[i++])
		unsafe_put_user(used[i], &user[at], out);
out:
	user_write_access_end();
	return i;
}

/* Slots that @n completions take, from the one at @i on. */
static u32 packed_slots(const struct sluice_vring *vr, u32 i, u32 n)
{
	u32 slots = 0;

	while (n--)
		slots += vr->skip[i++];
	return slots;
}

/* Publish some, from the one at *@i on, which goes where @vr->used is. */
static int packed_publish(struct sluice_vring *vr, u32 *i)
{
	u32 off = packed_slot(vr, vr->used) * VRING_DESC_SIZE + PACKED_USED_OFF;
	u32 len, n = packed_run(vr, *i, &len), done, slots;
	u64 uaddr;
	int err;

	err = vring_publish_begin(vr, VRING_DESC, off, len, &uaddr);
	if (unlikely(err))
		return err;
	done = packed_store(vr, uaddr, len, *i, n);
	slots = packed_slots(vr, *i, done);
	if (unlikely(done < n))
		err = sluice_gmem_refused(&vr->ring, uaddr + (u64)slots * VRING_DESC_SIZE,
					  sizeof(vr->pused[0]), true);
	if (likely(done))
		vring_publish_end(vr, VRING_DESC, off, len, uaddr);
	vr->used = vring_packed_add(vr, vr->used, slots);
	vr->unsignalled += slots;
	*i += done;
	return vring_ring_error(err);
}

/*
 * The driver's own descriptors are overwritten, so what cannot be stored must leave them whole: if
 * the ring is stopped then, whoever goes on fetches them again. Hence each completion is one store
 * of eight bytes, behind the address, which means nothing to a driver any more; and they are stored
 * in order, each as good as published from then on.
 */
int vring_packed_flush(struct sluice_vring *vr)
{
	u32 done = 0, left;
	int err;

	/*
	 * Data before the flags. Pairs with the read barrier that a driver has between finding a
	 * descriptor used and looking at the rest.
	 */
	smp_wmb();
	do
		err = packed_publish(vr, &done) ?: vring_log_late(vr);
	while (!err && done < vr->nr_pend);
	left = vr->nr_pend - done;
	if (unlikely(left && done)) {
		memmove(vr->pused, vr->pused + done, left * sizeof(vr->pused[0]));
		memmove(vr->skip, vr->skip + done, left * sizeof(vr->skip[0]));
	}
	vr->nr_pend = left;
	return left ? err : 0;
}

int vring_packed_signal(struct sluice_vring *vr)
{
	u32 raw = 0, event, past;
	u16 where;
	int err;

	/* Both fields at once: a driver writes the flags last. */
	err = vring_area_read32(vr, VRING_DRIVER, 0, &raw);
	if (unlikely(err))
		return err;
	event = le32_to_cpu((__force __le32)raw);
	where = event & U16_MAX;
	switch (event >> 16 & 3) {
	case VRING_PACKED_EVENT_FLAG_DISABLE:
		return 0;
	case VRING_PACKED_EVENT_FLAG_DESC:
		if (vr->event_idx && !vr->signal_all)
			break;
		fallthrough;
	default:
		vr->signal_all = false;
		return 1;
	}
	if (unlikely((where & (BIT(VRING_PACKED_EVENT_F_WRAP_CTR) - 1)) >= vr->num))
		return 1;
	past = vring_packed_sub(vr, vr->used, vring_packed_decode(vr->num, where));
	return past && past - 1 < vr->unsignalled;
}

/* --- notifications --- */

int vring_packed_notify(struct sluice_vring *vr, bool on)
{
	u32 event = VRING_PACKED_EVENT_FLAG_DISABLE << 16;

	if (on && vr->event_idx)
		event = VRING_PACKED_EVENT_FLAG_DESC << 16 |
			vring_packed_encode(vr, vring_packed_add(vr, vr->avail, vr->ahead));
	else if (on)
		event = VRING_PACKED_EVENT_FLAG_ENABLE << 16;
	return vring_area_write32(vr, VRING_DEVICE, 0, (__force u32)cpu_to_le32(event));
}

int vring_packed_more(struct sluice_vring *vr, u32 ahead)
{
	if (vring_packed_sub(vr, vr->avail, vr->run) + ahead < vr->nr_run)
		return 1;
	return packed_look(vr, vring_packed_add(vr, vr->avail, ahead));
}
