// SPDX-License-Identifier: GPL-2.0-only
/* What is counted, and traced, for each port. */
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include "port.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(sluice_burst);

const char *sluice_drop_tag(enum sluice_drop why)
{
	static const char * const tags[] = {
#define SLUICE_X(name, tag, text) [SLUICE_DROP_##name] = tag,
		SLUICE_DROPS(SLUICE_X)
#undef SLUICE_X
	};

	return why < SLUICE_DROP_MAX ? tags[why] : "unknown";
}

void sluice_port_count_drop(struct sluice_port *port, enum sluice_drop why, unsigned int packets)
{
	struct sluice_port_stats *s = get_cpu_ptr(port->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->drops[why], packets);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(port->stats);
	trace_sluice_drop(port, why, packets);
}
SLUICE_EXPORT(sluice_port_count_drop);

void sluice_port_drop_skb(struct sluice_port *port, enum sluice_drop why, struct sk_buff *skb)
{
	sluice_port_count_drop(port, why, sluice_wire_of(skb).packets);
	kfree_skb(skb);
}
SLUICE_EXPORT(sluice_port_drop_skb);

void sluice_port_count_busy(struct sluice_port *port, u64 ns)
{
	struct sluice_port_stats *s = get_cpu_ptr(port->stats);

	u64_stats_update_begin(&s->syncp);
	u64_stats_add(&s->busy_ns, ns);
	u64_stats_update_end(&s->syncp);
	put_cpu_ptr(port->stats);
}

static void stats_add_cpu(struct sluice_port_totals *t, const struct sluice_port_stats *s)
{
	struct sluice_port_totals c;
	unsigned int start, i;

	do {
		start = u64_stats_fetch_begin(&s->syncp);
		for (i = 0; i < SLUICE_DIRS; i++) {
			c.packets[i] = u64_stats_read(&s->packets[i]);
			c.bytes[i] = u64_stats_read(&s->bytes[i]);
		}
		for (i = 0; i < SLUICE_DROP_MAX; i++)
			c.drops[i] = u64_stats_read(&s->drops[i]);
		c.slow_packets = u64_stats_read(&s->slow_packets);
		c.fast_packets = u64_stats_read(&s->fast_packets);
		c.busy_ns = u64_stats_read(&s->busy_ns);
	} while (u64_stats_fetch_retry(&s->syncp, start));

	for (i = 0; i < SLUICE_DIRS; i++) {
		t->packets[i] += c.packets[i];
		t->bytes[i] += c.bytes[i];
	}
	for (i = 0; i < SLUICE_DROP_MAX; i++)
		t->drops[i] += c.drops[i];
	t->slow_packets += c.slow_packets;
	t->fast_packets += c.fast_packets;
	t->busy_ns += c.busy_ns;
}

void sluice_port_totals(const struct sluice_port *port, struct sluice_port_totals *t)
{
	u64 from = 0, to = 0;
	unsigned int i;
	int cpu;

	memset(t, 0, sizeof(*t));
	for_each_possible_cpu(cpu)
		stats_add_cpu(t, per_cpu_ptr(port->stats, cpu));
	for (i = 0; i < port->nr_pairs; i++) {
		from += READ_ONCE(sluice_port_txq(port, i)->throttled);
		to += READ_ONCE(sluice_port_rxq(port, i)->throttled);
	}
	t->throttled[SLUICE_DIR_FROM_GUEST] = from;
	t->throttled[SLUICE_DIR_TO_GUEST] = to;
	t->polled_packets = READ_ONCE(port->polled_packets);
}
