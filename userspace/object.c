// SPDX-License-Identifier: GPL-2.0-only
/* Objects: values by an object's table, and their text, JSON and netlink forms. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sluice.h"

struct rec *rec_new(const struct object *obj)
{
	struct rec *r = xcalloc(1, sizeof(*r) + obj->nr_fields * sizeof(r->v[0]));

	if (obj->nr_fields > FIELDS_MAX)
		abort();
	r->obj = obj;
	return r;
}

static void value_free(struct value *v)
{
	unsigned int i;

	for (i = 0; v->rec && i < v->nr; i++)
		rec_free(v->rec[i]);
	free(v->rec);
	free(v->item);
	free(v->text);
}

void rec_free(struct rec *r)
{
	unsigned int i;

	if (!r)
		return;
	for (i = 0; i < r->obj->nr_fields; i++)
		value_free(&r->v[i]);
	free(r);
}

int rec_field(const struct object *obj, const char *name)
{
	unsigned int i;

	for (i = 0; i < obj->nr_fields; i++) {
		if (!strcmp(obj->fields[i].name, name))
			return i;
	}
	return -1;
}

bool rec_has(const struct rec *r, const char *name)
{
	int i = rec_field(r->obj, name);

	return i >= 0 && r->has & FIELD(i);
}

struct value *rec_value(const struct rec *r, const char *name)
{
	return (struct value *)&r->v[rec_field(r->obj, name)];
}

const char *rec_text(const struct rec *r, const char *name)
{
	static char bufs[4][TEXT_MAX];
	static unsigned int turn;
	char *buf = bufs[turn++ % ARRAY_SIZE(bufs)];
	int i = rec_field(r->obj, name);

	*buf = '\0';
	if (i >= 0 && r->has & FIELD(i))
		r->obj->fields[i].codec->format(&r->v[i], buf, TEXT_MAX);
	return buf;
}

static struct value *list_add(struct value *list)
{
	list->item = realloc(list->item, (list->nr + 1) * sizeof(*list->item));
	if (!list->item)
		abort();
	memset(&list->item[list->nr], 0, sizeof(*list->item));
	return &list->item[list->nr++];
}

static struct rec *list_add_rec(struct value *list, const struct object *obj)
{
	list->rec = realloc(list->rec, (list->nr + 1) * sizeof(*list->rec));
	if (!list->rec)
		abort();
	list->rec[list->nr] = rec_new(obj);
	return list->rec[list->nr++];
}

static bool is_list(const struct field *f)
{
	return f->flags & (F_MULTI | F_LIST);
}

/* --- text ------------------------------------------------------------------------------------ */

static const char *value_near(const struct codec *codec, const char *text)
{
	struct near near = { .word = text };
	const char *const *words;

	for (words = codec->words; words && *words; words++)
		near_try(&near, *words);
	return near_text(&near);
}

static bool set_one(struct rec *r, unsigned int field, const char *text)
{
	const struct field *f = &r->obj->fields[field];
	struct value *v = is_list(f) ? list_add(&r->v[field]) : &r->v[field];

	if (f->codec->parse(text, v)) {
		/* What is not so is not said. */
		if (f->codec != &codec_flag || v->n)
			r->has |= FIELD(field);
		return true;
	}
	complain("%s: '%s' is not %s%s%s%s", f->name, text, f->codec->what,
		 f->codec->rule ? ": " : "", f->codec->rule ? f->codec->rule : "",
		 value_near(f->codec, text));
	return false;
}

bool rec_set(struct rec *r, unsigned int field, const char *text)
{
	char *copy, *word, *save;
	bool ok = true;

	if (!(r->obj->fields[field].flags & (F_LIST | F_COMMA)))
		return set_one(r, field, text);
	copy = xstrdup(text);
	for (word = strtok_r(copy, ",", &save); word && ok; word = strtok_r(NULL, ",", &save))
		ok = set_one(r, field, word);
	free(copy);
	return ok;
}

static void print_nest(const struct value *v)
{
	unsigned int i;

	for (i = 0; i < v->nr; i++) {
		printf("\n    %s", v->rec[i]->obj->name);
		rec_print(v->rec[i], 0);
	}
}

static void print_field(const struct field *f, const struct value *v)
{
	const bool commas = f->flags & (F_LIST | F_COMMA);
	char buf[TEXT_MAX];
	unsigned int i;

	if (commas)
		printf(" %s ", f->name);
	for (i = 0; i < (is_list(f) ? v->nr : 1); i++) {
		f->codec->format(is_list(f) ? &v->item[i] : v, buf, sizeof(buf));
		if (commas)
			printf("%s%s", i ? "," : "", buf);
		else if (f->flags & F_SAID)
			printf(": %s", buf);
		else if (f->flags & F_BARE)
			printf(" %s", buf);
		else
			printf(" %s %s", f->name, buf);
	}
}

