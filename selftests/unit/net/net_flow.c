// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow table against a plain list; running out of memory at every place; what rules are
 * refused.
 */
#include "frame.h"
#include "tap.h"
#include "net/flow.h"
#include "net/flow_mask.h"

static struct netlink_ext_ack ack;

void sluice_reclaim(struct sluice_reclaim *r)
{
	r->release(r);
}

static u64 random_state = 1;

static u32 rnd(u32 below)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % below;
}

/* --- the model: every flow's specification --- */

#define MODEL_MAX 400

static struct sluice_flow_spec model[MODEL_MAX];
static unsigned int nr_model;

static bool model_matches(const struct sluice_flow_spec *s, const struct sluice_flow_key *key)
{
	const u64 *want = (const u64 *)&s->key, *mask = (const u64 *)&s->mask,
		  *have = (const u64 *)key;
	unsigned int i;

	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++)
		if ((have[i] & mask[i]) != want[i])
			return false;
	return true;
}

/* The highest priority that matches; 0: none. */
static u32 model_lookup(const struct sluice_flow_key *key)
{
	u32 best = 0;
	unsigned int i;

	for (i = 0; i < nr_model; i++)
		if (model[i].prio > best && model_matches(&model[i], key))
			best = model[i].prio;
	return best;
}

static bool model_has(const struct sluice_flow_spec *s)
{
	unsigned int i;

	for (i = 0; i < nr_model; i++)
		if (model[i].prio == s->prio && !memcmp(&model[i].key, &s->key, sizeof(s->key)) &&
		    !memcmp(&model[i].mask, &s->mask, sizeof(s->mask)))
			return true;
	return false;
}

/* Few values in few fields, so that flows collide in every way. */
static struct sluice_flow_key random_key(void)
{
	struct sluice_flow_key key;

	memset(&key, 0, sizeof(key));
	key.in_port = rnd(3);
	key.eth_type = rnd(2) ? ETH_P_IP : ETH_P_IPV6;
	key.ip_proto = rnd(3);
	key.src.s6_addr[15] = rnd(4);
	key.dst.s6_addr[3] = rnd(4);
	key.dport = rnd(4);
	return key;
}

static void random_mask(struct sluice_flow_spec *s)
{
	unsigned int pick = rnd(64), i;
	u64 *key = (u64 *)&s->key, *mask = (u64 *)&s->mask;

	memset(&s->mask, 0, sizeof(s->mask));
	if (pick & 1)
		s->mask.in_port = ~0U;
	if (pick & 2)
		s->mask.eth_type = 0xffff;
	if (pick & 4)
		s->mask.ip_proto = 0xff;
	if (pick & 8)
		s->mask.src.s6_addr[15] = 0xff << rnd(3);
	if (pick & 16)
		s->mask.dst.s6_addr[3] = 0xff;
	if (pick & 32)
		s->mask.dport = 0xffff << rnd(2);
	for (i = 0; i < SLUICE_FLOW_KEY_WORDS; i++)
		key[i] &= mask[i];
}

static struct sluice_flow *covered;

/* @seen: in which epochs. */
static int add_seen(struct sluice_flow_table *t, struct sluice_flow_spec *s, u8 seen)
{
	struct sluice_flow *flow = sluice_flow_alloc(s);
	unsigned int i;
	int err;

	if (!flow)
		return -ENOMEM;
	for (i = 0; i < s->nr_act; i++)
		flow->act[i].type = SLUICE_ACT_DROP;
	flow->seen = seen;
	err = sluice_flow_insert(t, flow, s, &covered, &ack);
	if (err)
		kfree(flow);
	return err;
}

static int add(struct sluice_flow_table *t, struct sluice_flow_spec *s)
{
	return add_seen(t, s, SLUICE_FLOW_SEEN_ALWAYS);
}

static void del(struct sluice_flow_table *t, u32 id)
{
	struct sluice_flow *flow = sluice_flow_find(t, id);

	sluice_flow_hide(t, flow);
	sluice_flow_unlink(t, flow, NULL);
	sluice_reclaim(&flow->reclaim);
}

static bool table_sorted(const struct sluice_flow_table *t)
{
	u32 i;

	for (i = 1; t->masks && i < t->masks->nr; i++)
		if (t->masks->slot[i - 1].max_prio < t->masks->slot[i].max_prio)
			return false;
	return true;
}

