// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests whose memory is not there: userfaultfd withholds pages that the device needs. It stalls
 * that guest only. Everybody else on the same worker, and whoever asks something of the worker,
 * goes on; so does the guest, with nothing lost, once its pages come.
 */
#include "kselftest_harness.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "rig.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF)
#define PAGE		4096UL
#define FRAMES		20
#define LEN		1000
/* A guard against waiting for ever; nothing is measured by it. */
#define PATIENCE	20000

/**
 * struct pager - withholds memory until it is opened, and then gives back what was there
 * @uffd: of the process whose memory it is
 * @mem: where that begins
 * @bytes: how much it is
 * @copy: what was in it
 * @missed: pages that somebody asked for
 * @gate: readable once pages may be given
 * @thread: gives them
 */
struct pager {
	int uffd;
	unsigned char *mem;
	size_t bytes;
	unsigned char *copy;
	unsigned int missed;
	int gate[2];
	pthread_t thread;
};

static void *pager_main(void *arg)
{
	struct pager *p = arg;
	struct uffdio_copy c;
	struct uffd_msg m;
	char open;

	/* Closed is as good as open: then nobody needs anything any more. */
	while (read(p->gate[0], &open, 1) < 0 && errno == EINTR)
		;
	for (;;) {
		struct pollfd fd[2] = { { p->uffd, POLLIN }, { p->gate[0], POLLIN } };

		if (poll(fd, 2, -1) < 0)
			continue;
		if (fd[1].revents)
			return NULL;
		if (read(p->uffd, &m, sizeof(m)) != sizeof(m) || m.event != UFFD_EVENT_PAGEFAULT)
			continue;
		c = (struct uffdio_copy) {
			.dst = m.arg.pagefault.address & ~(PAGE - 1),
			.len = PAGE,
		};
		c.src = (uintptr_t)p->copy + (c.dst - (uintptr_t)p->mem);
		ioctl(p->uffd, UFFDIO_COPY, &c);
	}
}

/* From now on nothing of [@at, @at + @len) is there. */
static int pager_withhold(struct pager *p, unsigned char *at, size_t len)
{
	unsigned char *end = (unsigned char *)(((uintptr_t)at + len + PAGE - 1) & ~(PAGE - 1));
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	at = (unsigned char *)((uintptr_t)at & ~(PAGE - 1));
	memcpy(p->copy + (at - p->mem), at, end - at);
	r.range.start = (uintptr_t)at;
	r.range.len = end - at;
	if (madvise(at, end - at, MADV_REMOVE) || ioctl(p->uffd, UFFDIO_REGISTER, &r))
		return -errno;
	return 0;
}

static int pager_init(struct pager *p, struct guest *g)
{
	struct uffdio_api api = { .api = UFFD_API };

	memset(p, 0, sizeof(*p));
	p->mem = g->v.mem;
	p->bytes = g->v.mem_bytes;
	p->copy = malloc(p->bytes);
	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (!p->copy || p->uffd < 0 || ioctl(p->uffd, UFFDIO_API, &api) || pipe(p->gate))
		return -errno;
	return pthread_create(&p->thread, NULL, pager_main, p) ? -EAGAIN : 0;
}

/* Does somebody wait for a page? */
static bool pager_asked(struct pager *p, int timeout_ms)
{
	struct pollfd fd = { p->uffd, POLLIN };

	return poll(&fd, 1, timeout_ms) == 1;
}

static void pager_open(struct pager *p)
{
	if (write(p->gate[1], "", 1) != 1)
		perror("gate");
}

/* Who waits gets an empty page: memory is as it was before it was withheld, but for its content. */
static void pager_exit(struct pager *p)
{
	close(p->gate[1]);
	pthread_join(p->thread, NULL);
	close(p->gate[0]);
	close(p->uffd);
	free(p->copy);
}

/* How many hold the module; faults in the air do. */
static int module_users(void)
{
	int fd = open("/sys/module/sluice/refcnt", O_RDONLY | O_CLOEXEC), n;
	char text[16] = {};

	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? atoi(text) : -1;
}

