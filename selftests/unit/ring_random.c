// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random chains, bursts and pauses, for either layout and every feature. What arrives is what
 * was sent, in order; what was written and how much is what the driver finds; nobody waits for
 * ever. The same where pages of the guest come and go, and where the kernel maps them one by one.
 */
#include "ring.h"

#define MAX_SEGS	12
#define MAX_LEN		600
#define SLOTS		2048

struct request {
	struct drv_buf buf[MAX_SEGS];
	unsigned int nr_out, nr_in;
	u32 out_len, in_len;
	u32 done;	/* bytes that the device wrote */
	u32 seed;
};

static struct request req[SLOTS];
static struct drv drv;
static struct sluice_vring *vr;
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[SLUICE_CHAIN_MAX_SEGS + 100];

enum memory { PLAIN, ABSENT, KERNEL };

static enum memory memory;

/* --- memory that is not there --- */

#define PAGES	(4 * GUEST_SIZE / PAGE_SIZE)

static bool gone[PAGES];
static unsigned int nr_again;

static unsigned int page(uintptr_t addr)
{
	return (addr - guest_uaddr(GUEST_HIGH)) / PAGE_SIZE % PAGES;
}

static bool present(uintptr_t addr, size_t len, bool write)
{
	unsigned int i;

	for (i = page(addr); i <= page(addr + len - 1); i++)
		if (gone[i])
			return false;
	return true;
}

static bool no_user(uintptr_t addr, size_t len, bool write)
{
	test_failed = true;
	return false;
}

/* Some pages go; rarely all. */
static void take_away(void)
{
	unsigned int i;

	if (memory == ABSENT)
		for (i = 0; i < 3; i++)
			gone[rnd_below(PAGES)] = true;
	if (memory == ABSENT && !rnd_below(20))
		memset(gone, true, sizeof(gone));
	if (memory == KERNEL && !rnd_below(20))
		sluice_iotlb_invalidate(guest.iotlb, 0, U64_MAX);
}

/* Did the device stop for memory that is not there? Then it is now. */
static bool again(int err)
{
	struct sluice_gmem_absent absent;
	enum sluice_vring_error why;
	unsigned int i;
	u64 at;

	if (err != -EAGAIN)
		return false;
	nr_again++;
	if (memory == KERNEL) {
		at = guest_miss_iova & PAGE_MASK;
		if (sluice_vring_absent(vr, &absent, &why) ||
		    sluice_iotlb_update(guest.iotlb, at, at + PAGE_SIZE - 1,
					at >= GUEST_HIGH ? guest_uaddr(at) : guest_scattered(at),
					SLUICE_GMEM_RW))
			return false;
		return true;
	}
	if (memory != ABSENT || !sluice_vring_absent(vr, &absent, &why))
		return false;
	for (i = page(absent.uaddr); i <= page(absent.uaddr + absent.len - 1); i++)
		gone[i] = false;
	return true;
}

static int fetch(unsigned int max)
{
	int n;

	do
		n = sluice_vring_fetch(vr, chain, max, seg, ARRAY_SIZE(seg));
	while (again(n));
	return n;
}

static int flush(void)
{
	int err;

	do
		err = sluice_vring_flush(vr);
	while (again(err));
	return err;
}

static int enable_notify(void)
{
	int err;

	do
		err = sluice_vring_enable_notify(vr);
	while (again(err));
	return err;
}

static u8 pattern(u32 seed, u32 i)
{
	return seed * 31 + i * 7 + (i >> 8);
}

