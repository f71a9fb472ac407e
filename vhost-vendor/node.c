// SPDX-License-Identifier: GPL-2.0-only
/* /dev/vhost-sluice: the file, its owner, and the ioctls that concern the device as a whole. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include "vhost.h"

bool sluice_vhost_range_ok(u64 addr, u64 len)
{
	if ((unsigned long)addr != addr || (unsigned long)len != len)
		return false;
	return access_ok((void __user *)(unsigned long)addr, (unsigned long)len);
}

static void vhost_free(struct kref *ref)
{
	kfree(container_of(ref, struct sluice_vhost, ref));
}

void sluice_vhost_get(struct sluice_vhost *v)
{
	kref_get(&v->ref);
}

void sluice_vhost_put(struct sluice_vhost *v)
{
	kref_put(&v->ref, vhost_free);
}

void sluice_vhost_lose(struct sluice_vhost *v)
{
	lockdep_assert_held(&v->lock);
	if (v->lost)
		return;
	v->lost = true;
	sluice_vhost_get(v);
	__module_get(THIS_MODULE);
	sluice_leak(sizeof(*v));
}

/*
 * Back to what it was when it was opened. The last of the address space may go here, with all
 * that it maps.
 */
static void vhost_reset(struct sluice_vhost *v)
{
	unsigned int i;

	lockdep_assert_held(&v->lock);
	for (i = 0; i < SLUICE_VHOST_VQS; i++)
		sluice_vhost_vq_reset(&v->vq[i]);
	if (v->lost)
		return;
	sluice_vhost_mem_reset(v);
	v->features = 0;
	WRITE_ONCE(v->backend_features, 0);
	if (v->mm)
		mmput(v->mm);
	v->mm = NULL;
}

static int vhost_open(struct inode *inode, struct file *file)
{
	struct sluice_vhost *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	unsigned int i;

	if (!v)
		return -ENOMEM;
	kref_init(&v->ref);
	mutex_init(&v->lock);
	sluice_vhost_msgs_init(&v->msgs);
	for (i = 0; i < SLUICE_VHOST_VQS; i++)
		sluice_vhost_vq_init(&v->vq[i], v, i);
	file->private_data = v;
	return 0;
}

static int vhost_release(struct inode *inode, struct file *file)
{
	struct sluice_vhost *v = file->private_data;

	mutex_lock(&v->lock);
	vhost_reset(v);
	mutex_unlock(&v->lock);
	sluice_vhost_put(v);
	return 0;
}

static bool vhost_is_owner(const struct sluice_vhost *v)
{
	return v->mm && v->mm == current->mm && !v->lost;
}

/* Features may be set ahead of an owner, as vhost has it; where there is one, by that one only. */
static bool vhost_may_negotiate(const struct sluice_vhost *v)
{
	return vhost_is_owner(v) || (!v->mm && !v->lost);
}

static int vhost_set_owner(struct sluice_vhost *v)
{
	if (v->mm)
		return -EBUSY;
	v->mm = get_task_mm(current);
	return v->mm ? 0 : -EINVAL;
}

/*
 * While a ring is bound only the log comes and goes: everything else changes what the ring
 * looks like.
 */
static int vhost_set_features(struct sluice_vhost *v, u64 features)
{
	u64 old = v->features;
	int err;

	if (features & ~SLUICE_VHOST_FEATURES)
		return -EOPNOTSUPP;
	if (sluice_vhost_bound(v)) {
		if ((features ^ old) & ~BIT_ULL(VHOST_F_LOG_ALL))
			return -EBUSY;
	} else {
		err = sluice_vhost_mem_set_iotlb(v, features);
		if (err)
			return err;
	}
	v->features = features;
	err = sluice_vhost_mem_sync(v);
	if (err)
		v->features = old;
	return err;
}

static int vhost_set_backend_features(struct sluice_vhost *v, u64 features)
{
	if (features & ~SLUICE_VHOST_BACKEND_FEATURES)
		return -EOPNOTSUPP;
	WRITE_ONCE(v->backend_features, features);
	return 0;
}

/* --- arguments: copied before the lock is taken --- */

