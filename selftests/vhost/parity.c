// SPDX-License-Identifier: GPL-2.0-only
/*
 * The same questions to the kernel's own node, with a tap, and to ours: answers are alike, or
 * differ as a row says and for the reason that it gives. Documentation/vhost.md has the table of
 * those that differ.
 */
#include "kselftest_harness.h"
#include <poll.h>
#include <net/if.h>
#include <sys/socket.h>
#include <linux/if_tun.h>
#include "rig.h"

#define OURS	"/dev/vhost-sluice"
#define THEIRS	"/dev/vhost-net"
#define ON_EMPTY VDRV_BIT(VIRTIO_F_NOTIFY_ON_EMPTY)

#ifndef TUN_F_UFO
#define TUN_F_UFO 0x10
#endif

static long dev(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

/* --- a node that was just opened --- */

static long set_num(int fd, unsigned int num)
{
	struct vhost_vring_state s = { 0, num };

	return dev(fd, VHOST_SET_VRING_NUM, &s);
}

static long features_unowned(int fd)
{
	uint64_t f = VDRV_F_VERSION_1;

	return dev(fd, VHOST_SET_FEATURES, &f);
}

static long backend_features_unowned(int fd)
{
	uint64_t f = VDRV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2);

	return dev(fd, VHOST_SET_BACKEND_FEATURES, &f);
}

static long ring_unowned(int fd)
{
	return set_num(fd, 256);
}

static long reset_unowned(int fd)
{
	return dev(fd, VHOST_RESET_OWNER, NULL);
}

static long owned_twice(int fd)
{
	return dev(fd, VHOST_SET_OWNER, NULL) ?: dev(fd, VHOST_SET_OWNER, NULL);
}

static long unknown_feature(int fd)
{
	uint64_t f = VDRV_BIT(63);

	return dev(fd, VHOST_SET_OWNER, NULL) ?: dev(fd, VHOST_SET_FEATURES, &f);
}

static long on_empty_offered(int fd)
{
	uint64_t f = 0;

	return dev(fd, VHOST_GET_FEATURES, &f) ?: !!(f & ON_EMPTY);
}

static long odd_size(int fd)
{
	return dev(fd, VHOST_SET_OWNER, NULL) ?: set_num(fd, 3);
}

static long base_too_large(int fd)
{
	struct vhost_vring_state s = { 0, 0x10000 };

	return dev(fd, VHOST_SET_OWNER, NULL) ?: dev(fd, VHOST_SET_VRING_BASE, &s);
}

static long ring_index(int fd)
{
	struct vhost_vring_state s = { 2, 256 };

	return dev(fd, VHOST_SET_OWNER, NULL) ?: dev(fd, VHOST_SET_VRING_NUM, &s);
}

/* The kernel's reads the number of a ring before it looks what is asked. */
static long unknown_command(int fd)
{
	struct vhost_vring_state s = {};

	return dev(fd, VHOST_SET_OWNER, NULL) ?: dev(fd, _IO(VHOST_VIRTIO, 0xfe), &s);
}

/* An address of the device's is one of the program's: DPDK has it so. */
static long identity(int fd, uint64_t size)
{
	uint64_t f = VDRV_F_VERSION_1 | VDRV_F_IOMMU, b = VDRV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2);
	struct vhost_msg_v2 m = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .size = size, .perm = VHOST_ACCESS_RW, .type = VHOST_IOTLB_UPDATE } };
	long ret = dev(fd, VHOST_SET_OWNER, NULL) ?: dev(fd, VHOST_SET_BACKEND_FEATURES, &b);

	ret = ret ?: dev(fd, VHOST_SET_FEATURES, &f);
	return ret ?: write(fd, &m, sizeof(m)) < 0 ? -errno : 0;
}

static long identity_of_memory(int fd)
{
	return identity(fd, 1ULL << 30);
}

static long identity_of_all(int fd)
{
	return identity(fd, UINT64_MAX);
}

static long identity_of_nothing(int fd)
{
	return identity(fd, 0);
}

