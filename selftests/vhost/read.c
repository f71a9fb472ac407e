// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest port's node in the hands of somebody who reads and writes it, as a VMM does without
 * vhost: frames wait for him, whole or as he takes them, until a ring comes.
 */
#include "kselftest_harness.h"
#include <poll.h>
#include <pthread.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include "rig.h"

#define PORT	"sltest0"
#define INBOX	1024	/* frames that wait, at most */

FIXTURE(reader)
{
	int fd;
	int wire;
};

FIXTURE_SETUP(reader)
{
	self->fd = -1;
	if (!rig_is_sluice())
		SKIP(return, "these are Sluice's");
	self->fd = rig_port_open(PORT, false, 1);
	ASSERT_GE(self->fd, 0);
	self->wire = netio_open(PORT);
	ASSERT_GE(self->wire, 0);
	ASSERT_EQ(0, netio_link_wait(PORT));
}

FIXTURE_TEARDOWN(reader)
{
	if (self->fd < 0)
		return;
	close(self->fd);
	close(self->wire);
	if (netio_ifindex(PORT) >= 0)
		netio_run("ip link del " PORT);
}

static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static int host_sends(int wire, const struct netio_frame *f)
{
	static unsigned char frame[70000];
	struct virtio_net_hdr_v1 h;

	netio_frame_make(f, &h, frame);
	return netio_send(wire, &h, frame, f->len);
}

/* Length, or -errno. */
static ssize_t get(int fd, void *buf, size_t room)
{
	ssize_t n = read(fd, buf, room);

	return n < 0 ? -errno : n;
}

/* Whatever else the host has to say is thrown away. */
static ssize_t get_ours(int fd, unsigned int hdr, unsigned char *buf, size_t room)
{
	ssize_t n;

	do {
		n = get(fd, buf, room);
	} while (n > (ssize_t)hdr && !netio_frame_payload(buf + hdr, n - hdr));
	return n;
}

/* Frames come whole, behind a header of the size that was asked for. */
TEST_F(reader, sizes)
{
	static const unsigned int hdrs[] = { 10, 12, 20 };
	static const size_t sizes[] = { 60, 128, 1514 };
	static unsigned char buf[4096], want[4096];
	struct virtio_net_hdr_v1 h;
	unsigned int i, k;

	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	for (i = 0; i < ARRAY_SIZE(hdrs); i++) {
		ASSERT_EQ(0, vdrv_backend_hdr(self->fd, hdrs[i]));
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			struct netio_frame f = { .len = sizes[k], .seed = i * 8 + k };

			ASSERT_EQ(0, host_sends(self->wire, &f));
			EXPECT_EQ(POLLIN | POLLOUT, polled(self->fd));
			/* Less than a header: nothing is taken. */
			EXPECT_EQ(-EINVAL, get(self->fd, buf, hdrs[i] - 1));
			memset(buf, 0xee, sizeof(buf));
			ASSERT_EQ((ssize_t)(hdrs[i] + f.len),
				  get_ours(self->fd, hdrs[i], buf, sizeof(buf)));
			netio_frame_make(&f, &h, want);
			EXPECT_EQ(0, memcmp(want, buf + hdrs[i], f.len));
			EXPECT_EQ(0xee, buf[hdrs[i] + f.len]);
			EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
		}
	}
	EXPECT_EQ(POLLOUT, polled(self->fd));
}

