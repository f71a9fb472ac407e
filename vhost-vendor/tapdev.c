// SPDX-License-Identifier: GPL-2.0-only
/*
 * One character device for each guest port, named after its netdev's index, as macvtap does and
 * VMMs look for it.
 *
 * DOC: Registry and removal
 *
 * Devices come and go with the port notifier, under RTNL; so nothing here that the notifier
 * takes is ever held around a call that takes RTNL. A device is found by its minor in an
 * xarray, under its lock, where the registry's own reference keeps it; who found it holds a
 * reference of his own. A port that leaves a namespace loses its device and gets another one in
 * the next: files that are open go on, for they hold the port itself.
 *
 * DOC: Namespaces
 *
 * Interface indices are unique in a namespace only, and may be chosen there; /dev is one. So the
 * name that VMMs look for, /dev/tap<ifindex>, is that of a port in the first namespace. Elsewhere
 * the namespace is part of it: /dev/sluice-tap/<its inode number>-<ifindex>. So that nobody
 * attaches a guest to another namespace's port by mistake, a device opens only for those who are
 * in its port's namespace.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include "tap.h"

#define TAPDEV_MINORS	BIT(MINORBITS)

static DEFINE_XARRAY_ALLOC(tapdevs);
static struct cdev tapdev_cdev;
static dev_t tapdev_devt;

static const void *tapdev_namespace(const struct device *dev)
{
	const struct sluice_tapdev *d = dev_get_drvdata(dev);

	return d->net;
}

static const struct class tapdev_class = {
	.name = "sluice-tap",
	.ns_type = &net_ns_type_operations,
	.namespace = tapdev_namespace,
};

static dev_t tapdev_number(const struct sluice_tapdev *d)
{
	return MKDEV(MAJOR(tapdev_devt), d->minor);
}

struct sluice_tapdev *sluice_tapdev_get(u32 minor)
{
	struct sluice_tapdev *d;

	xa_lock(&tapdevs);
	d = xa_load(&tapdevs, minor);
	if (d)
		kref_get(&d->ref);
	xa_unlock(&tapdevs);
	return d;
}

static void tapdev_free(struct kref *ref)
{
	struct sluice_tapdev *d = container_of(ref, struct sluice_tapdev, ref);

	sluice_port_put(d->port);
	kfree(d);
}

void sluice_tapdev_put(struct sluice_tapdev *d)
{
	kref_put(&d->ref, tapdev_free);
}

/* A ! in a name is a / in /dev. */
static struct device *tapdev_create(struct sluice_tapdev *d, struct net_device *dev)
{
	if (net_eq(d->net, &init_net))
		return device_create(&tapdev_class, &dev->dev, tapdev_number(d), d, "tap%d",
				     dev->ifindex);
	return device_create(&tapdev_class, &dev->dev, tapdev_number(d), d, "sluice-tap!%u-%d",
			     d->net->ns.inum, dev->ifindex);
}

static int tapdev_add(struct sluice_port *port, struct net_device *dev)
{
	struct sluice_tapdev *d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	struct device *device;
	int err;

	if (!d)
		return -ENOMEM;
	kref_init(&d->ref);
	mutex_init(&d->open_lock);
	sluice_port_hold(port);
	d->port = port;
	d->net = dev_net(dev);
	d->dev = dev;
	err = xa_alloc(&tapdevs, &d->minor, d, XA_LIMIT(0, TAPDEV_MINORS - 1), GFP_KERNEL);
	if (err)
		goto put;
	device = tapdev_create(d, dev);
	if (IS_ERR(device)) {
		err = PTR_ERR(device);
		xa_erase(&tapdevs, d->minor);
		goto put;
	}
	return 0;

put:
	sluice_tapdev_put(d);
	return err;
}

/* A port without the device is of use still: another front end may attach to it. */
static void tapdev_added(struct sluice_port *port, struct net_device *dev)
{
	int err = tapdev_add(port, dev);

	if (err)
		netdev_warn(dev, "no character device for guests to attach to: error %d\n", err);
}

static void tapdev_removed(struct sluice_port *port, struct net_device *dev)
{
	struct sluice_tapdev *d;
	unsigned long minor;

	ASSERT_RTNL();
	xa_for_each(&tapdevs, minor, d) {
		if (d->port != port)
			continue;
		xa_erase(&tapdevs, minor);
		d->dev = NULL;
		device_destroy(&tapdev_class, tapdev_number(d));
		sluice_tapdev_put(d);
		return;
	}
}

static struct sluice_port_notifier tapdev_notifier = {
	.added = tapdev_added,
	.removed = tapdev_removed,
};

int sluice_tapdev_init(void)
{
	int err;

	err = alloc_chrdev_region(&tapdev_devt, 0, TAPDEV_MINORS, "sluice-tap");
	if (err)
		return err;
	cdev_init(&tapdev_cdev, &sluice_tap_fops);
	tapdev_cdev.owner = THIS_MODULE;
	err = cdev_add(&tapdev_cdev, tapdev_devt, TAPDEV_MINORS);
	if (err)
		goto region;
	err = class_register(&tapdev_class);
	if (err)
		goto cdev;
	err = sluice_port_notifier_register(&tapdev_notifier);
	if (err)
		goto class;
	return 0;

class:
	class_unregister(&tapdev_class);
cdev:
	cdev_del(&tapdev_cdev);
region:
	unregister_chrdev_region(tapdev_devt, TAPDEV_MINORS);
	return err;
}

void sluice_tapdev_exit(void)
{
	sluice_port_notifier_unregister(&tapdev_notifier);
	class_unregister(&tapdev_class);
	cdev_del(&tapdev_cdev);
	unregister_chrdev_region(tapdev_devt, TAPDEV_MINORS);
}
