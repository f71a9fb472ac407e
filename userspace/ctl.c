// SPDX-License-Identifier: GPL-2.0-only
/* Transport: all that knows of sockets and of the kernel's way to refuse. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sluice.h"

/* What the kernel fills at most with one buffer of a dump. */
#define RECV_SIZE (64 * 1024)
/* Changes of a transaction travel together. */
#define SEND_SIZE (64 * 1024)
/* What a refusal may take of the socket's buffer: those for which there is no room get lost. */
#define ANSWER_SIZE 2048

static struct nl_sock *sock;
static int family;
static uint32_t next_seq = 1;
static char *recv_buf;

/* --- the socket ------------------------------------------------------------------------------ */

static void set_option(int option, int value)
{
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, option, &value, sizeof(value));
}

static bool open_failed(const char *what, int err)
{
	complain("%s: %s", what, nl_geterror(err));
	ctl_close();
	return false;
}

bool ctl_there(void)
{
	struct nl_sock *sk = nl_socket_alloc();
	bool there = sk && genl_connect(sk) >= 0 && genl_ctrl_resolve(sk, SLUICE_FAMILY_NAME) >= 0;

	if (sk)
		nl_socket_free(sk);
	return there;
}

bool ctl_open(void)
{
	int err;

	if (sock)
		return true;
	sock = nl_socket_alloc();
	if (!sock)
		return open_failed("cannot make a socket", -NLE_NOMEM);
	err = genl_connect(sock);
	if (err < 0)
		return open_failed("cannot open a netlink socket", err);
	family = genl_ctrl_resolve(sock, SLUICE_FAMILY_NAME);
	if (family < 0) {
		complain("the kernel knows nothing of Sluice: modprobe -a sluice_net sluice_blk");
		ctl_close();
		return false;
	}
	set_option(NETLINK_EXT_ACK, 1);
	set_option(NETLINK_CAP_ACK, 1);
	nl_socket_set_buffer_size(sock, 4 << 20, 4 << 20);
	recv_buf = xcalloc(1, RECV_SIZE);
	return true;
}

void ctl_close(void)
{
	if (sock)
		nl_socket_free(sock);
	sock = NULL;
	free(recv_buf);
	recv_buf = NULL;
}

struct nl_msg *ctl_new(int cmd)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, next_seq++, family, 0,
				 NLM_F_REQUEST | NLM_F_ACK, cmd, SLUICE_FAMILY_VERSION))
		abort();
	return msg;
}

static bool send_bytes(const void *data, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(nl_socket_get_fd(sock), data, len, 0, (struct sockaddr *)&kernel,
		   sizeof(kernel)) >= 0)
		return true;
	complain("sending to the kernel: %s", strerror(errno));
	return false;
}

/* Bytes received; -1 with a complaint. */
static int receive(void)
{
	int len;

	do {
		len = recv(nl_socket_get_fd(sock), recv_buf, RECV_SIZE, 0);
	} while (len < 0 && errno == EINTR);
	if (len < 0)
		complain("receiving from the kernel: %s", strerror(errno));
	return len;
}

/* --- refusals -------------------------------------------------------------------------------- */

/**
 * struct refusal - why the kernel did not do it
 * @error: positive errno
 * @text: its words; "" if it had none
 * @cookie: of a commit: number of the change that was refused; 0 if there is none
 * @offset: of the attribute that is out of its range, in the request; 0 if none is
 */
struct refusal {
	int error;
	char text[256];
	uint32_t cookie;
	uint32_t offset;
};

