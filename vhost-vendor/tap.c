// SPDX-License-Identifier: GPL-2.0-only
/*
 * An open /dev/tap<ifindex>: a queue pair, the tap ioctls that VMMs use, and a slow path for
 * single frames.
 */
#include <linux/etherdevice.h>
#include <linux/fs.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/poll.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sockios.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_net.h>
#include <net/net_namespace.h>
#include "tap.h"
#include "vhost.h"

#define TAP_FIXED	(IFF_TAP | IFF_NO_PI)
#define TAP_OPTIONAL	(IFF_VNET_HDR | IFF_MULTI_QUEUE)

#define TAP_OFFLOADS	(TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | \
			 TUN_F_UFO | TUN_F_USO4 | TUN_F_USO6)

/* --- for the vhost node --- */

struct sluice_tap *sluice_tap_from_file(struct file *file)
{
	return file->f_op == &sluice_tap_fops ? file->private_data : NULL;
}

int sluice_tap_bind(struct sluice_tap *tap, struct sluice_vhost *vhost)
{
	int err = 0;

	mutex_lock(&tap->lock);
	if (tap->vhost && tap->vhost != vhost) {
		err = -EBUSY;
	} else {
		tap->vhost = vhost;
		tap->binds++;
	}
	mutex_unlock(&tap->lock);
	return err;
}

void sluice_tap_unbind(struct sluice_tap *tap)
{
	mutex_lock(&tap->lock);
	if (!--tap->binds)
		tap->vhost = NULL;
	mutex_unlock(&tap->lock);
}

struct sluice_queue *sluice_tap_queue(const struct sluice_tap *tap, enum sluice_queue_dir dir)
{
	return sluice_port_queue(tap->tapdev->port, tap->pair, dir);
}

bool sluice_tap_big_endian(const struct sluice_tap *tap)
{
	if (READ_ONCE(tap->little_endian))
		return false;
	return READ_ONCE(tap->big_endian) || !virtio_legacy_is_little_endian();
}

/* --- readers --- */

/*
 * Whoever gives the file to a vhost node never reads it, and what waited for him would be held for
 * nothing. So frames wait from the moment on that it is used without.
 */
static void tap_listen(struct sluice_tap *tap)
{
	if (READ_ONCE(tap->listens))
		return;
	mutex_lock(&tap->lock);
	if (tap->enabled && !tap->listens) {
		sluice_queue_listen(sluice_tap_queue(tap, SLUICE_QUEUE_RX), true);
		WRITE_ONCE(tap->listens, true);
	}
	mutex_unlock(&tap->lock);
}

/* Context: @tap->lock held. */
static void tap_listen_no_more(struct sluice_tap *tap)
{
	if (tap->listens)
		sluice_queue_listen(sluice_tap_queue(tap, SLUICE_QUEUE_RX), false);
	WRITE_ONCE(tap->listens, false);
}

/* --- open and release --- */

/*
 * The first who opens a port starts from a clean slate: what the guest before could take does
 * not hold for this one.
 */
static int tap_reserve(struct sluice_tapdev *d)
{
	int pair, err = 0;

	mutex_lock(&d->open_lock);
	if (!d->opens)
		err = sluice_port_set_offloads(d->port, 0);
	pair = err ?: sluice_port_get_pair(d->port, -1);
	if (pair >= 0) {
		d->opens++;
		sluice_port_open(d->port);
	}
	mutex_unlock(&d->open_lock);
	return pair;
}

static void tap_unreserve(struct sluice_tap *tap)
{
	struct sluice_tapdev *d = tap->tapdev;

	mutex_lock(&d->open_lock);
	sluice_port_put_pair(d->port, tap->pair);
	sluice_port_close(d->port);
	d->opens--;
	mutex_unlock(&d->open_lock);
}

/*
 * A port may leave its namespace at any time. Looked at before the pair is reserved, for a stranger
 * is to change nothing, and again afterwards: then it was still here when it was reserved.
 */
static bool tap_is_here(const struct sluice_tapdev *d)
{
	bool here;

	rtnl_lock();
	here = d->dev && net_eq(current->nsproxy->net_ns, dev_net(d->dev));
	rtnl_unlock();
	return here;
}

