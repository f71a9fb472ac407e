// SPDX-License-Identifier: GPL-2.0-only
/* A volume's cipher: see crypt.h. */
#include <crypto/skcipher.h>
#include <linux/scatterlist.h>
#include "crypt.h"

#define CRYPT_IV_SIZE	16

int sluice_crypt_init(struct sluice_crypt *c, const struct sluice_volume_cipher *cipher,
		      struct netlink_ext_ack *extack)
{
	struct crypto_skcipher *tfm;
	int err;

	/* One that asks for memory with each request might be told that there is none. */
	tfm = crypto_alloc_skcipher("xts(aes)", 0, CRYPTO_ALG_ALLOCATES_MEMORY);
	if (IS_ERR(tfm)) {
		NL_SET_ERR_MSG(extack, "the kernel has no xts(aes): modprobe xts");
		return PTR_ERR(tfm);
	}
	err = crypto_skcipher_setkey(tfm, cipher->key, cipher->key_len);
	if (err) {
		NL_SET_ERR_MSG(extack, "the kernel's xts(aes) does not take this key");
		crypto_free_skcipher(tfm);
		return err;
	}
	c->tfm = tfm;
	c->sector_size = cipher->sector_size;
	c->iv_offset = cipher->iv_offset;
	return 0;
}

void sluice_crypt_exit(struct sluice_crypt *c)
{
	if (c->tfm)
		crypto_free_skcipher(c->tfm);
	c->tfm = NULL;
}

struct skcipher_request *sluice_crypt_request_new(const struct sluice_crypt *c)
{
	return skcipher_request_alloc(c->tfm, GFP_KERNEL);
}

static void crypt_iv(u8 iv[CRYPT_IV_SIZE], u64 sector)
{
	__le64 le = cpu_to_le64(sector);

	memcpy(iv, &le, sizeof(le));
	memset(iv + sizeof(le), 0, CRYPT_IV_SIZE - sizeof(le));
}

int sluice_crypt_run(const struct sluice_crypt *c, struct skcipher_request *req,
		     struct sluice_pieces_cursor *from, struct sluice_pieces_cursor *to, u64 sector,
		     unsigned int len, bool encrypt)
{
	u8 iv[CRYPT_IV_SIZE] __aligned(__alignof__(u64));
	struct scatterlist in, out;
	DECLARE_CRYPTO_WAIT(wait);
	int err = 0;

	skcipher_request_set_tfm(req, c->tfm);
	sg_init_table(&in, 1);
	sg_init_table(&out, 1);
	/* A cipher that works elsewhere is waited for; those of a CPU do not. */
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	sector += c->iv_offset;
	for (; len && !err; len -= c->sector_size) {
		struct bio_vec src = sluice_pieces_cursor_next(from, c->sector_size);
		struct bio_vec dst = sluice_pieces_cursor_next(to, c->sector_size);

		sg_set_page(&in, src.bv_page, src.bv_len, src.bv_offset);
		sg_set_page(&out, dst.bv_page, dst.bv_len, dst.bv_offset);
		crypt_iv(iv, sector);
		skcipher_request_set_crypt(req, &in, &out, c->sector_size, iv);
		err = crypto_wait_req(encrypt ? crypto_skcipher_encrypt(req) :
						crypto_skcipher_decrypt(req), &wait);
		sector += c->sector_size >> SECTOR_SHIFT;
	}
	return err;
}
