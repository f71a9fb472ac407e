/* SPDX-License-Identifier: GPL-2.0-only */
/* Data through the cipher, or copied. */
#ifndef _SLUICE_BLK_TRANSFORM_H
#define _SLUICE_BLK_TRANSFORM_H

struct sluice_blk_request;

/**
 * sluice_transform() - between the guest's memory and ours
 * @req: READ or WRITE, whose current part has memory of both
 *
 * The guest sees plaintext of the volume's only, never ciphertext, and cannot change what is being
 * decrypted. Pieces that do not hold whole sectors of the cipher are copied, and the copy goes
 * through the cipher in place; so does what is read if the cipher puts aside there what comes in
 * between. The time that it takes is counted from bq->clock on.
 *
 * Context: worker. Return: 0, or what the cipher said.
 */
int sluice_transform(struct sluice_blk_request *req);

#endif /* _SLUICE_BLK_TRANSFORM_H */
