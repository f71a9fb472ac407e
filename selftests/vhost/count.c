// SPDX-License-Identifier: GPL-2.0-only
/*
 * All counters have one unit, packets on the wire: a burst of frames with segmentation is the same
 * number for whoever counts it, in bytes too, and what was dropped and what went on make up what
 * was sent.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define FROM	"slfrom"
#define TO	"slto"
#define UPLINK	"slup0"
#define VF	"slvf0"
#define PEER	"slvf1"

#define HEADERS	(14 + 20 + 20)
#define MSS	1000
#define SEGS	10
#define FRAMES	16
#define LEN	(HEADERS + SEGS * MSS)
/* On the wire. */
#define PACKETS	(FRAMES * SEGS)
#define PAYLOAD	(PACKETS * MSS)
#define BYTES	(PACKETS * (HEADERS + MSS))
#define ROOM	(64 * 1024 + 256)

static const struct vdrv_cfg cfg = {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE(count)
{
	struct guest from;
	struct guest to;
	unsigned char *buf;
};

FIXTURE_SETUP(count)
{
	if (!rig_is_sluice())
		SKIP(return, "these are Sluice's");
	self->buf = malloc(ROOM);
	ASSERT_NE(NULL, self->buf);
	ASSERT_EQ(0, guest_open(&self->from, FROM, &cfg));
	ASSERT_EQ(0, guest_open(&self->to, TO, &cfg));
}

FIXTURE_TEARDOWN(count)
{
	netio_run("sluice flow del id 1 2>/dev/null; sluice meter del 7 2>/dev/null; true");
	guest_close(&self->from);
	guest_close(&self->to);
	free(self->buf);
}

static void segmented(struct netio_frame *f)
{
	*f = (struct netio_frame){ .len = LEN, .tcp = true, .mss = MSS, .partial = true };
}

/* @g does, or the host's stack does by @wire. */
static int send_frames(struct guest *g, int wire, unsigned char *buf, unsigned int n)
{
	struct virtio_net_hdr_v1 h;
	struct netio_frame f;
	int ret = 0;

	segmented(&f);
	while (n-- && !ret) {
		netio_frame_make(&f, &h, buf);
		ret = g ? vdrv_send(&g->v, &h, buf, f.len) : netio_send(wire, &h, buf, f.len);
	}
	return ret;
}

static int guest_sends(struct guest *g, unsigned char *buf, unsigned int n)
{
	int ret = send_frames(g, -1, buf, n);

	return ret ? ret : vdrv_drain_tx(&g->v, 10000);
}

static int host_sends(int wire, unsigned char *buf, unsigned int n)
{
	return send_frames(NULL, wire, buf, n);
}

/* Bytes of our frames' payload that a guest gets, when as many as that are. */
static long payload_of(struct guest *g, unsigned char *buf, long want)
{
	struct virtio_net_hdr_v1 h;
	long got = 0;
	int n;

	while (got < want) {
		n = vdrv_recv(&g->v, &h, buf, ROOM, 10000);
		if (n < 0)
			break;
		if (netio_frame_payload(buf, n))
			got += n - HEADERS;
	}
	return got;
}

/* Until the counter of a netdev says so, or it is clear that it will not. */
static long stat_of(const char *name, const char *stat, long want)
{
	unsigned int i;

	for (i = 0; i < 1000 && netio_stat(name, stat) < want; i++)
		usleep(10000);
	return netio_stat(name, stat);
}

static long drops_of(const char *name, const char *why, long want)
{
	unsigned int i;

	for (i = 0; i < 1000 && netio_drops(name, why) < want; i++)
		usleep(10000);
	return netio_drops(name, why);
}

/* To the host's stack. */
TEST_F(count, to_the_stack)
{
	ASSERT_EQ(0, netio_run("sluice acl add port " FROM " dir from-guest prio 1 proto tcp "
			       "allow"));
	ASSERT_EQ(0, netio_run("sluice rate set port " FROM " dir from-guest bps 100g"));
	ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, stat_of(FROM, "rx_packets", PACKETS));
	EXPECT_EQ(BYTES, netio_stat(FROM, "rx_bytes"));
	EXPECT_EQ(PACKETS, netio_shown("stats " FROM, "from-guest-packets"));
	EXPECT_EQ(BYTES, netio_shown("stats " FROM, "from-guest-bytes"));
	EXPECT_EQ(PACKETS, netio_shown("stats " FROM, "slow-packets"));
	EXPECT_EQ(0, netio_shown("stats " FROM, "fast-packets"));
	EXPECT_EQ(PACKETS, netio_shown("-s acl show port " FROM, "packets"));
	EXPECT_EQ(BYTES, netio_shown("-s acl show port " FROM, "bytes"));
	EXPECT_EQ(0, netio_stat(FROM, "rx_dropped"));
}

