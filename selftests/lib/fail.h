/* SPDX-License-Identifier: GPL-2.0-only */
/* Allocations that fail, where the kernel injects that. */
#ifndef FAIL_H
#define FAIL_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

#endif /* FAIL_H */
