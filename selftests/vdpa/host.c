// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vDPA device as an interface of the host itself: virtio_net drives it through virtio_vdpa, and
 * its frames come out of the port's netdev.
 */
#include "kselftest_harness.h"
#include <pthread.h>
#include "rig.h"

#define NAME	"slvdpa0"
#define MAC	"52:54:00:00:51:0d"
#define ROOM	(64 * 1024 + 256)

/* All that is offered, but packed rings. */
#define SPLIT	" device_features 0x1c000033001bbab"

FIXTURE(host)
{
	char netdev[16];
	int inside;
	int outside;
	unsigned char *frame;
	unsigned char *got;
};

FIXTURE_VARIANT(host)
{
	const char *mgmtdev;
	const char *more;
};

FIXTURE_VARIANT_ADD(host, packed) { .mgmtdev = "sluice-full", .more = "mac " MAC };
FIXTURE_VARIANT_ADD(host, split) { .mgmtdev = "sluice", .more = "mac " MAC };
FIXTURE_VARIANT_ADD(host, chosen) { .mgmtdev = "sluice", .more = "mac " MAC SPLIT };

FIXTURE_SETUP(host)
{
	if (strstr(variant->more, "features") &&
	    netio_run("grep -q device_features \"$(command -v vdpa)\""))
		SKIP(return, "vdpa(8) is too old to choose features");
	self->frame = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_EQ(0, vdpa_add_by(variant->mgmtdev, NAME, variant->more));
	ASSERT_EQ(0, vdpa_bind(NAME, "virtio_vdpa"));
	ASSERT_EQ(0, vdpa_netdev(NAME, self->netdev, sizeof(self->netdev)));
	ASSERT_EQ(0, rig_port_up(NAME));
	ASSERT_EQ(0, rig_port_up(self->netdev));
	ASSERT_EQ(0, netio_link_wait(NAME));
	ASSERT_EQ(0, netio_link_wait(self->netdev));
	ASSERT_EQ(0, netio_run("for i in $(seq 200); do sluice port show " NAME
			       " | grep -q 'to-guest attached' && exit; sleep 0.01; done; exit 1"));
	self->inside = netio_open(self->netdev);
	self->outside = netio_open(NAME);
	ASSERT_GE(self->inside, 0);
	ASSERT_GE(self->outside, 0);
}

FIXTURE_TEARDOWN(host)
{
	if (!self->frame)
		return;
	close(self->inside);
	close(self->outside);
	if (netio_ifindex(NAME) >= 0)
		EXPECT_EQ(0, vdpa_del(NAME));
	EXPECT_LT(netio_ifindex(NAME), 0);
	free(self->frame);
	free(self->got);
}

/* @frame and @got have ROOM. */
static void pass(struct __test_metadata *_metadata, const struct netio_frame *f, int from, int to,
		 unsigned char *frame, unsigned char *got)
{
	struct virtio_net_hdr_v1 h, back;
	size_t payload;
	int n;

	ASSERT_EQ((int)f->len, netio_frame_make(f, &h, frame));
	ASSERT_EQ(0, netio_send(from, &h, frame, f->len));
	n = netio_recv(to, &back, got, ROOM, 2000);
	ASSERT_EQ((int)f->len, n)
	{
		TH_LOG("len %zu tcp %d v6 %d mss %u", f->len, f->tcp, f->ipv6, f->mss);
	}
	payload = netio_frame_payload(frame, n);
	EXPECT_EQ(0, memcmp(frame + payload, got + payload, n - payload));
	EXPECT_EQ(h.gso_size, back.gso_size);
}

/* Both ways, all sizes; large ones in one piece. */
TEST_F_TIMEOUT(host, all_sizes, 120)
{
	static const size_t sizes[] = { 80, 128, 1000, 1514, 4096, 16384, 65000 };
	unsigned int i, kind;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (kind = 0; kind < 4; kind++) {
			struct netio_frame f = {
				.len = sizes[i],
				.seed = i * 4 + kind,
				.ipv6 = kind & 1,
				.tcp = kind & 2 || sizes[i] > 1514,
				.mss = sizes[i] > 1514 ? 1400 : 0,
				.partial = true,
			};

			pass(_metadata, &f, self->inside, self->outside, self->frame, self->got);
			pass(_metadata, &f, self->outside, self->inside, self->frame, self->got);
		}
	}
}

