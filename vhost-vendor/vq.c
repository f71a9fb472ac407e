// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rings of a device: what the VMM says of each, checked, kept until a backend is set,
 * changed live where the ABI allows.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/virtio_byteorder.h>
#include <uapi/linux/virtio_ring.h>
#include "vhost.h"

static void vq_defaults(struct sluice_vhost_vq *vq)
{
	vq->num = 0;
	vq->base = 0;
	vq->busyloop = 0;
	vq->big_endian = !virtio_legacy_is_little_endian();
	vq->has_addr = false;
	vq->log_used = false;
	vq->log_addr = 0;
}

void sluice_vhost_vq_init(struct sluice_vhost_vq *vq, struct sluice_vhost *v, unsigned int index)
{
	vq->vhost = v;
	vq->index = index;
	vq_defaults(vq);
}

void sluice_vhost_vq_reset(struct sluice_vhost_vq *vq)
{
	sluice_vhost_backend_clear(vq);
	if (vq->kick)
		fput(vq->kick);
	if (vq->call && !vq->vhost->lost)
		eventfd_ctx_put(vq->call);
	if (vq->err && !vq->vhost->lost)
		eventfd_ctx_put(vq->err);
	vq->kick = NULL;
	vq->call = NULL;
	vq->err = NULL;
	vq_defaults(vq);
}

u64 sluice_vhost_vq_device_len(const struct sluice_vhost_vq *vq)
{
	if (sluice_vhost_has(vq->vhost, VIRTIO_F_RING_PACKED))
		return sizeof(struct vring_packed_desc_event);
	/* Flags, index, elements, and the event index behind them. */
	return 4 + (u64)vq->num * sizeof(struct vring_used_elem) + 2;
}

u32 sluice_vhost_vq_base(const struct sluice_vhost_vq *vq, u32 avail, u32 used)
{
	u32 base = avail & U16_MAX;

	/* A split ring's used index lies in guest memory. */
	if (sluice_vhost_has(vq->vhost, VIRTIO_F_RING_PACKED))
		base |= (used & U16_MAX) << 16;
	return base;
}

static int vq_set_num(struct sluice_vhost_vq *vq, u32 num)
{
	if (vq->tap)
		return -EBUSY;
	if (!num || num > SLUICE_VRING_MAX_NUM)
		return -EINVAL;
	if (!is_power_of_2(num) && !sluice_vhost_has(vq->vhost, VIRTIO_F_RING_PACKED))
		return -EINVAL;
	vq->num = num;
	return 0;
}

static int vq_set_base(struct sluice_vhost_vq *vq, u32 base)
{
	if (vq->tap)
		return -EBUSY;
	if (base > U16_MAX && !sluice_vhost_has(vq->vhost, VIRTIO_F_RING_PACKED))
		return -EINVAL;
	vq->base = base;
	return 0;
}

static int vq_set_endian(struct sluice_vhost_vq *vq, u32 order)
{
	if (vq->tap)
		return -EBUSY;
	if (order != VHOST_VRING_LITTLE_ENDIAN && order != VHOST_VRING_BIG_ENDIAN)
		return -EINVAL;
	vq->big_endian = order == VHOST_VRING_BIG_ENDIAN;
	return 0;
}

