// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory as a VMM maps it for DMA: pinned when it is used and not before, let go when it is
 * unmapped, never more than is mapped, never written when read-only.
 */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <linux/capability.h>
#include "kselftest_harness.h"
#include "fail.h"
#include "payer.h"
#include "rig.h"

#define SOON	2000
#define QUIET	100
#define PAGE	4096UL
#define EXTRA	0x0000700000000000ULL	/* where hot-added memory lies */

FIXTURE(memory)
{
	struct guest g;
	struct vnic *n;
	struct vdrv *v;
};

FIXTURE_VARIANT(memory)
{
	uint64_t features;
	bool cdev;
};

FIXTURE_VARIANT_ADD(memory, split) {
	.features = RIG_BASE,
};

FIXTURE_VARIANT_ADD(memory, packed) {
	.features = RIG_BASE | VDRV_F_PACKED,
};

FIXTURE_VARIANT_ADD(memory, iommufd) {
	.features = RIG_BASE | VDRV_F_MRG_RXBUF,
	.cdev = true,
};

FIXTURE_SETUP(memory)
{
	struct vnic_cfg cfg = { .drv.features = variant->features, .cdev = variant->cdev };

	self->n = &self->g.n;
	self->v = &self->n->pair[0];
	ASSERT_EQ(0, guest_open(&self->g, &cfg));
}

FIXTURE_TEARDOWN(memory)
{
	guest_close(&self->g);
}

static void *pages(unsigned int n)
{
	void *m = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

/* A header and a frame of 200 bytes, made at @at. */
static void put_frame(const struct vdrv *v, void *at, uint32_t seed)
{
	struct netio_frame f = { .len = 200, .seed = seed };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[256];

	netio_frame_make(&f, &h, frame);
	memcpy(at, &h, v->hdr_len);
	memcpy((unsigned char *)at + v->hdr_len, frame, f.len);
}

/* Hand a frame at this address over. */
static void send_at(struct vdrv *v, uint64_t iova)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	struct vdrv_seg seg = { iova, v->hdr_len + 200 };

	vdrv_tx_reap(v);
	vdrv_vq_add(v, q, vdrv_vq_slot(q), &seg, 1, 0);
	vdrv_vq_publish(q);
	vdrv_kick_always(q);
}

/* Is the next frame on the wire that of @seed? */
static int seen(struct guest *g, uint32_t seed, int timeout_ms)
{
	struct netio_frame f = { .len = 200, .seed = seed };
	unsigned char frame[256], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = netio_recv(g->wire, &h, got, sizeof(got), timeout_ms);
	return ret < 0 ? ret : ret == 200 && !memcmp(frame, got, 200) ? 0 : -EBADMSG;
}

static int from_host(struct guest *g, uint32_t seed)
{
	struct netio_frame f = { .len = 200, .seed = seed };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[256];

	netio_frame_make(&f, &h, frame);
	return netio_send(g->wire, &h, frame, f.len);
}

/* The same card anew, without receive buffers. */
static int restart_empty(struct guest *g)
{
	int ret = vnic_stop(&g->n);

	g->n.cfg.no_rx = true;
	ret = ret ?: vnic_start(&g->n);
	return ret ?: netio_link_wait(g->port);
}

static int restart(struct guest *g)
{
	int ret = vnic_stop(&g->n);

	g->n.cfg.no_rx = false;
	ret = ret ?: vnic_start(&g->n);
	return ret ?: netio_link_wait(g->port);
}

/* Room for one frame at this address. */
static void post_at(struct vdrv *v, uint64_t iova, uint32_t len)
{
	struct vdrv_vq *q = &v->vq[VDRV_RX];
	struct vdrv_seg seg = { iova, len };

	vdrv_vq_add(v, q, vdrv_vq_slot(q), &seg, 0, 1);
	vdrv_vq_publish(q);
	vdrv_kick_always(q);
}

