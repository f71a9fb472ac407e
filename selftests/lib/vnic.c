// SPDX-License-Identifier: GPL-2.0-only
/* A virtio-net card over VFIO: queues, control queue, configuration. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include "vnic.h"

#define CTL_NUM		16
#define CTL_BUF		8192
#define CTL_SEGS	16
#define CTL_WAIT_MS	5000
#define GPA_STEP	(1ULL << 36)
#define ACK_NONE	0xee

struct vdrv_vq *vnic_vq(struct vnic *n, unsigned int index)
{
	return index < 2 * n->pairs ? &n->pair[index / 2].vq[index % 2] : &n->ctl.vq[VDRV_TX];
}

static struct vdrv *vq_driver(struct vnic *n, unsigned int index)
{
	return index < 2 * n->pairs ? &n->pair[index / 2] : &n->ctl;
}

static bool has_ctl(const struct vnic *n)
{
	return n->features & VNIC_BIT(CTRL_VQ);
}

unsigned int vnic_ctl_index(struct vnic *n)
{
	return 2 * (n->features & VNIC_BIT(MQ) ? vnic_config(n, max_virtqueue_pairs) : 1);
}

int vnic_map(struct vnic *n, struct vdrv *v)
{
	return vpciq_map(n->dev.space, v);
}

int vnic_unmap(struct vnic *n, struct vdrv *v)
{
	return vpciq_unmap(n->dev.space, v);
}

static void set_bell(struct vnic *n, struct vdrv_vq *q, unsigned int slot, unsigned int index)
{
	vpciq_set_bell(&n->bell[slot], &n->pci, q, index);
}

static int init_drivers(struct vnic *n)
{
	struct vdrv_cfg cfg = n->cfg.drv;
	struct vdrv_cfg ctl = {
		.features = cfg.features,
		.num = CTL_NUM,
		.tx_buf = CTL_BUF,
		.tx_seg = CTL_BUF / CTL_SEGS,
		.rx_buf = 64,
		.gpa = (VNIC_MAX_PAIRS + 1) * GPA_STEP,
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < n->pairs; i++) {
		cfg.gpa = n->cfg.drv.gpa + (i + 1) * GPA_STEP;
		ret = vdrv_init(&n->pair[i], &cfg);
		ret = ret ?: vnic_map(n, &n->pair[i]);
		set_bell(n, &n->pair[i].vq[VDRV_RX], 2 * i, 2 * i);
		set_bell(n, &n->pair[i].vq[VDRV_TX], 2 * i + 1, 2 * i + 1);
	}
	if (ret || !has_ctl(n))
		return ret;
	ctl.gpa += n->cfg.drv.gpa;
	ret = vdrv_init(&n->ctl, &ctl);
	set_bell(n, &n->ctl.vq[VDRV_TX], 2 * n->pairs, vnic_ctl_index(n));
	return ret ?: vnic_map(n, &n->ctl);
}

int vnic_open(struct vnic *n, struct vfio_space *space, const char *uuid,
	      const struct vnic_cfg *cfg)
{
	unsigned int i;
	int ret = 0;

	memset(n, 0, sizeof(*n));
	n->cfg = *cfg;
	n->features = cfg->drv.features;
	n->pairs = cfg->pairs ?: 1;
	n->space.fd = -1;
	n->dev.fd = -1;
	n->dev.group = -1;
	n->ctl.fd = -1;
	n->ctl.memfd = -1;
	for (i = 0; i < VNIC_MAX_PAIRS; i++) {
		n->pair[i].fd = -1;
		n->pair[i].memfd = -1;
	}
	n->config = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (n->config < 0)
		return -errno;
	if (!space) {
		space = &n->space;
		ret = vfio_space_open(space, cfg->cdev);
	}
	ret = ret ?: vfio_open(&n->dev, space, uuid);
	ret = ret ?: vpci_probe(&n->pci, &n->dev);
	if (!ret && cfg->mapped)
		ret = vpci_notify_map(&n->pci);
	ret = ret ?: vpci_reset(&n->pci);
	ret = ret ?: init_drivers(n);
	if (ret)
		vnic_close(n);
	return ret;
}

/* Which vector a queue has. The first is the configuration's. */
static uint16_t vector_of(const struct vnic *n, unsigned int slot)
{
	return n->cfg.irq == VNIC_POLL ? VIRTIO_MSI_NO_VECTOR : n->cfg.irq == VNIC_SHARED ? 0 :
	       slot + 1;
}

int vnic_queue_start(struct vnic *n, unsigned int index)
{
	unsigned int slot = index < 2 * n->pairs ? index : 2 * n->pairs;

	return vpciq_start(&n->pci, vq_driver(n, index), vnic_vq(n, index), index,
			   vector_of(n, slot));
}

static int set_vectors(struct vnic *n)
{
	int fds[2 * VNIC_MAX_PAIRS + 2] = { n->config }, ret;
	unsigned int i, nr = 1;

	if (n->cfg.irq == VNIC_POLL)
		return 0;
	/* Who shares a vector shares the eventfd of the queue that is waited for most. */
	if (n->cfg.irq == VNIC_SHARED)
		fds[0] = n->pair[0].vq[VDRV_RX].call;
	else
		for (i = 0; i < 2 * n->pairs + has_ctl(n); i++)
			fds[nr++] = vnic_vq(n, i)->call;
	ret = vpci_msix(&n->pci, 0, nr, fds);
	if (ret)
		return ret;
	vpci_common_put(&n->pci, cfg.msix_config, 0);
	return vpci_common(&n->pci, cfg.msix_config) ? -EBUSY : 0;
}

