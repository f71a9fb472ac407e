/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A user of the VFIO API: address spaces, devices, their regions and interrupts. All functions
 * return -errno on failure.
 */
#ifndef SELFTESTS_VFIO_H
#define SELFTESTS_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/vfio.h>

/**
 * struct vfio_space - an IOVA space that devices share
 * @fd: a container (or what iommufd puts in its place), or an iommufd
 * @cdev: it is an iommufd, and devices are opened by their own nodes
 * @ready: a container that has its backend
 * @ioas: the space's id in an iommufd
 */
struct vfio_space {
	int fd;
	bool cdev;
	bool ready;
	uint32_t ioas;
};

/**
 * struct vfio_dev - an open device
 * @space: where its DMA goes
 * @group: its group, -1 without one
 * @fd: the device
 * @info: what it says of itself
 * @offset: where each region begins in its file
 */
struct vfio_dev {
	struct vfio_space *space;
	int group;
	int fd;
	struct vfio_device_info info;
	uint64_t offset[VFIO_PCI_NUM_REGIONS];
};

/* With @cdev by /dev/iommu, else by /dev/vfio/vfio. */
int vfio_space_open(struct vfio_space *s, bool cdev);
void vfio_space_close(struct vfio_space *s);
int vfio_map(struct vfio_space *s, uint64_t iova, void *ptr, size_t len, bool writable);
int vfio_unmap(struct vfio_space *s, uint64_t iova, size_t len);
/* Pages of this process that the kernel holds for such spaces. */
long vfio_pinned(void);

int vfio_open(struct vfio_dev *d, struct vfio_space *s, const char *uuid);
void vfio_close(struct vfio_dev *d);
int vfio_reset(struct vfio_dev *d);

/*
 * Regions. info() has room for capabilities in @room bytes; sparse() is the number of areas that
 * can be mapped, the first of which is @area. read() and write() return 0, or -EIO for less than
 * all.
 */
int vfio_region_info(struct vfio_dev *d, unsigned int index, struct vfio_region_info *info,
		     size_t room);
int vfio_region_sparse(struct vfio_dev *d, unsigned int index,
		       struct vfio_region_sparse_mmap_area *area);
int vfio_read(struct vfio_dev *d, unsigned int region, uint64_t at, void *to, size_t len);
int vfio_write(struct vfio_dev *d, unsigned int region, uint64_t at, const void *from, size_t len);
void *vfio_mmap(struct vfio_dev *d, unsigned int region, uint64_t at, size_t len);
/* Registers of 1, 2, 4 or 8 bytes. All ones if the device does not answer. */
uint64_t vfio_get(struct vfio_dev *d, unsigned int region, uint64_t at, unsigned int width);
int vfio_put(struct vfio_dev *d, unsigned int region, uint64_t at, unsigned int width,
	     uint64_t value);

/* Interrupts. set() is the plain ioctl; eventfds() and off() are its usual uses. */
int vfio_irq_info(struct vfio_dev *d, unsigned int index, struct vfio_irq_info *info);
int vfio_irq_set(struct vfio_dev *d, unsigned int index, uint32_t flags, unsigned int start,
		 unsigned int count, const void *data, size_t len);
int vfio_irq_eventfds(struct vfio_dev *d, unsigned int index, unsigned int start,
		      unsigned int count, const int *fds);
int vfio_irq_off(struct vfio_dev *d, unsigned int index);

#endif /* SELFTESTS_VFIO_H */
