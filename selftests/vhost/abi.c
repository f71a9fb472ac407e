// SPDX-License-Identifier: GPL-2.0-only
/* A vhost node's ioctls: what they take, what they refuse, and in whatever order they come. */
#include "kselftest_harness.h"
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "rig.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF)

/* Nothing is mapped there. (Volatile, or the compiler tells us so.) */
static void *volatile bad_ptr = (void *)8;

static const unsigned long cmds[] = {
	VHOST_GET_FEATURES,
	VHOST_SET_FEATURES,
	VHOST_SET_OWNER,
	VHOST_RESET_OWNER,
	VHOST_SET_MEM_TABLE,
	VHOST_SET_LOG_BASE,
	VHOST_SET_LOG_FD,
	VHOST_SET_VRING_NUM,
	VHOST_SET_VRING_ADDR,
	VHOST_SET_VRING_BASE,
	VHOST_GET_VRING_BASE,
	VHOST_SET_VRING_ENDIAN,
	VHOST_GET_VRING_ENDIAN,
	VHOST_SET_VRING_KICK,
	VHOST_SET_VRING_CALL,
	VHOST_SET_VRING_ERR,
	VHOST_SET_VRING_BUSYLOOP_TIMEOUT,
	VHOST_GET_VRING_BUSYLOOP_TIMEOUT,
	VHOST_SET_BACKEND_FEATURES,
	VHOST_GET_BACKEND_FEATURES,
	VHOST_NET_SET_BACKEND,
};

static const unsigned long owner_cmds[] = {
	VHOST_SET_MEM_TABLE,  VHOST_SET_LOG_BASE,   VHOST_SET_VRING_NUM,
	VHOST_SET_VRING_ADDR, VHOST_SET_VRING_BASE, VHOST_GET_VRING_BASE,
	VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,
};

FIXTURE(node)
{
	int fd;
	int backend;
};

FIXTURE_SETUP(node)
{
	self->backend = -1;
	self->fd = open(rig_node(), O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(node)
{
	if (self->fd >= 0)
		close(self->fd);
	if (self->backend >= 0) {
		close(self->backend);
		rig_port_del("sltest0");
	}
}

/* The result of an ioctl as 0 or -errno. */
static int dev(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? -errno : 0;
}

static int set_num(int fd, unsigned int index, unsigned int num)
{
	struct vhost_vring_state s = { index, num };

	return dev(fd, VHOST_SET_VRING_NUM, &s);
}

static int set_base(int fd, unsigned int index, unsigned int num)
{
	struct vhost_vring_state s = { index, num };

	return dev(fd, VHOST_SET_VRING_BASE, &s);
}

static int set_file(int fd, unsigned long cmd, unsigned int index, int file)
{
	struct vhost_vring_file f = { index, file };

	return dev(fd, cmd, &f);
}

TEST_F(node, owner_comes_first)
{
	unsigned char arg[512] = { 0 };
	uint64_t features = FEATURES;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(owner_cmds); i++)
		EXPECT_EQ(-EPERM, dev(self->fd, owner_cmds[i], arg)) TH_LOG("command %u", i);
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_FEATURES, &features));
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(-EBUSY, dev(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(0, dev(self->fd, VHOST_RESET_OWNER, NULL));
	EXPECT_EQ(-EPERM, set_num(self->fd, 0, 256));
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
}

TEST_F(node, features)
{
	uint64_t have = 0, f,
		 need = FEATURES | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX | VDRV_F_IOMMU | VDRV_F_LOG;
	int bit;

	ASSERT_EQ(0, dev(self->fd, VHOST_GET_FEATURES, &have));
	EXPECT_EQ(need, have & need)
	TH_LOG("the node lacks %llx", (unsigned long long)(need & ~have));
	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	for (bit = 0; bit < 64; bit++) {
		f = 1ULL << bit;
		if (!(have & f))
			EXPECT_EQ(-EOPNOTSUPP, dev(self->fd, VHOST_SET_FEATURES, &f))
			TH_LOG("bit %d", bit);
	}
	f = ~0ULL;
	EXPECT_EQ(-EOPNOTSUPP, dev(self->fd, VHOST_SET_FEATURES, &f));
	f = FEATURES;
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_FEATURES, &f));
	/* A log flag without a place for the log. */
	f = FEATURES | VDRV_F_LOG;
	dev(self->fd, VHOST_SET_FEATURES, &f);
}

