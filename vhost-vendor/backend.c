// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring meets its backend: bound to a tap's queue pair, attached to the worker, kicked by an
 * eventfd.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <uapi/linux/virtio_ring.h>
#include "tap.h"
#include "vhost.h"

/* --- the kick eventfd --- */

/*
 * Atomic, under the eventfd's lock; from KVM's ioeventfd in the midst of a guest's exit. Nobody
 * reads the eventfd: it wakes us at each write, whatever it counts.
 */
static int backend_kicked(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct sluice_vhost_vq *vq = container_of(wait, struct sluice_vhost_vq, wait);

	if (key_to_poll(key) & EPOLLIN)
		sluice_queue_kick(vq->q);
	return 0;
}

static void backend_listen(struct file *file, wait_queue_head_t *wqh, poll_table *table)
{
	struct sluice_vhost_vq *vq = container_of(table, struct sluice_vhost_vq, table);

	vq->wqh = wqh;
	add_wait_queue(wqh, &vq->wait);
}

void sluice_vhost_backend_start_kick(struct sluice_vhost_vq *vq)
{
	if (!vq->kick)
		return;
	init_waitqueue_func_entry(&vq->wait, backend_kicked);
	init_poll_funcptr(&vq->table, backend_listen);
	/* What was written before we listened shows in the counter. */
	if (vfs_poll(vq->kick, &vq->table) & EPOLLIN)
		sluice_queue_kick(vq->q);
}

void sluice_vhost_backend_stop_kick(struct sluice_vhost_vq *vq)
{
	if (!vq->wqh)
		return;
	remove_wait_queue(vq->wqh, &vq->wait);
	vq->wqh = NULL;
}

/* --- rings --- */

static bool backend_packed(const struct sluice_vhost_vq *vq)
{
	return sluice_vhost_has(vq->vhost, VIRTIO_F_RING_PACKED);
}

/* With an IOTLB addresses are not the owner's; they are looked up when they are used. */
static bool backend_areas_ok(const struct sluice_vhost_vq *vq)
{
	u64 driver = sizeof(struct vring_packed_desc_event);

	if (vq->vhost->gmem.iotlb)
		return true;
	if (!backend_packed(vq))
		driver = 4 + (u64)vq->num * 2 + 2;
	/* Both kinds of descriptor have the same size. */
	return sluice_vhost_range_ok(vq->desc, (u64)vq->num * sizeof(struct vring_desc)) &&
	       sluice_vhost_range_ok(vq->driver, driver) &&
	       sluice_vhost_range_ok(vq->device, sluice_vhost_vq_device_len(vq));
}

static int backend_check(const struct sluice_vhost_vq *vq)
{
	u32 slots = BIT(15) - 1;

	if (!vq->vhost->table || !vq->has_addr || !vq->num)
		return -EFAULT;
	if (!is_power_of_2(vq->num) && !backend_packed(vq))
		return -EINVAL;
	if (backend_packed(vq) &&
	    ((vq->base & slots) >= vq->num || (vq->base >> 16 & slots) >= vq->num))
		return -EINVAL;
	return backend_areas_ok(vq) ? 0 : -EFAULT;
}

static void backend_config(const struct sluice_vhost_vq *vq, struct sluice_queue_config *cfg)
{
	struct sluice_vhost *v = vq->vhost;
	bool modern = sluice_vhost_has(v, VIRTIO_F_VERSION_1);
	bool mergeable = sluice_vhost_has(v, VIRTIO_NET_F_MRG_RXBUF);

	*cfg = (struct sluice_queue_config) {
		.ring = {
			.num = vq->num,
			.packed = backend_packed(vq),
			.event_idx = sluice_vhost_has(v, VIRTIO_RING_F_EVENT_IDX),
			.indirect = sluice_vhost_has(v, VIRTIO_RING_F_INDIRECT_DESC),
			.in_order = sluice_vhost_has(v, VIRTIO_F_IN_ORDER),
			.notify_on_empty = sluice_vhost_has(v, VIRTIO_F_NOTIFY_ON_EMPTY),
			.big_endian = !modern && vq->big_endian,
			.user_addr = !v->gmem.iotlb,
			.log_used = vq->log_used,
			.desc = vq->desc,
			.driver = vq->driver,
			.device = vq->device,
			.log_addr = vq->log_addr,
			.avail = vq->base & U16_MAX,
			/* A split ring's lies in guest memory. */
			.used = backend_packed(vq) ? vq->base >> 16 : ~0U,
		},
		.gmem = &v->gmem,
		.mm = v->mm,
		.hdr_len = modern || mergeable ? SLUICE_TAP_HDR_V1 : SLUICE_TAP_HDR_MIN,
		.mergeable = mergeable,
		.hdr_big_endian = !modern && sluice_tap_big_endian(vq->tap),
		.call = vq->call,
		.err = vq->err,
	};
}

