// SPDX-License-Identifier: GPL-2.0-only
/* Requests of a virtio disk: what passes, and with which answer the rest is sent back. */
#include "tap.h"
#include "blk/request.h"

#define SECTORS	1000

static struct sluice_request_limits limits(void)
{
	return (struct sluice_request_limits){
		.sectors = SECTORS,
		.block = 1,
		.max_range = 500,
		.discard = true,
		.zeroes = true,
		.erase = true,
	};
}

static u8 parse(const struct sluice_request_limits *lim, u32 type, u64 sector, u32 out, u32 in,
		struct sluice_request *r)
{
	struct virtio_blk_outhdr hdr = { .type = type, .sector = sector };

	return sluice_request_parse(lim, &hdr, sizeof(hdr) + out, in + 1, r);
}

struct data_case {
	const char *name;
	u64 sector;
	u32 len;
	u32 block;
	u8 want;
};

static void test_data(void)
{
	static const struct data_case cases[] = {
		{ "first sector", 0, 512, 1, VIRTIO_BLK_S_OK },
		{ "last sector", SECTORS - 1, 512, 1, VIRTIO_BLK_S_OK },
		{ "all of it", 0, SECTORS * 512, 1, VIRTIO_BLK_S_OK },
		{ "longer", 0, (SECTORS + 1) * 512, 1, VIRTIO_BLK_S_IOERR },
		{ "nothing", 0, 0, 1, VIRTIO_BLK_S_IOERR },
		{ "part of a sector", 0, 511, 1, VIRTIO_BLK_S_IOERR },
		{ "one byte too many", 0, 513, 1, VIRTIO_BLK_S_IOERR },
		{ "beyond the end", SECTORS, 512, 1, VIRTIO_BLK_S_IOERR },
		{ "across the end", SECTORS - 1, 1024, 1, VIRTIO_BLK_S_IOERR },
		{ "a sector that wraps", ~0ULL, 512, 1, VIRTIO_BLK_S_IOERR },
		{ "one that wraps to 0", ~0ULL, 1024, 1, VIRTIO_BLK_S_IOERR },
		{ "a length that wraps", 0, 0xfffffe00, 1, VIRTIO_BLK_S_IOERR },
		{ "a block", 8, 4096, 8, VIRTIO_BLK_S_OK },
		{ "half a block", 8, 2048, 8, VIRTIO_BLK_S_IOERR },
		{ "a block off its place", 4, 4096, 8, VIRTIO_BLK_S_IOERR },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct data_case *c = &cases[i];
		struct sluice_request_limits lim = limits();
		struct sluice_request r;

		lim.block = c->block;
		tap_ok(parse(&lim, VIRTIO_BLK_T_IN, c->sector, 0, c->len, &r) == c->want,
		       "read: %s", c->name);
		tap_ok(r.op == SLUICE_REQUEST_READ && r.len == c->len, "read: %s: parts", c->name);
		tap_ok(parse(&lim, VIRTIO_BLK_T_OUT, c->sector, c->len, 0, &r) == c->want,
		       "write: %s", c->name);
		tap_ok(r.op == SLUICE_REQUEST_WRITE && r.len == c->len, "write: %s: parts",
		       c->name);
	}
}

static void test_small_volume(void)
{
	struct sluice_request_limits lim = limits();
	struct sluice_request r;

	lim.sectors = 2;
	tap_ok(parse(&lim, VIRTIO_BLK_T_IN, 0, 0, 2048, &r) == VIRTIO_BLK_S_IOERR,
	       "more than there is");
	lim.sectors = 0;
	tap_ok(parse(&lim, VIRTIO_BLK_T_IN, 0, 0, 512, &r) == VIRTIO_BLK_S_IOERR,
	       "of nothing");
}

static void test_read_only(void)
{
	static const u32 types[] = { VIRTIO_BLK_T_OUT, VIRTIO_BLK_T_DISCARD,
				     VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_T_SECURE_ERASE };
	struct sluice_request_limits lim = limits();
	struct sluice_request r;
	unsigned int i;

	lim.read_only = true;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		tap_ok(parse(&lim, types[i], 0, types[i] == VIRTIO_BLK_T_OUT ? 512 : 16, 0, &r) ==
		       VIRTIO_BLK_S_IOERR, "read-only: type %u", types[i]);
	tap_ok(parse(&lim, VIRTIO_BLK_T_IN, 0, 0, 512, &r) == VIRTIO_BLK_S_OK, "read-only: a read");
	tap_ok(parse(&lim, VIRTIO_BLK_T_FLUSH, 0, 0, 0, &r) == VIRTIO_BLK_S_OK,
	       "read-only: a flush");
}

