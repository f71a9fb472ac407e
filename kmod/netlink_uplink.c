// SPDX-License-Identifier: GPL-2.0-only
/* Commands about uplinks, and what their VFs are asked for. */
#include <linux/ctype.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "ask.h"
#include "netlink_ops.h"

/* How much is shown of a list that may be long. */
#define UPLINK_SHOWN	32

struct uplink_step {
	struct sluice_step step;
	struct sluice_port *port;
	struct sluice_ask_word word;
};

struct lower_step {
	struct sluice_step step;
	struct sluice_port *port;
	struct net_device *lower;
	struct sluice_uplink_waits waits;
	struct sluice_nl_link link;
	bool closed;
};

struct open_step {
	struct sluice_step step;
	struct sluice_port *port;
};

/* --- the operator's word --------------------------------------------------------------------- */

static int word_get_mac(const struct nlattr *nla, struct sluice_ask_word *word,
			struct netlink_ext_ack *extack)
{
	if (word->nr_mac == SLUICE_ASK_WORD_MACS) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "too many addresses: an uplink takes 32");
		return -E2BIG;
	}
	if (is_zero_ether_addr(nla_data(nla)) || is_broadcast_ether_addr(nla_data(nla))) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "neither a unicast nor a multicast address");
		return -EADDRNOTAVAIL;
	}
	nla_memcpy(word->mac[word->nr_mac++], nla, ETH_ALEN);
	return 0;
}

static int word_get_vlan(const struct nlattr *nla, struct sluice_ask_word *word,
			 struct netlink_ext_ack *extack)
{
	if (word->nr_vlan == SLUICE_ASK_WORD_VLANS) {
		NL_SET_ERR_MSG_ATTR(extack, nla, "too many VLANs: an uplink takes 16 ranges");
		return -E2BIG;
	}
	return sluice_nl_get_vlan_range(nla, &word->vlan[word->nr_vlan++], extack);
}

/* Attributes that come several times are in no table: go by all that followed the header. */
static int word_parse(struct sluice_change *c, struct sluice_ask_word *word)
{
	const struct nlattr *nla;
	int rem, err = 0;

	word->no_promisc = c->attrs[SLUICE_A_PORT_NO_PROMISC];
	nla_for_each_attr(nla, c->head, c->len, rem) {
		if (nla_type(nla) == SLUICE_A_PORT_WANT_MAC)
			err = word_get_mac(nla, word, c->extack);
		else if (nla_type(nla) == SLUICE_A_PORT_WANT_VLAN)
			err = word_get_vlan(nla, word, c->extack);
		if (err)
			return err;
	}
	return 0;
}

/* In force, or what is to be in force once there is a VF. */
static struct sluice_ask_word *word_of(struct sluice_port *port)
{
	return port->ask ? &port->ask->word : &port->waits.word;
}

static void word_write(struct sluice_port *port, const struct sluice_ask_word *word)
{
	*word_of(port) = *word;
	if (port->ask)
		sluice_ask_changed();
}

static int word_undo(struct sluice_step *step)
{
	struct uplink_step *undo = container_of(step, struct uplink_step, step);

	word_write(undo->port, &undo->word);
	return 0;
}

/* --- commands -------------------------------------------------------------------------------- */

/* What is waited for is shown to others, and can come: none of the uplink's own. */
static bool waits_name_valid(const char *dev, const char *uplink)
{
	const char *c;

	for (c = dev; isascii(*c) && isgraph(*c); c++)
		;
	return !*c && dev_valid_name(dev) && strcmp(dev, uplink);
}

/* The VF; NULL: the uplink is to wait for it, also where another has it. */
static struct net_device *uplink_get_lower(struct sluice_change *c, const char *uplink)
{
	const struct nlattr *dev = c->attrs[SLUICE_A_PORT_DEV];
	struct net_device *lower = __dev_get_by_name(c->net, nla_data(dev));
	bool wait = c->attrs[SLUICE_A_PORT_WAIT];

	if (lower && !(wait && netdev_is_rx_handler_busy(lower)))
		return lower;
	if (!wait) {
		NL_SET_ERR_MSG_ATTR_FMT(c->extack, dev,
					"no interface '%s' in this network namespace: see 'ip link'",
					(const char *)nla_data(dev));
		return ERR_PTR(-ENODEV);
	}
	if (waits_name_valid(nla_data(dev), uplink))
		return NULL;
	NL_SET_ERR_MSG_ATTR(c->extack, dev, "no interface has such a name: say which it waits for");
	return ERR_PTR(-EINVAL);
}

static int uplink_make(struct sluice_change *c, const char *name, struct net_device *lower,
		       const struct sluice_ask_word *word)
{
	struct sluice_port_step *undo = sluice_nl_undo_port(c);
	struct sluice_port *port;

	if (IS_ERR(undo))
		return PTR_ERR(undo);
	port = sluice_uplink_add(c->net, name, lower, c->extack);
	/* The VF is asked for nothing before the command is through. */
	if (!IS_ERR(port)) {
		word_write(port, word);
		nla_strscpy(port->waits.dev, c->attrs[SLUICE_A_PORT_DEV], IFNAMSIZ);
	}
	return sluice_nl_port_added(port, undo);
}

