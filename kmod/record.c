// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a volume knows of itself on disk, as bytes: written, read, compared.
 *
 * DOC: Two copies
 *
 * Each lies in a block of its own. They are written in turn, each durable before anything goes on
 * that depends on it; one that was not written to its end is told by its checksum, and what counts
 * is then the other, which says how things were before. So nothing may be done that only the new
 * copy speaks of until that is durable.
 *
 * A wipe is begun when both say so: nothing of the volume is touched before. So what the other copy
 * says counts as long as only the newer one, right behind it, speaks of a wipe: its beginning was
 * cut off, or refused.
 *
 * The checksum tells what was damaged. It does not tell who wrote it: whoever may write to the
 * record's device may have a volume refused, or a journal taken for the right one that is not. He
 * reads nothing by that: both keys are the operator's, whatever the record says.
 */
#include <linux/build_bug.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "record.h"

#define RECORD_MAGIC	0x64726f6365726c73ULL	/* "slrecord" */
#define RECORD_VERSION	1
#define RECORD_CIPHER	"aes-xts-plain64"

/**
 * struct record_block - a copy; all of it little endian
 * @magic: RECORD_MAGIC
 * @version: RECORD_VERSION
 * @flags: none is known
 * @generation: as in struct sluice_record
 * @uuid: likewise
 * @geometry: likewise
 * @key: likewise
 * @state: likewise
 * @turns: likewise; a module that goes one way only takes it for reserved, and refuses it if set
 * @pos: as in struct sluice_record
 * @from: likewise
 * @to: likewise
 * @journal: likewise
 * @reserved: zero
 * @crc: of all that comes before; at the same place in every version
 */
struct record_block {
	__le64 magic;
	__le32 version;
	__le32 flags;
	__le64 generation;
	u8 uuid[SLUICE_RECORD_ID];
	struct sluice_geometry_le geometry;
	u8 key[SLUICE_RECORD_ID];
	__le32 state;
	__le32 turns;
	__le64 pos;
	u8 from[SLUICE_RECORD_ID];
	u8 to[SLUICE_RECORD_ID];
	u8 journal[SLUICE_RECORD_ID];
	u8 reserved[3876];
	__le32 crc;
} __packed;

/* --- geometry -------------------------------------------------------------------------------- */

void sluice_geometry_format(const struct sluice_geometry *g, struct sluice_geometry_le *le)
{
	memset(le, 0, sizeof(*le));
	le->device_sectors = cpu_to_le64(g->device_sectors);
	le->start = cpu_to_le64(g->start);
	le->sectors = cpu_to_le64(g->sectors);
	le->iv_offset = cpu_to_le64(g->iv_offset);
	le->device = cpu_to_le32(g->device);
	le->cipher_bits = cpu_to_le32(g->cipher_bits);
	le->sector_size = cpu_to_le32(g->sector_size);
	le->flags = cpu_to_le32(g->integrity ? SLUICE_GEOMETRY_INTEGRITY : 0);
	memcpy(le->device_id, g->device_id, sizeof(le->device_id));
	if (g->cipher_bits)
		memcpy(le->cipher, RECORD_CIPHER, sizeof(RECORD_CIPHER));
}
SLUICE_EXPORT(sluice_geometry_format);

static bool geometry_valid(const struct sluice_geometry *g)
{
	if (g->device >= SLUICE_RECORD_DEVICES || !g->sectors ||
	    (g->device == SLUICE_RECORD_SIZE &&
	     memchr_inv(g->device_id, 0, sizeof(g->device_id))))
		return false;
	if (!g->cipher_bits)
		return !g->sector_size && !g->iv_offset;
	return (g->cipher_bits == 128 || g->cipher_bits == 256) &&
	       (g->sector_size == 512 || g->sector_size == 4096);
}

