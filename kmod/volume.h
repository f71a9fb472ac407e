/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Volumes: block backends that sluice.ko holds and that the block engine (sluice_blk.ko) serves. A
 * volume is an extent of a block device, with limits and a key. Front ends bring virtqueues to it
 * as they bring them to a port. As workers, volumes are the host's, not a network namespace's.
 *
 * Locking: as for ports. RTNL > volume->lock > a call to a worker. A worker takes neither.
 */
#ifndef _SLUICE_VOLUME_H
#define _SLUICE_VOLUME_H

#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/u64_stats_sync.h>
#include <linux/virtio_blk.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "progress.h"
#include "share.h"
#include "sluice.h"
#include "volume_erase.h"
#include "volume_limit.h"
#include "volume_pace.h"
#include "volume_record.h"
#include "volume_stall.h"
#include "worker.h"

enum sluice_quarantine;
struct sluice_blk_ops;
struct sluice_device;
struct sluice_opening;
struct sluice_volume_group;

/* With the terminating zero. */
#define SLUICE_VOLUME_NAME	32
#define SLUICE_VOLUME_SERIAL	(VIRTIO_BLK_ID_BYTES + 1)

/*
 * What one request may be. Data: bytes, and pieces of guest memory; discard and its kind: 512-byte
 * sectors of one range, and ranges.
 */
#define SLUICE_VOLUME_MAX_BYTES		SZ_4M
#define SLUICE_VOLUME_MAX_SEGS		510U
#define SLUICE_VOLUME_MAX_RANGE		SZ_4M
#define SLUICE_VOLUME_MAX_RANGES	16U

/* What limits and counters keep apart. */
enum sluice_volume_op {
	SLUICE_VOLUME_READ,
	SLUICE_VOLUME_WRITE,
	SLUICE_VOLUME_FLUSH,
	SLUICE_VOLUME_DISCARD,	/* and secure erase */
	SLUICE_VOLUME_ZEROES,
	SLUICE_VOLUME_OTHER,	/* GET_ID, and what was refused as unknown */
	SLUICE_VOLUME_OPS
};

/* Reads, and everything that changes the device. */
#define SLUICE_VOLUME_LIMITS	2

/* Where a request spends its time. */
enum sluice_volume_stage {
	SLUICE_STAGE_QUEUE,	/* from the fetch until it is given to the device: limits */
	SLUICE_STAGE_CIPHER,
	SLUICE_STAGE_DEVICE,
	SLUICE_STAGES
};

/**
 * struct sluice_volume_spent - where a request was
 * @ns: by enum sluice_volume_stage; of the cipher 0: it has not been there
 * @looked: the device's completion was looked for: there was no interrupt
 */
struct sluice_volume_spent {
	u64 ns[SLUICE_STAGES];
	bool looked;
};

/* Histogram of latencies: bucket b counts [2^b, 2^(b+1)) ns; the last all that is longer. */
#define SLUICE_VOLUME_BUCKETS	36

/**
 * struct sluice_volume_stats - counters of one volume on one CPU
 * @requests: by enum sluice_volume_op, completed
 * @bytes: likewise; what was asked for
 * @errors: likewise; completed with another status than OK
 * @throttled: by limit: requests that had to wait
 * @latency: histograms by enum sluice_volume_stage
 * @busy_ns: worker time spent for this volume
 * @polled: requests that were completed by looking, without an interrupt
 * @visits: how often a worker came, and found something to do
 * @integrity_errors: requests that found something tampered with, or damaged, by its tag
 * @syncp: guards 32-bit readers
 */
struct sluice_volume_stats {
	u64_stats_t requests[SLUICE_VOLUME_OPS];
	u64_stats_t bytes[SLUICE_VOLUME_OPS];
	u64_stats_t errors[SLUICE_VOLUME_OPS];
	u64_stats_t throttled[SLUICE_VOLUME_LIMITS];
	u64_stats_t latency[SLUICE_STAGES][SLUICE_VOLUME_BUCKETS];
	u64_stats_t busy_ns;
	u64_stats_t polled;
	u64_stats_t visits;
	u64_stats_t integrity_errors;
	struct u64_stats_sync syncp;
};

