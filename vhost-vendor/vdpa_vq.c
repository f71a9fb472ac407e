// SPDX-License-Identifier: GPL-2.0-only
/* Virtqueues: what the driver says of each, kept until it is ready, and what serves it. */
#include "vdpa.h"

/* --- interrupts --- */

/*
 * vhost_vdpa's callback signals an eventfd; virtio's has the host's network stack run once softirqs
 * are on again. That is no work for a worker's core.
 */
static void vq_signal(struct sluice_queue *q, void *priv)
{
	struct sluice_vdpa_vq *vq = priv;

	spin_lock(&vq->cb_lock);
	if (vq->cb.callback && vq->cb.trigger)
		vq->cb.callback(vq->cb.private);
	else if (vq->cb.callback)
		queue_work(sluice_vdpa_wq, &vq->cb_work);
	spin_unlock(&vq->cb_lock);
}

static void vq_cb_work(struct work_struct *work)
{
	struct sluice_vdpa_vq *vq = container_of(work, struct sluice_vdpa_vq, cb_work);

	spin_lock_bh(&vq->cb_lock);
	if (vq->cb.callback)
		vq->cb.callback(vq->cb.private);
	spin_unlock_bh(&vq->cb_lock);
}

void sluice_vdpa_vq_set_cb(struct sluice_vdpa_vq *vq, const struct vdpa_callback *cb)
{
	spin_lock_bh(&vq->cb_lock);
	vq->cb = *cb;
	spin_unlock_bh(&vq->cb_lock);
	/* What was signalled to nobody in between: one too many does no harm. */
	if (sluice_queue_attached(vq->q))
		queue_work(sluice_vdpa_wq, &vq->cb_work);
}

static void vq_broken(struct sluice_queue *q, void *priv)
{
	struct sluice_vdpa_vq *vq = priv;

	sluice_vdpa_set_broken(vq->d);
}

/* Of a port that goes, the notifier tells. */
static const struct sluice_frontend_ops vq_frontend_ops = {
	.signal = vq_signal,
	.broken = vq_broken,
};

/* --- start and stop --- */

/* Where a ring begins that is new: a packed one with its wrap counter at 1. */
static u32 vq_begin(const struct sluice_vdpa_vq *vq)
{
	return sluice_vdpa_has(vq->d, VIRTIO_F_RING_PACKED) ? BIT(15) : 0;
}

static void vq_config(const struct sluice_vdpa_vq *vq, struct sluice_queue_config *cfg)
{
	const struct sluice_vdpa *d = vq->d;
	bool packed = sluice_vdpa_has(d, VIRTIO_F_RING_PACKED);

	*cfg = (struct sluice_queue_config) {
		.ring = {
			.num = vq->num,
			.packed = packed,
			.event_idx = sluice_vdpa_has(d, VIRTIO_RING_F_EVENT_IDX),
			.indirect = sluice_vdpa_has(d, VIRTIO_RING_F_INDIRECT_DESC),
			.desc = vq->desc,
			.driver = vq->driver,
			.device = vq->device,
			.avail = vq->has_state ? vq->avail : vq_begin(vq),
			/* A split ring's lies in guest memory. */
			.used = !packed ? ~0U : vq->has_state ? vq->used : BIT(15),
		},
		.gmem = &vq->d->gmem,
		.ops = &vq_frontend_ops,
		.priv = (void *)vq,
	};
	d->type->vq_config(d, cfg);
}

static int vq_start(struct sluice_vdpa_vq *vq)
{
	struct sluice_queue_config cfg;
	int err;

	/* A VMM enables all there are, also those that its guest has not set up. */
	if (!vq->ready || !vq->num || vq->attached)
		return 0;
	if (vq->d->lost)
		return -EIO;
	vq_config(vq, &cfg);
	err = sluice_queue_attach(vq->q, &cfg);
	/* A worker may have it nevertheless. */
	if (err == -EINPROGRESS)
		sluice_vdpa_lose(vq->d);
	/* A port that was removed is a cable that was pulled. */
	if (err == -ENODEV)
		return 0;
	vq->attached = !err;
	return err;
}

