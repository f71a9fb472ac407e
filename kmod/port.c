// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports: where packets enter and leave the engine.
 *
 * DOC: Locking
 *
 * A front end may hold its own lock and call what takes RTNL (its link); so its callbacks that run
 * under RTNL take no lock that it holds around a call into this file. The order is
 *
 *	RTNL > port->lock > a call to a worker
 *
 * and a worker takes neither. Packet paths find ports through pointers of the engine's tables, or
 * through the netdev, under RCU.
 *
 * DOC: Removal
 *
 * Queues are stopped one by one, the uplink is taken off its worker, then the engine forgets the
 * port and waits for every worker: from here on no worker can reach it. Then the netdev is
 * unregistered, and after the grace period that this implies its reference is dropped: until then a
 * frame from the host's stack finds no receive queue and is dropped. Front ends that still hold a
 * reference find port->gone set.
 */
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/sched/clock.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/dst.h>
#include "ask.h"
#include "instance.h"
#include "netlink.h"
#include "port.h"

DEFINE_XARRAY_ALLOC1(sluice_ports);
SLUICE_EXPORT(sluice_ports);

/* RTNL */
static LIST_HEAD(notifiers);

static void port_free(struct kref *ref)
{
	struct sluice_port *port = container_of(ref, struct sluice_port, ref);
	unsigned int i;

	for (i = 0; port->queue && i < 2 * port->nr_pairs; i++)
		sluice_queue_exit(&port->queue[i]);
	kvfree(port->queue);
	/* Whoever might read it held a reference. */
	kfree(rcu_access_pointer(port->filter));
	free_percpu(port->share);
	free_percpu(port->rx_share);
	free_percpu(port->stats);
	sluice_fault_port_free(port);
	kfree(port);
}

void sluice_port_put(struct sluice_port *port)
{
	kref_put(&port->ref, port_free);
}
SLUICE_EXPORT(sluice_port_put);

static int port_init_queues(struct sluice_port *port, unsigned int pairs)
{
	unsigned int i;
	int err;

	port->queue = kvcalloc(2 * pairs, sizeof(*port->queue), GFP_KERNEL_ACCOUNT);
	if (!port->queue)
		return -ENOMEM;
	for (i = 0; i < 2 * pairs; i++) {
		err = sluice_queue_init(&port->queue[i], port, i / 2,
					i % 2 ? SLUICE_QUEUE_TX : SLUICE_QUEUE_RX);
		if (err)
			return err;
		port->nr_pairs = i / 2 + 1;
	}
	return 0;
}

