// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests alone: a worker that dies, or does not answer, in the midst of what it does for a port
 * or a volume; a disk that does not answer, or that a worker dies in; and what user space can
 * neither make nor see.
 *
 *   echo WHAT PORT >/sys/module/sluice_wedge/parameters/do
 *   echo WHAT volume/VOLUME >/sys/module/sluice_wedge/parameters/do
 *
 * die: its thread ends; oops: by a fault, which User-mode Linux does not survive; block: it sleeps
 * until `go`; spin: it runs until `go`; nap: it sleeps for a moment. `block workers` is for all of
 * them, with RTNL held until they are given up, and five seconds more. unreadable: a frame comes to
 * the guest whose bytes lie in a device's memory. netpoll: may its netdev be polled so? EOPNOTSUPP
 * if not. drop: the worker dies that counts the next frame as dropped for it.
 *
 *   echo disk WHAT >/sys/module/sluice_wedge/parameters/do
 *
 * /dev/wedge0 reads as zeroes, and forgets what is written. die: the worker dies that hands it the
 * next write but one; both are kept. keep: so is whatever is written. open, close: who opens or
 * closes it waits. All until `go`.
 * slow: who opens it waits a moment; the parameter opened tells how often it was. Until `go`.
 * sleep: who hands it something sleeps a moment, whatever he asked for; the parameter slept tells
 * how often workers did, and others. Until `go`.
 *
 * The parameter users tells how many users the address space has that the worker had borrowed when
 * it died: before, and now; borrows how many workers have one in use now.
 */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/if_ether.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/sched/mm.h>
#include <linux/skbuff.h>
#include <linux/tracepoint.h>
#include "port.h"
#include "volume.h"
#include "worker.h"

#define WEDGE_RTNL_MS	5000

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

static void wedge_nap(struct sluice_queue *q, void *arg)
{
	non_block_end();
	msleep(50);
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
	{ "nap ", wedge_nap },
};

