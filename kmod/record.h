/* SPDX-License-Identifier: GPL-2.0-only */
/* What a volume knows of itself on disk: see record.c. No device and no cipher is known here. */
#ifndef _SLUICE_RECORD_H
#define _SLUICE_RECORD_H

#include <linux/types.h>

/* Bytes of a copy, and 512-byte sectors of a record's place: no two copies in one block. */
#define SLUICE_RECORD_BYTES	4096U
#define SLUICE_RECORD_COPIES	2U
#define SLUICE_RECORD_SECTORS	16U

#define SLUICE_RECORD_ID	16

/* What tells devices apart; @SLUICE_RECORD_SIZE: nothing but their size does. */
enum sluice_record_device {
	SLUICE_RECORD_SIZE,
	SLUICE_RECORD_T10,
	SLUICE_RECORD_EUI64,
	SLUICE_RECORD_NAA,
	SLUICE_RECORD_PARTUUID,
	SLUICE_RECORD_DEVICES
};

/**
 * struct sluice_geometry - where a volume's blocks lie, and how they are encrypted
 * @device_sectors: size of the device
 * @device: enum sluice_record_device
 * @device_id: by that
 * @start: first 512-byte sector of the extent
 * @sectors: its length
 * @cipher_bits: 128 or 256, of aes-xts-plain64; 0: not encrypted, and so are the next two
 * @sector_size: of the cipher
 * @iv_offset: of the cipher
 * @integrity: its device finds out what was tampered with, and is to
 */
struct sluice_geometry {
	u64 device_sectors;
	u32 device;
	u8 device_id[SLUICE_RECORD_ID];
	u64 start;
	u64 sectors;
	u32 cipher_bits;
	u32 sector_size;
	u64 iv_offset;
	bool integrity;
};

/* Bits of @flags below. */
#define SLUICE_GEOMETRY_INTEGRITY	1U

/* The same on disk. */
struct sluice_geometry_le {
	__le64 device_sectors;
	__le64 start;
	__le64 sectors;
	__le64 iv_offset;
	__le32 device;
	__le32 cipher_bits;
	__le32 sector_size;
	__le32 flags;
	u8 device_id[SLUICE_RECORD_ID];
	u8 cipher[32];
} __packed;

enum sluice_record_state {
	SLUICE_RECORD_AT_REST,	/* never re-encrypted */
	SLUICE_RECORD_RUNNING,	/* some of it may have the new key: the journal says which */
	SLUICE_RECORD_DONE,	/* all of it has */
	SLUICE_RECORD_WIPING,	/* all, some or nothing of what was there may be there */
	SLUICE_RECORD_WIPED,	/* nothing is, for whoever has no other copy of the key */
	SLUICE_RECORD_GIVEN_UP,	/* all of it has the old one again */
	SLUICE_RECORD_STATES
};

/**
 * struct sluice_record - what a copy says
 * @generation: of two copies the later one counts; it may wrap
 * @uuid: of the volume
 * @geometry: of the volume
 * @key: check value of its key; while it is RUNNING that of the old one, when it is WIPED 0
 * @state: enum sluice_record_state; when AT_REST, WIPING or WIPED all that follows is 0
 * @turns: RUNNING: how often it was turned round; odd: on its way back to the old key; else 0
 * @pos: RUNNING: sectors of 512 bytes that have the new key: at least so many, or, on the way back,
 *	at most; else 0
 * @from: check value of the key that it had
 * @to: of the one that it is getting, or got, or that was given up
 * @journal: UUID of the journal
 */
struct sluice_record {
	u64 generation;
	u8 uuid[SLUICE_RECORD_ID];
	struct sluice_geometry geometry;
	u8 key[SLUICE_RECORD_ID];
	u32 state;
	u32 turns;
	u64 pos;
	u8 from[SLUICE_RECORD_ID];
	u8 to[SLUICE_RECORD_ID];
	u8 journal[SLUICE_RECORD_ID];
};

/* A part of the geometry, for those who say which one differs: as the tool takes it. */
struct sluice_difference {
	const char *what;
	u64 is;
	u64 given;
	const char *unit;
};

void sluice_geometry_format(const struct sluice_geometry *g, struct sluice_geometry_le *le);
/* Return: 0, or -EBADMSG: no such geometry is written. */
int sluice_geometry_parse(const struct sluice_geometry_le *le, struct sluice_geometry *g);
/*
 * Is what was written of the device that is there? A device that has only its size may have grown
 * (@grown), which it does not while something is under way.
 */
bool sluice_geometry_same_device(const struct sluice_geometry *written,
				 const struct sluice_geometry *now, bool grown);
/* The first part in which they differ, but for the device; false: in none. */
bool sluice_geometry_differs(const struct sluice_geometry *written,
			     const struct sluice_geometry *now, struct sluice_difference *d);

/* @block: SLUICE_RECORD_BYTES. */
void sluice_record_format(const struct sluice_record *r, void *block);
/* Return: 0, -ENOENT: no record, -EBADMSG: damaged, -EOPNOTSUPP: of a later version. */
int sluice_record_parse(const void *block, struct sluice_record *r);
/*
 * What counts of both copies, which may be torn. Return: 0; -ENOENT: neither was ever written;
 * -EBADMSG: none is whole; -EOPNOTSUPP: one is of a later version; -EUCLEAN: of two volumes.
 */
int sluice_record_choose(const void *a, const void *b, struct sluice_record *r);
/* 512-byte sector, within the place, of the copy that this generation is written to. */
u64 sluice_record_place(u64 generation);
/* Can it be told from a sector's number? See sluice_crypt_check(). */
bool sluice_record_uuid_valid(const u8 uuid[SLUICE_RECORD_ID]);

#endif /* _SLUICE_RECORD_H */