struct sluice_port *sluice_port_new(struct net_device *dev, enum sluice_port_kind kind,
				    unsigned int pairs)
{
	struct sluice_port *port = kzalloc(sizeof(*port), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM, cpu;

	if (!port)
		return ERR_PTR(-ENOMEM);
	kref_init(&port->ref);
	mutex_init(&port->lock);
	spin_lock_init(&port->quarantine_lock);
	INIT_LIST_HEAD(&port->node);
	INIT_LIST_HEAD(&port->worker_node);
	port->dev = dev;
	port->kind = kind;
	port->waits.cpu = -1;
	port->stats = alloc_percpu_gfp(struct sluice_port_stats, GFP_KERNEL_ACCOUNT);
	port->share = alloc_percpu_gfp(struct sluice_share, GFP_KERNEL_ACCOUNT);
	port->rx_share = alloc_percpu_gfp(struct sluice_share, GFP_KERNEL_ACCOUNT);
	if (!port->stats || !port->share || !port->rx_share)
		goto put;
	for_each_possible_cpu(cpu)
		u64_stats_init(&per_cpu_ptr(port->stats, cpu)->syncp);
	if (kind == SLUICE_PORT_GUEST) {
		sluice_announce_init_port(port);
		sluice_offloads_init_port(port);
		err = port_init_queues(port, pairs);
		if (err)
			goto put;
	}
	return port;

put:
	sluice_port_put(port);
	return ERR_PTR(err);
}

static int port_pick_workers(struct sluice_port *port)
{
	struct sluice_worker *w;
	unsigned int i;

	for (i = 0; i < port->nr_pairs; i++) {
		/* Both queues of a pair go together: answers find warm what requests touched. */
		w = sluice_worker_pick(sluice_tenant_is(port->inst->net));
		if (IS_ERR(w))
			return PTR_ERR(w);
		rcu_assign_pointer(sluice_port_rxq(port, i)->worker, w);
		rcu_assign_pointer(sluice_port_txq(port, i)->worker, w);
		w->nr_users += 2;
	}
	return 0;
}

static void port_leave_workers(struct sluice_port *port)
{
	struct sluice_worker *w;
	unsigned int i;

	for (i = 0; i < 2 * port->nr_pairs; i++) {
		w = rtnl_dereference(port->queue[i].worker);
		RCU_INIT_POINTER(port->queue[i].worker, NULL);
		if (w)
			w->nr_users--;
	}
}

/* With all that it has it came to its namespace (1), or goes (-1). */
static void port_count(struct sluice_port *port, int change)
{
	sluice_tenant_count(port->inst, change, change * (int)port->nr_rules);
	sluice_tenant_count_memory(port->inst, change * (s64)port->memory);
}

int sluice_port_publish(struct sluice_port *port)
{
	struct sluice_port_notifier *n;
	int err;

	ASSERT_RTNL();
	err = xa_alloc(&sluice_ports, &port->index, port, xa_limit_31b, GFP_KERNEL);
	if (err)
		return err;
	port->inst = sluice_instance_get(dev_net(port->dev));
	err = port_pick_workers(port);
	if (err)
		goto workers;
	err = sluice_engine_port_add(port);
	if (err)
		goto workers;
	list_add_tail(&port->node, &port->inst->ports);
	port->memory += sluice_port_memory(port->dev, port->kind == SLUICE_PORT_UPLINK,
					   port->nr_pairs);
	port_count(port, 1);
	if (port->kind == SLUICE_PORT_GUEST) {
		list_for_each_entry(n, &notifiers, node)
			n->added(port, port->dev);
	}
	sluice_netlink_event(port->inst->net, SLUICE_EVENT_PORT_ADD, port, 0);
	return 0;

workers:
	port_leave_workers(port);
	sluice_worker_drop_tenants();
	xa_erase(&sluice_ports, port->index);
	/* Never published: there is nothing to withdraw when the netdev goes. */
	port->inst = NULL;
	return err;
}

/* Context: @port->lock held: what a front end gave stays valid until it has detached the queue. */
static void port_tell_gone(struct sluice_port *port)
{
	unsigned int i;

	for (i = 0; i < 2 * port->nr_pairs; i++) {
		struct sluice_queue *q = &port->queue[i];

		if (q->vr && q->cfg.ops && q->cfg.ops->gone)
			q->cfg.ops->gone(port, q->cfg.priv);
		sluice_queue_tell_reader(q);
	}
}

/*
 * A worker that is stuck may go on with a burst that has the port in hand: so neither that nor its
 * netdev is freed, and the code that they name stays. The netdev is unregistered all the same: what
 * is kept is its memory.
 */
void sluice_port_leak(struct sluice_port *port)
{
	kref_get(&port->ref);
	get_device(&port->dev->dev);
	__module_get(THIS_MODULE);
	sluice_leak(sizeof(*port) + sizeof(*port->dev) +
		    2 * port->nr_pairs * sizeof(*port->queue));
}

/* Context: @port->lock held. */
static int port_stop_queues(struct sluice_port *port)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < 2 * port->nr_pairs; i++)
		err = sluice_queue_stop(&port->queue[i]) ?: err;
	return err;
}

void sluice_port_withdraw(struct sluice_port *port)
{
	struct sluice_port_notifier *n;
	int err;

	ASSERT_RTNL();
	if (port->kind == SLUICE_PORT_GUEST) {
		list_for_each_entry(n, &notifiers, node)
			n->removed(port, port->dev);
	}
	mutex_lock(&port->lock);
	WRITE_ONCE(port->gone, true);
	err = port_stop_queues(port);
	sluice_queue_publish_rx(port);
	port_leave_workers(port);
	port_tell_gone(port);
	mutex_unlock(&port->lock);
	if (port->kind == SLUICE_PORT_GUEST) {
		sluice_announce_cancel(port);
		sluice_offloads_cancel(port);
	}

	if (port->kind == SLUICE_PORT_UPLINK)
		err = sluice_uplink_detach(port) ?: err;
	err = sluice_engine_port_del(port) ?: err;
	if (err)
		sluice_port_leak(port);
	list_del_init(&port->node);
	port_count(port, -1);
	xa_erase(&sluice_ports, port->index);
	sluice_worker_drop_tenants();
	sluice_netlink_event(port->inst->net, SLUICE_EVENT_PORT_DEL, port, 0);
}

/*
 * A netdev that moves to another namespace takes its own policy along, but no tie to what stays
 * behind. While no engine is set the port holds, once every visit which saw the engine is over.
 */
