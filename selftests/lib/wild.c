// SPDX-License-Identifier: GPL-2.0-only
/* See wild.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "vdrv.h"
#include "wild.h"

#define ETH_HLEN	14
#define LONGEST		(64 * 1024 + 128)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BATCH		96
#define PATIENCE_MS	30000

/* A frame that is being written. */
struct pen {
	struct wild *w;
	unsigned char *frame;
	uint32_t at;
	uint32_t l3;
	uint32_t l4;
	uint8_t proto;
	uint8_t depth;
};

static uint64_t wild_bits(struct wild *w)
{
	/* xorshift64*: fast, and long enough for any run. */
	w->state ^= w->state >> 12;
	w->state ^= w->state << 25;
	w->state ^= w->state >> 27;
	return w->state * 0x2545f4914f6cdd1dULL;
}

uint32_t wild_below(struct wild *w, uint32_t n)
{
	return (wild_bits(w) >> 32) % n;
}

static int one_in(struct wild *w, uint32_t n)
{
	return !wild_below(w, n);
}

/* Numbers that are at the edge of something. */
static uint32_t odd_number(struct wild *w)
{
	static const uint32_t fond[] = { 0, 1, 2, 7, 8, 13, 14, 34, 40, 54, 255, 256, 1399, 1400,
					 1499, 1500, 9216, 32767, 32768, 65534, 65535 };

	return one_in(w, 2) ? fond[wild_below(w, ARRAY_SIZE(fond))] :
			      wild_below(w, 65536);
}

static void put(struct pen *p, const void *bytes, uint32_t n)
{
	if (p->at + n > WILD_HEADERS)
		n = WILD_HEADERS - p->at;
	memcpy(p->frame + p->at, bytes, n);
	p->at += n;
}

static void put_random(struct pen *p, uint32_t n)
{
	uint64_t bits;

	for (; n >= 8; n -= 8) {
		bits = wild_bits(p->w);
		put(p, &bits, 8);
	}
	bits = wild_bits(p->w);
	put(p, &bits, n);
}

static void put8(struct pen *p, uint8_t v)
{
	put(p, &v, 1);
}

static void put16(struct pen *p, uint16_t v)
{
	put8(p, v >> 8);
	put8(p, v);
}

/* The length that belongs here, most of the time. */
static void put_len(struct pen *p, uint32_t len)
{
	put16(p, one_in(p->w, 16) ? odd_number(p->w) : len);
}

static void put_mac(struct pen *p)
{
	static const unsigned char link_local[6] = { 1, 0x80, 0xc2, 0, 0, 0 };
	static const unsigned char all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	unsigned char mac[6] = { 2, 0, 0, 0, 0, wild_below(p->w, 4) };

	switch (wild_below(p->w, 8)) {
	case 0:
		put(p, all, 6);
		break;
	case 1:
		put(p, link_local, 5);
		put8(p, wild_below(p->w, 16));
		break;
	case 2:
		put_random(p, 6);
		break;
	default:
		put(p, mac, 6);
	}
}

static uint8_t pick_proto(struct wild *w)
{
	static const uint8_t proto[] = { 6, 6, 6, 17, 17, 17, 1, 58, 132, 136, 33, 47, 50, 4, 41 };

	return one_in(w, 12) ? wild_below(w, 256) : proto[wild_below(w, sizeof(proto))];
}

static void put_tcp(struct pen *p)
{
	uint32_t options = one_in(p->w, 3) ? wild_below(p->w, 11) : 0;

	put16(p, wild_below(p->w, 8));
	put16(p, one_in(p->w, 2) ? 22 : wild_below(p->w, 65536));
	put_random(p, 8);
	put8(p, (one_in(p->w, 12) ? wild_below(p->w, 16) : 5 + options) << 4);
	put8(p, one_in(p->w, 3) ? wild_below(p->w, 256) : 0x18);
	put_random(p, 6 + 4 * options);
}