static void test_model(void)
{
	bool found = true, refused = true, sorted = true, shown = true;
	struct sluice_flow_table t;
	unsigned int round, i;

	sluice_flow_table_init(&t);
	for (round = 0; round < 20000; round++) {
		struct sluice_flow_spec s = { .prio = 1 + rnd(12),
					      .nr_act = 1 + rnd(3),
					      .key = random_key() };
		struct sluice_flow_key key = random_key(), mask;
		struct sluice_flow *flow;

		if (nr_model < MODEL_MAX && rnd(round < 10000 ? 3 : 2)) {
			random_mask(&s);
			if (add(&t, &s))
				refused &= model_has(&s);
			else
				model[nr_model++] = s;
		} else if (nr_model) {
			i = rnd(nr_model);
			flow = sluice_flow_find(&t, model[i].id);
			sluice_flow_match(flow, &key, &mask);
			shown &= !memcmp(&key, &model[i].key, sizeof(key)) &&
				 !memcmp(&mask, &model[i].mask, sizeof(mask));
			del(&t, model[i].id);
			model[i] = model[--nr_model];
			key = random_key();
		}
		flow = sluice_flow_lookup(&t, &key);
		found &= (flow ? flow->prio : 0) == model_lookup(&key);
		sorted &= table_sorted(&t);
	}
	tap_ok(found, "look-ups find the highest match");
	tap_ok(refused, "only what is there twice is refused");
	tap_ok(sorted, "masks in order");
	tap_ok(shown, "key and mask as they were given");
	tap_ok(t.nr == nr_model, "counted");
	while (nr_model)
		del(&t, model[--nr_model].id);
	tap_ok(!t.nr && !t.masks && !t.memory, "empty again");
	sluice_flow_table_exit(&t);
}

/* --- what a transaction makes is seen from the other epoch on --- */

#define DRAFT_MAX	60
#define PROBES		40

static struct {
	struct sluice_flow *flow, *covered;
	bool added;
} draft[DRAFT_MAX];
static unsigned int nr_draft;
static struct sluice_flow_spec model_before[MODEL_MAX];

/* Do look-ups of the epoch that is in force find what @expect was filled with? */
static bool probes_same(const struct sluice_flow_table *t, const struct sluice_flow_key *key,
			const u32 *expect)
{
	unsigned int i;

	for (i = 0; i < PROBES; i++) {
		const struct sluice_flow *flow = sluice_flow_lookup(t, &key[i]);

		if ((flow ? flow->prio : 0) != expect[i])
			return false;
	}
	return true;
}

static void probes_fill(struct sluice_flow_key *key, u32 *expect)
{
	unsigned int i;

	for (i = 0; i < PROBES; i++)
		expect[i] = model_lookup(&key[i]);
}

/* Often one that was just removed, with its id, its match and its priority. */
static bool draft_add(struct sluice_flow_table *t)
{
	struct sluice_flow_spec s = { .prio = 1 + rnd(12), .nr_act = 1, .key = random_key() };
	bool again = nr_draft && !draft[nr_draft - 1].added && rnd(2);

	random_mask(&s);
	if (again) {
		const struct sluice_flow *flow = draft[nr_draft - 1].flow;

		s.id = flow->id;
		s.prio = flow->prio;
		sluice_flow_match(flow, &s.key, &s.mask);
	}
	if (add_seen(t, &s, BIT(!t->epoch)))
		return model_has(&s);
	draft[nr_draft].flow = sluice_flow_find(t, s.id);
	draft[nr_draft].covered = covered;
	draft[nr_draft++].added = true;
	model[nr_model++] = s;
	return !again || covered;
}

static void draft_del(struct sluice_flow_table *t)
{
	unsigned int i = rnd(nr_model);

	draft[nr_draft].flow = sluice_flow_find(t, model[i].id);
	draft[nr_draft++].added = false;
	sluice_flow_hide(t, draft[nr_draft - 1].flow);
	model[i] = model[--nr_model];
}

static void draft_unlink(struct sluice_flow_table *t, unsigned int i)
{
	sluice_flow_unlink(t, draft[i].flow, draft[i].added ? draft[i].covered : NULL);
	sluice_reclaim(&draft[i].flow->reclaim);
}

