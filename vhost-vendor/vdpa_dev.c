// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of a device, as include/linux/vdpa.h has them. All are process context but for
 * kicks; drivers do not call one against the other, but for the callbacks' and the status'.
 */
#include <linux/memcontrol.h>
#include <uapi/linux/vhost_types.h>
#include "vdpa.h"

static struct sluice_vdpa_vq *dev_vq(struct vdpa_device *vdev, u16 index)
{
	return &sluice_vdpa_of(vdev)->vq[index];
}

/* --- virtqueues --- */

static int dev_set_vq_address(struct vdpa_device *vdev, u16 index, u64 desc, u64 driver, u64 device)
{
	struct sluice_vdpa_vq *vq = dev_vq(vdev, index);
	int err = 0;

	mutex_lock(&vq->d->lock);
	if (vq->attached) {
		err = -EBUSY;
	} else {
		vq->desc = desc;
		vq->driver = driver;
		vq->device = device;
	}
	mutex_unlock(&vq->d->lock);
	return err;
}

/* Whether it makes a ring shows when that is started. */
static void dev_set_vq_num(struct vdpa_device *vdev, u16 index, u32 num)
{
	struct sluice_vdpa_vq *vq = dev_vq(vdev, index);

	mutex_lock(&vq->d->lock);
	vq->num = num;
	mutex_unlock(&vq->d->lock);
}

/* Atomic: an ioeventfd's wakeup, or the transmit path of the host. */
static void dev_kick_vq(struct vdpa_device *vdev, u16 index)
{
	sluice_queue_kick(dev_vq(vdev, index)->q);
}

static void dev_set_vq_cb(struct vdpa_device *vdev, u16 index, struct vdpa_callback *cb)
{
	sluice_vdpa_vq_set_cb(dev_vq(vdev, index), cb);
}

static void dev_set_vq_ready(struct vdpa_device *vdev, u16 index, bool ready)
{
	struct sluice_vdpa_vq *vq = dev_vq(vdev, index);

	mutex_lock(&vq->d->lock);
	WRITE_ONCE(vq->ready, ready);
	if (ready)
		queue_work(sluice_vdpa_wq, &vq->d->start_work);
	else
		sluice_vdpa_vq_stop(vq);
	mutex_unlock(&vq->d->lock);
	/* The driver may forget what its callback uses. */
	if (!ready)
		cancel_work_sync(&vq->cb_work);
}

static bool dev_get_vq_ready(struct vdpa_device *vdev, u16 index)
{
	return READ_ONCE(dev_vq(vdev, index)->ready);
}

static int dev_set_vq_state(struct vdpa_device *vdev, u16 index, const struct vdpa_vq_state *state)
{
	struct sluice_vdpa_vq *vq = dev_vq(vdev, index);
	int err;

	mutex_lock(&vq->d->lock);
	err = sluice_vdpa_vq_set_state(vq, state);
	mutex_unlock(&vq->d->lock);
	return err;
}

static int dev_get_vq_state(struct vdpa_device *vdev, u16 index, struct vdpa_vq_state *state)
{
	struct sluice_vdpa_vq *vq = dev_vq(vdev, index);
	int err;

	mutex_lock(&vq->d->lock);
	err = sluice_vdpa_vq_get_state(vq, state);
	mutex_unlock(&vq->d->lock);
	return err;
}

static u32 dev_get_vq_align(struct vdpa_device *vdev)
{
	return PAGE_SIZE;
}

static u16 dev_get_vq_num_max(struct vdpa_device *vdev)
{
	return SLUICE_VDPA_RING_MAX;
}

static u32 dev_get_vq_group(struct vdpa_device *vdev, u16 index)
{
	return 0;
}

/* --- configuration --- */

static void dev_event_work(struct work_struct *work)
{
	struct sluice_vdpa *d = container_of(work, struct sluice_vdpa, event_work);

	spin_lock(&d->config_lock);
	if (d->config_cb.callback)
		d->config_cb.callback(d->config_cb.private);
	spin_unlock(&d->config_lock);
}

void sluice_vdpa_config_changed(struct sluice_vdpa *d)
{
	spin_lock(&d->config_lock);
	d->generation++;
	spin_unlock(&d->config_lock);
	queue_work(sluice_vdpa_wq, &d->event_work);
}

static size_t dev_get_config_size(struct vdpa_device *vdev)
{
	return sluice_vdpa_of(vdev)->type->config_size;
}

