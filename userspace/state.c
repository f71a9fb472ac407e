// SPDX-License-Identifier: GPL-2.0-only
/* Whole states: collecting what is there, and writing it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "state.h"

/* How often what changed while it was read is read again. */
#define COLLECT_TRIES 5

const struct section sections[SECTIONS] = {
	[SEC_WORKER] = { &object_worker, { "cpu" }, { "worker", "add" } },
	[SEC_VOLUME_MODE] = { &object_volume_mode, { NULL }, { "volume", "mode" } },
	[SEC_VOLUME_GROUP] = { &object_volume_group, { "name" }, { "volume-group", "add" } },
	[SEC_VOLUME] = { &object_volume, { "name" }, { "volume", "add" } },
	[SEC_PORT] = { &object_port, { "name" }, { "port", "add" } },
	[SEC_UPLINK] = { &object_uplink, { "name" }, { "uplink", "add" } },
	[SEC_ASSIGN] = { &object_assign, { "port", "volume", "queue" }, { "worker", "assign" } },
	[SEC_WIRE] = { &object_wire, { "a", "b" }, { "wire", "add" } },
	[SEC_GUARD] = { &object_guard, { "port" }, { "guard", "set" } },
	[SEC_ACL_DEFAULT] = { &object_acl_default, { "port", "dir" }, { "acl", "default" } },
	[SEC_ACL] = { &object_acl, { "port", "dir", "prio" }, { "acl", "add" } },
	[SEC_RATE] = { &object_rate, { "port", "dir" }, { "rate", "set" } },
	[SEC_METER] = { &object_meter, { "id" }, { "meter", "add" } },
	[SEC_FLOW] = { &object_flow, { NULL }, { "flow", "add" } },
};

/* --- items ----------------------------------------------------------------------------------- */

/* A wire has two ends, and no first one. */
static void wire_settle(struct rec *wire)
{
	struct value swap = wire->v[0];

	if (strcmp(rec_text(wire, "a"), rec_text(wire, "b")) <= 0)
		return;
	wire->v[0] = wire->v[1];
	wire->v[1] = swap;
}

static char *item_key(enum section_nr nr, const struct rec *r)
{
	const char *const *key = sections[nr].key;
	const char *a = key[0] ? rec_text(r, key[0]) : "", *b = key[1] ? rec_text(r, key[1]) : "";
	const char *c = key[2] ? rec_text(r, key[2]) : "";
	char *text;

	text = xcalloc(1, strlen(a) + strlen(b) + strlen(c) + 3);
	sprintf(text, "%s%s%s%s%s", a, *b ? " " : "", b, *c ? " " : "", c);
	return text;
}

struct item *state_add(struct state *s, enum section_nr nr, struct rec *r, struct json_object *json)
{
	struct items *items = &s->sec[nr];
	struct item *item;

	if (items->nr == items->room) {
		items->room = items->room ? 2 * items->room : 64;
		items->v = realloc(items->v, items->room * sizeof(*items->v));
		if (!items->v)
			abort();
	}
	item = &items->v[items->nr++];
	memset(item, 0, sizeof(*item));
	item->json = json;
	if (nr == SEC_WIRE)
		wire_settle(r);
	if (nr == SEC_FLOW) {
		item->canon = rec_canon(r, "id");
		item->id = rec_has(r, "id") ? rec_value(r, "id")->n : 0;
		rec_free(r);
	} else {
		item->key = item_key(nr, r);
		item->rec = r;
	}
	return item;
}

void state_free(struct state *s)
{
	unsigned int nr;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < s->sec[nr].nr; i++) {
			struct item *item = &s->sec[nr].v[i];

			free(item->key);
			free(item->canon);
			rec_free(item->rec);
			rec_free(item->rekey);
			free(item->before);
			json_object_put(item->json);
		}
		free(s->sec[nr].v);
	}
	memset(s, 0, sizeof(*s));
}

/* --- what is there --------------------------------------------------------------------------- */

static void collect(struct state *s, enum section_nr nr, struct rec *r)
{
	state_add(s, nr, r, rec_to_json(r, true));
}

static void worker_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_worker);

	/* One that came by itself is nobody's demand. */
	if (rec_get(r, attrs, len) && !rec_has(r, "automatic"))
		collect(arg, SEC_WORKER, r);
	else
		rec_free(r);
}

static bool worker_known(const struct state *s, uint64_t cpu)
{
	size_t i;

	for (i = 0; i < s->sec[SEC_WORKER].nr; i++) {
		if (rec_value(s->sec[SEC_WORKER].v[i].rec, "cpu")->n == cpu)
			return true;
	}
	return false;
}

