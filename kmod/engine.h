/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract with engines. sluice.ko holds ports, queues, netdevs, workers and the netlink
 * family; an engine (sluice_net.ko) looks at packets and owns every table that a packet is matched
 * against. It registers one table of operations. Configuration arrives as the plain structures
 * below, already checked for form by the netlink policies; the engine checks for sense.
 *
 * Context rules. Control operations run with RTNL held and may sleep. Packet operations run on a
 * worker thread (or, where said, in softirq), never wait for guest memory (-EAGAIN tells that it is
 * not there) and take no lock.
 */
#ifndef _SLUICE_ENGINE_H
#define _SLUICE_ENGINE_H

#include <linux/in6.h>
#include <linux/netlink.h>
#include <linux/types.h>
#include "drop.h"
#include "flow_key.h"

struct sk_buff;
struct sluice_instance;
struct sluice_port;
struct sluice_queue;
struct sluice_worker;
struct virtio_net_hdr;

/* Directions of policy, from the operator's side. */
enum sluice_dir {
	SLUICE_DIR_FROM_GUEST,
	SLUICE_DIR_TO_GUEST,
	SLUICE_DIRS
};

/* Counters as they are shown. */
struct sluice_hits {
	u64 packets;
	u64 bytes;
};

/* Which fields of an access rule are matched. */
#define SLUICE_ACL_ETH_TYPE	BIT(0)
#define SLUICE_ACL_VLAN		BIT(1)
#define SLUICE_ACL_PROTO	BIT(2)
#define SLUICE_ACL_SRC		BIT(3)
#define SLUICE_ACL_DST		BIT(4)
#define SLUICE_ACL_SPORT	BIT(5)
#define SLUICE_ACL_DPORT	BIT(6)
#define SLUICE_ACL_ICMP_TYPE	BIT(7)
#define SLUICE_ACL_ICMP_CODE	BIT(8)
#define SLUICE_ACL_TCP_FLAGS	BIT(9)
#define SLUICE_ACL_ETH_DST	BIT(10)
#define SLUICE_ACL_FRAG		BIT(11)
#define SLUICE_ACL_OPTION	BIT(12)
#define SLUICE_ACL_UNTAGGED	BIT(13)	/* no tag; has no value */

/**
 * struct sluice_prefix - an address prefix
 * @addr: IPv6, or IPv4 as ::ffff:a.b.c.d (and @family says which)
 * @family: AF_INET or AF_INET6
 * @len: prefix length in bits of its own family
 */
struct sluice_prefix {
	struct in6_addr addr;
	u16 family;
	u8 len;
};

/**
 * struct sluice_acl_rule - one rule of a port's access list
 * @prio: unique within port and direction; the lowest is looked at first
 * @dir: SLUICE_DIR_*
 * @allow: verdict
 * @fields: SLUICE_ACL_* that must match; all others are ignored
 * @eth_type: host order
 * @vlan: outer VLAN id
 * @proto: IP protocol (after extension headers)
 * @src: address prefix
 * @dst: address prefix
 * @sport: inclusive range, host order
 * @dport: inclusive range, host order
 * @icmp_type: ICMP or ICMPv6, as @proto says
 * @icmp_code: likewise
 * @tcp_flags: flags that must be set among @tcp_mask
 * @tcp_mask: flags that are looked at
 * @frag: SLUICE_FRAG_* that must be set among @frag_mask
 * @frag_mask: those that are looked at
 * @option: SLUICE_OPTION_* that must be there, all of them
 * @eth_dst: destination MAC
 * @eth_mask: its bits that are compared
 */
struct sluice_acl_rule {
	u32 prio;
	u8 dir;
	bool allow;
	u32 fields;
	u16 eth_type;
	u16 vlan;
	u8 proto;
	u8 icmp_type;
	u8 icmp_code;
	u8 tcp_flags;
	u8 tcp_mask;
	u8 frag;
	u8 frag_mask;
	u8 option;
	u8 eth_dst[ETH_ALEN];
	u8 eth_mask[ETH_ALEN];
	struct sluice_prefix src;
	struct sluice_prefix dst;
	u16 sport[2];
	u16 dport[2];
};

