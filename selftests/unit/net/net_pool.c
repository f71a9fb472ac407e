// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet memory: pieces do not overlap, pages live as long as their pieces and come back when
 * those are gone, and running out of memory harms nothing.
 */
#include "net/pool.h"
#include "tap.h"

#define MAX_PIECES 600

static unsigned int nr_allocated, nr_live;
static bool next_pfmemalloc;
/* Pages of this order and larger cannot be had just now; at all, or by who does not wait. */
static unsigned int short_of, short_of_now;
static struct work_struct *queued;
static bool queued_later;

/* --- pages --- */

static void page_put(struct page *page, int refs)
{
	if (page->refs < refs)
		abort();
	page->refs -= refs;
	if (page->refs)
		return;
	nr_live--;
	free(page->memory);
	free(page);
}

struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	struct page *page;

	if (!(gfp & __GFP_COMP) || order > SLUICE_POOL_ORDER)
		abort();
	/* Only the work item may wait, and nobody is killed for what it asks. */
	if (gfp & __GFP_NORETRY ? order >= short_of : order >= min(short_of, short_of_now))
		return NULL;
	if (shim_alloc_fails())
		return NULL;
	page = calloc(1, sizeof(*page));
	page->refs = 1;
	page->pfmemalloc = next_pfmemalloc;
	page->memory = aligned_alloc(PAGE_SIZE, PAGE_SIZE << order);
	nr_allocated++;
	nr_live++;
	return page;
}

void __page_frag_cache_drain(struct page *page, unsigned int refs)
{
	page_put(page, refs);
}

void __free_pages(struct page *page, unsigned int order)
{
	page_put(page, 1);
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay)
{
	queued_later = true;
	queued = &work->work;
	return true;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *work, unsigned long delay)
{
	queued_later = false;
	queued = &work->work;
	return true;
}

bool cancel_delayed_work_sync(struct delayed_work *work)
{
	queued = NULL;
	return true;
}

/* --- pieces that are out --- */

struct piece {
	struct page *page;
	u8 *data;
	unsigned int size;
	u8 mark;
};

static struct sluice_pool pool;
static struct piece out[MAX_PIECES];
static unsigned int nr_out;
static bool intact;

/* Each page keeps a reference of the pool's beside those of its pieces. */
static bool references_add_up(void)
{
	unsigned int i, k;

	for (i = 0; i < SLUICE_POOL_PAGES; i++) {
		const struct sluice_pool_page *p = &pool.page[i];
		unsigned int refs = p->spare;

		if (!p->page)
			continue;
		for (k = 0; k < nr_out; k++)
			refs += out[k].page == p->page;
		if (!p->spare || p->page->refs != refs)
			return false;
	}
	return true;
}

static bool take_some(unsigned int min, unsigned int max)
{
	struct piece *piece = &out[nr_out];

	piece->size = 0;
	piece->data = sluice_pool_alloc_some(&pool, min, max, &piece->size);
	if (!piece->data)
		return false;
	piece->page = pool.page[pool.cur].page;
	piece->mark = nr_allocated * 7 + nr_out + 1;
	intact &= piece->size >= min && piece->size <= max &&
		  !((uintptr_t)piece->data % SMP_CACHE_BYTES) &&
		  piece->data >= (u8 *)piece->page->memory &&
		  piece->data + piece->size <= (u8 *)piece->page->memory +
					       (PAGE_SIZE << pool.page[pool.cur].order);
	memset(piece->data, piece->mark, piece->size);
	nr_out++;
	return true;
}

static bool take(unsigned int size)
{
	return take_some(size, size);
}

static void give(unsigned int i)
{
	struct piece *piece = &out[i];

	intact &= !memchr_inv(piece->data, piece->mark, piece->size);
	page_put(piece->page, 1);
	*piece = out[--nr_out];
}

static void give_all(void)
{
	while (nr_out)
		give(nr_out - 1);
}

static void start(void)
{
	memset(&pool, 0, sizeof(pool));
	nr_allocated = 0;
	next_pfmemalloc = false;
	intact = true;
	queued = NULL;
	/* Most tests count pages: their pool has no reserve until its work item runs. */
	short_of = 0;
	sluice_pool_init(&pool);
	short_of = UINT_MAX;
	short_of_now = UINT_MAX;
}

