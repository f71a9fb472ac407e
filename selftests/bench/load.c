// SPDX-License-Identifier: GPL-2.0-only
/*
 * One measurement: so many frames through one datapath, and what each cost the machine beside the
 * generator.
 *
 *   load out  VHOST_NODE PORT WIRE       LEN FLOWS SECONDS   guest -> wire
 *   load in   VHOST_NODE PORT WIRE PEER  LEN FLOWS SECONDS   PEER -> WIRE -> guest
 *   load wire -          -    WIRE PEER  LEN FLOWS SECONDS   PEER -> WIRE and no further
 *   load sent -          -    WIRE PEER  LEN FLOWS SECONDS   PEER -> whatever WIRE transmits
 *
 * VHOST_NODE may be "mdev:UUID", a mediated device on PORT.
 *
 * Outwards WIRE counts what it transmits; inwards WIRE and PEER are a veth pair.
 *
 * The machine has one CPU, and the generator works in closed loop: it hands over a burst, sleeps
 * until the burst has gone all the way, and collects. So all time that passes is either the
 * generator's or the device side's. The generator's share is subtracted: its time over the rings is
 * measured burst by burst with the cycle counter (the median, for a timer tick may hit any of
 * them), and its system calls are taken at what they cost when they have nothing to do. Waking and
 * switching to the device's threads is the device's; so is what a card's doorbell, a pwrite(),
 * takes more than a write to an eventfd.
 *
 * Inwards, sending from the peer is the generator's as well, and it cannot be told apart by
 * looking, as the device's receive path may run on its back. "wire" is the same with nobody behind
 * the wire; who reads the results subtracts it. "sent" is for a netdev PEER that frames leave by:
 * its driver's share, and that of all there is between it and WIRE, is in the figure, and so is the
 * packet socket's.
 *
 * The result is one line of JSON; "ns" is nanoseconds per frame, "lost" what did not arrive.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <x86intrin.h>
#include <linux/if_packet.h>
#include "guest.h"
#include "meter.h"
#include "netio.h"

#define MAX_FLOWS	10000
#define IN_BURST	128
#define BIG		2048		/* frames longer than this are to be segmented */
#define BIG_IN_BURST	14
#define MSS		1448
#define NOBODY		9		/* last byte of an address that nobody has */

/* What distinguishes a flow: an address, and the checksums that come with it. */
struct flow {
	uint32_t addr;
	uint16_t ip_csum;
	uint16_t l4_csum;
};

struct bench {
	struct vdrv *v;
	struct guest guest;
	int peer;
	bool leaves;
	int stat;
	size_t len;
	unsigned int nflow;
	unsigned int flow;
	bool inward;
	size_t addr_at;
	size_t l4_csum_at;
	struct flow flows[MAX_FLOWS];
	struct virtio_net_hdr_v1 hdr;
	unsigned char frame[VDRV_FRAME];
	struct mmsghdr msg[IN_BURST];
	struct iovec iov[IN_BURST][2];
	unsigned char *copies;
	uint64_t sent;
	uint64_t got;
	uint64_t calls[4];
	uint64_t call_cost[4];
	struct meter spent;
};

enum { CALL_KICK, CALL_WAIT, CALL_YIELD, CALL_STAT };

static uint64_t read_stat(struct bench *b)
{
	char text[32];
	ssize_t n = pread(b->stat, text, sizeof(text) - 1, 0);

	if (n <= 0)
		meter_die("statistics", errno);
	text[n] = 0;
	return strtoull(text, NULL, 10);
}

static void yield(void *arg)
{
	sched_yield();
}

static void look(void *arg)
{
	read_stat(arg);
}

/*
 * The generator's system calls at what they cost when they find their work done.
 */
static void calibrate(struct bench *b)
{
	meter_ring_calls(&b->call_cost[CALL_KICK], &b->call_cost[CALL_WAIT]);
	b->call_cost[CALL_YIELD] = meter_call(yield, NULL);
	b->call_cost[CALL_STAT] = meter_call(look, b);
}

