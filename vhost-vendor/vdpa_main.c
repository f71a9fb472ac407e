// SPDX-License-Identifier: GPL-2.0-only
/*
 * sluice_vdpa.ko: the management devices, on which `vdpa dev add` makes virtio devices: a disk, if
 * there is a volume of that name, else a network card. By "sluice" a network card is one whose
 * guest QEMU migrates; "sluice-full" is for those who want all features and whose vdpa(8) cannot
 * choose them. A disk is the same by both.
 */
#include <linux/sched/mm.h>
#include <linux/virtio_ids.h>
#include <linux/wait_bit.h>
#include <uapi/linux/vdpa.h>
#include "vdpa.h"

struct workqueue_struct *sluice_vdpa_wq;

/* Devices that the core has not let go of. */
static atomic_t vdpa_live = ATOMIC_INIT(0);

enum main_mgmt_kind { MAIN_MGMT_MIGRATABLE, MAIN_MGMT_FULL, MAIN_MGMT_NR };

static const char *const main_mgmt_names[] = {
	[MAIN_MGMT_MIGRATABLE] = "sluice",
	[MAIN_MGMT_FULL] = "sluice-full",
};

static struct vdpa_mgmt_dev main_mgmt[MAIN_MGMT_NR];

/* --- devices --- */

/* A port's offloads want RTNL, and come before the first packet: see the locking document. */
static void main_start_work(struct work_struct *work)
{
	struct sluice_vdpa *d = container_of(work, struct sluice_vdpa, start_work);
	struct mem_cgroup *payer;
	bool moved = false;
	unsigned int resets;
	u64 features;
	int err = 0;

	mutex_lock(&d->lock);
	resets = d->resets;
	features = d->status & VIRTIO_CONFIG_S_DRIVER_OK ? d->features : 0;
	mutex_unlock(&d->lock);

	if (d->type->start)
		d->type->start(d, features);

	mutex_lock(&d->lock);
	/* Whoever reset it and was ready again meanwhile has queued this again. */
	if (resets == d->resets) {
		payer = set_active_memcg(d->payer);
		err = sluice_vdpa_vq_start_all(d);
		set_active_memcg(payer);
		moved = !err && features && d->moved;
		d->moved &= !moved;
	}
	if (err)
		sluice_vdpa_set_broken(d);
	mutex_unlock(&d->lock);
	if (moved && d->type->moved)
		d->type->moved(d);
	if (err)
		dev_warn_ratelimited(&d->vdev.dev, "its queues cannot be served: %pe\n",
				     ERR_PTR(err));
}

/* All that the core must find when it asks. */
static int main_init_device(struct sluice_vdpa *d, const char *name,
			    const struct vdpa_dev_set_config *config)
{
	unsigned int i;
	int err;

	sluice_vdpa_dev_init(d);
	INIT_WORK(&d->start_work, main_start_work);
	d->vdev.dma_dev = &d->vdev.dev;
	err = sluice_vdpa_map_init(d);
	if (err)
		return err;
	err = d->type->bind(d, name, config);
	if (err)
		return err;
	for (i = 0; i < d->nr_vqs; i++)
		sluice_vdpa_vq_init(d, i);
	return 0;
}

/* The driver is gone. When it returns nothing of ours runs on behalf of the device. */
static void main_exit_device(struct sluice_vdpa *d)
{
	unsigned int i;

	sluice_vdpa_ops.reset(&d->vdev);
	cancel_work_sync(&d->start_work);
	for (i = 0; i < d->nr_vqs; i++)
		cancel_work_sync(&d->vq[i].cb_work);
	d->type->unbind(d);
	/* Until then the configuration could change. */
	cancel_work_sync(&d->event_work);
}

/* NULL: the name does not say which. The core has no way to pass on why. */
static const struct sluice_vdpa_type *main_choose_type(struct vdpa_mgmt_dev *mdev,
						       const char *name)
{
	if (!sluice_vdpa_blk_exists(name))
		return &sluice_vdpa_net_type;
	if (!sluice_vdpa_net_exists(name))
		return &sluice_vdpa_blk_type;
	dev_warn_ratelimited(mdev->device, "%s is the name of a volume and of a port: rename one\n",
			     name);
	return NULL;
}

