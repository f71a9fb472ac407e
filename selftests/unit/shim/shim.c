// SPDX-License-Identifier: GPL-2.0-only
/* State of the shim. */
#include "shim.h"

int shim_alloc_fail = -1;
unsigned int shim_non_block;
unsigned int shim_latch_finds;
unsigned int shim_table_grows;
bool shim_pagefault_disabled;
_Thread_local unsigned long shim_user_accesses;
void (*shim_user_midway)(void);
bool (*shim_user_hook)(uintptr_t addr, size_t len, bool write);
uintptr_t shim_poison;

/*
 * A copy that races with its owner is what a device does: what it got is validated afterwards. A race detector is told
 * so here and nowhere else.
 */
#if defined(__SANITIZE_THREAD__)
#define SHIM_RACY __attribute__((no_sanitize_thread, noinline))
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHIM_RACY __attribute__((no_sanitize("thread"), noinline))
#endif
#endif
#ifndef SHIM_RACY
#define SHIM_RACY
#endif

SHIM_RACY void shim_user_copy(void *dst, const void *src, size_t n)
{
	if (shim_user_midway && n > 2) {
		__builtin_memcpy(dst, src, n - 2);
		shim_user_midway();
		__builtin_memcpy((char *)dst + n - 2, (const char *)src + n - 2, 2);
		return;
	}
	__builtin_memcpy(dst, src, n);
}
