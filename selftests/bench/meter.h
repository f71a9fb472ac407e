/* SPDX-License-Identifier: GPL-2.0-only */
/* What the bench's programs measure with: cycles, medians, and the price of a system call. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>
#include "vdrv.h"

/* Calls that are timed for one median. */
#define METER_CALLS	501
/* More samples than these are not kept. */
#define METER_SAMPLES	65536

/**
 * struct meter - samples of something, in cycles
 * @nr: how many
 * @sample: they
 */
struct meter {
	unsigned int nr;
	uint64_t sample[METER_SAMPLES];
};

uint64_t meter_now_ns(void);
/* Cycles per nanosecond; takes 50 ms. */
double meter_rate(void);
void meter_add(struct meter *m, uint64_t cycles);
/* Of all that were added, which are sorted by this. */
uint64_t meter_median(struct meter *m);

/* What @call takes, in cycles: the median of METER_CALLS. */
uint64_t meter_call(void (*call)(void *arg), void *arg);
/* What a kick takes that wakes nobody, and a wait that finds its call. */
void meter_ring_calls(uint64_t *kick, uint64_t *wait);

/*
 * Sleep until the device calls: one system call, and in User-mode Linux they are dear. The eventfd
 * blocks, and a timer's signal, every METER_PATIENCE_MS, ends the patience. False if it did.
 */
#define METER_PATIENCE_MS	200
bool meter_wait(struct vdrv_vq *q);
/* Before the first wait. */
void meter_be_impatient(struct vdrv_vq *q);

/* The end of the program. @err: errno, or its negative. */
void meter_die(const char *what, int err) __attribute__((noreturn));

#endif /* BENCH_METER_H */
