// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine that moves packets: one at a time, in a module of its own. Without one, ports hold:
 * rings and inboxes fill, and nothing is lost until they are full.
 */
#include <linux/rtnetlink.h>
#include "instance.h"
#include "port.h"
#include "worker.h"

/* RTNL */
static const struct sluice_engine_ops *engine;
static LIST_HEAD(engine_instances);

const struct sluice_engine_ops *sluice_engine(void)
{
	ASSERT_RTNL();
	return engine;
}

int sluice_engine_instance_add(struct sluice_instance *inst)
{
	int err;

	ASSERT_RTNL();
	if (!engine || inst->engine)
		return 0;
	err = engine->instance_add(inst);
	if (!err)
		list_add(&inst->engine_node, &engine_instances);
	return err;
}

void sluice_engine_instance_del(struct sluice_instance *inst)
{
	ASSERT_RTNL();
	if (!inst->engine)
		return;
	list_del_init(&inst->engine_node);
	/* One that is stuck may be looking things up there. */
	if (sluice_worker_sync_all())
		sluice_leak(0);
	else
		engine->instance_del(inst);
	inst->engine = NULL;
}

int sluice_engine_worker_add(struct sluice_worker *w)
{
	ASSERT_RTNL();
	return engine ? engine->worker_add(w) : 0;
}

void sluice_engine_worker_del(struct sluice_worker *w)
{
	ASSERT_RTNL();
	/* That of a dead thread is abandoned by whoever finds it. */
	mutex_lock(&w->stand_in_lock);
	if (engine && w->engine)
		engine->worker_del(w);
	mutex_unlock(&w->stand_in_lock);
}

/* An engine that leaves has taken its state off every worker before, under the same lock. */
void sluice_engine_worker_abandon(struct sluice_worker *w)
{
	lockdep_assert_held(&w->stand_in_lock);
	if (w->engine)
		engine->worker_abandon(w);
}

struct module *sluice_engine_pin(void)
{
	ASSERT_RTNL();
	return engine && try_module_get(engine->owner) ? engine->owner : NULL;
}

int sluice_engine_port_add(struct sluice_port *port)
{
	int err;

	ASSERT_RTNL();
	if (!engine)
		return 0;
	if (!try_module_get(engine->owner))
		return -ENODEV;
	err = sluice_engine_instance_add(port->inst);
	if (!err)
		err = engine->port_add(port);
	if (err) {
		module_put(engine->owner);
		return err;
	}
	sluice_port_serve(port, engine);
	return 0;
}

/*
 * Only after every worker forgot the port: its queues are detached and its uplink inbox is no
 * longer polled.
 */
int sluice_engine_port_del(struct sluice_port *port)
{
	int err;

	/* Not by engine_ops: a port that could not enter a namespace is held, but the engine's. */
	if (!port->engine)
		return 0;
	RCU_INIT_POINTER(port->engine_ops, NULL);
	err = engine->port_del(port);
	/* A worker that is stuck may be in its code. */
	if (!err)
		module_put(engine->owner);
	return err;
}

static void engine_release_all(void)
{
	struct sluice_instance *inst, *tmp;
	struct sluice_worker *w = NULL;
	struct sluice_port *port;
	unsigned long index;

	xa_for_each(&sluice_ports, index, port)
		sluice_engine_port_del(port);
	while ((w = sluice_worker_next(w)))
		sluice_engine_worker_del(w);
	list_for_each_entry_safe(inst, tmp, &engine_instances, engine_node)
		sluice_engine_instance_del(inst);
}

/* One whose thread is dead gets it with the next one: see worker_replace(). */
static int engine_adopt_worker(struct sluice_worker *w)
{
	int err = 0;

	mutex_lock(&w->stand_in_lock);
	if (!sluice_worker_dead(w))
		err = sluice_engine_worker_add(w);
	mutex_unlock(&w->stand_in_lock);
	return err;
}

static int engine_adopt_all(void)
{
	struct sluice_worker *w = NULL;
	struct sluice_port *port;
	unsigned long index;
	int err;

	while ((w = sluice_worker_next(w))) {
		err = engine_adopt_worker(w);
		if (err)
			return err;
	}
	xa_for_each(&sluice_ports, index, port) {
		err = sluice_engine_port_add(port);
		if (err)
			return err;
	}
	return 0;
}

int sluice_engine_register(const struct sluice_engine_ops *ops)
{
	int err;

	if (ops->abi != SLUICE_ENGINE_ABI)
		return -EPROTO;
	rtnl_lock();
	if (engine) {
		err = -EBUSY;
		goto unlock;
	}
	engine = ops;
	err = engine_adopt_all();
	if (err) {
		engine_release_all();
		engine = NULL;
	}
unlock:
	rtnl_unlock();
	return err;
}
SLUICE_EXPORT(sluice_engine_register);

/*
 * Its code goes next. That a worker may be in it, be it for want of a core, is known too late to
 * refuse.
 */
void sluice_engine_unregister(const struct sluice_engine_ops *ops)
{
	sluice_worker_sync_rtnl_lock();
	if (!WARN_ON_ONCE(engine != ops)) {
		engine_release_all();
		engine = NULL;
	}
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_engine_unregister);
