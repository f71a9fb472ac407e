// SPDX-License-Identifier: GPL-2.0-only
/* What makes the device a disk: a volume, and its features and configuration (virtio 1.2, 5.2). */
#include <linux/virtio_ids.h>
#include <uapi/linux/vdpa.h>
#include "vdpa.h"

/* Where the one field lies that a driver may write. */
#define BLK_WCE		offsetof(struct virtio_blk_config, wce)

static void blk_changed(struct sluice_volume *v, void *priv)
{
	sluice_vdpa_config_changed(priv);
}

static const struct sluice_volume_user blk_user = {
	.changed = blk_changed,
};

bool sluice_vdpa_blk_exists(const char *name)
{
	struct sluice_volume *v = sluice_volume_get_by_name(name);

	sluice_volume_put(v);
	return v;
}

/*
 * The core lets nobody choose among a disk's own features where network cards can be made too: the
 * numbers mean other things there. So what is chosen is what the rings can do.
 */
static int blk_choose_features(struct sluice_vdpa *d, const struct vdpa_dev_set_config *config)
{
	u64 ring = SLUICE_VDPA_RING_OFFER;

	if (config->mask & (BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU)))
		return -EINVAL;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES))
		ring = config->device_features;
	if (ring & ~SLUICE_VDPA_RING_OFFER || !(ring & BIT_ULL(VIRTIO_F_VERSION_1)))
		return -EINVAL;
	d->offer = sluice_volume_offer(d->blk.volume) | ring;
	return 0;
}

static int blk_bind(struct sluice_vdpa *d, const char *name,
		    const struct vdpa_dev_set_config *config)
{
	struct sluice_volume *v = sluice_volume_get_by_name(name);
	int err;

	if (!v)
		return -ENODEV;
	d->blk.volume = v;
	d->nr_vqs = sluice_volume_nr_queues(v);
	err = sluice_volume_claim(v, &blk_user, d);
	if (err)
		goto put;
	/* One that nobody has may be about to lose its device. */
	err = blk_choose_features(d, config);
	if (!err)
		return 0;
	sluice_volume_release(v);
	/* Until then the configuration could change. */
	cancel_work_sync(&d->event_work);
put:
	sluice_volume_put(v);
	return err;
}

static void blk_unbind(struct sluice_vdpa *d)
{
	sluice_volume_release(d->blk.volume);
	sluice_volume_put(d->blk.volume);
}

static struct sluice_queue *blk_queue(struct sluice_vdpa *d, unsigned int index)
{
	return sluice_volume_queue(d->blk.volume, index);
}

/* A driver that cannot flush has nothing to choose. */
static void blk_choose_cache(struct sluice_vdpa *d)
{
	lockdep_assert_held(&d->lock);
	if (d->blk.wce_written && sluice_vdpa_has(d, VIRTIO_BLK_F_CONFIG_WCE) &&
	    sluice_vdpa_has(d, VIRTIO_BLK_F_FLUSH))
		sluice_volume_set_writeback(d->blk.volume, d->blk.wce);
}

/* A driver may choose its cache as soon as it knows the features, which is before this. */
static void blk_accept(struct sluice_vdpa *d)
{
	sluice_volume_set_features(d->blk.volume, d->features);
	blk_choose_cache(d);
}

static void blk_reset(struct sluice_vdpa *d)
{
	lockdep_assert_held(&d->lock);
	d->blk.wce_written = false;
	sluice_volume_reset(d->blk.volume);
}

/* Requests have no header of the transport's. */
static void blk_vq_config(const struct sluice_vdpa *d, struct sluice_queue_config *cfg)
{
}

static void blk_get_config(struct sluice_vdpa *d, union sluice_vdpa_config *config)
{
	u64 features = READ_ONCE(d->features);

	sluice_volume_get_config(d->blk.volume, &config->blk);
	/* From when it has said what it can, which is before the volume hears of it. */
	if (features && !(features & BIT_ULL(VIRTIO_BLK_F_FLUSH)))
		config->blk.wce = 0;
}

/* A VMM may write all of it for the sake of one field. */
static void blk_set_config(struct sluice_vdpa *d, unsigned int off, const void *buf,
			   unsigned int len)
{
	if (off > BLK_WCE || len <= BLK_WCE - off)
		return;
	mutex_lock(&d->lock);
	d->blk.wce = ((const u8 *)buf)[BLK_WCE - off];
	d->blk.wce_written = true;
	blk_choose_cache(d);
	mutex_unlock(&d->lock);
}

const struct sluice_vdpa_type sluice_vdpa_blk_type = {
	.id = VIRTIO_ID_BLOCK,
	.config_size = sizeof(struct virtio_blk_config),
	.bind = blk_bind,
	.unbind = blk_unbind,
	.queue = blk_queue,
	.accept = blk_accept,
	.reset = blk_reset,
	.vq_config = blk_vq_config,
	.get_config = blk_get_config,
	.set_config = blk_set_config,
};
