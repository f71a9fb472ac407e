/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What mechanism, decision and netlink files use of the kernel, for programs. Barriers are real, as the race test of
 * rings runs on two CPUs; all else has one thread, so RCU and atomics need nothing.
 */
#ifndef _SHIM_KERNEL_H
#define _SHIM_KERNEL_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/types.h>
#include <asm/byteorder.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned int gfp_t;

#define U8_MAX			UINT8_MAX
#define U16_MAX			UINT16_MAX
#define U32_MAX			UINT32_MAX
#define U64_MAX			UINT64_MAX
#define S8_MIN			INT8_MIN
#define S8_MAX			INT8_MAX
#define S16_MIN			INT16_MIN
#define S16_MAX			INT16_MAX
#define S32_MIN			INT32_MIN
#define S32_MAX			INT32_MAX
#define S64_MIN			INT64_MIN
#define S64_MAX			INT64_MAX
#define MSEC_PER_SEC		1000L
#define NSEC_PER_MSEC	1000000L
#define NSEC_PER_SEC		1000000000L
#define NSEC_PER_USEC		1000L
#define cpu_to_le16		__cpu_to_le16
#define cpu_to_le32		__cpu_to_le32
#define cpu_to_le64		__cpu_to_le64
#define cpu_to_be16		__cpu_to_be16
#define cpu_to_be32		__cpu_to_be32
#define cpu_to_be64		__cpu_to_be64
#define le16_to_cpu		__le16_to_cpu
#define le32_to_cpu		__le32_to_cpu
#define le64_to_cpu		__le64_to_cpu
#define be16_to_cpu		__be16_to_cpu
#define be32_to_cpu		__be32_to_cpu
#define be64_to_cpu		__be64_to_cpu
#define htonl(x)		__cpu_to_be32(x)
#define ntohs(x)		__be16_to_cpu(x)
#define ntohl(x)		__be32_to_cpu(x)
#define BIT(n)			(1UL << (n))
#define BITS_PER_TYPE(type)	(sizeof(type) * 8)
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define BITS_PER_LONG		((int)(8 * sizeof(long)))
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]
static inline void bitmap_or(unsigned long *to, const unsigned long *a, const unsigned long *b, unsigned int n)
{
	for (unsigned int i = 0; i < BITS_TO_LONGS(n); i++)
		to[i] = a[i] | b[i];
}

/* The first bit from @i on that is @value, or @n. */
static inline unsigned int shim_next_bit(const unsigned long *map, unsigned int n, unsigned int i, bool value)
{
	while (i < n && (map[i / BITS_PER_LONG] >> i % BITS_PER_LONG & 1) != value)
		i++;
	return i;
}

