// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes a device a disk: a volume behind it (virtio 1.2, 5.2), whose name is that of the
 * device's parent.
 */
#include <linux/pci_ids.h>
#include <linux/virtio_ids.h>
#include "mdev.h"

/* Where the one field lies that a driver may write. */
#define BLK_WCE		offsetof(struct virtio_blk_config, wce)

/* RTNL: so only have it looked at. */
static void blk_changed(struct sluice_volume *v, void *priv)
{
	sluice_mdev_device_changed(priv);
}

static const struct sluice_volume_user blk_user = {
	.changed = blk_changed,
};

static int blk_make(struct sluice_mdev *m)
{
	struct sluice_volume *v = sluice_volume_get_by_name(dev_name(m->dev->parent));
	int err;

	err = v ? sluice_volume_claim(v, &blk_user, m) : -ENODEV;
	if (err) {
		dev_warn(m->dev, "cannot have the volume %s: %s (%pe)\n", dev_name(m->dev->parent),
			 err == -EBUSY ? "another device has it" :
			 err == -ENOKEY ? "it has no key, and keys are enforced" :
			 err == -EUCLEAN ? "its re-encryption is not finished" : "it is gone",
			 ERR_PTR(err));
		sluice_volume_put(v);
		return err;
	}
	m->disk.volume = v;
	return 0;
}

/* Nobody has it open. */
static void blk_drop(struct sluice_mdev *m)
{
	struct sluice_volume *v = m->disk.volume;

	if (!v)
		return;
	sluice_volume_release(v);
	sluice_volume_put(v);
	m->disk.volume = NULL;
}

static int blk_bind(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	m->nr_data = sluice_volume_nr_queues(m->disk.volume);
	return 0;
}

/* The volume stays ours: see blk_drop(). */
static void blk_unbind(struct sluice_mdev *m)
{
}

static void blk_describe(struct sluice_mdev *m)
{
	m->common.nr_queues = m->nr_data;
	m->common.offered = SLUICE_COMMON_OFFER | sluice_volume_offer(m->disk.volume);
}

static struct sluice_queue *blk_queue(const struct sluice_mdev *m, unsigned int index)
{
	return sluice_volume_queue(m->disk.volume, index);
}

/* Requests have no header of the transport's. */
static void blk_queue_config(const struct sluice_mdev *m, unsigned int index,
			     struct sluice_queue_config *cfg)
{
}

/* Has the device configuration changed? As it is now, but for what the driver chose. */
static bool blk_news(struct sluice_mdev *m)
{
	struct virtio_blk_config now;

	lockdep_assert_held(&m->lock);
	sluice_volume_get_config(m->disk.volume, &now);
	if (m->disk.wce_written)
		now.wce = m->disk.config.wce;
	if (!memcmp(&now, &m->disk.config, sizeof(now)))
		return false;
	m->disk.config = now;
	return true;
}

/* A driver may choose its cache as soon as it knows the features, which is before this. */
static void blk_start(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	sluice_volume_set_features(m->disk.volume, m->common.features);
	if (m->disk.wce_written)
		sluice_volume_set_writeback(m->disk.volume, m->disk.config.wce);
	/* The cache that it has depends on what the driver knows of. */
	if (blk_news(m))
		m->common.generation++;
}

static void blk_reset(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	m->nr_active = m->nr_data;
	m->disk.wce_written = false;
	sluice_volume_reset(m->disk.volume);
	blk_news(m);
}

/* A driver that cannot flush has no cache, from when it has said so. */
static bool blk_has_no_cache(const struct sluice_mdev *m)
{
	return m->common.status & VIRTIO_CONFIG_S_FEATURES_OK &&
	       !sluice_mdev_has(m, VIRTIO_BLK_F_FLUSH);
}

static void blk_read(struct sluice_mdev *m, u32 off, void *buf, unsigned int len)
{
	struct virtio_blk_config now = m->disk.config;

	if (blk_has_no_cache(m))
		now.wce = 0;
	sluice_common_read_device(&now, sizeof(now), off, buf, len);
}

static void blk_write(struct sluice_mdev *m, u32 off, const u8 *buf, unsigned int len)
{
	lockdep_assert_held(&m->lock);
	if (off > BLK_WCE || len <= BLK_WCE - off ||
	    !(m->common.status & VIRTIO_CONFIG_S_FEATURES_OK) ||
	    !sluice_mdev_has(m, VIRTIO_BLK_F_CONFIG_WCE) || blk_has_no_cache(m))
		return;
	m->disk.config.wce = !!buf[BLK_WCE - off];
	m->disk.wce_written = true;
	if (m->common.status & VIRTIO_CONFIG_S_DRIVER_OK)
		sluice_volume_set_writeback(m->disk.volume, m->disk.config.wce);
}

/* A volume has one user, whatever that is. */
static unsigned int blk_available(struct mdev_type *type)
{
	struct sluice_volume *v = sluice_volume_get_by_name(dev_name(type->parent->dev));
	bool free = v && !sluice_volume_claimed(v);

	sluice_volume_put(v);
	return free;
}

static const struct attribute_group *blk_groups[] = {
	&sluice_mdev_device_group,
	NULL
};

struct sluice_mdev_kind sluice_mdev_blk_kind = {
	.driver = {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		.max_instances = 1,
		.get_available = blk_available,
		.driver = {
			.name = KBUILD_MODNAME "_blk",
			.owner = THIS_MODULE,
			.mod_name = KBUILD_MODNAME,
			.dev_groups = blk_groups,
		},
		.probe = sluice_mdev_probe,
		.remove = sluice_mdev_remove,
	},
	.type = "blk",
	.pretty = "virtio disk",
	.id = VIRTIO_ID_BLOCK,
	.class = PCI_CLASS_STORAGE_SCSI,
	/* A request has as many segments as a volume takes, without tables of their own too. */
	.ring_max = 1024,
	.make = blk_make,
	.drop = blk_drop,
	.bind = blk_bind,
	.unbind = blk_unbind,
	.describe = blk_describe,
	.queue = blk_queue,
	.queue_config = blk_queue_config,
	.start = blk_start,
	.reset = blk_reset,
	.news = blk_news,
	.read = blk_read,
	.write = blk_write,
};