/* The sum over all CPUs, as it is shown. */
struct sluice_volume_totals {
	u64 requests[SLUICE_VOLUME_OPS];
	u64 bytes[SLUICE_VOLUME_OPS];
	u64 errors[SLUICE_VOLUME_OPS];
	u64 throttled[SLUICE_VOLUME_LIMITS];
	u64 latency[SLUICE_STAGES][SLUICE_VOLUME_BUCKETS];
	u64 busy_ns;
	u64 polled;
	u64 visits;
	u64 integrity_errors;
};

/* Is there a key, of those that need one? Without, requests wait, or fail. */
enum sluice_key_wiped {
	SLUICE_KEY_THERE,
	SLUICE_KEY_WAITED_FOR,
	SLUICE_KEY_MISSED,
};

/**
 * struct sluice_key_id - tells whether two keys are the same
 * @half: made with a secret that goes with the module; no key can be had from it
 */
struct sluice_key_id {
	u64 half[2];
};

/* Largest key of AES-XTS: two of 256 bits. */
#define SLUICE_VOLUME_KEY_MAX	64

/**
 * struct sluice_volume_cipher - how blocks are encrypted: dm-crypt's aes-xts-plain64
 * @key: key bytes; both halves of XTS
 * @key_len: 32 (AES-128) or 64 (AES-256); 0: not encrypted
 * @sector_size: 512 or 4096: what one IV covers. The IV is the number of the first 512-byte sector
 *	from the volume's start, as dm-crypt counts without iv_large_sectors, plus @iv_offset
 * @iv_offset: 512-byte sectors
 * @id: of a key that was read from a keyring
 *
 * Lives as long as it takes to hand the key over; wiped after that (memzero_explicit()).
 */
struct sluice_volume_cipher {
	u8 key[SLUICE_VOLUME_KEY_MAX];
	unsigned int key_len;
	unsigned int sector_size;
	u64 iv_offset;
	struct sluice_key_id id;
};

/* 512-byte sectors of a journal: two headers, and a chunk. */
#define SLUICE_REKEY_CHUNK	512U
#define SLUICE_REKEY_JOURNAL	(2 * 8 + SLUICE_REKEY_CHUNK)

/* What a re-encryption is at when it cannot go on. */
enum sluice_rekey_step {
	SLUICE_REKEY_AT_READ,	/* the volume's device is read */
	SLUICE_REKEY_AT_JOURNAL,	/* a chunk is written to it */
	SLUICE_REKEY_AT_HEADER,
	SLUICE_REKEY_AT_WRITE,	/* the volume's device is written */
	SLUICE_REKEY_AT_RECORD,
	SLUICE_REKEY_OVER,	/* one of the devices is gone: it is not tried again */
};

/* Which key it is to have in the end. */
enum sluice_rekey_way {
	SLUICE_REKEY_AS_IT_WAS,	/* nobody said: the last one that the journal knows */
	SLUICE_REKEY_FORWARD,
	SLUICE_REKEY_BACK,
	SLUICE_REKEY_THROUGH,	/* all of it has one: nothing is left to be turned round */
};

/* So many sectors that could not be read are listed, of those that were passed over. */
#define SLUICE_REKEY_UNREADABLE	16U

/**
 * struct sluice_rekey_order - what the operator says of one that begins, or goes on
 * @key: serial number of the new key, as long as the old one
 * @path: block device that has room for a journal
 * @start: first 512-byte sector of that room, SLUICE_REKEY_JOURNAL of them
 * @skip: pass over sectors that cannot be read; they stay as they are
 * @adopt: the journal is of the first version, and the volume is as it was then
 * @way: SLUICE_REKEY_AS_IT_WAS, _FORWARD, or _BACK: only of one that goes on
 */
struct sluice_rekey_order {
	s32 key;
	const char *path;
	u64 start;
	bool skip;
	bool adopt;
	enum sluice_rekey_way way;
};

