/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a vhost node have in common: which node, ports to attach it to, a guest on it.
 *
 *   VHOST_NODE  the node (default /dev/vhost-sluice); with /dev/vhost-net the ports are taps
 */
#ifndef VHOST_RIG_H
#define VHOST_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include "netio.h"
#include "vdrv.h"

/**
 * struct guest - a port of the host, a socket on its netdev, a driver attached to it
 * @name: the netdev
 * @backend: file descriptor that the vhost node takes
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

static inline uint64_t rig_features(void)
{
	uint64_t f = 0;
	int fd = open(rig_node(), O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return 0;
	ioctl(fd, VHOST_GET_FEATURES, &f);
	close(fd);
	return f;
}

/* Make a port, up, with its backend open. Returns the backend or -errno. */
static inline int rig_port_open(const char *name, bool multi_queue, unsigned int queues)
{
	char path[96];
	int fd, ret;

	if (rig_is_sluice() && netio_ifindex(name) < 0 &&
	    (queues > 1 ? netio_run("ip link add %s numtxqueues %u numrxqueues %u type sluice",
				    name, queues, queues) :
			  netio_run("ip link add %s type sluice", name)))
		return -ENODEV;
	fd = vdrv_backend_open(name, multi_queue);
	if (fd < 0)
		return fd;
	/* The host's own chatter would be taken for the test's frames. */
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	ret = open(path, O_WRONLY);
	if (ret >= 0) {
		if (write(ret, "1", 1) != 1)
			perror(path);
		close(ret);
	}
	ret = netio_link_set(name, true);
	return ret ? ret : fd;
}

static inline void rig_port_del(const char *name)
{
	if (rig_is_sluice())
		netio_run("ip link del %s", name);
}

/*
 * A netdev whose carrier came on takes frames only a moment later, when the kernel has got
 * round to it; what the host sends before is lost. Setting a flag waits for whoever is at it.
 */
static inline int rig_link_wait(const char *name)
{
	char path[64], state[16];
	int i, fd, n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/operstate", name);
	for (i = 0; i < 1000; i++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		n = read(fd, state, sizeof(state) - 1);
		close(fd);
		state[n > 0 ? n : 0] = 0;
		if (strcmp(state, "down\n") && strcmp(state, "lowerlayerdown\n"))
			return netio_link_set(name, true);
		usleep(1000);
	}
	return -ETIMEDOUT;
}

static inline int guest_open(struct guest *g, const char *name, const struct vdrv_cfg *cfg)
{
	struct vdrv_cfg c = *cfg;
	int ret;

	memset(g, 0, sizeof(*g));
	g->v.fd = -1;
	g->wire = -1;
	snprintf(g->name, sizeof(g->name), "%s", name);
	c.node = rig_node();
	g->backend = rig_port_open(name, false, 1);
	if (g->backend < 0)
		return g->backend;
	g->wire = netio_open(name);
	if (g->wire < 0)
		return g->wire;
	ret = vdrv_open(&g->v, &c);
	ret = ret ? ret : vdrv_start(&g->v, g->backend);
	return ret ? ret : rig_link_wait(name);
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

#endif /* VHOST_RIG_H */
