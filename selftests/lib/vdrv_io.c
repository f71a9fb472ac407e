// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the userland virtio-net driver does with its rings: frames, bursts, the dirty log, IOTLB
 * messages.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include "vdrv.h"

#define LOG_PAGE	4096UL
#define POLL_MS		10

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static unsigned char *slot_buf(const struct vdrv_vq *q, unsigned int slot)
{
	return q->buf + (size_t)slot * q->buf_len;
}

static void post_slot(struct vdrv *v, struct vdrv_vq *q, unsigned int slot)
{
	struct vdrv_seg seg[VDRV_MAX_SEG];
	unsigned int n = vdrv_segments(v, q, slot, q->buf_len, seg);

	vdrv_vq_add(v, q, slot, seg, 0, n);
}

/* Give every free receive buffer to the device. */
void vdrv_post_rx(struct vdrv *v)
{
	struct vdrv_vq *q = &v->vq[VDRV_RX];
	int slot;

	while ((slot = vdrv_vq_slot(q)) >= 0)
		post_slot(v, q, slot);
	vdrv_vq_publish(q);
	vdrv_vq_kick(q);
}

int vdrv_reap_tx(struct vdrv *v)
{
	return vdrv_tx_reap(v);
}

/* Wait until all that was sent has been taken. -ETIMEDOUT if it was not. */
int vdrv_drain_tx(struct vdrv *v, int timeout_ms)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	long end = now_ms() + timeout_ms;

	for (;;) {
		vdrv_tx_reap(v);
		if (q->nfree == q->nslot)
			return 0;
		if (now_ms() >= end)
			return -ETIMEDOUT;
		vdrv_vq_call_after(q, 1);
		if (!vdrv_vq_peek(q))
			vdrv_vq_wait(q, POLL_MS);
	}
}

int vdrv_send(struct vdrv *v, const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	struct vdrv_seg seg[VDRV_MAX_SEG];
	struct virtio_net_hdr_v1 h = *hdr;
	int slot, n;

	if (len + v->hdr_len > q->buf_len)
		return -EMSGSIZE;
	vdrv_tx_reap(v);
	slot = vdrv_vq_slot(q);
	if (slot < 0)
		return slot;
	h.num_buffers = 0;
	memcpy(slot_buf(q, slot), &h, v->hdr_len);
	memcpy(slot_buf(q, slot) + v->hdr_len, frame, len);
	n = vdrv_segments(v, q, slot, v->hdr_len + len, seg);
	vdrv_vq_add(v, q, slot, seg, n, 0);
	vdrv_vq_publish(q);
	n = vdrv_vq_kick(q);
	return n < 0 ? n : 0;
}

/*
 * Take @len bytes at most of one completion and give the buffer back. Returns how many it had, or
 * -errno.
 */
static int take(struct vdrv *v, struct vdrv_vq *q, unsigned int skip, struct virtio_net_hdr_v1 *hdr,
		unsigned char *to, size_t room)
{
	uint32_t id, len;

	if (!vdrv_vq_used(q, &id, &len))
		return -EPROTO;
	if (len > q->buf_len || len < skip)
		return -EPROTO;
	if (hdr) {
		hdr->num_buffers = 1;
		memcpy(hdr, slot_buf(q, id), skip);
	}
	len -= skip;
	if (len > room)
		return -EMSGSIZE;
	memcpy(to, slot_buf(q, id) + skip, len);
	post_slot(v, q, id);
	return len;
}