/**
 * struct sluice_volume_rekey - a volume on its way from one key to another
 * @device: that of the journal, NULL: none is under way; RTNL
 * @bdev: the same; until @device is NULL
 * @path: as the operator named it; RTNL
 * @start: first 512-byte sector of the journal; fixed while @device is there
 * @key_name: the new key; RTNL
 * @key_id: the same; RTNL
 * @done: 512-byte sectors that have it; READ_ONCE elsewhere
 * @way: enum sluice_rekey_way: as the operator wants it, until it is THROUGH; changed by cmpxchg()
 * @back: it goes back to the old key; READ_ONCE elsewhere
 * @progress: what is done that way, over time
 * @stall: why it does not go on, or stalls; at an enum sluice_rekey_step
 * @pace: as configured, also while none is under way; RTNL
 * @now: the same, in force; written under RTNL, READ_ONCE elsewhere
 * @sector: at which it stalls, if that is SLUICE_REKEY_AT_READ; READ_ONCE elsewhere
 * @skip: sectors that cannot be read are passed over; fixed while @device is there
 * @adopt: the operator stands for what a journal of the first version does not say; likewise
 * @skipped: how many were, this time; READ_ONCE elsewhere
 * @unreadable: the first ones; stored before @skipped
 * @wait: where the engine waits until it tries again, or may go on; woken when that changed
 * @opening: the journal is being read, without RTNL; RTNL
 * @work: ends it
 */
struct sluice_volume_rekey {
	struct sluice_device *device;
	struct block_device *bdev;
	char *path;
	u64 start;
	char *key_name;
	struct sluice_key_id key_id;
	u64 done;
	int way;
	bool back;
	struct sluice_progress progress;
	struct sluice_stall stall;
	u64 sector;
	bool skip;
	bool adopt;
	unsigned int skipped;
	u64 unreadable[SLUICE_REKEY_UNREADABLE];
	struct sluice_pace pace;
	struct sluice_pace now;
	wait_queue_head_t wait;
	bool opening;
	struct work_struct work;
};

/**
 * struct sluice_volume - a block backend
 * @ref: front ends and the list hold it; memory goes with the last
 * @name: unique
 * @serial: what the guest knows it by; unique, too. Written under RTNL while nobody has it
 * @node: in the list of all; RTNL
 * @lock: serialises attach, detach, moves and removal. Inside RTNL, outside worker calls
 * @gone: removed, or about to be: nobody claims it any more; under @lock, READ_ONCE elsewhere
 * @ending: it was removed, and goes when the device lets it; written under RTNL and @lock
 * @end_work: lets go of the device; has the list's reference
 * @ended: nothing but that is left to do
 * @dead: the device below was pulled out; set once; READ_ONCE elsewhere. Requests fail with IOERR
 * @quarantine: enum sluice_quarantine: held; written under @quarantine_lock, READ_ONCE elsewhere
 * @quarantine_time: since when, in seconds of the epoch; likewise
 * @quarantine_lock: innermost
 * @key_wiped: enum sluice_key_wiped; written under RTNL, READ_ONCE elsewhere
 * @device: below it; until @gone
 * @bdev: likewise
 * @path: as the operator named it
 * @start: first 512-byte sector of the extent
 * @sectors: length in 512-byte sectors; WRITE_ONCE under RTNL
 * @planned: length that it will have when the transaction under way is through; 0: as now; RTNL
 * @reserved: length that it had, as long as requests for that may be with the device; 0: none are;
 *	written under @lock, READ_ONCE elsewhere
 * @settle_turn: how often it became shorter; written under @lock, READ_ONCE elsewhere
 * @settle_work: waits for those requests; holds a reference
 * @settled: who waits for @reserved
 * @read_only: writes are refused
 * @block_size: logical block size that the guest is told: 512 or 4096; a multiple of the device's
 *	and, if encrypted, at least the cipher's sector
 * @limit: by SLUICE_VOLUME_READ, SLUICE_VOLUME_WRITE; RTNL
 * @group: of volumes that have limits together, NULL: none; RTNL
 * @key_name: "type:description" of the key, NULL: not encrypted; RTNL
 * @key_id: the same, as its bytes are; RTNL
 * @cipher_bits: 128 or 256; 0: not encrypted; fixed
 * @sector_size: of the cipher; fixed
 * @iv_offset: of the cipher; fixed
 * @allow_discards: also of an encrypted volume's; fixed
 * @integrity: its device finds out what was tampered with, as the operator says; fixed
 * @integrity_told: that something was is known outside
 * @rekey: see there
 * @record: see there
 * @erase: see there
 * @writeback: the guest sees a write cache; without, each write is made durable before it is
 *	completed. READ_ONCE on the path, written by the front end (CONFIG_WCE)
 * @features: VIRTIO_BLK_F_* that the driver took, set before queues are attached
 * @user: callbacks of the front end that has claimed it, NULL: none; written under RTNL and @lock
 * @user_priv: handed to @user
 * @nr_queues: fixed
 * @queue: @nr_queues queues
 * @drain_wait: who waits for a queue's requests to end
 * @stats: per CPU
 * @share: by the worker's core
 * @engine: the engine's own state; set under RTNL before requests flow
 * @ops: the engine that serves the volume (module reference held); fixed
 */
