// SPDX-License-Identifier: GPL-2.0-only
/* TAP, and the memory of the guest. */
#include <endian.h>
#include <sys/mman.h>
#include <stdlib.h>
#include <unistd.h>
#include "ring.h"

bool test_failed;

int test_main(const struct test *t, unsigned int n)
{
	bool bad = false;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%u\n", n);
	for (i = 0; i < n; i++) {
		test_failed = false;
		rnd_seed(i + 1);
		guest_reset();
		t[i].run();
		printf("%sok %u - %s\n", test_failed ? "not " : "", i + 1, t[i].name);
		bad |= test_failed;
	}
	guest_reset();
	sluice_gmem_table_free(guest.table);
	guest.table = NULL;
	return bad;
}

static u32 rnd_state;

void rnd_seed(u32 seed)
{
	rnd_state = seed * 2654435761U | 1;
}

u32 rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 17;
	rnd_state ^= rnd_state << 5;
	return rnd_state;
}

u32 rnd_below(u32 n)
{
	return rnd() % n;
}

/* The high region comes first in the owner's memory, and an unmapped hole lies between the two. */
#define HOLE	0x100000ULL

struct sluice_gmem guest;
unsigned int guest_misses;
u64 guest_miss_iova;
u8 guest_miss_perm;

static u8 *arena;
/* The low region again, its pages in reverse order. */
static u8 *scattered;
static u64 next_low, next_high;

static bool guest_access(uintptr_t addr, size_t len, bool write)
{
	u64 off = addr - (uintptr_t)arena;

	if (off < GUEST_SIZE)
		return off + len <= GUEST_SIZE;
	off -= GUEST_SIZE + HOLE;
	if (off < GUEST_SIZE)
		return off + len <= GUEST_SIZE;
	off = addr - (uintptr_t)scattered;
	if (off < GUEST_SIZE)
		return off + len <= GUEST_SIZE;
	/* The log of a test. */
	return guest.log && addr - (uintptr_t)guest.log < 2 * PAGE_SIZE;
}

