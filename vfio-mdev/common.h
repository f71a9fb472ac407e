/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The common configuration structure (virtio 1.2, 4.1.4.3): registers by which a driver finds out,
 * agrees on features and describes its queues. As pci.h: plain functions, no kernel state.
 */
#ifndef _SLUICE_MDEV_COMMON_H
#define _SLUICE_MDEV_COMMON_H

#include <linux/bits.h>
#include <linux/types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#define SLUICE_COMMON_QUEUES	33	/* 16 pairs and a control queue */
#define SLUICE_COMMON_SIZE	64	/* bytes of the structure, as 1.2 has it */

/* Features of the transport and its rings, which every device offers. */
#define SLUICE_COMMON_OFFER							\
	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |	\
	 BIT_ULL(VIRTIO_F_RING_PACKED) | BIT_ULL(VIRTIO_F_RING_RESET) |		\
	 BIT_ULL(VIRTIO_F_NOTIFICATION_DATA) |					\
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) | BIT_ULL(VIRTIO_RING_F_EVENT_IDX))

/**
 * struct sluice_common_queue - a virtqueue as the driver describes it
 * @max: entries at most
 * @size: entries
 * @vector: of MSI-X, or VIRTIO_MSI_NO_VECTOR; READ_ONCE where interrupts are raised
 * @enabled: the driver set queue_enable
 * @desc: address of the descriptor area
 * @driver: address of the driver area
 * @device: address of the device area
 */
struct sluice_common_queue {
	u16 max;
	u16 size;
	u16 vector;
	bool enabled;
	u64 desc;
	u64 driver;
	u64 device;
};

/**
 * struct sluice_common - the registers
 * @offered: features of the device
 * @features: that the driver accepted; they hold once FEATURES_OK is set
 * @valid: do these features go together? They are some of @offered, with VERSION_1; NULL: all do
 * @notify_off: which doorbell is that of queue @index; NULL: that of its number
 * @offered_select: half of @offered that is seen
 * @features_select: half of @features that is seen
 * @config_vector: as the vector of a queue
 * @vectors: how many there are
 * @status: VIRTIO_CONFIG_S_*
 * @generation: changes with the device configuration
 * @select: queue that is seen
 * @nr_queues: length of @queue
 * @queue: the virtqueues
 */
struct sluice_common {
	u64 offered;
	u64 features;
	bool (*valid)(u64 features);
	u16 (*notify_off)(u64 features, u16 nr_queues, u16 index);
	u32 offered_select;
	u32 features_select;
	u16 config_vector;
	u16 vectors;
	u8 status;
	u8 generation;
	u16 select;
	u16 nr_queues;
	struct sluice_common_queue queue[SLUICE_COMMON_QUEUES];
};

/* What a write means for the rest of the device. */
enum sluice_common_act {
	SLUICE_COMMON_NOTHING,
	SLUICE_COMMON_RESET,		/* status 0: stop all, then sluice_common_reset() */
	SLUICE_COMMON_START,		/* DRIVER_OK: serve the queues that are enabled */
	SLUICE_COMMON_QUEUE_START,	/* queue_enable of the selected queue, after DRIVER_OK */
	SLUICE_COMMON_QUEUE_RESET,	/* stop the selected, sluice_common_reset_queue() */
};

static inline bool sluice_common_has(const struct sluice_common *c, unsigned int bit)
{
	return c->features & (1ULL << bit);
}

/* As the driver finds it; what describes the device (@offered to @max) stays. */
void sluice_common_reset(struct sluice_common *c);
void sluice_common_reset_queue(struct sluice_common *c, unsigned int index);
/* @off is anything, @len is 1, 2 or 4. What is not a register reads as zero. */
void sluice_common_read(const struct sluice_common *c, u32 off, void *buf, unsigned int len);
/* Likewise. A register is written whole, or not at all. */
enum sluice_common_act sluice_common_write(struct sluice_common *c, u32 off, u32 value,
					   unsigned int len);
/* The doorbell of queue @index. */
u16 sluice_common_notify_off(const struct sluice_common *c, u16 index);
/* The device configuration @cfg of @size bytes: @off is anything. What is not there is zero. */
void sluice_common_read_device(const void *cfg, size_t size, u32 off, void *buf, unsigned int len);

#endif /* _SLUICE_MDEV_COMMON_H */
