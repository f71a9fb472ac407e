// SPDX-License-Identifier: GPL-2.0-only
/*
 * What udev is to know of a block device: that a volume is on it, so that what is written there is
 * a guest's and no business of the host's; and of a netdev: that an uplink waits for it. The device
 * is not asked, nor the kernel: this runs for each device that appears, before its links are there,
 * and goes by their names.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include "state.h"

#define DECLARED "/etc/sluice/*.json"

static bool is_named(const char *dev, int nr, char **names)
{
	int i = 0;

	while (i < nr && strcmp(names[i], dev))
		i++;
	return i < nr;
}

static bool any_is_on(const struct items *items, int nr, char **names)
{
	size_t i = 0;

	while (i < items->nr && !(rec_has(items->v[i].rec, "dev") &&
				  is_named(rec_text(items->v[i].rec, "dev"), nr, names)))
		i++;
	return i < items->nr;
}

int udev_run(int nr, char **names)
{
	struct state want = {};
	bool volumes, uplinks;
	glob_t files;
	size_t i;

	if (!nr) {
		complain("udev: /dev/... or a netdev is missing");
		return EXIT_USAGE;
	}
	if (glob(DECLARED, 0, NULL, &files))
		return EXIT_REFUSED;
	/* One that cannot be read keeps nothing that the others say from being known. */
	for (i = 0; i < files.gl_pathc; i++)
		state_read(&want, files.gl_pathv[i]);
	globfree(&files);
	volumes = any_is_on(&want.sec[SEC_VOLUME], nr, names);
	uplinks = any_is_on(&want.sec[SEC_UPLINK], nr, names);
	state_free(&want);
	printf("%s%s", volumes ? "SLUICE_VOLUMES=1\n" : "", uplinks ? "SLUICE_UPLINKS=1\n" : "");
	return volumes || uplinks ? EXIT_DONE : EXIT_REFUSED;
}
