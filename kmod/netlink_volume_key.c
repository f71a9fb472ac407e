// SPDX-License-Identifier: GPL-2.0-only
/* Commands about a volume's key. */
#include "netlink_ops.h"
#include "volume.h"

static struct sluice_volume *key_need_volume(struct sluice_change *c)
{
	if (!c->txn)
		return sluice_nl_need_volume(c);
	NL_SET_ERR_MSG(c->extack, "cannot be undone: not within a transaction");
	return ERR_PTR(-EOPNOTSUPP);
}

static int key_wipe(struct sluice_change *c)
{
	struct nlattr *how = sluice_nl_need(c, SLUICE_A_VOLUME_KEY_WIPED);
	struct sluice_volume *v = key_need_volume(c);

	if (IS_ERR(v))
		return PTR_ERR(v);
	if (!how)
		return -EINVAL;
	return sluice_volume_key_wipe(v, nla_get_u8(how) == SLUICE_VOLUME_WIPED_FAILS ?
					 SLUICE_KEY_MISSED : SLUICE_KEY_WAITED_FOR, c->extack);
}

static int key_resume(struct sluice_change *c)
{
	const struct nlattr *before = c->attrs[SLUICE_A_VOLUME_KEY_BEFORE];
	struct nlattr *key = sluice_nl_need(c, SLUICE_A_VOLUME_KEY);
	struct sluice_volume *v = key_need_volume(c);

	if (IS_ERR(v))
		return PTR_ERR(v);
	if (!key)
		return -EINVAL;
	return sluice_volume_key_resume(v, nla_get_s32(key), before ? nla_get_s32(before) : 0,
					c->extack);
}

int sluice_nl_volume_key_wipe_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, key_wipe, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_key_resume_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, key_resume, SLUICE_OBJECT_VOLUME);
}

int sluice_nl_volume_put_wiped(struct sk_buff *skb, const struct sluice_volume *v)
{
	if (!v->key_wiped)
		return 0;
	return nla_put_u8(skb, SLUICE_A_VOLUME_KEY_WIPED,
			  v->key_wiped == SLUICE_KEY_MISSED ? SLUICE_VOLUME_WIPED_FAILS :
							      SLUICE_VOLUME_WIPED_WAITS);
}
