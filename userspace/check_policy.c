// SPDX-License-Identifier: GPL-2.0-only
/* Steps of "check" about what policy, and all else, drops of what the guest really sends. */
#include <stdio.h>
#include <string.h>
#include "check.h"

/* Below these nobody's network works, whatever was meant. */
#define LEAST_BPS 64000
#define LEAST_PPS 20
/* Behind all rules comes the default. */
#define LAST (UINT32_MAX + 1ULL)

static const char *name_of(const struct check *c)
{
	return rec_word(c->port, "name");
}

static uint64_t dropped_now(const struct check *c, const char *reason)
{
	return count_grown(check_dropped(c->before, reason), check_dropped(c->now, reason));
}

/*
 * How bad it is that so many were dropped, of so many. What goes on counts; where nothing came in
 * this moment, nearly all that ever came has to be dropped for it to be wrong.
 */
static enum verdict judge(uint64_t grown, uint64_t of_grown, uint64_t all, uint64_t of_all)
{
	if (grown)
		return grown >= (of_grown + 1) / 2 ? WRONG : REMARK;
	if (!all)
		return FINE;
	return !of_grown && all >= of_all - of_all / 10 ? WRONG : REMARK;
}

static enum verdict judge_from(const struct check *c, const char *reason)
{
	return judge(dropped_now(c, reason), check_grown(c, "from-guest-packets"),
		     check_dropped(c->now, reason), rec_count(c->now, "from-guest-packets"));
}

/* What the kernel says of the reason that most frames were dropped for, of those with this name. */
static const struct rec *most_dropped(const struct check *c, const char *prefix)
{
	const struct value *drops = c->now ? rec_value(c->now, "drop") : NULL;
	const struct rec *most = NULL;
	unsigned int i;

	for (i = 0; drops && i < drops->nr; i++) {
		const struct rec *d = drops->rec[i];
		uint64_t now = dropped_now(c, rec_word(d, "tag"));

		if (strncmp(rec_word(d, "tag"), prefix, strlen(prefix)))
			continue;
		if (!most || now > dropped_now(c, rec_word(most, "tag")) ||
		    (now == dropped_now(c, rec_word(most, "tag")) &&
		     rec_count(d, "packets") > rec_count(most, "packets")))
			most = d;
	}
	return most;
}

/* --- the guard ------------------------------------------------------------------------------- */

static bool guard_knows(const struct rec *guard, const char *mac)
{
	const struct value *macs = rec_value(guard, "mac");
	unsigned int i;
	char text[32];

	for (i = 0; i < macs->nr; i++) {
		format_mac(macs->item[i].bytes, text, sizeof(text));
		if (!strcmp(text, mac))
			return true;
	}
	return !macs->nr;
}

/* The same guard with this address in the place of those that it has. */
/* False: it does not fit, and half of it would be another guard. */
static bool guard_type(const struct rec *guard, const char *mac, char *buf, size_t size)
{
	size_t len = snprintf(buf, size, "sluice guard set port %s mac %s",
			      rec_word(guard, "port"), mac);
	const struct field *f = guard->obj->fields;
	char text[TEXT_MAX];
	unsigned int i, k;

	for (i = rec_field(guard->obj, "mac") + 1; i < guard->obj->nr_fields; i++) {
		const struct value *v = &guard->v[i];
		bool list = f[i].flags & F_MULTI;

		if (!(guard->has & FIELD(i)))
			continue;
		for (k = 0; k < (list ? v->nr : 1) && len < size; k++) {
			f[i].codec->format(list ? &v->item[k] : v, text, sizeof(text));
			len += snprintf(buf + len, size - len, " %s%s%s",
					f[i].flags & F_BARE ? "" : f[i].name,
					f[i].flags & F_BARE || f[i].codec == &codec_flag ? "" : " ",
					f[i].codec == &codec_flag ? "" : text);
		}
	}
	return len < size;
}

static void guard_say(struct check *c, const struct rec *guard, enum verdict verdict)
{
	const struct rec *why = most_dropped(c, "guard-");
	const char *mac = rec_text(c->port, "mac");
	char next[SAID_MAX];

	if (strcmp(rec_word(why, "tag"), "guard-mac") || guard_knows(guard, mac) ||
	    !guard_type(guard, mac, next, sizeof(next)))
		snprintf(next, sizeof(next), "sluice guard show port %s", name_of(c));
	check_say(c, verdict, "guard", next,
		  "it dropped %llu of %llu packets from the guest, %llu of them just now: %s",
		  (unsigned long long)check_dropped(c->now, "guard-"),
		  (unsigned long long)rec_count(c->now, "from-guest-packets"),
		  (unsigned long long)dropped_now(c, "guard-"), rec_word(why, "text"));
}

