// SPDX-License-Identifier: GPL-2.0-only
/* Requests of a virtio disk: see request.h. Compiles in userspace too. */
#include <linux/bits.h>
#include <linux/virtio_blk.h>
#include "request.h"

#define SECTOR_BYTES	512

/* Neither sum nor product below can wrap: both are compared before they are formed. */
static bool request_in_bounds(const struct sluice_request_limits *lim, u64 sector, u32 sectors)
{
	return sectors && sectors <= lim->sectors && sector <= lim->sectors - sectors &&
	       !((sector | sectors) & (lim->block - 1));
}

static u8 request_data(const struct sluice_request_limits *lim, struct sluice_request *r)
{
	if (r->len % SECTOR_BYTES ||
	    !request_in_bounds(lim, r->sector, r->len / SECTOR_BYTES))
		return VIRTIO_BLK_S_IOERR;
	if (r->op == SLUICE_REQUEST_WRITE && lim->read_only)
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

static u8 request_changes(const struct sluice_request_limits *lim, struct sluice_request *r,
			  bool negotiated)
{
	const u32 size = sizeof(struct virtio_blk_discard_write_zeroes);

	if (!negotiated)
		return VIRTIO_BLK_S_UNSUPP;
	if (lim->read_only || !r->len || r->len % size || r->len / size > SLUICE_REQUEST_RANGES)
		return VIRTIO_BLK_S_IOERR;
	r->nr_ranges = r->len / size;
	return VIRTIO_BLK_S_OK;
}

u8 sluice_request_parse(const struct sluice_request_limits *lim,
			const struct virtio_blk_outhdr *hdr, u32 out_len, u32 in_len,
			struct sluice_request *r)
{
	u32 out = out_len - sizeof(*hdr), in = in_len - 1;

	r->sector = __virtio64_to_cpu(true, hdr->sector);
	r->nr_ranges = 0;
	r->len = out;
	switch (__virtio32_to_cpu(true, hdr->type)) {
	case VIRTIO_BLK_T_IN:
		r->op = SLUICE_REQUEST_READ;
		r->len = in;
		return request_data(lim, r);
	case VIRTIO_BLK_T_OUT:
		r->op = SLUICE_REQUEST_WRITE;
		return request_data(lim, r);
	case VIRTIO_BLK_T_FLUSH:
		r->op = SLUICE_REQUEST_FLUSH;
		r->len = 0;
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		r->op = SLUICE_REQUEST_ID;
		r->len = in;
		return in ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
	case VIRTIO_BLK_T_DISCARD:
		r->op = SLUICE_REQUEST_DISCARD;
		return request_changes(lim, r, lim->discard);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		r->op = SLUICE_REQUEST_ZEROES;
		return request_changes(lim, r, lim->zeroes);
	case VIRTIO_BLK_T_SECURE_ERASE:
		r->op = SLUICE_REQUEST_ERASE;
		return request_changes(lim, r, lim->erase);
	default:
		r->op = SLUICE_REQUEST_UNKNOWN;
		return VIRTIO_BLK_S_UNSUPP;
	}
}

u8 sluice_request_ranges(const struct sluice_request_limits *lim,
			 const struct virtio_blk_discard_write_zeroes *data,
			 struct sluice_request *r)
{
	/* Bits that a range may have set (virtio 1.2, 5.2.6.2). */
	u32 allowed = r->op == SLUICE_REQUEST_ZEROES ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
	unsigned int i;

	for (i = 0; i < r->nr_ranges; i++) {
		struct sluice_request_range *range = &r->range[i];
		u32 flags = le32_to_cpu(data[i].flags);

		range->sector = le64_to_cpu(data[i].sector);
		range->sectors = le32_to_cpu(data[i].num_sectors);
		range->unmap = flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
		if (flags & ~allowed)
			return VIRTIO_BLK_S_UNSUPP;
		if (range->sectors > lim->max_range ||
		    !request_in_bounds(lim, range->sector, range->sectors))
			return VIRTIO_BLK_S_IOERR;
	}
	return VIRTIO_BLK_S_OK;
}