static int tap_open(struct inode *inode, struct file *file)
{
	struct sluice_tapdev *d = sluice_tapdev_get(iminor(inode));
	struct sluice_tap *tap;
	int pair = -ENXIO;

	if (!d)
		return -ENXIO;
	tap = kzalloc(sizeof(*tap), GFP_KERNEL_ACCOUNT);
	if (!tap) {
		pair = -ENOMEM;
		goto put;
	}
	if (!tap_is_here(d))
		goto free;
	pair = tap_reserve(d);
	if (pair < 0)
		goto free;
	tap->tapdev = d;
	tap->pair = pair;
	if (!tap_is_here(d)) {
		tap_unreserve(tap);
		pair = -ENXIO;
		goto free;
	}
	mutex_init(&tap->lock);
	tap->flags = TAP_FIXED | IFF_VNET_HDR;
	tap->hdr_len = SLUICE_TAP_HDR_MIN;
	tap->sndbuf = INT_MAX;
	tap->enabled = true;
	file->private_data = tap;
	return 0;

free:
	kfree(tap);
put:
	sluice_tapdev_put(d);
	return pair;
}

/* A ring that is bound holds the file, so none is. */
static int tap_release(struct inode *inode, struct file *file)
{
	struct sluice_tap *tap = file->private_data;

	mutex_lock(&tap->lock);
	tap_listen_no_more(tap);
	mutex_unlock(&tap->lock);
	tap_unreserve(tap);
	sluice_tapdev_put(tap->tapdev);
	kfree(tap);
	return 0;
}

/* --- frames --- */

static __virtio16 tap_be_to_le(__virtio16 val)
{
	return __cpu_to_virtio16(true, __virtio16_to_cpu(false, val));
}

/* The engine has headers in little endian; both ways are the same. */
static void tap_swap_header(struct virtio_net_hdr *h)
{
	h->hdr_len = tap_be_to_le(h->hdr_len);
	h->gso_size = tap_be_to_le(h->gso_size);
	h->csum_start = tap_be_to_le(h->csum_start);
	h->csum_offset = tap_be_to_le(h->csum_offset);
}

/* A frame that does not fit is cut short, as a tap's. */
static ssize_t tap_put(struct sk_buff *skb, const struct virtio_net_hdr *hdr, unsigned int given,
		       struct iov_iter *to)
{
	size_t put = min_t(size_t, given, sizeof(*hdr));
	size_t len;

	if (copy_to_iter(hdr, put, to) != put || iov_iter_zero(given - put, to) != given - put)
		return -EFAULT;
	len = min_t(size_t, skb->len, iov_iter_count(to));
	return skb_copy_datagram_iter(skb, 0, to, len) ? -EFAULT : given + len;
}

static ssize_t tap_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	bool nonblock = iocb->ki_filp->f_flags & O_NONBLOCK || iocb->ki_flags & IOCB_NOWAIT;
	struct sluice_tap *tap = iocb->ki_filp->private_data;
	struct sluice_queue *q = sluice_tap_queue(tap, SLUICE_QUEUE_RX);
	struct virtio_net_hdr hdr;
	unsigned int given = 0;
	struct sk_buff *skb;
	ssize_t ret;

	if (READ_ONCE(tap->flags) & IFF_VNET_HDR)
		given = READ_ONCE(tap->hdr_len);
	if (iov_iter_count(to) < given)
		return -EINVAL;
	tap_listen(tap);
	while (!(skb = sluice_queue_read(q, &hdr))) {
		if (nonblock)
			return -EAGAIN;
		ret = sluice_queue_read_wait(q);
		if (ret)
			return ret;
	}
	if (IS_ERR(skb))
		return PTR_ERR(skb);
	if (sluice_tap_big_endian(tap))
		tap_swap_header(&hdr);
	ret = tap_put(skb, &hdr, given, to);
	consume_skb(skb);
	return ret;
}

/*
 * What QEMU sends by itself: its announcement after a migration, and everything while vhost
 * does not run.
 */
static ssize_t tap_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct sluice_tap *tap = iocb->ki_filp->private_data;
	unsigned int given = 0, kept, frame;
	size_t len = iov_iter_count(from);
	ssize_t ret = -EFAULT;
	void *buf;

	if (READ_ONCE(tap->flags) & IFF_VNET_HDR)
		given = READ_ONCE(tap->hdr_len);
	if (len < given + ETH_HLEN || len > given + ETH_MAX_MTU)
		return -EINVAL;
	/* The answer may be there before anybody asks for it. */
	tap_listen(tap);
	/* A hash that comes behind the header tells the engine nothing. */
	kept = min_t(unsigned int, given, SLUICE_TAP_HDR_V1);
	frame = len - given;
	buf = kvmalloc(kept + frame, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;
	if (!copy_from_iter_full(buf, kept, from))
		goto free;
	iov_iter_advance(from, given - kept);
	if (!copy_from_iter_full(buf + kept, frame, from))
		goto free;
	if (kept && sluice_tap_big_endian(tap))
		tap_swap_header(buf);
	ret = sluice_port_inject(tap->tapdev->port, buf, kept, kept + frame);
free:
	kvfree(buf);
	return ret ?: len;
}

