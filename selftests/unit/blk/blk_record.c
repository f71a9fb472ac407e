// SPDX-License-Identifier: GPL-2.0-only
/* The record of a volume as bytes: what is not understood, or damaged, or torn, is refused. */
#include "tap.h"
#include <linux/crc32.h>
#include "record.h"

#define CRC_AT	(SLUICE_RECORD_BYTES - 4)

static u8 block[SLUICE_RECORD_BYTES], other[SLUICE_RECORD_BYTES], torn[SLUICE_RECORD_BYTES];

static struct sluice_record sample(u32 state, u64 generation)
{
	struct sluice_record r = {
		.generation = generation,
		.geometry = {
			.device_sectors = 1 << 20, .device = SLUICE_RECORD_EUI64,
			.start = 2048, .sectors = 40960, .cipher_bits = 256,
			.sector_size = 4096, .iv_offset = 8,
		},
		.state = state,
	};

	memset(r.uuid, 0x5a, sizeof(r.uuid));
	memset(r.geometry.device_id, 0x77, 8);
	memset(r.key, 0x11, sizeof(r.key));
	if (state == SLUICE_RECORD_WIPED)
		memset(r.key, 0, sizeof(r.key));
	if (state == SLUICE_RECORD_AT_REST || state == SLUICE_RECORD_WIPING ||
	    state == SLUICE_RECORD_WIPED)
		return r;
	r.pos = state == SLUICE_RECORD_RUNNING ? 512 : 0;
	r.turns = state == SLUICE_RECORD_RUNNING ? 3 : 0;
	memset(r.from, state == SLUICE_RECORD_DONE ? 0x22 : 0x11, sizeof(r.from));
	memset(r.to, state == SLUICE_RECORD_DONE ? 0x11 : 0x22, sizeof(r.to));
	memset(r.journal, 0x33, sizeof(r.journal));
	return r;
}

/* As somebody would write it who means what it says. */
static void seal(u8 *b)
{
	u32 crc = cpu_to_le32(crc32_le(~0, b, CRC_AT));

	memcpy(b + CRC_AT, &crc, sizeof(crc));
}

static bool same(const struct sluice_record *a, const struct sluice_record *b)
{
	u8 x[SLUICE_RECORD_BYTES], y[SLUICE_RECORD_BYTES];

	sluice_record_format(a, x);
	sluice_record_format(b, y);
	return !memcmp(x, y, sizeof(x));
}

static void test_round(void)
{
	u32 state;

	for (state = 0; state < SLUICE_RECORD_STATES; state++) {
		struct sluice_record r = sample(state, 7 + state), got;

		sluice_record_format(&r, block);
		tap_ok(!sluice_record_parse(block, &got) && same(&r, &got),
		       "what is written is read, in state %u", state);
	}
}

/* Fixed for good: little endian, each at its place. */
static void test_layout(void)
{
	struct sluice_record r = sample(SLUICE_RECORD_RUNNING, 0x0102030405060708ULL);

	sluice_record_format(&r, block);
	tap_ok(!memcmp(block, "slrecord", 8) && block[8] == 1, "magic and version");
	tap_ok(block[16] == 8 && block[23] == 1, "generation");
	tap_ok(block[24] == 0x5a && block[39] == 0x5a, "UUID");
	tap_ok(block[48] == 0 && block[49] == 8, "start");
	tap_ok(!strcmp((char *)block + 104, "aes-xts-plain64"), "cipher");
	tap_ok(block[136] == 0x11 && block[152] == 1 && block[156] == 3 && block[161] == 2,
	       "key, state, turns, position");
	tap_ok(block[168] == 0x11 && block[184] == 0x22 && block[200] == 0x33, "keys, journal");
}

