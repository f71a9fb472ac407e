// SPDX-License-Identifier: GPL-2.0-only
/* Beginnings and ends: stop and start, sudden death, ports that go away, several queue pairs. */
#include "kselftest_harness.h"
#include <signal.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include "rig.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX)

FIXTURE(life)
{
	struct guest g;
	struct vdrv_cfg cfg;
};

FIXTURE_VARIANT(life)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(life, split) { .features = FEATURES };
FIXTURE_VARIANT_ADD(life, packed) { .features = FEATURES | VDRV_F_PACKED };

FIXTURE_SETUP(life)
{
	if (variant->features & ~rig_features())
		SKIP(return, "the node does not offer these features");
	self->cfg = (struct vdrv_cfg){ .features = variant->features };
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &self->cfg));
}

FIXTURE_TEARDOWN(life)
{
	guest_close(&self->g);
}

/* Stopping keeps the place: nothing is lost or sent twice over many rounds, at any index. */
TEST_F(life, stop_and_start)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 128 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128], got[2048];
	unsigned int i, k;

	for (i = 0; i < 100; i++) {
		for (k = 0; k <= i % 7; k++)
			ASSERT_EQ(0, guest_ping(g, i * 100 + k * 2));
		ASSERT_EQ(0, vdrv_stop(&g->v));
		/* Handed over while stopped, taken after the start. */
		f.seed = i;
		netio_frame_make(&f, &h, frame);
		ASSERT_EQ(0, vdrv_send(&g->v, &h, frame, f.len));
		EXPECT_EQ(-ETIMEDOUT, netio_recv(g->wire, &h, got, sizeof(got), 2));
		ASSERT_EQ(0, vdrv_start(&g->v, g->backend));
		EXPECT_EQ(128, netio_recv(g->wire, &h, got, sizeof(got), 2000));
		EXPECT_EQ(0, memcmp(frame, got, 128));
		EXPECT_EQ(-ETIMEDOUT, netio_recv(g->wire, &h, got, sizeof(got), 2));
	}
}

/* Stopped in the midst of traffic: each frame still goes exactly once. */
TEST_F_TIMEOUT(life, stop_under_load, 120)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 128 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128], got[2048];
	unsigned int i, k, sent = 0, seen = 0;

	/* What is late is seen in another round; behind the last one that is waited for. */
	for (i = 0; i < 30; i++) {
		for (k = 0; k < 100 && g->v.vq[VDRV_TX].nfree; k++) {
			f.sport = ++sent;
			netio_frame_make(&f, &h, frame);
			ASSERT_EQ(0, vdrv_send(&g->v, &h, frame, f.len));
		}
		ASSERT_EQ(0, vdrv_stop(&g->v));
		ASSERT_EQ(0, vdrv_start(&g->v, g->backend));
		EXPECT_EQ(0, vdrv_drain_tx(&g->v, 2000));
		while (netio_recv(g->wire, &h, got, sizeof(got), i < 29 ? 5 : 1000) == 128) {
			seen++;
			ASSERT_EQ(seen, (unsigned int)(got[34] << 8 | got[35]));
		}
	}
	EXPECT_EQ(sent, seen);
}

/* No receive buffers for a while: nothing stalls for good. */
TEST_F(life, receive_starved)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 1000 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1000], got[2048];
	unsigned int i, n = 0;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 600; i++)
		netio_send(g->wire, &h, frame, f.len);
	while (vdrv_recv(&g->v, &h, got, sizeof(got), 100) == 1000)
		n++;
	EXPECT_GE(n, g->v.vq[VDRV_RX].num);
	EXPECT_EQ(0, guest_ping(g, 1));
}

TEST_F(life, netdev_down_and_up)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 128 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128], got[2048];
	unsigned int i;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, netio_link_set(g->name, false));
		vdrv_send(&g->v, &h, frame, f.len);
		usleep(2000);
		ASSERT_EQ(0, netio_link_set(g->name, true));
		close(g->wire);
		g->wire = netio_open(g->name);
		ASSERT_GE(g->wire, 0);
		/* What was caught on the way is the host's choice: dropped, or late. */
		while (netio_recv(g->wire, &h, got, sizeof(got), 20) > 0)
			;
		ASSERT_EQ(0, guest_ping(g, i * 2 + 1));
	}
}

