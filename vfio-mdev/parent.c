// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents: for each VF that serves as an uplink, and for each volume, a device of the same name, on
 * a bus of ours and bound to a driver of ours, so that mdev names its type "sluice_mdev-net" or
 * "sluice_mdev-blk".
 *
 * DOC: Coming and going
 *
 * Uplinks and volumes come and go under RTNL, while to register a parent takes sysfs' locks, and to
 * unregister it waits for the users of its devices, who may be waiting for RTNL. So the notifiers
 * only count them by name, and work of the name's own brings the parent in line: registers it,
 * unregisters it, and looks again, as a VF that went may be back before the last user of the old
 * one has let go. Names do not wait for each other. The device is no child of the VF's, which may
 * be gone from sysfs long before; a link "vf" tells where it was.
 *
 * A volume goes when no device has it, so its parent has none any more, but for one that is about
 * to find that it is late (blk_make()).
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
 * struct parent_name - a VF or a volume, by its name
 * @node: in the list of all; parents_lock
 * @kind: which of them
 * @users: how many uplinks there are on the VF's netdevs, or volumes of the name; parents_lock
 * @vf: the VF's device, a reference, while there are uplinks; else NULL; parents_lock
 * @lower: its netdev, NULL when it is gone; RTNL
 * @work: brings @device in line; queued under parents_lock, and frees the name when it is no more
 * @device: NULL: not registered; @work only
 * @name: that name
 */
struct parent_name {
	struct list_head node;
	struct sluice_mdev_kind *kind;
	unsigned int users;
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

static bool parent_name_taken(const struct parent_name *name)
{
	struct device *dev = bus_find_device_by_name(&parent_bus, NULL, name->name);

	put_device(dev);
	return dev;
}

static struct parent_device *parent_new(struct parent_name *name, struct device *vf)
{
	struct parent_device *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	device_initialize(&p->dev);
	p->dev.parent = parent_root;
	p->dev.bus = &parent_bus;
	p->dev.release = parent_release;
	if (vf)
		set_dev_node(&p->dev, dev_to_node(vf));
	p->name = name;
	p->type.sysfs_name = name->kind->type;
	p->type.pretty_name = name->kind->pretty;
	p->types[0] = &p->type;
	return p;
}

static int parent_add(struct parent_device *p, struct device *vf)
{
	int err = dev_set_name(&p->dev, "%s", p->name->name);

	/* A volume may be called like a VF. */
	if (!err && parent_name_taken(p->name))
		err = -EEXIST;
	err = err ?: device_add(&p->dev);
	if (err)
		return err;
	/* Only for whoever looks. */
	if (vf && sysfs_create_link(&p->dev.kobj, &vf->kobj, "vf"))
		dev_warn(&p->dev, "no link to the VF\n");
	err = mdev_register_parent(&p->mdev, &p->dev, &p->name->kind->driver, p->types,
				   ARRAY_SIZE(p->types));
	if (err) {
		sysfs_remove_link(&p->dev.kobj, "vf");
		device_del(&p->dev);
	}
	return err;
}

static void parent_register(struct parent_name *name, struct device *vf)
{
	struct parent_device *p = parent_new(name, vf);
	int err = p ? parent_add(p, vf) : -ENOMEM;

	if (!err) {
		name->device = p;
		return;
	}
	pr_warn("sluice: %s cannot be a parent of mediated devices: %pe\n", name->name,
		ERR_PTR(err));
	if (p)
		put_device(&p->dev);
}

/* Removes what was made on it, which waits for those who use it. */
static void parent_unregister(struct parent_device *p)
{
	mdev_unregister_parent(&p->mdev);
	sysfs_remove_link(&p->dev.kobj, "vf");
	device_unregister(&p->dev);
}

/* One look: false: all is as it should be, or cannot be for now. */
static bool parent_bring_in_line(struct parent_name *name)
{
	bool wanted = name->users;
	struct device *vf;

	lockdep_assert_held(&parents_lock);
	if (wanted == !!name->device)
		return false;
	vf = get_device(name->vf);
	mutex_unlock(&parents_lock);
	if (wanted) {
		parent_register(name, vf);
	} else {
		parent_unregister(name->device);
		name->device = NULL;
	}
	put_device(vf);
	mutex_lock(&parents_lock);
	/* What failed is not tried again until another comes. */
	return wanted == !!name->device;
}

static void parent_work(struct work_struct *work)
{
	struct parent_name *name = container_of(work, struct parent_name, work);

	mutex_lock(&parents_lock);
	while (parent_bring_in_line(name))
		;
	/* Else it comes here again. */
	if (!name->users && !name->device && !work_pending(&name->work)) {
		list_del(&name->node);
		kfree(name);
	}
	mutex_unlock(&parents_lock);
}

/* --- names: parents_lock --- */

static struct parent_name *parent_find(const struct sluice_mdev_kind *kind, const char *which)
{
	struct parent_name *name;

