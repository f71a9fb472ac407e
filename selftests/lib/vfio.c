// SPDX-License-Identifier: GPL-2.0-only
/* The VFIO API: containers and groups, or iommufd and devices' own nodes. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/iommufd.h>
#include "vfio.h"

#define MAX_IRQS	2049	/* one more than MSI-X has */

static int ctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

int vfio_space_open(struct vfio_space *s, bool cdev)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	int ret;

	*s = (struct vfio_space){ .cdev = cdev };
	s->fd = open(cdev ? "/dev/iommu" : "/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return -errno;
	if (cdev) {
		ret = ctl(s->fd, IOMMU_IOAS_ALLOC, &alloc);
		s->ioas = alloc.out_ioas_id;
		s->ready = true;
	} else {
		ret = ctl(s->fd, VFIO_GET_API_VERSION, NULL);
		ret = ret < 0 ? ret : ret == VFIO_API_VERSION ? 0 : -EPROTO;
	}
	if (ret)
		vfio_space_close(s);
	return ret;
}

void vfio_space_close(struct vfio_space *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

int vfio_map(struct vfio_space *s, uint64_t iova, void *ptr, size_t len, bool writable)
{
	struct iommu_ioas_map m = {
		.size = sizeof(m),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 (writable ? IOMMU_IOAS_MAP_WRITEABLE : 0),
		.ioas_id = s->ioas,
		.user_va = (uintptr_t)ptr,
		.length = len,
		.iova = iova,
	};
	struct vfio_iommu_type1_dma_map t = {
		.argsz = sizeof(t),
		.flags = VFIO_DMA_MAP_FLAG_READ | (writable ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.vaddr = (uintptr_t)ptr,
		.iova = iova,
		.size = len,
	};

	return s->cdev ? ctl(s->fd, IOMMU_IOAS_MAP, &m) : ctl(s->fd, VFIO_IOMMU_MAP_DMA, &t);
}

int vfio_unmap(struct vfio_space *s, uint64_t iova, size_t len)
{
	struct iommu_ioas_unmap m = {
		.size = sizeof(m),
		.ioas_id = s->ioas,
		.iova = iova,
		.length = len,
	};
	struct vfio_iommu_type1_dma_unmap t = { .argsz = sizeof(t), .iova = iova, .size = len };
	int ret = s->cdev ? ctl(s->fd, IOMMU_IOAS_UNMAP, &m) :
			    ctl(s->fd, VFIO_IOMMU_UNMAP_DMA, &t);

	return ret ?: (s->cdev ? m.length : t.size) == len ? 0 : -ENOENT;
}

/* Type1 counts them as locked, iommufd as pinned and, in a container's place, as locked too. */
long vfio_pinned(void)
{
	long kib, locked = 0, pinned = 0;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			locked = kib;
		else if (sscanf(line, "VmPin: %ld", &kib) == 1)
			pinned = kib;
	}
	fclose(f);
	return (pinned > locked ? pinned : locked) * 1024 / getpagesize();
}

static int open_group(struct vfio_dev *d, const char *uuid)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[128], link[128];
	ssize_t n;
	int ret;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group", uuid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio%s", strrchr(link, '/'));
	d->group = open(path, O_RDWR | O_CLOEXEC);
	if (d->group < 0)
		return -errno;
	ret = ctl(d->group, VFIO_GROUP_GET_STATUS, &status);
	if (!ret && !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		ret = -ENOTCONN;
	ret = ret ?: ctl(d->group, VFIO_GROUP_SET_CONTAINER, &d->space->fd);
	if (!ret && !d->space->ready) {
		ret = ctl(d->space->fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
		d->space->ready = !ret;
	}
	if (ret)
		return ret;
	d->fd = ctl(d->group, VFIO_GROUP_GET_DEVICE_FD, (void *)uuid);
	return d->fd < 0 ? d->fd : 0;
}

static int open_cdev(struct vfio_dev *d, const char *uuid)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = d->space->fd };
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = d->space->ioas,
	};
	struct dirent *e;
	char path[320];
	int ret;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/vfio-dev", uuid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	*path = 0;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			snprintf(path, sizeof(path), "/dev/vfio/devices/%s", e->d_name);
	closedir(dir);
	d->fd = open(path, O_RDWR | O_CLOEXEC);
	if (d->fd < 0)
		return -errno;
	ret = ctl(d->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	return ret ?: ctl(d->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);
}

