/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames made by hand: headers are appended, lengths filled in at the end. */
#ifndef _UNIT_NET_FRAME_H
#define _UNIT_NET_FRAME_H

#include <linux/types.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/string.h>
#include <linux/unaligned.h>

/**
 * struct frame - a frame under construction
 * @b: its bytes
 * @len: how many
 * @type: where the Ethernet type of what follows goes
 * @next: where the protocol of what follows goes; NULL before an IP header
 * @ip4: IPv4 header, if there is one
 * @ip6: IPv6 header, if there is one
 */
struct frame {
	u8 b[2048];
	u32 len;
	u8 *type;
	u8 *next;
	u8 *ip4;
	u8 *ip6;
};

static const u8 mac_a[ETH_ALEN] = { 2, 0, 0, 0, 0, 0xa };
static const u8 mac_b[ETH_ALEN] = { 2, 0, 0, 0, 0, 0xb };

static inline u8 *put(struct frame *f, u32 len)
{
	u8 *p = f->b + f->len;

	memset(p, 0, len);
	f->len += len;
	return p;
}

static inline void put_eth(struct frame *f)
{
	u8 *p;

	memset(f, 0, sizeof(*f));
	p = put(f, ETH_HLEN);
	memcpy(p, mac_b, ETH_ALEN);
	memcpy(p + ETH_ALEN, mac_a, ETH_ALEN);
	f->type = p + 2 * ETH_ALEN;
}

static inline void put_type(struct frame *f, u16 type)
{
	put_unaligned_be16(type, f->type);
}

static inline void put_vlan(struct frame *f, u16 tpid, u16 tci)
{
	u8 *p;

	put_type(f, tpid);
	p = put(f, 4);
	put_unaligned_be16(tci, p);
	f->type = p + 2;
}

/* 10.0.0.1 to 10.0.0.2 */
static inline u8 *put_ipv4(struct frame *f, u32 options, u16 frag)
{
	u8 *p;

	put_type(f, ETH_P_IP);
	p = put(f, 20 + options);
	p[0] = 0x40 | (5 + options / 4);
	p[1] = 0xb8;
	put_unaligned_be16(frag, p + 6);
	p[8] = 64;
	memcpy(p + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
	f->ip4 = p;
	f->next = p + 9;
	return p;
}

/* 2001:db8::1 to 2001:db8::2 */
static inline u8 *put_ipv6(struct frame *f)
{
	u8 *p;

	put_type(f, ETH_P_IPV6);
	p = put(f, 40);
	p[0] = 0x6b;
	p[1] = 0x80;
	p[6] = 59;
	p[7] = 255;
	memcpy(p + 8, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	memcpy(p + 24, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
	f->ip6 = p;
	f->next = p + 6;
	return p;
}

/* An extension header of @len bytes. */
static inline u8 *put_ext(struct frame *f, u8 type, u32 len)
{
	u8 *p = put(f, len);

	*f->next = type;
	p[0] = 59;
	if (type == 51)
		p[1] = len / 4 - 2;
	else if (type != 44)
		p[1] = len / 8 - 1;
	f->next = p;
	return p;
}

static inline u8 *put_ports(struct frame *f, u8 proto, u32 len)
{
	u8 *p = put(f, len);

	*f->next = proto;
	put_unaligned_be16(1000, p);
	put_unaligned_be16(80, p + 2);
	return p;
}

static inline u8 *put_tcp(struct frame *f, u32 options)
{
	u8 *p = put_ports(f, 6, 20 + options);

	p[12] = (5 + options / 4) << 4;
	p[13] = 0x12;
	return p;
}

static inline u8 *put_udp(struct frame *f, u32 payload)
{
	u8 *p = put_ports(f, 17, 8 + payload);

	put_unaligned_be16(8 + payload, p + 4);
	return p;
}

static inline u8 *put_icmp(struct frame *f, u8 proto, u8 type, u8 code, u32 len)
{
	u8 *p = put(f, len);

	*f->next = proto;
	p[0] = type;
	p[1] = code;
	return p;
}

/* A neighbour discovery option with a link-layer address. */
static inline u8 *put_nd_option(struct frame *f, u8 type, const u8 *mac)
{
	u8 *p = put(f, 8);

	p[0] = type;
	p[1] = 1;
	memcpy(p + 2, mac, ETH_ALEN);
	return p;
}

/* A request by 10.0.0.1 for 10.0.0.2. */
static inline u8 *put_arp(struct frame *f)
{
	u8 *p;

	put_type(f, ETH_P_ARP);
	p = put(f, 28);
	memcpy(p, "\0\1\x08\0\6\4\0\1", 8);
	memcpy(p + 8, mac_a, ETH_ALEN);
	memcpy(p + 14, "\x0a\0\0\1", 4);
	memcpy(p + 24, "\x0a\0\0\2", 4);
	return p;
}

/* All is there: fill in the lengths. */
static inline void put_end(struct frame *f)
{
	if (f->ip4)
		put_unaligned_be16(f->b + f->len - f->ip4, f->ip4 + 2);
	if (f->ip6)
		put_unaligned_be16(f->b + f->len - f->ip6 - 40, f->ip6 + 4);
}

#endif /* _UNIT_NET_FRAME_H */
