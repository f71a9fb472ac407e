/* SPDX-License-Identifier: GPL-2.0-only */
/* So few pages that none is left for who does not wait. */
#ifndef SHORTAGE_H
#define SHORTAGE_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "fail.h"

/**
 * struct shortage - so few pages that none is left for who does not wait
 * @fd: of the kernel's own reserve, which is made larger than what is free
 * @was: what it was
 * @hog: a process that has pages and is killed first, should somebody have to be
 */
struct shortage {
	int fd;
	char was[24];
	pid_t hog;
};

/* More is looked for by whoever waits than is found so. */
#define SHORTAGE_BEYOND	(128UL << 20)

static inline void shortage_hog(int ready)
{
	void *p;

	fail_put("/proc/self/oom_score_adj", "1000");
	p = mmap(NULL, 2 * SHORTAGE_BEYOND, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED || write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static inline int shortage_hog_start(struct shortage *s)
{
	int ready[2];
	char c;

	if (pipe(ready))
		return -errno;
	s->hog = fork();
	if (!s->hog)
		shortage_hog(ready[1]);
	close(ready[1]);
	if (s->hog < 0 || read(ready[0], &c, 1) != 1)
		return -ENOMEM;
	close(ready[0]);
	return 0;
}

/* What this process may need is there. To be ended by shortage_end(). */
static inline int shortage_prepare(struct shortage *s)
{
	int n;

	s->fd = open("/proc/sys/vm/min_free_kbytes", O_RDWR | O_CLOEXEC);
	n = s->fd < 0 ? -1 : read(s->fd, s->was, sizeof(s->was) - 1);
	/* What this process has stays, and nothing that it does from here on needs more. */
	if (n <= 0 || mlockall(MCL_CURRENT | MCL_FUTURE) ||
	    fail_put("/proc/self/oom_score_adj", "-1000"))
		return -EPERM;
	return shortage_hog_start(s);
}

static inline void shortage_end(struct shortage *s)
{
	int status;

	if (pwrite(s->fd, s->was, strlen(s->was), 0) < 0)
		abort();
	kill(s->hog, SIGKILL);
	waitpid(s->hog, &status, 0);
	close(s->fd);
	munlockall();
}

static inline long shortage_free_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[80];
	long kb = -1;

	while (f && kb < 0 && fgets(line, sizeof(line), f))
		sscanf(line, "MemFree: %ld", &kb);
	if (f)
		fclose(f);
	return kb;
}

/* From now on there is none. */
static inline int shortage_begin(struct shortage *s)
{
	char text[24];
	int n;

	fail_put("/proc/sys/vm/drop_caches", "3");
	n = snprintf(text, sizeof(text), "%ld",
		     shortage_free_kb() + (long)(SHORTAGE_BEYOND / 1024));
	return pwrite(s->fd, text, n, 0) == n ? 0 : -errno;
}

/* False: somebody had to be killed for it, so it was none. */
static inline bool shortage_lasted(const struct shortage *s)
{
	return !waitpid(s->hog, NULL, WNOHANG);
}

/* Until it begins again. */
static inline int shortage_pause(struct shortage *s)
{
	int n = strlen(s->was);

	return pwrite(s->fd, s->was, n, 0) == n ? 0 : -errno;
}

#endif /* SHORTAGE_H */
