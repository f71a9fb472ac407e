// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making messages for the netlink fuzz target: from the family's own policies, with values that
 * mean something, so that what lies behind the policies is reached. libFuzzer's own changes of
 * bytes come on top.
 */
#include <linux/etherdevice.h>
#include <linux/if_ether.h>
#include "netlink_gen.h"
#include "fuzz_netlink_make.h"

#define STEER_SOCKET 0x1
#define STEER_INCAPABLE 0x2
#define STEER_CLOSE 0x4
#define STEER_FAIL_MASK 0x3f
#define HEADERS (NLMSG_HDRLEN + GENL_HDRLEN)

u32 message_len(const u8 *data, size_t size)
{
	u32 len;

	memcpy(&len, data, sizeof(len));
	return min_t(size_t, max_t(u32, len, HEADERS), size);
}

void message_steer(const struct nlmsghdr *nlh, struct steer *steer)
{
	steer->socket = nlh->nlmsg_pid & STEER_SOCKET;
	steer->incapable = nlh->nlmsg_pid & STEER_INCAPABLE;
	steer->close = nlh->nlmsg_pid & STEER_CLOSE;
	steer->alloc_fail = nlh->nlmsg_type & STEER_FAIL_MASK;
}

/* --- chance --- */

static u64 chance_state;

static u32 rnd(u32 below)
{
	chance_state = chance_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (chance_state >> 33) % below;
}

#define pick(a) ((a)[rnd(ARRAY_SIZE(a))])

/* --- attributes --- */

static u8 made[2048];
static u32 made_len;

static void put(const void *p, u32 len)
{
	if (made_len + len > sizeof(made))
		return;
	memcpy(made + made_len, p, len);
	made_len += len;
}

static struct nlattr *open_attr(int type)
{
	static struct nlattr spill;
	struct nlattr nla = { NLA_HDRLEN, type };
	u32 at = made_len;

	put(&nla, sizeof(nla));
	return made_len == at ? &spill : (struct nlattr *)(made + at);
}

static void close_attr(struct nlattr *nla)
{
	static const u8 zeros[NLA_ALIGNTO];
	u32 len;

	if ((u8 *)nla < made || (u8 *)nla >= made + sizeof(made))
		return;
	len = made + made_len - (u8 *)nla;
	nla->nla_len = len;
	put(zeros, NLA_ALIGN(len) - len);
}

/* What the message at hand is about, so that its parts fit each other; all zero: anything goes. */
static struct {
	u16 eth_type;
	u8 proto;
	u8 addr_len;
	/* Which fields the key of a flow has. */
	u32 key;
} theme;

static void choose_theme(void)
{
	static const u8 ipv4[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMP, 47 };
	static const u8 ipv6[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_ICMPV6, 47 };

	memset(&theme, 0, sizeof(theme));
	switch (rnd(6)) {
	case 0:
		return;
	case 1:
		theme.eth_type = ETH_P_ARP;
		theme.addr_len = 4;
		return;
	case 2:
	case 3:
		theme.eth_type = ETH_P_IP;
		theme.addr_len = 4;
		theme.proto = pick(ipv4);
		return;
	}
	theme.eth_type = ETH_P_IPV6;
	theme.addr_len = 16;
	theme.proto = pick(ipv6);
}

/* Fields of access rules and of a flow's match that go with one protocol only. */
enum fit { FIT_ALL, FIT_MUST, FIT_IP, FIT_ARP, FIT_PORTS, FIT_TCP, FIT_ICMP };

static const u8 match_fit[SLUICE_A_MATCH_MAX + 1] = {
	[SLUICE_A_MATCH_ETH_TYPE] = FIT_MUST,  [SLUICE_A_MATCH_PROTO] = FIT_MUST,
	[SLUICE_A_MATCH_TOS] = FIT_IP,	       [SLUICE_A_MATCH_TTL] = FIT_IP,
	[SLUICE_A_MATCH_FRAG] = FIT_IP,	       [SLUICE_A_MATCH_SPORT] = FIT_PORTS,
	[SLUICE_A_MATCH_DPORT] = FIT_PORTS,    [SLUICE_A_MATCH_TCP_FLAGS] = FIT_TCP,
	[SLUICE_A_MATCH_ICMP_TYPE] = FIT_ICMP, [SLUICE_A_MATCH_ICMP_CODE] = FIT_ICMP,
	[SLUICE_A_MATCH_ARP_OP] = FIT_ARP,
};

static const u8 acl_fit[SLUICE_A_ACL_MAX + 1] = {
	[SLUICE_A_ACL_DIR] = FIT_MUST,	      [SLUICE_A_ACL_PRIO] = FIT_MUST,
	[SLUICE_A_ACL_VERDICT] = FIT_MUST,    [SLUICE_A_ACL_PROTO] = FIT_MUST,
	[SLUICE_A_ACL_SRC] = FIT_IP,	      [SLUICE_A_ACL_DST] = FIT_IP,
	[SLUICE_A_ACL_SPORT_MIN] = FIT_PORTS, [SLUICE_A_ACL_DPORT_MIN] = FIT_PORTS,
	[SLUICE_A_ACL_SPORT_MAX] = FIT_PORTS, [SLUICE_A_ACL_DPORT_MAX] = FIT_PORTS,
	[SLUICE_A_ACL_ICMP_TYPE] = FIT_ICMP,  [SLUICE_A_ACL_ICMP_CODE] = FIT_ICMP,
	[SLUICE_A_ACL_TCP_FLAGS] = FIT_TCP,   [SLUICE_A_ACL_TCP_MASK] = FIT_TCP,
};

