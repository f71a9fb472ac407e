/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract with the block engine: sluice.ko holds volumes, queues and workers; sluice_blk.ko
 * looks at requests. As engine.h for packets.
 *
 * Context rules. Control operations run with RTNL held, or where said with the volume's lock only,
 * and may sleep. serve() runs on a worker, takes no lock, never waits for guest memory (-EAGAIN)
 * and never sleeps for long: submission uses REQ_NOWAIT where the device has it.
 */
#ifndef _SLUICE_ENGINE_BLK_H
#define _SLUICE_ENGINE_BLK_H

#include <linux/types.h>

struct module;
struct netlink_ext_ack;
struct sluice_queue;
enum sluice_rekey_step;
struct sluice_rekey;
struct sluice_volume;
struct sluice_volume_cipher;
struct sluice_volume_group;
struct sluice_worker;

#define SLUICE_BLK_ABI 6

/**
 * struct sluice_blk_ops - what a block engine provides
 * @owner: its module; every volume holds a reference on it
 * @name: shown to the operator
 * @abi: SLUICE_BLK_ABI
 */
struct sluice_blk_ops {
	struct module *owner;
	const char *name;
	u32 abi;

	/*
	 * The engine hangs its state on a volume (v->engine). RTNL. @cipher: NULL if it is not
	 * encrypted; wiped by the caller afterwards. An extack says what is wrong.
	 */
	int (*volume_add)(struct sluice_volume *v, const struct sluice_volume_cipher *cipher,
			  struct netlink_ext_ack *extack);
	/* No queue is attached. Waits for the device, hence no RTNL. */
	void (*volume_del)(struct sluice_volume *v);
	/* v->limit changed; v->group did, or its limit. RTNL; queues may be running. */
	void (*volume_limit)(struct sluice_volume *v);
	void (*volume_group)(struct sluice_volume *v);

	/*
	 * A group of volumes: the engine hangs its state on it (g->engine); g->limit changed; no
	 * volume is in it any more. RTNL; queues may be running.
	 */
	int (*group_add)(struct sluice_volume_group *g);
	void (*group_limit)(struct sluice_volume_group *g);
	void (*group_del)(struct sluice_volume_group *g);

	/*
	 * Of the key that an encrypted volume has: see struct sluice_record. It waits for nobody
	 * but the cipher. Process context. 0, -ENOMEM, or what the cipher said.
	 */
	int (*key_check)(const struct sluice_volume *v, const u8 uuid[16], u8 check[16]);

	/*
	 * Take the key out of memory, of a volume that is being re-encrypted both: requests wait,
	 * or @fail, and none is under way with it any more. Said again, that changes. resume: as
	 * before, with that key and no other; if it is being re-encrypted @before is the one that
	 * it had, else NULL. RTNL and v->lock held; they wait for workers, no longer than
	 * @patience, in jiffies. 0; -ETIMEDOUT: nothing changed; -EKEYREJECTED; -EINVAL: one too
	 * many, or too few; -ENOMEM. An extack says what is wrong.
	 */
	int (*key_wipe)(struct sluice_volume *v, bool fail, unsigned long patience,
			struct netlink_ext_ack *extack);
	int (*key_resume)(struct sluice_volume *v, const struct sluice_volume_cipher *key,
			  const struct sluice_volume_cipher *before,
			  struct netlink_ext_ack *extack);

	/*
	 * Re-encrypt the volume in the background: see v->rekey. new: it has the key from now on;
	 * ERR_PTR; RTNL. open: read the journal; on an error it is to be dropped. start: from where
	 * that says that it was left; RTNL. drop: or not. stop: at rest when it returns, the
	 * journal says where. finish: 0, all is encrypted with one key, the old one if
	 * v->rekey.back, and nothing of the other is left; or -EBUSY, or what went wrong. Which way
	 * it is to go v->rekey.way says, of which the engine makes SLUICE_REKEY_THROUGH when it is
	 * there: it looks when v->rekey.wait is woken. One at a time; they wait for the device,
	 * hence no RTNL, but for new and start. @to as above.
	 */
	struct sluice_rekey *(*rekey_new)(struct sluice_volume *v,
					  const struct sluice_volume_cipher *to,
					  struct netlink_ext_ack *extack);
	int (*rekey_open)(struct sluice_rekey *r, struct netlink_ext_ack *extack);
	void (*rekey_start)(struct sluice_volume *v, struct sluice_rekey *r);
	void (*rekey_drop)(struct sluice_rekey *r);
	void (*rekey_stop)(struct sluice_volume *v);
	int (*rekey_finish)(struct sluice_volume *v);