/* @noun: port or volume */
static void assign_seen(struct state *s, const char *noun, const char *name,
			const struct value *queue, uint64_t cpu)
{
	struct rec *r;
	char text[24];

	if (!worker_known(s, cpu))
		return;
	r = rec_new(&object_assign);
	rec_set(r, rec_field(r->obj, noun), name);
	if (queue) {
		snprintf(text, sizeof(text), "%u", (unsigned int)queue->n);
		rec_set(r, rec_field(r->obj, "queue"), text);
	}
	snprintf(text, sizeof(text), "%u", (unsigned int)cpu);
	rec_set(r, rec_field(r->obj, "cpu"), text);
	collect(s, SEC_ASSIGN, r);
}

/* Both queues of a pair are served by the same worker, so one says it. */
static void guest_assigned(struct state *s, const struct rec *port)
{
	const struct value *list = rec_value(port, "queue");
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		const struct rec *q = list->rec[i];

		if (rec_has(q, "cpu") && rec_value(q, "dir")->n == SLUICE_DIRECTION_FROM_GUEST)
			assign_seen(s, "port", rec_text(port, "name"), rec_value(q, "pair"),
				    rec_value(q, "cpu")->n);
	}
}

static void wired(struct state *s, const struct rec *port)
{
	struct rec *wire;

	if (!rec_has(port, "wire") || strcmp(rec_text(port, "name"), rec_text(port, "wire")) > 0)
		return;
	wire = rec_new(&object_wire);
	rec_set(wire, 0, rec_text(port, "name"));
	rec_set(wire, 1, rec_text(port, "wire"));
	collect(s, SEC_WIRE, wire);
}

/* What the netdev is, and what an uplink waits for, is declared like the rest. */
static void port_imply(struct rec *r)
{
	rec_set(r, rec_field(r->obj, "link"), rec_has(r, "down") ? "down" : "up");
	if (rec_has(r, "waits-for"))
		rec_set(r, rec_field(r->obj, "dev"), rec_text(r, "waits-for"));
}

static void port_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *guest = rec_new(&object_port), *uplink = rec_new(&object_uplink);
	struct state *s = arg;

	if (!rec_get(guest, attrs, len) || !rec_get(uplink, attrs, len)) {
		rec_free(guest);
		rec_free(uplink);
		return;
	}
	wired(s, guest);
	port_imply(guest);
	port_imply(uplink);
	if (rec_value(guest, "kind")->n == SLUICE_KIND_GUEST) {
		guest_assigned(s, guest);
		collect(s, SEC_PORT, guest);
		rec_free(uplink);
	} else {
		if (rec_has(uplink, "cpu"))
			assign_seen(s, "port", rec_text(uplink, "name"), NULL,
				    rec_value(uplink, "cpu")->n);
		collect(s, SEC_UPLINK, uplink);
		rec_free(guest);
	}
}

static void volume_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_volume);
	const struct value *list = rec_value(r, "queue");
	unsigned int i;

	/* One that ends is none any more; the kernel says so to who makes one of that name. */
	if (!rec_get(r, attrs, len) || rec_has(r, "ending")) {
		rec_free(r);
		return;
	}
	/* Otherwise it would be refused where it has to be made. */
	if (rec_has(r, "unresolved"))
		rec_set(r, rec_field(r->obj, "resume"), "true");
	for (i = 0; i < list->nr; i++)
		assign_seen(arg, "volume", rec_text(r, "name"), rec_value(list->rec[i], "index"),
			    rec_value(list->rec[i], "cpu")->n);
	collect(arg, SEC_VOLUME, r);
}

static void acl_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *rule = rec_new(&object_acl), *def = rec_new(&object_acl_default);
	struct state *s = arg;

	if (rec_get(rule, attrs, len) && !rec_has(rule, "default")) {
		collect(s, SEC_ACL, rule);
		rule = NULL;
	} else if (rec_get(def, attrs, len) &&
		   rec_value(def, "verdict")->n == SLUICE_VERDICT_DENY) {
		collect(s, SEC_ACL_DEFAULT, def);
		def = NULL;
	}
	rec_free(rule);
	rec_free(def);
}

struct into {
	struct state *s;
	enum section_nr nr;
};

static void item_seen(struct nlattr *attrs, int len, void *arg)
{
	struct into *into = arg;
	struct rec *r = rec_new(sections[into->nr].obj);

	if (rec_get(r, attrs, len))
		collect(into->s, into->nr, r);
	else
		rec_free(r);
}

static bool collect_plain(struct state *s, enum section_nr nr, int cmd, bool *changed)
{
	struct into into = { s, nr };

	return ctl_dump(ctl_new(cmd), item_seen, &into, changed);
}

