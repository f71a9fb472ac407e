// SPDX-License-Identifier: GPL-2.0-only
/* Commands about limits: those of ports, and the meters that flows share. */
#include "netlink_ops.h"

struct rate_step {
	struct sluice_step step;
	struct sluice_port *port;
	u8 dir;
	struct sluice_rate rate;
};

/* --- ports ----------------------------------------------------------------------------------- */

static u64 rate_get(const struct nlattr *nla)
{
	return nla ? nla_get_uint(nla) : 0;
}

static int rate_check(struct sluice_change *c, const struct sluice_rate *r)
{
	const char *why = NULL;

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

static int rate_undo(struct sluice_step *step)
{
	struct rate_step *undo = container_of(step, struct rate_step, step);
	struct netlink_ext_ack extack = {};

	return sluice_engine()->rate_set(undo->port, undo->dir, &undo->rate, &extack);
}

static int rate_change(struct sluice_change *c, struct sluice_port *port, u8 dir,
		       const struct sluice_rate *rate)
{
	struct rate_step *undo = sluice_change_undo(c, sizeof(*undo), rate_undo);
	int err;

	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->port = port;
		undo->dir = dir;
		c->ops->rate_get(port, dir, &undo->rate);
	}
	err = c->ops->rate_set(port, dir, rate, c->extack);
	if (undo)
		undo->step.armed = !err;
	return err;
}

static int rate_set(struct sluice_change *c)
{
	struct sluice_rate rate = {
		.bps = rate_get(c->attrs[SLUICE_A_RATE_BPS]),
		.burst = rate_get(c->attrs[SLUICE_A_RATE_BURST]),
		.pps = rate_get(c->attrs[SLUICE_A_RATE_PPS]),
		.pburst = rate_get(c->attrs[SLUICE_A_RATE_PBURST]),
	};
	struct sluice_port *port;
	struct nlattr *dir;
	int err = sluice_nl_need_engine(c);

	if (err)
		return err;
	port = sluice_nl_need_guest(c, SLUICE_A_RATE_PORT);
	if (IS_ERR(port))
		return PTR_ERR(port);
	dir = sluice_nl_need(c, SLUICE_A_RATE_DIR);
	if (!dir)
		return -EINVAL;
	err = rate_check(c, &rate);
	return err ?: rate_change(c, port, nla_get_u8(dir), &rate);
}

static int rate_del(struct sluice_change *c)
{
	static const struct sluice_rate none;
	struct nlattr *only = c->attrs[SLUICE_A_RATE_DIR];
	struct sluice_port *port;
	u8 dir;
	int err = sluice_nl_need_engine(c);

	if (err)
		return err;
	port = sluice_nl_need_guest(c, SLUICE_A_RATE_PORT);
	if (IS_ERR(port))
		return PTR_ERR(port);
	for (dir = 0; dir < SLUICE_DIRS && !err; dir++) {
		if (!only || nla_get_u8(only) == dir)
			err = rate_change(c, port, dir, &none);
	}
	return err;
}

int sluice_nl_rate_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, rate_set, SLUICE_OBJECT_RATE);
}

int sluice_nl_rate_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, rate_del, SLUICE_OBJECT_RATE);
}

static int rate_put(struct sk_buff *skb, const struct sluice_port *port, u8 dir,
		    const struct sluice_rate *r)
{
	if (nla_put_string(skb, SLUICE_A_RATE_PORT, port->dev->name) ||
	    nla_put_u8(skb, SLUICE_A_RATE_DIR, dir))
		return -EMSGSIZE;
	if (r->bps && (nla_put_uint(skb, SLUICE_A_RATE_BPS, r->bps) ||
		       nla_put_uint(skb, SLUICE_A_RATE_BURST, r->burst)))
		return -EMSGSIZE;
	if (r->pps && (nla_put_uint(skb, SLUICE_A_RATE_PPS, r->pps) ||
		       nla_put_uint(skb, SLUICE_A_RATE_PBURST, r->pburst)))
		return -EMSGSIZE;
	return 0;
}

static int rate_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		     struct sluice_port *port)
{
	struct sluice_nl_dump *d = sluice_nl_dump(out->cb);
	struct sluice_rate rate;
	void *hdr;

	for (; d->part < SLUICE_DIRS; d->part++) {
		ops->rate_get(port, d->part, &rate);
		if (!rate.bps && !rate.pps)
			continue;
		hdr = sluice_nl_dump_put(out);
		if (!hdr)
			return -EMSGSIZE;
		if (rate_put(out->skb, port, d->part, &rate)) {
			genlmsg_cancel(out->skb, hdr);
			return -EMSGSIZE;
		}
		genlmsg_end(out->skb, hdr);
	}
	return 0;
}

