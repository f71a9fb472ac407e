// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames between a guest's rings and the rest of the world, over every layout of a ring and every
 * way of notifying; and that they take the way that all ports' frames take: policy, uplink,
 * counters.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define ROOM	RIG_ROOM
#define SOON	2000
#define QUIET	100
#define ALL	(RIG_BASE | RIG_OFFLOADS)

static const size_t sizes[] = { 60, 64, 127, 128, 129, 511, 512, 1000, 1499, 1500, 1513, 1514 };
static const size_t gso_sizes[] = { 1515, 2049, 4096, 9000, 32768, 65000, 65535, 65549 };

FIXTURE(data)
{
	struct guest g;
	unsigned char *frame;
	unsigned char *got;
};

FIXTURE_VARIANT(data)
{
	struct vnic_cfg cfg;
};

FIXTURE_VARIANT_ADD(data, split) {
	.cfg.drv.features = ALL,
};

FIXTURE_VARIANT_ADD(data, split_chain_poll) {
	.cfg.drv = { .features = ALL, .rx_seg = 4096, .tx_seg = 2048, .hdr_alone = true },
	.cfg.irq = VNIC_POLL,
};

FIXTURE_VARIANT_ADD(data, split_ind_mapped) {
	.cfg.drv = { .features = ALL | VDRV_F_INDIRECT, .rx_seg = 4096, .tx_seg = 2048 },
	.cfg.mapped = true,
};

FIXTURE_VARIANT_ADD(data, split_mrg_event) {
	.cfg.drv = {
		.features = ALL | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
		.tx_seg = 1100,
	},
};

FIXTURE_VARIANT_ADD(data, split_all) {
	.cfg.drv = {
		.features = ALL | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX | VDRV_F_INDIRECT |
			    VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA),
		.rx_seg = 512,
		.tx_seg = 1500,
	},
	.cfg.mapped = true,
	.cfg.irq = VNIC_SHARED,
	.cfg.cdev = true,
};

FIXTURE_VARIANT_ADD(data, packed) {
	.cfg.drv.features = ALL | VDRV_F_PACKED,
};

FIXTURE_VARIANT_ADD(data, packed_chain_poll) {
	.cfg.drv = {
		.features = ALL | VDRV_F_PACKED,
		.rx_seg = 4096,
		.tx_seg = 2048,
		.hdr_alone = true,
	},
	.cfg.irq = VNIC_POLL,
	.cfg.mapped = true,
};

FIXTURE_VARIANT_ADD(data, packed_ind) {
	.cfg.drv = {
		.features = ALL | VDRV_F_PACKED | VDRV_F_INDIRECT |
			    VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA),
		.rx_seg = 4096,
		.tx_seg = 2048,
	},
};

FIXTURE_VARIANT_ADD(data, packed_mrg_event) {
	.cfg.drv = {
		.features = ALL | VDRV_F_PACKED | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
		.tx_seg = 1100,
	},
	.cfg.irq = VNIC_SHARED,
};

FIXTURE_VARIANT_ADD(data, packed_all) {
	.cfg.drv = {
		.features = ALL | VDRV_F_PACKED | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX |
			    VDRV_F_INDIRECT | VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA),
		.rx_seg = 512,
		.tx_seg = 1500,
	},
	.cfg.mapped = true,
	.cfg.cdev = true,
};

FIXTURE_SETUP(data)
{
	self->frame = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_NE(NULL, self->frame);
	ASSERT_NE(NULL, self->got);
	ASSERT_EQ(0, guest_open(&self->g, &variant->cfg));
}

FIXTURE_TEARDOWN(data)
{
	guest_close(&self->g);
	free(self->frame);
	free(self->got);
}

