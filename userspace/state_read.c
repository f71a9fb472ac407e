// SPDX-License-Identifier: GPL-2.0-only
/* Whole states: reading what a file declares. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "state.h"

/* --- the text -------------------------------------------------------------------------------- */

static char *read_all(const char *path, size_t *len)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "r") : stdin;
	char *text = NULL;
	size_t room = 0, n;

	if (!in) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	*len = 0;
	do {
		room = room ? 2 * room : 65536;
		text = realloc(text, room);
		if (!text)
			abort();
		n = fread(text + *len, 1, room - *len, in);
		*len += n;
	} while (*len == room);
	if (ferror(in)) {
		complain("%s: %s", path, strerror(errno));
		free(text);
		text = NULL;
	}
	if (in != stdin)
		fclose(in);
	return text;
}

static unsigned int line_of(const char *text, size_t at)
{
	unsigned int line = 1;
	size_t i;

	for (i = 0; i < at; i++)
		line += text[i] == '\n';
	return line;
}

/* --- names that stand twice ------------------------------------------------------------------ */

struct span {
	const char *at;
	size_t len;
};

/**
 * struct scan - a text that is known to be JSON
 * @at: where it is
 * @end: of it
 * @twice: a name that stands twice in one object; NULL: none was seen
 */
struct scan {
	const char *at;
	const char *end;
	struct span twice;
};

static void scan_space(struct scan *s)
{
	while (s->at < s->end && strchr(" \t\r\n,:", *s->at))
		s->at++;
}

/* Without its quotes. */
static struct span scan_string(struct scan *s)
{
	struct span text = { ++s->at, 0 };

	while (s->at < s->end && *s->at != '"')
		s->at += *s->at == '\\' ? 2 : 1;
	text.len = s->at++ - text.at;
	return text;
}

static void scan_value(struct scan *s);

static void scan_object(struct scan *s)
{
	struct span *names = NULL, name;
	size_t nr = 0, i;

	for (s->at++, scan_space(s); s->at < s->end && *s->at != '}'; scan_space(s)) {
		name = scan_string(s);
		for (i = 0; i < nr && !s->twice.at; i++) {
			if (names[i].len == name.len && !memcmp(names[i].at, name.at, name.len))
				s->twice = name;
		}
		names = realloc(names, (nr + 1) * sizeof(*names));
		if (!names)
			abort();
		names[nr++] = name;
		scan_value(s);
	}
	s->at++;
	free(names);
}

/* No deeper than the parser went, which has a limit. */
static void scan_value(struct scan *s)
{
	scan_space(s);
	if (s->at >= s->end)
		return;
	if (*s->at == '{') {
		scan_object(s);
	} else if (*s->at == '[') {
		for (s->at++, scan_space(s); s->at < s->end && *s->at != ']'; scan_space(s))
			scan_value(s);
		s->at++;
	} else if (*s->at == '"') {
		scan_string(s);
	} else {
		while (s->at < s->end && !strchr(",]} \t\r\n", *s->at))
			s->at++;
	}
}

/* The parser takes the last, and what the others said would be lost without a word. */
static bool repeats_name(const char *path, const char *text, size_t len)
{
	struct scan s = { .at = text, .end = text + len };

	scan_value(&s);
	if (!s.twice.at)
		return false;
	complain("%s: line %u: \"%.*s\" stands twice in the same { ... }: make it one", path,
		 line_of(text, s.twice.at - text), (int)s.twice.len, s.twice.at);
	return true;
}

static struct json_object *json_read(const char *path)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *json = NULL;
	size_t len;
	char *text = read_all(path, &len);

	if (text && tok && len < INT32_MAX) {
		json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
		json = json_tokener_parse_ex(tok, text, len);
		if (!json)
			complain("%s: line %u: %s", path,
				 line_of(text, json_tokener_get_parse_end(tok)),
				 json_tokener_get_error(tok) == json_tokener_continue ?
					 "the text ends too early" :
					 json_tokener_error_desc(json_tokener_get_error(tok)));
		else if (repeats_name(path, text, len)) {
			json_object_put(json);
			json = NULL;
		}
	}
	free(text);
	if (tok)
		json_tokener_free(tok);
	return json;
}

/* --- items ----------------------------------------------------------------------------------- */

/* Files hold no keys, and standard input may be one of them. */
static bool key_is_named(const struct rec *r)
{
	if (strcmp(rec_text(r, "key"), VOLUME_KEY_STDIN) &&
	    strcmp(rec_text(r, "key-before"), VOLUME_KEY_STDIN))
		return true;
	complain("key: a state names a key by TYPE:DESC");
	return false;
}

