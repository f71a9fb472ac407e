// SPDX-License-Identifier: GPL-2.0-only
/*
 * What "check" asks the host, not Sluice: links, who is behind them, who has a device open.
 *
 * Sysfs may be another network namespace's. What is told of a netdev there counts only if it is of
 * the one that is meant.
 */
#include <ctype.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "check.h"

/* --- files ----------------------------------------------------------------------------------- */

void host_line(const char *path, char *line, size_t size)
{
	FILE *in = fopen(path, "r");

	if (!in || !fgets(line, size, in))
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (in)
		fclose(in);
}

void host_link(const char *path, char *name, size_t size)
{
	char to[1024];
	ssize_t len = readlink(path, to, sizeof(to) - 1);
	const char *last;

	to[len < 0 ? 0 : len] = '\0';
	last = strrchr(to, '/');
	snprintf(name, size, "%s", last ? last + 1 : to);
}

bool host_module(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* --- netdevs --------------------------------------------------------------------------------- */

bool host_netdev(const char *name, bool *up, bool *carrier)
{
	struct ifreq r = {};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	ok = fd >= 0 && !ioctl(fd, SIOCGIFFLAGS, &r);
	*up = ok && r.ifr_flags & IFF_UP;
	*carrier = ok && r.ifr_flags & IFF_RUNNING;
	if (fd >= 0)
		close(fd);
	return ok;
}

static bool sysfs_is_ours(const char *name)
{
	char path[96], line[32];

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", name);
	host_line(path, line, sizeof(line));
	return *line && strtoul(line, NULL, 10) == if_nametoindex(name);
}

static bool is_link_local(const struct sockaddr *sa)
{
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

static bool has_address(const char *name)
{
	struct ifaddrs *all, *a;
	bool found = false;

	if (getifaddrs(&all))
		return false;
	for (a = all; a && !found; a = a->ifa_next)
		found = !strcmp(a->ifa_name, name) && a->ifa_addr &&
			(a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6) &&
			!is_link_local(a->ifa_addr);
	freeifaddrs(all);
	return found;
}

bool host_entry(const char *path, const char *prefix, char *name, size_t size)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	*name = '\0';
	while (dir && !*name && (e = readdir(dir)))
		if (!strncmp(e->d_name, prefix, strlen(prefix)))
			snprintf(name, size, "%s", e->d_name);
	if (dir)
		closedir(dir);
	return *name;
}

/* A VLAN or a macvlan above it, say. */
static bool has_upper(const char *name, char *who, size_t size)
{
	char path[96], entry[sizeof("upper_") + IFNAMSIZ];

	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	if (!host_entry(path, "upper_", entry, sizeof(entry)))
		return false;
	snprintf(who, size, "%s", entry + strlen("upper_"));
	return true;
}

struct qdiscs {
	int ifindex;
	bool found;
};

static int qdisc_seen(struct nl_msg *msg, void *arg)
{
	const struct tcmsg *t = nlmsg_data(nlmsg_hdr(msg));
	struct qdiscs *q = arg;

	/* "ingress" and "clsact" have the same parent. */
	if (t->tcm_ifindex == q->ifindex && t->tcm_parent == TC_H_INGRESS)
		q->found = true;
	return NL_OK;
}

/* Filters may take what comes out of the netdev. */
static bool has_filters(const char *name)
{
	struct qdiscs q = { .ifindex = if_nametoindex(name) };
	struct tcmsg t = { .tcm_family = AF_UNSPEC, .tcm_ifindex = q.ifindex };
	struct nl_sock *sk = nl_socket_alloc();

	if (sk && !nl_connect(sk, NETLINK_ROUTE)) {
		nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, qdisc_seen, &q);
		if (nl_send_simple(sk, RTM_GETQDISC, NLM_F_DUMP, &t, sizeof(t)) >= 0)
			nl_recvmsgs_default(sk);
	}
	if (sk)
		nl_socket_free(sk);
	return q.found;
}

bool host_takes(const char *name, char *who, size_t size)
{
	char path[96], upper[IFNAMSIZ + 1];

	if (sysfs_is_ours(name)) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/master", name);
		host_link(path, upper, sizeof(upper));
		if (*upper || has_upper(name, upper, sizeof(upper))) {
			snprintf(who, size, "%s above its netdev", upper);
			return true;
		}
	}
	if (has_address(name))
		snprintf(who, size, "the host itself, which has an address on it");
	else if (has_filters(name))
		snprintf(who, size, "tc filters on its netdev");
	else
		return false;
	return true;
}

bool host_bridge(char *name, size_t size)
{
	DIR *dir = opendir("/sys/class/net");
	unsigned int found = 0;
	struct dirent *e;
	char path[512];

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", e->d_name);
		if (access(path, F_OK) || !sysfs_is_ours(e->d_name))
			continue;
		snprintf(name, size, "%s", e->d_name);
		found++;
	}
	if (dir)
		closedir(dir);
	return found == 1;
}

bool host_vf(const char *dev, char *pf, size_t size, unsigned int *nr)
{
	char path[512], own[64], other[64];
	struct dirent *e;
	DIR *dir;

	*pf = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/device/physfn/net", dev);
	dir = sysfs_is_ours(dev) ? opendir(path) : NULL;
	while (dir && (e = readdir(dir)))
		if (*e->d_name != '.')
			snprintf(pf, size, "%s", e->d_name);
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "/sys/class/net/%s/device", dev);
	host_link(path, own, sizeof(own));
	for (*nr = 0; *pf && *nr < 1024; ++*nr) {
		snprintf(path, sizeof(path), "/sys/class/net/%s/device/physfn/virtfn%u", dev, *nr);
		host_link(path, other, sizeof(other));
		if (!strcmp(own, other))
			return true;
	}
	return false;
}

/* --- who has it ------------------------------------------------------------------------------ */

static bool process_has(const char *pid, const char *path)
{
	char name[600], to[256];
	bool found = false;
	struct dirent *e;
	ssize_t len;
	DIR *dir;

	snprintf(name, sizeof(name), "/proc/%s/fd", pid);
	dir = opendir(name);
	while (dir && !found && (e = readdir(dir))) {
		snprintf(name, sizeof(name), "/proc/%s/fd/%s", pid, e->d_name);
		len = readlink(name, to, sizeof(to) - 1);
		to[len < 0 ? 0 : len] = '\0';
		found = !strcmp(to, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool host_holder(const char *path, const char *also, char *who, size_t size)
{
	DIR *dir = opendir("/proc");
	char name[300], comm[32];
	bool found = false;
	struct dirent *e;

	while (dir && !found && (e = readdir(dir))) {
		if (!isdigit((unsigned char)*e->d_name) || !process_has(e->d_name, path) ||
		    (also && !process_has(e->d_name, also)))
			continue;
		snprintf(name, sizeof(name), "/proc/%s/comm", e->d_name);
		host_line(name, comm, sizeof(comm));
		snprintf(who, size, "%s (pid %s)", comm, e->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}
