/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every difference between kernel versions, and nowhere else. Kbuild includes this file ahead of
 * each source, so no other file looks at LINUX_VERSION_CODE (make lint holds it to that).
 */
#ifndef _SLUICE_COMPAT_H
#define _SLUICE_COMPAT_H

#include <linux/export.h>
#include <linux/module.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#error "Sluice needs Linux 6.12 or later"
#endif

/*
 * A release on which nobody has built and run the tests is refused rather than guessed at: raise
 * this bound in the change that proves the next one.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#error "Sluice is built and tested on Linux 6.12 only so far"
#endif

/*
 * What sluice.ko offers to front ends and engines lies in one symbol namespace. From 6.13 on the
 * kernel wants that name as a string; here is the one place to follow it.
 */
#define SLUICE_EXPORT(sym)	EXPORT_SYMBOL_NS_GPL(sym, SLUICE)
#define SLUICE_IMPORT		MODULE_IMPORT_NS(SLUICE)

#endif /* _SLUICE_COMPAT_H */
