// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest port behind a device. Before the device is opened the operator may write a port's name
 * to the attribute `port`: one that exists is used, and stays when the device goes; else one is
 * made, which goes with the device. If nobody writes a name, one is made when the device is first
 * opened.
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/nsproxy.h>
#include <net/net_namespace.h>
#include "mdev.h"

/* A port that nobody named. */
#define PORT_NAME	"sl%d"

static struct sluice_mdev *port_mdev(struct device *dev)
{
	return dev_get_drvdata(dev);
}

/* --- the port --- */

void sluice_mdev_port_drop(struct sluice_mdev *m)
{
	struct sluice_port *port = m->port;

	lockdep_assert_held(&m->lock);
	if (!port)
		return;
	WRITE_ONCE(m->port, NULL);
	if (m->own_port)
		sluice_port_destroy(port);
	else
		sluice_port_put(port);
	m->own_port = false;
}

static int port_choose(struct sluice_mdev *m, struct net *net, const char *name)
{
	struct sluice_port *port = sluice_port_get_by_name(net, name);
	bool own = !port;

	if (!port) {
		port = sluice_port_create(net, name, m->pairs ?: 1);
		if (IS_ERR(port))
			return PTR_ERR(port);
	}
	sluice_mdev_port_drop(m);
	WRITE_ONCE(m->port, port);
	m->own_port = own;
	return 0;
}

static bool port_gone(struct sluice_mdev *m)
{
	char name[IFNAMSIZ];
	u8 mac[ETH_ALEN];
	int ifindex;

	return sluice_port_ident(m->port, name, &ifindex, mac);
}

static int port_reserve(struct sluice_mdev *m)
{
	int ret;

	for (m->nr_reserved = 0; m->nr_reserved < m->pairs; m->nr_reserved++) {
		ret = sluice_port_get_pair(m->port, m->nr_reserved);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int port_describe(struct sluice_mdev *m)
{
	struct sluice_port_link link;
	char name[IFNAMSIZ];
	u8 mac[ETH_ALEN];
	int err, ifindex;
	u32 speed;
	u8 duplex;

	err = sluice_port_ident(m->port, name, &ifindex, mac);
	if (err)
		return err;
	if (!m->has_mac)
		ether_addr_copy(m->mac, mac);
	sluice_port_get_link(m->port, &link);
	sluice_mdev_parent_speed(m->dev->parent, &speed, &duplex);
	memset(&m->net, 0, sizeof(m->net));
	ether_addr_copy(m->net.mac, m->mac);
	m->net.status = __cpu_to_virtio16(true, link.up ? VIRTIO_NET_S_LINK_UP : 0);
	m->net.max_virtqueue_pairs = __cpu_to_virtio16(true, m->pairs);
	m->net.mtu = __cpu_to_virtio16(true, link.mtu);
	m->net.speed = cpu_to_le32(speed);
	m->net.duplex = duplex;
	return 0;
}

void sluice_mdev_port_unbind(struct sluice_mdev *m)
{
	lockdep_assert_held(&m->lock);
	if (m->port_open)
		sluice_port_close(m->port);
	m->port_open = false;
	while (m->nr_reserved)
		sluice_port_put_pair(m->port, --m->nr_reserved);
}

int sluice_mdev_port_bind(struct sluice_mdev *m)
{
	unsigned int pairs = m->pairs;
	int err;

	lockdep_assert_held(&m->lock);
	if (m->port && port_gone(m)) {
		/* Of a port that was removed the name is free: which one was meant nobody knows. */
		if (!m->own_port) {
			dev_warn(m->dev, "its port was removed: write a name to 'port' again\n");
			return -ENODEV;
		}
		sluice_mdev_port_drop(m);
	}
	if (!m->port) {
		err = port_choose(m, &init_net, PORT_NAME);
		if (err)
			return err;
	}
	if (!pairs)
		m->pairs = sluice_port_nr_pairs(m->port);
	err = m->pairs > sluice_port_nr_pairs(m->port) ? -EINVAL : port_reserve(m);
	if (!err)
		err = port_describe(m);
	if (err) {
		dev_warn(m->dev, "cannot have %u queue pairs of its port: %pe\n", m->pairs,
			 ERR_PTR(err));
		sluice_mdev_port_unbind(m);
		m->pairs = pairs;
	} else {
		sluice_port_open(m->port);
		m->port_open = true;
	}
	m->nr_data = 2 * m->pairs;
	return err;
}

bool sluice_mdev_port_update_link(struct sluice_mdev *m)
{
	const __virtio16 up = __cpu_to_virtio16(true, VIRTIO_NET_S_LINK_UP);
	struct sluice_port_link link;

	lockdep_assert_held(&m->lock);
	sluice_port_get_link(m->port, &link);
	if (link.up == !!(m->net.status & up))
		return false;
	m->net.status ^= up;
	/* Those who learned where the guest is may have forgotten. */
	if (link.up && sluice_mdev_has(m, VIRTIO_NET_F_GUEST_ANNOUNCE))
		m->net.status |= __cpu_to_virtio16(true, VIRTIO_NET_S_ANNOUNCE);
	return true;
}

/* --- attributes --- */

static ssize_t port_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sluice_mdev *m = port_mdev(dev);
	char name[IFNAMSIZ] = "";
	u8 mac[ETH_ALEN];
	int ifindex;

	mutex_lock(&m->lock);
	if (m->port)
		sluice_port_ident(m->port, name, &ifindex, mac);
	mutex_unlock(&m->lock);
	return sysfs_emit(buf, "%s\n", name);
}

static ssize_t port_store(struct device *dev, struct device_attribute *attr, const char *buf,
			  size_t len)
{
	struct net *net = current->nsproxy->net_ns;
	struct sluice_mdev *m = port_mdev(dev);
	char name[IFNAMSIZ];
	int err;

	if (!ns_capable(net->user_ns, CAP_NET_ADMIN))
		return -EPERM;
	if (len >= sizeof(name) && !(len == sizeof(name) && buf[len - 1] == '\n'))
		return -EINVAL;
	strscpy(name, buf, min(len + 1, sizeof(name)));
	strim(name);
	mutex_lock(&m->lock);
	err = m->open ? -EBUSY : port_choose(m, net, name);
	mutex_unlock(&m->lock);
	return err ?: len;
}
static DEVICE_ATTR_RW(port);

static ssize_t queues_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sluice_mdev *m = port_mdev(dev);
	unsigned int pairs;

	mutex_lock(&m->lock);
	pairs = m->pairs ?: m->port ? sluice_port_nr_pairs(m->port) : 1;
	mutex_unlock(&m->lock);
	return sysfs_emit(buf, "%u\n", pairs);
}

