// SPDX-License-Identifier: GPL-2.0-only
/*
 * sluice_vdpa.ko: the management device "sluice", on which `vdpa dev add` makes virtio network
 * devices. Each stands on a guest port of its name: one that is there and has its first queue pair
 * to spare, else one that is made for it and goes with it.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/wait_bit.h>
#include <net/net_namespace.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include "vdpa.h"

struct workqueue_struct *sluice_vdpa_wq;

/* Inside RTNL; nothing is taken inside but d->net_lock. */
static DEFINE_MUTEX(vdpa_lock);
static LIST_HEAD(vdpa_devices);
/* Devices that the core has not let go of. */
static atomic_t vdpa_live = ATOMIC_INIT(0);

/* --- the port's link --- */

static void main_set_link(const struct sluice_port *port, bool up)
{
	struct sluice_vdpa *d;

	ASSERT_RTNL();
	mutex_lock(&vdpa_lock);
	list_for_each_entry(d, &vdpa_devices, node) {
		if (d->port == port)
			sluice_vdpa_net_set_link(d, up);
	}
	mutex_unlock(&vdpa_lock);
}

static void main_port_changed(struct sluice_port *port, struct net_device *dev)
{
	main_set_link(port, dev->flags & IFF_UP);
}

static void main_port_removed(struct sluice_port *port, struct net_device *dev)
{
	main_set_link(port, false);
}

static struct sluice_port_notifier main_notifier = {
	.added = main_port_changed,
	.removed = main_port_removed,
	.changed = main_port_changed,
};

/* --- devices --- */

/* Offloads want RTNL, and come before the first packet: see the locking document. */
static void main_start_work(struct work_struct *work)
{
	struct sluice_vdpa *d = container_of(work, struct sluice_vdpa, start_work);
	unsigned int resets;
	u64 features;
	int err = 0;

	mutex_lock(&d->lock);
	resets = d->resets;
	features = d->status & VIRTIO_CONFIG_S_DRIVER_OK ? d->features : 0;
	mutex_unlock(&d->lock);

	/* A port that is gone does not mind. */
	sluice_port_set_offloads(d->port, sluice_port_offloads(features));

	mutex_lock(&d->lock);
	/* Whoever reset it and was ready again meanwhile has queued this again. */
	if (resets == d->resets)
		err = sluice_vdpa_vq_start_all(d);
	if (err)
		sluice_vdpa_set_broken(d);
	mutex_unlock(&d->lock);
	if (err)
		dev_warn_ratelimited(&d->vdev.dev, "its queues cannot be served: %pe\n",
				     ERR_PTR(err));
}

static int main_bind_port(struct sluice_vdpa *d, const char *name)
{
	int err;

	d->port = sluice_port_get_by_name(&init_net, name);
	if (!d->port) {
		d->port = sluice_port_create(&init_net, name, 1);
		if (IS_ERR(d->port))
			return PTR_ERR(d->port);
		d->own_port = true;
	}
	err = sluice_port_get_pair(d->port, 0);
	if (err < 0) {
		if (d->own_port)
			sluice_port_destroy(d->port);
		else
			sluice_port_put(d->port);
		return err;
	}
	return 0;
}

static void main_unbind_port(struct sluice_port *port, bool own)
{
	/* The next one who attaches says what he takes. */
	sluice_port_set_offloads(port, 0);
	sluice_port_put_pair(port, 0);
	if (own)
		sluice_port_destroy(port);
	else
		sluice_port_put(port);
}

/* All that the core must find when it asks; @name is that of the port too. */
static int main_init_device(struct sluice_vdpa *d, const char *name,
			    const struct vdpa_dev_set_config *config)
{
	struct sluice_port_link link;
	u8 mac[ETH_ALEN];
	unsigned int i;
	int err;

	mutex_init(&d->lock);
	INIT_LIST_HEAD(&d->node);
	INIT_WORK(&d->start_work, main_start_work);
	d->vdev.dma_dev = &d->vdev.dev;
	d->offer = sluice_vdpa_net_offer;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES))
		d->offer = config->device_features;
	err = sluice_vdpa_map_init(d);
	if (err)
		return err;
	err = main_bind_port(d, name);
	if (err)
		return err;
	sluice_port_get_link(d->port, &link);
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU))
		link.mtu = config->net.mtu;
	/* Not the port's own address, which is that of the host's end. */
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		ether_addr_copy(mac, config->net.mac);
	else
		eth_random_addr(mac);
	sluice_vdpa_net_init(d, mac, link.mtu);
	for (i = 0; i < SLUICE_VDPA_VQS; i++)
		sluice_vdpa_vq_init(d, i);
	return 0;
}

/* From here on the port's notifier tells of the link; of what was before it, nobody did. */
static void main_list_device(struct sluice_vdpa *d)
{
	struct sluice_port_link link;
	bool heard;

	mutex_lock(&vdpa_lock);
	list_add_tail(&d->node, &vdpa_devices);
	mutex_unlock(&vdpa_lock);
	sluice_port_get_link(d->port, &link);
	spin_lock(&d->net_lock);
	heard = d->heard;
	spin_unlock(&d->net_lock);
	if (!heard)
		sluice_vdpa_net_set_link(d, link.up);
}