int vfio_open(struct vfio_dev *d, struct vfio_space *s, const char *uuid)
{
	struct vfio_region_info info;
	unsigned int i;
	int ret;

	*d = (struct vfio_dev){ .space = s, .group = -1, .fd = -1 };
	ret = s->cdev ? open_cdev(d, uuid) : open_group(d, uuid);
	d->info.argsz = sizeof(d->info);
	ret = ret ?: ctl(d->fd, VFIO_DEVICE_GET_INFO, &d->info);
	for (i = 0; !ret && i <= VFIO_PCI_CONFIG_REGION_INDEX; i++) {
		ret = vfio_region_info(d, i, &info, sizeof(info));
		d->offset[i] = info.offset;
	}
	if (ret)
		vfio_close(d);
	return ret;
}

void vfio_close(struct vfio_dev *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->group >= 0)
		close(d->group);
	d->fd = -1;
	d->group = -1;
}

int vfio_reset(struct vfio_dev *d)
{
	return ctl(d->fd, VFIO_DEVICE_RESET, NULL);
}

int vfio_region_info(struct vfio_dev *d, unsigned int index, struct vfio_region_info *info,
		     size_t room)
{
	memset(info, 0, room);
	info->argsz = room;
	info->index = index;
	return ctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

int vfio_region_sparse(struct vfio_dev *d, unsigned int index,
		       struct vfio_region_sparse_mmap_area *area)
{
	union {
		struct vfio_region_info info;
		unsigned char room[4096];
	} u;
	struct vfio_region_info_cap_sparse_mmap *sparse;
	struct vfio_info_cap_header *h;
	uint32_t at;
	int ret;

	ret = vfio_region_info(d, index, &u.info, sizeof(u));
	if (ret)
		return ret;
	if (!(u.info.flags & VFIO_REGION_INFO_FLAG_CAPS))
		return 0;
	for (at = u.info.cap_offset; at && at + sizeof(*sparse) <= sizeof(u); at = h->next) {
		h = (void *)(u.room + at);
		if (h->id != VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			continue;
		sparse = (void *)h;
		if (sparse->nr_areas)
			*area = sparse->areas[0];
		return sparse->nr_areas;
	}
	return 0;
}

int vfio_read(struct vfio_dev *d, unsigned int region, uint64_t at, void *to, size_t len)
{
	ssize_t n;

	if (region >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	n = pread(d->fd, to, len, d->offset[region] + at);
	return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

int vfio_write(struct vfio_dev *d, unsigned int region, uint64_t at, const void *from, size_t len)
{
	ssize_t n;

	if (region >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	n = pwrite(d->fd, from, len, d->offset[region] + at);
	return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

void *vfio_mmap(struct vfio_dev *d, unsigned int region, uint64_t at, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, d->fd,
		       d->offset[region] + at);

	return p == MAP_FAILED ? NULL : p;
}

uint64_t vfio_get(struct vfio_dev *d, unsigned int region, uint64_t at, unsigned int width)
{
	uint64_t value = 0;

	return vfio_read(d, region, at, &value, width) ? ~0ULL : value;
}

int vfio_put(struct vfio_dev *d, unsigned int region, uint64_t at, unsigned int width,
	     uint64_t value)
{
	return vfio_write(d, region, at, &value, width);
}

int vfio_irq_info(struct vfio_dev *d, unsigned int index, struct vfio_irq_info *info)
{
	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	return ctl(d->fd, VFIO_DEVICE_GET_IRQ_INFO, info);
}

int vfio_irq_set(struct vfio_dev *d, unsigned int index, uint32_t flags, unsigned int start,
		 unsigned int count, const void *data, size_t len)
{
	struct vfio_irq_set *set;
	int ret;

	if (len > MAX_IRQS * sizeof(int))
		return -E2BIG;
	set = calloc(1, sizeof(*set) + len);
	if (!set)
		return -ENOMEM;
	set->argsz = sizeof(*set) + len;
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (len)
		memcpy(set->data, data, len);
	ret = ctl(d->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

int vfio_irq_eventfds(struct vfio_dev *d, unsigned int index, unsigned int start,
		      unsigned int count, const int *fds)
{
	return vfio_irq_set(d, index, VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
			    start, count, fds, count * sizeof(*fds));
}

int vfio_irq_off(struct vfio_dev *d, unsigned int index)
{
	return vfio_irq_set(d, index, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0,
			    NULL, 0);
}
