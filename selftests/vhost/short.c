// SPDX-License-Identifier: GPL-2.0-only
/*
 * Short of memory: a worker goes on with what it has and waits for none, every frame that is lost
 * is counted, and all is well when there is memory again (issue 9, 4.2). Who sleeps or reclaims on
 * a worker is told of by the debug kernel (worker_visit()).
 */
#include "kselftest_harness.h"
#include "fail.h"
#include "rig.h"
#include "shortage.h"

#define PORT		"slshort0"
#define FRAMES		400
#define LEN		1400
#define SEGS		8
#define MSS		1000
#define GSO_LEN		(54 + SEGS * MSS)
#define FAILSLAB	"/sys/kernel/debug/failslab/"
/* What a worker keeps of packet memory (pool.h), and what a frame of LEN takes of it at least. */
#define POOL_BYTES	(8 * 32768)
#define PIECE		(LEN + 320)

static const struct vdrv_cfg cfg = {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE(short)
{
	struct guest g;
	unsigned char *buf;
};

FIXTURE_SETUP(short)
{
	if (!rig_is_sluice())
		SKIP(return, "these are Sluice's");
	self->buf = malloc(VDRV_FRAME);
	ASSERT_NE(NULL, self->buf);
	ASSERT_EQ(0, guest_open(&self->g, PORT, &cfg));
	ASSERT_EQ(0, guest_ping(&self->g, 1));
}

FIXTURE_TEARDOWN(short)
{
	guest_close(&self->g);
	free(self->buf);
}

/* --- what came of them --- */

/* Of those that reached the wire's socket, it had no memory for so many itself. */
static unsigned int socket_lost(int fd)
{
	struct tpacket_stats s = { 0 };
	socklen_t len = sizeof(s);

	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &len);
	return s.tp_drops;
}

static unsigned int wire_has(int fd, unsigned char *buf)
{
	struct virtio_net_hdr_v1 h;
	unsigned int n = 0;

	while (netio_recv(fd, &h, buf, VDRV_FRAME, 100) > 0)
		n++;
	return n;
}

static unsigned int guest_has(struct vdrv *v, unsigned char *buf)
{
	struct virtio_net_hdr_v1 h;
	unsigned int n = 0;
	int len;

	while ((len = vdrv_recv(v, &h, buf, VDRV_FRAME, 100)) > 0)
		n += !!netio_frame_payload(buf, len);
	return n;
}

/* Until the worker has dealt with all that the port was given. */
static long packets_of(const char *stat, long want)
{
	unsigned int i;

	for (i = 0; i < 1000 && netio_stat(PORT, stat) < want; i++)
		usleep(10000);
	return netio_stat(PORT, stat);
}

static int guest_sends(struct guest *g, unsigned char *buf, unsigned int n)
{
	struct netio_frame f = { .len = LEN };
	struct virtio_net_hdr_v1 h;
	int ret = 0;

	while (n-- && !ret) {
		f.sport = n;
		netio_frame_make(&f, &h, buf);
		ret = vdrv_send(&g->v, &h, buf, f.len);
		if (!ret && !(n % 64))
			ret = vdrv_drain_tx(&g->v, 10000);
	}
	return ret;
}

/* --- heads of packets, by chance --- */

static int fail_of(const char *what, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), FAILSLAB "%s", what);
	return fail_put(path, value);
}

static int fail_caches(const char *on)
{
	return fail_put("/sys/kernel/slab/skbuff_head_cache/failslab", on) ||
	       fail_put("/sys/kernel/slab/skbuff_small_head/failslab", on);
}

/* Of the worker's own, so many in a hundred; none of others'. */
static int worker_fails(const char *percent)
{
	return fail_of("ignore-gfp-wait", "N") || fail_of("verbose", "0") ||
	       fail_of("times", "-1") || fail_of("task-filter", "Y") ||
	       fail_of("cache-filter", "Y") || fail_caches("1") ||
	       netio_run("for p in /proc/[0-9]*;"
			 " do ! grep -qs '^sluice/' $p/comm || echo 1 >$p/make-it-fail; done") ||
	       fail_of("probability", percent);
}

