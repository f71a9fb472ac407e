// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtqueues: registers meet the queues of a port or a volume. A queue is served while the driver
 * has it enabled, has set DRIVER_OK, and (of a pair) uses that pair.
 */
#include <linux/nospec.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include "mdev.h"

/* --- on the worker --- */

static void queue_signal(struct sluice_queue *q, void *priv)
{
	struct sluice_mdev_vq *vq = priv;
	struct sluice_mdev *m = vq->mdev;

	sluice_mdev_irq_raise(m, READ_ONCE(m->common.queue[vq->index].vector), false);
}

static bool queue_arm(struct sluice_queue *q, void *priv)
{
	return sluice_mdev_notify_arm(priv);
}

void sluice_mdev_queue_broken(struct sluice_mdev_vq *vq)
{
	set_bit(vq->index, vq->mdev->broken);
	queue_work(sluice_mdev_wq, &vq->mdev->event_work);
}

static void queue_broken(struct sluice_queue *q, void *priv)
{
	sluice_mdev_queue_broken(priv);
}

/*
 * There is no use for gone(): who deletes a port is heard through the notifier, also while no queue
 * is attached; and nobody deletes a volume that we have.
 */
static const struct sluice_frontend_ops queue_ops = {
	.signal = queue_signal,
	.arm = queue_arm,
	.broken = queue_broken,
};

/* --- kicks --- */

/*
 * Takes no lock: what is behind stays as it is while the device is open, and a queue that is not
 * attached ignores it.
 */
void sluice_mdev_queue_kick(struct sluice_mdev *m, unsigned int index)
{
	if (index == READ_ONCE(m->ctrl_index))
		sluice_mdev_ctrl_kick(m);
	else if (index < m->nr_data)
		sluice_queue_kick(m->kind->queue(m, array_index_nospec(index, m->nr_data)));
}

void sluice_mdev_queue_doorbell(struct sluice_mdev *m, unsigned int page)
{
	unsigned int ctrl = READ_ONCE(m->ctrl_index);

	if (ctrl != UINT_MAX && page == sluice_common_notify_off(&m->common, ctrl))
		sluice_mdev_ctrl_kick(m);
	else if (page != ctrl)
		sluice_mdev_queue_kick(m, page);
}

/* --- start and stop --- */

static u32 queue_fresh(const struct sluice_mdev *m)
{
	/* A packed ring begins with its wrap counter at 1. */
	return sluice_mdev_has(m, VIRTIO_F_RING_PACKED) ? BIT(15) : 0;
}

void sluice_mdev_queue_config(const struct sluice_mdev *m, unsigned int index,
			      struct sluice_vring_config *cfg)
{
	const struct sluice_common_queue *cq = &m->common.queue[index];

	*cfg = (struct sluice_vring_config) {
		.num = cq->size,
		.packed = sluice_mdev_has(m, VIRTIO_F_RING_PACKED),
		.event_idx = sluice_mdev_has(m, VIRTIO_RING_F_EVENT_IDX),
		.indirect = sluice_mdev_has(m, VIRTIO_RING_F_INDIRECT_DESC),
		.desc = cq->desc,
		.driver = cq->driver,
		.device = cq->device,
		.avail = m->vq[index].avail,
		.used = m->vq[index].used,
	};
}

/* @q: NULL: it is no longer served. Who looks from the memory's side holds mem->lock. */
static void queue_set(struct sluice_mdev_vq *vq, struct sluice_queue *q)
{
	mutex_lock(&vq->mdev->mem.lock);
	vq->q = q;
	mutex_unlock(&vq->mdev->mem.lock);
}

static int queue_attach(struct sluice_mdev *m, unsigned int index)
{
	struct sluice_mdev_vq *vq = &m->vq[index];
	struct sluice_queue_config cfg = {
		.gmem = &vq->gmem,
		.ops = &queue_ops,
		.priv = vq,
	};
	int err;

	if (vq->q)
		return 0;
	sluice_mdev_queue_config(m, index, &cfg.ring);
	m->kind->queue_config(m, index, &cfg);
	/* Before it is attached: it may miss memory at once. */
	queue_set(vq, m->kind->queue(m, index));
	err = sluice_queue_attach(vq->q, &cfg);
	/* A worker may have it nevertheless. */
	if (err == -EINPROGRESS)
		sluice_mdev_mem_lose(m);
	if (err)
		queue_set(vq, NULL);
	/* A port that was removed is a cable that was pulled. */
	return err == -ENODEV ? 0 : err;
}

void sluice_mdev_queue_start(struct sluice_mdev *m, unsigned int index)
{
	int err = 0;

	lockdep_assert_held(&m->lock);
	if (!(m->common.status & VIRTIO_CONFIG_S_DRIVER_OK) || !m->common.queue[index].enabled)
		return;
	if (index == m->ctrl_index)
		err = sluice_mdev_ctrl_start(m);
	else if (index < m->nr_active)
		err = queue_attach(m, index);
	if (err) {
		dev_warn_ratelimited(m->dev, "queue %u cannot be served: %pe\n", index,
				     ERR_PTR(err));
		sluice_mdev_queue_broken(&m->vq[index]);
	}
}

void sluice_mdev_queue_start_all(struct sluice_mdev *m)
{
	unsigned int i;

	for (i = 0; i < m->common.nr_queues; i++) {
		m->vq[i].avail = queue_fresh(m);
		m->vq[i].used = queue_fresh(m);
		sluice_mdev_queue_start(m, i);
	}
}

/* @err: what became of it. */
static void queue_stopped(struct sluice_mdev_vq *vq, int err)
{
	if (err && err != -ENOTCONN)
		sluice_mdev_mem_lose(vq->mdev);
	queue_set(vq, NULL);
}

static void queue_reset(struct sluice_mdev_vq *vq)
{
	if (vq->q)
		queue_stopped(vq, sluice_queue_reset(vq->q));
}

static void queue_rest(struct sluice_mdev_vq *vq)
{
	if (vq->q)
		queue_stopped(vq, sluice_queue_detach(vq->q, &vq->avail, &vq->used));
}

void sluice_mdev_queue_stop(struct sluice_mdev *m, unsigned int index)
{
	lockdep_assert_held(&m->lock);
	if (index == m->ctrl_index)
		sluice_mdev_ctrl_stop(m);
	else
		queue_reset(&m->vq[index]);
	/* What comes next is another ring, or none. */
	m->vq[index].avail = queue_fresh(m);
	m->vq[index].used = queue_fresh(m);
	clear_bit(index, m->broken);
}

void sluice_mdev_queue_stop_all(struct sluice_mdev *m)
{
	unsigned int i;

	for (i = 0; i < m->common.nr_queues; i++)
		sluice_mdev_queue_stop(m, i);
	WRITE_ONCE(m->ctrl_index, UINT_MAX);
}

void sluice_mdev_queue_set_active(struct sluice_mdev *m, unsigned int nr)
{
	unsigned int i;

	lockdep_assert_held(&m->lock);
	m->nr_active = nr;
	/* A pair that rests goes on later where it was. */
	for (i = nr; i < m->nr_data; i++)
		queue_rest(&m->vq[i]);
	for (i = 0; i < nr; i++)
		sluice_mdev_queue_start(m, i);
}

void sluice_mdev_queue_init(struct sluice_mdev *m)
{
	unsigned int i;

	m->ctrl_index = UINT_MAX;
	for (i = 0; i < SLUICE_MDEV_VQS; i++) {
		m->vq[i].mdev = m;
		m->vq[i].index = i;
		spin_lock_init(&m->vq[i].miss_lock);
	}
}
