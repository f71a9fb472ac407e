// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transactions: changes that belong together commit together.
 *
 * DOC: Transactions
 *
 * A state may hold a million rules, a netlink message holds one. So a socket opens a transaction,
 * sends its changes as it would otherwise, and commits. Until then the messages are only kept,
 * once their policy has passed them. The commit runs them under one RTNL hold, in two passes, while
 * the workers go on.
 *
 * The first makes what no packet sees yet: new ports, uplinks, workers and volumes (whose devices
 * are opened), and all of the engine's configuration, which is made aside. The second asks others:
 * devices for an MTU or an address, workers to hand a queue over. They may take their time, and may
 * refuse, so they come when nothing else can. What changes together, in whatever order, is looked
 * at when all of them are made. Then the workers stand still for the switch: stores, made ready by
 * both passes, so that no packet sees a state in between. It cannot fail, allocates
 * nothing and waits for nobody. A tenant's transaction stops the tenants' worker only, and the
 * host's all but that. How long workers stood still `worker show` tells.
 *
 * When a change is refused, which is before any worker stands still, what was made aside is taken
 * back by the engine, which needs no memory for that: rules, flows and meters are those that they
 * were, their counters too. The other changes are undone, last first, so each finds the state that
 * it left behind; memory was set aside ahead of each. Removing a port cannot be undone (a guest has
 * hold of it) but cannot fail either: it waits until all else was done and the workers run again,
 * and so does removing a worker. What they give up, as a name or a VF, is free for others only in
 * the next transaction.
 *
 * A transaction belongs to a socket and dies with it.
 */
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "ask.h"
#include "netlink_ops.h"
#include "worker.h"

/* What one socket may have the kernel keep; it is charged to the sender's memory cgroup too. */
#define TXN_MAX_BYTES (512UL << 20)
/*
 * Whoever closes a socket looks among all that are open whether it is his, and so does each
 * command: a tenant's user may not make that long.
 */
#define TXN_MAX_TENANT	16

/**
 * struct sluice_txn - an open transaction
 * @node: in txns
 * @net: the socket's namespace; the socket holds it
 * @portid: the socket
 * @sk: likewise: a number may be used again before its last owner's transaction was dropped.
 *	Compared only
 * @aside: struct txn_kept.node, in order: changes of the first pass
 * @asking: likewise, of the second
 * @nr: length of both
 * @bytes: size of it and of what is kept
 * @undo: struct sluice_step.node, in order of the changes
 * @stores: struct sluice_step.node: while workers stand still
 * @defer: struct sluice_step.node: when they run again
 * @check: what all of them have to pass, NULL: nothing
 * @max_attr: largest number of attributes that a kept change's policy knows
 */
struct sluice_txn {
	struct list_head node;
	struct net *net;
	u32 portid;
	const struct sock *sk;
	struct list_head aside;
	struct list_head asking;
	u64 nr;
	size_t bytes;
	struct list_head undo;
	struct list_head stores;
	struct list_head defer;
	sluice_check_fn check;
	unsigned int max_attr;
};

struct txn_kept {
	struct list_head node;
	const struct nla_policy *policy;
	sluice_change_fn fn;
	u32 maxattr;
	u32 seq;
	u32 len;
	u8 attrs[] __aligned(NLA_ALIGNTO);
};

#define TXN_OWN_BYTES	kmalloc_size_roundup(sizeof(struct sluice_txn))

/* Written with RTNL and the lock held, read with either. */
static LIST_HEAD(txns);
static DEFINE_SPINLOCK(txns_lock);

static void steps_free(struct list_head *steps)
{
	struct sluice_step *step, *tmp;

	list_for_each_entry_safe(step, tmp, steps, node)
		kvfree(step);
}

static void kept_free(struct list_head *list)
{
	struct txn_kept *kept, *tmp;

	list_for_each_entry_safe(kept, tmp, list, node) {
		kfree(kept);
		cond_resched();
	}
}

/* So much more (or, less than 0, less) is kept. */
static void txn_charge(struct sluice_txn *txn, s64 bytes)
{
	txn->bytes += bytes;
	sluice_tenant_count_memory(sluice_instance_get(txn->net), bytes);
}

static void txn_free(struct sluice_txn *txn)
{
	ASSERT_RTNL();
	txn_charge(txn, -(s64)txn->bytes);
	spin_lock(&txns_lock);
	list_del(&txn->node);
	spin_unlock(&txns_lock);
	kept_free(&txn->aside);
	kept_free(&txn->asking);
	steps_free(&txn->undo);
	steps_free(&txn->stores);
	steps_free(&txn->defer);
	kfree(txn);
}

