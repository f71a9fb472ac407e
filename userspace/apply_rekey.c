// SPDX-License-Identifier: GPL-2.0-only
/*
 * A declared volume that is on its way from one key to another: "key" is what it is to have,
 * "key-before" what it had. Which of the two it has says its record, where the kernel looks. Once
 * the volume is there its re-encryption begins, or goes on, unless it is through.
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
	item->rekey = rec_new(&object_rekey);
	for (i = 0; i < ARRAY_SIZE(sent); i++) {
		if (rec_has(r, said[i]))
			rec_set(item->rekey, rec_field(&object_rekey, sent[i]),
				rec_text(r, said[i]));
	}
	return true;
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

/* What the volume has, or is getting. */
struct keys {
	const char *wanted;
	bool there;
	bool settled;
};

static void keys_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);
	struct keys *k = arg;

	k->there = rec_get(r, attrs, len);
	k->settled = k->there && (!strcmp(rec_text(r, "key"), k->wanted) ||
				  !strcmp(rec_text(r, "rekey-key"), k->wanted));
	rec_free(r);
}

bool rekey_go_on(const struct item *want)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_VOLUME_GET);
	struct keys keys = { .wanted = rec_text(want->rekey, "key") };
	bool changed;

	nla_put_string(msg, SLUICE_A_VOLUME_NAME, want->key);
	if (!ctl_dump(msg, keys_seen, &keys, &changed))
		return false;
	if (!keys.there || keys.settled)
		return keys.there;
	if (volume_rekey(want->rekey))
		return true;
	complain("volume %s: its re-encryption does not go on", want->key);
	return false;
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
	static const char *const now[] = { "key", "journal", "journal-start" };
	unsigned int i;
	struct value swap;

	if (!rec_has(r, "rekey-key") || *rec_text(r, "record") != '/')
		return;
	for (i = 0; i < ARRAY_SIZE(words); i++)
		rec_set(r, rec_field(r->obj, words[i]), rec_text(r, now[i]));
	swap = *rec_value(r, "key");
	*rec_value(r, "key") = *rec_value(r, "rekey-key");
	*rec_value(r, "rekey-key") = swap;
}
