// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports on one worker: none has more of it for having more queues, or rules that take long, be it
 * for what its guest sends or for what it is sent.
 */
#include <sched.h>
#include "kselftest_harness.h"
#include "rig.h"

#define GREEDY	"slgreedy"
#define MODEST	"slmodest"
#define QUEUES	8
#define DEPTH	256
#define RULES	4096
#define LEN	200

/* A list of RULES, none of which matches: a frame of another flow has to pass all of them. */
static void write_list(FILE *f, const char *name, const char *dir, const char *verdict)
{
	unsigned int i;

	for (i = 0; i < RULES; i++)
		fprintf(f, "{ \"port\": \"%s\", \"dir\": \"%s\", \"prio\": %u, "
			"\"dst\": \"203.0.%u.%u\", \"verdict\": \"allow\" },\n",
			name, dir, i, i >> 8, i & 255);
	fprintf(f, "{ \"port\": \"%s\", \"dir\": \"%s\", \"prio\": %u, "
		"\"verdict\": \"%s\" }", name, dir, RULES, verdict);
}

static int write_state(FILE *f)
{
	fprintf(f, "{ \"version\": 2, \"port\": [ { \"name\": \"" GREEDY "\", \"queues\": %u }, "
		"{ \"name\": \"" MODEST "\" } ],\n \"acl\": [\n", QUEUES);
	write_list(f, GREEDY, "from-guest", "deny");
	fprintf(f, ",\n");
	write_list(f, MODEST, "from-guest", "deny");
	fprintf(f, ",\n");
	write_list(f, GREEDY, "to-guest", "allow");
	fprintf(f, ",\n");
	write_list(f, MODEST, "to-guest", "allow");
	return fprintf(f, "] }\n") < 0 || fclose(f) ? -EIO : 0;
}

static int ports_add(void)
{
	FILE *f = fopen("/tmp/slfair.json", "w");
	int ret = f ? write_state(f) : -errno;

	ret = ret ? ret : netio_run("sluice apply /tmp/slfair.json");
	unlink("/tmp/slfair.json");
	return ret;
}

FIXTURE(fair)
{
	struct vdrv greedy[QUEUES];
	struct vdrv modest;
	int backend[QUEUES + 1];
};

/* Without a buffer to receive into. */
static int start(struct vdrv *v, int backend)
{
	int i, ret = vdrv_backend_hdr(backend, v->hdr_len);

	for (i = 0; i < 2; i++)
		ret = ret ? ret : vdrv_set_ring(v, i);
	for (i = 0; i < 2; i++)
		ret = ret ? ret : vdrv_set_backend(v, i, backend);
	v->running = !ret;
	return ret;
}

static int attach(struct vdrv *v, int *backend, const char *name)
{
	const struct vdrv_cfg cfg = {
		.node = rig_node(), .features = VDRV_F_VERSION_1, .num = DEPTH,
		.rx_buf = 2 * 1024, .tx_buf = 2 * 1024 };
	int ret;

	*backend = vdrv_backend_open(name, true);
	if (*backend < 0)
		return *backend;
	ret = vdrv_open(v, &cfg);
	return ret ? ret : start(v, *backend);
}

/* Who looks at what a worker did runs as soon as he is woken: it goes on meanwhile. */
static int run_first(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	return sched_setscheduler(0, SCHED_FIFO, &first) ? -errno : 0;
}

FIXTURE_SETUP(fair)
{
	unsigned int i;

	ASSERT_EQ(0, ports_add());
	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(0, attach(&self->greedy[i], &self->backend[i], GREEDY));
	ASSERT_EQ(0, attach(&self->modest, &self->backend[QUEUES], MODEST));
	ASSERT_EQ(0, rig_port_up(GREEDY));
	ASSERT_EQ(0, rig_port_up(MODEST));
	ASSERT_EQ(0, run_first());
}

FIXTURE_TEARDOWN(fair)
{
	unsigned int i;

	for (i = 0; i < QUEUES; i++)
		vdrv_close(&self->greedy[i]);
	vdrv_close(&self->modest);
	for (i = 0; i <= QUEUES; i++)
		close(self->backend[i]);
	rig_port_del(GREEDY);
	rig_port_del(MODEST);
}

/* Each is of a flow that was not there before. */
static void make(void *frame, void *arg)
{
	struct netio_frame f = { .len = LEN, .sport = 1024 + (*(unsigned int *)arg)++ };
	struct virtio_net_hdr_v1 h;

	netio_frame_make(&f, &h, frame);
}

static unsigned int take(struct vdrv *v, unsigned int most, int timeout_ms)
{
	unsigned int n = vdrv_tx_reap(v);

	while (n < most && vdrv_vq_wait(&v->vq[VDRV_TX], timeout_ms) == 1)
		n += vdrv_tx_reap(v);
	return n;
}

/*
 * All of it lies there when the worker begins: when the modest one has had all of its own sent, the
 * other has had about as much, and not eight times that.
 */
