// SPDX-License-Identifier: GPL-2.0-only
/*
 * User-mode Linux 6.12 sets a process's extended registers by PTRACE_SETREGSET with the 2,696 bytes
 * that AVX-512 needs. A host whose processor has more of them (AMX) takes its whole XSAVE area or
 * nothing: EFAULT, and init dies. uml-run.sh puts this in front of the C library's ptrace(): what
 * is missing is handed over as never used.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
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

long ptrace(enum __ptrace_request request, ...)
{
	static int padded;
	void *addr, *data;
	va_list ap;
	long ret;
	int pid;

	va_start(ap, request);
	pid = va_arg(ap, int);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);
	if (!next)
		next = (long (*)(int, int, void *, void *))dlsym(RTLD_NEXT, "ptrace");
	if (request != PTRACE_SETREGSET || addr != (void *)NT_X86_XSTATE)
		return next(request, pid, addr, data);
	if (!padded) {
		ret = next(request, pid, addr, data);
		if (!ret || errno != EFAULT)
			return ret;
		padded = 1;
	}
	return set_padded(pid, data);
}
