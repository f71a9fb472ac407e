/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk of this process's own memory (/dev/nbd0), which keeps each request that changed it, so
 * that it can be what a cut of the power would have left of it, at any point.
 */
#ifndef BLK_MEDIUM_H
#define BLK_MEDIUM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIUM		"/dev/nbd0"

/**
 * struct medium_op - a request that changed the disk, or made it durable
 * @data: what was written; NULL: it is a flush
 * @at: byte
 * @len: bytes
 * @fua: it was durable when it was completed
 */
struct medium_op {
	unsigned char *data;
	size_t at;
	size_t len;
	bool fua;
};

/**
 * struct medium - the disk
 * @memory: its contents
 * @size: bytes
 * @lock: of what follows
 * @op: requests, in the order in which they were completed
 * @nr: how many
 */
struct medium {
	unsigned char *memory;
	size_t size;
	pthread_mutex_t lock;
	struct medium_op *op;
	unsigned int nr;
	int device;
	int socket[2];
	pthread_t serves;
	pthread_t holds;
};

/* What the cache had is there, is lost, or some of it is; the request at the cut is torn then. */
enum medium_cut { MEDIUM_KEPT, MEDIUM_LOST, MEDIUM_TORN, MEDIUM_CUTS };

int medium_start(struct medium *m, size_t size);
void medium_stop(struct medium *m);
/* From now on. */
void medium_forget(struct medium *m);
/* To @to: what is left of @first, as the disk was, when the power is cut ahead of request @n. */
void medium_cut(const struct medium *m, const unsigned char *first, unsigned int n,
		enum medium_cut how, unsigned char *to);

#endif /* BLK_MEDIUM_H */
