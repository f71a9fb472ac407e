/* SPDX-License-Identifier: GPL-2.0-only */
/* A volume's cipher: dm-crypt's aes-xts-plain64, by the kernel's crypto API. */
#ifndef _SLUICE_BLK_CRYPT_H
#define _SLUICE_BLK_CRYPT_H

#include <linux/types.h>
#include "../record.h"
#include "../volume.h"
#include "pieces.h"

struct crypto_skcipher;
struct skcipher_request;

/**
 * struct sluice_crypt - a key in use
 * @tfm: holds it; shared by all queues, as using it changes nothing
 * @sector_size: bytes that one IV covers
 * @iv_offset: 512-byte sectors that are added to a sector's number
 * @aside: what comes in between is in the destination for a while, where nobody else may see it,
 *	or change it
 */
struct sluice_crypt {
	struct crypto_skcipher *tfm;
	unsigned int sector_size;
	u64 iv_offset;
	bool aside;
};

/* Once for the module, and before it goes. Process context, neither RTNL nor any lock. */
void sluice_crypt_load(void);
void sluice_crypt_unload(void);
/*
 * Is there a cipher? If there was none when the module was loaded it is looked for again. 0;
 * -ENOENT: the kernel has no aes or xts; -ETIMEDOUT: it does not know yet. Process context, RTNL.
 */
int sluice_crypt_ready(struct netlink_ext_ack *extack);
/* Process context. It was ready once, so this does not wait for it. -EINVAL, -ENOMEM. */
int sluice_crypt_init(struct sluice_crypt *c, const struct sluice_volume_cipher *cipher,
		      struct netlink_ext_ack *extack);
/* Wipes the key. */
void sluice_crypt_exit(struct sluice_crypt *c);

/* What one thread needs to use it, or another key of the same cipher; NULL when out of memory. */
struct skcipher_request *sluice_crypt_request_new(const struct sluice_crypt *c);

/**
 * sluice_crypt_run() - encrypt or decrypt
 * @c: key
 * @req: of this thread
 * @from: the source; moves on
 * @to: the destination, likewise; may be the same memory. Both are aligned to the cipher's sector
 * @sector: 512-byte sector of the volume where they begin
 * @len: bytes, in whole sectors of the cipher
 * @encrypt: or else decrypt
 *
 * Context: worker. Return: 0, or what the cipher said.
 */
int sluice_crypt_run(const struct sluice_crypt *c, struct skcipher_request *req,
		     struct sluice_pieces_cursor *from, struct sluice_pieces_cursor *to, u64 sector,
		     unsigned int len, bool encrypt);

/**
 * sluice_crypt_check() - what tells a key from others, and nothing of it
 * @c: key
 * @uuid: of what it is to be told for; the second half is not zero
 * @check: one block of the cipher
 *
 * A constant block, encrypted under the UUID as its IV. That of a sector has zeroes in its second
 * half, so no volume's ciphertext is to be had by it, nor it from a volume; and of two UUIDs the
 * values tell nothing of each other. To who guesses keys it is what a block of known content is,
 * of which every disk has some.
 *
 * Context: process. Return: 0, -ENOMEM, or what the cipher said.
 */
int sluice_crypt_check(const struct sluice_crypt *c, const u8 uuid[SLUICE_RECORD_ID],
		       u8 check[SLUICE_RECORD_ID]);

#endif /* _SLUICE_BLK_CRYPT_H */
