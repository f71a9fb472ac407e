// SPDX-License-Identifier: GPL-2.0-only
/* What sluice.ko and the kernel are to the netlink family. */
#include "netlink_host.h"
#include "ask.h"
#include "net/draft.h"
#include "net/config.h"

#define MAX_DEVS 8
#define MAX_CPUS 4

bool shim_rtnl;
struct net host_net;
struct sock host_sock[HOST_SOCKETS] = { { &host_net }, { &host_net } };
bool host_capable, host_undo_failed;
struct sk_buff *host_reply;
struct xarray sluice_ports;

static struct sluice_instance instance;
static struct net_device lower[] = { { "eth0", 1, 1500 }, { "eth1", 2, 1500 } };
static struct sluice_worker worker[MAX_CPUS];
static bool worker_there[MAX_CPUS];
static struct sluice_port *grave[MAX_DEVS];
static unsigned int nr_grave, nr_paused;
static int last_ifindex;
static u32 last_index;
static struct notifier_block *notifier;

/* --- engine --- */

void sluice_reclaim(struct sluice_reclaim *r)
{
	r->release(r);
}

static void host_flush(struct sluice_worker *w)
{
	if (!w->engine)
		abort();
}

static void host_port_changed(struct sluice_port *port)
{
	sluice_net_changed(port->inst->engine);
}

static const struct sluice_engine_ops engine = {
	.name = "host",
	.abi = SLUICE_ENGINE_ABI,
	.port_changed = host_port_changed,
	.flush = host_flush,
	.draft_begin = sluice_draft_begin,
	.draft_build = sluice_draft_build,
	.draft_switch = sluice_draft_switch,
	.draft_end = sluice_draft_end,
	.wire_set = sluice_config_wire_set,
	.wire_del = sluice_config_wire_del,
	.wire_peer = sluice_config_wire_peer,
	.port_behind = sluice_config_port_behind,
	.acl_add = sluice_config_acl_add,
	.acl_del = sluice_config_acl_del,
	.acl_flush = sluice_config_acl_flush,
	.acl_set_default = sluice_config_acl_set_default,
	.acl_default = sluice_config_acl_default,
	.acl_dump = sluice_config_acl_dump,
	.guard_set = sluice_config_guard_set,
	.guard_get = sluice_config_guard_get,
	.rate_set = sluice_config_rate_set,
	.rate_get = sluice_config_rate_get,
	.meter_add = sluice_config_meter_add,
	.meter_del = sluice_config_meter_del,
	.meter_dump = sluice_config_meter_dump,
	.flow_add = sluice_config_flow_add,
	.flow_del = sluice_config_flow_del,
	.flow_flush = sluice_config_flow_flush,
	.flow_get = sluice_config_flow_get,
	.flow_dump = sluice_config_flow_dump,
	.config_gen = sluice_config_gen,
};

const struct sluice_engine_ops *sluice_engine(void)
{
	return &engine;
}

struct sluice_instance *sluice_instance_get(struct net *net)
{
	return &instance;
}

int sluice_engine_instance_add(struct sluice_instance *inst)
{
	struct sluice_net_instance *ni = kzalloc(sizeof(*ni), GFP_KERNEL);

	if (!ni)
		return -ENOMEM;
	ni->inst = inst;
	sluice_config_instance_init(ni);
	inst->engine = ni;
	return 0;
}

/* What the engine counted is there. */
static void instance_exit(void)
{
	sluice_config_instance_exit(instance.engine);
	if (instance.use.rules)
		abort();
	kfree(instance.engine);
	instance.engine = NULL;
}

/* --- what VFs are asked for --- */

static bool ask_due;

void sluice_ask_changed(void)
{
	ASSERT_RTNL();
	ask_due = true;
}

static void behind(struct sluice_port *guest, void *arg)
{
	/* Who is gone is not behind anything. */
	if (guest->gone || guest->kind != SLUICE_PORT_GUEST)
		abort();
}

void sluice_ask_sync(void)
{
	struct sluice_port *port;
	unsigned long i;

	ASSERT_RTNL();
	if (nr_paused)
		abort();
	xa_for_each(&sluice_ports, i, port)
		if (ask_due && port->kind == SLUICE_PORT_UPLINK)
			engine.port_behind(port, behind, NULL);
	ask_due = false;
}

/* --- netdevs --- */