static void make_flows(struct bench *b)
{
	struct netio_frame f = {
		.len = b->len, .tcp = b->len > BIG, .mss = b->len > BIG ? MSS : 0, .partial = true
	};
	unsigned int i, first = b->nflow == 1 ? 5000 : 0;
	uint32_t addr;

	b->addr_at = NETIO_ETHER + (b->inward ? 12 : 16);
	b->l4_csum_at = NETIO_ETHER + 20 + (f.tcp ? 16 : 6);
	for (i = 0; i < b->nflow; i++) {
		addr = 0x0a010000 + first + i;
		/* What a VF sends to its own address its NIC gives back to it. */
		f.dst_mac = b->leaves ? NOBODY : 0;
		f.src_ip = b->inward ? addr : 0;
		f.dst_ip = b->inward ? 0 : addr;
		if (netio_frame_make(&f, &b->hdr, b->frame) < 0)
			meter_die("frame", EINVAL);
		memcpy(&b->flows[i].addr, b->frame + b->addr_at, 4);
		memcpy(&b->flows[i].ip_csum, b->frame + NETIO_ETHER + 10, 2);
		memcpy(&b->flows[i].l4_csum, b->frame + b->l4_csum_at, 2);
	}
}

static void touch(void *frame, void *arg)
{
	struct bench *b = arg;
	const struct flow *f = &b->flows[b->flow];
	unsigned char *p = frame;

	memcpy(p + b->addr_at, &f->addr, 4);
	memcpy(p + NETIO_ETHER + 10, &f->ip_csum, 2);
	memcpy(p + b->l4_csum_at, &f->l4_csum, 2);
	if (++b->flow == b->nflow)
		b->flow = 0;
}

/* One burst outwards, whole ring by whole ring. */
static void burst_out(struct bench *b)
{
	struct vdrv_vq *q = &b->v->vq[VDRV_TX];
	unsigned int n, back = 0, idle = 0;
	uint64_t t = __rdtsc(), spent;

	n = vdrv_tx_burst(b->v, q->nfree, b->len, touch, b);
	/* One call, when the last has gone; in ring entries, of which a chain of ours takes one. */
	vdrv_vq_call_after(q, n);
	spent = __rdtsc() - t;
	b->sent += n;
	b->calls[CALL_KICK] += vdrv_vq_kick(q) > 0;
	while (back < n) {
		if (!meter_wait(q) && !vdrv_vq_peek(q) && ++idle > 3)
			meter_die("the device does not transmit", ETIMEDOUT);
		b->calls[CALL_WAIT]++;
		t = __rdtsc();
		back += vdrv_tx_reap(b->v);
		if (back < n)
			vdrv_vq_call_after(q, n - back);
		spent += __rdtsc() - t;
		/* It may have become true before it was asked for. */
		if (back < n && vdrv_vq_peek(q)) {
			t = __rdtsc();
			back += vdrv_tx_reap(b->v);
			spent += __rdtsc() - t;
		}
	}
	meter_add(&b->spent, spent);
}

/*
 * While a burst is handed over no thread takes the processor away: a driver that has a ring of its
 * own, and a worker on a processor of its own, find a burst and not a frame.
 */
static void hold(struct bench *b, bool on)
{
	const struct sched_param p = { .sched_priority = on };

	if (b->leaves && sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &p) < 0)
		meter_die("scheduler", errno);
}

static unsigned int peer_send(struct bench *b)
{
	unsigned int n = b->len > BIG ? BIG_IN_BURST : IN_BURST, i;
	int done;

	hold(b, true);

	for (i = 0; i < n; i++)
		touch(b->iov[i][1].iov_base, b);
	for (i = 0; i < n; i += done) {
		done = sendmmsg(b->peer, b->msg + i, n - i, 0);
		if (done < 0 && errno == EINTR)
			done = 0;
		if (done < 0)
			meter_die("sendmmsg", errno);
	}
	hold(b, false);
	b->sent += n;
	return n;
}

