/* SPDX-License-Identifier: GPL-2.0-only */
/* User memory is the program's own; a test may watch each access and refuse it. */
#ifndef _SHIM_USER_H
#define _SHIM_USER_H

#include <linux/futex.h>
#include <linux/virtio_types.h>
#include "kernel.h"

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

/* Pages that the kernel maps: a test may let one have an error. */
extern uintptr_t shim_poison;

static inline unsigned long copy_mc_to_kernel(void *dst, const void *src, size_t n)
{
	if (shim_poison - (uintptr_t)src < n)
		return n;
	memcpy(dst, src, n);
	return 0;
}

#define get_user(x, p) \
	(access_ok(p, sizeof(*(p))) && shim_user_access(p, sizeof(*(p)), false) ? \
	 ((x) = __atomic_load_n(p, __ATOMIC_RELAXED), 0) : ((x) = 0, -EFAULT))
#define put_user(x, p) \
	(access_ok(p, sizeof(*(p))) && shim_user_access(p, sizeof(*(p)), true) ? \
	 (__atomic_store_n(p, x, __ATOMIC_RELAXED), 0) : -EFAULT)

/* All stores of one section are one access, to those who count them. */
#define user_write_access_begin(p, n)	(shim_user_accesses++, access_ok(p, n))
#define user_write_access_end()		((void)0)
#define unsafe_put_user(x, p, label) do { \
	if (shim_user_hook && !shim_user_hook((uintptr_t)(p), sizeof(*(p)), true)) \
		goto label; \
	__atomic_store_n(p, x, __ATOMIC_RELAXED); \
} while (0)

/* Pages. What the hook refuses is absent where page faults are disabled, else it is unmapped. */
extern bool shim_pagefault_disabled;

static inline bool pagefault_disabled(void)
{
	return shim_pagefault_disabled;
}

static inline size_t fault_in_safe_writeable(const char *p, size_t n)
{
	return !access_ok(p, n) || !shim_user_access(p, n, true) ? n : 0;
}

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

#endif /* _SHIM_USER_H */
