// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that came from another host is announced, so that switches learn where its address is
 * now: by RARP requests, as VMMs do for the taps that they have. A few times, for any may be lost.
 *
 * Of the port the work holds a reference; the code is held by sluice_announce_exit(), which comes
 * when all ports are gone.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include "port.h"

#define ANNOUNCE_RARP_REQUEST	3

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

static struct sk_buff *announce_make(const u8 *mac)
{
	struct sk_buff *skb = alloc_skb(sizeof(struct announce_frame), GFP_KERNEL);
	struct announce_frame *f;

	BUILD_BUG_ON(sizeof(*f) != ETH_ZLEN);
	if (!skb)
		return NULL;
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
	return skb;
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
	struct sk_buff *skb;

	mutex_lock(&port->lock);
	ether_addr_copy(mac, port->announce_mac);
	mutex_unlock(&port->lock);
	skb = announce_make(mac);
	if (skb)
		sluice_port_inject_announcement(port, skb);
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
