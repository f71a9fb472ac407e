/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands behind a mediated device: simulated NICs in the place of VFs, and the device's own
 * files in sysfs. All functions return -errno on failure.
 */
#ifndef MDEV_H
#define MDEV_H

#include <stdbool.h>
#include <stddef.h>

#define MDEV_TYPE	"sluice_mdev-net"
#define MDEV_TYPE_BLK	"sluice_mdev-blk"

/*
 * A simulated NIC (netdevsim): @name is what its netdev is called from then on. Two of them can be
 * joined back to back.
 */
int mdev_nic_add(unsigned int id, const char *name);
int mdev_nic_del(unsigned int id);
int mdev_nic_join(const char *a, const char *b);

/* A mediated device of a parent: made, removed; a file of its directory. */
int mdev_create(const char *parent, const char *uuid);
int mdev_remove(const char *uuid);
int mdev_set(const char *uuid, const char *attr, const char *value);
/* Without the newline at its end. Returns its length. */
int mdev_get(const char *uuid, const char *attr, char *value, size_t room);
/* How many more the parent takes; negative if it is no parent. */
int mdev_available(const char *parent);
/* The same of a type that is named, where those above are about network cards. */
int mdev_create_type(const char *parent, const char *type, const char *uuid);
int mdev_available_type(const char *parent, const char *type);
/* Is there a device of this name? */
bool mdev_is(const char *uuid);

#endif /* MDEV_H */
