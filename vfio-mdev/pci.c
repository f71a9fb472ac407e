// SPDX-License-Identifier: GPL-2.0-only
/* Configuration space: see pci.h. Bits that are not writable read as they were made. */
#include <linux/pci_regs.h>
#include <linux/string.h>
#include <linux/virtio_pci.h>
#include "pci.h"

#define PCI_VENDOR_VIRTIO	0x1af4
/* A modern device's number is that of its type and this. */
#define PCI_DEVICE_VIRTIO	0x1040
/* Anything from 0x40 on tells drivers that the device is not a transitional one. */
#define PCI_SUBSYSTEM		0x40

/* Where the capabilities lie, in the order in which they are linked. */
#define CAP_MSIX		0x40
#define CAP_AF			0x4c
#define CAP_COMMON		0x54
#define CAP_ISR			0x64
#define CAP_DEVICE		0x74
#define CAP_NOTIFY		0x84
#define CAP_WINDOW		0x98

#define CAP_LEN			sizeof(struct virtio_pci_cap)
#define NOTIFY_LEN		sizeof(struct virtio_pci_notify_cap)
#define WINDOW_LEN		sizeof(struct virtio_pci_cfg_cap)
#define WINDOW_DATA		(CAP_WINDOW + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data))
#define WINDOW_DATA_LEN		sizeof_field(struct virtio_pci_cfg_cap, pci_cfg_data)

struct pci_field {
	u8 off;
	u8 len;
	u32 value;
	u32 writable;
};

#define COMMAND_BITS	(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | \
			 PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)
#define BAR_MASK(size)	(~((u32)(size) - 1))

static const struct pci_field pci_fields[] = {
	{ PCI_VENDOR_ID, 2, PCI_VENDOR_VIRTIO },
	{ PCI_COMMAND, 2, 0, COMMAND_BITS },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST },
	{ PCI_REVISION_ID, 1, 1 },
	{ PCI_CACHE_LINE_SIZE, 1, 0, 0xff },
	{ PCI_LATENCY_TIMER, 1, 0, 0xff },
	{ PCI_BASE_ADDRESS_0, 4, 0, BAR_MASK(SLUICE_PCI_MSIX_SIZE) },
	/*
	 * 32 bits: EDK2 counts a BAR of 64 as one, so behind it the numbers in the capabilities
	 * would name others than it knows.
	 */
	{ PCI_BASE_ADDRESS_2, 4, 0, BAR_MASK(SLUICE_PCI_VIRTIO_SIZE) },
	/* Doorbells have no side effect when read. How many there are is filled in later. */
	{ PCI_BASE_ADDRESS_4, 4, PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH },
	{ PCI_BASE_ADDRESS_5, 4, 0, ~0U },
	{ PCI_SUBSYSTEM_VENDOR_ID, 2, PCI_VENDOR_VIRTIO },
	{ PCI_CAPABILITY_LIST, 1, CAP_MSIX },
	{ PCI_INTERRUPT_LINE, 1, 0, 0xff },
	{ PCI_INTERRUPT_PIN, 1, 1 },

	{ CAP_MSIX, 1, PCI_CAP_ID_MSIX },
	{ CAP_MSIX + PCI_CAP_LIST_NEXT, 1, CAP_AF },
	{ CAP_MSIX + PCI_MSIX_FLAGS, 2, 0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
	{ CAP_MSIX + PCI_MSIX_TABLE, 4, SLUICE_PCI_BAR_MSIX },
	{ CAP_MSIX + PCI_MSIX_PBA, 4, SLUICE_PCI_MSIX_PBA | SLUICE_PCI_BAR_MSIX },

	{ CAP_AF, 1, PCI_CAP_ID_AF },
	{ CAP_AF + PCI_CAP_LIST_NEXT, 1, CAP_COMMON },
	{ CAP_AF + PCI_AF_LENGTH, 1, PCI_CAP_AF_SIZEOF },
	{ CAP_AF + PCI_AF_CAP, 1, PCI_AF_CAP_TP | PCI_AF_CAP_FLR },

	{ CAP_NOTIFY + offsetof(struct virtio_pci_notify_cap, notify_off_multiplier), 4,
	  SLUICE_PCI_NOTIFY_STRIDE },
	/* The driver says there what it wants to reach. */
	{ CAP_WINDOW + offsetof(struct virtio_pci_cap, bar), 1, 0, 0xff },
	{ CAP_WINDOW + offsetof(struct virtio_pci_cap, offset), 4, 0, ~0U },
	{ CAP_WINDOW + offsetof(struct virtio_pci_cap, length), 4, 0, ~0U },
	{ WINDOW_DATA, WINDOW_DATA_LEN, 0, ~0U },
};

