// SPDX-License-Identifier: GPL-2.0-only
/* The generic netlink family: its life, its events, and what all commands share. */
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include <linux/rtnetlink.h>
#include <linux/utsname.h>
#include "netlink_ops.h"
#include "worker.h"

/* The wire's enumerations are copied to the engine's without a look. */
static_assert((int)SLUICE_KIND_GUEST == SLUICE_PORT_GUEST &&
	      (int)SLUICE_KIND_UPLINK == SLUICE_PORT_UPLINK);
static_assert((int)SLUICE_DIRECTION_FROM_GUEST == SLUICE_DIR_FROM_GUEST);
static_assert((int)SLUICE_DIRECTION_TO_GUEST == SLUICE_DIR_TO_GUEST);
static_assert((int)SLUICE_MODE_ADAPTIVE == SLUICE_WORKER_ADAPTIVE &&
	      (int)SLUICE_MODE_POLL == SLUICE_WORKER_POLL);

/*
 * Events are told while the family is there; RCU readers hold it off from going. They come from
 * workers too, so there is no lock to wait for, nor memory: see event_send().
 */
static bool event_live;

/* Changes with what sluice.ko holds; makes a dump that went on meanwhile recognizable. */
static atomic_t control_gen = ATOMIC_INIT(1);

#define EVENT_GFP	(GFP_NOWAIT | __GFP_NOWARN)

/* --- events ---------------------------------------------------------------------------------- */

/**
 * struct event - what is told
 * @nr: SLUICE_EVENT_*
 * @port: what it happened to, or NULL
 * @volume: likewise
 * @value: as enum sluice_event says
 * @text: in words, or NULL
 * @command: SLUICE_CMD_*, or 0
 * @name: of a port that it was about, or NULL
 */
struct event {
	u32 nr;
	const struct sluice_port *port;
	const char *volume;
	u32 value;
	const char *text;
	u8 command;
	const char *name;
};

static const char *event_text(const struct event *e)
{
	switch (e->nr) {
	case SLUICE_EVENT_QUEUE_BROKEN:
		return sluice_vring_strerror(e->value);
	case SLUICE_EVENT_PORT_HELD:
	case SLUICE_EVENT_VOLUME_HELD:
		return sluice_quarantine_text(e->value);
	default:
		return e->text;
	}
}

static int event_put(struct sk_buff *skb, const struct event *e)
{
	const char *text;

	if (nla_put_u32(skb, SLUICE_A_NOTE_EVENT, e->nr) ||
	    nla_put_u32(skb, SLUICE_A_NOTE_VALUE, e->value))
		return -EMSGSIZE;
	if (e->port && (nla_put_string(skb, SLUICE_A_NOTE_PORT, e->port->dev->name) ||
			nla_put_u32(skb, SLUICE_A_NOTE_IFINDEX, e->port->dev->ifindex)))
		return -EMSGSIZE;
	if (e->volume && nla_put_string(skb, SLUICE_A_NOTE_VOLUME, e->volume))
		return -EMSGSIZE;
	if (e->name && nla_put_string(skb, SLUICE_A_NOTE_PORT, e->name))
		return -EMSGSIZE;
	if (e->command && nla_put_u32(skb, SLUICE_A_NOTE_COMMAND, e->command))
		return -EMSGSIZE;
	text = event_text(e);
	return text ? nla_put_string(skb, SLUICE_A_NOTE_TEXT, text) : 0;
}

static struct sk_buff *event_build(const struct event *e)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, EVENT_GFP);
	void *hdr;

	if (!skb)
		return NULL;
	hdr = genlmsg_put(skb, 0, 0, &sluice_nl_family, 0, SLUICE_CMD_NOTIFY);
	if (!hdr || event_put(skb, e)) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, hdr);
	return skb;
}

