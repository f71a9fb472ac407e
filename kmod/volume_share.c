// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fair shares of a worker: in each of its rounds it gives every volume the same time for new
 * requests, however many queues the volume has there, and however long its requests are. A visit
 * that took longer is paid for by the rounds that follow; time that was not used is not saved up.
 *
 * Nobody is held up where nobody else works: rounds in which nothing happens are skipped, see
 * worker_visit().
 */
#include <linux/percpu.h>
#include "port.h"
#include "volume.h"
#include "worker.h"

/* Of one round, in ns. About what a queue full of small requests takes. */
#define SHARE_NS	(100 * NSEC_PER_USEC)

bool sluice_volume_share_left(const struct sluice_volume *v, struct sluice_worker *w)
{
	struct sluice_volume_share *s = per_cpu_ptr(v->share, w->cpu);
	u64 rounds = w->rounds - s->round;

	sluice_assert_worker(w);
	if (rounds) {
		s->round = w->rounds;
		s->used -= rounds > s->used / SHARE_NS ? s->used : rounds * SHARE_NS;
	}
	if (s->used < SHARE_NS)
		return true;
	rounds = s->used / SHARE_NS;
	w->held = w->held ? min(w->held, rounds) : rounds;
	return false;
}

void sluice_volume_share_take(const struct sluice_volume *v, const struct sluice_worker *w, u64 ns)
{
	sluice_assert_worker(w);
	per_cpu_ptr(v->share, w->cpu)->used += ns;
}
