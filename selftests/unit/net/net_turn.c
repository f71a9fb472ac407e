// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits that are waited for: the rate is kept to a hundredth whatever the burst, the frames' size,
 * and how late who waits is woken; queues that share one get the same; connections behind one that
 * drops what waited for too long get it too. All over simulated time.
 */
#include "frame.h"
#include "tap.h"
#include "net/meter.h"

#define USEC	1000ULL
#define MSEC	1000000ULL
#define SECOND	1000000000ULL
/* What a visit takes at most, as the packet path does. */
#define VISIT_BYTES	(128 << 10)
#define VISIT_FRAMES	64
/* A TCP segment of 1448 bytes with its headers, and 44 of them in one frame. */
#define SEGMENT	1514U
#define SEGMENTS	44U

/* The same numbers in each run. */
static u32 chance(u32 below)
{
	static u64 seed = 1;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % below;
}

/**
 * struct ring - one that is never empty
 * @turn: as the packet path keeps it
 * @segs: segments of each frame
 * @late: who waits is woken later than asked for by up to that, ns
 * @refill: not 0: it holds two frames, and is filled again so many ns after it was emptied
 * @left: frames that it holds then
 * @due: when it is visited next
 * @waits: how often it had to wait
 * @segments: gone so far
 */
struct ring {
	struct sluice_turn turn;
	u32 segs;
	u32 late;
	u32 refill;
	u32 left;
	u64 due;
	u64 waits;
	u64 segments;
};

static void visit(struct ring *r, struct sluice_meter *m, u64 now)
{
	struct sluice_meter_room room;
	u64 wait = sluice_meter_turn(m, &r->turn, now, &room);
	u32 bytes = 0, frames;

	if (wait) {
		r->waits++;
		r->due = now + wait + (r->late ? chance(r->late) : 0);
		return;
	}
	if (!r->left)
		r->left = r->refill ? 2 : ~0U;
	for (frames = 0; r->left && frames < min_t(u32, VISIT_FRAMES, room.packets) &&
	     bytes < min_t(u32, VISIT_BYTES, room.bytes); frames++, r->left--) {
		sluice_meter_charge(m, &r->turn, now, r->segs, r->segs * SEGMENT);
		bytes += r->segs * SEGMENT;
		r->segments += r->segs;
	}
	r->due = now + frames * 100 + 1 + (r->left ? 0 : r->refill);
}

/* Visit whatever is due until @end. */
static void run(struct ring *r, unsigned int nr, struct sluice_meter *m, u64 *now, u64 end)
{
	unsigned int i;

	while (*now < end) {
		u64 next = ~0ULL;

		for (i = 0; i < nr; i++) {
			if (r[i].due <= *now)
				visit(&r[i], m, *now);
			next = min(next, r[i].due);
		}
		*now = max(next, *now + 1);
	}
	*now = end;
}

static bool within(double got, double want, double part)
{
	return got >= want * (1 - part) && got <= want * (1 + part);
}

static const u64 rates[] = { 1000000, 50000000, 500000000, 10000000000ULL };

/* As long as it takes for a long frame to be a small part of it. */
static u64 time_for(u64 rate)
{
	return max(2 * SECOND, SECOND * 2000 * SEGMENTS * SEGMENT * 8 / rate);
}

static void test_rate(u64 rate, u64 burst, u32 segs, u32 late)
{
	struct sluice_rate limit = { .bps = rate, .burst = burst };
	struct ring r = { .segs = segs, .late = late };
	u64 now = 777 * SECOND, time = time_for(rate);
	struct sluice_meter m;
	double want;
	u64 before;

	sluice_meter_init(&m, &limit);
	r.due = now;
	/* Use up the burst. */
	run(&r, 1, &m, &now, now + SECOND);
	before = r.segments;
	r.waits = 0;
	run(&r, 1, &m, &now, now + time);
	want = (double)rate / 8 * time / SECOND / SEGMENT;
	tap_ok(within(r.segments - before, want, 0.01),
	       "%llu bit/s, burst %llu, frames of %u, late by %u us: %llu of %.0f",
	       (unsigned long long)rate, (unsigned long long)burst, segs, late / 1000,
	       (unsigned long long)(r.segments - before), want);
	if (r.waits * 100 * USEC > time + 100 * USEC)
		tap_ok(false, "it is woken more often than every 100 us: %llu",
		       (unsigned long long)r.waits);
}

