// SPDX-License-Identifier: GPL-2.0-only
/*
 * The proof of what a frame's sender asks for. Somebody will act on it after policy has looked: a
 * checksum is written, headers are copied to every segment. So each claim must say what the headers
 * say; one that does not is refused rather than repaired.
 */
#include "frame.h"

/* What the kernel segments at once of UDP. */
#define UDP_SEGS_MAX	128

#define CSUM_TCP	16
#define CSUM_UDP	6
#define CSUM_SCTP	8
#define CSUM_DCCP	6
#define CSUM_ICMP	2

#define TCP_HDR		20
#define UDP_HDR		8
#define SCTP_HDR	12
#define IPV6_FRAG_HDR	8

/* --- checksum --- */

/* Where the checksum of a protocol lies in its header. */
static u16 csum_place(u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return CSUM_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return CSUM_UDP;
	case IPPROTO_SCTP:
		return CSUM_SCTP;
	case IPPROTO_DCCP:
		return CSUM_DCCP;
	}
	return CSUM_ICMP;
}

/*
 * May there be another packet behind the headers? Not in what has its own checksum over all that
 * follows, nor where policy looks at what follows.
 */
static bool has_inside(const struct sluice_frame *f, const struct sluice_flow_key *key)
{
	if (key->eth_type == ETH_P_ARP)
		return false;
	return !f->at.l4 || key->ip_proto == IPPROTO_UDP;
}

static bool prove_csum(struct sluice_frame *f, const struct sluice_flow_key *key)
{
	u32 end = (u32)f->csum_start + f->csum_offset + sizeof(__sum16);

	/* A fragment's sum is over more than the fragment. */
	if (key->frag || end > f->at.end || end > SLUICE_FRAME_CSUM_WITHIN)
		return false;
	if (f->at.l4 && f->csum_start == f->at.l4) {
		f->csum = SLUICE_CSUM_L4;
		/* A CRC, which the kernel's own skb alone can ask for. */
		if (key->ip_proto == IPPROTO_SCTP && !(f->flags & SLUICE_FRAME_HOST))
			return false;
		return f->csum_offset == csum_place(key->ip_proto);
	}
	f->csum = SLUICE_CSUM_INNER;
	return has_inside(f, key) && f->csum_start >= f->at.min_len;
}

/* --- segmentation --- */

static bool gso_is_udp(const struct sluice_frame *f)
{
	return f->gso == SLUICE_GSO_UDP || f->gso == SLUICE_GSO_UFO;
}

/* Do the headers that the parser saw say the same as the kind of segmentation? */
static bool gso_fits_key(const struct sluice_frame *f, const struct sluice_flow_key *key)
{
	bool ip = key->eth_type == ETH_P_IP || key->eth_type == ETH_P_IPV6;

	switch (f->gso) {
	case SLUICE_GSO_TCPV4:
		return key->eth_type == ETH_P_IP && key->ip_proto == IPPROTO_TCP;
	case SLUICE_GSO_TCPV6:
		return key->eth_type == ETH_P_IPV6 && key->ip_proto == IPPROTO_TCP;
	case SLUICE_GSO_UDP:
	case SLUICE_GSO_UFO:
		return ip && key->ip_proto == IPPROTO_UDP;
	case SLUICE_GSO_SCTP:
		return ip && key->ip_proto == IPPROTO_SCTP;
	}
	return false;
}

/* Where the payload begins behind the L4 header at @l4, which must be readable; 0: it is none. */
static u32 gso_payload(const struct sluice_frame *f, u32 l4, const u8 *data, u32 seen)
{
	u32 len, hdr;

	if (gso_is_udp(f)) {
		hdr = UDP_HDR;
	} else if (f->gso == SLUICE_GSO_SCTP) {
		hdr = SCTP_HDR;
	} else {
		if (l4 + TCP_HDR > seen)
			return 0;
		len = (data[l4 + 12] >> 4) * 4;
		hdr = max_t(u32, len, TCP_HDR);
		if (len < TCP_HDR)
			return 0;
	}
	return l4 + hdr <= seen ? l4 + hdr : 0;
}

/*
 * Inside of what the parser does not look into (a tunnel, a third tag). The place of the checksum
 * is the L4 header's; that there is such a packet is the kernel's word, and no guest's.
 */
