// SPDX-License-Identifier: GPL-2.0-only
/*
 * Quarantine: a port that is held although there is an engine. Its rings are attached, and front
 * ends attach more, for a VMM whose ring is refused would take another way past all policy; but
 * nothing is moved until the operator releases it. What is on its way to it is kept as long as
 * there is room.
 *
 * A volume likewise: what its device has is completed, nothing new is taken.
 */
#include <linux/timekeeping.h>
#include "engine_blk.h"
#include "netlink.h"
#include "port.h"
#include "volume.h"

static const char * const quarantine_reason[] = {
	[SLUICE_QUARANTINE_RINGS] = "its guest broke too many rings",
	[SLUICE_QUARANTINE_HOST] = "a worker died in it",
	[SLUICE_QUARANTINE_OPERATOR] = "held by the operator",
};

const char *sluice_quarantine_text(enum sluice_quarantine why)
{
	return quarantine_reason[why];
}

/* True: it was not in quarantine before. */
static bool quarantine_set(struct sluice_port *port, enum sluice_quarantine why)
{
	bool first;

	spin_lock(&port->quarantine_lock);
	first = !port->quarantine;
	if (first) {
		WRITE_ONCE(port->quarantine_time, ktime_get_real_seconds());
		/* The time is there before the reason is. */
		smp_store_release(&port->quarantine, why);
	}
	spin_unlock(&port->quarantine_lock);
	return first;
}

void sluice_port_hold_back(struct sluice_port *port, enum sluice_quarantine why)
{
	if (!quarantine_set(port, why))
		return;
	if (why != SLUICE_QUARANTINE_OPERATOR)
		net_warn_ratelimited("sluice: %s is held: %s\n", port->dev->name,
				     sluice_quarantine_text(why));
	sluice_netlink_event(dev_net(port->dev), SLUICE_EVENT_PORT_HELD, port, why);
}

bool sluice_port_release(struct sluice_port *port)
{
	bool was;

	spin_lock(&port->quarantine_lock);
	was = port->quarantine;
	WRITE_ONCE(port->quarantine, SLUICE_QUARANTINE_NONE);
	port->nr_broken = 0;
	spin_unlock(&port->quarantine_lock);
	if (!was)
		return false;
	sluice_port_look(port);
	sluice_netlink_event(dev_net(port->dev), SLUICE_EVENT_PORT_RELEASED, port, 0);
	return true;
}

/* Was that one too many? The time of the one that is so many back is in the place of this one. */
static bool quarantine_count(struct sluice_port *port)
{
	u64 now = ktime_get_seconds(), *slot;
	bool many;

	spin_lock(&port->quarantine_lock);
	WRITE_ONCE(port->broken_rings, port->broken_rings + 1);
	slot = &port->broken_at[port->nr_broken % SLUICE_QUARANTINE_RINGS_MAX];
	many = port->nr_broken >= SLUICE_QUARANTINE_RINGS_MAX &&
	       now - *slot < SLUICE_QUARANTINE_RINGS_S;
	*slot = now;
	port->nr_broken++;
	spin_unlock(&port->quarantine_lock);
	return many;
}

void sluice_port_ring_broke(struct sluice_port *port)
{
	if (quarantine_count(port))
		sluice_port_hold_back(port, SLUICE_QUARANTINE_RINGS);
}

/* --- volumes --------------------------------------------------------------------------------- */

void sluice_volume_hold_back(struct sluice_volume *v, enum sluice_quarantine why)
{
	bool first;

	spin_lock(&v->quarantine_lock);
	first = !v->quarantine;
	if (first) {
		WRITE_ONCE(v->quarantine_time, ktime_get_real_seconds());
		/* The time is there before the reason is. */
		smp_store_release(&v->quarantine, why);
	}
	spin_unlock(&v->quarantine_lock);
	if (!first)
		return;
	if (why != SLUICE_QUARANTINE_OPERATOR)
		pr_warn_ratelimited("sluice: volume %s is held: %s\n", v->name,
				    sluice_quarantine_text(why));
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_HELD, v->name, why);
}

bool sluice_volume_go_on(struct sluice_volume *v)
{
	unsigned int i;
	bool was;

	spin_lock(&v->quarantine_lock);
	was = v->quarantine;
	WRITE_ONCE(v->quarantine, SLUICE_QUARANTINE_NONE);
	spin_unlock(&v->quarantine_lock);
	if (!was)
		return false;
	/* Drivers do not repeat a kick. */
	for (i = 0; i < v->nr_queues; i++)
		sluice_queue_wake(&v->queue[i]);
	sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_RELEASED, v->name, 0);
	return true;
}

/* --- a worker died --------------------------------------------------------------------------- */

void sluice_queue_suspect(struct sluice_queue *q)
{
	if (q->port)
		sluice_port_hold_back(q->port, SLUICE_QUARANTINE_HOST);
	else
		sluice_volume_hold_back(q->volume, SLUICE_QUARANTINE_HOST);
	if (!q->owner)
		return;
	if (q->volume)
		q->volume->ops->queue_abandon(q);
	if (q->broken)
		return;
	sluice_vring_break(q->vr, SLUICE_VRING_ERR_HOST);
	sluice_queue_break(q);
}

void sluice_queue_rewind(struct sluice_queue *q)
{
	if (!q->owner || q->broken || sluice_vring_rewind(q->vr))
		return;
	sluice_vring_break(q->vr, SLUICE_VRING_ERR_HOST);
	sluice_queue_break(q);
}
