// SPDX-License-Identifier: GPL-2.0-only
/*
 * What udev is to know of a block device: that a volume is on it, so that what is written there is
 * a guest's and no business of the host's. The device is not asked, nor the kernel: this runs for
 * each device that appears, before its links are there, and goes by their names.
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

static bool any_is_named(const struct items *volumes, int nr, char **names)
{
	size_t i = 0;

	while (i < volumes->nr && !(rec_has(volumes->v[i].rec, "dev") &&
				    is_named(rec_text(volumes->v[i].rec, "dev"), nr, names)))
		i++;
	return i < volumes->nr;
}

int udev_run(int nr, char **names)
{
	struct state want = {};
	glob_t files;
	bool named;
	size_t i;

	if (!nr) {
		complain("udev: /dev/... is missing");
		return EXIT_USAGE;
	}
	if (glob(DECLARED, 0, NULL, &files))
		return EXIT_REFUSED;
	/* One that cannot be read keeps nothing that the others say from being known. */
	for (i = 0; i < files.gl_pathc; i++)
		state_read(&want, files.gl_pathv[i]);
	globfree(&files);
	named = any_is_named(&want.sec[SEC_VOLUME], nr, names);
	state_free(&want);
	if (!named)
		return EXIT_REFUSED;
	printf("SLUICE_VOLUMES=1\n");
	return EXIT_DONE;
}
