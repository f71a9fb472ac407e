// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits are waited for: what a guest sends stays in its ring, what is sent to it in an inbox, and
 * nothing is lost. The limit here is a byte a second, so what goes is what the burst has, a frame
 * that begins with the next byte, and then nothing for a quarter of an hour.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define FROM	"slfrom"
#define TO	"slto"
#define LEN	1000
#define SLOW	"bps 8 burst 3000"
/* Of LEN bytes: those of the burst, and the one after. */
#define FIRST	4
#define SENT	64
#define ROOM	2048

FIXTURE(rate)
{
	struct guest from;
	struct guest to;
};

FIXTURE_VARIANT(rate)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(rate, split)
{
	.features = VDRV_F_VERSION_1,
};

FIXTURE_VARIANT_ADD(rate, split_event)
{
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE_VARIANT_ADD(rate, packed_event)
{
	.features = VDRV_F_VERSION_1 | VDRV_F_PACKED | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE_SETUP(rate)
{
	const struct vdrv_cfg cfg = { .features = variant->features, .num = 128 };

	if (!rig_is_sluice())
		SKIP(return, "only Sluice has limits");
	ASSERT_EQ(0, guest_open(&self->from, FROM, &cfg));
	ASSERT_EQ(0, guest_open(&self->to, TO, &cfg));
}

/* Also while something waits. */
FIXTURE_TEARDOWN(rate)
{
	guest_close(&self->from);
	guest_close(&self->to);
}

static void make(void *frame, void *arg)
{
	struct netio_frame f = { .len = LEN, .seed = ++*(unsigned int *)arg };
	struct virtio_net_hdr_v1 h;

	netio_frame_make(&f, &h, frame);
}

static bool is_frame(const unsigned char *got, int len, unsigned int seed)
{
	unsigned char want[ROOM];

	seed--;
	make(want, &seed);
	return len == LEN && !memcmp(got, want, LEN);
}

/* How many of those frames come out of the port's netdev, in their order, from @first to @last. */
static unsigned int come_out(int wire, unsigned int first, unsigned int last)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[ROOM];
	unsigned int i;

	for (i = first; i <= last; i++) {
		if (!is_frame(got, netio_recv(wire, &h, got, sizeof(got), 10000), i))
			break;
	}
	return i - first;
}

/* The same, to a guest. */
static unsigned int arrive(struct vdrv *v, unsigned int first, unsigned int last)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[ROOM];
	unsigned int i;
	int ret;

	for (i = first; i <= last; i++) {
		do {
			ret = vdrv_recv(v, &h, got, sizeof(got), 10000);
		} while (ret > 0 && !netio_frame_payload(got, ret));
		if (!is_frame(got, ret, i))
			break;
	}
	return i - first;
}

static int send_to(struct guest *g, unsigned int seed)
{
	unsigned char frame[ROOM];
	struct virtio_net_hdr_v1 h = { 0 };

	seed--;
	make(frame, &seed);
	return netio_send(g->wire, &h, frame, LEN);
}

/* Buffers that the device has given back, when as many as that are, and a while later. */
static unsigned int taken(struct vdrv *v, unsigned int want)
{
	unsigned int i, n = 0;

	for (i = 0; i < 2000 && n < want; i++) {
		n += vdrv_tx_reap(v);
		usleep(10000);
	}
	usleep(300000);
	return n + vdrv_tx_reap(v);
}

/* Fill the ring under the limit. Returns how many were taken out of it. */
static unsigned int fill(struct guest *g)
{
	unsigned int seed = 0;

	if (netio_run("sluice rate set port %s dir from-guest " SLOW, g->name) ||
	    vdrv_tx_burst(&g->v, SENT, LEN, make, &seed) != SENT)
		return 0;
	vdrv_vq_kick(&g->v.vq[VDRV_TX]);
	return taken(&g->v, FIRST);
}

