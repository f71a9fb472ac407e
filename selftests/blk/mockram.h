/* SPDX-License-Identifier: GPL-2.0-only */
/* Disks that refuse requests, or keep them: see ../wedge/sluice_mockram.c. */
#ifndef BLK_MOCKRAM_H
#define BLK_MOCKRAM_H

#include <stdio.h>
#include <unistd.h>
#include "netio.h"

#define MOCKRAM		"/dev/mockram0"

/**
 * struct mockram_counts - since it was told to count
 * @sectors: that were read or written
 * @refused: requests
 * @waiting: requests that wait, or are kept
 * @changed: sectors that were to be written with other data before
 */
struct mockram_counts {
	unsigned int sectors;
	unsigned int refused;
	unsigned int waiting;
	unsigned int changed;
};

/* It stays: KASAN does not suffer modules that come back. */
static inline int mockram_load(void)
{
	if (!access("/sys/module/sluice_mockram", F_OK))
		return 0;
	return netio_run("insmod $SLUICE_OBJECTS/wedge/sluice_mockram.ko");
}

static inline int mockram(const char *what)
{
	return netio_run("echo %s >/sys/module/sluice_mockram/parameters/do", what);
}

static inline int mockram_counts(struct mockram_counts *c)
{
	FILE *f = fopen("/sys/module/sluice_mockram/parameters/counts", "r");
	int n = f ? fscanf(f, "%u %u %u %u", &c->sectors, &c->refused, &c->waiting, &c->changed) :
		    0;

	if (f)
		fclose(f);
	return n == 4 ? 0 : -1;
}

#endif /* BLK_MOCKRAM_H */