static __poll_t tap_poll(struct file *file, poll_table *wait)
{
	struct sluice_tap *tap = file->private_data;

	tap_listen(tap);
	return sluice_queue_read_poll(sluice_tap_queue(tap, SLUICE_QUEUE_RX), file, wait);
}

/* --- ioctls --- */

static int tap_ident(const struct sluice_tap *tap, char name[IFNAMSIZ], u8 mac[ETH_ALEN])
{
	int ifindex;

	return sluice_port_ident(tap->tapdev->port, name, &ifindex, mac);
}

static long tap_get_iff(struct sluice_tap *tap, struct ifreq __user *ifr)
{
	char name[IFNAMSIZ] = {};
	u8 mac[ETH_ALEN];
	int err;

	err = tap_ident(tap, name, mac);
	if (err)
		return err;
	if (copy_to_user(ifr->ifr_name, name, IFNAMSIZ) ||
	    put_user(READ_ONCE(tap->flags), &ifr->ifr_flags))
		return -EFAULT;
	return 0;
}

/*
 * The port is there already: its name is checked rather than given, and only the header is a
 * choice.
 */
static long tap_set_iff(struct sluice_tap *tap, struct ifreq __user *ifr)
{
	char name[IFNAMSIZ] = {}, wanted[IFNAMSIZ];
	u8 mac[ETH_ALEN];
	u16 flags;
	int err;

	if (copy_from_user(wanted, ifr->ifr_name, IFNAMSIZ) || get_user(flags, &ifr->ifr_flags))
		return -EFAULT;
	if ((flags & ~TAP_OPTIONAL) != TAP_FIXED)
		return -EINVAL;
	err = tap_ident(tap, name, mac);
	if (err)
		return err;
	if (wanted[0] && strncmp(wanted, name, IFNAMSIZ))
		return -EINVAL;
	mutex_lock(&tap->lock);
	WRITE_ONCE(tap->flags, flags);
	mutex_unlock(&tap->lock);
	return copy_to_user(ifr->ifr_name, name, IFNAMSIZ) ? -EFAULT : 0;
}

static void tap_enable(struct sluice_tap *tap, bool on)
{
	mutex_lock(&tap->lock);
	WRITE_ONCE(tap->enabled, on);
	mutex_unlock(&tap->lock);
}

/*
 * QEMU switches off the pairs that its guest does not use, before or after it sets the backend,
 * and on again when the guest does. The node's lock comes before ours, so it is told
 * afterwards; it looks at what holds by then.
 */
static long tap_set_queue(struct sluice_tap *tap, const struct ifreq __user *ifr)
{
	struct sluice_vhost *vhost;
	u16 flags;
	long err;
	bool on;

	if (get_user(flags, &ifr->ifr_flags))
		return -EFAULT;
	if (flags != IFF_ATTACH_QUEUE && flags != IFF_DETACH_QUEUE)
		return -EINVAL;
	on = flags == IFF_ATTACH_QUEUE;

	mutex_lock(&tap->lock);
	if (tap->enabled == on) {
		mutex_unlock(&tap->lock);
		return -EINVAL;
	}
	WRITE_ONCE(tap->enabled, on);
	if (!on)
		tap_listen_no_more(tap);
	vhost = tap->vhost;
	if (vhost)
		sluice_vhost_get(vhost);
	mutex_unlock(&tap->lock);
	if (!vhost)
		return 0;

	err = sluice_vhost_backend_switched(vhost, tap);
	if (err) {
		tap_enable(tap, false);
		sluice_vhost_backend_switched(vhost, tap);
	}
	sluice_vhost_put(vhost);
	return err;
}

/*
 * As a tap has it: everything builds on checksums, UDP segmentation is for both families or none,
 * and UFO is taken for the sake of guests that come from older hosts, but never sent.
 */
static long tap_set_offload(struct sluice_tap *tap, unsigned long arg)
{
	u64 features = 0;

	if (arg & ~TAP_OFFLOADS)
		return -EINVAL;
	if (arg && !(arg & TUN_F_CSUM))
		return -EINVAL;
	if (arg & TUN_F_TSO_ECN && !(arg & (TUN_F_TSO4 | TUN_F_TSO6)))
		return -EINVAL;
	if (!(arg & TUN_F_USO4) != !(arg & TUN_F_USO6))
		return -EINVAL;
	if (arg & TUN_F_CSUM)
		features |= NETIF_F_HW_CSUM;
	if (arg & TUN_F_TSO4)
		features |= NETIF_F_TSO;
	if (arg & TUN_F_TSO6)
		features |= NETIF_F_TSO6;
	if (arg & TUN_F_TSO_ECN)
		features |= NETIF_F_TSO_ECN;
	if (arg & TUN_F_USO4)
		features |= NETIF_F_GSO_UDP_L4;
	return sluice_port_set_offloads(tap->tapdev->port, features);
}