static long ioctl_u64(struct sluice_vhost *v, unsigned int cmd, const u64 __user *argp)
{
	long err = -EPERM;
	u64 val;

	if (copy_from_user(&val, argp, sizeof(val)))
		return -EFAULT;
	mutex_lock(&v->lock);
	if (cmd == VHOST_SET_LOG_BASE ? !vhost_is_owner(v) : !vhost_may_negotiate(v))
		goto unlock;
	switch (cmd) {
	case VHOST_SET_FEATURES:
		err = vhost_set_features(v, val);
		break;
	case VHOST_SET_BACKEND_FEATURES:
		err = vhost_set_backend_features(v, val);
		break;
	case VHOST_SET_LOG_BASE:
		err = sluice_vhost_mem_set_log(v, val);
		break;
	}
unlock:
	mutex_unlock(&v->lock);
	return err;
}

static long ioctl_put_u64(u64 __user *argp, u64 val)
{
	return copy_to_user(argp, &val, sizeof(val)) ? -EFAULT : 0;
}

/*
 * An eventfd that is signalled at each write to the log: no VMM uses it with a kernel device,
 * so it is refused rather than taken and left silent.
 */
static long ioctl_log_fd(struct sluice_vhost *v, const int __user *argp)
{
	long err;
	int fd;

	if (get_user(fd, argp))
		return -EFAULT;
	mutex_lock(&v->lock);
	if (!vhost_is_owner(v))
		err = -EPERM;
	else
		err = fd == VHOST_FILE_UNBIND ? 0 : -EOPNOTSUPP;
	mutex_unlock(&v->lock);
	return err;
}

static long ioctl_mem_table(struct sluice_vhost *v, const struct vhost_memory __user *argp)
{
	struct vhost_memory_region *r = NULL;
	struct vhost_memory m;
	long err;

	if (copy_from_user(&m, argp, sizeof(m)))
		return -EFAULT;
	if (m.padding)
		return -EOPNOTSUPP;
	if (m.nregions > SLUICE_VHOST_REGIONS)
		return -E2BIG;
	if (m.nregions) {
		r = memdup_array_user(argp->regions, m.nregions, sizeof(*r));
		if (IS_ERR(r))
			return PTR_ERR(r);
	}
	mutex_lock(&v->lock);
	err = vhost_is_owner(v) ? sluice_vhost_mem_set_table(v, r, m.nregions) : -EPERM;
	mutex_unlock(&v->lock);
	kfree(r);
	return err;
}

static long ioctl_owner(struct sluice_vhost *v, unsigned int cmd)
{
	long err = 0;

	mutex_lock(&v->lock);
	if (cmd == VHOST_SET_OWNER)
		err = vhost_set_owner(v);
	else if (vhost_is_owner(v))
		vhost_reset(v);
	else
		err = -EPERM;
	mutex_unlock(&v->lock);
	return err;
}

/* --- arguments of one ring: each begins with its index --- */

static struct sluice_vhost_vq *vhost_vq(struct sluice_vhost *v, u32 index)
{
	lockdep_assert_held(&v->lock);
	if (!vhost_is_owner(v))
		return ERR_PTR(-EPERM);
	if (index >= SLUICE_VHOST_VQS)
		return ERR_PTR(-ENOBUFS);
	return &v->vq[array_index_nospec(index, SLUICE_VHOST_VQS)];
}

static long ioctl_vring_state(struct sluice_vhost *v, unsigned int cmd,
			      struct vhost_vring_state __user *argp)
{
	struct sluice_vhost_vq *vq;
	struct vhost_vring_state s;
	bool get = false;
	long err;

	if (copy_from_user(&s, argp, sizeof(s)))
		return -EFAULT;
	mutex_lock(&v->lock);
	vq = vhost_vq(v, s.index);
	if (IS_ERR(vq)) {
		err = PTR_ERR(vq);
		goto unlock;
	}
	switch (cmd) {
	case VHOST_GET_VRING_BASE:
	case VHOST_GET_VRING_ENDIAN:
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		get = true;
		err = sluice_vhost_vq_get_state(vq, cmd, &s.num);
		break;
	default:
		err = sluice_vhost_vq_set_state(vq, cmd, s.num);
		break;
	}
unlock:
	mutex_unlock(&v->lock);
	if (!err && get && copy_to_user(argp, &s, sizeof(s)))
		err = -EFAULT;
	return err;
}