static struct sluice_txn *txn_find(const struct net *net, u32 portid)
{
	struct sluice_txn *txn;

	list_for_each_entry(txn, &txns, node) {
		if (txn->portid == portid && net_eq(txn->net, net))
			return txn;
	}
	return NULL;
}

static struct sluice_txn *txn_of(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_txn *txn = txn_find(genl_info_net(info), info->snd_portid);

	if (txn && txn->sk != NETLINK_CB(skb).sk) {
		txn_free(txn);
		txn = NULL;
	}
	return txn;
}

/* --- keeping changes ------------------------------------------------------------------------- */

static int txn_keep(struct sluice_txn *txn, struct genl_info *info, sluice_change_fn fn, bool aside)
{
	const struct genl_split_ops *ops = info->user_ptr[0];
	u32 len = nlmsg_attrlen(info->nlhdr, GENL_HDRLEN);
	struct txn_kept *kept;
	size_t size = kmalloc_size_roundup(struct_size(kept, attrs, len));
	int err;

	if (txn->bytes + size > TXN_MAX_BYTES) {
		NL_SET_ERR_MSG(info->extack,
			       "more than a transaction can hold: commit the state in several parts");
		return -E2BIG;
	}
	if (txn->nr >= sluice_tenant_max_changes(sluice_instance_get(txn->net))) {
		NL_SET_ERR_MSG(info->extack,
			       "more changes than are allowed here at once: commit them in several parts");
		return -EDQUOT;
	}
	err = sluice_tenant_check_memory(sluice_instance_get(txn->net), size, info->extack);
	if (err)
		return err;
	kept = kmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!kept)
		return -ENOMEM;
	/* The operation itself is a copy on the caller's stack, its policy is not. */
	kept->policy = ops->policy;
	kept->maxattr = ops->maxattr;
	kept->fn = fn;
	kept->seq = info->snd_seq;
	kept->len = len;
	memcpy(kept->attrs, nlmsg_attrdata(info->nlhdr, GENL_HDRLEN), len);
	list_add_tail(&kept->node, aside ? &txn->aside : &txn->asking);
	txn->nr++;
	txn_charge(txn, size);
	txn->max_attr = max(txn->max_attr, ops->maxattr);
	return 0;
}

static void change_init(struct sluice_change *c, struct net *net, struct netlink_ext_ack *extack)
{
	*c = (struct sluice_change){
		.net = net,
		.inst = sluice_instance_get(net),
		.ops = sluice_engine(),
		.extack = extack,
	};
	/* Made for the first port; without one there is nothing yet to have policy. */
	if (c->ops && !c->inst->engine && sluice_engine_instance_add(c->inst))
		c->ops = NULL;
}

static int change_do(struct sk_buff *skb, struct genl_info *info, sluice_change_fn fn,
		     enum sluice_object object, bool aside)
{
	struct sluice_txn *txn = txn_of(skb, info);
	struct sluice_change c;
	int err;

	if (txn)
		return txn_keep(txn, info, fn, aside);
	/* Before anything is made for it. */
	err = sluice_tenant_check_change(sluice_instance_get(genl_info_net(info)), info->extack);
	if (err)
		return err;
	change_init(&c, genl_info_net(info), info->extack);
	c.attrs = info->attrs;
	c.head = nlmsg_attrdata(info->nlhdr, GENL_HDRLEN);
	c.len = nlmsg_attrlen(info->nlhdr, GENL_HDRLEN);
	c.info = info;
	err = fn(&c);
	if (!err)
		sluice_nl_changed(&c, object, info->genlhdr->cmd);
	sluice_ask_sync();
	return err;
}

int sluice_change_do(struct sk_buff *skb, struct genl_info *info, sluice_change_fn fn,
		     enum sluice_object object)
{
	return change_do(skb, info, fn, object, false);
}

int sluice_change_do_aside(struct sk_buff *skb, struct genl_info *info, sluice_change_fn fn,
			   enum sluice_object object)
{
	return change_do(skb, info, fn, object, true);
}

/* --- steps ----------------------------------------------------------------------------------- */

static struct sluice_step *step_new(struct sluice_change *c, size_t size,
				    int (*fn)(struct sluice_step *step))
{
	struct sluice_step *step = kvzalloc(size, GFP_KERNEL_ACCOUNT);

	if (!step)
		return ERR_PTR(-ENOMEM);
	step->fn = fn;
	step->net = c->net;
	return step;
}

