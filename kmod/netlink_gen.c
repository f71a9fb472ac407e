// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	kmod/sluice.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/sluice.h>

/* Integer value ranges */
static const struct netlink_range_validation sluice_a_port_mtu_range = {
	.min	= 68ULL,
	.max	= 65535ULL,
};

/* Common nested types */
const struct nla_policy sluice_act_nl_policy[SLUICE_A_ACT_IFINDEX + 1] = {
	[SLUICE_A_ACT_OUTPUT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_ACT_DROP] = { .type = NLA_FLAG, },
	[SLUICE_A_ACT_SLOW] = { .type = NLA_FLAG, },
	[SLUICE_A_ACT_PUSH_VLAN] = { .type = NLA_U16, },
	[SLUICE_A_ACT_POP_VLAN] = { .type = NLA_FLAG, },
	[SLUICE_A_ACT_SET_VLAN] = { .type = NLA_U16, },
	[SLUICE_A_ACT_SET_ETH_SRC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_ACT_SET_ETH_DST] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_ACT_SET_SRC] = { .type = NLA_BINARY, },
	[SLUICE_A_ACT_SET_DST] = { .type = NLA_BINARY, },
	[SLUICE_A_ACT_SET_TTL] = NLA_POLICY_MIN(NLA_U8, 1),
	[SLUICE_A_ACT_SET_DSCP] = NLA_POLICY_MAX(NLA_U8, 63),
	[SLUICE_A_ACT_SET_SPORT] = { .type = NLA_U16, },
	[SLUICE_A_ACT_SET_DPORT] = { .type = NLA_U16, },
	[SLUICE_A_ACT_METER] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_ACT_IFINDEX] = { .type = NLA_U32, },
};

const struct nla_policy sluice_match_nl_policy[SLUICE_A_MATCH_ARP_OP + 1] = {
	[SLUICE_A_MATCH_IN_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_MATCH_ETH_SRC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_MATCH_ETH_DST] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_MATCH_ETH_TYPE] = { .type = NLA_U16, },
	[SLUICE_A_MATCH_VLAN] = { .type = NLA_U16, },
	[SLUICE_A_MATCH_CVLAN] = { .type = NLA_U16, },
	[SLUICE_A_MATCH_SRC] = { .type = NLA_BINARY, },
	[SLUICE_A_MATCH_DST] = { .type = NLA_BINARY, },
	[SLUICE_A_MATCH_PROTO] = { .type = NLA_U8, },
	[SLUICE_A_MATCH_TOS] = { .type = NLA_U8, },
	[SLUICE_A_MATCH_TTL] = { .type = NLA_U8, },
	[SLUICE_A_MATCH_FRAG] = NLA_POLICY_MAX(NLA_U8, 3),
	[SLUICE_A_MATCH_SPORT] = { .type = NLA_U16, },
	[SLUICE_A_MATCH_DPORT] = { .type = NLA_U16, },
	[SLUICE_A_MATCH_ICMP_TYPE] = { .type = NLA_U8, },
	[SLUICE_A_MATCH_ICMP_CODE] = { .type = NLA_U8, },
	[SLUICE_A_MATCH_TCP_FLAGS] = { .type = NLA_U8, },
	[SLUICE_A_MATCH_ARP_OP] = { .type = NLA_U8, },
};

const struct nla_policy sluice_prefix_nl_policy[SLUICE_A_PREFIX_LEN + 1] = {
	[SLUICE_A_PREFIX_ADDR] = { .type = NLA_BINARY, },
	[SLUICE_A_PREFIX_LEN] = NLA_POLICY_MAX(NLA_U8, 128),
};

const struct nla_policy sluice_vlan_range_nl_policy[SLUICE_A_VLAN_RANGE_LAST + 1] = {
	[SLUICE_A_VLAN_RANGE_FIRST] = NLA_POLICY_MAX(NLA_U16, 4094),
	[SLUICE_A_VLAN_RANGE_LAST] = NLA_POLICY_MAX(NLA_U16, 4094),
};