/* What a reader takes unfinished comes so; else in pieces, finished. */
TEST_F(reader, segmentation)
{
	struct netio_frame f = { .len = 14 + 20 + 20 + 10 * 1000, .tcp = true, .mss = 1000,
				 .partial = true };
	static unsigned char buf[70000];
	struct virtio_net_hdr *h = (void *)buf;
	unsigned int i;

	ASSERT_EQ(0, vdrv_backend_hdr(self->fd, sizeof(*h)));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	ASSERT_EQ((ssize_t)(sizeof(*h) + f.len), get_ours(self->fd, sizeof(*h), buf, sizeof(buf)));
	EXPECT_EQ(VIRTIO_NET_HDR_F_NEEDS_CSUM, h->flags);
	EXPECT_EQ(VIRTIO_NET_HDR_GSO_TCPV4, h->gso_type);
	EXPECT_EQ(f.mss, h->gso_size);
	EXPECT_EQ(54, h->hdr_len);
	EXPECT_EQ(34, h->csum_start);
	EXPECT_EQ(16, h->csum_offset);
	/* Counted as on the wire. */
	EXPECT_EQ(10, netio_stat(PORT, "tx_packets"));
	EXPECT_EQ(10 * (54 + 1000), netio_stat(PORT, "tx_bytes"));

	ASSERT_EQ(0, host_sends(self->wire, &f));
	/* It waits already. */
	ASSERT_EQ(0, vdrv_backend_offload(self->fd, false));
	for (i = 0; i < 10; i++) {
		ssize_t n = get_ours(self->fd, sizeof(*h), buf, sizeof(buf));

		ASSERT_EQ((ssize_t)(sizeof(*h) + 54 + 1000), n) TH_LOG("segment %u", i);
		EXPECT_EQ(0, h->flags);
		EXPECT_EQ(0, h->gso_type);
		EXPECT_TRUE(netio_frame_csum_ok(buf + sizeof(*h), n - sizeof(*h)));
	}
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
}

/* The port's policy holds for readers too. */
TEST_F(reader, policy)
{
	struct netio_frame f = { .len = 200 }, other = { .len = 200, .dport = 7 };
	unsigned char buf[2048];

	ASSERT_EQ(0, netio_run("sluice acl add port " PORT " prio 1 dir to-guest proto udp dport 7 "
			       "deny"));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, host_sends(self->wire, &other));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(210, get_ours(self->fd, 10, buf, sizeof(buf)));
	EXPECT_EQ(NETIO_PORT, buf[10 + 36] << 8 | buf[10 + 37]);
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	/* A held port's frames stay where they are. */
	ASSERT_EQ(0, host_sends(self->wire, &f));
	ASSERT_EQ(0, netio_run("sluice port hold " PORT));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	ASSERT_EQ(0, netio_run("sluice port release " PORT));
	EXPECT_EQ(210, get_ours(self->fd, 10, buf, sizeof(buf)));
}

/*
 * A limit holds for a reader as for a ring, but that he does not wait: what exceeds it is gone, and
 * what does not comes. It is the port's: no other descriptor, and no ring, has one of its own.
 */
TEST_F(reader, limited)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = VDRV_F_VERSION_1 };
	struct netio_frame f = { .len = 1000, .seed = 1 };
	struct virtio_net_hdr_v1 h;
	unsigned char buf[2048];
	unsigned int i;
	struct vdrv v;

	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, netio_run("sluice rate set port " PORT " dir to-guest bps 8 burst 3000"));
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, host_sends(self->wire, &f));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(1010, get_ours(self->fd, 10, buf, sizeof(buf)));
	EXPECT_EQ(-EAGAIN, get_ours(self->fd, 10, buf, sizeof(buf)));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	EXPECT_EQ(197, netio_drops(PORT, "rate"));
	EXPECT_EQ(3, netio_stat(PORT, "tx_packets"));
	/* Nothing is left of it for a ring, but for a frame that begins with the next byte. */
	ASSERT_EQ(0, vdrv_open(&v, &cfg));
	ASSERT_EQ(0, vdrv_start(&v, self->fd));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, host_sends(self->wire, &f));
	i = vdrv_recv(&v, &h, buf, sizeof(buf), 300) > 0;
	i += vdrv_recv(&v, &h, buf, sizeof(buf), 300) > 0;
	EXPECT_GE(1, i);
	vdrv_close(&v);
	ASSERT_EQ(0, vdrv_backend_hdr(self->fd, 10));
	close(self->fd);
	self->fd = rig_port_open(PORT, false, 1);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, netio_link_wait(PORT));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(-EAGAIN, get_ours(self->fd, 10, buf, sizeof(buf)));
	/* Who had nothing goes on when it is gone. */
	ASSERT_EQ(0, netio_run("sluice rate off port " PORT));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(1010, get_ours(self->fd, 10, buf, sizeof(buf)));
}

