/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device side of a virtqueue, split and packed (virtio 1.2, 2.7 and 2.8), in bursts.
 *
 * One thread (the queue's worker) calls everything here, with the owner's mm in use and page faults
 * disabled. Guest memory is loaded once and then validated; what is checked is the copy. The first
 * protocol violation marks the ring broken: from then on fetch returns the error and nothing is
 * written.
 *
 * -EAGAIN means, everywhere, that memory is not there: the IOTLB has no entry and its owner was
 * asked, or a page is absent (sluice_vring_absent()). What was asked for did not happen, the driver
 * saw nothing of it, and it may be tried again or left.
 */
#ifndef _SLUICE_VRING_H
#define _SLUICE_VRING_H

#include <linux/types.h>

struct sluice_gmem;
struct sluice_gmem_absent;

#define SLUICE_VRING_MAX_NUM	32768
#define SLUICE_VRING_BURST	64	/* most chains in one fetch */
#define SLUICE_CHAIN_MAX_SEGS	1024	/* most descriptors in one chain, direct or indirect */

/* Why a ring is broken; shown to the operator. */
#define SLUICE_VRING_ERRORS(X) \
	X(NONE, "ok") \
	X(INDEX, "available index jumped") \
	X(HEAD, "head out of range") \
	X(NEXT, "next descriptor out of range") \
	X(LOOP, "descriptor chain loops") \
	X(TOO_LONG, "descriptor chain too long") \
	X(ZERO_LEN, "descriptor of length zero") \
	X(ORDER, "readable descriptor after writable") \
	X(INDIRECT, "bad indirect descriptor") \
	X(ADDRESS, "address outside guest memory") \
	X(DIRECTION, "buffer of the wrong direction") \
	X(SIZE, "buffer too small or too large") \
	X(RING, "ring area unmapped") \
	X(HOST, "the host's worker died in it")

enum sluice_vring_error {
#define SLUICE_X(name, text) SLUICE_VRING_ERR_##name,
	SLUICE_VRING_ERRORS(SLUICE_X)
#undef SLUICE_X
	SLUICE_VRING_ERR_MAX
};

struct sluice_vring_seg {
	u64 addr;
	u32 len;
};

/**
 * struct sluice_chain - one buffer that the driver made available
 * @seg: its segments: first @nr_out that the device reads, then @nr_in that it writes; point
 *	into the segment array given to sluice_vring_fetch()
 * @out_len: bytes in the readable segments
 * @in_len: bytes in the writable segments
 * @id: what goes into the used ring
 * @nr_desc: ring slots the chain took (a packed ring advances by them)
 */
struct sluice_chain {
	struct sluice_vring_seg *seg;
	u32 out_len;
	u32 in_len;
	u16 nr_out;
	u16 nr_in;
	u16 id;
	u16 nr_desc;
};

/**
 * struct sluice_vring_config - what a front end knows of a ring when it starts
 * @num: entries; a power of two for a split ring
 * @packed: VIRTIO_F_RING_PACKED was negotiated
 * @event_idx: VIRTIO_F_EVENT_IDX
 * @indirect: VIRTIO_F_INDIRECT_DESC
 * @big_endian: legacy ring of a big-endian guest
 * @in_order: VIRTIO_F_IN_ORDER (the device completes in order anyway)
 * @notify_on_empty: VIRTIO_F_NOTIFY_ON_EMPTY (split rings)
 * @user_addr: ring addresses are addresses of the owner's memory; else they go through @gmem
 * @desc: descriptor table (split), or descriptor ring (packed)
 * @driver: available ring, or driver event suppression
 * @device: used ring, or device event suppression
 * @log_addr: guest-physical address of the used ring, for the dirty log; 0 if not to be logged
 * @log_used: whether used-ring writes are logged
 * @avail: next index to fetch: split: free running; packed: slot | wrap << 15
 * @used: next index to use, as @avail (a split ring reads it from the used ring when ~0)
 */
struct sluice_vring_config {
	u32 num;
	bool packed;
	bool event_idx;
	bool indirect;
	bool big_endian;
	bool in_order;
	bool notify_on_empty;
	bool user_addr;
	bool log_used;
	u64 desc;
	u64 driver;
	u64 device;
	u64 log_addr;
	u32 avail;
	u32 used;
};

struct sluice_vring;

/* Bytes of the kernel's that one takes at most. Any context. */
size_t sluice_vring_memory(void);
/* Control context; the ring is not touched. -EINVAL: bad size or misaligned address. -ENOMEM. */
struct sluice_vring *sluice_vring_new(const struct sluice_vring_config *cfg,
				      struct sluice_gmem *gmem);
void sluice_vring_free(struct sluice_vring *vr);

/*
 * Worker context from here on.
 *
 * sluice_vring_start(): check that all ring areas are mapped, and switch notifications off.
 *	0, or -EAGAIN (a fetch tries again), or -EFAULT. It may run in the owner's own context
 *	before the worker has the ring: there it may fault, and returns -EFAULT for what is not
 *	mapped.
 * sluice_vring_unmap(): forget cached translations (guest memory changed).
 */
int sluice_vring_start(struct sluice_vring *vr);
void sluice_vring_unmap(struct sluice_vring *vr);

/**
 * sluice_vring_fetch() - take available chains
 * @vr: ring
 * @chain: where they go
 * @max: how many at most, <= SLUICE_VRING_BURST
 * @seg: room for segments
 * @nr_seg: size of @seg, >= SLUICE_CHAIN_MAX_SEGS; fewer chains are returned where it would not
 *	hold more
 *
 * Return: number of chains (0: none available), -EAGAIN: nothing taken;
 * -EIO: the ring is broken (sluice_vring_error() tells why).
 */
int sluice_vring_fetch(struct sluice_vring *vr, struct sluice_chain *chain, unsigned int max,
		       struct sluice_vring_seg *seg, unsigned int nr_seg);

/* Give back the last @n chains of the fetch before, in whole: they will be fetched again. */
void sluice_vring_unfetch(struct sluice_vring *vr, const struct sluice_chain *chain,
			  unsigned int n);
/*
 * Who had the ring in hand is no more: all that it fetched, and neither pushed nor gave back, is to
 * be fetched again. False: it ended while it published completions; which of them the driver has
 * nobody knows.
 */
bool sluice_vring_rewind(struct sluice_vring *vr);

/*
 * Copy from the readable, or to the writable, bytes of a chain. Errors as sluice_gmem_copy_from(),
 * which break the ring but for -EAGAIN (then part of the bytes may be there); -EINVAL: the chain is
 * not that long; -EIO: the ring is broken.
 */
int sluice_chain_read(struct sluice_vring *vr, const struct sluice_chain *c, u32 off, void *dst,
		      u32 len);
int sluice_chain_write(struct sluice_vring *vr, const struct sluice_chain *c, u32 off,
		       const void *src, u32 len);

/*
 * Where part of a segment lies: of the @len bytes at @addr the first *@run are at *@where, and stay
 * there until the front end's memory changes. Only with memory that the kernel maps. Errors as
 * above.
 */
int sluice_chain_map(struct sluice_vring *vr, u64 addr, u32 len, bool write, void **where,
		     u32 *run);

/*
 * Queue a completion of @len written bytes; seen by the driver after sluice_vring_flush().
 * Chains are completed in the order in which they were fetched, or in another: then nothing may be
 * pending or in flight when the ring's state is asked for.
 */
void sluice_vring_push(struct sluice_vring *vr, const struct sluice_chain *c, u32 len);
/*
 * Publish pushed completions with as few stores as can be. Up to SLUICE_VRING_BURST may be
 * pending; one more is a flush. 0, -EIO, or -EAGAIN: they stay pending, and the next fetch
 * publishes them first.
 */
int sluice_vring_flush(struct sluice_vring *vr);
/* After a flush: does the driver want an interrupt for what was published since the last call? */
bool sluice_vring_want_signal(struct sluice_vring *vr);
/*
 * Is there something left of that, after a flush failed or a fetch did it: completions to publish,
 * a store to log, an interrupt to ask about? sluice_vring_flush() and sluice_vring_want_signal()
 * see to it.
 */
bool sluice_vring_owes(const struct sluice_vring *vr);
/* Of these, is there something to publish or to log? What is left then is to ask. */
bool sluice_vring_unpublished(const struct sluice_vring *vr);
/* Is all that the ring has room for published, and the driver was not asked about it since? */
bool sluice_vring_untold(const struct sluice_vring *vr);

/*
 * After -EAGAIN: which memory of the owner's was absent, if it was that; told once. @why is what
 * the ring breaks with if it cannot be had.
 */
bool sluice_vring_absent(struct sluice_vring *vr, struct sluice_gmem_absent *absent,
			 enum sluice_vring_error *why);

/*
 * Ask for, or do without, notifications. enable returns 1 if buffers came in the meantime (then
 * notifications are off again: keep polling), 0 when it is safe to sleep, or a negative errno.
 * Buffers that were fetched and given back do not count: who could not do with those waits for
 * more.
 */
int sluice_vring_enable_notify(struct sluice_vring *vr);
void sluice_vring_disable_notify(struct sluice_vring *vr);
/* Is something available? A cheap look that fetches nothing. */
bool sluice_vring_more(struct sluice_vring *vr);

/* Switch the dirty log of the used ring; @addr as log_addr of the configuration. */
void sluice_vring_set_log(struct sluice_vring *vr, bool on, u64 addr);

void sluice_vring_break(struct sluice_vring *vr, enum sluice_vring_error why);
enum sluice_vring_error sluice_vring_error(const struct sluice_vring *vr);
const char *sluice_vring_strerror(enum sluice_vring_error e);

/*
 * Index state for GET_VRING_BASE, in the encoding of struct sluice_vring_config. Any context
 * once detached. Chains of which the driver was told nothing count as not fetched.
 */
void sluice_vring_state(const struct sluice_vring *vr, u32 *avail, u32 *used);

#endif /* _SLUICE_VRING_H */