static bool module_users_become(int want)
{
	int i;

	for (i = 0; i < PATIENCE && module_users() != want; i++)
		usleep(1000);
	return module_users() == want;
}

FIXTURE(fault)
{
	struct guest slow;
	struct guest good;
	struct pager pager;
	struct vdrv_cfg cfg;
	int users;
};

FIXTURE_VARIANT(fault)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(fault, split) { .features = FEATURES };
FIXTURE_VARIANT_ADD(fault, split_all) { .features = FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX };
FIXTURE_VARIANT_ADD(fault, packed) { .features = FEATURES | VDRV_F_PACKED };
FIXTURE_VARIANT_ADD(fault, packed_all) { .features = FEATURES | VDRV_F_PACKED | VDRV_F_INDIRECT |
						   VDRV_F_EVENT_IDX };

/* Without a named one all ports share a worker. */
FIXTURE_SETUP(fault)
{
	struct vdrv_cfg good = { .features = FEATURES };

	if (variant->features & ~rig_features())
		SKIP(return, "the node does not offer these features");
	self->cfg = (struct vdrv_cfg){
		.features = variant->features, .num = 256, .rx_buf = 2048, .tx_buf = 4096,
	};
	ASSERT_EQ(0, guest_open(&self->good, "slgood0", &good));
	self->users = module_users();
	ASSERT_EQ(0, guest_open(&self->slow, "slslow0", &self->cfg));
	ASSERT_EQ(0, guest_ping(&self->slow, 1));
	ASSERT_EQ(0, guest_ping(&self->good, 1));
	ASSERT_EQ(0, pager_init(&self->pager, &self->slow));
}

/* Whatever happened, a new guest finds the port in order, and no fault is left behind. */
FIXTURE_TEARDOWN(fault)
{
	pager_exit(&self->pager);
	guest_close(&self->slow);
	EXPECT_EQ(0, guest_ping(&self->good, 1001));
	EXPECT_TRUE(module_users_become(self->users));
	EXPECT_EQ(0, guest_open(&self->slow, "slslow0", &self->cfg));
	EXPECT_EQ(0, guest_ping(&self->slow, 1003));
	guest_close(&self->slow);
	guest_close(&self->good);
}

/* Those who share the worker, and those who need it for a moment. */
static int others(struct guest *good)
{
	int i, ret;

	for (i = 0; i < 20; i++) {
		ret = guest_ping(good, 100 + 2 * i);
		if (ret)
			return ret;
	}
	if (netio_run("sluice worker show >/dev/null") ||
	    netio_run("sluice port show >/dev/null") ||
	    netio_run("sluice acl add port slslow0 prio 5 dir from-guest allow >/dev/null") ||
	    netio_run("sluice acl del port slslow0 prio 5 dir from-guest >/dev/null") ||
	    netio_run("ip link set slslow0 mtu 1400") || netio_run("ip link set slslow0 mtu 1500"))
		return -EIO;
	return guest_ping(good, 200);
}

static void frame_make(unsigned char *frame, struct virtio_net_hdr_v1 *h, unsigned int seed)
{
	struct netio_frame f = { .len = LEN, .seed = seed };

	netio_frame_make(&f, h, frame);
}

/* Fill and queue a frame's buffer, and do not tell the device: it may poll, but it is asleep. */
static int tx_prepare(struct vdrv *v, unsigned int seed)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	struct virtio_net_hdr_v1 h;
	unsigned char frame[LEN];
	int slot = vdrv_vq_slot(q);

	if (slot < 0)
		return slot;
	frame_make(frame, &h, seed);
	memcpy(q->buf + (size_t)slot * q->buf_len, &h, v->hdr_len);
	memcpy(q->buf + (size_t)slot * q->buf_len + v->hdr_len, frame, LEN);
	return slot;
}

static void tx_queue(struct vdrv *v, int slot)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	struct vdrv_seg seg[VDRV_MAX_SEG];
	unsigned int n = vdrv_segments(v, q, slot, v->hdr_len + LEN, seg);

	vdrv_vq_add(v, q, slot, seg, n, 0);
}

