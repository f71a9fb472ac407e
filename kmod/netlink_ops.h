/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the netlink family.
 *
 * Every command runs with RTNL held: sluice_nl_lock() is the hook ahead of those that do, dumps
 * take it for as long as one buffer takes to fill. A command that changes something is a function
 * of one struct sluice_change, so that it can run at once or, within a transaction, later
 * (netlink_txn.c).
 */
#ifndef _SLUICE_NETLINK_OPS_H
#define _SLUICE_NETLINK_OPS_H

#include <net/genetlink.h>
#include <net/ipv6.h>
#include <net/netlink.h>
#include <net/sock.h>
#include "engine.h"
#include "instance.h"
#include "netlink.h"
#include "netlink_gen.h"
#include "patience.h"
#include "port.h"

/* --- changes --- */

struct sluice_port_step;
struct sluice_txn;
struct sluice_pace;
struct sluice_volume;
enum sluice_erasure;
struct sluice_volume_group;
struct sluice_volume_limit;
struct sluice_volume_params;

/**
 * struct sluice_change - a request to change something
 * @net: whose
 * @inst: of @net
 * @ops: the engine; NULL if there is none
 * @attrs: as the command's policy let them pass; of several of a type the last
 * @head: all of them, @len bytes
 * @len: bytes
 * @extack: for refusals; never NULL
 * @info: to answer to; NULL within a transaction
 * @txn: the transaction that is being committed, or NULL
 */
struct sluice_change {
	struct net *net;
	struct sluice_instance *inst;
	const struct sluice_engine_ops *ops;
	struct nlattr **attrs;
	const struct nlattr *head;
	int len;
	struct netlink_ext_ack *extack;
	struct genl_info *info;
	struct sluice_txn *txn;
};

typedef int (*sluice_change_fn)(struct sluice_change *c);

/*
 * Make the change, or keep it for the commit if the socket has a transaction open. A commit makes
 * it while the workers go on, after all that is made aside: so it may wait for a device or a
 * worker. What packets shall see together with the rest it leaves to sluice_change_store().
 */
int sluice_change_do(struct sk_buff *skb, struct genl_info *info, sluice_change_fn fn,
		     enum sluice_object object);

/*
 * The same for a change that packets do not see before the commit is through: the engine's
 * configuration, which is made aside, and a new port, uplink, volume or worker, which nobody has
 * yet. A commit makes these first, while the workers go on.
 */
int sluice_change_do_aside(struct sk_buff *skb, struct genl_info *info, sluice_change_fn fn,
			   enum sluice_object object);

/**
 * struct sluice_step - what a transaction has yet to do about a change
 * @node: in the transaction
 * @fn: does it; a negative errno if it could not
 * @net: namespace
 * @armed: the change was made; without that the step is only freed
 */
struct sluice_step {
	struct list_head node;
	int (*fn)(struct sluice_step *step);
	struct net *net;
	bool armed;
};

/*
 * Memory for undoing the change that follows, so that nothing is changed which could not be
 * undone: @size bytes that begin with a struct sluice_step. The caller arms it when the change was
 * made. Changes are undone in reverse order, so @fn finds all as it was right after. Return: NULL
 * outside of a transaction, ERR_PTR(-ENOMEM).
 */
void *sluice_change_undo(struct sluice_change *c, size_t size, int (*fn)(struct sluice_step *step));
/*
 * What is a store in the end, which packets see together with all else that the transaction makes:
 * @fn runs while workers stand still, so it allocates nothing, waits for nobody and cannot fail.
 * Armed already. Only within a transaction.
 */
void *sluice_change_store(struct sluice_change *c, size_t size,
			  int (*fn)(struct sluice_step *step));
/*
 * What cannot be undone and cannot fail waits until all else was done and the workers run again;
 * armed already. Only within a transaction.
 */
void *sluice_change_defer(struct sluice_change *c, size_t size,
			  int (*fn)(struct sluice_step *step));

/*
 * Have @check look at what all changes come to, when they are made and can yet be undone: 0, or an
 * errno and an extack. Only within a transaction.
 */
typedef int (*sluice_check_fn)(struct netlink_ext_ack *extack);
void sluice_change_check(struct sluice_change *c, sluice_check_fn check);

int sluice_txn_init(void);
void sluice_txn_exit(void);

/* --- attributes of a change --- */

/* The attribute, or NULL and an extack that names it. */
struct nlattr *sluice_nl_need(struct sluice_change *c, int type);
/*
 * A port by name: any, or one of a guest, as only those have policy, with an engine to hold it.
 * ERR_PTR with an extack.
 */
struct sluice_port *sluice_nl_port(struct net *net, const struct nlattr *name,
				   struct netlink_ext_ack *extack);
struct sluice_port *sluice_nl_need_port(struct sluice_change *c, int type);
struct sluice_port *sluice_nl_need_guest(struct sluice_change *c, int type);
/* 0, or -ENODEV and an extack. */
int sluice_nl_need_engine(struct sluice_change *c);

