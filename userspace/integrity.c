// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does a device find out what was tampered with? The kernel's volumes cannot tell, but the device
 * mapper tells whoever may make tables what is in one: dm-integrity, with a keyed sum of each
 * sector, and with none of what makes it take a sector without.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sluice.h"

#define CONTROL	"/dev/mapper/control"
/* Of a sector; an attacker has to guess no less. */
#define TAG_LEAST 16

/* What the kernel says of one device. It may have keys in it. */
struct table {
	struct dm_ioctl head;
	char rest[16384];
};

static bool begins(const char *word, const char *with)
{
	return !strncmp(word, with, strlen(with));
}

/* "internal_hash:hmac(sha256):001122...", and so on */
static bool is_keyed(const char *word, const char *what)
{
	size_t len = strlen(what);

	return begins(word, what) && (begins(word + len, "hmac(") || begins(word + len, "cmac(")) &&
	       strchr(word + len, ':');
}

/*
 * What a table must have. Without the other two nobody notices what was changed in the superblock,
 * and that may have all sums made anew of what is there.
 */
enum { SUMS = 1, JOURNAL_SUM = 2, SUPERBLOCK_SUM = 4, ALL_SUMS = 7 };

static unsigned int word_is_good(const char *word)
{
	return (is_keyed(word, "internal_hash:") ? SUMS : 0) |
	       (is_keyed(word, "journal_mac:") ? JOURNAL_SUM : 0) |
	       (strcmp(word, "fix_hmac") ? 0 : SUPERBLOCK_SUM);
}

/* Whoever may write to the device has a sector taken for good by that. */
static const char *word_is_bad(const char *word)
{
	if (!strcmp(word, "allow_discards"))
		return "allow_discards has it take for discarded what is none of its own";
	if (!strcmp(word, "recalculate") || !strcmp(word, "reset_recalculate") ||
	    !strcmp(word, "legacy_recalculate"))
		return "it makes sums of what is there by itself (recalculate): format and wipe it";
	return NULL;
}

static const char *mode_is_bad(const char *mode)
{
	if (!strcmp(mode, "J") || !strcmp(mode, "I"))
		return NULL;
	if (!strcmp(mode, "D"))
		return "without a journal a crash leaves sectors that cannot be read";
	return "in this mode it takes after a crash what is there (bitmap), or always (recovery)";
}

/* @params: device, start, bytes of a sum, mode, number of words, words. NULL: it is sound. */
static const char *target_is_bad(const char *type, char *params)
{
	unsigned int i, good = 0;
	const char *bad = NULL;
	char *word, *rest;

	if (strcmp(type, "integrity"))
		return "its target is not integrity";
	word = strtok_r(params, " ", &rest);
	for (i = 0; word && !bad; word = strtok_r(NULL, " ", &rest), i++) {
		if (i == 2 && atoi(word) < TAG_LEAST)
			bad = "its sums have less than 16 bytes";
		else if (i == 3)
			bad = mode_is_bad(word);
		else if (i > 4)
			bad = word_is_bad(word);
		good |= i > 4 ? word_is_good(word) : 0;
	}
	if (bad || good == ALL_SUMS)
		return bad;
	if (!(good & SUMS))
		return "its sums have no key: internal_hash:hmac(sha256):...";
	return "its superblock has no sum: journal_mac:hmac(sha256):... and fix_hmac";
}

static const char *table_is_bad(struct table *t)
{
	const char *bad = t->head.target_count ? NULL : "no table is loaded";
	char *at = (char *)t + t->head.data_start;
	const struct dm_target_spec *spec;
	unsigned int i;

	if (t->head.flags & DM_BUFFER_FULL_FLAG)
		return "its table is too long";
	for (i = 0; i < t->head.target_count && !bad; i++) {
		spec = (const struct dm_target_spec *)at;
		bad = target_is_bad(spec->target_type, at + sizeof(*spec));
		at = (char *)t + t->head.data_start + spec->next;
	}
	return bad;
}

static const char *device_is_bad(dev_t dev)
{
	static struct table t;
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	const char *bad;

	if (fd < 0)
		return "/dev/mapper/control cannot be opened: as root, and with dm-mod loaded";
	t.head = (struct dm_ioctl){
		.version = { 4, 0, 0 },
		.data_size = sizeof(t),
		.data_start = sizeof(t.head),
		.flags = DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG | DM_SECURE_DATA_FLAG,
		.dev = dev,
	};
	/* That it is not mapped at all (ENXIO) is for the kernel to say. */
	if (ioctl(fd, DM_TABLE_STATUS, &t))
		bad = errno == ENXIO ? NULL : strerror(errno);
	else
		bad = table_is_bad(&t);
	explicit_bzero(&t, sizeof(t));
	close(fd);
	return bad;
}

bool integrity_sound(const char *what, const char *name, const char *path)
{
	const char *bad;
	struct stat st;

	/* A device that is not there is said so by the kernel. */
	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return true;
	bad = device_is_bad(st.st_rdev);
	if (bad)
		complain("%s %s: %s has no integrity: %s", what, name, path, bad);
	return !bad;
}
