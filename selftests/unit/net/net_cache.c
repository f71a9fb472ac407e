// SPDX-License-Identifier: GPL-2.0-only
/*
 * The flow cache: what goes in comes out, counts reach their rules, and what a generation voided
 * stays void, also when more changes were made than 32 bits count (item 1.2).
 */
#include "net/generation.c"
#include "net/cache.h"
#include "tap.h"

bool shim_rtnl = true;

static struct sluice_cache cache;
static struct sluice_program prog;
static struct sluice_counter rule[2];

static struct sluice_flow_key key_of(u32 n)
{
	return (struct sluice_flow_key){ .in_port = 1, .sport = n, .dport = n >> 16, .tos = 4 };
}

static struct sluice_cache_entry *look(u64 gen, u32 n)
{
	struct sluice_flow_key key = key_of(n);

	return sluice_cache_lookup(&cache, gen, sluice_cache_hash(&cache, &key), &key);
}

static struct sluice_cache_entry *insert(u64 gen, u32 n)
{
	struct sluice_flow_key key = key_of(n);

	return sluice_cache_insert(&cache, gen, sluice_cache_hash(&cache, &key), &key, &prog);
}

static void begin(void)
{
	if (sluice_cache_init(&cache))
		abort();
	memset(rule, 0, sizeof(rule));
	prog = (struct sluice_program){ .nr_op = 1, .nr_hit = 2 };
	prog.op[0].type = SLUICE_OP_SLOW;
	prog.hit[0] = &rule[0];
	prog.hit[1] = &rule[1];
}

static void test_found(void)
{
	unsigned int i, found = 0, n = SLUICE_CACHE_SETS * SLUICE_CACHE_WAYS;

	begin();
	for (i = 0; i < 64; i++)
		insert(1, i);
	for (i = 0; i < 64; i++)
		found += look(1, i) && look(1, i)->nr_op == 1 && look(1, i)->hit[1] == &rule[1];
	tap_ok(found == 64, "what was remembered is found");
	for (i = 64; i < 4 * n; i++)
		insert(1, i);
	for (found = 0, i = 0; i < 4 * n; i++)
		found += !!look(1, i);
	tap_ok(found > n / 2 && found <= n, "no more than there is room for: %u", found);
	prog.nr_op = SLUICE_CACHE_OPS + 1;
	tap_ok(!insert(1, 5), "a program that is too long is not remembered");
	sluice_cache_exit(&cache);
}

static void test_counted(void)
{
	struct sluice_cache_entry *e;

	begin();
	e = insert(1, 7);
	sluice_cache_count(&cache, e, 3, 300);
	sluice_cache_count(&cache, e, 1, 60);
	tap_ok(!atomic64_read(&rule[0].packets), "counts wait for a flush");
	sluice_cache_flush(&cache);
	tap_ok(atomic64_read(&rule[0].packets) == 4 && atomic64_read(&rule[1].bytes) == 360,
	       "a flush delivers them");
	sluice_cache_count(&cache, look(1, 7), 2, 120);
	/* The same key of a new generation takes the old entry's place. */
	if (insert(2, 7) != e)
		abort();
	sluice_cache_flush(&cache);
	tap_ok(atomic64_read(&rule[0].packets) == 6, "so does who takes an entry's place");
	sluice_cache_exit(&cache);
}

/* One entry of each generation around the place where 32 bits are used up. */
static void test_void(void)
{
	unsigned int i, revived = 0, again = 0;
	u64 gen[8];

	begin();
	gen_last = U32_MAX - 4ULL;
	for (i = 0; i < ARRAY_SIZE(gen); i++) {
		gen[i] = sluice_net_gen_new();
		insert(gen[i], i);
		again += !look(gen[i], i);
	}
	tap_ok(!again, "1.2: each generation finds its own entries");
	for (i = 1; i < ARRAY_SIZE(gen); i++)
		again += gen[i] <= gen[i - 1];
	tap_ok(!again && gen[7] > U32_MAX, "1.2: generations only rise, also past 32 bits");
	for (i = 0; i < ARRAY_SIZE(gen); i++)
		revived += !!look(gen[(i + 1) % 8], i);
	/* 2^32 changes later. */
	for (i = 0; i < ARRAY_SIZE(gen); i++)
		revived += !!look(gen[i] + (1ULL << 32), i);
	tap_ok(!revived, "1.2: no entry of an older generation comes back: %u", revived);
	sluice_cache_exit(&cache);
}

static void test_no_memory(void)
{
	int i, failed = 0;

	for (i = 0; i < 3; i++) {
		shim_alloc_fail = i;
		failed += sluice_cache_init(&cache) == -ENOMEM;
	}
	shim_alloc_fail = -1;
	tap_ok(failed == 3, "without memory there is none");
}

int main(void)
{
	test_found();
	test_counted();
	test_void();
	test_no_memory();
	return tap_done();
}
