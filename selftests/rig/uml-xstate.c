// SPDX-License-Identifier: GPL-2.0-only
/*
 * What uml-run.sh puts between a User-mode Linux kernel and the C library: one thing that it
 * needs, and what makes it faster.
 *
 * User-mode Linux 6.12 sets a process's extended registers by PTRACE_SETREGSET with the 2,696 bytes
 * that AVX-512 needs. A host whose processor has more of them (AMX) takes its whole XSAVE area or
 * nothing: EFAULT, and init dies. What is missing is handed over as never used. And it sets them
 * each time that a process runs on, though they seldom are others than it has just read: the host
 * makes and unmaps a buffer for that.
 *
 * A process begins as a copy of the kernel, of which it keeps nothing. The host copies the page
 * tables of what only the kernel looks at, above all of KASAN's shadow, an eighth of its memory,
 * and the kernel then faults on each page that it writes to. None of that is copied here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define XSAVE_HEADER	512	/* in it: which components are in use */
#define XSAVE_KNOWN	0x2ffULL	/* x87, SSE, AVX, MPX, AVX-512, PKRU */
#define XSAVE_MAX	(64 * 1024)

static long (*next)(int request, int pid, void *addr, void *data);

/* How long the host's area is; a process that can be traced is at hand. */
static size_t area_size(int pid)
{
	static unsigned char scratch[XSAVE_MAX];
	struct iovec iov = { scratch, sizeof(scratch) };

	return next(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &iov) ? 0 : iov.iov_len;
}

static long set_padded(int pid, const struct iovec *iov)
{
	/* One thread of User-mode Linux traces at a time; the tail is never written to. */
	static uint64_t area[XSAVE_MAX / sizeof(uint64_t)];
	static size_t size;
	struct iovec all = { area, 0 };

	if (!size)
		size = area_size(pid);
	if (size <= iov->iov_len) {
		errno = EFAULT;
		return -1;
	}
	memcpy(area, iov->iov_base, iov->iov_len);
	area[XSAVE_HEADER / sizeof(uint64_t)] &= XSAVE_KNOWN;
	all.iov_len = size;
	return next(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &all);
}

/* --- registers that a process has already ---------------------------------------------------- */

/* Reading them is cheap. The host has less to be read than this kernel sets, or as much. */
static int has_already(int pid, const struct iovec *iov)
{
	static unsigned char area[XSAVE_MAX];
	struct iovec has = { area, iov->iov_len };

	return iov->iov_len <= sizeof(area) &&
	       !next(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &has) &&
	       !memcmp(area, iov->iov_base, has.iov_len);
}

static long set(int pid, const struct iovec *iov)
{
	static int padded;
	long ret;

	if (has_already(pid, iov))
		return 0;
	if (!padded) {
		ret = next(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, (void *)iov);
		if (!ret || errno != EFAULT)
			return ret;
		padded = 1;
	}
	return set_padded(pid, iov);
}

long ptrace(enum __ptrace_request request, ...)
{
	void *addr, *data;
	va_list ap;
	int pid;

	va_start(ap, request);
	pid = va_arg(ap, int);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if (!next)
		next = (long (*)(int, int, void *, void *))dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && addr == (void *)NT_X86_XSTATE)
		return set(pid, data);
	return next(request, pid, addr, data);
}

/* --- memory that no process needs ------------------------------------------------------------- */

#define SHADOW_MIN	(1UL << 40)	/* nothing else is mapped at such a length */

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	static void *(*map)(void *, size_t, int, int, int, off64_t);
	void *at;

	if (!map)
		map = (void *(*)(void *, size_t, int, int, int, off64_t))dlsym(RTLD_NEXT, "mmap64");
	at = map(addr, len, prot, flags, fd, offset);
	if (at != MAP_FAILED && len >= SHADOW_MIN) {
		madvise(at, len, MADV_WIPEONFORK);
		madvise(at, len, MADV_HUGEPAGE);
	}
	return at;
}
