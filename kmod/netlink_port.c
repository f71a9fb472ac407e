// SPDX-License-Identifier: GPL-2.0-only
/* Commands about ports, and the wires between them. */
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include "ask.h"
#include "netlink_ops.h"

static_assert(SLUICE_LINK_CONTROL_STP == SLUICE_CONTROL_STP);
static_assert(SLUICE_LINK_CONTROL_LLDP == SLUICE_CONTROL_LLDP);
static_assert(SLUICE_LINK_CONTROL_LACP == SLUICE_CONTROL_LACP);
static_assert(SLUICE_LINK_CONTROL_EAPOL == SLUICE_CONTROL_EAPOL);
static_assert(SLUICE_LINK_CONTROL_OTHER == SLUICE_CONTROL_OTHER);

struct sluice_port_step {
	struct sluice_step step;
	struct sluice_port *port;
};

struct control_step {
	struct sluice_step step;
	struct sluice_port *port;
	u8 control;
};

struct link_step {
	struct sluice_step step;
	struct sluice_nl_link was;
};

/* --- making and removing --------------------------------------------------------------------- */

/*
 * Two requests to remove the same port may have been kept. Its memory lasts until RTNL is
 * dropped.
 */
static int port_step_del(struct sluice_step *step)
{
	struct sluice_port *port = container_of(step, struct sluice_port_step, step)->port;

	if (!port->gone)
		sluice_port_del(port);
	return 0;
}

/*
 * A pattern would become some other name, which nobody could refer to within the same
 * transaction.
 */
const char *sluice_nl_new_port_name(struct sluice_change *c)
{
	struct nlattr *name = sluice_nl_need(c, SLUICE_A_PORT_NAME);

	if (!name)
		return NULL;
	if (!dev_valid_name(nla_data(name)) || strchr(nla_data(name), '%')) {
		NL_SET_ERR_MSG_ATTR(c->extack, name,
				    "not an interface name: 1 to 15 characters, no / : % or space");
		return NULL;
	}
	return nla_data(name);
}

/* NULL outside of a transaction. */
struct sluice_port_step *sluice_nl_undo_port(struct sluice_change *c)
{
	return sluice_change_undo(c, sizeof(struct sluice_port_step), port_step_del);
}

int sluice_nl_port_added(struct sluice_port *port, struct sluice_port_step *undo)
{
	if (IS_ERR(port))
		return PTR_ERR(port);
	if (undo) {
		undo->port = port;
		undo->step.armed = true;
	}
	return 0;
}

static int port_add(struct sluice_change *c)
{
	struct sluice_port_params params = {};
	const char *name = sluice_nl_new_port_name(c);
	struct sluice_port_step *undo;

	if (!name)
		return -EINVAL;
	if (c->attrs[SLUICE_A_PORT_QUEUES])
		params.pairs = nla_get_u32(c->attrs[SLUICE_A_PORT_QUEUES]);
	if (c->attrs[SLUICE_A_PORT_MTU])
		params.mtu = nla_get_u32(c->attrs[SLUICE_A_PORT_MTU]);
	if (c->attrs[SLUICE_A_PORT_CONTROL])
		params.control = nla_get_u32(c->attrs[SLUICE_A_PORT_CONTROL]);
	if (c->attrs[SLUICE_A_PORT_MAC]) {
		nla_memcpy(params.mac, c->attrs[SLUICE_A_PORT_MAC], ETH_ALEN);
		if (!is_valid_ether_addr(params.mac)) {
			NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[SLUICE_A_PORT_MAC],
					    "not a unicast MAC address");
			return -EADDRNOTAVAIL;
		}
	}
	undo = sluice_nl_undo_port(c);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	return sluice_nl_port_added(sluice_port_add(c->net, name, &params, c->extack), undo);
}

static int port_del(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_port(c, SLUICE_A_PORT_NAME);
	struct nlattr *kind = c->attrs[SLUICE_A_PORT_KIND];
	struct sluice_port_step *later;

	if (IS_ERR(port))
		return PTR_ERR(port);
	if (kind && nla_get_u8(kind) != port->kind) {
		NL_SET_ERR_MSG_ATTR_FMT(c->extack, kind, "%s",
					port->kind == SLUICE_PORT_UPLINK ?
						"that is an uplink: say 'sluice uplink del'" :
						"that is a guest port: say 'sluice port del'");
		return -EINVAL;
	}
	if (!c->txn) {
		sluice_port_del(port);
		return 0;
	}
	later = sluice_change_defer(c, sizeof(*later), port_step_del);
	if (IS_ERR(later))
		return PTR_ERR(later);
	later->port = port;
	return 0;
}

