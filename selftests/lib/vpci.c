// SPDX-License-Identifier: GPL-2.0-only
/* The virtio PCI transport: capabilities, features, queues, doorbells, vectors. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <linux/pci_regs.h>
#include "vpci.h"

#define CFG		VFIO_PCI_CONFIG_REGION_INDEX
#define WAIT_MS		5000

uint64_t vpci_cfg_get(struct vpci *p, unsigned int at, unsigned int width)
{
	return vfio_get(p->d, CFG, at, width);
}

int vpci_cfg_put(struct vpci *p, unsigned int at, unsigned int width, uint64_t value)
{
	return vfio_put(p->d, CFG, at, width, value);
}

static void take_vendor_cap(struct vpci *p, unsigned int at)
{
	unsigned int type = vpci_cfg_get(p, at + VIRTIO_PCI_CAP_CFG_TYPE, 1);
	struct vpci_cap *c;

	p->nr_caps++;
	if (type > VIRTIO_PCI_CAP_PCI_CFG || p->cap[type].pos)
		return;
	c = &p->cap[type];
	c->pos = at;
	c->bar = vpci_cfg_get(p, at + VIRTIO_PCI_CAP_BAR, 1);
	c->offset = vpci_cfg_get(p, at + VIRTIO_PCI_CAP_OFFSET, 4);
	c->length = vpci_cfg_get(p, at + VIRTIO_PCI_CAP_LENGTH, 4);
	if (type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		p->notify_mult = vpci_cfg_get(p, at + VIRTIO_PCI_NOTIFY_CAP_MULT, 4);
}

int vpci_probe(struct vpci *p, struct vfio_dev *d)
{
	unsigned int at, id, left = 48, type, cmd;

	memset(p, 0, sizeof(*p));
	p->d = d;
	if (!(vpci_cfg_get(p, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return -ENODEV;
	at = vpci_cfg_get(p, PCI_CAPABILITY_LIST, 1) & ~3;
	while (at) {
		if (at < PCI_STD_HEADER_SIZEOF || !left--)
			return -EPROTO;
		id = vpci_cfg_get(p, at, 1);
		if (id == PCI_CAP_ID_VNDR)
			take_vendor_cap(p, at);
		if (id == PCI_CAP_ID_MSIX && !p->msix_pos) {
			p->msix_pos = at;
			p->vectors = (vpci_cfg_get(p, at + PCI_MSIX_FLAGS, 2) &
				      PCI_MSIX_FLAGS_QSIZE) + 1;
		}
		at = vpci_cfg_get(p, at + PCI_CAP_LIST_NEXT, 1) & ~3;
	}
	for (type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_PCI_CFG; type++)
		if (!p->cap[type].pos)
			return -ENODEV;
	cmd = vpci_cfg_get(p, PCI_COMMAND, 2);
	return vpci_cfg_put(p, PCI_COMMAND, 2, cmd | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

uint64_t vpci_get(struct vpci *p, unsigned int cap, uint32_t at, unsigned int width)
{
	struct vpci_cap *c = &p->cap[cap];

	return vfio_get(p->d, c->bar, (uint64_t)c->offset + at, width);
}

int vpci_put(struct vpci *p, unsigned int cap, uint32_t at, unsigned int width, uint64_t value)
{
	struct vpci_cap *c = &p->cap[cap];

	return vfio_put(p->d, c->bar, (uint64_t)c->offset + at, width, value);
}

unsigned int vpci_status(struct vpci *p)
{
	return vpci_common(p, cfg.device_status) & 0xff;
}

int vpci_status_add(struct vpci *p, unsigned int bits)
{
	return vpci_common_put(p, cfg.device_status, vpci_status(p) | bits);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

int vpci_reset(struct vpci *p)
{
	long end = now_ms() + WAIT_MS;
	int ret = vpci_common_put(p, cfg.device_status, 0);

	while (!ret && vpci_status(p)) {
		if (now_ms() >= end)
			ret = -ETIMEDOUT;
		usleep(100);
	}
	return ret;
}

uint64_t vpci_device_features(struct vpci *p)
{
	uint64_t f;

	vpci_common_put(p, cfg.device_feature_select, 0);
	f = (uint32_t)vpci_common(p, cfg.device_feature);
	vpci_common_put(p, cfg.device_feature_select, 1);
	return f | vpci_common(p, cfg.device_feature) << 32;
}

void vpci_driver_features(struct vpci *p, uint64_t features)
{
	vpci_common_put(p, cfg.guest_feature_select, 0);
	vpci_common_put(p, cfg.guest_feature, (uint32_t)features);
	vpci_common_put(p, cfg.guest_feature_select, 1);
	vpci_common_put(p, cfg.guest_feature, features >> 32);
}

int vpci_negotiate(struct vpci *p, uint64_t features)
{
	int ret = vpci_reset(p);

	ret = ret ?: vpci_status_add(p, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ret = ret ?: vpci_status_add(p, VIRTIO_CONFIG_S_DRIVER);
	if (ret)
		return ret;
	if (features & ~vpci_device_features(p))
		return -EOPNOTSUPP;
	vpci_driver_features(p, features);
	ret = vpci_status_add(p, VIRTIO_CONFIG_S_FEATURES_OK);
	if (!ret && !(vpci_status(p) & VIRTIO_CONFIG_S_FEATURES_OK))
		ret = -EOPNOTSUPP;
	p->features = features;
	return ret;
}

unsigned int vpci_queue_max(struct vpci *p, unsigned int index)
{
	vpci_common_put(p, cfg.queue_select, index);
	return vpci_common(p, cfg.queue_size) & 0xffff;
}

int vpci_queue_setup(struct vpci *p, unsigned int index, const struct vpci_queue *q)
{
	if (index >= VPCI_MAX_QUEUES)
		return -EINVAL;
	vpci_common_put(p, cfg.queue_select, index);
	p->notify_off[index] = vpci_common(p, cfg.queue_notify_off);
	vpci_common_put(p, cfg.queue_size, q->num);
	vpci_common_put(p, cfg.queue_desc_lo, (uint32_t)q->desc);
	vpci_common_put(p, cfg.queue_desc_hi, q->desc >> 32);
	vpci_common_put(p, cfg.queue_avail_lo, (uint32_t)q->driver);
	vpci_common_put(p, cfg.queue_avail_hi, q->driver >> 32);
	vpci_common_put(p, cfg.queue_used_lo, (uint32_t)q->device);
	vpci_common_put(p, cfg.queue_used_hi, q->device >> 32);
	vpci_common_put(p, cfg.queue_msix_vector, q->vector);
	return vpci_common(p, cfg.queue_msix_vector) == q->vector ? 0 : -EBUSY;
}

int vpci_queue_enable(struct vpci *p, unsigned int index)
{
	vpci_common_put(p, cfg.queue_select, index);
	return vpci_common_put(p, cfg.queue_enable, 1);
}

int vpci_queue_reset(struct vpci *p, unsigned int index)
{
	long end = now_ms() + WAIT_MS;

	vpci_common_put(p, cfg.queue_select, index);
	vpci_common_put(p, queue_reset, 1);
	while (vpci_common(p, queue_reset)) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		usleep(100);
	}
	return vpci_common(p, cfg.queue_enable) ? -EPROTO : 0;
}

int vpci_notify_map(struct vpci *p)
{
	struct vpci_cap *c = &p->cap[VIRTIO_PCI_CAP_NOTIFY_CFG];
	int n = vfio_region_sparse(p->d, c->bar, &p->notify_area);

	if (n <= 0)
		return n ?: -ENOENT;
	p->notify_map = vfio_mmap(p->d, c->bar, p->notify_area.offset, p->notify_area.size);
	return p->notify_map ? 0 : -errno;
}

void vpci_notify_unmap(struct vpci *p)
{
	if (p->notify_map)
		munmap(p->notify_map, p->notify_area.size);
	p->notify_map = NULL;
}

int vpci_notify(struct vpci *p, unsigned int index, uint16_t data)
{
	struct vpci_cap *c = &p->cap[VIRTIO_PCI_CAP_NOTIFY_CFG];
	bool wide = p->features & 1ULL << VIRTIO_F_NOTIFICATION_DATA;
	uint64_t at = (uint64_t)p->notify_off[index] * p->notify_mult;
	uint32_t value = index | (uint32_t)data << 16;
	unsigned char *m = p->notify_map;

	if (!m)
		return vpci_put(p, VIRTIO_PCI_CAP_NOTIFY_CFG, at, wide ? 4 : 2, value);
	at += c->offset;
	if (at < p->notify_area.offset || at + 4 > p->notify_area.offset + p->notify_area.size)
		return -ERANGE;
	m += at - p->notify_area.offset;
	if (wide)
		__atomic_store_n((uint32_t *)m, value, __ATOMIC_RELEASE);
	else
		__atomic_store_n((uint16_t *)m, value, __ATOMIC_RELEASE);
	return 0;
}

int vpci_msix(struct vpci *p, unsigned int start, unsigned int count, const int *fds)
{
	unsigned int flags = vpci_cfg_get(p, p->msix_pos + PCI_MSIX_FLAGS, 2);
	int ret = vfio_irq_eventfds(p->d, VFIO_PCI_MSIX_IRQ_INDEX, start, count, fds);

	return ret ?: vpci_cfg_put(p, p->msix_pos + PCI_MSIX_FLAGS, 2,
				   flags | PCI_MSIX_FLAGS_ENABLE);
}

int vpci_msix_off(struct vpci *p)
{
	unsigned int flags = vpci_cfg_get(p, p->msix_pos + PCI_MSIX_FLAGS, 2);
	int ret = vpci_cfg_put(p, p->msix_pos + PCI_MSIX_FLAGS, 2, flags & ~PCI_MSIX_FLAGS_ENABLE);

	return ret ?: vfio_irq_off(p->d, VFIO_PCI_MSIX_IRQ_INDEX);
}
