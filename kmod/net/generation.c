// SPDX-License-Identifier: GPL-2.0-only
/*
 * Generations of configuration. Cache entries of all namespaces lie side by side, a port's index
 * comes again in another namespace, and an old entry's pointers are dead: so no number is ever
 * given twice. A namespace's user may make a million changes a second; 32 bits would last him an
 * hour, 64 bits last longer than any host.
 */
#include <linux/rtnetlink.h>
#include "net.h"

static u64 gen_last;	/* RTNL */

u64 sluice_net_gen_new(void)
{
	ASSERT_RTNL();
	return ++gen_last;
}
