// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker that dies or does not answer, and a guest that breaks its rings again and again: one
 * port is held, the others go on, and nobody waits without an end (issue 9, 4.1).
 */
#include "kselftest_harness.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include "rig.h"
#include "wedge.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF)
#define FAR		0x00007000deadb000ULL	/* in no memory region */
#define BROKEN_MAX	8
/* What a worker takes at a time to cut frames from. */
#define PACKET_PAGE	(8 * 4096)

FIXTURE(contain)
{
	struct guest bad;
	struct guest good;
};

FIXTURE_SETUP(contain)
{
	const struct vdrv_cfg cfg = { .features = FEATURES };

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, guest_open(&self->bad, "slbad0", &cfg));
	ASSERT_EQ(0, guest_open(&self->good, "slgood0", &cfg));
	ASSERT_EQ(0, guest_ping(&self->bad, 1));
	ASSERT_EQ(0, guest_ping(&self->good, 1));
}

FIXTURE_TEARDOWN(contain)
{
	wedge_times();
	guest_close(&self->bad);
	EXPECT_EQ(0, guest_ping(&self->good, 5));
	guest_close(&self->good);
}

static int shows(const char *port, const char *what)
{
	return netio_run("sluice port show %s | grep -qE '%s'", port, what);
}

/* Does a frame of the guest's come out? */
static int speaks(struct guest *g)
{
	struct netio_frame f = { .len = 200, .seed = 77 };
	unsigned char frame[256], got[2048];
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(&g->v, &h, frame, f.len);
	return ret ? ret : netio_recv(g->wire, &h, got, sizeof(got), 100);
}

static void again(struct __test_metadata *_metadata, struct guest *g)
{
	/* A VMM that is refused would go another way: a held port takes what it is given. */
	ASSERT_EQ(0, vdrv_stop(&g->v));
	ASSERT_EQ(0, vdrv_start(&g->v, g->backend));
}

/* Bytes that `sluice worker show` says are not freed. */
static unsigned long long leaked_bytes(void)
{
	FILE *out = popen("sluice -s worker show | sed -n 's/.* leaked-bytes \\([0-9]*\\).*/\\1/p'",
			  "r");
	unsigned long long n = 0;

	if (!out || fscanf(out, "%llu", &n) != 1)
		n = 0;
	if (out)
		pclose(out);
	return n;
}

/* 4.1 c, d: found, buried and replaced; the port that it died in is held, its neighbour goes on. */
TEST_F_TIMEOUT(contain, thread_dies, 240)
{
	unsigned long long before = leaked_bytes();

	ASSERT_EQ(0, wedge_die("slbad0"));
	/* A guest's frames came from at least one page of what the thread had for them. */
	EXPECT_LE(before + PACKET_PAGE, leaked_bytes());
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	EXPECT_EQ(0, shows("slbad0", "held quarantine a worker died in it since 20"));
	EXPECT_EQ(0, shows("slbad0", "broken the host.s worker died in it"));
	EXPECT_NE(0, shows("slgood0", "held"));
	/* The front end's user of the address space is still there. */
	EXPECT_EQ(0, netio_run("read b n </sys/module/sluice_wedge/parameters/users; [ $b = $n ]"));

	again(_metadata, &self->bad);
	EXPECT_EQ(-ETIMEDOUT, speaks(&self->bad));
	EXPECT_EQ(0, netio_run("sluice port release slbad0"));
	EXPECT_NE(0, shows("slbad0", "held"));
	/* What was kept comes first. */
	EXPECT_EQ(200, netio_recv(self->bad.wire, &(struct virtio_net_hdr_v1){}, (char[2048]){},
				  2048, 2000));
	EXPECT_EQ(0, guest_ping(&self->bad, 7));
}

/*
 * It dies while it writes to another guest's ring: that guest is not to blame, and has all of its
 * buffers back.
 */