/* Buffers of 16 KiB for each token, in either region. */
static void make(struct request *r, unsigned int token)
{
	u64 at = (token & 1 ? GUEST_HIGH : GUEST_LOW) + (1 << 20) + (token / 2 % 64) * 16384;
	unsigned int i, n;

	memset(r, 0, sizeof(*r));
	r->nr_out = rnd_below(MAX_SEGS / 2);
	r->nr_in = rnd_below(MAX_SEGS / 2) + !r->nr_out;
	r->seed = rnd();
	for (n = 0; n < r->nr_out + r->nr_in; n++) {
		u32 len = rnd_below(4) ? 1 + rnd_below(64) : 1 + rnd_below(MAX_LEN);

		at += rnd_below(100);
		r->buf[n] = (struct drv_buf) { at, len };
		at += len;
		if (n < r->nr_out) {
			for (i = 0; i < len; i++)
				*(u8 *)guest_ptr(r->buf[n].addr + i, 1) =
					pattern(r->seed, r->out_len++);
		} else {
			memset(guest_ptr(r->buf[n].addr, len), 0, len);
			r->in_len += len;
		}
	}
}

static bool all_read(const struct sluice_chain *c, const struct request *r)
{
	static u8 data[MAX_SEGS * MAX_LEN];
	u32 off = 0, i;

	if (c->nr_out != r->nr_out || c->nr_in != r->nr_in || c->out_len != r->out_len ||
	    c->in_len != r->in_len)
		return false;
	for (i = 0; i < c->nr_out + c->nr_in; i++)
		if (c->seg[i].addr != r->buf[i].addr || c->seg[i].len != r->buf[i].len)
			return false;
	while (off < r->out_len) {
		u32 n = 1 + rnd_below(r->out_len - off);
		int err;

		do
			err = sluice_chain_read(vr, c, off, data + off, n);
		while (again(err));
		if (err)
			return false;
		off += n;
	}
	for (i = 0; i < r->out_len; i++)
		if (data[i] != pattern(r->seed, i))
			return false;
	return true;
}

static bool answer(const struct sluice_chain *c, struct request *r)
{
	static u8 data[MAX_SEGS * MAX_LEN];
	u32 off = 0, i;

	r->done = rnd_below(r->in_len + 1);
	for (i = 0; i < r->done; i++)
		data[i] = pattern(~r->seed, i);
	while (off < r->done) {
		u32 n = 1 + rnd_below(r->done - off);
		int err;

		do
			err = sluice_chain_write(vr, c, off, data + off, n);
		while (again(err));
		if (err)
			return false;
		off += n;
	}
	return true;
}

static bool answered(const struct request *r, u32 len)
{
	u32 at = 0, i, j;

	if (len != r->done)
		return false;
	for (i = r->nr_out; i < r->nr_out + r->nr_in; i++)
		for (j = 0; j < r->buf[i].len; j++, at++)
			if (*(u8 *)guest_ptr(r->buf[i].addr + j, 1) !=
			    (at < len ? pattern(~r->seed, at) : 0))
				return false;
	return true;
}

/* Tokens: [got, used) published as used, [used, next) ... [next, put) available. */
struct progress {
	unsigned int got, done, put, published;
	bool asleep, kicked;
};

static void driver_step(struct progress *p, const struct drv_conf *conf)
{
	u32 len;
	int token;

	while (rnd_below(4) && p->put - p->got < 120) {
		struct request *r = &req[p->put % SLOTS];
		bool indirect;

		make(r, p->put % SLOTS);
		indirect = conf->indirect && (rnd() & 1);
		if (drv_add(&drv, r->buf, r->nr_out, r->nr_in, indirect, p->put % SLOTS))
			break;
		p->put++;
	}
	if (rnd_below(3)) {
		p->published = p->put;
		if (drv_publish(&drv))
			p->kicked = true;
	}
	while (rnd_below(5) && (token = drv_get(&drv, &len)) >= 0) {
		CHECK_EQ(p->got % SLOTS, token);
		CHECK(answered(&req[token], len));
		p->got++;
	}
}

