// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver made of the fuzzer's bytes, at the registers of a mediated device: configuration space,
 * the window in it, common and device configuration. What is checked is what no driver may bring
 * about: a bit that is not its own, a status that is not to be had, a queue that changes while it
 * is enabled, a window beyond a BAR.
 */
#include <stdlib.h>
#include <linux/pci_ids.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include "common.h"
#include "netcfg.h"
#include "pci.h"

#define MAX	256

static struct sluice_pci pci, pci_new;
static struct sluice_common common;
static struct virtio_net_config net;
static const u8 *input;
static size_t left;

static void need(bool cond)
{
	if (!cond)
		abort();
}

static u8 byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static u32 word(void)
{
	u32 b = byte();

	/* Small numbers and limits are worth more than others. */
	if (b < 0xf0)
		return b;
	if (b < 0xf8)
		return 1U << (4 * (b & 7)) | byte();
	return b == 0xff ? ~0U : (u32)byte() << 24 | byte() << 16 | byte() << 8 | byte();
}

/* Bits that are not the driver's are as they were made; so it is known again by them. */
static void check_pci(void)
{
	unsigned int i;

	need(!memcmp(pci.writable, pci_new.writable, sizeof(pci.writable)));
	for (i = 0; i < SLUICE_PCI_CFG_SIZE; i++) {
		u8 may = pci.writable[i] | (i == PCI_STATUS ? PCI_STATUS_INTERRUPT : 0);

		need(!((pci.cfg[i] ^ pci_new.cfg[i]) & ~may));
	}
}

static void check_queue(const struct sluice_common_queue *q)
{
	need(q->size && q->size <= q->max && q->max == MAX);
	need(q->vector < common.vectors || q->vector == VIRTIO_MSI_NO_VECTOR);
}

static void check_common(const struct sluice_common *was)
{
	const struct sluice_common *c = &common;
	unsigned int i;

	need(c->offered == was->offered && c->nr_queues == was->nr_queues);
	need(c->vectors == was->vectors);
	need(c->config_vector < c->vectors || c->config_vector == VIRTIO_MSI_NO_VECTOR);
	if (c->status & VIRTIO_CONFIG_S_FEATURES_OK)
		need(!(c->features & ~c->offered) && sluice_netcfg_features_valid(c->features));
	if (c->status & VIRTIO_CONFIG_S_DRIVER_OK)
		need(c->status & VIRTIO_CONFIG_S_FEATURES_OK);
	for (i = 0; i < c->nr_queues; i++) {
		check_queue(&c->queue[i]);
		/* Its doorbell is one of the BAR. */
		need(c->notify_off(c->features, c->nr_queues, i) < c->nr_queues);
	}
}

/* A write that was no reset: what may not change has not. */
static void check_write(const struct sluice_common *was, enum sluice_common_act act)
{
	unsigned int i;

	need((common.status & was->status) == was->status);
	/* NEEDS_RESET is not the driver's to set. */
	need(!((common.status ^ was->status) & VIRTIO_CONFIG_S_NEEDS_RESET));
	if (was->status & VIRTIO_CONFIG_S_FEATURES_OK)
		need(common.features == was->features);
	for (i = 0; i < common.nr_queues; i++) {
		const struct sluice_common_queue *q = &common.queue[i], *w = &was->queue[i];

		if (w->enabled)
			need(q->enabled && q->size == w->size && q->desc == w->desc &&
			     q->driver == w->driver && q->device == w->device);
		if (i != common.select)
			need(!memcmp(q, w, sizeof(*q)));
	}
	need(act != SLUICE_COMMON_START ||
	     !(was->status & VIRTIO_CONFIG_S_DRIVER_OK));
	need(act != SLUICE_COMMON_QUEUE_START ||
	     (common.queue[common.select].enabled && !was->queue[common.select].enabled &&
	      common.status & VIRTIO_CONFIG_S_DRIVER_OK));
}

static void common_write(u32 off, u32 value, unsigned int len)
{
	struct sluice_common was = common;
	enum sluice_common_act act = sluice_common_write(&common, off, value, len);

	switch (act) {
	case SLUICE_COMMON_RESET:
		sluice_common_reset(&common);
		need(!common.status && !common.features && !common.select);
		break;
	case SLUICE_COMMON_QUEUE_RESET:
		need(common.select < common.nr_queues);
		sluice_common_reset_queue(&common, common.select);
		need(!common.queue[common.select].enabled);
		break;
	default:
		check_write(&was, act);
		break;
	}
	check_common(&was);
}

