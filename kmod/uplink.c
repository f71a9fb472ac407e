// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uplinks: a netdev of ours above a VF's netdev. It takes everything that the VF receives and is
 * the only one to transmit through it.
 *
 * DOC: The VF's netdev
 *
 * port->lower is written under RTNL and read under RCU. When the VF is unplugged its netdev
 * unregisters; the notifier takes the handler and the pointer away, and unregistering waits for a
 * grace period before the netdev dies, so no reference is needed for readers.
 *
 * DOC: Waiting
 *
 * An uplink without a VF is a port like others: what is about it stays, and what goes out by it is
 * dropped. So nobody who was behind it is on the host's stack meanwhile, and one that comes back
 * needs nothing but its VF.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/math64.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched/clock.h>
#include <net/busy_poll.h>
#include "ask.h"
#include "netlink.h"
#include "port.h"
#include "tenant.h"

#define UPLINK_BUDGET	64
/* What is not yet known to take long. */
#define UPLINK_BURST_MIN	8

/* RTNL */
static LIST_HEAD(notifiers);

/* --- receive: the VF's softirq, or the worker that polls it --- */

/* It came in, and goes nowhere. */
static void uplink_refuse(struct sluice_port *port, enum sluice_drop why,
			  const struct sluice_wire *wire)
{
	sluice_port_count(port, SLUICE_DIR_TO_GUEST, wire->packets, wire->bytes);
	sluice_port_count_drop(port, why, wire->packets);
}

/*
 * The engine sees frames as they are on the wire: from the Ethernet header on, tags in place. NULL:
 * no memory.
 */
static struct sk_buff *uplink_unwrap(struct sk_buff *skb)
{
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC))) {
		kfree_skb(skb);
		return NULL;
	}
	if (skb_vlan_tag_present(skb)) {
		skb = vlan_insert_tag_set_proto(skb, skb->vlan_proto, skb_vlan_tag_get(skb));
		if (unlikely(!skb))
			return NULL;
		__vlan_hwaccel_clear_tag(skb);
		/* A device's sum begins behind ETH_HLEN bytes, where now the tag's TCI is. */
		skb_postpush_rcsum(skb, skb->data + ETH_HLEN, VLAN_HLEN);
	}
	skb_reset_mac_header(skb);
	return skb;
}

static rx_handler_result_t uplink_handle_frame(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;
	struct sluice_port *port = rcu_dereference(skb->dev->rx_handler_data);
	struct sluice_wire wire;
	struct sluice_worker *w;

	if (unlikely(skb->pkt_type == PACKET_LOOPBACK))
		return RX_HANDLER_PASS;
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb))
		return RX_HANDLER_CONSUMED;
	skb_push(skb, ETH_HLEN);
	/* Soon it may be gone. */
	wire = sluice_wire_of(skb);
	if (skb_vlan_tag_present(skb))
		wire.bytes += wire.packets * VLAN_HLEN;
	skb = uplink_unwrap(skb);
	if (unlikely(!skb)) {
		uplink_refuse(port, SLUICE_DROP_NOMEM, &wire);
		return RX_HANDLER_CONSUMED;
	}
#ifdef CONFIG_NET_RX_BUSY_POLL
	if (skb->napi_id >= MIN_NAPI_ID && READ_ONCE(port->napi_id) != skb->napi_id)
		WRITE_ONCE(port->napi_id, skb->napi_id);
#endif
	if (unlikely(ptr_ring_produce(&port->inbox, skb))) {
		uplink_refuse(port, SLUICE_DROP_INBOX_FULL, &wire);
		kfree_skb(skb);
		return RX_HANDLER_CONSUMED;
	}
	w = rcu_dereference(port->worker);
	if (!w)
		return RX_HANDLER_CONSUMED;
	/* A softirq may run on the worker's stack too: that was not the worker's own poll. */
	if (current == w->task && !in_serving_softirq())
		WRITE_ONCE(port->polled_packets, port->polled_packets + wire.packets);
	sluice_worker_wake(w);
	return RX_HANDLER_CONSUMED;
}

/* --- on the worker --- */

#ifdef CONFIG_NET_RX_BUSY_POLL
/* One round of the driver's poll function is what a visit wants. */
static bool uplink_poll_once(void *arg, unsigned long start)
{
	return true;
}

/*
 * Let the VF's driver receive on this core instead of waiting for its interrupt. Frames come back
 * through uplink_handle_frame() into our own inbox. That this poll is preferred holds interrupts
 * back if the operator gave the VF a time for that (napi_defer_hard_irqs, gro_flush_timeout).
 */
