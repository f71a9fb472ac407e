// SPDX-License-Identifier: GPL-2.0-only
/* Frames, packet sockets and netdevs for tests. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include "netio.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif

static uint32_t sum(const void *data, size_t len, uint32_t s)
{
	const unsigned char *p = data;
	size_t i;

	for (i = 0; i + 1 < len; i += 2) {
		s += p[i] << 8 | p[i + 1];
		s = (s & 0xffff) + (s >> 16);
	}
	if (len & 1)
		s += p[len - 1] << 8;
	return (s & 0xffff) + (s >> 16);
}

static uint16_t fold(uint32_t s)
{
	s = (s & 0xffff) + (s >> 16);
	return (s & 0xffff) + (s >> 16);
}

static void put16(void *at, uint16_t value)
{
	uint16_t be = htons(value);

	memcpy(at, &be, sizeof(be));
}

struct layout {
	size_t l4;
	size_t payload;
	size_t csum;
	uint8_t proto;
	uint32_t pseudo;
};

/* Where things are in a frame of ours, from what stands in it. */
static bool look(const unsigned char *b, size_t len, struct layout *l)
{
	uint16_t type;
	size_t l4_len;

	if (len < NETIO_ETHER + sizeof(struct iphdr))
		return false;
	type = b[12] << 8 | b[13];
	if (type == ETH_P_IP) {
		l->l4 = NETIO_ETHER + (b[NETIO_ETHER] & 15) * 4;
		l->proto = b[NETIO_ETHER + 9];
		l4_len = (b[NETIO_ETHER + 2] << 8 | b[NETIO_ETHER + 3]) - (l->l4 - NETIO_ETHER);
		l->pseudo = sum(b + NETIO_ETHER + 12, 8, 0);
	} else if (type == ETH_P_IPV6 && len >= NETIO_ETHER + sizeof(struct ip6_hdr)) {
		l->l4 = NETIO_ETHER + sizeof(struct ip6_hdr);
		l->proto = b[NETIO_ETHER + 6];
		l4_len = b[NETIO_ETHER + 4] << 8 | b[NETIO_ETHER + 5];
		l->pseudo = sum(b + NETIO_ETHER + 8, 32, 0);
	} else {
		return false;
	}
	if (l->proto == IPPROTO_TCP) {
		l->csum = l->l4 + 16;
		l->payload = l->l4 + sizeof(struct tcphdr);
	} else if (l->proto == IPPROTO_UDP) {
		l->csum = l->l4 + 6;
		l->payload = l->l4 + sizeof(struct udphdr);
	} else {
		return false;
	}
	if (l->payload > len || l->l4 + l4_len > len)
		return false;
	l->pseudo += l->proto + l4_len;
	return true;
}

size_t netio_frame_payload(const unsigned char *buf, size_t len)
{
	struct layout l;

	if (!look(buf, len, &l) || (buf[l.l4 + 2] << 8 | buf[l.l4 + 3]) != NETIO_PORT)
		return 0;
	return l.payload;
}

bool netio_frame_csum_ok(const unsigned char *buf, size_t len)
{
	struct layout l;

	if (!look(buf, len, &l) || (l.proto == IPPROTO_UDP && !buf[l.csum] && !buf[l.csum + 1]))
		return true;
	return fold(sum(buf + l.l4, len - l.l4, fold(l.pseudo))) == 0xffff;
}

static size_t put_ip(const struct netio_frame *f, unsigned char *b, uint8_t proto)
{
	unsigned char *ip = b + NETIO_ETHER;
	uint32_t src = htonl(f->src_ip ?: 0x0a000001), dst = htonl(f->dst_ip ?: 0x0a000002);

	put16(b + 12, f->ipv6 ? ETH_P_IPV6 : ETH_P_IP);
	if (f->ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, f->len - NETIO_ETHER - sizeof(struct ip6_hdr));
		ip[6] = proto;
		ip[7] = 64;
		ip[8] = 0xfd;
		memcpy(ip + 20, &src, 4);
		ip[24] = 0xfd;
		memcpy(ip + 36, &dst, 4);
		return NETIO_ETHER + sizeof(struct ip6_hdr);
	}
	ip[0] = 0x45;
	put16(ip + 2, f->len - NETIO_ETHER);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	put16(ip + 10, ~fold(sum(ip, sizeof(struct iphdr), 0)));
	return NETIO_ETHER + sizeof(struct iphdr);
}

static void set_gso(const struct netio_frame *f, struct virtio_net_hdr_v1 *h,
		    const struct layout *l)
{
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = l->l4;
	h->csum_offset = l->csum - l->l4;
	if (!f->mss || l->payload + f->mss >= f->len)
		return;
	h->hdr_len = l->payload;
	h->gso_size = f->mss;
	h->gso_type = f->tcp ? (f->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4) :
			       VIRTIO_NET_HDR_GSO_UDP_L4;
}