#define SLUICE_GUARD_MACS	8
#define SLUICE_GUARD_PREFIXES	32
#define SLUICE_GUARD_VLANS	16
#define SLUICE_GUARD_TYPES	16

/* What a guest of a strict guard is, besides a host with addresses. */
#define SLUICE_GUARD_DHCP_SERVER	BIT(0)	/* may answer DHCP and DHCPv6 clients */
#define SLUICE_GUARD_RA			BIT(1)	/* a router: RA, ND redirects */
#define SLUICE_GUARD_BRIDGE		BIT(2)	/* a bridge: BPDUs, both ways */
#define SLUICE_GUARD_QINQ		BIT(3)	/* tags within its tags */
#define SLUICE_GUARD_SOURCE_ROUTE	BIT(4)	/* source routes, routing headers, home addresses */

/**
 * struct sluice_vlan_range - VLAN ids, both ends belong to it
 * @first: the lowest; 0 is a tag that has only a priority
 * @last: the highest
 */
struct sluice_vlan_range {
	u16 first;
	u16 last;
};

/**
 * struct sluice_guard - which senders a guest may claim to be
 * @strict: what is not said is denied: other EtherTypes, tags, address families, and the roles
 *	below. Without it only the addresses that a frame names as its sender's are looked at, and
 *	the members from @untagged on are zero
 * @nr_mac: 0: any source MAC
 * @nr_prefix: 0: any source address; else also ARP and ND senders must be among @prefix. Not
 *	strict: any link-local IPv6 source and the unspecified address (DAD, DHCP) are allowed with
 *	a listed MAC. Strict: only link-local addresses made of a listed MAC (EUI-64)
 * @mac: allowed source MACs
 * @prefix: allowed source addresses
 * @untagged: frames without a tag are allowed, also if there are VLANs
 * @roles: SLUICE_GUARD_*
 * @nr_vlan: 0: untagged only
 * @nr_type: length of @type
 * @vlan: allowed ids of the (outer) tag
 * @type: EtherTypes besides IPv4, ARP, RARP and IPv6
 */
struct sluice_guard {
	bool strict;
	unsigned int nr_mac;
	unsigned int nr_prefix;
	u8 mac[SLUICE_GUARD_MACS][ETH_ALEN];
	struct sluice_prefix prefix[SLUICE_GUARD_PREFIXES];
	bool untagged;
	u8 roles;
	unsigned int nr_vlan;
	unsigned int nr_type;
	struct sluice_vlan_range vlan[SLUICE_GUARD_VLANS];
	u16 type[SLUICE_GUARD_TYPES];
};

/* Link-local control frames that a guest port passes, both ways. */
#define SLUICE_CONTROL_STP	BIT(0)	/* BPDUs */
#define SLUICE_CONTROL_LLDP	BIT(1)
#define SLUICE_CONTROL_LACP	BIT(2)	/* slow protocols */
#define SLUICE_CONTROL_EAPOL	BIT(3)
#define SLUICE_CONTROL_OTHER	BIT(4)	/* to 01-80-C2-00-00-0X, whatever it is, but for PAUSE */
#define SLUICE_CONTROL_ALL	(BIT(5) - 1)

/**
 * struct sluice_rate - a limit; 0 means none
 * @bps: bits per second, of Ethernet frames without FCS; a packet with GSO counts as its segments
 * @burst: bytes
 * @pps: packets per second
 * @pburst: packets
 */
struct sluice_rate {
	u64 bps;
	u64 burst;
	u64 pps;
	u64 pburst;
};

/**
 * struct sluice_turn - a queue's place among those that wait for a limit; the engine's
 * @bytes: what was charged before it, as the limit counts; 0: it does not wait
 * @packets: likewise, of the limit on packets
 * @until: for when it was told to come back last; 0: never
 * @empty: it waits, and nothing was in it when it was looked at
 */