/* A number that is out of range: the kernel hands its policy over, and that has the range. */
static void refusal_range(struct refusal *r, struct nlattr *policy)
{
	struct nlattr *tb[NL_POLICY_TYPE_ATTR_MAX + 1];
	const struct nlattr *min, *max;
	size_t len = strlen(r->text);

	if (nla_parse_nested(tb, NL_POLICY_TYPE_ATTR_MAX, policy, NULL))
		return;
	min = tb[NL_POLICY_TYPE_ATTR_MIN_VALUE_U];
	max = tb[NL_POLICY_TYPE_ATTR_MAX_VALUE_U];
	if (min && max)
		snprintf(r->text + len, sizeof(r->text) - len, ": it may be %llu to %llu",
			 (unsigned long long)nla_get_u64(min),
			 (unsigned long long)nla_get_u64(max));
}

static void refusal_attrs(struct refusal *r, struct nlattr *attrs, int len)
{
	struct nlattr *nla, *policy = NULL;
	uint32_t offset = 0;
	int rem;

	nla_for_each_attr(nla, attrs, len, rem) {
		if (nla_type(nla) == NLMSGERR_ATTR_MSG)
			snprintf(r->text, sizeof(r->text), "%.*s", nla_len(nla),
				 (const char *)nla_data(nla));
		else if (nla_type(nla) == NLMSGERR_ATTR_COOKIE && nla_len(nla) == 4)
			memcpy(&r->cookie, nla_data(nla), 4);
		else if (nla_type(nla) == NLMSGERR_ATTR_OFFS && nla_len(nla) == 4)
			memcpy(&offset, nla_data(nla), 4);
		else if (nla_type(nla) == NLMSGERR_ATTR_POLICY)
			policy = nla;
	}
	if (!policy)
		return;
	r->offset = offset;
	refusal_range(r, policy);
}

static void refusal_get(struct refusal *r, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = nlmsg_data(nlh);
	int used = sizeof(*e);

	memset(r, 0, sizeof(*r));
	if (nlh->nlmsg_type == NLMSG_DONE) {
		used = sizeof(int);
		if (nlmsg_datalen(nlh) < used)
			return;
		r->error = -*(const int *)nlmsg_data(nlh);
	} else if (nlmsg_datalen(nlh) >= used) {
		r->error = -e->error;
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			used += e->msg.nlmsg_len - NLMSG_HDRLEN;
	}
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && nlmsg_datalen(nlh) > (int)NLMSG_ALIGN(used))
		refusal_attrs(r, (struct nlattr *)((char *)nlmsg_data(nlh) + NLMSG_ALIGN(used)),
			      nlmsg_datalen(nlh) - NLMSG_ALIGN(used));
}

/* Without words: netlink's own check of who may change what is the host's. */
static const char *refusal_words(int error)
{
	if (error == EPERM)
		return "not permitted: this is the host's and needs CAP_NET_ADMIN over it";
	return strerror(error);
}

static void refusal_print(const struct refusal *r, const char *what)
{
	const char *text = *r->text ? r->text : refusal_words(r->error);

	if (what)
		complain("%s: %s", what, text);
	else
		complain("%s", text);
}

/* --- one request ----------------------------------------------------------------------------- */

/**
 * struct exchange - a request under way
 * @seq: its number
 * @cb: for answers
 * @arg: of @cb
 * @done: the end was seen
 * @interrupted: a dump was flagged as of several moments
 * @refusal: how it ended
 */
struct exchange {
	uint32_t seq;
	void (*cb)(struct nlattr *attrs, int len, void *arg);
	void *arg;
	bool done;
	bool interrupted;
	struct refusal refusal;
};

static void exchange_message(struct exchange *x, struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != x->seq)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		x->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		refusal_get(&x->refusal, nlh);
		x->done = true;
	} else if (nlh->nlmsg_type == family && x->cb) {
		x->cb(genlmsg_attrdata(nlmsg_data(nlh), 0), genlmsg_attrlen(nlmsg_data(nlh), 0),
		      x->arg);
	}
}

static bool exchange_run(struct exchange *x)
{
	struct nlmsghdr *nlh;
	int len;

	while (!x->done) {
		len = receive();
		if (len < 0)
			return false;
		for (nlh = (struct nlmsghdr *)recv_buf; nlmsg_ok(nlh, len) && !x->done;
		     nlh = nlmsg_next(nlh, &len))
			exchange_message(x, nlh);
	}
	return true;
}