static void test_bits(void)
{
	struct sluice_record r = sample(SLUICE_RECORD_RUNNING, 3), got;
	unsigned int i, taken = 0;

	sluice_record_format(&r, block);
	for (i = 0; i < SLUICE_RECORD_BYTES * 8; i++) {
		block[i / 8] ^= 1 << i % 8;
		taken += !sluice_record_parse(block, &got);
		block[i / 8] ^= 1 << i % 8;
	}
	tap_ok(!taken, "each of %u bits that is another is refused: %u taken", i, taken);
}

/* Whole, but said by who knows more than we do. */
static void test_reserved(void)
{
	static const struct { unsigned int from, to; const char *what; } places[] = {
		{ 8, 12, "version" }, { 12, 16, "flags" }, { 84, 88, "flags of the geometry" },
		{ 72, 76, "kind of device" }, { 76, 80, "cipher's bits" },
		{ 104, 136, "cipher's name" }, { 152, 156, "state" },
		{ 156, 160, "turns of what does not run" },
		{ 216, CRC_AT, "reserved to the end" },
	};
	struct sluice_record r = sample(SLUICE_RECORD_AT_REST, 3), got;
	unsigned int i, k, bad;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		for (bad = 0, k = places[i].from; k < places[i].to; k++) {
			sluice_record_format(&r, block);
			block[k] ^= 0x40;
			seal(block);
			bad += sluice_record_parse(block, &got) != -EOPNOTSUPP;
		}
		tap_ok(!bad, "%s: what is not known is refused", places[i].what);
	}
}

static void test_parts(void)
{
	struct sluice_record r = sample(SLUICE_RECORD_AT_REST, 3), got;

	r.pos = 1;
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "a position at rest");
	r = sample(SLUICE_RECORD_DONE, 3);
	r.pos = 1;
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "a position when it is done");
	r = sample(SLUICE_RECORD_RUNNING, 3);
	r.pos = r.geometry.sectors + 1;
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "a position behind the end");
	r = sample(SLUICE_RECORD_RUNNING, 3);
	r.from[3]++;
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "from a key that it does not have");
	r = sample(SLUICE_RECORD_DONE, 3);
	r.to[3]++;
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "done, with another key");
	r = sample(SLUICE_RECORD_GIVEN_UP, 3);
	r.from[3]++;
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "given up, for another key");
	r = sample(SLUICE_RECORD_AT_REST, 3);
	memset(r.uuid + 8, 0, 8);
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "a UUID that a sector may have");
	memset(block, 0, sizeof(block));
	tap_ok(sluice_record_parse(block, &got) == -ENOENT, "nothing");
	memset(block, 0xe5, sizeof(block));
	tap_ok(sluice_record_parse(block, &got) == -EBADMSG, "something else");
}

static void test_copies(void)
{
	struct sluice_record r = sample(SLUICE_RECORD_AT_REST, 8), got;
	struct sluice_record next = sample(SLUICE_RECORD_RUNNING, 9);

	sluice_record_format(&r, block);
	sluice_record_format(&next, other);
	tap_ok(!sluice_record_choose(block, other, &got) && got.generation == 9, "the later one");
	tap_ok(!sluice_record_choose(other, block, &got) && got.generation == 9, "wherever it is");
	memset(torn, 0, sizeof(torn));
	tap_ok(!sluice_record_choose(block, torn, &got) && got.generation == 8, "the only one");
	tap_ok(!sluice_record_choose(torn, other, &got) && got.generation == 9, "the other");
	tap_ok(sluice_record_choose(torn, torn, &got) == -ENOENT, "none at all");
	other[100] ^= 1;
	tap_ok(sluice_record_choose(torn, other, &got) == -EBADMSG, "a damaged one, and none");
	tap_ok(!sluice_record_choose(block, other, &got) && got.generation == 8, "a whole one");
	sluice_record_format(&next, other);
	other[8] = 2;
	seal(other);
	tap_ok(sluice_record_choose(block, other, &got) == -EOPNOTSUPP, "one of a later version");
	next.uuid[0]++;
	sluice_record_format(&next, other);
	tap_ok(sluice_record_choose(block, other, &got) == -EUCLEAN, "those of two volumes");
	r = sample(SLUICE_RECORD_WIPED, 8);
	sluice_record_format(&r, block);
	tap_ok(!sluice_record_choose(block, other, &got) && same(&got, &next) &&
	       !sluice_record_choose(other, block, &got) && same(&got, &next),
	       "a new one, and one of a volume that was wiped");
	memset(r.key, 1, sizeof(r.key));
	sluice_record_format(&r, block);
	tap_ok(sluice_record_parse(block, &got) == -EOPNOTSUPP, "one that was wiped has no key");
	tap_ok(sluice_record_place(8) == 0 && sluice_record_place(9) == 8, "in turn");
}

