/* SPDX-License-Identifier: GPL-2.0-only */
/* What the decision files use of the kernel, for programs. One thread: RCU and atomics need nothing. */
#ifndef _SHIM_KERNEL_H
#define _SHIM_KERNEL_H

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
#define NSEC_PER_SEC		1000000000L
#define htonl(x)		__cpu_to_be32(x)
#define ntohl(x)		__be32_to_cpu(x)
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define static_assert(e, ...)	_Static_assert(e, #e)
#define __aligned(n)		__attribute__((aligned(n)))
#define __packed		__attribute__((packed))
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

/* Arithmetic. */
static inline u64 div64_u64(u64 a, u64 b) { return a / b; }
static inline u64 div_u64(u64 a, u32 b) { return a / b; }
static inline u64 mul_u64_u64_shr(u64 a, u64 b, unsigned int shift)
{
	return (u64)(((unsigned __int128)a * b) >> shift);
}

/* Atomics. */
typedef struct { s64 counter; } atomic64_t;
static inline s64 atomic64_read(const atomic64_t *v) { return v->counter; }
static inline void atomic64_set(atomic64_t *v, s64 n) { v->counter = n; }
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
static inline bool shim_alloc_fails(void) { return shim_alloc_fail >= 0 && shim_alloc_fail-- == 0; }
static inline void *kmalloc(size_t n, gfp_t gfp) { (void)gfp; return shim_alloc_fails() ? NULL : malloc(n); }
static inline void *kzalloc(size_t n, gfp_t gfp) { (void)gfp; return shim_alloc_fails() ? NULL : calloc(1, n); }
#define kvmalloc kmalloc
static inline void kfree(const void *p) { free((void *)p); }
static inline void kvfree(const void *p) { free((void *)p); }
#define kfree_rcu(p, m)		free(p)
#define kvfree_rcu(p, m)	free(p)

/* RCU. */
struct rcu_head { void *next; void (*func)(struct rcu_head *head); };
#define rcu_dereference(p)	(p)
#define rcu_access_pointer(p)	(p)
#define rtnl_dereference(p)	(p)
#define rcu_assign_pointer(p, v) ((p) = (v))
#define RCU_INIT_POINTER(p, v)	((p) = (v))
static inline void rcu_read_lock(void) {}
static inline void rcu_read_unlock(void) {}
static inline void cond_resched(void) {}
static inline void msleep(unsigned int ms) { (void)ms; }

struct llist_node { struct llist_node *next; };

/* Extended acknowledgments keep their text. */
struct netlink_ext_ack { const char *_msg; char _msg_buf[128]; };
#define NL_SET_ERR_MSG(ack, msg) ((ack)->_msg = (msg))
#define NL_SET_ERR_MSG_FMT(ack, ...) \
	(snprintf((ack)->_msg_buf, sizeof((ack)->_msg_buf), __VA_ARGS__), (ack)->_msg = (ack)->_msg_buf)

/* Ethernet addresses. */
static inline bool is_zero_ether_addr(const u8 *a) { return !(a[0] | a[1] | a[2] | a[3] | a[4] | a[5]); }
static inline bool is_valid_ether_addr(const u8 *a) { return !(a[0] & 1) && !is_zero_ether_addr(a); }

#endif /* _SHIM_KERNEL_H */