static bool used_soon(struct vdrv_vq *q, int timeout_ms)
{
	uint32_t id, len;

	for (; !vdrv_vq_peek(q); timeout_ms--) {
		if (timeout_ms <= 0)
			return false;
		usleep(1000);
	}
	if (!vdrv_vq_used(q, &id, &len))
		return false;
	vdrv_vq_release(q, id);
	return true;
}

static bool pinned_becomes(long n)
{
	int i;

	for (i = 0; i < SOON && vfio_pinned() != n; i++)
		usleep(1000);
	return vfio_pinned() == n;
}

/* Only what was touched; all of it comes back with the unmap, by whichever part. */
TEST_F(memory, pinned_lazily)
{
	long all = self->v->mem_bytes / PAGE, some;
	int i;

	EXPECT_EQ(0, guest_ping(&self->g, 1));
	some = vfio_pinned();
	EXPECT_LT(0, some);
	/* Buffers that were not used were not pinned. */
	EXPECT_GT(all / 2, some);
	for (i = 0; i < 20; i++)
		EXPECT_EQ(0, guest_ping(&self->g, i));
	EXPECT_LE(some, vfio_pinned());
	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vfio_unmap(self->n->dev.space, vdrv_addr(self->v, self->v->mem),
				self->v->ring_bytes));
	EXPECT_GT(all, vfio_pinned());
	ASSERT_EQ(0, vfio_unmap(self->n->dev.space,
				vdrv_addr(self->v, self->v->mem + self->v->ring_bytes),
				self->v->mem_bytes - self->v->ring_bytes));
	EXPECT_EQ(0, vfio_pinned());
	/* And all over again. */
	ASSERT_EQ(0, vnic_map(self->n, self->v));
	ASSERT_EQ(0, vnic_start(self->n));
	ASSERT_EQ(0, netio_link_wait(self->g.port));
	EXPECT_EQ(0, guest_ping(&self->g, 99));
	EXPECT_LT(0, vfio_pinned());
}

TEST_F(memory, close_lets_go)
{
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	EXPECT_LT(0, vfio_pinned());
	vfio_close(&self->n->dev);
	EXPECT_EQ(0, vfio_pinned());
}

/* A range that came later, and goes again: none of it is left. */
TEST_F(memory, hot_added)
{
	unsigned char *m = pages(8);
	long before = 0;
	int i;

	ASSERT_NE(NULL, m);
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	for (i = 0; i < 20; i++) {
		put_frame(self->v, m + PAGE * (i % 8) + 300, i);
		ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, 8 * PAGE, true));
		send_at(self->v, EXTRA + PAGE * (i % 8) + 300);
		EXPECT_EQ(0, seen(&self->g, i, SOON));
		ASSERT_EQ(0, vdrv_drain_tx(self->v, SOON));
		ASSERT_EQ(0, vfio_unmap(self->n->dev.space, EXTRA, 8 * PAGE));
		if (!i)
			before = vfio_pinned();
		EXPECT_EQ(before, vfio_pinned());
	}
	EXPECT_EQ(0, guest_ping(&self->g, 2));
	munmap(m, 8 * PAGE);
}

/* Other memory at the same address: nothing remembered may be used. */
TEST_F(memory, replaced)
{
	unsigned char *m[2] = { pages(1), pages(1) };
	int i;

	for (i = 0; i < 10; i++) {
		ASSERT_NE(NULL, m[i & 1]);
		put_frame(self->v, m[i & 1], i);
		ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m[i & 1], PAGE, true));
		send_at(self->v, EXTRA);
		EXPECT_EQ(0, seen(&self->g, i, SOON));
		ASSERT_EQ(0, vdrv_drain_tx(self->v, SOON));
		ASSERT_EQ(0, vfio_unmap(self->n->dev.space, EXTRA, PAGE));
	}
}

