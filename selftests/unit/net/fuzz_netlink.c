// SPDX-License-Identifier: GPL-2.0-only
/*
 * Any netlink messages, one after the other, to the whole family. Besides not failing the
 * sanitizers: a refusal says why, and changes nothing; a transaction that is refused changes
 * nothing either; what a dump tells makes the same state when it is sent as commands.
 *
 * The fields of a message's header that the kernel gives no meaning steer the host: see struct
 * steer.
 */
#include "netlink_host.h"
#include "fuzz_netlink_make.h"

#define MAX_MESSAGES 64
#define DUMP_MAX (1 << 18)

#define CHECK(c)                                                                \
	do {                                                                    \
		if (!(c)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c); \
			abort();                                                \
		}                                                               \
	} while (0)

/* The order is that in which a state can be built. */
static const struct showing {
	u8 get;
	u8 add;
} showings[] = {
	{ SLUICE_CMD_METER_GET, SLUICE_CMD_METER_ADD },
	{ SLUICE_CMD_GUARD_GET, SLUICE_CMD_GUARD_SET },
	{ SLUICE_CMD_ACL_GET, SLUICE_CMD_ACL_ADD },
	{ SLUICE_CMD_RATE_GET, SLUICE_CMD_RATE_SET },
	{ SLUICE_CMD_FLOW_GET, SLUICE_CMD_FLOW_ADD },
	{ SLUICE_CMD_PORT_GET, 0 },
	{ SLUICE_CMD_WORKER_GET, 0 },
	{ SLUICE_CMD_STATS_GET, 0 },
};

struct snapshot {
	u32 len[ARRAY_SIZE(showings)];
	u8 data[ARRAY_SIZE(showings)][DUMP_MAX];
};

static struct snapshot before, after;

/* --- as the kernel delivers a message --- */

static const struct genl_split_ops *find_op(u8 cmd, u8 cap)
{
	unsigned int i;

	for (i = 0; i < sluice_nl_family.n_split_ops; i++)
		if (sluice_nl_family.split_ops[i].cmd == cmd &&
		    (sluice_nl_family.split_ops[i].flags & cap))
			return &sluice_nl_family.split_ops[i];
	return NULL;
}

/* Fills @to with all that a dump tells, in buffers of @size bytes; a negative errno. */
static int run_dump(struct netlink_callback *cb, const struct genl_split_ops *op, unsigned int size,
		    u8 *to, u32 *total)
{
	int err;

	do {
		struct sk_buff *skb = calloc(1, sizeof(*skb) + size);

		*skb = (struct sk_buff){ .sk = &host_sock[0],
					 .data = (u8 *)(skb + 1),
					 .head = (u8 *)(skb + 1),
					 .size = size };
		err = op->dumpit(skb, cb);
		CHECK(!shim_rtnl);
		/* A buffer in which nothing at all has room would end the dump. */
		CHECK(err != -EMSGSIZE || skb->len);
		CHECK(*total + skb->len <= DUMP_MAX);
		memcpy(to + *total, skb->data, skb->len);
		*total += skb->len;
		kfree(skb);
	} while (err == -EMSGSIZE);
	return err;
}

static int deliver_dump(struct sk_buff *skb, const struct nlmsghdr *nlh,
			const struct genl_split_ops *op, struct nlattr **attrs,
			struct netlink_ext_ack *extack, unsigned int size, u8 *to, u32 *total)
{
	struct genl_dumpit_info info = {
		.op = *op,
		.info = { .family = &sluice_nl_family,
			  .nlhdr = nlh,
			  .genlhdr = nlmsg_data(nlh),
			  .attrs = attrs,
			  ._net = { &host_net },
			  .extack = extack,
			  .snd_seq = nlh->nlmsg_seq },
	};
	struct netlink_callback cb = { .skb = skb, .nlh = nlh, .extack = extack, .data = &info };
	int err;

	*total = 0;
	err = op->start ? op->start(&cb) : 0;
	return err ?: run_dump(&cb, op, size, to, total);
}