static long ioctl_vring_addr(struct sluice_vhost *v, const struct vhost_vring_addr __user *argp)
{
	struct sluice_vhost_vq *vq;
	struct vhost_vring_addr a;
	long err;

	if (copy_from_user(&a, argp, sizeof(a)))
		return -EFAULT;
	mutex_lock(&v->lock);
	vq = vhost_vq(v, a.index);
	err = IS_ERR(vq) ? PTR_ERR(vq) : sluice_vhost_vq_set_addr(vq, &a);
	mutex_unlock(&v->lock);
	return err;
}

static long ioctl_vring_file(struct sluice_vhost *v, unsigned int cmd,
			     const struct vhost_vring_file __user *argp)
{
	struct sluice_vhost_vq *vq;
	struct vhost_vring_file f;
	long err;

	if (copy_from_user(&f, argp, sizeof(f)))
		return -EFAULT;
	mutex_lock(&v->lock);
	vq = vhost_vq(v, f.index);
	if (IS_ERR(vq))
		err = PTR_ERR(vq);
	else if (cmd == VHOST_NET_SET_BACKEND)
		err = sluice_vhost_backend_set(vq, f.fd);
	else if (cmd == VHOST_SET_VRING_KICK)
		err = sluice_vhost_vq_set_kick(vq, f.fd);
	else
		err = sluice_vhost_vq_set_event(vq, cmd, f.fd);
	mutex_unlock(&v->lock);
	return err;
}

static long vhost_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sluice_vhost *v = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case VHOST_SET_OWNER:
	case VHOST_RESET_OWNER:
		return ioctl_owner(v, cmd);
	case VHOST_GET_FEATURES:
		return ioctl_put_u64(argp, SLUICE_VHOST_FEATURES);
	case VHOST_GET_BACKEND_FEATURES:
		return ioctl_put_u64(argp, SLUICE_VHOST_BACKEND_FEATURES);
	case VHOST_SET_FEATURES:
	case VHOST_SET_BACKEND_FEATURES:
	case VHOST_SET_LOG_BASE:
		return ioctl_u64(v, cmd, argp);
	case VHOST_SET_LOG_FD:
		return ioctl_log_fd(v, argp);
	case VHOST_SET_MEM_TABLE:
		return ioctl_mem_table(v, argp);
	case VHOST_SET_VRING_NUM:
	case VHOST_SET_VRING_BASE:
	case VHOST_GET_VRING_BASE:
	case VHOST_SET_VRING_ENDIAN:
	case VHOST_GET_VRING_ENDIAN:
	case VHOST_SET_VRING_BUSYLOOP_TIMEOUT:
	case VHOST_GET_VRING_BUSYLOOP_TIMEOUT:
		return ioctl_vring_state(v, cmd, argp);
	case VHOST_SET_VRING_ADDR:
		return ioctl_vring_addr(v, argp);
	case VHOST_SET_VRING_KICK:
	case VHOST_SET_VRING_CALL:
	case VHOST_SET_VRING_ERR:
	case VHOST_NET_SET_BACKEND:
		return ioctl_vring_file(v, cmd, argp);
	default:
		return -ENOIOCTLCMD;
	}
}

static bool vhost_nonblock(const struct kiocb *iocb)
{
	return iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
}

static ssize_t vhost_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return sluice_vhost_msgs_read(iocb->ki_filp->private_data, to, vhost_nonblock(iocb));
}

static ssize_t vhost_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct sluice_vhost *v = iocb->ki_filp->private_data;
	struct vhost_iotlb_msg msg;
	int err;

	err = sluice_vhost_msgs_parse(from, &msg);
	if (err)
		return err;
	mutex_lock(&v->lock);
	err = vhost_is_owner(v) ? sluice_vhost_msgs_handle(v, &msg) : -EPERM;
	mutex_unlock(&v->lock);
	return err ?: sizeof(struct vhost_msg);
}

static __poll_t vhost_poll(struct file *file, poll_table *wait)
{
	struct sluice_vhost *v = file->private_data;

	return sluice_vhost_msgs_poll(&v->msgs, file, wait);
}

static const struct file_operations vhost_fops = {
	.owner = THIS_MODULE,
	.open = vhost_open,
	.release = vhost_release,
	.read_iter = vhost_read_iter,
	.write_iter = vhost_write_iter,
	.poll = vhost_poll,
	.unlocked_ioctl = vhost_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice vhost_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vhost-sluice",
	.fops = &vhost_fops,
};

int sluice_vhost_node_register(void)
{
	return misc_register(&vhost_misc);
}

void sluice_vhost_node_unregister(void)
{
	misc_deregister(&vhost_misc);
}
