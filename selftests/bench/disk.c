// SPDX-License-Identifier: GPL-2.0-only
/*
 * One measurement of a disk: so many requests, and what each cost the machine beside the generator.
 *
 *   disk blk  NODE  BELOW read|write LEN DEPTH SECONDS    virtio-blk on a vhost-vdpa node
 *   disk scsi WWPN  BELOW read|write LEN DEPTH SECONDS    virtio-scsi on /dev/vhost-scsi
 *   disk user PATH  BELOW read|write LEN DEPTH SECONDS    virtio-blk by vhost-user, at a socket
 *   disk raw  DISK  BELOW read|write LEN DEPTH SECONDS    AIO on a block device, with no guest
 *
 * BELOW is the block device at the bottom, whose own counters say what arrived; it is as large as
 * the disk. Requests of 4 KiB go to random places, longer ones one behind the other.
 *
 * The machine has one CPU, and the generator works in closed loop: it hands over DEPTH requests,
 * sleeps until all of them are done, and collects. As in load, all time that passes is either
 * the generator's or the device side's, and the generator's is subtracted: its time over the ring,
 * and its system calls at what they cost when they have nothing to do. Nobody looks at the data
 * meanwhile; before that a pass writes some and looks whether it comes back.
 *
 * The result is one line of JSON; "ns" is nanoseconds per request, "lost" the requests that failed,
 * and those that the device at the bottom does not know of.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <x86intrin.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/virtio_scsi.h>
#include "meter.h"
#include "vblk.h"
#include "vuser.h"

#define FEATURES	(VDRV_F_VERSION_1 | VDRV_F_INDIRECT | VDRV_F_EVENT_IDX)
#define RING		128
#define PIECE		4096U	/* what a guest's memory is scattered in */
#define RANDOM_LEN	4096U
#define MAX_DEPTH	64U
#define MAX_LEN		(128U * 1024)
#define SEGS		(MAX_LEN / PIECE + 2)
#define WARM_UP		20
#define NR_WAYS		4
/* Queues of a SCSI host before those of requests: control, events. */
#define SCSI_QUEUE	2
#define SCSI_NODE	"/dev/vhost-scsi"
#define SCSI_BLOCK	4096U
#define SCSI_READ_10	0x28
#define SCSI_WRITE_10	0x2a
#define SCSI_TRIES	10
#define TPGT		1

enum { CALL_KICK, CALL_WAIT, CALL_SUBMIT, CALL_GET, CALLS };

struct disk;

/* A way to the disk: a burst of requests, from the hand-over until all are done. */
struct way {
	const char *name;
	void (*open)(struct disk *d, const char *target);
	void (*burst)(struct disk *d, unsigned int n);
};

struct disk {
	const struct way *way;
	bool write;
	unsigned int len;
	uint64_t places;
	uint64_t place;
	uint64_t seed;
	struct vdrv v;
	struct vdrv_vq *q;
	void (*put)(struct disk *d, unsigned int slot, uint64_t at);
	bool (*done)(struct disk *d, unsigned int slot);
	int fd;
	aio_context_t aio;
	struct iocb cb[MAX_DEPTH];
	unsigned char *buf;
	uint64_t requests;
	uint64_t failed;
	uint64_t calls[CALLS];
	uint64_t call_cost[CALLS];
	uint64_t bursts;
	struct meter spent;
};

static uint64_t next_place(struct disk *d)
{
	if (d->len == RANDOM_LEN) {
		/* xorshift64: any of them as likely as any other. */
		d->seed ^= d->seed << 13;
		d->seed ^= d->seed >> 7;
		d->seed ^= d->seed << 17;
		return d->seed % d->places * d->len;
	}
	d->place = d->place + 1 < d->places ? d->place + 1 : 0;
	return d->place * d->len;
}

/* --- rings --- */

static void ring_burst(struct disk *d, unsigned int n)
{
	unsigned int i, back = 0, idle = 0;
	uint64_t t = __rdtsc(), spent;
	struct vdrv_vq *q = d->q;
	uint32_t slot, len;

	for (i = 0; i < n; i++)
		d->put(d, vdrv_vq_slot(q), next_place(d));
	vdrv_vq_call_after(q, n);
	vdrv_vq_publish(q);
	spent = __rdtsc() - t;
	d->calls[CALL_KICK] += vdrv_vq_kick(q) > 0;
	while (back < n) {
		if (!meter_wait(q) && !vdrv_vq_peek(q) && ++idle > 50)
			meter_die("the device does not answer", ETIMEDOUT);
		d->calls[CALL_WAIT]++;
		do {
			t = __rdtsc();
			for (; vdrv_vq_used(q, &slot, &len); back++) {
				d->failed += !d->done(d, slot);
				vdrv_vq_release(q, slot);
			}
			if (back < n)
				vdrv_vq_call_after(q, n - back);
			spent += __rdtsc() - t;
			/* It may have become true before it was asked for. */
		} while (back < n && vdrv_vq_peek(q));
	}
	meter_add(&d->spent, spent);
}

