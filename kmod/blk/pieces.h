/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The data of a request: pieces of memory, in the bios that take them to the device. A piece is the
 * guest's, held by a reference on its pages, or a page of our own for what cannot go as it is.
 */
#ifndef _SLUICE_BLK_PIECES_H
#define _SLUICE_BLK_PIECES_H

#include <linux/bio.h>
#include <linux/scatterlist.h>
#include <linux/types.h>

struct sluice_pages;

/**
 * struct sluice_bios - where a volume's bios come from
 * @quick: some that were used before are kept by each CPU
 * @kept: however short memory is there are some, for whichever CPU
 */
struct sluice_bios {
	struct bio_set quick;
	struct bio_set kept;
};

/* Context: process. exit: what is all zero is fine. */
int sluice_bios_init(struct sluice_bios *bs);
void sluice_bios_exit(struct sluice_bios *bs);

/**
 * struct sluice_bio - a bio of a request
 * @next: the one behind it
 * @req: whose it is
 * @start: all of it: the bio's own place moves on while the device works
 * @opf: what is asked for; who gets the bio may change its flags
 * @done: the device did it; written with the bio's completion
 * @bio: at the end, as its pieces may follow it
 */
struct sluice_bio {
	struct sluice_bio *next;
	void *req;
	struct bvec_iter start;
	blk_opf_t opf;
	bool done;
	struct bio bio;
};

/* Pieces that a list has room for in itself. */
#define SLUICE_PIECES_QUICK	4

/**
 * struct sluice_pieces - a list of them
 * @first: NULL: there is none
 * @last: likewise
 * @bytes: in all
 * @align: OR of where pieces begin and how long they are
 * @reserved: the last bio is the reserve's: see pages.h
 * @quick: the first bio, if it has few pieces
 * @piece: they
 */
struct sluice_pieces {
	struct sluice_bio *first;
	struct sluice_bio *last;
	u32 bytes;
	u32 align;
	bool reserved;
	struct sluice_bio quick;
	struct bio_vec piece[SLUICE_PIECES_QUICK];
};

/* A place in a list of pieces. */
struct sluice_pieces_cursor {
	struct sluice_bio *b;
	struct bvec_iter iter;
};

static inline struct sluice_pieces_cursor sluice_pieces_start(const struct sluice_pieces *p)
{
	return (struct sluice_pieces_cursor){ .b = p->first, .iter = p->first->start };
}

/* To the next bio, if that is where the next bytes are. */
static inline void sluice_pieces_cursor_settle(struct sluice_pieces_cursor *c)
{
	if (c->iter.bi_size)
		return;
	c->b = c->b->next;
	c->iter = c->b->start;
}

/*
 * The next @len bytes, all of which lie in one page, as those of pieces that are aligned to @len
 * do: in @sg, which has its end marked.
 */
static inline void sluice_pieces_cursor_next(struct sluice_pieces_cursor *c, unsigned int len,
					     struct scatterlist *sg)
{
	const struct bio_vec *bv;
	unsigned int at;

	sluice_pieces_cursor_settle(c);
	bv = &c->b->bio.bi_io_vec[c->iter.bi_idx];
	at = bv->bv_offset + c->iter.bi_bvec_done;
	sg_set_page(sg, bv->bv_page + (at >> PAGE_SHIFT), len, offset_in_page(at));
	bvec_iter_advance_single(c->b->bio.bi_io_vec, &c->iter, len);
}

/*
 * Everything below: worker context. None waits for memory: -ENOMEM, and what is there already stays
 * to be dropped.
 */

/* Another bio, with room for @nr pieces (at most BIO_MAX_VECS; 0: a bio without data). */
struct sluice_bio *sluice_pieces_add_bio(struct sluice_pieces *p, struct sluice_bios *bs,
					 struct block_device *bdev, unsigned int nr, blk_opf_t opf);
/*
 * @len bytes of the kernel's direct map at @where, of which @more are to follow. @bdev: NULL: no
 * device gets them.
 */
int sluice_pieces_add(struct sluice_pieces *p, struct sluice_bios *bs, struct block_device *bdev,
		      blk_opf_t opf, void *where, u32 len, u32 more);
/* No more is added. @hold: take a reference on each page. */
void sluice_pieces_done(struct sluice_pieces *p, bool hold);
/* @bytes of our own, as the first of it. -EBUSY: others have too many of @pages. */
int sluice_pieces_add_pages(struct sluice_pieces *p, struct sluice_bios *bs,
			    struct block_device *bdev, blk_opf_t opf, struct sluice_pages *pages,
			    u32 bytes);
/* Copy all of @from to @to, which is as long. */
void sluice_pieces_copy(const struct sluice_pieces *to, const struct sluice_pieces *from);

/* Nobody uses them any more. @hold: give references back; @pages: they are our own. */
void sluice_pieces_drop(struct sluice_pieces *p, bool hold, struct sluice_pages *pages);

#endif /* _SLUICE_BLK_PIECES_H */
