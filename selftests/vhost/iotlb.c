// SPDX-License-Identifier: GPL-2.0-only
/* A guest behind a virtual IOMMU: addresses are translated by messages, misses are asked for. */
#include "kselftest_harness.h"
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/wait.h>
#include "fail.h"
#include "rig.h"
#include "wedge.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_IOMMU)

FIXTURE(iotlb)
{
	struct guest g;
};

FIXTURE_VARIANT(iotlb)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(iotlb, split) { .features = FEATURES };
FIXTURE_VARIANT_ADD(iotlb, split_all) { .features = FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };
FIXTURE_VARIANT_ADD(iotlb, packed) { .features = FEATURES | VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(iotlb, packed_all) { .features = FEATURES | VDRV_F_PACKED | VDRV_F_INDIRECT |
						    VDRV_F_EVENT_IDX };

FIXTURE_SETUP(iotlb)
{
	struct vdrv_cfg cfg = { .features = variant->features, .tx_seg = 1000, .hdr_alone = true };

	if (variant->features & ~rig_features())
		SKIP(return, "the node does not offer these features");
	cfg.tx_buf = 8192;
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &cfg));
}

FIXTURE_TEARDOWN(iotlb)
{
	guest_close(&self->g);
}

TEST_F(iotlb, mapped)
{
	unsigned int i;

	for (i = 0; i < 300; i++)
		ASSERT_EQ(0, guest_ping(&self->g, i * 2));
}

/* Answer misses until both frames have arrived. Returns how many there were, or -errno. */
static int serve_until(struct guest *g, const unsigned char *frame, size_t len)
{
	struct virtio_net_hdr_v1 h;
	unsigned char got[2048];
	bool out = false, in = false;
	int misses = 0, i, n;

	for (i = 0; i < 400 && !(out && in); i++) {
		n = vdrv_iotlb_serve(&g->v, 5);
		if (n < 0)
			return n;
		misses += n;
		if (n)
			continue;
		if (!out)
			out = netio_recv(g->wire, &h, got, sizeof(got), 1) == (int)len &&
			      !memcmp(frame, got, len);
		if (!in)
			in = vdrv_recv(&g->v, &h, got, sizeof(got), 1) == (int)len &&
			     !memcmp(frame, got, len);
	}
	return out && in ? misses : -ETIMEDOUT;
}

/* Nothing is mapped any more, neither rings nor buffers: all of it is asked for, page by page. */
TEST_F_TIMEOUT(iotlb, misses, 60)
{
	struct netio_frame f = { .len = 1500, .seed = 5 };
	struct vdrv *v = &self->g.v;
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1500];
	unsigned int i;
	int ret;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, vdrv_iotlb_invalidate(v, v->mem, v->ring_bytes));
		ASSERT_EQ(0, vdrv_iotlb_invalidate(v, v->mem + v->ring_bytes,
						   v->mem_bytes - v->ring_bytes));
		ASSERT_EQ(0, netio_send(self->g.wire, &h, frame, f.len));
		ASSERT_EQ(0, vdrv_send(v, &h, frame, f.len));
		ret = serve_until(&self->g, frame, f.len);
		EXPECT_GT(ret, 0) TH_LOG("round %u: %d", i, ret);
	}
}

/* A miss that nobody answers stalls this guest only, and does not keep the node from closing. */
TEST_F(iotlb, unanswered)
{
	struct vdrv_cfg cfg = { .features = VDRV_F_VERSION_1 };
	struct vdrv *v = &self->g.v;
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[100];
	struct guest other;

	netio_frame_make(&f, &h, frame);
	ASSERT_EQ(0, vdrv_iotlb_invalidate(v, v->mem, v->ring_bytes));
	ASSERT_EQ(0,
		  vdrv_iotlb_invalidate(v, v->mem + v->ring_bytes, v->mem_bytes - v->ring_bytes));
	vdrv_send(v, &h, frame, f.len);
	netio_send(self->g.wire, &h, frame, f.len);
	ASSERT_EQ(0, guest_open(&other, "sltest1", &cfg));
	EXPECT_EQ(0, guest_ping(&other, 9));
	guest_close(&other);
}

static int message(struct vdrv *v, uint8_t type, uint64_t iova, uint64_t size, uint64_t uaddr,
		   uint8_t perm)
{
	struct vhost_msg_v2 m = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .iova = iova, .size = size, .uaddr = uaddr, .perm = perm, .type = type },
	};

	return write(v->fd, &m, sizeof(m)) == sizeof(m) ? 0 : -errno;
}