/* Where virtio's own structures lie: the vendor's capabilities. */
static const struct pci_cap {
	u8 pos;
	u8 next;
	u8 len;
	u8 type;
	u8 bar;
	u32 off;
	u32 size;
} pci_caps[] = {
	{ CAP_COMMON, CAP_ISR, CAP_LEN, VIRTIO_PCI_CAP_COMMON_CFG, SLUICE_PCI_BAR_VIRTIO,
	  SLUICE_PCI_COMMON, SLUICE_PCI_WIN_SIZE },
	{ CAP_ISR, CAP_DEVICE, CAP_LEN, VIRTIO_PCI_CAP_ISR_CFG, SLUICE_PCI_BAR_VIRTIO,
	  SLUICE_PCI_ISR, SLUICE_PCI_WIN_SIZE },
	{ CAP_DEVICE, CAP_NOTIFY, CAP_LEN, VIRTIO_PCI_CAP_DEVICE_CFG, SLUICE_PCI_BAR_VIRTIO,
	  SLUICE_PCI_DEVICE, SLUICE_PCI_WIN_SIZE },
	{ CAP_NOTIFY, CAP_WINDOW, NOTIFY_LEN, VIRTIO_PCI_CAP_NOTIFY_CFG, SLUICE_PCI_BAR_NOTIFY },
	{ CAP_WINDOW, 0, WINDOW_LEN, VIRTIO_PCI_CAP_PCI_CFG },
};

static void pci_put(u8 *where, u32 value, unsigned int len)
{
	for (; len--; value >>= 8)
		*where++ = value;
}

static u32 pci_get(const u8 *where, unsigned int len)
{
	u32 value = 0;

	while (len--)
		value = value << 8 | where[len];
	return value;
}

static void pci_put_cap(struct sluice_pci *p, const struct pci_cap *c)
{
	u8 *cap = p->cfg + c->pos;

	cap[offsetof(struct virtio_pci_cap, cap_vndr)] = PCI_CAP_ID_VNDR;
	cap[offsetof(struct virtio_pci_cap, cap_next)] = c->next;
	cap[offsetof(struct virtio_pci_cap, cap_len)] = c->len;
	cap[offsetof(struct virtio_pci_cap, cfg_type)] = c->type;
	cap[offsetof(struct virtio_pci_cap, bar)] = c->bar;
	pci_put(cap + offsetof(struct virtio_pci_cap, offset), c->off, 4);
	pci_put(cap + offsetof(struct virtio_pci_cap, length), c->size, 4);
}