/* From the stack to a guest: it does not matter which of them segments. */
TEST_F(count, from_the_stack)
{
	unsigned int i;

	ASSERT_EQ(0, netio_run("sluice acl add port " TO " dir to-guest prio 1 proto tcp allow"));
	for (i = 1; i <= 2; i++) {
		ASSERT_EQ(0, host_sends(self->to.wire, self->buf, FRAMES));
		EXPECT_EQ(PAYLOAD, payload_of(&self->to, self->buf, PAYLOAD));
		EXPECT_EQ(i * PACKETS, stat_of(TO, "tx_packets", i * PACKETS));
		EXPECT_EQ(i * BYTES, netio_stat(TO, "tx_bytes"));
		EXPECT_EQ(i * PACKETS, netio_shown("-s acl show port " TO, "packets"));
		EXPECT_EQ(i * BYTES, netio_shown("-s acl show port " TO, "bytes"));
		ASSERT_EQ(0, guest_no_offload(&self->to));
	}
	EXPECT_EQ(0, netio_stat(TO, "tx_dropped"));
}

/* From guest to guest, whole and in segments: what the one sent is what the other got. */
TEST_F(count, between_guests)
{
	unsigned int i;

	ASSERT_EQ(0, netio_run("sluice wire add " FROM " " TO));
	ASSERT_EQ(0, netio_run("sluice acl add port " TO " dir to-guest prio 1 proto tcp allow"));
	for (i = 1; i <= 2; i++) {
		ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
		EXPECT_EQ(PAYLOAD, payload_of(&self->to, self->buf, PAYLOAD));
		EXPECT_EQ(i * PACKETS, stat_of(TO, "tx_packets", i * PACKETS));
		EXPECT_EQ(i * BYTES, netio_shown("stats " TO, "to-guest-bytes"));
		EXPECT_EQ(i * PACKETS, netio_shown("stats " FROM, "from-guest-packets"));
		EXPECT_EQ(i * BYTES, netio_shown("stats " FROM, "from-guest-bytes"));
		EXPECT_EQ(i * PACKETS, netio_shown("stats " FROM, "fast-packets"));
		EXPECT_EQ(i * PACKETS, netio_shown("-s acl show port " TO, "packets"));
		EXPECT_EQ(i * BYTES, netio_shown("-s acl show port " TO, "bytes"));
		ASSERT_EQ(0, guest_no_offload(&self->to));
	}
}

/* What a meter has nothing for: a packet a second, and four frames at once. */
TEST_F(count, metered)
{
	const long passed = 4 * SEGS;

	ASSERT_EQ(0, netio_run("sluice meter add 7 pps 1 pburst %ld", passed + SEGS / 2));
	ASSERT_EQ(0, netio_run("sluice flow add id 1 prio 1 in " FROM
			       " actions meter:7,output:" TO));
	ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
	EXPECT_EQ(passed, stat_of(TO, "tx_packets", passed));
	EXPECT_EQ(PACKETS, netio_shown("stats " FROM, "from-guest-packets"));
	EXPECT_EQ(PACKETS, netio_shown("-s flow show id 1", "packets"));
	EXPECT_EQ(BYTES, netio_shown("-s flow show id 1", "bytes"));
	EXPECT_EQ(passed, netio_shown("-s meter show", "passed-packets"));
	EXPECT_EQ(passed * (BYTES / PACKETS), netio_shown("-s meter show", "passed-bytes"));
	EXPECT_EQ(PACKETS - passed, netio_shown("-s meter show", "dropped-packets"));
	EXPECT_EQ(BYTES - passed * (BYTES / PACKETS),
		  netio_shown("-s meter show", "dropped-bytes"));
	EXPECT_EQ(PACKETS - passed, netio_drops(FROM, "meter"));
	EXPECT_EQ(PACKETS - passed, netio_stat(FROM, "rx_dropped"));
}

/* What a limit has no time for: all that its receiver did not get. */
TEST_F(count, limited)
{
	const unsigned int frames = 1100;
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	long sum = 0;

	ASSERT_EQ(0, netio_run("sluice rate set port " TO " dir to-guest pps 100 pburst 1"));
	ASSERT_EQ(0, host_sends(self->to.wire, self->buf, frames));
	for (i = 0; i < 1000 && sum < frames * SEGS; i++) {
		while (vdrv_recv(&self->to.v, &h, self->buf, ROOM, 0) > 0)
			;
		usleep(10000);
		sum = netio_stat(TO, "tx_packets") + netio_drops(TO, "rate");
	}
	EXPECT_EQ(frames * SEGS, sum);
	EXPECT_LT(0, netio_stat(TO, "tx_packets"));
	EXPECT_EQ(0, netio_stat(TO, "tx_packets") % SEGS);
}

