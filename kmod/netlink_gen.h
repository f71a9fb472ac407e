/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	kmod/sluice.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_SLUICE_GEN_H
#define _LINUX_SLUICE_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/sluice.h>

/* Common nested types */
extern const struct nla_policy sluice_act_nl_policy[SLUICE_A_ACT_IFINDEX + 1];
extern const struct nla_policy sluice_match_nl_policy[SLUICE_A_MATCH_ARP_OP + 1];
extern const struct nla_policy sluice_prefix_nl_policy[SLUICE_A_PREFIX_LEN + 1];
extern const struct nla_policy sluice_vlan_range_nl_policy[SLUICE_A_VLAN_RANGE_LAST + 1];

int sluice_nl_lock(const struct genl_split_ops *ops, struct sk_buff *skb,
		   struct genl_info *info);
int sluice_nl_admin_lock(const struct genl_split_ops *ops, struct sk_buff *skb,
			 struct genl_info *info);
void
sluice_nl_unlock(const struct genl_split_ops *ops, struct sk_buff *skb,
		 struct genl_info *info);
int sluice_nl_dump_start(struct netlink_callback *cb);
int sluice_nl_admin_dump_start(struct netlink_callback *cb);
int sluice_nl_host_dump_start(struct netlink_callback *cb);
int sluice_nl_volume_dump_start(struct netlink_callback *cb);

int sluice_nl_version_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_uplink_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_wire_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_wire_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_guard_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_guard_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_guard_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sluice_nl_acl_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_acl_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_acl_flush_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_acl_set_default_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_acl_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_rate_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_rate_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_rate_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_meter_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_meter_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_meter_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sluice_nl_flow_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_flow_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sluice_nl_worker_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_worker_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_worker_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_worker_assign_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_worker_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int sluice_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_stats_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sluice_nl_txn_begin_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_txn_commit_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_txn_abort_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_add_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_del_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int sluice_nl_volume_rekey_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_mode_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_mode_get_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_hold_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_port_release_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_tenant_allow_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_tenant_deny_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_tenant_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int sluice_nl_uplink_set_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_hold_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_release_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_group_add_doit(struct sk_buff *skb,
				    struct genl_info *info);
int sluice_nl_volume_group_set_doit(struct sk_buff *skb,
				    struct genl_info *info);
int sluice_nl_volume_group_del_doit(struct sk_buff *skb,
				    struct genl_info *info);
int sluice_nl_volume_group_get_dumpit(struct sk_buff *skb,
				      struct netlink_callback *cb);
int sluice_nl_volume_key_wipe_doit(struct sk_buff *skb, struct genl_info *info);
int sluice_nl_volume_key_resume_doit(struct sk_buff *skb,
				     struct genl_info *info);

enum {
	SLUICE_NLGRP_EVENTS,
};

extern struct genl_family sluice_nl_family;

#endif /* _LINUX_SLUICE_GEN_H */
