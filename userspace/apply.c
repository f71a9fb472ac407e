// SPDX-License-Identifier: GPL-2.0-only
/*
 * Make the state what files declare together: the difference to what is there is sent as one
 * transaction, so what does not change is not touched.
 *
 * First goes what is not declared (rules ahead of what they refer to), then comes what is not
 * there (the other way round), workers and groups that are not wanted go last, when nothing is with
 * them any more. Sections and values that a declaration leaves out stay as they are.
 */
#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "state.h"

/* For the message about a refusal: what each change was about. */
struct change {
	enum section_nr nr;
	const char *verb;
	const struct item *item;
};

static struct change *changes;
static size_t nr_changes, room_changes;
/* Nothing is sent: only whether it could be is found out. */
static bool dry;

static char *change_text(unsigned int nr, void *arg)
{
	const struct change *c = nr < nr_changes ? &changes[nr] : NULL;
	const char *text;
	char *buf;
	size_t size;

	(void)arg;
	if (!c)
		return NULL;
	text = c->item->json ? json_object_to_json_string_ext(c->item->json,
							      JSON_C_TO_STRING_NOSLASHESCAPE) :
			       c->item->key;
	size = strlen(text) + 64;
	buf = xcalloc(1, size);
	snprintf(buf, size, "%s %s %s", c->verb, sections[c->nr].obj->name, text);
	return buf;
}

static bool change_add(enum section_nr nr, const char *verb, const struct item *item,
		       struct nl_msg *msg)
{
	if (nr_changes == room_changes) {
		room_changes = room_changes ? 2 * room_changes : 256;
		changes = realloc(changes, room_changes * sizeof(*changes));
		if (!changes)
			abort();
	}
	changes[nr_changes++] = (struct change){ nr, verb, item };
	if (!dry)
		return ctl_txn_add(msg);
	nlmsg_free(msg);
	return true;
}

/* --- comparing ------------------------------------------------------------------------------- */

static const char *const amounts[] = {
	"bps",	     "pps",	 "read-iops",	   "read-bps",	     "write-iops",
	"write-bps", "iops-unit", "read-iops-peak", "read-bps-peak", "write-iops-peak",
	"write-bps-peak", "rekey-bps", "read-iops-min", "read-bps-min", "write-iops-min",
	"write-bps-min",
};

static bool is_amount(const char *field)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(amounts) && strcmp(amounts[i], field); i++)
		;
	return i < ARRAY_SIZE(amounts);
}

bool absence_counts(const struct object *obj, const char *field)
{
	static const char *const others[] = { "ro",	     "key",	      "group",
					      "rekey-pause", "allow-discards", "integrity",
					      "want-mac",    "want-vlan",      "no-promisc" };
	unsigned int i;

	if (obj != &object_port && obj != &object_uplink && obj != &object_rate &&
	    obj != &object_meter && obj != &object_worker && obj != &object_volume &&
	    obj != &object_volume_group)
		return true;
	for (i = 0; i < ARRAY_SIZE(others) && strcmp(others[i], field); i++)
		;
	return i < ARRAY_SIZE(others) || is_amount(field);
}

/* Words about how it is made, once. */
static __uint128_t said_once(const struct object *obj)
{
	if (obj == &object_uplink)
		return FIELD(rec_field(obj, "wait"));
	return obj == &object_volume ? FIELD(rec_field(obj, "resume")) |
					       FIELD(rec_field(obj, "record-new")) :
				       0;
}

/* Fields that the declaration has, and those that it does not have and thereby takes away. */
bool item_covers(const struct item *now, const struct item *want)
{
	const struct object *obj = want->rec->obj;
	__uint128_t had = now->rec->has, said = want->rec->has, counts = want->rec->has;
	char *a, *b;
	bool same;
	unsigned int i;

	for (i = 0; i < obj->nr_fields; i++) {
		if (absence_counts(obj, obj->fields[i].name))
			counts |= FIELD(i);
	}
	now->rec->has &= counts & ~said_once(obj);
	want->rec->has &= ~said_once(obj);
	a = rec_canon(now->rec, NULL);
	b = rec_canon(want->rec, NULL);
	now->rec->has = had;
	want->rec->has = said;
	same = !strcmp(a, b);
	free(a);
	free(b);
	return same;
}

static struct lh_table *table_new(const struct items *items, bool by_canon)
{
	struct lh_table *t = lh_kchar_table_new(items->nr * 2 + 16, NULL);
	size_t i;