void sluice_port_leave(struct sluice_port *port)
{
	struct sluice_port_notifier *n;
	const struct sluice_engine_ops *ops = rtnl_dereference(port->engine_ops);

	if (port->kind == SLUICE_PORT_GUEST) {
		list_for_each_entry(n, &notifiers, node)
			n->removed(port, port->dev);
	}
	RCU_INIT_POINTER(port->engine_ops, NULL);
	/* There is no way back: one that is stuck may see the port between two namespaces. */
	sluice_worker_sync_all();
	if (ops)
		ops->port_unlink(port);
	list_del_init(&port->node);
	port_count(port, -1);
}

void sluice_port_look(struct sluice_port *port)
{
	struct sluice_worker *w;
	unsigned int i;

	ASSERT_RTNL();
	for (i = 0; i < 2 * port->nr_pairs; i++) {
		WRITE_ONCE(port->queue[i].kicked, 1);
		w = rtnl_dereference(port->queue[i].worker);
		if (w)
			sluice_worker_wake(w);
		sluice_queue_tell_reader(&port->queue[i]);
	}
	w = rtnl_dereference(port->worker);
	if (w)
		sluice_worker_wake(w);
}

void sluice_port_serve(struct sluice_port *port, const struct sluice_engine_ops *ops)
{
	ASSERT_RTNL();
	rcu_assign_pointer(port->engine_ops, ops);
	sluice_port_look(port);
	if (port->kind == SLUICE_PORT_UPLINK)
		sluice_ask_changed();
}

/* From the host's workers to the tenants', if it comes to one; there is no way back (rep_tie()). */
static int port_change_workers(struct sluice_port *port)
{
	struct sluice_worker *w;
	int err;

	if (!sluice_tenant_is(port->inst->net))
		return 0;
	/* The host's core is nothing of his. */
	port->waits.cpu = -1;
	w = sluice_worker_pick(true);
	err = IS_ERR(w) ? PTR_ERR(w) : sluice_port_assign(port, -1, w, NULL);
	if (err)
		netdev_warn(port->dev, "held: it does not get a tenant's worker: error %d\n", err);
	sluice_worker_drop_tenants();
	return err;
}

void sluice_port_enter(struct sluice_port *port)
{
	struct sluice_port_notifier *n;

	port->inst = sluice_instance_get(dev_net(port->dev));
	list_add_tail(&port->node, &port->inst->ports);
	port_count(port, 1);
	/*
	 * The module reference was kept; a namespace whose tables cannot be made, or a worker that
	 * does not let go of it, leaves the port held.
	 */
	if (!port_change_workers(port) && sluice_engine() &&
	    !sluice_engine_instance_add(port->inst))
		sluice_port_serve(port, sluice_engine());
	if (port->kind == SLUICE_PORT_GUEST) {
		list_for_each_entry(n, &notifiers, node)
			n->added(port, port->dev);
	}
}

static int assign_result(int err, struct netlink_ext_ack *extack)
{
	if (err)
		NL_SET_ERR_MSG(extack,
			       "its worker does not answer: see 'sluice worker show'");
	return err;
}

int sluice_port_assign(struct sluice_port *port, int pair, struct sluice_worker *w,
		       struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err = 0;

	ASSERT_RTNL();
	if (sluice_tenant_is(port->inst->net) != w->tenants) {
		NL_SET_ERR_MSG(extack, "a tenant's port has a worker that serves tenants alone");
		return -EPERM;
	}
	if (port->kind == SLUICE_PORT_UPLINK) {
		if (pair > 0) {
			NL_SET_ERR_MSG(extack, "an uplink has no queue pairs: leave 'queue' out");
			return -EINVAL;
		}
		return assign_result(sluice_uplink_move(port, w), extack);
	}
	if (pair >= (int)port->nr_pairs) {
		NL_SET_ERR_MSG(extack, "the port has fewer queue pairs: see 'sluice port show'");
		return -EINVAL;
	}
	mutex_lock(&port->lock);
	for (i = 0; i < port->nr_pairs && !err; i++) {
		if (pair >= 0 && i != pair)
			continue;
		err = sluice_queue_move(sluice_port_rxq(port, i), w) ?:
		      sluice_queue_move(sluice_port_txq(port, i), w);
	}
	mutex_unlock(&port->lock);
	return assign_result(err, extack);
}

/* --- what front ends call --- */

struct sluice_port *sluice_port_get_by_name(struct net *net, const char *name)
{
	struct sluice_port *port;

