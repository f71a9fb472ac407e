// SPDX-License-Identifier: GPL-2.0-only
/* Measuring: see meter.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <x86intrin.h>
#include "meter.h"

void meter_die(const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		strerror(err < 0 ? -err : err));
	exit(1);
}

uint64_t meter_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

double meter_rate(void)
{
	uint64_t c = __rdtsc(), t = meter_now_ns();

	while (meter_now_ns() - t < 50000000)
		;
	return (double)(__rdtsc() - c) / (meter_now_ns() - t);
}

static int cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void meter_add(struct meter *m, uint64_t cycles)
{
	if (m->nr < METER_SAMPLES)
		m->sample[m->nr++] = cycles;
}

uint64_t meter_median(struct meter *m)
{
	qsort(m->sample, m->nr, sizeof(m->sample[0]), cmp);
	return m->nr ? m->sample[m->nr / 2] : 0;
}

uint64_t meter_call(void (*call)(void *arg), void *arg)
{
	uint64_t t, s[METER_CALLS];
	int i;

	for (i = 0; i < METER_CALLS; i++) {
		t = __rdtsc();
		call(arg);
		s[i] = __rdtsc() - t;
	}
	qsort(s, METER_CALLS, sizeof(s[0]), cmp);
	return s[METER_CALLS / 2];
}

void meter_ring_calls(uint64_t *kick, uint64_t *wait)
{
	struct vdrv_vq q = { .kick = eventfd(0, EFD_NONBLOCK), .call = eventfd(0, 0) };
	uint64_t one = 1, t, kicks[METER_CALLS], waits[METER_CALLS];
	int i;

	for (i = 0; i < METER_CALLS; i++) {
		t = __rdtsc();
		vdrv_kick_always(&q);
		kicks[i] = __rdtsc() - t;
		if (write(q.call, &one, sizeof(one)) != sizeof(one))
			meter_die("eventfd", errno);
		t = __rdtsc();
		meter_wait(&q);
		waits[i] = __rdtsc() - t;
	}
	qsort(kicks, METER_CALLS, sizeof(kicks[0]), cmp);
	qsort(waits, METER_CALLS, sizeof(waits[0]), cmp);
	*kick = kicks[METER_CALLS / 2];
	*wait = waits[METER_CALLS / 2];
	close(q.kick);
	close(q.call);
}

bool meter_wait(struct vdrv_vq *q)
{
	uint64_t count;

	if (read(q->call, &count, sizeof(count)) == sizeof(count))
		return true;
	if (errno != EINTR)
		meter_die("eventfd", errno);
	return false;
}

static void on_alarm(int sig)
{
}

void meter_be_impatient(struct vdrv_vq *q)
{
	struct itimerval every = { { 0, METER_PATIENCE_MS * 1000 },
				   { 0, METER_PATIENCE_MS * 1000 } };
	struct sigaction a = { .sa_handler = on_alarm };

	if (fcntl(q->call, F_SETFL, 0) < 0 || sigaction(SIGALRM, &a, NULL) < 0 ||
	    setitimer(ITIMER_REAL, &every, NULL) < 0)
		meter_die("timer", errno);
}
