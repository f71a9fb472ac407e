// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's side of a virtqueue, split and packed (virtio 1.2, 2.7 and 2.8). Little-endian hosts
 * only.
 *
 * A buffer is a slot. In a split ring without indirect descriptors slot i owns the descriptors from
 * i * nseg on, so no list of free descriptors has to be kept.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include "vdrv.h"

#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, x)	__atomic_store_n(p, x, __ATOMIC_RELEASE)
#define read_once(p)		__atomic_load_n(p, __ATOMIC_RELAXED)
#define write_once(p, x)	__atomic_store_n(p, x, __ATOMIC_RELAXED)
#define full_barrier()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

#define PACKED_AVAIL		(1 << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED		(1 << VRING_PACKED_DESC_F_USED)
#define PACKED_WRAP		(1 << VRING_PACKED_EVENT_F_WRAP_CTR)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "rings are written in host order"
#endif

int vdrv_vq_slot(struct vdrv_vq *q)
{
	return q->nfree ? q->free[--q->nfree] : -ENOSPC;
}

void vdrv_vq_release(struct vdrv_vq *q, unsigned int slot)
{
	/* A ring that a test has spoilt may give the same buffer back twice. */
	if (q->nfree < q->nslot)
		q->free[q->nfree++] = slot;
}

unsigned int vdrv_segments(const struct vdrv *v, const struct vdrv_vq *q, unsigned int slot,
			   uint32_t len, struct vdrv_seg *seg)
{
	uint64_t addr = vdrv_addr(v, q->buf + (size_t)slot * q->buf_len);
	unsigned int n = 0;
	uint32_t part;

	if (v->cfg.hdr_alone && len > v->hdr_len) {
		seg[n++] = (struct vdrv_seg){ addr, v->hdr_len };
		addr += v->hdr_len;
		len -= v->hdr_len;
	}
	while (len) {
		part = q->seg_len && len > q->seg_len ? q->seg_len : len;
		seg[n++] = (struct vdrv_seg){ addr, part };
		addr += part;
		len -= part;
	}
	return n;
}

static unsigned int fill_indirect(struct vdrv *v, struct vdrv_vq *q, unsigned int slot,
				  const struct vdrv_seg *seg, unsigned int nr_out, unsigned int n,
				  uint64_t *addr)
{
	struct vring_desc *t = q->itab + (size_t)slot * q->nseg;
	unsigned int i;

	for (i = 0; i < n; i++) {
		t[i].addr = seg[i].addr;
		t[i].len = seg[i].len;
		if (q->packed) {
			struct vring_packed_desc *p = (struct vring_packed_desc *)&t[i];

			p->id = 0;
			p->flags = i < nr_out ? 0 : VRING_DESC_F_WRITE;
			continue;
		}
		t[i].flags = i < nr_out ? 0 : VRING_DESC_F_WRITE;
		t[i].next = 0;
		if (i + 1 < n) {
			t[i].flags |= VRING_DESC_F_NEXT;
			t[i].next = i + 1;
		}
	}
	*addr = vdrv_addr(v, t);
	return n * sizeof(*t);
}

static void split_add(struct vdrv *v, struct vdrv_vq *q, unsigned int slot,
		      const struct vdrv_seg *seg, unsigned int nr_out, unsigned int n)
{
	unsigned int head = q->indirect ? slot : slot * q->nseg, i;
	struct vring_desc *d = q->desc + head;

	if (q->indirect && n > 1) {
		uint64_t addr;

		d->len = fill_indirect(v, q, slot, seg, nr_out, n, &addr);
		d->addr = addr;
		d->flags = VRING_DESC_F_INDIRECT;
	} else {
		for (i = 0; i < n; i++) {
			d[i].addr = seg[i].addr;
			d[i].len = seg[i].len;
			d[i].flags = (i < nr_out ? 0 : VRING_DESC_F_WRITE) |
				     (i + 1 < n ? VRING_DESC_F_NEXT : 0);
			d[i].next = head + i + 1;
		}
	}
	q->avail->ring[q->next++ & (q->num - 1)] = head;
}

static void packed_advance(struct vdrv_vq *q)
{
	q->added++;
	if (++q->next == q->num) {
		q->next = 0;
		q->wrap = !q->wrap;
	}
}

static void packed_add(struct vdrv *v, struct vdrv_vq *q, unsigned int slot,
		       const struct vdrv_seg *seg, unsigned int nr_out, unsigned int n)
{
	struct vring_packed_desc *first = &q->pdesc[q->next], *d;
	uint16_t flags, first_flags = 0;
	unsigned int i;

	if (q->indirect && n > 1) {
		uint64_t addr;

		first->len = fill_indirect(v, q, slot, seg, nr_out, n, &addr);
		first->addr = addr;
		first->id = slot;
		first_flags = VRING_DESC_F_INDIRECT | (q->wrap ? PACKED_AVAIL : PACKED_USED);
		q->slot_desc[slot] = 1;
		packed_advance(q);
	} else {
		q->slot_desc[slot] = n;
		for (i = 0; i < n; i++) {
			d = &q->pdesc[q->next];
			d->addr = seg[i].addr;
			d->len = seg[i].len;
			d->id = slot;
			flags = (i < nr_out ? 0 : VRING_DESC_F_WRITE) |
				(i + 1 < n ? VRING_DESC_F_NEXT : 0) |
				(q->wrap ? PACKED_AVAIL : PACKED_USED);
			if (i)
				d->flags = flags;
			else
				first_flags = flags;
			packed_advance(q);
		}
	}
	/* The first descriptor's flags hand the whole chain over: they come last. */
	store_release(&first->flags, first_flags);
}

