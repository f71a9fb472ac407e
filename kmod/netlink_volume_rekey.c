// SPDX-License-Identifier: GPL-2.0-only
/* Re-encryption of volumes in messages. */
#include <linux/math64.h>
#include "netlink_ops.h"
#include "volume.h"

static enum sluice_rekey_way rekey_get_way(const struct sluice_change *c)
{
	const struct nlattr *back = c->attrs[SLUICE_A_VOLUME_REKEY_BACK];

	if (!back)
		return SLUICE_REKEY_AS_IT_WAS;
	return nla_get_u8(back) ? SLUICE_REKEY_BACK : SLUICE_REKEY_FORWARD;
}

/* What was written with another key stays written: that is not undone within a transaction. */
int sluice_nl_volume_rekey(struct sluice_change *c, struct sluice_volume *v)
{
	const struct nlattr *start = c->attrs[SLUICE_A_VOLUME_JOURNAL_START];
	struct sluice_rekey_order o = {
		.skip = nla_get_flag(c->attrs[SLUICE_A_VOLUME_SKIP_UNREADABLE]),
		.adopt = nla_get_flag(c->attrs[SLUICE_A_VOLUME_ADOPT]),
		.way = rekey_get_way(c),
	};
	struct nlattr *key, *journal;

	if (c->txn) {
		NL_SET_ERR_MSG(c->extack, "cannot be undone: not within a transaction");
		return -EOPNOTSUPP;
	}
	if (o.way != SLUICE_REKEY_AS_IT_WAS && !c->attrs[SLUICE_A_VOLUME_REKEY_KEY] &&
	    !c->attrs[SLUICE_A_VOLUME_JOURNAL])
		return sluice_volume_rekey_turn(v, o.way, c->extack);
	key = sluice_nl_need(c, SLUICE_A_VOLUME_REKEY_KEY);
	journal = sluice_nl_need(c, SLUICE_A_VOLUME_JOURNAL);
	if (!key || !journal)
		return -EINVAL;
	if (*(const char *)nla_data(journal) != '/') {
		NL_SET_ERR_MSG_ATTR(c->extack, journal,
				    "name the device by its full path: /dev/...");
		return -EINVAL;
	}
	o.key = nla_get_s32(key);
	o.path = nla_data(journal);
	o.start = start ? nla_get_uint(start) : 0;
	return sluice_volume_rekey(v, &o, c->extack);
}

void sluice_nl_volume_get_pace(const struct sluice_change *c, int bps, int pause,
			       struct sluice_pace *pace)
{
	if (c->attrs[bps])
		pace->bps = nla_get_uint(c->attrs[bps]);
	if (c->attrs[pause])
		pace->paused = nla_get_u8(c->attrs[pause]);
}

int sluice_nl_volume_put_pace(struct sk_buff *skb, int bps, int pause,
			      const struct sluice_pace *pace)
{
	return (pace->bps ? nla_put_uint(skb, bps, pace->bps) : 0) ?:
	       pace->paused ? nla_put_u8(skb, pause, 1) : 0;
}

static int pace_put(struct sk_buff *skb, const struct sluice_volume_rekey *k)
{
	return sluice_nl_volume_put_pace(skb, SLUICE_A_VOLUME_REKEY_BPS,
					 SLUICE_A_VOLUME_REKEY_PAUSE, &k->pace);
}

static int progress_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	u64 done = READ_ONCE(v->rekey.done), rate = sluice_volume_rekey_rate(v);
	bool back = READ_ONCE(v->rekey.back);

	if (back && nla_put_flag(skb, SLUICE_A_VOLUME_REKEY_STATE_BACK))
		return -EMSGSIZE;
	return nla_put_u32(skb, SLUICE_A_VOLUME_REKEY_STATE_PERCENT,
			   div64_u64(done * 100, v->sectors)) ?:
	       nla_put_uint(skb, SLUICE_A_VOLUME_REKEY_STATE_RATE, rate << SECTOR_SHIFT) ?:
	       rate ? nla_put_uint(skb, SLUICE_A_VOLUME_REKEY_STATE_LEFT,
				   div64_u64(back ? done : v->sectors - done, rate)) : 0;
}

static int skipped_put(struct sk_buff *skb, const struct sluice_volume_rekey *k)
{
	/* Pairs with sluice_volume_rekey_passed(). */
	unsigned int i, n = smp_load_acquire(&k->skipped);
	int err;

	if (!n)
		return 0;
	err = nla_put_u32(skb, SLUICE_A_VOLUME_REKEY_STATE_SKIPPED, n);
	for (i = 0; i < min(n, SLUICE_REKEY_UNREADABLE) && !err; i++)
		err = nla_put_uint(skb, SLUICE_A_VOLUME_REKEY_STATE_UNREADABLE,
				   READ_ONCE(k->unreadable[i]));
	return err;
}

static int stalled_put(struct sk_buff *skb, const struct sluice_volume_rekey *k)
{
	enum sluice_rekey_step step = READ_ONCE(k->stall.step);

	if (!k->device || !READ_ONCE(k->stall.error) || step == SLUICE_REKEY_OVER)
		return 0;
	return nla_put_string(skb, SLUICE_A_VOLUME_REKEY_STATE_STALLED,
			      sluice_volume_rekey_text(step)) ?:
	       step == SLUICE_REKEY_AT_READ ?
	       nla_put_uint(skb, SLUICE_A_VOLUME_REKEY_STATE_SECTOR, READ_ONCE(k->sector)) : 0;
}

/* How it gets on; when it is through, what it could not do. */
static int state_put(struct sk_buff *skb, const struct sluice_volume *v)
{
	struct nlattr *nest = nla_nest_start(skb, SLUICE_A_VOLUME_REKEY);
	const struct sluice_volume_rekey *k = &v->rekey;

	if (!nest || (k->device && progress_put(skb, v)) || stalled_put(skb, k) ||
	    skipped_put(skb, k))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int sluice_nl_volume_put_rekey(struct sk_buff *skb, const struct sluice_volume *v)
{
	const struct sluice_volume_rekey *k = &v->rekey;
	int error = READ_ONCE(k->stall.error);

	if (!k->device)
		return pace_put(skb, k) ?: READ_ONCE(k->skipped) ? state_put(skb, v) : 0;
	return pace_put(skb, k) ?:
	       nla_put_string(skb, SLUICE_A_VOLUME_JOURNAL, k->path) ?:
	       nla_put_uint(skb, SLUICE_A_VOLUME_JOURNAL_START, k->start) ?:
	       nla_put_string(skb, SLUICE_A_VOLUME_REKEY_KEY_NAME, k->key_name) ?:
	       nla_put_uint(skb, SLUICE_A_VOLUME_REKEY_DONE, READ_ONCE(k->done)) ?:
	       (error ? nla_put_u32(skb, SLUICE_A_VOLUME_REKEY_ERROR, -error) : 0) ?:
	       state_put(skb, v);
}