int sluice_nl_rate_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_ports(skb, cb, genl_info_dump(cb)->attrs[SLUICE_A_RATE_PORT], true,
				    rate_dump);
}

/* --- meters ---------------------------------------------------------------------------------- */

struct meter_step {
	struct sluice_step step;
	u32 id;
	bool added;
	struct sluice_rate rate;
};

static int meter_undo(struct sluice_step *step)
{
	struct meter_step *undo = container_of(step, struct meter_step, step);
	struct sluice_instance *inst = sluice_instance_get(step->net);
	const struct sluice_engine_ops *ops = sluice_engine();
	struct netlink_ext_ack extack = {};

	if (undo->added)
		return ops->meter_del(inst, undo->id, &extack);
	return ops->meter_add(inst, undo->id, &undo->rate, &extack);
}

static int meter_add(struct sluice_change *c)
{
	struct sluice_rate rate = {
		.bps = rate_get(c->attrs[SLUICE_A_METER_BPS]),
		.burst = rate_get(c->attrs[SLUICE_A_METER_BURST]),
		.pps = rate_get(c->attrs[SLUICE_A_METER_PPS]),
		.pburst = rate_get(c->attrs[SLUICE_A_METER_PBURST]),
	};
	struct nlattr *id = sluice_nl_need(c, SLUICE_A_METER_ID);
	struct meter_step *undo;
	int err;

	if (!id)
		return -EINVAL;
	err = sluice_nl_need_engine(c);
	if (!err)
		err = rate_check(c, &rate);
	if (err)
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), meter_undo);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	err = c->ops->meter_add(c->inst, nla_get_u32(id), &rate, c->extack);
	if (undo) {
		undo->id = nla_get_u32(id);
		undo->added = true;
		undo->step.armed = !err;
	}
	return err;
}

static int meter_keep(void *ctx, u32 id, const struct sluice_rate *rate,
		      const struct sluice_hits *passed, const struct sluice_hits *dropped)
{
	struct meter_step *undo = ctx;

	if (id == undo->id)
		undo->rate = *rate;
	return 0;
}

static int meter_del(struct sluice_change *c)
{
	struct nlattr *id = sluice_nl_need(c, SLUICE_A_METER_ID);
	struct sluice_cursor cur = {};
	struct meter_step *undo;
	int err;

	if (!id)
		return -EINVAL;
	err = sluice_nl_need_engine(c);
	if (err)
		return err;
	undo = sluice_change_undo(c, sizeof(*undo), meter_undo);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	if (undo) {
		undo->id = nla_get_u32(id);
		err = c->ops->meter_dump(c->inst, &cur, meter_keep, undo);
	}
	if (!err)
		err = c->ops->meter_del(c->inst, nla_get_u32(id), c->extack);
	if (undo)
		undo->step.armed = !err;
	return err;
}

int sluice_nl_meter_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, meter_add, SLUICE_OBJECT_METER);
}

int sluice_nl_meter_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do(skb, info, meter_del, SLUICE_OBJECT_METER);
}

static int meter_put(struct sk_buff *skb, const struct sluice_rate *r,
		     const struct sluice_hits *passed, const struct sluice_hits *dropped)
{
	if (r->bps && (nla_put_uint(skb, SLUICE_A_METER_BPS, r->bps) ||
		       nla_put_uint(skb, SLUICE_A_METER_BURST, r->burst)))
		return -EMSGSIZE;
	if (r->pps && (nla_put_uint(skb, SLUICE_A_METER_PPS, r->pps) ||
		       nla_put_uint(skb, SLUICE_A_METER_PBURST, r->pburst)))
		return -EMSGSIZE;
	if (nla_put_uint(skb, SLUICE_A_METER_PASSED_PACKETS, passed->packets) ||
	    nla_put_uint(skb, SLUICE_A_METER_PASSED_BYTES, passed->bytes) ||
	    nla_put_uint(skb, SLUICE_A_METER_DROPPED_PACKETS, dropped->packets) ||
	    nla_put_uint(skb, SLUICE_A_METER_DROPPED_BYTES, dropped->bytes))
		return -EMSGSIZE;
	return 0;
}

static int meter_emit(void *ctx, u32 id, const struct sluice_rate *rate,
		      const struct sluice_hits *passed, const struct sluice_hits *dropped)
{
	const struct sluice_nl_out *out = ctx;
	void *hdr = sluice_nl_dump_put(out);

	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(out->skb, SLUICE_A_METER_ID, id) ||
	    meter_put(out->skb, rate, passed, dropped)) {
		genlmsg_cancel(out->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(out->skb, hdr);
	return 0;
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
