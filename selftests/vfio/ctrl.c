// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue: every command, good and bad, and what it does to traffic (virtio 1.2,
 * 5.1.6.5).
 */
#include "kselftest_harness.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include "rig.h"

#define SOON	2000
#define QUIET	50
#define PAIRS	4
#define OK	VIRTIO_NET_OK
#define ERR	VIRTIO_NET_ERR
#define CTRL_ALL								\
	(VNIC_BIT(CTRL_VQ) | VNIC_BIT(CTRL_RX) | VNIC_BIT(CTRL_VLAN) |				\
	 VNIC_BIT(CTRL_MAC_ADDR) | VNIC_BIT(GUEST_ANNOUNCE) | VNIC_BIT(MQ) |			\
	 VNIC_BIT(CTRL_GUEST_OFFLOADS) | VNIC_BIT(NOTF_COAL))

FIXTURE(ctrl)
{
	struct guest g;
	struct vnic *n;
};

FIXTURE_VARIANT(ctrl)
{
	uint64_t features;
};

FIXTURE_VARIANT_ADD(ctrl, split) {
	.features = VDRV_F_MRG_RXBUF,
};

FIXTURE_VARIANT_ADD(ctrl, packed_all) {
	.features = VDRV_F_MRG_RXBUF | VDRV_F_PACKED | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX |
		    VDRV_BIT(VIRTIO_F_NOTIFICATION_DATA),
};

FIXTURE_SETUP(ctrl)
{
	struct vnic_cfg cfg = {
		.drv.features = RIG_BASE | RIG_OFFLOADS | CTRL_ALL | variant->features,
		.drv.num = 64,
		.pairs = PAIRS,
	};

	self->n = &self->g.n;
	ASSERT_EQ(0, guest_open(&self->g, &cfg));
}

FIXTURE_TEARDOWN(ctrl)
{
	guest_close(&self->g);
}

static int cmd8(struct vnic *n, uint8_t class, uint8_t cmd, uint8_t value)
{
	return vnic_ctrl(n, class, cmd, &value, sizeof(value));
}

static int cmd16(struct vnic *n, uint8_t class, uint8_t cmd, uint16_t value)
{
	return vnic_ctrl(n, class, cmd, &value, sizeof(value));
}

static int set_offloads(struct vnic *n, uint64_t value)
{
	return vnic_ctrl(n, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
			 &value, sizeof(value));
}

#define FOREVER	4000000000U	/* microseconds: an hour */

static int set_coal(struct vnic *n, uint8_t cmd, uint32_t packets, uint32_t usecs)
{
	struct virtio_net_ctrl_coal_rx c = { .rx_max_packets = packets, .rx_usecs = usecs };

	return vnic_ctrl(n, VIRTIO_NET_CTRL_NOTF_COAL, cmd, &c, sizeof(c));
}

static int set_coal_rx(struct vnic *n, uint32_t packets, uint32_t usecs)
{
	return set_coal(n, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, packets, usecs);
}

TEST_F(ctrl, rx_modes)
{
	struct netio_frame f = { .len = 200, .seed = 1 };

	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 1));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, 0));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(ERR, cmd8(self->n, VIRTIO_NET_CTRL_RX, 6, 1));
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, NULL, 0));
	EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON));
}

static int set_mac(struct vnic *n, const uint8_t mac[6])
{
	return vnic_ctrl(n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6);
}

TEST_F(ctrl, mac)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };
	static const uint8_t multicast[6] = { 3, 0, 0, 0, 0, 2 }, zero[6];
	struct netio_frame f = { .len = 200, .seed = 1 };
	uint8_t got[6], was[6], generation;

	vnic_config_mac(self->n, was);
	generation = vpci_common(&self->n->pci, cfg.config_generation);
	EXPECT_EQ(OK, set_mac(self->n, mac));
	/* What was read before has changed (4.1.4.3.1). */
	EXPECT_NE(generation, vpci_common(&self->n->pci, cfg.config_generation));
	vnic_config_mac(self->n, got);
	EXPECT_EQ(0, memcmp(mac, got, 6));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON));
	EXPECT_EQ(ERR, set_mac(self->n, multicast));
	EXPECT_EQ(ERR, set_mac(self->n, zero));
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac,
				 5));
	vnic_config_mac(self->n, got);
	EXPECT_EQ(0, memcmp(mac, got, 6));
	/* The card's own address is back after a reset. */
	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vnic_start(self->n));
	vnic_config_mac(self->n, got);
	EXPECT_EQ(0, memcmp(was, got, 6));
}

