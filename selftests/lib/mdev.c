// SPDX-License-Identifier: GPL-2.0-only
/* Simulated NICs and mediated devices, by the files of sysfs. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "mdev.h"
#include "netio.h"

#define NSIM	"/sys/bus/netdevsim"

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

static int get(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, room - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n > 0 ? n : 0] = 0;
	return n;
}

/* What a simulated NIC's only netdev is called when it appears. */
static int nic_name(unsigned int id, char *name, size_t room)
{
	char path[96];
	struct dirent *e;
	int ret = -ENODEV;
	DIR *d;

	snprintf(path, sizeof(path), NSIM "/devices/netdevsim%u/net", id);
	d = opendir(path);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, room, "%s", e->d_name);
		ret = 0;
	}
	closedir(d);
	return ret;
}

int mdev_nic_add(unsigned int id, const char *name)
{
	char text[32], was[256];
	int ret;

	snprintf(text, sizeof(text), "%u 1", id);
	ret = put(NSIM "/new_device", text);
	ret = ret ?: nic_name(id, was, sizeof(was));
	if (ret)
		return ret;
	ret = netio_link_rename(was, name);
	return ret ?: netio_link_set(name, true);
}

int mdev_nic_del(unsigned int id)
{
	char text[32];

	snprintf(text, sizeof(text), "%u", id);
	return put(NSIM "/del_device", text);
}

int mdev_nic_join(const char *a, const char *b)
{
	int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), ret;
	char text[64];

	if (ns < 0)
		return -errno;
	snprintf(text, sizeof(text), "%d:%d %d:%d", ns, netio_ifindex(a), ns, netio_ifindex(b));
	ret = put(NSIM "/link_device", text);
	close(ns);
	return ret;
}

static void type_path(char *path, size_t room, const char *parent, const char *type,
		      const char *file)
{
	snprintf(path, room, "/sys/class/mdev_bus/%s/mdev_supported_types/%s/%s", parent, type,
		 file);
}

static void dev_path(char *path, size_t room, const char *uuid, const char *file)
{
	snprintf(path, room, "/sys/bus/mdev/devices/%s/%s", uuid, file);
}

int mdev_create_type(const char *parent, const char *type, const char *uuid)
{
	char path[192];

	type_path(path, sizeof(path), parent, type, "create");
	return put(path, uuid);
}

int mdev_create(const char *parent, const char *uuid)
{
	return mdev_create_type(parent, MDEV_TYPE, uuid);
}

int mdev_available_type(const char *parent, const char *type)
{
	char path[192], text[32];
	int ret;

	type_path(path, sizeof(path), parent, type, "available_instances");
	ret = get(path, text, sizeof(text));
	return ret < 0 ? ret : atoi(text);
}

int mdev_available(const char *parent)
{
	return mdev_available_type(parent, MDEV_TYPE);
}

bool mdev_is(const char *uuid)
{
	char path[192];

	dev_path(path, sizeof(path), uuid, "");
	return !access(path, F_OK);
}

int mdev_remove(const char *uuid)
{
	char path[192];

	dev_path(path, sizeof(path), uuid, "remove");
	return put(path, "1");
}

int mdev_set(const char *uuid, const char *attr, const char *value)
{
	char path[192];

	dev_path(path, sizeof(path), uuid, attr);
	return put(path, value);
}

int mdev_get(const char *uuid, const char *attr, char *value, size_t room)
{
	char path[192];

	dev_path(path, sizeof(path), uuid, attr);
	return get(path, value, room);
}