void *sluice_change_undo(struct sluice_change *c, size_t size, int (*fn)(struct sluice_step *step))
{
	struct sluice_step *step;

	if (!c->txn)
		return NULL;
	step = step_new(c, size, fn);
	if (!IS_ERR(step))
		list_add_tail(&step->node, &c->txn->undo);
	return step;
}

static void *step_add(struct sluice_change *c, size_t size, int (*fn)(struct sluice_step *step),
		      struct list_head *steps)
{
	struct sluice_step *step = step_new(c, size, fn);

	if (!IS_ERR(step)) {
		step->armed = true;
		list_add_tail(&step->node, steps);
	}
	return step;
}

void *sluice_change_store(struct sluice_change *c, size_t size, int (*fn)(struct sluice_step *step))
{
	return step_add(c, size, fn, &c->txn->stores);
}

void *sluice_change_defer(struct sluice_change *c, size_t size, int (*fn)(struct sluice_step *step))
{
	return step_add(c, size, fn, &c->txn->defer);
}

static void txn_undo(struct sluice_txn *txn)
{
	struct sluice_step *step;
	int err;

	list_for_each_entry_reverse(step, &txn->undo, node) {
		err = step->armed ? step->fn(step) : 0;
		if (err)
			net_err_ratelimited("sluice: a change of a refused transaction stays: error %d\n",
					    err);
		cond_resched();
	}
}

static void txn_finish(struct sluice_txn *txn)
{
	struct sluice_step *step;

	list_for_each_entry(step, &txn->defer, node) {
		step->fn(step);
		cond_resched();
	}
}

void sluice_change_check(struct sluice_change *c, sluice_check_fn check)
{
	/* There is but one; another needs a list. */
	WARN_ON_ONCE(c->txn->check && c->txn->check != check);
	c->txn->check = check;
}

/* --- commands -------------------------------------------------------------------------------- */

static int txn_run_one(struct sluice_txn *txn, struct sluice_change *c, const struct txn_kept *kept)
{
	int err = 0;

	c->head = (const struct nlattr *)kept->attrs;
	c->len = kept->len;
	if (kept->maxattr)
		err = nla_parse(c->attrs, kept->maxattr, c->head, c->len, kept->policy, c->extack);
	if (!err)
		err = kept->fn(c);
	if (!err)
		return 0;
	/*
	 * What it points to is not in the commit's message. The cookie tells the sender which of
	 * his it was.
	 */
	c->extack->bad_attr = NULL;
	c->extack->policy = NULL;
	c->extack->miss_type = 0;
	c->extack->miss_nest = NULL;
	memcpy(c->extack->cookie, &kept->seq, sizeof(kept->seq));
	c->extack->cookie_len = sizeof(kept->seq);
	return err;
}

