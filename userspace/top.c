// SPDX-License-Identifier: GPL-2.0-only
/* What things do just now: differences between what was counted at two moments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "top.h"

static const struct field top_fields[] = {
	{ .name = "volume", .codec = &codec_volume },
	{ .name = "port", .codec = &codec_name },
	{ .name = "count", .codec = &codec_count },
	{ .name = "interval", .codec = &codec_count },
};

const struct object object_top = OBJECT("top", top_fields);

#define RATE(title)                                        \
	{                                                  \
		.name = (title), .codec = &codec_amount \
	}
#define TIME(title)                                    \
	{                                              \
		.name = (title), .codec = &codec_ns \
	}

/* A line: also the column's heading. */
enum { TOP_NAME, TOP_BUSY = 7, TOP_QUEUE, TOP_CIPHER = TOP_QUEUE + 2, TOP_DEVICE = TOP_CIPHER + 2 };

static const struct field line_fields[] = {
	[TOP_NAME] = { .name = "volume", .codec = &codec_volume },
	RATE("read/s"),
	RATE("rdB/s"),
	RATE("write/s"),
	RATE("wrB/s"),
	RATE("err/s"),
	RATE("wait/s"),
	[TOP_BUSY] = { .name = "busy%", .codec = &codec_u64 },
	TIME("queue50"),
	TIME("queue99"),
	TIME("cipher50"),
	TIME("cipher99"),
	TIME("device50"),
	TIME("device99"),
};

static const struct object object_line = OBJECT("volume", line_fields);

/* --- samples --------------------------------------------------------------------------------- */

struct sample {
	struct list volumes;
	struct net_sample net;
	double when;
};

static void sample_free(struct sample *s)
{
	list_free(&s->volumes);
	net_sample_free(&s->net);
}

/* Volumes are the host's: who sees none of them has his ports. */
static bool volumes_take(struct sample *s, const struct rec *args)
{
	struct nl_msg *msg;

	if (rec_has(args, "port") ||
	    (!rec_has(args, "volume") && !ctl_may_dump(SLUICE_CMD_VOLUME_GET)))
		return true;
	msg = ctl_new(SLUICE_CMD_VOLUME_GET);
	if (rec_has(args, "volume"))
		nla_put_string(msg, SLUICE_A_VOLUME_NAME, rec_text(args, "volume"));
	return list_dump(&s->volumes, msg, &object_volume);
}

static bool sample_take(struct sample *s, const struct rec *args)
{
	struct timespec now;

	memset(s, 0, sizeof(*s));
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->when = now.tv_sec + now.tv_nsec / 1e9;
	if (!rec_has(args, "volume") &&
	    !net_sample_take(&s->net, rec_has(args, "port") ? rec_word(args, "port") : NULL))
		return false;
	return volumes_take(s, args);
}

/* --- differences ----------------------------------------------------------------------------- */

static uint64_t plain_grown(const struct rec *before, const struct rec *now, const char *field)
{
	return count_grown(rec_count(before, field), rec_count(now, field));
}

/* Of a kind of request; SLUICE_BLOCK_OP_OTHER + 1: of all kinds. */
static uint64_t op_count(const struct rec *r, unsigned int op, const char *field)
{
	const struct value *ops = r ? rec_value(r, "ops") : NULL;
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; ops && i < ops->nr; i++) {
		if (op > SLUICE_BLOCK_OP_OTHER || rec_value(ops->rec[i], "op")->n == op)
			sum += rec_value(ops->rec[i], field)->n;
	}
	return sum;
}

static uint64_t op_grown(const struct rec *before, const struct rec *now, unsigned int op,
			 const char *field)
{
	return count_grown(op_count(before, op, field), op_count(now, op, field));
}

static const struct value *stage_buckets(const struct rec *r, unsigned int stage)
{
	const struct value *list = r ? rec_value(r, "latency") : NULL;
	unsigned int i;

	for (i = 0; list && i < list->nr; i++) {
		if (rec_value(list->rec[i], "stage")->n == stage)
			return rec_value(list->rec[i], "buckets");
	}
	return NULL;
}

void top_set(struct rec *line, unsigned int field, double n)
{
	line->v[field].n = n + 0.5;
	line->has |= FIELD(field);
}

