/* SPDX-License-Identifier: GPL-2.0-only */
/* A journal of the first version, which is not done, becomes one of this. */
#ifndef _SLUICE_BLK_ADOPT_H
#define _SLUICE_BLK_ADOPT_H

#include <linux/types.h>

struct netlink_ext_ack;
struct sluice_rekey;

/* There is a header of that in @side. */
void sluice_adopt_note(struct sluice_rekey *r);
/*
 * The newest of those is the header from now on, if it fits the volume and both keys, and what it
 * tells of is in place. @recorded: the volume has a record. Return: 0; -EINVAL, -EEXIST, -EBUSY,
 * -EBADMSG with an extack; or what a device, or the cipher, said.
 */
int sluice_adopt(struct sluice_rekey *r, bool recorded, struct netlink_ext_ack *extack);

#endif /* _SLUICE_BLK_ADOPT_H */
