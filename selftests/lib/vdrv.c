// SPDX-License-Identifier: GPL-2.0-only
/* Life of the userland virtio driver: node, memory, rings, log and IOTLB; and single frames. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "vdrv.h"

#define PAGE		4096UL

/* Up to a multiple. */
static size_t round_to(size_t x, size_t to)
{
	return (x + to - 1) / to * to;
}

static int dev_ioctl(const struct vdrv *v, unsigned long cmd, void *arg)
{
	return ioctl(v->fd, cmd, arg) < 0 ? -errno : 0;
}

uint64_t vdrv_addr(const struct vdrv *v, const void *ptr)
{
	uint64_t off = (const unsigned char *)ptr - v->mem;
	uint64_t gpa = off < v->ring_bytes ? VDRV_GPA_RING + off :
					     VDRV_GPA_BUF + off - v->ring_bytes;

	gpa += v->cfg.gpa;
	return v->features & VDRV_F_IOMMU ? gpa + VDRV_IOVA : gpa;
}

static size_t ring_layout(struct vdrv *v, struct vdrv_vq *q, size_t at)
{
	unsigned char *base = v->mem ? v->mem + at : NULL;
	size_t desc = round_to(q->num * sizeof(struct vring_desc), PAGE);
	size_t drv = round_to(6 + 2 * q->num, PAGE);
	size_t dev = round_to(6 + 8 * q->num, PAGE);

	if (base && q->packed) {
		q->pdesc = (void *)base;
		q->drv_event = (void *)(base + desc);
		q->dev_event = (void *)(base + desc + drv);
	} else if (base) {
		q->desc = (void *)base;
		q->avail = (void *)(base + desc);
		q->used = (void *)(base + desc + drv);
	}
	if (base)
		q->itab = (void *)(base + desc + drv + dev);
	return at + desc + drv + dev +
	       round_to((size_t)q->nslot * q->nseg * sizeof(struct vring_desc), PAGE);
}

static void ring_clear(struct vdrv_vq *q)
{
	if (q->packed) {
		memset(q->pdesc, 0, q->num * sizeof(*q->pdesc));
		memset(q->drv_event, 0, sizeof(*q->drv_event));
		memset(q->dev_event, 0, sizeof(*q->dev_event));
	} else {
		memset(q->desc, 0, q->num * sizeof(*q->desc));
		memset(q->avail, 0, 6 + 2 * q->num);
		memset(q->used, 0, 6 + 8 * q->num);
	}
}

static void state_init(struct vdrv_vq *q)
{
	unsigned int i;

	q->next = 0;
	q->used_next = 0;
	q->kicked = 0;
	q->added = 0;
	q->wrap = true;
	q->used_wrap = true;
	q->base = q->packed ? 1U << 15 | 1U << 31 : 0;
	q->nfree = 0;
	for (i = 0; i < q->nslot; i++)
		vdrv_vq_release(q, q->nslot - 1 - i);
}

void vdrv_vq_fresh(struct vdrv_vq *q)
{
	ring_clear(q);
	state_init(q);
}

static int vq_init(struct vdrv *v, unsigned int index, uint32_t buf_len, uint32_t seg_len)
{
	struct vdrv_vq *q = &v->vq[index];

	q->index = index;
	q->num = v->cfg.num;
	q->packed = v->features & VDRV_F_PACKED;
	q->event_idx = v->features & VDRV_F_EVENT_IDX;
	q->indirect = v->features & VDRV_F_INDIRECT;
	q->buf_len = round_to(buf_len, 64);
	q->seg_len = seg_len;
	q->nseg = (seg_len ? (q->buf_len + seg_len - 1) / seg_len : 1) + (v->cfg.hdr_alone ? 1 : 0);
	if (v->cfg.disk_queues)
		q->nseg = v->cfg.disk_seg;
	else if (q->nseg > VDRV_MAX_SEG)
		return -EINVAL;
	if (q->nseg > q->num && !(v->cfg.disk_queues && q->indirect))
		return -EINVAL;
	q->nslot = q->indirect ? q->num : q->num / q->nseg;
	q->slot_desc = calloc(q->nslot, sizeof(*q->slot_desc));
	q->free = calloc(q->nslot, sizeof(*q->free));
	if (!q->slot_desc || !q->free)
		return -ENOMEM;
	state_init(q);
	q->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	q->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	q->err = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return q->kick < 0 || q->call < 0 || q->err < 0 ? -errno : 0;
}

/* All rings, one behind the other. */
static size_t rings_layout(struct vdrv *v)
{
	unsigned int i;
	size_t at = 0;

	for (i = 0; i < v->nr_vqs; i++)
		at = ring_layout(v, &v->vq[i], at);
	return at;
}

static size_t buf_bytes(const struct vdrv_vq *q)
{
	return round_to((size_t)q->nslot * q->buf_len, PAGE);
}