TEST_F(node, backend_features)
{
	uint64_t have = 0, f;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	ASSERT_EQ(0, dev(self->fd, VHOST_GET_BACKEND_FEATURES, &have));
	EXPECT_TRUE(have & VDRV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2));
	f = ~0ULL;
	EXPECT_EQ(-EOPNOTSUPP, dev(self->fd, VHOST_SET_BACKEND_FEATURES, &f));
	f = 0;
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_BACKEND_FEATURES, &f));
}

TEST_F(node, ring_numbers)
{
	unsigned int bad[] = { 0, 3, 255, 257, 65536, 0x7fffffff, 0xffffffff };
	struct vhost_vring_state s = { 0, 0 };
	unsigned int i;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_NE(0, set_num(self->fd, 0, bad[i])) TH_LOG("size %u", bad[i]);
	for (i = 1; i <= 32768; i *= 2)
		EXPECT_EQ(0, set_num(self->fd, 1, i));
	EXPECT_NE(0, set_num(self->fd, 2, 256));
	EXPECT_NE(0, set_num(self->fd, 0xffffffff, 256));
	EXPECT_NE(0, set_num(self->fd, 0x80000000, 256));
	EXPECT_EQ(-EINVAL, set_base(self->fd, 0, 0x10000));
	EXPECT_EQ(0, set_base(self->fd, 0, 0xffff));
	EXPECT_EQ(0, dev(self->fd, VHOST_GET_VRING_BASE, &s));
	EXPECT_EQ(0xffffu, s.num);
}

TEST_F(node, ring_addresses)
{
	struct vhost_vring_addr a = { .index = 0,
				      .desc_user_addr = 0x1000,
				      .avail_user_addr = 0x2000,
				      .used_user_addr = 0x3000 };
	struct vhost_vring_addr b;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	ASSERT_EQ(0, set_num(self->fd, 0, 256));
	b = a;
	b.flags = 0x80;
	EXPECT_EQ(-EOPNOTSUPP, dev(self->fd, VHOST_SET_VRING_ADDR, &b));
	b = a;
	b.index = 7;
	EXPECT_NE(0, dev(self->fd, VHOST_SET_VRING_ADDR, &b));
	b = a;
	b.avail_user_addr++;
	EXPECT_EQ(-EINVAL, dev(self->fd, VHOST_SET_VRING_ADDR, &b));
	b = a;
	b.used_user_addr += 2;
	EXPECT_EQ(-EINVAL, dev(self->fd, VHOST_SET_VRING_ADDR, &b));
	EXPECT_EQ(-EFAULT, dev(self->fd, VHOST_SET_VRING_ADDR, bad_ptr));
}

TEST_F(node, eventfds)
{
	unsigned long c[] = { VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR };
	int ev = eventfd(0, 0), null = open("/dev/null", O_RDWR);
	unsigned int i;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		EXPECT_EQ(-EBADF, set_file(self->fd, c[i], 0, 12345));
		EXPECT_EQ(-EINVAL, set_file(self->fd, c[i], 0, null));
		EXPECT_NE(0, set_file(self->fd, c[i], 5, ev));
		EXPECT_EQ(0, set_file(self->fd, c[i], 1, ev));
		EXPECT_EQ(0, set_file(self->fd, c[i], 1, ev));
		EXPECT_EQ(0, set_file(self->fd, c[i], 1, -1));
	}
	close(null);
	close(ev);
}