#define for_each_set_bitrange(b, e, map, n) \
	for (b = shim_next_bit(map, n, 0, true); e = shim_next_bit(map, n, b, false), b < (n); \
	     b = shim_next_bit(map, n, e, true))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define static_assert(e, ...)	_Static_assert(e, #e)
#define BUILD_BUG_ON(c)		_Static_assert(!(c), #c)
#define BUILD_BUG_ON_ZERO(c)	((int)sizeof(struct { int : (-!!(c)); }))
#define sizeof_field(t, m)	sizeof(((t *)0)->m)
#define __user
#define __force
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define __init
#define __exit
#define __ro_after_init
#define __must_check		__attribute__((warn_unused_result))
#define noinline		__attribute__((noinline))
#define fallthrough		__attribute__((fallthrough))
#define barrier()		__asm__ __volatile__("" ::: "memory")
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define WARN_ON(c)		({ if (c) abort(); 0; })
#define WARN_ON_ONCE(c)		WARN_ON(c)
#define BUG_ON(c)		WARN_ON(c)
#define array_index_nospec(i, n) (i)
#define TASK_SIZE_MAX		(~0UL)
#define BITS_PER_BYTE		8
#define __aligned(n)		__attribute__((aligned(n)))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define __packed		__attribute__((packed))
#define L1_CACHE_BYTES		64
#define ____cacheline_aligned
#define prefetch(p)		((void)(p))
#define prefetchw(p)		((void)(p))
/* Headers of 6.10 and later have it as well. */
#undef __counted_by
#define __counted_by(n)
#define __rcu
#define __percpu
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define min(a, b)		({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define min3(a, b, c)		min(min(a, b), c)
#define swap(a, b)		do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)
#define check_add_overflow(a, b, d) __builtin_add_overflow(a, b, d)
#define container_of(p, t, m)	((t *)((char *)(p) - offsetof(t, m)))
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof((p)->m[0]) * (n))

static inline void *memchr_inv(const void *p, int c, size_t len)
{
	const u8 *b = p;

	while (len--) {
		if (*b != (u8)c)
			return (void *)b;
		b++;
	}
	return NULL;
}

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return b[0] << 8 | b[1];
}

static inline void put_unaligned_be16(u16 v, void *p)
{
	u8 *b = p;

	b[0] = v >> 8;
	b[1] = v;
}

/* Errors in pointers. */
static inline void *ERR_PTR(long err) { return (void *)err; }
static inline long PTR_ERR(const void *p) { return (long)p; }
static inline bool IS_ERR(const void *p) { return (unsigned long)p >= (unsigned long)-4095; }
static inline bool IS_ERR_OR_NULL(const void *p) { return !p || IS_ERR(p); }
static inline int PTR_ERR_OR_ZERO(const void *p) { return IS_ERR(p) ? PTR_ERR(p) : 0; }

/* Arithmetic. */
static inline bool is_power_of_2(unsigned long n) { return n && !(n & (n - 1)); }
static inline u64 div64_u64(u64 a, u64 b) { return a / b; }
static inline u64 div_u64(u64 a, u32 b) { return a / b; }
static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	return (u64)(((unsigned __int128)a * b) >> shift);
}

/* As the processor: a quotient that does not fit is an error. */
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 c)
{
	unsigned __int128 q = (unsigned __int128)a * b / c;

	if (q >> 64)
		abort();
	return (u64)q;
}

static inline u64 rol64(u64 v, unsigned int n) { return v << n | v >> (64 - n); }
static inline u64 get_random_u64(void) { return 0x0123456789abcdefULL; }
static inline u32 reciprocal_scale(u32 v, u32 n) { return (u64)v * n >> 32; }

