// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's driver takes of segmentation and checksums. Workers adapt each frame to it. That
 * the port's netdev knows it too spares them the work: the host's stack makes frames that fit.
 *
 * To tell the netdev needs RTNL, which everybody wants, and guests may say another thing as often
 * as they like. So what is taken no more is told by work, which is done with whatever was said
 * last; what is new is told at once, but no more often than such work comes. Neither has more than
 * one of itself for a port.
 */
#include <linux/jiffies.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include "port.h"

/* How often, in jiffies. */
#define OFFLOADS_PAUSE	(HZ / 10)

static struct workqueue_struct *offloads_wq;

static void offloads_tell(struct sluice_port *port)
{
	rtnl_lock();
	if (!port->gone) {
		WRITE_ONCE(port->offloads_told, READ_ONCE(port->offloads));
		netdev_update_features(port->dev);
	}
	rtnl_unlock();
}

static void offloads_work(struct work_struct *work)
{
	struct sluice_port *port = container_of(to_delayed_work(work), struct sluice_port,
						offloads_work);

	/* Most who say that they take nothing do so on the way to what they took before. */
	if (READ_ONCE(port->offloads_told) != READ_ONCE(port->offloads))
		offloads_tell(port);
	sluice_port_put(port);
}

static void offloads_tell_later(struct sluice_port *port)
{
	mutex_lock(&port->lock);
	if (!port->gone) {
		sluice_port_hold(port);
		/* One that waits already has a reference. */
		if (!queue_delayed_work(offloads_wq, &port->offloads_work, OFFLOADS_PAUSE))
			sluice_port_put(port);
	}
	mutex_unlock(&port->lock);
}

/* True: there is more than the netdev knows, and it may be told again. */
static bool offloads_now(struct sluice_port *port, u64 features)
{
	bool now;

	mutex_lock(&port->lock);
	now = features & ~READ_ONCE(port->offloads_told) &&
	      time_after_eq64(get_jiffies_64(), port->offloads_next);
	if (now)
		port->offloads_next = get_jiffies_64() + OFFLOADS_PAUSE;
	mutex_unlock(&port->lock);
	return now;
}

int sluice_port_set_offloads(struct sluice_port *port, u64 netif_features)
{
	if (READ_ONCE(port->gone))
		return -ENODEV;
	/* Who said it before has seen to it. */
	if (xchg(&port->offloads, netif_features) == netif_features)
		return 0;
	if (offloads_now(port, netif_features))
		offloads_tell(port);
	else
		offloads_tell_later(port);
	return 0;
}
SLUICE_EXPORT(sluice_port_set_offloads);

u64 sluice_port_offloads(u64 virtio_features)
{
	const u64 uso = BIT_ULL(VIRTIO_NET_F_GUEST_USO4) | BIT_ULL(VIRTIO_NET_F_GUEST_USO6);
	u64 netif = NETIF_F_HW_CSUM;

	/* Everything builds on checksums. */
	if (!(virtio_features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	if (virtio_features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))
		netif |= NETIF_F_TSO;
	if (virtio_features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6))
		netif |= NETIF_F_TSO6;
	if (virtio_features & BIT_ULL(VIRTIO_NET_F_GUEST_ECN))
		netif |= NETIF_F_TSO_ECN;
	/* The kernel has one bit for both families. */
	if ((virtio_features & uso) == uso)
		netif |= NETIF_F_GSO_UDP_L4;
	return netif;
}
SLUICE_EXPORT(sluice_port_offloads);

void sluice_offloads_init_port(struct sluice_port *port)
{
	INIT_DELAYED_WORK(&port->offloads_work, offloads_work);
}

/* One that runs finds the port gone: no need to wait for it. */
void sluice_offloads_cancel(struct sluice_port *port)
{
	if (cancel_delayed_work(&port->offloads_work))
		sluice_port_put(port);
}

int sluice_offloads_init(void)
{
	offloads_wq = alloc_workqueue("sluice_offloads", WQ_UNBOUND, 0);
	return offloads_wq ? 0 : -ENOMEM;
}

void sluice_offloads_exit(void)
{
	destroy_workqueue(offloads_wq);
}
