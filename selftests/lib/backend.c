// SPDX-License-Identifier: GPL-2.0-only
/* The file descriptors that a vhost node takes as backends. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/if_tun.h>
#include "vdrv.h"

#ifndef TUN_F_USO4
#define TUN_F_USO4	0x20
#define TUN_F_USO6	0x40
#endif

int vdrv_backend_hdr(int backend, unsigned int hdr_len)
{
	int len = hdr_len;

	return ioctl(backend, TUNSETVNETHDRSZ, &len) < 0 ? -errno : 0;
}

int vdrv_backend_offload(int backend, bool on)
{
	unsigned int all = on ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0;

	if (on && !ioctl(backend, TUNSETOFFLOAD, all | TUN_F_USO4 | TUN_F_USO6))
		return 0;
	return ioctl(backend, TUNSETOFFLOAD, all) < 0 ? -errno : 0;
}

/* A guest port's node in another network namespace than the first has that in its name. */
static int open_node(const char *ifname)
{
	unsigned int index = if_nametoindex(ifname);
	char path[64];
	struct stat ns;
	int fd;

	if (!index)
		return -ENODEV;
	if (stat("/proc/self/ns/net", &ns))
		return -errno;
	snprintf(path, sizeof(path), "/dev/sluice-tap/%lu-%u", (unsigned long)ns.st_ino, index);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/dev/tap%u", index);
		fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	}
	return fd < 0 ? -errno : fd;
}

static int open_tap(void)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int vdrv_backend_open(const char *ifname, bool multi_queue)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
					(multi_queue ? IFF_MULTI_QUEUE : 0) };
	int fd, ret, sndbuf = INT_MAX;

	fd = open_node(ifname);
	if (fd == -ENODEV || fd == -ENOENT)
		fd = open_tap();
	if (fd < 0)
		return fd;
	strncpy(r.ifr_name, ifname, IFNAMSIZ - 1);
	ret = ioctl(fd, TUNSETIFF, &r) < 0 ? -errno : 0;
	/* vhost-net sends in batches only while the tap's send buffer is without limit. */
	if (!ret)
		ioctl(fd, TUNSETSNDBUF, &sndbuf);
	ret = ret ?: vdrv_backend_offload(fd, true);
	if (ret) {
		close(fd);
		return ret;
	}
	return fd;
}
