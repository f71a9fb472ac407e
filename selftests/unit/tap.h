/* SPDX-License-Identifier: GPL-2.0-only */
/* Test results in the TAP format. */
#ifndef _UNIT_TAP_H
#define _UNIT_TAP_H

#include <stdarg.h>
#include <stdio.h>

#ifndef __printf
#define __printf(a, b) __attribute__((format(printf, a, b)))
#endif

static unsigned int tap_count, tap_failed;

static inline void __printf(2, 3) tap_ok(int good, const char *fmt, ...)
{
	va_list args;

	printf("%sok %u - ", good ? "" : "not ", ++tap_count);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	tap_failed += !good;
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif /* _UNIT_TAP_H */
