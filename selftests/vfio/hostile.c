// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest, or a VMM, that means harm: every register in every width at every offset, values that
 * make no sense, rings that change while they are read, everything at once. The host must not mind,
 * and a reset must bring the card back.
 */
#include <pthread.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>
#include "kselftest_harness.h"
#include "rig.h"

#define SOON	2000
#define QUIET	50
#define BARS	6
#define CFG	VFIO_PCI_CONFIG_REGION_INDEX
#define PAGE	4096UL

/* What a test may spend on random deeds. */
#define DEEDS	20000

FIXTURE(hostile)
{
	struct guest g;
	struct vnic *n;
	struct vdrv *v;
	struct vpci *p;
	unsigned int seed;
};

FIXTURE_VARIANT(hostile)
{
	uint64_t features;
};

#define FEATURES	(RIG_BASE | RIG_OFFLOADS | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT |		\
			 VNIC_BIT(CTRL_VQ) | VNIC_BIT(CTRL_MAC_ADDR) |				\
			 VDRV_BIT(VIRTIO_F_RING_RESET))

FIXTURE_VARIANT_ADD(hostile, split) {
	.features = FEATURES,
};

FIXTURE_VARIANT_ADD(hostile, packed) {
	.features = FEATURES | VDRV_F_PACKED | VDRV_F_EVENT_IDX |
		    VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA),
};

FIXTURE_SETUP(hostile)
{
	struct vnic_cfg cfg = { .drv.features = variant->features, .mapped = true };

	self->n = &self->g.n;
	self->v = &self->n->pair[0];
	self->p = &self->n->pci;
	self->seed = getenv("SEED") ? atoi(getenv("SEED")) : time(NULL);
	TH_LOG("SEED=%u", self->seed);
	ASSERT_EQ(0, guest_open(&self->g, &cfg));
	ASSERT_EQ(0, guest_ping(&self->g, 1));
}

FIXTURE_TEARDOWN(hostile)
{
	guest_close(&self->g);
}

