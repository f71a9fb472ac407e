// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests alone: a worker that dies, or does not answer, in the midst of what it does for a port;
 * and what user space can neither make nor see.
 *
 *   echo WHAT PORT >/sys/module/sluice_wedge/parameters/do
 *
 * die: its thread ends; oops: by a fault, which User-mode Linux does not survive; block: it sleeps
 * until `go`; spin: it runs until `go`. unreadable: a frame comes to the guest whose bytes lie in a
 * device's memory. netpoll: may its netdev be polled so? EOPNOTSUPP if not.
 *
 * The parameter users tells how many users the address space has that the worker had borrowed when
 * it died: before, and now.
 */
#include <linux/completion.h>
#include <linux/if_ether.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/sched/mm.h>
#include <linux/skbuff.h>
#include "port.h"
#include "worker.h"

static DECLARE_COMPLETION(go);
static bool gone_on;
static struct mm_struct *borrowed;
static int users_before;

/* As in a visit. What was borrowed is remembered, without a user of ours. */
static void wedge_borrow(struct sluice_queue *q)
{
	sluice_queue_use_mm(q->owner, q);
	if (!current->mm)
		return;
	if (borrowed)
		mmdrop(borrowed);
	borrowed = current->mm;
	mmgrab(borrowed);
	users_before = atomic_read(&borrowed->mm_users);
}

static void wedge_die(struct sluice_queue *q, void *arg)
{
	wedge_borrow(q);
	/* That a worker sleeps where it must not is what is wanted here. */
	non_block_end();
	kthread_exit(0);
}

static void wedge_oops(struct sluice_queue *q, void *arg)
{
	wedge_borrow(q);
	WRITE_ONCE(*(int *)arg, 0);
}

static void wedge_block(struct sluice_queue *q, void *arg)
{
	non_block_end();
	wait_for_completion(&go);
	non_block_start();
}

static void wedge_spin(struct sluice_queue *q, void *arg)
{
	while (!READ_ONCE(gone_on))
		cpu_relax();
}

static const struct {
	const char *name;
	void (*fn)(struct sluice_queue *q, void *arg);
} wedges[] = {
	{ "die ", wedge_die },
	{ "oops ", wedge_oops },
	{ "block ", wedge_block },
	{ "spin ", wedge_spin },
};

static int wedge_drive(const char *port_name, void (*fn)(struct sluice_queue *q, void *arg))
{
	struct sluice_port *port = sluice_port_get_by_name(current->nsproxy->net_ns, port_name);

	if (!port)
		return -ENODEV;
	reinit_completion(&go);
	WRITE_ONCE(gone_on, false);
	/* Whatever becomes of the call: that is what the test looks at. */
	sluice_queue_call(sluice_port_queue(port, 0, SLUICE_QUEUE_TX), fn, NULL, 0);
	sluice_port_put(port);
	return 0;
}

static struct sk_buff *wedge_make_unreadable(void)
{
	struct sk_buff *skb = alloc_skb(ETH_HLEN, GFP_KERNEL);
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

	if (!skb || !page) {
		kfree_skb(skb);
		if (page)
			__free_page(page);
		return NULL;
	}
	memset(skb_put(skb, ETH_HLEN), 0xff, ETH_HLEN);
	skb_add_rx_frag(skb, 0, page, 0, 1000, PAGE_SIZE);
	skb->unreadable = 1;
	return skb;
}

/* Its bytes are there: who looks at them is found out by what he does with them. */
static int wedge_unreadable(struct sluice_port *port)
{
	struct sk_buff *skb = wedge_make_unreadable();

	if (!skb)
		return -ENOMEM;
	local_bh_disable();
	sluice_port_post(port, skb, 0, false);
	local_bh_enable();
	return 0;
}

static int wedge_netpoll(struct sluice_port *port)
{
	return port->dev->priv_flags & IFF_DISABLE_NETPOLL ? -EOPNOTSUPP : 0;
}

static int wedge_ask(const char *port_name, int (*fn)(struct sluice_port *port))
{
	struct sluice_port *port = sluice_port_get_by_name(current->nsproxy->net_ns, port_name);
	int ret = -ENODEV;

	if (port) {
		ret = fn(port);
		sluice_port_put(port);
	}
	return ret;
}

static int wedge_set(const char *val, const struct kernel_param *kp)
{
	char text[32], *word;
	unsigned int i;

	strscpy(text, val, sizeof(text));
	word = strim(text);
	if (!strcmp(word, "go")) {
		WRITE_ONCE(gone_on, true);
		complete_all(&go);
		return 0;
	}
	if (strstarts(word, "unreadable "))
		return wedge_ask(word + strlen("unreadable "), wedge_unreadable);
	if (strstarts(word, "netpoll "))
		return wedge_ask(word + strlen("netpoll "), wedge_netpoll);
	for (i = 0; i < ARRAY_SIZE(wedges); i++) {
		if (strstarts(word, wedges[i].name))
			return wedge_drive(word + strlen(wedges[i].name), wedges[i].fn);
	}
	return -EINVAL;
}

static const struct kernel_param_ops wedge_ops = { .set = wedge_set };
module_param_cb(do, &wedge_ops, NULL, 0200);

static int users_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d %d\n", users_before,
			  borrowed ? atomic_read(&borrowed->mm_users) : 0);
}

static const struct kernel_param_ops users_ops = { .get = users_get };
module_param_cb(users, &users_ops, NULL, 0444);

static int __init wedge_init(void)
{
	return 0;
}

static void __exit wedge_exit(void)
{
	if (borrowed)
		mmdrop(borrowed);
}

module_init(wedge_init);
module_exit(wedge_exit);

MODULE_DESCRIPTION("Sluice: workers that fail, for tests");
MODULE_LICENSE("GPL");
SLUICE_IMPORT;
