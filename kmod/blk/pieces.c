// SPDX-License-Identifier: GPL-2.0-only
/* The data of a request: see pieces.h. */
#include <linux/blkdev.h>
#include <linux/mm.h>
#include "pages.h"
#include "pieces.h"

/*
 * Bios that can be had however short memory is: several parts of requests, for a device that takes
 * 124 KiB at once (the block layer's default). What goes to the device in pages of ours has others:
 * see pages.h.
 */
#define PIECES_BIOS	96

/* --- where bios come from --- */

int sluice_bios_init(struct sluice_bios *bs)
{
	const unsigned int pad = offsetof(struct sluice_bio, bio);
	int err;

	err = bioset_init(&bs->quick, 1, pad, BIOSET_NEED_BVECS | BIOSET_PERCPU_CACHE);
	if (err)
		return err;
	err = bioset_init(&bs->kept, PIECES_BIOS, pad, BIOSET_NEED_BVECS);
	if (err)
		bioset_exit(&bs->quick);
	return err;
}

void sluice_bios_exit(struct sluice_bios *bs)
{
	bioset_exit(&bs->quick);
	bioset_exit(&bs->kept);
}

/* --- lists --- */

static struct sluice_bio *pieces_link(struct sluice_pieces *p, struct bio *bio)
{
	struct sluice_bio *b;

	if (!bio)
		return NULL;
	b = container_of(bio, struct sluice_bio, bio);
	b->next = NULL;
	b->opf = bio->bi_opf;
	b->done = false;
	if (p->last)
		p->last->next = b;
	else
		p->first = b;
	p->last = b;
	return b;
}

/* The first bio of most is at hand. */
static struct sluice_bio *pieces_begin(struct sluice_pieces *p, struct block_device *bdev,
				       blk_opf_t opf)
{
	struct sluice_bio *b = &p->quick;

	bio_init(&b->bio, bdev, p->piece, SLUICE_PIECES_QUICK, opf);
	b->next = NULL;
	b->opf = opf;
	b->done = false;
	p->first = b;
	p->last = b;
	return b;
}

/* A piece of a page at most, which any device takes. */
static void pieces_first(struct sluice_pieces *p, struct block_device *bdev, blk_opf_t opf,
			 struct page *page, u32 len, u32 off)
{
	struct bio *bio = &pieces_begin(p, bdev, opf)->bio;

	bvec_set_page(p->piece, page, len, off);
	bio->bi_iter.bi_size = len;
	bio->bi_vcnt = 1;
	p->bytes = len;
	p->align = off | len;
}

struct sluice_bio *sluice_pieces_add_bio(struct sluice_pieces *p, struct sluice_bios *bs,
					 struct block_device *bdev, unsigned int nr, blk_opf_t opf)
{
	struct bio *bio;

	if (!p->first && nr <= SLUICE_PIECES_QUICK)
		return pieces_begin(p, bdev, opf);
	bio = bio_alloc_bioset(bdev, nr, opf | REQ_ALLOC_CACHE, GFP_NOWAIT, &bs->quick);
	if (unlikely(!bio))
		bio = bio_alloc_bioset(bdev, nr, opf, GFP_NOWAIT, &bs->kept);
	return pieces_link(p, bio);
}

/*
 * What the device takes in one command, as far as can be told: the block layer would have to split
 * more, and does not do that without waiting. Whole pages, hence whole sectors of any cipher, and
 * no page of our own is in two bios.
 */
static u32 pieces_limit(struct block_device *bdev)
{
	u32 sectors = U32_MAX >> SECTOR_SHIFT;

	if (bdev)
		sectors = min(queue_max_sectors(bdev_get_queue(bdev)), sectors);
	return max_t(u32, round_down(sectors << SECTOR_SHIFT, PAGE_SIZE), PAGE_SIZE);
}

/* Return: the bytes that became a piece of the last bio, of @len; 0: it is full. */
static u32 pieces_append(struct sluice_pieces *p, u32 limit, void *where, u32 len)
{
	struct bio *bio;

	if (!p->last)
		return 0;
	bio = &p->last->bio;
	if (bio->bi_iter.bi_size >= limit ||
	    (bio->bi_bdev && bio->bi_vcnt >= queue_max_segments(bdev_get_queue(bio->bi_bdev))))
		return 0;
	len = min(len, limit - bio->bi_iter.bi_size);
	return bio_add_page(bio, virt_to_page(where), len, offset_in_page(where));
}

int sluice_pieces_add(struct sluice_pieces *p, struct sluice_bios *bs, struct block_device *bdev,
		      blk_opf_t opf, void *where, u32 len, u32 more)
{
	u32 align = offset_in_page(where) | len, limit, part;

	if (likely(!p->first && len <= PAGE_SIZE && more <= PAGE_SIZE)) {
		pieces_first(p, bdev, opf, virt_to_page(where), len, offset_in_page(where));
		return 0;
	}
	for (limit = pieces_limit(bdev); len; len -= part, where += part) {
		unsigned int nr;

		part = pieces_append(p, limit, where, len);
		p->bytes += part;
		if (part)
			continue;
		/* As many as there can be if nothing that follows is contiguous. */
		nr = bio_max_segs(2 + DIV_ROUND_UP(min(more, limit), PAGE_SIZE));
		/* When memory is short there are tables for the longest alone. */
		if (!sluice_pieces_add_bio(p, bs, bdev, nr, opf) &&
		    !sluice_pieces_add_bio(p, bs, bdev, BIO_MAX_VECS, opf))
			return -ENOMEM;
	}
	/* Now: of a list that has no bio nothing is said, as nobody drops it. */
	p->align |= align;
	return 0;
}