	for (i = 0; t && i < items->nr; i++)
		lh_table_insert(t, by_canon ? items->v[i].canon : items->v[i].key, &items->v[i]);
	if (!t)
		abort();
	return t;
}

struct lh_table *items_table(const struct items *items)
{
	return table_new(items, false);
}

struct item *items_find(struct lh_table *t, const char *key)
{
	void *item = NULL;

	lh_table_lookup_ex(t, key, &item);
	return item;
}

struct item *item_find(const struct items *items, const char *key)
{
	size_t i;

	for (i = 0; i < items->nr; i++) {
		if (!strcmp(items->v[i].key, key))
			return &items->v[i];
	}
	return NULL;
}

/* Flows are the same if they match and do the same; a declared id must be the same too. */
static void match_flows(struct items *now, struct items *want)
{
	struct lh_table *t = table_new(now, true);
	struct item *have;
	size_t i;

	for (i = 0; i < want->nr; i++) {
		have = items_find(t, want->v[i].canon);
		if (!have || (want->v[i].id && want->v[i].id != have->id))
			continue;
		have->same = true;
		want->v[i].same = true;
	}
	lh_table_free(t);
}

/* It waits, and its VF is there to be had. (Another one than it has is another value.) */
static bool uplink_comes(const struct item *have, const struct item *want)
{
	return hold_waits(have) && hold_is_there(rec_text(want->rec, "dev"));
}

/* A burst goes with its limit: as long as that is the same, so is what is not said of it. */
static void burst_keep(const struct item *have, struct item *want, const char *limit,
		       const char *burst)
{
	const struct object *obj = want->rec->obj;

	if (rec_field(obj, limit) < 0 || !rec_has(want->rec, limit) || rec_has(want->rec, burst) ||
	    strcmp(rec_text(have->rec, limit), rec_text(want->rec, limit)))
		return;
	rec_set(want->rec, rec_field(obj, burst), rec_text(have->rec, burst));
}

/* All pairs of a port are meant by none: are they there? */
static bool assign_covers(const struct items *now, const struct item *want)
{
	const struct rec *r;
	bool any = false;
	size_t i;

	if (want->rec->obj != &object_assign || !rec_has(want->rec, "port") ||
	    rec_has(want->rec, "queue"))
		return false;
	for (i = 0; i < now->nr; i++) {
		r = now->v[i].rec;
		if (strcmp(rec_text(r, "port"), rec_text(want->rec, "port")))
			continue;
		if (rec_value(r, "cpu")->n != rec_value(want->rec, "cpu")->n)
			return false;
		any = true;
	}
	return any;
}

static void match_items(struct items *now, struct items *want)
{
	struct lh_table *t = items_table(now);
	struct item *have;
	size_t i;

	for (i = 0; i < want->nr; i++) {
		have = items_find(t, want->v[i].key);
		if (have)
			rekey_match(have, &want->v[i]);
		if (have && (want->v[i].rec->obj == &object_rate ||
			     want->v[i].rec->obj == &object_meter)) {
			burst_keep(have, &want->v[i], "bps", "burst");
			burst_keep(have, &want->v[i], "pps", "pburst");
		}
		if (!have)
			want->v[i].same = assign_covers(now, &want->v[i]);
		if (!have || !item_covers(have, &want->v[i]) || uplink_comes(have, &want->v[i]))
			continue;
		have->same = true;
		want->v[i].same = true;
	}
	lh_table_free(t);
}

static void flow_again(struct item *flow)
{
	flow->again |= flow->same;
	flow->same = false;
}

/* A meter that flows use cannot go: they go with it, and come back with what takes its place. */
static void match_meters(struct state *now, struct state *want)
{
	char name[32];
	size_t i, k;

	for (i = 0; i < now->sec[SEC_METER].nr; i++) {
		if (now->sec[SEC_METER].v[i].same)
			continue;
		snprintf(name, sizeof(name), "meter:%s,", now->sec[SEC_METER].v[i].key);
		for (k = 0; k < now->sec[SEC_FLOW].nr; k++) {
			if (strstr(now->sec[SEC_FLOW].v[k].canon, name))
				flow_again(&now->sec[SEC_FLOW].v[k]);
		}
		for (k = 0; k < want->sec[SEC_FLOW].nr; k++) {
			if (strstr(want->sec[SEC_FLOW].v[k].canon, name))
				flow_again(&want->sec[SEC_FLOW].v[k]);
		}
	}
}

/* --- what goes ------------------------------------------------------------------------------- */