/* What a frame's checksum must look like, after whatever completed it or did not. */
static bool csum_ok(const struct virtio_net_hdr_v1 *h, const unsigned char *frame, size_t len)
{
	return (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || netio_frame_csum_ok(frame, len);
}

/* One frame, from the guest or to it by its port's netdev. False: no use to go on. */
static bool pass(struct __test_metadata *_metadata, struct guest *g, bool to_host,
		 const struct netio_frame *f, unsigned char *frame, unsigned char *got)
{
	struct vdrv *v = &g->n.pair[0];
	struct virtio_net_hdr_v1 h, back;
	size_t payload;
	int n;

	EXPECT_EQ((int)f->len, netio_frame_make(f, &h, frame));
	n = to_host ? vdrv_send(v, &h, frame, f->len) : netio_send(g->wire, &h, frame, f->len);
	EXPECT_EQ(0, n);
	n = to_host ? netio_recv(g->wire, &back, got, ROOM, SOON) :
		      vdrv_recv(v, &back, got, ROOM, SOON);
	EXPECT_EQ((int)f->len, n)
	{
		TH_LOG("to %s: len %zu tcp %d v6 %d mss %u", to_host ? "host" : "guest", f->len,
		       f->tcp, f->ipv6, f->mss);
		return false;
	}
	payload = netio_frame_payload(frame, n);
	EXPECT_EQ(0, memcmp(frame + payload, got + payload, n - payload));
	EXPECT_TRUE(csum_ok(&back, got, n));
	EXPECT_EQ(h.gso_type, back.gso_type);
	EXPECT_EQ(h.gso_size, back.gso_size);
	return true;
}

TEST_F(data, sizes)
{
	unsigned int kind, i;

	for (kind = 0; kind < 16; kind++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			struct netio_frame f = {
				.len = sizes[i],
				.seed = i * 8 + kind,
				.tcp = kind & 1,
				.ipv6 = kind & 2,
				.partial = kind & 4,
			};

			if (f.ipv6 && f.len < 74)
				continue;
			if (!pass(_metadata, &self->g, kind & 8, &f, self->frame, self->got))
				return;
		}
	}
}

TEST_F(data, gso)
{
	unsigned int kind, i;

	for (kind = 0; kind < 8; kind++) {
		for (i = 0; i < ARRAY_SIZE(gso_sizes); i++) {
			struct netio_frame f = {
				.len = gso_sizes[i],
				.seed = i,
				.mss = 1400,
				.tcp = kind & 1,
				.ipv6 = kind & 2,
			};

			/* A netdev takes no more than that in one piece. */
			if (!(kind & 4) && f.len > 65535)
				continue;
			if (!pass(_metadata, &self->g, kind & 4, &f, self->frame, self->got))
				return;
		}
	}
}

/* Indices and wrap counters go round several times; in order, none lost. */
TEST_F(data, laps)
{
	struct vdrv *v = &self->g.n.pair[0];
	struct virtio_net_hdr_v1 h;
	unsigned int i, k, n = 0;
	size_t p;

	for (i = 0; i < 1600; i += k) {
		for (k = 0; k < 16; k++) {
			struct netio_frame f = { .len = 100 + (i + k) % 1000, .sport = i + k + 1 };

			netio_frame_make(&f, &h, self->frame);
			if (!v->vq[VDRV_TX].nfree)
				ASSERT_EQ(0, vdrv_drain_tx(v, SOON));
			ASSERT_EQ(0, vdrv_send(v, &h, self->frame, f.len));
		}
		ASSERT_EQ(0, vdrv_drain_tx(v, SOON));
		for (k = 0; k < 16; k++) {
			ASSERT_EQ(100 + (int)n % 1000,
				  netio_recv(self->g.wire, &h, self->got, ROOM, SOON));
			p = netio_frame_payload(self->got, 100 + n % 1000) - 8;
			ASSERT_EQ(n + 1, (unsigned int)(self->got[p] << 8 | self->got[p + 1]));
			n++;
			ASSERT_EQ(0, netio_send(self->g.wire, &h, self->got, 100 + (n - 1) % 1000));
		}
		for (k = 0; k < 16; k++)
			ASSERT_EQ(100 + (int)(n - 16 + k) % 1000,
				  vdrv_recv(v, &h, self->got, ROOM, SOON));
	}
}

FIXTURE(path)
{
	struct guest g;
	int peer;
};

FIXTURE_SETUP(path)
{
	struct vnic_cfg cfg = {
		.drv.features = ALL | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
		.mapped = true,
	};

	self->peer = -1;
	ASSERT_EQ(0, guest_open(&self->g, &cfg));
	self->peer = netio_open("slvf1");
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, netio_run("sluice wire add " RIG_PORT " slup0"));
}