	rtnl_lock();
	port = sluice_port_find(net, name);
	if (port && port->kind == SLUICE_PORT_GUEST)
		kref_get(&port->ref);
	else
		port = NULL;
	rtnl_unlock();
	return port;
}
SLUICE_EXPORT(sluice_port_get_by_name);

struct sluice_port *sluice_port_create(struct net *net, const char *name, unsigned int pairs)
{
	const struct sluice_port_params params = { .pairs = pairs };
	struct netlink_ext_ack extack = {};
	struct sluice_port *port;

	rtnl_lock();
	port = sluice_port_add(net, name, &params, &extack);
	if (!IS_ERR(port))
		kref_get(&port->ref);
	rtnl_unlock();
	return port;
}
SLUICE_EXPORT(sluice_port_create);

void sluice_port_destroy(struct sluice_port *port)
{
	rtnl_lock();
	if (!port->gone)
		sluice_port_del(port);
	rtnl_unlock();
	sluice_port_put(port);
}
SLUICE_EXPORT(sluice_port_destroy);

void sluice_port_get_link(struct sluice_port *port, struct sluice_port_link *link)
{
	memset(link, 0, sizeof(*link));
	rtnl_lock();
	if (!port->gone) {
		link->up = port->dev->flags & IFF_UP;
		link->mtu = port->dev->mtu;
	}
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_port_get_link);

void sluice_port_hold(struct sluice_port *port)
{
	kref_get(&port->ref);
}
SLUICE_EXPORT(sluice_port_hold);

int sluice_port_ident(struct sluice_port *port, char name[16], int *ifindex, u8 mac[ETH_ALEN])
{
	int err = -ENODEV;

	rtnl_lock();
	if (!port->gone) {
		strscpy(name, port->dev->name, 16);
		*ifindex = port->dev->ifindex;
		ether_addr_copy(mac, port->dev->dev_addr);
		err = 0;
	}
	rtnl_unlock();
	return err;
}
SLUICE_EXPORT(sluice_port_ident);

int sluice_port_get_pair(struct sluice_port *port, int pair)
{
	int ret;

	mutex_lock(&port->lock);
	if (pair < 0)
		pair = find_first_zero_bit(&port->pairs_busy, port->nr_pairs);
	if (port->gone) {
		ret = -ENODEV;
	} else if (pair >= (int)port->nr_pairs || test_bit(pair, &port->pairs_busy)) {
		ret = -EBUSY;
	} else {
		__set_bit(pair, &port->pairs_busy);
		ret = pair;
	}
	mutex_unlock(&port->lock);
	return ret;
}
SLUICE_EXPORT(sluice_port_get_pair);

void sluice_port_put_pair(struct sluice_port *port, unsigned int pair)
{
	mutex_lock(&port->lock);
	__clear_bit(pair, &port->pairs_busy);
	mutex_unlock(&port->lock);
}
SLUICE_EXPORT(sluice_port_put_pair);

/* A reset of the driver's is no cable that was pulled: a bridge would learn and wait anew. */
static void port_count_open(struct sluice_port *port, int n)
{
	mutex_lock(&port->lock);
	port->opens += n;
	if (!port->gone && port->opens)
		netif_carrier_on(port->dev);
	else if (!port->gone)
		netif_carrier_off(port->dev);
	mutex_unlock(&port->lock);
}

void sluice_port_open(struct sluice_port *port)
{
	port_count_open(port, 1);
}
SLUICE_EXPORT(sluice_port_open);

void sluice_port_close(struct sluice_port *port)
{
	port_count_open(port, -1);
}
SLUICE_EXPORT(sluice_port_close);

unsigned int sluice_port_nr_pairs(const struct sluice_port *port)
{
	return port->nr_pairs;
}
SLUICE_EXPORT(sluice_port_nr_pairs);

struct sluice_queue *sluice_port_queue(struct sluice_port *port, unsigned int pair,
				       enum sluice_queue_dir dir)
{
	return dir == SLUICE_QUEUE_RX ? sluice_port_rxq(port, pair) : sluice_port_txq(port, pair);
}
SLUICE_EXPORT(sluice_port_queue);

int sluice_port_notifier_register(struct sluice_port_notifier *n)
{
	struct sluice_port *port;
	unsigned long index;

	rtnl_lock();
	list_add_tail(&n->node, &notifiers);
	xa_for_each(&sluice_ports, index, port) {
		if (port->kind == SLUICE_PORT_GUEST)
			n->added(port, port->dev);
	}
	rtnl_unlock();
	return 0;
}
SLUICE_EXPORT(sluice_port_notifier_register);

