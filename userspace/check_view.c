// SPDX-License-Identifier: GPL-2.0-only
/* What "check" looks at: all that is there, and what was counted at two moments. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "check.h"

static void list_add(struct list *l, struct rec *r)
{
	l->v = realloc(l->v, (l->nr + 1) * sizeof(*l->v));
	if (!l->v)
		abort();
	l->v[l->nr++] = r;
}

static void list_free(struct list *l)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		rec_free(l->v[i]);
	free(l->v);
	memset(l, 0, sizeof(*l));
}

const char *rec_word(const struct rec *r, const char *field)
{
	const struct value *v = rec_value(r, field);

	if (!rec_has(r, field))
		return "";
	return v->text ? v->text : (const char *)v->bytes;
}

const struct rec *list_find(const struct list *l, const char *field, const char *text)
{
	size_t i;

	for (i = 0; i < l->nr; i++) {
		if (!strcmp(rec_text(l->v[i], field), text))
			return l->v[i];
	}
	return NULL;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
	const struct object *obj;
	struct list *into;
};

static void one_read(struct nlattr *attrs, int len, void *arg)
{
	const struct reading *what = arg;
	struct rec *r = rec_new(what->obj);

	if (rec_get(r, attrs, len))
		list_add(what->into, r);
	else
		rec_free(r);
}

static bool list_read(struct list *l, int cmd, const struct object *obj)
{
	struct reading what = { .obj = obj, .into = l };
	bool changed;

	return ctl_dump(ctl_new(cmd), one_read, &what, &changed);
}

static bool kind_read(struct list *l, const struct object *obj, unsigned int kind)
{
	struct reading what = { .obj = obj, .into = l };
	struct nl_msg *msg = ctl_new(SLUICE_CMD_PORT_GET);
	bool changed;

	nla_put_u8(msg, SLUICE_A_PORT_KIND, kind);
	return ctl_dump(msg, one_read, &what, &changed);
}

static bool version_read(struct list *l)
{
	struct reading what = { .obj = &object_version, .into = l };

	return ctl_do(ctl_new(SLUICE_CMD_VERSION_GET), one_read, &what) && l->nr;
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

uint64_t rec_count(const struct rec *r, const char *field)
{
	return r && rec_has(r, field) ? rec_value(r, field)->n : 0;
}

/* A port that was made anew counts from 0. */
static uint64_t grown(uint64_t before, uint64_t now)
{
	return now >= before ? now - before : now;
}

uint64_t check_grown(const struct check *c, const char *field)
{
	return grown(rec_count(c->before, field), rec_count(c->now, field));
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
