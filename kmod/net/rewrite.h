/* SPDX-License-Identifier: GPL-2.0-only */
/* Actions that change a packet. */
#ifndef _SLUICE_REWRITE_H
#define _SLUICE_REWRITE_H

#include "flow.h"
#include "packet.h"

/*
 * Worker context. The packet is an skb and stays one; @key is what it was parsed to. 0, -EPROTO:
 * the action does not fit the packet, -ENOMEM.
 */
int sluice_rewrite(struct sluice_pkt *pkt, const struct sluice_flow_key *key,
		   const struct sluice_flow_act *act);

#endif /* _SLUICE_REWRITE_H */
