// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make the state what files declare, each volume by itself: one whose device or key is not there is
 * held back, and neither ports nor other volumes wait for it. What cannot be made is left out, and
 * told. That is what a host wants when it boots, and when a device comes.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "state.h"

/* --- devices --------------------------------------------------------------------------------- */

/* 0: there is none. */
static dev_t device_of(const char *path)
{
	struct stat st;

	return stat(path, &st) || !S_ISBLK(st.st_mode) ? 0 : st.st_rdev;
}

/* @on: NULL: any */
static bool is_on(const struct item *want, const char *on)
{
	dev_t dev = on ? device_of(on) : 0;

	return !on || (dev && rec_has(want->rec, "dev") &&
		       device_of(rec_text(want->rec, "dev")) == dev);
}

/* --- one after the other --------------------------------------------------------------------- */

/* Whose is it? NULL: it is about no volume. */
static const char *volume_of(enum section_nr nr, const struct item *item)
{
	if (nr == SEC_VOLUME)
		return item->key;
	if (nr == SEC_ASSIGN && rec_has(item->rec, "volume"))
		return rec_text(item->rec, "volume");
	return NULL;
}

/* What is about this volume, or about none (NULL), is sent now, and nothing else. */
static void choose(struct state *s, const char *volume)
{
	enum section_nr nr;
	const char *its;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < s->sec[nr].nr; i++) {
			its = volume_of(nr, &s->sec[nr].v[i]);
			s->sec[nr].v[i].later = its && volume ? strcmp(its, volume) :
								its != volume;
		}
	}
}

/* Nothing is asked of a device to say what would be done: is it there? */
static bool lacks_device(const struct state *want, const char *volume)
{
	const struct item *item = want->dry ? item_find(&want->sec[SEC_VOLUME], volume) : NULL;

	return item && !item->same && rec_has(item->rec, "dev") &&
	       !device_of(rec_text(item->rec, "dev"));
}

static bool send_part(struct state *now, struct state *want, const char *volume)
{
	bool lacks = lacks_device(want, volume);
	struct item *item = item_find(&want->sec[SEC_VOLUME], volume);

	choose(now, volume);
	choose(want, volume);
	if (state_send(now, want) && !lacks)
		return true;
	if (lacks)
		item->held = true;
	complain("volume %s is held back", volume);
	return false;
}

static void choose_nothing(struct state *s)
{
	enum section_nr nr;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < s->sec[nr].nr; i++)
			s->sec[nr].v[i].later = true;
	}
}

/* Nothing is, but for one section of one of the two. */
static void choose_only(struct state *now, struct state *want, struct state *of,
			enum section_nr only)
{
	size_t i;

	choose_nothing(now);
	choose_nothing(want);
	for (i = 0; i < of->sec[only].nr; i++)
		of->sec[only].v[i].later = false;
}

/* Ahead of volumes: whatever becomes of the rest, none is attached that may not be. */
static bool send_mode(struct state *now, struct state *want)
{
	choose_only(now, want, want, SEC_VOLUME_MODE);
	return state_send(now, want);
}

/* All but volumes, and groups that go: volumes may be in them until now. */
static bool send_rest(struct state *now, struct state *want)
{
	size_t i;

	choose(now, NULL);
	choose(want, NULL);
	for (i = 0; i < now->sec[SEC_VOLUME_GROUP].nr; i++)
		now->sec[SEC_VOLUME_GROUP].v[i].later = true;
	return state_send(now, want);
}

static bool send_groups_going(struct state *now, struct state *want)
{
	choose_only(now, want, now, SEC_VOLUME_GROUP);
	return state_send(now, want);
}

/* --- uplinks on a VF ------------------------------------------------------------------------- */

/*
 * Those that wait for it take it, and nothing else changes. One that is not there would not have
 * what is about it: that is for who makes all of it. Return: how many those are; -1: refused.
 */
static int send_uplinks_on(struct state *now, struct state *want, const char *dev)
{
	struct items *uplinks = &want->sec[SEC_UPLINK];
	int missing = 0;
	size_t i;

	choose_nothing(now);
	choose_nothing(want);
	for (i = 0; i < uplinks->nr; i++) {
		if (strcmp(rec_text(uplinks->v[i].rec, "dev"), dev))
			continue;
		uplinks->v[i].later = !item_find(&now->sec[SEC_UPLINK], uplinks->v[i].key);
		if (!uplinks->v[i].later)
			continue;
		complain("uplink %s is not there: 'sluice apply' without --on makes it",
			 uplinks->v[i].key);
		missing++;
	}
	if (!state_send(now, want))
		return -1;
	return missing + (want->dry ? 0 : links_set(want));
}

/* --- volumes whose device was pulled out ----------------------------------------------------- */

static bool volume_del(const char *name)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_VOLUME_DEL);

	nla_put_string(msg, SLUICE_A_VOLUME_NAME, name);
	return ctl_do(msg, NULL, NULL);
}

/* Is it made anew with the record that it has? Another may be of before. */
static bool keeps_record(const struct rec *have, const struct rec *want)
{
	return *rec_text(have, "record") == '/' &&
	       !strcmp(rec_text(have, "record"), rec_text(want, "record")) &&
	       !strcmp(record_start(have), record_start(want));
}

