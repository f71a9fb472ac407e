/* SPDX-License-Identifier: GPL-2.0-only */
/* Extended acknowledgments: only their text. The netlink programs have the kernel's own instead. */
#ifndef _SHIM_NETLINK_H
#define _SHIM_NETLINK_H

#include_next <linux/netlink.h>

struct netlink_ext_ack { const char *_msg; char _msg_buf[128]; };
#define NL_SET_ERR_MSG(ack, msg) ((ack)->_msg = (msg))
#define NL_SET_ERR_MSG_FMT(ack, ...) \
	(snprintf((ack)->_msg_buf, sizeof((ack)->_msg_buf), __VA_ARGS__), (ack)->_msg = (ack)->_msg_buf)

#endif /* _SHIM_NETLINK_H */
