// SPDX-License-Identifier: GPL-2.0-only
/* Commands about limits: those of ports, and the meters that flows share. */
#include "netlink_ops.h"

/* --- limits ---------------------------------------------------------------------------------- */

/* What the parts of a limit are called. */
struct rate_attrs {
	int bps, burst, pps, pburst;
};

static const struct rate_attrs of_port = {
	SLUICE_A_RATE_BPS, SLUICE_A_RATE_BURST, SLUICE_A_RATE_PPS, SLUICE_A_RATE_PBURST,
};

static const struct rate_attrs of_meter = {
	SLUICE_A_METER_BPS, SLUICE_A_METER_BURST, SLUICE_A_METER_PPS, SLUICE_A_METER_PBURST,
};

static u64 rate_part(const struct sluice_change *c, int type)
{
	return c->attrs[type] ? nla_get_uint(c->attrs[type]) : 0;
}

static int rate_get(struct sluice_change *c, const struct rate_attrs *of, struct sluice_rate *r)
{
	const char *why = NULL;

	r->bps = rate_part(c, of->bps);
	r->burst = rate_part(c, of->burst);
	r->pps = rate_part(c, of->pps);
	r->pburst = rate_part(c, of->pburst);
	if (!r->bps && !r->pps)
		why = "a limit needs bps or pps, more than 0";
	else if (r->burst && !r->bps)
		why = "burst goes with bps; with pps say pburst";
	else if (r->pburst && !r->pps)
		why = "pburst goes with pps; with bps say burst";
	if (!why)
		return 0;
	NL_SET_ERR_MSG_FMT(c->extack, "%s", why);
	return -EINVAL;
}

static int rate_put(struct sk_buff *skb, const struct rate_attrs *of, const struct sluice_rate *r)
{
	if (r->bps &&
	    (nla_put_uint(skb, of->bps, r->bps) || nla_put_uint(skb, of->burst, r->burst)))
		return -EMSGSIZE;
	if (r->pps &&
	    (nla_put_uint(skb, of->pps, r->pps) || nla_put_uint(skb, of->pburst, r->pburst)))
		return -EMSGSIZE;
	return 0;
}

/* --- ports ----------------------------------------------------------------------------------- */

static int rate_set(struct sluice_change *c)
{
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_RATE_PORT);
	struct sluice_rate rate;
	struct nlattr *dir;
	int err;

	if (IS_ERR(port))
		return PTR_ERR(port);
	dir = sluice_nl_need(c, SLUICE_A_RATE_DIR);
	if (!dir)
		return -EINVAL;
	err = sluice_tenant_check(c->inst, c->extack) ?: rate_get(c, &of_port, &rate);
	return err ?: c->ops->rate_set(port, nla_get_u8(dir), &rate, c->extack);
}

static int rate_del(struct sluice_change *c)
{
	static const struct sluice_rate none;
	struct sluice_port *port = sluice_nl_need_guest(c, SLUICE_A_RATE_PORT);
	struct nlattr *only = c->attrs[SLUICE_A_RATE_DIR];
	int err = 0;
	u8 dir;

	if (IS_ERR(port))
		return PTR_ERR(port);
	for (dir = 0; dir < SLUICE_DIRS && !err; dir++) {
		if (!only || nla_get_u8(only) == dir)
			err = c->ops->rate_set(port, dir, &none, c->extack);
	}
	return err;
}

int sluice_nl_rate_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, rate_set, SLUICE_OBJECT_RATE);
}

int sluice_nl_rate_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, rate_del, SLUICE_OBJECT_RATE);
}

struct rate_shown {
	const struct sluice_port *port;
	u8 dir;
	struct sluice_rate rate;
};

static int rate_put_port(struct sk_buff *skb, const void *obj)
{
	const struct rate_shown *s = obj;

	if (nla_put_string(skb, SLUICE_A_RATE_PORT, s->port->dev->name) ||
	    nla_put_u8(skb, SLUICE_A_RATE_DIR, s->dir))
		return -EMSGSIZE;
	return rate_put(skb, &of_port, &s->rate);
}

static int rate_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		     struct sluice_port *port)
{
	struct sluice_nl_dump *d = sluice_nl_dump(out->cb);
	struct rate_shown s = { .port = port };
	int err;

	for (; d->part < SLUICE_DIRS; d->part++) {
		s.dir = d->part;
		ops->rate_get(port, s.dir, &s.rate);
		if (!s.rate.bps && !s.rate.pps)
			continue;
		err = sluice_nl_dump_one(out, rate_put_port, &s);
		if (err)
			return err;
	}
	return 0;
}

int sluice_nl_rate_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_ports(skb, cb, genl_info_dump(cb)->attrs[SLUICE_A_RATE_PORT], true,
				    rate_dump);
}

/* --- meters ---------------------------------------------------------------------------------- */

static int meter_add(struct sluice_change *c)
{
	struct nlattr *id = sluice_nl_need(c, SLUICE_A_METER_ID);
	struct sluice_rate rate;
	int err;

	if (!id)
		return -EINVAL;
	err = sluice_nl_need_engine(c) ?: sluice_tenant_check_rule(c->inst, c->extack);
	if (!err)
		err = rate_get(c, &of_meter, &rate);
	return err ?: c->ops->meter_add(c->inst, nla_get_u32(id), &rate, c->extack);
}

static int meter_del(struct sluice_change *c)
{
	struct nlattr *id = sluice_nl_need(c, SLUICE_A_METER_ID);

	if (!id)
		return -EINVAL;
	return sluice_nl_need_engine(c) ?:
	       c->ops->meter_del(c->inst, nla_get_u32(id), c->extack);
}

int sluice_nl_meter_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, meter_add, SLUICE_OBJECT_METER);
}

int sluice_nl_meter_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, meter_del, SLUICE_OBJECT_METER);
}

struct meter_shown {
	u32 id;
	const struct sluice_rate *rate;
	const struct sluice_hits *passed, *dropped;
};

static int meter_put(struct sk_buff *skb, const void *obj)
{
	const struct meter_shown *s = obj;

	if (nla_put_u32(skb, SLUICE_A_METER_ID, s->id) || rate_put(skb, &of_meter, s->rate) ||
	    nla_put_uint(skb, SLUICE_A_METER_PASSED_PACKETS, s->passed->packets) ||
	    nla_put_uint(skb, SLUICE_A_METER_PASSED_BYTES, s->passed->bytes) ||
	    nla_put_uint(skb, SLUICE_A_METER_DROPPED_PACKETS, s->dropped->packets) ||
	    nla_put_uint(skb, SLUICE_A_METER_DROPPED_BYTES, s->dropped->bytes))
		return -EMSGSIZE;
	return 0;
}

static int meter_emit(void *ctx, u32 id, const struct sluice_rate *rate,
		      const struct sluice_hits *passed, const struct sluice_hits *dropped)
{
	const struct meter_shown s = { id, rate, passed, dropped };

	return sluice_nl_dump_one(ctx, meter_put, &s);
}

static int meter_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		      struct sluice_instance *inst, struct sluice_cursor *cur)
{
	return ops->meter_dump(inst, cur, meter_emit, out);
}

int sluice_nl_meter_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_engine(skb, cb, meter_dump);
}
