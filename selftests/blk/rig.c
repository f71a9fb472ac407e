// SPDX-License-Identifier: GPL-2.0-only
/* Block devices, volumes and their drivers: see rig.h. */
#include <sys/mount.h>
#include <sys/stat.h>
#include "rig.h"

#define CONFIGFS	"/sys/kernel/config"
#define NULLB		CONFIGFS "/nullb"

/* --- block devices --- */

static int null_set(const char *name, const char *setting, const char *value)
{
	int fd, ret, len = strlen(value);
	char path[128];

	snprintf(path, sizeof(path), NULLB "/%s/%s", name, setting);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = write(fd, value, len) == len ? 0 : -EIO;
	close(fd);
	return ret;
}

static int null_power_on(const char *name)
{
	int ret = null_set(name, "power", "1");
	char path[64];

	snprintf(path, sizeof(path), "/dev/%s", name);
	return ret ?: access(path, F_OK) ? -EIO : 0;
}

static int null_make(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), NULLB "/%s", name);
	if (access(NULLB, F_OK) && mount("none", CONFIGFS, "configfs", 0, NULL))
		return -errno;
	return mkdir(path, 0755) ? -errno : 0;
}

int rig_null_add(const char *name, const char *settings)
{
	int ret = null_make(name) ?: null_set(name, "memory_backed", "1");
	char all[256], *setting, *value, *rest;

	/* They stand in an order that suits the device. */
	snprintf(all, sizeof(all), "%s", settings);
	for (setting = strtok_r(all, " ", &rest); !ret && setting;
	     setting = strtok_r(NULL, " ", &rest)) {
		value = strchr(setting, '=');
		if (!value)
			return -EINVAL;
		*value++ = 0;
		ret = null_set(name, setting, value);
	}
	return ret ?: null_power_on(name);
}

int rig_null_pull(const char *name)
{
	return null_set(name, "power", "0");
}

int rig_null_return(const char *name)
{
	return null_power_on(name);
}

int rig_null_del(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), NULLB "/%s", name);
	return rmdir(path) ? -errno : 0;
}

int rig_loop_add(const char *file, size_t size, char *dev)
{
	char cmd[160];
	FILE *out;
	int ret;

	snprintf(cmd, sizeof(cmd), "truncate -s %zu %s && losetup -f --show %s", size, file, file);
	out = popen(cmd, "r");
	if (!out)
		return -errno;
	ret = fscanf(out, "%31s", dev) == 1 ? 0 : -EIO;
	return pclose(out) ? -EIO : ret;
}

int rig_loop_del(const char *file, const char *dev)
{
	return netio_run("losetup -d %s && rm %s", dev, file) ? -EIO : 0;
}

int rig_dm_add(const char *name, const char *table, char *dev)
{
	unsigned int minor;
	char cmd[96];
	FILE *out;
	int ret;

	if (netio_run("echo '%s' | dmsetup create %s --noudevsync", table, name))
		return -EIO;
	snprintf(cmd, sizeof(cmd), "dmsetup info -c --noheadings -o minor %s", name);
	out = popen(cmd, "r");
	if (!out)
		return -errno;
	ret = fscanf(out, "%u", &minor) == 1 ? 0 : -EIO;
	snprintf(dev, 32, "/dev/dm-%u", minor);
	return pclose(out) ? -EIO : ret;
}

int rig_dm_change(const char *name, const char *table)
{
	return netio_run("echo '%s' | dmsetup load %s && dmsetup resume %s --noudevsync", table,
			 name, name) ? -EIO : 0;
}

int rig_dm_del(const char *name)
{
	return netio_run("dmsetup remove %s --noudevsync", name) ? -EIO : 0;
}

static int rig_open(const char *dev)
{
	int fd = open(dev, O_RDWR | O_DIRECT | O_CLOEXEC);

	return fd < 0 && errno == EACCES ? open(dev, O_RDONLY | O_DIRECT | O_CLOEXEC) : fd;
}

int rig_pread(const char *dev, void *to, size_t len, off_t at)
{
	int fd = rig_open(dev);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, to, len, at);
	n = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
	close(fd);
	return n;
}

int rig_pwrite(const char *dev, const void *from, size_t len, off_t at)
{
	int fd = rig_open(dev);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pwrite(fd, from, len, at);
	n = n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
	close(fd);
	return n;
}

void *rig_alloc(size_t len)
{
	void *p;

	return posix_memalign(&p, 4096, len) ? NULL : p;
}

void rig_pattern(void *to, size_t len, uint64_t at, uint32_t round)
{
	uint64_t *p = to;
	size_t i;

	for (i = 0; i < len / sizeof(*p); i++)
		p[i] = (at + i * sizeof(*p)) * 0x9e3779b97f4a7c15ULL +
		       round * 0xd6e8feb86659fd93ULL;
}

/* --- volumes --- */

int rig_volume_add(const char *name, const char *dev, const char *more)
{
	return netio_run("sluice volume add %s dev %s %s", name, dev, more) ? -EIO : 0;
}

int rig_volume_del(const char *name)
{
	return netio_run("sluice volume del %s", name) ? -EIO : 0;
}

/* --- a driver --- */

static int disk_start(struct disk *d)
{
	int ret = vdrv_open(&d->v, &d->cfg);

	return ret ?: vdrv_start(&d->v, -1);
}

int disk_open(struct disk *d, const char *name, const struct vdrv_cfg *cfg)
{
	int ret;

	memset(d, 0, sizeof(*d));
	d->v.fd = -1;
	d->v.memfd = -1;
	d->v.config_call = -1;
	snprintf(d->name, sizeof(d->name), "%s", name);
	ret = vdpa_add(name, "");
	ret = ret ?: vdpa_bind(name, "vhost_vdpa");
	ret = ret ?: vdpa_node(name, d->node, sizeof(d->node));
	if (ret)
		return ret;
	d->cfg = *cfg;
	d->cfg.node = d->node;
	d->cfg.disk_queues = cfg->disk_queues ?: 1;
	d->cfg.disk_buf = cfg->disk_buf ?: 128 * KB;
	d->cfg.disk_seg = cfg->disk_seg ?: 32;
	return disk_start(d);
}

int disk_reopen(struct disk *d)
{
	vdrv_close(&d->v);
	return disk_start(d);
}

void disk_close(struct disk *d)
{
	vdrv_close(&d->v);
	vdpa_del(d->name);
}

int disk_read(struct disk *d, uint64_t sector, void *to, uint32_t len)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_IN, .sector = sector, .len = len };

	return vblk_do(&d->v, &d->v.vq[0], &io, to);
}

int disk_write(struct disk *d, uint64_t sector, const void *from, uint32_t len)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_OUT, .sector = sector, .len = len };

	return vblk_do(&d->v, &d->v.vq[0], &io, (void *)from);
}

int disk_flush(struct disk *d)
{
	const struct vblk_io io = { .type = VIRTIO_BLK_T_FLUSH };

	return vblk_do(&d->v, &d->v.vq[0], &io, NULL);
}

int disk_config(struct disk *d, struct virtio_blk_config *c)
{
	return vdrv_vdpa_config(&d->v, c, sizeof(*c));
}
