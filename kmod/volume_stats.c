// SPDX-License-Identifier: GPL-2.0-only
/* What is counted for each volume. */
#include <linux/log2.h>
#include "netlink.h"
#include "port.h"
#include "volume.h"

void sluice_volume_count(struct sluice_volume *v, enum sluice_volume_op op, u64 bytes, bool error)
{
	struct sluice_volume_stats *s = get_cpu_ptr(v->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_inc(&s->requests[op]);
	u64_stats_add(&s->bytes[op], bytes);
	if (unlikely(error))
		u64_stats_inc(&s->errors[op]);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(v->stats);
}
SLUICE_EXPORT(sluice_volume_count);

void sluice_volume_count_throttled(struct sluice_volume *v, enum sluice_volume_op op)
{
	struct sluice_volume_stats *s = get_cpu_ptr(v->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_inc(&s->throttled[op]);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(v->stats);
}
SLUICE_EXPORT(sluice_volume_count_throttled);

static void stats_latency(struct sluice_volume_stats *s, enum sluice_volume_stage stage, u64 ns)
{
	u64_stats_inc(&s->latency[stage][min(ilog2(ns | 1), SLUICE_VOLUME_BUCKETS - 1)]);
}

void sluice_volume_count_spent(struct sluice_volume *v, const struct sluice_volume_spent *spent)
{
	struct sluice_volume_stats *s = get_cpu_ptr(v->stats);

	u64_stats_update_begin(&s->syncp);
	stats_latency(s, SLUICE_STAGE_QUEUE, spent->ns[SLUICE_STAGE_QUEUE]);
	stats_latency(s, SLUICE_STAGE_DEVICE, spent->ns[SLUICE_STAGE_DEVICE]);
	if (spent->ns[SLUICE_STAGE_CIPHER])
		stats_latency(s, SLUICE_STAGE_CIPHER, spent->ns[SLUICE_STAGE_CIPHER]);
	if (spent->looked)
		u64_stats_inc(&s->polled);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(v->stats);
}
SLUICE_EXPORT(sluice_volume_count_spent);

void sluice_volume_count_integrity(struct sluice_volume *v)
{
	struct sluice_volume_stats *s = get_cpu_ptr(v->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_inc(&s->integrity_errors);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(v->stats);
	/* Once: who may write to the device may not have as many told as he likes. */
	if (!READ_ONCE(v->integrity_told) && !xchg(&v->integrity_told, true))
		sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_INTEGRITY, v->name, 0);
}
SLUICE_EXPORT(sluice_volume_count_integrity);

void sluice_volume_count_busy(struct sluice_volume *v, u64 ns, bool visit)
{
	struct sluice_volume_stats *s = get_cpu_ptr(v->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->busy_ns, ns);
	u64_stats_add(&s->visits, visit);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(v->stats);
}

/*
 * One counter at a time: a consistent copy of all of them would not fit on the stack, and none is
 * compared with another.
 */
static u64 stats_read(const struct sluice_volume_stats *s, const u64_stats_t *counter)
{
	unsigned int start;
	u64 value;

	do {
		start = u64_stats_fetch_begin(&s->syncp);
		value = u64_stats_read(counter);
	} while (u64_stats_fetch_retry(&s->syncp, start));
	return value;
}

static void stats_add_cpu(struct sluice_volume_totals *t, const struct sluice_volume_stats *s)
{
	unsigned int i, b;

	for (i = 0; i < SLUICE_VOLUME_OPS; i++) {
		t->requests[i] += stats_read(s, &s->requests[i]);
		t->bytes[i] += stats_read(s, &s->bytes[i]);
		t->errors[i] += stats_read(s, &s->errors[i]);
	}
	for (i = 0; i < SLUICE_VOLUME_LIMITS; i++)
		t->throttled[i] += stats_read(s, &s->throttled[i]);
	for (i = 0; i < SLUICE_STAGES; i++) {
		for (b = 0; b < SLUICE_VOLUME_BUCKETS; b++)
			t->latency[i][b] += stats_read(s, &s->latency[i][b]);
	}
	t->busy_ns += stats_read(s, &s->busy_ns);
	t->polled += stats_read(s, &s->polled);
	t->visits += stats_read(s, &s->visits);
	t->integrity_errors += stats_read(s, &s->integrity_errors);
}

void sluice_volume_totals(const struct sluice_volume *v, struct sluice_volume_totals *t)
{
	int cpu;

	memset(t, 0, sizeof(*t));
	for_each_possible_cpu(cpu)
		stats_add_cpu(t, per_cpu_ptr(v->stats, cpu));
}
