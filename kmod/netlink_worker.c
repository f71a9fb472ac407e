// SPDX-License-Identifier: GPL-2.0-only
/* Commands about workers. They are the host's, whichever namespace asks. */
#include <linux/cpumask.h>
#include <linux/rtnetlink.h>
#include "netlink_ops.h"
#include "worker.h"

/* What a port's pairs, or an uplink, were assigned to. */
struct assign_step {
	struct sluice_step step;
	struct sluice_port *port;
	unsigned int cpu[SLUICE_MAX_PAIRS];
};

struct worker_step {
	struct sluice_step step;
	unsigned int cpu;
	u8 mode;
	bool was_there;
};

static struct sluice_worker *worker_need(struct sluice_change *c)
{
	struct nlattr *cpu = sluice_nl_need(c, SLUICE_A_WORKER_CPU);
	struct sluice_worker *w;

	if (!cpu)
		return ERR_PTR(-EINVAL);
	w = sluice_worker_find(nla_get_u32(cpu));
	if (!w) {
		NL_SET_ERR_MSG_ATTR(c->extack, cpu,
				    "no worker on that core: see 'sluice worker show'");
		return ERR_PTR(-ENOENT);
	}
	return w;
}

static u8 worker_get_mode(struct sluice_change *c)
{
	struct nlattr *mode = c->attrs[SLUICE_A_WORKER_MODE];

	return mode ? nla_get_u8(mode) : SLUICE_WORKER_ADAPTIVE;
}

/*
 * The new worker may have taken the place of the one that was made unasked. If that is not there
 * to hand everything back to, the new one becomes what it was.
 */
static int worker_undo_add(struct sluice_step *step)
{
	struct worker_step *undo = container_of(step, struct worker_step, step);
	struct sluice_worker *w = sluice_worker_find(undo->cpu);
	struct netlink_ext_ack extack = {};

	if (!w)
		return -ENOENT;
	if (undo->was_there || sluice_worker_del(w, &extack)) {
		w->automatic = true;
		sluice_worker_set_mode(w, undo->mode);
	}
	return 0;
}

static int worker_add(struct sluice_change *c)
{
	struct nlattr *cpu = sluice_nl_need(c, SLUICE_A_WORKER_CPU);
	struct sluice_worker *w;
	struct worker_step *undo;

	if (!cpu)
		return -EINVAL;
	undo = sluice_change_undo(c, sizeof(*undo), worker_undo_add);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->cpu = nla_get_u32(cpu);
		w = sluice_worker_find(undo->cpu);
		undo->was_there = w;
		undo->mode = w ? w->mode : SLUICE_WORKER_ADAPTIVE;
	}
	w = sluice_worker_add(nla_get_u32(cpu), worker_get_mode(c), c->extack);
	if (IS_ERR(w))
		return PTR_ERR(w);
	if (undo)
		undo->step.armed = true;
	return 0;
}

static int worker_undo_set(struct sluice_step *step)
{
	struct worker_step *undo = container_of(step, struct worker_step, step);
	struct sluice_worker *w = sluice_worker_find(undo->cpu);

	if (!w)
		return -ENOENT;
	sluice_worker_set_mode(w, undo->mode);
	return 0;
}

static int worker_set(struct sluice_change *c)
{
	struct sluice_worker *w = worker_need(c);
	struct worker_step *undo;

	if (IS_ERR(w))
		return PTR_ERR(w);
	if (!sluice_nl_need(c, SLUICE_A_WORKER_MODE))
		return -EINVAL;
	undo = sluice_change_undo(c, sizeof(*undo), worker_undo_set);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->cpu = w->cpu;
		undo->mode = w->mode;
		undo->step.armed = true;
	}
	sluice_worker_set_mode(w, worker_get_mode(c));
	return 0;
}

/* --- removal --------------------------------------------------------------------------------- */

/*
 * Within a transaction it waits until ports that go are gone. A worker that is the last one with
 * something to serve then becomes one that is there because it is needed.
 */
static int worker_step_del(struct sluice_step *step)
{
	const struct worker_step *later = container_of(step, struct worker_step, step);
	struct sluice_worker *w = sluice_worker_find(later->cpu);
	struct netlink_ext_ack extack = {};

	if (w && sluice_worker_del(w, &extack)) {
		w->automatic = true;
		sluice_worker_set_mode(w, SLUICE_WORKER_ADAPTIVE);
	}
	return 0;
}

static int worker_del(struct sluice_change *c)
{
	struct sluice_worker *w = worker_need(c);
	struct worker_step *later;

	if (IS_ERR(w))
		return PTR_ERR(w);
	if (!c->txn)
		return sluice_worker_del(w, c->extack);
	later = sluice_change_defer(c, sizeof(*later), worker_step_del);
	if (IS_ERR(later))
		return PTR_ERR(later);
	later->cpu = w->cpu;
	return 0;
}

/* --- assignment ------------------------------------------------------------------------------ */

/* The core of a pair's worker, or of an uplink's, or of the one that it is to have. */
static unsigned int assigned_to(const struct sluice_port *port, unsigned int pair)
{
	const struct sluice_worker *w;

	if (port->kind == SLUICE_PORT_UPLINK)
		w = rtnl_dereference(port->worker);
	else
		w = rtnl_dereference(sluice_port_txq(port, pair)->worker);
	return w ? w->cpu : (unsigned int)port->waits.cpu;
}

static int assign_restore(struct sluice_port *port, unsigned int pair, unsigned int cpu)
{
	struct netlink_ext_ack extack = {};
	struct sluice_worker *w = sluice_worker_find(cpu);

	if (w)
		return sluice_port_assign(port, pair, w, &extack);
	/* It waits for its VF, and nobody had said which. */
	if (port->kind == SLUICE_PORT_UPLINK && !rtnl_dereference(port->worker)) {
		port->waits.cpu = cpu;
		return 0;
	}
	return -ENOENT;
}

