/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A virtio driver in userland, over the ABI of a kernel vhost node or over what its user puts in
 * that place.
 *
 * It plays the guest and its VMM at once: it owns guest memory, the rings in it, and the file
 * descriptors of its queues. A network card's are one queue pair, as one vhost node is; a
 * multiqueue guest is several. A disk's are all it has; what is asked of one is vblk.h's. Nothing
 * is hidden, so that a test may spoil whatever it wants to.
 * All functions return -errno on failure.
 *
 * Guest-physical addresses differ from the addresses in this process, and the rings lie in another
 * memory region than the buffers: whoever confuses these is found out.
 */
#ifndef VDRV_H
#define VDRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define VDRV_BIT(n)		(1ULL << (n))
#define VDRV_F_INDIRECT		VDRV_BIT(VIRTIO_RING_F_INDIRECT_DESC)
#define VDRV_F_EVENT_IDX	VDRV_BIT(VIRTIO_RING_F_EVENT_IDX)
#define VDRV_F_MRG_RXBUF	VDRV_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define VDRV_F_VERSION_1	VDRV_BIT(VIRTIO_F_VERSION_1)
#define VDRV_F_IOMMU		VDRV_BIT(VIRTIO_F_ACCESS_PLATFORM)
#define VDRV_F_PACKED		VDRV_BIT(VIRTIO_F_RING_PACKED)
#define VDRV_F_LOG		VDRV_BIT(VHOST_F_LOG_ALL)
/* What a vDPA device's driver takes and sends unfinished; a vhost node's backend is told. */
#define VDRV_F_TAKES		(VDRV_BIT(VIRTIO_NET_F_GUEST_CSUM) | \
				 VDRV_BIT(VIRTIO_NET_F_GUEST_TSO4) | \
				 VDRV_BIT(VIRTIO_NET_F_GUEST_TSO6) | \
				 VDRV_BIT(VIRTIO_NET_F_GUEST_ECN) | \
				 VDRV_BIT(VIRTIO_NET_F_GUEST_USO4) | \
				 VDRV_BIT(VIRTIO_NET_F_GUEST_USO6))
#define VDRV_F_SENDS		(VDRV_BIT(VIRTIO_NET_F_CSUM) | \
				 VDRV_BIT(VIRTIO_NET_F_HOST_TSO4) | \
				 VDRV_BIT(VIRTIO_NET_F_HOST_TSO6) | \
				 VDRV_BIT(VIRTIO_NET_F_HOST_ECN) | \
				 VDRV_BIT(VIRTIO_NET_F_HOST_USO))

#define VDRV_RX			0
#define VDRV_TX			1
#define VDRV_MAX_VQS		16
#define VDRV_MAX_SEG		64	/* most descriptors that one frame's buffer is cut into */
#define VDRV_GPA_RING		0x0000000010000000ULL
#define VDRV_GPA_BUF		0x0000000100000000ULL
#define VDRV_IOVA		0x0000100000000000ULL	/* added to a GPA behind an IOMMU */
#define VDRV_FRAME		(64 * 1024 + 256)	/* holds any frame with its vnet header */

/**
 * struct vdrv_cfg - what a driver is to be
 * @node: path of the vhost node, or of a vDPA device's, whose memory is always behind an IOMMU
 *	(vdrv_open() only)
 * @features: feature bits, all of which the node must offer
 * @gpa: added to every guest-physical address, so that drivers may share an address space
 *	(vdrv_init() only)
 * @num: entries per ring (256)
 * @rx_buf: bytes of a receive buffer (2 KiB with mergeable buffers, else a whole 64 KiB frame)
 * @tx_buf: bytes of a transmit buffer (a whole 64 KiB frame)
 * @rx_seg: cut a receive buffer into descriptors of this size; 0 for one
 * @tx_seg: the same for a transmit buffer
 * @hdr_alone: the vnet header has a descriptor of its own
 * @disk_queues: queues of a disk; 0: it is a network card
 * @disk_buf: of a disk: bytes of a request's buffer
 * @disk_seg: of a disk: most descriptors of a request
 */
struct vdrv_cfg {
	const char *node;
	uint64_t features;
	uint64_t gpa;
	unsigned int num;
	uint32_t rx_buf;
	uint32_t tx_buf;
	uint32_t rx_seg;
	uint32_t tx_seg;
	bool hdr_alone;
	unsigned int disk_queues;
	uint32_t disk_buf;
	unsigned int disk_seg;
};