/* What the limit has nothing for stays in the ring; when the limit goes, it goes too. */
TEST_F(rate, sender_waits)
{
	ASSERT_EQ(FIRST, fill(&self->from));
	EXPECT_EQ(FIRST, come_out(self->from.wire, 1, FIRST));
	/* Nobody else waits, on the same worker. */
	EXPECT_EQ(0, guest_ping(&self->to, 1));
	/* Its driver may notify as often as it likes. */
	vdrv_kick_always(&self->from.v.vq[VDRV_TX]);
	EXPECT_EQ(0, taken(&self->from.v, 0));
	EXPECT_EQ(0, netio_run("sluice rate off port " FROM));
	EXPECT_EQ(SENT - FIRST, come_out(self->from.wire, FIRST + 1, SENT));
	EXPECT_EQ(0, vdrv_drain_tx(&self->from.v, 10000));
	EXPECT_EQ(0, netio_drops(FROM, "rate"));
	EXPECT_EQ(0, guest_ping(&self->from, 1));
}

/*
 * That it waits is seen: once for each time, not while it has nothing to send, and only in the
 * direction that does.
 */
TEST_F(rate, shows)
{
	unsigned int i, seed = 0;
	long n;

	ASSERT_EQ(0, netio_run("sluice rate set port " FROM " dir from-guest " SLOW));
	ASSERT_EQ(1, vdrv_tx_burst(&self->from.v, 1, LEN, make, &seed));
	vdrv_vq_kick(&self->from.v.vq[VDRV_TX]);
	ASSERT_EQ(1, taken(&self->from.v, 1));
	EXPECT_EQ(0, netio_shown("stats " FROM, "from-guest-throttled"));
	ASSERT_EQ(FIRST - 1, vdrv_tx_burst(&self->from.v, FIRST - 1, LEN, make, &seed));
	vdrv_vq_kick(&self->from.v.vq[VDRV_TX]);
	ASSERT_EQ(FIRST - 1, taken(&self->from.v, FIRST - 1));
	/* The last of them waited for its first byte, unless a second had gone by. */
	n = netio_shown("stats " FROM, "from-guest-throttled");
	EXPECT_TRUE(n == 0 || n == 1);
	ASSERT_EQ(1, vdrv_tx_burst(&self->from.v, 1, LEN, make, &seed));
	vdrv_vq_kick(&self->from.v.vq[VDRV_TX]);
	for (i = 0; i < 1000 && netio_shown("stats " FROM, "from-guest-throttled") <= n; i++)
		usleep(10000);
	EXPECT_EQ(0, taken(&self->from.v, 0));
	EXPECT_EQ(n + 1, netio_shown("stats " FROM, "from-guest-throttled"));
	EXPECT_EQ(0, netio_shown("stats " FROM, "to-guest-throttled"));
	EXPECT_EQ(n + 1, netio_shown("-s port show " FROM, "throttled"));
	EXPECT_EQ(0, netio_run("ethtool -S " FROM " | grep -q 'from_guest_throttled: %ld$'",
			       n + 1));
}

/* The worker sleeps meanwhile, and looks again a few times a second. */
TEST_F(rate, worker_sleeps)
{
	long slept, woken;

	ASSERT_EQ(FIRST, fill(&self->from));
	slept = netio_shown("-s worker show", "sleep-ns");
	woken = netio_shown("-s worker show", "wakeups");
	ASSERT_LE(0, slept);
	usleep(500000);
	EXPECT_LT(slept, netio_shown("-s worker show", "sleep-ns"));
	EXPECT_GT(woken + 100, netio_shown("-s worker show", "wakeups"));
}

