// SPDX-License-Identifier: GPL-2.0-only
/* vDPA devices: see vdpa.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include "netio.h"
#include "vdpa.h"

#define BUS	"/sys/bus/vdpa"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* An entry of a directory, by how its name begins. */
static int find(const char *dir, const char *begins, char *name, size_t room)
{
	int ret = -ENOENT;
	struct dirent *e;
	DIR *d;

	d = opendir(dir);
	if (!d)
		return -errno;
	while (ret && (e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] == '.' || strncmp(e->d_name, begins, strlen(begins)))
			continue;
		ret = len < room ? 0 : -ENAMETOOLONG;
		if (!ret)
			memcpy(name, e->d_name, len + 1);
	}
	closedir(d);
	return ret;
}

int vdpa_add_by(const char *mgmtdev, const char *name, const char *more)
{
	/* Which of the bus drivers takes a new device is the test's choice. */
	int ret = put(BUS "/drivers_autoprobe", "0");

	if (ret)
		return ret;
	return netio_run("vdpa dev add name %s mgmtdev %s %s", name, mgmtdev, more) ? -EIO : 0;
}

int vdpa_add(const char *name, const char *more)
{
	return vdpa_add_by("sluice-full", name, more);
}

int vdpa_del(const char *name)
{
	return netio_run("vdpa dev del %s", name) ? -EIO : 0;
}

int vdpa_bind(const char *name, const char *driver)
{
	char path[96];

	snprintf(path, sizeof(path), BUS "/drivers/%s/bind", driver);
	return put(path, name);
}

int vdpa_unbind(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), BUS "/devices/%s/driver/unbind", name);
	return put(path, name);
}

int vdpa_node(const char *name, char *node, size_t room)
{
	const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	char dir[96], entry[32];
	int ret;

	if (setrlimit(RLIMIT_MEMLOCK, &all))
		return -errno;
	snprintf(dir, sizeof(dir), BUS "/devices/%s", name);
	ret = find(dir, "vhost-vdpa-", entry, sizeof(entry));
	if (!ret)
		snprintf(node, room, "/dev/%s", entry);
	return ret;
}

/* What the host's own driver made of it. */
static int find_in_virtio(const char *name, const char *kind, char *found, size_t room)
{
	char dir[96], entry[32], path[160];
	int ret;

	snprintf(dir, sizeof(dir), BUS "/devices/%s", name);
	ret = find(dir, "virtio", entry, sizeof(entry));
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "%s/%s/%s", dir, entry, kind);
	return find(path, "", found, room);
}

int vdpa_netdev(const char *name, char *netdev, size_t room)
{
	return find_in_virtio(name, "net", netdev, room);
}

int vdpa_blockdev(const char *name, char *disk, size_t room)
{
	return find_in_virtio(name, "block", disk, room);
}
