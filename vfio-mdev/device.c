// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO's view of a device: made and removed, opened and closed, regions read and written, ioctls.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/virtio_config.h>
#include "mdev.h"

#define OFFSET_MASK	(SLUICE_MDEV_OFFSET(1) - 1)

struct workqueue_struct *sluice_mdev_wq;

/* Devices, for what comes from a port. Taken under RTNL; nothing is taken inside. */
static DEFINE_SPINLOCK(devices_lock);
static LIST_HEAD(devices);

static struct sluice_mdev *to_mdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct sluice_mdev, vdev);
}

/* --- news --- */

static void device_check_rings(struct sluice_mdev *m)
{
	struct sluice_common *c = &m->common;

	if (bitmap_empty(m->broken, SLUICE_MDEV_VQS) ||
	    !(c->status & VIRTIO_CONFIG_S_DRIVER_OK) || c->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	/* The other rings go on; what to do is the driver's to decide. */
	c->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	sluice_mdev_region_config_changed(m);
}

static void device_event_work(struct work_struct *work)
{
	struct sluice_mdev *m = container_of(work, struct sluice_mdev, event_work);

	mutex_lock(&m->lock);
	if (m->open) {
		if (m->kind->news(m))
			sluice_mdev_region_config_changed(m);
		device_check_rings(m);
	}
	mutex_unlock(&m->lock);
}

void sluice_mdev_device_changed(struct sluice_mdev *m)
{
	queue_work(sluice_mdev_wq, &m->event_work);
}

/* RTNL: so only have it looked at. */
static void device_port_changed(struct sluice_port *port, struct net_device *dev)
{
	struct sluice_mdev *m;

	spin_lock(&devices_lock);
	list_for_each_entry(m, &devices, node) {
		if (READ_ONCE(m->port) == port)
			sluice_mdev_device_changed(m);
	}
	spin_unlock(&devices_lock);
}

static struct sluice_port_notifier device_port_notifier = {
	.added = device_port_changed,
	.removed = device_port_changed,
	.changed = device_port_changed,
};

/* --- open and close --- */

static int device_open(struct vfio_device *vdev)
{
	struct sluice_mdev *m = to_mdev(vdev);
	int err;

	mutex_lock(&m->lock);
	err = m->kind->bind(m);
	if (err)
		goto unlock;
	sluice_mdev_region_init(m);
	err = sluice_mdev_notify_open(m);
	if (err)
		goto unbind;
	err = sluice_mdev_mem_open(m);
	if (err)
		goto notify;
	sluice_mdev_region_reset(m);
	m->open = true;
	goto unlock;

notify:
	sluice_mdev_notify_close(m);
unbind:
	m->kind->unbind(m);
unlock:
	mutex_unlock(&m->lock);
	return err;
}

/* See Lifetime in mdev.h. */
static void device_close(struct vfio_device *vdev)
{
	struct sluice_mdev *m = to_mdev(vdev);

	mutex_lock(&m->lock);
	m->open = false;
	sluice_mdev_region_reset(m);
	sluice_mdev_irq_close(m);
	mutex_unlock(&m->lock);

	/* It takes the lock, and finds no ring. Nobody is there any more to queue it anew. */
	cancel_work_sync(&m->ctrl_work);
	sluice_mdev_mem_close(m);

	mutex_lock(&m->lock);
	sluice_mdev_notify_close(m);
	m->kind->unbind(m);
	mutex_unlock(&m->lock);
}

static void device_request(struct vfio_device *vdev, unsigned int count)
{
	struct sluice_mdev *m = to_mdev(vdev);
	bool asked;

	mutex_lock(&m->lock);
	asked = sluice_mdev_irq_request(m);
	mutex_unlock(&m->lock);
	if (!count || !(count % 10))
		dev_notice(m->dev, asked ? "asking the user to let go of the device\n" :
					   "waiting for the user to close the device\n");
}

/* --- regions --- */

/* The largest natural access at @pos of at most @len bytes. */
static unsigned int device_access_len(u64 pos, size_t len)
{
	unsigned int n = 4;

	while (n > len || pos % n)
		n /= 2;
	return n;
}

static int device_check_range(struct sluice_mdev *m, unsigned int region, u64 off, size_t *count)
{
	u64 size;

	mutex_lock(&m->lock);
	size = sluice_mdev_region_size(m, region);
	mutex_unlock(&m->lock);
	if (!size || off >= size)
		return -EINVAL;
	*count = min_t(u64, *count, size - off);
	return 0;
}

static ssize_t device_read(struct vfio_device *vdev, char __user *buf, size_t count, loff_t *ppos)
{
	struct sluice_mdev *m = to_mdev(vdev);
	unsigned int region = *ppos >> SLUICE_MDEV_OFFSET_SHIFT, n;
	u64 off = *ppos & OFFSET_MASK;
	size_t done;
	u8 val[4];
	int err;

	err = device_check_range(m, region, off, &count);
	if (err)
		return err;
	for (done = 0; done < count; done += n) {
		n = device_access_len(off + done, count - done);
		mutex_lock(&m->lock);
		sluice_mdev_region_read(m, region, off + done, val, n);
		mutex_unlock(&m->lock);
		if (copy_to_user(buf + done, val, n))
			return -EFAULT;
	}
	*ppos += count;
	return count;
}

static ssize_t device_write(struct vfio_device *vdev, const char __user *buf, size_t count,
			    loff_t *ppos)
{
	struct sluice_mdev *m = to_mdev(vdev);
	unsigned int region = *ppos >> SLUICE_MDEV_OFFSET_SHIFT, n;
	u64 off = *ppos & OFFSET_MASK;
	size_t done;
	u8 val[4];
	int err;

	err = device_check_range(m, region, off, &count);
	if (err)
		return err;
	for (done = 0; done < count; done += n) {
		n = device_access_len(off + done, count - done);
		if (copy_from_user(val, buf + done, n))
			return -EFAULT;
		mutex_lock(&m->lock);
		sluice_mdev_region_write(m, region, off + done, val, n);
		mutex_unlock(&m->lock);
	}
	*ppos += count;
	return count;
}

/* --- ioctls --- */

static long device_get_info(struct vfio_device_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info = {};

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* Behind @info, if there is room; else the user is told how much is wanted. */
static int device_put_sparse(struct vfio_region_info *info, void __user *arg,
			     const struct vfio_region_sparse_mmap_area *area)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, cap, areas, 1);
	const size_t len = struct_size(cap, areas, 1);

	info->flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
	if (info->argsz < minsz + len) {
		info->argsz = minsz + len;
		return 0;
	}
	cap->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	cap->header.version = 1;
	cap->nr_areas = 1;
	cap->areas[0] = *area;
	info->cap_offset = minsz;
	return copy_to_user(arg + minsz, cap, len) ? -EFAULT : 0;
}

