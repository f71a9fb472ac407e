// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts as a VMM wires them: eventfds for MSI-X vectors and INTx, set, changed, masked and
 * taken away while the device runs (linux/vfio.h; virtio 1.2, 4.1.4.5 and 4.1.5.1).
 */
#include <pthread.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include "kselftest_harness.h"
#include "rig.h"

#define MSIX	VFIO_PCI_MSIX_IRQ_INDEX
#define INTX	VFIO_PCI_INTX_IRQ_INDEX
#define TRIGGER	VFIO_IRQ_SET_ACTION_TRIGGER
#define MASK	VFIO_IRQ_SET_ACTION_MASK
#define UNMASK	VFIO_IRQ_SET_ACTION_UNMASK
#define NONE	VFIO_IRQ_SET_DATA_NONE
#define BOOL	VFIO_IRQ_SET_DATA_BOOL
#define EVENTFD	VFIO_IRQ_SET_DATA_EVENTFD
#define SOON	2000	/* what must come: ms until it is given up */
#define QUIET	50	/* what must not come: ms of looking for it */

/* A frame into the guest's ring, without a look at an eventfd. */
static int deliver(struct guest *g, uint32_t seed)
{
	struct netio_frame f = { .len = 200, .seed = seed };
	struct vdrv *v = &g->n.pair[0];
	unsigned char frame[256], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret, left;

	netio_frame_make(&f, &h, frame);
	ret = netio_send(g->wire, &h, frame, f.len);
	for (left = SOON; !ret && !vdrv_vq_peek(&v->vq[VDRV_RX]); left--) {
		if (!left)
			return -ETIMEDOUT;
		usleep(1000);
	}
	ret = ret ?: vdrv_recv(v, &h, got, sizeof(got), 0);
	return ret == (int)f.len ? 0 : ret < 0 ? ret : -EBADMSG;
}

FIXTURE(msix)
{
	struct guest g;
	int rx;
	int tx;
	int other;
};

FIXTURE_SETUP(msix)
{
	struct vnic_cfg cfg = { .drv.features = RIG_BASE };

	ASSERT_EQ(0, guest_open(&self->g, &cfg));
	self->rx = self->g.n.pair[0].vq[VDRV_RX].call;
	self->tx = self->g.n.pair[0].vq[VDRV_TX].call;
	self->other = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	rig_events(self->g.n.config, 0);
}

FIXTURE_TEARDOWN(msix)
{
	guest_close(&self->g);
	close(self->other);
}

TEST_F(msix, info)
{
	struct vfio_irq_info info;
	unsigned int i;

	ASSERT_EQ(0, vfio_irq_info(&self->g.n.dev, MSIX, &info));
	EXPECT_EQ(self->g.n.pci.vectors, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD, info.flags & VFIO_IRQ_INFO_EVENTFD);
	EXPECT_EQ(0, info.flags & VFIO_IRQ_INFO_AUTOMASKED);
	ASSERT_EQ(0, vfio_irq_info(&self->g.n.dev, INTX, &info));
	EXPECT_EQ(1, info.count);
	EXPECT_EQ(VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED,
		  info.flags);
	for (i = 0; i < self->g.n.dev.info.num_irqs; i++) {
		int ret = vfio_irq_info(&self->g.n.dev, i, &info);

		if (!ret && i != MSIX)
			EXPECT_GE(1, info.count);
	}
	EXPECT_EQ(0, vfio_irq_info(&self->g.n.dev, VFIO_PCI_MSI_IRQ_INDEX, &info));
	EXPECT_EQ(0, info.count);
	EXPECT_EQ(-EINVAL, vfio_irq_info(&self->g.n.dev, self->g.n.dev.info.num_irqs, &info));
	EXPECT_EQ(-EINVAL, vfio_irq_info(&self->g.n.dev, ~0U, &info));
}