/* @socket: of a device that is another process; NULL: a node's */
static void ring_open(struct disk *d, const char *node, const char *socket, unsigned int queues)
{
	const struct vdrv_cfg cfg = {
		.node = node, .features = FEATURES, .num = RING, .disk_queues = queues,
		.disk_buf = VBLK_DATA + MAX_LEN, .disk_seg = SEGS,
	};
	int ret = socket ? vuser_open(&d->v, &cfg, socket) : vdrv_open(&d->v, &cfg);

	if (ret)
		meter_die(socket ?: node, ret);
	d->q = &d->v.vq[queues - 1];
	meter_be_impatient(d->q);
	/* Of the first slots, which are those that a burst takes. */
	d->buf = vblk_at(d->q, 0, VBLK_DATA);
}

/* --- virtio-blk --- */

static void blk_put(struct disk *d, unsigned int slot, uint64_t at)
{
	const struct vblk_io io = {
		.type = d->write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN,
		.sector = at / 512, .len = d->len, .seg = PIECE,
	};

	vblk_put(&d->v, d->q, slot, &io);
}

static bool blk_done(struct disk *d, unsigned int slot)
{
	return *(uint8_t *)vblk_at(d->q, slot, VBLK_STATUS) == VIRTIO_BLK_S_OK;
}

static void blk_open(struct disk *d, const char *node)
{
	int ret;

	ring_open(d, node, NULL, 1);
	ret = vdrv_start(&d->v, -1);
	if (ret)
		meter_die(node, ret);
	d->put = blk_put;
	d->done = blk_done;
}

static void user_open(struct disk *d, const char *path)
{
	ring_open(d, NULL, path, 1);
	d->put = blk_put;
	d->done = blk_done;
}

/* --- virtio-scsi (virtio 1.2, 5.6.6.1), SBC's READ(10) and WRITE(10) --- */

static void put_be32(uint8_t *to, uint32_t x)
{
	to[0] = x >> 24;
	to[1] = x >> 16;
	to[2] = x >> 8;
	to[3] = x;
}

static unsigned int scsi_data(struct disk *d, unsigned int slot, struct vdrv_seg *seg)
{
	uint64_t addr = vdrv_addr(&d->v, vblk_at(d->q, slot, VBLK_DATA));
	unsigned int n;

	for (n = 0; n < d->len / PIECE; n++)
		seg[n] = (struct vdrv_seg){ addr + n * PIECE, PIECE };
	return n;
}

static void scsi_put(struct disk *d, unsigned int slot, uint64_t at)
{
	struct virtio_scsi_cmd_req req = { .lun = { 1, TPGT, 0x40, 0 }, .tag = slot };
	struct virtio_scsi_cmd_resp *resp = vblk_at(d->q, slot, VBLK_STATUS);
	struct vdrv_seg seg[SEGS];
	unsigned int out = 1, in = 0;

	req.cdb[0] = d->write ? SCSI_WRITE_10 : SCSI_READ_10;
	put_be32(req.cdb + 2, at / SCSI_BLOCK);
	req.cdb[8] = d->len / SCSI_BLOCK;
	memcpy(vblk_at(d->q, slot, VBLK_HDR), &req, sizeof(req));
	resp->response = VBLK_UNANSWERED;
	seg[0] = (struct vdrv_seg){ vdrv_addr(&d->v, vblk_at(d->q, slot, VBLK_HDR)), sizeof(req) };
	if (d->write)
		out += scsi_data(d, slot, seg + out);
	seg[out + in++] = (struct vdrv_seg){ vdrv_addr(&d->v, resp), sizeof(*resp) };
	if (!d->write)
		in += scsi_data(d, slot, seg + out + in);
	vdrv_vq_add(&d->v, d->q, slot, seg, out, in);
}

static bool scsi_done(struct disk *d, unsigned int slot)
{
	const struct virtio_scsi_cmd_resp *resp = vblk_at(d->q, slot, VBLK_STATUS);

	return resp->response == VIRTIO_SCSI_S_OK && !resp->status;
}

/* The first commands may be told that the disk was switched on. */
static void scsi_attention(struct disk *d)
{
	unsigned int i;

	for (i = 0; i < SCSI_TRIES; i++) {
		d->failed = 0;
		d->way->burst(d, 1);
		if (!d->failed)
			return;
	}
	meter_die("the disk refuses to be read", EIO);
}