struct sluice_volume {
	struct kref ref;
	char name[SLUICE_VOLUME_NAME];
	char serial[SLUICE_VOLUME_SERIAL];
	struct list_head node;
	/* Attach, detach, moves, removal. */
	struct mutex lock;
	bool gone;
	bool ending;
	struct work_struct end_work;
	struct completion ended;
	bool dead;
	u8 quarantine;
	u8 key_wiped;
	u64 quarantine_time;
	/* Quarantine. */
	spinlock_t quarantine_lock;

	struct sluice_device *device;
	struct block_device *bdev;
	char *path;
	u64 start;
	u64 sectors;
	u64 planned;
	u64 reserved;
	unsigned int settle_turn;
	struct delayed_work settle_work;
	wait_queue_head_t settled;
	bool read_only;
	unsigned int block_size;
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS];
	struct sluice_volume_group *group;
	char *key_name;
	struct sluice_key_id key_id;
	unsigned int cipher_bits;
	unsigned int sector_size;
	u64 iv_offset;
	bool allow_discards;
	bool integrity;
	bool integrity_told;
	struct sluice_volume_rekey rekey;
	struct sluice_volume_record record;
	struct sluice_volume_erase erase;

	bool writeback;
	u64 features;
	const struct sluice_volume_user *user;
	void *user_priv;

	unsigned int nr_queues;
	struct sluice_queue *queue;
	wait_queue_head_t drain_wait;

	struct sluice_volume_stats __percpu *stats;
	struct sluice_share __percpu *share;
	void *engine;
	const struct sluice_blk_ops *ops;
};

/* --- control: RTNL --- */

/**
 * struct sluice_volume_params - what a new volume is made of
 * @serial: NULL: made of its name
 * @path: block device, as the caller's mount namespace names it
 * @start: first 512-byte sector
 * @sectors: 0: up to the device's end
 * @read_only: no writes
 * @block_size: 512 or 4096; 0: the device's
 * @queues: 1..SLUICE_VOLUME_MAX_QUEUES; 0 for 1
 * @key: serial number of a key that the caller possesses, 0: not encrypted
 * @key_before: likewise, of the key that it has if its record says that it has not got @key yet, or
 *	is just getting it; 0: no other will do
 * @sector_size: of the cipher; 0: @block_size
 * @iv_offset: of the cipher
 * @allow_discards: the guest's discards go to the device through the cipher, too
 * @integrity: its device is one that finds out what was tampered with
 * @limit: by SLUICE_VOLUME_READ, _WRITE
 * @group: NULL: none
 * @pace: of its re-encryption
 * @record: block device that has its record; NULL: it has none
 * @record_start: first 512-byte sector of that
 * @record_new: it is to be written, and there is none yet
 * @resume: a re-encryption may be unfinished: nobody is to get the volume until it goes on
 * @erase: nobody is to get it until it is wiped
 * @erase_pace: how fast
 */
struct sluice_volume_params {
	const char *serial;
	const char *path;
	u64 start;
	u64 sectors;
	bool read_only;
	unsigned int block_size;
	unsigned int queues;
	s32 key;
	s32 key_before;
	unsigned int sector_size;
	u64 iv_offset;
	bool allow_discards;
	bool integrity;
	struct sluice_volume_limit limit[SLUICE_VOLUME_LIMITS];
	struct sluice_volume_group *group;
	struct sluice_pace pace;
	const char *record;
	u64 record_start;
	bool record_new;
	bool resume;
	enum sluice_erasure erase;
	struct sluice_pace erase_pace;
};