/* Two lists, each with its number of entries in front. */
static uint32_t mac_table(unsigned char *to, uint32_t uni, uint32_t multi)
{
	uint32_t at = 0, i, k, nr[2] = { uni, multi };

	for (k = 0; k < 2; k++) {
		memcpy(to + at, &nr[k], 4);
		at += 4;
		for (i = 0; i < nr[k]; i++, at += 6) {
			memset(to + at, 0, 6);
			to[at] = k ? 3 : 2;
			to[at + 5] = i + 2;
		}
	}
	return at;
}

static int set_table(struct vnic *n, const void *table, uint32_t len)
{
	return vnic_ctrl(n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, table, len);
}

TEST_F(ctrl, mac_table)
{
	struct netio_frame f = { .len = 200, .seed = 1 };
	unsigned char t[4096];
	uint32_t len, huge = ~0U, wrap = 0x2aaaaaab;

	EXPECT_EQ(OK, set_table(self->n, t, mac_table(t, 0, 0)));
	EXPECT_EQ(OK, set_table(self->n, t, mac_table(t, 1, 0)));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	/* 02:00:00:00:00:02 is in it, so it is wanted. */
	EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON));
	EXPECT_EQ(OK, set_table(self->n, t, mac_table(t, 3, 7)));
	EXPECT_EQ(200, guest_from(&self->g, self->g.wire, &f, SOON));
	/* More than any table holds: everything is wanted, or the command is refused. */
	EXPECT_LE(0, set_table(self->n, t, mac_table(t, 250, 250)));
	/* Numbers that do not fit what came. */
	len = mac_table(t, 2, 2);
	EXPECT_EQ(ERR, set_table(self->n, t, len - 1));
	EXPECT_EQ(ERR, set_table(self->n, t, 4 + 12));
	EXPECT_EQ(ERR, set_table(self->n, t, 3));
	memcpy(t, &huge, 4);
	EXPECT_EQ(ERR, set_table(self->n, t, len));
	memcpy(t, &wrap, 4);
	EXPECT_EQ(ERR, set_table(self->n, t, len));
	len = mac_table(t, 1, 1);
	memcpy(t + 10, &huge, 4);
	EXPECT_EQ(ERR, set_table(self->n, t, len));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(0, guest_ping(&self->g, 5));
}

TEST_F(ctrl, vlan)
{
	unsigned int i;

	for (i = 0; i < 4096; i += 273)
		EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, i));
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 273));
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 273));
	EXPECT_EQ(ERR, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 4096));
	EXPECT_EQ(ERR, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 0xffff));
	EXPECT_EQ(ERR, cmd8(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 1));
	EXPECT_EQ(ERR, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, 2, 1));
	/* Frames without a tag are not concerned. */
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* A tagged frame to the guest: true if it came. */
static bool tagged_comes(struct guest *g, unsigned int vid, int timeout_ms)
{
	unsigned char frame[256] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0 }, got[2048];
	struct virtio_net_hdr_v1 h = { 0 };
	int n;

	frame[14] = vid >> 8;
	frame[15] = vid;
	frame[16] = 0x88;
	frame[17] = 0xb5;
	if (netio_send(g->wire, &h, frame, sizeof(frame)))
		return false;
	n = guest_recv(g, &h, got, sizeof(got), timeout_ms);
	return n == sizeof(frame) && !memcmp(frame, got, n);
}

/* Tags that were asked for come; those that were not may stay away. */
TEST_F(ctrl, vlan_wanted)
{
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 5));
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 4094));
	EXPECT_TRUE(tagged_comes(&self->g, 5, SOON));
	EXPECT_TRUE(tagged_comes(&self->g, 4094, SOON));
	tagged_comes(&self->g, 6, QUIET);
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 5));
	EXPECT_TRUE(tagged_comes(&self->g, 4094, SOON));
}

#define MOCKVF	"/sys/module/sluice_mockvf/parameters/vlans"