/* Each queue rings its own vector. */
TEST_F(msix, vectors)
{
	struct netio_frame f = { .len = 100 };

	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_LE(1, rig_events(self->rx, SOON));
	EXPECT_EQ(0, rig_events(self->tx, QUIET));
	EXPECT_EQ(100, guest_to(&self->g, 0, self->g.wire, &f, SOON));
	EXPECT_LE(1, rig_events(self->tx, SOON));
	EXPECT_EQ(0, rig_events(self->rx, QUIET));
	EXPECT_EQ(0, rig_events(self->g.n.config, 0));
}

/* A queue that is given another vector rings that. */
TEST_F(msix, vector_of_queue_changes)
{
	struct vpci *p = &self->g.n.pci;

	vpci_common_put(p, cfg.queue_select, VDRV_RX);
	vpci_common_put(p, cfg.queue_msix_vector, 0);
	EXPECT_EQ(0, vpci_common(p, cfg.queue_msix_vector));
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_LE(1, rig_events(self->g.n.config, SOON));
	EXPECT_EQ(0, rig_events(self->rx, QUIET));
	vpci_common_put(p, cfg.queue_msix_vector, VIRTIO_MSI_NO_VECTOR);
	EXPECT_EQ(VIRTIO_MSI_NO_VECTOR, vpci_common(p, cfg.queue_msix_vector));
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_EQ(0, rig_events(self->g.n.config, QUIET));
	EXPECT_EQ(0, rig_events(self->rx, 0));
	vpci_common_put(p, cfg.queue_msix_vector, 1);
	EXPECT_EQ(0, deliver(&self->g, 3));
	EXPECT_LE(1, rig_events(self->rx, SOON));
}

/* As a VMM does it when a guest masks a vector: to its own eventfd, and back to KVM's. */
TEST_F(msix, eventfd_changes)
{
	struct vfio_dev *d = &self->g.n.dev;
	int none = -1, i;

	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 1, 1, &self->other));
		EXPECT_EQ(0, deliver(&self->g, i));
		EXPECT_LE(1, rig_events(self->other, SOON));
		EXPECT_EQ(0, rig_events(self->rx, 0));
		ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 1, 1, &self->rx));
		EXPECT_EQ(0, deliver(&self->g, i));
		EXPECT_LE(1, rig_events(self->rx, SOON));
		EXPECT_EQ(0, rig_events(self->other, 0));
	}
	ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 1, 1, &none));
	EXPECT_EQ(0, deliver(&self->g, i));
	EXPECT_EQ(0, rig_events(self->rx, QUIET));
	ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 1, 1, &self->rx));
	EXPECT_EQ(0, deliver(&self->g, i));
	EXPECT_LE(1, rig_events(self->rx, SOON));
}

/* A count of 0 takes all of them away; then they may come back, one at a time. */
TEST_F(msix, off_and_on)
{
	struct vfio_dev *d = &self->g.n.dev;

	ASSERT_EQ(0, vfio_irq_off(d, MSIX));
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(0, rig_events(self->rx, QUIET));
	/* Whoever has none cannot be triggered. */
	vfio_irq_set(d, MSIX, NONE | TRIGGER, 1, 1, NULL, 0);
	EXPECT_EQ(0, rig_events(self->rx, QUIET));
	ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 1, 1, &self->rx));
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_LE(1, rig_events(self->rx, SOON));
	ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 2, 1, &self->tx));
	EXPECT_EQ(0, guest_ping(&self->g, 3));
	EXPECT_LE(1, rig_events(self->tx, SOON));
	/* A range of none at a place that is not the first: nothing to do, or an error. */
	vfio_irq_set(d, MSIX, EVENTFD | TRIGGER, 1, 0, NULL, 0);
	EXPECT_EQ(0, vfio_irq_off(d, MSIX));
	/* Twice is no harm, whatever the answer. */
	vfio_irq_off(d, MSIX);
	ASSERT_EQ(0, vfio_irq_eventfds(d, MSIX, 1, 1, &self->rx));
	EXPECT_EQ(0, deliver(&self->g, 4));
	EXPECT_LE(1, rig_events(self->rx, SOON));
}

