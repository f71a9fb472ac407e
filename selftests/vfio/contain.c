// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that dies or does not answer while it serves a mediated device: that one is held, its
 * neighbour goes on, and nobody waits without an end (issue 9, 4.1).
 */
#include "kselftest_harness.h"
#include "rig.h"
#include "wedge.h"

#define PORT_2	"slmd1"

FIXTURE(contain)
{
	struct vfio_space space;
	struct guest bad;
	struct guest good;
};

FIXTURE_SETUP(contain)
{
	const struct vnic_cfg cfg = { .drv.features = RIG_BASE };

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, rig_up());
	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, rig_mdev(RIG_UUID_2, PORT_2, 1));
	ASSERT_EQ(0, guest_attach(&self->bad, NULL, RIG_UUID, RIG_PORT, &cfg));
	ASSERT_EQ(0, guest_attach(&self->good, NULL, RIG_UUID_2, PORT_2, &cfg));
	ASSERT_EQ(0, guest_ping(&self->bad, 1));
	ASSERT_EQ(0, guest_ping(&self->good, 1));
}

FIXTURE_TEARDOWN(contain)
{
	wedge_go();
	wedge_times();
	guest_detach(&self->bad);
	EXPECT_EQ(0, guest_ping(&self->good, 9));
	guest_detach(&self->good);
	rig_mdev_del(RIG_UUID, RIG_PORT);
	rig_mdev_del(RIG_UUID_2, PORT_2);
	rig_down();
}

static int shows(const char *port, const char *what)
{
	return netio_run("sluice port show %s | grep -qE '%s'", port, what);
}

static int control_works(void)
{
	return netio_run("ip link show >/dev/null") ?:
	       netio_run("sluice worker show >/dev/null && sluice port show >/dev/null");
}

/* A driver that starts anew on a port that is held. */
static int again(struct guest *g)
{
	int ret = vnic_stop(&g->n);

	return ret ?: vnic_start(&g->n);
}

/* Does a frame of the guest's come out? */
static int speaks(struct guest *g, int timeout_ms)
{
	const struct netio_frame f = { .len = 200, .seed = 77 };
	unsigned char frame[256], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(&g->n.pair[0], &h, frame, f.len);
	return ret ?: netio_recv(g->wire, &h, got, sizeof(got), timeout_ms);
}

TEST_F_TIMEOUT(contain, thread_dies, 240)
{
	ASSERT_EQ(0, wedge_die(RIG_PORT));
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	EXPECT_EQ(0, shows(RIG_PORT, "held quarantine a worker died in it since 20"));
	EXPECT_EQ(0, shows(RIG_PORT, "broken the host.s worker died in it"));
	EXPECT_NE(0, shows(PORT_2, "held"));
	EXPECT_EQ(0, control_works());
	/* The driver is told that its device needs a reset. */
	while (!(vpci_common(&self->bad.n.pci, cfg.device_status) & VIRTIO_CONFIG_S_NEEDS_RESET))
		usleep(1000);
	ASSERT_EQ(0, again(&self->bad));
	EXPECT_EQ(-ETIMEDOUT, speaks(&self->bad, 100));
	EXPECT_EQ(0, netio_run("sluice port release " RIG_PORT));
	EXPECT_EQ(0, guest_ping(&self->bad, 7));
}

/* The device goes while nobody serves it: its memory is let go of at once. */
TEST_F_TIMEOUT(contain, device_goes, 240)
{
	const struct vnic_cfg cfg = { .drv.features = RIG_BASE };

	ASSERT_EQ(0, wedge("die", RIG_PORT));
	guest_detach(&self->bad);
	EXPECT_EQ(0, control_works());
	rig_mdev_del(RIG_UUID, RIG_PORT);
	EXPECT_FALSE(mdev_is(RIG_UUID));
	wedge_await("state ok");
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&self->bad, NULL, RIG_UUID, RIG_PORT, &cfg));
	EXPECT_EQ(0, guest_ping(&self->bad, 3));
}

TEST_F_TIMEOUT(contain, does_not_answer, 240)
{
	ASSERT_EQ(0, wedge("block", RIG_PORT));
	wedge_await("state stuck");
	EXPECT_EQ(0, control_works());
	EXPECT_EQ(0, netio_run("sluice port add slnew0"));
	EXPECT_NE(0, netio_run("sluice worker del cpu 0 2>/dev/null"));
	ASSERT_EQ(0, wedge_go());
	wedge_await("state ok");
	EXPECT_EQ(0, guest_ping(&self->bad, 3));
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	EXPECT_EQ(0, netio_run("sluice port del slnew0"));
}

TEST_HARNESS_MAIN