/* What one guest sends comes to the other, whole. */
static int guest_to_guest(struct guest *from, struct guest *to, uint32_t seed, int timeout_ms)
{
	struct netio_frame f = { .len = 200, .seed = seed };
	unsigned char frame[200], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(&from->v, &h, frame, f.len);
	while (!ret) {
		ret = vdrv_recv(&to->v, &h, got, sizeof(got), timeout_ms);
		if (ret > 0)
			ret = ret == (int)f.len && !memcmp(frame, got, f.len) ? 1 : 0;
	}
	return ret > 0 ? 0 : ret;
}

/* A port that is set down neither sends nor receives, by a wire either, and says why. */
TEST_F(life, down)
{
	struct guest other, *g = &self->g;
	unsigned int i, drops = 0;

	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "a tap has no wires");
	ASSERT_EQ(0, guest_open(&other, "sltest1", &self->cfg));
	ASSERT_EQ(0, netio_run("sluice wire add sltest0 sltest1"));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, guest_to_guest(g, &other, 8 * i + 1, 2000));
		ASSERT_EQ(0, guest_to_guest(&other, g, 8 * i + 2, 2000));
		ASSERT_EQ(0, netio_link_set(g->name, false));
		EXPECT_EQ(-ETIMEDOUT, guest_to_guest(g, &other, 8 * i + 3, 30));
		EXPECT_EQ(-ETIMEDOUT, guest_to_guest(&other, g, 8 * i + 4, 30));
		drops += 2;
		EXPECT_EQ(0, netio_run("ethtool -S sltest0 | grep -q 'drop_down: %u$'", drops));
		EXPECT_EQ(0, netio_run("sluice stats sltest0 | grep -q 'down packets %u'", drops));
		EXPECT_EQ(0, netio_run("ethtool -S sltest1 | grep -q 'drop_down: 0$'"));
		ASSERT_EQ(0, netio_link_set(g->name, true));
	}
	EXPECT_EQ(0, guest_to_guest(g, &other, 100, 2000));
	EXPECT_EQ(0, netio_run("sluice wire del sltest0 sltest1"));
	guest_close(&other);
}

/* Frames that wait for a guest's buffers go when its port is set down. */
TEST_F(life, down_with_frames_waiting)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 1000 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1000], got[2048];
	unsigned int i;

	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "a tap keeps them");
	netio_frame_make(&f, &h, frame);
	for (i = 0; i < g->v.vq[VDRV_RX].num + 100; i++)
		netio_send(g->wire, &h, frame, f.len);
	ASSERT_EQ(0, netio_link_set(g->name, false));
	for (i = 0; i < 1000; i++) {
		if (!netio_run("ethtool -S %s | grep -q 'drop_down: [1-9]'", g->name))
			break;
		usleep(1000);
	}
	EXPECT_GT(1000, i);
	while (vdrv_recv(&g->v, &h, got, sizeof(got), 30) > 0)
		;
	ASSERT_EQ(0, netio_link_set(g->name, true));
	EXPECT_EQ(0, netio_link_wait(g->name));
	close(g->wire);
	g->wire = netio_open(g->name);
	ASSERT_GE(g->wire, 0);
	EXPECT_EQ(0, guest_ping(g, 1));
}

static bool has_carrier(const char *name)
{
	return !netio_run("grep -q 1 /sys/class/net/%s/carrier", name);
}

/*
 * 6.6: a driver that is reset is no cable that is pulled, or a bridge above would wait and learn
 * anew each time. Who goes away is.
 */
TEST_F(life, carrier)
{
	struct guest *g = &self->g;
	long changes;
	int i;

	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "a tap's is its own");
	changes = netio_carrier_changes(g->name);
	ASSERT_LT(0, changes);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vdrv_stop(&g->v));
		EXPECT_TRUE(has_carrier(g->name));
		if (rig_is_vdpa())
			ASSERT_EQ(0, vdrv_vdpa_reset(&g->v));
		ASSERT_EQ(0, vdrv_start(&g->v, g->backend));
	}
	ASSERT_EQ(0, rig_attached_wait(g->name));
	ASSERT_EQ(0, guest_ping(g, 1));
	EXPECT_EQ(changes, netio_carrier_changes(g->name));

	vdrv_close(&g->v);
	if (g->backend >= 0) {
		EXPECT_TRUE(has_carrier(g->name));
		close(g->backend);
		g->backend = -1;
	}
	EXPECT_FALSE(has_carrier(g->name));
	close(g->wire);
	g->wire = -1;
	rig_port_del(g->name);
	ASSERT_EQ(0, guest_open(g, "sltest0", &self->cfg));
	EXPECT_TRUE(has_carrier(g->name));
}

