// SPDX-License-Identifier: GPL-2.0-only
/* Commands about uplinks, and what their VFs are asked for. */
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

static void word_write(struct sluice_port *port, const struct sluice_ask_word *word)
{
	/* The VF may have been unplugged meanwhile. */
	if (!port->ask)
		return;
	port->ask->word = *word;
	sluice_ask_changed();
}

static int word_undo(struct sluice_step *step)
{
	struct uplink_step *undo = container_of(step, struct uplink_step, step);

	word_write(undo->port, &undo->word);
	return 0;
}

/* --- commands -------------------------------------------------------------------------------- */

static struct net_device *uplink_find_lower(struct sluice_change *c, const struct nlattr *dev)
{
	struct net_device *lower = __dev_get_by_name(c->net, nla_data(dev));

	if (!lower)
		NL_SET_ERR_MSG_ATTR_FMT(c->extack, dev,
					"no interface '%s' in this network namespace: see 'ip link'",
					(const char *)nla_data(dev));
	return lower;
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
	if (!IS_ERR(port))
		word_write(port, word);
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
	lower = uplink_find_lower(c, dev);
	if (!lower)
		return -ENODEV;
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
	if (!port->ask) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[SLUICE_A_PORT_NAME],
				    "the VF below it is gone: remove the uplink");
		return ERR_PTR(-ENODEV);
	}
	return port;
}

static int uplink_set(struct sluice_change *c)
{
	struct sluice_port *port = uplink_need(c);
	struct sluice_ask_word word = {};
	struct uplink_step *undo;
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	err = word_parse(c, &word);
	if (err)
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), word_undo);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->port = port;
		undo->word = port->ask->word;
		undo->step.armed = true;
	}
	word_write(port, &word);
	return 0;
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
	if (word_put(skb, &ask->word) || addrs_put(skb, ask) ||
	    vlans_put(skb, SLUICE_A_PORT_ASKED_VLAN, ask->asked) ||
	    vlans_put(skb, SLUICE_A_PORT_REFUSED_VLAN, ask->refused))
		return -EMSGSIZE;
	return ask->left_out ? nla_put_u32(skb, SLUICE_A_PORT_LEFT_OUT, ask->left_out) : 0;
}

int sluice_nl_put_uplink(struct sk_buff *skb, const struct sluice_port *port)
{
	const struct net_device *lower = rtnl_dereference(port->lower);
	const struct sluice_worker *w = rtnl_dereference(port->worker);

	if (lower && nla_put_string(skb, SLUICE_A_PORT_DEV, lower->name))
		return -EMSGSIZE;
	if (w && nla_put_u32(skb, SLUICE_A_PORT_CPU, w->cpu))
		return -EMSGSIZE;
	return port->ask ? ask_put(skb, port->ask) : 0;
}