static int deliver_do(struct sk_buff *skb, const struct nlmsghdr *nlh,
		      const struct genl_split_ops *op, struct nlattr **attrs,
		      struct netlink_ext_ack *extack)
{
	struct genl_info info = {
		.snd_seq = nlh->nlmsg_seq,
		.snd_portid = NETLINK_CB(skb).portid,
		.family = &sluice_nl_family,
		.nlhdr = nlh,
		.genlhdr = nlmsg_data(nlh),
		.attrs = attrs,
		._net = { &host_net },
		.extack = extack,
	};
	/* As in the kernel, it is gone when the command was handled. */
	struct genl_split_ops copy = *op;
	int err = op->pre_doit(&copy, skb, &info);

	if (err)
		return err;
	err = op->doit(skb, &info);
	op->post_doit(&copy, skb, &info);
	return err;
}

/* @to: for what a dump tells. 1: the kernel's core refuses it, in its own words. */
static int deliver(const struct nlmsghdr *nlh, unsigned int socket, struct netlink_ext_ack *extack,
		   unsigned int size, u8 *to, u32 *total)
{
	const struct genlmsghdr *hdr = nlmsg_data(nlh);
	struct sk_buff skb = { .sk = &host_sock[socket], .data = (u8 *)nlh, .len = nlh->nlmsg_len };
	const bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	const struct genl_split_ops *op;
	struct nlattr **attrs = NULL;
	int err = 0;

	NETLINK_CB(&skb).portid = socket + 1;
	NETLINK_CB(&skb).sk = &host_sock[socket];
	if (nlh->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN || hdr->reserved)
		return 1;
	op = find_op(hdr->cmd, dump ? GENL_CMD_CAP_DUMP : GENL_CMD_CAP_DO);
	if (!op || ((op->flags & GENL_ADMIN_PERM) && !host_capable))
		return 1;
	if (op->maxattr) {
		attrs = calloc(op->maxattr + 1, sizeof(*attrs));
		err = __nlmsg_parse(nlh, GENL_HDRLEN, attrs, op->maxattr, op->policy,
				    NL_VALIDATE_STRICT, extack);
	}
	if (err)
		err = 1;
	else if (dump)
		err = deliver_dump(&skb, nlh, op, attrs, extack, size, to, total);
	else
		err = deliver_do(&skb, nlh, op, attrs, extack);
	CHECK(!shim_rtnl);
	free(attrs);
	return err;
}

/* --- what must hold --- */

static bool inside(const struct nlmsghdr *nlh, const void *p)
{
	return !p || ((const u8 *)p >= (const u8 *)nlh &&
		      (const u8 *)p < (const u8 *)nlh + nlh->nlmsg_len);
}

/* The kernel makes offsets of these, and has a warning for others. */
static void check_refusal(const struct nlmsghdr *nlh, const struct netlink_ext_ack *extack, int err,
			  bool no_memory)
{
	CHECK(inside(nlh, extack->bad_attr) && inside(nlh, extack->miss_nest));
	if (err >= 0)
		return;
	CHECK(err > -4096);
	if (err == -ENOMEM || err == -EMSGSIZE) {
		CHECK(no_memory);
		return;
	}
	CHECK(extack->_msg || extack->miss_type);
	CHECK(!extack->_msg || *extack->_msg);
}

static void take_dump(u8 cmd, unsigned int size, u8 *to, u32 *total)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
	} m = { { sizeof(m), 0, NLM_F_REQUEST | NLM_F_DUMP }, { cmd } };
	struct netlink_ext_ack extack = {};

	CHECK(!deliver(&m.nlh, 0, &extack, size, to, total));
}

static void take_snapshot(struct snapshot *s)
{
	const bool capable = host_capable;
	unsigned int i;

	host_capable = true;
	for (i = 0; i < ARRAY_SIZE(showings); i++)
		take_dump(showings[i].get, 16384, s->data[i], &s->len[i]);
	host_capable = capable;
}

static bool same_snapshot(unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (before.len[i] != after.len[i] ||
		    memcmp(before.data[i], after.data[i], before.len[i]))
			return false;
	return true;
}

/* Small buffers, with room for one of anything, tell the same as one large one. */
static void check_paging(void)
{
	static u8 paged[DUMP_MAX];
	unsigned int i;
	u32 len;

	for (i = 0; i < ARRAY_SIZE(showings); i++) {
		take_dump(showings[i].get, 2048, paged, &len);
		CHECK(len == after.len[i] && !memcmp(paged, after.data[i], len));
	}
}