static void guest_map(void)
{
	struct sluice_gmem_region r[2];
	int fd = memfd_create("guest", 0);
	u64 at;

	if (fd < 0 || ftruncate(fd, 2 * GUEST_SIZE + HOLE))
		abort();
	arena = mmap(NULL, 2 * GUEST_SIZE + HOLE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (arena == MAP_FAILED || mprotect(arena + GUEST_SIZE, HOLE, PROT_NONE))
		abort();
	scattered = mmap(NULL, GUEST_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (at = 0; at < GUEST_SIZE; at += PAGE_SIZE)
		if (mmap(scattered + at, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 fd, 2 * GUEST_SIZE + HOLE - PAGE_SIZE - at) == MAP_FAILED)
			abort();
	close(fd);
	r[0] = (struct sluice_gmem_region) { GUEST_HIGH, GUEST_SIZE, (uintptr_t)arena };
	r[1] = (struct sluice_gmem_region){ GUEST_LOW, GUEST_SIZE,
					    (uintptr_t)arena + GUEST_SIZE + HOLE };
	guest.table = sluice_gmem_table_new(r, 2);
	if (IS_ERR(guest.table))
		abort();
}

void guest_reset(void)
{
	if (!arena)
		guest_map();
	sluice_iotlb_free(guest.iotlb);
	guest.iotlb = NULL;
	guest.log = NULL;
	guest.log_size = 0;
	guest_misses = 0;
	guest.kernel = false;
	shim_user_hook = guest_access;
	shim_pagefault_disabled = false;
	shim_alloc_fail = -1;
	memset(arena, 0xa5, GUEST_SIZE);
	memset(arena + GUEST_SIZE + HOLE, 0xa5, GUEST_SIZE);
	next_low = GUEST_LOW;
	next_high = GUEST_HIGH;
}

u64 guest_uaddr(u64 gpa)
{
	if (gpa - GUEST_HIGH < GUEST_SIZE)
		return (uintptr_t)arena + (gpa - GUEST_HIGH);
	return (uintptr_t)arena + GUEST_SIZE + HOLE + (gpa - GUEST_LOW);
}

u64 guest_scattered(u64 gpa)
{
	return (uintptr_t)scattered + ((GUEST_SIZE - PAGE_SIZE - (gpa - GUEST_LOW)) & PAGE_MASK) +
	       offset_in_page(gpa);
}

void *guest_ptr(u64 gpa, size_t len)
{
	u64 start = gpa >= GUEST_HIGH ? GUEST_HIGH : GUEST_LOW;

	if (gpa - start + len > GUEST_SIZE)
		abort();
	return (void *)guest_uaddr(gpa);
}

u64 guest_alloc(size_t len, size_t align, bool high)
{
	u64 *next = high ? &next_high : &next_low;
	u64 at = (*next + align - 1) / align * align;

	*next = at + len;
	guest_ptr(at, len);
	return at;
}

static void guest_miss(void *ctx, u64 iova, u8 perm)
{
	guest_misses++;
	guest_miss_iova = iova;
	guest_miss_perm = perm;
}

struct sluice_iotlb *guest_iotlb(void)
{
	guest.iotlb = sluice_iotlb_new(guest_miss, NULL, 0);
	return guest.iotlb;
}

/* --- driver, by layout --- */

void drv_init(struct drv *d, const struct drv_conf *conf)
{
	u32 i, event = conf->event_idx ? 2 : 0, driver, device;

	memset(d, 0, sizeof(*d));
	d->conf = *conf;
	driver = conf->packed ? 4 : 4 + 2 * conf->num + event;
	device = conf->packed ? 4 : 4 + 8 * conf->num + event;
	d->desc = guest_alloc(16 * conf->num, 16, conf->high);
	d->driver = guest_alloc(driver, 4, conf->high);
	d->device = guest_alloc(device, 4, conf->high);
	memset(guest_ptr(d->desc, 16 * conf->num), 0, 16 * conf->num);
	memset(guest_ptr(d->driver, driver), 0, driver);
	memset(guest_ptr(d->device, device), 0, device);

	d->free = conf->num;
	d->nr_list = conf->num;
	for (i = 0; i < conf->num; i++) {
		d->token[i] = -1;
		d->list[i] = conf->num - 1 - i;
	}
	if (conf->packed) {
		d->next = (conf->start & 0x7fff) + (conf->start & 0x8000 ? 0 : conf->num);
		/* What a driver left behind that came so far. */
		for (i = 0; i < conf->num; i++) {
			bool done = (i < d->next % conf->num) == (d->next < conf->num);
			__le16 *flags = guest_ptr(d->desc + 16 * i + 14, 2);

			*flags = htole16(done ? 0x8080 : 0);
		}
	} else {
		d->next = conf->start;
		*(u16 *)guest_ptr(d->driver + 2, 2) = conf->big ? htobe16(conf->start) :
								  htole16(conf->start);
		*(u16 *)guest_ptr(d->device + 2, 2) = conf->big ? htobe16(conf->start) :
								  htole16(conf->start);
	}
	d->published = d->next;
	d->used = d->next;
}

void drv_config(const struct drv *d, struct sluice_vring_config *cfg)
{
	*cfg = (struct sluice_vring_config) {
		.num = d->conf.num,
		.packed = d->conf.packed,
		.event_idx = d->conf.event_idx,
		.notify_on_empty = d->conf.notify_on_empty,
		.indirect = d->conf.indirect,
		.big_endian = d->conf.big,
		.desc = d->desc,
		.driver = d->driver,
		.device = d->device,
		.avail = d->conf.start,
		.used = ~0U,
	};
}

struct sluice_vring *drv_vring(const struct drv *d)
{
	struct sluice_vring_config cfg;
	struct sluice_vring *vr;

	drv_config(d, &cfg);
	vr = sluice_vring_new(&cfg, &guest);
	if (IS_ERR(vr) || sluice_vring_start(vr))
		abort();
	return vr;
}

int drv_add(struct drv *d, const struct drv_buf *buf, unsigned int nr_out, unsigned int nr_in,
	    bool indirect, int token)
{
	return (d->conf.packed ? packed_add : split_add)(d, buf, nr_out, nr_in, indirect, token);
}

bool drv_publish(struct drv *d)
{
	return (d->conf.packed ? packed_publish : split_publish)(d);
}

int drv_get(struct drv *d, u32 *len)
{
	return (d->conf.packed ? packed_get : split_get)(d, len);
}

void drv_enable_cb(struct drv *d, u32 n)
{
	(d->conf.packed ? packed_cb : split_cb)(d, true, n);
}

void drv_disable_cb(struct drv *d)
{
	(d->conf.packed ? packed_cb : split_cb)(d, false, 0);
}

bool drv_pending(const struct drv *d)
{
	return (d->conf.packed ? packed_pending : split_pending)(d);
}