/*
 * However much waits in front that nobody may have: the next read finds what may be had, for who
 * was told that there is something is not told again.
 */
TEST_F(reader, behind_others)
{
	struct netio_frame f = { .len = 200 }, other = { .len = 200, .dport = 7 };
	unsigned char buf[2048];
	unsigned int i;

	ASSERT_EQ(0, netio_run("sluice acl add port " PORT " prio 1 dir to-guest proto udp dport 7 "
			       "deny"));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	for (i = 0; i < INBOX - 1; i++) {
		/* Each of a flow that was not there before. */
		other.sport = i + 1;
		ASSERT_EQ(0, host_sends(self->wire, &other));
	}
	ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(POLLIN | POLLOUT, polled(self->fd));
	EXPECT_EQ(210, get(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	EXPECT_EQ(INBOX - 1, netio_drops(PORT, "acl"));
}

/* Nobody reads: so many wait, in order, the others are counted. Nobody ever did: none. */
TEST_F(reader, bounded)
{
	struct netio_frame f = { .len = 100 };
	unsigned char buf[2048];
	unsigned int i;

	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	for (i = 0; i < 2 * INBOX; i++) {
		f.sport = i + 1;
		ASSERT_EQ(0, host_sends(self->wire, &f));
	}
	for (i = 0; i < INBOX; i++) {
		ASSERT_EQ(110, get_ours(self->fd, 10, buf, sizeof(buf))) TH_LOG("frame %u", i);
		ASSERT_EQ((int)i + 1, buf[10 + 34] << 8 | buf[10 + 35]);
	}
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	EXPECT_EQ(0, netio_run("ethtool -S " PORT " | grep -q 'drop_inbox-full: %d$'", INBOX));
}

/* Rings come first, and what waited before is not theirs; the reader goes on after them. */
TEST_F(reader, beside_rings)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = VDRV_F_VERSION_1 };
	struct guest g = { .name = PORT, .backend = self->fd, .wire = self->wire };
	struct netio_frame f = { .len = 100, .seed = 77 };
	unsigned char buf[2048];
	struct virtio_net_hdr_v1 h;
	unsigned int i;

	ASSERT_EQ(0, vdrv_open(&g.v, &cfg));
	for (i = 0; i < 10; i++) {
		EXPECT_EQ(-EAGAIN, get_ours(self->fd, 10, buf, sizeof(buf)));
		ASSERT_EQ(0, host_sends(self->wire, &f));
		ASSERT_EQ(0, vdrv_start(&g.v, self->fd));
		EXPECT_EQ(0, guest_ping(&g, i * 2));
		EXPECT_EQ(-ETIMEDOUT, vdrv_recv(&g.v, &h, buf, sizeof(buf), 0));
		EXPECT_EQ(POLLOUT, polled(self->fd));
		EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
		ASSERT_EQ(0, vdrv_stop(&g.v));
		/* The driver's was longer. */
		ASSERT_EQ(0, vdrv_backend_hdr(self->fd, 10));
		ASSERT_EQ(0, host_sends(self->wire, &f));
		EXPECT_EQ(110, get_ours(self->fd, 10, buf, sizeof(buf)));
	}
	vdrv_close(&g.v);
}

/* A pair that is switched off has no reader, and one that is closed leaves none. */
TEST_F(reader, switched_off)
{
	struct ifreq r = { .ifr_flags = IFF_DETACH_QUEUE };
	struct netio_frame f = { .len = 100 };
	unsigned char buf[2048];

	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	ASSERT_EQ(0, ioctl(self->fd, TUNSETQUEUE, &r));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
	r.ifr_flags = IFF_ATTACH_QUEUE;
	ASSERT_EQ(0, ioctl(self->fd, TUNSETQUEUE, &r));
	EXPECT_EQ(-EAGAIN, get_ours(self->fd, 10, buf, sizeof(buf)));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	EXPECT_EQ(POLLIN | POLLOUT, polled(self->fd));
	close(self->fd);
	self->fd = rig_port_open(PORT, false, 1);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, netio_link_wait(PORT));
	EXPECT_EQ(-EAGAIN, get(self->fd, buf, sizeof(buf)));
}

