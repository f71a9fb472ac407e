/* SPDX-License-Identifier: GPL-2.0-only */
/* A vhost-user front end: a driver's memory and rings for a device that is another process. */
#ifndef VUSER_H
#define VUSER_H

#include "vdrv.h"

/**
 * vuser_open() - connect a driver to a device, and start it
 * @v: driver; its configuration's features are all that is asked for
 * @cfg: its configuration
 * @path: socket that the device listens at
 *
 * Return: 0, or -errno. vdrv_close() ends the driver; the connection ends with the process.
 */
int vuser_open(struct vdrv *v, const struct vdrv_cfg *cfg, const char *path);

#endif /* VUSER_H */
