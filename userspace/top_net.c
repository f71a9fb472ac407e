// SPDX-License-Identifier: GPL-2.0-only
/* What ports and workers do just now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "top.h"

#define RATE(title)                                        \
	{                                                  \
		.name = (title), .codec = &codec_amount \
	}
#define SHARE(title)                                    \
	{                                               \
		.name = (title), .codec = &codec_u64 \
	}

enum { PORT_NAME, PORT_FROM, PORT_FROM_BITS, PORT_TO, PORT_TO_BITS, PORT_CORE, PORT_DROPS };

static const struct field port_fields[] = {
	[PORT_NAME] = { .name = "port", .codec = &codec_name },
	[PORT_FROM] = RATE("from/s"),
	[PORT_FROM_BITS] = RATE("fromb/s"),
	[PORT_TO] = RATE("to/s"),
	[PORT_TO_BITS] = RATE("tob/s"),
	[PORT_CORE] = SHARE("core%"),
	[PORT_DROPS] = RATE("drop/s"),
};

static const struct object object_port_line = OBJECT("port", port_fields);

enum {
	WORKER_CPU,
	WORKER_STATE,
	WORKER_BUSY,
	WORKER_IDLE,
	WORKER_SLEEP,
	WORKER_USERS,
	WORKER_SHARE,
	WORKER_MOST,
};

static const struct field worker_fields[] = {
	[WORKER_CPU] = { .name = "worker", .codec = &codec_u64 },
	[WORKER_STATE] = { .name = "state", .codec = &codec_text },
	[WORKER_BUSY] = SHARE("busy%"),
	[WORKER_IDLE] = SHARE("idle%"),
	[WORKER_SLEEP] = SHARE("sleep%"),
	[WORKER_USERS] = SHARE("users"),
	[WORKER_SHARE] = SHARE("most%"),
	[WORKER_MOST] = { .name = "most-by", .codec = &codec_text },
};

static const struct object object_worker_line = OBJECT("worker", worker_fields);

/* --- samples --------------------------------------------------------------------------------- */

static bool stats_take(struct net_sample *s, const char *port)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_STATS_GET);

	if (!port)
		return list_dump(&s->stats, msg, &object_stats);
	nla_put_string(msg, SLUICE_A_STATS_PORT, port);
	return list_ask(&s->stats, msg, &object_stats);
}

static bool kind_take(struct list *l, const struct object *obj, unsigned int kind)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_PORT_GET);

	nla_put_u8(msg, SLUICE_A_PORT_KIND, kind);
	return list_dump(l, msg, obj);
}

bool net_sample_take(struct net_sample *s, const char *port)
{
	memset(s, 0, sizeof(*s));
	if (!stats_take(s, port))
		return false;
	/* Workers are the host's. */
	if (port || !ctl_may_dump(SLUICE_CMD_WORKER_GET))
		return true;
	return kind_take(&s->ports, &object_port, SLUICE_KIND_GUEST) &&
	       kind_take(&s->uplinks, &object_uplink, SLUICE_KIND_UPLINK) &&
	       list_read(&s->workers, SLUICE_CMD_WORKER_GET, &object_worker);
}

void net_sample_free(struct net_sample *s)
{
	list_free(&s->stats);
	list_free(&s->ports);
	list_free(&s->uplinks);
	list_free(&s->workers);
}

/* --- ports ----------------------------------------------------------------------------------- */

static uint64_t field_grown(const struct rec *before, const struct rec *now, const char *field)
{
	return count_grown(rec_count(before, field), rec_count(now, field));
}

static uint64_t drops_of(const struct rec *stats)
{
	const struct value *drops = stats ? rec_value(stats, "drop") : NULL;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; drops && i < drops->nr; i++)
		sum += rec_count(drops->rec[i], "packets");
	return sum;
}

static void port_line(const struct rec *before, const struct rec *now, double seconds)
{
	struct rec *line = rec_new(&object_port_line);

	rec_set(line, PORT_NAME, rec_word(now, "port"));
	top_set(line, PORT_FROM, field_grown(before, now, "from-guest-packets") / seconds);
	top_set(line, PORT_FROM_BITS, 8.0 * field_grown(before, now, "from-guest-bytes") / seconds);
	top_set(line, PORT_TO, field_grown(before, now, "to-guest-packets") / seconds);
	top_set(line, PORT_TO_BITS, 8.0 * field_grown(before, now, "to-guest-bytes") / seconds);
	top_set(line, PORT_CORE, field_grown(before, now, "busy-ns") / seconds / 1e7);
	top_set(line, PORT_DROPS, count_grown(drops_of(before), drops_of(now)) / seconds);
	top_line(line);
}