static long device_get_region_info(struct sluice_mdev *m, struct vfio_region_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_region_sparse_mmap_area area;
	struct vfio_region_info info = {};
	bool sparse = false;
	int err = 0;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	mutex_lock(&m->lock);
	info.size = sluice_mdev_region_size(m, info.index);
	if (info.index == VFIO_PCI_BAR4_REGION_INDEX)
		sparse = sluice_mdev_notify_area(m, &area);
	mutex_unlock(&m->lock);
	info.flags = info.size ? VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE : 0;
	info.offset = SLUICE_MDEV_OFFSET(info.index);
	info.cap_offset = 0;
	if (sparse)
		err = device_put_sparse(&info, arg, &area);
	if (!err && copy_to_user(arg, &info, minsz))
		err = -EFAULT;
	return err;
}

static long device_get_irq_info(struct sluice_mdev *m, struct vfio_irq_info __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info = {};

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	mutex_lock(&m->lock);
	info.count = sluice_mdev_irq_count(m, info.index);
	mutex_unlock(&m->lock);
	info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD : 0;
	if (info.index == VFIO_PCI_INTX_IRQ_INDEX)
		info.flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long device_set_irqs(struct sluice_mdev *m, struct vfio_irq_set __user *arg)
{
	const size_t minsz = offsetofend(struct vfio_irq_set, count);
	struct vfio_irq_set hdr;
	void *data = NULL;
	size_t len = 0;
	int count, err;

	if (copy_from_user(&hdr, arg, minsz))
		return -EFAULT;
	mutex_lock(&m->lock);
	count = sluice_mdev_irq_count(m, hdr.index);
	mutex_unlock(&m->lock);
	err = vfio_set_irqs_validate_and_prepare(&hdr, count, VFIO_PCI_NUM_IRQS, &len);
	if (err)
		return err;
	if (len) {
		data = memdup_user(arg->data, len);
		if (IS_ERR(data))
			return PTR_ERR(data);
	}
	mutex_lock(&m->lock);
	err = sluice_mdev_irq_set(m, &hdr, data);
	mutex_unlock(&m->lock);
	kfree(data);
	return err;
}

static long device_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct sluice_mdev *m = to_mdev(vdev);
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return device_get_info(argp);
	case VFIO_DEVICE_GET_REGION_INFO:
		return device_get_region_info(m, argp);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return device_get_irq_info(m, argp);
	case VFIO_DEVICE_SET_IRQS:
		return device_set_irqs(m, argp);
	case VFIO_DEVICE_RESET:
		mutex_lock(&m->lock);
		sluice_mdev_region_reset(m);
		mutex_unlock(&m->lock);
		return 0;
	default:
		return -ENOTTY;
	}
}

