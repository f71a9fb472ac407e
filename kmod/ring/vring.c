// SPDX-License-Identifier: GPL-2.0-only
/* Virtqueues, device side: what both layouts have in common. */
#include <linux/align.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include "vring_priv.h"

static const char * const vring_error_text[] = {
#define SLUICE_X(name, text) text,
	SLUICE_VRING_ERRORS(SLUICE_X)
#undef SLUICE_X
};

const char *sluice_vring_strerror(enum sluice_vring_error e)
{
	return (unsigned int)e < SLUICE_VRING_ERR_MAX ? vring_error_text[e] : "unknown";
}

enum sluice_vring_error sluice_vring_error(const struct sluice_vring *vr)
{
	return READ_ONCE(vr->error);
}

void sluice_vring_break(struct sluice_vring *vr, enum sluice_vring_error why)
{
	/* The first reason is the one that helps. */
	if (!vr->error)
		WRITE_ONCE(vr->error, why);
}
SLUICE_EXPORT(sluice_vring_break);

/* From a failure inside to one that callers see. */
static int vring_fail(struct sluice_vring *vr, int err)
{
	if (!VRING_IS_BAD(err))
		return err;
	sluice_vring_break(vr, VRING_WHY(err));
	return -EIO;
}

static bool vring_absent(struct sluice_gmem_view *v, struct sluice_gmem_absent *absent)
{
	*absent = v->absent;
	v->absent.len = 0;
	return absent->len;
}

bool sluice_vring_absent(struct sluice_vring *vr, struct sluice_gmem_absent *absent,
			 enum sluice_vring_error *why)
{
	*why = SLUICE_VRING_ERR_RING;
	if (vring_absent(&vr->ring, absent))
		return true;
	*why = SLUICE_VRING_ERR_ADDRESS;
	return vring_absent(&vr->buf, absent);
}

/* --- life --- */

static void vring_layout(struct sluice_vring *vr, const struct sluice_vring_config *cfg)
{
	u32 event = cfg->event_idx ? sizeof(u16) : 0;

	vr->area[VRING_DESC] = (struct vring_area) {
		.addr = cfg->desc,
		.len = cfg->num * VRING_DESC_SIZE,
		.perm = cfg->packed ? SLUICE_GMEM_RW : SLUICE_GMEM_RO,
	};
	vr->area[VRING_DRIVER] = (struct vring_area) {
		.addr = cfg->driver,
		.len = cfg->packed ?
			       sizeof(struct vring_packed_desc_event) :
			       offsetof(struct vring_avail, ring) + cfg->num * sizeof(u16) + event,
		.perm = SLUICE_GMEM_RO,
	};
	vr->area[VRING_DEVICE] = (struct vring_area) {
		.addr = cfg->device,
		.len = cfg->packed ? sizeof(struct vring_packed_desc_event) :
				     offsetof(struct vring_used, ring) +
				     cfg->num * sizeof(struct vring_used_elem) + event,
		/* Of the used ring nothing is read but the index, once, if nobody knows it. */
		.perm = vr->used_unknown ? SLUICE_GMEM_RW : SLUICE_GMEM_WO,
	};
}

static bool vring_config_valid(const struct sluice_vring_config *cfg)
{
	if (!cfg->num || cfg->num > SLUICE_VRING_MAX_NUM || !IS_ALIGNED(cfg->desc, VRING_DESC_SIZE))
		return false;
	if (cfg->packed)
		return !cfg->big_endian && IS_ALIGNED(cfg->driver, 4) &&
		       IS_ALIGNED(cfg->device, 4) && cfg->avail <= U16_MAX &&
		       (cfg->avail & 0x7fff) < cfg->num &&
		       (cfg->used == ~0U ||
			(cfg->used <= U16_MAX && (cfg->used & 0x7fff) < cfg->num));
	return is_power_of_2(cfg->num) && IS_ALIGNED(cfg->driver, 2) &&
	       IS_ALIGNED(cfg->device, 4) && cfg->avail <= U16_MAX &&
	       (cfg->used == ~0U || cfg->used <= U16_MAX);
}

size_t sluice_vring_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_vring)) +
	       kmalloc_size_roundup(SLUICE_GMEM_WAYS * sizeof(struct sluice_gmem_hint));
}

struct sluice_vring *sluice_vring_new(const struct sluice_vring_config *cfg,
				      struct sluice_gmem *gmem)
{
	u32 used = cfg->used == ~0U && cfg->packed ? cfg->avail : cfg->used;
	struct sluice_vring *vr;