TEST_F(node, mem_table)
{
	struct {
		struct vhost_memory m;
		struct vhost_memory_region r[3];
	} t = { .m.nregions = 1, .r[0] = { 0, 1 << 20, 0x10000000 } };

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_MEM_TABLE, &t));
	t.m.padding = 1;
	EXPECT_EQ(-EOPNOTSUPP, dev(self->fd, VHOST_SET_MEM_TABLE, &t));
	t.m.padding = 0;
	t.m.nregions = 0xffffffff;
	EXPECT_EQ(-E2BIG, dev(self->fd, VHOST_SET_MEM_TABLE, &t));
	EXPECT_EQ(-EFAULT, dev(self->fd, VHOST_SET_MEM_TABLE, bad_ptr));
	t.m.nregions = 1;
	t.r[0] = (struct vhost_memory_region){ 0, 1 << 20, ~0ULL - 4096 };
	/* Refused now, or when something is looked for there. */
	dev(self->fd, VHOST_SET_MEM_TABLE, &t);
	t.m.nregions = 0;
	EXPECT_EQ(0, dev(self->fd, VHOST_SET_MEM_TABLE, &t));
}

TEST_F(node, wrong_backends)
{
	int fds[] = { open("/dev/null", O_RDWR), eventfd(0, 0), socket(AF_INET, SOCK_STREAM, 0),
		      self->fd, 12345 };
	struct vdrv_cfg cfg = { .node = rig_node(), .features = FEATURES };
	struct vdrv v;
	unsigned int i;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	/* Nothing is set up: nothing can start. Detaching is always possible, as QEMU expects. */
	self->backend = rig_port_open("sltest0", false, 1);
	ASSERT_GE(self->backend, 0);
	EXPECT_NE(0, set_file(self->fd, VHOST_NET_SET_BACKEND, 0, self->backend));
	EXPECT_NE(0, set_file(self->fd, VHOST_NET_SET_BACKEND, 2, self->backend));
	EXPECT_NE(0, set_file(self->fd, VHOST_NET_SET_BACKEND, 0xffffffff, -1));
	ASSERT_EQ(0, vdrv_open(&v, &cfg));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, vdrv_set_ring(&v, i));
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		EXPECT_NE(0, vdrv_set_backend(&v, 0, fds[i])) TH_LOG("fd %u", i);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(0, vdrv_set_backend(&v, i, -1));
	EXPECT_EQ(0, vdrv_start(&v, self->backend));
	vdrv_close(&v);
	for (i = 0; i < 3; i++)
		close(fds[i]);
}

TEST_F(node, fixed_while_running)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = FEATURES };
	struct vdrv v;

	self->backend = rig_port_open("sltest0", false, 1);
	ASSERT_GE(self->backend, 0);
	ASSERT_EQ(0, vdrv_open(&v, &cfg));
	ASSERT_EQ(0, vdrv_start(&v, self->backend));
	EXPECT_EQ(-EBUSY, set_num(v.fd, 0, 128));
	EXPECT_EQ(-EBUSY, set_base(v.fd, 1, 5));
	/* What QEMU does change while it runs. */
	EXPECT_EQ(0, vdrv_set_mem(&v));
	EXPECT_EQ(0, set_file(v.fd, VHOST_SET_VRING_CALL, 0, v.vq[0].call));
	EXPECT_EQ(0, set_file(v.fd, VHOST_SET_VRING_CALL, 0, -1));
	EXPECT_EQ(0, set_file(v.fd, VHOST_SET_VRING_KICK, 1, v.vq[1].kick));
	EXPECT_EQ(0, vdrv_stop(&v));
	vdrv_close(&v);
}

TEST_F(node, bad_pointers)
{
	unsigned int i;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		if (cmds[i] != VHOST_SET_OWNER && cmds[i] != VHOST_RESET_OWNER)
			EXPECT_NE(0, dev(self->fd, cmds[i], bad_ptr)) TH_LOG("command %u", i);
	for (i = 0; i < 256; i++)
		dev(self->fd, _IOC(_IOC_WRITE, VHOST_VIRTIO, i, 8), bad_ptr);
	EXPECT_NE(0, dev(self->fd, _IOC(_IOC_WRITE, VHOST_VIRTIO, 0xfe, 8), &i));
	EXPECT_NE(0, dev(self->fd, 0, NULL));
	EXPECT_NE(0, dev(self->fd, 0xffffffff, NULL));
}

