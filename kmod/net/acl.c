// SPDX-License-Identifier: GPL-2.0-only
/*
 * Access lists. Looked at once for each new flow, so linear, but in a way that touches one line of
 * memory per rule at most: a digest of the key, one 64-bit word, is compared under each rule's mask
 * first.
 *
 * Later fragments have no L4 header: a rule that asks for ports, ICMP types or TCP flags does not
 * match them, one that asks for later fragments does. A denied first fragment leaves them useless.
 */
#include <linux/err.h>
#include <linux/in.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "acl.h"
#include "prefix.h"

/*
 * The digest: eth_type, outer VLAN with its presence bit, protocol, TCP flags, options, which
 * fragment it is, and what the packet is.
 */
#define DIGEST_ETH_TYPE(x)	((u64)(x) << 48)
#define DIGEST_VLAN(x)		((u64)(x) << 32)
#define DIGEST_PROTO(x)		((u64)(x) << 24)
#define DIGEST_TCP_FLAGS(x)	((u64)(x) << 16)
#define DIGEST_OPTION(x)	((u64)(x) << 8)
#define DIGEST_FRAG(x)		((u64)(x) << 4)
#define DIGEST_IP		BIT_ULL(0)
#define DIGEST_PORTS		BIT_ULL(1)
#define DIGEST_ICMP		BIT_ULL(2)
#define DIGEST_TCP		BIT_ULL(3)

#define ACL_VLAN_MASK		0x1fff
#define ACL_SLOW_FIELDS \
	(SLUICE_ACL_SRC | SLUICE_ACL_DST | SLUICE_ACL_SPORT | SLUICE_ACL_DPORT | \
	 SLUICE_ACL_ICMP_TYPE | SLUICE_ACL_ICMP_CODE | SLUICE_ACL_ETH_DST)
/* Those that packets of all EtherTypes have. */
#define ACL_L2_FIELDS \
	(SLUICE_ACL_ETH_TYPE | SLUICE_ACL_VLAN | SLUICE_ACL_UNTAGGED | SLUICE_ACL_ETH_DST)
#define ACL_FIELDS \
	(ACL_SLOW_FIELDS | ACL_L2_FIELDS | SLUICE_ACL_PROTO | SLUICE_ACL_TCP_FLAGS | \
	 SLUICE_ACL_FRAG | SLUICE_ACL_OPTION)
#define ACL_OPTIONS \
	(SLUICE_OPTION_ANY | SLUICE_OPTION_ROUTE | SLUICE_OPTION_RH0 | SLUICE_OPTION_HOME)

static inline bool proto_has_ports(u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP;
}

