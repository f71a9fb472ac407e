// SPDX-License-Identifier: GPL-2.0-only
/* What becomes of each object when a state is applied, and how it is told. */
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "state.h"

/* --- what becomes of it ---------------------------------------------------------------------- */

/* Assignments and the volumes' mode do not go: there is always one. */
static bool section_goes(enum section_nr nr)
{
	return nr != SEC_ASSIGN && nr != SEC_VOLUME_MODE;
}

static void plan_section(enum section_nr nr, struct items *now, struct items *want)
{
	struct lh_table *t = items_table(now);
	struct item *have;
	bool rekeyed;
	size_t i;

	for (i = 0; i < now->nr; i++)
		now->v[i].fate = now->v[i].same || !section_goes(nr) ? FATE_STAYS : FATE_GOES;
	for (i = 0; i < want->nr; i++) {
		have = items_find(t, want->v[i].key);
		if (have)
			have->fate = FATE_STAYS;
		want->v[i].was = have;
		/* One that gets another key changes, also where that is all. */
		rekeyed = have && want->v[i].rekey && rekey_is_due(&want->v[i], have->rec);
		want->v[i].fate = want->v[i].same && !rekeyed ? FATE_STAYS :
				  have			      ? FATE_CHANGES :
								FATE_COMES;
	}
	lh_table_free(t);
}

static int by_id(const void *a, const void *b)
{
	const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Flows that go, by their id. */
static struct item **flows_going(struct items *now, size_t *nr)
{
	struct item **going = xcalloc(now->nr + 1, sizeof(*going));
	size_t i;

	*nr = 0;
	for (i = 0; i < now->nr; i++) {
		if (now->v[i].fate == FATE_GOES)
			going[(*nr)++] = &now->v[i];
	}
	qsort(going, *nr, sizeof(*going), by_id);
	return going;
}

/* A flow with the id of one that goes is that one, changed. */
static void plan_flows(struct items *now, struct items *want)
{
	struct item **going, **have, *item;
	size_t i, nr;

	for (i = 0; i < now->nr; i++)
		now->v[i].fate = now->v[i].same || now->v[i].again ? FATE_STAYS : FATE_GOES;
	going = flows_going(now, &nr);
	for (i = 0; i < want->nr; i++) {
		item = &want->v[i];
		item->fate = item->same || item->again ? FATE_STAYS : FATE_COMES;
		if (item->fate == FATE_STAYS || !item->id)
			continue;
		have = bsearch(&item, going, nr, sizeof(*going), by_id);
		if (!have)
			continue;
		(*have)->fate = FATE_STAYS;
		item->fate = FATE_CHANGES;
	}
	free(going);
}

static size_t ports_going(struct lh_table *t, const struct items *ports)
{
	size_t i, nr = 0;

	for (i = 0; i < ports->nr; i++) {
		if (ports->v[i].fate != FATE_GOES)
			continue;
		lh_table_insert(t, ports->v[i].key, &ports->v[i]);
		nr++;
	}
	return nr;
}

/* What is about a port goes with it, also where the declaration does not speak of it. */
static void plan_with_ports(struct state *now, struct lh_table *going)
{
	const char *ports[2];
	enum section_nr nr;
	struct item *item;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; section_goes(nr) && i < now->sec[nr].nr; i++) {
			item = &now->sec[nr].v[i];
			item_ports(nr, item, ports);
			if ((ports[0] && items_find(going, ports[0])) ||
			    (ports[1] && items_find(going, ports[1])))
				item->fate = FATE_GOES;
		}
	}
}

void plan_make(struct state *now, struct state *want)
{
	struct lh_table *going;
	enum section_nr nr;

	for (nr = 0; nr < SEC_FLOW; nr++)
		plan_section(nr, &now->sec[nr], &want->sec[nr]);
	plan_flows(&now->sec[SEC_FLOW], &want->sec[SEC_FLOW]);
	going = lh_kchar_table_new(64, NULL);
	if (!going)
		abort();
	if (ports_going(going, &now->sec[SEC_PORT]) + ports_going(going, &now->sec[SEC_UPLINK]))
		plan_with_ports(now, going);
	lh_table_free(going);
}

/* --- telling --------------------------------------------------------------------------------- */

static void print_name(char sign, enum section_nr nr, const struct item *item)
{
	struct rec *r;

	printf("%c %s", sign, sections[nr].obj->name);
	if (nr != SEC_FLOW) {
		printf("%s%s", *item->key ? " " : "", item->key);
		return;
	}
	r = rec_new(&object_flow);
	rec_from_json(r, item->json, true);
	rec_print(r, 0);
	rec_free(r);
}