/* A user of the API may play the device: all of a range, or those marked. */
TEST_F(msix, loopback)
{
	struct vfio_dev *d = &self->g.n.dev;
	uint8_t mark[3] = { 0, 1, 0 };

	ASSERT_EQ(0, vfio_irq_set(d, MSIX, NONE | TRIGGER, 2, 1, NULL, 0));
	EXPECT_EQ(1, rig_events(self->tx, SOON));
	EXPECT_EQ(0, rig_events(self->rx, 0));
	ASSERT_EQ(0, vfio_irq_set(d, MSIX, BOOL | TRIGGER, 0, 3, mark, sizeof(mark)));
	EXPECT_EQ(1, rig_events(self->rx, SOON));
	EXPECT_EQ(0, rig_events(self->tx, 0));
	EXPECT_EQ(0, rig_events(self->g.n.config, 0));
}

/* What is refused changes nothing. */
TEST_F(msix, refused)
{
	struct vfio_dev *d = &self->g.n.dev;
	int fds[2] = { self->other, 9999 }, plain = open("/dev/null", O_RDONLY);
	unsigned int n = self->g.n.pci.vectors;
	struct vfio_irq_set s = { .argsz = 8 };

	EXPECT_EQ(-EBADF, vfio_irq_eventfds(d, MSIX, 2, 1, &fds[1]));
	EXPECT_EQ(-EINVAL, vfio_irq_eventfds(d, MSIX, 2, 1, &plain));
	EXPECT_GT(0, vfio_irq_eventfds(d, MSIX, n, 1, fds));
	EXPECT_GT(0, vfio_irq_eventfds(d, MSIX, n - 1, 2, fds));
	EXPECT_GT(0, vfio_irq_eventfds(d, MSIX, ~0U, 1, fds));
	EXPECT_GT(0, vfio_irq_set(d, MSIX, NONE | TRIGGER, 1, ~0U, NULL, 0));
	EXPECT_GT(0, vfio_irq_set(d, MSIX, EVENTFD | BOOL | TRIGGER, 1, 1, fds, 4));
	EXPECT_GT(0, vfio_irq_set(d, MSIX, EVENTFD | TRIGGER | MASK, 1, 1, fds, 4));
	EXPECT_GT(0, vfio_irq_set(d, MSIX, EVENTFD, 1, 1, fds, 4));
	EXPECT_GT(0, vfio_irq_set(d, MSIX, EVENTFD | TRIGGER | 1U << 20, 1, 1, fds, 4));
	EXPECT_GT(0, vfio_irq_set(d, MSIX, EVENTFD | TRIGGER, 1, 2, fds, 4));
	EXPECT_GT(0, vfio_irq_set(d, d->info.num_irqs, EVENTFD | TRIGGER, 0, 1, fds, 4));
	EXPECT_GT(0, vfio_irq_eventfds(d, VFIO_PCI_MSI_IRQ_INDEX, 0, 1, fds));
	EXPECT_EQ(-1, ioctl(d->fd, VFIO_DEVICE_SET_IRQS, &s));
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_LE(1, rig_events(self->rx, SOON));
	EXPECT_EQ(0, guest_ping(&self->g, 2));
	EXPECT_LE(1, rig_events(self->tx, SOON));
	close(plain);
}

struct swapper {
	struct vfio_dev *d;
	int fds[2];
	int stop;
};

static void *swap(void *arg)
{
	struct swapper *s = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&s->stop, __ATOMIC_RELAXED); i++)
		if (vfio_irq_eventfds(s->d, MSIX, 1, 1, &s->fds[i & 1]))
			return "refused";
	return NULL;
}

/* Traffic, while the vector changes hands all the time. */
TEST_F(msix, swapped_under_traffic)
{
	struct swapper s = { &self->g.n.dev, { self->rx, self->other } };
	uint64_t got = 0;
	void *failed;
	pthread_t t;
	int i;

	ASSERT_EQ(0, pthread_create(&t, NULL, swap, &s));
	for (i = 0; i < 500; i++)
		ASSERT_EQ(0, deliver(&self->g, i));
	__atomic_store_n(&s.stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, &failed);
	EXPECT_EQ(NULL, failed);
	got = rig_events(self->rx, SOON) + rig_events(self->other, QUIET);
	EXPECT_LE(1, got);
	ASSERT_EQ(0, vfio_irq_eventfds(&self->g.n.dev, MSIX, 1, 1, &self->rx));
	EXPECT_EQ(0, deliver(&self->g, i));
	EXPECT_LE(1, rig_events(self->rx, SOON));
	EXPECT_EQ(0, rig_events(self->other, 0));
}