static void draft_settle(struct sluice_flow_table *t)
{
	unsigned int i;

	t->epoch = !t->epoch;
	for (i = 0; i < nr_draft; i++) {
		if (!draft[i].added)
			draft_unlink(t, i);
		else if (sluice_flow_seen(draft[i].flow, t->epoch))
			draft[i].flow->seen = SLUICE_FLOW_SEEN_ALWAYS;
	}
}

static void draft_undo(struct sluice_flow_table *t)
{
	while (nr_draft--) {
		if (draft[nr_draft].added) {
			sluice_flow_hide(t, draft[nr_draft].flow);
			draft_unlink(t, nr_draft);
		} else {
			sluice_flow_show(t, draft[nr_draft].flow);
		}
	}
}

static bool model_is(const struct sluice_flow_table *t)
{
	unsigned int i;

	for (i = 0; i < nr_model; i++) {
		const struct sluice_flow *flow = sluice_flow_find(t, model[i].id);

		if (!flow || flow->prio != model[i].prio || flow->seen != SLUICE_FLOW_SEEN_ALWAYS)
			return false;
	}
	return t->nr == nr_model;
}

static void test_epochs(void)
{
	bool given = true, unseen = true, switched = true, undone = true, kept = true;
	struct sluice_flow_key key[PROBES];
	struct sluice_flow_table t;
	unsigned int round, i, nr;
	u32 expect[PROBES];

	sluice_flow_table_init(&t);
	for (round = 0; round < 2000; round++) {
		bool commit = rnd(2);

		for (i = 0; i < PROBES; i++)
			key[i] = random_key();
		probes_fill(key, expect);
		nr = nr_model;
		memcpy(model_before, model, sizeof(model));
		nr_draft = 0;
		for (i = rnd(DRAFT_MAX); i; i--) {
			if (nr_model && (nr_model > MODEL_MAX - DRAFT_MAX || rnd(2)))
				draft_del(&t);
			else
				given &= draft_add(&t);
			unseen &= probes_same(&t, key, expect);
		}
		if (commit) {
			draft_settle(&t);
			probes_fill(key, expect);
			switched &= probes_same(&t, key, expect);
		} else {
			draft_undo(&t);
			nr_model = nr;
			memcpy(model, model_before, sizeof(model));
			undone &= probes_same(&t, key, expect);
		}
		kept &= model_is(&t);
	}
	tap_ok(given, "what is removed leaves its id, match and priority to what is added");
	tap_ok(unseen, "nothing of it is seen before the switch");
	tap_ok(switched, "all of it is, after that");
	tap_ok(undone, "none of it is when it is undone");
	tap_ok(kept, "ids lead to what is configured, which both epochs see");
	while (nr_model)
		del(&t, model[--nr_model].id);
	tap_ok(!t.nr && !t.masks && !t.memory, "empty again");
	sluice_flow_table_exit(&t);
}

static void test_ids(void)
{
	struct sluice_flow_spec s = { .prio = 5, .nr_act = 1, .id = 100 };
	struct sluice_flow_table t;

	sluice_flow_table_init(&t);
	tap_ok(!add(&t, &s) && sluice_flow_find(&t, 100), "an id of the operator's");
	s.mask.in_port = ~0U;
	tap_ok(add(&t, &s) == -EEXIST && t.nr == 1 && t.masks->nr == 1, "an id that is taken");
	s.id = 0;
	tap_ok(!add(&t, &s) && s.id == 1, "an id of the table's");
	s.id = 0;
	tap_ok(add(&t, &s) == -EEXIST && !s.id && t.nr == 2, "match and priority that are taken");
	s.prio = 0;
	s.mask.in_port = 0;
	tap_ok(!add(&t, &s), "priority 0");
	s.id = 0;
	s.prio = U32_MAX;
	tap_ok(!add(&t, &s) && sluice_flow_lookup(&t, &s.key)->prio == U32_MAX, "priority 2^32-1");
	del(&t, s.id);
	tap_ok(sluice_flow_lookup(&t, &s.key)->prio == 5, "the one below it shows again");
	del(&t, 100);
	del(&t, 1);
	tap_ok(sluice_flow_lookup(&t, &s.key)->prio == 0, "and the one below that");
	del(&t, 3);
	tap_ok(!sluice_flow_lookup(&t, &s.key), "and none");
	sluice_flow_table_exit(&t);
}