/* Every allocation of an unmap fails once: nothing stays pinned, whoever looked at it last. */
TEST_F(memory, no_memory)
{
	unsigned char *m = pages(8);
	unsigned int nth;
	long before = 0;
	int err;

	ASSERT_NE(NULL, m);
	if (!fail_begin())
		SKIP(return, "the kernel injects no faults");
	for (nth = 1; nth <= 8; nth++) {
		put_frame(self->v, m + PAGE * (nth % 8) + 300, nth);
		ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, 8 * PAGE, true));
		send_at(self->v, EXTRA + PAGE * (nth % 8) + 300);
		EXPECT_EQ(0, seen(&self->g, nth, SOON));
		ASSERT_EQ(0, vdrv_drain_tx(self->v, SOON));
		fail_nth(nth);
		err = vfio_unmap(self->n->dev.space, EXTRA, 8 * PAGE);
		fail_nth(0);
		if (err)
			ASSERT_EQ(0, vfio_unmap(self->n->dev.space, EXTRA, 8 * PAGE));
		if (nth == 1)
			before = vfio_pinned();
		EXPECT_EQ(before, vfio_pinned()) TH_LOG("allocation %u", nth);
	}
	fail_end();
	EXPECT_EQ(0, guest_ping(&self->g, 100));
	munmap(m, 8 * PAGE);
}

/* The same for the rings themselves, while nobody uses them. */
TEST_F(memory, all_remapped_while_idle)
{
	int i;

	for (i = 0; i < 5; i++) {
		EXPECT_EQ(0, guest_ping(&self->g, i));
		ASSERT_EQ(0, vdrv_drain_tx(self->v, SOON));
		ASSERT_EQ(0, vnic_unmap(self->n, self->v));
		EXPECT_EQ(0, vfio_pinned());
		ASSERT_EQ(0, vnic_map(self->n, self->v));
	}
	EXPECT_EQ(0, guest_ping(&self->g, i));
}

/* A frame across two mappings that lie side by side; memory behind them does not. */
TEST_F(memory, across_mappings)
{
	unsigned char *m[2] = { pages(1), pages(1) }, tmp[512], back[512];
	uint32_t cut = 100, len = self->v->hdr_len + 200;

	ASSERT_NE(NULL, m[0]);
	ASSERT_NE(NULL, m[1]);
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m[0], PAGE, true));
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA + PAGE, m[1], PAGE, true));
	put_frame(self->v, tmp, 7);
	memcpy(m[0] + PAGE - cut, tmp, cut);
	memcpy(m[1], tmp + cut, len - cut);
	send_at(self->v, EXTRA + PAGE - cut);
	EXPECT_EQ(0, seen(&self->g, 7, SOON));

	ASSERT_EQ(0, restart_empty(&self->g));
	memset(m[0], 0, PAGE);
	memset(m[1], 0, PAGE);
	post_at(self->v, EXTRA + PAGE - cut, 2000);
	ASSERT_EQ(0, from_host(&self->g, 8));
	EXPECT_TRUE(used_soon(&self->v->vq[VDRV_RX], SOON));
	put_frame(self->v, tmp, 8);
	memcpy(back, m[0] + PAGE - cut, cut);
	memcpy(back + cut, m[1], len - cut);
	EXPECT_EQ(0, memcmp(tmp + self->v->hdr_len, back + self->v->hdr_len, 200));
}

/* What may only be read can be sent, and stops whoever wants to receive into it. */
TEST_F(memory, read_only)
{
	unsigned char *m = pages(2), *copy = malloc(2 * PAGE);

	ASSERT_NE(NULL, m);
	ASSERT_NE(NULL, copy);
	put_frame(self->v, m + 64, 3);
	memcpy(copy, m, 2 * PAGE);
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, 2 * PAGE, false));
	send_at(self->v, EXTRA + 64);
	EXPECT_EQ(0, seen(&self->g, 3, SOON));
	ASSERT_EQ(0, restart_empty(&self->g));
	post_at(self->v, EXTRA, 2 * PAGE);
	ASSERT_EQ(0, from_host(&self->g, 4));
	EXPECT_FALSE(used_soon(&self->v->vq[VDRV_RX], QUIET));
	EXPECT_EQ(0, memcmp(copy, m, 2 * PAGE));
	/* The other queue does not mind. */
	put_frame(self->v, self->v->vq[VDRV_TX].buf, 5);
	send_at(self->v, vdrv_addr(self->v, self->v->vq[VDRV_TX].buf));
	EXPECT_EQ(0, seen(&self->g, 5, SOON));
	ASSERT_EQ(0, restart(&self->g));
	EXPECT_EQ(0, guest_ping(&self->g, 6));
	free(copy);
}

