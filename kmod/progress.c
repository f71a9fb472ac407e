// SPDX-License-Identifier: GPL-2.0-only
/* How fast something long gets on: see progress.h. */
#include <linux/math64.h>
#include <linux/time64.h>
#include "progress.h"

void sluice_progress_init(struct sluice_progress *p)
{
	spin_lock_init(&p->lock);
}

void sluice_progress_reset(struct sluice_progress *p)
{
	spin_lock(&p->lock);
	p->nr = 0;
	spin_unlock(&p->lock);
}

void sluice_progress_note(struct sluice_progress *p, u64 now, u64 done)
{
	unsigned int last, next;

	spin_lock(&p->lock);
	last = (p->nr - 1) % SLUICE_PROGRESS_SAMPLES;
	next = p->nr % SLUICE_PROGRESS_SAMPLES;
	if (!p->nr || now - p->at[last] >= NSEC_PER_SEC) {
		p->at[next] = now;
		p->done[next] = done;
		p->nr++;
	}
	spin_unlock(&p->lock);
}

u64 sluice_progress_rate(struct sluice_progress *p, u64 now, u64 done)
{
	unsigned int oldest = 0;
	u64 rate = 0, ms = 0;

	spin_lock(&p->lock);
	if (p->nr > SLUICE_PROGRESS_SAMPLES)
		oldest = p->nr % SLUICE_PROGRESS_SAMPLES;
	/* It may have begun anew since the caller looked. */
	if (p->nr && now >= p->at[oldest] && done >= p->done[oldest])
		ms = div_u64(now - p->at[oldest], NSEC_PER_MSEC);
	/* Of less than that nothing can be told. */
	if (ms >= MSEC_PER_SEC / 4)
		rate = div64_u64((done - p->done[oldest]) * MSEC_PER_SEC, ms);
	spin_unlock(&p->lock);
	return rate;
}