/* vdpa_mgmtdev_ops.dev_add: inside the core's lock. */
static int main_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			const struct vdpa_dev_set_config *config)
{
	const struct sluice_vdpa_type *type = main_choose_type(mdev, name);
	struct sluice_vdpa *d;
	int err;

	/* A port may be called so: its netdev is in no such directory. */
	if (sluice_name_is_taken(name))
		return -EINVAL;
	if (!type)
		return -ENOTUNIQ;
	/* Until dev_del(). It fails while exit waits for the core's lock. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	d = vdpa_alloc_device(struct sluice_vdpa, vdev, mdev->device, &sluice_vdpa_ops, 1, 1, name,
			      false);
	if (IS_ERR(d)) {
		err = PTR_ERR(d);
		goto module;
	}
	atomic_inc(&vdpa_live);
	d->vdev.mdev = mdev;
	d->full = mdev == &main_mgmt[MAIN_MGMT_FULL];
	d->type = type;
	err = main_init_device(d, name, config);
	if (err)
		goto put;
	err = _vdpa_register_device(&d->vdev, d->nr_vqs);
	if (err)
		goto exit;
	return 0;

exit:
	main_exit_device(d);
put:
	put_device(&d->vdev.dev);
module:
	module_put(THIS_MODULE);
	return err;
}

void sluice_vdpa_lose(struct sluice_vdpa *d)
{
	lockdep_assert_held(&d->lock);
	if (d->lost)
		return;
	d->lost = true;
	get_device(&d->vdev.dev);
	__module_get(THIS_MODULE);
	sluice_leak(sizeof(*d));
}

/* vdpa_mgmtdev_ops.dev_del: inside the core's lock; waits for users of the device. */
static void main_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	get_device(&vdev->dev);
	_vdpa_unregister_device(vdev);
	main_exit_device(d);
	put_device(&vdev->dev);
	module_put(THIS_MODULE);
}

void sluice_vdpa_freed(void)
{
	if (atomic_dec_and_test(&vdpa_live))
		wake_up_var(&vdpa_live);
}

/* --- the management devices --- */

static const struct vdpa_mgmtdev_ops main_mgmt_ops = {
	.dev_add = main_dev_add,
	.dev_del = main_dev_del,
};

static struct virtio_device_id main_ids[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

/* @root is what /sys/devices has of them; the management devices have the short names. */
static struct device *main_root;

static void main_mgmt_release(struct device *dev)
{
	kfree(dev);
}

static struct device *main_add_device(const char *name)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->parent = main_root;
	dev->release = main_mgmt_release;
	err = dev_set_name(dev, "%s", name);
	if (!err)
		err = device_add(dev);
	if (err) {
		put_device(dev);
		return ERR_PTR(err);
	}
	return dev;
}

static int main_register_mgmt(struct vdpa_mgmt_dev *mdev, const char *name)
{
	struct device *dev = main_add_device(name);
	int err;

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	*mdev = (struct vdpa_mgmt_dev) {
		.device = dev,
		.ops = &main_mgmt_ops,
		.id_table = main_ids,
		.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES) |
				    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
				    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU),
		/* Whoever shows bits by name takes them for a network card's. */
		.supported_features = sluice_vdpa_net_offer,
		.max_supported_vqs = SLUICE_VDPA_VQS,
	};
	err = vdpa_mgmtdev_register(mdev);
	if (err)
		device_unregister(dev);
	return err;
}

/* Takes their devices away too. */
static void main_unregister_mgmt(unsigned int nr)
{
	while (nr--) {
		vdpa_mgmtdev_unregister(&main_mgmt[nr]);
		/*
		 * There is no device of it any more. But who closed its file last may still be on
		 * the way to dev_free(), which is our text.
		 */
		wait_var_event(&vdpa_live, !atomic_read(&vdpa_live));
		device_unregister(main_mgmt[nr].device);
	}
}

static int __init sluice_vdpa_init(void)
{
	unsigned int i;
	int err;

	sluice_vdpa_wq = alloc_workqueue("sluice_vdpa", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!sluice_vdpa_wq)
		return -ENOMEM;
	main_root = root_device_register(KBUILD_MODNAME);
	if (IS_ERR(main_root)) {
		err = PTR_ERR(main_root);
		goto wq;
	}
	err = sluice_vdpa_net_register();
	if (err)
		goto root;
	for (i = 0; i < ARRAY_SIZE(main_mgmt); i++) {
		err = main_register_mgmt(&main_mgmt[i], main_mgmt_names[i]);
		if (err)
			goto mgmt;
	}
	return 0;

mgmt:
	main_unregister_mgmt(i);
	sluice_vdpa_net_unregister();
root:
	root_device_unregister(main_root);
wq:
	destroy_workqueue(sluice_vdpa_wq);
	return err;
}
module_init(sluice_vdpa_init);

static void __exit sluice_vdpa_exit(void)
{
	main_unregister_mgmt(ARRAY_SIZE(main_mgmt));
	sluice_vdpa_net_unregister();
	root_device_unregister(main_root);
	destroy_workqueue(sluice_vdpa_wq);
}
module_exit(sluice_vdpa_exit);

SLUICE_IMPORT;
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The Sluice developers");
MODULE_DESCRIPTION("Sluice: guest ports and volumes as vDPA devices");
