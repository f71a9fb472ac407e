// SPDX-License-Identifier: GPL-2.0-only
/*
 * A port's netdev, with a representor's meaning: what no flow handled comes out of it into the
 * host's stack, and what the host sends to it reaches the guest (or, through an uplink, the wire).
 * Counters are the port's own: everything that passed, whichever way it took.
 */
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/rtnetlink.h>
#include "ask.h"
#include "instance.h"
#include "netlink.h"
#include "port.h"

#define REP_KIND	"sluice"
/* What the stack may hand over when the guest's driver takes it. */
#define REP_OFFLOADS	(NETIF_F_HW_CSUM | NETIF_F_TSO | NETIF_F_TSO_ECN | NETIF_F_TSO6 | \
			 NETIF_F_GSO_UDP_L4)
#define REP_FILTERS	(NETIF_F_HW_VLAN_CTAG_FILTER | NETIF_F_HW_VLAN_STAG_FILTER)
#define REP_FEATURES	(NETIF_F_SG | NETIF_F_HIGHDMA | NETIF_F_GSO | NETIF_F_GRO)

struct rep {
	struct sluice_port *port;
};

static struct rtnl_link_ops rep_link_ops;
static const struct net_device_ops rep_netdev_ops;

static struct sluice_port *rep_port(const struct net_device *dev)
{
	return ((struct rep *)netdev_priv(dev))->port;
}

struct sluice_port *sluice_port_from_dev(const struct net_device *dev)
{
	return dev->netdev_ops == &rep_netdev_ops ? rep_port(dev) : NULL;
}

struct sluice_port *sluice_port_find_ifindex(struct net *net, int ifindex)
{
	struct net_device *dev = __dev_get_by_index(net, ifindex);

	return dev ? sluice_port_from_dev(dev) : NULL;
}
SLUICE_EXPORT(sluice_port_find_ifindex);

struct sluice_port *sluice_port_find(struct net *net, const char *name)
{
	struct net_device *dev = __dev_get_by_name(net, name);

	return dev ? sluice_port_from_dev(dev) : NULL;
}

/* --- net_device_ops --- */

static int rep_open(struct net_device *dev)
{
	WRITE_ONCE(rep_port(dev)->up, true);
	/* Who waits to write to it may. */
	sluice_port_look(rep_port(dev));
	return 0;
}

/* Frames that wait for a guest's buffers are for nobody now: its workers see to them. */
static int rep_stop(struct net_device *dev)
{
	WRITE_ONCE(rep_port(dev)->up, false);
	sluice_port_look(rep_port(dev));
	return 0;
}

static netdev_tx_t rep_xmit_uplink(struct sluice_port *port, struct sk_buff *skb)
{
	/* ndo_start_xmit runs with RCU held. */
	struct net_device *lower = rcu_dereference_bh(port->lower);
	struct sluice_wire wire = sluice_wire_of(skb);
	int rc;

	if (unlikely(!lower || sluice_port_held_back(port))) {
		sluice_port_drop_skb(port, lower ? SLUICE_DROP_HELD : SLUICE_DROP_UPLINK_DOWN, skb);
		return NETDEV_TX_OK;
	}
	skb->dev = lower;
	rc = dev_queue_xmit(skb);
	if (unlikely(net_xmit_eval(rc)))
		sluice_port_count_drop(port, SLUICE_DROP_UPLINK_BUSY, wire.packets);
	else
		sluice_port_count(port, SLUICE_DIR_FROM_GUEST, wire.packets, wire.bytes);
	return NETDEV_TX_OK;
}

static netdev_tx_t rep_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct sluice_port *port = rep_port(dev);

	if (port->kind == SLUICE_PORT_UPLINK)
		return rep_xmit_uplink(port, skb);
	/* Frames wait in an inbox, so what user space still owns must be copied. */
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC))) {
		sluice_port_drop_skb(port, SLUICE_DROP_NOMEM, skb);
		return NETDEV_TX_OK;
	}
	skb_tx_timestamp(skb);
	sluice_port_post(port, skb, skb_get_hash(skb), false);
	return NETDEV_TX_OK;
}