/* The driver is gone. When it returns nothing of ours runs on behalf of the device. */
static void main_quiesce_device(struct sluice_vdpa *d)
{
	unsigned int i;

	mutex_lock(&vdpa_lock);
	list_del_init(&d->node);
	mutex_unlock(&vdpa_lock);
	sluice_vdpa_ops.reset(&d->vdev);
	cancel_work_sync(&d->start_work);
	cancel_work_sync(&d->event_work);
	for (i = 0; i < SLUICE_VDPA_VQS; i++)
		cancel_work_sync(&d->vq[i].cb_work);
}

static bool main_config_valid(const char *name, const struct vdpa_dev_set_config *config)
{
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES) &&
	    (config->device_features & ~sluice_vdpa_net_offer ||
	     !(config->device_features & BIT_ULL(VIRTIO_F_VERSION_1))))
		return false;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) &&
	    !is_valid_ether_addr(config->net.mac))
		return false;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU) && config->net.mtu < ETH_MIN_MTU)
		return false;
	/* A port's name would be made of it. */
	return !strchr(name, '%');
}

/* vdpa_mgmtdev_ops.dev_add: inside the core's lock. */
static int main_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			const struct vdpa_dev_set_config *config)
{
	struct sluice_vdpa *d;
	int err;

	if (!main_config_valid(name, config))
		return -EINVAL;
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
	err = main_init_device(d, name, config);
	if (err)
		goto put;
	main_list_device(d);
	err = _vdpa_register_device(&d->vdev, SLUICE_VDPA_VQS);
	if (err)
		goto quiesce;
	return 0;

quiesce:
	main_quiesce_device(d);
	main_unbind_port(d->port, d->own_port);
put:
	put_device(&d->vdev.dev);
module:
	module_put(THIS_MODULE);
	return err;
}

/* vdpa_mgmtdev_ops.dev_del: inside the core's lock; waits for users of the device. */
static void main_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdev)
{
	struct sluice_vdpa *d = sluice_vdpa_of(vdev);

	get_device(&vdev->dev);
	_vdpa_unregister_device(vdev);
	main_quiesce_device(d);
	main_unbind_port(d->port, d->own_port);
	put_device(&vdev->dev);
	module_put(THIS_MODULE);
}

void sluice_vdpa_freed(void)
{
	if (atomic_dec_and_test(&vdpa_live))
		wake_up_var(&vdpa_live);
}

/* --- the management device --- */

static const struct vdpa_mgmtdev_ops main_mgmt_ops = {
	.dev_add = main_dev_add,
	.dev_del = main_dev_del,
};

static struct virtio_device_id main_ids[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

static struct vdpa_mgmt_dev main_mgmt = {
	.ops = &main_mgmt_ops,
	.id_table = main_ids,
	.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES) |
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU),
	.max_supported_vqs = SLUICE_VDPA_VQS,
};

/* @root is what /sys/devices has of it; the management device has the short name. */
static struct device *main_root;

static void main_mgmt_release(struct device *dev)
{
	kfree(dev);
}

static struct device *main_register_mgmt_device(void)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	int err;

	if (!dev)
		return ERR_PTR(-ENOMEM);
	device_initialize(dev);
	dev->parent = main_root;
	dev->release = main_mgmt_release;
	err = dev_set_name(dev, "sluice");
	if (!err)
		err = device_add(dev);
	if (err) {
		put_device(dev);
		return ERR_PTR(err);
	}
	return dev;
}

static int __init sluice_vdpa_init(void)
{
	int err;

	sluice_vdpa_wq = alloc_workqueue("sluice_vdpa", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!sluice_vdpa_wq)
		return -ENOMEM;
	main_root = root_device_register(KBUILD_MODNAME);
	if (IS_ERR(main_root)) {
		err = PTR_ERR(main_root);
		goto wq;
	}
	main_mgmt.device = main_register_mgmt_device();
	if (IS_ERR(main_mgmt.device)) {
		err = PTR_ERR(main_mgmt.device);
		goto root;
	}
	err = sluice_port_notifier_register(&main_notifier);
	if (err)
		goto device;
	main_mgmt.supported_features = sluice_vdpa_net_offer;
	err = vdpa_mgmtdev_register(&main_mgmt);
	if (err)
		goto notifier;
	return 0;

notifier:
	sluice_port_notifier_unregister(&main_notifier);
device:
	device_unregister(main_mgmt.device);
root:
	root_device_unregister(main_root);
wq:
	destroy_workqueue(sluice_vdpa_wq);
	return err;
}
module_init(sluice_vdpa_init);

/*
 * There is no device any more. But who closed its file last may still be on the way to dev_free(),
 * which is our text.
 */
static void __exit sluice_vdpa_exit(void)
{
	vdpa_mgmtdev_unregister(&main_mgmt);
	wait_var_event(&vdpa_live, !atomic_read(&vdpa_live));
	sluice_port_notifier_unregister(&main_notifier);
	device_unregister(main_mgmt.device);
	root_device_unregister(main_root);
	destroy_workqueue(sluice_vdpa_wq);
}
module_exit(sluice_vdpa_exit);

SLUICE_IMPORT;
MODULE_LICENSE("GPL");
MODULE_AUTHOR("The Sluice developers");
MODULE_DESCRIPTION("Sluice: guest ports as vDPA network devices");