/* Not by the rules of the ring, which may be out of reach. */
static void kick(struct vdrv_vq *q)
{
	uint64_t one = 1;

	if (write(q->kick, &one, sizeof(one)) != sizeof(one))
		perror("kick");
}

static bool wire_gets(struct guest *g, unsigned int seed)
{
	unsigned char frame[LEN], got[2048];
	struct virtio_net_hdr_v1 h;

	frame_make(frame, &h, seed);
	return netio_recv(g->wire, &h, got, sizeof(got), PATIENCE) == LEN &&
	       !memcmp(frame, got, LEN);
}

static bool wire_is_quiet(struct guest *g)
{
	unsigned char got[2048];
	struct virtio_net_hdr_v1 h;

	return netio_recv(g->wire, &h, got, sizeof(got), 50) == -ETIMEDOUT;
}

static int wire_sends(struct guest *g, unsigned int seed)
{
	struct virtio_net_hdr_v1 h;
	unsigned char frame[LEN];

	frame_make(frame, &h, seed);
	return netio_send(g->wire, &h, frame, LEN);
}

static bool guest_gets(struct guest *g, unsigned int seed)
{
	unsigned char frame[LEN], got[4096];
	struct virtio_net_hdr_v1 h;

	frame_make(frame, &h, seed);
	return vdrv_recv(&g->v, &h, got, sizeof(got), PATIENCE) == LEN && !memcmp(frame, got, LEN);
}

static unsigned char *tx_buf(struct vdrv *v)
{
	return v->vq[VDRV_TX].buf;
}

static size_t tx_bytes(struct vdrv *v)
{
	return (size_t)v->vq[VDRV_TX].nslot * v->vq[VDRV_TX].buf_len;
}

/* Queue frames whose memory is then withheld, and wait until the device asks for it. */
static int tx_stall(struct guest *g, struct pager *p, unsigned int n)
{
	struct vdrv_vq *q = &g->v.vq[VDRV_TX];
	int slot[FRAMES], ret;
	unsigned int i;

	vdrv_reap_tx(&g->v);
	for (i = 0; i < n; i++) {
		slot[i] = tx_prepare(&g->v, i);
		if (slot[i] < 0)
			return slot[i];
	}
	ret = pager_withhold(p, tx_buf(&g->v), tx_bytes(&g->v));
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		tx_queue(&g->v, slot[i]);
	vdrv_vq_publish(q);
	kick(q);
	return pager_asked(p, PATIENCE) ? 0 : -ETIMEDOUT;
}

/* What the guest sends is not there. */
TEST_F_TIMEOUT(fault, transmit, 120)
{
	unsigned int i;

	ASSERT_EQ(0, tx_stall(&self->slow, &self->pager, FRAMES));
	EXPECT_EQ(0, others(&self->good));
	/* Kicks change nothing. */
	for (i = 0; i < 100; i++)
		kick(&self->slow.v.vq[VDRV_TX]);
	EXPECT_TRUE(wire_is_quiet(&self->slow));
	/* What comes in is received meanwhile. */
	EXPECT_EQ(0, wire_sends(&self->slow, 77));
	EXPECT_TRUE(guest_gets(&self->slow, 77));
	pager_open(&self->pager);
	for (i = 0; i < FRAMES; i++)
		ASSERT_TRUE(wire_gets(&self->slow, i));
	EXPECT_EQ(0, guest_ping(&self->slow, 5));
}

/* Where the guest receives is nothing. */
TEST_F_TIMEOUT(fault, receive, 120)
{
	struct vdrv_vq *q = &self->slow.v.vq[VDRV_RX];
	unsigned int i;

	ASSERT_EQ(0, pager_withhold(&self->pager, q->buf, (size_t)q->nslot * q->buf_len));
	for (i = 0; i < FRAMES; i++)
		ASSERT_EQ(0, wire_sends(&self->slow, i));
	ASSERT_TRUE(pager_asked(&self->pager, PATIENCE));
	EXPECT_EQ(0, others(&self->good));
	pager_open(&self->pager);
	for (i = 0; i < FRAMES; i++)
		ASSERT_TRUE(guest_gets(&self->slow, i));
	EXPECT_EQ(0, guest_ping(&self->slow, 5));
}

