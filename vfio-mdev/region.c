// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses to configuration space and BARs, and what they set going. Everything of a device that a
 * driver or a VMM can write to is reached through here, under mdev->lock; so a reset, whoever asked
 * for it, finds no other access half done.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include "mdev.h"

u64 sluice_mdev_region_size(const struct sluice_mdev *m, unsigned int region)
{
	switch (region) {
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return SLUICE_PCI_CFG_SIZE;
	case VFIO_PCI_BAR0_REGION_INDEX ... VFIO_PCI_BAR5_REGION_INDEX:
		return sluice_pci_bar_size(&m->pci, region);
	default:
		return 0;
	}
}

/* --- resets --- */

/*
 * Queues first: when they are stopped no worker touches the guest's memory or signals for it. What
 * the driver said is forgotten next, and then nothing refers to the memory that is unpinned.
 */
void sluice_mdev_region_reset_virtio(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	sluice_mdev_queue_stop_all(m);
	sluice_mdev_mem_forget(m);
	sluice_common_reset(&m->common);
	m->kind->reset(m);
	sluice_mdev_irq_reset(m);
}

void sluice_mdev_region_reset(struct sluice_mdev *m)
{
	sluice_mdev_region_reset_virtio(m);
	sluice_pci_reset(&m->pci);
	memset(m->msix_table, 0, sizeof(m->msix_table));
	sluice_mdev_irq_set_intx_off(m, false);
}

void sluice_mdev_region_init(struct sluice_mdev *m)
{
	struct sluice_common *c = &m->common;
	unsigned int i;

	lockdep_assert_held(&m->lock);
	memset(c, 0, sizeof(*c));
	m->kind->describe(m);
	c->vectors = c->nr_queues + 1;
	for (i = 0; i < c->nr_queues; i++)
		c->queue[i].max = m->kind->ring_max;
	m->irq.nr = c->vectors;
	sluice_pci_init(&m->pci, m->kind->id, m->kind->class, c->vectors, c->nr_queues);
}

void sluice_mdev_region_config_changed(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	m->common.generation++;
	if (m->common.status & VIRTIO_CONFIG_S_DRIVER_OK)
		sluice_mdev_irq_raise(m, m->common.config_vector, true);
}

/* --- the common configuration --- */

static void region_write_common(struct sluice_mdev *m, u32 off, u32 value, unsigned int len)
{
	struct sluice_common *c = &m->common;

	switch (sluice_common_write(c, off, value, len)) {
	case SLUICE_COMMON_NOTHING:
		break;
	case SLUICE_COMMON_RESET:
		sluice_mdev_region_reset_virtio(m);
		break;
	case SLUICE_COMMON_START:
		m->kind->start(m);
		sluice_mdev_queue_start_all(m);
		break;
	case SLUICE_COMMON_QUEUE_START:
		sluice_mdev_queue_start(m, c->select);
		break;
	case SLUICE_COMMON_QUEUE_RESET:
		sluice_mdev_queue_stop(m, c->select);
		sluice_common_reset_queue(c, c->select);
		break;
	}
}

/* --- BARs --- */

static u32 region_value(const u8 *buf, unsigned int len)
{
	u32 value = 0;

	while (len--)
		value = value << 8 | buf[len];
	return value;
}

static void region_read_virtio(struct sluice_mdev *m, u32 off, u8 *buf, unsigned int len)
{
	switch (round_down(off, SLUICE_PCI_WIN_SIZE)) {
	case SLUICE_PCI_COMMON:
		sluice_common_read(&m->common, off - SLUICE_PCI_COMMON, buf, len);
		break;
	case SLUICE_PCI_ISR:
		if (off == SLUICE_PCI_ISR)
			buf[0] = sluice_mdev_irq_read_isr(m);
		break;
	case SLUICE_PCI_DEVICE:
		m->kind->read(m, off - SLUICE_PCI_DEVICE, buf, len);
		break;
	}
}

static void region_read_bar(struct sluice_mdev *m, unsigned int bar, u32 off, u8 *buf,
			    unsigned int len)
{
	memset(buf, 0, len);
	if (bar == SLUICE_PCI_BAR_VIRTIO)
		region_read_virtio(m, off, buf, len);
	else if (bar == SLUICE_PCI_BAR_MSIX)
		memcpy(buf, m->msix_table + off, len);
}

static void region_write_virtio(struct sluice_mdev *m, u32 off, const u8 *buf, unsigned int len)
{
	switch (round_down(off, SLUICE_PCI_WIN_SIZE)) {
	case SLUICE_PCI_COMMON:
		region_write_common(m, off - SLUICE_PCI_COMMON, region_value(buf, len), len);
		break;
	case SLUICE_PCI_DEVICE:
		if (m->kind->write)
			m->kind->write(m, off - SLUICE_PCI_DEVICE, buf, len);
		break;
	}
}

static void region_write_bar(struct sluice_mdev *m, unsigned int bar, u32 off, const u8 *buf,
			     unsigned int len)
{
	switch (bar) {
	case SLUICE_PCI_BAR_VIRTIO:
		region_write_virtio(m, off, buf, len);
		break;
	case SLUICE_PCI_BAR_NOTIFY:
		/* Where it is written says which queue it is for; what is written only hints. */
		sluice_mdev_queue_doorbell(m, off / SLUICE_PCI_NOTIFY_STRIDE);
		break;
	case SLUICE_PCI_BAR_MSIX:
		/* The pending bits are not the driver's. */
		if (off < m->irq.nr * PCI_MSIX_ENTRY_SIZE)
			memcpy(m->msix_table + off, buf, len);
		break;
	}
}

/* --- configuration space --- */

static void region_read_config(struct sluice_mdev *m, u32 off, u8 *buf, unsigned int len)
{
	struct sluice_pci_window win;

	if (sluice_pci_window(&m->pci, off, len, &win))
		region_read_bar(m, win.bar, win.off, win.data, win.len);
	sluice_pci_set_intx(&m->pci, sluice_mdev_irq_intx_asserted(m));
	sluice_pci_read(&m->pci, off, buf, len);
}

static void region_write_config(struct sluice_mdev *m, u32 off, const u8 *buf, unsigned int len)
{
	struct sluice_pci_window win;
	unsigned int what;

	what = sluice_pci_write(&m->pci, off, buf, len);
	if (what & SLUICE_PCI_DO_INTX)
		sluice_mdev_irq_set_intx_off(m, sluice_pci_intx_disabled(&m->pci));
	if (what & SLUICE_PCI_DO_FLR)
		sluice_mdev_region_reset(m);
	else if (sluice_pci_window(&m->pci, off, len, &win))
		region_write_bar(m, win.bar, win.off, win.data, win.len);
}

void sluice_mdev_region_read(struct sluice_mdev *m, unsigned int region, u32 off, u8 *buf,
			     unsigned int len)
{
	lockdep_assert_held(&m->lock);
	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		region_read_config(m, off, buf, len);
	else
		region_read_bar(m, region, off, buf, len);
}

void sluice_mdev_region_write(struct sluice_mdev *m, unsigned int region, u32 off, const u8 *buf,
			      unsigned int len)
{
	lockdep_assert_held(&m->lock);
	if (region == VFIO_PCI_CONFIG_REGION_INDEX)
		region_write_config(m, off, buf, len);
	else
		region_write_bar(m, region, off, buf, len);
}