static void test_rates(void)
{
	static const u64 bursts[] = { 1, 1514, 16384, 131072, 10000000 };
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(rates); i++)
		for (j = 0; j < ARRAY_SIZE(bursts); j++)
			for (k = 0; k < 4; k++)
				test_rate(rates[i], bursts[j], k & 1 ? SEGMENTS : 1,
					  k & 2 ? 4 * MSEC : 0);
}

static void test_packets(void)
{
	struct sluice_rate limit = { .pps = 20000, .pburst = 10 };
	struct ring r = { .segs = SEGMENTS, .late = 2 * MSEC };
	struct sluice_meter m;
	u64 now = SECOND;

	sluice_meter_init(&m, &limit);
	r.due = now;
	run(&r, 1, &m, &now, 21 * SECOND);
	tap_ok(within(r.segments, 400000, 0.01), "packets: %llu of 400000",
	       (unsigned long long)r.segments);
	/* The tighter of the two. */
	limit = (struct sluice_rate){ .pps = 20000, .bps = 8 * 1000 * SEGMENT };
	sluice_meter_init(&m, &limit);
	r = (struct ring){ .segs = 1, .due = now };
	run(&r, 1, &m, &now, now + SECOND);
	r.segments = 0;
	run(&r, 1, &m, &now, now + 20 * SECOND);
	tap_ok(within(r.segments, 20000, 0.01), "both: %llu of 20000",
	       (unsigned long long)r.segments);
}

/* A guest whose stack lets it have two frames in the ring, and which takes a while to refill it. */
static void test_refill(u64 burst)
{
	struct sluice_rate limit = { .bps = 20000000, .burst = burst };
	struct ring r = { .segs = 1, .late = 100 * USEC, .refill = MSEC, .due = SECOND };
	struct sluice_meter m;
	u64 now = SECOND;

	sluice_meter_init(&m, &limit);
	run(&r, 1, &m, &now, 11 * SECOND);
	tap_ok(within(r.segments, 20000000 / 8.0 * 10 / SEGMENT, 0.02),
	       "two frames at a time, burst %llu: %llu of %.0f", (unsigned long long)burst,
	       (unsigned long long)r.segments, 20000000 / 8.0 * 10 / SEGMENT);
}

/* All that goes at one instant, after a second in which nothing did. */
static void test_burst(void)
{
	struct sluice_rate limit = { .bps = 80000000, .burst = 100 * SEGMENT };
	u64 now = SECOND, before;
	struct sluice_meter m;
	struct ring r = { .segs = 1, .due = now };

	sluice_meter_init(&m, &limit);
	run(&r, 1, &m, &now, 2 * SECOND);
	now += SECOND;
	before = r.segments;
	for (r.waits = 0; !r.waits; )
		visit(&r, &m, now);
	tap_ok(r.segments - before == 100, "a burst: %llu",
	       (unsigned long long)(r.segments - before));
}

/*
 * Queues of one port: who is woken first is always the same. None has to wait for another's frames
 * but once in its turn.
 */
