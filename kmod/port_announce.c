// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that came from another host is announced, so that switches learn where its address is
 * now: by RARP requests, as VMMs do for the taps that they have. A few times, for any may be lost.
 *
 * Switches learn an address in each VLAN by itself. A guest of a strict guard is in those which the
 * guard names; of any other it is not known, and nothing is said in a VLAN where it may not be. Nor
 * of the guard's other addresses: a virtual router's may be another's just now.
 *
 * Of the port the work holds a reference; the code is held by sluice_announce_exit(), which comes
 * when all ports are gone.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include "port.h"

#define ANNOUNCE_RARP_REQUEST	3

/* Each is a call to a worker, and a broadcast: in so many VLANs, the lowest ids. */
#define ANNOUNCE_VLANS		64

/* As Ethernet and IPv4 have it. */
struct announce_frame {
	struct ethhdr eth;
	struct arphdr arp;
	u8 sender_mac[ETH_ALEN];
	__be32 sender_ip;
	u8 target_mac[ETH_ALEN];
	__be32 target_ip;
	u8 pad[18];
} __packed;

/* When the next one follows, in ms. */
static const unsigned int announce_ms[] = { 50, 150, 300 };

static struct workqueue_struct *announce_wq;

/* @vids: where the guest is; bit 0 (no VLAN's id) stands for untagged. */
struct announce_where {
	struct sluice_guard guard;
	DECLARE_BITMAP(vids, VLAN_N_VID);
};

static void announce_find(struct announce_where *where)
{
	const struct sluice_guard *g = &where->guard;
	unsigned int i;

	if (g->untagged || !g->nr_vlan)
		__set_bit(0, where->vids);
	for (i = 0; i < g->nr_vlan; i++) {
		unsigned int first = max_t(unsigned int, g->vlan[i].first, 1);

		if (first <= g->vlan[i].last)
			bitmap_set(where->vids, first, g->vlan[i].last - first + 1);
	}
}

/* Takes RTNL, which a guard is read under. Return: NULL: no memory; the caller frees it. */
static struct announce_where *announce_look(struct sluice_port *port)
{
	struct announce_where *where = kzalloc(sizeof(*where), GFP_KERNEL);
	const struct sluice_engine_ops *ops;

	if (!where)
		return NULL;
	rtnl_lock();
	ops = rtnl_dereference(port->engine_ops);
	if (!ops || !ops->guard_get(port, &where->guard))
		memset(&where->guard, 0, sizeof(where->guard));
	rtnl_unlock();
	announce_find(where);
	return where;
}

/* In front of the EtherType, where the room is. */
static void announce_tag(struct sk_buff *skb, u16 vid)
{
	struct vlan_ethhdr *v = skb_push(skb, VLAN_HLEN);

	memmove(v, skb->data + VLAN_HLEN, 2 * ETH_ALEN);
	v->h_vlan_proto = htons(ETH_P_8021Q);
	v->h_vlan_TCI = htons(vid);
}

/* @vid: 0 for none */
static struct sk_buff *announce_make(const u8 *mac, u16 vid)
{
	struct sk_buff *skb = alloc_skb(VLAN_HLEN + sizeof(struct announce_frame), GFP_KERNEL);
	struct announce_frame *f;

	BUILD_BUG_ON(sizeof(*f) != ETH_ZLEN);
	if (!skb)
		return NULL;
	skb_reserve(skb, VLAN_HLEN);
	f = skb_put_zero(skb, sizeof(*f));
	eth_broadcast_addr(f->eth.h_dest);
	ether_addr_copy(f->eth.h_source, mac);
	f->eth.h_proto = htons(ETH_P_RARP);
	f->arp.ar_hrd = htons(ARPHRD_ETHER);
	f->arp.ar_pro = htons(ETH_P_IP);
	f->arp.ar_hln = ETH_ALEN;
	f->arp.ar_pln = sizeof(f->sender_ip);
	f->arp.ar_op = htons(ANNOUNCE_RARP_REQUEST);
	ether_addr_copy(f->sender_mac, mac);
	ether_addr_copy(f->target_mac, mac);
	if (vid)
		announce_tag(skb, vid);
	return skb;
}

static void announce_everywhere(struct sluice_port *port, const u8 *mac)
{
	struct announce_where *where = announce_look(port);
	unsigned int vid, nr = 0;

	if (!where)
		return;
	for_each_set_bit(vid, where->vids, VLAN_N_VID) {
		struct sk_buff *skb = announce_make(mac, vid);

		if (skb)
			sluice_port_inject_announcement(port, skb);
		if (vid > 0 && ++nr == ANNOUNCE_VLANS)
			break;
	}
	kfree(where);
}

/* Is another one due? Then the reference stays with that. */
static bool announce_again(struct sluice_port *port)
{
	unsigned int n;
	bool again;

	mutex_lock(&port->lock);
	n = port->announced++;
	again = !port->gone && n < ARRAY_SIZE(announce_ms) &&
		queue_delayed_work(announce_wq, &port->announce_work,
				   msecs_to_jiffies(announce_ms[n]));
	mutex_unlock(&port->lock);
	return again;
}

static void announce_work(struct work_struct *work)
{
	struct sluice_port *port = container_of(to_delayed_work(work), struct sluice_port,
						announce_work);
	u8 mac[ETH_ALEN] __aligned(2);

	mutex_lock(&port->lock);
	ether_addr_copy(mac, port->announce_mac);
	mutex_unlock(&port->lock);
	announce_everywhere(port, mac);
	if (!announce_again(port))
		sluice_port_put(port);
}

void sluice_port_announce(struct sluice_port *port, const u8 mac[ETH_ALEN])
{
	mutex_lock(&port->lock);
	if (!port->gone) {
		memcpy(port->announce_mac, mac, ETH_ALEN);
		port->announced = 0;
		sluice_port_hold(port);
		/* One that waits already has a reference. */
		if (mod_delayed_work(announce_wq, &port->announce_work, 0))
			sluice_port_put(port);
	}
	mutex_unlock(&port->lock);
}
SLUICE_EXPORT(sluice_port_announce);

void sluice_announce_init_port(struct sluice_port *port)
{
	INIT_DELAYED_WORK(&port->announce_work, announce_work);
}

/* One that runs finds the port gone, and is the last: no need to wait for it. */
void sluice_announce_cancel(struct sluice_port *port)
{
	if (cancel_delayed_work(&port->announce_work))
		sluice_port_put(port);
}

int sluice_announce_init(void)
{
	announce_wq = alloc_workqueue("sluice_announce", WQ_UNBOUND, 0);
	return announce_wq ? 0 : -ENOMEM;
}

void sluice_announce_exit(void)
{
	destroy_workqueue(announce_wq);
}
