/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest for the tests of rings: memory in two regions, and a driver for either layout. The
 * driver is written from the specification and shares no code with the device.
 */
#ifndef _RING_H
#define _RING_H

#include <stdio.h>
#include "gmem.h"
#include "iotlb.h"
#include "vring.h"

/* --- TAP --- */

struct test {
	const char *name;
	void (*run)(void);
};

extern bool test_failed;

#define CHECK(cond) do { \
	if (!(cond)) { \
		printf("# %s:%d: %s\n", __FILE__, __LINE__, #cond); \
		test_failed = true; \
		return; \
	} \
} while (0)

#define CHECK_EQ(want, got) do { \
	long long _want = (long long)(want), _got = (long long)(got); \
	if (_want != _got) { \
		printf("# %s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #got, _got, _want); \
		test_failed = true; \
		return; \
	} \
} while (0)

/* For helpers that found a failure. */
#define CHECK_OK() do { \
	if (test_failed) \
		return; \
} while (0)

int test_main(const struct test *t, unsigned int n);

u32 rnd(void);
u32 rnd_below(u32 n);
void rnd_seed(u32 seed);

/* --- memory --- */

#define GUEST_LOW	0x10000ULL
#define GUEST_HIGH	0x100000000ULL
#define GUEST_SIZE	(2ULL << 20)

/* Guest memory of the test at hand, without IOTLB and log to begin with. */
extern struct sluice_gmem guest;

void guest_reset(void);
void *guest_ptr(u64 gpa, size_t len);
u64 guest_alloc(size_t len, size_t align, bool high);
/* Owner's address of a guest address. */
u64 guest_uaddr(u64 gpa);
/* The same for the low region, whose pages are there a second time, in reverse order. */
u64 guest_scattered(u64 gpa);
/* From now on all goes through an IOTLB, empty so far. */
struct sluice_iotlb *guest_iotlb(void);
extern unsigned int guest_misses;
extern u64 guest_miss_iova;
extern u8 guest_miss_perm;

/* --- driver --- */

#define DRV_MAX_NUM	2048

struct drv_conf {
	u32 num;
	bool packed;
	bool event_idx;
	bool notify_on_empty;
	bool indirect;
	bool big;
	bool shuffle;	/* hand out descriptors in no order */
	bool high;	/* where the ring lies */
	u32 start;	/* first index (split), or slot | wrap << 15 */
};

struct drv_buf {
	u64 addr;
	u32 len;
};

struct drv {
	struct drv_conf conf;
	u64 desc, driver, device;
	u32 free;		/* descriptors left */
	int token[DRV_MAX_NUM];	/* by id */
	u16 count[DRV_MAX_NUM];	/* descriptors, by id */
	u16 list[DRV_MAX_NUM];	/* free descriptors or ids, a stack */
	u16 chain[DRV_MAX_NUM];	/* split: the next descriptor */
	u32 nr_list;
	u64 table[DRV_MAX_NUM];	/* indirect table, by id */
	u32 next, published;	/* split: index; packed: counts descriptors */
	u32 used;
	u16 held_flags;		/* packed: what makes the batch visible, and where */
	u32 held_slot;
	bool held;
};

void drv_init(struct drv *d, const struct drv_conf *conf);
void drv_config(const struct drv *d, struct sluice_vring_config *cfg);
struct sluice_vring *drv_vring(const struct drv *d);
/*
 * -1: full. Not seen by the device before drv_publish(), which returns whether it wants a
 * notification.
 */
int drv_add(struct drv *d, const struct drv_buf *buf, unsigned int nr_out, unsigned int nr_in,
	    bool indirect, int token);
bool drv_publish(struct drv *d);
/* The next completion's token, or -1. */
int drv_get(struct drv *d, u32 *len);
/* Ask for an interrupt after @n more completions (just any, without event index), or for none. */
void drv_enable_cb(struct drv *d, u32 n);
void drv_disable_cb(struct drv *d);
bool drv_pending(const struct drv *d);

/* By layout. */
int split_add(struct drv *d, const struct drv_buf *buf, unsigned int nr_out, unsigned int nr_in,
	      bool indirect, int token);
bool split_publish(struct drv *d);
int split_get(struct drv *d, u32 *len);
void split_cb(struct drv *d, bool on, u32 n);
bool split_pending(const struct drv *d);
int packed_add(struct drv *d, const struct drv_buf *buf, unsigned int nr_out, unsigned int nr_in,
	       bool indirect, int token);
bool packed_publish(struct drv *d);
int packed_get(struct drv *d, u32 *len);
void packed_cb(struct drv *d, bool on, u32 n);
bool packed_pending(const struct drv *d);

#endif /* _RING_H */