static int uplink_add(struct sluice_change *c)
{
	struct nlattr *dev = sluice_nl_need(c, SLUICE_A_PORT_DEV);
	struct sluice_ask_word word = {};
	struct net_device *lower;
	const char *name;
	int err;

	if (!dev)
		return -EINVAL;
	name = sluice_nl_new_port_name(c);
	if (!name)
		return -EINVAL;
	lower = uplink_get_lower(c, name);
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	err = word_parse(c, &word);
	return err ?: uplink_make(c, name, lower, &word);
}

static struct sluice_port *uplink_need(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_port(c, SLUICE_A_PORT_NAME);

	if (IS_ERR(port))
		return port;
	if (port->kind != SLUICE_PORT_UPLINK) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[SLUICE_A_PORT_NAME],
				    "that is a guest port: say 'sluice port set'");
		return ERR_PTR(-EINVAL);
	}
	return port;
}

static int uplink_open(struct sluice_step *step)
{
	struct sluice_port *port = container_of(step, struct open_step, step)->port;

	WRITE_ONCE(port->closed, false);
	sluice_port_look(port);
	return 0;
}

/*
 * What a transaction makes of wires, flows and policy is in force when all of it is: until then
 * nothing passes an uplink that has got its VF by it.
 */
static int uplink_close(struct sluice_change *c, struct sluice_port *port)
{
	struct open_step *open;

	if (!c->txn)
		return 0;
	open = sluice_change_store(c, sizeof(*open), uplink_open);
	if (IS_ERR(open))
		return PTR_ERR(open);
	open->port = port;
	WRITE_ONCE(port->closed, true);
	return 0;
}

/* What it is, also if it has to wait for the VF that it has. */
static void lower_note(struct lower_step *undo)
{
	struct sluice_port *port = undo->port;
	const struct sluice_worker *w = rtnl_dereference(port->worker);

	sluice_nl_get_link(port, &undo->link);
	undo->closed = port->closed;
	undo->waits = port->waits;
	if (!undo->lower)
		return;
	snprintf(undo->waits.dev, IFNAMSIZ, "%s", undo->lower->name);
	undo->waits.word = port->ask->word;
	undo->waits.cpu = w ? w->cpu : -1;
}

/* RTNL is held since it had that VF. If it does not get it back it waits for it. */
static int lower_undo(struct sluice_step *step)
{
	struct lower_step *undo = container_of(step, struct lower_step, step);
	struct sluice_port *port = undo->port;
	int err = sluice_uplink_let_go(port);

	/* Its netdev followed the VF that it has no more. */
	err = sluice_nl_restore_link(&undo->link) ?: err;
	port->waits = undo->waits;
	if (undo->lower)
		err = sluice_uplink_attach(port, undo->lower, NULL) ?: err;
	WRITE_ONCE(port->closed, undo->closed);
	return err;
}

/* One that has another VF lets go of it: what is about the uplink stays all the while. */
static int uplink_take(struct sluice_port *port, struct net_device *lower,
		       struct netlink_ext_ack *extack)
{
	struct net_device *has = rtnl_dereference(port->lower);
	int err = sluice_uplink_check_lower(port, lower, extack);

	if (err)
		return err;
	if (has && sluice_uplink_let_go(port)) {
		NL_SET_ERR_MSG(extack, "its worker does not answer: see 'sluice worker show'");
		return -EBUSY;
	}
	err = sluice_uplink_attach(port, lower, extack);
	/* Nothing was refused but memory, or by the VF: the other one was had a moment ago. */
	if (err && has)
		sluice_uplink_attach(port, has, NULL);
	return err;
}

/* The VF below it, or the one that it is to wait for. */
static int uplink_set_lower(struct sluice_change *c, struct sluice_port *port,
			    const struct nlattr *dev)
{
	struct net_device *has = rtnl_dereference(port->lower), *lower;
	bool closed = port->closed;
	struct lower_step *undo;
	int err = 0;

	if (has && has == __dev_get_by_name(c->net, nla_data(dev)))
		return 0;
	lower = uplink_get_lower(c, port->dev->name);
	if (IS_ERR(lower))
		return PTR_ERR(lower);
	if (has && !lower) {
		NL_SET_ERR_MSG_ATTR_FMT(c->extack, dev,
					"it has '%s', and the other one is not there to be had",
					has->name);
		return -EBUSY;
	}
	undo = sluice_change_undo(c, sizeof(*undo), lower_undo);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->port = port;
		undo->lower = has;
		lower_note(undo);
	}
	if (lower)
		err = uplink_close(c, port) ?: uplink_take(port, lower, c->extack);
	else
		nla_strscpy(port->waits.dev, dev, IFNAMSIZ);
	if (undo)
		undo->step.armed = !err;
	/* It has what it had. */
	if (err)
		WRITE_ONCE(port->closed, closed);
	return err;
}

