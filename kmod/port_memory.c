// SPDX-License-Identifier: GPL-2.0-only
/*
 * How much of the kernel's memory a port takes, all told: with rings on all of its queues, a filter
 * and what the engine and its character device need. The kernel's own for a netdev (sysfs, sysctls,
 * addresses) is not in it.
 */
#include <linux/cpumask.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/netdev_rx_queue.h>
#include "ask.h"
#include "port.h"
#include "ring/vring.h"

/* Its character device, its threads for absent memory. */
#define PORT_ELSEWHERE	4096

static size_t queue_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_queue)) + sluice_vring_memory();
}

static size_t inbox_memory(void)
{
	return kmalloc_size_roundup(SLUICE_INBOX_SIZE * sizeof(void *));
}

/* Its maker chooses how many queues it has, of which we need no more than pairs. */
static size_t netdev_memory(unsigned int tx, unsigned int rx)
{
	return kmalloc_size_roundup(sizeof(struct net_device)) + tx * sizeof(struct netdev_queue) +
	       rx * sizeof(struct netdev_rx_queue);
}

static size_t percpu_memory(void)
{
	return num_possible_cpus() *
	       (sizeof(struct sluice_port_stats) + 2 * sizeof(struct sluice_share));
}

static size_t port_memory(void)
{
	return kmalloc_size_roundup(sizeof(struct sluice_port)) + percpu_memory() +
	       SLUICE_ENGINE_PORT_MEMORY + PORT_ELSEWHERE;
}

static size_t guest_memory(unsigned int pairs)
{
	return port_memory() + kmalloc_size_roundup(sizeof(struct sluice_port_filter)) +
	       pairs * (2 * queue_memory() + inbox_memory());
}

static size_t uplink_memory(void)
{
	return port_memory() + kmalloc_size_roundup(sizeof(struct sluice_ask)) + inbox_memory();
}

size_t sluice_port_memory(const struct net_device *dev, bool uplink, unsigned int pairs)
{
	return netdev_memory(dev->num_tx_queues, dev->num_rx_queues) +
	       (uplink ? uplink_memory() : guest_memory(pairs));
}

size_t sluice_port_memory_most(void)
{
	return netdev_memory(SLUICE_MAX_PAIRS, SLUICE_MAX_PAIRS) + guest_memory(SLUICE_MAX_PAIRS);
}