/* One says @older, and the other, @later generations on, @state: does the older one count? */
static bool older_counts(u64 before, u64 later, enum sluice_record_state state,
			 enum sluice_record_state older)
{
	struct sluice_record a = sample(older, before), b = sample(state, before + later), got;

	sluice_record_format(&a, block);
	sluice_record_format(&b, other);
	return !sluice_record_choose(block, other, &got) && same(&got, &a) &&
	       !sluice_record_choose(other, block, &got) && same(&got, &a);
}

/* A wipe is begun when both copies say so. */
static void test_wipe(void)
{
	struct sluice_record r = sample(SLUICE_RECORD_WIPING, 5), got;

	tap_ok(older_counts(4, 1, SLUICE_RECORD_WIPING, SLUICE_RECORD_AT_REST) &&
	       older_counts(4, 1, SLUICE_RECORD_WIPING, SLUICE_RECORD_DONE) &&
	       older_counts(~0ULL, 1, SLUICE_RECORD_WIPING, SLUICE_RECORD_AT_REST),
	       "one copy alone says that it is being wiped: it is not");
	tap_ok(!older_counts(4, 1, SLUICE_RECORD_WIPING, SLUICE_RECORD_WIPING) &&
	       !older_counts(4, 3, SLUICE_RECORD_WIPING, SLUICE_RECORD_AT_REST),
	       "both do, or not the one before");
	tap_ok(!older_counts(4, 1, SLUICE_RECORD_AT_REST, SLUICE_RECORD_WIPING) &&
	       !older_counts(4, 1, SLUICE_RECORD_WIPED, SLUICE_RECORD_WIPING), "it is through");
	sluice_record_format(&r, block);
	memset(torn, 0xff, sizeof(torn));
	tap_ok(!sluice_record_choose(block, torn, &got) && got.state == SLUICE_RECORD_WIPING &&
	       !sluice_record_choose(torn, block, &got) && got.state == SLUICE_RECORD_WIPING,
	       "the other copy is lost: it may be half wiped");
}

/* The device wrote so many bytes of the copy, then it was cut off. */
static void test_torn(void)
{
	struct sluice_record r = sample(SLUICE_RECORD_AT_REST, 8), got;
	struct sluice_record was = sample(SLUICE_RECORD_DONE, 7);
	struct sluice_record next = sample(SLUICE_RECORD_RUNNING, 9);
	unsigned int i, wrong = 0, old = 0;

	sluice_record_format(&r, block);
	for (i = 0; i <= SLUICE_RECORD_BYTES; i++) {
		u8 fresh[SLUICE_RECORD_BYTES];

		sluice_record_format(&was, torn);
		sluice_record_format(&next, fresh);
		memcpy(torn, fresh, i);
		if (sluice_record_choose(block, torn, &got))
			wrong++;
		else if (same(&got, &r))
			old++;
		else if (!same(&got, &next))
			wrong++;
	}
	tap_ok(!wrong && old >= CRC_AT && old <= SLUICE_RECORD_BYTES,
	       "torn anywhere: the one before, or all of it: %u before, %u wrong", old, wrong);
}

