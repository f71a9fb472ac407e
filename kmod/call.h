/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls to workers: how everybody else has something done, or learns that a burst is over, on the
 * thread that owns what it is about. See call.c for what happens when a worker does not answer.
 */
#ifndef _SLUICE_CALL_H
#define _SLUICE_CALL_H

#include <linux/types.h>
#include "sluice.h"

struct sluice_worker;

typedef void (*sluice_call_t)(struct sluice_worker *w, void *arg);

/**
 * sluice_worker_call() - run a function on a worker between two bursts
 * @w: worker
 * @fn: what to run; takes no mutex that a sender of calls holds, waits for nobody
 * @arg: its argument. It is used after the call gave up (-EINPROGRESS), so it lives as long as
 *	what the call is about
 *
 * Waits for half a second at most, and not at all for a worker that is known to be stuck. When the
 * thread is dead the caller stands in for it. Runs at once when called on the worker. Context:
 * process; may hold RTNL and the lock of a port or volume.
 *
 * Return: 0: @fn ran, and the burst that was under way before is over. Else no such thing: what
 * would be freed after the call is to be leaked, see sluice_leak().
 * -ETIMEDOUT: @fn did not run, and will not; -EINPROGRESS: it may be running; -EIO: the worker died
 * in it.
 */
int sluice_worker_call(struct sluice_worker *w, sluice_call_t fn, void *arg);
/*
 * The same with an argument on the caller's stack, of 128 bytes at most: @fn is given a copy, which
 * is copied back when it has run.
 */
int sluice_worker_call_copy(struct sluice_worker *w, sluice_call_t fn, void *arg, size_t size);
/* The same for a frame, of which there are many: -ETIMEDOUT also if memory is short. */
int sluice_worker_call_frame(struct sluice_worker *w, sluice_call_t fn, void *arg, size_t size);
/* The same, but not taken back: @fn runs whenever the worker comes to itself. */
int sluice_worker_call_late(struct sluice_worker *w, sluice_call_t fn, void *arg);
/*
 * On every worker, all at once; one that is stuck costs no more time than another. Return: 0, or
 * the first worker's error. RTNL.
 */
int sluice_worker_call_all(sluice_call_t fn, void *arg);
/* With a call that does nothing: the burst that was under way before is over. */
int sluice_worker_sync(struct sluice_worker *w);
/* Wait until every visit that is under way now is over. Return: likewise. RTNL. */
int sluice_worker_sync_all(void);
/* Likewise, of those workers that @of picks. */
int sluice_worker_sync_some(bool (*of)(const struct sluice_worker *w));
/*
 * Take RTNL at a moment at which that is so of every worker, however long one does not answer. For
 * who takes away what a worker may be in the midst of. Context: process.
 */
void sluice_worker_sync_rtnl_lock(void);

/* --- between the files of sluice.ko --- */

int sluice_call_init(void);
/* No worker is left. */
void sluice_call_exit(void);

/* Worker thread: run what was sent. */
void sluice_calls_run(struct sluice_worker *w);
/* The thread is dead: run what was sent in its place, unless it was replaced. Process context. */
void sluice_worker_stand_in(struct sluice_worker *w);

/* Was a call to it given up, and has it not gone round since? Any context; racy. */
bool sluice_call_hopeless(const struct sluice_worker *w);

/* What was leaked until now is not any more. */
void sluice_unleak(size_t bytes);

/* What sluice_leak() was told: how often, and bytes. */
struct sluice_leaks {
	u64 objects;
	u64 bytes;
};

void sluice_leaks_get(struct sluice_leaks *l);

#endif /* _SLUICE_CALL_H */
