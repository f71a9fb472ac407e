// SPDX-License-Identifier: GPL-2.0-only
/* A guest port's own node: tap ioctls as VMMs use them, queue pairs, and frames written to it. */
#include "kselftest_harness.h"
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include "rig.h"

#define PORT		"sltest0"
#define PAIRS		2
#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF)

/* Nothing is mapped there. (Volatile, or the compiler tells us so.) */
static void *volatile bad_ptr = (void *)8;

FIXTURE(tap)
{
	int fd;
	char path[32];
};

FIXTURE_SETUP(tap)
{
	self->fd = -1;
	if (!rig_is_sluice())
		SKIP(return, "these are Sluice's");
	netio_link_del(PORT);
	ASSERT_EQ(0, netio_port_add(PORT, NULL, PAIRS));
	snprintf(self->path, sizeof(self->path), "/dev/tap%d", netio_ifindex(PORT));
	self->fd = open(self->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(tap)
{
	if (self->fd < 0)
		return;
	close(self->fd);
	netio_link_del(PORT);
}

/* The result of an ioctl as 0 or -errno. */
static int tap(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static int set_int(int fd, unsigned long cmd, int val)
{
	return tap(fd, cmd, &val);
}

static int get_int(int fd, unsigned long cmd)
{
	int val = -1;

	return tap(fd, cmd, &val) ?: val;
}

static int set_iff(int fd, const char *name, int flags)
{
	struct ifreq r = { .ifr_flags = flags };

	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	return tap(fd, TUNSETIFF, &r);
}

static int set_queue(int fd, int flags)
{
	struct ifreq r = { .ifr_flags = flags };

	return tap(fd, TUNSETQUEUE, &r);
}

static int set_offload(int fd, unsigned int bits)
{
	return ioctl(fd, TUNSETOFFLOAD, bits) < 0 ? -errno : 0;
}

TEST_F(tap, interface)
{
	int all = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
	struct ifreq r = { 0 };

	EXPECT_EQ(0, tap(self->fd, TUNGETIFF, &r));
	EXPECT_STREQ(PORT, r.ifr_name);
	EXPECT_EQ(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, r.ifr_flags);
	EXPECT_EQ(all, get_int(self->fd, TUNGETFEATURES));
	EXPECT_EQ(0, set_iff(self->fd, PORT, all));
	EXPECT_EQ(0, tap(self->fd, TUNGETIFF, &r));
	EXPECT_EQ(all, r.ifr_flags);
	EXPECT_EQ(0, set_iff(self->fd, "", IFF_TAP | IFF_NO_PI));
	EXPECT_EQ(-EINVAL, set_iff(self->fd, "lo", all));
	EXPECT_EQ(-EINVAL, set_iff(self->fd, PORT, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR));
	EXPECT_EQ(-EINVAL, set_iff(self->fd, PORT, IFF_TAP | IFF_VNET_HDR));
	EXPECT_EQ(-EINVAL, set_iff(self->fd, PORT, all | IFF_TUN_EXCL));
	/* By whatever name it goes now. */
	EXPECT_EQ(0, netio_run("ip link set " PORT " name sltest9"));
	EXPECT_EQ(-EINVAL, set_iff(self->fd, PORT, all));
	EXPECT_EQ(0, set_iff(self->fd, "sltest9", all));
	EXPECT_EQ(0, netio_run("ip link set sltest9 name " PORT));
}

TEST_F(tap, numbers)
{
	static const int bad[] = { 0, 9, 11, 13, 21, -1, INT_MAX, INT_MIN };
	static const int good[] = { 10, 12, 20 };
	unsigned int i;

	EXPECT_EQ(10, get_int(self->fd, TUNGETVNETHDRSZ));
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_EQ(0, set_int(self->fd, TUNSETVNETHDRSZ, good[i]));
		EXPECT_EQ(good[i], get_int(self->fd, TUNGETVNETHDRSZ));
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(-EINVAL, set_int(self->fd, TUNSETVNETHDRSZ, bad[i]));
	EXPECT_EQ(20, get_int(self->fd, TUNGETVNETHDRSZ));
	EXPECT_EQ(INT_MAX, get_int(self->fd, TUNGETSNDBUF));
	EXPECT_EQ(0, set_int(self->fd, TUNSETSNDBUF, 4096));
	EXPECT_EQ(4096, get_int(self->fd, TUNGETSNDBUF));
	EXPECT_EQ(-EINVAL, set_int(self->fd, TUNSETSNDBUF, 0));
	EXPECT_EQ(-EINVAL, set_int(self->fd, TUNSETSNDBUF, -1));
	EXPECT_EQ(0, get_int(self->fd, TUNGETVNETLE));
	EXPECT_EQ(0, set_int(self->fd, TUNSETVNETLE, 7));
	EXPECT_EQ(1, get_int(self->fd, TUNGETVNETLE));
	EXPECT_EQ(0, set_int(self->fd, TUNSETVNETBE, 1));
	EXPECT_EQ(1, get_int(self->fd, TUNGETVNETBE));
	EXPECT_EQ(-EINVAL, set_int(self->fd, TUNSETSTEERINGEBPF, -1));
	EXPECT_EQ(-EINVAL, set_int(self->fd, TUNSETPERSIST, 1));
	EXPECT_EQ(-EINVAL, set_int(self->fd, 0xffffffff, 1));
}

TEST_F(tap, offloads)
{
	unsigned int tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, bit;

	EXPECT_EQ(0, set_offload(self->fd, 0));
	EXPECT_EQ(0, set_offload(self->fd, TUN_F_CSUM));
	EXPECT_EQ(0, set_offload(self->fd, tso | TUN_F_TSO_ECN));
	EXPECT_EQ(0, set_offload(self->fd, tso | 0x20 | 0x40));
	/* A guest that saw it on a tap is migrated here only if it is here too. */
	EXPECT_EQ(0, set_offload(self->fd, TUN_F_CSUM | TUN_F_UFO));
	EXPECT_EQ(0, set_offload(self->fd, tso | TUN_F_UFO | 0x20 | 0x40));
	/* What VMMs probe for, and what makes no sense. */
	EXPECT_EQ(-EINVAL, set_offload(self->fd, TUN_F_UFO));
	EXPECT_EQ(-EINVAL, set_offload(self->fd, TUN_F_TSO4));
	EXPECT_EQ(-EINVAL, set_offload(self->fd, TUN_F_CSUM | TUN_F_TSO_ECN));
	EXPECT_EQ(-EINVAL, set_offload(self->fd, TUN_F_CSUM | 0x20));
	for (bit = 7; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, set_offload(self->fd, TUN_F_CSUM | 1U << bit));
}

TEST_F(tap, bad_pointers)
{
	static const unsigned long cmds[] = {
		TUNGETIFF, TUNSETIFF, TUNGETFEATURES, TUNGETVNETHDRSZ, TUNSETVNETHDRSZ,
		TUNSETQUEUE, TUNGETSNDBUF, TUNSETSNDBUF, TUNSETVNETLE, TUNGETVNETLE,
		TUNSETVNETBE, TUNGETVNETBE, SIOCGIFHWADDR, SIOCSIFHWADDR,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		EXPECT_EQ(-EFAULT, tap(self->fd, cmds[i], bad_ptr)) TH_LOG("command %u", i);
}

TEST_F(tap, address)
{
	struct ifreq r = { 0 }, other = { 0 };
	int status;
	pid_t pid;

	EXPECT_EQ(0, netio_run("ip link set " PORT " address 02:11:22:33:44:55"));
	EXPECT_EQ(0, tap(self->fd, SIOCGIFHWADDR, &r));
	EXPECT_STREQ(PORT, r.ifr_name);
	EXPECT_EQ(0, memcmp(r.ifr_hwaddr.sa_data, "\x02\x11\x22\x33\x44\x55", 6));
	r.ifr_hwaddr.sa_data[5] = 0x66;
	EXPECT_EQ(0, tap(self->fd, SIOCSIFHWADDR, &r));
	/* A guest's VMM has the file and no capability: the port's address is not its to change. */
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(2);
		r.ifr_hwaddr.sa_data[5] = 0x77;
		_exit(tap(self->fd, SIOCSIFHWADDR, &r) == -EPERM ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, tap(self->fd, SIOCGIFHWADDR, &other));
	EXPECT_EQ(0x66, other.ifr_hwaddr.sa_data[5]);
}

TEST_F(tap, pairs)
{
	int second = open(self->path, O_RDWR | O_CLOEXEC), third;

	ASSERT_GE(second, 0);
	third = open(self->path, O_RDWR | O_CLOEXEC);
	EXPECT_LT(third, 0);
	EXPECT_EQ(EBUSY, errno);
	/* The lowest that is free, whichever it was. */
	close(self->fd);
	self->fd = open(self->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	EXPECT_GE(self->fd, 0);
	close(second);
}

/*
 * Off and on, with a backend set meanwhile, as QEMU does with the pairs that its guest does not
 * use.
 */
TEST_F(tap, switched_while_bound)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = FEATURES };
	struct vhost_vring_state s = { 1, 0 };
	struct guest g = { .name = PORT };
	struct netio_frame f = { .len = 128 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128], got[2048];
	int i;

	ASSERT_EQ(0, netio_run("sysctl -qw net.ipv6.conf." PORT ".disable_ipv6=1"));
	ASSERT_EQ(0, netio_link_set(PORT, true));
	g.backend = self->fd;
	g.wire = netio_open(PORT);
	ASSERT_GE(g.wire, 0);
	ASSERT_EQ(0, vdrv_open(&g.v, &cfg));
	EXPECT_EQ(0, set_queue(self->fd, IFF_DETACH_QUEUE));
	ASSERT_EQ(0, vdrv_start(&g.v, self->fd));
	/* Bound, and nobody serves it: nothing gets through, and its state can be read. */
	netio_frame_make(&f, &h, frame);
	ASSERT_EQ(0, vdrv_send(&g.v, &h, frame, f.len));
	EXPECT_EQ(-ETIMEDOUT, netio_recv(g.wire, &h, got, sizeof(got), 50));
	EXPECT_EQ(0, ioctl(g.v.fd, VHOST_GET_VRING_BASE, &s));
	EXPECT_EQ(0, set_queue(self->fd, IFF_ATTACH_QUEUE));
	EXPECT_EQ(128, netio_recv(g.wire, &h, got, sizeof(got), 2000));
	EXPECT_EQ(0, netio_link_wait(PORT));
	for (i = 0; i < 20; i++) {
		EXPECT_EQ(0, guest_ping(&g, i * 2)) TH_LOG("round %d", i);
		EXPECT_EQ(0, ioctl(g.v.fd, VHOST_GET_VRING_BASE, &s));
		EXPECT_EQ(0, set_queue(self->fd, IFF_DETACH_QUEUE));
		EXPECT_EQ(-EINVAL, set_queue(self->fd, IFF_DETACH_QUEUE));
		EXPECT_EQ(0, set_queue(self->fd, IFF_ATTACH_QUEUE));
		EXPECT_EQ(0, netio_link_wait(PORT));
	}
	EXPECT_EQ(-EINVAL, set_queue(self->fd, 0));
	EXPECT_EQ(-EINVAL, set_queue(self->fd, IFF_ATTACH_QUEUE | IFF_DETACH_QUEUE));
	EXPECT_EQ(0, set_queue(self->fd, IFF_DETACH_QUEUE));
	EXPECT_EQ(0, vdrv_stop(&g.v));
	EXPECT_EQ(0, set_queue(self->fd, IFF_ATTACH_QUEUE));
	vdrv_close(&g.v);
	close(g.wire);
}

/* A pair has one node, and a node has one pair. */
TEST_F(tap, one_to_one)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = FEATURES };
	int second = open(self->path, O_RDWR | O_CLOEXEC);
	struct vdrv v, w;

	ASSERT_GE(second, 0);
	ASSERT_EQ(0, vdrv_open(&v, &cfg));
	ASSERT_EQ(0, vdrv_open(&w, &cfg));
	ASSERT_EQ(0, vdrv_start(&v, self->fd));
	EXPECT_EQ(-EBUSY, vdrv_start(&w, self->fd));
	EXPECT_EQ(-EBUSY, vdrv_set_backend(&v, 1, second));
	/* The ring that was taken off its backend comes back to it. */
	EXPECT_EQ(0, vdrv_set_backend(&v, 1, self->fd));
	EXPECT_EQ(0, vdrv_set_backend(&v, 1, self->fd));
	EXPECT_EQ(0, vdrv_start(&w, second));
	vdrv_close(&w);
	vdrv_close(&v);
	close(second);
}

TEST_F(tap, written_frames)
{
	static const int sizes[] = { 10, 12, 20 };
	struct netio_frame f = { .len = 300 };
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };
	unsigned char buf[70000] = { 0 }, got[2048];
	struct virtio_net_hdr_v1 h;
	unsigned int i, n;
	int wire;

	ASSERT_EQ(0, netio_run("sysctl -qw net.ipv6.conf." PORT ".disable_ipv6=1"));
	ASSERT_EQ(0, netio_link_set(PORT, true));
	wire = netio_open(PORT);
	ASSERT_GE(wire, 0);
	EXPECT_EQ(1, poll(&p, 1, 0));
	EXPECT_EQ(POLLOUT, p.revents);
	EXPECT_EQ(-1, read(self->fd, got, sizeof(got)));
	EXPECT_EQ(EAGAIN, errno);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		n = sizes[i];
		memset(buf, 0, n);
		f.seed = i;
		netio_frame_make(&f, &h, buf + n);
		EXPECT_EQ(0, set_int(self->fd, TUNSETVNETHDRSZ, n));
		EXPECT_EQ((ssize_t)(f.len + n), write(self->fd, buf, f.len + n));
		EXPECT_EQ((int)f.len, netio_recv(wire, &h, got, sizeof(got), 2000));
		EXPECT_EQ(0, memcmp(buf + n, got, f.len));
		/* No frame, half a header, more than a frame can be, a header that lies. */
		EXPECT_EQ(-1, write(self->fd, buf, 0));
		EXPECT_EQ(-1, write(self->fd, buf, 5));
		EXPECT_EQ(-1, write(self->fd, buf, n + 13));
		EXPECT_EQ(-1, write(self->fd, buf, sizeof(buf)));
		EXPECT_EQ(-1, write(self->fd, bad_ptr, 200));
		EXPECT_EQ(EFAULT, errno);
		memset(buf, 0xff, n);
		EXPECT_EQ(-1, write(self->fd, buf, f.len + n));
	}
	/* As a tap that is down. */
	memset(buf, 0, n);
	ASSERT_EQ(0, netio_link_set(PORT, false));
	EXPECT_EQ(-1, write(self->fd, buf, f.len + n));
	EXPECT_EQ(EIO, errno);
	ASSERT_EQ(0, netio_link_set(PORT, true));
	close(wire);
	wire = netio_open(PORT);
	ASSERT_GE(wire, 0);
	/* And without a header. */
	EXPECT_EQ(0, set_iff(self->fd, "", IFF_TAP | IFF_NO_PI));
	EXPECT_EQ((ssize_t)f.len, write(self->fd, buf + n, f.len));
	EXPECT_EQ((int)f.len, netio_recv(wire, &h, got, sizeof(got), 2000));
	close(wire);
}

