/* SPDX-License-Identifier: GPL-2.0-only */
/* From the bytes of a frame to a flow key. Needs nothing of the kernel but types. */
#ifndef _SLUICE_NET_PARSE_H
#define _SLUICE_NET_PARSE_H

#include <linux/types.h>
#include "../drop.h"
#include "../flow_key.h"

/*
 * Headers that the parser wants to see of a frame that is this long, at the least: Ethernet, two
 * tags, IPv6 with a few extension headers, TCP with options. Less is fine for shorter frames only.
 */
#define SLUICE_PARSE_LEN	256

/**
 * struct sluice_parsed - where the headers are
 * @l2: bytes of the Ethernet header with its tags: where what they carry begins
 * @l3: offset of the IP or ARP header from the Ethernet header; 0 if none
 * @l4: offset of a TCP, UDP, SCTP, ICMP or ICMPv6 header (key->l4_ok is set with it), or of one of
 *	UDP-Lite or DCCP, whose ports the key does not have; 0 if none
 * @payload: offset of what follows the L4 header, or the fixed 8 bytes of ICMP; 0 if none
 * @min_len: bytes of headers, and of all that the key was made of; actions that rewrite need as
 *	many linear and writable
 * @unsized: the IP header does not say how long the packet is: it is to be segmented
 * @solid: not to be segmented, as one of its headers is for this packet alone (IPv6 fragment or
 *	authentication header)
 * @end: where the IP packet ends, or the frame; what follows is padding
 */
struct sluice_parsed {
	u16 l2;
	u16 l3;
	u16 l4;
	u16 payload;
	u16 min_len;
	u8 unsized;
	u8 solid;
	u32 end;
};

/**
 * sluice_parse() - parse the headers of a frame
 * @data: the frame's first bytes, from the Ethernet header on
 * @len: how many of them can be read
 * @frame_len: length of the whole frame
 * @key: filled, except for in_port, which stays as it is
 * @p: filled
 *
 * Lenient beyond layer 2 with what it does not know, strict with headers that contradict themselves
 * or the frame: a header that does not lie within @len, within the frame and within its IP packet
 * is malformed. Context: any.
 * Return: SLUICE_DROP_NONE, SLUICE_DROP_MALFORMED or, for fragments, SLUICE_DROP_FRAGMENT; all
 * leave every byte of @key and @p defined.
 */
enum sluice_drop sluice_parse(const u8 *data, u32 len, u32 frame_len, struct sluice_flow_key *key,
			      struct sluice_parsed *p);

#endif /* _SLUICE_NET_PARSE_H */
