// SPDX-License-Identifier: GPL-2.0-only
/* A virtio-blk disk over VFIO: see vdisk.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include "vdisk.h"

static int init_driver(struct vdisk *d)
{
	unsigned int i;
	int ret;

	ret = vdrv_init(&d->v, &d->cfg.drv);
	if (ret)
		return ret;
	for (i = 0; i < d->v.nr_vqs; i++)
		vpciq_set_bell(&d->bell[i], &d->pci, &d->v.vq[i], i);
	return vpciq_map(&d->space, &d->v);
}

int vdisk_open(struct vdisk *d, const char *uuid, const struct vdisk_cfg *cfg)
{
	int ret;

	memset(d, 0, sizeof(*d));
	d->cfg = *cfg;
	d->space.fd = -1;
	d->dev.fd = -1;
	d->dev.group = -1;
	d->config = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (d->config < 0)
		return -errno;
	ret = vfio_space_open(&d->space, cfg->cdev);
	ret = ret ?: vfio_open(&d->dev, &d->space, uuid);
	ret = ret ?: vpci_probe(&d->pci, &d->dev);
	if (!ret && cfg->mapped)
		ret = vpci_notify_map(&d->pci);
	ret = ret ?: vpci_reset(&d->pci);
	ret = ret ?: init_driver(d);
	if (ret)
		vdisk_close(d);
	return ret;
}

int vdisk_queue_start(struct vdisk *d, unsigned int index)
{
	/* The first vector is the configuration's. */
	return vpciq_start(&d->pci, &d->v, &d->v.vq[index], index, index + 1);
}

static int set_vectors(struct vdisk *d)
{
	int fds[VDRV_MAX_VQS + 1] = { d->config }, ret;
	unsigned int i;

	for (i = 0; i < d->v.nr_vqs; i++)
		fds[i + 1] = d->v.vq[i].call;
	ret = vpci_msix(&d->pci, 0, d->v.nr_vqs + 1, fds);
	if (ret)
		return ret;
	vpci_common_put(&d->pci, cfg.msix_config, 0);
	return vpci_common(&d->pci, cfg.msix_config) ? -EBUSY : 0;
}

int vdisk_start(struct vdisk *d)
{
	unsigned int i;
	int ret;

	ret = vpci_negotiate(&d->pci, d->cfg.drv.features);
	ret = ret ?: set_vectors(d);
	for (i = 0; !ret && i < d->v.nr_vqs; i++)
		ret = vdisk_queue_start(d, i);
	ret = ret ?: vpci_status_add(&d->pci, VIRTIO_CONFIG_S_DRIVER_OK);
	d->v.running = !ret;
	return ret;
}

int vdisk_stop(struct vdisk *d)
{
	int ret = vpci_reset(&d->pci);
	unsigned int i;

	ret = ret ?: vpci_msix_off(&d->pci);
	d->v.running = false;
	for (i = 0; i < d->v.nr_vqs; i++)
		vdrv_vq_fresh(&d->v.vq[i]);
	return ret;
}

void vdisk_close(struct vdisk *d)
{
	vpci_notify_unmap(&d->pci);
	vfio_close(&d->dev);
	if (d->space.fd >= 0)
		vfio_space_close(&d->space);
	if (d->v.mem)
		vdrv_close(&d->v);
	if (d->config >= 0)
		close(d->config);
	d->config = -1;
}

bool vdisk_broken(struct vdisk *d)
{
	return vpci_status(&d->pci) & VIRTIO_CONFIG_S_NEEDS_RESET;
}