static const int del_cmd[SECTIONS] = {
	[SEC_WORKER] = SLUICE_CMD_WORKER_DEL, [SEC_PORT] = SLUICE_CMD_PORT_DEL,
	[SEC_UPLINK] = SLUICE_CMD_PORT_DEL,   [SEC_WIRE] = SLUICE_CMD_WIRE_DEL,
	[SEC_GUARD] = SLUICE_CMD_GUARD_DEL,   [SEC_ACL] = SLUICE_CMD_ACL_DEL,
	[SEC_RATE] = SLUICE_CMD_RATE_DEL,     [SEC_METER] = SLUICE_CMD_METER_DEL,
	[SEC_FLOW] = SLUICE_CMD_FLOW_DEL,     [SEC_ACL_DEFAULT] = SLUICE_CMD_ACL_SET_DEFAULT,
	[SEC_VOLUME] = SLUICE_CMD_VOLUME_DEL,
	[SEC_VOLUME_GROUP] = SLUICE_CMD_VOLUME_GROUP_DEL,
};

/* Only the fields that name it. */
static bool item_del(enum section_nr nr, const struct item *item)
{
	struct nl_msg *msg = ctl_new(del_cmd[nr]);
	__uint128_t has = 0, had;
	unsigned int i;

	if (nr == SEC_FLOW) {
		nla_put_u32(msg, SLUICE_A_FLOW_ID, item->id);
		return change_add(nr, "remove", item, msg);
	}
	for (i = 0; i < ARRAY_SIZE(sections[nr].key) && sections[nr].key[i]; i++)
		has |= FIELD(rec_field(item->rec->obj, sections[nr].key[i]));
	had = item->rec->has;
	item->rec->has &= has;
	rec_put(msg, item->rec);
	item->rec->has = had;
	if (nr == SEC_ACL_DEFAULT)
		nla_put_u8(msg, SLUICE_A_ACL_VERDICT, SLUICE_VERDICT_ALLOW);
	return change_add(nr, "remove", item, msg);
}

/* Does the declaration name it, with other values? */
static bool replaced_in_place(enum section_nr nr)
{
	return nr == SEC_GUARD || nr == SEC_RATE || nr == SEC_ACL_DEFAULT || nr == SEC_PORT ||
	       nr == SEC_UPLINK || nr == SEC_WORKER || nr == SEC_VOLUME || nr == SEC_VOLUME_GROUP;
}

static bool section_del(enum section_nr nr, struct state *now, struct state *want)
{
	struct lh_table *t = nr == SEC_FLOW ? NULL : items_table(&want->sec[nr]);
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < now->sec[nr].nr; i++) {
		struct item *item = &now->sec[nr].v[i];

		if (item->same || item->later)
			continue;
		if (t && replaced_in_place(nr) && items_find(t, item->key))
			continue;
		ok = item_del(nr, item);
	}
	if (t)
		lh_table_free(t);
	return ok;
}

/* --- what comes ------------------------------------------------------------------------------ */

static bool item_add(enum section_nr nr, const struct item *item, int cmd)
{
	struct nl_msg *msg = ctl_new(cmd);
	struct rec *r = item->rec;

	if (!r) {
		r = rec_new(sections[nr].obj);
		rec_from_json(r, item->json, true);
		flow_imply(r);
	}
	if (rec_put(msg, r))
		complain("%s: too large for one message", sections[nr].obj->name);
	/* What is declared is there, be it that its VF is not. */
	if (nr == SEC_UPLINK && rec_has(r, "dev") && !rec_has(r, "wait"))
		nla_put_flag(msg, SLUICE_A_PORT_WAIT);
	if (cmd == SLUICE_CMD_VOLUME_ADD && !volume_put_key(msg, r)) {
		nlmsg_free(msg);
		return false;
	}
	if (cmd == SLUICE_CMD_VOLUME_SET && !volume_put_changes(msg, r))
		complain("volume %s: too large for one message", item->key);
	if (!item->rec)
		rec_free(r);
	return change_add(nr, "set", item, msg);
}

/* What is fixed when a port is made cannot be changed under a guest that uses it. */
bool queues_are(const struct item *have, const struct item *want)
{
	return !rec_has(want->rec, "queues") ||
	       !strcmp(rec_text(have->rec, "queues"), rec_text(want->rec, "queues"));
}

static bool port_fixed(const struct item *have, const struct item *want)
{
	/* Who is told what would be done is told that it would be made anew, too. */
	if (queues_are(have, want) || have->again)
		return true;
	complain("port %s: queues is %s, declared is %s, and that is fixed: -f makes it anew",
		 want->key, rec_text(have->rec, "queues"), rec_text(want->rec, "queues"));
	return false;
}