static int mem_init(struct vdrv *v)
{
	unsigned int i;
	size_t at;

	at = rings_layout(v);
	v->ring_bytes = at;
	for (i = 0; i < v->nr_vqs; i++)
		at += buf_bytes(&v->vq[i]);
	v->mem_bytes = at;
	v->memfd = memfd_create("guest", MFD_CLOEXEC);
	if (v->memfd < 0 || ftruncate(v->memfd, at) < 0)
		return -errno;
	v->mem = mmap(NULL, at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, v->memfd, 0);
	if (v->mem == MAP_FAILED) {
		v->mem = NULL;
		return -errno;
	}
	rings_layout(v);
	for (i = 0, at = v->ring_bytes; i < v->nr_vqs; i++) {
		v->vq[i].buf = v->mem + at;
		at += buf_bytes(&v->vq[i]);
	}
	return 0;
}

int vdrv_set_mem(struct vdrv *v)
{
	struct {
		struct vhost_memory m;
		struct vhost_memory_region r[2];
	} t = {
		.m.nregions = 2,
		.r = {
			{ VDRV_GPA_RING, v->ring_bytes, (uintptr_t)v->mem },
			{ VDRV_GPA_BUF, v->mem_bytes - v->ring_bytes,
			  (uintptr_t)v->mem + v->ring_bytes },
		},
	};

	return dev_ioctl(v, VHOST_SET_MEM_TABLE, &t);
}

int vdrv_ring_addr(struct vdrv *v, unsigned int index, struct vhost_vring_addr *a)
{
	struct vdrv_vq *q = &v->vq[index];
	void *part[3] = { q->desc, q->avail, q->used };
	uint64_t addr[3];
	int i;

	if (q->packed) {
		part[0] = q->pdesc;
		part[1] = q->drv_event;
		part[2] = q->dev_event;
	}
	/* Ring addresses are the process's own, unless an IOMMU is between. */
	for (i = 0; i < 3; i++)
		addr[i] = v->features & VDRV_F_IOMMU ? vdrv_addr(v, part[i]) : (uintptr_t)part[i];
	*a = (struct vhost_vring_addr){
		.index = index,
		.flags = v->log ? 1 << VHOST_VRING_F_LOG : 0,
		.desc_user_addr = addr[0],
		.avail_user_addr = addr[1],
		.used_user_addr = addr[2],
		.log_guest_addr = v->log ? VDRV_GPA_RING + ((unsigned char *)part[2] - v->mem) : 0,
	};
	return 0;
}

int vdrv_set_ring(struct vdrv *v, unsigned int index)
{
	struct vdrv_vq *q = &v->vq[index];
	struct vhost_vring_state num = { index, q->num };
	struct vhost_vring_state base = { index, q->base };
	struct vhost_vring_file kick = { index, q->kick }, call = { index, q->call },
				err = { index, q->err };
	struct vhost_vring_addr addr;
	int ret;

	vdrv_ring_addr(v, index, &addr);
	ret = dev_ioctl(v, VHOST_SET_VRING_NUM, &num);
	ret = ret ?: dev_ioctl(v, VHOST_SET_VRING_BASE, &base);
	ret = ret ?: dev_ioctl(v, VHOST_SET_VRING_ADDR, &addr);
	ret = ret ?: dev_ioctl(v, VHOST_SET_VRING_KICK, &kick);
	ret = ret ?: dev_ioctl(v, VHOST_SET_VRING_CALL, &call);
	return ret ?: dev_ioctl(v, VHOST_SET_VRING_ERR, &err);
}

int vdrv_set_backend(struct vdrv *v, unsigned int index, int backend)
{
	struct vhost_vring_file f = { index, backend };

	return dev_ioctl(v, VHOST_NET_SET_BACKEND, &f);
}

static int vqs_init(struct vdrv *v)
{
	unsigned int i;
	int ret = 0;

	if (!v->cfg.disk_queues) {
		ret = vq_init(v, VDRV_RX, v->cfg.rx_buf, v->cfg.rx_seg);
		return ret ?: vq_init(v, VDRV_TX, v->cfg.tx_buf, v->cfg.tx_seg);
	}
	for (i = 0; i < v->nr_vqs; i++)
		ret = ret ?: vq_init(v, i, round_to(v->cfg.disk_buf, PAGE), 0);
	return ret;
}

static void vq_no_fds(struct vdrv_vq *q)
{
	q->kick = -1;
	q->call = -1;
	q->err = -1;
	q->vdpa = -1;
}

int vdrv_init(struct vdrv *v, const struct vdrv_cfg *cfg)
{
	int ret;

	memset(v, 0, sizeof(*v));
	v->fd = -1;
	v->memfd = -1;
	v->config_call = -1;
	for (ret = 0; ret < VDRV_MAX_VQS; ret++)
		vq_no_fds(&v->vq[ret]);
	v->nr_vqs = cfg->disk_queues ?: 2;
	if (v->nr_vqs > VDRV_MAX_VQS)
		return -EINVAL;
	v->cfg = *cfg;
	v->cfg.num = cfg->num ?: 256;
	v->cfg.rx_buf = cfg->rx_buf ?: cfg->features & VDRV_F_MRG_RXBUF ? 2048 : VDRV_FRAME;
	v->cfg.tx_buf = cfg->tx_buf ?: VDRV_FRAME;
	v->features = cfg->features;
	v->vdpa = cfg->node && strstr(cfg->node, "vhost-vdpa");
	v->hdr_len = cfg->features & (VDRV_F_MRG_RXBUF | VDRV_F_VERSION_1) ?
			     sizeof(struct virtio_net_hdr_v1) :
			     sizeof(struct virtio_net_hdr);
	ret = vqs_init(v);
	ret = ret ?: mem_init(v);
	if (ret)
		vdrv_close(v);
	return ret;
}