/* A VF that tells what it is asked for, and a flow that ties the guest's port to its uplink. */
static int mock_up(void)
{
	if (access(MOCKVF, F_OK) && netio_run("insmod $SLUICE_OBJECTS/wedge/sluice_mockvf.ko"))
		return -ENODEV;
	return netio_run("ip link add slmock0 type mockvf && "
			 "sluice uplink add slup1 dev slmock0 && "
			 "sluice flow add id 9 prio 1 in " RIG_PORT " eth-type 0x88b6 "
			 "actions output:slup1");
}

static void mock_down(void)
{
	netio_run("sluice flow del id 9; ip link del slup1; ip link del slmock0; "
		  "sluice guard off port " RIG_PORT);
}

/* It will have these VLANs, as a bitmap is written, or addresses, with spaces between. */
static int mock_vlans(const char *list)
{
	return netio_run("n=0; until [ \"$(sed -n 's/^slmock0 [0-9 ]*: *//p' " MOCKVF ")\" = "
			 "'%s' ]; do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done",
			 list);
}

static int mock_macs(const char *list)
{
	return netio_run("n=0; until [ \"$(bridge fdb show dev slmock0 | sed 's/ .*//' | "
			 "grep -v '^\\(33:33\\|01:00:5e\\)' | sort | xargs)\" = '%s' ]; "
			 "do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done", list);
}

#define MACS_12	"02:00:00:00:00:02 02:00:00:00:00:03 03:00:00:00:00:02"

static void use_known_mac(struct __test_metadata *_metadata, struct vnic *n)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 2 };

	ASSERT_EQ(OK, set_mac(n, mac));
}

/* 2: what a guest asks for is asked of the VF, until it is reset. */
TEST_F(ctrl, asked_of_vf)
{
	unsigned char t[4096];

	ASSERT_EQ(0, mock_up());
	use_known_mac(_metadata, self->n);
	EXPECT_EQ(OK, set_table(self->n, t, mac_table(t, 2, 1)));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 5));
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 4094));
	EXPECT_EQ(0, mock_macs(MACS_12));
	EXPECT_EQ(0, mock_vlans("5,4094"));
	/* One that takes every frame has tags all the same. */
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_DEL, 5));
	EXPECT_EQ(0, mock_vlans("4094"));
	/* Every multicast is asked for only if the VF does not give everything. */
	ASSERT_EQ(0, netio_run("sluice uplink set slup1 no-promisc"));
	EXPECT_EQ(0, netio_run("ip -d link show slmock0 | grep -q 'promiscuity 0 *allmulti 1'"));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(0, mock_macs(MACS_12));
	EXPECT_EQ(0, netio_run("n=0; until ip -d link show slmock0 | grep -q 'allmulti 0'; "
			       "do n=$((n + 1)); [ $n -lt 300 ] || exit 1; sleep 0.1; done"));
	ASSERT_EQ(0, vnic_stop(self->n));
	EXPECT_EQ(0, mock_macs(""));
	EXPECT_EQ(0, mock_vlans(""));
	mock_down();
}

/* 2: never what its guard forbids, and no more than its share. */
TEST_F(ctrl, asked_within_bounds)
{
	unsigned char t[4096];
	unsigned int i;

	ASSERT_EQ(0, mock_up());
	use_known_mac(_metadata, self->n);
	ASSERT_EQ(0, netio_run("sluice guard set port " RIG_PORT " mac 02:00:00:00:00:03 vlan 7"));
	EXPECT_EQ(OK, set_table(self->n, t, mac_table(t, 3, 1)));
	EXPECT_EQ(OK, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	for (i = 1; i < 80; i++)
		EXPECT_EQ(OK, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, i));
	EXPECT_EQ(0, mock_macs("02:00:00:00:00:03 03:00:00:00:00:02"));
	EXPECT_EQ(0, mock_vlans("7"));
	/* Without one it has what it likes, up to 64 VLANs. */
	ASSERT_EQ(0, netio_run("sluice guard off port " RIG_PORT));
	EXPECT_EQ(0, mock_macs("02:00:00:00:00:02 02:00:00:00:00:03 02:00:00:00:00:04 "
			       "03:00:00:00:00:02"));
	EXPECT_EQ(0, mock_vlans("1-64"));
	EXPECT_EQ(0, netio_run("sluice uplink show slup1 | grep -q 'left-out 15'"));
	/* Groups of bridges are not for it, nor is what is no address. */
	memset(t, 0, 26);
	t[0] = 1;
	t[10] = 2;
	memcpy(t + 14, "\x01\x80\xc2\x00\x00\x0e\xff\xff\xff\xff\xff\xff", 12);
	EXPECT_EQ(OK, set_table(self->n, t, 26));
	EXPECT_EQ(0, mock_macs("02:00:00:00:00:02"));
	ASSERT_EQ(0, netio_run("ip link del slmock0"));
	EXPECT_EQ(OK, set_table(self->n, t, mac_table(t, 3, 1)));
	mock_down();
}

