// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any bytes as a frame: the parser reads no byte too many, leaves none undefined, and keeps its
 * promises; the guard and the access list judge whatever comes out.
 */
#include "frame.h"
#include "net/control.h"
#include "net/acl.h"
#include "net/guard.h"
#include "net/parse.h"

void sluice_reclaim(struct sluice_reclaim *r)
{
	r->release(r);
}

#define CHECK(c) do { if (!(c)) abort(); } while (0)

static void check_places(const struct sluice_flow_key *key, const struct sluice_parsed *p, u32 len,
			 u32 frame_len)
{
	CHECK(p->min_len >= ETH_HLEN && p->min_len <= len);
	CHECK(!p->l3 || (p->l3 >= ETH_HLEN && p->l3 < p->min_len));
	CHECK(p->l2 >= ETH_HLEN && p->l2 <= p->min_len && (!p->l3 || p->l3 == p->l2));
	CHECK(p->end >= p->min_len && p->end <= frame_len);
	CHECK(p->l4 || !key->l4_ok);
	CHECK(!p->l4 || (p->l4 > p->l3 && p->payload >= p->l4 + 8 && p->payload <= p->min_len));
	CHECK(key->l4_ok || (!key->sport && !key->dport && !key->tcp_flags));
	CHECK(!(key->frag & SLUICE_FRAG_LATER) || !key->l4_ok);
	CHECK(key->frag != SLUICE_FRAG_LATER && !(key->frag & ~SLUICE_FRAG_MASK));
	CHECK(key->eth_type >= ETH_P_802_3_MIN - 1);
	CHECK(!(key->option & SLUICE_OPTION_DHCP) ||
	      (key->l4_ok && key->dport == 67 && !key->frag && key->eth_type == ETH_P_IP));
}

static void check_policy(const struct sluice_flow_key *key)
{
	static const struct sluice_guard guard = { .nr_mac = 1,
						   .nr_prefix = 2,
						   .prefix = { { .family = AF_INET },
							       { .family = AF_INET6 } } };
	static const struct sluice_guard strict = {
		.strict = true,
		.nr_mac = 1,
		.nr_prefix = 1,
		.prefix = { { .family = AF_INET } },
	};
	static struct sluice_acl acl;
	struct sluice_counter *hits = NULL;
	enum sluice_drop why;

	CHECK(sluice_guard_check(&guard, key) <= SLUICE_DROP_GUARD_ND);
	/* What a strict guard passes has no tag, and is of a kind that was judged. */
	if (sluice_guard_check(&strict, key) == SLUICE_DROP_NONE &&
	    !(sluice_control_kind(key) & SLUICE_CONTROL_ALL))
		CHECK(!key->vlan[0] && !(key->option & SLUICE_OPTION_ROUTE) &&
		      (key->eth_type == ETH_P_IP || key->eth_type == ETH_P_ARP ||
		       key->eth_type == ETH_P_RARP));
	sluice_acl_check(&acl, key, &hits, &why);
	CHECK(hits == &acl.default_hits);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct sluice_flow_key key, again;
	struct sluice_parsed p, p_again;
	enum sluice_drop why;
	u32 len, frame_len;
	u8 *copy;

	/* Two bytes say how much of the frame is missing, and how much of it cannot be read. */
	if (size < 2)
		return 0;
	frame_len = size - 2 + (data[0] & 1 ? data[0] * 256 : 0);
	len = size - 2;
	len -= min_t(u32, len, data[1]);
	copy = malloc(len ?: 1);
	memcpy(copy, data + 2, len);

	memset(&key, 0, sizeof(key));
	memset(&p, 0, sizeof(p));
	why = sluice_parse(copy, len, frame_len, &key, &p);
	memset(&again, 0xff, sizeof(again));
	memset(&p_again, 0xff, sizeof(p_again));
	again.in_port = 0;
	CHECK(sluice_parse(copy, len, frame_len, &again, &p_again) == why);
	CHECK(!memcmp(&key, &again, sizeof(key)) && !memcmp(&p, &p_again, sizeof(p)));
	if (why == SLUICE_DROP_NONE) {
		check_places(&key, &p, len, frame_len);
		check_policy(&key);
	} else {
		CHECK(why == (key.frag ? SLUICE_DROP_FRAGMENT : SLUICE_DROP_MALFORMED));
	}
	free(copy);
	return 0;
}
