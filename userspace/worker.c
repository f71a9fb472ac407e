// SPDX-License-Identifier: GPL-2.0-only
/* Workers, and what is seen of ports at work. */
#include <stdio.h>
#include "sluice.h"

static const struct field worker_fields[] = {
	{ .name = "cpu", .codec = &codec_u32, .attr = SLUICE_A_WORKER_CPU },
	{ .name = "mode", .codec = &codec_mode, .attr = SLUICE_A_WORKER_MODE },
	{ "automatic", &codec_flag, SLUICE_A_WORKER_AUTOMATIC, 0, F_SHOW, NULL },
	{ "tenants", &codec_flag, SLUICE_A_WORKER_TENANTS, 0, F_SHOW, NULL },
	{ "core-offline", &codec_flag, SLUICE_A_WORKER_CORE_OFFLINE, 0, F_SHOW, NULL },
	{ "users", &codec_u32, SLUICE_A_WORKER_USERS, 0, F_SHOW, NULL },
	{ "state", &codec_text, SLUICE_A_WORKER_STATE, 0, F_SHOW, NULL },
	{ "deaths", &codec_u32, SLUICE_A_WORKER_DEATHS, 0, F_SHOW, NULL },
	{ "leaked", &codec_u64, SLUICE_A_WORKER_LEAKED, 0, F_SHOW, NULL },
	{ "leaked-bytes", &codec_u64, SLUICE_A_WORKER_LEAKED_BYTES, 0, F_SHOW, NULL },
	{ "busy-ns", &codec_u64, SLUICE_A_WORKER_BUSY_NS, 0, F_STAT, NULL },
	{ "idle-ns", &codec_u64, SLUICE_A_WORKER_IDLE_NS, 0, F_STAT, NULL },
	{ "sleep-ns", &codec_u64, SLUICE_A_WORKER_SLEEP_NS, 0, F_STAT, NULL },
	{ "wakeups", &codec_u64, SLUICE_A_WORKER_WAKEUPS, 0, F_STAT, NULL },
	{ "longest-pause-ns", &codec_u64, SLUICE_A_WORKER_LONGEST_PAUSE_NS, 0, F_STAT, NULL },
	{ "longest-round-ns", &codec_u64, SLUICE_A_WORKER_LONGEST_ROUND_NS, 0, F_STAT, NULL },
	{ "pauses", &codec_u64, SLUICE_A_WORKER_PAUSES, 0, F_STAT, NULL },
	{ "longest-found-ns", &codec_u64, SLUICE_A_WORKER_LONGEST_FOUND_NS, 0, F_STAT, NULL },
	{ "longest-out-ns", &codec_u64, SLUICE_A_WORKER_LONGEST_OUT_NS, 0, F_STAT, NULL },
	{ "longest-rtnl-ns", &codec_u64, SLUICE_A_WORKER_LONGEST_RTNL_NS, 0, F_STAT, NULL },
};

const struct object object_worker = OBJECT("worker", worker_fields);

static const struct field assign_fields[] = {
	{ .name = "port", .codec = &codec_name, .attr = SLUICE_A_WORKER_PORT },
	{ .name = "volume", .codec = &codec_volume, .attr = SLUICE_A_WORKER_VOLUME },
	{ .name = "queue", .codec = &codec_u32, .attr = SLUICE_A_WORKER_QUEUE },
	{ .name = "cpu", .codec = &codec_u32, .attr = SLUICE_A_WORKER_CPU },
};

const struct object object_assign = OBJECT("assign", assign_fields);

const struct command worker_commands[] = {
	{ "worker", "add", SLUICE_CMD_WORKER_ADD, &object_worker, "cpu! mode", NULL, NULL,
	  "make a worker on a core" },
	{ "worker", "del", SLUICE_CMD_WORKER_DEL, &object_worker, "cpu!", NULL, NULL,
	  "remove a worker; what it serves goes to others" },
	{ "worker", "set", SLUICE_CMD_WORKER_SET, &object_worker, "cpu! mode!", NULL, NULL,
	  "change a worker" },
	{ "worker", "assign", SLUICE_CMD_WORKER_ASSIGN, &object_assign, "port| volume| queue cpu!",
	  NULL, NULL, "move a port or a volume, or one of its queues, to a worker" },
	{ "worker", "show", SLUICE_CMD_WORKER_GET, &object_worker, "", show_run, NULL,
	  "show workers" },
	{}
};

