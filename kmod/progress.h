/* SPDX-License-Identifier: GPL-2.0-only */
/* How fast something long gets on, by what it did in the last seconds. */
#ifndef _SLUICE_PROGRESS_H
#define _SLUICE_PROGRESS_H

#include <linux/spinlock.h>
#include <linux/types.h>

/* Samples that are kept, a second or more apart. */
#define SLUICE_PROGRESS_SAMPLES	8U

/**
 * struct sluice_progress - what was done, and when
 * @lock: innermost
 * @nr: how many samples there were; @lock
 * @at: when, in ns; likewise
 * @done: how much there was of it then; likewise
 */
struct sluice_progress {
	spinlock_t lock;	/* see above */
	unsigned int nr;
	u64 at[SLUICE_PROGRESS_SAMPLES];
	u64 done[SLUICE_PROGRESS_SAMPLES];
};

void sluice_progress_init(struct sluice_progress *p);
/* It rested, or begins: what was before says nothing. */
void sluice_progress_reset(struct sluice_progress *p);
void sluice_progress_note(struct sluice_progress *p, u64 now, u64 done);
/* So much a second; 0: none, or not known yet. */
u64 sluice_progress_rate(struct sluice_progress *p, u64 now, u64 done);

#endif /* _SLUICE_PROGRESS_H */