/* SLUICE_CMD_PORT_ADD - do */
static const struct nla_policy sluice_port_add_nl_policy[SLUICE_A_PORT_CONTROL + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_QUEUES] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[SLUICE_A_PORT_MAC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_PORT_MTU] = NLA_POLICY_FULL_RANGE(NLA_U32, &sluice_a_port_mtu_range),
	[SLUICE_A_PORT_CONTROL] = NLA_POLICY_MASK(NLA_U32, 0x1f),
};

/* SLUICE_CMD_UPLINK_ADD - do */
static const struct nla_policy sluice_uplink_add_nl_policy[SLUICE_A_PORT_WAIT + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_WANT_MAC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_PORT_WANT_VLAN] = NLA_POLICY_NESTED(sluice_vlan_range_nl_policy),
	[SLUICE_A_PORT_NO_PROMISC] = { .type = NLA_FLAG, },
	[SLUICE_A_PORT_WAIT] = { .type = NLA_FLAG, },
};

/* SLUICE_CMD_PORT_SET - do */
static const struct nla_policy sluice_port_set_nl_policy[SLUICE_A_PORT_CONTROL + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_MAC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_PORT_MTU] = NLA_POLICY_FULL_RANGE(NLA_U32, &sluice_a_port_mtu_range),
	[SLUICE_A_PORT_CONTROL] = NLA_POLICY_MASK(NLA_U32, 0x1f),
};