/* With vectors in use, neither ISR nor INTx has a say. */
TEST_F(msix, no_intx_beside)
{
	vfio_irq_eventfds(&self->g.n.dev, INTX, 0, 1, &self->other);
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(0, rig_events(self->other, QUIET));
}

FIXTURE(intx)
{
	struct guest g;
	struct vfio_dev *d;
	int fd;
};

FIXTURE_SETUP(intx)
{
	struct vnic_cfg cfg = { .drv.features = RIG_BASE, .irq = VNIC_POLL };

	ASSERT_EQ(0, guest_open(&self->g, &cfg));
	self->d = &self->g.n.dev;
	self->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ASSERT_EQ(0, vfio_irq_eventfds(self->d, INTX, 0, 1, &self->fd));
	/* What start() left behind. */
	vpci_get(&self->g.n.pci, VIRTIO_PCI_CAP_ISR_CFG, 0, 1);
	ASSERT_EQ(0, vfio_irq_set(self->d, INTX, NONE | UNMASK, 0, 1, NULL, 0));
	rig_events(self->fd, QUIET);
}

FIXTURE_TEARDOWN(intx)
{
	guest_close(&self->g);
	close(self->fd);
}

static unsigned int isr(struct guest *g)
{
	return vpci_get(&g->n.pci, VIRTIO_PCI_CAP_ISR_CFG, 0, 1);
}

static int unmask(struct vfio_dev *d)
{
	return vfio_irq_set(d, INTX, NONE | UNMASK, 0, 1, NULL, 0);
}

TEST_F(intx, isr_is_read_to_clear)
{
	EXPECT_EQ(0, isr(&self->g));
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	EXPECT_EQ(0, isr(&self->g));
	EXPECT_EQ(0, unmask(self->d));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	/* And by the window, as firmware reads it. */
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	vpci_cfg_put(&self->g.n.pci, self->g.n.pci.cap[5].pos + VIRTIO_PCI_CAP_BAR, 1,
		     self->g.n.pci.cap[VIRTIO_PCI_CAP_ISR_CFG].bar);
	vpci_cfg_put(&self->g.n.pci, self->g.n.pci.cap[5].pos + VIRTIO_PCI_CAP_OFFSET, 4,
		     self->g.n.pci.cap[VIRTIO_PCI_CAP_ISR_CFG].offset);
	vpci_cfg_put(&self->g.n.pci, self->g.n.pci.cap[5].pos + VIRTIO_PCI_CAP_LENGTH, 4, 1);
	EXPECT_EQ(1, vpci_cfg_get(&self->g.n.pci, self->g.n.pci.cap[5].pos + 16, 1));
	EXPECT_EQ(0, isr(&self->g));
}

/* Level-triggered: once, until unmasked; then again if nobody has looked at the reason. */
TEST_F(intx, automasked)
{
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_EQ(0, unmask(self->d));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	EXPECT_EQ(0, unmask(self->d));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_EQ(0, deliver(&self->g, 3));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
}

TEST_F(intx, masked_by_user)
{
	uint8_t yes = 1, no = 0;

	ASSERT_EQ(0, vfio_irq_set(self->d, INTX, NONE | MASK, 0, 1, NULL, 0));
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_EQ(0, unmask(self->d));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	EXPECT_EQ(0, unmask(self->d));
	ASSERT_EQ(0, vfio_irq_set(self->d, INTX, BOOL | MASK, 0, 1, &no, 1));
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	EXPECT_EQ(0, unmask(self->d));
	ASSERT_EQ(0, vfio_irq_set(self->d, INTX, BOOL | MASK, 0, 1, &yes, 1));
	EXPECT_EQ(0, deliver(&self->g, 3));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	ASSERT_EQ(0, vfio_irq_set(self->d, INTX, BOOL | UNMASK, 0, 1, &yes, 1));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
}