/* --- changing -------------------------------------------------------------------------------- */

static int port_write_mac(struct sluice_port *port, const u8 *mac, struct netlink_ext_ack *extack)
{
	struct sockaddr sa = { .sa_family = port->dev->type };

	memcpy(sa.sa_data, mac, ETH_ALEN);
	return dev_set_mac_address(port->dev, &sa, extack);
}

static void port_write_control(struct sluice_port *port, u8 control)
{
	const struct sluice_engine_ops *ops = rtnl_dereference(port->engine_ops);

	if (port->control == control)
		return;
	WRITE_ONCE(port->control, control);
	if (ops)
		ops->port_changed(port);
	/* Groups that its guest may join. */
	sluice_ask_changed();
}

static int port_step_control(struct sluice_step *step)
{
	struct control_step *later = container_of(step, struct control_step, step);

	port_write_control(later->port, later->control);
	return 0;
}

static int port_set_control(struct sluice_change *c, struct sluice_port *port, u8 control)
{
	struct control_step *later;

	if (!c->txn) {
		port_write_control(port, control);
		return 0;
	}
	later = sluice_change_store(c, sizeof(*later), port_step_control);
	if (IS_ERR(later))
		return PTR_ERR(later);
	later->port = port;
	later->control = control;
	return 0;
}

static void link_get(const struct net_device *dev, struct sluice_nl_link_state *s)
{
	ether_addr_copy(s->mac, dev->dev_addr);
	s->assigned = dev->addr_assign_type;
	s->mtu = dev->mtu;
}

/* What became of the port's device has become of the one below it: see uplink.c. */
void sluice_nl_get_link(struct sluice_port *port, struct sluice_nl_link *was)
{
	const struct net_device *lower = rtnl_dereference(port->lower);

	was->port = port;
	link_get(port->dev, &was->own);
	if (lower)
		link_get(lower, &was->lower);
}

/* The port's MTU is that of the device below, or a smaller one: it comes first. */
static int port_restore_mtu(struct sluice_port *port, const struct sluice_nl_link *was)
{
	struct net_device *lower = rtnl_dereference(port->lower);
	int err = 0;

	if (port->dev->mtu != was->own.mtu)
		err = dev_set_mtu(port->dev, was->own.mtu);
	if (lower && lower->mtu != was->lower.mtu)
		err = dev_set_mtu(lower, was->lower.mtu) ?: err;
	return err;
}

/* Who is asked takes an address for one that was chosen, which the old one may not have been. */
static int port_restore_mac(struct sluice_port *port, const struct sluice_nl_link *was)
{
	struct net_device *lower = rtnl_dereference(port->lower);
	int err = 0;

	if (!ether_addr_equal(port->dev->dev_addr, was->own.mac))
		err = port_write_mac(port, was->own.mac, NULL);
	if (err)
		return err;
	port->dev->addr_assign_type = was->own.assigned;
	if (lower)
		lower->addr_assign_type = was->lower.assigned;
	return 0;
}

int sluice_nl_restore_link(const struct sluice_nl_link *was)
{
	int err = port_restore_mac(was->port, was);

	return port_restore_mtu(was->port, was) ?: err;
}

static int port_undo_link(struct sluice_step *step)
{
	return sluice_nl_restore_link(&container_of(step, struct link_step, step)->was);
}

/* What can be seen to be wrong before anything is changed. */
static int port_check_set(struct sluice_change *c, const struct sluice_port *port)
{
	struct nlattr *mac = c->attrs[SLUICE_A_PORT_MAC];

	if (mac && !is_valid_ether_addr(nla_data(mac))) {
		NL_SET_ERR_MSG_ATTR(c->extack, mac, "not a unicast MAC address");
		return -EADDRNOTAVAIL;
	}
	if (c->attrs[SLUICE_A_PORT_CONTROL] && port->kind != SLUICE_PORT_GUEST) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[SLUICE_A_PORT_CONTROL],
				    "an uplink passes all: set it on the ports behind it");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int port_ask_link(struct sluice_change *c, struct sluice_port *port)
{
	struct nlattr *mac = c->attrs[SLUICE_A_PORT_MAC], *mtu = c->attrs[SLUICE_A_PORT_MTU];
	int err = mtu ? dev_set_mtu(port->dev, nla_get_u32(mtu)) : 0;

	if (err) {
		NL_SET_ERR_MSG_ATTR(c->extack, mtu,
				    "the port, or the VF below it, does not take that MTU");
		return err;
	}
	return mac ? port_write_mac(port, nla_data(mac), c->extack) : 0;
}

