/* SPDX-License-Identifier: GPL-2.0-only */
/* How fast something long goes on, as the operator wants it. */
#ifndef _SLUICE_VOLUME_PACE_H
#define _SLUICE_VOLUME_PACE_H

#include <linux/types.h>
#include <linux/wait.h>

/**
 * struct sluice_pace - how fast the operator wants it
 * @bps: bytes per second, 0: as fast as it gets on
 * @paused: not at all
 */
struct sluice_pace {
	u64 bps;
	bool paused;
};

/**
 * struct sluice_pace_wait - who goes by that
 * @pace: in force; stored to by others
 * @wait: woken when that, or what @called says, changed
 * @called: it is to do something else
 * @arg: of @called
 */
struct sluice_pace_wait {
	const struct sluice_pace *pace;
	wait_queue_head_t *wait;
	bool (*called)(const void *arg);
	const void *arg;
};

/* From now on, for who waits at @wait: stores. True: it was paused, and is not any more. */
bool sluice_pace_set(struct sluice_pace *now, const struct sluice_pace *pace,
		     wait_queue_head_t *wait);
/* As long as it is paused, or until it is called. */
void sluice_pace_rest(const struct sluice_pace_wait *w);
/*
 * Likewise, and until so many @bytes, which were done since it was @charged the last time, are paid
 * for: returns when it is charged now, in ns of ktime_get_ns(). 0: it never was.
 */
u64 sluice_pace_await(const struct sluice_pace_wait *w, u64 charged, u64 bytes);

#endif /* _SLUICE_VOLUME_PACE_H */
