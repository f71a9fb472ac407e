/* SPDX-License-Identifier: GPL-2.0-only */
/* A volume whose key is taken out of memory, and comes back. */
#ifndef _SLUICE_BLK_WIPE_H
#define _SLUICE_BLK_WIPE_H

#include <linux/types.h>
#include "../record.h"

struct netlink_ext_ack;
struct sluice_blk_volume;
struct sluice_volume;
struct sluice_volume_cipher;

/**
 * struct sluice_wipe_id - what is known of keys that are not there
 * @uuid: made for them
 * @has: of the key that it has, or had, under that: see sluice_crypt_check()
 * @gets: likewise, of the one that it is getting
 */
struct sluice_wipe_id {
	u8 uuid[SLUICE_RECORD_ID];
	u8 has[SLUICE_RECORD_ID];
	u8 gets[SLUICE_RECORD_ID];
};

void sluice_wipe_init(struct sluice_blk_volume *bv);
/* struct sluice_blk_ops */
int sluice_wipe_key(struct sluice_volume *v, bool fail, unsigned long patience,
		    struct netlink_ext_ack *extack);
int sluice_wipe_resume(struct sluice_volume *v, const struct sluice_volume_cipher *key,
		       const struct sluice_volume_cipher *before, struct netlink_ext_ack *extack);

#endif /* _SLUICE_BLK_WIPE_H */