/* A page that could only be read, mapped anew so that it can be written: and it is. */
TEST_F(memory, becomes_writable)
{
	unsigned char *m = pages(1);

	ASSERT_NE(NULL, m);
	put_frame(self->v, m, 3);
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, PAGE, false));
	ASSERT_EQ(0, restart_empty(&self->g));
	send_at(self->v, EXTRA);
	EXPECT_EQ(0, seen(&self->g, 3, SOON));
	ASSERT_EQ(0, vdrv_drain_tx(self->v, SOON));
	ASSERT_EQ(0, vfio_unmap(self->n->dev.space, EXTRA, PAGE));
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, PAGE, true));
	send_at(self->v, EXTRA);
	EXPECT_EQ(0, seen(&self->g, 3, SOON));
	memset(m, 0, PAGE);
	post_at(self->v, EXTRA, PAGE);
	ASSERT_EQ(0, from_host(&self->g, 4));
	EXPECT_TRUE(used_soon(&self->v->vq[VDRV_RX], SOON));
	EXPECT_NE(0, m[self->v->hdr_len]);
}

/* An address that nobody mapped stops that queue, and that queue only. */
TEST_F(memory, beyond)
{
	static const uint64_t where[] = { EXTRA, 0, ~0ULL - 100, 1ULL << 63, 0xfee00000 };
	struct netio_frame f = { .len = 200, .seed = 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(where); i++) {
		send_at(self->v, where[i]);
		EXPECT_EQ(-ETIMEDOUT, seen(&self->g, 0, QUIET));
		EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON));
		ASSERT_EQ(0, restart(&self->g));
		EXPECT_EQ(0, guest_ping(&self->g, i));
		ASSERT_EQ(0, restart_empty(&self->g));
		post_at(self->v, where[i], 2000);
		from_host(&self->g, 1);
		EXPECT_FALSE(used_soon(&self->v->vq[VDRV_RX], QUIET));
		EXPECT_EQ(200, guest_to(&self->g, 0, self->g.wire, &f, SOON));
		ASSERT_EQ(0, restart(&self->g));
		EXPECT_EQ(0, guest_ping(&self->g, i));
	}
}

/* The same for the first byte behind a mapping, and for rings. */
TEST_F(memory, beyond_by_a_byte)
{
	unsigned char *m = pages(1);
	uint32_t len = self->v->hdr_len + 200;

	ASSERT_NE(NULL, m);
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, PAGE, true));
	put_frame(self->v, m + PAGE - len, 1);
	send_at(self->v, EXTRA + PAGE - len);
	EXPECT_EQ(0, seen(&self->g, 1, SOON));
	send_at(self->v, EXTRA + PAGE - len + 1);
	EXPECT_EQ(-ETIMEDOUT, seen(&self->g, 1, QUIET));
	ASSERT_EQ(0, restart(&self->g));
	EXPECT_EQ(0, guest_ping(&self->g, 2));
}

