// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys, as the kernel's keyrings hold them. Only the key's number comes by netlink; its bytes are
 * read here, handed on and wiped.
 */
#include <keys/encrypted-type.h>
#include <keys/trusted-type.h>
#include <keys/user-type.h>
#include <linux/key.h>
#include <linux/key-type.h>
#include <linux/once.h>
#include <linux/rwsem.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "volume.h"

/*
 * The types are told by name: the modules that define two of them need not be loaded. Context:
 * key->sem held.
 */
static const u8 *key_payload(const struct key *key, unsigned int *len)
{
	const char *type = key->type->name;
	const void *payload = dereference_key_locked(key);

	/* Without a payload it was revoked. */
	if (!payload)
		return ERR_PTR(-EKEYREVOKED);
	if (!strcmp(type, "logon") || !strcmp(type, "user")) {
		const struct user_key_payload *p = payload;

		*len = p->datalen;
		return p->data;
	}
	if (!strcmp(type, "encrypted")) {
		const struct encrypted_key_payload *p = payload;

		*len = p->decrypted_datalen;
		return p->decrypted_data;
	}
	if (!strcmp(type, "trusted")) {
		const struct trusted_key_payload *p = payload;

		*len = p->key_len;
		return p->key;
	}
	return ERR_PTR(-EINVAL);
}

/*
 * By which keys are compared: a name, or a number, stays when its key gets other bytes, and the
 * same bytes may have several.
 */
static void key_identify(struct sluice_volume_cipher *cipher)
{
	static siphash_key_t secret[ARRAY_SIZE(cipher->id.half)];
	unsigned int i;

	get_random_once(secret, sizeof(secret));
	for (i = 0; i < ARRAY_SIZE(secret); i++)
		cipher->id.half[i] = siphash(cipher->key, cipher->key_len, &secret[i]);
}

static int key_copy(const struct key *key, struct sluice_volume_cipher *cipher,
		    struct netlink_ext_ack *extack)
{
	unsigned int len = 0;
	const u8 *bytes = key_payload(key, &len);

	if (bytes == ERR_PTR(-EKEYREVOKED)) {
		NL_SET_ERR_MSG(extack, "the key was revoked");
		return -EKEYREVOKED;
	}
	if (IS_ERR(bytes)) {
		NL_SET_ERR_MSG(extack, "a key of type logon, user, encrypted or trusted is needed");
		return PTR_ERR(bytes);
	}
	if (len != 32 && len != 64) {
		NL_SET_ERR_MSG(extack, "AES-XTS needs a key of 32 or 64 bytes");
		return -EINVAL;
	}
	/* XTS loses its strength if both halves are the same. */
	if (!memcmp(bytes, bytes + len / 2, len / 2)) {
		NL_SET_ERR_MSG(extack, "both halves of the key are the same");
		return -EINVAL;
	}
	memcpy(cipher->key, bytes, len);
	cipher->key_len = len;
	key_identify(cipher);
	return 0;
}

int sluice_key_read(s32 serial, struct sluice_volume_cipher *cipher, char **name,
		    struct netlink_ext_ack *extack)
{
	key_ref_t ref = lookup_user_key(serial, 0, KEY_NEED_SEARCH);
	struct key *key;
	int err;

	if (IS_ERR(ref)) {
		NL_SET_ERR_MSG(extack, "no such key in a keyring of yours: see keyctl(1)");
		return PTR_ERR(ref);
	}
	key = key_ref_to_ptr(ref);
	*name = kasprintf(GFP_KERNEL, "%s:%s", key->type->name, key->description);
	err = *name ? 0 : -ENOMEM;
	if (!err) {
		down_read(&key->sem);
		err = key_copy(key, cipher, extack);
		up_read(&key->sem);
	}
	key_put(key);
	if (err) {
		kfree(*name);
		*name = NULL;
	}
	return err;
}

bool sluice_key_same(const struct sluice_key_id *a, const struct sluice_key_id *b)
{
	return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

/*
 * As KEYCTL_INVALIDATE would, which goes by a number only. Under RTNL, and the key may be
 * anybody's: one that is being made, or changed, is not waited for.
 */
void sluice_key_take(s32 serial, const struct sluice_key_id *id)
{
	key_ref_t ref = lookup_user_key(serial, KEY_LOOKUP_PARTIAL, KEY_NEED_SEARCH);
	struct sluice_volume_cipher cipher = {};
	int err = -EBUSY;
	struct key *key;

	if (IS_ERR(ref))
		return;
	key = key_ref_to_ptr(ref);
	if (key_is_positive(key) && down_read_trylock(&key->sem)) {
		err = key_copy(key, &cipher, NULL);
		up_read(&key->sem);
	}
	if (!err && sluice_key_same(&cipher.id, id) && !test_bit(KEY_FLAG_KEEP, &key->flags))
		key_invalidate(key);
	key_put(key);
	memzero_explicit(&cipher, sizeof(cipher));
}
