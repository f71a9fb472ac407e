// SPDX-License-Identifier: GPL-2.0-only
/* Ports, uplinks and the wires between them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sluice.h"

static const struct field queue_fields[] = {
	{ .name = "pair", .codec = &codec_u32, .attr = SLUICE_A_QUEUE_PAIR },
	{ .name = "dir", .codec = &codec_dir, .attr = SLUICE_A_QUEUE_DIR, .flags = F_BARE },
	{ .name = "attached", .codec = &codec_flag, .attr = SLUICE_A_QUEUE_ATTACHED },
	{ .name = "broken", .codec = &codec_text, .attr = SLUICE_A_QUEUE_BROKEN },
	{ .name = "cpu", .codec = &codec_u32, .attr = SLUICE_A_QUEUE_CPU },
	{ "signals", &codec_u64, SLUICE_A_QUEUE_SIGNALS, 0, F_STAT, NULL },
	{ "kicks", &codec_u64, SLUICE_A_QUEUE_KICKS, 0, F_STAT, NULL },
	{ "throttled", &codec_u64, SLUICE_A_QUEUE_THROTTLED, 0, F_STAT, NULL },
};

const struct object object_queue = OBJECT("queue", queue_fields);

static const struct field port_fields[] = {
	{ .name = "name", .codec = &codec_name, .attr = SLUICE_A_PORT_NAME },
	{ "kind", &codec_kind, SLUICE_A_PORT_KIND, 0, F_SHOW | F_BARE, NULL },
	{ "ifindex", &codec_u32, SLUICE_A_PORT_IFINDEX, 0, F_SHOW, NULL },
	{ .name = "queues", .codec = &codec_u32, .attr = SLUICE_A_PORT_QUEUES },
	{ .name = "mac", .codec = &codec_mac, .attr = SLUICE_A_PORT_MAC },
	{ .name = "mtu", .codec = &codec_u32, .attr = SLUICE_A_PORT_MTU },
	{ .name = "control", .codec = &codec_link_control, .attr = SLUICE_A_PORT_CONTROL },
	{ .name = "link", .codec = &codec_link, .flags = F_REF },
	{ "down", &codec_flag, SLUICE_A_PORT_DOWN, 0, F_SHOW, NULL },
	{ "claimed", &codec_flag, SLUICE_A_PORT_CLAIMED, 0, F_SHOW, NULL },
	{ "wire", &codec_name, SLUICE_A_PORT_PEER, 0, F_SHOW, NULL },
	{ "held", &codec_flag, SLUICE_A_PORT_HELD, 0, F_SHOW, NULL },
	{ "quarantine", &codec_text, SLUICE_A_PORT_QUARANTINE, 0, F_SHOW, NULL },
	{ "since", &codec_time, SLUICE_A_PORT_QUARANTINE_TIME, 0, F_SHOW, NULL },
	{ "broken-rings", &codec_u64, SLUICE_A_PORT_BROKEN_RINGS, 0, F_SHOW, NULL },
	{ "queue", NULL, SLUICE_A_PORT_QUEUE, 0, F_SHOW | F_NEST, &object_queue },
};

const struct object object_port = OBJECT("port", port_fields);

static const struct field uplink_fields[] = {
	{ .name = "name", .codec = &codec_name, .attr = SLUICE_A_PORT_NAME },
	{ "kind", &codec_kind, SLUICE_A_PORT_KIND, 0, F_SHOW | F_BARE, NULL },
	{ "ifindex", &codec_u32, SLUICE_A_PORT_IFINDEX, 0, F_SHOW, NULL },
	{ .name = "dev", .codec = &codec_name, .attr = SLUICE_A_PORT_DEV },
	{ "waits-for", &codec_name, SLUICE_A_PORT_WAITS_FOR, 0, F_SHOW, NULL },
	{ "want-mac", &codec_mac, SLUICE_A_PORT_WANT_MAC, 0, F_MULTI | F_COMMA, NULL },
	{ "want-vlan", &codec_vlan_range, SLUICE_A_PORT_WANT_VLAN, 0, F_MULTI | F_COMMA, NULL },
	{ .name = "no-promisc", .codec = &codec_flag, .attr = SLUICE_A_PORT_NO_PROMISC },
	{ .name = "link", .codec = &codec_link, .flags = F_REF },
	{ .name = "wait", .codec = &codec_flag, .attr = SLUICE_A_PORT_WAIT },
	{ "asked-macs", &codec_u32, SLUICE_A_PORT_ASKED_MACS, 0, F_SHOW, NULL },
	{ "asked-vlan", &codec_vlan_range, SLUICE_A_PORT_ASKED_VLAN, 0,
	  F_SHOW | F_MULTI | F_COMMA, NULL },
	{ "refused-mac", &codec_mac, SLUICE_A_PORT_REFUSED_MAC, 0, F_SHOW | F_MULTI | F_COMMA,
	  NULL },
	{ "refused-vlan", &codec_vlan_range, SLUICE_A_PORT_REFUSED_VLAN, 0,
	  F_SHOW | F_MULTI | F_COMMA, NULL },
	{ "left-out", &codec_u32, SLUICE_A_PORT_LEFT_OUT, 0, F_SHOW, NULL },
	{ "mac", &codec_mac, SLUICE_A_PORT_MAC, 0, F_SHOW, NULL },
	{ "mtu", &codec_u32, SLUICE_A_PORT_MTU, 0, F_SHOW, NULL },
	{ "down", &codec_flag, SLUICE_A_PORT_DOWN, 0, F_SHOW, NULL },
	{ "cpu", &codec_u32, SLUICE_A_PORT_CPU, 0, F_SHOW, NULL },
	{ "wire", &codec_name, SLUICE_A_PORT_PEER, 0, F_SHOW, NULL },
	{ "held", &codec_flag, SLUICE_A_PORT_HELD, 0, F_SHOW, NULL },
	{ "quarantine", &codec_text, SLUICE_A_PORT_QUARANTINE, 0, F_SHOW, NULL },
	{ "since", &codec_time, SLUICE_A_PORT_QUARANTINE_TIME, 0, F_SHOW, NULL },
	{ "broken-rings", &codec_u64, SLUICE_A_PORT_BROKEN_RINGS, 0, F_SHOW, NULL },
};

const struct object object_uplink = OBJECT("uplink", uplink_fields);

static const struct field wire_fields[] = {
	{ "a", &codec_name, SLUICE_A_WIRE_A, 0, F_BARE, NULL },
	{ "b", &codec_name, SLUICE_A_WIRE_B, 0, F_BARE, NULL },
};

const struct object object_wire = OBJECT("wire", wire_fields);

bool queues_attached(const struct rec *r)
{
	const struct value *list = rec_value(r, "queue");
	unsigned int i;

	for (i = 0; i < list->nr; i++) {
		if (rec_has(list->rec[i], "attached"))
			return true;
	}
	return false;
}

/* --- showing --------------------------------------------------------------------------------- */