/* An access to a BAR, as somebody who has to pass it on would make it. Not beyond @buf. */
static void bar_read(unsigned int bar, u32 off, u8 *buf, unsigned int len)
{
	u8 again[8];

	if (bar != SLUICE_PCI_BAR_VIRTIO)
		return;
	if (off / SLUICE_PCI_WIN_SIZE == SLUICE_PCI_COMMON / SLUICE_PCI_WIN_SIZE) {
		sluice_common_read(&common, off, buf, len);
		/* Reading changes nothing. */
		sluice_common_read(&common, off, again, len);
		need(!memcmp(buf, again, len));
	} else if (off >= SLUICE_PCI_DEVICE) {
		sluice_common_read_device(&net, sizeof(net), off - SLUICE_PCI_DEVICE, buf, len);
	}
}

static void bar_write(unsigned int bar, u32 off, const u8 *buf, unsigned int len)
{
	u32 value = 0;

	memcpy(&value, buf, len > 4 ? 4 : len);
	if (bar == SLUICE_PCI_BAR_VIRTIO && off < SLUICE_PCI_WIN_SIZE)
		common_write(off, value, len);
}

static void check_window(const struct sluice_pci_window *w)
{
	u32 size = sluice_pci_bar_size(&pci, w->bar);

	need(w->len == 1 || w->len == 2 || w->len == 4);
	need(w->off < size && w->len <= size - w->off && !(w->off % w->len));
	need(w->data >= pci.cfg && w->data + w->len <= pci.cfg + sizeof(pci.cfg));
}

static void cfg_read(unsigned int off, unsigned int len)
{
	struct sluice_pci_window w;
	u8 *buf = malloc(len);

	if (sluice_pci_window(&pci, off, len, &w)) {
		check_window(&w);
		bar_read(w.bar, w.off, w.data, w.len);
	}
	sluice_pci_set_intx(&pci, common.status & 1);
	sluice_pci_read(&pci, off, buf, len);
	check_pci();
	free(buf);
}

static void cfg_write(unsigned int off, unsigned int len)
{
	struct sluice_pci_window w;
	u8 *buf = malloc(len);
	unsigned int what, i;
	bool off_was = sluice_pci_intx_disabled(&pci);

	for (i = 0; i < len; i++)
		buf[i] = byte();
	what = sluice_pci_write(&pci, off, buf, len);
	need(!!(what & SLUICE_PCI_DO_INTX) == (sluice_pci_intx_disabled(&pci) != off_was));
	free(buf);
	check_pci();
	if (what & SLUICE_PCI_DO_FLR) {
		sluice_pci_reset(&pci);
		sluice_pci_set_intx(&pci, false);
		need(!memcmp(&pci, &pci_new, sizeof(pci)));
		sluice_common_reset(&common);
		return;
	}
	if (sluice_pci_window(&pci, off, len, &w)) {
		check_window(&w);
		bar_write(w.bar, w.off, w.data, w.len);
	}
}

static void step(void)
{
	u8 op = byte(), buf[8], *exact;
	unsigned int len = 1U << (op >> 6), off;

	switch (op & 7) {
	case 0:
	case 1:
		off = byte();
		len = op & 8 ? 1 + byte() % 64 : len;
		if (len > SLUICE_PCI_CFG_SIZE - off)
			len = SLUICE_PCI_CFG_SIZE - off;
		if (op & 1)
			cfg_write(off, len);
		else
			cfg_read(off, len);
		break;
	case 2:
	case 3:
		off = word();
		exact = malloc(len);
		bar_read(SLUICE_PCI_BAR_VIRTIO, off, exact, len);
		free(exact);
		break;
	case 4:
		/* A ring breaks, or the configuration changes. */
		common.status |= common.status & VIRTIO_CONFIG_S_DRIVER_OK ?
				 VIRTIO_CONFIG_S_NEEDS_RESET : 0;
		common.generation++;
		break;
	default:
		off = word() % (2 * SLUICE_COMMON_SIZE);
		*(u32 *)buf = word();
		*(u32 *)(buf + 4) = 0;
		bar_write(SLUICE_PCI_BAR_VIRTIO, off, buf, len > 4 ? 4 : len);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned int i, pairs;

	input = data;
	left = size;
	pairs = 1 + byte() % 16;
	memset(&common, 0, sizeof(common));
	sluice_pci_init(&pci, VIRTIO_ID_NET, PCI_CLASS_NETWORK_ETHERNET, 2 * pairs + 2,
			2 * pairs + 1);
	need(sluice_pci_bar_size(&pci, SLUICE_PCI_BAR_NOTIFY) >=
	     (2 * pairs + 1) * SLUICE_PCI_NOTIFY_STRIDE);
	pci_new = pci;
	common.offered = sluice_netcfg_features(pairs);
	common.valid = sluice_netcfg_features_valid;
	common.notify_off = sluice_netcfg_notify_off;
	common.vectors = 2 * pairs + 2;
	common.nr_queues = 2 * pairs + 1;
	for (i = 0; i < common.nr_queues; i++)
		common.queue[i].max = MAX;
	sluice_common_reset(&common);
	while (left)
		step();
	return 0;
}
