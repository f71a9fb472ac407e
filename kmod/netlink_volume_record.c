// SPDX-License-Identifier: GPL-2.0-only
/* A volume's record in messages. */
#include <linux/uuid.h>
#include "netlink_ops.h"
#include "volume.h"

struct record_step {
	struct sluice_step step;
	struct sluice_volume *volume;
};

int sluice_nl_volume_get_record(struct sluice_change *c, struct sluice_volume_params *p)
{
	struct nlattr *start = c->attrs[SLUICE_A_VOLUME_RECORD_START];
	struct nlattr *path = c->attrs[SLUICE_A_VOLUME_RECORD];

	if (start)
		p->record_start = nla_get_uint(start);
	p->record_new = nla_get_flag(c->attrs[SLUICE_A_VOLUME_RECORD_NEW]);
	p->resume = nla_get_flag(c->attrs[SLUICE_A_VOLUME_RESUME]);
	if (path && strcmp(nla_data(path), "none"))
		p->record = nla_data(path);
	if (!p->record && (p->record_start || p->record_new || p->resume || p->key_before)) {
		NL_SET_ERR_MSG(c->extack, "that means nothing without a record: name its device");
		return -EINVAL;
	}
	if (p->record && *p->record != '/') {
		NL_SET_ERR_MSG_ATTR(c->extack, path, "name the device by its full path: /dev/...");
		return -EINVAL;
	}
	if (p->record_new && (p->read_only || p->resume || p->key_before)) {
		NL_SET_ERR_MSG(c->extack,
			       "a new record needs a volume that is written, with nothing to resume");
		return -EINVAL;
	}
	if (p->record_new && c->txn) {
		NL_SET_ERR_MSG(c->extack,
			       "a new record cannot be undone: not within a transaction");
		return -EOPNOTSUPP;
	}
	return 0;
}

static int record_undo_set(struct sluice_step *step)
{
	sluice_volume_record_revert(container_of(step, struct record_step, step)->volume);
	return 0;
}

static int record_step_keep(struct sluice_step *step)
{
	sluice_volume_record_keep(container_of(step, struct record_step, step)->volume);
	return 0;
}

/* What the one that it had occupied is free at the end. */
static int record_set(struct sluice_change *c, struct sluice_volume *v,
		      const struct sluice_volume_params *p)
{
	struct record_step *undo, *later;
	int err;

	if (!c->txn) {
		err = sluice_volume_record_set(v, p, c->extack);
		if (!err)
			sluice_volume_record_keep(v);
		return err;
	}
	undo = sluice_change_undo(c, sizeof(*undo), record_undo_set);
	if (IS_ERR(undo))
		return PTR_ERR(undo);
	later = sluice_change_defer(c, sizeof(*later), record_step_keep);
	if (IS_ERR(later))
		return PTR_ERR(later);
	undo->volume = v;
	later->volume = v;
	err = sluice_volume_record_set(v, p, c->extack);
	undo->step.armed = !err;
	return err;
}

int sluice_nl_volume_set_record(struct sluice_change *c, struct sluice_volume *v)
{
	struct sluice_volume_params p = { .read_only = v->read_only };
	int err;

	if (!c->attrs[SLUICE_A_VOLUME_RECORD] && !c->attrs[SLUICE_A_VOLUME_RECORD_START] &&
	    !c->attrs[SLUICE_A_VOLUME_RECORD_NEW] && !c->attrs[SLUICE_A_VOLUME_RESUME])
		return 0;
	err = sluice_nl_volume_get_record(c, &p);
	return err ?: record_set(c, v, &p);
}

int sluice_nl_volume_put_record(struct sk_buff *skb, const struct sluice_volume *v)
{
	const struct sluice_volume_record *r = &v->record;
	char uuid[UUID_STRING_LEN + 1];

	if (!r->path)
		return nla_put_string(skb, SLUICE_A_VOLUME_RECORD, "none");
	snprintf(uuid, sizeof(uuid), "%pUb", r->now.uuid);
	if (nla_put_string(skb, SLUICE_A_VOLUME_RECORD, r->path) ||
	    nla_put_uint(skb, SLUICE_A_VOLUME_RECORD_START, r->start) ||
	    nla_put_string(skb, SLUICE_A_VOLUME_RECORD_UUID, uuid) ||
	    (r->resume && nla_put_flag(skb, SLUICE_A_VOLUME_RESUME)) ||
	    (r->unresolved && nla_put_flag(skb, SLUICE_A_VOLUME_UNRESOLVED)))
		return -EMSGSIZE;
	return 0;
}