/* A long frame has room in buffers of which the tables of the last are not there. */
TEST_F_TIMEOUT(fault, receive_tables, 120)
{
	struct vdrv_cfg cfg = self->cfg;
	struct netio_frame f = { .len = 60000, .tcp = true, .mss = 1400 };
	static unsigned char frame[60000], got[66000];
	struct virtio_net_hdr_v1 h;
	struct pager pager;
	unsigned int i, per_page;
	struct guest g;

	if (!(variant->features & VDRV_F_INDIRECT))
		SKIP(return, "there are no such tables");
	cfg.rx_seg = 1024;
	ASSERT_EQ(0, guest_open(&g, "slslow2", &cfg));
	ASSERT_EQ(0, pager_init(&pager, &g));
	per_page = PAGE / (g.v.vq[VDRV_RX].nseg * sizeof(struct vring_desc));
	/* Buffers are handed over in order, each with its table. */
	for (i = 0; i < per_page - 10; i++) {
		ASSERT_EQ(0, wire_sends(&g, i));
		ASSERT_TRUE(guest_gets(&g, i));
	}
	ASSERT_EQ(0, pager_withhold(&pager, (unsigned char *)g.v.vq[VDRV_RX].itab + PAGE, PAGE));
	netio_frame_make(&f, &h, frame);
	EXPECT_EQ(0, netio_send(g.wire, &h, frame, f.len));
	EXPECT_TRUE(pager_asked(&pager, PATIENCE));
	EXPECT_EQ(0, guest_ping(&self->good, 7));
	pager_open(&pager);
	EXPECT_EQ(f.len, vdrv_recv(&g.v, &h, got, sizeof(got), PATIENCE));
	EXPECT_EQ(0, memcmp(frame, got, f.len));
	EXPECT_EQ(0, guest_ping(&g, 5));
	pager_exit(&pager);
	guest_close(&g);
}

/* Nor are the rings, any of them. */
TEST_F_TIMEOUT(fault, rings, 120)
{
	struct vdrv *v = &self->slow.v;
	unsigned int i;
	int slot;

	vdrv_reap_tx(v);
	slot = tx_prepare(v, 50);
	ASSERT_GE(slot, 0);
	tx_queue(v, slot);
	vdrv_vq_publish(&v->vq[VDRV_TX]);
	ASSERT_EQ(0, pager_withhold(&self->pager, v->mem, v->ring_bytes));
	kick(&v->vq[VDRV_TX]);
	for (i = 0; i < FRAMES; i++)
		ASSERT_EQ(0, wire_sends(&self->slow, i));
	ASSERT_TRUE(pager_asked(&self->pager, PATIENCE));
	EXPECT_EQ(0, others(&self->good));
	EXPECT_TRUE(wire_is_quiet(&self->slow));
	pager_open(&self->pager);
	EXPECT_TRUE(wire_gets(&self->slow, 50));
	for (i = 0; i < FRAMES; i++)
		ASSERT_TRUE(guest_gets(&self->slow, i));
	EXPECT_EQ(0, guest_ping(&self->slow, 5));
}

/* A ring is stopped and started while its page is awaited, oftener than there are faults for it. */
TEST_F_TIMEOUT(fault, detach, 120)
{
	struct guest *g = &self->slow;
	unsigned int i;

	ASSERT_EQ(0, tx_stall(g, &self->pager, 3));
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, vdrv_stop(&g->v));
		ASSERT_EQ(0, vdrv_start(&g->v, g->backend));
		kick(&g->v.vq[VDRV_TX]);
		ASSERT_EQ(0, guest_ping(&self->good, 2 * i));
	}
	pager_open(&self->pager);
	for (i = 0; i < 3; i++)
		ASSERT_TRUE(wire_gets(g, i));
	EXPECT_TRUE(wire_is_quiet(g));
	EXPECT_EQ(0, guest_ping(g, 5));
}