/* All that is declared but @fields (two, or NULL). */
static bool item_send(enum section_nr nr, const struct item *item, int cmd,
		      const char *const fields[2])
{
	__uint128_t has = item->rec->has;
	unsigned int i;
	bool ok;

	for (i = 0; i < 2 && fields[i]; i++)
		item->rec->has &= ~FIELD(rec_field(item->rec->obj, fields[i]));
	ok = item_add(nr, item, cmd);
	item->rec->has = has;
	return ok;
}

/* What the VF is to be asked for is said as a whole. */
static bool words_differ(const struct item *have, const struct item *want)
{
	static const char *const words[] = { "want-mac", "want-vlan", "no-promisc" };
	const struct object *obj = want->rec->obj;
	char *a, *b;
	bool differ = false;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words) && !differ; i++) {
		a = rec_field_text(have->rec, rec_field(obj, words[i]));
		b = rec_field_text(want->rec, rec_field(obj, words[i]));
		differ = strcmp(a, b);
		free(a);
		free(b);
	}
	return differ;
}

static bool uplink_set(const struct item *have, const struct item *want)
{
	static const char *const dev[] = { "dev", "wait" };
	struct nl_msg *msg;

	if (words_differ(have, want) && !item_send(SEC_UPLINK, want, SLUICE_CMD_UPLINK_SET, dev))
		return false;
	if (!rec_has(want->rec, "dev") ||
	    (!strcmp(rec_text(have->rec, "dev"), rec_text(want->rec, "dev")) &&
	     !uplink_comes(have, want)))
		return true;
	msg = ctl_new(SLUICE_CMD_UPLINK_SET);
	nla_put_string(msg, SLUICE_A_PORT_NAME, want->key);
	nla_put_string(msg, SLUICE_A_PORT_DEV, rec_text(want->rec, "dev"));
	nla_put_flag(msg, SLUICE_A_PORT_WAIT);
	return change_add(SEC_UPLINK, "set", want, msg);
}

static bool port_set(enum section_nr nr, const struct item *have, const struct item *want)
{
	static const char *const queues[] = { "queues", NULL };

	if (nr == SEC_UPLINK)
		return uplink_set(have, want);
	if (!port_fixed(have, want))
		return false;
	return item_send(nr, want, SLUICE_CMD_PORT_SET, queues);
}

/* With the old key it would be made anew as if it had not got another. */
static const char *volume_advice(const struct item *have, const char *field)
{
	if (strcmp(field, "key"))
		return "that is fixed: remove it first";
	if (rec_has(have->rec, "journal"))
		return "it is being re-encrypted: declare that when it is done, or key-before";
	return "if it was re-encrypted declare the key that it has, to do so key-before";
}

/* Of a volume limits, size, serial and record change. */
static bool volume_fixed(const struct item *have, const struct item *want)
{
	/* The first four are said by leaving them out, too. */
	static const char *const fixed[] = { "ro",    "key",	    "allow-discards", "integrity",
					     "dev",   "start",	    "block-size",     "queues",
					     "sector-size", "iv-offset" };
	const char *was;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (i >= 4 && !rec_has(want->rec, fixed[i]))
			continue;
		was = rec_text(have->rec, fixed[i]);
		if (!strcmp(was, rec_text(want->rec, fixed[i])))
			continue;
		complain("volume %s: %s is %s, declared is %s, and %s", want->key, fixed[i],
			 *was ? was : "not set",
			 rec_has(want->rec, fixed[i]) ? rec_text(want->rec, fixed[i]) : "none",
			 volume_advice(have, fixed[i]));
		return false;
	}
	return true;
}

/* It would be the end of what the volume has, at each boot. */
static bool volume_wipes(const struct item *want)
{
	if (!rec_has(want->rec, "wipe"))
		return false;
	complain("volume %s: 'wipe' is no part of a state: say it once, to 'sluice volume add'",
		 want->key);
	return true;
}

/* What is not fixed of a volume; of a group all is of that kind. */
static bool changes_live(const struct field *f)
{
	return f->codec == &codec_rate || f->codec == &codec_group || f->codec == &codec_serial ||
	       f->codec == &codec_switch ||
	       !strcmp(f->name, "size") || !strcmp(f->name, "iops-unit");
}

const char *record_start(const struct rec *r)
{
	return rec_has(r, "record-start") ? rec_text(r, "record-start") : "0";
}

