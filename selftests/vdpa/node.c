// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vDPA device behind its character device: what vhost nodes do not have. Status, suspension,
 * memory that is pinned and mapped, devices that vdpa(8) makes and removes. The tests of data,
 * hostile rings and of lives and deaths are the vhost node's.
 */
#include "kselftest_harness.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include "fail.h"
#include "rig.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX)
#define NAME		"slvdpa0"

FIXTURE(node)
{
	struct guest g;
	struct vdrv_cfg cfg;
};

FIXTURE_VARIANT(node)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(node, split) { .features = FEATURES };
FIXTURE_VARIANT_ADD(node, packed) { .features = FEATURES | VDRV_F_PACKED };

FIXTURE_SETUP(node)
{
	setenv("VHOST_NODE", "vdpa", 1);
	self->cfg = (struct vdrv_cfg){ .features = variant->features, .num = 64, .tx_buf = 4096 };
	ASSERT_EQ(0, guest_open(&self->g, NAME, &self->cfg));
}

FIXTURE_TEARDOWN(node)
{
	guest_close(&self->g);
}

/* One frame from the guest: does it come out of the port? */
static int frame_out(struct guest *g, uint32_t seed, int timeout_ms)
{
	struct netio_frame f = { .len = 128, .seed = seed };
	unsigned char frame[128], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(&g->v, &h, frame, f.len);
	ret = ret ? ret : netio_recv(g->wire, &h, got, sizeof(got), timeout_ms);
	return ret < 0 ? ret : ret != 128 || memcmp(frame, got, 128) ? -EBADMSG : 0;
}

static bool config_called(struct guest *g, int timeout_ms)
{
	struct pollfd p = { .fd = g->v.config_call, .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, timeout_ms) == 1 && read(g->v.config_call, &n, sizeof(n)) == sizeof(n);
}

/* Configuration follows the port. */
TEST_F(node, link_and_address)
{
	struct virtio_net_config c = {};

	ASSERT_EQ(0, vdrv_vdpa_config(&self->g.v, &c, sizeof(c)));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, c.status);
	EXPECT_EQ(1500, c.mtu);
	EXPECT_NE(0, c.mac[0] | c.mac[5]);
	while (config_called(&self->g, 0))
		;
	ASSERT_EQ(0, netio_link_set(NAME, false));
	EXPECT_TRUE(config_called(&self->g, 2000));
	ASSERT_EQ(0, vdrv_vdpa_config(&self->g.v, &c, sizeof(c)));
	EXPECT_EQ(0, c.status);
	ASSERT_EQ(0, netio_link_set(NAME, true));
	EXPECT_TRUE(config_called(&self->g, 2000));
}

/* A suspended device does nothing; resumed it goes on where it was. */
TEST_F(node, suspend_and_resume)
{
	struct guest *g = &self->g;
	struct virtio_net_hdr_v1 h;
	unsigned char got[2048];
	unsigned int i;

	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, guest_ping(g, i * 4));
		ASSERT_EQ(0, vdrv_vdpa_suspend(&g->v, true));
		ASSERT_EQ(-ETIMEDOUT, frame_out(g, i * 4 + 2, 2));
		ASSERT_EQ(0, vdrv_vdpa_suspend(&g->v, false));
		/* What was handed over meanwhile. */
		ASSERT_EQ(128, netio_recv(g->wire, &h, got, sizeof(got), 2000));
	}
}

/* Where a ring stands is told when it rests only. */
TEST_F(node, base_of_a_running_ring)
{
	struct vhost_vring_state s = { VDRV_TX, 0 };

	ASSERT_EQ(0, guest_ping(&self->g, 1));
	EXPECT_EQ(-1, ioctl(self->g.v.fd, VHOST_GET_VRING_BASE, &s));
	EXPECT_EQ(EBUSY, errno);
	ASSERT_EQ(0, vdrv_vdpa_suspend(&self->g.v, true));
	EXPECT_EQ(0, ioctl(self->g.v.fd, VHOST_GET_VRING_BASE, &s));
	EXPECT_EQ(1, s.num & 0x7fff);
}

