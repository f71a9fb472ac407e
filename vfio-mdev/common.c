// SPDX-License-Identifier: GPL-2.0-only
/* The common configuration structure: see common.h. */
#include <linux/compiler.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include "common.h"

/* What a driver may set; NEEDS_RESET is the device's own. */
#define STATUS_DRIVER	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | \
			 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FEATURES_OK | \
			 VIRTIO_CONFIG_S_FAILED)

void sluice_common_reset_queue(struct sluice_common *c, unsigned int index)
{
	struct sluice_common_queue *q = &c->queue[index];

	q->size = q->max;
	q->enabled = false;
	q->desc = 0;
	q->driver = 0;
	q->device = 0;
	WRITE_ONCE(q->vector, VIRTIO_MSI_NO_VECTOR);
}

void sluice_common_reset(struct sluice_common *c)
{
	unsigned int i;

	c->features = 0;
	c->offered_select = 0;
	c->features_select = 0;
	c->status = 0;
	c->select = 0;
	WRITE_ONCE(c->config_vector, VIRTIO_MSI_NO_VECTOR);
	for (i = 0; i < c->nr_queues; i++)
		sluice_common_reset_queue(c, i);
}

static u32 common_half(u64 features, u32 select)
{
	if (select > 1)
		return 0;
	return select ? features >> 32 : features;
}

static void common_put(u8 *regs, unsigned int off, u32 value, unsigned int len)
{
	for (; len--; value >>= 8)
		regs[off++] = value;
}

u16 sluice_common_notify_off(const struct sluice_common *c, u16 index)
{
	return c->notify_off ? c->notify_off(c->features, c->nr_queues, index) : index;
}

static void common_put_queue(const struct sluice_common *c, u8 *regs)
{
	unsigned int i = array_index_nospec(c->select, c->nr_queues);
	const struct sluice_common_queue *q = &c->queue[i];

	common_put(regs, VIRTIO_PCI_COMMON_Q_SIZE, q->size, 2);
	common_put(regs, VIRTIO_PCI_COMMON_Q_MSIX, q->vector, 2);
	common_put(regs, VIRTIO_PCI_COMMON_Q_ENABLE, q->enabled, 2);
	common_put(regs, VIRTIO_PCI_COMMON_Q_NOFF, sluice_common_notify_off(c, c->select), 2);
	common_put(regs, VIRTIO_PCI_COMMON_Q_DESCLO, q->desc, 4);
	common_put(regs, VIRTIO_PCI_COMMON_Q_DESCHI, q->desc >> 32, 4);
	common_put(regs, VIRTIO_PCI_COMMON_Q_AVAILLO, q->driver, 4);
	common_put(regs, VIRTIO_PCI_COMMON_Q_AVAILHI, q->driver >> 32, 4);
	common_put(regs, VIRTIO_PCI_COMMON_Q_USEDLO, q->device, 4);
	common_put(regs, VIRTIO_PCI_COMMON_Q_USEDHI, q->device >> 32, 4);
	common_put(regs, VIRTIO_PCI_COMMON_Q_NDATA, c->select, 2);
	/* A reset is over by the time its write is. */
	common_put(regs, VIRTIO_PCI_COMMON_Q_RESET, 0, 2);
}

void sluice_common_read(const struct sluice_common *c, u32 off, void *buf, unsigned int len)
{
	u8 regs[SLUICE_COMMON_SIZE] = {};

	memset(buf, 0, len);
	if (off >= sizeof(regs))
		return;
	common_put(regs, VIRTIO_PCI_COMMON_DFSELECT, c->offered_select, 4);
	common_put(regs, VIRTIO_PCI_COMMON_DF, common_half(c->offered, c->offered_select), 4);
	common_put(regs, VIRTIO_PCI_COMMON_GFSELECT, c->features_select, 4);
	common_put(regs, VIRTIO_PCI_COMMON_GF, common_half(c->features, c->features_select), 4);
	common_put(regs, VIRTIO_PCI_COMMON_MSIX, c->config_vector, 2);
	common_put(regs, VIRTIO_PCI_COMMON_NUMQ, c->nr_queues, 2);
	common_put(regs, VIRTIO_PCI_COMMON_STATUS, c->status, 1);
	common_put(regs, VIRTIO_PCI_COMMON_CFGGENERATION, c->generation, 1);
	common_put(regs, VIRTIO_PCI_COMMON_Q_SELECT, c->select, 2);
	if (c->select < c->nr_queues)
		common_put_queue(c, regs);
	memcpy(buf, regs + off, min_t(size_t, len, sizeof(regs) - off));
}

void sluice_common_read_device(const void *cfg, size_t size, u32 off, void *buf, unsigned int len)
{
	memset(buf, 0, len);
	if (off < size)
		memcpy(buf, (const u8 *)cfg + off, min_t(size_t, len, size - off));
}

/* --- writes --- */

/* There is no legacy interface. */
static bool common_features_valid(const struct sluice_common *c)
{
	return !(c->features & ~c->offered) && sluice_common_has(c, VIRTIO_F_VERSION_1) &&
	       (!c->valid || c->valid(c->features));
}