static int assign_undo(struct sluice_step *step)
{
	struct assign_step *undo = container_of(step, struct assign_step, step);
	unsigned int i, n = undo->port->kind == SLUICE_PORT_UPLINK ? 1 : undo->port->nr_pairs;
	int err = 0;

	for (i = 0; i < n; i++) {
		if (assigned_to(undo->port, i) != undo->cpu[i])
			err = assign_restore(undo->port, i, undo->cpu[i]) ?: err;
	}
	return err;
}

static int assign_note(struct sluice_change *c, struct sluice_port *port)
{
	struct assign_step *undo = sluice_change_undo(c, sizeof(*undo), assign_undo);
	unsigned int i;

	if (IS_ERR_OR_NULL(undo))
		return PTR_ERR_OR_ZERO(undo);
	undo->port = port;
	undo->step.armed = true;
	undo->cpu[0] = assigned_to(port, 0);
	for (i = 1; port->kind == SLUICE_PORT_GUEST && i < port->nr_pairs; i++)
		undo->cpu[i] = assigned_to(port, i);
	return 0;
}

static int worker_assign(struct sluice_change *c)
{
	struct nlattr *queue = c->attrs[SLUICE_A_WORKER_QUEUE];
	struct sluice_worker *w = worker_need(c);
	struct sluice_port *port;
	int err;

	if (IS_ERR(w))
		return PTR_ERR(w);
	if (c->attrs[SLUICE_A_WORKER_VOLUME]) {
		if (!c->attrs[SLUICE_A_WORKER_PORT])
			return sluice_nl_volume_assign(c, w);
		NL_SET_ERR_MSG(c->extack, "either a port or a volume is assigned, not both");
		return -EINVAL;
	}
	port = sluice_nl_need_port(c, SLUICE_A_WORKER_PORT);
	if (IS_ERR(port))
		return PTR_ERR(port);
	err = assign_note(c, port);
	return err ?: sluice_port_assign(port, queue ? nla_get_u32(queue) : -1, w, c->extack);
}

int sluice_nl_worker_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, worker_add, SLUICE_OBJECT_WORKER);
}

int sluice_nl_worker_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, worker_set, SLUICE_OBJECT_WORKER);
}

int sluice_nl_worker_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, worker_del, SLUICE_OBJECT_WORKER);
}

int sluice_nl_worker_assign_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, worker_assign, SLUICE_OBJECT_WORKER);
}

/* --- showing --------------------------------------------------------------------------------- */

static int worker_put(struct sk_buff *skb, const void *obj)
{
	const struct sluice_worker *w = obj;
	struct sluice_worker_times t;
	struct sluice_leaks leaks;

	sluice_worker_times(w, &t);
	sluice_leaks_get(&leaks);
	if (nla_put_u32(skb, SLUICE_A_WORKER_CPU, w->cpu) ||
	    nla_put_u8(skb, SLUICE_A_WORKER_MODE, w->mode) ||
	    (w->automatic && nla_put_flag(skb, SLUICE_A_WORKER_AUTOMATIC)) ||
	    nla_put_u32(skb, SLUICE_A_WORKER_USERS, w->nr_users) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_BUSY_NS, t.busy_ns) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_IDLE_NS, t.idle_ns) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_SLEEP_NS, t.sleep_ns) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_WAKEUPS, t.wakeups) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_LONGEST_PAUSE_NS, t.longest_pause_ns) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_LONGEST_ROUND_NS, t.longest_round_ns) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_PAUSES, w->pauses) ||
	    (w->tenants && nla_put_flag(skb, SLUICE_A_WORKER_TENANTS)) ||
	    (!cpu_online(w->cpu) && nla_put_flag(skb, SLUICE_A_WORKER_CORE_OFFLINE)) ||
	    nla_put_string(skb, SLUICE_A_WORKER_STATE,
			   sluice_worker_state_text(READ_ONCE(w->state))) ||
	    nla_put_u32(skb, SLUICE_A_WORKER_DEATHS, READ_ONCE(w->deaths)) ||
	    nla_put_uint(skb, SLUICE_A_WORKER_LONGEST_RTNL_NS, sluice_rtnl_longest()))
		return -EMSGSIZE;
	if (w->longest_found_ns &&
	    (nla_put_uint(skb, SLUICE_A_WORKER_LONGEST_FOUND_NS, READ_ONCE(w->longest_found_ns)) ||
	     nla_put_uint(skb, SLUICE_A_WORKER_LONGEST_OUT_NS, READ_ONCE(w->longest_out_ns))))
		return -EMSGSIZE;
	if (leaks.objects && (nla_put_uint(skb, SLUICE_A_WORKER_LEAKED, leaks.objects) ||
			      nla_put_uint(skb, SLUICE_A_WORKER_LEAKED_BYTES, leaks.bytes)))
		return -EMSGSIZE;
	return 0;
}

/*
 * There are no more than cores; the place is how many were shown, and a change on the way is
 * flagged.
 */
int sluice_nl_worker_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sluice_nl_out out = { .skb = skb, .cb = cb, .net = sock_net(skb->sk) };
	struct sluice_nl_dump *d = sluice_nl_dump(cb);
	struct sluice_worker *w = NULL;
	unsigned int n = 0;
	int err = 0;

	sluice_rtnl_lock();
	sluice_nl_dump_gen(cb, NULL, NULL);
	while ((w = sluice_worker_next(w))) {
		if (n++ < d->part)
			continue;
		err = sluice_nl_dump_one(&out, worker_put, w);
		if (err)
			break;
		d->part++;
	}
	sluice_rtnl_unlock();
	return err;
}
