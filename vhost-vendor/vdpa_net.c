// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes the device a network card: a guest port, and its features and configuration (virtio
 * 1.2, 5.1). The port is one of the device's name that is there and has its first queue pair to
 * spare, else one that is made for it and goes with it.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_ids.h>
#include <net/net_namespace.h>
#include <uapi/linux/vdpa.h>
#include "vdpa.h"

#define F(bit)	BIT_ULL(bit)

/*
 * There is no control queue: virtio_net waits for its answers with RTNL held, which whoever tells a
 * port's netdev of its offloads waits for.
 */
const u64 sluice_vdpa_net_offer =
	SLUICE_VDPA_RING_OFFER |
	F(VIRTIO_NET_F_MAC) | F(VIRTIO_NET_F_STATUS) | F(VIRTIO_NET_F_MTU) |
	F(VIRTIO_NET_F_MRG_RXBUF) |
	F(VIRTIO_NET_F_CSUM) | F(VIRTIO_NET_F_HOST_TSO4) | F(VIRTIO_NET_F_HOST_TSO6) |
	F(VIRTIO_NET_F_HOST_ECN) | F(VIRTIO_NET_F_HOST_USO) |
	F(VIRTIO_NET_F_GUEST_CSUM) | F(VIRTIO_NET_F_GUEST_TSO4) | F(VIRTIO_NET_F_GUEST_TSO6) |
	F(VIRTIO_NET_F_GUEST_ECN) | F(VIRTIO_NET_F_GUEST_USO4) | F(VIRTIO_NET_F_GUEST_USO6);

/*
 * What QEMU has no shadow virtqueues for, by which it migrates a guest: it looks at what is
 * offered, whatever the guest takes (QEMU 7.2 to 10.0: vhost_svq_valid_features(),
 * net/vhost-vdpa.c). So it is left out unless the operator asks for it.
 */
#define NET_NOT_MIGRATED \
	(F(VIRTIO_F_RING_PACKED) | F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_NET_F_HOST_USO) | \
	 F(VIRTIO_NET_F_GUEST_USO4) | F(VIRTIO_NET_F_GUEST_USO6))

/* Inside RTNL; nothing is taken inside but d->config_lock. */
static DEFINE_MUTEX(net_lock);
static LIST_HEAD(net_devices);

/* --- the port's link --- */

static void net_set_link(struct sluice_vdpa *d, bool up)
{
	const __virtio16 status = __cpu_to_virtio16(true, up ? VIRTIO_NET_S_LINK_UP : 0);
	bool changed;

	spin_lock(&d->config_lock);
	changed = d->net.config.status != status;
	d->net.config.status = status;
	d->net.heard = true;
	spin_unlock(&d->config_lock);
	if (changed)
		sluice_vdpa_config_changed(d);
}

static void net_set_port_link(const struct sluice_port *port, bool up)
{
	struct sluice_vdpa *d;

	ASSERT_RTNL();
	mutex_lock(&net_lock);
	list_for_each_entry(d, &net_devices, net.node) {
		if (d->net.port == port)
			net_set_link(d, up);
	}
	mutex_unlock(&net_lock);
}

static void net_port_changed(struct sluice_port *port, struct net_device *dev)
{
	net_set_port_link(port, dev->flags & IFF_UP);
}

static void net_port_removed(struct sluice_port *port, struct net_device *dev)
{
	net_set_port_link(port, false);
}

static struct sluice_port_notifier net_notifier = {
	.added = net_port_changed,
	.removed = net_port_removed,
	.changed = net_port_changed,
};

int sluice_vdpa_net_register(void)
{
	return sluice_port_notifier_register(&net_notifier);
}

void sluice_vdpa_net_unregister(void)
{
	sluice_port_notifier_unregister(&net_notifier);
}

/* From here on the port's notifier tells of the link; of what was before it, nobody did. */
static void net_list(struct sluice_vdpa *d)
{
	struct sluice_port_link link;
	bool heard;

	mutex_lock(&net_lock);
	list_add_tail(&d->net.node, &net_devices);
	mutex_unlock(&net_lock);
	sluice_port_get_link(d->net.port, &link);
	spin_lock(&d->config_lock);
	heard = d->net.heard;
	spin_unlock(&d->config_lock);
	if (!heard)
		net_set_link(d, link.up);
}

/* --- the port --- */

bool sluice_vdpa_net_exists(const char *name)
{
	struct sluice_port *port = sluice_port_get_by_name(&init_net, name);

	if (port)
		sluice_port_put(port);
	return port;
}