static uint32_t add_up(const unsigned char *p, size_t len, uint32_t sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += p[0] << 8 | p[1];
	return sum;
}

/* As a router's: it is there for half an hour, and so is a prefix of its. */
static size_t router_advertisement(unsigned char *f)
{
	static const unsigned char head[] = {
		0x33, 0x33, 0, 0, 0, 1,			2, 0, 0, 0, 0, 1,
		0x86, 0xdd, 0x60, 0, 0, 0,		0, 48, 58, 255,
		0xfe, 0x80, 0, 0, 0, 0, 0, 0,		0, 0, 0, 0, 0, 0, 0, 1,
		0xff, 2, 0, 0, 0, 0, 0, 0,		0, 0, 0, 0, 0, 0, 0, 1,
		134, 0, 0, 0, 64, 0, 7, 8,		0, 0, 0, 0, 0, 0, 0, 0,
		3, 4, 64, 0xc0, 0, 0, 7, 8,		0, 0, 7, 8, 0, 0, 0, 0,
		0x20, 1, 0xd, 0xb8, 0x51, 5, 0, 0,	0, 0, 0, 0, 0, 0, 0, 0,
	};
	uint32_t sum;

	memcpy(f, head, sizeof(head));
	sum = add_up(f + 22, 32 + 48, 58 + 48);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[56] = sum >> 8;
	f[57] = sum;
	return sizeof(head);
}

