// SPDX-License-Identifier: GPL-2.0-only
/* A driver of a packed ring (virtio 1.2, 2.8). Positions count descriptors, two laps long. */
#include <endian.h>
#include "ring.h"

#define F_NEXT		0x0001
#define F_WRITE		0x0002
#define F_INDIRECT	0x0004
#define F_AVAIL		0x0080
#define F_USED		0x8000

static u64 slot_addr(const struct drv *d, u32 pos)
{
	return d->desc + 16 * (pos % d->conf.num);
}

static bool wrap(const struct drv *d, u32 pos)
{
	return pos < d->conf.num;
}

static u32 advance(const struct drv *d, u32 pos, u32 n)
{
	return (pos + n) % (2 * d->conf.num);
}

static void store_flags(const struct drv *d, u32 slot, u16 flags)
{
	__atomic_store_n((u16 *)guest_ptr(d->desc + 16 * slot + 14, 2), htole16(flags),
			 __ATOMIC_RELEASE);
}

static void put_body(u64 at, const struct drv_buf *b, u16 id)
{
	u8 *p = guest_ptr(at, 16);

	*(u64 *)p = htole64(b->addr);
	*(u32 *)(p + 8) = htole32(b->len);
	*(u16 *)(p + 12) = htole16(id);
}

/* Everything is visible to the device at once but the flags of the batch's first descriptor. */
static void put_flags(struct drv *d, u32 pos, u16 flags)
{
	flags |= wrap(d, pos) ? F_AVAIL : F_USED;
	if (d->held) {
		store_flags(d, pos % d->conf.num, flags);
		return;
	}
	d->held = true;
	d->held_flags = flags;
	d->held_slot = pos % d->conf.num;
}

int packed_add(struct drv *d, const struct drv_buf *buf, unsigned int nr_out, unsigned int nr_in,
	       bool indirect, int token)
{
	unsigned int n = nr_out + nr_in, slots = indirect ? 1 : n, i;
	u32 pick, pos = d->next;
	u16 id;

	if (d->free < slots)
		return -1;
	pick = d->conf.shuffle ? rnd_below(d->nr_list) : d->nr_list - 1;
	id = d->list[pick];
	d->list[pick] = d->list[--d->nr_list];
	d->free -= slots;
	d->token[id] = token;
	d->count[id] = slots;
	if (indirect) {
		if (!d->table[id])
			d->table[id] = guest_alloc(16 * 32, 16, rnd() & 1);
		for (i = 0; i < n; i++) {
			put_body(d->table[id] + 16 * i, &buf[i], 0x7777);
			*(u16 *)guest_ptr(d->table[id] + 16 * i + 14, 2) =
				htole16(i < nr_out ? 0 : F_WRITE);
		}
		put_body(slot_addr(d, pos), &(struct drv_buf) { d->table[id], 16 * n }, id);
		put_flags(d, pos, F_INDIRECT);
	} else {
		u16 head_flags = 0;

		/* The head's flags come last, also when the chain is not the first of its batch. */
		for (i = 0; i < n; i++) {
			u16 flags = (i < nr_out ? 0 : F_WRITE) | (i + 1 < n ? F_NEXT : 0);
			u32 at = advance(d, pos, i);

			put_body(slot_addr(d, at), &buf[i], i + 1 < n ? 0x7777 : id);
			if (i)
				store_flags(d, at % d->conf.num,
					    flags | (wrap(d, at) ? F_AVAIL : F_USED));
			else
				head_flags = flags;
		}
		put_flags(d, pos, head_flags);
	}
	d->next = advance(d, pos, slots);
	return 0;
}

bool packed_publish(struct drv *d)
{
	u32 old = d->published, event, off, passed, added;

	if (d->held)
		store_flags(d, d->held_slot, d->held_flags);
	d->held = false;
	d->published = d->next;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = le32toh(__atomic_load_n((u32 *)guest_ptr(d->device, 4), __ATOMIC_ACQUIRE));
	switch (event >> 16) {
	case 0:
		return true;
	case 1:
		return false;
	case 2:
		if (!d->conf.event_idx)
			abort();
		off = (event & 0x7fff) + (event & 0x8000 ? 0 : d->conf.num);
		passed = (off + 2 * d->conf.num - old) % (2 * d->conf.num);
		added = (d->next + 2 * d->conf.num - old) % (2 * d->conf.num);
		return passed < added;
	default:
		abort();
	}
}

bool packed_pending(const struct drv *d)
{
	u16 flags = le16toh(__atomic_load_n((u16 *)guest_ptr(slot_addr(d, d->used) + 14, 2),
					    __ATOMIC_ACQUIRE));

	return !!(flags & F_AVAIL) == wrap(d, d->used) && !!(flags & F_USED) == wrap(d, d->used);
}

int packed_get(struct drv *d, u32 *len)
{
	u8 *p = guest_ptr(slot_addr(d, d->used), 16);
	int token;
	u16 id;

	if (!packed_pending(d))
		return -1;
	id = le16toh(*(u16 *)(p + 12));
	*len = le32toh(*(u32 *)(p + 8));
	if (id >= d->conf.num || d->token[id] < 0)
		abort();
	/* "Written" is what the flag is for. */
	if (!(le16toh(*(u16 *)(p + 14)) & F_WRITE) != !*len)
		abort();
	token = d->token[id];
	d->token[id] = -1;
	d->list[d->nr_list++] = id;
	d->free += d->count[id];
	d->used = advance(d, d->used, d->count[id]);
	return token;
}

void packed_cb(struct drv *d, bool on, u32 n)
{
	u32 at = advance(d, d->used, n ? n - 1 : 0), event = 1 << 16;

	if (on && d->conf.event_idx)
		event = 2 << 16 | at % d->conf.num | (wrap(d, at) ? 0x8000 : 0);
	else if (on)
		event = 0;
	__atomic_store_n((u32 *)guest_ptr(d->driver, 4), htole32(event), __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
