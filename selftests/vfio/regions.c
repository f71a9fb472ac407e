// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VFIO user and a PCI driver find: device and regions, configuration space, BARs,
 * capabilities (virtio 1.2, 4.1; PCI Local Bus 3.0, 6).
 */
#include <linux/pci_regs.h>
#include "kselftest_harness.h"
#include "rig.h"

#define CFG		VFIO_PCI_CONFIG_REGION_INDEX
#define BARS		6
#define PAGE		4096ULL

FIXTURE(regions)
{
	struct vfio_space space;
	struct vfio_dev d;
	struct vpci p;
};

FIXTURE_VARIANT(regions)
{
	bool cdev;
};

FIXTURE_VARIANT_ADD(regions, container) {
	.cdev = false,
};

FIXTURE_VARIANT_ADD(regions, iommufd) {
	.cdev = true,
};

FIXTURE_SETUP(regions)
{
	self->space.fd = -1;
	self->d.fd = -1;
	self->d.group = -1;
	ASSERT_EQ(0, rig_up());
	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 2));
	ASSERT_EQ(0, vfio_space_open(&self->space, variant->cdev));
	ASSERT_EQ(0, vfio_open(&self->d, &self->space, RIG_UUID));
	ASSERT_EQ(0, vpci_probe(&self->p, &self->d));
}

FIXTURE_TEARDOWN(regions)
{
	vfio_close(&self->d);
	vfio_space_close(&self->space);
	rig_mdev_del(RIG_UUID, RIG_PORT);
	rig_down();
}

static uint64_t region_size(struct vfio_dev *d, unsigned int index)
{
	struct vfio_region_info info;

	return vfio_region_info(d, index, &info, sizeof(info)) ? 0 : info.size;
}

TEST_F(regions, device_info)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	ASSERT_EQ(0, ioctl(self->d.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET,
		  info.flags & ~VFIO_DEVICE_FLAGS_CAPS);
	EXPECT_LE(VFIO_PCI_CONFIG_REGION_INDEX + 1, info.num_regions);
	EXPECT_LE(VFIO_PCI_MSIX_IRQ_INDEX + 1, info.num_irqs);
	info.argsz = 8;
	EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_GET_INFO, &info));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(self->d.fd, VFIO_DEVICE_GET_INFO, NULL));
	EXPECT_EQ(EFAULT, errno);
}

TEST_F(regions, region_info)
{
	struct vfio_region_info info, last = { 0 };
	unsigned int i;

	for (i = 0; i < self->d.info.num_regions; i++) {
		int ret = vfio_region_info(&self->d, i, &info, sizeof(info));

		if (i > CFG && ret)
			continue;
		ASSERT_EQ(0, ret);
		EXPECT_EQ(i, info.index);
		if (i < BARS)
			EXPECT_EQ(0, info.size & (info.size - 1));
		if (info.size) {
			EXPECT_NE(0, info.flags & VFIO_REGION_INFO_FLAG_READ);
			EXPECT_EQ(i != VFIO_PCI_ROM_REGION_INDEX,
				  !!(info.flags & VFIO_REGION_INFO_FLAG_WRITE));
			EXPECT_LE(last.offset + last.size, info.offset);
			last = info;
		}
	}
	EXPECT_EQ(256, region_size(&self->d, CFG));
	EXPECT_EQ(-EINVAL, vfio_region_info(&self->d, self->d.info.num_regions, &info,
					    sizeof(info)));
	EXPECT_EQ(-EINVAL, vfio_region_info(&self->d, ~0U, &info, sizeof(info)));
	EXPECT_EQ(-EINVAL, vfio_region_info(&self->d, CFG, &info, 16));
}

/* Where a structure lies, by BAR. */
static bool overlap(const struct vpci_cap *c, unsigned int bar, uint64_t from, uint64_t len)
{
	return c->bar == bar && c->offset < from + len && from < (uint64_t)c->offset + c->length;
}