TEST_F(node, messages_without_iommu)
{
	unsigned char junk[256];

	memset(junk, 0xff, sizeof(junk));
	EXPECT_LT(write(self->fd, junk, sizeof(junk)), 0);
	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	EXPECT_LT(write(self->fd, junk, sizeof(struct vhost_msg)), 0);
	memset(junk, 0, sizeof(junk));
	EXPECT_LT(write(self->fd, junk, sizeof(struct vhost_msg)), 0);
	EXPECT_LT(write(self->fd, junk, 3), 0);
	EXPECT_LT(write(self->fd, bad_ptr, sizeof(struct vhost_msg)), 0);
}

/* The node belongs to a process's memory: another process must not set rings up in it. */
TEST_F(node, other_process)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, dev(self->fd, VHOST_SET_OWNER, NULL));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(set_num(self->fd, 0, 256) == -EPERM ? 0 : 1);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, set_num(self->fd, 0, 256));
}

/* No capability is needed, only the permission to open the node. */
TEST_F(node, unprivileged)
{
	struct vdrv_cfg cfg = { .node = rig_node(), .features = FEATURES };
	struct stat st;
	int status;
	pid_t pid;

	ASSERT_EQ(0, stat(rig_node(), &st));
	ASSERT_EQ(0, chmod(rig_node(), 0666));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct vdrv v;

		if (setgid(65534) || setuid(65534))
			_exit(2);
		_exit(vdrv_open(&v, &cfg) ? 1 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	chmod(rig_node(), st.st_mode & 07777);
}

static uint32_t rnd(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* An argument that is often half right, so that the deeper checks are met too. */
static void any_arg(uint32_t *x, unsigned char *arg, size_t len, int backend, int ev,
		    unsigned char *mem)
{
	uint32_t *w = (uint32_t *)arg;
	uint64_t *d = (uint64_t *)arg;
	unsigned int i;

	for (i = 0; i < len / 4; i++)
		w[i] = rnd(x) % 4 ? rnd(x) % 3 : rnd(x);
	switch (rnd(x) % 6) {
	case 0:
		w[0] = rnd(x) & 1;
		w[1] = 1 << rnd(x) % 16;
		break;
	case 1:
		w[0] = rnd(x) & 1;
		w[1] = rnd(x) & 1 ? ev : backend;
		break;
	case 2:
		w[0] = rnd(x) & 1;
		w[1] = 0;
		for (i = 1; i < 4; i++)
			d[i] = (uintptr_t)mem + rnd(x) % 4 * 4096;
		break;
	case 3:
		w[0] = 1;
		w[1] = 0;
		d[1] = rnd(x) % 2 * 4096;
		d[2] = 4 * 4096;
		d[3] = (uintptr_t)mem;
		d[4] = 0;
		break;
	case 4:
		d[0] = FEATURES | (uint64_t)(rnd(x) & 1) << 33 | (uint64_t)(rnd(x) & 1) << 26;
		break;
	}
}

TEST_F_TIMEOUT(node, any_order, 120)
{
	unsigned char *mem =
		mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned char arg[512] __attribute__((aligned(8)));
	int ev = eventfd(0, EFD_NONBLOCK), round, i;
	struct vdrv_cfg cfg = { .features = FEATURES };
	uint32_t x = 20240601;
	struct guest g;

	self->backend = rig_port_open("sltest0", false, 1);
	ASSERT_GE(self->backend, 0);
	for (round = 0; round < 60; round++) {
		int fd = open(rig_node(), O_RDWR | O_CLOEXEC | O_NONBLOCK);

		ASSERT_GE(fd, 0);
		for (i = 0; i < 200; i++) {
			any_arg(&x, arg, sizeof(arg), self->backend, ev, mem);
			if (i == 0 && round % 4)
				ioctl(fd, VHOST_SET_OWNER, NULL);
			else if (rnd(&x) % 16)
				ioctl(fd, cmds[rnd(&x) % ARRAY_SIZE(cmds)], arg);
			else if (write(fd, arg, rnd(&x) % 128) < 0)
				errno = 0;
		}
		close(fd);
	}
	munmap(mem, 65536);
	/* And after all that an honest guest is served. */
	ASSERT_EQ(0, guest_open(&g, "sltest1", &cfg));
	EXPECT_EQ(0, guest_ping(&g, 1));
	guest_close(&g);
}

TEST_HARNESS_MAIN