static void dev_get_config(struct vdpa_device *vdev, unsigned int offset, void *buf,
			   unsigned int len)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);
	size_t size = d->type->config_size;
	union sluice_vdpa_config config;

	memset(buf, 0, len);
	if (offset >= size)
		return;
	d->type->get_config(d, &config);
	memcpy(buf, (const u8 *)&config + offset, min_t(size_t, len, size - offset));
}

static void dev_set_config(struct vdpa_device *vdev, unsigned int offset, const void *buf,
			   unsigned int len)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	if (d->type->set_config)
		d->type->set_config(d, offset, buf, len);
}

static void dev_set_config_cb(struct vdpa_device *vdev, struct vdpa_callback *cb)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	spin_lock(&d->config_lock);
	d->config_cb = *cb;
	spin_unlock(&d->config_lock);
}

static u32 dev_get_generation(struct vdpa_device *vdev)
{
	return READ_ONCE(sluice_vdpa_of(vdev)->generation);
}

/* --- the device --- */

static u64 dev_get_device_features(struct vdpa_device *vdev)
{
	return sluice_vdpa_of(vdev)->offer;
}

static u64 dev_get_backend_features(const struct vdpa_device *vdev)
{
	return BIT_ULL(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK);
}

/* None at all is what the core says when somebody reads the configuration before that. */
static int dev_set_driver_features(struct vdpa_device *vdev, u64 features)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);
	int err = 0;

	if (features & ~d->offer || (features && !(features & BIT_ULL(VIRTIO_F_VERSION_1))))
		return -EINVAL;
	mutex_lock(&d->lock);
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		err = -EBUSY;
	else
		d->features = features;
	mutex_unlock(&d->lock);
	return err;
}

static u64 dev_get_driver_features(struct vdpa_device *vdev)
{
	return READ_ONCE(sluice_vdpa_of(vdev)->features);
}

static u32 dev_get_device_id(struct vdpa_device *vdev)
{
	return sluice_vdpa_of(vdev)->type->id;
}

/* As PCI has it for virtio: no vendor of hardware is behind this. */
static u32 dev_get_vendor_id(struct vdpa_device *vdev)
{
	return 0x1af4;
}

static u8 dev_get_status(struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	return READ_ONCE(d->status) | (READ_ONCE(d->broken) ? VIRTIO_CONFIG_S_NEEDS_RESET : 0);
}

/* A driver that does not care for changes of the configuration sees it in the status. */
void sluice_vdpa_set_broken(struct sluice_vdpa *d)
{
	WRITE_ONCE(d->broken, true);
	queue_work(sluice_vdpa_wq, &d->event_work);
}

/* The driver that calls us: it is bound, so its name stays. */
static bool dev_driver_is_host(const struct vdpa_device *vdev)
{
	const struct device_driver *drv = vdev->dev.driver;

	return drv && !strcmp(drv->name, "virtio_vdpa");
}

/*
 * The core does not tell who opens a device. A VMM uses it from the moment that it maps memory
 * until the map is reset, which is when it closes the file; its guest may reset the device as often
 * as it likes meanwhile. The host's own driver uses it while there is a status.
 */
static void dev_tell_used(struct sluice_vdpa *d)
{
	bool used = d->mapped || d->status;

	lockdep_assert_held(&d->lock);
	if (used != d->used && d->type->used)
		d->type->used(d, used);
	d->used = used;
}

/* Takes the reference over. */
static void dev_set_payer(struct sluice_vdpa *d, struct mem_cgroup *payer)
{
	mem_cgroup_put(d->payer);
	d->payer = payer;
}

/* RTNL may be held. Queues start a moment later: nobody can tell. */
static void dev_set_status(struct vdpa_device *vdev, u8 status)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	mutex_lock(&d->lock);
	if (status & ~d->status & VIRTIO_CONFIG_S_DRIVER_OK) {
		d->host_driver = dev_driver_is_host(vdev);
		dev_set_payer(d, d->host_driver ? NULL : get_mem_cgroup_from_mm(NULL));
		sluice_vdpa_map_choose(d);
		if (d->type->accept)
			d->type->accept(d);
		queue_work(sluice_vdpa_wq, &d->start_work);
	}
	WRITE_ONCE(d->status, status & ~VIRTIO_CONFIG_S_NEEDS_RESET);
	dev_tell_used(d);
	mutex_unlock(&d->lock);
}

