// SPDX-License-Identifier: GPL-2.0-only
/*
 * A volume's cipher: see crypt.h.
 *
 * The kernel may have to load modules for it, put it together from them and test it, which waits
 * for user space. So it is asked for where nobody waits, when this module is loaded, and one is
 * kept for as long as that is: the next is found at once, also by who holds RTNL, and it is the
 * same driver's, so that what a queue has for one key does for another.
 */
#include <crypto/skcipher.h>
#include <linux/completion.h>
#include <linux/rtnetlink.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "../patience.h"
#include "crypt.h"

#define CRYPT_IV_SIZE	16
#define CRYPT_CHECKED	"sluice key check"
/* How long it is waited for, in jiffies, if it was not there at first. */
#define CRYPT_PATIENCE	(HZ / 2)

static void crypt_look(struct work_struct *work);
static DECLARE_WORK(crypt_work, crypt_look);
static DECLARE_COMPLETION(crypt_looked);
/* The one that is kept, without a key; NULL: the kernel had none. Written by @crypt_work. */
static struct crypto_skcipher *crypt_kept;

/*
 * Those of one file (aes-xts-avx-x86_64.S), the fastest first, by their names in all kernels: they
 * are known to keep what comes in between in registers, see crypt_is_direct().
 */
static const char * const crypt_direct[] = {
	"xts-aes-vaes-avx512", "xts-aes-vaes-avx10_512", "xts-aes-vaes-avx10_256",
	"xts-aes-vaes-avx2", "xts-aes-aesni-avx",
};

static struct crypto_skcipher *crypt_alloc(const char *name)
{
	/*
	 * One that asks for memory with each request might be told that there is none. Those of the
	 * processor's own instructions are said to be asynchronous, in 6.12: in a thread they never
	 * are.
	 */
	return crypto_alloc_skcipher(name, 0, CRYPTO_ALG_ALLOCATES_MEMORY);
}

/* Does what it is asked for in a thread of its own, behind what others ask for? */
static bool crypt_is_queued(struct crypto_skcipher *tfm)
{
	return strstr(crypto_skcipher_driver_name(tfm), "cryptd(");
}

/*
 * Any user may have the kernel put cryptd in front of a cipher, or below one, and that is the best
 * one by its priority from then on. A worker would wait for it, and behind other users.
 */
static struct crypto_skcipher *crypt_alloc_own(void)
{
	struct crypto_skcipher *tfm = ERR_PTR(-ENOENT);
	unsigned int i;

	for (i = 0; IS_ERR(tfm) && i < ARRAY_SIZE(crypt_direct); i++)
		tfm = crypt_alloc(crypt_direct[i]);
	if (IS_ERR(tfm))
		tfm = crypt_alloc("xts-aes-aesni");
	if (!IS_ERR(tfm))
		return tfm;
	return crypto_alloc_skcipher("xts(aes)", 0, CRYPTO_ALG_ALLOCATES_MEMORY |
				     CRYPTO_ALG_ASYNC);
}

static struct crypto_skcipher *crypt_choose(void)
{
	struct crypto_skcipher *tfm = crypt_alloc("xts(aes)");

	if (IS_ERR(tfm) || !crypt_is_queued(tfm))
		return tfm;
	crypto_free_skcipher(tfm);
	return crypt_alloc_own();
}

static void crypt_look(struct work_struct *work)
{
	struct crypto_skcipher *tfm;

	if (!READ_ONCE(crypt_kept)) {
		tfm = crypt_choose();
		/* Pairs with crypt_name(). */
		smp_store_release(&crypt_kept, IS_ERR(tfm) ? NULL : tfm);
	}
	complete(&crypt_looked);
}

/* That of the driver; NULL: there is none. */
static const char *crypt_name(void)
{
	/* Pairs with crypt_look(). */
	struct crypto_skcipher *tfm = smp_load_acquire(&crypt_kept);

	return tfm ? crypto_skcipher_driver_name(tfm) : NULL;
}