/* --- a dump, sent as commands --- */

/* False: it tells what no command can ask for. */
static bool replay_one(const struct nlmsghdr *told, u8 add)
{
	static u8 buf[16384];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct genlmsghdr *genl = (struct genlmsghdr *)(buf + NLMSG_HDRLEN);
	const struct genl_split_ops *op;
	struct netlink_ext_ack extack = {};
	const struct nlattr *nla;
	int rem, err;

	if (add == SLUICE_CMD_ACL_ADD && nlmsg_find_attr(told, GENL_HDRLEN, SLUICE_A_ACL_DEFAULT))
		add = SLUICE_CMD_ACL_SET_DEFAULT;
	if (add == SLUICE_CMD_FLOW_ADD &&
	    nlmsg_find_attr(told, GENL_HDRLEN, SLUICE_A_FLOW_INACTIVE))
		return false;
	op = find_op(add, GENL_CMD_CAP_DO);
	memset(buf, 0, sizeof(buf));
	*nlh = (struct nlmsghdr){ NLMSG_HDRLEN + GENL_HDRLEN, 0, NLM_F_REQUEST };
	genl->cmd = add;
	nlmsg_for_each_attr(nla, told, GENL_HDRLEN, rem) {
		if (nla_type(nla) > op->maxattr || op->policy[nla_type(nla)].type == NLA_UNSPEC)
			continue;
		memcpy(buf + nlh->nlmsg_len, nla, nla->nla_len);
		nlh->nlmsg_len += NLA_ALIGN(nla->nla_len);
	}
	err = deliver(nlh, 0, &extack, 0, NULL, NULL);
	if (err)
		fprintf(stderr, "command %u: %d %s\n", add, err, extack._msg);
	CHECK(!err);
	host_bury();
	return true;
}

static void check_replay(void)
{
	unsigned int i, nr = 0;
	bool all = true;
	u32 at;

	host_close(1);
	host_close(2);
	host_capable = true;
	take_snapshot(&before);
	host_forget_policy();
	for (i = 0; i < ARRAY_SIZE(showings) && showings[i].add; i++, nr++) {
		for (at = 0; at < before.len[i];) {
			const struct nlmsghdr *told =
				(const struct nlmsghdr *)(before.data[i] + at);

			all = replay_one(told, showings[i].add) && all;
			at += NLMSG_ALIGN(told->nlmsg_len);
		}
	}
	take_snapshot(&after);
	CHECK(!all || same_snapshot(nr));
	check_paging();
}

/* --- one input --- */

static void run_message(const struct nlmsghdr *nlh, const struct steer *steer)
{
	static u8 told[DUMP_MAX];
	struct netlink_ext_ack extack = {};
	bool no_memory;
	u32 total;
	int err;

	host_capable = !steer->incapable;
	host_undo_failed = false;
	take_snapshot(&before);
	shim_alloc_fail = steer->alloc_fail - 1;
	err = deliver(nlh, steer->socket, &extack, 16384, told, &total);
	no_memory = steer->alloc_fail && shim_alloc_fail < 0;
	shim_alloc_fail = -1;
	check_refusal(nlh, &extack, err, no_memory);
	host_bury();
	if (steer->close)
		host_close(steer->socket + 1);
	CHECK(!host_undo_failed || no_memory);
	if (!err || host_undo_failed)
		return;
	take_snapshot(&after);
	CHECK(same_snapshot(ARRAY_SIZE(showings)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned int n = 0;

	host_start();
	while (size >= NLMSG_HDRLEN + GENL_HDRLEN && n++ < MAX_MESSAGES) {
		struct nlmsghdr *nlh;
		struct steer steer;
		u32 len;

		len = message_len(data, size);
		/* A copy of its own size, so that nobody reads behind it. */
		nlh = malloc(len);
		memcpy(nlh, data, len);
		nlh->nlmsg_len = len;
		message_steer(nlh, &steer);
		run_message(nlh, &steer);
		free(nlh);
		data += min_t(size_t, NLMSG_ALIGN(len), size);
		size -= min_t(size_t, NLMSG_ALIGN(len), size);
	}
	check_replay();
	host_stop();
	return 0;
}
