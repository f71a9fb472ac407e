// SPDX-License-Identifier: GPL-2.0-only
/* Lists of what the kernel has. */
#include <stdlib.h>
#include <string.h>
#include "sluice.h"

static void list_add(struct list *l, struct rec *r)
{
	l->v = realloc(l->v, (l->nr + 1) * sizeof(*l->v));
	if (!l->v)
		abort();
	l->v[l->nr++] = r;
}

void list_free(struct list *l)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		rec_free(l->v[i]);
	free(l->v);
	memset(l, 0, sizeof(*l));
}

const char *rec_word(const struct rec *r, const char *field)
{
	const struct value *v;

	if (!rec_has(r, field))
		return "";
	v = rec_value(r, field);
	return v->text ? v->text : (const char *)v->bytes;
}

const struct rec *list_find(const struct list *l, const char *field, const char *text)
{
	size_t i;

	for (i = 0; i < l->nr; i++) {
		if (!strcmp(rec_text(l->v[i], field), text))
			return l->v[i];
	}
	return NULL;
}

/**
 * struct reading - a list that is being read
 * @obj: of what
 * @into: the list
 */
struct reading {
	const struct object *obj;
	struct list *into;
};

static void one_read(struct nlattr *attrs, int len, void *arg)
{
	const struct reading *what = arg;
	struct rec *r = rec_new(what->obj);

	if (rec_get(r, attrs, len))
		list_add(what->into, r);
	else
		rec_free(r);
}

bool list_ask(struct list *l, struct nl_msg *msg, const struct object *obj)
{
	struct reading what = { .obj = obj, .into = l };

	return ctl_do(msg, one_read, &what);
}

bool list_dump(struct list *l, struct nl_msg *msg, const struct object *obj)
{
	struct reading what = { .obj = obj, .into = l };
	bool changed;

	return ctl_dump(msg, one_read, &what, &changed);
}

bool list_read(struct list *l, int cmd, const struct object *obj)
{
	return list_dump(l, ctl_new(cmd), obj);
}

uint64_t rec_count(const struct rec *r, const char *field)
{
	return r && rec_has(r, field) ? rec_value(r, field)->n : 0;
}

uint64_t count_grown(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}