/* Who listens is told when there was no memory for an event, as when he reads too slowly. */
static void event_send(struct net *net, const struct event *e)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&sluice_nl_family, net, SLUICE_NLGRP_EVENTS))
		return;
	skb = event_build(e);
	if (skb)
		genlmsg_multicast_netns(&sluice_nl_family, net, skb, 0, SLUICE_NLGRP_EVENTS,
					EVENT_GFP);
	else
		genl_set_err(&sluice_nl_family, net, 0, SLUICE_NLGRP_EVENTS, -ENOBUFS);
}

static void event_tell(struct net *net, const struct event *e)
{
	atomic_inc(&control_gen);
	rcu_read_lock();
	/* Pairs with sluice_netlink_init(). */
	if (smp_load_acquire(&event_live))
		event_send(net, e);
	rcu_read_unlock();
}

void sluice_netlink_event(struct net *net, u32 event, const struct sluice_port *port, u32 value)
{
	event_tell(net, &(struct event){ .nr = event, .port = port, .value = value });
}

void sluice_netlink_volume_event(u32 event, const char *volume, u32 value)
{
	event_tell(&init_net, &(struct event){ .nr = event, .volume = volume, .value = value });
}

void sluice_netlink_worker_event(u32 event, unsigned int cpu, const char *text)
{
	event_tell(&init_net, &(struct event){ .nr = event, .value = cpu, .text = text });
}

void sluice_nl_config(struct net *net, enum sluice_object object)
{
	sluice_netlink_event(net, SLUICE_EVENT_CONFIG, NULL, object);
}

/* What policy and wires are about is the first attribute of each of their commands. */
static_assert(SLUICE_A_PORT_NAME == 1 && SLUICE_A_WIRE_A == 1 && SLUICE_A_GUARD_PORT == 1 &&
	      SLUICE_A_ACL_PORT == 1 && SLUICE_A_RATE_PORT == 1 && SLUICE_A_VOLUME_NAME == 1);

void sluice_nl_changed(const struct sluice_change *c, enum sluice_object object, u8 command)
{
	struct nlattr *first = c->attrs ? c->attrs[1] : NULL;
	const char *name = first ? nla_data(first) : NULL;
	struct event e = {
		.nr = SLUICE_EVENT_CONFIG,
		.value = object,
		.command = command,
	};

	switch (object) {
	case SLUICE_OBJECT_PORT:
	case SLUICE_OBJECT_WIRE:
	case SLUICE_OBJECT_GUARD:
	case SLUICE_OBJECT_ACL:
	case SLUICE_OBJECT_RATE:
		e.name = name;
		break;
	case SLUICE_OBJECT_VOLUME:
		/* Groups have commands of the same object. */
		if (command == SLUICE_CMD_VOLUME_SET || command == SLUICE_CMD_VOLUME_REKEY)
			e.volume = name;
		break;
	default:
		break;
	}
	event_tell(c->net, &e);
}

/* --- ahead of and after a command ------------------------------------------------------------ */

/* Commands that know no attribute have no policy either, so nobody else looks. */
static int refuse_attrs(const struct nlmsghdr *nlh, struct netlink_ext_ack *extack)
{
	if (!nlmsg_attrlen(nlh, GENL_HDRLEN))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "this command takes no attributes: is the tool newer than the module?");
	return -EINVAL;
}

static int refuse_others(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_net_capable(skb, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack, "this needs CAP_NET_ADMIN in the network namespace: try as root");
	return -EPERM;
}

/* In the same words whatever is there. */
static int refuse_not_host(const struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack,
		       "not permitted: this is the host's, its operator alone may see it");
	return -EPERM;
}

int sluice_nl_lock(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info)
{
	int err = ops->maxattr ? 0 : refuse_attrs(info->nlhdr, info->extack);

	if (err)
		return err;
	info->user_ptr[0] = (void *)ops;
	sluice_rtnl_lock();
	return 0;
}

int sluice_nl_admin_lock(const struct genl_split_ops *ops, struct sk_buff *skb,
			 struct genl_info *info)
{
	return refuse_others(skb, info->extack) ?: sluice_nl_lock(ops, skb, info);
}

void sluice_nl_unlock(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info)
{
	sluice_rtnl_unlock();
}

