/* SPDX-License-Identifier: GPL-2.0-only */
/* The one number of it that is needed. */
#define PCI_CLASS_NETWORK_ETHERNET	0x0200