/* Frames of many flows to the guest; which pairs got some of them. */
static unsigned int spread(struct guest *g, unsigned int frames)
{
	unsigned char frame[256], got[2048];
	unsigned int i, k, map = 0, left = frames;
	struct virtio_net_hdr_v1 h;
	int n, wait;

	for (i = 0; i < frames; i++) {
		struct netio_frame f = { .len = 100, .sport = 1000 + i };

		netio_frame_make(&f, &h, frame);
		if (netio_send(g->wire, &h, frame, f.len))
			return 0;
	}
	for (wait = SOON; left && wait; wait--) {
		for (k = 0; k < g->n.pairs; k++) {
			while (vdrv_vq_peek(&g->n.pair[k].vq[VDRV_RX])) {
				n = vdrv_recv(&g->n.pair[k], &h, got, sizeof(got), 0);
				if (n < 0)
					return 0;
				map |= 1U << k;
				left--;
			}
		}
		usleep(1000);
	}
	return left ? 0 : map;
}

static int set_pairs(struct vnic *n, uint16_t pairs)
{
	return cmd16(n, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs);
}

TEST_F(ctrl, queue_pairs)
{
	struct netio_frame f = { .len = 100 };
	unsigned int i;

	EXPECT_EQ((1 << PAIRS) - 1, spread(&self->g, 48));
	for (i = 0; i < PAIRS; i++)
		EXPECT_EQ(100, guest_to(&self->g, i, self->g.wire, &f, SOON));
	EXPECT_EQ(OK, set_pairs(self->n, 2));
	EXPECT_EQ(3, spread(&self->g, 48));
	EXPECT_EQ(OK, set_pairs(self->n, 1));
	EXPECT_EQ(1, spread(&self->g, 48));
	EXPECT_EQ(ERR, set_pairs(self->n, 0));
	EXPECT_EQ(ERR, set_pairs(self->n, PAIRS + 1));
	EXPECT_EQ(ERR, set_pairs(self->n, 0xffff));
	EXPECT_EQ(ERR, cmd8(self->n, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 1));
	EXPECT_EQ(1, spread(&self->g, 16));
	EXPECT_EQ(OK, set_pairs(self->n, PAIRS));
	EXPECT_EQ((1 << PAIRS) - 1, spread(&self->g, 48));
}

/* After a reset there is one pair, whoever set up more (5.1.6.5.6.2). */
TEST_F(ctrl, one_pair_at_first)
{
	unsigned int i;

	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vpci_negotiate(&self->n->pci, self->n->features));
	for (i = 0; i < 2 * PAIRS + 1; i++)
		ASSERT_EQ(0, vnic_queue_start(self->n, i));
	ASSERT_EQ(0, vpci_status_add(&self->n->pci, VIRTIO_CONFIG_S_DRIVER_OK));
	for (i = 0; i < PAIRS; i++)
		vdrv_post_rx(&self->n->pair[i]);
	ASSERT_EQ(0, netio_link_wait(self->g.port));
	EXPECT_EQ(1, spread(&self->g, 48));
	EXPECT_EQ(OK, set_pairs(self->n, PAIRS));
	EXPECT_EQ((1 << PAIRS) - 1, spread(&self->g, 48));
}