static void test_shared(u32 segs, u64 burst, double part)
{
	struct sluice_rate limit = { .bps = 1000000000, .burst = burst };
	struct sluice_meter m;
	struct ring r[16];
	u64 now = SECOND, sum = 0, least = ~0ULL;
	unsigned int i;
	double want;

	sluice_meter_init(&m, &limit);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = (struct ring){ .segs = i ? segs : 1, .late = i * 100 * USEC, .due = now };
	run(r, ARRAY_SIZE(r), &m, &now, 2 * SECOND);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i].segments = 0;
	run(r, ARRAY_SIZE(r), &m, &now, 12 * SECOND);
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		sum += r[i].segments;
		least = min(least, r[i].segments);
	}
	want = 1250000000.0 / SEGMENT;
	tap_ok(within(sum, want, 0.01), "16 queues, burst %llu: %llu of %.0f",
	       (unsigned long long)burst, (unsigned long long)sum, want);
	want /= ARRAY_SIZE(r);
	tap_ok(least >= want * part, "each has its part: the least has %llu of %.0f",
	       (unsigned long long)least, want);
}

/* All of them saw room before any of them took it: what they owe is much, and not forgotten. */
static void test_at_once(void)
{
	struct sluice_rate limit = { .bps = 1000, .burst = 1 };
	struct sluice_turn t[16] = { 0 };
	struct sluice_meter_room room;
	struct sluice_meter m;
	bool waits = true;
	unsigned int i;

	sluice_meter_init(&m, &limit);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		waits &= !sluice_meter_turn(&m, &t[i], SECOND, &room);
	for (i = 0; i < 16 * ARRAY_SIZE(t); i++)
		sluice_meter_charge(&m, &t[i / 16], SECOND, 1, 65550);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		waits &= sluice_meter_turn(&m, &t[i], SECOND, &room) > 1000 * SECOND;
	tap_ok(waits, "what 16 queues took at once is paid for");
}

/*
 * A guest makes frames that are short in its ring and long on the wire: headers of 1,400 bytes in
 * front of each byte. All of it is paid for, however much.
 */
static void test_amplified(void)
{
	const u32 wire = 1366 * 2100;
	struct sluice_rate limit = { .bps = 8000000, .burst = 1 };
	struct sluice_meter_room room;
	struct sluice_turn t = { 0 };
	struct sluice_meter m;
	unsigned int i;
	u64 wait;

	sluice_meter_init(&m, &limit);
	tap_ok(!sluice_meter_turn(&m, &t, SECOND, &room), "nothing is owed yet");
	sluice_meter_charge(&m, &t, SECOND, 1366, wire);
	wait = sluice_meter_turn(&m, &t, SECOND, &room);
	tap_ok(wait >= wire * USEC, "the longest frame is paid for: %llu us of %u",
	       (unsigned long long)(wait / USEC), wire);
	for (i = 0; i < 1000; i++)
		sluice_meter_charge(&m, &t, SECOND, 1366, wire);
	t = (struct sluice_turn){ 0 };
	wait = sluice_meter_turn(&m, &t, SECOND, &room);
	tap_ok(wait > 64 * (wire * USEC), "very many at once are not forgotten: %llu us",
	       (unsigned long long)(wait / USEC));
	tap_ok(!sluice_meter_pass(&m, SECOND, 1, 1), "nor by a meter");
}

/* Turns of a limit that was replaced by another. */
static void test_replaced(void)
{
	struct sluice_rate slow = { .bps = 1000, .burst = 1 }, fast = { .bps = 1000000000 };
	struct ring r = { .segs = SEGMENTS, .due = SECOND };
	struct sluice_meter_room room;
	struct sluice_meter m;
	u64 now = SECOND;

	sluice_meter_init(&m, &slow);
	run(&r, 1, &m, &now, 2 * SECOND);
	tap_ok(r.segments == SEGMENTS, "one frame, and it is paid for");
	sluice_meter_init(&m, &fast);
	tap_ok(!sluice_meter_turn(&m, &r.turn, now, &room) && room.bytes > SEGMENT,
	       "another limit is another turn");
	sluice_meter_charge(&m, &r.turn, now, 1, SEGMENT);
	sluice_meter_init(&m, &slow);
	tap_ok(!sluice_meter_turn(&m, &r.turn, now, &room) && room.bytes >= 1, "and back");
	fast = (struct sluice_rate){ 0 };
	sluice_meter_init(&m, &fast);
	tap_ok(!sluice_meter_turn(&m, &r.turn, now, &room) && room.bytes == ~0U &&
	       room.packets == ~0U, "none at all");
}