int sluice_geometry_parse(const struct sluice_geometry_le *le, struct sluice_geometry *g)
{
	struct sluice_geometry_le again;

	g->device_sectors = le64_to_cpu(le->device_sectors);
	g->start = le64_to_cpu(le->start);
	g->sectors = le64_to_cpu(le->sectors);
	g->iv_offset = le64_to_cpu(le->iv_offset);
	g->device = le32_to_cpu(le->device);
	g->cipher_bits = le32_to_cpu(le->cipher_bits);
	g->sector_size = le32_to_cpu(le->sector_size);
	g->integrity = le32_to_cpu(le->flags) & SLUICE_GEOMETRY_INTEGRITY;
	memcpy(g->device_id, le->device_id, sizeof(g->device_id));
	/* Flags that nobody knows, and the cipher's name. */
	sluice_geometry_format(g, &again);
	return geometry_valid(g) && !memcmp(&again, le, sizeof(again)) ? 0 : -EBADMSG;
}
SLUICE_EXPORT(sluice_geometry_parse);

bool sluice_geometry_same_device(const struct sluice_geometry *written,
				 const struct sluice_geometry *now, bool grown)
{
	if (written->device != SLUICE_RECORD_SIZE)
		return written->device == now->device &&
		       !memcmp(written->device_id, now->device_id, sizeof(now->device_id));
	return grown ? now->device_sectors >= written->device_sectors :
		       now->device_sectors == written->device_sectors;
}
SLUICE_EXPORT(sluice_geometry_same_device);

bool sluice_geometry_differs(const struct sluice_geometry *written,
			     const struct sluice_geometry *now, struct sluice_difference *d)
{
	const struct sluice_difference all[] = {
		{ "start", written->start, now->start, "s" },
		{ "size", written->sectors, now->sectors, "s" },
		{ "cipher-bits", written->cipher_bits, now->cipher_bits, "" },
		{ "sector-size", written->sector_size, now->sector_size, "" },
		{ "iv-offset", written->iv_offset, now->iv_offset, "" },
		{ "integrity", written->integrity, now->integrity, "" },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		if (all[i].is == all[i].given)
			continue;
		*d = all[i];
		return true;
	}
	return false;
}
SLUICE_EXPORT(sluice_geometry_differs);

/* --- record ---------------------------------------------------------------------------------- */

static u32 record_crc(const struct record_block *b)
{
	return crc32_le(~0, (const void *)b, offsetof(struct record_block, crc));
}

bool sluice_record_uuid_valid(const u8 uuid[SLUICE_RECORD_ID])
{
	return memchr_inv(uuid + SLUICE_RECORD_ID / 2, 0, SLUICE_RECORD_ID / 2);
}

void sluice_record_format(const struct sluice_record *r, void *block)
{
	struct record_block *b = block;

	BUILD_BUG_ON(sizeof(*b) != SLUICE_RECORD_BYTES);
	memset(b, 0, sizeof(*b));
	b->magic = cpu_to_le64(RECORD_MAGIC);
	b->version = cpu_to_le32(RECORD_VERSION);
	b->generation = cpu_to_le64(r->generation);
	memcpy(b->uuid, r->uuid, sizeof(b->uuid));
	sluice_geometry_format(&r->geometry, &b->geometry);
	memcpy(b->key, r->key, sizeof(b->key));
	b->state = cpu_to_le32(r->state);
	b->turns = cpu_to_le32(r->turns);
	b->pos = cpu_to_le64(r->pos);
	memcpy(b->from, r->from, sizeof(b->from));
	memcpy(b->to, r->to, sizeof(b->to));
	memcpy(b->journal, r->journal, sizeof(b->journal));
	b->crc = cpu_to_le32(record_crc(b));
}

static bool record_has_one_key(const struct sluice_record *r)
{
	return !memchr_inv(r->from, 0, sizeof(r->from)) &&
	       !memchr_inv(r->to, 0, sizeof(r->to)) &&
	       !memchr_inv(r->journal, 0, sizeof(r->journal));
}