/* The port goes while its guest's page is awaited. */
TEST_F_TIMEOUT(fault, port_deleted, 120)
{
	ASSERT_EQ(0, tx_stall(&self->slow, &self->pager, 1));
	ASSERT_EQ(0, netio_run("ip link del %s", self->slow.name));
	EXPECT_EQ(0, guest_ping(&self->good, 7));
	EXPECT_EQ(0, vdrv_stop(&self->slow.v));
	pager_open(&self->pager);
}

/* Memory that is not mapped at all is no reason to wait: the ring breaks, and tells. */
TEST_F_TIMEOUT(fault, unmapped, 120)
{
	struct vdrv *v = &self->slow.v;
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	struct pollfd fd = { q->err, POLLIN };
	int slot = tx_prepare(v, 1);

	ASSERT_GE(slot, 0);
	ASSERT_EQ(0, munmap(tx_buf(v), tx_bytes(v)));
	tx_queue(v, slot);
	vdrv_vq_publish(q);
	kick(q);
	EXPECT_EQ(1, poll(&fd, 1, PATIENCE));
	EXPECT_TRUE(vdrv_vq_broken(q));
	ASSERT_EQ((void *)tx_buf(v), mmap(tx_buf(v), tx_bytes(v), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_FIXED, v->memfd, tx_buf(v) - v->mem));
	/* A receive ring is another. */
	EXPECT_EQ(0, wire_sends(&self->slow, 8));
	EXPECT_TRUE(guest_gets(&self->slow, 8));
}

/* A guest with a stalled ring; its userfaultfd's number goes to @out. */
static void stall_and_wait(const struct vdrv_cfg *cfg, int out)
{
	struct pager p;
	struct guest g;
	int ret;

	ret = guest_open(&g, "slslow1", cfg);
	ret = ret ?: guest_ping(&g, 1);
	ret = ret ?: pager_init(&p, &g);
	ret = ret ?: tx_stall(&g, &p, 2);
	ret = ret ?: p.uffd;
	if (write(out, &ret, sizeof(ret)) != sizeof(ret))
		_exit(1);
	for (;;)
		pause();
}

/*
 * The process is killed while its page is awaited. If it took the userfaultfd along nobody waits
 * any more; if somebody else keeps that, the fault goes on, and holds up neither the process's end,
 * nor the port, nor the next guest on it.
 */
static void killed(struct __test_metadata *_metadata, FIXTURE_DATA(fault) *self, bool keep)
{
	int ready[2], ret, status, pidfd, uffd = -1;
	struct guest next;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		stall_and_wait(&self->cfg, ready[1]);
	close(ready[1]);
	ASSERT_EQ((ssize_t)sizeof(ret), read(ready[0], &ret, sizeof(ret)));
	close(ready[0]);
	ASSERT_GE(ret, 0);
	if (keep) {
		pidfd = syscall(SYS_pidfd_open, pid, 0);
		uffd = syscall(SYS_pidfd_getfd, pidfd, ret, 0);
		ASSERT_GE(uffd, 0);
		close(pidfd);
	}
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, guest_ping(&self->good, 5));
	ASSERT_EQ(0, guest_open(&next, "slslow1", &self->cfg));
	EXPECT_EQ(0, guest_ping(&next, 7));
	guest_close(&next);
	if (keep)
		close(uffd);
}

TEST_F_TIMEOUT(fault, killed, 120)
{
	killed(_metadata, self, false);
}

TEST_F_TIMEOUT(fault, killed_with_fault, 120)
{
	killed(_metadata, self, true);
}

/* --- many who withhold ------------------------------------------------------------------- */

#define CROWD		16	/* processes */
#define CROWD_PAIRS	16	/* queue pairs of each */
#define CROWD_LAPS	2	/* faults of each transmit queue: a ring before left one behind */

