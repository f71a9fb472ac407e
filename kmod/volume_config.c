// SPDX-License-Identifier: GPL-2.0-only
/* A volume as virtio drivers are told of it (virtio 1.2, 5.2). */
#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_byteorder.h>
#include "port.h"
#include "volume.h"

#define F(name)	BIT_ULL(VIRTIO_BLK_F_##name)

/* Zeroes on the device would be read as something else through a cipher. */
static bool volume_sees_device(const struct sluice_volume *v)
{
	return !v->cipher_bits && !v->read_only;
}

/* Holes are read as anything anyway; but they tell where nothing is, which may be allowed. */
static bool volume_discards(const struct sluice_volume *v)
{
	return !v->read_only && (!v->cipher_bits || v->allow_discards);
}

u64 sluice_volume_offer(const struct sluice_volume *v)
{
	u64 features = F(SIZE_MAX) | F(SEG_MAX) | F(BLK_SIZE) | F(FLUSH) | F(TOPOLOGY) |
		       F(CONFIG_WCE);

	if (v->read_only)
		features |= F(RO);
	if (v->nr_queues > 1)
		features |= F(MQ);
	if (volume_discards(v) && bdev_max_discard_sectors(v->bdev))
		features |= F(DISCARD);
	if (volume_sees_device(v) && bdev_write_zeroes_sectors(v->bdev))
		features |= F(WRITE_ZEROES);
	if (volume_sees_device(v) && bdev_max_secure_erase_sectors(v->bdev))
		features |= F(SECURE_ERASE);
	return features;
}
SLUICE_EXPORT(sluice_volume_offer);

static void config_init_writeback(struct sluice_volume *v)
{
	WRITE_ONCE(v->writeback, bdev_write_cache(v->bdev));
}

void sluice_volume_reset(struct sluice_volume *v)
{
	v->features = 0;
	/*
	 * Drivers read of the cache before they start, and send no flush where there is none: what
	 * they read has to be what they have from then on, not what the driver before them left.
	 */
	config_init_writeback(v);
}
SLUICE_EXPORT(sluice_volume_reset);

void sluice_volume_set_features(struct sluice_volume *v, u64 features)
{
	v->features = features;
	/*
	 * A driver that cannot flush is given no cache: what it wrote is durable when it is
	 * completed, whether it might choose or not (virtio 1.2, 5.2.5.2, 5.2.6.2).
	 */
	if (features & F(FLUSH))
		config_init_writeback(v);
	else
		WRITE_ONCE(v->writeback, false);
}
SLUICE_EXPORT(sluice_volume_set_features);

void sluice_volume_set_writeback(struct sluice_volume *v, bool on)
{
	WRITE_ONCE(v->writeback, on);
}
SLUICE_EXPORT(sluice_volume_set_writeback);

static void config_topology(const struct sluice_volume *v, struct virtio_blk_config *c)
{
	unsigned int phys = max(bdev_physical_block_size(v->bdev), v->block_size);

	c->physical_block_exp = ilog2(phys / v->block_size);
	/* In logical blocks; an extent may begin anywhere. */
	c->alignment_offset = (phys - ((v->start << SECTOR_SHIFT) & (phys - 1))) % phys /
			      v->block_size;
	c->min_io_size = __cpu_to_virtio16(true, min(bdev_io_min(v->bdev) / v->block_size,
						     U16_MAX));
	c->opt_io_size = __cpu_to_virtio32(true, bdev_io_opt(v->bdev) / v->block_size);
}

/* What one range of a discard, or of its kind, may be. */
static __virtio32 config_sectors(u64 sectors)
{
	return __cpu_to_virtio32(true, min_t(u64, sectors, SLUICE_VOLUME_MAX_RANGE));
}

void sluice_volume_get_config(const struct sluice_volume *v, struct virtio_blk_config *c)
{
	unsigned int granularity = max(bdev_discard_granularity(v->bdev), v->block_size);

	memset(c, 0, sizeof(*c));
	c->capacity = __cpu_to_virtio64(true, READ_ONCE(v->sectors));
	c->size_max = __cpu_to_virtio32(true, SLUICE_VOLUME_MAX_BYTES);
	c->seg_max = __cpu_to_virtio32(true, SLUICE_VOLUME_MAX_SEGS);
	c->blk_size = __cpu_to_virtio32(true, v->block_size);
	config_topology(v, c);
	c->wce = READ_ONCE(v->writeback);
	c->num_queues = __cpu_to_virtio16(true, v->nr_queues);
	c->max_discard_sectors = config_sectors(bdev_max_discard_sectors(v->bdev));
	c->max_discard_seg = __cpu_to_virtio32(true, SLUICE_VOLUME_MAX_RANGES);
	c->discard_sector_alignment = __cpu_to_virtio32(true, granularity >> SECTOR_SHIFT);
	c->max_write_zeroes_sectors = config_sectors(SLUICE_VOLUME_MAX_RANGE);
	c->max_write_zeroes_seg = __cpu_to_virtio32(true, SLUICE_VOLUME_MAX_RANGES);
	c->write_zeroes_may_unmap = bdev_max_discard_sectors(v->bdev) != 0;
	c->max_secure_erase_sectors = config_sectors(bdev_max_secure_erase_sectors(v->bdev));
	c->max_secure_erase_seg = __cpu_to_virtio32(true, SLUICE_VOLUME_MAX_RANGES);
	c->secure_erase_sector_alignment = __cpu_to_virtio32(true, granularity >> SECTOR_SHIFT);
}
SLUICE_EXPORT(sluice_volume_get_config);