static enum sluice_common_act common_write_status(struct sluice_common *c, u32 value)
{
	u8 set = value & STATUS_DRIVER & ~c->status;

	if (!value)
		return SLUICE_COMMON_RESET;
	/* The driver finds out by reading it back. */
	if (set & VIRTIO_CONFIG_S_FEATURES_OK && !common_features_valid(c))
		set &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	/* There is nothing to serve without features that both agreed on. */
	if (set & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !((c->status | set) & VIRTIO_CONFIG_S_FEATURES_OK))
		set &= ~VIRTIO_CONFIG_S_DRIVER_OK;
	/* Bits are only added, until a reset clears them all. */
	c->status |= set;
	return set & VIRTIO_CONFIG_S_DRIVER_OK ? SLUICE_COMMON_START : SLUICE_COMMON_NOTHING;
}

static void common_write_features(struct sluice_common *c, u32 value)
{
	if (c->status & VIRTIO_CONFIG_S_FEATURES_OK || c->features_select > 1)
		return;
	/* A bit that was not offered is kept: it is what FEATURES_OK is refused for. */
	if (c->features_select)
		c->features = (c->features & U32_MAX) | (u64)value << 32;
	else
		c->features = (c->features & ~(u64)U32_MAX) | value;
}

static u16 common_vector(const struct sluice_common *c, u32 value)
{
	return value < c->vectors ? value : VIRTIO_MSI_NO_VECTOR;
}

/* Registers of the device as a whole. False: @off is none of them. */
static bool common_write_device(struct sluice_common *c, u32 off, u32 value, unsigned int len,
				enum sluice_common_act *act)
{
	switch (off << 3 | len) {
	case VIRTIO_PCI_COMMON_DFSELECT << 3 | 4:
		c->offered_select = value;
		return true;
	case VIRTIO_PCI_COMMON_GFSELECT << 3 | 4:
		c->features_select = value;
		return true;
	case VIRTIO_PCI_COMMON_GF << 3 | 4:
		common_write_features(c, value);
		return true;
	case VIRTIO_PCI_COMMON_MSIX << 3 | 2:
		WRITE_ONCE(c->config_vector, common_vector(c, value));
		return true;
	case VIRTIO_PCI_COMMON_STATUS << 3 | 1:
		*act = common_write_status(c, value);
		return true;
	case VIRTIO_PCI_COMMON_Q_SELECT << 3 | 2:
		c->select = value;
		return true;
	default:
		return false;
	}
}

static void common_set_lo(u64 *addr, u32 value)
{
	*addr = (*addr & ~(u64)U32_MAX) | value;
}

static void common_set_hi(u64 *addr, u32 value)
{
	*addr = (*addr & U32_MAX) | (u64)value << 32;
}

static enum sluice_common_act common_enable_queue(struct sluice_common *c,
						  struct sluice_common_queue *q, u32 value)
{
	/* Nothing but a reset switches a queue off. */
	if (value != 1 || q->enabled)
		return SLUICE_COMMON_NOTHING;
	q->enabled = true;
	return c->status & VIRTIO_CONFIG_S_DRIVER_OK ? SLUICE_COMMON_QUEUE_START :
						       SLUICE_COMMON_NOTHING;
}

/* What describes a ring; it stays as it is while the queue is enabled. */
static void common_write_ring(struct sluice_common_queue *q, u32 off, u32 value, unsigned int len)
{
	if (q->enabled)
		return;
	switch (off << 3 | len) {
	case VIRTIO_PCI_COMMON_Q_SIZE << 3 | 2:
		if (value && value <= q->max)
			q->size = value;
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO << 3 | 4:
		common_set_lo(&q->desc, value);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCHI << 3 | 4:
		common_set_hi(&q->desc, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO << 3 | 4:
		common_set_lo(&q->driver, value);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILHI << 3 | 4:
		common_set_hi(&q->driver, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO << 3 | 4:
		common_set_lo(&q->device, value);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDHI << 3 | 4:
		common_set_hi(&q->device, value);
		break;
	}
}

enum sluice_common_act sluice_common_write(struct sluice_common *c, u32 off, u32 value,
					   unsigned int len)
{
	enum sluice_common_act act = SLUICE_COMMON_NOTHING;
	struct sluice_common_queue *q;

	if (off >= SLUICE_COMMON_SIZE || common_write_device(c, off, value, len, &act))
		return act;
	if (c->select >= c->nr_queues)
		return act;
	q = &c->queue[array_index_nospec(c->select, c->nr_queues)];
	switch (off << 3 | len) {
	case VIRTIO_PCI_COMMON_Q_MSIX << 3 | 2:
		WRITE_ONCE(q->vector, common_vector(c, value));
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE << 3 | 2:
		return common_enable_queue(c, q, value);
	case VIRTIO_PCI_COMMON_Q_RESET << 3 | 2:
		if (value == 1 && sluice_common_has(c, VIRTIO_F_RING_RESET))
			return SLUICE_COMMON_QUEUE_RESET;
		break;
	default:
		common_write_ring(q, off, value, len);
		break;
	}
	return act;
}
