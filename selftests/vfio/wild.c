// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames and headers of all kinds (wild.h) out of a mediated device's ring: to the host's stack and
 * to the uplink. See vhost/wild.c, which has more ways for them to go: the engine is the same.
 */
#include "kselftest_harness.h"
#include <sys/socket.h>
#include "rig.h"
#include "wild.h"

FIXTURE(wild)
{
	struct guest g;
	struct wild w;
	unsigned int frames;
};

FIXTURE_VARIANT(wild)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(wild, split) {
	.features = RIG_BASE | RIG_OFFLOADS | VDRV_F_MRG_RXBUF,
};

FIXTURE_VARIANT_ADD(wild, packed) {
	.features = RIG_BASE | RIG_OFFLOADS | VDRV_F_PACKED | VDRV_F_INDIRECT,
};

FIXTURE_SETUP(wild)
{
	struct vnic_cfg cfg = { .drv.features = variant->features, .drv.tx_seg = 3000 };

	self->frames = 82000;
	wild_init(&self->w, &self->frames);
	ASSERT_EQ(0, guest_open(&self->g, &cfg));
}

FIXTURE_TEARDOWN(wild)
{
	guest_close(&self->g);
}

/*
 * The host's socket has got all of it too, and takes no answer while it is full. Another has room
 * for what the worker still has in hand, which is a burst of the longest frames.
 */
static void hear_anew(struct __test_metadata *_metadata, struct guest *g)
{
	const int room = 32 << 20;

	close(g->wire);
	g->wire = netio_open(RIG_PORT);
	ASSERT_GE(g->wire, 0);
	ASSERT_EQ(0, setsockopt(g->wire, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
}

TEST_F_TIMEOUT(wild, to_the_stack, 600)
{
	EXPECT_EQ(0, wild_shoot(&self->w, &self->g.n.pair[0], NULL, self->frames));
	hear_anew(_metadata, &self->g);
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

TEST_F_TIMEOUT(wild, to_an_uplink, 600)
{
	ASSERT_EQ(0, netio_run("sluice wire add " RIG_PORT " slup0"));
	EXPECT_EQ(0, wild_shoot(&self->w, &self->g.n.pair[0], NULL, self->frames));
	ASSERT_EQ(0, netio_run("sluice wire del " RIG_PORT " slup0"));
	EXPECT_EQ(0, guest_ping(&self->g, 2));
}

TEST_HARNESS_MAIN
