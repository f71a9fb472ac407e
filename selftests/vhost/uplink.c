// SPDX-License-Identifier: GPL-2.0-only
/* A guest wired to an uplink, a veth in the place of a VF; and ports that change namespaces. */
#include <sched.h>
#include <sys/mount.h>
#include "kselftest_harness.h"
#include "rig.h"

#define ROOM	(64 * 1024 + 256)

static const struct vdrv_cfg cfg = {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE(uplink)
{
	struct guest g;
	int peer;
	unsigned char *frame;
	unsigned char *got;
};

FIXTURE_SETUP(uplink)
{
	if (!rig_is_sluice())
		SKIP(return, "only Sluice has uplinks");
	self->frame = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_NE(NULL, self->frame);
	ASSERT_NE(NULL, self->got);
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1"));
	ASSERT_EQ(0, netio_run("ip link set slvf0 up && ip link set slvf1 up"));
	ASSERT_EQ(0, netio_run("ip link add slup0 link slvf0 type sluice && ip link set slup0 up"));
	self->peer = netio_open("slvf1");
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice wire add sltest0 slup0"));
}

FIXTURE_TEARDOWN(uplink)
{
	guest_close(&self->g);
	close(self->peer);
	netio_run("ip link del slup0");
	netio_run("ip link del slvf0");
	free(self->frame);
	free(self->got);
}

/* Send a frame from the guest. What comes out at the other end: its length, or -ETIMEDOUT. */
static int send_one(struct guest *g, int peer, const struct netio_frame *f, unsigned char *frame,
		    unsigned char *got, int timeout_ms)
{
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(f, &h, frame);
	ret = vdrv_send(&g->v, &h, frame, f->len);
	return ret ? ret : netio_recv(peer, &h, got, ROOM, timeout_ms);
}

TEST_F(uplink, both_ways)
{
	static const size_t sizes[] = { 60, 128, 1000, 1514 };
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct netio_frame f = { .len = sizes[i], .seed = i + 1 };

		ret = send_one(&self->g, self->peer, &f, self->frame, self->got, 2000);
		EXPECT_EQ((int)f.len, ret);
		EXPECT_EQ(0, memcmp(self->frame, self->got, f.len));
		f.seed += 100;
		netio_frame_make(&f, &h, self->frame);
		ASSERT_EQ(0, netio_send(self->peer, &h, self->frame, f.len));
		do {
			ret = vdrv_recv(&self->g.v, &h, self->got, ROOM, 2000);
		} while (ret > 0 && !netio_frame_payload(self->got, ret));
		EXPECT_EQ((int)f.len, ret);
		EXPECT_EQ(0, memcmp(self->frame, self->got, f.len));
	}
}

/* Segments that keep to the VF's MTU pass; frames and segments that do not would harm the VF. */
TEST_F(uplink, mtu)
{
	struct netio_frame small = { .len = 30000, .tcp = true, .mss = 1400, .partial = true };
	struct netio_frame big = { .len = 30000, .tcp = true, .mss = 8000, .partial = true };
	struct netio_frame frame = { .len = 2000 };

	EXPECT_LT(0, send_one(&self->g, self->peer, &small, self->frame, self->got, 2000));
	EXPECT_EQ(-ETIMEDOUT, send_one(&self->g, self->peer, &big, self->frame, self->got, 100));
	EXPECT_EQ(-ETIMEDOUT, send_one(&self->g, self->peer, &frame, self->frame, self->got, 100));
}

/* Kicks that come while a port is between two namespaces are not lost. */
TEST_F(uplink, moves_under_load)
{
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned int i;

	netio_frame_make(&f, &h, self->frame);
	ASSERT_EQ(0, netio_run("ip netns add slmove"));
	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(netio_run(i & 1 ? "ip -n slmove link set sltest0 netns 1" :
						"ip link set sltest0 netns slmove") ? 1 : 0);
		while (!waitpid(pid, NULL, WNOHANG))
			vdrv_send(&self->g.v, &h, self->frame, f.len);
		EXPECT_EQ(0, vdrv_drain_tx(&self->g.v, 2000));
	}
	ASSERT_EQ(0, netio_run("ip netns del slmove"));
}

/* Into a new namespace, with what rig.h looks at. */
static int fresh_namespace(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/sys", "sysfs", 0, NULL))
		return -errno;
	return 0;
}

/* A port's verdicts end with it, whatever another namespace's port has in common with it. */
TEST(verdicts_end_with_their_port)
{
	struct netio_frame f = { .len = 200, .seed = 1 };
	unsigned char frame[256], *got = malloc(ROOM);
	struct guest g;

	if (!rig_is_sluice())
		SKIP(return, "only Sluice has policy");
	ASSERT_NE(NULL, got);
	ASSERT_EQ(0, fresh_namespace());
	ASSERT_EQ(0, guest_open(&g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice acl default port sltest0 dir from-guest allow"));
	EXPECT_EQ((int)f.len, send_one(&g, g.wire, &f, frame, got, 2000));
	guest_close(&g);

	ASSERT_EQ(0, fresh_namespace());
	ASSERT_EQ(0, guest_open(&g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice acl default port sltest0 dir from-guest deny"));
	EXPECT_EQ(-ETIMEDOUT, send_one(&g, g.wire, &f, frame, got, 100));
	guest_close(&g);
	free(got);
}

TEST_HARNESS_MAIN
