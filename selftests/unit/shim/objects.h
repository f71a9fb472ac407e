/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's objects that control is about: netdevs, sockets, buffers. A program that uses them brings the functions. */
#ifndef _SHIM_OBJECTS_H
#define _SHIM_OBJECTS_H

#include <linux/utsname.h>
#include "kernel.h"
#include "tables.h"

/* --- what one thread has no need of ------------------------------------------------------------------------- */

struct kref { int unused; };
struct mutex { int unused; };
struct ptr_ring { int unused; };
struct rw_semaphore { int unused; };
struct u64_stats_sync { int unused; };
typedef struct { int unused; } spinlock_t;
typedef struct { u64 v; } u64_stats_t;
static inline bool __ptr_ring_empty(const struct ptr_ring *r) { (void)r; return true; }
#define DECLARE_RWSEM(name)	struct rw_semaphore name
#define DEFINE_SPINLOCK(name)	spinlock_t name
#define down_read(s)		((void)(s))
#define up_read(s)		((void)(s))
#define down_write(s)		((void)(s))
#define up_write(s)		((void)(s))
#define mutex_lock(m)		((void)(m))
#define mutex_unlock(m)		((void)(m))
#define mutex_init(m)		((void)(m))
#define mutex_destroy(m)	((void)(m))
#define spin_lock_init(l)	((void)(l))
#define spin_lock(l)		((void)(l))
#define spin_unlock(l)		((void)(l))
#define lockdep_assert(c)	((void)0)
#define lockdep_assert_held(l)	((void)(l))
#define u64_stats_update_begin(s) ((void)(s))
#define u64_stats_update_end(s)	((void)(s))
#define u64_stats_add(s, n)	((void)((s)->v += (n)))
#define get_cpu_ptr(p)		(p)
#define put_cpu_ptr(p)		((void)(p))

/* Held or not: whoever takes it twice, or forgets it, does not get far. */
extern bool shim_rtnl;
static inline void ASSERT_RTNL(void) { if (!shim_rtnl) abort(); }
static inline void rtnl_lock(void) { if (shim_rtnl) abort(); shim_rtnl = true; }
static inline void rtnl_unlock(void) { ASSERT_RTNL(); shim_rtnl = false; }

/* What would go to the kernel's log; a program may want to know. */
void shim_log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define net_err_ratelimited	shim_log_error
/* Only the kernel's own headers have these, of an extended acknowledgment that is too long. */
#define net_warn_ratelimited(...) abort()
#define pr_warn_ratelimited(...) ((void)0)

/* --- modules ------------------------------------------------------------------------------------------------ */

struct module { const char *version; };
#define THIS_MODULE		((struct module *)&(const struct module){ "test" })
#define MODULE_ALIAS_NET_PF_PROTO_NAME(pf, proto, name) struct shim_alias
#define EXPORT_SYMBOL(sym)	struct shim_export
#define SLUICE_EXPORT(sym)	struct shim_export
#define KBUILD_MODNAME		"sluice"
static inline struct new_utsname *init_utsname(void) { static struct new_utsname name = { .release = "test" }; return &name; }

/* --- namespaces, sockets ------------------------------------------------------------------------------------ */

struct user_namespace;
struct file;
struct net { struct user_namespace *user_ns; struct sock *genl_sock; int unused; };
typedef struct { struct net *net; } possible_net_t;
typedef struct { unsigned int val; } kuid_t;
extern struct net init_net;
struct sock { struct net *net; };
static inline struct net *read_pnet(const possible_net_t *p) { return p->net; }
static inline void write_pnet(possible_net_t *p, struct net *net) { p->net = net; }
static inline bool net_eq(const struct net *a, const struct net *b) { return a == b; }
static inline struct net *sock_net(const struct sock *sk) { return sk->net; }

struct notifier_block { int (*notifier_call)(struct notifier_block *nb, unsigned long event, void *data); };
#define NETLINK_URELEASE	1
#define NOTIFY_DONE		0

/* --- netdevs ------------------------------------------------------------------------------------------------ */

