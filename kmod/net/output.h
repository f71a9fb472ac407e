/* SPDX-License-Identifier: GPL-2.0-only */
/* The last stage: packets of a burst are gathered by where they go, then handed over together. */
#ifndef _SLUICE_OUTPUT_H
#define _SLUICE_OUTPUT_H

#include "packet.h"
#include "../port.h"

/* Destinations of one burst; one more and the gathered ones go first. */
#define SLUICE_OUTPUT_STAGES	8

enum sluice_output_kind {
	SLUICE_OUTPUT_GUEST,	/* a guest's receive queue */
	SLUICE_OUTPUT_UPLINK,	/* a VF */
	SLUICE_OUTPUT_SLOW,	/* the host's stack */
};

/**
 * struct sluice_output_stage - packets for one destination
 * @port: the destination; SLOW: the port whose netdev they come out of
 * @queue: GUEST: the receive queue
 * @kind: enum sluice_output_kind
 * @nr: length of @pkt
 * @pkt: packets, owned
 */
struct sluice_output_stage {
	struct sluice_port *port;
	struct sluice_queue *queue;
	u8 kind;
	unsigned int nr;
	struct sluice_pkt *pkt[SLUICE_VRING_BURST];
};

struct sluice_output {
	unsigned int nr;
	struct sluice_output_stage stage[SLUICE_OUTPUT_STAGES];
	struct sluice_chain chain[SLUICE_VRING_BURST];
	struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];
};

/* All: worker context. Packets handed in belong to the stage. */
void sluice_output_add(struct sluice_worker *w, struct sluice_output *out, struct sluice_port *port,
		       bool slow, struct sluice_pkt *pkt);
void sluice_output_flush(struct sluice_worker *w, struct sluice_output *out);
/* A copy for one of several outputs, an skb; consumed. */
void sluice_output_copy(struct sluice_port *port, struct sluice_pkt *pkt);
/* One frame to the host's stack; consumed. */
void sluice_output_slow(struct sluice_port *port, struct sluice_pkt *pkt);

/*
 * Write one packet into chains of a receive ring, whose owner's mm is in use. @nr: in: chains there
 * are; out: chains used. 0: written and pushed; -ENOBUFS: too few chains; -EMSGSIZE: would never
 * fit; -EAGAIN, -EIO. The packet stays the caller's.
 */
int sluice_output_write(struct sluice_queue *q, struct sluice_pkt *pkt,
			const struct sluice_chain *chain, unsigned int *nr);
/* What the header of a packet says, in the order of bytes that the queue has. */
void sluice_output_header(const struct sluice_queue *q, const struct sluice_pkt *pkt,
			  unsigned int nr_buf, struct virtio_net_hdr_mrg_rxbuf *hdr);
/*
 * Make the packet such that the guest's driver takes it; may turn one into a list of segments.
 * NULL: dropped and counted.
 */
struct sk_buff *sluice_output_adapt(struct sluice_port *port, struct sk_buff *skb);
/* True if sluice_output_adapt() is needed. */
bool sluice_output_must_adapt(const struct sluice_port *port, const struct sluice_pkt *pkt);

#endif /* _SLUICE_OUTPUT_H */