/* All or nothing, also where there is no transaction to undo it. */
static int port_set_link(struct sluice_change *c, struct sluice_port *port)
{
	struct link_step *undo = sluice_change_undo(c, sizeof(*undo), port_undo_link);
	struct sluice_nl_link was;
	int err;

	if (IS_ERR(undo))
		return PTR_ERR(undo);
	sluice_nl_get_link(port, undo ? &undo->was : &was);
	if (undo)
		undo->step.armed = true;
	err = port_ask_link(c, port);
	if (err && !undo)
		sluice_nl_restore_link(&was);
	return err;
}

static int port_set(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_port(c, SLUICE_A_PORT_NAME);
	struct nlattr *control = c->attrs[SLUICE_A_PORT_CONTROL];
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	err = port_check_set(c, port);
	if (!err && (c->attrs[SLUICE_A_PORT_MAC] || c->attrs[SLUICE_A_PORT_MTU]))
		err = port_set_link(c, port);
	if (!err && control)
		err = port_set_control(c, port, nla_get_u32(control));
	return err;
}

/* --- quarantine ------------------------------------------------------------------------------ */

/* There is no way back to the moment at which a port began to wait, so no transaction has these. */
static struct sluice_port *quarantine_need_port(struct sluice_change *c)
{
	if (!c->txn)
		return sluice_nl_need_port(c, SLUICE_A_PORT_NAME);
	NL_SET_ERR_MSG(c->extack, "cannot be undone: not within a transaction");
	return ERR_PTR(-EOPNOTSUPP);
}

static int port_hold(struct sluice_change *c)
{
	struct sluice_port *port = quarantine_need_port(c);

	if (IS_ERR(port))
		return PTR_ERR(port);
	sluice_port_hold_back(port, SLUICE_QUARANTINE_OPERATOR);
	return 0;
}

static int port_release(struct sluice_change *c)
{
	struct sluice_port *port = quarantine_need_port(c);

	if (IS_ERR(port))
		return PTR_ERR(port);
	if (sluice_port_release(port))
		return 0;
	NL_SET_ERR_MSG(c->extack, "the port is not in quarantine");
	return -EALREADY;
}

int sluice_nl_port_hold_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, port_hold, SLUICE_OBJECT_PORT);
}

int sluice_nl_port_release_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, port_release, SLUICE_OBJECT_PORT);
}

int sluice_nl_port_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, port_add, SLUICE_OBJECT_PORT);
}

int sluice_nl_port_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, port_set, SLUICE_OBJECT_PORT);
}

int sluice_nl_port_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, port_del, SLUICE_OBJECT_PORT);
}

/* --- showing --------------------------------------------------------------------------------- */