/* --- a guest at work --- */

static long base_running(struct guest *g)
{
	struct vhost_vring_state s = { VDRV_TX, 0 };
	unsigned int i;
	long ret = 0;

	for (i = 0; i < 3; i++)
		ret = ret ?: guest_ping(g, i);
	ret = ret ?: dev(g->v.fd, VHOST_GET_VRING_BASE, &s);
	return ret ?: guest_ping(g, i) ?: s.num;
}

static long size_running(struct guest *g)
{
	return set_num(g->v.fd, 128);
}

static long features_running(struct guest *g)
{
	uint64_t f = g->v.features ^ VDRV_F_INDIRECT;
	long ret = dev(g->v.fd, VHOST_SET_FEATURES, &f);

	dev(g->v.fd, VHOST_SET_FEATURES, &g->v.features);
	return ret;
}

/* What replaces a backend is none: the old one goes on. */
static long no_backend(struct guest *g)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	long ret = vdrv_set_backend(&g->v, VDRV_TX, fd);

	close(fd);
	return guest_ping(g, 1) ? -EIO : ret;
}

/* Another port's, for one of the two rings. What is refused changes nothing. */
static long other_backend(struct guest *g)
{
	int fd = rig_port_open("sltest9", false, 1);
	long ret;

	if (fd < 0)
		return fd;
	ret = vdrv_set_backend(&g->v, VDRV_TX, fd);
	if (ret && guest_ping(g, 2))
		ret = -EIO;
	vdrv_set_backend(&g->v, VDRV_TX, -1);
	close(fd);
	rig_port_del("sltest9");
	return ret;
}

/* The driver gave a bad descriptor, and repairs its ring by a reset. */
static long repaired(struct guest *g)
{
	struct vdrv_vq *q = &g->v.vq[VDRV_TX];
	unsigned int i;
	long ret;

	q->avail->ring[0] = q->num;
	__atomic_store_n(&q->avail->idx, 1, __ATOMIC_RELEASE);
	vdrv_kick_always(q);
	for (i = 0; i < 200 && !vdrv_vq_broken(q); i++)
		usleep(10000);
	if (i == 200)
		return -ETIMEDOUT;
	ret = vdrv_stop(&g->v);
	for (i = 0; i < 2; i++) {
		vdrv_vq_fresh(&g->v.vq[i]);
		g->v.vq[i].base = 0;
	}
	ret = ret ?: vdrv_start(&g->v, g->backend);
	ret = ret ?: netio_link_wait(g->name);
	return ret ?: guest_ping(g, 3);
}

/* The last buffer was taken: a driver that wants no interrupts has one. */
static long on_empty(struct guest *g)
{
	struct netio_frame f = { .len = 100 };
	struct vdrv_vq *q = &g->v.vq[VDRV_TX];
	struct virtio_net_hdr_v1 h;
	unsigned char frame[100];
	long ret;

	vdrv_vq_call_off(q);
	vdrv_vq_wait(q, 0);
	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(&g->v, &h, frame, f.len);
	return ret ?: vdrv_vq_wait(q, 1000);
}

/* --- its tap --- */

static long tap_ufo(struct guest *g)
{
	const long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_UFO;
	long ret = ioctl(g->backend, TUNSETOFFLOAD, offloads) < 0 ? -errno : 0;

	return ret ?: guest_ping(g, 4);
}

static long tap_int(struct guest *g, unsigned long cmd, int val)
{
	return dev(g->backend, cmd, &val);
}

static long tap_persist(struct guest *g)
{
	long ret = ioctl(g->backend, TUNSETPERSIST, 1L) < 0 ? -errno : 0;

	ioctl(g->backend, TUNSETPERSIST, 0L);
	return ret;
}

static long tap_owner(struct guest *g)
{
	return ioctl(g->backend, TUNSETOWNER, 0L) < 0 ? -errno : 0;
}

static long tap_carrier(struct guest *g)
{
	return tap_int(g, TUNSETCARRIER, 1);
}