/* The guest's own switch in the command register. */
TEST_F(intx, disabled_by_driver)
{
	struct vpci *p = &self->g.n.pci;
	unsigned int cmd = vpci_cfg_get(p, PCI_COMMAND, 2);

	vpci_cfg_put(p, PCI_COMMAND, 2, cmd | PCI_COMMAND_INTX_DISABLE);
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_NE(0, vpci_cfg_get(p, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
	vpci_cfg_put(p, PCI_COMMAND, 2, cmd);
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	EXPECT_EQ(0, vpci_cfg_get(p, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
}

/* KVM's way to tell of an end of interrupt; who does not know it refuses it. */
TEST_F(intx, unmasked_by_eventfd)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), none = -1;
	uint64_t one = 1;

	if (vfio_irq_set(self->d, INTX, EVENTFD | UNMASK, 0, 1, &fd, sizeof(fd))) {
		close(fd);
		SKIP(return, "the device takes no eventfd for this");
	}
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_EQ(0, vfio_irq_set(self->d, INTX, EVENTFD | UNMASK, 0, 1, &none, sizeof(none)));
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	ASSERT_EQ(sizeof(one), write(fd, &one, sizeof(one)));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	close(fd);
}

TEST_F(intx, off_and_on)
{
	int none = -1;

	ASSERT_EQ(0, vfio_irq_off(self->d, INTX));
	EXPECT_EQ(0, deliver(&self->g, 1));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_EQ(1, isr(&self->g));
	ASSERT_EQ(0, vfio_irq_eventfds(self->d, INTX, 0, 1, &self->fd));
	EXPECT_EQ(0, deliver(&self->g, 2));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(&self->g));
	EXPECT_EQ(0, unmask(self->d));
	ASSERT_EQ(0, vfio_irq_eventfds(self->d, INTX, 0, 1, &none));
	EXPECT_EQ(0, deliver(&self->g, 3));
	EXPECT_EQ(0, rig_events(self->fd, QUIET));
	EXPECT_GT(0, vfio_irq_eventfds(self->d, INTX, 1, 1, &self->fd));
	EXPECT_GT(0, vfio_irq_eventfds(self->d, INTX, 0, 2, (int[]){ self->fd, self->fd }));
}

TEST_F(intx, loopback)
{
	ASSERT_EQ(0, vfio_irq_set(self->d, INTX, NONE | TRIGGER, 0, 1, NULL, 0));
	EXPECT_EQ(1, rig_events(self->fd, SOON));
}

/* The driver goes over to vectors in the middle, and back. */
TEST_F(intx, to_msix_and_back)
{
	struct guest *g = &self->g;
	int fds[3] = { g->n.config, g->n.pair[0].vq[VDRV_RX].call, g->n.pair[0].vq[VDRV_TX].call };

	ASSERT_EQ(0, vfio_irq_off(self->d, INTX));
	ASSERT_EQ(0, vpci_msix(&g->n.pci, 0, 3, fds));
	vpci_common_put(&g->n.pci, cfg.queue_select, VDRV_RX);
	vpci_common_put(&g->n.pci, cfg.queue_msix_vector, 1);
	EXPECT_EQ(0, deliver(g, 1));
	EXPECT_LE(1, rig_events(fds[1], SOON));
	EXPECT_EQ(0, rig_events(self->fd, 0));
	ASSERT_EQ(0, vpci_msix_off(&g->n.pci));
	ASSERT_EQ(0, vfio_irq_eventfds(self->d, INTX, 0, 1, &self->fd));
	isr(g);
	unmask(self->d);
	rig_events(self->fd, QUIET);
	EXPECT_EQ(0, deliver(g, 2));
	EXPECT_LE(1, rig_events(self->fd, SOON));
	EXPECT_EQ(1, isr(g) & 1);
}

TEST_HARNESS_MAIN