/* Whatever is in a turn and whatever the clock says, nobody waits for ever nor gets no room. */
static void test_extremes(void)
{
	static const u64 ends[] = { 0, 1, 2, 1ULL << 32, 1ULL << 50, 1ULL << 63, ~0ULL };
	unsigned int i, j, k, n;
	bool good = true;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		for (j = 0; j < ARRAY_SIZE(ends); j++)
			for (k = 0; k < ARRAY_SIZE(ends); k++) {
				struct sluice_rate rate = { ends[i], ends[j], ends[i], ends[j] };
				struct sluice_turn t = { .bytes = ends[k], .until = ends[k] };
				struct sluice_meter_room room;
				struct sluice_meter m;

				sluice_meter_init(&m, &rate);
				for (n = 0; n < 4; n++) {
					if (!sluice_meter_turn(&m, &t, ends[k] + n, &room))
						good &= room.bytes && room.packets;
					sluice_meter_charge(&m, &t, ends[k] + n, ~0U, ~0U);
				}
			}
	tap_ok(good, "rates, bursts, times and turns from 0 to 2^64-1");
}

/* --- connections --- */

#define STEP		(50 * USEC)
#define ROUND_MAX	2000
#define INBOX		1024
#define MSS		1448.0

/* TCP, as far as it matters: a window that grows, and is halved once for all losses of a round. */
struct flow {
	double window;
	double threshold;
	double out;
	u64 cut_at;
};

/**
 * struct link - connections, and an inbox in front of a limited receiver
 * @frame: since when they wait, and whose they are
 * @acked: what each step of the round trip brings back: segments that arrived, and that were lost
 */
struct link {
	struct flow flow[100];
	unsigned int nr_flow;
	u32 segs;
	unsigned int round;
	struct {
		u64 since;
		unsigned int flow;
	} frame[INBOX];
	unsigned int head, tail;
	struct {
		unsigned short got[100], lost[100];
	} acked[ROUND_MAX];
	struct sluice_turn turn;
	u64 due;
	u64 segments;
};

static void flow_acked(struct flow *f, unsigned int got, unsigned int lost, u64 now, u64 round)
{
	f->out -= (got + lost) * MSS;
	if (lost && now >= f->cut_at) {
		f->threshold = max(f->window / 2, 2 * MSS);
		f->window = f->threshold;
		f->cut_at = now + round;
	}
	if (f->window < f->threshold)
		f->window += got * MSS;
	else
		f->window += got * MSS * MSS / f->window;
	f->window = min(f->window, 4e6);
}

static void link_send(struct link *l, unsigned int slot, u64 now, bool (*admit)(void *, u64, u32),
		      void *arg)
{
	unsigned int i;

	for (i = 0; i < l->nr_flow; i++) {
		struct flow *f = &l->flow[i];
		u32 segs = min_t(u32, l->segs, max(f->window / MSS / 4, 1.0));

		while (f->out + segs * MSS <= f->window) {
			f->out += segs * MSS;
			if (admit) {
				bool passes = admit(arg, now, segs);

				if (passes) {
					l->acked[slot].got[i] += segs;
					l->segments += segs;
				} else {
					l->acked[slot].lost[i] += segs;
				}
			} else if (l->tail - l->head == INBOX) {
				l->acked[slot].lost[i] += segs;
			} else {
				l->frame[l->tail % INBOX].since = now;
				l->frame[l->tail++ % INBOX].flow = i * 64 + segs;
			}
		}
	}
}

