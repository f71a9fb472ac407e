/* SPDX-License-Identifier: GPL-2.0-only */
/* Workers that die or do not answer, by the module of ../wedge. For tests with netio.h. */
#ifndef WEDGE_H
#define WEDGE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "netio.h"

/* It stays: KASAN does not suffer modules that come back. */
static inline int wedge_load(void)
{
	if (!access("/sys/module/sluice_wedge", F_OK))
		return 0;
	return netio_run("insmod $SLUICE_OBJECTS/wedge/sluice_wedge.ko");
}

/* @whom: a port, volume/VOLUME, or what the disk is to do: see sluice_wedge.c. */
static inline int wedge(const char *what, const char *whom)
{
	return netio_run("echo '%s %s' >/sys/module/sluice_wedge/parameters/do", what, whom);
}

static inline int wedge_go(void)
{
	return netio_run("echo go >/sys/module/sluice_wedge/parameters/do");
}

/* Wait until `sluice worker show` says so; what bounds it is the test's own time. */
static inline void wedge_await(const char *what)
{
	while (netio_run("sluice worker show | grep -qE '%s'", what))
		usleep(10000);
}

/* How often has a thread been replaced? Tests that ran before had their share. */
static inline unsigned int wedge_deaths(void)
{
	FILE *out = popen("sluice worker show | sed -n 's/.* deaths \\([0-9]*\\).*/\\1/p'", "r");
	unsigned int n = 0;

	if (!out || fscanf(out, "%u", &n) != 1)
		n = 0;
	if (out)
		pclose(out);
	return n;
}

/* For who reads the test's output: the times that the module kept. */
static inline void wedge_times(void)
{
	fflush(stdout);
	if (system("sluice -s worker show | grep -o 'longest.*' | sed 's/^/# /'"))
		printf("# no worker\n");
}

/* There were so many deaths, and the last thread was replaced: at once, or a minute later. */
static inline void wedge_await_deaths(unsigned int n)
{
	char want[40];

	snprintf(want, sizeof(want), "state ok deaths %u", n);
	wedge_await(want);
}

/* The thread dies for @whom, and another is there. */
static inline int wedge_die(const char *whom)
{
	unsigned int before = wedge_deaths();

	if (wedge("die", whom))
		return -1;
	wedge_await_deaths(before + 1);
	return 0;
}

#endif /* WEDGE_H */