/*
 * The path is looked up, and the key looked for, on behalf of the caller, who needs CAP_SYS_ADMIN.
 * -ENODEV: no block engine is loaded; -EBUSY: the device is in use, or the extent overlaps that of
 * another volume and not both are read-only; -EEXIST; -EINVAL; -ENOKEY; -EKEYREVOKED; -EROFS;
 * -EMEDIUMTYPE: the device is zoned; -EOPNOTSUPP: it has no integrity, and is to; -ENOMEM;
 * -ETIMEDOUT: the device does not answer its opening, or not soon enough after others of the same
 * command. And what sluice_volume_record_check() says of its record, and
 * sluice_volume_erase_check() of a wipe.
 */
struct sluice_volume *sluice_volume_add(const char *name, const struct sluice_volume_params *params,
					struct netlink_ext_ack *extack);
/*
 * Removal in two steps, of which the first can be taken back. doom: -EBUSY and an extack while a
 * front end has it; from then on none gets it. del: of one that is doomed; a device that does not
 * answer within SLUICE_VOLUME_PATIENCE is let go of later, and until then the name and the extent
 * are not free (@ending). Nor are they until it is wiped, if it is to be, for which
 * sluice_volume_erase_check() was asked.
 */
int sluice_volume_doom(struct sluice_volume *v, struct netlink_ext_ack *extack);
void sluice_volume_undoom(struct sluice_volume *v);
void sluice_volume_del(struct sluice_volume *v, enum sluice_erasure how);
/* By name; NULL if there is none. No reference: valid under RTNL. */
struct sluice_volume *sluice_volume_find(const char *name);
/* Next volume after @v (NULL: the first), or NULL at the end. */
struct sluice_volume *sluice_volume_next(struct sluice_volume *v);
/*
 * What is configured: @op: SLUICE_VOLUME_READ or _WRITE. A burst of 0 with a rate: what a tenth of
 * a second brings. Then what is configured is in force: stores, which cannot fail.
 */
void sluice_volume_set_limit(struct sluice_volume *v, enum sluice_volume_op op,
			     const struct sluice_volume_limit *limit);
void sluice_volume_apply_limits(struct sluice_volume *v);
void sluice_volume_usual_bursts(struct sluice_volume_limit *limit);
/* v->group is in force from now on: likewise. */
void sluice_volume_apply_group(struct sluice_volume *v);
/*
 * Another length, in three steps, with RTNL held throughout. plan: nobody else gets the place that
 * it grows into; can be taken back, to what was planned before. 0; -EBUSY: it would overlap, or is
 * being re-encrypted; -EINVAL. @sectors: 0: up to the device's end. resize: requests see it; a
 * store, which cannot fail; returns what it was. resized: the guest hears of it, and what it gave
 * up is free for others when the device is done with it, see @reserved.
 */
int sluice_volume_plan(struct sluice_volume *v, u64 sectors, struct netlink_ext_ack *extack);
void sluice_volume_unplan(struct sluice_volume *v, u64 planned);
u64 sluice_volume_resize(struct sluice_volume *v);
void sluice_volume_resized(struct sluice_volume *v, u64 was);
/**
 * sluice_volume_rekey() - begin, or go on, to encrypt a volume with another key
 * @v: encrypted volume
 * @o: how
 * @extack: why not
 *
 * A journal that tells of the same volume and keys is gone on from; so is one that a crash left
 * behind. Until it is done the volume can be read only with both keys and the journal. If the
 * volume's record says that it was begun it goes on, or is refused.
 *
 * Return: 0; -EBUSY: one is under way, or the room is not free; -EEXIST: the journal is that of
 * another volume, or of other keys, or says that it is done; -EKEYREJECTED, -ENODATA, -ESTALE: the
 * record says that it was begun with another key, another journal, or a newer copy of it;
 * -EOPNOTSUPP, -EPROTO: the journal is of another version; -ENODATA: nothing is to be adopted;
 * -EBADMSG: it says what it cannot; -EINVAL; -EIO; -ENOKEY; -ENOMEM;
 * -ETIMEDOUT: the journal's device does not answer. Until it does the volume stays as it is.
 *
 * Context: RTNL held; it is dropped while the journal is read.
 */