	if (!vring_config_valid(cfg) || (gmem->kernel && (cfg->user_addr || !gmem->iotlb)))
		return ERR_PTR(-EINVAL);
	vr = kzalloc(sizeof(*vr), GFP_KERNEL_ACCOUNT);
	if (!vr)
		return ERR_PTR(-ENOMEM);
	if (gmem->iotlb) {
		vr->way = kcalloc(SLUICE_GMEM_WAYS, sizeof(*vr->way), GFP_KERNEL_ACCOUNT);
		if (!vr->way) {
			kfree(vr);
			return ERR_PTR(-ENOMEM);
		}
		vr->buf.way = vr->way;
		vr->ring.way = vr->way;
	}

	vr->gmem = gmem;
	vr->num = cfg->num;
	vr->packed = cfg->packed;
	vr->event_idx = cfg->event_idx;
	vr->notify_on_empty = cfg->notify_on_empty;
	vr->indirect = cfg->indirect;
	vr->little = !cfg->big_endian;
	vr->user_addr = cfg->user_addr;
	vr->log_used = cfg->log_used;
	vr->log_addr = cfg->log_addr;
	vr->notify_on = true;
	vr->signal_all = true;
	if (vr->packed) {
		vr->avail = vring_packed_decode(vr->num, cfg->avail);
		vr->used = vring_packed_decode(vr->num, used);
		vr->push = vr->used;
	} else {
		vr->avail = cfg->avail;
		vr->seen = cfg->avail;
		vr->used_unknown = used == ~0U;
		vr->used = vr->used_unknown ? 0 : used;
	}
	vring_layout(vr, cfg);
	return vr;
}
SLUICE_EXPORT(sluice_vring_new);

void sluice_vring_free(struct sluice_vring *vr)
{
	kfree(vr->way);
	kfree(vr);
}
SLUICE_EXPORT(sluice_vring_free);

void sluice_vring_state(const struct sluice_vring *vr, u32 *avail, u32 *used)
{
	/*
	 * Chains whose completions could not be published are the driver's to see again: whoever
	 * goes on from here fetches them once more.
	 */
	*avail = vr->packed ? vring_packed_encode(vr, vring_packed_unpushed(vr)) :
			      (u16)(vr->avail - vr->nr_pend);
	*used = vr->packed ? vring_packed_encode(vr, vr->used) : vr->used_unknown ? ~0U : vr->used;
}

void sluice_vring_set_log(struct sluice_vring *vr, bool on, u64 addr)
{
	vr->log_used = on;
	vr->log_addr = addr;
}

/* --- the ring's own memory --- */

static bool vring_translated(const struct sluice_vring *vr)
{
	return !vr->user_addr && vr->gmem->iotlb;
}

static bool vring_fresh(const struct sluice_vring *vr)
{
	return !vring_translated(vr) || vr->map_gen == sluice_iotlb_gen(vr->gmem->iotlb);
}

static int vring_map_area(struct sluice_vring *vr, struct vring_area *a)
{
	int err;

	if (vr->user_addr) {
		a->uaddr = a->addr;
		return 0;
	}
	a->uaddr = 0;
	err = sluice_gmem_map(vr->gmem, &vr->ring, a->addr, a->len, a->perm, &a->uaddr);
	if (err)
		a->uaddr = 0;
	/*
	 * An IOMMU may scatter pages that the driver sees side by side: they are translated one
	 * access at a time.
	 */
	return err == -ERANGE ? 0 : err;
}

/*
 * Each page of an area once, so that a front end's mistake is found when the ring starts and not
 * with its first packet; later on both ends do.
 */
static int vring_probe_area(struct sluice_vring *vr, enum vring_part part)
{
	const struct vring_area *a = &vr->area[part];
	u32 off, step = vr->begun ? a->len : PAGE_SIZE;
	u8 byte;
	int err;

	if (vr->gmem->kernel)
		return 0;
	if (a->uaddr && !access_ok((void __user *)(unsigned long)a->uaddr, a->len))
		return -EFAULT;
	if (!(a->perm & SLUICE_GMEM_RO))
		return 0;
	for (off = 0; off < a->len; off += step) {
		err = vring_area_read(vr, part, off, &byte, sizeof(byte));
		if (err)
			return err;
	}
	return vring_area_read(vr, part, a->len - 1, &byte, sizeof(byte));
}

