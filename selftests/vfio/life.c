// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where devices come from and how they end: types and attributes, users that die or are asked to
 * let go, uplinks, ports and NICs that disappear under a running guest.
 */
#include <signal.h>
#include <sys/eventfd.h>
#include "kselftest_harness.h"
#include "rig.h"

#define SOON	2000
#define LONG	10000

FIXTURE(life)
{
	struct vnic_cfg cfg;
};

FIXTURE_SETUP(life)
{
	self->cfg = (struct vnic_cfg){ .drv.features = RIG_BASE };
	ASSERT_EQ(0, rig_up());
}

FIXTURE_TEARDOWN(life)
{
	if (mdev_is(RIG_UUID))
		mdev_remove(RIG_UUID);
	netio_run("ip link del " RIG_PORT);
	rig_down();
}

/* A file of the type's directory is this text. */
static bool type_says(const char *file, const char *text)
{
	char path[192], got[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/mdev_bus/" RIG_PARENT
		 "/mdev_supported_types/" MDEV_TYPE "/%s", file);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(got, sizeof(got), f))
		*got = 0;
	fclose(f);
	got[strcspn(got, "\n")] = 0;
	return !text || !strcmp(text, got);
}

/* What mdevctl and libvirt look at. */
TEST_F(life, type)
{
	char uuid[40];
	int n = mdev_available(RIG_PARENT);

	EXPECT_LE(2, n);
	EXPECT_TRUE(type_says("device_api", "vfio-pci"));
	EXPECT_TRUE(type_says("name", NULL));
	ASSERT_EQ(0, mdev_create(RIG_PARENT, RIG_UUID));
	EXPECT_EQ(n - 1, mdev_available(RIG_PARENT));
	EXPECT_EQ(-EEXIST, mdev_create(RIG_PARENT, RIG_UUID));
	EXPECT_EQ(-EINVAL, mdev_create(RIG_PARENT, "not-a-uuid"));
	ASSERT_EQ(0, mdev_remove(RIG_UUID));
	EXPECT_EQ(n, mdev_available(RIG_PARENT));
	/* A netdev that nobody made an uplink is no parent. */
	EXPECT_GT(0, mdev_available("netdevsim2"));
	snprintf(uuid, sizeof(uuid), "%s", RIG_UUID);
	EXPECT_GT(0, mdev_create("netdevsim2", uuid));
}

/* As many as were asked for; the device says so to its driver. */
TEST_F(life, queues)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{ "0", -ERANGE }, { "17", -ERANGE }, { "4294967297", -ERANGE },
		{ "-1", -EINVAL }, { "x", -EINVAL },
	};
	struct vnic n;
	unsigned int i;
	char text[16];

	ASSERT_EQ(0, mdev_create(RIG_PARENT, RIG_UUID));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(bad[i].err, mdev_set(RIG_UUID, "queues", bad[i].text));
	ASSERT_EQ(0, mdev_set(RIG_UUID, "queues", "3"));
	ASSERT_LT(0, mdev_get(RIG_UUID, "queues", text, sizeof(text)));
	EXPECT_STREQ("3", text);
	ASSERT_EQ(0, vnic_open(&n, NULL, RIG_UUID, &self->cfg));
	EXPECT_EQ(7, vpci_common(&n.pci, cfg.num_queues));
	EXPECT_EQ(3, vnic_config(&n, max_virtqueue_pairs));
	EXPECT_GT(0, mdev_set(RIG_UUID, "queues", "2"));
	vnic_close(&n);
}