/* After whatever was done: as good as new. */
static int recover(struct guest *g)
{
	struct vpci *p = &g->n.pci;
	int ret = vfio_reset(&g->n.dev);

	/* Who takes MSI-X lets go of INTx. */
	ret = ret ?: vfio_irq_off(&g->n.dev, VFIO_PCI_INTX_IRQ_INDEX);
	ret = ret ?: vpci_cfg_put(p, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	ret = ret ?: vnic_stop(&g->n);
	ret = ret ?: vnic_start(&g->n);
	ret = ret ?: netio_link_wait(g->port);
	/* After so many broken rings the port may be in quarantine. */
	netio_run("sluice port release %s 2>/dev/null", g->port);
	return ret ?: guest_ping(g, 99);
}

static uint64_t bar_size(struct vfio_dev *d, unsigned int bar)
{
	struct vfio_region_info info;

	return vfio_region_info(d, bar, &info, sizeof(info)) ? 0 : info.size;
}

/* Offsets of a region worth a visit: all of the first pages, then some of each page. */
static uint64_t next_offset(uint64_t at)
{
	return at + (at < 2 * PAGE || at % PAGE < 16 || at % PAGE >= PAGE - 16 ? 1 : 509);
}

TEST_F_TIMEOUT(hostile, read_everything, 120)
{
	unsigned int r, w;
	unsigned char buf[64];
	uint64_t at, size;

	for (r = 0; r <= CFG; r++) {
		size = bar_size(&self->n->dev, r);
		for (w = 1; w <= 16; w = w == 4 ? 5 : w == 5 ? 8 : w * 2)
			for (at = 0; at < size; at = next_offset(at))
				vfio_read(&self->n->dev, r, at, buf, w);
		/* Around the end, and far behind it. */
		for (at = size > 8 ? size - 8 : 0; at < size + 8; at++)
			for (w = 1; w <= 64; w *= 2)
				EXPECT_EQ(at + w > size,
					  !!vfio_read(&self->n->dev, r, at, buf, w));
	}
	EXPECT_EQ(0, guest_ping(&self->g, 2));
	EXPECT_EQ(0, recover(&self->g));
}

TEST_F_TIMEOUT(hostile, write_everything, 120)
{
	static const uint64_t values[] = { 0, ~0ULL, 0x5555555555555555ULL, 0x0102030405060708ULL };
	unsigned int r, w, k;
	uint64_t at, size;

	for (k = 0; k < ARRAY_SIZE(values); k++) {
		for (r = 0; r <= CFG; r++) {
			size = bar_size(&self->n->dev, r);
			for (w = 1; w <= 8; w = w == 4 ? 5 : w == 5 ? 8 : w * 2)
				for (at = 0; at < size; at = next_offset(at))
					vfio_write(&self->n->dev, r, at, &values[k], w);
			for (at = size > 8 ? size - 8 : 0; at < size + 8; at++)
				for (w = 1; w <= 8; w *= 2)
					EXPECT_EQ(at + w > size, !!vfio_write(&self->n->dev, r, at,
									      &values[k], w));
		}
		EXPECT_EQ(0, recover(&self->g));
	}
}

/* One random access, biased to where things happen. */
static void random_access(struct vnic *n, const uint64_t *size, unsigned int *seed)
{
	static const uint32_t fond[] = { 0, 1, 2, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, ~0U };
	unsigned int r = rand_r(seed) % (CFG + 1), w = 1U << rand_r(seed) % 4, t;
	uint64_t value = rand_r(seed) & 1 ? fond[rand_r(seed) % ARRAY_SIZE(fond)] :
			 (uint64_t)rand_r(seed) << 33 ^ rand_r(seed), at;
	struct vpci_cap *c;

	if (rand_r(seed) & 1) {
		t = VIRTIO_PCI_CAP_COMMON_CFG + rand_r(seed) % 4;
		c = &n->pci.cap[t];
		r = c->bar;
		at = c->offset + rand_r(seed) % (c->length < 64 ? c->length : 64);
	} else {
		if (!size[r])
			return;
		at = rand_r(seed) % size[r];
	}
	if (rand_r(seed) % 3)
		vfio_write(&n->dev, r, at, &value, w);
	else
		vfio_read(&n->dev, r, at, &value, w);
}

TEST_F_TIMEOUT(hostile, random_access, 120)
{
	unsigned int i, k, r;
	uint64_t size[CFG + 1];

	for (r = 0; r <= CFG; r++)
		size[r] = bar_size(&self->n->dev, r);
	for (i = 0; i < 8; i++) {
		for (k = 0; k < DEEDS / 8; k++)
			random_access(self->n, size, &self->seed);
		ASSERT_EQ(0, recover(&self->g));
	}
}

struct mob {
	struct vnic *n;
	unsigned int seed;
	int stop;
};

static bool goes_on(struct mob *m)
{
	return !__atomic_load_n(&m->stop, __ATOMIC_RELAXED);
}

static void *mob_access(void *arg)
{
	struct mob *m = arg;
	unsigned int seed = m->seed, r;
	uint64_t size[CFG + 1];

	for (r = 0; r <= CFG; r++)
		size[r] = bar_size(&m->n->dev, r);
	while (goes_on(m))
		random_access(m->n, size, &seed);
	return NULL;
}

static void *mob_irqs(void *arg)
{
	struct mob *m = arg;
	unsigned int seed = m->seed + 1;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	while (goes_on(m)) {
		unsigned int index = rand_r(&seed) % 5, start = rand_r(&seed) % 4;
		uint32_t flags = 1U << rand_r(&seed) % 3 | 8U << rand_r(&seed) % 3;

		vfio_irq_set(&m->n->dev, index, flags, start, rand_r(&seed) % 3,
			     (int[]){ fd, rand_r(&seed) & 1 ? -1 : fd, fd }, 12);
	}
	close(fd);
	return NULL;
}

static void *mob_memory(void *arg)
{
	struct mob *m = arg;
	struct vdrv *v = &m->n->pair[0];

	while (goes_on(m)) {
		vnic_unmap(m->n, v);
		vnic_map(m->n, v);
		usleep(500);
	}
	return NULL;
}

static void *mob_reset(void *arg)
{
	struct mob *m = arg;

	while (goes_on(m)) {
		vfio_reset(&m->n->dev);
		vpci_cfg_put(&m->n->pci, PCI_COMMAND, 2, 6);
		usleep(300);
		vnic_start(m->n);
		usleep(300);
	}
	return NULL;
}

static void *mob_bells(void *arg)
{
	struct mob *m = arg;
	unsigned int seed = m->seed + 2, i;
	uint32_t *page = m->n->pci.notify_map;

	while (goes_on(m)) {
		for (i = 0; i < m->n->pci.notify_area.size / 4; i += 1 + rand_r(&seed) % 16)
			__atomic_store_n(&page[i], rand_r(&seed), __ATOMIC_RELAXED);
		usleep(100);
	}
	return NULL;
}

/* Guest memory under the device's hands: rings, tables, buffers. */
static void *mob_rings(void *arg)
{
	struct mob *m = arg;
	unsigned int seed = m->seed + 3, i;
	struct vdrv *v = &m->n->pair[0];

	while (goes_on(m)) {
		for (i = 0; i < 64; i++)
			__atomic_store_n((uint16_t *)(v->mem + (rand_r(&seed) %
							       (v->ring_bytes / 2)) * 2),
					 rand_r(&seed), __ATOMIC_RELAXED);
		usleep(50);
	}
	return NULL;
}

static void run_mob(struct __test_metadata *_metadata, struct guest *g, unsigned int seed,
		    void *(**fn)(void *), unsigned int n, unsigned int ms)
{
	struct netio_frame f = { .len = 300 };
	struct mob m = { &g->n, seed };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[512];
	pthread_t t[8];
	unsigned int i;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&t[i], NULL, fn[i], &m));
	for (i = 0; i < ms; i++) {
		netio_send(g->wire, &h, frame, f.len);
		/* Whether it wants to hear it or not. */
		vpci_notify(&g->n.pci, i & 1, i);
		usleep(1000);
	}
	__atomic_store_n(&m.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < n; i++)
		pthread_join(t[i], NULL);
	/* Memory may have been left unmapped. */
	vnic_unmap(&g->n, &g->n.pair[0]);
	vnic_map(&g->n, &g->n.pair[0]);
}

