// SPDX-License-Identifier: GPL-2.0-only
/*
 * Policy first, then flow. What is compiled here for one packet holds for all packets with the same
 * key, until the configuration changes: every decision depends on the key alone. What depends on
 * time becomes a step of the program, but for a receiver's limit: that is asked when the frame goes
 * into its ring.
 */
#include <linux/etherdevice.h>
#include "control.h"
#include "guard.h"
#include "program.h"

static struct sluice_op *program_op(struct sluice_program *prog, u8 type)
{
	struct sluice_op *op = &prog->op[prog->nr_op++];

	op->type = type;
	op->why = SLUICE_DROP_NONE;
	op->meter = NULL;
	op->port = NULL;
	return op;
}

static void program_hit(struct sluice_program *prog, struct sluice_counter *c)
{
	if (c && prog->nr_hit < SLUICE_PROGRAM_HITS)
		prog->hit[prog->nr_hit++] = c;
}

/* A port's access list for one direction. DROP_NONE: passes. */
static enum sluice_drop program_police(struct sluice_program *prog,
				       const struct sluice_net_port *np, enum sluice_dir dir,
				       const struct sluice_flow_key *key)
{
	enum sluice_drop why = SLUICE_DROP_ACL;
	struct sluice_counter *hits = NULL;
	bool allow = sluice_acl_check(&np->acl[dir], key, &hits, &why);

	program_hit(prog, hits);
	return allow ? SLUICE_DROP_NONE : why;
}

/* Link-local control frames pass by word of the port's, or of its guard's, in both directions. */
static bool program_control(const struct sluice_port *port, const struct sluice_flow_key *key)
{
	u8 kind = sluice_control_kind(key), allowed = READ_ONCE(port->control);
	const struct sluice_net_port *np = port->engine;
	const struct sluice_guard_entry *guard;

	/* An uplink has no policy: the guests behind it have. */
	if (likely(!kind) || port->kind == SLUICE_PORT_UPLINK)
		return true;
	guard = rcu_dereference(np->guard);
	if (guard)
		allowed |= sluice_control_of_guard(&guard->g);
	return kind & allowed;
}

static void program_output(struct sluice_program *prog, struct sluice_port *in,
			   struct sluice_port *out, const struct sluice_flow_key *key)
{
	enum sluice_drop why;
	struct sluice_op *op;

	if (!out)
		why = SLUICE_DROP_NO_PORT;
	else if (out == in && !(key->in_port & SLUICE_KEY_TO_GUEST))
		why = SLUICE_DROP_LOOP;
	else if (!program_control(out, key))
		why = SLUICE_DROP_CONTROL;
	else
		why = program_police(prog, out->engine, SLUICE_DIR_TO_GUEST, key);
	if (why) {
		op = program_op(prog, SLUICE_OP_COUNT_DROP);
		op->why = why;
		op->port = out ?: in;
		return;
	}
	program_op(prog, SLUICE_OP_OUTPUT)->port = out;
}

/*
 * What the key is after an action: the receiver's access list sees the packet as the receiver will.
 */
static void program_rewrite_key(struct sluice_flow_key *key, const struct sluice_flow_act *act)
{
	switch (act->type) {
	case SLUICE_ACT_PUSH_VLAN:
		key->vlan[1] = key->vlan[0];
		key->vlan[0] = (act->vlan & ~SLUICE_VLAN_PRESENT) | SLUICE_VLAN_PRESENT;
		break;
	case SLUICE_ACT_POP_VLAN:
		key->vlan[0] = key->vlan[1];
		key->vlan[1] = 0;
		break;
	case SLUICE_ACT_SET_VLAN:
		key->vlan[0] = (act->vlan & ~SLUICE_VLAN_PRESENT) | SLUICE_VLAN_PRESENT;
		break;
	case SLUICE_ACT_SET_ETH_SRC:
		ether_addr_copy(key->eth_src, act->mac);
		break;
	case SLUICE_ACT_SET_ETH_DST:
		ether_addr_copy(key->eth_dst, act->mac);
		break;
	case SLUICE_ACT_SET_SRC:
		key->src = act->ip;
		break;
	case SLUICE_ACT_SET_DST:
		key->dst = act->ip;
		break;
	case SLUICE_ACT_SET_TTL:
		key->ttl = act->value;
		break;
	case SLUICE_ACT_SET_DSCP:
		key->tos = (key->tos & 0x3) | act->value << 2;
		break;
	case SLUICE_ACT_SET_SPORT:
		key->sport = act->l4_port;
		break;
	case SLUICE_ACT_SET_DPORT:
		key->dport = act->l4_port;
		break;
	}
}