/* The child runs a guest until it is killed; the parent hears when it runs. */
static pid_t guest_in_child(const struct vnic_cfg *cfg)
{
	int pipefd[2];
	struct guest g;
	char c;
	pid_t pid;

	if (pipe(pipefd))
		return -1;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		if (guest_attach(&g, NULL, RIG_UUID, RIG_PORT, cfg) || guest_ping(&g, 1) ||
		    write(pipefd[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			guest_load(&g, 10);
	}
	close(pipefd[1]);
	if (read(pipefd[0], &c, 1) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(pipefd[0]);
	return pid;
}

/* QEMU is killed: the device is free for the next one, and the port lives on. */
TEST_F(life, user_is_killed)
{
	struct guest g;
	pid_t pid;
	int i;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	for (i = 0; i < 3; i++) {
		pid = guest_in_child(&self->cfg);
		ASSERT_LT(0, pid);
		EXPECT_EQ(-EBUSY, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
		guest_detach(&g);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
		EXPECT_EQ(0, guest_ping(&g, 1));
		guest_detach(&g);
	}
}

/* 6.6: the carrier follows the device being open, not what its driver does. */
TEST_F(life, carrier)
{
	const char *const on = "grep -q 1 /sys/class/net/" RIG_PORT "/carrier";
	struct guest g;
	long changes;
	int i;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	changes = netio_carrier_changes(RIG_PORT);
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, vnic_stop(&g.n));
		EXPECT_EQ(0, netio_run("%s", on));
		ASSERT_EQ(0, vnic_start(&g.n));
	}
	EXPECT_EQ(0, guest_ping(&g, 1));
	EXPECT_EQ(changes, netio_carrier_changes(RIG_PORT));
	guest_detach(&g);
	EXPECT_NE(0, netio_run("%s", on));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	EXPECT_EQ(0, netio_run("%s", on));
	guest_detach(&g);
}

/* A device that nobody gave a port makes one, and takes it along when it goes. */
TEST_F(life, port_of_its_own)
{
	struct guest g;
	char port[16];

	ASSERT_EQ(0, mdev_create(RIG_PARENT, RIG_UUID));
	ASSERT_EQ(0, vnic_open(&g.n, NULL, RIG_UUID, &self->cfg));
	ASSERT_LT(0, mdev_get(RIG_UUID, "port", port, sizeof(port)));
	ASSERT_LT(0, netio_ifindex(port));
	g.wire = -1;
	ASSERT_EQ(0, guest_wire(&g, port));
	ASSERT_EQ(0, vnic_start(&g.n));
	ASSERT_EQ(0, netio_link_wait(port));
	EXPECT_EQ(0, guest_ping(&g, 1));
	/* Its name is no longer to be chosen. */
	EXPECT_GT(0, mdev_set(RIG_UUID, "port", "other"));
	guest_detach(&g);
	ASSERT_EQ(0, mdev_remove(RIG_UUID));
	EXPECT_GT(0, netio_ifindex(port));
}

/* A port that was there before stays when the device goes. */
TEST_F(life, port_that_was_there)
{
	char port[16];

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_LT(0, mdev_get(RIG_UUID, "port", port, sizeof(port)));
	EXPECT_STREQ(RIG_PORT, port);
	ASSERT_EQ(0, mdev_remove(RIG_UUID));
	EXPECT_LT(0, netio_ifindex(RIG_PORT));
}

TEST_F(life, port_refused)
{
	struct vnic_cfg cfg = self->cfg;
	struct guest g, h;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	/* Not a port; an uplink; too long; no name of a netdev. */
	EXPECT_GT(0, mdev_set(RIG_UUID, "port", "slvf1"));
	EXPECT_GT(0, mdev_set(RIG_UUID, "port", "slup0"));
	EXPECT_GT(0, mdev_set(RIG_UUID, "port", "a-name-that-is-too-long"));
	EXPECT_GT(0, mdev_set(RIG_UUID, "port", "a/b"));
	/* One port, two devices. */
	ASSERT_EQ(0, mdev_set(RIG_UUID, "port", RIG_PORT));
	ASSERT_EQ(0, mdev_create(RIG_PARENT, RIG_UUID_2));
	mdev_set(RIG_UUID_2, "port", RIG_PORT);
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &cfg));
	EXPECT_GT(0, vnic_open(&h.n, NULL, RIG_UUID_2, &cfg));
	EXPECT_EQ(0, guest_ping(&g, 1));
	guest_detach(&g);
	EXPECT_EQ(0, mdev_remove(RIG_UUID_2));
}

static pid_t in_child(int (*fn)(void))
{
	pid_t pid = fork();

	if (!pid) {
		/* The device is not to stay open with the child. */
		close_range(3, ~0U, 0);
		_exit(fn() ? 1 : 0);
	}
	return pid;
}

static int remove_mdev(void)
{
	return mdev_remove(RIG_UUID);
}

static int remove_uplink(void)
{
	return netio_run("ip link del slup0");
}

static int remove_nic(void)
{
	return mdev_nic_del(1);
}

static bool ends(pid_t pid, int timeout_ms, int *status)
{
	for (; timeout_ms > 0; timeout_ms--) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(1000);
	}
	return false;
}

/* A user is asked to let go, and removal waits until he has. */
TEST_F(life, removed_while_open)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), status = -1;
	struct guest g;
	pid_t pid;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	ASSERT_EQ(0, vfio_irq_eventfds(&g.n.dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &fd));
	pid = in_child(remove_mdev);
	EXPECT_LE(1, rig_events(fd, LONG));
	/* Until then it works. */
	EXPECT_EQ(0, guest_ping(&g, 1));
	guest_load(&g, 20);
	guest_detach(&g);
	ASSERT_TRUE(ends(pid, LONG, &status));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(mdev_is(RIG_UUID));
	close(fd);
}

