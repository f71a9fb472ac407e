// SPDX-License-Identifier: GPL-2.0-only
/* What a frame is on the wire: wire.h has the rules. */
#include <linux/sctp.h>
#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include "sluice.h"
#include "wire.h"

static u32 wire_tcp(const struct sk_buff *skb, int at)
{
	const struct tcphdr *tcp;
	struct tcphdr buf;

	tcp = skb_header_pointer(skb, at, sizeof(buf), &buf);
	return tcp ? __tcp_hdrlen(tcp) : sizeof(buf);
}

static bool wire_is_ipv6(const struct sk_buff *skb)
{
	const u8 *first;
	u8 buf;

	first = skb_header_pointer(skb, skb_network_offset(skb), sizeof(buf), &buf);
	return first && *first >> 4 == 6;
}

/* What is behind the L3 headers in each segment. */
static u32 wire_l4(const struct sk_buff *skb, int at)
{
	unsigned int type = skb_shinfo(skb)->gso_type;

	if (type & (SKB_GSO_TCPV4 | SKB_GSO_TCPV6))
		return wire_tcp(skb, at);
	if (type & SKB_GSO_UDP_L4)
		return sizeof(struct udphdr);
	if (type & SKB_GSO_SCTP)
		return sizeof(struct sctphdr);
	/* Fragments: the UDP header is in the first alone. */
	return wire_is_ipv6(skb) ? sizeof(struct frag_hdr) : 0;
}

struct sluice_wire sluice_wire_of(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	struct sluice_wire wire = { .packets = 1, .bytes = skb->len };
	int at;

	if (likely(!skb_is_gso(skb)) || !skb_transport_header_was_set(skb))
		return wire;
	at = skb->encapsulation ? skb_inner_transport_offset(skb) : skb_transport_offset(skb);
	if (at < 0 || at >= skb->len)
		return wire;
	wire.headers = at + wire_l4(skb, at);
	wire.packets = info->gso_segs;
	/* Nobody counted those of a sender that was not trusted. */
	if (!wire.packets && skb->len > wire.headers)
		wire.packets = DIV_ROUND_UP(skb->len - wire.headers, info->gso_size);
	wire.packets = max(wire.packets, 1U);
	wire.bytes += (wire.packets - 1) * wire.headers;
	return wire;
}
SLUICE_EXPORT(sluice_wire_of);
