// SPDX-License-Identifier: GPL-2.0-only
/* A guest wired to an uplink, a veth in the place of a VF; and ports that change namespaces. */
#include <sched.h>
#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include "kselftest_harness.h"
#include "rig.h"

#define ROOM	(64 * 1024 + 256)

static const struct vdrv_cfg cfg = {
	.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF | VDRV_F_EVENT_IDX,
};

FIXTURE(uplink)
{
	struct guest g;
	int peer;
	unsigned char *frame;
	unsigned char *got;
};

FIXTURE_SETUP(uplink)
{
	if (!rig_is_sluice())
		SKIP(return, "only Sluice has uplinks");
	self->frame = malloc(ROOM);
	self->got = malloc(ROOM);
	ASSERT_NE(NULL, self->frame);
	ASSERT_NE(NULL, self->got);
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1"));
	/* What the host says of itself is not to be counted. */
	ASSERT_EQ(0, netio_quiet("slvf0"));
	ASSERT_EQ(0, netio_quiet("slvf1"));
	ASSERT_EQ(0, netio_link_set("slvf0", true));
	ASSERT_EQ(0, netio_link_set("slvf1", true));
	ASSERT_EQ(0, netio_port_add("slup0", "slvf0", 1));
	ASSERT_EQ(0, netio_quiet("slup0"));
	ASSERT_EQ(0, netio_link_set("slup0", true));
	self->peer = netio_open("slvf1");
	ASSERT_LE(0, self->peer);
	ASSERT_EQ(0, guest_open(&self->g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice wire add sltest0 slup0"));
}

FIXTURE_TEARDOWN(uplink)
{
	guest_close(&self->g);
	close(self->peer);
	netio_link_del("slup0");
	netio_link_del("slvf0");
	free(self->frame);
	free(self->got);
}

/* Send a frame from the guest. What comes out at the other end: its length, or -ETIMEDOUT. */
static int send_one(struct guest *g, int peer, const struct netio_frame *f, unsigned char *frame,
		    unsigned char *got, int timeout_ms)
{
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(f, &h, frame);
	ret = vdrv_send(&g->v, &h, frame, f->len);
	return ret ? ret : netio_recv(peer, &h, got, ROOM, timeout_ms);
}

TEST_F(uplink, both_ways)
{
	static const size_t sizes[] = { 60, 128, 1000, 1514 };
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct netio_frame f = { .len = sizes[i], .seed = i + 1 };

		ret = send_one(&self->g, self->peer, &f, self->frame, self->got, 2000);
		EXPECT_EQ((int)f.len, ret);
		EXPECT_EQ(0, memcmp(self->frame, self->got, f.len));
		f.seed += 100;
		netio_frame_make(&f, &h, self->frame);
		ASSERT_EQ(0, netio_send(self->peer, &h, self->frame, f.len));
		do {
			ret = vdrv_recv(&self->g.v, &h, self->got, ROOM, 2000);
		} while (ret > 0 && !netio_frame_payload(self->got, ret));
		EXPECT_EQ((int)f.len, ret);
		EXPECT_EQ(0, memcmp(self->frame, self->got, f.len));
	}
}

/* A TCP frame whose sum is right and finished. What does its header say in the guest? */
static int header_flags(struct guest *g, int peer, unsigned char *frame, unsigned char *got)
{
	struct netio_frame f = { .len = 500, .tcp = true };
	struct virtio_net_hdr_v1 h;
	int ret;

	netio_frame_make(&f, &h, frame);
	ret = netio_send(peer, &h, frame, f.len);
	if (ret)
		return ret;
	do {
		ret = vdrv_recv(&g->v, &h, got, ROOM, 2000);
	} while (ret > 0 && !netio_frame_payload(got, ret));
	return ret < 0 ? ret : h.flags;
}

/*
 * 1.8: what was verified already is told to those only who take unfinished sums. GRO is what
 * verifies it here: of frames that are not segments of the stack's.
 */
TEST_F(uplink, data_valid)
{
	ASSERT_EQ(0, netio_run("ethtool -K slvf1 tso off && ethtool -K slvf0 gro on"));
	EXPECT_EQ(VIRTIO_NET_HDR_F_DATA_VALID,
		  header_flags(&self->g, self->peer, self->frame, self->got));
	ASSERT_EQ(0, guest_no_offload(&self->g));
	EXPECT_EQ(0, header_flags(&self->g, self->peer, self->frame, self->got));
}

/* An uplink that is set down is down in both directions, and so is the port behind it. */
TEST_F(uplink, down)
{
	static const char * const who[] = { "slup0", "sltest0" };
	struct netio_frame f = { .len = 200, .seed = 1 };
	struct virtio_net_hdr_v1 h;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(who); i++) {
		EXPECT_EQ(200, send_one(&self->g, self->peer, &f, self->frame, self->got, 2000));
		ASSERT_EQ(0, netio_link_set(who[i], false));
		EXPECT_EQ(-ETIMEDOUT,
			  send_one(&self->g, self->peer, &f, self->frame, self->got, 50));
		netio_frame_make(&f, &h, self->frame);
		ASSERT_EQ(0, netio_send(self->peer, &h, self->frame, f.len));
		EXPECT_EQ(-ETIMEDOUT, vdrv_recv(&self->g.v, &h, self->got, ROOM, 50));
		EXPECT_EQ(0, netio_run("ethtool -S %s | awk '/drop_down:/ { exit $2 < 2 }'",
				       who[i]));
		EXPECT_EQ(0, netio_run("sluice stats %s | grep -q ' down packets [1-9]'", who[i]));
		ASSERT_EQ(0, netio_link_set(who[i], true));
	}
	EXPECT_EQ(200, send_one(&self->g, self->peer, &f, self->frame, self->got, 2000));
}

