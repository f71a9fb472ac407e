// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest for scripts: it has a port, and from the moment that its driver is up it sends a frame
 * every 20 ms and takes what comes. It ends when its standard input does.
 *
 *   guest PORT [late]	late: its driver comes up at SIGUSR1
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "netio.h"
#include "vdrv.h"

#define PERIOD_MS	20

static volatile sig_atomic_t wanted;

static void want(int signal)
{
	wanted = 1;
}

static int guest_round(struct vdrv *v)
{
	struct netio_frame f = { .len = 100 };
	struct virtio_net_hdr_v1 h;
	unsigned char frame[128];
	uint64_t bytes;
	int ret;

	vdrv_rx_reap(v, &bytes);
	netio_frame_make(&f, &h, frame);
	ret = vdrv_send(v, &h, frame, f.len);
	/* Nobody takes what it sent before, by a limit for one: it waits. */
	return ret == -EAGAIN || ret == -ENOSPC || ret == -EBUSY ? 0 : ret;
}

static bool wanted_on(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char c;

	return poll(&p, 1, PERIOD_MS) <= 0 || read(STDIN_FILENO, &c, 1) > 0;
}

static int guest_run(struct vdrv *v, int backend)
{
	bool up = false;
	int ret = 0;

	while (!ret && wanted_on()) {
		if (!up && wanted) {
			ret = vdrv_start(v, backend);
			up = !ret;
		} else if (up) {
			ret = guest_round(v);
		}
	}
	return ret;
}

int main(int argc, char **argv)
{
	const struct vdrv_cfg cfg = {
		.node = "/dev/vhost-sluice",
		.features = VDRV_F_VERSION_1 | VDRV_F_MRG_RXBUF,
		.num = 64,
	};
	int ret, backend;
	struct vdrv v;

	if (argc < 2)
		return 2;
	wanted = argc < 3;
	signal(SIGUSR1, want);
	backend = vdrv_backend_open(argv[1], false);
	ret = backend < 0 ? backend : vdrv_open(&v, &cfg);
	if (!ret) {
		puts("ready");
		fflush(stdout);
		ret = guest_run(&v, backend);
		vdrv_close(&v);
	}
	if (ret)
		fprintf(stderr, "guest %s: %s\n", argv[1], strerror(-ret));
	return ret ? 1 : 0;
}