static int queue_put(struct sk_buff *skb, const struct sluice_queue *q)
{
	const struct sluice_worker *w = rtnl_dereference(q->worker);
	enum sluice_vring_error broken = READ_ONCE(q->broken);
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_PORT_QUEUE);
	u8 dir = q->dir == SLUICE_QUEUE_TX ? SLUICE_DIR_FROM_GUEST : SLUICE_DIR_TO_GUEST;

	if (!nest || nla_put_u32(skb, SLUICE_A_QUEUE_PAIR, q->pair) ||
	    nla_put_u8(skb, SLUICE_A_QUEUE_DIR, dir))
		return -EMSGSIZE;
	if (READ_ONCE(q->attached) && nla_put_flag(skb, SLUICE_A_QUEUE_ATTACHED))
		return -EMSGSIZE;
	if (broken && nla_put_string(skb, SLUICE_A_QUEUE_BROKEN, sluice_vring_strerror(broken)))
		return -EMSGSIZE;
	if (w && nla_put_u32(skb, SLUICE_A_QUEUE_CPU, w->cpu))
		return -EMSGSIZE;
	if (nla_put_uint(skb, SLUICE_A_QUEUE_SIGNALS, READ_ONCE(q->signals)) ||
	    nla_put_uint(skb, SLUICE_A_QUEUE_KICKS, READ_ONCE(q->kicks)) ||
	    nla_put_uint(skb, SLUICE_A_QUEUE_THROTTLED, READ_ONCE(q->throttled)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* No lock: a snapshot. */
static int guest_put(struct sk_buff *skb, const struct sluice_port *port)
{
	unsigned int i;
	int err = 0;

	if (nla_put_u32(skb, SLUICE_A_PORT_QUEUES, port->nr_pairs) ||
	    nla_put_u32(skb, SLUICE_A_PORT_CONTROL, port->control))
		return -EMSGSIZE;
	if ((READ_ONCE(port->opens) || READ_ONCE(port->pairs_busy)) &&
	    nla_put_flag(skb, SLUICE_A_PORT_CLAIMED))
		return -EMSGSIZE;
	for (i = 0; i < 2 * port->nr_pairs && !err; i++)
		err = queue_put(skb, &port->queue[i]);
	return err;
}

static int quarantine_put(struct sk_buff *skb, const struct sluice_port *port)
{
	/* Pairs with quarantine_set(). */
	enum sluice_quarantine why = smp_load_acquire(&port->quarantine);
	u64 broken = READ_ONCE(port->broken_rings);

	if (broken && nla_put_uint(skb, SLUICE_A_PORT_BROKEN_RINGS, broken))
		return -EMSGSIZE;
	if (!why)
		return 0;
	return nla_put_string(skb, SLUICE_A_PORT_QUARANTINE, sluice_quarantine_text(why)) ?:
	       nla_put_uint(skb, SLUICE_A_PORT_QUARANTINE_TIME,
			    READ_ONCE(port->quarantine_time));
}

static int port_put(struct sk_buff *skb, const void *obj)
{
	struct sluice_port *port = (struct sluice_port *)obj;
	const struct sluice_engine_ops *ops = rtnl_dereference(port->engine_ops);
	const struct sluice_port *peer = ops ? ops->wire_peer(port) : NULL;

	if (nla_put_string(skb, SLUICE_A_PORT_NAME, port->dev->name) ||
	    nla_put_u32(skb, SLUICE_A_PORT_IFINDEX, port->dev->ifindex) ||
	    nla_put_u8(skb, SLUICE_A_PORT_KIND, port->kind) ||
	    nla_put(skb, SLUICE_A_PORT_MAC, ETH_ALEN, port->dev->dev_addr) ||
	    nla_put_u32(skb, SLUICE_A_PORT_MTU, port->dev->mtu))
		return -EMSGSIZE;
	if ((!ops || sluice_port_held_back(port)) && nla_put_flag(skb, SLUICE_A_PORT_HELD))
		return -EMSGSIZE;
	if (!sluice_port_is_up(port) && nla_put_flag(skb, SLUICE_A_PORT_DOWN))
		return -EMSGSIZE;
	if (quarantine_put(skb, port))
		return -EMSGSIZE;
	if (peer && nla_put_string(skb, SLUICE_A_PORT_PEER, peer->dev->name))
		return -EMSGSIZE;
	return port->kind == SLUICE_PORT_UPLINK ? sluice_nl_put_uplink(skb, port) :
						  guest_put(skb, port);
}

int sluice_nl_port_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_port *port;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_PORT_NAME))
		return -EINVAL;
	port = sluice_nl_port(genl_info_net(info), info->attrs[SLUICE_A_PORT_NAME], info->extack);
	return IS_ERR(port) ? PTR_ERR(port) : sluice_nl_reply(info, port_put, port);
}

static int port_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		     struct sluice_port *port)
{
	const struct nlattr *kind = genl_info_dump(out->cb)->attrs[SLUICE_A_PORT_KIND];

	if (kind && nla_get_u8(kind) != port->kind)
		return 0;
	return sluice_nl_dump_one(out, port_put, port);
}

int sluice_nl_port_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_ports(skb, cb, NULL, false, port_dump);
}

/* --- wires ----------------------------------------------------------------------------------- */

static int wire_change(struct sluice_change *c,
		       int (*change)(struct sluice_port *a, struct sluice_port *b,
				     struct netlink_ext_ack *extack))
{
	struct sluice_port *a = sluice_nl_need_port(c, SLUICE_A_WIRE_A), *b;

	if (IS_ERR(a))
		return PTR_ERR(a);
	b = sluice_nl_need_port(c, SLUICE_A_WIRE_B);
	if (IS_ERR(b))
		return PTR_ERR(b);
	return change(a, b, c->extack);
}

static int wire_add(struct sluice_change *c)
{
	return sluice_nl_need_engine(c) ?: sluice_tenant_check(c->inst, c->extack) ?:
	       wire_change(c, c->ops->wire_set);
}

static int wire_del(struct sluice_change *c)
{
	return sluice_nl_need_engine(c) ?: wire_change(c, c->ops->wire_del);
}

int sluice_nl_wire_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, wire_add, SLUICE_OBJECT_WIRE);
}

int sluice_nl_wire_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, wire_del, SLUICE_OBJECT_WIRE);
}