	/*
	 * What a queue needs while a ring is attached (q->engine): room for as many requests as the
	 * ring has entries. v->lock held, before the worker knows the queue and after it forgot it.
	 */
	int (*queue_add)(struct sluice_queue *q, unsigned int num);
	void (*queue_del)(struct sluice_queue *q);

	/*
	 * Requests. Worker context. Completes what the device has done, then fetches at most
	 * @budget chains and submits them. While q->draining it fetches none, and none waits for a
	 * limit: it passes and is charged, or, if q->dropping, it is not in flight any more and
	 * nobody is told.
	 * Returns how many requests it completed or fetched; a negative errno is -EAGAIN (guest
	 * memory is not there: the core calls again when it may be) or -EIO (the ring is broken:
	 * the core stops the queue; what is with the device still ends, by later calls).
	 *
	 * Keeps q->in_flight, the number of chains fetched and not yet pushed; whoever completes
	 * elsewhere (an interrupt, a timer) calls sluice_queue_wake() for serve() to be called
	 * again, in one RCU read-side section with what makes the completion visible to serve().
	 * q->polled says that requests in flight have no interrupt: then it is called again and
	 * again. A budget below 0: the ring waits for memory, and only what others want of the
	 * queue is seen to: nothing is completed. Called on a broken queue too, as long as
	 * q->in_flight is not 0: then it must not touch the ring, or guest memory through it.
	 */
	int (*serve)(struct sluice_worker *w, struct sluice_queue *q, int budget);

	/*
	 * The worker's thread died in a visit of the queue, whose state may be torn: put it in
	 * order, so that serve() can be called as on a broken queue, which it becomes next. What is
	 * not with the device is not in flight any more. Context: process, in place of the thread.
	 */
	void (*queue_abandon)(struct sluice_queue *q);
};

/**
 * sluice_blk_register() - take over the moving of requests
 * @ops: operations; stay valid until unregister
 *
 * Context: process. Return: 0, -EBUSY (another engine is there), -EPROTO (other ABI).
 */
int sluice_blk_register(const struct sluice_blk_ops *ops);
/* Called from module exit only, hence with no volume left: each holds a reference on the module. */
void sluice_blk_unregister(const struct sluice_blk_ops *ops);

/* Look at the queue again: something of its completed. Any context. */
void sluice_queue_wake(struct sluice_queue *q);

/* Ask for rekey_finish(): it is done, or cannot go on. Process context, RTNL held or not. */
void sluice_volume_rekey_ended(struct sluice_volume *v);
/* So much has the new key: it begins there, which way; turns round there; or it came there. */
void sluice_volume_rekey_begins(struct sluice_volume *v, u64 done, bool back);
void sluice_volume_rekey_turned(struct sluice_volume *v, bool back);
void sluice_volume_rekey_did(struct sluice_volume *v, u64 done);
/* What begins at that sector of the volume cannot be read, and was passed over. */
void sluice_volume_rekey_passed(struct sluice_volume *v, u64 sector);
/* It cannot go on for now, and tries again; it does. Process context, one at a time. */
void sluice_volume_rekey_stalls(struct sluice_volume *v, enum sluice_rekey_step step, int err);
void sluice_volume_rekey_moves(struct sluice_volume *v);

/* --- for sluice.ko itself; RTNL --- */
const struct sluice_blk_ops *sluice_blk_engine(void);

#endif /* _SLUICE_ENGINE_BLK_H */