/* A held uplink sends nothing: neither what a flow's last output is, nor copies for others. */
TEST_F(uplink, held)
{
	struct netio_frame f = { .len = 200, .seed = 1 };

	ASSERT_EQ(0, netio_run("sluice flow add prio 9 in sltest0 "
			       "actions output:slup0,output:slup0"));
	EXPECT_EQ(200, send_one(&self->g, self->peer, &f, self->frame, self->got, 2000));
	EXPECT_EQ(200, send_one(&self->g, self->peer, &f, self->frame, self->got, 2000));
	ASSERT_EQ(0, netio_run("sluice port hold slup0"));
	/* Those that were sent before. */
	while (netio_recv(self->peer, &(struct virtio_net_hdr_v1){}, self->got, ROOM, 50) > 0)
		;
	EXPECT_EQ(-ETIMEDOUT, send_one(&self->g, self->peer, &f, self->frame, self->got, 100));
	EXPECT_EQ(0, netio_run("sluice stats slup0 | grep -q ' held packets 2'"));
	ASSERT_EQ(0, netio_run("sluice port release slup0"));
	EXPECT_EQ(200, send_one(&self->g, self->peer, &f, self->frame, self->got, 2000));
	ASSERT_EQ(0, netio_run("sluice flow flush"));
}

/*
 * The VF goes: what the guest sends is dropped, and is not the host's. Another takes its place:
 * what is about the uplink is as it was. Likewise for one that was made ahead of its VF.
 */
TEST_F(uplink, waits)
{
	struct netio_frame f = { .len = 200, .seed = 1 };
	int host = netio_open("sltest0"), again;

	ASSERT_LE(0, host);
	for (again = 0; again < 3; again++) {
		EXPECT_EQ(200,
			  send_one(&self->g, self->peer, &f, self->frame, self->got, 2000));
		ASSERT_EQ(0, netio_link_del("slvf0"));
		close(self->peer);
		if (again == 1)
			ASSERT_EQ(0, netio_run("sluice uplink del slup0 && "
					       "sluice uplink add slup0 dev slvf0 wait && "
					       "ip link set slup0 up && "
					       "sluice wire add sltest0 slup0"));
		EXPECT_EQ(-ETIMEDOUT,
			  send_one(&self->g, host, &f, self->frame, self->got, 100));
		EXPECT_EQ(0, netio_run("sluice stats slup0 | grep -q ' uplink-down packets'"));
		ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1 && "
				       "ip link set slvf1 up && ip link set slvf0 up && "
				       "sluice uplink set slup0 dev slvf0"));
		ASSERT_EQ(0, netio_quiet("slvf0"));
		self->peer = netio_open("slvf1");
		ASSERT_LE(0, self->peer);
	}
	close(host);
}

