// SPDX-License-Identifier: GPL-2.0-only
/* Limits of volumes in messages. */
#include "netlink_ops.h"
#include "volume.h"

/* Where each rate is, and how it is called. */
static const struct limit_attrs {
	u8 op;
	bool bytes;
	int rate;
	int burst;
	int peak;
	int min;
} limit_attrs[] = {
	{ SLUICE_VOLUME_READ, false, SLUICE_A_VOLUME_READ_IOPS, SLUICE_A_VOLUME_READ_IOPS_BURST,
	  SLUICE_A_VOLUME_READ_IOPS_PEAK, SLUICE_A_VOLUME_READ_IOPS_MIN },
	{ SLUICE_VOLUME_READ, true, SLUICE_A_VOLUME_READ_BPS, SLUICE_A_VOLUME_READ_BPS_BURST,
	  SLUICE_A_VOLUME_READ_BPS_PEAK, SLUICE_A_VOLUME_READ_BPS_MIN },
	{ SLUICE_VOLUME_WRITE, false, SLUICE_A_VOLUME_WRITE_IOPS, SLUICE_A_VOLUME_WRITE_IOPS_BURST,
	  SLUICE_A_VOLUME_WRITE_IOPS_PEAK, SLUICE_A_VOLUME_WRITE_IOPS_MIN },
	{ SLUICE_VOLUME_WRITE, true, SLUICE_A_VOLUME_WRITE_BPS, SLUICE_A_VOLUME_WRITE_BPS_BURST,
	  SLUICE_A_VOLUME_WRITE_BPS_PEAK, SLUICE_A_VOLUME_WRITE_BPS_MIN },
};

/* A rate comes with the usual burst, and without a peak; a guarantee is a part of another limit. */
static void rate_get(const struct sluice_change *c, const struct limit_attrs *a,
		     struct sluice_volume_rate *r)
{
	if (c->attrs[a->rate])
		*r = (struct sluice_volume_rate){ .rate = nla_get_uint(c->attrs[a->rate]),
						  .min = r->min };
	if (c->attrs[a->burst])
		r->burst = nla_get_uint(c->attrs[a->burst]);
	if (c->attrs[a->peak])
		r->peak = nla_get_uint(c->attrs[a->peak]);
}

static int rate_check(const struct sluice_change *c, const struct limit_attrs *a,
		      const struct sluice_volume_rate *r)
{
	if (r->burst && !r->rate) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[a->burst],
				    "a burst means nothing without its limit: say that too");
		return -EINVAL;
	}
	if (r->peak && !r->rate) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[a->peak],
				    "a peak means nothing without its limit: say that too");
		return -EINVAL;
	}
	if (r->peak && r->peak < r->rate) {
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[a->peak] ?: c->attrs[a->rate],
				    "a peak below its limit is none: say at least as much");
		return -EINVAL;
	}
	return 0;
}

static struct sluice_volume_rate *rate_of(struct sluice_volume_limit *limit,
					  const struct limit_attrs *a)
{
	return a->bytes ? &limit[a->op].bps : &limit[a->op].iops;
}

int sluice_nl_volume_get_limits(const struct sluice_change *c, struct sluice_volume_limit *limit)
{
	const struct nlattr *unit = c->attrs[SLUICE_A_VOLUME_IOPS_UNIT];
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(limit_attrs) && !err; i++) {
		const struct limit_attrs *a = &limit_attrs[i];

		rate_get(c, a, rate_of(limit, a));
		err = rate_check(c, a, rate_of(limit, a));
	}
	for (i = 0; i < SLUICE_VOLUME_LIMITS && unit; i++)
		limit[i].unit = nla_get_u32(unit);
	return err;
}

int sluice_nl_volume_get_minimums(const struct sluice_change *c, struct sluice_volume_limit *limit)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(limit_attrs); i++) {
		const struct limit_attrs *a = &limit_attrs[i];
		struct sluice_volume_rate *r = rate_of(limit, a);

		if (c->attrs[a->min])
			r->min = nla_get_uint(c->attrs[a->min]);
		if (!r->rate || r->min <= r->rate)
			continue;
		NL_SET_ERR_MSG_ATTR(c->extack, c->attrs[a->min] ?: c->attrs[a->rate],
				    "no more is guaranteed than the volume's own limit: raise that");
		return -EINVAL;
	}
	return 0;
}

static int rate_put(struct sk_buff *skb, const struct limit_attrs *a,
		    const struct sluice_volume_rate *r)
{
	if (r->min && nla_put_uint(skb, a->min, r->min))
		return -EMSGSIZE;
	if (!r->rate)
		return 0;
	return nla_put_uint(skb, a->rate, r->rate) ?: nla_put_uint(skb, a->burst, r->burst) ?:
	       r->peak ? nla_put_uint(skb, a->peak, r->peak) : 0;
}

int sluice_nl_volume_put_limits(struct sk_buff *skb, const struct sluice_volume_limit *limit)
{
	u64 unit = limit[SLUICE_VOLUME_READ].unit;
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(limit_attrs) && !err; i++) {
		const struct limit_attrs *a = &limit_attrs[i];
		const struct sluice_volume_limit *l = &limit[a->op];

		err = rate_put(skb, a, a->bytes ? &l->bps : &l->iops);
	}
	return err ?: unit ? nla_put_u32(skb, SLUICE_A_VOLUME_IOPS_UNIT, unit) : 0;
}
