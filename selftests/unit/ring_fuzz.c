// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest made of the fuzzer's bytes: configuration, steps of the device, and memory. What is
 * checked is what no guest may bring about: an access outside its memory (by the sanitizers and
 * the hook), a chain that contradicts itself, a write after the ring broke, or a loop without
 * end.
 */
#include <stdlib.h>
#include "gmem.h"
#include "iotlb.h"
#include "vring.h"

#define MEM	4096
#define BASE	0x1000ULL
#define MAX_STEPS 48

static u8 mem[MEM + 2 * PAGE_SIZE] __attribute__((aligned(4096)));
static struct sluice_chain chain[SLUICE_VRING_BURST];
static struct sluice_vring_seg seg[SLUICE_CHAIN_MAX_SEGS + 64];
static struct sluice_vring *vr;
static const u8 *input;
static size_t left;

static void need(bool cond)
{
	if (!cond)
		abort();
}

static bool inside(uintptr_t addr, size_t len, bool write)
{
	need(addr - (uintptr_t)mem <= MEM && len <= MEM - (addr - (uintptr_t)mem));
	need(!write || !vr || !sluice_vring_error(vr));
	return true;
}

static bool log_or_inside(uintptr_t addr, size_t len, bool write)
{
	if (addr - ((uintptr_t)mem + MEM) < PAGE_SIZE && len == sizeof(u32))
		return true;
	return inside(addr, len, write);
}

static u8 byte(void)
{
	if (!left)
		return 0;
	left--;
	return *input++;
}

static void missed(void *ctx, u64 iova, u8 perm)
{
	struct sluice_iotlb **t = ctx;

	/* Now and then it is mapped, one way or another. */
	if (iova - BASE < MEM && byte() & 1)
		sluice_iotlb_update(*t, iova & ~0xffULL, iova | 0xff,
				    (uintptr_t)mem + ((iova - BASE) & ~0xffULL), 1 + byte() % 3);
}

static void configure(struct sluice_vring_config *c, u8 flags)
{
	memset(c, 0, sizeof(*c));
#ifdef PACKED
	c->packed = true;
	c->num = 1 + byte() % 130;
	c->avail = byte() % c->num | (flags & 0x80 ? 0x8000 : 0);
#else
	c->num = 1 << (byte() % 8);
	c->big_endian = flags & 0x80;
	c->avail = byte() << 8 | byte();
#endif
	c->used = flags & 0x40 ? ~0U : c->avail;
	c->event_idx = flags & 1;
	c->indirect = flags & 2;
	c->log_used = flags & 8;
	c->desc = BASE + (byte() & 0x7f) * 16;
	c->driver = BASE + 0x800 + (byte() & 0x3f) * 8;
	c->device = BASE + 0x800 + (byte() & 0xff) * 8;
	c->log_addr = c->device;
}

/* Something that looks like the work of a driver, to get beyond the first checks. */
static void prepare(const struct sluice_vring_config *c)
{
	unsigned int n = byte() % 32 + 1, i;

	for (i = 0; i < n; i++) {
		u8 *d = mem + (c->desc - BASE) +
			16 * ((c->packed ? (c->avail & 0x7fff) + i : i) % c->num);
		u8 what = byte();
		u64 addr = cpu_to_le64(BASE + byte() * 16);
		u32 len = cpu_to_le32(what & 8 ? byte() * 16 : 16);
		u16 flags = what & 7, next = i + 1;

		if (what & 16)
			next = byte();
		if (c->packed)
			flags |= c->avail & 0x8000 ? 0x80 : 0x8000;
		if (c->big_endian) {
			addr = __builtin_bswap64(addr);
			len = __builtin_bswap32(len);
			flags = __builtin_bswap16(flags);
			next = __builtin_bswap16(next);
		}
		memcpy(d, &addr, 8);
		memcpy(d + 8, &len, 4);
		memcpy(d + (c->packed ? 14 : 12), &flags, 2);
		memcpy(d + (c->packed ? 12 : 14), &next, 2);
	}
	if (!c->packed) {
		u16 idx = c->avail + n;

		if (c->big_endian)
			idx = __builtin_bswap16(idx);
		memcpy(mem + (c->driver - BASE) + 2, &idx, 2);
	}
}