/* --- made and removed --- */

static int device_init_vdev(struct vfio_device *vdev)
{
	struct sluice_mdev *m = to_mdev(vdev);

	mutex_init(&m->lock);
	INIT_LIST_HEAD(&m->node);
	INIT_WORK(&m->event_work, device_event_work);
	m->dev = vdev->dev;
	sluice_mdev_irq_init(m);
	sluice_mdev_mem_init(m);
	sluice_mdev_queue_init(m);
	sluice_mdev_notify_init(m);
	sluice_mdev_ctrl_init(m);
	return 0;
}

static const struct vfio_device_ops device_ops = {
	.name = "vfio-sluice",
	.init = device_init_vdev,
	.open_device = device_open,
	.close_device = device_close,
	.read = device_read,
	.write = device_write,
	.ioctl = device_ioctl,
	.mmap = sluice_mdev_notify_mmap,
	.request = device_request,
	.dma_unmap = sluice_mdev_mem_unmap,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
};

static const struct sluice_mdev_kind *device_kind(const struct mdev_device *mdev)
{
	return container_of(mdev->type->parent->mdev_driver, struct sluice_mdev_kind, driver);
}

static void device_drop(struct sluice_mdev *m)
{
	mutex_lock(&m->lock);
	m->kind->drop(m);
	mutex_unlock(&m->lock);
	/* Nobody has news of it any more. */
	cancel_work_sync(&m->event_work);
	vfio_put_device(&m->vdev);
}

int sluice_mdev_probe(struct mdev_device *mdev)
{
	struct sluice_mdev *m;
	int err = 0;

	m = vfio_alloc_device(sluice_mdev, vdev, &mdev->dev, &device_ops);
	if (IS_ERR(m))
		return PTR_ERR(m);
	m->kind = device_kind(mdev);
	/* Attributes appear after this has returned. */
	dev_set_drvdata(&mdev->dev, m);
	if (m->kind->make)
		err = m->kind->make(m);
	err = err ?: vfio_register_emulated_iommu_dev(&m->vdev);
	if (err) {
		device_drop(m);
		return err;
	}
	spin_lock(&devices_lock);
	list_add_tail(&m->node, &devices);
	spin_unlock(&devices_lock);
	return 0;
}

/* Attributes are gone. The first call waits until nobody has the device open. */
void sluice_mdev_remove(struct mdev_device *mdev)
{
	struct sluice_mdev *m = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&m->vdev);
	spin_lock(&devices_lock);
	list_del(&m->node);
	spin_unlock(&devices_lock);
	device_drop(m);
}

/* --- attributes --- */

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sluice_mdev *m = dev_get_drvdata(dev);
	const char *state;

	mutex_lock(&m->lock);
	if (!m->open)
		state = "closed";
	else if (m->common.status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED))
		state = "error";
	else if (m->common.status & VIRTIO_CONFIG_S_DRIVER_OK)
		state = "running";
	else
		state = "open";
	mutex_unlock(&m->lock);
	return sysfs_emit(buf, "%s\n", state);
}
static DEVICE_ATTR_RO(state);

static ssize_t pinned_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sluice_mdev *m = dev_get_drvdata(dev);
	unsigned long pinned;

	mutex_lock(&m->mem.lock);
	pinned = m->mem.pinned;
	mutex_unlock(&m->mem.lock);
	return sysfs_emit(buf, "%lu\n", pinned << PAGE_SHIFT);
}
static DEVICE_ATTR_RO(pinned);

static struct attribute *device_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_pinned.attr,
	NULL
};

const struct attribute_group sluice_mdev_device_group = {
	.attrs = device_attrs,
};

/* --- module --- */

int sluice_mdev_device_init(void)
{
	int err;

	sluice_mdev_wq = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	if (!sluice_mdev_wq)
		return -ENOMEM;
	err = mdev_register_driver(&sluice_mdev_net_kind.driver);
	if (err)
		goto wq;
	err = mdev_register_driver(&sluice_mdev_blk_kind.driver);
	if (err)
		goto net;
	err = sluice_port_notifier_register(&device_port_notifier);
	if (err)
		goto blk;
	return 0;

blk:
	mdev_unregister_driver(&sluice_mdev_blk_kind.driver);
net:
	mdev_unregister_driver(&sluice_mdev_net_kind.driver);
wq:
	destroy_workqueue(sluice_mdev_wq);
	return err;
}

void sluice_mdev_device_exit(void)
{
	sluice_port_notifier_unregister(&device_port_notifier);
	mdev_unregister_driver(&sluice_mdev_blk_kind.driver);
	mdev_unregister_driver(&sluice_mdev_net_kind.driver);
	destroy_workqueue(sluice_mdev_wq);
}
