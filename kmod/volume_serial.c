// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a volume tells its guest about who it is (virtio 1.2, 5.2.6: VIRTIO_BLK_T_GET_ID). Guests
 * name disks by it (/dev/disk/by-id), so it has to stay the same, and no two may have the same.
 *
 * What the host calls a volume, which may well be the name of a customer or of a machine, is
 * nothing that a guest needs to know. So unless the operator says what it is to be, it is a hash of
 * that name, the same on whichever host there is a volume of that name.
 */
#include <crypto/sha2.h>
#include <linux/ctype.h>
#include <linux/rtnetlink.h>
#include "volume.h"

/* What a hash of ours begins with; the rest of it are hexadecimal digits. */
#define SERIAL_PREFIX	"slv-"

static void serial_from_name(char serial[SLUICE_VOLUME_SERIAL], const char *name)
{
	static const char salt[] = "sluice volume serial ";
	char text[sizeof(salt) + SLUICE_VOLUME_NAME];
	u8 hash[SHA256_DIGEST_SIZE];

	sha256(text, scnprintf(text, sizeof(text), "%s%s", salt, name), hash);
	snprintf(serial, SLUICE_VOLUME_SERIAL, SERIAL_PREFIX "%*phN",
		 (int)(SLUICE_VOLUME_SERIAL - sizeof(SERIAL_PREFIX)) / 2, hash);
}

static bool serial_valid(const char *serial)
{
	const char *s = serial;

	while (isgraph(*s) && isascii(*s))
		s++;
	return s != serial && !*s && s - serial < SLUICE_VOLUME_SERIAL;
}

/* Of those that a guest may have. */
static const struct sluice_volume *serial_owner(const char *serial)
{
	struct sluice_volume *v = NULL;

	while ((v = sluice_volume_next(v))) {
		if (!v->gone && !strcmp(v->serial, serial))
			return v;
	}
	return NULL;
}

int sluice_volume_set_serial(struct sluice_volume *v, const char *serial,
			     struct netlink_ext_ack *extack)
{
	char own[SLUICE_VOLUME_SERIAL];
	const struct sluice_volume *other;

	ASSERT_RTNL();
	if (!serial) {
		serial_from_name(own, v->name);
		serial = own;
	}
	if (!serial_valid(serial)) {
		NL_SET_ERR_MSG(extack, "a serial has 1 to 20 printable characters, no space");
		return -EINVAL;
	}
	if (!strcmp(v->serial, serial))
		return 0;
	other = serial_owner(serial);
	if (other) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s has that serial: choose another",
				   other->name);
		return -EEXIST;
	}
	/* Nobody comes while RTNL is held; a guest that is there knows the disk by it. */
	if (v->user) {
		NL_SET_ERR_MSG(extack,
			       "in use: its serial changes when no vDPA or mediated device has it");
		return -EBUSY;
	}
	strscpy(v->serial, serial, sizeof(v->serial));
	return 0;
}