/* Its place is said as a whole. What is not declared stays as it is. */
static void record_move(struct rec *r, const struct rec *have, const struct rec *want)
{
	static const char *const rest[] = { "record-start", "record-new", "resume" };
	const char *device = rec_text(rec_has(want, "record") ? want : have, "record");
	unsigned int i;

	if (!rec_has(want, "record") && !rec_has(want, "record-start"))
		return;
	if (!strcmp(device, rec_text(have, "record")) &&
	    (!rec_has(want, "record-start") || !strcmp(record_start(want), record_start(have))))
		return;
	rec_set(r, rec_field(r->obj, "record"), device);
	for (i = 0; i < ARRAY_SIZE(rest); i++) {
		if (rec_has(want, rest[i]))
			rec_set(r, rec_field(r->obj, rest[i]), rec_text(want, rest[i]));
	}
}

/* @nr: of volumes, or of groups. */
static bool limits_set(enum section_nr nr, int cmd, const struct item *have,
		       const struct item *want)
{
	struct rec *r = rec_new(sections[nr].obj);
	struct item set = *want;
	unsigned int i;
	bool ok;

	rec_set(r, rec_field(r->obj, "name"), want->key);
	for (i = 0; i < r->obj->nr_fields; i++) {
		const struct field *f = &r->obj->fields[i];

		if (!changes_live(f))
			continue;
		if (rec_has(want->rec, f->name))
			rec_set(r, i, rec_text(want->rec, f->name));
		else if (rec_has(have->rec, f->name) && f->codec == &codec_group)
			rec_set(r, i, "none");
		else if (rec_has(have->rec, f->name) && f->codec == &codec_switch)
			rec_set(r, i, "off");
		else if (rec_has(have->rec, f->name) && is_amount(f->name))
			rec_set(r, i, "0");
	}
	if (nr == SEC_VOLUME)
		record_move(r, have->rec, want->rec);
	if (rec_has(want->rec, "integrity") && !volume_record_sound(r)) {
		rec_free(r);
		return false;
	}
	set.rec = r;
	ok = item_add(nr, &set, cmd);
	changes[nr_changes - 1].item = want;
	rec_free(r);
	return ok;
}

static bool volume_set(const struct item *have, const struct item *want)
{
	return volume_fixed(have, want) &&
	       limits_set(SEC_VOLUME, SLUICE_CMD_VOLUME_SET, have, want);
}

static const int add_cmd[SECTIONS] = {
	[SEC_VOLUME_MODE] = SLUICE_CMD_VOLUME_MODE_SET,
	[SEC_VOLUME] = SLUICE_CMD_VOLUME_ADD,
	[SEC_VOLUME_GROUP] = SLUICE_CMD_VOLUME_GROUP_ADD,
	[SEC_WORKER] = SLUICE_CMD_WORKER_ADD, [SEC_PORT] = SLUICE_CMD_PORT_ADD,
	[SEC_UPLINK] = SLUICE_CMD_UPLINK_ADD, [SEC_ASSIGN] = SLUICE_CMD_WORKER_ASSIGN,
	[SEC_WIRE] = SLUICE_CMD_WIRE_ADD,     [SEC_GUARD] = SLUICE_CMD_GUARD_SET,
	[SEC_ACL] = SLUICE_CMD_ACL_ADD,	      [SEC_ACL_DEFAULT] = SLUICE_CMD_ACL_SET_DEFAULT,
	[SEC_RATE] = SLUICE_CMD_RATE_SET,     [SEC_METER] = SLUICE_CMD_METER_ADD,
	[SEC_FLOW] = SLUICE_CMD_FLOW_ADD,
};

static bool item_make(enum section_nr nr, const struct item *item)
{
	if ((nr == SEC_UPLINK || nr == SEC_VOLUME) &&
	    !command_complete(sections[nr].add[0], sections[nr].add[1], item->rec)) {
		item_blame(nr, item->json);
		return false;
	}
	return item_add(nr, item, add_cmd[nr]);
}