/* The rings' doorbells can be mapped, and nothing else can. */
TEST_F(regions, sparse_mmap)
{
	struct vpci_cap *c = &self->p.cap[VIRTIO_PCI_CAP_NOTIFY_CFG];
	struct vfio_region_sparse_mmap_area area;
	unsigned int type, bar;
	struct vfio_region_info info;
	bool doorbells;
	uint64_t at;
	void *m;

	ASSERT_EQ(1, vfio_region_sparse(&self->d, c->bar, &area));
	EXPECT_EQ(0, area.offset % PAGE);
	EXPECT_EQ(0, area.size % PAGE);
	EXPECT_LE(area.offset, c->offset);
	/* The control queue's is the last. */
	EXPECT_EQ((uint64_t)c->offset + c->length - self->p.notify_mult, area.offset + area.size);
	EXPECT_GE(region_size(&self->d, c->bar), area.offset + area.size);
	for (type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_DEVICE_CFG; type++)
		if (type != VIRTIO_PCI_CAP_NOTIFY_CFG)
			EXPECT_FALSE(overlap(&self->p.cap[type], c->bar, area.offset, area.size));

	/* Who has no room for the capability hears how much it would take. */
	ASSERT_EQ(0, vfio_region_info(&self->d, c->bar, &info, sizeof(info)));
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS,
		  info.flags & (VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS));
	EXPECT_LT(sizeof(info), info.argsz);
	EXPECT_EQ(0, info.cap_offset);

	for (bar = 0; bar < BARS; bar++) {
		for (at = 0; at < region_size(&self->d, bar); at += PAGE) {
			m = vfio_mmap(&self->d, bar, at, PAGE);
			doorbells = bar == c->bar && at >= area.offset &&
				    at < area.offset + area.size;
			EXPECT_EQ(doorbells, !!m);
			if (m)
				munmap(m, PAGE);
		}
	}
	EXPECT_EQ(NULL, vfio_mmap(&self->d, c->bar, area.offset, area.size + PAGE));
	EXPECT_EQ(NULL, vfio_mmap(&self->d, CFG, 0, PAGE));
	/* Its own copy of a doorbell is none. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->d.fd,
				   info.offset + area.offset));
}

TEST_F(regions, ids)
{
	EXPECT_EQ(0x1af4, vpci_cfg_get(&self->p, PCI_VENDOR_ID, 2));
	EXPECT_EQ(0x1041, vpci_cfg_get(&self->p, PCI_DEVICE_ID, 2));
	EXPECT_LE(1, vpci_cfg_get(&self->p, PCI_REVISION_ID, 1));
	EXPECT_EQ(0x0200, vpci_cfg_get(&self->p, PCI_CLASS_DEVICE, 2));
	EXPECT_EQ(0, vpci_cfg_get(&self->p, PCI_HEADER_TYPE, 1));
	EXPECT_EQ(1, vpci_cfg_get(&self->p, PCI_INTERRUPT_PIN, 1));
	/* A transitional driver must not take it for a legacy card. */
	EXPECT_LE(0x40, vpci_cfg_get(&self->p, PCI_SUBSYSTEM_ID, 2));
}

/* Which bits of the header a driver may change: no others do. */
TEST_F(regions, header_write_mask)
{
	static const struct {
		unsigned int at, width;
		uint32_t may;
	} reg[] = {
		{ PCI_VENDOR_ID, 4, 0 },
		{ PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
				  PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
				  PCI_COMMAND_INTX_DISABLE },
		{ PCI_STATUS, 2, 0 },
		{ PCI_CLASS_REVISION, 4, 0 },
		{ PCI_CACHE_LINE_SIZE, 1, 0xff },
		{ PCI_LATENCY_TIMER, 1, 0xff },
		{ PCI_HEADER_TYPE, 1, 0 },
		{ PCI_CARDBUS_CIS, 4, 0 },
		{ PCI_SUBSYSTEM_VENDOR_ID, 4, 0 },
		{ PCI_CAPABILITY_LIST, 4, 0 },
		{ 0x38, 4, 0 },
		{ PCI_INTERRUPT_PIN, 1, 0 },
		{ PCI_MIN_GNT, 2, 0 },
	};
	unsigned int i;
	uint32_t was, ones, zeros;

	for (i = 0; i < ARRAY_SIZE(reg); i++) {
		was = vpci_cfg_get(&self->p, reg[i].at, reg[i].width);
		EXPECT_EQ(0, vpci_cfg_put(&self->p, reg[i].at, reg[i].width, ~0U));
		ones = vpci_cfg_get(&self->p, reg[i].at, reg[i].width);
		EXPECT_EQ(0, vpci_cfg_put(&self->p, reg[i].at, reg[i].width, 0));
		zeros = vpci_cfg_get(&self->p, reg[i].at, reg[i].width);
		EXPECT_EQ(0, (ones ^ was) & ~reg[i].may)
		{
			TH_LOG("register %#x became %#x, was %#x", reg[i].at, ones, was);
		}
		EXPECT_EQ(0, (zeros ^ was) & ~reg[i].may)
		{
			TH_LOG("register %#x became %#x, was %#x", reg[i].at, zeros, was);
		}
		vpci_cfg_put(&self->p, reg[i].at, reg[i].width, was);
	}
	/* What a driver needs does change. */
	vpci_cfg_put(&self->p, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
					       PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE,
		  vpci_cfg_get(&self->p, PCI_COMMAND, 2));
	vpci_cfg_put(&self->p, PCI_INTERRUPT_LINE, 1, 0x5a);
	EXPECT_EQ(0x5a, vpci_cfg_get(&self->p, PCI_INTERRUPT_LINE, 1));
}

