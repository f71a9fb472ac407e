/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a frame is on the wire.
 *
 * DOC: The unit of all counters
 *
 * A frame with segmentation counts as its segments, in packets and in bytes, each with headers of
 * its own: so NICs count, and qdiscs, and so a limit charges. What is counted of a guest is then
 * the same whether it segments by itself or leaves that to others, and whatever counts it: ports,
 * rules, meters, drops. A frame of which nothing was proved, for it does not parse or nobody looked
 * at it, is one packet of its own length.
 */
#ifndef _SLUICE_WIRE_H
#define _SLUICE_WIRE_H

#include <linux/types.h>

struct sk_buff;

/**
 * struct sluice_wire - a frame there
 * @packets: at least one
 * @bytes: of all of them, without FCS
 * @headers: in each, if there are more than one
 */
struct sluice_wire {
	u32 packets;
	u32 bytes;
	u32 headers;
};

/* Of an skb that starts at its Ethernet header, by what it says of itself. Context: any. */
struct sluice_wire sluice_wire_of(const struct sk_buff *skb);

#endif /* _SLUICE_WIRE_H */