/**
 * struct vdrv_seg - a descriptor to be
 * @addr: what goes into the descriptor: a guest-physical address, or an IOVA
 * @len: bytes
 */
struct vdrv_seg {
	uint64_t addr;
	uint32_t len;
};

/**
 * struct vdrv_vq - one ring
 * @index: VDRV_RX or VDRV_TX, or of a disk's queue
 * @num: entries
 * @nslot: buffers; buffer i is @buf + i * @buf_len
 * @nseg: most descriptors per buffer
 * @desc: descriptor table of a split ring
 * @avail: its available ring
 * @used: its used ring
 * @pdesc: descriptor ring of a packed ring
 * @drv_event: its driver event suppression
 * @dev_event: its device event suppression
 * @itab: one indirect table of @nseg descriptors per slot
 * @next: split: free-running available index; packed: next slot to write
 * @used_next: the same for what comes back
 * @wrap: driver's wrap counter (packed)
 * @used_wrap: device's wrap counter as seen from here (packed)
 * @kicked: where @next stood at the last decision to kick (split)
 * @added: ring entries written since then (packed)
 * @base: what the device starts from, as SET_VRING_BASE and GET_VRING_BASE have it
 * @slot_desc: ring entries that a slot took
 * @free: stack of free slots
 * @nfree: how many of them
 * @kick: eventfd that wakes the device
 * @notify: wakes the device in place of @kick, NULL if that does; 0 or -errno
 * @notify_arg: for @notify
 * @call: eventfd that the device wakes us with
 * @err: eventfd that tells of a broken ring
 * @vdpa: node of a vDPA device, whose status tells that instead; else -1
 * @kicks: kicks sent, for those who count
 */
struct vdrv_vq {
	unsigned int index;
	unsigned int num;
	unsigned int nslot;
	unsigned int nseg;
	bool packed;
	bool event_idx;
	bool indirect;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc *pdesc;
	struct vring_packed_desc_event *drv_event;
	struct vring_packed_desc_event *dev_event;
	struct vring_desc *itab;
	uint16_t next;
	uint16_t used_next;
	bool wrap;
	bool used_wrap;
	uint16_t kicked;
	uint16_t added;
	uint32_t base;
	uint16_t *slot_desc;
	uint16_t *free;
	unsigned int nfree;
	unsigned char *buf;
	uint32_t buf_len;
	uint32_t seg_len;
	int kick;
	int (*notify)(struct vdrv_vq *q);
	void *notify_arg;
	int call;
	int err;
	int vdpa;
	uint64_t kicks;
};

struct vdrv {
	struct vdrv_cfg cfg;
	int fd;
	int memfd;
	uint64_t features;
	unsigned int hdr_len;
	unsigned char *mem;
	size_t ring_bytes;
	size_t mem_bytes;
	unsigned char *log;
	size_t log_bytes;
	bool running;
	bool vdpa;
	int config_call;
	unsigned int nr_vqs;
	struct vdrv_vq vq[VDRV_MAX_VQS];
};

/*
 * Life. open() leaves a driver with owner, features, memory and file descriptors set; start() sets
 * the rings up where they stood, attaches the backend and posts receive buffers; stop() detaches it
 * and reads the bases back, so that start() may follow again, with the same backend or another.
 */
int vdrv_open(struct vdrv *v, const struct vdrv_cfg *cfg);
int vdrv_start(struct vdrv *v, int backend);
int vdrv_stop(struct vdrv *v);
void vdrv_close(struct vdrv *v);

/*
 * The driver without a node: memory, rings and file descriptors, which the caller gives to a device
 * of his own. To be undone by close(). fresh() empties a ring, as for a queue that was reset.
 */
int vdrv_init(struct vdrv *v, const struct vdrv_cfg *cfg);
void vdrv_vq_fresh(struct vdrv_vq *q);

/* The steps of open() and start(), for who wants them in another order or with a fault. */
int vdrv_set_mem(struct vdrv *v);
int vdrv_set_ring(struct vdrv *v, unsigned int index);
int vdrv_set_backend(struct vdrv *v, unsigned int index, int backend);
int vdrv_ring_addr(struct vdrv *v, unsigned int index, struct vhost_vring_addr *addr);
void vdrv_post_rx(struct vdrv *v);
int vdrv_kick_always(struct vdrv_vq *q);

