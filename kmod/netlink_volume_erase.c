// SPDX-License-Identifier: GPL-2.0-only
/* Wiping of volumes in messages. */
#include <linux/capability.h>
#include <linux/math64.h>
#include "netlink_ops.h"
#include "volume.h"

/* So many are compared while RTNL is held. */
#define ERASE_KEYS	1024

static_assert((int)SLUICE_ERASE_NONE == SLUICE_VOLUME_ERASURE_NONE);
static_assert((int)SLUICE_ERASE_ZERO == SLUICE_VOLUME_ERASURE_ZERO);
static_assert((int)SLUICE_ERASE_DISCARD == SLUICE_VOLUME_ERASURE_DISCARD);
static_assert((int)SLUICE_ERASE_SECURE == SLUICE_VOLUME_ERASURE_SECURE_ERASE);
static_assert((int)SLUICE_ERASE_KEY == SLUICE_VOLUME_ERASURE_KEY);

static void get_pace(const struct sluice_change *c, struct sluice_pace *pace)
{
	sluice_nl_volume_get_pace(c, SLUICE_A_VOLUME_WIPE_BPS, SLUICE_A_VOLUME_WIPE_PAUSE, pace);
}

/* A declared state is a transaction: so none wipes anything, at no boot. */
static int get_erase(struct sluice_change *c, enum sluice_erasure *how)
{
	const struct nlattr *wipe = c->attrs[SLUICE_A_VOLUME_WIPE];

	*how = wipe ? nla_get_u8(wipe) : SLUICE_ERASE_NONE;
	if (!*how && sluice_nl_volume_paces_erase(c)) {
		NL_SET_ERR_MSG(c->extack, "wipe-bps and wipe-pause go with 'wipe'");
		return -EINVAL;
	}
	if (!*how || !c->txn)
		return 0;
	NL_SET_ERR_MSG_ATTR(c->extack, wipe, "a wipe cannot be undone: not within a transaction");
	return -EOPNOTSUPP;
}

int sluice_nl_volume_get_new_erase(struct sluice_change *c, struct sluice_volume_params *p)
{
	int err = get_erase(c, &p->erase);

	if (err || !p->erase)
		return err;
	get_pace(c, &p->erase_pace);
	if (p->erase == SLUICE_ERASE_KEY) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[SLUICE_A_VOLUME_WIPE],
				    "what is there was not encrypted with that key: say 'wipe zero'");
		return -EINVAL;
	}
	if (!p->resume && !p->key_before)
		return 0;
	NL_SET_ERR_MSG(c->extack, "what is wiped has nothing to resume: leave out 'resume'");
	return -EINVAL;
}

static int check_keys(struct sluice_change *c, enum sluice_erasure how)
{
	const struct nlattr *keys = c->attrs[SLUICE_A_VOLUME_WIPE_KEYS];

	if (!keys || (how == SLUICE_ERASE_KEY && nla_len(keys) <= ERASE_KEYS * sizeof(s32)))
		return 0;
	NL_SET_ERR_MSG_ATTR(c->extack, keys, "keys go with 'wipe key' only, 1024 at most");
	return -EINVAL;
}

int sluice_nl_volume_get_last_erase(struct sluice_change *c, const struct sluice_volume *v,
				    enum sluice_erasure *how)
{
	int err = get_erase(c, how) ?: check_keys(c, *how);

	if (err || !*how)
		return err;
	return sluice_volume_rekey_absent(v, c->extack) ?:
	       sluice_volume_erase_check(v, *how, c->extack) ?:
	       *how == SLUICE_ERASE_KEY ? sluice_volume_key_alone(v, c->extack) : 0;
}

static void take_keys(const struct sluice_change *c, const struct sluice_volume *v)
{
	const struct nlattr *keys = c->attrs[SLUICE_A_VOLUME_WIPE_KEYS];
	unsigned int i, n = keys ? nla_len(keys) / sizeof(s32) : 0;
	s32 serial;

	for (i = 0; i < n; i++) {
		memcpy(&serial, nla_data(keys) + i * sizeof(serial), sizeof(serial));
		sluice_key_take(serial, &v->key_id);
	}
}

void sluice_nl_volume_end(struct sluice_change *c, struct sluice_volume *v,
			  enum sluice_erasure how)
{
	struct sluice_pace pace = {};

	/* One that was being wiped, and goes as it is, is not to go on in between. */
	if (how) {
		get_pace(c, &pace);
		sluice_volume_erase_set_pace(v, &pace);
	}
	if (how == SLUICE_ERASE_KEY)
		take_keys(c, v);
	sluice_volume_del(v, how);
}

/* --- faster, and slower ---------------------------------------------------------------------- */