static int vring_map(struct sluice_vring *vr)
{
	u64 gen = vring_translated(vr) ? sluice_iotlb_gen(vr->gmem->iotlb) : 0;
	int part, err;

	/* The generation first: what is looked up below is not older. */
	vr->map_gen = gen;
	for (part = 0; part < VRING_PARTS; part++) {
		err = vring_map_area(vr, &vr->area[part]);
		if (!err)
			err = vring_probe_area(vr, part);
		if (err)
			return err;
	}
	vr->mapped = true;
	return 0;
}

int sluice_vring_start(struct sluice_vring *vr)
{
	int err;

	err = vring_map(vr);
	if (!err && vr->used_unknown)
		err = vring_split_start(vr);
	if (!err && !vr->begun) {
		err = vr->packed ? vring_packed_notify(vr, false) : vring_split_notify(vr, false);
		vr->notify_on = false;
		vr->begun = !err;
	}
	if (err)
		vr->mapped = false;
	return !err || err == -EAGAIN ? err : -EFAULT;
}
SLUICE_EXPORT(sluice_vring_start);

void sluice_vring_unmap(struct sluice_vring *vr)
{
	int part;

	for (part = 0; part < VRING_PARTS; part++)
		vr->area[part].uaddr = vr->user_addr ? vr->area[part].addr : 0;
	vr->mapped = false;
	vr->buf.hint.size = 0;
	vr->ring.hint.size = 0;
	/* Whoever counts the generations of an IOTLB that is new begins again. */
	if (vr->way)
		memset(vr->way, 0, SLUICE_GMEM_WAYS * sizeof(*vr->way));
	vr->nr_run = 0;
	vr->nr_win = 0;
	vr->nr_side = 0;
}

static int vring_ready(struct sluice_vring *vr)
{
	int err;

	if (likely(vr->mapped && vring_fresh(vr)))
		return 0;
	err = sluice_vring_start(vr);
	return err == -EFAULT ? VRING_BAD(RING) : err;
}

int vring_ring_error(int err)
{
	return !err || err == -EAGAIN ? err : VRING_BAD(RING);
}

static bool vring_direct(const struct sluice_vring *vr, const struct vring_area *a)
{
	return a->uaddr && vring_fresh(vr);
}

bool vring_area_direct(const struct sluice_vring *vr, enum vring_part part)
{
	return vring_direct(vr, &vr->area[part]);
}

/* Only a split ring's used ring has an address of its own for the log. */
static int vring_log(struct sluice_vring *vr, enum vring_part part, u32 off, u64 uaddr, u32 len)
{
	if (likely(!vr->log_used))
		return 0;
	if (vr->packed || vr->gmem->iotlb || part != VRING_DEVICE)
		return sluice_gmem_log_user(vr->gmem, &vr->ring, uaddr, len);
	return sluice_gmem_log(vr->gmem, &vr->ring, vr->log_addr + off, len);
}

int vring_area_read(struct sluice_vring *vr, enum vring_part part, u32 off, void *dst, u32 len)
{
	const struct vring_area *a = &vr->area[part];
	int err;

	if (likely(vring_direct(vr, a)))
		err = sluice_gmem_load(vr->gmem, &vr->ring, a->uaddr + off, dst, len);
	else
		err = sluice_gmem_copy_from(vr->gmem, &vr->ring, a->addr + off, dst, len);
	return vring_ring_error(err);
}

int vring_area_write(struct sluice_vring *vr, enum vring_part part, u32 off, const void *src,
		     u32 len)
{
	const struct vring_area *a = &vr->area[part];
	int err;

	if (likely(vring_direct(vr, a))) {
		err = sluice_gmem_store(vr->gmem, &vr->ring, a->uaddr + off, src, len);
		if (!err)
			err = vring_log(vr, part, off, a->uaddr + off, len);
	} else {
		err = sluice_gmem_copy_to(vr->gmem, &vr->ring, a->addr + off, src, len);
	}
	return vring_ring_error(err);
}

/* Where one field lies. */
static int vring_field(struct sluice_vring *vr, enum vring_part part, u32 off, u32 len, u8 perm,
		       u64 *uaddr)
{
	const struct vring_area *a = &vr->area[part];

	if (likely(vring_direct(vr, a))) {
		*uaddr = a->uaddr + off;
		return 0;
	}
	return sluice_gmem_map(vr->gmem, &vr->ring, a->addr + off, len, perm, uaddr);
}

