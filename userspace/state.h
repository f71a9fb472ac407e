/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole states: what is there, and what a file declares. */
#ifndef _SLUICE_TOOL_STATE_H
#define _SLUICE_TOOL_STATE_H

#include "sluice.h"

struct lh_table;

#define STATE_VERSION 2
/* Of this one what a file did not speak of went. */
#define STATE_VERSION_OLD 1

/* Sections of a state, in the order in which they are written. */
enum section_nr {
	SEC_WORKER,
	SEC_VOLUME_MODE,
	SEC_VOLUME_GROUP,
	SEC_VOLUME,
	SEC_PORT,
	SEC_UPLINK,
	SEC_ASSIGN,
	SEC_WIRE,
	SEC_GUARD,
	SEC_ACL_DEFAULT,
	SEC_ACL,
	SEC_RATE,
	SEC_METER,
	SEC_FLOW,
	SECTIONS
};

/**
 * struct section - a section
 * @obj: of its items
 * @key: fields that name an item
 * @add: noun and verb of the command that makes an item
 */
struct section {
	const struct object *obj;
	const char *key[3];
	const char *add[2];
};

extern const struct section sections[SECTIONS];
/* Is it about what is the host's, whatever the namespace? */
bool state_is_hosts(enum section_nr nr);

/* Of what is there: goes, or stays. Of what is declared: the others. */
enum fate { FATE_STAYS, FATE_COMES, FATE_CHANGES, FATE_GOES };

/**
 * struct item - an object of a state
 * @key: what it is known by
 * @canon: what it is, but for a flow's id
 * @rec: its values; NULL for flows, as there may be a million
 * @json: as it was read or is written
 * @rekey: of a volume: how it gets the key that it is to have; NULL: it has it
 * @before: the key that it had, if there is @rekey
 * @id: of a flow; 0 if none was said
 * @same: it is in the other state, equal
 * @again: likewise, but it goes and comes back with something that changes
 * @later: it is no part of what is sent now
 * @held: it is not made now: it waits for something, or was refused
 * @sent: it was a part of what was sent, or would have been
 * @fate: what becomes of it
 * @was: FATE_CHANGES: what is there
 */
struct item {
	char *key;
	char *canon;
	struct rec *rec;
	struct json_object *json;
	struct rec *rekey;
	char *before;
	uint32_t id;
	bool same;
	bool again;
	bool later;
	bool held;
	bool sent;
	enum fate fate;
	const struct item *was;
};

struct items {
	struct item *v;
	size_t nr;
	size_t room;
};

/**
 * struct state - a state
 * @sec: its sections
 * @has: a file has the section
 * @scope: what is declared: it says all that there is to be of the section
 * @host: what is there: the caller may see what is the host's
 * @version: of the file that is being read; 0: it does not say
 * @files: how many it was read from
 * @all_old: each of them is of the version of before
 * @unversioned: one of them does not say of which
 * @dry: it is not to be made, only looked what would be sent
 */
struct state {
	struct items sec[SECTIONS];
	bool has[SECTIONS];
	bool scope[SECTIONS];
	bool host;
	int version;
	unsigned int files;
	bool all_old;
	bool unversioned;
	bool dry;
};

/**
 * struct manner - how a state is applied
 * @each: volumes one by one, and what cannot be made is held back
 * @on: only what is on this device; NULL: all that is declared
 * @force: what somebody uses may go, and what is fixed is made anew
 * @dry: say what would be done, and do nothing
 */
struct manner {
	bool each;
	const char *on;
	bool force;
	bool dry;
};

/* Takes @r. */
struct item *state_add(struct state *s, enum section_nr nr, struct rec *r,
		       struct json_object *json);
void state_free(struct state *s);
/* What is there now. */
bool state_collect(struct state *s);
/* Which object the words before were about. */
void item_blame(enum section_nr nr, struct json_object *json);
/* Add the declared state in a file, or in standard input. */
bool state_read(struct state *s, const char *path);

/* apply.c: which items are the same; then send the others, as one transaction. */
void state_match(struct state *now, struct state *want);
/* Is all that is declared of it so? */
bool item_covers(const struct item *now, const struct item *want);
bool state_send(struct state *now, struct state *want);
/* What was sent is not spoken of any more. */
void state_forget(void);
/* Where a volume's record begins. */
const char *record_start(const struct rec *volume);
/*
 * apply_rekey.c: volumes that get another key. read: what a file says of it; match: compare it with
 * one that is there; go_on: of one that is there; declare: as a file says it. read and go_on
 * complain.
 */
bool rekey_read(struct item *item);
void rekey_match(const struct item *have, struct item *want);
bool rekey_go_on(const struct item *want);
/* Would that do something? */
bool rekey_is_due(const struct item *want, const struct rec *have);
bool rekey_all_go_on(const struct state *want);
void rekey_declare(struct rec *volume);
/* Does a value that is there go if it is not declared? */
bool absence_counts(const struct object *obj, const char *field);
/*
 * The ports that an item is about (not what a flow gives packets to), or NULL, in @ports. The
 * item's own text; of a flow a static buffer.
 */
void item_ports(enum section_nr nr, const struct item *item, const char *ports[2]);
/* Items by their key, and the first of a key: NULL if there is none. */
struct lh_table *items_table(const struct items *items);
struct item *items_find(struct lh_table *t, const char *key);
/* Likewise, for who looks once. */
struct item *item_find(const struct items *items, const char *key);
/* Has the port as many queues as are declared? */
bool queues_are(const struct item *have, const struct item *want);
/* apply_each.c: volumes one by one. Return: an exit code. */
int state_send_each(struct state *now, struct state *want, const struct manner *m);
/* Is there a netdev of that name, to be had? Does the uplink, which is there, wait for its own? */
bool hold_is_there(const char *dev);
bool hold_waits(const struct item *uplink);
/*
 * apply_hold.c: what is not to be done now. All complain. may_go: nobody uses what goes; keep: what
 * somebody uses stays; fixed: what would have to be made anew is as it is; about_nothing: what is
 * about a port that is neither there nor declared is left out; tell_waiting: uplinks without their
 * VF. Those return how many; keep comes ahead of about_nothing. @late: what waits with a port that
 * is held back.
 */
bool hold_may_go(const struct state *now, const struct state *want);
unsigned int hold_keep(struct state *now, struct state *want);
unsigned int hold_fixed(const struct state *now, struct state *want, bool say);
unsigned int hold_about_nothing(struct state *now, struct state *want, unsigned int *late);
unsigned int hold_tell_waiting(const struct state *now, struct state *want);
/*
 * apply_anew.c: ports that are to be made anew. look: they are marked, and what is not declared of
 * them is as it is; return: how many cannot be. begin: they go, and @before is what was there;
 * back: it comes back, if they went. Complain.
 */
unsigned int anew_look(struct state *now, const struct state *want);
bool anew_begin(struct state *now, struct state *want, struct state *before);
void anew_back(struct state *before);
/* Is it about that port? Not what a flow gives packets to. */
bool item_is_about(enum section_nr nr, const struct item *item, const char *name);
/* Does a flow give packets to that port? */
bool item_outputs(const struct item *flow, const char *name);
/* apply_link.c: netdevs are set up, or down. Return: how many were not. Complains. */
unsigned int links_set(const struct state *want);
/* plan.c: what becomes of each item, after state_match(). */
void plan_make(struct state *now, struct state *want);
void plan_print(const struct state *now, const struct state *want);
/* The last line of each. Return: is there anything to do? */
bool plan_sum(const struct state *now, const struct state *want);

#endif /* _SLUICE_TOOL_STATE_H */
