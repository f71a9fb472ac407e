// SPDX-License-Identifier: GPL-2.0-only
/* Showing objects and events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "links.h"

/* --- lists ----------------------------------------------------------------------------------- */

static unsigned int shown;

void show_begin(void)
{
	shown = 0;
	if (opt.json)
		printf("[");
}

static bool is_name(const struct field *f)
{
	return (f->codec == &codec_name || f->codec == &codec_volume ||
		f->codec == &codec_group_name || f->codec == &codec_key) && !(f->flags & F_BARE);
}

void show_item(const struct rec *r, unsigned int skip)
{
	struct json_object *json;
	unsigned int i;

	if (opt.json) {
		json = rec_to_json(r, false);
		printf("%s%s", shown ? "," : "",
		       json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(json);
	} else {
		/* The first field is what it is known by. */
		for (i = 0; i < r->obj->nr_fields && !(r->has & FIELD(i)); i++)
			;
		if (i == 0 && !skip && is_name(&r->obj->fields[0])) {
			printf("%s:", rec_text(r, r->obj->fields[0].name));
			skip = 1;
		} else {
			printf("%s", r->obj->name);
		}
		rec_print(r, skip);
		printf("\n");
	}
	shown++;
}

void show_end(void)
{
	if (opt.json)
		printf("]\n");
	fflush(stdout);
}

static void show_one(struct nlattr *attrs, int len, void *arg)
{
	const struct object *obj = arg;
	struct rec *r = rec_new(obj);

	if (rec_get(r, attrs, len))
		show_item(r, 0);
	else
		complain("the kernel said something that this tool does not understand");
	rec_free(r);
}

/* What names one object by itself is asked for as such; what names a port filters. */
static bool names_one(const struct command *c, const struct rec *args)
{
	if (c->cmd == SLUICE_CMD_VERSION_GET)
		return true;
	return args->has && (c->cmd == SLUICE_CMD_FLOW_GET || c->cmd == SLUICE_CMD_STATS_GET);
}

int show_reply(const struct object *obj, struct nl_msg *msg)
{
	bool ok;

	show_begin();
	ok = ctl_do(msg, show_one, (void *)obj);
	show_end();
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

int show_run(const struct command *c, struct rec *args)
{
	struct nl_msg *msg = ctl_new(c->cmd);
	bool ok, changed = false;

	rec_put(msg, args);
	if (names_one(c, args))
		return show_reply(c->obj, msg);
	show_begin();
	ok = ctl_dump(msg, show_one, (void *)c->obj, &changed);
	show_end();
	if (changed)
		complain("warning: it changed meanwhile, so this is not of one moment");
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

/* --- events ---------------------------------------------------------------------------------- */

static const char *const event_names[] = {
	[SLUICE_EVENT_PORT_ADD] = "port-add",
	[SLUICE_EVENT_PORT_DEL] = "port-del",
	[SLUICE_EVENT_QUEUE_ATTACH] = "queue-attach",
	[SLUICE_EVENT_QUEUE_DETACH] = "queue-detach",
	[SLUICE_EVENT_QUEUE_BROKEN] = "queue-broken",
	[SLUICE_EVENT_UPLINK_DOWN] = "uplink-down",
	[SLUICE_EVENT_UPLINK_UP] = "uplink-up",
	[SLUICE_EVENT_UPLINK_GONE] = "uplink-gone",
	[SLUICE_EVENT_WORKER_ADD] = "worker-add",
	[SLUICE_EVENT_WORKER_DEL] = "worker-del",
	[SLUICE_EVENT_CONFIG] = "config",
	[SLUICE_EVENT_VOLUME_ADD] = "volume-add",
	[SLUICE_EVENT_VOLUME_DEL] = "volume-del",
	[SLUICE_EVENT_VOLUME_GONE] = "volume-gone",
	[SLUICE_EVENT_VOLUME_REKEYED] = "volume-rekeyed",
	[SLUICE_EVENT_VOLUME_PLAIN] = "volume-plain",
	[SLUICE_EVENT_VOLUME_REFUSED] = "volume-refused",
	[SLUICE_EVENT_WORKER_STATE] = "worker-state",
	[SLUICE_EVENT_PORT_HELD] = "port-held",
	[SLUICE_EVENT_PORT_RELEASED] = "port-released",
	[SLUICE_EVENT_VOLUME_HELD] = "volume-held",
	[SLUICE_EVENT_VOLUME_RELEASED] = "volume-released",
	[SLUICE_EVENT_VOLUME_REKEY_STALLED] = "volume-rekey-stalled",
	[SLUICE_EVENT_VOLUME_KEY_WIPED] = "volume-key-wiped",
	[SLUICE_EVENT_VOLUME_KEY_RESUMED] = "volume-key-resumed",
	[SLUICE_EVENT_VOLUME_WIPED] = "volume-wiped",
	[SLUICE_EVENT_VOLUME_WIPE_STALLED] = "volume-wipe-stalled",
	[SLUICE_EVENT_VOLUME_REKEY_TURNED] = "volume-rekey-turned",
	[SLUICE_EVENT_VOLUME_REKEY_GIVEN_UP] = "volume-rekey-given-up",
	[SLUICE_EVENT_VOLUME_INTEGRITY] = "volume-integrity",
};

static const char *const object_names[] = {
	[SLUICE_OBJECT_PORT] = "port",
	[SLUICE_OBJECT_WIRE] = "wire",
	[SLUICE_OBJECT_GUARD] = "guard",
	[SLUICE_OBJECT_ACL] = "acl",
	[SLUICE_OBJECT_RATE] = "rate",
	[SLUICE_OBJECT_METER] = "meter",
	[SLUICE_OBJECT_FLOW] = "flow",
	[SLUICE_OBJECT_WORKER] = "worker",
	[SLUICE_OBJECT_TRANSACTION] = "transaction",
	[SLUICE_OBJECT_VOLUME] = "volume",
	[SLUICE_OBJECT_TENANT] = "tenant",
};

/* The numbers become words: what value is depends on the event. */
enum {
	EV_TIME,
	EV_EVENT,
	EV_PORT,
	EV_IFINDEX,
	EV_VOLUME,
	EV_QUEUE,
	EV_CPU,
	EV_OBJECT,
	EV_VERB,
	EV_ON,
	EV_TEXT,
};

static const struct field event_fields[] = {
	[EV_TIME] = { "time", &codec_text, 0, 0, F_BARE, NULL },
	[EV_EVENT] = { "event", &codec_text, 0, 0, F_BARE, NULL },
	[EV_PORT] = { "port", &codec_name, 0, 0, F_BARE, NULL },
	[EV_IFINDEX] = { .name = "ifindex", .codec = &codec_u32 },
	[EV_VOLUME] = { .name = "volume", .codec = &codec_volume },
	[EV_QUEUE] = { .name = "queue", .codec = &codec_u32 },
	[EV_CPU] = { .name = "cpu", .codec = &codec_u32 },
	[EV_OBJECT] = { "object", &codec_text, 0, 0, F_BARE, NULL },
	[EV_VERB] = { "operation", &codec_text, 0, 0, F_BARE, NULL },
	[EV_ON] = { .name = "port", .codec = &codec_name },
	[EV_TEXT] = { "text", &codec_text, 0, 0, F_BARE, NULL },
};

const struct object object_event = OBJECT("event", event_fields);

static void set_number(struct rec *r, unsigned int field, uint32_t n)
{
	r->v[field].n = n;
	r->has |= FIELD(field);
}

static void event_value(struct rec *r, uint32_t event, uint32_t value)
{
	switch (event) {
	case SLUICE_EVENT_QUEUE_ATTACH:
	case SLUICE_EVENT_QUEUE_DETACH:
		set_number(r, EV_QUEUE, value);
		break;
	case SLUICE_EVENT_WORKER_ADD:
	case SLUICE_EVENT_WORKER_DEL:
	case SLUICE_EVENT_WORKER_STATE:
		set_number(r, EV_CPU, value);
		break;
	case SLUICE_EVENT_VOLUME_REKEYED:
	case SLUICE_EVENT_VOLUME_WIPED:
		if (value)
			rec_set(r, EV_TEXT, strerror(value));
		break;
	case SLUICE_EVENT_VOLUME_REKEY_STALLED:
	case SLUICE_EVENT_VOLUME_WIPE_STALLED:
		rec_set(r, EV_TEXT, value ? strerror(value) : "goes on");
		break;
	case SLUICE_EVENT_VOLUME_REKEY_TURNED:
		rec_set(r, EV_TEXT, value ? "back" : "forward");
		break;
	case SLUICE_EVENT_VOLUME_KEY_WIPED:
		rec_set(r, EV_TEXT, value == 1 ? "waits" : "fails");
		break;
	case SLUICE_EVENT_CONFIG:
		if (value < ARRAY_SIZE(object_names) && object_names[value])
			rec_set(r, EV_OBJECT, object_names[value]);
		break;
	}
}

static void event_time(struct rec *r)
{
	char text[60], second[40];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(second, sizeof(second), "%FT%T", &tm);
	snprintf(text, sizeof(text), "%s.%03u", second,
		 (unsigned int)(now.tv_nsec / 1000000) % 1000);
	rec_set(r, EV_TIME, text);
}

static void event_print(struct rec *r)
{
	struct json_object *json;

	if (opt.json) {
		json = rec_to_json(r, false);
		printf("%s\n",
		       json_object_to_json_string_ext(json, JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(json);
	} else {
		printf("%s", rec_text(r, "time"));
		rec_print(r, EV_EVENT);
		printf("\n");
	}
	fflush(stdout);
}

/*
 * What has an event of its own is not told twice: what was made or removed, held or released, and
 * what a volume says by itself ahead of the command's end.
 */
static bool event_is_told(const struct rec *r, uint32_t event, int cmd)
{
	static char volume[sizeof(r->v->bytes)];
	static uint32_t last;
	uint32_t before = last;
	bool told = false;

	last = event;
	if (event != SLUICE_EVENT_CONFIG)
		return false;
	switch (cmd) {
	case SLUICE_CMD_PORT_ADD:
	case SLUICE_CMD_UPLINK_ADD:
	case SLUICE_CMD_PORT_DEL:
	case SLUICE_CMD_PORT_HOLD:
	case SLUICE_CMD_PORT_RELEASE:
	case SLUICE_CMD_WORKER_DEL:
	case SLUICE_CMD_VOLUME_ADD:
	case SLUICE_CMD_VOLUME_DEL:
	case SLUICE_CMD_VOLUME_HOLD:
	case SLUICE_CMD_VOLUME_RELEASE:
		return true;
	case SLUICE_CMD_WORKER_ADD:
		return before == SLUICE_EVENT_WORKER_ADD;
	case SLUICE_CMD_VOLUME_SET:
	case SLUICE_CMD_VOLUME_REKEY:
		told = *volume && !strcmp(volume, rec_text(r, "volume"));
	}
	snprintf(volume, sizeof(volume), "%s", cmd ? "" : rec_text(r, "volume"));
	return told;
}

static void event_command(struct rec *r, int cmd)
{
	const char *verb = cmd ? command_verb(cmd) : NULL;

	if (verb)
		rec_set(r, EV_VERB, verb);
	/* Of what is configured the name stands behind what was done. */
	if (!(r->has & FIELD(EV_PORT)) || !verb)
		return;
	rec_set(r, EV_ON, rec_text(r, "port"));
	r->has &= ~FIELD(EV_PORT);
}

static void event_seen(struct nlattr *attrs, int len, void *arg)
{
	struct nlattr *tb[SLUICE_A_NOTE_MAX + 1];
	struct rec *r = rec_new(&object_event);
	uint32_t event = 0;
	int cmd = 0;

	(void)arg;
	if (nla_parse(tb, SLUICE_A_NOTE_MAX, attrs, len, NULL) < 0 || !tb[SLUICE_A_NOTE_EVENT])
		goto free;
	event = nla_get_u32(tb[SLUICE_A_NOTE_EVENT]);
	event_time(r);
	if (event < ARRAY_SIZE(event_names) && event_names[event])
		rec_set(r, EV_EVENT, event_names[event]);
	if (tb[SLUICE_A_NOTE_PORT])
		rec_set(r, EV_PORT, nla_get_string(tb[SLUICE_A_NOTE_PORT]));
	if (tb[SLUICE_A_NOTE_IFINDEX])
		set_number(r, EV_IFINDEX, nla_get_u32(tb[SLUICE_A_NOTE_IFINDEX]));
	if (tb[SLUICE_A_NOTE_VOLUME])
		rec_set(r, EV_VOLUME, nla_get_string(tb[SLUICE_A_NOTE_VOLUME]));
	if (tb[SLUICE_A_NOTE_VALUE])
		event_value(r, event, nla_get_u32(tb[SLUICE_A_NOTE_VALUE]));
	if (tb[SLUICE_A_NOTE_TEXT])
		rec_set(r, EV_TEXT, nla_get_string(tb[SLUICE_A_NOTE_TEXT]));
	if (tb[SLUICE_A_NOTE_COMMAND])
		cmd = nla_get_u32(tb[SLUICE_A_NOTE_COMMAND]);
	event_command(r, cmd);
	if (!event_is_told(r, event, cmd))
		event_print(r);
free:
	rec_free(r);
}

static void link_told(const char *name, int index, bool up)
{
	struct rec *r = rec_new(&object_event);

	event_time(r);
	rec_set(r, EV_EVENT, up ? "link-up" : "link-down");
	rec_set(r, EV_PORT, name);
	set_number(r, EV_IFINDEX, index);
	event_print(r);
	rec_free(r);
}

static void links_ready(int fd)
{
	links_read(fd, link_told);
}

int monitor_run(const struct command *c, struct rec *args)
{
	(void)c;
	(void)args;
	ctl_listen(event_seen, NULL, links_open(), links_ready);
	return EXIT_REFUSED;
}