void sluice_port_notifier_unregister(struct sluice_port_notifier *n)
{
	struct sluice_port *port;
	unsigned long index;

	rtnl_lock();
	list_del(&n->node);
	xa_for_each(&sluice_ports, index, port) {
		if (port->kind == SLUICE_PORT_GUEST)
			n->removed(port, port->dev);
	}
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_port_notifier_unregister);

void sluice_port_changed(struct sluice_port *port)
{
	struct sluice_port_notifier *n;

	ASSERT_RTNL();
	if (port->kind != SLUICE_PORT_GUEST)
		return;
	list_for_each_entry(n, &notifiers, node) {
		if (n->changed)
			n->changed(port, port->dev);
	}
}

/* --- the receive filter --- */

static bool filter_has_addr(const struct sluice_rx_filter *f, const u8 *addr)
{
	unsigned int i;

	for (i = 0; i < f->nr_addr; i++) {
		if (ether_addr_equal_unaligned(f->addr[i], addr))
			return true;
	}
	return false;
}

static bool filter_has_vlan(const struct sluice_rx_filter *f, const struct vlan_ethhdr *eth,
			    unsigned int len)
{
	if (len < VLAN_ETH_HLEN || eth->h_vlan_proto != htons(ETH_P_8021Q))
		return true;
	return test_bit(ntohs(eth->h_vlan_TCI) & VLAN_VID_MASK, f->vlan);
}

bool sluice_port_filter_match(const struct sluice_rx_filter *f, const void *frame, unsigned int len)
{
	const struct vlan_ethhdr *eth = frame;
	u32 flags = f->flags;

	if (flags & SLUICE_FILTER_PROMISC || len < ETH_HLEN)
		return true;
	if (flags & SLUICE_FILTER_VLAN && !filter_has_vlan(f, eth, len))
		return false;
	if (is_broadcast_ether_addr(eth->h_dest))
		return !(flags & SLUICE_FILTER_NOBCAST);
	if (is_multicast_ether_addr(eth->h_dest)) {
		if (flags & SLUICE_FILTER_NOMULTI)
			return false;
		return flags & SLUICE_FILTER_ALLMULTI || filter_has_addr(f, eth->h_dest);
	}
	if (flags & SLUICE_FILTER_NOUNI)
		return false;
	return flags & SLUICE_FILTER_ALLUNI || filter_has_addr(f, eth->h_dest);
}
SLUICE_EXPORT(sluice_port_filter_match);

int sluice_port_set_filter(struct sluice_port *port, const struct sluice_rx_filter *filter)
{
	struct sluice_port_filter *new = NULL, *old;

	if (filter) {
		new = kmalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		new->f = *filter;
	}
	mutex_lock(&port->lock);
	old = rcu_replace_pointer(port->filter, new, lockdep_is_held(&port->lock));
	mutex_unlock(&port->lock);
	if (new || old)
		sluice_ask_guest_changed();
	if (old)
		kfree_rcu(old, rcu);
	return 0;
}
SLUICE_EXPORT(sluice_port_set_filter);

/* --- frames from elsewhere --- */

void sluice_port_post(struct sluice_port *port, struct sk_buff *skb, u32 hash, bool policed)
{
	struct sluice_queue *q = sluice_port_choose_rxq(port, hash);
	struct sluice_worker *w;
	bool paced;

	if (unlikely(!q)) {
		sluice_port_drop_skb(port, SLUICE_DROP_RX_DOWN, skb);
		return;
	}
	if (unlikely(!sluice_port_wants(port, skb->data, skb_headlen(skb)))) {
		sluice_port_drop_skb(port, SLUICE_DROP_RX_FILTER, skb);
		return;
	}
	/* The frame may wait for as long as the guest likes: let go of what others wait for. */
	skb_orphan(skb);
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	skb_ext_reset(skb);
	/* Where it came from may be gone by then. */
	skb->dev = port->dev;
	paced = READ_ONCE(port->paced);
	*sluice_skb_cb(skb) = (struct sluice_skb_cb){
		.since = paced ? local_clock() : 0, .policed = policed };
	if (unlikely(ptr_ring_produce_bh(&q->inbox, skb))) {
		sluice_port_drop_skb(port, paced ? SLUICE_DROP_RATE : SLUICE_DROP_INBOX_FULL, skb);
		return;
	}
	if (unlikely(READ_ONCE(q->listens)))
		sluice_queue_tell_reader(q);
	rcu_read_lock();
	w = rcu_dereference(q->worker);
	if (w)
		sluice_worker_wake(w);
	rcu_read_unlock();
}
SLUICE_EXPORT(sluice_port_post);