/* One that somebody uses is no victim of a file that does not name it. */
TEST_F(life, not_declared)
{
#define WITHOUT	"echo '{\"version\":2,\"port\":[]}' | sluice apply "
	struct guest *g = &self->g;

	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "the state is of our ports");
	ASSERT_EQ(0, rig_attached_wait(g->name));
	EXPECT_NE(0, netio_run(WITHOUT "- 2>/tmp/why"));
	EXPECT_EQ(0, netio_run("grep -q 'sltest0 is attached, and would be removed' /tmp/why"));
	EXPECT_EQ(0, netio_run(WITHOUT "-n - 2>&1 | grep -q '^- port sltest0'"));
	EXPECT_EQ(0, netio_run("sluice acl add port sltest0 dir to-guest prio 9 proto sctp deny"));
	EXPECT_EQ(0, netio_run("echo '{\"version\":2,\"port\":[],\"acl\":[]}' |"
			       " sluice apply --each - 2>/tmp/why; test $? = 3"));
	EXPECT_EQ(0, netio_run("grep -q 'port sltest0 stays' /tmp/why"));
	/* With all that it may not do. */
	EXPECT_EQ(0, netio_run("sluice acl show port sltest0 | grep -q 'prio 9'"));
	EXPECT_EQ(0, guest_ping(g, 1));
	EXPECT_EQ(0, netio_run(WITHOUT "-f -"));
	EXPECT_NE(0, netio_run("sluice port show sltest0 2>/dev/null"));
}

static void load_forever(const char *name, const struct vdrv_cfg *cfg, int ready)
{
	struct netio_frame f = { .len = 1000 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1000], got[2048];
	struct guest g;
	int ret;

	ret = guest_open(&g, name, cfg);
	if (write(ready, &ret, sizeof(ret)) != sizeof(ret) || ret)
		_exit(1);
	netio_frame_make(&f, &h, frame);
	for (;;) {
		vdrv_send(&g.v, &h, frame, f.len);
		netio_send(g.wire, &h, frame, f.len);
		vdrv_recv(&g.v, &h, got, sizeof(got), 0);
	}
}

/* Killed in the midst of traffic, as QEMU with -9: all is let go of, at any point. */
TEST_F_TIMEOUT(life, killed, 120)
{
	int ready[2], i, ret, status;
	pid_t pid;

	for (i = 0; i < 25; i++) {
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			load_forever("sltest1", &self->cfg, ready[1]);
		close(ready[1]);
		ASSERT_EQ((ssize_t)sizeof(ret), read(ready[0], &ret, sizeof(ret)));
		close(ready[0]);
		ASSERT_EQ(0, ret);
		usleep(1000 + i * 777);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_EQ(0, guest_ping(&self->g, i * 2));
	}
	rig_port_del("sltest1");
}

/* A child that holds a copy of every descriptor: the guest's end is the node's last close. */
TEST_F(life, closed_by_the_last)
{
	struct guest *g = &self->g;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		usleep(100000);
		_exit(0);
	}
	guest_close(g);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, guest_open(g, "sltest0", &self->cfg));
	EXPECT_EQ(0, guest_ping(g, 1));
}

TEST_F(life, port_deleted)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 128 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];

	ASSERT_EQ(0, netio_run("ip link del %s", g->name));
	EXPECT_LT(netio_ifindex(g->name), 0);
	netio_frame_make(&f, &h, frame);
	vdrv_send(&g->v, &h, frame, f.len);
	usleep(10000);
	/* As QEMU leaves: it exits if these fail. */
	EXPECT_EQ(0, vdrv_stop(&g->v));
	guest_close(g);
	ASSERT_EQ(0, guest_open(g, "sltest0", &self->cfg));
	EXPECT_EQ(0, guest_ping(g, 1));
}

TEST_F_TIMEOUT(life, port_deleted_under_load, 120)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 1000 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1000];
	unsigned int i, k;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 10; i++) {
		for (k = 0; k < 200; k++) {
			vdrv_send(&g->v, &h, frame, f.len);
			netio_send(g->wire, &h, frame, f.len);
		}
		EXPECT_EQ(0, netio_run("ip link del %s", g->name));
		guest_close(g);
		ASSERT_EQ(0, guest_open(g, "sltest0", &self->cfg));
		ASSERT_EQ(0, guest_ping(g, i));
	}
}

