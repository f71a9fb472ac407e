// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's receive queues: which of them has a connection's frames is the connection's, and
 * neither its flags', its marks' nor its hops'.
 */
#include "kselftest_harness.h"
#include <arpa/inet.h>
#include "rig.h"

#define FROM	"slfrom"
#define TO	"slto"
#define PAIRS	4
#define FLOWS	64
#define FRAMES	6
#define LEN	200
#define PORT	1024

FIXTURE(spread)
{
	struct guest from;
	struct vdrv to[PAIRS];
	int backend[PAIRS];
};

FIXTURE_SETUP(spread)
{
	const struct vdrv_cfg cfg = { .node = rig_node(), .features = VDRV_F_VERSION_1,
				      .rx_buf = 2048, .tx_buf = 2048, .num = 256 };
	unsigned int i;

	ASSERT_EQ(0, guest_open(&self->from, FROM, &cfg));
	for (i = 0; i < PAIRS; i++) {
		self->backend[i] = i ? vdrv_backend_open(TO, true) : rig_port_open(TO, true, PAIRS);
		ASSERT_GE(self->backend[i], 0);
		ASSERT_EQ(0, vdrv_open(&self->to[i], &cfg));
		ASSERT_EQ(0, vdrv_start(&self->to[i], self->backend[i]));
	}
	ASSERT_EQ(0, netio_link_wait(TO));
	ASSERT_EQ(0, netio_run("sluice wire add " FROM " " TO));
}

FIXTURE_TEARDOWN(spread)
{
	unsigned int i;

	for (i = 0; i < PAIRS; i++) {
		vdrv_close(&self->to[i]);
		close(self->backend[i]);
	}
	guest_close(&self->from);
	rig_port_del(TO);
}

static void ip_sum(unsigned char *ip)
{
	unsigned int i, sum = 0;

	ip[10] = 0;
	ip[11] = 0;
	for (i = 0; i < 20; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	ip[10] = sum >> 8;
	ip[11] = sum;
}

/* What differs from frame to frame of a connection. */
static void vary(unsigned char *frame, unsigned int k)
{
	unsigned char *ip = frame + NETIO_ETHER;

	ip[1] = k & 2 ? 0x28 : 0;
	ip[8] = 64 - k;
	ip_sum(ip);
	/* ACK, or PSH and ACK. */
	ip[20 + 13] = k & 1 ? 0x18 : 0x10;
}

static unsigned int flow_of(const unsigned char *frame)
{
	return (frame[NETIO_ETHER + 20] << 8 | frame[NETIO_ETHER + 21]) - PORT;
}

TEST_F(spread, by_connection)
{
	unsigned int flow, k, i, queues = 0, seen[FLOWS] = {}, in[PAIRS] = {}, queue[FLOWS] = {};
	unsigned char frame[LEN], got[2048];
	struct virtio_net_hdr_v1 h;

	for (k = 0; k < FRAMES; k++) {
		for (flow = 0; flow < FLOWS; flow++) {
			struct netio_frame f = { .len = LEN, .tcp = true, .sport = PORT + flow };

			netio_frame_make(&f, &h, frame);
			vary(frame, k);
			ASSERT_EQ(0, vdrv_send(&self->from.v, &h, frame, LEN));
		}
		ASSERT_EQ(0, vdrv_drain_tx(&self->from.v, 2000));
		for (i = 0; i < PAIRS; i++) {
			while (vdrv_recv(&self->to[i], &h, got, sizeof(got), 50) == LEN) {
				flow = flow_of(got);
				ASSERT_LT(flow, FLOWS);
				if (seen[flow]++)
					EXPECT_EQ(queue[flow], i) TH_LOG("flow %u", flow);
				queue[flow] = i;
				in[i]++;
			}
		}
	}
	for (flow = 0; flow < FLOWS; flow++)
		EXPECT_EQ(FRAMES, seen[flow]) TH_LOG("flow %u", flow);
	for (i = 0; i < PAIRS; i++)
		queues += !!in[i];
	EXPECT_LT(1, queues);
}

TEST_HARNESS_MAIN
