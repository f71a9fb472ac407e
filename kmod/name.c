// SPDX-License-Identifier: GPL-2.0-only
/* Names of volumes and devices: what front ends make of them has an entry of that name in sysfs. */
#include <linux/kernel.h>
#include <linux/string.h>
#include "sluice.h"

/*
 * What a directory of devices has besides them, and what no directory can have. The kernel finds
 * out when it makes the entry: with a stack trace in its log, or by making one that nobody can
 * open.
 */
static const char *const name_taken[] = {
	".", "..", "driver", "module", "power", "subsystem", "uevent",
};

bool sluice_name_is_taken(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(name_taken); i++) {
		if (!strcmp(name, name_taken[i]))
			return true;
	}
	return false;
}
SLUICE_EXPORT(sluice_name_is_taken);