static unsigned int rx_descs(const struct bench *b)
{
	return (b->v->hdr_len + b->len + b->v->vq[VDRV_RX].buf_len - 1) / b->v->vq[VDRV_RX].buf_len;
}

static void burst_in(struct bench *b)
{
	struct vdrv_vq *q = &b->v->vq[VDRV_RX];
	uint64_t bytes = 0, t, spent = 0;
	unsigned int n, per = rx_descs(b), back = 0, idle = 0;

	vdrv_vq_call_after(q, (b->len > BIG ? BIG_IN_BURST : IN_BURST) * per);
	n = peer_send(b);
	while (back < n) {
		if (!meter_wait(q) && !vdrv_vq_peek(q) && ++idle > 1)
			break;
		b->calls[CALL_WAIT]++;
		do {
			t = __rdtsc();
			back += vdrv_rx_reap(b->v, &bytes);
			if (back < n)
				vdrv_vq_call_after(q, (n - back) * per);
			spent += __rdtsc() - t;
		} while (back < n && vdrv_vq_peek(q));
		b->calls[CALL_KICK] += vdrv_vq_kick(q) > 0;
	}
	b->got += back;
	meter_add(&b->spent, spent);
}

static void burst_wire(struct bench *b)
{
	uint64_t base = read_stat(b), now, end = meter_now_ns() + METER_PATIENCE_MS * 1000000ULL;
	unsigned int n = peer_send(b), tries = 0;

	b->calls[CALL_STAT]++;
	do {
		sched_yield();
		now = read_stat(b);
		b->calls[CALL_YIELD]++;
		b->calls[CALL_STAT]++;
	} while (now - base < n && (++tries & 255 || meter_now_ns() < end));
	b->got += now - base;
	meter_add(&b->spent, 0);
}

static void peer_open(struct bench *b, const char *ifname)
{
	unsigned int n = b->len > BIG ? BIG_IN_BURST : IN_BURST, i;
	int one = 1;

	b->peer = netio_open(ifname);
	if (b->peer < 0)
		meter_die(ifname, b->peer);
	/* What comes to it is not wanted, and there is no queue between. */
	if (shutdown(b->peer, SHUT_RD) < 0 && errno != EOPNOTSUPP && errno != ENOTCONN)
		meter_die("shutdown", errno);
	setsockopt(b->peer, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one));
	b->copies = malloc(n * b->len);
	if (!b->copies)
		meter_die("memory", ENOMEM);
	for (i = 0; i < n; i++) {
		memcpy(b->copies + i * b->len, b->frame, b->len);
		b->iov[i][0] = (struct iovec){ &b->hdr, sizeof(struct virtio_net_hdr) };
		b->iov[i][1] = (struct iovec){ b->copies + i * b->len, b->len };
		b->msg[i].msg_hdr.msg_iov = b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 2;
	}
}

/* The driver; outwards every buffer has the frame in it already. */
static void start_guest(struct bench *b, const char *node, const char *port)
{
	struct vdrv_vq *q;
	unsigned int i;
	int ret = guest_open(&b->guest, node, port, b->len > BIG);

	if (ret)
		meter_die(node, ret);
	b->v = b->guest.v;
	q = &b->v->vq[VDRV_TX];
	for (i = 0; !b->inward && i < q->nslot; i++) {
		memcpy(q->buf + (size_t)i * q->buf_len, &b->hdr, b->v->hdr_len);
		memcpy(q->buf + (size_t)i * q->buf_len + b->v->hdr_len, b->frame, b->len);
	}
}

static void open_stat(struct bench *b, const char *wire, const char *what)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", wire, what);
	b->stat = open(path, O_RDONLY);
	if (b->stat < 0)
		meter_die(path, errno);
}