static int net_take_port(struct sluice_vdpa *d, const char *name)
{
	int err;

	d->net.port = sluice_port_get_by_name(&init_net, name);
	if (!d->net.port) {
		d->net.port = sluice_port_create(&init_net, name, 1);
		if (IS_ERR(d->net.port))
			return PTR_ERR(d->net.port);
		d->net.own_port = true;
	}
	err = sluice_port_get_pair(d->net.port, 0);
	if (err < 0) {
		if (d->net.own_port)
			sluice_port_destroy(d->net.port);
		else
			sluice_port_put(d->net.port);
		return err;
	}
	return 0;
}

static bool net_config_valid(const char *name, const struct vdpa_dev_set_config *config)
{
	if (config->mask & F(VDPA_ATTR_DEV_FEATURES) &&
	    (config->device_features & ~sluice_vdpa_net_offer ||
	     !(config->device_features & F(VIRTIO_F_VERSION_1))))
		return false;
	if (config->mask & F(VDPA_ATTR_DEV_NET_CFG_MACADDR) &&
	    !is_valid_ether_addr(config->net.mac))
		return false;
	if (config->mask & F(VDPA_ATTR_DEV_NET_CFG_MTU) && config->net.mtu < ETH_MIN_MTU)
		return false;
	/* A port's name would be made of it. */
	return !strchr(name, '%');
}

static void net_init_config(struct sluice_vdpa *d, const struct vdpa_dev_set_config *config)
{
	struct virtio_net_config *c = &d->net.config;
	struct sluice_port_link link;

	sluice_port_get_link(d->net.port, &link);
	if (config->mask & F(VDPA_ATTR_DEV_NET_CFG_MTU))
		link.mtu = config->net.mtu;
	/* Not the port's own address, which is that of the host's end. */
	if (config->mask & F(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		ether_addr_copy(c->mac, config->net.mac);
	else
		eth_random_addr(c->mac);
	c->max_virtqueue_pairs = __cpu_to_virtio16(true, 1);
	c->mtu = __cpu_to_virtio16(true, link.mtu);
}

static int net_bind(struct sluice_vdpa *d, const char *name,
		    const struct vdpa_dev_set_config *config)
{
	int err;

	if (!net_config_valid(name, config))
		return -EINVAL;
	err = net_take_port(d, name);
	if (err)
		return err;
	d->offer = sluice_vdpa_net_offer & ~(d->full ? 0 : NET_NOT_MIGRATED);
	if (config->mask & F(VDPA_ATTR_DEV_FEATURES))
		d->offer = config->device_features;
	d->nr_vqs = 2;
	net_init_config(d, config);
	net_list(d);
	return 0;
}

static void net_unbind(struct sluice_vdpa *d)
{
	struct sluice_port *port = d->net.port;

	mutex_lock(&net_lock);
	list_del_init(&d->net.node);
	mutex_unlock(&net_lock);
	if (d->used)
		sluice_port_close(port);
	/* The next one who attaches says what he takes. */
	sluice_port_set_offloads(port, 0);
	sluice_port_put_pair(port, 0);
	if (d->net.own_port)
		sluice_port_destroy(port);
	else
		sluice_port_put(port);
}

/* --- the device --- */

/* virtio-net numbers the queues of one pair as enum sluice_queue_dir does. */
static struct sluice_queue *net_queue(struct sluice_vdpa *d, unsigned int index)
{
	return sluice_port_queue(d->net.port, 0, index);
}

/* A port that is gone does not mind. */
static void net_start(struct sluice_vdpa *d, u64 features)
{
	sluice_port_set_offloads(d->net.port, sluice_port_offloads(features));
}

/* There is no control queue by which the guest could be asked to, and QEMU's own go nowhere. */
static void net_moved(struct sluice_vdpa *d)
{
	sluice_port_announce(d->net.port, d->net.config.mac);
}

static void net_used(struct sluice_vdpa *d, bool used)
{
	if (used)
		sluice_port_open(d->net.port);
	else
		sluice_port_close(d->net.port);
}

static void net_vq_config(const struct sluice_vdpa *d, struct sluice_queue_config *cfg)
{
	cfg->hdr_len = sizeof(struct virtio_net_hdr_mrg_rxbuf);
	cfg->mergeable = sluice_vdpa_has(d, VIRTIO_NET_F_MRG_RXBUF);
}

static void net_get_config(struct sluice_vdpa *d, union sluice_vdpa_config *config)
{
	spin_lock(&d->config_lock);
	config->net = d->net.config;
	spin_unlock(&d->config_lock);
}

/* With VERSION_1 nothing in it is the driver's to write; its address is the operator's choice. */
const struct sluice_vdpa_type sluice_vdpa_net_type = {
	.id = VIRTIO_ID_NET,
	.config_size = sizeof(struct virtio_net_config),
	.bind = net_bind,
	.unbind = net_unbind,
	.queue = net_queue,
	.start = net_start,
	.moved = net_moved,
	.used = net_used,
	.vq_config = net_vq_config,
	.get_config = net_get_config,
};
