/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's end of things: packet sockets on netdevs, frames to send, netdevs up and down.
 * All functions return -errno on failure.
 */
#ifndef NETIO_H
#define NETIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>

#define NETIO_ETHER		14
#define NETIO_PORT		0x5105	/* UDP or TCP destination port of the frames made here */

/**
 * struct netio_frame - what a frame is to be
 * @len: length in all, with the Ethernet header
 * @ipv6: rather than IPv4
 * @tcp: rather than UDP
 * @src_ip: host order; the low half of an IPv6 address
 * @dst_ip: the same
 * @sport: source port
 * @dport: destination port (0: NETIO_PORT)
 * @mss: segment size of a frame with segmentation to be done, 0 for none
 * @partial: leave the checksum to be completed, as a guest with checksum offload does
 * @seed: makes its payload differ from others'
 * @src_mac: last byte of the source address
 * @dst_mac: last byte of the destination address
 */
struct netio_frame {
	size_t len;
	bool ipv6;
	bool tcp;
	uint32_t src_ip;
	uint32_t dst_ip;
	uint16_t sport;
	uint16_t dport;
	uint16_t mss;
	bool partial;
	uint32_t seed;
	uint8_t src_mac;
	uint8_t dst_mac;
};

/*
 * Write frame and header to @buf, which has room for @f->len bytes. Returns the length, or
 * -EINVAL.
 */
int netio_frame_make(const struct netio_frame *f, struct virtio_net_hdr_v1 *hdr,
		     unsigned char *buf);
/* Is the transport checksum of a frame right? (A frame without one counts as right.) */
bool netio_frame_csum_ok(const unsigned char *buf, size_t len);
/* Where the payload begins; 0 if the frame is none of ours. */
size_t netio_frame_payload(const unsigned char *buf, size_t len);

int netio_ifindex(const char *ifname);
int netio_link_set(const char *ifname, bool up);
/* A number that the kernel keeps of a netdev (as in its statistics folder). */
long netio_stat(const char *ifname, const char *stat);
/* The host's own IPv6 chatter would be taken for a test's frames: none on this netdev. */
int netio_quiet(const char *ifname);
/*
 * A netdev whose carrier came on takes frames only a moment later, when the kernel has got round to
 * it; what the host sends before is lost. Wait for that.
 */
int netio_link_wait(const char *ifname);
/* How often its carrier came and went, since it was made. */
long netio_carrier_changes(const char *ifname);
int netio_link_mtu(const char *ifname, int mtu);
/* As `ip link add NAME [link LOWER] [numtxqueues N numrxqueues N] type sluice`. */
int netio_port_add(const char *name, const char *lower, uint32_t queues);
int netio_link_del(const char *name);
int netio_link_rename(const char *was, const char *name);
int netio_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A drop counter of a port, by its name in the output of the tool. */
long netio_drops(const char *port, const char *why);

/* A packet socket bound to a netdev, with a vnet header on every frame, and promiscuous. */
int netio_open(const char *ifname);
int netio_send(int fd, const struct virtio_net_hdr_v1 *hdr, const void *frame, size_t len);
/*
 * Only frames made by netio_frame_make() come out; others are thrown away. -ETIMEDOUT if there was
 * none.
 */
int netio_recv(int fd, struct virtio_net_hdr_v1 *hdr, void *frame, size_t room, int timeout_ms);

/* The sum of all numbers of that name in what the tool shows. */
long netio_shown(const char *cmd, const char *what);

#endif /* NETIO_H */