/* Do its parts go together? */
static bool record_valid(const struct sluice_record *r)
{
	if (!sluice_record_uuid_valid(r->uuid) || r->pos > r->geometry.sectors ||
	    (r->state != SLUICE_RECORD_RUNNING && (r->pos || r->turns)))
		return false;
	switch (r->state) {
	case SLUICE_RECORD_AT_REST:
	case SLUICE_RECORD_WIPING:
		return record_has_one_key(r);
	case SLUICE_RECORD_WIPED:
		return record_has_one_key(r) && !memchr_inv(r->key, 0, sizeof(r->key));
	case SLUICE_RECORD_RUNNING:
	case SLUICE_RECORD_GIVEN_UP:
		return r->geometry.cipher_bits && !memcmp(r->from, r->key, sizeof(r->key));
	case SLUICE_RECORD_DONE:
		return r->geometry.cipher_bits && !memcmp(r->to, r->key, sizeof(r->key));
	default:
		return false;
	}
}

int sluice_record_parse(const void *block, struct sluice_record *r)
{
	const struct record_block *b = block;
	int err;

	if (le64_to_cpu(b->magic) != RECORD_MAGIC)
		return memchr_inv(b, 0, sizeof(*b)) ? -EBADMSG : -ENOENT;
	if (le32_to_cpu(b->crc) != record_crc(b))
		return -EBADMSG;
	if (le32_to_cpu(b->version) != RECORD_VERSION || b->flags ||
	    memchr_inv(b->reserved, 0, sizeof(b->reserved)))
		return -EOPNOTSUPP;
	r->generation = le64_to_cpu(b->generation);
	memcpy(r->uuid, b->uuid, sizeof(r->uuid));
	err = sluice_geometry_parse(&b->geometry, &r->geometry);
	memcpy(r->key, b->key, sizeof(r->key));
	r->state = le32_to_cpu(b->state);
	r->turns = le32_to_cpu(b->turns);
	r->pos = le64_to_cpu(b->pos);
	memcpy(r->from, b->from, sizeof(r->from));
	memcpy(r->to, b->to, sizeof(r->to));
	memcpy(r->journal, b->journal, sizeof(r->journal));
	return err || !record_valid(r) ? -EOPNOTSUPP : 0;
}

/* A new one whose second copy was cut off lies beside one of a volume that was wiped, or not. */
static int record_choose_made(struct sluice_record *r, const struct sluice_record *other)
{
	if (r->state != SLUICE_RECORD_WIPED && other->state != SLUICE_RECORD_WIPED)
		return -EUCLEAN;
	if (r->state == SLUICE_RECORD_WIPED)
		*r = *other;
	return 0;
}

static bool record_is_unbegun(const struct sluice_record *r, const struct sluice_record *before)
{
	return r->state == SLUICE_RECORD_WIPING && before->state != SLUICE_RECORD_WIPING &&
	       r->generation == before->generation + 1;
}

/* Of those of one volume, is @other what counts? */
static bool record_counts(const struct sluice_record *other, const struct sluice_record *r)
{
	if ((s64)(other->generation - r->generation) > 0)
		return !record_is_unbegun(other, r);
	return record_is_unbegun(r, other);
}

int sluice_record_choose(const void *a, const void *b, struct sluice_record *r)
{
	struct sluice_record other;
	int err = sluice_record_parse(a, r), err_b = sluice_record_parse(b, &other);

	if (err == -EOPNOTSUPP || err_b == -EOPNOTSUPP)
		return -EOPNOTSUPP;
	if (err && err_b)
		return err == -ENOENT ? err_b : err;
	if (err)
		*r = other;
	if (err || err_b)
		return 0;
	if (memcmp(r->uuid, other.uuid, sizeof(r->uuid)))
		return record_choose_made(r, &other);
	if (record_counts(&other, r))
		*r = other;
	return 0;
}

u64 sluice_record_place(u64 generation)
{
	return (generation & 1) * (SLUICE_RECORD_SECTORS / SLUICE_RECORD_COPIES);
}