static int txn_run_pass(struct sluice_txn *txn, struct sluice_change *c,
			const struct list_head *pass)
{
	const struct txn_kept *kept;
	int err;

	list_for_each_entry(kept, pass, node) {
		err = txn_run_one(txn, c, kept);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* All is in force. Context: workers stand still; a debug kernel tells who sleeps in it. */
static void txn_switch(struct sluice_txn *txn, struct sluice_change *c)
{
	struct sluice_step *step;

	non_block_start();
	if (c->ops)
		c->ops->draft_switch();
	list_for_each_entry(step, &txn->stores, node)
		step->fn(step);
	non_block_end();
}

/* Others than those workers have no port of the namespace. */
static bool txn_tenants(const struct sluice_txn *txn)
{
	return sluice_tenant_is(txn->net);
}

static int txn_pause(const struct sluice_txn *txn, struct netlink_ext_ack *extack)
{
	int err = sluice_worker_pause(txn_tenants(txn));

	if (err)
		NL_SET_ERR_MSG(extack, "a worker does not answer: see 'sluice worker show'");
	return err;
}

/* What was made aside knows its ports: it goes before what undoes those. */
static void txn_refuse(struct sluice_txn *txn, struct sluice_change *c)
{
	if (c->ops)
		c->ops->draft_end();
	txn_undo(txn);
}

/* All that can be refused. */
static int txn_prepare(struct sluice_txn *txn, struct sluice_change *c)
{
	int err = txn_run_pass(txn, c, &txn->aside);

	if (!err && c->ops)
		err = c->ops->draft_build();
	if (!err)
		err = txn_run_pass(txn, c, &txn->asking);
	if (!err && txn->check)
		err = txn->check(c->extack);
	return err ?: txn_pause(txn, c->extack);
}

static int txn_run_all(struct sluice_txn *txn, struct sluice_change *c)
{
	int err;

	if (c->ops)
		c->ops->draft_begin();
	err = txn_prepare(txn, c);
	if (err) {
		txn_refuse(txn, c);
		return err;
	}
	txn_switch(txn, c);
	sluice_worker_resume(txn_tenants(txn));
	if (c->ops)
		c->ops->draft_end();
	txn_finish(txn);
	sluice_ask_sync();
	return 0;
}

static int txn_run(struct sluice_txn *txn, struct netlink_ext_ack *extack)
{
	struct sluice_change c;
	int err;

	change_init(&c, txn->net, extack);
	c.txn = txn;
	c.attrs = kcalloc(txn->max_attr + 1, sizeof(*c.attrs), GFP_KERNEL);
	if (!c.attrs)
		return -ENOMEM;
	err = txn_run_all(txn, &c);
	kfree(c.attrs);
	return err;
}

static int txn_allowed(struct genl_info *info)
{
	return sluice_tenant_check(sluice_instance_get(genl_info_net(info)), info->extack);
}

static int txn_may_begin(const struct net *net, struct netlink_ext_ack *extack)
{
	const struct sluice_txn *txn;
	unsigned int n = 0;

	list_for_each_entry(txn, &txns, node)
		n += sluice_tenant_same(txn->net, net);
	if (n < TXN_MAX_TENANT)
		return 0;
	NL_SET_ERR_MSG(extack, "too many transactions are open here: commit or abort them");
	return -EDQUOT;
}

int sluice_nl_txn_begin_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_txn *txn;
	int err = txn_allowed(info);

	if (err)
		return err;
	if (txn_of(skb, info)) {
		NL_SET_ERR_MSG(info->extack,
			       "this socket has a transaction open: commit or abort it first");
		return -EBUSY;
	}
	err = txn_may_begin(genl_info_net(info), info->extack) ?:
	      sluice_tenant_check_memory(sluice_instance_get(genl_info_net(info)),
					 TXN_OWN_BYTES, info->extack);
	if (err)
		return err;
	txn = kzalloc(sizeof(*txn), GFP_KERNEL_ACCOUNT);
	if (!txn)
		return -ENOMEM;
	txn->net = genl_info_net(info);
	txn->portid = info->snd_portid;
	txn->sk = NETLINK_CB(skb).sk;
	INIT_LIST_HEAD(&txn->aside);
	INIT_LIST_HEAD(&txn->asking);
	INIT_LIST_HEAD(&txn->undo);
	INIT_LIST_HEAD(&txn->stores);
	INIT_LIST_HEAD(&txn->defer);
	spin_lock(&txns_lock);
	list_add(&txn->node, &txns);
	spin_unlock(&txns_lock);
	txn_charge(txn, TXN_OWN_BYTES);
	return 0;
}

static struct sluice_txn *txn_need(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_txn *txn = txn_of(skb, info);

	if (!txn)
		NL_SET_ERR_MSG(info->extack, "this socket has no transaction open");
	return txn;
}

int sluice_nl_txn_commit_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_txn *txn = txn_need(skb, info);
	bool empty;
	int err;

	if (!txn)
		return -EINVAL;
	empty = !txn->nr;
	/* It may have been begun while it was allowed. */
	err = txn_allowed(info) ?: txn_run(txn, info->extack);
	if (!err && !empty)
		sluice_nl_config(txn->net, SLUICE_OBJECT_TRANSACTION);
	txn_free(txn);
	return err;
}

int sluice_nl_txn_abort_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sluice_txn *txn = txn_need(skb, info);

	if (!txn)
		return -EINVAL;
	txn_free(txn);
	return 0;
}

/* --- end of a socket ------------------------------------------------------------------------- */

/* Every netlink socket of the host comes by: RTNL is asked for only if it had a transaction. */
static int txn_socket_gone(struct notifier_block *nb, unsigned long event, void *data)
{
	struct netlink_notify *n = data;
	struct sluice_txn *txn;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	spin_lock(&txns_lock);
	txn = txn_find(n->net, n->portid);
	spin_unlock(&txns_lock);
	if (!txn)
		return NOTIFY_DONE;
	rtnl_lock();
	txn = txn_find(n->net, n->portid);
	if (txn)
		txn_free(txn);
	rtnl_unlock();
	return NOTIFY_DONE;
}

static struct notifier_block txn_notifier = {
	.notifier_call = txn_socket_gone,
};

int sluice_txn_init(void)
{
	return netlink_register_notifier(&txn_notifier);
}

void sluice_txn_exit(void)
{
	struct sluice_txn *txn, *tmp;

	netlink_unregister_notifier(&txn_notifier);
	rtnl_lock();
	list_for_each_entry_safe(txn, tmp, &txns, node)
		txn_free(txn);
	rtnl_unlock();
}