static void worker_fails_no_more(void)
{
	fail_of("probability", "0");
	fail_caches("0");
	fail_of("cache-filter", "N");
	fail_of("task-filter", "N");
	fail_of("times", "1");
	fail_of("ignore-gfp-wait", "Y");
}

static bool can_fail(void)
{
	return !access(FAILSLAB "cache-filter", W_OK);
}

/* What is not lost, and said to be, arrives. */
TEST_F(short, from_the_guest)
{
	unsigned int got, lost;
	long drops;

	if (!can_fail())
		SKIP(return, "the kernel injects no faults");
	socket_lost(self->g.wire);
	drops = netio_drops(PORT, "nomem");
	ASSERT_EQ(0, worker_fails("30"));
	EXPECT_EQ(0, guest_sends(&self->g, self->buf, FRAMES));
	EXPECT_EQ(FRAMES + 1, packets_of("rx_packets", FRAMES + 1));
	got = wire_has(self->g.wire, self->buf);
	worker_fails_no_more();
	lost = socket_lost(self->g.wire);
	drops = netio_drops(PORT, "nomem") - drops;
	TH_LOG("%u arrived, the socket lost %u, the worker %ld", got, lost, drops);
	EXPECT_LT(0, drops);
	EXPECT_LT(0, got);
	EXPECT_EQ(FRAMES, got + lost + drops);
	EXPECT_EQ(0, guest_sends(&self->g, self->buf, 64));
	EXPECT_EQ(64, wire_has(self->g.wire, self->buf));
}

/* Written to a port's own node; the guest gets a copy of each. */
TEST_F(short, from_a_node)
{
	struct netio_frame f = { .len = LEN };
	unsigned int i, got, taken = 0;
	struct virtio_net_hdr_v1 h;
	long drops;
	int fd;

	if (!can_fail())
		SKIP(return, "the kernel injects no faults");
	fd = rig_port_open("slshort1", false, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, netio_run("sluice flow add id 1 prio 1 in slshort1 actions output:" PORT
			       ",slow"));
	memset(self->buf, 0, 10);
	drops = netio_drops(PORT, "nomem");
	ASSERT_EQ(0, worker_fails("30"));
	for (i = 0; i < FRAMES / 2; i++) {
		f.sport = i;
		netio_frame_make(&f, &h, self->buf + 10);
		taken += write(fd, self->buf, 10 + LEN) == 10 + LEN;
	}
	got = guest_has(&self->g.v, self->buf);
	worker_fails_no_more();
	drops = netio_drops(PORT, "nomem") - drops;
	TH_LOG("%u taken, %u arrived, the worker lost %ld", taken, got, drops);
	EXPECT_EQ(FRAMES / 2, taken);
	EXPECT_LT(0, drops);
	EXPECT_LT(0, got);
	EXPECT_EQ(taken, got + drops);
	ASSERT_EQ(0, netio_run("sluice flow del id 1"));
	close(fd);
	netio_link_del("slshort1");
}