static long tap_set_int(struct sluice_tap *tap, unsigned int cmd, const int __user *argp)
{
	long err = 0;
	int val;

	if (get_user(val, argp))
		return -EFAULT;
	mutex_lock(&tap->lock);
	switch (cmd) {
	case TUNSETVNETHDRSZ:
		if (val == SLUICE_TAP_HDR_MIN || val == SLUICE_TAP_HDR_V1 ||
		    val == SLUICE_TAP_HDR_HASH)
			WRITE_ONCE(tap->hdr_len, val);
		else
			err = -EINVAL;
		break;
	case TUNSETSNDBUF:
		if (val > 0)
			tap->sndbuf = val;
		else
			err = -EINVAL;
		break;
	case TUNSETVNETLE:
		WRITE_ONCE(tap->little_endian, val);
		break;
	case TUNSETVNETBE:
		WRITE_ONCE(tap->big_endian, val);
		break;
	}
	mutex_unlock(&tap->lock);
	return err;
}

static long tap_get_int(struct sluice_tap *tap, unsigned int cmd, int __user *argp)
{
	int val = 0;

	mutex_lock(&tap->lock);
	switch (cmd) {
	case TUNGETFEATURES:
		val = TAP_FIXED | TAP_OPTIONAL;
		break;
	case TUNGETVNETHDRSZ:
		val = tap->hdr_len;
		break;
	case TUNGETSNDBUF:
		val = tap->sndbuf;
		break;
	case TUNGETVNETLE:
		val = tap->little_endian;
		break;
	case TUNGETVNETBE:
		val = tap->big_endian;
		break;
	}
	mutex_unlock(&tap->lock);
	return put_user(val, argp);
}

static long tap_get_mac(struct sluice_tap *tap, struct ifreq __user *ifr)
{
	struct sockaddr sa = { .sa_family = ARPHRD_ETHER };
	char name[IFNAMSIZ] = {};
	int err;

	err = tap_ident(tap, name, sa.sa_data);
	if (err)
		return err;
	if (copy_to_user(ifr->ifr_name, name, IFNAMSIZ) ||
	    copy_to_user(&ifr->ifr_hwaddr, &sa, sizeof(sa)))
		return -EFAULT;
	return 0;
}

/*
 * A port's address is the operator's: having the file is not enough, for it is the guest's side
 * that has it.
 */
static long tap_set_mac(struct sluice_tap *tap, const struct ifreq __user *ifr)
{
	struct sockaddr sa;
	struct net_device *dev;
	long err = -ENODEV;

	if (copy_from_user(&sa, &ifr->ifr_hwaddr, sizeof(sa)))
		return -EFAULT;
	rtnl_lock();
	dev = tap->tapdev->dev;
	if (dev && !ns_capable(dev_net(dev)->user_ns, CAP_NET_ADMIN))
		err = -EPERM;
	else if (dev)
		err = dev_set_mac_address_user(dev, &sa, NULL);
	rtnl_unlock();
	return err;
}

static long tap_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct sluice_tap *tap = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case TUNGETIFF:
		return tap_get_iff(tap, argp);
	case TUNSETIFF:
		return tap_set_iff(tap, argp);
	case TUNSETQUEUE:
		return tap_set_queue(tap, argp);
	case TUNSETOFFLOAD:
		return tap_set_offload(tap, arg);
	case TUNSETVNETHDRSZ:
	case TUNSETSNDBUF:
	case TUNSETVNETLE:
	case TUNSETVNETBE:
		return tap_set_int(tap, cmd, argp);
	case TUNGETFEATURES:
	case TUNGETVNETHDRSZ:
	case TUNGETSNDBUF:
	case TUNGETVNETLE:
	case TUNGETVNETBE:
		return tap_get_int(tap, cmd, argp);
	case SIOCGIFHWADDR:
		return tap_get_mac(tap, argp);
	case SIOCSIFHWADDR:
		return tap_set_mac(tap, argp);
	default:
		/* As taps answer, and what VMMs probe for; TUNSETSTEERINGEBPF among them. */
		return -EINVAL;
	}
}

const struct file_operations sluice_tap_fops = {
	.owner = THIS_MODULE,
	.open = tap_open,
	.release = tap_release,
	.read_iter = tap_read_iter,
	.write_iter = tap_write_iter,
	.poll = tap_poll,
	.unlocked_ioctl = tap_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