TEST_F(memory, rings_not_mapped)
{
	struct vpci_queue q = { .num = 256, .vector = VIRTIO_MSI_NO_VECTOR };
	struct vpci *p = &self->n->pci;
	int i;

	for (i = 0; i < 3; i++) {
		q.desc = vdrv_addr(self->v, self->v->mem);
		q.driver = q.desc + 0x2000;
		q.device = q.desc + 0x3000;
		*(i == 0 ? &q.desc : i == 1 ? &q.driver : &q.device) = EXTRA;
		ASSERT_EQ(0, vnic_stop(self->n));
		ASSERT_EQ(0, vpci_negotiate(p, self->n->features));
		ASSERT_EQ(0, vpci_queue_setup(p, VDRV_RX, &q));
		ASSERT_EQ(0, vpci_queue_setup(p, VDRV_TX, &q));
		vpci_queue_enable(p, VDRV_RX);
		vpci_queue_enable(p, VDRV_TX);
		vpci_status_add(p, VIRTIO_CONFIG_S_DRIVER_OK);
		vpci_notify(p, VDRV_TX, 1);
		vpci_notify(p, VDRV_RX, 1);
		from_host(&self->g, 1);
		usleep(20000);
	}
	ASSERT_EQ(0, restart(&self->g));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* Everything is taken away in the middle of traffic. */
TEST_F(memory, unmapped_under_load)
{
	uint64_t bytes = 0;
	int i, k;

	for (i = 0; i < 15; i++) {
		for (k = 0; k < 20; k++) {
			from_host(&self->g, k);
			vdrv_tx_reap(self->v);
			vdrv_tx_burst(self->v, 8, 200, NULL, NULL);
			vdrv_vq_kick(&self->v->vq[VDRV_TX]);
			vdrv_rx_reap(self->v, &bytes);
			vdrv_vq_kick(&self->v->vq[VDRV_RX]);
		}
		ASSERT_EQ(0, vnic_unmap(self->n, self->v));
		EXPECT_EQ(0, vfio_pinned());
		from_host(&self->g, k);
		vdrv_kick_always(&self->v->vq[VDRV_TX]);
		EXPECT_EQ(0, vfio_pinned());
		ASSERT_EQ(0, vnic_map(self->n, self->v));
		ASSERT_EQ(0, restart(&self->g));
		EXPECT_EQ(0, guest_ping(&self->g, i));
	}
}

/* Memory that is unmapped belongs to its owner at once, whoever was about to write to it. */
TEST_F(memory, not_written_after_unmap)
{
	unsigned char *m = pages(64), *copy = malloc(64 * PAGE);
	int i, k;

	ASSERT_NE(NULL, m);
	ASSERT_NE(NULL, copy);
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, restart_empty(&self->g));
		ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, 64 * PAGE, true));
		for (k = 0; k < 64; k++)
			post_at(self->v, EXTRA + k * PAGE, PAGE);
		for (k = 0; k < 30; k++)
			from_host(&self->g, k);
		ASSERT_EQ(0, vfio_unmap(self->n->dev.space, EXTRA, 64 * PAGE));
		memset(m, 0x5a, 64 * PAGE);
		memset(copy, 0x5a, 64 * PAGE);
		for (k = 0; k < 10; k++)
			from_host(&self->g, k);
		usleep(5000);
		EXPECT_EQ(0, memcmp(m, copy, 64 * PAGE));
	}
	ASSERT_EQ(0, restart(&self->g));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	free(copy);
}

/* Never more than its owner may lock; the card lives on, and has its memory when there is room. */
/* What a VMM does not have: memory that it maps meanwhile counts. */
static int set_ipc_lock(bool on)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &h, d))
		return -errno;
	if (on)
		d[0].effective |= 1U << CAP_IPC_LOCK;
	else
		d[0].effective &= ~(1U << CAP_IPC_LOCK);
	return syscall(SYS_capset, &h, d) ? -errno : 0;
}