int sluice_volume_rekey(struct sluice_volume *v, const struct sluice_rekey_order *o,
			struct netlink_ext_ack *extack);
/**
 * sluice_volume_rekey_turn() - have it go the other way
 * @v: volume that is being re-encrypted
 * @way: SLUICE_REKEY_FORWARD, or _BACK: to the key that it had
 * @extack: why not
 *
 * What is under way is finished first; then the record and the journal say so, then it does. An
 * event tells of that.
 *
 * Return: 0; -ENOENT: none is under way; -EALREADY: it goes that way; -EBUSY: its journal is being
 * read; -EIO: it does not go on; -EEXIST: all of it has one key; -EPERM. RTNL.
 */
int sluice_volume_rekey_turn(struct sluice_volume *v, enum sluice_rekey_way way,
			     struct netlink_ext_ack *extack);

/**
 * sluice_volume_key_wipe() - have no key of it in memory
 * @v: encrypted volume
 * @how: SLUICE_KEY_WAITED_FOR or SLUICE_KEY_MISSED; what it is already may be changed
 * @extack: why not
 *
 * Nothing that it is asked from now on gets to the device, and nothing that the device reads to the
 * guest. Whoever has its keyring has the key all the same.
 *
 * If it is being re-encrypted, or begins to be, that stands still. What was on its way of it ends,
 * or is done anew when the keys are back, so that nothing is lost whatever happens in between.
 *
 * Return: 0; -EALREADY; -EINVAL: it has none; -ETIMEDOUT: a worker does not answer; -ENOMEM. Then
 * all is as it was. RTNL.
 */
int sluice_volume_key_wipe(struct sluice_volume *v, enum sluice_key_wiped how,
			   struct netlink_ext_ack *extack);
/*
 * It goes on with that key; if it is being re-encrypted @key is the one that it gets, and @before
 * the one that it had, whichever way it goes; else that is 0. 0; -EALREADY: it has one;
 * -EKEYREJECTED: not that; -EINVAL: both are needed, or only one; or what sluice_key_read() says.
 * RTNL.
 */
int sluice_volume_key_resume(struct sluice_volume *v, s32 key, s32 before,
			     struct netlink_ext_ack *extack);
/* 0, or -EBUSY and an extack: its key is wiped. RTNL. */
int sluice_volume_key_need(const struct sluice_volume *v, struct netlink_ext_ack *extack);
/* 0, or -EBUSY and an extack: another volume has the same key, whatever its name, or may. RTNL. */
int sluice_volume_key_alone(const struct sluice_volume *v, struct netlink_ext_ack *extack);

/* Move a queue (-1: all) to a worker, live. */
int sluice_volume_assign(struct sluice_volume *v, int queue, struct sluice_worker *w,
			 struct netlink_ext_ack *extack);
/* All that use @from go to @to. Return: 0, or why not all did. */
int sluice_volume_assign_all(struct sluice_worker *from, struct sluice_worker *to);
/*
 * quarantine.c: nothing new is taken from its rings, until it is said to go on; false: it was not
 * held. Any context.
 */
void sluice_volume_hold_back(struct sluice_volume *v, enum sluice_quarantine why);
bool sluice_volume_go_on(struct sluice_volume *v);
/* May volumes without a key be attached? */
void sluice_volume_set_enforce(bool on);
bool sluice_volume_enforce(void);
void sluice_volume_totals(const struct sluice_volume *v, struct sluice_volume_totals *t);

/* --- requests; worker context --- */

/* A request was completed. @bytes: what was asked for. */
void sluice_volume_count(struct sluice_volume *v, enum sluice_volume_op op, u64 bytes, bool error);
void sluice_volume_count_throttled(struct sluice_volume *v, enum sluice_volume_op op);
/* One came back from the device. */
void sluice_volume_count_spent(struct sluice_volume *v, const struct sluice_volume_spent *spent);
/* The device found that what it has is not what was written: counted, and told the first time. */
void sluice_volume_count_integrity(struct sluice_volume *v);
/* Worker time that was spent for this volume; in a visit of one of its queues, or else. */
void sluice_volume_count_busy(struct sluice_volume *v, u64 ns, bool visit);

/* --- between the files of sluice.ko --- */

/* How long a command waits, with RTNL held, for what usually is done at once; in jiffies. */
#define SLUICE_VOLUME_PATIENCE	(HZ / 4)

