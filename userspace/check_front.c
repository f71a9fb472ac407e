// SPDX-License-Identifier: GPL-2.0-only
/* Steps of "check" from the modules to the guest's driver and its link. */
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "check.h"

#define WHO_MAX 96
#define MDEV_DEVICES "/sys/bus/mdev/devices"

static const char *name_of(const struct check *c)
{
	return rec_word(c->port, "name");
}

void check_modules(struct check *c)
{
	const struct rec *version = c->view->version.v[0];

	if (rec_has(version, "engine"))
		check_say(c, FINE, "modules", "", "loaded, and %s moves packets",
			  rec_word(version, "engine"));
	else
		check_say(c, WRONG, "modules", "modprobe sluice_net",
			  "no packet engine is loaded: every port holds what it has");
}

/* --- workers --------------------------------------------------------------------------------- */

/* Another worker that goes round; -1: there is none. */
static int other_worker(const struct check *c, unsigned int but)
{
	const struct list *l = &c->view->workers;
	size_t i;

	for (i = 0; i < l->nr; i++) {
		if (rec_value(l->v[i], "cpu")->n != but &&
		    !strcmp(rec_word(l->v[i], "state"), "ok"))
			return rec_value(l->v[i], "cpu")->n;
	}
	return -1;
}

static void dead_say(struct check *c, unsigned int cpu)
{
	int other = other_worker(c, cpu);
	const char *next = other < 0 ? "sluice worker add cpu N, another core" :
				       check_type("sluice worker assign port %s cpu %d",
						  name_of(c), other);

	check_say(c, WRONG, "worker", next, "the worker on core %u is dead: its thread ended", cpu);
}

static void worker_say(struct check *c, const struct rec *w)
{
	const char *state = rec_word(w, "state");
	unsigned int cpu = rec_value(w, "cpu")->n;

	if (!strcmp(state, "dead"))
		dead_say(c, cpu);
	else if (!strcmp(state, "stuck"))
		check_say(c, WRONG, "worker", check_type("dmesg | grep -A 30 'worker %u is'", cpu),
			  "the worker on core %u is stuck: nothing that it serves moves",
			  cpu);
	else if (!strcmp(state, "late"))
		check_say(c, WRONG, "worker",
			  check_type("ps -eLo psr,pri,pcpu,comm | grep '^ *%u '", cpu),
			  "the worker on core %u is late: it does not get its core",
			  cpu);
	else if (rec_has(w, "core-offline"))
		check_say(c, REMARK, "worker", check_type("chcpu -e %u", cpu),
			  "the worker of core %u is on another, as that one is offline", cpu);
	else
		check_say(c, FINE, "worker", "", "the worker on core %u goes round", cpu);
}

static void cpu_say(struct check *c, unsigned int cpu)
{
	char text[16];
	const struct rec *w;

	snprintf(text, sizeof(text), "%u", cpu);
	w = list_find(&c->view->workers, "cpu", text);
	if (w)
		worker_say(c, w);
	else if (c->view->hosts)
		check_say(c, WRONG, "worker", check_type("sluice worker add cpu %u", cpu),
			  "there is no worker on core %u any more", cpu);
	else
		check_say(c, REMARK, "worker", "",
			  "one on core %u; how it is only the host's operator may see", cpu);
}

/* Each core once. */
static unsigned int queues_cpus(const struct rec *port, unsigned int *cpus, unsigned int max)
{
	const struct value *queues = rec_value(port, "queue");
	unsigned int i, k, nr = 0;

	for (i = 0; i < queues->nr && nr < max; i++) {
		unsigned int cpu = rec_count(queues->rec[i], "cpu");

		if (!rec_has(queues->rec[i], "cpu"))
			continue;
		for (k = 0; k < nr && cpus[k] != cpu; k++)
			;
		if (k == nr)
			cpus[nr++] = cpu;
	}
	return nr;
}

