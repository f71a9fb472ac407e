// SPDX-License-Identifier: GPL-2.0-only
/* Frames that a front end's slow path brings: each is a call to the port's worker. */
#include <linux/err.h>
#include <linux/if_vlan.h>
#include <linux/sched/clock.h>
#include <linux/skbuff.h>
#include <linux/virtio_net.h>
#include "port.h"
#include "share.h"

struct inject_call {
	struct sluice_port *port;
	struct sk_buff *skb;
	struct virtio_net_hdr hdr;
	bool has_hdr;
	bool announces;
	enum sluice_drop why;
};

/* It came from the guest, and goes nowhere. */
static void port_refuse(struct sluice_port *port, struct sk_buff *skb)
{
	sluice_port_count(port, SLUICE_DIR_FROM_GUEST, 1, skb->len);
	sluice_port_drop_skb(port, SLUICE_DROP_HELD, skb);
}

static void port_inject_on_worker(struct sluice_worker *w, void *arg)
{
	struct inject_call *c = arg;
	const struct sluice_engine_ops *ops;
	u64 then = local_clock();

	rcu_read_lock();
	ops = rcu_dereference(c->port->engine_ops);
	rcu_read_unlock();
	/*
	 * The caller holds port->lock and saw the port alive, so the engine stays for this call.
	 * Who stands in for a dead worker has none of its state.
	 */
	if (ops && w->engine && !sluice_port_held_back(c->port) && c->announces)
		ops->announce(w, c->port, c->skb);
	else if (ops && w->engine && !sluice_port_held_back(c->port))
		c->why = ops->inject(w, c->port, c->skb, c->has_hdr ? &c->hdr : NULL);
	else
		port_refuse(c->port, c->skb);
	then = local_clock() - then;
	sluice_port_count_busy(c->port, then);
	sluice_share_take(c->port->share, w, then);
}

/* Context: @port->lock held. */
static struct sluice_worker *port_worker(struct sluice_port *port)
{
	return rcu_dereference_protected(sluice_port_txq(port, 0)->worker,
					 lockdep_is_held(&port->lock));
}

static int port_send_inject(struct sluice_port *port, struct inject_call *c)
{
	struct sluice_worker *w = port_worker(port);
	int err = sluice_worker_call_frame(w, port_inject_on_worker, c, sizeof(*c));

	/* Else the worker has the frame, or had it. */
	if (err == -ETIMEDOUT)
		port_refuse(port, c->skb);
	return err;
}

/* Only the bytes: what the header in front of them asks for is for the engine to prove. */
static struct sk_buff *port_build_injected(const void *frame, size_t len)
{
	struct sk_buff *skb;

	if (len < ETH_HLEN || len > ETH_MAX_MTU)
		return ERR_PTR(-EINVAL);
	skb = alloc_skb(len + NET_SKB_PAD + 2 * VLAN_HLEN, GFP_KERNEL);
	if (!skb)
		return ERR_PTR(-ENOBUFS);
	skb_reserve(skb, NET_SKB_PAD + 2 * VLAN_HLEN);
	skb_put_data(skb, frame, len);
	return skb;
}

/* Which workers a transaction pauses for the port may change until that is locked. */
bool sluice_port_lock_for_frame(struct sluice_port *port)
{
	bool tenants = false;

	for (;;) {
		sluice_worker_pause_disable(tenants);
		mutex_lock(&port->lock);
		if (port->gone || port_worker(port)->tenants == tenants)
			return tenants;
		mutex_unlock(&port->lock);
		sluice_worker_pause_enable(tenants);
		tenants = !tenants;
	}
}

void sluice_port_unlock_for_frame(struct sluice_port *port, bool tenants)
{
	mutex_unlock(&port->lock);
	sluice_worker_pause_enable(tenants);
}

int sluice_port_inject(struct sluice_port *port, const void *frame, unsigned int hdr_len,
		       size_t len)
{
	struct inject_call c = { .port = port };
	bool tenants;
	int err = 0;

	if (hdr_len > len)
		return -EINVAL;
	/* A copy: the worker may look at it after the call was given up. */
	c.has_hdr = hdr_len >= sizeof(c.hdr);
	if (c.has_hdr)
		memcpy(&c.hdr, frame, sizeof(c.hdr));
	c.skb = port_build_injected(frame + hdr_len, len - hdr_len);
	if (IS_ERR(c.skb))
		return PTR_ERR(c.skb);
	tenants = sluice_port_lock_for_frame(port);
	if (port->gone) {
		kfree_skb(c.skb);
		err = -ENODEV;
	} else {
		c.skb->dev = port->dev;
		err = port_send_inject(port, &c);
		if (!err && c.why == SLUICE_DROP_HDR)
			err = -EINVAL;
		/* As a tap answers. */
		if (!err && c.why == SLUICE_DROP_DOWN)
			err = -EIO;
	}
	sluice_port_unlock_for_frame(port, tenants);
	return err;
}
SLUICE_EXPORT(sluice_port_inject);

void sluice_port_inject_announcement(struct sluice_port *port, struct sk_buff *skb)
{
	struct inject_call c = { .port = port, .skb = skb, .announces = true };
	bool tenants = sluice_port_lock_for_frame(port);

	if (port->gone) {
		kfree_skb(skb);
	} else {
		skb->dev = port->dev;
		port_send_inject(port, &c);
	}
	sluice_port_unlock_for_frame(port, tenants);
}