/* For what waits for a device. */
extern struct workqueue_struct *sluice_volume_wq;

/* volume.c */
int sluice_volume_init(void);
void sluice_volume_exit(void);
/* The device is gone for good. Process context; its holder lock is handed over. */
void sluice_volume_mark_dead(struct block_device *bdev, bool surprise);
/*
 * volume_device.c. open: a device for ourselves; ERR_PTR and an extack; RTNL. close: it may take
 * longer than is waited for here; NULL is fine; RTNL. put: waits for the device, hence no RTNL;
 * NULL is fine.
 */
struct sluice_device *sluice_volume_open_device(const char *path, bool write,
						struct netlink_ext_ack *extack);
struct block_device *sluice_volume_bdev(const struct sluice_device *d);
void sluice_volume_close_device(struct sluice_device *d);
void sluice_volume_put_device(struct sluice_device *d);
/*
 * volume_opening.c: a device that is open, once for all that write to it and once for all that only
 * read. get: ERR_PTR; waits for the device, as does put by the last: hence no RTNL.
 */
struct sluice_opening *sluice_opening_get(dev_t dev, bool write);
void sluice_opening_put(struct sluice_opening *o);
struct block_device *sluice_opening_bdev(const struct sluice_opening *o);
/* Is an extent, other than @but's own, part of @v, its record, or its journal? RTNL. */
bool sluice_volume_touches(const struct sluice_volume *v, const struct sluice_volume *but,
			   const struct block_device *bdev, u64 start, u64 sectors);
/*
 * volume_integrity.c. mapped: by the device mapper? check: 0; -EOPNOTSUPP and an extack: @v is to
 * have integrity, and that device, its own, its record's or its journal's, cannot have it.
 */
bool sluice_volume_is_mapped(const struct block_device *bdev);
int sluice_volume_integrity_check(const struct sluice_volume *v, const struct block_device *bdev,
				  struct netlink_ext_ack *extack);
/* volume_user.c: front ends hear that it may be had, or that it goes. RTNL. */
void sluice_volume_tell(const struct sluice_volume *v, bool added);
/*
 * volume_rekey.c. absent: 0: it has one key, for all that is known; -EBUSY: it is being
 * re-encrypted, or wiped; -EUCLEAN: that is to go on first. clear: returns the journal's device,
 * which is to be closed. RTNL
 */
int sluice_volume_rekey_absent(const struct sluice_volume *v, struct netlink_ext_ack *extack);
void sluice_volume_rekey_init(struct sluice_volume *v);
struct sluice_device *sluice_volume_rekey_clear(struct sluice_volume *v);
/* Sectors a second, as it is now. */
u64 sluice_volume_rekey_rate(const struct sluice_volume *v);
/* v->rekey.pace is in force from now on; RTNL. A store, which cannot fail. */
void sluice_volume_rekey_apply_pace(struct sluice_volume *v);
/* For who shows it. */
const char *sluice_volume_rekey_text(enum sluice_rekey_step step);
/*
 * volume_serial.c: another one; NULL: made of its name. -EINVAL; -EEXIST: another volume has it;
 * -EBUSY: a front end has the volume. RTNL.
 */
int sluice_volume_set_serial(struct sluice_volume *v, const char *serial,
			     struct netlink_ext_ack *extack);
/* volume_settle.c: it was longer; waits for a short while only. RTNL. */
void sluice_volume_settle_init(struct sluice_volume *v);
void sluice_volume_settle(struct sluice_volume *v, u64 was);

/*
 * key.c: read a key that the caller possesses; logon, user, encrypted and trusted ones. @name: its
 * "type:description", to be freed. 0, -ENOKEY, -EKEYREVOKED, -EINVAL, -EACCES with an extack.
 */
int sluice_key_read(s32 serial, struct sluice_volume_cipher *cipher, char **name,
		    struct netlink_ext_ack *extack);
bool sluice_key_same(const struct sluice_key_id *a, const struct sluice_key_id *b);
/* Out of all keyrings, if its bytes are those, and the caller may. */
void sluice_key_take(s32 serial, const struct sluice_key_id *id);

#endif /* _SLUICE_VOLUME_H */