/* What nobody but a record would know of it when it is made anew; NULL: nothing. */
static const char *would_be_lost(const struct rec *have, const struct rec *want)
{
	if (keeps_record(have, want))
		return NULL;
	if (rec_has(have, "wiping"))
		return "it is half wiped";
	if (rec_has(have, "journal") || strcmp(rec_text(have, "key"), rec_text(want, "key")))
		return "its key is another";
	return NULL;
}

/*
 * Those that are declared, and whose device is back, go first, and are made anew. Return: how many
 * cannot go. *@gone: how many did.
 */
static unsigned int bury(const struct state *now, const struct state *want, const char *on,
			 unsigned int *gone)
{
	const struct items *volumes = &now->sec[SEC_VOLUME];
	const struct item *declared;
	unsigned int stay = 0;
	const char *lost;
	size_t i;

	for (i = 0; i < volumes->nr; i++) {
		declared = item_find(&want->sec[SEC_VOLUME], volumes->v[i].key);
		if (!declared || !rec_has(volumes->v[i].rec, "dead") || !is_on(declared, on) ||
		    !device_of(rec_text(volumes->v[i].rec, "dev")))
			continue;
		lost = would_be_lost(volumes->v[i].rec, declared->rec);
		if (lost) {
			complain("volume %s is held back: %s, and no record of it is declared",
				 volumes->v[i].key, lost);
			stay++;
		} else if (volume_del(volumes->v[i].key)) {
			(*gone)++;
		} else {
			complain("volume %s is held back: its device was pulled out",
				 volumes->v[i].key);
			stay++;
		}
	}
	return stay;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Those that are not declared any more. Return: how many stay. */
static unsigned int send_going(struct state *now, struct state *want)
{
	const struct items *volumes = &now->sec[SEC_VOLUME];
	unsigned int stay = 0;
	size_t i;

	for (i = 0; want->has[SEC_VOLUME] && i < volumes->nr; i++) {
		if (!item_find(&want->sec[SEC_VOLUME], volumes->v[i].key))
			stay += !send_part(now, want, volumes->v[i].key);
	}
	return stay;
}

static unsigned int send_coming(struct state *now, struct state *want, const char *on)
{
	const struct items *volumes = &want->sec[SEC_VOLUME];
	unsigned int late = 0;
	size_t i;

	for (i = 0; i < volumes->nr; i++) {
		if (!is_on(&volumes->v[i], on))
			continue;
		late += !send_part(now, want, volumes->v[i].key) ||
			(volumes->v[i].rekey && !want->dry && !rekey_go_on(&volumes->v[i]));
	}
	return late;
}

/* A device that is no path is a netdev. */
static bool is_netdev(const char *on)
{
	return on && *on != '/';
}

/*
 * What is in the way of what is to be made anew goes. @before: what was there, if ports went.
 * Return: how many stay; -1: refused.
 */
static int clear_way(struct state *now, struct state *want, const struct manner *m,
		     struct state *before)
{
	unsigned int late = 0, gone = 0;

	if (!m->dry && !is_netdev(m->on))
		late += bury(now, want, m->on, &gone);
	if (gone) {
		state_free(now);
		if (!state_collect(now))
			return -1;
	}
	if (!m->force || m->on)
		return late;
	late += anew_look(now, want);
	return anew_begin(now, want, before) ? (int)late : -1;
}

/* Return: how many are late; -1: refused. */
static int send_all_but_volumes(struct state *now, struct state *want, const struct manner *m)
{
	if (is_netdev(m->on))
		return send_uplinks_on(now, want, m->on);
	if (m->on)
		return 0;
	if (!send_rest(now, want))
		return -1;
	return m->dry ? 0 : links_set(want);
}

/* What is kept or left out. *@wrong: of the latter: it is for nobody to come. */
static unsigned int hold_back(struct state *now, struct state *want, const struct manner *m,
			      unsigned int *wrong)
{
	unsigned int late = 0;

	if (m->on)
		return 0;
	if (!m->force)
		late += hold_keep(now, want);
	late += hold_fixed(now, want, !m->force);
	*wrong = hold_about_nothing(now, want, &late);
	return late + hold_tell_waiting(now, want);
}

int state_send_each(struct state *now, struct state *want, const struct manner *m)
{
	struct state before = {};
	int rc = EXIT_DONE, late = clear_way(now, want, m, &before), rest;
	unsigned int wrong = 0;
	bool mode_refused;

	if (late < 0)
		return EXIT_REFUSED;
	late += hold_back(now, want, m, &wrong);
	state_match(now, want);
	plan_make(now, want);
	mode_refused = !is_netdev(m->on) && !send_mode(now, want);
	rest = mode_refused ? -1 : send_all_but_volumes(now, want, m);
	if (rest < 0)
		anew_back(&before);
	state_free(&before);
	/* Volumes that may be forbidden by the mode do not come without it. */
	if (mode_refused)
		return EXIT_REFUSED;
	if (rest < 0 || wrong)
		rc = EXIT_REFUSED;
	late += rest > 0 ? rest : 0;
	if (!m->on)
		late += send_going(now, want);
	late += send_coming(now, want, m->on);
	/* One that is in use still is that of a volume that is late. */
	if (!m->on && !send_groups_going(now, want) && !late)
		rc = EXIT_REFUSED;
	if (rc == EXIT_DONE && late)
		rc = EXIT_HELD_BACK;
	return rc;
}
