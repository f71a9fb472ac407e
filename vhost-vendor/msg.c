// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOTLB messages: misses go out by read(), translations come in by write().
 *
 * A miss is forgotten once it was read: a ring that was not helped asks again when it is next
 * looked at. One that is still unread is not repeated, so a ring that asks in vain costs
 * nothing.
 */
#include <linux/sched/signal.h>
#include <linux/uio.h>
#include "vhost.h"

#define MISS_PAGE_SHIFT	12

void sluice_vhost_msgs_init(struct sluice_vhost_msgs *m)
{
	spin_lock_init(&m->lock);
	init_waitqueue_head(&m->wait);
}

void sluice_vhost_msgs_reset(struct sluice_vhost_msgs *m, bool open)
{
	spin_lock(&m->lock);
	m->nr = 0;
	m->open = open;
	spin_unlock(&m->lock);
	/* A reader that waits for what no longer can come is told so. */
	wake_up_interruptible_poll(&m->wait, EPOLLIN | EPOLLRDNORM);
}

static bool msgs_has(const struct sluice_vhost_msgs *m, u64 iova, u8 perm)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		unsigned int at = (m->head + i) % SLUICE_VHOST_MISSES;

		if (m->miss[at].iova >> MISS_PAGE_SHIFT == iova >> MISS_PAGE_SHIFT &&
		    !(perm & ~m->miss[at].perm))
			return true;
	}
	return false;
}

static void msgs_push(struct sluice_vhost_msgs *m, u64 iova, u8 perm)
{
	unsigned int at;

	spin_lock(&m->lock);
	if (m->open && !msgs_has(m, iova, perm)) {
		/* The oldest is the likeliest that nobody waits for any more. */
		if (m->nr == SLUICE_VHOST_MISSES) {
			m->head = (m->head + 1) % SLUICE_VHOST_MISSES;
			m->nr--;
		}
		at = (m->head + m->nr++) % SLUICE_VHOST_MISSES;
		m->miss[at].iova = iova;
		m->miss[at].perm = perm;
	}
	spin_unlock(&m->lock);
}

void sluice_vhost_msgs_miss(void *ctx, u64 iova, u8 perm)
{
	struct sluice_vhost *v = ctx;

	msgs_push(&v->msgs, iova, perm);
	wake_up_interruptible_poll(&v->msgs.wait, EPOLLIN | EPOLLRDNORM);
}

/* 0 and the oldest miss, -EAGAIN if there is none, -EBADFD if there cannot be one. */
static int msgs_pop(struct sluice_vhost_msgs *m, struct vhost_iotlb_msg *msg)
{
	int err = 0;

	spin_lock(&m->lock);
	if (m->nr) {
		msg->type = VHOST_IOTLB_MISS;
		msg->iova = m->miss[m->head].iova;
		msg->perm = m->miss[m->head].perm;
		m->head = (m->head + 1) % SLUICE_VHOST_MISSES;
		m->nr--;
	} else {
		err = m->open ? -EAGAIN : -EBADFD;
	}
	spin_unlock(&m->lock);
	return err;
}

static bool msgs_ready(struct sluice_vhost_msgs *m)
{
	bool ready;

	spin_lock(&m->lock);
	ready = m->nr || !m->open;
	spin_unlock(&m->lock);
	return ready;
}

__poll_t sluice_vhost_msgs_poll(struct sluice_vhost_msgs *m, struct file *file, poll_table *wait)
{
	__poll_t mask;

	poll_wait(file, &m->wait, wait);
	spin_lock(&m->lock);
	mask = m->nr ? EPOLLIN | EPOLLRDNORM : 0;
	spin_unlock(&m->lock);
	return mask;
}

static ssize_t msgs_copy_out(const struct sluice_vhost *v, const struct vhost_iotlb_msg *iotlb,
			     struct iov_iter *to)
{
	struct vhost_msg_v2 v2 = { .type = VHOST_IOTLB_MSG_V2 };
	struct vhost_msg v1 = { .type = VHOST_IOTLB_MSG };
	size_t len = sizeof(v1), done;