static void die_for_another(struct __test_metadata *_metadata, uint64_t features)
{
	const struct vdrv_cfg from_cfg = { .features = features };
	const struct vdrv_cfg to_cfg = { .features = features, .num = 16, .rx_buf = 1024 };
	struct netio_frame f = { .len = 1600, .seed = 7 };
	unsigned int before = wedge_deaths();
	struct virtio_net_hdr_v1 h;
	unsigned char frame[2048];
	struct guest from, to;

	ASSERT_EQ(0, wedge_load());
	ASSERT_EQ(0, guest_open(&from, "slfrom0", &from_cfg));
	ASSERT_EQ(0, guest_open(&to, "slto0", &to_cfg));
	ASSERT_EQ(0, guest_ping(&to, 3));
	ASSERT_EQ(0, netio_run("sluice wire add slfrom0 slto0"));
	ASSERT_EQ(0, wedge("drop", "slto0"));
	/* Longer than the other's buffers: all of them are looked at. */
	netio_frame_make(&f, &h, frame);
	ASSERT_EQ(0, vdrv_send(&from.v, &h, frame, f.len));
	wedge_await_deaths(before + 1);
	EXPECT_EQ(0, shows("slfrom0", "held quarantine a worker died in it"));
	EXPECT_NE(0, shows("slto0", "held|broken"));
	ASSERT_EQ(0, netio_run("sluice wire del slfrom0 slto0"));
	EXPECT_EQ(0, guest_ping(&to, 40));
	guest_close(&from);
	guest_close(&to);
}

TEST(dies_for_another_split)
{
	die_for_another(_metadata, VDRV_F_VERSION_1);
}

TEST(dies_for_another_packed)
{
	die_for_another(_metadata, VDRV_F_VERSION_1 | VDRV_F_PACKED);
}

/* Whoever makes a call finds the dead thread, and does not wait: with RTNL held or not. */
TEST_F_TIMEOUT(contain, calls_find_the_dead, 240)
{
	unsigned int i, before = wedge_deaths();

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, wedge("die", "slbad0"));
		ASSERT_EQ(0, netio_run("sluice port add sldead0 && sluice port del sldead0"));
		ASSERT_EQ(0, netio_run("ip link show >/dev/null"));
		wedge_await("state ok");
		again(_metadata, &self->bad);
		ASSERT_EQ(0, netio_run("sluice port release slbad0"));
		ASSERT_EQ(0, guest_ping(&self->bad, 7));
	}
	/* The fourth in a minute: left dead for the rest of it. Control goes on. */
	ASSERT_EQ(0, wedge("die", "slbad0"));
	wedge_await("state dead");
	EXPECT_EQ(0, netio_run("sluice port add sldead0 && sluice port del sldead0"));
	EXPECT_EQ(-ETIMEDOUT, speaks(&self->good));
	wedge_await_deaths(before + 4);
	/* What was kept meanwhile comes first. */
	EXPECT_EQ(200, netio_recv(self->good.wire, &(struct virtio_net_hdr_v1){}, (char[2048]){},
				  2048, 2000));
}

/**
 * struct reader - a thread in read() of a port's node, without a ring
 * @fd: the file
 * @result: of the read, or -errno
 */
struct reader {
	int fd;
	ssize_t result;
};

static void interrupted(int sig)
{
}

static void *read_one(void *arg)
{
	struct reader *r = arg;
	unsigned char buf[2048];

	r->result = read(r->fd, buf, sizeof(buf));
	if (r->result < 0)
		r->result = -errno;
	return NULL;
}

/* Frames wait for a reader, and the worker that would give them to him is dead: he can go. */
TEST_F_TIMEOUT(contain, reader_of_the_dead, 240)
{
	const struct sigaction sa = { .sa_handler = interrupted };
	unsigned int i, before = wedge_deaths();
	struct netio_frame f = { .len = 100 };
	unsigned char frame[128];
	struct virtio_net_hdr_v1 h;
	struct reader r;
	pthread_t thread;
	int wire;

	if (rig_is_vdpa())
		SKIP(goto out, "a vDPA device has no node to read");
	r.fd = rig_port_open("slread0", false, 1);
	ASSERT_GE(r.fd, 0);
	wire = netio_open("slread0");
	ASSERT_GE(wire, 0);
	ASSERT_EQ(0, netio_link_wait("slread0"));
	ASSERT_EQ(0, sigaction(SIGUSR1, &sa, NULL));
	/* From the first read on frames wait for it. */
	EXPECT_EQ(-1, read(r.fd, frame, sizeof(frame)));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, wedge("die", "slbad0"));
		wedge_await("state ok");
		again(_metadata, &self->bad);
		ASSERT_EQ(0, netio_run("sluice port release slbad0"));
	}
	ASSERT_EQ(0, wedge("die", "slbad0"));
	wedge_await("state dead");
	netio_frame_make(&f, &h, frame);
	ASSERT_EQ(0, netio_send(wire, &h, frame, f.len));
	ASSERT_EQ(0, fcntl(r.fd, F_SETFL, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_one, &r));
	usleep(200000);
	ASSERT_EQ(0, pthread_kill(thread, SIGUSR1));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EINTR, r.result);
	/* Who waits hears of the next thread. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_one, &r));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(110, r.result);
	wedge_await_deaths(before + 4);
	close(r.fd);
	close(wire);
	netio_link_del("slread0");
out:
	return;
}

/**
 * struct caller - a thread that makes calls, each to whoever is there to answer
 * @fd: what it writes to
 * @what: what it writes
 * @len: of that
 * @stop: it is enough
 */
