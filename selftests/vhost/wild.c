// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames and headers of all kinds (wild.h) through a running engine: to the host's stack, to an
 * uplink, to guests that take everything or nothing, through rewriting; from a guest's ring, from
 * the wire, from the host, from a port's node. What becomes of each is not asked here: the kernel
 * must not complain, each buffer comes back, and the ring works on.
 *
 *   FRAMES  how many at a time (25,400: with thirteen times on two front ends, and what vfio/wild
 *           has, a million)
 *   SEED    what they are (one for each run)
 */
#include "kselftest_harness.h"
#include <sys/uio.h>
#include "rig.h"
#include "wild.h"

FIXTURE(wild)
{
	struct guest from;
	struct guest to;
	struct wild w;
	unsigned int frames;
};

FIXTURE_VARIANT(wild)
{
	uint64_t features;
	uint32_t tx_seg;
	bool hdr_alone;
};

FIXTURE_VARIANT_ADD(wild, split) {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(wild, packed) {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_PACKED | VDRV_F_INDIRECT,
	.tx_seg = 2000,
	.hdr_alone = true,
};

FIXTURE_SETUP(wild)
{
	struct vdrv_cfg cfg = {
		.features = variant->features,
		.tx_seg = variant->tx_seg,
		.hdr_alone = variant->hdr_alone,
	};

	if (!rig_is_sluice() && !rig_is_vdpa())
		SKIP(return, "it is our engine that is tried");
	self->frames = 25400;
	wild_init(&self->w, &self->frames);
	if (rig_is_vdpa())
		cfg.features |= VDRV_F_IOMMU;
	/* Of a test that could not end. */
	netio_link_del("slvf0");
	netio_link_del("slwild0");
	netio_link_del("slwild1");
	ASSERT_EQ(0, guest_open(&self->from, "slwild0", &cfg));
	ASSERT_EQ(0, guest_open(&self->to, "slwild1", &cfg));
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1"));
	ASSERT_EQ(0, netio_link_set("slvf0", true));
	ASSERT_EQ(0, netio_link_set("slvf1", true));
	ASSERT_EQ(0, netio_port_add("slup0", "slvf0", 1));
	ASSERT_EQ(0, netio_link_set("slup0", true));
}

FIXTURE_TEARDOWN(wild)
{
	netio_link_del("slup0");
	netio_link_del("slvf0");
	guest_close(&self->from);
	guest_close(&self->to);
}

static void shoot(struct __test_metadata *_metadata, FIXTURE_DATA(wild) *self, unsigned int n)
{
	EXPECT_EQ(0, wild_shoot(&self->w, &self->from.v, &self->to.v, n));
}

/* As a start: the frames go to the host's own stack. */
TEST_F_TIMEOUT(wild, to_the_stack, 600)
{
	shoot(_metadata, self, self->frames);
	EXPECT_EQ(0, netio_run("sluice stats slwild0 >/dev/null"));
}

TEST_F_TIMEOUT(wild, to_an_uplink, 600)
{
	ASSERT_EQ(0, netio_run("sluice wire add slwild0 slup0"));
	shoot(_metadata, self, self->frames);
	/* Behind the uplink, and a device that can do nothing. */
	ASSERT_EQ(0, netio_run("ethtool -K slvf0 tx off sg off >/dev/null"));
	shoot(_metadata, self, self->frames);
}

TEST_F_TIMEOUT(wild, to_a_guest, 600)
{
	ASSERT_EQ(0, netio_run("sluice wire add slwild0 slwild1"));
	shoot(_metadata, self, self->frames);
	ASSERT_EQ(0, guest_no_offload(&self->to));
	shoot(_metadata, self, self->frames);
}

/* Everything that a flow can change, with policy in front. */
TEST_F_TIMEOUT(wild, rewritten, 600)
{
	/* What is to be changed, and how. */
	static const char *const acts[][2] = {
		{ "", "push-vlan:7" },
		{ "vlan any", "pop-vlan" },
		{ "vlan any", "set-vlan:9" },
		{ "eth-type ipv4", "set-src:1.2.3.4,set-dst:5.6.7.8" },
		{ "eth-type ipv6", "set-src:fe80::5,set-dst:fe80::6" },
		{ "eth-type ipv4", "set-ttl:3,set-dscp:11" },
		{ "eth-type ipv6", "set-ttl:3,set-dscp:11" },
		{ "proto tcp", "set-sport:5,set-dport:6" },
		{ "proto udp", "set-sport:5,set-dport:6" },
		{ "proto sctp", "set-sport:5,set-dport:6" },
		{ "", "set-eth-src:02:00:00:00:00:09,set-eth-dst:02:00:00:00:00:08" },
	};
	unsigned int i, n = ARRAY_SIZE(acts);

	ASSERT_EQ(0, netio_run("sluice acl add port slwild1 dir to-guest prio 1 proto sctp deny"));
	ASSERT_EQ(0, netio_run("sluice rate set port slwild0 dir from-guest bps 100g"));
	for (i = 0; i < n; i++) {
		ASSERT_EQ(0, netio_run("sluice flow add id 1 prio 1 in slwild0 %s actions "
				       "%s,output:slwild1,slow,output:slup0",
				       acts[i][0], acts[i][1]));
		shoot(_metadata, self, self->frames / n + 1);
		ASSERT_EQ(0, netio_run("sluice flow del id 1"));
	}
	EXPECT_EQ(0, netio_run("sluice rate off port slwild0"));
}

/* By packet sockets, which let pass what the kernel's own stack would not send. */
TEST_F_TIMEOUT(wild, from_the_wire, 600)
{
	int wire = netio_open("slvf1");

	ASSERT_LE(0, wire);
	ASSERT_EQ(0, netio_run("sluice wire add slwild1 slup0"));
	EXPECT_EQ(0, wild_send(&self->w, netio_send, wire, &self->to.v, self->frames / 8));
	ASSERT_EQ(0, guest_no_offload(&self->to));
	EXPECT_EQ(0, wild_send(&self->w, netio_send, wire, &self->to.v, self->frames / 8));
	close(wire);
}

TEST_F_TIMEOUT(wild, from_the_host, 600)
{
	EXPECT_EQ(0, wild_send(&self->w, netio_send, self->to.wire, &self->to.v,
			       self->frames / 8));
	ASSERT_EQ(0, guest_no_offload(&self->to));
	EXPECT_EQ(0, wild_send(&self->w, netio_send, self->to.wire, &self->to.v,
			       self->frames / 8));
}

static int write_node(int fd, const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len)
{
	struct iovec iov[2] = { { (void *)hdr, sizeof(*hdr) }, { (void *)frame, len } };

	return writev(fd, iov, 2) < 0 ? -errno : 0;
}

/* A VMM's own frames. */
TEST_F_TIMEOUT(wild, by_the_node, 600)
{
	if (rig_is_vdpa())
		SKIP(return, "a vDPA device has no such node");
	ASSERT_EQ(0, vdrv_backend_hdr(self->from.backend, sizeof(struct virtio_net_hdr_v1)));
	EXPECT_EQ(0, wild_send(&self->w, write_node, self->from.backend, NULL, self->frames / 8));
	ASSERT_EQ(0, netio_run("sluice wire add slwild0 slwild1"));
	EXPECT_EQ(0, wild_send(&self->w, write_node, self->from.backend, &self->to.v,
			       self->frames / 8));
}

TEST_HARNESS_MAIN
