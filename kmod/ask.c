// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is asked of the VF below an uplink. Most VFs filter by VLAN, and one that is not trusted by
 * address too, whatever it was told of being promiscuous: so what is known to be wanted is asked.
 *
 * DOC: Who wants what
 *
 * The operator: by his own word for the uplink, and by the guards of the ports behind it, that is,
 * those with a wire or flows to it; by a port's own address, if no guard lists any. Their guests:
 * by the receive filters of their drivers. A guest whose guard lists MACs is not listened to about
 * unicast addresses, and one whose guard is strict not about VLANs: what it may have of those the
 * guard has asked for. Others have what they like, within bounds; it is asked last. (VLAN
 * interfaces and the like above the uplink's netdev are answered at once, as by any netdev: rep.c.)
 *
 * DOC: When
 *
 * A VF's driver asks the PF, by a mailbox that may take milliseconds, under RTNL. So it is neither
 * done on a worker nor while workers are paused: a change says that there was one, and when all of
 * the command or transaction is through, what is wanted is collected anew and the difference asked
 * of the VF. That ends after some milliseconds, or with the one call to the driver that took longer
 * (which nobody can end); work goes on with the rest, and begins what guests change. It leaves RTNL
 * to others for nine times as long as it had it, but for no longer than two seconds.
 *
 * Likewise when an uplink goes, or a VLAN interface above it, which the kernel removes with it:
 * what the VF was asked for has a life of its own from then on, until all is taken back. Only a VF
 * that goes itself is told of all its VLANs at once, by whoever removes it: there is no later. (Its
 * addresses the kernel forgets with it.)
 *
 * What a VF refuses is shown, and asked again when something was taken back, when the operator
 * changes something and when the VF comes up. A frame that does not come for that is all that
 * happens: what is not asked opens nothing.
 */
#include <linux/etherdevice.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched/clock.h>
#include <linux/workqueue.h>
#include "ask.h"
#include "port.h"

/* One hold of RTNL. */
#define ASK_CALLS	256
#define ASK_NS		(10 * NSEC_PER_MSEC)
/* Then others have it, for so long at least, and at most. */
#define ASK_PAUSE	(HZ / 10)
#define ASK_PAUSE_MAX	(2 * HZ)

enum { ASK_CHANGED, ASK_RETRY };

struct ask_budget {
	unsigned int calls;
	u64 until;
};

static unsigned long ask_flags;
/* The uplink that comes first, lest those ahead of it have all the time. RTNL */
static unsigned long ask_next;
/* Those whose uplink went; and whether they come first, likewise. RTNL */
static LIST_HEAD(ask_ending);
static bool ask_ending_first;
/* Too big for the stack. RTNL */
static struct sluice_guard ask_guard;

static void ask_work_fn(struct work_struct *work)
{
	/* It was done meanwhile. */
	if (!test_bit(ASK_CHANGED, &ask_flags))
		return;
	rtnl_lock();
	sluice_ask_sync();
	rtnl_unlock();
}

static DECLARE_DELAYED_WORK(ask_work, ask_work_fn);

void sluice_ask_changed(void)
{
	set_bit(ASK_RETRY, &ask_flags);
	set_bit(ASK_CHANGED, &ask_flags);
	/* Who has RTNL has not come as far as sluice_ask_sync(). */
	queue_delayed_work(system_long_wq, &ask_work, 0);
}
SLUICE_EXPORT(sluice_ask_changed);

void sluice_ask_guest_changed(void)
{
	set_bit(ASK_CHANGED, &ask_flags);
	queue_delayed_work(system_long_wq, &ask_work, ASK_PAUSE);
}

/* --- what is wanted -------------------------------------------------------------------------- */

/* Where it is, or would be. */
static unsigned int ask_place(const struct sluice_ask *ask, const u8 *addr)
{
	unsigned int low = 0, high = ask->nr_addr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (memcmp(ask->addr[mid].addr, addr, ETH_ALEN) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* @how: SLUICE_ASK_WANTED, and SLUICE_ASK_FIRM if the operator does. */
static void ask_want_addr(struct sluice_ask *ask, const u8 *addr, u8 how)
{
	unsigned int i = ask_place(ask, addr);
	struct sluice_ask_addr *a = &ask->addr[i];
	bool there = i < ask->nr_addr && ether_addr_equal_unaligned(a->addr, addr);

	if (there && a->state & SLUICE_ASK_WANTED) {
		a->state |= how;
		return;
	}
	if (ask->nr_wanted == SLUICE_ASK_ADDRS) {
		ask->left_out++;
		return;
	}
	ask->nr_wanted++;
	if (!there) {
		memmove(a + 1, a, (ask->nr_addr++ - i) * sizeof(*a));
		memcpy(a->addr, addr, ETH_ALEN);
		a->state = 0;
	}
	a->state |= how;
}

static void ask_want_vlans(struct sluice_ask *ask, const struct sluice_vlan_range *range,
			   unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		bitmap_set(ask->firm, range[i].first, range[i].last - range[i].first + 1);
}

static void ask_collect_word(struct sluice_ask *ask)
{
	const struct sluice_ask_word *word = &ask->word;
	unsigned int i;

	for (i = 0; i < word->nr_mac; i++)
		ask_want_addr(ask, word->mac[i], SLUICE_ASK_WANTED | SLUICE_ASK_FIRM);
	ask_want_vlans(ask, word->vlan, word->nr_vlan);
}

/* In what a guard says. Is there one? */
static bool ask_get_guard(struct sluice_port *guest)
{
	const struct sluice_engine_ops *ops = rtnl_dereference(guest->engine_ops);

	return ops && ops->guard_get(guest, &ask_guard);
}

static void ask_collect_guard(struct sluice_port *guest, void *arg)
{
	const struct sluice_guard *g = &ask_guard;
	bool guarded = ask_get_guard(guest);
	struct sluice_ask *ask = arg;
	unsigned int i;

	/* That the operator gave the port, not one by chance: its guest's, as far as he knows. */
	if ((!guarded || !g->nr_mac) && guest->dev->addr_assign_type != NET_ADDR_RANDOM)
		ask_want_addr(ask, guest->dev->dev_addr, SLUICE_ASK_WANTED | SLUICE_ASK_FIRM);
	if (!guarded)
		return;
	for (i = 0; i < g->nr_mac; i++)
		ask_want_addr(ask, g->mac[i], SLUICE_ASK_WANTED | SLUICE_ASK_FIRM);
	ask_want_vlans(ask, g->vlan, g->nr_vlan);
}

/* May a guest ask for it? @unicast: for what it likes, as no guard says what it may have. */
static bool ask_guest_may(const struct sluice_port *guest, const u8 *addr, bool unicast)
{
	if (!is_multicast_ether_addr(addr))
		return unicast && !is_zero_ether_addr(addr);
	/* What bridges keep to themselves passes as the operator says, and broadcast anyway. */
	return !is_broadcast_ether_addr(addr) &&
	       (!is_link_local_ether_addr(addr) || guest->control);
}

static void ask_want_guest_vlans(struct sluice_ask *ask, const struct sluice_rx_filter *f)
{
	unsigned int vid, nr = 0;

	for_each_set_bit(vid, f->vlan, VLAN_VID_MASK) {
		if (nr++ < SLUICE_ASK_GUEST_VLANS)
			__set_bit(vid, ask->wanted);
		else
			ask->left_out++;
	}
}

static void ask_collect_filter(struct sluice_port *guest, void *arg)
{
	bool guarded = ask_get_guard(guest);
	const struct sluice_port_filter *p;
	struct sluice_ask *ask = arg;
	unsigned int i;

	rcu_read_lock();
	p = rcu_dereference(guest->filter);
	/* Nobody knows which groups it wants, as all are sent to it. */
	if (!p || p->f.flags & (SLUICE_FILTER_PROMISC | SLUICE_FILTER_ALLMULTI))
		ask->want_allmulti = true;
	for (i = 0; p && i < p->f.nr_addr; i++) {
		if (ask_guest_may(guest, p->f.addr[i], !guarded || !ask_guard.nr_mac))
			ask_want_addr(ask, p->f.addr[i], SLUICE_ASK_WANTED);
	}
	if (p && p->f.flags & SLUICE_FILTER_VLAN && !(guarded && ask_guard.strict))
		ask_want_guest_vlans(ask, &p->f);
	rcu_read_unlock();
}

/* Keep those that have one of @states, and of their states those in @mask. */
static void ask_keep(struct sluice_ask *ask, u8 states, u8 mask)
{
	unsigned int i, nr = 0;

	for (i = 0; i < ask->nr_addr; i++) {
		if (!(ask->addr[i].state & states))
			continue;
		ask->addr[nr] = ask->addr[i];
		ask->addr[nr++].state &= mask;
	}
	ask->nr_addr = nr;
}

static void ask_collect(struct sluice_port *uplink, const struct sluice_engine_ops *ops)
{
	struct sluice_ask *ask = uplink->ask;

	ask_keep(ask, SLUICE_ASK_ASKED, SLUICE_ASK_ASKED);
	ask->nr_wanted = 0;
	ask->left_out = 0;
	ask->want_allmulti = false;
	bitmap_zero(ask->firm, VLAN_N_VID);
	ask_collect_word(ask);
	ops->port_behind(uplink, ask_collect_guard, ask);
	bitmap_copy(ask->wanted, ask->firm, VLAN_N_VID);
	ops->port_behind(uplink, ask_collect_filter, ask);
}

/* --- asking ---------------------------------------------------------------------------------- */

/* May the VF be asked for one thing more? */
static bool ask_spend(struct ask_budget *b)
{
	if (!b->calls || local_clock() > b->until)
		return false;
	b->calls--;
	return true;
}

static int ask_addr_add(struct net_device *lower, const u8 *addr)
{
	return is_multicast_ether_addr(addr) ? dev_mc_add(lower, addr) : dev_uc_add(lower, addr);
}

static void ask_addr_del(struct net_device *lower, const u8 *addr)
{
	if (is_multicast_ether_addr(addr))
		dev_mc_del(lower, addr);
	else
		dev_uc_del(lower, addr);
}

/* Those that follow return false when they ran out of @b. */

static bool ask_take_back(struct sluice_ask *ask, struct net_device *lower, struct ask_budget *b)
{
	unsigned int i, vid;

	for (i = 0; i < ask->nr_addr; i++) {
		struct sluice_ask_addr *a = &ask->addr[i];

		if (!(a->state & SLUICE_ASK_ASKED) || a->state & SLUICE_ASK_WANTED)
			continue;
		if (!ask_spend(b))
			return false;
		ask_addr_del(lower, a->addr);
		a->state &= ~SLUICE_ASK_ASKED;
	}
	for_each_andnot_bit(vid, ask->asked, ask->wanted, VLAN_N_VID) {
		if (!ask_spend(b))
			return false;
		vlan_vid_del(lower, htons(ETH_P_8021Q), vid);
		__clear_bit(vid, ask->asked);
		/* There is room now. */
		bitmap_zero(ask->refused, VLAN_N_VID);
	}
	return true;
}

static bool ask_addrs(struct sluice_ask *ask, struct net_device *lower, u8 how,
		      struct ask_budget *b)
{
	unsigned int i;

	for (i = 0; i < ask->nr_addr; i++) {
		struct sluice_ask_addr *a = &ask->addr[i];

		/* Its own it has; another one, once it gets that, comes as a change. */
		if (!(a->state & how) || a->state & (SLUICE_ASK_ASKED | SLUICE_ASK_REFUSED) ||
		    ether_addr_equal_unaligned(a->addr, lower->dev_addr))
			continue;
		if (!ask_spend(b))
			return false;
		a->state |= ask_addr_add(lower, a->addr) ? SLUICE_ASK_REFUSED : SLUICE_ASK_ASKED;
	}
	return true;
}

static void ask_vlan(struct sluice_ask *ask, struct net_device *lower, unsigned int vid)
{
	int err = vlan_vid_add(lower, htons(ETH_P_8021Q), vid);

	__assign_bit(vid, ask->asked, !err);
	__assign_bit(vid, ask->refused, err);
	if (err && test_bit(vid, ask->firm))
		net_warn_ratelimited("sluice: %s does not take VLAN %u: error %d\n", lower->name,
				     vid, err);
}

static bool ask_vlans(struct sluice_ask *ask, struct net_device *lower, const unsigned long *of,
		      struct ask_budget *b)
{
	unsigned int vid;

	for_each_andnot_bit(vid, of, ask->asked, VLAN_N_VID) {
		if (test_bit(vid, ask->refused))
			continue;
		if (!ask_spend(b))
			return false;
		ask_vlan(ask, lower, vid);
	}
	return true;
}

static bool ask_set_promisc(struct sluice_ask *ask, struct net_device *lower, bool on,
			    struct ask_budget *b)
{
	if (ask->promisc == on)
		return true;
	if (!ask_spend(b))
		return false;
	if (!dev_set_promiscuity(lower, on ? 1 : -1))
		ask->promisc = on;
	return true;
}

static bool ask_set_allmulti(struct sluice_ask *ask, struct net_device *lower, bool on,
			     struct ask_budget *b)
{
	if (ask->allmulti == on)
		return true;
	if (!ask_spend(b))
		return false;
	if (!dev_set_allmulti(lower, on ? 1 : -1))
		ask->allmulti = on;
	return true;
}

/* --- what is above the uplink's netdev -------------------------------------------------------- */

static const u16 ask_protos[] = { ETH_P_8021Q, ETH_P_8021AD };

static unsigned int ask_kind(__be16 proto)
{
	return proto == htons(ETH_P_8021AD);
}

/* False: it ran out of @b. */
static bool ask_take_back_above(struct sluice_ask *ask, struct net_device *lower,
				struct ask_budget *b)
{
	unsigned int i, vid;

	for (i = 0; i < ARRAY_SIZE(ask_protos); i++) {
		for_each_andnot_bit(vid, ask->above[i], ask->above_wanted[i], VLAN_N_VID) {
			if (!ask_spend(b))
				return false;
			vlan_vid_del(lower, htons(ask_protos[i]), vid);
			__clear_bit(vid, ask->above[i]);
			/* There is room now. */
			bitmap_zero(ask->refused, VLAN_N_VID);
		}
	}
	return true;
}

static void ask_one_above(struct sluice_ask *ask, struct net_device *lower, unsigned int kind,
			  unsigned int vid)
{
	int err = vlan_vid_add(lower, htons(ask_protos[kind]), vid);

	__assign_bit(vid, ask->above[kind], !err);
	__assign_bit(vid, ask->above_refused[kind], err);
	if (err)
		net_warn_ratelimited("sluice: %s does not take VLAN %u: error %d\n", lower->name,
				     vid, err);
}

/* Those that were wanted before the VF came. */
static bool ask_above_wanted(struct sluice_ask *ask, struct net_device *lower,
			     struct ask_budget *b)
{
	unsigned int i, vid;

	for (i = 0; i < ARRAY_SIZE(ask_protos); i++) {
		for_each_andnot_bit(vid, ask->above_wanted[i], ask->above[i], VLAN_N_VID) {
			if (test_bit(vid, ask->above_refused[i]))
				continue;
			if (!ask_spend(b))
				return false;
			ask_one_above(ask, lower, i, vid);
		}
	}
	return true;
}

void sluice_ask_above_want(struct sluice_ask *ask, __be16 proto, u16 vid)
{
	ASSERT_RTNL();
	__set_bit(vid, ask->above_wanted[ask_kind(proto)]);
	sluice_ask_changed();
}

void sluice_ask_above_del(struct sluice_ask *ask, __be16 proto, u16 vid)
{
	ASSERT_RTNL();
	__clear_bit(vid, ask->above_refused[ask_kind(proto)]);
	__clear_bit(vid, ask->above_wanted[ask_kind(proto)]);
	sluice_ask_changed();
}

/* --- all of it ------------------------------------------------------------------------------- */

/* What gives more comes first, what takes away last: meanwhile nothing is lost. */
static bool ask_vf(struct sluice_ask *ask, struct net_device *lower, struct ask_budget *b)
{
	bool some = ask->word.no_promisc, allmulti = some && ask->want_allmulti;

	/* Guests have MAC addresses of their own, and a guest behind a bridge has several. */
	if (!some && !ask_set_promisc(ask, lower, true, b))
		return false;
	if (allmulti && !ask_set_allmulti(ask, lower, true, b))
		return false;
	if (!ask_take_back(ask, lower, b) || !ask_take_back_above(ask, lower, b) ||
	    !ask_above_wanted(ask, lower, b) || !ask_addrs(ask, lower, SLUICE_ASK_FIRM, b) ||
	    !ask_vlans(ask, lower, ask->firm, b) ||
	    !ask_addrs(ask, lower, SLUICE_ASK_WANTED, b) ||
	    !ask_vlans(ask, lower, ask->wanted, b))
		return false;
	if (!allmulti && !ask_set_allmulti(ask, lower, false, b))
		return false;
	return !some || ask_set_promisc(ask, lower, false, b);
}

/* False: there is more to do. */
static bool ask_uplink(struct sluice_port *uplink, bool again, struct ask_budget *b)
{
	const struct sluice_engine_ops *ops = rtnl_dereference(uplink->engine_ops);
	struct net_device *lower = rtnl_dereference(uplink->lower);
	struct sluice_ask *ask = uplink->ask;

	/* While it is held nobody knows who is behind it: all stays. */
	if (!lower || !ops)
		return true;
	ask_collect(uplink, ops);
	bitmap_and(ask->refused, ask->refused, ask->wanted, VLAN_N_VID);
	if (again) {
		bitmap_zero(ask->refused, VLAN_N_VID);
		bitmap_zero(ask->above_refused[0], VLAN_N_VID);
		bitmap_zero(ask->above_refused[1], VLAN_N_VID);
	}
	if (!ask_vf(ask, lower, b))
		return false;
	ask_keep(ask, SLUICE_ASK_WANTED, ~0);
	return true;
}

/* Uplinks from @first to @last, as far as the time goes: false if that was not all. */
static bool ask_some(unsigned long first, unsigned long last, bool again, struct ask_budget *b)
{
	struct sluice_port *port;
	unsigned long index;
	bool done = true;

	xa_for_each_range(&sluice_ports, index, port, first, last) {
		unsigned int calls = b->calls;

		if (!port->ask || ask_uplink(port, again, b))
			continue;
		/* If it had its turn, those behind it have theirs first, however slow it is. */
		if (done)
			ask_next = index + (b->calls < calls);
		done = false;
	}
	return done;
}

static bool ask_round(bool again, struct ask_budget *b)
{
	unsigned long first = ask_next;
	bool done = ask_some(first, ULONG_MAX, again, b);
	unsigned long next = ask_next;

	/* Those ahead of it: if some are left behind it, then it goes on there. */
	if (first && !ask_some(0, first - 1, again, b)) {
		if (!done)
			ask_next = next;
		done = false;
	}
	return done;
}

/* --- taking back ----------------------------------------------------------------------------- */

/* Others may have been refused for want of the room that it had. */
static void ask_free(struct sluice_ask *ask)
{
	list_del(&ask->node);
	netdev_put(ask->lower, &ask->tracker);
	kvfree(ask);
	sluice_ask_changed();
}

static bool ask_end(struct sluice_ask *ask, struct ask_budget *b)
{
	if (!ask_set_promisc(ask, ask->lower, false, b) ||
	    !ask_set_allmulti(ask, ask->lower, false, b) ||
	    !ask_take_back(ask, ask->lower, b) || !ask_take_back_above(ask, ask->lower, b))
		return false;
	ask_free(ask);
	return true;
}

/* False: there is more to do. */
static bool ask_end_some(struct ask_budget *b)
{
	struct sluice_ask *ask;

	while ((ask = list_first_entry_or_null(&ask_ending, struct sluice_ask, node))) {
		if (!ask_end(ask, b)) {
			/* Another's turn, then. */
			list_rotate_left(&ask_ending);
			return false;
		}
	}
	return true;
}

/* Who is refused is told so: what is still to be taken back is no reason. */
static int ask_above(struct sluice_ask *ask, struct net_device *lower, __be16 proto, u16 vid)
{
	struct ask_budget b = { .calls = ASK_CALLS, .until = local_clock() + ASK_NS };
	int err = vlan_vid_add(lower, proto, vid);

	if (!err)
		return 0;
	ask_take_back_above(ask, lower, &b);
	ask_end_some(&b);
	return b.calls < ASK_CALLS ? vlan_vid_add(lower, proto, vid) : err;
}

int sluice_ask_above_add(struct sluice_ask *ask, struct net_device *lower, __be16 proto, u16 vid)
{
	unsigned int kind = ask_kind(proto);
	int err;

	ASSERT_RTNL();
	err = test_bit(vid, ask->above[kind]) ? 0 : ask_above(ask, lower, proto, vid);
	if (err)
		return err;
	__set_bit(vid, ask->above[kind]);
	__set_bit(vid, ask->above_wanted[kind]);
	return 0;
}

void sluice_ask_end(struct sluice_port *uplink, struct net_device *lower)
{
	struct sluice_ask *ask = uplink->ask;

	ASSERT_RTNL();
	uplink->ask = NULL;
	ask_keep(ask, SLUICE_ASK_ASKED, SLUICE_ASK_ASKED);
	bitmap_zero(ask->wanted, VLAN_N_VID);
	bitmap_zero(ask->above_wanted[0], VLAN_N_VID);
	bitmap_zero(ask->above_wanted[1], VLAN_N_VID);
	ask->lower = lower;
	netdev_hold(lower, &ask->tracker, GFP_KERNEL);
	list_add_tail(&ask->node, &ask_ending);
	sluice_ask_changed();
}

/* One that goes elsewhere keeps its VLANs: so they are taken back in time. */
void sluice_ask_lower_gone(struct net_device *lower)
{
	struct ask_budget all = { .calls = UINT_MAX, .until = U64_MAX };
	bool goes = lower->reg_state == NETREG_UNREGISTERING;
	struct sluice_ask *ask, *next;

	ASSERT_RTNL();
	list_for_each_entry_safe(ask, next, &ask_ending, node) {
		if (ask->lower != lower)
			continue;
		/* The kernel does that. */
		ask->nr_addr = 0;
		if (!goes)
			continue;
		ask->promisc = false;
		ask->allmulti = false;
		ask_end(ask, &all);
	}
}

/* --- now, and later -------------------------------------------------------------------------- */

/* Who comes first may be slow, and have all the time. */
static bool ask_all(struct ask_budget *b)
{
	bool first = ask_ending_first, done = true;

	ask_ending_first = !first;
	if (first)
		done = ask_end_some(b);
	done &= ask_round(test_and_clear_bit(ASK_RETRY, &ask_flags), b);
	if (!first)
		done &= ask_end_some(b);
	return done;
}

void sluice_ask_sync(void)
{
	struct ask_budget b = { .calls = ASK_CALLS };
	u64 then = local_clock();
	unsigned long pause;

	ASSERT_RTNL();
	if (!test_and_clear_bit(ASK_CHANGED, &ask_flags))
		return;
	b.until = then + ASK_NS;
	if (ask_all(&b))
		return;
	pause = nsecs_to_jiffies(9 * (local_clock() - then));
	set_bit(ASK_CHANGED, &ask_flags);
	pause = clamp_t(unsigned long, pause, ASK_PAUSE, ASK_PAUSE_MAX);
	mod_delayed_work(system_long_wq, &ask_work, pause);
}

void sluice_ask_exit(void)
{
	struct ask_budget b;
	bool done;

	do {
		b = (struct ask_budget){ .calls = ASK_CALLS, .until = local_clock() + ASK_NS };
		rtnl_lock();
		done = ask_end_some(&b);
		rtnl_unlock();
		/* Others want it, too. */
		if (!done)
			schedule_timeout_uninterruptible(ASK_PAUSE);
	} while (!done);
	cancel_delayed_work_sync(&ask_work);
}