struct caller {
	int fd;
	const void *what;
	size_t len;
	bool stop;
};

static void *call_again(void *arg)
{
	struct caller *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_SEQ_CST))
		if (write(c->fd, c->what, c->len) < 0)
			sched_yield();
	return NULL;
}

/*
 * While a worker's thread is replaced others answer in its place, one after another, and some take
 * their time. None of them touches a guest's ring: it would be by an address space of his own.
 */
TEST_F_TIMEOUT(contain, stand_ins_move_nothing, 240)
{
	static const char nap[] = "nap slbad0";
	struct netio_frame f = { .len = 100 };
	struct caller naps = { .what = nap, .len = sizeof(nap) - 1 }, frames = { 0 };
	unsigned char frame[10 + 128] = { 0 };
	struct virtio_net_hdr_v1 h;
	pthread_t nappers, senders;
	unsigned int i;

	if (rig_is_vdpa())
		SKIP(return, "a vDPA device has no node to write to");
	frames.fd = rig_port_open("slsend0", false, 1);
	ASSERT_GE(frames.fd, 0);
	ASSERT_EQ(0, netio_run("sluice wire add slsend0 slgood0"));
	naps.fd = open("/sys/module/sluice_wedge/parameters/do", O_WRONLY | O_CLOEXEC);
	ASSERT_GE(naps.fd, 0);
	netio_frame_make(&f, &h, frame + 10);
	frames.what = frame;
	frames.len = 10 + f.len;
	for (i = 0; i < 3; i++) {
		unsigned int before = wedge_deaths();

		naps.stop = false;
		frames.stop = false;
		ASSERT_EQ(0, wedge("die", "slbad0"));
		ASSERT_EQ(0, pthread_create(&nappers, NULL, call_again, &naps));
		ASSERT_EQ(0, pthread_create(&senders, NULL, call_again, &frames));
		wedge_await_deaths(before + 1);
		__atomic_store_n(&naps.stop, true, __ATOMIC_SEQ_CST);
		__atomic_store_n(&frames.stop, true, __ATOMIC_SEQ_CST);
		ASSERT_EQ(0, pthread_join(nappers, NULL));
		ASSERT_EQ(0, pthread_join(senders, NULL));
		again(_metadata, &self->bad);
		ASSERT_EQ(0, netio_run("sluice port release slbad0"));
	}
	close(naps.fd);
	close(frames.fd);
	netio_link_del("slsend0");
	/* What was sent by the worker itself waits for the guest. */
	while (vdrv_recv(&self->good.v, &h, frame, sizeof(frame), 100) > 0)
		;
}

/* 4.1 a: one that does not answer is given up, known as such, and nothing is torn afterwards. */
TEST_F_TIMEOUT(contain, does_not_answer, 120)
{
	ASSERT_EQ(0, wedge("block", "slbad0"));
	wedge_await("state stuck");
	/* RTNL is free, a transaction is refused and leaves no trace, what makes no call works. */
	EXPECT_EQ(0, netio_run("ip link show >/dev/null"));
	EXPECT_EQ(0, netio_run("sluice port add slnew0"));
	EXPECT_NE(0, netio_run("echo '{\"version\":2,\"meter\":[{\"id\":7,\"pps\":1}]}' |"
			       " sluice apply - 2>/dev/null"));
	EXPECT_NE(0, netio_run("sluice meter show | grep -q 'meter 7'"));
	EXPECT_EQ(0, netio_run("sluice acl show >/dev/null"));
	ASSERT_EQ(0, wedge_go());
	wedge_await("state ok");
	EXPECT_EQ(0, guest_ping(&self->bad, 3));
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	EXPECT_EQ(0, netio_run("sluice port del slnew0"));
}

/* A socket is told once that its netdev was down. */
static void forget_error(int fd)
{
	socklen_t len = sizeof(int);
	int err;

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
}

/* What the operator changes meanwhile holds when it has come to itself. */
TEST_F_TIMEOUT(contain, changed_meanwhile, 120)
{
	ASSERT_EQ(0, wedge("block", "slbad0"));
	wedge_await("state stuck");
	EXPECT_EQ(0, netio_run("ip link set slbad0 down; ip link set slbad0 up"));
	EXPECT_EQ(0, netio_run("ip link set slgood0 down"));
	ASSERT_EQ(0, wedge_go());
	wedge_await("state ok");
	EXPECT_EQ(0, netio_run("ip link set slgood0 up"));
	forget_error(self->bad.wire);
	forget_error(self->good.wire);
	EXPECT_EQ(0, guest_ping(&self->bad, 3));
	EXPECT_EQ(0, guest_ping(&self->good, 3));
}

