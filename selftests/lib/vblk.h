/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of a disk, as a virtio-blk driver makes them, on the rings of a struct vdrv. All
 * functions return -errno on failure.
 *
 * A slot's buffer holds the header, the status and the data, each in a place of its own.
 */
#ifndef VBLK_H
#define VBLK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_blk.h>
#include "vdrv.h"

#define VBLK_F(name)	VDRV_BIT(VIRTIO_BLK_F_##name)
/* Where things lie in a slot's buffer. */
#define VBLK_HDR	0
#define VBLK_STATUS	64
#define VBLK_DATA	4096
/* The status of a request that nobody has answered. */
#define VBLK_UNANSWERED	0xa5

/**
 * struct vblk_io - a request
 * @type: VIRTIO_BLK_T_*
 * @sector: for those that have one
 * @len: bytes of data
 * @off: where they begin, behind VBLK_DATA
 * @seg: cut them into pieces of this size; 0: one piece
 * @mixed: header and status are cut too
 */
struct vblk_io {
	uint32_t type;
	uint64_t sector;
	uint32_t len;
	uint32_t off;
	uint32_t seg;
	bool mixed;
};

/**
 * struct vblk_done - a completed request
 * @slot: its slot; to be released
 * @status: VIRTIO_BLK_S_*
 * @len: bytes that the device says it wrote
 */
struct vblk_done {
	unsigned int slot;
	uint8_t status;
	uint32_t len;
};

/* What is in a slot's buffer. */
void *vblk_at(const struct vdrv_vq *q, unsigned int slot, uint32_t off);
/* Does the device write the data? */
bool vblk_reads(uint32_t type);

/* Write a request into its slot and the ring; publish and kick are the caller's. */
void vblk_put(struct vdrv *v, struct vdrv_vq *q, unsigned int slot, const struct vblk_io *io);
/* The same with the kick, in a free slot, which is returned. @data: what is written, or NULL. */
int vblk_begin(struct vdrv *v, struct vdrv_vq *q, const struct vblk_io *io, const void *data);
/* Wait for a completion, whichever it is: 1; 0 if there was none in time; -EPROTO. */
int vblk_wait(struct vdrv_vq *q, struct vblk_done *done, int timeout_ms);
/* One request by itself. Returns its status. @data: what is written, or room for what is read. */
int vblk_do(struct vdrv *v, struct vdrv_vq *q, const struct vblk_io *io, void *data);
/* A hostile one: segments as they are, with a chain of any length. -ENOSPC: no slot. */
int vblk_raw(struct vdrv *v, struct vdrv_vq *q, const struct vdrv_seg *seg, unsigned int nr_out,
	     unsigned int nr_in);

#endif /* VBLK_H */