int netio_frame_make(const struct netio_frame *f, struct virtio_net_hdr_v1 *hdr, unsigned char *b)
{
	size_t min = NETIO_ETHER + (f->ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr)) +
		     (f->tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr));
	struct layout l;
	uint32_t x = f->seed * 2654435761u + 1;
	size_t at, i;
	uint16_t c;

	if (f->len < min || f->len > NETIO_ETHER + 65535)
		return -EINVAL;
	memset(hdr, 0, sizeof(*hdr));
	memset(b, 0, min);
	b[0] = 0x02;
	b[6] = 0x02;
	b[5] = f->dst_mac ?: 2;
	b[11] = f->src_mac ?: 1;
	at = put_ip(f, b, f->tcp ? IPPROTO_TCP : IPPROTO_UDP);
	put16(b + at, f->sport ?: 1);
	put16(b + at + 2, f->dport ?: NETIO_PORT);
	if (f->tcp) {
		b[at + 12] = sizeof(struct tcphdr) / 4 << 4;
		b[at + 13] = 0x10;
		put16(b + at + 14, 1024);
	} else {
		put16(b + at + 4, f->len - at);
	}
	for (i = min; i < f->len; i++) {
		x = x * 1664525 + 1013904223;
		b[i] = x >> 24;
	}
	if (!look(b, f->len, &l))
		return -EINVAL;
	if (f->partial || f->mss) {
		set_gso(f, hdr, &l);
		put16(b + l.csum, fold(l.pseudo));
	} else {
		c = ~fold(sum(b + l.l4, f->len - l.l4, fold(l.pseudo)));
		put16(b + l.csum, c ?: 0xffff);
	}
	return f->len;
}

int netio_ifindex(const char *ifname)
{
	unsigned int index = if_nametoindex(ifname);

	return index ? (int)index : -ENODEV;
}