static void scsi_open(struct disk *d, const char *wwpn)
{
	struct vhost_scsi_target t = { .vhost_tpgt = TPGT };
	bool write = d->write;
	unsigned int i;
	int ret;

	ring_open(d, SCSI_NODE, NULL, SCSI_QUEUE + 1);
	for (i = 0; i <= SCSI_QUEUE; i++) {
		ret = vdrv_set_ring(&d->v, i);
		if (ret)
			meter_die(SCSI_NODE, ret);
	}
	snprintf(t.vhost_wwpn, sizeof(t.vhost_wwpn), "%s", wwpn);
	if (ioctl(d->v.fd, VHOST_SCSI_SET_ENDPOINT, &t) < 0)
		meter_die(wwpn, errno);
	d->put = scsi_put;
	d->done = scsi_done;
	d->write = false;
	scsi_attention(d);
	d->write = write;
}

/* --- no guest --- */

static int aio_submit(struct disk *d, unsigned int n, struct iocb **list)
{
	d->calls[CALL_SUBMIT]++;
	return syscall(SYS_io_submit, d->aio, n, list);
}

static void raw_burst(struct disk *d, unsigned int n)
{
	struct iocb *list[MAX_DEPTH];
	struct io_event done[MAX_DEPTH];
	uint64_t t = __rdtsc(), spent;
	unsigned int i, sent, back;
	long ret;

	for (i = 0; i < n; i++) {
		d->cb[i] = (struct iocb){
			.aio_fildes = d->fd, .aio_nbytes = d->len, .aio_offset = next_place(d),
			.aio_lio_opcode = d->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
			.aio_buf = (uintptr_t)d->buf + (uint64_t)i * (VBLK_DATA + MAX_LEN),
		};
		list[i] = &d->cb[i];
	}
	spent = __rdtsc() - t;
	for (sent = 0; sent < n; sent += ret) {
		ret = aio_submit(d, n - sent, list + sent);
		if (ret < 0)
			meter_die("io_submit", errno);
	}
	for (back = 0; back < n; back += ret) {
		ret = syscall(SYS_io_getevents, d->aio, n - back, n - back, done, NULL);
		d->calls[CALL_GET]++;
		if (ret < 0)
			meter_die("io_getevents", errno);
		for (i = 0; i < ret; i++)
			d->failed += done[i].res != d->len;
	}
	meter_add(&d->spent, spent);
}

static void raw_open(struct disk *d, const char *path)
{
	const size_t bytes = MAX_DEPTH * (VBLK_DATA + MAX_LEN);

	d->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (d->fd < 0)
		meter_die(path, errno);
	if (syscall(SYS_io_setup, MAX_DEPTH, &d->aio) < 0)
		meter_die("io_setup", errno);
	d->buf = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (d->buf == MAP_FAILED)
		meter_die("memory", errno);
}

static const struct way ways[NR_WAYS] = {
	{ "blk", blk_open, ring_burst },
	{ "scsi", scsi_open, ring_burst },
	{ "user", user_open, ring_burst },
	{ "raw", raw_open, raw_burst },
};

/* --- all of them --- */

static void submit_nothing(void *arg)
{
	syscall(SYS_io_submit, ((struct disk *)arg)->aio, 0, NULL);
}

static void get_nothing(void *arg)
{
	syscall(SYS_io_getevents, ((struct disk *)arg)->aio, 0, 0, NULL, NULL);
}

static void calibrate(struct disk *d)
{
	meter_ring_calls(&d->call_cost[CALL_KICK], &d->call_cost[CALL_WAIT]);
	d->call_cost[CALL_SUBMIT] = meter_call(submit_nothing, d);
	d->call_cost[CALL_GET] = meter_call(get_nothing, d);
}

/* What the @i-th request of a burst has as its data; the first of them uses the first buffer. */
static uint64_t *data_of(struct disk *d, unsigned int i)
{
	return (uint64_t *)(d->buf + (size_t)i * (VBLK_DATA + MAX_LEN));
}

static uint64_t pattern(unsigned int i, unsigned int word)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL + word * 0xd6e8feb86659fd93ULL;
}

/* The first request of a burst in the first slot, and so on; all are free. */
static void order_slots(struct disk *d)
{
	unsigned int i;

	for (i = 0; d->q && i < d->q->nslot; i++)
		d->q->free[i] = d->q->nslot - 1 - i;
}