/* Receive one frame: its length, or -ETIMEDOUT, or -EPROTO if the device broke the rules. */
int vdrv_recv(struct vdrv *v, struct virtio_net_hdr_v1 *hdr, void *frame, size_t room,
	      int timeout_ms)
{
	struct vdrv_vq *q = &v->vq[VDRV_RX];
	long end = now_ms() + timeout_ms;
	int i, n, ret, more;

	while (!vdrv_vq_peek(q)) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		vdrv_vq_call_after(q, 1);
		if (!vdrv_vq_peek(q))
			vdrv_vq_wait(q, POLL_MS);
	}
	ret = take(v, q, v->hdr_len, hdr, frame, room);
	if (ret < 0)
		return ret;
	n = v->features & VDRV_F_MRG_RXBUF ? hdr->num_buffers : 1;
	if (!n)
		return -EPROTO;
	for (i = 1; i < n; i++) {
		more = take(v, q, 0, NULL, (unsigned char *)frame + ret, room - ret);
		if (more < 0)
			return more;
		ret += more;
	}
	vdrv_vq_publish(q);
	n = vdrv_vq_kick(q);
	return n < 0 ? n : ret;
}

/*
 * Hand @n buffers over as they lie, each @len bytes of frame long, after @touch has had a look at
 * it. No kick. Returns how many there was room for.
 */
unsigned int vdrv_tx_burst(struct vdrv *v, unsigned int n, uint32_t len,
			   void (*touch)(void *frame, void *arg), void *arg)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	struct vdrv_seg seg[VDRV_MAX_SEG];
	unsigned int i, nseg;
	int slot;

	for (i = 0; i < n; i++) {
		slot = vdrv_vq_slot(q);
		if (slot < 0)
			break;
		if (touch)
			touch(slot_buf(q, slot) + v->hdr_len, arg);
		nseg = vdrv_segments(v, q, slot, v->hdr_len + len, seg);
		vdrv_vq_add(v, q, slot, seg, nseg, 0);
	}
	vdrv_vq_publish(q);
	return i;
}

unsigned int vdrv_tx_reap(struct vdrv *v)
{
	struct vdrv_vq *q = &v->vq[VDRV_TX];
	unsigned int n = 0;
	uint32_t id, len;

	for (; vdrv_vq_used(q, &id, &len); n++)
		vdrv_vq_release(q, id);
	return n;
}

/* Count the frames received, give the buffers back. No kick. */
unsigned int vdrv_rx_reap(struct vdrv *v, uint64_t *bytes)
{
	struct vdrv_vq *q = &v->vq[VDRV_RX];
	bool mrg = v->features & VDRV_F_MRG_RXBUF;
	unsigned int n = 0, left = 0;
	uint32_t id, len;

	while (vdrv_vq_used(q, &id, &len)) {
		if (left) {
			left--;
		} else {
			n++;
			len -= v->hdr_len;
			if (mrg)
				left = ((struct virtio_net_hdr_v1 *)slot_buf(q, id))->num_buffers -
				       1;
		}
		*bytes += len;
		post_slot(v, q, id);
	}
	vdrv_vq_publish(q);
	return n;
}

