/* SPDX-License-Identifier: GPL-2.0-only */
/* From one key to another, while the guest works. */
#ifndef _SLUICE_BLK_REKEY_H
#define _SLUICE_BLK_REKEY_H

#include <linux/types.h>

struct netlink_ext_ack;
struct sluice_crypt;
struct sluice_rekey;
struct sluice_volume;
struct sluice_volume_cipher;

/**
 * struct sluice_rekey_view - which key a block has
 * @crypt: the key; while @next is there, that from sector @pos on
 * @next: the new key, that below @pos; NULL: nothing is being re-encrypted
 * @pos: 512-byte sector of the volume
 * @start: blocks from here on are on their way: not to be touched; on either side of @pos
 * @end: up to here
 * @failed: and will not arrive: they cannot be read
 * @wiped: the volume has no key: nothing goes through a cipher, or to the device; see wipe.c
 *
 * Does not change while a queue goes by it.
 */
struct sluice_rekey_view {
	const struct sluice_crypt *crypt;
	const struct sluice_crypt *next;
	u64 pos;
	u64 start;
	u64 end;
	bool failed;
	bool wiped;
};

/* Has a request to wait? */
static inline bool sluice_rekey_locked(const struct sluice_rekey_view *view, u64 sector,
				       u32 sectors)
{
	return sector < view->end && sector + sectors > view->start;
}

/* struct sluice_blk_ops */
struct sluice_rekey *sluice_rekey_new(struct sluice_volume *v,
				      const struct sluice_volume_cipher *to,
				      struct netlink_ext_ack *extack);
int sluice_rekey_open(struct sluice_rekey *r, struct netlink_ext_ack *extack);
void sluice_rekey_start(struct sluice_volume *v, struct sluice_rekey *r);
void sluice_rekey_drop(struct sluice_rekey *r);
void sluice_rekey_stop(struct sluice_volume *v);
int sluice_rekey_finish(struct sluice_volume *v);

#endif /* _SLUICE_BLK_REKEY_H */