static int dev_reset(struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);
	struct vdpa_callback none = {};
	unsigned int i;

	mutex_lock(&d->lock);
	d->resets++;
	WRITE_ONCE(d->status, 0);
	dev_tell_used(d);
	for (i = 0; i < d->nr_vqs; i++)
		sluice_vdpa_vq_reset(&d->vq[i]);
	if (d->type->reset)
		d->type->reset(d);
	WRITE_ONCE(d->features, 0);
	d->moved = false;
	d->suspended = false;
	d->host_driver = false;
	dev_set_payer(d, NULL);
	/* After the queues were stopped nobody sets it. */
	WRITE_ONCE(d->broken, false);
	mutex_unlock(&d->lock);
	dev_set_config_cb(vdev, &none);
	return 0;
}

/* Where the queues stand stays, for get_vq_state() and for resume(). */
static int dev_suspend(struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	mutex_lock(&d->lock);
	d->suspended = true;
	sluice_vdpa_vq_stop_all(d);
	mutex_unlock(&d->lock);
	return 0;
}

static int dev_resume(struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	mutex_lock(&d->lock);
	d->suspended = false;
	queue_work(sluice_vdpa_wq, &d->start_work);
	mutex_unlock(&d->lock);
	return 0;
}

/* --- memory --- */

static int dev_dma_map(struct vdpa_device *vdev, unsigned int asid, u64 iova, u64 size, u64 pa,
		       u32 perm, void *opaque)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);
	int err;

	BUILD_BUG_ON(VHOST_MAP_RO != SLUICE_GMEM_RO || VHOST_MAP_WO != SLUICE_GMEM_WO);
	mutex_lock(&d->lock);
	err = sluice_vdpa_map_add(d, iova, size, pa, perm);
	d->mapped |= !err;
	dev_tell_used(d);
	mutex_unlock(&d->lock);
	return err;
}

static int dev_dma_unmap(struct vdpa_device *vdev, unsigned int asid, u64 iova, u64 size)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	mutex_lock(&d->lock);
	sluice_vdpa_map_del(d, iova, iova + size - 1);
	mutex_unlock(&d->lock);
	return 0;
}

/*
 * Back to the default, which is nothing. That this operation is there says that the map outlives a
 * reset of the device.
 */
static int dev_reset_map(struct vdpa_device *vdev, unsigned int asid)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	mutex_lock(&d->lock);
	sluice_vdpa_map_del(d, 0, U64_MAX);
	d->mapped = false;
	dev_tell_used(d);
	mutex_unlock(&d->lock);
	return 0;
}

/* The core lets go of the device; what it stands on was given back before. */
static void dev_free(struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	sluice_vdpa_map_exit(d);
	sluice_vdpa_freed();
}

void sluice_vdpa_dev_init(struct sluice_vdpa *d)
{
	mutex_init(&d->lock);
	spin_lock_init(&d->config_lock);
	INIT_WORK(&d->event_work, dev_event_work);
}

const struct vdpa_config_ops sluice_vdpa_ops = {
	.set_vq_address = dev_set_vq_address,
	.set_vq_num = dev_set_vq_num,
	.kick_vq = dev_kick_vq,
	.set_vq_cb = dev_set_vq_cb,
	.set_vq_ready = dev_set_vq_ready,
	.get_vq_ready = dev_get_vq_ready,
	.set_vq_state = dev_set_vq_state,
	.get_vq_state = dev_get_vq_state,
	.get_vq_align = dev_get_vq_align,
	.get_vq_group = dev_get_vq_group,
	.get_device_features = dev_get_device_features,
	.get_backend_features = dev_get_backend_features,
	.set_driver_features = dev_set_driver_features,
	.get_driver_features = dev_get_driver_features,
	.set_config_cb = dev_set_config_cb,
	.get_vq_num_max = dev_get_vq_num_max,
	.get_device_id = dev_get_device_id,
	.get_vendor_id = dev_get_vendor_id,
	.get_status = dev_get_status,
	.set_status = dev_set_status,
	.reset = dev_reset,
	.suspend = dev_suspend,
	.resume = dev_resume,
	.get_config_size = dev_get_config_size,
	.get_config = dev_get_config,
	.set_config = dev_set_config,
	.get_generation = dev_get_generation,
	.dma_map = dev_dma_map,
	.dma_unmap = dev_dma_unmap,
	.reset_map = dev_reset_map,
	.free = dev_free,
};
