/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sluice

#if !defined(_SLUICE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _SLUICE_TRACE_H

#include <linux/tracepoint.h>
#include "port.h"

#define SLUICE_X(name, tag, text) { SLUICE_DROP_##name, tag },
TRACE_EVENT(sluice_drop,
	TP_PROTO(const struct sluice_port *port, enum sluice_drop why, unsigned int packets),
	TP_ARGS(port, why, packets),
	TP_STRUCT__entry(
		__string(name, port->dev->name)
		__field(int, why)
		__field(unsigned int, packets)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->why = why;
		__entry->packets = packets;
	),
	TP_printk("port=%s why=%s packets=%u", __get_str(name),
		  __print_symbolic(__entry->why, SLUICE_DROPS(SLUICE_X) { -1, NULL }),
		  __entry->packets)
);
#undef SLUICE_X

TRACE_EVENT(sluice_queue_broken,
	TP_PROTO(const struct sluice_port *port, unsigned int pair, unsigned int dir, int why),
	TP_ARGS(port, pair, dir, why),
	TP_STRUCT__entry(
		__string(name, port->dev->name)
		__field(unsigned int, pair)
		__field(unsigned int, dir)
		__field(int, why)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->pair = pair;
		__entry->dir = dir;
		__entry->why = why;
	),
	TP_printk("port=%s pair=%u dir=%s why=%d", __get_str(name), __entry->pair,
		  __entry->dir ? "tx" : "rx", __entry->why)
);

TRACE_EVENT(sluice_burst,
	TP_PROTO(const struct sluice_port *port, unsigned int cpu, unsigned int frames,
		 unsigned int misses),
	TP_ARGS(port, cpu, frames, misses),
	TP_STRUCT__entry(
		__string(name, port->dev->name)
		__field(unsigned int, cpu)
		__field(unsigned int, frames)
		__field(unsigned int, misses)
	),
	TP_fast_assign(
		__assign_str(name);
		__entry->cpu = cpu;
		__entry->frames = frames;
		__entry->misses = misses;
	),
	TP_printk("port=%s worker=%u frames=%u misses=%u", __get_str(name), __entry->cpu,
		  __entry->frames, __entry->misses)
);

#endif /* _SLUICE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