/*
 * Dirty log over the whole guest-physical space in use: on and off as QEMU does it, and a look at a
 * page.
 */
int vdrv_log_start(struct vdrv *v);
int vdrv_log_stop(struct vdrv *v);
bool vdrv_log_test_clear(struct vdrv *v, const void *ptr);

/* IOTLB: give the device all of memory, or take it away; answer what it misses. */
int vdrv_iotlb_update(struct vdrv *v, const void *ptr, size_t len);
int vdrv_iotlb_invalidate(struct vdrv *v, const void *ptr, size_t len);
int vdrv_iotlb_map_all(struct vdrv *v);
int vdrv_iotlb_serve(struct vdrv *v, int timeout_ms);

/*
 * What a vDPA device's node has and others have not; start() and stop() use these. The status is
 * that of virtio: set() adds bits, reset() clears all, and with it what the device knows of rings.
 */
int vdrv_vdpa_open(struct vdrv *v);
int vdrv_vdpa_set_status(struct vdrv *v, uint8_t bits);
int vdrv_vdpa_get_status(struct vdrv *v);
int vdrv_vdpa_reset(struct vdrv *v);
int vdrv_vdpa_enable(struct vdrv *v, bool on);
/* Queues start a moment after DRIVER_OK; from then on they do not say where they stand. */
int vdrv_vdpa_wait_running(struct vdrv *v);
int vdrv_vdpa_suspend(struct vdrv *v, bool on);
int vdrv_vdpa_config(struct vdrv *v, void *cfg, size_t len);
int vdrv_vdpa_set_config(struct vdrv *v, unsigned int off, const void *from, size_t len);

/* Address that a descriptor has for memory of this process. */
uint64_t vdrv_addr(const struct vdrv *v, const void *ptr);

/* Single frames. The header is always given and got in the form with num_buffers. */
int vdrv_send(struct vdrv *v, const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len);
int vdrv_recv(struct vdrv *v, struct virtio_net_hdr_v1 *hdr, void *frame, size_t len,
	      int timeout_ms);
int vdrv_reap_tx(struct vdrv *v);
int vdrv_drain_tx(struct vdrv *v, int timeout_ms);

/*
 * Rings, raw. add() takes a free slot's number as id; publish() makes the split ring's index
 * seen.
 */
int vdrv_vq_slot(struct vdrv_vq *q);
void vdrv_vq_add(struct vdrv *v, struct vdrv_vq *q, unsigned int slot, const struct vdrv_seg *seg,
		 unsigned int nr_out, unsigned int nr_in);
void vdrv_vq_publish(struct vdrv_vq *q);
int vdrv_vq_kick(struct vdrv_vq *q);
bool vdrv_vq_used(struct vdrv_vq *q, uint32_t *id, uint32_t *len);
bool vdrv_vq_peek(const struct vdrv_vq *q);
void vdrv_vq_release(struct vdrv_vq *q, unsigned int slot);
void vdrv_vq_call_after(struct vdrv_vq *q, unsigned int n);
void vdrv_vq_call_off(struct vdrv_vq *q);
int vdrv_vq_wait(struct vdrv_vq *q, int timeout_ms);
unsigned int vdrv_segments(const struct vdrv *v, const struct vdrv_vq *q, unsigned int slot,
			   uint32_t len, struct vdrv_seg *seg);

/* Has the device signalled the error eventfd since the last look? (vDPA: does it need a reset?) */
bool vdrv_vq_broken(struct vdrv_vq *q);

/* Bursts, for the bench: frames lie in the buffers already, or are looked at where they lie. */
unsigned int vdrv_tx_burst(struct vdrv *v, unsigned int n, uint32_t len,
			   void (*touch)(void *frame, void *arg), void *arg);
unsigned int vdrv_tx_reap(struct vdrv *v);
unsigned int vdrv_rx_reap(struct vdrv *v, uint64_t *bytes);

/*
 * Backends: the character device of a netdev that has one (macvtap, a guest port), else a tap of
 * that name, which is made if it is not there. Offloads as a VMM sets them that found all of them.
 */
int vdrv_backend_open(const char *ifname, bool multi_queue);
int vdrv_backend_hdr(int backend, unsigned int hdr_len);
int vdrv_backend_offload(int backend, bool on);

#endif /* VDRV_H */