/* An address of four or sixteen bytes; IPv4 becomes ::ffff:a.b.c.d. */
int sluice_nl_get_addr(const struct nlattr *nla, struct in6_addr *addr, u16 *family,
		       struct netlink_ext_ack *extack);
int sluice_nl_put_addr(struct sk_buff *skb, int type, const struct in6_addr *addr, u16 family);
int sluice_nl_get_prefix(const struct nlattr *nla, struct sluice_prefix *prefix,
			 struct netlink_ext_ack *extack);
int sluice_nl_put_prefix(struct sk_buff *skb, int type, const struct sluice_prefix *prefix);

int sluice_nl_get_vlan_range(const struct nlattr *nla, struct sluice_vlan_range *range,
			     struct netlink_ext_ack *extack);
int sluice_nl_put_vlan_range(struct sk_buff *skb, int type, const struct sluice_vlan_range *range);

/*
 * netlink_port.c: the name of a port that is to be made, or NULL; the step that undoes its making;
 * what became of that.
 */
const char *sluice_nl_new_port_name(struct sluice_change *c);
struct sluice_port_step *sluice_nl_undo_port(struct sluice_change *c);
int sluice_nl_port_added(struct sluice_port *port, struct sluice_port_step *undo);

/* What a device is asked for. */
struct sluice_nl_link_state {
	u8 mac[ETH_ALEN];
	u8 assigned;
	unsigned int mtu;
};

/* A port's device, and the one below it, if there is one. */
struct sluice_nl_link {
	struct sluice_port *port;
	struct sluice_nl_link_state own;
	struct sluice_nl_link_state lower;
};

/* netlink_port.c: what it is, and that again: of the device below, if it is there. RTNL. */
void sluice_nl_get_link(struct sluice_port *port, struct sluice_nl_link *was);
int sluice_nl_restore_link(const struct sluice_nl_link *was);

/* netlink_uplink.c: what only an uplink has. */
int sluice_nl_put_uplink(struct sk_buff *skb, const struct sluice_port *port);

/* netlink_match.c, netlink_act.c: parts of a flow rule. @net says which ports there are. */
int sluice_nl_get_match(struct sluice_change *c, struct sluice_flow_spec *flow);
int sluice_nl_put_match(struct sk_buff *skb, struct net *net, const struct sluice_flow_spec *flow);
int sluice_nl_get_acts(struct sluice_change *c, struct sluice_flow_spec *flow);
int sluice_nl_put_acts(struct sk_buff *skb, struct net *net, const struct sluice_flow_spec *flow);

/*
 * netlink_volume_limit.c: limits by SLUICE_VOLUME_READ, _WRITE. What the change does not name stays
 * as it is in @limit, which it becomes: 0, or -EINVAL and an extack. minimums: likewise, after
 * that, of a volume; the commands about groups know no such attributes. put: 0 or -EMSGSIZE.
 */
int sluice_nl_volume_get_limits(const struct sluice_change *c, struct sluice_volume_limit *limit);
int sluice_nl_volume_get_minimums(const struct sluice_change *c, struct sluice_volume_limit *limit);
int sluice_nl_volume_put_limits(struct sk_buff *skb, const struct sluice_volume_limit *limit);

/*
 * netlink_volume_group.c: the group that the change names: *@group stays as it is if it names none,
 * and is NULL if it says that it is to be none. 0 or -ENOENT.
 */
int sluice_nl_volume_get_group(const struct sluice_change *c, struct sluice_volume_group **group);
int sluice_nl_volume_put_group(struct sk_buff *skb, const struct sluice_volume_group *g);
/*
 * May a volume, @name, be in that group with these limits? Within a transaction that is looked at
 * in the end. 0, or -EINVAL and an extack.
 */
int sluice_nl_volume_check_group(struct sluice_change *c, const char *name,
				 struct sluice_volume_group *group,
				 const struct sluice_volume_limit *limit);

/* netlink_volume_rekey.c: begin one, or go on; and what there is to say of one. */
int sluice_nl_volume_rekey(struct sluice_change *c, struct sluice_volume *v);
/* What the change does not name stays as it is. */
void sluice_nl_volume_get_pace(const struct sluice_change *c, int bps, int pause,
			       struct sluice_pace *pace);
int sluice_nl_volume_put_pace(struct sk_buff *skb, int bps, int pause,
			      const struct sluice_pace *pace);
int sluice_nl_volume_put_rekey(struct sk_buff *skb, const struct sluice_volume *v);

/*
 * netlink_volume_record.c: what the change says of a record: 0, or an error with an extack. set:
 * the volume has that from now on, if it says anything. put: 0 or -EMSGSIZE.
 */