TEST_F(fair, queues)
{
	unsigned int i, n[QUEUES], sum = 0, flow = 0;

	for (i = 0; i < QUEUES; i++)
		ASSERT_EQ(DEPTH, vdrv_tx_burst(&self->greedy[i], DEPTH, LEN, make, &flow));
	flow = 0;
	ASSERT_EQ(DEPTH, vdrv_tx_burst(&self->modest, DEPTH, LEN, make, &flow));
	for (i = 0; i < QUEUES; i++)
		vdrv_vq_kick(&self->greedy[i].vq[VDRV_TX]);
	vdrv_vq_kick(&self->modest.vq[VDRV_TX]);
	EXPECT_EQ(DEPTH, take(&self->modest, DEPTH, 20000));
	for (i = 0; i < QUEUES; i++) {
		n[i] = vdrv_tx_reap(&self->greedy[i]);
		sum += n[i];
	}
	TH_LOG("%u of %u", sum, QUEUES * DEPTH);
	EXPECT_GE(QUEUES * DEPTH / 2, sum);
	/* It gets the rest, in all its queues. */
	for (i = 0; i < QUEUES; i++)
		EXPECT_EQ(DEPTH - n[i], take(&self->greedy[i], DEPTH - n[i], 20000));
}

/* Send frames of many flows to the port, which wait for want of buffers. */
static int send_to(const char *name, struct netio_frame *f, unsigned int n, unsigned int flows)
{
	static unsigned char frame[70000];
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	int fd, ret;

	ret = netio_link_wait(name);
	fd = ret ? ret : netio_open(name);
	ret = fd < 0 ? fd : 0;
	for (i = 0; i < n && !ret; i++) {
		f->sport = 1024 + i % flows;
		netio_frame_make(f, &h, frame);
		ret = netio_send(fd, &h, frame, f->len);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/* All free receive buffers are there, and nobody was told. */
static void post(struct vdrv *v)
{
	struct vdrv_vq *q = &v->vq[VDRV_RX];
	struct vdrv_seg seg[VDRV_MAX_SEG];
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0)
		vdrv_vq_add(v, q, slot, seg, 0, vdrv_segments(v, q, slot, q->buf_len, seg));
	vdrv_vq_publish(q);
}

static unsigned int receive(struct vdrv *v, unsigned int most, int timeout_ms)
{
	uint64_t bytes = 0;
	unsigned int n = vdrv_rx_reap(v, &bytes);

	while (n < most) {
		vdrv_vq_kick(&v->vq[VDRV_RX]);
		if (vdrv_vq_wait(&v->vq[VDRV_RX], timeout_ms) != 1)
			break;
		n += vdrv_rx_reap(v, &bytes);
	}
	return n;
}

/* As above, of what the others wait for. How much the greedy one got before the modest had all. */
static unsigned int serve(struct vdrv *greedy, struct vdrv *modest, unsigned int *n)
{
	unsigned int i, sum = 0;
	uint64_t bytes = 0;

	for (i = 0; i < QUEUES; i++)
		post(&greedy[i]);
	post(modest);
	for (i = 0; i < QUEUES; i++)
		vdrv_vq_kick(&greedy[i].vq[VDRV_RX]);
	*n = receive(modest, DEPTH, 20000);
	for (i = 0; i < QUEUES; i++)
		sum += vdrv_rx_reap(&greedy[i], &bytes);
	return sum;
}

/* It gets the rest, however that lies in its queues. */
static unsigned int serve_rest(struct vdrv *greedy, unsigned int most)
{
	unsigned int i, tries, n = 0;

	for (tries = 0; tries < 200 && n < most; tries++) {
		for (i = 0; i < QUEUES; i++)
			n += receive(&greedy[i], 1, 10);
	}
	return n;
}

TEST_F(fair, receivers)
{
	struct netio_frame f = { .len = LEN };
	unsigned int n, sum;

	ASSERT_EQ(0, send_to(GREEDY, &f, QUEUES * DEPTH, QUEUES * DEPTH));
	ASSERT_EQ(0, send_to(MODEST, &f, DEPTH, DEPTH));
	sum = serve(self->greedy, &self->modest, &n);
	EXPECT_EQ(DEPTH, n);
	TH_LOG("%u of %u", sum, QUEUES * DEPTH);
	EXPECT_GE(QUEUES * DEPTH / 2, sum);
	EXPECT_EQ(QUEUES * DEPTH - sum, serve_rest(self->greedy, QUEUES * DEPTH - sum));
}

/* Long frames that are to be segmented. */
TEST_F(fair, segments)
{
	struct netio_frame f = { .len = 54 + 32 * 100, .tcp = true, .mss = 100, .partial = true };
	const unsigned int frames = DEPTH / 32;
	unsigned int n, sum;

	ASSERT_EQ(0, send_to(GREEDY, &f, QUEUES * frames, QUEUES * frames));
	ASSERT_EQ(0, send_to(MODEST, &f, frames, frames));
	/* They wait already. */
	ASSERT_EQ(0, vdrv_backend_offload(self->backend[0], false));
	ASSERT_EQ(0, vdrv_backend_offload(self->backend[QUEUES], false));
	sum = serve(self->greedy, &self->modest, &n);
	EXPECT_EQ(DEPTH, n);
	TH_LOG("%u of %u", sum, QUEUES * DEPTH);
	EXPECT_GE(QUEUES * DEPTH / 2, sum);
	EXPECT_EQ(QUEUES * DEPTH - sum, serve_rest(self->greedy, QUEUES * DEPTH - sum));
}

TEST_HARNESS_MAIN
