// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a datapath does to a single frame, and what it costs when there is none.
 *
 *   trip ping NODE PORT PEER COUNT    a frame of 64 bytes from PEER to the guest and back
 *   trip idle NODE PORT SECONDS       processor time while the guest's queues are attached and idle
 *
 * NODE is as for load. The result is one line of JSON.
 *
 * ping: PEER is the far end of the wire. The guest sends back what it gets, this process is both
 * ends, and the next frame leaves when the last is back. All of it counts, both ends' system
 * calls as well, which are the same whatever is measured. "median" and "p99" are nanoseconds.
 *
 * idle: the clocks of this process, which has vhost's threads, and of Sluice's kernel threads, over
 * some seconds before the guest attaches and after. "ns" is nanoseconds per second more. What
 * interrupts take of an idle processor belongs to no process and is not seen.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>
#include "guest.h"
#include "meter.h"
#include "netio.h"

#define FRAME_LEN	64
#define ROOM		2048
#define WARM_UP		600	/* each buffer of a ring has had its turn, twice */
#define WAIT_MS		2000
#define SETTLE_US	500000
#define MAX_PIDS	64
/* The clock of all that process @pid spends (clock_getcpuclockid(3)). */
#define PROCESS_CLOCK(pid)	((clockid_t)(~(unsigned int)(pid) << 3 | 2))

struct clocks {
	unsigned int nr;
	struct {
		int pid;
		uint64_t ns;
	} of[MAX_PIDS];
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) ? 0 : t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* One frame there and back; the time it took in cycles. */
static uint64_t round_trip(struct vdrv *v, int peer, const struct virtio_net_hdr_v1 *hdr,
			   const unsigned char *frame)
{
	static unsigned char got[ROOM];
	const struct virtio_net_hdr_v1 plain = { 0 };
	struct virtio_net_hdr_v1 h;
	uint64_t t = __rdtsc();
	int len;

	len = netio_send(peer, hdr, frame, FRAME_LEN);
	if (len < 0)
		meter_die("peer", len);
	len = vdrv_recv(v, &h, got, sizeof(got), WAIT_MS);
	if (len < 0)
		meter_die("to the guest", len);
	len = vdrv_send(v, &plain, got, len);
	if (len < 0)
		meter_die("guest", len);
	len = netio_recv(peer, &h, got, sizeof(got), WAIT_MS);
	t = __rdtsc() - t;
	if (len != FRAME_LEN || memcmp(got, frame, FRAME_LEN))
		meter_die("from the guest", len < 0 ? len : EPROTO);
	return t;
}

static void ping(struct guest *g, const char *ifname, unsigned int count)
{
	const struct netio_frame f = { .len = FRAME_LEN };
	int peer = netio_open(ifname);
	struct virtio_net_hdr_v1 hdr;
	unsigned char frame[FRAME_LEN];
	static struct meter cycles;
	double rate = meter_rate(), median;
	unsigned int i;

	if (peer < 0)
		meter_die(ifname, peer);
	if (netio_frame_make(&f, &hdr, frame) < 0)
		meter_die("frame", EINVAL);
	for (i = 0; i < WARM_UP; i++)
		round_trip(g->v, peer, &hdr, frame);
	for (i = 0; i < count; i++)
		meter_add(&cycles, round_trip(g->v, peer, &hdr, frame));
	median = meter_median(&cycles) / rate;
	printf("{\"trips\":%u,\"median\":%.0f,\"p99\":%.0f}\n", cycles.nr, median,
	       cycles.sample[cycles.nr * 99ULL / 100] / rate);
}

static bool is_worker(int pid)
{
	char path[32], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(comm, sizeof(comm), f))
		comm[0] = 0;
	fclose(f);
	return !strncmp(comm, "sluice/", 7);
}

static void read_clocks(struct clocks *c)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	int pid;

	if (!proc)
		meter_die("/proc", errno);
	c->nr = 0;
	while (c->nr < MAX_PIDS && (e = readdir(proc))) {
		pid = atoi(e->d_name);
		if (pid <= 0 || (pid != getpid() && !is_worker(pid)))
			continue;
		c->of[c->nr].pid = pid;
		c->of[c->nr++].ns = clock_ns(PROCESS_CLOCK(pid));
	}
	closedir(proc);
}

static uint64_t spent(const struct clocks *from, const struct clocks *to)
{
	uint64_t ns = 0;
	unsigned int i, k;

	for (i = 0; i < to->nr; i++)
		for (k = 0; k < from->nr; k++)
			if (to->of[i].pid == from->of[k].pid && to->of[i].ns > from->of[k].ns)
				ns += to->of[i].ns - from->of[k].ns;
	return ns;
}

/* Nanoseconds that those spend per second, over @seconds in which we sleep. */
static double busy(unsigned int seconds)
{
	static struct clocks before, after;

	usleep(SETTLE_US);
	/* Once for its own cost, which the second look then has in it both times. */
	read_clocks(&after);
	read_clocks(&before);
	sleep(seconds);
	read_clocks(&after);
	return (double)spent(&before, &after) / seconds;
}

int main(int argc, char **argv)
{
	bool is_ping = argc == 6 && !strcmp(argv[1], "ping");
	static struct guest g;
	double base = 0, with;
	unsigned int n;
	int ret;

	if (!is_ping && !(argc == 5 && !strcmp(argv[1], "idle"))) {
		fputs("usage: trip ping NODE PORT PEER COUNT\n"
		      "       trip idle NODE PORT SECONDS\n", stderr);
		return 2;
	}
	n = atoi(argv[argc - 1]);
	if (!n)
		meter_die("arguments", EINVAL);
	if (!is_ping)
		base = busy(n);
	ret = guest_open(&g, argv[2], argv[3], false);
	if (ret)
		meter_die(argv[2], ret);
	if (is_ping) {
		ping(&g, argv[4], n);
	} else {
		with = busy(n);
		printf("{\"seconds\":%u,\"base\":%.0f,\"ns\":%.0f}\n", n, base, with - base);
	}
	guest_close(&g);
	return 0;
}