/* A ring that breaks the rules asks for a reset, and works again after it. */
TEST_F(node, broken_needs_reset)
{
	struct vdrv_vq *q = &self->g.v.vq[VDRV_TX];
	struct vdrv_seg seg = { vdrv_addr(&self->g.v, q->buf), 64 };
	struct guest again;

	while (config_called(&self->g, 0))
		;
	EXPECT_FALSE(vdrv_vdpa_get_status(&self->g.v) & VIRTIO_CONFIG_S_NEEDS_RESET);
	/* To be written to, where the device reads. */
	vdrv_vq_add(&self->g.v, q, vdrv_vq_slot(q), &seg, 0, 1);
	vdrv_vq_publish(q);
	vdrv_kick_always(q);
	EXPECT_TRUE(config_called(&self->g, 2000));
	EXPECT_TRUE(vdrv_vdpa_get_status(&self->g.v) & VIRTIO_CONFIG_S_NEEDS_RESET);
	vdrv_close(&self->g.v);
	close(self->g.wire);
	ASSERT_EQ(0, guest_open(&again, NAME, &self->cfg));
	EXPECT_EQ(0, guest_ping(&again, 3));
	self->g = again;
}

/**
 * struct mapper - somebody who changes the map while frames go
 * @v: driver
 * @ptr: memory that comes and goes
 * @len: its length
 * @stop: enough
 * @rounds: how often it went and came back
 * @err: what went wrong
 */
struct mapper {
	struct vdrv *v;
	void *ptr;
	size_t len;
	bool stop;
	unsigned int rounds;
	int err;
};

static void *map_and_unmap(void *arg)
{
	struct mapper *m = arg;

	while (!__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE) && !m->err) {
		m->err = vdrv_iotlb_invalidate(m->v, m->ptr, m->len);
		m->err = m->err ? m->err : vdrv_iotlb_update(m->v, m->ptr, m->len);
		m->rounds++;
	}
	return NULL;
}

/* Memory goes and comes back under traffic: rings wait for it, and no frame is lost or spoiled. */
TEST_F(node, map_changes_under_load)
{
	struct guest *g = &self->g;
	struct mapper m = {
		.v = &g->v,
		.ptr = g->v.mem + g->v.ring_bytes,
		.len = g->v.mem_bytes - g->v.ring_bytes,
	};
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &m));
	for (i = 0; i < 300; i++)
		EXPECT_EQ(0, guest_ping(g, i * 2)) break;
	__atomic_store_n(&m.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, m.err);
	EXPECT_GT(m.rounds, 1);
	EXPECT_EQ(0, guest_ping(g, 100000));
}

/* Rings too. */
TEST_F_TIMEOUT(node, ring_map_changes_under_load, 240)
{
	struct guest *g = &self->g;
	struct mapper m = { .v = &g->v, .ptr = g->v.mem, .len = g->v.ring_bytes };
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, map_and_unmap, &m));
	for (i = 0; i < 300; i++)
		EXPECT_EQ(0, guest_ping(g, i * 2)) break;
	__atomic_store_n(&m.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(0, m.err);
	EXPECT_EQ(0, guest_ping(g, 100000));
}

/*
 * Every allocation of a change fails once: what was taken away is gone, and what is not there is
 * refused or comes.
 */
TEST_F(node, no_memory)
{
	struct vdrv *v = &self->g.v;
	size_t len = v->mem_bytes - v->ring_bytes;
	unsigned int nth, i;
	int err;

	if (!fail_begin())
		SKIP(return, "the kernel injects no faults");
	for (nth = 1; nth <= 8; nth++) {
		for (i = 0; i < 4; i++) {
			fail_nth(nth);
			err = vdrv_iotlb_invalidate(v, v->mem + v->ring_bytes, len);
			fail_nth(0);
			ASSERT_EQ(0, err) TH_LOG("allocation %u", nth);
			fail_nth(nth);
			err = vdrv_iotlb_update(v, v->mem + v->ring_bytes, len);
			fail_nth(0);
			if (err)
				ASSERT_EQ(0, vdrv_iotlb_update(v, v->mem + v->ring_bytes, len));
		}
		ASSERT_EQ(0, guest_ping(&self->g, nth)) TH_LOG("allocation %u", nth);
	}
	fail_end();
}