FIXTURE_TEARDOWN(path)
{
	guest_close(&self->g);
	close(self->peer);
}

TEST_F(path, uplink)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct netio_frame f = { .len = sizes[i], .seed = i + 1 };

		EXPECT_EQ((int)f.len, guest_to(&self->g, 0, self->peer, &f, SOON));
		f.seed += 100;
		EXPECT_EQ((int)f.len, guest_from(&self->g, self->peer, &f, SOON));
	}
}

/* A rule of this port denies what it names, in its direction, and nothing else. */
TEST_F(path, access_list)
{
	struct netio_frame good = { .len = 200, .seed = 1 };
	struct netio_frame bad = { .len = 200, .seed = 2, .tcp = true };

	ASSERT_EQ(0, netio_run("sluice acl add port " RIG_PORT
			       " dir from-guest prio 1 proto tcp deny"));
	EXPECT_EQ(200, guest_to(&self->g, 0, self->peer, &good, SOON));
	EXPECT_EQ(-ETIMEDOUT, guest_to(&self->g, 0, self->peer, &bad, QUIET));
	EXPECT_EQ(200, guest_from(&self->g, self->peer, &bad, SOON));
	ASSERT_EQ(0, netio_run("sluice acl default port " RIG_PORT " dir to-guest deny"));
	EXPECT_EQ(-ETIMEDOUT, guest_from(&self->g, self->peer, &good, QUIET));
}

/* A guest that lies about who it is. */
TEST_F(path, spoof_guard)
{
	struct netio_frame own = { .len = 200, .seed = 1, .src_mac = 7 };
	struct netio_frame other = { .len = 200, .seed = 2, .src_mac = 8 };

	ASSERT_EQ(0, netio_run("sluice guard set port " RIG_PORT " mac 02:00:00:00:00:07"));
	EXPECT_EQ(200, guest_to(&self->g, 0, self->peer, &own, SOON));
	EXPECT_EQ(-ETIMEDOUT, guest_to(&self->g, 0, self->peer, &other, QUIET));
}

/* A counter of the port, as the tool shows it; -1 if it does not. */
static long long counter(const char *field)
{
	char cmd[160], line[64];
	long long n = -1;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "sluice -j stats " RIG_PORT
		 " | tr ',{}' '\\n\\n\\n' | sed -n 's/.*\"%s\": *//p' | head -n 1", field);
	f = popen(cmd, "r");
	if (!f)
		return -1;
	if (fgets(line, sizeof(line), f))
		n = atoll(line);
	pclose(f);
	return n;
}

TEST_F(path, counters)
{
	struct netio_frame f = { .len = 200, .seed = 1 };
	int i;

	for (i = 0; i < 7; i++)
		ASSERT_EQ(200, guest_to(&self->g, 0, self->peer, &f, SOON));
	for (i = 0; i < 5; i++)
		ASSERT_EQ(200, guest_from(&self->g, self->peer, &f, SOON));
	EXPECT_EQ(7, counter("from-guest-packets"));
	EXPECT_EQ(7 * 200, counter("from-guest-bytes"));
	EXPECT_LE(5, counter("to-guest-packets"));
}

/* A port that is set down, or its uplink, carries nothing either way. */
TEST_F(path, down)
{
	static const char * const who[] = { RIG_PORT, "slup0" };
	struct netio_frame f = { .len = 200, .seed = 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(who); i++) {
		EXPECT_EQ(200, guest_to(&self->g, 0, self->peer, &f, SOON));
		ASSERT_EQ(0, netio_link_set(who[i], false));
		EXPECT_EQ(-ETIMEDOUT, guest_to(&self->g, 0, self->peer, &f, QUIET));
		EXPECT_EQ(-ETIMEDOUT, guest_from(&self->g, self->peer, &f, QUIET));
		EXPECT_EQ(0, netio_run("ethtool -S %s | grep -q 'drop_down: 2$'", who[i]));
		ASSERT_EQ(0, netio_link_set(who[i], true));
	}
	EXPECT_EQ(200, guest_from(&self->g, self->peer, &f, SOON));
}

