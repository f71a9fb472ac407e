// SPDX-License-Identifier: GPL-2.0-only
/* Ports' and uplinks' links as they are set up and down: the host tells that, not Sluice. */
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "links.h"

#define BUFFER_SIZE (64 * 1024)
/* What answers the request for all that is there has this; what happens has not. */
#define ASKED_SEQ 1

struct link_state {
	int index;
	bool up;
};

static struct link_state *states;
static size_t nr_states;

static bool ask_all(int fd)
{
	struct {
		struct nlmsghdr nlh;
		struct ifinfomsg ifi;
	} ask = {
		.nlh = {
			.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
			.nlmsg_seq = ASKED_SEQ,
		},
	};

	return send(fd, &ask, sizeof(ask), 0) == sizeof(ask);
}

int links_open(void)
{
	struct sockaddr_nl who = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&who, sizeof(who)) && ask_all(fd))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_sluice(struct nlattr *info)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	return info && !nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) && tb[IFLA_INFO_KIND] &&
	       !strcmp(nla_get_string(tb[IFLA_INFO_KIND]), "sluice");
}

static struct link_state *state_find(int index)
{
	size_t i;

	for (i = 0; i < nr_states; i++) {
		if (states[i].index == index)
			return &states[i];
	}
	return NULL;
}

static struct link_state *state_add(int index)
{
	states = realloc(states, (nr_states + 1) * sizeof(*states));
	if (!states)
		abort();
	states[nr_states] = (struct link_state){ .index = index };
	return &states[nr_states++];
}

/* A new one is down, and is told of as such by others. */
static void link_seen(struct nlmsghdr *nlh, void (*told)(const char *name, int index, bool up))
{
	const struct ifinfomsg *ifi = nlmsg_data(nlh);
	struct link_state *s = state_find(ifi->ifi_index);
	struct nlattr *tb[IFLA_MAX + 1];
	bool up = ifi->ifi_flags & IFF_UP, changed;

	if (nlmsg_parse(nlh, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 || !is_sluice(tb[IFLA_LINKINFO]))
		return;
	if (nlh->nlmsg_type == RTM_DELLINK) {
		if (s)
			*s = states[--nr_states];
		return;
	}
	if (!s)
		s = state_add(ifi->ifi_index);
	changed = s->up != up;
	s->up = up;
	if (changed && nlh->nlmsg_seq != ASKED_SEQ && tb[IFLA_IFNAME])
		told(nla_get_string(tb[IFLA_IFNAME]), ifi->ifi_index, up);
}

void links_read(int fd, void (*told)(const char *name, int index, bool up))
{
	static char *buffer;
	struct nlmsghdr *nlh;
	int len;

	if (!buffer)
		buffer = xcalloc(1, BUFFER_SIZE);
	len = recv(fd, buffer, BUFFER_SIZE, MSG_DONTWAIT);
	for (nlh = (struct nlmsghdr *)buffer; len > 0 && nlmsg_ok(nlh, len);
	     nlh = nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == RTM_NEWLINK || nlh->nlmsg_type == RTM_DELLINK)
			link_seen(nlh, told);
	}
}