static void rep_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct sluice_port *port = rep_port(dev);
	struct sluice_port_totals t;
	enum sluice_dir rx = port->kind == SLUICE_PORT_UPLINK ? SLUICE_DIR_TO_GUEST :
								SLUICE_DIR_FROM_GUEST;
	unsigned int i;

	sluice_port_totals(port, &t);
	s->rx_packets = t.packets[rx];
	s->rx_bytes = t.bytes[rx];
	s->tx_packets = t.packets[!rx];
	s->tx_bytes = t.bytes[!rx];
	for (i = SLUICE_DROP_NONE + 1; i < SLUICE_DROP_MAX; i++) {
		/* Nobody wanted those: nothing is lost. */
		if (i == SLUICE_DROP_RX_FILTER)
			continue;
		if (i >= SLUICE_DROP_RX_FULL && i <= SLUICE_DROP_INBOX_FULL)
			s->tx_dropped += t.drops[i];
		else
			s->rx_dropped += t.drops[i];
	}
}

static netdev_features_t rep_fix_features(struct net_device *dev, netdev_features_t features)
{
	struct sluice_port *port = rep_port(dev);
	netdev_features_t takes = READ_ONCE(port->offloads_told);

	/* Without a VF nobody filters; a new one is asked for the tags that are wanted above. */
	if (port->kind == SLUICE_PORT_UPLINK)
		return rtnl_dereference(port->lower) ? features | REP_FILTERS :
						       features & ~REP_FILTERS;
	if (takes & NETIF_F_CSUM_MASK)
		takes |= NETIF_F_HW_CSUM;
	return features & (takes | ~REP_OFFLOADS);
}

static int rep_change_mtu(struct net_device *dev, int mtu)
{
	struct sluice_port *port = rep_port(dev);
	struct net_device *lower = rtnl_dereference(port->lower);
	int err = 0;

	if (lower)
		err = dev_set_mtu(lower, mtu);
	if (!err)
		WRITE_ONCE(dev->mtu, mtu);
	return err;
}

/*
 * The VF filters and is spoof-checked by its address, so an uplink never has another one: the VF is
 * asked first, and the uplink follows what became of it (uplink_event()).
 */
static int rep_set_mac_address(struct net_device *dev, void *addr)
{
	struct net_device *lower = rtnl_dereference(rep_port(dev)->lower);

	if (lower)
		return dev_set_mac_address(lower, addr, NULL);
	sluice_ask_changed();
	return eth_mac_addr(dev, addr);
}

/* Addresses that are wanted above are asked of the VF below. */
static void rep_set_rx_mode(struct net_device *dev)
{
	struct net_device *lower;

	rcu_read_lock();
	lower = rcu_dereference(rep_port(dev)->lower);
	if (lower) {
		dev_uc_sync(lower, dev);
		dev_mc_sync(lower, dev);
	}
	rcu_read_unlock();
}

/* Likewise tags, which most VFs filter by. A VF that has no room for one more refuses. */
static int rep_vlan_add(struct net_device *dev, __be16 proto, u16 vid)
{
	struct sluice_port *port = rep_port(dev);
	struct net_device *lower = rtnl_dereference(port->lower);

	if (lower && !port->taking)
		return sluice_ask_above_add(port->ask, lower, proto, vid);
	if (lower)
		sluice_ask_above_want(port->ask, proto, vid);
	return 0;
}

static int rep_vlan_del(struct net_device *dev, __be16 proto, u16 vid)
{
	struct sluice_port *port = rep_port(dev);

	if (rtnl_dereference(port->lower))
		sluice_ask_above_del(port->ask, proto, vid);
	return 0;
}

static void rep_uninit(struct net_device *dev)
{
	struct sluice_port *port = rep_port(dev);

	/* Every way to unregister a netdev comes by here, RTNL held, before the grace period. */
	if (port && port->inst && !port->gone)
		sluice_port_withdraw(port);
}