/* How large a frame with segmentation left to do arrives. */
static int gso_arrives(struct guest *g)
{
	struct netio_frame f = { .len = 9000, .tcp = true, .mss = 1400 };
	static unsigned char frame[RIG_ROOM], got[RIG_ROOM];
	struct virtio_net_hdr_v1 h;
	int left = f.len - 54, n, most = 0;

	netio_frame_make(&f, &h, frame);
	if (netio_send(g->wire, &h, frame, f.len))
		return -EIO;
	while (left > 0) {
		n = vdrv_recv(&g->n.pair[0], &h, got, sizeof(got), SOON);
		if (n < 0)
			return n;
		if (!h.gso_type && (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
		    !netio_frame_csum_ok(got, n))
			most = most ?: -EBADMSG;
		most = n > most ? n : most;
		left -= n - 54;
	}
	return most;
}

TEST_F(ctrl, guest_offloads)
{
	uint64_t all = VNIC_BIT(GUEST_CSUM) | VNIC_BIT(GUEST_TSO4) | VNIC_BIT(GUEST_TSO6) |
		       VNIC_BIT(GUEST_USO4) | VNIC_BIT(GUEST_USO6);

	ASSERT_EQ(OK, set_pairs(self->n, 1));
	EXPECT_EQ(9000, gso_arrives(&self->g));
	EXPECT_EQ(OK, set_offloads(self->n, VNIC_BIT(GUEST_CSUM)));
	EXPECT_GE(1454, gso_arrives(&self->g));
	EXPECT_EQ(OK, set_offloads(self->n, all));
	EXPECT_EQ(9000, gso_arrives(&self->g));
	EXPECT_EQ(OK, set_offloads(self->n, 0));
	EXPECT_GE(1454, gso_arrives(&self->g));
	/* Not offloads, not negotiated, not whole. */
	EXPECT_EQ(ERR, set_offloads(self->n, VNIC_BIT(GUEST_UFO)));
	EXPECT_EQ(ERR, set_offloads(self->n, all | VNIC_BIT(MRG_RXBUF)));
	EXPECT_EQ(ERR, set_offloads(self->n, 1ULL << 63));
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
				 VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &all, 4));
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 1, &all, 8));
	EXPECT_EQ(OK, set_offloads(self->n, all));
	EXPECT_EQ(9000, gso_arrives(&self->g));
}

/* Link messages about the port's netdev that wait in @fd: each change of it made one. */
static unsigned int link_messages(int fd, int ifindex)
{
	unsigned char buf[16384];
	const struct nlmsghdr *h;
	unsigned int nr = 0;
	ssize_t n;
	int left;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		left = n;
		for (h = (void *)buf; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			const struct ifinfomsg *info = NLMSG_DATA(h);

			nr += h->nlmsg_type == RTM_NEWLINK && info->ifi_index == ifindex;
		}
	}
	return nr;
}

#define TOGGLES	400

/*
 * Issue 9, 4.1: a guest that changes its mind again and again has RTNL taken no more often than
 * twenty times a second, however often that is; what counts is what it said last.
 */
TEST_F(ctrl, guest_offloads_in_a_row)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	uint64_t all = VNIC_BIT(GUEST_CSUM) | VNIC_BIT(GUEST_TSO4);
	int ifindex = if_nametoindex(self->g.port);
	unsigned int i, nr = 0, most;
	time_t then = time(NULL);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, bind(fd, (void *)&addr, sizeof(addr)));
	ASSERT_EQ(OK, set_pairs(self->n, 1));
	for (i = 0; i < TOGGLES; i++) {
		EXPECT_EQ(OK, set_offloads(self->n, i & 1 ? all : 0));
		nr += link_messages(fd, ifindex);
	}
	EXPECT_EQ(9000, gso_arrives(&self->g));
	EXPECT_EQ(OK, set_offloads(self->n, 0));
	EXPECT_GE(1454, gso_arrives(&self->g));
	while (netio_run("ethtool -k %s | grep -q '^tcp-segmentation-offload: off'", self->g.port))
		usleep(10000);
	nr += link_messages(fd, ifindex);
	most = 4 + (time(NULL) - then + 1) * 20;
	printf("# %u changes of its mind, %u changes of the netdev\n", TOGGLES, nr);
	EXPECT_GE(most, nr);
	close(fd);
}