static int node_setup(struct vdrv *v)
{
	uint64_t have, backend = VDRV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2);
	unsigned int i;
	int ret;

	v->fd = open(v->cfg.node, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (v->fd < 0)
		return -errno;
	for (i = 0; i < v->nr_vqs; i++)
		v->vq[i].vdpa = v->vdpa ? v->fd : -1;
	ret = dev_ioctl(v, VHOST_SET_OWNER, NULL);
	ret = ret ?: dev_ioctl(v, VHOST_GET_FEATURES, &have);
	if (!ret && (v->features & ~have))
		ret = -EOPNOTSUPP;
	if (!ret && v->vdpa)
		ret = vdrv_vdpa_open(v);
	ret = ret ?: dev_ioctl(v, VHOST_SET_FEATURES, &v->features);
	if (!ret && (v->features & VDRV_F_IOMMU))
		ret = dev_ioctl(v, VHOST_SET_BACKEND_FEATURES, &backend);
	return ret ?: v->vdpa ? vdrv_iotlb_map_all(v) : vdrv_set_mem(v);
}

int vdrv_open(struct vdrv *v, const struct vdrv_cfg *cfg)
{
	int ret = vdrv_init(v, cfg);

	if (ret)
		return ret;
	ret = node_setup(v);
	if (ret)
		vdrv_close(v);
	return ret;
}

/* A vDPA device has no backend but itself, and keeps its IOTLB. */
static int start_vdpa(struct vdrv *v)
{
	unsigned int i;
	int ret;

	ret = vdrv_vdpa_set_status(v, VIRTIO_CONFIG_S_FEATURES_OK);
	for (i = 0; i < v->nr_vqs; i++)
		ret = ret ?: vdrv_set_ring(v, i);
	ret = ret ?: vdrv_vdpa_enable(v, true);
	ret = ret ?: vdrv_vdpa_set_status(v, VIRTIO_CONFIG_S_DRIVER_OK);
	return ret ?: vdrv_vdpa_wait_running(v);
}

static int start_vhost(struct vdrv *v, int backend)
{
	int i, ret;

	ret = vdrv_backend_hdr(backend, v->hdr_len);
	for (i = 0; i < 2; i++)
		ret = ret ?: vdrv_set_ring(v, i);
	if (!ret && (v->features & VDRV_F_IOMMU))
		ret = vdrv_iotlb_map_all(v);
	for (i = 0; i < 2; i++)
		ret = ret ?: vdrv_set_backend(v, i, backend);
	return ret;
}

int vdrv_start(struct vdrv *v, int backend)
{
	int ret = v->vdpa ? start_vdpa(v) : start_vhost(v, backend);

	if (ret)
		return ret;
	v->running = true;
	if (!v->cfg.disk_queues)
		vdrv_post_rx(v);
	return 0;
}

int vdrv_stop(struct vdrv *v)
{
	unsigned int i;
	int ret, err = 0;

	for (i = 0; i < 2 && !v->vdpa; i++) {
		ret = vdrv_set_backend(v, i, -1);
		err = err ?: ret;
	}
	if (v->vdpa)
		err = vdrv_vdpa_suspend(v, true);
	for (i = 0; i < v->nr_vqs; i++) {
		struct vhost_vring_state s = { i, 0 };

		ret = dev_ioctl(v, VHOST_GET_VRING_BASE, &s);
		err = err ?: ret;
		v->vq[i].base = s.num;
	}
	v->running = false;
	if (v->vdpa)
		err = err ?: vdrv_vdpa_reset(v);
	return err;
}

void vdrv_close(struct vdrv *v)
{
	unsigned int i;

	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
	if (v->config_call >= 0)
		close(v->config_call);
	v->config_call = -1;
	for (i = 0; i < v->nr_vqs; i++) {
		struct vdrv_vq *q = &v->vq[i];

		if (q->kick >= 0)
			close(q->kick);
		if (q->call >= 0)
			close(q->call);
		if (q->err >= 0)
			close(q->err);
		vq_no_fds(q);
		free(q->slot_desc);
		free(q->free);
		q->slot_desc = NULL;
		q->free = NULL;
	}
	if (v->mem)
		munmap(v->mem, v->mem_bytes);
	if (v->memfd >= 0)
		close(v->memfd);
	if (v->log)
		munmap(v->log, v->log_bytes);
	v->mem = NULL;
	v->log = NULL;
	v->memfd = -1;
}