static struct sluice_port *port_named(const char *name)
{
	struct sluice_port *port;
	unsigned long i;

	xa_for_each(&sluice_ports, i, port)
		if (!strcmp(port->dev->name, name))
			return port;
	return NULL;
}

struct sluice_port *sluice_port_find(struct net *net, const char *name)
{
	ASSERT_RTNL();
	return port_named(name);
}

struct sluice_port *sluice_port_find_ifindex(struct net *net, int ifindex)
{
	struct sluice_port *port;
	unsigned long i;

	ASSERT_RTNL();
	xa_for_each(&sluice_ports, i, port)
		if (port->dev->ifindex == ifindex)
			return port;
	return NULL;
}

struct net_device *__dev_get_by_name(struct net *net, const char *name)
{
	struct sluice_port *port = sluice_port_find(net, name);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lower); i++)
		if (!strcmp(lower[i].name, name))
			return &lower[i];
	return port ? port->dev : NULL;
}

struct net_device *__dev_get_by_index(struct net *net, int ifindex)
{
	struct sluice_port *port = sluice_port_find_ifindex(net, ifindex);

	return port ? port->dev : NULL;
}

bool dev_valid_name(const char *name)
{
	if (!*name || strlen(name) > 15 || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	return !strpbrk(name, "/: \t\n\v\f\r\xa0");
}

/* Devices may take long, and so may a worker that is to let go of something. */
static void may_take_long(void)
{
	ASSERT_RTNL();
	if (nr_paused)
		abort();
}

int dev_set_mtu(struct net_device *dev, int mtu)
{
	may_take_long();
	if (mtu < 68 || mtu > 9000)
		return -EINVAL;
	dev->mtu = mtu;
	return 0;
}

int dev_set_mac_address(struct net_device *dev, struct sockaddr *sa, struct netlink_ext_ack *extack)
{
	may_take_long();
	if (!is_valid_ether_addr((u8 *)sa->sa_data))
		abort();
	memcpy(dev->dev_addr, sa->sa_data, ETH_ALEN);
	dev->addr_assign_type = NET_ADDR_SET;
	return 0;
}

bool cpu_online(unsigned int cpu)
{
	return cpu < MAX_CPUS - 1;
}

/* --- ports --- */

struct host_port {
	struct sluice_port port;
	struct net_device dev;
	struct sluice_net_port policy;
	struct sluice_ask ask;
};

static void port_free(struct sluice_port *port)
{
	kfree(port->queue);
	kfree(container_of(port, struct host_port, port));
}

static struct sluice_port *port_new(const char *name, unsigned int pairs,
				    struct netlink_ext_ack *extack)
{
	struct host_port *hp;
	struct sluice_port *port;
	unsigned int i;

	ASSERT_RTNL();
	if (__dev_get_by_name(&host_net, name)) {
		NL_SET_ERR_MSG(extack, "the name is taken");
		return ERR_PTR(-EEXIST);
	}
	/* What is deleted while RTNL is held counts too. */
	if (sluice_ports.nr + nr_grave == MAX_DEVS) {
		NL_SET_ERR_MSG(extack, "enough ports");
		return ERR_PTR(-ENFILE);
	}
	hp = calloc(1, sizeof(*hp));
	port = &hp->port;
	port->dev = &hp->dev;
	port->engine = &hp->policy;
	port->queue = calloc(2 * pairs + 1, sizeof(*port->queue));
	snprintf(port->dev->name, sizeof(port->dev->name), "%s", name);
	port->dev->ifindex = ++last_ifindex;
	port->dev->mtu = 1500;
	port->index = ++last_index;
	port->dev->dev_addr[0] = 2;
	port->dev->dev_addr[5] = port->index;
	port->inst = &instance;
	port->engine_ops = &engine;
	port->nr_pairs = pairs;
	port->waits.cpu = -1;
	for (i = 0; i < 2 * pairs; i++)
		port->queue[i] = (struct sluice_queue){ .port = port, .pair = i / 2, .dir = i % 2 };
	port->kind = pairs ? SLUICE_PORT_GUEST : SLUICE_PORT_UPLINK;
	if (!xa_insert(&sluice_ports, port->index, port, GFP_KERNEL))
		return port;
	port_free(port);
	return ERR_PTR(-ENOMEM);
}

struct sluice_port *sluice_port_add(struct net *net, const char *name,
				    const struct sluice_port_params *params,
				    struct netlink_ext_ack *extack)
{
	struct sluice_port *port;

	if (params->pairs > SLUICE_MAX_PAIRS || !dev_valid_name(name))
		abort();
	if (!instance.engine && sluice_engine_instance_add(&instance))
		return ERR_PTR(-ENOMEM);
	if (shim_alloc_fails())
		return ERR_PTR(-ENOMEM);
	port = port_new(name, params->pairs ?: 1, extack);
	if (!IS_ERR(port)) {
		if (!is_zero_ether_addr(params->mac))
			memcpy(port->dev->dev_addr, params->mac, ETH_ALEN);
		port->dev->mtu = params->mtu ?: 1500;
		port->control = params->control;
	}
	return port;
}

static bool lower_is_taken(const struct net_device *dev, struct netlink_ext_ack *extack)
{
	struct sluice_port *other;
	unsigned long i;

	xa_for_each(&sluice_ports, i, other) {
		if (other->lower == dev || other->dev == dev) {
			NL_SET_ERR_MSG(extack, "not to be had");
			return true;
		}
	}
	return false;
}

int sluice_uplink_check_lower(const struct sluice_port *port, const struct net_device *dev,
			      struct netlink_ext_ack *extack)
{
	return lower_is_taken(dev, extack) ? -EBUSY : 0;
}

int sluice_uplink_attach(struct sluice_port *port, struct net_device *dev,
			 struct netlink_ext_ack *extack)
{
	ASSERT_RTNL();
	if (port->gone || port->lower)
		abort();
	if (lower_is_taken(dev, extack))
		return -EBUSY;
	if (shim_alloc_fails())
		return -ENOMEM;
	port->lower = dev;
	port->ask = &container_of(port, struct host_port, port)->ask;
	memset(port->ask, 0, sizeof(*port->ask));
	port->ask->word = port->waits.word;
	return 0;
}

int sluice_uplink_let_go(struct sluice_port *port)
{
	ASSERT_RTNL();
	if (!port->lower)
		return 0;
	snprintf(port->waits.dev, sizeof(port->waits.dev), "%s", port->lower->name);
	port->waits.word = port->ask->word;
	port->lower = NULL;
	port->ask = NULL;
	return 0;
}

void sluice_port_look(struct sluice_port *port)
{
}

bool netdev_is_rx_handler_busy(struct net_device *dev)
{
	return lower_is_taken(dev, NULL);
}

struct sluice_port *sluice_uplink_add(struct net *net, const char *name, struct net_device *dev,
				      struct netlink_ext_ack *extack)
{
	struct sluice_port *port;

	if (dev && lower_is_taken(dev, extack))
		return ERR_PTR(-EBUSY);
	port = port_new(name, 0, extack);
	if (!IS_ERR(port) && dev) {
		port->lower = dev;
		port->ask = &container_of(port, struct host_port, port)->ask;
	}
	return port;
}

static void unassign(struct sluice_worker **w)
{
	if (*w)
		(*w)->nr_users--;
	*w = NULL;
}

void sluice_port_del(struct sluice_port *port)
{
	unsigned int i;

	ASSERT_RTNL();
	if (port->gone)
		abort();
	for (i = 0; i < 2 * port->nr_pairs; i++)
		unassign(&port->queue[i].worker);
	unassign(&port->worker);
	sluice_config_port_exit(instance.engine, port, port->engine);
	if (xa_erase(&sluice_ports, port->index) != port)
		abort();
	/* What lasts a little longer has no policy. */
	port->engine = NULL;
	port->gone = true;
	grave[nr_grave++] = port;
}

void host_bury(void)
{
	if (shim_rtnl || nr_paused)
		abort();
	while (nr_grave)
		port_free(grave[--nr_grave]);
	kfree(host_reply);
	host_reply = NULL;
}

void sluice_port_totals(const struct sluice_port *port, struct sluice_port_totals *t)
{
	memset(t, 0, sizeof(*t));
	t->drops[SLUICE_DROP_ACL] = port->index;
}

const char *sluice_drop_tag(enum sluice_drop why)
{
	return "tag";
}

const char *sluice_vring_strerror(enum sluice_vring_error err)
{
	return "broken";
}

/* --- workers --- */

struct sluice_worker *sluice_worker_find(unsigned int cpu)
{
	return cpu < MAX_CPUS && worker_there[cpu] ? &worker[cpu] : NULL;
}

struct sluice_worker *sluice_worker_next(struct sluice_worker *w)
{
	unsigned int cpu;

	for (cpu = w ? w->cpu + 1 : 0; cpu < MAX_CPUS; cpu++)
		if (worker_there[cpu])
			return &worker[cpu];
	return NULL;
}

struct sluice_worker *sluice_worker_add(unsigned int cpu, enum sluice_worker_mode mode,
					struct netlink_ext_ack *extack)
{
	if (mode > SLUICE_WORKER_POLL)
		abort();
	if (sluice_worker_find(cpu) && !worker[cpu].automatic) {
		NL_SET_ERR_MSG(extack, "there is one");
		return ERR_PTR(-EEXIST);
	}
	if (!cpu_online(cpu)) {
		NL_SET_ERR_MSG(extack, "no such core");
		return ERR_PTR(-ENXIO);
	}
	if (!worker_there[cpu])
		worker[cpu].nr_users = 0;
	worker[cpu].cpu = cpu;
	worker[cpu].mode = mode;
	worker[cpu].automatic = false;
	worker[cpu].engine = &worker[cpu];
	worker_there[cpu] = true;
	return &worker[cpu];
}

int sluice_worker_del(struct sluice_worker *w, struct netlink_ext_ack *extack)
{
	if (w->nr_users) {
		NL_SET_ERR_MSG(extack, "in use");
		return -EBUSY;
	}
	worker_there[w->cpu] = false;
	return 0;
}

void sluice_worker_set_mode(struct sluice_worker *w, enum sluice_worker_mode mode)
{
	if (mode > SLUICE_WORKER_POLL)
		abort();
	w->mode = mode;
}

void sluice_worker_times(const struct sluice_worker *w, struct sluice_worker_times *t)
{
	memset(t, 0, sizeof(*t));
}

static void assign(struct sluice_worker **at, struct sluice_worker *w)
{
	unassign(at);
	*at = w;
	w->nr_users++;
}

int sluice_port_assign(struct sluice_port *port, int pair, struct sluice_worker *w,
		       struct netlink_ext_ack *extack)
{
	unsigned int i;

	may_take_long();
	if (port->gone)
		abort();
	if (port->kind == SLUICE_PORT_UPLINK ? pair > 0 : pair >= (int)port->nr_pairs) {
		NL_SET_ERR_MSG(extack, "no such pair");
		return -ERANGE;
	}
	if (port->kind == SLUICE_PORT_UPLINK)
		assign(&port->worker, w);
	for (i = 0; i < 2 * port->nr_pairs; i++)
		if (pair < 0 || i / 2 == pair)
			assign(&port->queue[i].worker, w);
	return 0;
}

int sluice_worker_call_all(void (*fn)(struct sluice_worker *w, void *arg), void *arg)
{
	struct sluice_worker *w = NULL;

	ASSERT_RTNL();
	while ((w = sluice_worker_next(w)))
		fn(w, arg);
	return 0;
}

int sluice_worker_pause(bool tenants)
{
	ASSERT_RTNL();
	nr_paused++;
	return 0;
}

void sluice_worker_resume(bool tenants)
{
	nr_paused--;
}

const char *sluice_worker_state_text(enum sluice_worker_state state)
{
	return "ok";
}

void sluice_rtnl_lock(void)
{
	rtnl_lock();
}

void sluice_rtnl_unlock(void)
{
	rtnl_unlock();
}

u64 sluice_rtnl_longest(void)
{
	return 3;
}

void sluice_leaks_get(struct sluice_leaks *l)
{
	*l = (struct sluice_leaks){ .objects = 1, .bytes = 2 };
}

void sluice_port_hold_back(struct sluice_port *port, enum sluice_quarantine why)
{
	port->quarantine = why;
}

bool sluice_port_release(struct sluice_port *port)
{
	bool was = port->quarantine;

	port->quarantine = SLUICE_QUARANTINE_NONE;
	return was;
}

const char *sluice_quarantine_text(enum sluice_quarantine why)
{
	return "held";
}

/* --- the kernel's netlink --- */

int genl_register_family(struct genl_family *family)
{
	return 0;
}

int genl_unregister_family(const struct genl_family *family)
{
	return 0;
}

int netlink_register_notifier(struct notifier_block *nb)
{
	notifier = nb;
	return 0;
}

int netlink_unregister_notifier(struct notifier_block *nb)
{
	notifier = NULL;
	return 0;
}

bool netlink_net_capable(const struct sk_buff *skb, int cap)
{
	return host_capable;
}

bool netlink_capable(const struct sk_buff *skb, int cap)
{
	return host_capable;
}

int netlink_has_listeners(struct sock *sk, unsigned int group)
{
	return 1;
}

int netlink_set_err(struct sock *ssk, u32 portid, u32 group, int code)
{
	return 0;
}

int netlink_broadcast_filtered(struct sock *ssk, struct sk_buff *skb, __u32 portid, __u32 group,
			       gfp_t allocation, netlink_filter_fn filter, void *filter_data)
{
	kfree(skb);
	return 0;
}

int netlink_unicast(struct sock *ssk, struct sk_buff *skb, __u32 portid, int nonblock)
{
	if (host_reply)
		abort();
	host_reply = skb;
	return skb->len;
}

struct nlmsghdr *__nlmsg_put(struct sk_buff *skb, u32 portid, u32 seq, int type, int len, int flags)
{
	struct nlmsghdr *nlh = skb_put(skb, nlmsg_total_size(len));

	memset(nlh, 0, nlmsg_total_size(len));
	*nlh = (struct nlmsghdr){ nlmsg_msg_size(len), type, flags, seq, portid };
	return nlh;
}

void *genlmsg_put(struct sk_buff *skb, u32 portid, u32 seq, const struct genl_family *family,
		  int flags, u8 cmd)
{
	struct nlmsghdr *nlh = nlmsg_put(skb, portid, seq, family->id, GENL_HDRLEN, flags);
	struct genlmsghdr *hdr;

	if (!nlh)
		return NULL;
	hdr = nlmsg_data(nlh);
	hdr->cmd = cmd;
	hdr->version = family->version;
	return (u8 *)hdr + GENL_HDRLEN;
}

void do_trace_netlink_extack(const char *msg)
{
}

/* The one thing that the family has to complain about. */
void shim_log_error(const char *fmt, ...)
{
	host_undo_failed = true;
}

/* --- its life --- */

void host_close(u32 portid)
{
	struct netlink_notify n = { &host_net, portid, NETLINK_GENERIC };

	notifier->notifier_call(notifier, NETLINK_URELEASE, &n);
}

void host_start(void)
{
	static const struct sluice_port_params params = {
		.pairs = 2, .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1500 };
	struct netlink_ext_ack extack = {};
	struct sluice_worker *w;
	unsigned int i;

	host_net.genl_sock = &host_sock[0];
	host_capable = true;
	host_undo_failed = false;
	last_ifindex = ARRAY_SIZE(lower);
	last_index = 0;
	instance.net = &host_net;
	xa_init_flags(&sluice_ports, 0);
	memset(worker_there, 0, sizeof(worker_there));
	if (sluice_netlink_init())
		abort();
	rtnl_lock();
	w = sluice_worker_add(1, SLUICE_WORKER_ADAPTIVE, &extack);
	w->automatic = true;
	sluice_port_add(&host_net, "vm0", &params, &extack);
	sluice_port_add(&host_net, "vm1", &params, &extack);
	sluice_uplink_add(&host_net, "up0", &lower[0], &extack);
	for (i = 1; i <= last_index; i++)
		if (sluice_port_assign(xa_load(&sluice_ports, i), -1, w, &extack))
			abort();
	rtnl_unlock();
}

void host_forget_policy(void)
{
	struct sluice_port *port;
	unsigned long i;

	rtnl_lock();
	xa_for_each(&sluice_ports, i, port) {
		sluice_config_port_exit(instance.engine, port, port->engine);
		sluice_config_port_init(port->engine);
	}
	instance_exit();
	if (sluice_engine_instance_add(&instance))
		abort();
	rtnl_unlock();
}

void host_stop(void)
{
	struct sluice_port *port;
	unsigned long i;

	sluice_netlink_exit();
	rtnl_lock();
	xa_for_each(&sluice_ports, i, port)
		sluice_port_del(port);
	instance_exit();
	rtnl_unlock();
	host_bury();
	xa_destroy(&sluice_ports);
	/* All that was counted went. */
	if (instance.use.memory || instance.use.rules)
		abort();
}

struct net init_net;