/* Two columns; empty if nothing was in this stage. */
static void set_latency(struct rec *line, unsigned int field, unsigned int stage,
			const struct rec *before, const struct rec *now)
{
	const struct value *a = stage_buckets(before, stage), *b = stage_buckets(now, stage);
	uint64_t buckets[VOLUME_BUCKETS], total = 0;
	unsigned int i;

	if (!b)
		return;
	for (i = 0; i < b->nr; i++) {
		buckets[i] = count_grown(a && i < a->nr ? a->item[i].n : 0, b->item[i].n);
		total += buckets[i];
	}
	if (!total)
		return;
	top_set(line, field, histogram_quantile(buckets, b->nr, 500));
	top_set(line, field + 1, histogram_quantile(buckets, b->nr, 990));
}

static struct rec *line_new(const struct rec *before, const struct rec *now, double seconds)
{
	static const struct {
		unsigned int op;
		const char *field;
	} counts[] = { { SLUICE_BLOCK_OP_READ, "requests" },
		       { SLUICE_BLOCK_OP_READ, "bytes" },
		       { SLUICE_BLOCK_OP_WRITE, "requests" },
		       { SLUICE_BLOCK_OP_WRITE, "bytes" },
		       { SLUICE_BLOCK_OP_OTHER + 1, "errors" } };
	struct rec *line = rec_new(&object_line);
	uint64_t waited;
	unsigned int i;

	rec_set(line, TOP_NAME, rec_text(now, "name"));
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		top_set(line, 1 + i,
			op_grown(before, now, counts[i].op, counts[i].field) / seconds);
	waited = plain_grown(before, now, "throttled-reads") +
		 plain_grown(before, now, "throttled-writes");
	top_set(line, TOP_BUSY - 1, waited / seconds);
	top_set(line, TOP_BUSY, plain_grown(before, now, "busy-ns") / seconds / 1e7);
	set_latency(line, TOP_QUEUE, SLUICE_BLOCK_STAGE_QUEUE, before, now);
	set_latency(line, TOP_CIPHER, SLUICE_BLOCK_STAGE_CIPHER, before, now);
	set_latency(line, TOP_DEVICE, SLUICE_BLOCK_STAGE_DEVICE, before, now);
	return line;
}

/* --- showing --------------------------------------------------------------------------------- */

#define COLUMN 9

void top_heading(const struct object *line)
{
	unsigned int i;

	if (opt.json)
		return;
	for (i = 0; i < line->nr_fields; i++)
		printf(i ? " %*s" : "%-*s", i ? COLUMN : 16, line->fields[i].name);
	putchar('\n');
}

void top_line(struct rec *line)
{
	unsigned int i;

	if (opt.json)
		show_item(line, 0);
	for (i = 0; i < line->obj->nr_fields && !opt.json; i++) {
		const char *text = rec_text(line, line->obj->fields[i].name);

		printf(i ? " %*s" : "%-*s", i ? COLUMN : 16, *text ? text : "-");
	}
	if (!opt.json)
		putchar('\n');
	rec_free(line);
}

static void volumes_show(const struct list *before, const struct list *now, double seconds)
{
	size_t i;

	if (now->nr)
		top_heading(&object_line);
	for (i = 0; i < now->nr; i++)
		top_line(line_new(list_find(before, "name", rec_word(now->v[i], "name")),
				  now->v[i], seconds));
}

static void samples_show(const struct sample *before, const struct sample *now)
{
	double seconds = now->when - before->when;

	show_begin();
	if (!opt.json && isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	net_samples_show(&before->net, &now->net, &before->volumes, &now->volumes, seconds);
	volumes_show(&before->volumes, &now->volumes, seconds);
	show_end();
}

int top_run(const struct command *c, struct rec *args)
{
	uint64_t left = rec_has(args, "count") ? rec_value(args, "count")->n : UINT64_MAX;
	unsigned int interval = rec_has(args, "interval") ? rec_value(args, "interval")->n : 1;
	struct sample before, now;
	bool ok;

	(void)c;
	ok = sample_take(&before, args);
	while (ok && left--) {
		sleep(interval);
		ok = sample_take(&now, args);
		if (ok)
			samples_show(&before, &now);
		sample_free(&before);
		before = now;
	}
	sample_free(&before);
	return ok ? EXIT_DONE : EXIT_REFUSED;
}
