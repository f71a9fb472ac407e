// SPDX-License-Identifier: GPL-2.0-only
/* What the operator says of how a state is applied, and what a state has to be for that. */
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "state.h"

/* --- words ----------------------------------------------------------------------------------- */

static bool manner_word(struct manner *m, const char *word)
{
	if (!strcmp(word, "--each"))
		m->each = true;
	else if (!strcmp(word, "-f") || !strcmp(word, "--force"))
		m->force = true;
	else if (!strcmp(word, "-n") || !strcmp(word, "--dry-run"))
		m->dry = true;
	else
		return false;
	return true;
}

/* Options come ahead of the files. Return: how many words they are; -1: not understood. */
static int manner_read(struct manner *m, const char *verb, int nr, char **words)
{
	int i;

	for (i = 0; i < nr && words[i][0] == '-' && words[i][1]; i++) {
		if (!strcmp(words[i], "--on") && i + 1 < nr) {
			m->on = words[++i];
		} else if (!manner_word(m, words[i])) {
			complain("%s: '%s' is not understood here", verb, words[i]);
			return -1;
		}
	}
	if (m->on && !m->each) {
		complain("%s: --on means something with --each only", verb);
		return -1;
	}
	if (i == nr) {
		complain("%s: FILE is missing; - is standard input", verb);
		return -1;
	}
	return i;
}

/* --- what is declared ------------------------------------------------------------------------ */

static bool no_duplicates_in(enum section_nr nr, const struct items *items)
{
	struct lh_table *t = lh_kchar_table_new(items->nr * 2 + 16, NULL);
	const struct item *item;
	const char *key;
	bool ok = true;
	size_t i;

	if (!t)
		abort();
	for (i = 0; ok && i < items->nr; i++) {
		item = &items->v[i];
		key = nr == SEC_FLOW ? item->canon : item->key;
		ok = !lh_table_lookup_ex(t, key, NULL);
		if (ok)
			lh_table_insert(t, key, item);
		else
			complain("%s%s%s is declared twice: leave one of them out",
				 sections[nr].obj->name, *key ? " " : "",
				 nr == SEC_FLOW ? json_object_to_json_string(item->json) : key);
	}
	lh_table_free(t);
	return ok;
}

/* Two uplinks on one device: whoever comes last would wait for it in vain. */
static bool no_shared_device(const struct items *uplinks)
{
	const char *dev;
	size_t i, k;

	for (i = 0; i < uplinks->nr; i++) {
		for (k = 0; k < i; k++) {
			dev = rec_text(uplinks->v[i].rec, "dev");
			if (!*dev || strcmp(dev, rec_text(uplinks->v[k].rec, "dev")))
				continue;
			complain("uplink %s: another uplink is declared on %s",
				 uplinks->v[i].key, dev);
			return false;
		}
	}
	return true;
}

static bool no_duplicates(const struct state *want)
{
	enum section_nr nr = 0;

	if (!no_shared_device(&want->sec[SEC_UPLINK]))
		return false;
	while (nr < SECTIONS && no_duplicates_in(nr, &want->sec[nr]))
		nr++;
	return nr == SECTIONS;
}

/* Names of sections that files do not have, and that have something in them; "" for none. */
static const char *sections_missing(const struct state *want, const struct state *now)
{
	static char text[256];
	unsigned int len = 0;
	enum section_nr nr;

	text[0] = '\0';
	for (nr = 0; nr < SECTIONS; nr++) {
		if (state_is_hosts(nr) || want->has[nr] || !now->sec[nr].nr)
			continue;
		len += snprintf(text + len, sizeof(text) - len, "%s'%s'", len ? ", " : "",
				sections[nr].obj->name);
	}
	return text;
}

/*
 * What a state does not speak of is left alone. In files of the version of before it went, but for
 * what is the host's; those that do not say of which they are mean what is lost less by.
 */
static void scope_find(struct state *want, const struct state *now)
{
	const char *missing = sections_missing(want, now);
	enum section_nr nr;

	for (nr = 0; nr < SECTIONS; nr++)
		want->scope[nr] = want->has[nr] || (want->all_old && !state_is_hosts(nr));
	if (!*missing)
		return;
	if (want->all_old)
		complain("version 1, without %s: that goes; with \"version\": 2 it stays",
			 missing);
	else if (want->unversioned)
		complain("without %s, and no version: what is there stays; say \"version\": 2",
			 missing);
}

/* Nothing is what who may not see them would find there. */
static bool may_speak(const struct state *now, const struct state *want)
{
	enum section_nr nr;

	for (nr = 0; nr < SECTIONS; nr++) {
		if (now->host || !state_is_hosts(nr) || !want->has[nr])
			continue;
		complain("not permitted: '%s' is the host's", sections[nr].obj->name);
		return false;
	}
	return true;
}

/* --- all of it ------------------------------------------------------------------------------- */

static bool send_whole(struct state *now, struct state *want)
{
	state_match(now, want);
	plan_make(now, want);
	return state_send(now, want);
}

/* As one: all of it. */
static int apply_whole(struct state *now, struct state *want, const struct manner *m)
{
	bool may = m->force || hold_may_go(now, want), sent;
	struct state before = {};
	unsigned int late;

	if (!may && !m->dry)
		return EXIT_REFUSED;
	if (m->force && anew_look(now, want))
		return EXIT_REFUSED;
	late = hold_tell_waiting(now, want);
	sent = anew_begin(now, want, &before) && send_whole(now, want);
	if (!sent)
		anew_back(&before);
	state_free(&before);
	if (!sent || !may)
		return EXIT_REFUSED;
	if (m->dry)
		return late ? EXIT_HELD_BACK : EXIT_DONE;
	late += links_set(want);
	if (!rekey_all_go_on(want))
		return EXIT_REFUSED;
	return late ? EXIT_HELD_BACK : EXIT_DONE;
}

static int apply_in(struct state *now, struct state *want, const struct manner *m)
{
	int rc;

	if (!may_speak(now, want))
		return EXIT_REFUSED;
	scope_find(want, now);
	want->dry = m->dry;
	rc = m->each ? state_send_each(now, want, m) : apply_whole(now, want, m);
	if (m->dry)
		plan_print(now, want);
	/* What was refused as a whole changed nothing. */
	if (rc == EXIT_REFUSED && !m->each && !m->dry)
		return rc;
	return plan_sum(now, want) && m->dry && rc != EXIT_REFUSED ? EXIT_DIFFERS : rc;
}

int apply_files(int nr, char **paths, bool diff)
{
	struct state now = {}, want = {};
	struct manner manner = { .dry = diff };
	int i = manner_read(&manner, diff ? "diff" : "apply", nr, paths), rc = EXIT_USAGE;
	bool ok = i >= 0;

	for (; ok && i < nr; i++)
		ok = state_read(&want, paths[i]);
	if (ok && no_duplicates(&want)) {
		rc = EXIT_REFUSED;
		if (ctl_open() && state_collect(&now))
			rc = apply_in(&now, &want, &manner);
	}
	state_free(&now);
	state_free(&want);
	state_forget();
	return rc;
}