/* What is implied is not kept, and shown all the same. */
static void test_compact(void)
{
	struct sluice_flow_key key, mask, packet;
	struct sluice_flow_spec s = { .prio = 5, .nr_act = 1 };
	struct sluice_flow_table t;
	struct sluice_flow *flow;

	s.mask.in_port = ~0U;
	s.key.in_port = 3;
	s.mask.eth_type = 0xffff;
	s.key.eth_type = ETH_P_IP;
	s.mask.ip_proto = 0xff;
	s.key.ip_proto = 17;
	s.mask.dport = 0xffff;
	s.key.dport = 53;
	s.mask.l4_ok = 0xff;
	s.key.l4_ok = 1;
	memset(&s.mask.src, 0xff, sizeof(s.mask.src));
	s.mask.dst = s.mask.src;
	s.mask.dst.s6_addr[15] = 0;
	s.key.src.s6_addr[10] = 0xff;
	s.key.src.s6_addr[11] = 0xff;
	s.key.dst = s.key.src;
	s.key.src.s6_addr[12] = 10;
	sluice_flow_table_init(&t);
	add(&t, &s);
	flow = sluice_flow_find(&t, s.id);
	sluice_flow_match(flow, &key, &mask);
	tap_ok(flow->nr_words == 5 && !memcmp(&key, &s.key, sizeof(key)) &&
	       !memcmp(&mask, &s.mask, sizeof(mask)), "five words");
	packet = s.key;
	packet.ttl = 64;
	tap_ok(sluice_flow_lookup(&t, &packet) == flow, "its packet");
	packet.dport = 0;
	packet.l4_ok = 0;
	packet.frag = SLUICE_FRAG_MASK;
	tap_ok(!sluice_flow_lookup(&t, &packet), "a later fragment");
	del(&t, s.id);
	s.key.dport = 0;
	s.id = 0;
	add(&t, &s);
	flow = sluice_flow_find(&t, s.id);
	sluice_flow_match(flow, &key, &mask);
	tap_ok(flow->nr_words == 6 && !memcmp(&key, &s.key, sizeof(key)) &&
	       !sluice_flow_lookup(&t, &packet), "port 0 needs its header");
	del(&t, s.id);
	sluice_flow_table_exit(&t);
}

/* Whatever allocation fails, an insertion is refused as a whole, and a removal is done. */
static void test_memory(void)
{
	struct sluice_flow_spec s = { .prio = 5, .nr_act = 1 };
	struct sluice_flow_table t;
	bool good = true;
	int i;

	sluice_flow_table_init(&t);
	add(&t, &s);
	for (i = 0; i < 40; i++) {
		struct sluice_flow_spec n = { .prio = 7, .nr_act = 1 };

		n.mask.dport = 0xffff;
		shim_alloc_fail = i;
		if (add(&t, &n)) {
			shim_alloc_fail = -1;
			good &= t.nr == 1 && t.masks && sluice_flow_lookup(&t, &n.key)->prio == 5;
			continue;
		}
		good &= sluice_flow_lookup(&t, &n.key)->prio == 7;
		shim_alloc_fail = 0;
		del(&t, n.id);
		shim_alloc_fail = -1;
		good &= t.nr == 1 && sluice_flow_lookup(&t, &n.key)->prio == 5;
	}
	tap_ok(good, "any allocation fails");
	del(&t, s.id);
	tap_ok(!t.memory, "and counts for nothing");
	sluice_flow_table_exit(&t);
}

/* What a flow of this id takes, if it keeps within the most that it may take. */
static size_t bytes_of(struct sluice_flow_table *t, u32 id)
{
	struct sluice_flow_spec s = { .prio = id, .nr_act = 1, .id = id };
	size_t before = t->memory;

	if (add(t, &s) ||
	    t->memory - before > sluice_flow_memory_most(sluice_flow_find(t, id)))
		return 0;
	return t->memory - before;
}