struct wanted {
	const struct object *obj;
	unsigned int kind;
	bool seen;
};

static void port_seen(struct nlattr *attrs, int len, void *arg)
{
	struct wanted *w = arg;
	struct rec *r = rec_new(w->obj);

	if (rec_get(r, attrs, len) && rec_value(r, "kind")->n == w->kind) {
		show_item(r, 0);
		w->seen = true;
	}
	rec_free(r);
}

/* One by its name, or all of a kind. */
static int ports_show(const struct command *c, struct rec *args)
{
	struct wanted w = { .obj = c->obj };
	struct nl_msg *msg = ctl_new(SLUICE_CMD_PORT_GET);
	bool ok, changed = false;

	w.kind = c->obj == &object_uplink ? SLUICE_KIND_UPLINK : SLUICE_KIND_GUEST;
	show_begin();
	if (rec_has(args, "name")) {
		rec_put(msg, args);
		ok = ctl_do(msg, port_seen, &w);
	} else {
		nla_put_u8(msg, SLUICE_A_PORT_KIND, w.kind);
		ok = ctl_dump(msg, port_seen, &w, &changed);
	}
	show_end();
	if (ok && rec_has(args, "name") && !w.seen) {
		complain("%s is not of this kind: say 'sluice %s show'", rec_text(args, "name"),
			 w.kind == SLUICE_KIND_UPLINK ? "port" : "uplink");
		return EXIT_REFUSED;
	}
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

/* Each wire has two ends; it is shown at the one whose name comes first. */
static void wire_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_uplink), *wire = rec_new(&object_wire);

	(void)arg;
	if (rec_get(r, attrs, len) && rec_has(r, "wire") &&
	    strcmp(rec_text(r, "name"), rec_text(r, "wire")) < 0) {
		rec_set(wire, 0, rec_text(r, "name"));
		rec_set(wire, 1, rec_text(r, "wire"));
		show_item(wire, 0);
	}
	rec_free(wire);
	rec_free(r);
}

