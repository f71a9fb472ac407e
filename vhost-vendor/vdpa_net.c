// SPDX-License-Identifier: GPL-2.0-only
/* What makes the device a network card: features and configuration (virtio 1.2, 5.1). */
#include <linux/etherdevice.h>
#include <linux/virtio_ring.h>
#include "vdpa.h"

#define F(bit)	BIT_ULL(bit)

/*
 * There is no control queue: virtio_net waits for its answers with RTNL held, which whoever changes
 * a port's offloads waits for.
 */
const u64 sluice_vdpa_net_offer =
	F(VIRTIO_F_VERSION_1) | F(VIRTIO_F_ACCESS_PLATFORM) | F(VIRTIO_F_RING_PACKED) |
	F(VIRTIO_RING_F_INDIRECT_DESC) | F(VIRTIO_RING_F_EVENT_IDX) |
	F(VIRTIO_NET_F_MAC) | F(VIRTIO_NET_F_STATUS) | F(VIRTIO_NET_F_MTU) |
	F(VIRTIO_NET_F_MRG_RXBUF) |
	F(VIRTIO_NET_F_CSUM) | F(VIRTIO_NET_F_HOST_TSO4) | F(VIRTIO_NET_F_HOST_TSO6) |
	F(VIRTIO_NET_F_HOST_ECN) | F(VIRTIO_NET_F_HOST_USO) |
	F(VIRTIO_NET_F_GUEST_CSUM) | F(VIRTIO_NET_F_GUEST_TSO4) | F(VIRTIO_NET_F_GUEST_TSO6) |
	F(VIRTIO_NET_F_GUEST_ECN) | F(VIRTIO_NET_F_GUEST_USO4) | F(VIRTIO_NET_F_GUEST_USO6);

void sluice_vdpa_net_read(struct sluice_vdpa *d, unsigned int off, void *buf, unsigned int len)
{
	memset(buf, 0, len);
	if (off >= sizeof(d->net))
		return;
	spin_lock(&d->net_lock);
	memcpy(buf, (const u8 *)&d->net + off, min_t(size_t, len, sizeof(d->net) - off));
	spin_unlock(&d->net_lock);
}

static void net_event_work(struct work_struct *work)
{
	struct sluice_vdpa *d = container_of(work, struct sluice_vdpa, event_work);

	spin_lock(&d->net_lock);
	if (d->config_cb.callback)
		d->config_cb.callback(d->config_cb.private);
	spin_unlock(&d->net_lock);
}

void sluice_vdpa_net_set_cb(struct sluice_vdpa *d, const struct vdpa_callback *cb)
{
	spin_lock(&d->net_lock);
	d->config_cb = *cb;
	spin_unlock(&d->net_lock);
}

void sluice_vdpa_net_set_link(struct sluice_vdpa *d, bool up)
{
	const __virtio16 status = __cpu_to_virtio16(true, up ? VIRTIO_NET_S_LINK_UP : 0);
	bool changed;

	spin_lock(&d->net_lock);
	changed = d->net.status != status;
	d->net.status = status;
	d->heard = true;
	if (changed)
		d->generation++;
	spin_unlock(&d->net_lock);
	if (changed)
		queue_work(sluice_vdpa_wq, &d->event_work);
}

void sluice_vdpa_net_init(struct sluice_vdpa *d, const u8 *mac, u16 mtu)
{
	spin_lock_init(&d->net_lock);
	INIT_WORK(&d->event_work, net_event_work);
	ether_addr_copy(d->net.mac, mac);
	d->net.max_virtqueue_pairs = __cpu_to_virtio16(true, 1);
	d->net.mtu = __cpu_to_virtio16(true, mtu);
}