/* A state that gives the uplink its VF, takes its wire away and takes its time; be it refused. */
static int state_of_wires(const char *more)
{
	FILE *f = fopen("/tmp/uplink.json", "w");
	unsigned int i;

	if (!f)
		return -errno;
	fprintf(f, "{ \"version\": 2, \"uplink\": [ { \"name\": \"slup0\", \"dev\": \"slvf0\" } ],"
		"\"wire\": [], %s \"acl\": [", more);
	for (i = 0; i < 1000; i++)
		fprintf(f, "%s{ \"port\": \"sltest0\", \"dir\": \"to-guest\", \"prio\": %u,"
			"\"verdict\": \"allow\" }", i ? "," : "", i);
	fprintf(f, "] }\n");
	return fclose(f) ? -errno : 0;
}

/* Nothing passes by the wire that was, while the rest is made, nor if that is refused. */
TEST_F_TIMEOUT(uplink, opens_with_the_rest, 120)
{
	static const char *const more[] = {
		"\"rate\": [ { \"port\": \"nix\", \"dir\": \"to-guest\", \"pps\": 5 } ],", "",
	};
	struct netio_frame f = { .len = 200, .seed = 1 };
	struct virtio_net_hdr_v1 h;
	unsigned int i;
	pid_t pid;

	ASSERT_EQ(0, netio_link_del("slvf0"));
	close(self->peer);
	ASSERT_EQ(0, netio_run("ip link add slvf0 type veth peer name slvf1 && "
			       "ip link set slvf1 up && ip link set slvf0 up"));
	ASSERT_EQ(0, netio_quiet("slvf0"));
	self->peer = netio_open("slvf1");
	netio_frame_make(&f, &h, self->frame);
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		ASSERT_EQ(0, state_of_wires(more[i]));
		pid = fork();
		if (!pid)
			_exit(netio_run("sluice apply /tmp/uplink.json >/dev/null 2>&1") ? 1 : 0);
		while (!waitpid(pid, NULL, WNOHANG))
			vdrv_send(&self->g.v, &h, self->frame, f.len);
		EXPECT_EQ(0, vdrv_drain_tx(&self->g.v, 2000));
		EXPECT_EQ(-ETIMEDOUT, netio_recv(self->peer, &h, self->got, ROOM, 100));
	}
	EXPECT_EQ(0, netio_run("sluice uplink show slup0 | grep -q 'dev slvf0'"));
	unlink("/tmp/uplink.json");
}

/* Segments that keep to the VF's MTU pass; frames and segments that do not would harm the VF. */
TEST_F(uplink, mtu)
{
	struct netio_frame small = { .len = 30000, .tcp = true, .mss = 1400, .partial = true };
	struct netio_frame big = { .len = 30000, .tcp = true, .mss = 8000, .partial = true };
	struct netio_frame frame = { .len = 2000 };

	EXPECT_LT(0, send_one(&self->g, self->peer, &small, self->frame, self->got, 2000));
	EXPECT_EQ(-ETIMEDOUT, send_one(&self->g, self->peer, &big, self->frame, self->got, 100));
	EXPECT_EQ(-ETIMEDOUT, send_one(&self->g, self->peer, &frame, self->frame, self->got, 100));
}

