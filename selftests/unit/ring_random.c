// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random chains, bursts and pauses, for either layout and every feature. What arrives is what
 * was sent, in order; what was written and how much is what the driver finds; nobody waits for
 * ever.
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

		if (sluice_chain_read(vr, c, off, data + off, n))
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

		if (sluice_chain_write(vr, c, off, data + off, n))
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
	n = sluice_vring_fetch(vr, chain, rnd_below(4) ? SLUICE_VRING_BURST : 1 + rnd_below(8),
			       seg, ARRAY_SIZE(seg));
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
		CHECK_EQ(0, sluice_vring_flush(vr));
	}
	sluice_vring_unfetch(vr, chain + keep, n - keep);
	CHECK_EQ(0, sluice_vring_flush(vr));
	p->done += keep;
	if (!n && sluice_vring_enable_notify(vr) == 0) {
		CHECK_EQ(p->published, p->done);
		p->asleep = true;
		p->kicked = false;
	}
}

static void run(const struct drv_conf *conf, unsigned int total)
{
	struct progress p = {};
	unsigned int idle = 0;

	guest_reset();
	drv_init(&drv, conf);
	vr = drv_vring(&drv);
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

static void all(bool packed)
{
	static const u32 sizes[2][6] = { { 16, 32, 64, 128, 256, 1024 },
					 { 13, 16, 31, 64, 99, 1000 } };
	unsigned int i, f;

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
	all(false);
}

static void t_packed(void)
{
	all(true);
}

int main(void)
{
	static const struct test tests[] = {
		{ "split", t_split },
		{ "packed", t_packed },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
