// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is not to be done now, or not at all: what somebody uses does not go unless that is said;
 * an uplink waits for its VF (the kernel keeps it, and all that is about it); and what is about a
 * port that is neither there nor declared can only be left out.
 */
#include <json-c/linkhash.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "state.h"

/* --- what an item is about ------------------------------------------------------------------- */

/* Out of a flow's canonical text: the value of a field; NULL if it has none. */
static const char *flow_in(const struct item *flow)
{
	static char name[64];
	const char *at;
	char start[16];

	snprintf(start, sizeof(start), ",%d=", rec_field(&object_flow, "in"));
	at = strstr(flow->canon, start);
	if (!at)
		return NULL;
	at += strlen(start);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, ","), at);
	return name;
}

/* Its own text, which lasts as long as it does: whoever goes through wires looks at many. */
static const char *item_name(const struct item *item, const char *field)
{
	return (const char *)rec_value(item->rec, field)->bytes;
}

void item_ports(enum section_nr nr, const struct item *item, const char *ports[2])
{
	const char *first = nr == SEC_WIRE ? "a" : "port";

	ports[0] = NULL;
	ports[1] = NULL;
	if (nr == SEC_FLOW) {
		ports[0] = flow_in(item);
	} else if (nr != SEC_PORT && nr != SEC_UPLINK) {
		ports[0] = rec_has(item->rec, first) ? item_name(item, first) : NULL;
		ports[1] = nr == SEC_WIRE ? item_name(item, "b") : NULL;
	}
}

bool item_is_about(enum section_nr nr, const struct item *item, const char *name)
{
	const char *ports[2];

	item_ports(nr, item, ports);
	return (ports[0] && !strcmp(ports[0], name)) || (ports[1] && !strcmp(ports[1], name));
}

bool item_outputs(const struct item *flow, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "output:%s,", name);
	return strstr(flow->canon, text);
}

/* --- what somebody uses ---------------------------------------------------------------------- */

/* What it is to somebody; NULL: nobody uses it. */
static const char *use_of(enum section_nr nr, const struct item *item)
{
	if (nr == SEC_VOLUME && rec_has(item->rec, "claimed"))
		return "claimed";
	if (nr != SEC_PORT && nr != SEC_VOLUME)
		return NULL;
	if (queues_attached(item->rec))
		return "attached";
	/* A guest that boots has no ring. */
	return rec_has(item->rec, "claimed") ? "claimed" : NULL;
}

/* The other end of a wire of that port's; NULL: it is none of its. */
static const char *other_end(const struct item *wire, const char *name)
{
	const char *ends[2];

	item_ports(SEC_WIRE, wire, ends);
	if (!strcmp(ends[0], name))
		return ends[1];
	return strcmp(ends[1], name) ? NULL : ends[0];
}

/* A port or an uplink; @nr: NULL, or what it is. */
static struct item *find_port(const struct state *s, const char *key, enum section_nr *nr)
{
	struct item *item = item_find(&s->sec[SEC_PORT], key);
	enum section_nr kind = item ? SEC_PORT : SEC_UPLINK;

	if (!item)
		item = item_find(&s->sec[SEC_UPLINK], key);
	if (nr)
		*nr = kind;
	return item;
}

/* Is a wire of that port's declared that can be? */
static bool gets_wire(const struct state *now, const struct state *want, const char *name)
{
	const struct items *wires = &want->sec[SEC_WIRE];
	const char *other;
	size_t i;

	for (i = 0; i < wires->nr; i++) {
		other = other_end(&wires->v[i], name);
		if (other && (find_port(want, other, NULL) || find_port(now, other, NULL)))
			return true;
	}
	return false;
}

/* A port that somebody uses, that stays, and that would be on the host's stack without this one. */
static const char *wired_user(const struct state *now, const struct state *want, const char *name)
{
	const struct items *wires = &now->sec[SEC_WIRE];
	const struct item *port;
	const char *other;
	size_t i;

	for (i = 0; i < wires->nr; i++) {
		other = other_end(&wires->v[i], name);
		port = other ? item_find(&now->sec[SEC_PORT], other) : NULL;
		if (port && use_of(SEC_PORT, port) && !gets_wire(now, want, other))
			return port->key;
	}
	return NULL;
}

/* Of what would go: why it does not go as it is; NULL: nothing speaks against it. */
static const char *may_not_go(enum section_nr nr, const struct state *now,
			      const struct state *want, const struct item *item)
{
	static char text[128];
	const char *use = use_of(nr, item), *user;

	if (use || nr == SEC_VOLUME)
		return use;
	user = wired_user(now, want, item->key);
	if (user)
		snprintf(text, sizeof(text), "the other end of the wire of %s, which somebody has",
			 user);
	return user ? text : NULL;
}

