/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a vhost node have in common: which node, ports to attach it to, a guest on it.
 *
 *   VHOST_NODE  the node (default /dev/vhost-sluice); with /dev/vhost-net the ports are taps;
 *               "vdpa" stands for the nodes of vDPA devices, of which each port has its own
 */
#ifndef VHOST_RIG_H
#define VHOST_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "netio.h"
#include "vdpa.h"
#include "vdrv.h"

/* A debug kernel on a busy machine is slow: a test that hangs is told from that in two minutes. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/**
 * struct guest - a port of the host, a socket on its netdev, a driver attached to it
 * @name: the netdev
 * @backend: file descriptor that the vhost node takes, -1 for a vDPA device
 * @wire: packet socket on the netdev
 * @v: the driver
 */
struct guest {
	char name[16];
	int backend;
	int wire;
	struct vdrv v;
};

static inline const char *rig_node(void)
{
	return getenv("VHOST_NODE") ?: "/dev/vhost-sluice";
}

static inline bool rig_is_sluice(void)
{
	return strstr(rig_node(), "sluice");
}

static inline bool rig_is_vdpa(void)
{
	return !strcmp(rig_node(), "vdpa");
}

static inline uint64_t rig_features(void)
{
	uint64_t f = 0;
	int fd;

	/* There is no node yet; vdrv_open() finds out whether it is true. */
	if (rig_is_vdpa())
		return VDRV_F_VERSION_1 | VDRV_F_IOMMU | VDRV_F_PACKED | VDRV_F_MRG_RXBUF |
		       VDRV_F_INDIRECT | VDRV_F_EVENT_IDX;
	fd = open(rig_node(), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ioctl(fd, VHOST_GET_FEATURES, &f);
	close(fd);
	return f;
}

/* Can a guest do without VERSION_1? */
static inline bool rig_has_legacy(void)
{
	return !rig_is_vdpa();
}

/* Up, and without the host's own chatter, which would be taken for the test's frames. */
static inline int rig_port_up(const char *name)
{
	netio_quiet(name);
	return netio_link_set(name, true);
}

/*
 * Make a port, up, with its backend open. Returns the backend or -errno. A carrier that comes when
 * a netdev is up already is told of at once, others once a second; of a tap there is no netdev yet.
 */
static inline int rig_port_open(const char *name, bool multi_queue, unsigned int queues)
{
	bool there = rig_is_sluice();
	int fd, ret = 0;

	if (there && netio_ifindex(name) < 0 && netio_port_add(name, NULL, queues))
		return -ENODEV;
	if (there)
		ret = rig_port_up(name);
	if (ret)
		return ret;
	fd = vdrv_backend_open(name, multi_queue);
	if (fd < 0)
		return fd;
	if (!there)
		ret = rig_port_up(name);
	return ret ? ret : fd;
}

static inline void rig_port_del(const char *name)
{
	if (rig_is_sluice())
		netio_link_del(name);
	else if (rig_is_vdpa())
		vdpa_del(name);
}

/* As rig_port_open() for a vDPA device. */
static inline int rig_vdpa_open(const char *name, char *node, size_t room)
{
	int ret = 0;

	if (netio_ifindex(name) < 0) {
		ret = vdpa_add(name, "");
		ret = ret ? ret : vdpa_bind(name, "vhost_vdpa");
	}
	ret = ret ? ret : vdpa_node(name, node, room);
	return ret ? ret : rig_port_up(name);
}

/*
 * The queues of a vDPA device start a moment after its driver is ready, and have no part in its
 * port's carrier: what the host sends before is lost.
 */
static inline int rig_attached_wait(const char *name)
{
	int i;

	if (!rig_is_vdpa())
		return 0;
	for (i = 0; i < 200; i++) {
		if (!netio_run("sluice port show %s | grep -q 'to-guest attached'", name))
			return 0;
		usleep(10000);
	}
	return -ETIMEDOUT;
}

static inline int guest_open(struct guest *g, const char *name, const struct vdrv_cfg *cfg)
{
	struct vdrv_cfg c = *cfg;
	char node[64];
	int ret = 0;

	memset(g, 0, sizeof(*g));
	g->v.fd = -1;
	g->wire = -1;
	snprintf(g->name, sizeof(g->name), "%s", name);
	c.node = rig_is_vdpa() ? node : rig_node();
	g->backend = -1;
	if (rig_is_vdpa())
		ret = rig_vdpa_open(name, node, sizeof(node));
	else
		ret = rig_port_open(name, false, 1);
	if (ret < 0)
		return ret;
	if (!rig_is_vdpa())
		g->backend = ret;
	g->wire = netio_open(name);
	if (g->wire < 0)
		return g->wire;
	if (rig_is_vdpa())
		c.features |= VDRV_F_TAKES | VDRV_F_SENDS;
	ret = vdrv_open(&g->v, &c);
	ret = ret ? ret : vdrv_start(&g->v, g->backend);
	ret = ret ? ret : rig_attached_wait(name);
	return ret ? ret : netio_link_wait(name);
}

/* From now on the guest takes finished frames only. */
static inline int guest_no_offload(struct guest *g)
{
	int ret;

	if (!rig_is_vdpa())
		return vdrv_backend_offload(g->backend, false);
	ret = vdrv_stop(&g->v);
	g->v.features &= ~VDRV_F_TAKES;
	ret = ret ? ret : vdrv_vdpa_reset(&g->v);
	ret = ret ? ret : vdrv_start(&g->v, -1);
	ret = ret ? ret : rig_attached_wait(g->name);
	return ret ? ret : netio_link_wait(g->name);
}

static inline void guest_close(struct guest *g)
{
	vdrv_close(&g->v);
	if (g->wire >= 0)
		close(g->wire);
	if (g->backend >= 0)
		close(g->backend);
	rig_port_del(g->name);
}

/* One frame each way: 0 if both arrived whole. */
static inline int guest_ping(struct guest *g, uint32_t seed)
{
	struct netio_frame f = { .len = 200, .seed = seed };
	unsigned char frame[256], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(&g->v, &h, frame, f.len);
	if (ret)
		return ret;
	ret = netio_recv(g->wire, &h, got, sizeof(got), 2000);
	if (ret != (int)f.len || memcmp(frame, got, f.len))
		return ret < 0 ? ret : -EBADMSG;
	f.seed++;
	netio_frame_make(&f, &h, frame);
	ret = netio_send(g->wire, &h, frame, f.len);
	if (ret)
		return ret;
	do {
		ret = vdrv_recv(&g->v, &h, got, sizeof(got), 2000);
	} while (ret > 0 && !netio_frame_payload(got, ret));
	if (ret != (int)f.len || memcmp(frame, got, f.len))
		return ret < 0 ? ret : -EBADMSG;
	return 0;
}

/* A socket for announcements of guests that come out of a netdev, or -errno. */
static inline int rig_rarp_open(const char *ifname)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_RARP),
		.sll_ifindex = netio_ifindex(ifname),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -errno : fd;
}

/* Is the next one, if there is one in time, a request about that address? */
static inline bool rig_rarp_heard(int fd, const unsigned char mac[6], int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned char f[256];

	if (poll(&p, 1, timeout_ms) != 1 || recv(fd, f, sizeof(f), 0) < 42)
		return false;
	return f[0] == 0xff && f[5] == 0xff && !memcmp(f + 6, mac, 6) && f[21] == 3 &&
	       !memcmp(f + 22, mac, 6) && !memcmp(f + 32, mac, 6);
}

#endif /* VHOST_RIG_H */
