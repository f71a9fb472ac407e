// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of every kind, under traffic too: the driver's own, the function's, one queue's; and a
 * user that closes (virtio 1.2, 2.4 and 2.6.1; linux/vfio.h).
 */
#include <pthread.h>
#include <linux/pci_regs.h>
#include "kselftest_harness.h"
#include "rig.h"

#define SOON	2000

FIXTURE(reset)
{
	struct guest g;
};

FIXTURE_VARIANT(reset)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(reset, split) {
	.features = RIG_BASE | VDRV_BIT(VIRTIO_F_RING_RESET),
};

FIXTURE_VARIANT_ADD(reset, packed) {
	.features = RIG_BASE | VDRV_BIT(VIRTIO_F_RING_RESET) | VDRV_F_PACKED,
};

FIXTURE_SETUP(reset)
{
	struct vnic_cfg cfg = { .drv.features = variant->features };

	ASSERT_EQ(0, guest_open(&self->g, &cfg));
}

FIXTURE_TEARDOWN(reset)
{
	guest_close(&self->g);
}

/* Nothing of the driver is left. */
static void expect_fresh(struct __test_metadata *_metadata, struct vpci *p)
{
	unsigned int i;

	EXPECT_EQ(0, vpci_status(p));
	EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.msix_config));
	vpci_common_put(p, cfg.guest_feature_select, 0);
	EXPECT_EQ(0, vpci_common(p, cfg.guest_feature));
	vpci_common_put(p, cfg.guest_feature_select, 1);
	EXPECT_EQ(0, vpci_common(p, cfg.guest_feature));
	for (i = 0; i < 2; i++) {
		vpci_common_put(p, cfg.queue_select, i);
		EXPECT_EQ(0, vpci_common(p, cfg.queue_enable));
		EXPECT_EQ(0, vpci_common(p, cfg.queue_desc_lo));
		EXPECT_EQ(0, vpci_common(p, cfg.queue_desc_hi));
		EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.queue_msix_vector));
	}
	EXPECT_EQ(0, vpci_get(p, VIRTIO_PCI_CAP_ISR_CFG, 0, 1));
}

TEST_F(reset, virtio)
{
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, guest_ping(&self->g, i));
		ASSERT_EQ(0, vnic_stop(&self->g.n));
		expect_fresh(_metadata, &self->g.n.pci);
		ASSERT_EQ(0, vnic_start(&self->g.n));
		ASSERT_EQ(0, netio_link_wait(self->g.port));
	}
	EXPECT_EQ(0, guest_ping(&self->g, i));
}

/* The device's rings stay as they were at the reset: it writes no more. */
TEST_F(reset, lets_go_of_memory)
{
	struct vdrv *v = &self->g.n.pair[0];
	struct netio_frame f = { .len = 200 };
	unsigned char frame[256], *before = malloc(v->mem_bytes);
	struct virtio_net_hdr_v1 h;
	int i;

	ASSERT_NE(NULL, before);
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	ASSERT_EQ(0, vpci_reset(&self->g.n.pci));
	memcpy(before, v->mem, v->mem_bytes);
	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 20; i++)
		netio_send(self->g.wire, &h, frame, f.len);
	vpci_notify(&self->g.n.pci, VDRV_RX, 0);
	vpci_notify(&self->g.n.pci, VDRV_TX, 0);
	usleep(50000);
	EXPECT_EQ(0, memcmp(before, v->mem, v->mem_bytes));
	free(before);
}