/* A ring that waits is stopped where it stands, and goes on from there. */
TEST_F(rate, stopped)
{
	ASSERT_EQ(FIRST, fill(&self->from));
	ASSERT_EQ(0, vdrv_stop(&self->from.v));
	if (!(variant->features & VDRV_F_PACKED))
		EXPECT_EQ(FIRST, self->from.v.vq[VDRV_TX].base);
	EXPECT_EQ(FIRST, come_out(self->from.wire, 1, FIRST));
	ASSERT_EQ(0, vdrv_start(&self->from.v, self->from.backend));
	/* The limit is the port's, whoever drives it. */
	EXPECT_EQ(0, taken(&self->from.v, 0));
	EXPECT_EQ(0, netio_run("sluice rate set port " FROM " dir from-guest bps 10g"));
	EXPECT_EQ(SENT - FIRST, come_out(self->from.wire, FIRST + 1, SENT));
	EXPECT_EQ(0, netio_drops(FROM, "rate"));
}

/* The driver resets the device, and forgets what it had in the ring. */
TEST_F(rate, reset)
{
	ASSERT_EQ(FIRST, fill(&self->from));
	ASSERT_EQ(0, vdrv_stop(&self->from.v));
	EXPECT_EQ(FIRST, come_out(self->from.wire, 1, FIRST));
	vdrv_vq_fresh(&self->from.v.vq[VDRV_RX]);
	vdrv_vq_fresh(&self->from.v.vq[VDRV_TX]);
	ASSERT_EQ(0, vdrv_start(&self->from.v, self->from.backend));
	EXPECT_EQ(0, netio_link_wait(FROM));
	EXPECT_EQ(0, netio_run("sluice rate off port " FROM " dir from-guest"));
	EXPECT_EQ(0, guest_ping(&self->from, 1));
}

/* What the host sends waits too. */
TEST_F(rate, receiver_waits)
{
	unsigned int i;
	long n;

	ASSERT_EQ(0, netio_run("sluice rate set port " TO " dir to-guest " SLOW));
	for (i = 1; i <= SENT; i++)
		ASSERT_EQ(0, send_to(&self->to, i));
	EXPECT_EQ(FIRST, arrive(&self->to.v, 1, FIRST));
	usleep(300000);
	EXPECT_FALSE(vdrv_vq_peek(&self->to.v.vq[VDRV_RX]));
	/* Once for the last of these, unless a second had gone by, and once since. */
	n = netio_shown("stats " TO, "to-guest-throttled");
	EXPECT_TRUE(n == 1 || n == 2);
	EXPECT_EQ(0, netio_shown("stats " TO, "from-guest-throttled"));
	EXPECT_EQ(0, guest_ping(&self->from, 1));
	EXPECT_EQ(0, netio_run("sluice rate off port " TO));
	EXPECT_EQ(SENT - FIRST, arrive(&self->to.v, FIRST + 1, SENT));
	EXPECT_EQ(0, netio_drops(TO, "rate"));
	EXPECT_EQ(0, guest_ping(&self->to, 1));
}

/* What another guest sends likewise; that one's ring does not wait for it. */
TEST_F(rate, receiver_by_wire)
{
	unsigned int seed = 0;

	ASSERT_EQ(0, netio_run("sluice wire add " FROM " " TO));
	ASSERT_EQ(0, netio_run("sluice rate set port " TO " dir to-guest " SLOW));
	ASSERT_EQ(SENT, vdrv_tx_burst(&self->from.v, SENT, LEN, make, &seed));
	vdrv_vq_kick(&self->from.v.vq[VDRV_TX]);
	EXPECT_EQ(0, vdrv_drain_tx(&self->from.v, 10000));
	EXPECT_EQ(FIRST, arrive(&self->to.v, 1, FIRST));
	usleep(300000);
	EXPECT_FALSE(vdrv_vq_peek(&self->to.v.vq[VDRV_RX]));
	EXPECT_EQ(0, netio_run("sluice rate off port " TO));
	EXPECT_EQ(SENT - FIRST, arrive(&self->to.v, FIRST + 1, SENT));
	EXPECT_EQ(0, netio_drops(TO, "rate"));
}