static const struct net_device_ops rep_netdev_ops = {
	.ndo_uninit = rep_uninit,
	.ndo_open = rep_open,
	.ndo_stop = rep_stop,
	.ndo_start_xmit = rep_xmit,
	.ndo_get_stats64 = rep_get_stats64,
	.ndo_fix_features = rep_fix_features,
	.ndo_change_mtu = rep_change_mtu,
	.ndo_set_rx_mode = rep_set_rx_mode,
	.ndo_set_mac_address = rep_set_mac_address,
	.ndo_vlan_rx_add_vid = rep_vlan_add,
	.ndo_vlan_rx_kill_vid = rep_vlan_del,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_features_check = passthru_features_check,
};

/* --- ethtool --- */

static const char rep_stat_names[][ETH_GSTRING_LEN] = {
	"from_guest_packets", "from_guest_bytes", "to_guest_packets", "to_guest_bytes",
	"slow_packets", "fast_packets", "busy_ns", "polled_packets", "from_guest_throttled",
	"to_guest_throttled",
};

#define REP_NR_STATS	(ARRAY_SIZE(rep_stat_names) + SLUICE_DROP_MAX - 1)

static void rep_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	const struct sluice_port *port = rep_port(dev);
	const struct net_device *lower = rtnl_dereference(port->lower);

	strscpy(info->driver, REP_KIND, sizeof(info->driver));
	strscpy(info->version, THIS_MODULE->version ?: "", sizeof(info->version));
	if (lower)
		strscpy(info->bus_info, lower->name, sizeof(info->bus_info));
}

static int rep_get_sset_count(struct net_device *dev, int sset)
{
	return sset == ETH_SS_STATS ? REP_NR_STATS : -EOPNOTSUPP;
}

static void rep_get_strings(struct net_device *dev, u32 sset, u8 *data)
{
	unsigned int i;

	if (sset != ETH_SS_STATS)
		return;
	memcpy(data, rep_stat_names, sizeof(rep_stat_names));
	data += sizeof(rep_stat_names);
	for (i = SLUICE_DROP_NONE + 1; i < SLUICE_DROP_MAX; i++)
		ethtool_sprintf(&data, "drop_%s", sluice_drop_tag(i));
}

static void rep_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats, u64 *data)
{
	struct sluice_port_totals t;
	unsigned int i;

	sluice_port_totals(rep_port(dev), &t);
	*data++ = t.packets[SLUICE_DIR_FROM_GUEST];
	*data++ = t.bytes[SLUICE_DIR_FROM_GUEST];
	*data++ = t.packets[SLUICE_DIR_TO_GUEST];
	*data++ = t.bytes[SLUICE_DIR_TO_GUEST];
	*data++ = t.slow_packets;
	*data++ = t.fast_packets;
	*data++ = t.busy_ns;
	*data++ = t.polled_packets;
	*data++ = t.throttled[SLUICE_DIR_FROM_GUEST];
	*data++ = t.throttled[SLUICE_DIR_TO_GUEST];
	for (i = SLUICE_DROP_NONE + 1; i < SLUICE_DROP_MAX; i++)
		*data++ = t.drops[i];
}

static const struct ethtool_ops rep_ethtool_ops = {
	.get_drvinfo = rep_get_drvinfo,
	.get_link = ethtool_op_get_link,
	.get_ts_info = ethtool_op_get_ts_info,
	.get_sset_count = rep_get_sset_count,
	.get_strings = rep_get_strings,
	.get_ethtool_stats = rep_get_ethtool_stats,
};

/* --- rtnl kind --- */

/*
 * The netdev is gone from every list and a grace period has passed: the reference that it held goes
 * too.
 */
static void rep_destructor(struct net_device *dev)
{
	struct rep *rep = netdev_priv(dev);

	if (rep->port)
		sluice_port_put(rep->port);
	rep->port = NULL;
}

static void rep_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &rep_netdev_ops;
	dev->ethtool_ops = &rep_ethtool_ops;
	dev->rtnl_link_ops = &rep_link_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = rep_destructor;
	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU - ETH_HLEN;
	dev->priv_flags |= IFF_NO_QUEUE | IFF_LIVE_ADDR_CHANGE | IFF_DISABLE_NETPOLL;
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->lltx = true;
	dev->features = REP_FEATURES | REP_OFFLOADS;
	dev->hw_features = REP_FEATURES | REP_OFFLOADS;
	dev->vlan_features = dev->features;
	netif_set_tso_max_size(dev, GSO_LEGACY_MAX_SIZE);
}