TEST_F(life, modules_in_use_stay)
{
	if (!rig_is_sluice())
		SKIP(return, "these are Sluice's");
	EXPECT_NE(0, netio_run("rmmod sluice_vhost"));
	EXPECT_NE(0, netio_run("rmmod sluice"));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* A port in another namespace: the guest goes on, and dies with it quietly. */
TEST_F(life, namespace)
{
	struct guest *g = &self->g;
	struct netio_frame f = { .len = 128 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];
	unsigned int i;

	netio_run("ip netns del slns");
	ASSERT_EQ(0, netio_run("ip netns add slns"));
	ASSERT_EQ(0, netio_run("ip link set %s netns slns", g->name));
	EXPECT_EQ(0, netio_run("ip netns exec slns ip link set %s up", g->name));
	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 50; i++)
		vdrv_send(&g->v, &h, frame, f.len);
	EXPECT_EQ(0, vdrv_drain_tx(&g->v, 2000));
	EXPECT_EQ(0, netio_run("ip netns del slns"));
	for (i = 0; i < 50; i++)
		vdrv_send(&g->v, &h, frame, f.len);
	usleep(50000);
	EXPECT_EQ(0, vdrv_stop(&g->v));
}

#define PAIRS	4

TEST_F(life, multiqueue)
{
	struct netio_frame f = { .len = 200 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[200], got[2048];
	struct vdrv_cfg cfg = self->cfg;
	int backend[PAIRS], wire, i, k, n = 0;
	struct vdrv v[PAIRS];

	if (rig_is_vdpa())
		SKIP(return, "a vDPA device has one pair");
	cfg.node = rig_node();
	for (i = 0; i < PAIRS; i++) {
		backend[i] = i && rig_is_sluice() ? vdrv_backend_open("slmq0", true) :
						    rig_port_open("slmq0", true, PAIRS);
		ASSERT_GE(backend[i], 0) TH_LOG("queue %d: %s", i, strerror(-backend[i]));
		ASSERT_EQ(0, vdrv_open(&v[i], &cfg));
		ASSERT_EQ(0, vdrv_start(&v[i], backend[i]));
	}
	wire = netio_open("slmq0");
	ASSERT_GE(wire, 0);
	for (k = 0; k < 40; k++) {
		f.seed = k;
		netio_frame_make(&f, &h, frame);
		ASSERT_EQ(0, vdrv_send(&v[k % PAIRS], &h, frame, f.len));
		ASSERT_EQ(200, netio_recv(wire, &h, got, sizeof(got), 2000));
		EXPECT_EQ(0, memcmp(frame, got, 200));
	}
	/* To the guest: any queue will do, each frame once. */
	for (k = 0; k < 40; k++) {
		f.sport = 100 + k;
		netio_frame_make(&f, &h, frame);
		ASSERT_EQ(0, netio_send(wire, &h, frame, f.len));
	}
	for (k = 0; k < 40; k++)
		for (i = 0; i < PAIRS; i++)
			while (vdrv_recv(&v[i], &h, got, sizeof(got), 1) == 200)
				n++;
	EXPECT_EQ(40, n);
	/* One queue pair dies, the others go on. */
	vdrv_close(&v[PAIRS - 1]);
	close(backend[PAIRS - 1]);
	for (i = 0; i < PAIRS - 1; i++) {
		ASSERT_EQ(0, vdrv_send(&v[i], &h, frame, f.len));
		EXPECT_EQ(200, netio_recv(wire, &h, got, sizeof(got), 2000));
	}
	for (i = 0; i < PAIRS - 1; i++) {
		vdrv_close(&v[i]);
		close(backend[i]);
	}
	close(wire);
	rig_port_del("slmq0");
}

/* A queue that is switched off and on again, as a guest does that changes its number of queues. */
TEST_F(life, queue_off_and_on)
{
	struct ifreq off = { .ifr_flags = IFF_DETACH_QUEUE },
		     on = { .ifr_flags = IFF_ATTACH_QUEUE };
	int backend[2], i;

	for (i = 0; i < 2; i++) {
		backend[i] = i && rig_is_sluice() ? vdrv_backend_open("slmq0", true) :
						    rig_port_open("slmq0", true, 2);
		ASSERT_GE(backend[i], 0);
	}
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, ioctl(backend[1], TUNSETQUEUE, &off));
		EXPECT_NE(0, ioctl(backend[1], TUNSETQUEUE, &off));
		EXPECT_EQ(0, ioctl(backend[1], TUNSETQUEUE, &on));
	}
	close(backend[0]);
	close(backend[1]);
	rig_port_del("slmq0");
}

TEST_HARNESS_MAIN