/* What is there need not be said again: whether this is, turns out when it is applied. */
static bool item_complete(enum section_nr nr, const struct rec *r)
{
	if ((nr == SEC_UPLINK || nr == SEC_VOLUME) && rec_has(r, "name"))
		return true;
	return command_complete(sections[nr].add[0], sections[nr].add[1], r);
}

void item_blame(enum section_nr nr, struct json_object *json)
{
	complain("... in %s %s", sections[nr].obj->name,
		 json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* The kernel would call it otherwise than the state does. */
static bool dev_is_its_own(const struct rec *r)
{
	const char *dev = rec_text(r, "dev");
	char name[IF_NAMESIZE];
	unsigned int index = if_nametoindex(dev);

	if (!index || !if_indextoname(index, name) || !strcmp(name, dev))
		return true;
	complain("dev: %s is another name of %s: say that", dev, name);
	return false;
}

/* What says that there is none says nothing. */
static bool is_nothing(enum section_nr nr, struct rec *r)
{
	static const char *const limits[] = { "bps", "pps" };
	unsigned int i;

	if (nr == SEC_ACL_DEFAULT)
		return rec_value(r, "verdict")->n == SLUICE_VERDICT_ALLOW;
	for (i = 0; nr == SEC_RATE && i < ARRAY_SIZE(limits); i++) {
		if (rec_has(r, limits[i]) && !rec_value(r, limits[i])->n)
			r->has &= ~FIELD(rec_field(r->obj, limits[i]));
	}
	return nr == SEC_RATE && !rec_has(r, "bps") && !rec_has(r, "pps");
}

static bool item_read(struct state *s, enum section_nr nr, struct json_object *json)
{
	struct rec *r = rec_new(sections[nr].obj);
	struct item *item;

	if (rec_from_json(r, json, true) && icmp_settle(r) && item_complete(nr, r) &&
	    key_is_named(r) && (nr != SEC_UPLINK || dev_is_its_own(r))) {
		if (is_nothing(nr, r)) {
			rec_free(r);
			return true;
		}
		if (nr == SEC_FLOW)
			flow_imply(r);
		/* What was declared before there were strict guards keeps its meaning. */
		if (nr == SEC_GUARD)
			guard_imply(r, s->version == STATE_VERSION ? "strict" : "loose");
		item = state_add(s, nr, r, json_object_get(json));
		if (nr != SEC_VOLUME || rekey_read(item))
			return true;
		item_blame(nr, json);
		return false;
	}
	item_blame(nr, json);
	rec_free(r);
	return false;
}

static bool version_read(struct json_object *json, int *version)
{
	*version = json_object_is_type(json, json_type_int) ? json_object_get_int(json) : -1;
	if (*version == STATE_VERSION || *version == STATE_VERSION_OLD)
		return true;
	complain("a state of version %s: this tool knows versions %d and %d",
		 json_object_to_json_string(json), STATE_VERSION_OLD, STATE_VERSION);
	return false;
}

static bool section_read(struct state *s, const char *name, struct json_object *list)
{
	enum section_nr nr;
	size_t i;

	if (!strcmp(name, "version"))
		return true;
	for (nr = 0; nr < SECTIONS && strcmp(sections[nr].obj->name, name); nr++)
		;
	if (nr == SECTIONS || !json_object_is_type(list, json_type_array)) {
		complain(nr == SECTIONS ?
				 "there is no section '%s': see what 'sluice dump' writes" :
				 "%s: a list is wanted, as in [ { ... }, { ... } ]",
			 name);
		return false;
	}
	s->has[nr] = true;
	for (i = 0; i < json_object_array_length(list); i++) {
		if (!item_read(s, nr, json_object_array_get_idx(list, i)))
			return false;
	}
	return true;
}

bool state_read(struct state *s, const char *path)
{
	struct json_object_iterator it, end;
	struct json_object *json = json_read(path), *version = NULL;
	bool ok = json;

	if (json && !json_object_is_type(json, json_type_object)) {
		complain("%s: a state is an object: { \"port\": [ ... ], ... }", path);
		ok = false;
	}
	s->version = 0;
	if (ok && json_object_object_get_ex(json, "version", &version))
		ok = version_read(version, &s->version);
	if (ok) {
		it = json_object_iter_begin(json);
		end = json_object_iter_end(json);
		for (; ok && !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
			ok = section_read(s, json_object_iter_peek_name(&it),
					  json_object_iter_peek_value(&it));
	}
	json_object_put(json);
	s->all_old = (s->all_old || !s->files) && s->version == STATE_VERSION_OLD;
	s->unversioned |= !s->version;
	s->files++;
	return ok;
}