static const struct nla_policy *acl_policy;

/* 0: leave it out, 1: it must be there, 2: as chance has it. */
static int fits(const struct nla_policy *policy, int type)
{
	const u8 *table = policy == sluice_match_nl_policy ? match_fit :
			  policy == acl_policy		   ? acl_fit :
							     NULL;
	const bool ports = theme.proto == IPPROTO_TCP || theme.proto == IPPROTO_UDP ||
			   theme.proto == IPPROTO_SCTP;

	if (!table || !theme.eth_type || !rnd(32))
		return 2;
	switch (table[type]) {
	case FIT_MUST:
		return table != match_fit || type != SLUICE_A_MATCH_PROTO || theme.proto;
	case FIT_IP:
		return theme.proto ? 2 : 0;
	case FIT_ARP:
		return theme.proto ? 0 : 2;
	case FIT_PORTS:
		return ports ? 2 : 0;
	case FIT_TCP:
		return theme.proto == IPPROTO_TCP ? 2 : 0;
	case FIT_ICMP:
		return theme.proto == IPPROTO_ICMP || theme.proto == IPPROTO_ICMPV6 ? 2 : 0;
	}
	return 2;
}

/* -1: no value of the theme's. */
static s64 themed(const struct nla_policy *policy, int type)
{
	if (!theme.eth_type)
		return -1;
	if (policy == sluice_match_nl_policy) {
		switch (type) {
		case SLUICE_A_MATCH_ETH_TYPE:
			return theme.eth_type;
		case SLUICE_A_MATCH_PROTO:
			return theme.proto;
		case SLUICE_A_MATCH_VLAN:
		case SLUICE_A_MATCH_CVLAN:
			return 0x1000 | rnd(4);
		}
	}
	if (policy == acl_policy && type == SLUICE_A_ACL_ETH_TYPE)
		return theme.eth_type;
	return policy == acl_policy && type == SLUICE_A_ACL_PROTO ? theme.proto : -1;
}

static u64 number(const struct nla_policy *policy, int type, bool mask)
{
	static const u64 values[] = { 6,	8,	    17,	       24,     32,     58,
				      64,	80,	    128,       132,    135,    1000,
				      ETH_P_IP, ETH_P_IPV6, ETH_P_ARP, 0x1005, 0x3005, 1000000,
				      U32_MAX,	1ULL << 40, ~0ULL };
	static const u64 masks[] = { ~0ULL, ~0ULL, ~0ULL, ~0ULL, 0, 0x1000, 0xf000, 0xff00, 1 };
	const struct nla_policy *pt = &policy[type];
	s64 known;

	if (mask)
		return pick(masks);
	known = themed(policy, type);
	if (known >= 0 && rnd(32))
		return known;
	if ((pt->validation_type == NLA_VALIDATE_RANGE ||
	     pt->validation_type == NLA_VALIDATE_MAX) &&
	    pt->max >= pt->min && rnd(8))
		return pt->min + rnd(min(pt->max - pt->min + 1, 64));
	if (rnd(2))
		return rnd(4) + (pt->validation_type == NLA_VALIDATE_MIN ? pt->min : 0);
	return rnd(8) ? pick(values) : rnd(U32_MAX);
}

static void put_bytes(u32 len, bool mask)
{
	static const u8 starts[] = { 0, 0, 2, 10, 192, 0xfe, 0xff };
	u8 bytes[16] = {};

	bytes[0] = pick(starts);
	bytes[len - 1] = rnd(2) ? rnd(4) : 0;
	if (mask)
		memset(bytes, 0xff, rnd(4) ? len : rnd(len + 1));
	put(bytes, len);
}

static void put_attrs(const struct nla_policy *policy, int max, bool mask);

static void put_value(const struct nla_policy *policy, int type, bool mask)
{
	static const char names[][8] = { "vm0",	 "vm0",	 "vm1", "up0", "eth1",
					 "new0", "new1", "a/b", "" };
	const struct nla_policy *pt = &policy[type];
	u64 n = number(policy, type, mask);
	const char *name;

	switch (pt->type) {
	case NLA_U8:
		put(&n, sizeof(u8));
		break;
	case NLA_U16:
		put(&n, sizeof(u16));
		break;
	case NLA_U32:
		put(&n, sizeof(u32));
		break;
	case NLA_UINT:
		put(&n, n > U32_MAX ? sizeof(u64) : sizeof(u32));
		break;
	case NLA_NUL_STRING:
		name = pick(names);
		put(name, strlen(name) + 1);
		break;
	case NLA_BINARY:
		put_bytes(pt->max && pt->max <= 16 ? pt->max :
			  theme.addr_len	   ?:
			  rnd(2)		   ? 4 :
						     16,
			  mask);
		break;
	case NLA_NESTED:
		put_attrs(pt->nested_policy, pt->len, mask);
		break;
	}
}

