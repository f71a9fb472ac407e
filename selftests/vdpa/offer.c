// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a network card on the vDPA bus offers: what QEMU can migrate, unless the operator wants all
 * that there is. QEMU itself is asked, if it is there.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define NAME	"slvdpa0"
#define SAID	"/tmp/slvdpa-qemu"

/*
 * net/vhost-vdpa.c and hw/virtio/vhost-shadow-virtqueue.c of QEMU 7.2 have these: more are taken by
 * none, and ring features but these by no version before 10.1.
 */
#define SHADOWED	(VDRV_F_VERSION_1 | VDRV_F_IOMMU | VDRV_F_EVENT_IDX | VDRV_F_MRG_RXBUF | \
			 VDRV_BIT(VIRTIO_NET_F_MAC) | VDRV_BIT(VIRTIO_NET_F_STATUS) | \
			 VDRV_BIT(VIRTIO_NET_F_MTU) | \
			 VDRV_BIT(VIRTIO_NET_F_CSUM) | VDRV_BIT(VIRTIO_NET_F_HOST_TSO4) | \
			 VDRV_BIT(VIRTIO_NET_F_HOST_TSO6) | VDRV_BIT(VIRTIO_NET_F_HOST_ECN) | \
			 VDRV_BIT(VIRTIO_NET_F_GUEST_CSUM) | VDRV_BIT(VIRTIO_NET_F_GUEST_TSO4) | \
			 VDRV_BIT(VIRTIO_NET_F_GUEST_TSO6) | VDRV_BIT(VIRTIO_NET_F_GUEST_ECN))
#define MORE		(VDRV_F_PACKED | VDRV_F_INDIRECT | VDRV_BIT(VIRTIO_NET_F_HOST_USO) | \
			 VDRV_BIT(VIRTIO_NET_F_GUEST_USO4) | VDRV_BIT(VIRTIO_NET_F_GUEST_USO6))

FIXTURE(offer)
{
	char node[64];
};

FIXTURE_VARIANT(offer)
{
	const char *mgmtdev;
	uint64_t features;
};

FIXTURE_VARIANT_ADD(offer, default) { "sluice", SHADOWED };
FIXTURE_VARIANT_ADD(offer, full) { "sluice-full", SHADOWED | MORE };

FIXTURE_SETUP(offer)
{
	ASSERT_EQ(0, vdpa_add_by(variant->mgmtdev, NAME, "mac 52:54:00:00:51:0d"));
	ASSERT_EQ(0, vdpa_bind(NAME, "vhost_vdpa"));
	ASSERT_EQ(0, vdpa_node(NAME, self->node, sizeof(self->node)));
}

FIXTURE_TEARDOWN(offer)
{
	EXPECT_EQ(0, vdpa_del(NAME));
}

TEST_F(offer, features)
{
	int fd = open(self->node, O_RDWR | O_CLOEXEC);
	uint64_t f = 0;

	ASSERT_GE(fd, 0);
	EXPECT_EQ(0, ioctl(fd, VHOST_GET_FEATURES, &f));
	EXPECT_EQ(variant->features, f);
	close(fd);
}

/* No operating system is needed for QEMU to know. */
TEST_F(offer, qemu)
{
	bool wanted = !(variant->features & MORE), blocked;

	if (netio_run("command -v qemu-system-x86_64 >/dev/null"))
		SKIP(return, "no QEMU");
	ASSERT_EQ(0, netio_run("printf 'info migrate\\nquit\\n' | timeout 100 "
			       "qemu-system-x86_64 -accel tcg -machine q35 -m 32 -nodefaults -S "
			       "-display none -monitor stdio "
			       "-netdev vhost-vdpa,id=n0,vhostdev=%s "
			       "-device virtio-net-pci,netdev=n0 >" SAID " 2>&1 && "
			       "grep -q 'info migrate' " SAID, self->node));
	blocked = !netio_run("grep -qi 'migration.*blocked' " SAID);
	EXPECT_EQ(wanted, !blocked);
	unlink(SAID);
}

TEST_HARNESS_MAIN
