/* SPDX-License-Identifier: GPL-2.0-only */
/* What the journal of a re-encryption says: see rekey.c for when, and journal.c for whose it is. */
#ifndef _SLUICE_BLK_JOURNAL_H
#define _SLUICE_BLK_JOURNAL_H

#include <linux/types.h>
#include "../record.h"
#include "../volume.h"

enum sluice_journal_state {
	JOURNAL_AT_REST,	/* the next chunk is @pos */
	JOURNAL_CHUNK,	/* the chunk at @pos is in the journal, and perhaps in place */
	JOURNAL_DONE,
};

/**
 * struct sluice_journal - what the journal says; all of it little endian
 * @magic: the magic of journals
 * @version: 2
 * @state: enum sluice_journal_state
 * @seq: the highest is the newest
 * @pos: sector of the volume
 * @len: of the chunk
 * @turns: how often it was turned round; odd: on its way back to the old key
 * @uuid: of the journal
 * @volume: of the volume's record; 0: it has none
 * @name: of the volume
 * @geometry: of the volume, which does not change meanwhile
 * @old_id: of the old key: see sluice_crypt_check()
 * @new_id: of the new one
 * @reserved: zero
 * @crc: of all that comes before
 */
struct sluice_journal {
	__le64 magic;
	__le32 version;
	__le32 state;
	__le64 seq;
	__le64 pos;
	__le32 len;
	__le32 turns;
	u8 uuid[SLUICE_RECORD_ID];
	u8 volume[SLUICE_RECORD_ID];
	char name[SLUICE_VOLUME_NAME];
	struct sluice_geometry_le geometry;
	u8 old_id[SLUICE_RECORD_ID];
	u8 new_id[SLUICE_RECORD_ID];
	u8 reserved[276];
	__le32 crc;
} __packed;

/* What the first version said; likewise. */
struct sluice_journal_v1 {
	__le64 magic;
	__le32 version;
	__le32 state;
	__le64 seq;
	__le64 start;
	__le64 sectors;
	__le64 pos;
	__le32 len;
	u8 old_id[SLUICE_RECORD_ID];
	u8 new_id[SLUICE_RECORD_ID];
	__le32 crc;
} __packed;

static inline bool sluice_journal_back(const struct sluice_journal *h)
{
	return le32_to_cpu(h->turns) & 1;
}

/* What a journal of this volume says, but for the UUID and all that depends on it. */
void sluice_journal_describe(struct sluice_journal *h, const struct sluice_volume *v,
			     const u8 *record);
/* The checksum of what it says now. */
void sluice_journal_seal(struct sluice_journal *h);
/*
 * 0; -ENOENT: there is none, or it is torn; -EOPNOTSUPP: it says what we do not know; -EPROTO: it
 * is of the first version, a struct sluice_journal_v1.
 */
int sluice_journal_parse(const struct sluice_journal *h);
/* Is it that of another volume, or of one that lies elsewhere or is encrypted otherwise? */
bool sluice_journal_other_volume(const struct sluice_journal *found, const struct sluice_journal *h,
				 struct netlink_ext_ack *extack);
bool sluice_journal_other_shape(const struct sluice_journal *found, const struct sluice_journal *h,
				struct netlink_ext_ack *extack);

#endif /* _SLUICE_BLK_JOURNAL_H */