/* One that came to itself, and has nothing to do, is asked again: nobody else would wake it. */
TEST_F_TIMEOUT(contain, answers_again, 120)
{
	ASSERT_EQ(0, wedge("block", "slbad0"));
	wedge_await("state stuck");
	ASSERT_EQ(0, wedge_go());
	wedge_await("state ok");
	ASSERT_EQ(0, netio_run("sluice meter add 7 pps 1"));
	EXPECT_EQ(0, netio_run("sluice dump | sed 's/\"pps\": *1/\"pps\": 2/' | sluice apply - &&"
			       " sluice meter show | grep -q 'pps 2'"));
	EXPECT_EQ(0, netio_run("sluice meter del 7"));
}

static void break_ring(struct __test_metadata *_metadata, struct guest *g)
{
	struct vdrv_vq *q = &g->v.vq[VDRV_TX];

	q->desc[0].addr = FAR;
	q->desc[0].len = 8;
	q->desc[0].flags = VRING_DESC_F_NEXT;
	q->desc[0].next = 0xffff;
	q->avail->ring[0] = 0;
	q->avail->ring[q->avail->idx % q->num] = 0;
	__atomic_store_n(&q->avail->idx, q->avail->idx + 1, __ATOMIC_RELEASE);
	vdrv_kick_always(q);
	while (!vdrv_vq_broken(q))
		usleep(1000);
	ASSERT_EQ(0, vdrv_stop(&g->v));
	vdrv_vq_fresh(q);
	vdrv_vq_fresh(&g->v.vq[VDRV_RX]);
	ASSERT_EQ(0, vdrv_start(&g->v, g->backend));
}

/* 4.1 e: more than eight broken rings in a minute, and what the operator says. */
TEST_F_TIMEOUT(contain, broken_rings, 120)
{
	unsigned int i;

	for (i = 0; i < BROKEN_MAX; i++)
		break_ring(_metadata, &self->bad);
	EXPECT_NE(0, shows("slbad0", "held"));
	EXPECT_EQ(0, guest_ping(&self->bad, 3));
	break_ring(_metadata, &self->bad);
	EXPECT_EQ(0, shows("slbad0", "held quarantine its guest broke too many rings since "
				     ".* broken-rings 9"));
	EXPECT_EQ(-ETIMEDOUT, speaks(&self->bad));
	EXPECT_EQ(0, guest_ping(&self->good, 3));
	EXPECT_EQ(0, netio_run("sluice port release slbad0"));
	EXPECT_EQ(200, netio_recv(self->bad.wire, &(struct virtio_net_hdr_v1){}, (char[2048]){},
				  2048, 2000));
	EXPECT_EQ(0, guest_ping(&self->bad, 7));

	EXPECT_NE(0, netio_run("sluice port release slbad0 2>/dev/null"));
	EXPECT_EQ(0, netio_run("sluice port hold slgood0"));
	EXPECT_EQ(0, shows("slgood0", "held quarantine held by the operator"));
	EXPECT_EQ(-ETIMEDOUT, speaks(&self->good));
	EXPECT_EQ(0, netio_run("sluice port release slgood0"));
	EXPECT_EQ(200, netio_recv(self->good.wire, &(struct virtio_net_hdr_v1){}, (char[2048]){},
				  2048, 2000));
}

/* 1.8: bytes in a device's memory (devmem TCP) are looked at by nobody: dropped and counted. */
TEST_F(contain, unreadable_frame)
{
	unsigned char got[2048];
	struct virtio_net_hdr_v1 h;

	ASSERT_EQ(0, wedge("unreadable", "slgood0"));
	EXPECT_EQ(-ETIMEDOUT, vdrv_recv(&self->good.v, &h, got, sizeof(got), 100));
	EXPECT_EQ(0, guest_ping(&self->good, 7));
	EXPECT_EQ(0, netio_run("sluice stats slgood0 | grep -q 'unreadable packets 1'"));
}

/* 1.8: netpoll would send with interrupts off, which no path of ours is made for. */
TEST_F(contain, no_netpoll)
{
	int fd = open("/sys/module/sluice_wedge/parameters/do", O_WRONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(-1, write(fd, "netpoll slgood0", 15));
	EXPECT_EQ(EOPNOTSUPP, errno);
	close(fd);
}

TEST_HARNESS_MAIN
