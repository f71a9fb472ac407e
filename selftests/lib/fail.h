/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocations that fail, where the kernel injects that. */
#ifndef FAIL_H
#define FAIL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "netio.h"

static inline int fail_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int err = fd < 0 || write(fd, text, strlen(text)) < 0;

	if (fd >= 0)
		close(fd);
	return err;
}

/* The @n-th allocation of this thread fails from now on; 0: none. */
static inline int fail_nth(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return fail_put("/proc/thread-self/fail-nth", text);
}

/* False: this kernel does not. To be ended by fail_end(). */
static inline bool fail_begin(void)
{
	if (fail_put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") || fail_nth(0))
		return false;
	fail_put("/sys/kernel/debug/failslab/verbose", "0");
	return true;
}

static inline void fail_end(void)
{
	fail_nth(0);
	fail_put("/sys/kernel/debug/failslab/ignore-gfp-wait", "Y");
}

/* --- of the workers' own; none of others' --- */

#define FAIL_SLAB	"/sys/kernel/debug/failslab/"

static inline int fail_of(const char *what, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), FAIL_SLAB "%s", what);
	return fail_put(path, value);
}

static inline bool fail_workers_can(void)
{
	return !access(FAIL_SLAB "cache-filter", W_OK);
}

/*
 * @percent of them fail, of all caches, or of those alone that a test chose. To be ended by
 * fail_workers_end().
 */
static inline int fail_workers(const char *percent, bool chosen)
{
	return fail_of("ignore-gfp-wait", "N") || fail_of("verbose", "0") ||
	       fail_of("times", "-1") || fail_of("task-filter", "Y") ||
	       fail_of("cache-filter", chosen ? "Y" : "N") ||
	       netio_run("for p in /proc/[0-9]*;"
			 " do ! grep -qs '^sluice/' $p/comm || echo 1 >$p/make-it-fail; done") ||
	       fail_of("probability", percent);
}

static inline void fail_workers_end(void)
{
	fail_of("probability", "0");
	fail_of("cache-filter", "N");
	fail_of("task-filter", "N");
	fail_of("times", "1");
	fail_of("ignore-gfp-wait", "Y");
}

#endif /* FAIL_H */