int sluice_nl_volume_get_record(struct sluice_change *c, struct sluice_volume_params *p);
int sluice_nl_volume_set_record(struct sluice_change *c, struct sluice_volume *v);
int sluice_nl_volume_put_record(struct sk_buff *skb, const struct sluice_volume *v);

/*
 * netlink_volume_erase.c: how a new volume, or one that goes, is to be wiped: 0, or an error with
 * an extack. give_up: true: it is being wiped before it goes, and goes as it is, as the change
 * says. end: it goes, and nothing can refuse that any more. put: 0 or -EMSGSIZE.
 */
bool sluice_nl_volume_give_up_erase(const struct sluice_change *c);
/* How fast: does the change say that? Of one that is being wiped: 0, or an error with an extack. */
bool sluice_nl_volume_paces_erase(const struct sluice_change *c);
int sluice_nl_volume_pace_erase(struct sluice_change *c);
void sluice_nl_volume_end(struct sluice_change *c, struct sluice_volume *v,
			  enum sluice_erasure how);
int sluice_nl_volume_get_last_erase(struct sluice_change *c, const struct sluice_volume *v,
				    enum sluice_erasure *how);
int sluice_nl_volume_get_new_erase(struct sluice_change *c, struct sluice_volume_params *p);
int sluice_nl_volume_put_erase(struct sk_buff *skb, const struct sluice_volume *v);

/* netlink_volume_key.c: has it got its key? 0 or -EMSGSIZE. */
int sluice_nl_volume_put_wiped(struct sk_buff *skb, const struct sluice_volume *v);

/* netlink_volume.c: the volume that the change names; ERR_PTR with an extack. */
struct sluice_volume *sluice_nl_need_volume(struct sluice_change *c);
/* Of a volume, or a group. */
bool sluice_nl_volume_name_valid(const char *name);
/* The volume that the change names, or one of its queues, goes to @w. */
int sluice_nl_volume_assign(struct sluice_change *c, struct sluice_worker *w);

/* --- answers --- */

/* Allocate an answer of one message and fill it by @put. Return: 0, or a negative errno. */
int sluice_nl_reply(struct genl_info *info, int (*put)(struct sk_buff *skb, const void *obj),
		    const void *obj);

/**
 * struct sluice_nl_dump - a dump under way; lives in cb->ctx
 * @cur: the engine's place
 * @index: the port's place, of those that go by port
 * @part: place within the port
 * @begun: not the first buffer
 */
struct sluice_nl_dump {
	struct sluice_cursor cur;
	unsigned long index;
	u32 part;
	bool begun;
};

static inline struct sluice_nl_dump *sluice_nl_dump(struct netlink_callback *cb)
{
	NL_ASSERT_DUMP_CTX_FITS(struct sluice_nl_dump);
	return (struct sluice_nl_dump *)cb->ctx;
}

/**
 * struct sluice_nl_out - where a dump's messages go; the context of the engine's emit functions
 * @skb: buffer
 * @cb: dump
 * @net: namespace
 */
struct sluice_nl_out {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	struct net *net;
};

/* One message of a dump, filled by @put. Return: 0, or -EMSGSIZE and nothing of it is left. */
int sluice_nl_dump_one(const struct sluice_nl_out *out,
		       int (*put)(struct sk_buff *skb, const void *obj), const void *obj);
/* What the dump stands for: a change of it between two buffers flags them NLM_F_DUMP_INTR. RTNL. */
void sluice_nl_dump_gen(struct netlink_callback *cb, const struct sluice_engine_ops *ops,
			struct sluice_instance *inst);
/*
 * Call @put for each port (the one that @filter names, if it is not NULL), from where the last
 * buffer was full. -EMSGSIZE from @put ends the buffer: the port comes again, with
 * sluice_nl_dump()->cur and ->part as they were left.
 * @policy: only guest ports, and only if there is an engine. Takes RTNL.
 */
int sluice_nl_dump_ports(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct nlattr *filter, bool policy,
			 int (*put)(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
				    struct sluice_port *port));
/* The same for what the engine keeps for a namespace. */
int sluice_nl_dump_engine(struct sk_buff *skb, struct netlink_callback *cb,
			  int (*put)(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
				     struct sluice_instance *inst, struct sluice_cursor *cur));

/*
 * What workers still count for themselves is added to the rules. RTNL. By calls to them: so not for
 * an object, but once for a dump, and not for what counts in place (meters).
 */
void sluice_nl_flush_counters(const struct sluice_engine_ops *ops, struct sluice_instance *inst);
void sluice_nl_dump_counters(const struct sluice_nl_out *out, const struct sluice_engine_ops *ops);
/* Tell listeners that an object of the namespace changed. */
void sluice_nl_config(struct net *net, enum sluice_object object);
/* Likewise, and what was done: SLUICE_CMD_*. */
void sluice_nl_changed(const struct sluice_change *c, enum sluice_object object, u8 command);

#endif /* _SLUICE_NETLINK_OPS_H */