/* Whatever becomes of the call: that is what the test looks at. */
static int wedge_drive_port(const char *name, void (*fn)(struct sluice_queue *q, void *arg))
{
	struct sluice_port *port = sluice_port_get_by_name(current->nsproxy->net_ns, name);

	if (!port)
		return -ENODEV;
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

static void wedge_block_worker(struct sluice_worker *w, void *arg)
{
	wedge_block(NULL, NULL);
}

/*
 * Without a port, which would hold the engine. RTNL is held longer than others need to come as far
 * as to wait for it, on a busy machine too: the watchdog needs it, and shall not be the first.
 */
static int wedge_block_workers(void)
{
	reinit_completion(&go);
	rtnl_lock();
	sluice_worker_call_all(wedge_block_worker, NULL);
	msleep(WEDGE_RTNL_MS);
	rtnl_unlock();
	return 0;
}

static int wedge_drive_volume(const char *name, void (*fn)(struct sluice_queue *q, void *arg))
{
	struct sluice_volume *v = sluice_volume_get_by_name(name);

	if (!v)
		return -ENODEV;
	sluice_queue_call(sluice_volume_queue(v, 0), fn, NULL, 0);
	sluice_volume_put(v);
	return 0;
}

static int wedge_drive(const char *name, void (*fn)(struct sluice_queue *q, void *arg))
{
	static const char volume[] = "volume/";

	reinit_completion(&go);
	WRITE_ONCE(gone_on, false);
	if (strstarts(name, volume))
		return wedge_drive_volume(name + strlen(volume), fn);
	return wedge_drive_port(name, fn);
}

/* --- in the midst of a burst --- */

/* The native kernel of the benches has none. */
#ifdef CONFIG_TRACEPOINTS

static struct tracepoint *drop_tp;
static const struct sluice_port *drop_port;

static void drop_probe(void *data, const struct sluice_port *port, enum sluice_drop why,
		       unsigned int packets)
{
	if (!strstarts(current->comm, "sluice/") ||
	    cmpxchg(&drop_port, port, NULL) != port)
		return;
	/* That of the tracepoint, and what a worker must not do while it has these. */
	preempt_enable_notrace();
	non_block_end();
	kthread_exit(0);
}

static int drop_find(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct tp_module *tp = data;
	struct tracepoint *p;
	unsigned int i;

	if (event != MODULE_STATE_COMING || strcmp(tp->mod->name, "sluice"))
		return NOTIFY_OK;
	for (i = 0; i < tp->mod->num_tracepoints; i++) {
		p = tracepoint_ptr_deref(&tp->mod->tracepoints_ptrs[i]);
		if (!strcmp(p->name, "sluice_drop"))
			drop_tp = p;
	}
	return NOTIFY_OK;
}

static struct notifier_block drop_notifier = { .notifier_call = drop_find };

static int drop_init(void)
{
	int err = register_tracepoint_module_notifier(&drop_notifier);

	if (err)
		return err;
	err = drop_tp ? tracepoint_probe_register(drop_tp, drop_probe, NULL) : -ENOENT;
	if (err)
		unregister_tracepoint_module_notifier(&drop_notifier);
	return err;
}

static void drop_exit(void)
{
	tracepoint_probe_unregister(drop_tp, drop_probe, NULL);
	tracepoint_synchronize_unregister();
	unregister_tracepoint_module_notifier(&drop_notifier);
}

/* The port stays for as long as the test wants. */
static int wedge_drop(struct sluice_port *port)
{
	WRITE_ONCE(drop_port, port);
	return 0;
}

#else

static int drop_init(void)
{
	return 0;
}

static void drop_exit(void)
{
}

static int wedge_drop(struct sluice_port *port)
{
	return -EOPNOTSUPP;
}

#endif /* CONFIG_TRACEPOINTS */

/* --- the disk --- */

#define DISK_SECTORS	16384

static struct gendisk *disk;
static int disk_major;
static bool disk_open_waits;
static bool disk_close_waits;
static bool disk_opens_slowly;
static unsigned int opened;
module_param(opened, uint, 0444);
static bool disk_sleeps;
static atomic_t slept_workers = ATOMIC_INIT(0);
static atomic_t slept_others = ATOMIC_INIT(0);
/* Writes that are kept until then; one more is died in. */
static atomic_t disk_to_keep = ATOMIC_INIT(-1);
static DEFINE_SPINLOCK(disk_lock);
static struct bio_list disk_kept;
static struct bio *disk_died_in;

static int disk_open(struct gendisk *d, blk_mode_t mode)
{
	/* disk->open_mutex */
	WRITE_ONCE(opened, opened + 1);
	if (READ_ONCE(disk_opens_slowly))
		msleep(50);
	if (READ_ONCE(disk_open_waits))
		wait_for_completion(&go);
	return 0;
}

static void disk_release(struct gendisk *d)
{
	if (READ_ONCE(disk_close_waits))
		wait_for_completion(&go);
}

static void disk_keep(struct bio *bio)
{
	spin_lock(&disk_lock);
	bio_list_add(&disk_kept, bio);
	spin_unlock(&disk_lock);
}

static void disk_die(struct bio *bio)
{
	disk_died_in = bio;
	/* The kernel would complain of it, which here would be the end of the test. */
	current->plug = NULL;
	current->bio_list = NULL;
	kthread_exit(0);
}

static void disk_sleep(void)
{
	atomic_inc(strstarts(current->comm, "sluice/") ? &slept_workers : &slept_others);
	schedule_timeout_uninterruptible(1);
}

static void disk_submit(struct bio *bio)
{
	int left = bio_op(bio) == REQ_OP_WRITE ? atomic_dec_if_positive(&disk_to_keep) : -1;

	if (READ_ONCE(disk_sleeps))
		disk_sleep();
	if (left > 0) {
		disk_keep(bio);
		return;
	}
	if (!left)
		disk_die(bio);
	if (bio_op(bio) == REQ_OP_READ)
		zero_fill_bio(bio);
	bio_endio(bio);
}

static const struct block_device_operations disk_ops = {
	.owner = THIS_MODULE,
	.open = disk_open,
	.release = disk_release,
	.submit_bio = disk_submit,
};

static void disk_go(void)
{
	struct bio_list kept;
	struct bio *bio;

	WRITE_ONCE(disk_open_waits, false);
	WRITE_ONCE(disk_close_waits, false);
	WRITE_ONCE(disk_opens_slowly, false);
	WRITE_ONCE(disk_sleeps, false);
	atomic_set(&disk_to_keep, -1);
	spin_lock(&disk_lock);
	kept = disk_kept;
	bio_list_init(&disk_kept);
	bio = disk_died_in;
	disk_died_in = NULL;
	spin_unlock(&disk_lock);
	if (bio) {
		bio_endio(bio);
		/* As the block layer does after the call that did not return. */
		percpu_ref_put(&disk->queue->q_usage_counter);
	}
	while ((bio = bio_list_pop(&kept)))
		bio_endio(bio);
}

static int disk_set(const char *what)
{
	reinit_completion(&go);
	if (!strcmp(what, "open"))
		WRITE_ONCE(disk_open_waits, true);
	else if (!strcmp(what, "close"))
		WRITE_ONCE(disk_close_waits, true);
	else if (!strcmp(what, "slow"))
		WRITE_ONCE(disk_opens_slowly, true);
	else if (!strcmp(what, "sleep"))
		WRITE_ONCE(disk_sleeps, true);
	else if (!strcmp(what, "die"))
		atomic_set(&disk_to_keep, 2);
	else if (!strcmp(what, "keep"))
		atomic_set(&disk_to_keep, INT_MAX);
	else
		return -EINVAL;
	return 0;
}

static int disk_add(void)
{
	struct queue_limits limits = { .features = BLK_FEAT_NOWAIT };
	int err;

	disk_major = register_blkdev(0, "wedge");
	if (disk_major < 0)
		return disk_major;
	disk = blk_alloc_disk(&limits, NUMA_NO_NODE);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto major;
	}
	disk->major = disk_major;
	disk->minors = 1;
	disk->fops = &disk_ops;
	strscpy(disk->disk_name, "wedge0", sizeof(disk->disk_name));
	set_capacity(disk, DISK_SECTORS);
	err = add_disk(disk);
	if (!err)
		return 0;
	put_disk(disk);
major:
	unregister_blkdev(disk_major, "wedge");
	return err;
}