/* As QEMU does it: the log's memory, the feature, then the rings' flag, all while the rings run. */
int vdrv_log_start(struct vdrv *v)
{
	uint64_t base, features;
	struct vhost_vring_addr a;
	int i;

	v->log_bytes = (VDRV_GPA_BUF + v->mem_bytes) / LOG_PAGE / 8 + LOG_PAGE;
	v->log_bytes = v->log_bytes / LOG_PAGE * LOG_PAGE;
	v->log = mmap(NULL, v->log_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (v->log == MAP_FAILED) {
		v->log = NULL;
		return -errno;
	}
	base = (uintptr_t)v->log;
	features = v->features | VDRV_F_LOG;
	if (ioctl(v->fd, VHOST_SET_LOG_BASE, &base) < 0 ||
	    ioctl(v->fd, VHOST_SET_FEATURES, &features) < 0)
		return -errno;
	v->features = features;
	for (i = 0; i < 2; i++) {
		vdrv_ring_addr(v, i, &a);
		if (ioctl(v->fd, VHOST_SET_VRING_ADDR, &a) < 0)
			return -errno;
	}
	/* Setting features with an IOMMU among them may have begun a new table. */
	return v->features & VDRV_F_IOMMU ? vdrv_iotlb_map_all(v) : 0;
}

int vdrv_log_stop(struct vdrv *v)
{
	uint64_t features = v->features & ~VDRV_F_LOG;
	struct vhost_vring_addr a;
	void *log = v->log;
	int i;

	v->log = NULL;
	for (i = 0; i < 2; i++) {
		vdrv_ring_addr(v, i, &a);
		if (ioctl(v->fd, VHOST_SET_VRING_ADDR, &a) < 0)
			return -errno;
	}
	if (ioctl(v->fd, VHOST_SET_FEATURES, &features) < 0)
		return -errno;
	v->features = features;
	munmap(log, v->log_bytes);
	return v->features & VDRV_F_IOMMU ? vdrv_iotlb_map_all(v) : 0;
}

/* Was the page of @ptr written to since the last look? */
bool vdrv_log_test_clear(struct vdrv *v, const void *ptr)
{
	uint64_t off = (const unsigned char *)ptr - v->mem, gpa, page;
	unsigned char bit;

	gpa = off < v->ring_bytes ? VDRV_GPA_RING + off : VDRV_GPA_BUF + off - v->ring_bytes;
	page = gpa / LOG_PAGE;
	bit = 1 << page % 8;
	return __atomic_fetch_and(&v->log[page / 8], ~bit, __ATOMIC_SEQ_CST) & bit;
}

static int iotlb_send(struct vdrv *v, uint8_t type, uint64_t iova, uint64_t size, uint64_t uaddr)
{
	struct vhost_msg_v2 m = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = { .iova = iova,
			   .size = size,
			   .uaddr = uaddr,
			   .perm = VHOST_ACCESS_RW,
			   .type = type },
	};

	return write(v->fd, &m, sizeof(m)) == sizeof(m) ? 0 : -errno;
}

int vdrv_iotlb_update(struct vdrv *v, const void *ptr, size_t len)
{
	return iotlb_send(v, VHOST_IOTLB_UPDATE, vdrv_addr(v, ptr), len, (uintptr_t)ptr);
}

int vdrv_iotlb_invalidate(struct vdrv *v, const void *ptr, size_t len)
{
	return iotlb_send(v, VHOST_IOTLB_INVALIDATE, vdrv_addr(v, ptr), len, 0);
}

int vdrv_iotlb_map_all(struct vdrv *v)
{
	int ret = vdrv_iotlb_update(v, v->mem, v->ring_bytes);

	return ret ?: vdrv_iotlb_update(v, v->mem + v->ring_bytes, v->mem_bytes - v->ring_bytes);
}

/* Wait for one miss and answer it with the page that it asks for. 1 if there was one, 0 if not. */
int vdrv_iotlb_serve(struct vdrv *v, int timeout_ms)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN };
	struct vhost_msg_v2 m;
	uint64_t gpa, off;
	int ret;

	ret = poll(&p, 1, timeout_ms);
	if (ret <= 0)
		return ret < 0 ? -errno : 0;
	if (read(v->fd, &m, sizeof(m)) != sizeof(m))
		return -errno;
	if (m.type != VHOST_IOTLB_MSG_V2 || m.iotlb.type != VHOST_IOTLB_MISS)
		return -EPROTO;
	gpa = m.iotlb.iova - VDRV_IOVA;
	off = gpa >= VDRV_GPA_BUF ? gpa - VDRV_GPA_BUF + v->ring_bytes : gpa - VDRV_GPA_RING;
	if (off >= v->mem_bytes)
		return -EFAULT;
	off &= ~(LOG_PAGE - 1);
	ret = iotlb_send(v, VHOST_IOTLB_UPDATE, m.iotlb.iova & ~(LOG_PAGE - 1), LOG_PAGE,
			 (uintptr_t)v->mem + off);
	return ret ?: 1;
}