void vdrv_vq_add(struct vdrv *v, struct vdrv_vq *q, unsigned int slot, const struct vdrv_seg *seg,
		 unsigned int nr_out, unsigned int nr_in)
{
	if (q->packed)
		packed_add(v, q, slot, seg, nr_out, nr_out + nr_in);
	else
		split_add(v, q, slot, seg, nr_out, nr_out + nr_in);
}

void vdrv_vq_publish(struct vdrv_vq *q)
{
	if (!q->packed)
		store_release(&q->avail->idx, q->next);
}

static bool split_wants_kick(struct vdrv_vq *q)
{
	uint16_t old = q->kicked, new = q->next;

	q->kicked = new;
	if (q->event_idx)
		return vring_need_event(read_once((uint16_t *)&q->used->ring[q->num]), new, old);
	return !(read_once(&q->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static bool packed_wants_kick(struct vdrv_vq *q)
{
	uint16_t old = q->next - q->added, new = q->next, off_wrap, flags, event;

	q->added = 0;
	flags = read_once(&q->dev_event->flags);
	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags == VRING_PACKED_EVENT_FLAG_ENABLE)
		return true;
	off_wrap = read_once(&q->dev_event->off_wrap);
	event = off_wrap & ~PACKED_WRAP;
	if (!!(off_wrap & PACKED_WRAP) != q->wrap)
		event -= q->num;
	return vring_need_event(event, new, old);
}

/* Wake the device if it wants to be woken. Returns 1 if it was, 0 if not. */
int vdrv_vq_kick(struct vdrv_vq *q)
{
	/*
	 * The device's wish is read after what was published can be seen; the device does it the
	 * other way round.
	 */
	full_barrier();
	if (!(q->packed ? packed_wants_kick(q) : split_wants_kick(q)))
		return 0;
	return vdrv_kick_always(q);
}

int vdrv_kick_always(struct vdrv_vq *q)
{
	uint64_t one = 1;

	q->kicks++;
	if (q->notify) {
		int ret = q->notify(q);

		return ret ?: 1;
	}
	return write(q->kick, &one, sizeof(one)) == sizeof(one) ? 1 : -errno;
}

static bool packed_is_used(const struct vdrv_vq *q, uint16_t flags)
{
	bool avail = flags & PACKED_AVAIL, used = flags & PACKED_USED;

	return avail == used && used == q->used_wrap;
}

bool vdrv_vq_peek(const struct vdrv_vq *q)
{
	if (q->packed)
		return packed_is_used(q, load_acquire(&q->pdesc[q->used_next].flags));
	return load_acquire(&q->used->idx) != q->used_next;
}

/*
 * Take the next completion: @id is the slot. False if there is none, or if what is there makes no
 * sense.
 */
bool vdrv_vq_used(struct vdrv_vq *q, uint32_t *id, uint32_t *len)
{
	if (!vdrv_vq_peek(q))
		return false;
	if (q->packed) {
		struct vring_packed_desc *d = &q->pdesc[q->used_next];

		*id = d->id;
		*len = d->len;
		if (*id >= q->nslot)
			return false;
		q->used_next += q->slot_desc[*id];
		if (q->used_next >= q->num) {
			q->used_next -= q->num;
			q->used_wrap = !q->used_wrap;
		}
	} else {
		struct vring_used_elem *e = &q->used->ring[q->used_next & (q->num - 1)];

		*id = q->indirect ? e->id : e->id / q->nseg;
		*len = e->len;
		if (*id >= q->nslot)
			return false;
		q->used_next++;
	}
	return true;
}

/* Ask for a call when @n more ring entries' worth of buffers have come back (1: at the next). */
void vdrv_vq_call_after(struct vdrv_vq *q, unsigned int n)
{
	uint16_t pos;
	bool wrap;

	if (q->packed && q->event_idx) {
		pos = q->used_next + n - 1;
		wrap = q->used_wrap;
		if (pos >= q->num) {
			pos -= q->num;
			wrap = !wrap;
		}
		write_once(&q->drv_event->off_wrap, pos | (wrap ? PACKED_WRAP : 0));
		store_release(&q->drv_event->flags, VRING_PACKED_EVENT_FLAG_DESC);
	} else if (q->packed) {
		write_once(&q->drv_event->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
	} else {
		write_once(&q->avail->flags, 0);
		if (q->event_idx)
			write_once(&q->avail->ring[q->num], (uint16_t)(q->used_next + n - 1));
	}
	full_barrier();
}

void vdrv_vq_call_off(struct vdrv_vq *q)
{
	if (q->packed)
		write_once(&q->drv_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
	else if (q->event_idx)
		write_once(&q->avail->ring[q->num], (uint16_t)(q->used_next - 1));
	else
		write_once(&q->avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
}

/* Wait for a call. Returns 1 if there was one, 0 if time ran out. */
int vdrv_vq_wait(struct vdrv_vq *q, int timeout_ms)
{
	struct pollfd p = { .fd = q->call, .events = POLLIN };
	uint64_t count;
	int n;

	n = poll(&p, 1, timeout_ms);
	if (n < 0)
		return -errno;
	if (n && read(q->call, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return n;
}

bool vdrv_vq_broken(struct vdrv_vq *q)
{
	uint64_t count;
	uint8_t status;

	if (q->vdpa >= 0)
		return !ioctl(q->vdpa, VHOST_VDPA_GET_STATUS, &status) &&
		       status & VIRTIO_CONFIG_S_NEEDS_RESET;
	return read(q->err, &count, sizeof(count)) == sizeof(count);
}