/* Guests of all kinds are ports like others: a wire between them, and each its own rules. */
TEST_F(path, to_other_guests)
{
	struct netio_frame f = { .len = 300, .seed = 1 };
	struct vdrv_cfg vhost = {
		.node = "/dev/vhost-sluice",
		.features = VDRV_F_VERSION_1,
	};
	unsigned char frame[512], got[2048];
	struct virtio_net_hdr_v1 h;
	struct guest second;
	struct vdrv v;
	int backend;

	ASSERT_EQ(0, netio_run("sluice wire del " RIG_PORT " slup0"));
	ASSERT_EQ(0, rig_mdev(RIG_UUID_2, "slmd1", 1));
	ASSERT_EQ(0, guest_attach(&second, NULL, RIG_UUID_2, "slmd1", &self->g.n.cfg));
	ASSERT_EQ(0, netio_run("sluice wire add " RIG_PORT " slmd1"));
	netio_frame_make(&f, &h, frame);
	ASSERT_EQ(0, vdrv_send(&self->g.n.pair[0], &h, frame, f.len));
	EXPECT_EQ(300, guest_recv(&second, &h, got, sizeof(got), SOON));
	EXPECT_EQ(0, memcmp(frame, got, 300));
	ASSERT_EQ(0, netio_run("sluice acl default port slmd1 dir to-guest deny"));
	ASSERT_EQ(0, vdrv_send(&self->g.n.pair[0], &h, frame, f.len));
	EXPECT_EQ(-ETIMEDOUT, guest_recv(&second, &h, got, sizeof(got), QUIET));
	ASSERT_EQ(0, netio_run("sluice wire del " RIG_PORT " slmd1"));
	guest_detach(&second);
	rig_mdev_del(RIG_UUID_2, "slmd1");

	ASSERT_EQ(0, netio_run("ip link add slvh0 type sluice"));
	ASSERT_EQ(0, netio_quiet("slvh0"));
	ASSERT_EQ(0, netio_link_set("slvh0", true));
	backend = vdrv_backend_open("slvh0", false);
	ASSERT_LE(0, backend);
	ASSERT_EQ(0, vdrv_open(&v, &vhost));
	ASSERT_EQ(0, vdrv_start(&v, backend));
	ASSERT_EQ(0, netio_run("sluice wire add " RIG_PORT " slvh0"));
	memset(&h, 0, sizeof(h));
	ASSERT_EQ(0, vdrv_send(&self->g.n.pair[0], &h, frame, f.len));
	EXPECT_EQ(300, vdrv_recv(&v, &h, got, sizeof(got), SOON));
	EXPECT_EQ(0, memcmp(frame, got, 300));
	ASSERT_EQ(0, vdrv_send(&v, &h, frame, f.len));
	EXPECT_EQ(300, guest_recv(&self->g, &h, got, sizeof(got), SOON));
	vdrv_close(&v);
	close(backend);
	netio_run("ip link del slvh0");
}

/* A port's own MTU is what the driver hears, and what passes. */
TEST(mtu)
{
	struct netio_frame f = { .len = 9014, .seed = 1 };
	struct vnic_cfg cfg = { .drv.features = ALL | VNIC_BIT(MTU) };
	unsigned char *frame = malloc(ROOM), *got = malloc(ROOM);
	struct virtio_net_hdr_v1 h;
	struct guest g;

	ASSERT_EQ(0, rig_up());
	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, netio_link_mtu(RIG_PORT, 9000));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &cfg));
	EXPECT_EQ(9000, vnic_config(&g.n, mtu));
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, vdrv_send(&g.n.pair[0], &h, frame, f.len));
	EXPECT_EQ(9014, netio_recv(g.wire, &h, got, ROOM, SOON));
	EXPECT_EQ(0, memcmp(frame, got, f.len));
	EXPECT_EQ(0, netio_send(g.wire, &h, frame, f.len));
	EXPECT_EQ(9014, guest_recv(&g, &h, got, ROOM, SOON));
	guest_close(&g);
	free(frame);
	free(got);
}

TEST_HARNESS_MAIN