static void test_bytes(void)
{
	struct sluice_flow_table t;
	size_t near;

	sluice_flow_table_init(&t);
	tap_ok(bytes_of(&t, 1), "the first flow's bytes");
	near = bytes_of(&t, 2);
	tap_ok(near && near == bytes_of(&t, 63), "bytes of an id near others");
	tap_ok(bytes_of(&t, 64) == near + sizeof(struct xa_node), "of one with a node to itself");
	tap_ok(bytes_of(&t, 4000000000) == near + 5 * sizeof(struct xa_node), "of one far away");
	del(&t, 64);
	del(&t, 1);
	del(&t, 4000000000);
	del(&t, 63);
	del(&t, 2);
	tap_ok(!t.memory, "none is left");
	sluice_flow_table_exit(&t);
}

/* Rules come faster than their table grows: it is waited for, but not without an end. */
static void test_growing(void)
{
	struct sluice_flow_spec s = { .prio = 5, .nr_act = 1 }, n = { .prio = 7, .nr_act = 1 };
	struct sluice_flow_table t;
	bool good;

	n.mask.dport = 0xffff;
	sluice_flow_table_init(&t);
	add(&t, &s);
	shim_table_grows = 10;
	tap_ok(!add(&t, &n) && !shim_table_grows && sluice_flow_lookup(&t, &n.key)->prio == 7,
	       "a table that grows is waited for");
	del(&t, n.id);
	n.id = 0;
	shim_table_grows = 1000;
	good = add(&t, &n) == -EBUSY && t.nr == 1 && sluice_flow_lookup(&t, &n.key)->prio == 5;
	tap_ok(good && shim_table_grows > 900, "but no longer than it may take");
	shim_table_grows = 0;
	del(&t, s.id);
	tap_ok(!t.masks, "and nothing stays of what was refused");
	sluice_flow_table_exit(&t);
}

static void test_masks(void)
{
	struct sluice_flow_table t;
	bool good = true;
	u32 i;

	sluice_flow_table_init(&t);
	for (i = 1; i <= SLUICE_FLOW_MASKS_MAX; i++) {
		struct sluice_flow_spec s = { .prio = i, .nr_act = 1 };

		s.mask.dport = i;
		good &= !add(&t, &s);
	}
	tap_ok(good && t.masks->nr == SLUICE_FLOW_MASKS_MAX && table_sorted(&t),
	       "as many masks as there may be");
	{
		struct sluice_flow_spec s = { .prio = 1, .nr_act = 1 };

		s.mask.sport = 1;
		tap_ok(add(&t, &s) == -ENOSPC && ack._msg, "one more");
	}
	for (i = 1; i <= SLUICE_FLOW_MASKS_MAX; i++)
		del(&t, i);
	tap_ok(!t.masks, "all gone");
	sluice_flow_table_exit(&t);
}

/* --- what makes sense --- */

static struct sluice_flow_spec tcp4(void)
{
	struct sluice_flow_spec s = { .prio = 1,
				      .nr_act = 1,
				      .act = { { .type = SLUICE_ACT_DROP } } };

	s.mask.eth_type = 0xffff;
	s.key.eth_type = ETH_P_IP;
	s.mask.ip_proto = 0xff;
	s.key.ip_proto = 6;
	return s;
}

static void allowed(struct sluice_flow_spec s, const char *name)
{
	ack._msg = NULL;
	tap_ok(!sluice_flow_check(&s, &ack), "%s %s", name, ack._msg ?: "");
}

static void refused(struct sluice_flow_spec s, const char *name)
{
	ack._msg = NULL;
	tap_ok(sluice_flow_check(&s, &ack) == -EINVAL && ack._msg, "no %s: %s", name,
	       ack._msg ?: "no reason");
}