/* A capability's own fields, where they are read-only. */
TEST_F(regions, capability_write_mask)
{
	struct vpci_cap *w = &self->p.cap[VIRTIO_PCI_CAP_PCI_CFG];
	unsigned char before[256], after[256];
	unsigned int at, af = 0;

	ASSERT_EQ(0, vfio_read(&self->d, CFG, 0, before, sizeof(before)));
	for (at = before[PCI_CAPABILITY_LIST]; at; at = before[at + PCI_CAP_LIST_NEXT])
		if (before[at] == PCI_CAP_ID_AF)
			af = at;
	for (at = 0x40; at < 256; at++) {
		/* Window and MSI-X control are a driver's to write. */
		if (at >= w->pos + VIRTIO_PCI_CAP_BAR && at < w->pos + 20)
			continue;
		if (at == self->p.msix_pos + 2 || at == self->p.msix_pos + 3)
			continue;
		/* That would be a reset. */
		if (af && at == af + PCI_AF_CTRL)
			continue;
		EXPECT_EQ(0, vpci_cfg_put(&self->p, at, 1, (uint8_t)~before[at]));
	}
	ASSERT_EQ(0, vfio_read(&self->d, CFG, 0, after, sizeof(after)));
	EXPECT_EQ(0, memcmp(before, after, sizeof(before)));
	/* Of MSI-X control only enable and function mask. */
	at = vpci_cfg_get(&self->p, self->p.msix_pos + PCI_MSIX_FLAGS, 2);
	vpci_cfg_put(&self->p, self->p.msix_pos + PCI_MSIX_FLAGS, 2,
		     ~at & ~PCI_MSIX_FLAGS_ENABLE);
	EXPECT_EQ(at & PCI_MSIX_FLAGS_QSIZE,
		  vpci_cfg_get(&self->p, self->p.msix_pos + PCI_MSIX_FLAGS, 2) &
			  (PCI_MSIX_FLAGS_QSIZE | 0x3800));
	vpci_cfg_put(&self->p, self->p.msix_pos + PCI_MSIX_FLAGS, 2, at);
}