/* Of this section, those that would go, one after the other. */
static struct item *next_used(enum section_nr nr, const struct state *now,
			      const struct state *want, size_t *i)
{
	struct lh_table *t = items_table(&want->sec[nr]);
	struct item *found = NULL;

	for (; want->scope[nr] && !found && *i < now->sec[nr].nr; (*i)++) {
		if (!items_find(t, now->sec[nr].v[*i].key) &&
		    may_not_go(nr, now, want, &now->sec[nr].v[*i]))
			found = &now->sec[nr].v[*i];
	}
	lh_table_free(t);
	return found;
}

bool hold_may_go(const struct state *now, const struct state *want)
{
	static const enum section_nr used[] = { SEC_PORT, SEC_UPLINK, SEC_VOLUME };
	const struct item *item;
	unsigned int k, nr = 0;
	size_t i;

	for (k = 0; k < ARRAY_SIZE(used); k++) {
		for (i = 0; (item = next_used(used[k], now, want, &i)); nr++)
			complain("%s %s is %s, and would be removed: %s",
				 sections[used[k]].obj->name, item->key,
				 may_not_go(used[k], now, want, item),
				 used[k] == SEC_VOLUME ? "take it from its guest first" :
							 "that takes -f");
	}
	return !nr;
}

static void keep_meters(struct state *now, const struct item *flow)
{
	struct item *meter;
	char text[32];
	size_t i;

	for (i = 0; i < now->sec[SEC_METER].nr; i++) {
		meter = &now->sec[SEC_METER].v[i];
		snprintf(text, sizeof(text), "meter:%s,", meter->key);
		if (strstr(flow->canon, text))
			meter->same = true;
	}
}

static unsigned int keep_port(struct state *now, const struct state *want, const char *name);

/* One that stays keeps all that is about it, and its wire's other end, unless that is declared. */
static unsigned int keep_about(struct state *now, const struct state *want, const char *name)
{
	struct lh_table *t;
	unsigned int kept = 0;
	enum section_nr nr;
	struct item *item;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		t = nr == SEC_FLOW ? NULL : items_table(&want->sec[nr]);
		for (i = 0; i < now->sec[nr].nr; i++) {
			item = &now->sec[nr].v[i];
			if (!(item_is_about(nr, item, name) ||
			      (nr == SEC_FLOW && item_outputs(item, name))) ||
			    (t && items_find(t, item->key)))
				continue;
			item->same = true;
			if (nr == SEC_FLOW)
				keep_meters(now, item);
			if (nr == SEC_WIRE)
				kept += keep_port(now, want, other_end(item, name));
		}
		if (t)
			lh_table_free(t);
	}
	return kept;
}

/* Return: how many stay by that. */
static unsigned int keep_port(struct state *now, const struct state *want, const char *name)
{
	enum section_nr nr;
	struct item *port = find_port(now, name, &nr);

	if (!port || port->same || !want->scope[nr] || item_find(&want->sec[nr], port->key))
		return 0;
	complain("%s %s stays: it is %s, and removing it takes -f", sections[nr].obj->name,
		 port->key, may_not_go(nr, now, want, port) ?: "wired to one that stays");
	port->same = true;
	return 1 + keep_about(now, want, port->key);
}

/* The other end would be on the host's stack. One that is there already stays as it is. */
static bool hold_other_end(const struct state *now, struct state *want, const char *name)
{
	struct item *item = find_port(now, name, NULL) ? NULL : find_port(want, name, NULL);

	if (!item || item->held)
		return false;
	complain("%s is held back: its wire has no other end", name);
	item->held = true;
	return true;
}

/* A wire that is declared cannot be beside one that stays. */
static unsigned int wires_collide(const struct state *now, struct state *want)
{
	const struct items *wires = &now->sec[SEC_WIRE];
	unsigned int nr = 0;
	const char *ends[2];
	struct item *wire;
	size_t i, k;

	for (k = 0; k < want->sec[SEC_WIRE].nr; k++) {
		wire = &want->sec[SEC_WIRE].v[k];
		item_ports(SEC_WIRE, wire, ends);
		for (i = 0; i < wires->nr && !wire->held; i++) {
			if (!wires->v[i].same || !strcmp(wires->v[i].key, wire->key) ||
			    !(other_end(&wires->v[i], ends[0]) || other_end(&wires->v[i], ends[1])))
				continue;
			complain("wire %s is held back: wire %s stays", wire->key,
				 wires->v[i].key);
			wire->held = true;
			hold_other_end(now, want, ends[0]);
			hold_other_end(now, want, ends[1]);
			nr++;
		}
	}
	return nr;
}