static int uplink_set_word(struct sluice_change *c, struct sluice_port *port,
			   const struct sluice_ask_word *word)
{
	struct uplink_step *undo;

	undo = sluice_change_undo(c, sizeof(*undo), word_undo);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->port = port;
		undo->word = *word_of(port);
		undo->step.armed = true;
	}
	word_write(port, word);
	return 0;
}

/* With a VF alone, what was said of it stays. */
static int uplink_set(struct sluice_change *c)
{
	struct sluice_port *port = uplink_need(c);
	const struct nlattr *dev = c->attrs[SLUICE_A_PORT_DEV];
	struct sluice_ask_word word = {};
	bool said = !dev || c->attrs[SLUICE_A_PORT_WANT_MAC] ||
		    c->attrs[SLUICE_A_PORT_WANT_VLAN] || c->attrs[SLUICE_A_PORT_NO_PROMISC];
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	if (!dev && c->attrs[SLUICE_A_PORT_WAIT]) {
		NL_SET_ERR_MSG(c->extack, "wait for which? Say dev");
		return -EINVAL;
	}
	err = word_parse(c, &word);
	if (!err && dev)
		err = uplink_set_lower(c, port, dev);
	if (err || !said)
		return err;
	return uplink_set_word(c, port, &word);
}

int sluice_nl_uplink_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, uplink_add, SLUICE_OBJECT_PORT);
}

int sluice_nl_uplink_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, uplink_set, SLUICE_OBJECT_PORT);
}

/* --- showing --------------------------------------------------------------------------------- */

static int word_put(struct sk_buff *skb, const struct sluice_ask_word *word)
{
	unsigned int i;

	for (i = 0; i < word->nr_mac; i++) {
		if (nla_put(skb, SLUICE_A_PORT_WANT_MAC, ETH_ALEN, word->mac[i]))
			return -EMSGSIZE;
	}
	for (i = 0; i < word->nr_vlan; i++) {
		if (sluice_nl_put_vlan_range(skb, SLUICE_A_PORT_WANT_VLAN, &word->vlan[i]))
			return -EMSGSIZE;
	}
	return word->no_promisc ? nla_put_flag(skb, SLUICE_A_PORT_NO_PROMISC) : 0;
}

static int vlans_put(struct sk_buff *skb, int type, const unsigned long *vlans)
{
	struct sluice_vlan_range range;
	unsigned int nr = 0, first, end;

	for_each_set_bitrange(first, end, vlans, VLAN_N_VID) {
		range.first = first;
		range.last = end - 1;
		if (nr++ == UPLINK_SHOWN)
			break;
		if (sluice_nl_put_vlan_range(skb, type, &range))
			return -EMSGSIZE;
	}
	return 0;
}

static int addrs_put(struct sk_buff *skb, const struct sluice_ask *ask)
{
	unsigned int i, asked = 0, refused = 0;

	for (i = 0; i < ask->nr_addr; i++) {
		const struct sluice_ask_addr *a = &ask->addr[i];

		asked += !!(a->state & SLUICE_ASK_ASKED);
		if (a->state & SLUICE_ASK_REFUSED && refused++ < UPLINK_SHOWN &&
		    nla_put(skb, SLUICE_A_PORT_REFUSED_MAC, ETH_ALEN, a->addr))
			return -EMSGSIZE;
	}
	return asked ? nla_put_u32(skb, SLUICE_A_PORT_ASKED_MACS, asked) : 0;
}

static int ask_put(struct sk_buff *skb, const struct sluice_ask *ask)
{
	DECLARE_BITMAP(refused, VLAN_N_VID);

	bitmap_or(refused, ask->refused, ask->above_refused[0], VLAN_N_VID);
	if (word_put(skb, &ask->word) || addrs_put(skb, ask) ||
	    vlans_put(skb, SLUICE_A_PORT_ASKED_VLAN, ask->asked) ||
	    vlans_put(skb, SLUICE_A_PORT_REFUSED_VLAN, refused))
		return -EMSGSIZE;
	return ask->left_out ? nla_put_u32(skb, SLUICE_A_PORT_LEFT_OUT, ask->left_out) : 0;
}

int sluice_nl_put_uplink(struct sk_buff *skb, const struct sluice_port *port)
{
	const struct net_device *lower = rtnl_dereference(port->lower);
	const struct sluice_worker *w = rtnl_dereference(port->worker);

	/* The one that it is to have. */
	if (!lower && port->waits.cpu >= 0)
		w = sluice_worker_find(port->waits.cpu);
	if (lower && nla_put_string(skb, SLUICE_A_PORT_DEV, lower->name))
		return -EMSGSIZE;
	if (!lower && *port->waits.dev &&
	    nla_put_string(skb, SLUICE_A_PORT_WAITS_FOR, port->waits.dev))
		return -EMSGSIZE;
	if (w && nla_put_u32(skb, SLUICE_A_PORT_CPU, w->cpu))
		return -EMSGSIZE;
	return port->ask ? ask_put(skb, port->ask) : word_put(skb, &port->waits.word);
}