static int wires_show(const struct command *c, struct rec *args)
{
	bool ok, changed = false;

	(void)c;
	(void)args;
	show_begin();
	ok = ctl_dump(ctl_new(SLUICE_CMD_PORT_GET), wire_seen, NULL, &changed);
	show_end();
	return ok ? EXIT_DONE : EXIT_REFUSED;
}

const struct command port_commands[] = {
	{ "port", "add", SLUICE_CMD_PORT_ADD, &object_port, "@name! queues mac mtu control",
	  NULL, NULL, "make a guest port" },
	{ "port", "set", SLUICE_CMD_PORT_SET, &object_port, "@name! mac+ mtu+ control+", NULL, NULL,
	  "change a port" },
	{ "port", "del", SLUICE_CMD_PORT_DEL, &object_port, "@name!", NULL, "kind=guest",
	  "remove a guest port" },
	{ "port", "hold", SLUICE_CMD_PORT_HOLD, &object_port, "@name!", NULL, NULL,
	  "keep a port or an uplink from moving anything" },
	{ "port", "release", SLUICE_CMD_PORT_RELEASE, &object_port, "@name!", NULL, NULL,
	  "let one go on that is held" },
	{ "port", "show", SLUICE_CMD_PORT_GET, &object_port, "@name", ports_show, NULL,
	  "show guest ports" },
	{ "uplink", "add", SLUICE_CMD_UPLINK_ADD, &object_uplink,
	  "@name! dev! want-mac want-vlan no-promisc wait", NULL, NULL,
	  "make an uplink above a VF's netdev, or one that waits for it" },
	{ "uplink", "set", SLUICE_CMD_UPLINK_SET, &object_uplink,
	  "@name! dev want-mac want-vlan no-promisc wait", NULL, NULL,
	  "give it its VF; or say what that is asked for besides what is known, all of it" },
	{ "uplink", "del", SLUICE_CMD_PORT_DEL, &object_uplink, "@name!", NULL, "kind=uplink",
	  "remove an uplink" },
	{ "uplink", "show", SLUICE_CMD_PORT_GET, &object_uplink, "@name", ports_show, NULL,
	  "show uplinks" },
	{}
};

const struct command wire_commands[] = { { "wire", "add", SLUICE_CMD_WIRE_ADD, &object_wire,
					   "@a! @b!", NULL, NULL, "cross-connect two ports" },
					 { "wire", "del", SLUICE_CMD_WIRE_DEL, &object_wire,
					   "@a! @b!", NULL, NULL, "take a cross-connection away" },
					 { "wire", "show", SLUICE_CMD_PORT_GET, &object_wire, "",
					   wires_show, NULL, "show wires" },
					 {} };