static void test_match(void)
{
	struct sluice_flow_spec any = { .nr_act = 1, .act = { { .type = SLUICE_ACT_DROP } } },
				s = any;

	allowed(s, "match all");
	s.key.dport = 1;
	refused(s, "value outside the mask");
	s = any;
	s.mask.in_port = 1;
	refused(s, "masked port");
	s = any;
	s.mask.option = 1;
	refused(s, "reserved bits");
	s = any;
	s.mask.vlan[0] = 0xfff;
	s.key.vlan[0] = 5;
	refused(s, "id without presence");
	s.mask.vlan[0] = 0x1fff;
	s.key.vlan[0] = 0x1005;
	allowed(s, "a tag");

	s = any;
	s.mask.ip_proto = 0xff;
	refused(s, "proto alone");
	s.mask.eth_type = 0xffff;
	s.key.eth_type = ETH_P_ARP;
	allowed(s, "ARP operation");
	s.mask.ttl = 1;
	refused(s, "TTL of ARP");
	s = any;
	s.mask.src.s6_addr[15] = 1;
	refused(s, "address alone");
	s = tcp4();
	s.mask.src.s6_addr[0] = 0xff;
	s.key.src.s6_addr[0] = 0x20;
	refused(s, "IPv6 address in IPv4");
	s = tcp4();
	memset(&s.mask.src, 0xff, 16);
	s.key.src.s6_addr[10] = 0xff;
	s.key.src.s6_addr[11] = 0xff;
	s.key.src.s6_addr[15] = 1;
	allowed(s, "IPv4 address, full mask");
	memset(&s.mask.src, 0, 12);
	memset(&s.key.src, 0, 12);
	allowed(s, "IPv4 address, its own bits");

	s = tcp4();
	s.mask.dport = 0xffff;
	s.mask.tcp_flags = 2;
	s.mask.frag = SLUICE_FRAG_MASK;
	s.mask.l4_ok = 1;
	allowed(s, "port, flags, frag of TCP");
	s.key.frag = SLUICE_FRAG_LATER;
	refused(s, "a later fragment that is none");
	s.mask.frag = SLUICE_FRAG_LATER;
	allowed(s, "all but later fragments, inverted");
	s.key.frag = 0;
	s.key.ip_proto = 17;
	refused(s, "flags of UDP");
	s.mask.tcp_flags = 0;
	s.key.ip_proto = 47;
	refused(s, "port of GRE");
	s.key.ip_proto = 1;
	allowed(s, "ICMP code");
	s.key.dport = 256;
	refused(s, "ICMP code 256");
	s = tcp4();
	s.mask.nd_mac[0] = 1;
	refused(s, "ND of TCP");
	s.key.eth_type = ETH_P_IPV6;
	s.key.ip_proto = 58;
	refused(s, "ND without type");
	s.mask.sport = 0xffff;
	s.key.sport = 136;
	s.mask.nd_target.s6_addr[0] = 1;
	allowed(s, "ND");
}

/* One action, then an output. */
static struct sluice_flow_spec with(struct sluice_flow_spec s, struct sluice_act act)
{
	s.nr_act = 2;
	s.act[0] = act;
	s.act[1] = (struct sluice_act){ .type = SLUICE_ACT_OUTPUT, .ifindex = 7 };
	return s;
}

#define ACT(...) ((struct sluice_act){ __VA_ARGS__ })

static void test_sets(void)
{
	struct sluice_flow_spec tcp = tcp4(), any = { .nr_act = 0 }, s;
	struct sluice_act v4 = { .type = SLUICE_ACT_SET_SRC,
				 .ip = { .family = AF_INET, .len = 32 } };
	struct sluice_act v6 = { .type = SLUICE_ACT_SET_DST,
				 .ip = { .family = AF_INET6, .len = 128 } };

	v4.ip.addr.s6_addr[10] = 0xff;
	v4.ip.addr.s6_addr[11] = 0xff;
	allowed(with(tcp, v4), "set-src");
	refused(with(any, v4), "set-src of anything");
	refused(with(tcp, v6), "set-dst of the other family");
	v4.ip.family = 0;
	refused(with(tcp, v4), "set-src without a family");
	allowed(with(tcp, ACT(.type = SLUICE_ACT_SET_DPORT, .port = 1)), "set-dport");
	refused(with(any, ACT(.type = SLUICE_ACT_SET_DPORT, .port = 1)), "set-dport of anything");
	s = tcp;
	s.key.ip_proto = 1;
	refused(with(s, ACT(.type = SLUICE_ACT_SET_SPORT, .port = 1)), "set-sport of ICMP");
	allowed(with(tcp, ACT(.type = SLUICE_ACT_SET_TTL, .value = 1)), "set-ttl");
	refused(with(tcp, ACT(.type = SLUICE_ACT_SET_TTL)), "set-ttl 0");
	refused(with(any, ACT(.type = SLUICE_ACT_SET_TTL, .value = 1)), "set-ttl of anything");
	allowed(with(tcp, ACT(.type = SLUICE_ACT_SET_DSCP, .value = 63)), "set-dscp");
	refused(with(tcp, ACT(.type = SLUICE_ACT_SET_DSCP, .value = 64)), "set-dscp 64");
	allowed(with(any, ACT(.type = SLUICE_ACT_SET_ETH_SRC, .mac = { 2 })), "set-eth-src");
	refused(with(any, ACT(.type = SLUICE_ACT_SET_ETH_SRC, .mac = { 1 })),
		"set-eth-src to a group");
	allowed(with(any, ACT(.type = SLUICE_ACT_SET_ETH_DST, .mac = { 1 })),
		"set-eth-dst to a group");
	refused(with(any, ACT(.type = SLUICE_ACT_SET_ETH_DST)), "set-eth-dst to nobody");
	allowed(with(any, ACT(.type = SLUICE_ACT_METER, .meter = 1)), "meter");
	refused(with(any, ACT(.type = SLUICE_ACT_TYPES)), "unknown action");
}