/* The uplink goes: so does the parent, as soon as its devices can. Nothing hangs meanwhile. */
TEST_F(life, uplink_removed_while_open)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), status = -1, i;
	struct guest g;
	pid_t pid;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	ASSERT_EQ(0, vfio_irq_eventfds(&g.n.dev, VFIO_PCI_REQ_IRQ_INDEX, 0, 1, &fd));
	pid = in_child(remove_uplink);
	ASSERT_TRUE(ends(pid, LONG, &status));
	EXPECT_EQ(0, status);
	EXPECT_LE(1, rig_events(fd, LONG));
	/* The guest keeps its port. */
	EXPECT_EQ(0, guest_ping(&g, 1));
	guest_detach(&g);
	for (i = 0; i < LONG && mdev_is(RIG_UUID); i++)
		usleep(1000);
	EXPECT_FALSE(mdev_is(RIG_UUID));
	EXPECT_GT(0, mdev_available(RIG_PARENT));
	/* And it may come back. */
	ASSERT_EQ(0, netio_run("ip link add slup0 link slvf0 type sluice"));
	for (i = 0; i < LONG && mdev_available(RIG_PARENT) < 0; i++)
		usleep(1000);
	EXPECT_EQ(0, mdev_create(RIG_PARENT, RIG_UUID));
	close(fd);
}

/* The VF itself is pulled out. */
TEST_F(life, nic_removed_while_open)
{
	struct guest g;
	int status = -1, i;
	pid_t pid;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	pid = in_child(remove_nic);
	guest_load(&g, 20);
	EXPECT_EQ(0, guest_ping(&g, 1));
	guest_detach(&g);
	ASSERT_TRUE(ends(pid, LONG, &status));
	EXPECT_EQ(0, status);
	for (i = 0; i < LONG && mdev_is(RIG_UUID); i++)
		usleep(1000);
	EXPECT_FALSE(mdev_is(RIG_UUID));
}

/* The port is deleted under a running guest: it can be reset and closed, and moves nothing. */
TEST_F(life, port_removed_while_open)
{
	struct guest g;
	int i;

	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	EXPECT_EQ(0, guest_ping(&g, 1));
	rig_events(g.n.config, 0);
	ASSERT_EQ(0, netio_run("ip link del " RIG_PORT));
	/* What the driver hears of it: the link is down. */
	EXPECT_LE(1, rig_events(g.n.config, SOON));
	EXPECT_EQ(0, vnic_config(&g.n, status) & VIRTIO_NET_S_LINK_UP);
	for (i = 0; i < 20; i++) {
		vdrv_tx_burst(&g.n.pair[0], 4, 100, NULL, NULL);
		vdrv_kick_always(&g.n.pair[0].vq[VDRV_TX]);
	}
	EXPECT_EQ(0, vnic_stop(&g.n));
	EXPECT_EQ(0, vfio_reset(&g.n.dev));
	guest_detach(&g);
	EXPECT_EQ(0, mdev_remove(RIG_UUID));
}

/* Many devices of one parent, made and removed by several hands. */
TEST_F(life, many)
{
	char uuid[40];
	pid_t pid[4];
	int i, k, status;

	for (k = 0; k < 4; k++) {
		pid[k] = fork();
		if (pid[k])
			continue;
		for (i = 0; i < 10; i++) {
			snprintf(uuid, sizeof(uuid), "5105e000-0000-4000-8000-0000000001%02x", k);
			if (mdev_create(RIG_PARENT, uuid) || mdev_remove(uuid))
				_exit(1);
		}
		_exit(0);
	}
	for (k = 0; k < 4; k++) {
		ASSERT_TRUE(ends(pid[k], 6 * LONG, &status));
		EXPECT_EQ(0, status);
	}
}

/* Both ways of opening it; a second user is refused, in whichever way. */
TEST_F(life, one_user_at_a_time)
{
	struct vnic_cfg by_node = self->cfg;
	struct guest g, h;

	by_node.cdev = true;
	ASSERT_EQ(0, rig_mdev(RIG_UUID, RIG_PORT, 1));
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &by_node));
	EXPECT_EQ(0, guest_ping(&g, 1));
	EXPECT_GT(0, vnic_open(&h.n, NULL, RIG_UUID, &self->cfg));
	EXPECT_GT(0, vnic_open(&h.n, NULL, RIG_UUID, &by_node));
	EXPECT_EQ(0, guest_ping(&g, 2));
	guest_detach(&g);
	ASSERT_EQ(0, guest_attach(&g, NULL, RIG_UUID, RIG_PORT, &self->cfg));
	EXPECT_GT(0, vnic_open(&h.n, NULL, RIG_UUID, &by_node));
	EXPECT_EQ(0, guest_ping(&g, 3));
	guest_detach(&g);
}

TEST_HARNESS_MAIN
