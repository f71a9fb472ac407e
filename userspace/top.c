// SPDX-License-Identifier: GPL-2.0-only
/* What volumes do just now: differences between what was counted at two moments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "sluice.h"

static const struct field top_fields[] = {
	{ .name = "volume", .codec = &codec_volume },
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
	struct rec **v;
	size_t nr;
	double when;
};

static void sample_free(struct sample *s)
{
	size_t i;

	for (i = 0; i < s->nr; i++)
		rec_free(s->v[i]);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

static void volume_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);
	struct sample *s = arg;

	if (!rec_get(r, attrs, len)) {
		rec_free(r);
		return;
	}
	s->v = realloc(s->v, (s->nr + 1) * sizeof(*s->v));
	if (!s->v)
		abort();
	s->v[s->nr++] = r;
}

static bool sample_take(struct sample *s, const struct rec *args)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_VOLUME_GET);
	struct timespec now;
	bool changed;

	memset(s, 0, sizeof(*s));
	if (rec_has(args, "volume"))
		nla_put_string(msg, SLUICE_A_VOLUME_NAME, rec_text(args, "volume"));
	clock_gettime(CLOCK_MONOTONIC, &now);
	s->when = now.tv_sec + now.tv_nsec / 1e9;
	return ctl_dump(msg, volume_seen, s, &changed);
}

/* NULL: it was not there. */
static const struct rec *sample_find(const struct sample *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->nr; i++) {
		if (!strcmp(rec_text(s->v[i], "name"), name))
			return s->v[i];
	}
	return NULL;
}

/* --- differences ----------------------------------------------------------------------------- */

/* One that was made anew under the same name counts from 0. */
static uint64_t grown(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

static uint64_t plain_count(const struct rec *r, const char *field)
{
	return r && rec_has(r, field) ? rec_value(r, field)->n : 0;
}

static uint64_t plain_grown(const struct rec *before, const struct rec *now, const char *field)
{
	return grown(plain_count(before, field), plain_count(now, field));
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

static void set(struct rec *line, unsigned int field, double n)
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
		buckets[i] = grown(a && i < a->nr ? a->item[i].n : 0, b->item[i].n);
		total += buckets[i];
	}
	if (!total)
		return;
	set(line, field, histogram_quantile(buckets, b->nr, 500));
	set(line, field + 1, histogram_quantile(buckets, b->nr, 990));
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
		set(line, 1 + i,
		    grown(op_count(before, counts[i].op, counts[i].field),
			  op_count(now, counts[i].op, counts[i].field)) / seconds);
	waited = plain_grown(before, now, "throttled-reads") +
		 plain_grown(before, now, "throttled-writes");
	set(line, TOP_BUSY - 1, waited / seconds);
	set(line, TOP_BUSY, plain_grown(before, now, "busy-ns") / seconds / 1e7);
	set_latency(line, TOP_QUEUE, SLUICE_BLOCK_STAGE_QUEUE, before, now);
	set_latency(line, TOP_CIPHER, SLUICE_BLOCK_STAGE_CIPHER, before, now);
	set_latency(line, TOP_DEVICE, SLUICE_BLOCK_STAGE_DEVICE, before, now);
	return line;
}

/* --- showing --------------------------------------------------------------------------------- */

#define COLUMN 9

static void line_print(const struct rec *line)
{
	unsigned int i;

	for (i = 0; i < line->obj->nr_fields; i++) {
		const char *text = rec_text(line, line->obj->fields[i].name);

		printf(i ? " %*s" : "%-*s", i ? COLUMN : 16, *text ? text : "-");
	}
	putchar('\n');
}

static void headings_print(void)
{
	unsigned int i;

	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	for (i = 0; i < ARRAY_SIZE(line_fields); i++)
		printf(i ? " %*s" : "%-*s", i ? COLUMN : 16, line_fields[i].name);
	putchar('\n');
}

static void samples_show(const struct sample *before, const struct sample *now)
{
	struct rec *line;
	size_t i;

	if (opt.json)
		show_begin();
	else
		headings_print();
	for (i = 0; i < now->nr; i++) {
		line = line_new(sample_find(before, rec_text(now->v[i], "name")), now->v[i],
				now->when - before->when);
		if (opt.json)
			show_item(line, 0);
		else
			line_print(line);
		rec_free(line);
	}
	if (opt.json)
		show_end();
	fflush(stdout);
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
