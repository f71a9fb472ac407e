// SPDX-License-Identifier: GPL-2.0-only
/* Ports on one worker: none has more of it for having more queues, or rules that take long. */
#include "kselftest_harness.h"
#include "rig.h"

#define GREEDY	"slgreedy"
#define MODEST	"slmodest"
#define QUEUES	8
#define DEPTH	256
#define RULES	4096
#define LEN	200

/* A list of RULES, none of which matches: a frame of another flow has to pass all of them. */
static void write_list(FILE *f, const char *name)
{
	unsigned int i;

	for (i = 0; i < RULES; i++)
		fprintf(f, "{ \"port\": \"%s\", \"dir\": \"from-guest\", \"prio\": %u, "
			"\"dst\": \"203.0.%u.%u\", \"verdict\": \"allow\" },\n",
			name, i, i >> 8, i & 255);
	fprintf(f, "{ \"port\": \"%s\", \"dir\": \"from-guest\", \"prio\": %u, "
		"\"verdict\": \"deny\" }", name, RULES);
}

static int write_state(FILE *f)
{
	fprintf(f, "{ \"port\": [ { \"name\": \"" GREEDY "\", \"queues\": %u }, "
		"{ \"name\": \"" MODEST "\" } ],\n \"acl\": [\n", QUEUES);
	write_list(f, GREEDY);
	fprintf(f, ",\n");
	write_list(f, MODEST);
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
	return ret ? ret : vdrv_start(v, *backend);
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

TEST_HARNESS_MAIN
