// SPDX-License-Identifier: GPL-2.0-only
/* Block devices, volumes and their drivers: see rig.h. */
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include "rig.h"

#define CONFIGFS	"/sys/kernel/config"
#define NULLB		CONFIGFS "/nullb"

/* --- block devices --- */

int rig_null_add(const char *name, const char *settings)
{
	if (netio_run("mountpoint -q " CONFIGFS " || mount -t configfs none " CONFIGFS))
		return -ENODEV;
	/* Settings stand in an order that suits the device; an early error is not covered up. */
	return netio_run("set -e; cd " NULLB "; mkdir %s; cd %s;"
			 "for s in memory_backed=1 %s; do echo ${s#*=} > ${s%%%%=*}; done;"
			 "echo 1 > power; test -b /dev/%s", name, name, settings, name) ? -EIO : 0;
}

int rig_null_pull(const char *name)
{
	return netio_run("echo 0 > " NULLB "/%s/power", name) ? -EIO : 0;
}

int rig_null_return(const char *name)
{
	return netio_run("echo 1 > " NULLB "/%s/power && test -b /dev/%s", name, name) ? -EIO : 0;
}

int rig_null_del(const char *name)
{
	return netio_run("rmdir " NULLB "/%s", name) ? -EIO : 0;
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

unsigned long long rig_stat(const char *name, enum rig_stat what)
{
	unsigned long long n = 0;
	char path[64];
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/block/%s/stat", name);
	f = fopen(path, "r");
	if (!f)
		return 0;
	for (i = 0; i < what; i++) {
		if (fscanf(f, "%llu", &n) != 1)
			n = 0;
	}
	fclose(f);
	return n;
}

int rig_key_add(const char *description, unsigned int seed, unsigned int len)
{
	unsigned char key[64];
	unsigned int i;

	for (i = 0; i < len; i++)
		key[i] = i * seed + 11;
	return syscall(SYS_add_key, "logon", description, key, len,
		       KEY_SPEC_SESSION_KEYRING) > 0 ? 0 : -errno;
}

#define WHY	"/tmp/slblk-refused"

int refused(const char *words, const char *command)
{
	if (!netio_run("%s 2>" WHY, command))
		return -EPERM;
	if (!netio_run("grep -qE -- '%s' " WHY, words))
		return 0;
	fprintf(stderr, "# not '%s', but:\n", words);
	return system("cat " WHY " >&2") ? -EIO : -ENOMSG;
}

int rig_await(bool (*says)(const char *words), const char *words, bool yes)
{
	int i;

	for (i = 0; i < 1500; i++) {
		if (says(words) == yes)
			return 0;
		usleep(20000);
	}
	netio_run("sluice -s volume show >&2");
	return -ETIMEDOUT;
}

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
