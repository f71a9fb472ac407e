/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process has to pay of the kernel's memory. */
#ifndef PAYER_H
#define PAYER_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define PAYER_CGROUPS	"/tmp/sluice-cgroup"
#define PAYER		PAYER_CGROUPS "/payer"

static inline bool payer_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* This process goes into a memory cgroup of its own. False: the kernel has none. */
static inline bool payer_enter(void)
{
	mkdir(PAYER_CGROUPS, 0755);
	if (mount("none", PAYER_CGROUPS, "cgroup2", 0, NULL))
		return false;
	if (payer_put(PAYER_CGROUPS "/cgroup.subtree_control", "+memory") && !mkdir(PAYER, 0755) &&
	    payer_put(PAYER "/cgroup.procs", "0"))
		return true;
	rmdir(PAYER);
	umount(PAYER_CGROUPS);
	return false;
}

static inline int payer_leave(void)
{
	bool ok = payer_put(PAYER_CGROUPS "/cgroup.procs", "0") && !rmdir(PAYER) &&
		  !umount(PAYER_CGROUPS);

	return ok && !rmdir(PAYER_CGROUPS) ? 0 : -errno;
}

/* Bytes of the kernel's that are charged to it. */
static inline long payer_pays(void)
{
	FILE *f = fopen(PAYER "/memory.stat", "r");
	char line[128];
	long n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "kernel %ld", &n);
	if (f)
		fclose(f);
	return n;
}

/* The kernel sums up every two seconds. */
static inline bool payer_comes_to_pay(long n)
{
	int i;

	for (i = 0; i < 5000 && payer_pays() < n; i++)
		usleep(1000);
	return payer_pays() >= n;
}

#endif /* PAYER_H */
