// SPDX-License-Identifier: GPL-2.0-only
/* What makes a device a network card: a guest port behind it (virtio 1.2, 5.1). */
#include <linux/etherdevice.h>
#include <linux/pci_ids.h>
#include <linux/virtio_ids.h>
#include "mdev.h"

static enum sluice_queue_dir net_dir(unsigned int index)
{
	return index % 2 ? SLUICE_QUEUE_TX : SLUICE_QUEUE_RX;
}

static struct sluice_queue *net_queue(const struct sluice_mdev *m, unsigned int index)
{
	return sluice_port_queue(m->port, index / 2, net_dir(index));
}

static void net_describe(struct sluice_mdev *m)
{
	struct sluice_common *c = &m->common;

	c->nr_queues = m->nr_data + 1;
	c->offered = sluice_netcfg_features(m->pairs);
	c->valid = sluice_netcfg_features_valid;
	c->notify_off = sluice_netcfg_notify_off;
}

static void net_queue_config(const struct sluice_mdev *m, unsigned int index,
			     struct sluice_queue_config *cfg)
{
	cfg->hdr_len = sizeof(struct virtio_net_hdr_mrg_rxbuf);
	cfg->mergeable = sluice_mdev_has(m, VIRTIO_NET_F_MRG_RXBUF);
	cfg->coalesce = m->coalesce[net_dir(index)];
}

static void net_start(struct sluice_mdev *m)
{
	u64 offloads = sluice_netcfg_offloads(m->common.features);

	lockdep_assert_held(&m->lock);
	/* A port that is gone does not mind. */
	sluice_port_set_offloads(m->port, sluice_port_offloads(offloads));
	if (sluice_mdev_has(m, VIRTIO_NET_F_CTRL_VQ))
		WRITE_ONCE(m->ctrl_index, 2 * sluice_netcfg_pairs(m->common.features, m->pairs));
}

static void net_reset(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	/* A driver that set an address of its own finds the device's again. */
	ether_addr_copy(m->net.mac, m->mac);
	m->net.status &= ~__cpu_to_virtio16(true, VIRTIO_NET_S_ANNOUNCE);
	sluice_mdev_ctrl_reset(m);
}

static void net_read(struct sluice_mdev *m, u32 off, void *buf, unsigned int len)
{
	sluice_common_read_device(&m->net, sizeof(m->net), off, buf, len);
}

void sluice_mdev_net_set_coalesce(struct sluice_mdev *m, enum sluice_queue_dir dir)
{
	unsigned int i;

	lockdep_assert_held(&m->lock);
	for (i = 0; i < m->nr_active; i++) {
		if (m->vq[i].q && net_dir(i) == dir)
			sluice_queue_set_coalesce(m->vq[i].q, m->coalesce[dir]);
	}
}

static const struct attribute_group *net_groups[] = {
	&sluice_mdev_port_group,
	&sluice_mdev_device_group,
	NULL
};

struct sluice_mdev_kind sluice_mdev_net_kind = {
	.driver = {
		.device_api = VFIO_DEVICE_API_PCI_STRING,
		/* For each VF: what its wire can bear is a question of taste. */
		.max_instances = 32,
		.driver = {
			.name = KBUILD_MODNAME,
			.owner = THIS_MODULE,
			.mod_name = KBUILD_MODNAME,
			.dev_groups = net_groups,
		},
		.probe = sluice_mdev_probe,
		.remove = sluice_mdev_remove,
	},
	.type = "net",
	.pretty = "virtio network card",
	.id = VIRTIO_ID_NET,
	.class = PCI_CLASS_NETWORK_ETHERNET,
	.ring_max = 256,
	.drop = sluice_mdev_port_drop,
	.bind = sluice_mdev_port_bind,
	.unbind = sluice_mdev_port_unbind,
	.describe = net_describe,
	.queue = net_queue,
	.queue_config = net_queue_config,
	.start = net_start,
	.reset = net_reset,
	.news = sluice_mdev_port_update_link,
	.read = net_read,
};
