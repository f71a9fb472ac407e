/* SPDX-License-Identifier: GPL-2.0-only */
/* Inputs of the netlink fuzz target: messages back to back, as on the wire. */
#ifndef _UNIT_NET_FUZZ_NETLINK_MAKE_H
#define _UNIT_NET_FUZZ_NETLINK_MAKE_H

#include <net/genetlink.h>

/**
 * struct steer - what the header's idle fields ask of the host
 * @socket: who sends it (nlmsg_pid)
 * @incapable: without CAP_NET_ADMIN (nlmsg_pid)
 * @close: the socket is closed after it (nlmsg_pid)
 * @alloc_fail: this allocation fails, counted from 1; 0: none (nlmsg_type)
 */
struct steer {
	unsigned int socket;
	bool incapable;
	bool close;
	unsigned int alloc_fail;
};

/* Bytes of the first message of at least a header's size; never more than there are. */
u32 message_len(const u8 *data, size_t size);
void message_steer(const struct nlmsghdr *nlh, struct steer *steer);

/* libFuzzer's own changes, and its hook for others. */
size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed);

#endif /* _UNIT_NET_FUZZ_NETLINK_MAKE_H */