/* More than the rings hold. */
TEST_F(host, many)
{
	struct netio_frame f = { .len = 500 };
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		f.seed = i;
		pass(_metadata, &f, i & 1 ? self->inside : self->outside,
		     i & 1 ? self->outside : self->inside, self->frame, self->got);
	}
}

static bool carrier_off(const char *netdev)
{
	return !netio_run("grep -q 0 /sys/class/net/%s/carrier", netdev);
}

/* The interface has the address that the operator gave, and the port's link. */
TEST_F(host, address_and_link)
{
	unsigned int i;

	EXPECT_EQ(0, netio_run("ip link show %s | grep -q " MAC, self->netdev));
	EXPECT_EQ(0, netio_run("ethtool %s | grep -q 'Link detected: yes'", self->netdev));
	ASSERT_EQ(0, netio_link_set(NAME, false));
	for (i = 0; i < 200 && !carrier_off(self->netdev); i++)
		usleep(20000);
	EXPECT_TRUE(carrier_off(self->netdev));
}

/**
 * struct load - frames for as long as they are taken
 * @fd: packet socket
 * @stop: enough
 */
struct load {
	int fd;
	bool stop;
};

static void *load(void *arg)
{
	struct netio_frame f = { .len = 1000 };
	unsigned char frame[1000];
	struct virtio_net_hdr_v1 h;
	struct load *l = arg;

	netio_frame_make(&f, &h, frame);
	while (!__atomic_load_n(&l->stop, __ATOMIC_ACQUIRE))
		netio_send(l->fd, &h, frame, f.len);
	return NULL;
}

/* Whatever goes while frames do: the device, the driver, the port. */
TEST_F_TIMEOUT(host, gone_under_load, 120)
{
	static const char *const how[] = {
		"vdpa dev del " NAME,
		"echo " NAME " > /sys/bus/vdpa/drivers/virtio_vdpa/unbind",
		"ip link del " NAME,
	};
	struct load l[2] = {};
	pthread_t thread[2];
	unsigned int i, k;

	for (i = 0; i < 6; i++) {
		if (i) {
			if (netio_run("vdpa dev show %s >/dev/null 2>&1", NAME) == 0)
				ASSERT_EQ(0, vdpa_del(NAME));
			close(self->inside);
			close(self->outside);
			ASSERT_EQ(0, vdpa_add_by(variant->mgmtdev, NAME, variant->more));
			ASSERT_EQ(0, vdpa_bind(NAME, "virtio_vdpa"));
			ASSERT_EQ(0, vdpa_netdev(NAME, self->netdev, sizeof(self->netdev)));
			ASSERT_EQ(0, rig_port_up(NAME));
			ASSERT_EQ(0, rig_port_up(self->netdev));
			ASSERT_EQ(0, netio_link_wait(NAME));
			self->inside = netio_open(self->netdev);
			self->outside = netio_open(NAME);
		}
		for (k = 0; k < 2; k++) {
			l[k].fd = k ? self->inside : self->outside;
			l[k].stop = false;
			ASSERT_EQ(0, pthread_create(&thread[k], NULL, load, &l[k]));
		}
		usleep(100000);
		EXPECT_EQ(0, netio_run("%s", how[i % 3]));
		for (k = 0; k < 2; k++) {
			__atomic_store_n(&l[k].stop, true, __ATOMIC_RELEASE);
			pthread_join(thread[k], NULL);
		}
	}
	if (netio_run("vdpa dev show %s >/dev/null 2>&1", NAME) == 0)
		EXPECT_EQ(0, vdpa_del(NAME));
}

TEST_HARNESS_MAIN