/* Does what was written come back? In the places that a burst of @n takes. */
static void verify(struct disk *d, unsigned int n)
{
	const unsigned int words = d->len / sizeof(uint64_t);
	uint64_t place = d->place, seed = d->seed;
	const bool write = d->write;
	unsigned int i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < words; k++)
			data_of(d, i)[k] = pattern(i, k);
	d->write = true;
	order_slots(d);
	d->way->burst(d, n);
	for (i = 0; i < n; i++)
		memset(data_of(d, i), 0, d->len);
	d->place = place;
	d->seed = seed;
	d->write = false;
	order_slots(d);
	d->way->burst(d, n);
	for (i = 0; i < n; i++)
		for (k = 0; k < words; k++)
			if (data_of(d, i)[k] != pattern(i, k))
				meter_die("what was written does not come back", EBADMSG);
	if (d->failed)
		meter_die("requests fail", EIO);
	d->write = write;
}

/* 512-byte sectors that the device at the bottom has read or written. */
static uint64_t sectors_below(const struct disk *d, const char *below)
{
	unsigned long long reads, merged, sectors, ms, writes, wmerged, wsectors;
	char path[96];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", strrchr(below, '/') + 1);
	f = fopen(path, "r");
	if (!f)
		meter_die(path, errno);
	n = fscanf(f, "%llu %llu %llu %llu %llu %llu %llu", &reads, &merged, &sectors, &ms, &writes,
		   &wmerged, &wsectors);
	fclose(f);
	if (n != 7)
		meter_die(path, EPROTO);
	return d->write ? wsectors : sectors;
}

static void get_size(struct disk *d, const char *below)
{
	int fd = open(below, O_RDONLY | O_CLOEXEC);
	uint64_t bytes;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes) < 0)
		meter_die(below, errno);
	close(fd);
	d->places = bytes / d->len;
	d->seed = 0x2545f4914f6cdd1dULL;
}

static void measure(struct disk *d, const char *below, unsigned int depth, double seconds)
{
	double rate = meter_rate(), gen, calls = 0;
	uint64_t start, wall, base, lost;
	unsigned int i;

	calibrate(d);
	/* No burst takes the same place twice, or what is written there last is chance. */
	verify(d, d->len == RANDOM_LEN ? 1 : depth);
	for (i = 0; i < WARM_UP; i++)
		d->way->burst(d, depth);
	memset(d->calls, 0, sizeof(d->calls));
	d->spent.nr = 0;

	base = sectors_below(d, below);
	start = meter_now_ns();
	do {
		d->way->burst(d, depth);
		d->bursts++;
		wall = meter_now_ns() - start;
	} while (wall < seconds * 1e9);
	d->requests = d->bursts * depth;
	/* More may have arrived, if others look at it; fewer not. */
	lost = (sectors_below(d, below) - base) / (d->len / 512);
	lost = d->failed + (lost < d->requests ? d->requests - lost : 0);

	gen = meter_median(&d->spent) / rate * d->bursts;
	for (i = 0; i < CALLS; i++)
		calls += d->calls[i] * d->call_cost[i] / rate;
	printf("{\"packets\":%llu,\"lost\":%llu,\"wall_ns\":%.1f,\"ring_ns\":%.1f,",
	       (unsigned long long)d->requests, (unsigned long long)lost,
	       (double)wall / d->requests, gen / d->requests);
	printf("\"call_ns\":%.1f,\"ns\":%.1f,\"kicks\":%llu,\"waits\":%llu,\"bursts\":%llu}\n",
	       calls / d->requests, (wall - gen - calls) / d->requests,
	       (unsigned long long)d->calls[CALL_KICK], (unsigned long long)d->calls[CALL_WAIT],
	       (unsigned long long)d->bursts);
}

int main(int argc, char **argv)
{
	struct disk *d = calloc(1, sizeof(*d));
	unsigned int i, depth;
	double seconds;

	for (i = 0; d && argc == 8 && i < NR_WAYS; i++)
		if (!strcmp(argv[1], ways[i].name))
			d->way = &ways[i];
	if (!d || !d->way) {
		fputs("usage: disk blk|scsi|user|raw TARGET BELOW read|write LEN DEPTH SECONDS\n",
		      stderr);
		return 2;
	}
	d->write = !strcmp(argv[4], "write");
	d->len = atoi(argv[5]);
	depth = atoi(argv[6]);
	seconds = atof(argv[7]);
	if (!d->len || d->len % PIECE || d->len > MAX_LEN || !depth || depth > MAX_DEPTH ||
	    seconds <= 0)
		meter_die("arguments", EINVAL);
	get_size(d, argv[3]);
	d->way->open(d, argv[2]);
	measure(d, argv[3], depth, seconds);
	if (d->q)
		vdrv_close(&d->v);
	return 0;
}