bool sluice_nl_volume_paces_erase(const struct sluice_change *c)
{
	return c->attrs[SLUICE_A_VOLUME_WIPE_BPS] || c->attrs[SLUICE_A_VOLUME_WIPE_PAUSE];
}

/* What else would be changed of a volume that may be about to go? */
static int check_pace_alone(const struct sluice_change *c)
{
	const struct nlattr *attr;
	int type, left;

	nla_for_each_attr(attr, c->head, c->len, left) {
		type = nla_type(attr);
		if (type == SLUICE_A_VOLUME_NAME || type == SLUICE_A_VOLUME_WIPE_BPS ||
		    type == SLUICE_A_VOLUME_WIPE_PAUSE)
			continue;
		NL_SET_ERR_MSG_ATTR(c->extack, attr,
				    "wipe-bps and wipe-pause are said by themselves");
		return -EINVAL;
	}
	return 0;
}

/* Also of one that is there only to be wiped. */
static struct sluice_volume *need_wiped(struct sluice_change *c)
{
	const struct nlattr *name = c->attrs[SLUICE_A_VOLUME_NAME];
	struct sluice_volume *v = name ? sluice_volume_find(nla_data(name)) : NULL;

	if (!v || !v->erase.how)
		v = sluice_nl_need_volume(c);
	if (IS_ERR(v) || v->erase.how)
		return v;
	NL_SET_ERR_MSG(c->extack, "it is not being wiped: wipe-bps and wipe-pause go with 'wipe'");
	return ERR_PTR(-ENOENT);
}

int sluice_nl_volume_pace_erase(struct sluice_change *c)
{
	struct sluice_volume *v;
	struct sluice_pace pace;
	int err = check_pace_alone(c);

	if (err)
		return err;
	if (c->txn) {
		NL_SET_ERR_MSG(c->extack, "a wipe is no part of a transaction, nor is its pace");
		return -EOPNOTSUPP;
	}
	v = need_wiped(c);
	if (IS_ERR(v))
		return PTR_ERR(v);
	/* One that is paused for good is one that was given up. */
	if (!capable(CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(c->extack, "a wipe's pace takes CAP_SYS_ADMIN, as a wipe does");
		return -EPERM;
	}
	pace = v->erase.pace;
	get_pace(c, &pace);
	sluice_volume_erase_set_pace(v, &pace);
	return 0;
}

/* --- given up -------------------------------------------------------------------------------- */

bool sluice_nl_volume_give_up_erase(const struct sluice_change *c)
{
	const struct nlattr *name = c->attrs[SLUICE_A_VOLUME_NAME];
	const struct nlattr *wipe = c->attrs[SLUICE_A_VOLUME_WIPE];
	struct sluice_volume *v = name && wipe ? sluice_volume_find(nla_data(name)) : NULL;

	if (!v || !v->erase.last || nla_get_u8(wipe) != SLUICE_VOLUME_ERASURE_NONE || c->txn ||
	    !capable(CAP_SYS_ADMIN))
		return false;
	sluice_volume_erase_give_up(v);
	return true;
}

static int progress_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	u64 done = READ_ONCE(v->erase.done), rate = sluice_volume_erase_rate(v);

	if (v->erase.how == SLUICE_ERASE_KEY)
		return 0;
	return nla_put_u32(skb, SLUICE_A_VOLUME_WIPING_STATE_PERCENT,
			   div64_u64(done * 100, v->sectors)) ?:
	       nla_put_uint(skb, SLUICE_A_VOLUME_WIPING_STATE_RATE, rate << SECTOR_SHIFT) ?:
	       rate ? nla_put_uint(skb, SLUICE_A_VOLUME_WIPING_STATE_LEFT,
				   div64_u64(v->sectors - done, rate)) : 0;
}

static int error_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	const char *stalled = sluice_volume_erase_stalled(v);
	int error = READ_ONCE(v->erase.stall.error);

	return (stalled ? nla_put_string(skb, SLUICE_A_VOLUME_WIPING_STATE_STALLED, stalled) : 0) ?:
	       error ? nla_put_u32(skb, SLUICE_A_VOLUME_WIPING_STATE_ERROR, -error) : 0;
}

int sluice_nl_volume_put_erase(struct sk_buff *skb, const struct sluice_volume *v)
{
	struct nlattr *nest;

	if (!v->erase.how)
		return 0;
	if (sluice_nl_volume_put_pace(skb, SLUICE_A_VOLUME_WIPE_BPS, SLUICE_A_VOLUME_WIPE_PAUSE,
				      &v->erase.pace))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, SLUICE_A_VOLUME_WIPING);
	if (!nest || nla_put_u8(skb, SLUICE_A_VOLUME_WIPING_STATE_HOW, v->erase.how) ||
	    progress_put(skb, v) || error_put(skb, v))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}