	/* They differ in a hole that the second one fills. */
	BUILD_BUG_ON(sizeof(v1) != sizeof(v2));
	if (READ_ONCE(v->backend_features) & BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)) {
		v2.iotlb = *iotlb;
		done = copy_to_iter(&v2, len, to);
	} else {
		v1.iotlb = *iotlb;
		done = copy_to_iter(&v1, len, to);
	}
	return done == len ? len : -EFAULT;
}

ssize_t sluice_vhost_msgs_read(struct sluice_vhost *v, struct iov_iter *to, bool nonblock)
{
	struct sluice_vhost_msgs *m = &v->msgs;
	struct vhost_iotlb_msg iotlb = {};
	ssize_t ret;

	/* Whole messages or none. */
	if (iov_iter_count(to) < sizeof(struct vhost_msg))
		return 0;
	while ((ret = msgs_pop(m, &iotlb)) == -EAGAIN && !nonblock) {
		ret = wait_event_interruptible(m->wait, msgs_ready(m));
		if (ret)
			return ret;
	}
	if (ret)
		return nonblock ? -EAGAIN : ret;
	ret = msgs_copy_out(v, &iotlb, to);
	/* The ring that asked would wait for ever. */
	if (ret < 0)
		msgs_push(m, iotlb.iova, iotlb.perm);
	return ret;
}

/* --- from the VMM --- */

static int msgs_update(struct sluice_vhost *v, const struct vhost_iotlb_msg *msg)
{
	u64 last = msg->iova + msg->size - 1;
	unsigned int i;
	int err;

	if (!msg->size || last < msg->iova)
		return -EINVAL;
	if (!msg->perm || msg->perm & ~VHOST_ACCESS_RW)
		return -EINVAL;
	if (!sluice_vhost_range_ok(msg->uaddr, msg->size))
		return -EFAULT;
	err = sluice_iotlb_update(v->gmem.iotlb, msg->iova, last, msg->uaddr, msg->perm);
	if (err)
		return err;
	/* Whoever waits for it looks again; nobody has to be stopped for that. */
	for (i = 0; i < SLUICE_VHOST_VQS; i++) {
		if (v->vq[i].attached)
			sluice_queue_kick(v->vq[i].q);
	}
	return 0;
}

/*
 * Once this is answered the VMM may give the memory to somebody else: so it waits for the
 * worker.
 */
static int msgs_invalidate(struct sluice_vhost *v, const struct vhost_iotlb_msg *msg)
{
	u64 last = msg->iova + msg->size - 1;
	unsigned int i;
	int err = 0;

	/* All of the address space does not fit into a size. */
	if (!msg->size || last < msg->iova)
		last = U64_MAX;
	sluice_iotlb_invalidate(v->gmem.iotlb, msg->iova, last);
	for (i = 0; i < SLUICE_VHOST_VQS; i++) {
		if (v->vq[i].attached)
			err = sluice_queue_memory_changed(v->vq[i].q) ?: err;
	}
	return err;
}

int sluice_vhost_msgs_handle(struct sluice_vhost *v, const struct vhost_iotlb_msg *msg)
{
	lockdep_assert_held(&v->lock);
	if (!v->gmem.iotlb)
		return -EFAULT;
	switch (msg->type) {
	case VHOST_IOTLB_UPDATE:
		return msgs_update(v, msg);
	case VHOST_IOTLB_INVALIDATE:
		return msgs_invalidate(v, msg);
	default:
		return -EINVAL;
	}
}

int sluice_vhost_msgs_parse(struct iov_iter *from, struct vhost_iotlb_msg *msg)
{
	u32 head[2];

	/*
	 * Of either version: the type, then what is a hole in the first and an address space in the
	 * second, which is one only.
	 */
	BUILD_BUG_ON(offsetof(struct vhost_msg, iotlb) != sizeof(head));
	BUILD_BUG_ON(offsetof(struct vhost_msg_v2, iotlb) != sizeof(head));
	if (!copy_from_iter_full(head, sizeof(head), from))
		return -EINVAL;
	if (head[0] != VHOST_IOTLB_MSG && head[0] != VHOST_IOTLB_MSG_V2)
		return -EINVAL;
	return copy_from_iter_full(msg, sizeof(*msg), from) ? 0 : -EINVAL;
}