static void put_udp(struct pen *p, uint32_t len)
{
	static const uint16_t port[] = { 53, 67, 68, 546, 547, 4789, 6081 };

	put16(p, port[wild_below(p->w, 7)]);
	put16(p, port[wild_below(p->w, 7)]);
	put_len(p, len);
	put_random(p, 2 + (one_in(p->w, 4) ? 64 : 0));
}

static void put_icmp(struct pen *p)
{
	static const uint8_t type[] = { 0, 3, 5, 8, 11, 128, 129, 133, 134, 135, 136, 137 };

	put8(p, type[wild_below(p->w, sizeof(type))]);
	put8(p, wild_below(p->w, 3));
	put_random(p, 6 + wild_below(p->w, 48));
}

static void put_inner(struct pen *p, uint32_t len);

static void put_l4(struct pen *p, uint32_t len)
{
	p->l4 = p->at;
	switch (p->proto) {
	case 6:
		put_tcp(p);
		break;
	case 17:
	case 136:
		put_udp(p, len);
		put_inner(p, len > 8 ? len - 8 : 0);
		break;
	case 4:
	case 41:
	case 47:
		put_inner(p, len);
		break;
	case 1:
	case 58:
		put_icmp(p);
		break;
	default:
		put_random(p, 8 + wild_below(p->w, 24));
	}
}

static void put_ipv4(struct pen *p, uint32_t len)
{
	uint32_t options = one_in(p->w, 6) ? wild_below(p->w, 11) : 0;

	p->l3 = p->at;
	p->proto = pick_proto(p->w);
	put8(p, one_in(p->w, 24) ? wild_below(p->w, 256) : 0x45 + options);
	put8(p, wild_below(p->w, 256));
	put_len(p, len);
	put_random(p, 2);
	/* Whole, first, later, last. */
	put16(p, one_in(p->w, 4) ? wild_below(p->w, 4) << 13 | wild_below(p->w, 3) : 0x4000);
	put8(p, wild_below(p->w, 256));
	put8(p, p->proto);
	put_random(p, 2);
	put16(p, 0x0a00);
	put16(p, wild_below(p->w, 4));
	put16(p, 0x0a00);
	put16(p, wild_below(p->w, 4));
	while (options--) {
		static const uint8_t kind[] = { 0, 1, 7, 68, 131, 137, 148 };

		put8(p, kind[wild_below(p->w, sizeof(kind))]);
		put8(p, wild_below(p->w, 12));
		put_random(p, 2);
	}
	put_l4(p, len > 20 ? len - 20 : 0);
}

static void put_ipv6(struct pen *p, uint32_t len)
{
	static const uint8_t ext[] = { 0, 43, 44, 51, 60, 135 };
	unsigned char addr[16] = { 0xfe, 0x80 };
	uint32_t n = one_in(p->w, 3) ? wild_below(p->w, 6) : 0;
	uint8_t next;

	p->l3 = p->at;
	next = n ? ext[wild_below(p->w, sizeof(ext))] : pick_proto(p->w);
	put8(p, one_in(p->w, 24) ? wild_below(p->w, 256) : 0x60);
	put_random(p, 3);
	put_len(p, len > 40 ? len - 40 : 0);
	put8(p, next);
	put8(p, wild_below(p->w, 2) ? 255 : 64);
	addr[15] = wild_below(p->w, 4);
	put(p, addr, 16);
	addr[0] = one_in(p->w, 3) ? 0xff : 0xfe;
	addr[1] = addr[0] == 0xff ? 2 : 0x80;
	put(p, addr, 16);
	while (n--) {
		next = n ? ext[wild_below(p->w, sizeof(ext))] : pick_proto(p->w);
		put8(p, next);
		put8(p, one_in(p->w, 8) ? wild_below(p->w, 256) : 0);
		put_random(p, 6);
	}
	p->proto = next;
	put_l4(p, len > 40 ? len - 40 : 0);
}