/**
 * struct wait - a thread in read() of a file that waits
 * @fd: the file
 * @result: what the last read said
 * @frames: how many it got
 */
struct wait {
	int fd;
	ssize_t result;
	unsigned int frames;
};

static void *wait_for_frames(void *arg)
{
	unsigned char buf[2048];
	struct wait *w = arg;

	do {
		w->result = get_ours(w->fd, 10, buf, sizeof(buf));
		if (w->result > 0)
			__atomic_add_fetch(&w->frames, 1, __ATOMIC_SEQ_CST);
	} while (w->result > 0);
	return NULL;
}

/* A read that waits gets each frame, and ends when the port does. */
TEST_F(reader, waits)
{
	struct netio_frame f = { .len = 100 };
	struct wait w = { .fd = self->fd };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	EXPECT_EQ(POLLOUT, polled(self->fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, wait_for_frames, &w));
	for (i = 1; i <= 300; i++) {
		ASSERT_EQ(0, host_sends(self->wire, &f));
		while (__atomic_load_n(&w.frames, __ATOMIC_SEQ_CST) < i)
			usleep(i % 3 ? 0 : 1000);
	}
	ASSERT_EQ(0, netio_run("ip link del " PORT));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, w.result);
	EXPECT_EQ(POLLERR, polled(self->fd));
}

/* Who waits to write hears of it when the port is up. */
TEST_F(reader, set_down)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN | POLLOUT };
	struct netio_frame f = { .len = 100 };
	unsigned char buf[2048];

	EXPECT_EQ(POLLOUT, polled(self->fd));
	ASSERT_EQ(0, host_sends(self->wire, &f));
	ASSERT_EQ(0, netio_link_set(PORT, false));
	EXPECT_EQ(-EAGAIN, get_ours(self->fd, 10, buf, sizeof(buf)));
	EXPECT_EQ(0, polled(self->fd));
	ASSERT_EQ(0, netio_run("(sleep 0.2; ip link set " PORT " up) & true"));
	EXPECT_EQ(1, poll(&p, 1, 20000));
	EXPECT_EQ(POLLOUT, p.revents);
}

/* A RARP request, as QEMU sends it for a guest that came. */
static ssize_t announce(int fd, const unsigned char mac[6])
{
	unsigned char f[10 + 60] = { 0 };
	ssize_t n;

	memset(f + 10, 0xff, 6);
	memcpy(f + 16, mac, 6);
	memcpy(f + 22, "\x80\x35\x00\x01\x08\x00\x06\x04\x00\x03", 10);
	memcpy(f + 32, mac, 6);
	memcpy(f + 42, mac, 6);
	n = write(fd, f, sizeof(f));
	return n < 0 ? -errno : n;
}

/* What a VMM announces by the node passes, if the guard lists it: no access list need allow it. */
TEST_F(reader, announcement)
{
	static const unsigned char mac[6] = { 0x52, 0x54, 0, 0, 0x51, 1 };
	static const unsigned char other[6] = { 0x52, 0x54, 0, 0, 0x51, 2 };
	int fd = rig_rarp_open(PORT);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, netio_run("sluice acl default port " PORT " dir from-guest deny"));
	EXPECT_EQ(70, announce(self->fd, mac));
	EXPECT_FALSE(rig_rarp_heard(fd, mac, 0));
	ASSERT_EQ(0, netio_run("sluice guard set port " PORT " mac 52:54:00:00:51:01"));
	EXPECT_EQ(70, announce(self->fd, other));
	EXPECT_FALSE(rig_rarp_heard(fd, other, 0));
	EXPECT_EQ(70, announce(self->fd, mac));
	EXPECT_TRUE(rig_rarp_heard(fd, mac, 2000));
	close(fd);
}

TEST_HARNESS_MAIN