/* The function reset takes configuration space along. */
TEST_F(reset, vfio)
{
	struct vpci *p = &self->g.n.pci;
	unsigned int i, size;

	for (i = 0; i < 3; i++) {
		EXPECT_EQ(0, guest_ping(&self->g, i));
		vpci_cfg_put(p, PCI_BASE_ADDRESS_0, 4, 0xfe000000);
		vpci_cfg_put(p, PCI_INTERRUPT_LINE, 1, 11);
		ASSERT_EQ(0, vfio_reset(&self->g.n.dev));
		EXPECT_EQ(0, vpci_cfg_get(p, PCI_COMMAND, 2));
		EXPECT_EQ(0, vpci_cfg_get(p, PCI_BASE_ADDRESS_0, 4) & ~15U);
		size = vpci_cfg_get(p, p->msix_pos + PCI_MSIX_FLAGS, 2);
		EXPECT_EQ(0, size & (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL));
		vpci_cfg_put(p, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		expect_fresh(_metadata, p);
		ASSERT_EQ(0, vnic_stop(&self->g.n));
		ASSERT_EQ(0, vnic_start(&self->g.n));
		ASSERT_EQ(0, netio_link_wait(self->g.port));
	}
	EXPECT_EQ(0, guest_ping(&self->g, i));
}

struct load {
	struct guest *g;
	int stop;
};

/* The host's side never rests. */
static void *host_load(void *arg)
{
	struct netio_frame f = { .len = 300 };
	unsigned char frame[512];
	struct virtio_net_hdr_v1 h;
	struct load *l = arg;

	netio_frame_make(&f, &h, frame);
	while (!__atomic_load_n(&l->stop, __ATOMIC_RELAXED)) {
		netio_send(l->g->wire, &h, frame, f.len);
		usleep(50);
	}
	return NULL;
}

TEST_F(reset, under_traffic)
{
	struct load l = { &self->g };
	pthread_t t;
	int i;

	ASSERT_EQ(0, pthread_create(&t, NULL, host_load, &l));
	for (i = 0; i < 30; i++) {
		guest_load(&self->g, 20);
		if (i % 3 == 2) {
			ASSERT_EQ(0, vfio_reset(&self->g.n.dev));
			vpci_cfg_put(&self->g.n.pci, PCI_COMMAND, 2,
				     PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
		}
		ASSERT_EQ(0, vnic_stop(&self->g.n));
		ASSERT_EQ(0, vnic_start(&self->g.n));
	}
	__atomic_store_n(&l.stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	ASSERT_EQ(0, vnic_stop(&self->g.n));
	ASSERT_EQ(0, vnic_start(&self->g.n));
	ASSERT_EQ(0, netio_link_wait(self->g.port));
	EXPECT_EQ(0, guest_ping(&self->g, i));
}

/* One queue begins anew, of another size, while the other goes on. */
TEST_F(reset, ring)
{
	struct vdrv *v = &self->g.n.pair[0];
	struct netio_frame f = { .len = 100 };
	unsigned int i, index;

	for (i = 0; i < 6; i++) {
		index = i & 1;
		EXPECT_EQ(0, guest_ping(&self->g, i));
		ASSERT_EQ(0, vdrv_drain_tx(v, SOON));
		ASSERT_EQ(0, vpci_queue_reset(&self->g.n.pci, index));
		/* As it was after the device's own reset (4.1.4.3). */
		EXPECT_EQ(0, vpci_common(&self->g.n.pci, cfg.queue_enable));
		EXPECT_EQ(0, vpci_common(&self->g.n.pci, cfg.queue_desc_lo));
		EXPECT_EQ(VIRTIO_MSI_NO_VECTOR,
			  vpci_common(&self->g.n.pci, cfg.queue_msix_vector));
		EXPECT_EQ(100, index == VDRV_RX ?
			       guest_to(&self->g, 0, self->g.wire, &f, SOON) :
			       guest_from(&self->g, self->g.wire, &f, SOON));
		vdrv_vq_fresh(&v->vq[index]);
		ASSERT_EQ(0, vnic_queue_start(&self->g.n, index));
		EXPECT_EQ(1, vpci_common(&self->g.n.pci, cfg.queue_enable));
		EXPECT_EQ(0, vpci_common(&self->g.n.pci, queue_reset));
		if (index == VDRV_RX)
			vdrv_post_rx(v);
		EXPECT_EQ(VIRTIO_CONFIG_S_DRIVER_OK,
			  vpci_status(&self->g.n.pci) & VIRTIO_CONFIG_S_DRIVER_OK);
	}
	EXPECT_EQ(0, guest_ping(&self->g, i));
}

TEST_F(reset, ring_under_traffic)
{
	struct vdrv *v = &self->g.n.pair[0];
	struct load l = { &self->g };
	unsigned int i, index;
	pthread_t t;

	ASSERT_EQ(0, pthread_create(&t, NULL, host_load, &l));
	for (i = 0; i < 40; i++) {
		index = i & 1;
		guest_load(&self->g, 10);
		ASSERT_EQ(0, vpci_queue_reset(&self->g.n.pci, index));
		vdrv_vq_fresh(&v->vq[index]);
		ASSERT_EQ(0, vnic_queue_start(&self->g.n, index));
		if (index == VDRV_RX)
			vdrv_post_rx(v);
	}
	__atomic_store_n(&l.stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	ASSERT_EQ(0, vnic_stop(&self->g.n));
	ASSERT_EQ(0, vnic_start(&self->g.n));
	EXPECT_EQ(0, guest_ping(&self->g, i));
}

/* A driver that did not negotiate it cannot reset a ring. */
TEST_F(reset, ring_not_negotiated)
{
	self->g.n.features &= ~VDRV_BIT(VIRTIO_F_RING_RESET);
	ASSERT_EQ(0, vnic_stop(&self->g.n));
	ASSERT_EQ(0, vnic_start(&self->g.n));
	ASSERT_EQ(0, netio_link_wait(self->g.port));
	vpci_common_put(&self->g.n.pci, cfg.queue_select, VDRV_RX);
	vpci_common_put(&self->g.n.pci, queue_reset, 1);
	EXPECT_EQ(1, vpci_common(&self->g.n.pci, cfg.queue_enable));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* Who closes in the middle of traffic is gone when close() returns; the next one starts anew. */
TEST_F(reset, close_while_running)
{
	struct vnic_cfg cfg = self->g.n.cfg;
	struct load l = { &self->g };
	pthread_t t;
	int i;

	for (i = 0; i < 5; i++) {
		__atomic_store_n(&l.stop, 0, __ATOMIC_RELAXED);
		ASSERT_EQ(0, pthread_create(&t, NULL, host_load, &l));
		guest_load(&self->g, 20);
		vnic_close(&self->g.n);
		EXPECT_EQ(0, vfio_pinned());
		__atomic_store_n(&l.stop, 1, __ATOMIC_RELAXED);
		pthread_join(t, NULL);
		close(self->g.wire);
		ASSERT_EQ(0, guest_attach(&self->g, NULL, RIG_UUID, RIG_PORT, &cfg));
		EXPECT_EQ(0, guest_ping(&self->g, i));
	}
}

TEST_HARNESS_MAIN