/* Whoever drops them, and why: none is lost sight of. */
TEST_F(count, dropped)
{
	ASSERT_EQ(0, netio_run("sluice wire add " FROM " " TO));
	ASSERT_EQ(0, netio_run("sluice acl add port " TO " dir to-guest prio 1 proto tcp deny"));
	ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, drops_of(TO, "acl", PACKETS));
	ASSERT_EQ(0, host_sends(self->to.wire, self->buf, FRAMES));
	EXPECT_EQ(2 * PACKETS, drops_of(TO, "acl", 2 * PACKETS));
	EXPECT_EQ(2 * PACKETS, netio_shown("-s acl show port " TO, "packets"));
	EXPECT_EQ(2 * BYTES, netio_shown("-s acl show port " TO, "bytes"));
	ASSERT_EQ(0, netio_run("sluice acl del port " TO " dir to-guest prio 1"));

	ASSERT_EQ(0, vdrv_stop(&self->to.v));
	ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, drops_of(TO, "rx-down", PACKETS));
	ASSERT_EQ(0, host_sends(self->to.wire, self->buf, FRAMES));
	EXPECT_EQ(2 * PACKETS, netio_drops(TO, "rx-down"));
	ASSERT_EQ(0, netio_link_set(TO, false));
	ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, drops_of(TO, "down", PACKETS));
	ASSERT_EQ(0, netio_link_set(FROM, false));
	ASSERT_EQ(0, guest_sends(&self->from, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, drops_of(FROM, "down", PACKETS));
	EXPECT_EQ(4 * PACKETS, netio_stat(FROM, "rx_packets"));
	EXPECT_EQ(4 * BYTES, netio_stat(FROM, "rx_bytes"));
	EXPECT_EQ(0, netio_stat(TO, "tx_packets"));
}

/* Of what contradicts itself nobody knows what it would be: it is one packet. */
TEST_F(count, refused)
{
	struct virtio_net_hdr_v1 h;
	struct netio_frame f;

	segmented(&f);
	netio_frame_make(&f, &h, self->buf);
	h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	ASSERT_EQ(0, vdrv_send(&self->from.v, &h, self->buf, LEN));
	/* Less than an Ethernet header. */
	memset(&h, 0, sizeof(h));
	ASSERT_EQ(0, vdrv_send(&self->from.v, &h, self->buf, 10));
	ASSERT_EQ(0, vdrv_drain_tx(&self->from.v, 10000));
	EXPECT_EQ(2, stat_of(FROM, "rx_packets", 2));
	EXPECT_EQ(LEN + 10, netio_stat(FROM, "rx_bytes"));
	EXPECT_EQ(1, netio_drops(FROM, "bad-vnet-hdr"));
	EXPECT_EQ(1, netio_drops(FROM, "malformed"));
	EXPECT_EQ(2, netio_stat(FROM, "rx_dropped"));
}

/* A device that segments by itself counts the same as the uplink above it. */
TEST_F(count, by_an_uplink)
{
	long sent;
	int wire;

	ASSERT_EQ(0, netio_run("ip link add " VF " type veth peer name " PEER));
	ASSERT_EQ(0, netio_quiet(VF));
	ASSERT_EQ(0, netio_quiet(PEER));
	ASSERT_EQ(0, netio_run("ethtool -K " VF " tso off >/dev/null"));
	ASSERT_EQ(0, netio_link_set(VF, true));
	ASSERT_EQ(0, netio_link_set(PEER, true));
	ASSERT_EQ(0, netio_port_add(UPLINK, VF, 1));
	ASSERT_EQ(0, rig_port_up(UPLINK));
	ASSERT_EQ(0, netio_run("sluice wire add " TO " " UPLINK));
	wire = netio_open(UPLINK);
	ASSERT_LE(0, wire);
	sent = netio_stat(VF, "tx_packets");
	ASSERT_EQ(0, guest_sends(&self->to, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, stat_of(UPLINK, "tx_packets", PACKETS));
	EXPECT_EQ(BYTES, netio_stat(UPLINK, "tx_bytes"));
	EXPECT_EQ(sent + PACKETS, netio_stat(VF, "tx_packets"));
	/* The host's stack, by the uplink's own netdev. */
	ASSERT_EQ(0, host_sends(wire, self->buf, FRAMES));
	EXPECT_EQ(2 * PACKETS, stat_of(UPLINK, "tx_packets", 2 * PACKETS));
	EXPECT_EQ(2 * BYTES, netio_stat(UPLINK, "tx_bytes"));
	EXPECT_EQ(sent + 2 * PACKETS, netio_stat(VF, "tx_packets"));
	close(wire);
	/* What comes in by it, unsegmented. */
	wire = netio_open(PEER);
	ASSERT_LE(0, wire);
	ASSERT_EQ(0, host_sends(wire, self->buf, FRAMES));
	EXPECT_EQ(PACKETS, stat_of(UPLINK, "rx_packets", PACKETS));
	EXPECT_EQ(BYTES, netio_stat(UPLINK, "rx_bytes"));
	EXPECT_EQ(PACKETS, stat_of(TO, "tx_packets", PACKETS));
	EXPECT_EQ(BYTES, netio_stat(TO, "tx_bytes"));
	close(wire);
	netio_link_del(UPLINK);
	netio_link_del(VF);
}

TEST_HARNESS_MAIN