void check_worker(struct check *c)
{
	unsigned int cpus[32], i, nr = 0;

	if (!c->uplink)
		nr = queues_cpus(c->port, cpus, ARRAY_SIZE(cpus));
	else if (rec_has(c->port, "cpu"))
		cpus[nr++] = rec_value(c->port, "cpu")->n;
	for (i = 0; i < nr; i++)
		cpu_say(c, cpus[i]);
	/* An uplink that lost its VF needs none. */
	if (!nr && (!c->uplink || rec_has(c->port, "dev")))
		check_say(c, WRONG, "worker", "sluice worker add cpu 0", "no worker serves it");
}

void check_held(struct check *c)
{
	const struct rec *version = c->view->version.v[0];

	if (rec_has(c->port, "quarantine"))
		check_say(c, WRONG, "held", check_type("sluice port release %s", name_of(c)),
			  "it is in quarantine: %s", rec_word(c->port, "quarantine"));
	else if (rec_has(c->port, "held") && rec_has(version, "engine"))
		check_say(c, WRONG, "held", check_type("sluice port show %s", name_of(c)),
			  "it is held: nothing is moved");
}

/* --- front ends ------------------------------------------------------------------------------ */

/* The node of a port: see vdrv_backend_open() of the tests, or QEMU. */
static void node_path(const char *name, char *path, size_t size)
{
	struct stat ns;

	snprintf(path, size, "/dev/tap%u", if_nametoindex(name));
	if (!access(path, F_OK) || stat("/proc/self/ns/net", &ns))
		return;
	snprintf(path, size, "/dev/sluice-tap/%lu-%u", (unsigned long)ns.st_ino,
		 if_nametoindex(name));
}

/* "/dev/vhost-vdpa-3" of a vDPA device; "" if it has none. */
static void vdpa_node(const char *name, char *node, size_t size)
{
	char path[96], entry[256];

	*node = '\0';
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", name);
	if (host_entry(path, "vhost-vdpa-", entry, sizeof(entry)))
		snprintf(node, size, "/dev/%s", entry);
}

static bool vdpa_say(struct check *c)
{
	char path[96], driver[32], node[300], who[WHO_MAX];

	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s", name_of(c));
	if (access(path, F_OK))
		return false;
	snprintf(path, sizeof(path), "/sys/bus/vdpa/devices/%s/driver", name_of(c));
	host_link(path, driver, sizeof(driver));
	vdpa_node(name_of(c), node, sizeof(node));
	if (!*driver)
		check_say(c, WRONG, "front-end", "modprobe vhost_vdpa",
			  "its vDPA device has no driver");
	else if (!*node)
		check_say(c, FINE, "front-end", "", "its vDPA device is the host's own, by %s",
			  driver);
	else if (host_holder(node, NULL, who, sizeof(who)))
		check_say(c, FINE, "front-end", "", "its vDPA device, %s, is open by %s", node,
			  who);
	else
		check_say(c, geteuid() ? REMARK : WRONG, "front-end",
			  check_type("start the guest with -netdev vhost-vdpa,id=n0,vhostdev=%s",
				     node),
			  "nobody has its vDPA device, %s, open%s", node,
			  geteuid() ? ", as far as others than root can see" : "");
	return true;
}

static void mdev_state_say(struct check *c, const char *uuid)
{
	char path[400], state[32];

	snprintf(path, sizeof(path), "%s/%s/state", MDEV_DEVICES, uuid);
	host_line(path, state, sizeof(state));
	if (!strcmp(state, "closed"))
		check_say(c, WRONG, "front-end",
			  check_type("start the guest with -device vfio-pci,sysfsdev=%s/%s",
				     MDEV_DEVICES, uuid),
			  "nobody has its mediated device open");
	else if (!strcmp(state, "error"))
		check_say(c, WRONG, "front-end",
			  "in the guest: reload its driver, or start it anew",
			  "its mediated device waits for the driver to reset it");
	else
		check_say(c, FINE, "front-end", "", "its mediated device, %s, is %s", uuid, state);
}

