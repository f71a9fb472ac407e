/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stands between a guest and the wire, step by step.
 *
 * All that there is to know is read once, but for what is counted: that is read twice, a moment
 * apart. The steps then look at this view alone, and say what they found.
 */
#ifndef _SLUICE_TOOL_CHECK_H
#define _SLUICE_TOOL_CHECK_H

#include "sluice.h"

/* A step's verdict. REMARK: nothing is wrong as far as can be seen. */
enum verdict { FINE, REMARK, WRONG };

/**
 * struct view - what is there
 * @version: of module and engine
 * @ports: guest ports
 * @uplinks: uplinks
 * @workers: workers, after the moment
 * @hosts: may the caller see those?
 * @flows: flow rules
 * @guards: guards
 * @acls: access rules, and defaults
 * @rates: limits
 * @before: counters before the moment
 * @now: counters after it
 */
struct view {
	struct list version;
	struct list ports;
	struct list uplinks;
	struct list workers;
	bool hosts;
	struct list flows;
	struct list guards;
	struct list acls;
	struct list rates;
	struct list before;
	struct list now;
};

/**
 * struct check - of one port or uplink
 * @view: what is there
 * @port: it
 * @uplink: is it one?
 * @before: its counters
 * @now: likewise
 * @out: what is said
 * @wrong: is something wrong?
 */
struct check {
	const struct view *view;
	const struct rec *port;
	bool uplink;
	const struct rec *before;
	const struct rec *now;
	struct rec *out;
	bool wrong;
};

/* --- check.c --------------------------------------------------------------------------------- */

#define SAID_MAX 512

/* What a step found, in a sentence; @next: what to type if that is wrong, or "". */
__attribute__((format(printf, 5, 6))) void check_say(struct check *c, enum verdict how,
						     const char *step, const char *next,
						     const char *fmt, ...);
/* What to type; a static buffer, the next call's too. */
__attribute__((format(printf, 1, 2))) const char *check_type(const char *fmt, ...);

/* --- check_view.c ---------------------------------------------------------------------------- */

/* Prints what is wrong. @seconds: how long the moment is. */
bool view_take(struct view *v, unsigned int seconds);
void view_free(struct view *v);
/* How much it grew in the moment. */
uint64_t check_grown(const struct check *c, const char *field);
/* Dropped for this reason, or for all whose name begins so if it ends in "-". */
uint64_t check_dropped(const struct rec *stats, const char *reason);

/* --- check_host.c: what the host knows of a netdev and of who has it -------------------------- */

bool host_netdev(const char *name, bool *up, bool *carrier);
/* Who takes what comes out of it: a bridge, say, or the host itself; false: nobody. */
bool host_takes(const char *name, char *who, size_t size);
/* The one bridge that there is; false: none, or several. */
bool host_bridge(char *name, size_t size);
/* Is the module loaded? */
bool host_module(const char *name);
/* First process that has @path open, as "NAME (pid N)"; with @also too, if that is not NULL. */
bool host_holder(const char *path, const char *also, char *who, size_t size);
/* First entry of a directory whose name begins so; false: there is none. */
bool host_entry(const char *path, const char *prefix, char *name, size_t size);
/* First line of a file; "" if it cannot be read. */
void host_line(const char *path, char *line, size_t size);
/* Last part of where a link leads; "" likewise. */
void host_link(const char *path, char *name, size_t size);
/* Its PF, and its number there. False: it is no VF, or of one that is not seen here. */
bool host_vf(const char *dev, char *pf, size_t size, unsigned int *nr);

/* --- check_front.c, check_path.c, check_policy.c: steps --------------------------------------- */

void check_modules(struct check *c);
void check_worker(struct check *c);
void check_held(struct check *c);
void check_front_end(struct check *c);
void check_driver(struct check *c);
void check_link(struct check *c);
void check_way(struct check *c);
void check_vf(struct check *c, const struct rec *uplink);
void check_guard(struct check *c);
void check_acl(struct check *c);
void check_rate(struct check *c);
void check_drops(struct check *c);

#endif /* _SLUICE_TOOL_CHECK_H */