/* SLUICE_CMD_PORT_DEL - do */
static const struct nla_policy sluice_port_del_nl_policy[SLUICE_A_PORT_KIND + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_KIND] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_PORT_GET - do */
static const struct nla_policy sluice_port_get_do_nl_policy[SLUICE_A_PORT_NAME + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_PORT_GET - dump */
static const struct nla_policy sluice_port_get_dump_nl_policy[SLUICE_A_PORT_KIND + 1] = {
	[SLUICE_A_PORT_KIND] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_WIRE_ADD - do */
static const struct nla_policy sluice_wire_add_nl_policy[SLUICE_A_WIRE_B + 1] = {
	[SLUICE_A_WIRE_A] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_WIRE_B] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_WIRE_DEL - do */
static const struct nla_policy sluice_wire_del_nl_policy[SLUICE_A_WIRE_B + 1] = {
	[SLUICE_A_WIRE_A] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_WIRE_B] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_GUARD_SET - do */
static const struct nla_policy sluice_guard_set_nl_policy[SLUICE_A_GUARD_ROLE + 1] = {
	[SLUICE_A_GUARD_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_GUARD_MAC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_GUARD_PREFIX] = NLA_POLICY_NESTED(sluice_prefix_nl_policy),
	[SLUICE_A_GUARD_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_GUARD_UNTAGGED] = { .type = NLA_FLAG, },
	[SLUICE_A_GUARD_VLAN] = NLA_POLICY_NESTED(sluice_vlan_range_nl_policy),
	[SLUICE_A_GUARD_ETH_TYPE] = NLA_POLICY_MIN(NLA_U16, 1535),
	[SLUICE_A_GUARD_ROLE] = NLA_POLICY_MAX(NLA_U8, 4),
};

/* SLUICE_CMD_GUARD_DEL - do */
static const struct nla_policy sluice_guard_del_nl_policy[SLUICE_A_GUARD_PORT + 1] = {
	[SLUICE_A_GUARD_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_GUARD_GET - dump */
static const struct nla_policy sluice_guard_get_nl_policy[SLUICE_A_GUARD_PORT + 1] = {
	[SLUICE_A_GUARD_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_ACL_ADD - do */
static const struct nla_policy sluice_acl_add_nl_policy[SLUICE_A_ACL_OPTION + 1] = {
	[SLUICE_A_ACL_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_ACL_DIR] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_ACL_PRIO] = { .type = NLA_U32, },
	[SLUICE_A_ACL_VERDICT] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_ACL_ETH_TYPE] = { .type = NLA_U16, },
	[SLUICE_A_ACL_VLAN] = NLA_POLICY_MAX(NLA_U16, 4094),
	[SLUICE_A_ACL_PROTO] = { .type = NLA_U8, },
	[SLUICE_A_ACL_SRC] = NLA_POLICY_NESTED(sluice_prefix_nl_policy),
	[SLUICE_A_ACL_DST] = NLA_POLICY_NESTED(sluice_prefix_nl_policy),
	[SLUICE_A_ACL_SPORT_MIN] = { .type = NLA_U16, },
	[SLUICE_A_ACL_SPORT_MAX] = { .type = NLA_U16, },
	[SLUICE_A_ACL_DPORT_MIN] = { .type = NLA_U16, },
	[SLUICE_A_ACL_DPORT_MAX] = { .type = NLA_U16, },
	[SLUICE_A_ACL_ICMP_TYPE] = { .type = NLA_U8, },
	[SLUICE_A_ACL_ICMP_CODE] = { .type = NLA_U8, },
	[SLUICE_A_ACL_TCP_FLAGS] = { .type = NLA_U8, },
	[SLUICE_A_ACL_TCP_MASK] = { .type = NLA_U8, },
	[SLUICE_A_ACL_UNTAGGED] = { .type = NLA_FLAG, },
	[SLUICE_A_ACL_ETH_DST] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_ACL_ETH_MASK] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_ACL_FRAG] = NLA_POLICY_MAX(NLA_U8, 3),
	[SLUICE_A_ACL_FRAG_MASK] = NLA_POLICY_MAX(NLA_U8, 3),
	[SLUICE_A_ACL_OPTION] = NLA_POLICY_MAX(NLA_U8, 3),
};

/* SLUICE_CMD_ACL_DEL - do */
static const struct nla_policy sluice_acl_del_nl_policy[SLUICE_A_ACL_PRIO + 1] = {
	[SLUICE_A_ACL_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_ACL_DIR] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_ACL_PRIO] = { .type = NLA_U32, },
};

/* SLUICE_CMD_ACL_FLUSH - do */
static const struct nla_policy sluice_acl_flush_nl_policy[SLUICE_A_ACL_PORT + 1] = {
	[SLUICE_A_ACL_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_ACL_SET_DEFAULT - do */
static const struct nla_policy sluice_acl_set_default_nl_policy[SLUICE_A_ACL_VERDICT + 1] = {
	[SLUICE_A_ACL_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_ACL_DIR] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_ACL_VERDICT] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_ACL_GET - dump */
static const struct nla_policy sluice_acl_get_nl_policy[SLUICE_A_ACL_PORT + 1] = {
	[SLUICE_A_ACL_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_RATE_SET - do */
static const struct nla_policy sluice_rate_set_nl_policy[SLUICE_A_RATE_PBURST + 1] = {
	[SLUICE_A_RATE_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_RATE_DIR] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_RATE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_RATE_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_RATE_PPS] = { .type = NLA_UINT, },
	[SLUICE_A_RATE_PBURST] = { .type = NLA_UINT, },
};

/* SLUICE_CMD_RATE_DEL - do */
static const struct nla_policy sluice_rate_del_nl_policy[SLUICE_A_RATE_DIR + 1] = {
	[SLUICE_A_RATE_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_RATE_DIR] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_RATE_GET - dump */
static const struct nla_policy sluice_rate_get_nl_policy[SLUICE_A_RATE_PORT + 1] = {
	[SLUICE_A_RATE_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_METER_ADD - do */
static const struct nla_policy sluice_meter_add_nl_policy[SLUICE_A_METER_PBURST + 1] = {
	[SLUICE_A_METER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_METER_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_METER_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_METER_PPS] = { .type = NLA_UINT, },
	[SLUICE_A_METER_PBURST] = { .type = NLA_UINT, },
};

/* SLUICE_CMD_METER_DEL - do */
static const struct nla_policy sluice_meter_del_nl_policy[SLUICE_A_METER_ID + 1] = {
	[SLUICE_A_METER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SLUICE_CMD_FLOW_ADD - do */
static const struct nla_policy sluice_flow_add_nl_policy[SLUICE_A_FLOW_ACTIONS + 1] = {
	[SLUICE_A_FLOW_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[SLUICE_A_FLOW_PRIO] = { .type = NLA_U32, },
	[SLUICE_A_FLOW_KEY] = NLA_POLICY_NESTED(sluice_match_nl_policy),
	[SLUICE_A_FLOW_MASK] = NLA_POLICY_NESTED(sluice_match_nl_policy),
	[SLUICE_A_FLOW_ACTIONS] = NLA_POLICY_NESTED(sluice_act_nl_policy),
};

/* SLUICE_CMD_FLOW_DEL - do */
static const struct nla_policy sluice_flow_del_nl_policy[SLUICE_A_FLOW_ID + 1] = {
	[SLUICE_A_FLOW_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SLUICE_CMD_FLOW_GET - do */
static const struct nla_policy sluice_flow_get_nl_policy[SLUICE_A_FLOW_ID + 1] = {
	[SLUICE_A_FLOW_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SLUICE_CMD_WORKER_ADD - do */
static const struct nla_policy sluice_worker_add_nl_policy[SLUICE_A_WORKER_MODE + 1] = {
	[SLUICE_A_WORKER_CPU] = { .type = NLA_U32, },
	[SLUICE_A_WORKER_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_WORKER_SET - do */
static const struct nla_policy sluice_worker_set_nl_policy[SLUICE_A_WORKER_MODE + 1] = {
	[SLUICE_A_WORKER_CPU] = { .type = NLA_U32, },
	[SLUICE_A_WORKER_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_WORKER_DEL - do */
static const struct nla_policy sluice_worker_del_nl_policy[SLUICE_A_WORKER_CPU + 1] = {
	[SLUICE_A_WORKER_CPU] = { .type = NLA_U32, },
};

/* SLUICE_CMD_WORKER_ASSIGN - do */
static const struct nla_policy sluice_worker_assign_nl_policy[SLUICE_A_WORKER_VOLUME + 1] = {
	[SLUICE_A_WORKER_CPU] = { .type = NLA_U32, },
	[SLUICE_A_WORKER_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_WORKER_QUEUE] = NLA_POLICY_MAX(NLA_U32, 15),
	[SLUICE_A_WORKER_VOLUME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* SLUICE_CMD_STATS_GET - do */
static const struct nla_policy sluice_stats_get_nl_policy[SLUICE_A_STATS_PORT + 1] = {
	[SLUICE_A_STATS_PORT] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_VOLUME_ADD - do */
static const struct nla_policy sluice_volume_add_nl_policy[SLUICE_A_VOLUME_WIPE_PAUSE + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_PATH] = { .type = NLA_NUL_STRING, .len = 4095, },
	[SLUICE_A_VOLUME_START] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_SECTORS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_ONLY] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_BLOCK_SIZE] = { .type = NLA_U32, },
	[SLUICE_A_VOLUME_QUEUES] = NLA_POLICY_RANGE(NLA_U32, 1, 16),
	[SLUICE_A_VOLUME_KEY] = NLA_POLICY_MIN(NLA_S32, 1),
	[SLUICE_A_VOLUME_SECTOR_SIZE] = { .type = NLA_U32, },
	[SLUICE_A_VOLUME_IV_OFFSET] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_IOPS_UNIT] = { .type = NLA_U32, },
	[SLUICE_A_VOLUME_READ_IOPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_GROUP] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_SERIAL] = { .type = NLA_NUL_STRING, .len = 20, },
	[SLUICE_A_VOLUME_ALLOW_DISCARDS] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_RECORD] = { .type = NLA_NUL_STRING, .len = 4095, },
	[SLUICE_A_VOLUME_RECORD_START] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_RECORD_NEW] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_RESUME] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_REKEY_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_REKEY_PAUSE] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_VOLUME_KEY_BEFORE] = NLA_POLICY_MIN(NLA_S32, 1),
	[SLUICE_A_VOLUME_WIPE] = NLA_POLICY_MAX(NLA_U8, 4),
	[SLUICE_A_VOLUME_INTEGRITY] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_WIPE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WIPE_PAUSE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_VOLUME_SET - do */
static const struct nla_policy sluice_volume_set_nl_policy[SLUICE_A_VOLUME_WIPE_PAUSE + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_SECTORS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_IOPS_UNIT] = { .type = NLA_U32, },
	[SLUICE_A_VOLUME_READ_IOPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_MIN] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_GROUP] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_SERIAL] = { .type = NLA_NUL_STRING, .len = 20, },
	[SLUICE_A_VOLUME_REKEY_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_REKEY_PAUSE] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_VOLUME_WIPE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WIPE_PAUSE] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_VOLUME_RECORD] = { .type = NLA_NUL_STRING, .len = 4095, },
	[SLUICE_A_VOLUME_RECORD_START] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_RECORD_NEW] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_RESUME] = { .type = NLA_FLAG, },
};

/* SLUICE_CMD_VOLUME_DEL - do */
static const struct nla_policy sluice_volume_del_nl_policy[SLUICE_A_VOLUME_WIPE_PAUSE + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_WIPE] = NLA_POLICY_MAX(NLA_U8, 4),
	[SLUICE_A_VOLUME_WIPE_KEYS] = { .type = NLA_BINARY, },
	[SLUICE_A_VOLUME_WIPE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WIPE_PAUSE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_VOLUME_GET - dump */
static const struct nla_policy sluice_volume_get_nl_policy[SLUICE_A_VOLUME_NAME + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* SLUICE_CMD_VOLUME_REKEY - do */
static const struct nla_policy sluice_volume_rekey_nl_policy[SLUICE_A_VOLUME_ADOPT + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_REKEY_KEY] = { .type = NLA_S32, },
	[SLUICE_A_VOLUME_JOURNAL] = { .type = NLA_NUL_STRING, .len = 4095, },
	[SLUICE_A_VOLUME_JOURNAL_START] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_SKIP_UNREADABLE] = { .type = NLA_FLAG, },
	[SLUICE_A_VOLUME_REKEY_BACK] = NLA_POLICY_MAX(NLA_U8, 1),
	[SLUICE_A_VOLUME_ADOPT] = { .type = NLA_FLAG, },
};

/* SLUICE_CMD_VOLUME_MODE_SET - do */
static const struct nla_policy sluice_volume_mode_set_nl_policy[SLUICE_A_VOLUME_MODE + 1] = {
	[SLUICE_A_VOLUME_MODE] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_PORT_HOLD - do */
static const struct nla_policy sluice_port_hold_nl_policy[SLUICE_A_PORT_NAME + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_PORT_RELEASE - do */
static const struct nla_policy sluice_port_release_nl_policy[SLUICE_A_PORT_NAME + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
};

/* SLUICE_CMD_TENANT_ALLOW - do */
static const struct nla_policy sluice_tenant_allow_nl_policy[SLUICE_A_TENANT_MEMORY + 1] = {
	[SLUICE_A_TENANT_NETNS_FD] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_PID] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_UID] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_PORTS] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_RULES] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_MEMORY] = { .type = NLA_UINT, },
};

/* SLUICE_CMD_TENANT_DENY - do */
static const struct nla_policy sluice_tenant_deny_nl_policy[SLUICE_A_TENANT_UID + 1] = {
	[SLUICE_A_TENANT_NETNS_FD] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_PID] = { .type = NLA_U32, },
	[SLUICE_A_TENANT_UID] = { .type = NLA_U32, },
};

/* SLUICE_CMD_UPLINK_SET - do */
static const struct nla_policy sluice_uplink_set_nl_policy[SLUICE_A_PORT_WAIT + 1] = {
	[SLUICE_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[SLUICE_A_PORT_WANT_MAC] = NLA_POLICY_EXACT_LEN(6),
	[SLUICE_A_PORT_WANT_VLAN] = NLA_POLICY_NESTED(sluice_vlan_range_nl_policy),
	[SLUICE_A_PORT_NO_PROMISC] = { .type = NLA_FLAG, },
	[SLUICE_A_PORT_WAIT] = { .type = NLA_FLAG, },
};

/* SLUICE_CMD_VOLUME_HOLD - do */
static const struct nla_policy sluice_volume_hold_nl_policy[SLUICE_A_VOLUME_NAME + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* SLUICE_CMD_VOLUME_RELEASE - do */
static const struct nla_policy sluice_volume_release_nl_policy[SLUICE_A_VOLUME_NAME + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* SLUICE_CMD_VOLUME_GROUP_ADD - do */
static const struct nla_policy sluice_volume_group_add_nl_policy[SLUICE_A_VOLUME_GROUP + 1] = {
	[SLUICE_A_VOLUME_GROUP] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_READ_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_IOPS_UNIT] = { .type = NLA_U32, },
};

/* SLUICE_CMD_VOLUME_GROUP_SET - do */
static const struct nla_policy sluice_volume_group_set_nl_policy[SLUICE_A_VOLUME_GROUP + 1] = {
	[SLUICE_A_VOLUME_GROUP] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_READ_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_BURST] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_READ_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_IOPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_WRITE_BPS_PEAK] = { .type = NLA_UINT, },
	[SLUICE_A_VOLUME_IOPS_UNIT] = { .type = NLA_U32, },
};

/* SLUICE_CMD_VOLUME_GROUP_DEL - do */
static const struct nla_policy sluice_volume_group_del_nl_policy[SLUICE_A_VOLUME_GROUP + 1] = {
	[SLUICE_A_VOLUME_GROUP] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* SLUICE_CMD_VOLUME_GROUP_GET - dump */
static const struct nla_policy sluice_volume_group_get_nl_policy[SLUICE_A_VOLUME_GROUP + 1] = {
	[SLUICE_A_VOLUME_GROUP] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* SLUICE_CMD_VOLUME_KEY_WIPE - do */
static const struct nla_policy sluice_volume_key_wipe_nl_policy[SLUICE_A_VOLUME_KEY_WIPED + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_KEY_WIPED] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* SLUICE_CMD_VOLUME_KEY_RESUME - do */
static const struct nla_policy sluice_volume_key_resume_nl_policy[SLUICE_A_VOLUME_KEY_BEFORE + 1] = {
	[SLUICE_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[SLUICE_A_VOLUME_KEY] = NLA_POLICY_MIN(NLA_S32, 1),
	[SLUICE_A_VOLUME_KEY_BEFORE] = NLA_POLICY_MIN(NLA_S32, 1),
};

/* Ops table for sluice */
static const struct genl_split_ops sluice_nl_ops[] = {
	{
		.cmd		= SLUICE_CMD_VERSION_GET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_version_get_doit,
		.post_doit	= sluice_nl_unlock,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_ADD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_port_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_port_add_nl_policy,
		.maxattr	= SLUICE_A_PORT_CONTROL,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_UPLINK_ADD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_uplink_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_uplink_add_nl_policy,
		.maxattr	= SLUICE_A_PORT_WAIT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_SET,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_port_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_port_set_nl_policy,
		.maxattr	= SLUICE_A_PORT_CONTROL,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_port_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_port_del_nl_policy,
		.maxattr	= SLUICE_A_PORT_KIND,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_GET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_port_get_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_port_get_do_nl_policy,
		.maxattr	= SLUICE_A_PORT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_GET,
		.start		= sluice_nl_dump_start,
		.dumpit		= sluice_nl_port_get_dumpit,
		.policy		= sluice_port_get_dump_nl_policy,
		.maxattr	= SLUICE_A_PORT_KIND,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_WIRE_ADD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_wire_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_wire_add_nl_policy,
		.maxattr	= SLUICE_A_WIRE_B,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_WIRE_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_wire_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_wire_del_nl_policy,
		.maxattr	= SLUICE_A_WIRE_B,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_GUARD_SET,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_guard_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_guard_set_nl_policy,
		.maxattr	= SLUICE_A_GUARD_ROLE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_GUARD_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_guard_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_guard_del_nl_policy,
		.maxattr	= SLUICE_A_GUARD_PORT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_GUARD_GET,
		.start		= sluice_nl_admin_dump_start,
		.dumpit		= sluice_nl_guard_get_dumpit,
		.policy		= sluice_guard_get_nl_policy,
		.maxattr	= SLUICE_A_GUARD_PORT,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_ACL_ADD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_acl_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_acl_add_nl_policy,
		.maxattr	= SLUICE_A_ACL_OPTION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_ACL_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_acl_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_acl_del_nl_policy,
		.maxattr	= SLUICE_A_ACL_PRIO,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_ACL_FLUSH,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_acl_flush_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_acl_flush_nl_policy,
		.maxattr	= SLUICE_A_ACL_PORT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_ACL_SET_DEFAULT,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_acl_set_default_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_acl_set_default_nl_policy,
		.maxattr	= SLUICE_A_ACL_VERDICT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_ACL_GET,
		.start		= sluice_nl_admin_dump_start,
		.dumpit		= sluice_nl_acl_get_dumpit,
		.policy		= sluice_acl_get_nl_policy,
		.maxattr	= SLUICE_A_ACL_PORT,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_RATE_SET,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_rate_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_rate_set_nl_policy,
		.maxattr	= SLUICE_A_RATE_PBURST,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_RATE_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_rate_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_rate_del_nl_policy,
		.maxattr	= SLUICE_A_RATE_DIR,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_RATE_GET,
		.start		= sluice_nl_admin_dump_start,
		.dumpit		= sluice_nl_rate_get_dumpit,
		.policy		= sluice_rate_get_nl_policy,
		.maxattr	= SLUICE_A_RATE_PORT,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_METER_ADD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_meter_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_meter_add_nl_policy,
		.maxattr	= SLUICE_A_METER_PBURST,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_METER_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_meter_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_meter_del_nl_policy,
		.maxattr	= SLUICE_A_METER_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_METER_GET,
		.start	= sluice_nl_admin_dump_start,
		.dumpit	= sluice_nl_meter_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_ADD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_flow_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_flow_add_nl_policy,
		.maxattr	= SLUICE_A_FLOW_ACTIONS,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_DEL,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_flow_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_flow_del_nl_policy,
		.maxattr	= SLUICE_A_FLOW_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_FLUSH,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_flow_flush_doit,
		.post_doit	= sluice_nl_unlock,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_FLOW_GET,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_flow_get_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_flow_get_nl_policy,
		.maxattr	= SLUICE_A_FLOW_ID,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_FLOW_GET,
		.start	= sluice_nl_admin_dump_start,
		.dumpit	= sluice_nl_flow_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_WORKER_ADD,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_worker_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_worker_add_nl_policy,
		.maxattr	= SLUICE_A_WORKER_MODE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_WORKER_SET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_worker_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_worker_set_nl_policy,
		.maxattr	= SLUICE_A_WORKER_MODE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_WORKER_DEL,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_worker_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_worker_del_nl_policy,
		.maxattr	= SLUICE_A_WORKER_CPU,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_WORKER_ASSIGN,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_worker_assign_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_worker_assign_nl_policy,
		.maxattr	= SLUICE_A_WORKER_VOLUME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_WORKER_GET,
		.start	= sluice_nl_host_dump_start,
		.dumpit	= sluice_nl_worker_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_STATS_GET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_stats_get_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_stats_get_nl_policy,
		.maxattr	= SLUICE_A_STATS_PORT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_STATS_GET,
		.start	= sluice_nl_dump_start,
		.dumpit	= sluice_nl_stats_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_TXN_BEGIN,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_txn_begin_doit,
		.post_doit	= sluice_nl_unlock,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TXN_COMMIT,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_txn_commit_doit,
		.post_doit	= sluice_nl_unlock,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TXN_ABORT,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_txn_abort_doit,
		.post_doit	= sluice_nl_unlock,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_ADD,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_add_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_WIPE_PAUSE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_SET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_set_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_WIPE_PAUSE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_DEL,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_del_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_WIPE_PAUSE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_GET,
		.start		= sluice_nl_volume_dump_start,
		.dumpit		= sluice_nl_volume_get_dumpit,
		.policy		= sluice_volume_get_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_NAME,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_REKEY,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_rekey_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_rekey_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_ADOPT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_MODE_SET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_mode_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_mode_set_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_MODE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_MODE_GET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_mode_get_doit,
		.post_doit	= sluice_nl_unlock,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_HOLD,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_port_hold_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_port_hold_nl_policy,
		.maxattr	= SLUICE_A_PORT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_PORT_RELEASE,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_port_release_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_port_release_nl_policy,
		.maxattr	= SLUICE_A_PORT_NAME,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TENANT_ALLOW,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_tenant_allow_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_tenant_allow_nl_policy,
		.maxattr	= SLUICE_A_TENANT_MEMORY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_TENANT_DENY,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_tenant_deny_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_tenant_deny_nl_policy,
		.maxattr	= SLUICE_A_TENANT_UID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= SLUICE_CMD_TENANT_GET,
		.start	= sluice_nl_dump_start,
		.dumpit	= sluice_nl_tenant_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_UPLINK_SET,
		.pre_doit	= sluice_nl_admin_lock,
		.doit		= sluice_nl_uplink_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_uplink_set_nl_policy,
		.maxattr	= SLUICE_A_PORT_WAIT,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_HOLD,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_hold_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_hold_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_RELEASE,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_release_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_release_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_GROUP_ADD,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_group_add_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_group_add_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_GROUP,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_GROUP_SET,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_group_set_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_group_set_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_GROUP,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_GROUP_DEL,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_group_del_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_group_del_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_GROUP,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_GROUP_GET,
		.start		= sluice_nl_host_dump_start,
		.dumpit		= sluice_nl_volume_group_get_dumpit,
		.policy		= sluice_volume_group_get_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_GROUP,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_KEY_WIPE,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_key_wipe_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_key_wipe_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_KEY_WIPED,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= SLUICE_CMD_VOLUME_KEY_RESUME,
		.pre_doit	= sluice_nl_lock,
		.doit		= sluice_nl_volume_key_resume_doit,
		.post_doit	= sluice_nl_unlock,
		.policy		= sluice_volume_key_resume_nl_policy,
		.maxattr	= SLUICE_A_VOLUME_KEY_BEFORE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group sluice_nl_mcgrps[] = {
	[SLUICE_NLGRP_EVENTS] = { "events", },
};

struct genl_family sluice_nl_family __ro_after_init = {
	.name		= SLUICE_FAMILY_NAME,
	.version	= SLUICE_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= sluice_nl_ops,
	.n_split_ops	= ARRAY_SIZE(sluice_nl_ops),
	.mcgrps		= sluice_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(sluice_nl_mcgrps),
};