/* Segments of what another sends are made for the guest. */
TEST_F(short, to_the_guest)
{
	struct netio_frame f = { .len = GSO_LEN, .tcp = true, .mss = MSS, .partial = true };
	struct virtio_net_hdr_v1 h;
	unsigned int i, got = 0;
	struct guest from;
	long drops;

	if (!can_fail())
		SKIP(return, "the kernel injects no faults");
	ASSERT_EQ(0, guest_open(&from, "slshort1", &cfg));
	ASSERT_EQ(0, guest_no_offload(&self->g));
	ASSERT_EQ(0, netio_run("sluice wire add slshort1 " PORT));
	drops = netio_drops(PORT, "nomem");
	ASSERT_EQ(0, worker_fails("7"));
	for (i = 0; i < FRAMES / SEGS; i++) {
		netio_frame_make(&f, &h, self->buf);
		EXPECT_EQ(0, vdrv_send(&from.v, &h, self->buf, f.len));
		got += guest_has(&self->g.v, self->buf);
	}
	worker_fails_no_more();
	drops = netio_drops(PORT, "nomem") - drops;
	TH_LOG("%u arrived, the worker lost %ld", got, drops);
	EXPECT_LT(0, drops);
	EXPECT_LT(0, got);
	EXPECT_EQ(FRAMES, got + drops);
	guest_close(&from);
	EXPECT_EQ(0, guest_ping(&self->g, 3));
}

/* --- no pages --- */

/*
 * More frames than the worker keeps memory for, none of which is given back before all were sent.
 * How many arrived.
 */
static unsigned int send_into(struct __test_metadata *_metadata, struct guest *g,
			      unsigned char *buf, struct shortage *s)
{
	long drops = netio_drops(PORT, "nomem"), sent = netio_stat(PORT, "rx_packets");
	unsigned int got, lost;
	int err;

	ASSERT_EQ(0, shortage_begin(s));
	err = guest_sends(g, buf, FRAMES);
	ASSERT_EQ(0, shortage_pause(s));
	ASSERT_EQ(0, err);
	EXPECT_EQ(sent + FRAMES, packets_of("rx_packets", sent + FRAMES));
	got = wire_has(g->wire, buf);
	lost = socket_lost(g->wire);
	drops = netio_drops(PORT, "nomem") - drops;
	TH_LOG("%u arrived, the socket lost %u, the worker %ld", got, lost, drops);
	EXPECT_LT(0, drops);
	EXPECT_EQ(FRAMES, got + lost + drops);
	return got;
}

/*
 * The worker has what it keeps, then what was put by for it; beyond that frames are lost. A frame
 * that waits for the guest needs none. It is put by anew for the next time.
 */
TEST_F(short, of_pages)
{
	struct netio_frame f = { .len = LEN };
	struct virtio_net_hdr_v1 h;
	struct shortage s = { 0 };
	unsigned int i, tries;

	ASSERT_EQ(0, shortage_prepare(&s));
	/* All that it keeps is there. */
	ASSERT_EQ(0, guest_sends(&self->g, self->buf, FRAMES));
	ASSERT_EQ(FRAMES, wire_has(self->g.wire, self->buf));
	socket_lost(self->g.wire);
	EXPECT_LT(POOL_BYTES, PIECE * send_into(_metadata, &self->g, self->buf, &s));
	ASSERT_EQ(0, guest_sends(&self->g, self->buf, FRAMES));
	EXPECT_EQ(FRAMES, wire_has(self->g.wire, self->buf));

	/* They wait for buffers, which come when there is no memory. */
	ASSERT_EQ(0, vdrv_stop(&self->g.v));
	ASSERT_EQ(0, vdrv_start(&self->g.v, self->g.backend));
	for (i = 0; i < 2 * self->g.v.vq[VDRV_RX].num; i++) {
		netio_frame_make(&f, &h, self->buf);
		ASSERT_EQ(0, netio_send(self->g.wire, &h, self->buf, f.len));
	}
	ASSERT_EQ(0, shortage_begin(&s));
	i = guest_has(&self->g.v, self->buf);
	ASSERT_EQ(0, shortage_pause(&s));
	EXPECT_EQ(2 * self->g.v.vq[VDRV_RX].num, i);

	for (tries = 0; tries < 30; tries++) {
		usleep(100000);
		if (PIECE * send_into(_metadata, &self->g, self->buf, &s) > POOL_BYTES)
			break;
	}
	EXPECT_GT(30, tries);
	shortage_end(&s);
}

TEST_HARNESS_MAIN