TEST_F(iotlb, bad_messages)
{
	struct vdrv *v = &self->g.v;
	struct vhost_msg_v2 m;

	EXPECT_NE(0, message(v, VHOST_IOTLB_UPDATE, ~0ULL - 4095, 8192, (uintptr_t)v->mem,
			     VHOST_ACCESS_RW));
	EXPECT_NE(0, message(v, VHOST_IOTLB_UPDATE, 0, 4096, ~0ULL - 100, VHOST_ACCESS_RW));
	EXPECT_NE(0, message(v, 99, 0, 4096, (uintptr_t)v->mem, VHOST_ACCESS_RW));
	EXPECT_NE(0, message(v, VHOST_IOTLB_MISS, 0, 4096, (uintptr_t)v->mem, VHOST_ACCESS_RW));
	memset(&m, 0xff, sizeof(m));
	EXPECT_LT(write(v->fd, &m, sizeof(m)), 0);
	EXPECT_LT(write(v->fd, &m, 5), 0);
	/* Nothing to read: no wait, for the file is non-blocking; and no more than is asked for. */
	EXPECT_LE(read(v->fd, &m, 1), 0);
	EXPECT_EQ(0, guest_ping(&self->g, 3));
}

/* Many tiny mappings: at some point it may be refused, but nothing is lost. */
TEST_F_TIMEOUT(iotlb, many_mappings, 60)
{
	struct vdrv *v = &self->g.v;
	unsigned int i;

	for (i = 0; i < 5000; i++)
		message(v, VHOST_IOTLB_UPDATE, 0x700000000000ULL + i * 8192ULL, 4096,
			(uintptr_t)v->mem, VHOST_ACCESS_RW);
	EXPECT_EQ(0, vdrv_iotlb_map_all(v));
	EXPECT_EQ(0, guest_ping(&self->g, 3));
}

/* As many as the kernel's own keeps by default; who wants the older ones asks for them again. */
#define MAX	2048

TEST_F_TIMEOUT(iotlb, bounded, 60)
{
	struct netio_frame f = { .len = 1500, .seed = 7 };
	struct vdrv *v = &self->g.v;
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1500];
	unsigned int i;
	int ret;

	ASSERT_EQ(0, guest_ping(&self->g, 1));
	for (i = 0; i < MAX; i++)
		ASSERT_EQ(0, message(v, VHOST_IOTLB_UPDATE, 0x700000000000ULL + i * 8192ULL, 4096,
				     (uintptr_t)v->mem, VHOST_ACCESS_RW));
	netio_frame_make(&f, &h, frame);
	ASSERT_EQ(0, netio_send(self->g.wire, &h, frame, f.len));
	ASSERT_EQ(0, vdrv_send(v, &h, frame, f.len));
	ret = serve_until(&self->g, frame, f.len);
	EXPECT_GT(ret, 0) TH_LOG("misses: %d", ret);
	ASSERT_EQ(0, vdrv_iotlb_map_all(v));
	EXPECT_EQ(0, guest_ping(&self->g, 3));
}

static int take_away(struct vdrv *v, uint64_t iova, uint64_t size, unsigned int nth)
{
	int ret;

	fail_nth(nth);
	ret = message(v, VHOST_IOTLB_INVALIDATE, iova, size, 0, 0);
	fail_nth(0);
	return ret;
}

#define AWAY	0x700000000000ULL

/*
 * Every allocation of a change fails once. What is taken away is gone, and what is not is there:
 * the debug kernel sees who looks at an entry that was freed.
 */
TEST_F(iotlb, no_memory)
{
	struct netio_frame f = { .len = 1500, .seed = 6 };
	struct vdrv *v = &self->g.v;
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1500];
	unsigned int i, nth;
	int ret;

	if (!fail_begin())
		SKIP(return, "the kernel injects no faults");
	for (nth = 1; nth <= 6; nth++) {
		for (i = 0; i < 40; i++) {
			fail_nth(nth);
			ret = message(v, VHOST_IOTLB_UPDATE, AWAY + i * 8192ULL, 4096,
				      (uintptr_t)v->mem, VHOST_ACCESS_RW);
			fail_nth(0);
			if (ret)
				ASSERT_EQ(-ENOMEM, ret);
		}
		for (i = 0; i < 40; i++)
			ASSERT_EQ(0, take_away(v, AWAY + i * 8192ULL, 4096, nth));
		ASSERT_EQ(0, guest_ping(&self->g, nth));
		ASSERT_EQ(0, take_away(v, vdrv_addr(v, v->mem), v->ring_bytes, nth));
		ASSERT_EQ(0, take_away(v, vdrv_addr(v, v->mem + v->ring_bytes),
				       v->mem_bytes - v->ring_bytes, nth));
		/* It has to ask for all of it. */
		netio_frame_make(&f, &h, frame);
		ASSERT_EQ(0, netio_send(self->g.wire, &h, frame, f.len));
		ASSERT_EQ(0, vdrv_send(v, &h, frame, f.len));
		ret = serve_until(&self->g, frame, f.len);
		EXPECT_GT(ret, 0) TH_LOG("allocation %u: %d", nth, ret);
		ASSERT_EQ(0, vdrv_iotlb_map_all(v));
	}
	fail_end();
}