/* Kicks that come while a port is between two namespaces are not lost. */
TEST_F(uplink, moves_under_load)
{
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned int i;

	netio_frame_make(&f, &h, self->frame);
	ASSERT_EQ(0, netio_run("ip netns add slmove"));
	for (i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(netio_run(i & 1 ? "ip -n slmove link set sltest0 netns 1" :
						"ip link set sltest0 netns slmove") ? 1 : 0);
		while (!waitpid(pid, NULL, WNOHANG))
			vdrv_send(&self->g.v, &h, self->frame, f.len);
		EXPECT_EQ(0, vdrv_drain_tx(&self->g.v, 2000));
	}
	ASSERT_EQ(0, netio_run("ip netns del slmove"));
}

/* Into a new namespace, with what rig.h looks at. */
static int fresh_namespace(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/sys", "sysfs", 0, NULL))
		return -errno;
	return 0;
}

/* A port's verdicts end with it, whatever another namespace's port has in common with it. */
TEST(verdicts_end_with_their_port)
{
	struct netio_frame f = { .len = 200, .seed = 1 };
	unsigned char frame[256], *got = malloc(ROOM);
	struct guest g;

	if (!rig_is_sluice())
		SKIP(return, "only Sluice has policy");
	ASSERT_NE(NULL, got);
	ASSERT_EQ(0, fresh_namespace());
	ASSERT_EQ(0, guest_open(&g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice acl default port sltest0 dir from-guest allow"));
	EXPECT_EQ((int)f.len, send_one(&g, g.wire, &f, frame, got, 2000));
	guest_close(&g);

	ASSERT_EQ(0, fresh_namespace());
	ASSERT_EQ(0, guest_open(&g, "sltest0", &cfg));
	ASSERT_EQ(0, netio_run("sluice acl default port sltest0 dir from-guest deny"));
	EXPECT_EQ(-ETIMEDOUT, send_one(&g, g.wire, &f, frame, got, 100));
	guest_close(&g);
	free(got);
}

/* A device's checksum offload or GRO, by its old ioctl. */
static int offload(const char *ifname, uint32_t cmd, uint32_t on)
{
	struct ethtool_value v = { .cmd = cmd, .data = on };
	struct ifreq r = { .ifr_data = (void *)&v };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), ret;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", ifname);
	ret = ioctl(fd, SIOCETHTOOL, &r) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* An ICMP echo from here to @to, and its answer: 0. */
static int echo(const char *to)
{
	unsigned char b[64] = { 8, 0, 0, 0, 0x51, 0x05 }, got[128];
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), ret, sum;
	struct timeval limit = { .tv_sec = 10 };

	inet_pton(AF_INET, to, &a.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	sum = ~((8 << 8) + 0x5105);
	b[2] = sum >> 8;
	b[3] = sum;
	ret = sendto(fd, b, sizeof(b), 0, (void *)&a, sizeof(a)) < 0 ? -errno : 0;
	while (!ret) {
		if (recv(fd, got, sizeof(got), 0) < 0)
			ret = -errno;
		else if (!got[20] && got[24] == 0x51)
			break;
	}
	close(fd);
	return ret;
}

/* Has the kernel said so since the log was opened? */
static bool kernel_said(int kmsg, const char *what)
{
	char line[2048];
	bool said = false;
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0 || errno == EPIPE) {
		line[n > 0 ? n : 0] = 0;
		said |= !!strstr(line, what);
	}
	return said;
}

FIXTURE(tunnel) {};

FIXTURE_SETUP(tunnel)
{
	if (!rig_is_sluice())
		SKIP(return, "only Sluice has uplinks");
	ASSERT_EQ(0, fresh_namespace());
}

FIXTURE_TEARDOWN(tunnel) {}

/*
 * 6.4: a device that sums up what it receives and strips the tag, with a VLAN interface above the
 * uplink. A tunnel is such a device, once GRO has proved its outer checksum.
 */
TEST_F_TIMEOUT(tunnel, sum_with_a_stripped_tag, 300)
{
	int kmsg, host, far;

	host = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_EQ(0, netio_run("ip link set lo up && ip link add slw0 type veth peer name slw1"));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	far = open("/proc/self/ns/net", O_RDONLY);
	ASSERT_EQ(0, setns(host, CLONE_NEWNET));
	ASSERT_EQ(0, netio_run("ip link set slw1 netns /proc/%d/fd/%d", getpid(), far));
	ASSERT_EQ(0, netio_run("ip addr add 10.9.0.1/24 dev slw0 && ip link set slw0 up"));
	ASSERT_EQ(0, offload("slw0", ETHTOOL_SGRO, 1));
	ASSERT_EQ(0, netio_run("ip link add slvx0 type vxlan id 7 local 10.9.0.1 remote 10.9.0.2 "
			       "dstport 4789 udpcsum && ip link set slvx0 up"));
	ASSERT_EQ(0, netio_run("ip link add slup1 link slvx0 type sluice && ip link set slup1 up"));
	ASSERT_EQ(0, netio_run("ip link add link slup1 name slup1.5 type vlan id 5 && "
			       "ip addr add 10.8.0.1/24 dev slup1.5 && ip link set slup1.5 up"));
	ASSERT_EQ(0, setns(far, CLONE_NEWNET));
	ASSERT_EQ(0, offload("slw1", ETHTOOL_STXCSUM, 0));
	ASSERT_EQ(0, netio_run("ip addr add 10.9.0.2/24 dev slw1 && ip link set slw1 up"));
	ASSERT_EQ(0, netio_run("ip link add slvx1 type vxlan id 7 local 10.9.0.2 remote 10.9.0.1 "
			       "dstport 4789 udpcsum && ip link set slvx1 up"));
	ASSERT_EQ(0, netio_run("ip link add link slvx1 name slvx1.5 type vlan id 5 && "
			       "ip addr add 10.8.0.2/24 dev slvx1.5 && ip link set slvx1.5 up"));
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_LE(0, kmsg);
	lseek(kmsg, 0, SEEK_END);
	EXPECT_EQ(0, echo("10.8.0.1"));
	EXPECT_EQ(0, echo("10.8.0.1"));
	EXPECT_FALSE(kernel_said(kmsg, "hw csum failure"));
	ASSERT_EQ(0, setns(host, CLONE_NEWNET));
	netio_run("ip link del slup1 && ip link del slvx0 && ip link del slw0");
	close(kmsg);
	close(host);
	close(far);
}

/* 1.8: what is not IP keeps to the MTU behind its tag, as IP does. */
TEST_F_TIMEOUT(uplink, tagged_at_full_mtu, 300)
{
	static const uint16_t types[] = { 0x8864, 0x8847, 0x88e5, 0x88b5 };
	struct netio_frame f = { .len = 60 };
	struct virtio_net_hdr_v1 h = { 0 };
	unsigned int i;
	long sent;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		sent = netio_stat("slup0", "rx_dropped");
		memset(self->frame, 0, 1519);
		self->frame[0] = 2;
		self->frame[6] = 2;
		self->frame[12] = 0x81;
		self->frame[15] = 5;
		self->frame[16] = types[i] >> 8;
		self->frame[17] = types[i];
		ASSERT_EQ(0, vdrv_send(&self->g.v, &h, self->frame, 1518));
		EXPECT_EQ(60, send_one(&self->g, self->peer, &f, self->frame, self->got, 10000));
		EXPECT_EQ(sent, netio_stat("slup0", "rx_dropped")) TH_LOG("%04x", types[i]);
		/* And a byte more is too long. */
		memset(self->frame, 0, 1519);
		self->frame[12] = 0x81;
		self->frame[16] = types[i] >> 8;
		self->frame[17] = types[i];
		ASSERT_EQ(0, vdrv_send(&self->g.v, &h, self->frame, 1519));
		EXPECT_EQ(60, send_one(&self->g, self->peer, &f, self->frame, self->got, 10000));
		EXPECT_EQ(sent + 1, netio_stat("slup0", "rx_dropped")) TH_LOG("%04x", types[i]);
	}
}

TEST_HARNESS_MAIN
