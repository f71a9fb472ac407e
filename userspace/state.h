/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole states: what is there, and what a file declares. */
#ifndef _SLUICE_TOOL_STATE_H
#define _SLUICE_TOOL_STATE_H

#include "sluice.h"

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
 * @key: fields that name an item; two for the ends of a wire in either order
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
 * @later: it is no part of what is sent now
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
	bool later;
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
 * @host: what is there: the caller may see what is the host's
 */
struct state {
	struct items sec[SECTIONS];
	bool has[SECTIONS];
	bool host;
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
bool state_send(struct state *now, struct state *want);
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
bool rekey_all_go_on(const struct state *want);
void rekey_declare(struct rec *volume);
/* apply_each.c: volumes one by one; @on: only those on this device. Return: an exit code. */
int state_send_each(struct state *now, struct state *want, const char *on);

#endif /* _SLUICE_TOOL_STATE_H */