static bool exchange(struct nl_msg *msg, struct exchange *x)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	bool ok;

	x->seq = nlh->nlmsg_seq;
	ok = send_bytes(nlh, nlh->nlmsg_len);
	nlmsg_free(msg);
	return ok && exchange_run(x);
}

bool ctl_do(struct nl_msg *msg, void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg)
{
	struct exchange x = { .cb = cb, .arg = arg };

	if (!exchange(msg, &x))
		return false;
	if (x.refusal.error)
		refusal_print(&x.refusal, NULL);
	return !x.refusal.error;
}

/* Which field of an object is an attribute of a request, not of a nest in it? NULL: none. */
static const char *field_at(struct nl_msg *msg, uint32_t offset, const struct object *obj)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct nlattr *nla;
	unsigned int i;
	int rem;

	nlmsg_for_each_attr(nla, nlh, GENL_HDRLEN, rem) {
		if ((char *)nla - (char *)nlh != (ptrdiff_t)offset)
			continue;
		for (i = 0; i < obj->nr_fields; i++) {
			if (obj->fields[i].attr == nla_type(nla))
				return obj->fields[i].name;
		}
	}
	return NULL;
}

bool ctl_change(struct nl_msg *msg, const struct object *obj)
{
	struct exchange x = {};
	bool ok;

	nlmsg_get(msg);
	ok = exchange(msg, &x);
	if (ok && x.refusal.error)
		refusal_print(&x.refusal, field_at(msg, x.refusal.offset, obj));
	nlmsg_free(msg);
	return ok && !x.refusal.error;
}

bool ctl_dump(struct nl_msg *msg, void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg,
	      bool *changed)
{
	struct exchange x = { .cb = cb, .arg = arg };

	nlmsg_hdr(msg)->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	if (!exchange(msg, &x))
		return false;
	if (x.interrupted)
		*changed = true;
	if (x.refusal.error)
		refusal_print(&x.refusal, NULL);
	return !x.refusal.error;
}

bool ctl_may_dump(int cmd)
{
	struct nl_msg *msg = ctl_new(cmd);
	struct exchange x = {};

	nlmsg_hdr(msg)->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	return !exchange(msg, &x) || (x.refusal.error != EPERM && x.refusal.error != EOPNOTSUPP);
}

/* --- transactions ---------------------------------------------------------------------------- */

/* Changes that wait to be sent; the last of them, and the first of the transaction. */
static char *send_buf;
static size_t send_len;
/* How many they are, and may be: each may be refused, and the last is answered behind them. */
static unsigned int send_nr, send_max;
static struct nlmsghdr *last;
static uint32_t first_seq;
/* The first that was refused before it was kept; its seq is 0 if there is none. */
static struct refusal refusal;
static uint32_t refused_seq;

static void txn_answer(const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_type != NLMSG_ERROR || refused_seq)
		return;
	refusal_get(&refusal, nlh);
	if (refusal.error)
		refused_seq = nlh->nlmsg_seq;
}

/* Only the last of a buffer asks for an answer: when it is there all refusals before it are too. */
static bool txn_flush(void)
{
	struct nlmsghdr *nlh;
	bool end = false;
	int len;

	if (!send_len)
		return true;
	last->nlmsg_flags |= NLM_F_ACK;
	if (!send_bytes(send_buf, send_len))
		return false;
	send_len = 0;
	send_nr = 0;
	while (!end) {
		len = receive();
		if (len < 0)
			return false;
		for (nlh = (struct nlmsghdr *)recv_buf; nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len)) {
			txn_answer(nlh);
			end = end || nlh->nlmsg_seq == last->nlmsg_seq;
		}
	}
	return !refused_seq;
}