static void test_tags(void)
{
	struct sluice_flow_spec any = { .nr_act = 0 }, one = any, two, s;

	one.mask.vlan[0] = SLUICE_VLAN_PRESENT;
	one.key.vlan[0] = SLUICE_VLAN_PRESENT;
	two = one;
	two.mask.vlan[1] = SLUICE_VLAN_PRESENT;
	two.key.vlan[1] = SLUICE_VLAN_PRESENT;
	allowed(with(any, ACT(.type = SLUICE_ACT_PUSH_VLAN, .vlan = 0xe005)), "push-vlan");
	allowed(with(one, ACT(.type = SLUICE_ACT_PUSH_VLAN, .vlan = 5)), "push-vlan over one");
	refused(with(two, ACT(.type = SLUICE_ACT_PUSH_VLAN, .vlan = 5)), "push-vlan over two");
	refused(with(any, ACT(.type = SLUICE_ACT_PUSH_VLAN, .vlan = 4095)), "VLAN 4095");
	refused(with(any, ACT(.type = SLUICE_ACT_PUSH_VLAN, .vlan = 0x1005)), "DEI");
	refused(with(any, ACT(.type = SLUICE_ACT_POP_VLAN)), "pop-vlan of anything");
	allowed(with(one, ACT(.type = SLUICE_ACT_POP_VLAN)), "pop-vlan");
	refused(with(any, ACT(.type = SLUICE_ACT_SET_VLAN, .vlan = 5)), "set-vlan of anything");
	allowed(with(one, ACT(.type = SLUICE_ACT_SET_VLAN, .vlan = 5)), "set-vlan");
	s = with(any, ACT(.type = SLUICE_ACT_PUSH_VLAN, .vlan = 5));
	s.act[2] = s.act[1];
	s.act[1] = ACT(.type = SLUICE_ACT_POP_VLAN);
	s.nr_act = 3;
	allowed(s, "push-vlan, pop-vlan");
	s.act[2] = s.act[1];
	s.act[3] = ACT(.type = SLUICE_ACT_SLOW);
	s.nr_act = 4;
	refused(s, "push-vlan, pop-vlan, pop-vlan");
}

static void test_acts(void)
{
	struct sluice_flow_spec s = { .nr_act = 0 };

	refused(s, "no action");
	s.nr_act = 17;
	refused(s, "17 actions");
	s.nr_act = 0xffffffff;
	refused(s, "2^32-1 actions");
	s.nr_act = 1;
	s.act[0].type = SLUICE_ACT_METER;
	refused(s, "a meter and nothing");
	s.act[0].type = SLUICE_ACT_SLOW;
	allowed(s, "slow");
	s.nr_act = 2;
	s.act[0].type = SLUICE_ACT_DROP;
	s.act[1].type = SLUICE_ACT_SLOW;
	refused(s, "drop and slow");
	s.act[0].type = SLUICE_ACT_OUTPUT;
	s.act[0].ifindex = 3;
	allowed(s, "output and slow");
	s.mask.in_port = ~0U;
	s.key.in_port = 3;
	refused(s, "output to where it came from");
}

int main(void)
{
	test_model();
	test_epochs();
	test_ids();
	test_compact();
	test_memory();
	test_growing();
	test_bytes();
	test_masks();
	test_match();
	test_sets();
	test_tags();
	test_acts();
	return tap_done();
}