/* Did it become a route of the host's? */
static bool advertised(int fd)
{
	unsigned char f[256];
	size_t len = router_advertisement(f);
	int i;

	for (i = 0; i < 10; i++) {
		if (write(fd, f, len) != (ssize_t)len)
			return false;
		if (!netio_run("ip -6 route show dev " PORT " | grep -q 'default via fe80::1'"))
			return true;
		usleep(10000);
	}
	return false;
}

/* 6.8: a guest is a router to the host only if the operator says so. */
TEST_F(tap, router_advertisement)
{
	const char *const off = "test $(sysctl -n net.ipv6.conf." PORT ".accept_ra) = 0";
	const char *const on = "sysctl -qw net.ipv6.conf." PORT ".accept_ra=1";

	EXPECT_EQ(0, netio_run("%s", off));
	ASSERT_EQ(0, set_iff(self->fd, "", IFF_TAP | IFF_NO_PI));
	ASSERT_EQ(0, netio_link_set(PORT, true));
	EXPECT_FALSE(advertised(self->fd));
	EXPECT_NE(0, netio_run("ip -6 addr show dev " PORT " | grep -q 2001:db8:5105"));
	EXPECT_EQ(0, netio_run("%s", on));
	EXPECT_TRUE(advertised(self->fd));
	/* What the operator says stays said. */
	ASSERT_EQ(0, netio_link_set(PORT, false));
	ASSERT_EQ(0, netio_link_set(PORT, true));
	EXPECT_TRUE(advertised(self->fd));
	/* IPv6 begins anew. */
	ASSERT_EQ(0, netio_link_mtu(PORT, 1000));
	ASSERT_EQ(0, netio_link_mtu(PORT, 1500));
	EXPECT_EQ(0, netio_run("%s", off));
	EXPECT_FALSE(advertised(self->fd));
	ASSERT_EQ(0, netio_run("ip netns add slra && ip link set " PORT " netns slra"));
	EXPECT_EQ(0, netio_run("ip netns exec slra %s", "sysctl net.ipv6.conf." PORT ".accept_ra | "
			       "grep -q '= 0$'"));
	EXPECT_EQ(0, netio_run("ip -n slra link set " PORT " netns 1; ip netns del slra"));
}

