// SPDX-License-Identifier: GPL-2.0-only
/* The dirty log: what the device writes into guest memory is marked, and nothing else is. */
#include "kselftest_harness.h"
#include <sys/eventfd.h>
#include "rig.h"

FIXTURE(log)
{
	struct guest g;
};

FIXTURE_VARIANT(log)
{
	uint64_t features;
};

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF)

FIXTURE_VARIANT_ADD(log, split) { .features = FEATURES };
FIXTURE_VARIANT_ADD(log, packed) { .features = FEATURES | VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(log, iommu) { .features = FEATURES | VDRV_F_IOMMU };

FIXTURE_SETUP(log)
{
	struct vdrv_cfg cfg = { .features = variant->features, .rx_buf = 4096, .tx_buf = 4096 };

	if ((variant->features | VDRV_F_LOG) & ~rig_features())
		SKIP(return, "the node does not offer these features");
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &cfg));
}

FIXTURE_TEARDOWN(log)
{
	guest_close(&self->g);
}

static void *used_ring(struct vdrv_vq *q)
{
	return q->packed ? (void *)q->pdesc : (void *)q->used;
}

TEST_F(log, marks_what_is_written)
{
	struct vdrv *v = &self->g.v;
	struct vdrv_vq *rx = &v->vq[VDRV_RX], *tx = &v->vq[VDRV_TX];
	unsigned int i, n;

	ASSERT_EQ(0, guest_ping(&self->g, 1));
	ASSERT_EQ(0, vdrv_log_start(v));
	/* Whatever was under way is over; from here on the log is looked at. */
	ASSERT_EQ(0, guest_ping(&self->g, 3));
	for (i = 0; i < rx->nslot; i++)
		vdrv_log_test_clear(v, rx->buf + i * rx->buf_len);
	vdrv_log_test_clear(v, used_ring(rx));
	vdrv_log_test_clear(v, used_ring(tx));

	ASSERT_EQ(0, guest_ping(&self->g, 5));
	for (i = 0, n = 0; i < rx->nslot; i++)
		n += vdrv_log_test_clear(v, rx->buf + i * rx->buf_len);
	EXPECT_GE(n, 1);
	EXPECT_LE(n, 2);
	for (i = 0, n = 0; i < tx->nslot; i++)
		n += vdrv_log_test_clear(v, tx->buf + i * tx->buf_len);
	EXPECT_EQ(0, n);
	EXPECT_TRUE(vdrv_log_test_clear(v, used_ring(rx)));
	EXPECT_TRUE(vdrv_log_test_clear(v, used_ring(tx)));

	ASSERT_EQ(0, vdrv_log_stop(v));
	EXPECT_EQ(0, guest_ping(&self->g, 7));
}

TEST_F(log, many_frames)
{
	struct vdrv *v = &self->g.v;
	struct vdrv_vq *rx = &v->vq[VDRV_RX];
	struct netio_frame f = { .len = 1000 };
	unsigned char frame[1000], got[2048];
	struct virtio_net_hdr_v1 h;
	unsigned int i, n;

	ASSERT_EQ(0, vdrv_log_start(v));
	netio_frame_make(&f, &h, frame);
	for (i = 0; i < rx->nslot * 2; i++) {
		ASSERT_EQ(0, netio_send(self->g.wire, &h, frame, f.len));
		ASSERT_EQ(1000, vdrv_recv(v, &h, got, sizeof(got), 2000));
		memset(&h, 0, sizeof(h));
	}
	for (i = 0, n = 0; i < rx->nslot; i++)
		n += vdrv_log_test_clear(v, rx->buf + i * rx->buf_len);
	EXPECT_EQ(rx->nslot, n);
}

/*
 * A log that lies nowhere, or that is too small for the memory, is refused or stops the queue; no
 * more.
 */
TEST_F(log, bad_log)
{
	uint64_t bad[] = { 8, ~0ULL - 4096, 0x7ffffffff000ULL };
	struct vdrv *v = &self->g.v;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t features = v->features | VDRV_F_LOG;
		int fd = eventfd(0, 0);

		ioctl(v->fd, VHOST_SET_LOG_BASE, &bad[i]);
		ioctl(v->fd, VHOST_SET_LOG_FD, &fd);
		ioctl(v->fd, VHOST_SET_FEATURES, &features);
		close(fd);
		guest_ping(&self->g, i * 2 + 1);
	}
	guest_close(&self->g);
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &v->cfg));
	EXPECT_EQ(0, guest_ping(&self->g, 11));
}

TEST_HARNESS_MAIN