static void finish(const char *name)
{
	give_all();
	sluice_pool_exit(&pool);
	tap_ok(intact && !nr_live, "%s: pieces were whole, nothing is left", name);
}

/* --- tests --- */

static u32 rnd(u32 below)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % below;
}

static void test_random(void)
{
	bool sums = true;
	unsigned int i;

	start();
	for (i = 0; i < 20000; i++) {
		if (nr_out < MAX_PIECES && rnd(200) >= nr_out / 3)
			intact &= rnd(8) ? take(1 + rnd(2000)) :
					   take_some(1 + rnd(4096), 4096 + rnd(60000));
		else if (nr_out)
			give(rnd(nr_out));
		/* Whoever has all pieces gives them back at times. */
		if (!rnd(2000))
			give_all();
		sums &= references_add_up();
	}
	tap_ok(sums, "references add up");
	finish("random sizes");
}

/* Pieces that come back before the ring is round. */
static void test_reuse(void)
{
	unsigned int i;

	start();
	for (i = 0; i < 20 * SLUICE_POOL_PAGES; i++) {
		intact &= take(SLUICE_POOL_SIZE / 2);
		give(0);
	}
	tap_ok(nr_allocated == SLUICE_POOL_PAGES, "the same pages go round");
	tap_ok(references_add_up(), "with a full stock of references each time");
	finish("reuse");
}

/* Whatever the size of pieces, those of one page get along with its references. */
static void test_smallest(void)
{
	const unsigned int all = SLUICE_POOL_SIZE / SMP_CACHE_BYTES;
	unsigned int i;

	start();
	for (i = 0; i < all; i++)
		intact &= take(1);
	tap_ok(nr_allocated == 1 && references_add_up(), "a page in %u pieces", all);
	intact &= take(1);
	tap_ok(nr_allocated == 2, "and no more");
	give_all();
	intact &= take(SLUICE_POOL_SIZE);
	tap_ok(nr_allocated == 3 && out[0].size == SLUICE_POOL_SIZE, "a page in one piece");
	finish("smallest and largest");
}

/* A page with a piece out when its turn comes again is given up, and lives as long as the piece. */
static void test_reclaim(void)
{
	struct page *held;
	unsigned int i;

	start();
	intact &= take(100);
	held = out[0].page;
	for (i = 0; i < SLUICE_POOL_PAGES; i++) {
		intact &= take(SLUICE_POOL_SIZE);
		give(1);
	}
	tap_ok(nr_allocated == SLUICE_POOL_PAGES + 1 && nr_live == SLUICE_POOL_PAGES + 1,
	       "a page in use is replaced");
	tap_ok(held->refs == 1, "only its piece holds it then");
	give(0);
	tap_ok(nr_live == SLUICE_POOL_PAGES, "it goes with its piece");
	finish("reclaim");

	start();
	intact &= take(100);
	sluice_pool_exit(&pool);
	tap_ok(nr_live == 1 && !pool.left, "a piece outlives its pool");
	finish("exit");
}

/* Memory of the emergency reserve goes back to it. */
static void test_reserve(void)
{
	unsigned int i;

	start();
	next_pfmemalloc = true;
	for (i = 0; i < 2 * SLUICE_POOL_PAGES; i++) {
		intact &= take(SLUICE_POOL_SIZE);
		give(0);
	}
	tap_ok(nr_allocated == 2 * SLUICE_POOL_PAGES && nr_live == SLUICE_POOL_PAGES,
	       "reserves are not kept");
	finish("reserve");
}

static void test_some(void)
{
	start();
	intact &= take(SLUICE_POOL_SIZE - 5000);
	intact &= take_some(4096, 60000);
	tap_ok(nr_allocated == 1 && out[1].size == (5000 & ~(SMP_CACHE_BYTES - 1)),
	       "the rest of a page");
	intact &= take(SLUICE_POOL_SIZE - 4000);
	intact &= take_some(4096, 60000);
	tap_ok(nr_allocated == 3 && out[3].size == SLUICE_POOL_SIZE,
	       "less than is asked for is no rest");
	intact &= take_some(100, 200);
	tap_ok(out[4].size == 200, "no more than is asked for");
	finish("some");
}