/* @n frames to the guest, which sees each by looking, and wants to be told of each. */
static int frames_in(struct guest *g, unsigned int n)
{
	struct vdrv_vq *q = &g->n.pair[0].vq[VDRV_RX];
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[256];
	int ret = 0, wait;

	while (n-- && ret >= 0) {
		vdrv_vq_call_after(q, 1);
		netio_frame_make(&f, &h, frame);
		ret = netio_send(g->wire, &h, frame, f.len);
		for (wait = SOON; wait && !vdrv_vq_peek(q); wait--)
			usleep(1000);
		ret = ret ?: vdrv_recv(&g->n.pair[0], &h, frame, sizeof(frame), 0);
	}
	return ret < 0 ? ret : 0;
}

/*
 * The host's own frames may come in between, so in this direction there are bounds only; no test
 * takes an hour.
 */
TEST_F(ctrl, coalesced_rx)
{
	int call = self->n->pair[0].vq[VDRV_RX].call;
	uint64_t sum;

	ASSERT_EQ(OK, set_pairs(self->n, 1));
	/* By number. */
	EXPECT_EQ(OK, set_coal_rx(self->n, 8, FOREVER));
	rig_events(call, QUIET);
	EXPECT_EQ(0, frames_in(&self->g, 32));
	sum = rig_events(call, QUIET);
	EXPECT_LE(3, sum);
	EXPECT_GE(8, sum);
	/* By time. */
	EXPECT_EQ(OK, set_coal_rx(self->n, 100000, 20000));
	rig_events(call, QUIET);
	EXPECT_EQ(0, frames_in(&self->g, 1));
	EXPECT_LE(1, rig_events(call, SOON));
	/* Neither yet; but who waits no longer is told. */
	EXPECT_EQ(OK, set_coal_rx(self->n, 100000, FOREVER));
	rig_events(call, QUIET);
	EXPECT_EQ(0, frames_in(&self->g, 4));
	EXPECT_EQ(0, rig_events(call, QUIET));
	EXPECT_EQ(OK, set_coal_rx(self->n, 0, 0));
	EXPECT_LE(1, rig_events(call, SOON));
	/* One without the other holds nothing back. */
	EXPECT_EQ(OK, set_coal_rx(self->n, ~0U, 0));
	EXPECT_EQ(0, frames_in(&self->g, 1));
	EXPECT_LE(1, rig_events(call, SOON));
	EXPECT_EQ(OK, set_coal_rx(self->n, 0, ~0U));
	EXPECT_EQ(0, frames_in(&self->g, 1));
	EXPECT_LE(1, rig_events(call, SOON));
}

/* A driver that used all that it gave is told, whatever it said. */
TEST_F(ctrl, coalesced_ring_full)
{
	int call = self->n->pair[0].vq[VDRV_RX].call;
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[256];
	unsigned int i;

	ASSERT_EQ(OK, set_pairs(self->n, 1));
	EXPECT_EQ(OK, set_coal_rx(self->n, ~0U, FOREVER));
	rig_events(call, QUIET);
	vdrv_vq_call_after(&self->n->pair[0].vq[VDRV_RX], 1);
	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 128; i++)
		netio_send(self->g.wire, &h, frame, f.len);
	EXPECT_LE(1, rig_events(call, SOON));
}

TEST_F(ctrl, coalesced_tx)
{
	struct vdrv_vq *q = &self->n->pair[0].vq[VDRV_TX];
	struct netio_frame f = { .len = 100 };
	unsigned int i;

	ASSERT_EQ(OK, set_pairs(self->n, 1));
	EXPECT_EQ(OK, set_coal(self->n, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, 4, FOREVER));
	vdrv_drain_tx(&self->n->pair[0], SOON);
	vdrv_vq_call_after(q, 1);
	rig_events(q->call, QUIET);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(100, guest_to(&self->g, 0, self->g.wire, &f, SOON));
	EXPECT_EQ(0, rig_events(q->call, QUIET));
	EXPECT_EQ(100, guest_to(&self->g, 0, self->g.wire, &f, SOON));
	EXPECT_EQ(1, rig_events(q->call, SOON));
	/* Receiving is another matter. */
	EXPECT_EQ(0, frames_in(&self->g, 1));
	EXPECT_LE(1, rig_events(self->n->pair[0].vq[VDRV_RX].call, SOON));
}