/* Start a pair's rings; what it sends is not there, so its transmit ring has a fault at once. */
static int crowd_start(struct vdrv *v, int backend)
{
	int users = module_users(), ret = vdrv_start(v, backend);

	if (ret)
		return ret;
	kick(&v->vq[VDRV_TX]);
	return module_users_become(users + 1) ? 0 : -ETIMEDOUT;
}

/* Queue a frame whose memory is withheld. */
static int crowd_join(struct vdrv *v, int uffd, const struct vdrv_cfg *cfg)
{
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int ret = vdrv_open(v, cfg), slot;

	if (ret)
		return ret;
	slot = tx_prepare(v, 1);
	if (slot < 0)
		return slot;
	r.range.start = (uintptr_t)tx_buf(v) & ~(PAGE - 1);
	r.range.len = ((uintptr_t)tx_buf(v) + tx_bytes(v) + PAGE - 1 - r.range.start) & ~(PAGE - 1);
	if (madvise((void *)(uintptr_t)r.range.start, r.range.len, MADV_REMOVE) ||
	    ioctl(uffd, UFFDIO_REGISTER, &r))
		return -errno;
	tx_queue(v, slot);
	vdrv_vq_publish(&v->vq[VDRV_TX]);
	return 0;
}

/* One of them: as many faults of its port in the air as its queues can have. */
static int crowd_run(const char *name, const struct vdrv_cfg *cfg)
{
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), backend, i, lap, ret;
	static struct vdrv v[CROWD_PAIRS];

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return -errno;
	for (i = 0; i < CROWD_PAIRS; i++) {
		backend = i ? vdrv_backend_open(name, true) :
			      rig_port_open(name, true, CROWD_PAIRS);
		if (backend < 0)
			return backend;
		ret = crowd_join(&v[i], uffd, cfg);
		for (lap = 0; !ret && lap < CROWD_LAPS; lap++) {
			ret = lap ? vdrv_stop(&v[i]) : 0;
			ret = ret ?: crowd_start(&v[i], backend);
		}
		if (ret)
			return ret;
	}
	return 0;
}

static pid_t crowd_fork(struct __test_metadata *_metadata, const char *name,
			const struct vdrv_cfg *cfg)
{
	int ready[2], ret = -EIO;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		ret = crowd_run(name, cfg);
		if (write(ready[1], &ret, sizeof(ret)) != sizeof(ret))
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ASSERT_EQ((ssize_t)sizeof(ret), read(ready[0], &ret, sizeof(ret)));
	close(ready[0]);
	EXPECT_EQ(0, ret);
	return pid;
}

/*
 * Issue 9, 4.3: processes that withhold their pages collect as many faults as the host would run of
 * all its guests at once; one more guest, whose pages only come late, gets them none the less.
 */
TEST_F_TIMEOUT(fault, crowd, 300)
{
	struct vdrv_cfg cfg = {
		.node = rig_node(), .features = variant->features, .num = 16, .rx_buf = 2048,
		.tx_buf = 4096,
	};
	pid_t pid[CROWD];
	char name[16];
	int i, status;

	if (variant->features != FEATURES)
		SKIP(return, "it is not about rings");
	for (i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "slcrowd%d", i);
		pid[i] = crowd_fork(_metadata, name, &cfg);
	}
	EXPECT_LE(CROWD * CROWD_PAIRS * CROWD_LAPS, module_users());
	EXPECT_EQ(0, tx_stall(&self->slow, &self->pager, FRAMES));
	EXPECT_EQ(0, others(&self->good));
	pager_open(&self->pager);
	for (i = 0; i < FRAMES; i++)
		EXPECT_TRUE(wire_gets(&self->slow, i));
	EXPECT_EQ(0, guest_ping(&self->slow, 5));
	for (i = 0; i < CROWD; i++) {
		kill(pid[i], SIGKILL);
		EXPECT_EQ(pid[i], waitpid(pid[i], &status, 0));
		snprintf(name, sizeof(name), "slcrowd%d", i);
		rig_port_del(name);
	}
}

TEST_HARNESS_MAIN