static unsigned int answers_max(void)
{
	socklen_t len = sizeof(int);
	int room = 0;

	getsockopt(nl_socket_get_fd(sock), SOL_SOCKET, SO_RCVBUF, &room, &len);
	return room > 2 * ANSWER_SIZE ? room / ANSWER_SIZE : 2;
}

bool ctl_txn_begin(void)
{
	if (!ctl_do(ctl_new(SLUICE_CMD_TXN_BEGIN), NULL, NULL))
		return false;
	if (!send_buf)
		send_buf = xcalloc(1, SEND_SIZE);
	send_len = 0;
	send_nr = 0;
	send_max = answers_max();
	refused_seq = 0;
	first_seq = next_seq;
	return true;
}

bool ctl_txn_add(struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);
	bool room = send_len + len <= SEND_SIZE && send_nr < send_max;
	bool ok = room || txn_flush();

	if (ok) {
		last = (struct nlmsghdr *)(send_buf + send_len);
		memset((char *)last + nlh->nlmsg_len, 0, len - nlh->nlmsg_len);
		memcpy(last, nlh, nlh->nlmsg_len);
		last->nlmsg_flags &= ~NLM_F_ACK;
		send_len += len;
		send_nr++;
	}
	nlmsg_free(msg);
	return ok;
}

static void txn_explain(const struct refusal *r, uint32_t seq,
			char *(*what)(unsigned int nr, void *arg), void *arg)
{
	char *text = seq >= first_seq ? what(seq - first_seq, arg) : NULL;

	refusal_print(r, text);
	free(text);
}

bool ctl_txn_commit(char *(*what)(unsigned int nr, void *arg), void *arg)
{
	struct exchange x = {};

	if (!txn_flush()) {
		ctl_txn_abort(what, arg);
		return false;
	}
	if (!exchange(ctl_new(SLUICE_CMD_TXN_COMMIT), &x))
		return false;
	if (x.refusal.error)
		txn_explain(&x.refusal, x.refusal.cookie, what, arg);
	return !x.refusal.error;
}

void ctl_txn_abort(char *(*what)(unsigned int nr, void *arg), void *arg)
{
	struct exchange x = {};

	send_len = 0;
	send_nr = 0;
	if (refused_seq)
		txn_explain(&refusal, refused_seq, what, arg);
	exchange(ctl_new(SLUICE_CMD_TXN_ABORT), &x);
}

/* --- events ---------------------------------------------------------------------------------- */

static void listen_buffer(int len, void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg)
{
	struct nlmsghdr *nlh;

	for (nlh = (struct nlmsghdr *)recv_buf; nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == family)
			cb(genlmsg_attrdata(nlmsg_data(nlh), 0),
			   genlmsg_attrlen(nlmsg_data(nlh), 0), arg);
	}
}

/* False: it is over. */
static bool listen_once(void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg)
{
	int len = recv(nl_socket_get_fd(sock), recv_buf, RECV_SIZE, 0);

	if (len > 0) {
		listen_buffer(len, cb, arg);
	} else if (len < 0 && errno == ENOBUFS) {
		complain("events came faster than they could be told: some are missing");
	} else if (len < 0 && errno != EINTR) {
		complain("receiving from the kernel: %s", strerror(errno));
		return false;
	}
	return true;
}

bool ctl_listen(void (*cb)(struct nlattr *attrs, int len, void *arg), void *arg, int also,
		void (*ready)(int fd))
{
	int group = genl_ctrl_resolve_grp(sock, SLUICE_FAMILY_NAME, SLUICE_MCGRP_EVENTS);
	struct pollfd p[] = {
		{ .fd = nl_socket_get_fd(sock), .events = POLLIN },
		{ .fd = also, .events = POLLIN },
	};

	if (group < 0 || nl_socket_add_membership(sock, group)) {
		complain("cannot listen to events: %s", nl_geterror(group));
		return false;
	}
	for (;;) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0)
			continue;
		if (p[0].revents && !listen_once(cb, arg))
			return false;
		if (p[1].revents)
			ready(also);
	}
}