/* Behind a header whose protocol is known: a tunnel, sometimes with its own header. */
static void put_inner(struct pen *p, uint32_t len)
{
	uint8_t proto = p->proto;

	if (p->depth++ || one_in(p->w, 3))
		return;
	if (proto == 47) {
		put16(p, one_in(p->w, 4) ? wild_below(p->w, 65536) : 0);
		put16(p, one_in(p->w, 2) ? 0x6558 : 0x0800);
	} else if (proto == 17) {
		/* VXLAN or GENEVE, and an Ethernet header. */
		put_random(p, 8);
		put_random(p, 12);
		put16(p, one_in(p->w, 2) ? 0x86dd : 0x0800);
		len = len > 22 ? len - 22 : 0;
	}
	if (proto == 41 || (proto == 17 && p->frame[p->at - 1] == 0xdd))
		put_ipv6(p, len);
	else
		put_ipv4(p, len);
}

static void put_arp(struct pen *p)
{
	put16(p, one_in(p->w, 8) ? wild_below(p->w, 65536) : 1);
	put16(p, 0x0800);
	put16(p, 0x0604);
	put16(p, wild_below(p->w, 4));
	put_random(p, 20);
}

static void put_l3(struct pen *p, uint32_t len)
{
	static const uint16_t other[] = { 0x88cc, 0x8847, 0x8863, 0x8864, 0x8808, 0x888e, 0x88b5,
					  0x9100, 0x22f0, 0x0026, 0x6558 };
	uint32_t tags = one_in(p->w, 4) ? wild_below(p->w, 4) : 0;

	while (tags--) {
		put16(p, one_in(p->w, 3) ? 0x88a8 : 0x8100);
		put16(p, one_in(p->w, 2) ? wild_below(p->w, 4) : wild_below(p->w, 65536));
		len -= 4;
	}
	switch (wild_below(p->w, 8)) {
	case 0:
		put16(p, one_in(p->w, 4) ? wild_below(p->w, 65536) : other[wild_below(p->w, 11)]);
		put_random(p, 32);
		break;
	case 1:
		put16(p, 0x0806);
		put_arp(p);
		break;
	case 2:
	case 3:
	case 4:
		put16(p, 0x86dd);
		put_ipv6(p, len);
		break;
	default:
		put16(p, 0x0800);
		put_ipv4(p, len);
	}
}

static uint32_t pick_len(struct wild *w, uint32_t max)
{
	uint32_t len;

	switch (wild_below(w, 16)) {
	case 0:
		len = wild_below(w, 64);
		break;
	case 1:
		len = odd_number(w) + ETH_HLEN;
		break;
	case 2:
		len = wild_below(w, max + 1);
		break;
	default:
		len = 60 + wild_below(w, 1455);
	}
	return len < max ? len : max;
}

/* What the headers ask for, or what they do not. */
static uint8_t pick_gso(const struct pen *p)
{
	static const uint8_t gso[] = { VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6,
				       VIRTIO_NET_HDR_GSO_UDP, VIRTIO_NET_HDR_GSO_UDP_L4,
				       VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN };

	if (one_in(p->w, 4))
		return gso[wild_below(p->w, sizeof(gso))];
	if (one_in(p->w, 64))
		return wild_below(p->w, 256);
	if (p->proto == 17)
		return VIRTIO_NET_HDR_GSO_UDP_L4;
	return p->frame[p->l3] >> 4 == 6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
}

static void make_hdr(const struct pen *p, uint32_t len, struct virtio_net_hdr_v1 *hdr)
{
	struct wild *w = p->w;

	memset(hdr, 0, sizeof(*hdr));
	if (one_in(w, 2))
		return;
	hdr->flags = one_in(w, 16) ? wild_below(w, 256) : VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = one_in(w, 8) ? odd_number(w) : p->l4;
	hdr->csum_offset = one_in(w, 8) ? odd_number(w) : p->proto == 17 ? 6 : 16;
	if (one_in(w, 8))
		hdr->flags &= ~VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (one_in(w, 2))
		return;
	hdr->gso_type = pick_gso(p);
	hdr->gso_size = one_in(w, 4) ? odd_number(w) : 100 + wild_below(w, 1400);
	hdr->hdr_len = one_in(w, 8) ? odd_number(w) : len < p->at ? len : p->at;
}

