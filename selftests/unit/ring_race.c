// SPDX-License-Identifier: GPL-2.0-only
/*
 * Driver and device on two CPUs, each going to sleep when it has nothing to do: data arrives
 * whole and in order, and no wake-up is lost.
 */
#include <pthread.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>
#include "ring.h"

#define TOTAL	200000

static struct drv drv;
static struct sluice_vring *vr;
static sem_t kick, irq;
static unsigned int naps_driver, naps_device;

static u64 buffer(unsigned int token)
{
	return GUEST_HIGH + 0x100000 + 256 * (token % 1024);
}

/* A sleep without end is what the test is there to find. */
static bool nap(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	while (sem_timedwait(sem, &until))
		if (errno != EINTR)
			return false;
	return true;
}

static bool send_one(unsigned int token)
{
	u64 at = buffer(token);
	struct drv_buf buf[3] = { { at, 12 }, { at + 12, 100 } };
	unsigned int out = 1 + token % 2, i;

	buf[out] = (struct drv_buf) { at + 128, 64 };
	for (i = 0; i < 28; i++)
		((u32 *)guest_ptr(at, 112))[i] = token + i;
	return !drv_add(&drv, buf, out, token % 3 == 0, drv.conf.indirect && token % 5,
			token % 1024);
}

static int reap(unsigned int *got)
{
	int token, n = 0;
	u32 len;

	while ((token = drv_get(&drv, &len)) >= 0) {
		if (token != *got % 1024 || len != (*got % 3 ? 0 : 4))
			return -1;
		if (len && *(u32 *)guest_ptr(buffer(token) + 128, 4) != ~*got)
			return -1;
		(*got)++;
		n++;
	}
	return n;
}

static void *driver(void *arg)
{
	unsigned int put = 0, got = 0, i;
	u32 seed = 1;

	while (got < TOTAL) {
		int n;

		seed = seed * 1103515245 + 12345;
		for (i = 0;
		     i < 1 + (seed >> 16) % 40 && put < TOTAL && put - got < 1000 && send_one(put);
		     i++)
			put++;
		if (i && drv_publish(&drv))
			sem_post(&kick);
		n = reap(&got);
		if (n < 0)
			return "completion is wrong";
		if (n || i)
			continue;
		/* Full, or all is sent: wait for an interrupt. */
		drv_enable_cb(&drv, 1);
		if (!drv_pending(&drv)) {
			naps_driver++;
			if (!nap(&irq))
				return "slept for ever";
		}
		drv_disable_cb(&drv);
	}
	return NULL;
}

static const char *serve(const struct sluice_chain *c, unsigned int token)
{
	u32 data[28] = {}, answer = ~token, i, len = token % 2 ? 112 : 12;

	if (c->out_len != len || c->in_len != (token % 3 ? 0 : 64))
		return "chain is wrong";
	if (sluice_chain_read(vr, c, 0, data, len))
		return "read failed";
	for (i = 0; i < len / 4; i++)
		if (data[i] != token + i)
			return "data is wrong";
	if (c->in_len && sluice_chain_write(vr, c, 0, &answer, 4))
		return "write failed";
	sluice_vring_push(vr, c, c->in_len ? 4 : 0);
	return NULL;
}

static const char *device(void)
{
	static struct sluice_vring_seg seg[2 * SLUICE_CHAIN_MAX_SEGS];
	static struct sluice_chain chain[SLUICE_VRING_BURST];
	unsigned int next = 0;
	const char *bad;

	while (next < TOTAL) {
		int n = sluice_vring_fetch(vr, chain, SLUICE_VRING_BURST, seg, ARRAY_SIZE(seg)),
		    keep, i;

		if (n < 0)
			return sluice_vring_strerror(sluice_vring_error(vr));
		keep = n > 3 && next % 7 == 0 ? n - 2 : n;
		for (i = 0; i < keep; i++) {
			bad = serve(&chain[i], next++);
			if (bad)
				return bad;
		}
		sluice_vring_unfetch(vr, chain + keep, n - keep);
		if (sluice_vring_flush(vr))
			return "flush failed";
		if (sluice_vring_want_signal(vr))
			sem_post(&irq);
		if (n)
			continue;
		n = sluice_vring_enable_notify(vr);
		if (n < 0)
			return "enable_notify failed";
		if (n)
			continue;
		naps_device++;
		if (!nap(&kick))
			return "slept for ever";
		sluice_vring_disable_notify(vr);
	}
	return NULL;
}

static void race(const struct drv_conf *conf)
{
	const char *bad;
	void *bad_driver;
	pthread_t t;

	drv_init(&drv, conf);
	vr = drv_vring(&drv);
	sem_init(&kick, 0, 0);
	sem_init(&irq, 0, 0);
	naps_driver = 0;
	naps_device = 0;
	if (pthread_create(&t, NULL, driver, NULL))
		abort();
	bad = device();
	if (bad) {
		/* The driver waits for what never comes. */
		printf("# device: %s\n", bad);
		_exit(1);
	}
	pthread_join(t, &bad_driver);
	if (bad_driver)
		printf("# driver: %s\n", (char *)bad_driver);
	CHECK(!bad_driver);
	printf("# %d chains, driver slept %u times, device %u times\n", TOTAL, naps_driver,
	       naps_device);
	sluice_vring_free(vr);
}

#define RACE(name, ...) \
static void t_##name(void) \
{ \
	race(&(struct drv_conf) { __VA_ARGS__ }); \
}

RACE(split, .num = 256, .start = 65000)
RACE(split_event, .num = 64, .event_idx = true, .indirect = true)
RACE(split_small, .num = 4, .event_idx = true)
RACE(packed, .num = 256, .packed = true, .start = 0x8000)
RACE(packed_event, .num = 61, .packed = true, .event_idx = true, .indirect = true, .start = 0x8000)
RACE(packed_small, .num = 5, .packed = true, .event_idx = true, .start = 4)

int main(void)
{
	static const struct test tests[] = {
		{ "split", t_split },
		{ "split, event index", t_split_event },
		{ "split, small", t_split_small },
		{ "packed", t_packed },
		{ "packed, event index", t_packed_event },
		{ "packed, small", t_packed_small },
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
