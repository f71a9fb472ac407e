/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may have ports and rules, and how many.
 *
 * DOC: Tenants
 *
 * CAP_NET_ADMIN over a network namespace is nothing on a host where everybody may make user
 * namespaces. So a network namespace that belongs to another user namespace than the first is a
 * tenant: it may have nothing, unless the operator allowed it (by CAP_NET_ADMIN in the first user
 * namespace) for this namespace, or for all namespaces whose user namespace a certain user owns.
 * What a namespace was allowed itself comes first; what it has counts for its owner too.
 *
 * DOC: Memory
 *
 * What a tenant makes is counted in bytes too, as the allocator gives them: where it is allocated,
 * until packets cannot find it any more and it is given away to be freed. Ports are counted with
 * all that their queues may come to need, as rings are attached by whoever has the port's node,
 * without RTNL. Changes that a transaction keeps are counted while it keeps them; what it makes
 * aside is there beside what that replaces, and counted so, until the switch.
 *
 * DOC: Allowances
 *
 * An allowance of a namespace dies with it. One that is taken back leaves what is there, and lets
 * it be removed. All of this is under RTNL.
 */
#ifndef _SLUICE_TENANT_H
#define _SLUICE_TENANT_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct net;
struct netlink_ext_ack;
struct sluice_instance;

/* What is allowed if no number is said. */
#define SLUICE_TENANT_PORTS	16
#define SLUICE_TENANT_RULES	1024
/* Memory for a rule of whatever kind, twice, and for the messages that say so. */
#define SLUICE_TENANT_RULE_MEMORY	16384

/**
 * struct sluice_tenant_limit - an allowance
 * @allowed: there is one
 * @ports: so many ports and uplinks at most
 * @rules: so many rules of access lists, flows and meters at most
 * @memory: so many bytes of the kernel's memory at most
 */
struct sluice_tenant_limit {
	bool allowed;
	u32 ports;
	u32 rules;
	u64 memory;
};

/**
 * struct sluice_tenant_use - what is there
 * @ports: ports and uplinks
 * @rules: rules of access lists, flows and meters
 * @memory: bytes, of all that is made
 */
struct sluice_tenant_use {
	u32 ports;
	u32 rules;
	u64 memory;
};

/**
 * struct sluice_tenant_user - an allowance of all namespaces of one user
 * @node: in the list of them
 * @uid: owner of their user namespaces
 * @limit: for all together
 * @use: by all together
 */
struct sluice_tenant_user {
	struct list_head node;
	kuid_t uid;
	struct sluice_tenant_limit limit;
	struct sluice_tenant_use use;
};

/* Does it belong to another user namespace than the first? Any context. */
bool sluice_tenant_is(const struct net *net);
/* Are both tenants', of user namespaces that one user made? */
bool sluice_tenant_same(const struct net *a, const struct net *b);

/* 0, or -EPERM and an extack that says what the operator would do. */
int sluice_tenant_check(const struct sluice_instance *inst, struct netlink_ext_ack *extack);
/* Likewise, for one more port of so many bytes, or one more rule; also -EDQUOT. */
int sluice_tenant_check_port(const struct sluice_instance *inst, size_t memory,
			     struct netlink_ext_ack *extack);
int sluice_tenant_check_rule(const struct sluice_instance *inst, struct netlink_ext_ack *extack);
/* Likewise, for so many bytes more. */
int sluice_tenant_check_memory(const struct sluice_instance *inst, size_t memory,
			       struct netlink_ext_ack *extack);
/* Has it anything to change, or may it have? -EPERM as above. */
int sluice_tenant_check_change(const struct sluice_instance *inst, struct netlink_ext_ack *extack);
/* How many changes one transaction may hold. */
u64 sluice_tenant_max_changes(const struct sluice_instance *inst);

/* What came (or, less than 0, went). */
void sluice_tenant_count(struct sluice_instance *inst, int ports, int rules);
/* Likewise, bytes. */
void sluice_tenant_count_memory(struct sluice_instance *inst, s64 memory);
/* The namespace is gone, with whatever was not counted down. */
void sluice_tenant_forget(struct sluice_instance *inst);

/* NULL: none. */
struct sluice_tenant_user *sluice_tenant_user(kuid_t uid);
/* The one behind @user, NULL: the first. */
struct sluice_tenant_user *sluice_tenant_next_user(struct sluice_tenant_user *user);
/* -ENOSPC: there are too many. */
int sluice_tenant_allow_user(kuid_t uid, const struct sluice_tenant_limit *limit);
/* False: there was no allowance. */
bool sluice_tenant_deny_user(kuid_t uid);
void sluice_tenant_exit(void);

#endif /* _SLUICE_TENANT_H */