/* Mapped for reading only: a frame for the guest must not be written there. */
TEST_F(iotlb, read_only_mapping)
{
	struct vdrv *v = &self->g.v;
	struct vdrv_vq *q = &v->vq[VDRV_RX];
	struct netio_frame f = { .len = 1000, .seed = 3 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[1000];
	size_t len = (size_t)q->nslot * q->buf_len, i;

	netio_frame_make(&f, &h, frame);
	memset(q->buf, 0x5a, len);
	ASSERT_EQ(0,
		  vdrv_iotlb_invalidate(v, v->mem + v->ring_bytes, v->mem_bytes - v->ring_bytes));
	ASSERT_EQ(0, message(v, VHOST_IOTLB_UPDATE, vdrv_addr(v, q->buf), len, (uintptr_t)q->buf,
			     VHOST_ACCESS_RO));
	ASSERT_EQ(0, netio_send(self->g.wire, &h, frame, f.len));
	usleep(100000);
	for (i = 0; i < len && q->buf[i] == 0x5a; i++)
		;
	EXPECT_EQ(len, i);
}

/* Another process has the backend's file: the ring starts on the worker, by the owner's memory. */
static int switch_elsewhere(int backend, short how)
{
	struct ifreq ifr = { .ifr_flags = how };
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(ioctl(backend, TUNSETQUEUE, &ifr) ? errno : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

/* Workers that have an address space in use. One that polls gives none back by going to sleep. */
static int nr_borrowed(void)
{
	FILE *f = fopen("/sys/module/sluice_wedge/parameters/borrows", "r");
	int n = -1;

	if (!f || fscanf(f, "%d", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

/* Rings where they are; @bad: but the receive ring's descriptors, which have no end. */
static int set_rings(struct vdrv *v, bool bad)
{
	struct vhost_vring_addr a;
	int i, ret = 0;

	for (i = 0; i < 2; i++)
		ret = ret ? ret : vdrv_set_ring(v, i);
	vdrv_ring_addr(v, VDRV_RX, &a);
	a.desc_user_addr = ~0ULL << 4;
	if (!ret && bad && ioctl(v->fd, VHOST_SET_VRING_ADDR, &a))
		ret = -errno;
	return ret;
}

/*
 * 4.5: a ring that its worker cannot start leaves nothing of the owner's with the worker, for the
 * owner may go; the next one starts.
 */
TEST_F(iotlb, not_started)
{
	struct vdrv *v = &self->g.v;
	int i;

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, netio_run("sluice worker set cpu 0 mode poll"));
	ASSERT_EQ(0, vdrv_stop(v));
	ASSERT_EQ(0, switch_elsewhere(self->g.backend, IFF_DETACH_QUEUE));
	ASSERT_EQ(0, set_rings(v, true));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vdrv_set_backend(v, i, self->g.backend));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(-EFAULT, switch_elsewhere(self->g.backend, IFF_ATTACH_QUEUE));
		EXPECT_EQ(0, nr_borrowed());
	}
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vdrv_set_backend(v, i, -1));
	ASSERT_EQ(0, set_rings(v, false));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vdrv_set_backend(v, i, self->g.backend));
	ASSERT_EQ(0, switch_elsewhere(self->g.backend, IFF_ATTACH_QUEUE));
	vdrv_post_rx(v);
	v->running = true;
	EXPECT_EQ(0, guest_ping(&self->g, 5));
	/* That this is where one would be seen. */
	EXPECT_EQ(1, nr_borrowed());
	ASSERT_EQ(0, netio_run("sluice worker set cpu 0 mode adaptive"));
}

TEST_HARNESS_MAIN