	lockdep_assert_held(&parents_lock);
	list_for_each_entry(name, &parents, node) {
		if (name->kind == kind && !strcmp(name->name, which))
			return name;
	}
	return NULL;
}

/* There is one more of this name. */
static struct parent_name *parent_use(struct sluice_mdev_kind *kind, const char *which)
{
	struct parent_name *name = parent_find(kind, which);
	size_t len = strlen(which) + 1;

	if (!name) {
		name = kzalloc(struct_size(name, name, len), GFP_KERNEL);
		if (!name)
			return NULL;
		INIT_WORK(&name->work, parent_work);
		name->kind = kind;
		memcpy(name->name, which, len);
		list_add_tail(&name->node, &parents);
	}
	name->users++;
	queue_work(parent_wq, &name->work);
	return name;
}

/* One less. NULL: there was not enough memory to hear of it. */
static struct parent_name *parent_unuse(const struct sluice_mdev_kind *kind, const char *which)
{
	struct parent_name *name = parent_find(kind, which);

	if (!name || !name->users)
		return NULL;
	name->users--;
	queue_work(parent_wq, &name->work);
	return name;
}

/* --- uplinks: RTNL --- */

static void parent_uplink_added(struct net_device *uplink, struct net_device *lower)
{
	struct device *vf = lower->dev.parent;
	struct parent_name *name;

	/* A netdev that is no device's cannot be named to mdevctl either. */
	if (!vf)
		return;
	mutex_lock(&parents_lock);
	name = parent_use(&sluice_mdev_net_kind, dev_name(vf));
	if (name) {
		/* The VF of that name may be another one now. */
		put_device(name->vf);
		name->vf = get_device(vf);
		name->lower = lower;
	}
	mutex_unlock(&parents_lock);
}

static void parent_uplink_removed(struct net_device *uplink, struct net_device *lower)
{
	struct parent_name *name;

	if (!lower->dev.parent)
		return;
	mutex_lock(&parents_lock);
	name = parent_unuse(&sluice_mdev_net_kind, dev_name(lower->dev.parent));
	if (name) {
		if (name->lower == lower)
			name->lower = NULL;
		if (!name->users) {
			put_device(name->vf);
			name->vf = NULL;
		}
	}
	mutex_unlock(&parents_lock);
}

static struct sluice_uplink_notifier parent_uplink_notifier = {
	.added = parent_uplink_added,
	.removed = parent_uplink_removed,
};

/* --- volumes: RTNL --- */

static void parent_volume_added(const char *volume)
{
	mutex_lock(&parents_lock);
	parent_use(&sluice_mdev_blk_kind, volume);
	mutex_unlock(&parents_lock);
}

static void parent_volume_removed(const char *volume)
{
	mutex_lock(&parents_lock);
	parent_unuse(&sluice_mdev_blk_kind, volume);
	mutex_unlock(&parents_lock);
}

static struct sluice_volume_notifier parent_volume_notifier = {
	.added = parent_volume_added,
	.removed = parent_volume_removed,
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
	sluice_uplink_notifier_register(&parent_uplink_notifier);
	sluice_volume_notifier_register(&parent_volume_notifier);
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
	/* Takes all away, and with them every parent and name once the work has run. */
	sluice_volume_notifier_unregister(&parent_volume_notifier);
	sluice_uplink_notifier_unregister(&parent_uplink_notifier);
	destroy_workqueue(parent_wq);
	root_device_unregister(parent_root);
	driver_unregister(&parent_driver);
	bus_unregister(&parent_bus);
}
