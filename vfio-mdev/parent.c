// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents: for each VF that serves as an uplink a device of the VF's own name, on a bus of ours and
 * bound to a driver of ours, so that mdev names its type "sluice_mdev-net".
 *
 * DOC: Coming and going
 *
 * Uplinks come and go under RTNL, while to register a parent takes sysfs' locks, and to unregister
 * it waits for the users of its devices, who may be waiting for RTNL. So the notifier only counts
 * uplinks by the VF's name, and work of the name's own brings the parent in line: registers it,
 * unregisters it, and looks again, as a VF that went may be back before the last user of the old
 * one has let go. Names do not wait for each other. The device is no child of the VF's, which may
 * be gone from sysfs long before; a link "vf" tells where it was.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "mdev.h"

/**
 * struct parent_device - a parent while it is registered
 * @dev: what mdev knows
 * @mdev: likewise
 * @type: the one type of device that there is
 * @types: likewise
 * @name: what it stands for
 */
struct parent_device {
	struct device dev;
	struct mdev_parent mdev;
	struct mdev_type type;
	struct mdev_type *types[1];
	struct parent_name *name;
};

/**
 * struct parent_name - a VF by its name
 * @node: in the list of all; parents_lock
 * @uplinks: how many there are on the VF's netdevs; parents_lock
 * @vf: its device, a reference, while there are uplinks; else NULL; parents_lock
 * @lower: its netdev, NULL when it is gone; RTNL
 * @work: brings @device in line
 * @device: NULL: not registered; @work only
 * @name: that name
 */
struct parent_name {
	struct list_head node;
	unsigned int uplinks;
	struct device *vf;
	struct net_device *lower;
	struct work_struct work;
	struct parent_device *device;
	char name[];
};

/* Inside RTNL; nothing is taken inside. */
static DEFINE_MUTEX(parents_lock);
static LIST_HEAD(parents);
static struct workqueue_struct *parent_wq;
static struct device *parent_root;

static const struct bus_type parent_bus = {
	.name = "sluice",
};

static struct device_driver parent_driver = {
	.name = KBUILD_MODNAME,
	.bus = &parent_bus,
	.owner = THIS_MODULE,
	.suppress_bind_attrs = true,
};

static void parent_release(struct device *dev)
{
	kfree(container_of(dev, struct parent_device, dev));
}

/* --- work --- */

/* @vf: a reference, which is kept only if this fails. */
static struct parent_device *parent_register(struct parent_name *name, struct device *vf)
{
	struct parent_device *p = kzalloc(sizeof(*p), GFP_KERNEL);
	int err;

	if (!p)
		return ERR_PTR(-ENOMEM);
	device_initialize(&p->dev);
	p->dev.parent = parent_root;
	p->dev.bus = &parent_bus;
	p->dev.release = parent_release;
	set_dev_node(&p->dev, dev_to_node(vf));
	p->name = name;
	p->type.sysfs_name = "net";
	p->type.pretty_name = "virtio network card";
	p->types[0] = &p->type;
	err = dev_set_name(&p->dev, "%s", name->name);
	if (err)
		goto put;
	err = device_add(&p->dev);
	if (err)
		goto put;
	/* Only for whoever looks. */
	if (sysfs_create_link(&p->dev.kobj, &vf->kobj, "vf"))
		dev_warn(&p->dev, "no link to the VF\n");
	err = mdev_register_parent(&p->mdev, &p->dev, &sluice_mdev_driver, p->types,
				   ARRAY_SIZE(p->types));
	if (err)
		goto del;
	return p;

del:
	sysfs_remove_link(&p->dev.kobj, "vf");
	device_del(&p->dev);
put:
	put_device(&p->dev);
	return ERR_PTR(err);
}

/* Removes what was made on it, which waits for those who use it. */
static void parent_unregister(struct parent_device *p)
{
	mdev_unregister_parent(&p->mdev);
	sysfs_remove_link(&p->dev.kobj, "vf");
	device_unregister(&p->dev);
}

/* Takes a reference on the VF's device if the parent is to be registered. */
static struct device *parent_wanted(struct parent_name *name)
{
	lockdep_assert_held(&parents_lock);
	return get_device(name->vf);
}

static void parent_bring_in_line(struct parent_name *name, struct device *vf)
{
	struct parent_device *p;

	if (!vf) {
		parent_unregister(name->device);
		name->device = NULL;
		return;
	}
	p = parent_register(name, vf);
	if (IS_ERR(p))
		dev_warn(vf, "cannot be a parent of mediated devices: %pe\n", p);
	else
		name->device = p;
}