struct sluice_turn {
	u64 bytes;
	u64 packets;
	u64 until;
	bool empty;
};

enum sluice_act_type {
	SLUICE_ACT_OUTPUT,
	SLUICE_ACT_DROP,
	SLUICE_ACT_SLOW,
	SLUICE_ACT_PUSH_VLAN,
	SLUICE_ACT_POP_VLAN,
	SLUICE_ACT_SET_VLAN,
	SLUICE_ACT_SET_ETH_SRC,
	SLUICE_ACT_SET_ETH_DST,
	SLUICE_ACT_SET_SRC,
	SLUICE_ACT_SET_DST,
	SLUICE_ACT_SET_TTL,
	SLUICE_ACT_SET_DSCP,
	SLUICE_ACT_SET_SPORT,
	SLUICE_ACT_SET_DPORT,
	SLUICE_ACT_METER,
	SLUICE_ACT_TYPES
};

#define SLUICE_FLOW_MAX_ACTS	16

/**
 * struct sluice_act - one action
 * @type: SLUICE_ACT_*
 * @ifindex: OUTPUT: the port's netdev, in the rule's namespace (resolved when the rule is
 *	added; the flow goes inactive, dropping with SLUICE_DROP_NO_PORT, when that port is
 *	removed)
 * @meter: METER: its id
 * @vlan: PUSH, SET: VLAN id | PCP << 13
 * @port: SET_SPORT, SET_DPORT: host order
 * @value: SET_TTL, SET_DSCP
 * @mac: SET_ETH_*
 * @ip: SET_SRC, SET_DST
 */
struct sluice_act {
	u8 type;
	union {
		int ifindex;
		u32 meter;
		u16 vlan;
		u16 port;
		u8 value;
		u8 mac[ETH_ALEN];
		struct sluice_prefix ip;
	};
};

/**
 * struct sluice_flow_spec - a flow rule
 * @id: chosen by the operator, or 0: the engine chooses and stores it here
 * @prio: the highest matching one wins; equal priority with the same mask and key is refused
 *	(-EEXIST)
 * @key: values; bits outside @mask are zero
 * @mask: bits that are compared. key.in_port holds an ifindex here
 * @nr_act: number of actions
 * @act: in order
 */
struct sluice_flow_spec {
	u32 id;
	u32 prio;
	struct sluice_flow_key key;
	struct sluice_flow_key mask;
	unsigned int nr_act;
	struct sluice_act act[SLUICE_FLOW_MAX_ACTS];
};

/**
 * struct sluice_cursor - where a dump goes on
 * @pos: opaque to the caller, 0 at the start
 */
struct sluice_cursor {
	u64 pos;
};

/*
 * A dump calls emit once an object, from @cur on; emit returns 0, or -EMSGSIZE when its buffer is
 * full: the dump then returns -EMSGSIZE with @cur at the object that did not fit. 0 at the end.
 */
typedef int (*sluice_acl_emit_t)(void *ctx, struct sluice_port *port,
				 const struct sluice_acl_rule *rule,
				 const struct sluice_hits *hits);
typedef int (*sluice_flow_emit_t)(void *ctx, const struct sluice_flow_spec *flow,
				  const struct sluice_hits *hits, bool active);
typedef int (*sluice_meter_emit_t)(void *ctx, u32 id, const struct sluice_rate *rate,
				   const struct sluice_hits *passed,
				   const struct sluice_hits *dropped);

#define SLUICE_ENGINE_ABI 11
/* What an engine may hang on a port, policy apart, in bytes: its namespace is charged for it. */
#define SLUICE_ENGINE_PORT_MEMORY 512

/**
 * struct sluice_engine_ops - what an engine provides
 * @owner: its module; every port holds a reference on it
 * @name: shown to the operator
 * @abi: SLUICE_ENGINE_ABI
 */
struct sluice_engine_ops {
	struct module *owner;
	const char *name;
	u32 abi;

