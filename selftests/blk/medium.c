// SPDX-License-Identifier: GPL-2.0-only
/* See medium.h. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nbd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "medium.h"
#include "netio.h"

#define SECTOR	512
#define OPS	16384

/* --- what came by --- */

static void note(struct medium *m, unsigned char *data, size_t at, size_t len, bool fua)
{
	pthread_mutex_lock(&m->lock);
	if (data)
		memcpy(m->memory + at, data, len);
	if (m->nr < OPS)
		m->op[m->nr++] = (struct medium_op){ data, at, len, fua };
	pthread_mutex_unlock(&m->lock);
}

void medium_forget(struct medium *m)
{
	pthread_mutex_lock(&m->lock);
	while (m->nr)
		free(m->op[--m->nr].data);
	pthread_mutex_unlock(&m->lock);
}

/* --- what is left of it --- */

/* Was it durable by the time of request @n? */
static bool is_safe(const struct medium *m, unsigned int i, unsigned int n)
{
	if (m->op[i].fua)
		return true;
	while (++i < n) {
		if (!m->op[i].data)
			return true;
	}
	return false;
}

/* The same each time, and for each sector another. */
static bool is_lucky(unsigned int n, unsigned int i, unsigned int sector)
{
	return ((n * 0x9e3779b1u ^ i * 0x85ebca6bu ^ sector * 0xc2b2ae35u) >> 13) & 1;
}

static void some_of(const struct medium_op *op, unsigned int n, unsigned int i, unsigned char *to)
{
	size_t off;

	for (off = 0; off < op->len; off += SECTOR) {
		if (is_lucky(n, i, off / SECTOR))
			memcpy(to + op->at + off, op->data + off, SECTOR);
	}
}

void medium_cut(const struct medium *m, const unsigned char *first, unsigned int n,
		enum medium_cut how, unsigned char *to)
{
	unsigned int i;

	memcpy(to, first, m->size);
	for (i = 0; i < n; i++) {
		const struct medium_op *op = &m->op[i];

		if (!op->data)
			continue;
		if (how == MEDIUM_KEPT || is_safe(m, i, n))
			memcpy(to + op->at, op->data, op->len);
		else if (how == MEDIUM_TORN)
			some_of(op, n, i, to);
	}
	if (how == MEDIUM_TORN && n < m->nr && m->op[n].data)
		some_of(&m->op[n], n, n, to);
}

/* --- the kernel's side of it --- */

static bool take(int fd, void *to, size_t len)
{
	return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static bool give(int fd, const void *from, size_t len)
{
	ssize_t n;

	for (; len; len -= n, from += n) {
		n = send(fd, from, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
	}
	return true;
}

static bool serve(struct medium *m, const struct nbd_request *r)
{
	struct nbd_reply reply = { .magic = htonl(NBD_REPLY_MAGIC) };
	uint32_t type = ntohl(r->type), len = ntohl(r->len);
	size_t at = be64toh(r->from);
	unsigned char *data = NULL;

	memcpy(&reply.handle, &r->handle, sizeof(reply.handle));
	switch (type & 0xffff) {
	case NBD_CMD_READ:
		return give(m->socket[1], &reply, sizeof(reply)) &&
		       give(m->socket[1], m->memory + at, len);
	case NBD_CMD_WRITE:
		data = malloc(len);
		if (!data || !take(m->socket[1], data, len))
			return false;
		note(m, data, at, len, type & NBD_CMD_FLAG_FUA);
		break;
	case NBD_CMD_FLUSH:
		note(m, NULL, 0, 0, false);
		break;
	default:
		return false;
	}
	return give(m->socket[1], &reply, sizeof(reply));
}

static void *serves(void *arg)
{
	struct medium *m = arg;
	struct nbd_request r;

	while (take(m->socket[1], &r, sizeof(r)) && r.magic == htonl(NBD_REQUEST_MAGIC) &&
	       serve(m, &r))
		;
	/* The kernel was told to let go of it, and waits for the other end. */
	shutdown(m->socket[1], SHUT_RDWR);
	return NULL;
}

/* As long as it is there. */
static void *holds(void *arg)
{
	struct medium *m = arg;

	ioctl(m->device, NBD_DO_IT);
	ioctl(m->device, NBD_CLEAR_SOCK);
	return NULL;
}

static int connect_device(struct medium *m)
{
	const unsigned long flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA;

	if (access(MEDIUM, F_OK) &&
	    netio_run("insmod $UML_BUILD/drivers/block/nbd.ko nbds_max=1 max_part=0"))
		return -ENODEV;
	m->device = open(MEDIUM, O_RDONLY | O_CLOEXEC);
	if (m->device < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, m->socket))
		return -errno;
	if (ioctl(m->device, NBD_SET_SOCK, m->socket[0]) ||
	    ioctl(m->device, NBD_SET_BLKSIZE, (unsigned long)SECTOR) ||
	    ioctl(m->device, NBD_SET_SIZE_BLOCKS, m->size / SECTOR) ||
	    ioctl(m->device, NBD_SET_FLAGS, flags))
		return -errno;
	return 0;
}

/* The kernel reads its size when somebody opens it. */
static bool is_there(void)
{
	unsigned int i;

	for (i = 0; i < 200; i++) {
		if (!netio_run("test $(blockdev --getsz " MEDIUM ") -gt 0"))
			return true;
		usleep(20000);
	}
	return false;
}

int medium_start(struct medium *m, size_t size)
{
	int ret;

	*m = (struct medium){ .size = size, .memory = calloc(1, size),
			      .op = calloc(OPS, sizeof(*m->op)) };
	pthread_mutex_init(&m->lock, NULL);
	ret = connect_device(m);
	if (ret)
		return ret;
	if (pthread_create(&m->serves, NULL, serves, m) ||
	    pthread_create(&m->holds, NULL, holds, m))
		return -EAGAIN;
	return is_there() ? 0 : -EIO;
}

void medium_stop(struct medium *m)
{
	ioctl(m->device, NBD_DISCONNECT);
	pthread_join(m->serves, NULL);
	pthread_join(m->holds, NULL);
	close(m->device);
	close(m->socket[0]);
	close(m->socket[1]);
	medium_forget(m);
	free(m->op);
	free(m->memory);
}