void sluice_pci_init(struct sluice_pci *p, u16 type, u16 class, unsigned int vectors,
		     unsigned int queues)
{
	u32 notify = SLUICE_PCI_NOTIFY_STRIDE;
	unsigned int i;

	memset(p, 0, sizeof(*p));
	for (i = 0; i < ARRAY_SIZE(pci_fields); i++) {
		const struct pci_field *f = &pci_fields[i];

		pci_put(p->cfg + f->off, f->value, f->len);
		pci_put(p->writable + f->off, f->writable, f->len);
	}
	for (i = 0; i < ARRAY_SIZE(pci_caps); i++)
		pci_put_cap(p, &pci_caps[i]);
	pci_put(p->cfg + PCI_DEVICE_ID, PCI_DEVICE_VIRTIO + type, 2);
	pci_put(p->cfg + PCI_CLASS_DEVICE, class, 2);
	pci_put(p->cfg + PCI_SUBSYSTEM_ID, PCI_SUBSYSTEM + type, 2);
	/* A BAR's size is a power of two. */
	while (notify < queues * SLUICE_PCI_NOTIFY_STRIDE)
		notify *= 2;
	pci_put(p->writable + PCI_BASE_ADDRESS_4, BAR_MASK(notify), 4);
	pci_put(p->cfg + CAP_NOTIFY + offsetof(struct virtio_pci_cap, length),
		queues * SLUICE_PCI_NOTIFY_STRIDE, 4);
	pci_put(p->cfg + CAP_MSIX + PCI_MSIX_FLAGS, vectors - 1, 2);
}

void sluice_pci_reset(struct sluice_pci *p)
{
	unsigned int i;

	for (i = 0; i < SLUICE_PCI_CFG_SIZE; i++)
		p->cfg[i] &= ~p->writable[i];
}

u32 sluice_pci_bar_size(const struct sluice_pci *p, unsigned int bar)
{
	if (bar != SLUICE_PCI_BAR_MSIX && bar != SLUICE_PCI_BAR_VIRTIO &&
	    bar != SLUICE_PCI_BAR_NOTIFY)
		return 0;
	return -pci_get(p->writable + PCI_BASE_ADDRESS_0 + 4 * bar, 4);
}

bool sluice_pci_intx_disabled(const struct sluice_pci *p)
{
	return pci_get(p->cfg + PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE;
}

void sluice_pci_set_intx(struct sluice_pci *p, bool asserted)
{
	u32 status = pci_get(p->cfg + PCI_STATUS, 2) & ~PCI_STATUS_INTERRUPT;

	pci_put(p->cfg + PCI_STATUS, asserted ? status | PCI_STATUS_INTERRUPT : status, 2);
}

void sluice_pci_read(const struct sluice_pci *p, unsigned int off, void *buf, unsigned int len)
{
	memcpy(buf, p->cfg + off, len);
}

static bool pci_overlap(unsigned int off, unsigned int len, unsigned int at, unsigned int size)
{
	return off < at + size && at < off + len;
}

unsigned int sluice_pci_write(struct sluice_pci *p, unsigned int off, const void *buf,
			      unsigned int len)
{
	bool disabled = sluice_pci_intx_disabled(p);
	const u8 *val = buf;
	unsigned int i, what = 0;

	for (i = 0; i < len; i++) {
		u8 mask = p->writable[off + i];

		p->cfg[off + i] = (p->cfg[off + i] & ~mask) | (val[i] & mask);
	}
	if (pci_overlap(off, len, CAP_AF + PCI_AF_CTRL, 1) &&
	    val[CAP_AF + PCI_AF_CTRL - off] & PCI_AF_CTRL_FLR)
		what |= SLUICE_PCI_DO_FLR;
	if (sluice_pci_intx_disabled(p) != disabled)
		what |= SLUICE_PCI_DO_INTX;
	return what;
}

bool sluice_pci_window(struct sluice_pci *p, unsigned int off, unsigned int len,
		       struct sluice_pci_window *win)
{
	const u8 *cap = p->cfg + CAP_WINDOW;
	u32 size;

	if (!pci_overlap(off, len, WINDOW_DATA, WINDOW_DATA_LEN))
		return false;
	win->bar = cap[offsetof(struct virtio_pci_cap, bar)];
	win->off = pci_get(cap + offsetof(struct virtio_pci_cap, offset), 4);
	win->len = pci_get(cap + offsetof(struct virtio_pci_cap, length), 4);
	win->data = p->cfg + WINDOW_DATA;
	size = sluice_pci_bar_size(p, win->bar);
	return (win->len == 1 || win->len == 2 || win->len == 4) && !(win->off % win->len) &&
	       win->off < size && win->len <= size - win->off;
}
