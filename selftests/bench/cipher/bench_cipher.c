// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's xts(aes) by itself: what the bench takes as the least that encryption can add.
 *
 *   insmod bench_cipher.ko ms=200 key_len=64 sector_size=4096 len=131072 encrypt=1
 *   cat /sys/module/bench_cipher/parameters/ns
 *
 * One buffer of @len bytes is encrypted, or decrypted, in place over and over for @ms milliseconds,
 * sector by sector, each with an IV of its own, as disks are; nothing else is in the figure.
 */
#include <crypto/skcipher.h>
#include <linux/blk_types.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/unaligned.h>

#define IV_SIZE	16

static unsigned int ms = 200;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "how long to measure, in milliseconds");
static unsigned int key_len = 64;
module_param(key_len, uint, 0444);
MODULE_PARM_DESC(key_len, "bytes of the key: 32 or 64");
static unsigned int sector_size = 4096;
module_param(sector_size, uint, 0444);
MODULE_PARM_DESC(sector_size, "bytes that one IV covers");
static unsigned int len = 4096;
module_param(len, uint, 0444);
MODULE_PARM_DESC(len, "bytes of a request, a multiple of sector_size");
static bool encrypt = true;
module_param(encrypt, bool, 0444);
MODULE_PARM_DESC(encrypt, "or else decrypt");
static unsigned long ns;
module_param(ns, ulong, 0444);
MODULE_PARM_DESC(ns, "result: nanoseconds for len bytes");
static char driver[CRYPTO_MAX_ALG_NAME];
module_param_string(driver, driver, sizeof(driver), 0444);
MODULE_PARM_DESC(driver, "result: which implementation it was");

static int run_one(struct skcipher_request *req, struct crypto_wait *wait, u8 *data)
{
	u8 iv[IV_SIZE] __aligned(__alignof__(u64)) = {};
	unsigned int done;
	struct scatterlist sg;
	int err = 0;

	for (done = 0; done < len && !err; done += sector_size) {
		sg_init_one(&sg, data + done, sector_size);
		put_unaligned_le64(done >> SECTOR_SHIFT, iv);
		skcipher_request_set_crypt(req, &sg, &sg, sector_size, iv);
		err = crypto_wait_req(encrypt ? crypto_skcipher_encrypt(req) :
						crypto_skcipher_decrypt(req), wait);
	}
	return err;
}

static int measure(struct skcipher_request *req, u8 *data)
{
	DECLARE_CRYPTO_WAIT(wait);
	unsigned long n = 0;
	u64 start, now;
	int err;

	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	/* Once before, for the caches. */
	err = run_one(req, &wait, data);
	start = ktime_get_ns();
	do {
		err = err ?: run_one(req, &wait, data);
		n++;
		now = ktime_get_ns();
		cond_resched();
	} while (!err && now - start < ms * NSEC_PER_MSEC);
	ns = div64_ul(now - start, n);
	return err;
}

static int run(struct crypto_skcipher *tfm)
{
	struct skcipher_request *req = skcipher_request_alloc(tfm, GFP_KERNEL);
	u8 *data = kmalloc(len, GFP_KERNEL), key[64];
	unsigned int i;
	int err = -ENOMEM;

	/* The halves of the key must differ. */
	for (i = 0; i < sizeof(key); i++)
		key[i] = i;
	if (req && data) {
		memset(data, 0, len);
		err = crypto_skcipher_setkey(tfm, key, key_len);
		err = err ?: measure(req, data);
	}
	strscpy(driver, crypto_tfm_alg_driver_name(crypto_skcipher_tfm(tfm)), sizeof(driver));
	kfree(data);
	skcipher_request_free(req);
	return err;
}

static int __init bench_cipher_init(void)
{
	struct crypto_skcipher *tfm;
	int err;

	if (key_len > 64 || !sector_size || !len || len % sector_size || !ms)
		return -EINVAL;
	tfm = crypto_alloc_skcipher("xts(aes)", 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	err = run(tfm);
	crypto_free_skcipher(tfm);
	return err;
}

static void __exit bench_cipher_exit(void)
{
}

module_init(bench_cipher_init);
module_exit(bench_cipher_exit);

MODULE_DESCRIPTION("Sluice: bench of the kernel's cipher");
MODULE_AUTHOR("The Sluice developers");
MODULE_LICENSE("GPL");