/* Frames that arrive, until each of @sent is accounted for as that or as a drop. */
static unsigned int arrive_or_drop(struct guest *g, unsigned int sent)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[ROOM];
	unsigned int i, n = 0;

	for (i = 0; i < 60 && n + netio_drops(g->name, "rate") < sent; i++) {
		while (vdrv_recv(&g->v, &h, got, sizeof(got), 500) == LEN)
			n++;
	}
	return n;
}

/* No more waits than an inbox holds; what else comes is over the limit. */
TEST_F(rate, receiver_full)
{
	const unsigned int sent = 1200, room = 1024;
	unsigned int i, n;

	ASSERT_EQ(0, netio_run("sluice rate set port " TO " dir to-guest " SLOW));
	for (i = 1; i <= sent; i++)
		ASSERT_EQ(0, send_to(&self->to, i));
	EXPECT_LE(sent - room - FIRST, netio_drops(TO, "rate"));
	EXPECT_EQ(0, netio_run("sluice rate off port " TO));
	n = arrive_or_drop(&self->to, sent);
	EXPECT_EQ(sent, n + netio_drops(TO, "rate"));
	EXPECT_LE(room, n);
	EXPECT_EQ(0, netio_drops(TO, "inbox-full"));
}

/* And for no longer than is good for it: of a hundred a second, a second and a quarter. */
TEST_F(rate, receiver_late)
{
	const unsigned int sent = 1000;
	unsigned int i, n;

	ASSERT_EQ(0, netio_run("sluice rate set port " TO " dir to-guest pps 100 pburst 1"));
	for (i = 1; i <= sent; i++)
		ASSERT_EQ(0, send_to(&self->to, i));
	n = arrive_or_drop(&self->to, sent);
	EXPECT_EQ(sent, n + netio_drops(TO, "rate"));
	EXPECT_LT(0, n);
	EXPECT_LT(0, netio_drops(TO, "rate"));
	EXPECT_EQ(0, guest_ping(&self->to, 1));
}

/* A thousand bytes that are 95 packets on the wire, and six thousand bytes. */
static void make_segments(void *frame, void *arg)
{
	struct netio_frame f = {
		.len = LEN, .tcp = true, .mss = 10, .seed = ++*(unsigned int *)arg,
	};
	struct virtio_net_hdr_v1 h;

	netio_frame_make(&f, &h, frame);
	/* Its header is in front of it. */
	memcpy((unsigned char *)frame - sizeof(h), &h, sizeof(h));
}

/* One frame is more than the burst: it is the last that goes, whatever its length in the ring. */
TEST_F(rate, sender_segments)
{
	static const char *const limits[] = { SLOW, "pps 1 pburst 60" };
	unsigned int i, seed = 0;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, netio_run("sluice rate set port " FROM " dir from-guest %s",
				       limits[i]));
		ASSERT_EQ(SENT, vdrv_tx_burst(&self->from.v, SENT, LEN, make_segments, &seed));
		vdrv_vq_kick(&self->from.v.vq[VDRV_TX]);
		EXPECT_EQ(1, taken(&self->from.v, 1));
		EXPECT_EQ(0, netio_run("sluice rate off port " FROM));
		EXPECT_EQ(0, vdrv_drain_tx(&self->from.v, 10000));
	}
	EXPECT_EQ(0, netio_drops(FROM, "rate"));
}

/* A frame from QEMU itself cannot wait: it passes, or it does not. */
TEST_F(rate, injected)
{
	unsigned char frame[12 + LEN] = { 0 };
	unsigned int i, seed = 0;

	ASSERT_EQ(0, netio_run("sluice rate set port " FROM " dir from-guest " SLOW));
	for (i = 0; i < 10; i++) {
		make(frame + 12, &seed);
		ASSERT_EQ(sizeof(frame), write(self->from.backend, frame, sizeof(frame)));
	}
	EXPECT_EQ(3, come_out(self->from.wire, 1, 3));
	EXPECT_EQ(7, netio_drops(FROM, "rate"));
}

TEST_HARNESS_MAIN