static void parent_work(struct work_struct *work)
{
	struct parent_name *name = container_of(work, struct parent_name, work);
	struct device *vf;

	mutex_lock(&parents_lock);
	for (;;) {
		vf = parent_wanted(name);
		if (!vf == !name->device)
			break;
		mutex_unlock(&parents_lock);
		parent_bring_in_line(name, vf);
		put_device(vf);
		mutex_lock(&parents_lock);
		/* What failed is not tried again until an uplink comes. */
		if (vf && !name->device) {
			vf = NULL;
			break;
		}
	}
	put_device(vf);
	mutex_unlock(&parents_lock);
}

/* --- uplinks: RTNL --- */

static struct parent_name *parent_find(const char *vf)
{
	struct parent_name *name;

	lockdep_assert_held(&parents_lock);
	list_for_each_entry(name, &parents, node) {
		if (!strcmp(name->name, vf))
			return name;
	}
	return NULL;
}

static struct parent_name *parent_find_or_add(struct device *vf)
{
	struct parent_name *name = parent_find(dev_name(vf));
	size_t len;

	if (name)
		return name;
	len = strlen(dev_name(vf)) + 1;
	name = kzalloc(struct_size(name, name, len), GFP_KERNEL);
	if (!name)
		return NULL;
	INIT_WORK(&name->work, parent_work);
	memcpy(name->name, dev_name(vf), len);
	list_add_tail(&name->node, &parents);
	return name;
}

static void parent_uplink_added(struct net_device *uplink, struct net_device *lower)
{
	struct device *vf = lower->dev.parent;
	struct parent_name *name;

	/* A netdev that is no device's cannot be named to mdevctl either. */
	if (!vf)
		return;
	mutex_lock(&parents_lock);
	name = parent_find_or_add(vf);
	if (name) {
		/* The VF of that name may be another one now. */
		put_device(name->vf);
		name->vf = get_device(vf);
		name->lower = lower;
		name->uplinks++;
		queue_work(parent_wq, &name->work);
	}
	mutex_unlock(&parents_lock);
}

static void parent_uplink_removed(struct net_device *uplink, struct net_device *lower)
{
	struct parent_name *name;

	if (!lower->dev.parent)
		return;
	mutex_lock(&parents_lock);
	name = parent_find(dev_name(lower->dev.parent));
	if (name && name->uplinks) {
		if (name->lower == lower)
			name->lower = NULL;
		if (!--name->uplinks) {
			put_device(name->vf);
			name->vf = NULL;
		}
		queue_work(parent_wq, &name->work);
	}
	mutex_unlock(&parents_lock);
}

static struct sluice_uplink_notifier parent_notifier = {
	.added = parent_uplink_added,
	.removed = parent_uplink_removed,
};

/* --- what devices ask --- */

void sluice_mdev_parent_speed(struct device *dev, u32 *speed, u8 *duplex)
{
	struct parent_device *p = container_of(dev, struct parent_device, dev);
	struct ethtool_link_ksettings settings;

	*speed = SPEED_UNKNOWN;
	*duplex = DUPLEX_UNKNOWN;
	rtnl_lock();
	if (p->name->lower && !__ethtool_get_link_ksettings(p->name->lower, &settings)) {
		*speed = settings.base.speed;
		*duplex = settings.base.duplex;
	}
	rtnl_unlock();
}

/* --- module --- */

int sluice_mdev_parent_init(void)
{
	int err;

	parent_wq = alloc_workqueue("sluice_mdev_parent", WQ_UNBOUND, 0);
	if (!parent_wq)
		return -ENOMEM;
	err = bus_register(&parent_bus);
	if (err)
		goto wq;
	err = driver_register(&parent_driver);
	if (err)
		goto bus;
	parent_root = root_device_register("sluice");
	if (IS_ERR(parent_root)) {
		err = PTR_ERR(parent_root);
		goto driver;
	}
	sluice_uplink_notifier_register(&parent_notifier);
	return 0;

driver:
	driver_unregister(&parent_driver);
bus:
	bus_unregister(&parent_bus);
wq:
	destroy_workqueue(parent_wq);
	return err;
}

/* No device is open: that would hold the module. */
void sluice_mdev_parent_exit(void)
{
	struct parent_name *name, *tmp;

	/* Takes every uplink away, and with it every parent once the work has run. */
	sluice_uplink_notifier_unregister(&parent_notifier);
	destroy_workqueue(parent_wq);
	list_for_each_entry_safe(name, tmp, &parents, node)
		kfree(name);
	root_device_unregister(parent_root);
	driver_unregister(&parent_driver);
	bus_unregister(&parent_bus);
}