static long tap_steering(struct guest *g)
{
	return tap_int(g, TUNSETSTEERINGEBPF, -1);
}

static long tap_hdr(struct guest *g)
{
	return tap_int(g, TUNSETVNETHDRSZ, 9);
}

static long tap_sndbuf(struct guest *g)
{
	return tap_int(g, TUNSETSNDBUF, 0);
}

/* --- a tap that is read and written, without a node --- */

static long tap_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static long tap_poll_idle(int fd)
{
	return tap_poll(fd);
}

static long tap_read(int fd, size_t room)
{
	static unsigned char buf[4096];
	ssize_t n = read(fd, buf, room);

	return n < 0 ? -errno : n;
}

static long tap_read_idle(int fd)
{
	return tap_read(fd, 4096);
}

static long host_sends(int fd)
{
	struct netio_frame f = { .len = 200 };
	int wire = netio_open("sltest0");
	struct virtio_net_hdr_v1 h;
	unsigned char frame[200];
	long ret;

	if (wire < 0)
		return wire;
	netio_frame_make(&f, &h, frame);
	ret = netio_send(wire, &h, frame, f.len);
	close(wire);
	return ret;
}

static long tap_poll_frame(int fd)
{
	tap_read(fd, 4096);
	return host_sends(fd) ?: tap_poll(fd);
}

static long tap_read_frame(int fd)
{
	tap_read(fd, 4096);
	return host_sends(fd) ?: tap_read(fd, 4096);
}

static long tap_read_short(int fd)
{
	tap_read(fd, 4096);
	return host_sends(fd) ?: tap_read(fd, 50);
}

static long tap_read_no_header(int fd)
{
	tap_read(fd, 4096);
	return host_sends(fd) ?: tap_read(fd, 5);
}

static long tap_read_nobody(int fd)
{
	return host_sends(fd) ?: tap_read(fd, 4096);
}

static long tap_read_offloads(int fd)
{
	tap_read(fd, 4096);
	return dev(fd, TUNSETOFFLOAD, NULL) ?: host_sends(fd) ?: tap_read(fd, 4096);
}

static long tap_poll_down(int fd)
{
	return netio_link_set("sltest0", false) ?: tap_poll(fd);
}

static long tap_write_down(int fd)
{
	static const unsigned char frame[100];
	long ret = netio_link_set("sltest0", false);

	return ret ?: write(fd, frame, sizeof(frame)) < 0 ? -errno : 0;
}

static long tap_poll_gone(int fd)
{
	return netio_run("ip link del sltest0") ? -EIO : tap_poll(fd);
}

static long tap_read_gone(int fd)
{
	return netio_run("ip link del sltest0") ? -EIO : tap_read(fd, 4096);
}

#define OPERATORS "the port is the operator's; as a macvtap's node answers"