static void program_act(struct sluice_program *prog, struct sluice_port *in,
			const struct sluice_flow_act *act, struct sluice_flow_key *key)
{
	struct sluice_op *op;

	switch (act->type) {
	case SLUICE_ACT_OUTPUT:
		/* Pairs with the store that forgets a port which goes. */
		program_output(prog, in, READ_ONCE(act->port), key);
		break;
	case SLUICE_ACT_DROP:
		program_op(prog, SLUICE_OP_DROP)->why = SLUICE_DROP_FLOW;
		break;
	case SLUICE_ACT_SLOW:
		program_op(prog, SLUICE_OP_SLOW);
		break;
	case SLUICE_ACT_METER:
		op = program_op(prog, SLUICE_OP_LIMIT);
		op->meter = act->meter;
		op->why = SLUICE_DROP_METER;
		break;
	default:
		program_op(prog, SLUICE_OP_REWRITE)->act = act;
		program_rewrite_key(key, act);
	}
}

/*
 * Anything but a drop at the end falls off the end of the list, so a list without an output drops.
 */
static void program_flow(struct sluice_program *prog, struct sluice_port *in,
			 struct sluice_flow *flow, const struct sluice_flow_key *packet)
{
	struct sluice_flow_key key = *packet;
	unsigned int i;

	program_hit(prog, &flow->hits);
	for (i = 0; i < flow->nr_act; i++)
		program_act(prog, in, &flow->act[i], &key);
}

/*
 * Frames from the host's stack go to the guest that the netdev stands for: its policy applies,
 * flows do not.
 */
static void program_to_guest(struct sluice_program *prog, struct sluice_port *port,
			     const struct sluice_flow_key *key)
{
	program_output(prog, port, port, key);
}

/* Where it goes once policy lets it. */
static void program_forward(struct sluice_program *prog, struct sluice_port *port,
			    const struct sluice_flow_key *key)
{
	struct sluice_net_instance *ni = port->inst->engine;
	const struct sluice_net_port *np = port->engine;
	struct sluice_flow *flow = sluice_flow_lookup(&ni->flows, key);
	struct sluice_port *peer = rcu_dereference(np->wire);

	if (flow)
		program_flow(prog, port, flow, key);
	else if (peer)
		program_output(prog, port, peer, key);
	else
		program_op(prog, SLUICE_OP_SLOW);
}

void sluice_program_compile(struct sluice_program *prog, struct sluice_port *port,
			    const struct sluice_flow_key *key)
{
	enum sluice_dir dir = port->kind == SLUICE_PORT_UPLINK ? SLUICE_DIR_TO_GUEST :
								 SLUICE_DIR_FROM_GUEST;
	struct sluice_net_port *np = port->engine;
	const struct sluice_guard_entry *guard;
	struct sluice_net_meter *meter;
	enum sluice_drop why = SLUICE_DROP_NONE;
	struct sluice_op *op;

	prog->nr_op = 0;
	prog->nr_hit = 0;
	if (key->in_port & SLUICE_KEY_TO_GUEST) {
		program_to_guest(prog, port, key);
		return;
	}

	guard = rcu_dereference(np->guard);
	if (!program_control(port, key))
		why = SLUICE_DROP_CONTROL;
	else if (guard)
		why = sluice_guard_check(&guard->g, key);
	if (!why)
		why = program_police(prog, np, dir, key);
	if (why) {
		program_op(prog, SLUICE_OP_DROP)->why = why;
		return;
	}
	meter = rcu_dereference(np->rate[dir]);
	if (meter) {
		op = program_op(prog, SLUICE_OP_PACE);
		op->meter = meter;
		op->why = SLUICE_DROP_RATE;
	}
	program_forward(prog, port, key);
}

void sluice_program_announce(struct sluice_program *prog, struct sluice_port *port,
			     const struct sluice_flow_key *key)
{
	const struct sluice_net_port *np = port->engine;
	const struct sluice_guard_entry *guard = rcu_dereference(np->guard);
	enum sluice_drop why = SLUICE_DROP_NONE;

	prog->nr_op = 0;
	prog->nr_hit = 0;
	if (guard)
		why = sluice_guard_check(&guard->g, key);
	if (why)
		program_op(prog, SLUICE_OP_DROP)->why = why;
	else
		program_forward(prog, port, key);
}