/* Kernels before this one answer who may not see the host's with nothing. */
static bool sees_host(void)
{
	char link[64] = "";

	/* Its number is the kernel's own, always the same. */
	return readlink("/proc/self/ns/user", link, sizeof(link) - 1) < 0 ||
	       !strcmp(link, "user:[4026531837]");
}

static bool collect_host(struct state *s, bool *changed)
{
	struct into mode = { s, SEC_VOLUME_MODE };

	s->host = sees_host() && ctl_may_dump(SLUICE_CMD_WORKER_GET);
	return !s->host ||
	       (ctl_dump(ctl_new(SLUICE_CMD_WORKER_GET), worker_seen, s, changed) &&
		ctl_do(ctl_new(SLUICE_CMD_VOLUME_MODE_GET), item_seen, &mode) &&
		/* Kernels before this one have none. */
		(!ctl_may_dump(SLUICE_CMD_VOLUME_GROUP_GET) ||
		 collect_plain(s, SEC_VOLUME_GROUP, SLUICE_CMD_VOLUME_GROUP_GET, changed)) &&
		ctl_dump(ctl_new(SLUICE_CMD_VOLUME_GET), volume_seen, s, changed));
}

static bool collect_once(struct state *s, bool *changed)
{
	return collect_host(s, changed) &&
	       ctl_dump(ctl_new(SLUICE_CMD_PORT_GET), port_seen, s, changed) &&
	       collect_plain(s, SEC_GUARD, SLUICE_CMD_GUARD_GET, changed) &&
	       ctl_dump(ctl_new(SLUICE_CMD_ACL_GET), acl_seen, s, changed) &&
	       collect_plain(s, SEC_RATE, SLUICE_CMD_RATE_GET, changed) &&
	       collect_plain(s, SEC_METER, SLUICE_CMD_METER_GET, changed) &&
	       collect_plain(s, SEC_FLOW, SLUICE_CMD_FLOW_GET, changed);
}

bool state_collect(struct state *s)
{
	unsigned int tries;
	bool changed;

	for (tries = 0; tries < COLLECT_TRIES; tries++) {
		memset(s, 0, sizeof(*s));
		changed = false;
		if (!collect_once(s, &changed)) {
			state_free(s);
			return false;
		}
		if (!changed)
			return true;
		state_free(s);
	}
	complain("the state changes faster than it can be read: try again when others are done");
	return false;
}

/* --- writing --------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void section_write(struct items *items, const char *name, bool last)
{
	size_t i;

	printf(" \"%s\": [", name);
	for (i = 0; i < items->nr; i++)
		printf("%s\n  %s", i ? "," : "",
		       json_object_to_json_string_ext(items->v[i].json,
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	printf("%s]%s\n", items->nr ? "\n " : "", last ? "" : ",");
}

/* Who may not see them has no lists of them: empty ones, applied on the host, would remove all. */
bool state_is_hosts(enum section_nr nr)
{
	return nr == SEC_WORKER || nr == SEC_VOLUME || nr == SEC_VOLUME_GROUP ||
	       nr == SEC_VOLUME_MODE || nr == SEC_ASSIGN;
}

/* One that is being re-encrypted is written as one that is to be. */
static void volumes_declare(struct items *volumes)
{
	struct item *item;
	size_t i;

	for (i = 0; i < volumes->nr; i++) {
		item = &volumes->v[i];
		if (rec_has(item->rec, "rekey-key") && *rec_text(item->rec, "record") != '/')
			complain("volume %s is re-encrypted, has no record: not said in the state",
				 item->key);
		rekey_declare(item->rec);
		json_object_put(item->json);
		item->json = rec_to_json(item->rec, true);
	}
}

int dump_run(const struct command *c, struct rec *args)
{
	struct state s;
	unsigned int nr;

	(void)c;
	(void)args;
	if (!state_collect(&s))
		return EXIT_REFUSED;
	volumes_declare(&s.sec[SEC_VOLUME]);
	/* The same state is the same text, whatever way the kernel keeps it. */
	qsort(s.sec[SEC_FLOW].v, s.sec[SEC_FLOW].nr, sizeof(struct item), by_id);
	printf("{\n \"version\": %d,\n", STATE_VERSION);
	for (nr = 0; nr < SECTIONS; nr++) {
		if (state_is_hosts(nr) && !s.host)
			continue;
		section_write(&s.sec[nr], sections[nr].obj->name, nr == SECTIONS - 1);
	}
	printf("}\n");
	state_free(&s);
	return EXIT_DONE;
}
