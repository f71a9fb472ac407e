// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue (virtio 1.2, 5.1.6.5): by it the driver says what it wants to receive, with how
 * many queues and which offloads. Commands are few and may wait for RTNL, though not each of those
 * that come in a row, so no worker serves them but work of ours, under mdev->lock; the ring's
 * memory is touched under mem->lock only, which keeps it pinned.
 */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/virtio_config.h>
#include "mdev.h"

/* Bytes of a command: room for more addresses than any driver has. */
#define CTRL_MAX_LEN	8192
/* Commands of one run; then others have their turn. */
#define CTRL_BUDGET	64

/* --- the receive filter --- */

/*
 * Flags that are part of the filter as it is published; a driver without CTRL_RX gets everything.
 */
static int ctrl_publish_filter(struct sluice_mdev *m)
{
	struct sluice_rx_filter *f;
	unsigned int i;
	int err;

	/* One that wants everything asks for tags all the same: the VF may filter by them. */
	if (m->rx_flags & SLUICE_FILTER_PROMISC && bitmap_empty(m->vlan, VLAN_N_VID))
		return sluice_port_set_filter(m->port, NULL);
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->flags = m->rx_flags | m->rx_over;
	ether_addr_copy(f->addr[f->nr_addr++], m->net.mac);
	for (i = 0; i < m->nr_uc + m->nr_mc; i++)
		ether_addr_copy(f->addr[f->nr_addr++], m->rx_addr[i]);
	if (sluice_mdev_has(m, VIRTIO_NET_F_CTRL_VLAN)) {
		f->flags |= SLUICE_FILTER_VLAN;
		bitmap_copy(f->vlan, m->vlan, VLAN_N_VID);
	}
	err = sluice_port_set_filter(m->port, f);
	kfree(f);
	return err;
}

static bool ctrl_rx(struct sluice_mdev *m, u8 cmd, const u8 *data, u32 len)
{
	static const u32 flags[] = {
		[VIRTIO_NET_CTRL_RX_PROMISC] = SLUICE_FILTER_PROMISC,
		[VIRTIO_NET_CTRL_RX_ALLMULTI] = SLUICE_FILTER_ALLMULTI,
		[VIRTIO_NET_CTRL_RX_ALLUNI] = SLUICE_FILTER_ALLUNI,
		[VIRTIO_NET_CTRL_RX_NOMULTI] = SLUICE_FILTER_NOMULTI,
		[VIRTIO_NET_CTRL_RX_NOUNI] = SLUICE_FILTER_NOUNI,
		[VIRTIO_NET_CTRL_RX_NOBCAST] = SLUICE_FILTER_NOBCAST,
	};
	unsigned int feature = cmd > VIRTIO_NET_CTRL_RX_ALLMULTI ? VIRTIO_NET_F_CTRL_RX_EXTRA :
								   VIRTIO_NET_F_CTRL_RX;

	if (cmd >= ARRAY_SIZE(flags) || !len || !sluice_mdev_has(m, feature))
		return false;
	if (data[0])
		m->rx_flags |= flags[cmd];
	else
		m->rx_flags &= ~flags[cmd];
	return !ctrl_publish_filter(m);
}

/* One of the two lists of a table: returns its bytes, 0 if it is not all there. */
static u32 ctrl_mac_list(struct sluice_mdev *m, const u8 *data, u32 len, unsigned int *nr, u32 over)
{
	u64 entries, i;

	if (len < 4)
		return 0;
	entries = get_unaligned_le32(data);
	if (entries * ETH_ALEN > len - 4)
		return 0;
	if (entries > ARRAY_SIZE(m->rx_addr) - m->nr_uc - m->nr_mc) {
		/* More than we look for one by one: then the driver sorts them out itself. */
		m->rx_over |= over;
	} else {
		for (i = 0; i < entries; i++)
			ether_addr_copy(m->rx_addr[m->nr_uc + m->nr_mc + i],
					data + 4 + i * ETH_ALEN);
		*nr = entries;
	}
	return 4 + entries * ETH_ALEN;
}

