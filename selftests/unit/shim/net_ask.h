/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel is to kmod/ask.c, which the test includes. */
#ifndef _SHIM_NET_ASK_H
#define _SHIM_NET_ASK_H

#ifndef htons
#define htons(x) ((__be16)__builtin_bswap16(x))
#endif

#define NETREG_UNREGISTERING	2
#ifndef ETH_P_8021AD
#define ETH_P_8021AD		0x88a8
#endif
#define system_long_wq		NULL
#define SHIM_LONG(nr)		((nr) / BITS_PER_LONG)
#define SHIM_BIT(nr)		(1UL << (nr) % BITS_PER_LONG)

#define DECLARE_DELAYED_WORK(name, fn)	struct delayed_work name = { { fn } }

static unsigned long queued, now, step;
bool shim_rtnl;

/* How long until the work begins. */
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay)
{
	queued = delay + 1;
	return true;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay)
{
	queued = delay + 1;
	return true;
}

static unsigned long nsecs_to_jiffies(u64 ns)
{
	return ns / (NSEC_PER_SEC / HZ);
}

static void list_rotate_left(struct list_head *l)
{
	struct list_head *first = l->next;

	if (list_empty(l))
		return;
	list_del(first);
	list_add_tail(first, l);
}

#define list_first_entry_or_null(l, t, m) \
	(list_empty(l) ? NULL : container_of((l)->next, t, m))

static void schedule_timeout_uninterruptible(unsigned long delay)
{
}

bool cancel_delayed_work_sync(struct delayed_work *work)
{
	queued = 0;
	return true;
}

static u64 local_clock(void)
{
	return now;
}

static bool test_bit(unsigned int nr, const unsigned long *map)
{
	return map[SHIM_LONG(nr)] & SHIM_BIT(nr);
}

static void set_bit(unsigned int nr, unsigned long *map)
{
	map[SHIM_LONG(nr)] |= SHIM_BIT(nr);
}

#define __set_bit set_bit

static void __clear_bit(unsigned int nr, unsigned long *map)
{
	map[SHIM_LONG(nr)] &= ~SHIM_BIT(nr);
}

static void __assign_bit(unsigned int nr, unsigned long *map, bool on)
{
	if (on)
		set_bit(nr, map);
	else
		__clear_bit(nr, map);
}

static bool test_and_clear_bit(unsigned int nr, unsigned long *map)
{
	bool was = test_bit(nr, map);

	__clear_bit(nr, map);
	return was;
}

static void bitmap_set(unsigned long *map, unsigned int first, unsigned int nr)
{
	while (nr--)
		set_bit(first++, map);
}

static void bitmap_zero(unsigned long *map, unsigned int nr)
{
	memset(map, 0, nr / 8);
}

static void bitmap_copy(unsigned long *to, const unsigned long *from, unsigned int nr)
{
	memcpy(to, from, nr / 8);
}

static void bitmap_and(unsigned long *to, const unsigned long *a, const unsigned long *b,
		       unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(nr); i++)
		to[i] = a[i] & b[i];
}

#define for_each_set_bit(b, map, n)	for ((b) = 0; (b) < (n); (b)++) if (test_bit(b, map))
#define for_each_andnot_bit(b, x, y, n)	\
	for ((b) = 0; (b) < (n); (b)++) if (test_bit(b, x) && !test_bit(b, y))
#define xa_for_each_range(xa, i, e, first, last) \
	for (e = shim_xa_next(xa, &(i), first); e && (i) <= (last); \
	     e = shim_xa_next(xa, &(i), (i) + 1))

#define ether_addr_equal_unaligned ether_addr_equal

static bool is_multicast_ether_addr(const u8 *a)
{
	return a[0] & 1;
}

static bool is_link_local_ether_addr(const u8 *a)
{
	return !memcmp(a, "\x01\x80\xc2\0\0", 5) && !(a[5] & 0xf0);
}

#endif /* _SHIM_NET_ASK_H */
