/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames of very many segments, in parts. */
#ifndef _SLUICE_SEGMENT_H
#define _SLUICE_SEGMENT_H

#include <linux/skbuff.h>

/**
 * sluice_segment_split() - cut a frame to be segmented into such as have fewer segments
 * @skb: the frame, from its Ethernet header on; consumed on success
 * @most: segments of each part, at least 1
 *
 * Each part is a frame to be segmented itself, the last may be one without segments; segmented one
 * by one they give what @skb would have given. Whoever has many of them stops in between.
 *
 * Return: the parts (by next); @skb itself where there is nothing to cut, or where it cannot be
 * (tunnels, frames that the host's own receive path has chained); or an ERR_PTR, then @skb is still
 * the caller's. Context: any.
 */
struct sk_buff *sluice_segment_split(struct sk_buff *skb, unsigned int most);

#endif /* _SLUICE_SEGMENT_H */