void sluice_crypt_load(void)
{
	queue_work(system_long_wq, &crypt_work);
	flush_work(&crypt_work);
}

void sluice_crypt_unload(void)
{
	cancel_work_sync(&crypt_work);
	if (crypt_kept)
		crypto_free_skcipher(crypt_kept);
}

int sluice_crypt_ready(struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	if (crypt_name())
		return 0;
	reinit_completion(&crypt_looked);
	queue_work(system_long_wq, &crypt_work);
	if (!sluice_patience_wait(&crypt_looked, CRYPT_PATIENCE)) {
		NL_SET_ERR_MSG(extack, "the kernel is looking for its xts(aes): try again");
		return -ETIMEDOUT;
	}
	if (crypt_name())
		return 0;
	NL_SET_ERR_MSG(extack, "the kernel has no xts(aes): modprobe xts");
	return -ENOENT;
}

/*
 * The generic template, xts(ecb(aes)), takes a block through its destination three times, and AESNI
 * without AVX leaves its tweaks there and reads them back. A guest that looks at its memory
 * meanwhile, and writes to it, has the raw cipher of the volume's key at its command.
 */
static bool crypt_is_direct(const char *driver)
{
	return match_string(crypt_direct, ARRAY_SIZE(crypt_direct), driver) >= 0;
}

int sluice_crypt_init(struct sluice_crypt *c, const struct sluice_volume_cipher *cipher,
		      struct netlink_ext_ack *extack)
{
	const char *name = crypt_name();
	struct crypto_skcipher *tfm;
	int err;

	tfm = name ? crypt_alloc(name) : ERR_PTR(-ENOENT);
	if (IS_ERR(tfm)) {
		NL_SET_ERR_MSG(extack, "the kernel's xts(aes) cannot be had");
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
	c->aside = !crypt_is_direct(crypto_skcipher_driver_name(tfm));
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
	struct scatterlist in = {}, out = {};
	DECLARE_CRYPTO_WAIT(wait);
	int err = 0;

	skcipher_request_set_tfm(req, c->tfm);
	sg_init_marker(&in, 1);
	sg_init_marker(&out, 1);
	/* A cipher that works elsewhere is waited for; those of a CPU do not. */
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	sector += c->iv_offset;
	for (; len && !err; len -= c->sector_size) {
		sluice_pieces_cursor_next(from, c->sector_size, &in);
		sluice_pieces_cursor_next(to, c->sector_size, &out);
		crypt_iv(iv, sector);
		skcipher_request_set_crypt(req, &in, &out, c->sector_size, iv);
		err = crypto_wait_req(encrypt ? crypto_skcipher_encrypt(req) :
						crypto_skcipher_decrypt(req), &wait);
		sector += c->sector_size >> SECTOR_SHIFT;
	}
	return err;
}

int sluice_crypt_check(const struct sluice_crypt *c, const u8 uuid[SLUICE_RECORD_ID],
		       u8 check[SLUICE_RECORD_ID])
{
	struct skcipher_request *req = sluice_crypt_request_new(c);
	u8 *block = kmemdup(CRYPT_CHECKED, SLUICE_RECORD_ID, GFP_KERNEL);
	u8 iv[CRYPT_IV_SIZE] __aligned(__alignof__(u64));
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist sg;
	int err = -ENOMEM;

	BUILD_BUG_ON(sizeof(CRYPT_CHECKED) - 1 != SLUICE_RECORD_ID);
	if (req && block) {
		memcpy(iv, uuid, sizeof(iv));
		sg_init_one(&sg, block, SLUICE_RECORD_ID);
		skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done,
					      &wait);
		skcipher_request_set_crypt(req, &sg, &sg, SLUICE_RECORD_ID, iv);
		err = crypto_wait_req(crypto_skcipher_encrypt(req), &wait);
		memcpy(check, block, SLUICE_RECORD_ID);
	}
	kfree(block);
	skcipher_request_free(req);
	return err;
}
