// SPDX-License-Identifier: GPL-2.0-only
/* "check": why has my guest no network? */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "check.h"

/* A sentence: only ever shown. */
static void format_sentence(const struct value *v, char *buf, size_t size)
{
	snprintf(buf, size, "%s", v->text);
}

static const struct codec codec_sentence = { .what = "TEXT", .format = format_sentence };

static const struct field step_fields[] = {
	{ .name = "step", .codec = &codec_sentence },
	{ .name = "verdict", .codec = &codec_sentence },
	{ .name = "text", .codec = &codec_sentence },
	{ .name = "next", .codec = &codec_sentence },
};

static const struct object object_step = OBJECT("step", step_fields);

enum { CHECK_PORT, CHECK_INTERVAL, CHECK_KIND, CHECK_VERDICT, CHECK_STEP };

static const struct field check_fields[] = {
	[CHECK_PORT] = { .name = "port", .codec = &codec_name },
	[CHECK_INTERVAL] = { .name = "interval", .codec = &codec_count },
	[CHECK_KIND] = { "kind", &codec_text, 0, 0, F_SHOW, NULL },
	[CHECK_VERDICT] = { "verdict", &codec_text, 0, 0, F_SHOW, NULL },
	[CHECK_STEP] = { "step", NULL, 0, 0, F_SHOW | F_NEST, &object_step },
};

const struct object object_check = OBJECT("check", check_fields);

static const char *const marks[] = { [FINE] = "ok", [REMARK] = "--", [WRONG] = "!!" };

/* --- what is said ---------------------------------------------------------------------------- */

const char *check_type(const char *fmt, ...)
{
	static char buf[SAID_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return buf;
}

static struct rec *step_new(struct check *c)
{
	struct value *steps = &c->out->v[CHECK_STEP];

	steps->rec = realloc(steps->rec, (steps->nr + 1) * sizeof(*steps->rec));
	if (!steps->rec)
		abort();
	c->out->has |= FIELD(CHECK_STEP);
	return steps->rec[steps->nr++] = rec_new(&object_step);
}

static void sentence_set(struct rec *r, unsigned int field, const char *text)
{
	r->v[field].text = xstrdup(text);
	r->has |= FIELD(field);
}

void check_say(struct check *c, enum verdict how, const char *step, const char *next,
	       const char *fmt, ...)
{
	struct rec *r = step_new(c);
	char text[SAID_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sentence_set(r, 0, step);
	sentence_set(r, 1, marks[how]);
	sentence_set(r, 2, text);
	if (how == WRONG && *next)
		sentence_set(r, 3, next);
	c->wrong = c->wrong || how == WRONG;
}

static void steps_print(const struct rec *out)
{
	const struct value *steps = rec_value(out, "step");
	const struct rec *r;
	unsigned int i;

	for (i = 0; i < steps->nr; i++) {
		r = steps->rec[i];
		printf("  %s  %-9s %s\n", rec_text(r, "verdict"), rec_text(r, "step"),
		       rec_word(r, "text"));
		if (rec_has(r, "next"))
			printf("                next: %s\n", rec_text(r, "next"));
	}
}

static void said_show(const struct check *c, bool one)
{
	rec_set(c->out, CHECK_VERDICT, marks[c->wrong ? WRONG : FINE]);
	if (opt.json) {
		show_item(c->out, 0);
		return;
	}
	printf("%s: %s%s\n", rec_word(c->out, "port"), rec_text(c->out, "kind"),
	       c->wrong ? "" : ": nothing is wrong that can be seen");
	if (one || c->wrong)
		steps_print(c->out);
}

/* --- running --------------------------------------------------------------------------------- */

static void steps_run(struct check *c)
{
	check_modules(c);
	check_worker(c);
	check_held(c);
	if (!c->uplink) {
		check_front_end(c);
		check_driver(c);
	}
	check_link(c);
	check_way(c);
	if (c->uplink) {
		check_vf(c, c->port);
	} else {
		check_guard(c);
		check_acl(c);
		check_rate(c);
	}
	check_drops(c);
}

static bool port_check(const struct view *v, const struct rec *port, bool one)
{
	const char *name = rec_word(port, "name");
	struct check c = {
		.view = v,
		.port = port,
		.uplink = port->obj == &object_uplink,
		.before = list_find(&v->before, "port", name),
		.now = list_find(&v->now, "port", name),
		.out = rec_new(&object_check),
	};

	rec_set(c.out, CHECK_PORT, name);
	rec_set(c.out, CHECK_KIND, c.uplink ? "uplink" : "guest");
	steps_run(&c);
	said_show(&c, one);
	rec_free(c.out);
	return !c.wrong;
}

static bool list_check(const struct view *v, const struct list *l)
{
	bool well = true;
	size_t i;

	for (i = 0; i < l->nr; i++)
		well = port_check(v, l->v[i], false) && well;
	return well;
}

/* Nothing is asked of the kernel, which would not know what that is. */
static int check_without(void)
{
	struct check c = { .out = rec_new(&object_check) };

	check_say(&c, WRONG, "modules", "modprobe -a sluice_net sluice_blk sluice_vhost",
		  "none of Sluice's modules is loaded");
	rec_set(c.out, CHECK_VERDICT, marks[WRONG]);
	show_begin();
	if (opt.json)
		show_item(c.out, 0);
	else
		steps_print(c.out);
	show_end();
	rec_free(c.out);
	return EXIT_REFUSED;
}

static int view_check(const struct view *v, const char *name)
{
	const struct rec *port = list_find(&v->ports, "name", name);
	bool well;

	if (*name && !port)
		port = list_find(&v->uplinks, "name", name);
	if (*name && !port) {
		complain("no port or uplink '%s' here: see 'sluice port show'", name);
		return EXIT_REFUSED;
	}
	show_begin();
	if (port) {
		well = port_check(v, port, true);
	} else {
		well = list_check(v, &v->ports);
		well = list_check(v, &v->uplinks) && well;
	}
	if (!opt.json && !v->ports.nr && !v->uplinks.nr)
		printf("there is no port here: sluice port add NAME\n");
	show_end();
	return well ? EXIT_DONE : EXIT_REFUSED;
}

int check_run(const struct command *c, struct rec *args)
{
	unsigned int seconds = rec_has(args, "interval") ? rec_value(args, "interval")->n : 1;
	struct view v = {};
	int rc = EXIT_REFUSED;

	(void)c;
	if (!ctl_there())
		return check_without();
	if (!ctl_open())
		return EXIT_REFUSED;
	if (view_take(&v, seconds))
		rc = view_check(&v, rec_word(args, "port"));
	view_free(&v);
	return rc;
}