void check_guard(struct check *c)
{
	const struct rec *guard = list_find(&c->view->guards, "port", name_of(c));
	enum verdict verdict = judge_from(c, "guard-");

	if (!guard)
		check_say(c, FINE, "guard", "", "there is none");
	else if (verdict == FINE)
		check_say(c, FINE, "guard", "", "it dropped nothing");
	else
		guard_say(c, guard, verdict);
}

/* --- the access list ------------------------------------------------------------------------- */

static bool acl_is(const struct check *c, const struct rec *rule, const char *dir)
{
	return !strcmp(rec_word(rule, "port"), name_of(c)) && !strcmp(rec_text(rule, "dir"), dir);
}

static bool is_allow(const struct rec *rule)
{
	return rec_value(rule, "verdict")->n == SLUICE_VERDICT_ALLOW;
}

/* Does a rule match every frame? */
static bool rule_takes_all(const struct rec *rule)
{
	static const char *const others[] = { "port",	 "dir",	    "prio",
					      "verdict", "packets", "bytes" };
	__uint128_t has = rule->has;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		has &= ~FIELD(rec_field(rule->obj, others[i]));
	return !has;
}

/* The rule, or the default, because of which nothing at all passes; NULL: something does. */
static const struct rec *acl_stops(const struct check *c, const char *dir)
{
	const struct list *l = &c->view->acls;
	const struct rec *stop = NULL;
	uint64_t prio = UINT64_MAX;
	size_t i;

	for (i = 0; i < l->nr; i++) {
		const struct rec *rule = l->v[i];
		uint64_t at = rec_has(rule, "default") ? LAST : rec_count(rule, "prio");

		if (!acl_is(c, rule, dir) || is_allow(rule) || at >= prio ||
		    !(rec_has(rule, "default") || rule_takes_all(rule)))
			continue;
		stop = rule;
		prio = at;
	}
	for (i = 0; stop && i < l->nr; i++) {
		if (acl_is(c, l->v[i], dir) && is_allow(l->v[i]) &&
		    !rec_has(l->v[i], "default") && rec_count(l->v[i], "prio") < prio)
			return NULL;
	}
	return stop;
}

/* True: said. */
static bool acl_stop_say(struct check *c, const char *dir)
{
	const struct rec *stop = acl_stops(c, dir);
	const char *next;

	if (!stop)
		return false;
	if (rec_has(stop, "default"))
		next = check_type("sluice acl default port %s dir %s allow", name_of(c), dir);
	else
		next = check_type("sluice acl del port %s dir %s prio %s", name_of(c), dir,
				  rec_text(stop, "prio"));
	check_say(c, WRONG, "acl", next, "the list %s lets nothing pass: no rule allows",
		  dir);
	return true;
}

static uint64_t moved_all(const struct rec *stats)
{
	return rec_count(stats, "from-guest-packets") + rec_count(stats, "to-guest-packets");
}

void check_acl(struct check *c)
{
	uint64_t now = dropped_now(c, "acl") + dropped_now(c, "acl-default");
	uint64_t all = check_dropped(c->now, "acl") + check_dropped(c->now, "acl-default");
	uint64_t moved = check_grown(c, "from-guest-packets") + check_grown(c, "to-guest-packets");
	bool stops = acl_stop_say(c, "from-guest");
	enum verdict verdict = judge(now, moved, all, moved_all(c->now));

	stops = acl_stop_say(c, "to-guest") || stops;
	if (stops)
		return;
	if (verdict == FINE)
		check_say(c, FINE, "acl", "", "the list denied nothing");
	else
		check_say(c, verdict, "acl",
			  check_type("sluice -s acl show port %s", name_of(c)),
			  "the list denied %llu packets, %llu of them just now",
			  (unsigned long long)all, (unsigned long long)now);
}

/* --- limits ---------------------------------------------------------------------------------- */

static bool rate_is_least(const struct rec *rate)
{
	return (rec_has(rate, "bps") && rec_count(rate, "bps") < LEAST_BPS) ||
	       (rec_has(rate, "pps") && rec_count(rate, "pps") < LEAST_PPS);
}

