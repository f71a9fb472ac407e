// SPDX-License-Identifier: GPL-2.0-only
/* Rings as virtqueues of a PCI device: see vpciq.h. */
#include "vpciq.h"

int vpciq_map(struct vfio_space *space, struct vdrv *v)
{
	int ret = vfio_map(space, vdrv_addr(v, v->mem), v->mem, v->ring_bytes, true);

	return ret ?: vfio_map(space, vdrv_addr(v, v->mem + v->ring_bytes), v->mem + v->ring_bytes,
			       v->mem_bytes - v->ring_bytes, true);
}

int vpciq_unmap(struct vfio_space *space, struct vdrv *v)
{
	int ret = vfio_unmap(space, vdrv_addr(v, v->mem), v->ring_bytes);

	return ret ?: vfio_unmap(space, vdrv_addr(v, v->mem + v->ring_bytes),
				 v->mem_bytes - v->ring_bytes);
}

/* What a notification says of the ring besides its number (virtio 1.2, 2.9). */
static int ring_bell(struct vdrv_vq *q)
{
	struct vpciq_bell *b = q->notify_arg;

	return vpci_notify(b->pci, b->index, q->packed ? q->next | q->wrap << 15 : q->next);
}

void vpciq_set_bell(struct vpciq_bell *b, struct vpci *pci, struct vdrv_vq *q, unsigned int index)
{
	*b = (struct vpciq_bell){ pci, index };
	q->notify = ring_bell;
	q->notify_arg = b;
}

int vpciq_start(struct vpci *pci, struct vdrv *v, const struct vdrv_vq *q, unsigned int index,
		uint16_t vector)
{
	struct vpci_queue pq = { .num = q->num, .vector = vector };
	int ret;

	pq.desc = vdrv_addr(v, q->packed ? (void *)q->pdesc : (void *)q->desc);
	pq.driver = vdrv_addr(v, q->packed ? (void *)q->drv_event : (void *)q->avail);
	pq.device = vdrv_addr(v, q->packed ? (void *)q->dev_event : (void *)q->used);
	ret = vpci_queue_setup(pci, index, &pq);
	return ret ?: vpci_queue_enable(pci, index);
}