void rec_print(const struct rec *r, unsigned int skip)
{
	const struct field *f;
	unsigned int i;

	for (i = skip; i < r->obj->nr_fields; i++) {
		f = &r->obj->fields[i];
		if (!(r->has & FIELD(i)) || f->flags & F_JSON ||
		    (f->flags & F_STAT && !opt.stats))
			continue;
		if (f->flags & F_NEST)
			print_nest(&r->v[i]);
		else if (f->codec == &codec_flag)
			printf(" %s", f->name);
		else
			print_field(f, &r->v[i]);
	}
}

char *rec_field_text(const struct rec *r, unsigned int field)
{
	const struct field *f = &r->obj->fields[field];
	char buf[TEXT_MAX], *text = NULL;
	unsigned int i;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (i = 0; r->has & FIELD(field) && i < (is_list(f) ? r->v[field].nr : 1); i++) {
		f->codec->format(is_list(f) ? &r->v[field].item[i] : &r->v[field], buf,
				 sizeof(buf));
		fprintf(out, "%s%s", i ? "," : "", buf);
	}
	fclose(out);
	return text;
}

/* What is said, but for the order of it, is all there is to an object. */
char *rec_canon(const struct rec *r, const char *but)
{
	char buf[TEXT_MAX], *text = NULL;
	unsigned int i, k;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (i = 0; i < r->obj->nr_fields; i++) {
		const struct field *f = &r->obj->fields[i];

		if (!(r->has & FIELD(i)) || f->flags & (F_STAT | F_SHOW) ||
		    (but && !strcmp(f->name, but)))
			continue;
		fprintf(out, "%u=", i);
		for (k = 0; k < (is_list(f) ? r->v[i].nr : 1); k++) {
			f->codec->format(is_list(f) ? &r->v[i].item[k] : &r->v[i], buf,
					 sizeof(buf));
			fprintf(out, "%s,", buf);
		}
	}
	fclose(out);
	return text;
}

/* --- JSON ------------------------------------------------------------------------------------ */

static struct json_object *value_to_json(const struct field *f, const struct value *v)
{
	char buf[TEXT_MAX];

	if (f->codec == &codec_flag)
		return json_object_new_boolean(v->n);
	f->codec->format(v, buf, sizeof(buf));
	/* A kind of number may have a word for none. */
	if (f->codec->number && isdigit((unsigned char)*buf))
		return json_object_new_uint64(v->n);
	return json_object_new_string(buf);
}

static struct json_object *list_to_json(const struct field *f, const struct value *v, bool declared)
{
	struct json_object *list = json_object_new_array();
	unsigned int i;

	for (i = 0; i < v->nr; i++)
		json_object_array_add(list, f->flags & F_NEST ? rec_to_json(v->rec[i], declared) :
								value_to_json(f, &v->item[i]));
	return list;
}

struct json_object *rec_to_json(const struct rec *r, bool declared)
{
	struct json_object *json = json_object_new_object(), *value;
	const struct field *f;
	unsigned int i;

	for (i = 0; i < r->obj->nr_fields; i++) {
		f = &r->obj->fields[i];
		if (!(r->has & FIELD(i)) || (declared && f->flags & (F_STAT | F_SHOW)))
			continue;
		if (f->flags & F_NEST || is_list(f))
			value = list_to_json(f, &r->v[i], declared);
		else
			value = value_to_json(f, &r->v[i]);
		json_object_object_add(json, f->name, value);
	}
	return json;
}

static bool value_from_json(struct rec *r, unsigned int field, struct json_object *json)
{
	const struct field *f = &r->obj->fields[field];
	size_t i;

	if (!is_list(f)) {
		if (json_object_is_type(json, json_type_array) ||
		    json_object_is_type(json, json_type_object)) {
			complain("%s: one value is wanted", f->name);
			return false;
		}
		return set_one(r, field, json_object_get_string(json));
	}
	if (!json_object_is_type(json, json_type_array)) {
		complain("%s: a list is wanted, as in [ \"...\", \"...\" ]", f->name);
		return false;
	}
	for (i = 0; i < json_object_array_length(json); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(json, i));

		if (!set_one(r, field, text ? text : "null"))
			return false;
	}
	return true;
}

bool rec_from_json(struct rec *r, struct json_object *json, bool declared)
{
	struct json_object_iterator it, end;
	struct json_object *value;
	const char *name;
	int i;

	if (!json_object_is_type(json, json_type_object)) {
		complain("%s: { ... } is wanted", r->obj->name);
		return false;
	}
	it = json_object_iter_begin(json);
	end = json_object_iter_end(json);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		name = json_object_iter_peek_name(&it);
		value = json_object_iter_peek_value(&it);
		i = rec_field(r->obj, name);
		if (i < 0) {
			complain("%s: there is no field '%s'", r->obj->name, name);
			return false;
		}
		/*
		 * Someone's edited copy of what `-j show` wrote: what the kernel said is no
		 * demand.
		 */
		if (declared && r->obj->fields[i].flags & (F_STAT | F_SHOW | F_NEST))
			continue;
		if (!value) {
			complain("%s: %s has no value", r->obj->name, name);
			return false;
		}
		if (!value_from_json(r, i, value))
			return false;
	}
	return true;
}