/* What is held back does not outlive the ring, nor the wish a reset (5.1.6.5.7.2). */
TEST_F(ctrl, coalesced_stop)
{
	int call = self->n->pair[0].vq[VDRV_RX].call;

	ASSERT_EQ(OK, set_pairs(self->n, 1));
	EXPECT_EQ(OK, set_coal_rx(self->n, 100000, 20000));
	EXPECT_EQ(0, frames_in(&self->g, 4));
	ASSERT_EQ(0, vnic_stop(self->n));
	ASSERT_EQ(0, vnic_start(self->n));
	ASSERT_EQ(OK, set_pairs(self->n, 1));
	rig_events(call, QUIET);
	EXPECT_EQ(0, frames_in(&self->g, 1));
	EXPECT_LE(1, rig_events(self->n->pair[0].vq[VDRV_RX].call, SOON));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

TEST_F(ctrl, coalescing_refused)
{
	uint64_t c = 1;

	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_NOTF_COAL,
				 VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, &c, 7));
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_NOTF_COAL,
				 VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, NULL, 0));
	EXPECT_EQ(ERR, set_coal(self->n, 9, 1, 1));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

TEST_F(ctrl, announce)
{
	/* Nothing to acknowledge: fine or refused, but answered. */
	EXPECT_LE(0, vnic_ctrl(self->n, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK,
			       NULL, 0));
	EXPECT_EQ(0, vnic_config(self->n, status) & VIRTIO_NET_S_ANNOUNCE);
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_ANNOUNCE, 1, NULL, 0));
}

TEST_F(ctrl, unknown)
{
	unsigned char data[64] = { 0 };
	unsigned int class, len;

	for (class = 6; class < 256; class += class < 16 ? 1 : 24)
		for (len = 0; len <= sizeof(data); len += 32)
			EXPECT_EQ(ERR, vnic_ctrl(self->n, class, len, data, len));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
}

/* However a command is cut into descriptors, it is the same command (2.7.4.2). */
TEST_F(ctrl, framing)
{
	unsigned char *buf = vnic_ctrl_buf(self->n);
	uint64_t at = vdrv_addr(&self->n->ctl, buf);
	struct vdrv_seg seg[10];
	unsigned int cut, i;

	memset(buf, 0, 10);
	buf[0] = VIRTIO_NET_CTRL_GUEST_OFFLOADS;
	buf[1] = VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET;
	buf[2] = VNIC_BIT(GUEST_CSUM);
	for (cut = 1; cut <= 10; cut++) {
		unsigned int n = 0, left = 10;

		for (i = 0; left; i += seg[n++].len) {
			seg[n] = (struct vdrv_seg){ at + i, left < cut ? left : cut };
			left -= seg[n].len;
		}
		if (n >= ARRAY_SIZE(seg))
			continue;
		buf[100] = 0xee;
		seg[n] = (struct vdrv_seg){ at + 100, 1 };
		EXPECT_EQ(1, vnic_ctrl_raw(self->n, seg, n, 1));
		EXPECT_EQ(OK, buf[100]);
	}
	/* Room for more than the answer. */
	buf[100] = 0xee;
	buf[101] = 0xee;
	seg[0] = (struct vdrv_seg){ at, 10 };
	seg[1] = (struct vdrv_seg){ at + 100, 2 };
	EXPECT_EQ(1, vnic_ctrl_raw(self->n, seg, 1, 1));
	EXPECT_EQ(OK, buf[100]);
	EXPECT_EQ(0xee, buf[101]);
}