TEST_F(memory, locked_memory_limit)
{
	struct rlimit limit, was;
	int i;

	ASSERT_EQ(0, getrlimit(RLIMIT_MEMLOCK, &was));
	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vnic_unmap(self->n, self->v));
	ASSERT_TRUE(pinned_becomes(0));
	limit = was;
	limit.rlim_cur = 8 * PAGE;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, set_ipc_lock(false));
	ASSERT_EQ(0, vnic_map(self->n, self->v));
	ASSERT_EQ(0, set_ipc_lock(true));
	vnic_start(self->n);
	for (i = 0; i < 64; i++) {
		from_host(&self->g, i);
		vdrv_tx_burst(self->v, 1, 200, NULL, NULL);
		vdrv_vq_kick(&self->v->vq[VDRV_TX]);
	}
	usleep(20000);
	EXPECT_GE(8, vfio_pinned());
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &was));
	ASSERT_EQ(0, restart(&self->g));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* Hours of it, in short: beginnings and ends leave nothing behind. */
TEST_F(memory, no_growth)
{
	long most = 0;
	int i;

	for (i = 0; i < 30; i++) {
		EXPECT_EQ(0, guest_ping(&self->g, i));
		if (i == 3)
			most = vfio_pinned();
		if (i > 3)
			EXPECT_GE(most, vfio_pinned());
		ASSERT_EQ(0, restart(&self->g));
	}
	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vnic_unmap(self->n, self->v));
	EXPECT_EQ(0, vfio_pinned());
}

/* Two cards in one address space, as in one guest: each lets go of what is unmapped. */
TEST_F(memory, two_cards)
{
	struct vnic_cfg cfg = self->n->cfg;
	struct guest other;

	cfg.drv.gpa = 1ULL << 40;
	ASSERT_EQ(0, rig_mdev(RIG_UUID_2, "slmd1", 1));
	ASSERT_EQ(0, guest_attach(&other, self->n->dev.space, RIG_UUID_2, "slmd1", &cfg));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	EXPECT_EQ(0, guest_ping(&other, 2));
	ASSERT_EQ(0, vnic_stop(&other.n));
	ASSERT_EQ(0, vnic_unmap(&other.n, &other.n.pair[0]));
	EXPECT_EQ(0, guest_ping(&self->g, 3));
	guest_detach(&other);
	EXPECT_EQ(0, guest_ping(&self->g, 4));
	rig_mdev_del(RIG_UUID_2, "slmd1");
}

/* --- who pays -------------------------------------------------------------------------------- */

/* Pages side by side, all of them the same one: in the host none lies next to another. */
static void *scattered_pages(unsigned int n)
{
	int fd = memfd_create("page", 0);
	unsigned char *m = mmap(NULL, n * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	if (fd < 0 || m == MAP_FAILED || ftruncate(fd, PAGE))
		return NULL;
	for (i = 0; i < n; i++)
		if (mmap(m + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED)
			return NULL;
	close(fd);
	return m;
}

/* What a queue remembers of the guest's memory, an entry for each piece, is the VMM's to pay. */
TEST_F(memory, paid_by_vmm)
{
	const unsigned int n = 2048, entry = 96;
	struct vnic_cfg cfg = self->n->cfg;
	unsigned char *m = scattered_pages(n);
	unsigned int i;
	long before;

	ASSERT_NE(NULL, m);
	guest_close(&self->g);
	if (!payer_enter()) {
		ASSERT_EQ(0, guest_open(&self->g, &cfg));
		SKIP(return, "no memory cgroups");
	}
	ASSERT_EQ(0, guest_open(&self->g, &cfg));
	put_frame(self->v, m, 1);
	ASSERT_EQ(0, vfio_map(self->n->dev.space, EXTRA, m, n * PAGE, true));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	/* As much as there will be of what was done so far. */
	sleep(3);
	before = payer_pays();
	for (i = 0; i < n; i++) {
		send_at(self->v, EXTRA + i * PAGE);
		ASSERT_EQ(0, seen(&self->g, 1, SOON));
	}
	EXPECT_TRUE(payer_comes_to_pay(before + (long)n * entry));
	TH_LOG("%u pieces: %ld bytes", n, payer_pays() - before);
	EXPECT_EQ(0, payer_leave());
}

TEST_HARNESS_MAIN
