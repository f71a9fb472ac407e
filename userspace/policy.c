// SPDX-License-Identifier: GPL-2.0-only
/* What is demanded of a port: guard, access list, rate. */
#include <stdio.h>
#include "sluice.h"

static const struct field guard_fields[] = {
	{ .name = "port", .codec = &codec_name, .attr = SLUICE_A_GUARD_PORT },
	{ "mac", &codec_mac, SLUICE_A_GUARD_MAC, 0, F_MULTI, NULL },
	{ "ip", &codec_prefix, SLUICE_A_GUARD_PREFIX, 0, F_MULTI, NULL },
	{ "untagged", &codec_flag, SLUICE_A_GUARD_UNTAGGED, 0, 0, NULL },
	{ "vlan", &codec_vlan_range, SLUICE_A_GUARD_VLAN, 0, F_MULTI | F_COMMA, NULL },
	{ "eth-type", &codec_eth_type, SLUICE_A_GUARD_ETH_TYPE, 0, F_MULTI | F_COMMA, NULL },
	{ "role", &codec_guard_role, SLUICE_A_GUARD_ROLE, 0, F_MULTI | F_COMMA, NULL },
	{ "mode", &codec_guard_mode, SLUICE_A_GUARD_MODE, 0, F_BARE, NULL },
};

const struct object object_guard = OBJECT("guard", guard_fields);

void guard_imply(struct rec *r, const char *mode)
{
	if (!rec_has(r, "mode"))
		rec_set(r, rec_field(r->obj, "mode"), mode);
}

static int guard_set(const struct command *c, struct rec *args)
{
	guard_imply(args, "strict");
	return command_send(c, args);
}

const struct command guard_commands[] = {
	{ "guard", "set", SLUICE_CMD_GUARD_SET, &object_guard,
	  "port! mac+ ip+ untagged vlan eth-type role mode", guard_set, NULL,
	  "say who a guest may claim to be; all but port and mode may come several times" },
	{ "guard", "off", SLUICE_CMD_GUARD_DEL, &object_guard, "port!", NULL, NULL,
	  "let a guest claim to be anybody" },
	{ "guard", "show", SLUICE_CMD_GUARD_GET, &object_guard, "port", show_run, NULL,
	  "show guards" },
	{}
};

/* --- access lists ---------------------------------------------------------------------------- */

static const struct field acl_fields[] = {
	{ .name = "port", .codec = &codec_name, .attr = SLUICE_A_ACL_PORT },
	{ .name = "dir", .codec = &codec_dir, .attr = SLUICE_A_ACL_DIR },
	{ .name = "prio", .codec = &codec_u32, .attr = SLUICE_A_ACL_PRIO },
	{ .name = "eth-type", .codec = &codec_eth_type, .attr = SLUICE_A_ACL_ETH_TYPE },
	{ "eth-dst", &codec_match_mac, SLUICE_A_ACL_ETH_DST, SLUICE_A_ACL_ETH_MASK, 0, NULL },
	{ "vlan", &codec_acl_vlan, SLUICE_A_ACL_VLAN, SLUICE_A_ACL_UNTAGGED, 0, NULL },
	{ .name = "proto", .codec = &codec_proto, .attr = SLUICE_A_ACL_PROTO },
	{ .name = "src", .codec = &codec_prefix, .attr = SLUICE_A_ACL_SRC },
	{ .name = "dst", .codec = &codec_prefix, .attr = SLUICE_A_ACL_DST },
	{ "frag", &codec_match_frag, SLUICE_A_ACL_FRAG, SLUICE_A_ACL_FRAG_MASK, 0, NULL },
	{ .name = "option", .codec = &codec_ip_option, .attr = SLUICE_A_ACL_OPTION },
	{ "sport", &codec_range, SLUICE_A_ACL_SPORT_MIN, SLUICE_A_ACL_SPORT_MAX, 0, NULL },
	{ "dport", &codec_range, SLUICE_A_ACL_DPORT_MIN, SLUICE_A_ACL_DPORT_MAX, 0, NULL },
	{ .name = "icmp-type", .codec = &codec_icmp_type, .attr = SLUICE_A_ACL_ICMP_TYPE },
	{ .name = "icmp-code", .codec = &codec_icmp_code, .attr = SLUICE_A_ACL_ICMP_CODE },
	{ "tcp-flags", &codec_acl_flags, SLUICE_A_ACL_TCP_FLAGS, SLUICE_A_ACL_TCP_MASK, 0, NULL },
	{ "verdict", &codec_verdict, SLUICE_A_ACL_VERDICT, 0, F_BARE, NULL },
	{ "default", &codec_flag, SLUICE_A_ACL_DEFAULT, 0, F_SHOW, NULL },
	{ "packets", &codec_u64, SLUICE_A_ACL_PACKETS, 0, F_STAT, NULL },
	{ "bytes", &codec_u64, SLUICE_A_ACL_BYTES, 0, F_STAT, NULL },
};

const struct object object_acl = OBJECT("acl", acl_fields);

static const struct field acl_default_fields[] = {
	{ .name = "port", .codec = &codec_name, .attr = SLUICE_A_ACL_PORT },
	{ .name = "dir", .codec = &codec_dir, .attr = SLUICE_A_ACL_DIR },
	{ "verdict", &codec_verdict, SLUICE_A_ACL_VERDICT, 0, F_BARE, NULL },
	{ "default", &codec_flag, SLUICE_A_ACL_DEFAULT, 0, F_SHOW, NULL },
	{ "packets", &codec_u64, SLUICE_A_ACL_PACKETS, 0, F_STAT, NULL },
	{ "bytes", &codec_u64, SLUICE_A_ACL_BYTES, 0, F_STAT, NULL },
};

