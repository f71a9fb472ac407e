// SPDX-License-Identifier: GPL-2.0-only
/*
 * A declared volume that is on its way from one key to another: "key" is what it is to have,
 * "key-before" what it had. Which of the two it has says its record, where the kernel looks. Once
 * the volume is there its re-encryption begins, or goes on, unless it is through. If it is on its
 * way to "key-before" it is turned round.
 */
#include <string.h>
#include "state.h"

static const char *const words[] = { "key-before", "rekey-journal", "rekey-journal-start" };

bool rekey_read(struct item *item)
{
	static const char *const sent[] = { "name", "key", "journal", "journal-start" };
	static const char *const said[] = { "name", "key", "rekey-journal", "rekey-journal-start" };
	const struct rec *r = item->rec;
	unsigned int i, nr = 0;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		nr += rec_has(r, words[i]);
	if (!nr)
		return true;
	if (!rec_has(r, "key-before") || !rec_has(r, "rekey-journal") || !rec_has(r, "key") ||
	    *rec_text(r, "record") != '/') {
		complain("volume %s: declare key, key-before, rekey-journal and its record",
			 item->key);
		return false;
	}
	item->before = xstrdup(rec_text(r, "key-before"));
	item->rekey = rec_new(&object_rekey);
	for (i = 0; i < ARRAY_SIZE(sent); i++) {
		if (rec_has(r, said[i]))
			rec_set(item->rekey, rec_field(&object_rekey, sent[i]),
				rec_text(r, said[i]));
	}
	return true;
}

/* Is it on its way back to the key that it had? */
static bool rekey_is_back(const struct rec *volume)
{
	const struct value *rekey = rec_value(volume, "rekey");

	return rec_has(volume, "rekey") && rekey->nr && rec_has(rekey->rec[0], "back");
}

/* What was there is compared with what it had as long as it has not got the other. */
void rekey_match(const struct item *have, struct item *want)
{
	struct value *key = rec_value(want->rec, "key");
	struct value *before = rec_value(want->rec, "key-before"), swap;
	unsigned int i;

	if (!want->rekey)
		return;
	if (!strcmp(rec_text(have->rec, "key"), rec_text(want->rec, "key-before"))) {
		swap = *key;
		*key = *before;
		*before = swap;
	}
	for (i = 0; i < ARRAY_SIZE(words); i++)
		want->rec->has &= ~FIELD(rec_field(want->rec->obj, words[i]));
}

static void volume_seen(struct nlattr *attrs, int len, void *arg)
{
	rec_get(arg, attrs, len);
}

static void say(struct rec *rekey, const char *field, const char *text)
{
	rec_set(rekey, rec_field(rekey->obj, field), text);
}

/* What there is to say of @have: nothing but the name if it is settled. */
static struct rec *rekey_order(const struct item *want, const struct rec *have)
{
	static const char *const journal[] = { "journal", "journal-start" };
	const char *key = rec_text(want->rekey, "key");
	bool has_it = !strcmp(rec_text(have, "key"), key);
	struct rec *r = rec_new(&object_rekey);
	unsigned int i;

	say(r, "name", want->key);
	if (rec_has(have, "rekey-key")) {
		/* It is under way: its name is enough. */
		if (has_it != rekey_is_back(have))
			say(r, has_it ? "back" : "forward", "true");
		return r;
	}
	if (has_it && !rec_has(have, "unresolved"))
		return r;
	say(r, "key", has_it ? want->before : key);
	if (has_it)
		say(r, "back", "true");
	for (i = 0; i < ARRAY_SIZE(journal); i++) {
		if (rec_has(want->rekey, journal[i]))
			say(r, journal[i], rec_text(want->rekey, journal[i]));
	}
	return r;
}

bool rekey_is_due(const struct item *want, const struct rec *have)
{
	struct rec *order = rekey_order(want, have);
	bool due = order->has != FIELD(0);

	rec_free(order);
	return due;
}

bool rekey_go_on(const struct item *want)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_VOLUME_GET);
	struct rec *have = rec_new(&object_volume), *order;
	bool changed, ok;

	nla_put_string(msg, SLUICE_A_VOLUME_NAME, want->key);
	ok = ctl_dump(msg, volume_seen, have, &changed);
	order = rekey_order(want, have);
	ok = ok && (order->has == FIELD(0) || volume_rekey(order));
	if (!ok)
		complain("volume %s: its re-encryption does not go on as declared", want->key);
	rec_free(order);
	rec_free(have);
	return ok;
}

bool rekey_all_go_on(const struct state *want)
{
	const struct items *volumes = &want->sec[SEC_VOLUME];
	bool ok = true;
	size_t i;

	for (i = 0; i < volumes->nr; i++) {
		if (volumes->v[i].rekey && !rekey_go_on(&volumes->v[i]))
			ok = false;
	}
	return ok;
}

void rekey_declare(struct rec *r)
{
	const char *const now[] = { rekey_is_back(r) ? "rekey-key" : "key", "journal",
				    "journal-start" };
	unsigned int i;
	struct value swap;

	if (!rec_has(r, "rekey-key") || *rec_text(r, "record") != '/')
		return;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		rec_set(r, rec_field(r->obj, words[i]), rec_text(r, now[i]));
	if (rekey_is_back(r))
		return;
	swap = *rec_value(r, "key");
	*rec_value(r, "key") = *rec_value(r, "rekey-key");
	*rec_value(r, "rekey-key") = swap;
}