static int backend_attach(struct sluice_vhost_vq *vq)
{
	struct sluice_queue_config cfg;
	int err;

	backend_config(vq, &cfg);
	err = sluice_queue_attach(vq->q, &cfg);
	/* A worker may have it nevertheless. */
	if (err == -EINPROGRESS)
		sluice_vhost_lose(vq->vhost);
	if (err)
		return err;
	vq->attached = true;
	sluice_vhost_backend_start_kick(vq);
	return 0;
}

static void backend_detach(struct sluice_vhost_vq *vq)
{
	u32 avail, used;
	int err;

	if (!vq->attached)
		return;
	sluice_vhost_backend_stop_kick(vq);
	err = sluice_queue_detach(vq->q, &avail, &used);
	if (err && err != -ENOTCONN)
		sluice_vhost_lose(vq->vhost);
	if (!err)
		vq->base = sluice_vhost_vq_base(vq, avail, used);
	vq->attached = false;
}

/* --- binding --- */

void sluice_vhost_backend_clear(struct sluice_vhost_vq *vq)
{
	if (!vq->tap)
		return;
	backend_detach(vq);
	sluice_tap_unbind(vq->tap);
	vq->tap = NULL;
	vq->q = NULL;
	fput(vq->tap_file);
	vq->tap_file = NULL;
}

static int backend_may_bind(const struct sluice_vhost_vq *vq, const struct sluice_tap *tap)
{
	const struct sluice_vhost_vq *other = &vq->vhost->vq[!vq->index];

	/* One worker for both rings is what lets memory change without a lock: see mem.c. */
	if (other->tap && other->tap != tap)
		return -EBUSY;
	return backend_check(vq);
}

/* Takes over @file's reference if it succeeds. */
static int backend_bind(struct sluice_vhost_vq *vq, struct sluice_tap *tap, struct file *file)
{
	int err = backend_may_bind(vq, tap);

	if (err)
		return err;
	err = sluice_tap_bind(tap, vq->vhost);
	if (err)
		return err;
	vq->tap = tap;
	vq->tap_file = file;
	vq->q = sluice_tap_queue(tap, vq->index);
	err = sluice_vhost_mem_sync(vq->vhost);
	if (!err && sluice_tap_enabled(tap))
		err = backend_attach(vq);
	if (err) {
		get_file(file);
		sluice_vhost_backend_clear(vq);
	}
	return err;
}

/*
 * A ring has one server at a time, so the old one leaves it first; it goes on where it was if the
 * new one cannot have it.
 */
static int backend_replace(struct sluice_vhost_vq *vq, struct sluice_tap *tap, struct file *file)
{
	struct sluice_tap *old = vq->tap;
	int err = backend_may_bind(vq, tap);
	struct file *old_file;

	if (err)
		return err;
	old_file = get_file(vq->tap_file);
	sluice_vhost_backend_clear(vq);
	err = backend_bind(vq, tap, file);
	if (!err || backend_bind(vq, old, old_file))
		fput(old_file);
	return err;
}

int sluice_vhost_backend_set(struct sluice_vhost_vq *vq, int fd)
{
	struct sluice_tap *tap;
	struct file *file;
	int err = 0;

	if (fd == VHOST_FILE_UNBIND) {
		sluice_vhost_backend_clear(vq);
		return 0;
	}
	file = fget(fd);
	if (!file)
		return -EBADF;
	tap = sluice_tap_from_file(file);
	if (!tap) {
		err = -ENOTSOCK;
	} else if (vq->tap != tap) {
		err = vq->tap ? backend_replace(vq, tap, file) : backend_bind(vq, tap, file);
		if (!err)
			return 0;
	}
	fput(file);
	return err;
}

int sluice_vhost_backend_switched(struct sluice_vhost *v, struct sluice_tap *tap)
{
	unsigned int i;
	int err = 0;

	mutex_lock(&v->lock);
	for (i = 0; i < SLUICE_VHOST_VQS && !err; i++) {
		struct sluice_vhost_vq *vq = &v->vq[i];

		if (vq->tap != tap)
			continue;
		if (!sluice_tap_enabled(tap))
			backend_detach(vq);
		else if (!vq->attached)
			err = backend_attach(vq);
		/*
		 * QEMU asserts that switching works; on a port that is gone there is nothing to
		 * serve.
		 */
		if (err == -ENODEV)
			err = 0;
	}
	mutex_unlock(&v->lock);
	return err;
}
