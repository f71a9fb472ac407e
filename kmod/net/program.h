/* SPDX-License-Identifier: GPL-2.0-only */
/* What is to be done with the packets of one key: policy and flow rules, compiled into one list. */
#ifndef _SLUICE_PROGRAM_H
#define _SLUICE_PROGRAM_H

#include <linux/types.h>
#include "net.h"

enum sluice_op_type {
	SLUICE_OP_DROP,		/* the packet, for @why */
	SLUICE_OP_COUNT_DROP,	/* one output of several is denied: count @why at @port, go on */
	SLUICE_OP_LIMIT,	/* over @meter: drop the packet for @why */
	SLUICE_OP_PACE,		/* charge @meter, that its ring waits for; of others as LIMIT */
	SLUICE_OP_OUTPUT,	/* to @port */
	SLUICE_OP_SLOW,		/* to the host's stack by the in-port's netdev */
	SLUICE_OP_REWRITE,	/* as @act says */
};

/**
 * struct sluice_op - one step
 * @type: enum sluice_op_type
 * @why: drop reason
 * @port: OUTPUT, COUNT_DROP
 * @meter: LIMIT, PACE
 * @act: REWRITE: the flow's action
 */
struct sluice_op {
	u8 type;
	u8 why;
	union {
		struct sluice_net_meter *meter;
		const struct sluice_flow_act *act;
	};
	struct sluice_port *port;
};

/* Each action is a step, and policy in front one more. */
#define SLUICE_PROGRAM_OPS	(SLUICE_FLOW_MAX_ACTS + 1)
#define SLUICE_PROGRAM_HITS	(SLUICE_FLOW_MAX_ACTS + 2)

struct sluice_program {
	unsigned int nr_op;
	unsigned int nr_hit;
	struct sluice_op op[SLUICE_PROGRAM_OPS];
	struct sluice_counter *hit[SLUICE_PROGRAM_HITS];
};

/*
 * The in_port of keys of frames that the host's stack sends to a guest port has this bit, and the
 * port's own index.
 */
#define SLUICE_KEY_TO_GUEST	BIT(31)

/* Worker context, RCU held. @port: where the packet came in. */
void sluice_program_compile(struct sluice_program *prog, struct sluice_port *port,
			    const struct sluice_flow_key *key);

/*
 * Likewise for an announcement that a guest's address is here now: access list and limit of the
 * port do not count, its guard does.
 */
void sluice_program_announce(struct sluice_program *prog, struct sluice_port *port,
			     const struct sluice_flow_key *key);

#endif /* _SLUICE_PROGRAM_H */
