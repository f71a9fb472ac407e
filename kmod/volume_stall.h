/* SPDX-License-Identifier: GPL-2.0-only */
/* What fails because of a device, and is tried again until that works. */
#ifndef _SLUICE_VOLUME_STALL_H
#define _SLUICE_VOLUME_STALL_H

#include <linux/types.h>
#include <linux/wait.h>

struct block_device;
struct sluice_volume;

/**
 * struct sluice_stall - why something does not go on
 * @error: why; 0: it does; READ_ONCE elsewhere
 * @step: what it is at, if @error is set; likewise
 */
struct sluice_stall {
	int error;
	int step;
};

/**
 * struct sluice_stall_words - what is said of it
 * @what: as in "its ... stalls"
 * @steps: by struct sluice_stall.step
 * @event: enum sluice_event: it stalls, or goes on
 */
struct sluice_stall_words {
	const char *what;
	const char *const *steps;
	u32 event;
};

/* It does, again or still; said once. It goes on, if it did. Process context, one at a time. */
void sluice_stall_begins(struct sluice_volume *v, struct sluice_stall *s,
			 const struct sluice_stall_words *words, int step, int err);
void sluice_stall_ends(struct sluice_volume *v, struct sluice_stall *s,
		       const struct sluice_stall_words *words);
/* Until another try makes sense, after so many that failed before the last, or it is @called. */
void sluice_stall_await(wait_queue_head_t *wait, unsigned int tries,
			bool (*called)(const void *arg), const void *arg);
/* For good? A disk that is back is another one, for who had this one open. NULL: there is none. */
bool sluice_stall_gone(const struct block_device *bdev);

#endif /* _SLUICE_VOLUME_STALL_H */