static void test_exhaustion(void)
{
	unsigned int i;

	start();
	shim_alloc_fail = 0;
	tap_ok(!take(SLUICE_POOL_SIZE) && !pool.left, "no first page");
	tap_ok(take(100), "another time there is");
	shim_alloc_fail = 0;
	tap_ok(take(100), "what is left of a page needs no memory");
	tap_ok(!take(SLUICE_POOL_SIZE) && references_add_up(), "no second page");
	shim_alloc_fail = 0;
	tap_ok(take(100) && !shim_alloc_fail, "less still comes from the first");
	shim_alloc_fail = -1;
	for (i = 0; i < SLUICE_POOL_PAGES - 1; i++)
		intact &= take(SLUICE_POOL_SIZE);
	shim_alloc_fail = 0;
	tap_ok(!take(SLUICE_POOL_SIZE) && references_add_up(), "no page in place of one in use");
	tap_ok(take(SLUICE_POOL_SIZE), "but then");
	give_all();
	shim_alloc_fail = 0;
	for (i = 0; i < 3 * SLUICE_POOL_PAGES; i++) {
		intact &= take(SLUICE_POOL_SIZE);
		give(0);
	}
	tap_ok(!shim_alloc_fail, "what came back is enough");
	shim_alloc_fail = -1;
	finish("exhaustion");
}

static void refill(void)
{
	struct work_struct *work = queued;

	queued = NULL;
	if (work)
		work->func(work);
}

/* Issue 9, 4.2: who must not wait for memory lives on what was put by, then on small pages. */
static void test_short(void)
{
	unsigned int i;

	start();
	sluice_pool_exit(&pool);
	sluice_pool_init(&pool);
	tap_ok(nr_allocated == SLUICE_POOL_RESERVE, "a reserve is put by");
	short_of_now = SLUICE_POOL_ORDER;
	for (i = 0; i < SLUICE_POOL_RESERVE; i++)
		intact &= take(SLUICE_POOL_SIZE);
	tap_ok(nr_allocated == SLUICE_POOL_RESERVE && queued, "it is used, and to be filled again");
	refill();
	tap_ok(nr_allocated == 2 * SLUICE_POOL_RESERVE, "it is filled");
	tap_ok(references_add_up(), "references add up");
	short_of = SLUICE_POOL_ORDER;
	for (i = 0; i < SLUICE_POOL_RESERVE; i++)
		intact &= take(SLUICE_POOL_SIZE);
	refill();
	tap_ok(!take(SLUICE_POOL_SIZE), "no long frame when it is used up");
	tap_ok(take(2000) && take(2000) && take(10000), "but short ones, in pages of their size");
	tap_ok(references_add_up(), "references add up");
	short_of = 0;
	tap_ok(!take(10000) && queued, "and where there is nothing a frame is refused");
	refill();
	tap_ok(queued && queued_later, "a reserve that could not be filled is tried again");
	short_of = UINT_MAX;
	i = nr_allocated;
	refill();
	tap_ok(nr_allocated == i + SLUICE_POOL_RESERVE && !queued,
	       "until it is, though nobody asks any more");
	finish("short of memory");
}

/* Issue 9, 4.1: what a thread that died had of it is not given back, but known. */
static void test_abandoned(void)
{
	start();
	sluice_pool_exit(&pool);
	sluice_pool_init(&pool);
	intact &= take(SLUICE_POOL_SIZE) && take(100);
	short_of = SLUICE_POOL_ORDER;
	intact &= take(SLUICE_POOL_SIZE);
	refill();
	/* Two of the ring, one of the reserve's that is in the ring now, and the others. */
	tap_ok(sluice_pool_abandon(&pool) == (2 + SLUICE_POOL_RESERVE) * SLUICE_POOL_SIZE,
	       "all of it is counted");
	tap_ok(!queued, "nobody fills it any more");
	short_of = 0;
	finish("abandoned");
}

int main(void)
{
	test_random();
	test_reuse();
	test_smallest();
	test_reclaim();
	test_reserve();
	test_some();
	test_exhaustion();
	test_short();
	test_abandoned();
	return tap_done();
}