/* --- netlink --------------------------------------------------------------------------------- */

static int put_list(struct nl_msg *msg, const struct field *f, const struct value *v)
{
	struct nlattr *nest = NULL;
	unsigned int i;

	if (f->flags & F_ORDER) {
		nest = nla_nest_start(msg, f->attr | NLA_F_NESTED);
		if (!nest)
			return -1;
	}
	for (i = 0; i < v->nr; i++) {
		if (f->codec->put(msg, f->attr, &v->item[i]))
			return -1;
	}
	if (nest)
		nla_nest_end(msg, nest);
	return 0;
}

static int put_match(struct nl_msg *msg, const struct rec *r, bool mask)
{
	struct nlattr *nest;
	unsigned int i;

	nest = nla_nest_start(msg, (mask ? SLUICE_A_FLOW_MASK : SLUICE_A_FLOW_KEY) | NLA_F_NESTED);
	if (!nest)
		return -1;
	for (i = 0; i < r->obj->nr_fields; i++) {
		const struct field *f = &r->obj->fields[i];

		if (!(f->flags & F_MATCH) || !(r->has & FIELD(i)))
			continue;
		if ((mask ? f->codec->put2 : f->codec->put)(msg, f->attr, &r->v[i]))
			return -1;
	}
	nla_nest_end(msg, nest);
	return 0;
}

static bool has_match(const struct rec *r)
{
	unsigned int i;

	for (i = 0; i < r->obj->nr_fields; i++) {
		if (r->obj->fields[i].flags & F_MATCH && r->has & FIELD(i))
			return true;
	}
	return false;
}

int rec_put(struct nl_msg *msg, const struct rec *r)
{
	unsigned int i;

	for (i = 0; i < r->obj->nr_fields; i++) {
		const struct field *f = &r->obj->fields[i];
		const struct value *v = &r->v[i];

		if (!(r->has & FIELD(i)) ||
		    f->flags & (F_MATCH | F_NEST | F_SHOW | F_STAT | F_REF))
			continue;
		if (is_list(f) ? put_list(msg, f, v) : f->codec->put(msg, f->attr, v))
			return -1;
		if (f->attr2 && f->codec->put2(msg, f->attr2, v))
			return -1;
	}
	return has_match(r) && (put_match(msg, r, false) || put_match(msg, r, true)) ? -1 : 0;
}

static bool get_nest(struct rec *r, unsigned int i, const struct nlattr *nla)
{
	const struct field *f = &r->obj->fields[i];
	struct nlattr *sub;
	int rem;

	r->has |= FIELD(i);
	if (f->flags & F_NEST)
		return rec_get(list_add_rec(&r->v[i], f->sub), nla_data(nla), nla_len(nla));
	nla_for_each_nested(sub, (struct nlattr *)nla, rem) {
		if (!f->codec->get(sub, list_add(&r->v[i])))
			return false;
	}
	return true;
}

static bool get_attr(struct rec *r, unsigned int i, const struct nlattr *nla, bool second)
{
	const struct field *f = &r->obj->fields[i];

	if (f->flags & (F_NEST | F_ORDER))
		return get_nest(r, i, nla);
	r->has |= FIELD(i);
	if (f->flags & F_MULTI)
		return f->codec->get(nla, list_add(&r->v[i]));
	if (second)
		return !f->codec->get2 || f->codec->get2(nla, &r->v[i]);
	return f->codec->get(nla, &r->v[i]);
}

static bool get_match(struct rec *r, const struct nlattr *nest, bool mask)
{
	struct nlattr *nla;
	unsigned int i;
	int rem;

	nla_for_each_nested(nla, (struct nlattr *)nest, rem) {
		for (i = 0; i < r->obj->nr_fields; i++) {
			if (!(r->obj->fields[i].flags & F_MATCH) ||
			    r->obj->fields[i].attr != nla_type(nla))
				continue;
			if (!get_attr(r, i, nla, mask))
				return false;
		}
	}
	return true;
}

bool rec_get(struct rec *r, struct nlattr *attrs, int len)
{
	struct nlattr *nla;
	unsigned int i;
	int rem;

	nla_for_each_attr(nla, attrs, len, rem) {
		for (i = 0; i < r->obj->nr_fields; i++) {
			const struct field *f = &r->obj->fields[i];
			bool second = f->attr2 == nla_type(nla);

			if (f->flags & F_MATCH || (f->attr != nla_type(nla) && !second))
				continue;
			if (!get_attr(r, i, nla, second))
				return false;
		}
		if (r->obj != &object_flow)
			continue;
		if (nla_type(nla) == SLUICE_A_FLOW_KEY && !get_match(r, nla, false))
			return false;
		if (nla_type(nla) == SLUICE_A_FLOW_MASK && !get_match(r, nla, true))
			return false;
	}
	return true;
}