static bool is_64bit(uint32_t bar)
{
	return (bar & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64;
}

TEST_F(regions, bar_sizing)
{
	unsigned int i, used = 0;
	uint64_t size, mask;
	uint32_t was, hi;

	for (i = 0; i < BARS; i++) {
		unsigned int at = PCI_BASE_ADDRESS_0 + 4 * i;
		bool wide;

		was = vpci_cfg_get(&self->p, at, 4);
		size = region_size(&self->d, i);
		EXPECT_EQ(0, vpci_cfg_put(&self->p, at, 4, ~0U));
		mask = (uint32_t)vpci_cfg_get(&self->p, at, 4);
		EXPECT_EQ(was & 15, mask & 15);
		EXPECT_EQ(0, mask & PCI_BASE_ADDRESS_SPACE_IO);
		wide = is_64bit(mask);
		EXPECT_EQ(0, vpci_cfg_put(&self->p, at, 4, was));
		EXPECT_EQ(was, vpci_cfg_get(&self->p, at, 4));
		if (!size) {
			EXPECT_EQ(0, mask);
			continue;
		}
		used++;
		mask &= ~15ULL;
		if (wide) {
			ASSERT_GT(BARS - 1, i);
			hi = vpci_cfg_get(&self->p, at + 4, 4);
			vpci_cfg_put(&self->p, at + 4, 4, ~0U);
			mask |= vpci_cfg_get(&self->p, at + 4, 4) << 32;
			vpci_cfg_put(&self->p, at + 4, 4, hi);
			EXPECT_EQ(0, region_size(&self->d, i + 1));
			i++;
		} else {
			mask |= 0xffffffffULL << 32;
		}
		EXPECT_EQ(size, -mask);
	}
	EXPECT_LE(2, used);
	/* No expansion ROM, and none claimed. */
	vpci_cfg_put(&self->p, PCI_ROM_ADDRESS, 4, ~1U);
	if (!region_size(&self->d, VFIO_PCI_ROM_REGION_INDEX))
		EXPECT_EQ(0, vpci_cfg_get(&self->p, PCI_ROM_ADDRESS, 4));
}

/* A BAR takes any address of its alignment; what it decodes is the same afterwards. */
TEST_F(regions, bar_moves)
{
	static const uint64_t to[] = { 0, 0xfe000000ULL, 0xc0000000ULL, 0x380000000000ULL };
	unsigned int i, k;
	uint64_t size, got;
	bool wide;

	for (i = 0; i < BARS; i++) {
		unsigned int at = PCI_BASE_ADDRESS_0 + 4 * i;

		size = region_size(&self->d, i);
		if (!size)
			continue;
		wide = is_64bit(vpci_cfg_get(&self->p, at, 4));
		for (k = 0; k < ARRAY_SIZE(to); k++) {
			if (!wide && to[k] >> 32)
				continue;
			vpci_cfg_put(&self->p, at, 4, (uint32_t)to[k]);
			if (wide)
				vpci_cfg_put(&self->p, at + 4, 4, to[k] >> 32);
			got = vpci_cfg_get(&self->p, at, 4) & ~15ULL;
			if (wide)
				got |= vpci_cfg_get(&self->p, at + 4, 4) << 32;
			EXPECT_EQ(to[k] & -size, got);
			EXPECT_LT(0, (int)vpci_common(&self->p, cfg.num_queues));
		}
		i += wide;
	}
	/* Byte by byte, as old firmware may. */
	for (k = 0; k < 4; k++)
		vpci_cfg_put(&self->p, PCI_BASE_ADDRESS_0 + k, 1, 0xfe000000U >> 8 * k & 0xff);
	if (region_size(&self->d, 0))
		EXPECT_EQ(0xfe000000U, vpci_cfg_get(&self->p, PCI_BASE_ADDRESS_0, 4) & ~15U);
}

TEST_F(regions, capability_chain)
{
	unsigned char seen[256] = { 0 };
	unsigned int at, len, id, i, msix = 0, vendor = 0, last = 0;

	at = vpci_cfg_get(&self->p, PCI_CAPABILITY_LIST, 1);
	while (at) {
		ASSERT_LE(0x40, at);
		ASSERT_EQ(0, at % 4);
		id = vpci_cfg_get(&self->p, at, 1);
		len = id == PCI_CAP_ID_VNDR ? vpci_cfg_get(&self->p, at + 2, 1) :
		      id == PCI_CAP_ID_MSIX ? PCI_CAP_MSIX_SIZEOF :
		      id == PCI_CAP_ID_EXP  ? PCI_CAP_EXP_ENDPOINT_SIZEOF_V2 : 8;
		msix += id == PCI_CAP_ID_MSIX;
		vendor += id == PCI_CAP_ID_VNDR;
		ASSERT_GE(256, at + len);
		for (i = 0; i < len; i++)
			EXPECT_EQ(0, seen[at + i]++);
		last = at;
		at = vpci_cfg_get(&self->p, at + PCI_CAP_LIST_NEXT, 1);
	}
	EXPECT_NE(0, last);
	EXPECT_EQ(1, msix);
	EXPECT_LE(5, vendor);
	EXPECT_EQ(vendor, self->p.nr_caps);
}

TEST_F(regions, virtio_capabilities)
{
	struct vpci_cap *c = self->p.cap, *n = &c[VIRTIO_PCI_CAP_NOTIFY_CFG];
	unsigned int i, k, nq;
	uint64_t off;

	for (i = VIRTIO_PCI_CAP_COMMON_CFG; i <= VIRTIO_PCI_CAP_DEVICE_CFG; i++) {
		ASSERT_NE(0, c[i].pos);
		EXPECT_LE(i == VIRTIO_PCI_CAP_NOTIFY_CFG ? 20 : 16,
			  vpci_cfg_get(&self->p, c[i].pos + VIRTIO_PCI_CAP_LEN, 1));
		ASSERT_GT(BARS, c[i].bar);
		EXPECT_GE(region_size(&self->d, c[i].bar), (uint64_t)c[i].offset + c[i].length);
		if (i != VIRTIO_PCI_CAP_ISR_CFG)
			EXPECT_EQ(0, c[i].offset % 4);
		for (k = VIRTIO_PCI_CAP_COMMON_CFG; k < i; k++)
			EXPECT_FALSE(overlap(&c[k], c[i].bar, c[i].offset, c[i].length));
	}
	EXPECT_LE(20, vpci_cfg_get(&self->p, c[VIRTIO_PCI_CAP_PCI_CFG].pos + VIRTIO_PCI_CAP_LEN,
				   1));
	EXPECT_LE(60, c[VIRTIO_PCI_CAP_COMMON_CFG].length);
	EXPECT_LE(1, c[VIRTIO_PCI_CAP_ISR_CFG].length);
	EXPECT_LE(offsetof(struct virtio_net_config, duplex) + 1,
		  c[VIRTIO_PCI_CAP_DEVICE_CFG].length);

	/* Doorbells: 4.1.4.4.1. */
	EXPECT_EQ(0, self->p.notify_mult & (self->p.notify_mult - 1));
	EXPECT_NE(1, self->p.notify_mult);
	nq = vpci_common(&self->p, cfg.num_queues);
	EXPECT_LE(5, nq);
	for (i = 0; i < nq; i++) {
		vpci_common_put(&self->p, cfg.queue_select, i);
		off = vpci_common(&self->p, cfg.queue_notify_off) * self->p.notify_mult;
		EXPECT_GE(n->length, off + 4);
		EXPECT_EQ(0, (n->offset + off) % 4);
	}
}

TEST_F(regions, msix_capability)
{
	unsigned int table = vpci_cfg_get(&self->p, self->p.msix_pos + PCI_MSIX_TABLE, 4);
	unsigned int pba = vpci_cfg_get(&self->p, self->p.msix_pos + PCI_MSIX_PBA, 4);
	unsigned int bar = table & PCI_MSIX_TABLE_BIR, type;
	uint64_t size = region_size(&self->d, bar);
	struct vfio_region_sparse_mmap_area area;

	/* A vector for each queue and the configuration. */
	EXPECT_LT(vpci_common(&self->p, cfg.num_queues), self->p.vectors);
	ASSERT_GT(BARS, bar);
	EXPECT_GE(size, (table & PCI_MSIX_TABLE_OFFSET) + self->p.vectors * 16ULL);
	EXPECT_GT(BARS, pba & PCI_MSIX_PBA_BIR);
	EXPECT_GE(region_size(&self->d, pba & PCI_MSIX_PBA_BIR),
		  (pba & PCI_MSIX_PBA_OFFSET) + (self->p.vectors + 63) / 64 * 8ULL);
	if ((pba & PCI_MSIX_PBA_BIR) == bar)
		EXPECT_TRUE(pba >= table + self->p.vectors * 16 || table >= pba + 8);
	/* A BAR of its own: QEMU lays its own table over it. */
	for (type = VIRTIO_PCI_CAP_COMMON_CFG; type <= VIRTIO_PCI_CAP_DEVICE_CFG; type++)
		EXPECT_NE(bar, self->p.cap[type].bar);
	EXPECT_EQ(0, vfio_region_sparse(&self->d, bar, &area));
}

/* What a driver finds before it has done anything (4.1.4.3). */
TEST_F(regions, common_at_reset)
{
	struct vpci *p = &self->p;
	unsigned int i, nq, max;
	uint64_t must = VDRV_F_VERSION_1 | VDRV_F_PACKED | VDRV_F_EVENT_IDX | VDRV_F_INDIRECT |
			VDRV_F_MRG_RXBUF | VDRV_BIT(VIRTIO_F_RING_RESET) |
			VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA) | RIG_BASE | RIG_OFFLOADS |
			VNIC_BIT(MTU) | VNIC_BIT(CTRL_VQ) | VNIC_BIT(CTRL_RX) |
			VNIC_BIT(CTRL_VLAN) | VNIC_BIT(CTRL_MAC_ADDR) |
			VNIC_BIT(GUEST_ANNOUNCE) | VNIC_BIT(MQ) |
			VNIC_BIT(CTRL_GUEST_OFFLOADS) | VNIC_BIT(SPEED_DUPLEX);

	ASSERT_EQ(0, vpci_reset(p));
	EXPECT_EQ(must, must & vpci_device_features(p))
	{
		TH_LOG("missing: %#llx", must & ~vpci_device_features(p));
	}
	/* Beyond 64 there are none. */
	vpci_common_put(p, cfg.device_feature_select, 2);
	EXPECT_EQ(0, vpci_common(p, cfg.device_feature));
	vpci_common_put(p, cfg.device_feature_select, ~0U);
	EXPECT_EQ(0, vpci_common(p, cfg.device_feature));
	EXPECT_EQ(0xffff, vpci_common(p, cfg.msix_config));
	nq = vpci_common(p, cfg.num_queues);
	for (i = 0; i < nq; i++) {
		max = vpci_queue_max(p, i);
		EXPECT_LE(i == nq - 1 ? 16 : 256, max);
		EXPECT_GE(32768, max);
		EXPECT_EQ(0, max & (max - 1));
		EXPECT_EQ(0, vpci_common(p, cfg.queue_enable));
		EXPECT_EQ(0, vpci_common(p, queue_reset));
		EXPECT_EQ(0xffff, vpci_common(p, cfg.queue_msix_vector));
		EXPECT_EQ(0, vpci_common(p, cfg.queue_desc_lo));
	}
	EXPECT_EQ(0, vpci_queue_max(p, nq));
	EXPECT_EQ(0, vpci_queue_max(p, 0xffff));
}

