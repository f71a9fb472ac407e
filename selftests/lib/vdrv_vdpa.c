// SPDX-License-Identifier: GPL-2.0-only
/* What the userland virtio driver says to a vDPA device's node only. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include "vdrv.h"

static int vdpa_ioctl(const struct vdrv *v, unsigned long cmd, void *arg)
{
	return ioctl(v->fd, cmd, arg) < 0 ? -errno : 0;
}

int vdrv_vdpa_get_status(struct vdrv *v)
{
	uint8_t status = 0;

	return vdpa_ioctl(v, VHOST_VDPA_GET_STATUS, &status) ?: status;
}

int vdrv_vdpa_set_status(struct vdrv *v, uint8_t bits)
{
	int was = vdrv_vdpa_get_status(v);
	uint8_t status = was | bits;

	return was < 0 ? was : vdpa_ioctl(v, VHOST_VDPA_SET_STATUS, &status);
}

static int vdpa_begin(struct vdrv *v)
{
	return vdrv_vdpa_set_status(v, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
}

/* Features are forgotten as well; set them again. */
int vdrv_vdpa_reset(struct vdrv *v)
{
	uint8_t none = 0;
	int ret = vdpa_ioctl(v, VHOST_VDPA_SET_STATUS, &none);

	ret = ret ?: vdpa_begin(v);
	ret = ret ?: vdpa_ioctl(v, VHOST_SET_FEATURES, &v->features);
	return ret ?: vdpa_ioctl(v, VHOST_VDPA_SET_CONFIG_CALL, &v->config_call);
}

int vdrv_vdpa_open(struct vdrv *v)
{
	int ret;

	v->features |= VDRV_F_IOMMU;
	v->config_call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (v->config_call < 0)
		return -errno;
	ret = vdpa_begin(v);
	return ret ?: vdpa_ioctl(v, VHOST_VDPA_SET_CONFIG_CALL, &v->config_call);
}

int vdrv_vdpa_enable(struct vdrv *v, bool on)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < v->nr_vqs; i++) {
		struct vhost_vring_state s = { i, on };

		ret = ret ?: vdpa_ioctl(v, VHOST_VDPA_SET_VRING_ENABLE, &s);
	}
	return ret;
}

int vdrv_vdpa_wait_running(struct vdrv *v)
{
	unsigned int i, k;

	for (k = 0; k < 2000; k++) {
		for (i = 0; i < v->nr_vqs; i++) {
			struct vhost_vring_state s = { i, 0 };

			if (vdpa_ioctl(v, VHOST_GET_VRING_BASE, &s) != -EBUSY)
				break;
		}
		if (i == v->nr_vqs)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

int vdrv_vdpa_suspend(struct vdrv *v, bool on)
{
	return vdpa_ioctl(v, on ? VHOST_VDPA_SUSPEND : VHOST_VDPA_RESUME, NULL);
}

int vdrv_vdpa_config(struct vdrv *v, void *cfg, size_t len)
{
	struct vhost_vdpa_config *c = calloc(1, sizeof(*c) + len);
	int ret;

	if (!c)
		return -ENOMEM;
	c->len = len;
	ret = vdpa_ioctl(v, VHOST_VDPA_GET_CONFIG, c);
	memcpy(cfg, c->buf, len);
	free(c);
	return ret;
}

int vdrv_vdpa_set_config(struct vdrv *v, unsigned int off, const void *from, size_t len)
{
	struct vhost_vdpa_config *c = calloc(1, sizeof(*c) + len);
	int ret;

	if (!c)
		return -ENOMEM;
	c->off = off;
	c->len = len;
	memcpy(c->buf, from, len);
	ret = vdpa_ioctl(v, VHOST_VDPA_SET_CONFIG, c);
	free(c);
	return ret;
}
