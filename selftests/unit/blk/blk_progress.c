// SPDX-License-Identifier: GPL-2.0-only
/* How fast something long gets on, over simulated time. */
#include "tap.h"
#include "progress.h"

#define SECOND	1000000000ULL

/* So much a second for so many seconds, noted @often times in each. */
static void run(struct sluice_progress *p, u64 *now, u64 *done, u64 rate, unsigned int seconds,
		unsigned int often)
{
	unsigned int i;

	for (i = 0; i < seconds * often; i++) {
		*now += SECOND / often;
		*done += rate / often;
		sluice_progress_note(p, *now, *done);
	}
}

static bool near(u64 got, u64 want)
{
	return got >= want - want / 100 && got <= want + want / 100;
}

int main(void)
{
	struct sluice_progress p = {};
	u64 now = 7 * SECOND, done = 1000, rate;

	sluice_progress_init(&p);
	tap_ok(!sluice_progress_rate(&p, now, done), "nothing is known yet");
	sluice_progress_note(&p, now, done);
	tap_ok(!sluice_progress_rate(&p, now, done), "nor by one sample");
	tap_ok(!sluice_progress_rate(&p, now + SECOND / 5, done + 50), "nor in so short a time");
	tap_ok(sluice_progress_rate(&p, now + SECOND / 2, done + 50) == 100, "in half a second");
	run(&p, &now, &done, 1000, 3, 1);
	tap_ok(near(sluice_progress_rate(&p, now, done), 1000), "by a few samples");
	run(&p, &now, &done, 1000, 60, 50);
	tap_ok(near(sluice_progress_rate(&p, now, done), 1000), "by as many as are kept");
	/* What is noted more often than each second is no sample: they span seconds. */
	run(&p, &now, &done, 0, 2, 1000);
	rate = sluice_progress_rate(&p, now, done);
	tap_ok(rate > 600 && rate < 900, "two idle seconds do not hide the others: %llu",
	       (unsigned long long)rate);
	run(&p, &now, &done, 3000, SLUICE_PROGRESS_SAMPLES + 1, 10);
	tap_ok(near(sluice_progress_rate(&p, now, done), 3000), "what was long ago is forgotten");
	tap_ok(!sluice_progress_rate(&p, now, 0), "it began anew since one looked");
	tap_ok(!sluice_progress_rate(&p, 1, done), "a sample from the future");
	sluice_progress_reset(&p);
	tap_ok(!sluice_progress_rate(&p, now, done), "what was before a rest says nothing");
	now += 100 * SECOND;
	sluice_progress_note(&p, now, done);
	run(&p, &now, &done, 500, 2, 4);
	tap_ok(near(sluice_progress_rate(&p, now, done), 500), "after it");
	/* Whole disks: 16 EiB in sectors, at ten GiB a second. */
	sluice_progress_reset(&p);
	done = 1ULL << 54;
	sluice_progress_note(&p, now, done);
	run(&p, &now, &done, 20ULL << 20, 20, 2);
	tap_ok(near(sluice_progress_rate(&p, now, done), 20ULL << 20), "large numbers");
	return tap_done();
}