/* Registers keep what is written; selectors select (4.1.4.3.1). */
TEST_F(regions, common_registers)
{
	struct vpci *p = &self->p;
	unsigned int max, i;

	ASSERT_EQ(0, vpci_reset(p));
	max = vpci_queue_max(p, 0);
	for (i = 0; i < 2; i++) {
		vpci_common_put(p, cfg.queue_select, i);
		EXPECT_EQ(i, vpci_common(p, cfg.queue_select));
		vpci_common_put(p, cfg.queue_size, max >> (i + 1));
		vpci_common_put(p, cfg.queue_desc_lo, 0x1000 * (i + 1));
		vpci_common_put(p, cfg.queue_desc_hi, 0x10 + i);
		vpci_common_put(p, cfg.queue_avail_lo, 0x2000 * (i + 1));
		vpci_common_put(p, cfg.queue_avail_hi, 0x20 + i);
		vpci_common_put(p, cfg.queue_used_lo, 0x4000 * (i + 1));
		vpci_common_put(p, cfg.queue_used_hi, 0x30 + i);
		vpci_common_put(p, cfg.queue_msix_vector, i + 1);
	}
	for (i = 0; i < 2; i++) {
		vpci_common_put(p, cfg.queue_select, i);
		EXPECT_EQ(max >> (i + 1), vpci_common(p, cfg.queue_size));
		EXPECT_EQ(0x1000 * (i + 1), vpci_common(p, cfg.queue_desc_lo));
		EXPECT_EQ(0x10 + i, vpci_common(p, cfg.queue_desc_hi));
		EXPECT_EQ(0x2000 * (i + 1), vpci_common(p, cfg.queue_avail_lo));
		EXPECT_EQ(0x20 + i, vpci_common(p, cfg.queue_avail_hi));
		EXPECT_EQ(0x4000 * (i + 1), vpci_common(p, cfg.queue_used_lo));
		EXPECT_EQ(0x30 + i, vpci_common(p, cfg.queue_used_hi));
		EXPECT_EQ(i + 1, vpci_common(p, cfg.queue_msix_vector));
	}
	/* A vector that is not there (4.1.5.1.2.1). */
	vpci_common_put(p, cfg.queue_msix_vector, p->vectors);
	EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.queue_msix_vector));
	vpci_common_put(p, cfg.msix_config, 0xfffe);
	EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.msix_config));
	vpci_common_put(p, cfg.msix_config, p->vectors - 1);
	EXPECT_EQ(p->vectors - 1, vpci_common(p, cfg.msix_config));
	/* Driver's features, as they were written. */
	vpci_driver_features(p, 0x123456789abcdef0ULL);
	vpci_common_put(p, cfg.guest_feature_select, 1);
	EXPECT_EQ(1, vpci_common(p, cfg.guest_feature_select));
	EXPECT_EQ(0x12345678, vpci_common(p, cfg.guest_feature));
	vpci_common_put(p, cfg.guest_feature_select, 0);
	EXPECT_EQ(0x9abcdef0, vpci_common(p, cfg.guest_feature));
	/* All is gone with a reset. */
	ASSERT_EQ(0, vpci_reset(p));
	vpci_common_put(p, cfg.queue_select, 1);
	EXPECT_EQ(max, vpci_common(p, cfg.queue_size));
	EXPECT_EQ(0, vpci_common(p, cfg.queue_desc_lo));
	EXPECT_EQ(0, vpci_common(p, cfg.queue_used_hi));
	EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.queue_msix_vector));
	EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.msix_config));
}