static void uplink_poll_vf(struct sluice_port *port)
{
	unsigned int id = READ_ONCE(port->napi_id);

	if (id >= MIN_NAPI_ID)
		napi_busy_loop(id, uplink_poll_once, NULL, true, UPLINK_BUDGET);
}
#else
static void uplink_poll_vf(struct sluice_port *port)
{
}
#endif

/* How much of the inbox the next visit takes, if @n packets took @ns: see share.h. */
static int uplink_burst(int n, u64 ns)
{
	if (ns > SLUICE_SHARE_NS)
		return max_t(u64, div64_u64((u64)n * SLUICE_SHARE_NS, ns), 1);
	return clamp(2 * n, UPLINK_BURST_MIN, UPLINK_BUDGET);
}

static bool uplink_poll(struct sluice_worker *w, struct sluice_port *port)
{
	const struct sluice_engine_ops *ops;
	u64 then;
	int n;

	sluice_assert_worker(w);
	if (w->mode == SLUICE_WORKER_POLL)
		uplink_poll_vf(port);
	if (__ptr_ring_empty(&port->inbox))
		return false;
	rcu_read_lock();
	ops = rcu_dereference(port->engine_ops);
	rcu_read_unlock();
	/* As in sluice_queue_poll(): the port leaves its engine only after it left every worker. */
	if (!ops || sluice_port_held_back(port))
		return false;
	then = local_clock();
	n = ops->uplink_rx(w, port, port->burst);
	then = local_clock() - then;
	sluice_port_count_busy(port, then);
	port->burst = uplink_burst(n, then);
	return n > 0;
}

bool sluice_uplink_poll(struct sluice_worker *w, struct sluice_port *port)
{
	bool moved;

	/* If the thread dies in it, this one is to blame. */
	w->uplink = port;
	moved = uplink_poll(w, port);
	w->uplink = NULL;
	return moved;
}

static void uplink_join(struct sluice_worker *w, void *arg)
{
	struct sluice_port *port = arg;

	list_add_tail(&port->worker_node, &w->uplinks);
	sluice_worker_wake(w);
}

static void uplink_leave(struct sluice_worker *w, void *arg)
{
	struct sluice_port *port = arg;

	list_del_init(&port->worker_node);
}

/* --- control --- */

/* @call: how to go about it if it does not answer. */
static int uplink_take_off_worker(struct sluice_port *port,
				  int (*call)(struct sluice_worker *w, sluice_call_t fn, void *arg))
{
	struct sluice_worker *w = rtnl_dereference(port->worker);

	return w ? call(w, uplink_leave, port) : 0;
}

static void uplink_leave_worker(struct sluice_port *port)
{
	struct sluice_worker *w = rtnl_dereference(port->worker);

	RCU_INIT_POINTER(port->worker, NULL);
	if (w)
		w->nr_users--;
}

/* One that is stuck takes it when it goes on. */
static void uplink_put_on_worker(struct sluice_port *port, struct sluice_worker *w)
{
	rcu_assign_pointer(port->worker, w);
	w->nr_users++;
	sluice_worker_call_late(w, uplink_join, port);
}

int sluice_uplink_move(struct sluice_port *port, struct sluice_worker *to)
{
	int err;

	ASSERT_RTNL();
	if (!rtnl_dereference(port->worker)) {
		port->waits.cpu = to->cpu;
		return 0;
	}
	if (rtnl_dereference(port->worker) == to)
		return 0;
	err = uplink_take_off_worker(port, sluice_worker_call);
	if (err)
		return err;
	uplink_leave_worker(port);
	uplink_put_on_worker(port, to);
	return 0;
}

int sluice_uplink_check_lower(const struct sluice_port *port, const struct net_device *lower,
			      struct netlink_ext_ack *extack)
{
	if (port->stuck) {
		NL_SET_ERR_MSG(extack,
			       "a worker that does not answer has it still: make another uplink");
		return -EBUSY;
	}
	if (netdev_has_upper_dev(port->dev, (struct net_device *)lower)) {
		NL_SET_ERR_MSG(extack, "that device is above this uplink itself: name the VF's");
		return -EBUSY;
	}
	if (lower->flags & IFF_LOOPBACK || lower->type != ARPHRD_ETHER) {
		NL_SET_ERR_MSG(extack, "an uplink needs an Ethernet device below it");
		return -EINVAL;
	}
	if (sluice_port_from_dev(lower)) {
		NL_SET_ERR_MSG(extack, "that device is a Sluice port itself: name the VF's netdev");
		return -EINVAL;
	}
	if (netdev_is_rx_handler_busy((struct net_device *)lower)) {
		NL_SET_ERR_MSG(extack,
			       "it is in a bridge, bond, team or other uplink: take it out first");
		return -EBUSY;
	}
	return 0;
}

