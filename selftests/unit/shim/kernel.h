/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the device side of rings uses of the kernel, for programs. User memory is the program's own;
 * a test may watch each access and refuse it.
 */
#ifndef _SHIM_KERNEL_H
#define _SHIM_KERNEL_H

#include <linux/types.h>
#include <asm/byteorder.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
#define __user
#define __rcu
#define __force
/* Headers of 6.10 and later have it as well. */
#undef __counted_by
#define __counted_by(n)
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))
#define __must_check		__attribute__((warn_unused_result))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BUILD_BUG_ON(c)		_Static_assert(!(c), #c)
#define static_assert		_Static_assert
#define struct_size(p, m, n)	(sizeof(*(p)) + sizeof((p)->m[0]) * (n))
#define min(a, b)		({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a < _b ? _a : _b; })
#define max(a, b)		({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); _a > _b ? _a : _b; })
#define min_t(t, a, b)		min((t)(a), (t)(b))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define min3(a, b, c)		min(min(a, b), c)
#define swap(a, b)		do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define check_add_overflow(a, b, d)	__builtin_add_overflow(a, b, d)
#define BIT(n)			(1UL << (n))
#define GENMASK(h, l)		((~0UL << (l)) & (~0UL >> (63 - (h))))
#define fallthrough		__attribute__((fallthrough))
#define BITS_PER_LONG		((int)(8 * sizeof(long)))
#define WARN_ON_ONCE(c)		unlikely(c)

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

static inline bool is_power_of_2(unsigned long n)
{
	return n && !(n & (n - 1));
}

/* The race test runs on two CPUs. */
#define barrier()		__asm__ __volatile__("" ::: "memory")
#define smp_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)

/* Errors in pointers. */
static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-4095;
}

/* Memory. shim_alloc_fail counts down to the one allocation that fails; negative: none does. */
#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	0
extern int shim_alloc_fail;

static inline bool shim_alloc_fails(void)
{
	return shim_alloc_fail >= 0 && shim_alloc_fail-- == 0;
}

static inline void *kmalloc(size_t n, gfp_t gfp)
{
	(void)gfp;
	return shim_alloc_fails() ? NULL : malloc(n);
}

static inline void *kzalloc(size_t n, gfp_t gfp)
{
	(void)gfp;
	return shim_alloc_fails() ? NULL : calloc(1, n);
}

static inline void *kcalloc(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return shim_alloc_fails() ? NULL : calloc(n, size);
}

static inline void kfree(const void *p)
{
	free((void *)p);
}

#define kvmalloc		kmalloc
#define kvfree			kfree

static inline void sort(void *base, size_t n, size_t size, int (*cmp)(const void *a, const void *b),
			void (*swap_func)(void *a, void *b, int size))
{
	(void)swap_func;
	if (n)
		qsort(base, n, size, cmp);
}

/*
 * User memory. Every access is counted and shown to the test's hook, if it has one: true lets it pass. A field of two
 * or four bytes is loaded and stored in one piece, as the kernel does, and in a way that tells a race
 * detector that this is meant.
 */
extern _Thread_local unsigned long shim_user_accesses;
extern bool (*shim_user_hook)(uintptr_t addr, size_t len, bool write);

static inline bool shim_user_access(const void *p, size_t len, bool write)
{
	/* No atomic operation: it would be a barrier, and hide one that is missing. */
	shim_user_accesses++;
	return !shim_user_hook || shim_user_hook((uintptr_t)p, len, write);
}

static inline bool access_ok(const void *p, size_t len)
{
	uintptr_t last;

	return !__builtin_add_overflow((uintptr_t)p, len, &last) && !(last >> 56);
}

/* Called in the middle of a copy, before its last two bytes. */
extern void (*shim_user_midway)(void);
void shim_user_copy(void *dst, const void *src, size_t n);

#define should_fail_usercopy()				false
#define instrument_copy_from_user_before(dst, src, n)	((void)0)
#define instrument_copy_from_user_after(dst, src, n, left) ((void)0)
#define instrument_copy_to_user(dst, src, n)		((void)0)

static inline unsigned long raw_copy_from_user(void *dst, const void *src, unsigned long n)
{
	if (!shim_user_access(src, n, false))
		return n;
	shim_user_copy(dst, src, n);
	return 0;
}

static inline unsigned long raw_copy_to_user(void *dst, const void *src, unsigned long n)
{
	if (!shim_user_access(dst, n, true))
		return n;
	shim_user_copy(dst, src, n);
	return 0;
}

#define get_user(x, p) \
	(access_ok(p, sizeof(*(p))) && shim_user_access(p, sizeof(*(p)), false) ? \
	 ((x) = __atomic_load_n(p, __ATOMIC_RELAXED), 0) : ((x) = 0, -EFAULT))
#define put_user(x, p) \
	(access_ok(p, sizeof(*(p))) && shim_user_access(p, sizeof(*(p)), true) ? \
	 (__atomic_store_n(p, x, __ATOMIC_RELAXED), 0) : -EFAULT)

/* Pages. What the hook refuses is absent where page faults are disabled, else it is unmapped. */
#define PAGE_SHIFT		12
#define PAGE_SIZE		4096UL
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define offset_in_page(p)	((unsigned long)(p) & ~PAGE_MASK)
extern bool shim_pagefault_disabled;

static inline bool pagefault_disabled(void)
{
	return shim_pagefault_disabled;
}

static inline size_t fault_in_safe_writeable(const char *p, size_t n)
{
	return !access_ok(p, n) || !shim_user_access(p, n, true) ? n : 0;
}

#define FUTEX_OP_OR		2

static inline int arch_futex_atomic_op_inuser(int op, u32 arg, int *old, u32 *p)
{
	if (op != FUTEX_OP_OR || (unsigned long)p % 4)
		return -ENOSYS;
	if (!access_ok(p, 4) || !shim_user_access(p, 4, true))
		return -EFAULT;
	*old = __atomic_fetch_or(p, arg, __ATOMIC_SEQ_CST);
	return 0;
}

/* The virtio byte order. */
#include <linux/virtio_types.h>

#define SHIM_VIRTIO(n) \
static inline u##n __virtio##n##_to_cpu(bool little_endian, __virtio##n v) \
{ \
	return little_endian ? le##n##_to_cpu(v) : be##n##_to_cpu(v); \
} \
static inline __virtio##n __cpu_to_virtio##n(bool little_endian, u##n v) \
{ \
	return little_endian ? cpu_to_le##n(v) : cpu_to_be##n(v); \
}
SHIM_VIRTIO(16)
SHIM_VIRTIO(32)
SHIM_VIRTIO(64)
#undef SHIM_VIRTIO

/* What compat.h gives each file of a module. */
#define SLUICE_EXPORT(sym)	extern int shim_exported_##sym

#endif /* _SHIM_KERNEL_H */