/*
 * What a tenant has counts where it is, and he may have several namespaces of which not all are
 * allowed the same: so it stays.
 */
static void rep_tie(struct net_device *dev)
{
	dev->netns_local = sluice_tenant_is(dev_net(dev));
}

/*
 * @dev: allocated, named, not registered; @lower: an uplink's VF, if it has one. On failure the
 * caller frees it.
 */
static int rep_register(struct net_device *dev, enum sluice_port_kind kind,
			struct net_device *lower, unsigned int pairs,
			struct netlink_ext_ack *extack)
{
	size_t memory = sluice_port_memory(dev, kind == SLUICE_PORT_UPLINK, pairs);
	struct sluice_port *port;
	int err;

	err = sluice_tenant_check_port(sluice_instance_get(dev_net(dev)), memory, extack);
	if (err)
		return err;
	port = sluice_port_new(dev, kind, pairs);
	if (IS_ERR(port))
		return PTR_ERR(port);
	if (lower) {
		eth_hw_addr_inherit(dev, lower);
		dev->mtu = lower->mtu;
	} else if (is_zero_ether_addr(dev->dev_addr)) {
		eth_hw_addr_random(dev);
	}
	netif_carrier_off(dev);
	rep_tie(dev);
	((struct rep *)netdev_priv(dev))->port = port;
	/*
	 * The port's reference is the netdev's now. Early failures do not run the destructor, late
	 * ones do or will.
	 */
	err = register_netdevice(dev);
	if (err) {
		if (dev->reg_state == NETREG_UNINITIALIZED)
			rep_destructor(dev);
		return err;
	}
	err = sluice_port_publish(port);
	if (err) {
		NL_SET_ERR_MSG(extack, "no worker or no memory for the port");
		goto unregister;
	}
	if (lower) {
		err = sluice_uplink_attach(port, lower, extack);
		if (err)
			goto unregister;
	}
	return 0;

unregister:
	unregister_netdevice(dev);
	return err;
}

static int rep_newlink(struct net *src_net, struct net_device *dev, struct nlattr *tb[],
		       struct nlattr *data[], struct netlink_ext_ack *extack)
{
	struct net_device *lower = NULL;

	if (tb[IFLA_LINK]) {
		lower = __dev_get_by_index(src_net, nla_get_u32(tb[IFLA_LINK]));
		if (!lower || !net_eq(dev_net(lower), dev_net(dev))) {
			NL_SET_ERR_MSG(extack,
				       "the VF must be in the namespace the uplink is made in");
			return -ENODEV;
		}
	}
	return rep_register(dev, lower ? SLUICE_PORT_UPLINK : SLUICE_PORT_GUEST, lower,
			    min(dev->num_tx_queues, SLUICE_MAX_PAIRS), extack);
}

static void rep_dellink(struct net_device *dev, struct list_head *head)
{
	unregister_netdevice_queue(dev, head);
}

static size_t rep_get_size(const struct net_device *dev)
{
	return 0;
}

static struct rtnl_link_ops rep_link_ops __read_mostly = {
	.kind = REP_KIND,
	.priv_size = sizeof(struct rep),
	.setup = rep_setup,
	.newlink = rep_newlink,
	.dellink = rep_dellink,
	.get_size = rep_get_size,
};

static struct sluice_port *rep_create(struct net *net, const char *name,
				      enum sluice_port_kind kind, struct net_device *lower,
				      const struct sluice_port_params *params,
				      struct netlink_ext_ack *extack)
{
	unsigned int pairs = params->pairs ?: 1;
	struct net_device *dev;
	int err;