/* --- workers --------------------------------------------------------------------------------- */

static unsigned int worker_queues(const struct rec *r, unsigned int cpu, unsigned int *all)
{
	const struct value *queues = rec_value(r, "queue");
	unsigned int i, nr = 0;

	*all = queues->nr;
	for (i = 0; i < queues->nr; i++)
		nr += rec_has(queues->rec[i], "cpu") && rec_count(queues->rec[i], "cpu") == cpu;
	return nr;
}

/*
 * What one was busy for is not counted by worker: of one whose queues are on several, each has the
 * share that it has of the queues.
 */
static double on_worker(const struct rec *r, unsigned int cpu, double busy)
{
	unsigned int all, here;

	if (rec_field(r->obj, "queue") < 0)
		return rec_has(r, "cpu") && rec_count(r, "cpu") == cpu ? busy : 0;
	here = worker_queues(r, cpu, &all);
	return here ? busy * here / all : 0;
}

/**
 * struct most - who uses a worker most
 * @name: "" as long as nobody does
 * @busy: what it was busy for, in ns
 */
struct most {
	const char *name;
	double busy;
};

static void most_try(struct most *most, const struct rec *r, unsigned int cpu, uint64_t busy)
{
	double here = on_worker(r, cpu, busy);

	if (here <= most->busy)
		return;
	most->busy = here;
	most->name = rec_word(r, "name");
}

static void most_of_list(struct most *most, const struct list *l, unsigned int cpu,
			 const struct list *before, const struct list *now, const char *key)
{
	size_t i;

	for (i = 0; i < l->nr; i++) {
		const char *name = rec_word(l->v[i], "name");

		most_try(most, l->v[i], cpu,
			 field_grown(list_find(before, key, name), list_find(now, key, name),
				     "busy-ns"));
	}
}

static void worker_line(const struct rec *before, const struct rec *now, const struct most *most,
			double seconds)
{
	struct rec *line = rec_new(&object_worker_line);

	top_set(line, WORKER_CPU, rec_count(now, "cpu"));
	rec_set(line, WORKER_STATE, rec_word(now, "state"));
	top_set(line, WORKER_BUSY, field_grown(before, now, "busy-ns") / seconds / 1e7);
	top_set(line, WORKER_IDLE, field_grown(before, now, "idle-ns") / seconds / 1e7);
	top_set(line, WORKER_SLEEP, field_grown(before, now, "sleep-ns") / seconds / 1e7);
	top_set(line, WORKER_USERS, rec_count(now, "users"));
	if (*most->name) {
		rec_set(line, WORKER_MOST, most->name);
		top_set(line, WORKER_SHARE, most->busy / seconds / 1e7);
	}
	top_line(line);
}

/* --- showing --------------------------------------------------------------------------------- */

void net_samples_show(const struct net_sample *before, const struct net_sample *now,
		      const struct list *volumes_before, const struct list *volumes_now,
		      double seconds)
{
	size_t i;

	if (now->workers.nr)
		top_heading(&object_worker_line);
	for (i = 0; i < now->workers.nr; i++) {
		const struct rec *w = now->workers.v[i];
		unsigned int cpu = rec_count(w, "cpu");
		struct most most = { .name = "" };

		most_of_list(&most, &now->ports, cpu, &before->stats, &now->stats, "port");
		most_of_list(&most, &now->uplinks, cpu, &before->stats, &now->stats, "port");
		most_of_list(&most, volumes_now, cpu, volumes_before, volumes_now, "name");
		worker_line(list_find(&before->workers, "cpu", rec_text(w, "cpu")), w, &most,
			    seconds);
	}
	if (now->stats.nr)
		top_heading(&object_port_line);
	for (i = 0; i < now->stats.nr; i++) {
		const struct rec *s = now->stats.v[i];

		port_line(list_find(&before->stats, "port", rec_word(s, "port")), s, seconds);
	}
}