/* Features that do not go together, or that nobody offered, get no FEATURES_OK (2.2.2, 5.1.3.1). */
TEST_F(regions, features_refused)
{
	static const uint64_t bad[] = {
		0,					/* legacy */
		VDRV_F_VERSION_1 | VNIC_BIT(GUEST_TSO4),
		VDRV_F_VERSION_1 | VNIC_BIT(GUEST_TSO6),
		VDRV_F_VERSION_1 | VNIC_BIT(GUEST_USO4) | VNIC_BIT(GUEST_USO6),
		VDRV_F_VERSION_1 | VNIC_BIT(HOST_TSO4),
		VDRV_F_VERSION_1 | VNIC_BIT(HOST_TSO6),
		VDRV_F_VERSION_1 | VNIC_BIT(HOST_USO),
		VDRV_F_VERSION_1 | VNIC_BIT(CTRL_RX),
		VDRV_F_VERSION_1 | VNIC_BIT(CTRL_VLAN),
		VDRV_F_VERSION_1 | VNIC_BIT(GUEST_ANNOUNCE),
		VDRV_F_VERSION_1 | VNIC_BIT(MQ),
		VDRV_F_VERSION_1 | VNIC_BIT(CTRL_MAC_ADDR),
		VDRV_F_VERSION_1 | VNIC_BIT(NOTF_COAL),
		VDRV_F_VERSION_1 | VDRV_BIT(49),	/* nobody's */
	};
	struct vpci *p = &self->p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(0, vpci_reset(p));
		vpci_status_add(p, VIRTIO_CONFIG_S_ACKNOWLEDGE);
		vpci_status_add(p, VIRTIO_CONFIG_S_DRIVER);
		vpci_driver_features(p, bad[i]);
		vpci_status_add(p, VIRTIO_CONFIG_S_FEATURES_OK);
		EXPECT_EQ(0, vpci_status(p) & VIRTIO_CONFIG_S_FEATURES_OK)
		{
			TH_LOG("features %#llx were taken", (unsigned long long)bad[i]);
		}
	}
	EXPECT_EQ(0, vpci_negotiate(p, vpci_device_features(p)));
}

