/* SPDX-License-Identifier: GPL-2.0-only */
/* What a worker needs to move packets. */
#ifndef _SLUICE_DATAPATH_H
#define _SLUICE_DATAPATH_H

#include "cache.h"
#include "output.h"
#include "packet.h"

/**
 * struct sluice_datapath - one worker's packet state; touched by that worker alone
 * @worker: whose it is
 * @cache: flow cache
 * @pool: packet memory
 * @out: where the packets of this burst go
 * @prog: program under construction, or of a packet that is not cached
 * @pkt: the burst
 * @key: its keys
 * @chain: chains of a transmit ring
 * @seg: their segments
 * @misses: of this burst
 */
struct sluice_datapath {
	struct sluice_worker *worker;
	struct sluice_cache cache;
	struct sluice_pool pool;
	struct sluice_output out;
	struct sluice_program prog;
	struct sluice_pkt pkt[SLUICE_VRING_BURST];
	struct sluice_flow_key key[SLUICE_VRING_BURST];
	struct sluice_chain chain[SLUICE_VRING_BURST];
	struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];
	unsigned int misses;
};

/* Control context, RTNL. */
int sluice_datapath_worker_add(struct sluice_worker *w);
void sluice_datapath_worker_del(struct sluice_worker *w);
void sluice_datapath_worker_abandon(struct sluice_worker *w);

/* Worker context: the packet operations of struct sluice_engine_ops. */
int sluice_datapath_guest_tx(struct sluice_worker *w, struct sluice_queue *q, int budget);
int sluice_datapath_guest_rx(struct sluice_worker *w, struct sluice_queue *q, int budget);
int sluice_datapath_uplink_rx(struct sluice_worker *w, struct sluice_port *uplink, int budget);
bool sluice_datapath_guest_read(struct sluice_worker *w, struct sluice_queue *q,
				struct virtio_net_hdr *hdr);
enum sluice_drop sluice_datapath_inject(struct sluice_worker *w, struct sluice_port *port,
					struct sk_buff *skb, const struct virtio_net_hdr *hdr);
void sluice_datapath_announce(struct sluice_worker *w, struct sluice_port *port,
			      struct sk_buff *skb);
void sluice_datapath_flush(struct sluice_worker *w);
void sluice_datapath_flush_call(struct sluice_worker *w, void *arg);

#endif /* _SLUICE_DATAPATH_H */