static void rate_say(struct check *c, const struct rec *rate)
{
	const char *dir = rec_text(rate, "dir");
	bool to = !strcmp(dir, "to-guest");
	uint64_t waits = check_grown(c, to ? "to-guest-throttled" : "from-guest-throttled");
	uint64_t drops = to ? dropped_now(c, "rate") : 0;
	const char *next = check_type("sluice rate off port %s dir %s", name_of(c), dir);

	if (rate_is_least(rate))
		check_say(c, WRONG, "rate", next,
			  "the limit %s is so low that hardly anything passes", dir);
	else if (drops)
		check_say(c, judge(drops, check_grown(c, "to-guest-packets") + drops, 0, 0),
			  "rate", next, "the limit %s dropped %llu packets just now", dir,
			  (unsigned long long)drops);
	else if (waits)
		check_say(c, REMARK, "rate", "", "more is sent than the limit %s lets pass",
			  dir);
	else
		check_say(c, FINE, "rate", "", "the limit %s had nothing to do just now", dir);
}

void check_rate(struct check *c)
{
	const struct list *l = &c->view->rates;
	size_t i, seen = 0;

	for (i = 0; i < l->nr; i++) {
		if (strcmp(rec_word(l->v[i], "port"), name_of(c)))
			continue;
		rate_say(c, l->v[i]);
		seen++;
	}
	if (!seen)
		check_say(c, FINE, "rate", "", "there is no limit");
}

/* --- all else -------------------------------------------------------------------------------- */

/* What to look at next; the port's name follows a command that ends in "%". */
static const struct {
	const char *tag;
	const char *next;
	bool harmless;
} reasons[] = {
	{ "malformed", "sluice stats %", false },
	{ "bad-vnet-hdr", "sluice stats %", false },
	{ "too-long", "in the guest: ip link set eth0 mtu 1500", false },
	{ "meter", "sluice -s meter show", false },
	{ "flow", "sluice -s flow show", true },
	{ "no-port", "sluice -s flow show", false },
	{ "loop", "sluice flow show", false },
	{ "rx-full", "in the guest: ethtool -G eth0 rx 1024", false },
	{ "rx-down", "sluice port show %", false },
	{ "inbox-full", "sluice -s worker show", false },
	{ "uplink-down", "sluice uplink show", false },
	{ "uplink-busy", "sluice uplink show", false },
	{ "action", "sluice -s flow show", false },
	{ "ring", "sluice port show %", false },
	{ "held", "sluice port show %", false },
	{ "rx-filter", "", true },
	{ "down", "ip link show %", false },
	{ "control", "sluice port show %", true },
	{ "hops", "sluice wire show", false },
};

static const char *reason_next(const struct check *c, const char *tag, bool *harmless)
{
	unsigned int i;

	*harmless = false;
	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		size_t len = strlen(reasons[i].next);

		if (strcmp(reasons[i].tag, tag))
			continue;
		*harmless = reasons[i].harmless;
		if (!len || reasons[i].next[len - 1] != '%')
			return reasons[i].next;
		return check_type("%.*s%s", (int)len - 1, reasons[i].next, name_of(c));
	}
	return check_type("sluice stats %s", name_of(c));
}

/* Policy has steps of its own. */
static bool is_policy(const char *tag)
{
	return !strncmp(tag, "guard-", 6) || !strncmp(tag, "acl", 3) || !strcmp(tag, "rate");
}

static bool drop_say(struct check *c, const struct rec *d)
{
	const char *tag = rec_word(d, "tag");
	uint64_t now = dropped_now(c, tag);
	enum verdict verdict = REMARK;
	const char *next;
	bool harmless;

	if (is_policy(tag))
		return false;
	next = reason_next(c, tag, &harmless);
	if (now && !harmless)
		verdict = judge(now, check_grown(c, "from-guest-packets") +
				check_grown(c, "to-guest-packets"), 0, 0);
	/* What is over only tells what was. */
	check_say(c, verdict, "drops", now ? next : "",
		  "%s packets, %llu of them just now: %s", rec_text(d, "packets"),
		  (unsigned long long)now, rec_word(d, "text"));
	return true;
}

#define DROPS_SHOWN 3

void check_drops(struct check *c)
{
	const struct value *drops = c->now ? rec_value(c->now, "drop") : NULL;
	unsigned int i, said = 0;
	uint64_t bound = UINT64_MAX;

	/* The most frequent first; those of the same number in the kernel's order. */
	while (drops && said < DROPS_SHOWN && bound) {
		uint64_t next = 0;

		for (i = 0; i < drops->nr && said < DROPS_SHOWN; i++) {
			uint64_t n = rec_count(drops->rec[i], "packets");

			if (n == bound)
				said += drop_say(c, drops->rec[i]);
			else if (n < bound && n > next)
				next = n;
		}
		bound = next;
	}
	if (!said)
		check_say(c, FINE, "drops", "", "nothing else was dropped");
}