/*
 * 4.3: what the worker does for who writes is charged to his port, as what it does for his rings.
 * The clock may be a coarse one: until it shows.
 */
TEST_F(tap, calls_are_charged)
{
	unsigned char f[256];
	size_t len = router_advertisement(f);
	unsigned int i;
	long before;

	ASSERT_EQ(0, set_iff(self->fd, "", IFF_TAP | IFF_NO_PI));
	ASSERT_EQ(0, netio_link_set(PORT, true));
	before = netio_shown("stats " PORT, "busy-ns");
	ASSERT_LE(0, before);
	for (i = 1; i <= 100000; i++) {
		ASSERT_EQ((ssize_t)len, write(self->fd, f, len));
		if (i % 1000 == 0 && netio_shown("stats " PORT, "busy-ns") > before)
			break;
	}
	EXPECT_LT(before, netio_shown("stats " PORT, "busy-ns"));
}

/* All goes on working, or says that there is nothing left to work on. */
TEST_F(tap, port_gone)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = FEATURES };
	struct ifreq r = { 0 };
	unsigned char frame[128] = { 0 };
	struct vdrv v;

	ASSERT_EQ(0, vdrv_open(&v, &cfg));
	ASSERT_EQ(0, vdrv_start(&v, self->fd));
	ASSERT_EQ(0, netio_run("ip link del " PORT));
	EXPECT_NE(0, access(self->path, F_OK));
	EXPECT_EQ(-ENODEV, tap(self->fd, TUNGETIFF, &r));
	EXPECT_EQ(-ENODEV, tap(self->fd, SIOCGIFHWADDR, &r));
	EXPECT_EQ(-ENODEV, tap(self->fd, SIOCSIFHWADDR, &r));
	EXPECT_EQ(-ENODEV, set_offload(self->fd, TUN_F_CSUM));
	EXPECT_EQ(-1, write(self->fd, frame, sizeof(frame)));
	EXPECT_EQ(ENODEV, errno);
	/* QEMU asserts that these succeed. */
	EXPECT_EQ(0, set_queue(self->fd, IFF_DETACH_QUEUE));
	EXPECT_EQ(0, set_queue(self->fd, IFF_ATTACH_QUEUE));
	EXPECT_EQ(0, vdrv_set_mem(&v));
	EXPECT_EQ(0, vdrv_stop(&v));
	EXPECT_EQ(-ENODEV, vdrv_start(&v, self->fd));
	EXPECT_EQ(0, vdrv_stop(&v));
	vdrv_close(&v);
	ASSERT_EQ(0, netio_run("ip link add " PORT " type sluice"));
}

/* Whoever is in another namespace than the port does not get it by its number. */
TEST_F(tap, namespace)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		if (unshare(CLONE_NEWNET))
			_exit(2);
		_exit(open(self->path, O_RDWR) < 0 && errno == ENXIO ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