static void test_others(void)
{
	struct sluice_request_limits lim = limits();
	struct sluice_request r;
	u32 type;

	tap_ok(parse(&lim, VIRTIO_BLK_T_FLUSH, 5, 100, 0, &r) == VIRTIO_BLK_S_OK &&
	       r.op == SLUICE_REQUEST_FLUSH && !r.len, "flush");
	tap_ok(parse(&lim, VIRTIO_BLK_T_GET_ID, 0, 0, 20, &r) == VIRTIO_BLK_S_OK &&
	       r.op == SLUICE_REQUEST_ID && r.len == 20, "id");
	tap_ok(parse(&lim, VIRTIO_BLK_T_GET_ID, 0, 0, 0, &r) == VIRTIO_BLK_S_IOERR,
	       "id without room");
	for (type = 15; type < 32; type += 2)
		tap_ok(parse(&lim, type, 0, 0, 0, &r) == VIRTIO_BLK_S_UNSUPP &&
		       !sluice_request_has_ranges(&r), "unknown type %u", type);
	tap_ok(parse(&lim, VIRTIO_BLK_T_OUT | 0x80000000, 0, 512, 0, &r) == VIRTIO_BLK_S_UNSUPP,
	       "type with the barrier bit of old");
}

static void test_negotiated(void)
{
	struct sluice_request_limits lim = limits();
	struct sluice_request r;

	lim.discard = false;
	lim.zeroes = false;
	lim.erase = false;
	tap_ok(parse(&lim, VIRTIO_BLK_T_DISCARD, 0, 16, 0, &r) == VIRTIO_BLK_S_UNSUPP,
	       "discard, not negotiated");
	tap_ok(parse(&lim, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, &r) == VIRTIO_BLK_S_UNSUPP,
	       "zeroes, not negotiated");
	tap_ok(parse(&lim, VIRTIO_BLK_T_SECURE_ERASE, 0, 16, 0, &r) == VIRTIO_BLK_S_UNSUPP,
	       "erase, not negotiated");
}

struct range_case {
	const char *name;
	u64 sector;
	u32 sectors;
	u32 flags;
	u8 discard;
	u8 zeroes;
};

static void test_ranges(void)
{
	static const struct range_case cases[] = {
		{ "one sector", 0, 1, 0, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_OK },
		{ "to the end", 500, 500, 0, VIRTIO_BLK_S_OK, VIRTIO_BLK_S_OK },
		{ "across it", 501, 500, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ "too long", 0, 501, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ "empty", 0, 0, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ "wraps", ~0ULL, 2, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ "all there is", 0, ~0U, 0, VIRTIO_BLK_S_IOERR, VIRTIO_BLK_S_IOERR },
		{ "unmap", 0, 1, 1, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_OK },
		{ "unknown flag", 0, 1, 2, VIRTIO_BLK_S_UNSUPP, VIRTIO_BLK_S_UNSUPP },
	};
	struct sluice_request_limits lim = limits();
	struct sluice_request r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct range_case *c = &cases[i];
		struct virtio_blk_discard_write_zeroes d[2] = {
			{ .sector = 3, .num_sectors = 4 },
			{ .sector = c->sector, .num_sectors = c->sectors, .flags = c->flags },
		};

		parse(&lim, VIRTIO_BLK_T_DISCARD, 0, sizeof(d), 0, &r);
		tap_ok(r.nr_ranges == 2 && sluice_request_ranges(&lim, d, &r) == c->discard,
		       "discard: %s", c->name);
		parse(&lim, VIRTIO_BLK_T_WRITE_ZEROES, 0, sizeof(d), 0, &r);
		tap_ok(r.nr_ranges == 2 && sluice_request_ranges(&lim, d, &r) == c->zeroes,
		       "zeroes: %s", c->name);
		parse(&lim, VIRTIO_BLK_T_SECURE_ERASE, 0, sizeof(d), 0, &r);
		tap_ok(r.nr_ranges == 2 && sluice_request_ranges(&lim, d, &r) == c->discard,
		       "erase: %s", c->name);
	}
	parse(&lim, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, 0, &r);
	tap_ok(!sluice_request_ranges(&lim, &(struct virtio_blk_discard_write_zeroes){
					       .sector = 7, .num_sectors = 2, .flags = 1 }, &r) &&
	       r.range[0].sector == 7 && r.range[0].sectors == 2 && r.range[0].unmap,
	       "what a range says");
	tap_ok(parse(&lim, VIRTIO_BLK_T_DISCARD, 0, 16 * SLUICE_REQUEST_RANGES, 0, &r) ==
	       VIRTIO_BLK_S_OK, "as many ranges as may be");
	tap_ok(parse(&lim, VIRTIO_BLK_T_DISCARD, 0, 16 * SLUICE_REQUEST_RANGES + 16, 0, &r) ==
	       VIRTIO_BLK_S_IOERR, "one more");
	tap_ok(parse(&lim, VIRTIO_BLK_T_DISCARD, 0, 0, 0, &r) == VIRTIO_BLK_S_IOERR, "none");
	tap_ok(parse(&lim, VIRTIO_BLK_T_DISCARD, 0, 15, 0, &r) == VIRTIO_BLK_S_IOERR,
	       "part of one");
}

int main(void)
{
	test_data();
	test_small_volume();
	test_read_only();
	test_others();
	test_negotiated();
	test_ranges();
	return tap_done();
}