TEST_F(hostile, rings_change)
{
	void *(*fn[])(void *) = { mob_rings };
	unsigned int i, k;

	for (i = 0; i < 10; i++) {
		/* Something to chew on. */
		for (k = 0; k < 32; k++)
			vdrv_tx_burst(self->v, 1, 200 + k, NULL, NULL);
		vdrv_kick_always(&self->v->vq[VDRV_TX]);
		run_mob(_metadata, &self->g, self->seed + i, fn, 1, 30);
		ASSERT_EQ(0, recover(&self->g));
	}
}

TEST_F(hostile, doorbells)
{
	void *(*fn[])(void *) = { mob_bells };

	run_mob(_metadata, &self->g, self->seed, fn, 1, 200);
	/* They say nothing that is not there: the card goes on. */
	EXPECT_EQ(0, guest_ping(&self->g, 3));
	EXPECT_EQ(0, recover(&self->g));
}

TEST_F_TIMEOUT(hostile, all_at_once, 120)
{
	void *(*fn[])(void *) = { mob_access, mob_irqs, mob_memory, mob_reset, mob_bells,
				  mob_rings };

	run_mob(_metadata, &self->g, self->seed, fn, ARRAY_SIZE(fn), 3000);
	EXPECT_EQ(0, recover(&self->g));
}

