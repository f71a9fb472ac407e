// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a request: what passes lies within the volume, however it was named. */
#include "blk/request.h"

#define CHECK(c) do { if (!(c)) abort(); } while (0)

struct input {
	struct sluice_request_limits lim;
	struct virtio_blk_outhdr hdr;
	u32 out;
	u32 in;
	struct virtio_blk_discard_write_zeroes data[SLUICE_REQUEST_RANGES];
};

static void check_inside(const struct sluice_request_limits *lim, u64 sector, u64 sectors)
{
	CHECK(sectors && sector < lim->sectors && sectors <= lim->sectors &&
	      sector + sectors <= lim->sectors);
	CHECK(!(sector % lim->block) && !(sectors % lim->block));
}

static void check_ranges(const struct input *in, struct sluice_request *r)
{
	unsigned int i;

	CHECK(r->nr_ranges && r->nr_ranges <= SLUICE_REQUEST_RANGES && !in->lim.read_only);
	CHECK(r->len == r->nr_ranges * sizeof(in->data[0]));
	if (sluice_request_ranges(&in->lim, in->data, r) != VIRTIO_BLK_S_OK)
		return;
	for (i = 0; i < r->nr_ranges; i++) {
		check_inside(&in->lim, r->range[i].sector, r->range[i].sectors);
		CHECK(r->range[i].sectors <= in->lim.max_range);
		CHECK(!r->range[i].unmap || r->op == SLUICE_REQUEST_ZEROES);
	}
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
	struct sluice_request r;
	struct input in = {};
	u8 status;

	memcpy(&in, bytes, min(size, sizeof(in)));
	/* What is the volume's is in order. */
	in.lim.block = in.lim.block & 1 ? 8 : 1;
	in.lim.sectors >>= 9;
	in.lim.sectors -= in.lim.sectors % in.lim.block;
	in.lim.read_only = size & 1;
	in.lim.discard = size & 2;
	in.lim.zeroes = size & 4;
	in.lim.erase = size & 8;
	/* A chain holds less than 4 GiB each way. */
	in.out %= 0xffffffff - sizeof(in.hdr);
	in.in %= 0xffffffff;

	status = sluice_request_parse(&in.lim, &in.hdr, sizeof(in.hdr) + in.out, in.in + 1, &r);
	CHECK(status <= VIRTIO_BLK_S_UNSUPP && r.op <= SLUICE_REQUEST_ERASE);
	if (status != VIRTIO_BLK_S_OK)
		return 0;
	CHECK(r.op != SLUICE_REQUEST_UNKNOWN);
	if (r.op == SLUICE_REQUEST_READ || r.op == SLUICE_REQUEST_WRITE) {
		CHECK(!(r.len % 512));
		check_inside(&in.lim, r.sector, r.len / 512);
		CHECK(r.op == SLUICE_REQUEST_READ || !in.lim.read_only);
	}
	if (sluice_request_has_ranges(&r))
		check_ranges(&in, &r);
	return 0;
}
