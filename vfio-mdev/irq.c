// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts: MSI-X vectors, INTx with the ISR status register, and the request to let go.
 *
 * An interrupt is raised by signalling an eventfd of the user's, under the spinlock under which the
 * user changes it: so after a change nobody signals the old one, and what was raised while there
 * was none (the user masks a vector by that) is told by the next.
 */
#include <linux/eventfd.h>
#include <linux/nospec.h>
#include <linux/virtio_pci.h>
#include "mdev.h"

void sluice_mdev_irq_init(struct sluice_mdev *m)
{
	unsigned int i;

	spin_lock_init(&m->irq.lock);
	for (i = 0; i < SLUICE_MDEV_VECTORS; i++)
		spin_lock_init(&m->irq.vector[i].lock);
}

/* --- raising --- */

static void irq_raise_vector(struct sluice_mdev_vector *v)
{
	unsigned long flags;

	spin_lock_irqsave(&v->lock, flags);
	if (v->trigger)
		eventfd_signal(v->trigger);
	else
		v->pending = true;
	spin_unlock_irqrestore(&v->lock, flags);
}

/* The line is a level: it is told again as long as the driver has not read the register. */
static void irq_tell_intx(struct sluice_mdev_irq *irq)
{
	lockdep_assert_held(&irq->lock);
	if (!irq->isr || !irq->intx || irq->intx_masked || irq->intx_off)
		return;
	/* Told once: the user unmasks when the driver has had its look. */
	irq->intx_masked = true;
	eventfd_signal(irq->intx);
}

void sluice_mdev_irq_raise(struct sluice_mdev *m, u16 vector, bool config)
{
	struct sluice_mdev_irq *irq = &m->irq;
	unsigned long flags;

	if (READ_ONCE(irq->msix)) {
		if (vector < irq->nr)
			irq_raise_vector(&irq->vector[array_index_nospec(vector, irq->nr)]);
		return;
	}
	spin_lock_irqsave(&irq->lock, flags);
	irq->isr |= config ? VIRTIO_PCI_ISR_CONFIG : 1;
	irq_tell_intx(irq);
	spin_unlock_irqrestore(&irq->lock, flags);
}

u8 sluice_mdev_irq_read_isr(struct sluice_mdev *m)
{
	unsigned long flags;
	u8 isr;

	spin_lock_irqsave(&m->irq.lock, flags);
	isr = m->irq.isr;
	m->irq.isr = 0;
	spin_unlock_irqrestore(&m->irq.lock, flags);
	return isr;
}

bool sluice_mdev_irq_intx_asserted(struct sluice_mdev *m)
{
	unsigned long flags;
	bool asserted;

	spin_lock_irqsave(&m->irq.lock, flags);
	asserted = m->irq.isr && !m->irq.msix;
	spin_unlock_irqrestore(&m->irq.lock, flags);
	return asserted;
}

static void irq_mask_intx(struct sluice_mdev *m, bool mask)
{
	unsigned long flags;

	spin_lock_irqsave(&m->irq.lock, flags);
	m->irq.intx_masked = mask;
	irq_tell_intx(&m->irq);
	spin_unlock_irqrestore(&m->irq.lock, flags);
}

void sluice_mdev_irq_set_intx_off(struct sluice_mdev *m, bool off)
{
	unsigned long flags;

	spin_lock_irqsave(&m->irq.lock, flags);
	m->irq.intx_off = off;
	irq_tell_intx(&m->irq);
	spin_unlock_irqrestore(&m->irq.lock, flags);
}

bool sluice_mdev_irq_request(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	if (!m->irq.req)
		return false;
	eventfd_signal(m->irq.req);
	return true;
}

/* --- setting up --- */

/* Whoever signals has the lock, so the old one is dropped when nobody uses it. */
static void irq_set_vector(struct sluice_mdev_vector *v, struct eventfd_ctx *trigger)
{
	unsigned long flags;

	spin_lock_irqsave(&v->lock, flags);
	swap(v->trigger, trigger);
	if (v->trigger && v->pending) {
		v->pending = false;
		eventfd_signal(v->trigger);
	}
	spin_unlock_irqrestore(&v->lock, flags);
	if (trigger)
		eventfd_ctx_put(trigger);
}