int sluice_nl_dump_start(struct netlink_callback *cb)
{
	memset(sluice_nl_dump(cb), 0, sizeof(struct sluice_nl_dump));
	return genl_dumpit_info(cb)->op.maxattr ? 0 : refuse_attrs(cb->nlh, cb->extack);
}

int sluice_nl_admin_dump_start(struct netlink_callback *cb)
{
	return refuse_others(cb->skb, cb->extack) ?: sluice_nl_dump_start(cb);
}

int sluice_nl_host_dump_start(struct netlink_callback *cb)
{
	return refuse_not_host(cb->skb, cb->extack) ?: sluice_nl_dump_start(cb);
}

/* --- attributes ------------------------------------------------------------------------------ */

struct nlattr *sluice_nl_need(struct sluice_change *c, int type)
{
	if (!c->attrs || !c->attrs[type]) {
		NL_SET_ERR_ATTR_MISS(c->extack, NULL, type);
		NL_SET_ERR_MSG_FMT(c->extack, "attribute %d of the command is missing", type);
		return NULL;
	}
	return c->attrs[type];
}

struct sluice_port *sluice_nl_port(struct net *net, const struct nlattr *name,
				   struct netlink_ext_ack *extack)
{
	struct sluice_port *port = sluice_port_find(net, nla_data(name));

	if (!port || port->gone) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, name,
					"no port or uplink '%s' here: see 'sluice port show'",
					(const char *)nla_data(name));
		return ERR_PTR(-ENODEV);
	}
	return port;
}

struct sluice_port *sluice_nl_need_port(struct sluice_change *c, int type)
{
	struct nlattr *name = sluice_nl_need(c, type);

	return name ? sluice_nl_port(c->net, name, c->extack) : ERR_PTR(-EINVAL);
}

struct sluice_port *sluice_nl_need_guest(struct sluice_change *c, int type)
{
	int err = sluice_nl_need_engine(c);
	struct sluice_port *port = err ? ERR_PTR(err) : sluice_nl_need_port(c, type);

	if (!IS_ERR(port) && port->kind != SLUICE_PORT_GUEST) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[type],
				    "an uplink has no policy: set that of the guest ports");
		return ERR_PTR(-EOPNOTSUPP);
	}
	return port;
}

int sluice_nl_need_engine(struct sluice_change *c)
{
	if (c->ops)
		return 0;
	NL_SET_ERR_MSG(c->extack, "no packet engine loaded: modprobe sluice_net");
	return -ENODEV;
}

int sluice_nl_get_addr(const struct nlattr *nla, struct in6_addr *addr, u16 *family,
		       struct netlink_ext_ack *extack)
{
	switch (nla_len(nla)) {
	case sizeof(struct in_addr):
		ipv6_addr_set_v4mapped(nla_get_in_addr(nla), addr);
		*family = AF_INET;
		return 0;
	case sizeof(struct in6_addr):
		*addr = nla_get_in6_addr(nla);
		*family = AF_INET6;
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, nla, "an address has 4 bytes (IPv4) or 16 (IPv6)");
	return -EINVAL;
}

int sluice_nl_put_addr(struct sk_buff *skb, int type, const struct in6_addr *addr, u16 family)
{
	return family == AF_INET ? nla_put_in_addr(skb, type, addr->s6_addr32[3]) :
				   nla_put_in6_addr(skb, type, addr);
}

static bool prefix_has_host_bits(const struct sluice_prefix *p)
{
	struct in6_addr net;

	ipv6_addr_prefix(&net, &p->addr, p->len + (p->family == AF_INET ? 96 : 0));
	return !ipv6_addr_equal(&net, &p->addr);
}