static int set_pairs(struct vnic *n)
{
	struct virtio_net_ctrl_mq mq = { .virtqueue_pairs = n->pairs };

	if (n->pairs < 2)
		return 0;
	return vnic_ctrl(n, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &mq, sizeof(mq));
}

int vnic_start(struct vnic *n)
{
	unsigned int i;
	int ret;

	ret = vpci_negotiate(&n->pci, n->features);
	ret = ret ?: set_vectors(n);
	for (i = 0; !ret && i < 2 * n->pairs; i++)
		ret = vnic_queue_start(n, i);
	if (!ret && has_ctl(n))
		ret = vnic_queue_start(n, vnic_ctl_index(n));
	ret = ret ?: vpci_status_add(&n->pci, VIRTIO_CONFIG_S_DRIVER_OK);
	ret = ret ?: set_pairs(n);
	if (ret)
		return ret;
	for (i = 0; i < n->pairs; i++) {
		n->pair[i].running = true;
		if (!n->cfg.no_rx)
			vdrv_post_rx(&n->pair[i]);
	}
	return 0;
}

int vnic_stop(struct vnic *n)
{
	int ret = vpci_reset(&n->pci);
	unsigned int i;

	if (n->cfg.irq != VNIC_POLL)
		ret = ret ?: vpci_msix_off(&n->pci);
	for (i = 0; i < n->pairs; i++) {
		n->pair[i].running = false;
		vdrv_vq_fresh(&n->pair[i].vq[VDRV_RX]);
		vdrv_vq_fresh(&n->pair[i].vq[VDRV_TX]);
	}
	if (has_ctl(n))
		vdrv_vq_fresh(&n->ctl.vq[VDRV_TX]);
	return ret;
}

void vnic_close(struct vnic *n)
{
	unsigned int i;

	vpci_notify_unmap(&n->pci);
	vfio_close(&n->dev);
	if (n->space.fd >= 0)
		vfio_space_close(&n->space);
	for (i = 0; i < n->pairs; i++)
		if (n->pair[i].mem)
			vdrv_close(&n->pair[i]);
	if (n->ctl.mem)
		vdrv_close(&n->ctl);
	if (n->config >= 0)
		close(n->config);
	n->config = -1;
}

unsigned char *vnic_ctrl_buf(struct vnic *n)
{
	return n->ctl.vq[VDRV_TX].buf;
}

int vnic_ctrl_raw(struct vnic *n, const struct vdrv_seg *seg, unsigned int nr_out,
		  unsigned int nr_in)
{
	struct vdrv_vq *q = &n->ctl.vq[VDRV_TX];
	int slot = vdrv_vq_slot(q), ret, left;
	uint32_t id, len;

	if (slot < 0)
		return slot;
	vdrv_vq_add(&n->ctl, q, slot, seg, nr_out, nr_in);
	vdrv_vq_publish(q);
	ret = vdrv_vq_kick(q);
	if (ret < 0)
		return ret;
	for (left = CTL_WAIT_MS; !vdrv_vq_peek(q); left--) {
		if (!left)
			return -ETIMEDOUT;
		usleep(1000);
	}
	if (!vdrv_vq_used(q, &id, &len))
		return -EPROTO;
	vdrv_vq_release(q, id);
	return len;
}

int vnic_ctrl(struct vnic *n, uint8_t class, uint8_t cmd, const void *data, uint32_t len)
{
	unsigned char *buf = vnic_ctrl_buf(n);
	struct vdrv_seg seg[3];
	unsigned int out = 0;
	uint64_t at = vdrv_addr(&n->ctl, buf);
	int ret;

	if (len > CTL_BUF - 128)
		return -E2BIG;
	buf[0] = class;
	buf[1] = cmd;
	buf[CTL_BUF - 1] = ACK_NONE;
	seg[out++] = (struct vdrv_seg){ at, 2 };
	if (len) {
		memcpy(buf + 64, data, len);
		seg[out++] = (struct vdrv_seg){ at + 64, len };
	}
	seg[out] = (struct vdrv_seg){ at + CTL_BUF - 1, 1 };
	ret = vnic_ctrl_raw(n, seg, out, 1);
	if (ret < 0)
		return ret;
	/* The used length counts what the device wrote: the ack, one byte. */
	return ret != 1 || buf[CTL_BUF - 1] == ACK_NONE ? -EPROTO : buf[CTL_BUF - 1];
}

void vnic_config_mac(struct vnic *n, uint8_t mac[6])
{
	unsigned int before, i;

	do {
		before = vpci_common(&n->pci, cfg.config_generation);
		for (i = 0; i < 6; i++)
			mac[i] = vpci_get(&n->pci, VIRTIO_PCI_CAP_DEVICE_CFG,
					  offsetof(struct virtio_net_config, mac) + i, 1);
	} while (vpci_common(&n->pci, cfg.config_generation) != before);
}
