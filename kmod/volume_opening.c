// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block devices that are open below volumes: once for all volumes and journals that are written,
 * and once for those that are only read. Each is exclusive: nobody else may claim the device, by
 * mounting it or mapping it. Who may write has all other writers kept out too, where the kernel
 * does that (bdev_allow_write_mounted=0, or CONFIG_BLK_DEV_WRITE_MOUNTED not set); it would keep
 * out a second opening of our own as well, hence one.
 */
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include "volume.h"

/**
 * struct sluice_opening - a device that is open
 * @node: in openings
 * @dev: which
 * @mode: BLK_OPEN_*
 * @users: who has it; 0: it is being closed; openings_lock
 * @file: what was opened
 */
struct sluice_opening {
	struct list_head node;
	dev_t dev;
	blk_mode_t mode;
	unsigned int users;
	struct file *file;
};

/* Innermost. */
static DEFINE_SPINLOCK(openings_lock);
/* openings_lock */
static LIST_HEAD(openings);
/* One is closed. */
static DECLARE_WAIT_QUEUE_HEAD(opening_closed);

/* All volumes open a device in this name, so that one can be read and written by several. */
static int opening_holder;

static const struct blk_holder_ops opening_holder_ops = {
	.mark_dead = sluice_volume_mark_dead,
};

/*
 * Has it got users, who keep the file, and is it that device? One that was pulled out has left the
 * table of all: another may have its number by now.
 */
static bool opening_is_of(const struct sluice_opening *o, dev_t dev)
{
	return o->users && o->dev == dev && !inode_unhashed(o->file->f_mapping->host);
}

/* One that is there already. */
static struct sluice_opening *opening_share(dev_t dev, blk_mode_t mode)
{
	struct sluice_opening *o, *found = NULL;

	spin_lock(&openings_lock);
	list_for_each_entry(o, &openings, node) {
		if (o->mode == mode && opening_is_of(o, dev)) {
			o->users++;
			found = o;
			break;
		}
	}
	spin_unlock(&openings_lock);
	return found;
}

static bool opening_is_closing(dev_t dev)
{
	const struct sluice_opening *o;
	bool closing = false;

	spin_lock(&openings_lock);
	list_for_each_entry(o, &openings, node)
		closing |= !o->users && o->dev == dev;
	spin_unlock(&openings_lock);
	return closing;
}

static struct file *opening_open(dev_t dev, blk_mode_t mode)
{
	struct file *file;
	bool closing;

	do {
		/* What is closed meanwhile may have been in the way. */
		closing = opening_is_closing(dev);
		file = bdev_file_open_by_dev(dev, mode, &opening_holder, &opening_holder_ops);
		if (file != ERR_PTR(-EBUSY) || !closing)
			break;
		wait_event(opening_closed, !opening_is_closing(dev));
	} while (true);
	return file;
}

struct sluice_opening *sluice_opening_get(dev_t dev, bool write)
{
	blk_mode_t mode = BLK_OPEN_READ;
	struct sluice_opening *o;
	struct file *file;

	if (write)
		mode |= BLK_OPEN_WRITE | BLK_OPEN_RESTRICT_WRITES;
	o = opening_share(dev, mode);
	if (o)
		return o;
	/* First, as who has opened something has to be able to close it. */
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return ERR_PTR(-ENOMEM);
	o->dev = dev;
	o->mode = mode;
	o->users = 1;
	file = opening_open(dev, mode);
	if (IS_ERR(file)) {
		kfree(o);
		return ERR_CAST(file);
	}
	o->file = file;
	spin_lock(&openings_lock);
	list_add_tail(&o->node, &openings);
	spin_unlock(&openings_lock);
	return o;
}

void sluice_opening_put(struct sluice_opening *o)
{
	bool last;

	spin_lock(&openings_lock);
	last = !--o->users;
	spin_unlock(&openings_lock);
	if (!last)
		return;
	/* Now: a thread of the kernel's would leave it to all the others', and to their time. */
	__fput_sync(o->file);
	spin_lock(&openings_lock);
	list_del(&o->node);
	spin_unlock(&openings_lock);
	kfree(o);
	wake_up_all(&opening_closed);
}

struct block_device *sluice_opening_bdev(const struct sluice_opening *o)
{
	return file_bdev(o->file);
}