	/*
	 * Lifetime of the objects that the engine hangs its state on. RTNL. The instance is always
	 * there first.
	 */
	int (*instance_add)(struct sluice_instance *inst);
	void (*instance_del)(struct sluice_instance *inst);
	int (*worker_add)(struct sluice_worker *w);
	void (*worker_del)(struct sluice_worker *w);
	/*
	 * The worker's thread died: free its state without following what is in it, which may be
	 * torn. What the burst had in hand is lost. Context: process, RTNL held or not.
	 */
	void (*worker_abandon)(struct sluice_worker *w);
	int (*port_add)(struct sluice_port *port);
	/*
	 * Return: 0; else a worker does not answer and may use what is the port's: none of it was
	 * freed, and the core keeps the port and the module.
	 */
	int (*port_del)(struct sluice_port *port);
	/*
	 * The port is about to change its namespace: forget all that ties it to other objects
	 * (wire, flows). Its own policy stays with it. No worker knows the port at that time.
	 */
	void (*port_unlink)(struct sluice_port *port);
	/* What the core keeps of the port's policy (control) is another one. */
	void (*port_changed)(struct sluice_port *port);

	/*
	 * Packets. Worker context. Each moves at most @budget packets and returns how many it
	 * moved; a negative errno is -EAGAIN (guest memory is not there: the core calls again
	 * when it may be) or -EIO (the ring is broken: the core stops the queue). One that moved
	 * nothing may have set q->wait_until: before that time the queue is left alone.
	 */
	int (*guest_tx)(struct sluice_worker *w, struct sluice_queue *q, int budget);
	int (*guest_rx)(struct sluice_worker *w, struct sluice_queue *q, int budget);
	int (*uplink_rx)(struct sluice_worker *w, struct sluice_port *uplink, int budget);
	/*
	 * As guest_rx of one packet, for a reader in place of a ring: have the first of what waits
	 * for @q ready in q->rest, with what its header says, little endian. False: there is none;
	 * what was looked at is gone. What is left then is for another call.
	 */
	bool (*guest_read)(struct sluice_worker *w, struct sluice_queue *q,
			   struct virtio_net_hdr *hdr);
	/*
	 * Counters that the worker still holds are added to their rules. Worker context, between
	 * bursts.
	 */
	void (*flush)(struct sluice_worker *w);
	/*
	 * A frame from a front end's slow path: as guest_tx of one packet. Worker context; owns
	 * @skb. @hdr, little endian, may be NULL. Return: SLUICE_DROP_NONE, or why the frame was
	 * refused before policy looked at it.
	 */
	enum sluice_drop (*inject)(struct sluice_worker *w, struct sluice_port *port,
				   struct sk_buff *skb, const struct virtio_net_hdr *hdr);
	/*
	 * The host announces the guest's address in its name: the port's access list and limit do
	 * not count, its guard does. Worker context; owns @skb.
	 */
	void (*announce)(struct sluice_worker *w, struct sluice_port *port, struct sk_buff *skb);

	/*
	 * A transaction. From @draft_begin on the changes below are made aside: packets do not see
	 * them, later changes do. @draft_build makes what @draft_switch needs to put them all in
	 * force, which cannot fail, and takes a store for each list, each port and the namespace's
	 * flows; @draft_end frees what was replaced, or, without a switch, takes all back. RTNL.
	 */
	void (*draft_begin)(void);
	int (*draft_build)(void);
	void (*draft_switch)(void);
	void (*draft_end)(void);

	/*
	 * Configuration. RTNL; extack is never NULL. What comes and goes of rules, flows and meters
	 * is told to sluice_tenant_count().
	 */
	int (*wire_set)(struct sluice_port *a, struct sluice_port *b,
			struct netlink_ext_ack *extack);
	int (*wire_del)(struct sluice_port *a, struct sluice_port *b,
			struct netlink_ext_ack *extack);
	struct sluice_port *(*wire_peer)(struct sluice_port *a);
	/*
	 * Call @fn for each guest port that has a wire to the uplink or a flow that names both,
	 * more than once if it has both. Changes of that and of guards are told to
	 * sluice_ask_changed().
	 */
	void (*port_behind)(struct sluice_port *uplink,
			    void (*fn)(struct sluice_port *guest, void *arg), void *arg);

