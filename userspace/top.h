/* SPDX-License-Identifier: GPL-2.0-only */
/* What things do just now: a line each, of what was counted at two moments. */
#ifndef _SLUICE_TOOL_TOP_H
#define _SLUICE_TOOL_TOP_H

#include "sluice.h"

/* A table of an object's fields, which are the columns; nothing in JSON. */
void top_heading(const struct object *line);
/* One line of it; frees it. */
void top_line(struct rec *line);
/* A number, rounded. */
void top_set(struct rec *line, unsigned int field, double n);

/* --- top_net.c: ports and workers ------------------------------------------------------------- */

/**
 * struct net_sample - what was counted at a moment
 * @stats: of ports and uplinks
 * @ports: which worker serves which
 * @uplinks: likewise
 * @workers: of workers
 */
struct net_sample {
	struct list stats;
	struct list ports;
	struct list uplinks;
	struct list workers;
};

/* @port: this one alone, or NULL. Prints what is wrong. */
bool net_sample_take(struct net_sample *s, const char *port);
void net_sample_free(struct net_sample *s);
/* @volumes: what they were busy for, by worker, is of the caller's two samples. */
void net_samples_show(const struct net_sample *before, const struct net_sample *now,
		      const struct list *volumes_before, const struct list *volumes_now,
		      double seconds);

#endif /* _SLUICE_TOOL_TOP_H */
