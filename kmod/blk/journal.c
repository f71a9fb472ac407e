// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the journal of a re-encryption says.
 *
 * DOC: Whose journal
 *
 * A journal has a UUID of its own, made when it is begun, and says whose it is: the UUID of the
 * volume's record, or its name if it has none; where and how its blocks are encrypted; and check
 * values of both keys, under the journal's UUID. With a record a journal is gone on from only if
 * that names it, and none that is lost is begun anew; the record says that it is running before the
 * first chunk, and that it is done before the last header does. Without one there is what the
 * header says, and two volumes of one name and shape on devices of one size are told apart by
 * nothing.
 *
 * The count of turns lies where a module that goes one way only looks for flags, of which it knows
 * none: it refuses a journal that was ever turned round as one of a later version.
 */
#include <linux/crc32.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include "journal.h"

#define JOURNAL_MAGIC	0x79656b6572756c73ULL	/* "slurekey" */
#define JOURNAL_VERSION	2

static u32 journal_crc(const struct sluice_journal *h)
{
	return crc32_le(~0, (const void *)h, offsetof(struct sluice_journal, crc));
}

void sluice_journal_seal(struct sluice_journal *h)
{
	h->crc = cpu_to_le32(journal_crc(h));
}

int sluice_journal_parse(const struct sluice_journal *h)
{
	const struct sluice_journal_v1 *v1 = (const void *)h;

	if (le64_to_cpu(h->magic) != JOURNAL_MAGIC)
		return -ENOENT;
	if (le32_to_cpu(h->version) == 1 &&
	    le32_to_cpu(v1->crc) == crc32_le(~0, (const void *)v1, offsetof(typeof(*v1), crc)))
		return -EPROTO;
	if (le32_to_cpu(h->crc) != journal_crc(h))
		return -ENOENT;
	if (le32_to_cpu(h->version) != JOURNAL_VERSION ||
	    le32_to_cpu(h->state) > JOURNAL_DONE || le32_to_cpu(h->len) > SLUICE_REKEY_CHUNK ||
	    memchr_inv(h->reserved, 0, sizeof(h->reserved)))
		return -EOPNOTSUPP;
	return 0;
}

void sluice_journal_describe(struct sluice_journal *h, const struct sluice_volume *v,
			     const u8 *record)
{
	struct sluice_geometry g;

	BUILD_BUG_ON(sizeof(*h) != 1 << SECTOR_SHIFT);
	h->magic = cpu_to_le64(JOURNAL_MAGIC);
	h->version = cpu_to_le32(JOURNAL_VERSION);
	if (record)
		memcpy(h->volume, record, sizeof(h->volume));
	strscpy_pad(h->name, v->name, sizeof(h->name));
	sluice_volume_geometry(v, &g);
	sluice_geometry_format(&g, &h->geometry);
}

bool sluice_journal_other_shape(const struct sluice_journal *found, const struct sluice_journal *h,
				struct netlink_ext_ack *extack)
{
	struct sluice_geometry was, now;
	struct sluice_difference d;

	if (sluice_geometry_parse(&found->geometry, &was) ||
	    sluice_geometry_parse(&h->geometry, &now) ||
	    !sluice_geometry_same_device(&was, &now, false)) {
		NL_SET_ERR_MSG(extack, "the journal is that of a volume on another device");
		return true;
	}
	if (!sluice_geometry_differs(&was, &now, &d))
		return false;
	NL_SET_ERR_MSG_FMT(extack, "the journal says %s %llu%s, given is %llu%s", d.what, d.is,
			   d.unit, d.given, d.unit);
	return true;
}

bool sluice_journal_other_volume(const struct sluice_journal *found, const struct sluice_journal *h,
				 struct netlink_ext_ack *extack)
{
	static const u8 none[SLUICE_RECORD_ID];
	bool has = memcmp(h->volume, none, sizeof(none));

	if (memcmp(found->volume, h->volume, sizeof(none))) {
		NL_SET_ERR_MSG_FMT(extack, "the journal is that of %s",
				   memcmp(found->volume, none, sizeof(none)) ?
				   "another volume, which has a record" :
				   "a volume without a record");
		return true;
	}
	if (has || !memcmp(found->name, h->name, sizeof(h->name)))
		return false;
	NL_SET_ERR_MSG_FMT(extack, "the journal is that of volume '%.31s'", found->name);
	return true;
}
