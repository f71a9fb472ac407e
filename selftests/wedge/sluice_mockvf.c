// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests alone: a netdev that filters by VLAN as a VF does, and tells what it was asked for.
 *
 *   ip link add vf0 type mockvf
 *
 * Its addresses `bridge fdb show dev vf0` tells; the parameter vlans has a line for each one: how
 * often VLANs were changed, how often by work of the kernel's, and which it has. It has room for so
 * many (room), each of which it takes so long over (delay, in ms). Over another MTU or address it
 * takes as long as it is told to (hold), but not for ever, and tells that it does (holding); the
 * one that is named by refuse takes no other.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/rtnetlink.h>

struct mockvf {
	struct list_head node;
	struct net_device *dev;
	unsigned int calls;
	unsigned int by_work;
	DECLARE_BITMAP(vlans, VLAN_N_VID);
};

/* RTNL */
static LIST_HEAD(vfs);

static unsigned int room = VLAN_N_VID;
module_param(room, uint, 0644);
static unsigned int delay;
module_param(delay, uint, 0644);

/* Ends by itself, so that a test which fails ends. */
#define HOLD_MS		20000
static bool hold;
module_param(hold, bool, 0644);
static unsigned int holding;
module_param(holding, uint, 0444);
static char refuse[IFNAMSIZ];
module_param_string(refuse, refuse, sizeof(refuse), 0644);

static int vlans_get(char *buf, const struct kernel_param *kp)
{
	struct mockvf *vf;
	int n = 0;

	rtnl_lock();
	list_for_each_entry(vf, &vfs, node)
		n += sysfs_emit_at(buf, n, "%s %u %u: %*pbl\n", vf->dev->name, vf->calls,
				   vf->by_work, VLAN_N_VID, vf->vlans);
	rtnl_unlock();
	return n;
}

static const struct kernel_param_ops vlans_ops = { .get = vlans_get };
module_param_cb(vlans, &vlans_ops, NULL, 0444);

static netdev_tx_t mockvf_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static void mockvf_set_rx_mode(struct net_device *dev)
{
}

static void mockvf_take_time(struct mockvf *vf)
{
	msleep(delay);
	vf->calls++;
	vf->by_work += !!(current->flags & PF_WQ_WORKER);
}

static int mockvf_vlan_add(struct net_device *dev, __be16 proto, u16 vid)
{
	struct mockvf *vf = netdev_priv(dev);

	mockvf_take_time(vf);
	if (bitmap_weight(vf->vlans, VLAN_N_VID) >= room)
		return -ENOSPC;
	/* Each is asked for once, however many want it. */
	return __test_and_set_bit(vid, vf->vlans) ? -EEXIST : 0;
}

static int mockvf_vlan_del(struct net_device *dev, __be16 proto, u16 vid)
{
	struct mockvf *vf = netdev_priv(dev);

	mockvf_take_time(vf);
	return __test_and_clear_bit(vid, vf->vlans) ? 0 : -ENOENT;
}

/* sysfs keeps the newline of what was written. */
static bool mockvf_refuses(const struct net_device *dev)
{
	return sysfs_streq(refuse, dev->name);
}

static int mockvf_ask(const struct net_device *dev)
{
	unsigned int ms;

	WRITE_ONCE(holding, holding + 1);
	for (ms = 0; READ_ONCE(hold) && ms < HOLD_MS; ms += 20)
		msleep(20);
	WRITE_ONCE(holding, holding - 1);
	return mockvf_refuses(dev) ? -EPERM : 0;
}

static int mockvf_change_mtu(struct net_device *dev, int mtu)
{
	int err = mockvf_ask(dev);

	if (!err)
		WRITE_ONCE(dev->mtu, mtu);
	return err;
}

static int mockvf_set_mac_address(struct net_device *dev, void *addr)
{
	return mockvf_ask(dev) ?: eth_mac_addr(dev, addr);
}

static int mockvf_init(struct net_device *dev)
{
	struct mockvf *vf = netdev_priv(dev);

	vf->dev = dev;
	list_add_tail(&vf->node, &vfs);
	return 0;
}

static void mockvf_uninit(struct net_device *dev)
{
	struct mockvf *vf = netdev_priv(dev);

	/* All is taken back before it goes. */
	WARN_ON(!bitmap_empty(vf->vlans, VLAN_N_VID));
	list_del(&vf->node);
}

static const struct net_device_ops mockvf_ops = {
	.ndo_init = mockvf_init,
	.ndo_uninit = mockvf_uninit,
	.ndo_start_xmit = mockvf_xmit,
	.ndo_set_rx_mode = mockvf_set_rx_mode,
	.ndo_set_mac_address = mockvf_set_mac_address,
	.ndo_change_mtu = mockvf_change_mtu,
	.ndo_vlan_rx_add_vid = mockvf_vlan_add,
	.ndo_vlan_rx_kill_vid = mockvf_vlan_del,
};

static void mockvf_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &mockvf_ops;
	dev->needs_free_netdev = true;
	dev->max_mtu = ETH_MAX_MTU;
	dev->priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE;
	dev->features |= NETIF_F_HW_VLAN_CTAG_FILTER;
	eth_hw_addr_random(dev);
}

static struct rtnl_link_ops mockvf_link_ops = {
	.kind = "mockvf",
	.priv_size = sizeof(struct mockvf),
	.setup = mockvf_setup,
};

static int __init mockvf_module_init(void)
{
	return rtnl_link_register(&mockvf_link_ops);
}

static void __exit mockvf_module_exit(void)
{
	rtnl_link_unregister(&mockvf_link_ops);
}

module_init(mockvf_module_init);
module_exit(mockvf_module_exit);

MODULE_DESCRIPTION("Sluice tests: a VF that tells what it was asked for");
MODULE_LICENSE("GPL");
