// SPDX-License-Identifier: GPL-2.0-only
/* Features and configuration of a virtio network device: see netcfg.h. */
#include <linux/bits.h>
#include "common.h"
#include "netcfg.h"

#define F(bit)	BIT_ULL(bit)

/* Bits without which a driver may not take another (5.1.3.1): one of @any for @bit. */
static const struct {
	u64 bit;
	u64 any;
} netcfg_needs[] = {
	{ F(VIRTIO_NET_F_GUEST_TSO4), F(VIRTIO_NET_F_GUEST_CSUM) },
	{ F(VIRTIO_NET_F_GUEST_TSO6), F(VIRTIO_NET_F_GUEST_CSUM) },
	{ F(VIRTIO_NET_F_GUEST_USO4), F(VIRTIO_NET_F_GUEST_CSUM) },
	{ F(VIRTIO_NET_F_GUEST_USO6), F(VIRTIO_NET_F_GUEST_CSUM) },
	{ F(VIRTIO_NET_F_GUEST_ECN), F(VIRTIO_NET_F_GUEST_TSO4) | F(VIRTIO_NET_F_GUEST_TSO6) },
	{ F(VIRTIO_NET_F_HOST_TSO4), F(VIRTIO_NET_F_CSUM) },
	{ F(VIRTIO_NET_F_HOST_TSO6), F(VIRTIO_NET_F_CSUM) },
	{ F(VIRTIO_NET_F_HOST_USO), F(VIRTIO_NET_F_CSUM) },
	{ F(VIRTIO_NET_F_HOST_ECN), F(VIRTIO_NET_F_HOST_TSO4) | F(VIRTIO_NET_F_HOST_TSO6) },
	{ F(VIRTIO_NET_F_CTRL_RX), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_CTRL_RX_EXTRA), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_CTRL_VLAN), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_CTRL_MAC_ADDR), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_GUEST_ANNOUNCE), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_MQ), F(VIRTIO_NET_F_CTRL_VQ) },
	{ F(VIRTIO_NET_F_NOTF_COAL), F(VIRTIO_NET_F_CTRL_VQ) },
};

static const u64 netcfg_offer =
	SLUICE_COMMON_OFFER |
	F(VIRTIO_NET_F_MAC) | F(VIRTIO_NET_F_STATUS) | F(VIRTIO_NET_F_MTU) |
	F(VIRTIO_NET_F_MRG_RXBUF) | F(VIRTIO_NET_F_SPEED_DUPLEX) |
	F(VIRTIO_NET_F_CSUM) | F(VIRTIO_NET_F_HOST_TSO4) | F(VIRTIO_NET_F_HOST_TSO6) |
	F(VIRTIO_NET_F_HOST_ECN) | F(VIRTIO_NET_F_HOST_USO) |
	F(VIRTIO_NET_F_GUEST_CSUM) | F(VIRTIO_NET_F_GUEST_TSO4) | F(VIRTIO_NET_F_GUEST_TSO6) |
	F(VIRTIO_NET_F_GUEST_ECN) | F(VIRTIO_NET_F_GUEST_USO4) | F(VIRTIO_NET_F_GUEST_USO6) |
	F(VIRTIO_NET_F_CTRL_VQ) | F(VIRTIO_NET_F_CTRL_RX) | F(VIRTIO_NET_F_CTRL_RX_EXTRA) |
	F(VIRTIO_NET_F_CTRL_VLAN) | F(VIRTIO_NET_F_CTRL_MAC_ADDR) |
	F(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | F(VIRTIO_NET_F_GUEST_ANNOUNCE) |
	F(VIRTIO_NET_F_NOTF_COAL);

u64 sluice_netcfg_features(unsigned int pairs)
{
	return netcfg_offer | (pairs > 1 ? F(VIRTIO_NET_F_MQ) : 0);
}

bool sluice_netcfg_features_valid(u64 features)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(netcfg_needs); i++) {
		if (features & netcfg_needs[i].bit && !(features & netcfg_needs[i].any))
			return false;
	}
	return true;
}

u64 sluice_netcfg_offloads(u64 features)
{
	return features & (F(VIRTIO_NET_F_GUEST_CSUM) | F(VIRTIO_NET_F_GUEST_TSO4) |
			   F(VIRTIO_NET_F_GUEST_TSO6) | F(VIRTIO_NET_F_GUEST_ECN) |
			   F(VIRTIO_NET_F_GUEST_USO4) | F(VIRTIO_NET_F_GUEST_USO6));
}

unsigned int sluice_netcfg_pairs(u64 features, unsigned int pairs)
{
	return features & F(VIRTIO_NET_F_MQ) ? pairs : 1;
}

u16 sluice_netcfg_notify_off(u64 features, u16 nr_queues, u16 index)
{
	return index == 2 * sluice_netcfg_pairs(features, nr_queues / 2) ? nr_queues - 1 : index;
}