/* --- counters -------------------------------------------------------------------------------- */

static const struct field drop_fields[] = {
	{ "reason", &codec_u32, SLUICE_A_DROP_REASON, 0, F_STAT, NULL },
	{ "tag", &codec_text, SLUICE_A_DROP_TAG, 0, F_BARE, NULL },
	{ .name = "packets", .codec = &codec_u64, .attr = SLUICE_A_DROP_PACKETS },
	{ "text", &codec_text, SLUICE_A_DROP_TEXT, 0, F_SAID, NULL },
};

static const struct object object_drop = OBJECT("drop", drop_fields);

#define COUNT(field, attribute)                                                          \
	{                                                                                \
		.name = (field), .codec = &codec_u64, .attr = SLUICE_A_STATS_##attribute \
	}

static const struct field stats_fields[] = {
	{ .name = "port", .codec = &codec_name, .attr = SLUICE_A_STATS_PORT },
	{ "kind", &codec_kind, SLUICE_A_STATS_KIND, 0, F_SHOW | F_BARE, NULL },
	{ "ifindex", &codec_u32, SLUICE_A_STATS_IFINDEX, 0, F_SHOW, NULL },
	COUNT("from-guest-packets", FROM_GUEST_PACKETS),
	COUNT("from-guest-bytes", FROM_GUEST_BYTES),
	COUNT("to-guest-packets", TO_GUEST_PACKETS),
	COUNT("to-guest-bytes", TO_GUEST_BYTES),
	COUNT("slow-packets", SLOW_PACKETS),
	COUNT("fast-packets", FAST_PACKETS),
	COUNT("busy-ns", BUSY_NS),
	COUNT("polled-packets", POLLED_PACKETS),
	COUNT("from-guest-throttled", FROM_GUEST_THROTTLED),
	COUNT("to-guest-throttled", TO_GUEST_THROTTLED),
	{ "drop", NULL, SLUICE_A_STATS_DROP, 0, F_NEST, &object_drop },
};

const struct object object_stats = OBJECT("stats", stats_fields);

static const struct field version_fields[] = {
	{ .name = "module", .codec = &codec_text, .attr = SLUICE_A_VERSION_MODULE },
	{ .name = "kernel", .codec = &codec_text, .attr = SLUICE_A_VERSION_KERNEL },
	{ .name = "engine", .codec = &codec_text, .attr = SLUICE_A_VERSION_ENGINE },
	{ .name = "abi", .codec = &codec_u32, .attr = SLUICE_A_VERSION_ABI },
};

const struct object object_version = OBJECT("version", version_fields);

const struct command other_commands[] = {
	{ "check", NULL, 0, &object_check, "@port interval", check_run, NULL,
	  "why has a guest no network? What stands between it and the wire, step by step" },
	{ "stats", NULL, SLUICE_CMD_STATS_GET, &object_stats, "@port", show_run, NULL,
	  "counters of ports, and why packets were dropped" },
	{ "top", NULL, SLUICE_CMD_VOLUME_GET, &object_top, "@volume port count interval", top_run,
	  NULL, "what workers, ports and volumes do just now: rates, and how long requests take" },
	{ "monitor", NULL, SLUICE_CMD_NOTIFY, &object_event, "", monitor_run, NULL,
	  "tell what happens" },
	{ "dump", NULL, 0, NULL, "", dump_run, NULL, "write the whole state as JSON" },
	{ "version", NULL, SLUICE_CMD_VERSION_GET, &object_version, "", show_run, NULL,
	  "of module, engine and kernel" },
	{}
};