	int (*acl_add)(struct sluice_port *port, const struct sluice_acl_rule *rule,
		       struct netlink_ext_ack *extack);
	int (*acl_del)(struct sluice_port *port, u8 dir, u32 prio, struct netlink_ext_ack *extack);
	int (*acl_flush)(struct sluice_port *port);
	int (*acl_set_default)(struct sluice_port *port, u8 dir, bool allow);
	bool (*acl_default)(struct sluice_port *port, u8 dir, struct sluice_hits *hits);
	int (*acl_dump)(struct sluice_port *port, struct sluice_cursor *cur, sluice_acl_emit_t emit,
			void *ctx);

	int (*guard_set)(struct sluice_port *port, const struct sluice_guard *guard,
			 struct netlink_ext_ack *extack);	/* NULL guard: off */
	bool (*guard_get)(struct sluice_port *port, struct sluice_guard *guard);

	int (*rate_set)(struct sluice_port *port, u8 dir, const struct sluice_rate *rate,
			struct netlink_ext_ack *extack);	/* all zero: off */
	void (*rate_get)(struct sluice_port *port, u8 dir, struct sluice_rate *rate);

	int (*meter_add)(struct sluice_instance *inst, u32 id, const struct sluice_rate *rate,
			 struct netlink_ext_ack *extack);
	int (*meter_del)(struct sluice_instance *inst, u32 id, struct netlink_ext_ack *extack);
	int (*meter_dump)(struct sluice_instance *inst, struct sluice_cursor *cur,
			  sluice_meter_emit_t emit, void *ctx);

	int (*flow_add)(struct sluice_instance *inst, struct sluice_flow_spec *flow,
			struct netlink_ext_ack *extack);
	int (*flow_del)(struct sluice_instance *inst, u32 id, struct netlink_ext_ack *extack);
	int (*flow_flush)(struct sluice_instance *inst);
	int (*flow_get)(struct sluice_instance *inst, u32 id, struct sluice_flow_spec *flow,
			struct sluice_hits *hits, bool *active);
	int (*flow_dump)(struct sluice_instance *inst, struct sluice_cursor *cur,
			 sluice_flow_emit_t emit, void *ctx);
	/* Changes with every add and delete in the instance; never what it was before. */
	u64 (*config_gen)(struct sluice_instance *inst);
};

/**
 * sluice_engine_register() - take over the moving of packets
 * @ops: operations; stay valid until unregister
 *
 * Adopts every instance, worker and port that is there. Context: process. Return: 0, -EBUSY
 * (another engine is there), -EPROTO (other ABI), or what an add operation returned.
 */
int sluice_engine_register(const struct sluice_engine_ops *ops);
/* Called from module exit only, hence with no port left: each holds a reference on the module. */
void sluice_engine_unregister(const struct sluice_engine_ops *ops);

/* --- for sluice.ko itself; RTNL --- */

/* Let the engine, if there is one, put its state on a new object; 0 when there is none (yet). */
int sluice_engine_instance_add(struct sluice_instance *inst);
void sluice_engine_instance_del(struct sluice_instance *inst);
int sluice_engine_worker_add(struct sluice_worker *w);
void sluice_engine_worker_del(struct sluice_worker *w);
/* That of a dead thread. RTNL held or not, w->stand_in_lock held. */
void sluice_engine_worker_abandon(struct sluice_worker *w);
/* The engine's module, held, so that it is not unloaded; NULL: there is none, or it is going. */
struct module *sluice_engine_pin(void);
int sluice_engine_port_add(struct sluice_port *port);
/* Else than 0: a worker that is stuck may use it, it is not to be freed. */
int sluice_engine_port_del(struct sluice_port *port);
/* The registered engine; NULL: none. */
const struct sluice_engine_ops *sluice_engine(void);

#endif /* _SLUICE_ENGINE_H */