int sluice_vhost_vq_set_state(struct sluice_vhost_vq *vq, unsigned int cmd, u32 num)
{
	switch (cmd) {
	case VHOST_SET_VRING_NUM:
		return vq_set_num(vq, num);
	case VHOST_SET_VRING_BASE:
		return vq_set_base(vq, num);
	case VHOST_SET_VRING_ENDIAN:
		return vq_set_endian(vq, num);
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
		/* How long to poll is the worker's mode, and the operator's choice. */
		vq->busyloop = num;
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

/* Only the worker knows where a ring stands that it serves; a moment later that is history. */
static int vq_get_base(struct sluice_vhost_vq *vq, u32 *base)
{
	u32 avail, used;
	int err;

	*base = vq->base;
	if (!vq->attached)
		return 0;
	err = sluice_queue_state(vq->q, &avail, &used);
	if (!err)
		*base = sluice_vhost_vq_base(vq, avail, used);
	return err;
}

int sluice_vhost_vq_get_state(struct sluice_vhost_vq *vq, unsigned int cmd, u32 *num)
{
	switch (cmd) {
	case VHOST_GET_VRING_BASE:
		return vq_get_base(vq, num);
	case VHOST_GET_VRING_ENDIAN:
		*num = vq->big_endian ? VHOST_VRING_BIG_ENDIAN : VHOST_VRING_LITTLE_ENDIAN;
		return 0;
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		*num = vq->busyloop;
		return 0;
	default:
		return -ENOIOCTLCMD;
	}
}

/* A ring that is bound stays where it is; whether its used ring is logged may change. */
static int vq_set_log(struct sluice_vhost_vq *vq, bool on, u64 log_addr)
{
	bool was_on = vq->log_used;
	u64 was_at = vq->log_addr;
	int err, late = 0;

	/*
	 * The log reaches as far as the ring writes to it, from before it begins until it has
	 * ended.
	 */
	if (vq->attached && !on)
		late = sluice_queue_set_log(vq->q, false, 0);
	vq->log_used = on;
	vq->log_addr = log_addr;
	err = sluice_vhost_mem_sync(vq->vhost);
	if (err) {
		vq->log_used = was_on;
		vq->log_addr = was_at;
	}
	if (vq->attached)
		late = sluice_queue_set_log(vq->q, vq->log_used, vq->log_addr) ?: late;
	return err ?: late;
}

int sluice_vhost_vq_set_addr(struct sluice_vhost_vq *vq, const struct vhost_vring_addr *a)
{
	bool log = a->flags & BIT(VHOST_VRING_F_LOG);

	if (a->flags & ~BIT(VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(a->avail_user_addr, VRING_AVAIL_ALIGN_SIZE) ||
	    !IS_ALIGNED(a->used_user_addr, VRING_USED_ALIGN_SIZE) ||
	    !IS_ALIGNED(a->log_guest_addr, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	if (vq->tap) {
		if (a->desc_user_addr != vq->desc || a->avail_user_addr != vq->driver ||
		    a->used_user_addr != vq->device)
			return -EBUSY;
		return vq_set_log(vq, log, a->log_guest_addr);
	}
	vq->desc = a->desc_user_addr;
	vq->driver = a->avail_user_addr;
	vq->device = a->used_user_addr;
	vq->log_addr = a->log_guest_addr;
	vq->log_used = log;
	vq->has_addr = true;
	return 0;
}

int sluice_vhost_vq_set_kick(struct sluice_vhost_vq *vq, int fd)
{
	struct file *file = NULL;

	if (fd != VHOST_FILE_UNBIND) {
		file = eventfd_fget(fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	sluice_vhost_backend_stop_kick(vq);
	swap(file, vq->kick);
	if (vq->attached)
		sluice_vhost_backend_start_kick(vq);
	if (file)
		fput(file);
	return 0;
}

int sluice_vhost_vq_set_event(struct sluice_vhost_vq *vq, unsigned int cmd, int fd)
{
	struct eventfd_ctx *ctx = NULL;
	int err = 0;

	if (fd != VHOST_FILE_UNBIND) {
		ctx = eventfd_ctx_fdget(fd);
		if (IS_ERR(ctx))
			return PTR_ERR(ctx);
	}
	/* The old one is dropped only after the worker has let go of it. */
	if (cmd == VHOST_SET_VRING_CALL) {
		if (vq->attached)
			err = sluice_queue_set_call(vq->q, ctx);
		swap(ctx, vq->call);
	} else {
		if (vq->attached)
			err = sluice_queue_set_err(vq->q, ctx);
		swap(ctx, vq->err);
	}
	if (err)
		sluice_vhost_lose(vq->vhost);
	else if (ctx)
		eventfd_ctx_put(ctx);
	return err;
}