static void *flood(void *arg)
{
	struct netio_frame f = { .len = 1400 };
	struct guest *g = arg;
	unsigned char frame[1400];
	struct virtio_net_hdr_v1 h;

	netio_frame_make(&f, &h, frame);
	for (;;) {
		pthread_testcancel();
		netio_send(g->wire, &h, frame, f.len);
	}
	return NULL;
}

/*
 * The owner lets go of memory first, and of the mapping afterwards: what is written in between must
 * not go to whom the pages belong by then. KASAN tells, where the worker runs beside the owner; on
 * one processor it only shows that this way round works.
 */
TEST_F_TIMEOUT(node, memory_freed_while_mapped, 240)
{
	struct guest *g = &self->g;
	struct vdrv_vq *q = &g->v.vq[VDRV_RX];
	size_t len = (size_t)q->nslot * q->buf_len;
	struct virtio_net_hdr_v1 h;
	unsigned char got[2048];
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, flood, g));
	for (i = 0; i < 100; i++) {
		while (vdrv_recv(&g->v, &h, got, sizeof(got), 1) > 0 && rand() % 100)
			;
		ASSERT_EQ(0, fallocate(g->v.memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       q->buf - g->v.mem, len));
		ASSERT_EQ(0, vdrv_iotlb_invalidate(&g->v, g->v.mem + g->v.ring_bytes,
						   g->v.mem_bytes - g->v.ring_bytes));
		ASSERT_EQ(0, vdrv_iotlb_update(&g->v, g->v.mem + g->v.ring_bytes,
					       g->v.mem_bytes - g->v.ring_bytes));
	}
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

/* Where memory of ours lies in the machine; 0 if that is not told. */
static uint64_t physical(const void *ptr)
{
	uint64_t page = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && pread(fd, &page, 8, (uintptr_t)ptr / 4096 * 8) != 8)
		page = 0;
	close(fd);
	page &= (1ULL << 55) - 1;
	return page ? page * 4096 + (uintptr_t)ptr % 4096 : 0;
}

/* The host's own addresses, which virtio_vdpa uses, are no business of who has the node. */
TEST_F(node, no_host_addresses)
{
	struct guest *g = &self->g;
	struct vdrv_vq *q = &g->v.vq[VDRV_TX];
	struct vhost_vring_addr a;
	unsigned int i;

	ASSERT_EQ(0, frame_out(g, 1, 2000));
	ASSERT_EQ(0, vdrv_stop(&g->v));
	ASSERT_EQ(0, vdrv_iotlb_invalidate(&g->v, g->v.mem, g->v.ring_bytes));
	ASSERT_EQ(0, vdrv_vdpa_set_status(&g->v, VIRTIO_CONFIG_S_FEATURES_OK));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vdrv_set_ring(&g->v, i));
	vdrv_ring_addr(&g->v, VDRV_TX, &a);
	a.desc_user_addr = physical(q->packed ? (void *)q->pdesc : q->desc);
	a.avail_user_addr = physical(q->packed ? (void *)q->drv_event : q->avail);
	a.used_user_addr = physical(q->packed ? (void *)q->dev_event : q->used);
	ASSERT_NE(0, a.desc_user_addr);
	ASSERT_EQ(0, ioctl(g->v.fd, VHOST_SET_VRING_ADDR, &a));
	ASSERT_EQ(0, vdrv_vdpa_enable(&g->v, true));
	ASSERT_EQ(0, vdrv_vdpa_set_status(&g->v, VIRTIO_CONFIG_S_DRIVER_OK));
	EXPECT_EQ(-ETIMEDOUT, frame_out(g, 2, 200));
}