static bool ctrl_mac_table(struct sluice_mdev *m, const u8 *data, u32 len)
{
	u32 uc, mc = 0;

	m->nr_uc = 0;
	m->nr_mc = 0;
	m->rx_over = 0;
	uc = ctrl_mac_list(m, data, len, &m->nr_uc, SLUICE_FILTER_ALLUNI);
	if (uc)
		mc = ctrl_mac_list(m, data + uc, len - uc, &m->nr_mc, SLUICE_FILTER_ALLMULTI);
	return !ctrl_publish_filter(m) && uc && mc;
}

static bool ctrl_mac(struct sluice_mdev *m, u8 cmd, const u8 *data, u32 len)
{
	if (cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET && sluice_mdev_has(m, VIRTIO_NET_F_CTRL_RX))
		return ctrl_mac_table(m, data, len);
	if (cmd != VIRTIO_NET_CTRL_MAC_ADDR_SET || len != ETH_ALEN ||
	    !sluice_mdev_has(m, VIRTIO_NET_F_CTRL_MAC_ADDR) || !is_valid_ether_addr(data))
		return false;
	/* What the guest may send with it is the operator's choice: see the port's guard. */
	ether_addr_copy(m->net.mac, data);
	/* The driver knows, but it may be in the middle of reading (4.1.4.3.1). */
	m->common.generation++;
	return !ctrl_publish_filter(m);
}

static bool ctrl_vlan(struct sluice_mdev *m, u8 cmd, const u8 *data, u32 len)
{
	u16 vid;

	if (len != 2 || !sluice_mdev_has(m, VIRTIO_NET_F_CTRL_VLAN))
		return false;
	vid = get_unaligned_le16(data);
	if (vid >= VLAN_N_VID)
		return false;
	if (cmd == VIRTIO_NET_CTRL_VLAN_ADD)
		set_bit(vid, m->vlan);
	else if (cmd == VIRTIO_NET_CTRL_VLAN_DEL)
		clear_bit(vid, m->vlan);
	else
		return false;
	return !ctrl_publish_filter(m);
}

/* --- the rest --- */