static void device_step(struct progress *p)
{
	unsigned int keep, i;
	int n;

	if (p->asleep) {
		if (!p->kicked)
			return;
		p->asleep = false;
		p->kicked = false;
		sluice_vring_disable_notify(vr);
	}
	take_away();
	n = fetch(rnd_below(4) ? SLUICE_VRING_BURST : 1 + rnd_below(8));
	if (n < 0)
		printf("# %d: %s\n", n, sluice_vring_strerror(sluice_vring_error(vr)));
	CHECK(n >= 0);
	CHECK(p->done + n <= p->put);
	for (i = 0; i < n; i++)
		CHECK(all_read(&chain[i], &req[(p->done + i) % SLOTS]));
	keep = rnd_below(3) ? n : rnd_below(n + 1);
	for (i = 0; i < keep; i++) {
		struct request *r = &req[(p->done + i) % SLOTS];

		CHECK(answer(&chain[i], r));
		sluice_vring_push(vr, &chain[i], r->done);
		if (rnd_below(10))
			continue;
		take_away();
		CHECK_EQ(0, flush());
	}
	sluice_vring_unfetch(vr, chain + keep, n - keep);
	CHECK_EQ(0, flush());
	p->done += keep;
	sluice_vring_want_signal(vr);
	CHECK(!sluice_vring_owes(vr));
	if (!n && enable_notify() == 0) {
		CHECK_EQ(p->published, p->done);
		p->asleep = true;
		p->kicked = false;
	}
}

static void run(const struct drv_conf *conf, unsigned int total)
{
	struct sluice_vring_config cfg;
	struct progress p = {};
	unsigned int idle = 0;
	int err;

	guest_reset();
	drv_init(&drv, conf);
	if (memory == KERNEL) {
		guest_iotlb();
		guest.kernel = true;
		shim_user_hook = no_user;
	} else if (memory == ABSENT) {
		shim_user_hook = present;
		shim_pagefault_disabled = true;
	}
	drv_config(&drv, &cfg);
	vr = sluice_vring_new(&cfg, &guest);
	CHECK(!IS_ERR(vr));
	do
		err = sluice_vring_start(vr);
	while (again(err));
	CHECK_EQ(0, err);
	while (p.got < total) {
		unsigned int before = p.got;

		driver_step(&p, conf);
		CHECK_OK();
		device_step(&p);
		CHECK_OK();
		idle = p.got == before ? idle + 1 : 0;
		CHECK(idle < 1000);
	}
	sluice_vring_free(vr);
}

static void all(bool packed, enum memory m)
{
	static const u32 sizes[2][6] = { { 16, 32, 64, 128, 256, 1024 },
					 { 13, 16, 31, 64, 99, 1000 } };
	unsigned int i, f;

	memory = m;
	nr_again = 0;
	for (i = 0; i < ARRAY_SIZE(sizes[0]); i++) {
		for (f = 0; f < 16; f++) {
			struct drv_conf conf = {
				.num = sizes[packed][i],
				.packed = packed,
				.indirect = f & 1,
				.event_idx = f & 2,
				.shuffle = f & 4,
				.big = !packed && (f & 8),
				.high = f & 8,
			};

			conf.start = packed ? rnd_below(conf.num) | (rnd() & 0x8000) :
					      rnd() & 0xffff;
			run(&conf, 400);
			if (test_failed) {
				printf("# size %u features %u\n", conf.num, f);
				return;
			}
		}
	}
}

static void t_split(void)
{
	all(false, PLAIN);
}

static void t_packed(void)
{
	all(true, PLAIN);
}

static void t_absent_split(void)
{
	all(false, ABSENT);
	CHECK(nr_again > 1000);
}

static void t_absent_packed(void)
{
	all(true, ABSENT);
	CHECK(nr_again > 1000);
}

static void t_kernel_split(void)
{
	all(false, KERNEL);
	CHECK(nr_again > 1000);
}

static void t_kernel_packed(void)
{
	all(true, KERNEL);
	CHECK(nr_again > 1000);
}

int main(void)
{
	static const struct test tests[] = {
		{ "split", t_split },
		{ "packed", t_packed },
		{ "split: pages come and go", t_absent_split },
		{ "packed: pages come and go", t_absent_packed },
		{ "split: the kernel maps page by page", t_kernel_split },
		{ "packed: the kernel maps page by page", t_kernel_packed },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