static void test_wrap(void)
{
	static const u64 before[] = { 0, 1, 0x7fffffffffffffffULL, ~0ULL - 1, ~0ULL };
	struct sluice_record got;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(before); i++) {
		struct sluice_record a = sample(SLUICE_RECORD_AT_REST, before[i]);
		struct sluice_record b = sample(SLUICE_RECORD_AT_REST, before[i] + 1);

		sluice_record_format(&a, block);
		sluice_record_format(&b, other);
		tap_ok(!sluice_record_choose(block, other, &got) &&
		       got.generation == before[i] + 1 &&
		       sluice_record_place(before[i]) != sluice_record_place(before[i] + 1),
		       "after generation %llx", (unsigned long long)before[i]);
	}
}

static void test_geometry(void)
{
	const struct sluice_geometry g = sample(SLUICE_RECORD_AT_REST, 1).geometry;
	struct sluice_geometry now = g;
	struct sluice_difference d;

	tap_ok(!sluice_geometry_differs(&g, &now, &d), "the same");
	now.iv_offset = 16;
	tap_ok(sluice_geometry_differs(&g, &now, &d) && !strcmp(d.what, "iv-offset") &&
	       d.is == 8 && d.given == 16, "another iv-offset, which and how");
	now = g;
	now.sector_size = 512;
	tap_ok(sluice_geometry_differs(&g, &now, &d) && !strcmp(d.what, "sector-size"), "sector");
	now = g;
	now.start++;
	tap_ok(sluice_geometry_differs(&g, &now, &d) && !strcmp(d.what, "start"), "start");
	now = g;
	now.sectors--;
	tap_ok(sluice_geometry_differs(&g, &now, &d) && !strcmp(d.what, "size"), "size");
	now = g;
	now.cipher_bits = 128;
	tap_ok(sluice_geometry_differs(&g, &now, &d) && !strcmp(d.what, "cipher-bits"), "bits");
	now = g;
	now.integrity = true;
	tap_ok(sluice_geometry_differs(&g, &now, &d) && !strcmp(d.what, "integrity") &&
	       !d.is && d.given, "integrity that was not demanded");
	tap_ok(sluice_geometry_differs(&now, &g, &d) && d.is && !d.given, "or was");
}

static void test_integrity(void)
{
	struct sluice_geometry g = sample(SLUICE_RECORD_AT_REST, 1).geometry, got;
	struct sluice_geometry_le le;

	sluice_geometry_format(&g, &le);
	tap_ok(!le.flags && !sluice_geometry_parse(&le, &got) && !got.integrity,
	       "as it was written before there was integrity");
	g.integrity = true;
	sluice_geometry_format(&g, &le);
	tap_ok(le.flags && !sluice_geometry_parse(&le, &got) && got.integrity, "and with it");
}

static void test_device(void)
{
	struct sluice_geometry g = sample(SLUICE_RECORD_AT_REST, 1).geometry, now = g;

	now.device_sectors *= 2;
	tap_ok(sluice_geometry_same_device(&g, &now, false), "whose name is known, longer");
	now.device_id[0]++;
	tap_ok(!sluice_geometry_same_device(&g, &now, true), "of another name");
	now = g;
	now.device = SLUICE_RECORD_SIZE;
	tap_ok(!sluice_geometry_same_device(&g, &now, true), "of none");
	g = now;
	tap_ok(sluice_geometry_same_device(&g, &now, false), "of the same size");
	now.device_sectors++;
	tap_ok(sluice_geometry_same_device(&g, &now, true) &&
	       !sluice_geometry_same_device(&g, &now, false), "that grew, if it may");
	now.device_sectors -= 2;
	tap_ok(!sluice_geometry_same_device(&g, &now, true), "that is shorter");
}

int main(void)
{
	test_round();
	test_layout();
	test_bits();
	test_reserved();
	test_parts();
	test_copies();
	test_wipe();
	test_torn();
	test_wrap();
	test_geometry();
	test_integrity();
	test_device();
	return tap_done();
}