/* The same, and then the user is gone in the middle of it. */
TEST_F(hostile, all_at_once_and_killed)
{
	void *(*fn[])(void *) = { mob_access, mob_irqs, mob_reset, mob_bells, mob_rings };
	struct vnic_cfg cfg = self->n->cfg;
	unsigned int i;
	pid_t pid;

	guest_detach(&self->g);
	for (i = 0; i < 3; i++) {
		pid = fork();
		if (!pid) {
			setpgid(0, 0);
			if (guest_attach(&self->g, NULL, RIG_UUID, RIG_PORT, &cfg))
				_exit(1);
			alarm(1);
			run_mob(_metadata, &self->g, self->seed + i, fn, ARRAY_SIZE(fn), 60000);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	netio_run("sluice port release %s 2>/dev/null", RIG_PORT);
	ASSERT_EQ(0, guest_attach(&self->g, NULL, RIG_UUID, RIG_PORT, &cfg));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* Until FEATURES_OK, and queues not yet set up: what a queue is said to be may be anything. */
static int half_start(struct vnic *n)
{
	int ret = vnic_stop(n);

	return ret ?: vpci_negotiate(&n->pci, n->features);
}

TEST_F(hostile, queue_geometry)
{
	static const uint32_t sizes[] = { 0, 1, 2, 3, 255, 1000, 32768, 32769, 65535 };
	static const uint64_t places[] = { 0, 1, 7, 0x1001, ~0ULL, ~0ULL - 4095, 1ULL << 63,
					   1ULL << 52, 0x7ffffffffffff000ULL };
	struct vpci_queue q = { .vector = VIRTIO_MSI_NO_VECTOR };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < ARRAY_SIZE(places); k++) {
			ASSERT_EQ(0, half_start(self->n));
			q.num = sizes[i];
			q.desc = places[k];
			q.driver = places[(k + i) % ARRAY_SIZE(places)];
			q.device = places[(k + 2 * i + 1) % ARRAY_SIZE(places)];
			vpci_queue_setup(self->p, VDRV_RX, &q);
			vpci_queue_setup(self->p, VDRV_TX, &q);
			vpci_queue_enable(self->p, VDRV_RX);
			vpci_queue_enable(self->p, VDRV_TX);
			vpci_status_add(self->p, VIRTIO_CONFIG_S_DRIVER_OK);
			vpci_notify(self->p, VDRV_RX, 5);
			vpci_notify(self->p, VDRV_TX, 5);
		}
	}
	EXPECT_EQ(0, recover(&self->g));
}

/* Out of turn: enabled twice, changed while enabled, running before there are features. */
TEST_F(hostile, order)
{
	struct vpci *p = self->p;

	/* What an enabled queue is cannot be changed. */
	vpci_common_put(p, cfg.queue_select, VDRV_TX);
	vpci_common_put(p, cfg.queue_size, 8);
	vpci_common_put(p, cfg.queue_desc_lo, 0xdead0000);
	vpci_common_put(p, cfg.queue_desc_hi, 0xdead);
	vpci_common_put(p, cfg.queue_avail_lo, 0xdead0000);
	vpci_common_put(p, cfg.queue_used_hi, 0xdead);
	vpci_common_put(p, cfg.queue_enable, 1);
	vpci_common_put(p, cfg.queue_enable, 0);
	EXPECT_EQ(1, vpci_common(p, cfg.queue_enable));
	vpci_common_put(p, cfg.queue_enable, 0xffff);
	vpci_driver_features(p, 0);
	vpci_status_add(p, VIRTIO_CONFIG_S_DRIVER_OK);
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	/* A queue that is not there. */
	vpci_common_put(p, cfg.queue_select, 0xfff0);
	vpci_common_put(p, cfg.queue_size, 8);
	vpci_common_put(p, cfg.queue_enable, 1);
	vpci_common_put(p, queue_reset, 1);
	vpci_common_put(p, cfg.queue_msix_vector, 1);
	EXPECT_EQ(0, vpci_common(p, cfg.queue_enable));
	EXPECT_EQ(0, vpci_common(p, cfg.queue_size));
	EXPECT_EQ(0, guest_ping(&self->g, 2));
	/* From nothing to DRIVER_OK. */
	ASSERT_EQ(0, vnic_stop(self->n));
	vpci_common_put(p, cfg.device_status, VIRTIO_CONFIG_S_DRIVER_OK);
	vpci_notify(p, VDRV_TX, 1);
	ASSERT_EQ(0, vnic_stop(self->n));
	vpci_common_put(p, cfg.device_status, 0xff);
	vpci_common_put(p, cfg.queue_select, VDRV_TX);
	vpci_common_put(p, cfg.queue_enable, 1);
	vpci_notify(p, VDRV_TX, 1);
	/* Queues first, features never. */
	ASSERT_EQ(0, vnic_stop(self->n));
	vnic_queue_start(self->n, VDRV_RX);
	vnic_queue_start(self->n, VDRV_TX);
	vpci_common_put(p, cfg.device_status, 7);
	vpci_notify(p, VDRV_TX, 1);
	/* FAILED, by a driver that gave up. */
	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vnic_start(self->n));
	vpci_status_add(p, VIRTIO_CONFIG_S_FAILED);
	EXPECT_NE(0, vpci_status(p) & VIRTIO_CONFIG_S_FAILED);
	EXPECT_EQ(0, recover(&self->g));
}

/* One descriptor, raw, in whichever ring. */
static void put_raw(struct vdrv_vq *q, unsigned int at, uint64_t addr, uint32_t len,
		    uint16_t flags, uint16_t next)
{
	if (q->packed) {
		struct vring_packed_desc *d = &q->pdesc[(q->next + at) % q->num];

		d->addr = addr;
		d->len = len;
		d->id = next;
		__atomic_store_n(&d->flags, flags | (q->wrap ? 1 << VRING_PACKED_DESC_F_AVAIL :
							       1 << VRING_PACKED_DESC_F_USED),
				 __ATOMIC_RELEASE);
	} else {
		q->desc[at] = (struct vring_desc){ addr, len, flags, next };
	}
}

static void offer_raw(struct vdrv_vq *q, uint16_t head)
{
	if (!q->packed) {
		q->avail->ring[q->next & (q->num - 1)] = head;
		__atomic_store_n(&q->avail->idx, ++q->next, __ATOMIC_RELEASE);
	}
	vdrv_kick_always(q);
}