/* Nor can a meter or a flow that has the number of one that stays. */
static unsigned int numbers_collide(const struct state *now, struct state *want)
{
	const struct items *meters = &now->sec[SEC_METER], *flows = &now->sec[SEC_FLOW];
	struct item *item;
	unsigned int nr = 0;
	size_t i, k;

	for (i = 0; i < meters->nr; i++) {
		item = item_find(&want->sec[SEC_METER], meters->v[i].key);
		if (!meters->v[i].same || !item || item_covers(&meters->v[i], item))
			continue;
		complain("meter %s stays as it is: a port that stays has flows with it", item->key);
		item->held = true;
		nr++;
	}
	for (i = 0; i < flows->nr; i++) {
		for (k = 0; flows->v[i].same && k < want->sec[SEC_FLOW].nr; k++) {
			item = &want->sec[SEC_FLOW].v[k];
			if (item->id != flows->v[i].id || !strcmp(flows->v[i].canon, item->canon))
				continue;
			complain("flow %u is held back: the one of that id stays, with its port",
				 item->id);
			item->held = true;
			nr++;
		}
	}
	return nr;
}

unsigned int hold_keep(struct state *now, struct state *want)
{
	static const enum section_nr kinds[] = { SEC_PORT, SEC_UPLINK };
	unsigned int kept = 0, k;
	struct item *port;
	size_t i;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (i = 0; (port = next_used(kinds[k], now, want, &i));)
			kept += keep_port(now, want, port->key);
	}
	return kept ? kept + wires_collide(now, want) + numbers_collide(now, want) : 0;
}

/* --- what waits ------------------------------------------------------------------------------ */

/* One that is in a bridge, or another uplink's, is not to be had. */
bool hold_is_there(const char *dev)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%s/master", dev);
	return *dev && if_nametoindex(dev) && access(path, F_OK);
}

bool hold_waits(const struct item *uplink)
{
	return rec_has(uplink->rec, "waits-for");
}

/* For which device the declared uplink waits, with @have there, or NULL. NULL: for none. */
static const char *waits_for(const struct item *uplink, const struct item *have)
{
	const char *dev = rec_text(uplink->rec, "dev");

	if (have && !hold_waits(have))
		return NULL;
	if (!*dev && have)
		dev = rec_text(have->rec, "dev");
	return !*dev || hold_is_there(dev) ? NULL : dev;
}

/* It has a device, and another one is declared that is not to be had: it keeps the one. */
static bool keeps_device(struct item *uplink, const struct item *have)
{
	const char *dev = rec_text(uplink->rec, "dev"), *has;

	if (!have || hold_waits(have) || !*dev || hold_is_there(dev))
		return false;
	has = rec_text(have->rec, "dev");
	if (!strcmp(dev, has))
		return false;
	complain("uplink %s stays on %s: %s is not to be had", uplink->key, has, dev);
	rec_set(uplink->rec, rec_field(uplink->rec->obj, "dev"), has);
	return true;
}

unsigned int hold_tell_waiting(const struct state *now, struct state *want)
{
	const struct items *uplinks = &want->sec[SEC_UPLINK];
	struct lh_table *t = items_table(&now->sec[SEC_UPLINK]);
	unsigned int nr = 0;
	struct item *have;
	const char *dev;
	size_t i;

	for (i = 0; i < uplinks->nr; i++) {
		have = items_find(t, uplinks->v[i].key);
		nr += keeps_device(&uplinks->v[i], have);
		dev = waits_for(&uplinks->v[i], have);
		if (!dev)
			continue;
		complain("uplink %s waits for its device %s", uplinks->v[i].key, dev);
		nr++;
	}
	lh_table_free(t);
	return nr;
}

/* --- what is fixed --------------------------------------------------------------------------- */

static void fixed_say(const struct item *have, const struct item *want)
{
	complain("port %s stays as it is: queues is %s, declared is %s; -f makes it anew",
		 want->key, rec_text(have->rec, "queues"), rec_text(want->rec, "queues"));
}

/* What is fixed is declared as it is. */
unsigned int hold_fixed(const struct state *now, struct state *want, bool say)
{
	struct lh_table *t = items_table(&now->sec[SEC_PORT]);
	unsigned int kept = 0;
	struct item *have, *item;
	size_t i;

	for (i = 0; i < want->sec[SEC_PORT].nr; i++) {
		item = &want->sec[SEC_PORT].v[i];
		have = items_find(t, item->key);
		if (!have || have->again || queues_are(have, item))
			continue;
		if (say)
			fixed_say(have, item);
		rec_set(item->rec, rec_field(item->rec->obj, "queues"),
			rec_text(have->rec, "queues"));
		kept++;
	}
	lh_table_free(t);
	return kept;
}

/* --- what is about nothing ------------------------------------------------------------------- */