static void uplink_mirror_carrier(struct sluice_port *port, struct net_device *lower)
{
	bool up = netif_running(lower) && netif_carrier_ok(lower);

	if (up == netif_carrier_ok(port->dev))
		return;
	if (up)
		netif_carrier_on(port->dev);
	else
		netif_carrier_off(port->dev);
	sluice_netlink_event(dev_net(port->dev),
			     up ? SLUICE_EVENT_UPLINK_UP : SLUICE_EVENT_UPLINK_DOWN, port, 0);
	/* What it refused may have been for want of that. */
	if (up)
		sluice_ask_changed();
}

/* Whoever changed the VF's address, the PF's owner for one, changed the uplink's. */
static void uplink_mirror_address(struct sluice_port *port, const struct net_device *lower)
{
	if (ether_addr_equal(port->dev->dev_addr, lower->dev_addr))
		return;
	eth_hw_addr_set(port->dev, lower->dev_addr);
	call_netdevice_notifiers(NETDEV_CHANGEADDR, port->dev);
	sluice_ask_changed();
}

/* The one that it had, or was to have. */
static struct sluice_worker *uplink_pick_worker(const struct sluice_port *port)
{
	bool tenants = sluice_tenant_is(dev_net(port->dev));
	struct sluice_worker *w = NULL;

	if (!tenants && port->waits.cpu >= 0)
		w = sluice_worker_find(port->waits.cpu);
	return w ?: sluice_worker_pick(tenants);
}

/* What the VF is, the uplink is, too. */
static void uplink_follow_lower(struct sluice_port *port, struct net_device *lower)
{
	netif_inherit_tso_max(port->dev, lower);
	if (port->dev->mtu != lower->mtu)
		dev_set_mtu(port->dev, min(lower->mtu, port->dev->max_mtu));
	uplink_mirror_address(port, lower);
	/* Addresses and tags that were wanted above while there was none. */
	netif_addr_lock_bh(port->dev);
	dev_uc_sync(lower, port->dev);
	dev_mc_sync(lower, port->dev);
	netif_addr_unlock_bh(port->dev);
	port->taking = true;
	netdev_update_features(port->dev);
	port->taking = false;
	uplink_mirror_carrier(port, lower);
}

int sluice_uplink_attach(struct sluice_port *port, struct net_device *lower,
			 struct netlink_ext_ack *extack)
{
	struct sluice_uplink_notifier *n;
	struct sluice_worker *w;
	int err, lost = 0;

	ASSERT_RTNL();
	err = sluice_uplink_check_lower(port, lower, extack);
	if (err)
		return err;
	/* Nobody filters: that there is somebody who does comes out of what is asked below. */
	netdev_update_features(port->dev);
	/* Who makes the uplink pays for all that may be asked for. */
	port->ask = kvzalloc(sizeof(*port->ask), GFP_KERNEL_ACCOUNT);
	if (!port->ask)
		return -ENOMEM;
	err = ptr_ring_init(&port->inbox, SLUICE_INBOX_SIZE, GFP_KERNEL_ACCOUNT);
	if (err)
		goto ask;
	w = uplink_pick_worker(port);
	if (IS_ERR(w)) {
		err = PTR_ERR(w);
		goto inbox;
	}
	err = netdev_master_upper_dev_link(lower, port->dev, NULL, NULL, extack);
	if (err)
		goto inbox;
	dev_disable_lro(lower);
	port->burst = UPLINK_BURST_MIN;
	uplink_put_on_worker(port, w);
	rcu_assign_pointer(port->lower, lower);
	err = netdev_rx_handler_register(lower, uplink_handle_frame, port);
	if (err)
		goto worker;
	port->ask->word = port->waits.word;
	uplink_follow_lower(port, lower);
	list_for_each_entry(n, &notifiers, node)
		n->added(port->dev, lower);
	sluice_ask_changed();
	return 0;

worker:
	RCU_INIT_POINTER(port->lower, NULL);
	lost = uplink_take_off_worker(port, sluice_worker_call_late);
	uplink_leave_worker(port);
	netdev_upper_dev_unlink(lower, port->dev);
inbox:
	synchronize_net();
	port->stuck = lost;
	if (lost)
		sluice_port_leak(port);
	else
		ptr_ring_cleanup(&port->inbox, NULL);
ask:
	kvfree(port->ask);
	port->ask = NULL;
	sluice_worker_drop_tenants();
	return err;
}