static void check_chain(const struct sluice_chain *c)
{
	u64 out = 0, in = 0;
	unsigned int i;

	need(c->nr_out + c->nr_in >= 1 && c->nr_out + c->nr_in <= SLUICE_CHAIN_MAX_SEGS);
	need(c->seg >= seg && c->seg + c->nr_out + c->nr_in <= seg + ARRAY_SIZE(seg));
	for (i = 0; i < c->nr_out + c->nr_in; i++) {
		need(c->seg[i].len);
		need(c->seg[i].addr + (c->seg[i].len - 1) >= c->seg[i].addr);
		*(i < c->nr_out ? &out : &in) += c->seg[i].len;
	}
	need(out == c->out_len && in == c->in_len && c->nr_desc >= 1);
}

static void use_chain(const struct sluice_chain *c)
{
	static u8 data[256];
	u32 n;

	n = min_t(u32, c->out_len, sizeof(data));
	sluice_chain_read(vr, c, c->out_len - n, data, n);
	n = min_t(u32, c->in_len, byte());
	sluice_chain_write(vr, c, 0, data, n);
	sluice_vring_push(vr, c, n);
}

static void burst(u8 how)
{
	int n = sluice_vring_fetch(vr, chain, 1 + how % SLUICE_VRING_BURST, seg, ARRAY_SIZE(seg)),
	    i, keep;

	need(n <= 1 + how % SLUICE_VRING_BURST);
	need(n >= 0 || n == -EAGAIN || (n == -EIO && sluice_vring_error(vr)));
	if (n < 0)
		return;
	keep = n - (how & 0x40 ? byte() % (n + 1) : 0);
	for (i = 0; i < n; i++)
		check_chain(&chain[i]);
	for (i = 0; i < keep; i++)
		use_chain(&chain[i]);
	sluice_vring_unfetch(vr, chain + keep, n - keep);
}

static void step(void)
{
	u8 op = byte();
	u32 avail, used;

	switch (op & 7) {
	default:
		burst(byte());
		fallthrough;
	case 1:
		sluice_vring_flush(vr);
		sluice_vring_want_signal(vr);
		break;
	case 2:
		sluice_vring_enable_notify(vr);
		break;
	case 3:
		sluice_vring_disable_notify(vr);
		sluice_vring_more(vr);
		break;
	case 4:
		/* The guest changes its memory under us. */
		avail = byte() << 4 | (byte() & 15);
		mem[avail] = byte();
		mem[(avail + 1) % MEM] = byte();
		break;
	case 5:
		sluice_vring_unmap(vr);
		sluice_vring_state(vr, &avail, &used);
		need(avail <= U16_MAX);
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct sluice_gmem_region r[2] = {
		{ BASE, MEM / 2, (uintptr_t)mem },
		{ BASE + MEM / 2, MEM / 2, (uintptr_t)mem + MEM / 2 },
	};
	struct sluice_gmem g = {};
	struct sluice_vring_config c;
	unsigned int i;
	u8 flags;

	input = data;
	left = min_t(size_t, size, 256);
	flags = byte();
	configure(&c, flags);
	memset(mem, 0, sizeof(mem));
	if (size > left)
		memcpy(mem, data + size - min(size - left, (size_t)MEM),
		       min(size - left, (size_t)MEM));
	if (flags & 32)
		prepare(&c);
	shim_user_hook = inside;
	g.table = sluice_gmem_table_new(r, 2);
	if (flags & 8) {
		g.log = mem + MEM;
		g.log_size = 1;
		shim_user_hook = log_or_inside;
	}
	if (flags & 4)
		g.iotlb = sluice_iotlb_new(missed, &g.iotlb, 0);
	if (flags & 16) {
		c.user_addr = true;
		c.desc += (uintptr_t)mem - BASE;
		c.driver += (uintptr_t)mem - BASE;
		/*
		 * Areas that leave the memory are refused by the hook's owner, a front end,
		 * before.
		 */
		c.device += (uintptr_t)mem - BASE;
		if (c.desc + c.num * 16 > (uintptr_t)mem + MEM ||
		    c.device + 6 + 8 * c.num > (uintptr_t)mem + MEM ||
		    c.driver + 6 + 2 * c.num > (uintptr_t)mem + MEM)
			c.user_addr = false;
	}
	vr = NULL;
	vr = sluice_vring_new(&c, &g);
	if (!IS_ERR(vr)) {
		sluice_vring_start(vr);
		for (i = 0; i < MAX_STEPS; i++)
			step();
		sluice_vring_free(vr);
	}
	sluice_iotlb_free(g.iotlb);
	sluice_gmem_table_free(g.table);
	return 0;
}
