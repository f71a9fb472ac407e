/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames that a hostile driver might send: real headers in odd orders, lengths and offsets that
 * lie, and a virtio header that asks for anything. The same seed makes the same frames.
 */
#ifndef WILD_H
#define WILD_H

#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>

struct vdrv;

#define WILD_HEADERS	512	/* bytes that are written at most; what follows stays as it is */

/**
 * struct wild - a stream of frames
 * @state: of the generator: any number
 */
struct wild {
	uint64_t state;
};

/* A number below @n, which is not 0. */
uint32_t wild_below(struct wild *w, uint32_t n);

/*
 * The next one: headers to @frame, which has room for WILD_HEADERS bytes, and *@hdr. Returns the
 * length of the frame that it is to be: 0 to @max, whatever was written.
 */
uint32_t wild_next(struct wild *w, unsigned char *frame, uint32_t max,
		   struct virtio_net_hdr_v1 *hdr);

/*
 * @n of them out of the transmit ring of @from, while what comes to it and to @to (NULL: nobody) is
 * taken. 0 when all buffers are back; -ETIMEDOUT, or -EPROTO for a ring that was stopped.
 */
int wild_shoot(struct wild *w, struct vdrv *from, struct vdrv *to, unsigned int n);

/*
 * @n of them by @send, which may refuse any, while what comes to @to (NULL: nobody) is taken. 0, or
 * -EPROTO for a ring that was stopped.
 */
int wild_send(struct wild *w, int (*send)(int fd, const struct virtio_net_hdr_v1 *hdr,
					  const void *frame, size_t len),
	      int fd, struct vdrv *to, unsigned int n);

/* As the environment says: a seed (one for each run), and how many frames (@n). */
void wild_init(struct wild *w, unsigned int *n);

#endif /* WILD_H */