static ssize_t queues_store(struct device *dev, struct device_attribute *attr, const char *buf,
			    size_t len)
{
	struct sluice_mdev *m = port_mdev(dev);
	unsigned int pairs;
	int err;

	err = kstrtouint(buf, 0, &pairs);
	if (err)
		return err;
	if (!pairs || pairs > SLUICE_MAX_PAIRS)
		return -ERANGE;
	mutex_lock(&m->lock);
	/* A port has the queues that it was made with. */
	if (m->open || (m->port && pairs > sluice_port_nr_pairs(m->port)))
		err = -EBUSY;
	else
		m->pairs = pairs;
	mutex_unlock(&m->lock);
	return err ?: len;
}
static DEVICE_ATTR_RW(queues);

static ssize_t mac_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sluice_mdev *m = port_mdev(dev);
	char name[IFNAMSIZ];
	u8 mac[ETH_ALEN];
	int ifindex;

	mutex_lock(&m->lock);
	if (m->has_mac || !m->port || sluice_port_ident(m->port, name, &ifindex, mac))
		ether_addr_copy(mac, m->mac);
	mutex_unlock(&m->lock);
	return sysfs_emit(buf, "%pM\n", mac);
}

static ssize_t mac_store(struct device *dev, struct device_attribute *attr, const char *buf,
			 size_t len)
{
	struct sluice_mdev *m = port_mdev(dev);
	u8 mac[ETH_ALEN];
	int err = 0;

	if (!mac_pton(buf, mac) || !is_valid_ether_addr(mac))
		return -EINVAL;
	mutex_lock(&m->lock);
	if (m->open) {
		err = -EBUSY;
	} else {
		ether_addr_copy(m->mac, mac);
		m->has_mac = true;
	}
	mutex_unlock(&m->lock);
	return err ?: len;
}
static DEVICE_ATTR_RW(mac);

static struct attribute *port_attrs[] = {
	&dev_attr_port.attr,
	&dev_attr_queues.attr,
	&dev_attr_mac.attr,
	NULL
};

const struct attribute_group sluice_mdev_port_group = {
	.attrs = port_attrs,
};
