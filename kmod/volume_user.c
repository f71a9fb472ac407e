// SPDX-License-Identifier: GPL-2.0-only
/* Who has a volume: front ends that hear of volumes, and claim them one at a time. */
#include <linux/rtnetlink.h>
#include "netlink.h"
#include "port.h"
#include "volume.h"

/* RTNL */
static LIST_HEAD(notifiers);
/* Written under RTNL. */
static bool enforce;

void sluice_volume_set_enforce(bool on)
{
	ASSERT_RTNL();
	WRITE_ONCE(enforce, on);
}

bool sluice_volume_enforce(void)
{
	return READ_ONCE(enforce);
}

struct sluice_volume *sluice_volume_get_by_name(const char *name)
{
	struct sluice_volume *v;

	rtnl_lock();
	v = sluice_volume_find(name);
	if (v)
		kref_get(&v->ref);
	rtnl_unlock();
	return v;
}
SLUICE_EXPORT(sluice_volume_get_by_name);

int sluice_volume_claim(struct sluice_volume *v, const struct sluice_volume_user *user, void *priv)
{
	int err = 0;

	/* The callback runs with RTNL held: so it is set and taken away with it. */
	rtnl_lock();
	mutex_lock(&v->lock);
	if (v->gone)
		err = -ENODEV;
	else if (v->user || v->rekey.opening)
		err = -EBUSY;
	else if (v->record.unresolved || v->erase.how)
		err = -EUCLEAN;
	else if (enforce && !v->cipher_bits)
		err = -ENOKEY;
	if (!err) {
		WRITE_ONCE(v->user, user);
		v->user_priv = priv;
	}
	mutex_unlock(&v->lock);
	rtnl_unlock();
	if (!err && !v->cipher_bits) {
		sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_PLAIN, v->name, 0);
	} else if (err == -ENOKEY) {
		sluice_netlink_volume_event(SLUICE_EVENT_VOLUME_REFUSED, v->name, 0);
		pr_warn_ratelimited("sluice: volume %s: has no key: not attached (enforce mode)\n",
				    v->name);
	} else if (err == -EUCLEAN) {
		pr_warn_ratelimited("sluice: volume %s: its %s is not finished: not attached\n",
				    v->name, READ_ONCE(v->erase.how) ? "wipe" : "re-encryption");
	}
	return err;
}
SLUICE_EXPORT(sluice_volume_claim);

void sluice_volume_release(struct sluice_volume *v)
{
	rtnl_lock();
	mutex_lock(&v->lock);
	WRITE_ONCE(v->user, NULL);
	v->user_priv = NULL;
	mutex_unlock(&v->lock);
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_volume_release);

bool sluice_volume_claimed(const struct sluice_volume *v)
{
	return READ_ONCE(v->user);
}
SLUICE_EXPORT(sluice_volume_claimed);

/* --- who wants to hear of them --------------------------------------------------------------- */

/* One whose re-encryption is to go on first, or that is to be wiped, comes after that. */
static bool volume_is_offered(const struct sluice_volume *v)
{
	return !v->gone && !v->record.unresolved && !v->erase.how;
}

void sluice_volume_tell(const struct sluice_volume *v, bool added)
{
	struct sluice_volume_notifier *n;

	ASSERT_RTNL();
	if (v->record.unresolved || v->erase.how)
		return;
	list_for_each_entry(n, &notifiers, node) {
		if (added)
			n->added(v->name);
		else
			n->removed(v->name);
	}
}

void sluice_volume_notifier_register(struct sluice_volume_notifier *n)
{
	struct sluice_volume *v = NULL;

	rtnl_lock();
	list_add_tail(&n->node, &notifiers);
	while ((v = sluice_volume_next(v))) {
		if (volume_is_offered(v))
			n->added(v->name);
	}
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_volume_notifier_register);

void sluice_volume_notifier_unregister(struct sluice_volume_notifier *n)
{
	struct sluice_volume *v = NULL;

	rtnl_lock();
	list_del(&n->node);
	while ((v = sluice_volume_next(v))) {
		if (volume_is_offered(v))
			n->removed(v->name);
	}
	rtnl_unlock();
}
SLUICE_EXPORT(sluice_volume_notifier_unregister);