/* Atomics. */
typedef struct { int counter; } atomic_t;
#define ATOMIC_INIT(n)		{ n }
static inline int atomic_read(const atomic_t *v) { return v->counter; }
static inline void atomic_inc(atomic_t *v) { v->counter = (u32)v->counter + 1; }
typedef struct { s64 counter; } atomic64_t;
static inline s64 atomic64_read(const atomic64_t *v) { return v->counter; }
static inline s64 atomic64_read_acquire(const atomic64_t *v) { return v->counter; }
static inline void atomic64_set(atomic64_t *v, s64 n) { v->counter = n; }
static inline s64 atomic64_inc_return(atomic64_t *v) { return ++v->counter; }
static inline void atomic64_add(s64 n, atomic64_t *v) { v->counter = (u64)v->counter + (u64)n; }
static inline void atomic64_sub(s64 n, atomic64_t *v) { v->counter = (u64)v->counter - (u64)n; }
static inline bool atomic64_try_cmpxchg(atomic64_t *v, s64 *old, s64 n)
{
	return __atomic_compare_exchange_n(&v->counter, old, n, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Memory. shim_alloc_fail counts down to the one allocation that fails; negative: none does. */
#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0
extern int shim_alloc_fail;
extern unsigned int shim_non_block;
static inline bool shim_alloc_fails(void)
{
	if (shim_non_block)
		abort();
	return shim_alloc_fail >= 0 && shim_alloc_fail-- == 0;
}

static inline size_t kmalloc_size_roundup(size_t n) { return (n + 63) & ~(size_t)63; }
static inline void *kmalloc(size_t n, gfp_t gfp) { (void)gfp; return shim_alloc_fails() ? NULL : malloc(n); }
static inline void *kzalloc(size_t n, gfp_t gfp) { (void)gfp; return shim_alloc_fails() ? NULL : calloc(1, n); }
static inline void *kcalloc(size_t n, size_t size, gfp_t gfp) { return kzalloc(n * size, gfp); }
static inline void *kmemdup(const void *p, size_t n, gfp_t gfp)
{
	void *copy = kmalloc(n, gfp);

	return copy ? memcpy(copy, p, n) : NULL;
}
#define kmemdup_noprof	kmemdup
#define kmalloc_array	kcalloc
#define kvmalloc	kmalloc
#define kvcalloc	kcalloc
#define kvzalloc	kzalloc
static inline void kfree(const void *p) { free((void *)p); }
static inline void kvfree(const void *p) { free((void *)p); }

static inline void sort(void *base, size_t n, size_t size, int (*cmp)(const void *a, const void *b),
			void (*swap_func)(void *a, void *b, int size))
{
	(void)swap_func;
	if (n)
		qsort(base, n, size, cmp);
}

/* Pages. */
#define PAGE_SHIFT		12
#define PAGE_SIZE		4096UL
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)

/* RCU. */
#define kfree_rcu(p, m)		free(p)
#define kvfree_rcu(p, m)	free(p)
struct rcu_head { void *next; void (*func)(struct rcu_head *head); };
#define rcu_dereference(p)	(p)
#define rcu_access_pointer(p)	(p)
#define rtnl_dereference(p)	(p)
#define rcu_assign_pointer(p, v) ((p) = (v))
#define RCU_INIT_POINTER(p, v)	((p) = (v))
static inline void rcu_read_lock(void) {}
static inline void rcu_read_unlock(void) {}
static inline void synchronize_rcu(void) {}
static inline void cond_resched(void) {}
/* Whoever allocates in between may sleep for it. */
static inline void non_block_start(void) { shim_non_block++; }
static inline void non_block_end(void) { shim_non_block--; }

/* Addresses. */
static inline bool ether_addr_equal(const u8 *a, const u8 *b) { return !memcmp(a, b, 6); }
static inline void ether_addr_copy(u8 *to, const u8 *from) { memcpy(to, from, 6); }
static inline bool is_zero_ether_addr(const u8 *a) { return !(a[0] | a[1] | a[2] | a[3] | a[4] | a[5]); }
static inline bool is_broadcast_ether_addr(const u8 *a) { return (a[0] & a[1] & a[2] & a[3] & a[4] & a[5]) == 0xff; }
static inline bool is_valid_ether_addr(const u8 *a) { return !(a[0] & 1) && !is_zero_ether_addr(a); }

static inline bool ipv6_addr_any(const struct in6_addr *a) { return !memchr_inv(a, 0, sizeof(*a)); }
static inline bool ipv6_addr_equal(const struct in6_addr *a, const struct in6_addr *b) { return !memcmp(a, b, sizeof(*a)); }
static inline bool ipv6_addr_v4mapped(const struct in6_addr *a)
{
	return !a->s6_addr32[0] && !a->s6_addr32[1] && a->s6_addr32[2] == htonl(0xffff);
}
static inline void ipv6_addr_set_v4mapped(const __be32 addr, struct in6_addr *a)
{
	*a = (struct in6_addr){ .s6_addr32 = { 0, 0, htonl(0xffff), addr } };
}
static inline void ipv6_addr_prefix(struct in6_addr *to, const struct in6_addr *a, int len)
{
	memset(to, 0, sizeof(*to));
	memcpy(to, a, len / 8);
	if (len % 8)
		to->s6_addr[len / 8] = a->s6_addr[len / 8] & (0xff00 >> len % 8);
}

#endif /* _SHIM_KERNEL_H */