/* What the device tells of itself, at the first look. */
TEST_F(regions, device_config)
{
	struct vnic n = { .pci = self->p };
	uint8_t mac[6];

	vnic_config_mac(&n, mac);
	EXPECT_EQ(0, mac[0] & 1);
	EXPECT_NE(0, mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
	EXPECT_EQ(1500, vnic_config(&n, mtu));
	EXPECT_EQ(2, vnic_config(&n, max_virtqueue_pairs));
	EXPECT_EQ(0, vnic_config(&n, status) & ~(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE));
	EXPECT_TRUE(vnic_config(&n, duplex) <= 1 || vnic_config(&n, duplex) == 0xff);
	/* Nothing of it is a driver's to write in VERSION_1. */
	vpci_put(&self->p, VIRTIO_PCI_CAP_DEVICE_CFG, 0, 1, mac[0] ^ 2);
	EXPECT_EQ(mac[0], vpci_get(&self->p, VIRTIO_PCI_CAP_DEVICE_CFG, 0, 1));
}

static void window_set(struct vpci *p, unsigned int bar, uint32_t at, uint32_t len)
{
	unsigned int pos = p->cap[VIRTIO_PCI_CAP_PCI_CFG].pos;

	vpci_cfg_put(p, pos + VIRTIO_PCI_CAP_BAR, 1, bar);
	vpci_cfg_put(p, pos + VIRTIO_PCI_CAP_OFFSET, 4, at);
	vpci_cfg_put(p, pos + VIRTIO_PCI_CAP_LENGTH, 4, len);
}

static uint32_t window_get(struct vpci *p, unsigned int type, uint32_t at, unsigned int width)
{
	window_set(p, p->cap[type].bar, p->cap[type].offset + at, width);
	return vpci_cfg_get(p, p->cap[VIRTIO_PCI_CAP_PCI_CFG].pos + 16, width);
}

static void window_put(struct vpci *p, unsigned int type, uint32_t at, unsigned int width,
		       uint32_t value)
{
	window_set(p, p->cap[type].bar, p->cap[type].offset + at, width);
	vpci_cfg_put(p, p->cap[VIRTIO_PCI_CAP_PCI_CFG].pos + 16, width, value);
}

/* The whole device through a hole in configuration space, as firmware does it (4.1.4.9). */
TEST_F(regions, window)
{
	static const unsigned int widths[] = { 1, 2, 4 };
	struct vpci *p = &self->p;
	unsigned int i, w, at;

	ASSERT_EQ(0, vpci_reset(p));
	window_put(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(cfg.device_status), 1,
		   VIRTIO_CONFIG_S_ACKNOWLEDGE);
	EXPECT_EQ(VIRTIO_CONFIG_S_ACKNOWLEDGE, vpci_status(p));
	window_put(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(cfg.device_feature_select), 4, 1);
	EXPECT_EQ(vpci_device_features(p) >> 32,
		  window_get(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(cfg.device_feature), 4));
	window_put(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(cfg.queue_select), 2, 1);
	EXPECT_EQ(1, vpci_common(p, cfg.queue_select));
	window_put(p, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON(cfg.queue_desc_lo), 4, 0xabcd1000);
	EXPECT_EQ(0xabcd1000, vpci_common(p, cfg.queue_desc_lo));
	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		w = widths[i];
		for (at = 0; at + w <= sizeof(struct virtio_net_config); at += w)
			EXPECT_EQ(vpci_get(p, VIRTIO_PCI_CAP_DEVICE_CFG, at, w),
				  window_get(p, VIRTIO_PCI_CAP_DEVICE_CFG, at, w));
	}
	/* The fields stay what they were set to, until the next. */
	window_set(p, 3, 0x11223340, 2);
	at = p->cap[VIRTIO_PCI_CAP_PCI_CFG].pos;
	EXPECT_EQ(3, vpci_cfg_get(p, at + VIRTIO_PCI_CAP_BAR, 1));
	EXPECT_EQ(0x11223340, vpci_cfg_get(p, at + VIRTIO_PCI_CAP_OFFSET, 4));
	EXPECT_EQ(2, vpci_cfg_get(p, at + VIRTIO_PCI_CAP_LENGTH, 4));
}