static void put_attr(const struct nla_policy *policy, int type, bool mask)
{
	struct nlattr *nla = open_attr(type | (policy[type].type == NLA_NESTED ? NLA_F_NESTED : 0));

	put_value(policy, type, mask);
	close_attr(nla);
}

/* A flow must end somewhere. */
static void put_acts(void)
{
	static const u8 ends[] = { SLUICE_A_ACT_OUTPUT, SLUICE_A_ACT_OUTPUT, SLUICE_A_ACT_SLOW,
				   SLUICE_A_ACT_DROP };
	u32 n = rnd(3) ? rnd(3) : rnd(18);

	while (n--)
		put_attr(sluice_act_nl_policy, 1 + rnd(SLUICE_A_ACT_IFINDEX), false);
	put_attr(sluice_act_nl_policy, pick(ends), false);
}

/* Does the attribute, of @max, go into the message? */
static bool wanted(const struct nla_policy *policy, int type, u32 density, bool mask)
{
	int fit;

	if (policy[type].type == NLA_UNSPEC)
		return false;
	if (mask && rnd(32))
		return (theme.key & BIT(type)) && !rnd(3);
	fit = fits(policy, type);
	return fit == 1 || (fit == 2 && (rnd(4) < density || (type <= 2 && rnd(8))));
}

static void put_attrs(const struct nla_policy *policy, int max, bool mask)
{
	/* Few, some, nearly all. */
	const u32 density = 1 + rnd(4);
	int type;

	if (policy == sluice_act_nl_policy) {
		put_acts();
		return;
	}
	for (type = 1; type <= max; type++) {
		const bool match = policy[type].type == NLA_NESTED &&
				   policy[type].nested_policy == sluice_match_nl_policy;

		if (!wanted(policy, type, density, mask))
			continue;
		if (policy == sluice_match_nl_policy && !mask)
			theme.key |= BIT(type);
		put_attr(policy, type, mask || (match && type == SLUICE_A_FLOW_MASK));
		/* Guards have several. */
		while (!mask && !rnd(16))
			put_attr(policy, type, mask);
	}
}

static void make_message(void)
{
	const struct genl_split_ops *op =
		&sluice_nl_family.split_ops[rnd(sluice_nl_family.n_split_ops)];
	struct nlmsghdr nlh = { .nlmsg_flags = NLM_F_REQUEST };
	struct genlmsghdr genl = { .cmd = op->cmd, .version = 1 };

	/* What a flow needs is the longest to find. */
	if (!rnd(3))
		genl.cmd = rnd(2) ? SLUICE_CMD_FLOW_ADD :
			   rnd(2) ? SLUICE_CMD_ACL_ADD :
				    SLUICE_CMD_TXN_BEGIN + rnd(3);
	for (op = sluice_nl_family.split_ops; op->cmd != genl.cmd; op++)
		;
	if ((op->flags & GENL_CMD_CAP_DUMP) || !rnd(16))
		nlh.nlmsg_flags |= NLM_F_DUMP;
	if (!rnd(8))
		nlh.nlmsg_type = rnd(rnd(2) ? 8 : STEER_FAIL_MASK + 1);
	if (!rnd(8))
		nlh.nlmsg_pid = rnd(8);
	if (genl.cmd == SLUICE_CMD_ACL_ADD)
		acl_policy = op->policy;
	choose_theme();
	made_len = 0;
	put(&nlh, sizeof(nlh));
	put(&genl, sizeof(genl));
	if (op->maxattr)
		put_attrs(op->policy, op->maxattr, false);
	memcpy(made, &made_len, sizeof(made_len));
}

/* --- inputs --- */

/* Where the @n-th message begins; @size if there are not so many. */
static size_t message_at(const u8 *data, size_t size, u32 n)
{
	size_t at = 0;

	while (n-- && size - at >= HEADERS)
		at += min_t(size_t, NLMSG_ALIGN(message_len(data + at, size - at)), size - at);
	return at;
}

static size_t splice(u8 *data, size_t size, size_t max, size_t from, size_t to)
{
	if (size - (to - from) + made_len > max)
		return size;
	memmove(data + from + made_len, data + to, size - to);
	memcpy(data + from, made, made_len);
	return size - (to - from) + made_len;
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed)
{
	size_t from, to;

	chance_state = seed;
	rnd(2);
	if (size && !rnd(3))
		return LLVMFuzzerMutate(data, size, max);
	from = message_at(data, size, rnd(8));
	to = from;
	if (from < size && rnd(2))
		to = from +
		     min_t(size_t, NLMSG_ALIGN(message_len(data + from, size - from)), size - from);
	if (to > from && !rnd(3))
		made_len = 0;
	else
		make_message();
	/* Back to back they stay aligned. */
	while (made_len % NLMSG_ALIGNTO)
		made[made_len++] = 0;
	return splice(data, size, max, from, to);
}