static inline bool proto_is_icmp(u8 proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static u64 digest_of(const struct sluice_flow_key *key)
{
	u64 d = DIGEST_ETH_TYPE(key->eth_type) | DIGEST_VLAN(key->vlan[0] & ACL_VLAN_MASK) |
		DIGEST_TCP_FLAGS(key->tcp_flags);

	if (key->eth_type != ETH_P_IP && key->eth_type != ETH_P_IPV6)
		return d;
	d |= DIGEST_IP | DIGEST_PROTO(key->ip_proto) | DIGEST_FRAG(key->frag) |
	     DIGEST_OPTION(key->option);
	if (key->l4_ok) {
		if (proto_has_ports(key->ip_proto))
			d |= DIGEST_PORTS;
		else
			d |= DIGEST_ICMP;
		if (key->ip_proto == IPPROTO_TCP)
			d |= DIGEST_TCP;
	}
	return d;
}

static inline void digest_want(struct sluice_acl_entry *e, u64 mask, u64 value)
{
	e->mask |= mask;
	e->value |= value;
}

static void digest_compile(struct sluice_acl_entry *e, const struct sluice_acl_rule *r)
{
	e->mask = 0;
	e->value = 0;
	if (r->fields & SLUICE_ACL_ETH_TYPE)
		digest_want(e, DIGEST_ETH_TYPE(0xffff), DIGEST_ETH_TYPE(r->eth_type));
	if (r->fields & SLUICE_ACL_SRC)
		digest_want(e, DIGEST_ETH_TYPE(0xffff),
			    DIGEST_ETH_TYPE(sluice_prefix_eth_type(&r->src)));
	if (r->fields & SLUICE_ACL_DST)
		digest_want(e, DIGEST_ETH_TYPE(0xffff),
			    DIGEST_ETH_TYPE(sluice_prefix_eth_type(&r->dst)));
	if (r->fields & SLUICE_ACL_VLAN)
		digest_want(e, DIGEST_VLAN(ACL_VLAN_MASK),
			    DIGEST_VLAN(r->vlan | SLUICE_VLAN_PRESENT));
	if (r->fields & SLUICE_ACL_UNTAGGED)
		digest_want(e, DIGEST_VLAN(SLUICE_VLAN_PRESENT), 0);
	if (r->fields & SLUICE_ACL_FRAG)
		digest_want(e, DIGEST_IP | DIGEST_FRAG(r->frag_mask),
			    DIGEST_IP | DIGEST_FRAG(r->frag));
	if (r->fields & SLUICE_ACL_OPTION)
		digest_want(e, DIGEST_OPTION(r->option), DIGEST_OPTION(r->option));
	if (r->fields & SLUICE_ACL_PROTO)
		digest_want(e, DIGEST_IP | DIGEST_PROTO(0xff), DIGEST_IP | DIGEST_PROTO(r->proto));
	if (r->fields & (SLUICE_ACL_SPORT | SLUICE_ACL_DPORT))
		digest_want(e, DIGEST_PORTS, DIGEST_PORTS);
	if (r->fields & (SLUICE_ACL_ICMP_TYPE | SLUICE_ACL_ICMP_CODE))
		digest_want(e, DIGEST_ICMP, DIGEST_ICMP);
	if (r->fields & SLUICE_ACL_TCP_FLAGS)
		digest_want(e, DIGEST_TCP | DIGEST_TCP_FLAGS(r->tcp_mask),
			    DIGEST_TCP | DIGEST_TCP_FLAGS(r->tcp_flags));
}

static bool mac_match(const u8 *addr, const u8 *value, const u8 *mask)
{
	unsigned int i;

	for (i = 0; i < ETH_ALEN; i++)
		if ((addr[i] & mask[i]) != value[i])
			return false;
	return true;
}

/* What the digest cannot say. */
static bool slow_match(const struct sluice_acl_rule *r, const struct sluice_flow_key *key)
{
	if ((r->fields & SLUICE_ACL_SRC) && !sluice_prefix_match(&r->src, &key->src))
		return false;
	if ((r->fields & SLUICE_ACL_DST) && !sluice_prefix_match(&r->dst, &key->dst))
		return false;
	if ((r->fields & SLUICE_ACL_SPORT) &&
	    (key->sport < r->sport[0] || key->sport > r->sport[1]))
		return false;
	if ((r->fields & SLUICE_ACL_DPORT) &&
	    (key->dport < r->dport[0] || key->dport > r->dport[1]))
		return false;
	if ((r->fields & SLUICE_ACL_ICMP_TYPE) && key->sport != r->icmp_type)
		return false;
	if ((r->fields & SLUICE_ACL_ICMP_CODE) && key->dport != r->icmp_code)
		return false;
	if ((r->fields & SLUICE_ACL_ETH_DST) && !mac_match(key->eth_dst, r->eth_dst, r->eth_mask))
		return false;
	return true;
}

bool sluice_acl_check(const struct sluice_acl *acl, const struct sluice_flow_key *key,
		      struct sluice_counter **hits, enum sluice_drop *why)
{
	const struct sluice_acl_list *list = rcu_dereference(acl->list);
	/* Pairs with list_append(). */
	u32 i, nr = list ? smp_load_acquire(&list->nr) : 0;
	u64 digest = digest_of(key);

	for (i = 0; i < nr; i++) {
		const struct sluice_acl_entry *e = &list->entry[i];

		if ((digest & e->mask) != e->value || !slow_match(&e->item->rule, key))
			continue;
		*hits = &e->item->hits;
		if (e->item->rule.allow)
			return true;
		*why = SLUICE_DROP_ACL;
		return false;
	}
	/* Counting is no change of the list. */
	*hits = (struct sluice_counter *)&acl->default_hits;
	if (!READ_ONCE(acl->default_deny))
		return true;
	*why = SLUICE_DROP_ACL_DEFAULT;
	return false;
}

static const char *address_trouble(const struct sluice_acl_rule *r)
{
	u32 f = r->fields;

	if (((f & SLUICE_ACL_SRC) && !sluice_prefix_valid(&r->src)) ||
	    ((f & SLUICE_ACL_DST) && !sluice_prefix_valid(&r->dst)))
		return "not a prefix: at most 32 bits of an IPv4, 128 of an IPv6 address";
	if ((f & SLUICE_ACL_SRC) && (f & SLUICE_ACL_DST) && r->src.family != r->dst.family)
		return "src and dst are of different address families";
	return NULL;
}

/* The Ethernet type that all packets have which the rule can match; 0: several. */
static u16 implied_eth_type(const struct sluice_acl_rule *r)
{
	if (r->fields & SLUICE_ACL_SRC)
		return sluice_prefix_eth_type(&r->src);
	if (r->fields & SLUICE_ACL_DST)
		return sluice_prefix_eth_type(&r->dst);
	return 0;
}

static const char *type_trouble(const struct sluice_acl_rule *r)
{
	u16 implied = implied_eth_type(r), type = implied;

	if (r->fields & SLUICE_ACL_ETH_TYPE) {
		type = r->eth_type;
		if (implied && implied != type)
			return "eth-type contradicts the address family of src or dst";
		if ((r->fields & ~ACL_L2_FIELDS) && type != ETH_P_IP && type != ETH_P_IPV6)
			return "all but vlan and eth-dst needs eth-type ipv4 or ipv6, or none";
	}
	if ((r->fields & SLUICE_ACL_PROTO) &&
	    ((r->proto == IPPROTO_ICMP && type == ETH_P_IPV6) ||
	     (r->proto == IPPROTO_ICMPV6 && type == ETH_P_IP)))
		return "IPv4 goes with proto icmp, IPv6 with icmpv6";
	return NULL;
}

static const char *l4_trouble(const struct sluice_acl_rule *r)
{
	u32 f = r->fields;
	bool ports = f & (SLUICE_ACL_SPORT | SLUICE_ACL_DPORT);
	bool icmp = f & (SLUICE_ACL_ICMP_TYPE | SLUICE_ACL_ICMP_CODE);
	bool flags = f & SLUICE_ACL_TCP_FLAGS;

	if (icmp && (ports || flags))
		return "no packet has both an ICMP type and ports or TCP flags";
	if (((f & SLUICE_ACL_SPORT) && r->sport[0] > r->sport[1]) ||
	    ((f & SLUICE_ACL_DPORT) && r->dport[0] > r->dport[1]))
		return "a port range must begin with its lower end";
	if ((f & SLUICE_ACL_ICMP_CODE) && !(f & SLUICE_ACL_ICMP_TYPE))
		return "icmp-code needs icmp-type";
	if (flags && (!r->tcp_mask || (r->tcp_flags & ~r->tcp_mask)))
		return "tcp-flags must lie within their mask, and the mask must not be 0";
	if (!(f & SLUICE_ACL_PROTO))
		return NULL;
	if (ports && !proto_has_ports(r->proto))
		return "ports need proto tcp, udp or sctp, or none";
	if (icmp && !proto_is_icmp(r->proto))
		return "icmp-type needs proto icmp or icmpv6, or none";
	if (flags && r->proto != IPPROTO_TCP)
		return "tcp-flags need proto tcp, or none";
	return NULL;
}

static const char *l2_trouble(const struct sluice_acl_rule *r)
{
	static const u8 none[ETH_ALEN];

	if ((r->fields & SLUICE_ACL_VLAN) && r->vlan > 4094)
		return "a VLAN id is at most 4094";
	if ((r->fields & SLUICE_ACL_VLAN) && (r->fields & SLUICE_ACL_UNTAGGED))
		return "no packet is untagged and of a VLAN";
	if ((r->fields & SLUICE_ACL_ETH_DST) &&
	    (!memcmp(r->eth_mask, none, ETH_ALEN) ||
	     !mac_match(r->eth_dst, r->eth_dst, r->eth_mask)))
		return "eth-dst must lie within its mask, and the mask must not be 0";
	return NULL;
}

static const char *kind_trouble(const struct sluice_acl_rule *r)
{
	u32 f = r->fields;

	if ((f & SLUICE_ACL_OPTION) && (!r->option || (r->option & ~ACL_OPTIONS)))
		return "no such option";
	if (!(f & SLUICE_ACL_FRAG))
		return NULL;
	if (!r->frag_mask || (r->frag_mask & ~SLUICE_FRAG_MASK) || (r->frag & ~r->frag_mask) ||
	    (r->frag_mask == SLUICE_FRAG_MASK && r->frag == SLUICE_FRAG_LATER))
		return "no such kind of fragment";
	if ((r->frag & SLUICE_FRAG_LATER) &&
	    (f & (SLUICE_ACL_SPORT | SLUICE_ACL_DPORT | SLUICE_ACL_ICMP_TYPE |
		  SLUICE_ACL_ICMP_CODE | SLUICE_ACL_TCP_FLAGS)))
		return "later fragments have no ports, ICMP types or TCP flags";
	return NULL;
}

static const char *rule_trouble(const struct sluice_acl_rule *r)
{
	if (r->dir >= SLUICE_DIRS)
		return "no such direction: from-guest or to-guest";
	if (r->fields & ~ACL_FIELDS)
		return "unknown field";
	return l2_trouble(r) ?: address_trouble(r) ?: type_trouble(r) ?: kind_trouble(r) ?:
	       l4_trouble(r);
}

int sluice_acl_rule_check(const struct sluice_acl_rule *rule, struct netlink_ext_ack *extack)
{
	const char *trouble = rule_trouble(rule);

	if (!trouble)
		return 0;
	NL_SET_ERR_MSG_FMT(extack, "%s", trouble);
	return -EINVAL;
}

static struct sluice_acl_list *list_new(u32 nr, u32 room)
{
	struct sluice_acl_list *list;

	list = kvmalloc(struct_size(list, entry, room), GFP_KERNEL_ACCOUNT);
	if (list) {
		list->room = room;
		list->nr = nr;
	}
	return list;
}

struct sluice_acl_list *sluice_acl_list_new(u32 nr)
{
	return list_new(nr, nr);
}

void sluice_acl_entry_set(struct sluice_acl_entry *e, struct sluice_acl_item *item)
{
	digest_compile(e, &item->rule);
	e->item = item;
}

/* Where a rule of @prio is, or has its place. */
static u32 list_position(const struct sluice_acl_list *list, u32 prio)
{
	u32 low = 0, high = list ? list->nr : 0;

	while (low < high) {
		u32 mid = low + (high - low) / 2;

		if (list->entry[mid].item->rule.prio < prio)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void acl_publish(struct sluice_acl *acl, struct sluice_acl_list *old,
			struct sluice_acl_list *list)
{
	rcu_assign_pointer(acl->list, list);
	if (old)
		kvfree_rcu(old, rcu);
}

static void item_release(struct sluice_reclaim *r)
{
	kfree(container_of(r, struct sluice_acl_item, reclaim));
}

struct sluice_acl_item *sluice_acl_item_new(const struct sluice_acl_rule *rule)
{
	struct sluice_acl_item *item = kzalloc(sizeof(*item), GFP_KERNEL_ACCOUNT);

	if (!item)
		return NULL;
	item->rule = *rule;
	item->reclaim.release = item_release;
	return item;
}

struct sluice_acl_item *sluice_acl_find(const struct sluice_acl_list *list, u32 prio)
{
	u32 at = list_position(list, prio);

	if (!list || at >= list->nr || list->entry[at].item->rule.prio != prio)
		return NULL;
	return list->entry[at].item;
}

int sluice_acl_may_add(u32 nr, const struct sluice_acl_item *taken, struct netlink_ext_ack *extack)
{
	if (taken) {
		NL_SET_ERR_MSG(extack,
			       "this priority is taken: choose another or delete the rule");
		return -EEXIST;
	}
	if (nr >= SLUICE_ACL_MAX) {
		NL_SET_ERR_MSG(extack, "the access list is full");
		return -ENOSPC;
	}
	return 0;
}

int sluice_acl_not_there(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "there is no rule of this priority in this direction");
	return -ENOENT;
}

/*
 * Rules mostly come in their order: where there is room behind the last one, one more is no reason
 * to copy all.
 */
static bool list_append(struct sluice_acl_list *list, u32 at, struct sluice_acl_item *item)
{
	if (!list || at < list->nr || list->nr == list->room)
		return false;
	sluice_acl_entry_set(&list->entry[at], item);
	/* Who sees the number sees the entry; pairs with sluice_acl_check(). */
	smp_store_release(&list->nr, at + 1);
	return true;
}

/* @old with @item at its place, and room for those that may follow if that is the end. */
static struct sluice_acl_list *list_insert(const struct sluice_acl_list *old, u32 at,
					   struct sluice_acl_item *item)
{
	u32 nr = old ? old->nr : 0, more = at == nr ? nr / 8 : 0;
	struct sluice_acl_list *list = list_new(nr + 1, min(nr + 1 + more, SLUICE_ACL_MAX));

	if (!list)
		return NULL;
	if (old) {
		memcpy(list->entry, old->entry, at * sizeof(old->entry[0]));
		memcpy(list->entry + at + 1, old->entry + at, (nr - at) * sizeof(old->entry[0]));
	}
	sluice_acl_entry_set(&list->entry[at], item);
	return list;
}

int sluice_acl_add(struct sluice_acl *acl, const struct sluice_acl_rule *rule,
		   struct netlink_ext_ack *extack)
{
	struct sluice_acl_list *old = rtnl_dereference(acl->list), *list;
	u32 at = list_position(old, rule->prio), nr = old ? old->nr : 0;
	struct sluice_acl_item *item;
	int err = sluice_acl_may_add(nr, sluice_acl_find(old, rule->prio), extack);

	if (err)
		return err;
	item = sluice_acl_item_new(rule);
	if (!item)
		return -ENOMEM;
	if (list_append(old, at, item))
		return 0;
	list = list_insert(old, at, item);
	if (!list) {
		kfree(item);
		return -ENOMEM;
	}
	acl_publish(acl, old, list);
	return 0;
}

struct sluice_acl_item *sluice_acl_unlink(struct sluice_acl *acl, u32 prio)
{
	struct sluice_acl_list *old = rtnl_dereference(acl->list), *list = NULL;
	struct sluice_acl_item *item = sluice_acl_find(old, prio);
	u32 at = list_position(old, prio);

	if (!item)
		return ERR_PTR(-ENOENT);
	if (old->nr > 1) {
		list = sluice_acl_list_new(old->nr - 1);
		if (!list)
			return ERR_PTR(-ENOMEM);
		memcpy(list->entry, old->entry, at * sizeof(old->entry[0]));
		memcpy(list->entry + at, old->entry + at + 1,
		       (list->nr - at) * sizeof(old->entry[0]));
	}
	acl_publish(acl, old, list);
	return item;
}

struct sluice_acl_list *sluice_acl_unlink_all(struct sluice_acl *acl)
{
	struct sluice_acl_list *old = rtnl_dereference(acl->list);

	RCU_INIT_POINTER(acl->list, NULL);
	return old;
}

void sluice_acl_list_reclaim(struct sluice_acl_list *list)
{
	u32 i;

	if (!list)
		return;
	for (i = 0; i < list->nr; i++)
		sluice_reclaim(&list->entry[i].item->reclaim);
	kvfree_rcu(list, rcu);
}
