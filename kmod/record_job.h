/* SPDX-License-Identifier: GPL-2.0-only */
/* A record that is read or written while RTNL is held: see record_job.c. */
#ifndef _SLUICE_RECORD_JOB_H
#define _SLUICE_RECORD_JOB_H

#include <linux/blk_types.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct page;
struct sluice_device;
struct sluice_record_job;

/* One copy. Waits for the device, hence no RTNL. */
int sluice_record_io(struct block_device *bdev, u64 sector, struct page *page, blk_opf_t opf);

/* Both, of zeroes, which lie from @start on; NULL when out of memory. */
struct sluice_record_job *sluice_record_job_new(struct sluice_device *device, u64 start);
/*
 * The same for a write, of copy @first first: the other one is whole until that is durable. If it
 * fails, or is given up, what the caller puts into sluice_record_job_before() is written instead.
 */
struct sluice_record_job *sluice_record_job_new_write(struct sluice_device *device, u64 start,
						      unsigned int first);
void sluice_record_job_put(struct sluice_record_job *j);
void *sluice_record_job_copy(struct sluice_record_job *j, unsigned int i);
void *sluice_record_job_before(struct sluice_record_job *j, unsigned int i);
/* Of what was read: a copy could not be, and nobody knows what it says. */
bool sluice_record_job_lost(const struct sluice_record_job *j);
/*
 * Read, or write, both: 0, or an error with an extack. -ETIMEDOUT: the device does not answer, and
 * is the job's from now on. Waits for a short while only. RTNL.
 */
int sluice_record_job_do(struct sluice_record_job *j, blk_opf_t opf,
			 struct netlink_ext_ack *extack);
/*
 * May a record that was given up, because its device did not answer, yet be written to an extent?
 * 0, or -EBUSY and an extack.
 */
int sluice_record_late(const struct block_device *bdev, u64 start, u64 sectors,
		       struct netlink_ext_ack *extack);

#endif /* _SLUICE_RECORD_JOB_H */