#define VRING_FIELD(bits) \
static __always_inline int vring_load##bits(struct sluice_vring *vr, u64 uaddr, u##bits *val) \
{ \
	if (vr->gmem->kernel) \
		*val = READ_ONCE(*(u##bits *)(unsigned long)uaddr); \
	else if (unlikely(get_user(*val, (u##bits __user *)(unsigned long)uaddr))) \
		return sluice_gmem_refused(&vr->ring, uaddr, sizeof(*val), false); \
	return 0; \
} \
\
static __always_inline int vring_store##bits(struct sluice_vring *vr, u64 uaddr, u##bits val) \
{ \
	if (vr->gmem->kernel) \
		WRITE_ONCE(*(u##bits *)(unsigned long)uaddr, val); \
	else if (unlikely(put_user(val, (u##bits __user *)(unsigned long)uaddr))) \
		return sluice_gmem_refused(&vr->ring, uaddr, sizeof(val), true); \
	return 0; \
} \
\
int vring_area_read##bits(struct sluice_vring *vr, enum vring_part part, u32 off, u##bits *val) \
{ \
	u64 uaddr; \
	int err; \
\
	err = vring_field(vr, part, off, sizeof(*val), SLUICE_GMEM_RO, &uaddr); \
	return vring_ring_error(err ?: vring_load##bits(vr, uaddr, val)); \
} \
\
int vring_area_write##bits(struct sluice_vring *vr, enum vring_part part, u32 off, u##bits val) \
{ \
	u64 uaddr; \
	int err; \
\
	err = vring_field(vr, part, off, sizeof(val), SLUICE_GMEM_WO, &uaddr); \
	if (!err) \
		err = vring_store##bits(vr, uaddr, val); \
	return vring_ring_error(err ?: vring_log(vr, part, off, uaddr, sizeof(val))); \
}

VRING_FIELD(16)
VRING_FIELD(32)

int vring_publish_begin(struct sluice_vring *vr, enum vring_part part, u32 off, u32 len,
			u64 *uaddr)
{
	int err;

	err = vring_field(vr, part, off, len, SLUICE_GMEM_WO, uaddr);
	/* Before the store: then the log is there. */
	return vring_ring_error(err ?: vring_log(vr, part, off, *uaddr, len));
}

void vring_publish_end(struct sluice_vring *vr, enum vring_part part, u32 off, u32 len, u64 uaddr)
{
	/* And after it: whoever cleared the bit in between saw the old value. */
	if (likely(!vring_log(vr, part, off, uaddr, len)))
		return;
	vr->unlogged = len;
	vr->unlogged_part = part;
	vr->unlogged_off = off;
}

int vring_area_publish16(struct sluice_vring *vr, enum vring_part part, u32 off, u16 val)
{
	u64 uaddr;
	int err;

	err = vring_publish_begin(vr, part, off, sizeof(val), &uaddr);
	if (likely(!err))
		err = vring_ring_error(vring_store16(vr, uaddr, val));
	if (likely(!err))
		vring_publish_end(vr, part, off, sizeof(val), uaddr);
	return err;
}

int vring_log_late(struct sluice_vring *vr)
{
	u64 uaddr;
	int err;

	if (likely(!vr->unlogged))
		return 0;
	err = vring_field(vr, vr->unlogged_part, vr->unlogged_off, vr->unlogged, SLUICE_GMEM_WO,
			  &uaddr);
	if (!err)
		err = vring_log(vr, vr->unlogged_part, vr->unlogged_off, uaddr, vr->unlogged);
	if (!err)
		vr->unlogged = 0;
	return vring_ring_error(err);
}

int vring_table_read(struct sluice_vring *vr, u64 addr, void *dst, u32 len)
{
	int err;

	err = sluice_gmem_copy_from(vr->gmem, &vr->buf, addr, dst, len);
	return !err || err == -EAGAIN ? err : VRING_BAD(ADDRESS);
}

/* --- chains --- */

static u32 vring_slots(const struct sluice_vring *vr, const struct sluice_chain *c)
{
	return vr->packed ? c->nr_desc : 1;
}

int sluice_vring_fetch(struct sluice_vring *vr, struct sluice_chain *chain, unsigned int max,
		       struct sluice_vring_seg *seg, unsigned int nr_seg)
{
	unsigned int n = 0, room;
	int err;

	if (unlikely(vr->error))
		return -EIO;
	err = vring_ready(vr);
	/* Completions that missing memory held back. */
	if (unlikely(vr->nr_pend) && !err)
		err = sluice_vring_flush(vr);
	if (unlikely(err))
		return vring_fail(vr, err);

	max = min(max, SLUICE_VRING_BURST);
	while (n < max) {
		struct sluice_chain *c = &chain[n];

		room = min(nr_seg, SLUICE_CHAIN_MAX_SEGS);
		err = vr->packed ? vring_packed_next(vr, max - n, c, seg, room) :
				   vring_split_next(vr, max - n, c, seg, room);
		if (err)
			break;
		vr->ahead -= min_t(u32, vr->ahead, c->nr_desc);
		vr->lent += vring_slots(vr, c);
		seg += c->nr_out + c->nr_in;
		nr_seg -= c->nr_out + c->nr_in;
		n++;
	}
	/* An error behind good chains is found again, and told, by the next fetch. */
	if (n || !err || err == -ENODATA)
		return n;
	return vring_fail(vr, err);
}
SLUICE_EXPORT(sluice_vring_fetch);

static void vring_give_back(struct sluice_vring *vr, u32 slots)
{
	vr->avail = vr->packed ? vring_packed_sub(vr, vr->avail, slots) : (u16)(vr->avail - slots);
	vr->ahead += slots;
	vr->lent -= slots;
}

void sluice_vring_unfetch(struct sluice_vring *vr, const struct sluice_chain *chain, unsigned int n)
{
	u32 slots = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		slots += vring_slots(vr, &chain[i]);
	vring_give_back(vr, slots);
}
SLUICE_EXPORT(sluice_vring_unfetch);

bool sluice_vring_rewind(struct sluice_vring *vr)
{
	if (vr->publishing)
		return false;
	vring_give_back(vr, vr->lent);
	return true;
}

/* One of @dst and @src is NULL. */
static int chain_walk(struct sluice_vring *vr, const struct sluice_vring_seg *seg, unsigned int nr,
		      u32 off, void *dst, const void *src, u32 len)
{
	for (; nr && len; nr--, seg++) {
		u32 n;
		int err;

		if (off >= seg->len) {
			off -= seg->len;
			continue;
		}
		n = min(len, seg->len - off);
		if (dst) {
			err = sluice_gmem_copy_from(vr->gmem, &vr->buf, seg->addr + off, dst, n);
			dst += n;
		} else {
			err = sluice_gmem_copy_to(vr->gmem, &vr->buf, seg->addr + off, src, n);
			src += n;
		}
		if (unlikely(err))
			return err;
		off = 0;
		len -= n;
	}
	return 0;
}

static int chain_done(struct sluice_vring *vr, int err)
{
	if (unlikely(err) && err != -EAGAIN)
		sluice_vring_break(vr, SLUICE_VRING_ERR_ADDRESS);
	return err;
}

int sluice_chain_read(struct sluice_vring *vr, const struct sluice_chain *c, u32 off, void *dst,
		      u32 len)
{
	const struct sluice_vring_seg *seg = c->seg;
	int err;

	if (unlikely(vr->error))
		return -EIO;
	if (unlikely((u64)off + len > c->out_len))
		return -EINVAL;
	if (likely(c->nr_out && (u64)off + len <= seg->len))
		err = sluice_gmem_copy_from(vr->gmem, &vr->buf, seg->addr + off, dst, len);
	else
		err = chain_walk(vr, seg, c->nr_out, off, dst, NULL, len);
	return chain_done(vr, err);
}
SLUICE_EXPORT(sluice_chain_read);

int sluice_chain_write(struct sluice_vring *vr, const struct sluice_chain *c, u32 off,
		       const void *src, u32 len)
{
	const struct sluice_vring_seg *seg = c->seg + c->nr_out;
	int err;

	if (unlikely(vr->error))
		return -EIO;
	if (unlikely((u64)off + len > c->in_len))
		return -EINVAL;
	if (likely(c->nr_in && (u64)off + len <= seg->len))
		err = sluice_gmem_copy_to(vr->gmem, &vr->buf, seg->addr + off, src, len);
	else
		err = chain_walk(vr, seg, c->nr_in, off, NULL, src, len);
	return chain_done(vr, err);
}
SLUICE_EXPORT(sluice_chain_write);

int sluice_chain_map(struct sluice_vring *vr, u64 addr, u32 len, bool write, void **where, u32 *run)
{
	const u8 perm = write ? SLUICE_GMEM_WO : SLUICE_GMEM_RO;
	const struct sluice_gmem_hint *h = &vr->buf.hint;
	u64 kaddr;
	int err;

	if (unlikely(vr->error))
		return -EIO;
	if (likely(len && sluice_gmem_hint_covers(vr->gmem, h, addr, len, perm))) {
		*where = (void *)(unsigned long)(h->uaddr + (addr - h->start));
		*run = len;
		return 0;
	}
	err = sluice_gmem_find(vr->gmem, &vr->buf, addr, len, perm, &kaddr, run);
	if (!err)
		*where = (void *)(unsigned long)kaddr;
	return chain_done(vr, err);
}
SLUICE_EXPORT(sluice_chain_map);

/* --- completions --- */

void sluice_vring_push(struct sluice_vring *vr, const struct sluice_chain *c, u32 len)
{
	/*
	 * A full queue of completions means that publishing them failed: there is no place to
	 * remember more.
	 */
	if (unlikely(vr->nr_pend == SLUICE_VRING_BURST && sluice_vring_flush(vr)))
		sluice_vring_break(vr, SLUICE_VRING_ERR_RING);
	if (unlikely(vr->error))
		return;
	vr->lent -= vring_slots(vr, c);
	if (vr->packed)
		vring_packed_push(vr, c, len);
	else
		vring_split_push(vr, c, len);
}
SLUICE_EXPORT(sluice_vring_push);

int sluice_vring_flush(struct sluice_vring *vr)
{
	int err;

	if (unlikely(vr->error))
		return -EIO;
	err = vring_log_late(vr);
	if (unlikely(err))
		return vring_fail(vr, err);
	if (!vr->nr_pend)
		return 0;
	WRITE_ONCE(vr->publishing, true);
	err = vr->packed ? vring_packed_flush(vr) : vring_split_flush(vr);
	WRITE_ONCE(vr->publishing, false);
	return unlikely(err) ? vring_fail(vr, err) : 0;
}
SLUICE_EXPORT(sluice_vring_flush);

bool sluice_vring_unpublished(const struct sluice_vring *vr)
{
	return vr->nr_pend || vr->unlogged;
}

bool sluice_vring_owes(const struct sluice_vring *vr)
{
	return sluice_vring_unpublished(vr) || vr->unsignalled;
}

bool sluice_vring_untold(const struct sluice_vring *vr)
{
	return vr->unsignalled >= vr->num;
}

bool sluice_vring_want_signal(struct sluice_vring *vr)
{
	int want;

	if (unlikely(vr->error) || !vr->unsignalled)
		return false;
	/*
	 * What was published before what the driver wants to be told of. Pairs with the barrier
	 * that a driver has between asking for an interrupt and looking at the used ring for
	 * the last time.
	 */
	smp_mb();
	want = vr->packed ? vring_packed_signal(vr) : vring_split_signal(vr);
	vr->unsignalled = 0;
	if (unlikely(want < 0)) {
		/* An interrupt too many does no harm. */
		want = vring_fail(vr, want) == -EAGAIN;
	}
	return want;
}
SLUICE_EXPORT(sluice_vring_want_signal);

/* --- notifications --- */

static int vring_notify(struct sluice_vring *vr, bool on)
{
	if (vr->notify_on == on && !on)
		return 0;
	vr->notify_on = on;
	return vr->packed ? vring_packed_notify(vr, on) : vring_split_notify(vr, on);
}

static int vring_more(struct sluice_vring *vr, u32 ahead)
{
	return vr->packed ? vring_packed_more(vr, ahead) : vring_split_more(vr, ahead);
}

int sluice_vring_enable_notify(struct sluice_vring *vr)
{
	int err;

	if (unlikely(vr->error))
		return -EIO;
	err = vring_ready(vr);
	if (!err)
		err = vring_notify(vr, true);
	if (err)
		return vring_fail(vr, err);
	/*
	 * Our wish before the look below. Pairs with the barrier that a driver has between
	 * making a buffer available and looking whether to notify: either it sees the wish or
	 * we see the buffer.
	 */
	smp_mb();
	err = vring_more(vr, vr->ahead);
	if (!err)
		return 0;
	if (err > 0)
		err = vring_notify(vr, false) ?: 1;
	return err < 0 ? vring_fail(vr, err) : 1;
}
SLUICE_EXPORT(sluice_vring_enable_notify);

void sluice_vring_disable_notify(struct sluice_vring *vr)
{
	int err;

	if (unlikely(vr->error))
		return;
	err = vring_notify(vr, false);
	if (unlikely(err))
		vring_fail(vr, err);
}

bool sluice_vring_more(struct sluice_vring *vr)
{
	if (unlikely(vr->error))
		return false;
	/* Whatever is wrong, a fetch tells. */
	return vring_ready(vr) || vring_more(vr, 0);
}
SLUICE_EXPORT(sluice_vring_more);