static void uplink_free_skb(void *skb)
{
	kfree_skb(skb);
}

/*
 * The handler goes first, and netdev_rx_handler_unregister() waits until nobody runs it; then the
 * worker, so the inbox has neither producer nor consumer when it is emptied.
 */
int sluice_uplink_detach(struct sluice_port *port)
{
	struct net_device *lower = rtnl_dereference(port->lower);
	struct sluice_uplink_notifier *n;
	int err, cpu;

	ASSERT_RTNL();
	if (!lower)
		return 0;
	list_for_each_entry(n, &notifiers, node)
		n->removed(port->dev, lower);
	netdev_rx_handler_unregister(lower);
	RCU_INIT_POINTER(port->lower, NULL);
	cpu = rtnl_dereference(port->worker)->cpu;
	err = uplink_take_off_worker(port, sluice_worker_call_late);
	uplink_leave_worker(port);
	dev_uc_unsync(lower, port->dev);
	dev_mc_unsync(lower, port->dev);
	strscpy(port->waits.dev, lower->name);
	port->waits.word = port->ask->word;
	port->waits.cpu = cpu;
	sluice_ask_end(port, lower);
	netdev_upper_dev_unlink(lower, port->dev);
	/* Of the VF's netdev that worker has no more than an RCU reader: its removal may wait. */
	if (!err)
		ptr_ring_cleanup(&port->inbox, uplink_free_skb);
	WRITE_ONCE(port->napi_id, 0);
	netif_carrier_off(port->dev);
	port->stuck = err;
	sluice_worker_drop_tenants();
	return err;
}

int sluice_uplink_let_go(struct sluice_port *port)
{
	bool up = netif_carrier_ok(port->dev);
	int err = sluice_uplink_detach(port);

	if (err)
		sluice_port_leak(port);
	if (up)
		sluice_netlink_event(dev_net(port->dev), SLUICE_EVENT_UPLINK_DOWN, port, 0);
	return err;
}

/* Call @fn for each uplink that has a VF. */
static void uplink_tell_all(void (*fn)(struct net_device *uplink, struct net_device *lower))
{
	struct net_device *lower;
	struct sluice_port *port;
	unsigned long index;

	ASSERT_RTNL();
	xa_for_each(&sluice_ports, index, port) {
		lower = rtnl_dereference(port->lower);
		if (lower)
			fn(port->dev, lower);
	}
}

void sluice_uplink_notifier_register(struct sluice_uplink_notifier *n)
{
	rtnl_lock();
	list_add_tail(&n->node, &notifiers);
	uplink_tell_all(n->added);
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_uplink_notifier_register);

void sluice_uplink_notifier_unregister(struct sluice_uplink_notifier *n)
{
	rtnl_lock();
	list_del(&n->node);
	uplink_tell_all(n->removed);
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_uplink_notifier_unregister);

static struct sluice_port *uplink_above(struct net_device *lower)
{
	struct net_device *master = netdev_master_upper_dev_get(lower);

	return master ? sluice_port_from_dev(master) : NULL;
}

/* What became of its VF. */
static void uplink_follow(struct sluice_port *port, struct net_device *lower, unsigned long event)
{
	switch (event) {
	case NETDEV_UNREGISTER:
		if (sluice_uplink_detach(port))
			sluice_port_leak(port);
		net_warn_ratelimited("sluice: %s: %s below it is gone\n", port->dev->name,
				     lower->name);
		sluice_netlink_event(dev_net(port->dev), SLUICE_EVENT_UPLINK_GONE, port, 0);
		break;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		uplink_mirror_carrier(port, lower);
		break;
	case NETDEV_CHANGEADDR:
		uplink_mirror_address(port, lower);
		break;
	case NETDEV_CHANGEMTU:
		if (port->dev->mtu > lower->mtu)
			dev_set_mtu(port->dev, lower->mtu);
		break;
	}
}

static int uplink_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *lower = netdev_notifier_info_to_dev(ptr);
	struct sluice_port *port = uplink_above(lower);

	if (port && rtnl_dereference(port->lower) == lower)
		uplink_follow(port, lower, event);
	if (event == NETDEV_UNREGISTER)
		sluice_ask_lower_gone(lower);
	return NOTIFY_DONE;
}

static struct notifier_block uplink_notifier = {
	.notifier_call = uplink_event,
};

int sluice_uplink_init(void)
{
	return register_netdevice_notifier(&uplink_notifier);
}

void sluice_uplink_exit(void)
{
	/* VFs that go are heard of as long as something is to be taken back from them. */
	sluice_ask_exit();
	unregister_netdevice_notifier(&uplink_notifier);
}
