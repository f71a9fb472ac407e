// SPDX-License-Identifier: GPL-2.0-only
/* Flow rules. */
#include <stdio.h>
#include <string.h>
#include "sluice.h"

#define MATCH(field, kind, attribute)                                                        \
	{                                                                                    \
		.name = (field), .codec = &codec_##kind, .attr = SLUICE_A_MATCH_##attribute, \
		.flags = F_MATCH                                                             \
	}

static const struct field flow_fields[] = {
	{ .name = "id", .codec = &codec_id, .attr = SLUICE_A_FLOW_ID },
	{ .name = "prio", .codec = &codec_u32, .attr = SLUICE_A_FLOW_PRIO },
	MATCH("in", match_name, IN_PORT),
	MATCH("eth-src", match_mac, ETH_SRC),
	MATCH("eth-dst", match_mac, ETH_DST),
	MATCH("eth-type", match_eth_type, ETH_TYPE),
	MATCH("vlan", match_vlan, VLAN),
	MATCH("cvlan", match_vlan, CVLAN),
	MATCH("src", match_addr, SRC),
	MATCH("dst", match_addr, DST),
	MATCH("proto", match_proto, PROTO),
	MATCH("dscp", match_dscp, TOS),
	MATCH("ttl", match_u8, TTL),
	MATCH("frag", match_frag, FRAG),
	MATCH("sport", match_port, SPORT),
	MATCH("dport", match_port, DPORT),
	MATCH("icmp-type", match_icmp, ICMP_TYPE),
	MATCH("icmp-code", match_u8, ICMP_CODE),
	MATCH("tcp-flags", match_flags, TCP_FLAGS),
	MATCH("arp-op", arp_op, ARP_OP),
	{ "actions", &codec_act, SLUICE_A_FLOW_ACTIONS, 0, F_LIST | F_ORDER, NULL },
	{ "inactive", &codec_flag, SLUICE_A_FLOW_INACTIVE, 0, F_SHOW, NULL },
	{ "packets", &codec_u64, SLUICE_A_FLOW_PACKETS, 0, F_STAT, NULL },
	{ "bytes", &codec_u64, SLUICE_A_FLOW_BYTES, 0, F_STAT, NULL },
};

const struct object object_flow = OBJECT("flow", flow_fields);

/*
 * Fields mean something only in a certain kind of packet. Where that is plain from the fields
 * themselves it need not be said; a transport protocol alone means it over IPv4, as elsewhere.
 */
void flow_imply(struct rec *r)
{
	const char *type = NULL;

	if (rec_has(r, "eth-type"))
		return;
	if (rec_has(r, "src"))
		type = rec_value(r, "src")->family == AF_INET ? "ipv4" : "ipv6";
	else if (rec_has(r, "dst"))
		type = rec_value(r, "dst")->family == AF_INET ? "ipv4" : "ipv6";
	else if (rec_has(r, "arp-op"))
		type = "arp";
	else if (rec_has(r, "proto"))
		type = rec_value(r, "proto")->n == 58 ? "ipv6" : "ipv4";
	if (type)
		rec_set(r, rec_field(r->obj, "eth-type"), type);
}

static void flow_added(struct nlattr *attrs, int len, void *arg)
{
	struct rec *r = rec_new(&object_flow);

	(void)arg;
	if (rec_get(r, attrs, len)) {
		show_begin();
		show_item(r, 0);
		show_end();
	}
	rec_free(r);
}

/* The kernel answers if it had to choose an id. */
static int flow_add(const struct command *c, struct rec *args)
{
	struct nl_msg *msg = ctl_new(c->cmd);

	flow_imply(args);
	if (rec_put(msg, args)) {
		complain("the flow is too large for one message");
		nlmsg_free(msg);
		return EXIT_USAGE;
	}
	return ctl_do(msg, flow_added, NULL) ? EXIT_DONE : EXIT_REFUSED;
}

const struct command flow_commands[] = {
	{ "flow", "add", SLUICE_CMD_FLOW_ADD, &object_flow,
	  "id prio! in eth-src eth-dst eth-type vlan cvlan src dst proto dscp ttl frag sport dport icmp-type icmp-code tcp-flags arp-op actions!",
	  flow_add, NULL, "add a rule; the highest prio wins (of lists the lowest)" },
	{ "flow", "del", SLUICE_CMD_FLOW_DEL, &object_flow, "id!", NULL, NULL, "remove a rule" },
	{ "flow", "flush", SLUICE_CMD_FLOW_FLUSH, &object_flow, "", NULL, NULL,
	  "remove all rules" },
	{ "flow", "show", SLUICE_CMD_FLOW_GET, &object_flow, "id", show_run, NULL, "show rules" },
	{}
};