static u32 gso_inner(const struct sluice_frame *f, const u8 *data, u32 seen)
{
	u16 place = CSUM_TCP;

	if (f->flags & SLUICE_FRAME_GUEST && !(f->flags & SLUICE_FRAME_TUNNEL))
		return 0;
	if (gso_is_udp(f))
		place = CSUM_UDP;
	else if (f->gso == SLUICE_GSO_SCTP)
		place = CSUM_SCTP;
	return f->csum_offset == place ? gso_payload(f, f->csum_start, data, seen) : 0;
}

static u32 gso_outer(const struct sluice_frame *f, const struct sluice_flow_key *key,
		     const u8 *data, u32 seen)
{
	/* Who sums up the whole sees to its segments, which are no longer summed up then. */
	if (f->csum != SLUICE_CSUM_L4 && !(f->flags & SLUICE_FRAME_LIST))
		return 0;
	if (f->flags & SLUICE_FRAME_TUNNEL || !f->at.l4 || f->at.solid || key->frag ||
	    !gso_fits_key(f, key))
		return 0;
	return gso_payload(f, f->at.l4, data, seen);
}

static bool gso_sized(struct sluice_frame *f, u32 bytes)
{
	u32 segs = DIV_ROUND_UP(bytes, f->gso_size);

	if (f->flags & SLUICE_FRAME_GUEST &&
	    segs > (f->gso == SLUICE_GSO_UDP ? UDP_SEGS_MAX : SLUICE_FRAME_MAX_SEGS))
		return false;
	/* Fragments begin at multiples of eight bytes, or they would overlap. */
	if (f->gso == SLUICE_GSO_UFO && segs > 1 && f->gso_size % 8)
		return false;
	f->segs = clamp_t(u32, segs, 1, U16_MAX);
	return true;
}

static bool prove_gso(struct sluice_frame *f, const struct sluice_flow_key *key, const u8 *data,
		      u32 seen, u32 len)
{
	bool inner = f->csum == SLUICE_CSUM_INNER;
	u32 payload, start;

	if (f->gso == SLUICE_GSO_UNKNOWN || f->at.end != len)
		return false;
	if (f->flags & SLUICE_FRAME_ECN && gso_is_udp(f))
		return false;
	payload = inner ? gso_inner(f, data, seen) : gso_outer(f, key, data, seen);
	if (!payload || payload > len)
		return false;
	f->hdrs = payload;
	/* GSO_BY_FRAGS: the number is the host's own. */
	if (f->gso_size == U16_MAX) {
		f->segs = max_t(u16, f->segs, 1);
		return f->gso == SLUICE_GSO_SCTP && !(f->flags & SLUICE_FRAME_GUEST);
	}
	if (!f->gso_size || f->gso == SLUICE_GSO_SCTP)
		return false;
	start = payload;
	if (f->gso == SLUICE_GSO_UFO) {
		/* The first fragment alone has the L4 header, and it counts as payload. */
		start = payload - UDP_HDR;
		f->hdrs = start + (key->eth_type == ETH_P_IPV6 ? IPV6_FRAG_HDR : 0);
	}
	return gso_sized(f, len - start);
}

/* Kept apart, so that what most frames take needs no registers saved. */
static noinline bool prove_segments(struct sluice_frame *f, const struct sluice_flow_key *key,
				    const u8 *data, u32 seen, u32 len)
{
	if (!prove_gso(f, key, data, seen, len))
		return false;
	/* One piece is one packet. Of the host's own the skb stays what it is. */
	if (f->segs == 1 && f->flags & SLUICE_FRAME_GUEST) {
		f->gso = SLUICE_GSO_NONE;
		f->hdrs = 0;
		return !f->at.unsized;
	}
	return true;
}

bool sluice_frame_prove(struct sluice_frame *f, const struct sluice_flow_key *key, const u8 *data,
			u32 seen, u32 len)
{
	f->hdrs = 0;
	if (f->csum && !prove_csum(f, key))
		return false;
	if (f->gso)
		return prove_segments(f, key, data, seen, len);
	f->segs = 1;
	/* Without a length the packet is what its segmentation makes of it. */
	return !f->at.unsized;
}

void sluice_frame_shift(struct sluice_frame *f, int by)
{
	f->at.l2 += by;
	if (f->at.l3)
		f->at.l3 += by;
	if (f->at.l4) {
		f->at.l4 += by;
		f->at.payload += by;
	}
	f->at.min_len += by;
	f->at.end += by;
	if (f->csum)
		f->csum_start += by;
	if (f->hdrs)
		f->hdrs += by;
}
