// SPDX-License-Identifier: GPL-2.0-only
/* A driver of a split ring (virtio 1.2, 2.7). */
#include <endian.h>
#include "ring.h"

#define F_NEXT		1
#define F_WRITE		2
#define F_INDIRECT	4

static u16 e16(const struct drv *d, u16 v)
{
	return d->conf.big ? htobe16(v) : htole16(v);
}

static u32 e32(const struct drv *d, u32 v)
{
	return d->conf.big ? htobe32(v) : htole32(v);
}

static u64 e64(const struct drv *d, u64 v)
{
	return d->conf.big ? htobe64(v) : htole64(v);
}

static void *area(u64 base, u32 off)
{
	return guest_ptr(base + off, 2);
}

static u16 load16(const struct drv *d, u64 addr)
{
	return e16(d, __atomic_load_n((u16 *)area(addr, 0), __ATOMIC_ACQUIRE));
}

static void store16(const struct drv *d, u64 addr, u16 v)
{
	__atomic_store_n((u16 *)area(addr, 0), e16(d, v), __ATOMIC_RELEASE);
}

static void put_desc(const struct drv *d, u64 at, const struct drv_buf *b, u16 flags, u16 next)
{
	u8 *p = guest_ptr(at, 16);

	*(u64 *)p = e64(d, b->addr);
	*(u32 *)(p + 8) = e32(d, b->len);
	*(u16 *)(p + 12) = e16(d, flags);
	*(u16 *)(p + 14) = e16(d, next);
}

static u16 take(struct drv *d)
{
	u32 i = d->conf.shuffle ? rnd_below(d->nr_list) : d->nr_list - 1;
	u16 got = d->list[i];

	d->list[i] = d->list[--d->nr_list];
	d->free--;
	return got;
}

static void give(struct drv *d, u16 i)
{
	d->list[d->nr_list++] = i;
	d->free++;
}

int split_add(struct drv *d, const struct drv_buf *buf, unsigned int nr_out, unsigned int nr_in,
	      bool indirect, int token)
{
	unsigned int n = nr_out + nr_in, i;
	u16 head, at;

	if (d->free < (indirect ? 1 : n))
		return -1;
	head = take(d);
	at = head;
	d->token[head] = token;
	d->count[head] = indirect ? 1 : n;
	if (indirect) {
		/* A place of its own for each head, used again and again. */
		if (!d->table[head])
			d->table[head] = guest_alloc(16 * 32, 16, rnd() & 1);
		for (i = 0; i < n; i++)
			put_desc(d, d->table[head] + 16 * i, &buf[i],
				 (i < nr_out ? 0 : F_WRITE) | (i + 1 < n ? F_NEXT : 0), i + 1);
		put_desc(d, d->desc + 16 * head, &(struct drv_buf){ d->table[head], 16 * n },
			 F_INDIRECT, 0x7777);
	} else {
		for (i = 0; i < n; i++) {
			u16 next = i + 1 < n ? take(d) : 0x7777;

			put_desc(d, d->desc + 16 * at, &buf[i],
				 (i < nr_out ? 0 : F_WRITE) | (i + 1 < n ? F_NEXT : 0), next);
			d->chain[at] = next;
			at = next;
		}
	}
	store16(d, d->driver + 4 + 2 * (d->next % d->conf.num), head);
	d->next = (u16)(d->next + 1);
	return 0;
}

bool split_publish(struct drv *d)
{
	u16 old = d->published, new = d->next;

	store16(d, d->driver + 2, new);
	d->published = new;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!d->conf.event_idx)
		return !(load16(d, d->device) & 1);
	/* Is the device's event index among those just published? */
	return (u16)(load16(d, d->device + 4 + 8 * d->conf.num) - old) < (u16)(new - old);
}

bool split_pending(const struct drv *d)
{
	return load16(d, d->device + 2) != (u16)d->used;
}

int split_get(struct drv *d, u32 *len)
{
	u32 *elem, id;
	int token;
	u16 at, n;

	if (!split_pending(d))
		return -1;
	elem = guest_ptr(d->device + 4 + 8 * (d->used % d->conf.num), 8);
	id = e32(d, elem[0]);
	*len = e32(d, elem[1]);
	if (id >= d->conf.num || d->token[id] < 0)
		abort();
	token = d->token[id];
	d->token[id] = -1;
	for (at = id, n = d->count[id]; n; n--) {
		give(d, at);
		at = d->chain[at];
	}
	d->used = (u16)(d->used + 1);
	return token;
}

void split_cb(struct drv *d, bool on, u32 n)
{
	if (!d->conf.event_idx)
		store16(d, d->driver, on ? 0 : 1);
	else if (on)
		store16(d, d->driver + 4 + 2 * d->conf.num, d->used + (n ? n - 1 : 0));
	else
		store16(d, d->driver + 4 + 2 * d->conf.num, d->used - 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