/* The operator deletes the port: a cable is pulled, no more. */
TEST_F(node, port_deleted)
{
	struct guest *g = &self->g;
	struct virtio_net_config c = {};

	while (config_called(g, 0))
		;
	ASSERT_EQ(0, netio_run("ip link del %s", NAME));
	EXPECT_TRUE(config_called(g, 2000));
	ASSERT_EQ(0, vdrv_vdpa_config(&g->v, &c, sizeof(c)));
	EXPECT_EQ(0, c.status);
	EXPECT_EQ(0, vdrv_stop(&g->v));
	/* Its driver may come again; there is nothing to serve it. */
	EXPECT_EQ(-ETIMEDOUT, vdrv_start(&g->v, -1));
	EXPECT_FALSE(vdrv_vdpa_get_status(&g->v) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static int driver_begins(struct guest *g)
{
	int ret = vdrv_vdpa_reset(&g->v);

	ret = ret ?: vdrv_start(&g->v, -1);
	return ret ?: rig_attached_wait(g->name);
}

/*
 * A driver whose rings go on from another device's: the guest has moved in, and what is behind the
 * port is told so, whatever the access list says of the guest's own frames. A driver that begins
 * anew is the same guest as before.
 */
TEST_F(node, announced)
{
	struct virtio_net_config c = {};
	unsigned int i;
	int fd;

	ASSERT_EQ(0, guest_ping(&self->g, 1));
	ASSERT_EQ(0, vdrv_vdpa_config(&self->g.v, &c, sizeof(c)));
	fd = rig_rarp_open(NAME);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, vdrv_stop(&self->g.v));
	for (i = 0; i < 2; i++) {
		vdrv_vq_fresh(&self->g.v.vq[i]);
		self->g.v.vq[i].base = self->g.v.vq[i].packed ? 0x80008000 : 0;
	}
	ASSERT_EQ(0, driver_begins(&self->g));
	EXPECT_FALSE(rig_rarp_heard(fd, c.mac, 200));
	close(fd);

	ASSERT_EQ(0, guest_ping(&self->g, 3));
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1; "
			       "ip link set slvf0 up; ip link set slvf1 up; "
			       "ip link add slup0 link slvf0 type sluice; ip link set slup0 up; "
			       "sluice wire add " NAME " slup0; "
			       "sluice acl default port " NAME " dir from-guest deny"));
	ASSERT_EQ(0, netio_link_wait("slup0"));
	fd = rig_rarp_open("slvf1");
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, vdrv_stop(&self->g.v));
	ASSERT_EQ(0, driver_begins(&self->g));
	for (i = 0; i < 4; i++)
		EXPECT_TRUE(rig_rarp_heard(fd, c.mac, 10000)) TH_LOG("announcement %u", i);
	/* What is under way ends with the port. */
	ASSERT_EQ(0, vdrv_stop(&self->g.v));
	ASSERT_EQ(0, driver_begins(&self->g));
	EXPECT_TRUE(rig_rarp_heard(fd, c.mac, 10000));
	close(fd);
	EXPECT_EQ(0, netio_run("ip link del slup0; ip link del slvf0"));
}