static const struct row {
	const char *name;
	long (*node)(int fd);
	long (*guest)(struct guest *g);
	long (*tap)(int fd);
	uint64_t features;
	/* Of those that differ. */
	const char *why;
	long ours, theirs;
} rows[] = {
	{ "features without an owner", .node = features_unowned },
	{ "backend features without an owner", .node = backend_features_unowned },
	{ "a ring without an owner", .node = ring_unowned },
	{ "reset without an owner", .node = reset_unowned },
	{ "an owner twice", .node = owned_twice },
	{ "a feature that is not offered", .node = unknown_feature },
	{ "NOTIFY_ON_EMPTY offered", .node = on_empty_offered },
	{ "a size that is no power of two", .node = odd_size },
	{ "a base beyond 16 bits", .node = base_too_large },
	{ "a third ring", .node = ring_index },
	{ "an unknown command", .node = unknown_command },
	{ "an identity map of the program's memory", .node = identity_of_memory },
	{ "an identity map of all there is", .node = identity_of_all },
	{ "an identity map of nothing", .node = identity_of_nothing },
	{ "base of a running ring", .guest = base_running },
	{ "size of a running ring", .guest = size_running },
	{ "features of a running ring", .guest = features_running,
	  .why = "they lay out what the worker uses", .ours = -EBUSY, .theirs = 0 },
	{ "a backend that is none, for one that runs", .guest = no_backend },
	{ "another port's backend for one ring", .guest = other_backend,
	  .why = "both rings of a pair are one port's", .ours = -EBUSY, .theirs = 0 },
	{ "a ring that was broken, reset", .guest = repaired },
	{ "NOTIFY_ON_EMPTY", .guest = on_empty, .features = ON_EMPTY },
	{ "TUN_F_UFO", .guest = tap_ufo },
	{ "a header of 9 bytes", .guest = tap_hdr },
	{ "a send buffer of 0", .guest = tap_sndbuf },
	{ "TUNSETPERSIST", .guest = tap_persist, .why = OPERATORS, .ours = -EINVAL, .theirs = 0 },
	{ "TUNSETOWNER", .guest = tap_owner, .why = OPERATORS, .ours = -EINVAL, .theirs = 0 },
	{ "TUNSETCARRIER", .guest = tap_carrier, .why = OPERATORS, .ours = -EINVAL, .theirs = 0 },
	{ "TUNSETSTEERINGEBPF", .guest = tap_steering,
	  .why = "refusing it is how QEMU learns that there is no RSS",
	  .ours = -EINVAL, .theirs = 0 },
	{ "poll of an idle tap", .tap = tap_poll_idle },
	{ "read of an idle tap", .tap = tap_read_idle },
	{ "poll when there is a frame", .tap = tap_poll_frame },
	{ "read of a frame", .tap = tap_read_frame },
	{ "read into too little room", .tap = tap_read_short },
	{ "read into less than a header", .tap = tap_read_no_header },
	{ "read of a frame without offloads", .tap = tap_read_offloads },
	{ "read of a frame that came before anybody read, polled or wrote", .tap = tap_read_nobody,
	  .why = "frames would be held for a file that a vhost node has",
	  .ours = -EAGAIN, .theirs = 210 },
	{ "poll of a tap that is down", .tap = tap_poll_down },
	{ "write to a tap that is down", .tap = tap_write_down },
	{ "poll of a tap that is gone", .tap = tap_poll_gone },
	{ "read of a tap that is gone", .tap = tap_read_gone,
	  .why = "as the file's ioctls", .ours = -ENODEV, .theirs = -EBADFD },
};

static long ask(const struct row *r, const char *node)
{
	struct vdrv_cfg cfg = { .features = VDRV_F_VERSION_1 | r->features };
	struct guest g;
	long ret;
	int fd;

	setenv("VHOST_NODE", node, 1);
	if (r->guest) {
		ret = guest_open(&g, "sltest0", &cfg);
		ret = ret ?: r->guest(&g);
		guest_close(&g);
		return ret;
	}
	if (r->tap) {
		fd = rig_port_open("sltest0", false, 1);
		if (fd < 0)
			return fd;
		ret = netio_link_wait("sltest0") ?: r->tap(fd);
		close(fd);
		rig_port_del("sltest0");
		return ret;
	}
	fd = open(node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	ret = r->node(fd);
	close(fd);
	return ret;
}

TEST(both_nodes)
{
	unsigned int i;

	if (access(THEIRS, R_OK | W_OK))
		SKIP(return, "the kernel has no node of its own");
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		long ours = ask(r, OURS), theirs = ask(r, THEIRS);

		TH_LOG("%s: ours %ld, the kernel's %ld%s%s", r->name, ours, theirs,
		       r->why ? ": " : "",
		       r->why ?: "");
		if (r->why) {
			EXPECT_EQ(r->ours, ours) TH_LOG("%s", r->name);
			EXPECT_EQ(r->theirs, theirs) TH_LOG("%s", r->name);
		} else {
			EXPECT_EQ(theirs, ours) TH_LOG("%s", r->name);
		}
	}
}

TEST_HARNESS_MAIN