static void irq_forget_pending(struct sluice_mdev_irq *irq)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < SLUICE_MDEV_VECTORS; i++) {
		spin_lock_irqsave(&irq->vector[i].lock, flags);
		irq->vector[i].pending = false;
		spin_unlock_irqrestore(&irq->vector[i].lock, flags);
	}
}

static void irq_disable_msix(struct sluice_mdev *m)
{
	unsigned int i;

	WRITE_ONCE(m->irq.msix, false);
	for (i = 0; i < SLUICE_MDEV_VECTORS; i++)
		irq_set_vector(&m->irq.vector[i], NULL);
	irq_forget_pending(&m->irq);
}

static void irq_set_intx(struct sluice_mdev *m, struct eventfd_ctx *trigger)
{
	unsigned long flags;

	spin_lock_irqsave(&m->irq.lock, flags);
	swap(m->irq.intx, trigger);
	m->irq.intx_masked = false;
	irq_tell_intx(&m->irq);
	spin_unlock_irqrestore(&m->irq.lock, flags);
	if (trigger)
		eventfd_ctx_put(trigger);
}

#if IS_ENABLED(CONFIG_VFIO_VIRQFD)
/* From a workqueue: an eventfd must not be signalled in the wake-up of another. */
static void irq_unmask_thread(void *opaque, void *data)
{
	irq_mask_intx(opaque, false);
}

static int irq_set_unmask(struct sluice_mdev *m, int fd)
{
	/* One that is there is replaced. */
	vfio_virqfd_disable(&m->irq.unmask);
	if (fd < 0)
		return 0;
	return vfio_virqfd_enable(m, NULL, irq_unmask_thread, NULL, &m->irq.unmask, fd);
}
#else
static int irq_set_unmask(struct sluice_mdev *m, int fd)
{
	return fd < 0 ? 0 : -ENOTTY;
}
#endif

static void irq_disable_intx(struct sluice_mdev *m)
{
	irq_set_unmask(m, -1);
	irq_set_intx(m, NULL);
}

static int irq_get_eventfd(int fd, struct eventfd_ctx **ctx)
{
	struct eventfd_ctx *c = NULL;

	if (fd < -1)
		return -EINVAL;
	if (fd >= 0) {
		c = eventfd_ctx_fdget(fd);
		if (IS_ERR(c))
			return PTR_ERR(c);
	}
	*ctx = c;
	return 0;
}

/* --- VFIO_DEVICE_SET_IRQS, one function for each index --- */

static int irq_trigger_msix(struct sluice_mdev *m, const struct vfio_irq_set *hdr, const void *data)
{
	const s32 *fds = data;
	const u8 *bools = data;
	struct eventfd_ctx *ctx;
	unsigned int i;
	int err;

	/* One kind of interrupt at a time, as with a device of flesh and blood. */
	if (m->irq.intx)
		return -EINVAL;
	for (i = 0; i < hdr->count; i++) {
		unsigned int n = array_index_nospec(hdr->start + i, m->irq.nr);
		struct sluice_mdev_vector *v = &m->irq.vector[n];

		switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
		case VFIO_IRQ_SET_DATA_EVENTFD:
			err = irq_get_eventfd(fds[i], &ctx);
			if (err)
				return err;
			WRITE_ONCE(m->irq.msix, true);
			irq_set_vector(v, ctx);
			break;
		case VFIO_IRQ_SET_DATA_BOOL:
			if (!bools[i])
				break;
			fallthrough;
		default:
			if (!m->irq.msix)
				return -EINVAL;
			irq_raise_vector(v);
			break;
		}
	}
	return 0;
}