static bool mdev_say(struct check *c)
{
	DIR *dir = opendir(MDEV_DEVICES);
	char path[400], port[32];
	bool found = false;
	struct dirent *e;

	while (dir && !found && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s/port", MDEV_DEVICES, e->d_name);
		host_line(path, port, sizeof(port));
		if (strcmp(port, name_of(c)))
			continue;
		mdev_state_say(c, e->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

static void nobody_say(struct check *c, const char *node)
{
	const char *next =
		!host_module("sluice_vhost") ?
			"modprobe sluice_vhost" :
			check_type("start the guest: -netdev tap,id=n0,ifname=%s,%s,%s",
				   name_of(c), "script=no,downscript=no",
				   "vhost=on,vhostfd=3 3<>/dev/vhost-sluice");

	if (queues_attached(c->port))
		check_say(c, FINE, "front-end", "", "a guest has it; by whom root can see");
	else if (geteuid())
		check_say(c, REMARK, "front-end", "", "whether somebody has %s open root can see",
			  node);
	else
		check_say(c, WRONG, "front-end", next,
			  "nobody has the port: neither its node %s is open, nor has it a device",
			  node);
}

static void vhost_say(struct check *c)
{
	char node[96], who[WHO_MAX];

	node_path(name_of(c), node, sizeof(node));
	if (host_holder(node, "/dev/vhost-sluice", who, sizeof(who)))
		check_say(c, FINE, "front-end", "", "%s has %s and /dev/vhost-sluice open", who,
			  node);
	else if (host_holder(node, NULL, who, sizeof(who)) && queues_attached(c->port))
		check_say(c, FINE, "front-end", "", "%s has %s open", who, node);
	else if (host_holder(node, NULL, who, sizeof(who)))
		check_say(c, WRONG, "front-end",
			  "start the guest with vhost=on,vhostfd=3 3<>/dev/vhost-sluice",
			  "%s has %s open, but not /dev/vhost-sluice", who, node);
	else
		nobody_say(c, node);
}

void check_front_end(struct check *c)
{
	if (!vdpa_say(c) && !mdev_say(c))
		vhost_say(c);
}

/* --- the guest's driver ---------------------------------------------------------------------- */

/* A ring that is on has features that were acknowledged: without these none is attached. */
void check_driver(struct check *c)
{
	const struct value *queues = rec_value(c->port, "queue");
	unsigned int i, attached[2] = {};

	for (i = 0; i < queues->nr; i++) {
		const struct rec *q = queues->rec[i];

		attached[!!rec_value(q, "dir")->n] += rec_has(q, "attached");
		if (!rec_has(q, "broken"))
			continue;
		check_say(c, WRONG, "driver",
			  "in the guest: reload its driver, or start it anew",
			  "it broke the %s ring of queue pair %s: %s", rec_text(q, "dir"),
			  rec_text(q, "pair"), rec_word(q, "broken"));
		return;
	}
	if (attached[0] && attached[1])
		check_say(c, FINE, "driver", "", "it is up, with %u of %s queue pairs",
			  attached[0], rec_text(c->port, "queues"));
	else if (attached[0] || attached[1])
		check_say(c, WRONG, "driver", "in the guest: dmesg | grep virtio",
			  "only its ring %s the guest is on", attached[0] ? "from" : "to");
	else
		check_say(c, WRONG, "driver", "in the guest: dmesg | grep virtio",
			  "it is not up: it has turned no ring on");
}

/* --- links ----------------------------------------------------------------------------------- */

void check_link(struct check *c)
{
	bool up, carrier;

	if (rec_has(c->port, "down"))
		check_say(c, WRONG, "link", check_type("ip link set %s up", name_of(c)),
			  "%s is down: nothing passes, and the guest sees no link", name_of(c));
	else if (!host_netdev(name_of(c), &up, &carrier))
		check_say(c, REMARK, "link", "", "the host does not show %s", name_of(c));
	else
		check_say(c, FINE, "link", "", "%s is up%s", name_of(c),
			  carrier ? "" : ", without carrier as long as nobody has it");
}