int sluice_vdpa_vq_start_all(struct sluice_vdpa *d)
{
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&d->lock);
	if (!(d->status & VIRTIO_CONFIG_S_DRIVER_OK) || d->suspended)
		return 0;
	/* There is no legacy interface. */
	if (!sluice_vdpa_has(d, VIRTIO_F_VERSION_1))
		return -EINVAL;
	for (i = 0; i < d->nr_vqs && !err; i++)
		err = vq_start(&d->vq[i]);
	return err;
}

/* @err: what became of it. */
static void vq_stopped(struct sluice_vdpa_vq *vq, int err)
{
	if (err && err != -ENOTCONN)
		sluice_vdpa_lose(vq->d);
	vq->attached = false;
}

void sluice_vdpa_vq_stop(struct sluice_vdpa_vq *vq)
{
	u32 avail, used;
	int err;

	lockdep_assert_held(&vq->d->lock);
	if (!vq->attached)
		return;
	err = sluice_queue_detach(vq->q, &avail, &used);
	if (!err) {
		vq->avail = avail;
		vq->used = used;
		vq->has_state = true;
	}
	vq_stopped(vq, err);
}

void sluice_vdpa_vq_stop_all(struct sluice_vdpa *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_vqs; i++)
		sluice_vdpa_vq_stop(&d->vq[i]);
}

void sluice_vdpa_vq_kick_all(struct sluice_vdpa *d)
{
	unsigned int i;

	for (i = 0; i < d->nr_vqs; i++)
		sluice_queue_kick(d->vq[i].q);
}

void sluice_vdpa_vq_reset(struct sluice_vdpa_vq *vq)
{
	const struct vdpa_callback none = {};

	if (vq->attached)
		vq_stopped(vq, sluice_queue_reset(vq->q));
	sluice_vdpa_vq_set_cb(vq, &none);
	/* It takes no lock that is held here but for a moment. */
	cancel_work_sync(&vq->cb_work);
	WRITE_ONCE(vq->ready, false);
	vq->num = 0;
	vq->desc = 0;
	vq->driver = 0;
	vq->device = 0;
	vq->has_state = false;
}

/* --- state --- */

int sluice_vdpa_vq_set_state(struct sluice_vdpa_vq *vq, const struct vdpa_vq_state *state)
{
	const struct vdpa_vq_state_packed *p = &state->packed;

	lockdep_assert_held(&vq->d->lock);
	if (vq->attached)
		return -EBUSY;
	if (sluice_vdpa_has(vq->d, VIRTIO_F_RING_PACKED)) {
		vq->avail = p->last_avail_idx | p->last_avail_counter << 15;
		vq->used = p->last_used_idx | p->last_used_counter << 15;
		/*
		 * A ring at its beginning, told by a user who knows of the first half only (DPDK's
		 * virtio-user). By the letter all of it would be on its way, which no ring that
		 * stands still is: what a device has it gives back before it is suspended.
		 */
		if (vq->avail == BIT(15) && !vq->used)
			vq->used = vq->avail;
	} else {
		vq->avail = state->split.avail_index;
	}
	vq->has_state = true;
	vq->d->moved |= vq->avail != vq_begin(vq);
	return 0;
}

int sluice_vdpa_vq_get_state(struct sluice_vdpa_vq *vq, struct vdpa_vq_state *state)
{
	struct vdpa_vq_state_packed *p = &state->packed;
	struct sluice_queue_config cfg;

	lockdep_assert_held(&vq->d->lock);
	/* Only the worker knows where a ring stands that it serves. */
	if (vq->attached)
		return -EBUSY;
	vq_config(vq, &cfg);
	if (cfg.ring.packed) {
		p->last_avail_idx = cfg.ring.avail & (BIT(15) - 1);
		p->last_avail_counter = cfg.ring.avail >> 15 & 1;
		p->last_used_idx = cfg.ring.used & (BIT(15) - 1);
		p->last_used_counter = cfg.ring.used >> 15 & 1;
	} else {
		state->split.avail_index = cfg.ring.avail;
	}
	return 0;
}

void sluice_vdpa_vq_init(struct sluice_vdpa *d, unsigned int index)
{
	struct sluice_vdpa_vq *vq = &d->vq[index];

	vq->d = d;
	vq->index = index;
	vq->q = d->type->queue(d, index);
	spin_lock_init(&vq->cb_lock);
	INIT_WORK(&vq->cb_work, vq_cb_work);
}
