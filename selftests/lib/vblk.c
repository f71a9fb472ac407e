// SPDX-License-Identifier: GPL-2.0-only
/* Requests of a disk: see vblk.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "vblk.h"

/* How long a request may take that is not hindered. */
#define PATIENCE_MS	20000
#define POLL_MS		20

void *vblk_at(const struct vdrv_vq *q, unsigned int slot, uint32_t off)
{
	return q->buf + (size_t)slot * q->buf_len + off;
}

bool vblk_reads(uint32_t type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

/* Cut @len bytes at @ptr into pieces. */
static unsigned int cut(const struct vdrv *v, const void *ptr, uint32_t len, uint32_t piece,
			struct vdrv_seg *seg)
{
	uint64_t addr = vdrv_addr(v, ptr);
	unsigned int n = 0;

	while (len) {
		uint32_t part = piece && piece < len ? piece : len;

		seg[n++] = (struct vdrv_seg){ addr, part };
		addr += part;
		len -= part;
	}
	return n;
}

void vblk_put(struct vdrv *v, struct vdrv_vq *q, unsigned int slot, const struct vblk_io *io)
{
	const struct virtio_blk_outhdr hdr = { .type = io->type, .sector = io->sector };
	struct vdrv_seg *seg = calloc(q->nseg, sizeof(*seg));
	unsigned int out, in = 0;

	memcpy(vblk_at(q, slot, VBLK_HDR), &hdr, sizeof(hdr));
	*(uint8_t *)vblk_at(q, slot, VBLK_STATUS) = VBLK_UNANSWERED;
	out = cut(v, vblk_at(q, slot, VBLK_HDR), sizeof(hdr), io->mixed ? 7 : 0, seg);
	if (vblk_reads(io->type))
		in = cut(v, vblk_at(q, slot, VBLK_DATA + io->off), io->len, io->seg, seg + out);
	else
		out += cut(v, vblk_at(q, slot, VBLK_DATA + io->off), io->len, io->seg, seg + out);
	in += cut(v, vblk_at(q, slot, VBLK_STATUS), 1, 0, seg + out + in);
	vdrv_vq_add(v, q, slot, seg, out, in);
	free(seg);
}

int vblk_begin(struct vdrv *v, struct vdrv_vq *q, const struct vblk_io *io, const void *data)
{
	int slot = vdrv_vq_slot(q), ret;

	if (slot < 0)
		return slot;
	if (data && !vblk_reads(io->type))
		memcpy(vblk_at(q, slot, VBLK_DATA + io->off), data, io->len);
	vblk_put(v, q, slot, io);
	vdrv_vq_publish(q);
	ret = vdrv_vq_kick(q);
	return ret < 0 ? ret : slot;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

int vblk_wait(struct vdrv_vq *q, struct vblk_done *done, int timeout_ms)
{
	long end = now_ms() + timeout_ms;

	while (!vdrv_vq_peek(q)) {
		if (now_ms() >= end)
			return 0;
		vdrv_vq_call_after(q, 1);
		if (!vdrv_vq_peek(q))
			vdrv_vq_wait(q, POLL_MS);
	}
	if (!vdrv_vq_used(q, &done->slot, &done->len))
		return -EPROTO;
	done->status = *(uint8_t *)vblk_at(q, done->slot, VBLK_STATUS);
	return 1;
}

int vblk_do(struct vdrv *v, struct vdrv_vq *q, const struct vblk_io *io, void *data)
{
	struct vblk_done done;
	int slot, ret;

	slot = vblk_begin(v, q, io, data);
	if (slot < 0)
		return slot;
	ret = vblk_wait(q, &done, PATIENCE_MS);
	if (ret < 0)
		return ret;
	if (!ret)
		return vdrv_vq_broken(q) ? -EIO : -ETIMEDOUT;
	if (done.slot != (unsigned int)slot)
		return -EPROTO;
	if (data && vblk_reads(io->type) && done.status == VIRTIO_BLK_S_OK) {
		if (done.len != io->len + 1)
			ret = -EBADMSG;
		memcpy(data, vblk_at(q, slot, VBLK_DATA + io->off), io->len);
	}
	vdrv_vq_release(q, slot);
	return ret < 0 ? ret : done.status;
}

int vblk_raw(struct vdrv *v, struct vdrv_vq *q, const struct vdrv_seg *seg, unsigned int nr_out,
	     unsigned int nr_in)
{
	int slot = vdrv_vq_slot(q), ret;

	if (slot < 0)
		return slot;
	*(uint8_t *)vblk_at(q, slot, VBLK_STATUS) = VBLK_UNANSWERED;
	vdrv_vq_add(v, q, slot, seg, nr_out, nr_in);
	vdrv_vq_publish(q);
	ret = vdrv_vq_kick(q);
	return ret < 0 ? ret : slot;
}
