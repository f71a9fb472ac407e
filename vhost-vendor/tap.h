/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The character device of a guest port, /dev/tap<ifindex> (tapdev.c says how it is called in
 * another network namespace than the first), with the ioctls of a tap. One open file reserves one
 * queue pair; a vhost node attaches its rings to that.
 */
#ifndef _SLUICE_TAP_H
#define _SLUICE_TAP_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include "sluice.h"

struct sluice_vhost;

/**
 * struct sluice_tapdev - a guest port's character device
 * @ref: the registry and each open file
 * @port: a reference
 * @net: namespace that the port is in; compared, never followed
 * @minor: device number, also the key of the registry
 * @dev: the port's netdev; RTNL; NULL once the device is gone
 * @open_lock: guards @opens
 * @opens: open files
 */
struct sluice_tapdev {
	struct kref ref;
	struct sluice_port *port;
	const struct net *net;
	u32 minor;
	struct net_device *dev;
	struct mutex open_lock;	/* opens */
	unsigned int opens;
};

/**
 * struct sluice_tap - an open file: a queue pair of a port
 * @tapdev: where it belongs
 * @pair: reserved until release
 * @lock: guards all below; those marked (r) are read without it
 * @flags: IFF_* (r)
 * @hdr_len: of virtio_net_hdr in front of frames that are written (r)
 * @sndbuf: kept for TUNGETSNDBUF
 * @little_endian: headers are, whatever the host is (r)
 * @big_endian: headers are, unless @little_endian (r)
 * @enabled: by TUNSETQUEUE (r)
 * @listens: frames wait to be read: somebody used the file as a tap's without vhost (r)
 * @vhost: the node whose rings are bound to it, NULL if none: valid until it unbinds,
 *	which takes @lock
 * @binds: number of those rings
 */
struct sluice_tap {
	struct sluice_tapdev *tapdev;
	unsigned int pair;
	struct mutex lock;	/* the fields below */
	u16 flags;
	u8 hdr_len;
	int sndbuf;
	bool little_endian;
	bool big_endian;
	bool enabled;
	bool listens;
	struct sluice_vhost *vhost;
	unsigned int binds;
};

/* What TUNGETVNETHDRSZ and TUNSETVNETHDRSZ know: without and with num_buffers, with a hash. */
#define SLUICE_TAP_HDR_MIN	10
#define SLUICE_TAP_HDR_V1	12
#define SLUICE_TAP_HDR_HASH	20

/* tapdev.c */
int sluice_tapdev_init(void);
void sluice_tapdev_exit(void);
/* Minor to device, a reference; NULL if the port is gone. */
struct sluice_tapdev *sluice_tapdev_get(u32 minor);
void sluice_tapdev_put(struct sluice_tapdev *d);

/* tap.c */
extern const struct file_operations sluice_tap_fops;

/* The tap behind an open file (valid as long as that), or NULL if it is something else. */
struct sluice_tap *sluice_tap_from_file(struct file *file);
/* A ring is bound to the tap; -EBUSY if another node is. */
int sluice_tap_bind(struct sluice_tap *tap, struct sluice_vhost *vhost);
void sluice_tap_unbind(struct sluice_tap *tap);
struct sluice_queue *sluice_tap_queue(const struct sluice_tap *tap, enum sluice_queue_dir dir);

static inline bool sluice_tap_enabled(const struct sluice_tap *tap)
{
	return READ_ONCE(tap->enabled);
}

/* Are the multi-byte fields of a legacy virtio_net_hdr big endian? */
bool sluice_tap_big_endian(const struct sluice_tap *tap);

#endif /* _SLUICE_TAP_H */
