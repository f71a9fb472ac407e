// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether ports' netdevs are up: that is no part of the transaction, and comes when all policy is
 * in force. What a state does not say of it stays.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "state.h"

static bool link_change(int sock, const char *name, bool up)
{
	struct ifreq ifr = {};

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(sock, SIOCGIFFLAGS, &ifr))
		return false;
	if (!(ifr.ifr_flags & IFF_UP) == !up)
		return true;
	ifr.ifr_flags ^= IFF_UP;
	return !ioctl(sock, SIOCSIFFLAGS, &ifr);
}

static unsigned int links_set_in(int sock, const struct items *ports)
{
	const struct item *item;
	unsigned int failed = 0;
	size_t i;

	for (i = 0; i < ports->nr; i++) {
		item = &ports->v[i];
		if (item->held || item->later || !rec_has(item->rec, "link") ||
		    link_change(sock, item->key, rec_value(item->rec, "link")->n))
			continue;
		complain("%s: its link is not set %s: %s", item->key, rec_text(item->rec, "link"),
			 strerror(errno));
		failed++;
	}
	return failed;
}

unsigned int links_set(const struct state *want)
{
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsigned int failed;

	if (sock < 0) {
		complain("no socket to set links up by: %s", strerror(errno));
		return 1;
	}
	failed = links_set_in(sock, &want->sec[SEC_PORT]) +
		 links_set_in(sock, &want->sec[SEC_UPLINK]);
	close(sock);
	return failed;
}
