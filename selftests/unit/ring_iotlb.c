// SPDX-License-Identifier: GPL-2.0-only
/* Stands in for iotlb.c, which needs the kernel's maple tree: a list. */
#include "gmem.h"
#include "iotlb.h"

unsigned int iotlb_lookups;

struct entry {
	u64 iova, last, uaddr;
	u8 perm;
};

struct sluice_iotlb {
	struct entry entry[1024];
	unsigned int nr;
	u64 gen;
	sluice_iotlb_miss_t miss;
	void *ctx;
};

struct sluice_iotlb *sluice_iotlb_new(sluice_iotlb_miss_t miss, void *ctx)
{
	struct sluice_iotlb *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->gen = 1;
	t->miss = miss;
	t->ctx = ctx;
	return t;
}

void sluice_iotlb_free(struct sluice_iotlb *t)
{
	free(t);
}

u64 sluice_iotlb_gen(const struct sluice_iotlb *t)
{
	return t->gen;
}

static bool removed(struct sluice_iotlb *t, u64 iova, u64 last)
{
	unsigned int i = 0, nr = t->nr;

	while (i < t->nr) {
		if (t->entry[i].iova <= last && t->entry[i].last >= iova)
			t->entry[i] = t->entry[--t->nr];
		else
			i++;
	}
	return t->nr < nr;
}

void sluice_iotlb_invalidate(struct sluice_iotlb *t, u64 iova, u64 last)
{
	if (removed(t, iova, last))
		t->gen++;
}

int sluice_iotlb_update(struct sluice_iotlb *t, u64 iova, u64 last, u64 uaddr, u8 perm)
{
	if (removed(t, iova, last))
		t->gen++;
	if (t->nr == ARRAY_SIZE(t->entry))
		return -ENOMEM;
	t->entry[t->nr++] = (struct entry) { iova, last, uaddr, perm };
	return 0;
}

int sluice_iotlb_find(struct sluice_iotlb *t, u64 iova, u8 perm, struct sluice_gmem_hint *h)
{
	unsigned int i;

	iotlb_lookups++;
	for (i = 0; i < t->nr; i++) {
		const struct entry *e = &t->entry[i];

		if (iova < e->iova || iova > e->last)
			continue;
		h->start = e->iova;
		h->size = e->last - e->iova + 1 ?: U64_MAX;
		h->uaddr = e->uaddr;
		h->perm = e->perm;
		h->gen = t->gen;
		return (e->perm & perm) == perm ? 0 : -EPERM;
	}
	h->size = 0;
	t->miss(t->ctx, iova, perm);
	return -EAGAIN;
}