/* Switches learn by VLAN: in those that the guard names, and in no other. */
TEST_F(node, announced_in_vlans)
{
	static const char *const vlan[] = { "slvf1.10", "slvf1.20", "slvf1.21", "slvf1.22" };
	struct virtio_net_config c = {};
	int fd[4], i, n;

	ASSERT_EQ(0, guest_ping(&self->g, 1));
	ASSERT_EQ(0, vdrv_vdpa_config(&self->g.v, &c, sizeof(c)));
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1; "
			       "ip link set slvf0 up; ip link set slvf1 up; "
			       "ip link add slup0 link slvf0 type sluice; ip link set slup0 up; "
			       "for v in 10 20 21 22; do ip link add link slvf1 name slvf1.$v type vlan id $v; "
			       "ip link set slvf1.$v up; done; "
			       "sluice wire add " NAME " slup0"));
	ASSERT_EQ(0, netio_run("sluice guard set port " NAME " mac %02x:%02x:%02x:%02x:%02x:%02x "
			       "vlan 0,10,20-21", c.mac[0], c.mac[1], c.mac[2], c.mac[3],
			       c.mac[4], c.mac[5]));
	ASSERT_EQ(0, netio_link_wait("slup0"));
	for (i = 0; i < 4; i++) {
		fd[i] = rig_rarp_open(vlan[i]);
		ASSERT_GE(fd[i], 0);
	}
	ASSERT_EQ(0, vdrv_stop(&self->g.v));
	ASSERT_EQ(0, driver_begins(&self->g));
	for (i = 0; i < 3; i++) {
		for (n = 0; n < 4; n++)
			EXPECT_TRUE(rig_rarp_heard(fd[i], c.mac, 10000))
				TH_LOG("%s: %d", vlan[i], n);
		close(fd[i]);
	}
	EXPECT_FALSE(rig_rarp_heard(fd[3], c.mac, 0));
	close(fd[3]);
	EXPECT_EQ(0, netio_run("ip link del slup0; ip link del slvf0"));
}

/* A port that the operator made stays when the device goes, and two cannot have it. */
TEST_F(node, port_of_the_operator)
{
	struct guest other;

	ASSERT_EQ(0, netio_run("ip link add slvdpa1 type sluice"));
	ASSERT_EQ(0, vdpa_add("slvdpa1", ""));
	ASSERT_EQ(0, vdpa_bind("slvdpa1", "vhost_vdpa"));
	EXPECT_NE(0, vdpa_add("slvdpa1", ""));
	ASSERT_EQ(0, guest_open(&other, "slvdpa1", &self->cfg));
	EXPECT_EQ(0, guest_ping(&other, 1));
	EXPECT_EQ(0, guest_ping(&self->g, 3));
	guest_close(&other);
	EXPECT_GT(netio_ifindex("slvdpa1"), 0);
	EXPECT_EQ(0, netio_run("ip link del slvdpa1"));
}

/* What cannot be is refused, and leaves nothing behind. */
TEST_F(node, refused)
{
	EXPECT_NE(0, vdpa_add("slvdpa1", "max_vqp 2"));
	EXPECT_NE(0, vdpa_add("slvdpa1", "mtu 20"));
	EXPECT_NE(0, vdpa_add("slvdpa1", "mac 01:00:00:00:00:00"));
	EXPECT_NE(0, vdpa_add("sl%d", ""));
	EXPECT_NE(0, vdpa_add("a-name-that-no-netdev-has", ""));
	/* The kernel would say so by a stack trace. */
	EXPECT_NE(0, vdpa_add("power", ""));
	EXPECT_LT(netio_ifindex("power"), 0);
	EXPECT_LT(netio_ifindex("slvdpa1"), 0);
	/* The module stays while there are devices. */
	EXPECT_NE(0, netio_run("rmmod sluice_vdpa"));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* Killed in the midst of traffic, or closed while it runs. */
TEST_F_TIMEOUT(node, killed, 120)
{
	int i, status, ready[2];
	pid_t pid;
	char c;

	vdrv_close(&self->g.v);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, pipe(ready));
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid) {
			struct guest g;

			if (guest_open(&g, NAME, &self->cfg) || write(ready[1], "", 1) != 1)
				_exit(1);
			for (i = 0;; i++)
				guest_ping(&g, i * 2);
		}
		close(ready[1]);
		ASSERT_EQ(1, read(ready[0], &c, 1));
		close(ready[0]);
		usleep(1000 + i * 777);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
	}
	close(self->g.wire);
	ASSERT_EQ(0, guest_open(&self->g, NAME, &self->cfg));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

TEST_HARNESS_MAIN
