// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports of which something is declared that is fixed: with -f they go first, for their names are
 * wanted, and are made anew with the rest. If the kernel then refuses the rest, what was there
 * comes back.
 */
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include "state.h"

static bool anew_lacks(const struct item *port, const char *section)
{
	complain("%s cannot be made anew: it has something in '%s', and the state no such list",
		 port->key, section);
	return false;
}

/* Is all declared that goes with it? Else nobody would make it again, be it what it may not do. */
static bool all_is_said(const struct state *now, const struct state *want, const struct item *port)
{
	const struct item *item;
	enum section_nr nr;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		/* Those that are not said are made by the kernel. */
		if (nr == SEC_ASSIGN)
			continue;
		for (i = 0; !want->scope[nr] && i < now->sec[nr].nr; i++) {
			item = &now->sec[nr].v[i];
			if (!item_is_about(nr, item, port->key) &&
			    (nr != SEC_FLOW || !item_outputs(item, port->key)))
				continue;
			return anew_lacks(port, sections[nr].obj->name);
		}
	}
	return true;
}

/* What it is, and is not said otherwise, it is again. */
static void port_keep(const struct item *have, struct item *want)
{
	static const char *const fields[] = { "mac", "mtu", "control", "link" };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (rec_has(have->rec, fields[i]) && !rec_has(want->rec, fields[i]))
			rec_set(want->rec, rec_field(want->rec->obj, fields[i]),
				rec_text(have->rec, fields[i]));
	}
}

static bool may_be_anew(const struct state *now, const struct state *want, const struct item *port)
{
	/* Nobody would put it back. */
	if (rec_has(port->rec, "quarantine")) {
		complain("port %s is in quarantine, and not made anew: see 'sluice port release'",
			 port->key);
		return false;
	}
	return all_is_said(now, want, port);
}

unsigned int anew_look(struct state *now, const struct state *want)
{
	struct lh_table *t = items_table(&want->sec[SEC_PORT]);
	struct item *have, *declared;
	unsigned int stay = 0;
	size_t i;

	for (i = 0; i < now->sec[SEC_PORT].nr; i++) {
		have = &now->sec[SEC_PORT].v[i];
		declared = items_find(t, have->key);
		if (!declared || queues_are(have, declared))
			continue;
		have->again = may_be_anew(now, want, have);
		stay += !have->again;
		if (have->again)
			port_keep(have, declared);
	}
	lh_table_free(t);
	return stay;
}

static bool port_del(const struct item *port)
{
	struct nl_msg *msg = ctl_new(SLUICE_CMD_PORT_DEL);

	nla_put_string(msg, SLUICE_A_PORT_NAME, port->key);
	return ctl_do(msg, NULL, NULL);
}

static unsigned int ports_go(const struct state *now)
{
	const struct items *ports = &now->sec[SEC_PORT];
	unsigned int gone = 0;
	size_t i;

	for (i = 0; i < ports->nr; i++)
		gone += ports->v[i].again && port_del(&ports->v[i]);
	return gone;
}

/* --- there and back -------------------------------------------------------------------------- */

static void forget_match(struct state *s)
{
	enum section_nr nr;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		for (i = 0; i < s->sec[nr].nr; i++) {
			s->sec[nr].v[i].same = false;
			if (nr != SEC_PORT)
				s->sec[nr].v[i].again = false;
		}
	}
}

/* Would it be sent? Ahead of what cannot be taken back. */
static bool would_be_sent(struct state *now, struct state *want)
{
	bool dry = want->dry, ok;

	want->dry = true;
	state_match(now, want);
	ok = state_send(now, want);
	want->dry = dry;
	forget_match(now);
	forget_match(want);
	return ok;
}

static bool any_again(const struct items *ports)
{
	size_t i;

	for (i = 0; i < ports->nr && !ports->v[i].again; i++)
		;
	return i < ports->nr;
}

bool anew_begin(struct state *now, struct state *want, struct state *before)
{
	if (want->dry || !any_again(&now->sec[SEC_PORT]))
		return true;
	if (!would_be_sent(now, want))
		return false;
	ports_go(now);
	*before = *now;
	return state_collect(now);
}

static void all_but_hosts(struct state *s)
{
	enum section_nr nr;
	size_t i;

	for (nr = 0; nr < SECTIONS; nr++) {
		s->scope[nr] = !state_is_hosts(nr) || nr == SEC_ASSIGN;
		for (i = 0; i < s->sec[nr].nr; i++) {
			s->sec[nr].v[i].later = !s->scope[nr];
			s->sec[nr].v[i].held = false;
		}
	}
}

void anew_back(struct state *before)
{
	struct state now = {};

	if (!before->sec[SEC_PORT].nr || !state_collect(&now))
		return;
	forget_match(before);
	all_but_hosts(before);
	all_but_hosts(&now);
	state_match(&now, before);
	if (state_send(&now, before) && !links_set(before))
		complain("what was there is there again; who had a port has to open it again");
	else
		complain("what was there did not come back: see 'sluice diff'");
	state_free(&now);
}