static bool is_in_key(enum section_nr nr, const char *field)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sections[nr].key) && sections[nr].key[i]; i++) {
		if (!strcmp(sections[nr].key[i], field))
			return true;
	}
	return false;
}

/* Nothing of a key is printed, be it its name. */
static void print_change(const struct field *f, const char *was, const char *is)
{
	if (f->codec == &codec_key)
		printf(" %s changes", f->name);
	else
		printf(" %s %s -> %s", f->name, *was ? was : "none", *is ? is : "none");
}

static void print_changes(enum section_nr nr, const struct rec *was, const struct rec *is)
{
	const struct object *obj = is->obj;
	const struct field *f;
	char *before, *after;
	unsigned int i;

	for (i = 0; i < obj->nr_fields; i++) {
		f = &obj->fields[i];
		if (f->flags & (F_SHOW | F_STAT | F_NEST) || is_in_key(nr, f->name) ||
		    (!(is->has & FIELD(i)) && !absence_counts(obj, f->name)))
			continue;
		before = rec_field_text(was, i);
		after = rec_field_text(is, i);
		if (strcmp(before, after))
			print_change(f, before, after);
		free(before);
		free(after);
	}
}

static void print_declared(enum section_nr nr, const struct item *item)
{
	if (!item->sent)
		return;
	/* One that is there stays as it is meanwhile. */
	if (item->held && item->fate != FATE_STAYS) {
		print_name('?', nr, item);
		printf(" is held back\n");
	} else if (item->fate == FATE_COMES) {
		print_name('+', nr, item);
		putchar('\n');
	} else if (item->fate == FATE_CHANGES) {
		print_name('~', nr, item);
		if (item->was)
			print_changes(nr, item->was->rec, item->rec);
		if (item->rekey)
			printf(" is re-encrypted");
		if (item->was && item->was->again)
			printf(" is made anew");
		if (nr == SEC_UPLINK && hold_waits(item->was) &&
		    hold_is_there(rec_text(item->rec, "dev")))
			printf(" takes its device %s", rec_text(item->rec, "dev"));
		putchar('\n');
	}
}

void plan_print(const struct state *now, const struct state *want)
{
	const struct item *item;
	enum section_nr nr;
	size_t i;

	for (nr = 0; !opt.json && nr < SECTIONS; nr++) {
		for (i = 0; i < now->sec[nr].nr; i++) {
			item = &now->sec[nr].v[i];
			if (item->fate != FATE_GOES || !item->sent)
				continue;
			print_name('-', nr, item);
			putchar('\n');
		}
		for (i = 0; i < want->sec[nr].nr; i++)
			print_declared(nr, &want->sec[nr].v[i]);
	}
}

struct sum {
	unsigned int fate[FATE_GOES + 1];
	unsigned int held;
};

/* Of what stays only what is declared counts. */
static void sum_up(struct sum *sum, const struct state *s, bool declared)
{
	const struct item *item;
	enum section_nr nr;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < s->sec[nr].nr; i++) {
			item = &s->sec[nr].v[i];
			if (!item->sent || (!declared && item->fate != FATE_GOES))
				continue;
			if (item->held)
				sum->held++;
			else
				sum->fate[item->fate]++;
		}
	}
}

static void sum_print(const struct sum *sum)
{
	const unsigned int *nr = sum->fate;

	if (opt.json) {
		printf("{\"added\":%u,\"changed\":%u,\"removed\":%u,", nr[FATE_COMES],
		       nr[FATE_CHANGES], nr[FATE_GOES]);
		printf("\"same\":%u,\"held-back\":%u}\n", nr[FATE_STAYS], sum->held);
		return;
	}
	printf("%u added, %u changed, %u removed, %u as they were", nr[FATE_COMES],
	       nr[FATE_CHANGES], nr[FATE_GOES], nr[FATE_STAYS]);
	if (sum->held)
		printf(", %u held back", sum->held);
	putchar('\n');
}

bool plan_sum(const struct state *now, const struct state *want)
{
	struct sum sum = {};

	sum_up(&sum, now, false);
	sum_up(&sum, want, true);
	sum_print(&sum);
	return sum.fate[FATE_COMES] || sum.fate[FATE_CHANGES] || sum.fate[FATE_GOES];
}