/*
 * Every flow a few times, with patience, until a whole pass has arrived: then nothing is learnt any
 * more.
 */
static void warm_up(struct bench *b, void (*burst)(struct bench *b))
{
	unsigned int pass;
	uint64_t sent, got, base, end;

	for (pass = 0; pass < 20; pass++) {
		sent = b->sent;
		got = b->got;
		base = read_stat(b);
		while (b->sent - sent < b->nflow + 256) {
			uint64_t so_far = b->sent;

			burst(b);
			if (b->inward)
				continue;
			end = meter_now_ns() + METER_PATIENCE_MS * 1000000ULL;
			while (read_stat(b) - base < b->sent - sent && meter_now_ns() < end)
				usleep(b->sent == so_far ? 0 : 500);
		}
		if (!b->inward)
			b->got = got + read_stat(b) - base;
		if (pass && b->got - got == b->sent - sent)
			break;
	}
	/* What was learnt may be looked through once by whoever learnt it. */
	if (b->nflow > 1)
		usleep(300000);
	b->sent = 0;
	b->got = 0;
	b->spent.nr = 0;
	memset(b->calls, 0, sizeof(b->calls));
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	bool out = argc == 8 && !strcmp(argv[1], "out"),
	     sent = argc == 9 && !strcmp(argv[1], "sent"),
	     wire = sent || (argc == 9 && !strcmp(argv[1], "wire"));
	void (*burst)(struct bench *b) = out ? burst_out : wire ? burst_wire : burst_in;
	uint64_t start, wall, base;
	char **arg = argv + (out ? 5 : 6);
	double rate, seconds, gen, calls = 0;
	int i;

	if (!b || !(out || wire || (argc == 9 && !strcmp(argv[1], "in")))) {
		fputs("usage: load out NODE PORT WIRE LEN FLOWS SECONDS\n"
		      "       load in|wire|sent NODE PORT WIRE PEER LEN FLOWS SECONDS\n",
		      stderr);
		return 2;
	}
	b->inward = !out;
	b->leaves = sent;
	b->len = atoi(arg[0]);
	b->nflow = atoi(arg[1]);
	seconds = atof(arg[2]);
	if (b->len > VDRV_FRAME || b->nflow < 1 || b->nflow > MAX_FLOWS ||
	    seconds <= 0)
		meter_die("arguments", EINVAL);
	make_flows(b);
	open_stat(b, argv[4], out || sent ? "tx_packets" : "rx_packets");
	if (!wire) {
		start_guest(b, argv[2], argv[3]);
		meter_be_impatient(&b->v->vq[out ? VDRV_TX : VDRV_RX]);
	}
	if (!out)
		peer_open(b, argv[5]);
	rate = meter_rate();
	calibrate(b);
	warm_up(b, burst);

	base = read_stat(b);
	start = meter_now_ns();
	do {
		burst(b);
		wall = meter_now_ns() - start;
	} while (wall < seconds * 1e9);
	if (out) {
		usleep(1000);
		b->got = read_stat(b) - base;
	}
	gen = meter_median(&b->spent) / rate * b->spent.nr;
	for (i = 0; i < 4; i++)
		calls += b->calls[i] * b->call_cost[i] / rate;
	printf("{\"packets\":%llu,\"lost\":%lld,\"wall_ns\":%.1f,\"ring_ns\":%.1f,",
	       (unsigned long long)b->sent, (long long)(b->sent - b->got), (double)wall / b->sent,
	       gen / b->sent);
	printf("\"call_ns\":%.1f,\"ns\":%.1f,\"kicks\":%llu,\"waits\":%llu,\"bursts\":%u}\n",
	       calls / b->sent, (wall - gen - calls) / b->sent,
	       (unsigned long long)b->calls[CALL_KICK], (unsigned long long)b->calls[CALL_WAIT],
	       b->spent.nr);
	if (!wire)
		guest_close(&b->guest);
	return 0;
}
