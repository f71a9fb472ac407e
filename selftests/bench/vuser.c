// SPDX-License-Identifier: GPL-2.0-only
/* A vhost-user front end: see vuser.h. Messages: QEMU's docs/interop/vhost-user.rst. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "vuser.h"

#define VERSION			0x1
#define REPLY			0x4
#define F_PROTOCOL		VDRV_BIT(30)
#define REGIONS			2

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
};

struct region {
	uint64_t gpa;
	uint64_t size;
	uint64_t addr;
	uint64_t offset;
};

struct message {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	union {
		uint64_t number;
		struct vhost_vring_state state;
		struct vhost_vring_addr addr;
		struct {
			uint32_t nr;
			uint32_t pad;
			struct region region[REGIONS];
		} mem;
	};
} __attribute__((packed));

#define HEADER	offsetof(struct message, number)

static int post(int sock, struct message *m, uint32_t request, uint32_t size, const int *fd,
		unsigned int nr_fds)
{
	struct iovec iov = { m, HEADER + size };
	char control[CMSG_SPACE(REGIONS * sizeof(int))] = {};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	m->request = request;
	m->flags = VERSION;
	m->size = size;
	if (nr_fds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fd, nr_fds * sizeof(int));
	}
	return sendmsg(sock, &msg, 0) < 0 ? -errno : 0;
}

static int set_number(int sock, uint32_t request, uint64_t number)
{
	struct message m = { .number = number };

	return post(sock, &m, request, sizeof(m.number), NULL, 0);
}

static int get_number(int sock, uint32_t request, uint64_t *number)
{
	struct message m;
	int ret = post(sock, &m, request, 0, NULL, 0);

	if (ret)
		return ret;
	if (recv(sock, &m, HEADER + sizeof(m.number), MSG_WAITALL) !=
	    HEADER + sizeof(m.number) || m.request != request || !(m.flags & REPLY))
		return -EPROTO;
	*number = m.number;
	return 0;
}

static int set_state(int sock, uint32_t request, unsigned int index, unsigned int num)
{
	struct message m = { .state = { index, num } };

	return post(sock, &m, request, sizeof(m.state), NULL, 0);
}

static int set_fd(int sock, uint32_t request, unsigned int index, int fd)
{
	struct message m = { .number = index };

	return post(sock, &m, request, sizeof(m.number), &fd, 1);
}

static int set_memory(int sock, const struct vdrv *v)
{
	const int fd[REGIONS] = { v->memfd, v->memfd };
	struct message m = {
		.mem = {
			.nr = REGIONS,
			.region = {
				{ VDRV_GPA_RING, v->ring_bytes, (uintptr_t)v->mem, 0 },
				{ VDRV_GPA_BUF, v->mem_bytes - v->ring_bytes,
				  (uintptr_t)v->mem + v->ring_bytes, v->ring_bytes },
			},
		},
	};

	return post(sock, &m, SET_MEM_TABLE, sizeof(m.mem), fd, REGIONS);
}

static int set_ring(int sock, struct vdrv *v, unsigned int index)
{
	const struct vdrv_vq *q = &v->vq[index];
	struct vhost_vring_addr addr;
	struct message m = {};
	int ret;

	vdrv_ring_addr(v, index, &addr);
	m.addr = addr;
	ret = set_state(sock, SET_VRING_NUM, index, q->num);
	ret = ret ?: set_state(sock, SET_VRING_BASE, index, q->base);
	ret = ret ?: post(sock, &m, SET_VRING_ADDR, sizeof(m.addr), NULL, 0);
	ret = ret ?: set_fd(sock, SET_VRING_CALL, index, q->call);
	ret = ret ?: set_fd(sock, SET_VRING_KICK, index, q->kick);
	return ret ?: set_state(sock, SET_VRING_ENABLE, index, 1);
}

static int start(int sock, struct vdrv *v)
{
	uint64_t have, protocol;
	unsigned int i;
	int ret;

	ret = set_number(sock, SET_OWNER, 0);
	ret = ret ?: get_number(sock, GET_FEATURES, &have);
	if (!ret && ((v->features | F_PROTOCOL) & ~have))
		return -EOPNOTSUPP;
	ret = ret ?: get_number(sock, GET_PROTOCOL_FEATURES, &protocol);
	ret = ret ?: set_number(sock, SET_PROTOCOL_FEATURES, 0);
	ret = ret ?: set_number(sock, SET_FEATURES, v->features | F_PROTOCOL);
	ret = ret ?: set_memory(sock, v);
	for (i = 0; i < v->nr_vqs; i++)
		ret = ret ?: set_ring(sock, v, i);
	/* Once this is answered all of it was read. */
	return ret ?: get_number(sock, GET_FEATURES, &have);
}

int vuser_open(struct vdrv *v, const struct vdrv_cfg *cfg, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int sock, ret = vdrv_init(v, cfg);

	if (ret)
		return ret;
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
		ret = -errno;
	ret = ret ?: start(sock, v);
	if (ret)
		vdrv_close(v);
	return ret;
}