const struct object object_acl_default = OBJECT("acl-default", acl_default_fields);

const struct command acl_commands[] = {
	{ "acl", "add", SLUICE_CMD_ACL_ADD, &object_acl,
	  "port! dir! prio! eth-type eth-dst vlan proto src dst frag option sport dport icmp-type icmp-code tcp-flags verdict!",
	  NULL, NULL, "add a rule; the lowest prio is looked at first (of flows the highest)" },
	{ "acl", "del", SLUICE_CMD_ACL_DEL, &object_acl, "port! dir! prio!", NULL, NULL,
	  "remove a rule" },
	{ "acl", "flush", SLUICE_CMD_ACL_FLUSH, &object_acl, "port!", NULL, NULL,
	  "remove all rules of a port" },
	{ "acl", "default", SLUICE_CMD_ACL_SET_DEFAULT, &object_acl_default, "port! dir! verdict!",
	  NULL, NULL, "say what happens when no rule matches" },
	{ "acl", "show", SLUICE_CMD_ACL_GET, &object_acl, "port", show_run, NULL,
	  "show rules and default verdicts" },
	{}
};

/* --- limits ---------------------------------------------------------------------------------- */

static const struct field rate_fields[] = {
	{ .name = "port", .codec = &codec_name, .attr = SLUICE_A_RATE_PORT },
	{ .name = "dir", .codec = &codec_dir, .attr = SLUICE_A_RATE_DIR },
	{ .name = "bps", .codec = &codec_bits, .attr = SLUICE_A_RATE_BPS },
	{ .name = "burst", .codec = &codec_rate, .attr = SLUICE_A_RATE_BURST },
	{ .name = "pps", .codec = &codec_rate, .attr = SLUICE_A_RATE_PPS },
	{ .name = "pburst", .codec = &codec_rate, .attr = SLUICE_A_RATE_PBURST },
};

const struct object object_rate = OBJECT("rate", rate_fields);

static const struct field meter_fields[] = {
	{ .name = "id", .codec = &codec_id, .attr = SLUICE_A_METER_ID },
	{ .name = "bps", .codec = &codec_bits, .attr = SLUICE_A_METER_BPS },
	{ .name = "burst", .codec = &codec_rate, .attr = SLUICE_A_METER_BURST },
	{ .name = "pps", .codec = &codec_rate, .attr = SLUICE_A_METER_PPS },
	{ .name = "pburst", .codec = &codec_rate, .attr = SLUICE_A_METER_PBURST },
	{ "passed-packets", &codec_u64, SLUICE_A_METER_PASSED_PACKETS, 0, F_STAT, NULL },
	{ "passed-bytes", &codec_u64, SLUICE_A_METER_PASSED_BYTES, 0, F_STAT, NULL },
	{ "dropped-packets", &codec_u64, SLUICE_A_METER_DROPPED_PACKETS, 0, F_STAT, NULL },
	{ "dropped-bytes", &codec_u64, SLUICE_A_METER_DROPPED_BYTES, 0, F_STAT, NULL },
};

const struct object object_meter = OBJECT("meter", meter_fields);

/* What is not said of it stays; a burst goes with its limit. */
static void rate_keep(struct rec *args, const struct rec *have, const char *limit,
		      const char *burst)
{
	if (rec_has(args, limit) || !rec_has(have, limit))
		return;
	rec_set(args, rec_field(args->obj, limit), rec_text(have, limit));
	if (!rec_has(args, burst))
		rec_set(args, rec_field(args->obj, burst), rec_text(have, burst));
}

static void rate_seen(struct nlattr *attrs, int len, void *arg)
{
	struct rec *args = arg, *have = rec_new(&object_rate);

	if (rec_get(have, attrs, len) && !strcmp(rec_text(have, "port"), rec_text(args, "port")) &&
	    rec_value(have, "dir")->n == rec_value(args, "dir")->n) {
		rate_keep(args, have, "bps", "burst");
		rate_keep(args, have, "pps", "pburst");
	}
	rec_free(have);
}

/* The kernel takes a limit as a whole. */
static int rate_set(const struct command *c, struct rec *args)
{
	bool changed = false;

	/* All of them: who names a port that is not there is told so by what is sent. */
	if (!ctl_dump(ctl_new(SLUICE_CMD_RATE_GET), rate_seen, args, &changed))
		return EXIT_REFUSED;
	return command_send(c, args);
}

const struct command rate_commands[] = {
	{ "rate", "set", SLUICE_CMD_RATE_SET, &object_rate, "port! dir! bps+ burst+ pps+ pburst+",
	  rate_set, NULL,
	  "limit a port; bps in bits, burst in bytes, pburst in packets; what is not said stays" },
	{ "rate", "off", SLUICE_CMD_RATE_DEL, &object_rate, "port! dir", NULL, NULL,
	  "take limits away" },
	{ "rate", "show", SLUICE_CMD_RATE_GET, &object_rate, "port", show_run, NULL,
	  "show limits" },
	{ "meter", "add", SLUICE_CMD_METER_ADD, &object_meter, "@id! bps+ burst pps+ pburst", NULL,
	  NULL, "make a limit that flows can share" },
	{ "meter", "del", SLUICE_CMD_METER_DEL, &object_meter, "@id!", NULL, NULL,
	  "remove a meter" },
	{ "meter", "show", SLUICE_CMD_METER_GET, &object_meter, "", show_run, NULL, "show meters" },
	{}
};