static int irq_set_msix(struct sluice_mdev *m, const struct vfio_irq_set *hdr, const void *data)
{
	/* The table's mask bits are the VMM's. */
	if ((hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	if (!hdr->count) {
		if (hdr->start || !(hdr->flags & VFIO_IRQ_SET_DATA_NONE))
			return -EINVAL;
		irq_disable_msix(m);
		return 0;
	}
	return irq_trigger_msix(m, hdr, data);
}

static int irq_trigger_intx(struct sluice_mdev *m, const struct vfio_irq_set *hdr, const void *data)
{
	struct eventfd_ctx *ctx;
	int err;

	if (!hdr->count) {
		if (!(hdr->flags & VFIO_IRQ_SET_DATA_NONE))
			return -EINVAL;
		irq_disable_intx(m);
		return 0;
	}
	if (m->irq.msix)
		return -EINVAL;
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		err = irq_get_eventfd(*(const s32 *)data, &ctx);
		if (err)
			return err;
		if (ctx)
			irq_set_intx(m, ctx);
		else
			irq_disable_intx(m);
		return 0;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!*(const u8 *)data)
			return 0;
		fallthrough;
	default:
		if (!m->irq.intx)
			return -EINVAL;
		/* A test of the user's: the line itself stays as it is. */
		eventfd_signal(m->irq.intx);
		return 0;
	}
}

static int irq_set_intx_index(struct sluice_mdev *m, const struct vfio_irq_set *hdr,
			      const void *data)
{
	bool mask = (hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) == VFIO_IRQ_SET_ACTION_MASK;

	if (hdr->start)
		return -EINVAL;
	if ((hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) == VFIO_IRQ_SET_ACTION_TRIGGER)
		return irq_trigger_intx(m, hdr, data);
	if (!m->irq.intx || hdr->count != 1)
		return -EINVAL;
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		return mask ? -ENOTTY : irq_set_unmask(m, *(const s32 *)data);
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!*(const u8 *)data)
			return 0;
		fallthrough;
	default:
		irq_mask_intx(m, mask);
		return 0;
	}
}

static int irq_set_req(struct sluice_mdev *m, const struct vfio_irq_set *hdr, const void *data)
{
	struct eventfd_ctx *ctx = NULL;
	int err;

	if ((hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK) != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -ENOTTY;
	if (hdr->start || hdr->count > 1)
		return -EINVAL;
	switch (hdr->flags & VFIO_IRQ_SET_DATA_TYPE_MASK) {
	case VFIO_IRQ_SET_DATA_EVENTFD:
		if (!hdr->count)
			return -EINVAL;
		err = irq_get_eventfd(*(const s32 *)data, &ctx);
		if (err)
			return err;
		break;
	case VFIO_IRQ_SET_DATA_BOOL:
		if (!hdr->count)
			return -EINVAL;
		if (*(const u8 *)data)
			sluice_mdev_irq_request(m);
		return 0;
	default:
		if (hdr->count) {
			sluice_mdev_irq_request(m);
			return 0;
		}
		break;
	}
	swap(m->irq.req, ctx);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

int sluice_mdev_irq_count(const struct sluice_mdev *m, u32 index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return m->irq.nr;
	default:
		return 0;
	}
}

int sluice_mdev_irq_set(struct sluice_mdev *m, const struct vfio_irq_set *hdr, const void *data)
{
	u32 action = hdr->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	lockdep_assert_held(&m->lock);
	if (action != VFIO_IRQ_SET_ACTION_MASK && action != VFIO_IRQ_SET_ACTION_UNMASK &&
	    action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;
	switch (hdr->index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return irq_set_intx_index(m, hdr, data);
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return irq_set_msix(m, hdr, data);
	case VFIO_PCI_REQ_IRQ_INDEX:
		return irq_set_req(m, hdr, data);
	default:
		return -EINVAL;
	}
}

/* --- the end --- */

void sluice_mdev_irq_reset(struct sluice_mdev *m)
{
	unsigned long flags;

	irq_forget_pending(&m->irq);
	spin_lock_irqsave(&m->irq.lock, flags);
	m->irq.isr = 0;
	spin_unlock_irqrestore(&m->irq.lock, flags);
}

void sluice_mdev_irq_close(struct sluice_mdev *m)
{
	irq_disable_msix(m);
	irq_disable_intx(m);
	if (m->irq.req)
		eventfd_ctx_put(m->irq.req);
	m->irq.req = NULL;
	sluice_mdev_irq_reset(m);
}