/* Ports that will be there: what is not declared goes with its section. */
static struct lh_table *ports_there(const struct state *now, const struct state *want)
{
	static const enum section_nr kinds[] = { SEC_PORT, SEC_UPLINK };
	struct lh_table *there = lh_kchar_table_new(256, NULL);
	const struct item *item;
	enum section_nr nr;
	unsigned int k;
	size_t i;

	for (k = 0; there && k < ARRAY_SIZE(kinds); k++) {
		nr = kinds[k];
		for (i = 0; i < now->sec[nr].nr; i++) {
			item = &now->sec[nr].v[i];
			if (!want->scope[nr] || item->same)
				lh_table_insert(there, item->key, item);
		}
		for (i = 0; i < want->sec[nr].nr; i++) {
			item = &want->sec[nr].v[i];
			if (!item->held)
				lh_table_insert(there, item->key, item);
		}
	}
	if (!there)
		abort();
	return there;
}

static void leave_out(enum section_nr nr, struct item *item, const char *port)
{
	complain("left out: there is no port or uplink '%s', and none is declared", port);
	item_blame(nr, item->json);
	item->held = true;
}

/* Who has a wire keeps it, rather than be without any. */
static void keep_wire(struct state *now, const char *name)
{
	size_t i;

	for (i = 0; i < now->sec[SEC_WIRE].nr; i++) {
		if (other_end(&now->sec[SEC_WIRE].v[i], name))
			now->sec[SEC_WIRE].v[i].same = true;
	}
}

/* Return: is another port missing now? */
static bool wires_end(struct state *now, struct state *want, struct lh_table *there,
		      unsigned int *nr)
{
	struct items *wires = &want->sec[SEC_WIRE];
	const char *ends[2], *missing;
	bool more = false;
	size_t i;

	for (i = 0; i < wires->nr; i++) {
		item_ports(SEC_WIRE, &wires->v[i], ends);
		if (wires->v[i].held || (items_find(there, ends[0]) && items_find(there, ends[1])))
			continue;
		missing = items_find(there, ends[0]) ? ends[1] : ends[0];
		/* With a port that is held back. */
		if (find_port(want, missing, NULL)) {
			wires->v[i].held = true;
			more |= hold_other_end(now, want, missing == ends[0] ? ends[1] : ends[0]);
			continue;
		}
		leave_out(SEC_WIRE, &wires->v[i], missing);
		(*nr)++;
		missing = missing == ends[0] ? ends[1] : ends[0];
		keep_wire(now, missing);
		more |= hold_other_end(now, want, missing);
	}
	return more;
}

/* Outputs that are not there are as if their ports had gone. Return: are there any? */
static bool outputs_gone(struct lh_table *there, struct item *flow)
{
	struct rec *r = rec_new(&object_flow);
	struct value *list;
	unsigned int i;
	bool gone = false;
	char name[64];

	rec_from_json(r, flow->json, true);
	flow_imply(r);
	list = rec_value(r, "actions");
	for (i = 0; i < list->nr; i++) {
		if (list->item[i].act != SLUICE_A_ACT_OUTPUT)
			continue;
		codec_name.format(&list->item[i], name, sizeof(name));
		if (items_find(there, name))
			continue;
		complain("a flow drops what is for '%s': no such port is there or declared",
			 name);
		item_blame(SEC_FLOW, flow->json);
		memset(&list->item[i], 0, sizeof(list->item[i]));
		list->item[i].act = SLUICE_A_ACT_IFINDEX;
		gone = true;
	}
	if (gone) {
		free(flow->canon);
		flow->canon = rec_canon(r, "id");
		json_object_put(flow->json);
		flow->json = rec_to_json(r, true);
	}
	rec_free(r);
	return gone;
}

/* @late: how many wait with a port that is held back */
static unsigned int items_about_nothing(struct lh_table *there, struct state *want,
					unsigned int *late)
{
	unsigned int nr, left = 0, k;
	const char *ports[2];
	struct item *item;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < want->sec[nr].nr; i++) {
			item = &want->sec[nr].v[i];
			item_ports(nr, item, ports);
			for (k = 0; k < 2 && ports[k] && !item->held; k++) {
				if (items_find(there, ports[k]))
					continue;
				if (find_port(want, ports[k], NULL)) {
					item->held = true;
					(*late)++;
					continue;
				}
				leave_out(nr, item, ports[k]);
				left++;
			}
			if (nr == SEC_FLOW && !item->held && strstr(item->canon, "output:"))
				left += outputs_gone(there, item);
		}
	}
	return left;
}

unsigned int hold_about_nothing(struct state *now, struct state *want, unsigned int *late)
{
	struct lh_table *there = ports_there(now, want);
	unsigned int nr = 0;

	while (wires_end(now, want, there, &nr)) {
		lh_table_free(there);
		there = ports_there(now, want);
	}
	nr += items_about_nothing(there, want, late);
	lh_table_free(there);
	return nr;
}