int netio_link_set(const char *ifname, bool up)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;

	if (fd < 0)
		return -errno;
	strncpy(r.ifr_name, ifname, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		ret = -errno;
	r.ifr_flags = up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP;
	if (!ret && ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

static long read_number(const char *ifname, const char *file)
{
	char path[128];
	long n = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", ifname, file);
	f = fopen(path, "r");
	if (!f)
		return -errno;
	if (fscanf(f, "%ld", &n) != 1)
		n = -EIO;
	fclose(f);
	return n;
}

long netio_stat(const char *ifname, const char *stat)
{
	char file[64];

	snprintf(file, sizeof(file), "statistics/%s", stat);
	return read_number(ifname, file);
}

long netio_carrier_changes(const char *ifname)
{
	return read_number(ifname, "carrier_changes");
}

int netio_quiet(const char *ifname)
{
	char path[96];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", ifname);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, "1", 1) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/*
 * The kernel acts upon what a carrier did at most once a second, and a netdev that is to go waits
 * for that. Who asks for the link has it done at once.
 */
static void netio_link_sync(const char *ifname)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GLINK };
	struct ifreq r = { .ifr_data = (void *)&v };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	ioctl(fd, SIOCETHTOOL, &r);
	close(fd);
}

int netio_link_wait(const char *ifname)
{
	char path[64], state[16];
	int i, fd, n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", ifname);
	for (i = 0; i < 1000; i++) {
		netio_link_sync(ifname);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		n = read(fd, state, sizeof(state) - 1);
		close(fd);
		state[n > 0 ? n : 0] = 0;
		/* Setting a flag waits for whoever is at it. */
		if (strcmp(state, "down\n") && strcmp(state, "lowerlayerdown\n"))
			return netio_link_set(ifname, true);
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int netio_link_mtu(const char *ifname, int mtu)
{
	struct ifreq r = { .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return -errno;
	strncpy(r.ifr_name, ifname, IFNAMSIZ - 1);
	ret = ioctl(fd, SIOCSIFMTU, &r) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* --- netdevs by netlink: a program for each took longer than most of what is tested on them --- */

struct link_request {
	struct nlmsghdr h;
	struct ifinfomsg i;
	char attrs[256];
};

static struct nlattr *link_put(struct link_request *r, int type, const void *value, size_t len)
{
	struct nlattr *a = (void *)r + NLMSG_ALIGN(r->h.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((void *)a + NLA_HDRLEN, value, len);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + NLA_ALIGN(a->nla_len);
	return a;
}

static struct link_request link_request(int type, int flags, const char *name)
{
	struct link_request r = {
		.h.nlmsg_len = NLMSG_LENGTH(sizeof(r.i)),
		.h.nlmsg_type = type,
		.h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
	};

	link_put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return r;
}

static int link_ask(const struct link_request *r)
{
	struct { struct nlmsghdr h; struct nlmsgerr e; char rest[1024]; } answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), ret = 0;

	if (fd < 0)
		return -errno;
	if (send(fd, r, r->h.nlmsg_len, 0) < 0 || recv(fd, &answer, sizeof(answer), 0) < 0)
		ret = -errno;
	else if (answer.h.nlmsg_type == NLMSG_ERROR)
		ret = answer.e.error;
	close(fd);
	return ret;
}

int netio_port_add(const char *name, const char *lower, uint32_t queues)
{
	struct link_request r = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
	int index = lower ? netio_ifindex(lower) : 0;
	struct nlattr *info;

	if (index < 0)
		return index;
	if (lower)
		link_put(&r, IFLA_LINK, &index, sizeof(index));
	if (queues > 1) {
		link_put(&r, IFLA_NUM_TX_QUEUES, &queues, sizeof(queues));
		link_put(&r, IFLA_NUM_RX_QUEUES, &queues, sizeof(queues));
	}
	info = link_put(&r, IFLA_LINKINFO, NULL, 0);
	link_put(&r, IFLA_INFO_KIND, "sluice", sizeof("sluice"));
	info->nla_len = (void *)&r + r.h.nlmsg_len - (void *)info;
	return link_ask(&r);
}

int netio_link_del(const char *name)
{
	const struct link_request r = link_request(RTM_DELLINK, 0, name);

	netio_link_sync(name);
	return link_ask(&r);
}

int netio_link_rename(const char *was, const char *name)
{
	struct link_request r = link_request(RTM_NEWLINK, 0, name);

	r.i.ifi_index = netio_ifindex(was);
	return r.i.ifi_index < 0 ? r.i.ifi_index : link_ask(&r);
}

/* --- commands --- */

/* A command that needs no shell. Returns its exit code, -ENOENT if there is no such program. */
static int run_alone(char *cmd)
{
	posix_spawn_file_actions_t silence;
	char *argv[64], *rest;
	int ret, n = 0, status;
	pid_t pid;

	for (argv[0] = strtok_r(cmd, " ", &rest); argv[n] && n < 63; n++)
		argv[n + 1] = strtok_r(NULL, " ", &rest);
	if (!argv[0] || argv[n])
		return -ENOENT;
	posix_spawn_file_actions_init(&silence);
	posix_spawn_file_actions_addopen(&silence, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&silence, 1, 2);
	ret = -posix_spawnp(&pid, argv[0], &silence, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&silence);
	if (ret)
		return ret;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Run a command, in silence. Returns its exit code. */
int netio_run(const char *fmt, ...)
{
	char cmd[1024], all[1100];
	va_list ap;
	int ret;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	snprintf(all, sizeof(all), "{ %s; } >/dev/null 2>&1", cmd);
	/* A shell, and what it starts, takes twice as long as a program alone. */
	if (!strpbrk(cmd, "|&;<>()$`\\\"'*?[]#~=%!{}\n\t")) {
		ret = run_alone(cmd);
		if (ret != -ENOENT)
			return ret;
	}
	ret = system(all);
	return ret < 0 ? -errno : ret >> 8;
}

long netio_drops(const char *port, const char *why)
{
	char cmd[128];
	long n = 0;
	FILE *p;

	snprintf(cmd, sizeof(cmd),
		 "sluice stats %s | sed -n 's/.* %s packets \\([0-9]*\\).*/\\1/p'", port, why);
	p = popen(cmd, "r");
	if (!p)
		return -errno;
	if (fscanf(p, "%ld", &n) != 1)
		n = 0;
	pclose(p);
	return n;
}

int netio_open(const char *ifname)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct packet_mreq m = { .mr_type = PACKET_MR_PROMISC };
	int fd, one = 1, size = 8 << 20;

	a.sll_ifindex = netio_ifindex(ifname);
	if (a.sll_ifindex < 0)
		return a.sll_ifindex;
	m.mr_ifindex = a.sll_ifindex;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	/* What this socket or its neighbour sends is not what came in. */
	setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) < 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

int netio_send(int fd, const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len)
{
	struct iovec iov[2] = {
		{ (void *)hdr, sizeof(struct virtio_net_hdr) },
		{ (void *)frame, len },
	};

	return writev(fd, iov, 2) < 0 ? -errno : 0;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

int netio_recv(int fd, struct virtio_net_hdr_v1 *hdr, void *frame, size_t room, int timeout_ms)
{
	struct iovec iov[2] = { { hdr, sizeof(struct virtio_net_hdr) }, { frame, room } };
	long end = now_ms() + timeout_ms, left;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while ((left = end - now_ms()) >= 0) {
		if (poll(&p, 1, left) <= 0)
			continue;
		n = readv(fd, iov, 2);
		/* It had a kind of segmentation that no header of today has a word for: gone. */
		if (n < 0 && errno == EINVAL)
			continue;
		if (n < 0 && errno != EINTR)
			return -errno;
		n -= sizeof(struct virtio_net_hdr);
		if (n > 0 && netio_frame_payload(frame, n))
			return n;
	}
	return -ETIMEDOUT;
}

long netio_shown(const char *cmd, const char *what)
{
	char line[256];
	long n = -1;
	FILE *p;

	snprintf(line, sizeof(line),
		 "sluice -j %s | awk -v RS='[][,{}]' -F: '/\"%s\"/ { n += $2 } END { printf \"%%.0f\", n }'",
		 cmd, what);
	p = popen(line, "r");
	if (!p)
		return -errno;
	if (fscanf(p, "%ld", &n) != 1)
		n = -1;
	pclose(p);
	return n;
}