/* Not a command at all. The queue may stop; the card is as good as new after a reset. */
TEST_F(ctrl, nonsense)
{
	unsigned char *buf = vnic_ctrl_buf(self->n);
	uint64_t at = vdrv_addr(&self->n->ctl, buf), beyond = 0x7f0000000000ULL;
	struct {
		struct vdrv_seg seg[4];
		unsigned int out, in;
	} bad[] = {
		{ { { at, 10 } }, 1, 0 },		/* nowhere to answer */
		{ { { at, 10 } }, 0, 1 },		/* nothing asked */
		{ { { at, 1 }, { at + 100, 1 } }, 1, 1 },
		{ { { at, 0 }, { at + 100, 1 } }, 1, 1 },
		{ { { at, 2 }, { at + 100, 0 } }, 1, 1 },
		{ { { beyond, 2 }, { at + 100, 1 } }, 1, 1 },
		{ { { at, 2 }, { beyond, 1 } }, 1, 1 },
		{ { { at, 2 }, { at, 0xffffffff }, { at + 100, 1 } }, 2, 1 },
		{ { { at, 2 }, { ~0ULL - 3, 8 }, { at + 100, 1 } }, 2, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(buf, 0, 256);
		buf[100] = 0xee;
		/* Whether it is given back is the device's affair, so do not wait for that. */
		vdrv_vq_add(&self->n->ctl, &self->n->ctl.vq[VDRV_TX],
			    vdrv_vq_slot(&self->n->ctl.vq[VDRV_TX]), bad[i].seg, bad[i].out,
			    bad[i].in);
		vdrv_vq_publish(&self->n->ctl.vq[VDRV_TX]);
		vdrv_kick_always(&self->n->ctl.vq[VDRV_TX]);
		usleep(QUIET * 1000);
		EXPECT_NE(OK, buf[100]);
		/* Traffic is not touched by it. */
		ASSERT_EQ(OK, vpci_status(&self->n->pci) & VIRTIO_CONFIG_S_FAILED);
		ASSERT_EQ(0, vnic_stop(self->n));
		ASSERT_EQ(0, vnic_start(self->n));
		ASSERT_EQ(0, netio_link_wait(self->g.port));
		EXPECT_EQ(0, guest_ping(&self->g, i));
	}
}

/* What was not negotiated is not there. */
TEST_F(ctrl, not_negotiated)
{
	struct vnic_cfg cfg = self->n->cfg;
	uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

	guest_detach(&self->g);
	cfg.pairs = 1;
	cfg.drv.features &= ~CTRL_ALL;
	cfg.drv.features |= VNIC_BIT(CTRL_VQ);
	ASSERT_EQ(0, guest_attach(&self->g, NULL, RIG_UUID, RIG_PORT, &cfg));
	EXPECT_EQ(2, vnic_ctl_index(self->n));
	EXPECT_EQ(ERR, cmd8(self->n, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(ERR, set_mac(self->n, mac));
	EXPECT_EQ(ERR, cmd16(self->n, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, 5));
	EXPECT_EQ(ERR, set_pairs(self->n, 1));
	EXPECT_EQ(ERR, set_offloads(self->n, 0));
	EXPECT_EQ(ERR, set_coal_rx(self->n, 4, 100));
	EXPECT_EQ(ERR, vnic_ctrl(self->n, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK,
				 NULL, 0));
	EXPECT_EQ(0, guest_ping(&self->g, 1));
	/* And without its queue there is no queue. */
	guest_detach(&self->g);
	cfg.drv.features &= ~VNIC_BIT(CTRL_VQ);
	ASSERT_EQ(0, guest_attach(&self->g, NULL, RIG_UUID, RIG_PORT, &cfg));
	EXPECT_EQ(0, guest_ping(&self->g, 2));
}

/* Commands in a row, between which traffic goes on. */
TEST_F(ctrl, under_traffic)
{
	struct netio_frame f = { .len = 200 };
	unsigned char frame[256];
	struct virtio_net_hdr_v1 h;
	uint64_t bytes = 0;
	unsigned int i, k;

	netio_frame_make(&f, &h, frame);
	for (i = 0; i < 100; i++) {
		for (k = 0; k < 8; k++)
			netio_send(self->g.wire, &h, frame, f.len);
		for (k = 0; k < PAIRS; k++) {
			vdrv_tx_burst(&self->n->pair[k], 4, 200, NULL, NULL);
			vdrv_vq_kick(&self->n->pair[k].vq[VDRV_TX]);
		}
		EXPECT_EQ(OK, set_pairs(self->n, 1 + i % PAIRS));
		EXPECT_EQ(OK, set_offloads(self->n, i & 1 ? VNIC_BIT(GUEST_CSUM) : 0));
		for (k = 0; k < PAIRS; k++) {
			vdrv_tx_reap(&self->n->pair[k]);
			vdrv_rx_reap(&self->n->pair[k], &bytes);
			vdrv_vq_kick(&self->n->pair[k].vq[VDRV_RX]);
		}
	}
	EXPECT_LT(0, bytes);
}

TEST_HARNESS_MAIN