int sluice_nl_get_prefix(const struct nlattr *nla, struct sluice_prefix *prefix,
			 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[SLUICE_A_PREFIX_MAX + 1];
	unsigned int bits;
	int err;

	err = nla_parse_nested(tb, SLUICE_A_PREFIX_MAX, nla, sluice_prefix_nl_policy, extack);
	if (err)
		return err;
	if (!tb[SLUICE_A_PREFIX_ADDR]) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "a prefix needs an address");
		return -EINVAL;
	}
	err = sluice_nl_get_addr(tb[SLUICE_A_PREFIX_ADDR], &prefix->addr, &prefix->family, extack);
	if (err)
		return err;
	bits = prefix->family == AF_INET ? 32 : 128;
	prefix->len = tb[SLUICE_A_PREFIX_LEN] ? nla_get_u8(tb[SLUICE_A_PREFIX_LEN]) : bits;
	if (prefix->len > bits) {
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "prefix longer than the address: at most /32 for IPv4");
		return -EINVAL;
	}
	if (prefix_has_host_bits(prefix)) {
		NL_SET_ERR_MSG_ATTR(extack, nla,
				    "the address has bits outside its prefix: clear them or lengthen it");
		return -EINVAL;
	}
	return 0;
}

int sluice_nl_put_prefix(struct sk_buff *skb, int type, const struct sluice_prefix *prefix)
{
	struct nlattr *nest = nla_nest_start(skb, type);

	if (!nest || sluice_nl_put_addr(skb, SLUICE_A_PREFIX_ADDR, &prefix->addr, prefix->family) ||
	    nla_put_u8(skb, SLUICE_A_PREFIX_LEN, prefix->len))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* --- answers --------------------------------------------------------------------------------- */

int sluice_nl_reply(struct genl_info *info, int (*put)(struct sk_buff *skb, const void *obj),
		    const void *obj)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *hdr;

	if (!skb)
		return -ENOMEM;
	hdr = genlmsg_iput(skb, info);
	if (!hdr || put(skb, obj)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

static void *dump_put(const struct sluice_nl_out *out)
{
	const struct genl_info *info = genl_info_dump(out->cb);
	void *hdr = genlmsg_put(out->skb, info->snd_portid, info->snd_seq, &sluice_nl_family,
				NLM_F_MULTI, info->genlhdr->cmd);

	if (hdr)
		genl_dump_check_consistent(out->cb, hdr);
	return hdr;
}

int sluice_nl_dump_one(const struct sluice_nl_out *out,
		       int (*put)(struct sk_buff *skb, const void *obj), const void *obj)
{
	void *hdr = dump_put(out);

	if (!hdr)
		return -EMSGSIZE;
	if (put(out->skb, obj)) {
		genlmsg_cancel(out->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(out->skb, hdr);
	return 0;
}

void sluice_nl_dump_gen(struct netlink_callback *cb, const struct sluice_engine_ops *ops,
			struct sluice_instance *inst)
{
	u64 gen = ops && inst->engine ? ops->config_gen(inst) : (u32)atomic_read(&control_gen);

	/*
	 * Netlink has 32 bits for it: enough to tell of a change between two messages of one dump.
	 * 0 would mean that nothing can be compared.
	 */
	cb->seq = (u32)gen ?: U32_MAX;
}

/* Ports come from a table of the whole host by number, so a place in it survives removals. */
int sluice_nl_dump_ports(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct nlattr *filter, bool policy,
			 int (*put)(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
				    struct sluice_port *port))
{
	struct sluice_nl_out out = { .skb = skb, .cb = cb, .net = sock_net(skb->sk) };
	struct sluice_nl_dump *d = sluice_nl_dump(cb);
	struct sluice_port *port, *only = NULL;
	const struct sluice_engine_ops *ops;
	int err = 0;

	sluice_rtnl_lock();
	ops = policy ? sluice_engine() : NULL;
	if (policy && !ops)
		goto unlock;
	if (filter)
		only = sluice_nl_port(out.net, filter, cb->extack);
	if (IS_ERR(only)) {
		err = PTR_ERR(only);
		goto unlock;
	}
	sluice_nl_dump_gen(cb, ops, sluice_instance_get(out.net));
	xa_for_each_start(&sluice_ports, d->index, port, d->index) {
		if (port->inst->net != out.net || (only && port != only))
			continue;
		if (policy && (port->kind != SLUICE_PORT_GUEST || !port->inst->engine))
			continue;
		err = put(&out, ops, port);
		if (err)
			break;
		memset(&d->cur, 0, sizeof(d->cur));
		d->part = 0;
	}
unlock:
	sluice_rtnl_unlock();
	return err;
}

int sluice_nl_dump_engine(struct sk_buff *skb, struct netlink_callback *cb,
			  int (*put)(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
				     struct sluice_instance *inst, struct sluice_cursor *cur))
{
	struct sluice_nl_out out = { .skb = skb, .cb = cb, .net = sock_net(skb->sk) };
	struct sluice_instance *inst = sluice_instance_get(out.net);
	struct sluice_nl_dump *d = sluice_nl_dump(cb);
	const struct sluice_engine_ops *ops;
	int err = 0;

	sluice_rtnl_lock();
	ops = sluice_engine();
	if (ops && inst->engine) {
		sluice_nl_dump_gen(cb, ops, inst);
		err = put(&out, ops, inst, &d->cur);
	}
	sluice_rtnl_unlock();
	return err;
}

static void worker_flush(struct sluice_worker *w, void *arg)
{
	const struct sluice_engine_ops *ops = arg;

	if (w->engine)
		ops->flush(w);
}

/*
 * A tenant may ask as often as he likes: what he sees is a little older then, and workers are left
 * alone.
 */
static bool flush_due(struct sluice_instance *inst)
{
	if (time_before64(get_jiffies_64(), inst->flush_at))
		return false;
	inst->flush_at = get_jiffies_64() + HZ / 10;
	return true;
}

void sluice_nl_flush_counters(const struct sluice_engine_ops *ops, struct sluice_instance *inst)
{
	struct sluice_worker *w;

	/* Those of a worker that does not answer are told of when it does. */
	if (!sluice_tenant_is(inst->net)) {
		sluice_worker_call_all(worker_flush, (void *)ops);
		return;
	}
	w = sluice_worker_tenants();
	if (w && flush_due(inst))
		sluice_worker_call(w, worker_flush, (void *)ops);
}

void sluice_nl_dump_counters(const struct sluice_nl_out *out, const struct sluice_engine_ops *ops)
{
	struct sluice_nl_dump *d = sluice_nl_dump(out->cb);

	if (!d->begun)
		sluice_nl_flush_counters(ops, sluice_instance_get(out->net));
	d->begun = true;
}

/* --- the module itself ----------------------------------------------------------------------- */

static int version_put(struct sk_buff *skb, const void *obj)
{
	const struct sluice_engine_ops *ops = obj;

	if (nla_put_string(skb, SLUICE_A_VERSION_MODULE, THIS_MODULE->version ?: "unversioned") ||
	    nla_put_string(skb, SLUICE_A_VERSION_KERNEL, init_utsname()->release))
		return -EMSGSIZE;
	if (ops && (nla_put_string(skb, SLUICE_A_VERSION_ENGINE, ops->name) ||
		    nla_put_u32(skb, SLUICE_A_VERSION_ABI, ops->abi)))
		return -EMSGSIZE;
	return 0;
}

int sluice_nl_version_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_nl_reply(info, version_put, sluice_engine());
}

MODULE_ALIAS_GENL_FAMILY(SLUICE_FAMILY_NAME);

int sluice_netlink_init(void)
{
	int err = sluice_txn_init();

	if (err)
		return err;
	err = genl_register_family(&sluice_nl_family);
	if (err) {
		sluice_txn_exit();
		return err;
	}
	/* What registration wrote is there; pairs with event_tell(). */
	smp_store_release(&event_live, true);
	return 0;
}

/* Once unregistered no command runs any more, hence none can open a transaction. */
void sluice_netlink_exit(void)
{
	WRITE_ONCE(event_live, false);
	/* Nobody tells anything any more. */
	synchronize_rcu();
	genl_unregister_family(&sluice_nl_family);
	sluice_txn_exit();
}