static bool ctrl_announce(struct sluice_mdev *m, u8 cmd)
{
	if (cmd != VIRTIO_NET_CTRL_ANNOUNCE_ACK ||
	    !sluice_mdev_has(m, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return false;
	m->net.status &= ~__cpu_to_virtio16(true, VIRTIO_NET_S_ANNOUNCE);
	m->common.generation++;
	return true;
}

static bool ctrl_mq(struct sluice_mdev *m, u8 cmd, const u8 *data, u32 len)
{
	u16 pairs;

	if (cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET || len != 2 ||
	    !sluice_mdev_has(m, VIRTIO_NET_F_MQ))
		return false;
	pairs = get_unaligned_le16(data);
	if (!pairs || pairs > m->pairs)
		return false;
	sluice_mdev_queue_set_active(m, 2 * pairs);
	return true;
}

static bool ctrl_offloads(struct sluice_mdev *m, u8 cmd, const u8 *data, u32 len)
{
	u64 offloads;

	if (cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET || len != 8 ||
	    !sluice_mdev_has(m, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return false;
	offloads = get_unaligned_le64(data);
	if (offloads & ~sluice_netcfg_offloads(m->common.features))
		return false;
	/* A port that is gone does not mind. */
	sluice_port_set_offloads(m->port, sluice_port_offloads(offloads));
	return true;
}

static bool ctrl_coalesce(struct sluice_mdev *m, u8 cmd, const u8 *data, u32 len)
{
	static const u8 dirs[] = {
		[VIRTIO_NET_CTRL_NOTF_COAL_TX_SET] = SLUICE_QUEUE_TX,
		[VIRTIO_NET_CTRL_NOTF_COAL_RX_SET] = SLUICE_QUEUE_RX,
	};
	struct sluice_coalesce c;

	if (cmd >= ARRAY_SIZE(dirs) || len != sizeof(struct virtio_net_ctrl_coal_rx) ||
	    !sluice_mdev_has(m, VIRTIO_NET_F_NOTF_COAL))
		return false;
	c.packets = get_unaligned_le32(data);
	c.usecs = get_unaligned_le32(data + 4);
	/* One without the other holds nothing back. */
	if (!c.packets)
		c.usecs = 0;
	m->coalesce[dirs[cmd]] = c;
	sluice_mdev_net_set_coalesce(m, dirs[cmd]);
	return true;
}

/* @data: a command, class first; all of it is a copy. */
static bool ctrl_execute(struct sluice_mdev *m, const u8 *data, u32 len)
{
	u8 class, cmd;

	if (len < sizeof(struct virtio_net_ctrl_hdr))
		return false;
	class = data[0];
	cmd = data[1];
	data += sizeof(struct virtio_net_ctrl_hdr);
	len -= sizeof(struct virtio_net_ctrl_hdr);
	switch (class) {
	case VIRTIO_NET_CTRL_RX:
		return ctrl_rx(m, cmd, data, len);
	case VIRTIO_NET_CTRL_MAC:
		return ctrl_mac(m, cmd, data, len);
	case VIRTIO_NET_CTRL_VLAN:
		return ctrl_vlan(m, cmd, data, len);
	case VIRTIO_NET_CTRL_ANNOUNCE:
		return ctrl_announce(m, cmd);
	case VIRTIO_NET_CTRL_MQ:
		return ctrl_mq(m, cmd, data, len);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return ctrl_offloads(m, cmd, data, len);
	case VIRTIO_NET_CTRL_NOTF_COAL:
		return ctrl_coalesce(m, cmd, data, len);
	default:
		return false;
	}
}

/* --- the ring --- */

/* Was this for want of memory that is there now? mem->lock */
static bool ctrl_again(struct sluice_mdev *m, int err)
{
	lockdep_assert_held(&m->mem.lock);
	return err == -EAGAIN && sluice_mdev_mem_resolve(&m->vq[m->ctrl_index]);
}

/* As sluice_vring_fetch() for one chain; 0 only with notifications on. mem->lock */
static int ctrl_look(struct sluice_mdev *m, struct sluice_chain *chain)
{
	int ret;

	do {
		ret = sluice_vring_fetch(m->ctrl, chain, 1, m->ctrl_seg, SLUICE_CHAIN_MAX_SEGS);
		if (ret)
			return ret;
		ret = sluice_vring_enable_notify(m->ctrl);
	} while (ret > 0);
	return ret;
}

/*
 * Take the next command, and a copy of it, whose length is in *@len. 1: there is one; 0: none, and
 * the driver will notify; or a negative errno. mem->lock
 */
static int ctrl_fetch(struct sluice_mdev *m, struct sluice_chain *chain, u8 *data, u32 *len)
{
	int ret;

	do {
		ret = ctrl_look(m, chain);
	} while (ctrl_again(m, ret));
	if (ret <= 0)
		return ret;
	/* There is nowhere to put the answer. */
	if (!chain->in_len) {
		sluice_vring_break(m->ctrl, SLUICE_VRING_ERR_SIZE);
		return -EIO;
	}
	*len = chain->out_len;
	/* Too long is answered with an error, unread. */
	if (*len > CTRL_MAX_LEN)
		*len = 0;
	do {
		ret = *len ? sluice_chain_read(m->ctrl, chain, 0, data, *len) : 0;
	} while (ctrl_again(m, ret));
	return ret ?: 1;
}

/* mem->lock */
static int ctrl_answer(struct sluice_mdev *m, const struct sluice_chain *chain, u8 ack)
{
	int err;

	do {
		err = sluice_chain_write(m->ctrl, chain, 0, &ack, sizeof(ack));
	} while (ctrl_again(m, err));
	if (err)
		return err;
	sluice_vring_push(m->ctrl, chain, sizeof(ack));
	do {
		err = sluice_vring_flush(m->ctrl);
	} while (ctrl_again(m, err));
	if (err)
		return err;
	if (sluice_vring_want_signal(m->ctrl))
		sluice_mdev_irq_raise(m, m->common.queue[m->ctrl_index].vector, false);
	return 0;
}

/* One command: as ctrl_fetch(). */
static int ctrl_serve(struct sluice_mdev *m, u8 *data)
{
	struct sluice_chain chain;
	u32 len;
	int ret;
	u8 ack;

	mutex_lock(&m->mem.lock);
	ret = ctrl_fetch(m, &chain, data, &len);
	mutex_unlock(&m->mem.lock);
	if (ret <= 0)
		return ret;
	ack = ctrl_execute(m, data, len) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	mutex_lock(&m->mem.lock);
	ret = ctrl_answer(m, &chain, ack);
	mutex_unlock(&m->mem.lock);
	return ret ?: 1;
}

static void ctrl_work(struct work_struct *work)
{
	struct sluice_mdev *m = container_of(work, struct sluice_mdev, ctrl_work);
	unsigned int i;
	int ret = 0;
	u8 *data;

	data = kvmalloc(CTRL_MAX_LEN, GFP_KERNEL);
	mutex_lock(&m->lock);
	if (!m->ctrl || test_bit(m->ctrl_index, m->broken))
		goto unlock;
	if (!data)
		ret = -ENOMEM;
	for (i = 0; data && i < CTRL_BUDGET; i++) {
		ret = ctrl_serve(m, data);
		if (ret <= 0)
			break;
	}
	if (ret > 0) {
		queue_work(sluice_mdev_wq, &m->ctrl_work);
	} else if (ret < 0) {
		dev_warn_ratelimited(m->dev, "control queue stopped: %pe\n", ERR_PTR(ret));
		sluice_mdev_queue_broken(&m->vq[m->ctrl_index]);
	}
unlock:
	mutex_unlock(&m->lock);
	kvfree(data);
}

void sluice_mdev_ctrl_kick(struct sluice_mdev *m)
{
	queue_work(sluice_mdev_wq, &m->ctrl_work);
}

int sluice_mdev_ctrl_start(struct sluice_mdev *m)
{
	struct sluice_vring_config cfg;
	struct sluice_vring *vr;
	int err;

	lockdep_assert_held(&m->lock);
	if (m->ctrl)
		return 0;
	sluice_mdev_queue_config(m, m->ctrl_index, &cfg);
	m->ctrl_seg = kvmalloc_array(SLUICE_CHAIN_MAX_SEGS, sizeof(*m->ctrl_seg),
				     GFP_KERNEL_ACCOUNT);
	if (!m->ctrl_seg)
		return -ENOMEM;
	vr = sluice_vring_new(&cfg, &m->vq[m->ctrl_index].gmem);
	if (IS_ERR(vr)) {
		err = PTR_ERR(vr);
		goto free;
	}
	m->ctrl = vr;
	mutex_lock(&m->mem.lock);
	do {
		err = sluice_vring_start(vr);
	} while (ctrl_again(m, err));
	mutex_unlock(&m->mem.lock);
	if (err)
		goto free;
	/* The driver may have notified before anybody listened. */
	sluice_mdev_ctrl_kick(m);
	return 0;

free:
	sluice_mdev_ctrl_stop(m);
	return err;
}

void sluice_mdev_ctrl_stop(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	if (m->ctrl)
		sluice_vring_free(m->ctrl);
	m->ctrl = NULL;
	kvfree(m->ctrl_seg);
	m->ctrl_seg = NULL;
}

void sluice_mdev_ctrl_reset(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	m->nr_active = 2;
	m->rx_flags = SLUICE_FILTER_PROMISC;
	m->rx_over = 0;
	m->nr_uc = 0;
	m->nr_mc = 0;
	bitmap_zero(m->vlan, VLAN_N_VID);
	memset(m->coalesce, 0, sizeof(m->coalesce));
	/* Everything: this cannot fail. */
	ctrl_publish_filter(m);
	sluice_port_set_offloads(m->port, 0);
}

void sluice_mdev_ctrl_init(struct sluice_mdev *m)
{
	INIT_WORK(&m->ctrl_work, ctrl_work);
}