/*
 * The same in a bio of the reserve's, of which there are few. So each is filled, whatever the
 * device takes at once: the block layer splits it.
 */
static int pieces_add_reserved(struct sluice_pieces *p, struct block_device *bdev, blk_opf_t opf,
			       struct sluice_pages *pages, struct page *page, u32 len)
{
	struct bio_set *bs = &pages->reserve->bs;

	if (!sluice_reserve_take(pages, p))
		return -ENOMEM;
	if (!p->reserved || !bio_add_page(&p->last->bio, page, len, 0)) {
		if (!pieces_link(p, bio_alloc_bioset(bdev, BIO_MAX_VECS, opf, GFP_NOWAIT, bs)))
			return -ENOMEM;
		p->reserved = true;
		__bio_add_page(&p->last->bio, page, len, 0);
	}
	p->bytes += len;
	return 0;
}

static int pieces_add_page(struct sluice_pieces *p, struct sluice_bios *bs,
			   struct block_device *bdev, blk_opf_t opf, struct sluice_pages *pages,
			   struct page *page, u32 left)
{
	u32 len = min_t(u32, left, PAGE_SIZE);
	int err;

	if (likely(!p->first && left <= PAGE_SIZE)) {
		pieces_first(p, bdev, opf, page, left, 0);
		return 0;
	}
	if (unlikely(p->reserved))
		return pieces_add_reserved(p, bdev, opf, pages, page, len);
	err = sluice_pieces_add(p, bs, bdev, opf, page_address(page), len, left - len);
	if (likely(!err))
		return 0;
	return pieces_add_reserved(p, bdev, opf, pages, page, len);
}

int sluice_pieces_add_pages(struct sluice_pieces *p, struct sluice_bios *bs,
			    struct block_device *bdev, blk_opf_t opf, struct sluice_pages *pages,
			    u32 bytes)
{
	if (!sluice_pages_room(pages, DIV_ROUND_UP(bytes, PAGE_SIZE)))
		return -EBUSY;
	while (p->bytes < bytes) {
		struct page *page = sluice_pages_get(pages, p);
		int err;

		if (!page)
			return -ENOMEM;
		err = pieces_add_page(p, bs, bdev, opf, pages, page, bytes - p->bytes);
		if (err) {
			sluice_pages_put(pages, page);
			return err;
		}
	}
	return 0;
}

/* A piece may be several pages that lie side by side, each of which is held by itself. */
static unsigned int piece_pages(const struct bio_vec *bv)
{
	return DIV_ROUND_UP(bv->bv_offset + bv->bv_len, PAGE_SIZE);
}

static void piece_hold(const struct bio_vec *bv)
{
	unsigned int i;

	for (i = 0; i < piece_pages(bv); i++)
		get_page(bv->bv_page + i);
}

/* @pages: where it came from; NULL: the guest's. */
static void piece_let_go(const struct bio_vec *bv, struct sluice_pages *pages)
{
	unsigned int i;

	for (i = 0; i < piece_pages(bv); i++) {
		if (pages)
			sluice_pages_put(pages, bv->bv_page + i);
		else
			put_page(bv->bv_page + i);
	}
}

void sluice_pieces_done(struct sluice_pieces *p, bool hold)
{
	struct sluice_bio *b;
	unsigned int i;

	for (b = p->first; b; b = b->next) {
		b->start = b->bio.bi_iter;
		for (i = 0; hold && i < b->bio.bi_vcnt; i++)
			piece_hold(&b->bio.bi_io_vec[i]);
	}
}

static u32 pieces_copy_bio(struct sluice_pieces_cursor *to, const struct bio_vec *from)
{
	struct bio_vec bv = bio_iter_iovec(&to->b->bio, to->iter);
	u32 n = min(bv.bv_len, from->bv_len);

	memcpy(bvec_virt(&bv), bvec_virt((struct bio_vec *)from), n);
	return n;
}

void sluice_pieces_copy(const struct sluice_pieces *to, const struct sluice_pieces *from)
{
	struct sluice_pieces_cursor src = sluice_pieces_start(from), dst = sluice_pieces_start(to);
	u32 left = from->bytes, n;

	while (left) {
		struct bio_vec bv;

		sluice_pieces_cursor_settle(&src);
		sluice_pieces_cursor_settle(&dst);
		bv = bio_iter_iovec(&src.b->bio, src.iter);
		n = pieces_copy_bio(&dst, &bv);
		bio_advance_iter_single(&src.b->bio, &src.iter, n);
		bio_advance_iter_single(&dst.b->bio, &dst.iter, n);
		left -= n;
	}
}

void sluice_pieces_drop(struct sluice_pieces *p, bool hold, struct sluice_pages *pages)
{
	struct sluice_bio *b;
	unsigned int i;

	while ((b = p->first)) {
		p->first = b->next;
		for (i = 0; (hold || pages) && i < b->bio.bi_vcnt; i++)
			piece_let_go(&b->bio.bi_io_vec[i], pages);
		if (likely(b == &p->quick))
			bio_uninit(&b->bio);
		else
			bio_put(&b->bio);
	}
	if (pages)
		sluice_reserve_release(pages, p);
	p->last = NULL;
	p->bytes = 0;
	p->align = 0;
	p->reserved = false;
}
