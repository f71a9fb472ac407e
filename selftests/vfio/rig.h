/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of a mediated device have in common: simulated NICs, an uplink, a guest on it.
 *
 *	rings - mdev - port - policy - uplink slup0 - slvf0 (netdevsim1) = slvf1 (netdevsim2)
 *	                 \- the port's netdev
 */
#ifndef VFIO_RIG_H
#define VFIO_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "mdev.h"
#include "netio.h"
#include "vnic.h"

/* A debug kernel on a busy machine is slow: a test that hangs is told from that in two minutes. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

#define RIG_PARENT	"netdevsim1"
#define RIG_UUID	"5105e000-0000-4000-8000-000000000001"
#define RIG_UUID_2	"5105e000-0000-4000-8000-000000000002"
#define RIG_PORT	"slmd0"
#define RIG_ROOM	(64 * 1024 + 256)

/* What most tests want of the device. */
#define RIG_BASE	(VDRV_F_VERSION_1 | VNIC_BIT(MAC) | VNIC_BIT(STATUS))
#define RIG_OFFLOADS								\
	(VNIC_BIT(CSUM) | VNIC_BIT(GUEST_CSUM) | VNIC_BIT(HOST_TSO4) | VNIC_BIT(HOST_TSO6) |	\
	 VNIC_BIT(GUEST_TSO4) | VNIC_BIT(GUEST_TSO6) | VNIC_BIT(HOST_USO) |			\
	 VNIC_BIT(GUEST_USO4) | VNIC_BIT(GUEST_USO6))

/**
 * struct guest - a card, and what can be seen of it outside
 * @n: the card
 * @port: its port's netdev
 * @wire: packet socket on that
 */
struct guest {
	struct vnic n;
	char port[16];
	int wire;
};

static inline void rig_down(void)
{
	netio_link_del("slup0");
	mdev_nic_del(1);
	mdev_nic_del(2);
}

/* Take away what a test left behind that could not finish. */
static inline void rig_clean(void)
{
	if (access("/sys/bus/netdevsim/devices/" RIG_PARENT, F_OK))
		return;
	netio_run("for d in /sys/bus/mdev/devices/*; do [ ! -e $d ] || echo 1 >$d/remove; done");
	netio_run("ip -br link show type sluice | while read n x; do ip link del ${n%%%%@*}; done");
	rig_down();
}

/* Two NICs joined back to back, an uplink over the first: it is a parent from then on. */
static inline int rig_up(void)
{
	int ret, i;

	rig_clean();
	ret = mdev_nic_add(1, "slvf0");
	ret = ret ?: mdev_nic_add(2, "slvf1");
	ret = ret ?: mdev_nic_join("slvf0", "slvf1");
	if (ret)
		return ret;
	netio_quiet("slvf0");
	netio_quiet("slvf1");
	if (netio_port_add("slup0", "slvf0", 1) || netio_link_set("slup0", true))
		return -EIO;
	ret = netio_quiet("slup0");
	/* A parent appears a moment after its uplink. */
	for (i = 0; !ret && i < 5000 && mdev_available(RIG_PARENT) < 0; i++)
		usleep(1000);
	return ret;
}

/*
 * A device of its own, with a guest port of that name. It is up before the device is opened: of a
 * carrier that comes then the kernel tells at once, of others once a second.
 */
static inline int rig_mdev(const char *uuid, const char *port, unsigned int pairs)
{
	char n[16];
	int ret;

	snprintf(n, sizeof(n), "%u", pairs);
	if (netio_port_add(port, NULL, pairs) || netio_quiet(port) || netio_link_set(port, true))
		return -EIO;
	ret = mdev_create(RIG_PARENT, uuid);
	if (!ret && pairs > 1)
		ret = mdev_set(uuid, "queues", n);
	return ret ?: mdev_set(uuid, "port", port);
}

static inline void rig_mdev_del(const char *uuid, const char *port)
{
	mdev_remove(uuid);
	netio_link_del(port);
}

/* Open the port's netdev for the test. */
static inline int guest_wire(struct guest *g, const char *port)
{
	int ret;

	snprintf(g->port, sizeof(g->port), "%s", port);
	netio_quiet(port);
	ret = netio_link_set(port, true);
	if (ret)
		return ret;
	g->wire = netio_open(port);
	return g->wire < 0 ? g->wire : 0;
}

