// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a frame and any claims about it: what is proved keeps within the frame and agrees
 * with the headers, no byte too many is read, and what a guest asks for is bounded.
 */
#include "frame.h"
#include <net/frame.h>

#define CHECK(c) do { if (!(c)) abort(); } while (0)

struct input {
	u8 flags, csum, gso, hidden;
	u16 csum_start, csum_offset, gso_size, segs;
	u8 data[];
};

static void check_csum(const struct sluice_frame *f, const struct sluice_flow_key *key)
{
	CHECK(!key->frag);
	CHECK((u32)f->csum_start + f->csum_offset + 2 <= f->at.end);
	CHECK((u32)f->csum_start + f->csum_offset + 2 <= SLUICE_FRAME_CSUM_WITHIN);
	if (f->csum == SLUICE_CSUM_L4) {
		CHECK(f->at.l4 && f->csum_start == f->at.l4);
		CHECK(f->csum_start + f->csum_offset + 2 <= f->at.payload);
	} else {
		CHECK(f->csum == SLUICE_CSUM_INNER && f->csum_start >= f->at.min_len);
		CHECK(key->ip_proto != IPPROTO_ICMPV6 || !key->l4_ok);
	}
}

static void check_gso(const struct sluice_frame *f, const struct sluice_flow_key *key, u32 seen,
		      u32 len)
{
	CHECK(f->gso < SLUICE_GSO_UNKNOWN && f->gso_size && f->segs && f->at.end == len);
	CHECK(f->csum || f->flags & SLUICE_FRAME_LIST);
	CHECK(f->hdrs && f->hdrs <= seen + 8);
	CHECK(f->hdrs >= f->at.l2);
	CHECK(f->gso_size != U16_MAX || f->gso == SLUICE_GSO_SCTP);
	if (!(f->flags & SLUICE_FRAME_GUEST))
		return;
	CHECK(f->segs > 1 && f->segs <= SLUICE_FRAME_MAX_SEGS);
	CHECK(f->gso != SLUICE_GSO_SCTP);
	if (f->flags & SLUICE_FRAME_TUNNEL)
		return;
	CHECK(key->l4_ok && f->at.l3 && !key->frag && !f->at.solid);
	CHECK((f->gso != SLUICE_GSO_TCPV4 || key->eth_type == ETH_P_IP) &&
	      (f->gso != SLUICE_GSO_TCPV6 || key->eth_type == ETH_P_IPV6));
}

/* A limit makes room for what a guest claims. */
static void check_claims(const struct sluice_frame *claims, const struct sluice_frame *f, u32 len)
{
	u32 segs, bytes = sluice_frame_claims(claims, len, &segs);

	CHECK(segs);
	/* No ring has tunnels to be segmented, or lists. */
	if (!(f->flags & SLUICE_FRAME_GUEST) ||
	    f->flags & (SLUICE_FRAME_TUNNEL | SLUICE_FRAME_LIST))
		return;
	CHECK(segs >= f->segs && bytes >= len + (f->segs - 1) * f->hdrs);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct sluice_flow_key key = {};
	struct sluice_frame f = {}, claims;
	u32 len, seen;
	struct input in;
	u8 *copy;

	if (size < sizeof(in))
		return 0;
	memcpy(&in, data, sizeof(in));
	len = size - sizeof(in);
	seen = len - min_t(u32, len, in.hidden);
	copy = malloc(seen ?: 1);
	memcpy(copy, data + sizeof(in), seen);
	f.flags = in.flags & 0x1f;
	f.csum = in.csum & 1;
	f.gso = min_t(u8, in.gso & 7, SLUICE_GSO_UNKNOWN);
	f.csum_start = in.csum_start;
	f.csum_offset = in.csum_offset;
	f.gso_size = in.gso_size;
	f.segs = in.segs;
	claims = f;
	if (!sluice_parse(copy, seen, len, &key, &f.at) &&
	    !sluice_frame_check(&f, &key, copy, seen, len)) {
		CHECK(f.segs && (f.gso || (f.segs == 1 && !f.hdrs)));
		CHECK(!f.at.unsized || f.gso);
		if (f.csum)
			check_csum(&f, &key);
		if (f.gso)
			check_gso(&f, &key, seen, len);
		check_claims(&claims, &f, len);
		sluice_frame_flow(&key);
	}
	free(copy);
	return 0;
}