static void disk_del(void)
{
	del_gendisk(disk);
	put_disk(disk);
	unregister_blkdev(disk_major, "wedge");
}

/* --- what is to happen --- */

static int wedge_set(const char *val, const struct kernel_param *kp)
{
	static const char of_disk[] = "disk ";
	char text[48], *word;
	unsigned int i;

	strscpy(text, val, sizeof(text));
	word = strim(text);
	if (!strcmp(word, "go")) {
		WRITE_ONCE(gone_on, true);
		complete_all(&go);
		disk_go();
		return 0;
	}
	if (!strcmp(word, "block workers"))
		return wedge_block_workers();
	if (strstarts(word, "unreadable "))
		return wedge_ask(word + strlen("unreadable "), wedge_unreadable);
	if (strstarts(word, "netpoll "))
		return wedge_ask(word + strlen("netpoll "), wedge_netpoll);
	if (strstarts(word, "drop "))
		return wedge_ask(word + strlen("drop "), wedge_drop);
	if (strstarts(word, of_disk))
		return disk_set(word + strlen(of_disk));
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

static void borrows_count(struct sluice_worker *w, void *arg)
{
	if (w->mm)
		atomic_inc(arg);
}

static int borrows_get(char *buf, const struct kernel_param *kp)
{
	atomic_t n = ATOMIC_INIT(0);
	int err;

	rtnl_lock();
	err = sluice_worker_call_all(borrows_count, &n);
	rtnl_unlock();
	return err ?: sysfs_emit(buf, "%d\n", atomic_read(&n));
}

static const struct kernel_param_ops borrows_ops = { .get = borrows_get };
module_param_cb(borrows, &borrows_ops, NULL, 0444);

static int slept_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d %d\n", atomic_read(&slept_workers), atomic_read(&slept_others));
}

static const struct kernel_param_ops slept_ops = { .get = slept_get };
module_param_cb(slept, &slept_ops, NULL, 0444);

static int __init wedge_init(void)
{
	int err = drop_init();

	if (err)
		return err;
	err = disk_add();
	if (err)
		drop_exit();
	return err;
}

static void __exit wedge_exit(void)
{
	disk_del();
	drop_exit();
	if (borrowed)
		mmdrop(borrowed);
}

module_init(wedge_init);
module_exit(wedge_exit);

MODULE_DESCRIPTION("Sluice: workers that fail, for tests");
MODULE_LICENSE("GPL");
SLUICE_IMPORT;
