// SPDX-License-Identifier: GPL-2.0-only
/* What "check" looks at: all that is there, and what was counted at two moments. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"

/* --- reading --------------------------------------------------------------------------------- */

static bool kind_read(struct list *l, const struct object *obj, unsigned int kind)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_PORT_GET);

	nla_put_u8(msg, SLUICE_A_PORT_KIND, kind);
	return list_dump(l, msg, obj);
}

static bool version_read(struct list *l)
{
	return list_ask(l, ctl_new(SLUICE_CMD_VERSION_GET), &object_version) && l->nr;
}

static bool workers_read(struct view *v)
{
	v->hosts = ctl_may_dump(SLUICE_CMD_WORKER_GET);
	return !v->hosts || list_read(&v->workers, SLUICE_CMD_WORKER_GET, &object_worker);
}

static bool policy_read(struct view *v)
{
	return list_read(&v->flows, SLUICE_CMD_FLOW_GET, &object_flow) &&
	       list_read(&v->guards, SLUICE_CMD_GUARD_GET, &object_guard) &&
	       list_read(&v->acls, SLUICE_CMD_ACL_GET, &object_acl) &&
	       list_read(&v->rates, SLUICE_CMD_RATE_GET, &object_rate);
}

bool view_take(struct view *v, unsigned int seconds)
{
	if (!version_read(&v->version) ||
	    !list_read(&v->before, SLUICE_CMD_STATS_GET, &object_stats))
		return false;
	if (v->before.nr)
		sleep(seconds);
	return list_read(&v->now, SLUICE_CMD_STATS_GET, &object_stats) &&
	       kind_read(&v->ports, &object_port, SLUICE_KIND_GUEST) &&
	       kind_read(&v->uplinks, &object_uplink, SLUICE_KIND_UPLINK) && workers_read(v) &&
	       policy_read(v);
}

void view_free(struct view *v)
{
	struct list *all[] = { &v->version, &v->ports, &v->uplinks, &v->workers, &v->flows,
			       &v->guards,  &v->acls,  &v->rates,   &v->before,	 &v->now };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		list_free(all[i]);
}

/* --- counters -------------------------------------------------------------------------------- */

uint64_t check_grown(const struct check *c, const char *field)
{
	return count_grown(rec_count(c->before, field), rec_count(c->now, field));
}

uint64_t check_dropped(const struct rec *stats, const char *reason)
{
	const struct value *drops = stats ? rec_value(stats, "drop") : NULL;
	size_t len = strlen(reason);
	bool many = len && reason[len - 1] == '-';
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; drops && i < drops->nr; i++) {
		const char *tag = rec_word(drops->rec[i], "tag");

		if (many ? !strncmp(tag, reason, len) : !strcmp(tag, reason))
			sum += rec_count(drops->rec[i], "packets");
	}
	return sum;
}
