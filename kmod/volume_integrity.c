// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volumes whose device finds out what was tampered with.
 *
 * DOC: Who finds it out
 *
 * dm-integrity does, below: it has a keyed sum of each sector, made good together with the sector
 * by its journal, or by a device that writes both as one. What does not fit comes back as
 * BLK_STS_PROTECTION, which goes to the guest as an error, is never tried again, and is counted.
 *
 * Of all that a holder sees of it here, nothing tells it from another mapped device: it has a
 * profile (blk_integrity) only if somebody else makes the sums, and the device mapper exports no
 * tables. So what cannot be it is refused here, and the tool looks at the table
 * (userspace/integrity.c): whoever may make volumes may make tables as well.
 */
#include <linux/blkdev.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include "volume.h"

bool sluice_volume_is_mapped(const struct block_device *bdev)
{
	return !strncmp(bdev->bd_disk->disk_name, "dm-", 3);
}

int sluice_volume_integrity_check(const struct sluice_volume *v, const struct block_device *bdev,
				  struct netlink_ext_ack *extack)
{
	if (!v->integrity || sluice_volume_is_mapped(bdev))
		return 0;
	NL_SET_ERR_MSG_FMT(extack,
			   "%pg has no integrity: put dm-integrity on it, and name that (integritysetup)",
			   bdev);
	return -EOPNOTSUPP;
}