	ASSERT_RTNL();
	if (!dev_valid_name(name)) {
		NL_SET_ERR_MSG(extack, "not a valid interface name");
		return ERR_PTR(-EINVAL);
	}
	if (pairs > SLUICE_MAX_PAIRS) {
		NL_SET_ERR_MSG(extack, "too many queue pairs: 16 at most");
		return ERR_PTR(-EINVAL);
	}
	dev = alloc_netdev_mqs(sizeof(struct rep), name, NET_NAME_USER, rep_setup, pairs, pairs);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev_net_set(dev, net);
	if (!is_zero_ether_addr(params->mac)) {
		if (!is_valid_ether_addr(params->mac)) {
			NL_SET_ERR_MSG(extack, "not a unicast MAC address");
			err = -EADDRNOTAVAIL;
			goto free;
		}
		eth_hw_addr_set(dev, params->mac);
	}
	if (params->mtu) {
		if (params->mtu < dev->min_mtu || params->mtu > dev->max_mtu) {
			NL_SET_ERR_MSG(extack, "MTU out of range: 68 to 65521");
			err = -EINVAL;
			goto free;
		}
		dev->mtu = params->mtu;
	}
	err = rep_register(dev, kind, lower, pairs, extack);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "an interface of that name exists");
	if (!err) {
		/* Nobody set it up yet. */
		WRITE_ONCE(rep_port(dev)->control, params->control);
		return rep_port(dev);
	}

	/*
	 * One that got as far as being registered is freed when it is unregistered: free_netdev()
	 * sees to that.
	 */
free:
	free_netdev(dev);
	return ERR_PTR(err);
}

struct sluice_port *sluice_port_add(struct net *net, const char *name,
				    const struct sluice_port_params *params,
				    struct netlink_ext_ack *extack)
{
	return rep_create(net, name, SLUICE_PORT_GUEST, NULL, params, extack);
}

struct sluice_port *sluice_uplink_add(struct net *net, const char *name, struct net_device *lower,
				      struct netlink_ext_ack *extack)
{
	static const struct sluice_port_params params;

	return rep_create(net, name, SLUICE_PORT_UPLINK, lower, &params, extack);
}

void sluice_port_del(struct sluice_port *port)
{
	unregister_netdevice(port->dev);
}

/* --- IPv6 --- */

/*
 * A guest is no router of the host's: its advertisements do not make routes and addresses there,
 * unless the operator says so. The kernel makes a netdev's settings when it is registered, also in
 * another namespace, and when its MTU comes to be enough for IPv6; what is said after that stays.
 */
static void rep_refuse_ra(struct sluice_port *port)
{
	struct inet6_dev *in6;

	if (!IS_ENABLED(CONFIG_IPV6) || port->kind != SLUICE_PORT_GUEST)
		return;
	in6 = __in6_dev_get(port->dev);
	if (in6 && !port->ra_refused)
		WRITE_ONCE(in6->cnf.accept_ra, 0);
	port->ra_refused = in6;
}

/* --- moves between namespaces --- */

static int rep_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct sluice_port *port = sluice_port_from_dev(dev);

	if (!port)
		return NOTIFY_DONE;
	/* Also while it is being made. */
	rep_refuse_ra(port);
	if (port->gone || !port->inst)
		return NOTIFY_DONE;
	/*
	 * A move tells everybody that the netdev goes, and then that it is there; it stays
	 * registered meanwhile.
	 */
	if (event == NETDEV_UP || event == NETDEV_DOWN || event == NETDEV_CHANGEMTU)
		sluice_port_changed(port);
	if (event == NETDEV_UNREGISTER && dev->reg_state == NETREG_REGISTERED) {
		/* The VF stays where it is, so an uplink cannot leave it. */
		if (port->kind == SLUICE_PORT_UPLINK && sluice_uplink_detach(port))
			sluice_port_leak(port);
		sluice_port_leave(port);
	} else if (event == NETDEV_REGISTER && !net_eq(port->inst->net, dev_net(dev))) {
		rep_tie(dev);
		sluice_port_enter(port);
	}
	return NOTIFY_DONE;
}

static struct notifier_block rep_notifier = {
	.notifier_call = rep_event,
};

int sluice_rep_init(void)
{
	int err = register_netdevice_notifier(&rep_notifier);

	if (err)
		return err;
	err = rtnl_link_register(&rep_link_ops);
	if (err)
		unregister_netdevice_notifier(&rep_notifier);
	return err;
}

void sluice_rep_exit(void)
{
	rtnl_link_unregister(&rep_link_ops);
	unregister_netdevice_notifier(&rep_notifier);
}
