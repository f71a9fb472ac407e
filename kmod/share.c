// SPDX-License-Identifier: GPL-2.0-only
/* Fair shares of a worker: share.h has the rules. */
#include <linux/percpu.h>
#include "share.h"
#include "worker.h"

bool sluice_share_left(struct sluice_share __percpu *share, struct sluice_worker *w)
{
	struct sluice_share *s = per_cpu_ptr(share, w->cpu);
	u64 rounds = w->rounds - s->round;

	sluice_assert_worker(w);
	if (rounds) {
		s->round = w->rounds;
		s->used -= rounds > s->used / SLUICE_SHARE_NS ? s->used : rounds * SLUICE_SHARE_NS;
	}
	if (s->used < SLUICE_SHARE_NS)
		return true;
	rounds = s->used / SLUICE_SHARE_NS;
	w->held = w->held ? min(w->held, rounds) : rounds;
	return false;
}

void sluice_share_take(struct sluice_share __percpu *share, const struct sluice_worker *w, u64 ns)
{
	per_cpu_ptr(share, w->cpu)->used += ns;
}