static bool section_add(enum section_nr nr, struct state *now, struct state *want)
{
	struct lh_table *t = nr == SEC_FLOW ? NULL : items_table(&now->sec[nr]);
	struct item *item, *have;
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < want->sec[nr].nr; i++) {
		item = &want->sec[nr].v[i];
		if (item->same || item->later || item->held || nr == SEC_FLOW)
			continue;
		have = items_find(t, item->key);
		if (nr == SEC_VOLUME && volume_wipes(item))
			ok = false;
		else if (have && (nr == SEC_PORT || nr == SEC_UPLINK))
			ok = port_set(nr, have, item);
		else if (have && nr == SEC_VOLUME)
			ok = volume_set(have, item);
		else if (have && nr == SEC_VOLUME_GROUP)
			ok = limits_set(nr, SLUICE_CMD_VOLUME_GROUP_SET, have, item);
		else if (have && nr == SEC_WORKER)
			ok = item_add(nr, item, SLUICE_CMD_WORKER_SET);
		else
			ok = item_make(nr, item);
	}
	if (t)
		lh_table_free(t);
	return ok;
}

/* Those that have an id come first, lest the kernel gives it to one of the others. */
static bool flows_add(struct state *want)
{
	struct items *items = &want->sec[SEC_FLOW];
	bool ok = true;
	unsigned int with_id;
	size_t i;

	for (with_id = 2; with_id-- > 0;) {
		for (i = 0; ok && i < items->nr; i++) {
			if (!items->v[i].same && !items->v[i].later && !items->v[i].held &&
			    !!items->v[i].id == with_id)
				ok = item_add(SEC_FLOW, &items->v[i], SLUICE_CMD_FLOW_ADD);
		}
	}
	return ok;
}

/* --- all of it ------------------------------------------------------------------------------- */

/* What a declaration does not speak of is left alone. */
static void leave_alone(struct items *now)
{
	size_t i;

	for (i = 0; i < now->nr; i++)
		now->v[i].same = true;
}

void state_match(struct state *now, struct state *want)
{
	enum section_nr nr;

	for (nr = 0; nr < SEC_FLOW; nr++)
		match_items(&now->sec[nr], &want->sec[nr]);
	match_flows(&now->sec[SEC_FLOW], &want->sec[SEC_FLOW]);
	if (want->scope[SEC_FLOW] && want->scope[SEC_METER])
		match_meters(now, want);
	for (nr = 0; nr < SECTIONS; nr++) {
		if (!want->scope[nr])
			leave_alone(&now->sec[nr]);
	}
}

static bool send_all(struct state *now, struct state *want)
{
	static const enum section_nr going[] = { SEC_FLOW,	  SEC_WIRE,  SEC_ACL,
						 SEC_ACL_DEFAULT, SEC_GUARD, SEC_RATE,
						 SEC_METER,	  SEC_PORT,  SEC_UPLINK,
						 SEC_VOLUME };
	static const enum section_nr coming[] = { SEC_WORKER, SEC_VOLUME_MODE, SEC_VOLUME_GROUP,
						  SEC_VOLUME, SEC_PORT,	       SEC_UPLINK,
						  SEC_ASSIGN, SEC_WIRE,	       SEC_GUARD,
						  SEC_ACL_DEFAULT, SEC_ACL,    SEC_RATE,
						  SEC_METER };
	/* When nothing is with them any more. */
	static const enum section_nr last[] = { SEC_WORKER, SEC_VOLUME_GROUP };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(going); i++) {
		if (!section_del(going[i], now, want))
			return false;
	}
	for (i = 0; i < ARRAY_SIZE(coming); i++) {
		if (!section_add(coming[i], now, want))
			return false;
	}
	if (!flows_add(want))
		return false;
	for (i = 0; i < ARRAY_SIZE(last); i++) {
		if (!section_del(last[i], now, want))
			return false;
	}
	return true;
}

static bool send_txn(struct state *now, struct state *want)
{
	if (!ctl_txn_begin())
		return false;
	if (!send_all(now, want)) {
		ctl_txn_abort(change_text, NULL);
		return false;
	}
	if (!nr_changes) {
		ctl_txn_abort(NULL, NULL);
		return true;
	}
	return ctl_txn_commit(change_text, NULL);
}

/* For the last line: what it was, and what became of it. */
static void sent(struct state *s, bool ok)
{
	enum section_nr nr;
	struct item *item;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < s->sec[nr].nr; i++) {
			item = &s->sec[nr].v[i];
			if (item->later)
				continue;
			item->sent = true;
			item->held |= !ok && !item->same;
		}
	}
}

bool state_send(struct state *now, struct state *want)
{
	bool ok;

	nr_changes = 0;
	dry = want->dry;
	ok = dry ? send_all(now, want) : send_txn(now, want);
	sent(now, ok);
	sent(want, ok);
	return ok;
}

void state_forget(void)
{
	free(changes);
	changes = NULL;
	nr_changes = 0;
	room_changes = 0;
}