uint32_t wild_next(struct wild *w, unsigned char *frame, uint32_t max,
		   struct virtio_net_hdr_v1 *hdr)
{
	uint32_t len = pick_len(w, max);
	struct pen p = { .w = w, .frame = frame, .l3 = ETH_HLEN, .l4 = 34 };

	put_mac(&p);
	put_mac(&p);
	put_l3(&p, len > ETH_HLEN ? len - ETH_HLEN : 0);
	make_hdr(&p, len, hdr);
	return len;
}

/* What is written into a buffer where it lies. */
struct shot {
	struct virtio_net_hdr_v1 hdr;
	unsigned char frame[WILD_HEADERS];
	unsigned int hdr_len;
};

static void place(void *frame, void *arg)
{
	struct shot *s = arg;

	memcpy((unsigned char *)frame - s->hdr_len, &s->hdr, s->hdr_len);
	memcpy(frame, s->frame, sizeof(s->frame));
}

static void take(struct vdrv *v)
{
	uint64_t bytes = 0;

	if (v && vdrv_rx_reap(v, &bytes))
		vdrv_vq_kick(&v->vq[VDRV_RX]);
}

static int shoot_one(struct wild *w, struct vdrv *v, struct shot *s)
{
	uint32_t len = wild_next(w, s->frame, LONGEST, &s->hdr);
	int ret;

	if (vdrv_tx_burst(v, 1, len, place, s))
		return 0;
	vdrv_vq_kick(&v->vq[VDRV_TX]);
	ret = vdrv_drain_tx(v, PATIENCE_MS);
	return ret ?: vdrv_tx_burst(v, 1, len, place, s) == 1 ? 0 : -EPROTO;
}

int wild_shoot(struct wild *w, struct vdrv *from, struct vdrv *to, unsigned int n)
{
	struct shot s = { .hdr_len = from->hdr_len };
	unsigned int i;
	int ret;

	for (i = 1; i <= n; i++) {
		ret = shoot_one(w, from, &s);
		if (ret)
			return ret;
		if (i % BATCH)
			continue;
		vdrv_vq_kick(&from->vq[VDRV_TX]);
		vdrv_tx_reap(from);
		take(from);
		take(to);
	}
	vdrv_vq_kick(&from->vq[VDRV_TX]);
	ret = vdrv_drain_tx(from, PATIENCE_MS);
	if (ret)
		return ret;
	return vdrv_vq_broken(&from->vq[VDRV_TX]) || vdrv_vq_broken(&from->vq[VDRV_RX]) ||
	       (to && vdrv_vq_broken(&to->vq[VDRV_RX])) ? -EPROTO : 0;
}

int wild_send(struct wild *w, int (*send)(int fd, const struct virtio_net_hdr_v1 *hdr,
					  const void *frame, size_t len),
	      int fd, struct vdrv *to, unsigned int n)
{
	unsigned char *frame = calloc(1, LONGEST);
	struct virtio_net_hdr_v1 hdr;
	unsigned int i;
	uint32_t len;

	if (!frame)
		return -ENOMEM;
	for (i = 1; i <= n; i++) {
		len = wild_next(w, frame, LONGEST, &hdr);
		send(fd, &hdr, frame, len);
		if (!(i % BATCH))
			take(to);
	}
	free(frame);
	return to && vdrv_vq_broken(&to->vq[VDRV_RX]) ? -EPROTO : 0;
}

void wild_init(struct wild *w, unsigned int *n)
{
	const char *seed = getenv("SEED"), *frames = getenv("FRAMES");

	w->state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) << 20 ^ (uintptr_t)&seed;
	w->state = w->state ?: 1;
	if (frames)
		*n = atoi(frames);
	printf("# SEED=%llu FRAMES=%u\n", (unsigned long long)w->state, *n);
}