/* The driver has heard that the link is up: no news of that comes later. */
static inline int guest_link_wait(struct guest *g)
{
	int i;

	if (!(g->n.features & VNIC_BIT(STATUS)))
		return 0;
	for (i = 0; i < 5000; i++) {
		if (vnic_config(&g->n, status) & VIRTIO_NET_S_LINK_UP)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/* Onto an mdev that is there, with a port of that name; running, and with a link. */
static inline int guest_attach(struct guest *g, struct vfio_space *space, const char *uuid,
			       const char *port, const struct vnic_cfg *cfg)
{
	int ret;

	memset(g, 0, sizeof(*g));
	g->wire = -1;
	ret = vnic_open(&g->n, space, uuid, cfg);
	ret = ret ?: guest_wire(g, port);
	ret = ret ?: vnic_start(&g->n);
	ret = ret ?: netio_link_wait(port);
	return ret ?: guest_link_wait(g);
}

static inline void guest_detach(struct guest *g)
{
	vnic_close(&g->n);
	if (g->wire >= 0)
		close(g->wire);
	g->wire = -1;
}

static inline void guest_close(struct guest *g)
{
	guest_detach(g);
	rig_mdev_del(RIG_UUID, RIG_PORT);
	rig_down();
}

/* All of it, with the only device; or nothing. */
static inline int guest_open(struct guest *g, const struct vnic_cfg *cfg)
{
	int ret = rig_up();

	ret = ret ?: rig_mdev(RIG_UUID, RIG_PORT, cfg->pairs ?: 1);
	if (ret) {
		rig_clean();
		return ret;
	}
	ret = guest_attach(g, NULL, RIG_UUID, RIG_PORT, cfg);
	if (ret)
		guest_close(g);
	return ret;
}

/* The next frame that a packet socket gets is this one: its length, or -errno. */
static inline int wire_expect(int wire, const unsigned char *frame, int len, int timeout_ms)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[2048];
	int ret = netio_recv(wire, &h, got, sizeof(got), timeout_ms);

	return ret > 0 && (ret != len || memcmp(frame, got, len)) ? -EBADMSG : ret;
}

/* Frame from the guest to a packet socket: its length, or -errno. */
static inline int guest_to(struct guest *g, unsigned int pair, int to, const struct netio_frame *f,
			   int timeout_ms)
{
	unsigned char frame[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	if (f->len > sizeof(frame))
		return -EMSGSIZE;
	netio_frame_make(f, &h, frame);
	ret = vdrv_send(&g->n.pair[pair], &h, frame, f->len);
	return ret ?: wire_expect(to, frame, f->len, timeout_ms);
}

/* What comes to any pair within @timeout_ms: its length, or -ETIMEDOUT. */
static inline int guest_recv(struct guest *g, struct virtio_net_hdr_v1 *h, void *got, size_t room,
			     int timeout_ms)
{
	unsigned int i;

	if (g->n.pairs == 1)
		return vdrv_recv(&g->n.pair[0], h, got, room, timeout_ms);
	for (; timeout_ms >= 0; timeout_ms--) {
		for (i = 0; i < g->n.pairs; i++)
			if (vdrv_vq_peek(&g->n.pair[i].vq[VDRV_RX]))
				return vdrv_recv(&g->n.pair[i], h, got, room, 0);
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/* The next frame of a test that the guest gets is this one. */
static inline int guest_expect(struct guest *g, const unsigned char *frame, int len,
			       int timeout_ms)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[2048];
	int ret;

	do {
		ret = guest_recv(g, &h, got, sizeof(got), timeout_ms);
	} while (ret > 0 && !netio_frame_payload(got, ret));
	return ret > 0 && (ret != len || memcmp(frame, got, len)) ? -EBADMSG : ret;
}

/* Frame from a packet socket to the guest. */
static inline int guest_from(struct guest *g, int from, const struct netio_frame *f,
			     int timeout_ms)
{
	unsigned char frame[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	if (f->len > sizeof(frame))
		return -EMSGSIZE;
	netio_frame_make(f, &h, frame);
	ret = netio_send(from, &h, frame, f->len);
	return ret ?: guest_expect(g, frame, f->len, timeout_ms);
}

/*
 * One frame each way by the port's netdev: 0 if both arrived whole. What was on its way before is
 * passed over; nothing of it looks like these two.
 */
static inline int guest_ping(struct guest *g, uint32_t seed)
{
	static uint32_t nr;
	struct netio_frame f = { .len = 200, .seed = seed + (++nr << 16) };
	unsigned char frame[256];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = vdrv_drain_tx(&g->n.pair[0], 2000);
	ret = ret ?: vdrv_send(&g->n.pair[0], &h, frame, f.len);
	if (ret)
		return ret;
	do {
		ret = wire_expect(g->wire, frame, f.len, 2000);
	} while (ret == -EBADMSG);
	if (ret < 0)
		return ret;
	f.seed = ~f.seed;
	netio_frame_make(&f, &h, frame);
	ret = netio_send(g->wire, &h, frame, f.len);
	if (ret)
		return ret;
	do {
		ret = guest_expect(g, frame, f.len, 2000);
	} while (ret == -EBADMSG);
	return ret > 0 ? 0 : ret;
}

/* Frames in both directions, unread, as long as there is room. */
static inline void guest_load(struct guest *g, unsigned int n)
{
	struct vdrv *v = &g->n.pair[0];
	uint64_t bytes = 0;

	while (n--) {
		vdrv_tx_reap(v);
		vdrv_tx_burst(v, 16, 200, NULL, NULL);
		vdrv_vq_kick(&v->vq[VDRV_TX]);
		vdrv_rx_reap(v, &bytes);
		vdrv_vq_kick(&v->vq[VDRV_RX]);
	}
}

/* Events that an eventfd has had since the last look, waited for up to @timeout_ms. */
static inline uint64_t rig_events(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	if (poll(&p, 1, timeout_ms) > 0 && read(fd, &n, sizeof(n)) != sizeof(n))
		n = 0;
	return n;
}

#endif /* VFIO_RIG_H */