/* A transmit ring with this in it: the receive ring goes on, and a reset mends it. */
TEST_F(hostile, bad_chains)
{
	struct vdrv_vq *q = &self->v->vq[VDRV_TX];
	uint64_t buf = vdrv_addr(self->v, q->buf), tab = vdrv_addr(self->v, q->itab);
	const uint16_t next = VRING_DESC_F_NEXT, wr = VRING_DESC_F_WRITE,
		       ind = VRING_DESC_F_INDIRECT;
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags;
		uint16_t next;
	} bad[] = {
		{ buf, 100, next, 0 },			/* itself */
		{ buf, 100, next, 0xffff },
		{ buf, 100, wr, 0 },			/* cannot be sent */
		{ buf, 0, 0, 0 },
		{ buf, ~0U, 0, 0 },
		{ buf, 1, 0, 0 },			/* not even a header */
		{ 0x1000, 100, 0, 0 },			/* nobody's memory */
		{ ~0ULL, 100, 0, 0 },
		{ tab, 16, ind | next, 0 },
		{ tab, 15, ind, 0 },
		{ tab, 0, ind, 0 },
		{ tab, ~0U & ~15U, ind, 0 },
		{ tab + 1, 16, ind, 0 },
		{ 0x1000, 16, ind, 0 },
		{ tab, 16, ind | wr, 0 },
	};
	struct netio_frame f = { .len = 200 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_raw(q, 0, bad[i].addr, bad[i].len, bad[i].flags, bad[i].next);
		/* A table that begins with a table. */
		q->itab[0] = (struct vring_desc){ tab, 16, ind, 0 };
		offer_raw(q, 0);
		EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON))
		{
			TH_LOG("after chain %u", i);
		}
		ASSERT_EQ(0, recover(&self->g))
		{
			TH_LOG("after chain %u", i);
		}
	}
}

/* Indices that run away. */
TEST_F(hostile, bad_index)
{
	struct vdrv_vq *q = &self->v->vq[VDRV_TX];
	unsigned int i;

	if (q->packed)
		SKIP(return, "a packed ring has no index");
	for (i = 0; i < 3; i++) {
		q->avail->idx = q->next + (i == 0 ? q->num + 1 : i == 1 ? 0x8000 : 0xffff);
		vdrv_kick_always(q);
		usleep(QUIET * 1000);
		ASSERT_EQ(0, recover(&self->g));
		q->avail->ring[q->next & (q->num - 1)] = q->num + i;
		q->avail->idx = q->next + 1;
		vdrv_kick_always(q);
		usleep(QUIET * 1000);
		ASSERT_EQ(0, recover(&self->g));
	}
}

/* A broken ring is said to be broken: by the status, and by an interrupt (2.1.2). */
TEST_F(hostile, needs_reset)
{
	struct vdrv_vq *q = &self->v->vq[VDRV_TX];
	int i;

	rig_events(self->n->config, 0);
	put_raw(q, 0, 0x1000, 100, 0, 0);
	offer_raw(q, 0);
	EXPECT_LE(1, rig_events(self->n->config, SOON));
	for (i = 0; i < SOON && !(vpci_status(self->p) & VIRTIO_CONFIG_S_NEEDS_RESET); i++)
		usleep(1000);
	EXPECT_NE(0, vpci_status(self->p) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* Only a reset takes it away. */
	vpci_common_put(self->p, cfg.device_status, 15);
	EXPECT_NE(0, vpci_status(self->p) & VIRTIO_CONFIG_S_NEEDS_RESET);
	ASSERT_EQ(0, vnic_stop(self->n));
	EXPECT_EQ(0, vpci_status(self->p));
	EXPECT_EQ(0, recover(&self->g));
}

/* ioctls that are nobody's, or not this device's. */
TEST_F(hostile, ioctls)
{
	char junk[256];
	unsigned int i;

	memset(junk, 0xff, sizeof(junk));
	for (i = 0; i < 64; i++) {
		/* No argument; or a size that is only too large. */
		if (_IO(VFIO_TYPE, VFIO_BASE + i) == VFIO_DEVICE_RESET ||
		    _IO(VFIO_TYPE, VFIO_BASE + i) == VFIO_DEVICE_GET_INFO)
			continue;
		EXPECT_EQ(-1, ioctl(self->n->dev.fd, _IO(VFIO_TYPE, VFIO_BASE + i), junk));
	}
	for (i = 0; i < 64; i++)
		ioctl(self->n->dev.fd, _IO(VFIO_TYPE, VFIO_BASE + i), 8);
	memset(junk, 0, sizeof(junk));
	for (i = 8; i < 64; i++) {
		memcpy(junk, &i, 4);
		ioctl(self->n->dev.fd, VFIO_DEVICE_SET_IRQS, junk);
		ioctl(self->n->dev.fd, VFIO_DEVICE_FEATURE, junk);
	}
	EXPECT_EQ(0, recover(&self->g));
}

TEST_HARNESS_MAIN
