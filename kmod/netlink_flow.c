// SPDX-License-Identifier: GPL-2.0-only
/* Commands about flow rules. */
#include <linux/slab.h>
#include "netlink_ops.h"

struct flow_shown {
	const struct sluice_flow_spec *flow;
	struct net *net;
	struct sluice_hits hits;
	bool active;
};

/* --- adding ---------------------------------------------------------------------------------- */

static int flow_put_id(struct sk_buff *skb, const void *obj)
{
	const struct sluice_flow_spec *flow = obj;

	return nla_put_u32(skb, SLUICE_A_FLOW_ID, flow->id);
}

static int flow_parse(struct sluice_change *c, struct sluice_flow_spec *flow)
{
	struct nlattr *prio = sluice_nl_need(c, SLUICE_A_FLOW_PRIO);
	int err;

	if (!prio)
		return -EINVAL;
	flow->prio = nla_get_u32(prio);
	if (c->attrs[SLUICE_A_FLOW_ID])
		flow->id = nla_get_u32(c->attrs[SLUICE_A_FLOW_ID]);
	err = sluice_nl_get_match(c, flow);
	return err ?: sluice_nl_get_acts(c, flow);
}

static int flow_insert(struct sluice_change *c, struct sluice_flow_spec *flow)
{
	bool chosen = !flow->id;
	int err = c->ops->flow_add(c->inst, flow, c->extack);

	if (err)
		return err;
	return chosen && c->info ? sluice_nl_reply(c->info, flow_put_id, flow) : 0;
}

static int flow_add(struct sluice_change *c)
{
	struct sluice_flow_spec *flow;
	int err = sluice_nl_need_engine(c) ?: sluice_tenant_check_rule(c->inst, c->extack);

	if (err)
		return err;
	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return -ENOMEM;
	err = flow_parse(c, flow);
	if (!err)
		err = flow_insert(c, flow);
	kfree(flow);
	return err;
}

/* --- removing -------------------------------------------------------------------------------- */

static int flow_del(struct sluice_change *c)
{
	struct nlattr *id = sluice_nl_need(c, SLUICE_A_FLOW_ID);
	int err;

	if (!id)
		return -EINVAL;
	err = sluice_nl_need_engine(c);
	return err ?: c->ops->flow_del(c->inst, nla_get_u32(id), c->extack);
}

static int flow_flush(struct sluice_change *c)
{
	return sluice_nl_need_engine(c) ?: c->ops->flow_flush(c->inst);
}

int sluice_nl_flow_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, flow_add, SLUICE_OBJECT_FLOW);
}

int sluice_nl_flow_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, flow_del, SLUICE_OBJECT_FLOW);
}

int sluice_nl_flow_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	return sluice_change_do_aside(skb, info, flow_flush, SLUICE_OBJECT_FLOW);
}

/* --- showing --------------------------------------------------------------------------------- */

static int flow_put(struct sk_buff *skb, const void *obj)
{
	const struct flow_shown *s = obj;

	if (nla_put_u32(skb, SLUICE_A_FLOW_ID, s->flow->id) ||
	    nla_put_u32(skb, SLUICE_A_FLOW_PRIO, s->flow->prio) ||
	    nla_put_uint(skb, SLUICE_A_FLOW_PACKETS, s->hits.packets) ||
	    nla_put_uint(skb, SLUICE_A_FLOW_BYTES, s->hits.bytes) ||
	    (!s->active && nla_put_flag(skb, SLUICE_A_FLOW_INACTIVE)))
		return -EMSGSIZE;
	return sluice_nl_put_match(skb, s->net, s->flow) ?:
							   sluice_nl_put_acts(skb, s->net, s->flow);
}

int sluice_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct sluice_engine_ops *ops = sluice_engine();
	struct flow_shown s = { .net = genl_info_net(info) };
	struct sluice_instance *inst = sluice_instance_get(s.net);
	struct sluice_flow_spec *flow;
	int err = -ENOENT;

	if (GENL_REQ_ATTR_CHECK(info, SLUICE_A_FLOW_ID))
		return -EINVAL;
	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return -ENOMEM;
	if (ops && inst->engine) {
		sluice_nl_flush_counters(ops, inst);
		err = ops->flow_get(inst, nla_get_u32(info->attrs[SLUICE_A_FLOW_ID]), flow, &s.hits,
				    &s.active);
	}
	s.flow = flow;
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SLUICE_A_FLOW_ID],
				    "no flow with that id: see 'sluice flow show'");
	else
		err = sluice_nl_reply(info, flow_put, &s);
	kfree(flow);
	return err;
}

static int flow_emit(void *ctx, const struct sluice_flow_spec *flow, const struct sluice_hits *hits,
		     bool active)
{
	const struct sluice_nl_out *out = ctx;
	const struct flow_shown s = {
		.flow = flow, .net = out->net, .hits = *hits, .active = active
	};

	return sluice_nl_dump_one(out, flow_put, &s);
}

static int flow_dump(struct sluice_nl_out *out, const struct sluice_engine_ops *ops,
		     struct sluice_instance *inst, struct sluice_cursor *cur)
{
	sluice_nl_dump_counters(out, ops);
	return ops->flow_dump(inst, cur, flow_emit, out);
}

int sluice_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return sluice_nl_dump_engine(skb, cb, flow_dump);
}