/* A window on nothing shows nothing, and harms nothing. */
TEST_F(regions, window_on_nothing)
{
	static const uint32_t lengths[] = { 0, 1, 2, 3, 4, 5, 8, 255, ~0U };
	static const uint32_t offsets[] = { 0, 1, 2, 3, 0x7fffffff, 0x80000000, ~0U - 3, ~0U };
	unsigned int bar, l, o, pos = self->p.cap[VIRTIO_PCI_CAP_PCI_CFG].pos;

	for (bar = 0; bar < 256; bar += bar < 8 ? 1 : 31) {
		for (l = 0; l < ARRAY_SIZE(lengths); l++) {
			for (o = 0; o < ARRAY_SIZE(offsets); o++) {
				window_set(&self->p, bar, offsets[o], lengths[l]);
				vpci_cfg_get(&self->p, pos + 16, 4);
				vpci_cfg_put(&self->p, pos + 16, 4, 0);
				vpci_cfg_get(&self->p, pos + 18, 2);
				vpci_cfg_put(&self->p, pos + 17, 1, 0xff);
			}
		}
	}
	EXPECT_EQ(0, vpci_negotiate(&self->p, RIG_BASE));
}

/* Configuration space in every width at every offset: the same bytes. */
TEST_F(regions, config_widths)
{
	unsigned int pos = self->p.cap[VIRTIO_PCI_CAP_PCI_CFG].pos + 16, at, w, i;
	unsigned char all[256], part[256];

	window_set(&self->p, 0, 0, 0);
	ASSERT_EQ(0, vfio_read(&self->d, CFG, 0, all, sizeof(all)));
	EXPECT_EQ(0xf4, all[0]);
	for (w = 1; w <= 64; w = w < 8 ? w + 1 : w * 2) {
		for (at = 0; at + w <= sizeof(all); at++) {
			if (at + w > pos && at < pos + 4)
				continue;
			ASSERT_EQ(0, vfio_read(&self->d, CFG, at, part, w));
			for (i = 0; i < w; i++)
				ASSERT_EQ(all[at + i], part[i]);
		}
	}
	/* Past its end there is less, or nothing. */
	EXPECT_NE(0, vfio_read(&self->d, CFG, 250, part, 16));
	EXPECT_NE(0, vfio_read(&self->d, CFG, 256, part, 1));
	EXPECT_NE(0, vfio_write(&self->d, CFG, 256, part, 4));
}

/* The device's structures likewise, where reading changes nothing. */
TEST_F(regions, structure_widths)
{
	static const unsigned int types[] = { VIRTIO_PCI_CAP_COMMON_CFG,
					      VIRTIO_PCI_CAP_DEVICE_CFG };
	unsigned int t, at, w, i, len;
	unsigned char all[128];
	uint64_t got, want;

	ASSERT_EQ(0, vpci_reset(&self->p));
	for (t = 0; t < ARRAY_SIZE(types); t++) {
		len = self->p.cap[types[t]].length;
		if (len > sizeof(all))
			len = sizeof(all);
		for (at = 0; at < len; at++)
			all[at] = vpci_get(&self->p, types[t], at, 1);
		for (w = 2; w <= 8; w *= 2) {
			for (at = 0; at + w <= len; at += w) {
				for (want = 0, i = w; i--;)
					want = want << 8 | all[at + i];
				got = vpci_get(&self->p, types[t], at, w);
				EXPECT_EQ(want, got)
				{
					TH_LOG("type %u at %u width %u", types[t], at, w);
				}
			}
		}
	}
}

TEST_HARNESS_MAIN
