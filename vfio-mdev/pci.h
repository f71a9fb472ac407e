/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI face of the device: configuration space and where things lie in the BARs (virtio 1.2,
 * 4.1.4). No kernel state: plain functions over a struct, so that they can be built and fuzzed in
 * userspace. Whoever calls serialises.
 */
#ifndef _SLUICE_MDEV_PCI_H
#define _SLUICE_MDEV_PCI_H

#include <linux/types.h>

#define SLUICE_PCI_CFG_SIZE	256

/* BARs. The VMM emulates the table of BAR 0, so nothing else lies there. */
#define SLUICE_PCI_BAR_MSIX	0
#define SLUICE_PCI_BAR_VIRTIO	2
#define SLUICE_PCI_BAR_NOTIFY	4	/* and 5: 64 bits */
#define SLUICE_PCI_BARS		6

#define SLUICE_PCI_MSIX_SIZE	0x1000
#define SLUICE_PCI_MSIX_PBA	0x800
#define SLUICE_PCI_VIRTIO_SIZE	0x4000
/* Windows of BAR 2. */
#define SLUICE_PCI_WIN_SIZE	0x1000
#define SLUICE_PCI_COMMON	0x0000
#define SLUICE_PCI_ISR		0x1000
#define SLUICE_PCI_DEVICE	0x2000
/* A page for each queue, so that each can be mapped by itself. */
#define SLUICE_PCI_NOTIFY_STRIDE 0x1000

/* What a write to the configuration space asked for. */
#define SLUICE_PCI_DO_FLR	0x1	/* function level reset */
#define SLUICE_PCI_DO_INTX	0x2	/* INTx was disabled or enabled */

/**
 * struct sluice_pci - configuration space
 * @cfg: what is read
 * @writable: bits that a write changes
 */
struct sluice_pci {
	u8 cfg[SLUICE_PCI_CFG_SIZE];
	u8 writable[SLUICE_PCI_CFG_SIZE];
};

/**
 * struct sluice_pci_window - an access that is made through VIRTIO_PCI_CAP_PCI_CFG
 * @bar: BAR
 * @off: offset in it, a multiple of @len
 * @len: 1, 2 or 4
 * @data: the field of configuration space that holds the value
 */
struct sluice_pci_window {
	unsigned int bar;
	u32 off;
	unsigned int len;
	u8 *data;
};

/*
 * As after a power-up, for a device of virtio's type @type (VIRTIO_ID_*), class @class
 * (PCI_CLASS_*), with @vectors MSI-X vectors and @queues virtqueues.
 */
void sluice_pci_init(struct sluice_pci *p, u16 type, u16 class, unsigned int vectors,
		     unsigned int queues);
/* Function level reset: BARs and what else the driver wrote are forgotten. */
void sluice_pci_reset(struct sluice_pci *p);
/* Bytes of a BAR (the lower half's number); 0: there is none. */
u32 sluice_pci_bar_size(const struct sluice_pci *p, unsigned int bar);
bool sluice_pci_intx_disabled(const struct sluice_pci *p);
/* Tells in the status register whether INTx is asserted, also while it is disabled. */
void sluice_pci_set_intx(struct sluice_pci *p, bool asserted);
/* [@off, @off + @len) lies in configuration space. */
void sluice_pci_read(const struct sluice_pci *p, unsigned int off, void *buf, unsigned int len);
/* Likewise. Returns SLUICE_PCI_DO_*. */
unsigned int sluice_pci_write(struct sluice_pci *p, unsigned int off, const void *buf,
			      unsigned int len);
/*
 * Does an access to [@off, @off + @len) go on to a BAR, through the window that the driver set up
 * as it should? Before a read of configuration space, after a write.
 */
bool sluice_pci_window(struct sluice_pci *p, unsigned int off, unsigned int len,
		       struct sluice_pci_window *win);

#endif /* _SLUICE_MDEV_PCI_H */