struct net_device { char name[16]; int ifindex; unsigned int mtu; unsigned short type; u8 dev_addr[6]; u8 addr_assign_type; u8 reg_state; int refs; };
typedef struct {} netdevice_tracker;
#define NET_ADDR_RANDOM		1
#define NET_ADDR_SET		3
bool dev_valid_name(const char *name);
struct net_device *__dev_get_by_name(struct net *net, const char *name);
struct net_device *__dev_get_by_index(struct net *net, int ifindex);
int dev_set_mtu(struct net_device *dev, int mtu);
bool netdev_is_rx_handler_busy(struct net_device *dev);
struct netlink_ext_ack;
int dev_set_mac_address(struct net_device *dev, struct sockaddr *sa, struct netlink_ext_ack *extack);
bool cpu_online(unsigned int cpu);
#define VLAN_CFI_MASK		0x1000
#define VLAN_VID_MASK		0x0fff
#define VLAN_N_VID		4096

/* --- pages, by who allocates them -------------------------------------------------------------------------- */

#define __GFP_COMP		0x1
#define __GFP_NOWARN		0x2
#define __GFP_NORETRY		0x4
#define __GFP_DIRECT_RECLAIM	0x8
#define GFP_NOWAIT		0

struct page { int refs; bool pfmemalloc; void *memory; };
struct page *alloc_pages(gfp_t gfp, unsigned int order);
void __free_pages(struct page *page, unsigned int order);
void __page_frag_cache_drain(struct page *page, unsigned int refs);
static inline int page_ref_count(const struct page *page) { return page->refs; }
static inline void page_ref_add(struct page *page, int n) { page->refs += n; }
static inline bool page_is_pfmemalloc(const struct page *page) { return page->pfmemalloc; }
static inline void *page_address(const struct page *page) { return page->memory; }

static inline unsigned int get_order(unsigned long size)
{
	unsigned int order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

/* --- work, by who does it ------------------------------------------------------------------------------------ */

struct workqueue_struct;
struct delayed_work { struct work_struct work; };
typedef struct { int nobody; } wait_queue_head_t;
#define INIT_DELAYED_WORK(w, f)	((w)->work.func = (f))
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define system_unbound_wq	NULL
bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay);
bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay);
bool cancel_delayed_work_sync(struct delayed_work *work);

/* --- buffers: linear, for netlink --------------------------------------------------------------------------- */

#define SKB_WITH_OVERHEAD(n)	((n) - 320)
#define SMP_CACHE_BYTES		64
#define SKB_DATA_ALIGN(n)	(((n) + (SMP_CACHE_BYTES - 1)) & ~(SMP_CACHE_BYTES - 1))

struct scm_creds { u32 pid; u32 uid; u32 gid; };
struct sk_buff {
	struct sock *sk;
	u8 *head, *data;
	unsigned int len, size;
	void (*destructor)(struct sk_buff *skb);
	char cb[48] __aligned(8);
};

static inline struct sk_buff *alloc_skb(unsigned int size, gfp_t gfp)
{
	struct sk_buff *skb = kzalloc(sizeof(*skb) + size, gfp);

	if (!skb)
		return NULL;
	skb->data = skb->head = (u8 *)(skb + 1);
	skb->size = size;
	return skb;
}

static inline void kfree_skb(struct sk_buff *skb) { kfree(skb); }
static inline void consume_skb(struct sk_buff *skb) { kfree(skb); }
static inline u8 *skb_tail_pointer(const struct sk_buff *skb) { return skb->data + skb->len; }
static inline int skb_tailroom(const struct sk_buff *skb) { return skb->size - skb->len; }
static inline void skb_trim(struct sk_buff *skb, unsigned int len) { skb->len = min(skb->len, len); }

static inline void *skb_put(struct sk_buff *skb, unsigned int len)
{
	void *tail = skb_tail_pointer(skb);

	if (len > skb_tailroom(skb))
		abort();
	skb->len += len;
	return tail;
}

static inline void *skb_put_data(struct sk_buff *skb, const void *data, unsigned int len)
{
	return memcpy(skb_put(skb, len), data, len);
}

#define __skb_put		skb_put
#define __skb_put_zero		skb_put_zero
bool is_vmalloc_addr(const void *p);
unsigned long msecs_to_jiffies(unsigned int ms);
unsigned int jiffies_to_msecs(unsigned long j);
static inline u64 get_jiffies_64(void) { return 0; }
#define time_before64(a, b)	((s64)((a) - (b)) < 0)
#ifndef HZ
#define HZ			250
#endif

static inline void *skb_put_zero(struct sk_buff *skb, unsigned int len)
{
	return memset(skb_put(skb, len), 0, len);
}

struct sk_buff *skb_clone(struct sk_buff *skb, gfp_t gfp);

#endif /* _SHIM_OBJECTS_H */
