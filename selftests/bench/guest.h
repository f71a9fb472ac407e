/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench's guest: a virtio-net driver on a vhost node or on a mediated device, one queue pair.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <stdbool.h>
#include "vdrv.h"
#include "vnic.h"

/**
 * struct guest - a driver, and what it drives
 * @v: its queue pair
 * @backend: descriptor of the port, -1 on a card
 * @is_card: a mediated device
 * @vhost: the queue pair on a vhost node
 * @card: the mediated device
 */
struct guest {
	struct vdrv *v;
	int backend;
	bool is_card;
	struct vdrv vhost;
	struct vnic card;
};

/*
 * Start a driver on @node, a vhost node or "mdev:UUID", for netdev @port, which is brought up.
 * @big: buffers as for frames that are to be segmented. Returns 0 or -errno.
 */
int guest_open(struct guest *g, const char *node, const char *port, bool big);
void guest_close(struct guest *g);

#endif /* BENCH_GUEST_H */