/* As the packet path takes frames out of an inbox. */
static void link_serve(struct link *l, struct sluice_meter *m, u64 patience, unsigned int slot,
		       u64 now)
{
	struct sluice_meter_room room;
	u64 wait;

	while (l->head != l->tail && l->due <= now) {
		unsigned int which = l->frame[l->head % INBOX].flow, segs = which % 64;

		if (sluice_meter_waited(&l->turn, now) &&
		    now - l->frame[l->head % INBOX].since > patience) {
			l->acked[slot].lost[which / 64] += segs;
			l->head++;
			continue;
		}
		wait = sluice_meter_turn(m, &l->turn, now, &room);
		if (wait) {
			l->due = now + wait;
			return;
		}
		sluice_meter_charge(m, &l->turn, now, segs, segs * SEGMENT);
		l->acked[slot].got[which / 64] += segs;
		l->segments += segs;
		l->head++;
	}
}

static void link_run(struct link *l, struct sluice_meter *m, u64 patience, u64 *now, u64 time,
		     bool (*admit)(void *, u64, u32))
{
	u64 end = *now + time;
	unsigned int i;

	for (; *now < end; *now += STEP) {
		unsigned int slot = *now / STEP % l->round;

		for (i = 0; i < l->nr_flow; i++)
			flow_acked(&l->flow[i], l->acked[slot].got[i], l->acked[slot].lost[i],
				   *now, l->round * STEP);
		memset(&l->acked[slot], 0, sizeof(l->acked[slot]));
		link_send(l, slot, *now, admit, m);
		link_serve(l, m, patience, slot, *now);
	}
}

static bool police(void *m, u64 now, u32 segs)
{
	return sluice_meter_pass(m, now, segs, segs * SEGMENT);
}

/* Part of the rate that connections get. @polices: what exceeds it is dropped at once. */
static double share_of(u64 rate, u64 burst, unsigned int flows, u32 segs, unsigned int round,
		       bool polices)
{
	struct sluice_rate limit = { .bps = rate, .burst = burst };
	static struct link l;
	struct sluice_meter m;
	u64 now = SECOND;
	unsigned int i;

	memset(&l, 0, sizeof(l));
	l.nr_flow = flows;
	l.segs = segs;
	l.round = round;
	for (i = 0; i < flows; i++)
		l.flow[i] = (struct flow){ .window = 10 * MSS, .threshold = 1e9 };
	sluice_meter_init(&m, &limit);
	link_run(&l, &m, sluice_rate_patience(&limit), &now, 3 * SECOND, polices ? police : NULL);
	l.segments = 0;
	link_run(&l, &m, sluice_rate_patience(&limit), &now, 7 * SECOND, polices ? police : NULL);
	return l.segments * (double)SEGMENT * 8 / 7 / rate;
}

static void test_flows(void)
{
	static const struct {
		u64 rate;
		u64 burst;
	} limits[] = {
		{ 20000000, 16000 }, { 50000000, 0 }, { 500000000, 32000 }, { 500000000, 0 },
	};
	static const unsigned int flows[] = { 1, 4, 20, 100 };
	unsigned int i, j, k;

	for (i = 0; i < ARRAY_SIZE(limits); i++)
		for (j = 0; j < ARRAY_SIZE(flows); j++)
			for (k = 0; k < 2; k++) {
				double part = share_of(limits[i].rate, limits[i].burst, flows[j],
						       k ? SEGMENTS : 1, 20, false);

				tap_ok(part >= 0.95 && part <= 1.01,
				       "%u connections, %llu bit/s, burst %llu, frames of %u: %.3f",
				       flows[j], (unsigned long long)limits[i].rate,
				       (unsigned long long)limits[i].burst, k ? SEGMENTS : 1, part);
			}
	/* What this is for. */
	tap_ok(share_of(500000000, 32000, 1, SEGMENTS, 20, true) < 0.8,
	       "a meter starves them with such a burst");
}

int main(void)
{
	test_rates();
	test_packets();
	test_refill(1514);
	test_refill(16000);
	test_burst();
	test_shared(1, 131072, 0.9);
	test_shared(1, 16384, 0.7);
	test_shared(SEGMENTS, 131072, 0.7);
	test_shared(SEGMENTS, 0, 0.7);
	test_at_once();
	test_amplified();
	test_replaced();
	test_extremes();
	test_flows();
	return tap_done();
}
